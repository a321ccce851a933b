//! Installing gems, and not installing them where nothing is missing.

use std::path::Path;
use std::time::Duration;

use command::{Command, Runner};
use transport::Backoff;

use crate::{Error, Gemfile, Launcher, Lockfile, Reporter, Ruby};

/// How often an installation is tried.
const ATTEMPTS: u32 = 3;

/// The first pause between two tries; it doubles.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(4),
};

/// A probe that answers "installed or not" must not hang the build.
const PROBE_LIMIT: Duration = Duration::from_secs(60);

/// Longer than any installation of gems takes, also where they are compiled on a slow machine.
const INSTALL_LIMIT: Duration = Duration::from_secs(3600);

/// Which version of a gem is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// The newest.
    Newest,
    /// The newest, release candidates included.
    NewestOrPrerelease,
    /// This one.
    Exactly(&'a str),
}

/// Which failures of an installation are worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Those of the network.
    Network,
    /// Those of the network and those whose cause is not known.
    NetworkOrUnknown,
}

/// Installs gems for the active Ruby.
pub struct Gems<'a> {
    /// What runs programs.
    pub runner: &'a Runner,
    /// Where progress goes.
    pub reporter: &'a dyn Reporter,
    /// The active Ruby.
    pub ruby: &'a Ruby,
    /// Where programs run.
    pub directory: &'a Path,
    /// The Gemfile, where Bundler would not find it by itself.
    pub gemfile: Option<&'a Path>,
    /// What is tried again.
    pub retry: Retry,
}

impl Gems<'_> {
    /// Installs fastlane, unless the exact version that is wanted is there.
    ///
    /// # Errors
    /// When it can't be installed.
    pub async fn install_fastlane(&self, wanted: Wanted<'_>) -> Result<(), Error> {
        if let Wanted::Exactly(version) = wanted
            && self.is_installed("fastlane", Some(version)).await
        {
            self.reporter
                .info(&format!("fastlane {version} is installed already."));
            return Ok(());
        }
        let mut arguments = vec!["install", "fastlane", "--no-document"];
        match wanted {
            Wanted::Newest => {}
            Wanted::NewestOrPrerelease => arguments.push("--prerelease"),
            Wanted::Exactly(version) => arguments.extend(["-v", version]),
        }
        self.install(&arguments, true).await
    }

    /// Makes the gems of a lock file ready and says how its fastlane is started. Nothing is installed when
    /// nothing is missing. `rehash` says whether the version manager has to hear of a new Bundler.
    ///
    /// # Errors
    /// When a gem can't be installed.
    pub async fn install_bundle(&self, lock: &Lockfile, rehash: bool) -> Result<Launcher, Error> {
        let bundler = lock.bundled_with.as_deref();
        let launcher = Launcher::bundled(bundler, self.directory).with_gemfile(self.gemfile);
        let probe = self.bundle(bundler, &["check"]);
        if self.succeeds(probe).await {
            self.reporter
                .info("Bundler and every gem of the lock file are installed already.");
            return Ok(launcher);
        }
        if self.is_installed("bundler", bundler).await {
            self.reporter.info("Bundler is installed already.");
        } else {
            let mut arguments = vec!["install", "bundler", "--no-document"];
            if let Some(version) = bundler {
                arguments.extend(["-v", version]);
            }
            // A Bundler that Ruby brought along owns the program's name.
            arguments.push("--force");
            self.install(&arguments, rehash).await?;
        }
        self.retried(|| async {
            let install = self.bundle(bundler, &["install", "--jobs", "20", "--retry", "5"]);
            self.run("bundle", install).await
        })
        .await?;
        Ok(launcher)
    }

    /// Resolves and installs a Gemfile that has no lock file yet.
    ///
    /// # Errors
    /// When it fails, or leaves no lock file.
    pub async fn resolve(&self, gemfile: &Gemfile) -> Result<Lockfile, Error> {
        self.run("bundle", self.with_gemfile(Command::new("bundle").arg("install")))
            .await?;
        let path = gemfile.lock_path();
        Lockfile::read(&path)?.ok_or(Error::NoLockfile(path))
    }

    fn with_gemfile(&self, command: Command) -> Command {
        match self.gemfile {
            Some(gemfile) => command.env("BUNDLE_GEMFILE", gemfile),
            None => command,
        }
    }

    fn bundle(&self, version: Option<&str>, arguments: &[&str]) -> Command {
        let writes = arguments.first() == Some(&"install");
        let mut command = self.with_gemfile(self.privileged("bundle", writes));
        if let Some(version) = version {
            command = command.arg(format!("_{version}_"));
        }
        command.args(arguments)
    }

    fn privileged(&self, program: &str, writes: bool) -> Command {
        if writes && self.ruby.needs_sudo(self.runner) {
            Command::new("sudo").arg(program)
        } else {
            Command::new(program)
        }
    }

    async fn is_installed(&self, gem: &str, version: Option<&str>) -> bool {
        let mut command = Command::new("gem").args(["list", "--installed", "--exact", gem]);
        if let Some(version) = version {
            command = command.args(["--version", version]);
        }
        self.succeeds(command).await
    }

    /// Whether a probe that changes nothing says yes; one that can't be run says no.
    async fn succeeds(&self, probe: Command) -> bool {
        let probe = probe.current_dir(self.directory).timeout(PROBE_LIMIT);
        self.runner
            .output(probe)
            .await
            .is_ok_and(|output| output.success())
    }

    async fn install(&self, arguments: &[&str], rehash: bool) -> Result<(), Error> {
        self.retried(|| self.install_once(arguments, rehash)).await
    }

    /// Repeats what failed for a reason that may pass.
    async fn retried<F>(&self, work: impl Fn() -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        let mut attempt = 1;
        loop {
            let error = match work().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if attempt == ATTEMPTS || !self.is_worth_another_try(&error) {
                return Err(error);
            }
            self.reporter
                .warn(&format!("Attempt {attempt} of {ATTEMPTS} failed; trying again."));
            tokio::time::sleep(BACKOFF.random(attempt)).await;
            attempt += 1;
        }
    }

    fn is_worth_another_try(&self, error: &Error) -> bool {
        match error {
            Error::Failed {
                cause: Some(cause), ..
            } => cause.is_transient(),
            Error::Failed { cause: None, .. } => self.retry == Retry::NetworkOrUnknown,
            _ => false,
        }
    }

    async fn install_once(&self, arguments: &[&str], rehash: bool) -> Result<(), Error> {
        let install = self.privileged("gem", true).args(arguments);
        self.run("gem", install).await?;
        match self.ruby.after_install() {
            Some(command) if rehash => self.run("ruby", command).await,
            _ => Ok(()),
        }
    }

    /// Runs a program with its output in the log; a failure names its cause, or quotes the end of that.
    async fn run(&self, program: &'static str, command: Command) -> Result<(), Error> {
        let shown = command.printable();
        self.reporter.info(&format!("$ {shown}"));
        let reporter = self.reporter;
        let output = self
            .runner
            .stream(
                command.current_dir(self.directory).timeout(INSTALL_LIMIT),
                |line| reporter.output(line.text),
            )
            .await
            .map_err(|error| match error {
                command::Error::NotFound { .. } => Error::Missing { program },
                other => Error::Command(other),
            })?;
        if output.success() {
            return Ok(());
        }
        Err(Error::failed(program, shown, &output))
    }
}
