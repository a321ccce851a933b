//! Uploads an app, its metadata and screenshots with fastlane deliver.
//!
//! Check the inputs, find the account, make fastlane ready, call deliver, and explain its failures. See the
//! README beside `step.yml` for inputs.

mod arguments;
mod artifact;
mod inputs;
mod native;
mod setup;
mod xcode;

use account_inputs::Terms;
use anyhow::Context as _;
use apple_account::Account;
use fastlane_runner::credentials::{self, Variable};
use fastlane_runner::diagnosis;
use step_kit::{Advice as _, InputProblem, InputProblems, Step};

use crate::arguments::Extra;
use crate::artifact::Artifact;
use crate::native::EngineChoice;

pub use inputs::Inputs;

/// The step's manifest.
pub const MANIFEST: step_kit::Manifest = include!(concat!(env!("OUT_DIR"), "/manifest.rs"));

const TERMS: Terms = Terms::of_any_account("itunescon_user", true);

/// Runs the step.
///
/// # Errors
/// With what failed and what to do next; a deliver that fails keeps fastlane's exit status.
pub async fn run(step: Step<Inputs>) -> anyhow::Result<()> {
    let choice = EngineChoice::of(&step.inputs);
    if choice == EngineChoice::Fastlane {
        plan_needs_native(&step.inputs)?;
        let (artifact, extra) = checked(&step.inputs)?;
        let account = account(&step).await?;
        return with_fastlane(step, account, artifact, extra).await;
    }
    let extra = arguments::extra(&step.inputs).map_err(InputProblems)?;
    let mut request = native::Request::read(&step, &extra.deliver);
    if choice == EngineChoice::Native {
        request = Ok(request?);
    }
    let account = account(&step).await?;
    let objection = native::objection(&request, &account).filter(|_| choice == EngineChoice::Automatic);
    match (objection, request) {
        (None, request) => {
            step.log.plain("Engine: native.");
            native::run(&step, &account, request?).await
        }
        (Some(reason), _) => {
            step.log.plain(format!("Engine: fastlane, because {reason}."));
            plan_needs_native(&step.inputs)?;
            let (artifact, extra) = checked(&step.inputs)?;
            with_fastlane(step, account, artifact, extra).await
        }
    }
}

/// A plan is the native engine's.
fn plan_needs_native(inputs: &Inputs) -> anyhow::Result<()> {
    if inputs.mode == "plan" {
        let problem = InputProblem::new("mode", "`plan` needs the native engine; set engine to `native`");
        return Err(InputProblems(vec![problem]).into());
    }
    Ok(())
}

/// The account that signs in.
async fn account(step: &Step<Inputs>) -> anyhow::Result<Account> {
    let found = account_inputs::find(step, &step.inputs.connection, &step.inputs.given(), TERMS).await?;
    let (account, _) = account_inputs::required(found, TERMS)?;
    Ok(account)
}

/// Calls fastlane deliver.
async fn with_fastlane(
    step: Step<Inputs>,
    account: Account,
    artifact: Artifact,
    extra: Extra,
) -> anyhow::Result<()> {
    arguments::ambiguities(&step.inputs)
        .iter()
        .for_each(|line| step.log.warn(line));
    if matches!(&account, Account::AppleId(apple_id) if apple_id.app_specific_password.is_none()) {
        step.log.warn(
            "The Apple ID has no app-specific password; with two-factor authentication, uploads need one.",
        );
    }

    step.log.heading("fastlane");
    let launcher = setup::ready(&step).await?;
    let xcode = xcode::version(&step).await?;

    step.report.fact("Package", artifact.name());
    step.report.fact("Account", account_inputs::kind(Some(&account)));
    step.log.heading("Upload");
    let directory = step
        .temp_dir()
        .context("no private temporary directory can be made")?;
    let given = artifact
        .given_as(directory.path())
        .context("the package can't be linked")?;
    let (signing_in, variables) = handed_over(&account, directory.path())?;
    let words = arguments::all(&step.inputs, signing_in, &artifact, &given, extra.deliver);
    let mut command = credentials::handed(launcher.command(&words), &variables);
    for (name, value) in xcode::variables(xcode, &step.inputs) {
        command = command.env(name, value);
    }
    // It would win over the session that is handed over.
    command = command.env_remove("FASTLANE_PASSWORD");
    step.log.plain(format!(
        "{} ({})",
        artifact.path.display(),
        artifact::size(&artifact.path)
    ));
    step.log.plain(format!("$ {}", command.printable()));
    let output = step
        .runner
        .stream(command, |line| step.log.output(line.text))
        .await
        .context("fastlane could not be run")?;
    if !output.success() {
        return Err(failure(&step.inputs, &output));
    }
    let done = if step.inputs.submit_for_review.is_on() {
        "was uploaded and submitted for review"
    } else {
        "was uploaded; App Store Connect processes it now, which takes some minutes before it shows up in TestFlight"
    };
    let name = artifact.name();
    step.log.success(format!("{name} {done}."));
    step.report.markdown(&format!("`{name}` {done}."));
    Ok(())
}

/// What is uploaded and what is passed on, or everything that is wrong with the inputs.
fn checked(inputs: &Inputs) -> anyhow::Result<(Artifact, Extra)> {
    let mut problems = Vec::new();
    let artifact = artifact::choose(inputs)
        .map_err(|problem| problems.push(problem))
        .ok();
    if inputs.app_id.is_none() && inputs.bundle_id.is_none() {
        problems.push(InputProblem::new(
            "bundle_id",
            "neither it nor app_id has a value; accepted: the app's bundle ID, or the number of its App Information page",
        ));
    }
    let extra = arguments::extra(inputs)
        .map_err(|found| problems.extend(found))
        .ok();
    problems.extend(account_inputs::problem(&inputs.given(), TERMS));
    match (artifact, extra) {
        (Some(artifact), Some(extra)) if problems.is_empty() => Ok((artifact, extra)),
        _ => Err(InputProblems(problems).into()),
    }
}

/// How deliver signs in: words for its command line, and variables.
fn handed_over(
    account: &Account,
    directory: &std::path::Path,
) -> anyhow::Result<(Vec<String>, Vec<Variable>)> {
    Ok(match account {
        Account::ApiKey(key) => {
            let file = credentials::write_key_file(key, directory)
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
            (words, credentials::deliver_variables(apple_id)?)
        }
    })
}

fn failure(inputs: &Inputs, output: &command::Output) -> anyhow::Error {
    let status = output.code();
    let error = anyhow::anyhow!("fastlane deliver ended with exit status {status}");
    let (error, advice) = match diagnosis::diagnose(&format!("{}\n{}", output.stdout, output.stderr)) {
        Some(known) => (error.context(known.cause), known.remedy.to_owned()),
        None if inputs.fastlane_version.as_deref() == Some("latest") => {
            (error, "see fastlane's last lines above".to_owned())
        }
        None => (
            error,
            "see fastlane's last lines above; if they look like fastlane's own fault, try the input fastlane_version: latest, which includes release candidates".to_owned(),
        ),
    };
    error
        .context("the upload failed")
        .exit_status(u8::try_from(status).unwrap_or(1))
        .hint(advice)
}
