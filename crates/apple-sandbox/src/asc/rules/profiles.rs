//! Provisioning profiles.

use super::Change;
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::objects::Key;
use crate::profile;
use crate::signing::ProfileParts;

pub(super) fn create(change: &mut Change<'_>, draft: &Draft) -> Result<Key, Refusal> {
    let (name, kind) = (
        draft.text("name").to_owned(),
        draft.text("profileType").to_owned(),
    );
    let (bundle_id, certificates, devices) = (
        draft.one("bundleId").to_owned(),
        draft.many("certificates"),
        draft.many("devices"),
    );
    let state = &mut *change.state;
    // The portal's message names these characters.
    if name.trim().is_empty() || name.contains(['@', '&', '*', '\'', '"']) && change.by_key {
        return Err(Refusal::attribute(
            "name",
            "You can not use special characters such as @, &, *, ', \" in a profile's name.",
        ));
    }
    // The Enterprise Program has no App Store, and only it distributes in-house.
    let is_of_other_program = if state.enterprise {
        kind.ends_with("_STORE")
    } else {
        kind.ends_with("_INHOUSE")
    };
    if change.by_key && is_of_other_program {
        let words = format!("You are not permitted to create profiles of the type {kind} on this team.");
        return Err(Refusal::attribute("profileType", words));
    }
    if certificates.is_empty() {
        return Err(Refusal::needs_relationship("certificates"));
    }
    for id in &certificates {
        let known = state.certificates.by_id(id);
        let fits = known.is_some_and(|known| profile::takes_certificate(&kind, &known.certificate_type));
        if !fits {
            return Err(Refusal::relationship(
                "certificates",
                format!(
                    "A certificate of type {} can't be used in a profile of type {kind}",
                    known.map_or("", |known| known.certificate_type.as_str())
                ),
            ));
        }
    }
    for id in &devices {
        let Some(known) = state.devices.by_id(id) else {
            continue;
        };
        let words = if !profile::takes_device(&kind, &known.device_class) {
            format!(
                "The device '{}' can't be used in a profile of type {kind}",
                known.name
            )
        } else if known.status != "ENABLED" {
            format!("The device '{}' is not enabled", known.name)
        } else {
            continue;
        };
        return Err(Refusal::relationship("devices", words));
    }
    if profile::lists_devices(&kind) && devices.is_empty() {
        let words = "You must provide devices for this profile type";
        return Err(Refusal::relationship("devices", words));
    }
    if !profile::lists_devices(&kind) && !devices.is_empty() {
        // Code and words from codemagic-cli-tools pull request #26 (2020-03-13), which quotes the answer for the App Store.
        let place = match kind.as_str() {
            kind if kind.ends_with("_STORE") => "the App Store",
            kind if kind.ends_with("_INHOUSE") => "In-House distribution",
            _ => "direct distribution",
        };
        let words = format!("No devices can be associated to Provisioning Profiles for {place}.");
        let code = "ENTITY_ERROR.RELATIONSHIP.NOT_ALLOWED";
        return Err(Refusal::entity(code, words).at("/data/relationships/devices"));
    }
    let known = state.bundle_ids.by_id(&bundle_id);
    if kind.ends_with("_STORE") && known.is_some_and(|known| known.identifier.ends_with('*')) {
        let words = "A profile for the App Store can't be made for a wildcard App ID";
        return Err(Refusal::relationship("bundleId", words));
    }
    if state.profiles.iter().any(|known| known.name == name) {
        return Err(Refusal::duplicate(
            "name",
            format!(
                "Multiple profiles found with the name '{name}'. Please remove the duplicate profiles and try again."
            ),
        ));
    }
    let made = state.make_profile(ProfileParts {
        name: &name,
        profile_type: &kind,
        bundle_id: &bundle_id,
        certificates,
        devices,
        created: change.now,
    });
    let key = Key::new("profiles", &made.id);
    state.profiles.push(made);
    Ok(key)
}
