//! Checksums as App Store Connect keeps them for files of a release.

use base16ct::lower::encode_string;
use md5::{Digest as _, Md5};

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
}
