//! Reading a snapshot: as few requests as the answers allow.

use std::collections::BTreeMap;

use app_store_connect::{Error, Many};
use apple_types::StorePlatform;
use serde_json::Value;

use crate::error::{ReleaseError, api};
use crate::metadata::CATEGORIES;
use crate::plan::MediaKind;
use crate::snapshot::{
    App, AppInfo, AppName, Build, Localization, RemoteItem, RemoteSet, Submission, Version, optional, text,
};
use crate::store::{Attributes, Object, Store};

/// States of submissions that are not complete.
const OPEN_SUBMISSIONS: &str =
    "READY_FOR_REVIEW,WAITING_FOR_REVIEW,IN_REVIEW,UNRESOLVED_ISSUES,CANCELING,COMPLETING";

/// An app with its versions for one platform: what one request tells.
#[derive(Debug)]
pub struct Overview {
    pub(crate) app: App,
    /// Versions of the platform, without what belongs to them.
    pub(crate) versions: Vec<Version>,
}

/// Finds an app with its versions.
///
/// # Errors
/// When there is none, or App Store Connect can't be asked.
pub(crate) async fn overview(
    store: &Store,
    name: &AppName,
    platform: StorePlatform,
) -> Result<Overview, ReleaseError> {
    let include = [("include", "appStoreVersions"), ("limit[appStoreVersions]", "50")];
    let (page, found) = find_app(store, name, &include).await?;
    let app = app_of(&found);
    let all = page.included::<Attributes>("appStoreVersions");
    let own = found.related("appStoreVersions");
    let versions = if own.is_empty() || found.has_more("appStoreVersions") {
        let query = [("filter[platform]", platform.api_name()), ("limit", "200")];
        let page = store
            .list(format!("v1/apps/{}/appStoreVersions", app.id), &query)
            .await
            .map_err(api("read the versions"))?;
        page.data.iter().map(Version::of).collect()
    } else {
        own.iter()
            .filter_map(|id| all.get(&id.id))
            .filter(|object| text(&object.attributes, "platform") == platform.api_name())
            .map(Version::of)
            .collect()
    };
    Ok(Overview { app, versions })
}

/// Finds an app, with what `include` asks for. Apple's filter matches prefixes, too, so the answer is compared.
///
/// # Errors
/// When there is none, or App Store Connect can't be asked.
pub(crate) async fn find_app(
    store: &Store,
    name: &AppName,
    include: &[(&'static str, &str)],
) -> Result<(Many<Attributes>, Object), ReleaseError> {
    let look = || api("find the app");
    let mut query = include.to_vec();
    let (page, kind, value) = match name {
        AppName::BundleId(bundle_id) => {
            query.push(("filter[bundleId]", bundle_id));
            query.push(("limit", "50"));
            let apps = store.list("v1/apps", &query).await.map_err(look())?;
            (Some(apps), "bundle ID", bundle_id)
        }
        AppName::Id(id) => {
            let found = store.get_with(format!("v1/apps/{id}"), &query).await;
            (found.map_err(look())?, "Apple ID", id)
        }
    };
    let missing = || ReleaseError::NoApp {
        kind,
        value: value.clone(),
    };
    let page = page.ok_or_else(missing)?;
    let is_it = |app: &&Object| match name {
        AppName::BundleId(bundle_id) => text(&app.attributes, "bundleId") == *bundle_id,
        AppName::Id(_) => true,
    };
    let found = page.data.iter().find(is_it).cloned().ok_or_else(missing)?;
    Ok((page, found))
}

/// An app from its resource.
pub(crate) fn app_of(app: &Object) -> App {
    App {
        bundle_id: text(&app.attributes, "bundleId"),
        primary_locale: text(&app.attributes, "primaryLocale"),
        content_rights: optional(&app.attributes, "contentRightsDeclaration"),
        id: app.id.clone(),
    }
}

impl Version {
    /// A version from its resource, without what belongs to it.
    pub(crate) fn of(object: &Object) -> Self {
        Self {
            id: Some(object.id.clone()),
            number: text(&object.attributes, "versionString"),
            state: text(&object.attributes, "appVersionState"),
            attributes: object.attributes.clone(),
            ..Self::default()
        }
    }
}

impl Needs {
    /// Whether anything of it matters.
    pub(crate) fn any(self) -> bool {
        self != Self::default()
    }
}

/// What of a version matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Needs {
    /// The texts of its locales.
    pub(crate) texts: bool,
    /// The IDs of its locales, and which of them have media.
    pub(crate) media: bool,
    /// Its build, review information, and phased release.
    pub(crate) related: bool,
}

/// Reads what belongs to a version; `None` when it is gone.
///
/// # Errors
/// When App Store Connect can't be asked.
pub(crate) async fn read_version(store: &Store, id: &str, needs: Needs) -> Result<Option<Version>, Error> {
    let localizations = async {
        if !needs.media {
            return Ok(None);
        }
        let query = [
            ("include", "appScreenshotSets,appPreviewSets"),
            ("limit[appScreenshotSets]", "50"),
            ("limit[appPreviewSets]", "50"),
            ("limit", "200"),
        ];
        let path = format!("v1/appStoreVersions/{id}/appStoreVersionLocalizations");
        store.list(path, &query).await.map(Some)
    };
    let itself = async {
        let mut include = Vec::new();
        if needs.related {
            include.extend(["build", "appStoreReviewDetail", "appStoreVersionPhasedRelease"]);
        }
        let mut query = Vec::new();
        if !needs.media {
            include.push("appStoreVersionLocalizations");
            query.push(("limit[appStoreVersionLocalizations]", "50"));
        }
        if include.is_empty() {
            return Ok(None);
        }
        let include = include.join(",");
        query.push(("include", include.as_str()));
        store.get_with(format!("v1/appStoreVersions/{id}"), &query).await
    };
    let (localizations, itself) = futures_util::try_join!(localizations, itself)?;
    let mut found = match &itself {
        Some(page) => related(page),
        None if needs.media && !needs.related => None,
        None => return Ok(None),
    };
    if let Some(page) = &localizations {
        let found = found.get_or_insert_with(|| Version {
            id: Some(id.to_owned()),
            ..Version::default()
        });
        found.has_placements = names_placements(page.data.iter());
        found.localizations = page
            .data
            .iter()
            .map(|object| {
                let has = |name: &str| object.is_loaded(name).then(|| !object.related(name).is_empty());
                let own = Localization {
                    has_sets: (has("appScreenshotSets"), has("appPreviewSets")),
                    ..Localization::of(object)
                };
                (text(&object.attributes, "locale"), own)
            })
            .collect();
    }
    Ok(found)
}

/// A version with what came along with it.
fn related(page: &Many<Attributes>) -> Option<Version> {
    let object = page.data.first()?;
    let localizations = page.included::<Attributes>("appStoreVersionLocalizations");
    let reviews = page.included::<Attributes>("appStoreReviewDetails");
    let phased = page.included::<Attributes>("appStoreVersionPhasedReleases");
    let one = |name: &str| object.one(name).map(|related| related.id);
    Some(Version {
        localizations: by_locale(object, "appStoreVersionLocalizations", &localizations),
        review: one("appStoreReviewDetail").map(|id| Localization {
            attributes: reviews
                .get(&id)
                .map(|review| review.attributes.clone())
                .unwrap_or_default(),
            id: Some(id),
            has_sets: (None, None),
        }),
        phased: one("appStoreVersionPhasedRelease").map(|id| {
            let state = phased
                .get(&id)
                .map(|phased| text(&phased.attributes, "phasedReleaseState"));
            (id, state.unwrap_or_default())
        }),
        build: one("build"),
        has_placements: names_placements(localizations.values()),
        ..Version::of(object)
    })
}

const WITH_INFO: &str = "appInfoLocalizations,ageRatingDeclaration,primaryCategory,primarySubcategoryOne,primarySubcategoryTwo,secondaryCategory,secondarySubcategoryOne,secondarySubcategoryTwo";

/// Reads all app infos, with what belongs to them.
///
/// # Errors
/// When App Store Connect can't be asked.
pub(crate) async fn read_infos(store: &Store, app: &str) -> Result<Vec<AppInfo>, Error> {
    let query = [
        ("include", WITH_INFO),
        ("limit[appInfoLocalizations]", "50"),
        ("limit", "50"),
    ];
    let page = store.list(format!("v1/apps/{app}/appInfos"), &query).await?;
    let localizations = page.included::<Attributes>("appInfoLocalizations");
    let ratings = page.included::<Attributes>("ageRatingDeclarations");
    Ok(page
        .data
        .iter()
        .map(|object| info(object, &localizations, &ratings))
        .collect())
}

fn info(
    object: &Object,
    localizations: &BTreeMap<String, Object>,
    ratings: &BTreeMap<String, Object>,
) -> AppInfo {
    AppInfo {
        id: Some(object.id.clone()),
        state: text(&object.attributes, "state"),
        localizations: by_locale(object, "appInfoLocalizations", localizations),
        categories: CATEGORIES
            .into_iter()
            .filter_map(|(_, name)| Some((name, object.one(name)?.id)))
            .collect(),
        age_rating: object.one("ageRatingDeclaration").map(|rating| Localization {
            attributes: ratings
                .get(&rating.id)
                .map(|rating| rating.attributes.clone())
                .unwrap_or_default(),
            id: Some(rating.id),
            has_sets: (None, None),
        }),
    }
}

/// The submissions of a platform that are not complete.
pub(crate) async fn read_submissions(
    store: &Store,
    app: &str,
    platform: StorePlatform,
) -> Result<Vec<Submission>, Error> {
    let page = store
        .list(
            format!("v1/apps/{app}/reviewSubmissions"),
            &[
                ("filter[platform]", platform.api_name()),
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
            .one("appStoreVersionForReview")
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
            let named = items.get(id).and_then(|item| item.one("appStoreVersion"));
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

/// Reads the classic sets of a locale.
///
/// # Errors
/// When App Store Connect can't be asked.
pub(crate) async fn read_sets(
    store: &Store,
    localization: &str,
    kind: MediaKind,
) -> Result<BTreeMap<String, RemoteSet>, Error> {
    let names = kind.classic();
    let page = store
        .list(
            format!("v1/appStoreVersionLocalizations/{localization}/{}", names.sets),
            &[
                ("include", names.items),
                (names.limit_of_items, "50"),
                ("limit", "50"),
            ],
        )
        .await?;
    let all = page.included::<Attributes>(names.items);
    let sets = page.data.iter().map(|set| {
        let order = set.related(names.items);
        let items = order.iter().filter_map(|id| all.get(&id.id)).map(item).collect();
        let content = RemoteSet {
            id: set.id.clone(),
            items,
        };
        (text(&set.attributes, names.set_type), content)
    });
    Ok(sets.collect())
}

/// A picture, video, or attachment from its resource. Videos have a state of their own, beside a deprecated one.
pub(crate) fn item(object: &Object) -> RemoteItem {
    let state = object
        .attributes
        .get("videoDeliveryState")
        .filter(|state| !state.is_null())
        .or_else(|| object.attributes.get("assetDeliveryState"))
        .unwrap_or(&Value::Null);
    RemoteItem {
        id: object.id.clone(),
        name: text(&object.attributes, "fileName"),
        checksum: optional(&object.attributes, "sourceFileChecksum").map(|sum| sum.to_lowercase()),
        state: state["state"].as_str().unwrap_or_default().to_owned(),
        errors: reasons(&state["errors"]),
        frame: optional(&object.attributes, "previewFrameTimeCode"),
        asset: None,
    }
}

/// Apple's reasons for a file that it could not process.
pub(crate) fn reasons(errors: &Value) -> String {
    let errors = errors.as_array().into_iter().flatten();
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
    own.map(|own| (text(&own.attributes, "locale"), Localization::of(own)))
        .collect()
}

/// Whether localizations name `placements`; nothing where they name no relationships at all.
fn names_placements<'a>(mut localizations: impl Iterator<Item = &'a Object>) -> Option<bool> {
    let first = localizations.next()?;
    if first.has_relationship("placements") {
        return Some(true);
    }
    ["appStoreVersion", "appScreenshotSets", "appPreviewSets"]
        .iter()
        .any(|name| first.has_relationship(name))
        .then_some(false)
}

/// Reads the attachments for App Review.
///
/// # Errors
/// When App Store Connect can't be asked.
pub(crate) async fn read_attachments(store: &Store, review: &str) -> Result<Vec<RemoteItem>, Error> {
    let path = format!("v1/appStoreReviewDetails/{review}/appStoreReviewAttachments");
    let page = store.list(path, &[("limit", "50")]).await?;
    Ok(page.data.iter().map(item).collect())
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
    Ok(page.data.iter().map(|build| Build::of(build, &trains)).collect())
}

impl Build {
    /// A build from its resource, with the version trains that came along.
    pub(crate) fn of(object: &Object, trains: &BTreeMap<String, Object>) -> Self {
        let train = object
            .one("preReleaseVersion")
            .and_then(|train| trains.get(&train.id));
        let of_train = |name: &str| {
            train
                .map(|train| text(&train.attributes, name))
                .unwrap_or_default()
        };
        let flag = |name: &str| object.attributes.get(name).and_then(Value::as_bool);
        Self {
            id: object.id.clone(),
            number: text(&object.attributes, "version"),
            version: of_train("version"),
            platform: StorePlatform::from_api(&of_train("platform")),
            processing_state: text(&object.attributes, "processingState"),
            uses_non_exempt_encryption: flag("usesNonExemptEncryption"),
            expired: flag("expired") == Some(true),
            internal_only: text(&object.attributes, "buildAudienceType") == "INTERNAL_ONLY",
        }
    }

    /// Whether it can still be tested or submitted: Apple did not refuse it, and it did not expire.
    pub(crate) fn is_usable(&self) -> bool {
        !self.expired && !matches!(self.processing_state.as_str(), "FAILED" | "INVALID")
    }
}
