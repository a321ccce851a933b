//! Why a request gave no usable answer.

use std::fmt::Write as _;
use std::time::Duration;

/// Why there is no file at a URL, of which only the host is named.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The server refused.
    #[error("the download from {host} was answered with HTTP {status}")]
    Status {
        /// The server.
        host: String,
        /// The answer's status.
        status: u16,
    },
    /// No answer came.
    #[error("the download from {host} failed")]
    NoAnswer {
        /// The server.
        host: String,
        /// What happened.
        #[source]
        source: Box<Error>,
    },
}

/// Why a request gave no usable answer. No text in it holds a query string, a header, or credentials of a URL.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is not one that secrets may travel to.
    #[error("{shown} is not accepted: the address must be https, or http on this machine")]
    BaseUrl {
        /// Its scheme and host, in backticks.
        shown: String,
    },
    /// The client can't be built.
    #[error("could not set up HTTPS; if SSL_CERT_FILE or SSL_CERT_DIR is set, check that it names readable CA certificates: {}", chain(.0))]
    Setup(#[source] reqwest::Error),
    /// There are no usable CA certificates.
    #[error(
        "could not set up HTTPS; if SSL_CERT_FILE or SSL_CERT_DIR is set, check that it names readable CA certificates: {0}"
    )]
    Tls(#[source] rustls::Error),
    /// No answer came.
    #[error("{method} {place} got no answer after {}: {reason}", wording::counted(*.attempts, "attempt"))]
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
    /// The server's certificate is not one for its name, or nobody vouches for it.
    #[error("{method} {place} was not sent, because the TLS certificate of {host} is not trusted: {reason}")]
    Certificate {
        /// The request's method.
        method: String,
        /// Host and path.
        place: String,
        /// The host.
        host: String,
        /// What is wrong with the certificate.
        reason: String,
    },
    /// This system has no CA certificates, so that no server can be told from an impostor.
    #[error("{method} {place} was not sent, because this system has no CA certificates that can be read")]
    NoAuthorities {
        /// The request's method.
        method: String,
        /// Host and path.
        place: String,
    },
    /// A proxy lets nothing through without credentials.
    #[error("{method} {place} was not sent, because the proxy asks for credentials")]
    ProxyCredentials {
        /// The request's method.
        method: String,
        /// Host and path.
        place: String,
    },
    /// The server sent the request elsewhere, where credentials must not go.
    #[error("{method} {place} was redirected to {to}, which is not followed")]
    Redirected {
        /// The request's method.
        method: String,
        /// Host and path.
        place: String,
        /// Scheme and host of the other place.
        to: String,
    },
    /// The answer is larger than any real one.
    #[error("{method} {place} was answered with more than {limit}")]
    TooLarge {
        /// The request's method.
        method: String,
        /// Host and path.
        place: String,
        /// The limit, such as `64 MB`.
        limit: String,
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
    redaction::one_line(&text).into_owned()
}

/// An error and its causes. I/O errors carry others without naming them as their source.
fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
}

/// What is wrong with a server's certificate, where that is what an error is about.
pub(crate) fn certificate_fault(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    causes(error)
        .find(|cause| matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))))
        .map(|fault| redaction::one_line(&fault.to_string()).into_owned())
}

/// Whether a server could not be checked, for want of CA certificates.
pub(crate) fn lacks_authorities(error: &(dyn std::error::Error + 'static)) -> bool {
    causes(error).any(|cause| match cause.downcast_ref() {
        Some(rustls::Error::Other(rustls::OtherError(other))) => other.is::<NoAuthorities>(),
        _ => false,
    })
}

/// What a handshake ends with where no CA certificates can be read.
#[derive(Debug, thiserror::Error)]
#[error("no CA certificates can be read: {0}")]
pub(crate) struct NoAuthorities(pub(crate) rustls::Error);

/// Whether a proxy answered 407 to the tunnel that it was asked for. hyper-util 0.1 has no public type for it, only these
/// words.
pub(crate) fn lacks_proxy_credentials(error: &dyn std::error::Error) -> bool {
    chain(error).contains("tunnel error: proxy authorization required")
}

/// A duration in words for logs.
pub(crate) fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{} s", duration.as_secs_f64().ceil())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error as Io, ErrorKind};
    use std::sync::Arc;

    use rustls::{CertificateError, Error as Tls, OtherError};

    use super::*;

    #[test]
    fn a_handshake_without_ca_certificates_is_told_from_one_with_a_certificate_that_nobody_vouches_for() {
        let none = || {
            Tls::Other(OtherError(Arc::new(NoAuthorities(Tls::General(
                "none".to_owned(),
            )))))
        };
        let unknown = || Tls::InvalidCertificate(CertificateError::UnknownIssuer);
        // As tokio-rustls hands them on.
        for (error, lacks, faulty) in [
            (Io::new(ErrorKind::InvalidData, none()), true, false),
            (Io::other(Io::new(ErrorKind::InvalidData, none())), true, false),
            (Io::new(ErrorKind::InvalidData, unknown()), false, true),
            (
                Io::other(Tls::Other(OtherError(Arc::new(unknown())))),
                false,
                false,
            ),
            (Io::from(ErrorKind::ConnectionReset), false, false),
        ] {
            assert_eq!(lacks_authorities(&error), lacks, "{error}");
            assert_eq!(certificate_fault(&error).is_some(), faulty, "{error}");
        }
    }
}
