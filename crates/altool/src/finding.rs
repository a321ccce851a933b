//! An error or a warning of altool.

use std::fmt;

use serde_json::Value;

use crate::document::{get, list, text};

/// Errors nest two levels; a document that nests deeper is cut there.
const DEEPEST: usize = 16;

/// An error or a warning, in altool's and Apple's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finding {
    /// altool's code, such as `-19232`, or an HTTP status.
    pub code: Option<String>,
    /// What failed.
    pub title: String,
    /// Why, in Apple's words.
    pub detail: Option<String>,
    /// The code of App Store Connect, such as `STATE_ERROR.VALIDATION_ERROR.90186`.
    pub apple_code: Option<String>,
    /// Further text about it that is too raw to be shown: an underlying error as Foundation describes it.
    pub raw: Option<String>,
    /// The errors below it.
    pub underlying: Vec<Finding>,
}

impl Finding {
    /// A finding that is a line of text.
    pub(crate) fn of_text(line: &str) -> Self {
        Self {
            title: line.to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn of_value(value: &Value) -> Self {
        Self::of_nested(value, 0)
    }

    fn of_nested(value: &Value, depth: usize) -> Self {
        if let Value::String(line) = value {
            return Self::of_text(line.trim());
        }
        let info = get(value, "user-info").unwrap_or(&Value::Null);
        let field = |key: &str| text(get(info, key)).or_else(|| text(get(value, key)));
        let message = text(get(value, "message"));
        let description = field("NSLocalizedDescription").or_else(|| field("title"));
        let nested = get(value, "underlying-errors").or_else(|| get(info, "underlying-errors"));
        let below = get(info, "NSUnderlyingError");
        let mut underlying: Vec<Self> = Vec::new();
        if depth < DEEPEST {
            let objects = list(below).into_iter().filter(|value| value.is_object());
            underlying.extend(
                list(nested)
                    .into_iter()
                    .chain(objects)
                    .map(|value| Self::of_nested(value, depth + 1)),
            );
        }
        let apple_code = field("iris-code").or_else(|| text(get(info, "code")));
        Self {
            code: text(get(value, "code")).or_else(|| field("status")),
            detail: field("NSLocalizedFailureReason")
                .or_else(|| field("detail"))
                .or_else(|| {
                    message
                        .clone()
                        .filter(|message| Some(message) != description.as_ref())
                }),
            title: description.or(message).unwrap_or_default(),
            apple_code,
            raw: text(below),
            underlying,
        }
    }

    /// Whether it gives a reason, rather than nothing or only that something failed.
    pub fn is_specific(&self) -> bool {
        !self.is_blank() && !self.is_generic()
    }

    /// Whether it says nothing at all.
    fn is_blank(&self) -> bool {
        self.title.is_empty()
            && self.detail.is_none()
            && self.code.is_none()
            && self.raw.is_none()
            && self.underlying.iter().all(Self::is_blank)
    }

    /// Whether it only says that something failed, as the lines around the reason do.
    fn is_generic(&self) -> bool {
        const GENERIC: [&str; 7] = [
            "Failed to upload package",
            "Failed to validate package",
            "Unable to upload archive",
            "UPLOAD FAILED",
            "VERIFY FAILED",
            "ExitFailure",
            "Could not process the request",
        ];
        self.code.is_none()
            && self.detail.is_none()
            && self.underlying.is_empty()
            && GENERIC.iter().any(|words| {
                self.title
                    .strip_prefix(words)
                    .is_some_and(|rest| rest.len() < 40 && !rest.contains(": "))
            })
    }

    /// Everything that it and the errors below it say, for a search.
    pub fn whole(&self) -> String {
        let mut text = String::new();
        self.collect(&mut text);
        text
    }

    fn collect(&self, into: &mut String) {
        let parts = [
            Some(&self.title),
            self.detail.as_ref(),
            self.apple_code.as_ref(),
            self.raw.as_ref(),
        ];
        for part in parts.into_iter().flatten() {
            into.push_str(part);
            into.push('\n');
        }
        self.underlying.iter().for_each(|below| below.collect(into));
    }

    /// Its codes and those of the errors below it, outermost first.
    pub fn codes(&self) -> Vec<&str> {
        let mut codes: Vec<&str> = self
            .code
            .iter()
            .chain(&self.apple_code)
            .map(String::as_str)
            .collect();
        codes.extend(self.underlying.iter().flat_map(Self::codes));
        codes
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = match (self.title.as_str(), &self.raw) {
            ("", Some(raw)) => raw.clone(),
            ("", None) => "an error without a description".to_owned(),
            (title, _) => title.to_owned(),
        };
        if let Some(detail) = self.detail.as_ref().filter(|detail| !text.contains(*detail)) {
            text = format!("{}: {detail}", text.trim_end_matches('.'));
        }
        if let Some(code) = self
            .code
            .as_ref()
            .filter(|code| !text.contains(&format!("({code})")))
        {
            text.push_str(&format!(" ({code})"));
        }
        if let Some(code) = self.apple_code.as_ref().filter(|code| !text.contains(*code)) {
            text.push_str(&format!(" [{code}]"));
        }
        for below in &self.underlying {
            let new = [Some(&below.title), below.detail.as_ref()]
                .into_iter()
                .flatten()
                .any(|words| !words.is_empty() && !text.contains(words.as_str()));
            if new || !below.underlying.is_empty() {
                let below = below.to_string();
                if !text.contains(&below) {
                    text.push_str("; ");
                    text.push_str(&below);
                }
            }
        }
        f.write_str(&text)
    }
}
