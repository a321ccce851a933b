//! Uploads that tell the truth: what altool says against what App Store Connect has, lost answers, and checks before the
//! upload.
//!
//! The faults are reported ones; see the sources in `apple-sandbox` (`tools/altool.rs`, `fault.rs`). The sandbox and the step are both ours:
//! the shapes of altool's answers were recorded elsewhere (`crates/altool/tests/outputs.rs`), those of the API are held against Apple's
//! document (`contract.rs`).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use apple_sandbox::{AltoolFault, AppVersion, Fault, Kind, Sandbox, Seed, SeedApp};
use e2e::{Machine, Run, ipa_of, secrets};

const STEP: &str = "step-application-loader";

/// A machine with Xcode 26.2, whose tools the sandbox plays.
fn mac(sandbox: &Sandbox) -> Machine {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    machine.file("tools/xcode-version", "26.2");
    machine
}

fn run(machine: &Machine, sandbox: &Sandbox, inputs: &[(&str, &str)]) -> Run {
    let secrets = secrets(sandbox);
    machine.run(STEP, inputs).kept(&secrets)
}

fn altool(faults: &[AltoolFault]) -> Sandbox {
    let seed = Seed {
        altool: faults.to_vec(),
        ..Seed::default()
    };
    Sandbox::start(&seed).unwrap()
}

/// The uploads that App Store Connect keeps: of these, one at most is committed.
fn kept(sandbox: &Sandbox) -> (usize, usize) {
    let state = sandbox.state();
    let committed = state.uploads.iter().filter(|upload| upload.committed).count();
    (state.uploads.len(), committed)
}

#[test]
fn every_answer_of_a_native_upload_may_be_lost() {
    let requests = [
        "POST /v1/buildUploads",
        "POST /v1/buildUploadFiles",
        "PUT /storage/",
        "PATCH /v1/buildUploadFiles",
        "GET /v1/buildUploads",
        "GET /v1/apps",
        "GET /v1/buildUploadFiles",
    ];
    let faults = [
        Kind::AppliedServerError,
        Kind::ServerError,
        Kind::Truncated,
        Kind::Reset,
        Kind::ResetBefore,
        Kind::RateLimit { retry_after: Some(1) },
        Kind::Maintenance,
        Kind::Latency { milliseconds: 300 },
    ];
    // Twice in a row: a second try meets the fault as well.
    let times = 2;
    let cases = requests
        .iter()
        .flat_map(|on| faults.iter().map(move |fault| (*on, fault)));
    e2e::together(cases, |(on, fault)| {
        let seed = Seed {
            part_size: 64 << 10,
            ..Seed::default()
        };
        let sandbox = Sandbox::start(&seed).unwrap();
        let machine = Machine::linux(&sandbox);
        let path = machine.file("Courier.ipa", ipa_of(&[], 200 << 10));
        // "POST /v1/buildUploads" begins "POST /v1/buildUploadFiles" as well.
        sandbox.fail(Fault::times(on, times, fault.clone()));
        let run = run(&machine, &sandbox, &[("ipa_path", &path)]);
        let (uploads, committed) = kept(&sandbox);
        let is_green = run.status == Some(0);
        assert!(
            (is_green && (uploads, committed) == (1, 1)) || (!is_green && uploads == 0),
            "{on} {fault:?} {times} times: exit {:?}, uploads: {uploads}, committed: {committed}\n{}",
            run.status,
            run.text
        );
        // None of these lasts, so none of them is a reason to fail.
        assert!(is_green, "{on} {fault:?} {times} times\n{}", run.text);
    });
}

#[test]
fn an_answer_that_never_comes_leaves_nothing_reserved() {
    let cases = [
        ("POST /v1/buildUploadFiles", Kind::ServerError),
        ("POST /v1/buildUploadFiles", Kind::AppliedServerError),
        ("PATCH /v1/buildUploadFiles", Kind::ServerError),
        ("POST /v1/buildUploads", Kind::ServerError),
    ];
    e2e::together(cases, |(on, fault)| {
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        let machine = Machine::linux(&sandbox);
        let path = machine.file("Courier.ipa", ipa_of(&[], 1000));
        sandbox.fail(Fault::always(on, fault.clone()));
        let run = run(&machine, &sandbox, &[("ipa_path", &path)]);
        let (uploads, committed) = kept(&sandbox);
        let is_green = run.status == Some(0);
        assert!(
            (is_green && (uploads, committed) == (1, 1)) || (!is_green && uploads == 0),
            "{on} {fault:?}: {:?}, {uploads}, {committed}\n{}",
            run.status,
            run.text
        );
    });
}

#[test]
fn a_commit_that_took_effect_is_never_withdrawn() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = Machine::linux(&sandbox);
    let path = machine.file("Courier.ipa", ipa_of(&[], 1000));
    sandbox.fail(Fault::always(
        "PATCH /v1/buildUploadFiles",
        Kind::AppliedServerError,
    ));
    run(&machine, &sandbox, &[("ipa_path", &path)]).ended(0);
    assert_eq!(kept(&sandbox), (1, 1));
    // A rerun with the same file reports the delivery, and sends nothing.
    sandbox.state().faults.clear();
    sandbox.fail(Fault::always("PUT /storage/", Kind::ServerError));
    run(&machine, &sandbox, &[("ipa_path", &path)])
        .ended(0)
        .said(&["already delivered"]);
    let outputs = machine.outputs();
    assert_eq!(
        outputs["BITRISE_APPSTORE_UPLOAD_ID"],
        sandbox.state().uploads[0].id
    );
    assert_eq!(outputs["BITRISE_APPSTORE_APP_ID"], "1023456789");
}

#[test]
fn transient_ends_of_altool_are_tried_again() {
    let cases = [
        AltoolFault::Crash,
        AltoolFault::GatewayTimeout,
        AltoolFault::ConnectionLost,
        AltoolFault::NotAuthenticated,
        AltoolFault::AppLookup,
    ];
    e2e::together(cases, |fault| {
        let sandbox = altool(&[fault.clone(), fault.clone()]);
        let machine = mac(&sandbox);
        let path = machine.file("Courier.ipa", ipa_of(&[], 1000));
        run(&machine, &sandbox, &[("ipa_path", &path), ("retries", "3")])
            .ended(0)
            .said(&["transient error", "# attempt 3", "was uploaded"]);
        assert_eq!(kept(&sandbox).0, 1, "{fault:?}");
    });
}

#[test]
fn lasting_ends_of_altool_are_told_in_apples_words() {
    let refused = |code: i64, message: &str, reason: &str| AltoolFault::Refused {
        code,
        message: message.to_owned(),
        reason: reason.to_owned(),
    };
    let cases = [
        (
            refused(
                409,
                "Validation failed",
                "Invalid Pre-Release Train. The train version '4.2.1' is closed for new build submissions",
            ),
            "closed for new build submissions",
            "raise CFBundleShortVersionString",
        ),
        (
            refused(
                409,
                "Validation failed",
                "SDK version issue. This app was built with the iOS 18.5 SDK.",
            ),
            "iOS 18.5 SDK",
            "newer Xcode",
        ),
        (
            refused(
                409,
                "Validation failed",
                "Missing purpose string in Info.plist. a NSCalendarsUsageDescription key",
            ),
            "Missing purpose string",
            "add NSCalendarsUsageDescription",
        ),
        (
            AltoolFault::DeliveryBesideErrors,
            "NSCameraUsageDescription",
            "add NSCameraUsageDescription",
        ),
        (AltoolFault::AppNotDetermined, "-19237", "input app_id"),
    ];
    e2e::together(cases, |(fault, words, advice)| {
        let sandbox = altool(&[fault]);
        let machine = mac(&sandbox);
        let path = machine.file("Courier.ipa", ipa_of(&[], 1000));
        run(&machine, &sandbox, &[("ipa_path", &path)])
            .ended(1)
            .said(&[words, "Next:", advice]);
        assert_eq!(kept(&sandbox).0, 0);
        assert!(!machine.outputs().contains_key("BITRISE_APPSTORE_UPLOAD_ID"));
    });
}

#[test]
fn what_altool_keeps_to_itself_app_store_connect_tells() {
    let cases = [
        AltoolFault::Silent,
        AltoolFault::CrashAfterDelivery,
        AltoolFault::ExitStatus,
        AltoolFault::HarmlessErrors,
    ];
    e2e::together(cases, |fault| {
        let sandbox = altool(std::slice::from_ref(&fault));
        let machine = mac(&sandbox);
        let path = machine.file("Courier.ipa", ipa_of(&[], 1000));
        let inputs = [("ipa_path", path.as_str()), ("uploader", "altool")];
        run(&machine, &sandbox, &inputs).ended(0).said(&["was uploaded"]);
        assert_eq!(kept(&sandbox).0, 1, "{fault:?}");
        let upload = sandbox.state().uploads[0].id.clone();
        assert_eq!(
            machine.outputs()["BITRISE_APPSTORE_UPLOAD_ID"],
            upload,
            "{fault:?}"
        );
    });
    // Nothing arrived, and nobody says so.
    let sandbox = altool(&[AltoolFault::Nothing]);
    let machine = mac(&sandbox);
    let path = machine.file("Courier.ipa", ipa_of(&[], 1000));
    run(&machine, &sandbox, &[("ipa_path", &path), ("uploader", "altool")])
        .ended(1)
        .said(&["does not have the build", "is not clear"]);
}

#[test]
fn where_altool_fails_to_answer_the_native_upload_is_the_second_way() {
    let cases = [
        vec![AltoolFault::Nothing],
        vec![AltoolFault::Crash, AltoolFault::Crash, AltoolFault::Crash],
    ];
    e2e::together(cases, |faults| {
        let sandbox = altool(&faults);
        let machine = mac(&sandbox);
        let path = machine.file("Courier.ipa", ipa_of(&[], 1000));
        run(&machine, &sandbox, &[("ipa_path", &path)])
            .ended(0)
            .said(&["Uploading natively instead: altool"]);
        assert_eq!(kept(&sandbox), (1, 1));
        assert!(
            sandbox.state().altool.is_empty(),
            "altool ran once for each fault"
        );
    });
}

#[test]
fn the_exact_app_of_two_similar_ones_is_passed_to_altool() {
    let app = |id: &str, bundle_id: &str| SeedApp {
        id: id.to_owned(),
        name: bundle_id.to_owned(),
        bundle_id: bundle_id.to_owned(),
        ..SeedApp::default()
    };
    let sandbox = Sandbox::start(&Seed {
        apps: vec![
            app("1", "com.example.courier.beta"),
            app("2", "com.example.courier"),
            app("3", "com.example.couriers"),
        ],
        ..Seed::default()
    })
    .unwrap();
    let mut machine = mac(&sandbox);
    machine.tool(
        "xcrun",
        "echo '{\"success-message\":\"No errors uploading archive.\",\"tool-version\":\"26.2\"}'",
    );
    let path = machine.file("Courier.ipa", ipa_of(&[], 0));
    run(&machine, &sandbox, &[("ipa_path", &path)]).ended(0);
    let call = machine.calls("xcrun").last().unwrap().join(" ");
    assert!(
        call.contains("--apple-id 2 --bundle-id com.example.courier --bundle-version 42 --bundle-short-version-string 1.2.3"),
        "{call}"
    );
    let other = machine.file(
        "Other.ipa",
        ipa_of(&[("CFBundleIdentifier", "com.example.cour")], 0),
    );
    run(&machine, &sandbox, &[("ipa_path", &other)])
        .ended(1)
        .said(&["no app with the bundle ID com.example.cour"]);
    assert_eq!(machine.calls("xcrun").len(), 1);
}

#[test]
fn checks_alone_end_red_or_green_without_an_upload() {
    let version = |version: &str, state: &str| AppVersion {
        version: version.to_owned(),
        state: state.to_owned(),
        platform: "IOS".to_owned(),
    };
    for (versions, status, words) in [
        (vec![], 0, "passed the checks"),
        (
            vec![version("1.2.2", "READY_FOR_DISTRIBUTION")],
            0,
            "passed the checks",
        ),
        (
            vec![version("1.2.3", "PREPARE_FOR_SUBMISSION")],
            0,
            "passed the checks",
        ),
        (
            vec![version("1.2.3", "READY_FOR_DISTRIBUTION")],
            1,
            "takes no more builds",
        ),
        (
            vec![version("1.10", "PENDING_DEVELOPER_RELEASE")],
            1,
            "version `1.10` is approved",
        ),
    ] {
        let sandbox = Sandbox::start(&Seed::with_versions(versions)).unwrap();
        let machine = mac(&sandbox);
        let path = machine.file("Courier.ipa", ipa_of(&[], 0));
        let inputs = [("ipa_path", path.as_str()), ("validate_only", "yes")];
        run(&machine, &sandbox, &inputs).ended(status).said(&[words]);
        assert!(!machine.path("tools/uploads.json").exists());
        assert_eq!(kept(&sandbox).0, 0);
        assert_eq!(machine.outputs()["BITRISE_APPSTORE_NEXT_BUILD_NUMBER"], "1");
    }
}

#[test]
fn a_build_number_is_used_by_builds_and_not_by_failed_uploads() {
    let failing = Seed {
        processing: apple_sandbox::Processing {
            errors: vec![(
                "90683".to_owned(),
                "Missing purpose string NSCameraUsageDescription".to_owned(),
            )],
            ..Default::default()
        },
        ..Seed::default()
    };
    let sandbox = Sandbox::start(&failing).unwrap();
    let machine = Machine::linux(&sandbox);
    let bad = machine.file("Bad.ipa", ipa_of(&[], 1000));
    let inputs = [("ipa_path", bad.as_str()), ("wait_for_processing", "yes")];
    run(&machine, &sandbox, &inputs)
        .ended(1)
        .said(&["Missing purpose string", "add NSCameraUsageDescription"]);
    sandbox.state().uploads.processing.errors.clear();
    // Apple takes the number again after a failed upload.
    let good = machine.file("Good.ipa", ipa_of(&[], 2000));
    let inputs = [("ipa_path", good.as_str()), ("wait_for_processing", "yes")];
    run(&machine, &sandbox, &inputs)
        .ended(0)
        .said(&["was uploaded and processed"]);
    // And then no more, whatever altool would say.
    let third = machine.file("Third.ipa", ipa_of(&[], 3000));
    run(&machine, &sandbox, &[("ipa_path", &third)])
        .ended(1)
        .said(&["build number `42`", "raise CFBundleVersion"]);
}

#[test]
fn a_native_upload_ends_within_its_time_limits() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = Machine::linux(&sandbox);
    let path = machine.file("Courier.ipa", ipa_of(&[], 4 << 20));
    sandbox.fail(Fault::always(
        "PUT /storage/",
        Kind::Slow {
            bytes_per_second: 20_000,
        },
    ));
    let inputs = [("ipa_path", path.as_str()), ("attempt_timeout", "1")];
    run(&machine, &sandbox, &inputs)
        .ended(1)
        .said(&["it took more than 60 s", "raise the input attempt_timeout"]);
    assert_eq!(kept(&sandbox).0, 0);
}
