//! auto-provision-asc as a process of its own, against the sandbox.
#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

use std::collections::BTreeMap;

use apple_sandbox::{Fault, Kind, Sandbox, Seed, SeedCertificate, SeedDevice, SeedProfile};
use e2e::{Machine, Run, secrets};

const STEP: &str = "step-auto-provision-asc";

const TARGETS: [&str; 3] = [
    "com.example.courier",
    "com.example.courier.widget",
    "com.example.courier.share",
];

/// A run on a fresh machine, whose output and leftovers are searched for secrets.
fn run(sandbox: &Sandbox, inputs: &[(&str, &str)]) -> (Run, Machine) {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    let run = checked(&machine, sandbox, inputs);
    (run, machine)
}

fn checked(machine: &Machine, sandbox: &Sandbox, inputs: &[(&str, &str)]) -> Run {
    let secrets = secrets(sandbox);
    let run = machine.run(STEP, inputs).kept(&secrets);
    assert_eq!(machine.leftovers(&secrets), Vec::<std::path::PathBuf>::new());
    run
}

fn sandbox(seed: Seed) -> Sandbox {
    Sandbox::start(&seed).unwrap()
}

/// A portal on which everything for development is in place.
fn provisioned(days: i64) -> Seed {
    let profile = |id: &&str| SeedProfile {
        name: format!("Bitrise iOS development - ({id})"),
        profile_type: "IOS_APP_DEVELOPMENT".to_owned(),
        bundle_id: (*id).to_owned(),
        days,
        state: "ACTIVE".to_owned(),
        ..SeedProfile::default()
    };
    let capabilities = |id: &&str| -> Vec<String> {
        let names: &[&str] = match *id {
            "com.example.courier" => &["PUSH_NOTIFICATIONS", "ASSOCIATED_DOMAINS"],
            "com.example.courier.widget" => &["SIRIKIT"],
            _ => &[],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    };
    Seed {
        bundle_ids: TARGETS
            .iter()
            .map(|id| ((*id).to_owned(), capabilities(id)))
            .collect(),
        profiles: TARGETS.iter().map(profile).collect(),
        ..Seed::default()
    }
}

#[test]
fn a_cold_portal_gets_everything_and_a_second_run_writes_nothing() {
    let sandbox = sandbox(Seed::default());
    let (first, machine) = run(&sandbox, &[]);
    first.ended(0).said(&[
        "com.example.courier.widget",
        "not registered",
        "enable Push Notifications",
    ]);
    let writes = sandbox.state().writes();
    assert_eq!((writes, sandbox.state().profiles.len()), (9, 3));
    assert_eq!(machine.installed_profiles().len(), 3);
    let (second, _) = run(&sandbox, &[]);
    second.ended(0).said(&["no changes on the Developer Portal"]);
    assert_eq!(sandbox.state().writes(), writes);
}

#[test]
fn a_warm_portal_is_read_in_three_requests() {
    let sandbox = sandbox(provisioned(300));
    let (warm, machine) = run(&sandbox, &[]);
    warm.ended(0).said(&["no changes on the Developer Portal"]);
    let asked: Vec<String> = sandbox
        .state()
        .requests
        .iter()
        .filter(|request| request.path.starts_with("/v1/"))
        .map(|request| format!("{} {}", request.method, request.path))
        .collect();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert_eq!(machine.outputs()["BITRISE_EXPORT_METHOD"], "development");
}

#[test]
fn every_distribution_exports_its_outputs() {
    for (distribution, kinds) in [
        ("development", &["IOS_APP_DEVELOPMENT"][..]),
        ("app-store", &["IOS_APP_DEVELOPMENT", "IOS_APP_STORE"]),
        ("ad-hoc", &["IOS_APP_ADHOC", "IOS_APP_DEVELOPMENT"]),
        ("enterprise", &["IOS_APP_DEVELOPMENT", "IOS_APP_INHOUSE"]),
    ] {
        // Only a team of the Enterprise Program distributes in-house.
        let sandbox = sandbox(Seed {
            enterprise: distribution == "enterprise",
            ..Seed::default()
        });
        let (run, machine) = run(&sandbox, &[("distribution_type", distribution)]);
        run.ended(0);
        let made: BTreeMap<String, usize> =
            sandbox
                .state()
                .profiles
                .iter()
                .fold(BTreeMap::new(), |mut all, profile| {
                    *all.entry(profile.profile_type.clone()).or_default() += 1;
                    all
                });
        let expected: BTreeMap<String, usize> = kinds.iter().map(|kind| ((*kind).to_owned(), 3)).collect();
        assert_eq!(made, expected, "{distribution}");
        let outputs = machine.outputs();
        assert_eq!(outputs["BITRISE_EXPORT_METHOD"], distribution);
        assert_eq!(outputs["BITRISE_DEVELOPER_TEAM"], "SBXTEAM123");
        assert!(outputs["BITRISE_DEVELOPMENT_CODESIGN_IDENTITY"].starts_with("Apple Development: "));
        let is_production = distribution != "development";
        assert_eq!(
            outputs.contains_key("BITRISE_PRODUCTION_PROFILE"),
            is_production,
            "{outputs:?}"
        );
        // The targets are signed for development, as the archive is built with that.
        assert!(
            machine
                .project_file()
                .contains(&outputs["BITRISE_DEVELOPMENT_PROFILE"])
        );
    }
}

#[test]
fn the_api_key_comes_from_inputs_as_well() {
    let sandbox = sandbox(Seed::default());
    let key = format!("{}/files/AuthKey_SBXKEY1234.p8", sandbox.url());
    let issuer = sandbox.state().issuer_id.clone().unwrap();
    for connection in ["off", "automatic"] {
        sandbox
            .state()
            .connection
            .extend(["key_id", "issuer_id", "private_key"].map(|field| (field.to_owned(), serde_null())));
        let (run, _) = run(
            &sandbox,
            &[
                ("connection", connection),
                ("api_key_path", &key),
                ("api_issuer", &issuer),
            ],
        );
        run.ended(0).said(&["API key SBXKEY1234 (inputs)"]);
    }
    let (half, _) = run(&sandbox, &[("connection", "off"), ("api_key_path", &key)]);
    half.ended(2).said(&["api_issuer: "]);
    let (none, _) = run(&sandbox, &[("connection", "off")]);
    none.ended(1).said(&["no Apple account was found", "Next:"]);
}

fn serde_null() -> apple_sandbox::Json {
    apple_sandbox::Json::Null
}

#[test]
fn an_expired_profile_is_made_anew() {
    let sandbox = sandbox(provisioned(-1));
    let (run, _) = run(&sandbox, &[]);
    run.ended(0);
    let state = sandbox.state();
    assert_eq!(state.profiles.len(), 3);
    assert!(
        state
            .profiles
            .iter()
            .all(|profile| profile.expires > clock::now())
    );
}

#[test]
fn a_profile_that_ends_too_soon_is_made_anew() {
    let sandbox = sandbox(provisioned(20));
    let (run, _) = run(&sandbox, &[("min_profile_days_valid", "30")]);
    run.ended(0).said(&["delete"]);
    assert_eq!(sandbox.state().writes(), 6);
}

#[test]
fn a_missing_device_is_registered_and_gets_into_the_profiles() {
    let sandbox = sandbox(provisioned(300));
    let (run, _) = run(&sandbox, &[("register_test_devices", "yes")]);
    run.ended(0).said(&["00008110-000F1E2D3C4B801E"]);
    let state = sandbox.state();
    assert_eq!(state.devices.len(), 3);
    assert!(state.profiles.iter().all(|profile| profile.devices.len() == 3));
}

#[test]
fn invalid_udids_are_warned_about_and_the_run_goes_on() {
    let seed = Seed {
        test_devices: vec![SeedDevice {
            name: "Odd one".to_owned(),
            udid: "not-a-udid".to_owned(),
            device_class: "IPHONE".to_owned(),
            status: "ENABLED".to_owned(),
        }],
        ..provisioned(300)
    };
    let (run, _) = run(&sandbox(seed), &[("register_test_devices", "yes")]);
    run.ended(0).said(&["Odd one"]);
}

#[test]
fn passing_faults_are_overcome() {
    for (fault, times) in [
        (Kind::RateLimit { retry_after: Some(1) }, 2),
        (Kind::RateLimit { retry_after: None }, 1),
        (Kind::Unauthorized, 1),
        (Kind::ServerError, 1),
        (Kind::Maintenance, 1),
        (Kind::Reset, 1),
        (Kind::Truncated, 1),
        (Kind::Agreement, 1),
    ] {
        let sandbox = sandbox(provisioned(300));
        sandbox.fail(Fault::times("GET /v1/", times, fault.clone()));
        let (run, machine) = run(&sandbox, &[]);
        assert_eq!(run.status, Some(0), "{fault:?}: {}", run.text);
        assert_eq!(machine.installed_profiles().len(), 3, "{fault:?}");
    }
}

#[test]
fn a_write_that_took_effect_and_was_answered_500_is_not_repeated() {
    for on in [
        "POST /v1/bundleIds",
        "POST /v1/profiles",
        "POST /v1/bundleIdCapabilities",
        "POST /v1/devices",
    ] {
        let sandbox = sandbox(Seed::default());
        sandbox.fail(Fault::times(on, 1, Kind::AppliedServerError));
        let (run, _) = run(&sandbox, &[("register_test_devices", "yes")]);
        assert_eq!(run.status, Some(0), "{on}: {}", run.text);
        let state = sandbox.state();
        assert_eq!(
            (state.bundle_ids.len(), state.profiles.len(), state.devices.len()),
            (3, 3, 3),
            "{on}"
        );
    }
}

#[test]
fn lasting_faults_are_explained_and_leave_the_project_alone() {
    for (on, fault, words) in [
        (
            "GET /v1/",
            Kind::Unauthorized,
            "key ID, the issuer ID, and the .p8 file",
        ),
        ("GET /v1/", Kind::Role, "role"),
        ("GET /v1/", Kind::Agreement, "agreement"),
        ("POST /v1/profiles", Kind::Role, "role"),
        (
            "POST /v1/profiles",
            Kind::ServerError,
            "https://developer.apple.com/system-status/",
        ),
    ] {
        let sandbox = sandbox(Seed::default());
        sandbox.fail(Fault::always(on, fault.clone()));
        let (run, machine) = run(&sandbox, &[]);
        assert_eq!(run.status, Some(1), "{on} {fault:?}: {}", run.text);
        run.said(&[words, "Next:"]);
        let original = std::fs::read_to_string(
            e2e::repository().join("samples/courier/Courier.xcodeproj/project.pbxproj"),
        )
        .unwrap();
        assert_eq!(machine.project_file(), original, "{on} {fault:?}");
        assert!(machine.outputs().is_empty());
    }
}

#[test]
fn a_created_object_that_lists_do_not_show_yet_is_waited_for() {
    let sandbox = sandbox(Seed::default());
    sandbox.state().lists.hidden_for = 2;
    let (run, machine) = run(&sandbox, &[]);
    run.ended(0);
    assert_eq!(sandbox.state().profiles.len(), 3);
    assert_eq!(machine.installed_profiles().len(), 3);
}

#[test]
fn certificates_that_cannot_be_used_are_named() {
    let sandbox = sandbox(Seed::default());
    let mut machine = Machine::new();
    machine.meets(&sandbox);
    machine.set("BITRISE_CERTIFICATE_PASSPHRASE", "wrong|wrong");
    checked(&machine, &sandbox, &[]).ended(1).said(&["passphrase"]);
    machine.set("BITRISE_CERTIFICATE_PASSPHRASE", "sandbox-passphrase");
    checked(&machine, &sandbox, &[]).ended(2).said(&["passphrases"]);
}

#[test]
fn a_certificate_that_the_portal_does_not_know_is_explained() {
    let certificate = |on_portal| SeedCertificate {
        name: "Apple Development: Ada Example".to_owned(),
        certificate_type: "DEVELOPMENT".to_owned(),
        days: 100,
        on_portal,
        ..SeedCertificate::default()
    };
    let seed = Seed {
        certificates: vec![certificate(false)],
        ..Seed::default()
    };
    let (run, _) = run(&sandbox(seed), &[]);
    run.ended(1).said(&["Ada Example", "Next:"]);
}

#[test]
fn missing_inputs_are_told_at_once() {
    let machine = Machine::new();
    machine
        .run(
            STEP,
            &[
                ("project_path", ""),
                ("scheme", ""),
                ("distribution_type", "store"),
            ],
        )
        .ended(2)
        .said(&[
            "project_path: ",
            "scheme: ",
            "distribution_type: ",
            "certificate_urls: ",
        ]);
}

#[test]
fn a_plan_changes_nothing() {
    let sandbox = sandbox(Seed::default());
    let (run, machine) = run(&sandbox, &[("mode", "plan")]);
    run.ended(0).said(&["+ profile", "nothing was changed"]);
    assert_eq!(sandbox.state().writes(), 0);
    assert!(machine.installed_profiles().is_empty() && machine.outputs().is_empty());
}

#[test]
fn ui_tests_are_signed_with_a_wildcard_when_asked_for() {
    let sandbox = sandbox(Seed::default());
    let (run, machine) = run(&sandbox, &[("sign_uitest_targets", "yes")]);
    run.ended(0).said(&["Wildcard Bitrise iOS development"]);
    assert_eq!(
        machine.project_file().matches("PROVISIONING_PROFILE = ").count(),
        5
    );
}

#[test]
fn a_machine_without_security_and_envman_is_no_obstacle() {
    let sandbox = sandbox(provisioned(300));
    let mut machine = Machine::new();
    machine.meets(&sandbox);
    for tool in ["security", "envman", "xcodebuild"] {
        machine.without(tool);
    }
    checked(&machine, &sandbox, &[])
        .ended(0)
        .said(&["BITRISE_DEVELOPER_TEAM: SBXTEAM123"]);
    let packed: Vec<_> = e2e::files(&machine.path("home"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "p12"))
        .collect();
    assert_eq!(packed.len(), 1, "{packed:?}");
}

#[test]
fn builds_of_pull_requests_get_an_explanation() {
    let sandbox = sandbox(Seed::default());
    let mut machine = Machine::new();
    machine
        .meets(&sandbox)
        .set("BITRISE_BUILD_API_TOKEN", "another-token");
    checked(&machine, &sandbox, &[]).ended(1).said(&["pull requests"]);
}

#[test]
fn sixteen_builds_at_once_share_what_they_make() {
    let sandbox = sandbox(Seed::default());
    sandbox.fail(Fault::always("", Kind::Latency { milliseconds: 30 }));
    let machines: Vec<Machine> = (0..16)
        .map(|_| {
            let mut machine = Machine::new();
            machine.meets(&sandbox);
            machine
        })
        .collect();
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
    let mut names: Vec<&str> = state
        .profiles
        .iter()
        .map(|profile| profile.name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(
        (names.len(), state.profiles.len()),
        (3, 3),
        "{:?}",
        state.profiles.len()
    );
}

#[test]
fn every_run_leaves_a_summary_and_a_page_without_secrets() {
    let page = |machine: &Machine| {
        let pages = e2e::files(&machine.path("reports"));
        let page = pages.iter().find(|path| path.ends_with("index.html")).unwrap();
        // The page may break a line after each dot.
        std::fs::read_to_string(page).unwrap().replace("<wbr>", "")
    };
    for (seed, inputs, status, words) in [
        (
            Seed::default(),
            [("distribution_type", "app-store")],
            0,
            &[
                "Targets",
                "Expiry dates",
                "Changes on the Developer Portal",
                "Requests",
                "CourierWidget",
                "3500 of 3600",
            ][..],
        ),
        (
            Seed::default(),
            [("mode", "plan")],
            0,
            &[
                "Planned",
                "Requests",
                "create the App ID com.example.courier.share",
            ],
        ),
        (
            Seed {
                faults: vec![Fault::always("POST /v1/profiles", Kind::Role)],
                ..Seed::default()
            },
            [("mode", "apply")],
            1,
            &["Next", "Requests", "403"],
        ),
    ] {
        let sandbox = sandbox(seed);
        let mut machine = Machine::new();
        machine.meets(&sandbox);
        let summary = machine.file("summary.md", "# from an earlier step\n");
        let reports = machine.path("reports").display().to_string();
        machine
            .set("BITRISE_HTML_REPORT_DIR", &reports)
            .set("BITRISE_STEP_FORMATTED_OUTPUT_FILE_PATH", &summary);
        checked(&machine, &sandbox, &inputs).ended(status);
        let page = page(&machine);
        for word in words {
            assert!(page.contains(word), "{inputs:?}: {word}");
        }
        let summary = std::fs::read_to_string(summary).unwrap();
        assert!(
            summary.starts_with("# from an earlier step\n") && summary.len() > 60,
            "{summary}"
        );
    }
}

#[test]
fn keys_of_the_successor_steps_are_understood_and_named() {
    let sandbox = sandbox(Seed::default());
    let mut machine = Machine::new();
    machine.meets(&sandbox);
    let certificates = format!("{0}/files/0.p12|{0}/files/1.p12", sandbox.url());
    machine
        .set("BITRISE_CERTIFICATE_URL", "")
        .set("BITRISE_CERTIFICATE_PASSPHRASE", "");
    let inputs = [
        ("certificate_url_list", certificates.as_str()),
        ("passphrase_list", "sandbox-passphrase|sandbox-passphrase"),
        ("distribution_method", "app-store"),
        ("apple_service_connection", "api-key"),
    ];
    let run = checked(&machine, &sandbox, &inputs).ended(0);
    assert_eq!(machine.outputs()["BITRISE_EXPORT_METHOD"], "app-store");
    for key in [
        "certificate_url_list",
        "passphrase_list",
        "distribution_method",
        "apple_service_connection",
    ] {
        let words = format!("The input `{key}` is now called");
        assert_eq!(run.text.matches(&words).count(), 1, "{key}\n{}", run.text);
    }
}

#[test]
fn the_yearly_limit_of_devices_is_explained_and_the_run_goes_on() {
    let sandbox = sandbox(Seed {
        device_limit: 2,
        ..Seed::default()
    });
    let (run, machine) = run(&sandbox, &[("register_test_devices", "yes")]);
    run.ended(0)
        .said(&["register the device", "of this membership year"]);
    assert_eq!(machine.installed_profiles().len(), 3);
}
