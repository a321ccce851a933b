//! The sandbox against Apple's OpenAPI documents, asked by schemathesis.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use clap::Args;

use crate::workspace;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// For how long the App Store Connect API is asked; the Enterprise Program API gets a quarter of it
    #[arg(long, default_value_t = 300)]
    seconds: u32,
    /// Where chance begins
    #[arg(long)]
    seed: Option<u32>,
}

/// Lets schemathesis ask the sandbox. Apple's documents are not part of the repository; without them there is nothing to do.
///
/// # Errors
/// When Python or a package is missing, or an answer is not as documented.
pub(crate) fn conformance(options: &Options) -> anyhow::Result<()> {
    let root = workspace::root();
    let reference = root.join("../shared/reference");
    if !reference.join("app-store-connect.openapi.json").is_file() {
        eprintln!("Apple's API documents are not beside the repository; nothing is compared.");
        return Ok(());
    }
    let folder = root.join("e2e/conformance");
    let python = environment(&folder)?;
    let built = workspace::cargo()
        .args(["build", "--quiet", "--locked", "--package", "apple-sandbox"])
        .status()
        .context("cargo can't be run")?;
    if !built.success() {
        bail!("the sandbox could not be built");
    }
    let mut command = Command::new(python);
    command
        .arg(folder.join("run.py"))
        .arg("--binary")
        .arg(workspace::target().join("debug/apple-sandbox"))
        .arg("--reference")
        .arg(reference)
        .args(["--seconds", &options.seconds.to_string()]);
    if let Some(seed) = options.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if !command.status().context("python3 can't be run")?.success() {
        bail!("an answer is not as Apple's documents say");
    }
    Ok(())
}

/// A Python of the task's own, with the packages that it needs.
fn environment(folder: &Path) -> anyhow::Result<std::path::PathBuf> {
    let place = workspace::target().join("conformance");
    if !place.join("bin/schemathesis").is_file()
        && !workspace::python_environment(&place, &folder.join("requirements.txt"))?
    {
        bail!("python3 with venv is not installed");
    }
    Ok(place.join("bin/python3"))
}
