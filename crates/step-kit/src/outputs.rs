//! Outputs for the steps that follow, through Bitrise's `envman`.

use std::time::Duration;

use command::{Command, Runner};

use crate::{Environment, Log, Manifest};

/// envman's default limit for one value, in bytes.
///
/// Fact: `env_bytes_limit_in_kb` in envman's `configs.go`.
const VALUE_LIMIT: usize = 256 * 1024;

/// envman writes a small file; it takes longer than this only when something holds it up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The variable by which the CLI says that outputs are wanted.
const STORE: &str = "ENVMAN_ENVSTORE_PATH";

/// Why an output could not be handed over.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The step exports what its `step.yml` does not list: a defect of the step.
    #[error("the output `{0}` is not listed in step.yml")]
    Undeclared(String),
    /// The value is larger than envman takes.
    #[error(
        "the output `{key}` is {size} bytes long; envman takes {VALUE_LIMIT} at most, unless `env_bytes_limit_in_kb` in its configuration says otherwise"
    )]
    TooLarge {
        /// The output.
        key: String,
        /// The value's size in bytes.
        size: usize,
    },
    /// The CLI waits for outputs, and there is nothing to hand them over with.
    #[error(
        "could not export `{0}`: {STORE} is set, and neither `envman` nor `bitrise` is on PATH; add the directory of the Bitrise CLI to PATH"
    )]
    NoEnvman(String),
    /// envman refused it.
    #[error("could not export `{key}` with envman")]
    Envman {
        /// The output.
        key: String,
        /// What happened.
        #[source]
        source: command::Error,
    },
}

/// Hands one output over. Where neither the CLI nor envman is there, the value is only logged.
pub(crate) async fn export(
    env: &Environment,
    runner: &Runner,
    manifest: &Manifest,
    log: &Log,
    key: &str,
    value: &str,
) -> Result<(), OutputError> {
    let Some(output) = manifest.outputs.iter().find(|output| output.key == key) else {
        return Err(OutputError::Undeclared(key.to_owned()));
    };
    if output.sensitive {
        runner.redactor().learn(value);
    }
    log.plain(format!("- {key}: {value}"));
    let envman = match (runner.find("envman"), runner.find("bitrise"), env.get(STORE)) {
        (Some(_), _, _) => Command::new("envman"),
        // The CLI has an envman of its own.
        (None, Some(_), Some(_)) => Command::new("bitrise").arg("envman"),
        (None, None, Some(_)) => return Err(OutputError::NoEnvman(key.to_owned())),
        (None, _, None) => return Ok(()),
    };
    // The value goes through standard input: the process list is no place for it. envman would expand
    // variables in it, so a value with a dollar sign needs `--no-expand`.
    let mut command = envman
        .args(["add", "--key", key, "--no-expand"])
        .timeout(PATIENCE);
    if output.sensitive {
        command = command.arg("--sensitive");
    }
    runner
        .checked(command.stdin_bytes(value))
        .await
        .map(drop)
        .map_err(|source| {
            if value.len() > VALUE_LIMIT {
                OutputError::TooLarge {
                    key: key.to_owned(),
                    size: value.len(),
                }
            } else {
                OutputError::Envman {
                    key: key.to_owned(),
                    source,
                }
            }
        })
}
