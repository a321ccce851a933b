//! Writing.

use std::fs::{DirBuilder, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use nix::fcntl::OFlag;

use crate::lock::{try_lock_existing, try_lock_file};
use crate::private::is_older;

/// What the names of files begin and end with that are not written whole yet.
const PARTIAL: (&str, &str) = (".apple-steps-", ".partial");

/// A partial file without a lock is one that a run is just making, or was killed while it wrote it.
const YOUNG: Duration = Duration::from_secs(60);

/// Writes a file by an atomic rename, so that nobody ever sees half of it, with permissions `mode` whatever the umask
/// says. A link in its place is replaced, not followed. Partial files that killed runs left beside it are removed.
///
/// # Errors
/// When it can't be written; then the old file is as it was.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(PARTIAL.0)
        .suffix(PARTIAL.1)
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    // Tells other runs that this one is alive. Without locks they leave the file alone, too.
    let lock = file.as_file().try_clone().and_then(try_lock_file);
    file.write_all(content)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.persist(path).map_err(|error| error.error)?;
    drop(lock);
    remove_partial(folder);
    Ok(())
}

/// Removes the partial files of dead runs of this user. What can't be removed stays.
fn remove_partial(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PARTIAL.0) && name.ends_with(PARTIAL.1) && is_dead(&entry.path()) == Some(true) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Whether a partial file is this user's and no living run writes it; `None` when that can't be told.
fn is_dead(path: &Path) -> Option<bool> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    let is_own = metadata.is_file() && metadata.uid() == nix::unistd::geteuid().as_raw();
    if !is_own || !is_older(&metadata, YOUNG) {
        return Some(false);
    }
    Some(try_lock_existing(path).ok()?.is_some())
}

/// [`replace`] for a file that is there: a link stays a link, and the file that it names is replaced. Its permissions
/// stay.
///
/// # Errors
/// When it can't be written, may not be, or is not there; then it is as it was.
pub fn rewrite(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let target = std::fs::canonicalize(path)?;
    // A rename would replace a file that its owner made read-only: ask for the right to write it first.
    let file = std::fs::OpenOptions::new()
        .write(true)
        // A pipe in its place would wait here for a reader.
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(&target)?;
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    replace(&target, content, mode)
}

/// Writes at the end of a file that others write to as well, and creates it where it is not there.
///
/// # Errors
/// When it can't be written, or is something else than a file (a directory, device, or pipe).
pub fn append(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "it is a device or a pipe, not a file",
        ));
    }
    file.write_all(content)
}

/// Makes sure that a directory is there and that only its owner may enter it, whatever the umask says.
///
/// # Errors
/// When it can't be created, or belongs to somebody else.
pub fn private_directory(path: &Path) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    // The mode of the directory itself: a link to another place is not followed into.
    let data = std::fs::symlink_metadata(path)?;
    if !data.is_dir() {
        return Err(std::io::Error::new(
            std::io::ErrorKind::NotADirectory,
            "something else than a directory is in its place",
        ));
    }
    if data.permissions().mode() & 0o077 != 0 {
        std::fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_replaced_whole_with_its_mode_and_through_links() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("elsewhere")).unwrap();
        let (link, real) = (folder.path().join("link"), folder.path().join("elsewhere/real"));
        std::fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink("elsewhere/real", &link).unwrap();
        std::fs::set_permissions(&real, Permissions::from_mode(0o640)).unwrap();
        rewrite(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(
            (std::fs::read(&real).unwrap(), mode(&real)),
            (b"new".to_vec(), 0o640)
        );
        replace(&folder.path().join("fresh"), b"x", 0o600).unwrap();
        assert_eq!(mode(&folder.path().join("fresh")), 0o600);
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 3, "nothing else is left");
        replace(&link, b"own", 0o600).unwrap();
        assert!(!link.is_symlink() && std::fs::read(&real).unwrap() == b"new");
        assert!(rewrite(&folder.path().join("missing"), b"x").is_err());
    }

    /// A run that is killed between the first byte and the rename leaves what may be a private key.
    #[test]
    fn what_a_killed_run_did_not_write_whole_is_removed_by_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let old = std::time::SystemTime::now() - 2 * YOUNG;
        let names = [
            ".apple-steps-aB3dE9.partial",
            ".apple-steps-alive0.partial",
            ".apple-steps-young0.partial",
            ".apple-steps-notes",
            "copy.partial",
        ];
        for name in names {
            let file = std::fs::File::create(at(name)).unwrap();
            if name != names[2] {
                file.set_modified(old).unwrap();
            }
        }
        std::os::unix::fs::symlink(at(names[3]), at(".apple-steps-a-link.partial")).unwrap();
        let alive = try_lock_file(std::fs::File::open(at(names[1])).unwrap()).unwrap();
        replace(&at("file"), b"x", 0o600).unwrap();
        let left: Vec<bool> = names.iter().map(|name| at(name).exists()).collect();
        assert_eq!(left, [false, true, true, true, true]);
        assert!(at(".apple-steps-a-link.partial").is_symlink());
        drop(alive);
        replace(&at("file"), b"x", 0o600).unwrap();
        assert!(!at(names[1]).exists());
    }

    #[test]
    fn nothing_is_appended_to_a_pipe_or_a_device() {
        let folder = tempfile::tempdir().unwrap();
        let (file, pipe) = (folder.path().join("file"), folder.path().join("pipe"));
        append(&file, b"a").unwrap();
        append(&file, b"b").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"ab");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for path in [pipe.as_path(), Path::new("/dev/null"), folder.path()] {
            assert!(append(path, b"x").is_err(), "{}", path.display());
        }
        assert!(rewrite(&pipe, b"x").is_err());
    }

    #[test]
    fn a_directory_becomes_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        private_directory(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        std::fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
        private_directory(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        std::os::unix::fs::symlink(&path, folder.path().join("link")).unwrap();
        assert!(private_directory(&folder.path().join("link")).is_err());
    }
}
