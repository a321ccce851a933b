//! Screenshots and previews, in both worlds: classic sets (B8, B9), and the App Asset Library (B18).
//!
//! An account with the library has both: what is uploaded to a set shows as a placement, and the deprecated resources go
//! on working. Sections are those of `app-store-release.md` (2026-11-25).

use serde_json::{Map, Value, json};

use super::lifecycle::DELETED;
use super::{Asset, Change, release};
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::date;
use crate::asc::objects::{Key, Objects};

const PLACEMENTS: &str = "appAssetLibraryPlacements";
const IMAGES: &str = "appAssetLibraryImages";
const VIDEOS: &str = "appAssetLibraryVideos";

/// A class of devices: the classic type without `APP_`, the placement group, and the sizes in pixels that it takes.
struct Class {
    name: &'static str,
    group: &'static str,
    sizes: &'static [(usize, usize)],
    /// Whether pictures may lie on their side.
    turns: bool,
}

const fn class(
    name: &'static str,
    group: &'static str,
    sizes: &'static [(usize, usize)],
    turns: bool,
) -> Class {
    Class {
        name,
        group,
        sizes,
        turns,
    }
}

/// Sizes: A10 (mid-2026). Groups: B18 (ascelerate, 2026-10). `IPHONE_DUO` has no classic type.
const CLASSES: [Class; 22] = [
    class(
        "IPHONE_67",
        "IPHONE_DYNAMIC_ISLAND_LARGE_PROFILE",
        &[(1260, 2736), (1290, 2796), (1320, 2868)],
        true,
    ),
    class(
        "IPHONE_65",
        "IPHONE_FACE_ID_LARGE_PROFILE",
        &[(1242, 2688), (1284, 2778)],
        true,
    ),
    class(
        "IPHONE_61",
        "IPHONE_DYNAMIC_ISLAND_MEDIUM_PROFILE",
        &[(1179, 2556), (1206, 2622)],
        true,
    ),
    class(
        "IPHONE_58",
        "IPHONE_FACE_ID_MEDIUM_PROFILE",
        &[(1170, 2532), (1125, 2436), (1080, 2340)],
        true,
    ),
    class(
        "IPHONE_55",
        "IPHONE_HOME_BUTTON_LARGE_PROFILE",
        &[(1242, 2208)],
        true,
    ),
    class(
        "IPHONE_47",
        "IPHONE_HOME_BUTTON_MEDIUM_PROFILE",
        &[(750, 1334)],
        true,
    ),
    class(
        "IPHONE_40",
        "IPHONE_HOME_BUTTON_40_PROFILE",
        &[(640, 1136), (640, 1096), (1136, 600)],
        true,
    ),
    class(
        "IPHONE_35",
        "IPHONE_HOME_BUTTON_35_PROFILE",
        &[(640, 960), (640, 920), (960, 600)],
        true,
    ),
    class(
        "IPAD_PRO_3GEN_129",
        "IPAD_13_PROFILE",
        &[(2064, 2752), (2048, 2732)],
        true,
    ),
    class("IPAD_PRO_129", "IPAD_129_PROFILE", &[(2048, 2732)], true),
    class(
        "IPAD_PRO_3GEN_11",
        "IPAD_11_PROFILE",
        &[(1488, 2266), (1668, 2420), (1668, 2388), (1640, 2360)],
        true,
    ),
    class("IPAD_105", "IPAD_105_PROFILE", &[(1668, 2224)], true),
    class(
        "IPAD_97",
        "IPAD_97_PROFILE",
        &[
            (1536, 2048),
            (768, 1024),
            (1536, 2008),
            (768, 1004),
            (2048, 1496),
            (1024, 748),
        ],
        true,
    ),
    class(
        "DESKTOP",
        "MAC_PROFILE",
        &[(1280, 800), (1440, 900), (2560, 1600), (2880, 1800)],
        false,
    ),
    class("APPLE_TV", "TV_PROFILE", &[(1920, 1080), (3840, 2160)], false),
    class("APPLE_VISION_PRO", "VISION_PRO_PROFILE", &[(3840, 2160)], false),
    class(
        "WATCH_ULTRA",
        "WATCH_ULTRA_PROFILE",
        &[(410, 502), (422, 514)],
        false,
    ),
    class("WATCH_SERIES_10", "WATCH_SERIES_10_PROFILE", &[(416, 496)], false),
    class("WATCH_SERIES_7", "WATCH_SERIES_7_PROFILE", &[(396, 484)], false),
    class("WATCH_SERIES_4", "WATCH_SERIES_4_PROFILE", &[(368, 448)], false),
    class("WATCH_SERIES_3", "WATCH_SERIES_3_PROFILE", &[(312, 390)], false),
    class("", "IPHONE_DUO_PROFILE", &[(2853, 2007), (2034, 1398)], true),
];

impl Class {
    fn takes(&self, (width, height): (usize, usize)) -> bool {
        self.sizes.contains(&(width, height)) || self.turns && self.sizes.contains(&(height, width))
    }

    /// Of a classic type such as `APP_IPHONE_67`, `IMESSAGE_APP_IPHONE_67`, or, for previews, `IPHONE_67`.
    fn of_type(name: &str) -> Option<&'static Self> {
        let bare = name.trim_start_matches("IMESSAGE_").trim_start_matches("APP_");
        CLASSES
            .iter()
            .find(|class| !bare.is_empty() && class.name == bare)
    }

    /// Of a placement group, and whether it is one of iMessage.
    fn of_group(group: &str) -> Option<(&'static Self, bool)> {
        let bare = group.strip_prefix("IMESSAGE_");
        let class = CLASSES
            .iter()
            .find(|class| class.group == bare.unwrap_or(group))?;
        Some((class, bare.is_some()))
    }
}

/// The set of a kind of file, and how many it takes (A10, B9).
fn limit_of(kind: &str) -> Option<(&'static str, &'static str, usize)> {
    match kind {
        "appScreenshots" => Some(("appScreenshotSet", "appScreenshotSets", 10)),
        "appPreviews" => Some(("appPreviewSet", "appPreviewSets", 3)),
        _ => None,
    }
}

fn is_deleted(objects: &Objects, key: &Key) -> bool {
    objects.value(&key.kind, &key.id, DELETED).is_some()
}

/// What a relationship leads to and is not deleted.
fn present(objects: &Objects, kind: &str, id: &str, name: &str) -> Vec<Key> {
    let all = objects.links(kind, id, name).iter();
    all.filter(|key| !is_deleted(objects, key)).cloned().collect()
}

pub(super) fn check_creation(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    match draft.kind.as_str() {
        "appScreenshotSets" | "appPreviewSets" if draft.relationships.is_empty() => Err(Refusal::entity(
            "ENTITY_ERROR.RELATIONSHIP.REQUIRED",
            "You must provide a value for the relationship 'appStoreVersionLocalization' with this request",
        )
        .at("/data/relationships/appStoreVersionLocalization")),
        PLACEMENTS => check_placement(change, draft),
        "appAssetLibraryPlacementOrderingRequests" => check_order(objects, draft),
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

/// The localizations that a placement may belong to.
const PLACES: [&str; 4] = [
    "appStoreVersionLocalization",
    "appCustomProductPageLocalization",
    "appEventLocalization",
    "appStoreVersionExperimentTreatmentLocalization",
];

fn placements_of(objects: &Objects, localization: &str, kind: &str, group: &str) -> Vec<Key> {
    let all = objects.links("appStoreVersionLocalizations", localization, "placements");
    let text = |key: &Key, name: &str| objects.text(PLACEMENTS, &key.id, name).to_owned();
    all.iter()
        .filter(|key| !is_deleted(objects, key))
        .filter(|key| {
            (kind.is_empty() || text(key, "placementType") == kind) && text(key, "placementGroup") == group
        })
        .cloned()
        .collect()
}

fn wrong_combination(words: &str) -> Refusal {
    Refusal::attribute("placementType", words)
}

fn invalid_state(words: &str) -> Refusal {
    Refusal::entity("STATE_ERROR.INVALID_STATE", words)
}

/// Combinations, states, and limits of placements (B18.6).
fn check_placement(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
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
        let key = Key::new("appStoreVersionLocalizations", localization);
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
    let state = change
        .state
        .assets
        .get(image)
        .map_or("", |asset| asset.state.as_str());
    if state == "FAILED" {
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

/// An order names every placement of one group of one localization once (B18).
fn check_order(objects: &Objects, draft: &Draft) -> Result<(), Refusal> {
    let localization = draft.one("appStoreVersionLocalization");
    let group = draft.text("placementGroup");
    let key = Key::new("appStoreVersionLocalizations", localization);
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
pub(super) fn created(change: &mut Change<'_>, key: &Key, draft: &Draft) {
    match key.kind.as_str() {
        PLACEMENTS => {
            let media = if draft.one("video").is_empty() {
                "IMAGE"
            } else {
                "VIDEO"
            };
            change.state.objects.set(PLACEMENTS, &key.id, "mediaType", media);
            refresh(change, &key.id.clone());
        }
        // The order of a localization's placements is that of the relationship.
        "appAssetLibraryPlacementOrderingRequests" => {
            let ordered: Vec<Key> = draft
                .many("orderedPlacements")
                .iter()
                .map(|id| Key::new(PLACEMENTS, id))
                .collect();
            let localization = Key::new(
                "appStoreVersionLocalizations",
                draft.one("appStoreVersionLocalization"),
            );
            reorder(change, &localization, &ordered);
        }
        _ => {}
    }
}

/// Puts some placements of a localization into an order, behind the others.
fn reorder(change: &mut Change<'_>, localization: &Key, ordered: &[Key]) {
    for placement in ordered {
        change
            .state
            .objects
            .sever(change.api, placement, "appStoreVersionLocalization", localization);
        change.relate(placement, "appStoreVersionLocalization", localization);
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
    if draft.attributes.get("archived") == Some(&Value::Bool(true)) && !is_approved {
        return Err(Refusal::entity(
            "STATE_ERROR.INVALID_ASSET_STATE",
            "Only an approved asset can be archived",
        ));
    }
    Ok(())
}

pub(super) fn check_deletion(change: &mut Change<'_>, key: &Key) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    match key.kind.as_str() {
        IMAGES | VIDEOS if !present(objects, &key.kind, &key.id, "placements").is_empty() => {
            let words = "The asset has placements";
            return Err(Refusal::entity("STATE_ERROR.ASSET_HAS_PLACEMENTS", words));
        }
        PLACEMENTS if !release::is_editable(objects, key) => {
            return Err(invalid_state(
                "The parent of the placement can't be edited in its state",
            ));
        }
        // What was uploaded stays in the library (B18.8); its placement goes.
        "appScreenshots" => unplace(change, key),
        "appScreenshotSets" => {
            for shot in objects.links(&key.kind, &key.id, "appScreenshots").to_vec() {
                unplace(change, &shot);
            }
        }
        _ => {}
    }
    Ok(())
}

/// The placement of a classic screenshot, and the size of an image; no schema has attributes of these names.
const PLACEMENT: &str = "-placement";
const SIZE: &str = "-size";

fn unplace(change: &mut Change<'_>, shot: &Key) {
    let placement = change
        .state
        .objects
        .text(&shot.kind, &shot.id, PLACEMENT)
        .to_owned();
    if !placement.is_empty() {
        change.remove(&Key::new(PLACEMENTS, &placement));
    }
}

/// The order of a set is that of its placements.
pub(super) fn ordered(change: &mut Change<'_>, set: &Key) {
    if set.kind != "appScreenshotSets" {
        return;
    }
    let objects = &change.state.objects;
    let Some(localization) = objects.link(&set.kind, &set.id, "appStoreVersionLocalization") else {
        return;
    };
    let placements: Vec<Key> = objects
        .links(&set.kind, &set.id, "appScreenshots")
        .iter()
        .map(|shot| Key::new(PLACEMENTS, objects.text(&shot.kind, &shot.id, PLACEMENT)))
        .filter(|key| !key.id.is_empty())
        .collect();
    reorder(
        change,
        &Key::new("appStoreVersionLocalizations", &localization),
        &placements,
    );
}

/// The state of a placement is that of its asset, then of its parent (B18.4).
fn refresh(change: &mut Change<'_>, id: &str) {
    let state = &mut *change.state;
    let asset = state
        .objects
        .link(PLACEMENTS, id, "image")
        .or_else(|| state.objects.link(PLACEMENTS, id, "video"))
        .unwrap_or_default();
    let of_asset = state
        .assets
        .get(&asset)
        .map_or("COMPLETE", |asset| asset.state.as_str());
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

/// Kinds of answers that are looks at media.
fn shows_media(kind: &str) -> bool {
    kind.starts_with("appScreenshot")
        || kind.starts_with("appPreview")
        || kind.starts_with("appAssetLibrary")
        || matches!(
            kind,
            "appStoreReviewAttachments"
                | "routingAppCoverages"
                | "appClipHeaderImages"
                | "appEncryptionDeclarationDocuments"
        )
}

/// A look moves on what was committed.
pub(super) fn observe(change: &mut Change<'_>, kind: &str) {
    let state = &mut *change.state;
    let patience = state.release.pace.media;
    let mut done = Vec::new();
    for (id, asset) in &mut state.assets {
        if asset.state != "UPLOAD_COMPLETE" {
            continue;
        }
        if asset.looks < patience {
            asset.looks += u32::from(shows_media(kind));
            continue;
        }
        done.push(id.clone());
    }
    for id in done {
        process(change, &id);
    }
    if kind == PLACEMENTS {
        for id in change.state.objects.ids(PLACEMENTS) {
            refresh(change, &id);
        }
    }
}

/// Width, height, and whether there is an alpha channel.
fn measured(path: &std::path::Path) -> Option<((usize, usize), bool)> {
    let size = imagesize::size(path).ok()?;
    let file = std::fs::File::open(path).ok()?;
    let decoder = png::Decoder::new(std::io::BufReader::new(file));
    let has_alpha = decoder.read_info().is_ok_and(|reader| {
        let color = reader.info().color_type;
        matches!(color, png::ColorType::Rgba | png::ColorType::GrayscaleAlpha)
    });
    Some(((size.width, size.height), has_alpha))
}

/// Apple has processed a file: pictures are looked at (B7.4), the rest is taken.
fn process(change: &mut Change<'_>, id: &str) {
    let path = change.state.spool.path().join(id);
    let keeps = change.state.keep_uploads;
    let Some(asset) = change.state.assets.get(id) else {
        return;
    };
    let kind = asset.kind.clone();
    let is_picture = ["appScreenshots", IMAGES].contains(&kind.as_str());
    let measured = measured(&path).filter(|_| is_picture);
    let problem = if is_picture && keeps {
        let fails = change.state.release.image_tool_failures > 0;
        if fails {
            change.state.release.image_tool_failures -= 1;
        }
        problem(&change.state.objects, &kind, id, measured.filter(|_| !fails))
    } else {
        None
    };
    let now = if problem.is_some() { "FAILED" } else { "COMPLETE" };
    if let Some(asset) = change.state.assets.get_mut(id) {
        now.clone_into(&mut asset.state);
        let words = problem.map(|(code, words)| (code.to_owned(), words.to_owned()));
        asset.errors.extend(words);
    }
    if now == "FAILED" {
        return;
    }
    let ((width, height), _) = measured.unwrap_or(((1290, 2796), false));
    let image = json!({
        "templateUrl": format!("https://is1-ssl.mzstatic.com/image/thumb/{id}/{{w}}x{{h}}bb.{{f}}"),
        "width": width,
        "height": height,
    });
    let objects = &mut change.state.objects;
    match kind.as_str() {
        "appScreenshots" | "appClipHeaderImages" | IMAGES => objects.set(&kind, id, "imageAsset", image),
        "appPreviews" => {
            objects.set(
                &kind,
                id,
                "previewFrameImage",
                json!({"image": image, "state": {"state": "COMPLETE", "errors": [], "warnings": []}}),
            );
            objects.set(&kind, id, "previewImage", image);
        }
        _ => {}
    }
    if is_picture && keeps {
        objects.set(&kind, id, SIZE, json!([width, height]));
    }
    if kind == IMAGES {
        objects.set(&kind, id, "specId", format!("IMAGE_{width}X{height}"));
    }
    if kind == "appScreenshots" {
        place(change, id);
    }
}

/// Why Apple does not take a picture.
fn problem(
    objects: &Objects,
    kind: &str,
    id: &str,
    measured: Option<((usize, usize), bool)>,
) -> Option<(&'static str, &'static str)> {
    let Some((size, has_alpha)) = measured else {
        return Some(("IMAGE_TOOL_FAILURE", "The image could not be processed."));
    };
    if has_alpha {
        return Some((
            "IMAGE_ALPHA_NOT_ALLOWED",
            "Images can't contain alpha channels or transparencies.",
        ));
    }
    let fits = if kind == IMAGES {
        CLASSES.iter().any(|class| class.takes(size))
    } else {
        let set = objects.link(kind, id, "appScreenshotSet").unwrap_or_default();
        let display = objects.text("appScreenshotSets", &set, "screenshotDisplayType");
        Class::of_type(display).is_some_and(|class| class.takes(size))
    };
    (!fits).then_some((
        "IMAGE_INCORRECT_DIMENSIONS",
        "The dimensions of one or more screenshots are wrong.",
    ))
}

/// In an account with the library, a classic screenshot shows as an image and its placement (B18.8).
fn place(change: &mut Change<'_>, shot: &str) {
    let objects = &change.state.objects;
    let is_placed = objects.value("appScreenshots", shot, PLACEMENT).is_some();
    if !change.state.release.has_asset_library || is_placed {
        return;
    }
    let set = objects
        .link("appScreenshots", shot, "appScreenshotSet")
        .unwrap_or_default();
    let Some(localization) = objects.link("appScreenshotSets", &set, "appStoreVersionLocalization") else {
        return;
    };
    let display = objects
        .text("appScreenshotSets", &set, "screenshotDisplayType")
        .to_owned();
    let key = Key::new("appScreenshots", shot);
    let version = release::version_of(objects, &key).unwrap_or_else(|| Key::new("", ""));
    let app = objects
        .link(&version.kind, &version.id, "app")
        .unwrap_or_default();
    let Some(class) = Class::of_type(&display) else {
        return;
    };
    let text = |name: &str| {
        objects
            .value("appScreenshots", shot, name)
            .cloned()
            .unwrap_or_default()
    };
    let image: Map<String, Value> = [
        ("category", "APP_SCREENSHOTS_AND_PREVIEWS".into()),
        ("fileName", text("fileName")),
        ("fileSize", text("fileSize")),
        ("referenceName", text("fileName")),
        ("imageAsset", text("imageAsset")),
        ("createdDate", date(change.now)),
        ("lastModifiedDate", date(change.now)),
        (SIZE, text(SIZE)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect();
    let id = change.state.id();
    let image = change.add(IMAGES, &id, image);
    change.relate(&image, "assetLibrary", &Key::new("appAssetLibraries", &app));
    let file = change.state.spool.path().join(shot);
    // Without its bytes the picture is one all the same.
    let _ = std::fs::copy(file, change.state.spool.path().join(&id));
    let of_shot = change.state.assets.get(shot).cloned();
    if let Some(asset) = of_shot {
        let kind = IMAGES.to_owned();
        change.state.assets.insert(id, Asset { kind, ..asset });
    }
    let is_imessage = display.starts_with("IMESSAGE_");
    let prefix = if is_imessage { "IMESSAGE_" } else { "" };
    let attributes = json!({
        "placementType": format!("{prefix}APP_SCREENSHOT"),
        "placementGroup": format!("{prefix}{}", class.group),
        "mediaType": "IMAGE",
        "createdDate": date(change.now),
        "lastModifiedDate": date(change.now),
    });
    let id = change.state.id();
    let placement = change.add(
        PLACEMENTS,
        &id,
        attributes.as_object().cloned().unwrap_or_default(),
    );
    change.relate(&placement, "image", &image);
    change.relate(
        &placement,
        "appStoreVersionLocalization",
        &Key::new("appStoreVersionLocalizations", &localization),
    );
    change
        .state
        .objects
        .set("appScreenshots", shot, PLACEMENT, id.clone());
    refresh(change, &id);
}

/// The media of a new version's localization: those of the version before, without another upload (B5.2, B8.1).
pub(super) fn carry_over(change: &mut Change<'_>, from: &Key, to: &Key) {
    let copied = |change: &mut Change<'_>, key: &Key| {
        let objects = &change.state.objects;
        let attributes = objects
            .get(&key.kind, &key.id)
            .map(|known| known.attributes.clone());
        let id = change.state.id();
        change.add(&key.kind, &id, attributes.unwrap_or_default())
    };
    let links =
        |change: &Change<'_>, key: &Key, name: &str| present(&change.state.objects, &key.kind, &key.id, name);
    let mut placed = Vec::new();
    for (sets, items, up) in [
        ("appScreenshotSets", "appScreenshots", "appScreenshotSet"),
        ("appPreviewSets", "appPreviews", "appPreviewSet"),
    ] {
        for set in links(change, from, sets) {
            let new = copied(change, &set);
            change.relate(&new, "appStoreVersionLocalization", to);
            for item in links(change, &set, items) {
                let state = change.state.assets.get(&item.id).map(|asset| asset.state.clone());
                if state.as_deref() != Some("COMPLETE") {
                    continue;
                }
                let copy = copied(change, &item);
                change.relate(&copy, up, &new);
                let asset = change.state.assets.get(&item.id).cloned();
                change
                    .state
                    .assets
                    .extend(asset.map(|asset| (copy.id.clone(), asset)));
                let spool = change.state.spool.path();
                // Without its bytes the picture is one all the same.
                let _ = std::fs::copy(spool.join(&item.id), spool.join(&copy.id));
                placed.push((
                    change
                        .state
                        .objects
                        .text(&item.kind, &item.id, PLACEMENT)
                        .to_owned(),
                    copy,
                ));
            }
        }
    }
    for placement in links(change, from, "placements") {
        let new = copied(change, &placement);
        for name in ["image", "video"] {
            for asset in links(change, &placement, name) {
                change.relate(&new, name, &asset);
            }
        }
        change.relate(&new, "appStoreVersionLocalization", to);
        if let Some((_, shot)) = placed.iter().find(|(old, _)| *old == placement.id) {
            let (kind, id) = (shot.kind.clone(), shot.id.clone());
            change.state.objects.set(&kind, &id, PLACEMENT, new.id.clone());
        }
        refresh(change, &new.id);
    }
}

/// What the pictures of a localization lack to be reviewed (A10, B13).
pub(super) fn lacking(
    change: &Change<'_>,
    localization: &Key,
    is_primary: bool,
    mut say: impl FnMut(String, &str, &str),
) {
    let objects = &change.state.objects;
    let mut groups: Vec<String> = Vec::new();
    for set in present(objects, &localization.kind, &localization.id, "appScreenshotSets") {
        let display = objects.text(&set.kind, &set.id, "screenshotDisplayType");
        for shot in present(objects, &set.kind, &set.id, "appScreenshots") {
            let state = change
                .state
                .assets
                .get(&shot.id)
                .map_or("", |asset| asset.state.as_str());
            if state == "COMPLETE" {
                groups.extend(Class::of_type(display).map(|class| class.group.to_owned()));
            } else {
                let path = format!("/v1/appScreenshots/{}", shot.id);
                say(path, "STATE_ERROR", "The screenshot has not finished processing");
            }
        }
    }
    for placement in present(objects, &localization.kind, &localization.id, "placements") {
        groups.push(
            objects
                .text(PLACEMENTS, &placement.id, "placementGroup")
                .to_owned(),
        );
    }
    let version = release::version_of(objects, localization).unwrap_or_else(|| Key::new("", ""));
    let (needed, display) = match objects.text("appStoreVersions", &version.id, "platform") {
        "MAC_OS" => (&["MAC_PROFILE"][..], "APP_DESKTOP"),
        "TV_OS" => (&["TV_PROFILE"][..], "APP_APPLE_TV"),
        "VISION_OS" => (&["VISION_PRO_PROFILE"][..], "APP_APPLE_VISION_PRO"),
        _ => (
            &[
                "IPHONE_DYNAMIC_ISLAND_LARGE_PROFILE",
                "IPHONE_FACE_ID_LARGE_PROFILE",
            ][..],
            "APP_IPHONE_65",
        ),
    };
    // Other locales show the primary one's pictures.
    if is_primary
        && !needed
            .iter()
            .any(|needed| groups.iter().any(|group| group == needed))
    {
        let code = format!("STATE_ERROR.SCREENSHOT_REQUIRED.{display}");
        say("/v1/appScreenshots/".to_owned(), &code, "App screenshot missing");
    }
}

/// The pictures of a localization as the store shows them: group, name, asset ID, and state, in their order.
pub(crate) fn shown(
    state: &crate::state::State,
    localization: &str,
) -> Vec<(String, String, String, String)> {
    let objects = &state.objects;
    let kind = "appStoreVersionLocalizations";
    let state_of = |id: &str| {
        state
            .assets
            .get(id)
            .map_or_else(|| "COMPLETE".to_owned(), |asset| asset.state.clone())
    };
    let mut all = Vec::new();
    let mut placed = Vec::new();
    for set in present(objects, kind, localization, "appScreenshotSets") {
        let display = objects
            .text(&set.kind, &set.id, "screenshotDisplayType")
            .to_owned();
        for shot in present(objects, &set.kind, &set.id, "appScreenshots") {
            placed.push(objects.text(&shot.kind, &shot.id, PLACEMENT).to_owned());
            let name = objects.text(&shot.kind, &shot.id, "fileName").to_owned();
            all.push((display.clone(), name, shot.id.clone(), state_of(&shot.id)));
        }
    }
    for placement in present(objects, kind, localization, "placements") {
        if placed.contains(&placement.id) {
            continue;
        }
        let group = objects.text(PLACEMENTS, &placement.id, "placementGroup");
        let display = Class::of_group(group).map_or_else(
            || group.to_owned(),
            |(class, is_imessage)| {
                let prefix = if is_imessage { "IMESSAGE_" } else { "" };
                format!("{prefix}APP_{}", class.name)
            },
        );
        for asset in ["image", "video"]
            .iter()
            .flat_map(|name| objects.links(PLACEMENTS, &placement.id, name))
        {
            let name = objects.text(&asset.kind, &asset.id, "fileName").to_owned();
            all.push((display.clone(), name, asset.id.clone(), state_of(&asset.id)));
        }
    }
    // A set's pictures stay together.
    all.sort_by(|left, right| left.0.cmp(&right.0));
    all
}
