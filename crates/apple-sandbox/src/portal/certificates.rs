//! Certificates: what a session lists, downloads, creates, and revokes.

use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::{Call, No, Outcome, Yes, payload};
use crate::asc::body::Draft;
use crate::asc::objects::Key;
use crate::asc::rules;
use crate::signing::Certificate;
use crate::state::State;

/// The portal's code for one certificate too many, as Xcode and fastlane's `cert` quote it.
const TOO_MANY: i64 = 7460;

/// What the portal calls kinds of certificates (spaceship's `Certificate::IOS_CERTIFICATE_TYPE_IDS`); in-house ones are
/// kinds of their own.
const TYPES: [(&str, &str); 8] = [
    ("DEVELOPMENT", "83Q87W3TGH"),
    ("DISTRIBUTION", "WXV89964HE"),
    ("IOS_DEVELOPMENT", "5QPB9NHCEI"),
    ("IOS_DISTRIBUTION", "R58UK2EWSO"),
    ("MAC_APP_DEVELOPMENT", "749Y1QAGU7"),
    ("MAC_APP_DISTRIBUTION", "HXZEUKP0FP"),
    ("MAC_INSTALLER_DISTRIBUTION", "2PQI8IDXNH"),
    ("DEVELOPER_ID_APPLICATION", "W0EURJRMC5"),
];

const IN_HOUSE: &str = "9RQEK7MSXA";

fn type_id(kind: &str, enterprise: bool) -> &'static str {
    if enterprise && kind == "IOS_DISTRIBUTION" {
        return IN_HOUSE;
    }
    let known = TYPES.iter().find(|(known, _)| *known == kind);
    known.map_or("W0EURJRMC5", |(_, id)| id)
}

/// The kind that the portal calls so, on a team of that program.
fn kind_of(id: &str, enterprise: bool) -> Option<&'static str> {
    let all = TYPES.iter().map(|(kind, _)| *kind);
    all.into_iter().find(|kind| type_id(kind, enterprise) == id)
}

pub(super) fn certificate(known: &Certificate, state: &State) -> Value {
    let created = known.expires - Duration::days(365);
    let type_id = type_id(&known.certificate_type, state.enterprise);
    let mut value = json!({
        "certRequestId": format!("R{}", known.id),
        "certificateId": known.id,
        "name": "Ada Example",
        "statusString": "Issued",
        "certificateStatusCode": 0,
        "certRequestStatusCode": 4,
        "dateCreated": created.date().to_string(),
        "expirationDate": known.expires.date().to_string(),
        "ownerType": "team",
        "ownerName": "Example GmbH",
        "ownerId": state.team_id,
        "canDownload": true,
        "canRevoke": true,
        "certificateTypeDisplayId": type_id,
        // Where spaceship looks in the answer to a request for a certificate.
        "certificateType": {"certificateTypeDisplayId": type_id, "name": known.certificate_type},
        "serialNum": known.serial,
        "typeString": known.certificate_type,
    });
    if !state.portal.serials_are_listed
        && let Some(fields) = value.as_object_mut()
    {
        fields.remove("serialNum");
    }
    value
}

pub(super) fn list(call: &Call<'_>, state: &mut State) -> Outcome {
    let types: Vec<&str> = call.value("types").split(',').collect();
    let listed = state
        .certificates
        .iter()
        .filter(|known| known.on_portal && known.expires > OffsetDateTime::now_utc())
        .map(|known| certificate(known, state))
        .filter(|known| {
            types
                .iter()
                .any(|wanted| known["certificateTypeDisplayId"] == **wanted)
        })
        .collect();
    call.page("certRequests", listed)
}

/// The one that a call names by `certificateId`, unless it was revoked.
fn find<'a>(call: &Call<'_>, state: &'a State) -> Result<&'a Certificate, No> {
    let id = call.require("certificateId")?;
    let known = state
        .certificates
        .iter()
        .find(|known| known.id == id && known.on_portal);
    known.ok_or_else(|| No::data(format!("There is no certificate '{id}' on this team.")))
}

pub(super) fn content(call: &Call<'_>, state: &mut State) -> Outcome {
    Ok(Yes::File(find(call, state)?.der.clone()))
}

/// Makes one for the key of a request, by the same rules as for an API key.
pub(super) fn create(call: &Call<'_>, state: &mut State) -> Outcome {
    let id = call.require("type")?;
    let Some(kind) = kind_of(id, state.enterprise) else {
        return Err(No::data(format!(
            "'{id}' is no type of certificates that the sandbox makes."
        )));
    };
    let attributes = json!({"certificateType": kind, "csrContent": call.require("csrContent")?});
    let draft = Draft::of("certificates", attributes, &[]);
    let made = rules::create(&mut rules::Change::by_session(state), draft).map_err(|refusal| {
        let words = refusal.detail();
        if words.starts_with("You already have") {
            No::new(TOO_MANY, words)
        } else {
            No::data(words)
        }
    })?;
    let made = state.certificates.by_id(&made.id);
    let answer = made.map(|made| certificate(made, state));
    payload("certRequest", answer.unwrap_or_default())
}

pub(super) fn revoke(call: &Call<'_>, state: &mut State) -> Outcome {
    let key = Key::new("certificates", &find(call, state)?.id);
    rules::delete(&mut rules::Change::by_session(state), &key)
        .map_err(|refusal| No::data(refusal.detail()))?;
    let revoked = state.certificates.by_id(&key.id);
    let answer: Vec<Value> = revoked.map(|one| certificate(one, state)).into_iter().collect();
    Ok(Yes::Payload(Map::from_iter([(
        "certRequests".to_owned(),
        answer.into(),
    )])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_its_id_and_distribution_by_that_of_the_program() {
        for (kind, id) in TYPES {
            assert_eq!(kind_of(id, false), Some(kind));
        }
        assert_eq!(kind_of(IN_HOUSE, true), Some("IOS_DISTRIBUTION"));
        assert_eq!(kind_of(IN_HOUSE, false), None);
        assert_eq!(kind_of("R58UK2EWSO", true), None);
    }
}
