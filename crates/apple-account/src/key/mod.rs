//! Private keys of the App Store Connect API, as people, editors and secret stores write them.
//!
//! Apple hands out one form: PEM with a PKCS#8 key on the curve P-256. On the way into a build it loses its line breaks,
//! gains quotes or a byte order mark, becomes UTF-16 or base64, or lands in fastlane's JSON key file. Whatever can mean
//! only one key is read; everything else is named.

mod armor;
mod der;
mod file_name;
mod json;
mod rsa;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use p256::pkcs8::{EncodePrivateKey as _, LineEnding};
use secrecy::SecretString;
use zeroize::Zeroizing;

pub use file_name::key_id_of;
pub use rsa::{RsaKeyError, read as read_rsa};

/// What a text is that shows no sign of a key.
const NO_KEY: KeyError = KeyError::Wrong("text that is not a private key");

/// A key inside base64 inside JSON inside base64 is the most that a person wraps by accident.
const DEEPEST: usize = 4;

/// A private key, and what its file says beside it.
#[derive(Debug, Clone)]
pub struct PrivateKey {
    /// The key in PEM: P-256, PKCS#8.
    pub pem: SecretString,
    /// The key ID, where fastlane's JSON key file names it.
    pub key_id: Option<String>,
    /// The issuer ID, where fastlane's JSON key file names it.
    pub issuer_id: Option<String>,
    /// Whether fastlane's JSON key file says that the key belongs to the Enterprise Program.
    pub enterprise: Option<bool>,
}

/// Why a text is no usable key. The text itself is never in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing is there.
    #[error(
        "the private key is empty; expected the .p8 file as downloaded from App Store Connect (PKCS#8, P-256)"
    )]
    Empty,
    /// It is something else.
    #[error("found {0}; expected the .p8 file as downloaded from App Store Connect (PKCS#8, P-256)")]
    Wrong(&'static str),
    /// It was a key once.
    #[error(
        "the private key is damaged: {0}; expected the .p8 file as downloaded from App Store Connect (PKCS#8, P-256)"
    )]
    Damaged(&'static str),
}

impl KeyError {
    /// Of several attempts to read one text, the error that says most.
    fn rank(&self) -> u8 {
        match self {
            wrong if *wrong == NO_KEY => 0,
            Self::Empty => 0,
            Self::Damaged(_) => 1,
            Self::Wrong(_) => 2,
        }
    }
}

/// Reads a key from the bytes of a file, an input or a field of the service connection.
///
/// # Errors
/// When it is no P-256 key in PKCS#8, with what it is instead.
pub fn read(bytes: &[u8]) -> Result<PrivateKey, KeyError> {
    let found = unwrap_key(bytes, &["PRIVATEKEY"], 0)?;
    let key = der::key(&found.der)?;
    let pem = key
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|_| KeyError::Damaged("it can't be written as PEM"))?;
    Ok(PrivateKey {
        pem: SecretString::from(pem.to_string()),
        key_id: found.key_id,
        issuer_id: found.issuer_id,
        enterprise: found.enterprise,
    })
}

/// Whether the text is meant as a key, not as the place of one: it is a key, or it shows that it was one.
pub(crate) fn is_meant(text: &str) -> bool {
    let text = text.trim();
    let line_breaks = ["\n", "\\n", "\\r"].iter().any(|mark| text.contains(mark));
    armor::has_armor(text) || line_breaks || text.starts_with('{') || read(text.as_bytes()).is_ok() || {
        // Base64 of a key that lost its end: no path has as many characters without a dot.
        text.len() > 120
            && !text.starts_with('/')
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+/=-_ ".contains(c))
    }
}

/// Whether the text is fastlane's JSON key file, also as base64; such a file says more than the key.
pub(crate) fn is_json(text: &str) -> bool {
    let text = text
        .trim()
        .trim_start_matches('\u{feff}')
        .trim_start_matches(['"', '\'']);
    // `eyJ`, `ewo`, `ewog` and the like are `{"` and `{` with a line break in base64.
    text.starts_with('{') || text.starts_with("eyJ") || text.starts_with("ewo") || text.starts_with("ew0K")
}

/// A DER structure, and what fastlane's JSON key file around it says.
#[derive(Default)]
struct Unwrapped {
    der: Zeroizing<Vec<u8>>,
    key_id: Option<String>,
    issuer_id: Option<String>,
    enterprise: Option<bool>,
}

impl Unwrapped {
    fn of(der: Vec<u8>) -> Self {
        Self {
            der: Zeroizing::new(der),
            ..Self::default()
        }
    }
}

/// Takes a key out of whatever is around it: PEM whose armor has one of these labels (without its blanks), base64, a JSON
/// key file, and these in each other. What kind of structure it is, is not looked at.
fn unwrap_key(bytes: &[u8], labels: &[&str], depth: usize) -> Result<Unwrapped, KeyError> {
    if der::is_structure(bytes) {
        return Ok(Unwrapped::of(bytes.to_vec()));
    }
    let text = decoded_text(bytes).ok_or(NO_KEY)?;
    let text = armor::bare(&text);
    if text.is_empty() {
        return Err(KeyError::Empty);
    }
    if text.starts_with('{')
        && let Some(file) = json::read(text)
    {
        let key = file
            .key
            .ok_or(KeyError::Wrong("a JSON file without the field `key`"))?;
        if depth >= DEEPEST {
            return Err(NO_KEY);
        }
        let inner = unwrap_key(key.as_bytes(), labels, depth + 1)?;
        return Ok(Unwrapped {
            key_id: file.key_id.or(inner.key_id),
            issuer_id: file.issuer_id.or(inner.issuer_id),
            enterprise: file.enterprise.or(inner.enterprise),
            der: inner.der,
        });
    }
    if let Some(error) = foreign(text) {
        return Err(error);
    }
    let mut worst = NO_KEY;
    let candidates = match armor::bodies(text, labels) {
        Some(block) => block?,
        None => armor::unarmored(text),
    };
    for body in candidates {
        match in_base64(&body, labels, depth) {
            Ok(found) => return Ok(found),
            Err(error) if error.rank() > worst.rank() => worst = error,
            Err(_) => {}
        }
    }
    if armor::has_armor(text) && worst.rank() == 0 {
        worst = KeyError::Damaged("its body is not base64");
    }
    Err(worst)
}

fn in_base64(body: &str, labels: &[&str], depth: usize) -> Result<Unwrapped, KeyError> {
    let bytes = decode_base64(body).map(Zeroizing::new).ok_or(NO_KEY)?;
    if bytes.is_empty() {
        return Err(NO_KEY);
    }
    if der::is_structure(&bytes) {
        return Ok(Unwrapped::of(bytes.to_vec()));
    }
    if depth < DEEPEST && decoded_text(&bytes).is_some() {
        return unwrap_key(&bytes, labels, depth + 1);
    }
    Err(der::classify(&bytes))
}

/// What is plainly something else.
fn foreign(text: &str) -> Option<KeyError> {
    let start: String = text.chars().take(64).collect::<String>().to_lowercase();
    if start.starts_with("<!doctype") || start.starts_with("<html") || start.starts_with("<?xml") {
        return Some(KeyError::Wrong("a web page or an XML file"));
    }
    // A key with a passphrase of its own looks like others, but for a header.
    if text.contains("Proc-Type") && text.contains("ENCRYPTED") {
        return Some(KeyError::Wrong("an encrypted private key"));
    }
    if start.starts_with("ssh-") || start.starts_with("ecdsa-sha2-") {
        return Some(KeyError::Wrong("an SSH public key"));
    }
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() == 3 && parts[0].starts_with("eyJ") && parts[1].starts_with("eyJ") {
        return Some(KeyError::Wrong("a token (JWT) instead of a key"));
    }
    None
}

/// Base64 of either alphabet, with and without padding.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true);
    const DECODER: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    let text = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
    DECODER.decode(text).ok()
}

/// The text of a file: UTF-8 or UTF-16, with and without a byte order mark. `None` for binary.
fn decoded_text(bytes: &[u8]) -> Option<String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .map(|pair| unit([pair[0], pair[1]]))
            .collect();
        String::from_utf16(&units).ok()
    };
    let zeros = |offset: usize| {
        bytes
            .iter()
            .skip(offset)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let many = bytes.len() / 4;
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ if many > 0 && zeros(1) > many => utf16(bytes, u16::from_le_bytes),
        _ if many > 0 && zeros(0) > many => utf16(bytes, u16::from_be_bytes),
        _ => {
            let text = std::str::from_utf8(bytes).ok()?.trim_end_matches('\0');
            let is_binary = text.chars().any(|c| c.is_control() && !c.is_whitespace());
            (!is_binary).then(|| text.to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
