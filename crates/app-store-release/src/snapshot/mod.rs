//! What App Store Connect has now, as far as a release is concerned.

use std::collections::BTreeMap;

use apple_types::StorePlatform;
use serde_json::Value;

use crate::media::Library;
use crate::store::{Attributes, Object};

mod read;

pub use read::Overview;
pub(crate) use read::{
    Needs, app_of, find_app, overview, read_attachments, read_builds, read_infos, read_sets,
    read_submissions, read_version, reasons,
};

/// An app.
#[derive(Debug, Clone)]
pub struct App {
    /// Apple's number of it.
    pub id: String,
    /// Its bundle ID.
    pub bundle_id: String,
    /// The locale that every text needs.
    pub primary_locale: String,
    /// `USES_THIRD_PARTY_CONTENT`, `DOES_NOT_USE_THIRD_PARTY_CONTENT`, or nothing.
    pub content_rights: Option<String>,
}

/// A localization: its ID, where it is known, and its attributes.
#[derive(Debug, Clone, Default)]
pub struct Localization {
    /// Apple's ID; `None` for one that is predicted.
    pub id: Option<String>,
    pub(crate) attributes: Attributes,
    /// Whether it has classic sets of screenshots and of previews, where that is known.
    pub(crate) has_sets: (Option<bool>, Option<bool>),
}

impl Localization {
    pub(crate) fn of(object: &Object) -> Self {
        Self {
            id: Some(object.id.clone()),
            attributes: object.attributes.clone(),
            has_sets: (None, None),
        }
    }
}

/// A version on the App Store, or on its way there.
#[derive(Debug, Clone, Default)]
pub struct Version {
    /// Apple's ID; `None` for one that is predicted.
    pub id: Option<String>,
    /// The version, such as `1.1`.
    pub number: String,
    /// `appVersionState`, in Apple's spelling.
    pub state: String,
    pub(crate) attributes: Attributes,
    pub(crate) localizations: BTreeMap<String, Localization>,
    pub(crate) review: Option<Localization>,
    /// ID and state of its phased release.
    pub(crate) phased: Option<(String, String)>,
    pub(crate) build: Option<String>,
    /// Whether its localizations name `placements`, which they do where there is an asset library.
    pub(crate) has_placements: Option<bool>,
}

/// The part of an app's page that is the same for all versions.
#[derive(Debug, Clone)]
pub struct AppInfo {
    pub(crate) id: Option<String>,
    pub(crate) state: String,
    pub(crate) localizations: BTreeMap<String, Localization>,
    /// Category IDs by relationship.
    pub(crate) categories: BTreeMap<&'static str, String>,
    pub(crate) age_rating: Option<Localization>,
}

/// A picture, video, or attachment on App Store Connect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteItem {
    /// The ID of a classic item, or of a placement of the asset library.
    pub(crate) id: String,
    pub(crate) name: String,
    /// MD5 of a classic item, SHA-256 of one in the asset library.
    pub(crate) checksum: Option<String>,
    pub(crate) state: String,
    /// Why Apple could not process it.
    pub(crate) errors: String,
    /// The frame that stands for a video.
    pub(crate) frame: Option<String>,
    /// The ID of the image or video in the asset library.
    pub(crate) asset: Option<String>,
}

/// The pictures or videos of one locale and display type, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteSet {
    /// The ID of a classic set, or the placement group of the asset library.
    pub(crate) id: String,
    pub(crate) items: Vec<RemoteItem>,
}

/// The sets of each locale, by display type. A locale that was not read is not there.
pub type RemoteMedia = BTreeMap<String, BTreeMap<String, RemoteSet>>;

/// A review submission that is not complete.
#[derive(Debug, Clone)]
pub struct Submission {
    pub(crate) id: String,
    pub(crate) state: String,
    /// Item IDs, with the version that each is, where it is one.
    pub(crate) items: Vec<(String, Option<String>)>,
}

/// A build that was uploaded.
#[derive(Debug, Clone)]
pub struct Build {
    /// Apple's ID.
    pub id: String,
    /// `CFBundleVersion`.
    pub number: String,
    /// `CFBundleShortVersionString`.
    pub version: String,
    /// Its platform; `None` for one that Apple added later, or where the answer does not say.
    pub platform: Option<StorePlatform>,
    /// `PROCESSING`, `VALID`, `FAILED` or `INVALID`.
    pub processing_state: String,
    /// Whether export compliance is answered, and how.
    pub uses_non_exempt_encryption: Option<bool>,
    /// Whether it expired.
    pub expired: bool,
    /// Whether it can only be tested internally.
    pub internal_only: bool,
}

/// Everything that a plan is made from.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The app.
    pub app: App,
    /// All its versions for one platform, those that were replaced among them: their numbers can't be used again.
    pub versions: Vec<Version>,
    /// Its app infos: the live one, and one that can be edited.
    pub infos: Vec<AppInfo>,
    /// Submissions that are not complete; read only where a version is in one.
    pub submissions: Vec<Submission>,
    /// Screenshots of the version that is edited, or of the one that Apple will copy, as far as they were asked for.
    pub media: RemoteMedia,
    /// Previews of the same version, as far as they were asked for.
    pub previews: RemoteMedia,
    /// The asset library, where there is one and media matter.
    pub(crate) library: Option<Library>,
    /// Attachments for App Review, as far as they were asked for.
    pub attachments: Vec<RemoteItem>,
}

/// How an app is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppName {
    /// By its bundle ID.
    BundleId(String),
    /// By its number.
    Id(String),
}

impl Snapshot {
    /// The app info that can be edited.
    pub(crate) fn editable_info(&self) -> Option<&AppInfo> {
        let editable = |info: &&AppInfo| {
            matches!(
                info.state.as_str(),
                "PREPARE_FOR_SUBMISSION" | "DEVELOPER_REJECTED" | "REJECTED" | "READY_FOR_REVIEW"
            )
        };
        self.infos.iter().find(editable)
    }

    /// The app info that is in review with its version, and can be edited once the submission is cancelled.
    pub(crate) fn reviewed_info(&self) -> Option<&AppInfo> {
        self.infos.iter().find(|info| is_in_review(&info.state))
    }

    /// The app info of the version that is on the App Store.
    pub(crate) fn live_info(&self) -> Option<&AppInfo> {
        self.infos
            .iter()
            .find(|info| info.state == "READY_FOR_DISTRIBUTION")
    }
}

impl Version {
    /// Whether it is on the App Store.
    pub(crate) fn is_live(&self) -> bool {
        matches!(
            self.state.as_str(),
            "READY_FOR_DISTRIBUTION" | "PROCESSING_FOR_DISTRIBUTION"
        )
    }

    /// Whether a later version took its place on the App Store.
    pub fn is_replaced(&self) -> bool {
        self.state == "REPLACED_WITH_NEW_VERSION"
    }

    /// Whether App Review has it.
    pub(crate) fn is_in_review(&self) -> bool {
        is_in_review(&self.state)
    }
}

/// Whether App Review has what is in a state.
pub(crate) fn is_in_review(state: &str) -> bool {
    matches!(state, "WAITING_FOR_REVIEW" | "IN_REVIEW")
}

/// An attribute that is text; empty when there is none.
pub(crate) fn text(attributes: &Attributes, name: &str) -> String {
    optional(attributes, name).unwrap_or_default()
}

/// An attribute that is text.
pub(crate) fn optional(attributes: &Attributes, name: &str) -> Option<String> {
    attributes.get(name).and_then(Value::as_str).map(str::to_owned)
}
