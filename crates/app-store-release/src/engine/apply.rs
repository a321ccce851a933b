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
use crate::plan::{self, Action, Part, SetChange, is_editable, is_same};
use crate::snapshot::{Needs, Snapshot, text};
use crate::store::{Attributes, New};
use crate::wait::Wait;

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
            let added = self.add_item(
                &snapshot.app.id,
                desired.platform.api_name(),
                &submission,
                &version,
            );
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
                let needs = Needs {
                    texts: true,
                    related: needs.related || needs.media,
                    ..needs
                };
                let details = self.read_details(&id, needs).await?;
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
