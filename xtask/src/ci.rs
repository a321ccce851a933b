//! Everything that must pass.

use std::process::Command;

use anyhow::{Context as _, bail};

/// A name and cargo's arguments.
type Check = (&'static str, &'static [&'static str]);

/// What must pass, in order of how fast it fails: the tests come last, so that their summary ends the log.
const CHECKS: [Check; 5] = [
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
    ("tests", &["test", "--workspace", "--locked"]),
];

/// Runs every check; the first that fails ends it.
///
/// # Errors
/// When a check fails.
pub(crate) fn ci() -> anyhow::Result<()> {
    for (name, arguments) in CHECKS {
        eprintln!("==> {name}: cargo {}", arguments.join(" "));
        let mut cargo = Command::new("cargo");
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
