//! fastlane's failures as a step reports them: what failed, why, and what to do next.

use anyhow::anyhow;
use fastlane_runner::{AppleCause, Ending, Error};
use step_kit::Advice as _;

use crate::{Upload, UploadFailure, advice, ended_by_upload};

/// The error of a fastlane that could not be made ready.
pub fn not_ready(error: Error) -> anyhow::Error {
    let advice = advice::about_setup(&error);
    let error = anyhow::Error::from(error).context("could not prepare fastlane");
    match advice {
        Some(advice) => error.hint(advice),
        None => error,
    }
}

/// The error of an upload that altool reports as failed, and fastlane as done.
pub fn false_success(what: String, failure: UploadFailure) -> anyhow::Error {
    anyhow!("fastlane reported the upload as successful and ended with exit status 0")
        .context(format!(
            "altool reports that the upload failed: {}",
            failure.reason
        ))
        .context(what)
        .hint(failure.remedy)
}

/// A run of fastlane that failed.
#[derive(Debug)]
pub struct Failure<'a> {
    /// What failed, such as "the lane `beta` failed".
    pub what: String,
    /// What fastlane printed.
    pub ending: &'a Ending,
    /// fastlane's exit status.
    pub status: i32,
    /// What altool says, where it ran.
    pub upload: Option<&'a Upload>,
    /// The step's own advice, where it has an input for it.
    pub own_advice: fn(AppleCause) -> Option<&'static str>,
}

impl Failure<'_> {
    /// The error of the step, with fastlane's exit status.
    pub fn into_error(self) -> anyhow::Error {
        let Self {
            what, ending, status, ..
        } = &self;
        let ended = match status {
            0 => "fastlane still exited with status 0".to_owned(),
            status => format!("fastlane exited with status {status}"),
        };
        let quote = ending.quote();
        let said = match (&ending.action, quote.is_empty()) {
            (Some(action), false) => Some(format!("the action `{action}` failed: {quote}")),
            (Some(action), true) => Some(format!("the action `{action}` failed")),
            (None, false) => Some(quote),
            (None, true) => None,
        };
        let mut error = anyhow!(ended);
        if let Some(said) = said {
            error = error.context(said);
        }
        let (cause, remedy) = self.cause();
        if let Some(cause) = cause {
            error = error.context(cause);
        }
        let error = error.context(what.clone()).exit_status(
            u8::try_from(*status)
                .ok()
                .filter(|status| *status != 0)
                .unwrap_or(1),
        );
        match remedy {
            Some(remedy) => error.hint(remedy),
            None => error,
        }
    }

    fn cause(&self) -> (Option<String>, Option<String>) {
        if ended_by_upload(self.ending)
            && let Some(upload) = self.upload
        {
            if upload.is_delivered() {
                let cause = "App Store Connect has the package: fastlane took a harmless line of altool for a failed upload";
                let remedy = "update fastlane, and do what was to follow the upload (such as the submission) in App Store Connect";
                return (Some(cause.to_owned()), Some(remedy.to_owned()));
            }
            if let Some(failure) = upload.failure() {
                let cause = self.ending.apple_cause();
                let own = cause.and_then(self.own_advice);
                return (
                    cause.map(|cause| cause.to_string()),
                    Some(own.unwrap_or(failure.remedy).to_owned()),
                );
            }
        }
        if let Some(cause) = self.ending.apple_cause() {
            let own = (self.own_advice)(cause);
            let remedy = own.unwrap_or_else(|| advice::about_apple(cause));
            return (Some(cause.to_string()), Some(remedy.to_owned()));
        }
        match self.ending.setup_cause(self.status) {
            Some(cause) => (Some(cause.to_string()), Some(advice::about_cause(&cause))),
            None => (None, None),
        }
    }
}
