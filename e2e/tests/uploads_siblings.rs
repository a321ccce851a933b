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
use e2e::{Machine, Run, files, ipa, ipa_of, secrets, together};

const STEP: &str = "step-application-loader";
const DELIVER: &str = "step-deliver";

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

/// Files that are no package: what an export leaves that was interrupted, and what an input names by mistake. Whoever uploads
/// them gets a refusal of Apple's at best; a check of them is not passed, whatever else the inputs say.
#[test]
fn what_is_no_package_passes_no_check_and_is_not_uploaded() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = mac(&sandbox, DELIVERED);
    let whole = ipa_of(&[], 400_000);
    // The end of an archive without entries (`APPNOTE.TXT`, 4.3.16).
    let no_entries = [b"PK\x05\x06".as_slice(), &[0; 18]].concat();
    let numbers = [
        ("bundle_id", "com.example.courier"),
        ("bundle_version", "42"),
        ("bundle_short_version_string", "1.2.3"),
    ];
    let ways: [&[(&str, &str)]; 4] = [
        &[("validate_only", "yes")],
        &[
            ("validate_only", "yes"),
            ("uploader", "native"),
            ("app_id", "1023456789"),
        ],
        &[("uploader", "native")],
        &[("mode", "plan"), ("uploader", "altool")],
    ];
    for (name, content, reason) in [
        ("Empty.ipa", &b""[..], "the file is empty"),
        ("Truncated.ipa", &whole[..whole.len() / 2], "it is truncated"),
        (
            "Directory.ipa",
            &whole[whole.len() - 22..],
            "not a usable zip archive",
        ),
        ("Text.ipa", &b"<html>404</html>"[..], "it does not begin as one"),
        (
            "Nothing.ipa",
            &no_entries[..],
            "the package has no `Payload/*.app/Info.plist`",
        ),
        (
            "Installer.ipa",
            &b"xar!\0\x1c\0\x01"[..],
            "it is a xar archive, as a .pkg is",
        ),
        ("Empty.pkg", &b""[..], "the file is empty"),
        ("Zip.pkg", &whole[..], "it is a zip archive, as an .ipa is"),
        ("Short.pkg", &b"xar!"[..], "it is too short"),
    ] {
        let path = machine.file(name, content);
        let key = if name.ends_with("pkg") {
            "pkg_path"
        } else {
            "ipa_path"
        };
        for way in ways {
            for given in [&[][..], &numbers] {
                let inputs: Vec<_> = way
                    .iter()
                    .chain(given)
                    .copied()
                    .chain([(key, path.as_str())])
                    .collect();
                let ended = run(&machine, &sandbox, &inputs).ended(1);
                let words = [
                    name,
                    "that can be uploaded",
                    reason,
                    "check that the step that exports the package",
                    key,
                ];
                ended.said(&words);
            }
        }
        let deliver = [
            (key, path.as_str()),
            ("engine", "native"),
            ("bundle_id", "com.example.courier"),
            ("skip_metadata", "yes"),
            ("skip_screenshots", "yes"),
            ("options", "--app_version 2.0.0"),
        ];
        machine
            .run("step-deliver", &deliver)
            .ended(1)
            .said(&[name, reason, "nothing was changed"]);
    }
    let state = sandbox.state();
    let changes = state.requests.iter().filter(|one| one.method != "GET").count();
    drop(state);
    assert_eq!(changes, 0, "nothing was reserved");
    // altool reads a package by itself, and its refusal is in Apple's words.
    let path = machine.file("Empty.ipa", "");
    run(&machine, &sandbox, &[("ipa_path", &path), ("uploader", "altool")])
        .ended(0)
        .said(&["the file is empty"]);
    // What is missing because of that has it as its cause.
    run(
        &machine,
        &sandbox,
        &[
            ("ipa_path", &path),
            ("uploader", "altool"),
            ("app_id", "1023456789"),
        ],
    )
    .ended(1)
    .said(&[
        "could not be read from Empty.ipa",
        "the file is empty",
        "set the inputs bundle_id",
    ]);
    let path = machine.file("Courier.ipa", ipa(&[]));
    run(
        &machine,
        &sandbox,
        &[("ipa_path", &path), ("validate_only", "yes")],
    )
    .ended(0)
    .said(&["passed the checks"]);
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
    started_by(
        machine,
        sandbox,
        STEP,
        &[("ipa_path", path), ("uploader", "native")],
    )
}

fn started_by(machine: &Machine, sandbox: &Sandbox, step: &str, inputs: &[(&str, &str)]) -> Child {
    let slow = Kind::Slow {
        bytes_per_second: 50_000,
    };
    // Gone from the list once it has struck: then the first part is being sent, and takes its time whatever follows.
    sandbox.fail(Fault::times("PUT /storage/", 1, slow));
    let child = machine.start(step, inputs);
    for _ in 0..400 {
        if sandbox.state().faults.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    assert_eq!(
        sandbox.state().uploads.files().len(),
        1,
        "the upload did not begin"
    );
    machine.until_upload_is_recorded();
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

/// What a run of deliver's native engine is given to upload a package and nothing else.
const PACKAGE_ALONE: [(&str, &str); 6] = [
    ("engine", "native"),
    ("bundle_id", "com.example.courier"),
    ("skip_metadata", "yes"),
    ("skip_screenshots", "yes"),
    ("submit_for_review", "no"),
    ("options", "--app_version 2.0.0"),
];

/// The inputs of a step that uploads the package natively.
fn native<'a>(step: &str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut inputs = vec![("ipa_path", path)];
    if step == STEP {
        inputs.push(("uploader", "native"));
    } else {
        inputs.extend(PACKAGE_ALONE);
    }
    inputs
}

/// A machine on which a run of a step was killed during the upload of `Courier.ipa`; the path of the package and the ID
/// of its upload.
fn after_a_kill(sandbox: &Sandbox, step: &str) -> (Machine, String, String) {
    let machine = Machine::linux(sandbox);
    let path = machine.file("Courier.ipa", ipa_of(&[], 1 << 20));
    let child = started_by(&machine, sandbox, step, &native(step, &path));
    let id = killed(child, sandbox);
    (machine, path, id)
}

#[test]
fn a_killed_upload_of_either_step_is_continued_by_either_with_the_same_file_and_withdrawn_otherwise() {
    let cases = [
        (DELIVER, DELIVER, true),
        (DELIVER, DELIVER, false),
        (DELIVER, STEP, true),
        (DELIVER, STEP, false),
        (STEP, DELIVER, true),
        (STEP, DELIVER, false),
    ];
    together(cases, |(first, second, is_same)| {
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        let (machine, path, id) = after_a_kill(&sandbox, first);
        let next = machine.file("Next.ipa", ipa_of(&[("CFBundleVersion", "43")], 100));
        let path = if is_same { path } else { next };
        let ended = machine
            .run(second, &native(second, &path))
            .kept(&secrets(&sandbox))
            .ended(0);
        let said = if is_same {
            format!("continuing its upload {id}")
        } else {
            format!("its upload {id} was withdrawn")
        };
        assert!(ended.text.contains(&said), "{first} {second}\n{}", ended.text);
        let state = sandbox.state();
        assert!(
            state.uploads.len() == 1 && state.uploads[0].committed && (state.uploads[0].id == id) == is_same,
            "{first} {second} {is_same}\n{}",
            ended.text
        );
        assert_eq!(records(&machine), 0, "{first} {second}\n{}", ended.text);
    });
}

/// How many uploads are recorded or claimed.
fn records(machine: &Machine) -> usize {
    files(&machine.path("home/.local/state/apple-steps")).len()
}

/// What a run without an upload of its own owes an upload that a killed run reserved: it is withdrawn, unless this run only
/// looks, or has the very file that waits for its upload.
#[test]
fn a_run_that_uploads_nothing_withdraws_what_a_killed_run_reserved_and_keeps_the_upload_of_its_own_file() {
    let cases = [
        // The step, its inputs, whether it has the same file, its exit status, and whether the upload stays.
        (STEP, &[("validate_only", "yes")][..], true, 0, true),
        (STEP, &[("validate_only", "yes")], false, 0, false),
        (STEP, &[("mode", "plan"), ("uploader", "native")], false, 0, true),
        // Who can't sign in can't withdraw.
        (STEP, &[("retries", "x")], true, 2, true),
        (
            STEP,
            &[
                ("build_id", "latest"),
                ("bundle_id", "com.example.courier"),
                ("beta_groups", "x"),
            ],
            false,
            1,
            false,
        ),
        (DELIVER, &[("ipa_path", ""), ("mode", "plan")], false, 0, true),
        (DELIVER, &[("ipa_path", "")], false, 0, false),
        (
            DELIVER,
            &[("engine", "fastlane"), ("fastlane_version", "")],
            true,
            0,
            false,
        ),
    ];
    together(cases, |(step, more, is_same, status, stays)| {
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        let (mut machine, path, id) = after_a_kill(&sandbox, STEP);
        machine.tool(
            "fastlane",
            "[ \"$1\" = --version ] && { echo 'fastlane 2.230.0'; exit 0; }; exit 0",
        );
        let next = machine.file("Next.ipa", ipa_of(&[("CFBundleVersion", "43")], 100));
        let path = if is_same { path } else { next };
        let mut inputs = vec![("ipa_path", path.as_str())];
        if step == DELIVER {
            inputs.extend(PACKAGE_ALONE);
        }
        inputs.retain(|(key, _)| !more.iter().any(|(other, _)| other == key));
        inputs.extend(more);
        if more.iter().any(|(key, _)| *key == "build_id") {
            inputs.retain(|(key, _)| *key != "ipa_path");
        }
        let ended = machine.run(step, &inputs).kept(&secrets(&sandbox)).ended(status);
        let is_there = sandbox.state().uploads.iter().any(|upload| upload.id == id);
        assert_eq!(is_there, stays, "{step} {more:?}\n{}", ended.text);
        let said = ended.text.contains(&format!("its upload {id} was withdrawn"));
        assert_eq!(said, !stays, "{step} {more:?}\n{}", ended.text);
        if stays && is_same && status == 0 {
            run(&machine, &sandbox, &native(STEP, &path))
                .ended(0)
                .said(&[&format!("continuing its upload {id}")]);
        }
    });
}

/// A key of another team sees none of it: Apple answers 404 as if it were gone.
#[test]
fn an_upload_of_another_team_stays_recorded() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let (machine, _, id) = after_a_kill(&sandbox, STEP);
    let all = files(&machine.path("home/.local/state/apple-steps"));
    let record = all
        .iter()
        .find(|path| path.extension().unwrap() == "json")
        .unwrap();
    let text = std::fs::read_to_string(record).unwrap();
    let mut document: apple_sandbox::Json = text.parse().unwrap();
    document["account"] = "57246542-96fe-1a63-e053-0824d011072a".into();
    std::fs::write(record, document.to_string()).unwrap();
    let next = machine.file("Next.ipa", ipa_of(&[("CFBundleVersion", "43")], 100));
    run(&machine, &sandbox, &native(STEP, &next)).ended(0);
    assert!(sandbox.state().uploads.iter().any(|upload| upload.id == id));
    assert!(record.exists());
}

#[test]
fn a_living_run_keeps_its_upload_and_the_other_one_says_who_uploads() {
    let cases = [
        // Who uploads, who comes later, and whether that one has the same file.
        (STEP, STEP, true),
        (STEP, DELIVER, true),
        (DELIVER, STEP, false),
        (DELIVER, DELIVER, true),
    ];
    together(cases, |(first, second, is_same)| {
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        let machine = Machine::linux(&sandbox);
        let path = machine.file("Courier.ipa", ipa_of(&[], 1 << 18));
        let child = started_by(&machine, &sandbox, first, &native(first, &path));
        let id = sandbox.state().uploads[0].id.clone();
        let other = machine.file("Other.ipa", ipa_of(&[], 1000));
        let theirs = if is_same { &path } else { &other };
        let ended = machine
            .run(second, &native(second, theirs))
            .kept(&secrets(&sandbox))
            .ended(1);
        for words in [
            format!("another run on this machine (process {}, since 20", child.id()),
            "is uploading version 1.2.3 (42) now".to_owned(),
            "wait until that run has ended, then rerun the step".to_owned(),
        ] {
            assert!(
                ended.text.contains(&words),
                "{first} {second}: {words}\n{}",
                ended.text
            );
        }
        assert!(
            !ended.text.contains("Withdrawing"),
            "{first} {second}\n{}",
            ended.text
        );
        // Another build number is nobody's yet.
        sandbox.state().faults.clear();
        let next = machine.file("Next.ipa", ipa_of(&[("CFBundleVersion", "43")], 100));
        machine.run(second, &native(second, &next)).ended(0);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{first} {second}\n{text}");
        let is_committed = |upload: &apple_sandbox::Upload| upload.id == id && upload.committed;
        assert!(
            sandbox.state().uploads.iter().any(is_committed),
            "{first} {second}\n{text}"
        );
        // Afterwards App Store Connect tells what became of it.
        if second == STEP && is_same {
            run(&machine, &sandbox, &native(STEP, &path))
                .ended(0)
                .said(&["already has this file"]);
        }
        assert_eq!(records(&machine), 0);
    });
}

/// Of another machine's run nobody here can know: its upload is taken for one that was left behind, and it says what
/// happened.
#[test]
fn a_run_whose_upload_another_machine_withdraws_says_that_and_blames_no_network() {
    for step in [STEP, DELIVER] {
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        let (first, second) = (Machine::linux(&sandbox), Machine::linux(&sandbox));
        // Sent for some seconds: the other run begins meanwhile, however busy the machine is.
        let path = first.file("Courier.ipa", ipa_of(&[], 1 << 18));
        let child = started_by(&first, &sandbox, step, &native(step, &path));
        let id = sandbox.state().uploads[0].id.clone();
        sandbox.state().faults.clear();
        let other = second.file("Other.ipa", ipa_of(&[], 1000));
        run(&second, &sandbox, &native(STEP, &other))
            .ended(0)
            .said(&["Withdrawing an unfinished earlier upload of this build"]);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(
            text.contains(&format!("App Store Connect no longer has the upload {id}"))
                && text.contains("find out who else uploads this build"),
            "{text}"
        );
        assert!(
            !text.contains("check the network") && !text.contains("was withdrawn from"),
            "{text}"
        );
        let state = sandbox.state();
        assert!(state.uploads.len() == 1 && state.uploads[0].committed, "{text}");
    }
}
