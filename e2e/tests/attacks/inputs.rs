//! What inputs and files could be.

use crate::lab::{APP_STORE, APPLE_ID, ASC, machine, run, sandbox};

const HUGE: [&str; 12] = [
    "2147483647",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "99999999999999999999999",
    "-1",
    "-9223372036854775808",
    "1e400",
    "0x10",
    "٣",
    "NaN",
];

#[test]
fn no_number_crashes_a_step() {
    let numbers = [
        (ASC, "min_profile_days_valid"),
        (APPLE_ID, "min_profile_days_valid"),
        ("step-application-loader", "retries"),
        ("step-application-loader", "attempt_timeout"),
        ("step-application-loader", "silence_timeout"),
        ("step-application-loader", "total_timeout"),
    ];
    let machine = machine();
    for (step, input) in numbers {
        for value in HUGE {
            let ran = run(
                &machine,
                step,
                &[("distribution_type", "app-store"), (input, value)],
            )
            .failed();
            assert!(
                ran.text.contains(value),
                "{input}={value} is not named:\n{}",
                ran.text
            );
        }
    }
    // The largest that are accepted must not crash later on.
    let sandbox = sandbox();
    let mut machine = crate::lab::machine();
    machine.meets(&sandbox);
    run(
        &machine,
        ASC,
        &[
            ("distribution_type", "app-store"),
            ("min_profile_days_valid", "1000000"),
        ],
    );
}

#[test]
fn a_device_or_a_pipe_is_no_file() {
    let sandbox = sandbox();
    let mut lab = machine();
    lab.meets(&sandbox);
    let pipe = lab.path("pipe");
    let status = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(status.unwrap().success());
    let pipe = pipe.display().to_string();
    for place in ["/dev/zero", pipe.as_str(), "/dev", "/proc/self/mem"] {
        let url = format!("file://{place}");
        run(
            &lab,
            ASC,
            &[
                ("distribution_type", "app-store"),
                ("certificate_urls", &url),
                ("passphrases", "x"),
            ],
        )
        .failed();
        let inputs = [
            ("connection", "off"),
            ("api_key_path", place),
            ("api_issuer", "11112222-3333-4444-5555-666677778888"),
        ];
        run(&lab, ASC, &[APP_STORE, &inputs].concat()).failed();
        let file = lab.path("project/Courier.xcodeproj/project.pbxproj");
        let original = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(place, &file).unwrap();
        run(&lab, ASC, APP_STORE).failed();
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, original).unwrap();
    }
}

#[test]
fn nesting_without_end_overflows_no_stack() {
    let sandbox = sandbox();
    let mut lab = machine();
    lab.meets(&sandbox);
    let bomb = format!(
        "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>k</key>{}{}</dict></plist>",
        "<array>".repeat(200_000),
        "</array>".repeat(200_000)
    );
    let entitlements: Vec<std::path::PathBuf> = e2e::files(&lab.path("project"))
        .into_iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "entitlements")
        })
        .collect();
    assert!(!entitlements.is_empty());
    for path in &entitlements {
        std::fs::write(path, &bomb).unwrap();
    }
    run(&lab, ASC, APP_STORE).failed().said(&[".entitlements"]);

    let mut lab = machine();
    lab.meets(&sandbox);
    let nested = format!("\"{}{}\"", "$(".repeat(20_000), ")".repeat(20_000));
    set_bundle_id(&lab, &nested);
    run(&lab, ASC, APP_STORE).failed();
}

#[test]
fn a_bad_installed_profile_is_skipped_with_a_note() {
    let sandbox = sandbox();
    let mut lab = machine();
    lab.meets(&sandbox);
    lab.file(
        "home/Library/MobileDevice/Provisioning Profiles/junk.mobileprovision",
        "<array>".repeat(200_000),
    );
    let ran = run(&lab, APPLE_ID, APP_STORE);
    assert!(!ran.last_block().contains("junk"), "{}", ran.text);
    lab.set("generate_profiles", "yes");
    run(&lab, APPLE_ID, APP_STORE);
}

#[test]
fn escape_codes_in_a_project_can_not_forge_the_failure() {
    let sandbox = sandbox();
    let mut lab = machine();
    lab.meets(&sandbox);
    set_bundle_id(&lab, "\"com.example.\\U001b[0m\\U001b[31;1mforged\\U001b[0m\"");
    let ran = run(&lab, ASC, APP_STORE);
    assert!(ran.text.matches("\x1b[31;1m").count() <= 1, "{:?}", ran.text);
    assert!(!ran.text.contains("\x1b[31;1mforged"), "{:?}", ran.text);
}

/// Replaces what the sample's bundle IDs are made of.
fn set_bundle_id(machine: &e2e::Machine, value: &str) {
    let file = machine.path("project/Courier.xcodeproj/project.pbxproj");
    let text = std::fs::read_to_string(&file).unwrap();
    let edited = text.replace(
        "COURIER_BASE_ID = com.example.courier;",
        &format!("COURIER_BASE_ID = {value};"),
    );
    assert_ne!(edited, text);
    std::fs::write(&file, edited).unwrap();
}
