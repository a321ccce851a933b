//! Runs child processes: streamed, redacted, timed, and killed as a group.
//!
//! A [`Command`] says what to run; a [`Runner`] runs it with the environment and the redactor of the
//! current run. What to run is decided elsewhere.

mod error;
mod group;
mod output;
mod runner;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

pub use error::Error;
pub use output::{Line, Output, Source};
pub use runner::Runner;

/// How long a child may run where nothing else is said: longer than any tool that answers a question needs, and short
/// enough that a build whose tool hangs says which one.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// A program with its arguments, environment and limits.
#[derive(Debug, Clone)]
pub struct Command {
    program: OsString,
    args: Vec<Arg>,
    changes: Vec<(OsString, Option<OsString>)>,
    clear_environment: bool,
    directory: Option<PathBuf>,
    stdin: Option<Vec<u8>>,
    timeout: Option<Duration>,
    silence_timeout: Option<Duration>,
    secrets: Vec<SecretString>,
}

#[derive(Debug, Clone)]
enum Arg {
    Plain(OsString),
    Secret(SecretString),
}

impl Command {
    /// Runs `program`, looked up on the runner's `PATH` unless it holds a slash, for [`PATIENCE`] at most.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            changes: Vec::new(),
            clear_environment: false,
            directory: None,
            stdin: None,
            timeout: Some(PATIENCE),
            silence_timeout: None,
            secrets: Vec::new(),
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(Arg::Plain(arg.as_ref().to_owned()));
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| Arg::Plain(arg.as_ref().to_owned())));
        self
    }

    /// Adds an argument that is masked wherever the command is shown. Other users of the machine can still
    /// see it in the process list: prefer the environment or standard input where the program takes those.
    #[must_use]
    pub fn secret_arg(mut self, arg: &SecretString) -> Self {
        self.args.push(Arg::Secret(arg.clone()));
        self.secrets.push(arg.clone());
        self
    }

    /// Sets a variable of the child.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.changes
            .push((key.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Sets several variables of the child.
    #[must_use]
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        for (key, value) in variables {
            self = self.env(key, value);
        }
        self
    }

    /// Sets a variable whose value the redactor learns.
    #[must_use]
    pub fn secret_env(mut self, key: impl AsRef<OsStr>, value: &SecretString) -> Self {
        self.secrets.push(value.clone());
        self.env(key, value.expose_secret())
    }

    /// Takes a variable away from the child.
    #[must_use]
    pub fn env_remove(mut self, key: impl AsRef<OsStr>) -> Self {
        self.changes.push((key.as_ref().to_owned(), None));
        self
    }

    /// Starts from an empty environment instead of the runner's.
    #[must_use]
    pub fn env_clear(mut self) -> Self {
        self.clear_environment = true;
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Gives the child this standard input; without it the child reads nothing.
    #[must_use]
    pub fn stdin_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Ends the child's group when it runs longer than this: with SIGTERM, and with SIGKILL where that does not help.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Lets the child run as long as it likes: for lanes and uploads, whose limits are the user's.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.timeout = None;
        self
    }

    /// Ends the child's group as [`Command::timeout`] does when it prints nothing for this long.
    #[must_use]
    pub fn silence_timeout(mut self, limit: Duration) -> Self {
        self.silence_timeout = Some(limit);
        self
    }

    /// The command line as a person would type it, secrets masked.
    pub fn printable(&self) -> String {
        let mut words = vec![quoted(&self.program.to_string_lossy())];
        words.extend(self.args.iter().map(|arg| match arg {
            Arg::Plain(arg) => quoted(&arg.to_string_lossy()),
            Arg::Secret(_) => redaction::MASK.to_owned(),
        }));
        words.join(" ")
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed_without_its_secrets() {
        let command = Command::new("security")
            .args(["unlock-keychain", "-p"])
            .secret_arg(&"s3cret".into())
            .arg("/a path/x.keychain");
        assert_eq!(
            command.printable(),
            "security unlock-keychain -p [REDACTED] '/a path/x.keychain'"
        );
    }
}
