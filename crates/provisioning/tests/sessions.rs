//! What differs where the portal is reached by an Apple ID's session.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

mod common;

use common::*;
use plist::Value;
use provisioning::capability::Capability;
use provisioning::{
    Action, Assignable, Assigned, BundleIdentifier, CertificateChoice, DeviceClass, Distribution, Platform,
    PortalAccess, ProfileType, Warning,
};
use time::Duration;

fn case() -> Case {
    let mut case = Case::default();
    case.policy.access = PortalAccess::Session;
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
    assert_eq!(id.as_str(), "com.example.app-development");
    assert!(reason.contains("it expired on"), "{reason}");
}

#[test]
fn one_profile_is_repaired_and_its_twin_of_the_sister_step_is_deleted() {
    let mut case = case();
    let mut twin = development_profile();
    twin.id = Some(id("twin"));
    twin.name = "Bitrise ios development - (com.example.app)".to_owned();
    twin.active = false;
    case.portal.bundle_ids[0].profiles[0].active = false;
    case.portal.bundle_ids[0].profiles.push(twin);
    assert_eq!(
        case.actions(),
        [
            "delete the profile Bitrise ios development - (com.example.app)",
            "recreate the profile Bitrise iOS development - (com.example.app)",
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
fn an_identifier_with_a_variable_is_never_created_and_always_named() {
    for (key, identifier) in [
        ("com.apple.security.application-groups", "group.$(X)"),
        ("com.apple.security.application-groups", "group.${X}"),
        ("com.apple.security.application-groups", "group.$X"),
        ("com.apple.security.application-groups", "group.$[X].a"),
        ("com.apple.security.application-groups", "$(GROUP)"),
        ("com.apple.developer.icloud-container-identifiers", "iCloud.$X"),
        (
            "com.apple.developer.icloud-container-identifiers",
            "iCloud.${CFBundleIdentifier}",
        ),
    ] {
        let mut case = case();
        let known = if key.ends_with("groups") {
            "group.known"
        } else {
            "iCloud.known"
        };
        let services = ("com.apple.developer.icloud-services", list(&["CloudKit"]));
        let claimed = [(key, list(&[identifier, known])), services];
        case.targets = vec![target(APP, Platform::Ios, &claimed)];
        let plan = case.plan().unwrap();
        let assigned: Vec<&String> = plan
            .actions
            .iter()
            .filter_map(|action| match action {
                Action::Assign { identifiers, .. } => Some(identifiers),
                _ => None,
            })
            .flatten()
            .collect();
        assert_eq!(assigned, [known], "{identifier}");
        let warning = Warning::UnresolvedIdentifier {
            identifier: identifier.to_owned(),
            bundle_id: APP.parse().unwrap(),
        };
        assert!(
            plan.warnings.contains(&warning),
            "{identifier}: {:?}",
            plan.warnings
        );
        assert!(warning.to_string().contains(&format!("`{identifier}`")));
    }
    // A dollar sign that begins no name is no variable; the prefix of the team needs nothing.
    assert!(!provisioning::capability::has_variable("group.5$ $"));
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
    assert!(
        plan.manual_tasks.is_empty() && plan.warnings.is_empty(),
        "{plan:?}"
    );
    let assigned: Vec<&Action> = plan
        .actions
        .iter()
        .filter(|action| matches!(action, Action::Assign { .. }))
        .collect();
    let expected = Action::Assign {
        bundle_id: APP.parse().unwrap(),
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
    assert!(case.plan().unwrap().manual_tasks.is_empty());
    assert_eq!(
        case.actions(),
        [
            "create the App ID com.example.app",
            "enable ICLOUD for com.example.app",
            "assign the iCloud containers iCloud.app to com.example.app",
            "create the profile Bitrise iOS development - (com.example.app)",
        ]
    );
}

#[test]
fn capabilities_that_a_key_can_not_enable_are_enabled_by_session() {
    for (entitlement, kind) in [
        ("com.apple.developer.applesignin", "APPLE_ID_AUTH"),
        ("com.apple.developer.weatherkit", "WEATHERKIT"),
        ("com.apple.developer.journal.allow", "JOURNALING_SUGGESTIONS"),
        (
            "com.apple.developer.networking.slicing.appcategory",
            "NETWORK_SLICING",
        ),
        (
            "com.apple.developer.driverkit.family.serial",
            "DRIVERKIT_FAMILY_SERIAL_PUB",
        ),
    ] {
        let mut case = case();
        case.targets = vec![target(APP, Platform::Ios, &[(entitlement, true.into())])];
        assert_eq!(case.actions()[0], format!("enable {kind} for {APP}"));
        case.policy.access = PortalAccess::ApiKey;
        let by_key = case.actions().iter().any(|action| action.starts_with("enable"));
        assert_eq!(by_key, kind == "APPLE_ID_AUTH", "{kind}");
    }
}

#[test]
fn what_apple_grants_on_request_is_not_enabled_and_no_warning_is_given_in_advance() {
    let mut case = case();
    let carplay = ("com.apple.developer.carplay-audio", true.into());
    case.targets = vec![target(APP, Platform::Ios, &[carplay])];
    let plan = case.plan().unwrap();
    assert!(matches!(plan.actions.as_slice(), [Action::RepairProfile { .. }]));
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
}

#[test]
fn an_app_clip_is_created_after_its_app() {
    let mut case = case();
    let parent = (
        "com.apple.developer.parent-application-identifiers",
        list(&["$(AppIdentifierPrefix)com.example.app"]),
    );
    case.targets
        .push(target("com.example.app.Clip", Platform::Ios, &[parent]));
    case.portal.bundle_ids.clear();
    let plan = case.plan().unwrap();
    let created: Vec<(usize, &str, Option<&str>)> = plan
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::CreateBundleId {
                identifier, parent, ..
            } => Some((
                action.stage(),
                identifier.as_str(),
                parent.as_ref().map(BundleIdentifier::as_str),
            )),
            _ => None,
        })
        .collect();
    assert_eq!(created, [(0, APP, None), (1, "com.example.app.Clip", Some(APP))]);
}

#[test]
fn an_app_clip_without_a_parent_in_its_entitlements_belongs_to_the_app_that_contains_it() {
    let mut case = case();
    let mut clip = target("com.example.app.Clip", Platform::Ios, &[]);
    clip.clip_of = Some(APP.parse().unwrap());
    case.targets.push(clip);
    case.portal.bundle_ids.clear();
    let actions = case.plan().unwrap().actions;
    let is_clip = |action: &Action| matches!(action, Action::CreateBundleId { parent: Some(parent), .. } if *parent == APP);
    assert_eq!(
        actions.iter().filter(|action| is_clip(action)).count(),
        1,
        "{actions:?}"
    );
    // The scheme builds the App Clip alone, and nobody says to which app it belongs.
    let on_demand = (
        "com.apple.developer.on-demand-install-capable",
        Value::Boolean(true),
    );
    case.targets = vec![target("com.example.app.Clip", Platform::Ios, &[on_demand])];
    let error = case.plan().unwrap_err().to_string();
    assert!(error.contains("name no app that it belongs to"), "{error}");
}

#[test]
fn catalyst_and_in_house_macs_are_signed_by_session() {
    for (platform, distribution, kind) in [
        (
            Platform::MacCatalyst,
            Distribution::Development,
            ProfileType::MacCatalystAppDevelopment,
        ),
        (
            Platform::Macos,
            Distribution::Enterprise,
            ProfileType::MacAppInhouse,
        ),
    ] {
        let mut case = case();
        case.targets = vec![target(APP, platform, &[])];
        case.policy.distribution = distribution;
        case.portal.devices = vec![device("mac", "MAC", DeviceClass::Mac, true)];
        let plan = case.plan().unwrap();
        assert!(
            plan.desired_profiles
                .iter()
                .any(|desired| desired.profile_type == kind),
            "{kind}"
        );
    }
}

#[test]
fn one_certificate_is_chosen_by_name_after_the_portal_said_which_it_knows() {
    let mut case = case();
    case.certificates = vec![
        certificate("iPhone Developer: Grace", "G1"),
        certificate("Apple Development: Jane", "D9"),
        development(),
    ];
    case.policy.certificates = CertificateChoice::One { named: None };
    // G1 and D9 are not on the portal.
    let plan = case.plan().unwrap();
    assert_eq!(plan.desired_profiles[0].certificates[0].serial, "D1");
    assert_eq!(plan.warnings.len(), 2, "{:?}", plan.warnings);
    case.portal.certificates.push(provisioning::PortalCertificate {
        id: id("id-G1"),
        serial: "G1".to_owned(),
    });
    let chosen = |case: &Case| {
        case.plan().unwrap().desired_profiles[0].certificates[0]
            .serial
            .clone()
    };
    assert_eq!(chosen(&case), "G1");
    case.policy.certificates = CertificateChoice::One {
        named: Some("apple development".to_owned()),
    };
    assert_eq!(chosen(&case), "D1");
}
