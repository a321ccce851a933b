//! Why a build did not arrive.

use app_store_connect::Error as AscError;
use app_store_connect::uploads::StateDetail;
use transport::TransferError;

/// Why a build did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// A call of the API gave no usable answer.
    #[error("could not {what}")]
    Api {
        /// What was being done.
        what: &'static str,
        /// What happened.
        #[source]
        source: AscError,
    },
    /// There is no such app.
    #[error("App Store Connect has no app with the {0}")]
    NoApp(String),
    /// The app ID is another app's.
    #[error("the app with the ID {id} is {found}, and the package is {package}")]
    OtherApp {
        /// The app ID.
        id: String,
        /// The bundle ID of the app with this ID.
        found: String,
        /// The package's bundle ID.
        package: String,
    },
    /// The build is there already.
    #[error("App Store Connect has version {short_version} ({version}) already")]
    Duplicate {
        /// The version.
        short_version: String,
        /// The build number.
        version: String,
    },
    /// The package can't be read.
    #[error("could not read the package")]
    File(#[from] std::io::Error),
    /// A part did not arrive.
    #[error("part {part} of {parts} did not arrive after {}", wording::counted(*.attempts, "attempt"))]
    Part {
        /// Which, from 1.
        part: usize,
        /// Of how many.
        parts: usize,
        /// How often it was tried.
        attempts: u32,
        /// What happened the last time.
        #[source]
        source: TransferError,
    },
    /// The parts that the API named do not cover the file.
    #[error("App Store Connect asked for parts that are not the whole file")]
    Gaps,
    /// Whether the file is committed is not known: neither the request nor its state could be answered.
    #[error("App Store Connect did not say whether it has the file")]
    Unsettled {
        /// What happened to the request.
        #[source]
        source: AscError,
    },
    /// The upload is gone before its file was complete, and this run did not withdraw it.
    #[error("App Store Connect no longer has the upload {0}: it was withdrawn while its file was sent")]
    Vanished(String),
    /// Apple looked at the build and refused it.
    #[error("App Store Connect refused the build: {}", list(.0))]
    Refused(Vec<StateDetail>),
    /// Apple took too long.
    #[error("App Store Connect still says {state} after {}", wording::counted(*.minutes, "minute"))]
    TooSlow {
        /// The last state.
        state: String,
        /// How long was waited.
        minutes: u64,
    },
}

fn list(details: &[StateDetail]) -> String {
    match details {
        [] => "it gave no reason".to_owned(),
        [one] => one.to_string(),
        many => many.iter().map(|detail| format!("\n- {detail}")).collect(),
    }
}

impl UploadError {
    pub(crate) fn api(what: &'static str) -> impl FnOnce(AscError) -> Self {
        move |source| Self::Api { what, source }
    }
}
