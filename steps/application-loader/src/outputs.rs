//! What later steps can use: IDs, the build's page, the next build number.

use build_upload::Followed;
use step_kit::Step;

use crate::inputs::Inputs;
use crate::store::Store;

/// Exports what is known.
///
/// # Errors
/// When envman refuses an output.
pub(crate) async fn export(
    step: &Step<Inputs>,
    store: Option<&Store>,
    followed: Option<&Followed>,
) -> anyhow::Result<()> {
    let upload = followed.and_then(|followed| followed.upload.clone());
    let build = followed.and_then(|followed| followed.build.clone());
    let page = store
        .filter(|_| followed.is_some())
        .map(|store| store.page(build.as_deref()));
    let next = match store {
        Some(store) => store.next_build_number().await.unwrap_or_else(|error| {
            step.log
                .debug(format!("The next build number is not known: {error}"));
            None
        }),
        None => None,
    };
    let outputs = [
        ("BITRISE_APPSTORE_APP_ID", store.map(|store| store.app.id.clone())),
        ("BITRISE_APPSTORE_UPLOAD_ID", upload),
        ("BITRISE_APPSTORE_BUILD_ID", build),
        ("BITRISE_APPSTORE_BUILD_URL", page),
        ("BITRISE_APPSTORE_NEXT_BUILD_NUMBER", next),
    ];
    for (key, value) in outputs {
        if let Some(value) = value {
            step.export(key, &value).await?;
        }
    }
    Ok(())
}
