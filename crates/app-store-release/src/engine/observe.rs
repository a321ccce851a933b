//! Reading what a release changes.

use super::{Engine, is_in_submission, own_version};
use crate::desired::DesiredRelease;
use crate::error::{ReleaseError, api};
use crate::media;
use crate::snapshot::{
    self, App, AppInfo, Needs, Overview, RemoteMedia, Snapshot, Version, read_attachments, read_submissions,
};

impl Engine {
    /// Reads what belongs to the version that is changed, or to the one that Apple will copy.
    pub(super) async fn observe(
        &self,
        desired: &DesiredRelease,
        overview: Overview,
    ) -> Result<Snapshot, ReleaseError> {
        let Overview { app, versions } = overview;
        let mut snapshot = Snapshot {
            app,
            versions,
            infos: Vec::new(),
            submissions: Vec::new(),
            media: RemoteMedia::new(),
            previews: RemoteMedia::new(),
            library: None,
            attachments: Vec::new(),
        };
        let own = own_version(desired, &snapshot);
        let source = own.or_else(|| snapshot.versions.iter().find(|version| version.is_live()));
        let Some(id) = source.and_then(|version| version.id.clone()) else {
            snapshot.infos = self.read_infos(desired, &snapshot.app).await?;
            return Ok(snapshot);
        };
        // A version that is created is one in preparation, whatever state the one before it is in.
        let state = own.map_or("PREPARE_FOR_SUBMISSION", |version| version.state.as_str());
        let needs = desired.needs(state);
        let submissions = async {
            if !snapshot.versions.iter().any(is_in_submission) {
                return Ok(Vec::new());
            }
            read_submissions(&self.store, &snapshot.app.id, desired.platform)
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
        self.read_media(desired, &mut snapshot, &id).await?;
        Ok(snapshot)
    }

    pub(super) async fn read_details(&self, id: &str, needs: Needs) -> Result<Option<Version>, ReleaseError> {
        if !needs.any() {
            return Ok(None);
        }
        snapshot::read_version(&self.store, id, needs)
            .await
            .map_err(api("read the version"))
    }

    pub(super) async fn read_infos(
        &self,
        desired: &DesiredRelease,
        app: &App,
    ) -> Result<Vec<AppInfo>, ReleaseError> {
        if !desired.needs_app_info() {
            return Ok(Vec::new());
        }
        snapshot::read_infos(&self.store, &app.id)
            .await
            .map_err(api("read the app infos"))
    }

    /// Reads the media of a version, and its attachments for App Review, as far as they matter.
    pub(super) async fn read_media(
        &self,
        desired: &DesiredRelease,
        snapshot: &mut Snapshot,
        id: &str,
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
            if !desired.needs_media() {
                return Ok(media::Found::default());
            }
            let wants = |kind, locale: &str| desired.wants_media(kind, locale);
            let library = snapshot.library.as_ref();
            media::read(&self.store, &snapshot.app.id, version, library, wants).await
        };
        let (found, attachments) = futures_util::try_join!(media, attachments)?;
        snapshot.media = found.screenshots;
        snapshot.previews = found.previews;
        snapshot.library = found.library;
        snapshot.attachments = attachments;
        Ok(())
    }
}

/// Puts what was read of a version into the snapshot.
pub(super) fn merge(snapshot: &mut Snapshot, id: &str, details: Option<Version>) {
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
