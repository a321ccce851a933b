//! The upload without Xcode, through the Build Uploads API; and what App Store Connect says about builds.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use app_store_connect::Client;
use apple_account::{Account, ApiKey};
use build_upload::{Followed, Package, Sent, TheApp, Until, UploadError, Uploaded, find_app, follow};
use step_kit::{Advice as _, Step, size_text};
use transport::Policy;

use crate::advice::explain;
use crate::artifact::Artifact;
use crate::inputs::Inputs;

/// What needs the key.
pub(crate) const UPLOADING: &str = "the upload without Xcode";
pub(crate) const WAITING: &str = "waiting for processing";

const NEEDS_KEY: &str = "connect an API key on Bitrise (Workspace settings > Integrations > App Store Connect), or set the inputs api_key_path and api_issuer; with an Apple ID, run the step on a Mac with Xcode";

/// The API key of the account: the App Store Connect API takes nothing else.
///
/// # Errors
/// When the account is an Apple ID, naming `what` needs the key.
pub(crate) fn key<'a>(account: &'a Account, what: &str) -> anyhow::Result<&'a ApiKey> {
    match account {
        Account::ApiKey(key) => Ok(key),
        Account::AppleId(_) => {
            Err(anyhow::anyhow!("{what} takes an API key, and the account is an Apple ID").hint(NEEDS_KEY))
        }
    }
}

/// What a native upload led to.
pub(crate) struct Done {
    pub(crate) app: TheApp,
    pub(crate) followed: Followed,
    /// How much was sent how fast; `None` where nothing was sent.
    pub(crate) transferred: Option<String>,
}

/// Uploads the package.
///
/// # Errors
/// When it did not arrive in time, or Apple refused it.
pub(crate) async fn upload(
    step: &Step<Inputs>,
    artifact: &Artifact,
    account: &Account,
) -> anyhow::Result<Done> {
    let key = key(account, UPLOADING)?;
    let client = account_inputs::client(step, key, Policy::default())?;
    let (app, package) = package(step, artifact, &client).await?;
    step.log.plain(format!("app: {} ({})", app.name, app.id));
    let uploader = upload_step::uploader(step, key, &package).await?;

    let started = Instant::now();
    let [_, _, total] = step.inputs.limits();
    let stopped = limit(step, || uploader.sent());
    let sending = step.uploading(
        &package.name,
        package.size,
        || uploader.sent(),
        uploader.upload(&package),
    );
    let (sent, transferred) = tokio::select! {
        ended = sending => ended,
        error = stopped => {
            uploader.withdraw().await;
            return Err(error);
        }
    };
    let uploaded = match sent.map_err(explain)? {
        Sent::Now(uploaded) => uploaded,
        Sent::Before(followed) => {
            step.log
                .plain("App Store Connect already has this file from an earlier run.");
            let followed = match (step.inputs.wait_for_processing.is_on(), followed.state.as_str()) {
                (true, "COMPLETE") | (false, _) => followed,
                (true, _) => wait(step, &client, &followed, total).await?,
            };
            return Ok(Done {
                app,
                followed,
                transferred: None,
            });
        }
    };
    step.log.plain(format!("sent: {transferred}"));
    let left = total.saturating_sub(started.elapsed());
    let waits = step.inputs.wait_for_processing.is_on();
    let until = if waits { Until::Processed } else { Until::Accepted };
    let patience = left.max(Duration::from_secs(1));
    let followed = match followed(step, &client, &uploaded, until, patience).await {
        // The commit is done, and its answer was good: what can't be read now changes nothing about it.
        Err(error @ (UploadError::Api { .. } | UploadError::TooSlow { .. })) if !waits => {
            step.log.warn(format!(
                "App Store Connect has the file, but its state could not be read: {:#}",
                anyhow::Error::from(error)
            ));
            Followed {
                upload: Some(uploaded.id.clone()),
                ..Followed::default()
            }
        }
        other => other.map_err(explain)?,
    };
    Ok(Done {
        app,
        followed,
        transferred: Some(transferred),
    })
}

/// Waits for the processing of an upload that is App Store Connect's already.
pub(crate) async fn wait(
    step: &Step<Inputs>,
    client: &Client,
    known: &Followed,
    patience: Duration,
) -> anyhow::Result<Followed> {
    let Some(id) = &known.upload else {
        return Ok(known.clone());
    };
    let uploaded = Uploaded {
        id: id.clone(),
        file: String::new(),
    };
    followed(step, client, &uploaded, Until::Processed, patience)
        .await
        .map_err(explain)
}

async fn followed(
    step: &Step<Inputs>,
    client: &Client,
    uploaded: &Uploaded,
    until: Until,
    patience: Duration,
) -> Result<Followed, UploadError> {
    let started = Instant::now();
    let is_processed = until == Until::Processed;
    let activity = if is_processed {
        step.log
            .plain("Waiting until App Store Connect has processed the build.");
        step.activity("waiting for App Store Connect to process the build")
    } else {
        step.activity("waiting for App Store Connect to accept the file")
    };
    let say = |state: &str| {
        activity.set_state(state);
        if is_processed {
            step.log
                .plain(format!("{state} after {}", seconds(started.elapsed())));
        } else {
            step.log.debug(format!("App Store Connect says {state}"));
        }
    };
    let followed = follow(client, uploaded, until, patience, say).await?;
    if is_processed {
        step.log
            .plain(format!("Processed in {}.", seconds(started.elapsed())));
    }
    Ok(followed)
}

fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// Ends when a time limit of the inputs is exceeded, with the error.
async fn limit(step: &Step<Inputs>, sent: impl Fn() -> u64) -> anyhow::Error {
    let [attempt, silence, total] = step.inputs.limits();
    let started = Instant::now();
    let mut last = (sent(), Instant::now());
    loop {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = sent();
        if now != last.0 {
            last = (now, Instant::now());
        }
        let (reason, input) = if last.1.elapsed() >= silence {
            (
                format!("nothing was sent for {} s", silence.as_secs()),
                "silence_timeout",
            )
        } else if started.elapsed() >= attempt.min(total) {
            let input = if attempt <= total {
                "attempt_timeout"
            } else {
                "total_timeout"
            };
            (
                format!("it took more than {} s", attempt.min(total).as_secs()),
                input,
            )
        } else {
            continue;
        };
        return anyhow::anyhow!("the upload was stopped and withdrawn: {reason}")
            .context("the upload failed")
            .hint(format!(
                "check the network of this machine; to wait longer, raise the input {input}"
            ));
    }
}

async fn package(
    step: &Step<Inputs>,
    artifact: &Artifact,
    client: &Client,
) -> anyhow::Result<(TheApp, Package)> {
    artifact.complete()?;
    let details = &artifact.details;
    let (Some(bundle_id), Some(version), Some(short_version)) =
        (&details.bundle_id, &details.version, &details.short_version)
    else {
        bail!("the package does not contain its bundle ID and versions");
    };
    let app = find_app(client, step.inputs.app_id.as_deref(), bundle_id)
        .await
        .map_err(explain)?;
    let size = artifact
        .path
        .metadata()
        .context("the package can't be read")?
        .len();
    if size != artifact.size {
        return Err(anyhow::anyhow!(
            "the package had {} when it was checked, and has {} now",
            size_text(artifact.size),
            size_text(size)
        )
        .context(format!(
            "`{}` was changed during the run",
            artifact.path.display()
        ))
        .hint("run this step after everything that writes the package has finished"));
    }
    let package = Package {
        path: artifact.path.clone(),
        name: artifact.name(),
        size,
        uti: artifact.format.uti(),
        app: app.id.clone(),
        short_version: short_version.clone(),
        version: version.clone(),
        platform: artifact.platform,
    };
    Ok((app, package))
}
