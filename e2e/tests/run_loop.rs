//! What every step owes the Bitrise CLI, whatever it does: it is never silent, it says why it failed in every report, it
//! removes what killed runs left behind, it hands outputs over or fails, and it finds values that Bitrise took out of the
//! environment.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use apple_sandbox::{Processing, Sandbox, Seed};
use e2e::{Machine, files, ipa, secrets};

/// A fastlane whose lane runs until somebody ends it, without a word.
const SILENT_LANE: &str = "[ \"$1\" = --version ] && { echo 'fastlane 2.230.0'; exit 0; }\nexec sleep 60";

fn connected() -> (Sandbox, Machine) {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let mut machine = Machine::new();
    machine.meets(&sandbox);
    (sandbox, machine)
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Waits until `done` holds.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "waited in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

fn printed(child: Child) -> String {
    String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
}

#[test]
fn a_step_that_waits_for_apple_says_so_before_the_cli_loses_patience() {
    let (sandbox, mut machine) = connected();
    sandbox.state().uploads.processing = Processing {
        looks: 3,
        ..Processing::default()
    };
    machine.set("APPLE_STEPS_HEARTBEAT_SECONDS", "1");
    let package = machine.file("Courier.ipa", ipa(&[]));
    machine
        .run(
            "step-application-loader",
            &[
                ("ipa_path", &package),
                ("uploader", "native"),
                ("wait_for_processing", "yes"),
            ],
        )
        .ended(0)
        .said(&["Still ", " so far)"]);
}

#[test]
fn a_child_that_is_silent_is_named() {
    let (_sandbox, mut machine) = connected();
    machine.tool("fastlane", SILENT_LANE);
    machine.set("APPLE_STEPS_HEARTBEAT_SECONDS", "1");
    let child = machine.start("step-fastlane", &[("lane", "beta"), ("update_fastlane", "false")]);
    until("a call of the lane", || machine.calls("fastlane").len() > 1);
    std::thread::sleep(Duration::from_millis(1500));
    signal(&child, "-TERM");
    let text = printed(child);
    assert!(
        text.contains("Still running `") && text.contains("fastlane beta"),
        "{text}"
    );
}

/// The Markdown summary and the page of a run that ends with `status`.
fn reports(inputs: &[(&str, &str)], status: i32) -> (String, String) {
    let (_sandbox, mut machine) = connected();
    let summary = machine.path("summary.md");
    let pages = machine.path("reports");
    machine
        .set(
            "BITRISE_STEP_FORMATTED_OUTPUT_FILE_PATH",
            &summary.display().to_string(),
        )
        .set("BITRISE_HTML_REPORT_DIR", &pages.display().to_string());
    machine.run("step-auto-provision-asc", inputs).ended(status);
    let page = files(&pages)
        .into_iter()
        .find(|path| path.ends_with("index.html"))
        .unwrap();
    (text(&summary), text(&page).replace("<wbr>", ""))
}

#[test]
fn summary_and_page_hold_the_whole_chain_of_causes_and_the_hint() {
    let (summary, page) = reports(&[("scheme", "Couriar")], 1);
    for report in [&summary, &page] {
        for words in ["ould not read the project", "Couriar", "Courier"] {
            assert!(report.contains(words), "`{words}`:\n{report}");
        }
    }
}

#[test]
fn wrong_inputs_are_in_summary_and_page() {
    let (summary, page) = reports(&[("distribution_type", "appstore")], 2);
    for report in [&summary, &page] {
        for words in ["distribution_type", "appstore", "app-store"] {
            assert!(report.contains(words), "`{words}`:\n{report}");
        }
    }
}

#[test]
fn what_a_killed_run_leaves_behind_is_removed_by_the_next_one_and_nothing_else() {
    let (sandbox, mut machine) = connected();
    machine.tool("fastlane", SILENT_LANE);
    let inputs = [("lane", "beta"), ("update_fastlane", "false")];
    let has_key = |machine: &Machine| {
        files(&machine.path("tmp"))
            .iter()
            .filter(|path| path.ends_with("api_key.json"))
            .count()
    };
    let mut killed = machine.start("step-fastlane", &inputs);
    until("a key file", || has_key(&machine) == 1);
    until("a call of the lane", || machine.calls("fastlane").len() > 1);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(has_key(&machine), 1, "a killed run can't clean up");
    let alive = machine.start("step-fastlane", &inputs);
    until("the living run's lane", || machine.calls("fastlane").len() > 3);
    assert_eq!(
        has_key(&machine),
        1,
        "the dead run's key is gone, the living run has its own"
    );
    // A third run, which ends at once, leaves the living one alone.
    machine.run("step-fastlane", &[("lane", "")]).ended(2);
    assert_eq!(has_key(&machine), 1);
    signal(&alive, "-TERM");
    printed(alive);
    assert_eq!(
        machine.leftovers(&secrets(&sandbox)),
        Vec::<std::path::PathBuf>::new()
    );
}

/// A stand-in for `security` that takes its time with an import, as the real one does while it waits for a dialog.
fn slow_import() -> String {
    let real = e2e::binary("apple-sandbox").display().to_string();
    format!("[ \"$1\" = import ] && sleep 20\nexec '{real}' tool security \"$@\"")
}

#[test]
fn a_private_key_that_a_killed_run_was_importing_is_removed_by_the_next_run_of_any_step() {
    let (sandbox, mut machine) = connected();
    machine.tool("security", &slow_import());
    let keys = |machine: &Machine| {
        let all = files(&machine.path("tmp"));
        all.iter().filter(|path| path.ends_with("identity.p12")).count()
    };
    let mut killed = machine.start("step-auto-provision-asc", &[]);
    until("an import", || keys(&machine) == 1);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(keys(&machine), 1, "a killed run can't clean up");
    let alive = machine.start("step-auto-provision-asc", &[]);
    until("the living run's import", || {
        machine
            .calls("security")
            .iter()
            .filter(|call| call[0] == "import")
            .count()
            == 2
    });
    assert_eq!(
        keys(&machine),
        1,
        "the dead run's key is gone, the living run has its own"
    );
    machine.run("step-fastlane", &[("lane", "")]).ended(2);
    assert_eq!(keys(&machine), 1, "a third run leaves the living one alone");
    signal(&alive, "-TERM");
    printed(alive);
    assert_eq!(
        machine.leftovers(&secrets(&sandbox)),
        Vec::<std::path::PathBuf>::new()
    );
}

/// Whatever a run is doing: nothing of what it wrote for itself outlives the next run.
#[test]
fn a_run_that_is_killed_at_any_moment_leaves_nothing_that_the_next_one_does_not_remove() {
    let (sandbox, mut machine) = connected();
    machine.tool(
        "fastlane",
        "[ \"$1\" = --version ] && { echo 'fastlane 2.230.0'; exit 0; }\nsleep 0.2",
    );
    let package = machine.file("Courier.ipa", ipa(&[]));
    for (step, inputs) in [
        ("step-auto-provision-asc", &[][..]),
        ("step-fastlane", &[("lane", "beta"), ("update_fastlane", "false")]),
        ("step-application-loader", &[("ipa_path", package.as_str())]),
        (
            "step-deliver",
            &[
                ("ipa_path", package.as_str()),
                ("bundle_id", "com.example.courier"),
            ],
        ),
    ] {
        for moment in [10, 20, 35, 50, 70, 90, 120, 160, 220, 300] {
            let mut killed = machine.start(step, inputs);
            std::thread::sleep(Duration::from_millis(moment));
            killed.kill().unwrap();
            killed.wait().unwrap();
        }
        machine.run("step-fastlane", &[("lane", "")]).ended(2);
        let left: Vec<std::path::PathBuf> = machine
            .leftovers(&secrets(&sandbox))
            .into_iter()
            // An empty file that was to become a lock stays for an hour.
            .filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with(".new-"))
            .collect();
        assert_eq!(left, Vec::<std::path::PathBuf>::new(), "{step}");
    }
}

#[test]
fn a_closed_terminal_ends_a_run_like_any_other_signal() {
    let (sandbox, mut machine) = connected();
    machine.tool("fastlane", SILENT_LANE);
    for (name, status) in [("-HUP", 129), ("-INT", 130), ("-TERM", 143)] {
        let called = machine.calls("fastlane").len();
        let mut child = machine.start("step-fastlane", &[("lane", "beta"), ("update_fastlane", "false")]);
        until("a call of the lane", || {
            machine.calls("fastlane").len() > called + 1
        });
        signal(&child, name);
        if name == "-HUP" {
            // The child may not know this signal; a second one ends the waiting at once.
            signal(&child, "-TERM");
        }
        assert_eq!(child.wait().unwrap().code(), Some(status), "{name}");
        assert_eq!(
            machine.leftovers(&secrets(&sandbox)),
            Vec::<std::path::PathBuf>::new()
        );
    }
}

#[test]
fn without_envman_outputs_go_through_the_cli_or_into_its_file_or_the_step_fails() {
    let (_sandbox, mut machine) = connected();
    machine.without("envman");
    machine.set(
        "ENVMAN_ENVSTORE_PATH",
        &machine.path("missing/envstore.yml").display().to_string(),
    );
    machine
        .run("step-auto-provision-asc", &[])
        .ended(1)
        .said(&["neither `envman` nor `bitrise` is on PATH"]);
    let store = machine.file("envstore.yml", "envs:\n- EARLIER: kept\n");
    machine.set("ENVMAN_ENVSTORE_PATH", &store);
    machine.run("step-auto-provision-asc", &[]).ended(0);
    let stored = std::fs::read_to_string(&store).unwrap();
    let stored = apple_sandbox::tools::envman::read(&stored);
    assert_eq!(stored[0], ("EARLIER".to_owned(), "kept".to_owned()));
    let team = ("BITRISE_DEVELOPER_TEAM".to_owned(), "SBXTEAM123".to_owned());
    assert!(stored.contains(&team), "{stored:?}");
    machine.tool("bitrise", "cat >/dev/null");
    machine.run("step-auto-provision-asc", &[]).ended(0);
    let calls = machine.calls("bitrise");
    let team = ["envman", "add", "--key", "BITRISE_DEVELOPER_TEAM", "--no-expand"].map(str::to_owned);
    assert!(calls.contains(&team.to_vec()), "{calls:?}");
    // The value is on standard input, not on the command line.
    assert!(
        !calls.iter().flatten().any(|word| word.contains("SBXTEAM123")),
        "{calls:?}"
    );
    machine.tool("bitrise", "echo 'the store is locked' >&2; exit 1");
    machine
        .run("step-auto-provision-asc", &[])
        .ended(1)
        .said(&["ould not export", "the store is locked"]);
}

#[test]
fn an_upload_that_is_delivered_is_in_the_reports_when_its_outputs_cant_be_exported() {
    let (_sandbox, mut machine) = connected();
    machine.tool("envman", "cat >/dev/null; echo 'the store is locked' >&2; exit 1");
    let summary = machine.path("summary.md");
    machine.set(
        "BITRISE_STEP_FORMATTED_OUTPUT_FILE_PATH",
        &summary.display().to_string(),
    );
    let package = machine.file("Courier.ipa", ipa(&[]));
    machine
        .run(
            "step-application-loader",
            &[
                ("ipa_path", &package),
                ("uploader", "native"),
                ("wait_for_processing", "yes"),
            ],
        )
        .ended(1)
        .said(&["the store is locked", "Next:   check that envman works"]);
    let summary = text(&summary);
    for words in [
        "`Courier.ipa` was uploaded to App Store Connect and processed.",
        "the store is locked",
        "**Next:** check that envman works",
    ] {
        assert!(summary.contains(words), "`{words}`:\n{summary}");
    }
}

#[test]
fn every_step_names_a_temporary_directory_that_cant_be_written() {
    let (_sandbox, mut machine) = connected();
    let package = machine.file("Courier.ipa", ipa(&[]));
    machine.tool("fastlane", "echo 'fastlane 2.230.0'");
    machine.set("TMPDIR", "/nowhere");
    let package = ("ipa_path", package.as_str());
    for (step, inputs) in [
        ("step-auto-provision-asc", &[][..]),
        ("step-auto-provision-apple-id", &[("generate_profiles", "yes")]),
        ("step-fastlane", &[("lane", "beta"), ("update_fastlane", "false")]),
        ("step-deliver", &[package, ("bundle_id", "com.example.courier")]),
        ("step-application-loader", &[package, ("uploader", "altool")]),
    ] {
        machine.run(step, inputs).ended(1).said(&[
            "ould not write to the temporary directory",
            "Next:   check that TMPDIR, which is `/nowhere`, names a directory that exists",
        ]);
    }
}

#[test]
fn outside_of_the_cli_outputs_are_shown_and_that_is_all() {
    let (_sandbox, mut machine) = connected();
    machine.without("envman");
    machine
        .run("step-auto-provision-asc", &[])
        .ended(0)
        .said(&["- BITRISE_DEVELOPER_TEAM: SBXTEAM123"]);
}

// The file's shape is that of `EnvFile` in `envfile/envfile.go` of the Bitrise CLI (July 2026).
#[test]
fn values_too_large_for_the_environment_are_found_in_bitrises_file() {
    let (sandbox, mut machine) = connected();
    let seed = sandbox.environment();
    let urls = seed
        .iter()
        .find(|(key, _)| key == "BITRISE_CERTIFICATE_URL")
        .map(|(_, value)| value.clone())
        .unwrap();
    let file = machine.file(
        "large.yml",
        format!("envs:\n  BITRISE_CERTIFICATE_URL: '{urls}'\nerased_envs:\n- BITRISE_CERTIFICATE_URL\n"),
    );
    // The CLI expanded the input's default to nothing.
    machine.set("BITRISE_CERTIFICATE_URL", "");
    machine
        .run("step-auto-provision-asc", &[("certificate_urls", "")])
        .ended(2)
        .said(&["certificate_urls", "has no value"]);
    machine.set("BITRISEIO_ENVFILE_PATH", &file);
    machine
        .run("step-auto-provision-asc", &[("certificate_urls", "")])
        .ended(0);
    machine.set("BITRISEIO_ENVFILE_PATH", "/nowhere/large.yml");
    machine
        .run("step-auto-provision-asc", &[("certificate_urls", "")])
        .ended(2)
        .said(&["BITRISEIO_ENVFILE_PATH"]);
}

#[test]
fn booleans_of_yaml_are_taken_for_what_was_written() {
    let (_sandbox, machine) = connected();
    machine
        .run(
            "step-auto-provision-asc",
            &[("verbose_log", "true"), ("mode", "plan")],
        )
        .ended(0)
        .said(&["Write `verbose_log: \"yes\"`.", "- verbose_log: yes"]);
    // `connection: off` without quotes.
    machine
        .run("step-auto-provision-asc", &[("connection", "false")])
        .ended(1)
        .said(&["Write `connection: \"off\"`.", "- connection: off"]);
}
