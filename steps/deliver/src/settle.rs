//! What App Store Connect says where altool and fastlane leave open whether the package arrived.

use std::time::Duration;

use app_package::Package;
use apple_account::ApiKey;
use build_upload::{Followed, Name, UploadError, Watch, find_app};
use step_kit::Step;
use time::OffsetDateTime;

use crate::artifact::Artifact;
use crate::inputs::Inputs;
use crate::native;

/// Apple lists an upload a few seconds after it has it.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long App Store Connect may take for all of it.
const LIMIT: Duration = Duration::from_secs(90);

/// What App Store Connect says.
pub(crate) enum Answer {
    /// It has the package, and got it in this run.
    Delivered(Followed),
    /// It has nothing newer than this run with the package's checksum.
    Missing,
    /// It refused the package.
    Refused(UploadError),
    /// It could not be asked, and why.
    Unknown(String),
}

/// Asks App Store Connect for the package. Only what is newer than `started` and has the package's checksum counts.
pub(crate) async fn ask(
    step: &Step<Inputs>,
    key: &ApiKey,
    artifact: &Artifact,
    started: OffsetDateTime,
) -> Answer {
    let _activity = step.activity("asking App Store Connect for the build");
    match tokio::time::timeout(LIMIT, found(step, key, artifact, started)).await {
        Ok(Ok(Some(followed))) => Answer::Delivered(followed),
        Ok(Ok(None)) => Answer::Missing,
        Ok(Err(error)) => match error.downcast::<UploadError>() {
            Ok(refused @ UploadError::Refused(_)) => Answer::Refused(refused),
            Ok(error) => Answer::Unknown(format!("{:#}", anyhow::Error::from(error))),
            Err(error) => Answer::Unknown(format!("{error:#}")),
        },
        Err(_) => Answer::Unknown(format!("no answer within {} s", LIMIT.as_secs())),
    }
}

async fn found(
    step: &Step<Inputs>,
    key: &ApiKey,
    artifact: &Artifact,
    started: OffsetDateTime,
) -> anyhow::Result<Option<Followed>> {
    let package = Package::read(&artifact.path, artifact.format())?.app;
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
