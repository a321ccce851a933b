//! What the sandbox knows. Everything is public, so that a test can put anything there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::account::{AppleAccount, Team};
use crate::asc::objects::Objects;
use crate::asc::rules::Asset;
use crate::asc::rules::lifecycle::ReleaseRules;
use crate::deliveries::{AltoolFault, AppVersion};
use crate::era::Switches;
use crate::fault::Fault;
use crate::pki::Authority;
use crate::random::Chance;
use crate::replay::Replay;
use crate::request_log::{Logged, RequestLog};

/// The whole state.
#[derive(Debug, Serialize)]
pub struct State {
    /// What Apple is like.
    pub switches: Switches,
    /// The team.
    pub team_id: String,
    /// The API key's ID.
    pub key_id: String,
    /// The API key's issuer; `None` makes it an individual key.
    pub issuer_id: Option<String>,
    /// Whether the key is one of the Enterprise Program.
    pub enterprise: bool,
    /// The API key, in PEM.
    #[serde(skip)]
    pub private_key: String,
    /// What builds show to Bitrise.
    #[serde(skip)]
    pub build_api_token: String,
    /// What else Bitrise's document says, over the API key's fields; `null` takes a field away.
    #[serde(skip)]
    pub connection: serde_json::Map<String, serde_json::Value>,
    /// The Apple ID.
    pub apple_id: AppleAccount,
    /// Whether the Developer Portal says serial numbers when it lists certificates.
    pub serials_are_listed: bool,
    /// App Groups.
    pub groups: Vec<Associable>,
    /// iCloud containers.
    pub containers: Vec<Associable>,
    /// Merchant IDs.
    pub merchants: Vec<Associable>,
    /// Capabilities that Apple granted on request: entitlements by bundle ID. Every new profile of it carries them.
    pub managed_capabilities: BTreeMap<String, Vec<String>>,
    /// Whether a `PATCH` of a bundle ID drops the capabilities that it does not list. Clients disagree on what Apple does.
    pub capabilities_are_replaced: bool,
    /// Whether the assignment of App Groups and containers takes tokens of App IDs, rather than of what is assigned.
    pub assigned_by_app_id_tokens: bool,
    /// The certificates.
    pub certificates: Vec<Certificate>,
    /// The devices.
    pub devices: Vec<Device>,
    /// The bundle IDs.
    pub bundle_ids: Vec<BundleId>,
    /// The profiles, expired ones included.
    pub profiles: Vec<Profile>,
    /// The apps.
    pub apps: Vec<App>,
    /// The builds.
    pub builds: Vec<Build>,
    /// The uploads of builds.
    pub uploads: Vec<Upload>,
    /// Their files.
    pub upload_files: Vec<UploadFile>,
    /// How long the parts of a file are, in bytes.
    pub part_size: u64,
    /// Whether what arrives is kept and checked, or only counted.
    pub keep_uploads: bool,
    /// What goes wrong with altool, a run each.
    pub altool: std::collections::VecDeque<AltoolFault>,
    /// What becomes of uploads.
    pub processing: Processing,
    /// How releases go: their pace, the account's media world, and what is on its way.
    pub release: ReleaseRules,
    /// Resources that need no types of their own, and how resources are related.
    pub objects: Objects,
    /// The files of resources other than builds, by the resources' IDs.
    pub(crate) assets: BTreeMap<String, Asset>,
    /// How long the cursor of a page lives, in seconds.
    pub cursor_life: i64,
    /// Where what arrives is kept.
    #[serde(skip)]
    pub(crate) spool: tempfile::TempDir,
    /// How many devices the membership allows.
    pub device_limit: usize,
    /// Whether new devices are processed for a while before they can be used.
    pub devices_are_processed: bool,
    /// For how many list requests a created object stays hidden.
    pub hidden_for: u32,
    /// Faults that wait to strike.
    pub faults: Vec<Fault>,
    /// What was asked, oldest first.
    pub requests: RequestLog,
    /// Files that are served under `/files/`.
    #[serde(skip)]
    pub files: BTreeMap<String, Vec<u8>>,
    #[serde(skip)]
    pub(crate) authority: Authority,
    pub(crate) next_id: u64,
    pub(crate) lists_served: u32,
    #[serde(skip)]
    pub(crate) dice: fastrand::Rng,
    /// Faults at random; `None` where they are off.
    #[serde(skip)]
    pub random: Option<Chance>,
    /// A support trace that is played again; `None` for a sandbox that answers for itself.
    #[serde(skip)]
    pub replay: Option<Replay>,
}

/// A certificate on the portal.
#[derive(Debug, Clone, Serialize)]
pub struct Certificate {
    /// The resource ID.
    pub id: String,
    /// The name, such as `Apple Development: Jane Doe (ABC)`.
    pub name: String,
    /// The type, such as `DEVELOPMENT`.
    pub certificate_type: String,
    /// The serial number, hexadecimal.
    pub serial: String,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub expires: OffsetDateTime,
    /// The certificate in DER.
    #[serde(skip)]
    pub der: Vec<u8>,
    /// Certificate and key in a `.p12`, as the developer has it.
    #[serde(skip)]
    pub p12: Vec<u8>,
    /// Whether the portal lists it; one that was revoked, or is another team's, it does not.
    pub on_portal: bool,
}

/// A device.
#[derive(Debug, Clone, Serialize)]
pub struct Device {
    /// The resource ID.
    pub id: String,
    /// The name.
    pub name: String,
    /// The UDID.
    pub udid: String,
    /// The class, such as `IPHONE`.
    pub device_class: String,
    /// `ENABLED`, `DISABLED` or `PROCESSING`.
    pub status: String,
    /// `IOS` or `MAC_OS`.
    pub platform: String,
    /// When it was registered.
    #[serde(with = "time::serde::rfc3339")]
    pub added: OffsetDateTime,
    pub(crate) hidden_until: u32,
}

/// A bundle ID.
#[derive(Debug, Clone, Serialize)]
pub struct BundleId {
    /// The resource ID.
    pub id: String,
    /// The identifier.
    pub identifier: String,
    /// The name.
    pub name: String,
    /// `IOS`, `MAC_OS` or `UNIVERSAL`.
    pub platform: String,
    /// What is enabled.
    pub capabilities: Vec<Capability>,
    /// iCloud containers that a person has assigned.
    pub containers: Vec<String>,
    /// App groups that a person has assigned.
    pub groups: Vec<String>,
    /// Merchant IDs that a person has assigned.
    pub merchants: Vec<String>,
    /// For an App Clip, the resource ID of its app's.
    pub parent: Option<String>,
    pub(crate) hidden_until: u32,
}

/// An App Group or an iCloud container.
#[derive(Debug, Clone, Serialize)]
pub struct Associable {
    /// The portal's ID.
    pub id: String,
    /// The identifier, such as `group.com.example`.
    pub identifier: String,
    /// The name.
    pub name: String,
}

/// A capability of a bundle ID.
#[derive(Debug, Clone, Serialize)]
pub struct Capability {
    /// The resource ID.
    pub id: String,
    /// The type, such as `PUSH_NOTIFICATIONS`.
    pub capability_type: String,
    /// Its settings as they were written.
    pub settings: serde_json::Value,
}

/// A profile.
#[derive(Debug, Clone, Serialize)]
pub struct Profile {
    /// The resource ID.
    pub id: String,
    /// The name.
    pub name: String,
    /// The UUID.
    pub uuid: String,
    /// The type, such as `IOS_APP_STORE`.
    pub profile_type: String,
    /// `ACTIVE` or `INVALID`.
    pub state: String,
    /// The bundle ID's resource ID.
    pub bundle_id: String,
    /// The certificates' resource IDs.
    pub certificates: Vec<String>,
    /// The devices' resource IDs.
    pub devices: Vec<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub expires: OffsetDateTime,
    /// Whether Xcode made it for itself.
    pub xcode_managed: bool,
    /// The file.
    #[serde(skip)]
    pub content: Vec<u8>,
    pub(crate) hidden_until: u32,
}

/// An app.
#[derive(Debug, Clone, Serialize)]
pub struct App {
    /// The resource ID, a number.
    pub id: String,
    /// The name.
    pub name: String,
    /// The bundle ID.
    pub bundle_id: String,
    /// The App Store versions.
    pub versions: Vec<AppVersion>,
}

/// A build.
#[derive(Debug, Clone, Serialize)]
pub struct Build {
    /// The resource ID.
    pub id: String,
    /// The app's resource ID.
    pub app: String,
    /// The build number.
    pub version: String,
    /// The version.
    pub short_version: String,
    /// `IOS`, `MAC_OS`, `TV_OS` or `VISION_OS`.
    pub platform: String,
    /// `PROCESSING`, `FAILED`, `INVALID` or `VALID`.
    pub processing_state: String,
    /// When it came.
    #[serde(with = "time::serde::rfc3339")]
    pub uploaded: OffsetDateTime,
}

/// An upload of a build.
#[derive(Debug, Clone, Serialize)]
pub struct Upload {
    /// The resource ID.
    pub id: String,
    /// The app's resource ID.
    pub app: String,
    /// The version.
    pub short_version: String,
    /// The build number.
    pub version: String,
    /// `IOS`, `MAC_OS`, `TV_OS` or `VISION_OS`.
    pub platform: String,
    /// `AWAITING_UPLOAD`, `PROCESSING`, `COMPLETE` or `FAILED`.
    pub state: String,
    /// Codes and descriptions of errors.
    pub errors: Vec<(String, String)>,
    /// Codes and descriptions of warnings.
    pub warnings: Vec<(String, String)>,
    /// The build's resource ID.
    pub build: Option<String>,
    /// When it was begun.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// Whether its file was committed.
    pub committed: bool,
    pub(crate) looks: u32,
    /// What the package says of itself, as attributes of the build that it becomes.
    pub(crate) declared: serde_json::Map<String, serde_json::Value>,
}

/// A file of an upload.
#[derive(Debug, Clone, Serialize)]
pub struct UploadFile {
    /// The resource ID.
    pub id: String,
    /// The upload's resource ID.
    pub upload: String,
    /// The name.
    pub name: String,
    /// The kind, such as `com.apple.ipa`.
    pub uti: String,
    /// The size in bytes.
    pub size: u64,
    /// The parts.
    pub parts: Vec<Part>,
    /// `AWAITING_UPLOAD`, `UPLOAD_COMPLETE` or `FAILED`.
    pub state: String,
    /// What went wrong.
    pub errors: Vec<String>,
    /// The SHA-256 of what arrived, once it is whole.
    pub sha256: String,
    /// The checksum that was given with the commit: algorithm and digits, both empty where none was.
    pub given: (String, String),
    #[serde(skip)]
    pub(crate) secret: String,
}

/// A part of a file.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub length: u64,
    /// Whether it is there.
    pub arrived: bool,
}

/// What becomes of an upload once it is whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Processing {
    /// How many looks it takes.
    pub looks: u32,
    /// Codes and descriptions of the errors that it ends with.
    pub errors: Vec<(String, String)>,
    /// Codes and descriptions of the warnings that it ends with.
    pub warnings: Vec<(String, String)>,
}

impl State {
    /// A fresh resource ID.
    pub(crate) fn id(&mut self) -> String {
        self.next_id += 1;
        format!("SBX{:07}", self.next_id)
    }

    /// A fresh serial number. The last bit keeps it odd, so that none ends in zeros that someone may trim.
    pub(crate) fn serial(&mut self) -> u64 {
        self.dice.u64(1 << 60..1 << 62) | 1
    }

    /// A fresh secret of a URL.
    pub(crate) fn secret(&mut self) -> String {
        (0..32).map(|_| self.dice.alphanumeric()).collect()
    }

    /// A fresh UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let hex: String = (0..32).map(|_| self.dice.digit(16)).collect();
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    /// Until which list request something that is made now stays hidden.
    pub(crate) fn hidden_until(&self) -> u32 {
        self.lists_served + self.hidden_for
    }

    /// Requests that changed something, or tried to.
    pub fn writes(&self) -> usize {
        // The Developer Portal lists with `POST`, too.
        let reads = |path: &str| {
            let action = path.rsplit('/').next().unwrap_or_default();
            path.starts_with(crate::portal::SERVICES)
                && (action.starts_with("list") || action.starts_with("get"))
        };
        // The newer services read with `POST`, too; the method that is meant is not part of the log.
        let reads_v1 = |request: &Logged| {
            request.path.starts_with(crate::portal::v1::SERVICES)
                && request.method == "POST"
                && request.body.contains("urlEncodedQueryParams")
                && request.status != 204
        };
        let is_sign_in = |path: &str| path.starts_with("/appleauth/");
        self.requests
            .iter()
            .filter(|request| !reads_v1(request))
            .filter(|request| request.method != "GET" && !reads(&request.path) && !is_sign_in(&request.path))
            .count()
    }

    /// The teams of the Apple ID, the sandbox's own first.
    pub fn teams(&self) -> Vec<Team> {
        let own = Team {
            id: self.team_id.clone(),
            name: "Example GmbH".to_owned(),
            kind: if self.enterprise {
                "In-House"
            } else {
                "Company/Organization"
            }
            .to_owned(),
        };
        std::iter::once(own)
            .chain(self.apple_id.seed.other_teams.iter().cloned())
            .collect()
    }

    /// The bundle ID of an identifier.
    pub fn bundle_id(&self, identifier: &str) -> Option<&BundleId> {
        self.bundle_ids.iter().find(|id| id.identifier == identifier)
    }
}
