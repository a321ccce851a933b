//! Screenshots and previews in both worlds: B7, B8, B9, B18, C3.

use serde_json::{Value, json};

use super::super::situations::{SeedRelease, Situation};
use super::{APP, Store};
use crate::picture;

const GROUP: &str = "IPHONE_DYNAMIC_ISLAND_LARGE_PROFILE";

/// A draft without pictures, and the ID of its localization.
fn draft() -> (Store, String) {
    let mut store = Store::at(Situation::FirstDraft);
    let version = store.version("1.0");
    let localization = store.localization(&version, "en-US");
    (store, localization)
}

fn set(store: &mut Store, localization: &str, display: &str) -> String {
    store
        .post(
            "appScreenshotSets",
            json!({"screenshotDisplayType": display}),
            &[&format!(
                "appStoreVersionLocalization appStoreVersionLocalizations {localization}"
            )],
        )
        .id()
}

fn reserve(store: &mut Store, set: &str, name: &str, size: usize) -> super::Answer {
    store.post(
        "appScreenshots",
        json!({"fileName": name, "fileSize": size}),
        &[&format!("appScreenshotSet appScreenshotSets {set}")],
    )
}

/// The bytes arrive, as the storage takes them.
fn send(store: &mut Store, id: &str, content: &[u8]) {
    std::fs::write(store.state.spool.path().join(id), content).unwrap();
    let asset = store.state.assets.get_mut(id).unwrap();
    asset.parts.iter_mut().for_each(|part| part.arrived = true);
}

fn upload(store: &mut Store, set: &str, name: &str, content: &[u8]) -> String {
    let id = reserve(store, set, name, content.len()).id();
    send(store, &id, content);
    let (_, md5) = crate::uploads::digests_of(content);
    store
        .patch(
            "appScreenshots",
            &id,
            json!({"uploaded": true, "sourceFileChecksum": md5}),
        )
        .is(200);
    id
}

fn state(store: &mut Store, id: &str) -> Value {
    store.attribute("appScreenshots", id, "assetDeliveryState")
}

/// B7: AWAITING_UPLOAD with operations → UPLOAD_COMPLETE → COMPLETE, each after its request and its time.
#[test]
fn a_screenshot_is_reserved_sent_committed_and_processed() {
    let (mut store, localization) = draft();
    store.state.release.pace.media = 2;
    let set = set(&mut store, &localization, "APP_IPHONE_67");
    let content = picture::screenshot(1290, 2796, 1);
    let body = reserve(&mut store, &set, "1.png", content.len()).is(201);
    let attributes = &body["data"]["attributes"];
    assert_eq!(attributes["assetDeliveryState"]["state"], "AWAITING_UPLOAD");
    let operations = attributes["uploadOperations"].as_array().unwrap();
    let sent: u64 = operations.iter().map(|one| one["length"].as_u64().unwrap()).sum();
    assert_eq!(sent, content.len() as u64);
    let id = body["data"]["id"].as_str().unwrap().to_owned();
    store
        .patch("appScreenshots", &id, json!({"uploaded": true}))
        .refused(409, "STATE_ERROR.PARTS_MISSING", "Part 1");
    send(&mut store, &id, &content);
    let body = store
        .patch("appScreenshots", &id, json!({"uploaded": true}))
        .is(200);
    assert_eq!(
        body["data"]["attributes"]["assetDeliveryState"]["state"],
        "UPLOAD_COMPLETE"
    );
    assert!(body["data"]["attributes"]["uploadOperations"].is_null());
    for expected in ["UPLOAD_COMPLETE", "UPLOAD_COMPLETE", "COMPLETE"] {
        assert_eq!(state(&mut store, &id)["state"], expected);
    }
    let image = store.attribute("appScreenshots", &id, "imageAsset");
    assert_eq!(
        (image["width"].as_u64(), image["height"].as_u64()),
        (Some(1290), Some(2796))
    );
}

/// B7.4: FAILED with Apple's codes, seen only after the commit (B8.5).
#[test]
fn pictures_that_apple_does_not_take_fail_after_the_commit() {
    let (mut store, localization) = draft();
    let set = set(&mut store, &localization, "APP_IPHONE_67");
    for (content, code) in [
        (picture::screenshot(1242, 2208, 1), "IMAGE_INCORRECT_DIMENSIONS"),
        (picture::transparent(1290, 2796), "IMAGE_ALPHA_NOT_ALLOWED"),
        (b"no picture".to_vec(), "IMAGE_TOOL_FAILURE"),
    ] {
        let id = upload(&mut store, &set, "1.png", &content);
        let state = state(&mut store, &id);
        assert_eq!(
            (state["state"].as_str(), state["errors"][0]["code"].as_str()),
            (Some("FAILED"), Some(code))
        );
        // B7: a failed one is deleted before another attempt.
        store.delete("appScreenshots", &id).is(204);
    }
    let lying = upload(&mut store, &set, "2.png", &picture::screenshot(2796, 1290, 1));
    assert_eq!(state(&mut store, &lying)["state"], "COMPLETE");
}

/// B7: Apple's image tool fails now and then, and another upload of the same file is taken.
#[test]
fn the_image_tool_fails_on_a_picture_that_is_taken_later() {
    let (mut store, localization) = draft();
    store.state.release.image_tool_failures = 1;
    let set = set(&mut store, &localization, "APP_IPHONE_67");
    let content = picture::screenshot(1290, 2796, 1);
    let first = upload(&mut store, &set, "1.png", &content);
    assert_eq!(
        state(&mut store, &first)["errors"][0]["code"],
        "IMAGE_TOOL_FAILURE"
    );
    let second = upload(&mut store, &set, "1.png", &content);
    assert_eq!(state(&mut store, &second)["state"], "COMPLETE");
}

/// B7: a checksum that is not the file's.
#[test]
fn a_wrong_checksum_fails() {
    let (mut store, localization) = draft();
    let set = set(&mut store, &localization, "APP_IPHONE_67");
    let content = picture::screenshot(1290, 2796, 1);
    let id = reserve(&mut store, &set, "1.png", content.len()).id();
    send(&mut store, &id, &content);
    store
        .patch(
            "appScreenshots",
            &id,
            json!({"uploaded": true, "sourceFileChecksum": "0".repeat(32)}),
        )
        .is(200);
    assert_eq!(state(&mut store, &id)["state"], "FAILED");
}

/// B8.4: one set per locale and type; A10: ten pictures in it.
#[test]
fn a_set_is_there_once_and_takes_ten() {
    let (mut store, localization) = draft();
    let own = set(&mut store, &localization, "APP_IPHONE_67");
    store
        .post(
            "appScreenshotSets",
            json!({"screenshotDisplayType": "APP_IPHONE_67"}),
            &[&format!(
                "appStoreVersionLocalization appStoreVersionLocalizations {localization}"
            )],
        )
        .refused(409, "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE", "already exists");
    for number in 0..10 {
        reserve(&mut store, &own, &format!("{number}.png"), 5).is(201);
    }
    reserve(&mut store, &own, "10.png", 5).refused(
        409,
        "ENTITY_ERROR.RELATIONSHIP.INVALID",
        "10 screenshots",
    );
}

/// B9: three previews a set.
#[test]
fn a_set_takes_three_previews() {
    let (mut store, localization) = draft();
    let set = store
        .post(
            "appPreviewSets",
            json!({"previewType": "IPHONE_67"}),
            &[&format!(
                "appStoreVersionLocalization appStoreVersionLocalizations {localization}"
            )],
        )
        .id();
    let mut reserve = |name: &str| {
        let attributes = json!({"fileName": name, "fileSize": 9});
        store.post(
            "appPreviews",
            attributes,
            &[&format!("appPreviewSet appPreviewSets {set}")],
        )
    };
    for name in ["1.mp4", "2.mp4", "3.mp4"] {
        reserve(name).is(201);
    }
    reserve("4.mp4").refused(409, "ENTITY_ERROR.RELATIONSHIP.INVALID", "3 previews");
}

/// B9: the state of a preview is `videoDeliveryState`: AWAITING_UPLOAD → PROCESSING → COMPLETE.
#[test]
fn a_preview_is_processed() {
    let (mut store, localization) = draft();
    store.state.release.pace.media = 1;
    let set = store
        .post(
            "appPreviewSets",
            json!({"previewType": "IPHONE_67"}),
            &[&format!(
                "appStoreVersionLocalization appStoreVersionLocalizations {localization}"
            )],
        )
        .id();
    let attributes = json!({"fileName": "1.mp4", "fileSize": 5});
    let id = store
        .post(
            "appPreviews",
            attributes,
            &[&format!("appPreviewSet appPreviewSets {set}")],
        )
        .id();
    let state =
        |store: &mut Store| store.attribute("appPreviews", &id, "videoDeliveryState")["state"].clone();
    assert_eq!(state(&mut store), "AWAITING_UPLOAD");
    send(&mut store, &id, b"video");
    store.patch("appPreviews", &id, json!({"uploaded": true})).is(200);
    assert_eq!(state(&mut store), "PROCESSING");
    assert_eq!(state(&mut store), "COMPLETE");
    let frame = store.attribute("appPreviews", &id, "previewFrameImage");
    assert_eq!(frame["state"]["state"], "COMPLETE");
}

/// B8: the order is the full list of IDs, and that of the relationship (B8.3).
#[test]
fn an_order_names_every_picture() {
    let (mut store, localization) = draft();
    let set = set(&mut store, &localization, "APP_IPHONE_67");
    let [first, second] = [1, 2].map(|number| {
        upload(
            &mut store,
            &set,
            &format!("{number}.png"),
            &picture::screenshot(1290, 2796, number),
        )
    });
    let path = format!("/v1/appScreenshotSets/{set}/relationships/appScreenshots");
    let of = |id: &str| format!("appScreenshots {id}");
    store
        .link("PATCH", &path, &[&of(&second), &of(&first)], true)
        .is(204);
    assert_eq!(store.ids(&path), [second.clone(), first]);
    store.link("PATCH", &path, &[&of(&second)], true).refused(
        409,
        "ENTITY_ERROR.RELATIONSHIP.INVALID",
        "every resource",
    );
}

/// B5: media are locked with their version.
#[test]
fn media_are_locked_in_review() {
    let mut store = Store::at(Situation::WaitingForReview);
    let version = store.version("1.1");
    let localization = store.localization(&version, "en-US");
    let set = store
        .ids(&format!(
            "/v1/appStoreVersionLocalizations/{localization}/appScreenshotSets"
        ))
        .remove(0);
    assert_eq!(reserve(&mut store, &set, "9.png", 5).0, 409);
    assert_eq!(store.delete("appScreenshotSets", &set).0, 409);
    let shots = store.ids(&format!("/v1/appScreenshotSets/{set}/appScreenshots"));
    assert_eq!(store.delete("appScreenshots", &shots[0]).0, 409);
}

/// C3: after the DELETE of a set lists show it for a while; itself it is gone at once.
#[test]
fn a_deleted_set_is_listed_for_some_looks() {
    let mut store = Store::at(Situation::Draft);
    let version = store.version("1.1");
    let localization = store.localization(&version, "en-US");
    store.state.release.pace.deletion = 2;
    let path = format!("/v1/appStoreVersionLocalizations/{localization}/appScreenshotSets");
    let set = store.ids(&path).remove(0);
    store.delete("appScreenshotSets", &set).is(204);
    assert_eq!(store.ids(&path), std::slice::from_ref(&set));
    assert_eq!(
        store.ask("GET", &format!("/v1/appScreenshotSets/{set}"), None).0,
        404
    );
    assert_eq!(store.delete("appScreenshotSets", &set).0, 404);
    assert_eq!(store.ids(&path), Vec::<String>::new());
}

/// B18: a library account has both worlds: a classic screenshot shows as a placement.
#[test]
fn classic_screenshots_show_as_placements() {
    let (mut store, localization) = draft();
    let set = set(&mut store, &localization, "APP_IPHONE_67");
    let [first, second] = [1, 2].map(|number| {
        upload(
            &mut store,
            &set,
            &format!("{number}.png"),
            &picture::screenshot(1290, 2796, number),
        )
    });
    state(&mut store, &second);
    let path = format!("/v1/appStoreVersionLocalizations/{localization}/placements");
    let names = |store: &mut Store| -> Vec<String> {
        let placements = store.ids(&path);
        placements
            .iter()
            .map(|id| {
                let body = store.get(&format!("/v1/appAssetLibraryPlacements/{id}?include=image"));
                body["included"][0]["attributes"]["fileName"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(names(&mut store), ["1.png", "2.png"]);
    let order = format!("/v1/appScreenshotSets/{set}/relationships/appScreenshots");
    let of = |id: &str| format!("appScreenshots {id}");
    store
        .link("PATCH", &order, &[&of(&second), &of(&first)], true)
        .is(204);
    assert_eq!(names(&mut store), ["2.png", "1.png"]);
    // B18.8: the asset stays when the screenshot goes.
    store.delete("appScreenshots", &first).is(204);
    assert_eq!(names(&mut store), ["2.png"]);
    assert_eq!(store.ids(&format!("/v1/appAssetLibraries/{APP}/images")).len(), 2);
}

/// B18: without the library its paths answer 404, and the classic ones work.
#[test]
fn an_account_without_the_library_has_none_of_its_paths() {
    let mut store = Store::seeded(
        SeedRelease {
            situation: Situation::Draft,
            ..SeedRelease::default()
        },
        |seed| seed.asset_library = false,
    );
    let version = store.version("1.1");
    let localization = store.localization(&version, "en-US");
    for path in [
        format!("/v1/apps/{APP}/assetLibrary"),
        format!("/v1/appAssetLibraries/{APP}/images"),
        format!("/v1/appStoreVersionLocalizations/{localization}/placements"),
        "/v1/appAssetLibraryRefData".to_owned(),
    ] {
        assert_eq!(store.ask("GET", &path, None).0, 404, "{path}");
    }
    let path = format!("/v1/appStoreVersionLocalizations/{localization}/appScreenshotSets");
    assert_eq!(store.ids(&path).len(), 1);
}

/// An image in the library, processed.
fn image(store: &mut Store, width: u32, height: u32) -> String {
    let content = picture::screenshot(width, height, 1);
    let attributes = json!({"category": "APP_SCREENSHOTS_AND_PREVIEWS", "fileName": "1.png", "fileSize": content.len(), "referenceName": "one"});
    let id = store
        .post(
            "appAssetLibraryImages",
            attributes,
            &[&format!("assetLibrary appAssetLibraries {APP}")],
        )
        .id();
    send(store, &id, &content);
    store
        .patch("appAssetLibraryImages", &id, json!({"uploaded": true}))
        .is(200);
    id
}

fn place(store: &mut Store, image: &str, localization: &str, kind: &str, group: &str) -> super::Answer {
    store.post(
        "appAssetLibraryPlacements",
        json!({"placementType": kind, "placementGroup": group}),
        &[
            &format!("image appAssetLibraryImages {image}"),
            &format!("appStoreVersionLocalization appStoreVersionLocalizations {localization}"),
        ],
    )
}

/// B18: upload, processing, placement, order, removal.
#[test]
fn an_image_is_uploaded_placed_ordered_and_removed() {
    let (mut store, localization) = draft();
    let one = image(&mut store, 1290, 2796);
    assert_eq!(
        store.attribute("appAssetLibraryImages", &one, "state"),
        "PREPARE_FOR_SUBMISSION"
    );
    assert_eq!(
        store.attribute("appAssetLibraryImages", &one, "specId"),
        "IMAGE_1290X2796"
    );
    let placements = [1, 2, 3].map(|_| place(&mut store, &one, &localization, "APP_SCREENSHOT", GROUP).id());
    let path = format!("/v1/appStoreVersionLocalizations/{localization}/placements");
    assert_eq!(store.ids(&path), placements);
    let order = |store: &mut Store, ids: &[&String]| {
        let mut relationships: Vec<String> = ids
            .iter()
            .map(|id| format!("orderedPlacements* appAssetLibraryPlacements {id}"))
            .collect();
        relationships.push(format!(
            "appStoreVersionLocalization appStoreVersionLocalizations {localization}"
        ));
        let all: Vec<&str> = relationships.iter().map(String::as_str).collect();
        store.post(
            "appAssetLibraryPlacementOrderingRequests",
            json!({"placementGroup": GROUP}),
            &all,
        )
    };
    let [first, second, third] = &placements;
    order(&mut store, &[third, first, second]).is(201);
    assert_eq!(store.ids(&path), [third.clone(), first.clone(), second.clone()]);
    assert_eq!(order(&mut store, &[third, first]).0, 409);
    store.delete("appAssetLibraryImages", &one).refused(
        409,
        "STATE_ERROR.ASSET_HAS_PLACEMENTS",
        "placements",
    );
    for placement in &placements {
        store.delete("appAssetLibraryPlacements", placement).is(204);
    }
    store.delete("appAssetLibraryImages", &one).is(204);
}

/// B18.6: combinations, groups, and sizes that do not fit.
#[test]
fn placements_that_do_not_fit_are_refused() {
    let (mut store, localization) = draft();
    let one = image(&mut store, 1290, 2796);
    assert_eq!(
        store.attribute("appAssetLibraryImages", &one, "state"),
        "PREPARE_FOR_SUBMISSION"
    );
    let code = "ENTITY_ERROR.ATTRIBUTE.INVALID";
    place(&mut store, &one, &localization, "APP_PREVIEW", GROUP).refused(409, code, "preview");
    place(&mut store, &one, &localization, "IMESSAGE_APP_SCREENSHOT", GROUP).refused(
        409,
        code,
        "does not take",
    );
    place(&mut store, &one, &localization, "APP_SCREENSHOT", "IPHONE").refused(
        409,
        code,
        "not a placement group",
    );
    place(
        &mut store,
        &one,
        &localization,
        "APP_SCREENSHOT",
        "IPAD_13_PROFILE",
    )
    .refused(409, code, "does not fit");
    store
        .post(
            "appAssetLibraryPlacements",
            json!({"placementType": "APP_SCREENSHOT", "placementGroup": GROUP}),
            &[&format!("image appAssetLibraryImages {one}")],
        )
        .refused(409, "ENTITY_ERROR.RELATIONSHIP.REQUIRED", "one localization");
    for _ in 0..10 {
        place(&mut store, &one, &localization, "APP_SCREENSHOT", GROUP).is(201);
    }
    place(&mut store, &one, &localization, "APP_SCREENSHOT", GROUP).refused(
        409,
        "ENTITY_ERROR.RELATIONSHIP.INVALID",
        "10 of APP_SCREENSHOT at most",
    );
}

/// B18.6: the parent has to be editable; B18.4: the placement's state is the parent's.
#[test]
fn placements_are_locked_in_review() {
    let mut store = Store::of(SeedRelease {
        situation: Situation::WaitingForReview,
        screenshots: 2,
        in_library: true,
        ..SeedRelease::default()
    });
    let version = store.version("1.1");
    let localization = store.localization(&version, "en-US");
    let path = format!("/v1/appStoreVersionLocalizations/{localization}/placements");
    let body = store.get(&path);
    assert_eq!(body["data"].as_array().unwrap().len(), 2);
    assert_eq!(
        body["data"][0]["attributes"]["state"],
        "PARENT_WAITING_FOR_REVIEW"
    );
    let placement = body["data"][0]["id"].as_str().unwrap().to_owned();
    store.delete("appAssetLibraryPlacements", &placement).refused(
        409,
        "STATE_ERROR.INVALID_STATE",
        "can't be edited",
    );
    let one = image(&mut store, 1290, 2796);
    place(&mut store, &one, &localization, "APP_SCREENSHOT", GROUP).refused(
        409,
        "STATE_ERROR.INVALID_STATE",
        "can't be edited",
    );
}

/// B18: a checksum is refused at the commit, and only an approved asset is archived.
#[test]
fn a_library_image_takes_no_checksum_and_is_not_archived_before_its_approval() {
    let (mut store, _) = draft();
    let one = image(&mut store, 1290, 2796);
    let checksum = json!({"uploaded": true, "sourceFileChecksum": "0".repeat(32)});
    assert_eq!(store.patch("appAssetLibraryImages", &one, checksum).0, 409);
    store
        .patch("appAssetLibraryImages", &one, json!({"archived": true}))
        .refused(409, "STATE_ERROR.INVALID_ASSET_STATE", "approved");
}

/// B18.7: a file of no size that any group takes.
#[test]
fn a_library_image_of_no_known_size_fails() {
    let (mut store, _) = draft();
    let one = image(&mut store, 500, 500);
    assert_eq!(store.attribute("appAssetLibraryImages", &one, "state"), "FAILED");
    let details = store.attribute("appAssetLibraryImages", &one, "stateDetails");
    assert_eq!(details[0]["code"], "IMAGE_INCORRECT_DIMENSIONS");
    // The size of the newest iPhone has a group and no classic type (A10).
    let duo = image(&mut store, 2853, 2007);
    assert_eq!(
        store.attribute("appAssetLibraryImages", &duo, "state"),
        "PREPARE_FOR_SUBMISSION"
    );
}
