//! The provisioning steps through an Apple ID's session, against the sandbox's sign-in and Developer Portal.
#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use apple_sandbox::{
    Fault, Kind, Sandbox, Seed, SeedAppleId, SeedCertificate, SeedDevice, SeedProfile, State, Team,
};
use e2e::project::{self, Target};
use e2e::{Machine, Run, secrets};
use time::Duration;

const STEP: &str = "step-auto-provision-apple-id";
const ASC: &str = "step-auto-provision-asc";
const APP: &str = "com.example.made";

/// A sandbox to which only the Apple ID is connected.
fn seed(apple_id: SeedAppleId) -> Seed {
    let mut seed = Seed {
        apple_id,
        ..Seed::default()
    };
    for key in ["key_id", "issuer_id", "private_key"] {
        seed.connection.insert(key.to_owned(), apple_sandbox::Json::Null);
    }
    seed
}

fn usual() -> Seed {
    seed(SeedAppleId::default())
}

fn start(seed: &Seed) -> Sandbox {
    Sandbox::start(seed).unwrap()
}

/// A machine with a project of these targets, which meets the sandbox.
fn machine(sandbox: &Sandbox, targets: &[Target]) -> Machine {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    let folder = machine.path("made");
    std::fs::create_dir_all(&folder).unwrap();
    let path = project::write(&folder, targets).display().to_string();
    machine.set("project_path", &path).set("scheme", "App");
    machine
}

/// A run whose output and leftovers are searched for secrets, those included that came up while it ran.
fn checked(machine: &Machine, sandbox: &Sandbox, step: &str, inputs: &[(&str, &str)]) -> Run {
    let before = secrets(sandbox);
    let run = machine.run(step, inputs);
    let all = [before, secrets(sandbox)].concat();
    assert_eq!(machine.leftovers(&all), Vec::<PathBuf>::new());
    run.kept(&all)
}

fn run(sandbox: &Sandbox, inputs: &[(&str, &str)]) -> (Run, Machine) {
    let machine = machine(sandbox, &[Target::APP]);
    let run = checked(&machine, sandbox, STEP, inputs);
    (run, machine)
}

/// How often paths that begin so were asked for.
fn asked(sandbox: &Sandbox, start: &str) -> usize {
    let state = sandbox.state();
    state
        .requests
        .iter()
        .filter(|request| request.path.starts_with(start))
        .count()
}

fn made_file(machine: &Machine) -> String {
    std::fs::read_to_string(machine.path("made/Made.xcodeproj/project.pbxproj")).unwrap()
}

fn profile_types(state: &State) -> Vec<String> {
    let mut all: Vec<String> = state
        .profiles
        .iter()
        .map(|profile| profile.profile_type.clone())
        .collect();
    all.sort();
    all
}

#[test]
fn a_session_that_holds_needs_no_sign_in_and_a_second_run_writes_nothing() {
    let sandbox = start(&usual());
    let (first, machine) = run(&sandbox, &[("verbose_log", "yes")]);
    first.ended(0).said(&[
        "Apple ID ada@example.com, signed in with the connected session, session expires",
        "signed in with the connected session, session expires",
        "Team Example GmbH (SBXTEAM123, Company/Organization)",
        "see the Step auto-provision-asc",
        "not registered",
    ]);
    assert_eq!(asked(&sandbox, "/appleauth/"), 0);
    assert_eq!(machine.installed_profiles().len(), 1);
    assert!(made_file(&machine).contains("CODE_SIGN_IDENTITY = \"Apple Development: Ada Example"));
    let outputs = machine.outputs();
    assert_eq!(outputs["BITRISE_DEVELOPER_TEAM"], "SBXTEAM123");
    assert_eq!(outputs["BITRISE_EXPORT_METHOD"], "development");
    assert!(outputs["BITRISE_DEVELOPMENT_CODESIGN_IDENTITY"].starts_with("Apple Development: Ada Example"));
    let writes = sandbox.state().writes();
    assert_eq!(writes, 2, "the App ID and the profile");
    sandbox.state().requests.clear();
    let (second, _) = run(&sandbox, &[]);
    second.ended(0).said(&["no changes on the Developer Portal"]);
    assert_eq!(sandbox.state().writes(), 0);
    // Teams; certificates, devices, App IDs, profiles; the App ID's details and its capabilities, the profile's file.
    assert_eq!(asked(&sandbox, "/services-account/"), 8);
}

#[test]
fn an_ended_session_is_renewed_with_the_password_and_the_trusted_device() {
    for protocol in ["s2k", "s2k_fo"] {
        let sandbox = start(&seed(SeedAppleId {
            signed_in: false,
            protocol: protocol.to_owned(),
            ..SeedAppleId::default()
        }));
        let (run, _) = run(&sandbox, &[]);
        run.ended(0).said(&["signed in with the password"]);
        assert_eq!(asked(&sandbox, "/appleauth/auth/signin/complete"), 1);
    }
}

#[test]
fn a_session_that_has_ended_on_apples_side_is_noticed() {
    let sandbox = start(&usual());
    let machine = machine(&sandbox, &[Target::APP]);
    // What Bitrise hands out is not what the portal accepts.
    let document = sandbox_document(&sandbox);
    sandbox.state().apple_id.end_sessions();
    let run = checked(
        &machine,
        &sandbox,
        STEP,
        &[("BITRISE_PORTAL_DATA_JSON", &document)],
    );
    run.ended(0).said(&[
        "the portal does not accept the connected session any more",
        "signed in with the password",
    ]);
}

/// What Bitrise says about the connected account.
fn sandbox_document(sandbox: &Sandbox) -> String {
    let state = sandbox.state();
    let account = &state.apple_id;
    serde_json::json!({
        "apple_id": account.seed.name,
        "password": account.seed.password,
        "session_cookies": {"https://idmsa.apple.com": [
            {"name": "DES5a", "value": account.trust(), "domain": "idmsa.apple.com", "path": "/"},
            {"name": "myacinfo", "value": account.sessions()[0], "domain": "apple.com", "path": "/"},
        ]},
    })
    .to_string()
}

#[test]
fn accounts_without_a_second_factor_sign_in_by_password() {
    let sandbox = start(&seed(SeedAppleId {
        signed_in: false,
        trusted: false,
        second_factor: false,
        ..SeedAppleId::default()
    }));
    run(&sandbox, &[]).0.ended(0);
}

#[test]
fn refusals_of_the_sign_in_say_what_to_do_and_are_not_tried_again() {
    let signed_out = SeedAppleId {
        signed_in: false,
        ..SeedAppleId::default()
    };
    let untrusted = SeedAppleId {
        trusted: false,
        ..signed_out.clone()
    };
    let locked = SeedAppleId {
        locked: true,
        ..signed_out.clone()
    };
    let terms = SeedAppleId {
        required_steps: vec!["privacy_consent".to_owned()],
        ..signed_out.clone()
    };
    let without_password = SeedAppleId {
        password: String::new(),
        ..signed_out.clone()
    };
    for (apple_id, password, attempts, words) in [
        (
            untrusted,
            None,
            1,
            &[
                "a build can't enter one",
                "Re-authenticate",
                "has no valid cookie of a trusted device",
                "ada@example.com",
            ][..],
        ),
        (
            signed_out.clone(),
            Some("wrong"),
            1,
            &["does not accept the Apple ID and its password"],
        ),
        (
            signed_out,
            Some("abcd-efgh-ijkl-mnop"),
            0,
            &["app-specific", "works only for uploads"],
        ),
        (locked, None, 1, &["locked this account", "iforgot.apple.com"]),
        (terms, None, 1, &["privacy_consent", "account.apple.com"]),
        (
            without_password,
            None,
            0,
            &["has no password to sign in with", "Re-authenticate"],
        ),
    ] {
        let mut seed = seed(apple_id);
        if let Some(password) = password {
            seed.connection.insert("password".to_owned(), password.into());
        }
        let sandbox = start(&seed);
        let (run, machine) = run(&sandbox, &[]);
        let before = made_file(&machine);
        run.ended(1).said(words);
        assert_eq!(
            asked(&sandbox, "/appleauth/auth/signin/complete"),
            attempts,
            "{words:?}"
        );
        // Nobody's telephone rings: what pushes a code is never asked for.
        let state = sandbox.state();
        assert!(
            !state
                .requests
                .iter()
                .any(|request| request.path == "/appleauth/auth")
        );
        assert!(!before.contains("PROVISIONING_PROFILE"));
    }
}

#[test]
fn an_invitation_to_two_factor_authentication_is_answered_later() {
    let sandbox = start(&seed(SeedAppleId {
        signed_in: false,
        trusted: false,
        second_factor: false,
        on_app_store_connect: false,
        required_steps: vec!["hsa2_enrollment".to_owned()],
        ..SeedAppleId::default()
    }));
    let (run, _) = run(&sandbox, &[]);
    run.ended(0)
        .said(&["App Store Connect does not accept this session"]);
    assert_eq!(asked(&sandbox, "/account/security/upgrade/setuplater"), 1);
}

#[test]
fn a_session_that_ends_in_the_middle_is_renewed_once() {
    for requests in 1..6 {
        let sandbox = start(&usual());
        sandbox.state().apple_id.end_sessions_after(requests);
        let (run, _) = run(&sandbox, &[]);
        run.ended(0).said(&["signing in again"]);
        assert_eq!(
            asked(&sandbox, "/appleauth/auth/signin/complete"),
            1,
            "{requests}"
        );
        let state = sandbox.state();
        assert_eq!(
            (state.bundle_ids.len(), state.profiles.len()),
            (1, 1),
            "{requests}"
        );
    }
}

#[test]
fn the_end_of_the_connection_is_told_in_time() {
    for (days, status, words) in [
        (2, 0, &["session expires on", "Re-authenticate"][..]),
        (
            -1,
            1,
            &["session connected on Bitrise expired on", "Re-authenticate"],
        ),
    ] {
        let sandbox = start(&seed(SeedAppleId {
            ends_in_days: Some(days),
            ..SeedAppleId::default()
        }));
        run(&sandbox, &[]).0.ended(status).said(words);
    }
}

#[test]
fn without_an_apple_id_it_is_said_what_is_connected_instead() {
    let nothing = SeedAppleId {
        connected: false,
        ..SeedAppleId::default()
    };
    let sandbox = start(&seed(nothing.clone()));
    run(&sandbox, &[]).0.ended(1).said(&[
        "no Apple ID is connected",
        "Account settings > Apple Service connection",
    ]);
    let sandbox = start(&Seed {
        apple_id: nothing,
        ..Seed::default()
    });
    run(&sandbox, &[]).0.ended(1).said(&[
        "the Apple service connection of this app is an API key",
        "auto-provision-asc",
    ]);
}

#[test]
fn several_teams_are_listed_and_one_is_chosen_by_its_id() {
    let other = Team {
        id: "OTHERTEAM1".to_owned(),
        name: "Other Ltd".to_owned(),
        kind: "Individual".to_owned(),
    };
    let sandbox = start(&seed(SeedAppleId {
        other_teams: vec![other],
        ..SeedAppleId::default()
    }));
    run(&sandbox, &[]).0.ended(2).said(&[
        "team_id",
        "Example GmbH (SBXTEAM123, Company/Organization); Other Ltd (OTHERTEAM1, Individual)",
    ]);
    run(&sandbox, &[("team_id", "NOSUCHTEAM")]).0.ended(2).said(&[
        "not a member of the team `NOSUCHTEAM`",
        "Other Ltd (OTHERTEAM1, Individual)",
    ]);
    run(&sandbox, &[("team_id", "OTHERTEAM1")]).0.ended(1).said(&[
        "no valid uploaded certificate belongs to the team",
        "OTHERTEAM1",
        "SBXTEAM123",
    ]);
    run(&sandbox, &[("team_id", "SBXTEAM123")]).0.ended(0);
}

fn enterprise() -> Seed {
    let certificate = |name: &str, kind: &str| SeedCertificate {
        name: name.to_owned(),
        certificate_type: kind.to_owned(),
        days: 360,
        on_portal: true,
        ..SeedCertificate::default()
    };
    Seed {
        enterprise: true,
        certificates: vec![
            certificate("iPhone Developer: Ada Example", "IOS_DEVELOPMENT"),
            certificate("iPhone Distribution: Example GmbH", "IOS_DISTRIBUTION"),
        ],
        ..seed(SeedAppleId {
            on_app_store_connect: false,
            ..SeedAppleId::default()
        })
    }
}

#[test]
fn a_team_of_the_enterprise_program_distributes_in_house() {
    let sandbox = start(&enterprise());
    let (first, machine) = run(&sandbox, &[("distribution_type", "enterprise")]);
    let first = first.ended(0).said(&[
        "(SBXTEAM123, In-House)",
        "App Store Connect does not accept this session",
    ]);
    assert!(!first.text.contains("auto-provision-asc"));
    assert_eq!(
        profile_types(&sandbox.state()),
        ["IOS_APP_DEVELOPMENT", "IOS_APP_INHOUSE"]
    );
    let outputs = machine.outputs();
    assert_eq!(outputs["BITRISE_EXPORT_METHOD"], "enterprise");
    assert!(outputs["BITRISE_PRODUCTION_CODESIGN_IDENTITY"].starts_with("iPhone Distribution"));
    run(&sandbox, &[("distribution_type", "app-store")])
        .0
        .ended(2)
        .said(&[
            "not for the Enterprise Program",
            "accepted: development, ad-hoc, enterprise",
        ]);
    let sandbox = start(&usual());
    run(&sandbox, &[("distribution_type", "enterprise")])
        .0
        .ended(2)
        .said(&["needs a team of the Enterprise Program"]);
}

#[test]
fn every_distribution_gets_its_profiles_and_outputs() {
    for (distribution, kinds) in [
        ("development", &["IOS_APP_DEVELOPMENT"][..]),
        ("app-store", &["IOS_APP_DEVELOPMENT", "IOS_APP_STORE"]),
        ("ad-hoc", &["IOS_APP_ADHOC", "IOS_APP_DEVELOPMENT"]),
    ] {
        let sandbox = start(&usual());
        let (run, machine) = run(&sandbox, &[("distribution_type", distribution)]);
        run.ended(0);
        assert_eq!(profile_types(&sandbox.state()), kinds);
        let outputs = machine.outputs();
        assert_eq!(
            outputs.contains_key("BITRISE_PRODUCTION_PROFILE"),
            distribution != "development"
        );
        assert_eq!(machine.installed_profiles().len(), kinds.len());
    }
}

#[test]
fn apple_tv_and_the_mac_get_profiles_of_their_own() {
    for (sdk, device, udid, kind) in [
        (
            "appletvos",
            "APPLE_TV",
            "00008110-0A1B2C3D4E5F0011",
            "TVOS_APP_DEVELOPMENT",
        ),
        (
            "macosx",
            "MAC",
            "0A1B2C3D-0011-2233-4455-66778899AABB",
            "MAC_APP_DEVELOPMENT",
        ),
    ] {
        let mut seed = usual();
        seed.devices.push(SeedDevice {
            name: "the other one".to_owned(),
            udid: udid.to_owned(),
            device_class: device.to_owned(),
            status: "ENABLED".to_owned(),
        });
        let sandbox = start(&seed);
        let target = Target { sdk, ..Target::APP };
        let machine = machine(&sandbox, &[target]);
        checked(&machine, &sandbox, STEP, &[]).ended(0);
        let state = sandbox.state();
        assert_eq!(profile_types(&state), [kind]);
        assert_eq!(state.profiles[0].devices.len(), 1, "{sdk}");
    }
}

/// A portal with the app's profile in place.
fn provisioned(profile: SeedProfile) -> Seed {
    Seed {
        bundle_ids: BTreeMap::from([(APP.to_owned(), Vec::new())]),
        profiles: vec![SeedProfile {
            name: format!("Bitrise ios development - ({APP})"),
            bundle_id: APP.to_owned(),
            ..profile
        }],
        ..usual()
    }
}

#[test]
fn a_profile_that_does_not_fit_any_more_is_repaired_in_its_place() {
    let new_device = SeedDevice {
        name: "new".to_owned(),
        udid: "00008120-000011112222333E".to_owned(),
        device_class: "IPHONE".to_owned(),
        status: "ENABLED".to_owned(),
    };
    for (profile, device, words) in [
        (
            SeedProfile {
                days: -3,
                ..SeedProfile::default()
            },
            false,
            "it expired on",
        ),
        (
            SeedProfile {
                state: "INVALID".to_owned(),
                ..SeedProfile::default()
            },
            false,
            "Apple marked it invalid",
        ),
        (SeedProfile::default(), true, "it does not include the device"),
    ] {
        let sandbox = start(&provisioned(profile.clone()));
        if device {
            let added = clock::now() - Duration::days(2);
            sandbox.state().add_device(&new_device, added);
        }
        let (run, _) = run(&sandbox, &[]);
        run.ended(0).said(&["recreate: ", words]);
        let state = sandbox.state();
        assert_eq!((state.writes(), state.profiles.len()), (1, 1), "{words}");
        assert_eq!(state.profiles[0].devices.len(), 2 + usize::from(device));
    }
}

#[test]
fn a_profile_under_the_sister_steps_name_is_kept() {
    let sandbox = start(&provisioned(SeedProfile::default()));
    run(&sandbox, &[])
        .0
        .ended(0)
        .said(&["no changes on the Developer Portal"]);
    assert_eq!(sandbox.state().writes(), 0);
}

#[test]
fn certificates_without_serial_numbers_in_the_list_are_looked_into() {
    let sandbox = start(&usual());
    sandbox.state().portal.serials_are_listed = false;
    run(&sandbox, &[]).0.ended(0);
}

const AUTOMATIC: &[(&str, &str)] = &[("CODE_SIGN_STYLE", "Automatic")];

fn automatic() -> [Target; 2] {
    [
        Target {
            settings: AUTOMATIC,
            depends_on: &[1],
            ..Target::APP
        },
        Target {
            name: "Widget",
            kind: "app-extension",
            bundle_id: "com.example.made.widget",
            settings: AUTOMATIC,
            ..Target::APP
        },
    ]
}

/// A portal with profiles that Xcode made: one for the app, and one whose pattern covers its extension.
fn managed() -> Seed {
    let xcodes = |identifier: &str| SeedProfile {
        name: format!("iOS Team Provisioning Profile: {identifier}"),
        bundle_id: identifier.to_owned(),
        xcode_managed: true,
        ..SeedProfile::default()
    };
    let ids = [APP, "*", "com.example.*"];
    Seed {
        bundle_ids: ids.iter().map(|id| ((*id).to_owned(), Vec::new())).collect(),
        profiles: ids.iter().map(|id| xcodes(id)).collect(),
        ..usual()
    }
}

#[test]
fn a_project_that_xcode_signs_uses_xcodes_profiles_and_stays_as_it_is() {
    let sandbox = start(&managed());
    let machine = machine(&sandbox, &automatic());
    let before = made_file(&machine);
    checked(&machine, &sandbox, STEP, &[]).ended(0).said(&[
        "iOS Team Provisioning Profile: com.example.made for com.example.made",
        "iOS Team Provisioning Profile: com.example.* for com.example.made.widget",
        "the project is unchanged",
    ]);
    assert_eq!(made_file(&machine), before);
    assert_eq!(machine.installed_profiles().len(), 2);
    assert_eq!(sandbox.state().writes(), 0);
    let outputs = machine.outputs();
    assert!(outputs.contains_key("BITRISE_DEVELOPMENT_PROFILE"));
}

#[test]
fn a_managed_profile_that_does_not_fit_is_named_with_the_reason() {
    let sandbox = start(&managed());
    let device = SeedDevice {
        name: "new phone".to_owned(),
        udid: "00008120-000011112222333E".to_owned(),
        device_class: "IPHONE".to_owned(),
        status: "ENABLED".to_owned(),
    };
    sandbox.state().add_device(&device, clock::now());
    let machine = machine(&sandbox, &automatic());
    let before = made_file(&machine);
    checked(&machine, &sandbox, STEP, &[]).ended(1).said(&[
        "Xcode has created no usable development profile for `com.example.made`",
        "the device new phone",
        "archive the app once in a local Xcode",
    ]);
    assert_eq!(made_file(&machine), before);
}

#[test]
fn an_automatic_project_gets_profiles_of_its_own_where_that_is_wanted() {
    let sandbox = start(&managed());
    let machine = machine(&sandbox, &automatic());
    checked(&machine, &sandbox, STEP, &[("generate_profiles", "yes")]).ended(0);
    assert!(
        made_file(&machine)
            .replace('"', "")
            .contains("CODE_SIGN_STYLE = Manual")
    );
    assert_eq!(sandbox.state().profiles.len(), 5);
}

#[test]
fn where_no_profile_can_be_made_xcodes_serve_and_the_project_stays_as_it_is() {
    let sandbox = start(&managed());
    let machine = machine(&sandbox, &automatic());
    let before = made_file(&machine);
    sandbox.fail(Fault::always(
        "POST /services-account/QH65B2/account/ios/identifiers/addAppId.action",
        Kind::Role,
    ));
    checked(&machine, &sandbox, STEP, &[("generate_profiles", "yes")])
        .ended(0)
        .said(&["Could not create the profiles", "the project is unchanged"]);
    assert_eq!(made_file(&machine), before);
}

#[test]
fn a_plan_changes_nothing() {
    for targets in [&[Target::APP][..], &automatic()] {
        let sandbox = start(&managed());
        let machine = machine(&sandbox, targets);
        let before = made_file(&machine);
        let inputs = [("mode", "plan"), ("register_test_devices", "yes")];
        checked(&machine, &sandbox, STEP, &inputs)
            .ended(0)
            .said(&["(mode: plan)"]);
        assert_eq!(made_file(&machine), before);
        assert_eq!(
            (sandbox.state().writes(), machine.installed_profiles().len()),
            (0, 0)
        );
    }
}

#[test]
fn devices_are_registered_and_one_that_is_not_taken_is_told() {
    let mut seed = usual();
    seed.test_devices.push(SeedDevice {
        name: "Old iPhone".to_owned(),
        udid: "00008101-FFFFFFFFFFFF001E".to_owned(),
        device_class: "IPHONE".to_owned(),
        status: "ENABLED".to_owned(),
    });
    seed.devices.push(SeedDevice {
        status: "DISABLED".to_owned(),
        ..seed.test_devices[1].clone()
    });
    let sandbox = start(&seed);
    run(&sandbox, &[("register_test_devices", "yes")])
        .0
        .ended(0)
        .said(&["00008110-000F1E2D3C4B801E", "is disabled on the portal"]);
    assert_eq!(sandbox.state().profiles[0].devices.len(), 3);
    let sandbox = start(&Seed {
        device_limit: 2,
        ..usual()
    });
    run(&sandbox, &[("register_test_devices", "yes")])
        .0
        .ended(0)
        .said(&["maximum number of registered iPhone devices", "membership year"]);
}

#[test]
fn groups_and_containers_of_the_entitlements_are_made_and_assigned() {
    let target = Target {
        entitlements: "<key>com.apple.security.application-groups</key><array><string>group.com.example.made</string></array><key>com.apple.developer.icloud-services</key><array><string>CloudKit</string></array><key>com.apple.developer.icloud-container-identifiers</key><array><string>iCloud.com.example.made</string></array><key>com.apple.developer.default-data-protection</key><string>NSFileProtectionCompleteUnlessOpen</string>",
        ..Target::APP
    };
    let sandbox = start(&usual());
    for expected in [
        "assign the iCloud containers iCloud.com.example.made",
        "no changes on the Developer Portal",
    ] {
        let machine = machine(&sandbox, &[target]);
        checked(&machine, &sandbox, STEP, &[]).ended(0).said(&[expected]);
    }
    let state = sandbox.state();
    let made = state.bundle_id(APP).unwrap();
    assert_eq!(made.groups, ["group.com.example.made"]);
    assert_eq!(made.containers, ["iCloud.com.example.made"]);
}

#[test]
fn a_group_that_targets_and_builds_share_is_created_once() {
    let group = "<key>com.apple.security.application-groups</key><array><string>group.com.example.made</string></array>";
    let extension = |name: &'static str, bundle_id: &'static str| Target {
        name,
        kind: "app-extension",
        bundle_id,
        entitlements: group,
        ..Target::APP
    };
    let app = Target {
        entitlements: group,
        depends_on: &[1, 2],
        ..Target::APP
    };
    let targets = [
        app,
        extension("Share", "com.example.made.share"),
        extension("Widget", "com.example.made.widget"),
    ];
    let sandbox = start(&usual());
    // All have looked before the first one has created it.
    let creation = "POST /services-account/QH65B2/account/ios/identifiers/addApplicationGroup";
    sandbox.fail(Fault::always(creation, Kind::Latency { milliseconds: 300 }));
    let machines: Vec<Machine> = (0..3).map(|_| machine(&sandbox, &targets)).collect();
    let children: Vec<_> = machines.iter().map(|machine| machine.start(STEP, &[])).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    let state = sandbox.state();
    let groups = state.associables.of(apple_sandbox::AssociableKind::Group);
    assert_eq!(groups.len(), 1);
    for target in targets {
        let made = state.bundle_id(target.bundle_id).unwrap();
        assert_eq!(made.groups, ["group.com.example.made"], "{}", target.name);
    }
}

#[test]
fn what_one_side_makes_the_other_finds() {
    let sandbox = start(&Seed::default());
    let machine = machine(&sandbox, &[Target::APP]);
    checked(&machine, &sandbox, STEP, &[("distribution_type", "ad-hoc")]).ended(0);
    let writes = sandbox.state().writes();
    let (_, fresh) = (machine, self::machine(&sandbox, &[Target::APP]));
    checked(&fresh, &sandbox, ASC, &[("distribution_type", "ad-hoc")])
        .ended(0)
        .said(&["no changes on the Developer Portal"]);
    assert_eq!(sandbox.state().writes(), writes);
}

#[test]
fn the_api_key_step_works_through_an_apple_id_too() {
    let other = Team {
        id: "OTHERTEAM1".to_owned(),
        name: "Other Ltd".to_owned(),
        kind: "Individual".to_owned(),
    };
    for connection in [
        "apple_id",
        "apple-id",
        "enterprise_with_apple_id",
        "enterprise-with-apple-id",
    ] {
        let sandbox = start(&Seed {
            apple_id: SeedAppleId {
                other_teams: vec![other.clone()],
                ..SeedAppleId::default()
            },
            ..Seed::default()
        });
        let machine = machine(&sandbox, &[Target::APP]);
        checked(&machine, &sandbox, ASC, &[("connection", connection)])
            .ended(2)
            .said(&["apple_id_team_id", "Other Ltd (OTHERTEAM1, Individual)"]);
        let inputs = [("connection", connection), ("apple_id_team_id", "SBXTEAM123")];
        checked(&machine, &sandbox, ASC, &inputs)
            .ended(0)
            .said(&["Apple ID ada@example.com, signed in"]);
        assert_eq!(sandbox.state().profiles.len(), 1);
        assert_eq!(asked(&sandbox, "/v1/"), 0);
    }
}

#[test]
fn troubles_of_the_portal_pass_or_are_explained() {
    let portal = "/services-account/QH65B2/account/ios/";
    for (fault, status, words) in [
        (
            Fault::times(&format!("POST {portal}profile/list"), 1, Kind::ServerError),
            0,
            "",
        ),
        (
            Fault::times(&format!("POST {portal}device/list"), 1, Kind::Reset),
            0,
            "",
        ),
        (
            Fault::times(&format!("POST {portal}identifiers/list"), 1, Kind::Truncated),
            0,
            "",
        ),
        (
            Fault::times(
                &format!("POST {portal}profile/create"),
                1,
                Kind::AppliedServerError,
            ),
            0,
            "reading the portal again",
        ),
        (
            Fault::times(&format!("POST {portal}profile/list"), 2, Kind::Page),
            0,
            "",
        ),
        (
            Fault::always(&format!("POST {portal}device/list"), Kind::Page),
            1,
            "answered HTTP 200 without JSON",
        ),
        (
            Fault::always(&format!("POST {portal}"), Kind::Maintenance),
            1,
            "system-status",
        ),
        (
            Fault::always(&format!("POST {portal}"), Kind::Agreement),
            1,
            "have the Account Holder accept",
        ),
        (
            Fault::always(&format!("POST {portal}identifiers/addAppId"), Kind::Role),
            1,
            "App Manager with access to Certificates",
        ),
        (
            Fault::always(
                "POST /services-account/QH65B2/account/listTeams",
                Kind::Maintenance,
            ),
            1,
            "the Developer Portal is not available: it answered HTTP 503",
        ),
    ] {
        let sandbox = start(&usual());
        sandbox.fail(fault.clone());
        let (run, machine) = run(&sandbox, &[]);
        run.ended(status).said(&[words]);
        let is_signed = made_file(&machine).contains("PROVISIONING_PROFILE");
        assert_eq!(is_signed, status == 0, "{fault:?}");
        let state = sandbox.state();
        assert!(
            state.profiles.len() <= 1 && state.bundle_ids.len() <= 1,
            "{fault:?}"
        );
    }
}

#[test]
fn troubles_of_the_sign_in_pass_or_are_explained() {
    for (fault, status, words) in [
        (
            Fault::times("POST /appleauth/auth/signin/init", 1, Kind::Maintenance),
            0,
            "signed in with the password",
        ),
        (
            Fault::times("GET /logout", 1, Kind::Reset),
            0,
            "signed in with the password",
        ),
        (
            Fault::always("POST /appleauth/auth/signin/init", Kind::Maintenance),
            1,
            "Apple's sign-in is not available (HTTP 503)",
        ),
        (
            Fault::always("POST /appleauth/auth/signin/complete", Kind::Maintenance),
            1,
            "system-status",
        ),
        (
            Fault::always("GET /olympus/v1/session", Kind::Maintenance),
            0,
            "Apple ID ada@example.com, signed in",
        ),
    ] {
        let sandbox = start(&seed(SeedAppleId {
            signed_in: false,
            ..SeedAppleId::default()
        }));
        sandbox.fail(fault);
        run(&sandbox, &[]).0.ended(status).said(&[words]);
        assert!(asked(&sandbox, "/appleauth/auth/signin/complete") <= 1);
    }
}

#[test]
fn builds_that_run_at_once_share_one_profile() {
    let sandbox = start(&usual());
    sandbox.fail(Fault::always("", Kind::Latency { milliseconds: 20 }));
    let machines: Vec<Machine> = (0..6).map(|_| machine(&sandbox, &[Target::APP])).collect();
    let children: Vec<_> = machines.iter().map(|machine| machine.start(STEP, &[])).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    let state = sandbox.state();
    assert_eq!((state.bundle_ids.len(), state.profiles.len()), (1, 1));
}
