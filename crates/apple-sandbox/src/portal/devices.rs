//! Devices.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::asc::is_udid;
use crate::signing::Device;
use crate::state::State;

use super::{Call, No, Outcome, Yes, payload};

/// What the portal calls classes of devices.
const CLASSES: [(&str, &str); 9] = [
    ("IPHONE", "iphone"),
    ("IPAD", "ipad"),
    ("IPOD", "ipod"),
    ("APPLE_WATCH", "watch"),
    ("APPLE_TV", "tvOS"),
    ("APPLE_VISION_PRO", "vision"),
    ("MAC", "mac"),
    // Beside `mac` since 2023 (fastlane #20676); how exactly the older services spell them is not known.
    ("INTEL_MAC", "intelMac"),
    ("APPLE_SILICON_MAC", "appleSiliconMac"),
];

pub(super) fn device(device: &Device) -> Value {
    let class = CLASSES.iter().find(|(name, _)| *name == device.device_class);
    let status = match device.status.as_str() {
        "ENABLED" => "c",
        "PROCESSING" => "p",
        _ => "r",
    };
    json!({
        "deviceId": device.id,
        "name": device.name,
        "deviceNumber": device.udid,
        "devicePlatform": if device.platform == "MAC_OS" { "mac" } else { "ios" },
        "status": status,
        "model": null,
        "deviceClass": class.map_or("iphone", |(_, name)| name),
    })
}

pub(super) fn list(call: &Call<'_>, state: &mut State) -> Outcome {
    let classes = call.values("deviceClasses");
    let with_removed = call.value("includeRemovedDevices") == "true";
    let platform = if call.is_mac() { "MAC_OS" } else { "IOS" };
    let listed = state
        .devices
        .iter()
        .filter(|known| known.platform == platform && state.lists.shows(known.hidden_until))
        .filter(|known| with_removed || known.status != "DISABLED")
        .map(device)
        .filter(|known| classes.is_empty() || classes.iter().any(|class| known["deviceClass"] == **class))
        .collect();
    call.page("devices", listed)
}

pub(super) fn add(call: &Call<'_>, state: &mut State) -> Outcome {
    let udid = call.require("deviceNumbers")?.to_owned();
    let name = call.require("deviceNames")?.to_owned();
    let class = call.require("deviceClasses")?;
    if call.value("register") != "single" || name.chars().count() > 50 {
        return Err(No::data(
            "There were errors in the data supplied. Please correct and re-submit.",
        ));
    }
    let is_known = state
        .devices
        .iter()
        .any(|known| known.udid.eq_ignore_ascii_case(&udid));
    if !is_udid(&udid) || is_known {
        // A device that is not taken is no error for the portal.
        let words = format!("A device with number '{udid}' is invalid or already exists on this team.");
        return Ok(Yes::Payload(Map::from_iter([
            ("devices".to_owned(), json!([])),
            ("failedDevices".to_owned(), json!([name])),
            (
                "validationMessages".to_owned(),
                json!([{"validationKey": "deviceNumber", "validationUserMessage": words}]),
            ),
        ])));
    }
    if state.devices.len() >= state.portal.device_limit {
        return Err(No::new(
            5405,
            // AtB-AS/mittatb-app #5972, 2026-04-14, and nab138/iloader #715, 2026-09-11.
            "Your development team has reached the maximum number of registered iPhone devices.",
        ));
    }
    let is_mac = class == "mac";
    let made = Device {
        id: state.fresh.id(),
        name,
        udid,
        device_class: if is_mac { "MAC" } else { "IPHONE" }.to_owned(),
        status: if state.portal.devices_are_processed {
            "PROCESSING"
        } else {
            "ENABLED"
        }
        .to_owned(),
        platform: if is_mac { "MAC_OS" } else { "IOS" }.to_owned(),
        added: OffsetDateTime::now_utc(),
        hidden_until: state.lists.hidden_until(0),
    };
    let answer = json!([device(&made)]);
    state.devices.push(made);
    payload("devices", answer)
}

pub(super) fn set_status(id: &str, status: &str, state: &mut State) -> Outcome {
    let Some(known) = state.devices.by_id_mut(id) else {
        return Err(No::data(format!("There is no device '{id}' on this team.")));
    };
    status.clone_into(&mut known.status);
    payload("device", device(known))
}
