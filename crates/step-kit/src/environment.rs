//! A snapshot of the process environment, taken once and passed down as a value.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The environment of a run. Values that are not UTF-8 are kept for children and invisible here.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be secrets.
        f.debug_list().entries(self.variables.keys()).finish()
    }
}

impl Environment {
    /// The environment of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn of_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
        }
    }

    /// The value of a variable, `None` when it is not set or blank.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.given(key).filter(|value| !value.trim().is_empty())
    }

    /// The value of a variable that is set, blank or not.
    pub fn given(&self, key: &str) -> Option<&str> {
        self.variables
            .get(OsStr::new(key))
            .and_then(|value| value.to_str())
    }

    /// A variable that holds a path, `None` when it is not set or empty.
    pub fn path(&self, key: &str) -> Option<PathBuf> {
        self.variables
            .get(OsStr::new(key))
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    }

    /// Every variable.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables
            .iter()
            .map(|(key, value)| (key.as_os_str(), value.as_os_str()))
    }

    /// `text` with `$NAME` and `${NAME}` replaced, as Bitrise expands defaults; an unset name is nothing.
    pub fn expand(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            out.push_str(&rest[..dollar]);
            let after = &rest[dollar + 1..];
            let (name, end) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
                Some((name, _)) => (name, name.len() + 2),
                None => {
                    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
                    (&after[..end], end)
                }
            };
            if name.is_empty() {
                out.push('$');
            } else {
                out.push_str(self.given(name).unwrap_or_default());
            }
            rest = &after[end..];
        }
        out.push_str(rest);
        out
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(variables: T) -> Self {
        Self {
            variables: variables
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_expanded_as_bitrise_does() {
        let environment = Environment::from_iter([("HOME", "/Users/x"), ("EMPTY", "")]);
        assert_eq!(
            environment.expand("$HOME/a ${HOME}b $EMPTY$MISSING. 5$"),
            "/Users/x/a /Users/xb . 5$"
        );
    }

    #[test]
    fn blank_is_none_and_yet_given() {
        let environment = Environment::from_iter([("a", " "), ("b", "x")]);
        assert_eq!(
            (environment.get("a"), environment.given("a"), environment.get("b")),
            (None, Some(" "), Some("x"))
        );
    }
}
