//! What a sandbox begins with.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::account::{AppleAccount, SeedAppleId};
use crate::asc::objects::Objects;
use crate::asc::rules::lifecycle::{Pace, ReleaseRules};
use crate::asc::rules::situations::SeedRelease;
use crate::deliveries::{AltoolFault, AppVersion};
use crate::era::Era;
use crate::fault::Fault;
use crate::pki::{self, Authority, Subject};
use crate::profile::{self, Contents};
use crate::random::{Chance, RandomFaults};
use crate::state::{App, BundleId, Capability, Certificate, Device, Processing, Profile, State};

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
            apps: vec![SeedApp {
                id: "1023456789".to_owned(),
                name: "Courier".to_owned(),
                bundle_id: "com.example.courier".to_owned(),
                ..SeedApp::default()
            }],
            altool: Vec::new(),
            part_size: 8 << 20,
            keep_uploads: true,
            processing: Processing::default(),
            device_limit: 100,
            hidden_for: 0,
            devices_are_processed: false,
            cursor_life: 600,
            pace: Pace::default(),
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

    /// The state that the sandbox begins with.
    pub(crate) fn state(&self) -> anyhow::Result<State> {
        let mut connection = self.connection.clone();
        let devices: Vec<serde_json::Value> = self
            .test_devices
            .iter()
            .enumerate()
            .map(|(index, device)| {
                json!({"id": index, "user_id": index, "device_identifier": device.udid, "title": device.name, "device_type": "ios"})
            })
            .collect();
        connection.entry("test_devices").or_insert(devices.into());
        let mut dice = fastrand::Rng::with_seed(self.random);
        let mut state = State {
            switches: self.apple.switches(),
            apple_id: AppleAccount::new(&self.apple_id, &mut dice),
            serials_are_listed: true,
            groups: Vec::new(),
            containers: Vec::new(),
            merchants: Vec::new(),
            managed_capabilities: self.managed_capabilities.clone(),
            capabilities_are_replaced: true,
            assigned_by_app_id_tokens: false,
            team_id: self.team_id.clone(),
            key_id: self.key_id.clone(),
            issuer_id: Some(self.issuer_id.clone()).filter(|issuer| !issuer.is_empty()),
            enterprise: self.enterprise,
            private_key: pki::api_key()?,
            build_api_token: "sandbox-build-token".to_owned(),
            connection,
            certificates: Vec::new(),
            devices: Vec::new(),
            bundle_ids: Vec::new(),
            profiles: Vec::new(),
            apps: self.apps.iter().map(app).collect(),
            builds: Vec::new(),
            uploads: Vec::new(),
            upload_files: Vec::new(),
            part_size: self.part_size.max(1),
            keep_uploads: self.keep_uploads,
            processing: self.processing.clone(),
            altool: self.altool.iter().cloned().collect(),
            release: ReleaseRules {
                pace: self.pace,
                has_asset_library: self.asset_library,
                situations: self
                    .apps
                    .iter()
                    .map(|app| (app.id.clone(), app.release.clone()))
                    .collect(),
                ..ReleaseRules::default()
            },
            objects: Objects::default(),
            assets: std::collections::BTreeMap::new(),
            cursor_life: self.cursor_life,
            spool: tempfile::tempdir()?,
            device_limit: self.device_limit,
            devices_are_processed: self.devices_are_processed,
            hidden_for: self.hidden_for,
            faults: self.faults.clone(),
            requests: crate::request_log::RequestLog::default(),
            files: std::collections::BTreeMap::new(),
            authority: Authority::new()?,
            next_id: 0,
            lists_served: 0,
            dice,
            replay: None,
            random: self.random_faults.seed().map(Chance::new),
        };
        for certificate in &self.certificates {
            state.add_certificate(certificate, &self.passphrase)?;
        }
        for device in &self.devices {
            state.add_device(device, OffsetDateTime::now_utc() - Duration::days(90));
        }
        for (identifier, capabilities) in &self.bundle_ids {
            state.add_bundle_id(identifier, capabilities);
        }
        for profile in &self.profiles {
            state.add_profile(profile)?;
        }
        Ok(state)
    }
}

fn app(seed: &SeedApp) -> App {
    App {
        id: seed.id.clone(),
        name: seed.name.clone(),
        bundle_id: seed.bundle_id.clone(),
        versions: seed.versions.clone(),
    }
}

impl State {
    /// Issues a certificate, lists it, and serves it as `/files/<index>.p12`.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn add_certificate(&mut self, seed: &SeedCertificate, passphrase: &str) -> anyhow::Result<()> {
        let expires = OffsetDateTime::now_utc() + Duration::days(seed.days);
        let serial = self.serial();
        let code: String = (0..10)
            .map(|_| self.dice.alphanumeric().to_ascii_uppercase())
            .collect();
        let team_id = seed.team_id.clone().unwrap_or_else(|| self.team_id.clone());
        let suffix = if seed.certificate_type.contains("DEVELOPMENT") {
            code
        } else {
            team_id.clone()
        };
        let name = format!("{} ({suffix})", seed.name);
        let subject = Subject {
            common_name: &name,
            team_id: &team_id,
            serial,
            expires,
            issuer: seed.issuer.as_deref(),
        };
        let issued = self.authority.issue(&subject, passphrase)?;
        let file = format!("{}.p12", self.certificates.len());
        self.files.insert(file, issued.p12.clone());
        let id = self.id();
        self.certificates.push(Certificate {
            id,
            name,
            certificate_type: seed.certificate_type.clone(),
            serial: format!("{serial:X}"),
            expires,
            der: issued.der,
            p12: issued.p12,
            on_portal: seed.on_portal && team_id == self.team_id,
        });
        Ok(())
    }

    /// Registers a device.
    pub fn add_device(&mut self, seed: &SeedDevice, added: OffsetDateTime) {
        let id = self.id();
        self.devices.push(Device {
            id,
            name: seed.name.clone(),
            udid: seed.udid.clone(),
            device_class: seed.device_class.clone(),
            status: seed.status.clone(),
            platform: if profile::is_mac_class(&seed.device_class) {
                "MAC_OS"
            } else {
                "IOS"
            }
            .to_owned(),
            added,
            hidden_until: 0,
        });
    }

    /// Registers a bundle ID with capabilities.
    pub fn add_bundle_id(&mut self, identifier: &str, capabilities: &[String]) {
        let id = self.id();
        let capabilities = capabilities
            .iter()
            .map(|kind| Capability {
                id: format!("{id}_{kind}"),
                capability_type: kind.clone(),
                settings: serde_json::Value::Null,
            })
            .collect();
        self.bundle_ids.push(BundleId {
            id,
            identifier: identifier.to_owned(),
            name: format!("Seeded {}", identifier.replace(['.', '-'], " ")),
            platform: "IOS".to_owned(),
            capabilities,
            containers: Vec::new(),
            groups: Vec::new(),
            merchants: Vec::new(),
            parent: None,
            hidden_until: 0,
        });
    }

    /// Makes a profile with every certificate of its kind and every enabled device.
    ///
    /// # Errors
    /// When its bundle ID is not there.
    pub fn add_profile(&mut self, seed: &SeedProfile) -> anyhow::Result<()> {
        let bundle_id = self
            .bundle_id(&seed.bundle_id)
            .with_context(|| format!("the seed has no bundle ID {}", seed.bundle_id))?
            .clone();
        let certificates = self
            .certificates
            .iter()
            .filter(|known| {
                known.on_portal && profile::takes_certificate(&seed.profile_type, &known.certificate_type)
            })
            .map(|known| known.id.clone())
            .collect();
        let devices = self
            .devices
            .iter()
            .filter(|device| device.status == "ENABLED" && profile::lists_devices(&seed.profile_type))
            .map(|device| device.id.clone())
            .collect();
        let expires = OffsetDateTime::now_utc() + Duration::days(seed.days);
        let created = expires - Duration::days(365);
        let made = self.make_profile(
            &seed.name,
            &seed.profile_type,
            &bundle_id.id,
            certificates,
            devices,
            created,
        );
        let mut made = Profile {
            state: seed.state.clone(),
            xcode_managed: seed.xcode_managed,
            hidden_until: 0,
            ..made
        };
        made.content = self.content(&made);
        self.profiles.push(made);
        Ok(())
    }

    /// A profile of the given parts, not yet listed.
    pub(crate) fn make_profile(
        &mut self,
        name: &str,
        profile_type: &str,
        bundle_id: &str,
        certificates: Vec<String>,
        devices: Vec<String>,
        created: OffsetDateTime,
    ) -> Profile {
        let (id, uuid) = (self.id(), self.uuid());
        let expires = created + Duration::days(365);
        let mut made = Profile {
            id,
            name: name.to_owned(),
            uuid,
            profile_type: profile_type.to_owned(),
            state: "ACTIVE".to_owned(),
            bundle_id: bundle_id.to_owned(),
            certificates,
            devices,
            created,
            expires,
            xcode_managed: false,
            content: Vec::new(),
            hidden_until: self.hidden_until(),
        };
        made.content = self.content(&made);
        made
    }

    /// The file of a profile.
    fn content(&self, made: &Profile) -> Vec<u8> {
        let Some(bundle_id) = self.bundle_ids.iter().find(|known| known.id == made.bundle_id) else {
            return Vec::new();
        };
        let contents = Contents {
            profile: made,
            bundle_id,
            certificates: self
                .certificates
                .iter()
                .filter(|one| made.certificates.contains(&one.id))
                .collect(),
            devices: self
                .devices
                .iter()
                .filter(|one| made.devices.contains(&one.id))
                .collect(),
        };
        profile::build(&contents, self)
    }
}
