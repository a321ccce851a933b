//! Private directories, which are gone when the run ends, however it ends: what a killed run leaves behind is removed by
//! the next one.
//!
//! Each directory holds a file that its run keeps locked (`flock`). The kernel releases the lock when the process is
//! gone, so a directory whose lock can be taken has no owner. Process IDs are not asked: they are used again.

use std::fs::{Metadata, OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::lock::{Lock, try_lock_existing, try_lock_file};

/// What the names of private directories begin with.
const PREFIX: &str = "apple-steps-";

/// The file that a run keeps locked.
const LOCK: &str = ".owner";

/// What the names of files begin with that get their lock before they get their name.
const UNNAMED: &str = ".new-";

/// A directory without a lock is one that a run is just making, or was killed while it made it.
const YOUNG: Duration = Duration::from_secs(3600);

/// Earlier versions made directories without a lock. One that nobody has changed for so long is no living run's: no build
/// lasts for a day.
const A_DAY: Duration = Duration::from_secs(24 * 3600);

/// How many characters follow the prefix in the names that those versions made (`tempfile`'s default).
const RANDOM: usize = 6;

/// A temporary directory that only this user can read, gone when dropped.
#[derive(Debug)]
pub struct PrivateDir {
    // Dropped in this order: the lock outlives the directory.
    directory: tempfile::TempDir,
    _lock: Lock,
}

impl PrivateDir {
    /// Makes one in `parent`, which is the place that [`sweep`] looks at in the next run.
    ///
    /// # Errors
    /// When it can't be created, or its file system knows no locks.
    pub fn create_in(parent: &Path) -> std::io::Result<Self> {
        // Explicit, because the default depends on the umask.
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)?;
        let lock = create_locked(&directory.path().join(LOCK), b"")?;
        Ok(Self {
            directory,
            _lock: lock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Makes a file that is locked before anybody can see it under its name. One of that name is replaced.
///
/// # Errors
/// When it can't be created, or its file system knows no locks.
pub fn create_locked(path: &Path, content: &[u8]) -> std::io::Result<Lock> {
    use std::io::Write as _;
    let hidden = path.with_file_name(format!("{UNNAMED}{}-{}", name_of(path), std::process::id()));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&hidden)?;
    let lock = try_lock_file(file)?.ok_or_else(|| std::io::Error::other("a new file is locked already"))?;
    let written = (&*lock)
        .write_all(content)
        .and_then(|()| std::fs::rename(&hidden, path));
    if let Err(error) = written {
        let _ = std::fs::remove_file(&hidden);
        return Err(error);
    }
    Ok(lock)
}

/// Removes the private directories in `parent` that runs of this user made and that are dead, and says how many. What
/// can't be removed stays.
pub fn sweep(parent: &Path) -> usize {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .filter(|entry| is_abandoned(&entry.path()) == Some(true))
        .filter(|entry| std::fs::remove_dir_all(entry.path()).is_ok())
        .count()
}

/// Whether a directory is this user's and has no living owner; `None` when that can't be told.
fn is_abandoned(directory: &Path) -> Option<bool> {
    let metadata = std::fs::symlink_metadata(directory).ok()?;
    if !metadata.is_dir() || metadata.uid() != nix::unistd::geteuid().as_raw() {
        return Some(false);
    }
    match try_lock_existing(&directory.join(LOCK)) {
        Ok(lock) => Some(lock.is_some()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let content: Vec<PathBuf> = std::fs::read_dir(directory)
                .ok()?
                .flatten()
                .map(|entry| entry.path())
                .collect();
            // Without a lock only what a run makes first can be in it.
            let is_begun = content.iter().all(|path| name_of(path).starts_with(UNNAMED));
            Some(if is_begun {
                is_older(&metadata, YOUNG)
            } else {
                is_of_old_version(directory, &metadata) && {
                    let mut all = content.iter().map(std::fs::symlink_metadata);
                    all.all(|metadata| metadata.is_ok_and(|metadata| is_older(&metadata, A_DAY)))
                        && is_older(&metadata, A_DAY)
                }
            })
        }
        Err(_) => None,
    }
}

/// Whether only a version without locks makes such a directory: its name and its mode are exactly those.
fn is_of_old_version(directory: &Path, metadata: &Metadata) -> bool {
    let name = name_of(directory);
    let is_name = name.strip_prefix(PREFIX).is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    is_name && metadata.permissions().mode() & 0o7777 == 0o700
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Whether a file was last changed longer than `age` ago.
pub(crate) fn is_older(metadata: &Metadata, age: Duration) -> bool {
    let changed = metadata.modified();
    changed.is_ok_and(|changed| {
        SystemTime::now()
            .duration_since(changed)
            .is_ok_and(|since| since > age)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(path: &Path, content: &[&str]) {
        std::fs::DirBuilder::new().create(path).unwrap();
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
        for name in content {
            std::fs::write(path.join(name), "secret").unwrap();
        }
    }

    /// Sets the time of the last change of a file or directory.
    fn age(path: &Path, age: Duration) {
        let file = std::fs::File::open(path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn a_private_directory_is_private_whatever_the_umask_and_gone_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let directory = PrivateDir::create_in(folder.path()).unwrap();
        let mode = directory.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(directory);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_directories_of_dead_runs_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let alive = PrivateDir::create_in(folder.path()).unwrap();
        age(alive.path(), 30 * A_DAY);
        // A killed run: the directory is there, and nobody holds its lock.
        let dead = folder.path().join("apple-steps-dead");
        directory(&dead, &["api_key.json", LOCK]);
        // What is not ours: another name, a file, a link, one without a lock that has content.
        let others = ["other", "apple-steps-unlocked"].map(|name| folder.path().join(name));
        for other in &others {
            directory(other, &["content"]);
        }
        std::fs::write(folder.path().join("apple-steps-file"), "").unwrap();
        std::os::unix::fs::symlink(&others[0], folder.path().join("apple-steps-link")).unwrap();
        assert_eq!(sweep(folder.path()), 1);
        assert!(!dead.exists() && alive.path().exists());
        assert!(others.iter().all(|other| other.join("content").exists()));
        assert!(folder.path().join("apple-steps-link").exists());
        assert_eq!(sweep(folder.path()), 0);
    }

    #[test]
    fn a_directory_without_a_lock_is_swept_only_where_an_old_version_surely_made_it_and_no_run_can_use_it() {
        let two_days = 2 * A_DAY;
        for (case, name, mode, of_directory, of_content, is_swept) in [
            (
                "of an old version",
                "apple-steps-aB3dE9",
                0o700,
                two_days,
                two_days,
                true,
            ),
            (
                "of today",
                "apple-steps-aB3dE9",
                0o700,
                Duration::ZERO,
                Duration::ZERO,
                false,
            ),
            (
                "written to today",
                "apple-steps-aB3dE9",
                0o700,
                two_days,
                Duration::ZERO,
                false,
            ),
            (
                "filled today",
                "apple-steps-aB3dE9",
                0o700,
                Duration::ZERO,
                two_days,
                false,
            ),
            (
                "open to the group",
                "apple-steps-aB3dE9",
                0o750,
                two_days,
                two_days,
                false,
            ),
            (
                "made by hand",
                "apple-steps-of-ada",
                0o700,
                two_days,
                two_days,
                false,
            ),
            (
                "made by hand",
                "apple-steps-old",
                0o700,
                two_days,
                two_days,
                false,
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            directory(&path, &["identity.p12"]);
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            age(&path.join("identity.p12"), of_content);
            age(&path, of_directory);
            assert_eq!(sweep(folder.path()), usize::from(is_swept), "{case}: {name}");
            assert_eq!(path.exists(), !is_swept, "{case}: {name}");
        }
    }
}
