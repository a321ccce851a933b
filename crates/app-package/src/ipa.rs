//! The main app of an `.ipa`.

use std::io::{Read, Seek};

use signing_assets::Profile;

use crate::zip::{self, Entry};
use crate::{App, Error};

/// Real ones have some tens of kilobytes.
const LARGEST_INFO: u64 = 16 * 1024 * 1024;

/// A profile with a thousand devices and a hundred certificates stays below one megabyte.
const LARGEST_PROFILE: u64 = 16 * 1024 * 1024;

const INFO: &str = "Payload/*.app/Info.plist";

/// Reads the app and its profile. A profile that can't be read is none: it is looked at to help only.
pub(crate) fn read<F: Read + Seek>(file: &mut F, size: u64) -> Result<(App, Option<Profile>), Error> {
    let mut info: Option<Entry> = None;
    let mut profiles: Vec<Entry> = Vec::new();
    zip::walk(file, size, |entry| match in_main_app(&entry.name) {
        Some((_, b"Info.plist")) if info.as_ref().is_none_or(|known| entry.name < known.name) => {
            info = Some(entry);
        }
        // One app has one; the limit is for archives that are made to fill the memory.
        Some((_, b"embedded.mobileprovision")) if profiles.len() < 16 => profiles.push(entry),
        _ => {}
    })?;
    let info = info.ok_or(Error::Missing(INFO))?;
    let bytes = zip::content(file, &info, LARGEST_INFO)?;
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
    Ok((app, profile))
}

/// The app's folder name, and the file's name right below it: extensions, frameworks and watch apps are deeper.
fn in_main_app(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let name = name.strip_prefix(b"./").unwrap_or(name);
    let rest = name.strip_prefix(b"Payload/")?;
    let slash = rest.iter().position(|byte| *byte == b'/')?;
    let (folder, file) = (&rest[..slash], &rest[slash + 1..]);
    (folder.ends_with(b".app") && !file.contains(&b'/')).then_some((folder, file))
}
