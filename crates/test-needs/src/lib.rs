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
    println!("cargo::rerun-if-env-changed=PATH");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|folder| programs.iter().map(move |program| folder.join(program)))
        .find(|candidate| candidate.is_file());
    declare(name, found, is_ci());
}

/// Sets `no_<name>` where the folder, relative to the package, has no `node_modules`: `npm ci` makes them.
pub fn node_package(name: &str, folder: &str) {
    let path = package().join(folder).join("node_modules");
    let found = path.is_dir().then_some(path);
    declare(name, found, is_ci());
}

/// Sets `no_<name>` where the folder, relative to the package, has no `.venv`: a virtual environment with what its
/// `requirements.txt` names.
pub fn python_environment(name: &str, folder: &str) {
    let path = package().join(folder).join(".venv/bin");
    let found = path.is_dir().then_some(path);
    declare(name, found, is_ci());
}

/// Sets `no_<name>` where the path, relative to the package, does not exist.
pub fn data(name: &str, path: &str) {
    let path = package().join(path);
    let found = path.exists().then_some(path);
    declare(name, found, false);
}

fn declare(name: &str, found: Option<PathBuf>, must_exist: bool) {
    println!("cargo::rustc-check-cfg=cfg(no_{name})");
    println!("cargo::rerun-if-env-changed=CI");
    match found {
        Some(path) => println!("cargo::rerun-if-changed={}", path.display()),
        None => {
            // A file that does not exist makes cargo ask again at the next build, when it may be installed.
            println!("cargo::rerun-if-changed=not-installed-{name}");
            if !must_exist {
                println!("cargo::rustc-cfg=no_{name}");
            }
        }
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
