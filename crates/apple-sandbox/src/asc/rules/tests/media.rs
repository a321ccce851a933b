//! Screenshots and previews in both worlds: `app_screenshot.rb`, `app_preview.rb`, and `upload_screenshots.rb` of fastlane 2.237.0;
//! the App Asset Library of API 4.5.1, as ascelerate met it (2026-10).

use serde_json::{Value, json};

use super::super::review::Verdict;
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
    store.state.storage.put(id, content);
    store.state.assets.arrive_whole(id);
}

fn upload(store: &mut Store, set: &str, name: &str, content: &[u8]) -> String {
    let id = reserve(store, set, name, content.len()).id();
    send(store, &id, content);
    let md5 = store.state.storage.digests(&id).md5;
    store
        .patch(
            "appScreenshots",
            &id,
            json!({"uploaded": true, "sourceFileChecksum": md5}),
        )
        .is(200);
    id
}

fn upload_two(store: &mut Store, set: &str) -> [String; 2] {
    [1, 2].map(|number| {
        let content = picture::screenshot(1290, 2796, number);
        upload(store, set, &format!("{number}.png"), &content)
    })
}

fn preview_set(store: &mut Store, localization: &str) -> String {
    store
        .post(
            "appPreviewSets",
            json!({"previewType": "IPHONE_67"}),
            &[&format!(
                "appStoreVersionLocalization appStoreVersionLocalizations {localization}"
            )],
        )
        .id()
}

fn upload_preview(store: &mut Store, set: &str, name: &str) -> String {
    let attributes = json!({"fileName": name, "fileSize": 5});
    let id = store
        .post(
            "appPreviews",
            attributes,
            &[&format!("appPreviewSet appPreviewSets {set}")],
        )
        .id();
    send(store, &id, b"video");
    store.patch("appPreviews", &id, json!({"uploaded": true})).is(200);
    id
}

/// The placements of a localization, and the names of what they show, in their order.
fn list_placed(store: &mut Store, localization: &str) -> Vec<(String, String)> {
    let placements = store.ids(&format!(
        "/v1/appStoreVersionLocalizations/{localization}/placements"
    ));
    let name = |id: String| {
        let body = store.get(&format!("/v1/appAssetLibraryPlacements/{id}?include=image,video"));
        let name = &body["included"][0]["attributes"]["fileName"];
        (id, name.as_str().unwrap().to_owned())
    };
    placements.into_iter().map(name).collect()
}

fn names(placed: &[(String, String)]) -> Vec<&str> {
    placed.iter().map(|(_, name)| name.as_str()).collect()
}

/// Orders the placements of a group.
fn order(store: &mut Store, localization: &str, ids: &[&String]) -> super::Answer {
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
}

fn state(store: &mut Store, id: &str) -> Value {
    store.attribute("appScreenshots", id, "assetDeliveryState")
}

/// AWAITING_UPLOAD with operations → UPLOAD_COMPLETE → COMPLETE, each after its request and its time.
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

/// FAILED with Apple's codes, seen only after the commit.
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
        // A failed one is deleted before another attempt.
        store.delete("appScreenshots", &id).is(204);
    }
    let lying = upload(&mut store, &set, "2.png", &picture::screenshot(2796, 1290, 1));
    assert_eq!(state(&mut store, &lying)["state"], "COMPLETE");
}

/// Apple's image tool fails now and then, and another upload of the same file is taken.
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

/// A checksum that is not the file's.
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

/// One set per locale and type; ten pictures in it.
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

/// Three previews a set.
#[test]
fn a_set_takes_three_previews() {
    let (mut store, localization) = draft();
    let set = preview_set(&mut store, &localization);
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

/// The state of a preview is `videoDeliveryState`: AWAITING_UPLOAD → PROCESSING → COMPLETE.
#[test]
fn a_preview_is_processed() {
    let (mut store, localization) = draft();
    store.state.release.pace.media = 1;
    let set = preview_set(&mut store, &localization);
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

/// The order is the full list of IDs, and that of the relationship.
#[test]
fn an_order_names_every_picture() {
    let (mut store, localization) = draft();
    let set = set(&mut store, &localization, "APP_IPHONE_67");
    let [first, second] = upload_two(&mut store, &set);
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

/// Media are locked with their version.
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

/// After the DELETE of a set lists show it for a while; itself it is gone at once.
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

/// A library account has both worlds: a classic screenshot shows as a placement.
#[test]
fn classic_screenshots_show_as_placements() {
    let (mut store, localization) = draft();
    let set = set(&mut store, &localization, "APP_IPHONE_67");
    let [first, second] = upload_two(&mut store, &set);
    state(&mut store, &second);
    assert_eq!(names(&list_placed(&mut store, &localization)), ["1.png", "2.png"]);
    let order = format!("/v1/appScreenshotSets/{set}/relationships/appScreenshots");
    let of = |id: &str| format!("appScreenshots {id}");
    store
        .link("PATCH", &order, &[&of(&second), &of(&first)], true)
        .is(204);
    assert_eq!(names(&list_placed(&mut store, &localization)), ["2.png", "1.png"]);
    // The asset stays when the screenshot goes.
    store.delete("appScreenshots", &first).is(204);
    assert_eq!(names(&list_placed(&mut store, &localization)), ["2.png"]);
    assert_eq!(store.ids(&format!("/v1/appAssetLibraries/{APP}/images")).len(), 2);
}

/// A deleted screenshot is listed for some looks; an order that names it does not bring its placement back.
#[test]
fn an_order_brings_back_no_placement_of_a_deleted_screenshot() {
    let (mut store, localization) = draft();
    store.state.release.pace.deletion = 2;
    let set = set(&mut store, &localization, "APP_IPHONE_67");
    let [first, second] = upload_two(&mut store, &set);
    let third = upload(&mut store, &set, "3.png", &picture::screenshot(1290, 2796, 3));
    state(&mut store, &third);
    assert_eq!(
        names(&list_placed(&mut store, &localization)),
        ["1.png", "2.png", "3.png"]
    );
    store.delete("appScreenshots", &first).is(204);
    let order = format!("/v1/appScreenshotSets/{set}/relationships/appScreenshots");
    let all = [&third, &second, &first].map(|id| format!("appScreenshots {id}"));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    store.link("PATCH", &order, &all, true).is(204);
    let placements = format!("/v1/appStoreVersionLocalizations/{localization}/placements");
    assert_eq!(store.ids(&placements).len(), 2);
    assert_eq!(names(&list_placed(&mut store, &localization)), ["3.png", "2.png"]);
}

/// What is done to a placement is done to the classic screenshot that it shows: its order, and its removal.
#[test]
fn a_classic_screenshot_follows_its_placement() {
    let (mut store, localization) = draft();
    let set = set(&mut store, &localization, "APP_IPHONE_67");
    let [first, second] = upload_two(&mut store, &set);
    state(&mut store, &second);
    let shots = format!("/v1/appScreenshotSets/{set}/appScreenshots");
    let placements = list_placed(&mut store, &localization);
    assert_eq!(names(&placements), ["1.png", "2.png"]);
    let [(one, _), (two, _)] = &placements[..] else {
        panic!()
    };
    order(&mut store, &localization, &[two, one]).is(201);
    assert_eq!(store.ids(&shots), [second.clone(), first]);
    store.delete("appAssetLibraryPlacements", one).is(204);
    assert_eq!(store.ids(&shots), [second]);
    assert_eq!(names(&list_placed(&mut store, &localization)), ["2.png"]);
    assert_eq!(store.ids(&format!("/v1/appAssetLibraries/{APP}/images")).len(), 2);
}

/// A preview of a set shows as a video, and a new version has both again.
#[test]
fn classic_previews_show_as_placements_and_are_carried_over() {
    let mut store = Store::at(Situation::Draft);
    let version = store.version("1.1");
    let localization = store.localization(&version, "en-US");
    let set = preview_set(&mut store, &localization);
    let preview = upload_preview(&mut store, &set, "1.mp4");
    // deliver of fastlane 2.237.0 waits for it.
    assert!(store.attribute("appPreviews", &preview, "videoUrl").is_string());
    let path = format!("/v1/appStoreVersionLocalizations/{localization}/placements");
    let of_previews = format!("{path}?filter[placementType]=APP_PREVIEW");
    let body = store.get(&of_previews);
    assert_eq!(body["data"][0]["attributes"]["placementGroup"], GROUP);
    assert_eq!(body["data"][0]["attributes"]["mediaType"], "VIDEO");
    assert_eq!(store.ids(&format!("/v1/appAssetLibraries/{APP}/videos")).len(), 1);
    store.complete();
    let submission = store.submission().id();
    store.item(&submission, &version).is(201);
    store
        .patch("reviewSubmissions", &submission, json!({"submitted": true}))
        .is(200);
    store.decide(Verdict::Approve);
    let next = store.create_version("1.2").id();
    let localization = store.localization(&next, "en-US");
    let sets = store.ids(&format!(
        "/v1/appStoreVersionLocalizations/{localization}/appPreviewSets"
    ));
    assert_eq!(
        store
            .ids(&format!("/v1/appPreviewSets/{}/appPreviews", sets[0]))
            .len(),
        1
    );
    assert_eq!(
        names(&list_placed(&mut store, &localization)),
        ["1.png", "2.png", "1.mp4"]
    );
    // What goes in one world is gone in the other.
    store.delete("appPreviewSets", &sets[0]).is(204);
    assert_eq!(names(&list_placed(&mut store, &localization)), ["1.png", "2.png"]);
}

/// The files of what was deleted are gone, whatever it was deleted with.
#[test]
fn nothing_of_deleted_media_stays() {
    for pace in [0, 2] {
        let (mut store, localization) = draft();
        store.state.release.pace.deletion = pace;
        let set = set(&mut store, &localization, "APP_IPHONE_67");
        let [first, second] = upload_two(&mut store, &set);
        store.delete("appScreenshots", &first).is(204);
        store.delete("appScreenshotSets", &set).is(204);
        for _ in 0..=pace {
            store.ids(&format!(
                "/v1/appStoreVersionLocalizations/{localization}/appScreenshotSets"
            ));
        }
        for id in [first, second] {
            assert!(!store.state.assets.has(&id));
            assert_eq!(store.state.storage.read(&id), None);
        }
    }
}

/// A localization names its placements where there is a library, as API 4.5.1 has it, and nowhere else.
#[test]
fn a_localization_names_placements_where_there_is_a_library() {
    for has_library in [true, false] {
        let release = SeedRelease {
            situation: Situation::Draft,
            ..SeedRelease::default()
        };
        let mut store = Store::seeded(release, |seed| seed.asset_library = has_library);
        let version = store.version("1.1");
        let localization = store.localization(&version, "en-US");
        let body = store.get(&format!("/v1/appStoreVersionLocalizations/{localization}"));
        let relationships = body["data"]["relationships"].as_object().unwrap();
        assert_eq!(relationships.contains_key("placements"), has_library, "{body}");
        assert!(relationships.contains_key("appScreenshotSets"), "{body}");
    }
}

/// Without the library its paths answer 404, and the classic ones work.
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

/// Upload, processing, placement, order, removal.
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
    let [first, second, third] = &placements;
    order(&mut store, &localization, &[third, first, second]).is(201);
    assert_eq!(store.ids(&path), [third.clone(), first.clone(), second.clone()]);
    assert_eq!(order(&mut store, &localization, &[third, first]).0, 409);
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

/// Combinations, groups, and sizes that do not fit.
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

/// The parent has to be editable; the placement's state is the parent's.
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

/// A checksum is refused at the commit, and only an approved asset is archived.
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

/// A file of no size that any group takes.
#[test]
fn a_library_image_of_no_known_size_fails() {
    let (mut store, _) = draft();
    let one = image(&mut store, 500, 500);
    assert_eq!(store.attribute("appAssetLibraryImages", &one, "state"), "FAILED");
    let details = store.attribute("appAssetLibraryImages", &one, "stateDetails");
    assert_eq!(details[0]["code"], "IMAGE_INCORRECT_DIMENSIONS");
    // The size of the newest iPhone has a group and no classic type.
    let duo = image(&mut store, 2853, 2007);
    assert_eq!(
        store.attribute("appAssetLibraryImages", &duo, "state"),
        "PREPARE_FOR_SUBMISSION"
    );
}
