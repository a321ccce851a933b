//! Provisioning profiles as Apple writes them.

use plist::{Dictionary, Value};
use time::OffsetDateTime;

use crate::cms;
use crate::signing::{BundleId, Capability, Certificate, Device, Profile};
use crate::state::State;

/// What goes into a profile.
pub(crate) struct Contents<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) bundle_id: &'a BundleId,
    pub(crate) certificates: Vec<&'a Certificate>,
    pub(crate) devices: Vec<&'a Device>,
}

/// Whether a device class is a Mac's.
pub(crate) fn is_mac_class(class: &str) -> bool {
    matches!(class, "MAC" | "INTEL_MAC" | "APPLE_SILICON_MAC")
}

/// Whether profiles of the type take devices of the class.
pub(crate) fn takes_device(profile_type: &str, class: &str) -> bool {
    match profile_type {
        kind if kind.starts_with("MAC") => is_mac_class(class),
        kind if kind.starts_with("TVOS") => class == "APPLE_TV",
        _ => class != "APPLE_TV" && !is_mac_class(class),
    }
}

/// Whether profiles of the type list devices.
pub(crate) fn lists_devices(profile_type: &str) -> bool {
    profile_type.ends_with("_DEVELOPMENT") || profile_type.ends_with("_ADHOC")
}

/// The certificate types that a profile type takes.
pub(crate) fn takes_certificate(profile_type: &str, certificate_type: &str) -> bool {
    let wanted: &[&str] = match profile_type {
        "MAC_APP_DEVELOPMENT" | "MAC_CATALYST_APP_DEVELOPMENT" => &["MAC_APP_DEVELOPMENT", "DEVELOPMENT"],
        "MAC_APP_STORE" | "MAC_CATALYST_APP_STORE" => &["MAC_APP_DISTRIBUTION", "DISTRIBUTION"],
        "MAC_APP_INHOUSE" => &["MAC_APP_DISTRIBUTION", "DISTRIBUTION"],
        "MAC_APP_DIRECT" | "MAC_CATALYST_APP_DIRECT" => {
            &["DEVELOPER_ID_APPLICATION", "DEVELOPER_ID_APPLICATION_G2"]
        }
        other if other.ends_with("_DEVELOPMENT") => &["IOS_DEVELOPMENT", "DEVELOPMENT"],
        _ => &["IOS_DISTRIBUTION", "DISTRIBUTION"],
    };
    wanted.contains(&certificate_type)
}

/// The signed profile.
pub(crate) fn build(contents: &Contents<'_>, state: &State) -> Vec<u8> {
    let team = &state.team_id;
    let date = |time: OffsetDateTime| {
        let whole = time.replace_nanosecond(0).unwrap_or(time);
        Value::Date(std::time::SystemTime::from(whole).into())
    };
    let texts = |texts: Vec<String>| Value::Array(texts.into_iter().map(Value::String).collect());
    let mut plist = Dictionary::new();
    let mut put = |key: &str, value: Value| plist.insert(key.to_owned(), value);
    put("AppIDName", Value::String(contents.bundle_id.name.clone()));
    put("ApplicationIdentifierPrefix", texts(vec![team.clone()]));
    put("CreationDate", date(contents.profile.created));
    put("Platform", texts(platforms(&contents.profile.profile_type)));
    put("IsXcodeManaged", Value::Boolean(contents.profile.xcode_managed));
    put(
        "DeveloperCertificates",
        Value::Array(
            contents
                .certificates
                .iter()
                .map(|certificate| Value::Data(certificate.der.clone()))
                .collect(),
        ),
    );
    put("Entitlements", Value::Dictionary(entitlements(contents, state)));
    put("ExpirationDate", date(contents.profile.expires));
    put("Name", Value::String(contents.profile.name.clone()));
    if lists_devices(&contents.profile.profile_type) {
        let udids = contents
            .devices
            .iter()
            .map(|device| device.udid.clone())
            .collect();
        put("ProvisionedDevices", texts(udids));
    }
    if contents.profile.profile_type.ends_with("_INHOUSE")
        || contents.profile.profile_type.ends_with("_DIRECT")
    {
        put("ProvisionsAllDevices", Value::Boolean(true));
    }
    put("TeamIdentifier", texts(vec![team.clone()]));
    put("TeamName", Value::String("Example GmbH".to_owned()));
    put("TimeToLive", Value::Integer(365.into()));
    put("UUID", Value::String(contents.profile.uuid.clone()));
    put("Version", Value::Integer(1.into()));
    let mut xml = Vec::new();
    // Writing to memory can't fail.
    let _ = Value::Dictionary(plist).to_writer_xml(&mut xml);
    cms::sign(&xml, &state.authority, contents.profile.created)
}

fn platforms(profile_type: &str) -> Vec<String> {
    let names: &[&str] = match profile_type {
        kind if kind.starts_with("TVOS") => &["tvOS"],
        kind if kind.starts_with("MAC") => &["OSX"],
        _ => &["iOS", "xrOS", "visionOS"],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn entitlements(contents: &Contents<'_>, state: &State) -> Dictionary {
    let team = &state.team_id;
    let id = &contents.bundle_id.identifier;
    let development = contents.profile.profile_type.ends_with("_DEVELOPMENT");
    let mut all = Dictionary::new();
    let text = |text: String| Value::String(text);
    let is_mac = contents.profile.profile_type.starts_with("MAC");
    let prefix = if is_mac { "com.apple." } else { "" };
    all.insert(
        format!("{prefix}application-identifier"),
        text(format!("{team}.{id}")),
    );
    all.insert(
        "com.apple.developer.team-identifier".to_owned(),
        text(team.clone()),
    );
    // The profiles of Catalyst apps carry both.
    if contents.profile.profile_type.starts_with("MAC_CATALYST") {
        all.insert("application-identifier".to_owned(), text(format!("{team}.{id}")));
    }
    all.insert("get-task-allow".to_owned(), Value::Boolean(development));
    all.insert(
        "keychain-access-groups".to_owned(),
        Value::Array(vec![
            text(format!("{team}.*")),
            text("com.apple.token".to_owned()),
        ]),
    );
    for capability in &contents.bundle_id.capabilities {
        for (key, value) in of_capability(capability, contents, team) {
            all.insert(key.to_owned(), value);
        }
    }
    if let Some(parent) = &contents.bundle_id.parent {
        let parent = state.bundle_ids.by_id(parent);
        let prefixed = |known: &BundleId| text(format!("{team}.{}", known.identifier));
        all.insert(
            "com.apple.developer.parent-application-identifiers".to_owned(),
            Value::Array(parent.map(prefixed).into_iter().collect()),
        );
        all.insert(
            "com.apple.developer.on-demand-install-capable".to_owned(),
            Value::Boolean(true),
        );
    }
    let clips = state
        .bundle_ids
        .iter()
        .filter(|known| known.parent.as_deref() == Some(contents.bundle_id.id.as_str()));
    let clips: Vec<Value> = clips
        .map(|known| text(format!("{team}.{}", known.identifier)))
        .collect();
    if !clips.is_empty() {
        all.insert(
            "com.apple.developer.associated-appclip-app-identifiers".to_owned(),
            Value::Array(clips),
        );
    }
    // A grant of Apple's reaches every profile that is made after it.
    for key in state.portal.managed_capabilities.get(id).into_iter().flatten() {
        all.insert(key.clone(), granted(key));
    }
    all
}

/// What a managed capability's entitlement says in a profile: lists for some, else `true`.
fn granted(key: &str) -> Value {
    let list = |items: &[&str]| {
        Value::Array(
            items
                .iter()
                .map(|item| Value::String((*item).to_owned()))
                .collect(),
        )
    };
    match key {
        "com.apple.developer.sensorkit.reader.allow" => list(&["ambient-light-sensor", "device-usage"]),
        "com.apple.developer.driverkit.transport.usb" => {
            let vendor = [("idVendor".to_owned(), Value::String("*".to_owned()))];
            Value::Array(vec![Value::Dictionary(vendor.into_iter().collect())])
        }
        _ => Value::Boolean(true),
    }
}

/// The first option that a capability's setting has on.
fn option<'a>(capability: &'a Capability, key: &str) -> Option<&'a str> {
    let settings = capability.settings.as_array()?;
    let setting = settings.iter().find(|setting| setting["key"] == key)?;
    let options = setting["options"].as_array()?;
    let on = options.iter().find(|option| option["enabled"] != false)?;
    on["key"].as_str()
}

/// Capabilities that an Apple ID's session enables and the public API does not, with what they grant
/// (EAS' `capabilityList.ts`, `@expo/apple-utils` 2.2.1).
pub(crate) const BY_SESSION: [(&str, &str, &[&str]); 26] = [
    (
        "APP_ATTEST",
        "com.apple.developer.devicecheck.appattest-environment",
        &["development", "production"],
    ),
    ("FAMILY_CONTROLS", "com.apple.developer.family-controls", &[]),
    ("GROUP_ACTIVITIES", "com.apple.developer.group-session", &[]),
    (
        "EXTENDED_VIRTUAL_ADDRESSING",
        "com.apple.developer.kernel.extended-virtual-addressing",
        &[],
    ),
    (
        "INCREASED_MEMORY_LIMIT",
        "com.apple.developer.kernel.increased-memory-limit",
        &[],
    ),
    (
        "FONT_INSTALLATION",
        "com.apple.developer.user-fonts",
        &["app-usage", "system-installation"],
    ),
    (
        "USERNOTIFICATIONS_COMMUNICATION",
        "com.apple.developer.usernotifications.communication",
        &[],
    ),
    (
        "USERNOTIFICATIONS_TIMESENSITIVE",
        "com.apple.developer.usernotifications.time-sensitive",
        &[],
    ),
    (
        "HEALTHKIT_RECALIBRATE_ESTIMATES",
        "com.apple.developer.healthkit.recalibrate-estimates",
        &[],
    ),
    (
        "MDM_MANAGED_ASSOCIATED_DOMAINS",
        "com.apple.developer.associated-domains.mdm-managed",
        &[],
    ),
    ("PUSH_TO_TALK", "com.apple.developer.push-to-talk", &[]),
    ("WEATHERKIT", "com.apple.developer.weatherkit", &[]),
    ("SHARED_WITH_YOU", "com.apple.developer.shared-with-you", &[]),
    (
        "MESSAGES_COLLABORATION",
        "com.apple.developer.shared-with-you.collaboration",
        &[],
    ),
    (
        "MATTER_ALLOW_SETUP_PAYLOAD",
        "com.apple.developer.matter.allow-setup-payload",
        &[],
    ),
    (
        "MEDIA_DEVICE_DISCOVERY",
        "com.apple.developer.media-device-discovery-extension",
        &[],
    ),
    (
        "SENSITIVE_CONTENT_ANALYSIS",
        "com.apple.developer.sensitivecontentanalysis.client",
        &["analysis"],
    ),
    (
        "SHALLOW_DEPTH_PRESSURE",
        "com.apple.developer.submerged-shallow-depth-and-pressure",
        &[],
    ),
    (
        "TAP_TO_DISPLAY_ID",
        "com.apple.developer.proximity-reader.identity.display",
        &[],
    ),
    (
        "JOURNALING_SUGGESTIONS",
        "com.apple.developer.journal.allow",
        &["suggestions"],
    ),
    (
        "MANAGED_APP_INSTALLATION_UI",
        "com.apple.developer.managed-app-distribution.install-ui",
        &["managed-app"],
    ),
    (
        "DECLARED_AGE_RANGE",
        "com.apple.developer.declared-age-range",
        &[],
    ),
    (
        "SPATIAL_AUDIO_PROFILE",
        "com.apple.developer.spatial-audio.profile-access",
        &[],
    ),
    (
        "COREMOTION_HEAD_POSE",
        "com.apple.developer.coremotion.head-pose",
        &[],
    ),
    (
        "SUSTAINED_EXECUTION",
        "com.apple.developer.sustained-execution",
        &[],
    ),
    ("DEFAULT_CALLING_APP", "com.apple.developer.calling-app", &[]),
];

/// What a capability grants, in a profile.
fn of_capability(capability: &Capability, contents: &Contents<'_>, team: &str) -> Vec<(&'static str, Value)> {
    let kind = capability.capability_type.as_str();
    let bundle_id = contents.bundle_id;
    let development = contents.profile.profile_type.ends_with("_DEVELOPMENT");
    let is_mac = contents.profile.profile_type.starts_with("MAC_APP");
    let is_direct = contents.profile.profile_type.ends_with("_DIRECT");
    let text = |text: &str| Value::String(text.to_owned());
    let list = |items: &[&str]| Value::Array(items.iter().map(|item| text(item)).collect());
    let own = |items: &[String]| Value::Array(items.iter().map(|item| text(item)).collect());
    let yes = || Value::Boolean(true);
    let environment = if development { "development" } else { "production" };
    match kind {
        "PUSH_NOTIFICATIONS" if is_mac => vec![("com.apple.developer.aps-environment", text(environment))],
        "PUSH_NOTIFICATIONS" => vec![("aps-environment", text(environment))],
        "APP_GROUPS" if is_mac => {
            let mut groups = bundle_id.groups.clone();
            groups.push(format!("{team}.*"));
            vec![("com.apple.security.application-groups", own(&groups))]
        }
        "APP_GROUPS" => vec![("com.apple.security.application-groups", own(&bundle_id.groups))],
        "ASSOCIATED_DOMAINS" => vec![("com.apple.developer.associated-domains", text("*"))],
        "ICLOUD" => vec![
            (
                "com.apple.developer.icloud-container-identifiers",
                own(&bundle_id.containers),
            ),
            ("com.apple.developer.icloud-services", text("*")),
            (
                "com.apple.developer.ubiquity-container-identifiers",
                own(&bundle_id.containers),
            ),
            (
                "com.apple.developer.ubiquity-kvstore-identifier",
                text(&format!("{team}.*")),
            ),
            (
                "com.apple.developer.icloud-container-environment",
                if development {
                    list(&["Development", "Production"])
                } else {
                    text("Production")
                },
            ),
        ],
        "HEALTHKIT" => vec![
            ("com.apple.developer.healthkit", yes()),
            ("com.apple.developer.healthkit.access", list(&["health-records"])),
            ("com.apple.developer.healthkit.background-delivery", yes()),
        ],
        "HOMEKIT" => vec![("com.apple.developer.homekit", yes())],
        "SIRIKIT" => vec![("com.apple.developer.siri", yes())],
        "GAME_CENTER" => vec![("com.apple.developer.game-center", yes())],
        "MAPS" => vec![("com.apple.developer.maps", yes())],
        "WALLET" => vec![(
            "com.apple.developer.pass-type-identifiers",
            own(&[format!("{team}.*")]),
        )],
        "APPLE_PAY" => vec![("com.apple.developer.in-app-payments", own(&bundle_id.merchants))],
        "DATA_PROTECTION" => vec![(
            "com.apple.developer.default-data-protection",
            text(match option(capability, "DATA_PROTECTION_PERMISSION_LEVEL") {
                Some("PROTECTED_UNLESS_OPEN") => "NSFileProtectionCompleteUnlessOpen",
                Some("PROTECTED_UNTIL_FIRST_USER_AUTH") => {
                    "NSFileProtectionCompleteUntilFirstUserAuthentication"
                }
                _ => "NSFileProtectionComplete",
            }),
        )],
        "NETWORK_EXTENSIONS" => vec![(
            "com.apple.developer.networking.networkextension",
            // With a Developer ID every value has an ending of its own (TN3134).
            own(&[
                "app-proxy-provider",
                "content-filter-provider",
                "packet-tunnel-provider",
                "dns-proxy",
                "dns-settings",
                "relay",
            ]
            .map(|value| format!("{value}{}", if is_direct { "-systemextension" } else { "" }))),
        )],
        "PERSONAL_VPN" => vec![("com.apple.developer.networking.vpn.api", list(&["allow-vpn"]))],
        "MULTIPATH" => vec![("com.apple.developer.networking.multipath", yes())],
        "HOT_SPOT" => vec![("com.apple.developer.networking.HotspotConfiguration", yes())],
        "ACCESS_WIFI_INFORMATION" => vec![("com.apple.developer.networking.wifi-info", yes())],
        "NETWORK_CUSTOM_PROTOCOL" => vec![("com.apple.developer.networking.custom-protocol", yes())],
        "NFC_TAG_READING" => vec![(
            "com.apple.developer.nfc.readersession.formats",
            list(&["NDEF", "TAG", "PACE"]),
        )],
        "CLASSKIT" => vec![(
            "com.apple.developer.ClassKit-environment",
            list(&["production", "development"]),
        )],
        "AUTOFILL_CREDENTIAL_PROVIDER" => {
            vec![(
                "com.apple.developer.authentication-services.autofill-credential-provider",
                yes(),
            )]
        }
        "APPLE_ID_AUTH" => vec![("com.apple.developer.applesignin", list(&["Default"]))],
        "INTER_APP_AUDIO" => vec![("inter-app-audio", yes())],
        "WIRELESS_ACCESSORY_CONFIGURATION" => {
            vec![("com.apple.external-accessory.wireless-configuration", yes())]
        }
        "USER_MANAGEMENT" => vec![(
            "com.apple.developer.user-management",
            list(&["runs-as-current-user", "get-current-user"]),
        )],
        "COREMEDIA_HLS_LOW_LATENCY" => vec![("com.apple.developer.coremedia.hls.low-latency", yes())],
        "SYSTEM_EXTENSION_INSTALL" => vec![("com.apple.developer.system-extension.install", yes())],
        other => BY_SESSION
            .iter()
            .filter(|(known, ..)| *known == other)
            .map(|(_, key, values)| (*key, if values.is_empty() { yes() } else { list(values) }))
            .collect(),
    }
}
