//! Says which tools the tests can run: a test without its tool is ignored, with the reason.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-changed=build.rs");
    #[allow(
        clippy::disallowed_methods,
        reason = "a build script has no `step_kit::Environment`"
    )]
    let path = std::env::var_os("PATH").unwrap_or_default();
    for tool in ["python3", "node", "ruby", "bash"] {
        println!("cargo::rustc-check-cfg=cfg(no_{tool})");
        if !std::env::split_paths(&path).any(|folder| Path::new(&folder).join(tool).is_file()) {
            println!("cargo::rustc-cfg=no_{tool}");
        }
    }
}
