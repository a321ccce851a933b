//! Why fastlane could not be made ready.

use std::path::PathBuf;

/// Why fastlane could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is not installed.
    #[error("{program} is not installed, or not on PATH")]
    Missing {
        /// The program.
        program: &'static str,
    },
    /// A program failed.
    #[error(transparent)]
    Command(#[from] command::Error),
    /// `bundle install` made no lock file.
    #[error("`bundle install` left no Gemfile.lock or gems.locked in {}", .0.display())]
    NoLockfile(PathBuf),
    /// The lock file can't be read.
    #[error(transparent)]
    Lock(#[from] crate::LockError),
}

impl Error {
    /// What a person should do.
    pub fn advice(&self) -> String {
        match self {
            Self::Missing { program: "ruby" } => "install Ruby (macOS: `brew install ruby`, Debian: `apt-get install ruby-full`, or a version manager such as rbenv, asdf or mise) before this step".to_owned(),
            Self::Missing { program: "fastlane" } => "let the step install it, add it to the Gemfile, or install it before this step (`gem install fastlane` or `brew install fastlane`)".to_owned(),
            Self::Missing { program } => format!("install {program}: it comes with Ruby, so look whether PATH has the folder of the active Ruby"),
            Self::NoLockfile(_) => "check the Gemfile: `bundle install` writes the lock file beside it, unless `bundle config` says otherwise".to_owned(),
            Self::Lock(_) => "make the lock file readable, or make it anew with `bundle lock`".to_owned(),
            Self::Command(error) => of_command(&error.to_string()),
        }
    }
}

/// Ruby's well-known complaints about gems.
fn of_command(text: &str) -> String {
    let known: [(&[&str], &str); 6] = [
        (
            &[
                "requires Ruby version",
                "requires ruby version",
                "required_ruby_version",
            ],
            "select a newer Ruby (rbenv, asdf or mise: `.ruby-version`), or pin an older version of that gem",
        ),
        (
            &[
                "Gem::FilePermissionError",
                "don't have write permissions",
                "Permission denied",
            ],
            "use a Ruby whose gem folder this user may write (rbenv, asdf, mise or Homebrew), or set GEM_HOME",
        ),
        (
            &["Could not find a valid gem", "Could not find gem"],
            "check the version: no such gem is published, or the gem source cannot be reached from here",
        ),
        (
            &[
                "Could not find compatible versions",
                "could not find compatible versions",
            ],
            "the Gemfile asks for versions that exclude each other: run `bundle update fastlane` and commit the lock file",
        ),
        (
            &["frozen", "deployment mode"],
            "the lock file does not match the Gemfile and may not be changed here: run `bundle install` on your machine and commit the lock file",
        ),
        (
            &["Failed to build gem native extension"],
            "a gem needs a compiler: install the Xcode command line tools, or `build-essential` and `ruby-dev` on Linux",
        ),
    ];
    known
        .iter()
        .find(|(patterns, _)| patterns.iter().any(|pattern| text.contains(pattern)))
        .map_or_else(
            || "look at the lines above for the reason; gem servers that cannot be reached are worth a rebuild".to_owned(),
            |(_, advice)| (*advice).to_owned(),
        )
}
