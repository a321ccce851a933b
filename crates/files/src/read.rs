//! Reading.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::fcntl::OFlag;

/// The content of a regular file of at most `most` bytes.
///
/// # Errors
/// When it can't be read, is something else than a file (a directory, device, or pipe), or is larger.
pub fn read(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let file = open(path)?;
    let size = file.metadata()?.len();
    let too_large = || {
        let limit = if most < 1 << 20 {
            format!("{} kB", most.div_ceil(1 << 10))
        } else {
            format!("{} MB", most.div_ceil(1 << 20))
        };
        Error::new(
            ErrorKind::FileTooLarge,
            format!("the file is larger than {limit}"),
        )
    };
    if size > most {
        return Err(too_large());
    }
    let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // A file may grow while it is read, and those of /proc say that they are empty.
    file.take(most.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > most {
        return Err(too_large());
    }
    Ok(content)
}

/// [`read`] for a file in UTF-8.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> std::io::Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|_| Error::new(ErrorKind::InvalidData, "the file is not UTF-8 text"))
}

/// Opens a regular file for reading, for who reads it piece by piece.
///
/// # Errors
/// When it can't be opened, or is something else than a file (a directory, device, or pipe).
pub fn open(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        // A pipe would wait here for somebody to write to it.
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        Ok(file)
    } else if kind.is_dir() {
        Err(Error::new(
            ErrorKind::IsADirectory,
            "it is a directory, not a file",
        ))
    } else {
        Err(Error::new(
            ErrorKind::InvalidInput,
            "it is a device or a pipe, not a file",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_a_limited_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let (file, pipe) = (folder.path().join("file"), folder.path().join("pipe"));
        std::fs::write(&file, "ten bytes!").unwrap();
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(read(&file, 10).unwrap(), b"ten bytes!");
        assert_eq!(read_text(&file, 10).unwrap(), "ten bytes!");
        assert_eq!(
            read(&file, 9).unwrap_err().to_string(),
            "the file is larger than 1 kB"
        );
        for (path, words) in [
            (pipe.as_path(), "a device or a pipe"),
            (Path::new("/dev/zero"), "a device or a pipe"),
            (folder.path(), "a directory"),
        ] {
            let error = read(path, 10).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        std::fs::write(&file, b"\xff").unwrap();
        assert!(read_text(&file, 10).unwrap_err().to_string().contains("UTF-8"));
    }

    #[test]
    fn a_link_to_a_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "content").unwrap();
        std::os::unix::fs::symlink("file", folder.path().join("link")).unwrap();
        assert_eq!(read(&folder.path().join("link"), 100).unwrap(), b"content");
    }
}
