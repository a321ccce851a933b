//! fastlane's JSON key file, and those of tools like it.
//!
//! Source: fastlane's documentation, "App Store Connect API": `key_id`, `issuer_id` (absent for an individual key), `key`,
//! `duration`, `in_house`; 2026-11. Other tools write the same under other names.

use serde_json::{Map, Value};

/// The fields of a JSON key file.
pub(super) struct KeyFile {
    pub(super) key: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) issuer_id: Option<String>,
    pub(super) enterprise: Option<bool>,
}

/// The file, or `None` when the text is no JSON object.
pub(super) fn read(text: &str) -> Option<KeyFile> {
    let document: Map<String, Value> = serde_json::from_str(text)
        // An editor broke the lines inside the strings; outside of them a blank is as good.
        .or_else(|_| serde_json::from_str(&text.replace(['\n', '\r', '\t'], " ")))
        .ok()?;
    let field = |names: &[&str]| {
        names
            .iter()
            .filter_map(|name| document.get(*name)?.as_str())
            .map(str::trim)
            .find(|text| !text.is_empty())
            .map(str::to_owned)
    };
    Some(KeyFile {
        key: field(&["key", "private_key", "privateKey", "key_content", "keyP8"]),
        key_id: field(&["key_id", "keyId", "kid"]),
        issuer_id: field(&["issuer_id", "issuerId", "iss"]),
        enterprise: document.get("in_house").and_then(Value::as_bool),
    })
}
