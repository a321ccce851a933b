//! Locks between processes.

use std::fs::{File, OpenOptions};
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};

/// A file or directory that no other process has locked (`flock`); free again when dropped, and when the process ends in
/// any way.
#[derive(Debug)]
pub struct Lock(Flock<File>);

impl Deref for Lock {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

/// Locks an open file; `None` when another process has it.
///
/// # Errors
/// When its file system knows no locks.
pub fn try_lock_file(file: File) -> std::io::Result<Option<Lock>> {
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(held) => Ok(Some(Lock(held))),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(error.into()),
    }
}

/// Locks a directory, without leaving anything in it; `None` when another process has it.
///
/// # Errors
/// When it is no directory, can't be opened, or its file system knows no locks.
pub fn try_lock(directory: &Path) -> std::io::Result<Option<Lock>> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_DIRECTORY.bits())
        .open(directory)?;
    try_lock_file(file)
}

/// Locks the file that is there, not one that a link in its place leads to; `None` when another process has it.
///
/// # Errors
/// When there is none, it can't be opened, or its file system knows no locks.
pub(crate) fn try_lock_existing(path: &Path) -> std::io::Result<Option<Lock>> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
        .open(path)?;
    try_lock_file(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_holds_a_directory_and_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let first = try_lock(folder.path()).unwrap();
        assert!(first.is_some() && try_lock(folder.path()).unwrap().is_none());
        drop(first);
        assert!(try_lock(folder.path()).unwrap().is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(try_lock(&folder.path().join("none")).is_err());
    }
}
