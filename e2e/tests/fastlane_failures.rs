//! How the steps fastlane and deliver fail and end on real machines. The fake tools print what Ruby, Bundler, fastlane
//! 2.237.0 and altool print, verbatim (public issues and sources, collected 2026-11-25).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use apple_sandbox::{Sandbox, Seed};
use e2e::fastlane::{LOCK, lane};
use e2e::{Machine, Run, ipa, secrets};

const PLUGIN_LOCK: &str = "GEM\n  remote: https://rubygems.org/\n  specs:\n    fastlane-plugin-x (1.0.0)\n      fastlane (>= 2.0)\n\nDEPENDENCIES\n  fastlane-plugin-x\n";

/// A machine on which everything is installed, whose fastlane does this.
fn machine(sandbox: &Sandbox, fastlane: &str) -> Machine {
    e2e::fastlane::machine(
        sandbox,
        "case \"$1\" in _*_) shift;; esac; case \"$1\" in exec) shift; echo \"pinned $*\";; esac",
        fastlane,
    )
}

fn deliver(machine: &Machine, inputs: &[(&str, &str)]) -> Run {
    let package = machine.file("App.ipa", ipa(&[]));
    let mut all = vec![
        ("ipa_path", package.as_str()),
        ("bundle_id", "com.example.courier"),
        ("engine", "fastlane"),
        ("fastlane_version", ""),
        ("gemfile_path", ""),
    ];
    all.extend(inputs);
    machine.run("step-deliver", &all)
}

#[test]
fn the_fastlane_that_bundler_finds_is_the_one_that_runs() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    for (name, files, variables) in [
        (
            "one level up",
            &[("project/Gemfile", ""), ("project/Gemfile.lock", LOCK)][..],
            &[][..],
        ),
        (
            "gems.rb before Gemfile",
            &[
                ("project/gems.rb", ""),
                ("project/gems.locked", LOCK),
                ("project/Gemfile", ""),
            ],
            &[],
        ),
        (
            "BUNDLE_GEMFILE",
            &[("ci/mobile", ""), ("ci/mobile.lock", LOCK)],
            &[("BUNDLE_GEMFILE", "../../ci/mobile")],
        ),
        (
            "the configuration beside it",
            &[
                ("project/.bundle/config", "BUNDLE_GEMFILE: \"../../ci/mobile\"\n"),
                ("ci/mobile", ""),
                ("ci/mobile.lock", LOCK),
            ],
            &[],
        ),
        (
            "as a dependency of a plugin",
            &[("project/Gemfile", ""), ("project/Gemfile.lock", PLUGIN_LOCK)],
            &[],
        ),
    ] {
        let mut machine = machine(&sandbox, "echo newest");
        machine.file("project/ios/fastlane/Fastfile", "lane(:beta) {}\n");
        for (file, content) in files {
            machine.file(file, content);
        }
        for (key, value) in variables {
            machine.set(key, value);
        }
        let run = lane(&machine, &[("work_dir", "ios")]).ended(0);
        assert!(run.text.contains("pinned fastlane beta"), "{name}\n{}", run.text);
    }
}

#[test]
fn a_lock_file_that_is_not_used_is_named() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let other = machine(&sandbox, "echo newest");
    other.file("project/Gemfile", "");
    other.file("project/Gemfile.lock", "GEM\n  specs:\n    cocoapods (1.15.2)\n");
    lane(&other, &[])
        .ended(0)
        .said(&["Gemfile.lock does not contain fastlane", "newest"]);
    let pinned = machine(&sandbox, "echo newest");
    pinned.file("project/Gemfile", "");
    pinned.file("project/Gemfile.lock", LOCK);
    deliver(
        &pinned,
        &[("fastlane_version", "2.228.0"), ("gemfile_path", "./Gemfile")],
    )
    .ended(0)
    .said(&["pins fastlane 2.227.1", "It is not used", "fastlane_version"]);
    let mut missing = machine(&sandbox, "echo newest");
    missing.set("BUNDLE_GEMFILE", "/no/such/Gemfile");
    lane(&missing, &[])
        .ended(1)
        .said(&["BUNDLE_GEMFILE names the Gemfile /no/such/Gemfile"]);
}

#[test]
fn a_setup_that_fails_names_the_cause_and_only_the_network_is_worth_a_rebuild() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    for (text, status, expected, tries) in [
        (
            "Your Ruby version is 3.1.2, but your Gemfile specified 3.3.0",
            18,
            "requires Ruby 3.3.0",
            1,
        ),
        (
            "Your bundle only supports platforms [\"x86_64-darwin-19\"] but your local platform is x86_64-linux.",
            16,
            "bundle lock --add-platform x86_64-linux",
            1,
        ),
        (
            "Bundler found mismatched checksums. This is a potential security risk.",
            37,
            "checksum",
            1,
        ),
        (
            "Your Gemfile.lock contains merge conflicts.",
            20,
            "git checkout HEAD -- Gemfile.lock",
            1,
        ),
        (
            "Could not verify the SSL certificate for https://rubygems.org/.",
            17,
            "certificate",
            1,
        ),
        (
            "Authentication is required for gems.example.com.",
            17,
            "BUNDLE_GEMS__EXAMPLE__COM",
            1,
        ),
        (
            "Could not reach host rubygems.org. Check your network connection and try again.",
            17,
            "rebuild",
            3,
        ),
        ("an error that nobody knows", 1, "an error that nobody knows", 1),
    ] {
        let mut machine = machine(&sandbox, "exit 0");
        machine.file("project/Gemfile", "");
        machine.file("project/Gemfile.lock", LOCK);
        machine.tool(
            "bundle",
            &format!("case \"$*\" in *check*) exit 1;; *install*) echo '{text}' >&2; exit {status};; esac"),
        );
        let run = lane(&machine, &[])
            .ended(1)
            .said(&["could not prepare fastlane", text, expected]);
        let installs = machine
            .calls("bundle")
            .iter()
            .filter(|call| call.iter().any(|word| word == "install"))
            .count();
        assert_eq!(installs, tries, "{}", run.text);
        assert_eq!(run.text.contains("rebuild"), tries == 3, "{}", run.text);
        assert_eq!(
            run.text.contains("Next:"),
            !text.starts_with("an error"),
            "{}",
            run.text
        );
    }
}

#[test]
fn a_ruby_that_is_demanded_and_missing_is_told_at_once() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    for (text, status, expected) in [
        (
            "rbenv: version `3.3.0'\\'' is not installed (set by /src/.ruby-version)",
            1,
            "rbenv install 3.3.0",
        ),
        (
            "No preset version installed for command ruby\nasdf install ruby 3.3.1",
            126,
            "asdf install ruby 3.3.1",
        ),
        ("mise ERROR No version is set for shim: ruby", 1, "mise use ruby@"),
    ] {
        let mut machine = machine(&sandbox, "exit 0");
        machine.tool("ruby", &format!("echo '{text}' >&2; exit {status}"));
        lane(&machine, &[])
            .ended(1)
            .said(&["could not prepare fastlane", expected]);
        assert!(machine.calls("gem").is_empty() && machine.calls("fastlane").is_empty());
    }
}

/// The end of a lane as fastlane prints it.
fn ending(action: &str, printed: &str, error: &str) -> String {
    format!(
        "cat <<'OUT'\n[09:00:00]: --- Step: {action} ---\n{printed}\n[09:00:09]: {error}\n+------+\n| fastlane summary |\n+------+\n| Step | Action | Time (in s) |\n+------+\n| 💥 | {action} | 8 |\n+------+\n\n[09:00:09]: fastlane finished with errors\nOUT\nprintf '\\n[!] %s\\n' \"{error}\" >&2\nexit 1"
    )
}

#[test]
fn a_lane_names_its_action_and_blames_apple_only_for_what_apple_did() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    for (action, printed, error, expected, never) in [
        (
            "run_tests",
            "[09:00:05]: ▸ Your session has expired",
            "Tests have failed",
            "the action `run_tests` failed: Tests have failed",
            "Re-authenticate",
        ),
        (
            "upload_to_play_store",
            "",
            "Google Api Error: Version code 42 has already been used.",
            "`upload_to_play_store` failed",
            "CFBundleVersion",
        ),
        (
            "cocoapods",
            "[09:00:05]: ▸ 429 Too Many Requests",
            "429 Too Many Requests",
            "`cocoapods` failed",
            "rate limit",
        ),
        (
            "pilot",
            "[09:00:02]: Service key is empty",
            "Could not receive latest API key from App Store Connect, this might be a server issue.",
            "2.240.0",
            "system-status",
        ),
        (
            "upload_to_testflight",
            "",
            "A required agreement is missing or has expired.",
            "Account Holder",
            "system-status",
        ),
    ] {
        let machine = machine(&sandbox, &ending(action, printed, error));
        let run = lane(&machine, &[]).ended(1).said(&[expected]);
        assert!(!run.text.contains(never), "{action}\n{}", run.text);
    }
    // A Fastfile.swift ends with 0 all the same (fastlane #20419).
    let swift = machine(
        &sandbox,
        "echo '[09:00:09]: fastlane finished with errors'; exit 0",
    );
    lane(&swift, &[]).ended(1).said(&["the lane `beta` failed"]);
}

#[test]
fn an_upload_ends_as_altool_says() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let refused = "echo '[09:00:00]: [altool] 2026-03-01 09:00:00.000 ERROR: [ContentDelivery.Uploader.77] Asset validation failed (409) Missing required icon file. (ID: 1b)'\necho '[09:00:00]: [altool] UPLOAD FAILED with 1 error'\n";
    let claimed = "echo '[09:00:01]: Successfully uploaded package to App Store Connect.'\n";
    let noise = "echo \"[09:00:00]: [altool] 2026-07-20 ERROR: [ContentDelivery.Uploader.77] Failed to get json from defaults for 'com.apple.cds_1B.plist'.\"\n";
    let succeeded = "echo '[09:00:00]: [altool] UPLOAD SUCCEEDED with no errors'\n";
    let denied = "printf \"\\n[!] Error uploading ipa file: \\n [Application Loader Error Output]: Failed to get json from defaults for 'com.apple.cds_1B.plist'.\\n\" >&2; exit 1\n";
    let rows: [(&str, String, i32, i32, &str); 5] = [
        (
            "a lie",
            format!("{refused}{claimed}"),
            1,
            1,
            "Missing required icon file",
        ),
        ("noise", format!("{noise}{succeeded}{claimed}"), 0, 0, ""),
        (
            "noise that fastlane takes for a failure",
            format!("{noise}{succeeded}{denied}"),
            0,
            1,
            "altool",
        ),
        (
            "a failure that the lane accepts",
            refused.to_owned(),
            1,
            0,
            "Missing required icon file",
        ),
        ("no altool", claimed.to_owned(), 0, 0, ""),
    ];
    for (name, script, by_deliver, by_lane, words) in rows {
        let machine = machine(&sandbox, &script);
        let uploaded = deliver(&machine, &[]);
        assert_eq!(uploaded.status, Some(by_deliver), "{name}\n{}", uploaded.text);
        assert!(uploaded.text.contains(words), "{name}\n{}", uploaded.text);
        let ran = lane(&machine, &[]);
        assert_eq!(ran.status, Some(by_lane), "{name}\n{}", ran.text);
    }
    // What was to follow the upload did not happen.
    let machine = machine(&sandbox, &format!("{noise}{succeeded}{denied}"));
    deliver(&machine, &[("submit_for_review", "yes")])
        .ended(1)
        .said(&["the package was uploaded"]);
}

#[test]
fn ruby_gets_a_utf8_locale() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    for (variables, replaced) in [
        (&[("LANG", "")][..], true),
        (&[("LANG", "C")], true),
        (&[("LANG", "C.UTF-8"), ("LC_ALL", "POSIX")], true),
        (&[("LANG", "xx_XX.UTF-8")], true),
        (&[("LANG", "C.UTF-8")], false),
    ] {
        let mut machine = machine(&sandbox, "echo \"locale=<${LC_ALL:-$LANG}>\"");
        machine.tool("locale", "printf 'C\\nC.utf8\\nPOSIX\\n'");
        for (key, value) in variables {
            machine.set(key, value);
        }
        let run = lane(&machine, &[]).ended(0).said(&["locale=<C.UTF-8>"]);
        assert_eq!(
            run.text.contains("Running Ruby with LC_ALL=C.UTF-8"),
            replaced,
            "{}",
            run.text
        );
    }
}

#[test]
fn a_lane_that_exceeds_a_limit_is_stopped_with_what_it_started() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    for (inputs, words) in [
        ([("timeout", "1")], "it ran for more than 1 s"),
        ([("silence_timeout", "1s")], "it printed nothing for 1 s"),
    ] {
        let machine = machine(&sandbox, "");
        let mark = machine.path("tools/mark");
        let mut machine = machine;
        machine.tool(
            "fastlane",
            &format!(
                "case \"$*\" in *--version*|env) exit 0;; esac\necho 'Waiting for the keychain'; (sleep 4; touch '{}') & sleep 60",
                mark.display()
            ),
        );
        lane(&machine, &inputs).ended(1).said(&[
            words,
            "Waiting for the keychain",
            "the lane `beta` did not finish",
        ]);
        deliver(&machine, &inputs)
            .ended(1)
            .said(&[words, "did not finish", "App Store Connect"]);
        std::thread::sleep(std::time::Duration::from_millis(3500));
        assert!(!mark.exists());
    }
    let machine = machine(&sandbox, "exit 0");
    lane(&machine, &[("timeout", "soon")])
        .ended(2)
        .said(&["timeout: `soon` is not a duration"]);
}

#[test]
fn tokens_and_pieces_of_secrets_are_masked_although_nobody_registered_them() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let mut machine = machine(
        &sandbox,
        "echo 'Authorization: Bearer abcdefgh.12345'; echo 'jwt eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiI1NyJ9.MEUCIQDxsig'; echo 'Cookie: myacinfo=QWERTYsecret; DES5c148586daa451e55afb017aa62418f91=ASDFGHsecret'; echo \"$@\"; mkdir -p \"$FL_BUILDLOG_PATH\"; echo 'Authorization: Bearer abcdefgh.12345' > \"$FL_BUILDLOG_PATH/gym.log\"; exit 1",
    );
    machine
        .set("BITRISE_SECRET_ENV_KEY_LIST", "API_TOKEN")
        .set("API_TOKEN", "s3cr\"et wo\"rds");
    let hidden = [
        "abcdefgh.12345",
        "eyJpc3MiOiI1NyJ9",
        "QWERTYsecret",
        "ASDFGHsecret",
        "s3cr\"et wo\"rds",
        "s3cret words",
    ]
    .map(str::to_owned);
    lane(&machine, &[("lane", "beta token:s3cr\"et wo\"rds")])
        .kept(&hidden)
        .kept(&secrets(&sandbox))
        .ended(1);
    let log = std::fs::read_to_string(machine.path("deploy/gym.log")).unwrap();
    assert_eq!(log, "Authorization: Bearer [REDACTED]\n");
}

#[test]
fn logs_of_several_lanes_stay_and_have_a_place_without_a_deploy_directory() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let mut machine = machine(&sandbox, "echo x > \"$FL_BUILDLOG_PATH/gym.log\"; exit 1");
    machine.set(
        "BITRISE_DEPLOY_DIR",
        &machine.path("new/deploy").display().to_string(),
    );
    lane(&machine, &[]).ended(1);
    lane(&machine, &[]).ended(1);
    for name in ["fastlane_env.log", "fastlane_env-2.log", "gym.log", "gym-2.log"] {
        assert!(machine.path("new/deploy").join(name).is_file(), "{name}");
    }
    machine.set("BITRISE_DEPLOY_DIR", "");
    let run = lane(&machine, &[]).ended(1);
    let path = run
        .text
        .lines()
        .find_map(|line| Some(line.trim_start()).filter(|path| path.ends_with("/gym.log")));
    assert!(std::path::Path::new(path.unwrap()).is_file(), "{}", run.text);
}

#[test]
fn the_gems_of_a_lock_file_are_named_to_the_cache_steps() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let mut machine = machine(&sandbox, "exit 0");
    let source = machine.path("project").display().to_string();
    machine
        .set("BITRISE_SOURCE_DIR", &source)
        .set("BUNDLE_PATH", "vendor/bundle");
    machine.file("project/Gemfile", "");
    machine.file("project/Gemfile.lock", LOCK);
    machine.file("project/ios/Podfile.lock", "");
    machine.file("project/ios/Pods/Manifest.lock", "");
    lane(&machine, &[("enable_cache", "yes")]).ended(0);
    let outputs = machine.outputs();
    assert_eq!(
        outputs["FASTLANE_CACHE_KEY"],
        "fastlane-{{ .OS }}-{{ .Arch }}-{{ checksum \"Gemfile.lock\" \"ios/Podfile.lock\" }}"
    );
    assert_eq!(
        outputs["FASTLANE_CACHE_PATHS"],
        format!("{source}/vendor/bundle\n{source}/ios/Pods")
    );
    assert_eq!(
        outputs["BITRISE_CACHE_INCLUDE_PATHS"].trim(),
        format!("{source}/ios/Pods -> {source}/ios/Podfile.lock")
    );
}
