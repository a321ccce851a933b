//! The body of a write, held against Apple's document.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Request;
use super::document::{Body, Relationship};
use super::objects::{Key, members};
use super::values::{self, Wrong};
use crate::answer::Refusal;

/// What a write asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) kind: String,
    /// The ID of what is changed; for what is created inside of a body, its name there.
    pub(crate) id: String,
    pub(crate) attributes: Map<String, Value>,
    /// What the relationships that the body names lead to.
    pub(crate) relationships: BTreeMap<String, Vec<Key>>,
    /// What is created together with it.
    pub(crate) included: Vec<Draft>,
}

impl Draft {
    /// What a write of one kind asks for: attributes in an object, and relationships by name.
    pub(crate) fn of(kind: &str, attributes: Value, relationships: &[(&str, &Key)]) -> Self {
        let relationships = relationships.iter();
        Self {
            kind: kind.to_owned(),
            attributes: members(attributes),
            relationships: relationships
                .map(|(name, key)| ((*name).to_owned(), vec![(*key).clone()]))
                .collect(),
            ..Self::default()
        }
    }

    /// An attribute that is text; empty where it is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.attributes
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Whether an attribute is `true`.
    pub(crate) fn asks(&self, name: &str) -> bool {
        self.attributes.get(name) == Some(&Value::Bool(true))
    }

    /// The ID that a relationship to one leads to; empty where it is missing.
    pub(crate) fn one(&self, name: &str) -> &str {
        let of = self.relationships.get(name).and_then(|all| all.first());
        of.map_or("", |key| key.id.as_str())
    }

    /// The IDs that a relationship leads to.
    pub(crate) fn many(&self, name: &str) -> Vec<String> {
        let of = self.relationships.get(name).into_iter().flatten();
        of.map(|key| key.id.clone()).collect()
    }
}

fn unprocessable(detail: impl Into<String>, pointer: &str) -> Refusal {
    let title = "The request entity is not a valid request document object";
    Refusal::new(422, "ENTITY_UNPROCESSABLE", title, detail).at(pointer)
}

impl Request<'_> {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none, or says that it is something else.
    pub(super) fn json(&self) -> Result<Value, Refusal> {
        let kind = self.content_type.split(';').next().unwrap_or_default().trim();
        if !self.content_type.is_empty() && !matches!(kind, "application/json" | "application/vnd.api+json") {
            return Err(Refusal::new(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                "The request's Content-Type is not supported",
                format!("The Content-Type '{kind}' is not supported. Use 'application/json'."),
            ));
        }
        serde_json::from_slice(self.body).map_err(|_| {
            Refusal::new(
                400,
                "ENTITY_INVALID",
                "JSON processing failed",
                "The request body is not valid JSON",
            )
        })
    }

    /// The identifiers that a change of a relationship names.
    ///
    /// # Errors
    /// Apple's refusal.
    pub(crate) fn linkage(&self, relationship: &Relationship) -> Result<Vec<Key>, Refusal> {
        let body = self.json()?;
        let Some(members) = body.as_object() else {
            return Err(unprocessable("Expected the document to be an object", ""));
        };
        if let Some(other) = members.keys().find(|name| *name != "data") {
            return Err(unprocessable(
                format!("The member '{other}' is not known"),
                &format!("/{other}"),
            ));
        }
        // In Apple's documents (4.4.1) no relationship that has a path of its own is emptied by `null`.
        if members.get("data").is_none_or(Value::is_null) {
            return Err(unprocessable("Expected the member 'data'", "/data"));
        }
        identifiers(&body, relationship, "")
    }

    /// What a write asks for.
    ///
    /// # Errors
    /// Apple's refusals.
    pub(crate) fn draft(&self, body: &Body, id: Option<&str>) -> Result<Draft, Refusal> {
        let document = self.json()?;
        let Some(members) = document.as_object() else {
            return Err(unprocessable("Expected the document to be an object", ""));
        };
        let known = |name: &str| name == "data" || name == "included" && !body.included.is_empty();
        if let Some(other) = members.keys().find(|name| !known(name)) {
            return Err(unprocessable(
                format!("The member '{other}' is not known"),
                &format!("/{other}"),
            ));
        }
        let mut refusals = Vec::new();
        let mut draft = read(&document["data"], body, "/data", id, &mut refusals)?;
        if !self.by_key {
            // A session can make profiles of a type that the public API does not know.
            refusals.retain(|refusal| !refusal.is_at("/data/attributes/profileType"));
        }
        let included = match members.get("included") {
            None => &[][..],
            Some(Value::Array(all)) => all.as_slice(),
            Some(_) => {
                return Err(unprocessable(
                    "Expected the member 'included' to be an array",
                    "/included",
                ));
            }
        };
        for (index, one) in included.iter().enumerate() {
            let at = format!("/included/{index}");
            let Some(body) = one["type"].as_str().and_then(|kind| body.included.get(kind)) else {
                let words = "The type of an included resource is not one that this request creates";
                refusals.push(Refusal::entity("ENTITY_ERROR.TYPE.INVALID", words).at(format!("{at}/type")));
                continue;
            };
            let name = one["id"].as_str().unwrap_or_default().to_owned();
            if !(name.starts_with("${") && name.ends_with('}')) {
                let words = format!(
                    "'{name}' is not a valid ID of an included resource; it is of the form '${{name}}'"
                );
                refusals
                    .push(Refusal::entity("ENTITY_ERROR.INCLUDED.INVALID_ID", words).at(format!("{at}/id")));
            }
            let mut inner = read(one, body, &at, Some(&name), &mut refusals)?;
            inner.id = name;
            draft.included.push(inner);
        }
        Refusal::all(refusals)?;
        Ok(draft)
    }
}

/// Reads a resource. `id` is what its ID has to be, where it may have one.
fn read(
    data: &Value,
    body: &Body,
    at: &str,
    id: Option<&str>,
    refusals: &mut Vec<Refusal>,
) -> Result<Draft, Refusal> {
    let Some(members) = data.as_object() else {
        return Err(unprocessable(
            format!(
                "Expected the member '{}' to be an object",
                at.trim_start_matches('/')
            ),
            at,
        ));
    };
    if data["type"] != body.kind.as_str() {
        let given = data["type"].as_str().unwrap_or_default();
        let words = format!(
            "'{given}' is not a valid type for this request; it is '{}'",
            body.kind
        );
        return Err(Refusal::entity("ENTITY_ERROR.TYPE.INVALID", words).at(format!("{at}/type")));
    }
    let mut invalid_id = |words: String| {
        refusals.push(Refusal::entity("ENTITY_ERROR.ID.INVALID", words).at(format!("{at}/id")));
    };
    match (id, members.get("id")) {
        (Some(_), None) if body.id => invalid_id("You must provide the ID of the resource".to_owned()),
        (Some(id), Some(given)) if given != id => {
            invalid_id("The ID is not the one of the request's path".to_owned());
        }
        (None, Some(_)) => invalid_id("The ID of a new resource can't be chosen".to_owned()),
        _ => {}
    }
    for name in members.keys() {
        let is_known = match name.as_str() {
            "type" | "id" => true,
            // Some SDKs, such as `appstoreconnect` of PyPI, always send both; what is in them is looked at below.
            "attributes" | "relationships" => true,
            _ => false,
        };
        if !is_known {
            refusals.push(unprocessable(
                format!("The member '{name}' is not known"),
                &format!("{at}/{name}"),
            ));
        }
    }
    let mut draft = Draft {
        kind: body.kind.clone(),
        id: id.unwrap_or_default().to_owned(),
        ..Draft::default()
    };
    let nothing = Map::new();
    let object = |name: &str, refusals: &mut Vec<Refusal>| match members.get(name) {
        None => nothing.clone(),
        Some(Value::Object(all)) => all.clone(),
        Some(_) => {
            let words = format!("Expected the member '{name}' to be an object");
            refusals.push(unprocessable(words, &format!("{at}/{name}")));
            nothing.clone()
        }
    };
    draft.attributes = object("attributes", refusals);
    let relationships = object("relationships", refusals);
    for name in ["attributes", "relationships"] {
        if body.required.contains(&format!("/{name}")) && !members.contains_key(name) {
            refusals.push(unprocessable(
                format!("Expected the member '{name}'"),
                &format!("{at}/{name}"),
            ));
        }
    }
    check_attributes(&draft.attributes, body, at, refusals);
    for (name, value) in &relationships {
        let place = format!("{at}/relationships/{name}");
        let Some(relationship) = body.relationships.as_ref().and_then(|all| all.get(name)) else {
            let words = format!("'{name}' is not a relationship on the resource '{}'", body.kind);
            refusals.push(Refusal::entity("ENTITY_ERROR.RELATIONSHIP.UNKNOWN", words).at(place));
            continue;
        };
        // A member of `null` says nothing: apple-platform-rs sends it for a profile without devices (2026-11).
        if value.is_null() {
            continue;
        }
        // Nothing is what is not said; `null` empties a relationship (deliver clears categories by it).
        if value["data"].is_null()
            && value
                .as_object()
                .is_some_and(|all| all.keys().all(|key| key == "data"))
        {
            if value.as_object().is_some_and(|all| !all.is_empty()) && !body.required.contains(name) {
                draft.relationships.insert(name.clone(), Vec::new());
            }
            continue;
        }
        match identifiers(value, relationship, &place) {
            Ok(keys) => _ = draft.relationships.insert(name.clone(), keys),
            Err(refusal) => refusals.push(refusal),
        }
    }
    for name in body.required.iter().filter(|name| !name.starts_with('/')) {
        let is_relationship = body
            .relationships
            .as_ref()
            .is_some_and(|all| all.contains_key(name));
        if is_relationship {
            let has_it = relationships
                .get(name)
                .is_some_and(|value| !value["data"].is_null());
            if !has_it {
                let refusal = Refusal::needs_relationship(name);
                refusals.push(refusal.at(format!("{at}/relationships/{name}")));
            }
        } else if draft
            .attributes
            .get(name)
            .is_none_or(|value| value.is_null() || value == "")
        {
            let refusal = Refusal::needs_attribute(name);
            refusals.push(refusal.at(format!("{at}/attributes/{name}")));
        }
    }
    Ok(draft)
}

fn check_attributes(given: &Map<String, Value>, body: &Body, at: &str, refusals: &mut Vec<Refusal>) {
    for (name, value) in given {
        let Some(shape) = body.attributes.as_ref().and_then(|all| all.get(name)) else {
            let words = format!("'{name}' is not an attribute on the resource '{}'", body.kind);
            let refusal = Refusal::entity("ENTITY_ERROR.ATTRIBUTE.UNKNOWN", words);
            refusals.push(refusal.at(format!("{at}/attributes/{name}")));
            continue;
        };
        if body.required.contains(name) && (value.is_null() || value == "") {
            continue;
        }
        for problem in values::check(value, shape) {
            let place = format!("{at}/attributes/{name}{}", problem.at);
            let code = match problem.kind {
                // Seen for a capability that the public API does not know (MAUI.Sherpa #45).
                Wrong::Type => "ENTITY_ERROR.ATTRIBUTE.TYPE",
                Wrong::Missing => "ENTITY_ERROR.ATTRIBUTE.REQUIRED",
                Wrong::Unknown => "ENTITY_ERROR.ATTRIBUTE.UNKNOWN",
            };
            let words = format!("An attribute value is invalid. '{name}': {}", problem.words);
            refusals.push(Refusal::entity(code, words).at(place));
        }
    }
}

/// The identifiers in a relationship's `data`.
fn identifiers(value: &Value, relationship: &Relationship, at: &str) -> Result<Vec<Key>, Refusal> {
    let invalid =
        |words: String, at: String| Refusal::entity("ENTITY_ERROR.RELATIONSHIP.INVALID", words).at(at);
    let Some(members) = value.as_object() else {
        return Err(invalid(
            "A relationship has to be an object".to_owned(),
            at.to_owned(),
        ));
    };
    if let Some(other) = members.keys().find(|name| *name != "data") {
        return Err(invalid(
            format!("The member '{other}' is not known"),
            format!("{at}/{other}"),
        ));
    }
    let data = &value["data"];
    let all: Vec<&Value> = match (data, relationship.many) {
        (Value::Array(all), true) => all.iter().collect(),
        (Value::Object(_), false) => vec![data],
        (Value::Null, false) => Vec::new(),
        (_, true) => {
            return Err(invalid(
                "Expected 'data' to be an array".to_owned(),
                format!("{at}/data"),
            ));
        }
        (_, false) => {
            return Err(invalid(
                "Expected 'data' to be an object".to_owned(),
                format!("{at}/data"),
            ));
        }
    };
    let mut keys: Vec<Key> = Vec::new();
    for (index, one) in all.into_iter().enumerate() {
        let at = if relationship.many {
            format!("{at}/data/{index}")
        } else {
            format!("{at}/data")
        };
        let Some(members) = one.as_object() else {
            return Err(invalid(
                "A resource identifier has to be an object".to_owned(),
                at,
            ));
        };
        if let Some(other) = members.keys().find(|name| *name != "type" && *name != "id") {
            return Err(invalid(
                format!("The member '{other}' is not known"),
                format!("{at}/{other}"),
            ));
        }
        let (kind, id) = (one["type"].as_str(), one["id"].as_str());
        let Some(kind) = kind.filter(|kind| relationship.kinds.iter().any(|known| known == kind)) else {
            let words = format!(
                "'{}' is not a valid type here; it is '{}'",
                one["type"].as_str().unwrap_or_default(),
                relationship.kinds.join("' or '")
            );
            return Err(invalid(words, format!("{at}/type")));
        };
        let Some(id) = id else {
            return Err(invalid("The ID has to be text".to_owned(), format!("{at}/id")));
        };
        let key = Key::new(kind, id);
        // The service takes what is named twice once.
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::asc::document::Table;

    fn request<'a>(method: &'a str, body: &'a [u8]) -> Request<'a> {
        Request {
            method,
            path: "",
            query: Vec::new(),
            body,
            content_type: "",
            base: "",
            by_key: true,
            cursor_life: 600,
        }
    }

    fn draft(kind: &str, data: &Value) -> Result<Draft, Refusal> {
        let bytes = json!({"data": data}).to_string();
        request("POST", bytes.as_bytes()).draft(Table::get().api(false).creation(kind).unwrap(), None)
    }

    #[test]
    fn a_relationship_with_a_path_of_its_own_is_not_emptied_by_null() {
        let build = Relationship::from("builds".to_owned());
        let linkage = |body: &str| request("PATCH", body.as_bytes()).linkage(&build);
        assert_eq!(
            linkage(r#"{"data": {"type": "builds", "id": "1"}}"#)
                .unwrap()
                .len(),
            1
        );
        for body in [r#"{"data": null}"#, "{}", r#"{"data": []}"#] {
            assert!(linkage(body).is_err(), "{body}");
        }
    }

    #[test]
    fn what_clients_send_for_nothing_is_nothing() {
        let device = json!({
            "type": "devices",
            "attributes": {"name": "Phone", "platform": "IOS", "udid": "00008120-000011112222333E"},
            "relationships": {},
        });
        assert!(draft("devices", &device).is_ok());
        let of = |kind: &str| json!({"data": {"type": kind, "id": "1"}});
        let mut profile = json!({
            "type": "profiles",
            "attributes": {"name": "Store", "profileType": "IOS_APP_STORE"},
            "relationships": {
                "bundleId": of("bundleIds"),
                "certificates": {"data": [{"type": "certificates", "id": "1"}]},
                "devices": null,
            },
        });
        assert!(
            !draft("profiles", &profile)
                .unwrap()
                .relationships
                .contains_key("devices")
        );
        profile["relationships"]["bundleId"] = Value::Null;
        let refused = draft("profiles", &profile).unwrap_err();
        assert!(refused.is_at("/data/relationships/bundleId"));
    }

    #[test]
    fn what_is_in_a_member_that_a_resource_does_not_have_is_refused() {
        let mut device = json!({
            "type": "devices",
            "attributes": {"name": "Phone", "platform": "IOS", "udid": "00008120-000011112222333E"},
            "relationships": {"profiles": {"data": []}},
        });
        let refused = draft("devices", &device).unwrap_err();
        assert!(refused.is_at("/data/relationships/profiles"));
        device["relationships"] = json!([]);
        assert!(draft("devices", &device).is_err());
    }
}
