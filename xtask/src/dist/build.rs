//! Building the executables of a release, so that they run on old systems and tell nothing of the machine they were
//! built on.

use std::path::PathBuf;
use std::process::Command;

use anyhow::ensure;

use crate::macos;
use crate::steps::Step;
use crate::workspace::{self, succeed};

/// The oldest C library that Linux executables run with: that of 2012, and the oldest that Rust supports.
pub(crate) const GLIBC: (u32, u32) = (2, 17);

/// Builds the steps for a target, and says where they are.
///
/// - On a Mac, for macOS: cargo and Xcode's tools.
/// - For Linux: `cargo zigbuild`, which links with the symbols of an old glibc.
/// - For macOS on Linux: see [`macos::build`].
pub(super) fn build(steps: &[Step], target: Option<&str>) -> anyhow::Result<PathBuf> {
    let target = match target {
        Some(target) => target.to_owned(),
        None => workspace::host()?,
    };
    if target.contains("apple-darwin") && !cfg!(target_os = "macos") {
        return macos::build(steps, &target);
    }
    let is_linux = target.contains("linux-gnu");
    if is_linux {
        ensure_zigbuild()?;
    }
    let mut cargo = workspace::cargo();
    cargo.args([
        if is_linux { "zigbuild" } else { "build" },
        "--locked",
        "--profile",
        "dist",
    ]);
    let (major, minor) = GLIBC;
    cargo.arg("--target");
    cargo.arg(if is_linux {
        format!("{target}.{major}.{minor}")
    } else {
        target.clone()
    });
    for step in steps {
        cargo.args(["--package", &step.binary()]);
    }
    cargo
        .env("RUSTFLAGS", remapped().join(" "))
        .env("MACOSX_DEPLOYMENT_TARGET", macos::oldest());
    succeed(&mut cargo)?;
    Ok(workspace::target().join(target).join("dist"))
}

fn ensure_zigbuild() -> anyhow::Result<()> {
    let found = Command::new("cargo-zigbuild")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    ensure!(
        found,
        "executables for Linux are linked by zig; install it with `pip install ziglang cargo-zigbuild`, and put the folder of cargo-zigbuild on PATH"
    );
    Ok(())
}

/// Flags that replace the paths of this machine in what panics say.
pub(crate) fn remapped() -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let mut flags = vec![format!(
        "--remap-path-prefix={}=apple-steps",
        workspace::root().display()
    )];
    if let Some(cargo) = cargo {
        flags.push(format!("--remap-path-prefix={}=cargo", cargo.display()));
    }
    flags
}
