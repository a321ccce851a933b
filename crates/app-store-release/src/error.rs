//! Why a release can't be made, or was not.

use crate::problem::Problem;
use apple_types::StorePlatform;

/// Why a release can't be made, or was not.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// Files or options that App Store Connect would refuse; nothing was changed.
    #[error("{}", list(.0))]
    Invalid(Vec<Problem>),
    /// No app has the bundle ID or number.
    #[error("no app with the {kind} `{value}` is visible to this API key")]
    NoApp {
        /// `bundle ID` or `Apple ID`.
        kind: &'static str,
        /// Its value.
        value: String,
    },
    /// There is no version that could be edited, and none is to be created.
    #[error("there is no version of the app for {platform} that can be edited{}", found(.states))]
    NoEditableVersion {
        /// The platform.
        platform: StorePlatform,
        /// The versions that there are, with their states.
        states: Vec<String>,
    },
    /// The version that would have to change can't.
    #[error("version {version} is {state}, so {what}")]
    Locked {
        /// The version.
        version: String,
        /// Its state, in Apple's spelling.
        state: String,
        /// What is impossible.
        what: String,
        /// Whether cancelling the review would make it possible.
        cancelable: bool,
    },
    /// Another submission stands in the way.
    #[error("a review submission of this platform is already in progress ({state})")]
    SubmissionInProgress {
        /// Its state, in Apple's spelling.
        state: String,
    },
    /// The draft submission holds other items, which would be submitted as well.
    #[error("the draft review submission holds {}, which would be submitted as well", wording::counted(*.count, "other item"))]
    ForeignDraft {
        /// How many.
        count: usize,
    },
    /// The build that is to be submitted or distributed is not there.
    #[error("there is no {build}{}", found(.available))]
    NoBuild {
        /// `build 42 of version 1.1`.
        build: String,
        /// The builds that there are.
        available: Vec<String>,
    },
    /// The build can't be used.
    #[error("build {build} {reason}")]
    UnusableBuild {
        /// Its number.
        build: String,
        /// Why.
        reason: String,
    },
    /// Nobody has said whether the build uses encryption.
    #[error("the export compliance of build {build} is not answered")]
    NoCompliance {
        /// Its number.
        build: String,
    },
    /// Nobody has said whether the app uses content of others.
    #[error("the content rights of the app are not answered")]
    NoContentRights,
    /// Groups that the app does not have; nothing was changed.
    #[error("{} {}{}", no_groups(.unknown.len()), quoted(.unknown), found(.available))]
    NoGroup {
        /// The names or IDs that were given.
        unknown: Vec<String>,
        /// The groups that there are.
        available: Vec<String>,
    },
    /// What distribution to external testers lacks; nothing was changed.
    #[error("external testing needs {}", .0.join(", "))]
    BetaIncomplete(Vec<String>),
    /// App Store Connect took longer than the run may wait.
    #[error("{what} took longer than {} s; last state: {state}", .seconds)]
    TooSlow {
        /// What was waited for.
        what: String,
        /// For how long.
        seconds: u64,
        /// The last state, in Apple's spelling.
        state: String,
    },
    /// App Store Connect did not accept a file.
    #[error("App Store Connect did not accept {file}: {reason}")]
    Media {
        /// The file, with its locale and set.
        file: String,
        /// Apple's reason.
        reason: String,
    },
    /// A file could not be sent.
    #[error("could not send {file}: {source}")]
    Transfer {
        /// The file.
        file: String,
        /// Why.
        source: transport::TransferError,
    },
    /// A file can't be read.
    #[error("could not read {file}")]
    File {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// App Store Connect refused something, or gave no usable answer.
    #[error("could not {what}")]
    Api {
        /// What was being done, such as `update the description of de-DE`.
        what: String,
        /// Apple's answer.
        #[source]
        source: Box<app_store_connect::Error>,
    },
    /// Several things failed; everything else was done.
    #[error("{}", several(.0))]
    Several(Vec<ReleaseError>),
}

impl ReleaseError {
    /// One error for all that failed.
    pub(crate) fn join(mut errors: Vec<Self>) -> Result<(), Self> {
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(Self::Several(errors)),
        }
    }
}

/// An API error with what was being done.
pub(crate) fn api(what: impl Into<String>) -> impl FnOnce(app_store_connect::Error) -> ReleaseError {
    let what = what.into();
    |source| ReleaseError::Api {
        what,
        source: Box::new(source),
    }
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn found(items: &[String]) -> String {
    if items.is_empty() {
        String::new()
    } else {
        format!("; there is {}", items.join(", "))
    }
}

fn no_groups(count: usize) -> &'static str {
    if count == 1 {
        "there is no beta group"
    } else {
        "there are no beta groups"
    }
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn several(errors: &[ReleaseError]) -> String {
    let lines: Vec<String> = errors
        .iter()
        .map(|error| match error {
            ReleaseError::Api { what, source } => format!("could not {what}: {source}"),
            other => other.to_string(),
        })
        .collect();
    lines.join("\n")
}
