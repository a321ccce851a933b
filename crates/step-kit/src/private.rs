//! Private directories, which are gone when the run ends, however it ends: what a killed run leaves behind is removed by
//! the next one.
//!
//! Each directory holds a file that its run keeps locked (`flock`). The kernel releases the lock when the process is
//! gone, so a directory whose lock can be taken has no owner. Process IDs are not asked: they are used again.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use files::{Lock, try_lock_file};

use crate::Environment;

/// What the names of private directories begin with.
const PREFIX: &str = "apple-steps-";

/// The file that a run keeps locked.
const LOCK: &str = ".owner";

/// A directory without a lock is one that a run is just making, or was killed while it made it.
const YOUNG: Duration = Duration::from_secs(3600);

/// A temporary directory that only this user can read, gone when dropped.
#[derive(Debug)]
pub struct PrivateDir {
    // Dropped in this order: the lock outlives the directory.
    directory: tempfile::TempDir,
    _lock: Lock,
}

impl PrivateDir {
    pub(crate) fn create(env: &Environment) -> std::io::Result<Self> {
        // Explicit, because the default depends on the umask.
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent(env))?;
        let lock = locked_file(&directory.path().join(LOCK), b"")?;
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

/// Makes a file that is locked before anybody can see it under its name.
pub(crate) fn locked_file(path: &Path, content: &[u8]) -> std::io::Result<Lock> {
    use std::io::Write as _;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hidden = path.with_file_name(format!(".new-{name}-{}", std::process::id()));
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

/// Makes a directory with its parents, readable by this user alone.
pub(crate) fn create_private(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn parent(env: &Environment) -> PathBuf {
    env.path("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"))
}

/// Removes the private directories of this user's runs that are dead, and says how many. What can't be removed stays.
pub(crate) fn sweep(env: &Environment) -> usize {
    let entries = std::fs::read_dir(parent(env)).into_iter().flatten().flatten();
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
    match OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .open(directory.join(LOCK))
    {
        Ok(file) => Some(try_lock_file(file).ok()?.is_some()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let age = SystemTime::now().duration_since(metadata.modified().ok()?).ok()?;
            // Without a lock only what a run makes first can be in it.
            let is_empty = std::fs::read_dir(directory)
                .ok()?
                .flatten()
                .all(|entry| entry.file_name().to_string_lossy().starts_with(".new-"));
            Some(age > YOUNG && is_empty)
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(folder: &Path) -> Environment {
        Environment::from_iter([("TMPDIR", folder.as_os_str())])
    }

    #[test]
    fn a_private_directory_is_private_whatever_the_umask_and_gone_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let directory = PrivateDir::create(&environment(folder.path())).unwrap();
        let mode = directory.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(directory);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_directories_of_dead_runs_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let env = environment(folder.path());
        let alive = PrivateDir::create(&env).unwrap();
        // A killed run: the directory is there, and nobody holds its lock.
        let dead = folder.path().join("apple-steps-dead");
        create_private(&dead).unwrap();
        std::fs::write(dead.join("api_key.json"), "secret").unwrap();
        std::fs::write(dead.join(LOCK), "").unwrap();
        // What is not ours: another name, a file, a link, one without a lock that has content.
        let others = ["other", "apple-steps-unlocked"].map(|name| folder.path().join(name));
        for other in &others {
            create_private(other).unwrap();
            std::fs::write(other.join("content"), "").unwrap();
        }
        std::fs::write(folder.path().join("apple-steps-file"), "").unwrap();
        std::os::unix::fs::symlink(&others[0], folder.path().join("apple-steps-link")).unwrap();
        assert_eq!(sweep(&env), 1);
        assert!(!dead.exists() && alive.path().exists());
        assert!(others.iter().all(|other| other.join("content").exists()));
        assert!(folder.path().join("apple-steps-link").exists());
        assert_eq!(sweep(&env), 0);
    }
}
