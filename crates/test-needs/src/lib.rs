//! For build scripts: which tools and data the tests of a package can use, so that a test without them is *ignored*, with
//! the reason in cargo's summary, and never passes silently.
//!
//! `build.rs` says what to look for:
//!
//! ```no_run
//! test_needs::tool("chromium", &["chromium", "google-chrome"]);
//! test_needs::data("corpus", "../../../shared/corpus");
//! ```
//!
//! and a test says what it needs: `#[cfg_attr(no_chromium, ignore = "Chromium is not installed")]`.
//!
//! Where `CI` is `true`, a missing tool is not excused: the test runs and fails. Data that is not part of the repository
//! is excused everywhere.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "build scripts speak to cargo, and ask the environment"
)]

use std::path::{Path, PathBuf};

/// Sets `no_<name>` where none of the programs is on `PATH`.
pub fn tool(name: &str, programs: &[&str]) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = folders
        .iter()
        .flat_map(|folder| programs.iter().map(move |program| folder.join(program)))
        .find(|candidate| candidate.is_file());
    match found {
        Some(program) => declare(name, true, is_ci(), &[program]),
        None => declare(name, false, is_ci(), &folders),
    }
}

/// Sets `no_<name>` where the folder, relative to the package, has no `node_modules`: `npm ci` makes them.
pub fn node_package(name: &str, folder: &str) {
    installed(name, &package().join(folder), "node_modules/.package-lock.json");
}

/// Sets `no_<name>` where the folder, relative to the package, has no `.venv`: a virtual environment with what its
/// `requirements.txt` names.
pub fn python_environment(name: &str, folder: &str) {
    installed(name, &package().join(folder), ".venv/pyvenv.cfg");
}

/// Sets `no_<name>` where the path, relative to the package, does not exist. It is asked again when `build.rs` is touched.
pub fn data(name: &str, path: &str) {
    declare(name, package().join(path).exists(), false, &[]);
}

/// Whether an installer has worked in a folder: a small file tells, which is cheaper to watch than all that it installed.
fn installed(name: &str, folder: &Path, file: &str) {
    let path = folder.join(file);
    let is_there = path.is_file();
    let watched = if is_there { path } else { folder.to_owned() };
    declare(name, is_there, is_ci(), &[watched]);
}

/// Says what was found, and what cargo asks again about when it changes.
///
/// These scripts belong to crates at the bottom of the workspace, so each time that one runs, nearly everything is compiled
/// again. Hence `PATH` itself is not watched, which tests change for the builds that they start, nor a file that does not
/// exist, which makes cargo run the script at every build.
fn declare(name: &str, is_there: bool, must_exist: bool, watched: &[PathBuf]) {
    println!("cargo::rustc-check-cfg=cfg(no_{name})");
    println!("cargo::rerun-if-env-changed=CI");
    println!("cargo::rerun-if-changed=build.rs");
    for path in watched.iter().filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    if !is_there && !must_exist {
        println!("cargo::rustc-cfg=no_{name}");
    }
}

fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// The folder of the package that is built.
fn package() -> PathBuf {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    Path::new(&folder).to_owned()
}
