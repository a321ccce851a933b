//! What App Store Connect has now, as far as a release is concerned.

use std::collections::BTreeMap;

use app_store_connect::{Error, Many};
use serde_json::Value;

use crate::error::{ReleaseError, api};
use crate::metadata::CATEGORIES;
use crate::store::{Attributes, Object, Store};

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
}

/// A version on the App Store, or on its way there.
#[derive(Debug, Clone)]
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

/// A picture on App Store Connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteScreenshot {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) checksum: Option<String>,
    pub(crate) state: String,
    /// Why Apple could not process it.
    pub(crate) errors: String,
}

/// The pictures of one locale and display type, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteSet {
    pub(crate) id: String,
    pub(crate) screenshots: Vec<RemoteScreenshot>,
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
    /// `IOS`, `MAC_OS`, `TV_OS` or `VISION_OS`.
    pub platform: String,
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
    /// Its versions for one platform, without those that were replaced.
    pub versions: Vec<Version>,
    /// Its app infos: the live one, and one that can be edited.
    pub infos: Vec<AppInfo>,
    /// Submissions that are not complete; read only where a version is in one.
    pub submissions: Vec<Submission>,
    /// Pictures of the version that is edited, as far as they were asked for.
    pub media: RemoteMedia,
    /// Attachments for App Review, as far as they were asked for.
    pub attachments: Vec<RemoteScreenshot>,
}

/// Everything but versions that were replaced, of which an old app has dozens.
const STATES: &str = "ACCEPTED,DEVELOPER_REJECTED,IN_REVIEW,INVALID_BINARY,METADATA_REJECTED,PENDING_APPLE_RELEASE,PENDING_DEVELOPER_RELEASE,PREPARE_FOR_SUBMISSION,PROCESSING_FOR_DISTRIBUTION,READY_FOR_DISTRIBUTION,READY_FOR_REVIEW,REJECTED,WAITING_FOR_EXPORT_COMPLIANCE,WAITING_FOR_REVIEW";

/// States of submissions that are not complete.
const OPEN_SUBMISSIONS: &str =
    "READY_FOR_REVIEW,WAITING_FOR_REVIEW,IN_REVIEW,UNRESOLVED_ISSUES,CANCELING,COMPLETING";

/// How an app is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppName {
    /// By its bundle ID.
    BundleId(String),
    /// By its number.
    Id(String),
}

/// Finds an app. Apple's filter matches prefixes, too, so the answer is compared.
///
/// # Errors
/// When there is none, or App Store Connect can't be asked.
pub(crate) async fn app(store: &Store, name: &AppName) -> Result<App, ReleaseError> {
    let look = || api("find the app");
    let found = match name {
        AppName::BundleId(bundle_id) => {
            let query = [("filter[bundleId]", bundle_id.as_str()), ("limit", "200")];
            let apps = store.list("v1/apps", &query).await.map_err(look())?;
            apps.data
                .into_iter()
                .find(|app| text(&app.attributes, "bundleId") == *bundle_id)
        }
        AppName::Id(id) => store.get(format!("v1/apps/{id}"), &[]).await.map_err(look())?,
    };
    let app = found.ok_or_else(|| match name {
        AppName::BundleId(value) => ReleaseError::NoApp {
            kind: "bundle ID",
            value: value.clone(),
        },
        AppName::Id(value) => ReleaseError::NoApp {
            kind: "Apple ID",
            value: value.clone(),
        },
    })?;
    Ok(App {
        bundle_id: text(&app.attributes, "bundleId"),
        primary_locale: text(&app.attributes, "primaryLocale"),
        content_rights: optional(&app.attributes, "contentRightsDeclaration"),
        id: app.id,
    })
}

impl Snapshot {
    /// Reads versions, and app infos where they matter, all at once; submissions only where a version is in one.
    ///
    /// # Errors
    /// When App Store Connect can't be asked.
    pub(crate) async fn read(
        store: &Store,
        app: &App,
        platform: &str,
        with_infos: bool,
    ) -> Result<Self, ReleaseError> {
        let versions = async {
            read_versions(store, &app.id, platform)
                .await
                .map_err(api("read the versions"))
        };
        let infos = async {
            if !with_infos {
                return Ok(Vec::new());
            }
            read_infos(store, &app.id)
                .await
                .map_err(api("read the app infos"))
        };
        let (versions, infos) = futures_util::try_join!(versions, infos)?;
        let in_submission = |version: &Version| {
            matches!(
                version.state.as_str(),
                "READY_FOR_REVIEW"
                    | "WAITING_FOR_REVIEW"
                    | "IN_REVIEW"
                    | "REJECTED"
                    | "METADATA_REJECTED"
                    | "PENDING_DEVELOPER_RELEASE"
            )
        };
        let submissions = if versions.iter().any(in_submission) {
            read_submissions(store, &app.id, platform)
                .await
                .map_err(api("read the review submissions"))?
        } else {
            Vec::new()
        };
        Ok(Self {
            app: app.clone(),
            versions,
            infos,
            submissions,
            media: RemoteMedia::new(),
            attachments: Vec::new(),
        })
    }

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
}

async fn read_versions(store: &Store, app: &str, platform: &str) -> Result<Vec<Version>, Error> {
    let page = store
        .list(
            format!("v1/apps/{app}/appStoreVersions"),
            &[
                ("filter[platform]", platform),
                ("filter[appVersionState]", STATES),
                (
                    "include",
                    "build,appStoreVersionLocalizations,appStoreReviewDetail,appStoreVersionPhasedRelease",
                ),
                ("limit[appStoreVersionLocalizations]", "50"),
                ("limit", "50"),
            ],
        )
        .await?;
    let localizations = page.included::<Attributes>("appStoreVersionLocalizations");
    let reviews = page.included::<Attributes>("appStoreReviewDetails");
    let phased = page.included::<Attributes>("appStoreVersionPhasedReleases");
    let one =
        |version: &Object, name: &str| version.related(name).into_iter().next().map(|related| related.id);
    let versions = page.data.iter().map(|version| Version {
        id: Some(version.id.clone()),
        number: text(&version.attributes, "versionString"),
        state: text(&version.attributes, "appVersionState"),
        localizations: by_locale(version, "appStoreVersionLocalizations", &localizations),
        review: one(version, "appStoreReviewDetail").map(|id| Localization {
            attributes: reviews
                .get(&id)
                .map(|review| review.attributes.clone())
                .unwrap_or_default(),
            id: Some(id),
        }),
        phased: one(version, "appStoreVersionPhasedRelease").map(|id| {
            let state = phased
                .get(&id)
                .map(|phased| text(&phased.attributes, "phasedReleaseState"));
            (id, state.unwrap_or_default())
        }),
        build: one(version, "build"),
        attributes: version.attributes.clone(),
    });
    Ok(versions.collect())
}

async fn read_infos(store: &Store, app: &str) -> Result<Vec<AppInfo>, Error> {
    let page: Many<Attributes> = store
        .list(
            format!("v1/apps/{app}/appInfos"),
            &[
                ("include", "appInfoLocalizations,ageRatingDeclaration,primaryCategory,primarySubcategoryOne,primarySubcategoryTwo,secondaryCategory,secondarySubcategoryOne,secondarySubcategoryTwo"),
                ("limit[appInfoLocalizations]", "50"),
                ("limit", "50"),
            ],
        )
        .await?;
    let localizations = page.included::<Attributes>("appInfoLocalizations");
    let ratings = page.included::<Attributes>("ageRatingDeclarations");
    let infos = page.data.iter().map(|info| AppInfo {
        id: Some(info.id.clone()),
        state: text(&info.attributes, "state"),
        localizations: by_locale(info, "appInfoLocalizations", &localizations),
        categories: CATEGORIES
            .into_iter()
            .filter_map(|(_, name)| Some((name, info.related(name).into_iter().next()?.id)))
            .collect(),
        age_rating: info
            .related("ageRatingDeclaration")
            .into_iter()
            .next()
            .map(|rating| Localization {
                attributes: ratings
                    .get(&rating.id)
                    .map(|rating| rating.attributes.clone())
                    .unwrap_or_default(),
                id: Some(rating.id),
            }),
    });
    Ok(infos.collect())
}

/// The submissions of a platform that are not complete.
pub(crate) async fn read_submissions(
    store: &Store,
    app: &str,
    platform: &str,
) -> Result<Vec<Submission>, Error> {
    let page = store
        .list(
            format!("v1/apps/{app}/reviewSubmissions"),
            &[
                ("filter[platform]", platform),
                ("filter[state]", OPEN_SUBMISSIONS),
                ("include", "items,appStoreVersionForReview"),
                ("limit[items]", "50"),
                ("limit", "50"),
            ],
        )
        .await?;
    let items = page.included::<Attributes>("reviewSubmissionItems");
    let submissions = page.data.iter().map(|submission| {
        let version = submission
            .related("appStoreVersionForReview")
            .into_iter()
            .next()
            .map(|version| version.id);
        let ids = submission.related("items");
        let active: Vec<String> = ids
            .into_iter()
            .filter(|item| {
                items
                    .get(&item.id)
                    .is_none_or(|item| text(&item.attributes, "state") != "REMOVED")
            })
            .map(|item| item.id)
            .collect();
        let of = |id: &String| {
            let named = items
                .get(id)
                .and_then(|item| item.related("appStoreVersion").into_iter().next());
            // A submission's only item is the version that it is for; Apple names items' versions only when asked one by one.
            named
                .map(|version| version.id)
                .or_else(|| (active.len() == 1).then(|| version.clone()).flatten())
        };
        Submission {
            id: submission.id.clone(),
            state: text(&submission.attributes, "state"),
            items: active.iter().map(|id| (id.clone(), of(id))).collect(),
        }
    });
    Ok(submissions.collect())
}

/// Reads the screenshots of a locale.
///
/// # Errors
/// When App Store Connect can't be asked.
pub(crate) async fn read_sets(
    store: &Store,
    localization: &str,
) -> Result<BTreeMap<String, RemoteSet>, Error> {
    let page = store
        .list(
            format!("v1/appStoreVersionLocalizations/{localization}/appScreenshotSets"),
            &[
                ("include", "appScreenshots"),
                ("limit[appScreenshots]", "50"),
                ("limit", "50"),
            ],
        )
        .await?;
    let screenshots = page.included::<Attributes>("appScreenshots");
    let sets = page.data.iter().map(|set| {
        let order = set.related("appScreenshots");
        let set_of = order
            .iter()
            .filter_map(|id| screenshots.get(&id.id))
            .map(screenshot)
            .collect();
        (
            text(&set.attributes, "screenshotDisplayType"),
            RemoteSet {
                id: set.id.clone(),
                screenshots: set_of,
            },
        )
    });
    Ok(sets.collect())
}

/// A picture from its resource.
pub(crate) fn screenshot(object: &Object) -> RemoteScreenshot {
    let state = object
        .attributes
        .get("assetDeliveryState")
        .unwrap_or(&Value::Null);
    RemoteScreenshot {
        id: object.id.clone(),
        name: text(&object.attributes, "fileName"),
        checksum: optional(&object.attributes, "sourceFileChecksum").map(|sum| sum.to_lowercase()),
        state: state["state"].as_str().unwrap_or_default().to_owned(),
        errors: reasons(state),
    }
}

/// Apple's reasons for a file that it could not process.
fn reasons(state: &Value) -> String {
    let errors = state["errors"].as_array().into_iter().flatten();
    let lines: Vec<String> = errors
        .map(|error| {
            let part = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            format!("{} ({})", part("description"), part("code"))
        })
        .collect();
    if lines.is_empty() {
        "processing failed, and Apple gives no reason".to_owned()
    } else {
        lines.join("; ")
    }
}

fn by_locale(owner: &Object, name: &str, all: &BTreeMap<String, Object>) -> BTreeMap<String, Localization> {
    let own = owner.related(name).into_iter().filter_map(|id| all.get(&id.id));
    own.map(|localization| {
        (
            text(&localization.attributes, "locale"),
            Localization {
                id: Some(localization.id.clone()),
                attributes: localization.attributes.clone(),
            },
        )
    })
    .collect()
}

/// An attribute that is text; empty when there is none.
pub(crate) fn text(attributes: &Attributes, name: &str) -> String {
    optional(attributes, name).unwrap_or_default()
}

/// An attribute that is text.
pub(crate) fn optional(attributes: &Attributes, name: &str) -> Option<String> {
    attributes.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// Reads the attachments for App Review.
///
/// # Errors
/// When App Store Connect can't be asked.
pub(crate) async fn read_attachments(store: &Store, review: &str) -> Result<Vec<RemoteScreenshot>, Error> {
    let path = format!("v1/appStoreReviewDetails/{review}/appStoreReviewAttachments");
    let page = store.list(path, &[("limit", "50")]).await?;
    Ok(page.data.iter().map(screenshot).collect())
}

/// Reads builds of an app, the newest first.
///
/// # Errors
/// When App Store Connect can't be asked.
pub(crate) async fn read_builds(
    store: &Store,
    filters: &[(&'static str, &str)],
) -> Result<Vec<Build>, Error> {
    let mut query = vec![
        ("include", "preReleaseVersion"),
        ("sort", "-uploadedDate"),
        ("limit", "50"),
    ];
    query.extend(filters);
    let page = store.list("v1/builds", &query).await?;
    let trains = page.included::<Attributes>("preReleaseVersions");
    let builds = page.data.iter().map(|build| {
        let train = build
            .related("preReleaseVersion")
            .into_iter()
            .next()
            .and_then(|id| trains.get(&id.id));
        let of_train = |name: &str| {
            train
                .map(|train| text(&train.attributes, name))
                .unwrap_or_default()
        };
        let flag = |name: &str| build.attributes.get(name).and_then(Value::as_bool);
        Build {
            id: build.id.clone(),
            number: text(&build.attributes, "version"),
            version: of_train("version"),
            platform: of_train("platform"),
            processing_state: text(&build.attributes, "processingState"),
            uses_non_exempt_encryption: flag("usesNonExemptEncryption"),
            expired: flag("expired") == Some(true),
            internal_only: text(&build.attributes, "buildAudienceType") == "INTERNAL_ONLY",
        }
    });
    Ok(builds.collect())
}
