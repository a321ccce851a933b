//! Faults on demand: each is a failure that users have reported.

use std::ops::Deref;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::answer::Refusal;
use crate::fresh::Fresh;
use crate::random::Chance;

/// A fault, and when it strikes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Which requests: a method and the beginning of a path, such as `GET /v1/devices`; either may be left out. A `*` stands
    /// for one part of the path.
    #[serde(default)]
    pub on: String,
    /// How often; without it, always.
    #[serde(default)]
    pub times: Option<u32>,
    /// In how many of a hundred matching requests; without it, in all.
    #[serde(default)]
    pub percent: Option<u8>,
    /// What happens.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "fault")]
pub enum Kind {
    /// The token is not accepted: 401.
    Unauthorized,
    /// The agreement is missing: 403.
    Agreement,
    /// The role is too small: 403.
    Role,
    /// Too many requests: 429.
    RateLimit {
        /// The seconds of `Retry-After`, where it is sent.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Apple's service has trouble: 500.
    ServerError,
    /// The request takes effect, and is answered 500 all the same.
    AppliedServerError,
    /// A maintenance page instead of an answer: 503 with HTML.
    Maintenance,
    /// A web page instead of an answer, with HTTP 200.
    Page,
    /// The answer comes late.
    Latency {
        /// By so many milliseconds.
        milliseconds: u64,
    },
    /// The connection breaks before the answer.
    Reset,
    /// The connection breaks before the request takes effect.
    ResetBefore,
    /// The answer breaks off.
    Truncated,
    /// The next page can't be fetched: 400.
    InvalidCursor,
    /// Apple refuses a value of the request: 409, `ENTITY_ERROR.ATTRIBUTE.INVALID`.
    InvalidAttribute,
    /// The object is gone: 404.
    Vanished,
    /// The permission to send a part has run out: 403 from the storage.
    Expired,
    /// The line is slow: a part is read at this rate.
    Slow {
        /// Bytes a second.
        bytes_per_second: u64,
    },
}

impl Kind {
    /// Its name, as it is written in a seed.
    pub fn name(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value["fault"].as_str().unwrap_or_default().to_owned()
    }
}

impl Fault {
    /// A fault that always strikes.
    pub fn always(on: &str, kind: Kind) -> Self {
        Self {
            on: on.to_owned(),
            times: None,
            percent: None,
            kind,
        }
    }

    /// A fault that strikes so many times.
    pub fn times(on: &str, times: u32, kind: Kind) -> Self {
        Self {
            times: Some(times),
            ..Self::always(on, kind)
        }
    }

    /// Whether it is for this request.
    pub(crate) fn matches(&self, method: &str, path: &str) -> bool {
        match self.on.trim().split_once(' ') {
            Some((wanted, start)) => wanted.eq_ignore_ascii_case(method) && begins(path, start.trim()),
            None if self.on.trim().is_empty() => true,
            None if self.on.trim().starts_with('/') => begins(path, self.on.trim()),
            None => self.on.trim().eq_ignore_ascii_case(method),
        }
    }
}

/// Whether a path begins with a pattern.
fn begins(path: &str, pattern: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return path.starts_with(pattern);
    };
    let Some(rest) = path.strip_prefix(before) else {
        return false;
    };
    let end = rest.find('/').unwrap_or(rest.len());
    end > 0 && begins(&rest[end..], after)
}

/// Faults that wait to strike, and those that strike at random. The former are read as a slice.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Faults {
    waiting: Vec<Fault>,
    /// `None` where nothing strikes at random.
    #[serde(skip)]
    chance: Option<Chance>,
}

impl Faults {
    /// Faults that wait, and chance.
    pub(crate) fn new(waiting: Vec<Fault>, chance: Option<Chance>) -> Self {
        Self { waiting, chance }
    }

    /// Adds one.
    pub fn push(&mut self, fault: Fault) {
        self.waiting.push(fault);
    }

    /// Forgets those that wait.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Takes what strikes a request.
    pub(crate) fn strike(&mut self, method: &str, path: &str, query: &str, fresh: &mut Fresh) -> Vec<Kind> {
        let mut struck = Vec::new();
        for fault in &mut self.waiting {
            let is_for = fault.matches(method, path)
                && (fault.kind != Kind::InvalidCursor || query.contains("cursor="))
                && fault.times != Some(0);
            if is_for && fault.percent.is_none_or(|percent| fresh.happens(percent)) {
                if let Some(times) = &mut fault.times {
                    *times -= 1;
                }
                struck.push(fault.kind.clone());
            }
        }
        self.waiting.retain(|fault| fault.times != Some(0));
        if let Some(chance) = &mut self.chance {
            struck.extend(chance.strike(method, path, query));
        }
        struck
    }

    /// For how many list requests chance hides what a request to the portal creates; `None` where it has no part in it.
    pub(crate) fn lag(&mut self, path: &str) -> Option<u32> {
        self.chance.as_mut().map(|chance| chance.lag(path))
    }

    /// What chance leaves of an answer; `None` where it stays as it is.
    pub(crate) fn shape(&mut self, method: &str, path: &str, query: &str, answer: &[u8]) -> Option<Vec<u8>> {
        self.chance.as_mut()?.shape(method, path, query, answer)
    }
}

impl Deref for Faults {
    type Target = [Fault];

    fn deref(&self) -> &[Fault] {
        &self.waiting
    }
}

/// The answer of a fault that stands for the whole request.
pub(crate) fn refusal_of(kind: &Kind) -> Option<Response> {
    let refusal = match kind {
        Kind::Unauthorized => Refusal::unauthorized(),
        Kind::Agreement => Refusal::new(
            403,
            "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED",
            "A required agreement is missing or has expired.",
            "This request requires an in-effect agreement that has not been signed or has expired.",
        ),
        Kind::Role => Refusal::new(
            403,
            "FORBIDDEN_ERROR",
            "This request is forbidden for security reasons",
            "The API key in use does not allow this request",
        ),
        Kind::RateLimit { retry_after } => {
            let refusal = Refusal::new(
                429,
                "RATE_LIMIT_EXCEEDED",
                "The request rate limit has been reached.",
                "We've received too many requests for this API. Please wait and try again or slow down your request rate.",
            );
            let mut response = refusal.response();
            if let Some(seconds) = retry_after {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            return Some(limit(response));
        }
        Kind::ServerError => server_error(),
        Kind::Maintenance => {
            let page = "<html><body><h1>We'll be back soon</h1></body></html>";
            let html = [(header::CONTENT_TYPE, "text/html")];
            return Some((StatusCode::SERVICE_UNAVAILABLE, html, page).into_response());
        }
        Kind::Page => {
            let page = Html("<html><body>503 Service Temporarily Unavailable</body></html>");
            return Some((StatusCode::OK, page).into_response());
        }
        Kind::InvalidCursor => {
            Refusal::parameter("cursor", "The cursor is not a valid cursor for this request")
        }
        Kind::InvalidAttribute => Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.INVALID",
            "An attribute value is invalid. The value is not valid for this request",
        ),
        Kind::Vanished => Refusal::not_found("resource", "of this path"),
        // Not every service's answers pass `log`, which breaks connections.
        Kind::ResetBefore => return Some(broken()),
        Kind::Expired => Refusal::new(
            403,
            "FORBIDDEN",
            "Request has expired",
            "The link is no longer valid",
        ),
        Kind::Latency { .. }
        | Kind::Reset
        | Kind::Truncated
        | Kind::AppliedServerError
        | Kind::Slow { .. } => return None,
    };
    Some(refusal.response())
}

/// The refusal of a service in trouble.
pub(crate) fn server_error() -> Refusal {
    Refusal::new(
        500,
        "UNEXPECTED_ERROR",
        "An unexpected error occurred.",
        "An unexpected error occurred on the server side.",
    )
}

/// An answer whose body ends in an error, which closes the connection under the client's hands.
pub(crate) fn broken() -> Response {
    let pieces = [Err::<Bytes, _>(std::io::Error::other("broken on purpose"))];
    Response::new(Body::from_stream(futures_util::stream::iter(pieces)))
}

/// Waits where a fault makes the answer late.
pub(crate) async fn linger(faults: &[Kind]) {
    for fault in faults {
        if let Kind::Latency { milliseconds } = fault {
            tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
        }
    }
}

/// The header by which Apple says how much of the hour's budget is left.
pub(crate) fn limit(mut response: Response) -> Response {
    let header = HeaderValue::from_static("user-hour-lim:3600;user-hour-rem:3500;");
    response.headers_mut().insert("x-rate-limit", header);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_for_the_requests_that_it_names() {
        for (on, expected) in [
            ("", true),
            ("GET", true),
            ("POST", false),
            ("/v1/devices", true),
            ("GET /v1/", true),
            ("GET /v1/profiles", false),
            ("GET /*/devices", true),
            ("/v1/*", true),
            ("/v1/*/profiles", false),
        ] {
            let fault = Fault::always(on, Kind::ServerError);
            assert_eq!(fault.matches("GET", "/v1/devices"), expected, "{on}");
        }
    }

    #[test]
    fn faults_are_written_as_people_would() {
        let fault: Fault =
            serde_yaml::from_str("on: GET /v1/devices\ntimes: 2\nfault: rate-limit\nretry_after: 1\n")
                .unwrap();
        assert_eq!(
            fault,
            Fault::times("GET /v1/devices", 2, Kind::RateLimit { retry_after: Some(1) })
        );
    }
}
