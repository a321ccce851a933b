//! TestFlight: `build_manager.rb` of pilot and `build_beta_detail.rb` of spaceship, fastlane 2.237.0.

use serde_json::{Value, json};

use super::super::situations::{SeedBuild, SeedGroup, SeedRelease, Situation};
use super::{APP, Store};

fn store() -> Store {
    let group = |name: &str, internal: bool, all_builds: bool| SeedGroup {
        name: name.to_owned(),
        internal,
        all_builds,
        ..SeedGroup::default()
    };
    Store::of(SeedRelease {
        groups: vec![
            group("Team", true, false),
            group("Everyone", true, true),
            group("Friends", false, false),
        ],
        is_ready_for_beta_review: true,
        ..SeedRelease::default()
    })
}

fn group(store: &mut Store, name: &str) -> String {
    let path = format!("/v1/apps/{APP}/betaGroups");
    let body = store.get(&path);
    let all = body["data"].as_array().unwrap().iter();
    let own = all.clone().find(|one| one["attributes"]["name"] == name).unwrap();
    own["id"].as_str().unwrap().to_owned()
}

fn states(store: &mut Store, build: &str) -> (String, String) {
    let body = store.get(&format!("/v1/builds/{build}/buildBetaDetail"));
    let text = |name: &str| body["data"]["attributes"][name].as_str().unwrap().to_owned();
    (text("internalBuildState"), text("externalBuildState"))
}

fn pair(left: &str, right: &str) -> (String, String) {
    (left.to_owned(), right.to_owned())
}

/// A build whose compliance is answered and that has notes.
fn add_answered_build(store: &mut Store) -> String {
    let build = store.add_build("1.0", "1");
    store.answer_encryption(&build, false).is(200);
    let notes = store
        .ids(&format!("/v1/builds/{build}/betaBuildLocalizations"))
        .remove(0);
    store
        .patch("betaBuildLocalizations", &notes, json!({"whatsNew": "Look."}))
        .is(200);
    build
}

fn submit(store: &mut Store, build: &str) -> super::Answer {
    store.post(
        "betaAppReviewSubmissions",
        json!({}),
        &[&format!("build builds {build}")],
    )
}

fn give(store: &mut Store, build: &str, group: &str) -> super::Answer {
    let path = format!("/v1/builds/{build}/relationships/betaGroups");
    store.link("POST", &path, &[&format!("betaGroups {group}")], true)
}

fn upload(store: &mut Store) -> String {
    let attributes = json!({"cfBundleShortVersionString": "1.0", "cfBundleVersion": "9", "platform": "IOS"});
    let id = store
        .post("buildUploads", attributes, &[&format!("app apps {APP}")])
        .id();
    let upload = store.state.uploads.by_id_mut(&id).unwrap();
    upload.state = "PROCESSING".to_owned();
    upload.committed = true;
    store.get(&format!("/v1/buildUploads/{id}"));
    store.state.builds[0].id.clone()
}

/// PROCESSING → VALID; the states for testers follow.
#[test]
fn a_build_is_processed_after_some_looks() {
    let mut store = store();
    store.state.release.pace.build = 2;
    let build = upload(&mut store);
    assert_eq!(states(&mut store, &build), pair("PROCESSING", "PROCESSING"));
    assert_eq!(store.attribute("builds", &build, "processingState"), "PROCESSING");
    assert_eq!(store.attribute("builds", &build, "processingState"), "VALID");
    assert_eq!(
        states(&mut store, &build),
        pair("MISSING_EXPORT_COMPLIANCE", "MISSING_EXPORT_COMPLIANCE")
    );
}

/// FAILED and INVALID.
#[test]
fn a_build_fails_its_processing() {
    for outcome in ["FAILED", "INVALID"] {
        let mut store = store();
        store.state.release.pace.build = 1;
        store.state.release.build_outcome = outcome.to_owned();
        let build = upload(&mut store);
        assert_eq!(store.attribute("builds", &build, "processingState"), "PROCESSING");
        assert_eq!(store.attribute("builds", &build, "processingState"), outcome);
        assert_eq!(
            states(&mut store, &build),
            pair("PROCESSING_EXCEPTION", "PROCESSING_EXCEPTION")
        );
    }
}

/// Answered once; the states follow later.
#[test]
fn compliance_is_answered_once_and_takes_effect_later() {
    let mut store = store();
    store.state.release.pace.compliance = 2;
    let build = store.add_build("1.0", "1");
    store.answer_encryption(&build, false).is(200);
    assert_eq!(states(&mut store, &build).0, "MISSING_EXPORT_COMPLIANCE");
    store
        .answer_encryption(&build, false)
        .refused(409, "STATE_ERROR", "cannot be edited at this time");
    // The group of everyone has it by itself.
    assert_eq!(
        states(&mut store, &build),
        pair("IN_BETA_TESTING", "READY_FOR_BETA_SUBMISSION")
    );
}

/// Expiring can't be undone; EXPIRED.
#[test]
fn an_expired_build_stays_expired() {
    let mut store = store();
    let build = add_answered_build(&mut store);
    store.patch("builds", &build, json!({"expired": true})).is(200);
    assert_eq!(states(&mut store, &build), pair("EXPIRED", "EXPIRED"));
    store.patch("builds", &build, json!({"expired": false})).refused(
        409,
        "ENTITY_ERROR.ATTRIBUTE.INVALID",
        "can't be made available again",
    );
}

/// WAITING_FOR_REVIEW → IN_REVIEW → APPROVED, and what the build's states are meanwhile.
#[test]
fn a_build_goes_through_beta_review() {
    let mut store = store();
    let build = add_answered_build(&mut store);
    let friends = group(&mut store, "Friends");
    give(&mut store, &build, &friends).is(204);
    assert_eq!(states(&mut store, &build).1, "READY_FOR_BETA_SUBMISSION");
    submit(&mut store, &build).is(201);
    assert_eq!(states(&mut store, &build).1, "WAITING_FOR_BETA_REVIEW");
    for (state, expected) in [("IN_REVIEW", "IN_BETA_REVIEW"), ("APPROVED", "IN_BETA_TESTING")] {
        store.decide_beta(state);
        assert_eq!(states(&mut store, &build).1, expected);
    }
    let body = store.get(&format!("/v1/builds/{build}/betaAppReviewSubmission"));
    assert_eq!(body["data"]["attributes"]["betaReviewState"], "APPROVED");
}

/// BETA_APPROVED without a group, IN_BETA_TESTING once it has one.
#[test]
fn an_approved_build_is_in_testing_once_a_group_has_it() {
    let mut store = store();
    let build = add_answered_build(&mut store);
    submit(&mut store, &build).is(201);
    store.decide_beta("APPROVED");
    assert_eq!(states(&mut store, &build).1, "BETA_APPROVED");
    let friends = group(&mut store, "Friends");
    give(&mut store, &build, &friends).is(204);
    assert_eq!(states(&mut store, &build).1, "IN_BETA_TESTING");
}

/// BETA_REJECTED.
#[test]
fn a_build_is_rejected_by_beta_review() {
    let mut store = store();
    let build = add_answered_build(&mut store);
    submit(&mut store, &build).is(201);
    store.decide_beta("REJECTED");
    assert_eq!(states(&mut store, &build).1, "BETA_REJECTED");
}

/// An internal group needs no review.
#[test]
fn an_internal_group_tests_at_once() {
    let mut store = store();
    let build = add_answered_build(&mut store);
    let team = group(&mut store, "Team");
    give(&mut store, &build, &team).is(204);
    assert_eq!(
        states(&mut store, &build),
        pair("IN_BETA_TESTING", "READY_FOR_BETA_SUBMISSION")
    );
}

/// fastlane #6818: what was submitted is not submitted again, nor what is not answered.
#[test]
fn a_build_is_submitted_in_its_state_alone() {
    let mut store = store();
    let unanswered = store.add_build("1.0", "1");
    submit(&mut store, &unanswered).refused(422, "ENTITY_UNPROCESSABLE", "externally assignable");
    let mut store = self::store();
    let build = add_answered_build(&mut store);
    submit(&mut store, &build).is(201);
    assert_ne!(submit(&mut store, &build).0, 201);
}

/// convos-ios #931: one build per train.
#[test]
fn one_build_of_a_train_is_in_review() {
    let mut store = store();
    let first = add_answered_build(&mut store);
    submit(&mut store, &first).is(201);
    let second = add_answered_build(&mut store);
    submit(&mut store, &second).refused(
        422,
        "ENTITY_UNPROCESSABLE",
        "Another build in the same train is already in beta review",
    );
}

/// fastlane #28630, #16716: description, contact, and What to Test.
#[test]
fn beta_review_asks_for_texts_and_a_contact() {
    let mut store = store();
    let build = store.add_build("1.0", "1");
    store.answer_encryption(&build, false).is(200);
    submit(&mut store, &build).refused(422, "ENTITY_UNPROCESSABLE", "What to Test");
    let mut store = self::store();
    let build = add_answered_build(&mut store);
    let texts = store
        .ids(&format!("/v1/apps/{APP}/betaAppLocalizations"))
        .remove(0);
    store
        .patch("betaAppLocalizations", &texts, json!({"description": null}))
        .is(200);
    submit(&mut store, &build).refused(422, "ENTITY_UNPROCESSABLE", "Beta App Description is missing.");
    let mut store = self::store();
    let build = add_answered_build(&mut store);
    store
        .patch("betaAppReviewDetails", APP, json!({"contactPhone": Value::Null}))
        .is(200);
    submit(&mut store, &build).refused(409, "ENTITY_ERROR.ATTRIBUTE.REQUIRED", "'contactPhone'");
}

/// App-Store-Connect-CLI #1143: a group that gets every build takes none one by one, and has the new one already.
#[test]
fn a_group_with_all_builds_takes_none_one_by_one() {
    let mut store = store();
    let build = add_answered_build(&mut store);
    let everyone = group(&mut store, "Everyone");
    give(&mut store, &build, &everyone).refused(
        422,
        "ENTITY_UNPROCESSABLE",
        "Cannot add internal group to a build",
    );
    assert_eq!(store.ids(&format!("/v1/betaGroups/{everyone}/builds")), [build]);
}

/// fastlane #17394: what is processed or expired is not given to groups; illusions #2169: the group's side does
/// not even know the former.
#[test]
fn a_build_that_can_not_be_tested_is_given_to_nobody() {
    let mut store = store();
    let build = add_answered_build(&mut store);
    let (team, friends) = (group(&mut store, "Team"), group(&mut store, "Friends"));
    store.state.builds[0].processing_state = "PROCESSING".to_owned();
    give(&mut store, &build, &friends).refused(422, "ENTITY_UNPROCESSABLE", "externally assignable");
    give(&mut store, &build, &team).refused(422, "ENTITY_UNPROCESSABLE", "internally assignable");
    let path = format!("/v1/betaGroups/{friends}/relationships/builds");
    assert_eq!(
        store.link("POST", &path, &[&format!("builds {build}")], true).0,
        404
    );
    store.state.builds[0].processing_state = "VALID".to_owned();
    store.patch("builds", &build, json!({"expired": true})).is(200);
    give(&mut store, &build, &friends).refused(422, "ENTITY_UNPROCESSABLE", "externally assignable");
}

/// Testers are told of a build unless they are told of every one.
#[test]
fn testers_are_notified_where_they_are_not_by_themselves() {
    let mut store = store();
    let build = add_answered_build(&mut store);
    let notify = |store: &mut Store| {
        store.post(
            "buildBetaNotifications",
            json!({}),
            &[&format!("build builds {build}")],
        )
    };
    notify(&mut store).is(201);
    store
        .patch("buildBetaDetails", &build, json!({"autoNotifyEnabled": true}))
        .is(200);
    notify(&mut store).refused(
        409,
        "STATE_ERROR.ENTITY_STATE_INVALID",
        "auto-notify already enabled",
    );
}

/// What to Test has 4000 bytes and no markup; a locale is there once.
#[test]
fn what_to_test_is_short_and_plain() {
    let mut store = store();
    let build = store.add_build("1.0", "1");
    let notes = store
        .ids(&format!("/v1/builds/{build}/betaBuildLocalizations"))
        .remove(0);
    let kind = "betaBuildLocalizations";
    // Two bytes each.
    store
        .patch(kind, &notes, json!({"whatsNew": "ä".repeat(2001)}))
        .refused(409, "ENTITY_ERROR.ATTRIBUTE.TOO_LONG", "4002 bytes");
    store.patch(kind, &notes, json!({"whatsNew": "<b>"})).refused(
        409,
        "ENTITY_ERROR.ATTRIBUTE.INVALID.INVALID_CHARACTERS",
        "<",
    );
    let parent = format!("build builds {build}");
    store.post(kind, json!({"locale": "en-US"}), &[&parent]).refused(
        409,
        "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE",
        "already exists",
    );
    store
        .post(kind, json!({"locale": "de-DE", "whatsNew": "Schau."}), &[&parent])
        .is(201);
}

/// Access to all builds is for internal groups; a public link has a limit.
#[test]
fn groups_have_their_limits() {
    let mut store = store();
    let parent = format!("app apps {APP}");
    assert_eq!(
        store
            .post(
                "betaGroups",
                json!({"name": "All", "hasAccessToAllBuilds": true}),
                &[&parent]
            )
            .0,
        409
    );
    let link = json!({"name": "Open", "publicLinkEnabled": true, "publicLinkLimitEnabled": true, "publicLinkLimit": 10001});
    assert_eq!(store.post("betaGroups", link, &[&parent]).0, 409);
}

/// The seed's builds are the newest last, as TestFlight has them.
#[test]
fn builds_of_the_seed_are_there() {
    let mut store = Store::of(SeedRelease {
        situation: Situation::None,
        builds: [("1.0", "1", Some(false)), ("1.1", "2", None)]
            .map(|(version, number, uses_encryption)| SeedBuild {
                version: version.to_owned(),
                number: number.to_owned(),
                uses_encryption,
            })
            .to_vec(),
        ..SeedRelease::default()
    });
    let body = store.get(&format!("/v1/builds?filter[app]={APP}&sort=-uploadedDate"));
    assert_eq!(body["data"][0]["attributes"]["version"], "2");
    // Nobody has answered: the member is there, and is null (codemagic-cli-tools 0.70 fails without it).
    assert_eq!(
        body["data"][0]["attributes"].get("usesNonExemptEncryption"),
        Some(&Value::Null)
    );
    assert_eq!(body["data"][1]["attributes"]["usesNonExemptEncryption"], false);
}

/// Apple answers `null` for what has no value (`BetaGroup` of codemagic-cli-tools 0.70 wants every member); the sandbox does so
/// where it is told to, and for the fields that are asked for alone.
#[test]
fn what_has_no_value_is_null_where_the_seed_says_so() {
    let release = SeedRelease {
        groups: vec![SeedGroup {
            name: "Friends".to_owned(),
            ..SeedGroup::default()
        }],
        ..SeedRelease::default()
    };
    for answers_null in [false, true] {
        let mut store = Store::seeded(release.clone(), |seed| seed.answers_null = answers_null);
        let path = format!("/v1/apps/{APP}/betaGroups");
        let body = store.get(&path);
        let group = &body["data"][0]["attributes"];
        assert_eq!(group["name"], "Friends");
        let limit = answers_null.then_some(&Value::Null);
        assert_eq!(group.get("publicLinkLimit"), limit, "{body}");
        let body = store.get(&format!("{path}?fields[betaGroups]=name,publicLink"));
        let names = body["data"][0]["attributes"].as_object().unwrap().len();
        assert_eq!(names, 1 + usize::from(answers_null), "{body}");
    }
}
