//! Where secrets could show up.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;

use crate::lab::{
    APP_STORE, ASC, FASTLANE, Liar, STEPS, answer, fastlane, lane, machine, manifest, run, sandbox,
};

const ISSUER: &str = "11112222-3333-4444-5555-666677778888";

/// Every shape in which a secret store may hand a key over, and every wrapping of what is in it.
fn shapes(pem: &str) -> Vec<String> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let base64 = base64::engine::general_purpose::STANDARD.encode(pem);
    vec![
        pem.to_owned(),
        pem.replace('\n', "\r\n"),
        pem.replace('\n', "\\n"),
        pem.replace('\n', " "),
        body,
        base64,
        format!("file://{}", pem.replace('\n', " ")),
        format!("/path/{}", pem.replace('\n', "/")),
    ]
}

/// Every part of a key that tells something of it: the header is the same in all keys.
fn parts(pem: &str) -> Vec<String> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    body.as_bytes()[48..]
        .windows(16)
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect()
}

pub fn a_private_key_in_the_place_of_its_path_is_printed_nowhere() {
    let sandbox = sandbox();
    let pem = sandbox.state().private_key.clone();
    let secrets = parts(&pem);
    for shape in shapes(&pem) {
        let mut machine = machine();
        machine.meets(&sandbox);
        let inputs = [
            APP_STORE,
            &[
                ("connection", "off"),
                ("api_key_path", shape.as_str()),
                ("api_issuer", ISSUER),
            ],
        ]
        .concat();
        run(&machine, ASC, &inputs).kept(&secrets);
    }
    for step in [FASTLANE, "step-deliver", "step-application-loader"] {
        let mut machine = machine();
        machine.tool(
            "fastlane",
            "[ \"$1\" = --version ] && echo 'fastlane 2.230.0'; exit 0",
        );
        let ipa = machine.file("app.ipa", e2e::ipa(&[]));
        let mut inputs = lane();
        inputs.extend([
            ("api_key_path", pem.as_str()),
            ("api_issuer", ISSUER),
            ("ipa_path", ipa.as_str()),
            ("uploader", "native"),
        ]);
        run(&machine, step, &inputs).kept(&secrets);
    }
}

pub fn what_a_lane_prints_is_masked_in_every_form() {
    let secret = "p&w/d<x>\"y'z|käse";
    let forms = [
        secret,
        "p\\&w/d\\<x\\>\\\"y\\'z\\|k\\äse",
        "p\\u0026w/d\\u003cx\\u003e\\\"y'z|käse",
        "p&w\\/d<x>\\\"y'z|k\\u00e4se",
        "p%26w%2Fd%3Cx%3E%22y%27z%7Ck%C3%A4se",
        "p%26w/d%3cx%3e%22y%27z%7ck%c3%a4se",
        "p&amp;w/d&lt;x&gt;&quot;y&#39;z|käse",
        "p&w/d<x>\"y'\\''z|käse",
        "p&w/d<x>\"y'z|ka\u{308}se",
    ];
    let mut machine = machine();
    machine
        .set("BITRISE_SECRET_ENV_KEY_LIST", "LANE_SECRET")
        .set("LANE_SECRET", secret);
    let lines = forms
        .iter()
        .enumerate()
        .map(|(number, form)| format!("{number}<<{form}>>\n"));
    let printed = machine.file("printed", lines.collect::<String>());
    machine.tool(
        "fastlane",
        &format!("[ \"$1\" = --version ] && {{ echo 'fastlane 2.230.0'; exit 0; }}\ncat '{printed}'; exit 1"),
    );
    let ran = run(&machine, FASTLANE, &lane()).failed();
    for number in 0..forms.len() {
        assert!(
            ran.text.contains(&format!("{number}<<[REDACTED]>>")),
            "{}",
            ran.text
        );
    }
    ran.kept(&forms.map(str::to_owned));
}

pub fn a_key_that_a_lane_prints_wrapped_or_in_pieces_is_masked() {
    let sandbox = sandbox();
    let pem = sandbox.state().private_key.clone();
    let mut machine = machine();
    machine
        .meets(&sandbox)
        .set("KEY", &pem)
        .set("BITRISE_SECRET_ENV_KEY_LIST", "KEY");
    machine.tool(
        "fastlane",
        r#"[ "$1" = --version ] && { echo 'fastlane 2.230.0'; exit 0; }
body=$(printf '%s' "$KEY" | grep -v -- ----- | tr -d '\n')
for width in 16 20 60 76 500; do printf '%s\n' "$body" | fold -w $width; done
printf '%s' "$KEY" | base64; printf '%s' "$KEY" | base64 | tr -d '\n'; echo
printf '%s' "$body" | cut -c1-70 | tr -d '\n'; sleep 0.3; printf '%s\n' "$body" | cut -c71-
exit 1"#,
    );
    let encoded = base64::engine::general_purpose::STANDARD.encode(&pem);
    let mut secrets = parts(&pem);
    secrets.extend(
        encoded.as_bytes()[112..]
            .windows(20)
            .map(|part| String::from_utf8_lossy(part).into_owned()),
    );
    run(&machine, FASTLANE, &lane()).failed().kept(&secrets);
}

pub fn key_files_are_private_whatever_the_umask_says() {
    let sandbox = sandbox();
    let mut machine = machine();
    machine.meets(&sandbox);
    machine.tool(
        "fastlane",
        r#"[ "$1" = --version ] && { echo 'fastlane 2.230.0'; exit 0; }
key="$APP_STORE_CONNECT_API_KEY_PATH"; stat -c 'mode %a' "$key" "$(dirname "$key")""#,
    );
    // A shell gives its umask to the step.
    let step = e2e::binary(FASTLANE);
    let wrapper = machine.file(
        "wrapper",
        format!("#!/bin/sh\numask 000\nexec '{}'\n", step.display()),
    );
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let inputs = [
        ("lane", "beta"),
        ("connection", "automatic"),
        ("update_fastlane", "false"),
        ("enable_cache", "no"),
    ];
    run(&machine, &wrapper, &inputs).said(&["mode 600", "mode 700"]);
}

pub fn credentials_in_addresses_are_not_shown() {
    for url in [
        "http://user:s3cretpass@evil.example.com/s3crettoken",
        "ftp://user:s3cretpass@evil.example.com/",
        "s3cretpass",
    ] {
        let mut machine = machine();
        machine
            .set("BITRISE_BUILD_URL", url)
            .set("BITRISE_BUILD_API_TOKEN", "t0kent0ken");
        run(&machine, ASC, APP_STORE)
            .failed()
            .kept(&["s3cret".to_owned(), "t0kent0ken".to_owned()]);
    }
    let sandbox = sandbox();
    let lost = Liar::new(&sandbox.url(), |heard, stream| {
        heard.line.contains("/files/")
            && std::io::Write::write_all(stream, &answer("404 Not Found", &[], "")).is_ok()
    });
    let mut machine = lost.machine(&sandbox);
    machine.set(
        "BITRISE_CERTIFICATE_URL",
        &format!("{}/files/s3cretpath?token=s3cret", lost.url),
    );
    machine.set("BITRISE_CERTIFICATE_PASSPHRASE", "sandbox-passphrase");
    run(&machine, ASC, APP_STORE)
        .failed()
        .kept(&["s3cret".to_owned()]);
}

pub fn escape_codes_from_a_server_can_not_forge_the_failure() {
    let sandbox = sandbox();
    let forged = "\\u001b[0m\\u001b[31;1mEverything is fine\\u001b[0m\\u001b[2J\\nEverything is fine";
    let body = format!(
        r#"{{"errors":[{{"status":"403","code":"FORBIDDEN_ERROR","title":"{forged}","detail":"{forged}"}}]}}"#
    );
    let liar = Liar::new(&sandbox.url(), move |heard, stream| {
        heard.line.starts_with("GET /v1/")
            && std::io::Write::write_all(stream, &answer("403 Forbidden", &[], &body)).is_ok()
    });
    let ran = run(&liar.machine(&sandbox), ASC, APP_STORE).failed();
    assert_eq!(ran.text.matches("\x1b[31;1m").count(), 1, "{:?}", ran.text);
    assert!(!ran.text.contains("\x1b[2J"));
    assert!(
        !ran.last_block()
            .lines()
            .any(|line| line.trim() == "Everything is fine"),
        "{}",
        ran.text
    );
}

pub fn a_private_key_in_any_input_is_printed_nowhere() {
    let sandbox = sandbox();
    let pem = sandbox.state().private_key.clone();
    let secrets = parts(&pem);
    let base64 = base64::engine::general_purpose::STANDARD.encode(&pem);
    let shapes = [
        pem.clone(),
        pem.replace('\n', "\\n"),
        base64,
        format!("--key {}", pem.replace('\n', " ")),
    ];
    let mut machine = machine();
    machine.tool("fastlane", &fastlane("printf '%s\\n' \"$@\"; exit 1"));
    for (step, binary) in STEPS {
        for (number, (key, _, _)) in manifest(step).iter().enumerate() {
            let shape = &shapes[number % shapes.len()];
            let mut inputs = lane();
            inputs.push(("distribution_type", "app-store"));
            inputs.retain(|(known, _)| known != key);
            inputs.push((key, shape));
            run(&machine, binary, &inputs).kept(&secrets);
        }
    }
}

pub fn a_key_that_nobody_named_is_masked_in_what_a_lane_prints() {
    let sandbox = sandbox();
    let pem = sandbox.state().private_key.clone();
    let mut machine = machine();
    let file = machine.file("project/AuthKey.p8", &pem);
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    machine.file("project/body", &body);
    machine.tool(
        "fastlane",
        &fastlane(&format!(
            "tr '\\n' ' ' < '{file}'; echo; cat body; echo; base64 -w 0 '{file}'; echo; exit 1"
        )),
    );
    let secrets: Vec<String> = parts(&pem).into_iter().take(40).collect();
    let ran = run(&machine, FASTLANE, &lane()).failed();
    ran.kept(&secrets);
}
