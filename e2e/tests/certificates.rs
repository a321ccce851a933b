//! Certificates that a team lacks, and those that fastlane match keeps, against the sandbox.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use apple_sandbox::{Sandbox, Seed, SeedCertificate};
use e2e::{Machine, Run, secrets};

const STEP: &str = "step-auto-provision-asc";

const PASSWORD: &str = "correct horse: 'battery' #1";

/// A sandbox whose team has no certificate.
fn cold() -> Sandbox {
    let seed = Seed {
        certificates: Vec::new(),
        ..Seed::default()
    };
    Sandbox::start(&seed).unwrap()
}

/// What `openssl` prints.
fn openssl(words: &[&str]) -> String {
    let output = Command::new("openssl").args(words).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "openssl {words:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// A team's key, in PEM.
fn team_key() -> String {
    openssl(&["genrsa", "2048"])
}

/// A request for a certificate, as OpenSSL makes it.
fn request(key: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    std::fs::write(&path, key).unwrap();
    openssl(&[
        "req",
        "-new",
        "-key",
        &path.display().to_string(),
        "-subj",
        "/CN=PEM",
    ])
}

/// The secrets of a run with this key: each line of it, too.
fn all_secrets(sandbox: &Sandbox, key: &str) -> Vec<String> {
    let lines = key
        .lines()
        .filter(|line| !line.starts_with("---") && !line.is_empty());
    secrets(sandbox)
        .into_iter()
        .chain(lines.map(str::to_owned))
        .collect()
}

/// A machine without uploaded certificates.
fn machine(sandbox: &Sandbox) -> Machine {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    machine
        .set("BITRISE_CERTIFICATE_URL", "")
        .set("BITRISE_CERTIFICATE_PASSPHRASE", "");
    machine
}

/// A run that creates what is missing; neither its output nor a file that it leaves has a secret in it.
fn run(machine: &Machine, sandbox: &Sandbox, key: &str, inputs: &[(&str, &str)]) -> Run {
    let mut all = vec![
        ("certificates", "create_if_missing"),
        ("certificate_private_key", key),
    ];
    all.extend(inputs);
    let hidden = all_secrets(sandbox, key);
    let run = machine.run(STEP, &all).kept(&hidden);
    assert_eq!(machine.leftovers(&hidden), Vec::<PathBuf>::new());
    run
}

/// Types and serial numbers of what the portal lists.
fn listed(sandbox: &Sandbox) -> Vec<(String, String)> {
    let state = sandbox.state();
    let listed = state.certificates.iter().filter(|known| known.on_portal);
    let mut all: Vec<_> = listed
        .map(|known| (known.certificate_type.clone(), known.serial.clone()))
        .collect();
    all.sort();
    all
}

fn types(sandbox: &Sandbox) -> Vec<String> {
    listed(sandbox).into_iter().map(|(kind, _)| kind).collect()
}

/// How many requests began with this.
fn asked(sandbox: &Sandbox, method: &str, path: &str) -> usize {
    let state = sandbox.state();
    let requests = state.requests.iter();
    requests
        .filter(|request| request.method == method && request.path.starts_with(path))
        .count()
}

#[test]
fn a_new_team_gets_its_certificates_once_and_every_later_build_uses_them() {
    let (sandbox, key) = (cold(), team_key());
    let first = machine(&sandbox);
    let inputs = [("distribution_type", "app-store")];
    run(&first, &sandbox, &key, &inputs).ended(0).said(&[
        "Created Apple Distribution: Example GmbH (SBXTEAM123)",
        "Created Apple Development: ",
    ]);
    assert_eq!(types(&sandbox), ["DEVELOPMENT", "DISTRIBUTION"]);
    let identities = std::fs::read_to_string(first.path("tools/security.json")).unwrap();
    assert!(
        identities.contains("Apple Distribution: Example GmbH (SBXTEAM123)"),
        "{identities}"
    );
    assert!(first.outputs()["BITRISE_PRODUCTION_CODESIGN_IDENTITY"].starts_with("Apple Distribution"));
    // Another machine, and the key in another form.
    let second = machine(&sandbox);
    let writes = sandbox.state().writes();
    let path = second.file("keys/team.pem", &key);
    let given = format!("file://{path}");
    let run = second.run(
        STEP,
        &[
            ("certificates", "create_if_missing"),
            ("certificate_private_key", given.as_str()),
            inputs[0],
        ],
    );
    run.ended(0)
        .kept(&all_secrets(&sandbox, &key))
        .said(&["Found Apple Distribution: Example GmbH (SBXTEAM123)"]);
    assert_eq!(sandbox.state().writes(), writes);
    assert_eq!(asked(&sandbox, "DELETE", "/v1/certificates"), 0);
}

#[test]
fn an_uploaded_certificate_that_serves_is_enough() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let mut machine = Machine::new();
    machine.meets(&sandbox);
    let before = listed(&sandbox);
    run(
        &machine,
        &sandbox,
        &team_key(),
        &[("distribution_type", "ad-hoc")],
    )
    .ended(0);
    assert_eq!(listed(&sandbox), before);
}

#[test]
fn full_slots_are_an_error_that_lists_what_fills_them_and_nothing_is_revoked() {
    let certificate = |name: &str, days| SeedCertificate {
        name: name.to_owned(),
        certificate_type: "DISTRIBUTION".to_owned(),
        days,
        ..SeedCertificate::default()
    };
    let seed = Seed {
        certificates: vec![
            certificate("Apple Distribution: Ada", 100),
            certificate("Apple Distribution: Grace", 200),
            certificate("Apple Distribution: Linus", 300),
        ],
        ..Seed::default()
    };
    let sandbox = Sandbox::start(&seed).unwrap();
    let before = listed(&sandbox);
    let serials: Vec<String> = before.iter().map(|(_, serial)| serial.clone()).collect();
    let machine = machine(&sandbox);
    let project = machine.project_file();
    let run = run(
        &machine,
        &sandbox,
        &team_key(),
        &[("distribution_type", "app-store")],
    )
    .said(&[
        "You already have a current Distribution certificate",
        "Apple Distribution: Ada (SBXTEAM123) (serial number ",
        "owner Grace (SBXTEAM123)",
        "revoke an unused one of these",
    ]);
    assert_eq!(run.status, Some(1), "{}", run.text);
    for serial in &serials {
        assert!(run.text.contains(serial), "{serial}: {}", run.text);
    }
    let ends = (time::OffsetDateTime::now_utc() + time::Duration::days(100)).date();
    assert!(run.text.contains(&format!("expires {ends}")), "{}", run.text);
    assert_eq!(listed(&sandbox), before);
    assert_eq!(asked(&sandbox, "DELETE", "/v1/certificates"), 0);
    assert_eq!(machine.project_file(), project);
}

#[test]
fn sixteen_builds_at_once_end_with_one_certificate() {
    let (sandbox, key) = (cold(), team_key());
    let machines: Vec<Machine> = (0..16).map(|_| machine(&sandbox)).collect();
    let inputs = [
        ("certificates", "create_if_missing"),
        ("certificate_private_key", key.as_str()),
    ];
    let builds: Vec<_> = machines
        .iter()
        .map(|machine| machine.start(STEP, &inputs))
        .collect();
    for build in builds {
        let output = build.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}");
    }
    assert_eq!(types(&sandbox), ["DEVELOPMENT"], "{:?}", listed(&sandbox));
    // Every build signs with it.
    let identity = listed(&sandbox)[0].1.clone();
    let known = sandbox.state().certificates.clone();
    let der = &known.iter().find(|known| known.serial == identity).unwrap().der;
    let sha1 = signing_assets::Certificate::parse(der).unwrap().sha1;
    for machine in &machines {
        assert!(machine.project_file().contains(&sha1));
    }
}

#[test]
fn a_certificate_that_expires_soon_gets_a_successor_and_the_profiles_follow() {
    let (sandbox, key) = (cold(), team_key());
    sandbox
        .state()
        .certify("DEVELOPMENT", &request(&key), 10)
        .unwrap();
    let old = listed(&sandbox)[0].1.clone();
    // Within the days that are asked for, it is used as it is.
    let machine = machine(&sandbox);
    run(&machine, &sandbox, &key, &[("min_certificate_days_valid", "9")]).ended(0);
    assert_eq!(listed(&sandbox).len(), 1);
    let run_text = run(&machine, &sandbox, &key, &[])
        .ended(0)
        .said(&["as the successor of"])
        .text;
    assert!(run_text.contains(&old), "{run_text}");
    let serials: Vec<String> = listed(&sandbox).into_iter().map(|(_, serial)| serial).collect();
    assert_eq!(serials.len(), 2, "the predecessor is left alone");
    let new = serials.iter().find(|serial| **serial != old).unwrap();
    let state = sandbox.state();
    let id = &state
        .certificates
        .iter()
        .find(|known| known.serial == *new)
        .unwrap()
        .id;
    assert!(
        state
            .profiles
            .iter()
            .all(|profile| profile.certificates == [id.clone()])
    );
    drop(state);
    assert_eq!(asked(&sandbox, "DELETE", "/v1/certificates"), 0);
}

#[test]
fn a_certificate_that_expires_soon_is_used_when_there_is_no_room_for_a_successor() {
    let (sandbox, key) = (cold(), team_key());
    sandbox
        .state()
        .certify("DEVELOPMENT", &request(&key), 10)
        .unwrap();
    sandbox
        .state()
        .certify("DEVELOPMENT", &request(&team_key()), 300)
        .unwrap();
    let before = listed(&sandbox);
    run(&machine(&sandbox), &sandbox, &key, &[]).ended(0).said(&[
        "expires soon and can't be renewed",
        "You already have a current Development certificate",
    ]);
    assert_eq!(listed(&sandbox), before);
}

#[test]
fn a_plan_says_what_would_be_created_and_creates_nothing() {
    let (sandbox, key) = (cold(), team_key());
    let machine = machine(&sandbox);
    run(
        &machine,
        &sandbox,
        &key,
        &[("mode", "plan"), ("distribution_type", "app-store")],
    )
    .ended(0)
    .said(&[
        "Certificate Apple Distribution would be created",
        "+ certificate",
        "\"action\": \"create-certificate\"",
        "\"action\": \"create-profile\"",
        "nothing was changed",
    ]);
    assert_eq!(sandbox.state().writes(), 0);
    assert!(listed(&sandbox).is_empty() && machine.installed_profiles().is_empty());
}

#[test]
fn keys_that_certify_nothing_are_refused_by_name_before_apple_is_asked() {
    let sandbox = cold();
    let machine = machine(&sandbox);
    for (key, words) in [
        (openssl(&["genrsa", "4096"]), "an RSA key of 4096 bits"),
        (
            openssl(&[
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
            ]),
            "an EC key on the curve P-256",
        ),
        ("file:///nowhere/s3cret-team.pem".to_owned(), "No such file"),
    ] {
        let run = run(&machine, &sandbox, &key, &[]).ended(2);
        let run = run.said(&["certificate_private_key", words]);
        assert!(!run.text.contains("s3cret"), "{}", run.text);
    }
    let without = machine.run(STEP, &[("certificates", "create_if_missing")]);
    without
        .ended(2)
        .said(&["certificate_private_key", "the README shows how to make one"]);
    let uploaded = machine.run(STEP, &[]);
    uploaded.ended(2).said(&["certificate_urls"]);
    let days = run(
        &machine,
        &sandbox,
        &team_key(),
        &[("min_certificate_days_valid", "365")],
    );
    days.ended(2)
        .said(&["min_certificate_days_valid", "from 0 to 180"]);
    assert_eq!(sandbox.state().requests.len(), 0);
}

#[test]
fn the_commands_of_the_readme_make_a_key_that_works() {
    let readme = e2e::repository().join("steps/auto-provision-asc/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let section = readme
        .split("## Certificates that are created when they are missing")
        .nth(1)
        .unwrap();
    let block = section
        .split("```sh\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let commands: Vec<&str> = block.lines().collect();
    assert!(
        commands.len() == 2 && commands.iter().all(|line| line.starts_with("openssl ")),
        "{block}"
    );
    let folder = tempfile::tempdir().unwrap();
    for line in commands {
        let output = Command::new("sh")
            .args(["-c", line])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}");
    }
    let sandbox = cold();
    let machine = machine(&sandbox);
    for name in ["certificates.base64", "certificates.pem"] {
        let key = std::fs::read_to_string(folder.path().join(name)).unwrap();
        run(&machine, &sandbox, &key, &[]).ended(0);
    }
    assert_eq!(types(&sandbox), ["DEVELOPMENT"]);
}

#[test]
fn apples_intermediate_is_added_to_a_keychain_that_lacks_it() {
    let seed = Seed {
        certificates: vec![SeedCertificate {
            name: "Apple Development: Ada Example".to_owned(),
            issuer: Some("WWDR G3".to_owned()),
            ..SeedCertificate::default()
        }],
        ..Seed::default()
    };
    let sandbox = Sandbox::start(&seed).unwrap();
    let mut machine = Machine::new();
    machine.meets(&sandbox);
    let missing = "No keychain holds the certificate of Apple's authority WWDR G3";
    machine.run(STEP, &[]).ended(0).said(&[missing]);
    let pem = apple_sandbox::intermediate("WWDR G3").unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
    let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).unwrap();
    sandbox.state().files.insert("AppleWWDRCAG3.cer".to_owned(), der);
    let run = machine
        .run(STEP, &[])
        .ended(0)
        .said(&["WWDR G3, Apple's intermediate certificate"]);
    assert!(!run.text.contains(missing), "{}", run.text);
    let kept = std::fs::read_to_string(machine.path("tools/intermediates.pem")).unwrap();
    assert_eq!(kept, pem);
}

/// A match storage with certificates of the sandbox's team, encrypted by OpenSSL in match's first format.
fn storage(sandbox: &Sandbox, root: &Path, key: &str) {
    for (kind, directory, id) in [
        ("DISTRIBUTION", "distribution", "7NWP3CB9BQ"),
        ("DEVELOPMENT", "development", "4HSA87H2VR"),
    ] {
        let folder = root.join("certs").join(directory);
        std::fs::create_dir_all(&folder).unwrap();
        let der = sandbox.state().certify(kind, &request(key), 300).unwrap();
        for (name, content) in [
            (format!("{id}.cer"), der),
            (format!("{id}.p12"), key.as_bytes().to_vec()),
        ] {
            let plain = root.join("plain");
            std::fs::write(&plain, content).unwrap();
            let (from, to) = (
                plain.display().to_string(),
                folder.join(name).display().to_string(),
            );
            let pass = format!("pass:{PASSWORD}");
            openssl(&[
                "enc",
                "-aes-256-cbc",
                "-md",
                "md5",
                "-a",
                "-pass",
                &pass,
                "-in",
                &from,
                "-out",
                &to,
            ]);
            std::fs::remove_file(plain).unwrap();
        }
    }
    std::fs::write(root.join("match_version.txt"), "2.237.0").unwrap();
}

#[test]
fn certificates_of_a_match_storage_sign_and_nothing_decrypted_stays() {
    let (sandbox, key) = (cold(), team_key());
    let machine = machine(&sandbox);
    storage(&sandbox, &machine.path("certificates"), &key);
    let address = format!("match+file://{}", machine.path("certificates").display());
    let mut hidden = all_secrets(&sandbox, &key);
    hidden.push(PASSWORD.to_owned());
    let inputs = |password: &'static str| {
        [
            ("certificate_urls", address.clone()),
            ("match_password", password.to_owned()),
            ("distribution_type", "app-store".to_owned()),
        ]
    };
    let run = |step: &str, inputs: &[(&str, String)]| {
        let inputs: Vec<(&str, &str)> = inputs.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let run = machine.run(step, &inputs).kept(&hidden);
        assert_eq!(machine.leftovers(&hidden), Vec::<PathBuf>::new());
        run
    };
    run(STEP, &inputs(PASSWORD))
        .ended(0)
        .said(&["Apple Distribution: Example GmbH (SBXTEAM123)"]);
    let identities = std::fs::read_to_string(machine.path("tools/security.json")).unwrap();
    assert!(
        identities.contains("Apple Distribution: Example GmbH (SBXTEAM123)"),
        "{identities}"
    );
    for (password, words) in [
        ("wrong", "the password does not decrypt the match storage"),
        ("", "the match storage is encrypted, and no password is set"),
    ] {
        let run = run(STEP, &inputs(password)).said(&[words, "match_password"]);
        assert_eq!(run.status, Some(1), "{}", run.text);
    }
    std::fs::rename(
        machine.path("certificates/certs/distribution"),
        machine.path("certificates/certs/enterprise"),
    )
    .unwrap();
    run(STEP, &inputs(PASSWORD)).said(&[
        "nothing in `certs/distribution`; it has certs/development (1), certs/enterprise (1)",
        "#type=enterprise",
    ]);
}

/// `match_storage::Location` takes credentials out of the address; this is what Git gets to see.
#[test]
fn credentials_of_a_match_repository_are_on_no_command_line_and_in_no_log() {
    let (sandbox, token) = (cold(), "t0ken-of-the-repository");
    let mut machine = machine(&sandbox);
    let git = Command::new("sh")
        .args(["-c", "command -v git"])
        .output()
        .unwrap();
    let git = String::from_utf8(git.stdout).unwrap();
    machine.tool("git", &format!("exec '{}' \"$@\"", git.trim()));
    let address = format!(
        "match+{}/certs.git",
        sandbox
            .url()
            .replace("://", &format!("://x-access-token:{token}@"))
    );
    let run = machine.run(
        STEP,
        &[
            ("certificate_urls", address.as_str()),
            ("match_password", PASSWORD),
        ],
    );
    let run = run
        .kept(&[token.to_owned()])
        .said(&["could not list the branches of the match repository"]);
    assert_eq!(run.status, Some(1), "{}", run.text);
    let calls = machine.calls("git");
    assert!(
        calls.len() >= 2 && !format!("{calls:?}").contains(token),
        "{calls:?}"
    );
    assert_eq!(machine.leftovers(&[token.to_owned()]), Vec::<PathBuf>::new());
}
