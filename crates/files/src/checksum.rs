//! Checksums of files, as App Store Connect names them.

use std::io::{ErrorKind, Read as _};
use std::path::Path;

use base16ct::lower::encode_string;
use md5::Md5;
use sha2::{Digest as _, Sha256};

use crate::read::open;

/// How much is read at once: large enough that reading costs few calls, small enough for the processor's cache.
const CHUNK: usize = 256 << 10;

/// The size and checksums of a file; checksums are hexadecimal in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksums {
    /// Its size in bytes.
    pub size: u64,
    /// MD5.
    pub md5: String,
    /// SHA-256.
    pub sha256: String,
}

impl Checksums {
    /// Those of a file in memory.
    pub fn of(content: &[u8]) -> Self {
        Self {
            size: content.len() as u64,
            md5: encode_string(&Md5::digest(content)),
            sha256: encode_string(&Sha256::digest(content)),
        }
    }

    /// Those of a regular file on disk, read once and piece by piece: it can have gigabytes.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn of_file(path: &Path) -> std::io::Result<Self> {
        let (mut size, mut md5, mut sha256) = (0, Md5::new(), Sha256::new());
        read_chunks(path, |chunk| {
            size += chunk.len() as u64;
            md5.update(chunk);
            sha256.update(chunk);
        })?;
        Ok(Self {
            size,
            md5: encode_string(&md5.finalize()),
            sha256: encode_string(&sha256.finalize()),
        })
    }
}

/// The SHA-256 of a regular file, hexadecimal in lower case.
///
/// # Errors
/// When it can't be read.
pub fn sha256(path: &Path) -> std::io::Result<String> {
    let mut sha256 = Sha256::new();
    read_chunks(path, |chunk| sha256.update(chunk))?;
    Ok(encode_string(&sha256.finalize()))
}

fn read_chunks(path: &Path, mut take: impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut file = open(path)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => take(&chunk[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MD5 of `abc`: RFC 1321, A.5. SHA-256: FIPS 180-2, appendix B.1.
    #[test]
    fn checksums_are_those_that_the_standards_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let found = Checksums::of_file(file.path()).unwrap();
        assert_eq!(found.size, 3);
        assert_eq!(found.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(
            found.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(found, Checksums::of(b"abc"));
        assert_eq!(sha256(file.path()).unwrap(), found.sha256);
    }

    #[test]
    fn a_file_of_several_chunks_is_read_whole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let content: Vec<u8> = (0..CHUNK * 2 + 7).map(|index| (index % 251) as u8).collect();
        std::fs::write(file.path(), &content).unwrap();
        assert_eq!(Checksums::of_file(file.path()).unwrap(), Checksums::of(&content));
    }

    #[test]
    fn what_is_no_file_has_no_checksums() {
        assert!(Checksums::of_file(Path::new("/dev/zero")).is_err());
        assert!(sha256(Path::new("/no/such/file")).is_err());
    }
}
