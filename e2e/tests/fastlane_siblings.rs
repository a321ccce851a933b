//! Variants of failures that users reported for fastlane and deliver: which fastlane runs, why a lane ended, and whether
//! an upload arrived.
//!
//! Sources: the READMEs of public issues named in each test. fastlane, Ruby, and Bundler are stand-ins that print what the
//! real ones print; where a test plays an upload, the sandbox plays fastlane, altool, and App Store Connect.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use apple_sandbox::{AltoolFault, Sandbox, Seed};
use e2e::fastlane::{LOCK, lane};
use e2e::{Machine, Run, binary, ipa, ipa_of, secrets};

/// A machine on which Ruby and Bundler work, and a Gemfile without a lock file is resolved to fastlane 2.229.0.
fn machine(sandbox: &Sandbox, fastlane: &str) -> Machine {
    e2e::fastlane::machine(
        sandbox,
        "case \"$1\" in _*_) shift;; esac
root=$PWD; while [ ! -f \"$root/Gemfile\" ] && [ \"$root\" != / ]; do root=$(dirname \"$root\"); done
case \"$1\" in
install) [ -f \"$root/Gemfile.lock\" ] || printf 'GEM\\n  specs:\\n    fastlane (2.229.0)\\n\\nDEPENDENCIES\\n  fastlane\\n' > \"$root/Gemfile.lock\";;
exec) shift; echo \"pinned $*\";;
esac",
        fastlane,
    )
}

fn deliver(machine: &Machine, package: &str, inputs: &[(&str, &str)]) -> Run {
    let mut all = vec![
        ("ipa_path", package),
        ("bundle_id", "com.example.courier"),
        ("engine", "fastlane"),
        ("fastlane_version", ""),
    ];
    all.extend(inputs);
    machine.run("step-deliver", &all)
}

/// Bundler's lookup: its `shared_helpers.rb`, checked against Bundler 2.3.15 on 2026-11-25.
#[test]
fn the_pinned_fastlane_runs_wherever_bundler_would_find_it() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let git = "GIT\n  remote: https://github.com/fastlane/fastlane\n  revision: 0f\n  specs:\n    fastlane (2.230.0)\n\nDEPENDENCIES\n  fastlane!\n";
    let path = "PATH\n  remote: vendor/fastlane\n  specs:\n    fastlane (2.230.0)\n\nGEM\n  specs:\n\nDEPENDENCIES\n  fastlane!\n";
    let bom = format!("\u{feff}{}", LOCK.replace('\n', "\r\n"));
    for (name, files, work_dir) in [
        (
            "three levels up",
            &[("Gemfile", ""), ("Gemfile.lock", LOCK), ("apps/heron/ios/x", "")][..],
            "apps/heron/ios",
        ),
        (
            "the nearer of two",
            &[
                ("Gemfile", ""),
                ("apps/Gemfile", ""),
                ("apps/Gemfile.lock", LOCK),
                ("apps/ios/x", ""),
            ],
            "apps/ios",
        ),
        (
            "fastlane from git",
            &[("Gemfile", ""), ("Gemfile.lock", git)],
            ".",
        ),
        (
            "fastlane from a folder",
            &[("Gemfile", ""), ("Gemfile.lock", path)],
            ".",
        ),
        (
            "a byte order mark and line ends of Windows",
            &[("Gemfile", ""), ("Gemfile.lock", &bom)],
            ".",
        ),
        (
            "a folder named Gemfile in between",
            &[("Gemfile", ""), ("Gemfile.lock", LOCK), ("ios/Gemfile/x", "")],
            "ios",
        ),
    ] {
        let machine = machine(&sandbox, "echo \"newest $*\"");
        for (file, content) in files {
            machine.file(&format!("project/{file}"), content);
        }
        let work_dir = machine.path("project").join(work_dir).display().to_string();
        let run = lane(&machine, &[("work_dir", &work_dir), ("update_fastlane", "true")]).ended(0);
        assert!(run.text.contains("pinned fastlane beta"), "{name}\n{}", run.text);
    }
    // A working directory that is a link: Ruby's working directory is what the link points to.
    let machine = machine(&sandbox, "echo \"newest $*\"");
    machine.file("project/real/Gemfile", "");
    machine.file("project/real/Gemfile.lock", LOCK);
    machine.file("project/real/ios/x", "");
    std::os::unix::fs::symlink(machine.path("project/real/ios"), machine.path("project/ios")).unwrap();
    let link = machine.path("project/ios").display().to_string();
    lane(&machine, &[("work_dir", &link)])
        .ended(0)
        .said(&["pinned fastlane beta"]);
}

#[test]
fn a_gemfile_that_asks_for_fastlane_is_resolved_as_bundler_does() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    for (name, files, is_resolved) in [
        ("plain", &[("Gemfile", "gem 'fastlane'\n")][..], true),
        (
            "in parentheses",
            &[("Gemfile", "gem(\"fastlane\", '~> 2.2')\n")],
            true,
        ),
        (
            "in a group",
            &[("Gemfile", "group :ci do\n  gem \"fastlane\"\nend\n")],
            true,
        ),
        (
            "in another file",
            &[
                ("Gemfile", "eval_gemfile 'ci/Gemfile'\n"),
                ("ci/Gemfile", "gem 'fastlane'\n"),
            ],
            true,
        ),
        (
            "a comment",
            &[("Gemfile", "# gem 'fastlane'\ngem 'rake'\n")],
            false,
        ),
        (
            "a plugin alone",
            &[("Gemfile", "gem 'fastlane-plugin-x'\n")],
            false,
        ),
    ] {
        let with_lane = machine(&sandbox, "echo \"newest $*\"");
        let with_deliver = machine(&sandbox, "echo \"newest $*\"");
        for (file, content) in files {
            with_lane.file(&format!("project/{file}"), content);
            with_deliver.file(&format!("project/{file}"), content);
        }
        let package = with_deliver.file("App.ipa", ipa(&[]));
        for (machine, run) in [
            (&with_lane, lane(&with_lane, &[]).ended(0)),
            (
                &with_deliver,
                deliver(&with_deliver, &package, &[("gemfile_path", "")]).ended(0),
            ),
        ] {
            assert_eq!(
                run.text.contains("pinned fastlane"),
                is_resolved,
                "{name}\n{}",
                run.text
            );
            assert_eq!(
                run.text.contains("has no lock file: Bundler resolves it now"),
                is_resolved,
                "{name}\n{}",
                run.text
            );
            assert_eq!(
                machine.path("project/Gemfile.lock").exists(),
                is_resolved,
                "{name}"
            );
        }
    }
}

/// The end of a lane as fastlane 2.237.0 prints it.
fn ending(action: &str, printed: &str, error: &str) -> String {
    format!(
        "cat <<'OUT'\n[09:00:00]: ------------------\n[09:00:00]: --- Step: {action} ---\n[09:00:00]: ------------------\n{printed}\n[09:00:09]: {error}\n\n+------+--------+-------------+\n|      fastlane summary       |\n+------+--------+-------------+\n| Step | Action | Time (in s) |\n+------+--------+-------------+\n| 💥   | {action} | 8 |\n+------+--------+-------------+\n\n[09:00:09]: fastlane finished with errors\nOUT\ncat >&2 <<'ERR'\n\n[!] {error}\nERR\nexit 1"
    )
}

/// Words of other services and tools that Apple uses as well.
#[test]
fn apple_is_not_blamed_for_words_of_others() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    for (action, printed, error, never) in [
        (
            "slack",
            "",
            "Error pushing Slack message, maybe the integration has no permission to post on this channel? 401 Unauthorized Access",
            "renew the session",
        ),
        (
            "upload_to_play_store",
            "",
            "Google Api Error: forbidden: The caller does not have permission - The current user has insufficient permissions to perform the requested operation.",
            "App Manager",
        ),
        (
            "appcenter_upload",
            "[09:00:03]: Authentication credentials are missing or invalid",
            "Auth Error, provided invalid token",
            "issuer",
        ),
        (
            "sh",
            "[09:00:03]: ▸ [!] Invalid username and password combination. Used 'ada@example.com' as the username.",
            "Exit status of command './publish.sh' was 1 instead of 0.",
            "app-specific",
        ),
        (
            "run_tests",
            "[09:00:03]: ▸ testAgreement: XCTAssertEqual failed: (\"A required agreement is missing or has expired\")",
            "Tests have failed",
            "Account Holder",
        ),
        (
            "git_pull",
            "",
            "Exit status of command 'git pull' was 128: remote: Two-factor Authentication (6 digits code) is enabled for account",
            "second factor",
        ),
        (
            "match",
            "",
            "Error cloning certificates git repo, please make sure you have access to the repository - see instructions above",
            "agreement",
        ),
    ] {
        let machine = machine(&sandbox, &ending(action, printed, error));
        let run = lane(&machine, &[]).ended(1);
        assert!(
            run.text.contains(&format!("the action `{action}` failed")),
            "{action}\n{}",
            run.text
        );
        let block = run.text.split("he lane `beta` failed").last().unwrap();
        assert!(!block.contains(never), "{action}\n{}", run.text);
    }
}

/// A machine whose fastlane, altool, and App Store Connect are the sandbox's.
fn played(sandbox: &Sandbox) -> Machine {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    machine.set("LANG", "C.UTF-8");
    machine.file("tools/xcode-version", "26.2");
    std::os::unix::fs::symlink(binary("apple-sandbox"), machine.path("tools/bin/fastlane")).unwrap();
    machine
}

fn with_faults(faults: &[AltoolFault]) -> Sandbox {
    Sandbox::start(&Seed {
        altool: faults.to_vec(),
        ..Seed::default()
    })
    .unwrap()
}

/// Sources of the faults: fastlane #21535, #29725, #29739, #29938, #30130; codemagic-ci-cd/cli-tools #475.
#[test]
fn an_upload_whose_end_is_open_is_settled_by_app_store_connect() {
    let cases = [
        (None, 0, "was uploaded"),
        (
            Some(AltoolFault::CrashAfterDelivery),
            0,
            "App Store Connect has the package",
        ),
        (Some(AltoolFault::ExitStatus), 0, "was uploaded"),
        (Some(AltoolFault::Silent), 0, "was uploaded"),
        (Some(AltoolFault::HarmlessErrors), 0, "was uploaded"),
        (Some(AltoolFault::Crash), 1, "no upload from this run"),
        (Some(AltoolFault::GatewayTimeout), 1, "no upload from this run"),
        (Some(AltoolFault::Nothing), 1, "altool did not confirm it"),
        (Some(AltoolFault::DeliveryBesideErrors), 1, ""),
    ];
    e2e::together(cases, |(fault, status, words)| {
        let sandbox = with_faults(fault.as_slice());
        let machine = played(&sandbox);
        let package = machine.file("App.ipa", ipa_of(&[], 1000));
        let run = deliver(&machine, &package, &[]).kept(&secrets(&sandbox));
        assert_eq!(run.status, Some(status), "{fault:?}\n{}", run.text);
        assert!(run.text.contains(words), "{fault:?}\n{}", run.text);
        let uploads = sandbox.state().uploads.len();
        assert_eq!(uploads, usize::from(status == 0), "{fault:?}");
    });
}

/// What is older than the run, or another file, proves nothing (fastlane #29725).
#[test]
fn last_weeks_build_is_no_proof_for_deliver() {
    let sandbox = with_faults(&[]);
    let machine = played(&sandbox);
    let old = machine.file("Old.ipa", ipa_of(&[], 1000));
    deliver(&machine, &old, &[]).ended(0);
    for fault in [AltoolFault::Nothing, AltoolFault::Crash] {
        sandbox.state().altool.push_back(fault);
        let new = machine.file("New.ipa", ipa_of(&[], 2000));
        deliver(&machine, &new, &[])
            .ended(1)
            .said(&["no upload from this run that matches"]);
    }
}

#[test]
fn a_submission_that_did_not_happen_is_told_although_the_package_arrived() {
    let sandbox = with_faults(&[AltoolFault::CrashAfterDelivery]);
    let machine = played(&sandbox);
    let package = machine.file("App.ipa", ipa_of(&[], 1000));
    deliver(&machine, &package, &[("submit_for_review", "yes")])
        .ended(1)
        .said(&["it was not submitted for review", "do not upload it again"]);
}

#[test]
fn a_deliver_that_hangs_after_the_upload_is_settled_too() {
    let sandbox = with_faults(&[]);
    let mut machine = played(&sandbox);
    let real = machine.path("tools/bin/fastlane");
    let played = machine.path("tools/fastlane");
    std::fs::rename(&real, &played).unwrap();
    machine.tool(
        "fastlane",
        &format!(
            "'{}' \"$@\"; case \"$1\" in deliver) sleep 60;; esac",
            played.display()
        ),
    );
    let package = machine.file("App.ipa", ipa_of(&[], 1000));
    deliver(&machine, &package, &[("timeout", "8")])
        .ended(0)
        .said(&["App Store Connect has the package"]);
}

/// `connection` leaves the inputs out, and the credentials are there.
#[test]
fn credentials_that_the_connection_leaves_out_are_named_with_the_way_to_use_them() {
    let mut seed = Seed::default();
    for key in ["key_id", "issuer_id", "private_key"] {
        seed.connection.insert(key.to_owned(), serde_json::Value::Null);
    }
    let sandbox = Sandbox::start(&seed).unwrap();
    let key = [
        ("api_key_path", "/keys/AuthKey_ABCDEFGHIJ.p8"),
        ("api_issuer", "57246542-96fe-1a63-e053-0824d011072a"),
    ];
    for (connection, inputs, named) in [
        ("apple_id", &key[..], "`api_key_path`, `api_issuer`"),
        ("api_key", &key, "`api_key_path`, `api_issuer`"),
        (
            "api_key",
            &[("USER", "ada@example.com"), ("password", "p4ssw0rd-of-ada")],
            "`password`",
        ),
    ] {
        for (step, apple_id) in [
            ("step-fastlane", "apple_id"),
            ("step-deliver", "itunescon_user"),
            ("step-application-loader", "itunescon_user"),
            ("step-auto-provision-asc", ""),
        ] {
            if apple_id.is_empty() && inputs[0].0 == "USER" {
                continue;
            }
            let machine = machine(&sandbox, "exit 0");
            let package = machine.file("App.ipa", ipa(&[]));
            let mut all = vec![
                ("connection", connection),
                ("lane", "beta"),
                ("ipa_path", package.as_str()),
                ("bundle_id", "com.example.courier"),
                ("update_fastlane", "false"),
                ("enable_cache", "no"),
                ("fastlane_version", ""),
                ("distribution_type", "app-store"),
            ];
            for (input, value) in inputs {
                all.push((if *input == "USER" { apple_id } else { input }, value));
            }
            let run = machine.run(step, &all);
            assert!(
                run.text.contains("set `connection` to `off`") && run.text.contains(named),
                "{step} {connection}\n{}",
                run.text
            );
            // fastlane needs no account.
            if run.status != Some(0) {
                assert!(
                    run.text
                        .contains("set the input `connection` to `off` to use the credentials of the inputs"),
                    "{step} {connection}\n{}",
                    run.text
                );
            }
        }
    }
}

/// A lane that is stopped has no logs to keep, and its heading is not printed.
#[test]
fn a_lane_that_is_stopped_by_a_signal_prints_no_heading_for_logs() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let machine = machine(&sandbox, "echo started > started; sleep 30");
    let child = machine.start(
        "step-fastlane",
        &[
            ("lane", "beta"),
            ("update_fastlane", "false"),
            ("enable_cache", "no"),
        ],
    );
    for _ in 0..300 {
        if machine.path("project/started").exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    e2e::terminate(&child);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(143), "{text}");
    assert!(
        text.contains("stopped by SIGTERM") && !text.contains("Logs"),
        "{text}"
    );
}
