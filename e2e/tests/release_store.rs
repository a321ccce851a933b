//! The native engines against an independent store on loopback, whose final state is compared with what a real
//! fastlane 2.237.0 left there in the same situation. Requests are held against Apple's OpenAPI document.
//!
//! The store and the recordings lie in `../shared/parity/release`; nothing of ours is in them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test"
)]

use std::process::Command;

fn compare(tool: &str, step: &str, environment: &[(&str, &str)]) {
    let harness = e2e::repository().join("../shared/parity/release/compare.py");
    let mut command = Command::new("python3");
    command
        .arg(harness)
        .args(["--tool", tool, "--show", "--command"])
        .arg(e2e::binary(step));
    for (key, value) in environment {
        command.arg("--env").arg(format!("{key}={value}"));
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        !text.contains("not as in Apple's document") && !text.contains("the message lacks"),
        "{text}"
    );
}

#[test]
#[cfg_attr(
    no_release_store,
    ignore = "the independent store is not beside the repository"
)]
fn a_release_leaves_what_fastlane_leaves_or_better() {
    compare(
        "deliver",
        "step-deliver",
        &[
            ("APP_STORE_CONNECT_URL", "{base}"),
            ("engine", "native"),
            ("connection", "off"),
            ("api_key_path", "{key_path}"),
            ("api_issuer", "{issuer}"),
            ("bundle_id", "{bundle_id}"),
            ("skip_metadata", "{opt:skip_metadata|yes|no}"),
            ("skip_screenshots", "{opt:skip_screenshots|yes|no}"),
            ("submit_for_review", "{opt:submit_for_review|yes|no}"),
            ("options", "{flags}"),
        ],
    );
}

#[test]
#[cfg_attr(
    no_release_store,
    ignore = "the independent store is not beside the repository"
)]
fn a_distribution_leaves_what_pilot_leaves_or_better() {
    compare(
        "pilot",
        "step-application-loader",
        &[
            ("APP_STORE_CONNECT_URL", "{base}"),
            ("connection", "off"),
            ("api_key_path", "{key_path}"),
            ("api_issuer", "{issuer}"),
            ("bundle_id", "{bundle_id}"),
            ("bundle_short_version_string", "{opt:app_version}"),
            ("bundle_version", "{opt:build_number}"),
            ("beta_groups", "{opt:groups}"),
            ("what_to_test", "{opt:changelog}"),
            ("submit_beta_review", "{opt:distribute_external|yes|no}"),
            ("notify_testers", "{opt:notify_external_testers|yes|unchanged}"),
        ],
    );
}
