//! Checksums of the package, beside those that App Store Connect names.

use std::path::Path;

use app_store_connect::uploads::Checksum;
use files::Checksums;

/// The checksums of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests(Checksums);

impl Digests {
    /// Reads the file once for both.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn of(path: &Path) -> Result<Self, std::io::Error> {
        let path = path.to_owned();
        let hashed = tokio::task::spawn_blocking(move || Checksums::of_file(&path));
        Ok(Self(hashed.await.map_err(std::io::Error::other)??))
    }

    /// Whether the checksum is this file's; `None` where there is none or its algorithm is not known.
    pub fn matches(&self, checksum: &Checksum) -> Option<bool> {
        let own = match checksum.algorithm.as_str() {
            // altool gives it to App Store Connect.
            "MD5" => &self.0.md5,
            "SHA_256" => &self.0.sha256,
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
    let hashed = tokio::task::spawn_blocking(move || files::sha256(&path));
    hashed.await.map_err(std::io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_checksum_is_compared_by_its_algorithm() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let digests = Digests::of(file.path()).await.unwrap();
        let checksum = |algorithm: &str, hash: &str| Checksum {
            hash: hash.to_owned(),
            algorithm: algorithm.to_owned(),
        };
        // altool writes hexadecimal digits in upper case.
        let md5 = "900150983CD24FB0D6963F7D28E17F72";
        assert_eq!(digests.matches(&checksum("MD5", md5)), Some(true));
        assert_eq!(digests.matches(&checksum("SHA_256", md5)), Some(false));
        let sha256 = sha256(file.path()).await.unwrap();
        assert_eq!(digests.matches(&checksum("SHA_256", &sha256)), Some(true));
        assert_eq!(digests.matches(&checksum("SHA_512", "00")), None);
        assert_eq!(digests.matches(&checksum("MD5", "")), None);
    }
}
