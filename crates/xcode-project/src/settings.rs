//! Build settings, resolved from the project files alone.
//!
//! Levels, strongest first: target, the target's xcconfig, project, the project's xcconfig, built-in
//! defaults. An answer is a value or a list of what is not defined; it is never a guess.

use std::collections::BTreeMap;

use crate::xcconfig::MissingFile;

/// Longer chains of references than any real project has.
const DEEPEST: usize = 32;

/// More references than any real value has, followed to their ends.
const MOST_REFERENCES: usize = 10_000;

/// Longer than any name of a setting with its operators, in characters.
const LONGEST_NAME: usize = 2048;

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

/// The assignments of one level; a later one wins over an earlier one.
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
    pub(crate) missing_files: Vec<MissingFile>,
}

impl Settings {
    /// Settings from one list of assignments, as an xcconfig file would give them; a later one wins.
    pub fn from_assignments(
        assignments: impl IntoIterator<Item = (String, String)>,
        sdk: &str,
        configuration: &str,
    ) -> Self {
        Self {
            levels: vec![Level {
                origin: Origin::TargetXcconfig,
                assignments: assignments.into_iter().collect(),
            }],
            sdk: sdk.to_owned(),
            configuration: configuration.to_owned(),
            missing_files: Vec::new(),
        }
    }

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

    /// xcconfig files that are named and are not there: what they would define is not known.
    pub fn missing_files(&self) -> &[MissingFile] {
        &self.missing_files
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

    /// What a build takes when every name that the project files do not define really is defined nowhere: such
    /// names become nothing. `None` when the setting itself is not assigned.
    pub fn with_gaps(&self, setting: &str) -> Option<String> {
        let (level, raw) = self.find(setting, 0)?;
        Some(Expansion::of(self).text(raw, setting, level, 0))
    }

    fn answer(&self, setting: &str, raw: &str, level: usize) -> Answer {
        let mut expansion = Expansion::of(self);
        let value = expansion.text(raw, setting, level, 0);
        let mut missing = expansion.missing;
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

    /// The strongest assignment at or below `level`: within a level, the last one whose conditions hold.
    fn find(&self, setting: &str, from: usize) -> Option<(usize, &str)> {
        self.levels
            .iter()
            .enumerate()
            .skip(from)
            .find_map(|(level, Level { assignments, .. })| {
                let found = assignments.iter().rev().find(|(key, _)| {
                    key.strip_prefix(setting)
                        .is_some_and(|conditions| self.hold(conditions))
                });
                found.map(|(_, value)| (level, value.as_str()))
            })
    }

    /// Whether all conditions after a key hold, such as `[sdk=iphoneos*][arch=arm64]`.
    fn hold(&self, conditions: &str) -> bool {
        if conditions.is_empty() {
            return true;
        }
        let Some(inner) = conditions
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        else {
            return false;
        };
        inner
            .split("][")
            .flat_map(|part| part.split(','))
            .all(|condition| {
                let Some((what, pattern)) = condition.split_once('=') else {
                    return false;
                };
                let actual = match what.trim() {
                    "sdk" => &self.sdk,
                    "config" => &self.configuration,
                    // Archives are built for devices, which are 64-bit ARM.
                    "arch" => "arm64",
                    _ => return false,
                };
                matches(pattern.trim(), actual)
            })
    }
}

/// One expansion, with its limits: a setting of a hostile file may refer to others without end.
struct Expansion<'a> {
    settings: &'a Settings,
    missing: Vec<String>,
    references: usize,
}

impl<'a> Expansion<'a> {
    fn of(settings: &'a Settings) -> Self {
        Self {
            settings,
            missing: Vec::new(),
            references: 0,
        }
    }

    /// Replaces the references in `text`, which is assigned to `setting` at `level`.
    fn text(&mut self, text: &str, setting: &str, level: usize, depth: usize) -> String {
        // Names inside of names come here before their own limit is looked at.
        if depth > DEEPEST + 1 {
            self.missing.push(text.chars().take(64).collect());
            return String::new();
        }
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            let (inner, end) = if let Some(inner) = braced(after) {
                (inner, inner.len() + 2)
            } else if let Some(name) = bare(after) {
                (name, name.len())
            } else {
                out.push('$');
                rest = after;
                continue;
            };
            rest = &after[end..];
            // A name may itself be made of references.
            let reference = self.text(inner, setting, level, depth + 1);
            let (name, operators) = reference
                .split_once(':')
                .map_or((reference.as_str(), None), |(name, ops)| (name, Some(ops)));
            self.references += 1;
            if depth > DEEPEST || out.len() > LONGEST || self.references > MOST_REFERENCES {
                self.missing.push(name.to_owned());
                break;
            }
            let before = self.missing.len();
            let value = self.referenced(name, setting, level, depth);
            let undefined = value.is_none();
            match apply(value, operators) {
                Some(value) => {
                    out.push_str(&value);
                    if undefined {
                        // A default stands in for what is not defined.
                        self.missing.truncate(before);
                    }
                }
                None => self.missing.push(name.to_owned()),
            }
        }
        out.push_str(rest);
        out
    }

    fn referenced(&mut self, name: &str, setting: &str, level: usize, depth: usize) -> Option<String> {
        let inherited = name == "inherited" || name == setting;
        let (name, from) = if inherited {
            (setting, level + 1)
        } else {
            (name, 0)
        };
        match self.settings.find(name, from) {
            Some((found, raw)) => Some(self.text(raw, name, found, depth + 1)),
            // Nothing is inherited where nothing is set below.
            None if inherited => Some(String::new()),
            None => None,
        }
    }
}

/// The name at the start of `text`, for references without brackets.
fn bare(text: &str) -> Option<&str> {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let name = &text[..end];
    (!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())).then_some(name)
}

/// The inside of `(…)` or `{…}` at the start of `text`, nested ones counted.
fn braced(text: &str) -> Option<&str> {
    let (open, close) = match text.as_bytes().first()? {
        b'(' => ('(', ')'),
        b'{' => ('{', '}'),
        _ => return None,
    };
    let mut depth = 0_usize;
    for (at, c) in text.char_indices().take(LONGEST_NAME) {
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
        check(&[&[("X", "$NAME costs 5$"), ("NAME", "it")]], "it costs 5$");
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
