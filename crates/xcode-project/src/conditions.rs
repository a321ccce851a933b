//! Conditions of settings, such as `[sdk=iphoneos*]`.
//!
//! The rules are those of swift-build's `MacroCondition.swift` and `Settings.swift` (createScope): every condition of
//! a key must hold, a pattern covers the whole text, and a parameter without a value matches `*` alone.

use apple_types::sdk_family as family;

/// The version that an SDK is taken to have when the project names none. Xcode takes the newest that it has (iOS 27.2
/// in Xcode 27.2, November 2026); `[sdk=iphoneos]` without `*` matches no version at all.
pub const NEWEST_SDK: &str = "27.2";

/// What conditions are compared with.
#[derive(Debug, Clone)]
pub(crate) struct Context<'a> {
    /// The SDK, with or without a version.
    pub(crate) sdk: &'a str,
    /// The configuration's name.
    pub(crate) configuration: &'a str,
    /// The target's name; blank where there is none.
    pub(crate) target: &'a str,
}

/// How well the conditions of a key hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// They do not.
    No,
    /// They do by a fallback name of the SDK, which counts where nothing matches its real name.
    Fallback,
    /// They do.
    Yes,
}

impl Context<'_> {
    /// Whether the conditions after a key hold.
    pub(crate) fn matches(&self, conditions: &str) -> Match {
        let mut result = Match::Yes;
        let mut is_bound = false;
        for condition in each(conditions) {
            let Some((parameter, pattern)) = condition else {
                return Match::No;
            };
            let holds = match parameter {
                // The first one is bound, and all of them are done with then.
                "sdk" if std::mem::replace(&mut is_bound, true) => true,
                "sdk" => match self.sdk(pattern) {
                    Match::Fallback => {
                        result = Match::Fallback;
                        true
                    }
                    matched => matched == Match::Yes,
                },
                "config" => fits(pattern, self.configuration),
                "target" if !self.target.is_empty() => fits(pattern, self.target),
                // Compilation alone binds these, and what is signed is no question of it.
                _ => pattern == "*",
            };
            if !holds {
                return Match::No;
            }
        }
        result
    }

    /// Whether one of the conditions after a key is for the SDK's own name, whatever the others say: fallback names of
    /// the SDK count for a setting nowhere in a level that has such a key (`MacroValueAssignmentTable.swift`,
    /// bindConditionParameter).
    pub(crate) fn names_sdk(&self, conditions: &str) -> bool {
        let mut named = None;
        for condition in each(conditions) {
            // What follows a longer name is no condition of this one, and a key that can't be read has none.
            let Some((parameter, pattern)) = condition else {
                return false;
            };
            if parameter == "sdk" {
                named.get_or_insert(pattern);
            }
        }
        named.is_some_and(|pattern| self.sdk(pattern) == Match::Yes)
    }

    /// Whether a key with these conditions, of which there are some, can win in such a build, whatever the version of
    /// the SDK and the architecture are.
    pub(crate) fn concerns(&self, conditions: &str) -> bool {
        let can_hold = |(parameter, pattern): (&str, &str)| match parameter {
            "sdk" => self.sdk(pattern) != Match::No || self.names_version(pattern),
            "config" => fits(pattern, self.configuration),
            "target" => fits(pattern, self.target),
            "arch" | "variant" => true,
            _ => false,
        };
        !conditions.is_empty() && each(conditions).all(|condition| condition.is_some_and(can_hold))
    }

    /// Whether it depends on the version of the SDK, which the project does not name, if the conditions after a key hold.
    pub(crate) fn depends_on_version(&self, conditions: &str) -> bool {
        let has_version = self.sdk.ends_with(|c: char| c.is_ascii_digit() || c == '.');
        let mut all = each(conditions).flatten();
        !has_version
            && self.concerns(conditions)
            && all.any(|(parameter, pattern)| parameter == "sdk" && self.names_version(pattern))
    }

    /// Whether a pattern is for some versions of the SDK alone.
    fn names_version(&self, pattern: &str) -> bool {
        let family = family(self.sdk);
        let version = pattern.get(family.len()..).unwrap_or_default();
        self::family(pattern) == family && !matches!(version, "" | "*")
    }

    fn sdk(&self, pattern: &str) -> Match {
        let family = family(self.sdk);
        if family.is_empty() {
            return if pattern == "*" { Match::Yes } else { Match::No };
        }
        let version: String = self
            .sdk
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(|c| c.is_ascii_digit() || *c == '.')
            .collect();
        let version = version.trim_end_matches('.');
        let version = if version.is_empty() { NEWEST_SDK } else { version };
        if fits(pattern, &format!("{family}{version}")) {
            return Match::Yes;
        }
        // The SDKs of devices other than the Mac have a second name (iPhoneOS 16.0 SDKSettings.json).
        let is_embedded = !matches!(family.as_str(), "macosx" | "driverkit");
        if is_embedded && fits(pattern, "embedded") {
            return Match::Fallback;
        }
        Match::No
    }
}

/// The conditions after a key, as parameter and pattern; `None` stands for a rest that can't be read.
fn each(conditions: &str) -> impl Iterator<Item = Option<(&str, &str)>> {
    let mut rest = conditions;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let condition = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (condition, after) = condition.unwrap_or_default();
        rest = after;
        Some(condition.split_once('='))
    })
}

/// Whether a pattern with `*`, `?`, and `[…]` covers a text, as swift-build's `fnmatch.swift` decides it.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` stands, and how far it reaches.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        let one = match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            Some('?') => Some(p + 1),
            Some('[') => match bracket(&pattern[p + 1..], text[t]) {
                Ok(length) => length.map(|length| p + 1 + length),
                Err(Malformed) => return false,
            },
            Some(c) => (*c == text[t]).then_some(p + 1),
            None => None,
        };
        if let Some(next) = one {
            p = next;
            t += 1;
        } else if let Some((at, reach)) = star {
            p = at + 1;
            t = reach + 1;
            star = Some((at, reach + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// A range without an end.
struct Malformed;

/// Whether the bracket expression that begins a pattern, behind its `[`, has the character: its length, where it has. A
/// `[` that nothing closes stands for itself.
fn bracket(pattern: &[char], c: char) -> Result<Option<usize>, Malformed> {
    if !pattern.contains(&']') {
        return Ok((c == '[').then_some(0));
    }
    let is_negated = pattern.first() == Some(&'!');
    let mut at = usize::from(is_negated);
    let mut has = false;
    while let Some(first) = pattern.get(at).filter(|first| **first != ']') {
        at += 1;
        if pattern.get(at) == Some(&'-')
            && let Some(last) = pattern.get(at + 1)
        {
            if *last == ']' {
                return Err(Malformed);
            }
            has |= (*first..=*last).contains(&c);
            at += 2;
        } else {
            has |= *first == c;
        }
    }
    Ok((has != is_negated).then_some(at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(sdk: &str, conditions: &str) -> Match {
        let context = Context {
            sdk,
            configuration: "Release",
            target: "App",
        };
        context.matches(conditions)
    }

    #[test]
    fn an_sdk_always_has_a_version() {
        assert_eq!(matched("iphoneos", "[sdk=iphoneos*]"), Match::Yes);
        assert_eq!(matched("iphoneos", "[sdk=iphone*]"), Match::Yes);
        assert_eq!(matched("iphoneos", "[sdk=iphoneos]"), Match::No);
        assert_eq!(matched("iphoneos26.0", "[sdk=iphoneos26.0]"), Match::Yes);
        assert_eq!(matched("/X/iPhoneOS18.2.sdk", "[sdk=iphoneos18.*]"), Match::Yes);
        assert_eq!(matched("macosx", "[sdk=iphoneos*]"), Match::No);
        assert_eq!(matched("", "[sdk=*]"), Match::Yes);
        assert_eq!(matched("watchos", "[sdk=embedded]"), Match::Fallback);
        assert_eq!(matched("macosx", "[sdk=embedded]"), Match::No);
    }

    #[test]
    fn all_conditions_must_hold_and_unknown_ones_never_do() {
        assert_eq!(matched("iphoneos", "[config=Rel*][sdk=iphoneos*]"), Match::Yes);
        assert_eq!(matched("iphoneos", "[config=Debug][sdk=iphoneos*]"), Match::No);
        assert_eq!(matched("iphoneos", "[target=App]"), Match::Yes);
        assert_eq!(matched("iphoneos", "[target=Other]"), Match::No);
        assert_eq!(matched("iphoneos", "[arch=*]"), Match::Yes);
        assert_eq!(matched("iphoneos", "[arch=arm64]"), Match::No);
        assert_eq!(matched("iphoneos", "[configuration=Release]"), Match::No);
        assert_eq!(matched("iphoneos", "[sdk=iphoneos*"), Match::No);
    }

    #[test]
    fn what_can_win_in_some_version_is_concerned() {
        let context = Context {
            sdk: "iphoneos",
            configuration: "Release",
            target: "App",
        };
        for (conditions, expected) in [
            ("[sdk=iphoneos*]", true),
            ("[sdk=*]", true),
            ("[sdk=iphoneos18.0]", true),
            ("[sdk=embedded]", true),
            ("[config=Release][sdk=iphoneos*]", true),
            ("[sdk=iphoneos*][arch=arm64]", true),
            ("[config=Debug][sdk=iphoneos*]", false),
            ("[sdk=macosx*]", false),
            ("[sdk=iphonesimulator*]", false),
            ("", false),
        ] {
            assert_eq!(context.concerns(conditions), expected, "{conditions}");
        }
    }

    #[test]
    fn a_pattern_with_a_version_depends_on_it_where_the_project_names_none() {
        for (sdk, conditions, expected) in [
            ("iphoneos", "[sdk=iphoneos26*]", true),
            ("iphoneos", "[config=Release][sdk=iphoneos26.0]", true),
            ("iphoneos", "[config=Debug][sdk=iphoneos26.0]", false),
            ("iphoneos", "[sdk=iphoneos*]", false),
            ("iphoneos", "[sdk=iphone*]", false),
            ("iphoneos", "[sdk=macosx26*]", false),
            ("iphoneos26.2", "[sdk=iphoneos26*]", false),
        ] {
            let context = Context {
                sdk,
                configuration: "Release",
                target: "App",
            };
            assert_eq!(
                context.depends_on_version(conditions),
                expected,
                "{sdk} {conditions}"
            );
        }
    }

    #[test]
    fn patterns_cover_the_whole_text() {
        assert!(fits("a*b?d", "axxbcd"));
        assert!(!fits("a*b", "axbc"));
        assert!(fits("**", ""));
        assert!(!fits("Debug", "debug"));
        for (pattern, text, expected) in [
            ("iphone[os]*", "iphoneos26.0", true),
            ("iphone[!s]*", "iphonesimulator26.0", false),
            ("[a-c]pp", "bpp", true),
            ("[a-c]pp", "dpp", false),
            ("*[0-9]", "x27", true),
            ("[x", "[x", true),
            ("[a-]", "a", false),
            ("[]", "]", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
