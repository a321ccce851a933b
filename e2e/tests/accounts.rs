//! The inputs of an API key mean the same in every step that takes one, whatever a secret store made of the key; and no
//! part of it is printed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::sync::atomic::{AtomicU32, Ordering};

use apple_sandbox::{Json, Sandbox, Seed};
use e2e::{Machine, Run, ipa, secrets};

const STEPS: [&str; 4] = [
    "step-auto-provision-asc",
    "step-fastlane",
    "step-deliver",
    "step-application-loader",
];

/// Prints the key file that a step wrote, without the key.
const FASTLANE: &str = r#"[ "$1" = --version ] && { echo "fastlane 2.230.0"; exit 0; }
file="$APP_STORE_CONNECT_API_KEY_PATH"
for word in "$@"; do case "$word" in *api_key.json) file="$word";; esac; done
sed 's/"key":"[^"]*"/"key":"-"/' "$file""#;

/// Account inputs, the exit status that they lead to, and words of the message.
type Refusal<'a> = (&'a [(&'a str, &'a str)], i32, &'a [&'a str]);

/// A sandbox to which nothing is connected.
fn unconnected() -> Sandbox {
    let mut seed = Seed::default();
    seed.apple_id.connected = false;
    for key in ["key_id", "issuer_id", "private_key"] {
        seed.connection.insert(key.to_owned(), Json::Null);
    }
    Sandbox::start(&seed).unwrap()
}

/// App Store Connect takes a build number once.
static BUILD: AtomicU32 = AtomicU32::new(100);

/// Runs a step with these account inputs, and all else that it needs.
fn run(step: &str, sandbox: &Sandbox, account: &[(&str, &str)]) -> Run {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    machine.tool("fastlane", FASTLANE);
    let build = BUILD.fetch_add(1, Ordering::Relaxed).to_string();
    let package = machine.file("App.ipa", ipa(&[("CFBundleVersion", &build)]));
    let mut inputs = match step {
        "step-auto-provision-asc" => vec![("mode", "plan")],
        "step-fastlane" => vec![
            ("lane", "beta"),
            ("update_fastlane", "false"),
            ("enable_cache", "no"),
        ],
        "step-deliver" => vec![
            ("ipa_path", package.as_str()),
            ("bundle_id", "com.example.courier"),
            ("fastlane_version", ""),
            ("gemfile_path", ""),
        ],
        _ => vec![("ipa_path", package.as_str()), ("uploader", "native")],
    };
    inputs.extend(account);
    let mut hidden = secrets(sandbox);
    let half = sandbox.state().private_key.lines().nth(1).unwrap()[..24].to_owned();
    hidden.push(half);
    let run = machine.run(step, &inputs).kept(&hidden);
    assert_eq!(
        machine.leftovers(&hidden),
        Vec::<std::path::PathBuf>::new(),
        "{step}"
    );
    run
}

#[test]
fn a_key_works_in_every_step_however_it_is_given() {
    let sandbox = unconnected();
    let (pem, issuer) = {
        let state = sandbox.state();
        (state.private_key.clone(), state.issuer_id.clone().unwrap())
    };
    let one_line = pem.replace('\n', " ");
    let escaped = pem.replace('\n', "\\n");
    let json = serde_json::json!({"key_id": "SBXKEY1234", "issuer_id": issuer, "key": pem}).to_string();
    let id = ("api_key_id", "SBXKEY1234");
    let cases: [&[(&str, &str)]; 5] = [
        &[("api_key_content", &pem), id, ("api_issuer", &issuer)],
        &[("api_key_content", &one_line), id, ("api_key_issuer_id", &issuer)],
        // Pasted into the wrong input, there is nothing else that it can mean.
        &[("api_key_path", &pem), id, ("api_issuer", &issuer)],
        &[
            ("api_key_path", &escaped),
            id,
            ("api_issuer", &issuer),
            ("connection", "off"),
        ],
        &[("api_key_content", &json), ("connection", "auto")],
    ];
    for step in STEPS {
        for account in cases {
            let run = run(step, &sandbox, account).ended(0);
            if step == "step-fastlane" || step == "step-deliver" {
                run.said(&[
                    "\"key_id\":\"SBXKEY1234\"",
                    &format!("\"issuer_id\":\"{issuer}\""),
                ]);
            } else {
                run.said(&["API key SBXKEY1234 (inputs)"]);
            }
        }
    }
}

#[test]
fn the_key_id_comes_from_the_name_of_a_second_download() {
    let sandbox = unconnected();
    let machine = Machine::new();
    let path = machine.file(
        "Downloads/AuthKey_SBXKEY1234 (1).p8",
        &sandbox.state().private_key,
    );
    let issuer = sandbox.state().issuer_id.clone().unwrap();
    for step in STEPS {
        run(
            step,
            &sandbox,
            &[("api_key_path", &path), ("api_issuer", &issuer)],
        )
        .ended(0);
    }
}

#[test]
fn what_is_wrong_with_a_key_names_the_input_and_quotes_nothing() {
    let sandbox = unconnected();
    let (pem, issuer) = {
        let state = sandbox.state();
        (state.private_key.clone(), state.issuer_id.clone().unwrap())
    };
    let id = ("api_key_id", "SBXKEY1234");
    let issuer = ("api_issuer", issuer.as_str());
    let half = &pem[..pem.len() / 2];
    let public = pem.replace("PRIVATE", "PUBLIC");
    let cases: [Refusal<'_>; 9] = [
        (
            &[("api_key_path", half), id, issuer],
            2,
            &["api_key_path: ", "damaged"],
        ),
        (
            &[("api_key_content", half), id, issuer],
            2,
            &["api_key_content: ", "damaged"],
        ),
        (
            &[("api_key_content", &public), id, issuer],
            2,
            &["api_key_content: ", "a public key"],
        ),
        (&[("api_key_path", &pem), issuer], 2, &["api_key_id: "]),
        (&[("api_key_path", &pem), id], 2, &["api_issuer: "]),
        (&[id, issuer], 2, &["api_key_path: ", "api_key_content"]),
        (
            &[("api_key_content", &pem), id, ("api_issuer", "SBXTEAM123")],
            2,
            &["api_issuer: `SBXTEAM123` looks like a team ID"],
        ),
        (
            &[("api_key_content", &pem), id, ("api_issuer", "SBXKEY1234")],
            2,
            &["api_issuer: `SBXKEY1234` is the key ID"],
        ),
        (
            &[("api_key_path", "/s3cr3tplace/AuthKey_SBXKEY1234.p8"), issuer],
            1,
            &["api_key_path", "No such file"],
        ),
    ];
    for step in STEPS {
        for (account, status, words) in cases {
            let run = run(step, &sandbox, account).ended(status).said(words);
            assert!(!run.text.contains("s3cr3tplace"), "{}", run.text);
        }
    }
    assert!(sandbox.state().uploads.is_empty());
}

#[test]
fn an_individual_key_is_for_uploads_and_not_for_signing() {
    let sandbox = unconnected();
    let pem = sandbox.state().private_key.clone();
    let account: &[(&str, &str)] = &[
        ("api_key_content", &pem),
        ("api_key_id", "SBXKEY1234"),
        ("api_issuer", "Individual"),
    ];
    for step in ["step-fastlane", "step-deliver"] {
        let run = run(step, &sandbox, account)
            .ended(0)
            .said(&["individual API key SBXKEY1234"]);
        assert!(!run.text.contains("\"issuer_id\""), "{}", run.text);
    }
    run("step-auto-provision-asc", &sandbox, account).ended(2).said(&[
        "api_issuer: ",
        "individual",
        "team key",
    ]);
}

#[test]
fn an_enterprise_key_of_the_inputs_says_so() {
    let sandbox = unconnected();
    let (pem, issuer) = {
        let state = sandbox.state();
        (state.private_key.clone(), state.issuer_id.clone().unwrap())
    };
    for (flag, expected) in [("yes", "\"in_house\":true"), ("no", "\"in_house\":false")] {
        let account = [
            ("api_key_content", pem.as_str()),
            ("api_key_id", "SBXKEY1234"),
            ("api_issuer", issuer.as_str()),
            ("api_key_enterprise_account", flag),
        ];
        for step in ["step-fastlane", "step-deliver"] {
            run(step, &sandbox, &account).ended(0).said(&[expected]);
        }
    }
}

#[test]
fn an_account_survives_the_faults_of_the_other_one() {
    let mut seed = Seed::default();
    seed.connection
        .insert("session_cookies".to_owned(), Json::String("none".to_owned()));
    seed.connection.insert(
        "connection_expiry_date".to_owned(),
        Json::String("soon".to_owned()),
    );
    let sandbox = Sandbox::start(&seed).unwrap();
    for step in STEPS {
        run(step, &sandbox, &[])
            .ended(0)
            .said(&["API key SBXKEY1234 (service connection of this app)"]);
    }
    let mut seed = Seed::default();
    seed.connection
        .insert("private_key".to_owned(), Json::String("no key".to_owned()));
    seed.connection.insert(
        "connection_expiry_date".to_owned(),
        Json::String("2999-12-31".to_owned()),
    );
    let sandbox = Sandbox::start(&seed).unwrap();
    run("step-fastlane", &sandbox, &[]).said(&[
        "connected API key: can't be used",
        "Apple ID ada@example.com (service connection of this app)",
    ]);
    run("step-auto-provision-asc", &sandbox, &[]).ended(1).said(&[
        "the connected API key can't be used",
        "Workspace settings > Integrations > App Store Connect",
    ]);
}
