//! Everything that must pass.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::{generate, workspace};

/// A name and cargo's arguments.
type Check = (&'static str, &'static [&'static str]);

/// What must pass first, in order of how fast it fails. Generated files and tests follow: the tests come last, so that their
/// summary ends the log.
const CHECKS: [Check; 4] = [
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
];

/// What takes long or needs tools that most machines lack.
const FULL_CHECKS: [Check; 11] = [
    ("macOS", &["xtask", "check-macos"]),
    ("fuzz", &["xtask", "fuzz", "--seconds", "10"]),
    ("release", &["xtask", "dist"]),
    ("release check", &["xtask", "check-dist"]),
    ("bench start", &["xtask", "bench", "start"]),
    ("bench provisioning", &["xtask", "bench", "provisioning"]),
    ("bench session", &["xtask", "bench", "session"]),
    ("bench release", &["xtask", "bench", "release"]),
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
        if folder.join("node_modules/.package-lock.json").is_file() {
            continue;
        }
        install_in(&folder)?;
    }
    for folder in PYTHON_PACKAGES.map(|folder| workspace::root().join(folder)) {
        if !folder.join(".venv/pyvenv.cfg").is_file() {
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

/// Runs every check; the first that fails ends it. With `full` the long ones run too, all of them. The time of each part is
/// printed, before the tests and at the end of a full run.
///
/// # Errors
/// When a check fails.
pub(crate) fn ci(full: bool) -> anyhow::Result<()> {
    // Before the build: it may put another file in the place of this one.
    let xtask = std::env::current_exe()?;
    let mut parts = vec![required("packages", || install().map(|()| true))?];
    for (name, arguments) in CHECKS {
        parts.push(required(name, || run(name, arguments, &xtask))?);
    }
    parts.push(required("generated files", || {
        eprintln!("==> generated files");
        generate::generate(true).map(|()| true)
    })?);
    // Before the tests, whose own summary ends the log.
    print(&parts);
    let tests = ["test", "--workspace", "--locked"];
    parts.push(required("tests", || run("tests", &tests, &xtask))?);
    if !full {
        return Ok(());
    }
    for (name, arguments) in FULL_CHECKS {
        parts.push(part(name, || run(name, arguments, &xtask))?);
    }
    print(&parts);
    let failed: Vec<&str> = parts
        .iter()
        .filter(|part| !part.passed)
        .map(|part| part.name)
        .collect();
    ensure!(failed.is_empty(), "{} did not pass", failed.join(", "));
    Ok(())
}

/// [`part`], without which the others need not run.
fn required(name: &'static str, run: impl FnOnce() -> anyhow::Result<bool>) -> anyhow::Result<Part> {
    let part = part(name, run)?;
    ensure!(part.passed, "{name} did not pass");
    Ok(part)
}

/// Runs a part and takes its time.
fn part(name: &'static str, run: impl FnOnce() -> anyhow::Result<bool>) -> anyhow::Result<Part> {
    let started = Instant::now();
    let passed = run()?;
    Ok(Part {
        name,
        passed,
        took: started.elapsed(),
    })
}

/// Runs cargo, or this program where the first argument is `xtask`: cargo would build it again for itself.
fn run(name: &str, arguments: &[&str], xtask: &Path) -> anyhow::Result<bool> {
    eprintln!("==> {name}: cargo {}", arguments.join(" "));
    let mut command = match arguments {
        ["xtask", rest @ ..] => {
            let mut command = workspace::without_cargos_variables(Command::new(xtask));
            command.args(rest);
            command
        }
        _ => {
            let mut cargo = workspace::cargo();
            cargo.args(arguments);
            cargo
        }
    };
    if name.starts_with("bench ") {
        // Beside release binaries, those that are released: built before.
        let released = workspace::target()
            .join(workspace::host()?)
            .join(workspace::RELEASE_PROFILE);
        command.arg("--binaries").arg(released);
    }
    let status = command
        // Only rustdoc reads this one: a broken link in the docs is an error.
        .env("RUSTDOCFLAGS", "--deny warnings")
        .envs((name == "soak").then_some(("SOAK_RUNS", SOAK_RUNS)))
        .status()
        .with_context(|| format!("{} can't be run", command.get_program().display()))?;
    Ok(status.success())
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
