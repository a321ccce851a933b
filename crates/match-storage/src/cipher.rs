//! How match encrypts a file: two formats, each the base64 of a header and AES-256.
//!
//! Facts, as of 2026-11-25: fastlane's `match/lib/match/encryption/openssl.rb` of 2.146.1 for the first format, and of
//! 2.237.0 for both.

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use md5::Digest;
use zeroize::Zeroizing;

/// What the second format begins with.
const V2: &[u8] = b"match_encrypted_v2__";

/// What `openssl enc` begins with, and so the first format. match itself does not check it.
const SALTED: &[u8] = b"Salted__";

/// Bytes of a salt, in both formats.
const SALT: usize = 8;

/// Bytes of an authentication tag of the second format.
const TAG: usize = 16;

/// Rounds of hashing of the second format.
const ROUNDS: u32 = 10_000;

/// Bytes of an AES block.
const BLOCK: usize = 16;

/// Why a file can't be decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It is encrypted, and there is no password.
    NoPassword,
    /// The password does not decrypt it, or somebody has changed it.
    Refused,
    /// It is in neither format; with what it seems to be.
    Other(&'static str),
}

/// The content of a stored file. Storages that do not encrypt (Google Cloud, GitLab, and S3 where asked for) hold it as
/// it is.
pub(crate) fn open(stored: &[u8], password: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if is_plain(stored) {
        return Ok(Zeroizing::new(stored.to_vec()));
    }
    if let Some(other) = foreign(stored) {
        return Err(Failure::Other(other));
    }
    let bytes = from_base64(stored).ok_or(Failure::Other("text that is not base64"))?;
    if is_plain(&bytes) {
        return Ok(Zeroizing::new(bytes));
    }
    let sealed = Sealed::of(&bytes).ok_or(Failure::Other("too few bytes"))?;
    let password = password.ok_or(Failure::NoPassword)?;
    sealed.opened(password, is_plain).ok_or(Failure::Refused)
}

/// Whether the bytes are what match keeps: a certificate, a key, or a `.p12`. The first format has no check value, so
/// that a wrong password gives garbage in one of 256 cases.
fn is_plain(bytes: &[u8]) -> bool {
    let pem = bytes.trim_ascii_start().starts_with(b"-----BEGIN ");
    pem || is_der_sequence(bytes)
}

/// Whether the bytes are one DER sequence with its length, such as a certificate, or BER of indefinite length.
fn is_der_sequence(bytes: &[u8]) -> bool {
    let &[0x30, first, ref rest @ ..] = bytes else {
        return false;
    };
    let (length, content) = match first {
        0x80 => return bytes.ends_with(&[0, 0]),
        0..0x80 => (usize::from(first), rest),
        _ => {
            let count = usize::from(first & 0x7f);
            let Some((length, content)) = rest.split_at_checked(count).filter(|_| count <= 4) else {
                return false;
            };
            let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (length, content)
        }
    };
    content.len() == length
}

/// What lies in place of a file sometimes.
fn foreign(stored: &[u8]) -> Option<&'static str> {
    let start = stored.trim_ascii_start();
    if start.is_empty() {
        Some("an empty file")
    } else if start.starts_with(b"version https://git-lfs") {
        Some("a Git LFS pointer")
    } else if start.starts_with(b"<") {
        Some("a web page")
    } else {
        None
    }
}

/// The bytes behind base64 as Ruby reads it: what belongs to no alphabet is skipped.
fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let digits: Vec<u8> = text
        .iter()
        .copied()
        .take_while(|byte| *byte != b'=')
        .filter(is_digit)
        .collect();
    STANDARD_NO_PAD.decode(digits).ok()
}

/// A file of either format, taken apart.
enum Sealed<'a> {
    /// OpenSSL's own form.
    V1 { salt: &'a [u8], data: &'a [u8] },
    /// With an authentication tag.
    V2 {
        salt: &'a [u8],
        tag: &'a [u8],
        data: &'a [u8],
    },
}

impl<'a> Sealed<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        if let Some(rest) = bytes.strip_prefix(V2) {
            let (salt, rest) = rest.split_at_checked(SALT)?;
            let (tag, data) = rest.split_at_checked(TAG)?;
            return Some(Self::V2 { salt, tag, data });
        }
        let (_, rest) = bytes.split_at_checked(SALTED.len())?;
        let (salt, data) = rest.split_at_checked(SALT)?;
        let is_whole = !data.is_empty() && data.len().is_multiple_of(BLOCK);
        is_whole.then_some(Self::V1 { salt, data })
    }

    /// The content, if it is plausible.
    fn opened(&self, password: &str, is_plausible: fn(&[u8]) -> bool) -> Option<Zeroizing<Vec<u8>>> {
        match *self {
            // OpenSSL before 1.1.0 derived keys with MD5, which match kept; later versions with SHA-256.
            Self::V1 { salt, data } => {
                let with =
                    |key: Zeroizing<Vec<u8>>| decrypt_v1(&key, data).filter(|bytes| is_plausible(bytes));
                with(derived::<md5::Md5>(password, salt))
                    .or_else(|| with(derived::<sha2::Sha256>(password, salt)))
            }
            Self::V2 { salt, tag, data } => decrypt_v2(password, salt, tag, data),
        }
    }
}

/// Key and initialization vector as `EVP_BytesToKey` derives them with one iteration: 32 and 16 bytes.
fn derived<D: Digest>(password: &str, salt: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(96));
    let mut last = Zeroizing::new(Vec::new());
    while bytes.len() < 48 {
        let mut digest = D::new();
        digest.update(last.as_slice());
        digest.update(password.as_bytes());
        digest.update(salt);
        last = Zeroizing::new(digest.finalize().to_vec());
        bytes.extend_from_slice(&last);
    }
    bytes.truncate(48);
    bytes
}

fn decrypt_v1(key_and_iv: &[u8], data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (key, iv) = key_and_iv.split_at_checked(32)?;
    let plain = cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv)
        .ok()?
        .decrypt_padded_vec::<Pkcs7>(data);
    plain.ok().map(Zeroizing::new)
}

fn decrypt_v2(password: &str, salt: &[u8], tag: &[u8], data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut derived = Zeroizing::new([0; 68]);
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password.as_bytes(), salt, ROUNDS, derived.as_mut_slice());
    let (key, rest) = derived.split_at_checked(32)?;
    let (nonce, aad) = rest.split_at_checked(12)?;
    let cipher = aes_gcm::Aes256Gcm::new_from_slice(key).ok()?;
    let sealed = [data, tag].concat();
    let plain = cipher.decrypt(nonce.try_into().ok()?, Payload { msg: &sealed, aad });
    plain.ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const PASSWORD: &str = "correct horse";

    /// Made with fastlane's own class, and read back by it on Ruby 3.1 (2026-11-25): the text is `hello match\n`.
    const VECTORS: [&str; 3] = [
        "U2FsdGVkX18BAgMEBQYHCMlEe4gLYsBOMnWe6G4UKkU=",
        "U2FsdGVkX18BAgMEBQYHCHKs1Uz4a6YFFiGnnPBGAtk=",
        "bWF0Y2hfZW5jcnlwdGVkX3YyX18BAgMEBQYHCKR4poAJltpSLxV3UQCozOsLQR2akoMwXriAcBc=",
    ];

    fn opened(text: &str, password: &str) -> Option<Vec<u8>> {
        let bytes = from_base64(text.as_bytes()).unwrap();
        let plain = Sealed::of(&bytes)
            .unwrap()
            .opened(password, |bytes| bytes.starts_with(b"hello"));
        plain.map(|plain| plain.to_vec())
    }

    #[test]
    fn what_fastlanes_own_class_wrote_is_read_in_both_formats() {
        for vector in VECTORS {
            assert_eq!(opened(vector, PASSWORD).as_deref(), Some(&b"hello match\n"[..]));
            assert_eq!(opened(vector, "correct horse "), None);
            assert_eq!(opened(vector, ""), None);
        }
    }

    #[test]
    fn line_breaks_and_foreign_characters_do_not_matter() {
        for vector in VECTORS {
            let wrapped = format!("\u{feff}{}\r\n{}\r\n\r\n", &vector[..20], &vector[20..]);
            assert_eq!(opened(&wrapped, PASSWORD).as_deref(), Some(&b"hello match\n"[..]));
        }
    }

    #[test]
    fn a_changed_byte_of_the_second_format_is_noticed_wherever_it_is() {
        let bytes = STANDARD.decode(VECTORS[2]).unwrap();
        for at in V2.len()..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let plain = Sealed::of(&changed).unwrap().opened(PASSWORD, |_| true);
            assert!(plain.is_none(), "byte {at}");
        }
    }

    /// The first format has no check value: among 2,000 wrong passwords, several leave valid padding.
    #[test]
    fn garbage_that_happens_to_unpad_is_not_taken_for_a_key() {
        let bytes = from_base64(VECTORS[0].as_bytes()).unwrap();
        let mut unpadded = 0;
        for number in 0..2_000 {
            let wrong = format!("wrong {number}");
            unpadded += usize::from(Sealed::of(&bytes).unwrap().opened(&wrong, |_| true).is_some());
            assert_eq!(
                open(VECTORS[0].as_bytes(), Some(&wrong)).unwrap_err(),
                Failure::Refused
            );
        }
        assert!(unpadded > 0, "the test shows nothing");
    }

    #[test]
    fn what_is_not_encrypted_needs_no_password_and_what_is_neither_is_named() {
        let pem = b"\n-----BEGIN RSA PRIVATE KEY-----\n".as_slice();
        for plain in [pem, &[0x30, 2, 5, 0], &[0x30, 0x80, 5, 0, 0, 0]] {
            assert_eq!(open(plain, None).unwrap().as_slice(), plain);
        }
        for (stored, failure) in [
            (VECTORS[0].as_bytes(), Failure::NoPassword),
            (VECTORS[2].as_bytes(), Failure::NoPassword),
            (b" \n", Failure::Other("an empty file")),
            (
                b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
                Failure::Other("a Git LFS pointer"),
            ),
            (b"<!DOCTYPE html>", Failure::Other("a web page")),
            (b"U2FsdGVk", Failure::Other("too few bytes")),
            (b"not base64 at all!", Failure::Other("text that is not base64")),
        ] {
            assert_eq!(open(stored, None).unwrap_err(), failure);
        }
    }
}
