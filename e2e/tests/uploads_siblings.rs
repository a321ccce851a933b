//! Variants of failures that users reported for uploads: crashes of altool, deliveries with errors, build numbers that are used
//! again, and runs that are killed.
//!
//! altool is a script that prints what the altool of an Xcode generation prints (codemagic-ci-cd/cli-tools, 2025-10-17;
//! Apple-Actions/upload-testflight-build #28 and #32; fastlane #29739, #29938); App Store Connect is the sandbox.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::process::Child;
use std::time::Duration;

use apple_sandbox::{Fault, Kind, Sandbox, Seed};
use e2e::{Machine, Run, ipa_of, secrets};

const STEP: &str = "step-application-loader";

/// A machine with Xcode 26.2 on which altool is this script.
fn mac(sandbox: &Sandbox, altool: &str) -> Machine {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    machine.file("tools/xcode-version", "26.2");
    machine.tool("xcrun", altool);
    machine
}

fn run(machine: &Machine, sandbox: &Sandbox, inputs: &[(&str, &str)]) -> Run {
    machine.run(STEP, inputs).kept(&secrets(sandbox))
}

const DELIVERED: &str = "echo '{\"success-message\":\"No errors uploading archive.\",\"tool-version\":\"26.2\",\"details\":{\"delivery-uuid\":\"A1\"}}'";

/// codemagic-ci-cd/cli-tools #435, fastlane #21535 and #29574.
#[test]
fn a_crash_of_altool_is_tried_again_whatever_its_form() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    for crash in [
        "kill -SEGV $$",
        "kill -KILL $$",
        "kill -TRAP $$",
        "kill -BUS $$",
        "echo 'Wrote part 2' >&2; exit 138",
        "exit 255",
        "echo 'Process crashed' >&2; exit 1",
        "echo '2026-07-21 ERROR: [ContentDelivery.Uploader.6] Failed to upload part number 8. HTTP status code: 504' >&2; exit 1",
    ] {
        let script = format!("if [ ! -e \"$0.once\" ]; then touch \"$0.once\"; {crash}; fi\n{DELIVERED}");
        let machine = mac(&sandbox, &script);
        let path = machine.file("Courier.ipa", ipa_of(&[], 10));
        let inputs = [
            ("ipa_path", path.as_str()),
            ("uploader", "altool"),
            ("retries", "3"),
        ];
        let ended = run(&machine, &sandbox, &inputs);
        assert_eq!(ended.status, Some(0), "{crash}\n{}", ended.text);
        assert_eq!(machine.calls("xcrun").len(), 2, "{crash}\n{}", ended.text);
    }
}

/// Deliveries with errors, in the shapes of Xcode 13 to 26.
#[test]
fn errors_beside_a_delivery_are_errors_in_every_shape() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    for (name, output) in [
        (
            "one line, Xcode 16",
            r#"{"tool-version":"8.303.16303","tool-path":"\/Applications\/x","success-message":"No errors uploading 'x'","product-errors":[{"message":"Asset validation failed","userInfo":{"NSLocalizedDescription":"Asset validation failed","NSLocalizedFailureReason":"Missing Info.plist value NSCameraUsageDescription. (ID: 1b)"},"code":409}]}"#,
        ),
        (
            "many lines, Xcode 26",
            "{\n  \"details\" : {\n    \"delivery-uuid\" : \"A1\"\n  },\n  \"product-errors\" : [\n    {\n      \"code\" : \"409\",\n      \"message\" : \"Validation failed\",\n      \"underlying-errors\" : [\n\n      ],\n      \"user-info\" : {\n        \"NSLocalizedFailureReason\" : \"Missing Info.plist value NSCameraUsageDescription.\"\n      }\n    }\n  ],\n  \"tool-version\" : \"26.0.18 (170018)\"\n}",
        ),
        (
            "a property list, Xcode 13",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\"><dict><key>tool-version</key><string>4.060.1220</string><key>product-errors</key><array><dict><key>code</key><integer>-19209</integer><key>message</key><string>Missing Info.plist value NSCameraUsageDescription.</string></dict></array></dict></plist>",
        ),
        (
            "null where a value should be",
            r#"{"tool-version":null,"details":{"delivery-uuid":"A1","transferred":null},"warnings":null,"product-errors":[{"code":409,"message":null,"user-info":{"NSLocalizedFailureReason":"Missing Info.plist value NSCameraUsageDescription."}}]}"#,
        ),
        (
            "a success and then errors, of --wait",
            "{\"success-message\":\"No errors uploading archive.\",\"tool-version\":\"26.2\",\"details\":{\"delivery-uuid\":\"A1\"}}\n{\"tool-version\":\"26.2\",\"product-errors\":[{\"code\":409,\"message\":\"Validation failed\",\"user-info\":{\"NSLocalizedFailureReason\":\"Missing Info.plist value NSCameraUsageDescription.\"}}]}",
        ),
        (
            "a banner after the document",
            "{\"tool-version\":\"26.0\",\"details\":{\"delivery-uuid\":\"A1\"}}\n=======================================\nUPLOAD FAILED with 1 error\n=======================================\nERROR: [ContentDelivery.Uploader.77] Validation failed (409) Missing Info.plist value NSCameraUsageDescription. (ID: 1b)",
        ),
        (
            "progress around it",
            "10% (1.2 MB of 12 MB)\r100%\n{\"tool-version\":\"26.0\",\"details\":{\"delivery-uuid\":\"A1\"},\"product-errors\":[{\"code\":-19241,\"message\":\"Missing Info.plist value NSCameraUsageDescription.\"}]}\nDone.",
        ),
    ] {
        for status in [0, 1] {
            let machine = mac(&sandbox, &format!("cat <<'OUT'\n{output}\nOUT\nexit {status}"));
            let path = machine.file("Courier.ipa", ipa_of(&[], 10));
            let inputs = [
                ("ipa_path", path.as_str()),
                ("uploader", "altool"),
                ("retries", "1"),
            ];
            let ended = run(&machine, &sandbox, &inputs);
            assert_eq!(ended.status, Some(1), "{name} {status}\n{}", ended.text);
            assert!(
                ended
                    .text
                    .contains("Missing Info.plist value NSCameraUsageDescription"),
                "{name}\n{}",
                ended.text
            );
        }
    }
}

/// What App Store Connect lists under the build's name and is not this run's (fastlane #29725).
#[test]
fn an_older_or_another_build_is_no_proof_and_no_refusal() {
    let silent = "echo 'Running altool' >&2; exit 0";
    for (name, older, today) in [
        ("the same number", &[][..], &[][..]),
        (
            "the same train in another spelling",
            &[("CFBundleShortVersionString", "2.0")],
            &[("CFBundleShortVersionString", "2.0.0")],
        ),
        ("another train", &[("CFBundleShortVersionString", "1.2.2")], &[]),
        ("another number", &[("CFBundleVersion", "41")], &[]),
        ("another platform", &[("DTPlatformName", "appletvos")], &[]),
    ] {
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        let first = Machine::linux(&sandbox);
        let path = first.file("Old.ipa", ipa_of(older, 100));
        run(&first, &sandbox, &[("ipa_path", &path)]).ended(0);
        let second = mac(&sandbox, silent);
        let path = second.file("New.ipa", ipa_of(today, 200));
        let inputs = [
            ("ipa_path", path.as_str()),
            ("uploader", "altool"),
            ("retries", "1"),
        ];
        let ended = run(&second, &sandbox, &inputs);
        assert_eq!(ended.status, Some(1), "{name}\n{}", ended.text);
        assert!(
            !ended.text.contains("New.ipa was uploaded"),
            "{name}\n{}",
            ended.text
        );
    }
    // An old failed upload of the same number refuses nothing.
    let sandbox = Sandbox::start(&Seed {
        processing: apple_sandbox::Processing {
            errors: vec![("90683".to_owned(), "Missing purpose string".to_owned())],
            ..Default::default()
        },
        ..Seed::default()
    })
    .unwrap();
    let first = Machine::linux(&sandbox);
    let path = first.file("Old.ipa", ipa_of(&[], 100));
    run(
        &first,
        &sandbox,
        &[("ipa_path", &path), ("wait_for_processing", "yes")],
    )
    .ended(1);
    let second = mac(&sandbox, DELIVERED);
    let path = second.file("New.ipa", ipa_of(&[], 200));
    run(&second, &sandbox, &[("ipa_path", &path), ("uploader", "altool")]).ended(0);
}

/// Starts a native upload that takes long, and waits until its parts are being sent.
fn started(machine: &Machine, sandbox: &Sandbox, path: &str) -> Child {
    sandbox.fail(Fault::always(
        "PUT /storage/",
        Kind::Slow {
            bytes_per_second: 50_000,
        },
    ));
    let child = machine.start(STEP, &[("ipa_path", path), ("uploader", "native")]);
    for _ in 0..400 {
        if !sandbox.state().uploads.files().is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    assert_eq!(
        sandbox.state().uploads.files().len(),
        1,
        "the upload did not begin"
    );
    // The checksum of a file of this size is there within moments.
    std::thread::sleep(Duration::from_millis(400));
    child
}

fn killed(mut child: Child, sandbox: &Sandbox) -> String {
    child.kill().unwrap();
    child.wait().unwrap();
    sandbox.state().faults.clear();
    sandbox.state().uploads[0].id.clone()
}

#[test]
fn a_killed_upload_is_continued_with_the_same_file() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = Machine::linux(&sandbox);
    let path = machine.file("Courier.ipa", ipa_of(&[], 1 << 20));
    let child = started(&machine, &sandbox, &path);
    let id = killed(child, &sandbox);
    run(&machine, &sandbox, &[("ipa_path", &path), ("uploader", "native")])
        .ended(0)
        .said(&["uploaded this very file: continuing its upload"]);
    let state = sandbox.state();
    let kept: Vec<(&str, bool)> = state
        .uploads
        .iter()
        .map(|upload| (upload.id.as_str(), upload.committed))
        .collect();
    assert_eq!(kept, [(id.as_str(), true)]);
}

#[test]
fn a_killed_upload_is_withdrawn_by_the_next_run_of_any_build() {
    for (name, changes) in [
        ("another build number", &[("CFBundleVersion", "43")][..]),
        ("another version", &[("CFBundleShortVersionString", "1.3")]),
        ("the same number, another file", &[]),
    ] {
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        let machine = Machine::linux(&sandbox);
        let path = machine.file("Courier.ipa", ipa_of(&[], 1 << 20));
        let child = started(&machine, &sandbox, &path);
        let id = killed(child, &sandbox);
        let next = machine.file("Next.ipa", ipa_of(changes, (1 << 20) + 7));
        let ended = run(&machine, &sandbox, &[("ipa_path", &next), ("uploader", "native")]).ended(0);
        assert!(
            ended.text.contains(&format!("its upload {id} was withdrawn")),
            "{name}\n{}",
            ended.text
        );
        let state = sandbox.state();
        assert!(
            state.uploads.len() == 1 && state.uploads[0].id != id && state.uploads[0].committed,
            "{name}"
        );
    }
}

/// altool's run looks after what a killed native run left behind, too; what is committed is kept.
#[test]
fn a_killed_upload_is_withdrawn_by_a_run_of_altool() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = Machine::linux(&sandbox);
    let path = machine.file("Courier.ipa", ipa_of(&[], 1 << 20));
    let child = started(&machine, &sandbox, &path);
    let id = killed(child, &sandbox);
    let mut machine = machine;
    machine.tool("xcodebuild", "echo 'Xcode 26.2'; echo 'Build version 17C1'");
    machine.tool("xcrun", DELIVERED);
    let next = machine.file("Next.ipa", ipa_of(&[("CFBundleVersion", "43")], 10));
    run(&machine, &sandbox, &[("ipa_path", &next), ("uploader", "altool")])
        .ended(0)
        .said(&[&format!("its upload {id} was withdrawn")]);
    assert!(sandbox.state().uploads.iter().all(|upload| upload.id != id));
}

#[test]
fn a_committed_upload_of_a_killed_run_is_kept() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = Machine::linux(&sandbox);
    let path = machine.file("Courier.ipa", ipa_of(&[], 1 << 20));
    let child = started(&machine, &sandbox, &path);
    let id = killed(child, &sandbox);
    // Its last request arrived after all.
    {
        let mut state = sandbox.state();
        state.uploads[0].committed = true;
        for file in state.uploads.files_mut() {
            file.state = "UPLOAD_COMPLETE".to_owned();
        }
    }
    let next = machine.file("Next.ipa", ipa_of(&[("CFBundleVersion", "43")], 10));
    run(&machine, &sandbox, &[("ipa_path", &next), ("uploader", "native")]).ended(0);
    assert!(sandbox.state().uploads.iter().any(|upload| upload.id == id));
}

#[test]
fn a_signal_withdraws_the_upload_and_says_so() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = Machine::linux(&sandbox);
    let path = machine.file("Courier.ipa", ipa_of(&[], 1 << 20));
    let child = started(&machine, &sandbox, &path);
    let id = sandbox.state().uploads[0].id.clone();
    e2e::terminate(&child);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(143), "{text}");
    assert!(
        text.contains(&format!(
            "The unfinished upload {id} was withdrawn from App Store Connect."
        )),
        "{text}"
    );
    assert!(sandbox.state().uploads.is_empty());
    // Nothing is left for the next run to look after.
    sandbox.state().faults.clear();
    let ended = run(&machine, &sandbox, &[("ipa_path", &path), ("uploader", "native")]).ended(0);
    assert!(!ended.text.contains("An earlier run"), "{}", ended.text);
}
