//! Everything that must pass.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::workspace;

/// A name and cargo's arguments.
type Check = (&'static str, &'static [&'static str]);

/// What must pass, in order of how fast it fails: the tests come last, so that their summary ends the log.
const CHECKS: [Check; 6] = [
    ("format", &["fmt", "--all", "--check"]),
    (
        "lints",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "--deny",
            "warnings",
        ],
    ),
    (
        "docs",
        &["doc", "--workspace", "--no-deps", "--locked", "--quiet"],
    ),
    ("build", &["build", "--workspace", "--locked"]),
    ("generated files", &["xtask", "generate", "--check"]),
    ("tests", &["test", "--workspace", "--locked"]),
];

/// What takes long or needs tools that most machines lack.
const FULL_CHECKS: [Check; 9] = [
    ("macOS", &["xtask", "check-macos"]),
    ("fuzz", &["xtask", "fuzz", "--seconds", "10"]),
    ("release", &["xtask", "dist"]),
    ("release check", &["xtask", "check-dist"]),
    ("bench start", &["xtask", "bench", "start"]),
    ("bench provisioning", &["xtask", "bench", "provisioning"]),
    ("bench upload", &["xtask", "bench", "upload", "200"]),
    // The tests above include ten of these runs.
    (
        "soak",
        &[
            "test",
            "-p",
            "e2e",
            "--test",
            "soak",
            "--locked",
            "--",
            "--nocapture",
        ],
    ),
    ("conformance", &["xtask", "conformance"]),
];

/// How many runs the soak test of `--full` makes.
const SOAK_RUNS: &str = "200";

/// Folders with programs by others that tests run, where npm is there to install them.
const NODE_PACKAGES: [&str; 4] = [
    "crates/xcode-project/tests/readers",
    "e2e/fastlane",
    "e2e/apple-utils",
    "e2e/node-sdk",
];

/// The same for Python: each has a `requirements.txt`, and gets a virtual environment.
const PYTHON_PACKAGES: [&str; 1] = ["e2e/codemagic"];

/// Installs what tests run besides Rust. Without it they are ignored, and with `CI=true` they fail.
fn install() -> anyhow::Result<()> {
    for folder in NODE_PACKAGES.map(|folder| workspace::root().join(folder)) {
        if folder.join("node_modules").is_dir() {
            continue;
        }
        install_in(&folder)?;
    }
    for folder in PYTHON_PACKAGES.map(|folder| workspace::root().join(folder)) {
        if !folder.join(".venv/bin").is_dir() {
            install_environment(&folder)?;
        }
    }
    Ok(())
}

fn install_environment(folder: &Path) -> anyhow::Result<()> {
    eprintln!("==> pip install in {}", folder.display());
    if !workspace::python_environment(&folder.join(".venv"), &folder.join("requirements.txt"))? {
        eprintln!("there is no python3 with venv; the tests that need it are ignored, and fail with CI=true");
    }
    Ok(())
}

fn install_in(folder: &Path) -> anyhow::Result<()> {
    eprintln!("==> npm ci in {}", folder.display());
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]);
    match npm.current_dir(folder).status() {
        Ok(status) if status.success() => {}
        Ok(_) => bail!("npm ci did not pass in {}", folder.display()),
        Err(_) => {
            eprintln!("npm is not installed; the tests that need it are ignored, and fail with CI=true");
        }
    }
    Ok(())
}

/// How a check ended, and how long it took.
struct Part {
    name: &'static str,
    passed: bool,
    took: Duration,
}

/// Runs every check; the first that fails ends it. With `full` the long ones run too, all of them, and the time of each
/// part is printed.
///
/// # Errors
/// When a check fails.
pub(crate) fn ci(full: bool) -> anyhow::Result<()> {
    install()?;
    let mut parts = Vec::new();
    for (name, arguments) in CHECKS {
        let part = run(name, arguments)?;
        if !part.passed {
            bail!("{name} did not pass");
        }
        parts.push(part);
    }
    if full {
        for (name, arguments) in FULL_CHECKS {
            parts.push(run_with(name, arguments, &[("SOAK_RUNS", SOAK_RUNS)])?);
        }
    }
    if full {
        // Without it, the tests' own summary ends the log.
        print(&parts);
    }
    let failed: Vec<&str> = parts
        .iter()
        .filter(|part| !part.passed)
        .map(|part| part.name)
        .collect();
    if !failed.is_empty() {
        bail!("{} did not pass", failed.join(", "));
    }
    Ok(())
}

fn run(name: &'static str, arguments: &[&str]) -> anyhow::Result<Part> {
    run_with(name, arguments, &[])
}

fn run_with(name: &'static str, arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<Part> {
    eprintln!("==> {name}: cargo {}", arguments.join(" "));
    let started = Instant::now();
    // Only rustdoc reads this one: a broken link in the docs is an error.
    let status = workspace::cargo()
        .args(arguments)
        .env("RUSTDOCFLAGS", "--deny warnings")
        .envs(variables.iter().copied())
        .status()
        .context("cargo can't be run")?;
    Ok(Part {
        name,
        passed: status.success(),
        took: started.elapsed(),
    })
}

fn print(parts: &[Part]) {
    eprintln!("\n| part | result | time |\n| --- | --- | --- |");
    for part in parts {
        let result = if part.passed { "passed" } else { "FAILED" };
        let seconds = part.took.as_secs();
        eprintln!(
            "| {} | {result} | {} min {:02} s |",
            part.name,
            seconds / 60,
            seconds % 60
        );
    }
}
