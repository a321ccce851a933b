//! Reads every project, scheme and workspace below a folder and prints one JSON document: `inspect DIR`.
//!
//! All paths in it count from `DIR`, and `$(SRCROOT)` stands for a project's source root, so that what two
//! readers say can be compared.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example is a command-line program"
)]

mod archives;
mod files;
mod layout;
mod project;
mod settings;

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: inspect DIR");
        return ExitCode::from(2);
    };
    let root = match folder.canonicalize() {
        Ok(root) => root,
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            return ExitCode::FAILURE;
        }
    };
    let places = files::Places::below(&root);
    let document = json!({
        "slug": root.file_name().map(|name| name.to_string_lossy()),
        "projects": places.projects.iter().map(|path| project::project(&root, path)).collect::<Vec<_>>(),
        "workspaces": places.workspaces.iter().map(|path| files::workspace(&root, path)).collect::<Vec<_>>(),
        "schemes": files::schemes(&root, &places),
        "archives": archives::archives(&root, &places),
    });
    println!("{document:#}");
    ExitCode::SUCCESS
}
