//! application-loader as a process of its own, with altool played by scripts and by the sandbox's stand-in.

use std::time::Duration;

use apple_sandbox::{Sandbox, Seed};
use e2e::{Machine, Run, ipa, secrets};

const STEP: &str = "step-application-loader";

/// What altool of Xcode 16 and of Xcode 26 say when all went well.
const DELIVERED: &str = r#"echo '{"success-message":"No errors uploading archive.","tool-version":"16.2"}'"#;

const APPLE_ID: [(&str, &str); 4] = [
    ("connection", "off"),
    ("itunescon_user", "ada@example.com"),
    ("password", "p4ss word"),
    ("app_password", "abcd-efgh-ijkl-mnop"),
];

fn machine(sandbox: &Sandbox, xcode: &str, altool: &str) -> Machine {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    machine.tool(
        "xcodebuild",
        &format!("printf 'Xcode {xcode}\\nBuild version 1\\n'"),
    );
    machine.tool("xcrun", altool);
    machine
}

/// A run with an `.ipa`, whose output, arguments and leftovers are searched for secrets.
fn run(machine: &Machine, sandbox: &Sandbox, inputs: &[(&str, &str)]) -> Run {
    let mut all = vec![];
    if !inputs.iter().any(|(key, _)| key.ends_with("_path")) {
        all.push(("ipa_path", machine.file("App.ipa", ipa(&[]))));
    }
    all.extend(inputs.iter().map(|(key, value)| (*key, (*value).to_owned())));
    let given: Vec<(&str, &str)> = all.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let mut secrets = secrets(sandbox);
    secrets.extend(["p4ss word", "abcd-efgh-ijkl-mnop"].map(str::to_owned));
    let run = machine.run(STEP, &given).kept(&secrets);
    for call in machine.calls("xcrun") {
        let line = call.join(" ");
        assert!(
            !secrets.iter().any(|secret| line.contains(secret.as_str())),
            "{line}"
        );
    }
    assert_eq!(machine.leftovers(&secrets), Vec::<std::path::PathBuf>::new());
    run
}

#[test]
fn every_xcode_and_account_and_package_has_its_call() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let issuer = sandbox.state().issuer_id.clone().unwrap();
    let key = format!("--apiKey SBXKEY1234 --apiIssuer {issuer}");
    let person = "--username ada@example.com --password @env:ALTOOL_PASSWORD".to_owned();
    let exact = "--apple-id 1023456789 --bundle-id com.example.courier --bundle-version 42 --bundle-short-version-string 1.2.3 ";
    for (xcode, form) in [
        ("13.4.1", "--upload-app -f"),
        ("15.4", "--upload-app -f"),
        ("16.2", "--upload-app -f"),
        ("26.1", "--upload-package"),
    ] {
        for (account, sign_in) in [(&[][..], &key), (&APPLE_ID[..], &person)] {
            for (input, file, kind) in [("ipa_path", "A.ipa", "ios"), ("pkg_path", "A.pkg", "macos")] {
                let machine = machine(&sandbox, xcode, DELIVERED);
                let content = if kind == "ios" {
                    ipa(&[])
                } else {
                    b"xar! not a whole one".to_vec()
                };
                let path = machine.file(file, content);
                let inputs = [account, &[(input, path.as_str())]].concat();
                run(&machine, &sandbox, &inputs).ended(0);
                // With an API key the app is looked up, where the package says what to look for.
                let names_app = account.is_empty() && kind == "ios" && xcode != "13.4.1";
                let (form, exact) = if names_app {
                    ("--upload-package", exact)
                } else {
                    (form, "")
                };
                let expected =
                    format!("altool {form} {path} --type {kind} {exact}{sign_in} --output-format json");
                assert_eq!(machine.calls("xcrun").last().unwrap().join(" "), expected);
            }
        }
    }
}

#[test]
fn the_key_lies_in_a_private_place_while_altool_runs() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let look = format!("ls -ld \"$API_PRIVATE_KEYS_DIR\" >&2; ls -l private_keys >&2; {DELIVERED}");
    let machine = machine(&sandbox, "16.2", &look);
    // A stale key of the same name, which altool would find first.
    machine.file(
        "home/.appstoreconnect/private_keys/AuthKey_SBXKEY1234.p8",
        "stale",
    );
    let run = run(&machine, &sandbox, &[]).ended(0);
    assert!(
        run.text.contains("drwx------") && run.text.contains("-rw-------"),
        "{}",
        run.text
    );
}

#[test]
fn the_stand_in_for_altool_is_content_with_every_version() {
    for (xcode, inputs) in [
        ("15.4", &[][..]),
        ("16.2", &[("app_id", "1023456789")]),
        ("26.1", &[]),
    ] {
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        let mut machine = Machine::new();
        machine.meets(&sandbox);
        machine.file("tools/xcode-version", xcode);
        run(&machine, &sandbox, inputs).ended(0).said(&[
            "App.ipa was uploaded",
            "bundle ID: com.example.courier",
            "version: 1.2.3 (42)",
        ]);
        assert!(machine.path("tools/uploads.json").is_file());
    }
}

#[test]
fn passing_failures_are_tried_again_and_others_are_not() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let fails_twice = |words: &str| {
        format!(
            "n=$(cat \"$SANDBOX_TOOLS_DIR/n\" 2>/dev/null || echo 0); echo $((n + 1)) > \"$SANDBOX_TOOLS_DIR/n\"
             if [ \"$n\" -lt 2 ]; then {words}; exit 1; fi; {DELIVERED}"
        )
    };
    for words in [
        "echo 'Unable to determine the application using bundleId: x. (-19201)' >&2",
        "echo \"Unable to determine app platform for 'Undefined' software type. (1194)\" >&2",
        "echo 'TransporterService x An error occurred trying to read the bundle (-18000)' >&2",
        "echo 'Unable to authenticate. (-19209)' >&2",
        "echo 'The server returned an invalid response. Please try your request again later.' >&2",
        "echo '{\"product-errors\":[{\"code\":-1001,\"message\":\"The request timed out.\"}]}'",
    ] {
        let machine = machine(&sandbox, "16.2", &fails_twice(words));
        let run = run(&machine, &sandbox, &[("retries", "3")]);
        assert_eq!(run.status, Some(0), "{words}: {}", run.text);
        assert_eq!(machine.calls("xcrun").len(), 3, "{words}");
    }
    let once = machine(
        &sandbox,
        "16.2",
        &fails_twice("echo 'ERROR: The bundle is broken.' >&2"),
    );
    run(&once, &sandbox, &[])
        .ended(1)
        .said(&["The bundle is broken."]);
    assert_eq!(once.calls("xcrun").len(), 1);
    let never = machine(&sandbox, "16.2", "echo 'The request timed out.' >&2; exit 1");
    run(&never, &sandbox, &[("retries", "2")])
        .ended(1)
        .said(&["failed 2 times"]);
}

#[test]
fn a_delivery_needs_proof() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    for (altool, words) in [
        ("exit 0", "without any output"),
        ("echo '{ \"success-message\" : \"trunc'", "truncated"),
        (
            "echo '{\"tool-version\":\"26.1\"}'",
            "neither a delivery nor an error",
        ),
        (
            "echo '{\"product-errors\":[{\"code\":-19232,\"message\":\"Already used\"}]}'",
            "Already used (-19232)",
        ),
        (&format!("{DELIVERED}; exit 1"), "exited with an error status"),
    ] {
        let machine = machine(&sandbox, "26.1", altool);
        run(&machine, &sandbox, &[("uploader", "altool")])
            .ended(1)
            .said(&[words, "Next:"]);
        assert_eq!(machine.calls("xcrun").len(), 1, "{altool}");
    }
}

#[test]
fn a_duplicate_after_an_unclear_attempt_is_the_attempt_that_got_through() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = machine(
        &sandbox,
        "16.2",
        "if [ ! -e \"$SANDBOX_TOOLS_DIR/once\" ]; then touch \"$SANDBOX_TOOLS_DIR/once\"; echo 'The request timed out.' >&2; exit 1; fi
         echo 'ERROR: The bundle version must be higher than the previously uploaded version: 42.' >&2; exit 1",
    );
    run(&machine, &sandbox, &APPLE_ID)
        .ended(0)
        .said(&["an earlier attempt was delivered"]);
    // With an API key nobody has to guess: App Store Connect has no such build.
    std::fs::remove_file(machine.path("tools/once")).unwrap();
    run(&machine, &sandbox, &[])
        .ended(1)
        .said(&["previously uploaded version: 42", "raise CFBundleVersion"]);
}

#[test]
fn tokens_that_altool_prints_are_masked() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let leak = format!(
        "echo 'Authorization: Bearer eyJhbGciOi.first.one' >&2; echo '\"Bearer eyJhbGciOi.second.two\"'; {DELIVERED}"
    );
    let machine = machine(&sandbox, "16.2", &leak);
    let run = run(&machine, &sandbox, &[("verbose_log", "yes")]).ended(0);
    assert!(!run.text.contains("eyJhbGciOi"), "{}", run.text);
}

#[test]
fn packages_that_surely_would_be_refused_are_not_uploaded() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    for (info, words) in [
        (&[("DTPlatformName", "iphonesimulator")][..], "simulator"),
        (&[("CFBundleVersion", "")], "CFBundleVersion"),
    ] {
        let machine = machine(&sandbox, "16.2", DELIVERED);
        let path = machine.file("A.ipa", ipa(info));
        run(&machine, &sandbox, &[("ipa_path", &path)])
            .ended(1)
            .said(&["would refuse", words]);
        assert!(machine.calls("xcrun").is_empty());
    }
}

#[test]
fn wrong_inputs_are_told_together() {
    let machine = Machine::new();
    machine
        .run(
            STEP,
            &[
                ("ipa_path", "/no.ipa"),
                ("retries", "many"),
                ("altool_options", "'x"),
                ("api_issuer", "i"),
            ],
        )
        .ended(2)
        .said(&["retries: "]);
    machine
        .run(
            STEP,
            &[
                ("ipa_path", "/no.ipa"),
                ("altool_options", "'x"),
                ("app_id", "com.example"),
                ("api_issuer", "i"),
            ],
        )
        .ended(2)
        .said(&["ipa_path: ", "altool_options: ", "app_id: ", "api_key_path: "]);
}

#[test]
fn a_stopped_run_stops_altool_and_leaves_no_key() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = machine(&sandbox, "16.2", "sleep 60");
    let path = machine.file("App.ipa", ipa(&[]));
    let mut child = machine.start(STEP, &[("ipa_path", &path)]);
    for _ in 0..200 {
        if !machine.calls("xcrun").is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let key = e2e::files(&machine.path("tmp"));
    assert!(
        key.iter().any(|path| path.ends_with("AuthKey_SBXKEY1234.p8")),
        "{key:?}"
    );
    e2e::terminate(&child);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(
        machine.leftovers(&secrets(&sandbox)),
        Vec::<std::path::PathBuf>::new()
    );
}

#[test]
fn an_altool_that_hangs_is_stopped_with_all_that_it_started() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let mut machine = machine(&sandbox, "16.2", DELIVERED);
    let child = machine.path("tools/child");
    machine.tool(
        "xcrun",
        &format!("sleep 600 & echo $! > '{}'; wait", child.display()),
    );
    let inputs = [("silence_timeout", "1"), ("retries", "1"), ("uploader", "altool")];
    run(&machine, &sandbox, &inputs).ended(1).said(&[
        "the upload failed 1 time",
        "60 s",
        "silence_timeout (now 1 minute",
    ]);
    let pid = std::fs::read_to_string(child).unwrap();
    // A process that ended and that nobody asked about has no command line.
    let line = std::fs::read(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
    assert!(line.is_empty(), "its child goes on");
}
