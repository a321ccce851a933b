//! The settings of a target as one flat list.

use std::collections::{BTreeMap, BTreeSet};

use crate::macros;

/// What an archive is for: an SDK, and whether it is Mac Catalyst.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    /// The SDK without its version, such as `iphoneos`.
    pub sdk: String,
    /// Whether it is Mac Catalyst.
    pub catalyst: bool,
}

impl Destination {
    /// One that is no Catalyst.
    pub fn of(sdk: &str) -> Self {
        Self {
            sdk: sdk.to_owned(),
            catalyst: false,
        }
    }

    /// The word of platform filters.
    pub fn word(&self) -> &str {
        match self.sdk.as_str() {
            "macosx" if self.catalyst => "maccatalyst",
            "macosx" => "macos",
            "iphoneos" => "ios",
            "appletvos" => "tvos",
            other => other,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) conditions: Vec<(String, String)>,
    pub(crate) value: String,
}

/// The settings of a target, for a destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Weakest first.
    pub(crate) list: Vec<Assignment>,
    pub(crate) destination: Destination,
    pub(crate) configuration: String,
    pub(crate) target: String,
    /// The version of SDKs.
    pub(crate) version: String,
    /// How many of the first assignments come from the environment.
    pub(crate) inherited: usize,
}

impl Settings {
    pub(crate) fn push(&mut self, key: &str, value: &str) {
        let mut name = key;
        let mut conditions = Vec::new();
        if let Some(at) = key.find('[').filter(|_| key.ends_with(']')) {
            name = &key[..at];
            for condition in key[at + 1..key.len() - 1].split("][") {
                let (what, pattern) = condition.split_once('=').unwrap_or((condition, ""));
                conditions.push((what.to_owned(), pattern.to_owned()));
            }
        }
        self.list.push(Assignment {
            name: name.to_owned(),
            conditions,
            value: value.to_owned(),
        });
    }

    /// The last assignment of a name before `end` whose conditions all hold.
    pub(crate) fn index(&self, name: &str, end: usize) -> Option<usize> {
        let holds = |(what, pattern): &(String, String)| {
            let actual = match what.as_str() {
                "sdk" => format!("{}{}", self.destination.sdk, self.version),
                "config" => self.configuration.clone(),
                "target" => self.target.clone(),
                _ => return pattern == "*",
            };
            glob(pattern, &actual)
        };
        self.list[..end]
            .iter()
            .rposition(|assignment| assignment.name == name && assignment.conditions.iter().all(holds))
    }

    /// The value of a setting; `None` for one that nothing assigns.
    pub fn get(&self, name: &str) -> Option<String> {
        let index = self.index(name, self.list.len())?;
        Some(macros::evaluate(self, index, &mut Vec::new()))
    }

    /// A text with references to settings replaced.
    pub fn expand(&self, text: &str) -> String {
        macros::replace(self, text, &mut Vec::new())
    }

    /// Whether a setting is true, as Xcode reads it.
    pub(crate) fn is_true(&self, name: &str) -> Option<bool> {
        let value = self.get(name).filter(|value| !value.is_empty())?;
        Some(value.starts_with(['y', 'Y', 't', 'T', '1', '2', '3', '4', '5', '6', '7', '8', '9']))
    }

    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// Every setting with its value, but for what the environment alone gives.
    pub fn all(&self) -> BTreeMap<String, String> {
        let names: BTreeSet<&str> = self.list[self.inherited..]
            .iter()
            .map(|assignment| assignment.name.as_str())
            .collect();
        names
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), self.get(name)?)))
            .collect()
    }
}

/// Whether a pattern with `*` and `?` covers a text.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| glob(rest, &text[at..]))
        }
        Some(c) => {
            let Some(first) = text.chars().next() else {
                return false;
            };
            (c == '?' || c == first) && glob(&pattern[c.len_utf8()..], &text[first.len_utf8()..])
        }
    }
}
