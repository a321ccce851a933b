//! auto-provision-asc for every distribution and every kind of project, and under seeded mixtures of faults.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

use apple_sandbox::{Fault, Kind, Sandbox, Seed, SeedDevice};
use e2e::project::{self, Target};
use e2e::{Machine, secrets};

const STEP: &str = "step-auto-provision-asc";

const SHARE: Target = Target {
    name: "Share",
    kind: "app-extension",
    bundle_id: "com.example.made.share",
    ..Target::APP
};

/// A project: its name, its targets, more inputs, and the bundle IDs that get profiles with their platform's word.
type Shape = (
    &'static str,
    &'static [Target],
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

const SHAPES: [Shape; 8] = [
    ("a single target", &[Target::APP], &[], &["iOS com.example.made"]),
    (
        "extensions",
        &[
            Target {
                depends_on: &[1, 2],
                ..Target::APP
            },
            SHARE,
            Target {
                name: "Widget",
                bundle_id: "com.example.made.widget",
                ..SHARE
            },
        ],
        &[],
        &[
            "iOS com.example.made",
            "iOS com.example.made.share",
            "iOS com.example.made.widget",
        ],
    ),
    (
        "a companion watch app",
        &[
            Target {
                depends_on: &[1],
                ..Target::APP
            },
            Target {
                name: "Watch",
                sdk: "watchos",
                bundle_id: "com.example.made.watchkitapp",
                depends_on: &[2],
                ..Target::APP
            },
            Target {
                name: "WatchExtension",
                kind: "watchkit2-extension",
                sdk: "watchos",
                bundle_id: "com.example.made.watchkitapp.extension",
                ..Target::APP
            },
        ],
        &[],
        &[
            "iOS com.example.made",
            "iOS com.example.made.watchkitapp",
            "iOS com.example.made.watchkitapp.extension",
        ],
    ),
    (
        "a stand-alone watch app",
        &[Target {
            sdk: "watchos",
            ..Target::APP
        }],
        &[],
        &["iOS com.example.made"],
    ),
    (
        "tvOS",
        &[Target {
            sdk: "appletvos",
            ..Target::APP
        }],
        &[],
        &["tvOS com.example.made"],
    ),
    (
        "UI tests",
        &[
            Target::APP,
            Target {
                name: "UITests",
                kind: "bundle.ui-testing",
                bundle_id: "com.example.UITests",
                depends_on: &[0],
                ..Target::APP
            },
        ],
        &[("sign_uitest_targets", "yes")],
        &["iOS com.example.made", "iOS com.example.*"],
    ),
    (
        "Mac Catalyst",
        &[Target {
            settings: &[
                ("SUPPORTS_MACCATALYST", "YES"),
                ("DERIVE_MACCATALYST_PRODUCT_BUNDLE_IDENTIFIER", "YES"),
            ],
            ..Target::APP
        }],
        &[("mac_catalyst", "yes")],
        &["macCatalyst maccatalyst.com.example.made"],
    ),
    (
        "visionOS",
        &[Target {
            sdk: "xros",
            ..Target::APP
        }],
        &[],
        &["iOS com.example.made"],
    ),
];

fn seed() -> Seed {
    let device = |name: &str, udid: &str, class: &str| SeedDevice {
        name: name.to_owned(),
        udid: udid.to_owned(),
        device_class: class.to_owned(),
        status: "ENABLED".to_owned(),
    };
    let mut seed = Seed::default();
    seed.devices
        .push(device("Living room", "00008110-000000000000AAAA", "APPLE_TV"));
    seed.devices
        .push(device("Desk", "00008103-000000000000BBBB", "MAC"));
    seed
}

fn machine(sandbox: &Sandbox) -> Machine {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    machine
}

#[test]
fn every_distribution_of_every_kind_of_project_is_signed() {
    for (name, targets, inputs, profiles) in SHAPES {
        for distribution in ["development", "app-store", "ad-hoc", "enterprise"] {
            for in_workspace in [false, true] {
                if in_workspace && name != "extensions" {
                    continue;
                }
                let is_mac = profiles[0].starts_with("mac");
                if is_mac && ["ad-hoc", "enterprise"].contains(&distribution) {
                    continue;
                }
                let what = format!("{name}, {distribution}, workspace: {in_workspace}");
                // Only a team of the Enterprise Program distributes in-house.
                let enterprise = distribution == "enterprise";
                let sandbox = Sandbox::start(&Seed { enterprise, ..seed() }).unwrap();
                let machine = machine(&sandbox);
                let folder = machine.path("made");
                let mut path = project::write(&folder, targets);
                if in_workspace {
                    path = project::workspace(&folder);
                }
                let path = path.display().to_string();
                let mut all = vec![
                    ("project_path", path.as_str()),
                    ("scheme", "App"),
                    ("distribution_type", distribution),
                ];
                all.extend(inputs);
                let run = machine.run(STEP, &all).kept(&secrets(&sandbox));
                assert_eq!(run.status, Some(0), "{what}\n{}", run.text);
                let state = sandbox.state();
                for profile in profiles {
                    let (platform, bundle_id) = profile.split_once(' ').unwrap();
                    let expected = if bundle_id.ends_with(".*") {
                        format!(
                            "Wildcard Bitrise {platform} development - ({})",
                            bundle_id.trim_end_matches(".*")
                        )
                    } else {
                        format!("Bitrise {platform} {distribution} - ({bundle_id})")
                    };
                    let found = state
                        .profiles
                        .iter()
                        .filter(|known| known.name == expected)
                        .count();
                    assert_eq!(found, 1, "{what}: {expected}\n{}", run.text);
                }
                drop(state);
                let signed = std::fs::read_to_string(folder.join("Made.xcodeproj/project.pbxproj")).unwrap();
                assert!(
                    signed.matches("CODE_SIGN_STYLE = Manual").count() >= targets.len(),
                    "{what}\n{signed}"
                );
                let again = machine.run(STEP, &all);
                assert_eq!(again.status, Some(0), "{what}, again\n{}", again.text);
            }
        }
    }
}

#[test]
fn an_app_clip_needs_a_person_once() {
    let sandbox = Sandbox::start(&seed()).unwrap();
    let machine = machine(&sandbox);
    let clip = Target {
        name: "Clip",
        kind: "application.on-demand-install-capable",
        bundle_id: "com.example.made.Clip",
        entitlements: "<key>com.apple.developer.parent-application-identifiers</key><array><string>$(AppIdentifierPrefix)com.example.made</string></array>",
        ..Target::APP
    };
    let path = project::write(
        &machine.path("made"),
        &[
            Target {
                depends_on: &[1],
                ..Target::APP
            },
            clip,
        ],
    );
    let path = path.display().to_string();
    let inputs = [
        ("project_path", path.as_str()),
        ("scheme", "App"),
        ("distribution_type", "app-store"),
    ];
    let run = machine.run(STEP, &inputs);
    assert_ne!(run.status, Some(0), "{}", run.text);
    run.said(&["App Clip", "Next:"]);
    // A person makes the App ID of the clip, as the message says.
    sandbox
        .state()
        .add_bundle_id("com.example.made.Clip", &["ON_DEMAND_INSTALL_CAPABLE".to_owned()]);
    let run = machine.run(STEP, &inputs);
    assert_eq!(run.status, Some(0), "{}", run.text);
}

#[test]
fn xcodebuild_is_the_only_source_when_asked_for_and_none_when_forbidden() {
    let sandbox = Sandbox::start(&seed()).unwrap();
    let hidden = Target {
        bundle_id: "\"$(NOBODY_KNOWS).made\"",
        ..Target::APP
    };
    for (source, target, status, words) in [
        ("xcodebuild", Target::APP, 0, "Signed"),
        ("project", Target::APP, 0, "Signed"),
        ("project", hidden, 1, "NOBODY_KNOWS"),
        ("automatic", hidden, 0, "com.answered.made"),
    ] {
        let mut machine = machine(&sandbox);
        if target.bundle_id.contains("NOBODY") {
            machine.tool(
                "xcodebuild",
                "case \"$*\" in *-version*) echo 'Xcode 16.2';; *) echo '[{\"action\":\"build\",\"target\":\"App\",\"buildSettings\":{\"PRODUCT_BUNDLE_IDENTIFIER\":\"com.answered.made\"}}]';; esac",
            );
        }
        let path = project::write(&machine.path("made"), &[target])
            .display()
            .to_string();
        let inputs = [
            ("project_path", path.as_str()),
            ("scheme", "App"),
            ("build_settings", source),
        ];
        let run = machine.run(STEP, &inputs);
        assert_eq!(run.status, Some(status), "{source}\n{}", run.text);
        run.said(&[words]);
    }
    let mut machine = machine(&sandbox);
    machine.without("xcodebuild");
    let path = project::write(&machine.path("made"), &[Target::APP])
        .display()
        .to_string();
    machine
        .run(
            STEP,
            &[
                ("project_path", &path),
                ("scheme", "App"),
                ("build_settings", "xcodebuild"),
            ],
        )
        .ended(1)
        .said(&["xcodebuild"]);
}

#[test]
fn whatever_fails_the_run_ends_with_all_or_with_a_cause() {
    let original = {
        let machine = Machine::new();
        machine.project_file()
    };
    let mut ends = [0, 0];
    for random in 0..10 {
        let sandbox = Sandbox::start(&Seed {
            random,
            ..Seed::default()
        })
        .unwrap();
        for (on, kind) in [
            ("GET /v1/", Kind::ServerError),
            ("GET /v1/", Kind::RateLimit { retry_after: None }),
            ("POST /v1/", Kind::AppliedServerError),
            ("POST /v1/", Kind::Reset),
            ("GET /v1/", Kind::Unauthorized),
            ("GET /v1/", Kind::Truncated),
            ("DELETE /v1/", Kind::Vanished),
            ("", Kind::Latency { milliseconds: 30 }),
        ] {
            sandbox.fail(Fault {
                percent: Some(12),
                ..Fault::always(on, kind)
            });
        }
        sandbox.state().lists.hidden_for = u32::try_from(random % 3).unwrap();
        let machine = machine(&sandbox);
        let run = machine.run(STEP, &[]).kept(&secrets(&sandbox));
        let text = machine.project_file();
        match run.status {
            Some(0) => {
                ends[0] += 1;
                assert_eq!(
                    text.matches("PROVISIONING_PROFILE = ").count(),
                    3,
                    "{random}\n{}",
                    run.text
                );
                let state = sandbox.state();
                let mut names: Vec<_> = state
                    .profiles
                    .iter()
                    .map(|profile| profile.name.clone())
                    .collect();
                names.sort();
                let all = names.len();
                names.dedup();
                assert_eq!(names.len(), all, "{random}: twins");
            }
            Some(1) => {
                ends[1] += 1;
                assert_eq!(text, original, "{random}");
                run.said(&["Next:"]);
            }
            other => panic!("{random}: {other:?}\n{}", run.text),
        }
    }
    eprintln!("{} runs got everything, {} said why not", ends[0], ends[1]);
}
