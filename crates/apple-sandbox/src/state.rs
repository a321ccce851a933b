//! What the sandbox knows: the parts that its modules own, put together.

use std::collections::BTreeMap;

use serde::Serialize;
use time::OffsetDateTime;

use crate::account::{AppleAccount, Team};
use crate::asc::objects::Objects;
use crate::asc::rules::Assets;
use crate::asc::rules::lifecycle::ReleaseRules;
use crate::deliveries::{AltoolFault, AppVersion};
use crate::era::Switches;
use crate::fault::Faults;
use crate::fresh::Fresh;
use crate::pki::Authority;
use crate::records::{Identified, Lists, Records};
use crate::replay::Replay;
use crate::request_log::{Logged, RequestLog};
use crate::signing::{Associables, BundleId, Certificate, Device, PortalRules, Profile};
use crate::storage::Storage;
use crate::uploads::Uploads;

/// The whole state. Each part keeps its own insides to itself; what a test may put anywhere is public.
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
    /// The Apple ID, and its sessions.
    pub apple_id: AppleAccount,
    /// How the Developer Portal behaves.
    #[serde(flatten)]
    pub portal: PortalRules,
    /// App Groups, iCloud containers, and merchant IDs.
    #[serde(flatten)]
    pub associables: Associables,
    /// The certificates.
    pub certificates: Records<Certificate>,
    /// The devices.
    pub devices: Records<Device>,
    /// The bundle IDs.
    pub bundle_ids: Records<BundleId>,
    /// The profiles, expired ones included.
    pub profiles: Records<Profile>,
    /// The apps.
    pub apps: Records<App>,
    /// The builds.
    pub builds: Records<Build>,
    /// The uploads of builds.
    #[serde(flatten)]
    pub uploads: Uploads,
    /// What goes wrong with altool, a run each.
    pub altool: std::collections::VecDeque<AltoolFault>,
    /// How releases go: their pace, the account's media world, and what is on its way.
    pub release: ReleaseRules,
    /// Resources that need no types of their own, and how resources are related.
    pub objects: Objects,
    /// The files of resources other than builds.
    pub(crate) assets: Assets,
    /// Where what arrives is kept.
    #[serde(skip)]
    pub(crate) storage: Storage,
    /// How long the cursor of a page lives, in seconds.
    pub cursor_life: i64,
    /// Whether attributes without a value are `null` in answers.
    pub answers_null: bool,
    /// How far lists lag behind.
    #[serde(flatten)]
    pub lists: Lists,
    /// Faults that wait to strike.
    pub faults: Faults,
    /// What was asked, oldest first.
    pub requests: RequestLog,
    /// Files that are served under `/files/`.
    #[serde(skip)]
    pub files: BTreeMap<String, Vec<u8>>,
    #[serde(skip)]
    pub(crate) authority: Authority,
    #[serde(skip)]
    pub(crate) fresh: Fresh,
    /// A support trace that is played again; `None` for a sandbox that answers for itself.
    #[serde(skip)]
    pub(crate) replay: Option<Replay>,
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

impl Identified for App {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for Build {
    fn id(&self) -> &str {
        &self.id
    }
}

impl State {
    /// Answers from a trace from now on; the sign-in, which no trace can replace, ends as the recorded one did.
    pub fn play(&mut self, replay: Replay) {
        replay.adopt_sign_in(&mut self.apple_id.seed);
        self.replay = Some(replay);
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
}
