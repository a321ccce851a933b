//! Bundle IDs and their capabilities.

use serde_json::{Value, json};

use super::Change;
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::objects::Key;
use crate::signing::{BundleId, Capability};
use crate::state::State;

/// Whether a text is a bundle ID: parts of letters, digits and hyphens between periods; the last part may be `*`.
pub(crate) fn is_identifier(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    text.len() <= 255
        && parts.split_last().is_some_and(|(last, rest)| {
            rest.iter().all(|part| is_part(part)) && (*last == "*" || is_part(last))
        })
}

/// The characters that the names of App IDs can't have, by the portal's own message.
const FORBIDDEN: [char; 7] = ['@', '&', '*', '\'', '"', '-', '.'];

fn check_name(name: &str) -> Result<(), Refusal> {
    let is_name = !name.trim().is_empty()
        && name.chars().count() <= 255
        && !name.chars().any(|c| FORBIDDEN.contains(&c) || c.is_control());
    if is_name {
        return Ok(());
    }
    Err(Refusal::entity(
        "ENTITY_ERROR.ATTRIBUTE.INVALID.INVALID_CHARACTERS",
        format!("An attribute value is invalid. '{name}' has invalid characters"),
    )
    .at("/data/attributes/name"))
}

pub(super) fn create(change: &mut Change<'_>, draft: &Draft) -> Result<Key, Refusal> {
    let (identifier, name) = (draft.text("identifier"), draft.text("name"));
    if !is_identifier(identifier) {
        return Err(Refusal::attribute(
            "identifier",
            format!("An attribute value is invalid. '{identifier}' is not a valid identifier"),
        ));
    }
    check_name(name)?;
    let state = &mut *change.state;
    let seed = draft.text("seedId");
    if !seed.is_empty() && seed != state.team_id {
        return Err(Refusal::attribute(
            "seedId",
            format!("An attribute value is invalid. '{seed}' is not a seed ID of the team"),
        ));
    }
    if state
        .bundle_ids
        .iter()
        .any(|known| known.identifier.eq_ignore_ascii_case(identifier))
    {
        return Err(Refusal::duplicate(
            "identifier",
            format!(
                "An App ID with Identifier '{identifier}' is not available. Please enter a different string."
            ),
        ));
    }
    let made = BundleId {
        id: state.fresh.id(),
        identifier: identifier.to_owned(),
        name: name.to_owned(),
        platform: draft.text("platform").to_owned(),
        capabilities: Vec::new(),
        containers: Vec::new(),
        groups: Vec::new(),
        merchants: Vec::new(),
        parent: None,
        hidden_until: state.lists.hidden_until(0),
    };
    let key = Key::new("bundleIds", &made.id);
    state.bundle_ids.push(made);
    Ok(key)
}

pub(super) fn rename(change: &mut Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let Some(name) = draft.attributes.get("name").and_then(Value::as_str) else {
        return Ok(());
    };
    check_name(name)?;
    if let Some(known) = change.state.bundle_ids.by_id_mut(&draft.id) {
        name.clone_into(&mut known.name);
    }
    Ok(())
}

/// An App ID that an app uses stays.
pub(super) fn delete(change: &mut Change<'_>, id: &str) -> Result<(), Refusal> {
    let state = &mut *change.state;
    let Some(known) = state.bundle_ids.by_id(id) else {
        return Ok(());
    };
    if state.apps.iter().any(|app| app.bundle_id == known.identifier) {
        return Err(Refusal::entity(
            "ENTITY_ERROR",
            format!(
                "The App ID '{}' appears to be in use by the App Store, so it can not be removed at this time.",
                known.identifier
            ),
        ));
    }
    invalidate(state, id);
    state.bundle_ids.remove(id);
    Ok(())
}

/// Refuses pass type IDs that can't be, or that there are already. They begin with `pass.` (Apple's help, "Create a pass
/// type identifier").
pub(super) fn check_pass_type(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let identifier = draft.text("identifier");
    if draft.kind != "passTypeIds" || identifier.is_empty() {
        return Ok(());
    }
    if !identifier.starts_with("pass.") || !is_identifier(identifier) {
        let words =
            format!("An attribute value is invalid. '{identifier}' is not a valid pass type identifier");
        return Err(Refusal::attribute("identifier", words));
    }
    let objects = &change.state.objects;
    let is_taken = |id: &String| {
        objects
            .text("passTypeIds", id, "identifier")
            .eq_ignore_ascii_case(identifier)
    };
    if objects.ids("passTypeIds").iter().any(is_taken) {
        let words = format!("A pass type ID with Identifier '{identifier}' is not available.");
        return Err(Refusal::duplicate("identifier", words));
    }
    Ok(())
}

/// The settings that a capability has, with their options.
fn settings_of(kind: &str) -> (&'static str, &'static [&'static str]) {
    match kind {
        "ICLOUD" => ("ICLOUD_VERSION", &["XCODE_5", "XCODE_6"]),
        "DATA_PROTECTION" => (
            "DATA_PROTECTION_PERMISSION_LEVEL",
            &[
                "COMPLETE_PROTECTION",
                "PROTECTED_UNLESS_OPEN",
                "PROTECTED_UNTIL_FIRST_USER_AUTH",
            ],
        ),
        "APPLE_ID_AUTH" => ("APPLE_ID_AUTH_APP_CONSENT", &["PRIMARY_APP_CONSENT"]),
        _ => ("", &[]),
    }
}

/// Settings in full, as Apple answers them.
fn settings(kind: &str, given: Option<&Value>) -> Result<Value, Refusal> {
    let (known, options) = settings_of(kind);
    let mut all = Vec::new();
    for (index, setting) in given.and_then(Value::as_array).into_iter().flatten().enumerate() {
        let at = format!("settings/{index}");
        let key = setting["key"].as_str().unwrap_or_default();
        if key != known || key.is_empty() {
            let words = format!("'{key}' is not a setting of the capability {kind}");
            return Err(Refusal::attribute(&format!("{at}/key"), words));
        }
        let mut own = Vec::new();
        for (index, option) in setting["options"].as_array().into_iter().flatten().enumerate() {
            let key = option["key"].as_str().unwrap_or_default();
            if !options.contains(&key) {
                let words = format!("'{key}' is not an option of the setting {known}");
                return Err(Refusal::attribute(&format!("{at}/options/{index}/key"), words));
            }
            own.push(json!({
                "key": key,
                "name": key,
                "description": "",
                "enabledByDefault": false,
                "enabled": option["enabled"].as_bool().unwrap_or(true),
                "supportsWildcard": false,
            }));
        }
        let on = own.iter().filter(|option| option["enabled"] == true).count();
        if on > 1 {
            let words = format!("The setting {known} takes one option");
            return Err(Refusal::attribute(&format!("{at}/options"), words));
        }
        all.push(json!({
            "key": key,
            "name": key,
            "description": "",
            "enabledByDefault": true,
            "visible": true,
            "allowedInstances": "ENTRY",
            "minInstances": 1,
            "options": own,
        }));
    }
    Ok(if all.is_empty() { Value::Null } else { all.into() })
}

/// Capabilities that an App ID for many apps can't have (Apple's help, "Register an App ID").
const NOT_FOR_WILDCARDS: [&str; 5] = [
    "GAME_CENTER",
    "IN_APP_PURCHASE",
    "PUSH_NOTIFICATIONS",
    "APPLE_PAY",
    "APPLE_ID_AUTH",
];

pub(super) fn enable(change: &mut Change<'_>, draft: &Draft) -> Result<Key, Refusal> {
    let kind = draft.text("capabilityType").to_owned();
    let settings = settings(&kind, draft.attributes.get("settings"))?;
    let owner = draft.one("bundleId").to_owned();
    let made = Capability {
        id: format!("{owner}_{kind}"),
        capability_type: kind.clone(),
        settings,
    };
    let key = Key::new("bundleIdCapabilities", &made.id);
    if let Some(known) = change.state.bundle_ids.by_id_mut(&owner) {
        if known.identifier.ends_with('*') && NOT_FOR_WILDCARDS.contains(&kind.as_str()) {
            return Err(Refusal::attribute(
                "capabilityType",
                format!(
                    "The capability {kind} is not available for the wildcard App ID '{}'.",
                    known.identifier
                ),
            ));
        }
        // Enabling what is enabled changes its settings.
        known.capabilities.retain(|known| known.id != made.id);
        known.capabilities.push(made);
    }
    invalidate(change.state, &owner);
    Ok(key)
}

/// The bundle ID of a capability.
fn owner(state: &State, id: &str) -> Option<String> {
    let has = |known: &&BundleId| known.capabilities.iter().any(|capability| capability.id == id);
    state.bundle_ids.iter().find(has).map(|known| known.id.clone())
}

pub(super) fn change(change: &mut Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let Some(owner) = owner(change.state, &draft.id) else {
        return Ok(());
    };
    let mut all = change
        .state
        .bundle_ids
        .iter_mut()
        .flat_map(|known| &mut known.capabilities);
    if let Some(known) = all.find(|known| known.id == draft.id) {
        let kind = draft.text("capabilityType");
        if !kind.is_empty() && kind != known.capability_type {
            let words = "The type of a capability can't be changed";
            return Err(Refusal::attribute("capabilityType", words));
        }
        known.settings = settings(&known.capability_type, draft.attributes.get("settings"))?;
    }
    invalidate(change.state, &owner);
    Ok(())
}

pub(super) fn disable(change: &mut Change<'_>, id: &str) {
    let Some(owner) = owner(change.state, id) else {
        return;
    };
    if let Some(known) = change.state.bundle_ids.by_id_mut(&owner) {
        known.capabilities.retain(|capability| capability.id != id);
    }
    invalidate(change.state, &owner);
}

/// A change of capabilities makes the bundle ID's profiles invalid.
pub(crate) fn invalidate(state: &mut State, bundle_id: &str) {
    state.invalidate_profiles(|profile| profile.bundle_id == bundle_id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_id_has_parts_between_periods() {
        for (text, right) in [
            ("com.example.courier", true),
            ("com.example.courier-2", true),
            ("courier", true),
            ("com.example.*", true),
            ("*", true),
            ("..", false),
            (".", false),
            ("", false),
            (".com", false),
            ("com.", false),
            ("com..example", false),
            ("com.*.example", false),
            ("com.exa*", false),
            ("com.exam_ple", false),
            ("com.exämple", false),
            ("com example", false),
        ] {
            assert_eq!(is_identifier(text), right, "{text}");
        }
        assert!(!is_identifier(&"a".repeat(256)));
    }

    #[test]
    fn only_three_capabilities_have_settings() {
        let one =
            |key: &str, option: &str| json!([{"key": key, "options": [{"key": option, "enabled": true}]}]);
        let right = one("ICLOUD_VERSION", "XCODE_6");
        assert_eq!(
            settings("ICLOUD", Some(&right)).unwrap()[0]["options"][0]["key"],
            "XCODE_6"
        );
        assert!(settings("GAME_CENTER", Some(&right)).is_err());
        assert!(settings("ICLOUD", Some(&one("ICLOUD_VERSION", "COMPLETE_PROTECTION"))).is_err());
        assert!(settings("GAME_CENTER", Some(&json!([]))).unwrap().is_null());
    }
}
