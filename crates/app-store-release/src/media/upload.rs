//! Sending one file: reserve, send the parts, commit.
//!
//! Apple's documentation: <https://developer.apple.com/documentation/appstoreconnectapi/uploading-assets-to-app-store-connect>

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use app_store_connect::uploads::UploadOperation;
use futures_util::stream::{self, TryStreamExt as _};
use serde_json::{Value, json};
use transport::{Backoff, Piece, Transfer};

use crate::error::{ReleaseError, api};
use crate::snapshot::text;
use crate::store::{Attributes, New, Object, Store};

/// Parts of one file in flight.
const PARTS_AT_ONCE: usize = 3;

/// How often a part is sent.
const ATTEMPTS: u32 = 5;

/// Pauses between attempts of a part, and between two looks at media that are processed.
pub(super) const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(10),
};

/// A file that is uploaded, and where it belongs.
#[derive(Debug, Clone)]
pub(crate) struct Asset<'a> {
    /// Such as `appScreenshots`.
    pub(crate) kind: &'static str,
    /// The relationship to its parent, and the parent's type and ID.
    pub(crate) parent: (&'static str, &'static str, &'a str),
    pub(crate) path: &'a Path,
    pub(crate) name: &'a str,
    pub(crate) size: u64,
    pub(crate) checksum: &'a str,
    /// Attributes beside name and size.
    pub(crate) more: Attributes,
}

/// Reserves a file. After a lost answer the reservation is looked for, since it may have been made (fastlane #16842).
pub(super) async fn reserve(store: &Store, asset: &Asset<'_>) -> Result<Object, ReleaseError> {
    let (relationship, parent_kind, parent) = asset.parent;
    let mut attributes = asset.more.clone();
    attributes.insert("fileName".to_owned(), asset.name.into());
    attributes.insert("fileSize".to_owned(), asset.size.into());
    let new = New::of(asset.kind, Value::Object(attributes)).with(relationship, parent_kind, parent);
    let siblings = format!("v1/{parent_kind}/{parent}/{}", asset.kind);
    let find = || async {
        let page = store.list(siblings.clone(), &[("limit", "50")]).await?;
        Ok(page.data.into_iter().find(|sibling| {
            text(&sibling.attributes, "fileName") == asset.name
                && sibling.attributes.get("fileSize").and_then(Value::as_u64) == Some(asset.size)
                && state_of(sibling) == AWAITS_UPLOAD
        }))
    };
    store
        .create(&new, find)
        .await
        .map_err(api(format!("reserve the upload of {}", asset.name)))
}

/// Sends a reserved file and commits it with its checksum.
pub(super) async fn send_asset(
    store: &Store,
    transfer: &Transfer,
    asset: &Asset<'_>,
    reserved: &Object,
) -> Result<(), ReleaseError> {
    let commit = json!({"uploaded": true, "sourceFileChecksum": asset.checksum});
    let file = (asset.path, asset.name);
    send(store, transfer, asset.kind, file, reserved, commit).await
}

/// Sends the parts of a reserved file, and commits it. `file` is its path and name.
pub(super) async fn send(
    store: &Store,
    transfer: &Transfer,
    kind: &str,
    (path, name): (&Path, &str),
    reserved: &Object,
    commit: Value,
) -> Result<(), ReleaseError> {
    send_parts(transfer, path, name, reserved).await?;
    let Err(error) = store.patch(kind, &reserved.id, commit, None).await else {
        return Ok(());
    };
    // The commit may have been made before its answer was lost.
    match store.get(format!("v1/{kind}/{}", reserved.id), &[]).await {
        Ok(Some(now)) if !["", AWAITS_UPLOAD].contains(&state_of(&now)) => Ok(()),
        _ => Err(api(format!("commit the upload of {name}"))(error)),
    }
}

/// The state of a file that was reserved and not committed.
const AWAITS_UPLOAD: &str = "AWAITING_UPLOAD";

/// The state of a file: classic resources have it in an object of its own.
fn state_of(object: &Object) -> &str {
    let attribute = |name: &str| object.attributes.get(name).unwrap_or(&Value::Null);
    ["videoDeliveryState", "assetDeliveryState"]
        .iter()
        .find_map(|name| attribute(name)["state"].as_str())
        .or_else(|| attribute("state").as_str())
        .unwrap_or_default()
}

/// Sends the parts of a reserved file, several at once.
async fn send_parts(
    transfer: &Transfer,
    path: &Path,
    name: &str,
    reserved: &Object,
) -> Result<(), ReleaseError> {
    let operations: Vec<UploadOperation> = reserved
        .attributes
        .get("uploadOperations")
        .and_then(|operations| serde_json::from_value(operations.clone()).ok())
        .unwrap_or_default();
    stream::iter(operations.iter().map(Ok))
        .try_for_each_concurrent(PARTS_AT_ONCE, |operation| {
            send_part(transfer, path, name, operation)
        })
        .await
}

async fn send_part(
    transfer: &Transfer,
    path: &Path,
    name: &str,
    operation: &UploadOperation,
) -> Result<(), ReleaseError> {
    let headers: Vec<(String, String)> = operation
        .request_headers
        .iter()
        .map(|header| (header.name.clone(), header.value.clone()))
        .collect();
    let piece = Piece {
        file: path,
        offset: operation.offset,
        length: operation.length,
        method: &operation.method,
        url: &operation.url,
        headers: &headers,
    };
    let sent = Arc::new(AtomicU64::new(0));
    for attempt in 1.. {
        match transfer.send(piece, &sent).await {
            Ok(()) => return Ok(()),
            Err(error) if attempt < ATTEMPTS && error.is_passing() => {
                tokio::time::sleep(BACKOFF.random(attempt)).await;
            }
            Err(source) => {
                return Err(ReleaseError::Transfer {
                    file: name.to_owned(),
                    source,
                });
            }
        }
    }
    Ok(())
}

/// Uploads one file that needs no processing to be waited for.
pub(crate) async fn upload(
    store: &Store,
    transfer: &Transfer,
    asset: &Asset<'_>,
) -> Result<(), ReleaseError> {
    let reserved = reserve(store, asset).await?;
    send_asset(store, transfer, asset, &reserved).await
}
