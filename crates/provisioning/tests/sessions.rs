//! What differs where the portal is reached by an Apple ID's session.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

mod common;

use common::*;
use plist::Value;
use provisioning::capability::Capability;
use provisioning::{Action, Assignable, Assigned, Blocked, Distribution, Platform, ProfileType, Way};
use time::Duration;

fn case() -> Case {
    let mut case = Case::default();
    case.policy.way = Way::Session;
    case
}

fn list(items: &[&str]) -> Value {
    Value::Array(items.iter().map(|item| (*item).into()).collect())
}

#[test]
fn a_profile_that_does_not_fit_is_repaired_in_its_place() {
    let mut case = case();
    case.details().expires_at = NOW - Duration::DAY;
    let plan = case.plan().unwrap();
    let [Action::RepairProfile { id, reason, .. }] = plan.actions.as_slice() else {
        panic!("{:?}", plan.actions);
    };
    assert_eq!(id, "com.example.app-development");
    assert!(reason.contains("it expired on"), "{reason}");
}

#[test]
fn one_profile_is_repaired_and_its_twin_of_the_sister_step_is_deleted() {
    let mut case = case();
    let mut twin = development_profile();
    twin.id = "twin".to_owned();
    twin.name = "Bitrise ios development - (com.example.app)".to_owned();
    twin.active = false;
    case.portal.bundle_ids[0].profiles[0].active = false;
    case.portal.bundle_ids[0].profiles.push(twin);
    assert_eq!(
        case.actions(),
        [
            "delete the profile Bitrise ios development - (com.example.app)",
            "repair the profile Bitrise iOS development - (com.example.app)",
        ]
    );
}

#[test]
fn a_profile_of_another_type_can_not_be_repaired() {
    let mut case = case();
    case.portal.bundle_ids[0].profiles[0].profile_type = Some(ProfileType::TvosAppDevelopment);
    assert_eq!(
        case.actions(),
        [
            "delete the profile Bitrise iOS development - (com.example.app)",
            "create the profile Bitrise iOS development - (com.example.app)",
        ]
    );
}

#[test]
fn groups_and_containers_are_assigned_and_those_that_are_there_are_kept() {
    let mut case = case();
    case.targets = vec![target(
        APP,
        Platform::Ios,
        &[
            (
                "com.apple.security.application-groups",
                list(&["group.new", "$(TeamIdentifierPrefix)shared"]),
            ),
            ("com.apple.developer.icloud-services", list(&["CloudKit"])),
            (
                "com.apple.developer.icloud-container-identifiers",
                list(&["iCloud.app"]),
            ),
        ],
    )];
    let own = &mut case.portal.bundle_ids[0];
    own.capabilities = bundle_id(APP, &["APP_GROUPS"], Vec::new()).capabilities;
    let mut icloud = own.capabilities[0].clone();
    icloud.capability = Capability {
        kind: "ICLOUD".to_owned(),
        settings: vec![("ICLOUD_VERSION".to_owned(), vec!["XCODE_6".to_owned()])],
    };
    own.capabilities.push(icloud);
    own.assigned = Some(Assigned {
        app_groups: vec!["group.old".to_owned()],
        cloud_containers: vec!["iCloud.app".to_owned()],
    });
    let plan = case.plan().unwrap();
    assert!(plan.unfinished.is_empty() && plan.warnings.is_empty(), "{plan:?}");
    let assigned: Vec<&Action> = plan
        .actions
        .iter()
        .filter(|action| matches!(action, Action::Assign { .. }))
        .collect();
    let expected = Action::Assign {
        bundle_id: APP.to_owned(),
        what: Assignable::AppGroups,
        identifiers: vec!["group.old".to_owned(), "group.new".to_owned()],
    };
    assert_eq!(assigned, [&expected]);
    assert!(matches!(plan.actions.last(), Some(Action::RepairProfile { .. })));
}

#[test]
fn a_new_bundle_id_with_a_container_is_finished_without_a_person() {
    let mut case = case();
    case.portal.bundle_ids.clear();
    case.targets = vec![target(
        APP,
        Platform::Ios,
        &[
            ("com.apple.developer.icloud-services", list(&["CloudKit"])),
            (
                "com.apple.developer.icloud-container-identifiers",
                list(&["iCloud.app"]),
            ),
        ],
    )];
    assert!(case.plan().unwrap().unfinished.is_empty());
    assert_eq!(
        case.actions(),
        [
            "create the bundle ID com.example.app",
            "enable ICLOUD for com.example.app",
            "assign the iCloud containers iCloud.app to com.example.app",
            "create the profile Bitrise iOS development - (com.example.app)",
        ]
    );
}

#[test]
fn what_the_services_have_no_name_for_is_left_to_a_person() {
    for (entitlement, words) in [
        (
            "com.apple.developer.applesignin",
            "can't be enabled through an Apple ID session",
        ),
        (
            "com.apple.developer.carplay-audio",
            "is granted by Apple on request",
        ),
    ] {
        let mut case = case();
        case.targets = vec![target(APP, Platform::Ios, &[(entitlement, true.into())])];
        let plan = case.plan().unwrap();
        assert!(plan.actions.is_empty(), "{:?}", plan.actions);
        assert!(plan.warnings[0].contains(words), "{:?}", plan.warnings);
    }
}

#[test]
fn mac_catalyst_needs_an_api_key() {
    let mut case = case();
    case.targets = vec![target(APP, Platform::MacCatalyst, &[])];
    case.policy.distribution = Distribution::Development;
    let error = case.plan().unwrap_err();
    assert!(matches!(error, Blocked::NotBySession(_)), "{error}");
    assert!(error.advice().contains("API key"));
}
