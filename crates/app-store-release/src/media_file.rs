//! A picture or video on disk that goes to App Store Connect.

use std::path::{Path, PathBuf};

use crate::checksum::Checksums;

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
