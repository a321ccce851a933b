//! Placements of the App Asset Library (API 4.5.1), and the classic media that show as such.
//!
//! An account with the library has both: what is uploaded to a set shows as a placement, and the deprecated resources go
//! on working. What is done to one of the two is done to the other.
//!
//! Sources: Apple, "App Asset Library", API 4.5.1; ascelerate's notes on the live service, 2026-10.

use serde_json::{Map, Value, json};

use super::class::Class;
use super::{IMAGES, LOCALIZATIONS, PLACEMENTS, SIZE, VIDEOS, present};
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::date;
use crate::asc::objects::{Key, Objects, members};
use crate::asc::rules::{Change, lifecycle, release};

/// The placement of a classic screenshot or preview; no schema has an attribute of this name.
const PLACEMENT: &str = "-placement";

/// The kinds of classic media.
const CLASSIC: [&str; 2] = ["appScreenshots", "appPreviews"];

/// The localizations that a placement may belong to.
const PLACES: [&str; 4] = [
    "appStoreVersionLocalization",
    "appCustomProductPageLocalization",
    "appEventLocalization",
    "appStoreVersionExperimentTreatmentLocalization",
];

fn placements_of(objects: &Objects, localization: &str, kind: &str, group: &str) -> Vec<Key> {
    let is_of = |key: &Key| {
        let text = |name: &str| objects.text(PLACEMENTS, &key.id, name);
        (kind.is_empty() || text("placementType") == kind) && text("placementGroup") == group
    };
    let mut all = present(objects, LOCALIZATIONS, localization, "placements");
    all.retain(is_of);
    all
}

fn wrong_combination(words: &str) -> Refusal {
    Refusal::attribute("placementType", words)
}

pub(super) fn invalid_state(words: &str) -> Refusal {
    Refusal::entity("STATE_ERROR.INVALID_STATE", words)
}

/// Combinations, states, and limits of placements.
pub(super) fn check_placement(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    let given = |names: &[&str]| names.iter().filter(|name| !draft.one(name).is_empty()).count();
    if given(&["image", "video"]) != 1 || given(&PLACES) != 1 {
        let words = "A placement is of one asset, in one localization";
        return Err(Refusal::entity("ENTITY_ERROR.RELATIONSHIP.REQUIRED", words).at("/data/relationships"));
    }
    let (kind, group) = (draft.text("placementType"), draft.text("placementGroup"));
    let is_video = !draft.one("video").is_empty();
    let most = match (kind, is_video) {
        ("APP_SCREENSHOT" | "IMESSAGE_APP_SCREENSHOT", false) => 10,
        ("APP_PREVIEW", true) => 3,
        ("APP_SCREENSHOT" | "IMESSAGE_APP_SCREENSHOT", true) => {
            return Err(wrong_combination("A video can't be placed as a screenshot"));
        }
        ("APP_PREVIEW", false) => return Err(wrong_combination("An image can't be placed as a preview")),
        _ => 1,
    };
    let Some((class, is_imessage)) = Class::of_group(group) else {
        return Err(Refusal::attribute(
            "placementGroup",
            format!("'{group}' is not a placement group"),
        ));
    };
    if is_imessage != (kind == "IMESSAGE_APP_SCREENSHOT") {
        return Err(wrong_combination(&format!(
            "The group {group} does not take {kind}"
        )));
    }
    let localization = draft.one("appStoreVersionLocalization");
    if !localization.is_empty() {
        let key = Key::new(LOCALIZATIONS, localization);
        if !release::is_editable(objects, &key) {
            return Err(invalid_state(
                "The parent of the placement can't be edited in its state",
            ));
        }
        if placements_of(objects, localization, kind, group).len() >= most {
            let words = format!("The group {group} takes {most} of {kind} at most");
            return Err(Refusal::relationship("appStoreVersionLocalization", words));
        }
    }
    let image = draft.one("image");
    if change.state.assets.state_of(image) == Some("FAILED") {
        return Err(Refusal::entity(
            "STATE_ERROR.INVALID_ASSET_STATE",
            "The asset could not be processed",
        ));
    }
    let size = objects.value(IMAGES, image, SIZE).and_then(|size| {
        let one = |index: usize| usize::try_from(size[index].as_u64()?).ok();
        Some((one(0)?, one(1)?))
    });
    if size.is_some_and(|size| !class.takes(size)) {
        return Err(Refusal::attribute(
            "placementGroup",
            format!("The size of the asset does not fit {group}"),
        ));
    }
    Ok(())
}

/// An order names every placement of one group of one localization once.
pub(super) fn check_order(objects: &Objects, draft: &Draft) -> Result<(), Refusal> {
    let localization = draft.one("appStoreVersionLocalization");
    let group = draft.text("placementGroup");
    let key = Key::new(LOCALIZATIONS, localization);
    if !release::is_editable(objects, &key) {
        return Err(invalid_state(
            "The parent of the placements can't be edited in its state",
        ));
    }
    let given = draft.many("orderedPlacements");
    let kind = given
        .first()
        .map_or("", |id| objects.text(PLACEMENTS, id, "placementType"));
    let mut known: Vec<String> = placements_of(objects, localization, kind, group)
        .into_iter()
        .map(|key| key.id)
        .collect();
    let mut sorted = given;
    sorted.sort();
    known.sort();
    if sorted == known {
        return Ok(());
    }
    let words = "'orderedPlacements' has to list every placement of the group once";
    Err(Refusal::relationship("orderedPlacements", words))
}

/// The state of a placement is that of its asset, then of its parent.
pub(super) fn refresh(change: &mut Change<'_>, id: &str) {
    let state = &mut *change.state;
    let asset = state
        .objects
        .link(PLACEMENTS, id, "image")
        .or_else(|| state.objects.link(PLACEMENTS, id, "video"))
        .unwrap_or_default();
    let of_asset = state.assets.state_of(&asset).unwrap_or("COMPLETE");
    let version = release::version_of(&state.objects, &Key::new(PLACEMENTS, id));
    let of_version = version.map_or("", |version| release::state_of(&state.objects, &version.id));
    let now = match (of_asset, of_version) {
        ("AWAITING_UPLOAD" | "UPLOAD_COMPLETE", _) => "ASSET_PROCESSING",
        ("FAILED", _) => "FAILED",
        (_, "READY_FOR_REVIEW") => "PARENT_READY_FOR_REVIEW",
        (_, "WAITING_FOR_REVIEW" | "WAITING_FOR_EXPORT_COMPLIANCE") => "PARENT_WAITING_FOR_REVIEW",
        (_, "IN_REVIEW" | "ACCEPTED") => "PARENT_IN_REVIEW",
        (_, "PENDING_DEVELOPER_RELEASE" | "PENDING_APPLE_RELEASE" | "PROCESSING_FOR_DISTRIBUTION") => {
            "PARENT_APPROVED"
        }
        (_, "READY_FOR_DISTRIBUTION") => "ACTIVE",
        (_, "REPLACED_WITH_NEW_VERSION") => "INACTIVE",
        _ => "PARENT_PREPARE_FOR_SUBMISSION",
    };
    state.objects.set(PLACEMENTS, id, "state", now);
}

/// The classic screenshot or preview that a placement shows.
pub(super) fn twin_of(objects: &Objects, placement: &str) -> Option<Key> {
    CLASSIC.iter().find_map(|kind| {
        let mut ids = objects.ids(kind).into_iter();
        let id = ids.find(|id| objects.text(kind, id, PLACEMENT) == placement)?;
        Some(Key::new(kind, &id))
    })
}

/// Whether a classic screenshot or preview shows as a placement.
pub(super) fn is_placed(objects: &Objects, item: &Key) -> bool {
    !objects.text(&item.kind, &item.id, PLACEMENT).is_empty()
}

/// Puts some placements of a localization into an order, behind the others.
fn reorder(change: &mut Change<'_>, localization: &Key, ordered: &[Key]) {
    for placement in ordered {
        let name = "appStoreVersionLocalization";
        change
            .state
            .objects
            .sever(change.api, placement, name, localization);
        change.relate(placement, name, localization);
    }
}

/// The order of a set's media is that of their placements.
pub(super) fn follow_set(change: &mut Change<'_>, set: &Key) {
    let objects = &change.state.objects;
    let Some(localization) = objects.link(&set.kind, &set.id, "appStoreVersionLocalization") else {
        return;
    };
    let placements: Vec<Key> = CLASSIC
        .iter()
        .flat_map(|name| present(objects, &set.kind, &set.id, name))
        .map(|item| Key::new(PLACEMENTS, objects.text(&item.kind, &item.id, PLACEMENT)))
        .filter(|key| !key.id.is_empty())
        .collect();
    reorder(change, &Key::new(LOCALIZATIONS, &localization), &placements);
}

/// The order of placements is that of the classic media that they show.
pub(super) fn follow_order(change: &mut Change<'_>, localization: &str, placements: &[String]) {
    let ordered: Vec<Key> = placements.iter().map(|id| Key::new(PLACEMENTS, id)).collect();
    reorder(change, &Key::new(LOCALIZATIONS, localization), &ordered);
    for item in placements
        .iter()
        .filter_map(|id| twin_of(&change.state.objects, id))
        .collect::<Vec<_>>()
    {
        let name = set_of(&item.kind);
        for set in change.state.objects.links(&item.kind, &item.id, name).to_vec() {
            change.state.objects.sever(change.api, &item, name, &set);
            change.relate(&item, name, &set);
        }
    }
}

/// The relationship of a classic screenshot or preview to its set.
fn set_of(kind: &str) -> &'static str {
    if kind == "appPreviews" {
        "appPreviewSet"
    } else {
        "appScreenshotSet"
    }
}

/// A classic screenshot or preview goes, and its placement with it; what was uploaded stays in the library.
pub(super) fn unplace(change: &mut Change<'_>, item: &Key) {
    let placement = change
        .state
        .objects
        .text(&item.kind, &item.id, PLACEMENT)
        .to_owned();
    if !placement.is_empty() {
        change.remove(&Key::new(PLACEMENTS, &placement));
    }
}

/// A placement goes, and the classic screenshot or preview that it shows with it.
pub(super) fn remove_twin(change: &mut Change<'_>, placement: &str) {
    if let Some(item) = twin_of(&change.state.objects, placement) {
        lifecycle::forget_later(change, &item);
    }
}

/// In an account with the library, a classic screenshot or preview that was processed shows as an asset and its placement.
pub(super) fn place(change: &mut Change<'_>, item: &Key) {
    let objects = &change.state.objects;
    if !change.state.release.has_asset_library || is_placed(objects, item) {
        return;
    }
    let Some(set) = objects
        .links(&item.kind, &item.id, set_of(&item.kind))
        .first()
        .cloned()
    else {
        return;
    };
    let Some(localization) = objects.link(&set.kind, &set.id, "appStoreVersionLocalization") else {
        return;
    };
    let is_video = item.kind == "appPreviews";
    let display = objects.text(
        &set.kind,
        &set.id,
        if is_video {
            "previewType"
        } else {
            "screenshotDisplayType"
        },
    );
    let Some(class) = Class::of_type(display) else {
        return;
    };
    let prefix = if display.starts_with("IMESSAGE_") {
        "IMESSAGE_"
    } else {
        ""
    };
    let attributes = json!({
        "placementType": format!("{prefix}APP_{}", if is_video { "PREVIEW" } else { "SCREENSHOT" }),
        "placementGroup": format!("{prefix}{}", class.group),
        "mediaType": if is_video { "VIDEO" } else { "IMAGE" },
        "createdDate": date(change.now),
        "lastModifiedDate": date(change.now),
    });
    let asset = add_asset(change, item, if is_video { VIDEOS } else { IMAGES });
    let placement = change.make(PLACEMENTS, members(attributes));
    change.relate(&placement, if is_video { "video" } else { "image" }, &asset);
    let localization = Key::new(LOCALIZATIONS, &localization);
    change.relate(&placement, "appStoreVersionLocalization", &localization);
    let objects = &mut change.state.objects;
    objects.set(&item.kind, &item.id, PLACEMENT, placement.id.clone());
    refresh(change, &placement.id);
}

/// The asset that a classic screenshot or preview is in the library.
fn add_asset(change: &mut Change<'_>, item: &Key, kind: &str) -> Key {
    let objects = &change.state.objects;
    let value = |name: &str| objects.value(&item.kind, &item.id, name).cloned();
    let mut attributes: Map<String, Value> = [
        "fileName",
        "fileSize",
        "imageAsset",
        "previewFrameImage",
        "previewFrameTimeCode",
        SIZE,
    ]
    .iter()
    .filter_map(|name| Some(((*name).to_owned(), value(name)?)))
    .collect();
    attributes.insert("category".to_owned(), "APP_SCREENSHOTS_AND_PREVIEWS".into());
    attributes.extend(value("fileName").map(|name| ("referenceName".to_owned(), name)));
    attributes.insert("createdDate".to_owned(), date(change.now));
    attributes.insert("lastModifiedDate".to_owned(), date(change.now));
    let version = release::version_of(objects, item);
    let app = version.and_then(|version| objects.link(&version.kind, &version.id, "app"));
    let made = change.make(kind, attributes);
    if let Some(app) = app {
        change.relate(&made, "assetLibrary", &Key::new("appAssetLibraries", &app));
    }
    change.state.storage.copy(&item.id, &made.id);
    change.state.assets.copy(&item.id, kind, &made.id);
    made
}

/// Copies the placements of a localization to that of a new version; `copies` are the classic media that were copied.
pub(super) fn copy_placements(change: &mut Change<'_>, from: &Key, to: &Key, copies: &[(Key, Key)]) {
    let old: Vec<String> = copies
        .iter()
        .map(|(old, _)| {
            change
                .state
                .objects
                .text(&old.kind, &old.id, PLACEMENT)
                .to_owned()
        })
        .collect();
    for (_, copy) in copies {
        change.state.objects.set(&copy.kind, &copy.id, PLACEMENT, "");
    }
    for placement in present(&change.state.objects, &from.kind, &from.id, "placements") {
        let new = change.copy(&placement);
        for name in ["image", "video"] {
            for asset in change
                .state
                .objects
                .links(PLACEMENTS, &placement.id, name)
                .to_vec()
            {
                change.relate(&new, name, &asset);
            }
        }
        change.relate(&new, "appStoreVersionLocalization", to);
        let shown = old.iter().position(|id| *id == placement.id);
        if let Some((_, copy)) = shown.and_then(|index| copies.get(index)) {
            let objects = &mut change.state.objects;
            objects.set(&copy.kind, &copy.id, PLACEMENT, new.id.clone());
        }
        refresh(change, &new.id);
    }
}
