//! Provisioning profiles.

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Outcome, Request, created, date, found, related, required, self_link};
use crate::answer::Refusal;
use crate::profile;
use crate::state::{Profile, State};

pub(crate) fn profile_resource(base: &str, profile: &Profile) -> Value {
    let platform = if profile.profile_type.starts_with("MAC") {
        "MAC_OS"
    } else {
        "IOS"
    };
    json!({
        "type": "profiles",
        "id": profile.id,
        "attributes": {
            "name": profile.name,
            "platform": platform,
            "profileType": profile.profile_type,
            "profileState": profile.state,
            "profileContent": STANDARD.encode(&profile.content),
            "uuid": profile.uuid,
            "createdDate": date(profile.created),
            "expirationDate": date(profile.expires),
        },
        "links": self_link(base, "profiles", &profile.id),
    })
}

pub(crate) fn profiles(request: &Request<'_>, state: &mut State) -> Outcome {
    request.only(&[
        "filter[name]",
        "filter[profileType]",
        "filter[profileState]",
        "filter[id]",
        "include",
        "limit",
        "cursor",
        "sort",
        "fields[profiles]",
    ])?;
    let names = request.filter("name")?;
    let kinds = request.filter("profileType")?;
    let served = state.lists_served;
    let listed = state
        .profiles
        .iter()
        // The list hides what has expired; only the bundle ID's own profiles show it.
        .filter(|known| known.expires > OffsetDateTime::now_utc() && known.hidden_until <= served)
        .filter(|known| {
            names
                .as_ref()
                .is_none_or(|all| all.iter().any(|part| known.name.contains(part)))
        })
        .filter(|known| kinds.as_ref().is_none_or(|all| all.contains(&known.profile_type)))
        .map(|known| profile_resource(request.base, known))
        .collect();
    found(request.page(listed)?)
}

pub(crate) fn profiles_of(request: &Request<'_>, state: &mut State, id: &str) -> Outcome {
    request.only(&["limit", "cursor", "fields[profiles]"])?;
    if !state.bundle_ids.iter().any(|known| known.id == id) {
        return Err(Refusal::not_found("bundleIds", id));
    }
    let served = state.lists_served;
    let listed = state
        .profiles
        .iter()
        .filter(|known| known.bundle_id == id && known.hidden_until <= served)
        .map(|known| profile_resource(request.base, known))
        .collect();
    found(request.page(listed)?)
}

pub(crate) fn create_profile(request: &Request<'_>, state: &mut State) -> Outcome {
    let (attributes, relationships) = request.resource("profiles", &["name", "profileType"])?;
    let name = required(&attributes, "name")?;
    let kind = required(&attributes, "profileType")?;
    if kind == "MAC_APP_INHOUSE" && request.by_key {
        return Err(Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.TYPE",
            format!("'{kind}' is not a valid value for the attribute 'profileType'"),
        ));
    }
    let bundle_id = related(&relationships, "bundleId")
        .into_iter()
        .next()
        .unwrap_or_default();
    let certificates = related(&relationships, "certificates");
    let devices = related(&relationships, "devices");
    if !state.bundle_ids.iter().any(|known| known.id == bundle_id) {
        return Err(Refusal::not_found("bundleIds", &bundle_id));
    }
    if certificates.is_empty() {
        return Err(Refusal::entity(
            "ENTITY_ERROR.RELATIONSHIP.REQUIRED",
            "You must provide a value for the relationship 'certificates'",
        ));
    }
    for id in &certificates {
        let known = state
            .certificates
            .iter()
            .find(|known| known.id == *id && known.on_portal);
        let known = known.ok_or_else(|| Refusal::not_found("certificates", id))?;
        if !profile::takes_certificate(&kind, &known.certificate_type) {
            return Err(Refusal::entity(
                "ENTITY_ERROR.RELATIONSHIP.INVALID",
                format!(
                    "A certificate of type {} can't be used in a profile of type {kind}",
                    known.certificate_type
                ),
            ));
        }
    }
    for id in &devices {
        let known = state.devices.iter().find(|known| known.id == *id);
        let known = known.ok_or_else(|| Refusal::not_found("devices", id))?;
        if !profile::takes_device(&kind, &known.device_class) {
            return Err(Refusal::entity(
                "ENTITY_ERROR.RELATIONSHIP.INVALID",
                format!(
                    "The device '{}' can't be used in a profile of type {kind}",
                    known.name
                ),
            ));
        }
        if known.status != "ENABLED" {
            return Err(Refusal::entity(
                "ENTITY_ERROR.RELATIONSHIP.INVALID",
                format!("The device '{}' is not enabled", known.name),
            ));
        }
    }
    if profile::lists_devices(&kind) == devices.is_empty() {
        return Err(Refusal::entity(
            "ENTITY_ERROR.RELATIONSHIP.INVALID",
            if devices.is_empty() {
                "You must provide devices for this profile type"
            } else {
                "Devices can't be used with this profile type"
            },
        ));
    }
    if state.profiles.iter().any(|known| known.name == name) {
        return Err(Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE",
            format!(
                "Multiple profiles found with the name '{name}'. Please remove the duplicate profiles and try again."
            ),
        ));
    }
    let made = state.make_profile(
        &name,
        &kind,
        &bundle_id,
        certificates,
        devices,
        OffsetDateTime::now_utc(),
    );
    let answer = created(profile_resource(request.base, &made), request.path, request.base);
    state.profiles.push(made);
    answer
}

pub(crate) fn delete_profile(state: &mut State, id: &str) -> Outcome {
    let before = state.profiles.len();
    state.profiles.retain(|known| known.id != id);
    if state.profiles.len() == before {
        return Err(Refusal::not_found("profiles", id));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
