//! Releases and TestFlight distributions without Ruby: `deliver` with `engine: native`, and application-loader, by their real binaries
//! against the sandbox, whose states have tests of their own (sources: fastlane 2.237, Apple's API documents 4.4.1 and 4.5.1).
//!
//! What counts is what the App Store and TestFlight show in the end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

#[path = "native_release/deliver.rs"]
mod deliver;
#[path = "native_release/faults.rs"]
mod faults;
#[path = "native_release/testflight.rs"]
mod testflight;

use std::path::PathBuf;

use apple_sandbox::{Json, Sandbox, Seed, SeedApp, SeedRelease, Situation, picture};
use e2e::{Machine, Run, copy_tree, ipa, repository, secrets};

const APP: &str = "1023456789";

/// A Linux machine with the sample's metadata and screenshots, and an app on the store that they are a release of.
struct Shop {
    sandbox: Sandbox,
    machine: Machine,
}

fn seed(release: SeedRelease) -> Seed {
    Seed {
        apps: vec![SeedApp {
            id: APP.to_owned(),
            name: "Courier".to_owned(),
            bundle_id: "com.example.courier".to_owned(),
            release,
            ..SeedApp::default()
        }],
        ..Seed::default()
    }
}

fn at(situation: Situation) -> SeedRelease {
    SeedRelease {
        situation,
        screenshots: 1,
        is_ready_for_beta_review: true,
        ..SeedRelease::default()
    }
}

impl Shop {
    fn at(situation: Situation) -> Self {
        Self::of(&seed(at(situation)))
    }

    fn of(seed: &Seed) -> Self {
        let sandbox = Sandbox::start(seed).unwrap();
        let machine = Machine::linux(&sandbox);
        let folder = machine.path("project/fastlane");
        copy_tree(
            &repository().join("samples/release/metadata"),
            &folder.join("metadata"),
        );
        for (locale, first) in [("en-US", 1), ("de-DE", 3)] {
            for number in 0..2 {
                let content = picture::screenshot(1290, 2796, first + number);
                machine.file(
                    &format!("project/fastlane/screenshots/{locale}/{}.png", number + 1),
                    content,
                );
            }
        }
        let package = ipa(&[]);
        machine.file("project/Courier.ipa", package);
        Self { sandbox, machine }
    }

    /// Runs deliver; no secret may be printed or left behind.
    fn deliver(&self, inputs: &[(&str, &str)]) -> Run {
        let all = Self::inputs(inputs);
        let run = self.machine.run("step-deliver", &all);
        self.checked(run)
    }

    fn inputs<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut all = vec![
            ("engine", "native"),
            ("ipa_path", "Courier.ipa"),
            ("bundle_id", "com.example.courier"),
            ("skip_metadata", "no"),
            ("skip_screenshots", "no"),
            ("submit_for_review", "yes"),
            ("options", COMPLIANCE),
        ];
        for (key, value) in more {
            all.retain(|(known, _)| known != key);
            all.push((key, value));
        }
        all
    }

    fn checked(&self, run: Run) -> Run {
        let mut secrets = secrets(&self.sandbox);
        secrets.push("signature=".to_owned());
        let run = run.kept(&secrets);
        assert_eq!(
            self.machine.leftovers(&secrets),
            Vec::<PathBuf>::new(),
            "{}",
            run.text
        );
        run
    }

    /// What the store shows of the version with this number.
    fn version(&self, number: &str) -> Json {
        let product = self.sandbox.product();
        let versions = product["apps"][0]["versions"].as_array().unwrap();
        let own = versions.iter().find(|version| version["version"] == number);
        own.cloned().unwrap_or_default()
    }

    /// The requests so far that changed something; what was refused did not.
    fn writes(&self) -> Vec<String> {
        let state = self.sandbox.state();
        let writes = state
            .requests
            .iter()
            .filter(|request| request.method != "GET" && request.status < 400);
        writes
            .map(|request| format!("{} {}", request.method, request.path))
            .collect()
    }
}

/// The demos of the manual, with binaries that are built already.
#[test]
fn the_demos_show_a_release_and_a_distribution() {
    let binaries = e2e::binary("step-deliver");
    let target = binaries.parent().unwrap().parent().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cargo = folder.path().join("cargo");
    std::fs::write(&cargo, "#!/bin/sh\n").unwrap();
    e2e::executable(&cargo.display().to_string());
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    for (name, words) in [
        (
            "deliver",
            &[
                "Plan: ",
                "1.1 WAITING_FOR_REVIEW, build 7",
                "de-DE  Kurier",
                "[1.png, 2.png, 3.png]",
                "Report: ",
            ][..],
        ),
        (
            "application-loader",
            &[
                "Plan for TestFlight: ",
                "1.1 (7)",
                "WAITING_FOR_BETA_REVIEW",
                "group Friends  1.1 (7)",
                "BITRISE_TESTFLIGHT_BUILD_URL",
                "Report: ",
            ],
        ),
    ] {
        let output = std::process::Command::new(e2e::binary("xtask"))
            .args(["demo", name])
            .env("PATH", &path)
            .env("CARGO_MANIFEST_DIR", repository().join("xtask"))
            .env("CARGO_TARGET_DIR", target)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{text}");
        for word in words {
            assert!(text.contains(word), "`{word}` was not said:\n{text}");
        }
    }
}

const COMPLIANCE: &str = "--submission_information '{\"export_compliance_uses_encryption\": false}'";

/// What the store shows of a locale of a version.
fn page<'a>(version: &'a Json, locale: &str) -> &'a Json {
    let locales = version["locales"].as_array().unwrap();
    locales
        .iter()
        .find(|page| page["locale"] == locale)
        .unwrap_or_else(|| panic!("no {locale} in {version:#}"))
}

/// The names of the screenshots of a locale, in their order.
fn shots(version: &Json, locale: &str) -> Vec<String> {
    let all = page(version, locale)["screenshots"].as_array().unwrap().iter();
    all.map(|shot| shot["name"].as_str().unwrap().to_owned())
        .collect()
}
