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
