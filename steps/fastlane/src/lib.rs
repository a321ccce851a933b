//! Runs a fastlane lane with the connected Apple account.
//!
//! Check the inputs, find the account, make fastlane ready, run the lane, and then either keep its logs or
//! name what is worth caching. See the README beside `step.yml` for inputs and outputs.

mod cache;
mod handover;
mod inputs;
mod logs;
mod setup;

use std::path::{Path, PathBuf};

use account_inputs::Terms;
use anyhow::Context as _;
use fastlane_runner::credentials;
use step_kit::{Advice as _, InputProblem, InputProblems, Step};

pub use inputs::Inputs;

/// The step's manifest.
pub const MANIFEST: step_kit::Manifest = include!(concat!(env!("OUT_DIR"), "/manifest.rs"));

const TERMS: Terms = Terms::of_any_account("apple_id", true);

/// Runs the step.
///
/// # Errors
/// With what failed and what to do next; a lane that fails keeps fastlane's exit status.
pub async fn run(step: Step<Inputs>) -> anyhow::Result<()> {
    let (lane, directory) = checked(&step.inputs)?;
    if let Some(home) = step.env.get("GEM_HOME") {
        step.log.warn(format!(
            "GEM_HOME is set to {home}: gems are installed there, and found only by a Ruby that looks there."
        ));
    }
    let found = account_inputs::find(&step, &step.inputs.connection, &step.inputs.given(), TERMS).await?;
    if found.account.is_none() {
        account_inputs::warn_of_none(&step, &found, TERMS);
    }

    let launcher = setup::ready(&step, &directory).await?;

    step.report.fact("Lane", lane.join(" "));
    step.report
        .fact("Account", account_inputs::kind(found.account.as_ref()));
    step.log.heading("Lane");
    let handover = handover::prepare(&step, found.account.as_ref())?;
    let command = credentials::handed(launcher.command(&lane), &handover.variables)
        .env("FL_BUILDLOG_PATH", handover.build_logs());
    step.log.plain(format!("$ {}", command.printable()));
    let output = step
        .runner
        .stream(command, |line| step.log.output(line.text))
        .await
        .context("fastlane could not be run")?;
    if !output.success() {
        let kept = logs::keep(&step, &launcher, &handover.build_logs()).await;
        return Err(failure(output.code(), &lane, &output, kept));
    }
    if step.inputs.enable_cache.is_on() {
        cache::name_paths(&step, &directory).await;
    }
    step.log.success("The lane succeeded.");
    step.report
        .markdown(&format!("The lane `{}` succeeded.", lane.join(" ")));
    Ok(())
}

/// The lane's words and the directory that fastlane runs in, or everything that is wrong with the inputs.
fn checked(inputs: &Inputs) -> anyhow::Result<(Vec<String>, PathBuf)> {
    let mut problems = Vec::new();
    let lane = step_kit::words(&inputs.lane).unwrap_or_else(|error| {
        let problem = format!("`{}` can't be split into words: {error}", inputs.lane);
        problems.push(InputProblem::new("lane", problem));
        Vec::new()
    });
    let directory = inputs.work_dir.as_deref().unwrap_or(".");
    if !Path::new(directory).is_dir() {
        let problem = format!(
            "`{directory}` is not a directory; accepted: the directory that holds the `fastlane` directory"
        );
        problems.push(InputProblem::new("work_dir", problem));
    }
    problems.extend(account_inputs::problem(&inputs.given(), TERMS));
    if !problems.is_empty() {
        return Err(InputProblems(problems).into());
    }
    Ok((lane, absolute(Path::new(directory))?))
}

/// The directory as the user wrote it, from the root on; `..` would show up in every path that is exported.
fn absolute(directory: &Path) -> anyhow::Result<PathBuf> {
    let has_parent = directory
        .components()
        .any(|part| part == std::path::Component::ParentDir);
    let absolute = if has_parent {
        directory.canonicalize()
    } else {
        std::path::absolute(directory)
    };
    absolute.context("the working directory has no absolute path")
}

fn failure(status: i32, lane: &[String], output: &command::Output, logs: Option<PathBuf>) -> anyhow::Error {
    let shown = lane.join(" ");
    let text = format!("{}\n{}", output.stdout, output.stderr);
    let error = anyhow::anyhow!("fastlane ended with exit status {status}");
    let (error, remedy) = match fastlane_runner::diagnosis::diagnose(&text) {
        Some(known) => (error.context(known.cause), Some(known.remedy)),
        None => (error, None),
    };
    let see = logs.map(|folder| format!("see the log above, and fastlane_env.log in {}", folder.display()));
    let advice = match (remedy, see) {
        (Some(remedy), _) => remedy.to_owned(),
        (None, Some(see)) => see,
        (None, None) => "see the log above".to_owned(),
    };
    error
        .context(format!("the lane `{shown}` failed"))
        .exit_status(u8::try_from(status).unwrap_or(1))
        .hint(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(variables: &[(&str, &str)]) -> String {
        let inputs: Inputs = step_kit::testing::inputs(MANIFEST, variables).unwrap();
        checked(&inputs).unwrap_err().to_string()
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let text = problems(&[
            ("lane", "beta notes:'x"),
            ("work_dir", "/nowhere"),
            ("api_issuer", "I"),
        ]);
        for words in ["lane: ", "never closed", "work_dir: `/nowhere`", "api_key_path: "] {
            assert!(text.contains(words), "{text}");
        }
    }
}
