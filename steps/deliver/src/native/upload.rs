//! The upload of the package, through the Build Uploads API.

use std::path::Path;
use std::time::Duration;

use app_package::Format;
use app_store_release::{App, Engine};
use apple_account::ApiKey;
use build_upload::{Sent, Until, UploadError, follow};
use step_kit::{Advice as _, Step};
use upload_step::about_upload;

use crate::inputs::Inputs;
use crate::native::request::numbers_of;

/// How long Apple may take to accept a file.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(1800);

/// Uploads the package and waits until Apple has it. Returns its build number.
///
/// # Errors
/// When it is not a package, did not arrive, or was refused.
pub(crate) async fn upload(
    step: &Step<Inputs>,
    engine: &Engine,
    key: &ApiKey,
    app: &App,
    path: &Path,
) -> anyhow::Result<String> {
    step.log.heading("Upload");
    let format = Format::of(path);
    // It was whole before the first change; an export that goes on meanwhile may have replaced it.
    let numbers = numbers_of(path).map_err(|problem| {
        anyhow::anyhow!(problem.to_string())
            .context("the upload failed")
            .hint("run this step after everything that writes the package has finished")
    })?;
    let package = build_upload::Package {
        path: path.to_owned(),
        name: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        size: numbers.size,
        uti: format.uti(),
        app: app.id.clone(),
        short_version: numbers.short_version,
        version: numbers.version,
        platform: crate::native::request::store_platform(&step.inputs.platform),
    };
    let uploader = upload_step::uploader(step, key, &package).await?;
    let failed = |error: UploadError| {
        let advice = about_upload(&error)
            .unwrap_or("correct what App Store Connect names, then rerun; nothing half done was left behind");
        anyhow::Error::from(error)
            .context("the upload failed")
            .hint(advice)
    };
    let sending = uploader.upload(&package);
    let (sent, transferred) = step
        .uploading(&package.name, package.size, || uploader.sent(), sending)
        .await;
    match sent.map_err(failed)? {
        Sent::Now(uploaded) => {
            step.log.plain(format!("sent: {transferred}"));
            let activity = step.activity("waiting for App Store Connect to accept the file");
            let say = |state: &str| {
                activity.set_state(state);
                step.log.debug(format!("App Store Connect: {state}"));
            };
            follow(engine.client(), &uploaded, Until::Accepted, ACCEPT_TIMEOUT, say)
                .await
                .map_err(failed)?;
        }
        Sent::Before(_) => step
            .log
            .plain("App Store Connect already has this file from an earlier run."),
    }
    step.log.plain(format!(
        "{} ({}, build {}) was uploaded.",
        package.name, package.short_version, package.version
    ));
    Ok(package.version)
}
