//! The proof of delivery where altool gives none: App Store Connect itself.

use std::time::{Duration, Instant};

use app_store_connect::Client;
use app_store_connect::uploads::BuildName;
use apple_account::Account;
use build_upload::{Followed, find_app, look_for};
use step_kit::{Advice as _, Step};
use transport::Policy;

use crate::answer::Delivery;
use crate::artifact::Artifact;
use crate::inputs::Inputs;
use crate::native;

/// Apple lists an upload a few seconds after it has it.
const PATIENCE: Duration = Duration::from_secs(6);

const LOOK: &str =
    "look whether the build shows up in App Store Connect > TestFlight before you upload it again";

/// Asks App Store Connect whether it has the build.
///
/// # Errors
/// When it does not, or can't be asked: an upload that nobody has seen is a failure.
pub(crate) async fn of_delivery(
    step: &Step<Inputs>,
    artifact: &Artifact,
    account: &Account,
    what: &'static str,
) -> anyhow::Result<Delivery> {
    let unclear = |error: anyhow::Error| {
        error
            .context(format!("whether {} was delivered is not clear", artifact.name()))
            .hint(LOOK)
    };
    let Account::ApiKey(key) = account else {
        return Err(unclear(anyhow::anyhow!("{what}")));
    };
    step.log.plain(format!(
        "altool does not tell ({what}): asking App Store Connect."
    ));
    // Something else has gone wrong already: no long patience with a network that may be gone, too.
    let quick = Policy {
        attempts: 2,
        ..Policy::default()
    };
    let client = native::client(step, key, quick)?;
    let found = seen(step, artifact, &client, PATIENCE).await;
    match found {
        Ok(Some(found)) => Ok(Delivery {
            message: "App Store Connect has the build.".to_owned(),
            id: found.upload,
            ..Delivery::default()
        }),
        Ok(None) => Err(unclear(anyhow::anyhow!(
            "{what}, and App Store Connect does not have the build"
        ))),
        Err(error) => Err(unclear(error.context(what))),
    }
}

/// Waits until App Store Connect has processed a build that altool uploaded.
///
/// # Errors
/// When it is refused, does not show up in time, or App Store Connect can't be asked.
pub(crate) async fn of_processing(
    step: &Step<Inputs>,
    artifact: &Artifact,
    account: &Account,
) -> anyhow::Result<Followed> {
    let client = native::client(step, native::key(account, native::WAITING)?, Policy::default())?;
    let [_, _, total] = step.inputs.limits();
    let started = Instant::now();
    step.log
        .plain("Waiting until App Store Connect has processed the build.");
    loop {
        let left = total.saturating_sub(started.elapsed());
        match seen(step, artifact, &client, left).await? {
            Some(found) if found.state == "COMPLETE" => return Ok(found),
            Some(_) if !left.is_zero() => tokio::time::sleep(Duration::from_secs(15).min(left)).await,
            _ => {
                return Err(anyhow::anyhow!("App Store Connect has not processed the build in time").hint(
                    "look at App Store Connect > TestFlight: processing goes on there; raise total_timeout if this build takes longer",
                ));
            }
        }
    }
}

/// Looks for the build until it is there or patience ends.
async fn seen(
    step: &Step<Inputs>,
    artifact: &Artifact,
    client: &Client,
    patience: Duration,
) -> anyhow::Result<Option<Followed>> {
    artifact.complete()?;
    let details = &artifact.details;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let (bundle_id, version, short_version) = (
        text(&details.bundle_id),
        text(&details.version),
        text(&details.short_version),
    );
    let app = find_app(client, step.inputs.app_id.as_deref(), &bundle_id)
        .await
        .map_err(native::explained)?;
    let build = BuildName {
        app: &app.id,
        short_version: &short_version,
        version: &version,
        platform: artifact.platform.api_name(),
    };
    let started = Instant::now();
    loop {
        if let Some(found) = look_for(client, build).await.map_err(native::explained)? {
            return Ok(Some(found));
        }
        if started.elapsed() >= patience {
            return Ok(None);
        }
        tokio::time::sleep(Duration::from_secs(2).min(patience)).await;
    }
}
