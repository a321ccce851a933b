//! application-loader without Xcode: uploads through the Build Uploads API, with everything that goes wrong on the way.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use apple_sandbox::{Fault, Kind, Processing, Sandbox, Seed};
use e2e::{Machine, Run, ipa_of, secrets, terminate};
use sha2::{Digest as _, Sha256};

const STEP: &str = "step-application-loader";

fn small_parts() -> Seed {
    Seed {
        part_size: 64 << 10,
        ..Seed::default()
    }
}

/// An `.ipa` of about so many bytes that don't compress.
fn package(machine: &Machine, size: usize) -> (String, String) {
    let content = ipa_of(&[], size);
    let digest = base16ct::lower::encode_string(&Sha256::digest(&content));
    (machine.file("Courier.ipa", content), digest)
}

fn run(machine: &Machine, sandbox: &Sandbox, inputs: &[(&str, &str)]) -> Run {
    let mut secrets = secrets(sandbox);
    let run = machine.run(STEP, inputs);
    // The links of parts carry their own permission.
    secrets.push("signature=".to_owned());
    let run = run.kept(&secrets);
    assert_eq!(machine.leftovers(&secrets), Vec::<PathBuf>::new());
    run
}

/// Whether the one upload arrived whole.
fn arrived(sandbox: &Sandbox, digest: &str) -> bool {
    let state = sandbox.state();
    state.uploads.len() == 1 && state.uploads.files().len() == 1 && state.uploads.files()[0].sha256 == digest
}

#[test]
fn packages_of_every_size_arrive_to_the_byte() {
    for (size, parts) in [(0, 1), (63 << 10, 1), (64 << 10, 2), (5 << 20, 81)] {
        let sandbox = Sandbox::start(&small_parts()).unwrap();
        let machine = Machine::linux(&sandbox);
        let (path, digest) = package(&machine, size);
        let run = run(&machine, &sandbox, &[("ipa_path", &path)]).ended(0);
        run.said(&["app: Courier (1023456789)", "Courier.ipa was uploaded", "sent: "]);
        assert!(arrived(&sandbox, &digest), "{size} bytes");
        assert_eq!(sandbox.state().uploads.files()[0].parts.len(), parts);
        let outputs = machine.outputs();
        assert_eq!(
            outputs["BITRISE_APPSTORE_UPLOAD_ID"],
            sandbox.state().uploads[0].id
        );
    }
}

#[test]
fn three_hundred_megabytes_arrive_over_a_bad_line() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = Machine::linux(&sandbox);
    let (path, digest) = package(&machine, 300 << 20);
    sandbox.fail(Fault {
        percent: Some(20),
        ..Fault::times("PUT /storage/", 12, Kind::Reset)
    });
    sandbox.fail(Fault::times("PUT /storage/", 3, Kind::ServerError));
    run(&machine, &sandbox, &[("ipa_path", &path)]).ended(0);
    assert!(arrived(&sandbox, &digest));
}

#[test]
fn parts_that_fail_are_sent_again_and_reservations_renewed() {
    for (kind, times) in [
        (Kind::Reset, 3),
        (Kind::ServerError, 3),
        (Kind::RateLimit { retry_after: None }, 2),
        (Kind::Maintenance, 2),
        (Kind::Expired, 1),
        (Kind::Latency { milliseconds: 200 }, 4),
        (
            Kind::Slow {
                bytes_per_second: 1 << 20,
            },
            4,
        ),
    ] {
        let sandbox = Sandbox::start(&small_parts()).unwrap();
        let machine = Machine::linux(&sandbox);
        let (path, digest) = package(&machine, 1 << 20);
        sandbox.fail(Fault::times("PUT /storage/", times, kind.clone()));
        run(&machine, &sandbox, &[("ipa_path", &path)]).ended(0);
        assert!(arrived(&sandbox, &digest), "{kind:?}");
    }
}

#[test]
fn calls_that_fail_are_looked_into_and_leave_one_upload() {
    for (on, kind) in [
        ("POST /v1/buildUploads", Kind::AppliedServerError),
        ("POST /v1/buildUploads", Kind::ServerError),
        ("POST /v1/buildUploads", Kind::Unauthorized),
        ("GET /v1/apps", Kind::ServerError),
        ("GET /v1/buildUploads", Kind::Truncated),
        ("POST /v1/buildUploads", Kind::RateLimit { retry_after: Some(1) }),
    ] {
        let sandbox = Sandbox::start(&small_parts()).unwrap();
        let machine = Machine::linux(&sandbox);
        let (path, digest) = package(&machine, 100 << 10);
        sandbox.fail(Fault::times(on, 1, kind.clone()));
        let run = run(&machine, &sandbox, &[("ipa_path", &path)]);
        assert_eq!(run.status, Some(0), "{on} {kind:?}\n{}", run.text);
        assert!(arrived(&sandbox, &digest), "{on} {kind:?}");
    }
}

#[test]
fn what_can_not_arrive_is_withdrawn_and_explained() {
    for (on, kind, words) in [
        ("PUT /storage/", Kind::Expired, "did not arrive"),
        ("PUT /storage/", Kind::Reset, "did not arrive"),
        (
            "POST /v1/buildUploadFiles",
            Kind::Role,
            "give the API key the role App Manager",
        ),
        (
            "PATCH /v1/buildUploadFiles",
            Kind::Agreement,
            "accept the current agreement",
        ),
    ] {
        let sandbox = Sandbox::start(&small_parts()).unwrap();
        let machine = Machine::linux(&sandbox);
        let (path, _) = package(&machine, 100 << 10);
        sandbox.fail(Fault::always(on, kind));
        run(&machine, &sandbox, &[("ipa_path", &path)])
            .ended(1)
            .said(&["the upload failed", words]);
        assert!(
            sandbox.state().uploads.is_empty(),
            "{on}: an upload was left behind"
        );
    }
}

#[test]
fn processing_is_waited_for_and_told_in_apples_words() {
    let sandbox = Sandbox::start(&Seed {
        processing: Processing {
            looks: 2,
            warnings: vec![("90725".to_owned(), "SDK version issue. Soon.".to_owned())],
            ..Processing::default()
        },
        ..small_parts()
    })
    .unwrap();
    let machine_ = Machine::linux(&sandbox);
    let (path, _) = package(&machine_, 1000);
    let inputs = [("ipa_path", path.as_str()), ("wait_for_processing", "yes")];
    let words = [
        "App Store Connect warns: SDK version issue. Soon. (90725)",
        "was uploaded and processed",
    ];
    run(&machine_, &sandbox, &inputs).ended(0).said(&words);
    let build = sandbox.state().builds[0].id.clone();
    assert_eq!(machine_.outputs()["BITRISE_APPSTORE_BUILD_ID"], build);
    // The same file once more, and another one of the same name.
    run(&machine_, &sandbox, &inputs)
        .ended(0)
        .said(&["from an earlier run", "is already delivered"]);
    assert_eq!(machine_.outputs()["BITRISE_APPSTORE_BUILD_ID"], build);
    let (path, _) = package(&machine_, 2000);
    let words = [
        "the build number `42` of version `1.2.3` is used",
        "raise CFBundleVersion",
    ];
    run(&machine_, &sandbox, &[("ipa_path", path.as_str())])
        .ended(1)
        .said(&words);
    assert_eq!(sandbox.state().uploads.len(), 1);

    let sandbox = Sandbox::start(&Seed {
        processing: Processing {
            looks: 1,
            errors: vec![("90189".to_owned(), "Redundant Binary Upload.".to_owned())],
            ..Processing::default()
        },
        ..small_parts()
    })
    .unwrap();
    let machine = Machine::linux(&sandbox);
    let (path, _) = package(&machine, 1000);
    let inputs = [("ipa_path", path.as_str()), ("wait_for_processing", "yes")];
    run(&machine, &sandbox, &inputs)
        .ended(1)
        .said(&["refused the build: Redundant Binary Upload. (90189)"]);
}

#[test]
fn the_app_must_be_the_packages() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = Machine::linux(&sandbox);
    let (path, _) = package(&machine, 1000);
    let other = machine.file(
        "Other.ipa",
        ipa_of(&[("CFBundleIdentifier", "com.example.other")], 0),
    );
    for (inputs, words) in [
        (
            vec![("ipa_path", other.as_str())],
            "no app with the bundle ID com.example.other",
        ),
        (
            vec![("ipa_path", path.as_str()), ("app_id", "7")],
            "no app with the ID 7",
        ),
        (
            vec![("ipa_path", other.as_str()), ("app_id", "1023456789")],
            "is com.example.courier, and the package is com.example.other",
        ),
    ] {
        run(&machine, &sandbox, &inputs).ended(1).said(&[words, "Next:"]);
    }
    assert!(sandbox.state().uploads.is_empty());
}

#[test]
fn without_xcode_an_apple_id_is_not_enough() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = Machine::linux(&sandbox);
    let (path, _) = package(&machine, 1000);
    let inputs = [
        ("ipa_path", path.as_str()),
        ("connection", "off"),
        ("itunescon_user", "ada@example.com"),
        ("app_password", "abcd-efgh-ijkl-mnop"),
    ];
    run(&machine, &sandbox, &inputs)
        .ended(1)
        .said(&["takes an API key", "connect an API key on Bitrise"]);
}

#[test]
fn a_stopped_run_withdraws_its_upload() {
    let sandbox = Sandbox::start(&small_parts()).unwrap();
    let machine = Machine::linux(&sandbox);
    let (path, _) = package(&machine, 2 << 20);
    sandbox.fail(Fault::always(
        "PUT /storage/",
        Kind::Slow {
            bytes_per_second: 10_000,
        },
    ));
    let mut child = machine.start(STEP, &[("ipa_path", &path)]);
    let began = Instant::now();
    while sandbox.state().uploads.files().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20), "no upload was begun");
        std::thread::sleep(Duration::from_millis(20));
    }
    terminate(&child);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(sandbox.state().uploads.is_empty());
}

#[test]
fn what_a_killed_run_left_behind_is_continued_with_the_same_file() {
    let sandbox = Sandbox::start(&small_parts()).unwrap();
    let machine = Machine::linux(&sandbox);
    let (path, digest) = package(&machine, 2 << 20);
    sandbox.fail(Fault::always(
        "PUT /storage/",
        Kind::Slow {
            bytes_per_second: 10_000,
        },
    ));
    let mut child = machine.start(STEP, &[("ipa_path", &path)]);
    while sandbox.state().uploads.files().is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    machine.until_upload_is_recorded();
    child.kill().unwrap();
    child.wait().unwrap();
    let left = sandbox.state().uploads[0].id.clone();
    sandbox.state().faults.clear();
    run(&machine, &sandbox, &[("ipa_path", &path)])
        .ended(0)
        .said(&["continuing its upload"]);
    assert!(arrived(&sandbox, &digest));
    assert_eq!(sandbox.state().uploads[0].id, left);
}

#[test]
fn an_unclear_end_of_altool_is_settled_by_asking() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let mut machine = Machine::new();
    machine.meets(&sandbox);
    let (path, _) = package(&machine, 1000);
    // The stand-in uploads, and then a script swallows what it says.
    let real = e2e::binary("apple-sandbox").display().to_string();
    machine.tool("xcrun", &format!("'{real}' tool xcrun \"$@\" >/dev/null 2>&1"));
    let inputs = [("ipa_path", path.as_str()), ("uploader", "altool")];
    run(&machine, &sandbox, &inputs)
        .ended(0)
        .said(&["App Store Connect has the build"]);
    machine.tool("xcrun", "true");
    let other = machine.file("Other.ipa", ipa_of(&[("CFBundleVersion", "43")], 0));
    let inputs = [("ipa_path", other.as_str()), ("uploader", "altool")];
    run(&machine, &sandbox, &inputs)
        .ended(1)
        .said(&["App Store Connect does not have the build"]);
}

#[test]
fn processing_of_what_altool_uploaded_is_waited_for() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let mut machine = Machine::new();
    machine.meets(&sandbox);
    let (path, _) = package(&machine, 1000);
    let inputs = [
        ("ipa_path", path.as_str()),
        ("uploader", "altool"),
        ("wait_for_processing", "yes"),
    ];
    run(&machine, &sandbox, &inputs)
        .ended(0)
        .said(&["was uploaded and processed"]);
    assert_eq!(
        machine.outputs()["BITRISE_APPSTORE_BUILD_ID"],
        sandbox.state().builds[0].id
    );
}
