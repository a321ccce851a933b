//! App IDs, their features, and what is associated with them.

use serde_json::{Map, Value, json};

use crate::state::{Associable, BundleId, Capability, State};

use super::{Call, No, Outcome, payload};

/// What the portal calls capabilities.
const FEATURES: [(&str, &str); 22] = [
    ("APP_GROUPS", "APG3427HIY"),
    ("APPLE_PAY", "OM633U5T5G"),
    ("ASSOCIATED_DOMAINS", "SKC3T5S89Y"),
    ("HEALTHKIT", "HK421J6T7P"),
    ("HOMEKIT", "homeKit"),
    ("HOT_SPOT", "HSC639VEI8"),
    ("IN_APP_PURCHASE", "inAppPurchase"),
    ("INTER_APP_AUDIO", "IAD53UNK2F"),
    ("MULTIPATH", "MP49FN762P"),
    ("NETWORK_EXTENSIONS", "NWEXT04537"),
    ("NFC_TAG_READING", "NFCTRMAY17"),
    ("PERSONAL_VPN", "V66P55NK2I"),
    ("PUSH_NOTIFICATIONS", "push"),
    ("SIRIKIT", "SI015DKUHP"),
    ("WALLET", "passbook"),
    ("WIRELESS_ACCESSORY_CONFIGURATION", "WC421J6T7P"),
    ("ACCESS_WIFI_INFORMATION", "AWEQ28MY3E"),
    ("CLASSKIT", "PKTJAN2017"),
    ("AUTOFILL_CREDENTIAL_PROVIDER", "CPEQ28MX4E"),
    ("GAME_CENTER", "gameCenter"),
    ("ICLOUD", "iCloud"),
    ("DATA_PROTECTION", "dataProtection"),
];

const LEVELS: [(&str, &str); 3] = [
    ("COMPLETE_PROTECTION", "complete"),
    ("PROTECTED_UNLESS_OPEN", "unlessopen"),
    ("PROTECTED_UNTIL_FIRST_USER_AUTH", "untilfirstauth"),
];

/// The first option of a capability's setting.
fn option<'a>(capability: &'a Capability, key: &str) -> Option<&'a str> {
    let settings = capability.settings.as_array()?;
    let setting = settings.iter().find(|setting| setting["key"] == key)?;
    setting["options"][0]["key"].as_str()
}

fn setting(key: &str, option: &str) -> Value {
    json!([{"key": key, "options": [{"key": option, "enabled": true}]}])
}

/// Every feature, on or off.
fn features(id: &BundleId) -> Map<String, Value> {
    let mut all: Map<String, Value> = FEATURES
        .iter()
        .map(|(_, feature)| ((*feature).to_owned(), Value::Bool(false)))
        .collect();
    all.insert("cloudKitVersion".to_owned(), json!(1));
    all.insert("dataProtection".to_owned(), json!(""));
    for capability in &id.capabilities {
        let known = FEATURES
            .iter()
            .find(|(kind, _)| *kind == capability.capability_type);
        let Some((kind, feature)) = known else { continue };
        let value = match *kind {
            "DATA_PROTECTION" => {
                let wanted = option(capability, "DATA_PROTECTION_PERMISSION_LEVEL");
                let level = LEVELS.iter().find(|(name, _)| Some(*name) == wanted);
                json!(level.map_or("complete", |(_, level)| level))
            }
            "ICLOUD" => {
                let version = option(capability, "ICLOUD_VERSION");
                all.insert(
                    "cloudKitVersion".to_owned(),
                    json!(if version == Some("XCODE_5") { 1 } else { 2 }),
                );
                json!(true)
            }
            _ => json!(true),
        };
        all.insert((*feature).to_owned(), value);
    }
    all
}

fn app_id(id: &BundleId, state: &State, detailed: bool) -> Value {
    let mut value = json!({
        "appIdId": id.id,
        "name": id.name,
        "appIdPlatform": if id.platform == "MAC_OS" { "mac" } else { "ios" },
        "prefix": state.team_id,
        "identifier": id.identifier,
        "isWildCard": id.identifier.ends_with('*'),
        "isDuplicate": false,
        "features": {},
        "enabledFeatures": [],
        "isDevPushEnabled": null,
        "isProdPushEnabled": null,
        "associatedApplicationGroupsCount": null,
        "associatedCloudContainersCount": null,
        "associatedIdentifiersCount": null,
    });
    if detailed && let Some(fields) = value.as_object_mut() {
        let features = features(id);
        let enabled = features.iter().filter(|(_, value)| **value == Value::Bool(true));
        fields.insert(
            "enabledFeatures".to_owned(),
            enabled.map(|(name, _)| name.clone()).collect(),
        );
        fields.insert("features".to_owned(), features.into());
        let of = |identifiers: &[String], all: &[Associable], key: &str| -> Value {
            let known = all.iter().filter(|known| identifiers.contains(&known.identifier));
            known
                .map(|known| associable(known, key, &state.team_id))
                .collect()
        };
        fields.insert(
            "associatedApplicationGroups".to_owned(),
            of(&id.groups, &state.groups, "applicationGroup"),
        );
        fields.insert(
            "associatedCloudContainers".to_owned(),
            of(&id.containers, &state.containers, "cloudContainer"),
        );
        fields.insert(
            "associatedIdentifiers".to_owned(),
            of(&id.merchants, &state.merchants, "omcId"),
        );
        fields.insert("canEdit".to_owned(), true.into());
        fields.insert("canDelete".to_owned(), true.into());
    }
    value
}

fn associable(known: &Associable, key: &str, prefix: &str) -> Value {
    json!({key: known.id, "identifier": known.identifier, "name": known.name, "prefix": prefix, "status": "current"})
}

pub(super) fn list(call: &Call<'_>, state: &mut State) -> Outcome {
    let platform_fits =
        |id: &BundleId| call.is_mac() == (id.platform == "MAC_OS") || id.platform == "UNIVERSAL";
    let listed = state
        .bundle_ids
        .iter()
        .filter(|known| known.hidden_until <= state.lists_served && platform_fits(known))
        .map(|known| app_id(known, state, false))
        .collect();
    call.page("appIds", listed)
}

fn position(state: &State, id: &str) -> Result<usize, No> {
    state
        .bundle_ids
        .iter()
        .position(|known| known.id == id)
        .ok_or_else(|| No::data(format!("There is no App ID '{id}' on this team.")))
}

pub(super) fn details(call: &Call<'_>, state: &mut State) -> Outcome {
    let index = position(state, call.required("appIdId")?)?;
    payload("appId", app_id(&state.bundle_ids[index], state, true))
}

pub(super) fn add(call: &Call<'_>, state: &mut State) -> Outcome {
    let identifier = call.required("identifier")?.to_owned();
    let name = call.required("name")?.to_owned();
    let is_wildcard = call.required("type")? == "wildcard";
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let body = identifier.strip_suffix('*').unwrap_or(&identifier);
    if is_wildcard != identifier.ends_with('*') || !body.chars().all(is_part) {
        return Err(No::new(
            9401,
            format!("An App ID with Identifier '{identifier}' is not valid."),
        ));
    }
    if !name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || " -()".contains(c))
    {
        return Err(No::data(format!("The name '{name}' has invalid characters.")));
    }
    if state
        .bundle_ids
        .iter()
        .any(|known| known.identifier.eq_ignore_ascii_case(&identifier))
    {
        return Err(No::new(
            9401,
            format!(
                "An App ID with Identifier '{identifier}' is not available. Please enter a different string."
            ),
        ));
    }
    let id = state.id();
    let on = [
        ("inAppPurchase", "IN_APP_PURCHASE"),
        ("gameCenter", "GAME_CENTER"),
    ];
    let capabilities = on
        .iter()
        .filter(|(key, _)| call.value(key) == "on")
        .map(|(_, kind)| Capability {
            id: format!("{id}_{kind}"),
            capability_type: (*kind).to_owned(),
            settings: Value::Null,
        })
        .collect();
    let made = BundleId {
        id,
        identifier,
        name,
        platform: if call.is_mac() { "MAC_OS" } else { "IOS" }.to_owned(),
        capabilities,
        containers: Vec::new(),
        groups: Vec::new(),
        merchants: Vec::new(),
        parent: None,
        hidden_until: state.hidden_until(),
    };
    let answer = app_id(&made, state, true);
    state.bundle_ids.push(made);
    payload("appId", answer)
}

pub(super) fn delete(call: &Call<'_>, state: &mut State) -> Outcome {
    let index = position(state, call.required("appIdId")?)?;
    state.bundle_ids.remove(index);
    Ok(super::Yes::Payload(Map::new()))
}

pub(super) fn rename(call: &Call<'_>, state: &mut State) -> Outcome {
    let index = position(state, call.required("appIdId")?)?;
    call.required("name")?
        .clone_into(&mut state.bundle_ids[index].name);
    payload("appId", app_id(&state.bundle_ids[index], state, true))
}

pub(super) fn set_feature(call: &Call<'_>, action: &str, state: &mut State) -> Outcome {
    let index = position(state, call.required("displayId")?)?;
    let feature = call.required("featureType")?;
    let value = call.value("featureValue");
    // Push notifications have a service of their own.
    if (feature == "push") != (action == "updatePushService.action") {
        return Err(No::data(format!("{feature} can't be set here.")));
    }
    let (kind, settings) = if feature == "cloudKitVersion" {
        let version = if value == "2" { "XCODE_6" } else { "XCODE_5" };
        ("ICLOUD", setting("ICLOUD_VERSION", version))
    } else {
        let known = FEATURES.iter().find(|(_, known)| *known == feature);
        let (kind, _) = known.ok_or_else(|| No::data(format!("There is no feature '{feature}'.")))?;
        let level = LEVELS.iter().find(|(_, level)| *level == value);
        if *kind == "DATA_PROTECTION" && !value.is_empty() && level.is_none() {
            return Err(No::data(format!("'{value}' is no level of data protection.")));
        }
        (
            *kind,
            level.map_or(Value::Null, |(name, _)| {
                setting("DATA_PROTECTION_PERMISSION_LEVEL", name)
            }),
        )
    };
    let is_off = value.is_empty() || value == "false";
    let id = &mut state.bundle_ids[index];
    let had = id
        .capabilities
        .iter()
        .position(|known| known.capability_type == kind)
        .map(|position| id.capabilities.remove(position));
    if !is_off {
        let kept = had.map(|had| had.settings).filter(|_| settings.is_null());
        id.capabilities.push(Capability {
            id: format!("{}_{kind}", id.id),
            capability_type: kind.to_owned(),
            settings: kept.unwrap_or(settings),
        });
    }
    changed(index, state)
}

/// What a change of an App ID leads to: its profiles are invalid.
fn changed(index: usize, state: &mut State) -> Outcome {
    let id = state.bundle_ids[index].id.clone();
    crate::asc::invalidate(state, &id);
    payload("appId", app_id(&state.bundle_ids[index], state, true))
}

pub(super) fn groups(call: &Call<'_>, state: &mut State) -> Outcome {
    let listed = state
        .groups
        .iter()
        .map(|known| associable(known, "applicationGroup", &state.team_id))
        .collect();
    call.page("applicationGroupList", listed)
}

pub(super) fn containers(call: &Call<'_>, state: &mut State) -> Outcome {
    let listed = state
        .containers
        .iter()
        .map(|known| associable(known, "cloudContainer", &state.team_id))
        .collect();
    call.page("cloudContainerList", listed)
}

/// A new one with the identifier and name of the call, which must begin as such identifiers do.
fn new_associable(call: &Call<'_>, start: &str, known: &[Associable], id: String) -> Result<Associable, No> {
    let identifier = call.required("identifier")?;
    let name = call.required("name")?;
    if !identifier.starts_with(start) || known.iter().any(|known| known.identifier == identifier) {
        return Err(No::new(9400, format!("'{identifier}' is not available.")));
    }
    Ok(Associable {
        id,
        identifier: identifier.to_owned(),
        name: name.to_owned(),
    })
}

pub(super) fn add_group(call: &Call<'_>, state: &mut State) -> Outcome {
    let id = state.id();
    let made = new_associable(call, "group.", &state.groups, id)?;
    let answer = associable(&made, "applicationGroup", &state.team_id);
    state.groups.push(made);
    payload("applicationGroup", answer)
}

pub(super) fn add_container(call: &Call<'_>, state: &mut State) -> Outcome {
    let id = state.id();
    let made = new_associable(call, "iCloud.", &state.containers, id)?;
    let answer = associable(&made, "cloudContainer", &state.team_id);
    state.containers.push(made);
    payload("cloudContainer", answer)
}

fn identifiers(ids: &[String], known: &[Associable]) -> Result<Vec<String>, No> {
    ids.iter()
        .map(|id| {
            let found = known.iter().find(|known| known.id == *id);
            found
                .map(|found| found.identifier.clone())
                .ok_or_else(|| No::data(format!("There is no '{id}' on this team.")))
        })
        .collect()
}

pub(super) fn assign_groups(call: &Call<'_>, state: &mut State) -> Outcome {
    let index = position(state, call.required("appIdId")?)?;
    state.bundle_ids[index].groups = identifiers(&call.values("applicationGroups"), &state.groups)?;
    changed(index, state)
}

pub(super) fn assign_containers(call: &Call<'_>, state: &mut State) -> Outcome {
    let index = position(state, call.required("appIdId")?)?;
    state.bundle_ids[index].containers = identifiers(&call.values("cloudContainers"), &state.containers)?;
    changed(index, state)
}

pub(super) fn merchants(call: &Call<'_>, state: &mut State) -> Outcome {
    let listed = state
        .merchants
        .iter()
        .map(|known| associable(known, "omcId", &state.team_id))
        .collect();
    call.page("identifierList", listed)
}

pub(super) fn add_merchant(call: &Call<'_>, state: &mut State) -> Outcome {
    let id = state.id();
    let made = new_associable(call, "merchant.", &state.merchants, id)?;
    let answer = associable(&made, "omcId", &state.team_id);
    state.merchants.push(made);
    payload("omcId", answer)
}

pub(super) fn assign_merchants(call: &Call<'_>, state: &mut State) -> Outcome {
    let index = position(state, call.required("appIdId")?)?;
    state.bundle_ids[index].merchants = identifiers(&call.values("omcIds"), &state.merchants)?;
    changed(index, state)
}

/// Takes the one with the ID away, and says its identifier.
fn removed(id: &str, known: &mut Vec<Associable>) -> Result<String, No> {
    let found = known.iter().position(|known| known.id == id);
    let index = found.ok_or_else(|| No::data(format!("There is no '{id}' on this team.")))?;
    Ok(known.remove(index).identifier)
}

pub(super) fn delete_merchant(call: &Call<'_>, state: &mut State) -> Outcome {
    let gone = removed(call.required("omcId")?, &mut state.merchants)?;
    for known in &mut state.bundle_ids {
        known.merchants.retain(|one| *one != gone);
    }
    Ok(super::Yes::Payload(Map::new()))
}

pub(super) fn delete_group(call: &Call<'_>, state: &mut State) -> Outcome {
    let gone = removed(call.required("applicationGroup")?, &mut state.groups)?;
    for known in &mut state.bundle_ids {
        known.groups.retain(|one| *one != gone);
    }
    Ok(super::Yes::Payload(Map::new()))
}
