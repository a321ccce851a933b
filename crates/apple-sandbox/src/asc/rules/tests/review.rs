//! Review submissions: `review_submission.rb` and `submit_for_review.rb` of fastlane 2.237.0, and `validate` of
//! App-Store-Connect-CLI.

use serde_json::{Value, json};

use super::super::lifecycle::Pace;
use super::super::review::Verdict;
use super::super::situations::Situation;
use super::{APP, Store};

const KIND: &str = "reviewSubmissions";

fn send_for_review() -> (Store, String, String) {
    let mut store = Store::at(Situation::Draft);
    let version = store.complete();
    let submission = store.submission().id();
    store.item(&submission, &version).is(201);
    store.patch(KIND, &submission, json!({"submitted": true})).is(200);
    (store, version, submission)
}

/// Create → READY_FOR_REVIEW, add → the version READY_FOR_REVIEW, send → WAITING_FOR_REVIEW.
#[test]
fn a_version_goes_from_a_draft_to_the_queue() {
    let mut store = Store::at(Situation::Draft);
    let version = store.complete();
    let submission = store.submission().id();
    assert_eq!(store.submission_state(), "READY_FOR_REVIEW");
    store.item(&submission, &version).is(201);
    assert_eq!(store.version_state("1.1"), "READY_FOR_REVIEW");
    let body = store.patch(KIND, &submission, json!({"submitted": true})).is(200);
    assert_eq!(body["data"]["attributes"]["state"], "WAITING_FOR_REVIEW");
    assert!(body["data"]["attributes"]["submittedDate"].is_string());
    assert_eq!(store.version_state("1.1"), "WAITING_FOR_REVIEW");
}

/// WAITING_FOR_REVIEW → IN_REVIEW.
#[test]
fn review_begins() {
    let (mut store, ..) = send_for_review();
    store.decide(Verdict::Begin);
    assert_eq!(store.submission_state(), "IN_REVIEW");
    assert_eq!(store.version_state("1.1"), "IN_REVIEW");
}

/// ACCEPTED while other items of the submission are in review.
#[test]
fn an_accepted_version_waits_for_the_rest_of_its_submission() {
    let (mut store, ..) = send_for_review();
    store.decide(Verdict::Begin);
    store.decide(Verdict::Accept);
    assert_eq!(
        (
            store.submission_state().as_str(),
            store.version_state("1.1").as_str()
        ),
        ("IN_REVIEW", "ACCEPTED")
    );
    store.decide(Verdict::Approve);
    assert_eq!(store.submission_state(), "COMPLETE");
    assert_eq!(store.version_state("1.1"), "READY_FOR_DISTRIBUTION");
}

/// A rejection leaves the submission in UNRESOLVED_ISSUES, and no new one is possible (fastlane #19979).
#[test]
fn a_rejected_submission_stays_open() {
    let (mut store, version, submission) = send_for_review();
    store.decide(Verdict::Reject);
    assert_eq!(store.submission_state(), "UNRESOLVED_ISSUES");
    assert_eq!(store.version_state("1.1"), "REJECTED");
    store.submission().refused(
        409,
        "ENTITY_ERROR.RELATIONSHIP.INVALID",
        &format!("There is another reviewSubmissions with id {submission} still in progress"),
    );
    store
        .item(&submission, &version)
        .refused(409, "STATE_ERROR", "is already in another reviewSubmission");
}

/// METADATA_REJECTED belongs to UNRESOLVED_ISSUES, too; INVALID_BINARY does not.
#[test]
fn other_rejections_have_states_of_their_own() {
    let (mut store, ..) = send_for_review();
    store.decide(Verdict::RejectMetadata);
    assert_eq!(
        (
            store.submission_state().as_str(),
            store.version_state("1.1").as_str()
        ),
        ("UNRESOLVED_ISSUES", "METADATA_REJECTED")
    );
    let (mut store, ..) = send_for_review();
    store.decide(Verdict::InvalidBinary);
    assert_eq!(store.version_state("1.1"), "INVALID_BINARY");
    store.submission().is(201);
}

/// After a rejection: fix, resolved, submitted again.
#[test]
fn a_resolved_item_is_sent_again() {
    let (mut store, _, submission) = send_for_review();
    store.decide(Verdict::Reject);
    store
        .patch(KIND, &submission, json!({"submitted": true}))
        .refused(409, "STATE_ERROR", "not resolved");
    let item = store
        .ids(&format!("/v1/reviewSubmissions/{submission}/items"))
        .remove(0);
    store
        .patch("reviewSubmissionItems", &item, json!({"resolved": true}))
        .is(200);
    store.patch(KIND, &submission, json!({"submitted": true})).is(200);
    assert_eq!(store.version_state("1.1"), "WAITING_FOR_REVIEW");
    store
        .patch("reviewSubmissionItems", &item, json!({"resolved": true}))
        .refused(409, "STATE_ERROR", "nothing to resolve");
}

/// After a rejection an item is removed by a `PATCH`, and the version is the developer's again.
#[test]
fn a_rejected_item_is_removed() {
    let (mut store, _, submission) = send_for_review();
    store.decide(Verdict::Reject);
    let item = store
        .ids(&format!("/v1/reviewSubmissions/{submission}/items"))
        .remove(0);
    store
        .delete("reviewSubmissionItems", &item)
        .refused(409, "STATE_ERROR", "sent already");
    store
        .patch("reviewSubmissionItems", &item, json!({"removed": true}))
        .is(200);
    assert_eq!(store.version_state("1.1"), "DEVELOPER_REJECTED");
}

/// Cancel → CANCELING → COMPLETE; seconds later, and until then no new submission.
#[test]
fn a_canceled_submission_ends_after_some_looks() {
    let (mut store, version, submission) = send_for_review();
    store.state.release.pace = Pace {
        cancel: 2,
        ..Pace::default()
    };
    let body = store.patch(KIND, &submission, json!({"canceled": true})).is(200);
    assert_eq!(body["data"]["attributes"]["state"], "CANCELING");
    assert_eq!(store.attribute(KIND, &submission, "state"), "CANCELING");
    store
        .submission()
        .refused(409, "ENTITY_ERROR.RELATIONSHIP.INVALID", "still in progress");
    assert_eq!(store.attribute(KIND, &submission, "state"), "COMPLETE");
    assert_eq!(
        store.attribute("appStoreVersions", &version, "appVersionState"),
        "DEVELOPER_REJECTED"
    );
    let item = store
        .ids(&format!("/v1/reviewSubmissions/{submission}/items"))
        .remove(0);
    let items = store.get(&format!("/v1/reviewSubmissions/{submission}/items"));
    assert_eq!(items["data"][0]["attributes"]["state"], "REMOVED", "{item}");
    let next = store.submission().id();
    store.item(&next, &version).is(201);
}

/// "Another operation is already in progress", "Resource is not in cancellable state".
#[test]
fn only_a_sent_submission_is_canceled_and_once() {
    let (mut store, _, submission) = send_for_review();
    store.state.release.pace.cancel = 5;
    store.patch(KIND, &submission, json!({"canceled": true})).is(200);
    for change in [json!({"canceled": true}), json!({"submitted": true})] {
        store.patch(KIND, &submission, change).refused(
            409,
            "STATE_ERROR",
            "Another operation is already in progress",
        );
    }
    let mut store = Store::at(Situation::Draft);
    let draft = store.submission().id();
    store.patch(KIND, &draft, json!({"canceled": true})).refused(
        409,
        "STATE_ERROR",
        "Resource is not in cancellable state",
    );
}

/// In review it can be canceled, too.
#[test]
fn a_submission_in_review_is_canceled() {
    let mut store = Store::at(Situation::InReview);
    let submission = store.open_submission();
    store.patch(KIND, &submission, json!({"canceled": true})).is(200);
    assert_eq!(store.version_state("1.1"), "DEVELOPER_REJECTED");
}

/// No second draft per platform.
#[test]
fn there_is_one_draft_per_platform() {
    let mut store = Store::at(Situation::Draft);
    store.submission().is(201);
    store
        .submission()
        .refused(409, "ENTITY_ERROR.RELATIONSHIP.INVALID", "still in progress");
    store
        .post(KIND, json!({"platform": "TV_OS"}), &[&format!("app apps {APP}")])
        .is(201);
}

/// "does not have any items".
#[test]
fn an_empty_draft_is_not_sent() {
    let mut store = Store::at(Situation::Draft);
    let draft = store.submission().id();
    store.patch(KIND, &draft, json!({"submitted": true})).refused(
        409,
        "STATE_ERROR",
        "does not have any items",
    );
}

/// An item of a draft is deleted, and the version is prepared again.
#[test]
fn an_item_of_a_draft_is_deleted() {
    let mut store = Store::at(Situation::Draft);
    let version = store.complete();
    let draft = store.submission().id();
    let item = store.item(&draft, &version).id();
    store.item(&draft, &version).refused(
        409,
        "ENTITY_ERROR.RELATIONSHIP.INVALID",
        "was already added to another reviewSubmission",
    );
    store.delete("reviewSubmissionItems", &item).is(204);
    assert_eq!(store.version_state("1.1"), "PREPARE_FOR_SUBMISSION");
    store.item(&draft, &version).is(201);
}

/// Right after the item was added the version may not be ready.
#[test]
fn a_version_is_ready_some_looks_after_it_was_added() {
    let mut store = Store::at(Situation::Draft);
    let version = store.complete();
    store.state.release.pace.ready = 2;
    let draft = store.submission().id();
    store.item(&draft, &version).is(201);
    store.patch(KIND, &draft, json!({"submitted": true})).refused(
        409,
        "STATE_ERROR.ENTITY_STATE_INVALID",
        "Version is not ready to be submitted yet, please try again later",
    );
    assert_eq!(
        store.attribute("appStoreVersions", &version, "appVersionState"),
        "PREPARE_FOR_SUBMISSION"
    );
    assert_eq!(
        store.attribute("appStoreVersions", &version, "appVersionState"),
        "READY_FOR_REVIEW"
    );
    store.patch(KIND, &draft, json!({"submitted": true})).is(200);
}

/// What was taken out of a draft before the service came to it is not ready, and what was put in again waits anew.
#[test]
fn a_version_that_was_taken_out_again_does_not_become_ready() {
    for delete in [true, false] {
        let mut store = Store::at(Situation::Draft);
        let version = store.complete();
        store.state.release.pace.ready = 2;
        let draft = store.submission().id();
        let item = store.item(&draft, &version).id();
        if delete {
            store.delete("reviewSubmissionItems", &item).is(204);
        } else {
            let removed = json!({"removed": true});
            store.patch("reviewSubmissionItems", &item, removed).is(200);
        }
        for _ in 0..4 {
            assert_eq!(store.version_state("1.1"), "PREPARE_FOR_SUBMISSION");
        }
        store.item(&draft, &version).is(201);
        let state = |store: &mut Store| store.attribute("appStoreVersions", &version, "appVersionState");
        assert_eq!(state(&mut store), "PREPARE_FOR_SUBMISSION");
        assert_eq!(state(&mut store), "PREPARE_FOR_SUBMISSION");
        assert_eq!(state(&mut store), "READY_FOR_REVIEW");
    }
}

/// What a version lacks, by path and code.
fn lacking(store: &mut Store, version: &str) -> Vec<(String, String, String)> {
    let draft = store.submission().id();
    let body = store.item(&draft, version).is(409);
    assert_eq!(body["errors"][0]["code"], "STATE_ERROR.ENTITY_STATE_INVALID");
    let words = format!("appStoreVersions with id {version} is not in valid state.");
    assert!(
        body["errors"][0]["detail"].as_str().unwrap().starts_with(&words),
        "{body}"
    );
    let by_path = body["errors"][0]["meta"]["associatedErrors"]
        .as_object()
        .unwrap()
        .clone();
    let mut all = Vec::new();
    for (path, errors) in by_path {
        for error in errors.as_array().unwrap() {
            let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            all.push((path.clone(), text("code"), text("detail")));
        }
    }
    all
}

/// Everything that an empty first version lacks is told at once, under the paths of what lacks it.
#[test]
fn an_empty_version_is_told_everything_that_it_lacks() {
    let mut store = Store::at(Situation::FirstDraft);
    store
        .state
        .objects
        .set("apps", APP, "contentRightsDeclaration", Value::Null);
    let version = store.version("1.0");
    let all = lacking(&mut store, &version);
    for (path, words) in [
        ("/v1/appStoreVersions/", "relationship 'build'"),
        ("/v1/appStoreVersions/", "relationship 'appStoreReviewDetail'"),
        ("/v1/appStoreVersionLocalizations/", "'description'"),
        ("/v1/appStoreVersionLocalizations/", "'keywords'"),
        ("/v1/appStoreVersionLocalizations/", "'supportUrl'"),
        ("/v1/appInfos/", "'primaryCategory'"),
        ("/v1/appInfoLocalizations/", "'privacyPolicyUrl'"),
        ("/v1/ageRatingDeclarations/", "'lootBox'"),
        ("/v1/appPriceSchedules/", "'appPriceSchedule'"),
        ("/v2/appAvailabilities/", "'appAvailabilityV2'"),
        (&format!("/v1/apps/{APP}"), "'contentRightsDeclaration'"),
    ] {
        let is_told = all
            .iter()
            .any(|(of, _, detail)| of.starts_with(path) && detail.contains(words));
        assert!(is_told, "{path} {words}\n{all:#?}");
    }
    let shots = all
        .iter()
        .find(|(path, ..)| path == "/v1/appScreenshots/")
        .unwrap();
    assert_eq!(shots.1, "STATE_ERROR.SCREENSHOT_REQUIRED.APP_IPHONE_65");
    assert!(
        !all.iter().any(|(.., detail)| detail.contains("whatsNew")),
        "{all:#?}"
    );
}

/// An update needs What's New in every locale (App-Store-Connect-CLI #1035, fastlane #16700).
#[test]
fn an_update_without_whats_new_is_not_taken() {
    let mut store = Store::at(Situation::Draft);
    let version = store.complete();
    let localization = store.localization(&version, "en-US");
    store
        .patch(
            "appStoreVersionLocalizations",
            &localization,
            json!({"whatsNew": null}),
        )
        .is(200);
    let all = lacking(&mut store, &version);
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!(
        all[0].0,
        format!("/v1/appStoreVersionLocalizations/{localization}")
    );
}

/// Compliance that is not answered is told under the build.
#[test]
fn a_build_without_an_answer_about_encryption_is_not_taken() {
    let mut store = Store::at(Situation::Draft);
    let version = store.complete();
    let build = store.add_build("1.1", "8");
    store.attach(&version, &build).is(204);
    let all = lacking(&mut store, &version);
    assert_eq!(
        (all[0].0.as_str(), all[0].1.as_str()),
        (
            format!("/v1/builds/{build}").as_str(),
            "ENTITY_ERROR.ATTRIBUTE.REQUIRED"
        )
    );
    assert!(all[0].2.contains("usesNonExemptEncryption"));
}

/// Encryption that is not exempt needs a declaration, and waits until Apple approves it (the order is a guess).
#[test]
fn encryption_needs_a_declaration_that_is_approved() {
    let mut store = Store::at(Situation::Draft);
    let version = store.complete();
    let build = store.add_build("1.1", "8");
    store.answer_encryption(&build, true).is(200);
    store.attach(&version, &build).is(204);
    let all = lacking(&mut store, &version);
    assert!(all[0].2.contains("appEncryptionDeclaration"), "{all:?}");
    let declaration = store
        .post(
            "appEncryptionDeclarations",
            json!({"appDescription": "a", "containsProprietaryCryptography": false, "containsThirdPartyCryptography": true, "availableOnFrenchStore": false}),
            &[&format!("app apps {APP}")],
        )
        .id();
    let of_build = format!("/v1/builds/{build}/relationships/appEncryptionDeclaration");
    store
        .link(
            "PATCH",
            &of_build,
            &[&format!("appEncryptionDeclarations {declaration}")],
            false,
        )
        .is(204);
    let submission = store.open_submission();
    store.item(&submission, &version).is(201);
    store.patch(KIND, &submission, json!({"submitted": true})).is(200);
    assert_eq!(store.version_state("1.1"), "WAITING_FOR_EXPORT_COMPLIANCE");
    store.decide(Verdict::ApproveEncryption);
    assert_eq!(store.version_state("1.1"), "WAITING_FOR_REVIEW");
}

/// A scheduled release has to lie in the future.
#[test]
fn a_release_date_in_the_past_is_not_taken() {
    let mut store = Store::at(Situation::Draft);
    let version = store.complete();
    let past = json!({"releaseType": "SCHEDULED", "earliestReleaseDate": "2020-01-01T12:00:00+00:00"});
    store.patch("appStoreVersions", &version, past).is(200);
    let all = lacking(&mut store, &version);
    assert_eq!(
        (all.len(), all[0].2.as_str()),
        (1, "The release date is in the past"),
        "{all:#?}"
    );
}

/// A demo account that is required has a name and a password.
#[test]
fn a_required_demo_account_has_its_values() {
    let mut store = Store::at(Situation::Draft);
    let version = store.complete();
    let detail = store.get(&format!("/v1/appStoreVersions/{version}/appStoreReviewDetail"));
    let detail = detail["data"]["id"].as_str().unwrap().to_owned();
    store
        .patch(
            "appStoreReviewDetails",
            &detail,
            json!({"demoAccountRequired": true}),
        )
        .is(200);
    let all = lacking(&mut store, &version);
    assert_eq!(all.len(), 2, "{all:#?}");
}

/// An item is about exactly one thing.
#[test]
fn an_item_is_about_one_thing() {
    let mut store = Store::at(Situation::Draft);
    let draft = store.submission().id();
    store
        .post(
            "reviewSubmissionItems",
            json!({}),
            &[&format!("reviewSubmission reviewSubmissions {draft}")],
        )
        .refused(409, "ENTITY_ERROR.RELATIONSHIP.REQUIRED", "one resource");
}

/// Nothing is added to a submission that was sent.
#[test]
fn a_sent_submission_takes_no_items() {
    let (mut store, version, submission) = send_for_review();
    let _ = version;
    let other = store
        .post(
            "appStoreVersions",
            json!({"platform": "TV_OS", "versionString": "1.0"}),
            &[&format!("app apps {APP}")],
        )
        .id();
    store
        .item(&submission, &other)
        .refused(409, "STATE_ERROR", "Items cannot be added");
}

/// A version has one review detail.
#[test]
fn a_second_review_detail_is_refused() {
    let mut store = Store::at(Situation::Draft);
    let version = store.version("1.1");
    store
        .post(
            "appStoreReviewDetails",
            json!({}),
            &[&format!("appStoreVersion appStoreVersions {version}")],
        )
        .refused(409, "ENTITY_ERROR.RELATIONSHIP.INVALID", "already has");
}
