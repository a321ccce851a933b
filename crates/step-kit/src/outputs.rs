//! Outputs for the steps that follow, through Bitrise's `envman`.

use std::path::Path;
use std::time::{Duration, Instant};

use command::{Command, Runner};
use step_yaml::Mapping;

use crate::{Environment, Log, Manifest};

/// envman's default limit for one value, in bytes.
///
/// Fact: `env_bytes_limit_in_kb` in envman's `configs.go`.
const VALUE_LIMIT: usize = 256 * 1024;

/// envman's file is not read when it is larger than this, in bytes.
const STORE_LIMIT: u64 = 64 << 20;

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
    #[error("the output `{key}` is {size} bytes long; envman takes {VALUE_LIMIT} at most by default")]
    TooLarge {
        /// The output.
        key: String,
        /// The value's size in bytes.
        size: usize,
    },
    /// The CLI waits for outputs, and there is nothing to hand them over with.
    #[error(
        "could not export `{key}`: neither `envman` nor `bitrise` is on PATH, and the file that {STORE} names can't be written: {reason}"
    )]
    NoEnvman {
        /// The output.
        key: String,
        /// Why the file can't be written.
        reason: String,
    },
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

impl OutputError {
    /// What to do next.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Undeclared(_) => "report this bug and attach the build log".to_owned(),
            Self::TooLarge { .. } => {
                "raise `env_bytes_limit_in_kb` in ~/.envman/configs.json on this machine, then rerun"
                    .to_owned()
            }
            Self::NoEnvman { .. } => {
                format!(
                    "add the directory of the Bitrise CLI to PATH, or make the file that {STORE} names writable"
                )
            }
            Self::Envman { .. } => format!(
                "check that envman works on this machine, and that the file that {STORE} names exists and can be written; what the step did before stays"
            ),
        }
    }
}

/// Writes an output into envman's file: a list of mappings under `envs`, each with the key and `opts`
/// (`EnvsSerializeModel` of envman's `models.go`, 2026-11). Whoever else writes there holds the lock meanwhile.
async fn write_to_store(store: &Path, key: &str, value: &str, sensitive: bool) -> Result<(), String> {
    let said = |error: std::io::Error| error.to_string();
    let folder = store.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let started = Instant::now();
    let _lock = loop {
        match files::try_lock(folder).map_err(said)? {
            Some(lock) => break lock,
            None if started.elapsed() > PATIENCE => {
                return Err("another run has locked its directory".to_owned());
            }
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let text = match files::read_text(store, STORE_LIMIT) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(said(error)),
    };
    let text = stored(&text, key, value, sensitive)?;
    files::replace(store, text.as_bytes(), 0o600).map_err(said)
}

/// What the file holds with an output in it.
fn stored(text: &str, key: &str, value: &str, sensitive: bool) -> Result<String, String> {
    let document = step_yaml::read(text).map_err(|error| error.to_string())?;
    let mut opts = Mapping::default();
    opts.insert("is_expand", false);
    opts.insert("is_sensitive", sensitive);
    let mut item = Mapping::default();
    item.insert(key, value);
    item.insert("opts", opts);
    let known = document.get("envs").map(step_yaml::Value::items);
    let others = known
        .unwrap_or_default()
        .iter()
        .filter(|item| item.get(key).is_none());
    let mut envs: Vec<step_yaml::Value> = others.cloned().collect();
    envs.push(item.into());
    let mut document = document.as_mapping().cloned().unwrap_or_default();
    document.insert("envs", envs);
    Ok(step_yaml::write(&document))
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
        // The CLI has its own envman.
        (None, Some(_), Some(_)) => Command::new("bitrise").arg("envman"),
        (None, None, Some(store)) => {
            log.debug("Neither `envman` nor `bitrise` is on PATH: outputs go to the file that ENVMAN_ENVSTORE_PATH names.");
            if value.len() > VALUE_LIMIT {
                return Err(OutputError::TooLarge {
                    key: key.to_owned(),
                    size: value.len(),
                });
            }
            let written = write_to_store(Path::new(store), key, value, output.sensitive).await;
            return written.map_err(|reason| OutputError::NoEnvman {
                key: key.to_owned(),
                reason,
            });
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_envman_keeps_what_others_wrote_and_one_value_for_a_key() {
        let text = "envs:\n- A: \"1\"\n  opts:\n    is_expand: true\n- B: old\n";
        let text = stored(text, "B", "$HOME: \"new\"\nyes", true).unwrap();
        let text = stored(&text, "C", "no", false).unwrap();
        let document = step_yaml::read(&text).unwrap();
        let envs = document.get("envs").unwrap().items();
        let values: Vec<_> = envs
            .iter()
            .zip(["A", "B", "C"])
            .map(|(item, key)| item.get(key).unwrap().as_str().unwrap())
            .collect();
        assert_eq!(values, ["1", "$HOME: \"new\"\nyes", "no"]);
        let opts: Vec<_> = envs
            .iter()
            .map(|item| {
                ["is_expand", "is_sensitive"].map(|key| {
                    item.get("opts")
                        .unwrap()
                        .get(key)
                        .and_then(step_yaml::Value::as_bool)
                })
            })
            .collect();
        assert_eq!(
            opts,
            [
                [Some(true), None],
                [Some(false), Some(true)],
                [Some(false), Some(false)]
            ]
        );
        assert!(stored("", "A", "x", false).unwrap().contains("A: x"));
        assert!(stored("envs: [", "A", "x", false).is_err());
    }
}
