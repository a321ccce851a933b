//! One HTTP client policy: time-outs, retries, limits.
//!
//! A [`Client`] knows a base URL and how patient to be; it knows no endpoint. What to retry is a pure
//! function, [`judge`]; a write whose outcome is unknown is never replayed, but reported as
//! [`Error::OutcomeUnknown`], so that the caller looks first.

mod budget;
mod client;
mod error;
mod journal;
mod policy;
mod tls;
mod transfer;

pub use budget::Budget;
pub use client::{Client, ClientBuilder, Request, Response};
pub use error::{Error, chain};
pub use journal::{Entry, Journal};
pub use policy::{Attempt, Outcome, Policy, Verdict, judge};
pub use reqwest::{Method, StatusCode};
pub use transfer::{Piece, Transfer, TransferError};
pub use url::Url;

/// Reads a base URL: `https`, or `http` for this machine only.
///
/// # Errors
/// With what is accepted, when it is neither.
pub fn base_url(text: &str) -> Result<Url, Error> {
    let refused = || Error::BaseUrl { url: text.to_owned() };
    let url = Url::parse(text.trim()).map_err(|_| refused())?;
    let is_loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback => Ok(url),
        _ => Err(refused()),
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
}
