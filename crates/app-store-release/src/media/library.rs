//! The App Asset Library of API 4.5.1: files are uploaded once, and placed wherever they are shown.
//!
//! Media of the library have no checksums: `referenceName` keeps the SHA-256 of the file. Source of routes and states:
//! Apple's documentation of API 4.5.1, and live answers published with ascelerate (2026-10).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use transport::Transfer;

use super::upload::{BACKOFF, send_parts};
use super::{AT_ONCE, Found, ROUNDS};
use crate::display::{display_of_group, placement_group};
use crate::error::{ReleaseError, api};
use crate::media_file::MediaFile;
use crate::plan::{MediaKind, SetChange, Slot};
use crate::snapshot::{RemoteItem, RemoteMedia, RemoteSet, optional, reasons, text};
use crate::store::{New, Object, Store, has_status};

/// The category of everything that product pages show.
const CATEGORY: &str = "APP_SCREENSHOTS_AND_PREVIEWS";

/// An app's asset library.
#[derive(Debug, Clone, Default)]
pub(crate) struct Library {
    id: String,
    /// Usable images and videos by the SHA-256 of their files.
    assets: BTreeMap<(MediaKind, String), Asset>,
    /// Those that were reserved and never sent, by a run that was killed.
    open: BTreeMap<(MediaKind, String), Object>,
}

/// An image or video of the library.
#[derive(Debug, Clone)]
struct Asset {
    id: String,
    name: String,
    sha256: Option<String>,
    state: String,
    errors: String,
    frame: Option<String>,
    placements: Vec<String>,
}

impl Asset {
    fn of(object: &Object) -> Self {
        Self {
            id: object.id.clone(),
            name: text(&object.attributes, "fileName"),
            sha256: optional(&object.attributes, "referenceName").filter(|name| is_sha256(name)),
            state: text(&object.attributes, "state"),
            errors: reasons(object.attributes.get("stateDetails").unwrap_or(&Value::Null)),
            frame: optional(&object.attributes, "previewFrameTimeCode"),
            placements: object
                .related("placements")
                .into_iter()
                .map(|placement| placement.id)
                .collect(),
        }
    }

    /// Whether it can be placed: it arrived, and nobody put it away.
    fn is_usable(&self) -> bool {
        !matches!(
            self.state.as_str(),
            "AWAITING_UPLOAD" | "FAILED" | "ARCHIVED" | "REJECTED"
        )
    }

    fn is_processed(&self) -> bool {
        !matches!(self.state.as_str(), "AWAITING_UPLOAD" | "UPLOAD_COMPLETE")
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl MediaKind {
    /// The type of its assets.
    fn assets(self) -> &'static str {
        match self {
            Self::Screenshots => "appAssetLibraryImages",
            Self::Previews => "appAssetLibraryVideos",
        }
    }

    /// The path of its assets below a library.
    fn list(self) -> &'static str {
        match self {
            Self::Screenshots => "images",
            Self::Previews => "videos",
        }
    }

    /// The relationship of a placement to what it shows.
    fn shown(self) -> &'static str {
        match self {
            Self::Screenshots => "image",
            Self::Previews => "video",
        }
    }

    fn placement_types(self) -> &'static str {
        match self {
            Self::Screenshots => "APP_SCREENSHOT,IMESSAGE_APP_SCREENSHOT",
            Self::Previews => "APP_PREVIEW",
        }
    }
}

/// The placement type of a set.
fn placement_type(change: &SetChange) -> &'static str {
    match change.kind {
        MediaKind::Previews => "APP_PREVIEW",
        MediaKind::Screenshots if change.display.starts_with("IMESSAGE_") => "IMESSAGE_APP_SCREENSHOT",
        MediaKind::Screenshots => "APP_SCREENSHOT",
    }
}

/// Reads what is placed in locales (with the IDs of their localizations), and the library where anything is asked of it.
///
/// # Errors
/// When App Store Connect can't be asked.
pub(super) async fn read(
    store: &Store,
    id: String,
    screenshots: Vec<(String, String)>,
    previews: Vec<(String, String)>,
) -> Result<Found, ReleaseError> {
    let ((screenshots, images), (previews, videos)) = futures_util::try_join!(
        read_kind(store, &id, MediaKind::Screenshots, screenshots),
        read_kind(store, &id, MediaKind::Previews, previews)
    )?;
    let mut library = Library {
        id,
        ..Library::default()
    };
    for (kind, objects) in [(MediaKind::Screenshots, images), (MediaKind::Previews, videos)] {
        for object in objects {
            let asset = Asset::of(&object);
            let Some(sha256) = asset.sha256.clone() else {
                continue;
            };
            if asset.is_usable() {
                library.assets.insert((kind, sha256), asset);
            } else if asset.state == "AWAITING_UPLOAD" {
                library.open.insert((kind, sha256), object);
            }
        }
    }
    Ok(Found {
        screenshots,
        previews,
        library: Some(library),
    })
}

async fn read_kind(
    store: &Store,
    library: &str,
    kind: MediaKind,
    localizations: Vec<(String, String)>,
) -> Result<(RemoteMedia, Vec<Object>), ReleaseError> {
    if localizations.is_empty() {
        return Ok((RemoteMedia::new(), Vec::new()));
    }
    let reads = localizations.into_iter().map(|(locale, id)| async move {
        let placements = read_placements(store, &id, kind).await;
        placements.map(|placements| (locale, placements))
    });
    let placements = stream::iter(reads)
        .buffer_unordered(10)
        .try_collect::<Vec<(String, Vec<Object>)>>();
    let (placements, objects) = futures_util::try_join!(placements, read_assets(store, library, kind))?;
    let assets: Vec<Asset> = objects.iter().map(Asset::of).collect();
    let by_placement: BTreeMap<&str, &Asset> = assets
        .iter()
        .flat_map(|asset| asset.placements.iter().map(move |id| (id.as_str(), asset)))
        .collect();
    let by_id: BTreeMap<&str, &Asset> = assets.iter().map(|asset| (asset.id.as_str(), asset)).collect();
    let mut media = RemoteMedia::new();
    for (locale, placements) in placements {
        let sets = media.entry(locale).or_default();
        for placement in placements {
            let shown = placement.related(kind.shown()).into_iter().next();
            let mut asset = shown
                .and_then(|shown| by_id.get(shown.id.as_str()).copied())
                .or_else(|| by_placement.get(placement.id.as_str()).copied());
            if asset.is_none() {
                let id = asset_of(store, &placement.id, kind).await?;
                asset = id.and_then(|id| by_id.get(id.as_str()).copied());
            }
            let group = text(&placement.attributes, "placementGroup");
            let prefix = match (kind, text(&placement.attributes, "placementType").as_str()) {
                (MediaKind::Previews, _) => "",
                (_, "IMESSAGE_APP_SCREENSHOT") => "IMESSAGE_APP_",
                _ => "APP_",
            };
            let set = sets
                .entry(display_of_group(&group, prefix))
                .or_insert_with(|| RemoteSet {
                    id: group.clone(),
                    items: Vec::new(),
                });
            set.items.push(item(&placement, asset));
        }
    }
    Ok((media, objects))
}

/// What a placement shows, as an item of a set.
fn item(placement: &Object, asset: Option<&Asset>) -> RemoteItem {
    let failed = text(&placement.attributes, "state") == "FAILED";
    let state = match asset {
        _ if failed => "FAILED",
        Some(asset) if matches!(asset.state.as_str(), "FAILED" | "AWAITING_UPLOAD") => asset.state.as_str(),
        _ => "COMPLETE",
    };
    RemoteItem {
        id: placement.id.clone(),
        name: asset.map_or_else(|| placement.id.clone(), |asset| asset.name.clone()),
        checksum: asset.and_then(|asset| asset.sha256.clone()),
        state: state.to_owned(),
        errors: asset.map(|asset| asset.errors.clone()).unwrap_or_default(),
        frame: asset.and_then(|asset| asset.frame.clone()),
        asset: asset.map(|asset| asset.id.clone()),
    }
}

/// The placements of a locale, in their order. What they show is not included: that was answered with a 500 (2026-10).
async fn read_placements(
    store: &Store,
    localization: &str,
    kind: MediaKind,
) -> Result<Vec<Object>, ReleaseError> {
    let path = format!("v1/appStoreVersionLocalizations/{localization}/placements");
    let query = [
        ("filter[placementType]", kind.placement_types()),
        ("sort", "placementGroupPosition"),
        ("limit", "200"),
    ];
    let page = store.list(path, &query).await;
    page.map(|page| page.data)
        .map_err(api(format!("read where {} are placed", kind.name())))
}

async fn read_assets(store: &Store, library: &str, kind: MediaKind) -> Result<Vec<Object>, ReleaseError> {
    let path = format!("v1/appAssetLibraries/{library}/{}", kind.list());
    let query = [
        ("filter[category]", CATEGORY),
        ("include", "placements"),
        ("limit[placements]", "50"),
        ("limit", "200"),
    ];
    let page = store.list(path, &query).await;
    page.map(|page| page.data)
        .map_err(api(format!("read the {} of the asset library", kind.list())))
}

/// The ID of what a placement shows, asked for one by one: lists of placements say it only now and then.
async fn asset_of(store: &Store, placement: &str, kind: MediaKind) -> Result<Option<String>, ReleaseError> {
    let found = store
        .get(
            format!("v1/appAssetLibraryPlacements/{placement}"),
            &[("include", kind.shown())],
        )
        .await
        .map_err(api("read a placement"))?;
    Ok(found.and_then(|found| {
        found
            .related(kind.shown())
            .into_iter()
            .next()
            .map(|shown| shown.id)
    }))
}

/// Makes sets what they shall be; each change comes with the ID of its localization. A file is uploaded once, wherever it
/// is shown.
///
/// # Errors
/// With everything that was not accepted; what could be done besides is done.
pub(super) async fn update(
    store: &Store,
    transfer: &Transfer,
    library: &Library,
    changes: &[(&SetChange, String)],
    timeout: Duration,
) -> Vec<ReleaseError> {
    let mut known: BTreeMap<(MediaKind, String), String> = BTreeMap::new();
    let mut missing: BTreeMap<(MediaKind, String), &MediaFile> = BTreeMap::new();
    for (change, _) in changes {
        for slot in &change.slots {
            let Slot::New(file) = slot else { continue };
            let key = (change.kind, file.sha256.clone());
            match library.assets.get(&key) {
                Some(asset) if asset.is_processed() => drop(known.insert(key, asset.id.clone())),
                _ => drop(missing.insert(key, file)),
            }
        }
    }
    let uploads = stream::iter(&missing).map(|((kind, sha256), file)| async move {
        let uploaded = upload(store, transfer, library, *kind, file, timeout).await;
        (*kind, sha256.clone(), uploaded)
    });
    let uploads: Vec<_> = uploads.buffer_unordered(AT_ONCE).collect().await;
    let mut errors = Vec::new();
    for (kind, sha256, uploaded) in uploads {
        match uploaded {
            Ok(id) => drop(known.insert((kind, sha256), id)),
            Err(error) => errors.push(error),
        }
    }
    let known = &known;
    let placed = stream::iter(changes).map(|(change, localization)| async move {
        let complete = change.slots.iter().all(|slot| match slot {
            Slot::Kept(_) => true,
            Slot::New(file) => known.contains_key(&(change.kind, file.sha256.clone())),
        });
        // A set that lacks a file is left as it is: its other pictures are still those that fit each other.
        if !complete {
            return Ok(());
        }
        place(store, known, change, localization).await
    });
    let placed: Vec<Result<(), ReleaseError>> = placed.buffer_unordered(AT_ONCE).collect().await;
    errors.extend(placed.into_iter().filter_map(Result::err));
    errors
}

/// Uploads a file into the library, and waits until Apple has processed it. What a run that was killed left there is
/// continued. Returns the asset's ID.
async fn upload(
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
        if send(store, transfer, kind, file, open).await.is_ok() {
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
                send(store, transfer, kind, file, &reserved).await?;
                reserved.id
            }
        };
        let Some(reason) = wait(store, kind, file, &id, timeout).await? else {
            return Ok(id);
        };
        let deleted = store.delete(kind.assets(), &id).await;
        deleted.map_err(api(format!("delete {}, which failed", file.name)))?;
        if round == ROUNDS || !reason.contains("IMAGE_TOOL_FAILURE") {
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

/// Sends the parts and commits. A commit takes no checksum here.
async fn send(
    store: &Store,
    transfer: &Transfer,
    kind: MediaKind,
    file: &MediaFile,
    reserved: &Object,
) -> Result<(), ReleaseError> {
    send_parts(transfer, &file.path, &file.name, reserved).await?;
    let committed = store
        .patch(kind.assets(), &reserved.id, json!({"uploaded": true}), None)
        .await;
    let Err(error) = committed else { return Ok(()) };
    // The commit may have been made before its answer was lost.
    let now = store
        .get(format!("v1/{}/{}", kind.assets(), reserved.id), &[])
        .await;
    match now {
        Ok(Some(now)) if text(&now.attributes, "state") != "AWAITING_UPLOAD" => Ok(()),
        _ => Err(api(format!("commit the upload of {}", file.name))(error)),
    }
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

/// Removes, adds, and orders the placements of a set.
async fn place(
    store: &Store,
    known: &BTreeMap<(MediaKind, String), String>,
    change: &SetChange,
    localization: &str,
) -> Result<(), ReleaseError> {
    let where_ = format!("{} {}", change.locale, change.display);
    let group = change
        .set
        .clone()
        .unwrap_or_else(|| placement_group(&change.display));
    for id in &change.delete {
        let deleted = store.delete("appAssetLibraryPlacements", id).await;
        deleted.map_err(api(format!(
            "take one of the {} out of {where_}",
            change.kind.name()
        )))?;
    }
    for frame in &change.frames {
        let attributes = json!({"previewFrameTimeCode": frame.frame});
        let patched = store
            .patch(change.kind.assets(), &frame.id, attributes, None)
            .await;
        patched.map_err(api(format!("change the frame of a preview of {where_}")))?;
    }
    let mut now = change.remaining.clone();
    let mut wanted = Vec::new();
    let mut taken: BTreeSet<String> = change.remaining.iter().cloned().collect();
    for slot in &change.slots {
        let id = match slot {
            Slot::Kept(id) => id.clone(),
            Slot::New(file) => {
                let asset = known
                    .get(&(change.kind, file.sha256.clone()))
                    .map(String::as_str)
                    .unwrap_or_default();
                let id = add(store, change, &group, localization, asset, &taken)
                    .await
                    .map_err(api(format!("place {} in {where_}", file.name)))?;
                taken.insert(id.clone());
                now.push(id.clone());
                id
            }
        };
        wanted.push(id);
    }
    if wanted.len() < 2 || wanted == now {
        return Ok(());
    }
    let new = New::of(
        "appAssetLibraryPlacementOrderingRequests",
        json!({"placementGroup": group}),
    )
    .with(
        "appStoreVersionLocalization",
        "appStoreVersionLocalizations",
        localization,
    )
    .with_many("orderedPlacements", "appAssetLibraryPlacements", &wanted);
    let ordered = store.post(&new).await;
    ordered.map_err(api(format!("order the {} of {where_}", change.kind.name())))
}

/// Places an asset at the end of a group. `taken` are placements that are others, should the answer be lost.
async fn add(
    store: &Store,
    change: &SetChange,
    group: &str,
    localization: &str,
    asset: &str,
    taken: &BTreeSet<String>,
) -> Result<String, app_store_connect::Error> {
    let shown = change.kind.shown();
    let new = New::of(
        "appAssetLibraryPlacements",
        json!({"placementType": placement_type(change), "placementGroup": group}),
    )
    .with(shown, change.kind.assets(), asset)
    .with(
        "appStoreVersionLocalization",
        "appStoreVersionLocalizations",
        localization,
    );
    let path = format!("v1/appStoreVersionLocalizations/{localization}/placements");
    let filter = match change.kind {
        MediaKind::Screenshots => "filter[image]",
        MediaKind::Previews => "filter[video]",
    };
    let find = || async {
        let query = [
            (filter, asset),
            ("filter[placementGroup]", group),
            ("limit", "200"),
        ];
        let found = match store.list(path.clone(), &query).await {
            Err(error) if has_status(&error, transport::StatusCode::NOT_FOUND) => return Ok(None),
            found => found?,
        };
        Ok(found
            .data
            .into_iter()
            .find(|placement| !taken.contains(&placement.id)))
    };
    Ok(store.create(&new, find).await?.id)
}
