//! Everything that must pass.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

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

/// Folders with programs by others that tests run, where npm is there to install them.
const NODE_PACKAGES: [&str; 2] = ["crates/xcode-project/tests/readers", "e2e/fastlane"];

/// Installs what tests run besides Rust; without it they skip themselves, and say so.
fn install() -> anyhow::Result<()> {
    for folder in NODE_PACKAGES.map(Path::new) {
        if folder.join("node_modules").is_dir() {
            continue;
        }
        eprintln!("==> npm ci in {}", folder.display());
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]);
        match npm.current_dir(folder).status() {
            Ok(status) if status.success() => {}
            Ok(_) => bail!("npm ci did not pass in {}", folder.display()),
            Err(_) => eprintln!("skipped: npm is not installed; the tests that need it will skip themselves"),
        }
    }
    Ok(())
}

/// Runs every check; the first that fails ends it.
///
/// # Errors
/// When a check fails.
pub(crate) fn ci() -> anyhow::Result<()> {
    install()?;
    for (name, arguments) in CHECKS {
        eprintln!("==> {name}: cargo {}", arguments.join(" "));
        let mut cargo = crate::cargo();
        // Only rustdoc reads this one: a broken link in the docs is an error.
        let status = cargo
            .args(arguments)
            .env("RUSTDOCFLAGS", "--deny warnings")
            .status();
        if !status.context("failed to start cargo")?.success() {
            bail!("{name} did not pass");
        }
    }
    Ok(())
}
