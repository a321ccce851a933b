//! Delivery confirmation from App Store Connect, where altool and fastlane give an inconclusive result.

use std::time::Duration;

use app_package::Package;
use apple_account::{Account, ApiKey};
use build_upload::{Followed, Name, UploadError, Watch, find_app};
use step_kit::{Advice as _, Step};
use time::OffsetDateTime;

use crate::artifact::Artifact;
use crate::inputs::Inputs;
use crate::native;

/// Apple lists an upload a few seconds after it has it.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long App Store Connect may take for all of it.
const LIMIT: Duration = Duration::from_secs(90);

/// What became of a package whose upload had an inconclusive result.
pub(crate) enum Delivery {
    /// App Store Connect has it, and got it in this run.
    Confirmed,
    /// App Store Connect has nothing newer than this run with the package's checksum.
    Missing,
    /// App Store Connect refused it.
    Refused(anyhow::Error),
    /// App Store Connect could not be asked.
    Unknown,
}

/// Asks App Store Connect for the package, which takes an API key. Only what is newer than `started` and has the package's
/// checksum counts.
pub(crate) async fn confirm_delivery(
    step: &Step<Inputs>,
    account: &Account,
    artifact: &Artifact,
    started: OffsetDateTime,
) -> Delivery {
    let Account::ApiKey(key) = account else {
        return Delivery::Unknown;
    };
    step.log
        .plain("The result of the upload is inconclusive; checking App Store Connect.");
    let _activity = step.activity("asking App Store Connect for the build");
    let unknown = |reason: String| {
        step.log
            .warn(format!("App Store Connect could not be asked: {reason}."));
        Delivery::Unknown
    };
    match tokio::time::timeout(LIMIT, found(step, key, artifact, started)).await {
        Ok(Ok(Some(followed))) => {
            step.log.plain(format!(
                "App Store Connect has the package ({}): the upload succeeded, whatever fastlane and altool print above.",
                followed.state
            ));
            Delivery::Confirmed
        }
        Ok(Ok(None)) => {
            step.log
                .plain("App Store Connect has no upload from this run that matches the package's checksum.");
            Delivery::Missing
        }
        Ok(Err(error)) => match error.downcast::<UploadError>() {
            Ok(refused @ UploadError::Refused(_)) => Delivery::Refused(
                anyhow::Error::from(refused)
                    .context("the upload failed")
                    .hint("correct what App Store Connect reports, then upload a new build"),
            ),
            Ok(error) => unknown(format!("{:#}", anyhow::Error::from(error))),
            Err(error) => unknown(format!("{error:#}")),
        },
        Err(_) => unknown(format!("no answer within {} s", LIMIT.as_secs())),
    }
}

async fn found(
    step: &Step<Inputs>,
    key: &ApiKey,
    artifact: &Artifact,
    started: OffsetDateTime,
) -> anyhow::Result<Option<Followed>> {
    let package = Package::read(&artifact.path, artifact.format)?.app;
    let (Some(bundle_id), Some(short_version), Some(version)) =
        (package.bundle_id, package.short_version, package.version)
    else {
        anyhow::bail!("the package does not contain its bundle ID and versions");
    };
    let client = account_inputs::client(step, key, transport::Policy::default())?;
    let app = find_app(&client, step.inputs.app_id.as_deref(), &bundle_id).await?;
    let name = Name {
        app: app.id,
        short_version,
        version,
        platform: native::store_platform(&step.inputs.platform),
    };
    let watch = Watch::since(client, name, artifact.path.clone(), started);
    Ok(watch.arrived(PATIENCE).await?)
}
