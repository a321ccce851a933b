//! The build of a release.

use std::time::Duration;

use app_store_connect::uploads::trains;
use apple_types::StorePlatform;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Engine, version_number};
use crate::desired::{BuildChoice, DesiredRelease};
use crate::error::{ReleaseError, api};
use crate::snapshot::{self, App, Build, Snapshot, optional};
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
        let number = match choice {
            BuildChoice::Latest => None,
            BuildChoice::Number(number) => Some(number.as_str()),
        };
        let mut wait = Wait::for_at_most("the build to be listed", LISTING_TIMEOUT);
        loop {
            let missing = match self.find_build(app, platform, version, choice).await {
                Err(missing @ ReleaseError::NoBuild { .. }) => missing,
                found => return found.map(Some),
            };
            let version = Some(version).filter(|version| !version.is_empty());
            if self.is_uploaded(app, Some(platform), version, number).await {
                return Ok(None);
            }
            if number.is_some() || wait.pause("not listed yet").await.is_err() {
                return Err(missing);
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
        let mut query = vec![("filter[state]", "PROCESSING,COMPLETE"), ("limit", "200")];
        query.extend(platform.map(|platform| ("filter[platform]", platform.api_name())));
        query.extend(
            trains
                .as_deref()
                .map(|trains| ("filter[cfBundleShortVersionString]", trains)),
        );
        query.extend(number.map(|number| ("filter[cfBundleVersion]", number)));
        let uploads = self
            .store
            .list(format!("v1/apps/{}/buildUploads", app.id), &query)
            .await;
        // Who can't be asked about uploads proves nothing.
        let Ok(uploads) = uploads else { return false };
        uploads.data.iter().any(|upload| {
            let state = upload.attributes.get("state").unwrap_or(&Value::Null);
            let is_recent = || {
                let uploaded = optional(&upload.attributes, "uploadedDate");
                let uploaded = uploaded.and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok());
                uploaded.is_some_and(|uploaded| clock::now() - uploaded < LISTED_WITHIN)
            };
            match state["state"].as_str() {
                Some("PROCESSING") => true,
                Some("COMPLETE") => is_recent(),
                _ => false,
            }
        })
    }

    /// Finds the build that is to be submitted.
    async fn find_build(
        &self,
        app: &App,
        platform: StorePlatform,
        version: &str,
        choice: &BuildChoice,
    ) -> Result<Build, ReleaseError> {
        let mut filters = vec![
            ("filter[app]", app.id.as_str()),
            ("filter[preReleaseVersion.platform]", platform.api_name()),
        ];
        let trains = trains(version);
        if !version.is_empty() {
            filters.push(("filter[preReleaseVersion.version]", &trains));
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
                .find_build(&snapshot.app, desired.platform, &number, choice)
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
