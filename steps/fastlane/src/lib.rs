//! Runs a fastlane lane with the connected Apple account.
//!
//! Check the inputs, find the account, make fastlane ready, run the lane, and then either keep its logs or
//! name what is worth caching. See the README beside `step.yml` for inputs and outputs.

mod advice;
mod cache;
mod handover;
mod inputs;
mod lane;
mod logs;
mod setup;

use std::path::{Path, PathBuf};

use account_inputs::Terms;
use anyhow::Context as _;
use fastlane_runner::{Ending, credentials};
use fastlane_step::{Failure, Limits, Upload, ensure_utf8, false_success};
use step_kit::{Advice as _, InputProblem, InputProblems, Step};

pub use inputs::Inputs;
use lane::Lane;

/// The step's manifest.
pub const MANIFEST: step_kit::Manifest = include!(concat!(env!("OUT_DIR"), "/manifest.rs"));

const TERMS: Terms = Terms::of_any_account("apple_id", true);

/// Runs the step.
///
/// # Errors
/// With what failed and what to do next; a lane that fails keeps fastlane's exit status.
pub async fn run(mut step: Step<Inputs>) -> anyhow::Result<()> {
    let Checked {
        lane,
        directory,
        limits,
    } = checked(&step.inputs)?;
    lane::mask_pieces(&step, &step.inputs.lane);
    if let Some(home) = step.env.get("GEM_HOME") {
        step.log.warn(format!(
            "GEM_HOME is set to {home}: gems are installed there, and found only by a Ruby that looks there."
        ));
    }
    let found = account_inputs::find(&step, &step.inputs.connection, &step.inputs.given(), TERMS).await?;
    if found.account.is_none() {
        account_inputs::warn_of_none(&step, &found, TERMS);
    }

    step.log.heading("fastlane");
    ensure_utf8(&mut step).await;
    // RubyGems needs one as well, and does not say so.
    let private = step.temp_dir()?;
    let ready = setup::prepare(&step, &directory)
        .await
        .map_err(fastlane_step::not_ready)?;

    step.report.fact("Lane", &lane.text);
    step.report
        .fact("Account", account_inputs::kind(found.account.as_ref()));
    step.log.heading("Lane");
    let handover = handover::prepare(&step, private, found.account.as_ref())?;
    let mut command = credentials::with_variables(ready.launcher.command(&lane.words), &handover.variables);
    if step.env.get(handover::BUILD_LOG_VARIABLE).is_none() {
        command = command.env(handover::BUILD_LOG_VARIABLE, handover.build_logs());
    }
    step.log.plain(format!(
        "$ {} {}",
        ready.launcher.command([""; 0]).printable(),
        lane.text
    ));
    let output = step
        .runner
        .stream(limits.apply(command), |line| step.log.output(line.text))
        .await;
    if step.is_stopping() {
        anyhow::bail!("the lane `{}` was stopped", lane.text);
    }
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            logs::keep(&step, &ready.launcher, &handover.build_logs()).await;
            return Err(stopped(error, &lane));
        }
    };
    let ending = Ending::of_lane(&output);
    let upload = Upload::read(&output);
    if !output.success() || ending.finished_with_errors {
        logs::keep(&step, &ready.launcher, &handover.build_logs()).await;
        return Err(Failure {
            what: format!("the lane `{}` failed", lane.text),
            ending: &ending,
            status: output.code(),
            upload: upload.as_ref(),
            own_advice: advice::about_apple,
        }
        .into_error());
    }
    if let Some(failure) = upload
        .filter(Upload::is_false_success)
        .and_then(|upload| upload.failure())
    {
        logs::keep(&step, &ready.launcher, &handover.build_logs()).await;
        return Err(false_success(
            format!("the lane `{}` did not upload the app", lane.text),
            failure,
        ));
    }
    step.report
        .markdown(&format!("The lane `{}` succeeded.", lane.text));
    if step.inputs.enable_cache.is_on() {
        cache::name_paths(&step, &directory, ready.bundle.as_ref()).await;
    }
    step.log.success("The lane succeeded.");
    Ok(())
}

/// What the inputs say.
struct Checked {
    lane: Lane,
    directory: PathBuf,
    limits: Limits,
}

/// What the inputs say, or everything that is wrong with them.
fn checked(inputs: &Inputs) -> anyhow::Result<Checked> {
    let mut problems = Vec::new();
    let lane = Lane::parse(&inputs.lane)
        .map_err(|error| {
            let problem = format!("`{}` can't be split into words: {error}", inputs.lane);
            problems.push(InputProblem::new("lane", problem));
        })
        .ok();
    let directory = inputs.work_dir.as_deref().unwrap_or(".");
    if !Path::new(directory).is_dir() {
        let problem = format!(
            "`{directory}` is not a directory; accepted: the directory that holds the `fastlane` directory"
        );
        problems.push(InputProblem::new("work_dir", problem));
    }
    let limits = Limits::parse(inputs.timeout.as_deref(), inputs.silence_timeout.as_deref())
        .map_err(|found| problems.extend(found))
        .ok();
    problems.extend(account_inputs::problem(&inputs.given(), TERMS));
    match (lane, limits) {
        (Some(lane), Some(limits)) if problems.is_empty() => Ok(Checked {
            lane,
            directory: absolute(Path::new(directory))?,
            limits,
        }),
        _ => Err(InputProblems(problems).into()),
    }
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

/// A lane that did not come to its end.
fn stopped(error: command::Error, lane: &Lane) -> anyhow::Error {
    let hint = advice::about_limit(&error);
    let error = anyhow::Error::from(error).context(format!("the lane `{}` did not finish", lane.text));
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(variables: &[(&str, &str)]) -> String {
        let inputs: Inputs = step_kit::testing::inputs(MANIFEST, variables).unwrap();
        checked(&inputs).err().unwrap().to_string()
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let text = problems(&[
            ("lane", "beta notes:'x"),
            ("work_dir", "/nowhere"),
            ("timeout", "soon"),
            ("silence_timeout", "0"),
            ("api_issuer", "I"),
        ]);
        for words in [
            "lane: ",
            "never closed",
            "work_dir: `/nowhere`",
            "timeout: `soon`",
            "silence_timeout: `0`",
            "api_key_path: ",
        ] {
            assert!(text.contains(words), "{text}");
        }
    }
}
