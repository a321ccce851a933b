//! App IDs, their features, and what is associated with them.

use serde_json::{Map, Value, json};

use crate::asc::objects::Key;
use crate::asc::rules;
use crate::signing::{Associable, AssociableKind, BundleId, Capability};
use crate::state::State;

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
        for service in &SERVICES {
            let own = id.associated(service.kind);
            let known = state.associables.of(service.kind).iter();
            let known = known.filter(|known| own.contains(&known.identifier));
            let known = known.map(|known| associable(known, service.id, &state.team_id));
            fields.insert(service.associated.to_owned(), known.collect());
        }
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
        .filter(|known| state.lists.shows(known.hidden_until) && platform_fits(known))
        .map(|known| app_id(known, state, false))
        .collect();
    call.page("appIds", listed)
}

fn missing(id: &str) -> No {
    No::data(format!("There is no App ID '{id}' on this team."))
}

fn find<'a>(state: &'a State, id: &str) -> Result<&'a BundleId, No> {
    state.bundle_ids.by_id(id).ok_or_else(|| missing(id))
}

fn find_mut<'a>(state: &'a mut State, id: &str) -> Result<&'a mut BundleId, No> {
    state.bundle_ids.by_id_mut(id).ok_or_else(|| missing(id))
}

fn answer(id: &str, state: &State) -> Outcome {
    payload("appId", app_id(find(state, id)?, state, true))
}

pub(super) fn details(call: &Call<'_>, state: &mut State) -> Outcome {
    answer(call.require("appIdId")?, state)
}

pub(super) fn add(call: &Call<'_>, state: &mut State) -> Outcome {
    let identifier = call.require("identifier")?.to_owned();
    let name = call.require("name")?.to_owned();
    let is_wildcard = call.require("type")? == "wildcard";
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
    let id = state.fresh.id();
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
        hidden_until: state.lists.hidden_until(0),
    };
    let answer = app_id(&made, state, true);
    state.bundle_ids.push(made);
    payload("appId", answer)
}

pub(super) fn delete(call: &Call<'_>, state: &mut State) -> Outcome {
    let id = call.require("appIdId")?;
    find(state, id)?;
    rules::delete(&mut rules::Change::by_session(state), &Key::new("bundleIds", id))
        .map_err(|refusal| No::new(9401, refusal.detail()))?;
    Ok(super::Yes::Payload(Map::new()))
}

pub(super) fn rename(call: &Call<'_>, state: &mut State) -> Outcome {
    let id = call.require("appIdId")?;
    let known = find_mut(state, id)?;
    call.require("name")?.clone_into(&mut known.name);
    answer(id, state)
}

pub(super) fn set_feature(call: &Call<'_>, action: &str, state: &mut State) -> Outcome {
    let id = call.require("displayId")?;
    find(state, id)?;
    let feature = call.require("featureType")?;
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
    let capabilities = &mut find_mut(state, id)?.capabilities;
    let had = capabilities
        .iter()
        .position(|known| known.capability_type == kind)
        .map(|position| capabilities.remove(position));
    if !is_off {
        let kept = had.map(|had| had.settings).filter(|_| settings.is_null());
        capabilities.push(Capability {
            id: format!("{id}_{kind}"),
            capability_type: kind.to_owned(),
            settings: kept.unwrap_or(settings),
        });
    }
    answer_changed(id, state)
}

/// What a change of an App ID leads to: its profiles are invalid.
fn answer_changed(id: &str, state: &mut State) -> Outcome {
    crate::asc::invalidate(state, id);
    answer(id, state)
}

/// What App IDs can be associated with, and how the portal's services call it.
pub(super) struct Service {
    kind: AssociableKind,
    /// The ID of one of them: in answers, and in the calls that delete it.
    id: &'static str,
    /// The list of all.
    list: &'static str,
    /// Those of an App ID.
    associated: &'static str,
    /// The IDs in a call that assigns them.
    assigned: &'static str,
}

const SERVICES: [Service; 3] = [GROUPS, CONTAINERS, MERCHANTS];

pub(super) const GROUPS: Service = Service {
    kind: AssociableKind::Group,
    id: "applicationGroup",
    list: "applicationGroupList",
    associated: "associatedApplicationGroups",
    assigned: "applicationGroups",
};

pub(super) const CONTAINERS: Service = Service {
    kind: AssociableKind::Container,
    id: "cloudContainer",
    list: "cloudContainerList",
    associated: "associatedCloudContainers",
    assigned: "cloudContainers",
};

pub(super) const MERCHANTS: Service = Service {
    kind: AssociableKind::Merchant,
    id: "omcId",
    list: "identifierList",
    associated: "associatedIdentifiers",
    assigned: "omcIds",
};

impl Service {
    pub(super) fn list(&self, call: &Call<'_>, state: &State) -> Outcome {
        let all = state.associables.of(self.kind).iter();
        let all = all.map(|known| associable(known, self.id, &state.team_id));
        call.page(self.list, all.collect())
    }

    /// A new one with the identifier and name of the call.
    pub(super) fn add(&self, call: &Call<'_>, state: &mut State) -> Outcome {
        let made = Associable {
            id: state.fresh.id(),
            identifier: call.require("identifier")?.to_owned(),
            name: call.require("name")?.to_owned(),
        };
        let answer = associable(&made, self.id, &state.team_id);
        let words = format!("'{}' is not available.", made.identifier);
        if !state.associables.add(self.kind, made) {
            return Err(No::new(9400, words));
        }
        payload(self.id, answer)
    }

    /// The associations of an App ID become those of the call.
    pub(super) fn assign(&self, call: &Call<'_>, state: &mut State) -> Outcome {
        let owner = call.require("appIdId")?;
        find(state, owner)?;
        let mut identifiers = Vec::new();
        for id in call.values(self.assigned) {
            let known = state.associables.of(self.kind).by_id(&id);
            let known = known.ok_or_else(|| No::data(format!("There is no '{id}' on this team.")))?;
            identifiers.push(known.identifier.clone());
        }
        *find_mut(state, owner)?.associated_mut(self.kind) = identifiers;
        answer_changed(owner, state)
    }

    /// Takes one away, from every App ID, too.
    pub(super) fn delete(&self, call: &Call<'_>, state: &mut State) -> Outcome {
        let id = call.require(self.id)?;
        let gone = state.associables.remove(self.kind, id);
        let gone = gone.ok_or_else(|| No::data(format!("There is no '{id}' on this team.")))?;
        for known in &mut state.bundle_ids {
            known.associated_mut(self.kind).retain(|one| *one != gone);
        }
        Ok(super::Yes::Payload(Map::new()))
    }
}
