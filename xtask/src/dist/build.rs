//! Building the executables of a release, so that they run on old systems and tell nothing of the machine they were
//! built on.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::macos;
use crate::steps::Step;
use crate::workspace::{self, succeed};

/// The oldest C library that Linux executables run with: that of 2012, and the oldest that Rust supports.
pub(crate) const GLIBC: (u32, u32) = (2, 17);

/// What Rust's library is built with for Linux: small algorithms, and no reader of debug information, of which released
/// executables have none.
const LIBRARY_FEATURES: &str = "panic-unwind,optimize_for_size";

/// Builds the steps for a target, and says where they are.
///
/// - On a Mac, for macOS: cargo and Xcode's tools.
/// - For Linux: `cargo zigbuild`, which links with the symbols of an old glibc. Rust's library is built from its sources, as
///   small as the rest: half a megabyte less for each step.
/// - For macOS on Linux: see [`macos::build`].
pub(super) fn build(steps: &[Step], target: Option<&str>) -> anyhow::Result<PathBuf> {
    let target = match target {
        Some(target) => target.to_owned(),
        None => workspace::host()?,
    };
    if target.contains("apple-darwin") && !cfg!(target_os = "macos") {
        return macos::build(steps, &target);
    }
    let mut cargo = workspace::cargo();
    let mut flags = remapped();
    if target.contains("linux-gnu") {
        ensure_zigbuild()?;
        let sources = library_sources(Path::new("rustc")).context(
            "the sources of Rust's library are missing; install them with `rustup component add rust-src`",
        )?;
        flags.push(format!("--remap-path-prefix={}=rust", sources.display()));
        // A program at a fixed address needs no table of relocations, half a megabyte that is worked through at each start.
        // The price is that its own address is not random; those of its libraries, heap, and stack are.
        flags.push("-Crelocation-model=static".to_owned());
        // `environ` stays where the C library has it. Copied into the program, it would be empty: of the libraries that zig
        // links with, none says that it has other names for it.
        flags.push("-Zdirect-access-external-data=no".to_owned());
        let (major, minor) = GLIBC;
        cargo
            .arg("zigbuild")
            .arg("-Zbuild-std=std,panic_unwind")
            .arg(format!("-Zbuild-std-features={LIBRARY_FEATURES}"))
            .args(["--target", &format!("{target}.{major}.{minor}")])
            // `-Z` flags are for nightly compilers; this is the released one.
            .env("RUSTC_BOOTSTRAP", "1");
    } else {
        cargo.args(["build", "--target", &target]);
    }
    cargo.args(["--locked", "--profile", workspace::RELEASE_PROFILE]);
    for step in steps {
        cargo.args(["--package", &step.binary()]);
    }
    cargo
        .env("RUSTFLAGS", flags.join(" "))
        .env("MACOSX_DEPLOYMENT_TARGET", macos::oldest());
    succeed(&mut cargo)?;
    Ok(workspace::target().join(target).join(workspace::RELEASE_PROFILE))
}

/// The sources of the library of a Rust compiler, where they are installed.
pub(crate) fn library_sources(rustc: &Path) -> Option<PathBuf> {
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().ok()?;
    let sysroot = String::from_utf8(output.stdout).ok()?;
    let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust");
    sources
        .join("library/std/Cargo.toml")
        .is_file()
        .then_some(sources)
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
