//! Steps for `path::` references: a directory each, complete in itself, because the Bitrise CLI copies nothing else.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::generate;
use crate::steps::{self, Step};
use crate::workspace::{self, fresh, succeed};

/// Builds the binaries and lays out a self-contained directory per step under `target/steps`.
///
/// # Errors
/// When the build fails.
pub(crate) fn stage(debug: bool) -> anyhow::Result<()> {
    let steps = steps::all()?;
    let profile = if debug { "dev" } else { "release" };
    let built = build(&steps, profile).context("the steps can't be built; nothing was staged")?;
    for step in &steps {
        let folder = workspace::root().join("target/steps").join(&step.name);
        fresh(&folder)?;
        generate::write(&folder.join("step.yml"), &step_yaml::write(&step.manifest))?;
        generate::write(&folder.join("step.sh"), &generate::launcher(step, "", ""))?;
        std::fs::copy(built.join(step.binary()), folder.join(step.binary()))?;
        eprintln!("staged {}", folder.display());
    }
    Ok(())
}

/// Builds the steps' binaries for this machine, and says where they are.
fn build(steps: &[Step], profile: &str) -> anyhow::Result<PathBuf> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--locked", "--profile", profile]);
    let of = if profile == "dev" {
        // The whole workspace decides about features, so that what `cargo build --workspace` has compiled is used.
        cargo.arg("--workspace");
        "--bin"
    } else {
        // What is released has no feature that only a test or a tool asks for.
        "--package"
    };
    for step in steps {
        cargo.args([of, &step.binary()]);
    }
    succeed(&mut cargo)?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(workspace::target().join(folder))
}
