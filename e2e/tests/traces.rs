//! `support_trace: yes`: a record of a run that holds no secret, and that the sandbox can play again.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use apple_sandbox::{Json, Replay, Sandbox, Seed, SeedAppleId};
use e2e::project::{self, Target};
use e2e::{Machine, Run, ipa_of, secrets};

/// A step, its inputs, and what is connected.
struct Case {
    name: &'static str,
    seed: Seed,
    step: &'static str,
    inputs: Vec<(&'static str, &'static str)>,
}

fn with_apple_id(apple_id: SeedAppleId) -> Seed {
    let mut seed = Seed {
        apple_id,
        ..Seed::default()
    };
    for key in ["key_id", "issuer_id", "private_key"] {
        seed.connection.insert(key.to_owned(), Json::Null);
    }
    seed
}

/// Every kind of account, and every step.
fn cases() -> Vec<Case> {
    let case = |name, seed, step, inputs: &[_]| Case {
        name,
        seed,
        step,
        inputs: inputs.to_vec(),
    };
    vec![
        case("team key", Seed::default(), "step-auto-provision-asc", &[]),
        case(
            "session",
            with_apple_id(SeedAppleId::default()),
            "step-auto-provision-apple-id",
            &[],
        ),
        case(
            "password",
            with_apple_id(SeedAppleId {
                second_factor: false,
                signed_in: false,
                ..SeedAppleId::default()
            }),
            "step-auto-provision-apple-id",
            &[],
        ),
        case(
            "upload",
            Seed {
                part_size: 64 << 10,
                ..Seed::default()
            },
            "step-application-loader",
            &[("uploader", "native")],
        ),
        case(
            "lane",
            Seed::default(),
            "step-fastlane",
            &[
                ("lane", "beta"),
                ("enable_cache", "no"),
                ("update_fastlane", "false"),
            ],
        ),
        case(
            "deliver",
            Seed::default(),
            "step-deliver",
            &[("bundle_id", "com.example.courier"), ("fastlane_version", "")],
        ),
        case(
            "deliver, native",
            Seed {
                part_size: 64 << 10,
                ..Seed::default()
            },
            "step-deliver",
            &[
                ("bundle_id", "com.example.courier"),
                ("engine", "native"),
                ("skip_metadata", "no"),
                ("skip_screenshots", "yes"),
                ("options", "--app_version 1.2.3"),
                ("submit_for_review", "no"),
            ],
        ),
    ]
}

/// A machine whose files are the same in every run, for a case.
fn machine(case: &Case, sandbox: &Sandbox) -> Machine {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    if case.step == "step-auto-provision-apple-id" {
        let folder = machine.path("made");
        std::fs::create_dir_all(&folder).unwrap();
        let path = project::write(&folder, &[Target::APP]).display().to_string();
        machine.set("project_path", &path).set("scheme", "App");
    }
    if matches!(case.step, "step-fastlane" | "step-deliver") {
        // It prints what real programs print by mistake: a secret of the account.
        machine.tool("fastlane", "echo fastlane 2.230.0; env | grep -i password; true");
        machine.file("project/fastlane/Fastfile", "lane(:beta) {}\n");
    }
    if matches!(case.step, "step-application-loader" | "step-deliver") {
        let package = machine.file("Courier.ipa", ipa_of(&[], 200 << 10));
        machine.set("ipa_path", &package);
    }
    if case.name == "deliver, native" {
        machine.file(
            "project/fastlane/metadata/en-US/description.txt",
            "Carries what you send.",
        );
        machine.file("project/fastlane/metadata/en-US/keywords.txt", "mail,parcels");
    }
    machine
}

fn run(case: &Case, machine: &Machine) -> Run {
    let mut inputs = case.inputs.clone();
    inputs.push(("support_trace", "yes"));
    machine.run(case.step, &inputs)
}

/// The trace that a run left.
fn trace(machine: &Machine) -> String {
    let found: Vec<_> = e2e::files(&machine.path("deploy"))
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("support-trace-"))
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    std::fs::read_to_string(&found[0]).unwrap()
}

/// Every secret of the sandbox before and after, in the forms in which it would leak.
fn all_secrets(sandbox: &Sandbox) -> Vec<String> {
    let mut all = secrets(sandbox);
    all.push("-----BEGIN PRIVATE KEY".to_owned());
    let state = sandbox.state();
    all.extend(state.apple_id.seed.password.split('\n').map(str::to_owned));
    for file in state.files.values() {
        // A `.p12` in base64.
        use base64::Engine as _;
        all.push(base64::engine::general_purpose::STANDARD.encode(&file[..48]));
    }
    all
}

#[test]
fn a_trace_of_any_account_holds_requests_answers_and_commands_and_no_secret() {
    for case in cases() {
        let sandbox = Sandbox::start(&case.seed).unwrap();
        let machine = machine(&case, &sandbox);
        let before = all_secrets(&sandbox);
        let run = run(&case, &machine);
        assert_eq!(run.status, Some(0), "{}: {}", case.name, run.text);
        let trace = trace(&machine);
        for secret in before.iter().chain(&all_secrets(&sandbox)) {
            assert!(
                !trace.contains(secret.as_str()),
                "{}: {secret} is in\n{trace}",
                case.name
            );
        }
        // Tokens by their form, and signatures of parts.
        assert!(
            !trace.contains("Bearer ey") && !trace.contains("\"eyJ"),
            "{}",
            case.name
        );
        for piece in trace.split("signature=").skip(1) {
            assert!(piece.starts_with("[REDACTED]"), "{}: {}", case.name, &piece[..40]);
        }
        let events: Vec<serde_json::Value> = trace
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(events[0]["event"], "run", "{}", case.name);
        let of = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
        let asked = sandbox
            .state()
            .requests
            .iter()
            .filter(|one| !one.path.starts_with("/files/"))
            .count();
        assert!(
            of("exchange") >= asked,
            "{}: {} of {asked}",
            case.name,
            of("exchange")
        );
        // Uploads and releases of the native engines need no other program.
        let runs_programs = !["upload", "deliver, native"].contains(&case.name);
        assert!(of("process") > 0 || !runs_programs, "{}", case.name);
        run.said(&["Support trace: "]);
    }
}

#[test]
fn no_trace_is_written_unless_it_is_asked_for() {
    let case = &cases()[0];
    let sandbox = Sandbox::start(&case.seed).unwrap();
    let machine = machine(case, &sandbox);
    machine.run(case.step, &case.inputs).ended(0);
    assert!(
        !e2e::files(&machine.path("deploy"))
            .iter()
            .any(|path| path.to_string_lossy().contains("support-trace"))
    );
}

#[test]
fn a_trace_of_a_failed_run_is_written_too() {
    let case = &cases()[0];
    let sandbox = Sandbox::start(&case.seed).unwrap();
    sandbox.fail(apple_sandbox::Fault::always(
        "POST /v1/profiles",
        apple_sandbox::Kind::Role,
    ));
    let machine = machine(case, &sandbox);
    run(case, &machine).ended(1);
    let trace = trace(&machine);
    assert!(trace.contains("FORBIDDEN_ERROR"), "{trace}");
}

/// A log without what differs between two runs of the same: times, places, ports, and rates.
fn normalized(text: &str, machine: &Machine) -> Vec<String> {
    let root = machine.path("").display().to_string();
    text.replace(root.trim_end_matches('/'), "ROOT")
        .lines()
        .map(|line| {
            let mut out = String::new();
            for word in line.split(' ') {
                let is_number =
                    word.starts_with(|c: char| c.is_ascii_digit()) || word.starts_with("http://127.0.0.1:");
                // A private directory has a name of its own in every run.
                let named = match word.split_once("/apple-steps-") {
                    Some((start, rest)) => {
                        let inside = rest.split_once('/').map_or("", |(_, inside)| inside);
                        format!("{start}/PRIVATE/{inside}")
                    }
                    None => word.to_owned(),
                };
                out.push_str(if is_number { "N" } else { &named });
                out.push(' ');
            }
            out
        })
        // How fast it went.
        .filter(|line| !line.contains("MB/s") && !line.contains("kB/s") && !line.starts_with("sent:"))
        .collect()
}

#[test]
fn a_run_against_the_replay_gives_the_same_log() {
    for case in cases() {
        let recorded = {
            let sandbox = Sandbox::start(&case.seed).unwrap();
            let machine = machine(&case, &sandbox);
            let run = run(&case, &machine).ended(0);
            let log = normalized(&run.text, &machine);
            // Files of certificates are no part of a trace.
            (trace(&machine), log, sandbox.state().files.clone())
        };
        let (trace, log, files) = recorded;
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        {
            let mut state = sandbox.state();
            state.play(Replay::parse(&trace).unwrap());
            state.files = files;
            state.issuer_id = Some(case.seed.issuer_id.clone()).filter(|issuer| !issuer.is_empty());
        }
        let machine = machine(&case, &sandbox);
        let again = run(&case, &machine);
        assert_eq!(
            normalized(&again.text, &machine),
            log,
            "{}\n{}\n{:#?}",
            case.name,
            again.text,
            sandbox
                .state()
                .requests
                .iter()
                .map(|one| format!("{} {} {}", one.status, one.method, one.path))
                .collect::<Vec<_>>()
        );
    }
}
