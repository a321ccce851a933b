//! Developer tasks: `cargo xtask ci` runs everything that must pass.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a developer's command-line tool: what steps must not do is its job"
)]

mod bench;
mod ci;
mod demo;
mod generate;
mod package;
mod steps;

use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask TASK

  demo STEP [key=value …]   a step at work, against the sandbox, on a sample project
  ci                 everything that must pass: format, lints, docs, build, tests
  bench WHAT         measurements: start, provisioning, upload
  generate           write what is generated: root manifest, launchers, tables of the READMEs
  generate --check   only say what is out of date
  stage [--debug]    a self-contained directory per step under target/steps, for path:: references
  dist [--url URL]   a release in target/dist: binaries, checksums, launchers, a step library";

/// A cargo that does not hear of the one which runs this task: crates with C in them would be built anew each time
/// that the variables of the package which is built change.
fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&key);
        }
    }
    cargo
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest = arguments.get(1..).unwrap_or_default();
    let outcome = match arguments.first().map(String::as_str) {
        Some("demo") => match demo::demo(rest) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Some("bench") => bench::bench(rest),
        Some("ci") => ci::ci(),
        Some("generate") => generate::generate(rest.iter().any(|argument| argument == "--check")),
        Some("stage") => package::stage(rest),
        Some("dist") => package::dist(rest),
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
