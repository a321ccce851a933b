//! How fastlane is started.

use std::path::{Path, PathBuf};

use command::{Command, Runner};

use crate::{Error, Reporter};

/// How fastlane is started: by its name, or through Bundler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launcher {
    words: Vec<String>,
    directory: PathBuf,
    gemfile: Option<PathBuf>,
}

impl Launcher {
    /// The installed fastlane, in one of its versions where `version` says so.
    pub fn installed(version: Option<&str>, directory: &Path) -> Self {
        let mut words = vec!["fastlane".to_owned()];
        words.extend(version.map(|version| format!("_{version}_")));
        Self {
            words,
            directory: directory.to_owned(),
            gemfile: None,
        }
    }

    /// The fastlane of the Gemfile in `directory`, through the given version of Bundler or any.
    pub fn bundled(bundler: Option<&str>, directory: &Path) -> Self {
        let mut words = vec!["bundle".to_owned()];
        words.extend(bundler.map(|version| format!("_{version}_")));
        words.extend(["exec".to_owned(), "fastlane".to_owned()]);
        Self {
            words,
            directory: directory.to_owned(),
            gemfile: None,
        }
    }

    /// The same with a Gemfile that Bundler would not find by itself.
    #[must_use]
    pub fn with_gemfile(mut self, gemfile: Option<&Path>) -> Self {
        self.gemfile = gemfile.map(Path::to_owned);
        self
    }

    /// Whether fastlane runs through Bundler.
    pub fn is_bundled(&self) -> bool {
        self.program() == "bundle"
    }

    /// The program that is looked up on `PATH`.
    fn program(&self) -> &str {
        self.words.first().map(String::as_str).unwrap_or_default()
    }

    /// Shows which fastlane it is, which is also the proof that it can be started, and returns its version where it
    /// says one.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub async fn show_version(
        &self,
        runner: &Runner,
        reporter: &dyn Reporter,
    ) -> Result<Option<String>, Error> {
        let command = self.command(["--version"]);
        let shown = command.printable();
        reporter.info(&format!("$ {shown}"));
        let output = runner
            .stream(command, |line| reporter.output(line.text))
            .await
            .map_err(|error| match error {
                command::Error::NotFound { .. } if self.program() == "fastlane" => {
                    Error::Missing { program: "fastlane" }
                }
                other => Error::Command(other),
            })?;
        if output.success() {
            return Ok(version_of(&output.stdout));
        }
        let program = if self.is_bundled() { "bundle" } else { "fastlane" };
        Err(Error::failed(program, shown, &output))
    }

    /// Fastlane with these arguments. It asks nothing, reports nothing and does not look for newer versions of
    /// itself: a build has nobody to answer, and the network is for what the user asked for.
    pub fn command<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut words = self.words.iter();
        let program = words.next().cloned().unwrap_or_default();
        let mut command = Command::new(program).args(words);
        for argument in arguments {
            command = command.arg(argument.as_ref());
        }
        if let Some(gemfile) = &self.gemfile {
            command = command.env("BUNDLE_GEMFILE", gemfile);
        }
        command
            .current_dir(&self.directory)
            .env("FASTLANE_OPT_OUT_USAGE", "1")
            .env("FASTLANE_SKIP_UPDATE_CHECK", "1")
    }
}

/// The version in `fastlane 2.228.0`, the last line of what fastlane prints.
fn version_of(text: &str) -> Option<String> {
    let version = text.lines().rev().find_map(|line| {
        let mut words = line.trim().strip_prefix("fastlane ")?.split_whitespace();
        words
            .next()
            .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
    })?;
    Some(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_last_that_is_named() {
        for (text, expected) in [
            (
                "fastlane installation at path:\n/gems/fastlane-2.1/bin/fastlane\n-----\nfastlane 2.228.0\n",
                Some("2.228.0"),
            ),
            ("fastlane 2.230.0 (the sandbox's stand-in)\n", Some("2.230.0")),
            ("[09:00:00]: fastlane is on PATH\n", None),
        ] {
            assert_eq!(version_of(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn each_way_has_its_command_line() {
        let here = Path::new("/work");
        for (launcher, expected) in [
            (Launcher::installed(None, here), "fastlane ios beta"),
            (
                Launcher::installed(Some("2.210.1"), here),
                "fastlane _2.210.1_ ios beta",
            ),
            (Launcher::bundled(None, here), "bundle exec fastlane ios beta"),
            (
                Launcher::bundled(Some("2.3.26"), here),
                "bundle _2.3.26_ exec fastlane ios beta",
            ),
        ] {
            assert_eq!(launcher.command(["ios", "beta"]).printable(), expected);
        }
    }
}
