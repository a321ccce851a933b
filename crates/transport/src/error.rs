//! Why a request gave no usable answer.

use std::fmt::Write as _;

/// Why a request gave no usable answer. No text in it holds a query string or a header.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The base URL is not one that secrets may travel to.
    #[error("`{url}` is not accepted as a base URL: it must be https, or http on this machine")]
    BaseUrl {
        /// The URL as given.
        url: String,
    },
    /// The client can't be built.
    #[error("failed to set up HTTPS; if SSL_CERT_FILE or SSL_CERT_DIR is set, check that it names readable CA certificates: {}", chain(.0))]
    Setup(#[source] reqwest::Error),
    /// No answer came.
    #[error("{method} {place} got no answer after {attempts} attempt(s): {reason}")]
    Unreachable {
        /// The request's method.
        method: String,
        /// Host and path.
        place: String,
        /// How often it was tried.
        attempts: u32,
        /// The chain of causes.
        reason: String,
    },
    /// A write may or may not have taken effect.
    #[error("{method} {place} may have taken effect or not: {reason}")]
    OutcomeUnknown {
        /// The request's method.
        method: String,
        /// Host and path.
        place: String,
        /// What came instead of an answer.
        reason: String,
    },
    /// The answer is not what it should be.
    #[error("{method} {place} was answered with {what}")]
    Unexpected {
        /// The request's method.
        method: String,
        /// Host and path.
        place: String,
        /// What came, such as "a web page instead of JSON".
        what: String,
    },
}

/// An error with its causes in one line: the useful one is last.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
