//! Outputs for the steps that follow, through Bitrise's `envman`.

use std::time::Duration;

use command::{Command, Runner};

use crate::{Log, Manifest};

/// envman's default limit for one value, in bytes.
///
/// Fact: `env_bytes_limit_in_kb` in envman's `configs.go`.
const VALUE_LIMIT: usize = 256 * 1024;

/// envman writes a small file; one that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

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
    /// envman refused it.
    #[error("failed to export `{key}` with envman")]
    Envman {
        /// The output.
        key: String,
        /// What happened.
        #[source]
        source: command::Error,
    },
}

/// Hands one output over; without envman the value is only logged.
pub(crate) async fn export(
    runner: &Runner,
    manifest: &Manifest,
    log: &Log,
    key: &str,
    value: &str,
) -> Result<(), OutputError> {
    let Some((_, sensitive)) = manifest.outputs.iter().find(|(known, _)| known == key) else {
        return Err(OutputError::Undeclared(key.to_owned()));
    };
    if *sensitive {
        runner.redactor().learn(value);
    }
    log.plain(format!("- {key}: {value}"));
    if runner.find("envman").is_none() {
        return Ok(());
    }
    // The value goes through standard input: the process list is no place for it. envman would expand
    // variables in it, so a value with a dollar sign needs `--no-expand`.
    let mut command = Command::new("envman").args(["add", "--key", key, "--no-expand"]);
    if *sensitive {
        command = command.arg("--sensitive");
    }
    runner
        .checked(command.stdin_bytes(value).timeout(PATIENCE))
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
