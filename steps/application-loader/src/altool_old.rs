//! The upload with altool: sign in without leaving a trace, try, read the answer, try again.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use apple_account::{Account, ApiKey};
use command::{Command, Output};
use secrecy::{ExposeSecret as _, SecretString};
use step_kit::{Advice as _, Step};
use transport::Backoff;

use crate::answer::{self, Delivery, Verdict};
use crate::arguments::{self, SignIn};
use crate::artifact::Artifact;
use crate::inputs::Inputs;
use crate::{proof, remedy};

/// Where altool reads the password from: the process list and the log see its name only.
const PASSWORD: &str = "ALTOOL_PASSWORD";

/// Pauses between two attempts.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(300),
    longest: Duration::from_secs(60),
};

/// Uploads the package.
///
/// # Errors
/// When it was refused, or its delivery can't be proved.
pub(crate) async fn upload(
    step: &Step<Inputs>,
    artifact: &Artifact,
    account: &Account,
    xcode: Option<u32>,
    extra: &[String],
) -> anyhow::Result<Delivery> {
    let directory = step
        .temp_dir()
        .context("could not create a private temporary directory")?;
    let ready = Ready::new(step, artifact, account, xcode, extra, &directory)?;
    let [_, _, total] = step.inputs.limits();
    let started = Instant::now();
    let mut attempt = 1;
    // Whether an earlier attempt may have been delivered although it seemed to fail.
    let mut may_be_there = false;
    loop {
        let ended = ready.attempt(step, attempt).await;
        let failure = match ended {
            Ended::Answered(Verdict::Delivered(delivery), _) => return Ok(delivery),
            Ended::Answered(Verdict::Unclear(what), _) => {
                return proof::of_delivery(step, artifact, account, what).await;
            }
            Ended::Answered(Verdict::Failed(errors), passing) => {
                if may_be_there && answer::is_duplicate(&errors, artifact.details.version.as_deref()) {
                    step.log
                        .plain("App Store Connect has this build: an earlier attempt was delivered.");
                    return Ok(Delivery {
                        message: "An earlier attempt was delivered.".to_owned(),
                        ..Delivery::default()
                    });
                }
                match passing {
                    Some(cause) => (cause.to_owned(), refused(&errors)),
                    None => return Err(refused(&errors)),
                }
            }
            Ended::Stopped(error) => (error.to_string(), anyhow::Error::from(error)),
            Ended::NotStarted(error) => {
                return Err(anyhow::Error::from(error).hint(
                    "altool comes with Xcode: check `xcrun --find altool`, or set uploader to native",
                ));
            }
        };
        may_be_there = true;
        let (cause, error) = failure;
        let pause = BACKOFF.random(attempt);
        let is_last = step.inputs.retries != 0 && attempt >= step.inputs.retries;
        if is_last || started.elapsed() + pause > total {
            return Err(error.context(format!("the upload failed {attempt} times")));
        }
        step.log.warn(format!(
            "Attempt {attempt} failed for a passing reason ({cause}); trying again."
        ));
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

fn refused(errors: &[String]) -> anyhow::Error {
    let advice = remedy::of(&errors.join("\n"));
    let first = errors.first().cloned().unwrap_or_default();
    let text = match errors.len() {
        0 | 1 => first,
        more => format!("{more} errors:\n- {}", errors.join("\n- ")),
    };
    anyhow::anyhow!(text).context("the upload failed").hint(advice)
}

/// How an attempt ended.
enum Ended {
    /// altool answered; with the passing failure that it speaks of.
    Answered(Verdict, Option<&'static str>),
    /// It took too long or was silent for too long.
    Stopped(command::Error),
    /// It could not be run.
    NotStarted(command::Error),
}

/// Everything that an attempt needs.
struct Ready<'a> {
    words: Vec<String>,
    password: Option<SecretString>,
    directory: &'a step_kit::PrivateDir,
    /// Whether altool runs in the private directory.
    is_private: bool,
}

impl<'a> Ready<'a> {
    fn new(
        step: &Step<Inputs>,
        artifact: &Artifact,
        account: &Account,
        xcode: Option<u32>,
        extra: &[String],
        directory: &'a step_kit::PrivateDir,
    ) -> anyhow::Result<Self> {
        let (sign_in, password) = match account {
            Account::ApiKey(key) => {
                write_key(key, directory.path()).context("the API key can't be written for altool")?;
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
                    .hint("make an app-specific password at https://account.apple.com and set the input app_password, or use an API key")?;
                let sign_in = SignIn::AppleId {
                    apple_id: apple_id.apple_id.clone(),
                    variable: PASSWORD,
                };
                (sign_in, Some(password))
            }
        };
        let app_id = step.inputs.app_id.as_deref();
        let verbose = step.inputs.verbose_log.is_on();
        Ok(Self {
            words: arguments::all(artifact, xcode, app_id, &sign_in, extra, verbose),
            is_private: password.is_none() && !arguments::has_relative_path(extra),
            password,
            directory,
        })
    }

    fn command(&self, step: &Step<Inputs>) -> Command {
        let [attempt, silence, _] = step.inputs.limits();
        let mut command = Command::new("xcrun")
            .args(&self.words)
            .timeout(attempt)
            .silence_timeout(silence);
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
        command
    }

    async fn attempt(&self, step: &Step<Inputs>, number: u32) -> Ended {
        let command = self.command(step);
        step.log.plain(format!(
            "$ {}{}",
            command.printable(),
            if number > 1 {
                format!("  # attempt {number}")
            } else {
                String::new()
            }
        ));
        // The output is shown only when it is whole: altool prints tokens of its own, which nobody knows
        // before they are there.
        match step.runner.output(command).await {
            Ok(output) => {
                show(step, &output);
                let verdict = answer::read(&output.stdout, &output.stderr, output.code());
                let errors = match &verdict {
                    Verdict::Failed(errors) => errors.as_slice(),
                    _ => &[],
                };
                let passing = answer::passing_failure(&output.stdout, &output.stderr, errors);
                Ended::Answered(verdict, passing)
            }
            Err(error @ (command::Error::TimedOut { .. } | command::Error::Silent { .. })) => {
                Ended::Stopped(error)
            }
            Err(error) => Ended::NotStarted(error),
        }
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

fn show(step: &Step<Inputs>, output: &Output) {
    for text in [&output.stdout, &output.stderr] {
        bearer_tokens(text).for_each(|token| step.redactor.learn(token));
    }
    for line in output.stderr.lines() {
        step.log.plain(line);
    }
    for line in output.stdout.lines() {
        step.log.debug(line);
    }
}

/// The tokens that follow the word `Bearer`: Xcode 16's altool prints them.
fn bearer_tokens(text: &str) -> impl Iterator<Item = &str> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "-_.~+/=".contains(c);
    text.char_indices()
        .filter(|(_, c)| matches!(c, 'b' | 'B'))
        .filter_map(move |(at, _)| {
            let word = text.get(at..at + 6)?;
            let rest = text.get(at + 6..)?;
            let token = rest.trim_start_matches([' ', ':', '=', '"', '\'', '\t']);
            let end = token.find(|c| !is_token(c)).unwrap_or(token.len());
            (word.eq_ignore_ascii_case("bearer") && end >= 8).then_some(&token[..end])
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bearer_token_is_found() {
        let text = "Authorization = \"Bearer eyJ0.one.sig-1\"; x authorization: bearer eyJ0.two_2.s\nforbearer Bearer ";
        let tokens: Vec<&str> = bearer_tokens(text).collect();
        assert_eq!(tokens, ["eyJ0.one.sig-1", "eyJ0.two_2.s"]);
    }
}
