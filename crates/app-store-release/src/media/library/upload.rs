//! Files on their way into the asset library.

use std::time::{Duration, Instant};

use serde_json::json;
use transport::Transfer;

use super::{Asset, CATEGORY, Library};
use crate::error::{ReleaseError, api};
use crate::media::may_retry;
use crate::media::upload::{BACKOFF, send};
use crate::media_file::MediaFile;
use crate::plan::MediaKind;
use crate::snapshot::text;
use crate::store::{New, Object, Store};

/// Uploads a file into the library, and waits until Apple has processed it. What a run that was killed left there is
/// continued. Returns the asset's ID.
pub(super) async fn upload(
    store: &Store,
    transfer: &Transfer,
    library: &Library,
    kind: MediaKind,
    file: &MediaFile,
    timeout: Duration,
) -> Result<String, ReleaseError> {
    let key = (kind, file.sha256.clone());
    let mut sent = library.assets.get(&key).map(|asset| asset.id.clone());
    if let (None, Some(open)) = (&sent, library.open.get(&key)) {
        if send_file(store, transfer, kind, file, open).await.is_ok() {
            sent = Some(open.id.clone());
        } else {
            // The addresses of an upload expire.
            let deleted = store.delete(kind.assets(), &open.id).await;
            deleted.map_err(api(format!("delete the unfinished upload of {}", file.name)))?;
        }
    }
    for round in 1.. {
        let id = match sent.take() {
            Some(id) => id,
            None => {
                let reserved = reserve(store, &library.id, kind, file).await?;
                send_file(store, transfer, kind, file, &reserved).await?;
                reserved.id
            }
        };
        let Some(reason) = wait(store, kind, file, &id, timeout).await? else {
            return Ok(id);
        };
        let deleted = store.delete(kind.assets(), &id).await;
        deleted.map_err(api(format!("delete {}, which failed", file.name)))?;
        if !may_retry(round, &reason) {
            return Err(ReleaseError::Media {
                file: file.name.clone(),
                reason,
            });
        }
        tracing::info!("Apple failed to process {}; uploading it again.", file.name);
    }
    unreachable!("the loop ends by returning")
}

async fn reserve(
    store: &Store,
    library: &str,
    kind: MediaKind,
    file: &MediaFile,
) -> Result<Object, ReleaseError> {
    let mut attributes = json!({
        "category": CATEGORY,
        "fileName": file.name,
        "fileSize": file.size,
        "referenceName": file.sha256,
    });
    if let (MediaKind::Previews, Some(frame)) = (kind, &file.frame) {
        attributes["previewFrameTimeCode"] = frame.clone().into();
    }
    let new = New::of(kind.assets(), attributes).with("assetLibrary", "appAssetLibraries", library);
    let path = format!("v1/appAssetLibraries/{library}/{}", kind.list());
    let find = || async {
        let query = [("filter[referenceName]", file.sha256.as_str()), ("limit", "50")];
        let page = store.list(path.clone(), &query).await?;
        let is_open = |asset: &Object| text(&asset.attributes, "state") == "AWAITING_UPLOAD";
        Ok(page.data.into_iter().find(is_open))
    };
    store
        .create(&new, find)
        .await
        .map_err(api(format!("reserve the upload of {}", file.name)))
}

/// Sends a reserved file. A commit takes no checksum here.
async fn send_file(
    store: &Store,
    transfer: &Transfer,
    kind: MediaKind,
    file: &MediaFile,
    reserved: &Object,
) -> Result<(), ReleaseError> {
    let commit = json!({"uploaded": true});
    let named = (file.path.as_path(), file.name.as_str());
    send(store, transfer, kind.assets(), named, reserved, commit).await
}

/// Waits until an asset is processed. Returns Apple's reason where it failed.
async fn wait(
    store: &Store,
    kind: MediaKind,
    file: &MediaFile,
    id: &str,
    timeout: Duration,
) -> Result<Option<String>, ReleaseError> {
    let started = Instant::now();
    for look in 1.. {
        tokio::time::sleep(BACKOFF.random(look)).await;
        let now = store.get(format!("v1/{}/{id}", kind.assets()), &[]).await;
        let now = now.map_err(api(format!("read {}, which is processed", file.name)))?;
        let Some(asset) = now.as_ref().map(Asset::of) else {
            return Ok(Some("it is gone from the asset library".to_owned()));
        };
        if asset.state == "FAILED" {
            return Ok(Some(asset.errors));
        }
        if asset.is_processed() {
            return Ok(None);
        }
        if started.elapsed() > timeout {
            return Err(ReleaseError::TooSlow {
                what: format!("the processing of {}", file.name),
                seconds: timeout.as_secs(),
                state: asset.state,
            });
        }
    }
    unreachable!("the loop ends by returning")
}
