//! What inputs and files could be.

use crate::lab::{
    APP_STORE, APPLE_ID, ASC, DELIVER, FASTLANE, LOADER, STEPS, fastlane, lane, machine, manifest, run,
    sandbox,
};

/// What people and machines write where a number is expected, and what only looks like one.
const NUMBERS: [&str; 34] = [
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999",
    "-1",
    "-0",
    "+5",
    "-2147483649",
    "-9223372036854775808",
    "0",
    "00",
    "007",
    "0.0",
    "1.5",
    "1e400",
    "1e3",
    "0x10",
    "0b1",
    "1_000",
    "1,000",
    " 7",
    "7 ",
    "\t7\n",
    "٣",
    "７",
    "NaN",
    "inf",
    "-inf",
    "7 days",
    "½",
];

/// Random texts of digits, signs, and other things that stand in numbers, the same in each run.
fn odd_numbers(count: usize) -> Vec<String> {
    let mut dice = fastrand::Rng::with_seed(14);
    let signs = [
        "-", "+", "0", "1", "9", "00", ".", "e", "_", ",", " ", "٣", "7", "5", "99999", "000000",
    ];
    (0..count)
        .map(|_| {
            (0..dice.usize(1..8))
                .map(|_| *dice.choice(&signs).unwrap())
                .collect()
        })
        .collect()
}

/// The inputs that hold numbers, of all steps: those whose manifest names a least number, and those that take durations.
fn numeric() -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for (step, binary) in STEPS {
        let inputs = manifest(step).into_iter();
        all.extend(
            inputs
                .filter(|(key, _, least)| least.is_some() || key.ends_with("timeout"))
                .map(|(key, _, _)| (binary, key)),
        );
    }
    assert!(all.len() >= 9, "{all:?}");
    all
}

pub fn no_number_of_any_step_crashes_it() {
    let mut machine = machine();
    machine.tool("fastlane", &fastlane("exit 1"));
    for (step, input) in numeric() {
        for value in NUMBERS
            .iter()
            .map(|value| (*value).to_owned())
            .chain(odd_numbers(12))
        {
            let mut inputs = lane();
            inputs.extend([
                ("distribution_type", "app-store"),
                (input.as_str(), value.as_str()),
            ]);
            // Nothing can succeed here: there is no account, no package, and the lane fails.
            let ran = run(&machine, step, &inputs).failed();
            // One that is refused is named with its value; blanks around it are not part of that.
            if ran.status == Some(2) && ran.last_block().contains(&input) {
                assert!(
                    ran.text.contains(value.trim()),
                    "{input}={value} is not named:\n{}",
                    ran.text
                );
            }
        }
    }
}

pub fn numbers_at_their_limits_crash_no_run() {
    let sandbox = sandbox();
    for days in ["1000000", "0", "365000"] {
        for step in [ASC, APPLE_ID] {
            let mut machine = machine();
            machine.meets(&sandbox).set("generate_profiles", "yes");
            run(
                &machine,
                step,
                &[
                    ("distribution_type", "app-store"),
                    ("min_profile_days_valid", days),
                ],
            );
        }
    }
    let mut machine = machine();
    machine.meets(&sandbox);
    let package = machine.file("app.ipa", e2e::ipa(&[]));
    let largest = "1000000";
    run(
        &machine,
        LOADER,
        &[
            ("ipa_path", &package),
            ("uploader", "native"),
            ("retries", largest),
            ("attempt_timeout", largest),
            ("silence_timeout", largest),
            ("total_timeout", largest),
        ],
    );
}

/// A clock of the test's own, for programs that ask the system's library.
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(id, at);
    const char *now = getenv("FAKE_NOW");
    if (id == CLOCK_REALTIME && now) at->tv_sec = atoll(now);
    return code;
}
"#;

pub fn a_clock_beyond_the_calendar_is_an_error() {
    let mut machine = machine();
    let source = machine.file("clock.c", CLOCK);
    let library = machine.path("clock.so").display().to_string();
    let built = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-o", &library, &source, "-ldl"])
        .status();
    if !built.is_ok_and(|status| status.success()) {
        // Only where there is a C compiler for this system's library; ring needs one as well.
        return;
    }
    machine.set("LD_PRELOAD", &library);
    machine.tool("fastlane", &fastlane("exit 0"));
    for (step, _) in [(ASC, 0), (APPLE_ID, 0), (FASTLANE, 0), (DELIVER, 0), (LOADER, 0)] {
        for (now, year) in [
            ("253402300800", "9999"),
            ("9223372036854775807", "29227"),
            ("300000000000", "11476"),
        ] {
            machine.set("FAKE_NOW", now);
            let ran = run(&machine, step, &lane()).failed();
            let named = ran.text.contains("system clock is set to the year") && ran.text.contains(&year[..2]);
            assert!(named, "{step} at {now}:\n{}", ran.text);
        }
        // Before 1970 there is nothing to compute with either, and nothing to crash on.
        machine.set("FAKE_NOW", "-1");
        run(&machine, step, &lane());
    }
}

pub fn packages_that_are_bombs_fill_no_memory() {
    let sandbox = sandbox();
    let mut machine = machine();
    machine.meets(&sandbox);
    for (name, bytes) in [
        ("a.ipa", zip_bomb()),
        ("a.pkg", xar_bomb()),
        ("b.pkg", xar_with_long_names()),
    ] {
        let path = machine.file(name, bytes);
        let key = if name.ends_with("pkg") {
            "pkg_path"
        } else {
            "ipa_path"
        };
        run(&machine, LOADER, &[(key, &path), ("uploader", "native")]).failed();
    }
}

/// An `Info.plist` of 64 MB.
fn zip_bomb() -> Vec<u8> {
    use std::io::Write as _;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("Payload/A.app/Info.plist", options).unwrap();
    for _ in 0..64 {
        archive.write_all(&[b' '; 1 << 20]).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn xar(table: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(table).unwrap();
    let packed = encoder.finish().unwrap();
    let mut bytes = b"xar!\0\x1c\0\x01".to_vec();
    bytes.extend((packed.len() as u64).to_be_bytes());
    bytes.extend((table.len() as u64).to_be_bytes());
    bytes.extend(1_u32.to_be_bytes());
    bytes.extend(packed);
    bytes
}

/// A table of contents of 40 MB.
fn xar_bomb() -> Vec<u8> {
    xar(&vec![b' '; 40 << 20])
}

/// A folder with a name of a megabyte, and 50,000 files in it.
fn xar_with_long_names() -> Vec<u8> {
    let table = format!(
        "<xar><toc><file><name>{}</name>{}</file></toc></xar>",
        "x".repeat(1 << 20),
        "<file><name>PackageInfo</name></file>".repeat(50_000)
    );
    xar(table.as_bytes())
}

pub fn a_device_or_a_pipe_is_no_file() {
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

pub fn nesting_without_end_overflows_no_stack() {
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

pub fn a_bad_installed_profile_is_skipped_with_a_note() {
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

pub fn escape_codes_in_a_project_can_not_forge_the_failure() {
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
