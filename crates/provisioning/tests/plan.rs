//! Provisioning cases in some detail: what is on the portal, what is wanted, and what the plan says.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

mod common;

use std::collections::BTreeSet;

use common::*;
use plist::Value;
use provisioning::capability::Capability;
use provisioning::{DeviceClass, Distribution, EnabledCapability, Platform, ProfileType, TestDevice};
use time::Duration;

#[test]
fn a_fitting_profile_is_left_alone() {
    Case::default().assert_nothing_to_do();
}

#[test]
fn an_empty_portal_gets_a_bundle_id_and_a_profile() {
    let mut case = Case::default();
    case.portal.bundle_ids.clear();
    assert_eq!(
        case.actions(),
        [
            "create the App ID com.example.app",
            "create the profile Bitrise iOS development - (com.example.app)"
        ]
    );
}

#[test]
fn a_misfit_is_made_anew_and_the_reason_is_said() {
    let change = |edit: fn(&mut Case), words: &str| {
        let mut case = Case::default();
        edit(&mut case);
        case.assert_remade(words);
    };
    change(
        |case| case.portal.bundle_ids[0].profiles[0].active = false,
        "invalid",
    );
    change(
        |case| case.portal.bundle_ids[0].profiles[0].details = None,
        "can't be read",
    );
    change(
        |case| case.details().expires_at = NOW - Duration::days(3),
        "expired",
    );
    change(
        |case| case.details().serials = vec!["OTHER".to_owned()],
        "the certificate Apple Development: Jane",
    );
    change(|case| case.details().udids.clear(), "the device phone");
    change(
        |case| {
            case.policy.min_profile_days_valid = 30;
            case.details().expires_at = NOW + Duration::days(10);
        },
        "less than 30 days",
    );
}

#[test]
fn a_profile_that_ends_with_its_certificate_is_not_made_anew_in_vain() {
    let mut case = Case::default();
    case.policy.min_profile_days_valid = 360;
    case.assert_nothing_to_do();
    assert!(
        case.plan().unwrap().warnings[0]
            .to_string()
            .contains("because its certificate does")
    );
}

#[test]
fn one_missing_capability_is_one_call() {
    let mut case = Case::default();
    case.targets[0]
        .entitlements
        .insert("aps-environment".to_owned(), "development".into());
    case.targets[0]
        .entitlements
        .insert("com.apple.developer.siri".to_owned(), true.into());
    case.portal.bundle_ids[0] = bundle_id(APP, &["SIRIKIT"], vec![development_profile()]);
    assert_eq!(
        case.actions(),
        [
            "enable PUSH_NOTIFICATIONS for com.example.app",
            "delete the profile Bitrise iOS development - (com.example.app)",
            "create the profile Bitrise iOS development - (com.example.app)",
        ]
    );
}

#[test]
fn a_setting_that_differs_is_changed_and_capabilities_enabled_by_hand_stay() {
    let mut case = Case::default();
    let level = "com.apple.developer.default-data-protection".to_owned();
    case.targets[0]
        .entitlements
        .insert(level, "NSFileProtectionComplete".into());
    case.portal.bundle_ids[0] = bundle_id(APP, &["DATA_PROTECTION", "HEALTHKIT"], Vec::new());
    assert_eq!(
        case.actions()[0],
        "change the settings of DATA_PROTECTION for com.example.app"
    );
    assert_eq!(case.actions().len(), 2);
}

#[test]
fn a_missing_icloud_container_is_not_chased_in_every_build() {
    let mut case = Case::default();
    let containers = Value::Array(vec!["iCloud.com.example".into()]);
    case.targets[0].entitlements.insert(
        "com.apple.developer.icloud-services".to_owned(),
        Value::Array(vec!["CloudKit".into()]),
    );
    case.targets[0].entitlements.insert(
        "com.apple.developer.icloud-container-identifiers".to_owned(),
        containers,
    );
    case.portal.bundle_ids[0].capabilities = vec![EnabledCapability {
        id: id("c"),
        capability: Capability {
            kind: "ICLOUD".to_owned(),
            settings: vec![("ICLOUD_VERSION".to_owned(), vec!["XCODE_6".to_owned()])],
        },
    }];
    case.details()
        .entitlements
        .insert("com.apple.developer.icloud-services".to_owned(), "*".into());
    case.assert_remade("iCloud.com.example");
    case.details().created_at = NOW - Duration::hours(1);
    case.assert_nothing_to_do();
    assert!(
        case.plan().unwrap().warnings[0]
            .to_string()
            .contains("iCloud.com.example")
    );
}

#[test]
fn the_sister_steps_profile_is_used_and_never_doubled() {
    let mut case = Case::default();
    for name in [
        "Bitrise ios development - (com.example.app)",
        "Bitrise development - (com.example.app)",
    ] {
        case.portal.bundle_ids[0].profiles[0].name = name.to_owned();
        case.assert_nothing_to_do();
    }
    case.details().udids.clear();
    case.assert_remade("the device phone");
}

#[test]
fn profiles_of_others_are_left_alone() {
    let mut case = Case::default();
    let mut managed = development_profile();
    managed.details.as_mut().unwrap().xcode_managed = true;
    let mut own = development_profile();
    own.name = "Made by hand".to_owned();
    case.portal.bundle_ids[0].profiles = vec![managed, own];
    assert_eq!(
        case.actions(),
        ["create the profile Bitrise iOS development - (com.example.app)"]
    );
}

#[test]
fn a_profile_of_another_type_that_holds_the_name_makes_way() {
    let mut case = Case::default();
    case.portal.bundle_ids[0].profiles[0].profile_type = Some(ProfileType::IosAppAdhoc);
    case.assert_remade("its type is not IOS_APP_DEVELOPMENT");
}

#[test]
fn missing_test_devices_are_registered_and_bad_udids_named() {
    let mut case = Case::default();
    let own = |name: &str, udid: &str| TestDevice {
        udid: udid.parse().unwrap(),
        name: name.to_owned(),
    };
    case.policy.test_devices = vec![
        own("Jane", "00008101000a1b2c3d4e001e"),
        own("Joe", "00008120-0011223344556677"),
        own("Joe again", "00008120-0011223344556677"),
        own("Typo", "not a udid"),
    ];
    case.assert_remade("being registered");
    assert_eq!(case.actions()[0], "register the device 00008120-0011223344556677");
    assert_eq!(case.actions().len(), 3);
    assert!(case.plan().unwrap().warnings[0].to_string().contains("Typo"));
}

#[test]
fn disabled_devices_and_other_platforms_do_not_belong_into_a_profile() {
    let mut case = Case::default();
    case.portal
        .devices
        .push(device("old", "0000-OLD", DeviceClass::Iphone, false));
    case.portal
        .devices
        .push(device("mac", "0000-MAC", DeviceClass::Mac, true));
    case.assert_nothing_to_do();
}

#[test]
fn store_profiles_list_no_devices_and_development_comes_along() {
    let mut case = Case::default();
    case.policy.distribution = Distribution::AppStore;
    case.portal.bundle_ids.clear();
    let created: BTreeSet<String> = case
        .actions()
        .into_iter()
        .filter(|action| action.starts_with("create the profile"))
        .collect();
    assert_eq!(created.len(), 2);
    case.certificates = vec![distribution()];
    case.portal.devices.clear();
    assert_eq!(case.actions().len(), 2);
}

#[test]
fn what_only_a_person_can_do_stops_the_plan() {
    let blocked = |edit: fn(&mut Case)| {
        let mut case = Case::default();
        edit(&mut case);
        case.plan().err().map(|error| error.to_string())
    };
    for (edit, words) in [
        (
            (|case| case.certificates.clear()) as fn(&mut Case),
            "no valid Apple Development",
        ),
        (|case| case.portal.certificates.clear(), "does not list"),
        (|case| case.portal.devices.clear(), "no device is registered"),
        (
            |case| case.portal.bundle_ids[0].identifier = "com.example.APP".parse().unwrap(),
            "differ only in case",
        ),
        (
            |case| case.policy.distribution = Distribution::DeveloperId,
            "Developer ID",
        ),
        (
            |case| {
                let parent = (
                    "com.apple.developer.parent-application-identifiers",
                    Value::Array(vec!["x".into()]),
                );
                case.targets = vec![target("com.example.app.Clip", Platform::Ios, &[parent])];
            },
            "App Clip",
        ),
    ] {
        let message = blocked(edit).unwrap();
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn ui_tests_get_a_wildcard_profile() {
    let mut case = Case::default();
    let mut test = target(
        "com.example.UITests",
        Platform::Ios,
        &[("aps-environment", "development".into())],
    );
    test.ui_test = true;
    case.targets.push(test);
    assert_eq!(
        case.actions(),
        [
            "create the App ID com.example.*",
            "create the profile Wildcard Bitrise iOS development - (com.example)"
        ]
    );
}

#[test]
fn every_platform_gets_its_own_profile_type() {
    for (platform, name) in [
        (Platform::Tvos, "Bitrise tvOS app-store - (com.example.tv)"),
        (Platform::Watchos, "Bitrise iOS app-store - (com.example.tv)"),
        (Platform::Visionos, "Bitrise iOS app-store - (com.example.tv)"),
        (Platform::Macos, "Bitrise macOS app-store - (com.example.tv)"),
        (
            Platform::MacCatalyst,
            "Bitrise macCatalyst app-store - (com.example.tv)",
        ),
    ] {
        let mut case = Case {
            targets: vec![target("com.example.tv", platform, &[])],
            ..Case::default()
        };
        case.policy.distribution = Distribution::AppStore;
        case.certificates = vec![distribution()];
        assert_eq!(case.actions()[1], format!("create the profile {name}"));
    }
}
