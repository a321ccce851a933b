//! Whatever the portal looks like: after a plan was carried out, planning again finds nothing to do.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

mod common;

use apple_types::PortalPlatform;
use common::*;
use proptest::prelude::*;
use provisioning::{
    Action, Assignable, BundleId, DesiredProfile, Details, Device, DeviceClass, Distribution,
    EnabledCapability, Platform, PortalAccess, PortalProfile, ProfileType, ResourceId, Snapshot, Target,
    TestDevice, desired_profiles, plan,
};
use time::Duration;

/// Carries the actions out on a model of the portal.
fn carry_out(portal: &mut Snapshot, wanted: &[DesiredProfile], actions: &[Action]) {
    let mut stages: Vec<&Action> = actions.iter().collect();
    stages.sort_by_key(|action| action.stage());
    for action in stages {
        match action {
            Action::RegisterDevice { name, udid, platform } => portal.devices.push(Device {
                id: id(format!("new-{udid}")),
                name: name.clone(),
                udid: udid.clone(),
                class: if *platform == PortalPlatform::MacOs {
                    DeviceClass::Mac
                } else {
                    DeviceClass::Iphone
                },
                enabled: true,
                processing: false,
                added_at: None,
            }),
            Action::CreateBundleId { identifier, .. } => portal.bundle_ids.push(BundleId {
                id: Some(id(format!("new-{identifier}"))),
                identifier: identifier.clone(),
                capabilities: Vec::new(),
                profiles: Vec::new(),
                assigned: None,
            }),
            Action::EnableCapability {
                bundle_id,
                capability,
            } => {
                let own = portal
                    .bundle_ids
                    .iter_mut()
                    .find(|known| known.identifier == *bundle_id)
                    .unwrap();
                // Apple's answer to a bundle ID that changes: its profiles are invalid.
                own.profiles.iter_mut().for_each(|profile| profile.active = false);
                own.capabilities.push(EnabledCapability {
                    id: id(format!("new-{}", capability.kind)),
                    capability: capability.clone(),
                });
            }
            Action::ChangeCapability {
                bundle_id,
                id,
                capability,
            } => {
                let own = portal
                    .bundle_ids
                    .iter_mut()
                    .find(|known| known.identifier == *bundle_id)
                    .unwrap();
                own.capabilities
                    .iter_mut()
                    .find(|known| known.id == *id)
                    .unwrap()
                    .capability = capability.clone();
            }
            Action::DeleteProfile { id, .. } => {
                portal
                    .bundle_ids
                    .iter_mut()
                    .for_each(|known| known.profiles.retain(|profile| profile.id.as_ref() != Some(id)));
            }
            Action::Assign {
                bundle_id,
                what,
                identifiers,
            } => {
                let own = portal
                    .bundle_ids
                    .iter_mut()
                    .find(|known| known.identifier == *bundle_id)
                    .unwrap();
                own.profiles.iter_mut().for_each(|profile| profile.active = false);
                let assigned = own.assigned.get_or_insert_default();
                match what {
                    Assignable::AppGroups => assigned.app_groups.clone_from(identifiers),
                    Assignable::CloudContainers => assigned.cloud_containers.clone_from(identifiers),
                }
            }
            Action::CreateProfile { desired, name, .. } => create(portal, &wanted[*desired], name),
            Action::RepairProfile {
                id, desired, name, ..
            } => {
                let own = portal
                    .bundle_ids
                    .iter_mut()
                    .find(|known| known.identifier == wanted[*desired].bundle_id)
                    .unwrap();
                assert!(own.profiles.iter().any(|profile| profile.id.as_ref() == Some(id)));
                own.profiles.retain(|profile| profile.id.as_ref() != Some(id));
                create(portal, &wanted[*desired], name);
            }
        }
    }
}

fn create(portal: &mut Snapshot, desired: &DesiredProfile, name: &str) {
    // The portal refuses a second profile of one name.
    let taken = portal
        .bundle_ids
        .iter()
        .flat_map(|known| &known.profiles)
        .any(|profile| profile.name == name);
    assert!(!taken, "there is a profile {name} already");
    let udids = portal
        .devices
        .iter()
        .filter(|device| {
            device.enabled
                && desired.distribution.lists_devices()
                && desired.profile_type.takes_device(device.class)
        })
        .map(|device| device.udid.clone())
        .collect();
    let made = PortalProfile {
        id: Some(id(format!("new-{name}"))),
        name: name.to_owned(),
        profile_type: Some(desired.profile_type),
        active: true,
        content: Vec::new(),
        details: Some(Details {
            uuid: format!("uuid-{name}"),
            bundle_id: desired.bundle_id.clone(),
            serials: desired
                .certificates
                .iter()
                .map(|certificate| certificate.serial.clone())
                .collect(),
            udids,
            entitlements: desired.entitlements.clone(),
            created_at: NOW,
            expires_at: desired
                .certificates
                .iter()
                .map(|certificate| certificate.not_after)
                .fold(NOW + Duration::days(365), std::cmp::min),
            first_certificate_ends: None,
            xcode_managed: false,
        }),
    };
    let own = portal
        .bundle_ids
        .iter_mut()
        .find(|known| known.identifier == desired.bundle_id);
    own.expect("its bundle ID is there").profiles.push(made);
}

const ENTITLEMENTS: [&str; 7] = [
    "com.apple.security.application-groups",
    "aps-environment",
    "com.apple.developer.siri",
    "com.apple.developer.healthkit",
    "com.apple.developer.associated-domains",
    "com.apple.developer.from-next-year",
    "keychain-access-groups",
];

prop_compose! {
    fn some_target()(suffix in 0..4_usize, chosen in prop::collection::vec(0..ENTITLEMENTS.len(), 0..4), ui_test in prop::bool::weighted(0.2)) -> Target {
        let names = [APP, "com.example.app.share", "com.example.app.widget", "com.example.other"];
        let value = |key: &str| if key.ends_with("-groups") { plist::Value::Array(vec!["group.com.example".into(), "$(TEAM)x".into()]) } else { true.into() };
        let entitlements: Vec<(&str, plist::Value)> = chosen.iter().map(|index| (ENTITLEMENTS[*index], value(ENTITLEMENTS[*index]))).collect();
        let mut target = target(names[suffix], Platform::Ios, &entitlements);
        target.ui_test = ui_test && suffix == 3;
        target
    }
}

prop_compose! {
    fn some_profile()(name in 0..5_usize, kind in 0..4_usize, active: bool, readable in prop::bool::weighted(0.9), days in -30..400_i64, serial in 0..3_usize, with_phone: bool, managed in prop::bool::weighted(0.1), id in 0..1000_u32) -> PortalProfile {
        let kinds = [
            (ProfileType::IosAppDevelopment, Distribution::Development),
            (ProfileType::IosAppStore, Distribution::AppStore),
            (ProfileType::IosAppAdhoc, Distribution::AdHoc),
            (ProfileType::TvosAppDevelopment, Distribution::Development),
        ];
        let (kind, distribution) = kinds[kind];
        let mut made = profile(APP, kind, distribution, ["D1", "P1", "OTHER"][serial]);
        made.id = ResourceId::new(format!("profile-{id}"));
        let names = [
            made.name.clone(),
            "Bitrise ios development - (com.example.app)".to_owned(),
            "By hand".to_owned(),
            "Bitrise iOS development - (com.example.app)".to_owned(),
            "Bitrise iOS app-store - (com.example.app.share)".to_owned(),
        ];
        made.name = names[name].clone();
        made.active = active;
        let details = made.details.as_mut().unwrap();
        details.expires_at = NOW + Duration::days(days);
        details.xcode_managed = managed;
        if managed {
            // Xcode has names of its own.
            made.name = format!("iOS Team Provisioning Profile: {APP}");
        }
        if !with_phone {
            details.udids.clear();
        }
        if !readable {
            made.details = None;
        }
        made
    }
}

prop_compose! {
    fn some_case()(
        targets in prop::collection::vec(some_target(), 1..4),
        profiles in prop::collection::vec(some_profile(), 0..5),
        known in 0..3_usize,
        capabilities in prop::collection::vec(prop::sample::select(vec!["SIRIKIT", "PUSH_NOTIFICATIONS", "GAME_CENTER"]), 0..3),
        devices in prop::collection::vec((prop::sample::select(vec![DeviceClass::Iphone, DeviceClass::Ipad, DeviceClass::Mac, DeviceClass::AppleTv]), any::<bool>()), 0..4),
        distribution in prop::sample::select(vec![Distribution::Development, Distribution::AppStore, Distribution::AdHoc]),
        test_devices in 0..3_usize,
        min_profile_days_valid in 0..400_i64,
        by_session: bool,
    ) -> Case {
        let mut case = Case::default();
        let mut seen = std::collections::BTreeSet::new();
        case.targets = targets.into_iter().filter(|target| seen.insert(target.bundle_id.clone())).collect();
        case.policy.distribution = distribution;
        case.policy.access = if by_session { PortalAccess::Session } else { PortalAccess::ApiKey };
        case.policy.min_profile_days_valid = min_profile_days_valid;
        case.policy.test_devices = (0..test_devices).map(|number| TestDevice { udid: format!("00008120-001122334455667{number}").parse().unwrap(), name: format!("Test {number}") }).collect();
        case.portal.devices.extend(devices.into_iter().enumerate().map(|(number, (class, enabled))| device(&format!("d{number}"), &format!("UDID{number}"), class, enabled)));
        // Names are unique on the portal, and so are IDs.
        let (mut names, mut ids) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        let profiles = profiles.into_iter().filter(|profile| names.insert(profile.name.clone()) && ids.insert(profile.id.clone())).collect();
        let mut unique = capabilities;
        unique.sort_unstable();
        unique.dedup();
        case.portal.bundle_ids = match known {
            0 => Vec::new(),
            1 => vec![bundle_id(APP, &unique, profiles)],
            _ => vec![bundle_id(APP, &unique, profiles), bundle_id("com.example.app.share", &[], Vec::new())],
        };
        case
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 600,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_carried_out_plan_leaves_nothing_to_do(mut case in some_case()) {
        let wanted = desired_profiles(&case.targets, &case.policy, &case.certificates).unwrap();
        let first = plan(&wanted, &case.portal, &case.policy, NOW).unwrap();
        carry_out(&mut case.portal, &wanted, &first.actions);
        let again = plan(&wanted, &case.portal, &case.policy, NOW).unwrap();
        prop_assert_eq!(again.actions, Vec::<Action>::new(), "after {:?}", first.actions);
        prop_assert_eq!(again.up_to_date.len(), wanted.len());
    }
}
