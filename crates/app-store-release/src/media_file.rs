//! Pictures and videos on disk that go to App Store Connect.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use files::Checksums;

use crate::problem::Problem;

/// Screenshots by locale and display type (`APP_IPHONE_67`), or previews by locale and preview type (`IPHONE_67`), in
/// the order in which they are shown.
pub type LocalMedia = BTreeMap<String, BTreeMap<&'static str, Vec<MediaFile>>>;

/// What a folder of screenshots or previews holds.
#[derive(Debug, Clone, Default)]
pub struct MediaFolder {
    /// The files.
    pub media: LocalMedia,
    /// What is left out, and why.
    pub warnings: Vec<String>,
}

impl MediaFolder {
    pub(crate) fn add(&mut self, locale: &str, display: &'static str, file: MediaFile) {
        let sets = self.media.entry(locale.to_owned()).or_default();
        sets.entry(display).or_default().push(file);
    }

    /// Sorts every set, and leaves out what is more than `most` in one; `kind` is what the files are, in words.
    pub(crate) fn arrange(
        &mut self,
        kind: &str,
        most: usize,
        compare: impl Fn(&str, &str) -> std::cmp::Ordering,
    ) {
        for (locale, sets) in &mut self.media {
            for (display, set) in sets {
                set.sort_by(|a, b| compare(&a.name, &b.name));
                if set.len() > most {
                    let names: Vec<&str> = set[most..].iter().map(|file| file.name.as_str()).collect();
                    self.warnings.push(format!(
                        "{locale} has {} {kind} for {display}, and App Store Connect takes {most}. Left out: {}.",
                        set.len(),
                        names.join(", ")
                    ));
                    set.truncate(most);
                }
            }
        }
    }
}

/// A screenshot or app preview on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaFile {
    /// The file.
    pub path: PathBuf,
    /// Its name, which App Store Connect keeps.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// MD5 of its content, hexadecimal, as App Store Connect names it.
    pub checksum: String,
    /// SHA-256 of its content, hexadecimal, which names it in an asset library.
    pub sha256: String,
    /// The frame that stands for a video, `hour:minute:second:centisecond`.
    pub frame: Option<String>,
}

impl MediaFile {
    pub(crate) fn new(path: &Path, checksums: Checksums) -> Self {
        Self {
            path: path.to_owned(),
            name: file_name(path),
            size: checksums.size,
            checksum: checksums.md5,
            sha256: checksums.sha256,
            frame: None,
        }
    }

    /// Whether App Store Connect names this content: by MD5 in a classic set, by SHA-256 in an asset library.
    pub(crate) fn is(&self, checksum: Option<&str>) -> bool {
        checksum.is_some_and(|checksum| checksum == self.checksum || checksum == self.sha256)
    }

    /// The media type that App Store Connect wants of a video.
    pub(crate) fn mime_type(&self) -> Option<&'static str> {
        let extension = self.path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "mp4" => Some("video/mp4"),
            "mov" => Some("video/quicktime"),
            "m4v" => Some("video/x-m4v"),
            _ => None,
        }
    }
}

/// The name of a file, without its folder.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// What a folder holds, by name. One that can't be read is a problem, and empty.
pub(crate) fn entries(folder: &Path, problems: &mut Vec<Problem>) -> BTreeMap<String, PathBuf> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                Some((entry.file_name().to_string_lossy().into_owned(), entry.path()))
            })
            .collect(),
        Err(error) => {
            problems.push(Problem::new(
                folder.display().to_string(),
                format!("can't be read: {error}"),
            ));
            BTreeMap::new()
        }
    }
}
