//! Media over real connections: the App Asset Library where App Store Connect has it, classic sets where it does not.
//!
//! The server is scripted here; the shapes of its answers, and which attributes a request may have, come from Apple's
//! document of API 4.5.1 (`AppAssetLibraryImage`, `AppAssetLibraryPlacement`, `AppAssetLibraryImageUpdateRequest`): an
//! image has no checksum, a commit takes `uploaded` alone, a placement can't be changed, and lists of placements do not
//! say what they show. Classic answers are as in App Store Connect API 4.4.1.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

#[path = "library/double.rs"]
mod double;

use app_store_release::testflight::{BuildName, Distribution};
use app_store_release::{AppName, ReleaseError};
use serde_json::{Value, json};

use double::{Double, Twin, World, library, png, sha256};

const UPLOAD: &str = "POST /v1/appAssetLibraryImages";
const PLACE: &str = "POST /v1/appAssetLibraryPlacements";
const ORDER: &str = "POST /v1/appAssetLibraryPlacementOrderingRequests";

#[tokio::test]
async fn the_same_pictures_of_many_locales_are_uploaded_once_and_placed_in_each() {
    let locales = ["de-DE", "en-US", "fr-FR"];
    let world = World::new(library(&locales)).await;
    for locale in locales {
        world.screenshot(&format!("{locale}/1.png"), 1);
        world.screenshot(&format!("{locale}/2.png"), 2);
    }
    world.run(json!({})).await.unwrap();
    assert_eq!(
        (world.count(UPLOAD), world.count(PLACE), world.count(ORDER)),
        (2, 6, 0)
    );
    for locale in locales {
        assert_eq!(world.shown(locale), ["1.png", "2.png"]);
    }
    let placed = world.placed("fr-FR");
    assert_eq!(placed["placementGroup"], "IPHONE_DYNAMIC_ISLAND_LARGE_PROFILE");
    assert_eq!(placed["placementType"], "APP_SCREENSHOT");
    let double = world.double.lock().unwrap();
    let named: Vec<&Value> = double
        .assets
        .iter()
        .map(|asset| &asset["attributes"]["referenceName"])
        .collect();
    assert!(named.contains(&&sha256(&png(1)).into()), "{named:?}");
}

#[tokio::test]
async fn a_second_run_writes_nothing_and_a_change_moves_only_what_changed() {
    let world = World::new(library(&["en-US"])).await;
    for number in 1..=3 {
        world.screenshot(&format!("en-US/{number}.png"), number);
    }
    world.run(json!({})).await.unwrap();
    world.run(json!({})).await.unwrap();
    assert_eq!(world.writes(), 0);

    // The second picture goes; the third comes first, under another name.
    let folder = world.folder.path().join("screenshots/en-US");
    std::fs::remove_file(folder.join("2.png")).unwrap();
    std::fs::rename(folder.join("3.png"), folder.join("0.png")).unwrap();
    world.run(json!({})).await.unwrap();
    assert_eq!(world.shown("en-US"), ["3.png", "1.png"]);
    assert_eq!(
        (world.count(UPLOAD), world.count(PLACE), world.count(ORDER)),
        (0, 0, 1)
    );

    // A picture that the library still has is placed again, not uploaded again.
    world.screenshot("en-US/2.png", 2);
    world.run(json!({})).await.unwrap();
    assert_eq!((world.count(UPLOAD), world.count(PLACE)), (0, 1));
    assert_eq!(world.shown("en-US"), ["3.png", "1.png", "2.png"]);
}

#[tokio::test]
async fn without_a_library_classic_sets_are_used() {
    // An API before 4.5.1, which is not even asked; one that has no such path; and stand-ins that do not serve it.
    for (status, names_placements, asked) in [
        (404, Some(false), 0),
        (404, Some(true), 1),
        (404, None, 1),
        (501, Some(true), 1),
        (405, None, 1),
    ] {
        let world = World::new(Double {
            library_status: status,
            names_placements,
            locales: vec!["en-US"],
            ..Double::default()
        })
        .await;
        world.screenshot("en-US/1.png", 1);
        world.run(json!({})).await.unwrap();
        let found = (
            world.count("GET /v1/apps/A1/assetLibrary"),
            world.count("POST /v1/appScreenshots"),
            world.count(UPLOAD),
        );
        assert_eq!(found, (asked, 1, 0), "{status} {names_placements:?}");
    }
}

#[tokio::test]
async fn a_library_that_can_not_be_asked_is_no_reason_for_classic_sets() {
    let world = World::new(Double {
        library_status: 403,
        ..library(&["en-US"])
    })
    .await;
    world.screenshot("en-US/1.png", 1);
    let error = world.run(json!({})).await.unwrap_err();
    assert!(error.to_string().contains("asset library"), "{error}");
    assert_eq!(world.writes(), 0);
}

#[tokio::test]
async fn what_apple_refuses_is_named_with_its_reason_and_is_not_placed() {
    let world = World::new(Double {
        failure: Some(json!([{"code": "IMAGE_ALPHA_NOT_ALLOWED", "description": "No alpha."}])),
        ..library(&["en-US"])
    })
    .await;
    world.screenshot("en-US/1.png", 1);
    let error = world.run(json!({})).await.unwrap_err().to_string();
    assert!(
        error.contains("1.png") && error.contains("IMAGE_ALPHA_NOT_ALLOWED"),
        "{error}"
    );
    assert_eq!(world.count(PLACE), 0);
    assert!(world.double.lock().unwrap().assets.is_empty());
}

#[tokio::test]
async fn an_upload_that_a_killed_run_left_open_is_continued() {
    let world = World::new(library(&["en-US"])).await;
    let size = png(1).len();
    {
        let mut double = world.double.lock().unwrap();
        let attributes = json!({"fileName": "1.png", "fileSize": size, "referenceName": sha256(&png(1)),
            "category": "APP_SCREENSHOTS_AND_PREVIEWS"});
        double.reserve(
            "appAssetLibraryImages",
            &json!({"data": {"attributes": attributes}}),
        );
    }
    world.screenshot("en-US/1.png", 1);
    world.run(json!({})).await.unwrap();
    assert_eq!((world.count(UPLOAD), world.count(PLACE)), (0, 1));
    assert_eq!(world.shown("en-US"), ["1.png"]);
}

#[tokio::test]
async fn previews_go_into_the_library_with_their_frame() {
    let world = World::new(library(&["en-US"])).await;
    world.write("previews/en-US/a-IPHONE_67.mp4", b"not a real video");
    let mut options = json!({"skip_screenshots": true, "app_previews_path": "previews"});
    world.run(options.clone()).await.unwrap();
    assert_eq!(world.shown("en-US"), ["a-IPHONE_67.mp4"]);
    assert_eq!(world.placed("en-US")["placementType"], "APP_PREVIEW");
    let frame = |world: &World| {
        let double = world.double.lock().unwrap();
        double.assets[0]["attributes"]["previewFrameTimeCode"].clone()
    };
    assert_eq!(frame(&world), "00:00:05:00");
    world.run(options.clone()).await.unwrap();
    assert_eq!(world.writes(), 0);
    options["preview_frame_time_code"] = "00:00:01:50".into();
    world.run(options).await.unwrap();
    assert_eq!((world.writes(), frame(&world)), (1, "00:00:01:50".into()));
}

#[tokio::test]
async fn a_screen_without_classic_sets_goes_into_the_library() {
    let world = World::new(library(&["en-US"])).await;
    let mut duo = png(1);
    duo[16..20].copy_from_slice(&2853_u32.to_be_bytes());
    duo[20..24].copy_from_slice(&2007_u32.to_be_bytes());
    world.write("screenshots/en-US/1.png", &duo);
    world.run(json!({})).await.unwrap();
    assert_eq!(world.placed("en-US")["placementGroup"], "IPHONE_DUO_PROFILE");
}

/// Source: fastlane #16991 and #21705, where what comes with a new version shows seconds to minutes after it.
#[tokio::test]
async fn copies_of_the_version_before_that_show_late_are_waited_for() {
    for library_status in [200, 404] {
        let world = World::new(Double {
            library_status,
            names_placements: Some(library_status == 200),
            copied_after: Some(2),
            ..library(&["en-US"])
        })
        .await;
        world.seed_live("en-US", "1.png", 1);
        world.seed_live("en-US", "2.png", 2);
        world.screenshot("en-US/1.png", 1);
        world.screenshot("en-US/3.png", 3);
        world.run(json!({})).await.unwrap();
        let shown = if library_status == 200 {
            world.shown("en-US")
        } else {
            world.classic("en-US")
        };
        assert_eq!(shown, ["1.png", "3.png"], "library {library_status}");
        let uploads = world.count(UPLOAD) + world.count("POST /v1/appScreenshots");
        assert_eq!(uploads, 1, "library {library_status}");
    }
}

#[tokio::test]
async fn pictures_of_other_means_are_replaced_without_a_rest() {
    let world = World::new(library(&["en-US"])).await;
    {
        let mut double = world.double.lock().unwrap();
        for name in ["old.png", "older.png"] {
            // Uploaded in App Store Connect: the reference name is what a person typed.
            let image = json!({"type": "appAssetLibraryImages", "id": name, "attributes": {"fileName": name,
                "referenceName": "Home", "state": "PREPARE_FOR_SUBMISSION"}});
            double.assets.push(image);
            let attributes = json!({"placementType": "APP_SCREENSHOT", "placementGroup": "IPHONE_DYNAMIC_ISLAND_LARGE_PROFILE"});
            double.place("L-en-US", &attributes, name);
        }
    }
    world.screenshot("en-US/1.png", 1);
    world.screenshot("en-US/2.png", 2);
    world.run(json!({"overwrite_screenshots": true})).await.unwrap();
    assert_eq!(world.shown("en-US"), ["1.png", "2.png"]);
    world.run(json!({"overwrite_screenshots": true})).await.unwrap();
    assert_eq!(world.writes(), 0);
}

#[tokio::test]
async fn what_another_run_places_at_the_same_time_is_shown_once() {
    for twin in [Twin::Accepted, Twin::LeavesNoRoom] {
        let world = World::new(Double {
            twin: Some(twin),
            ..library(&["en-US"])
        })
        .await;
        world.screenshot("en-US/1.png", 1);
        world.screenshot("en-US/2.png", 2);
        world.run(json!({})).await.unwrap();
        assert_eq!(world.shown("en-US"), ["1.png", "2.png"]);
        world.run(json!({})).await.unwrap();
        assert_eq!(world.writes(), 0);
    }
}

/// An image names fifty of its placements at most (`limit[placements]`), and each version of each locale is one.
#[tokio::test]
async fn an_image_with_many_placements_is_asked_for_them_once() {
    let locales = ["de-DE", "en-US", "fr-FR"];
    let world = World::new(Double {
        named_placements: Some(1),
        ..library(&locales)
    })
    .await;
    for locale in locales {
        world.screenshot(&format!("{locale}/1.png"), 1);
        world.screenshot(&format!("{locale}/2.png"), 2);
    }
    world.run(json!({})).await.unwrap();
    world.run(json!({})).await.unwrap();
    assert_eq!(world.writes(), 0);
    let double = world.double.lock().unwrap();
    let of = |start: &str, end: &str| {
        let own = |seen: &&String| seen.starts_with(start) && seen.ends_with(end);
        double.seen.iter().filter(own).count()
    };
    assert_eq!(of("GET /v1/appAssetLibraryImages/", "/placements"), 2);
    assert_eq!(of("GET /v1/appAssetLibraryPlacements/", ""), 0);
}

#[tokio::test]
async fn a_number_that_was_used_before_is_known_however_many_versions_there_are() {
    let world = World::new(Double {
        replaced: vec!["0.8", "0.9"],
        ..library(&["en-US"])
    })
    .await;
    world.screenshot("en-US/1.png", 1);
    let error = world.run(json!({"app_version": "0.9.0"})).await.unwrap_err();
    assert!(
        matches!(&error, ReleaseError::Locked { version, .. } if version == "0.9"),
        "{error}"
    );
    assert_eq!(world.writes(), 0);
}

/// The upload of another step shows among uploads first, and in the list of builds minutes later (applelink #20). Shapes:
/// `BuildUpload` and `Build` of App Store Connect API 4.4.1.
#[tokio::test]
async fn a_build_that_another_step_has_uploaded_is_expected() {
    let submit = |number: Option<&str>| json!({"skip_screenshots": true, "submit_for_review": true, "build_number": number});
    for (uploaded, number, listed_after, expected) in [
        // Apple has the file.
        (Some(("PROCESSING", 0)), Some("7"), usize::MAX, Ok(None)),
        (Some(("COMPLETE", 0)), None, usize::MAX, Ok(None)),
        // It arrived long ago, and there is no build of it; or there is no upload at all.
        (Some(("COMPLETE", 5)), Some("7"), usize::MAX, Err(())),
        (None, Some("7"), usize::MAX, Err(())),
        // Nobody named its number, and it is listed soon.
        (None, None, 2, Ok(Some("7".to_owned()))),
    ] {
        let world = World::new(Double {
            uploaded,
            listed_after,
            ..library(&["en-US"])
        })
        .await;
        let found = match world.prepare(submit(number)).await {
            Ok((_, prepared)) => Ok(prepared.build.map(|build| build.number)),
            Err(ReleaseError::NoBuild { .. }) => Err(()),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(found, expected, "{uploaded:?} {number:?}");
        assert_eq!(world.writes(), 0);
        // All builds are read only for the error, which names them.
        let looks = match found {
            Ok(None) => 1,
            Err(()) => 2,
            Ok(Some(_)) => 3,
        };
        assert_eq!(world.count("GET /v1/builds"), looks, "{uploaded:?} {number:?}");
    }
}

/// Apple's dates end in `Z`, `+00:00`, or `+0000`.
#[tokio::test]
async fn an_upload_is_recent_however_its_date_is_spelled() {
    for zone in ["Z", "+00:00", "+0000"] {
        for (hours, is_expected) in [(0, true), (5, false)] {
            let world = World::new(Double {
                uploaded: Some(("COMPLETE", hours)),
                zone: Some(zone),
                listed_after: usize::MAX,
                ..library(&["en-US"])
            })
            .await;
            let options = json!({"skip_screenshots": true, "submit_for_review": true, "build_number": "7"});
            let found = world.prepare(options).await;
            assert_eq!(found.is_ok(), is_expected, "{zone}, {hours} hours ago");
        }
    }
}

#[tokio::test]
async fn a_build_that_is_missing_is_named_with_those_that_there_are() {
    let world = World::new(library(&["en-US"])).await;
    let options =
        |number: &str| json!({"skip_screenshots": true, "submit_for_review": true, "build_number": number});
    let error = world.prepare(options("9")).await.unwrap_err();
    let ReleaseError::NoBuild { build, available } = &error else {
        panic!("{error}");
    };
    assert_eq!((build.as_str(), available.len()), ("build 9 of version 1.1", 1));
    let name = AppName::BundleId("com.example.app".to_owned());
    let app = world.engine.find_beta_app(&name).await.unwrap();
    for (name, expected) in [
        (BuildName::Id("B9".to_owned()), "build with the ID B9"),
        (
            BuildName::Numbers {
                version: Some("1.1".to_owned()),
                number: Some("9".to_owned()),
            },
            "build 9 of version 1.1",
        ),
    ] {
        let wanted = Distribution::default();
        let prepared = world
            .engine
            .prepare_distribution(&wanted, &app, None, Some(&name));
        let error = prepared.await.unwrap_err();
        assert!(
            matches!(&error, ReleaseError::NoBuild { build, available } if build == expected && available.len() == 1),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_distribution_without_a_number_is_of_the_newest_build_that_testers_can_get() {
    let world = World::new(Double {
        refused_build: Some("8"),
        ..library(&["en-US"])
    })
    .await;
    let name = AppName::BundleId("com.example.app".to_owned());
    let app = world.engine.find_beta_app(&name).await.unwrap();
    let wanted = Distribution {
        notify: Some(true),
        ..Distribution::default()
    };
    for (number, expected) in [(None, "7"), (Some("8"), "8")] {
        let name = BuildName::Numbers {
            version: Some("1.1".to_owned()),
            number: number.map(str::to_owned),
        };
        let prepared = world
            .engine
            .prepare_distribution(&wanted, &app, None, Some(&name))
            .await;
        let found = prepared.unwrap().snapshot.build.unwrap().build.number;
        assert_eq!(found, expected);
    }
}
