//! What programs could do that steps run.

use std::time::{Duration, Instant};

use crate::lab::{APP_STORE, ASC, FASTLANE, fastlane, lane, machine, run, sandbox};

pub fn an_envman_that_hangs_is_stopped_and_named() {
    let sandbox = sandbox();
    let mut machine = machine();
    machine.meets(&sandbox);
    // Its own child holds the pipes as well.
    machine.tool("envman", "trap '' TERM; sleep 300 & sleep 300");
    run(&machine, ASC, APP_STORE)
        .failed()
        .said(&["BITRISE_EXPORT_METHOD", "envman add", "30 s"]);
}

pub fn a_git_that_hangs_is_stopped_and_the_lane_counts() {
    let mut machine = machine();
    machine.tool("fastlane", &fastlane("exit 0"));
    machine.tool("git", "exec sleep 300");
    for name in ["build.gradle", "settings.gradle", "gradlew"] {
        machine.file(&format!("project/android/{name}"), "x");
    }
    let mut inputs = lane();
    inputs.retain(|(key, _)| *key != "enable_cache");
    inputs.push(("enable_cache", "yes"));
    let ran = run(&machine, FASTLANE, &inputs);
    assert_eq!(ran.status, Some(0), "{}", ran.text);
    assert!(
        machine.path("project/android/gradle.deps").is_file(),
        "{}",
        ran.text
    );
}

pub fn a_tool_that_hangs_ends_with_its_part_of_the_run() {
    let sandbox = sandbox();
    for (tool, what) in [
        ("security", "omparing and installing profiles"),
        ("xcodebuild", "sking `xcodebuild` for its version"),
    ] {
        let mut machine = machine();
        machine.meets(&sandbox).set("APPLE_STEPS_PHASE_SECONDS", "4");
        machine.tool(tool, "trap '' TERM INT HUP; while :; do sleep 1; done");
        let before = machine.project_file();
        let started = Instant::now();
        run(&machine, ASC, APP_STORE)
            .failed()
            .said(&[&format!("{what} took longer than 4 s")]);
        assert!(started.elapsed() < Duration::from_secs(40));
        assert_eq!(machine.project_file(), before);
    }
}

pub fn children_that_stay_behind_hold_nothing_up() {
    let mut machine = machine();
    let pid = machine.path("pid");
    machine.tool(
        "fastlane",
        &fastlane(&format!(
            "setsid sh -c 'echo $$ > \"{0}\"; exec sleep 300' & while [ ! -s '{0}' ]; do sleep 0.05; done; exit 0",
            pid.display()
        )),
    );
    let started = Instant::now();
    let ran = run(&machine, FASTLANE, &lane());
    assert_eq!(ran.status, Some(0), "{}", ran.text);
    assert!(started.elapsed() < Duration::from_secs(60));
    let pid = std::fs::read_to_string(pid).unwrap();
    let _ = std::process::Command::new("kill")
        .args(["-KILL", pid.trim()])
        .status();
}

pub fn a_tool_that_prints_without_end_fills_no_memory() {
    // One line, many lines, and carriage returns alone.
    for print in [
        "head -c 4000000 /dev/zero | tr '\\0' x",
        "yes 'a line of some words' | head -c 2000000",
        "yes | tr '\\n' '\\r' | head -c 4000000",
    ] {
        let mut machine = machine();
        machine.tool("fastlane", &fastlane(&format!("{print}; exit 1")));
        run(&machine, FASTLANE, &lane()).failed();
    }
}

pub fn a_tool_that_is_none_is_named() {
    let mut machine = machine();
    let place = machine.path("tools/bin/fastlane");
    for (number, said) in ["fastlane", "fastlane", "fastlane"].into_iter().enumerate() {
        let _ = std::fs::remove_file(&place);
        let _ = std::fs::remove_dir(&place);
        match number {
            // A script for a program that is not there.
            0 => {
                machine.file("tools/bin/fastlane", "#!/nowhere/ruby\n");
                e2e::executable(&place.display().to_string());
            }
            1 => std::fs::create_dir(&place).unwrap(),
            // Bytes that no system runs.
            _ => {
                machine.file("tools/bin/fastlane", b"\x7fELF\x02\x01\x01rubbish");
                e2e::executable(&place.display().to_string());
            }
        }
        // Neither is there a Ruby to install another one with.
        machine.tool("gem", "exit 1");
        machine.tool("ruby", "echo 'ruby 3.2.2'");
        run(&machine, FASTLANE, &lane()).failed().said(&[said]);
    }
}

pub fn what_a_tool_prints_can_not_be_taken_for_the_steps_own_failure() {
    let mut machine = machine();
    let forged = "\\033[0m\\033[31;1mEverything is fine\\033[0m";
    machine.tool(
        "fastlane",
        &fastlane(&format!(
            "printf '{forged}\\n\\033[31m\\033[1mEverything is fine\\033[0m\\n\\033[1;31mEverything is fine\\n\\033]0;title\\007\\033[2J\\n'; printf '{forged}' >&2; exit 1"
        )),
    );
    let ran = run(&machine, FASTLANE, &lane()).failed();
    assert_eq!(ran.text.matches("\x1b[31;1m").count(), 1, "{:?}", ran.text);
    assert!(
        !ran.text.contains("\x1b]0;") && !ran.text.contains("\x1b[2J"),
        "{:?}",
        ran.text
    );
    assert!(ran.last_block().contains("beta"), "{:?}", ran.text);
}

pub fn bytes_that_are_no_text_break_nothing() {
    let mut machine = machine();
    machine.tool(
        "fastlane",
        &fastlane("head -c 200000 /dev/urandom; printf '\\000\\377\\376\\r\\r\\n'; head -c 200000 /dev/urandom >&2; exit 1"),
    );
    run(&machine, FASTLANE, &lane()).failed().said(&["beta"]);
    let sandbox = sandbox();
    let mut machine = crate::lab::machine();
    machine.meets(&sandbox);
    machine.tool("security", "head -c 5000 /dev/urandom; exit 0");
    run(&machine, ASC, APP_STORE);
}

pub fn a_tool_that_a_signal_ends_is_no_success() {
    for signal in ["KILL", "TERM", "PIPE"] {
        let mut machine = machine();
        machine.tool("fastlane", &fastlane(&format!("ulimit -c 0; kill -{signal} $$")));
        let ran = run(&machine, FASTLANE, &lane());
        assert!(
            ran.status.is_some_and(|status| status > 0),
            "{signal}: {}",
            ran.text
        );
        assert!(ran.last_block().contains("beta"), "{signal}: {}", ran.text);
    }
}
