//! The settings of a target as one flat list.

use std::collections::{BTreeMap, BTreeSet};

use crate::{macros, xcconfig};

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
    /// The dictionary or xcconfig file, with its includes, that it stands in.
    pub(crate) table: usize,
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
    /// How many tables were begun.
    pub(crate) tables: usize,
}

impl Settings {
    /// Adds an assignment to the table that was begun last.
    pub(crate) fn push(&mut self, key: &str, value: &str) {
        let line = format!("{key}=");
        // A key that is none is a name as a whole.
        let (name, conditions) = match xcconfig::key(&line) {
            Some((name, conditions, _)) => (name, conditions),
            None => (key, Vec::new()),
        };
        self.list.push(Assignment {
            name: name.to_owned(),
            conditions: conditions
                .into_iter()
                .map(|(what, pattern)| (what.to_owned(), pattern.to_owned()))
                .collect(),
            value: value.to_owned(),
            table: self.tables,
        });
    }

    /// The last assignment of a name before `end` whose conditions all hold.
    pub(crate) fn index(&self, name: &str, end: usize) -> Option<usize> {
        // The SDK is chosen before a condition on its own setting could hold.
        let sdk = match name {
            "SDKROOT" => String::new(),
            _ if self.destination.sdk.is_empty() => String::new(),
            _ => format!("{}{}", self.destination.sdk, self.version),
        };
        let is_sdk = |pattern: &str| {
            if sdk.is_empty() {
                pattern == "*"
            } else {
                glob(pattern, &sdk)
            }
        };
        let first_sdk = |assignment: &Assignment| {
            let mut of_sdk = assignment.conditions.iter().filter(|(what, _)| what == "sdk");
            of_sdk.next().map(|(_, pattern)| pattern.clone())
        };
        let has_fallback = !matches!(self.destination.sdk.as_str(), "" | "macosx" | "driverkit");
        let matches = |assignment: &Assignment| {
            let by_sdk = first_sdk(assignment).is_none_or(|pattern| {
                let is_named = self.list.iter().any(|other| {
                    other.name == name
                        && other.table == assignment.table
                        && first_sdk(other).is_some_and(|pattern| is_sdk(&pattern))
                });
                is_sdk(&pattern)
                    || (has_fallback && !is_named && !sdk.is_empty() && glob(&pattern, "embedded"))
            });
            by_sdk
                && assignment
                    .conditions
                    .iter()
                    .all(|(what, pattern)| match what.as_str() {
                        "sdk" => true,
                        "config" => glob(pattern, &self.configuration),
                        "target" => glob(pattern, &self.target),
                        _ => pattern == "*",
                    })
        };
        self.list[..end]
            .iter()
            .rposition(|assignment| assignment.name == name && matches(assignment))
    }

    /// The value of a setting; `None` for one that nothing assigns.
    pub fn get(&self, name: &str) -> Option<String> {
        let index = self.index(name, self.list.len())?;
        Some(macros::evaluate(self, index, &mut Vec::new()).unwrap_or_default())
    }

    /// A text with references to settings replaced.
    pub fn expand(&self, text: &str) -> String {
        macros::replace(self, text)
    }

    /// Whether a setting is true, as Xcode reads it.
    pub(crate) fn is_true(&self, name: &str) -> Option<bool> {
        let value = self.get(name).filter(|value| !value.is_empty())?;
        Some(value.starts_with(['y', 'Y', 't', 'T', '1', '2', '3', '4', '5', '6', '7', '8', '9']))
    }

    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        let mut words: Vec<String> = Vec::new();
        let (mut is_open, mut quote) = (false, ' ');
        let mut characters = text.chars();
        while let Some(c) = characters.next() {
            if quote == ' ' && c.is_whitespace() {
                is_open = false;
                continue;
            }
            if !is_open {
                words.push(String::new());
                is_open = true;
            }
            let literal = match c {
                '\\' => characters.next(),
                '"' | '\'' if quote == ' ' => {
                    quote = c;
                    None
                }
                c if c == quote => {
                    quote = ' ';
                    None
                }
                c => Some(c),
            };
            if let (Some(word), Some(c)) = (words.last_mut(), literal) {
                word.push(c);
            }
        }
        words
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

/// Whether a pattern with `*`, `?`, and `[…]` covers a text.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    covers(&pattern, &text)
}

fn covers(pattern: &[char], text: &[char]) -> bool {
    let Some((c, rest)) = pattern.split_first() else {
        return text.is_empty();
    };
    if *c == '*' {
        return (0..=text.len()).any(|at| covers(rest, &text[at..]));
    }
    let Some((first, after)) = text.split_first() else {
        return false;
    };
    if *c == '[' && rest.contains(&']') {
        let is_negated = rest.first() == Some(&'!');
        let rest = &rest[usize::from(is_negated)..];
        let end = rest.iter().position(|c| *c == ']').unwrap_or(rest.len());
        let (set, after_set) = (&rest[..end], &rest[(end + 1).min(rest.len())..]);
        let mut has = false;
        let mut at = 0;
        while at < set.len() {
            if set.get(at + 1) == Some(&'-') {
                let Some(last) = set.get(at + 2) else { return false };
                has |= set[at] <= *first && first <= last;
                at += 3;
            } else {
                has |= set[at] == *first;
                at += 1;
            }
        }
        return has != is_negated && covers(after_set, after);
    }
    (*c == '?' || c == first) && covers(rest, after)
}
