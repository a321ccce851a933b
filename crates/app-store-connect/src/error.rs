//! What Apple refuses, in Apple's words.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use transport::{Response, StatusCode};

use crate::document::nullable;
use crate::messages::{KnownMessage, says};

use crate::token::KeyError;

/// Why a call gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key can't sign a token.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No usable answer came; for a write it may be unknown whether it took effect.
    #[error(transparent)]
    Transport(#[from] transport::Error),
    /// The request has no JSON form: a defect.
    #[error("could not write the request")]
    Body(#[from] serde_json::Error),
    /// A list can't be read to its end.
    #[error("the list {path} of App Store Connect can't be read: {what}")]
    List {
        /// The request's path.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// Apple answered, and said no.
    #[error("App Store Connect refused {0}")]
    Refused(Box<Refusal>),
}

/// An answer that says no.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The request's method.
    pub method: String,
    /// The request's path.
    pub path: String,
    /// The answer's status.
    pub status: StatusCode,
    /// Apple's reasons; empty when the answer was no error document.
    pub errors: Vec<ApiError>,
    /// How far this machine's clock is ahead of Apple's, in seconds, where the answer told.
    pub clock_ahead: Option<i64>,
}

/// One of Apple's reasons.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ApiError {
    /// A machine-readable code, such as `ENTITY_ERROR.ATTRIBUTE.INVALID`.
    #[serde(default, deserialize_with = "nullable")]
    pub code: String,
    /// A short summary.
    #[serde(default, deserialize_with = "nullable")]
    pub title: String,
    /// The explanation.
    #[serde(default, deserialize_with = "nullable")]
    pub detail: String,
    /// What part of the request it is about.
    #[serde(default)]
    pub source: Value,
    /// Further reasons, by resource, that Apple hides one level down.
    #[serde(default)]
    pub meta: Value,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} with {}", self.method, self.path, self.status)?;
        for error in &self.errors {
            write!(f, ": {error}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (title, detail) = (self.title.trim_end_matches('.'), self.detail.trim());
        match (title, detail) {
            (_, "") => f.write_str(title)?,
            ("", _) => f.write_str(detail)?,
            _ if detail.starts_with(title) => f.write_str(detail)?,
            _ => write!(f, "{title}. {detail}")?,
        }
        if !self.code.is_empty() {
            write!(f, " [{}]", self.code)?;
        }
        if let Value::Object(associated) = &self.meta["associatedErrors"] {
            // One per line, with the resource that it is about: these are the reasons that say what is missing.
            let sorted: BTreeMap<_, _> = associated.iter().collect();
            for (path, errors) in sorted {
                for error in errors.as_array().into_iter().flatten() {
                    let part = |name: &str| error[name].as_str().unwrap_or_default().trim();
                    let text = match (part("detail"), part("title")) {
                        ("", "") => part("code"),
                        ("", title) => title,
                        (detail, _) => detail,
                    };
                    write!(
                        f,
                        "\n{}: {}",
                        redaction::one_line(path),
                        redaction::one_line(text)
                    )?;
                    let code = part("code");
                    if !code.is_empty() && code != text {
                        write!(f, " [{}]", redaction::one_line(code))?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Refusal {
    pub(crate) fn new(method: &str, path: &str, response: &Response) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            status: response.status,
            errors: reasons(&response.json().unwrap_or_default()),
            clock_ahead: response.header("date").and_then(clock_ahead),
        }
    }

    fn has_code(&self, start: &str) -> bool {
        self.errors.iter().any(|error| error.code.starts_with(start))
    }

    /// An agreement must be signed before anything works; Apple sometimes says so by mistake.
    pub fn is_agreement(&self) -> bool {
        self.status == StatusCode::FORBIDDEN
            && self.has_code("FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED")
    }
}

/// The reasons in an error document; one that can't be read hides none of the others.
fn reasons(document: &Value) -> Vec<ApiError> {
    let listed = document["errors"].as_array().into_iter().flatten();
    let mut reasons: Vec<ApiError> = listed
        .filter_map(|reason| ApiError::deserialize(reason).ok())
        .collect();
    for reason in &mut reasons {
        for text in [&mut reason.code, &mut reason.title, &mut reason.detail] {
            *text = redaction::one_line(text).into_owned();
        }
    }
    reasons
}

/// Compares an HTTP date with this machine's clock.
fn clock_ahead(date: &str) -> Option<i64> {
    use time::format_description::well_known::Rfc2822;
    let theirs = time::OffsetDateTime::parse(&date.replace("GMT", "+0000"), &Rfc2822).ok()?;
    Some((clock::now() - theirs).whole_seconds())
}

impl Error {
    /// Apple's answer, where there was one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether another run got there first, or it is unknown whether a write took effect: look again.
    ///
    /// Facts: a name that is taken answers 409 with a code that ends in `.DUPLICATE`, or with the words "Multiple profiles
    /// found with the name" (go-xcode). `ENTITY_ERROR.ATTRIBUTE.INVALID` alone says that the request is wrong.
    pub fn may_be_race(&self) -> bool {
        match self {
            Self::Refused(refusal) => match refusal.status {
                StatusCode::NOT_FOUND => true,
                StatusCode::CONFLICT => refusal.errors.iter().any(|error| {
                    error.code.ends_with(".DUPLICATE") || says(&error.detail, KnownMessage::SeveralProfiles)
                }),
                _ => false,
            },
            Self::Transport(transport::Error::OutcomeUnknown { .. }) => true,
            _ => false,
        }
    }

    /// Whether the request does not fit what is there: a race, if what is there has changed since it was read. What says
    /// that an attribute is invalid is none, but for an identifier that is taken.
    pub fn is_conflict(&self) -> bool {
        self.refusal().is_some_and(|refusal| {
            refusal.status == StatusCode::CONFLICT
                && refusal.errors.iter().any(|error| {
                    error.code != "ENTITY_ERROR.ATTRIBUTE.INVALID"
                        || says(&error.detail, KnownMessage::NotAvailable)
                })
        })
    }

    /// What Apple says when all certificates of a type that a team can have are there; `None` for other answers.
    ///
    /// Facts: 409 `ENTITY_ERROR` "You already have a current Distribution certificate or a pending certificate request."
    /// (fastlane #12458, #19349); "maximum number of certificates" in older answers.
    pub fn certificate_limit(&self) -> Option<String> {
        let mut errors = self.refusal()?.errors.iter();
        let error = errors.find(|error| says(&error.detail, KnownMessage::CertificateLimit))?;
        Some(error.detail.clone())
    }

    /// Whether the devices of the membership year are used up.
    pub fn is_device_limit(&self) -> bool {
        self.refusal().is_some_and(|refusal| {
            refusal
                .errors
                .iter()
                .any(|error| says(&error.detail, KnownMessage::DeviceLimit))
        })
    }

    pub(crate) fn is_invalid_cursor(&self) -> bool {
        self.refusal().is_some_and(|refusal| {
            refusal.status == StatusCode::BAD_REQUEST
                && refusal.errors.iter().any(|error| {
                    error.source["parameter"] == "cursor" || says(&error.detail, KnownMessage::Cursor)
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The shape is `ErrorResponse` of Apple's document 4.4.1; the words are those of fastlane #29643 and others.
    #[test]
    fn what_a_submission_lacks_is_one_line_per_resource() {
        let error: ApiError = serde_json::from_value(json!({
            "code": "STATE_ERROR.ENTITY_STATE_INVALID", "title": "The version is not in valid state.", "detail": "Check associated errors.",
            "meta": {"associatedErrors": {
                "/v1/builds/7": [{"code": "ENTITY_ERROR.ATTRIBUTE.REQUIRED", "title": "missing", "detail": "You must provide a value for 'usesNonExemptEncryption'."}],
                "/v1/appScreenshots/": [{"code": "STATE_ERROR.SCREENSHOT_REQUIRED.APP_IPHONE_65", "title": "App screenshot missing (APP_IPHONE_65).", "detail": ""}]}}
        }))
        .unwrap();
        let text = error.to_string();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "/v1/appScreenshots/: App screenshot missing (APP_IPHONE_65). [STATE_ERROR.SCREENSHOT_REQUIRED.APP_IPHONE_65]",
                "/v1/builds/7: You must provide a value for 'usesNonExemptEncryption'. [ENTITY_ERROR.ATTRIBUTE.REQUIRED]",
            ]
        );
    }

    #[test]
    fn a_reason_that_can_not_be_read_hides_no_other() {
        let document =
            json!({"errors": ["a", {"code": null, "title": null, "detail": "the name is taken"}, null, 7]});
        let reasons: Vec<String> = reasons(&document).iter().map(ToString::to_string).collect();
        assert_eq!(reasons, ["the name is taken"]);
        assert!(super::reasons(&json!(null)).is_empty());
    }
}
