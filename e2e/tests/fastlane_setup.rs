//! How the steps fastlane and deliver make fastlane ready: what is installed, and what is not because it is there.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use apple_sandbox::{Sandbox, Seed};
use e2e::{Machine, Run, ipa, secrets, terminate};

const LOCK: &str = "GEM\n  remote: https://rubygems.org/\n  specs:\n    CFPropertyList (3.0.6)\n    fastlane (2.219.0)\n      CFPropertyList (>= 2.3)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  fastlane\n";
const OTHER_LOCK: &str = "GEM\n  remote: https://rubygems.org/\n  specs:\n    cocoapods (1.15.2)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  cocoapods\n";
const BUNDLED: &str = "\nBUNDLED WITH\n   2.4.19\n";

/// A machine with a Ruby in which nothing is installed, unless `installed` says so: every program succeeds, and probes
/// say no.
fn machine(sandbox: &Sandbox, installed: bool) -> Machine {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    let probe = if installed { 0 } else { 1 };
    machine.tool("ruby", "echo 'ruby 3.3.0'");
    machine.tool("gem", &format!("[ \"$1\" = list ] && exit {probe}; exit 0"));
    machine.tool(
        "bundle",
        &format!(
            "case \"$*\" in *check*) exit {probe};; *--version*) echo 'fastlane 2.219.0';; esac; exit 0"
        ),
    );
    machine.tool("fastlane", "echo 'fastlane 2.230.0'; exit 0");
    machine
}

fn run(machine: &Machine, step: &str, inputs: &[(&str, &str)]) -> Run {
    if step == "step-fastlane" {
        let mut all = vec![("lane", "beta"), ("enable_cache", "no")];
        all.extend(inputs);
        machine.run(step, &all)
    } else {
        let package = machine.file("App.ipa", ipa(&[]));
        let mut all = vec![
            ("ipa_path", package.as_str()),
            ("bundle_id", "com.example.courier"),
        ];
        all.extend(inputs);
        machine.run(step, &all)
    }
}

/// What was installed and how fastlane was started, in order, without probes.
fn done(machine: &Machine) -> Vec<String> {
    let mut lines = Vec::new();
    for tool in ["gem", "bundle", "fastlane", "rbenv", "asdf"] {
        for call in machine.calls(tool) {
            let line = format!("{tool} {}", call.join(" "));
            let is_probe = [" list ", " check", "--version"]
                .iter()
                .any(|word| line.contains(word));
            if !is_probe {
                lines.push(
                    line.split(" --app_identifier")
                        .next()
                        .unwrap()
                        .split(" --api_key_path")
                        .next()
                        .unwrap()
                        .to_owned(),
                );
            }
        }
    }
    lines
}

#[test]
fn fastlane_is_made_ready_as_the_gemfile_and_the_inputs_say() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let with_bundler = format!("{LOCK}{BUNDLED}");
    for (name, file, content, inputs, installed, expected) in [
        (
            "a lock file with everything in place",
            "Gemfile.lock",
            with_bundler.as_str(),
            &[][..],
            true,
            &["bundle _2.4.19_ exec fastlane beta"][..],
        ),
        (
            "a lock file with nothing in place",
            "Gemfile.lock",
            &with_bundler,
            &[],
            false,
            &[
                "gem install bundler --no-document -v 2.4.19 --force",
                "bundle _2.4.19_ install --jobs 20 --retry 5",
                "bundle _2.4.19_ exec fastlane beta",
            ],
        ),
        (
            "a lock file without a version of Bundler",
            "Gemfile.lock",
            LOCK,
            &[],
            false,
            &[
                "gem install bundler --no-document --force",
                "bundle install --jobs 20 --retry 5",
                "bundle exec fastlane beta",
            ],
        ),
        (
            "gems.locked",
            "gems.locked",
            &with_bundler,
            &[],
            true,
            &["bundle _2.4.19_ exec fastlane beta"],
        ),
        (
            "a lock file without fastlane",
            "Gemfile.lock",
            OTHER_LOCK,
            &[],
            false,
            &["gem install fastlane --no-document", "fastlane beta"],
        ),
        (
            "no Gemfile",
            "README",
            "",
            &[],
            false,
            &["gem install fastlane --no-document", "fastlane beta"],
        ),
        (
            "no Gemfile and no update",
            "README",
            "",
            &[("update_fastlane", "false")],
            false,
            &["fastlane beta"],
        ),
    ] {
        let machine = machine(&sandbox, installed);
        machine.file(&format!("project/{file}"), content);
        let run = run(&machine, "step-fastlane", inputs);
        assert_eq!(run.status, Some(0), "{name}\n{}", run.text);
        assert_eq!(done(&machine), expected, "{name}\n{}", run.text);
    }
}

#[test]
fn deliver_takes_the_fastlane_of_its_inputs() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    for (name, lock, inputs, installed, expected) in [
        (
            "latest-stable",
            "",
            &[][..],
            false,
            &["gem install fastlane --no-document", "fastlane deliver"][..],
        ),
        (
            "latest",
            "",
            &[("fastlane_version", "latest")],
            false,
            &[
                "gem install fastlane --no-document --prerelease",
                "fastlane deliver",
            ],
        ),
        (
            "a version",
            "",
            &[("fastlane_version", "2.219.0")],
            false,
            &[
                "gem install fastlane --no-document -v 2.219.0",
                "fastlane _2.219.0_ deliver",
            ],
        ),
        (
            "a version that is there",
            "",
            &[("fastlane_version", "2.219.0")],
            true,
            &["fastlane _2.219.0_ deliver"],
        ),
        (
            "none, and no Gemfile",
            "",
            &[("fastlane_version", "")],
            false,
            &["fastlane deliver"],
        ),
        (
            "none, and a Gemfile",
            LOCK,
            &[("fastlane_version", "")],
            true,
            &["bundle exec fastlane deliver"],
        ),
        (
            "none, and a Gemfile without fastlane",
            OTHER_LOCK,
            &[("fastlane_version", "")],
            true,
            &["fastlane deliver"],
        ),
    ] {
        let machine = machine(&sandbox, installed);
        if !lock.is_empty() {
            machine.file("project/Gemfile", "source 'https://rubygems.org'\n");
            machine.file("project/Gemfile.lock", lock);
        }
        let run = run(&machine, "step-deliver", inputs);
        assert_eq!(run.status, Some(0), "{name}\n{}", run.text);
        assert_eq!(done(&machine), expected, "{name}\n{}", run.text);
    }
}

#[test]
fn installations_are_tried_again_where_that_may_help() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    for (step, failure, attempts, status) in [
        (
            "step-fastlane",
            "ERROR:  Could not find a valid gem (timed out)",
            3,
            1,
        ),
        (
            "step-fastlane",
            "ERROR:  fastlane requires Ruby version >= 2.6",
            1,
            1,
        ),
        ("step-deliver", "ERROR:  While executing gem", 3, 1),
    ] {
        let mut machine = machine(&sandbox, false);
        machine.tool(
            "gem",
            &format!("[ \"$1\" = list ] && exit 1; echo '{failure}' >&2; exit 1"),
        );
        let run = run(&machine, step, &[])
            .ended(status)
            .said(&["could not prepare fastlane", failure]);
        let installs = machine
            .calls("gem")
            .iter()
            .filter(|call| call[0] == "install")
            .count();
        assert_eq!(installs, attempts, "{failure}\n{}", run.text);
    }
    let mut machine = machine(&sandbox, false);
    let count = machine.path("tools/count");
    machine.tool(
        "gem",
        &format!("[ \"$1\" = list ] && exit 1; echo x >> '{0}'; [ $(wc -l < '{0}') -ge 2 ] || {{ echo 'Network is unreachable - timed out' >&2; exit 1; }}", count.display()),
    );
    run(&machine, "step-fastlane", &[])
        .ended(0)
        .said(&["Attempt 1 of 3 failed"]);
}

#[test]
fn version_managers_hear_of_new_programs() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    for (manager, call) in [("rbenv", "rbenv rehash"), ("asdf", "asdf reshim ruby")] {
        let mut machine = machine(&sandbox, false);
        // The manager is told by where Ruby is.
        let shims = format!("home/.{manager}/shims");
        let ruby = machine.file(&format!("{shims}/ruby"), "#!/bin/sh\necho 'ruby 3.3.0'\n");
        e2e::executable(&ruby);
        machine.without("ruby");
        machine.tool(manager, "exit 0");
        let path = format!(
            "{}:{}:/usr/bin:/bin",
            machine.path(&shims).display(),
            machine.path("tools/bin").display()
        );
        machine.set("PATH", &path);
        let run = run(&machine, "step-fastlane", &[]).ended(0);
        assert!(
            done(&machine).contains(&call.to_owned()),
            "{manager}\n{}",
            run.text
        );
        assert!(
            run.text.contains(&format!("managed by {manager}")),
            "{}",
            run.text
        );
    }
}

#[test]
fn missing_tools_are_named_with_the_way_to_get_them() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let mut no_ruby = machine(&sandbox, false);
    no_ruby.without("ruby");
    let path = no_ruby.path("tools/bin").display().to_string();
    no_ruby.set("PATH", &format!("{path}:/bin"));
    if !std::path::Path::new("/bin/ruby").exists() {
        run(&no_ruby, "step-fastlane", &[])
            .ended(1)
            .said(&["ruby", "Next:"]);
    }
    let mut no_fastlane = machine(&sandbox, false);
    no_fastlane.without("fastlane");
    run(&no_fastlane, "step-fastlane", &[("update_fastlane", "false")])
        .ended(1)
        .said(&["fastlane", "Next:"]);
}

/// A fastlane that prints every secret that it can get hold of.
const BABBLER: &str = r#"[ "$1" = --version ] && { echo "fastlane 2.230.0"; exit 0; }
env; cat "$APP_STORE_CONNECT_API_KEY_PATH" 2>/dev/null; for word in "$@"; do case "$word" in *.json) cat "$word";; esac; done
mkdir -p "$FL_BUILDLOG_PATH" 2>/dev/null; env > "$FL_BUILDLOG_PATH/gym.log" 2>/dev/null
"#;

#[test]
fn no_secret_is_printed_kept_or_left_behind_however_it_ends() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let hidden = secrets(&sandbox);
    for step in ["step-fastlane", "step-deliver"] {
        for (end, status) in [("exit 0", 0), ("exit 3", 3)] {
            let mut machine = machine(&sandbox, true);
            machine.tool("fastlane", &format!("{BABBLER}{end}"));
            // Bitrise names the secrets of the workspace, which this step has nothing to do with.
            machine.set(
                "BITRISE_SECRET_ENV_KEY_LIST",
                "BITRISE_KEYCHAIN_PASSWORD,BITRISE_CERTIFICATE_PASSPHRASE",
            );
            let inputs = [("verbose_log", "yes")];
            run(&machine, step, &inputs).kept(&hidden).ended(status);
            assert_eq!(
                machine.leftovers(&hidden),
                Vec::<std::path::PathBuf>::new(),
                "{step} {end}"
            );
        }
    }
}

#[test]
fn a_stopped_run_stops_fastlane_and_leaves_no_key() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let hidden = secrets(&sandbox);
    for step in ["step-fastlane", "step-deliver"] {
        let mut machine = machine(&sandbox, true);
        let begun = machine.path("tools/begun");
        machine.tool(
            "fastlane",
            &format!(
                "[ \"$1\" = --version ] && exit 0\necho $$ > '{0}.tmp'; mv '{0}.tmp' '{0}'; exec sleep 60",
                begun.display()
            ),
        );
        let package = machine.file("App.ipa", ipa(&[]));
        let inputs = [
            ("lane", "beta"),
            ("enable_cache", "no"),
            ("ipa_path", &package),
            ("bundle_id", "com.example.courier"),
        ];
        let mut child = machine.start(step, &inputs);
        while !begun.exists() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let pid = std::fs::read_to_string(&begun).unwrap().trim().to_owned();
        terminate(&child);
        assert_eq!(child.wait().unwrap().code(), Some(143), "{step}");
        assert!(
            !std::path::Path::new(&format!("/proc/{pid}")).exists(),
            "{step}: fastlane goes on"
        );
        assert_eq!(
            machine.leftovers(&hidden),
            Vec::<std::path::PathBuf>::new(),
            "{step}"
        );
    }
}
