//! What an `.ipa` holds: the main app, its profile and executable, and the bundles in it.

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use crate::archive::Archive;
use crate::code::Code;
use crate::privacy::PrivacyManifest;
use crate::{App, Bundle, Error};

/// Real ones have some tens of kilobytes.
const LARGEST_INFO: u64 = 16 * 1024 * 1024;

const INFO: &str = "Payload/*.app/Info.plist";

/// More bundles than any app embeds.
const MOST_BUNDLES: usize = 512;

/// More apps than any wrong package has.
const MOST_APPS: usize = 16;

/// What an `.ipa` says.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) app: App,
    /// The app's executable, with what it is signed with.
    pub(crate) code: Code,
    pub(crate) bundles: Vec<Bundle>,
    /// The folders of all apps under `Payload`.
    pub(crate) apps: Vec<String>,
    pub(crate) privacy_manifests: Vec<PrivacyManifest>,
    pub(crate) has_asset_catalog: bool,
    /// Names of its compiled storyboards and nibs, without their extensions.
    pub(crate) storyboards: BTreeSet<String>,
    /// Names of the files right below the app.
    pub(crate) files: BTreeSet<String>,
    /// How many bytes follow the archive.
    pub(crate) trailing: u64,
}

/// Reads the app and the bundles in it. Those that can't be read are left out: they are looked at to help only.
pub(crate) fn read<F: Read + Seek>(file: &mut F, size: u64) -> Result<Contents, Error> {
    let mut archive = Archive::open(file, size)?;
    let mut infos: Vec<Vec<u8>> = Vec::new();
    let mut nested: Vec<(Vec<u8>, String)> = Vec::new();
    let mut manifests: Vec<Vec<u8>> = Vec::new();
    for name in archive.names() {
        match in_main_app(name) {
            Some((_, b"Info.plist")) if infos.len() < MOST_APPS => infos.push(name.to_owned()),
            None if nested.len() < MOST_BUNDLES => {
                if let Some(path) = bundle_path(name) {
                    nested.push((name.to_owned(), path));
                }
            }
            _ => {}
        }
        if name.ends_with(b"/PrivacyInfo.xcprivacy") && manifests.len() < MOST_BUNDLES {
            manifests.push(name.to_owned());
        }
    }
    infos.sort();
    let info = infos.first().ok_or(Error::Missing(INFO))?;
    let bytes = archive.content(info, LARGEST_INFO)?;
    let app = App::of_plist(&bytes).map_err(|problem| Error::Part {
        part: String::from_utf8_lossy(info).into_owned(),
        problem,
    })?;
    let root = info[..info.len() - b"Info.plist".len()].to_owned();
    let mut contents = Contents {
        apps: infos
            .iter()
            .filter_map(|name| in_main_app(name))
            .map(|(folder, _)| String::from_utf8_lossy(folder).into_owned())
            .collect(),
        trailing: archive.trailing,
        files: files_below(&archive, &root),
        storyboards: storyboards_below(&archive, &root),
        ..Contents::default()
    };
    contents.has_asset_catalog = contents.files.contains("Assets.car");
    contents.code = Code::read(&mut archive, &root, &app);
    for (name, path) in nested {
        let content = archive.content(&name, LARGEST_INFO).ok();
        let Some(info) = content.and_then(|bytes| App::of_plist(&bytes).ok()) else {
            continue;
        };
        let folder = &name[..name.len() - b"Info.plist".len()];
        let code = Code::read(&mut archive, folder, &info);
        contents.bundles.push(Bundle { path, info, code });
    }
    for name in manifests {
        let Some(path) = name.strip_prefix(root.as_slice()) else {
            continue;
        };
        let path = String::from_utf8_lossy(path).into_owned();
        if let Ok(bytes) = archive.content(&name, LARGEST_INFO) {
            contents
                .privacy_manifests
                .push(PrivacyManifest::read(path, &bytes));
        }
    }
    contents.app = app;
    Ok(contents)
}

fn files_below<F: Read + Seek>(archive: &Archive<F>, root: &[u8]) -> BTreeSet<String> {
    archive
        .names()
        .filter_map(|name| name.strip_prefix(root))
        .filter(|rest| !rest.is_empty() && !rest.contains(&b'/'))
        .map(|rest| String::from_utf8_lossy(rest).into_owned())
        .collect()
}

/// The compiled storyboards and nibs right below the app or in a folder of a language there: they are folders or files.
fn storyboards_below<F: Read + Seek>(archive: &Archive<F>, root: &[u8]) -> BTreeSet<String> {
    let path = |name: &[u8]| String::from_utf8(name.strip_prefix(root)?.to_vec()).ok();
    let name = |path: String| {
        let mut parts = path.split('/').peekable();
        parts.next_if(|part| part.ends_with(".lproj"));
        let name = parts.next()?;
        let name = name
            .strip_suffix(".storyboardc")
            .or_else(|| name.strip_suffix(".nib"));
        name.map(str::to_owned)
    };
    archive.names().filter_map(path).filter_map(name).collect()
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
