//! Checksums of the package.

use std::io::Read as _;
use std::path::Path;

use app_store_connect::uploads::Checksum;
use base16ct::lower::encode_string;
use md5::Md5;
use sha2::{Digest as _, Sha256};

/// How much is read at once: large enough that reading costs few calls, small enough for the processor's cache.
const CHUNK: usize = 256 << 10;

/// The checksums of a file, hexadecimal in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    /// SHA-256.
    pub sha256: String,
    /// MD5: altool gives it to App Store Connect.
    pub md5: String,
}

impl Digests {
    /// Reads the file once for both.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn of(path: &Path) -> Result<Self, std::io::Error> {
        let path = path.to_owned();
        let hashed = tokio::task::spawn_blocking(move || {
            let (mut sha256, mut md5) = (Sha256::new(), Md5::new());
            read(&path, |chunk| {
                sha256.update(chunk);
                md5.update(chunk);
            })?;
            Ok(Self {
                sha256: encode_string(&sha256.finalize()),
                md5: encode_string(&md5.finalize()),
            })
        });
        hashed.await.map_err(std::io::Error::other)?
    }

    /// Whether the checksum is this file's; `None` where there is none or its algorithm is not known.
    pub fn matches(&self, checksum: &Checksum) -> Option<bool> {
        let own = match checksum.algorithm.as_str() {
            "MD5" => &self.md5,
            "SHA_256" => &self.sha256,
            _ => return None,
        };
        (!checksum.hash.is_empty()).then(|| own.eq_ignore_ascii_case(checksum.hash.trim()))
    }
}

/// The SHA-256 of a file, hexadecimal in lower case.
///
/// # Errors
/// When the file can't be read.
pub async fn sha256(path: &Path) -> Result<String, std::io::Error> {
    let path = path.to_owned();
    let hashed = tokio::task::spawn_blocking(move || {
        let mut hasher = Sha256::new();
        read(&path, |chunk| hasher.update(chunk))?;
        Ok(encode_string(&hasher.finalize()))
    });
    hashed.await.map_err(std::io::Error::other)?
}

fn read(path: &Path, mut take: impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut file = std::fs::File::open(path)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => take(&chunk[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn checksums_are_those_of_coreutils() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let digests = Digests::of(file.path()).await.unwrap();
        // md5sum and sha256sum of the three bytes.
        assert_eq!(digests.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(
            digests.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let checksum = |algorithm: &str, hash: &str| Checksum {
            hash: hash.to_owned(),
            algorithm: algorithm.to_owned(),
        };
        // altool writes hexadecimal digits in upper case.
        let upper = digests.md5.to_uppercase();
        assert_eq!(digests.matches(&checksum("MD5", &upper)), Some(true));
        assert_eq!(digests.matches(&checksum("SHA_256", &digests.md5)), Some(false));
        assert_eq!(digests.matches(&checksum("SHA_512", "00")), None);
        assert_eq!(digests.matches(&checksum("MD5", "")), None);
    }
}
