//! Devices.

use time::OffsetDateTime;

use super::Change;
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::objects::Key;
use crate::signing::Device;

/// Whether a text is a device's identifier: of iPhones and iPads before and after 2018, of Macs.
pub(crate) fn is_udid(text: &str) -> bool {
    let hex = text.replace('-', "");
    matches!(text.len(), 24 | 25 | 36 | 40) && hex.chars().all(|c| c.is_ascii_hexdigit())
}

/// Names are up to 50 characters long.
fn check_name(name: &str) -> Result<(), Refusal> {
    if name.chars().count() <= 50 && !name.trim().is_empty() {
        return Ok(());
    }
    Err(Refusal::attribute(
        "name",
        "An attribute value is invalid. A device's name has 1 to 50 characters",
    ))
}

pub(super) fn register(change: &mut Change<'_>, draft: &Draft) -> Result<Key, Refusal> {
    let (udid, platform) = (draft.text("udid"), draft.text("platform"));
    check_name(draft.text("name"))?;
    if !is_udid(udid) {
        return Err(Refusal::attribute(
            "udid",
            format!("An attribute value is invalid. '{udid}' is not a valid device identifier"),
        ));
    }
    let state = &mut *change.state;
    let plain = |text: &str| text.replace('-', "").to_lowercase();
    if state
        .devices
        .iter()
        .any(|known| plain(&known.udid) == plain(udid))
    {
        return Err(Refusal::duplicate(
            "udid",
            format!("A device with number '{udid}' already exists on this team."),
        ));
    }
    if state.devices.len() >= state.portal.device_limit {
        return Err(Refusal::entity(
            "ENTITY_ERROR",
            "Your development team has reached the maximum number of registered iPhone devices.",
        ));
    }
    let class = if platform == "MAC_OS" { "MAC" } else { "IPHONE" };
    let status = if state.portal.devices_are_processed {
        "PROCESSING"
    } else {
        "ENABLED"
    };
    let made = Device {
        id: state.fresh.id(),
        name: draft.text("name").to_owned(),
        udid: udid.to_owned(),
        device_class: class.to_owned(),
        status: status.to_owned(),
        // What is registered for every platform is an iPhone here.
        platform: if platform == "MAC_OS" { "MAC_OS" } else { "IOS" }.to_owned(),
        added: OffsetDateTime::now_utc(),
        hidden_until: state.lists.hidden_until(0),
    };
    let key = Key::new("devices", &made.id);
    state.devices.push(made);
    Ok(key)
}

/// Renames, disables, or enables a device.
pub(super) fn change(change: &mut Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let (name, status) = (draft.text("name"), draft.text("status"));
    if draft.attributes.get("name").is_some_and(|value| !value.is_null()) {
        check_name(name)?;
    }
    if let Some(known) = change.state.devices.by_id_mut(&draft.id) {
        if !name.is_empty() {
            name.clone_into(&mut known.name);
        }
        if !status.is_empty() {
            status.clone_into(&mut known.status);
        }
    }
    Ok(())
}
