//! Screenshots and previews, in both worlds: classic sets, and the App Asset Library.
//!
//! Sources: Apple's API documents 4.4.1 and 4.5.1; spaceship and deliver of fastlane 2.237.0, which upload to sets;
//! ascelerate's notes on the library as the live service has it, 2026-10.

mod class;
mod listing;
mod placements;
mod processing;

use serde_json::{Value, json};

pub(super) use listing::lacking;
pub(crate) use listing::list_pictures;
pub(crate) use processing::observe;

use super::lifecycle::DELETED;
use super::{Change, release};
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::date;
use crate::asc::objects::{Key, Objects};

const LOCALIZATIONS: &str = "appStoreVersionLocalizations";
const PLACEMENTS: &str = "appAssetLibraryPlacements";
const ORDERS: &str = "appAssetLibraryPlacementOrderingRequests";
const IMAGES: &str = "appAssetLibraryImages";
const VIDEOS: &str = "appAssetLibraryVideos";

/// The size of an image that was processed; no schema has an attribute of this name.
const SIZE: &str = "-size";

/// The set of a kind of file, and how many it takes.
fn limit_of(kind: &str) -> Option<(&'static str, &'static str, usize)> {
    match kind {
        "appScreenshots" => Some(("appScreenshotSet", "appScreenshotSets", 10)),
        "appPreviews" => Some(("appPreviewSet", "appPreviewSets", 3)),
        _ => None,
    }
}

/// What a relationship leads to and is not deleted.
fn present(objects: &Objects, kind: &str, id: &str, name: &str) -> Vec<Key> {
    let all = objects.links(kind, id, name).iter();
    all.filter(|key| !objects.is(&key.kind, &key.id, DELETED))
        .cloned()
        .collect()
}

pub(super) fn check_creation(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    match draft.kind.as_str() {
        "appScreenshotSets" | "appPreviewSets" if draft.relationships.is_empty() => {
            Err(Refusal::needs_relationship("appStoreVersionLocalization"))
        }
        PLACEMENTS => placements::check_placement(change, draft),
        ORDERS => placements::check_order(objects, draft),
        kind => {
            let Some((parent, of, most)) = limit_of(kind) else {
                return Ok(());
            };
            if present(objects, of, draft.one(parent), kind).len() >= most {
                let what = if kind == "appPreviews" {
                    "previews"
                } else {
                    "screenshots"
                };
                return Err(Refusal::relationship(
                    parent,
                    format!("A set has {most} {what} at most"),
                ));
            }
            Ok(())
        }
    }
}

pub(super) fn defaults(change: &Change<'_>, kind: &str) -> Value {
    match kind {
        PLACEMENTS => json!({
            "createdDate": date(change.now),
            "lastModifiedDate": date(change.now),
            "state": "PARENT_PREPARE_FOR_SUBMISSION",
        }),
        _ => json!({}),
    }
}

/// What a new resource brings about.
pub(super) fn follow_creation(change: &mut Change<'_>, key: &Key, draft: &Draft) {
    match key.kind.as_str() {
        PLACEMENTS => {
            let media = if draft.one("video").is_empty() {
                "IMAGE"
            } else {
                "VIDEO"
            };
            change.state.objects.set(PLACEMENTS, &key.id, "mediaType", media);
            placements::refresh(change, &key.id);
        }
        ORDERS => {
            let localization = draft.one("appStoreVersionLocalization");
            placements::follow_order(change, localization, &draft.many("orderedPlacements"));
        }
        _ => {}
    }
}

/// The media of a set were put into another order.
pub(super) fn follow_order(change: &mut Change<'_>, set: &Key) {
    if ["appScreenshotSets", "appPreviewSets"].contains(&set.kind.as_str()) {
        placements::follow_set(change, set);
    }
}

pub(super) fn check_update(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    if ![IMAGES, VIDEOS].contains(&draft.kind.as_str()) {
        return Ok(());
    }
    let state = change
        .view()
        .attributes(&draft.kind, &draft.id)
        .unwrap_or_default();
    let is_approved = state.get("state") == Some(&"APPROVED".into());
    if draft.asks("archived") && !is_approved {
        return Err(Refusal::entity(
            "STATE_ERROR.INVALID_ASSET_STATE",
            "Only an approved asset can be archived",
        ));
    }
    Ok(())
}

pub(super) fn check_deletion(change: &Change<'_>, key: &Key) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    match key.kind.as_str() {
        IMAGES | VIDEOS if !present(objects, &key.kind, &key.id, "placements").is_empty() => {
            let words = "The asset has placements";
            Err(Refusal::entity("STATE_ERROR.ASSET_HAS_PLACEMENTS", words))
        }
        PLACEMENTS if !release::is_editable(objects, key) => Err(placements::invalid_state(
            "The parent of the placement can't be edited in its state",
        )),
        _ => Ok(()),
    }
}

/// What goes with a resource that is deleted.
pub(super) fn follow_deletion(change: &mut Change<'_>, key: &Key) {
    match key.kind.as_str() {
        PLACEMENTS => placements::remove_twin(change, &key.id),
        "appScreenshots" | "appPreviews" => placements::unplace(change, key),
        "appScreenshotSets" | "appPreviewSets" => {
            for name in ["appScreenshots", "appPreviews"] {
                for item in change.state.objects.links(&key.kind, &key.id, name).to_vec() {
                    placements::unplace(change, &item);
                }
            }
        }
        _ => {}
    }
}

/// The media of a new version's localization: those of the version before, without another upload.
pub(super) fn carry_over(change: &mut Change<'_>, from: &Key, to: &Key) {
    let mut copies = Vec::new();
    for (sets, items, up) in [
        ("appScreenshotSets", "appScreenshots", "appScreenshotSet"),
        ("appPreviewSets", "appPreviews", "appPreviewSet"),
    ] {
        for set in present(&change.state.objects, &from.kind, &from.id, sets) {
            let new = change.copy(&set);
            change.relate(&new, "appStoreVersionLocalization", to);
            for item in present(&change.state.objects, &set.kind, &set.id, items) {
                if change.state.assets.state_of(&item.id) != Some("COMPLETE") {
                    continue;
                }
                let copy = change.copy(&item);
                change.relate(&copy, up, &new);
                change.state.storage.copy(&item.id, &copy.id);
                change.state.assets.copy(&item.id, &item.kind, &copy.id);
                copies.push((item, copy));
            }
        }
    }
    placements::copy_placements(change, from, to, &copies);
}
