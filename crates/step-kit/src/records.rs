//! Records of what a run has begun elsewhere, such as an upload that is reserved at Apple: a run that is killed can't
//! undo it, the next one can.
//!
//! A record is a small file that its run keeps locked. One whose lock can be taken has no living owner, and only one run
//! can take it. A claim is a file of the same kind that keeps two living runs from doing the same thing at the same time.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use files::{Checksums, Lock};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::Environment;

/// A record is not read when it is larger than this, in bytes.
const LIMIT: u64 = 1 << 20;

/// How often a claim is tried: who only looks whether its run is dead holds the lock for a moment, too.
const ATTEMPTS: u32 = 5;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(10);

/// How the names of claims end.
const CLAIM: &str = "claim";

/// A file that has no lock yet, because its run is just making it, has it after so long.
const YOUNG: Duration = Duration::from_secs(60);

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
        let file = files::create_locked(&path, &serde_json::to_vec(value)?)?;
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

/// The records of a kind that no living run owns, with what they say. Broken ones are removed, and what dead runs left
/// beside them.
pub(crate) fn abandoned<T: DeserializeOwned>(env: &Environment, kind: &str) -> Vec<(Record, T)> {
    let Ok(folder) = folder(env, kind) else {
        return Vec::new();
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let (mut records, others): (Vec<PathBuf>, Vec<PathBuf>) =
        paths.partition(|path| path.extension().is_some_and(|extension| extension == "json"));
    others.iter().for_each(|path| remove_dead(path));
    records.sort();
    records.into_iter().filter_map(|path| take(&path)).collect()
}

/// Removes a claim of a dead run, or a file that it did not give its name any more.
fn remove_dead(path: &Path) {
    // Who makes a claim notices that it is gone; who makes a record has no lock for a moment.
    let is_claim = path.extension().is_some_and(|extension| extension == CLAIM);
    if (is_claim || !is_young(path)) && lock_at(path).is_some() {
        let _ = std::fs::remove_file(path);
    }
}

fn is_young(path: &Path) -> bool {
    let changed = std::fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    changed.is_ok_and(|changed| {
        SystemTime::now()
            .duration_since(changed)
            .is_ok_and(|since| since < YOUNG)
    })
}

/// Opens and locks the file that is at a path; `None` where there is none, or another process has it.
fn lock_at(path: &Path) -> Option<Lock> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .open(path)
        .ok()?;
    let file = files::try_lock_file(file).ok()??;
    is_at(&file, path).then_some(file)
}

/// Whether a locked file is the one at a path: another run may have finished with it between opening and locking.
fn is_at(file: &File, path: &Path) -> bool {
    let Ok(metadata) = file.metadata() else {
        return false;
    };
    let there = std::fs::symlink_metadata(path);
    metadata.is_file() && there.is_ok_and(|there| there.ino() == metadata.ino())
}

fn take<T: DeserializeOwned>(path: &Path) -> Option<(Record, T)> {
    let file = lock_at(path)?;
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

/// The right to do something that one run at a time may do. It ends when this is dropped, and when the process ends in any
/// way.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    _file: Lock,
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Still locked: who opened it meanwhile notices that it is gone, and makes another.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What came of a claim.
#[derive(Debug)]
pub enum Claimed {
    /// It is this run's.
    Granted(Claim),
    /// Another living run has it.
    Taken(Holder),
}

/// The run that has a claim, as far as it said so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process ID.
    pub process: Option<u32>,
    /// Since when it has the claim, in seconds since 1970.
    since: Option<i64>,
}

impl Holder {
    /// Since when it has the claim.
    pub fn since(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp(self.since?).ok()
    }
}

pub(crate) fn claim(env: &Environment, kind: &str, key: &str) -> std::io::Result<Claimed> {
    let folder = folder(env, kind)?;
    create_private(&folder)?;
    // A key may hold characters that a file's name can't.
    let path = folder.join(format!("{}.{CLAIM}", Checksums::of(key.as_bytes()).sha256));
    for attempt in 1..=ATTEMPTS {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
            .open(&path)?;
        match files::try_lock_file(file)? {
            Some(file) if is_at(&file, &path) => {
                let holder = Holder {
                    process: Some(std::process::id()),
                    since: Some(clock::now().unix_timestamp()),
                };
                file.set_len(0)?;
                (&*file).write_all(&serde_json::to_vec(&holder)?)?;
                return Ok(Claimed::Granted(Claim { path, _file: file }));
            }
            _ if attempt < ATTEMPTS => std::thread::sleep(PAUSE),
            _ => {}
        }
    }
    let said = files::read(&path, LIMIT).unwrap_or_default();
    Ok(Claimed::Taken(serde_json::from_slice(&said).unwrap_or_default()))
}

/// Makes a directory with its parents, readable by this user alone.
fn create_private(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
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
    fn a_claim_is_one_runs_at_a_time_and_ends_with_it() {
        let home = tempfile::tempdir().unwrap();
        let env = Environment::from_iter([("HOME", home.path().as_os_str())]);
        let claimed = |key: &str| claim(&env, "uploads", key).unwrap();
        let Claimed::Granted(first) = claimed("build ../42 of \u{1f4e6}") else {
            panic!("the first one gets it");
        };
        let Claimed::Taken(holder) = claimed("build ../42 of \u{1f4e6}") else {
            panic!("the second one does not");
        };
        assert_eq!(holder.process, Some(std::process::id()));
        let age = clock::now() - holder.since().unwrap();
        assert!(age < time::Duration::minutes(1), "{age}");
        // Looking for what dead runs left does not disturb it, and other things are free.
        let path = first.path.clone();
        assert!(all(&env).is_empty() && path.exists());
        assert!(matches!(claimed("build 43"), Claimed::Granted(_)));
        drop(first);
        assert!(!path.exists());
        assert!(matches!(claimed("build ../42 of \u{1f4e6}"), Claimed::Granted(_)));
    }

    /// Two minutes old.
    fn age_of(path: &Path) {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - 2 * YOUNG).unwrap();
    }

    #[test]
    fn claims_of_dead_runs_are_free_whatever_they_say_and_are_removed() {
        let home = tempfile::tempdir().unwrap();
        let env = Environment::from_iter([("HOME", home.path().as_os_str())]);
        let Claimed::Granted(granted) = claim(&env, "uploads", "42").unwrap() else {
            panic!("nobody has it");
        };
        let path = granted.path.clone();
        drop(granted);
        for content in ["", "{", "{\"process\":1,\"since\":99999999999999}"] {
            std::fs::write(&path, content).unwrap();
            assert!(matches!(claim(&env, "uploads", "42"), Ok(Claimed::Granted(_))));
            std::fs::write(&path, content).unwrap();
            let unnamed = path.with_file_name(".new-x.json-17");
            std::fs::write(&unnamed, content).unwrap();
            // A run may be just making a record.
            assert!(all(&env).is_empty() && !path.exists() && unnamed.exists());
            age_of(&unnamed);
            assert!(all(&env).is_empty() && !unnamed.exists());
        }
    }

    #[test]
    fn runs_at_the_same_time_have_a_claim_one_after_the_other() {
        let home = tempfile::tempdir().unwrap();
        let env = Environment::from_iter([("HOME", home.path().as_os_str())]);
        let inside = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        if let Claimed::Granted(claim) = claim(&env, "uploads", "42").unwrap() {
                            let others = inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                            assert_eq!(others, 0);
                            std::thread::yield_now();
                            inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                            drop(claim);
                        }
                    }
                });
            }
        });
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
