//! Making the changes of a plan, in order.

use std::time::Duration;

use app_store_connect::Many;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use super::observe::merge;
use super::{AT_ONCE, Engine, Prepared, own_version};
use crate::desired::DesiredRelease;
use crate::error::{ReleaseError, api};
use crate::media;
use crate::plan::{self, Action, Part, SetChange, is_editable, is_same, to_attributes};
use crate::snapshot::{Needs, RemoteMedia, Snapshot, Version, text};
use crate::store::{Attributes, New};
use crate::wait::Wait;

/// How long Apple may take to copy the media of the version before. The version itself, its texts, and its app info have
/// a limit of their own.
const COPY_TIMEOUT: Duration = Duration::from_secs(60);

impl Engine {
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
        let version = own_version(desired, snapshot).and_then(|version| version.id.clone());
        if let (Some(submission), Some(version)) = (put_back, version) {
            // Also after a failure: the next run would not know that the version was in the draft.
            let added = self.add_item(&snapshot.app.id, desired.platform, &submission, &version);
            errors.extend(added.await.err());
        }
        ReleaseError::join(errors)?;
        for (change, _) in &changes {
            tracing::info!(
                "Updated the {} of {} for {}.",
                change.kind.name(),
                change.locale,
                change.display
            );
        }
        Ok(prepared)
    }

    /// Makes the version editable, waits until our own changes show, and plans again. Only after a change of our own a
    /// missing thing may be late.
    pub(super) async fn open_version(
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
        let mut copies = None;
        for action in &before_plan.first {
            tracing::info!("{}", action.line());
            match action {
                Action::CreateVersion { version } => {
                    copies = Some(Copies::of(&snapshot));
                    let created = self.create_version(desired, &snapshot, version).await?;
                    id.clone_from(&created.id);
                    snapshot.versions.push(created);
                }
                other => self.open(desired, &mut snapshot, other).await?,
            }
        }
        let id = id.unwrap_or_default();
        let changes_info = before_plan.then.iter().any(Action::is_of_app_info);
        let mut wait = Wait::new("the new state of the version");
        loop {
            // What belongs to a version that was there is known already; it does not change with the version's state.
            if copies.is_some() {
                let needs = Needs {
                    texts: true,
                    ..desired.needs("PREPARE_FOR_SUBMISSION")
                };
                let Some(details) = self.read_details(&id, needs).await? else {
                    wait.pause("not visible yet").await?;
                    continue;
                };
                merge(&mut snapshot, &id, Some(details));
            }
            self.read_state(&mut snapshot, &id).await?;
            // The app info follows its version.
            if changes_info && snapshot.editable_info().is_none() {
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
                if let Some(copies) = &mut copies {
                    self.read_media(desired, &mut snapshot, &id).await?;
                    if copies.wait_for_missing(&snapshot).await {
                        continue;
                    }
                }
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

    /// Reads the state of a version that can't be edited yet.
    async fn read_state(&self, snapshot: &mut Snapshot, id: &str) -> Result<(), ReleaseError> {
        let own = |version: &&mut Version| version.id.as_deref() == Some(id);
        let Some(version) = snapshot.versions.iter_mut().find(own) else {
            return Ok(());
        };
        if is_editable(&version.state) {
            return Ok(());
        }
        let now = self.store.get(format!("v1/appStoreVersions/{id}"), &[]).await;
        if let Some(now) = now.map_err(api("read the version"))? {
            version.state = text(&now.attributes, "appVersionState");
        }
        Ok(())
    }

    /// Makes the version editable.
    pub(super) async fn open(
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
                renamed.map_err(api(format!("rename the version to {to}")))?;
                for version in &mut snapshot.versions {
                    if version.id.as_deref() == Some(id.as_str()) {
                        version.number.clone_from(to);
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn create_version(
        &self,
        desired: &DesiredRelease,
        snapshot: &Snapshot,
        number: &str,
    ) -> Result<Version, ReleaseError> {
        let app = &snapshot.app.id;
        // What is known of it comes with it: right after a creation Apple now and then refuses a release type (fastlane #16911).
        let mut attributes = to_attributes(&plan::version_changes(desired, &Version::default()));
        attributes["platform"] = desired.platform.api_name().into();
        attributes["versionString"] = number.into();
        let new = New::of("appStoreVersions", attributes).with("app", "apps", app);
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
            .map(|created| Version::of(&created))
            .map_err(api(format!("create version {number}")))
    }
}

/// The media of the version before a new one, which Apple copies. What is uploaded before they appear would stand beside
/// them.
struct Copies {
    screenshots: RemoteMedia,
    previews: RemoteMedia,
    wait: Wait,
    /// Tells the log what is waited for, from the first wait on.
    activity: Option<tracing::Span>,
}

impl Copies {
    fn of(before: &Snapshot) -> Self {
        Self {
            screenshots: before.media.clone(),
            previews: before.previews.clone(),
            wait: Wait::for_at_most("the copies of screenshots and previews", COPY_TIMEOUT),
            activity: None,
        }
    }

    /// Pauses until the next look where copies are still missing. Returns whether it did: after a while it goes on
    /// without them.
    async fn wait_for_missing(&mut self, now: &Snapshot) -> bool {
        if media::is_copied(&self.screenshots, &now.media) && media::is_copied(&self.previews, &now.previews)
        {
            self.activity = None;
            return false;
        }
        self.activity.get_or_insert_with(|| {
            tracing::info_span!(
                "activity",
                what = "waiting for App Store Connect to copy screenshots and previews",
                state = "not visible yet"
            )
        });
        let waits = self.wait.pause("not visible yet").await.is_ok();
        if !waits {
            self.activity = None;
            tracing::info!(
                "Apple did not copy all screenshots and previews of the previous version within {} s; continuing.",
                COPY_TIMEOUT.as_secs()
            );
        }
        waits
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
