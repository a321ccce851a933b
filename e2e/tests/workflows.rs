//! The workflows of bitrise.yml, run as the Bitrise CLI would; by the CLI itself where it is installed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::path::PathBuf;
use std::process::Command;

use apple_sandbox::tools;
use e2e::{bitrise, repository};

/// Variables that put the stand-in for envman on `PATH`, and point cargo to the binaries that the tests built.
fn variables(folder: &std::path::Path) -> Vec<(&'static str, String)> {
    let sandbox = e2e::binary("apple-sandbox");
    let path = std::env::var("PATH").unwrap();
    let tools = folder.join("envman-alone");
    std::fs::create_dir_all(&tools).unwrap();
    std::os::unix::fs::symlink(&sandbox, tools.join("envman")).unwrap();
    let target = sandbox.parent().unwrap().parent().unwrap();
    vec![
        ("PATH", format!("{}:{path}", tools.display())),
        (tools::DIRECTORY, folder.display().to_string()),
        ("CARGO_TARGET_DIR", target.display().to_string()),
        ("HOME", std::env::var("HOME").unwrap_or_default()),
    ]
}

fn has_cli() -> bool {
    Command::new("bitrise")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// One test for all: the workflows share `target/sandbox`.
#[test]
fn workflows_end_as_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let variables = variables(folder.path());
    let root = repository();
    let own = root.join("bitrise.yml");
    for workflow in [
        "sandbox-auto-provision-asc",
        "sandbox-auto-provision-apple-id",
        "sandbox-fastlane",
        "sandbox-deliver",
        "sandbox-application-loader",
        "sandbox",
    ] {
        if has_cli() {
            let status = Command::new("bitrise")
                .args(["run", workflow])
                .current_dir(&root)
                .status()
                .unwrap();
            assert!(status.success(), "{workflow}");
        } else {
            let built = bitrise::run(&own, workflow, &root, &variables);
            assert!(built.succeeded, "{workflow}\n{}", built.log);
        }
    }
    let failing: PathBuf = root.join("e2e/bitrise.yml");
    let run = |workflow: &str| bitrise::run(&failing, workflow, &root, &variables);
    for (workflow, succeeds, said, unsaid) in [
        (
            "a-scheme-that-is-not-there",
            false,
            &["did you mean `Courier`?", "this must run"][..],
            "this must not run",
        ),
        (
            "an-option-that-does-not-exist",
            false,
            &["is `app_store`; accepted: development, app-store"],
            "?",
        ),
        ("a-package-that-no-step-has-made", false, &["ipa_path: "], "?"),
        (
            "a-failure-that-may-be-skipped",
            true,
            &["ipa_path: ", "this must run"],
            "?",
        ),
        ("no-apple-id-at-hand", false, &["No Apple ID is connected"], "?"),
        ("a-step-for-ci-only", true, &["this must run"], "ipa_path"),
        (
            "inputs-that-nobody-declares",
            false,
            &["is `perhaps`"],
            "unheard_of",
        ),
    ] {
        let built = run(workflow);
        assert_eq!(built.succeeded, succeeds, "{workflow}\n{}", built.log);
        for words in said {
            assert!(built.log.contains(words), "{workflow}: `{words}`\n{}", built.log);
        }
        assert!(
            !built.log.contains(unsaid) || unsaid == "?",
            "{workflow}: `{unsaid}`\n{}",
            built.log
        );
    }
}

#[test]
fn a_step_runs_by_one_command_against_a_sandbox_of_its_own() {
    let sandbox = e2e::binary("apple-sandbox");
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("Courier.ipa");
    std::fs::write(&package, e2e::ipa(&[])).unwrap();
    let inputs = [
        format!("ipa_path={}", package.display()),
        "uploader=native".to_owned(),
    ];
    let run = |arguments: &[&str]| {
        let output = Command::new(&sandbox)
            .arg("run")
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), text)
    };
    let (status, text) = run(&["application-loader", &inputs[0], &inputs[1]]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("BITRISE_APPSTORE_UPLOAD_ID="), "{text}");
    let (status, text) = run(&[
        "fastlane",
        "lane=beta",
        "update_fastlane=false",
        "enable_cache=no",
        "work_dir=.",
    ]);
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("credentials: APP_STORE_CONNECT_API_KEY_PATH"),
        "{text}"
    );
    let (status, text) = run(&["no-such-step"]);
    assert_eq!(status, Some(1), "{text}");
}

/// A checkout that has what the sandbox workflows need.
fn checkout(folder: &std::path::Path) {
    for step in std::fs::read_dir(repository().join("steps")).unwrap().flatten() {
        let to = folder.join("steps").join(step.file_name());
        std::fs::create_dir_all(&to).unwrap();
        for file in ["step.yml", "step.sh"] {
            std::fs::copy(step.path().join(file), to.join(file)).unwrap();
        }
    }
    let samples = folder.join("samples");
    e2e::copy_tree(&repository().join("samples/courier"), &samples.join("courier"));
    let stop = "stop-sandbox.sh";
    std::fs::copy(repository().join("samples").join(stop), samples.join(stop)).unwrap();
}

/// [`variables`], with a cargo that does this and builds nothing; what it would have built is in `built`.
fn variables_with_cargo(folder: &std::path::Path, script: &str) -> Vec<(&'static str, String)> {
    let mut all = variables(folder);
    let file = folder.join("envman-alone/cargo");
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    e2e::executable(&file.display().to_string());
    all.retain(|(key, _)| *key != "CARGO_TARGET_DIR");
    all.push(("CARGO_TARGET_DIR", folder.join("built").display().to_string()));
    all
}

#[test]
fn staging_that_fails_says_so_once() {
    let folder = tempfile::tempdir().unwrap();
    checkout(folder.path());
    let variables = variables_with_cargo(folder.path(), "echo 'error: no space left' >&2; exit 101");
    let own = repository().join("bitrise.yml");
    let built = bitrise::run(&own, "sandbox", folder.path(), &variables);
    assert!(!built.succeeded);
    assert!(built.log.contains("error: no space left"), "{}", built.log);
    assert_eq!(built.log.matches("\x1b[31;1m").count(), 1, "{}", built.log);
    assert!(!built.log.contains("failed to prepare"), "{}", built.log);
    // There was nothing to stop, which is no failure of its own.
    assert!(built.log.contains("No sandbox to stop."), "{}", built.log);
}

#[test]
fn only_a_sandbox_of_this_checkout_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    checkout(folder.path());
    let own = repository().join("bitrise.yml");
    let stop = || bitrise::run(&own, "_stop-sandbox", folder.path(), &[]);
    let file = folder.path().join("target/sandbox/pid");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    // A process that is not ours, and one that is no more.
    let mut other = Command::new("sleep").arg("60").spawn().unwrap();
    for pid in [other.id(), 4_194_300] {
        std::fs::write(&file, pid.to_string()).unwrap();
        let built = stop();
        assert!(
            built.succeeded && built.log.contains("not running any more"),
            "{}",
            built.log
        );
        assert!(!file.exists());
    }
    assert!(
        other.try_wait().unwrap().is_none(),
        "somebody else's process was killed"
    );
    other.kill().unwrap();
    other.wait().unwrap();
    let mut sandbox = Command::new(e2e::binary("apple-sandbox"))
        .args(["serve", "--tools"])
        .arg(folder.path().join("target/sandbox/tools"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::fs::write(&file, sandbox.id().to_string()).unwrap();
    let built = stop();
    assert!(
        built.succeeded && built.log.contains("Stopped the sandbox."),
        "{}",
        built.log
    );
    sandbox.wait().unwrap();
    assert!(stop().succeeded);
}

/// Later steps would ask the real Bitrise and the real Apple.
#[test]
fn a_sandbox_that_does_not_start_ends_the_workflow_with_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    checkout(folder.path());
    let variables = variables_with_cargo(folder.path(), "exit 0");
    let sandbox = folder.path().join("built/debug/apple-sandbox");
    std::fs::create_dir_all(sandbox.parent().unwrap()).unwrap();
    for (script, said) in [
        (None, "No such file"),
        (Some("echo 'no port is free' >&2; exit 1"), "no port is free"),
        // It ends before its last line.
        (
            Some("echo export HOME=/; echo 'out of memory' >&2"),
            "out of memory",
        ),
    ] {
        if let Some(script) = script {
            std::fs::write(&sandbox, format!("#!/bin/sh\n{script}\n")).unwrap();
            e2e::executable(&sandbox.display().to_string());
        }
        let own = repository().join("bitrise.yml");
        let built = bitrise::run(&own, "sandbox-deliver", folder.path(), &variables);
        assert!(
            !built.succeeded && built.log.contains("The sandbox did not start"),
            "{}",
            built.log
        );
        assert!(built.log.contains(said), "{}", built.log);
        assert!(built.log.contains("No sandbox to stop."), "{}", built.log);
    }
}

#[test]
fn a_second_start_ends_the_first_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    checkout(folder.path());
    let built = folder.path().join("built/debug");
    std::fs::create_dir_all(&built).unwrap();
    std::os::unix::fs::symlink(e2e::binary("apple-sandbox"), built.join("apple-sandbox")).unwrap();
    let variables = variables_with_cargo(folder.path(), "exit 0");
    let own = repository().join("bitrise.yml");
    let pid = || std::fs::read_to_string(folder.path().join("target/sandbox/pid")).unwrap();
    let lives = |pid: &str| {
        Command::new("kill")
            .args(["-0", pid.trim()])
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap()
            .success()
    };
    let mut pids = Vec::new();
    for words in ["No sandbox to stop.", "Stopped the sandbox."] {
        let started = bitrise::run(&own, "_start-sandbox", folder.path(), &variables);
        assert!(
            started.succeeded && started.log.contains(words),
            "{}",
            started.log
        );
        pids.push(pid());
    }
    assert!(lives(&pids[1]));
    let stopped = bitrise::run(&own, "_stop-sandbox", folder.path(), &variables);
    assert!(stopped.succeeded, "{}", stopped.log);
    for pid in pids {
        for _ in 0..100 {
            if !lives(&pid) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        assert!(!lives(&pid), "{pid} is still running");
    }
}
