//! Measurements: of the real release binaries, against the sandbox on this machine.
//!
//! Machines are noisy, so figures are compared within one run, as ratios or medians.

mod project;
mod provisioning;
mod session;
mod start;
mod upload;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use apple_sandbox::{Sandbox, tools};

use crate::steps;

const USAGE: &str = "usage: cargo xtask bench start | provisioning | session | upload [MEGABYTES]

  start          how long fastlane and deliver take until fastlane starts
  provisioning   requests, time and round trips of auto-provision-asc for 1 to 100 targets
  session        start and warm run of auto-provision-apple-id
  upload         throughput and memory of the native upload, beside curl";

/// Runs a benchmark and prints its table.
///
/// # Errors
/// When something can't be built or run.
pub(crate) fn bench(arguments: &[String]) -> anyhow::Result<()> {
    match arguments.first().map(String::as_str) {
        Some("start") => start::bench(),
        Some("provisioning") => provisioning::bench(),
        Some("session") => session::bench(),
        Some("upload") => upload::bench(arguments.get(1).map_or(Ok(1000), |text| text.parse())?),
        _ => bail!(USAGE),
    }
}

/// A place for runs of release binaries.
struct Lab {
    root: tempfile::TempDir,
    binaries: PathBuf,
}

impl Lab {
    fn new(packages: &[&str]) -> anyhow::Result<Self> {
        let mut cargo = crate::cargo();
        cargo.args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--package",
            "apple-sandbox",
        ]);
        packages.iter().for_each(|package| {
            cargo.args(["--package", package]);
        });
        if !cargo.current_dir(steps::root()).status()?.success() {
            bail!("the release binaries can't be built");
        }
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| steps::root().join("target"), PathBuf::from);
        let root = tempfile::Builder::new().prefix("apple-steps-bench-").tempdir()?;
        for folder in ["home/Library/Keychains", "tmp", "tools", "project"] {
            std::fs::create_dir_all(root.path().join(folder))?;
        }
        let lab = Self {
            root,
            binaries: target.join("release"),
        };
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
