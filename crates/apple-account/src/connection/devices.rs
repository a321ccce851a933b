//! The devices of team members.

use apple_types::Udid;
use serde_json::Value;

use super::fields;

/// A device of a team member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestDevice {
    /// Its UDID, as its owner wrote it, without characters that no UDID has.
    pub udid: Udid,
    /// Its title.
    pub title: String,
}

/// The devices, each once. Fact: Bitrise strips everything but letters, digits and hyphens, and compares without
/// hyphens and case (go-xcode, `devportalservice`, 2026-08).
pub(super) fn read(value: &Value, warnings: &mut Vec<String>) -> Vec<TestDevice> {
    let mut devices: Vec<TestDevice> = Vec::new();
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    for device in list.iter().filter(|device| !device.is_null()) {
        let title = fields::text(&device["title"]).unwrap_or_else(|| "without a title".to_owned());
        let written = fields::text(&device["device_identifier"]).unwrap_or_default();
        let udid: String = written
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        let Some(udid) = Udid::new(udid) else {
            warnings.push(format!("Skipped the test device `{title}`: it has no UDID."));
            continue;
        };
        if devices.iter().any(|known| known.udid == udid) {
            warnings.push(format!(
                "Skipped the test device `{title}`: another device has the same UDID."
            ));
        } else {
            devices.push(TestDevice { udid, title });
        }
    }
    devices
}
