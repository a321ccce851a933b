//! Storages in a directory of this machine.

use std::path::Path;

use walkdir::WalkDir;

use crate::error::Error;
use crate::layout::{LARGEST_FILE, Listing, Place};

/// More than any directory of certificates has.
const MOST_ENTRIES: usize = 100_000;

/// How far `certs/<type>/<file>` may be below the directory: a prefix of a bucket, and the team ID.
const DEEPEST: usize = 8;

/// Whether the directory is a Git repository, with a work tree (`true`) or bare (`false`).
pub(crate) fn is_repository(path: &Path) -> Option<bool> {
    if path.join(".git").exists() {
        return Some(true);
    }
    let is_bare = path.join("HEAD").is_file() && path.join("objects").is_dir() && path.join("refs").is_dir();
    is_bare.then_some(false)
}

/// The certificates and keys below a directory. Links are not followed.
pub(crate) fn read(root: &Path) -> Result<Listing, Error> {
    let mut listing = Listing::default();
    let entries = WalkDir::new(root)
        .max_depth(DEEPEST)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.file_name() != ".git");
    for (index, entry) in entries.enumerate() {
        if index >= MOST_ENTRIES {
            return Err(Error::TooLarge {
                what: "the directory",
                limit: format!("{MOST_ENTRIES} files"),
            });
        }
        // What can't be entered holds nothing that could be read.
        let Ok(entry) = entry else { continue };
        let below = entry.path().strip_prefix(root).unwrap_or(entry.path());
        let Some(place) = Place::of(&below.to_string_lossy()) else {
            continue;
        };
        if entry.file_type().is_dir() {
            continue;
        }
        if !entry.file_type().is_file() {
            listing.skip(&place, "it is not a regular file");
            continue;
        }
        match files::read(entry.path(), LARGEST_FILE) {
            Ok(content) => listing.add(place, content)?,
            Err(error) => listing.skip(&place, &error.to_string()),
        }
    }
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_directory_is_read_without_following_links() {
        let folder = tempfile::tempdir().unwrap();
        let certs = folder.path().join("TEAM123456/certs/distribution");
        std::fs::create_dir_all(&certs).unwrap();
        std::fs::create_dir_all(folder.path().join(".git/certs/distribution")).unwrap();
        std::fs::write(folder.path().join(".git/certs/distribution/GIT.cer"), "x").unwrap();
        std::fs::write(certs.join("A.cer"), "content").unwrap();
        std::fs::write(certs.join("BIG.cer"), vec![0; (1 << 20) + 1]).unwrap();
        symlink("/etc/passwd", certs.join("L.p12")).unwrap();
        symlink("/", folder.path().join("root")).unwrap();
        nix_fifo(&certs.join("PIPE.p12"));
        let listing = read(folder.path()).unwrap();
        let paths: Vec<&str> = listing
            .files
            .iter()
            .map(|file| file.place.path.as_str())
            .collect();
        assert_eq!(paths, ["TEAM123456/certs/distribution/A.cer"]);
        assert_eq!(listing.notes.len(), 3, "{:?}", listing.notes);
        assert_eq!(listing.directories(), ["certs/distribution (1)"]);
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own tool")]
    fn nix_fifo(path: &Path) {
        let status = std::process::Command::new("mkfifo").arg(path).status().unwrap();
        assert!(status.success());
    }
}
