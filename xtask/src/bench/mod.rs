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
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use apple_sandbox::{Fault, Kind, Sandbox, tools};
use clap::Subcommand;

use crate::workspace;

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum What {
    /// How long fastlane and deliver take until fastlane starts
    Start(Binaries),
    /// Requests, time and round trips of auto-provision-asc for 1 to 100 targets, and a warm run with Xcode's tools
    Provisioning(Binaries),
    /// Start and warm run of auto-provision-apple-id
    Session(Binaries),
    /// Requests and time of deliver's native engine for usual releases, beside fastlane's
    Release(Binaries),
    /// Throughput and memory of the native upload, beside curl
    Upload {
        /// The size of the package
        #[arg(default_value_t = 1000)]
        megabytes: u64,
        #[command(flatten)]
        binaries: Binaries,
    },
}

/// Whose time is taken.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub(crate) struct Binaries {
    /// Measure debug binaries instead of release ones
    #[arg(long)]
    debug: bool,
    /// Measure the binaries in this folder as well, such as target/x86_64-unknown-linux-gnu/small
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
}

/// Runs a benchmark and prints its table.
///
/// # Errors
/// When something can't be built or run.
pub(crate) fn bench(what: &What) -> anyhow::Result<()> {
    match what {
        What::Start(binaries) => start::bench(binaries),
        What::Provisioning(binaries) => provisioning::bench(binaries),
        What::Session(binaries) => session::bench(binaries),
        What::Release(binaries) => release::bench(binaries),
        What::Upload { megabytes, binaries } => upload::bench(*megabytes, binaries),
    }
}

/// A place for runs of binaries.
struct Lab {
    /// What the tables call the binaries.
    label: String,
    root: tempfile::TempDir,
    binaries: PathBuf,
}

impl Binaries {
    /// A place for each kind of binaries: those built now, and those of the folder. Measured in turns, they meet the same
    /// noise.
    fn labs(&self, packages: &[&str]) -> anyhow::Result<Vec<Lab>> {
        let (label, profile, folder) = if self.debug {
            ("debug", "dev", "debug")
        } else {
            ("release", "release", "release")
        };
        let mut cargo = workspace::cargo();
        cargo.args(["build", "--profile", profile, "--locked", "--quiet"]);
        for package in packages.iter().chain(&["apple-sandbox"]) {
            cargo.args(["--package", package]);
        }
        ensure!(cargo.status()?.success(), "the binaries can't be built");
        let built = std::path::absolute(workspace::target().join(folder))?;
        let tools = built.join("apple-sandbox");
        let mut labs = vec![Lab::new(label, built, &tools)?];
        if let Some(folder) = &self.binaries {
            let folder = folder
                .canonicalize()
                .with_context(|| folder.display().to_string())?;
            for package in packages {
                let binary = folder.join(package);
                ensure!(binary.is_file(), "{} is not there", binary.display());
            }
            let name = folder.file_name().unwrap_or(folder.as_os_str());
            let label = name.to_string_lossy().into_owned();
            labs.push(Lab::new(&label, folder, &tools)?);
        }
        Ok(labs)
    }
}

impl Lab {
    fn new(label: &str, binaries: PathBuf, sandbox: &Path) -> anyhow::Result<Self> {
        let root = tempfile::Builder::new().prefix("apple-steps-bench-").tempdir()?;
        for folder in ["home/Library/Keychains", "tmp", "tools", "project"] {
            std::fs::create_dir_all(root.path().join(folder))?;
        }
        let lab = Self {
            label: label.to_owned(),
            root,
            binaries,
        };
        tools::lay_out(&lab.path("tools/bin"), sandbox)?;
        Ok(lab)
    }

    /// Takes the stand-ins away, whose time is not ours.
    fn without_tools(&self) -> anyhow::Result<()> {
        std::fs::remove_dir_all(self.path("tools/bin"))?;
        Ok(())
    }

    /// Takes away what is installed, which would be used without asking the portal.
    fn without_profiles(&self) -> anyhow::Result<()> {
        let installed = self.path("home/Library");
        std::fs::remove_dir_all(&installed)?;
        std::fs::create_dir_all(installed.join("Keychains"))?;
        Ok(())
    }

    /// An empty folder for the project.
    fn fresh_project(&self) -> anyhow::Result<PathBuf> {
        let folder = self.path("project");
        workspace::fresh(&folder)?;
        Ok(folder)
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

/// What a run took.
struct Taken {
    /// Until the first request of those that count.
    first: Duration,
    whole: Duration,
    /// The requests that count.
    requests: usize,
    /// Those of them that change something.
    writes: usize,
}

/// Runs a step that must succeed. The requests that count have a path that begins with `prefix`.
fn timed(sandbox: &Sandbox, mut command: Command, prefix: &str) -> anyhow::Result<Taken> {
    sandbox.state().requests.clear();
    let began = Instant::now();
    let has_ended = AtomicBool::new(false);
    let watch = || {
        loop {
            let is_asked = sandbox
                .state()
                .requests
                .iter()
                .any(|request| request.path.starts_with(prefix));
            if is_asked || has_ended.load(Ordering::Relaxed) {
                return began.elapsed();
            }
            std::thread::sleep(Duration::from_micros(300));
        }
    };
    let (first, whole) = std::thread::scope(|scope| {
        let first = scope.spawn(watch);
        let ended = succeed(&mut command);
        let whole = began.elapsed();
        has_ended.store(true, Ordering::Relaxed);
        (first.join(), ended.map(|()| whole))
    });
    let whole = whole?;
    let state = sandbox.state();
    let asked = || {
        let requests = state.requests.iter();
        requests.filter(|request| request.path.starts_with(prefix))
    };
    Ok(Taken {
        first: first.ok().context("the watch ended early")?,
        whole,
        requests: asked().count(),
        writes: asked().filter(|request| request.method != "GET").count(),
    })
}

/// The middles of some runs, and the requests of the last.
fn middle(runs: &[Taken]) -> anyhow::Result<Taken> {
    let last = runs.last().context("no run")?;
    Ok(Taken {
        first: median(runs.iter().map(|taken| taken.first).collect()),
        whole: median(runs.iter().map(|taken| taken.whole).collect()),
        ..*last
    })
}

/// Delays every answer to a path that begins with `prefix`, by milliseconds.
fn slow_down(sandbox: &Sandbox, prefix: &str, latency: u64) {
    if latency > 0 {
        let kind = Kind::Latency {
            milliseconds: latency,
        };
        sandbox.fail(Fault::always(prefix, kind));
    }
}

/// How many latencies a time holds.
fn trips(time: Duration, latency: u64) -> String {
    if latency == 0 {
        return "–".to_owned();
    }
    let ratio = time.as_secs_f64() / Duration::from_millis(latency).as_secs_f64();
    format!("{ratio:.1}")
}

/// The middle of some measurements.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Runs a command that must succeed, in silence.
fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let output = command
        .output()
        .with_context(|| format!("`{}` can't be run", command.get_program().display()))?;
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
