//! What an entitlement asks of the bundle ID, and who can provide it: hints for what to enable. Whether a target can be
//! signed, the profile says ([`crate::grants`]).
//!
//! Capability names are Apple's `CapabilityType` of the App Store Connect API. What that enumeration leaves
//! out can only be switched on by a person or by an Apple ID session; some capabilities Apple grants to an account on
//! request.

use apple_types::BundleIdentifier;
use plist::{Dictionary, Value};
use serde::Serialize;

use crate::desired::PortalAccess;
use crate::grants::is_claimed;

const ICLOUD_SERVICES: &str = "com.apple.developer.icloud-services";
const ICLOUD_CONTAINERS: &str = "com.apple.developer.icloud-container-identifiers";
const KEY_VALUE_STORE: &str = "com.apple.developer.ubiquity-kvstore-identifier";
const APP_GROUPS: &str = "com.apple.security.application-groups";
const DATA_PROTECTION: &str = "com.apple.developer.default-data-protection";
/// The entitlement of every App Clip, which Xcode adds by the product type (swift-build `DarwinProductTypes.xcspec`,
/// `DefaultEntitlements`).
pub const ON_DEMAND: &str = "com.apple.developer.on-demand-install-capable";

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

    /// Its name on Apple's site, such as `Push Notifications`; Apple's type where this crate has none.
    pub fn name(&self) -> &str {
        let by_session = BY_SESSION.iter().map(|(_, kind, name)| (*kind, *name));
        NAMES
            .iter()
            .copied()
            .chain(by_session)
            .find(|(kind, _)| *kind == self.kind)
            .map_or(self.kind.as_str(), |(_, name)| name)
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
    /// A capability that a session can enable, and the public API can't; with its name on Apple's site.
    BySession(Capability, &'static str),
    /// Apple grants it on request; what it is called.
    Managed(&'static str),
    /// An entitlement that this table does not know.
    Unknown,
}

/// Apple's types with their names on the page of an App ID
/// (<https://developer.apple.com/help/account/reference/supported-capabilities-ios/>, 2026-11-25).
const NAMES: &[(&str, &str)] = &[
    ("ACCESS_WIFI_INFORMATION", "Access Wi-Fi Information"),
    ("APPLE_ID_AUTH", "Sign in with Apple"),
    ("APPLE_PAY", "Apple Pay Payment Processing"),
    ("APP_GROUPS", "App Groups"),
    ("ASSOCIATED_DOMAINS", "Associated Domains"),
    ("AUTOFILL_CREDENTIAL_PROVIDER", "AutoFill Credential Provider"),
    ("CLASSKIT", "ClassKit"),
    ("COREMEDIA_HLS_LOW_LATENCY", "Low Latency HLS"),
    ("DATA_PROTECTION", "Data Protection"),
    ("GAME_CENTER", "Game Center"),
    ("HEALTHKIT", "HealthKit"),
    ("HOMEKIT", "HomeKit"),
    ("HOT_SPOT", "Hotspot"),
    ("ICLOUD", "iCloud"),
    ("INTER_APP_AUDIO", "Inter-App Audio"),
    ("IN_APP_PURCHASE", "In-App Purchase"),
    ("MAPS", "Maps"),
    ("MULTIPATH", "Multipath"),
    ("NETWORK_CUSTOM_PROTOCOL", "Custom Network Protocol"),
    ("NETWORK_EXTENSIONS", "Network Extensions"),
    ("NFC_TAG_READING", "NFC Tag Reading"),
    ("PERSONAL_VPN", "Personal VPN"),
    ("PUSH_NOTIFICATIONS", "Push Notifications"),
    ("SIRIKIT", "SiriKit"),
    ("SYSTEM_EXTENSION_INSTALL", "System Extension"),
    ("USER_MANAGEMENT", "User Management"),
    ("WALLET", "Wallet"),
    (
        "WIRELESS_ACCESSORY_CONFIGURATION",
        "Wireless Accessory Configuration",
    ),
];

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

/// Capabilities that the public API can't create: an Apple ID's session enables them, or a person on the bundle ID's page.
/// Entitlement, Apple's type, and its name there.
///
/// Facts, as of 2026-11-25: EAS' list of capabilities, `@expo/apple-utils` 2.2.1, and a copy of Xcode's list of 196.
/// Creating one by key answers 409 `ENTITY_ERROR.ATTRIBUTE.TYPE` (MAUI.Sherpa #45).
const BY_SESSION: &[(&str, &str, &str)] = &[
    (
        "com.apple.developer.devicecheck.appattest-environment",
        "APP_ATTEST",
        "App Attest",
    ),
    (
        "com.apple.developer.family-controls",
        "FAMILY_CONTROLS",
        "Family Controls",
    ),
    (
        "com.apple.developer.group-session",
        "GROUP_ACTIVITIES",
        "Group Activities",
    ),
    (
        "com.apple.developer.usernotifications.time-sensitive",
        "USERNOTIFICATIONS_TIMESENSITIVE",
        "Time Sensitive Notifications",
    ),
    (
        "com.apple.developer.usernotifications.communication",
        "USERNOTIFICATIONS_COMMUNICATION",
        "Communication Notifications",
    ),
    (
        "com.apple.developer.kernel.extended-virtual-addressing",
        "EXTENDED_VIRTUAL_ADDRESSING",
        "Extended Virtual Addressing",
    ),
    (
        "com.apple.developer.kernel.increased-memory-limit",
        "INCREASED_MEMORY_LIMIT",
        "Increased Memory Limit",
    ),
    (
        "com.apple.developer.kernel.increased-debugging-memory-limit",
        "INCREASED_MEMORY_LIMIT_DEBUGGING",
        "Increased Debugging Memory Limit",
    ),
    ("com.apple.developer.weatherkit", "WEATHERKIT", "WeatherKit"),
    ("com.apple.developer.push-to-talk", "PUSH_TO_TALK", "Push to Talk"),
    (
        "com.apple.developer.declared-age-range",
        "DECLARED_AGE_RANGE",
        "Declared Age Range",
    ),
    (
        "com.apple.developer.fileprovider.testing-mode",
        "FILEPROVIDER_TESTINGMODE",
        "File Provider Testing Mode",
    ),
    ("com.apple.developer.user-fonts", "FONT_INSTALLATION", "Fonts"),
    (
        "com.apple.developer.healthkit.recalibrate-estimates",
        "HEALTHKIT_RECALIBRATE_ESTIMATES",
        "HealthKit Estimate Recalibration",
    ),
    (
        "com.apple.developer.matter.allow-setup-payload",
        "MATTER_ALLOW_SETUP_PAYLOAD",
        "Matter Allow Setup Payload",
    ),
    (
        "com.apple.developer.media-device-discovery-extension",
        "MEDIA_DEVICE_DISCOVERY",
        "Media Device Discovery",
    ),
    (
        "com.apple.developer.shared-with-you.collaboration",
        "MESSAGES_COLLABORATION",
        "Messages Collaboration",
    ),
    (
        "com.apple.developer.shared-with-you",
        "SHARED_WITH_YOU",
        "Shared with You",
    ),
    (
        "com.apple.developer.sensitivecontentanalysis.client",
        "SENSITIVE_CONTENT_ANALYSIS",
        "Sensitive Content Analysis",
    ),
    (
        "com.apple.developer.sustained-execution",
        "SUSTAINED_EXECUTION",
        "Sustained Execution",
    ),
    (
        "com.apple.developer.associated-domains.mdm-managed",
        "MDM_MANAGED_ASSOCIATED_DOMAINS",
        "MDM Managed Associated Domains",
    ),
    (
        "com.apple.developer.submerged-shallow-depth-and-pressure",
        "SHALLOW_DEPTH_PRESSURE",
        "Shallow Depth and Pressure",
    ),
    (
        "com.apple.developer.proximity-reader.identity.display",
        "TAP_TO_DISPLAY_ID",
        "ID Verifier - Display Only",
    ),
    (
        "com.apple.developer.journal.allow",
        "JOURNALING_SUGGESTIONS",
        "Journaling Suggestions",
    ),
    (
        "com.apple.developer.managed-app-distribution.install-ui",
        "MANAGED_APP_INSTALLATION_UI",
        "Managed App Installation UI",
    ),
    (
        "com.apple.developer.networking.slicing.appcategory",
        "NETWORK_SLICING",
        "5G Network Slicing",
    ),
    (
        "com.apple.developer.networking.slicing.trafficcategory",
        "NETWORK_SLICING",
        "5G Network Slicing",
    ),
    (
        "com.apple.developer.pay-later-merchandising",
        "APPLE_PAY_LATER_MERCHANDISING",
        "Apple Pay Later Merchandising",
    ),
    (
        "com.apple.developer.spatial-audio.profile-access",
        "SPATIAL_AUDIO_PROFILE",
        "Spatial Audio Profile",
    ),
    (
        "com.apple.developer.coremotion.head-pose",
        "COREMOTION_HEAD_POSE",
        "Head Pose",
    ),
    ("com.apple.developer.driverkit", "DRIVERKIT_PUBLIC", "DriverKit"),
    (
        "com.apple.developer.driverkit.transport.usb",
        "DRIVERKIT_USBTRANSPORT_PUB",
        "DriverKit USB Transport",
    ),
    (
        "com.apple.developer.driverkit.transport.hid",
        "DRIVERKIT_TRANSPORT_HID_PUB",
        "DriverKit Transport HID",
    ),
    (
        "com.apple.developer.driverkit.family.audio",
        "DRIVERKIT_FAMILY_AUDIO_PUB",
        "DriverKit Family Audio",
    ),
    (
        "com.apple.developer.driverkit.family.hid.device",
        "DRIVERKIT_FAMILY_HIDDEVICE_PUB",
        "DriverKit Family HID Device",
    ),
    (
        "com.apple.developer.driverkit.family.hid.eventservice",
        "DRIVERKIT_FAMILY_HIDEVENTSERVICE_PUB",
        "DriverKit Family HID EventService",
    ),
    (
        "com.apple.developer.driverkit.family.networking",
        "DRIVERKIT_FAMILY_NETWORKING_PUB",
        "DriverKit Family Networking",
    ),
    (
        "com.apple.developer.driverkit.family.scsicontroller",
        "DRIVERKIT_FAMILY_SCSICONTROLLER_PUB",
        "DriverKit Family SCSIController",
    ),
    (
        "com.apple.developer.driverkit.family.serial",
        "DRIVERKIT_FAMILY_SERIAL_PUB",
        "DriverKit Family Serial",
    ),
    (
        "com.apple.developer.driverkit.family.midi",
        "DRIVERKIT_FAMILY_MIDI_DEV",
        "DriverKit Family MIDI",
    ),
    (
        "com.apple.developer.driverkit.allow-third-party-userclients",
        "DRIVERKIT_ALLOWTHIRDPARTY_USERCLIENTS",
        "DriverKit Allow Third Party UserClients",
    ),
    (
        "com.apple.developer.driverkit.communicates-with-drivers",
        "DRIVERKIT_COMMUNICATESWITHDRIVERS",
        "Communicates with Drivers",
    ),
    (
        "com.apple.developer.background-tasks.continued-processing.gpu",
        "BACKGROUND_GPU_ACCESS",
        "Background GPU Access",
    ),
    (
        "com.apple.developer.messages.critical-messaging",
        "CRITICAL_MESSAGING",
        "Critical Messaging",
    ),
    (
        "com.apple.developer.calling-app",
        "DEFAULT_CALLING_APP",
        "Default Calling App",
    ),
    (
        "com.apple.developer.carrier-messaging-app",
        "DEFAULT_CARRIER_MESSAGING_APP",
        "Default Carrier Messaging App",
    ),
    (
        "com.apple.developer.messaging-app",
        "DEFAULT_MESSAGING_APP",
        "Default Messaging App",
    ),
    (
        "com.apple.developer.navigation-app",
        "DEFAULT_NAVIGATION_APP",
        "Default Navigation App",
    ),
    (
        "com.apple.developer.translation-app",
        "DEFAULT_TRANSLATION_APP",
        "Default Translation App",
    ),
    (
        "com.apple.developer.networking.manage-thread-network-credentials",
        "DEV_MANAGE_THREAD_NETWORK_CREDENTIALS",
        "Manage Thread Network Credentials",
    ),
    (
        "com.apple.developer.dialing-app",
        "DIALING_APP",
        "Default Dialer App",
    ),
    ("com.apple.developer.energykit", "ENERGYKIT", "EnergyKit"),
    (
        "com.apple.developer.fskit.fsmodule",
        "FSKIT_MODULE",
        "FSKit Module",
    ),
    (
        "com.apple.developer.icloud-extended-share-access",
        "ICLOUD_EXTENDED_SHARE_ACCESS",
        "iCloud Extended Share Access",
    ),
    (
        "com.apple.developer.avfoundation.multitasking-camera-access",
        "IPAD_CAMERA_MULTITASKING",
        "iPad Camera Multitasking",
    ),
    (
        "com.apple.developer.low-latency-streaming",
        "LOW_LATENCY_STREAMING",
        "Low-Latency Streaming",
    ),
    (
        "com.apple.developer.accessibility.merchant-api-control",
        "MERCHANT_ACCESSIBILITY_CONTROL",
        "Accessibility Merchant API Control",
    ),
    (
        "com.apple.developer.identity-document-services.document-provider.mobile-document-types",
        "MOBILE_DOCUMENT_PROVIDER",
        "Digital Credentials API - Mobile Document Provider",
    ),
    ("com.apple.developer.wifi-aware", "WIFI_AWARE", "Wi-Fi Aware"),
    (
        "com.apple.developer.wireless-insights.service-predictions",
        "WIRELESS_INSIGHTS_SERVICE_PREDICTIONS",
        "Wireless Insights Service Predictions",
    ),
    (
        "com.apple.developer.networking.carrier-constrained.appcategory",
        "CARRIER_CONSTRAINED_NETWORK_CAT_OPT",
        "Carrier-Constrained Network",
    ),
    (
        "com.apple.developer.networking.carrier-constrained.app-optimized",
        "CARRIER_CONSTRAINED_NETWORK_CAT_OPT",
        "Carrier-Constrained Network",
    ),
];

/// Capabilities that Apple grants to an account on request, by key or by the beginning of it: a "managed capability". Once
/// it is on for the App ID, every new profile of it carries the entitlement.
///
/// Facts, as of 2026-11-25: Apple's "Provisioning with managed capabilities"; fastlane's and Xcode's lists.
const MANAGED: &[(&str, &str)] = &[
    ("com.apple.developer.contacts.notes", "Contacts Notes"),
    ("com.apple.developer.carplay-", "CarPlay"),
    ("com.apple.developer.playable-content", "CarPlay"),
    (
        "com.apple.developer.exposure-notification",
        "Exposure Notification",
    ),
    (
        "com.apple.developer.usernotifications.critical-alerts",
        "Critical Alerts",
    ),
    (
        "com.apple.developer.usernotifications.filtering",
        "Notification Filtering",
    ),
    ("com.apple.developer.proximity-reader.", "Tap to Pay on iPhone"),
    ("com.apple.developer.networking.multicast", "Multicast Networking"),
    ("com.apple.developer.networking.HotspotHelper", "Hotspot Helper"),
    (
        "com.apple.developer.device-information.user-assigned-device-name",
        "User-Assigned Device Name",
    ),
    ("com.apple.developer.sensorkit.reader.allow", "SensorKit"),
    ("com.apple.developer.location.push", "Location Push Service"),
    (
        "com.apple.developer.endpoint-security.client",
        "Endpoint Security",
    ),
    (
        "com.apple.developer.passkit.pass-presentation-suppression",
        "Pass Presentation Suppression",
    ),
    (
        "com.apple.developer.pass-presentation-suppression",
        "Pass Presentation Suppression",
    ),
    (
        "com.apple.developer.payment-pass-provisioning",
        "In-App Provisioning of Payment Passes",
    ),
    (
        "com.apple.developer.private-cloud-compute",
        "Private Cloud Compute",
    ),
    ("com.apple.developer.web-browser", "Default Browser"),
    ("com.apple.developer.mail-client", "Default Mail App"),
    ("com.apple.developer.driverkit.", "DriverKit"),
    ("com.apple.vm.networking", "VM Networking"),
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
    "com.apple.developer.ubiquity-container-identifiers",
    "com.apple.developer.healthkit.access",
    "com.apple.developer.healthkit.background-delivery",
    "com.apple.developer.associated-appclip-app-identifiers",
    ON_DEMAND,
    "com.apple.developer.applesignin.",
    // The App Sandbox and the Hardened Runtime are enforced by the signature alone.
    "com.apple.security.",
];

/// What the entitlement `key` of a target asks for; `all` are that target's entitlements.
pub fn requirement(key: &str, all: &Dictionary) -> Requirement {
    if !is_asked_for(all.get(key)) {
        return Requirement::Nothing;
    }
    if let Some((_, kind)) = PLAIN.iter().find(|(known, _)| *known == key) {
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
    if let Some((_, kind, name)) = BY_SESSION.iter().find(|(known, ..)| *known == key) {
        return Requirement::BySession(Capability::plain(kind), name);
    }
    let is_under = |start: &str| key == start || (start.ends_with(['.', '-']) && key.starts_with(start));
    if let Some((_, name)) = MANAGED.iter().find(|(start, _)| is_under(start)) {
        return Requirement::Managed(name);
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

fn is_asked_for(value: Option<&Value>) -> bool {
    value.is_some_and(is_claimed)
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

/// The capabilities that the entitlements of a target need and that this way to the portal can enable, each once, in the
/// file's order. They are a hint: whether they are enough, the profile says.
pub fn capabilities(entitlements: &Dictionary, access: PortalAccess) -> Vec<Capability> {
    let mut all = Vec::new();
    for key in entitlements.keys() {
        let wanted = match requirement(key, entitlements) {
            Requirement::Capability(wanted) => wanted,
            Requirement::BySession(wanted, _) if access == PortalAccess::Session => wanted,
            _ => continue,
        };
        if !all.contains(&wanted) {
            all.push(wanted);
        }
    }
    all
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

/// Whether an identifier holds a reference to a build setting, in any form that Xcode reads: `$(X)`, `${X}`, `$[X]`, or
/// `$X` (swift-build `MacroExpressionParsing.swift`). Nothing that Apple registers holds a dollar sign otherwise.
pub fn has_variable(identifier: &str) -> bool {
    let follows = |rest: &str| {
        rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '(' | '{' | '[' | '_'))
    };
    identifier.split('$').skip(1).any(follows)
}

/// Whether the target is an App Clip: only those name a parent app, or are installed on demand.
pub fn is_app_clip(entitlements: &Dictionary) -> bool {
    entitlements.contains_key(PARENT_APPS) || is_asked_for(entitlements.get(ON_DEMAND))
}

/// The bundle ID of the app that an App Clip belongs to, without the App ID prefix: a variable, or ten letters and digits.
pub fn parent_app(entitlements: &Dictionary) -> Option<BundleIdentifier> {
    let parents = strings(entitlements, PARENT_APPS);
    let parent = parents.first()?;
    let bundle_id = match parent.strip_prefix('$') {
        Some(variable) => variable.split_once([')', '}'])?.1.trim_start_matches('.'),
        None => parent.split_once('.')?.1,
    };
    BundleIdentifier::new(bundle_id).filter(|bundle_id| !has_variable(bundle_id.as_str()))
}

/// Whether the target signs people in with Apple.
pub fn uses_sign_in_with_apple(entitlements: &Dictionary) -> bool {
    is_asked_for(entitlements.get(SIGN_IN_WITH_APPLE))
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
            &Requirement::BySession(Capability::plain("WEATHERKIT"), "WeatherKit"),
        );
        check(
            "com.apple.developer.carplay-audio",
            true.into(),
            &Requirement::Managed("CarPlay"),
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
        assert_eq!(capabilities(&all, PortalAccess::ApiKey).len(), 1);
        let store_only = entitlements(&[(KEY_VALUE_STORE, "x".into())]);
        assert_eq!(capabilities(&store_only, PortalAccess::ApiKey)[0].kind, "ICLOUD");
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
}
