//! What an entitlement asks of the bundle ID: the complete table, and who can provide it.
//!
//! Capability names are Apple's `CapabilityType` of the App Store Connect API. What that enumeration leaves
//! out can only be switched on by a person or by an Apple ID session; some entitlements Apple grants on
//! request, and they ride on the profile rather than on the bundle ID.

use plist::{Dictionary, Value};
use serde::Serialize;

/// The list of identifiers on Apple's developer site, where a person configures a bundle ID.
pub const IDENTIFIERS_PAGE: &str = "https://developer.apple.com/account/resources/identifiers/list";

const ICLOUD_SERVICES: &str = "com.apple.developer.icloud-services";
const ICLOUD_CONTAINERS: &str = "com.apple.developer.icloud-container-identifiers";
const KEY_VALUE_STORE: &str = "com.apple.developer.ubiquity-kvstore-identifier";
const APP_GROUPS: &str = "com.apple.security.application-groups";
const DATA_PROTECTION: &str = "com.apple.developer.default-data-protection";
const PARENT_APPS: &str = "com.apple.developer.parent-application-identifiers";
const SIGN_IN_WITH_APPLE: &str = "com.apple.developer.applesignin";

/// A capability as a bundle ID has it or should have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capability {
    /// Apple's `CapabilityType`, such as `PUSH_NOTIFICATIONS`.
    pub kind: String,
    /// Settings by key with their chosen options, such as `ICLOUD_VERSION` → `XCODE_6`.
    pub settings: Vec<(String, Vec<String>)>,
}

impl Capability {
    fn plain(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            settings: Vec::new(),
        }
    }

    fn with(kind: &str, setting: &str, option: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            settings: vec![(setting.to_owned(), vec![option.to_owned()])],
        }
    }

    /// Whether `self`, as found on the portal, gives what `wanted` asks for.
    ///
    /// Sign in with Apple counts as given however it is set: grouping it under another primary app is a
    /// person's choice that only its owner may change.
    pub fn satisfies(&self, wanted: &Self) -> bool {
        self.kind == wanted.kind
            && (self.kind == "APPLE_ID_AUTH"
                || wanted
                    .settings
                    .iter()
                    .all(|setting| self.settings.contains(setting)))
    }
}

/// What one entitlement asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing: the bundle ID need not know of it.
    Nothing,
    /// A capability that the public API can enable.
    Capability(Capability),
    /// A capability that only a person can enable on Apple's site; its name there.
    ByHand(&'static str),
    /// Apple grants it on request and attaches it to a profile; what it is called.
    AttachedByApple(&'static str),
    /// An entitlement that this table does not know.
    Unknown,
}

/// Entitlements that one capability without settings provides.
const PLAIN: &[(&str, &str)] = &[
    ("aps-environment", "PUSH_NOTIFICATIONS"),
    ("com.apple.developer.aps-environment", "PUSH_NOTIFICATIONS"),
    (APP_GROUPS, "APP_GROUPS"),
    ("com.apple.developer.in-app-payments", "APPLE_PAY"),
    ("com.apple.developer.associated-domains", "ASSOCIATED_DOMAINS"),
    ("com.apple.developer.healthkit", "HEALTHKIT"),
    ("com.apple.developer.homekit", "HOMEKIT"),
    ("com.apple.developer.networking.HotspotConfiguration", "HOT_SPOT"),
    ("com.apple.InAppPurchase", "IN_APP_PURCHASE"),
    ("com.apple.developer.game-center", "GAME_CENTER"),
    ("inter-app-audio", "INTER_APP_AUDIO"),
    ("com.apple.developer.maps", "MAPS"),
    ("com.apple.developer.networking.multipath", "MULTIPATH"),
    (
        "com.apple.developer.networking.networkextension",
        "NETWORK_EXTENSIONS",
    ),
    ("com.apple.developer.nfc.readersession.formats", "NFC_TAG_READING"),
    ("com.apple.developer.networking.vpn.api", "PERSONAL_VPN"),
    ("com.apple.developer.siri", "SIRIKIT"),
    ("com.apple.developer.pass-type-identifiers", "WALLET"),
    (
        "com.apple.external-accessory.wireless-configuration",
        "WIRELESS_ACCESSORY_CONFIGURATION",
    ),
    (
        "com.apple.developer.authentication-services.autofill-credential-provider",
        "AUTOFILL_CREDENTIAL_PROVIDER",
    ),
    (
        "com.apple.developer.networking.wifi-info",
        "ACCESS_WIFI_INFORMATION",
    ),
    ("com.apple.developer.ClassKit-environment", "CLASSKIT"),
    (
        "com.apple.developer.coremedia.hls.low-latency",
        "COREMEDIA_HLS_LOW_LATENCY",
    ),
    (
        "com.apple.developer.system-extension.install",
        "SYSTEM_EXTENSION_INSTALL",
    ),
    ("com.apple.developer.user-management", "USER_MANAGEMENT"),
    (
        "com.apple.developer.networking.custom-protocol",
        "NETWORK_CUSTOM_PROTOCOL",
    ),
];

/// Capabilities that the public API lacks: a person enables them on the bundle ID's page.
const BY_HAND: &[(&str, &str)] = &[
    (
        "com.apple.developer.devicecheck.appattest-environment",
        "App Attest",
    ),
    ("com.apple.developer.family-controls", "Family Controls"),
    ("com.apple.developer.group-session", "Group Activities"),
    (
        "com.apple.developer.usernotifications.time-sensitive",
        "Time Sensitive Notifications",
    ),
    (
        "com.apple.developer.usernotifications.communication",
        "Communication Notifications",
    ),
    (
        "com.apple.developer.kernel.extended-virtual-addressing",
        "Extended Virtual Addressing",
    ),
    (
        "com.apple.developer.kernel.increased-memory-limit",
        "Increased Memory Limit",
    ),
    (
        "com.apple.developer.kernel.increased-debugging-memory-limit",
        "Increased Debugging Memory Limit",
    ),
    ("com.apple.developer.weatherkit", "WeatherKit"),
    ("com.apple.developer.push-to-talk", "Push to Talk"),
    ("com.apple.developer.declared-age-range", "Declared Age Range"),
    (
        "com.apple.developer.fileprovider.testing-mode",
        "File Provider Testing Mode",
    ),
    ("com.apple.developer.user-fonts", "Fonts"),
    (
        "com.apple.developer.healthkit.recalibrate-estimates",
        "HealthKit Estimate Recalibration",
    ),
    (
        "com.apple.developer.matter.allow-setup-payload",
        "Matter Allow Setup Payload",
    ),
    (
        "com.apple.developer.media-device-discovery-extension",
        "Media Device Discovery",
    ),
    (
        "com.apple.developer.shared-with-you.collaboration",
        "Messages Collaboration",
    ),
    ("com.apple.developer.shared-with-you", "Shared with You"),
    (
        "com.apple.developer.sensitivecontentanalysis.client",
        "Sensitive Content Analysis",
    ),
    ("com.apple.developer.sustained-execution", "Sustained Execution"),
    (
        "com.apple.developer.associated-domains.mdm-managed",
        "MDM Managed Associated Domains",
    ),
    (
        "com.apple.developer.on-demand-install-capable",
        "On Demand Install Capable",
    ),
    ("com.apple.developer.driverkit", "DriverKit"),
];

/// Entitlements that Apple grants on request, by key or by the beginning of it.
const ATTACHED: &[(&str, &str)] = &[
    ("com.apple.developer.contacts.notes", "Contacts Notes"),
    ("com.apple.developer.carplay-", "CarPlay"),
    (
        "com.apple.developer.exposure-notification",
        "Exposure Notification",
    ),
    (
        "com.apple.developer.usernotifications.critical-alerts",
        "Critical Alerts",
    ),
    ("com.apple.developer.proximity-reader.", "Tap to Pay"),
];

/// Entitlements that the bundle ID need not know of, by key or by the beginning of it.
const NOTHING: &[&str] = &[
    "application-identifier",
    "com.apple.application-identifier",
    "com.apple.developer.team-identifier",
    "get-task-allow",
    "com.apple.security.get-task-allow",
    "keychain-access-groups",
    "beta-reports-active",
    ICLOUD_CONTAINERS,
    KEY_VALUE_STORE,
    PARENT_APPS,
    "com.apple.developer.icloud-container-environment",
    "com.apple.developer.icloud-container-development-container-identifiers",
    "com.apple.developer.icloud-extended-share-access",
    "com.apple.developer.ubiquity-container-identifiers",
    "com.apple.developer.healthkit.access",
    "com.apple.developer.healthkit.background-delivery",
    "com.apple.developer.associated-appclip-app-identifiers",
    "com.apple.developer.applesignin.",
    "com.apple.developer.web-browser",
    // The App Sandbox and the Hardened Runtime are enforced by the signature alone.
    "com.apple.security.",
];

/// What the entitlement `key` of a target asks for; `all` are that target's entitlements.
pub fn requirement(key: &str, all: &Dictionary) -> Requirement {
    let by_key = |table: &[(&'static str, &'static str)]| {
        table
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, name)| *name)
    };
    if !is_asked_for(all.get(key)) {
        return Requirement::Nothing;
    }
    if let Some(kind) = by_key(PLAIN) {
        return Requirement::Capability(Capability::plain(kind));
    }
    match key {
        ICLOUD_SERVICES => {
            return Requirement::Capability(Capability::with("ICLOUD", "ICLOUD_VERSION", "XCODE_6"));
        }
        SIGN_IN_WITH_APPLE => {
            return Requirement::Capability(Capability::with(
                "APPLE_ID_AUTH",
                "APPLE_ID_AUTH_APP_CONSENT",
                "PRIMARY_APP_CONSENT",
            ));
        }
        DATA_PROTECTION => return data_protection(all.get(key)),
        // Key-value storage works through the iCloud capability as well.
        KEY_VALUE_STORE if !is_asked_for(all.get(ICLOUD_SERVICES)) => {
            return Requirement::Capability(Capability::with("ICLOUD", "ICLOUD_VERSION", "XCODE_6"));
        }
        _ => {}
    }
    if let Some(name) = by_key(BY_HAND) {
        return Requirement::ByHand(name);
    }
    if let Some((_, name)) = ATTACHED.iter().find(|(start, _)| key.starts_with(start)) {
        return Requirement::AttachedByApple(name);
    }
    let nothing = NOTHING
        .iter()
        .any(|known| key == *known || (known.ends_with('.') && key.starts_with(known)));
    if nothing {
        Requirement::Nothing
    } else {
        Requirement::Unknown
    }
}

/// An entitlement that is `false` or an empty list or string asks for nothing.
fn is_asked_for(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Boolean(false)) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

fn data_protection(level: Option<&Value>) -> Requirement {
    let option = match level.and_then(Value::as_string) {
        Some("NSFileProtectionComplete") => "COMPLETE_PROTECTION",
        Some("NSFileProtectionCompleteUnlessOpen") => "PROTECTED_UNLESS_OPEN",
        Some("NSFileProtectionCompleteUntilFirstUserAuthentication") => "PROTECTED_UNTIL_FIRST_USER_AUTH",
        Some("NSFileProtectionNone") => return Requirement::Nothing,
        _ => return Requirement::Unknown,
    };
    Requirement::Capability(Capability::with(
        "DATA_PROTECTION",
        "DATA_PROTECTION_PERMISSION_LEVEL",
        option,
    ))
}

/// What all entitlements of a target ask for, sorted by who can provide it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    /// Capabilities that the API enables, each once.
    pub capabilities: Vec<Capability>,
    /// `(entitlement, name)` of capabilities that only a person can enable.
    pub by_hand: Vec<(String, &'static str)>,
    /// `(entitlement, name)` of what Apple must grant.
    pub attached: Vec<(String, &'static str)>,
    /// Entitlements that the table does not know.
    pub unknown: Vec<String>,
}

impl Requirements {
    /// Sorts the entitlements of one target, in the file's order.
    pub fn of(entitlements: &Dictionary) -> Self {
        let mut all = Self::default();
        for key in entitlements.keys() {
            match requirement(key, entitlements) {
                Requirement::Nothing => {}
                Requirement::Capability(wanted) => {
                    if !all.capabilities.contains(&wanted) {
                        all.capabilities.push(wanted);
                    }
                }
                Requirement::ByHand(name) => all.by_hand.push((key.clone(), name)),
                Requirement::AttachedByApple(name) => all.attached.push((key.clone(), name)),
                Requirement::Unknown => all.unknown.push(key.clone()),
            }
        }
        all
    }
}

/// iCloud containers that the target uses with CloudKit or iCloud Documents.
pub fn icloud_containers(entitlements: &Dictionary) -> Vec<String> {
    let services = strings(entitlements, ICLOUD_SERVICES);
    if !services
        .iter()
        .any(|service| service.starts_with("CloudKit") || service == "CloudDocuments")
    {
        return Vec::new();
    }
    strings(entitlements, ICLOUD_CONTAINERS)
}

/// App Groups that the target uses.
pub fn app_groups(entitlements: &Dictionary) -> Vec<String> {
    strings(entitlements, APP_GROUPS)
}

/// Identifiers of one kind that only a person can assign: what they are, and which ones.
pub fn assigned_by_hand(entitlements: &Dictionary) -> Vec<(&'static str, Vec<String>)> {
    [
        ("App Groups", app_groups(entitlements)),
        (
            "merchant IDs",
            strings(entitlements, "com.apple.developer.in-app-payments"),
        ),
        ("iCloud containers", icloud_containers(entitlements)),
    ]
    .into_iter()
    .filter(|(_, ids)| !ids.is_empty())
    .collect()
}

/// Whether the target is an app clip: only those name a parent app.
pub fn is_app_clip(entitlements: &Dictionary) -> bool {
    entitlements.contains_key(PARENT_APPS)
}

/// Whether the target signs people in with Apple.
pub fn uses_sign_in_with_apple(entitlements: &Dictionary) -> bool {
    is_asked_for(entitlements.get(SIGN_IN_WITH_APPLE))
}

/// iCloud containers of the project that a profile's own entitlements do not grant.
pub fn missing_containers(project: &Dictionary, profile: &Dictionary) -> Vec<String> {
    let granted = strings(profile, ICLOUD_CONTAINERS);
    let mut missing = icloud_containers(project);
    // A variable that only a build resolves, such as a team prefix, can't be compared.
    missing
        .retain(|id| !id.contains("$(") && !granted.contains(id) && !granted.iter().any(|have| have == "*"));
    missing
}

fn strings(dictionary: &Dictionary, key: &str) -> Vec<String> {
    match dictionary.get(key) {
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_string)
            .map(str::to_owned)
            .collect(),
        Some(Value::String(text)) if !text.is_empty() => vec![text.clone()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entitlements(pairs: &[(&str, Value)]) -> Dictionary {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect()
    }

    fn list(items: &[&str]) -> Value {
        Value::Array(
            items
                .iter()
                .map(|item| Value::String((*item).to_owned()))
                .collect(),
        )
    }

    #[track_caller]
    fn check(key: &str, value: Value, expected: &Requirement) {
        assert_eq!(
            &requirement(key, &entitlements(&[(key, value)])),
            expected,
            "{key}"
        );
    }

    #[test]
    fn each_kind_of_entitlement_is_told_apart() {
        check(
            "aps-environment",
            "development".into(),
            &Requirement::Capability(Capability::plain("PUSH_NOTIFICATIONS")),
        );
        check(
            "com.apple.developer.weatherkit",
            true.into(),
            &Requirement::ByHand("WeatherKit"),
        );
        check(
            "com.apple.developer.carplay-audio",
            true.into(),
            &Requirement::AttachedByApple("CarPlay"),
        );
        check(
            "com.apple.security.app-sandbox",
            true.into(),
            &Requirement::Nothing,
        );
        check(
            "com.apple.developer.from-next-year",
            true.into(),
            &Requirement::Unknown,
        );
    }

    #[test]
    fn an_entitlement_that_is_off_asks_for_nothing() {
        check("com.apple.developer.siri", false.into(), &Requirement::Nothing);
        check(
            "com.apple.security.application-groups",
            list(&[]),
            &Requirement::Nothing,
        );
    }

    #[test]
    fn data_protection_levels_become_settings() {
        check(
            DATA_PROTECTION,
            "NSFileProtectionCompleteUnlessOpen".into(),
            &Requirement::Capability(Capability::with(
                "DATA_PROTECTION",
                "DATA_PROTECTION_PERMISSION_LEVEL",
                "PROTECTED_UNLESS_OPEN",
            )),
        );
        check(
            DATA_PROTECTION,
            "NSFileProtectionNone".into(),
            &Requirement::Nothing,
        );
    }

    #[test]
    fn icloud_services_and_the_key_value_store_need_one_capability() {
        let all = entitlements(&[
            (ICLOUD_SERVICES, list(&["CloudKit"])),
            (KEY_VALUE_STORE, "$(TeamIdentifierPrefix)com.example".into()),
        ]);
        assert_eq!(Requirements::of(&all).capabilities.len(), 1);
        let store_only = entitlements(&[(KEY_VALUE_STORE, "x".into())]);
        assert_eq!(Requirements::of(&store_only).capabilities[0].kind, "ICLOUD");
    }

    #[test]
    fn containers_count_only_with_a_service_that_uses_them() {
        let idle = entitlements(&[(ICLOUD_CONTAINERS, list(&["iCloud.a"]))]);
        assert!(icloud_containers(&idle).is_empty());
    }

    #[test]
    fn sign_in_with_apple_grouped_by_hand_is_left_alone() {
        let wanted = Capability::with(
            "APPLE_ID_AUTH",
            "APPLE_ID_AUTH_APP_CONSENT",
            "PRIMARY_APP_CONSENT",
        );
        assert!(Capability::plain("APPLE_ID_AUTH").satisfies(&wanted));
        let icloud = Capability::with("ICLOUD", "ICLOUD_VERSION", "XCODE_6");
        assert!(!Capability::with("ICLOUD", "ICLOUD_VERSION", "XCODE_5").satisfies(&icloud));
    }

    #[test]
    fn containers_are_compared_one_by_one() {
        let project = entitlements(&[
            (ICLOUD_SERVICES, list(&["CloudKit"])),
            (
                ICLOUD_CONTAINERS,
                list(&["iCloud.a", "iCloud.b", "iCloud.$(UNKNOWN)"]),
            ),
        ]);
        let profile = entitlements(&[(ICLOUD_CONTAINERS, list(&["iCloud.b"]))]);
        assert_eq!(missing_containers(&project, &profile), ["iCloud.a"]);
    }
}
