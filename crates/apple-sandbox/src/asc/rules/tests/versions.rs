//! Versions, their texts, app infos, phased release: `app_store_version.rb`, `app_info.rb`, and `upload_metadata.rb` of fastlane
//! 2.237.0; Apple's help, "Required, localizable, and editable properties".

use serde_json::json;

use super::super::lifecycle::Pace;
use super::super::review::Verdict;
use super::super::situations::{SeedRelease, Situation};
use super::{APP, Store};

/// POST leads to `PREPARE_FOR_SUBMISSION`.
#[test]
fn a_new_version_is_prepared_for_submission() {
    let mut store = Store::at(Situation::None);
    store.create_version("1.0").is(201);
    assert_eq!(store.version_state("1.0"), "PREPARE_FOR_SUBMISSION");
}

/// App-Store-Connect-CLI #2579, an exchange with Apple.
#[test]
fn a_second_unfinished_version_is_refused_and_one_of_the_same_number_twice() {
    let mut store = Store::at(Situation::Draft);
    store.create_version("1.2").refused(
        409,
        "ENTITY_ERROR.RELATIONSHIP.INVALID",
        "You cannot create a new version of the App in the current state.",
    );
    let both = store.create_version("1.1");
    assert_eq!(both.1["errors"].as_array().unwrap().len(), 2, "{}", both.1);
    both.refused(409, "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE", "previously used");
}

/// One unfinished version per platform, not per app.
#[test]
fn another_platform_has_a_version_of_its_own() {
    let mut store = Store::at(Situation::Draft);
    let attributes = json!({"platform": "TV_OS", "versionString": "1.1"});
    store
        .post("appStoreVersions", attributes, &[&format!("app apps {APP}")])
        .is(201);
}

#[test]
fn numbers_are_compared_as_numbers_and_lose_leading_zeros() {
    let mut store = Store::at(Situation::Live);
    store
        .create_version("1.0.0")
        .refused(409, "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE", "previously used");
    let id = store.create_version("01.02").id();
    assert_eq!(store.attribute("appStoreVersions", &id, "versionString"), "1.2");
    for wrong in ["1.2.3.4", "1.x", "", "v2"] {
        assert_eq!(
            store
                .patch("appStoreVersions", &id, json!({"versionString": wrong}))
                .0,
            if wrong.is_empty() { 200 } else { 409 },
            "{wrong}"
        );
    }
}

/// The remedy is a new name for the unfinished version; another version's number is refused.
#[test]
fn an_unfinished_version_is_renamed_and_not_to_a_used_number() {
    let mut store = Store::at(Situation::Draft);
    let id = store.version("1.1");
    store
        .patch("appStoreVersions", &id, json!({"versionString": "2.0"}))
        .is(200);
    assert_eq!(store.version_state("2.0"), "PREPARE_FOR_SUBMISSION");
    store
        .patch("appStoreVersions", &id, json!({"versionString": "1.0"}))
        .refused(409, "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE", "previously used");
}

/// Locales, texts but What's New, media, and review information come from the version before.
#[test]
fn a_new_version_carries_over_everything_but_what_is_new() {
    let mut store = Store::of(SeedRelease {
        situation: Situation::Phased,
        locales: vec!["en-US".to_owned(), "de-DE".to_owned()],
        screenshots: 3,
        ..SeedRelease::default()
    });
    let version = store.create_version("1.2").id();
    let path = format!("/v1/appStoreVersions/{version}/appStoreVersionLocalizations");
    let body = store.get(&path);
    let all = body["data"].as_array().unwrap();
    assert_eq!(all.len(), 2);
    for one in all {
        assert_eq!(one["attributes"]["description"], "Courier delivers letters.");
        assert!(one["attributes"]["whatsNew"].is_null(), "{one}");
    }
    let german = store.localization(&version, "de-DE");
    let sets = store.get(&format!(
        "/v1/appStoreVersionLocalizations/{german}/appScreenshotSets?include=appScreenshots"
    ));
    let shots = sets["included"].as_array().unwrap();
    assert_eq!(shots.len(), 3, "{sets}");
    // The checksum stays, so that a client need not upload again.
    assert!(
        shots
            .iter()
            .all(|shot| shot["attributes"]["sourceFileChecksum"].as_str().unwrap().len() == 32)
    );
    let detail = store.get(&format!("/v1/appStoreVersions/{version}/appStoreReviewDetail"));
    assert_eq!(detail["data"]["attributes"]["contactFirstName"], "Ada");
}

/// The app info that can be changed appears together with a new version.
#[test]
fn an_app_info_that_can_be_changed_comes_with_a_new_version() {
    let mut store = Store::at(Situation::Live);
    assert_eq!(store.info_states(), ["READY_FOR_DISTRIBUTION"]);
    store.create_version("1.1").is(201);
    assert_eq!(
        store.info_states(),
        ["READY_FOR_DISTRIBUTION", "PREPARE_FOR_SUBMISSION"]
    );
    let infos = store.ids(&format!("/v1/apps/{APP}/appInfos"));
    let rating = store.get(&format!("/v1/appInfos/{}/ageRatingDeclaration", infos[1]));
    assert_eq!(rating["data"]["attributes"]["gambling"], false);
    let category = store.get(&format!("/v1/appInfos/{}/primaryCategory", infos[1]));
    assert_eq!(category["data"]["id"], "PRODUCTIVITY");
}

/// fastlane #16991, #21705: lists show a new version and its app info later.
#[test]
fn a_new_version_is_listed_after_some_looks_and_readable_at_once() {
    let mut store = Store::at(Situation::Live);
    store.state.release.pace = Pace {
        version: 2,
        ..Pace::default()
    };
    let id = store.create_version("1.1").id();
    let path = format!("/v1/apps/{APP}/appStoreVersions");
    assert_eq!(store.ids(&path).len(), 1);
    assert_eq!(store.info_states().len(), 1);
    assert_eq!(store.attribute("appStoreVersions", &id, "versionString"), "1.1");
    assert_eq!(store.ids(&path).len(), 2);
    assert_eq!(store.info_states().len(), 2);
}

/// In review only promotional text and URLs can be changed, and each other attribute has an error.
#[test]
fn texts_are_locked_in_review_but_for_the_live_fields() {
    for situation in [
        Situation::WaitingForReview,
        Situation::InReview,
        Situation::PendingDeveloperRelease,
        Situation::Phased,
    ] {
        let mut store = Store::at(situation);
        let version = store.version("1.1");
        let localization = store.localization(&version, "en-US");
        let kind = "appStoreVersionLocalizations";
        let refused = store.patch(
            kind,
            &localization,
            json!({"description": "Other.", "keywords": "x"}),
        );
        assert_eq!(refused.1["errors"].as_array().unwrap().len(), 2, "{situation:?}");
        refused.refused(
            409,
            "STATE_ERROR",
            "Attribute 'description' cannot be edited at this time",
        );
        let live = json!({"promotionalText": "Now.", "supportUrl": "https://example.com/help"});
        store.patch(kind, &localization, live).is(200);
    }
}

/// What was rejected, canceled, or found invalid can be changed.
#[test]
fn texts_can_be_changed_after_a_rejection() {
    for (situation, state) in [
        (Situation::Rejected, "REJECTED"),
        (Situation::MetadataRejected, "METADATA_REJECTED"),
        (Situation::InvalidBinary, "INVALID_BINARY"),
        (Situation::DeveloperRejected, "DEVELOPER_REJECTED"),
        (Situation::Draft, "PREPARE_FOR_SUBMISSION"),
    ] {
        let mut store = Store::at(situation);
        assert_eq!(store.version_state("1.1"), state);
        let version = store.version("1.1");
        let localization = store.localization(&version, "en-US");
        store
            .patch(
                "appStoreVersionLocalizations",
                &localization,
                json!({"description": "Other."}),
            )
            .is(200);
    }
}

/// itspaint #20, an exchange with Apple.
#[test]
fn a_locale_is_not_created_in_review() {
    let mut store = Store::at(Situation::WaitingForReview);
    let version = store.version("1.1");
    store.create_locale(&version, json!({"locale": "fr-FR"})).refused(
        409,
        "STATE_ERROR",
        "Cannot create localization after the app version has been submitted",
    );
}

/// App-Store-Connect-CLI #2583 and fastlane #20702, exchanges with Apple.
#[test]
fn a_locale_is_there_once_and_is_one_of_apples() {
    let mut store = Store::at(Situation::Draft);
    let version = store.version("1.1");
    store.create_locale(&version, json!({"locale": "en-US"})).refused(
        409,
        "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE",
        "Entity with locale: en-US already exists. Try updating.",
    );
    store.create_locale(&version, json!({"locale": "en"})).refused(
        409,
        "ENTITY_ERROR.ATTRIBUTE.INVALID",
        "The language specified is not listed for localization",
    );
}

/// fastlane #16626: the first version has no What's New.
#[test]
fn the_first_version_takes_no_whats_new() {
    let mut store = Store::at(Situation::FirstDraft);
    let version = store.version("1.0");
    let localization = store.localization(&version, "en-US");
    store
        .patch(
            "appStoreVersionLocalizations",
            &localization,
            json!({"whatsNew": "All."}),
        )
        .refused(
            409,
            "STATE_ERROR",
            "Attribute 'whatsNew' cannot be edited at this time",
        );
    store
        .create_locale(&version, json!({"locale": "de-DE", "whatsNew": "Alles."}))
        .refused(
            409,
            "STATE_ERROR",
            "Attribute 'whatsNew' cannot be edited at this time",
        );
}

#[test]
fn texts_that_are_too_long_and_urls_that_are_none_are_refused() {
    let mut store = Store::at(Situation::Draft);
    let version = store.version("1.1");
    let localization = store.localization(&version, "en-US");
    let kind = "appStoreVersionLocalizations";
    store
        .patch(kind, &localization, json!({"keywords": "k".repeat(101)}))
        .refused(409, "ENTITY_ERROR.ATTRIBUTE.TOO_LONG", "101 characters");
    assert_eq!(
        store
            .patch(kind, &localization, json!({"supportUrl": "example"}))
            .0,
        409
    );
    store
        .patch(kind, &localization, json!({"keywords": "k".repeat(100)}))
        .is(200);
}

/// A locale of the version is one of the app info, with the primary one's name.
#[test]
fn a_locale_of_the_version_makes_one_of_the_app_info() {
    let mut store = Store::at(Situation::Draft);
    let version = store.version("1.1");
    store.create_locale(&version, json!({"locale": "de-DE"})).is(201);
    let info = store.ids(&format!("/v1/apps/{APP}/appInfos")).remove(1);
    let all = store.get(&format!(
        "/v1/appInfos/{info}/appInfoLocalizations?filter[locale]=de-DE"
    ));
    assert_eq!(all["data"][0]["attributes"]["name"], "Courier");
}

/// The info of the live version is locked, but for the URL of the privacy policy.
#[test]
fn a_live_app_info_is_locked() {
    let mut store = Store::at(Situation::Live);
    let info = store.ids(&format!("/v1/apps/{APP}/appInfos")).remove(0);
    let localization = store
        .ids(&format!("/v1/appInfos/{info}/appInfoLocalizations"))
        .remove(0);
    let kind = "appInfoLocalizations";
    store
        .patch(kind, &localization, json!({"subtitle": "Post"}))
        .refused(
            409,
            "STATE_ERROR",
            "Attribute 'subtitle' cannot be edited at this time",
        );
    store
        .patch(
            kind,
            &localization,
            json!({"privacyPolicyUrl": "https://example.com/new"}),
        )
        .is(200);
    store
        .patch("ageRatingDeclarations", &info, json!({"gambling": true}))
        .refused(
            409,
            "STATE_ERROR",
            "Attribute 'gambling' cannot be edited at this time",
        );
}

/// The info of a version goes along with it.
#[test]
fn an_app_info_follows_its_version() {
    for (situation, states) in [
        (
            Situation::WaitingForReview,
            &["READY_FOR_DISTRIBUTION", "WAITING_FOR_REVIEW"][..],
        ),
        (Situation::InReview, &["READY_FOR_DISTRIBUTION", "IN_REVIEW"]),
        (Situation::Rejected, &["READY_FOR_DISTRIBUTION", "REJECTED"]),
        (
            Situation::DeveloperRejected,
            &["READY_FOR_DISTRIBUTION", "DEVELOPER_REJECTED"],
        ),
        (
            Situation::PendingDeveloperRelease,
            &["READY_FOR_DISTRIBUTION", "PENDING_RELEASE"],
        ),
        (Situation::Phased, &["READY_FOR_DISTRIBUTION"]),
    ] {
        assert_eq!(Store::at(situation).info_states(), states, "{situation:?}");
    }
}

/// App-Store-Connect-CLI #1782, App-Store-Connect-CLI #1788, an exchange with Apple.
#[test]
fn age_ratings_that_contradict_themselves_are_refused() {
    let mut store = Store::at(Situation::Draft);
    let info = store.ids(&format!("/v1/apps/{APP}/appInfos")).remove(1);
    let kind = "ageRatingDeclarations";
    store.patch(kind, &info, json!({"socialMedia": true})).refused(
        409,
        "ENTITY_ERROR.ATTRIBUTE.INVALID",
        "userGeneratedContent",
    );
    store
        .patch(
            kind,
            &info,
            json!({"socialMedia": true, "userGeneratedContent": true}),
        )
        .is(200);
    store
        .patch(kind, &info, json!({"socialMediaAgeRestricted": true}))
        .refused(409, "ENTITY_ERROR.ATTRIBUTE.INVALID", "ageAssurance");
}

#[test]
fn a_release_date_is_a_full_hour_of_a_scheduled_release() {
    let mut store = Store::at(Situation::Draft);
    let id = store.version("1.1");
    let kind = "appStoreVersions";
    let at = |time: &str| json!({"releaseType": "SCHEDULED", "earliestReleaseDate": time});
    store.patch(kind, &id, at("2099-12-01T12:00:00+00:00")).is(200);
    store.patch(kind, &id, at("2099-12-01T12:30:00+00:00")).refused(
        409,
        "ENTITY_ERROR.ATTRIBUTE.INVALID",
        "full hour",
    );
    store.patch(kind, &id, json!({"releaseType": "MANUAL"})).is(200);
    assert!(store.attribute(kind, &id, "earliestReleaseDate").is_null());
    store
        .patch(
            kind,
            &id,
            json!({"earliestReleaseDate": "2099-12-01T12:00:00+00:00"}),
        )
        .refused(409, "ENTITY_ERROR.ATTRIBUTE.INVALID", "SCHEDULED only");
}

/// The build is processed, of the version's platform and number.
#[test]
fn a_version_takes_a_build_of_its_own() {
    let mut store = Store::at(Situation::Draft);
    let version = store.version("1.1");
    let other = store.add_build("1.0", "9");
    store.attach(&version, &other).refused(
        409,
        "ENTITY_ERROR.RELATIONSHIP.INVALID",
        "does not match the version",
    );
    let own = store.add_build("1.1", "9");
    for state in ["PROCESSING", "FAILED", "INVALID"] {
        let build = store.state.builds.by_id_mut(&own).unwrap();
        build.processing_state = state.to_owned();
        store
            .attach(&version, &own)
            .refused(409, "ENTITY_ERROR.RELATIONSHIP.INVALID", "could not be added");
    }
    let build = store.state.builds.by_id_mut(&own).unwrap();
    build.processing_state = "VALID".to_owned();
    store.attach(&version, &own).is(204);
    store.patch("builds", &own, json!({"expired": true})).is(200);
    store
        .attach(&version, &own)
        .refused(409, "ENTITY_ERROR.RELATIONSHIP.INVALID", "could not be added");
}

/// DELETE in `PREPARE_FOR_SUBMISSION` alone, and not of the first version (which others Apple takes is a doubt).
#[test]
fn a_version_is_deleted_while_it_is_prepared_and_not_the_first() {
    let mut store = Store::at(Situation::Draft);
    let (first, next) = (store.version("1.0"), store.version("1.1"));
    store.delete("appStoreVersions", &first).refused(
        409,
        "STATE_ERROR.ENTITY_STATE_INVALID",
        "can't be deleted",
    );
    store.delete("appStoreVersions", &next).is(204);
    let mut store = Store::at(Situation::FirstDraft);
    let only = store.version("1.0");
    store.delete("appStoreVersions", &only).refused(
        409,
        "STATE_ERROR.ENTITY_STATE_INVALID",
        "can't be deleted",
    );
}

/// The primary locale stays.
#[test]
fn the_primary_locale_is_not_deleted() {
    let mut store = Store::at(Situation::Draft);
    let version = store.version("1.1");
    let localization = store.localization(&version, "en-US");
    store
        .delete("appStoreVersionLocalizations", &localization)
        .refused(409, "STATE_ERROR.ENTITY_STATE_INVALID", "primary locale");
}

#[test]
fn a_phased_release_is_for_updates_and_there_once() {
    let mut store = Store::at(Situation::FirstDraft);
    let first = store.version("1.0");
    let kind = "appStoreVersionPhasedReleases";
    let inactive = json!({"phasedReleaseState": "INACTIVE"});
    let parent = format!("appStoreVersion appStoreVersions {first}");
    store
        .post(kind, inactive.clone(), &[&parent])
        .refused(409, "STATE_ERROR", "first version");
    let mut store = Store::at(Situation::Draft);
    let version = store.version("1.1");
    let parent = format!("appStoreVersion appStoreVersions {version}");
    let id = store.post(kind, inactive.clone(), &[&parent]).id();
    assert_eq!(store.post(kind, inactive, &[&parent]).0, 409);
    // It begins with the release.
    store
        .patch(kind, &id, json!({"phasedReleaseState": "ACTIVE"}))
        .refused(409, "STATE_ERROR.ENTITY_STATE_INVALID", "INACTIVE to ACTIVE");
    store.delete(kind, &id).is(204);
}

/// ACTIVE ↔ PAUSED → COMPLETE; it is not deleted after it began.
#[test]
fn a_phased_release_is_paused_resumed_and_completed() {
    let mut store = Store::at(Situation::Phased);
    let version = store.version("1.1");
    let path = format!("/v1/appStoreVersions/{version}/appStoreVersionPhasedRelease");
    let phased = store.get(&path);
    assert_eq!(phased["data"]["attributes"]["phasedReleaseState"], "ACTIVE");
    assert_eq!(phased["data"]["attributes"]["currentDayNumber"], 3);
    let id = phased["data"]["id"].as_str().unwrap().to_owned();
    let kind = "appStoreVersionPhasedReleases";
    store
        .delete(kind, &id)
        .refused(409, "STATE_ERROR.ENTITY_STATE_INVALID", "ACTIVE");
    for state in ["PAUSED", "ACTIVE", "PAUSED", "COMPLETE"] {
        store
            .patch(kind, &id, json!({"phasedReleaseState": state}))
            .is(200);
    }
    store
        .patch(kind, &id, json!({"phasedReleaseState": "ACTIVE"}))
        .refused(409, "STATE_ERROR.ENTITY_STATE_INVALID", "COMPLETE to ACTIVE");
}

/// A release request leads to `PROCESSING_FOR_DISTRIBUTION`, then to `READY_FOR_DISTRIBUTION`.
#[test]
fn a_release_request_releases_what_waits_for_the_developer() {
    let mut store = Store::at(Situation::PendingDeveloperRelease);
    store.state.release.pace.distribution = 1;
    let version = store.version("1.1");
    let request = format!("appStoreVersion appStoreVersions {version}");
    store
        .post("appStoreVersionReleaseRequests", json!({}), &[&request])
        .is(201);
    assert_eq!(
        store.attribute("appStoreVersions", &version, "appVersionState"),
        "PROCESSING_FOR_DISTRIBUTION"
    );
    assert_eq!(store.version_state("1.1"), "READY_FOR_DISTRIBUTION");
    assert_eq!(store.version_state("1.0"), "REPLACED_WITH_NEW_VERSION");
    assert_eq!(store.info_states(), ["READY_FOR_DISTRIBUTION"]);
}

/// In no other state.
#[test]
fn a_release_request_is_refused_in_every_other_state() {
    for situation in [
        Situation::Draft,
        Situation::WaitingForReview,
        Situation::InReview,
        Situation::Rejected,
        Situation::Phased,
    ] {
        let mut store = Store::at(situation);
        let version = store.version("1.1");
        let request = format!("appStoreVersion appStoreVersions {version}");
        store
            .post("appStoreVersionReleaseRequests", json!({}), &[&request])
            .refused(409, "STATE_ERROR.ENTITY_STATE_INVALID", "can't be released");
    }
}

/// A version that waits for the developer blocks a new one (fastlane #17534, #17539).
#[test]
fn a_version_that_waits_for_its_release_blocks_a_new_one() {
    let mut store = Store::at(Situation::PendingDeveloperRelease);
    store
        .create_version("1.2")
        .refused(409, "ENTITY_ERROR.RELATIONSHIP.INVALID", "in the current state");
    let submission = store.open_submission();
    // Canceling its submission stops it.
    store
        .patch("reviewSubmissions", &submission, json!({"canceled": true}))
        .is(200);
    assert_eq!(store.version_state("1.1"), "DEVELOPER_REJECTED");
}

/// By its release type an approved version waits for the developer, for its date, or for nobody.
#[test]
fn an_approved_version_waits_as_its_release_type_says() {
    for (attributes, state) in [
        (json!({"releaseType": "MANUAL"}), "PENDING_DEVELOPER_RELEASE"),
        (
            json!({"releaseType": "SCHEDULED", "earliestReleaseDate": "2099-12-01T12:00:00+00:00"}),
            "PENDING_APPLE_RELEASE",
        ),
        (json!({"releaseType": "AFTER_APPROVAL"}), "READY_FOR_DISTRIBUTION"),
    ] {
        let mut store = Store::at(Situation::Draft);
        let version = store.complete();
        store.patch("appStoreVersions", &version, attributes).is(200);
        let submission = store.submission().id();
        store.item(&submission, &version).is(201);
        store
            .patch("reviewSubmissions", &submission, json!({"submitted": true}))
            .is(200);
        store.decide(Verdict::Approve);
        assert_eq!(store.version_state("1.1"), state);
        if state == "PENDING_APPLE_RELEASE" {
            store.decide(Verdict::ReleaseScheduled);
            assert_eq!(store.version_state("1.1"), "READY_FOR_DISTRIBUTION");
        }
    }
}
