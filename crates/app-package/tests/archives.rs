//! Packages made here, read as a user's would be.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

use std::io::{Cursor, Write as _};

use app_package::{Error, Format, Package};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fn info(fields: &[(&str, &str)]) -> String {
    let body: String = fields
        .iter()
        .map(|(key, value)| format!("<key>{key}</key><string>{value}</string>"))
        .collect();
    format!("<?xml version=\"1.0\"?><plist version=\"1.0\"><dict>{body}</dict></plist>")
}

const APP: [(&str, &str); 4] = [
    ("CFBundleIdentifier", "org.example.heron"),
    ("CFBundleVersion", "7"),
    ("CFBundleShortVersionString", "3.1"),
    ("DTPlatformName", "iphoneos"),
];

fn with(changes: &[(&'static str, &'static str)]) -> String {
    let mut fields = APP.to_vec();
    fields.retain(|(key, _)| !changes.iter().any(|(changed, _)| changed == key));
    fields.extend(changes);
    info(&fields)
}

fn archive(files: &[(&str, &str)], options: SimpleFileOptions) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, options).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn read(bytes: &[u8]) -> Result<Package, Error> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    Package::read(file.path(), Format::Ipa)
}

fn obstacles(files: &[(&str, &str)]) -> String {
    let package = read(&archive(files, SimpleFileOptions::default())).unwrap();
    let list: Vec<String> = package.obstacles().iter().map(ToString::to_string).collect();
    list.join("\n")
}

#[test]
fn every_kind_of_entry_is_read() {
    let plist = with(&[]);
    let files = [
        ("Payload/Heron.app/Heron", "x"),
        ("Payload/Heron.app/Info.plist", plist.as_str()),
    ];
    let options = SimpleFileOptions::default();
    for options in [
        options.compression_method(CompressionMethod::Stored),
        options.compression_method(CompressionMethod::Deflated),
        options
            .compression_method(CompressionMethod::Stored)
            .large_file(true),
        options
            .compression_method(CompressionMethod::Deflated)
            .large_file(true),
    ] {
        let bytes = archive(&files, options);
        let package = read(&bytes).unwrap();
        assert_eq!(package.app.bundle_id.as_deref(), Some("org.example.heron"));
        assert_eq!(package.apps, ["Heron.app"]);
        // Bytes before the archive are allowed.
        let shifted = [b"#!/bin/sh\n".as_slice(), &bytes].concat();
        assert_eq!(read(&shifted).unwrap().app.version.as_deref(), Some("7"));
    }
}

#[test]
fn what_is_no_whole_archive_is_an_error() {
    let plist = with(&[]);
    let bytes = archive(
        &[("Payload/Heron.app/Info.plist", &plist)],
        SimpleFileOptions::default(),
    );
    for cut in [0, 1, 21, bytes.len() / 2, bytes.len() - 1] {
        assert!(read(&bytes[..cut]).is_err(), "{cut} bytes");
    }
    let empty = archive(&[], SimpleFileOptions::default());
    assert!(matches!(read(&empty), Err(Error::Missing(_))));
    let other = archive(
        &[("Payload/Heron/Info.plist", &plist)],
        SimpleFileOptions::default(),
    );
    assert!(matches!(read(&other), Err(Error::Missing(_))));
}

#[test]
fn a_plist_that_is_made_to_exhaust_the_reader_is_an_error() {
    let deep = format!(
        "<plist>{}{}</plist>",
        "<array>".repeat(200_000),
        "</array>".repeat(200_000)
    );
    let huge = "x".repeat(17 << 20);
    for content in [deep.as_str(), huge.as_str(), "<plist><string>a</string></plist>"] {
        let bytes = archive(
            &[("Payload/Heron.app/Info.plist", content)],
            SimpleFileOptions::default(),
        );
        assert!(read(&bytes).is_err());
    }
}

#[test]
fn a_good_package_has_no_obstacles() {
    let app = with(&[("DTSDKName", "iphoneos26.0")]);
    let share = with(&[("CFBundleIdentifier", "org.example.heron.share")]);
    let kit = with(&[
        ("CFBundleIdentifier", "net.example.kit"),
        ("CFBundleShortVersionString", "0.9.1"),
    ]);
    let files = [
        ("Payload/Heron.app/Info.plist", app.as_str()),
        ("Payload/Heron.app/PlugIns/Share.appex/Info.plist", share.as_str()),
        (
            "Payload/Heron.app/Frameworks/Kit.framework/Info.plist",
            kit.as_str(),
        ),
        ("Payload/Heron.app/Kit.bundle/Info.plist", "<no plist>"),
    ];
    assert_eq!(obstacles(&files), "");
}

#[test]
fn what_apple_would_refuse_is_found() {
    let main = "Payload/Heron.app/Info.plist";
    for (changes, expected) in [
        (
            &[("CFBundleVersion", "$(CURRENT_PROJECT_VERSION)")][..],
            "a build setting that was not resolved",
        ),
        (
            &[("CFBundleIdentifier", "${PRODUCT_BUNDLE_IDENTIFIER}")],
            "a build setting that was not resolved",
        ),
        (&[("CFBundleVersion", "1.2.3.4")], "one to three integers"),
        (
            &[("CFBundleShortVersionString", "1.0-beta")],
            "one to three integers",
        ),
        (&[("DTSDKName", "iphoneos18.5")], "SDK 26 or later"),
        (&[("DTPlatformName", "iphonesimulator")], "simulator"),
    ] {
        let found = obstacles(&[(main, &with(changes))]);
        assert!(found.contains(expected), "{changes:?}: {found}");
    }
    let app = with(&[]);
    for (path, changes, expected) in [
        (
            "Frameworks/Kit.framework",
            &[("CFBundleShortVersionString", "5.0.0-beta1")][..],
            "`Frameworks/Kit.framework` is `5.0.0-beta1`",
        ),
        (
            "PlugIns/Share.appex",
            &[("CFBundleIdentifier", "org.example.other.share")],
            "must be `org.example.heron.`",
        ),
        (
            "PlugIns/Share.appex",
            &[("CFBundleIdentifier", "org.example.heron.a.b")],
            "one more part",
        ),
        (
            "AppClips/Clip.app",
            &[("CFBundleIdentifier", "org.example.other.clip")],
            "must be `org.example.heron.` and one or more parts",
        ),
        (
            "PlugIns/Share.appex",
            &[
                ("CFBundleIdentifier", "org.example.heron.share"),
                ("CFBundleVersion", "$(X)"),
            ],
            "not resolved",
        ),
    ] {
        let nested = format!("Payload/Heron.app/{path}/Info.plist");
        let found = obstacles(&[(main, &app), (&nested, &with(changes))]);
        assert!(found.contains(expected), "{path} {changes:?}: {found}");
    }
    let several = obstacles(&[(main, &app), ("Payload/Crane.app/Info.plist", &app)]);
    assert!(
        several.contains("holds 2 apps (Crane.app, Heron.app)"),
        "{several}"
    );
}

fn shared_name_twice() -> Vec<u8> {
    let plist = with(&[]);
    let files = [
        ("Payload/Heron.app/Info.plist", plist.as_str()),
        ("Payload/Heron.app/Heron", "x"),
    ];
    archive(
        &files,
        SimpleFileOptions::default().compression_method(CompressionMethod::Stored),
    )
}

/// Where the central directory's records begin.
fn records(bytes: &[u8]) -> Vec<usize> {
    let found = bytes.windows(4).enumerate();
    found
        .filter(|(_, window)| *window == b"PK\x01\x02")
        .map(|(at, _)| at)
        .collect()
}

#[test]
fn overlapping_entries_are_an_error() {
    let mut bytes = shared_name_twice();
    let records = records(&bytes);
    // The second entry claims the place of the first (APPNOTE 4.3.12: the local header's offset is at 42).
    let first: [u8; 4] = bytes[records[0] + 42..records[0] + 46].try_into().unwrap();
    bytes[records[1] + 42..records[1] + 46].copy_from_slice(&first);
    assert!(read(&bytes).is_err());
}

#[test]
fn an_encrypted_entry_is_named() {
    let mut bytes = shared_name_twice();
    // Bit 0 of the flags, in the directory and in the local header (APPNOTE 4.4.4).
    let record = records(&bytes)[0];
    bytes[record + 8] |= 1;
    bytes[6] |= 1;
    let error = read(&bytes).unwrap_err().to_string();
    assert!(
        error.contains("Info.plist") && error.contains("encrypted"),
        "{error}"
    );
}

#[test]
fn bytes_after_the_archive_are_found_and_the_app_is_read() {
    let bytes = shared_name_twice();
    for trailing in [1, 22, 70_000] {
        let longer = [bytes.as_slice(), &vec![b'x'; trailing]].concat();
        let package = read(&longer).unwrap();
        assert_eq!(package.app.version.as_deref(), Some("7"));
        let found: Vec<String> = package.obstacles().iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [format!(
                "{trailing} bytes follow the end of the zip archive; upload the .ipa as it was exported"
            )]
        );
    }
    // A comment is part of the archive.
    let mut archive = ZipWriter::new_append(Cursor::new(bytes)).unwrap();
    archive.set_comment("PK\x05\x06 is no end record").unwrap();
    let commented = archive.finish().unwrap().into_inner();
    assert_eq!(read(&commented).unwrap().obstacles(), []);
}

#[test]
fn a_claim_of_many_entries_costs_nothing() {
    let mut bytes = shared_name_twice();
    let end = bytes.len() - 22;
    bytes[end + 8..end + 12].copy_from_slice(&[0xff; 4]);
    assert!(read(&bytes).is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    /// Whatever is changed in an archive, reading it ends.
    #[test]
    fn damaged_archives_end_in_a_package_or_an_error(
        changes in proptest::collection::vec((0_usize..2_000, proptest::prelude::any::<u8>()), 1..8),
        cut in 0_usize..40,
    ) {
        let mut bytes = shared_name_twice();
        for (at, byte) in changes {
            let length = bytes.len();
            bytes[at % length] = byte;
        }
        bytes.truncate(bytes.len() - cut);
        let _ = read(&bytes);
    }
}
