//! Uploads an `.ipa` or `.pkg` to App Store Connect.
//!
//! Check the inputs, look at the package, find the account, say what goes where, upload, and report success
//! only with proof of delivery. See the README beside `step.yml` for inputs and outputs.

mod altool;
mod answer;
mod arguments;
mod artifact;
mod inputs;
mod native;
mod progress;
mod proof;
mod remedy;
mod xcode;

use std::path::PathBuf;

use account_inputs::Terms;
use app_package::Format;
use apple_account::Account;
use build_upload::Followed;
use step_kit::html_report::Block;
use step_kit::{InputProblem, InputProblems, Step};

use crate::answer::Delivery;

pub use inputs::{Inputs, PlatformInput, Uploader};

/// The step's manifest.
pub const MANIFEST: step_kit::Manifest = include!(concat!(env!("OUT_DIR"), "/manifest.rs"));

/// altool signs in by itself, so an Apple ID is as good without a session.
const TERMS: Terms = Terms::of_any_account("itunescon_user", false);

/// Runs the step.
///
/// # Errors
/// With what failed and what to do next.
pub async fn run(step: Step<Inputs>) -> anyhow::Result<()> {
    let (path, format, extra) = checked(&step.inputs)?;
    let with_altool = match step.inputs.uploader {
        Uploader::Altool => true,
        Uploader::Native => false,
        Uploader::Automatic => xcode::is_installed(&step),
    };
    let xcode = if with_altool {
        xcode::version(&step).await?
    } else {
        None
    };
    let found = account_inputs::find(&step, &step.inputs.connection, &step.inputs.given(), TERMS).await?;
    let (account, _) = account_inputs::required(found, TERMS)?;
    if !with_altool {
        native::key(&account, native::UPLOADING)?;
    } else if step.inputs.wait_for_processing.is_on() {
        native::key(&account, native::WAITING)?;
    }

    step.log.heading("Package");
    let artifact = artifact::examine(&step.inputs, path, format, &step.log)?;
    if step.inputs.app_id.is_some() {
        artifact.complete()?;
    }
    for line in artifact.describe(step.inputs.app_id.as_deref()) {
        step.log.plain(format!("- {line}"));
    }
    if matches!(&account, Account::AppleId(apple_id) if apple_id.app_specific_password.is_none()) {
        step.log.warn(
            "The Apple ID has no app-specific password; with two-factor authentication, uploads need one.",
        );
    }

    step.report.fact("Account", account_inputs::kind(Some(&account)));
    step.report.block(Block::List {
        heading: "Package".to_owned(),
        items: artifact.describe(step.inputs.app_id.as_deref()),
    });
    step.log.heading("Upload");
    let followed = if with_altool {
        let delivery = altool::upload(&step, &artifact, &account, xcode, &extra).await?;
        tell(&step, &delivery);
        match step.inputs.wait_for_processing.is_on() {
            true => Some(proof::of_processing(&step, &artifact, &account).await?),
            false => None,
        }
    } else {
        let done = native::upload(&step, &artifact, &account).await?;
        step.report
            .fact("App", format!("{} ({})", done.app.name, done.app.id));
        step.report.fact("Sent", &done.transferred);
        Some(done.followed)
    };
    for warning in followed.iter().flat_map(|followed| &followed.warnings) {
        step.log.warn(format!("App Store Connect warns: {warning}"));
    }
    let processed = followed
        .as_ref()
        .is_some_and(|followed| followed.state == "COMPLETE");
    let end = if processed {
        "was uploaded and processed"
    } else {
        "was uploaded"
    };
    step.log.success(format!("{} {end}.", artifact.name()));
    if let Some(followed) = &followed {
        export(&step, followed).await?;
    }
    step.report
        .markdown(&format!("`{}` {end} to App Store Connect.", artifact.name()));
    Ok(())
}

/// What altool said.
fn tell(step: &Step<Inputs>, delivery: &Delivery) {
    for warning in &delivery.warnings {
        step.log.warn(warning);
    }
    if !delivery.message.is_empty() {
        step.log.plain(&delivery.message);
    }
    if let Some(transferred) = &delivery.transferred {
        step.log.plain(format!("transferred: {transferred}"));
    }
    if let Some(id) = &delivery.id {
        step.log.plain(format!("delivery ID: {id}"));
    }
}

/// The IDs of the upload and its build, as far as they are known.
async fn export(step: &Step<Inputs>, followed: &Followed) -> anyhow::Result<()> {
    let outputs = [
        ("BITRISE_APPSTORE_UPLOAD_ID", &followed.upload),
        ("BITRISE_APPSTORE_BUILD_ID", &followed.build),
    ];
    for (key, value) in outputs {
        if let Some(value) = value {
            step.export(key, value).await?;
        }
    }
    Ok(())
}

/// The package and the user's options, or everything that is wrong with the inputs.
fn checked(inputs: &Inputs) -> anyhow::Result<(PathBuf, Format, Vec<String>)> {
    let mut problems = Vec::new();
    let package = artifact::choose(inputs)
        .map_err(|problem| problems.push(problem))
        .ok();
    let options = inputs.altool_options.as_deref().unwrap_or_default();
    let extra = step_kit::words(options).unwrap_or_else(|error| {
        problems.push(InputProblem::new(
            "altool_options",
            format!("`{options}` can't be split into words: {error}"),
        ));
        Vec::new()
    });
    if let Some(id) = inputs
        .app_id
        .as_ref()
        .filter(|id| !id.chars().all(|c| c.is_ascii_digit()))
    {
        problems.push(InputProblem::new(
            "app_id",
            format!("`{id}` is not an app ID; accepted: the number of the app's App Information page, such as 1023456789"),
        ));
    }
    problems.extend(account_inputs::problem(&inputs.given(), TERMS));
    match package {
        Some((path, format)) if problems.is_empty() => Ok((path, format, extra)),
        _ => Err(InputProblems(problems).into()),
    }
}
