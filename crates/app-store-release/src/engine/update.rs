//! The single changes: texts, attributes, review information.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Engine, own_version};
use crate::desired::DesiredRelease;
use crate::error::{ReleaseError, api};
use crate::media::{self, Asset};
use crate::plan::{self, Action, Part, to_attributes, to_relationships};
use crate::snapshot::{Snapshot, Version, text};
use crate::store::{Attributes, New};
use crate::wait::Wait;

impl Engine {
    /// Creates or changes the texts of a locale. Returns the ID of a new locale of the version.
    pub(super) async fn update_locale(
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
                        .find(|localization| text(&localization.attributes, "locale") == *locale))
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
    pub(super) fn place(
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
    pub(super) async fn update(
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
    pub(super) async fn update_version(
        &self,
        id: &str,
        changes: &[plan::Change],
    ) -> Result<(), ReleaseError> {
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

    pub(super) async fn update_review(
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

    pub(super) async fn replace_attachment(
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
}
