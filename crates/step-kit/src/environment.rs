//! A snapshot of the process environment, taken once and passed down as a value.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The variable that names Bitrise's file of large values.
const ENVFILE: &str = "BITRISEIO_ENVFILE_PATH";

/// The file of large values is not read when it is larger than this, in bytes.
const ENVFILE_LIMIT: u64 = 64 << 20;

/// The environment of a run. Values that are not UTF-8 are kept for children and invisible here.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    /// Values that were too large for the environment, from Bitrise's file. Children do not get them: starting one would
    /// fail, for the same reason.
    restored: BTreeMap<String, String>,
    erased: Vec<String>,
    /// Why Bitrise's file of large values could not be read.
    unrestored: Option<EnvFileError>,
}

/// Why Bitrise's file of large values could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{}` (named by {ENVFILE}) can't be read: {reason}", path.display())]
pub struct EnvFileError {
    path: PathBuf,
    reason: String,
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
        let mut variables: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        // Without it, `$HOME/Library` would be a folder at the root, and a home of everybody's.
        if variables
            .get(OsStr::new("HOME"))
            .is_none_or(|home| home.is_empty())
            && let Ok(Some(user)) = nix::unistd::User::from_uid(nix::unistd::geteuid())
        {
            variables.insert("HOME".into(), user.dir.into_os_string());
        }
        Self {
            variables,
            ..Self::default()
        }
    }

    /// Takes in the values that Bitrise removed from the environment because they are too large for a new process.
    ///
    /// Source: `envfile/envfile.go` of the Bitrise CLI (July 2026): the agent empties such variables and writes their
    /// values to a YAML file under `envs`, and their names under `erased_envs`.
    ///
    /// A file that is named and can't be read is remembered: see [`Environment::unrestored`].
    pub fn restore_erased(&mut self) {
        let Some(path) = self.path(ENVFILE) else {
            return;
        };
        let document = match read_envfile(&path) {
            Ok(document) => document,
            Err(reason) => {
                self.unrestored = Some(EnvFileError { path, reason });
                return;
            }
        };
        let names = document.get("erased_envs").map(step_yaml::Value::items);
        self.erased = names
            .unwrap_or_default()
            .iter()
            .map(step_yaml::Value::text)
            .filter(|name| !name.is_empty())
            .collect();
        let values = document.get("envs").and_then(step_yaml::Value::as_mapping);
        for (key, value) in values.into_iter().flat_map(step_yaml::Mapping::iter) {
            let text = value.text();
            if self.given(key).unwrap_or_default().is_empty() && !text.is_empty() {
                self.restored.insert(key.to_owned(), text);
            }
        }
    }

    /// Why values that Bitrise removed because of their size can't be had, where that is so.
    pub fn unrestored(&self) -> Option<&EnvFileError> {
        self.unrestored.as_ref()
    }

    /// The names of variables that Bitrise removed because of their size, whether or not their values were found.
    pub fn erased(&self) -> &[String] {
        &self.erased
    }

    /// The value of a variable, `None` when it is not set or blank.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.given(key).filter(|value| !value.trim().is_empty())
    }

    /// The value of a variable that is set, blank or not.
    pub fn given(&self, key: &str) -> Option<&str> {
        let value = self
            .variables
            .get(OsStr::new(key))
            .and_then(|value| value.to_str());
        match value {
            None | Some("") => self.restored.get(key).map(String::as_str).or(value),
            value => value,
        }
    }

    /// Every value that is text, those from Bitrise's file of large values too.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let variables = self.variables.values().filter_map(|value| value.to_str());
        variables.chain(self.restored.values().map(String::as_str))
    }

    /// A variable that holds a path, `None` when it is not set or empty.
    pub fn path(&self, key: &str) -> Option<PathBuf> {
        self.variables
            .get(OsStr::new(key))
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    }

    /// Where temporary files go: `TMPDIR`, else `/tmp`.
    pub(crate) fn temp_dir(&self) -> PathBuf {
        self.path("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"))
    }

    /// Every variable, as children get it.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables
            .iter()
            .map(|(key, value)| (key.as_os_str(), value.as_os_str()))
    }

    /// `text` with `$NAME` and `${NAME}` replaced, as Bitrise expands defaults; an unset name is nothing.
    pub fn expand(&self, text: &str) -> String {
        expand(text, |name| self.given(name).unwrap_or_default())
    }

    /// Whether `text` refers to a variable that was too large for the environment: the CLI, which has no value for it,
    /// expanded it to nothing.
    pub(crate) fn expands_to_erased(&self, text: &str) -> bool {
        self.restored.keys().any(|name| refers_to(text, name))
    }
}

/// Whether `text` refers to the variable `name`.
pub(crate) fn refers_to(text: &str, name: &str) -> bool {
    let mut found = false;
    expand(text, |used| {
        found |= used == name;
        ""
    });
    found
}

fn read_envfile(path: &Path) -> Result<step_yaml::Value, String> {
    let text = files::read_text(path, ENVFILE_LIMIT).map_err(|error| error.to_string())?;
    // A syntax error would quote the text around it, which may be a secret.
    let document = step_yaml::read(&text).map_err(|error| error.to_string())?;
    // What is no such file must not count as one without values.
    let is_list =
        |value: &step_yaml::Value| matches!(value, step_yaml::Value::Null | step_yaml::Value::Sequence(_));
    let is_table =
        |value: &step_yaml::Value| matches!(value, step_yaml::Value::Null | step_yaml::Value::Mapping(_));
    if !is_table(&document) || !document.get("envs").is_none_or(is_table) {
        return Err("it has no table of variables under `envs`".to_owned());
    }
    if !document.get("erased_envs").is_none_or(is_list) {
        return Err("it has no list of names under `erased_envs`".to_owned());
    }
    Ok(document)
}

fn expand<'a>(text: &str, mut value: impl FnMut(&str) -> &'a str) -> String {
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
            out.push_str(value(name));
        }
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(variables: T) -> Self {
        Self {
            variables: variables
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
            ..Self::default()
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

    fn with_file(content: &str, variables: &[(&str, &str)]) -> (Result<(), EnvFileError>, Environment) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("envs.yml");
        std::fs::write(&path, content).unwrap();
        let mut environment: Environment = variables.iter().copied().collect();
        environment
            .variables
            .insert(ENVFILE.into(), path.into_os_string());
        environment.restore_erased();
        (environment.unrestored.clone().map_or(Ok(()), Err), environment)
    }

    // The shape is that of `EnvFile` in the CLI's envfile.go.
    #[test]
    fn values_too_large_for_the_environment_come_from_bitrises_file() {
        let file = "envs:\n  BIG: |-\n    line 1\n    line 2\n  SET: from the file\n  NUMBER: \"012\"\nerased_envs:\n- BIG\n- GONE\n";
        let (read, environment) = with_file(file, &[("BIG", ""), ("SET", "from the environment")]);
        read.unwrap();
        assert_eq!(environment.given("BIG"), Some("line 1\nline 2"));
        assert_eq!(environment.given("SET"), Some("from the environment"));
        assert_eq!(environment.given("NUMBER"), Some("012"));
        assert_eq!(environment.erased(), ["BIG", "GONE"]);
        assert!(environment.expands_to_erased("a ${BIG}") && !environment.expands_to_erased("$SET"));
        // Children could not be started with them.
        assert!(
            environment
                .iter()
                .all(|(key, value)| key != "BIG" || value.is_empty())
        );
    }

    #[test]
    fn a_broken_file_of_large_values_is_an_error_without_its_content() {
        let (read, environment) = with_file("envs: {KEY: 's3cret", &[]);
        let text = read.unwrap_err().to_string();
        assert!(text.contains(ENVFILE) && !text.contains("s3cret"), "{text}");
        assert_eq!(environment.given("KEY"), None);
        for (variable, is_fine) in [
            (Some("/nowhere/envs.yml"), false),
            (Some("/"), false),
            (Some(""), true),
            (None, true),
        ] {
            let mut environment: Environment = variable.map(|path| (ENVFILE, path)).into_iter().collect();
            environment.restore_erased();
            assert_eq!(environment.unrestored().is_none(), is_fine, "{variable:?}");
        }
    }

    #[test]
    fn what_is_no_file_of_large_values_is_not_taken_for_an_empty_one() {
        for (content, is_fine) in [
            ("", true),
            ("envs: {}\nerased_envs: []\n", true),
            ("envs:\nerased_envs:\n", true),
            ("{\"envs\": {\"A\": \"x\"}}", true),
            ("large values", false),
            ("- A", false),
            ("envs:\n- A: x\n", false),
            ("erased_envs: A\n", false),
            ("envs: A\n", false),
        ] {
            assert_eq!(with_file(content, &[]).0.is_ok(), is_fine, "{content}");
        }
    }
}
