//! The App Asset Library of API 4.5.1: files are uploaded once, and placed wherever they are shown.
//!
//! Media of the library have no checksums: `referenceName` keeps the SHA-256 of the file. Source of routes and states:
//! Apple's documentation of API 4.5.1, and live answers published with ascelerate (2026-10).

mod place;
mod upload;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use transport::Transfer;

use self::place::Locale;
use self::upload::upload;
use super::{AT_ONCE, Found};
use crate::display::display_of_group;
use crate::error::{ReleaseError, api};
use crate::media_file::MediaFile;
use crate::plan::{MediaKind, SetChange, Slot};
use crate::snapshot::{RemoteItem, RemoteMedia, RemoteSet, optional, reasons, text};
use crate::store::{Object, Store};

/// The category of everything that product pages show.
const CATEGORY: &str = "APP_SCREENSHOTS_AND_PREVIEWS";

/// An app's asset library.
#[derive(Debug, Clone, Default)]
pub(crate) struct Library {
    pub(super) id: String,
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
    /// Whether it has more of them than its answer lists.
    has_more_placements: bool,
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
            has_more_placements: object.has_more("placements"),
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
    let all = placements.iter().flat_map(|(_, placements)| placements);
    let shown = assets_by_placement(store, kind, &assets, all).await?;
    let mut media = RemoteMedia::new();
    for (locale, placements) in &placements {
        let sets = media.entry(locale.clone()).or_default();
        for placement in placements {
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
            set.items
                .push(item(placement, shown.get(placement.id.as_str()).copied()));
        }
    }
    Ok((media, objects))
}

/// What each placement shows. Lists of placements say it only now and then; assets name up to fifty placements, and those
/// with more are asked for all of them. Only what no list tells is asked one by one.
async fn assets_by_placement<'a, 'p>(
    store: &Store,
    kind: MediaKind,
    assets: &'a [Asset],
    placements: impl Iterator<Item = &'p Object>,
) -> Result<BTreeMap<&'p str, &'a Asset>, ReleaseError> {
    let by_id: BTreeMap<&str, &Asset> = assets.iter().map(|asset| (asset.id.as_str(), asset)).collect();
    let mut by_placement: BTreeMap<String, &Asset> = BTreeMap::new();
    for asset in assets {
        by_placement.extend(asset.placements.iter().map(|id| (id.clone(), asset)));
    }
    let mut found = BTreeMap::new();
    let mut unknown = Vec::new();
    for placement in placements {
        let own = placement
            .one(kind.shown())
            .and_then(|shown| by_id.get(shown.id.as_str()));
        match own.or_else(|| by_placement.get(&placement.id)) {
            Some(asset) => drop(found.insert(placement.id.as_str(), *asset)),
            None => unknown.push(placement.id.as_str()),
        }
    }
    if unknown.is_empty() {
        return Ok(found);
    }
    let large = assets.iter().filter(|asset| asset.has_more_placements);
    let large = stream::iter(large).map(|asset| async move {
        let path = format!("v1/{}/{}/placements", kind.assets(), asset.id);
        let page = store.list(path, &[("limit", "200")]).await;
        let page = page.map_err(api(format!("read where {} is placed", asset.name)))?;
        let ids = page.data.into_iter().map(|placement| placement.id);
        Ok((asset, ids.collect()))
    });
    let large: Vec<(&Asset, Vec<String>)> = large.buffer_unordered(AT_ONCE).try_collect().await?;
    for (asset, ids) in large {
        by_placement.extend(ids.into_iter().map(|id| (id, asset)));
    }
    unknown.retain(|id| match by_placement.get(*id) {
        Some(asset) => {
            found.insert(*id, *asset);
            false
        }
        None => true,
    });
    let single = stream::iter(unknown).map(|id| async move { Ok((id, asset_of(store, id, kind).await?)) });
    let single: Vec<(&str, Option<String>)> = single.buffer_unordered(10).try_collect().await?;
    for (id, asset) in single {
        if let Some(asset) = asset.and_then(|asset| by_id.get(asset.as_str())) {
            found.insert(id, *asset);
        }
    }
    Ok(found)
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

/// The ID of what a placement shows.
async fn asset_of(store: &Store, placement: &str, kind: MediaKind) -> Result<Option<String>, ReleaseError> {
    let found = store
        .get(
            format!("v1/appAssetLibraryPlacements/{placement}"),
            &[("include", kind.shown())],
        )
        .await
        .map_err(api("read a placement"))?;
    Ok(found
        .and_then(|found| found.one(kind.shown()))
        .map(|shown| shown.id))
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
    let mut locales: BTreeMap<&str, Vec<&SetChange>> = BTreeMap::new();
    for (change, localization) in changes {
        let is_complete = change.slots.iter().all(|slot| match slot {
            Slot::Kept(_) => true,
            Slot::New(file) => known.contains_key(&(change.kind, file.sha256.clone())),
        });
        // A set that lacks a file is left as it is: its other pictures are still those that fit each other.
        if is_complete {
            locales.entry(localization).or_default().push(change);
        }
    }
    let placed = stream::iter(&locales).map(|(localization, changes)| {
        let locale = Locale {
            store,
            library,
            known,
            localization,
        };
        async move { locale.update_sets(changes).await }
    });
    let placed: Vec<Vec<ReleaseError>> = placed.buffer_unordered(AT_ONCE).collect().await;
    errors.extend(placed.into_iter().flatten());
    errors
}
