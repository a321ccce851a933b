//! Uploads an `.ipa` or `.pkg` to App Store Connect.
//!
//! Check the inputs, look at the package, find the account, say what goes where, upload, and report success
//! only with proof of delivery. See the README beside `step.yml` for inputs and outputs.

mod advice;
mod altool_upload;
mod arguments;
mod artifact;
mod attempt;
mod distribution;
mod inputs;
mod native;
mod outputs;
mod paths;
mod preflight;
mod store;
mod xcode;

use std::path::PathBuf;
use std::time::Duration;

use account_inputs::Terms;
use altool::Delivery;
use app_package::Format;
use apple_account::Account;
use build_upload::Followed;
use step_kit::html_report::Block;
use step_kit::{Advice as _, InputProblem, InputProblems, Step};

use crate::altool_upload::Setting;
use crate::artifact::{Artifact, Judge};
use crate::distribution::Pending;
use crate::store::{Opened, Store};

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
    let distribution = distribution::Request::read(&step.inputs)?;
    if let Some((request, build)) = distribution
        .as_ref()
        .and_then(|request| Some((request, request.existing.as_ref()?)))
    {
        return distribution::of_existing(&step, request, build).await;
    }
    let (path, format, extra) = checked(&step.inputs)?;
    let only_validates = step.inputs.validate_only.is_on();
    let with_altool = match step.inputs.uploader {
        _ if only_validates => false,
        Uploader::Altool => true,
        Uploader::Native => false,
        Uploader::Automatic => xcode::is_installed(&step),
    };
    let xcode = if with_altool {
        xcode::version(&step).await?
    } else {
        None
    };
    let account = account(&step, with_altool).await?;
    step.log.heading("Package");
    let judge = if with_altool && !step.inputs.is_plan() {
        Judge::Altool
    } else {
        Judge::Step
    };
    let artifact = artifact::examine(&step.inputs, path, format, judge, &step.log)?;
    if step.inputs.app_id.is_some() && account.is_some() {
        artifact.complete()?;
    }
    for line in artifact.describe(step.inputs.app_id.as_deref()) {
        step.log.plain(line);
    }
    step.report
        .fact("Account", account_inputs::kind(account.as_ref()));
    step.report.block(Block::List {
        heading: "Package".to_owned(),
        items: artifact.describe(step.inputs.app_id.as_deref()),
    });
    let (store, key_is_refused) = ask_for_app(&step, &artifact, account.as_ref()).await?;
    let distribution = match (distribution, &account) {
        (Some(request), Some(account)) if !only_validates => {
            Some(Pending::before_upload(&step, &artifact, account, request).await?)
        }
        _ => None,
    };
    if step.inputs.is_plan() && !only_validates {
        step.log.success(format!(
            "{} is ready for the upload; nothing was uploaded.",
            artifact.name()
        ));
        return Ok(());
    }
    if let (Some(_), Some(Account::ApiKey(key)), false) = (&store, &account, step.inputs.is_plan()) {
        // altool begins an upload of its own.
        let kept = (!with_altool).then_some(artifact.path.as_path());
        upload_step::withdraw_abandoned(&step, key, kept).await?;
    }
    if let Some(store) = &store {
        let findings = preflight::ask(&step, &artifact, store).await;
        if let Some(followed) = findings.delivered {
            already_delivered(&step, &artifact, store, followed).await?;
            return distribute(&step, distribution).await;
        }
        if !findings.obstacles.is_empty() {
            // What can't be handed over must not hide why the step fails.
            if let Err(error) = outputs::export(&step, Some(store), None).await {
                step.log.warn(format!("{error:#}"));
            }
            return Err(preflight::refused(&artifact, &findings.obstacles));
        }
    }
    if only_validates {
        return validated(&step, &artifact, store.as_ref()).await;
    }
    let Some(account) = account else {
        anyhow::bail!("there is no account to upload with");
    };
    step.log.heading("Upload");
    let setting = Setting {
        account: &account,
        xcode,
        extra: &extra,
        store: store.as_ref(),
        key_is_refused,
        has_other_way: step.inputs.uploader == Uploader::Automatic && matches!(account, Account::ApiKey(_)),
    };
    let followed = if with_altool {
        by_altool(&step, &artifact, &setting).await?
    } else {
        if step.inputs.uploader == Uploader::Automatic {
            step.log.plain("Uploading natively: this machine has no Xcode.");
        }
        Some(by_api(&step, &artifact, &account).await?)
    };
    finish(&step, &artifact, store.as_ref(), followed).await?;
    distribute(&step, distribution).await
}

/// The distribution that follows the upload, where one is asked for.
async fn distribute(step: &Step<Inputs>, distribution: Option<Pending>) -> anyhow::Result<()> {
    match distribution {
        Some(pending) => pending.distribute(step).await,
        None => Ok(()),
    }
}

/// The account; none is needed for the checks of the package alone.
async fn account(step: &Step<Inputs>, with_altool: bool) -> anyhow::Result<Option<Account>> {
    let inputs = &step.inputs;
    let found = account_inputs::find(step, &inputs.connection, &inputs.given(), TERMS).await?;
    if inputs.validate_only.is_on() {
        return Ok(account_inputs::required(found, TERMS)
            .ok()
            .map(|(account, _)| account));
    }
    let (account, _) = account_inputs::required(found, TERMS)?;
    if !with_altool {
        native::key(&account, native::UPLOADING)?;
    } else if inputs.wait_for_processing.is_on() {
        native::key(&account, native::WAITING)?;
    }
    if matches!(&account, Account::AppleId(apple_id) if apple_id.app_specific_password.is_none()) {
        step.log.warn(
            "The Apple ID has no app-specific password; with two-factor authentication, uploads need one.",
        );
    }
    Ok(Some(account))
}

/// App Store Connect with the app, where it can be asked; and whether it did not accept the API key.
async fn ask_for_app(
    step: &Step<Inputs>,
    artifact: &Artifact,
    account: Option<&Account>,
) -> anyhow::Result<(Option<Store>, bool)> {
    let Some(account) = account else {
        step.log
            .warn("There is no account: App Store Connect was not asked, only the package was checked.");
        return Ok((None, false));
    };
    match Store::open(step, artifact, account).await? {
        Opened::Store(store) => {
            step.log
                .plain(format!("app: {} ({})", store.app.name, store.app.id));
            step.report
                .fact("App", format!("{} ({})", store.app.name, store.app.id));
            Ok((Some(*store), false))
        }
        Opened::NotAsked {
            reason,
            key_is_refused,
        } => {
            let text = format!("App Store Connect was not asked about the app: {reason}.");
            if key_is_refused || step.inputs.validate_only.is_on() {
                step.log.warn(text);
            } else {
                step.log.debug(text);
            }
            Ok((None, key_is_refused))
        }
    }
}

/// The upload with altool; where its result stays open and there is another way, with that.
async fn by_altool(
    step: &Step<Inputs>,
    artifact: &Artifact,
    setting: &Setting<'_>,
) -> anyhow::Result<Option<Followed>> {
    let failed = match altool_upload::upload(step, artifact, setting).await {
        Ok(delivered) => {
            tell(step, &delivered.delivery);
            if !step.inputs.wait_for_processing.is_on() {
                return Ok(delivered.followed);
            }
            return Ok(Some(
                processed(step, artifact, setting, delivered.followed).await?,
            ));
        }
        Err(failed) => failed,
    };
    let Some(reason) = failed
        .undecided
        .filter(|_| setting.has_other_way && artifact.complete().is_ok() && !artifact.is_broken())
    else {
        return Err(failed.error);
    };
    step.log.warn(format!("{:#}", failed.error.root_cause()));
    step.log.plain(format!(
        "Uploading natively instead: {reason}, and there is an API key."
    ));
    match by_api(step, artifact, setting.account).await {
        Ok(followed) => Ok(Some(followed)),
        // altool's own upload may have shown up meanwhile.
        Err(error) => match setting.store {
            Some(store) => match store.arrived(Duration::ZERO).await {
                Ok(Some(followed)) => Ok(Some(followed)),
                _ => Err(error),
            },
            None => Err(error),
        },
    }
}

async fn by_api(step: &Step<Inputs>, artifact: &Artifact, account: &Account) -> anyhow::Result<Followed> {
    let done = native::upload(step, artifact, account).await?;
    step.report
        .fact("App", format!("{} ({})", done.app.name, done.app.id));
    if let Some(transferred) = &done.transferred {
        step.report.fact("Sent", transferred);
    }
    Ok(done.followed)
}

/// Waits until App Store Connect has processed a build that altool uploaded.
async fn processed(
    step: &Step<Inputs>,
    artifact: &Artifact,
    setting: &Setting<'_>,
    known: Option<Followed>,
) -> anyhow::Result<Followed> {
    artifact.complete()?;
    let slow = || {
        anyhow::anyhow!("App Store Connect has not processed the build in time").hint(
            "look at App Store Connect > TestFlight: processing continues there; raise total_timeout if this build takes longer",
        )
    };
    let Some(store) = setting.store else {
        return Err(
            anyhow::anyhow!("App Store Connect could not be asked about the build")
                .hint("look at App Store Connect > TestFlight: processing continues there"),
        );
    };
    let [_, _, total] = step.inputs.limits();
    let started = std::time::Instant::now();
    let activity = step.activity("waiting for App Store Connect to list the build");
    let mut found = known;
    loop {
        let left = total.saturating_sub(started.elapsed());
        match &found {
            Some(found) if found.state == "COMPLETE" => return Ok(found.clone()),
            Some(known) if known.upload.is_some() => {
                drop(activity);
                return native::wait(step, store.client(), known, left).await;
            }
            Some(known) => activity.set_state(&known.state),
            None => {}
        }
        if left.is_zero() {
            return Err(slow());
        }
        found = store
            .arrived(left.min(Duration::from_secs(15)))
            .await
            .map_err(advice::explain)?;
        if found
            .as_ref()
            .is_some_and(|found| found.state != "COMPLETE" && found.upload.is_none())
        {
            tokio::time::sleep(Duration::from_secs(5).min(left)).await;
        }
    }
}

/// The end of a run that finds its file delivered.
async fn already_delivered(
    step: &Step<Inputs>,
    artifact: &Artifact,
    store: &Store,
    followed: Followed,
) -> anyhow::Result<()> {
    step.log
        .plain("App Store Connect already has this file from an earlier run.");
    let [_, _, total] = step.inputs.limits();
    let waits = step.inputs.wait_for_processing.is_on() && !step.inputs.validate_only.is_on();
    let followed = if waits && followed.state != "COMPLETE" {
        native::wait(step, store.client(), &followed, total).await?
    } else {
        followed
    };
    step.log
        .success(format!("{} is already delivered.", artifact.name()));
    step.report.markdown(&format!(
        "`{}` is already delivered to App Store Connect.",
        artifact.name()
    ));
    outputs::export(step, Some(store), Some(&followed)).await
}

/// The end of a run that only checks.
async fn validated(step: &Step<Inputs>, artifact: &Artifact, store: Option<&Store>) -> anyhow::Result<()> {
    let end = match (store, &artifact.unread) {
        (Some(_), None) => "passed the checks".to_owned(),
        (Some(_), Some(unread)) => format!(
            "passed the checks of App Store Connect; the package itself was not checked: {}",
            unread.reason
        ),
        (None, None) => "passed the checks of the package; App Store Connect was not asked".to_owned(),
        (None, Some(unread)) => {
            let reason = anyhow::anyhow!(unread.reason.clone());
            return Err(reason
                .context(format!(
                    "{} could not be checked: it can't be read, and App Store Connect was not asked",
                    artifact.name()
                ))
                .hint("set the inputs bundle_id, bundle_version, and bundle_short_version_string, and give the step an API key, so that App Store Connect can be asked"));
        }
    };
    step.log
        .success(format!("{} {end}; nothing was uploaded.", artifact.name()));
    step.report.markdown(&format!("`{}` {end}.", artifact.name()));
    outputs::export(step, store, None).await
}

/// The end of an upload.
async fn finish(
    step: &Step<Inputs>,
    artifact: &Artifact,
    store: Option<&Store>,
    followed: Option<Followed>,
) -> anyhow::Result<()> {
    for warning in followed.iter().flat_map(|followed| &followed.warnings) {
        step.log.warn(format!("App Store Connect warns: {warning}"));
    }
    let processed = followed
        .as_ref()
        .is_some_and(|followed| followed.state == "COMPLETE" && step.inputs.wait_for_processing.is_on());
    let (end, of_report) = if processed {
        (
            "was uploaded and processed",
            "was uploaded to App Store Connect and processed",
        )
    } else {
        ("was uploaded", "was uploaded to App Store Connect")
    };
    step.log.success(format!("{} {end}.", artifact.name()));
    step.report
        .markdown(&format!("`{}` {of_report}.", artifact.name()));
    outputs::export(step, store, followed.as_ref()).await
}

/// What altool said.
fn tell(step: &Step<Inputs>, delivery: &Delivery) {
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

/// The package and the user's options, or everything that is wrong with the inputs.
fn checked(inputs: &Inputs) -> anyhow::Result<(PathBuf, Format, Vec<String>)> {
    let mut problems = Vec::new();
    let package = paths::choose(inputs)
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
    if let Some(command) = arguments::other_command(&extra) {
        problems.push(InputProblem::new(
            "altool_options",
            format!("`{command}` is a command of altool that uploads nothing; accepted: options of the upload. To check the package without uploading it, set validate_only to `yes`"),
        ));
    }
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
