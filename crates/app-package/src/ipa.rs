//! The main app of an `.ipa`.

use std::io::{Read, Seek};

use signing_assets::Profile;

use crate::zip::{self, Entry};
use crate::{App, Bundle, Error};

/// Real ones have some tens of kilobytes.
const LARGEST_INFO: u64 = 16 * 1024 * 1024;

/// A profile with a thousand devices and a hundred certificates stays below one megabyte.
const LARGEST_PROFILE: u64 = 16 * 1024 * 1024;

const INFO: &str = "Payload/*.app/Info.plist";

/// More bundles than any app embeds.
const MOST_BUNDLES: usize = 512;

/// What an `.ipa` says.
pub(crate) struct Contents {
    pub(crate) app: App,
    pub(crate) profile: Option<Profile>,
    pub(crate) bundles: Vec<Bundle>,
    /// The folders of all apps under `Payload`.
    pub(crate) apps: Vec<String>,
}

/// Reads the app, its profile, and the bundles in it. A profile that can't be read is none: it is looked at to help only;
/// so are embedded bundles.
pub(crate) fn read<F: Read + Seek>(file: &mut F, size: u64) -> Result<Contents, Error> {
    let mut infos: Vec<Entry> = Vec::new();
    let mut profiles: Vec<Entry> = Vec::new();
    let mut nested: Vec<(Entry, String)> = Vec::new();
    zip::walk(file, size, |entry| match in_main_app(&entry.name) {
        // One app has one; the limits are for archives that are made to fill the memory.
        Some((_, b"Info.plist")) if infos.len() < 16 => infos.push(entry),
        Some((_, b"embedded.mobileprovision")) if profiles.len() < 16 => profiles.push(entry),
        None if nested.len() < MOST_BUNDLES => {
            if let Some(path) = bundle_path(&entry.name) {
                nested.push((entry, path));
            }
        }
        _ => {}
    })?;
    infos.sort_by(|one, other| one.name.cmp(&other.name));
    let info = infos.first().ok_or(Error::Missing(INFO))?;
    let bytes = zip::content(file, info, LARGEST_INFO)?;
    let app = App::of_plist(&bytes).map_err(|problem| Error::Part {
        part: String::from_utf8_lossy(&info.name).into_owned(),
        problem,
    })?;
    let folder = in_main_app(&info.name).map(|(folder, _)| folder);
    let profile = profiles
        .iter()
        .find(|entry| in_main_app(&entry.name).map(|(folder, _)| folder) == folder)
        .and_then(|entry| zip::content(file, entry, LARGEST_PROFILE).ok())
        .and_then(|bytes| Profile::parse(&bytes).ok());
    let mut bundles = Vec::new();
    for (entry, path) in &nested {
        let content = zip::content(file, entry, LARGEST_INFO).ok();
        if let Some(app) = content.and_then(|bytes| App::of_plist(&bytes).ok()) {
            bundles.push(Bundle {
                path: path.clone(),
                info: app,
            });
        }
    }
    let apps = infos.iter().filter_map(|entry| in_main_app(&entry.name));
    let apps = apps.map(|(folder, _)| String::from_utf8_lossy(folder).into_owned());
    Ok(Contents {
        apps: apps.collect(),
        app,
        profile,
        bundles,
    })
}

/// The path below the main app of an embedded bundle whose `Info.plist` this is.
fn bundle_path(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    let path = name.strip_prefix("./").unwrap_or(name).strip_prefix("Payload/")?;
    let (_, path) = path.split_once(".app/")?;
    let path = path.strip_suffix("/Info.plist")?;
    let is_code = [".app", ".appex", ".framework"]
        .iter()
        .any(|kind| path.ends_with(kind));
    is_code.then(|| path.to_owned())
}

/// The app's folder name, and the file's name right below it: extensions, frameworks and watch apps are deeper.
fn in_main_app(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let name = name.strip_prefix(b"./").unwrap_or(name);
    let rest = name.strip_prefix(b"Payload/")?;
    let slash = rest.iter().position(|byte| *byte == b'/')?;
    let (folder, file) = (&rest[..slash], &rest[slash + 1..]);
    (folder.ends_with(b".app") && !file.contains(&b'/')).then_some((folder, file))
}
