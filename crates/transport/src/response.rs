//! Whole answers.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde::de::{DeserializeOwned, IgnoredAny};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::Error;

/// More values than any real answer has: each takes some ten times more memory than text.
const MOST_VALUES: usize = 2_000_000;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) method: String,
    pub(crate) place: String,
}

/// What is wrong with a body.
pub(crate) enum Fault {
    /// It ends too early: the connection broke.
    Truncated,
    /// It is whole, and not what it says.
    Broken(String),
}

impl Response {
    /// The body as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What the answer sets, in the words of its `Set-Cookie` headers.
    pub fn set_cookies(&self) -> Vec<String> {
        let all = self.headers.get_all(reqwest::header::SET_COOKIE).iter();
        all.filter_map(|value| value.to_str().ok().map(str::to_owned))
            .collect()
    }

    /// A header that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// When it is something else; a web page is told apart.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let start = self.body.trim_ascii_start();
            let what = if start.first() == Some(&b'<') {
                format!("HTTP {} and a web page instead of JSON", self.status)
            } else if start.is_empty() {
                format!("HTTP {} and no content", self.status)
            } else {
                format!("HTTP {} and unexpected content: {}", self.status, brief(&error))
            };
            Error::Unexpected {
                method: self.method.clone(),
                place: self.place.clone(),
                what,
            }
        })
    }

    /// What is wrong with a body that says it is JSON.
    pub(crate) fn fault(&self) -> Option<Fault> {
        let is_json = self
            .header(CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.contains("json"));
        if !is_json || !self.status.is_success() || self.status == StatusCode::NO_CONTENT {
            return None;
        }
        let values = self
            .body
            .iter()
            .filter(|byte| matches!(byte, b',' | b'[' | b'{'))
            .count();
        if values > MOST_VALUES {
            return Some(Fault::Broken(format!("more than {MOST_VALUES} values")));
        }
        let error = serde_json::from_slice::<IgnoredAny>(&self.body).err()?;
        Some(if error.is_eof() {
            Fault::Truncated
        } else {
            Fault::Broken(format!("broken JSON: {}", brief(&error)))
        })
    }

    /// The pause that a `Retry-After` header asks for, in seconds or until a date.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let text = self.header(RETRY_AFTER.as_str())?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let at = OffsetDateTime::parse(&text.replace("GMT", "+0000"), &Rfc2822).ok()?;
        Some(Duration::try_from(at - clock::now()).unwrap_or_default())
    }
}

/// An error of the parser without what it quotes of the content at length.
fn brief(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let line = redaction::one_line(&text);
    if line.chars().count() <= 200 {
        return line.into_owned();
    }
    format!(
        "{}… at line {} column {}",
        line.chars().take(160).collect::<String>(),
        error.line(),
        error.column()
    )
}
