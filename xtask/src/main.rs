//! Developer tasks: `cargo xtask ci` runs everything that must pass.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a developer's command-line tool: what steps must not do is its job"
)]

mod apple_document;
mod bench;
mod ci;
mod conformance;
mod coverage;
mod demo;
mod dist;
mod docs;
mod fuzz;
mod generate;
mod macos;
mod sample;
mod stage;
mod steps;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Developer tasks of this repository.
#[derive(Debug, Parser)]
#[command(
    name = "xtask",
    bin_name = "cargo xtask",
    version,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run a step against the sandbox, on a copy of the sample project or of your own
    Demo {
        /// The step: auto-provision-asc, auto-provision-apple-id, deliver, or application-loader
        step: String,
        /// Inputs of the step, such as distribution_type=app-store or mode=plan; project_path= and scheme= choose the project
        #[arg(value_name = "KEY=VALUE")]
        inputs: Vec<String>,
    },
    /// Run everything that must pass: format, lints, docs, build, generated files, tests
    Ci {
        /// Also run what takes long or needs many packages, and print the time of each part
        #[arg(long)]
        full: bool,
    },
    /// Measure release binaries against the sandbox
    Bench {
        #[command(subcommand)]
        what: bench::What,
    },
    /// Write generated files: the root manifest, launchers, tables of the READMEs
    Generate {
        /// Only list the files that are out of date, and fail if there are any
        #[arg(long)]
        check: bool,
    },
    /// Build the steps and lay them out under target/steps, for path:: references
    Stage {
        /// Build without optimization
        #[arg(long)]
        debug: bool,
    },
    /// Build a release under target/dist: executables, step archives, assets, and a step library
    Dist(dist::Options),
    /// Check a release: hashes, archives, manifests, and that the executables run on old systems
    CheckDist(dist::check::Options),
    /// Type-check the workspace for macOS, from Linux; takes about five minutes
    CheckMacos(macos::Options),
    /// Let schemathesis compare the sandbox with Apple's OpenAPI documents
    Conformance(conformance::Options),
    /// Write the table of Apple's API documents that the sandbox is compiled with
    AppleDocument(apple_document::Options),
    /// Feed the parsers of bytes by others with libFuzzer; needs a C++ compiler
    Fuzz(fuzz::Options),
    /// Write the sample of the documentation: docs/sample-log.txt and docs/report.png
    Docs,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Demo { step, inputs } => match demo::demo(&step, &inputs) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Task::Ci { full } => ci::ci(full),
        Task::Bench { what } => bench::bench(&what),
        Task::Generate { check } => generate::generate(check),
        Task::Stage { debug } => stage::stage(debug),
        Task::Dist(options) => dist::dist(&options),
        Task::CheckDist(options) => dist::check::check(&options),
        Task::CheckMacos(options) => macos::check(&options),
        Task::Conformance(options) => conformance::conformance(&options),
        Task::AppleDocument(options) => apple_document::write(&options),
        Task::Fuzz(options) => fuzz::fuzz(&options),
        Task::Docs => docs::docs(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Where a release is, unless somebody says otherwise.
fn default_dist() -> PathBuf {
    workspace::target().join("dist")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Where Cargo puts what it compiles for itself, a release would list it as its own.
    #[test]
    fn a_release_has_a_folder_of_its_own() {
        for cargos in [
            workspace::RELEASE_PROFILE,
            "debug",
            "release",
            "doc",
            "package",
            "tmp",
        ] {
            assert_ne!(default_dist(), workspace::target().join(cargos));
        }
        let manifest = std::fs::read_to_string(workspace::root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("\n[profile.{}]\n", workspace::RELEASE_PROFILE)));
        assert!(!manifest.contains("[profile.dist"));
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn mistyped_flags_and_tasks_are_errors_and_help_is_not() {
        for wrong in [
            &["generate", "--chekc"][..],
            &["generate", "check"],
            &["stage", "--release"],
            &["ci", "--fulll"],
            &["dist", "--ulr", "https://example.com"],
            &["bench", "speed"],
            &["bench"],
            &["genrate"],
            &["demo"],
        ] {
            let error = Cli::try_parse_from([&["xtask"], wrong].concat()).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{wrong:?}");
        }
        for help in [
            &["--help"][..],
            &["help"],
            &["dist", "--help"],
            &["bench", "--help"],
        ] {
            let error = Cli::try_parse_from([&["xtask"], help].concat()).unwrap_err();
            assert_eq!(error.exit_code(), 0, "{help:?}");
        }
    }
}
