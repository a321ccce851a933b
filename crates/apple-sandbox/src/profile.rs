//! Provisioning profiles as Apple writes them.

use plist::{Dictionary, Value};
use time::OffsetDateTime;

use crate::cms;
use crate::state::{BundleId, Certificate, Device, Profile, State};

/// What goes into a profile.
pub(crate) struct Contents<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) bundle_id: &'a BundleId,
    pub(crate) certificates: Vec<&'a Certificate>,
    pub(crate) devices: Vec<&'a Device>,
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
    put("Entitlements", Value::Dictionary(entitlements(contents, team)));
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
    if contents.profile.profile_type.ends_with("_INHOUSE") {
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

fn entitlements(contents: &Contents<'_>, team: &str) -> Dictionary {
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
        text(team.to_owned()),
    );
    all.insert("get-task-allow".to_owned(), Value::Boolean(development));
    all.insert(
        "keychain-access-groups".to_owned(),
        Value::Array(vec![
            text(format!("{team}.*")),
            text("com.apple.token".to_owned()),
        ]),
    );
    for capability in &contents.bundle_id.capabilities {
        for (key, value) in of_capability(&capability.capability_type, contents.bundle_id, development) {
            all.insert(key.to_owned(), value);
        }
    }
    all
}

/// What a capability grants, in a profile.
fn of_capability(kind: &str, bundle_id: &BundleId, development: bool) -> Vec<(&'static str, Value)> {
    let text = |text: &str| Value::String(text.to_owned());
    let list = |items: &[&str]| Value::Array(items.iter().map(|item| text(item)).collect());
    let own = |items: &[String]| Value::Array(items.iter().map(|item| text(item)).collect());
    let yes = || Value::Boolean(true);
    let environment = if development { "development" } else { "production" };
    match kind {
        "PUSH_NOTIFICATIONS" => vec![("aps-environment", text(environment))],
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
            ("com.apple.developer.ubiquity-kvstore-identifier", text("*")),
        ],
        "HEALTHKIT" => vec![
            ("com.apple.developer.healthkit", yes()),
            ("com.apple.developer.healthkit.access", list(&["health-records"])),
        ],
        "HOMEKIT" => vec![("com.apple.developer.homekit", yes())],
        "SIRIKIT" => vec![("com.apple.developer.siri", yes())],
        "GAME_CENTER" => vec![("com.apple.developer.game-center", yes())],
        "MAPS" => vec![("com.apple.developer.maps", yes())],
        "WALLET" => vec![("com.apple.developer.pass-type-identifiers", list(&["*"]))],
        "APPLE_PAY" => vec![("com.apple.developer.in-app-payments", own(&bundle_id.merchants))],
        "DATA_PROTECTION" => vec![(
            "com.apple.developer.default-data-protection",
            text("NSFileProtectionComplete"),
        )],
        "NETWORK_EXTENSIONS" => vec![(
            "com.apple.developer.networking.networkextension",
            list(&[
                "app-proxy-provider",
                "content-filter-provider",
                "packet-tunnel-provider",
                "dns-proxy",
            ]),
        )],
        "PERSONAL_VPN" => vec![("com.apple.developer.networking.vpn.api", list(&["allow-vpn"]))],
        "MULTIPATH" => vec![("com.apple.developer.networking.multipath", yes())],
        "HOT_SPOT" => vec![("com.apple.developer.networking.HotspotConfiguration", yes())],
        "ACCESS_WIFI_INFORMATION" => vec![("com.apple.developer.networking.wifi-info", yes())],
        "NETWORK_CUSTOM_PROTOCOL" => vec![("com.apple.developer.networking.custom-protocol", yes())],
        "NFC_TAG_READING" => vec![(
            "com.apple.developer.nfc.readersession.formats",
            list(&["NDEF", "TAG"]),
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
        _ => Vec::new(),
    }
}
