//! Every step under random faults, over and over: 5 % of requests refused, 3 % limited, 2 % broken, lists that lag and
//! change their order. Whatever strikes, a run ends green and leaves each thing once.
//!
//! Ten runs by default; `SOAK_RUNS` says another number (`cargo xtask ci --full`: 200), and `SOAK_SEED` where they begin.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "helpers of tests: what fails ends the test"
)]

use std::collections::BTreeMap;
use std::time::Instant;

use apple_sandbox::{Json, RandomFaults, Sandbox, Seed, State};
use e2e::project::{self, Target};
use e2e::{Machine, Run, ipa_of, secrets};

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap())
}

fn seed(random: u64) -> Seed {
    Seed {
        random,
        random_faults: RandomFaults::Seed(random),
        part_size: 64 << 10,
        ..Seed::default()
    }
}

/// The portal through an API key: devices, App IDs, capabilities, and profiles for three targets.
fn by_key(sandbox: &Sandbox, machine: &mut Machine) -> Run {
    machine.meets(sandbox);
    machine.run("step-auto-provision-asc", &[("register_test_devices", "yes")])
}

/// The portal through an Apple ID's session.
fn by_session(sandbox: &Sandbox, machine: &mut Machine) -> Run {
    machine.meets(sandbox);
    let folder = machine.path("made");
    std::fs::create_dir_all(&folder).unwrap();
    let path = project::write(&folder, &[Target::APP]).display().to_string();
    machine.set("project_path", &path).set("scheme", "App");
    machine.run("step-auto-provision-apple-id", &[])
}

/// An upload through the Build Uploads API, in several parts.
fn upload(sandbox: &Sandbox, machine: &mut Machine) -> Run {
    machine.meets(sandbox);
    let package = machine.file("Courier.ipa", ipa_of(&[], 300 << 10));
    machine.run(
        "step-application-loader",
        &[("ipa_path", &package), ("uploader", "native")],
    )
}

/// A lane with the connected account.
fn lane(sandbox: &Sandbox, machine: &mut Machine) -> Run {
    machine.meets(sandbox);
    machine.tool("fastlane", "echo fastlane 2.230.0");
    machine.file("project/fastlane/Fastfile", "lane(:beta) {}\n");
    machine.run(
        "step-fastlane",
        &[
            ("lane", "beta"),
            ("enable_cache", "no"),
            ("update_fastlane", "false"),
        ],
    )
}

/// deliver, which runs fastlane.
fn deliver(sandbox: &Sandbox, machine: &mut Machine) -> Run {
    machine.meets(sandbox);
    machine.tool("fastlane", "echo fastlane 2.230.0");
    let package = machine.file("Courier.ipa", ipa_of(&[], 10 << 10));
    machine.run(
        "step-deliver",
        &[
            ("ipa_path", package.as_str()),
            ("bundle_id", "com.example.courier"),
            ("fastlane_version", ""),
        ],
    )
}

/// deliver's native engine: the upload, the version, and its texts.
fn native(sandbox: &Sandbox, machine: &mut Machine) -> Run {
    machine.meets(sandbox);
    let package = machine.file("Courier.ipa", ipa_of(&[], 300 << 10));
    for (name, text) in [
        ("en-US/description.txt", "Carries what you send."),
        ("en-US/keywords.txt", "mail,parcels"),
        ("en-US/release_notes.txt", "Faster."),
        ("de-DE/description.txt", "Bringt, was du schickst."),
        ("copyright.txt", "2026 Example GmbH"),
    ] {
        machine.file(&format!("project/fastlane/metadata/{name}"), text);
    }
    machine.run(
        "step-deliver",
        &[
            ("ipa_path", package.as_str()),
            ("bundle_id", "com.example.courier"),
            ("engine", "native"),
            ("skip_metadata", "no"),
            ("skip_screenshots", "yes"),
            ("options", "--app_version 1.2.3"),
            ("submit_for_review", "no"),
        ],
    )
}

/// A name, what runs, and whether the Apple ID alone is connected.
type Scenario = (&'static str, fn(&Sandbox, &mut Machine) -> Run, bool);

const SCENARIOS: [Scenario; 6] = [
    ("auto-provision-asc", by_key, false),
    ("auto-provision-apple-id", by_session, true),
    ("application-loader", upload, false),
    ("fastlane", lane, false),
    ("deliver", deliver, false),
    ("deliver, native", native, false),
];

/// Names of things that are there twice.
fn doubles(state: &State) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let profiles = state.profiles.iter().map(|one| format!("profile {}", one.name));
    let bundle_ids = state
        .bundle_ids
        .iter()
        .map(|one| format!("bundle ID {}", one.identifier));
    let devices = state.devices.iter().map(|one| format!("device {}", one.udid));
    let uploads = state
        .uploads
        .iter()
        .map(|one| format!("upload {} ({})", one.short_version, one.version));
    for name in profiles.chain(bundle_ids).chain(devices).chain(uploads) {
        *counts.entry(name).or_default() += 1;
    }
    counts
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn every_step_stays_green_under_random_faults() {
    let (first, runs) = (number("SOAK_SEED", 1), number("SOAK_RUNS", 10));
    let started = Instant::now();
    let mut struck: BTreeMap<String, usize> = BTreeMap::new();
    let (mut requests, mut failures) = (0, Vec::new());
    for random in first..first + runs {
        let (name, scenario, is_apple_id) = SCENARIOS[usize::try_from(random).unwrap() % SCENARIOS.len()];
        let mut seed = seed(random);
        if is_apple_id {
            for key in ["key_id", "issuer_id", "private_key"] {
                seed.connection.insert(key.to_owned(), Json::Null);
            }
        }
        let sandbox = Sandbox::start(&seed).unwrap();
        let mut machine = Machine::new();
        let run = scenario(&sandbox, &mut machine).kept(&secrets(&sandbox));
        let state = sandbox.state();
        requests += state.requests.len();
        for request in &state.requests {
            for fault in request
                .reason
                .split("; ")
                .filter(|note| note.starts_with("fault: "))
            {
                *struck.entry(fault.to_owned()).or_default() += 1;
            }
        }
        let doubles = doubles(&state);
        if run.status != Some(0) || !doubles.is_empty() {
            let log: Vec<String> = state
                .requests
                .iter()
                .map(|one| format!("{} {} {} {}", one.status, one.method, one.path, one.reason))
                .collect();
            failures.push(format!(
                "SOAK_SEED={random} SOAK_RUNS=1, {name}: {:?} {doubles:?}\n{}\n{}",
                run.status,
                run.text,
                log.join("\n")
            ));
        }
    }
    eprintln!(
        "{runs} runs in {:.0} s, {requests} requests, {struck:?}",
        started.elapsed().as_secs_f64()
    );
    assert!(
        failures.is_empty(),
        "{} of {runs} runs failed\n{}",
        failures.len(),
        failures.join("\n\n")
    );
    // Without a fault the runs would prove nothing.
    assert!(runs < 10 || struck.len() >= 4, "{struck:?}");
}
