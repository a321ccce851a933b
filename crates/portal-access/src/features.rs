//! What the Developer Portal calls capabilities when it is reached by a session.
//!
//! Facts: feature IDs from open clients of the portal; newer capabilities have none that is known, and only a person can
//! enable those. Push notifications have a separate service, iCloud is two features, data protection has levels.

use std::collections::BTreeMap;

use provisioning::capability::Capability;
use serde_json::Value;

const PUSH: &str = "PUSH_NOTIFICATIONS";
const ICLOUD: &str = "ICLOUD";
const DATA_PROTECTION: &str = "DATA_PROTECTION";

/// Capabilities by Apple's `CapabilityType`, and what the portal calls them.
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
    (PUSH, "push"),
    ("SIRIKIT", "SI015DKUHP"),
    ("WALLET", "passbook"),
    ("WIRELESS_ACCESSORY_CONFIGURATION", "WC421J6T7P"),
    (DATA_PROTECTION, "dataProtection"),
    (ICLOUD, "iCloud"),
    ("ACCESS_WIFI_INFORMATION", "AWEQ28MY3E"),
    ("CLASSKIT", "PKTJAN2017"),
    ("AUTOFILL_CREDENTIAL_PROVIDER", "CPEQ28MX4E"),
    ("GAME_CENTER", "gameCenter"),
];

/// Levels of data protection: the option's name, and the portal's.
const LEVELS: [(&str, &str); 3] = [
    ("COMPLETE_PROTECTION", "complete"),
    ("PROTECTED_UNLESS_OPEN", "unlessopen"),
    ("PROTECTED_UNTIL_FIRST_USER_AUTH", "untilfirstauth"),
];

const LEVEL_SETTING: &str = "DATA_PROTECTION_PERMISSION_LEVEL";
const ICLOUD_SETTING: &str = "ICLOUD_VERSION";

/// The feature for a capability; `None` for one that only a person can enable.
pub(crate) fn of(kind: &str) -> Option<&'static str> {
    FEATURES
        .iter()
        .find(|(known, _)| *known == kind)
        .map(|(_, feature)| *feature)
}

/// What to set for a capability, in this order.
pub(crate) fn settings(capability: &Capability) -> Vec<(&'static str, String)> {
    let Some(feature) = of(&capability.kind) else {
        return Vec::new();
    };
    let option = |setting: &str| {
        let found = capability.settings.iter().find(|(key, _)| key == setting);
        found.and_then(|(_, options)| options.first()).cloned()
    };
    match capability.kind.as_str() {
        // The version first: iCloud is of no use to an app of today without it.
        ICLOUD => vec![("cloudKitVersion", "2".to_owned()), (feature, "true".to_owned())],
        DATA_PROTECTION => {
            let option = option(LEVEL_SETTING).unwrap_or_default();
            let level = LEVELS.iter().find(|(name, _)| *name == option);
            vec![(feature, level.map_or("complete", |(_, level)| level).to_owned())]
        }
        _ => vec![(feature, "true".to_owned())],
    }
}

/// The capabilities that an App ID's features stand for.
pub(crate) fn capabilities(features: &BTreeMap<String, Value>) -> Vec<Capability> {
    let is_on = |value: &Value| match value {
        Value::Bool(on) => *on,
        Value::String(text) => !text.is_empty() && text != "false",
        Value::Number(number) => number.as_i64() != Some(0),
        _ => false,
    };
    let plain = |kind: &str, settings: Vec<(String, Vec<String>)>| Capability {
        kind: kind.to_owned(),
        settings,
    };
    let setting = |key: &str, option: &str| vec![(key.to_owned(), vec![option.to_owned()])];
    FEATURES
        .iter()
        .filter_map(|(kind, feature)| {
            let value = features.get(*feature).filter(|value| is_on(value))?;
            Some(match *kind {
                ICLOUD => {
                    let version = features.get("cloudKitVersion");
                    let is_new = version
                        .is_some_and(|version| version.as_i64() == Some(2) || version.as_str() == Some("2"));
                    plain(
                        kind,
                        setting(ICLOUD_SETTING, if is_new { "XCODE_6" } else { "XCODE_5" }),
                    )
                }
                DATA_PROTECTION => {
                    let level = LEVELS.iter().find(|(_, level)| Some(*level) == value.as_str());
                    plain(
                        kind,
                        setting(
                            LEVEL_SETTING,
                            level.map_or("COMPLETE_PROTECTION", |(name, _)| name),
                        ),
                    )
                }
                _ => plain(kind, Vec::new()),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_read_back_as_the_same_capability() {
        for (kind, _) in &FEATURES {
            let options: &[&str] = match *kind {
                DATA_PROTECTION => &[
                    "COMPLETE_PROTECTION",
                    "PROTECTED_UNLESS_OPEN",
                    "PROTECTED_UNTIL_FIRST_USER_AUTH",
                ],
                ICLOUD => &["XCODE_6"],
                _ => &[""],
            };
            for option in options {
                let settings = match *kind {
                    DATA_PROTECTION => vec![(LEVEL_SETTING.to_owned(), vec![(*option).to_owned()])],
                    ICLOUD => vec![(ICLOUD_SETTING.to_owned(), vec![(*option).to_owned()])],
                    _ => Vec::new(),
                };
                let wanted = Capability {
                    kind: (*kind).to_owned(),
                    settings,
                };
                let features = super::settings(&wanted)
                    .into_iter()
                    .map(|(feature, value)| (feature.to_owned(), Value::String(value)))
                    .collect();
                assert_eq!(capabilities(&features), [wanted]);
            }
        }
    }

    #[test]
    fn what_is_off_is_no_capability() {
        let features = BTreeMap::from([
            ("push".to_owned(), Value::Bool(false)),
            ("dataProtection".to_owned(), Value::String(String::new())),
            ("LPLF93JG7M".to_owned(), Value::Bool(true)),
        ]);
        assert!(capabilities(&features).is_empty());
        assert!(of("APPLE_ID_AUTH").is_none());
    }
}
