//! Faults on demand: each is a failure that users have reported.

use serde::{Deserialize, Serialize};

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
    /// How many matching requests pass before it strikes.
    #[serde(default)]
    pub after: u32,
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
            after: 0,
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
