//! deliver with `engine: native`, situation by situation.

use apple_sandbox::{Json, Pace, SeedRelease, Situation, Verdict, picture};
use e2e::client::Client;

use super::{APP, COMPLIANCE, Shop, at, page, seed, shots};

fn json(text: &str) -> Json {
    text.parse().unwrap()
}

#[test]
fn a_release_on_top_of_a_live_version_is_submitted() {
    let shop = Shop::at(Situation::Live);
    shop.deliver(&[])
        .ended(0)
        .said(&["1.2.3", "submitted for review"]);
    let version = shop.version("1.2.3");
    assert_eq!(
        (&version["state"], &version["build"]),
        (&"WAITING_FOR_REVIEW".into(), &"42".into())
    );
    assert_eq!(page(&version, "de-DE")["subtitle"], "Briefe, zugestellt");
    assert_eq!(shots(&version, "de-DE"), ["1.png", "2.png"]);
    assert_eq!(shop.version("1.0")["state"], "READY_FOR_DISTRIBUTION");
}

#[test]
fn a_second_run_changes_nothing() {
    let shop = Shop::at(Situation::Live);
    let inputs = [("submit_for_review", "no")];
    shop.deliver(&inputs).ended(0);
    let before = shop.version("1.2.3");
    let writes = shop.writes().len();
    shop.deliver(&inputs).ended(0);
    assert_eq!(shop.writes()[writes..], [] as [String; 0]);
    assert_eq!(shop.version("1.2.3"), before);
}

#[test]
fn a_plan_changes_nothing_and_names_every_change() {
    let shop = Shop::at(Situation::Live);
    shop.deliver(&[("mode", "plan")]).ended(0).said(&[
        "1.2.3",
        "de-DE",
        "screenshots",
        "Nothing was changed",
    ]);
    assert_eq!(shop.writes(), [] as [String; 0]);
}

#[test]
fn a_first_release_is_told_what_it_lacks_and_submitted_once_it_is_there() {
    let shop = Shop::at(Situation::FirstDraft);
    let inputs = [("options", COMPLIANCE)];
    shop.deliver(&inputs).ended(1).said(&[
        "ageRatingDeclarations",
        "appPriceSchedule",
        "appAvailability",
        "Next:",
    ]);
    // Price and availability are the store's matter, and the questions of the age rating a file's.
    let client = Client::of(&shop.sandbox);
    let of_app = format!(r#"{{"app": {{"data": {{"type": "apps", "id": "{APP}"}}}}"#);
    client.write(
        "POST",
        "/v1/appPriceSchedules",
        &json(&format!(r#"{{"data": {{"type": "appPriceSchedules", "relationships": {of_app}, "baseTerritory": {{"data": {{"type": "territories", "id": "USA"}}}}, "manualPrices": {{"data": []}}}}}}}}"#)),
        201,
    );
    client.write(
        "POST",
        "/v2/appAvailabilities",
        &json(&format!(r#"{{"data": {{"type": "appAvailabilities", "attributes": {{"availableInNewTerritories": true}}, "relationships": {of_app}, "territoryAvailabilities": {{"data": []}}}}}}}}"#)),
        201,
    );
    let levels = "alcoholTobaccoOrDrugUseOrReferences contests gamblingSimulated gunsOrOtherWeapons horrorOrFearThemes matureOrSuggestiveThemes medicalOrTreatmentInformation profanityOrCrudeHumor sexualContentGraphicAndNudity sexualContentOrNudity violenceCartoonOrFantasy violenceRealistic violenceRealisticProlongedGraphicOrSadistic";
    let flags = "gambling unrestrictedWebAccess advertising ageAssurance healthOrWellnessTopics lootBox messagingAndChat parentalControls userGeneratedContent";
    let answers: Vec<String> = levels
        .split(' ')
        .map(|name| format!("\"{name}\": \"NONE\""))
        .chain(flags.split(' ').map(|name| format!("\"{name}\": false")))
        .collect();
    shop.machine
        .file("project/rating.json", format!("{{{}}}", answers.join(", ")));
    let options = format!("{COMPLIANCE} --app_rating_config_path rating.json");
    shop.deliver(&[("options", &options)]).ended(0);
    let version = shop.version("1.2.3");
    assert_eq!(version["state"], "WAITING_FOR_REVIEW");
    assert_eq!(version["category"], "PRODUCTIVITY");
    assert!(shop.version("1.0").is_null(), "the draft was renamed");
    // What's New is for updates.
    assert_eq!(page(&version, "en-US")["whats_new"], "");
}

#[test]
fn a_draft_is_renamed_and_reused() {
    let shop = Shop::at(Situation::Draft);
    shop.deliver(&[]).ended(0);
    assert!(shop.version("1.1").is_null());
    assert_eq!(shop.version("1.2.3")["state"], "WAITING_FOR_REVIEW");
}

/// The inputs are the step's defaults: neither texts nor pictures.
#[test]
fn a_draft_is_renamed_without_anything_else() {
    let shop = Shop::at(Situation::Draft);
    let inputs = [
        ("skip_metadata", "yes"),
        ("skip_screenshots", "yes"),
        ("submit_for_review", "no"),
    ];
    shop.deliver(&inputs).ended(0);
    assert_eq!(shop.version("1.2.3")["state"], "PREPARE_FOR_SUBMISSION");
}

#[test]
fn every_option_that_the_engine_lacks_counts_not_the_first_alone() {
    let shop = Shop::at(Situation::Live);
    let options = format!("{COMPLIANCE} --run_precheck_before_submit --verify_only");
    shop.deliver(&[("options", &options)])
        .ended(2)
        .said(&["precheck is not run", "does not cover the option verify_only"]);
    assert_eq!(shop.writes(), [] as [String; 0]);
}

/// Price tiers left the API (fastlane #21819): fastlane fails on them, too, after it has changed other things.
#[test]
fn an_option_that_no_engine_can_fulfill_is_refused_before_anything_is_changed() {
    for engine in ["native", "automatic"] {
        let shop = Shop::at(Situation::Live);
        let options = format!("{COMPLIANCE} --price_tier 3");
        let run = shop
            .deliver(&[("engine", engine), ("options", &options)])
            .ended(1)
            .said(&["price_tier: price tiers no longer exist", "Next:"]);
        assert!(!run.text.contains("fastlane`"), "{}", run.text);
        assert_eq!(shop.writes(), [] as [String; 0]);
    }
}

#[test]
fn a_version_in_review_is_named_and_left_alone() {
    for situation in [Situation::WaitingForReview, Situation::InReview] {
        let shop = Shop::at(situation);
        let before = shop.sandbox.product();
        shop.deliver(&[])
            .ended(1)
            .said(&["1.1", "reject_if_possible", "Next:"]);
        assert_eq!(shop.sandbox.product(), before, "{situation:?}");
    }
}

#[test]
fn a_submission_is_cancelled_where_that_is_asked_for() {
    let shop = Shop::at(Situation::WaitingForReview);
    shop.sandbox.state().release.pace = Pace {
        cancel: 2,
        ..Pace::default()
    };
    let options = format!("{COMPLIANCE} --reject_if_possible");
    shop.deliver(&[("options", &options)]).ended(0);
    assert_eq!(shop.version("1.2.3")["state"], "WAITING_FOR_REVIEW");
}

#[test]
fn a_rejected_version_is_fixed_and_submitted_again() {
    for situation in [
        Situation::Rejected,
        Situation::MetadataRejected,
        Situation::InvalidBinary,
        Situation::DeveloperRejected,
    ] {
        let shop = Shop::at(situation);
        let options = format!("{COMPLIANCE} --reject_if_possible");
        shop.deliver(&[("options", &options)]).ended(0);
        assert_eq!(
            shop.version("1.2.3")["state"],
            "WAITING_FOR_REVIEW",
            "{situation:?}"
        );
    }
}

#[test]
fn a_version_that_waits_for_its_release_is_named() {
    let shop = Shop::at(Situation::PendingDeveloperRelease);
    let before = shop.sandbox.product();
    shop.deliver(&[])
        .ended(1)
        .said(&["PENDING_DEVELOPER_RELEASE", "Next:"]);
    assert_eq!(shop.sandbox.product(), before);
}

#[test]
fn a_phased_release_on_top_of_a_phased_one_is_submitted() {
    let shop = Shop::at(Situation::Phased);
    let options = format!("{COMPLIANCE} --phased_release --automatic_release false");
    shop.deliver(&[("options", &options)]).ended(0);
    let version = shop.version("1.2.3");
    assert_eq!(version["phased"]["state"], "INACTIVE");
    assert_eq!(version["release_type"], "MANUAL");
    shop.sandbox.review(Verdict::Approve).unwrap();
    assert_eq!(shop.version("1.2.3")["state"], "PENDING_DEVELOPER_RELEASE");
}

#[test]
fn pictures_are_right_in_both_media_worlds() {
    for (asset_library, in_library) in [(false, false), (true, false), (true, true)] {
        let mut seed = seed(SeedRelease {
            in_library,
            ..at(Situation::Live)
        });
        seed.asset_library = asset_library;
        let shop = Shop::of(&seed);
        let options = format!("{COMPLIANCE} --overwrite_screenshots");
        let run = shop.deliver(&[("options", &options)]).ended(0);
        let version = shop.version("1.2.3");
        for locale in ["en-US", "de-DE"] {
            assert_eq!(
                shots(&version, locale),
                ["1.png", "2.png"],
                "library {asset_library}, placed {in_library}, {locale}\n{}",
                run.text
            );
        }
    }
}

#[test]
fn previews_are_right_in_both_media_worlds() {
    for asset_library in [false, true] {
        let mut seed = seed(at(Situation::Draft));
        seed.asset_library = asset_library;
        let shop = Shop::of(&seed);
        for name in ["a-IPHONE_67.mp4", "b-IPHONE_67.mov"] {
            let file = format!("project/previews/en-US/{name}");
            shop.machine.file(&file, name.repeat(100));
        }
        let run = |options: &str| {
            let options = format!("--app_previews_path previews {options}");
            shop.deliver(&[("options", &options), ("submit_for_review", "no")])
                .ended(0);
            shop.writes().len()
        };
        let first = run("");
        assert_eq!(run(""), first, "library {asset_library}: a second run");
        // The frame of both.
        assert_eq!(run("--preview_frame_time_code 00:00:02:00"), first + 2);
        let state = shop.sandbox.state();
        let kind = if asset_library {
            "appAssetLibraryVideos"
        } else {
            "appPreviews"
        };
        let frames: Vec<String> = state
            .objects
            .ids(kind)
            .iter()
            .map(|id| {
                let object = state.objects.get(kind, id).unwrap();
                object.attributes["previewFrameTimeCode"].to_string()
            })
            .collect();
        assert_eq!(frames.len(), 2, "library {asset_library}");
        assert!(
            frames.iter().all(|frame| frame.contains("00:00:02:00")),
            "library {asset_library}: {frames:?}"
        );
    }
}

#[test]
fn a_picture_that_apples_tool_fails_on_is_uploaded_again() {
    let shop = Shop::at(Situation::Live);
    shop.sandbox.state().release.image_tool_failures = 1;
    shop.deliver(&[]).ended(0);
    assert_eq!(shots(&shop.version("1.2.3"), "de-DE"), ["1.png", "2.png"]);
}

#[test]
fn a_picture_that_apple_refuses_is_named_with_apples_reason() {
    let shop = Shop::at(Situation::Live);
    // The size is right, so that only Apple sees it.
    let content = picture::transparent(1290, 2796);
    shop.machine
        .file("project/fastlane/screenshots/de-DE/2.png", content);
    let run = shop.deliver(&[]);
    assert_ne!(run.status, Some(0), "{}", run.text);
    run.said(&["2.png", "alpha"]);
    assert_ne!(shop.version("1.2.3")["state"], "WAITING_FOR_REVIEW");
}

#[test]
fn what_is_wrong_on_disk_is_told_before_anything_is_changed() {
    let shop = Shop::at(Situation::Live);
    shop.machine.file(
        "project/fastlane/screenshots/en-US/3.png",
        picture::screenshot(500, 500, 1),
    );
    shop.machine
        .file("project/fastlane/metadata/en-US/keywords.txt", "k".repeat(101));
    shop.machine
        .file("project/fastlane/metadata/de-DE/name.txt", "N".repeat(31));
    shop.deliver(&[])
        .ended(1)
        .said(&["3.png", "keywords", "de-DE", "name", "Next:"]);
    // An unknown platform is one more problem, not the only one that is named.
    let options = format!("{COMPLIANCE} --platform android");
    shop.deliver(&[("options", &options)]).ended(1).said(&[
        "`android` is not accepted",
        "3.png",
        "keywords",
        "Next:",
    ]);
    assert_eq!(shop.writes(), [] as [String; 0]);
}

#[test]
fn a_build_that_apple_refuses_is_not_submitted() {
    for outcome in ["FAILED", "INVALID"] {
        let shop = Shop::at(Situation::Live);
        shop.sandbox.state().release.pace.build = 1;
        shop.sandbox.state().release.build_outcome = outcome.to_owned();
        shop.deliver(&[]).ended(1).said(&["42", "Next:"]);
        assert_eq!(shop.version("1.2.3")["state"], "PREPARE_FOR_SUBMISSION");
    }
}

#[test]
fn a_build_without_an_answer_about_encryption_is_not_submitted() {
    let shop = Shop::at(Situation::Live);
    shop.deliver(&[("options", "")]).ended(1).said(&[
        "ITSAppUsesNonExemptEncryption",
        "export_compliance_uses_encryption",
    ]);
    assert_ne!(shop.version("1.2.3")["state"], "WAITING_FOR_REVIEW");
}

/// What a run has written shows late: versions, locales, pictures, and their deletion (fastlane #16991, #21705, #30094).
#[test]
fn a_store_that_shows_everything_late_has_everything_once() {
    for asset_library in [false, true] {
        let mut seed = seed(at(Situation::Live));
        seed.hidden_for = 2;
        seed.asset_library = asset_library;
        let shop = Shop::of(&seed);
        shop.sandbox.state().release.pace = Pace {
            version: 2,
            media: 2,
            deletion: 2,
            ready: 1,
            build: 1,
            ..Pace::default()
        };
        shop.deliver(&[]).ended(0);
        let version = shop.version("1.2.3");
        assert_eq!(version["state"], "WAITING_FOR_REVIEW");
        for locale in ["en-US", "de-DE"] {
            assert_eq!(
                shots(&version, locale),
                ["1.png", "2.png"],
                "library {asset_library}, {locale}"
            );
        }
    }
}
