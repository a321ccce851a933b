//! Which Ruby is active, and who manages it.

use std::path::{Path, PathBuf};

use std::time::Duration;

use command::{Command, Runner};

use crate::{Error, SetupCause};

/// How long `ruby --version` may take.
const PROBE_LIMIT: Duration = Duration::from_secs(60);

/// Who installed the active Ruby. It decides what has to run after a gem was installed, and whether
/// installing needs `sudo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// The operating system: `/usr/bin/ruby`.
    System,
    /// Homebrew.
    Homebrew,
    /// RVM.
    Rvm,
    /// asdf.
    Asdf,
    /// rbenv.
    Rbenv,
    /// mise.
    Mise,
    /// Something else; gems are taken to be installable without further ado.
    Other,
}

impl std::fmt::Display for Manager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::System => "the operating system's",
            Self::Homebrew => "Homebrew's",
            Self::Rvm => "managed by RVM",
            Self::Asdf => "managed by asdf",
            Self::Rbenv => "managed by rbenv",
            Self::Mise => "managed by mise",
            Self::Other => "not managed by rbenv, asdf, or mise",
        })
    }
}

/// The active Ruby.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruby {
    /// Where it is.
    pub path: PathBuf,
    /// Who manages it.
    pub manager: Manager,
}

impl Ruby {
    /// The first `ruby` on the runner's `PATH`.
    pub fn find(runner: &Runner) -> Option<Self> {
        let path = runner.find("ruby")?;
        let manager = manager_of(&path, |program| runner.find(program).is_some());
        Some(Self { path, manager })
    }

    /// What `ruby --version` says in `directory`. A Ruby that runs and says nothing is fine.
    ///
    /// # Errors
    /// When the version manager reports why there is no Ruby to run in `directory`.
    pub async fn version(&self, runner: &Runner, directory: &Path) -> Result<Option<String>, Error> {
        let command = Command::new("ruby").arg("--version").current_dir(directory);
        let shown = command.printable();
        let Ok(output) = runner.output(command.timeout(PROBE_LIMIT)).await else {
            return Ok(None);
        };
        if output.success() {
            let version = output.stdout.trim();
            return Ok((!version.is_empty()).then(|| version.to_owned()));
        }
        let text = format!("{}\n{}", output.stdout, output.stderr);
        match SetupCause::find(&text, output.code()) {
            Some(_) => Err(Error::failed("ruby", shown, &output)),
            None => Ok(None),
        }
    }

    /// What makes freshly installed programs visible, where the manager needs that.
    pub(crate) fn after_install(&self) -> Option<Command> {
        match self.manager {
            Manager::Rbenv => Some(Command::new("rbenv").arg("rehash")),
            Manager::Asdf => Some(Command::new("asdf").args(["reshim", "ruby"])),
            Manager::System | Manager::Homebrew | Manager::Rvm | Manager::Mise | Manager::Other => None,
        }
    }

    /// Whether installing gems takes `sudo`: the system's gem folder belongs to root.
    pub(crate) fn needs_sudo(&self, runner: &Runner) -> bool {
        self.manager == Manager::System && !nix::unistd::geteuid().is_root() && runner.find("sudo").is_some()
    }
}

fn manager_of(ruby: &Path, is_installed: impl Fn(&str) -> bool) -> Manager {
    let text = ruby.to_string_lossy();
    match text.as_ref() {
        "/usr/bin/ruby" => Manager::System,
        path if ["/usr/local/bin/ruby", "/usr/local/opt/ruby/bin/ruby"].contains(&path)
            || path.starts_with("/opt/homebrew/") =>
        {
            Manager::Homebrew
        }
        _ if is_installed("rvm") => Manager::Rvm,
        path if path.contains(".asdf/shims/") && is_installed("asdf") => Manager::Asdf,
        path if path.contains("/mise/") && is_installed("mise") => Manager::Mise,
        _ if is_installed("rbenv") => Manager::Rbenv,
        path if path.contains("/shims/") && is_installed("asdf") => Manager::Asdf,
        _ => Manager::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_is_told_by_place_and_by_what_is_installed() {
        for (path, installed, expected) in [
            ("/usr/bin/ruby", &["rbenv"][..], Manager::System),
            ("/usr/local/bin/ruby", &["rbenv"], Manager::Homebrew),
            ("/opt/homebrew/opt/ruby/bin/ruby", &["rbenv"], Manager::Homebrew),
            ("/Users/x/.rbenv/shims/ruby", &["rbenv", "asdf"], Manager::Rbenv),
            ("/Users/x/.asdf/shims/ruby", &["rbenv", "asdf"], Manager::Asdf),
            ("/data/asdf/shims/ruby", &["asdf"], Manager::Asdf),
            (
                "/Users/x/.local/share/mise/installs/ruby/3.3.0/bin/ruby",
                &["mise", "rbenv"],
                Manager::Mise,
            ),
            ("/Users/x/.rvm/rubies/ruby-3.3.0/bin/ruby", &["rvm"], Manager::Rvm),
            ("/opt/ruby/bin/ruby", &[], Manager::Other),
        ] {
            assert_eq!(
                manager_of(Path::new(path), |program| installed.contains(&program)),
                expected,
                "{path}"
            );
        }
    }
}
