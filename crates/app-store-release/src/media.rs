//! Sending files to App Store Connect: reserve, send the parts, commit, wait until Apple has processed them.
//!
//! Apple's documentation: <https://developer.apple.com/documentation/appstoreconnectapi/uploading-assets-to-app-store-connect>

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use app_store_connect::uploads::UploadOperation;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use transport::{Backoff, Method, Piece, Transfer};

use crate::error::{ReleaseError, api};
use crate::plan::{SetChange, Slot};
use crate::screenshot::Screenshot;
use crate::snapshot::{RemoteScreenshot, RemoteSet, read_sets};
use crate::store::{New, Object, Store};

/// Files in flight.
const AT_ONCE: usize = 4;

/// How often a part is sent.
const ATTEMPTS: u32 = 5;

/// How often a picture is uploaded again that Apple's image tool failed on.
const ROUNDS: u32 = 3;

/// Pauses between attempts of a part, and between two looks at pictures that are processed.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(10),
};

/// A file that is uploaded, and where it belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asset<'a> {
    /// Such as `appScreenshots`.
    pub(crate) kind: &'static str,
    /// The relationship to its parent, and the parent's type and ID.
    pub(crate) parent: (&'static str, &'static str, &'a str),
    pub(crate) path: &'a Path,
    pub(crate) name: &'a str,
    pub(crate) size: u64,
    pub(crate) checksum: &'a str,
}

/// Reserves a file. After a lost answer the reservation is looked for, since it may have been made (fastlane #16842).
async fn reserve(store: &Store, asset: Asset<'_>) -> Result<Object, ReleaseError> {
    let (relationship, parent_kind, parent) = asset.parent;
    let new = New::of(
        asset.kind,
        json!({"fileName": asset.name, "fileSize": asset.size}),
    )
    .with(relationship, parent_kind, parent);
    let siblings = format!("v1/{parent_kind}/{parent}/{}", asset.kind);
    let find = || async {
        let page = store.list(siblings.clone(), &[("limit", "50")]).await?;
        Ok(page.data.into_iter().find(|sibling| {
            sibling.attributes["fileName"] == asset.name
                && sibling.attributes["fileSize"] == asset.size
                && sibling.attributes["assetDeliveryState"]["state"] == "AWAITING_UPLOAD"
        }))
    };
    store
        .create(&new, find)
        .await
        .map_err(api(format!("reserve the upload of {}", asset.name)))
}

/// Sends a reserved file and commits it.
async fn send(
    store: &Store,
    transfer: &Transfer,
    asset: Asset<'_>,
    reserved: &Object,
) -> Result<(), ReleaseError> {
    let operations: Vec<UploadOperation> = reserved
        .attributes
        .get("uploadOperations")
        .and_then(|operations| serde_json::from_value(operations.clone()).ok())
        .unwrap_or_default();
    for operation in &operations {
        send_part(transfer, asset, operation).await?;
    }
    let committed = json!({"uploaded": true, "sourceFileChecksum": asset.checksum});
    match store.patch(asset.kind, &reserved.id, committed, None).await {
        Ok(_) => Ok(()),
        Err(error) => {
            // The commit may have been made before its answer was lost.
            let now = store.get(format!("v1/{}/{}", asset.kind, reserved.id), &[]).await;
            match now {
                Ok(Some(now)) if now.attributes["assetDeliveryState"]["state"] != "AWAITING_UPLOAD" => Ok(()),
                _ => Err(api(format!("commit the upload of {}", asset.name))(error)),
            }
        }
    }
}

async fn send_part(
    transfer: &Transfer,
    asset: Asset<'_>,
    operation: &UploadOperation,
) -> Result<(), ReleaseError> {
    let headers: Vec<(String, String)> = operation
        .request_headers
        .iter()
        .map(|header| (header.name.clone(), header.value.clone()))
        .collect();
    let piece = Piece {
        file: asset.path,
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
                    file: asset.name.to_owned(),
                    source,
                });
            }
        }
    }
    Ok(())
}

/// Uploads one file that needs no processing to be waited for.
pub(crate) async fn upload(store: &Store, transfer: &Transfer, asset: Asset<'_>) -> Result<(), ReleaseError> {
    let reserved = reserve(store, asset).await?;
    send(store, transfer, asset, &reserved).await
}

/// Makes the sets of a locale what they shall be.
///
/// # Errors
/// With the first picture that Apple does not accept.
pub(crate) async fn update_sets(
    store: &Store,
    transfer: &Transfer,
    localization: &str,
    changes: &[&SetChange],
    timeout: Duration,
) -> Result<(), ReleaseError> {
    let mut sets = Vec::new();
    for change in changes {
        let place = format!("{} {}", change.locale, change.display);
        for id in &change.delete {
            let deleted = store.delete("appScreenshots", id).await;
            deleted.map_err(api(format!("delete a screenshot of {place}")))?;
        }
        let id = match &change.set {
            Some(id) => id.clone(),
            None if change.upload.is_empty() => continue,
            None => create_set(store, localization, change).await?,
        };
        sets.push(Set {
            id,
            order: change.remaining.clone(),
            slots: change.slots.clone(),
            place,
        });
    }
    for round in 1.. {
        let failed = fill(store, transfer, localization, &mut sets, timeout).await?;
        let Some((file, reason)) = failed.first() else {
            break;
        };
        if round == ROUNDS
            || !failed
                .iter()
                .all(|(_, reason)| reason.contains("IMAGE_TOOL_FAILURE"))
        {
            return Err(ReleaseError::Media {
                file: file.clone(),
                reason: reason.clone(),
            });
        }
        tracing::info!("Apple failed to process {file}; uploading it again.");
    }
    for set in &sets {
        order(store, set).await?;
    }
    Ok(())
}

/// A set that is being changed.
struct Set {
    id: String,
    /// IDs in the order that App Store Connect has.
    order: Vec<String>,
    slots: Vec<Slot>,
    /// Locale and display type.
    place: String,
}

async fn create_set(store: &Store, localization: &str, change: &SetChange) -> Result<String, ReleaseError> {
    let new = New::of(
        "appScreenshotSets",
        json!({"screenshotDisplayType": change.display}),
    )
    .with(
        "appStoreVersionLocalization",
        "appStoreVersionLocalizations",
        localization,
    );
    let find = || async {
        let sets = store
            .list(
                format!("v1/appStoreVersionLocalizations/{localization}/appScreenshotSets"),
                &[("limit", "50")],
            )
            .await?;
        Ok(sets
            .data
            .into_iter()
            .find(|set| set.attributes["screenshotDisplayType"] == change.display.as_str()))
    };
    let set = store.create(&new, find).await;
    Ok(set
        .map_err(api(format!(
            "create the set {} of {}",
            change.display, change.locale
        )))?
        .id)
}

/// Uploads what is new, in its order, and waits for it. What failed is deleted and returned with Apple's reason.
async fn fill(
    store: &Store,
    transfer: &Transfer,
    localization: &str,
    sets: &mut [Set],
    timeout: Duration,
) -> Result<Vec<(String, String)>, ReleaseError> {
    let mut reserved: Vec<(usize, usize, Screenshot, Object)> = Vec::new();
    for (number, set) in sets.iter().enumerate() {
        for (index, slot) in set.slots.iter().enumerate() {
            if let Slot::New(shot) = slot {
                // One after another: the order of reservations is the order in the set.
                reserved.push((
                    number,
                    index,
                    shot.clone(),
                    reserve(store, asset(shot, &set.id)).await?,
                ));
            }
        }
    }
    let all: &[Set] = sets;
    stream::iter(reserved.iter().map(Ok::<_, ReleaseError>))
        .try_for_each_concurrent(AT_ONCE, |(number, _, shot, object)| {
            send(store, transfer, asset(shot, &all[*number].id), object)
        })
        .await?;
    let open: Vec<String> = reserved
        .iter()
        .map(|(_, _, _, object)| object.id.clone())
        .collect();
    let (reasons, seen) = wait(store, localization, open, timeout).await?;
    for set in sets.iter_mut() {
        let now = seen.values().find(|now| now.id == set.id);
        set.order = now.map_or_else(
            || set.order.clone(),
            |now| now.screenshots.iter().map(|shot| shot.id.clone()).collect(),
        );
    }
    let mut failed = Vec::new();
    for (number, index, shot, object) in reserved {
        let set = &mut sets[number];
        match reasons.iter().find(|(id, _)| *id == object.id) {
            None => set.slots[index] = Slot::Kept(object.id),
            Some((id, reason)) => {
                let file = format!("{} {}", set.place, shot.name);
                store
                    .delete("appScreenshots", id)
                    .await
                    .map_err(api(format!("delete the failed screenshot {file}")))?;
                failed.push((file, reason.clone()));
            }
        }
    }
    Ok(failed)
}

fn asset<'a>(shot: &'a Screenshot, set: &'a str) -> Asset<'a> {
    Asset {
        kind: "appScreenshots",
        parent: ("appScreenshotSet", "appScreenshotSets", set),
        path: &shot.path,
        name: &shot.name,
        size: shot.size,
        checksum: &shot.checksum,
    }
}

/// Waits until the pictures in `open` are processed. Returns those that failed, with Apple's reasons, and the sets of
/// the locale as they were seen last.
async fn wait(
    store: &Store,
    localization: &str,
    mut open: Vec<String>,
    timeout: Duration,
) -> Result<(Vec<(String, String)>, BTreeMap<String, RemoteSet>), ReleaseError> {
    let started = Instant::now();
    let mut failed = Vec::new();
    let mut seen = BTreeMap::new();
    let mut look = 1;
    while !open.is_empty() {
        tokio::time::sleep(BACKOFF.random(look)).await;
        look += 1;
        seen = read_sets(store, localization)
            .await
            .map_err(api("read the screenshots that are processed"))?;
        for shot in seen.values().flat_map(|set| &set.screenshots) {
            let is_open = open.contains(&shot.id);
            match shot.state.as_str() {
                "COMPLETE" => open.retain(|id| *id != shot.id),
                "FAILED" if is_open => {
                    open.retain(|id| *id != shot.id);
                    failed.push((shot.id.clone(), shot.errors.clone()));
                }
                _ => {}
            }
        }
        if !open.is_empty() && started.elapsed() > timeout {
            return Err(ReleaseError::TooSlow {
                what: format!("the processing of {} screenshot(s)", open.len()),
                seconds: timeout.as_secs(),
                state: "UPLOAD_COMPLETE".to_owned(),
            });
        }
    }
    Ok((failed, seen))
}

/// Puts a set into its order, if it is in another one.
async fn order(store: &Store, set: &Set) -> Result<(), ReleaseError> {
    let kept = set.slots.iter().filter_map(|slot| match slot {
        Slot::Kept(id) => Some(id),
        Slot::New(_) => None,
    });
    let wanted: Vec<&String> = kept.collect();
    if wanted.len() < 2 || set.order.iter().collect::<Vec<_>>() == wanted {
        return Ok(());
    }
    let path = format!("v1/appScreenshotSets/{}/relationships/appScreenshots", set.id);
    let data: Vec<Value> = wanted
        .iter()
        .map(|id| json!({"type": "appScreenshots", "id": id}))
        .collect();
    let ordered = store.link(Method::PATCH, path, Value::Array(data)).await;
    ordered.map_err(api(format!("order the screenshots of {}", set.place)))
}

/// Reads the sets of several locales at once.
///
/// # Errors
/// When App Store Connect can't be asked.
pub(crate) async fn read_media(
    store: &Store,
    localizations: Vec<(String, String)>,
) -> Result<crate::snapshot::RemoteMedia, ReleaseError> {
    let reads = localizations.into_iter().map(|(locale, id)| async move {
        let sets = read_sets(store, &id).await;
        sets.map(|sets| (locale.clone(), sets))
            .map_err(api(format!("read the screenshots of {locale}")))
    });
    stream::iter(reads).buffer_unordered(8).try_collect().await
}

/// What is left of an attachment that was uploaded before.
pub(crate) fn superseded<'a>(
    attachments: &'a [RemoteScreenshot],
    checksum: &str,
) -> impl Iterator<Item = &'a RemoteScreenshot> {
    let checksum = checksum.to_owned();
    attachments
        .iter()
        .filter(move |attachment| attachment.checksum.as_deref() != Some(checksum.as_str()))
}
