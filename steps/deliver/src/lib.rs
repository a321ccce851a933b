//! Uploads an app, its metadata and screenshots with fastlane deliver.
//!
//! Check the inputs, find the account, make fastlane ready, call deliver, and explain its failures. See the
//! README beside `step.yml` for inputs.

mod advice;
mod arguments;
mod artifact;
mod fastlane;
mod inputs;
mod native;
mod settle;
mod setup;
mod xcode;

use account_inputs::Terms;
use apple_account::Account;
use fastlane_step::Limits;
use step_kit::{InputProblem, InputProblems, Step};

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
        let checked = checked(&step.inputs)?;
        let account = account(&step).await?;
        return fastlane::run(step, &account, checked).await;
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
            step.log.plain(match choice {
                EngineChoice::Automatic => {
                    "Engine: native, because there is an API key and it covers every option in use."
                }
                _ => "Engine: native.",
            });
            native::run(&step, &account, request?).await
        }
        (Some(reason), _) => {
            step.log.plain(format!("Engine: fastlane, because {reason}."));
            plan_needs_native(&step.inputs)?;
            let checked = checked(&step.inputs)?;
            fastlane::run(step, &account, checked).await
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

/// What the inputs of fastlane deliver say.
struct Checked {
    artifact: Artifact,
    extra: Extra,
    limits: Limits,
}

/// What the inputs of fastlane deliver say, or everything that is wrong with them.
fn checked(inputs: &Inputs) -> anyhow::Result<Checked> {
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
    let limits = Limits::parse(inputs.timeout.as_deref(), inputs.silence_timeout.as_deref())
        .map_err(|found| problems.extend(found))
        .ok();
    problems.extend(account_inputs::problem(&inputs.given(), TERMS));
    match (artifact, extra, limits) {
        (Some(artifact), Some(extra), Some(limits)) if problems.is_empty() => Ok(Checked {
            artifact,
            extra,
            limits,
        }),
        _ => Err(InputProblems(problems).into()),
    }
}
