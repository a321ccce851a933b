//! Classic sets of screenshots and previews, which Apple deprecated with API 4.5.1 and which still work.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use app_store_connect::Error;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use transport::{Method, Transfer};

use super::set::OpenSet;
use super::upload::{Asset, BACKOFF, reserve, send_asset};
use super::{AT_ONCE, ROUNDS, may_retry};
use crate::error::{ReleaseError, api};
use crate::media_file::MediaFile;
use crate::plan::{MediaKind, SetChange, Slot};
use crate::snapshot::{RemoteItem, RemoteMedia, RemoteSet, read_sets, text};
use crate::store::{Attributes, New, Object, Store, is_conflict};

/// Lists lag behind a creation; afterwards, what they don't show is asked for by its ID.
const FIRST_LOOKS: u32 = 3;

/// How classic resources of a kind are named.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) sets: &'static str,
    /// The relationship of an item to its set.
    set: &'static str,
    pub(crate) items: &'static str,
    pub(crate) limit_of_items: &'static str,
    /// The attribute that tells the sets of a locale apart.
    pub(crate) set_type: &'static str,
}

impl MediaKind {
    pub(crate) fn classic(self) -> &'static Names {
        match self {
            Self::Screenshots => &Names {
                sets: "appScreenshotSets",
                set: "appScreenshotSet",
                items: "appScreenshots",
                limit_of_items: "limit[appScreenshots]",
                set_type: "screenshotDisplayType",
            },
            Self::Previews => &Names {
                sets: "appPreviewSets",
                set: "appPreviewSet",
                items: "appPreviews",
                limit_of_items: "limit[appPreviews]",
                set_type: "previewType",
            },
        }
    }
}

/// Reads the sets of several locales at once.
///
/// # Errors
/// When App Store Connect can't be asked.
pub(super) async fn read(
    store: &Store,
    localizations: Vec<(String, String)>,
    kind: MediaKind,
) -> Result<RemoteMedia, ReleaseError> {
    let reads = localizations.into_iter().map(|(locale, id)| async move {
        let sets = read_sets(store, &id, kind).await;
        sets.map(|sets| (locale.clone(), sets))
            .map_err(api(format!("read the {} of {locale}", kind.name())))
    });
    stream::iter(reads).buffer_unordered(10).try_collect().await
}

/// Makes the sets of a locale what they shall be.
///
/// # Errors
/// With the first file that Apple does not accept.
pub(super) async fn update_sets(
    store: &Store,
    transfer: &Transfer,
    localization: &str,
    changes: &[&SetChange],
    timeout: Duration,
) -> Result<(), ReleaseError> {
    let mut sets = Vec::new();
    for change in changes {
        let names = change.kind.classic();
        let place = format!("{} {}", change.locale, change.display);
        for id in &change.delete {
            let deleted = store.delete(names.items, id).await;
            deleted.map_err(api(format!(
                "delete one of the {} of {place}",
                change.kind.name()
            )))?;
        }
        let id = match &change.set {
            Some(id) => id.clone(),
            None if change.upload.is_empty() => continue,
            None => create_set(store, localization, change).await?,
        };
        for frame in &change.frames {
            set_frame(store, &frame.id, &frame.frame).await?;
        }
        sets.push(Set {
            id,
            kind: change.kind,
            content: OpenSet::of(change, |file| &file.checksum),
            pending: change.pending.clone(),
            place,
        });
    }
    for round in 1.. {
        let failed = fill(store, transfer, localization, &mut sets, timeout).await?;
        let Some((file, reason)) = failed.first() else {
            break;
        };
        if !failed.iter().all(|(_, reason)| may_retry(round, reason)) {
            return Err(ReleaseError::Media {
                file: file.clone(),
                reason: reason.clone(),
            });
        }
        tracing::info!("Apple failed to process {file}; uploading it again.");
    }
    for set in &mut sets {
        settle(store, localization, set).await?;
    }
    Ok(())
}

/// Puts a set into its order. What somebody else added meanwhile has to be in it too, so it is looked for where Apple
/// refuses the order.
async fn settle(store: &Store, localization: &str, set: &mut Set) -> Result<(), ReleaseError> {
    for round in 1.. {
        let failed = api(format!("order the {} of {}", set.kind.name(), set.place));
        match order(store, set).await {
            Err(error) if round < ROUNDS && is_conflict(&error) => {
                let sets = read_sets(store, localization, set.kind).await.map_err(failed)?;
                if let Some(now) = sets.into_values().find(|now| now.id == set.id) {
                    set.adopt(store, &now.items).await?;
                }
            }
            result => return result.map_err(failed),
        }
    }
    Ok(())
}

/// A set that is being changed.
struct Set {
    id: String,
    kind: MediaKind,
    content: OpenSet,
    /// IDs that Apple still processes, from an earlier run.
    pending: Vec<String>,
    /// Locale and display type.
    place: String,
}

impl Set {
    /// Takes the set as it is now, and deletes what is there twice.
    async fn adopt(&mut self, store: &Store, items: &[RemoteItem]) -> Result<(), ReleaseError> {
        for id in self.content.adopt(items) {
            let deleted = store.delete(self.kind.classic().items, &id).await;
            deleted.map_err(api(format!("delete a second copy in {}", self.place)))?;
        }
        Ok(())
    }
}

async fn create_set(store: &Store, localization: &str, change: &SetChange) -> Result<String, ReleaseError> {
    let names = change.kind.classic();
    let new = New::of(names.sets, json!({names.set_type: change.display})).with(
        "appStoreVersionLocalization",
        "appStoreVersionLocalizations",
        localization,
    );
    let find = || async {
        let sets = store
            .list(
                format!("v1/appStoreVersionLocalizations/{localization}/{}", names.sets),
                &[("limit", "50")],
            )
            .await?;
        Ok(sets
            .data
            .into_iter()
            .find(|set| text(&set.attributes, names.set_type) == change.display))
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
    let mut reserved: Vec<(usize, usize, MediaFile, Object)> = Vec::new();
    for (number, set) in sets.iter().enumerate() {
        for (index, slot) in set.content.slots.iter().enumerate() {
            if let Slot::New(file) = slot {
                // One after another: the order of reservations is the order in the set.
                reserved.push((
                    number,
                    index,
                    file.clone(),
                    reserve(store, &asset(set.kind, file, &set.id)).await?,
                ));
            }
        }
    }
    let all: &[Set] = sets;
    stream::iter(reserved.iter().map(Ok::<_, ReleaseError>))
        .try_for_each_concurrent(AT_ONCE, |(number, _, file, object)| async move {
            let set = &all[*number];
            let asset = asset(set.kind, file, &set.id);
            send_asset(store, transfer, &asset, object).await
        })
        .await?;
    let mut open: Vec<(MediaKind, String)> = reserved
        .iter()
        .map(|(number, _, _, object)| (all[*number].kind, object.id.clone()))
        .collect();
    for set in all {
        open.extend(set.pending.iter().map(|id| (set.kind, id.clone())));
    }
    let (reasons, seen) = wait(store, localization, open, timeout).await?;
    let mut failed = Vec::new();
    let mut left_behind = None;
    for set in sets.iter_mut() {
        for id in std::mem::take(&mut set.pending) {
            if let Some((_, reason)) = reasons.iter().find(|(failed, _)| *failed == id) {
                left_behind = Some((set.place.clone(), reason.clone()));
            }
        }
    }
    for (number, index, local, object) in reserved {
        let set = &mut sets[number];
        match reasons.iter().find(|(id, _)| *id == object.id) {
            None => set.content.slots[index] = Slot::Kept(object.id),
            Some((id, reason)) => {
                let file = format!("{} {}", set.place, local.name);
                store
                    .delete(set.kind.classic().items, id)
                    .await
                    .map_err(api(format!("delete {file}, which failed")))?;
                set.content.deleted.push(id.clone());
                failed.push((file, reason.clone()));
            }
        }
    }
    if let Some((file, reason)) = left_behind {
        // Its file is not known here; the next run sees that it failed, and uploads it again.
        return Err(ReleaseError::Media { file, reason });
    }
    for set in sets.iter_mut() {
        if let Some(now) = seen.iter().find(|now| now.id == set.id) {
            set.adopt(store, &now.items).await?;
        }
    }
    Ok(failed)
}

fn asset<'a>(kind: MediaKind, file: &'a MediaFile, set: &'a str) -> Asset<'a> {
    let names = kind.classic();
    let mut more = Attributes::new();
    if kind == MediaKind::Previews {
        more.extend(
            file.mime_type()
                .map(|value| ("mimeType".to_owned(), value.into())),
        );
        more.extend(
            file.frame
                .clone()
                .map(|value| ("previewFrameTimeCode".to_owned(), value.into())),
        );
    }
    Asset {
        kind: names.items,
        parent: (names.set, names.sets, set),
        path: &file.path,
        name: &file.name,
        size: file.size,
        checksum: &file.checksum,
        more,
    }
}

async fn set_frame(store: &Store, preview: &str, frame: &str) -> Result<(), ReleaseError> {
    let attributes = json!({"previewFrameTimeCode": frame});
    let patched = store.patch("appPreviews", preview, attributes, None).await;
    patched.map(drop).map_err(api("change the frame of a preview"))
}

/// Waits until everything in `open` is processed. Returns what failed, with Apple's reasons, and the sets of the locale
/// as they were seen last.
async fn wait(
    store: &Store,
    localization: &str,
    mut open: Vec<(MediaKind, String)>,
    timeout: Duration,
) -> Result<(Vec<(String, String)>, Vec<RemoteSet>), ReleaseError> {
    let started = Instant::now();
    let mut failed = Vec::new();
    let mut seen: BTreeMap<MediaKind, Vec<RemoteSet>> = BTreeMap::new();
    let mut look = 1;
    while !open.is_empty() {
        tokio::time::sleep(BACKOFF.random(look)).await;
        look += 1;
        for kind in [MediaKind::Screenshots, MediaKind::Previews] {
            if open.iter().any(|(of, _)| *of == kind) {
                let sets = read_sets(store, localization, kind).await;
                let sets = sets.map_err(api(format!("read the {} that are processed", kind.name())))?;
                seen.insert(kind, sets.into_values().collect());
            }
        }
        for item in seen.values().flatten().flat_map(|set| &set.items) {
            let is_open = open.iter().any(|(_, id)| *id == item.id);
            match item.state.as_str() {
                "COMPLETE" => open.retain(|(_, id)| *id != item.id),
                "FAILED" if is_open => {
                    open.retain(|(_, id)| *id != item.id);
                    failed.push((item.id.clone(), item.errors.clone()));
                }
                _ => {}
            }
        }
        if look > FIRST_LOOKS {
            forget_deleted(store, &seen, &mut open).await?;
        }
        if !open.is_empty() && started.elapsed() > timeout {
            return Err(ReleaseError::TooSlow {
                what: format!("the processing of {}", wording::counted(open.len(), "file")),
                seconds: timeout.as_secs(),
                state: "UPLOAD_COMPLETE".to_owned(),
            });
        }
    }
    Ok((failed, seen.into_values().flatten().collect()))
}

/// Takes out of `open` what another run has deleted.
async fn forget_deleted(
    store: &Store,
    seen: &BTreeMap<MediaKind, Vec<RemoteSet>>,
    open: &mut Vec<(MediaKind, String)>,
) -> Result<(), ReleaseError> {
    let is_listed = |id: &str| {
        seen.values()
            .flatten()
            .flat_map(|set| &set.items)
            .any(|item| item.id == id)
    };
    let mut deleted = Vec::new();
    for (kind, id) in open.iter().filter(|(_, id)| !is_listed(id)) {
        let found = store.get(format!("v1/{}/{id}", kind.classic().items), &[]).await;
        if found
            .map_err(api(format!("read one of the {}", kind.name())))?
            .is_none()
        {
            deleted.push(id.clone());
        }
    }
    open.retain(|(_, id)| !deleted.contains(id));
    Ok(())
}

/// Puts a set into its order, if it is in another one.
async fn order(store: &Store, set: &Set) -> Result<(), Error> {
    let Some(wanted) = set.content.missing_order() else {
        return Ok(());
    };
    let names = set.kind.classic();
    let path = format!("v1/{}/{}/relationships/{}", names.sets, set.id, names.items);
    let data: Vec<Value> = wanted
        .iter()
        .map(|id| json!({"type": names.items, "id": id}))
        .collect();
    store.link(Method::PATCH, path, Value::Array(data)).await
}
