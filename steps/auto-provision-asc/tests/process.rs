//! The binary as a process of its own, where no server is needed.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::path::Path;
use std::process::{Command, Output};

fn run(home: &Path, variables: &[(&str, &str)]) -> Output {
    let inputs = [
        ("scheme", "App"),
        ("certificate_urls", "file:///nowhere.p12"),
        ("passphrases", "p4ssphrase"),
        ("keychain_password", "k3ychain"),
    ];
    Command::new(env!("CARGO_BIN_EXE_step-auto-provision-asc"))
        .env_clear()
        .env("HOME", home)
        .envs(inputs)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for secret in ["p4ssphrase", "k3ychain", "build-t0ken"] {
        assert!(!text.contains(secret), "{text}");
    }
    text
}

#[test]
fn wrong_inputs_end_with_status_2_and_are_named_together() {
    let home = tempfile::tempdir().unwrap();
    let output = run(
        home.path(),
        &[("distribution_type", "adhoc"), ("min_profile_days_valid", "soon")],
    );
    let text = text(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for words in [
        "distribution_type: ",
        "`adhoc`; accepted: development",
        "min_profile_days_valid: ",
        "project_path: ",
    ] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn the_failure_is_the_last_block_and_the_only_red_one() {
    let home = tempfile::tempdir().unwrap();
    let output = run(
        home.path(),
        &[
            ("project_path", "/nowhere/App.xcodeproj"),
            ("build_api_token", "build-t0ken"),
        ],
    );
    let text = text(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text.matches("\x1b[31;1m").count(), 1, "{text}");
    assert!(text.trim_end().ends_with("\x1b[0m"), "{text}");
    assert!(text.contains("- build_api_token: *****"), "{text}");
}

#[test]
fn values_that_are_not_utf_8_elsewhere_do_not_hurt() {
    use std::os::unix::ffi::OsStrExt as _;
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_step-auto-provision-asc"))
        .env_clear()
        .env("HOME", home.path())
        .env("OTHER", std::ffi::OsStr::from_bytes(&[0xff, 0xfe]))
        .env("PLATFORM", "x")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_failure_is_appended_to_the_summary_that_steps_share() {
    let home = tempfile::tempdir().unwrap();
    let summary = home.path().join("summary.md");
    std::fs::write(&summary, "before\n").unwrap();
    let path = summary.to_str().unwrap();
    run(
        home.path(),
        &[
            ("project_path", "/nowhere/App.xcodeproj"),
            ("BITRISE_STEP_FORMATTED_OUTPUT_FILE_PATH", path),
        ],
    );
    let text = std::fs::read_to_string(&summary).unwrap();
    assert!(
        text.starts_with("before\n## Auto Provision") && text.contains("**Failed:**"),
        "{text}"
    );
}
