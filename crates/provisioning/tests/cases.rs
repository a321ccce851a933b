//! Every provisioning case by name: one row each.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

mod common;

use common::*;
use plist::Value;
use provisioning::{Action, DeviceClass, Distribution as D, Platform as P, ProfileType, TestDevice};
use time::Duration;

/// What a case expects.
enum Comes {
    /// No change.
    Nothing,
    /// Exactly these changes, told up to their reason.
    Actions(&'static [&'static str]),
    /// The profile is deleted and made anew, for a reason with these words.
    Remade(&'static str),
    /// No change, and a warning with these words.
    Warned(&'static str),
    /// No plan, with these words.
    PlanError(&'static str),
    /// The profile that is created has this name and type.
    Creates(&'static str, ProfileType),
}

use Comes::{Actions, Creates, Nothing, PlanError, Remade, Warned};

type Row = (&'static str, fn(&mut Case), Comes);

fn on(case: &mut Case, platform: P, distribution: D) {
    case.targets = vec![target(APP, platform, &[])];
    case.policy.distribution = distribution;
    case.portal.bundle_ids.clear();
    if distribution != D::Development {
        case.certificates
            .retain(|certificate| !certificate.common_name.contains("Development"));
    }
    case.portal.devices = [
        ("phone", DeviceClass::Iphone),
        ("tv", DeviceClass::AppleTv),
        ("mac", DeviceClass::Mac),
    ]
    .map(|(name, class)| device(name, &format!("00008101-{name}"), class, true))
    .to_vec();
}

fn with(case: &mut Case, entitlement: &str, value: Value) {
    case.targets[0].entitlements.insert(entitlement.to_owned(), value);
}

/// Lets the profile that is there grant an entitlement.
fn granted(case: &mut Case, entitlement: &str, value: Value) {
    case.details().entitlements.insert(entitlement.to_owned(), value);
}

fn developer_id(case: &mut Case) {
    case.certificates
        .push(certificate("Developer ID Application: Example", "I1"));
    case.portal.certificates.push(provisioning::PortalCertificate {
        id: id("id-I1"),
        serial: "I1".to_owned(),
    });
}

const CREATE: &str = "create the App ID com.example.app";

/// A row about a capability: the entitlement, its value, and what is enabled.
macro_rules! enables {
    ($name:literal, $entitlement:literal, $value:expr, $kind:literal) => {
        (
            $name,
            |case: &mut Case| {
                case.portal.bundle_ids[0].profiles.clear();
                with(case, $entitlement, $value);
            },
            Actions(&[
                concat!("enable ", $kind, " for com.example.app"),
                "create the profile Bitrise iOS development - (com.example.app)",
            ]),
        )
    };
}

fn rows() -> Vec<Row> {
    vec![
        // --- everything in place, or nothing
        ("everything in place", |_| {}, Nothing),
        (
            "an empty portal",
            |case| case.portal.bundle_ids.clear(),
            Actions(&[
                CREATE,
                "create the profile Bitrise iOS development - (com.example.app)",
            ]),
        ),
        (
            "a bundle ID without a profile",
            |case| case.portal.bundle_ids[0].profiles.clear(),
            Actions(&["create the profile Bitrise iOS development - (com.example.app)"]),
        ),
        // --- platform by distribution
        (
            "iOS development",
            |case| on(case, P::Ios, D::Development),
            Creates(
                "Bitrise iOS development - (com.example.app)",
                ProfileType::IosAppDevelopment,
            ),
        ),
        (
            "iOS App Store",
            |case| on(case, P::Ios, D::AppStore),
            Creates(
                "Bitrise iOS app-store - (com.example.app)",
                ProfileType::IosAppStore,
            ),
        ),
        (
            "iOS ad hoc",
            |case| on(case, P::Ios, D::AdHoc),
            Creates("Bitrise iOS ad-hoc - (com.example.app)", ProfileType::IosAppAdhoc),
        ),
        (
            "iOS in-house",
            |case| on(case, P::Ios, D::Enterprise),
            Creates(
                "Bitrise iOS enterprise - (com.example.app)",
                ProfileType::IosAppInhouse,
            ),
        ),
        (
            "tvOS development",
            |case| on(case, P::Tvos, D::Development),
            Creates(
                "Bitrise tvOS development - (com.example.app)",
                ProfileType::TvosAppDevelopment,
            ),
        ),
        (
            "tvOS App Store",
            |case| on(case, P::Tvos, D::AppStore),
            Creates(
                "Bitrise tvOS app-store - (com.example.app)",
                ProfileType::TvosAppStore,
            ),
        ),
        (
            "tvOS ad hoc",
            |case| on(case, P::Tvos, D::AdHoc),
            Creates(
                "Bitrise tvOS ad-hoc - (com.example.app)",
                ProfileType::TvosAppAdhoc,
            ),
        ),
        (
            "tvOS in-house",
            |case| on(case, P::Tvos, D::Enterprise),
            Creates(
                "Bitrise tvOS enterprise - (com.example.app)",
                ProfileType::TvosAppInhouse,
            ),
        ),
        (
            "a watch app takes an iOS profile",
            |case| on(case, P::Watchos, D::AppStore),
            Creates(
                "Bitrise iOS app-store - (com.example.app)",
                ProfileType::IosAppStore,
            ),
        ),
        (
            "a stand-alone watch app in development",
            |case| on(case, P::Watchos, D::Development),
            Creates(
                "Bitrise iOS development - (com.example.app)",
                ProfileType::IosAppDevelopment,
            ),
        ),
        (
            "visionOS takes an iOS profile",
            |case| on(case, P::Visionos, D::AppStore),
            Creates(
                "Bitrise iOS app-store - (com.example.app)",
                ProfileType::IosAppStore,
            ),
        ),
        (
            "macOS development",
            |case| on(case, P::Macos, D::Development),
            Creates(
                "Bitrise macOS development - (com.example.app)",
                ProfileType::MacAppDevelopment,
            ),
        ),
        (
            "Mac App Store",
            |case| on(case, P::Macos, D::AppStore),
            Creates(
                "Bitrise macOS app-store - (com.example.app)",
                ProfileType::MacAppStore,
            ),
        ),
        (
            "macOS with a Developer ID",
            |case| {
                on(case, P::Macos, D::DeveloperId);
                developer_id(case);
            },
            Creates(
                "Bitrise macOS developer-id - (com.example.app)",
                ProfileType::MacAppDirect,
            ),
        ),
        (
            "Mac Catalyst development",
            |case| on(case, P::MacCatalyst, D::Development),
            Creates(
                "Bitrise macCatalyst development - (com.example.app)",
                ProfileType::MacCatalystAppDevelopment,
            ),
        ),
        (
            "Mac Catalyst App Store",
            |case| on(case, P::MacCatalyst, D::AppStore),
            Creates(
                "Bitrise macCatalyst app-store - (com.example.app)",
                ProfileType::MacCatalystAppStore,
            ),
        ),
        (
            "Mac Catalyst with a Developer ID",
            |case| {
                on(case, P::MacCatalyst, D::DeveloperId);
                developer_id(case);
            },
            Creates(
                "Bitrise macCatalyst developer-id - (com.example.app)",
                ProfileType::MacCatalystAppDirect,
            ),
        ),
        (
            "no Mac app in-house",
            |case| on(case, P::Macos, D::Enterprise),
            PlanError("no enterprise profiles"),
        ),
        (
            "no Mac app ad hoc",
            |case| on(case, P::Macos, D::AdHoc),
            PlanError("no ad-hoc profiles"),
        ),
        (
            "no iOS app with a Developer ID",
            |case| {
                on(case, P::Ios, D::DeveloperId);
                developer_id(case);
            },
            PlanError("no developer-id profiles"),
        ),
        // --- certificates
        (
            "no certificate at all",
            |case| case.certificates.clear(),
            PlanError("no valid Apple Development"),
        ),
        (
            "no distribution certificate",
            |case| {
                case.policy.distribution = D::AppStore;
                case.certificates = vec![development()];
            },
            PlanError("Distribution"),
        ),
        (
            "a certificate that the portal does not know",
            |case| case.portal.certificates.clear(),
            PlanError("does not list"),
        ),
        (
            "the profile has another certificate",
            |case| case.details().serials = vec!["OTHER".to_owned()],
            Remade("Apple Development: Jane"),
        ),
        (
            "a second certificate is wanted too",
            |case| {
                case.certificates
                    .push(certificate("Apple Development: Joe", "D2"));
                case.portal.certificates.push(provisioning::PortalCertificate {
                    id: id("id-D2"),
                    serial: "D2".to_owned(),
                });
            },
            Remade("Apple Development: Joe"),
        ),
        (
            "one certificate more in the profile does no harm",
            |case| case.details().serials.push("OTHER".to_owned()),
            Nothing,
        ),
        (
            "certificates of the old names",
            |case| {
                case.certificates = vec![
                    certificate("iPhone Developer: Jane", "D1"),
                    certificate("iPhone Distribution: Example", "P1"),
                ];
            },
            Nothing,
        ),
        // --- the profile's state and age
        (
            "an invalid profile",
            |case| case.portal.bundle_ids[0].profiles[0].active = false,
            Remade("invalid"),
        ),
        (
            "a profile whose file can't be read",
            |case| case.portal.bundle_ids[0].profiles[0].details = None,
            Remade("can't be read"),
        ),
        (
            "an expired profile",
            |case| case.details().expires_at = NOW - Duration::days(3),
            Remade("expired"),
        ),
        (
            "a profile that ends this second",
            |case| case.details().expires_at = NOW,
            Remade("expired"),
        ),
        (
            "a profile that ends tomorrow is good enough",
            |case| case.details().expires_at = NOW + Duration::days(1),
            Nothing,
        ),
        (
            "a profile that ends too soon",
            |case| {
                case.policy.min_profile_days_valid = 30;
                case.details().expires_at = NOW + Duration::days(10);
            },
            Remade("less than 30 days"),
        ),
        (
            "a profile that lasts as long as asked",
            |case| {
                case.policy.min_profile_days_valid = 30;
                case.details().expires_at = NOW + Duration::days(31);
            },
            Nothing,
        ),
        (
            "a profile that its certificate ends",
            |case| case.policy.min_profile_days_valid = 360,
            Warned("because its certificate does"),
        ),
        (
            "a profile with the name and another type",
            |case| case.portal.bundle_ids[0].profiles[0].profile_type = Some(ProfileType::IosAppAdhoc),
            Remade("its type is not"),
        ),
        (
            "the sister step's lower-case name",
            |case| {
                case.portal.bundle_ids[0].profiles[0].name =
                    "Bitrise ios development - (com.example.app)".to_owned();
            },
            Nothing,
        ),
        (
            "a profile that Xcode manages",
            |case| case.details().xcode_managed = true,
            Actions(&["create the profile Bitrise iOS development - (com.example.app)"]),
        ),
        (
            "a profile made by hand",
            |case| case.portal.bundle_ids[0].profiles[0].name = "By hand".to_owned(),
            Actions(&["create the profile Bitrise iOS development - (com.example.app)"]),
        ),
        (
            "a profile of another bundle ID that holds the name",
            |case| {
                let held = case.portal.bundle_ids[0].profiles.remove(0);
                case.portal
                    .bundle_ids
                    .push(bundle_id("com.example.other", &[], vec![held]));
            },
            Remade("com.example.other has a profile of that name"),
        ),
        (
            "two profiles of the name, the first expired",
            |case| {
                let mut old = development_profile();
                old.id = Some(id("old"));
                old.details.as_mut().unwrap().expires_at = NOW - Duration::days(3);
                case.portal.bundle_ids[0].profiles.insert(0, old);
            },
            Nothing,
        ),
        // --- devices
        (
            "a device is missing in the profile",
            |case| case.details().udids.clear(),
            Remade("the device phone"),
        ),
        (
            "a device that was added two days ago is missing in the profile",
            |case| {
                case.portal.devices[0].added_at = Some(NOW - Duration::days(2));
                case.details().udids.clear();
            },
            Remade("added 2 days ago"),
        ),
        (
            "a device more in the profile does no harm",
            |case| case.details().udids.push("gone".parse().unwrap()),
            Nothing,
        ),
        (
            "a disabled device does not belong into it",
            |case| {
                case.portal
                    .devices
                    .push(device("old", "OLD", DeviceClass::Iphone, false));
            },
            Nothing,
        ),
        (
            "a Mac does not belong into an iOS profile",
            |case| {
                case.portal
                    .devices
                    .push(device("mac", "MAC", DeviceClass::Mac, true));
            },
            Nothing,
        ),
        (
            "an Apple TV does not belong into an iOS profile",
            |case| {
                case.portal
                    .devices
                    .push(device("tv", "TV", DeviceClass::AppleTv, true));
            },
            Nothing,
        ),
        (
            "an iPad does",
            |case| {
                case.portal
                    .devices
                    .push(device("pad", "PAD", DeviceClass::Ipad, true));
            },
            Remade("the device pad"),
        ),
        (
            "a watch does",
            |case| {
                case.portal
                    .devices
                    .push(device("watch", "WATCH", DeviceClass::AppleWatch, true));
            },
            Remade("the device watch"),
        ),
        (
            "a UDID in another spelling is the same device",
            |case| case.portal.devices[0].udid = PHONE.replace('-', "").to_lowercase().parse().unwrap(),
            Nothing,
        ),
        (
            "no device for a development profile",
            |case| case.portal.devices.clear(),
            PlanError("no device is registered"),
        ),
        (
            "only Macs for an iOS profile",
            |case| case.portal.devices = vec![device("mac", "MAC", DeviceClass::Mac, true)],
            PlanError("no device is registered"),
        ),
        (
            "230 devices, all of them in the profile",
            |case| {
                case.portal.devices = (0..230)
                    .map(|number| {
                        device(
                            &format!("d{number}"),
                            &format!("UDID{number}"),
                            DeviceClass::Iphone,
                            true,
                        )
                    })
                    .collect();
                case.details().udids = (0..230)
                    .map(|number| format!("UDID{number}").parse().unwrap())
                    .collect();
            },
            Nothing,
        ),
        (
            "a test device is registered",
            |case| {
                case.policy.test_devices = vec![TestDevice {
                    udid: "00008120-0011223344556677".parse().unwrap(),
                    name: "Joe".to_owned(),
                }];
            },
            Remade("being registered"),
        ),
        (
            "a test device that is there",
            |case| {
                case.policy.test_devices = vec![TestDevice {
                    udid: PHONE.parse().unwrap(),
                    name: "Jane".to_owned(),
                }];
            },
            Nothing,
        ),
        (
            "a test device that Apple still looks at",
            |case| {
                case.portal.devices.push(device(
                    "new",
                    "00008120-0011223344556677",
                    DeviceClass::Iphone,
                    false,
                ));
                case.portal.devices[1].processing = true;
                case.policy.test_devices = vec![TestDevice {
                    udid: "00008120-0011223344556677".parse().unwrap(),
                    name: "Joe".to_owned(),
                }];
            },
            Warned("takes up to three days"),
        ),
        (
            "a test device without a proper UDID",
            |case| {
                case.policy.test_devices = vec![TestDevice {
                    udid: "x y".parse().unwrap(),
                    name: "Typo".to_owned(),
                }];
            },
            Warned("Typo"),
        ),
        (
            "a test device for the App Store is no concern of its profile",
            |case| {
                case.policy.distribution = D::AppStore;
                case.certificates = vec![distribution()];
                case.portal.devices.clear();
                case.portal.bundle_ids[0].profiles =
                    vec![profile(APP, ProfileType::IosAppStore, D::AppStore, "P1")];
            },
            Nothing,
        ),
        // --- bundle IDs
        (
            "a bundle ID that differs in case",
            |case| case.portal.bundle_ids[0].identifier = "com.example.APP".parse().unwrap(),
            PlanError("differ only in case"),
        ),
        (
            "a wildcard on the portal is not the app's",
            |case| case.portal.bundle_ids[0] = bundle_id("com.example.*", &[], Vec::new()),
            Actions(&[
                CREATE,
                "create the profile Bitrise iOS development - (com.example.app)",
            ]),
        ),
        (
            "an extension beside the app",
            |case| case.targets.push(target("com.example.app.share", P::Ios, &[])),
            Actions(&[
                "create the App ID com.example.app.share",
                "create the profile Bitrise iOS development - (com.example.app.share)",
            ]),
        ),
        (
            "two targets of one bundle ID",
            |case| case.targets.push(target(APP, P::Ios, &[])),
            Nothing,
        ),
        (
            "a UI test target",
            |case| {
                let mut test = target("com.example.UITests", P::Ios, &[]);
                test.ui_test = true;
                case.targets.push(test);
            },
            Actions(&[
                "create the App ID com.example.*",
                "create the profile Wildcard Bitrise iOS development - (com.example)",
            ]),
        ),
        // --- capabilities
        enables!(
            "push notifications",
            "aps-environment",
            "development".into(),
            "PUSH_NOTIFICATIONS"
        ),
        enables!(
            "push notifications on the Mac",
            "com.apple.developer.aps-environment",
            "development".into(),
            "PUSH_NOTIFICATIONS"
        ),
        enables!(
            "app groups",
            "com.apple.security.application-groups",
            Value::Array(vec!["group.x".into()]),
            "APP_GROUPS"
        ),
        enables!(
            "Apple Pay",
            "com.apple.developer.in-app-payments",
            Value::Array(vec!["merchant.x".into()]),
            "APPLE_PAY"
        ),
        enables!(
            "associated domains",
            "com.apple.developer.associated-domains",
            Value::Array(vec!["applinks:x".into()]),
            "ASSOCIATED_DOMAINS"
        ),
        enables!(
            "HealthKit",
            "com.apple.developer.healthkit",
            true.into(),
            "HEALTHKIT"
        ),
        enables!("HomeKit", "com.apple.developer.homekit", true.into(), "HOMEKIT"),
        enables!(
            "hotspot",
            "com.apple.developer.networking.HotspotConfiguration",
            true.into(),
            "HOT_SPOT"
        ),
        enables!(
            "multipath",
            "com.apple.developer.networking.multipath",
            true.into(),
            "MULTIPATH"
        ),
        enables!(
            "NFC",
            "com.apple.developer.nfc.readersession.formats",
            Value::Array(vec!["NDEF".into()]),
            "NFC_TAG_READING"
        ),
        enables!(
            "VPN",
            "com.apple.developer.networking.vpn.api",
            Value::Array(vec!["allow-vpn".into()]),
            "PERSONAL_VPN"
        ),
        enables!("SiriKit", "com.apple.developer.siri", true.into(), "SIRIKIT"),
        enables!(
            "Wallet",
            "com.apple.developer.pass-type-identifiers",
            Value::Array(vec!["$(TeamIdentifierPrefix)*".into()]),
            "WALLET"
        ),
        enables!(
            "Game Center",
            "com.apple.developer.game-center",
            true.into(),
            "GAME_CENTER"
        ),
        enables!(
            "ClassKit",
            "com.apple.developer.ClassKit-environment",
            "development".into(),
            "CLASSKIT"
        ),
        enables!(
            "user management",
            "com.apple.developer.user-management",
            Value::Array(vec!["get-current-user".into()]),
            "USER_MANAGEMENT"
        ),
        (
            "a capability that is enabled",
            |case| {
                with(case, "com.apple.developer.siri", true.into());
                case.portal.bundle_ids[0] = bundle_id(APP, &["SIRIKIT"], vec![development_profile()]);
                granted(case, "com.apple.developer.siri", true.into());
            },
            Nothing,
        ),
        (
            "a capability that is enabled, and a profile that lacks it",
            |case| {
                with(case, "com.apple.developer.siri", true.into());
                case.portal.bundle_ids[0] = bundle_id(APP, &["SIRIKIT"], vec![development_profile()]);
            },
            Remade("does not grant the entitlement `com.apple.developer.siri`"),
        ),
        (
            "a capability that was enabled by hand stays",
            |case| case.portal.bundle_ids[0] = bundle_id(APP, &["HEALTHKIT"], vec![development_profile()]),
            Nothing,
        ),
        (
            "an entitlement that says no asks for nothing",
            |case| with(case, "com.apple.developer.siri", false.into()),
            Nothing,
        ),
        (
            "an entitlement that needs nothing",
            |case| with(case, "keychain-access-groups", Value::Array(vec!["x".into()])),
            Nothing,
        ),
        (
            "an unknown entitlement",
            |case| with(case, "com.apple.developer.from-next-year", true.into()),
            Remade("com.apple.developer.from-next-year"),
        ),
        (
            "an unknown entitlement that the profile grants",
            |case| {
                with(case, "com.apple.developer.from-next-year", true.into());
                granted(case, "com.apple.developer.from-next-year", true.into());
            },
            Nothing,
        ),
        (
            "an entitlement that is not one of Apple's",
            |case| with(case, "org.example.own", true.into()),
            Warned("not known to be one of Apple's"),
        ),
        (
            "CarPlay that Apple has granted",
            |case| {
                with(case, "com.apple.developer.carplay-audio", true.into());
                granted(case, "com.apple.developer.carplay-audio", true.into());
            },
            Nothing,
        ),
        (
            "CarPlay that the profile was made before",
            |case| with(case, "com.apple.developer.carplay-audio", true.into()),
            Remade("com.apple.developer.carplay-audio"),
        ),
        (
            "an App Group that somebody must assign, in a young profile",
            |case| {
                with(
                    case,
                    "com.apple.security.application-groups",
                    Value::Array(vec!["group.x".into()]),
                );
                case.portal.bundle_ids[0] = bundle_id(APP, &["APP_GROUPS"], vec![development_profile()]);
                granted(
                    case,
                    "com.apple.security.application-groups",
                    Value::Array(vec![]),
                );
                case.details().created_at = NOW - Duration::hours(1);
            },
            Warned("does not grant the App Groups group.x"),
        ),
        // --- development beside the distribution
        (
            "no device for the development profile that comes along",
            |case| {
                case.policy.distribution = D::AppStore;
                case.portal.devices.clear();
                case.portal.bundle_ids[0].profiles =
                    vec![profile(APP, ProfileType::IosAppStore, D::AppStore, "P1")];
            },
            Warned("no device is registered"),
        ),
        (
            "no device for the UI tests of an App Store build",
            |case| {
                case.policy.distribution = D::AppStore;
                let mut test = target("com.example.UITests", P::Ios, &[]);
                test.ui_test = true;
                case.targets.push(test);
                case.portal.devices.clear();
            },
            PlanError("no device is registered"),
        ),
        // --- Macs of every kind
        (
            "three classes of Macs",
            |case| {
                on(case, P::Macos, D::Development);
                case.portal.devices = ["MAC", "APPLE_SILICON_MAC", "INTEL_MAC"]
                    .iter()
                    .map(|class| device(class, class, DeviceClass::from_apple(class), true))
                    .collect();
            },
            Creates(
                "Bitrise macOS development - (com.example.app)",
                ProfileType::MacAppDevelopment,
            ),
        ),
        // --- certificates of one name
        (
            "a newer certificate of the name that was revoked",
            |case| {
                let mut newer = certificate("Apple Development: Jane", "D9");
                newer.not_after = NOW + Duration::days(350);
                case.certificates.push(newer);
            },
            Warned("revoked or belongs to another team"),
        ),
        (
            "two certificates of the name that the portal knows",
            |case| {
                let mut newer = certificate("Apple Development: Jane", "D9");
                newer.not_after = NOW + Duration::days(350);
                case.certificates.insert(0, newer);
                case.portal.certificates.push(provisioning::PortalCertificate {
                    id: id("id-D9"),
                    serial: "D9".to_owned(),
                });
            },
            Remade("serial D9"),
        ),
    ]
}

fn told(case: &Case, comes: &Comes) -> Result<(), String> {
    let plan = case.plan();
    let fail = |what: &str| Err(format!("{what}: {plan:?}"));
    match (comes, &plan) {
        (PlanError(words), Err(error)) => {
            if error.to_string().contains(words) {
                Ok(())
            } else {
                fail(words)
            }
        }
        (_, Err(error)) => Err(format!("blocked: {error}")),
        (PlanError(_), Ok(_)) => fail("not blocked"),
        (Nothing, Ok(plan)) => {
            if plan.actions.is_empty() {
                Ok(())
            } else {
                fail("something to do")
            }
        }
        (Warned(words), Ok(plan)) => {
            let warned = plan
                .warnings
                .iter()
                .any(|warning| warning.to_string().contains(words));
            if warned && plan.actions.is_empty() {
                Ok(())
            } else {
                fail(words)
            }
        }
        (Actions(expected), Ok(_)) => {
            if case.actions() == *expected {
                Ok(())
            } else {
                fail("other actions")
            }
        }
        (Remade(words), Ok(plan)) => {
            let deletes = plan
                .actions
                .iter()
                .any(|action| matches!(action, Action::DeleteProfile { .. }));
            let creates = plan.actions.iter().any(
                |action| matches!(action, Action::CreateProfile { reason, .. } if reason.contains(words)),
            );
            if deletes && creates { Ok(()) } else { fail(words) }
        }
        (Creates(name, kind), Ok(plan)) => {
            let wanted = provisioning::desired_profiles(&case.targets, &case.policy, &case.certificates)
                .map_err(|error| error.to_string())?;
            let fits = plan.actions.iter().any(|action| {
                matches!(action, Action::CreateProfile { desired, name: own, .. } if own == name && wanted[*desired].profile_type == *kind)
            });
            if fits { Ok(()) } else { fail(name) }
        }
    }
}

/// Each row is a test of its own: `cargo test -p provisioning --test cases expired` runs those with that word.
fn main() -> std::process::ExitCode {
    let arguments = libtest_mimic::Arguments::from_args();
    let rows = rows();
    let names: std::collections::BTreeSet<&str> = rows.iter().map(|row| row.0).collect();
    assert_eq!(names.len(), rows.len(), "two rows have the same name");
    let trials = rows
        .into_iter()
        .map(|(name, edit, comes)| {
            libtest_mimic::Trial::test(name, move || {
                let mut case = Case::default();
                edit(&mut case);
                told(&case, &comes).map_err(Into::into)
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
