//! The build of a release.

use std::time::Duration;

use app_store_connect::uploads::{BuildUpload, trains};
use apple_types::StorePlatform;
use serde_json::Value;

use super::{Engine, version_number};
use crate::desired::{BuildChoice, DesiredRelease};
use crate::error::{ReleaseError, api};
use crate::snapshot::{self, App, Build, Snapshot};
use crate::wait::Wait;

/// How long a build may be missing that nobody has named by its number: another step may have uploaded it just now.
/// fastlane waits for it without a limit.
const LISTING_TIMEOUT: Duration = Duration::from_secs(45);

/// How long after its upload a build may be missing from lists (minutes: applelink #20).
const LISTED_WITHIN: time::Duration = time::Duration::hours(1);

impl Engine {
    /// Finds the build that is to be submitted; `None` where it was uploaded and is not listed yet.
    ///
    /// # Errors
    /// When there is none, or App Store Connect can't be asked.
    pub(super) async fn find_or_expect_build(
        &self,
        app: &App,
        platform: StorePlatform,
        version: &str,
        choice: &BuildChoice,
    ) -> Result<Option<Build>, ReleaseError> {
        let number = choice.number();
        let known_version = Some(version).filter(|version| !version.is_empty());
        let mut wait = Wait::for_at_most("the build to be listed", LISTING_TIMEOUT);
        let _activity = tracing::info_span!(
            "activity",
            what = "waiting for App Store Connect to list the build",
            state = "not listed yet"
        );
        loop {
            let found = self.find_build(app, platform, version, choice).await?;
            if found.is_some() || self.is_uploaded(app, Some(platform), known_version, number).await {
                return Ok(found);
            }
            if number.is_some() || wait.pause("not listed yet").await.is_err() {
                return Err(self.missing_build(app, build_label(known_version, number)).await);
            }
        }
    }

    /// Whether Apple has the file of a build that lists do not show yet. Uploads show first.
    pub(crate) async fn is_uploaded(
        &self,
        app: &App,
        platform: Option<StorePlatform>,
        version: Option<&str>,
        number: Option<&str>,
    ) -> bool {
        let trains = version.map(trains);
        let mut query = vec![
            ("filter[state]", "PROCESSING,COMPLETE"),
            ("sort", "-uploadedDate"),
            ("limit", "200"),
        ];
        query.extend(platform.map(|platform| ("filter[platform]", platform.api_name())));
        query.extend(
            trains
                .as_deref()
                .map(|trains| ("filter[cfBundleShortVersionString]", trains)),
        );
        query.extend(number.map(|number| ("filter[cfBundleVersion]", number)));
        let uploads = self
            .store
            .page(format!("v1/apps/{}/buildUploads", app.id), &query)
            .await;
        // Who can't be asked about uploads proves nothing.
        let Ok(uploads) = uploads else { return false };
        uploads.data.into_iter().any(|upload| {
            let Ok(upload) = serde_json::from_value::<BuildUpload>(Value::Object(upload.attributes)) else {
                return false;
            };
            match upload.state.state.as_str() {
                "PROCESSING" => true,
                "COMPLETE" => upload
                    .uploaded_date
                    .is_some_and(|uploaded| clock::now() - uploaded < LISTED_WITHIN),
                _ => false,
            }
        })
    }

    /// The error for a build that is not there, with the newest builds that are. `build` is its [`build_label`].
    pub(crate) async fn missing_build(&self, app: &App, build: String) -> ReleaseError {
        let all = snapshot::read_builds(&self.store, &[("filter[app]", app.id.as_str())])
            .await
            .unwrap_or_default();
        ReleaseError::NoBuild {
            build,
            available: all
                .iter()
                .take(5)
                .map(|build| format!("{} ({})", build.version, build.number))
                .collect(),
        }
    }

    /// Finds the build that is to be submitted; `None` where it is not listed.
    async fn find_build(
        &self,
        app: &App,
        platform: StorePlatform,
        version: &str,
        choice: &BuildChoice,
    ) -> Result<Option<Build>, ReleaseError> {
        let mut filters = vec![
            ("filter[app]", app.id.as_str()),
            ("filter[preReleaseVersion.platform]", platform.api_name()),
        ];
        let trains = trains(version);
        if !version.is_empty() {
            filters.push(("filter[preReleaseVersion.version]", &trains));
        }
        filters.extend(choice.number().map(|number| ("filter[version]", number)));
        let builds = snapshot::read_builds(&self.store, &filters)
            .await
            .map_err(api("read the builds"))?;
        let usable = builds.iter().find(|build| build.is_usable());
        Ok(usable.or(builds.first()).cloned())
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
                .find_build(&snapshot.app, desired.platform, &number, choice)
                .await?;
            let Some(build) = found else {
                // What was uploaded just now is listed minutes later (fastlane #12392).
                activity.record("state", "not listed yet");
                if wait.pause("not listed yet").await.is_err() {
                    let version = Some(number.as_str()).filter(|version| !version.is_empty());
                    let label = build_label(version, choice.number());
                    return Err(self.missing_build(&snapshot.app, label).await);
                }
                continue;
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

/// A build in words, such as `build 42 of version 1.1`; without a number it is any of the version.
pub(crate) fn build_label(version: Option<&str>, number: Option<&str>) -> String {
    let build = number.map_or_else(|| "build".to_owned(), |number| format!("build {number}"));
    match version {
        Some(version) => format!("{build} of version {version}"),
        None => build,
    }
}

pub(super) fn check_build(build: &Build, uses_encryption: Option<bool>) -> Result<(), ReleaseError> {
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
