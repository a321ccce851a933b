//! Apple as it is in November 2026, and as it was in June 2025: what `docs/apple-changes.md` lists, by whole runs of steps.
#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

use apple_sandbox::{
    Era, Fault, Json, Kind, Sandbox, Seed, SeedAppleId, SeedCertificate, SeedDevice, SeedProfile,
};
use e2e::contract::Contract;
use e2e::project::{self, Target};
use e2e::{Machine, Run, ipa};

const BY_KEY: &str = "step-auto-provision-asc";
const BY_SESSION: &str = "step-auto-provision-apple-id";
const APP: &str = "com.example.made";

/// A target with these entitlements.
fn claiming(entitlements: &'static str) -> Target {
    Target {
        entitlements,
        ..Target::APP
    }
}

/// The seed as a step needs it: by session only the Apple ID is connected.
fn for_step(step: &str, mut seed: Seed) -> Seed {
    if step == BY_SESSION {
        for key in ["key_id", "issuer_id", "private_key"] {
            seed.connection.insert(key.to_owned(), Json::Null);
        }
    }
    seed
}

fn machine(sandbox: &Sandbox, targets: &[Target]) -> Machine {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    let folder = machine.path("made");
    std::fs::create_dir_all(&folder).unwrap();
    let path = project::write(&folder, targets).display().to_string();
    machine.set("project_path", &path).set("scheme", "App");
    machine
}

fn run(sandbox: &Sandbox, step: &str, target: Target, inputs: &[(&str, &str)]) -> Run {
    machine(sandbox, &[target]).run(step, inputs)
}

fn asked(sandbox: &Sandbox, start: &str) -> usize {
    let state = sandbox.state();
    let line = |request: &apple_sandbox::Logged| format!("{} {}", request.method, request.path);
    state
        .requests
        .iter()
        .filter(|one| line(one).starts_with(start))
        .count()
}

fn device(name: &str, udid: &str, class: &str) -> SeedDevice {
    SeedDevice {
        name: name.to_owned(),
        udid: udid.to_owned(),
        device_class: class.to_owned(),
        status: "ENABLED".to_owned(),
    }
}

fn certificate(name: &str, kind: &str) -> SeedCertificate {
    SeedCertificate {
        name: name.to_owned(),
        certificate_type: kind.to_owned(),
        ..SeedCertificate::default()
    }
}

#[test]
fn the_basics_work_in_every_era() {
    for era in Era::ALL {
        // Signing in, with every session ended.
        let seed = for_step(
            BY_SESSION,
            Seed {
                apple: era,
                apple_id: SeedAppleId {
                    signed_in: false,
                    ..SeedAppleId::default()
                },
                ..Seed::default()
            },
        );
        let sandbox = Sandbox::start(&seed).unwrap();
        run(&sandbox, BY_SESSION, Target::APP, &[])
            .ended(0)
            .said(&["signed in with the password"]);
        assert_eq!(asked(&sandbox, "GET /logout"), 1, "{era:?}");
        let old = usize::from(era == Era::June2025);
        assert_eq!(asked(&sandbox, "GET /olympus/v1/app/config"), old, "{era:?}");
        // Provisioning by key, and an upload.
        let sandbox = Sandbox::start(&Seed {
            apple: era,
            ..Seed::default()
        })
        .unwrap();
        run(&sandbox, BY_KEY, Target::APP, &[]).ended(0);
        let mut machine = Machine::new();
        machine.meets(&sandbox);
        let path = machine.file("App.ipa", ipa(&[]));
        machine
            .run(
                "step-application-loader",
                &[("ipa_path", path.as_str()), ("uploader", "native")],
            )
            .ended(0);
        assert_eq!(sandbox.state().uploads.len(), 1, "{era:?}");
    }
}

const CARPLAY: &str = "<key>com.apple.developer.carplay-audio</key><true/>";

#[test]
fn what_apple_has_granted_signs_by_key_and_by_session_and_a_second_run_is_silent() {
    for step in [BY_KEY, BY_SESSION] {
        let sandbox = Sandbox::start(&for_step(
            step,
            Seed {
                managed_capabilities: [(
                    APP.to_owned(),
                    vec!["com.apple.developer.carplay-audio".to_owned()],
                )]
                .into(),
                ..Seed::default()
            },
        ))
        .unwrap();
        run(
            &sandbox,
            step,
            claiming(CARPLAY),
            &[("distribution_type", "app-store")],
        )
        .ended(0);
        let writes = sandbox.state().writes();
        let again = run(
            &sandbox,
            step,
            claiming(CARPLAY),
            &[("distribution_type", "app-store")],
        )
        .ended(0)
        .said(&["no changes on the Developer Portal"]);
        assert!(!again.text.contains("does not grant"), "{}", again.text);
        assert_eq!(sandbox.state().writes(), writes);
    }
}

#[test]
fn a_grant_that_comes_later_is_found_in_the_next_run() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    run(&sandbox, BY_KEY, claiming(CARPLAY), &[]).ended(1).said(&[
        "does not grant the entitlement `com.apple.developer.carplay-audio`",
        "developer.apple.com/contact/carplay",
    ]);
    sandbox.state().portal.managed_capabilities.insert(
        APP.to_owned(),
        vec!["com.apple.developer.carplay-audio".to_owned()],
    );
    run(&sandbox, BY_KEY, claiming(CARPLAY), &[]).ended(0);
}

const WEATHERKIT: &str = "<key>com.apple.developer.weatherkit</key><true/>";

#[test]
fn what_a_key_can_not_enable_fails_before_the_build_and_a_session_enables_it() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = machine(&sandbox, &[claiming(WEATHERKIT)]);
    let file = machine.path("made/Made.xcodeproj/project.pbxproj");
    let before = std::fs::read(&file).unwrap();
    machine.run(BY_KEY, &[]).ended(1).said(&[
        "could not sign the target `App`",
        "that Apple created for the App ID `com.example.made` does not grant the entitlement `com.apple.developer.weatherkit`",
        "switch on the capability WeatherKit for the App ID `com.example.made`",
    ]);
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert!(machine.installed_profiles().is_empty());
    let sandbox = Sandbox::start(&for_step(BY_SESSION, Seed::default())).unwrap();
    run(&sandbox, BY_SESSION, claiming(WEATHERKIT), &[])
        .ended(0)
        .said(&["enable WeatherKit"]);
    let state = sandbox.state();
    let kinds: Vec<&str> = state.bundle_ids[0]
        .capabilities
        .iter()
        .map(|one| one.capability_type.as_str())
        .collect();
    assert!(
        kinds.contains(&"WEATHERKIT") && kinds.contains(&"IN_APP_PURCHASE"),
        "{kinds:?}"
    );
}

#[test]
fn certificates_of_one_name_are_told_apart_by_the_portal_of_the_team() {
    let name = "iPhone Distribution: Example";
    let older = || SeedCertificate {
        days: 40,
        ..certificate(name, "IOS_DISTRIBUTION")
    };
    let revoked = SeedCertificate {
        on_portal: false,
        ..certificate(name, "IOS_DISTRIBUTION")
    };
    let foreign = SeedCertificate {
        team_id: Some("OTHERTEAM1".to_owned()),
        ..certificate(name, "IOS_DISTRIBUTION")
    };
    let expired = SeedCertificate {
        days: -2,
        ..certificate(name, "IOS_DISTRIBUTION")
    };
    let newer = certificate(name, "IOS_DISTRIBUTION");
    for (others, used) in [
        (vec![revoked.clone()], 1),
        (vec![foreign.clone()], 1),
        (vec![expired.clone()], 1),
        (vec![revoked, foreign, expired], 1),
        (vec![newer], 2),
    ] {
        for step in [BY_KEY, BY_SESSION] {
            let development = certificate("Apple Development: Grace", "DEVELOPMENT");
            let sandbox = Sandbox::start(&for_step(
                step,
                Seed {
                    certificates: [vec![development, older()], others.clone()].concat(),
                    ..Seed::default()
                },
            ))
            .unwrap();
            run(&sandbox, step, Target::APP, &[("distribution_type", "ad-hoc")]).ended(0);
            let state = sandbox.state();
            let made = state
                .profiles
                .iter()
                .find(|profile| profile.profile_type == "IOS_APP_ADHOC")
                .unwrap();
            assert_eq!(made.certificates, [state.certificates[used].id.clone()], "{step}");
        }
    }
}

#[test]
fn macs_of_every_class_are_listed() {
    let mac = Target {
        sdk: "macosx",
        ..Target::APP
    };
    for step in [BY_KEY, BY_SESSION] {
        let sandbox = Sandbox::start(&for_step(
            step,
            Seed {
                devices: vec![
                    device("Old", "AAAAAAAA-0000-4000-8000-000000000000", "MAC"),
                    device("Desk", "AAAAAAAA-0000-4000-8000-000000000001", "INTEL_MAC"),
                    device("Laptop", "00006000-000A1B2C3D4E001E", "APPLE_SILICON_MAC"),
                    device("Phone", "00008101-000A1B2C3D4E001E", "IPHONE"),
                ],
                ..Seed::default()
            },
        ))
        .unwrap();
        run(&sandbox, step, mac, &[]).ended(0);
        let state = sandbox.state();
        assert_eq!(state.profiles[0].profile_type, "MAC_APP_DEVELOPMENT");
        assert_eq!(state.profiles[0].devices.len(), 3, "{step}");
    }
}

#[test]
fn an_app_store_build_needs_no_device_for_its_development_profile() {
    for step in [BY_KEY, BY_SESSION] {
        let sandbox = Sandbox::start(&for_step(
            step,
            Seed {
                devices: vec![device("Living room", "00008110-0A1B2C3D4E5F0011", "APPLE_TV")],
                ..Seed::default()
            },
        ))
        .unwrap();
        run(&sandbox, step, Target::APP, &[("distribution_type", "app-store")])
            .ended(0)
            .said(&["No device is registered that the profile"]);
        assert_eq!(sandbox.state().profiles.len(), 1);
    }
}

#[test]
fn an_attribute_that_apple_refuses_is_no_race() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    sandbox.fail(Fault::always("POST /v1/bundleIds", Kind::InvalidAttribute));
    let run = run(&sandbox, BY_KEY, Target::APP, &[]);
    assert_ne!(run.status, Some(0), "{}", run.text);
    run.said(&["The value is not valid for this request"]);
    assert_eq!(asked(&sandbox, "POST /v1/bundleIds"), 1);
}

#[test]
fn a_list_of_devices_takes_the_place_of_those_on_bitrise() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = machine(&sandbox, &[Target::APP]);
    // One without its hyphen, and one that is none.
    let list = machine.file(
        "devices.txt",
        "00008150000A1B2C3D4E001E , 00008120-0011223344556677,what\n",
    );
    let yes = ("register_test_devices", "yes");
    machine
        .run(BY_KEY, &[yes, ("test_device_list_path", list.as_str())])
        .ended(0)
        .said(&[
            "3 test devices from",
            "The test device `Device 3` has an invalid UDID: `what`",
        ]);
    let mut udids: Vec<String> = sandbox
        .state()
        .devices
        .iter()
        .map(|one| one.udid.clone())
        .collect();
    udids.sort();
    assert_eq!(
        udids[2..],
        ["00008120-0011223344556677", "00008150-000A1B2C3D4E001E"]
    );
    machine
        .run(BY_KEY, &[yes, ("test_device_list_path", "/nowhere/devices.txt")])
        .ended(2)
        .said(&["test_device_list_path", "/nowhere/devices.txt"]);
    machine
        .run(BY_KEY, &[("test_device_list_path", list.as_str())])
        .ended(0)
        .said(&["test_device_list_path is ignored"]);
}

#[test]
fn fallback_profiles_sign_when_automatic_signing_fails_and_never_before() {
    let sandbox = Sandbox::start(&Seed {
        bundle_ids: [(APP.to_owned(), Vec::new())].into(),
        profiles: vec![SeedProfile {
            name: "By hand".to_owned(),
            bundle_id: APP.to_owned(),
            ..SeedProfile::default()
        }],
        ..Seed::default()
    })
    .unwrap();
    let content = sandbox.state().profiles[0].content.clone();
    let machine = machine(&sandbox, &[Target::APP]);
    let file = machine.file("kept/App.mobileprovision", &content);
    let folder = machine.path("kept").display().to_string();
    // It works: they are not touched.
    let input = "fallback_provisioning_profile_url_list";
    let run = machine.run(BY_KEY, &[(input, "/nowhere")]).ended(0);
    assert!(!run.text.contains("Automatic signing failed"), "{}", run.text);
    for list in [
        folder.clone(),
        format!("file://{file}"),
        format!("{folder}\nfile://{file}"),
    ] {
        let sandbox_fault = Fault::always("GET /v1/bundleIds", Kind::Role);
        sandbox.fail(sandbox_fault);
        let machine = self::machine(&sandbox, &[Target::APP]);
        machine
            .run(BY_KEY, &[(input, list.as_str())])
            .ended(0)
            .said(&["Automatic signing failed", "By hand for com.example.made"]);
        assert_eq!(machine.installed_profiles().len(), 1);
        sandbox.state().faults.clear();
    }
    // They do not fit: the first error is the cause.
    sandbox.fail(Fault::always("GET /v1/bundleIds", Kind::Role));
    let other = Target {
        bundle_id: "com.example.other",
        ..Target::APP
    };
    self::machine(&sandbox, &[other])
        .run(BY_KEY, &[(input, folder.as_str())])
        .ended(1)
        .said(&[
            "The fallback profiles can't be used: no development profile fits `com.example.other`",
            "give the API key the role",
        ]);
}

#[test]
fn a_certificate_may_be_base64_text_and_its_passphrase_may_have_blanks_around_it() {
    use base64::Engine as _;
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = machine(&sandbox, &[Target::APP]);
    let text = base64::engine::general_purpose::STANDARD.encode(&sandbox.state().certificates[0].p12);
    let path = machine.file("development.p12", text);
    let url = format!("file://{path}");
    machine
        .run(
            BY_KEY,
            &[
                ("certificate_urls", url.as_str()),
                ("passphrases", " sandbox-passphrase "),
            ],
        )
        .ended(0);
}

#[test]
fn what_ends_soon_is_said_with_the_authority_that_issued_it() {
    let mac = Target {
        sdk: "macosx",
        ..Target::APP
    };
    let issued = |issuer: &str, days| SeedCertificate {
        days,
        issuer: Some(issuer.to_owned()),
        ..certificate("Developer ID Application: Example", "DEVELOPER_ID_APPLICATION")
    };
    for (issuer, days, said, unsaid) in [
        (
            "Developer ID",
            360,
            "previous Developer ID authority, which expires on 2027-02-01",
            "expires on 2027-11",
        ),
        ("Developer ID G2", 12, "(serial", "2027-02-01"),
    ] {
        let sandbox = Sandbox::start(&Seed {
            certificates: vec![issued(issuer, days)],
            ..Seed::default()
        })
        .unwrap();
        let machine = machine(&sandbox, &[mac]);
        let missing = "No keychain holds the certificate of Apple's authority";
        let inputs = [("distribution_type", "developer-id")];
        let run = machine.run(BY_KEY, &inputs).ended(0).said(&[said, missing]);
        assert!(!run.text.contains(unsaid), "{}", run.text);
        machine.file(
            "tools/intermediates.pem",
            apple_sandbox::intermediate(issuer).unwrap(),
        );
        let run = machine.run(BY_KEY, &inputs).ended(0);
        assert!(!run.text.contains(missing), "{}", run.text);
    }
}

#[test]
#[cfg_attr(no_api_document, ignore = "Apple's API document is not beside the repository")]
fn runs_with_a_key_of_the_enterprise_program_ask_only_what_its_document_has() {
    let contract = Contract::of_enterprise_program();
    let seed = || Seed {
        enterprise: true,
        certificates: vec![
            certificate("Apple Development: Grace", "DEVELOPMENT"),
            certificate("iPhone Distribution: Example", "IOS_DISTRIBUTION"),
        ],
        ..Seed::default()
    };
    let claims = claiming(
        "<key>aps-environment</key><string>development</string><key>com.apple.developer.siri</key><true/><key>com.apple.developer.default-data-protection</key><string>NSFileProtectionComplete</string>",
    );
    let tv = Target {
        sdk: "appletvos",
        ..Target::APP
    };
    let vision = Target {
        sdk: "xros",
        ..Target::APP
    };
    let mut problems = Vec::new();
    for (target, distribution) in [
        (claims, "enterprise"),
        (claims, "ad-hoc"),
        (Target::APP, "development"),
        (vision, "enterprise"),
        (tv, "enterprise"),
    ] {
        let mut seed = seed();
        seed.devices
            .push(device("Living room", "00008110-0A1B2C3D4E5F0011", "APPLE_TV"));
        let sandbox = Sandbox::start(&seed).unwrap();
        for _ in 0..2 {
            run(
                &sandbox,
                BY_KEY,
                target,
                &[
                    ("distribution_type", distribution),
                    ("register_test_devices", "yes"),
                ],
            )
            .ended(0);
        }
        let state = sandbox.state();
        let by_key = state.requests.iter().filter(|one| one.path.starts_with("/v1/"));
        problems.extend(by_key.flat_map(|request| contract.judge(request)));
    }
    problems.sort();
    problems.dedup();
    assert!(problems.is_empty(), "{problems:#?}");
}
