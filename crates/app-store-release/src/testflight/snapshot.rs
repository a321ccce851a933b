//! What TestFlight has now.

use std::collections::BTreeMap;

use app_store_connect::Error;
use app_store_connect::uploads::trains;
use apple_types::StorePlatform;

use crate::error::{ReleaseError, api};
use crate::snapshot::{App, AppName, Build, Localization, app_of, find_app, optional, text};
use crate::store::{Attributes, Object, Store};
use crate::testflight::BuildName;

/// A beta group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BetaGroup {
    /// Apple's ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether its testers belong to the team.
    pub is_internal: bool,
    /// Whether it gets every build by itself.
    pub has_all_builds: bool,
    /// Its public link, where there is one.
    pub public_link: Option<String>,
}

/// The build, and everything around it.
#[derive(Debug, Clone)]
pub struct BetaSnapshot {
    /// The app.
    pub app: App,
    /// The build; `None` when it is not uploaded yet.
    pub build: Option<BetaBuild>,
    /// All groups of the app.
    pub groups: Vec<BetaGroup>,
    /// Texts about the beta, by locale; read where external testers get the build.
    pub texts: BTreeMap<String, Localization>,
    /// The contact for beta review; read where external testers get the build.
    pub contact: Option<Localization>,
    /// IDs and numbers of other builds that have not expired; read where they shall.
    pub others: Vec<(String, String)>,
}

/// A build, as TestFlight sees it.
#[derive(Debug, Clone)]
pub struct BetaBuild {
    /// The build.
    pub build: Build,
    pub(crate) whats_new: BTreeMap<String, Localization>,
    /// IDs of groups that have it.
    pub(crate) groups: Vec<String>,
    pub(crate) external_state: String,
    pub(crate) internal_state: String,
    pub(crate) notifies: Option<bool>,
}

/// An app with what TestFlight keeps of it, as far as one request told.
#[derive(Debug, Clone)]
pub struct BetaApp {
    /// The app.
    pub app: App,
    /// Its groups; `None` where the answer did not list all of them.
    groups: Option<Vec<BetaGroup>>,
    /// Texts about the beta, by locale; `None` where the answer did not list all of them.
    texts: Option<BTreeMap<String, Localization>>,
    /// The contact for beta review; `None` where the answer did not say.
    contact: Option<Localization>,
}

impl BetaApp {
    /// Finds an app, with its groups, texts, and contact.
    ///
    /// # Errors
    /// When there is none, or App Store Connect can't be asked.
    pub(crate) async fn find(store: &Store, name: &AppName) -> Result<Self, ReleaseError> {
        let include = [
            ("include", "betaGroups,betaAppLocalizations,betaAppReviewDetail"),
            ("limit[betaGroups]", "50"),
            ("limit[betaAppLocalizations]", "50"),
        ];
        let (page, found) = find_app(store, name, &include).await?;
        let related = |name: &str, kind: &str| -> Option<Vec<Object>> {
            if !found.is_loaded(name) || found.has_more(name) {
                return None;
            }
            let all = page.included::<Attributes>(kind);
            found
                .related(name)
                .iter()
                .map(|id| all.get(&id.id).cloned())
                .collect()
        };
        Ok(Self {
            app: app_of(&found),
            groups: related("betaGroups", "betaGroups").map(|groups| groups.iter().map(group).collect()),
            texts: related("betaAppLocalizations", "betaAppLocalizations").map(|texts| by_locale(&texts)),
            contact: related("betaAppReviewDetail", "betaAppReviewDetails")
                .and_then(|contact| contact.first().map(Localization::of)),
        })
    }

    /// All its groups.
    pub(crate) async fn groups(&self, store: &Store) -> Result<Vec<BetaGroup>, ReleaseError> {
        if let Some(groups) = &self.groups {
            return Ok(groups.clone());
        }
        let page = store
            .list(
                "v1/betaGroups",
                &[("filter[app]", &self.app.id), ("limit", "200")],
            )
            .await
            .map_err(api("read the beta groups"))?;
        Ok(page.data.iter().map(group).collect())
    }

    /// The texts about the beta.
    pub(crate) async fn texts(&self, store: &Store) -> Result<BTreeMap<String, Localization>, ReleaseError> {
        if let Some(texts) = &self.texts {
            return Ok(texts.clone());
        }
        let query = [("filter[app]", self.app.id.as_str()), ("limit", "200")];
        let page = store.list("v1/betaAppLocalizations", &query).await;
        let page = page.map_err(api("read the beta texts"))?;
        Ok(by_locale(&page.data))
    }

    /// The contact for beta review.
    pub(crate) async fn contact(&self, store: &Store) -> Result<Option<Localization>, ReleaseError> {
        if self.contact.is_some() {
            return Ok(self.contact.clone());
        }
        let found = store
            .get(format!("v1/apps/{}/betaAppReviewDetail", self.app.id), &[])
            .await
            .map_err(api("read the beta review contact"))?;
        Ok(found.as_ref().map(Localization::of))
    }
}

fn group(group: &Object) -> BetaGroup {
    let flag = |name: &str| group.attributes.get(name).and_then(serde_json::Value::as_bool) == Some(true);
    BetaGroup {
        id: group.id.clone(),
        name: text(&group.attributes, "name"),
        is_internal: flag("isInternalGroup"),
        has_all_builds: flag("hasAccessToAllBuilds"),
        public_link: optional(&group.attributes, "publicLink").filter(|_| flag("publicLinkEnabled")),
    }
}

fn by_locale(texts: &[Object]) -> BTreeMap<String, Localization> {
    texts
        .iter()
        .map(|own| (text(&own.attributes, "locale"), Localization::of(own)))
        .collect()
}

/// Reads the build with everything that TestFlight says about it; `None` when it is not there. Without a platform the
/// newest build of any counts.
pub(crate) async fn build(
    store: &Store,
    app: &str,
    platform: Option<StorePlatform>,
    name: &BuildName,
) -> Result<Option<BetaBuild>, Error> {
    let trains = match name {
        BuildName::Numbers { version, .. } => version.as_deref().map(trains),
        BuildName::Id(_) => None,
    };
    let mut query = vec![
        (
            "include",
            "preReleaseVersion,buildBetaDetail,betaBuildLocalizations,betaGroups",
        ),
        ("limit[betaBuildLocalizations]", "50"),
        ("limit[betaGroups]", "50"),
        ("sort", "-uploadedDate"),
        ("limit", "20"),
    ];
    query.push(("filter[app]", app));
    match name {
        BuildName::Id(id) => query.push(("filter[id]", id)),
        BuildName::Numbers { number, .. } => {
            query
                .extend(platform.map(|platform| ("filter[preReleaseVersion.platform]", platform.api_name())));
            query.extend(
                trains
                    .as_deref()
                    .map(|trains| ("filter[preReleaseVersion.version]", trains)),
            );
            query.extend(number.as_deref().map(|number| ("filter[version]", number)));
        }
    }
    let page = store.page("v1/builds", &query).await?;
    let (trains, details) = (
        page.included::<Attributes>("preReleaseVersions"),
        page.included::<Attributes>("buildBetaDetails"),
    );
    let texts = page.included::<Attributes>("betaBuildLocalizations");
    // What is not named by its number is the newest that testers can still get.
    let is_named = matches!(
        name,
        BuildName::Id(_) | BuildName::Numbers { number: Some(_), .. }
    );
    let is_usable = |build: &&Object| Build::of(build, &trains).is_usable();
    let usable = page.data.iter().find(is_usable).filter(|_| !is_named);
    let Some(found) = usable.or(page.data.first()) else {
        return Ok(None);
    };
    // Right after processing, the details can be missing from the answer.
    let detail = found
        .one("buildBetaDetail")
        .and_then(|id| details.get(&id.id))
        .map(|detail| detail.attributes.clone())
        .unwrap_or_default();
    let localizations = found
        .related("betaBuildLocalizations")
        .into_iter()
        .filter_map(|id| texts.get(&id.id));
    Ok(Some(BetaBuild {
        build: Build::of(found, &trains),
        whats_new: localizations
            .map(|own| (text(&own.attributes, "locale"), Localization::of(own)))
            .collect(),
        groups: found
            .related("betaGroups")
            .into_iter()
            .map(|group| group.id)
            .collect(),
        external_state: text(&detail, "externalBuildState"),
        internal_state: text(&detail, "internalBuildState"),
        notifies: detail
            .get("autoNotifyEnabled")
            .and_then(serde_json::Value::as_bool),
    }))
}

/// Reads all other builds that have not expired.
pub(crate) async fn others(store: &Store, app: &str) -> Result<Vec<(String, String)>, ReleaseError> {
    let page = store
        .list(
            "v1/builds",
            &[
                ("filter[app]", app),
                ("filter[expired]", "false"),
                ("limit", "200"),
            ],
        )
        .await;
    let page = page.map_err(api("read the builds"))?;
    Ok(page
        .data
        .iter()
        .map(|build| (build.id.clone(), text(&build.attributes, "version")))
        .collect())
}
