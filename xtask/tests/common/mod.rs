//! What the tests of the tasks share.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::path::PathBuf;

/// The repository, wherever it lies when the test runs.
pub fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(own).parent().unwrap().to_owned()
}
