//! The build of a release.

use std::time::Duration;

use super::{Engine, version_number};
use crate::desired::{BuildChoice, DesiredRelease};
use crate::error::{ReleaseError, api};
use crate::snapshot::{self, App, Build, Snapshot};
use crate::wait::Wait;

impl Engine {
    /// Finds the build that is to be submitted.
    pub(super) async fn find_build(
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
