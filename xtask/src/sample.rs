//! The sample's release: metadata in fastlane's layout, screenshots, a package, and an app on the sandbox that it is a release of.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use apple_sandbox::{Seed, SeedGroup, SeedRelease, Situation, picture};
use zip::write::SimpleFileOptions;

use crate::workspace;

/// The bundle ID of the sample.
pub(crate) const BUNDLE_ID: &str = "com.example.courier";

/// The version and build number of the package.
const VERSION: (&str, &str) = ("1.1", "7");

/// An account with the sample's app: version 1.0 is on the store, and TestFlight has groups.
pub(crate) fn seed(situation: Situation, locales: &[&str], screenshots: u32) -> Seed {
    let group = |name: &str, internal: bool| SeedGroup {
        name: name.to_owned(),
        internal,
        public_link: !internal,
        testers: vec!["grace@example.com".to_owned()],
        ..SeedGroup::default()
    };
    Seed::releasing(SeedRelease {
        situation,
        locales: locales.iter().map(|locale| (*locale).to_owned()).collect(),
        screenshots,
        groups: vec![group("Team", true), group("Friends", false)],
        is_ready_for_beta_review: true,
        ..SeedRelease::default()
    })
}

/// Writes the sample's `fastlane/metadata` and `fastlane/screenshots` into a folder.
///
/// # Errors
/// When a file can't be read or written.
pub(crate) fn write_release(folder: &Path) -> anyhow::Result<()> {
    let metadata = folder.join("fastlane/metadata");
    crate::demo::copy_tree(&workspace::root().join("samples/release/metadata"), &metadata)?;
    for (locale, first) in [("en-US", 1), ("de-DE", 4)] {
        for number in 0..3 {
            write_screenshot(folder, locale, number + 1, first + number)?;
        }
    }
    Ok(())
}

/// Writes a screenshot of a locale.
///
/// # Errors
/// When it can't be written.
pub(crate) fn write_screenshot(folder: &Path, locale: &str, name: u32, drawing: u32) -> anyhow::Result<()> {
    let place = folder.join("fastlane/screenshots").join(locale);
    std::fs::create_dir_all(&place)?;
    let content = picture::screenshot(1290, 2796, drawing);
    std::fs::write(place.join(format!("{name}.png")), content)?;
    Ok(())
}

/// Writes a package of the sample's app; its executable is none.
///
/// # Errors
/// When it can't be written.
pub(crate) fn write_package(folder: &Path) -> anyhow::Result<PathBuf> {
    let path = folder.join("Courier.ipa");
    begin_package(&path)?.finish()?;
    Ok(path)
}

/// [`write_package`] at a path, for who has more to put into it and finishes it.
///
/// # Errors
/// When it can't be written.
pub(crate) fn begin_package(path: &Path) -> anyhow::Result<zip::ZipWriter<std::fs::File>> {
    let (version, build) = VERSION;
    let plist = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>\
         <key>CFBundleIdentifier</key><string>{BUNDLE_ID}</string>\
         <key>CFBundleShortVersionString</key><string>{version}</string>\
         <key>CFBundleVersion</key><string>{build}</string>\
         <key>DTPlatformName</key><string>iphoneos</string>\
         <key>ITSAppUsesNonExemptEncryption</key><false/>\
         </dict></plist>"
    );
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path)?);
    for (name, content) in [
        ("Payload/Courier.app/Info.plist", plist.as_bytes()),
        ("Payload/Courier.app/Courier", b"not a real binary"),
    ] {
        archive.start_file(name, SimpleFileOptions::default())?;
        archive.write_all(content)?;
    }
    Ok(archive)
}
