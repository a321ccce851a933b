//! One HTTP client policy: timeouts, retries, limits.
//!
//! A [`Client`] knows a base URL and how patient to be; it knows no endpoint. What to retry is a pure
//! function, [`judge`]; a write whose outcome is unknown is never replayed, but reported as
//! [`Error::OutcomeUnknown`], so that the caller looks first. Credentials go to the host that they are for: redirects
//! to another one are errors. Every answer has a limit of size, after decompression, and of time.

use std::path::{Path, PathBuf};

mod backoff;
mod budget;
mod client;
mod error;
mod journal;
mod policy;
mod request;
mod response;
mod tls;
mod trace;
mod transfer;

pub use backoff::Backoff;
pub use budget::Budget;
pub use client::{Client, ClientBuilder, download};
pub use error::{DownloadError, Error, chain};
pub use journal::{Entry, Journal};
pub use policy::{Attempt, Outcome, Policy, Verdict, judge};
pub use request::Request;
pub use reqwest::{Method, StatusCode};
pub use response::Response;
pub use transfer::{Piece, Transfer, TransferError};
pub use url::Url;

/// Reads a base URL: `https`, or `http` for this machine only.
///
/// # Errors
/// With what is accepted, when it is neither.
pub fn base_url(text: &str) -> Result<Url, Error> {
    let Ok(url) = Url::parse(text.trim()) else {
        // It may be anything, a secret among it.
        return Err(Error::BaseUrl {
            shown: "the value, which is no URL,".to_owned(),
        });
    };
    if accepted(&url) {
        Ok(url)
    } else {
        Err(Error::BaseUrl { shown: shown(&url) })
    }
}

/// Whether secrets may travel to a URL.
pub(crate) fn accepted(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => is_loopback(url),
        _ => false,
    }
}

/// Whether a URL's host is this machine.
pub fn is_loopback(url: &Url) -> bool {
    // The host of a scheme that is not special, such as `git`, is text.
    match url.host_str().map(url::Host::parse) {
        Some(Ok(url::Host::Domain(name))) => name == "localhost",
        Some(Ok(url::Host::Ipv4(address))) => address.is_loopback(),
        Some(Ok(url::Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    }
}

/// The path that a `file://` URL names: as it is written, spaces included, or unescaped where that is not there. `None`
/// for other addresses.
pub fn path_of_file_url(address: &str) -> Option<PathBuf> {
    const SCHEME: &str = "file://";
    let (scheme, plain) = address.split_at_checked(SCHEME.len())?;
    // Schemes are written in any case: RFC 3986, 3.1.
    let plain = Path::new(scheme.eq_ignore_ascii_case(SCHEME).then_some(plain)?);
    let decoded = Url::parse(address).ok().and_then(|url| url.to_file_path().ok());
    Some(match decoded {
        Some(decoded) if !plain.exists() => decoded,
        _ => plain.to_owned(),
    })
}

/// Scheme and host in backticks: the other parts may be secrets.
pub(crate) fn shown(url: &Url) -> String {
    match url.host_str() {
        Some(host) => format!("`{}://{host}`", url.scheme()),
        None => format!("a URL with the scheme `{}`", url.scheme()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in [
            "https://api.appstoreconnect.apple.com",
            "http://127.0.0.1:8080",
            "http://[::1]:1",
            "http://localhost:9",
        ] {
            assert!(base_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.example.com",
            "ftp://localhost",
            "nonsense",
            "http://localhost.example.com",
        ] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refused_url_is_named_without_its_secrets() {
        for (url, expected) in [
            (
                "http://user:passw0rd@example.com/t0ken?q=s3cret",
                "`http://example.com` is not accepted",
            ),
            (
                "ftp://user:passw0rd@example.com/",
                "`ftp://example.com` is not accepted",
            ),
            ("passw0rd", "the value, which is no URL, is not accepted"),
            ("data:passw0rd", "a URL with the scheme `data` is not accepted"),
        ] {
            let error = base_url(url).unwrap_err().to_string();
            assert!(
                error.starts_with(expected) && !error.contains("passw0rd"),
                "{error}"
            );
        }
    }
}
