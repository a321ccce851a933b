//! Installing gems, and not installing them where nothing is missing.

use std::path::Path;
use std::time::Duration;

use command::{Command, Output, Runner};
use step_kit::Log;

use crate::{Error, Launcher, Lockfile, Ruby};

/// How often an installation is tried.
const ATTEMPTS: u32 = 3;

/// The first pause between two tries; it doubles.
const PAUSE: Duration = Duration::from_millis(500);

/// A probe that answers "installed or not" must not hang the build.
const PROBE_LIMIT: Duration = Duration::from_secs(60);

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
    /// All.
    Any,
}

/// Installs gems for the active Ruby.
#[derive(Debug)]
pub struct Gems<'a> {
    /// What runs programs.
    pub runner: &'a Runner,
    /// Where progress goes.
    pub log: &'a Log,
    /// The active Ruby.
    pub ruby: &'a Ruby,
    /// Where programs run.
    pub directory: &'a Path,
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
            self.log
                .plain(format!("fastlane {version} is installed already."));
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
        let launcher = Launcher::bundled(bundler, self.directory);
        let probe = self.bundle(bundler, &["check"]);
        if self.succeeds(probe).await {
            self.log
                .plain("Bundler and every gem of the lock file are installed already.");
            return Ok(launcher);
        }
        if self.is_installed("bundler", bundler).await {
            self.log.plain("Bundler is installed already.");
        } else {
            let mut arguments = vec!["install", "bundler", "--no-document"];
            if let Some(version) = bundler {
                arguments.extend(["-v", version]);
            }
            // A Bundler that Ruby brought along owns the program's name.
            arguments.push("--force");
            self.install(&arguments, rehash).await?;
        }
        let install = self.bundle(bundler, &["install", "--jobs", "20", "--retry", "5"]);
        self.run("bundle", install).await?;
        Ok(launcher)
    }

    /// Resolves and installs the Gemfile of a directory that has no lock file yet.
    ///
    /// # Errors
    /// When it fails, or leaves no lock file.
    pub async fn resolve_gemfile(&self) -> Result<Lockfile, Error> {
        self.run("bundle", Command::new("bundle").arg("install")).await?;
        Lockfile::find(self.directory)?.ok_or_else(|| Error::NoLockfile(self.directory.to_owned()))
    }

    fn bundle(&self, version: Option<&str>, arguments: &[&str]) -> Command {
        let writes = arguments.first() == Some(&"install");
        let mut command = self.privileged("bundle", writes);
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
        let mut attempt = 1;
        loop {
            let error = match self.install_once(arguments, rehash).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let again = match &error {
                Error::Missing { .. } => false,
                error => self.retry == Retry::Any || is_network(&error.to_string()),
            };
            if !again || attempt == ATTEMPTS {
                return Err(error);
            }
            self.log
                .warn(format!("Attempt {attempt} of {ATTEMPTS} failed; trying again."));
            tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
            attempt += 1;
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

    /// Runs a program with its output in the log; a failure quotes the end of that.
    async fn run(&self, program: &'static str, command: Command) -> Result<(), Error> {
        let shown = command.printable();
        self.log.plain(format!("$ {shown}"));
        let log = self.log;
        let output = self
            .runner
            .stream(command.current_dir(self.directory), |line| log.output(line.text))
            .await
            .map_err(|error| match error {
                command::Error::NotFound { .. } => Error::Missing { program },
                other => Error::Command(other),
            })?;
        ended_well(shown, &output)
    }
}

fn ended_well(command: String, output: &Output) -> Result<(), Error> {
    if output.success() {
        return Ok(());
    }
    Err(Error::Command(command::Error::Failed {
        command,
        status: output.code(),
        output: output.last_lines(5),
    }))
}

/// Whether a failed installation looks like the network's fault, in the words of RubyGems and Bundler.
fn is_network(text: &str) -> bool {
    const WORDS: [&str; 16] = [
        "Errno::ECONN",
        "Errno::ETIMEDOUT",
        "Errno::EHOSTUNREACH",
        "Net::OpenTimeout",
        "Net::ReadTimeout",
        "SocketError",
        "Socket::ResolutionError",
        "OpenSSL::SSL::SSLError",
        "Gem::RemoteFetcher",
        "Bundler::HTTPError",
        "Could not reach host",
        "Could not resolve",
        "getaddrinfo",
        "bad response",
        "timed out",
        "execution expired",
    ];
    WORDS.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_networks_faults_are_told_from_others() {
        for text in [
            "ERROR:  While executing gem ... (Gem::RemoteFetcher::FetchError)\n    bad response Service Unavailable 503",
            "SocketError: Failed to open TCP connection to rubygems.org:443 (getaddrinfo: nodename nor servname provided)",
            "Net::OpenTimeout: execution expired",
        ] {
            assert!(is_network(text), "{text}");
        }
        assert!(!is_network(
            "ERROR:  Error installing fastlane: requires Ruby version >= 2.6"
        ));
    }
}
