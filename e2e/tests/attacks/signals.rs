//! Signals, and ends of pipes.

use std::io::Read as _;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::lab::{FASTLANE, LOADER, fastlane, machine, sandbox};

const LANE: &[(&str, &str)] = &[
    ("lane", "beta"),
    ("update_fastlane", "false"),
    ("enable_cache", "no"),
];

fn signal(id: u32, name: &str) {
    let _ = Command::new("kill")
        .args([&format!("-{name}"), &id.to_string()])
        .status();
}

pub fn at_any_moment_a_signal_leaves_no_key_behind() {
    let sandbox = sandbox();
    let secrets = e2e::secrets(&sandbox);
    for (step, name) in [
        (FASTLANE, "TERM"),
        (FASTLANE, "HUP"),
        (LOADER, "INT"),
        (LOADER, "TERM"),
    ] {
        for moment in [0, 15, 40, 90, 200, 500, 900] {
            let mut machine = machine();
            machine.meets(&sandbox);
            machine.tool(
                "fastlane",
                &fastlane("sleep 0.7; cat \"$APP_STORE_CONNECT_API_KEY_PATH\"; exit 1"),
            );
            let package = machine.file("app.ipa", e2e::ipa_of(&[], 200_000));
            let inputs = [LANE, &[("ipa_path", &package), ("uploader", "native")]].concat();
            let mut child = machine.start(step, &inputs);
            std::thread::sleep(Duration::from_millis(moment));
            signal(child.id(), name);
            let mut text = String::new();
            child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
            let status = child.wait().unwrap();
            // Before the step listens, the signal ends it: nothing is there yet.
            assert!(
                !matches!(status.code(), Some(70 | 101)),
                "{step} {name} after {moment} ms: {status}\n{text}"
            );
            let left = machine.leftovers(&secrets);
            assert!(
                left.is_empty(),
                "{step} {name} after {moment} ms: {left:?}\n{text}"
            );
            assert!(
                !secrets.iter().any(|secret| text.contains(secret.as_str())),
                "{text}"
            );
        }
    }
}

pub fn a_second_signal_ends_a_run_whose_tool_does_not_listen() {
    let sandbox = sandbox();
    let secrets = e2e::secrets(&sandbox);
    for (first, second) in [("TERM", "TERM"), ("INT", "TERM"), ("HUP", "INT")] {
        let mut machine = machine();
        machine.meets(&sandbox);
        let pid = machine.path("pid");
        machine.tool(
            "fastlane",
            &fastlane(&format!(
                "trap '' TERM INT HUP; echo $$ > '{}'; while :; do sleep 0.2; done",
                pid.display()
            )),
        );
        let mut child = machine.start(FASTLANE, LANE);
        let started = Instant::now();
        while !std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')) {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "the lane did not begin"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        signal(child.id(), first);
        std::thread::sleep(Duration::from_millis(300));
        signal(child.id(), second);
        let asked = Instant::now();
        child.wait().unwrap();
        assert!(
            asked.elapsed() < Duration::from_secs(8),
            "{first}, {second}: {:?}",
            asked.elapsed()
        );
        let left = machine.leftovers(&secrets);
        assert!(left.is_empty(), "{first}, {second}: {left:?}");
        let pid: u32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        let lives =
            std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        if lives {
            signal(pid, "KILL");
        }
        assert!(!lives, "{first}, {second}: the lane goes on");
    }
}

pub fn nobody_who_reads_the_log_is_no_reason_to_crash() {
    let sandbox = sandbox();
    let mut machine = machine();
    machine.meets(&sandbox);
    machine.tool("fastlane", &fastlane("yes 'a line' | head -n 20000; exit 0"));
    let mut child = machine.start(FASTLANE, LANE);
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    assert!(machine.leftovers(&e2e::secrets(&sandbox)).is_empty());
}
