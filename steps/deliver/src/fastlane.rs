//! Uploads with fastlane deliver: make fastlane ready, call it, and judge by altool's words what came of it.

use std::path::Path;

use anyhow::Context as _;
use apple_account::Account;
use fastlane_runner::Ending;
use fastlane_runner::credentials::{self, Variable};
use fastlane_step::{Failure, Upload, ended_by_upload, ensure_utf8, false_success, with_warnings};
use step_kit::{Advice as _, Step, size_text};

use crate::inputs::Inputs;
use crate::settle::{Delivery, confirm_delivery};
use crate::{Checked, advice, arguments, setup, xcode};

/// Calls fastlane deliver.
///
/// # Errors
/// With what failed and what to do next; a deliver that fails keeps fastlane's exit status.
pub(crate) async fn run(mut step: Step<Inputs>, account: &Account, checked: Checked) -> anyhow::Result<()> {
    let Checked {
        artifact,
        extra,
        limits,
    } = checked;
    arguments::ambiguities(&step.inputs)
        .iter()
        .for_each(|line| step.log.warn(line));
    if matches!(account, Account::AppleId(apple_id) if apple_id.app_specific_password.is_none()) {
        step.log.warn(
            "The Apple ID has no app-specific password; with two-factor authentication, uploads need one.",
        );
    }

    if let Account::ApiKey(key) = account {
        // fastlane begins an upload of its own.
        upload_step::withdraw_abandoned(&step, key, None).await?;
    }

    // RubyGems needs one as well, and does not say so.
    let directory = step.temp_dir()?;
    step.log.heading("fastlane");
    ensure_utf8(&mut step).await;
    let launcher = setup::prepare(&step).await.map_err(fastlane_step::not_ready)?;
    let xcode = xcode::version(&step).await?;

    step.report.fact("Package", artifact.name());
    step.report.fact("Account", account_inputs::kind(Some(account)));
    step.log.heading("Upload");
    let given = artifact
        .given_as(directory.path())
        .context("the package can't be linked")?;
    let (signing_in, variables) = handed_over(&step, account, directory.path())?;
    let words = arguments::all(&step.inputs, signing_in, &artifact, &given, extra.deliver);
    let mut command = credentials::with_variables(launcher.command(&words), &variables);
    for (name, value) in xcode::variables(xcode, &step.inputs) {
        command = command.env(name, value);
    }
    // It would win over the session that is handed over.
    command = command.env_remove("FASTLANE_PASSWORD");
    step.log.plain(format!(
        "{} ({})",
        artifact.path.display(),
        size_text(artifact.path.metadata().map_or(0, |data| data.len()))
    ));
    step.log.plain(format!("$ {}", command.printable()));
    let started = clock::now();
    let output = step
        .runner
        .stream(limits.apply(command), |line| step.log.output(line.text))
        .await;
    if step.is_stopping() {
        anyhow::bail!("fastlane deliver was stopped");
    }
    let is_submitted = step.inputs.submit_for_review.is_on();
    let outcome = match output {
        Ok(output) => judge(&output, is_submitted)?,
        Err(error @ (command::Error::TimedOut { .. } | command::Error::Silent { .. })) => Outcome::Open {
            error: stopped(error),
            is_claimed: false,
        },
        Err(error) => return Err(stopped(error)),
    };
    match outcome {
        Outcome::Uploaded => {}
        Outcome::UploadedDespiteFastlane => step.log.warn(
            "altool reports that the upload succeeded; fastlane mistook a harmless line of its log for an error. A newer fastlane may not.",
        ),
        Outcome::Open { error, is_claimed } => match confirm_delivery(&step, account, &artifact, started).await {
            Delivery::Confirmed if is_submitted && !is_claimed => {
                return Err(error
                    .context("App Store Connect has the package, but it was not submitted for review")
                    .hint("submit the build in App Store Connect; do not upload it again"));
            }
            Delivery::Confirmed => {}
            Delivery::Missing => {
                return Err(error.hint("correct what is named above, if anything is, then upload again: App Store Connect does not have this build"));
            }
            Delivery::Refused(refused) => return Err(refused),
            Delivery::Unknown if is_claimed => step.log.warn(
                "fastlane reports the upload as successful, and altool does not confirm it. Check in App Store Connect > TestFlight whether the build arrived.",
            ),
            Delivery::Unknown => return Err(error),
        },
    }
    let done = if is_submitted {
        "was uploaded and submitted for review"
    } else {
        "was uploaded; it appears in TestFlight after App Store Connect has processed it"
    };
    let name = artifact.name();
    step.log.success(format!("{name} {done}."));
    step.report.markdown(&format!("`{name}` {done}."));
    Ok(())
}

/// How deliver signs in: words for its command line, and variables.
fn handed_over(
    step: &Step<Inputs>,
    account: &Account,
    directory: &Path,
) -> anyhow::Result<(Vec<String>, Vec<Variable>)> {
    Ok(match account {
        Account::ApiKey(key) => {
            let file = credentials::write_key_file(key, directory)
                .map_err(|source| step.temp_dir_failed(source))
                .context("the API key can't be written for fastlane")?;
            let words = [
                "--api_key_path",
                &file.to_string_lossy(),
                // precheck cannot look at in-app purchases with an API key.
                "--precheck_include_in_app_purchases",
                "false",
            ];
            (words.map(str::to_owned).to_vec(), Vec::new())
        }
        Account::AppleId(apple_id) => {
            let words = if apple_id.apple_id.is_empty() {
                Vec::new()
            } else {
                vec!["--username".to_owned(), apple_id.apple_id.clone()]
            };
            (
                words,
                with_warnings(credentials::deliver_variables(apple_id), &step.log),
            )
        }
    })
}

/// What came of a run that is no failure.
#[derive(Debug)]
enum Outcome {
    Uploaded,
    /// fastlane calls it a failure, and altool has delivered the package.
    UploadedDespiteFastlane,
    /// Whether the package arrived is open.
    Open {
        /// The failure, if it did not.
        error: anyhow::Error,
        /// Whether fastlane says that it did, which counts where nobody can be asked.
        is_claimed: bool,
    },
}

/// Whether the package was uploaded, by altool's word first.
///
/// # Errors
/// When it was not, or when something else failed.
fn judge(output: &command::Output, is_submitted: bool) -> anyhow::Result<Outcome> {
    let ending = Ending::of_tool("deliver", output);
    let upload = Upload::read(output);
    if output.success() && !ending.finished_with_errors {
        let Some(upload) = upload else {
            return Ok(Outcome::Uploaded);
        };
        return match upload.failure() {
            Some(failure) => {
                let error = false_success("the upload failed".to_owned(), failure);
                match upload.is_open() {
                    true => Ok(Outcome::Open {
                        error,
                        is_claimed: false,
                    }),
                    false => Err(error),
                }
            }
            None if upload.is_unconfirmed() => Ok(Outcome::Open {
                error: anyhow::anyhow!(
                    "fastlane reported the upload as successful, but altool did not confirm it"
                )
                .context("the upload failed"),
                is_claimed: true,
            }),
            None => Ok(Outcome::Uploaded),
        };
    }
    // Submitting is all that deliver does after the upload.
    let is_delivered = upload.as_ref().is_some_and(Upload::is_delivered);
    if is_delivered && ended_by_upload(&ending) && !is_submitted {
        return Ok(Outcome::UploadedDespiteFastlane);
    }
    let what = if is_delivered {
        "the package was uploaded, but a later action failed"
    } else {
        "the upload failed"
    };
    let is_open = !is_delivered && ended_by_upload(&ending) && upload.as_ref().is_none_or(Upload::is_open);
    let error = Failure {
        what: what.to_owned(),
        ending: &ending,
        status: output.code(),
        upload: upload.as_ref(),
        own_advice: advice::about_apple,
    }
    .into_error();
    match is_open {
        true => Ok(Outcome::Open {
            error,
            is_claimed: false,
        }),
        false => Err(error),
    }
}

/// A run that did not come to its end.
fn stopped(error: command::Error) -> anyhow::Error {
    let hint = advice::about_limit(&error);
    let error = anyhow::Error::from(error).context("fastlane deliver did not finish");
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
