//! Bundle IDs and their capabilities.

use serde_json::{Map, Value, json};

use super::profiles::profile_resource;
use super::{Outcome, Request, created, found, related, required, self_link};
use crate::answer::{Refusal, answer};
use crate::state::{BundleId, Capability, State};

fn bundle_id(base: &str, id: &BundleId, team: &str) -> Value {
    json!({
        "type": "bundleIds",
        "id": id.id,
        "attributes": {
            "name": id.name,
            "identifier": id.identifier,
            "platform": id.platform,
            "seedId": team,
        },
        "links": self_link(base, "bundleIds", &id.id),
    })
}

fn capability(base: &str, capability: &Capability) -> Value {
    json!({
        "type": "bundleIdCapabilities",
        "id": capability.id,
        "attributes": {"capabilityType": capability.capability_type, "settings": capability.settings},
        "links": self_link(base, "bundleIdCapabilities", &capability.id),
    })
}

pub(super) fn bundle_ids(request: &Request<'_>, state: &mut State) -> Outcome {
    request.only(&[
        "filter[identifier]",
        "filter[name]",
        "filter[platform]",
        "filter[seedId]",
        "filter[id]",
        "include",
        "limit",
        "limit[bundleIdCapabilities]",
        "limit[profiles]",
        "cursor",
        "sort",
        "fields[bundleIds]",
        "fields[profiles]",
        "fields[bundleIdCapabilities]",
    ])?;
    let identifiers = request.filter("identifier")?;
    let includes: Vec<&str> = request
        .value("include")
        .map(|text| text.split(',').collect())
        .unwrap_or_default();
    if let Some(other) = includes
        .iter()
        .find(|name| !["bundleIdCapabilities", "profiles", "app"].contains(name))
    {
        return Err(Refusal::parameter(format!(
            "'{other}' is not a relationship on the resource 'bundleIds'"
        )));
    }
    let limit = |name: &str| {
        request
            .value(&format!("limit[{name}]"))
            .and_then(|text| text.parse().ok())
            .unwrap_or(10_usize)
    };
    let served = state.lists_served;
    let mut included = Vec::new();
    let mut listed = Vec::new();
    for id in state
        .bundle_ids
        .iter()
        .filter(|known| known.hidden_until <= served)
    {
        // Apple's filter matches parts of identifiers, whatever their case.
        let matches = identifiers.as_ref().is_none_or(|wanted| {
            wanted
                .iter()
                .any(|part| id.identifier.to_lowercase().contains(&part.to_lowercase()))
        });
        if !matches {
            continue;
        }
        let mut resource = bundle_id(request.base, id, &state.team_id);
        let mut relationships = Map::new();
        if includes.contains(&"bundleIdCapabilities") {
            let own: Vec<Value> = id
                .capabilities
                .iter()
                .map(|one| capability(request.base, one))
                .collect();
            relationships.insert(
                "bundleIdCapabilities".to_owned(),
                relationship(&own, limit("bundleIdCapabilities")),
            );
            included.extend(own.into_iter().take(limit("bundleIdCapabilities")));
        }
        if includes.contains(&"profiles") {
            let own: Vec<Value> = state
                .profiles
                .iter()
                .filter(|one| one.bundle_id == id.id && one.hidden_until <= served)
                .map(|one| profile_resource(request.base, one))
                .collect();
            relationships.insert("profiles".to_owned(), relationship(&own, limit("profiles")));
            included.extend(own.into_iter().take(limit("profiles")));
        }
        if !relationships.is_empty()
            && let Some(resource) = resource.as_object_mut()
        {
            resource.insert("relationships".to_owned(), relationships.into());
        }
        listed.push(resource);
    }
    let mut document = request.page(listed)?;
    if !includes.is_empty() {
        document.insert("included".to_owned(), included.into());
    }
    found(document)
}

fn relationship(own: &[Value], limit: usize) -> Value {
    let data: Vec<Value> = own
        .iter()
        .take(limit)
        .map(|resource| json!({"type": resource["type"], "id": resource["id"]}))
        .collect();
    json!({"data": data, "meta": {"paging": {"total": own.len(), "limit": limit}}})
}

pub(crate) fn create_bundle_id(request: &Request<'_>, state: &mut State) -> Outcome {
    let (attributes, _) = request.resource("bundleIds", &["identifier", "name", "platform", "seedId"])?;
    let identifier = required(&attributes, "identifier")?;
    let name = required(&attributes, "name")?;
    let platform = required(&attributes, "platform")?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let body = identifier.strip_suffix(".*").unwrap_or(&identifier);
    if !body.chars().all(is_part) && body != "*" {
        return Err(Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.INVALID",
            format!("An attribute value is invalid. '{identifier}' is not a valid identifier"),
        ));
    }
    if !name.chars().all(|c| c.is_alphanumeric() || c == ' ') {
        return Err(Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.INVALID",
            format!("An attribute value is invalid. '{name}' has invalid characters"),
        ));
    }
    if state
        .bundle_ids
        .iter()
        .any(|known| known.identifier.eq_ignore_ascii_case(&identifier))
    {
        return Err(Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE",
            format!(
                "An App ID with Identifier '{identifier}' is not available. Please enter a different string."
            ),
        ));
    }
    let made = BundleId {
        id: state.id(),
        identifier,
        name,
        platform,
        capabilities: Vec::new(),
        containers: Vec::new(),
        groups: Vec::new(),
        merchants: Vec::new(),
        parent: None,
        hidden_until: state.hidden_until(),
    };
    let answer = created(
        bundle_id(request.base, &made, &state.team_id),
        request.path,
        request.base,
    );
    state.bundle_ids.push(made);
    answer
}

pub(super) fn capabilities_of(request: &Request<'_>, state: &mut State, id: &str) -> Outcome {
    request.only(&["limit", "cursor", "fields[bundleIdCapabilities]"])?;
    let id = state
        .bundle_ids
        .iter()
        .find(|known| known.id == id)
        .ok_or_else(|| Refusal::not_found("bundleIds", id))?;
    found(
        request.page(
            id.capabilities
                .iter()
                .map(|one| capability(request.base, one))
                .collect(),
        )?,
    )
}

/// Apple's `CapabilityType` (OpenAPI 4.4.1, and the Enterprise Program's 1.0): what a key may create. Others only a session
/// can (409 `ENTITY_ERROR.ATTRIBUTE.TYPE`, MAUI.Sherpa #45).
const BY_KEY: [&str; 28] = [
    "ICLOUD",
    "IN_APP_PURCHASE",
    "GAME_CENTER",
    "PUSH_NOTIFICATIONS",
    "WALLET",
    "INTER_APP_AUDIO",
    "MAPS",
    "ASSOCIATED_DOMAINS",
    "PERSONAL_VPN",
    "APP_GROUPS",
    "HEALTHKIT",
    "HOMEKIT",
    "WIRELESS_ACCESSORY_CONFIGURATION",
    "APPLE_PAY",
    "DATA_PROTECTION",
    "SIRIKIT",
    "NETWORK_EXTENSIONS",
    "MULTIPATH",
    "HOT_SPOT",
    "NFC_TAG_READING",
    "CLASSKIT",
    "AUTOFILL_CREDENTIAL_PROVIDER",
    "ACCESS_WIFI_INFORMATION",
    "NETWORK_CUSTOM_PROTOCOL",
    "COREMEDIA_HLS_LOW_LATENCY",
    "SYSTEM_EXTENSION_INSTALL",
    "USER_MANAGEMENT",
    "APPLE_ID_AUTH",
];

pub(super) fn enable(request: &Request<'_>, state: &mut State) -> Outcome {
    let (attributes, relationships) =
        request.resource("bundleIdCapabilities", &["capabilityType", "settings"])?;
    let kind = required(&attributes, "capabilityType")?;
    if !BY_KEY.contains(&kind.as_str()) {
        return Err(Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.TYPE",
            format!("'{kind}' is not a valid value for the attribute 'capabilityType'"),
        ));
    }
    let settings = attributes.get("settings").cloned().unwrap_or(Value::Null);
    let wanted = related(&relationships, "bundleId")
        .into_iter()
        .next()
        .unwrap_or_default();
    let index = state
        .bundle_ids
        .iter()
        .position(|known| known.id == wanted)
        .ok_or_else(|| Refusal::not_found("bundleIds", &wanted))?;
    let made = Capability {
        id: format!("{wanted}_{kind}"),
        capability_type: kind,
        settings,
    };
    let answer = created(capability(request.base, &made), request.path, request.base);
    if let Some(id) = state.bundle_ids.get_mut(index) {
        // Enabling what is enabled changes its settings.
        id.capabilities.retain(|known| known.id != made.id);
        id.capabilities.push(made);
    }
    invalidate(state, &wanted);
    answer
}

pub(super) fn change(request: &Request<'_>, state: &mut State, id: &str) -> Outcome {
    let (attributes, _) = request.resource("bundleIdCapabilities", &["capabilityType", "settings"])?;
    let owner = state
        .bundle_ids
        .iter_mut()
        .find(|known| known.capabilities.iter().any(|capability| capability.id == id))
        .ok_or_else(|| Refusal::not_found("bundleIdCapabilities", id))?;
    let owner_id = owner.id.clone();
    let mut changed = Value::Null;
    for known in owner.capabilities.iter_mut().filter(|known| known.id == id) {
        known.settings = attributes.get("settings").cloned().unwrap_or(Value::Null);
        changed = capability(request.base, known);
    }
    invalidate(state, &owner_id);
    Ok(answer(
        200,
        &json!({"data": changed, "links": {"self": format!("{}{}", request.base, request.path)}}),
    ))
}

/// A change of capabilities makes the bundle ID's profiles invalid.
pub(crate) fn invalidate(state: &mut State, bundle_id: &str) {
    for profile in state
        .profiles
        .iter_mut()
        .filter(|profile| profile.bundle_id == bundle_id)
    {
        "INVALID".clone_into(&mut profile.state);
    }
}
