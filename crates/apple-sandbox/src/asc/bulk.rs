//! `POST /v1/bulkBetaTesterAssignments`, which no document of Apple's has: fastlane's `pilot` adds testers to a group by it,
//! with a key and with a session (spaceship 2.146 to 2.237, `post_bulk_beta_tester_assignments`).

use serde_json::{Map, Value, json};

use super::body::Draft;
use super::objects::Key;
use super::rules::{self, Change};
use super::{Outcome, Request};
use crate::answer::{Refusal, answer};
use crate::state::State;

pub(crate) const PATH: &str = "/v1/bulkBetaTesterAssignments";

const KIND: &str = "bulkBetaTesterAssignments";

/// Adds people to a group, each of them once.
pub(crate) fn assign(request: &Request<'_>, state: &mut State) -> Outcome {
    let body = request.json()?;
    let data = &body["data"];
    if data["type"] != KIND {
        let words = format!(
            "'{}' is not a valid type for this request; it is '{KIND}'",
            data["type"]
        );
        return Err(Refusal::entity("ENTITY_ERROR.TYPE.INVALID", words).at("/data/type"));
    }
    let group = &data["relationships"]["betaGroup"]["data"];
    let group = Key::new("betaGroups", group["id"].as_str().unwrap_or_default());
    if state.objects.get(&group.kind, &group.id).is_none() {
        return Err(Refusal::relationship("betaGroup", rules::missing(&group)));
    }
    let Some(people) = data["attributes"]["betaTesters"]
        .as_array()
        .filter(|all| !all.is_empty())
    else {
        return Err(Refusal::needs_attribute("betaTesters"));
    };
    let is_address = |person: &Value| person["email"].as_str().is_some_and(|email| email.contains('@'));
    if let Some(index) = people.iter().position(|person| !is_address(person)) {
        let words = format!("'{}' is not a valid email address", people[index]["email"]);
        let refusal = Refusal::entity("ENTITY_ERROR.ATTRIBUTE.INVALID", words);
        return Err(refusal.at(format!("/data/attributes/betaTesters/{index}/email")));
    }
    let mut assigned = Vec::new();
    for person in people {
        let attributes = ["email", "firstName", "lastName"].into_iter();
        let attributes: Map<String, Value> = attributes
            .filter(|name| person[*name].is_string())
            .map(|name| (name.to_owned(), person[name].clone()))
            .collect();
        let draft = Draft::of(
            "betaTesters",
            attributes.clone().into(),
            &[("betaGroups", &group)],
        );
        rules::create(&mut Change::by_session(state), draft)?;
        let mut result = Value::from(attributes);
        result["assignmentResult"] = "ASSIGNED".into();
        result["errors"] = json!([]);
        assigned.push(result);
    }
    let id = state.fresh.uuid();
    let link = json!({"self": format!("{}{PATH}/{id}", request.base)});
    let made = json!({"type": KIND, "id": id, "attributes": {"betaTesters": assigned}, "links": link});
    Ok(answer(201, &json!({"data": made, "links": link})))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    fn ask(body: &Value, state: &mut State) -> Outcome {
        let body = body.to_string();
        let request = Request {
            method: "POST",
            path: PATH,
            query: Vec::new(),
            body: body.as_bytes(),
            content_type: "application/json",
            base: "https://api.appstoreconnect.apple.com",
            by_key: true,
            cursor_life: 600,
        };
        assign(&request, state)
    }

    fn body(group: &str, emails: &[&str]) -> Value {
        let people: Vec<Value> = emails
            .iter()
            .map(|email| json!({"email": email, "firstName": "Grace", "lastName": "Example", "errors": []}))
            .collect();
        json!({"data": {
            "type": KIND,
            "attributes": {"betaTesters": people},
            "relationships": {"betaGroup": {"data": {"type": "betaGroups", "id": group}}},
        }})
    }

    #[test]
    fn people_are_in_the_group_once_however_often_they_are_added() {
        let mut state = Seed::default().state().unwrap();
        state.objects.entry("betaGroups", "G");
        for _ in 0..2 {
            let answer = ask(&body("G", &["grace@example.com", "ada@example.com"]), &mut state).unwrap();
            assert_eq!(answer.status(), 201);
        }
        assert_eq!(state.objects.ids("betaTesters").len(), 2);
        assert_eq!(state.objects.links("betaGroups", "G", "betaTesters").len(), 2);
    }

    #[test]
    fn what_names_no_group_or_no_person_is_refused() {
        let mut state = Seed::default().state().unwrap();
        state.objects.entry("betaGroups", "G");
        for wrong in [
            body("NOPE", &["grace@example.com"]),
            body("G", &[]),
            body("G", &["grace@example.com", "grace"]),
            json!({"data": {"type": "betaTesters"}}),
            json!([]),
        ] {
            assert!(ask(&wrong, &mut state).is_err(), "{wrong}");
        }
        assert!(state.objects.ids("betaTesters").is_empty());
    }
}
