//! What a sandbox begins with, as a seed says it.

mod grow;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::account::SeedAppleId;
use crate::asc::rules::lifecycle::Pace;
use crate::asc::rules::situations::SeedRelease;
use crate::deliveries::{AltoolFault, AppVersion};
use crate::era::Era;
use crate::fault::Fault;
use crate::random::RandomFaults;
use crate::uploads::Processing;

/// What a sandbox begins with; in YAML, every field may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    /// What Apple is like.
    pub apple: Era,
    /// The team.
    pub team_id: String,
    /// The API key's ID.
    pub key_id: String,
    /// The API key's issuer; empty for an individual key.
    pub issuer_id: String,
    /// Whether the account is one of the Enterprise Program.
    pub enterprise: bool,
    /// The Apple ID.
    pub apple_id: SeedAppleId,
    /// What else Bitrise's document says; `null` takes a field away.
    pub connection: serde_json::Map<String, serde_json::Value>,
    /// The passphrase of every `.p12`.
    pub passphrase: String,
    /// Certificates: on the portal, and as `.p12` files.
    pub certificates: Vec<SeedCertificate>,
    /// Devices.
    pub devices: Vec<SeedDevice>,
    /// Bundle IDs, with the types of their capabilities.
    pub bundle_ids: std::collections::BTreeMap<String, Vec<String>>,
    /// Capabilities that Apple granted on request: entitlements by bundle ID.
    pub managed_capabilities: std::collections::BTreeMap<String, Vec<String>>,
    /// Profiles.
    pub profiles: Vec<SeedProfile>,
    /// Devices of team members, as Bitrise knows them.
    pub test_devices: Vec<SeedDevice>,
    /// Apps.
    pub apps: Vec<SeedApp>,
    /// How long the parts of an uploaded file are, in bytes.
    pub part_size: u64,
    /// Whether what arrives is kept and checked, or only counted.
    pub keep_uploads: bool,
    /// What goes wrong with altool, a run each; see `tools/altool.rs`.
    pub altool: Vec<AltoolFault>,
    /// What becomes of uploads.
    pub processing: Processing,
    /// How many devices the membership allows.
    pub device_limit: usize,
    /// For how many list requests a created object stays hidden.
    pub hidden_for: u32,
    /// Whether new devices are processed for a while before they can be used.
    pub devices_are_processed: bool,
    /// How long the cursor of a page lives, in seconds.
    pub cursor_life: i64,
    /// How many looks Apple takes for what it does by itself in a release.
    pub pace: Pace,
    /// Whether attributes without a value are `null`, as in Apple's answers, rather than left out, as Apple's document wants it.
    pub answers_null: bool,
    /// Whether the account has the App Asset Library (API 4.5.1) beside the classic sets of media.
    pub asset_library: bool,
    /// Faults.
    pub faults: Vec<Fault>,
    /// Where chance begins.
    pub random: u64,
    /// Whether faults strike at random: `true`, `false`, or a number to begin from.
    pub random_faults: RandomFaults,
}

/// A certificate of the seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedCertificate {
    /// The common name, without the part in parentheses.
    pub name: String,
    /// The type, such as `DEVELOPMENT`.
    pub certificate_type: String,
    /// In how many days it ends.
    #[serde(default = "a_year")]
    pub days: i64,
    /// Whether the portal lists it.
    #[serde(default = "yes")]
    pub on_portal: bool,
    /// Which of Apple's authorities it names as its issuer: `WWDR G3`, `Developer ID` or `Developer ID G2`.
    #[serde(default)]
    pub issuer: Option<String>,
    /// The team that it belongs to, where that is another one.
    #[serde(default)]
    pub team_id: Option<String>,
}

/// An app of the seed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedApp {
    /// The ID, a number.
    pub id: String,
    /// The name.
    pub name: String,
    /// The bundle ID.
    pub bundle_id: String,
    /// The App Store versions.
    #[serde(default)]
    pub versions: Vec<AppVersion>,
    /// How far its releases are, and what it has on TestFlight.
    #[serde(default)]
    pub release: SeedRelease,
}

/// A device of the seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedDevice {
    /// The name.
    pub name: String,
    /// The UDID.
    pub udid: String,
    /// The class.
    #[serde(default = "iphone")]
    pub device_class: String,
    /// The status.
    #[serde(default = "enabled")]
    pub status: String,
}

/// A profile of the seed. It has every certificate of its kind and every enabled device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedProfile {
    /// The name.
    pub name: String,
    /// The type, such as `IOS_APP_STORE`.
    pub profile_type: String,
    /// The bundle ID's identifier.
    pub bundle_id: String,
    /// In how many days it ends; negative for an expired one.
    #[serde(default = "a_year")]
    pub days: i64,
    /// `ACTIVE` or `INVALID`.
    #[serde(default = "active")]
    pub state: String,
    /// Whether Xcode made it for itself.
    #[serde(default)]
    pub xcode_managed: bool,
}

impl Default for SeedCertificate {
    fn default() -> Self {
        Self {
            name: String::new(),
            certificate_type: "DEVELOPMENT".to_owned(),
            days: a_year(),
            on_portal: true,
            issuer: None,
            team_id: None,
        }
    }
}

impl Default for SeedProfile {
    fn default() -> Self {
        Self {
            name: String::new(),
            profile_type: "IOS_APP_DEVELOPMENT".to_owned(),
            bundle_id: String::new(),
            days: a_year(),
            state: active(),
            xcode_managed: false,
        }
    }
}

fn a_year() -> i64 {
    360
}
fn yes() -> bool {
    true
}
fn iphone() -> String {
    "IPHONE".to_owned()
}
fn enabled() -> String {
    "ENABLED".to_owned()
}
fn active() -> String {
    "ACTIVE".to_owned()
}

impl Default for Seed {
    fn default() -> Self {
        let certificate = |name: &str, kind: &str| SeedCertificate {
            name: name.to_owned(),
            certificate_type: kind.to_owned(),
            ..SeedCertificate::default()
        };
        let device = |name: &str, udid: &str, class: &str| SeedDevice {
            name: name.to_owned(),
            udid: udid.to_owned(),
            device_class: class.to_owned(),
            status: enabled(),
        };
        Self {
            apple: Era::default(),
            team_id: "SBXTEAM123".to_owned(),
            key_id: "SBXKEY1234".to_owned(),
            issuer_id: "00000000-5a5a-4b4b-8c8c-000000000001".to_owned(),
            enterprise: false,
            apple_id: SeedAppleId::default(),
            connection: serde_json::Map::new(),
            passphrase: "sandbox-passphrase".to_owned(),
            certificates: vec![
                certificate("Apple Development: Ada Example", "DEVELOPMENT"),
                certificate("Apple Distribution: Example GmbH", "DISTRIBUTION"),
            ],
            devices: vec![
                device("Ada's iPhone", "00008101-000A1B2C3D4E001E", "IPHONE"),
                device("Studio iPad", "00008103-001A2B3C4D5E001E", "IPAD"),
            ],
            bundle_ids: std::collections::BTreeMap::new(),
            managed_capabilities: std::collections::BTreeMap::new(),
            profiles: Vec::new(),
            test_devices: vec![device("Grace's iPhone", "00008110-000F1E2D3C4B801E", "IPHONE")],
            apps: vec![courier()],
            altool: Vec::new(),
            part_size: 8 << 20,
            keep_uploads: true,
            processing: Processing::default(),
            device_limit: 100,
            hidden_for: 0,
            devices_are_processed: false,
            cursor_life: 600,
            pace: Pace::default(),
            answers_null: false,
            asset_library: true,
            faults: Vec::new(),
            random: 7,
            random_faults: RandomFaults::default(),
        }
    }
}

impl Seed {
    /// Reads a seed in YAML.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        serde_yaml::from_str(text).context("the seed is not valid")
    }

    /// An account with the usual app, `com.example.courier`, that has these App Store versions.
    pub fn with_versions(versions: Vec<AppVersion>) -> Self {
        Self {
            apps: vec![SeedApp {
                versions,
                ..courier()
            }],
            ..Self::default()
        }
    }

    /// An account with the usual app, `com.example.courier`, whose releases begin so.
    pub fn releasing(release: SeedRelease) -> Self {
        Self {
            apps: vec![SeedApp { release, ..courier() }],
            ..Self::default()
        }
    }
}

/// The usual app.
fn courier() -> SeedApp {
    SeedApp {
        id: "1023456789".to_owned(),
        name: "Courier".to_owned(),
        bundle_id: "com.example.courier".to_owned(),
        ..SeedApp::default()
    }
}
