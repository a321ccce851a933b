//! Submitting a version for review.

use std::time::Duration;

use app_store_connect::Error;
use apple_types::StorePlatform;
use serde_json::json;
use transport::Method;

use crate::desired::DesiredRelease;
use crate::engine::{Engine, Released, own_version};
use crate::error::{ReleaseError, api};
use crate::snapshot::{Build, Snapshot, Submission, is_in_review, read_submissions, text};
use crate::store::{New, is_conflict, is_unknown};
use crate::wait::Wait;

/// How long Apple may take to accept a version that was just put into a submission.
const READY_TIMEOUT: Duration = Duration::from_secs(150);

impl Engine {
    /// Attaches the build, answers what Apple asks, and submits the version for review. A version that is in review
    /// with this build already is left alone.
    ///
    /// # Errors
    /// With Apple's reasons, one per line, when the version is not complete.
    pub async fn submit(
        &self,
        desired: &DesiredRelease,
        snapshot: &Snapshot,
        build: &Build,
    ) -> Result<Released, ReleaseError> {
        let Some(version) = own_version(desired, snapshot) else {
            return Err(ReleaseError::NoEditableVersion {
                platform: desired.platform,
                states: Vec::new(),
            });
        };
        let version_id = version.id.clone().unwrap_or_default();
        let released = |state: &str| Released {
            app_id: snapshot.app.id.clone(),
            version: version.number.clone(),
            state: state.to_owned(),
        };
        if version.is_in_review() && version.build.as_ref() == Some(&build.id) {
            tracing::info!(
                "Version {} with build {} is in review already ({}).",
                version.number,
                build.number,
                version.state
            );
            return Ok(released(&version.state));
        }
        self.answer_compliance(desired, build).await?;
        if version.build.as_ref() != Some(&build.id) {
            let path = format!("v1/appStoreVersions/{version_id}/relationships/build");
            let attached = self
                .store
                .link(Method::PATCH, path, json!({"type": "builds", "id": build.id}))
                .await;
            attached.map_err(api(format!(
                "attach build {} to version {}",
                build.number, version.number
            )))?;
            tracing::info!("Attached build {} to version {}.", build.number, version.number);
        }
        let submission = self.draft(desired, snapshot, &version_id).await?;
        self.send(&submission, &version_id).await?;
        Ok(released("WAITING_FOR_REVIEW"))
    }

    async fn answer_compliance(&self, desired: &DesiredRelease, build: &Build) -> Result<(), ReleaseError> {
        let answer = desired
            .submission
            .as_ref()
            .and_then(|submission| submission.uses_encryption);
        let (None, Some(answer)) = (build.uses_non_exempt_encryption, answer) else {
            return Ok(());
        };
        let answered = self
            .store
            .patch(
                "builds",
                &build.id,
                json!({"usesNonExemptEncryption": answer}),
                None,
            )
            .await;
        match answered {
            Ok(_) => Ok(()),
            // Once answered, a second answer is refused: it may have been this run's own, whose answer was lost.
            Err(error) if is_conflict(&error) => {
                let now = self
                    .store
                    .get(format!("v1/builds/{}", build.id), &[])
                    .await
                    .map_err(api("read the build"))?;
                match now {
                    Some(now) if now.attributes.get("usesNonExemptEncryption") == Some(&answer.into()) => {
                        Ok(())
                    }
                    _ => Err(api(format!(
                        "answer the export compliance of build {}",
                        build.number
                    ))(error)),
                }
            }
            Err(error) => Err(api(format!(
                "answer the export compliance of build {}",
                build.number
            ))(error)),
        }
    }

    /// The draft submission with the version in it: the one that is there, or a new one.
    async fn draft(
        &self,
        desired: &DesiredRelease,
        snapshot: &Snapshot,
        version: &str,
    ) -> Result<String, ReleaseError> {
        let app = &snapshot.app.id;
        let platform = desired.platform;
        let open = |submissions: &[Submission]| {
            submissions
                .iter()
                .find(|submission| submission.state == "READY_FOR_REVIEW")
                .cloned()
        };
        let draft = match open(&snapshot.submissions) {
            Some(draft) => draft,
            None => {
                let new = New::of("reviewSubmissions", json!({"platform": platform.api_name()}))
                    .with("app", "apps", app);
                let find = || async {
                    let all = read_submissions(&self.store, app, platform).await?;
                    match open(&all) {
                        Some(draft) => {
                            self.store
                                .get(format!("v1/reviewSubmissions/{}", draft.id), &[])
                                .await
                        }
                        None => Ok(None),
                    }
                };
                let mut wait = Wait::for_at_most("the end of the cancelled submission", READY_TIMEOUT);
                let created = loop {
                    match self.store.create(&new, find).await {
                        // After a cancellation of our own Apple needs a moment (fastlane #21482).
                        Err(error) if is_conflict(&error) && desired.reject_if_possible => {
                            if wait.pause("in progress").await.is_err() {
                                break Err(error);
                            }
                        }
                        result => break result,
                    }
                };
                let created = match created {
                    Ok(created) => created,
                    Err(error) if is_conflict(&error) => {
                        return Err(self.conflict(app, platform, error).await);
                    }
                    Err(error) => return Err(api("create the review submission")(error)),
                };
                Submission {
                    id: created.id,
                    state: "READY_FOR_REVIEW".to_owned(),
                    items: Vec::new(),
                }
            }
        };
        let holds = draft.items.iter().any(|(_, of)| of.as_deref() == Some(version));
        let others = draft
            .items
            .iter()
            .filter(|(_, of)| of.as_deref() != Some(version))
            .count();
        if others > 0 {
            return Err(ReleaseError::ForeignDraft { count: others });
        }
        if !holds {
            self.add_item(app, platform, &draft.id, version).await?;
        }
        Ok(draft.id)
    }

    /// Why a submission can't be created: another one of the platform is in progress, or Apple's own reason.
    async fn conflict(&self, app: &str, platform: StorePlatform, error: Error) -> ReleaseError {
        let open = read_submissions(&self.store, app, platform)
            .await
            .unwrap_or_default();
        match open
            .into_iter()
            .find(|submission| submission.state != "READY_FOR_REVIEW")
        {
            Some(submission) => ReleaseError::SubmissionInProgress {
                state: submission.state,
            },
            None => api("create the review submission")(error),
        }
    }

    pub(crate) async fn add_item(
        &self,
        app: &str,
        platform: StorePlatform,
        submission: &str,
        version: &str,
    ) -> Result<(), ReleaseError> {
        let new = New::of("reviewSubmissionItems", json!({}))
            .with("reviewSubmission", "reviewSubmissions", submission)
            .with("appStoreVersion", "appStoreVersions", version);
        let find = || async {
            let all = read_submissions(&self.store, app, platform).await?;
            let own = all.iter().find(|other| other.id == submission);
            let item = own.and_then(|own| own.items.first()).map(|(id, _)| id.clone());
            Ok(item.map(|id| crate::store::stub("reviewSubmissionItems", &id)))
        };
        let mut wait = Wait::for_at_most("the version to be accepted for review", Duration::from_secs(60));
        loop {
            match self.store.create(&new, find).await {
                Err(error) if is_transient(&error) => {
                    if wait.pause("not ready").await.is_err() {
                        return Err(api("add the version to the review submission")(error));
                    }
                }
                result => {
                    return result
                        .map(drop)
                        .map_err(api("add the version to the review submission"));
                }
            }
        }
    }

    /// Sends the submission. Apple may need a moment until a version that was just added is ready for review; then its
    /// state is looked at, not the submission sent again and again.
    async fn send(&self, submission: &str, version: &str) -> Result<(), ReleaseError> {
        let mut wait = Wait::for_at_most("the version to become ready for review", READY_TIMEOUT);
        loop {
            let sent = self
                .store
                .patch("reviewSubmissions", submission, json!({"submitted": true}), None)
                .await;
            let Err(error) = sent else { return Ok(()) };
            loop {
                let now = self
                    .store
                    .get(format!("v1/appStoreVersions/{version}"), &[])
                    .await
                    .map_err(api("read the version"))?;
                let state = now
                    .map(|now| text(&now.attributes, "appVersionState"))
                    .unwrap_or_default();
                match state.as_str() {
                    // It was sent before its answer was lost.
                    state if is_in_review(state) => return Ok(()),
                    "READY_FOR_REVIEW" if !is_transient(&error) && !is_unknown(&error) => {
                        return Err(api("submit for review")(error));
                    }
                    _ => {}
                }
                if wait.pause(&state).await.is_err() {
                    return Err(api("submit for review")(error));
                }
                if state == "READY_FOR_REVIEW" {
                    break;
                }
            }
        }
    }
}

/// Apple's way of saying that its own services are not done yet.
/// Seen: "Version is not ready to be submitted yet, please try again later" (2026-07).
fn is_transient(error: &Error) -> bool {
    error.refusal().is_some_and(|refusal| {
        refusal.errors.iter().any(|error| {
            let nested = error.meta.to_string();
            error.detail.contains("try again later") || nested.contains("try again later")
        })
    })
}
