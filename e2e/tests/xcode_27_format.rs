//! Projects in the format of Xcode 27.2 (`project.xcproj`), from reading to the edited file, with both provisioning steps.
//!
//! The lines that must change are those that Xcode's own writer would change: tuist/XcodeProj 9.17
//! (`BuildSettingsMapping.swift`) and files that Xcode 27.2 wrote (maxgoedjen/secretive, pull request 837).
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

use std::path::{Path, PathBuf};

use apple_sandbox::{Fault, Kind, Sandbox, Seed};
use e2e::project::{self, Target};
use e2e::{Machine, secrets};

const STEPS: [&str; 2] = ["step-auto-provision-asc", "step-auto-provision-apple-id"];

const TARGETS: [Target; 2] = [
    Target {
        depends_on: &[1],
        settings: &[("CODE_SIGN_STYLE", "Automatic")],
        ..Target::APP
    },
    Target {
        name: "Share",
        kind: "app-extension",
        bundle_id: "com.example.made.share",
        settings: &[
            ("CODE_SIGN_STYLE[config=Debug]", "Automatic"),
            ("CODE_SIGN_STYLE[config=Release]", "Manual"),
            ("DEVELOPMENT_TEAM", "OLDTEAM999"),
        ],
        ..Target::APP
    },
];

fn file(machine: &Machine) -> PathBuf {
    machine.path("made/Made.xcodeproj/project.xcproj")
}

fn made(sandbox: &Sandbox) -> Machine {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    let folder = machine.path("made");
    std::fs::create_dir_all(&folder).unwrap();
    let path = project::write_xcode_27(&folder, &TARGETS).display().to_string();
    machine.set("project_path", &path).set("scheme", "App");
    machine
        .set("distribution_type", "app-store")
        .set("generate_profiles", "yes");
    machine
}

/// Lines that are only in one of two texts.
fn only_in(one: &str, other: &str) -> Vec<String> {
    let all: Vec<&str> = other.lines().collect();
    let own = one.lines().filter(|line| !all.contains(line));
    own.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn both_steps_sign_a_project_as_xcode_would_have_written_it() {
    for step in STEPS {
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        let machine = made(&sandbox);
        let before = std::fs::read_to_string(file(&machine)).unwrap();
        let run = machine.run(step, &[]).kept(&secrets(&sandbox));
        assert_eq!(run.status, Some(0), "{step}\n{}", run.text);
        let after = std::fs::read_to_string(file(&machine)).unwrap();
        let gone = only_in(&before, &after);
        assert_eq!(
            gone,
            [
                "\"CODE_SIGN_STYLE\": \"Automatic\",",
                "\"DEVELOPMENT_TEAM\": \"OLDTEAM999\","
            ],
            "{step}\n{after}"
        );
        let came = only_in(&after, &before);
        let keys: Vec<&str> = came.iter().map(|line| line.split(": ").next().unwrap()).collect();
        assert_eq!(
            keys,
            [
                "\"CODE_SIGN_IDENTITY[config=Release]\"",
                "\"DEVELOPMENT_TEAM[config=Release]\"",
                "\"PROVISIONING_PROFILE[config=Release]\"",
                "\"PROVISIONING_PROFILE_SPECIFIER[config=Release]\"",
                "\"CODE_SIGN_IDENTITY[config=Release]\"",
                "\"DEVELOPMENT_TEAM[config=Debug]\"",
                "\"DEVELOPMENT_TEAM[config=Release]\"",
                "\"PROVISIONING_PROFILE[config=Release]\"",
                "\"PROVISIONING_PROFILE_SPECIFIER[config=Release]\"",
            ],
            "{step}\n{after}"
        );
        assert!(came.contains(&"\"DEVELOPMENT_TEAM[config=Debug]\": \"OLDTEAM999\",".to_owned()));
        assert!(came.contains(&"\"DEVELOPMENT_TEAM[config=Release]\": \"SBXTEAM123\",".to_owned()));
        assert_eq!(
            after
                .matches("\"CODE_SIGN_STYLE[config=Debug]\": \"Automatic\",")
                .count(),
            2
        );
        assert_eq!(
            after
                .matches("\"CODE_SIGN_STYLE[config=Release]\": \"Manual\",")
                .count(),
            2
        );
        let again = machine.run(step, &[]);
        assert_eq!(again.status, Some(0), "{step}, again\n{}", again.text);
        assert_eq!(
            std::fs::read_to_string(file(&machine)).unwrap(),
            after,
            "{step}: a second run changes nothing"
        );
    }
}

#[test]
fn a_workspace_leads_to_such_a_project() {
    for step in STEPS {
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        let machine = made(&sandbox);
        let workspace = project::workspace(&machine.path("made")).display().to_string();
        let run = machine.run(step, &[("project_path", workspace.as_str())]);
        assert_eq!(run.status, Some(0), "{step}\n{}", run.text);
        let after = std::fs::read_to_string(file(&machine)).unwrap();
        assert_eq!(
            after.matches("\"PROVISIONING_PROFILE[config=Release]\"").count(),
            2,
            "{step}\n{after}"
        );
    }
}

#[test]
fn a_failed_run_leaves_the_project_as_it_was() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = made(&sandbox);
    let before = std::fs::read(file(&machine)).unwrap();
    sandbox.fail(Fault::always("POST /v1/profiles", Kind::Role));
    let run = machine.run(STEPS[0], &[]);
    assert_eq!(run.status, Some(1), "{}", run.text);
    assert_eq!(std::fs::read(file(&machine)).unwrap(), before);
}

/// Runs both steps on a project that can't be used, which must cost nothing.
#[track_caller]
fn refused(spoil: impl Fn(&Path), words: &[&str]) {
    for step in STEPS {
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        let machine = made(&sandbox);
        let file = file(&machine);
        spoil(&file);
        let before = std::fs::read(&file).unwrap();
        let run = machine.run(step, &[]);
        assert_eq!(run.status, Some(1), "{step}\n{}", run.text);
        run.said(words);
        assert_eq!(sandbox.state().writes(), 0, "{step}");
        assert_eq!(std::fs::read(&file).unwrap(), before, "{step}");
    }
}

#[test]
fn a_project_with_a_file_in_each_format_is_refused_as_xcode_refuses_it() {
    refused(
        |file| std::fs::write(file.with_extension("pbxproj"), "// !$*UTF8*$!\n{}\n").unwrap(),
        &[
            "Made.xcodeproj holds both `project.pbxproj` and `project.xcproj`",
            "delete the one that is out of date",
        ],
    );
}

#[test]
fn a_broken_project_is_refused_with_its_place() {
    let spoiled = |from: &'static str, to: &'static str| {
        move |file: &Path| {
            let text = std::fs::read_to_string(file).unwrap();
            assert!(text.contains(from), "{text}");
            std::fs::write(file, text.replacen(from, to, 1)).unwrap();
        }
    };
    refused(
        spoiled("\"Release\",\n  ],", "\"Release\"\n    \"Other\"\n  ],"),
        &["project.xcproj", "line 6, column 5: expected `,` or `]`"],
    );
    refused(
        spoiled("\"SDKROOT\": \"iphoneos\"", "\"SDKROOT\": 27"),
        &[
            "project.xcproj",
            "expected a string or an array of strings for the build setting `SDKROOT`",
        ],
    );
    refused(
        spoiled("{\n", "{\n  \"required-capabilities\": [ \"holograms\" ],\n"),
        &["the project requires a newer version of Xcode with support for `holograms`"],
    );
}
