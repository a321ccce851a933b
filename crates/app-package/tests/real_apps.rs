//! Packages with real executables, signatures, and a profile; see `fixtures/README.md` for who made them.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

use std::io::{Cursor, Read as _, Write as _};

use app_package::{Format, Package};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const DEVICE: &[u8] = include_bytes!("fixtures/store-aarch64-ios.gz");
const DEVELOPMENT: &[u8] = include_bytes!("fixtures/dev-aarch64-ios.gz");
const SIMULATOR: &[u8] = include_bytes!("fixtures/store-aarch64-ios-simulator.gz");
const INTEL: &[u8] = include_bytes!("fixtures/store-x86_64-ios-simulator.gz");
const PROFILE: &[u8] = include_bytes!("fixtures/store.mobileprovision");

fn unpacked(fixture: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(fixture)
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

/// A universal executable, as `lipo` makes it (`mach-o/fat.h`: big-endian, aligned slices).
fn universal(slices: &[&[u8]]) -> Vec<u8> {
    let mut file = [0xcafe_babe_u32.to_be_bytes(), (slices.len() as u32).to_be_bytes()].concat();
    let mut offset = 0x4000;
    for slice in slices {
        file.extend(&slice[4..8].iter().rev().copied().collect::<Vec<u8>>());
        for number in [0, offset as u32, slice.len() as u32, 14] {
            file.extend(number.to_be_bytes());
        }
        offset += slice.len().next_multiple_of(0x4000);
    }
    for slice in slices {
        file.resize(file.len().next_multiple_of(0x4000), 0);
        file.extend(*slice);
    }
    file
}

/// The same executable without its signature: the load command becomes another one.
fn unsigned(executable: &[u8]) -> Vec<u8> {
    let mut bytes = executable.to_vec();
    let size = u32::from_le_bytes(bytes[20..24].try_into().unwrap()) as usize;
    let mut at = 32;
    while at < 32 + size {
        let command = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        // LC_CODE_SIGNATURE, LC_FUNCTION_STARTS.
        if command == 0x1d {
            bytes[at..at + 4].copy_from_slice(&0x26_u32.to_le_bytes());
        }
        at += u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
    }
    bytes
}

fn plist(body: &str) -> Vec<u8> {
    format!("<?xml version=\"1.0\"?><plist version=\"1.0\"><dict>{body}</dict></plist>").into_bytes()
}

fn info(name: &str, id: &str, more: &str) -> Vec<u8> {
    plist(&format!(
        "<key>CFBundleExecutable</key><string>{name}</string><key>CFBundleIdentifier</key><string>{id}</string><key>CFBundleVersion</key><string>7</string><key>CFBundleShortVersionString</key><string>3.1</string><key>DTPlatformName</key><string>iphoneos</string>{more}"
    ))
}

const ICON: &str = "<key>DTSDKName</key><string>iphoneos26.0</string><key>MinimumOSVersion</key><string>16.0</string><key>CFBundleIcons</key><dict><key>CFBundlePrimaryIcon</key><dict><key>CFBundleIconName</key><string>AppIcon</string></dict></dict>";

/// A package as Xcode exports it for the App Store.
fn parts() -> Vec<(String, Vec<u8>)> {
    [
        ("Info.plist", info("Heron", "org.example.heron", ICON)),
        ("Heron", unpacked(DEVICE)),
        ("embedded.mobileprovision", PROFILE.to_vec()),
        ("_CodeSignature/CodeResources", plist("")),
        ("Assets.car", b"BOMStore".to_vec()),
        ("AppIcon60x60@2x.png", Vec::new()),
        (
            "PlugIns/Nest.appex/Info.plist",
            info("Nest", "org.example.heron.nest", ""),
        ),
        ("PlugIns/Nest.appex/Nest", unpacked(DEVICE)),
        (
            "Frameworks/Kit.framework/Info.plist",
            info("Kit", "net.example.kit", ""),
        ),
        ("Frameworks/Kit.framework/Kit", unpacked(DEVICE)),
    ]
    .map(|(name, content)| (name.to_owned(), content))
    .to_vec()
}

fn read(parts: &[(String, Vec<u8>)]) -> Package {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        archive
            .start_file(format!("Payload/Heron.app/{name}"), SimpleFileOptions::default())
            .unwrap();
        archive.write_all(content).unwrap();
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), archive.finish().unwrap().into_inner()).unwrap();
    Package::read(file.path(), Format::Ipa).unwrap()
}

fn with(name: &str, content: Option<Vec<u8>>) -> Package {
    let mut parts = parts();
    parts.retain(|(known, _)| known != name);
    parts.extend(content.map(|content| (name.to_owned(), content)));
    read(&parts)
}

fn obstacles(package: &Package) -> String {
    let list: Vec<String> = package.obstacles().iter().map(ToString::to_string).collect();
    list.join("\n")
}

fn cautions(package: &Package) -> String {
    let list: Vec<String> = package.cautions().iter().map(ToString::to_string).collect();
    list.join("\n")
}

#[test]
fn an_export_for_the_app_store_passes() {
    let package = read(&parts());
    assert_eq!(obstacles(&package), "");
    assert_eq!(cautions(&package), "");
    assert!(package.profile.is_some());
    let as_universal = with("Heron", Some(universal(&[&unpacked(DEVICE)])));
    assert_eq!(obstacles(&as_universal), "");
}

#[test]
fn code_for_simulators_is_found_in_every_executable() {
    let (device, simulator, intel) = (unpacked(DEVICE), unpacked(SIMULATOR), unpacked(INTEL));
    for (name, content, expected) in [
        (
            "Heron",
            simulator.clone(),
            "the app holds code for simulators (arm64 for a simulator)",
        ),
        (
            "Heron",
            universal(&[&device, &intel]),
            "the app holds code for simulators (x86_64)",
        ),
        (
            "Heron",
            universal(&[&intel, &device]),
            "the app holds code for simulators (x86_64)",
        ),
        (
            "Frameworks/Kit.framework/Kit",
            universal(&[&device, &intel]),
            "`Frameworks/Kit.framework` holds code for simulators (x86_64)",
        ),
        (
            "Frameworks/Kit.framework/Kit",
            simulator,
            "`Frameworks/Kit.framework` holds code for simulators (arm64 for a simulator)",
        ),
        (
            "PlugIns/Nest.appex/Nest",
            intel,
            "`PlugIns/Nest.appex` holds code for simulators (x86_64)",
        ),
    ] {
        let found = obstacles(&with(name, Some(content)));
        assert!(found.contains(expected), "{name}: {found}");
    }
}

#[test]
fn the_signature_must_be_one_for_the_store_and_fit_the_profile() {
    let missing = obstacles(&with("embedded.mobileprovision", None));
    assert!(missing.contains("no embedded.mobileprovision"), "{missing}");
    let mut parts_of_unsigned = parts();
    parts_of_unsigned.retain(|(name, _)| name != "_CodeSignature/CodeResources" && name != "Heron");
    parts_of_unsigned.push(("Heron".to_owned(), unsigned(&unpacked(DEVICE))));
    let found = obstacles(&read(&parts_of_unsigned));
    assert!(found.contains("is not signed"), "{found}");
    let development = obstacles(&with("Heron", Some(unpacked(DEVELOPMENT))));
    for expected in [
        "signed for development: its signature has the entitlement `get-task-allow`",
        "`aps-environment` = `development`, and the profile `Heron App Store` grants `production`",
    ] {
        assert!(development.contains(expected), "{development}");
    }
    // The same in a universal executable, whose signature lies behind that of another slice.
    let universal = universal(&[&unpacked(DEVICE), &unpacked(DEVELOPMENT)]);
    assert!(obstacles(&with("Heron", Some(universal))).contains("get-task-allow"));
    // A profile that can't be read proves nothing.
    let damaged = with("embedded.mobileprovision", Some(b"x".to_vec()));
    assert_eq!(obstacles(&damaged), "");
}

#[test]
fn the_icon_must_be_named_and_there() {
    let sdk = "<key>DTSDKName</key><string>iphoneos26.0</string>";
    let without_name = with("Info.plist", Some(info("Heron", "org.example.heron", sdk)));
    assert!(obstacles(&without_name).contains("ITMS-90713"));
    assert!(obstacles(&with("Assets.car", None)).contains("ITMS-90704"));
    let files = format!(
        "{sdk}<key>CFBundleIcons~ipad</key><dict><key>CFBundlePrimaryIcon</key><dict><key>CFBundleIconName</key><string>A</string><key>CFBundleIconFiles</key><array><string>AppIcon76x76</string></array></dict></dict>"
    );
    let mut listed = parts();
    listed.retain(|(name, _)| name != "Assets.car" && name != "Info.plist");
    listed.push((
        "Info.plist".to_owned(),
        info("Heron", "org.example.heron", &files),
    ));
    assert!(obstacles(&read(&listed)).contains("ITMS-90022"));
    listed.push(("AppIcon76x76@2x~ipad.png".to_owned(), Vec::new()));
    assert!(obstacles(&read(&listed)).contains("ITMS-90704"));
}

#[test]
fn privacy_manifests_are_read_in_the_app_and_in_frameworks() {
    let bad = plist("<key>NSPrivacyTracking</key><string>NO</string>");
    let in_kit = with("Frameworks/Kit.framework/PrivacyInfo.xcprivacy", Some(bad));
    assert!(
        obstacles(&in_kit).contains("`Frameworks/Kit.framework/PrivacyInfo.xcprivacy` is invalid"),
        "{}",
        obstacles(&in_kit)
    );
    let unknown = with(
        "PrivacyInfo.xcprivacy",
        Some(plist("<key>NSPrivacyNew</key><true/>")),
    );
    assert_eq!(obstacles(&unknown), "");
    assert!(cautions(&unknown).contains("NSPrivacyNew"));
    // An executable that names an API: its symbol stands between zero bytes.
    let mut executable = unpacked(DEVICE);
    executable.extend(b"\0_OBJC_CLASS_$_NSUserDefaults\0");
    let mut using = parts();
    using.retain(|(name, _)| name != "Heron");
    using.push(("Heron".to_owned(), executable));
    assert!(cautions(&read(&using)).contains("NSPrivacyAccessedAPICategoryUserDefaults"));
    using.push((
        "PrivacyInfo.xcprivacy".to_owned(),
        plist("<key>NSPrivacyAccessedAPITypes</key><array><dict><key>NSPrivacyAccessedAPIType</key><string>NSPrivacyAccessedAPICategoryUserDefaults</string><key>NSPrivacyAccessedAPITypeReasons</key><array><string>CA92.1</string></array></dict></array>"),
    ));
    assert_eq!(cautions(&read(&using)), "");
}

#[test]
fn old_systems_and_other_versions_are_worth_a_warning() {
    for (version, is_old) in [("12.0", true), ("14.9", true), ("15.0", false), ("26.1", false)] {
        let more = ICON.replace("16.0", version);
        let package = with("Info.plist", Some(info("Heron", "org.example.heron", &more)));
        assert_eq!(cautions(&package).contains("ITMS-90068"), is_old, "{version}");
        assert_eq!(obstacles(&package), "");
    }
    let nest = "PlugIns/Nest.appex/Info.plist";
    let other = String::from_utf8(info("Nest", "org.example.heron.nest", "")).unwrap();
    let package = with(nest, Some(other.replace(">7<", ">6<").into_bytes()));
    assert!(
        cautions(&package).contains("`CFBundleVersion` of `PlugIns/Nest.appex` is `6`, and the app's is `7`")
    );
    assert_eq!(obstacles(&package), "");
    let without = other.replace("<key>CFBundleVersion</key><string>7</string>", "");
    let package = with(nest, Some(without.into_bytes()));
    assert!(obstacles(&package).contains("the Info.plist of `PlugIns/Nest.appex` has no `CFBundleVersion`"));
    let watch = with(
        "Watch/Heron Watch.app/Info.plist",
        Some(info("W", "org.example.heron.watch.app", "")),
    );
    assert!(
        obstacles(&watch).contains("`Watch/Heron Watch.app`"),
        "{}",
        obstacles(&watch)
    );
}

#[test]
fn what_is_no_executable_proves_nothing() {
    for content in [
        &b"not a real binary"[..],
        b"",
        b"\xca\xfe\xba\xbe\0\0\0\x41class",
        b"\xcf\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe\0\0\0\x02\x01",
    ] {
        let mut parts = parts();
        parts.retain(|(name, _)| name == "Info.plist" || name.starts_with("Frameworks"));
        parts.push(("Heron".to_owned(), content.to_vec()));
        assert_eq!(obstacles(&read(&parts)), "", "{content:?}");
    }
}
