//! The upload without Xcode, through the Build Uploads API; and what App Store Connect says about builds.

use anyhow::{Context as _, bail};
use app_package::Format;
use app_store_connect::{Client, Credentials, Options};
use apple_account::{Account, ApiKey};
use build_upload::{Followed, Package, TheApp, Until, UploadError, Uploader, find_app, follow};
use step_kit::{Advice as _, Step};
use transport::{Journal, Policy, Transfer};

use crate::artifact::Artifact;
use crate::inputs::Inputs;
use crate::progress::Progress;

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

/// A client of the App Store Connect API.
pub(crate) fn client(step: &Step<Inputs>, key: &ApiKey, policy: Policy) -> anyhow::Result<Client> {
    let base_url = step
        .env
        .get("APP_STORE_CONNECT_URL")
        .map(transport::base_url)
        .transpose()?;
    let credentials = Credentials {
        key_id: key.key_id.clone(),
        issuer_id: key.issuer_id.clone(),
        private_key: key.private_key.clone(),
        enterprise: key.enterprise,
    };
    let options = Options {
        base_url,
        redactor: step.redactor.clone(),
        policy,
        ..Options::default()
    };
    Ok(Client::new(credentials, options)?)
}

/// What a native upload led to.
pub(crate) struct Done {
    pub(crate) app: TheApp,
    pub(crate) followed: Followed,
    pub(crate) transferred: String,
}

/// Uploads the package.
///
/// # Errors
/// When it did not arrive, or Apple refused it.
pub(crate) async fn upload(
    step: &Step<Inputs>,
    artifact: &Artifact,
    account: &Account,
) -> anyhow::Result<Done> {
    let client = client(step, key(account, UPLOADING)?, Policy::default())?;
    let package = package(step, artifact, &client).await?;
    let (app, package) = package;
    step.log.plain(format!("- app: {} ({})", app.name, app.id));
    let uploader = Uploader::new(client.clone(), Transfer::new(Journal::default())?);
    let at_the_end = uploader.clone();
    step.on_interruption(async move { at_the_end.withdraw().await });

    let mut progress = Progress::new(&step.log, package.size);
    let sending = tokio::select! {
        sent = uploader.upload(&package) => sent,
        () = progress.follow(|| uploader.sent()) => bail!("the progress ended before the upload"),
    };
    let transferred = progress.finish();
    let uploaded = sending.map_err(explained)?;
    step.log.plain(format!("sent: {transferred}"));

    let [_, _, total] = step.inputs.limits();
    let until = if step.inputs.wait_for_processing.is_on() {
        step.log
            .plain("Waiting until App Store Connect has processed the build.");
        Until::Processed
    } else {
        Until::Accepted
    };
    let say = |state: &str| step.log.debug(format!("App Store Connect says {state}"));
    let followed = follow(&client, &uploaded, until, total, say)
        .await
        .map_err(explained)?;
    Ok(Done {
        app,
        followed,
        transferred,
    })
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
        bail!("the package does not tell its bundle ID and versions");
    };
    let app = find_app(client, step.inputs.app_id.as_deref(), bundle_id)
        .await
        .map_err(explained)?;
    let size = artifact
        .path
        .metadata()
        .context("the package can't be read")?
        .len();
    let package = Package {
        path: artifact.path.clone(),
        name: artifact.name(),
        size,
        uti: match artifact.format {
            Format::Ipa => "com.apple.ipa",
            Format::Pkg => "com.apple.pkg",
        },
        app: app.id.clone(),
        short_version: short_version.clone(),
        version: version.clone(),
        platform: artifact.platform.api_name(),
    };
    Ok((app, package))
}

/// The error, with what to do about it.
pub(crate) fn explained(error: UploadError) -> anyhow::Error {
    let advice = match &error {
        UploadError::NoApp(_) => {
            "create the app record in App Store Connect > Apps, or check that the API key belongs to the app's team and that the bundle ID is right"
        }
        UploadError::OtherApp { .. } => {
            "correct the input app_id, or leave it empty: the app is found by the bundle ID"
        }
        UploadError::Duplicate { .. } => "increase the build number (CFBundleVersion) and build again",
        UploadError::Refused(_) => {
            "correct what App Store Connect names, and upload a build with a new build number"
        }
        UploadError::TooSlow { .. } => {
            "look at App Store Connect > TestFlight: processing goes on there; raise total_timeout if this build takes longer"
        }
        UploadError::Part { .. } => {
            "check the network of this machine, then upload again: nothing half done was left behind"
        }
        UploadError::Api { source, .. } => match source.refusal().map(|refusal| refusal.status.as_u16()) {
            Some(401) => {
                "check that the key ID, the issuer ID and the .p8 file belong together, and that the key was not revoked"
            }
            Some(403) => {
                "give the API key the role App Manager or Developer, and let the Account Holder accept the current agreements"
            }
            Some(429) => "wait until the hourly limit of the key has room again",
            _ => "see https://developer.apple.com/system-status/, then try again",
        },
        UploadError::File(_) | UploadError::Gaps => {
            "upload again; if it stays so, upload with Xcode's altool (uploader: altool)"
        }
    };
    anyhow::Error::from(error)
        .context("the upload failed")
        .hint(advice)
}
