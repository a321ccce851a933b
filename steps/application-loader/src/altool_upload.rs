//! The upload with altool: sign in without leaving a trace, try, read the answer, ask App Store Connect where altool does
//! not tell, try again.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use altool::{Cause, Delivery, Finding, Passing, Verdict};
use anyhow::Context as _;
use apple_account::{Account, ApiKey};
use build_upload::Followed;
use command::Command;
use secrecy::{ExposeSecret as _, SecretString};
use step_kit::{Advice as _, PrivateDir, Step};
use transport::Backoff;

use crate::advice;
use crate::arguments::{self, Known, SignIn};
use crate::artifact::Artifact;
use crate::attempt::{self, Ended};
use crate::inputs::Inputs;
use crate::store::Store;

/// Where altool reads the password from: the process list and the log see its name only.
const PASSWORD: &str = "ALTOOL_PASSWORD";

/// Pauses between two attempts.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(300),
    longest: Duration::from_secs(60),
};

/// After so many crashes in a row another way is taken, where there is one.
const MOST_CRASHES: u32 = 3;

/// Apple lists an upload a few seconds after it has it.
const PATIENCE: Duration = Duration::from_secs(6);

const LOOK: &str =
    "look whether the build shows up in App Store Connect > TestFlight before you upload it again";

/// What is known of the run beside the package.
pub(crate) struct Setting<'a> {
    pub(crate) account: &'a Account,
    pub(crate) xcode: Option<u32>,
    pub(crate) extra: &'a [String],
    /// App Store Connect, where it can be asked.
    pub(crate) store: Option<&'a Store>,
    /// Whether App Store Connect did not accept the API key.
    pub(crate) key_is_refused: bool,
    /// Whether there is another way to upload.
    pub(crate) has_other_way: bool,
}

/// The proof of a delivery.
pub(crate) struct Delivered {
    pub(crate) delivery: Delivery,
    /// What App Store Connect says, where it was asked.
    pub(crate) followed: Option<Followed>,
}

/// Why altool's upload is no success.
pub(crate) struct Failed {
    pub(crate) error: anyhow::Error,
    /// Set where another way to upload may succeed, and why.
    pub(crate) undecided: Option<&'static str>,
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self {
            error,
            undecided: None,
        }
    }
}

/// Uploads the package.
///
/// # Errors
/// When it was refused, or its delivery can't be proved.
pub(crate) async fn upload(
    step: &Step<Inputs>,
    artifact: &Artifact,
    setting: &Setting<'_>,
) -> Result<Delivered, Failed> {
    let directory = step.temp_dir().map_err(anyhow::Error::from)?;
    let ready = Ready::new(step, artifact, setting, &directory)?;
    let [_, _, total] = step.inputs.limits();
    let started = Instant::now();
    let (mut attempt, mut crashes) = (1, 0);
    // Whether an earlier attempt may have been delivered although it seemed to fail.
    let mut may_be_there = false;
    loop {
        let left = total.saturating_sub(started.elapsed());
        let command = ready.command(step, attempt);
        let ended = attempt::run(step, command, left).await;
        if step.is_stopping() {
            return Err(anyhow::anyhow!("the upload was stopped").into());
        }
        let (reason, error) = match ended {
            Ended::Answered(report) => {
                for warning in &report.warnings {
                    step.log.warn(format!("altool warns: {warning}"));
                }
                match report.verdict {
                    Verdict::Delivered(delivery) => return Ok(delivered(step, setting, delivery).await),
                    Verdict::Unclear { reason, errors } => {
                        return settle(step, artifact, setting, &reason, &errors).await;
                    }
                    Verdict::Refused(errors) => {
                        return refused(step, artifact, setting, &errors, may_be_there).await;
                    }
                    Verdict::Transient { kind, reason, errors } => {
                        if kind == Passing::Authentication && setting.key_is_refused {
                            return Err(refusal(&errors).into());
                        }
                        crashes = if kind == Passing::Crash { crashes + 1 } else { 0 };
                        let error = if errors.is_empty() {
                            anyhow::anyhow!("{reason}").hint(format!(
                                "rerun the build; a crash of altool says nothing about the package{}",
                                if setting.has_other_way {
                                    ""
                                } else {
                                    ", and the input uploader: native does without altool"
                                }
                            ))
                        } else {
                            refusal(&errors)
                        };
                        (reason, error)
                    }
                }
            }
            Ended::Stopped { reason, last, limit } => {
                crashes = 0;
                let mut text = reason.clone();
                if last.is_empty() {
                    text.push_str("; it had printed nothing");
                } else {
                    text.push_str("; its last lines:\n");
                    text.push_str(&last.join("\n"));
                }
                step.log.warn(&text);
                let advice =
                    format!("check the network of this machine; to wait longer, raise the input {limit}");
                (reason, anyhow::anyhow!(text).hint(advice))
            }
            Ended::NotStarted(error) => {
                return Err(anyhow::Error::from(error)
                    .hint("altool comes with Xcode: check `xcrun --find altool`, or set uploader to native")
                    .into());
            }
        };
        may_be_there = true;
        // The answer may be all that was lost.
        if let Some(found) = arrived(setting, Duration::ZERO).await? {
            step.log
                .plain("App Store Connect has this build: the attempt was delivered.");
            return Ok(Delivered {
                delivery: Delivery::default(),
                followed: Some(found),
            });
        }
        let pause = BACKOFF.random(attempt);
        let is_last = step.inputs.retries != 0 && attempt >= step.inputs.retries;
        let gives_up = crashes >= MOST_CRASHES && setting.has_other_way;
        if is_last || gives_up || started.elapsed() + pause > total {
            return Err(Failed {
                error: error.context(format!("the upload failed {}", wording::counted(attempt, "time"))),
                undecided: (crashes > 0).then_some("altool crashed"),
            });
        }
        step.log.warn(format!(
            "Attempt {attempt} failed with a transient error ({reason}); retrying in {:.1} s.",
            pause.as_secs_f64()
        ));
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

/// The delivery, with what App Store Connect says about it already.
async fn delivered(step: &Step<Inputs>, setting: &Setting<'_>, delivery: Delivery) -> Delivered {
    let followed = match setting.store {
        Some(store) => store
            .arrived(Duration::from_secs(1))
            .await
            .unwrap_or_else(|error| {
                step.log
                    .debug(format!("App Store Connect does not list the build yet: {error}"));
                None
            }),
        None => None,
    };
    Delivered { delivery, followed }
}

/// What App Store Connect has of this run.
async fn arrived(setting: &Setting<'_>, patience: Duration) -> anyhow::Result<Option<Followed>> {
    match setting.store {
        // Where it can't be asked, altool's word is all there is.
        Some(store) => match store.arrived(patience).await {
            Err(error @ build_upload::UploadError::Refused(_)) => Err(advice::explain(error)),
            other => Ok(other.unwrap_or_default()),
        },
        None => Ok(None),
    }
}

/// The end of an upload that altool says was refused.
async fn refused(
    step: &Step<Inputs>,
    artifact: &Artifact,
    setting: &Setting<'_>,
    errors: &[Finding],
    may_be_there: bool,
) -> Result<Delivered, Failed> {
    let is_duplicate = errors
        .iter()
        .any(|error| Cause::of(error) == Some(Cause::Duplicate));
    if is_duplicate {
        // altool repeats requests by itself, so the build that it collides with may be this run's.
        let found = match setting.store {
            Some(_) => arrived(setting, PATIENCE / 3).await?.map(Some),
            None => {
                (may_be_there && names_version(errors, artifact.details.version.as_deref())).then_some(None)
            }
        };
        if let Some(followed) = found {
            step.log
                .plain("App Store Connect has this build: an earlier attempt was delivered.");
            return Ok(Delivered {
                delivery: Delivery {
                    message: "An earlier attempt was delivered.".to_owned(),
                    ..Delivery::default()
                },
                followed,
            });
        }
    }
    Err(refusal(errors).into())
}

/// Whether the refusal is about this build number: one that names another is about that one.
fn names_version(errors: &[Finding], version: Option<&str>) -> bool {
    errors.iter().any(|error| {
        let text = error.whole();
        let named = text.split("previously uploaded version: ").nth(1).map(|rest| {
            rest.split([' ', '(', ';', '\n'])
                .next()
                .unwrap_or_default()
                .trim_end_matches('.')
                .trim_matches(['‘', '’', '\'', '“', '”', '"'])
                .to_owned()
        });
        match (named, version) {
            (Some(named), Some(version)) => named == version,
            _ => true,
        }
    })
}

/// An end that altool leaves open: App Store Connect is asked.
async fn settle(
    step: &Step<Inputs>,
    artifact: &Artifact,
    setting: &Setting<'_>,
    reason: &str,
    errors: &[Finding],
) -> Result<Delivered, Failed> {
    let told: Vec<String> = errors.iter().map(|error| format!("\n- {error}")).collect();
    let told = told.concat();
    let advised = match errors {
        [] => LOOK.to_owned(),
        errors => advice::of_findings(errors),
    };
    let unclear = |error: anyhow::Error| Failed {
        error: error
            .context(format!("whether {} was delivered is not clear", artifact.name()))
            .hint(advised.clone()),
        undecided: errors.is_empty().then_some("altool's result is inconclusive"),
    };
    let Some(store) = setting.store else {
        return Err(unclear(anyhow::anyhow!("{reason}{told}")));
    };
    step.log.plain(format!(
        "altool's result is inconclusive ({reason}); checking App Store Connect."
    ));
    match store.arrived(PATIENCE).await {
        Ok(Some(found)) => {
            step.log.plain("App Store Connect has the build.");
            Ok(Delivered {
                delivery: Delivery::default(),
                followed: Some(found),
            })
        }
        Ok(None) => {
            let older = store.older();
            Err(unclear(anyhow::anyhow!(
                "{reason}, and App Store Connect does not have the build{older}{told}"
            )))
        }
        Err(error @ build_upload::UploadError::Refused(_)) => Err(advice::explain(error).into()),
        Err(error) => Err(unclear(
            anyhow::Error::from(error).context(format!("{reason}{told}")),
        )),
    }
}

fn refusal(errors: &[Finding]) -> anyhow::Error {
    let text = match errors {
        [] => "altool named no reason".to_owned(),
        [error] => error.to_string(),
        errors => {
            let list: Vec<String> = errors.iter().map(|error| format!("\n- {error}")).collect();
            format!("{} errors:{}", errors.len(), list.concat())
        }
    };
    anyhow::anyhow!(text)
        .context("the upload failed")
        .hint(advice::of_findings(errors))
}

/// Everything that an attempt needs.
struct Ready<'a> {
    words: Vec<String>,
    password: Option<SecretString>,
    directory: &'a PrivateDir,
    /// Whether altool runs in the private directory.
    is_private: bool,
}

impl<'a> Ready<'a> {
    fn new(
        step: &Step<Inputs>,
        artifact: &Artifact,
        setting: &Setting<'_>,
        directory: &'a PrivateDir,
    ) -> anyhow::Result<Self> {
        let (sign_in, password) = match setting.account {
            Account::ApiKey(key) => {
                write_key(key, directory.path())
                    .map_err(|source| step.temp_dir_failed(source))
                    .context("could not write the API key for altool")?;
                let sign_in = SignIn::ApiKey {
                    key_id: key.key_id.clone(),
                    issuer_id: key.issuer_id.clone(),
                };
                (sign_in, None)
            }
            Account::AppleId(apple_id) => {
                let chosen = apple_id.app_specific_password.clone();
                let chosen = chosen.map(|text| SecretString::from(text.expose_secret().trim()));
                let password = chosen
                    .or_else(|| apple_id.password.clone())
                    .context("the Apple ID has neither an app-specific password nor a password")
                    .hint("create an app-specific password at https://account.apple.com and set the input app_password, or use an API key")?;
                let sign_in = SignIn::AppleId {
                    apple_id: apple_id.apple_id.clone(),
                    variable: PASSWORD,
                };
                (sign_in, Some(password))
            }
        };
        let known = Known {
            xcode: setting.xcode,
            app_input: step.inputs.app_id.as_deref(),
            app_found: setting.store.map(Store::app_id),
            verbose: step.inputs.verbose_log.is_on(),
        };
        Ok(Self {
            words: arguments::all(artifact, known, &sign_in, setting.extra),
            is_private: password.is_none() && !arguments::has_relative_path(setting.extra),
            password,
            directory,
        })
    }

    /// The command of an attempt, which is shown.
    fn command(&self, step: &Step<Inputs>, attempt: u32) -> Command {
        let mut command = Command::new("xcrun").args(&self.words);
        if let Some(password) = &self.password {
            command = command.secret_env(PASSWORD, password);
        } else {
            command = command.env("API_PRIVATE_KEYS_DIR", self.directory.path().join(KEYS));
        }
        if self.is_private {
            // altool looks into ./private_keys first: a stale key of the same ID, left somewhere else by
            // another tool, is never taken for this one.
            command = command.current_dir(self.directory.path());
        }
        let number = if attempt > 1 {
            format!("  # attempt {attempt}")
        } else {
            String::new()
        };
        step.log.plain(format!("$ {}{number}", command.printable()));
        command
    }
}

const KEYS: &str = "private_keys";

/// Writes the key where altool finds it and nobody else: a directory of mode 0700, a file of mode 0600.
fn write_key(key: &ApiKey, directory: &Path) -> std::io::Result<()> {
    let folder = directory.join(KEYS);
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(folder.join(format!("AuthKey_{}.p8", key.key_id)))?
        .write_all(key.private_key.expose_secret().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_is_told_by_its_version() {
        let report = altool::read(
            "",
            "ERROR: already: The bundle version must be higher than the previously uploaded version: ‘41’. (-19232)",
            altool::Ending::Exit(1),
        );
        let Verdict::Refused(errors) = report.verdict else {
            panic!("not refused")
        };
        assert!(names_version(&errors, Some("41")));
        assert!(!names_version(&errors, Some("42")));
    }
}
