//! Build settings, resolved from the project files alone.
//!
//! Levels, strongest first: target, the target's xcconfig, project, the project's xcconfig, built-in
//! defaults. An answer is a value or a list of what is not defined; it is never a guess.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Longer chains of references than any real project has.
const DEEPEST: usize = 32;

/// Larger than any setting that this crate is asked for.
const LONGEST: usize = 64 * 1024;

/// What a setting is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Its value.
    Resolved(String),
    /// It depends on settings that the project files do not define.
    Unresolved {
        /// The setting that was asked for.
        setting: String,
        /// What is not defined.
        missing: Vec<String>,
    },
    /// It is set nowhere.
    Unset,
}

impl Answer {
    /// The value, where there is one.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Resolved(value) => Some(value),
            _ => None,
        }
    }
}

/// Where an assignment stands; the stronger comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// What `xcodebuild` said.
    Xcodebuild,
    /// The target's configuration.
    Target,
    /// The xcconfig file below it.
    TargetXcconfig,
    /// The project's configuration.
    Project,
    /// The xcconfig file below it.
    ProjectXcconfig,
    /// What follows from the target itself.
    BuiltIn,
}

/// The assignments of one level, in their order.
#[derive(Debug, Clone)]
pub(crate) struct Level {
    pub(crate) origin: Origin,
    pub(crate) assignments: Vec<(String, String)>,
}

/// The settings of one target in one configuration, for one SDK.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) levels: Vec<Level>,
    pub(crate) sdk: String,
    pub(crate) configuration: String,
    /// xcconfig files that a build needs and that are not there.
    pub(crate) missing_files: Vec<PathBuf>,
}

impl Settings {
    /// The same, with values that `xcodebuild -showBuildSettings` gave for this target: they win.
    #[must_use]
    pub fn overridden(mut self, values: impl IntoIterator<Item = (String, String)>) -> Self {
        let level = Level {
            origin: Origin::Xcodebuild,
            assignments: values.into_iter().collect(),
        };
        self.levels.insert(0, level);
        self.sdk = crate::project::sdk(&self);
        self
    }

    /// The SDK that the settings are for, such as `iphoneos`; blank when the project files do not say.
    pub fn sdk(&self) -> &str {
        &self.sdk
    }

    /// The same settings as they are for another SDK.
    #[must_use]
    pub fn for_sdk(&self, sdk: &str) -> Self {
        Self {
            sdk: sdk.to_owned(),
            ..self.clone()
        }
    }

    /// The assignment that wins, as it is written, and where it stands.
    pub fn raw(&self, setting: &str) -> Option<(Origin, &str)> {
        let (level, raw) = self.find(setting, 0)?;
        Some((self.levels.get(level)?.origin, raw))
    }

    /// xcconfig files that are named without being optional, and are not there: what they would define is not
    /// known.
    pub fn missing_files(&self) -> impl Iterator<Item = &Path> {
        self.missing_files.iter().map(PathBuf::as_path)
    }

    /// A setting's value.
    pub fn get(&self, setting: &str) -> Answer {
        let Some((level, raw)) = self.find(setting, 0) else {
            return Answer::Unset;
        };
        self.answer(setting, raw, level)
    }

    /// A text in which settings are referred to, such as a value of an Info.plist.
    pub fn expand(&self, text: &str) -> Answer {
        self.answer("", text, self.levels.len())
    }

    fn answer(&self, setting: &str, raw: &str, level: usize) -> Answer {
        let mut missing = Vec::new();
        let value = self.expanded(raw, setting, level, 0, &mut missing);
        if missing.is_empty() {
            Answer::Resolved(value)
        } else {
            missing.sort();
            missing.dedup();
            Answer::Unresolved {
                setting: setting.to_owned(),
                missing,
            }
        }
    }

    /// The strongest assignment at or below `level`: conditions that hold beat none, later lines earlier ones.
    fn find(&self, setting: &str, from: usize) -> Option<(usize, &str)> {
        self.levels
            .iter()
            .enumerate()
            .skip(from)
            .find_map(|(level, Level { assignments, .. })| {
                let best = assignments.iter().filter_map(|(key, value)| {
                    let conditions = key.strip_prefix(setting)?;
                    Some((self.specificity(conditions)?, value))
                });
                best.max_by_key(|(specificity, _)| *specificity)
                    .map(|(_, value)| (level, value.as_str()))
            })
    }

    /// How many conditions a key has, `None` when one does not hold.
    fn specificity(&self, conditions: &str) -> Option<usize> {
        if conditions.is_empty() {
            return Some(0);
        }
        let inner = conditions.strip_prefix('[')?.strip_suffix(']')?;
        let mut count = 0;
        for condition in inner.split("][").flat_map(|part| part.split(',')) {
            let (what, pattern) = condition.split_once('=')?;
            let actual = match what.trim() {
                "sdk" => &self.sdk,
                "config" => &self.configuration,
                // Archives are built for devices, which are 64-bit ARM.
                "arch" => "arm64",
                _ => return None,
            };
            if !matches(pattern.trim(), actual) {
                return None;
            }
            count += 1;
        }
        Some(count)
    }

    fn expanded(
        &self,
        text: &str,
        setting: &str,
        level: usize,
        depth: usize,
        missing: &mut Vec<String>,
    ) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            let Some(inner) = braced(after) else {
                out.push('$');
                rest = after;
                continue;
            };
            rest = &after[inner.len() + 2..];
            // A name may itself be made of references.
            let reference = self.expanded(inner, setting, level, depth + 1, missing);
            let (name, operators) = reference
                .split_once(':')
                .map_or((reference.as_str(), None), |(name, ops)| (name, Some(ops)));
            if depth > DEEPEST || out.len() > LONGEST {
                missing.push(name.to_owned());
                break;
            }
            let value = self.referenced(name, setting, level, depth, missing);
            match apply(value, operators) {
                Some(value) => out.push_str(&value),
                None => missing.push(name.to_owned()),
            }
        }
        out.push_str(rest);
        out
    }

    fn referenced(
        &self,
        name: &str,
        setting: &str,
        level: usize,
        depth: usize,
        missing: &mut Vec<String>,
    ) -> Option<String> {
        let inherited = name == "inherited" || name == setting;
        let (name, from) = if inherited {
            (setting, level + 1)
        } else {
            (name, 0)
        };
        match self.find(name, from) {
            Some((found, raw)) => Some(self.expanded(raw, name, found, depth + 1, missing)),
            // Nothing is inherited where nothing is set below.
            None if inherited => Some(String::new()),
            None => None,
        }
    }
}

/// The inside of `(…)` or `{…}` at the start of `text`, nested ones counted.
fn braced(text: &str) -> Option<&str> {
    let (open, close) = match text.as_bytes().first()? {
        b'(' => ('(', ')'),
        b'{' => ('{', '}'),
        _ => return None,
    };
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return Some(&text[1..at]);
            }
        }
    }
    None
}

/// Applies operators such as `:lower` or `:default=x` in order.
fn apply(value: Option<String>, operators: Option<&str>) -> Option<String> {
    let Some(operators) = operators else { return value };
    let mut value = value;
    for operator in operators.split(':') {
        if let Some(default) = operator.strip_prefix("default=") {
            value = value
                .filter(|value| !value.is_empty())
                .or_else(|| Some(default.to_owned()));
            continue;
        }
        let current = value?;
        let is_word = |c: char| c.is_ascii_alphanumeric();
        value = Some(match operator {
            "lower" => current.to_lowercase(),
            "upper" => current.to_uppercase(),
            "rfc1034identifier" => current
                .chars()
                .map(|c| if is_word(c) || c == '.' { c } else { '-' })
                .collect(),
            "c99extidentifier" | "identifier" => {
                let mut name: String = current
                    .chars()
                    .map(|c| if c.is_alphanumeric() { c } else { '_' })
                    .collect();
                if name.starts_with(|c: char| c.is_ascii_digit()) {
                    name.replace_range(..1, "_");
                }
                name
            }
            "file" => current.rsplit('/').next().unwrap_or_default().to_owned(),
            "dir" => current
                .rsplit_once('/')
                .map_or_else(|| "./".to_owned(), |(dir, _)| format!("{dir}/")),
            "base" => {
                let file = current.rsplit('/').next().unwrap_or_default();
                file.rsplit_once('.').map_or(file, |(base, _)| base).to_owned()
            }
            "suffix" => current
                .rsplit('/')
                .next()
                .and_then(|file| file.rsplit_once('.'))
                .map(|(_, suffix)| format!(".{suffix}"))
                .unwrap_or_default(),
            "quote" | "standardizepath" => current,
            _ => return None,
        });
    }
    value
}

/// Whether a pattern with `*` fits.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => {
            let Some(tail) = text.strip_prefix(start) else {
                return false;
            };
            rest.is_empty()
                || (0..=tail.len()).any(|at| tail.is_char_boundary(at) && matches(rest, &tail[at..]))
        }
    }
}

/// Defaults that follow from the target itself.
pub(crate) fn built_in(pairs: BTreeMap<&str, String>) -> Level {
    Level {
        origin: Origin::BuiltIn,
        assignments: pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(levels: &[&[(&str, &str)]]) -> Settings {
        let own = |level: &&[(&str, &str)]| Level {
            origin: Origin::Target,
            assignments: level
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        };
        Settings {
            levels: levels.iter().map(own).collect(),
            sdk: "iphoneos".to_owned(),
            configuration: "Release".to_owned(),
            missing_files: Vec::new(),
        }
    }

    #[track_caller]
    fn check(levels: &[&[(&str, &str)]], expected: &str) {
        assert_eq!(settings(levels).get("X"), Answer::Resolved(expected.to_owned()));
    }

    #[test]
    fn references_inheritance_and_operators_are_resolved() {
        check(
            &[
                &[("X", "$(PREFIX).app")],
                &[("PREFIX", "com.${ORG:lower}"), ("ORG", "ACME")],
            ],
            "com.acme.app",
        );
        check(&[&[("X", "$(inherited) b")], &[], &[("X", "a")]], "a b");
        check(&[&[("X", "$(X).b")], &[("X", "a")]], "a.b");
        check(&[&[("X", "$(A_$(B))"), ("A_c", "d"), ("B", "c")]], "d");
        check(
            &[&[("X", "$(N:rfc1034identifier)"), ("N", "My App 2!")]],
            "My-App-2-",
        );
        check(&[&[("X", "$(MISSING:default=y)")]], "y");
        check(&[&[("X", "$inherited costs 5$")]], "$inherited costs 5$");
    }

    #[test]
    fn conditions_that_hold_win_within_their_level() {
        check(
            &[&[
                ("X", "any"),
                ("X[sdk=iphoneos*]", "device"),
                ("X[sdk=macosx*]", "mac"),
            ]],
            "device",
        );
        check(&[&[("X", "any")], &[("X[sdk=iphoneos*]", "device")]], "any");
        check(
            &[&[
                ("X[config=Debug]", "debug"),
                ("X[config=Release][arch=arm64]", "release"),
            ]],
            "release",
        );
    }

    #[test]
    fn what_is_not_defined_is_named_and_loops_end() {
        let unresolved = settings(&[&[("X", "$(A).$(B)"), ("A", "a")]]).get("X");
        assert_eq!(
            unresolved,
            Answer::Unresolved {
                setting: "X".to_owned(),
                missing: vec!["B".to_owned()]
            }
        );
        assert!(matches!(
            settings(&[&[("X", "$(Y)"), ("Y", "$(X)")]]).get("X"),
            Answer::Unresolved { .. }
        ));
        assert_eq!(settings(&[&[]]).get("X"), Answer::Unset);
    }
}
