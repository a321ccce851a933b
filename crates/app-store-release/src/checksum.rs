//! Checksums as App Store Connect keeps them for files of a release.

use std::io::Read as _;
use std::path::Path;

use base16ct::lower::encode_string;
use md5::{Digest as _, Md5};
use sha2::Sha256;

/// The largest piece of a file that is in memory while its checksums are made.
const PIECE: usize = 1 << 20;

/// The checksums of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checksums {
    /// Its size in bytes.
    pub(crate) size: u64,
    /// `sourceFileChecksum` of classic media.
    pub(crate) md5: String,
    /// What `referenceName` keeps of media in an asset library, which has no checksums.
    pub(crate) sha256: String,
}

/// The checksums of a file in memory.
pub(crate) fn of(content: &[u8]) -> Checksums {
    Checksums {
        size: content.len() as u64,
        md5: md5(content),
        sha256: encode_string(&Sha256::digest(content)),
    }
}

/// The checksums of a file on disk, read piece by piece: a video can be hundreds of megabytes.
///
/// # Errors
/// When it can't be read.
pub(crate) fn of_file(path: &Path) -> std::io::Result<Checksums> {
    let mut file = files::open(path)?;
    let (mut size, mut md5, mut sha256) = (0, Md5::new(), Sha256::new());
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            return Ok(Checksums {
                size,
                md5: encode_string(&md5.finalize()),
                sha256: encode_string(&sha256.finalize()),
            });
        }
        size += length as u64;
        md5.update(&piece[..length]);
        sha256.update(&piece[..length]);
    }
}

/// The MD5 of a file's content, hexadecimal in lower case: `sourceFileChecksum` of the API.
pub(crate) fn md5(content: &[u8]) -> String {
    encode_string(&Md5::digest(content))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_checksum_is_what_md5sum_prints() {
        assert_eq!(super::md5(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
    }

    /// SHA-256 of `abc`: FIPS 180-2, appendix B.1.
    #[test]
    fn a_file_on_disk_has_the_checksums_of_its_content() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let found = super::of_file(file.path()).unwrap();
        assert_eq!(found, super::of(b"abc"));
        assert_eq!(
            found.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(found.size, 3);
    }
}
