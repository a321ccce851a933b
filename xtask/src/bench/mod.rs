//! Measurements: of the real release binaries, against the sandbox on this machine.
//!
//! Machines are noisy, so figures are compared within one run, as ratios or medians.

mod project;
mod provisioning;
mod release;
mod session;
mod start;
mod upload;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use apple_sandbox::{Sandbox, tools};
use clap::Subcommand;

use crate::workspace;

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum What {
    /// How long fastlane and deliver take until fastlane starts
    Start,
    /// Requests, time and round trips of auto-provision-asc for 1 to 100 targets
    Provisioning,
    /// Start and warm run of auto-provision-apple-id
    Session,
    /// Requests and time of deliver's native engine for usual releases, beside fastlane's
    Release {
        /// Measure debug binaries
        #[arg(long)]
        debug: bool,
    },
    /// Throughput and memory of the native upload, beside curl
    Upload {
        /// The size of the package
        #[arg(default_value_t = 1000)]
        megabytes: u64,
        /// A folder with the binaries to measure, such as those of a release; built where it is not given
        #[arg(long)]
        binaries: Option<PathBuf>,
    },
}

/// Runs a benchmark and prints its table.
///
/// # Errors
/// When something can't be built or run.
pub(crate) fn bench(what: &What) -> anyhow::Result<()> {
    match what {
        What::Start => start::bench(),
        What::Provisioning => provisioning::bench(),
        What::Session => session::bench(),
        What::Release { debug } => release::bench(*debug),
        What::Upload { megabytes, binaries } => upload::bench(*megabytes, binaries.as_deref()),
    }
}

/// A place for runs of release binaries.
struct Lab {
    root: tempfile::TempDir,
    binaries: PathBuf,
}

impl Lab {
    fn new(packages: &[&str]) -> anyhow::Result<Self> {
        Self::built(packages, "release")
    }

    /// The same with debug binaries.
    fn debug(packages: &[&str]) -> anyhow::Result<Self> {
        Self::built(packages, "dev")
    }

    fn built(packages: &[&str], profile: &str) -> anyhow::Result<Self> {
        let mut cargo = workspace::cargo();
        cargo.args([
            "build",
            "--profile",
            profile,
            "--locked",
            "--quiet",
            "--package",
            "apple-sandbox",
        ]);
        packages.iter().for_each(|package| {
            cargo.args(["--package", package]);
        });
        if !cargo.status()?.success() {
            bail!("the binaries can't be built");
        }
        let folder = if profile == "dev" { "debug" } else { profile };
        Self::of(std::path::absolute(workspace::target().join(folder))?)
    }

    /// A place for runs of the binaries in a folder.
    fn of(binaries: PathBuf) -> anyhow::Result<Self> {
        let root = tempfile::Builder::new().prefix("apple-steps-bench-").tempdir()?;
        for folder in ["home/Library/Keychains", "tmp", "tools", "project"] {
            std::fs::create_dir_all(root.path().join(folder))?;
        }
        let lab = Self { root, binaries };
        tools::lay_out(&lab.path("tools/bin"), &lab.binaries.join("apple-sandbox"))?;
        Ok(lab)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// A run of a step that has not been started yet.
    fn step(&self, name: &str, sandbox: &Sandbox) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command
            .env_clear()
            .current_dir(self.path("project"))
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.path("tools/bin").display()),
            )
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env(tools::DIRECTORY, self.path("tools"))
            .env("BITRISE_KEYCHAIN_PASSWORD", "sandbox-keychain")
            .envs(sandbox.environment());
        command
    }

    /// A tool that is a shell script.
    fn script(&self, name: &str, text: &str) -> anyhow::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path("tools/bin").join(name);
        // A link to the stand-ins would be written through.
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n"))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        Ok(())
    }
}

/// The middle of some measurements.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Runs a command that must succeed, in silence.
fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().context("it can't be run")?;
    if !output.status.success() {
        bail!(
            "it failed:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn exists(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        Ok(())
    } else {
        bail!("{} is not there", path.display())
    }
}
