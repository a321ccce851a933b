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
const AD_HOC: &[u8] = include_bytes!("fixtures/ad-hoc.mobileprovision");

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
        ("PlugIns/Nest.appex/embedded.mobileprovision", PROFILE.to_vec()),
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
        "`aps-environment` = `development`, and its profile `Heron App Store` grants `production`",
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

const CLIP_ID: &str = "org.example.heron.Clip";

/// An executable with these entitlements in its signature: `store`'s, whose blob is replaced, padded with white space.
fn entitled(entitlements: &str) -> Vec<u8> {
    let mut bytes = unpacked(DEVICE);
    let blob = |magic: u32| magic.to_be_bytes();
    let at = find(&bytes, &blob(0xfade_7171));
    let length = u32::from_be_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
    let mut text = plist(entitlements);
    assert!(text.len() <= length - 8, "{} bytes fit", length - 8);
    text.resize(length - 8, b' ');
    bytes[at + 8..at + length].copy_from_slice(&text);
    bytes
}

/// The same executable, whose entitlements stand in it in DER alone.
fn entitled_in_der(der: &[u8]) -> Vec<u8> {
    let mut bytes = unpacked(DEVICE);
    let at = find(&bytes, &0xfade_7171_u32.to_be_bytes());
    bytes[at..at + 4].copy_from_slice(&0xfade_7172_u32.to_be_bytes());
    bytes[at + 4..at + 8].copy_from_slice(&(8 + der.len() as u32).to_be_bytes());
    bytes[at + 8..at + 8 + der.len()].copy_from_slice(der);
    bytes
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes
        .windows(wanted.len())
        .rposition(|window| window == wanted)
        .unwrap()
}

fn with_all(changes: &[(&str, Option<Vec<u8>>)]) -> Package {
    let mut parts = parts();
    for (name, content) in changes {
        parts.retain(|(known, _)| known != name);
        parts.extend(content.clone().map(|content| ((*name).to_owned(), content)));
    }
    read(&parts)
}

#[test]
fn an_extension_is_compared_with_its_own_profile() {
    let nest = "PlugIns/Nest.appex/Nest";
    let profile = "PlugIns/Nest.appex/embedded.mobileprovision";
    let found = obstacles(&with(profile, None));
    assert_eq!(
        found,
        "`PlugIns/Nest.appex` has no embedded.mobileprovision; export the archive for the App Store instead of zipping the app"
    );
    let found = obstacles(&with(nest, Some(unpacked(DEVELOPMENT))));
    for expected in [
        "`PlugIns/Nest.appex` is signed for development: its signature has the entitlement `get-task-allow`",
        "the signature of `PlugIns/Nest.appex` has the entitlement `aps-environment` = `development`",
    ] {
        assert!(found.contains(expected), "{found}");
    }
    let group = "<key>com.apple.security.application-groups</key><array><string>group.x</string></array>";
    let found = obstacles(&with(nest, Some(entitled(group))));
    assert!(
        found.contains("`com.apple.security.application-groups` = `group.x`, and its profile"),
        "{found}"
    );
    assert_eq!(found.lines().count(), 1, "{found}");
    let found = obstacles(&with(nest, Some(unsigned(&unpacked(DEVICE)))));
    assert_eq!(
        found,
        "`PlugIns/Nest.appex` is not signed; export the archive for the App Store"
    );
    let kit = "Frameworks/Kit.framework/Kit";
    let found = obstacles(&with(kit, Some(unsigned(&unpacked(DEVICE)))));
    assert!(
        found.contains("`Frameworks/Kit.framework` is not signed"),
        "{found}"
    );
    // A static framework holds an archive, which nobody signs.
    assert_eq!(obstacles(&with(kit, Some(b"!<arch>\n".to_vec()))), "");
}

#[test]
fn a_profile_of_another_distribution_is_named_wherever_it_lies() {
    for (bundle, profile) in [
        ("the app", "embedded.mobileprovision"),
        (
            "`PlugIns/Nest.appex`",
            "PlugIns/Nest.appex/embedded.mobileprovision",
        ),
    ] {
        let expected =
            format!("{bundle} is signed with the ad-hoc profile `Heron Ad Hoc`; export it for the App Store");
        assert_eq!(obstacles(&with(profile, Some(AD_HOC.to_vec()))), expected);
        // Whatever it signs.
        let mut fake = parts();
        fake.retain(|(name, _)| name != profile && !name.starts_with("_CodeSignature"));
        for (name, content) in &mut fake {
            if !name.contains('.') || name.ends_with("/Nest") || name.ends_with("/Kit") {
                *content = b"not a real binary".to_vec();
            }
        }
        fake.push((profile.to_owned(), AD_HOC.to_vec()));
        assert_eq!(obstacles(&read(&fake)), expected);
    }
}

#[test]
fn entitlements_that_stand_in_der_alone_count() {
    // { "get-task-allow": true }, as Apple's codesign writes it.
    let key = b"get-task-allow";
    let pair = [&[0x0c, key.len() as u8][..], key, &[0x01, 0x01, 0xff]].concat();
    let dictionary = [&[0x30, pair.len() as u8][..], &pair].concat();
    let inner = [&[0x02, 0x01, 0x01, 0xb0, dictionary.len() as u8][..], &dictionary].concat();
    let der = [&[0x70, inner.len() as u8][..], &inner].concat();
    let found = obstacles(&with("Heron", Some(entitled_in_der(&der))));
    assert!(found.contains("the app is signed for development"), "{found}");
    for damaged in [&der[..6], b"\x70\x80", b""] {
        assert_eq!(obstacles(&with("Heron", Some(entitled_in_der(damaged)))), "");
    }
}

#[test]
fn an_ipad_app_has_all_orientations_and_a_launch_screen_or_takes_the_whole_screen() {
    let ipad = "<key>UIDeviceFamily</key><array><integer>1</integer><integer>2</integer></array>";
    let orientations = |key: &str, count: usize| {
        let all = [
            "Portrait",
            "PortraitUpsideDown",
            "LandscapeLeft",
            "LandscapeRight",
        ];
        let all: String = all[..count]
            .iter()
            .map(|name| format!("<string>UIInterfaceOrientation{name}</string>"))
            .collect();
        format!("<key>{key}</key><array>{all}</array>")
    };
    let (key, own) = (
        "UISupportedInterfaceOrientations",
        "UISupportedInterfaceOrientations~ipad",
    );
    let screen = "<key>UILaunchScreen</key><dict/>";
    let storyboard = "<key>UILaunchStoryboardName</key><string>LaunchScreen</string>";
    let full = "<key>UIRequiresFullScreen</key><true/>";
    let four = orientations(key, 4);
    for (more, expected) in [
        (format!("{ipad}{four}{screen}"), ""),
        (
            format!("{ipad}{}{}{screen}", orientations(key, 1), orientations(own, 4)),
            "",
        ),
        (
            format!("{ipad}{four}{}{screen}", orientations(own, 3)),
            "lacks UIInterfaceOrientationLandscapeRight",
        ),
        (format!("{ipad}{screen}"), "ITMS-90474"),
        (format!("{ipad}{}{full}", orientations(key, 1)), ""),
        (format!("{ipad}<key>UIRequiresFullScreen~ipad</key><true/>"), ""),
        (
            format!("{ipad}<key>UIRequiresFullScreen</key><false/>{screen}"),
            "ITMS-90474",
        ),
        (
            format!(
                "<key>UIDeviceFamily</key><array><integer>1</integer></array>{}",
                orientations(key, 1)
            ),
            "",
        ),
        (
            format!("<key>UIDeviceFamily</key><integer>2</integer>{screen}"),
            "ITMS-90474",
        ),
        (
            format!("{ipad}{four}"),
            "neither `UILaunchScreen` nor `UILaunchStoryboardName`",
        ),
        (
            format!("{ipad}{four}{storyboard}"),
            "the app holds no `LaunchScreen.storyboardc`",
        ),
        (
            format!(
                "{ipad}{four}{}",
                storyboard.replace("LaunchScreen", "Launch.storyboard")
            ),
            "must be `Launch`, without the extension",
        ),
        // A sticker pack's app is never on screen.
        (
            format!("{ipad}<key>LSApplicationLaunchProhibited</key><true/>"),
            "",
        ),
    ] {
        let info = info("Heron", "org.example.heron", &format!("{ICON}{more}"));
        let found = obstacles(&with("Info.plist", Some(info)));
        assert!(
            found.contains(expected) && (found.is_empty() == expected.is_empty()),
            "{more}: {found}"
        );
    }
    let old = ICON.replace("16.0", "13.0");
    let plain = info(
        "Heron",
        "org.example.heron",
        &format!("{old}{ipad}{four}{screen}"),
    );
    let found = obstacles(&with("Info.plist", Some(plain)));
    assert!(
        found.contains("a `MinimumOSVersion` of 14.0 or later only, and it is 13.0"),
        "{found}"
    );
    for file in [
        "LaunchScreen.storyboardc/Info.plist",
        "Base.lproj/LaunchScreen.storyboardc/x.nib",
        "LaunchScreen.nib",
    ] {
        let info = info(
            "Heron",
            "org.example.heron",
            &format!("{ICON}{ipad}{four}{storyboard}"),
        );
        let package = with_all(&[("Info.plist", Some(info)), (file, Some(plist("")))]);
        assert_eq!(obstacles(&package), "", "{file}");
    }
}

#[test]
fn background_processing_names_its_tasks() {
    let modes =
        "<key>UIBackgroundModes</key><array><string>fetch</string><string>processing</string></array>";
    let tasks =
        "<key>BGTaskSchedulerPermittedIdentifiers</key><array><string>org.example.refresh</string></array>";
    for (more, is_refused) in [
        (modes.to_owned(), true),
        (format!("{modes}{tasks}"), false),
        (modes.replace("processing", "audio"), false),
    ] {
        let info = info("Heron", "org.example.heron", &format!("{ICON}{more}"));
        let found = obstacles(&with("Info.plist", Some(info)));
        assert_eq!(found.contains("ITMS-90771"), is_refused, "{found}");
    }
}

#[test]
fn a_bundle_id_stands_once_in_an_app() {
    let kit = || Some(info("Kit", "net.example.kit", ""));
    let in_extension = with("PlugIns/Nest.appex/Frameworks/Kit.framework/Info.plist", kit());
    assert_eq!(
        obstacles(&in_extension),
        "the bundle ID `net.example.kit` is used by `Frameworks/Kit.framework` and `PlugIns/Nest.appex/Frameworks/Kit.framework` (ITMS-90685); give each its own, and embed each framework once, in the app"
    );
    let other = with(
        "Frameworks/Other.framework/Info.plist",
        Some(info("Other", "org.example.heron", "")),
    );
    assert!(
        obstacles(&other).contains("`org.example.heron` is used by the app and `Frameworks/Other.framework`")
    );
    // A watch app and an App Clip embed frameworks of their own.
    for folder in ["Watch/W.app", "AppClips/C.app"] {
        let info = info("W", "org.example.heron.w", "");
        let own = format!("{folder}/Frameworks/Kit.framework/Info.plist");
        let package = with_all(&[(&format!("{folder}/Info.plist"), Some(info)), (&own, kit())]);
        assert!(!obstacles(&package).contains("ITMS-90685"), "{folder}");
        assert_eq!(
            cautions(&package).contains("ITMS-90806"),
            folder.starts_with("Watch"),
            "{}",
            cautions(&package)
        );
    }
}

#[test]
fn an_app_clip_and_its_app_name_each_other() {
    let of_clip = |id: &str| {
        format!(
            "<key>com.apple.developer.parent-application-identifiers</key><array><string>A1B2C3D4E5.{id}</string></array>"
        )
    };
    let clip = |id: &str, executable: Vec<u8>| {
        let profile = "AppClips/C.app/embedded.mobileprovision";
        let package = with_all(&[
            ("AppClips/C.app/Info.plist", Some(info("C", id, ""))),
            ("AppClips/C.app/C", Some(executable)),
            (profile, Some(b"unreadable".to_vec())),
        ]);
        obstacles(&package)
    };
    let app = "the signature of the app has the entitlement `com.apple.developer.associated-appclip-app-identifiers` = nothing, and it must name the bundle ID `org.example.heron.Clip`; sign the app and its App Clip again";
    assert_eq!(clip(CLIP_ID, entitled(&of_clip("org.example.heron"))), app);
    let other = clip(CLIP_ID, entitled(&of_clip("org.example.hero")));
    assert!(other.contains("`AppClips/C.app` has the entitlement `com.apple.developer.parent-application-identifiers` = `A1B2C3D4E5.org.example.hero`"), "{other}");
    assert!(clip(CLIP_ID, unpacked(DEVICE)).contains("parent-application-identifiers` = nothing"));
    let outside = clip("org.example.clip", entitled(&of_clip("org.example.heron")));
    assert!(
        outside.contains("the bundle ID `org.example.clip` of `AppClips/C.app` must be `org.example.heron.`"),
        "{outside}"
    );
}

#[test]
fn each_bundle_declares_the_apis_that_it_uses() {
    let using = || {
        let mut executable = unpacked(DEVICE);
        executable.extend(b"\0_OBJC_CLASS_$_NSUserDefaults\0");
        Some(executable)
    };
    let manifest = || {
        Some(plist(
            "<key>NSPrivacyAccessedAPITypes</key><array><dict><key>NSPrivacyAccessedAPIType</key><string>NSPrivacyAccessedAPICategoryUserDefaults</string><key>NSPrivacyAccessedAPITypeReasons</key><array><string>CA92.1</string></array></dict></array>",
        ))
    };
    for (executable, declared, undeclared) in [
        (
            "PlugIns/Nest.appex/Nest",
            "PlugIns/Nest.appex/PrivacyInfo.xcprivacy",
            "PrivacyInfo.xcprivacy",
        ),
        (
            "Frameworks/Kit.framework/Kit",
            "Frameworks/Kit.framework/PrivacyInfo.xcprivacy",
            "PrivacyInfo.xcprivacy",
        ),
        (
            "Heron",
            "Kit_Kit.bundle/PrivacyInfo.xcprivacy",
            "Frameworks/Kit.framework/PrivacyInfo.xcprivacy",
        ),
        (
            "PlugIns/Nest.appex/Nest",
            "PlugIns/Nest.appex/K_K.bundle/PrivacyInfo.xcprivacy",
            "K_K.bundle/PrivacyInfo.xcprivacy",
        ),
    ] {
        let package = with_all(&[(executable, using()), (undeclared, manifest())]);
        let bundle = executable
            .rsplit_once('/')
            .map_or("the app".to_owned(), |(bundle, _)| format!("`{bundle}`"));
        let expected = format!("{bundle} uses APIs of `NSPrivacyAccessedAPICategoryUserDefaults`");
        assert!(
            cautions(&package).contains(&expected),
            "{executable}: {}",
            cautions(&package)
        );
        let package = with_all(&[(executable, using()), (declared, manifest())]);
        assert_eq!(cautions(&package), "", "{executable}");
    }
}
