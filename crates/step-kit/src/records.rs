//! Records of what a run has begun elsewhere, such as an upload that is reserved at Apple: a run that is killed can't
//! undo it, the next one can.
//!
//! A record is a small file that its run keeps locked. One whose lock can be taken has no living owner, and only one run
//! can take it.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use files::Lock;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Environment;
use crate::private::{create_private, locked_file};

/// A record is not read when it is larger than this, in bytes.
const LIMIT: u64 = 1 << 20;

/// Something begun that must be finished or undone. Dropping it keeps the file, for the next run.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    file: Lock,
}

impl Record {
    pub(crate) fn create(env: &Environment, kind: &str, value: &impl Serialize) -> std::io::Result<Self> {
        let folder = folder(env, kind)?;
        create_private(&folder)?;
        let name = tempfile::Builder::new()
            .prefix("")
            .suffix(".json")
            .tempfile_in(&folder)?;
        let path = name.path().to_owned();
        // Only the unused name is wanted: the record takes its place.
        let file = locked_file(&path, &serde_json::to_vec(value)?)?;
        let _ = name.keep();
        Ok(Self { path, file })
    }

    /// Replaces what it says.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn update(&mut self, value: &impl Serialize) -> std::io::Result<()> {
        let content = serde_json::to_vec(value)?;
        let mut file: &File = &self.file;
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(&content)
    }

    /// Removes it: the thing is finished or undone.
    pub fn forget(self) {
        // A file that stays says something that is not true any more, which the next run finds out.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The records of a kind that no living run owns, with what they say. Broken ones are removed.
pub(crate) fn abandoned<T: DeserializeOwned>(env: &Environment, kind: &str) -> Vec<(Record, T)> {
    let Ok(folder) = folder(env, kind) else {
        return Vec::new();
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    paths.into_iter().filter_map(|path| take(&path)).collect()
}

fn take<T: DeserializeOwned>(path: &Path) -> Option<(Record, T)> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .open(path)
        .ok()?;
    let file = files::try_lock_file(file).ok()??;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() {
        return None;
    }
    // Another run may have finished with it between opening and locking.
    let is_same = std::fs::symlink_metadata(path).is_ok_and(|there| {
        std::os::unix::fs::MetadataExt::ino(&there) == std::os::unix::fs::MetadataExt::ino(&metadata)
    });
    if !is_same {
        return None;
    }
    let mut content = Vec::new();
    (&*file).take(LIMIT).read_to_end(&mut content).ok()?;
    let record = Record {
        path: path.to_owned(),
        file,
    };
    match serde_json::from_slice(&content) {
        Ok(value) => Some((record, value)),
        Err(_) => {
            record.forget();
            None
        }
    }
}

/// Where records of a kind are: `$XDG_STATE_HOME` or `~/.local/state`, below `apple-steps`.
fn folder(env: &Environment, kind: &str) -> std::io::Result<PathBuf> {
    let base = match env.path("XDG_STATE_HOME").filter(|path| path.is_absolute()) {
        Some(base) => base,
        None => env
            .path("HOME")
            .map(|home| home.join(".local/state"))
            .ok_or_else(|| std::io::Error::other("HOME is not set"))?,
    };
    Ok(base.join("apple-steps").join(kind))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn all(env: &Environment) -> Vec<(Record, String)> {
        abandoned(env, "uploads")
    }

    #[test]
    fn a_record_outlives_its_run_and_is_taken_once() {
        let home = tempfile::tempdir().unwrap();
        let env = Environment::from_iter([("HOME", home.path().as_os_str())]);
        assert!(all(&env).is_empty());
        let mut record = Record::create(&env, "uploads", &"reserved").unwrap();
        let mode = record.path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // Its run is alive.
        assert!(all(&env).is_empty());
        record.update(&"sent").unwrap();
        drop(record);
        let taken = all(&env);
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].1, "sent");
        // A second run at the same time does not get it.
        assert!(all(&env).is_empty());
        for (record, _) in taken {
            record.forget();
        }
        assert!(all(&env).is_empty());
        assert_eq!(
            std::fs::read_dir(home.path().join(".local/state/apple-steps/uploads"))
                .unwrap()
                .count(),
            0
        );
    }

    #[test]
    fn broken_records_are_removed_and_a_missing_home_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let env = Environment::from_iter([("XDG_STATE_HOME", home.path().as_os_str())]);
        let folder = home.path().join("apple-steps/uploads");
        create_private(&folder).unwrap();
        std::fs::write(folder.join("broken.json"), "{").unwrap();
        assert!(all(&env).is_empty());
        assert!(!folder.join("broken.json").exists());
        assert!(Record::create(&Environment::default(), "uploads", &1).is_err());
    }
}
