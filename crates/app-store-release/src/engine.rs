//! Observe, plan, apply: a release from what there is to what there shall be.

use std::time::Duration;

use app_store_connect::{Client, Many};
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Map, Value, json};
use transport::Transfer;

use crate::desired::{BuildChoice, DesiredRelease};
use crate::error::{ReleaseError, api};
use crate::media::{self, Asset};
use crate::plan::{
    self, Action, Part, Plan, SetChange, is_editable, is_same, to_attributes, to_relationships,
};
use crate::snapshot::{
    self, App, AppInfo, Build, Needs, Overview, RemoteMedia, Snapshot, Version, read_attachments,
    read_submissions, text,
};
use crate::store::{Attributes, New, Store};
use crate::wait::Wait;

/// Requests in flight.
const AT_ONCE: usize = 8;

/// Makes releases for one API key.
#[derive(Debug)]
pub struct Engine {
    pub(crate) store: Store,
    transfer: Transfer,
}

/// A release that is planned and can be made.
#[derive(Debug)]
pub struct Prepared {
    /// What there is.
    pub snapshot: Snapshot,
    /// What changes.
    pub plan: Plan,
    /// The build that is submitted, where one is and it is there already.
    pub build: Option<Build>,
}

/// What a release did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The app's number.
    pub app_id: String,
    /// The version.
    pub version: String,
    /// Its state in the end, in Apple's spelling.
    pub state: String,
}

impl Engine {
    /// An engine that speaks through `client`.
    ///
    /// # Errors
    /// When the machine has no usable CA certificates.
    pub fn new(client: Client) -> Result<Self, transport::Error> {
        let transfer = Transfer::new(client.http().journal().clone())?;
        Ok(Self {
            store: Store::new(client),
            transfer,
        })
    }

    /// The client below.
    pub fn client(&self) -> &Client {
        self.store.client()
    }

    /// Observes and plans; nothing is changed. `build_follows` says that the build is uploaded later in this run, and
    /// `only_plan` that the plan is all there will be: then the media of a version that does not exist yet are read
    /// from the one that Apple will copy, which [`Engine::apply`] would have to read again.
    ///
    /// # Errors
    /// When the release is impossible as things are, or App Store Connect can't be asked.
    pub async fn prepare(
        &self,
        desired: &DesiredRelease,
        build_follows: bool,
        only_plan: bool,
    ) -> Result<Prepared, ReleaseError> {
        let store = &self.store;
        let overview = snapshot::overview(store, &desired.app, desired.platform.api_name()).await?;
        let snapshot = self.observe(desired, overview, only_plan).await?;
        let mut plan = plan::plan(desired, &snapshot)?;
        let build = match &desired.submission {
            Some(submission) if !build_follows => {
                let number = version_number(desired, &snapshot).unwrap_or_default();
                let build = self
                    .find_build(
                        &snapshot.app,
                        desired.platform.api_name(),
                        &number,
                        &submission.build,
                    )
                    .await?;
                check_build(&build, submission.uses_encryption)?;
                Some(build)
            }
            _ => None,
        };
        forget_needless_cancellation(desired, &snapshot, &mut plan, build.as_ref());
        self.check_resubmission(desired, &snapshot, &plan, build.as_ref())?;
        if plan.submit
            && let Some(version) = own_version(desired, &snapshot)
            && version.state == "READY_FOR_REVIEW"
            && build.as_ref().map(|build| &build.id) != version.build.as_ref()
        {
            // A version in a draft keeps its build as well as its texts.
            plan.take_out_of_draft(version, &snapshot);
        }
        Ok(Prepared {
            snapshot,
            plan,
            build,
        })
    }

    /// A version that is in review already is right if it has the build that is to be submitted.
    fn check_resubmission(
        &self,
        desired: &DesiredRelease,
        snapshot: &Snapshot,
        plan: &Plan,
        build: Option<&Build>,
    ) -> Result<(), ReleaseError> {
        let Some(version) = own_version(desired, snapshot) else {
            return Ok(());
        };
        let in_review = matches!(version.state.as_str(), "WAITING_FOR_REVIEW" | "IN_REVIEW");
        if !plan.submit || !in_review || !plan.first.is_empty() {
            return Ok(());
        }
        match (build, &version.build) {
            (Some(build), Some(current)) if build.id == *current => Ok(()),
            _ => Err(ReleaseError::Locked {
                version: version.number.clone(),
                state: version.state.clone(),
                what: "it can't get another build".to_owned(),
                cancelable: true,
            }),
        }
    }

    /// Reads what belongs to the version that is changed, or to the one that Apple will copy.
    async fn observe(
        &self,
        desired: &DesiredRelease,
        overview: Overview,
        only_plan: bool,
    ) -> Result<Snapshot, ReleaseError> {
        let Overview { app, versions } = overview;
        let mut snapshot = Snapshot {
            app,
            versions,
            infos: Vec::new(),
            submissions: Vec::new(),
            media: RemoteMedia::new(),
            previews: RemoteMedia::new(),
            media_is_known: true,
            library: None,
            attachments: Vec::new(),
        };
        let own = own_version(desired, &snapshot);
        let is_new = own.is_none();
        let source = own.or_else(|| snapshot.versions.iter().find(|version| version.is_live()));
        let Some(id) = source.and_then(|version| version.id.clone()) else {
            snapshot.infos = self.read_infos(desired, &snapshot.app).await?;
            return Ok(snapshot);
        };
        let mut needs = desired.needs(source.map(|version| version.state.as_str()).unwrap_or_default());
        let reads_media = needs.media && (!is_new || only_plan);
        if is_new {
            needs = Needs {
                texts: needs.texts || needs.media,
                media: reads_media,
                related: needs.related,
            };
        }
        let submissions = async {
            if !snapshot.versions.iter().any(is_in_submission) {
                return Ok(Vec::new());
            }
            read_submissions(&self.store, &snapshot.app.id, desired.platform.api_name())
                .await
                .map_err(api("read the review submissions"))
        };
        let (details, infos, submissions) = futures_util::try_join!(
            self.read_details(&id, needs),
            self.read_infos(desired, &snapshot.app),
            submissions
        )?;
        snapshot.infos = infos;
        snapshot.submissions = submissions;
        merge(&mut snapshot, &id, details);
        snapshot.media_is_known = reads_media || !desired.needs_media();
        self.read_media(desired, &mut snapshot, &id, reads_media).await?;
        Ok(snapshot)
    }

    async fn read_details(&self, id: &str, needs: Needs) -> Result<Option<Version>, ReleaseError> {
        if !needs.any() {
            return Ok(None);
        }
        snapshot::read_version(&self.store, id, needs)
            .await
            .map_err(api("read the version"))
    }

    async fn read_infos(&self, desired: &DesiredRelease, app: &App) -> Result<Vec<AppInfo>, ReleaseError> {
        if !desired.needs_app_info() {
            return Ok(Vec::new());
        }
        snapshot::read_infos(&self.store, &app.id)
            .await
            .map_err(api("read the app infos"))
    }

    /// Reads the media of a version, and its attachments for App Review, as far as they matter.
    async fn read_media(
        &self,
        desired: &DesiredRelease,
        snapshot: &mut Snapshot,
        id: &str,
        reads_media: bool,
    ) -> Result<(), ReleaseError> {
        let Some(version) = snapshot
            .versions
            .iter()
            .find(|version| version.id.as_deref() == Some(id))
        else {
            return Ok(());
        };
        let review = version
            .review
            .as_ref()
            .and_then(|review| review.id.clone())
            .filter(|_| desired.attachment.is_some());
        let attachments = async {
            match &review {
                Some(review) => read_attachments(&self.store, review)
                    .await
                    .map_err(api("read the review attachments")),
                None => Ok(Vec::new()),
            }
        };
        let media = async {
            if !reads_media {
                return Ok(media::Found::default());
            }
            let wants = |kind, locale: &str| desired.wants_media(kind, locale);
            media::read(&self.store, &snapshot.app.id, version, wants).await
        };
        let (found, attachments) = futures_util::try_join!(media, attachments)?;
        snapshot.media = found.screenshots;
        snapshot.previews = found.previews;
        snapshot.library = found.library;
        snapshot.attachments = attachments;
        Ok(())
    }

    /// Makes the changes of a plan, but does not submit.
    ///
    /// # Errors
    /// With everything that was refused; what could be done besides is done.
    pub async fn apply(
        &self,
        desired: &DesiredRelease,
        mut prepared: Prepared,
    ) -> Result<Prepared, ReleaseError> {
        let put_back = prepared.plan.then.iter().find_map(|action| match action {
            Action::ReturnToDraft { submission } => Some(submission.clone()),
            _ => None,
        });
        if !prepared.plan.first.is_empty() {
            prepared = self.open_version(desired, prepared).await?;
        }
        let mut errors = Vec::new();
        let (texts, others): (Vec<&Action>, Vec<&Action>) =
            prepared.plan.then.iter().partition(|action| {
                matches!(action, Action::CreateLocale { .. } | Action::UpdateLocale { .. })
            });
        let mut created: Vec<(String, String)> = Vec::new();
        let mut locales: Vec<(&str, Vec<&Action>)> = Vec::new();
        for action in texts {
            let locale = action.locale();
            match locales.iter_mut().find(|(name, _)| *name == locale) {
                Some((_, actions)) => actions.push(action),
                None => locales.push((locale, vec![action])),
            }
        }
        let snapshot = &prepared.snapshot;
        // The texts of one locale go one after another: a locale of the version makes one of the app info.
        let results = stream::iter(locales).map(|(locale, actions)| async move {
            let mut new = None;
            let mut errors = Vec::new();
            for action in actions {
                match self.update_locale(desired, snapshot, action).await {
                    Ok(id) => new = id.or(new),
                    Err(error) => errors.push(error),
                }
            }
            (locale.to_owned(), new, errors)
        });
        let results: Vec<_> = results.buffer_unordered(AT_ONCE).collect().await;
        for (locale, new, found) in results {
            created.extend(new.map(|id| (locale, id)));
            errors.extend(found);
        }
        let results = stream::iter(&others).map(|action| self.update(desired, snapshot, action));
        let results: Vec<Result<(), ReleaseError>> = results.buffer_unordered(AT_ONCE).collect().await;
        errors.extend(results.into_iter().filter_map(Result::err));
        let changes: Vec<(&SetChange, String)> = others
            .iter()
            .filter_map(|action| match action {
                Action::UpdateMedia(change) => Some(change),
                _ => None,
            })
            .map(|change| {
                let known = own_version(desired, snapshot)
                    .and_then(|version| version.localizations.get(&change.locale)?.id.clone());
                let new = || {
                    let found = created.iter().find(|(locale, _)| *locale == change.locale);
                    found.map(|(_, id)| id.clone())
                };
                (change, known.or_else(new).unwrap_or_default())
            })
            // A locale that could not be created is an error already.
            .filter(|(_, localization)| !localization.is_empty())
            .collect();
        let timeout = Duration::from_secs(desired.processing_timeout);
        let library = snapshot.library.as_ref();
        errors.extend(media::update(&self.store, &self.transfer, library, &changes, timeout).await);
        ReleaseError::join(errors)?;
        for (change, _) in &changes {
            tracing::info!(
                "Updated the {} of {} for {}.",
                change.kind.name(),
                change.locale,
                change.display
            );
        }
        if let Some(submission) = put_back {
            let version = own_version(desired, snapshot).and_then(|version| version.id.clone());
            self.add_item(
                &snapshot.app.id,
                desired.platform.api_name(),
                &submission,
                &version.unwrap_or_default(),
            )
            .await?;
        }
        Ok(prepared)
    }

    /// Makes the version editable, waits until our own changes show, and plans again. Only after a change of our own a
    /// missing thing may be late.
    async fn open_version(
        &self,
        desired: &DesiredRelease,
        before: Prepared,
    ) -> Result<Prepared, ReleaseError> {
        let Prepared {
            mut snapshot,
            plan: before_plan,
            build,
        } = before;
        let mut id = own_version(desired, &snapshot).and_then(|version| version.id.clone());
        for action in &before_plan.first {
            tracing::info!("{}", action.line());
            match action {
                Action::CreateVersion { version } => {
                    id = Some(self.create_version(desired, &snapshot, version).await?);
                }
                other => self.open(desired, &mut snapshot, other).await?,
            }
        }
        let id = id.unwrap_or_default();
        let changes_info = before_plan.then.iter().any(Action::is_of_app_info);
        let mut wait = Wait::new("the new state of the version");
        loop {
            let state = snapshot
                .versions
                .iter()
                .find(|version| version.id.as_deref() == Some(&id))
                .map(|version| version.state.clone());
            let needs = desired.needs("PREPARE_FOR_SUBMISSION");
            // A cancelled submission told the version's state already.
            if needs.any() || !state.is_some_and(|state| is_editable(&state)) {
                let needs = if needs.related || !needs.media {
                    needs
                } else {
                    Needs {
                        related: true,
                        ..needs
                    }
                };
                let details = self.read_details(&id, Needs { texts: true, ..needs }).await?;
                match details {
                    Some(version) if !snapshot.versions.iter().any(|known| known.id == version.id) => {
                        snapshot.versions.push(version);
                    }
                    details => merge(&mut snapshot, &id, details),
                }
            }
            if changes_info {
                snapshot.infos = self.read_infos(desired, &snapshot.app).await?;
            }
            let shown = own_version(desired, &snapshot).is_some_and(|version| {
                is_editable(&version.state)
                    && desired
                        .version
                        .as_ref()
                        .is_none_or(|wanted| !desired.may_change_version || is_same(wanted, &version.number))
            });
            if shown && (!changes_info || snapshot.editable_info().is_some()) {
                self.read_media(desired, &mut snapshot, &id, desired.needs_media())
                    .await?;
                snapshot.media_is_known = true;
                let plan = plan::plan(desired, &snapshot)?;
                if plan.first.is_empty() {
                    return Ok(Prepared {
                        snapshot,
                        plan,
                        build,
                    });
                }
            }
            wait.pause("not visible yet").await?;
        }
    }

    /// Makes the version editable.
    async fn open(
        &self,
        desired: &DesiredRelease,
        snapshot: &mut Snapshot,
        action: &Action,
    ) -> Result<(), ReleaseError> {
        let store = &self.store;
        match action {
            Action::CancelSubmission { id, state } => {
                let cancelled = if state == "CANCELING" {
                    Ok(Value::Null)
                } else {
                    store
                        .patch("reviewSubmissions", id, json!({"canceled": true}), None)
                        .await
                };
                let now = || {
                    store.get_with(
                        format!("v1/reviewSubmissions/{id}"),
                        &[("include", "appStoreVersionForReview")],
                    )
                };
                let state_of = |now: &Many<Attributes>| {
                    now.data
                        .first()
                        .map(|submission| text(&submission.attributes, "state"))
                        .unwrap_or_default()
                };
                if let Err(error) = cancelled {
                    // It may be on its way already.
                    let state = now().await.ok().flatten().map(|now| state_of(&now));
                    if !matches!(state.as_deref(), Some("CANCELING" | "COMPLETE")) {
                        return Err(api("cancel the review submission")(error));
                    }
                }
                let mut wait = Wait::new("the cancellation of the review submission");
                loop {
                    let found = now().await.map_err(api("read the review submission"))?;
                    let state = found.as_ref().map(state_of).unwrap_or_default();
                    if state == "COMPLETE" {
                        let versions = found
                            .map(|found| found.included::<Attributes>("appStoreVersions"))
                            .unwrap_or_default();
                        for version in &mut snapshot.versions {
                            let now = version.id.as_ref().and_then(|id| versions.get(id));
                            if let Some(now) = now {
                                version.state = text(&now.attributes, "appVersionState");
                            }
                        }
                        snapshot.submissions.retain(|submission| submission.id != *id);
                        return Ok(());
                    }
                    wait.pause(&state).await?;
                }
            }
            Action::RemoveDraftItem { item } => {
                let removed = store.delete("reviewSubmissionItems", item).await;
                removed.map_err(api("take the version out of the draft submission"))?;
                for submission in &mut snapshot.submissions {
                    submission.items.retain(|(id, _)| id != item);
                }
                Ok(())
            }
            Action::RenameVersion { to, .. } => {
                let id = own_version(desired, snapshot)
                    .and_then(|version| version.id.clone())
                    .unwrap_or_default();
                let renamed = store
                    .patch("appStoreVersions", &id, json!({"versionString": to}), None)
                    .await;
                renamed
                    .map(drop)
                    .map_err(api(format!("rename the version to {to}")))
            }
            _ => Ok(()),
        }
    }

    async fn create_version(
        &self,
        desired: &DesiredRelease,
        snapshot: &Snapshot,
        number: &str,
    ) -> Result<String, ReleaseError> {
        let app = &snapshot.app.id;
        let new = New::of(
            "appStoreVersions",
            json!({"platform": desired.platform.api_name(), "versionString": number}),
        )
        .with("app", "apps", app);
        let find = || async {
            let query = [
                ("filter[platform]", desired.platform.api_name()),
                ("filter[versionString]", number),
            ];
            let page = self
                .store
                .list(format!("v1/apps/{app}/appStoreVersions"), &query)
                .await?;
            Ok(page
                .data
                .into_iter()
                .find(|version| is_editable(&text(&version.attributes, "appVersionState"))))
        };
        let created = self.store.create(&new, find).await;
        created
            .map(|created| created.id)
            .map_err(api(format!("create version {number}")))
    }

    /// Creates or changes the texts of a locale. Returns the ID of a new locale of the version.
    async fn update_locale(
        &self,
        desired: &DesiredRelease,
        snapshot: &Snapshot,
        action: &Action,
    ) -> Result<Option<String>, ReleaseError> {
        match action {
            Action::CreateLocale { locale, part, texts } => {
                let (parent, kind, relationship) = self.place(desired, snapshot, *part);
                let mut attributes = texts.clone();
                attributes.insert("locale".to_owned(), locale.clone().into());
                let parent_kind = if *part == Part::Version {
                    "appStoreVersions"
                } else {
                    "appInfos"
                };
                let new = New::of(kind, Value::Object(attributes)).with(relationship, parent_kind, &parent);
                let find = || async {
                    let page = self
                        .store
                        .list(format!("v1/{parent_kind}/{parent}/{kind}"), &[("limit", "200")])
                        .await?;
                    Ok(page
                        .data
                        .into_iter()
                        .find(|localization| localization.attributes["locale"] == locale.as_str()))
                };
                let created = self
                    .store
                    .create(&new, find)
                    .await
                    .map_err(api(format!("create the locale {locale}")))?;
                let differs: Map<String, Value> = texts
                    .iter()
                    .filter(|(name, text)| created.attributes.get(*name) != Some(text))
                    .map(|(name, text)| (name.clone(), text.clone()))
                    .collect();
                if !differs.is_empty() {
                    let patched = self
                        .store
                        .patch(kind, &created.id, Value::Object(differs), None)
                        .await;
                    patched.map_err(api(format!("update the texts of {locale}")))?;
                }
                Ok((*part == Part::Version).then_some(created.id))
            }
            Action::UpdateLocale {
                locale,
                part,
                changes,
            } => {
                let (_, kind, _) = self.place(desired, snapshot, *part);
                let id = match part {
                    Part::Version => {
                        own_version(desired, snapshot).and_then(|version| version.localizations.get(locale))
                    }
                    Part::AppInfo => snapshot
                        .editable_info()
                        .and_then(|info| info.localizations.get(locale)),
                };
                let id = id
                    .and_then(|localization| localization.id.clone())
                    .unwrap_or_default();
                let names: Vec<&str> = changes.iter().map(|change| change.attribute.as_str()).collect();
                let patched = self.store.patch(kind, &id, to_attributes(changes), None).await;
                patched.map_err(api(format!("update {} of {locale}", names.join(", "))))?;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// The ID of what a locale belongs to, the type of its localizations, and their relationship to it.
    fn place(
        &self,
        desired: &DesiredRelease,
        snapshot: &Snapshot,
        part: Part,
    ) -> (String, &'static str, &'static str) {
        match part {
            Part::Version => {
                let id = own_version(desired, snapshot).and_then(|version| version.id.clone());
                (
                    id.unwrap_or_default(),
                    "appStoreVersionLocalizations",
                    "appStoreVersion",
                )
            }
            Part::AppInfo => {
                let id = snapshot.editable_info().and_then(|info| info.id.clone());
                (id.unwrap_or_default(), "appInfoLocalizations", "appInfo")
            }
        }
    }

    /// Makes any other change.
    async fn update(
        &self,
        desired: &DesiredRelease,
        snapshot: &Snapshot,
        action: &Action,
    ) -> Result<(), ReleaseError> {
        let store = &self.store;
        let Some(version) = own_version(desired, snapshot) else {
            return Ok(());
        };
        let version_id = version.id.clone().unwrap_or_default();
        match action {
            Action::UpdateVersion { changes } => self.update_version(&version_id, changes).await,
            Action::UpdateCategories { changes } => {
                let id = snapshot
                    .editable_info()
                    .and_then(|info| info.id.clone())
                    .unwrap_or_default();
                let patched = store
                    .patch("appInfos", &id, json!({}), Some(to_relationships(changes)))
                    .await;
                let set: Vec<String> = changes
                    .iter()
                    .map(|change| match change.to.as_str() {
                        Some(id) => format!("{} to `{id}`", change.attribute),
                        None => format!("{} to none", change.attribute),
                    })
                    .collect();
                patched.map(drop).map_err(api(format!("set {}", set.join(", "))))
            }
            Action::UpdateAgeRating { changes } => {
                let rating = snapshot
                    .editable_info()
                    .and_then(|info| info.age_rating.as_ref())
                    .and_then(|rating| rating.id.clone());
                let patched = store
                    .patch(
                        "ageRatingDeclarations",
                        &rating.unwrap_or_default(),
                        to_attributes(changes),
                        None,
                    )
                    .await;
                patched.map(drop).map_err(api("update the age rating"))
            }
            Action::UpdateReviewInformation { changes } => {
                self.update_review(&version_id, version, changes).await
            }
            Action::ReplaceAttachment { .. } => self.replace_attachment(desired, snapshot, version).await,
            Action::CreatePhasedRelease => {
                let new = New::of(
                    "appStoreVersionPhasedReleases",
                    json!({"phasedReleaseState": "INACTIVE"}),
                )
                .with("appStoreVersion", "appStoreVersions", &version_id);
                let find = || {
                    store.get(
                        format!("v1/appStoreVersions/{version_id}/appStoreVersionPhasedRelease"),
                        &[],
                    )
                };
                store
                    .create(&new, find)
                    .await
                    .map(drop)
                    .map_err(api("create the phased release"))
            }
            Action::DeletePhasedRelease => match &version.phased {
                Some((id, _)) => store
                    .delete("appStoreVersionPhasedReleases", id)
                    .await
                    .map_err(api("delete the phased release")),
                None => Ok(()),
            },
            Action::SetContentRights { answer } => {
                let patched = store
                    .patch(
                        "apps",
                        &snapshot.app.id,
                        json!({"contentRightsDeclaration": answer}),
                        None,
                    )
                    .await;
                patched.map(drop).map_err(api("answer the content rights"))
            }
            _ => Ok(()),
        }
    }

    /// Right after a version was created, Apple now and then refuses its release type (fastlane #16911): once more.
    async fn update_version(&self, id: &str, changes: &[plan::Change]) -> Result<(), ReleaseError> {
        let mut wait = Wait::for_at_most("the version to accept changes", Duration::from_secs(10));
        loop {
            match self
                .store
                .patch("appStoreVersions", id, to_attributes(changes), None)
                .await
            {
                Err(error)
                    if crate::store::is_conflict(&error)
                        && changes.iter().any(|change| change.attribute == "releaseType") =>
                {
                    if wait.pause("refused").await.is_err() {
                        return Err(api("update the version")(error));
                    }
                }
                result => return result.map(drop).map_err(api("update the version")),
            }
        }
    }

    async fn update_review(
        &self,
        version_id: &str,
        version: &Version,
        changes: &[plan::Change],
    ) -> Result<(), ReleaseError> {
        let attributes = to_attributes(changes);
        let what = || api("update the review information");
        if let Some(id) = version.review.as_ref().and_then(|review| review.id.as_deref()) {
            return self
                .store
                .patch("appStoreReviewDetails", id, attributes, None)
                .await
                .map(drop)
                .map_err(what());
        }
        let new = New::of("appStoreReviewDetails", attributes.clone()).with(
            "appStoreVersion",
            "appStoreVersions",
            version_id,
        );
        let find = || {
            self.store.get(
                format!("v1/appStoreVersions/{version_id}/appStoreReviewDetail"),
                &[],
            )
        };
        let detail = self.store.create(&new, find).await.map_err(what())?;
        let same = attributes.as_object().is_some_and(|wanted| {
            wanted
                .iter()
                .all(|(name, value)| detail.attributes.get(name) == Some(value))
        });
        if same {
            return Ok(());
        }
        self.store
            .patch("appStoreReviewDetails", &detail.id, attributes, None)
            .await
            .map(drop)
            .map_err(what())
    }

    async fn replace_attachment(
        &self,
        desired: &DesiredRelease,
        snapshot: &Snapshot,
        version: &Version,
    ) -> Result<(), ReleaseError> {
        let Some(file) = &desired.attachment else {
            return Ok(());
        };
        let version_id = version.id.clone().unwrap_or_default();
        let path = format!("v1/appStoreVersions/{version_id}/appStoreReviewDetail");
        let detail = match version.review.as_ref().and_then(|review| review.id.clone()) {
            Some(id) => id,
            None => {
                let new = New::of("appStoreReviewDetails", json!({})).with(
                    "appStoreVersion",
                    "appStoreVersions",
                    &version_id,
                );
                let find = || self.store.get(path.clone(), &[]);
                self.store
                    .create(&new, find)
                    .await
                    .map_err(api("create the review information"))?
                    .id
            }
        };
        for old in media::superseded(&snapshot.attachments, &file.checksum) {
            let deleted = self.store.delete("appStoreReviewAttachments", &old.id).await;
            deleted.map_err(api(format!("delete the review attachment {}", old.name)))?;
        }
        let asset = Asset {
            kind: "appStoreReviewAttachments",
            parent: ("appStoreReviewDetail", "appStoreReviewDetails", &detail),
            path: &file.path,
            name: &file.name,
            size: file.size,
            checksum: &file.checksum,
            more: Attributes::new(),
        };
        media::upload(&self.store, &self.transfer, &asset).await
    }

    /// Finds the build that is to be submitted.
    async fn find_build(
        &self,
        app: &App,
        platform: &str,
        version: &str,
        choice: &BuildChoice,
    ) -> Result<Build, ReleaseError> {
        let mut filters = vec![
            ("filter[app]", app.id.as_str()),
            ("filter[preReleaseVersion.platform]", platform),
        ];
        if !version.is_empty() {
            filters.push(("filter[preReleaseVersion.version]", version));
        }
        if let BuildChoice::Number(number) = choice {
            filters.push(("filter[version]", number));
        }
        let builds = snapshot::read_builds(&self.store, &filters)
            .await
            .map_err(api("read the builds"))?;
        let usable = builds
            .iter()
            .find(|build| !build.expired && !matches!(build.processing_state.as_str(), "FAILED" | "INVALID"));
        match usable.or(builds.first()) {
            Some(build) => Ok(build.clone()),
            None => {
                let all = snapshot::read_builds(&self.store, &[("filter[app]", app.id.as_str())])
                    .await
                    .map_err(api("read the builds"))?;
                let number = match choice {
                    BuildChoice::Latest => "build".to_owned(),
                    BuildChoice::Number(number) => format!("build {number}"),
                };
                Err(ReleaseError::NoBuild {
                    build: if version.is_empty() {
                        number
                    } else {
                        format!("{number} of version {version}")
                    },
                    available: all
                        .iter()
                        .take(5)
                        .map(|build| format!("{} ({})", build.version, build.number))
                        .collect(),
                })
            }
        }
    }

    /// The build that is submitted, once Apple has processed it.
    ///
    /// # Errors
    /// When it is refused, or is not processed within `patience`.
    pub async fn await_build(
        &self,
        desired: &DesiredRelease,
        snapshot: &Snapshot,
        patience: Duration,
    ) -> Result<Build, ReleaseError> {
        let choice = desired
            .submission
            .as_ref()
            .map_or(&BuildChoice::Latest, |submission| &submission.build);
        let number = version_number(desired, snapshot).unwrap_or_default();
        let mut wait = Wait::for_at_most("the processing of the build", patience);
        let activity = tracing::info_span!(
            "activity",
            what = "waiting for App Store Connect to process the build",
            state = tracing::field::Empty
        );
        loop {
            let found = self
                .find_build(&snapshot.app, desired.platform.api_name(), &number, choice)
                .await;
            let build = match found {
                // What was uploaded just now is listed minutes later (fastlane #12392).
                Err(missing @ ReleaseError::NoBuild { .. }) => {
                    activity.record("state", "not listed yet");
                    match wait.pause("not listed yet").await {
                        Ok(()) => continue,
                        Err(_) => return Err(missing),
                    }
                }
                found => found?,
            };
            if build.processing_state != "PROCESSING" {
                check_build(
                    &build,
                    desired
                        .submission
                        .as_ref()
                        .and_then(|submission| submission.uses_encryption),
                )?;
                return Ok(build);
            }
            activity.record("state", build.processing_state.as_str());
            wait.pause(&build.processing_state).await?;
        }
    }
}

/// A version that is in review with the build that is wanted, and of which nothing changes, is where it shall be: it is not
/// cancelled to be submitted again.
fn forget_needless_cancellation(
    desired: &DesiredRelease,
    snapshot: &Snapshot,
    plan: &mut Plan,
    build: Option<&Build>,
) {
    let Some(version) = own_version(desired, snapshot) else {
        return;
    };
    let in_review = matches!(version.state.as_str(), "WAITING_FOR_REVIEW" | "IN_REVIEW");
    let is_canceling =
        |action: &Action| matches!(action, Action::CancelSubmission { state, .. } if state == "CANCELING");
    if plan.submit
        && plan.then.is_empty()
        && in_review
        && matches!(plan.first.as_slice(), [cancel @ Action::CancelSubmission { .. }] if !is_canceling(cancel))
        && build.is_some_and(|build| version.build.as_ref() == Some(&build.id))
    {
        plan.first.clear();
    }
}

/// Whether a version is in a submission that is not complete, or may be.
fn is_in_submission(version: &Version) -> bool {
    matches!(
        version.state.as_str(),
        "READY_FOR_REVIEW"
            | "WAITING_FOR_REVIEW"
            | "IN_REVIEW"
            | "REJECTED"
            | "METADATA_REJECTED"
            | "PENDING_DEVELOPER_RELEASE"
    )
}

/// Puts what was read of a version into the snapshot.
fn merge(snapshot: &mut Snapshot, id: &str, details: Option<Version>) {
    let known = snapshot
        .versions
        .iter_mut()
        .find(|version| version.id.as_deref() == Some(id));
    if let (Some(known), Some(details)) = (known, details) {
        // Locales alone say nothing about the version itself.
        let itself = if details.number.is_empty() {
            known.clone()
        } else {
            details.clone()
        };
        *known = Version {
            localizations: details.localizations,
            has_placements: details.has_placements,
            ..itself
        };
    }
}

impl Action {
    /// Whether it changes what is the same for all versions.
    fn is_of_app_info(&self) -> bool {
        matches!(
            self,
            Self::CreateLocale {
                part: Part::AppInfo,
                ..
            } | Self::UpdateLocale {
                part: Part::AppInfo,
                ..
            } | Self::UpdateCategories { .. }
                | Self::UpdateAgeRating { .. }
        )
    }

    fn locale(&self) -> &str {
        match self {
            Self::CreateLocale { locale, .. } | Self::UpdateLocale { locale, .. } => locale,
            _ => "",
        }
    }
}

/// The version that a release changes: the one on its way, or the live one where that is edited.
pub(crate) fn own_version<'a>(desired: &DesiredRelease, snapshot: &'a Snapshot) -> Option<&'a Version> {
    plan::version_of(desired, snapshot)
}

/// The number that the version will have.
fn version_number(desired: &DesiredRelease, snapshot: &Snapshot) -> Option<String> {
    let current = own_version(desired, snapshot).map(|version| version.number.clone());
    if desired.may_change_version {
        desired.version.clone().or(current)
    } else {
        current.or_else(|| desired.version.clone())
    }
}

fn check_build(build: &Build, uses_encryption: Option<bool>) -> Result<(), ReleaseError> {
    let unusable = |reason: &str| {
        Err(ReleaseError::UnusableBuild {
            build: build.number.clone(),
            reason: reason.to_owned(),
        })
    };
    match build.processing_state.as_str() {
        "FAILED" | "INVALID" => return unusable("was refused by App Store Connect when it was processed"),
        _ if build.expired => return unusable("has expired"),
        _ if build.internal_only => return unusable("is for internal testing only"),
        _ => {}
    }
    if build.uses_non_exempt_encryption.is_none()
        && uses_encryption.is_none()
        && build.processing_state != "PROCESSING"
    {
        return Err(ReleaseError::NoCompliance {
            build: build.number.clone(),
        });
    }
    Ok(())
}
