//! What a DER structure is: the one kind of key that Apple hands out, or something that is named.

use p256::SecretKey;
use p256::pkcs8::DecodePrivateKey as _;
use p256::pkcs8::der::asn1::{AnyRef, ObjectIdentifier};
use p256::pkcs8::der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _};

use super::KeyError;

const EC: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const RSA: &str = "1.2.840.113549.1.1.1";

/// Whether the bytes are a whole DER sequence.
pub(super) fn is_structure(bytes: &[u8]) -> bool {
    children(bytes).is_some()
}

/// The P-256 key in PKCS#8.
///
/// # Errors
/// When it is something else, with what it is.
pub(super) fn key(bytes: &[u8]) -> Result<SecretKey, KeyError> {
    SecretKey::from_pkcs8_der(bytes).map_err(|_| classify(bytes))
}

pub(super) fn classify(bytes: &[u8]) -> KeyError {
    let Some(parts) = children(bytes) else {
        // The tag and the long form of a length: the beginning of a structure.
        return if bytes.first() == Some(&0x30) {
            KeyError::Damaged("a part of it is missing")
        } else {
            KeyError::Wrong("text that is not a private key")
        };
    };
    let tags: Vec<Tag> = parts.iter().map(AnyRef::tag).collect();
    let version = parts
        .first()
        .filter(|part| part.tag() == Tag::Integer)
        .map(|part| part.value());
    KeyError::Wrong(match (version, tags.as_slice()) {
        (Some([0 | 1]), [_, Tag::Sequence, Tag::OctetString, ..]) => return algorithm(&parts[1]),
        (Some([1]), [_, Tag::OctetString, ..]) => "an EC key in SEC1 form",
        (Some([0]), [_, Tag::Integer, Tag::Integer, ..]) => "an RSA private key",
        (Some([3]), [_, Tag::Sequence, ..]) => "a .p12 file",
        (None, [Tag::Sequence, Tag::OctetString]) => "an encrypted private key",
        (None, [Tag::Sequence, Tag::BitString]) => "a public key",
        (None, [Tag::Sequence, Tag::Sequence, Tag::BitString]) => signed(&parts[0]),
        (None, [Tag::ObjectIdentifier, ..]) => "a provisioning profile or another signed file (CMS)",
        _ => "text that is not a private key",
    })
}

/// A certificate, or the request for one.
fn signed(content: &AnyRef<'_>) -> &'static str {
    match parts_of(content.value()).map(|parts| parts.len()) {
        Some(0..=4) => "a certificate signing request",
        _ => "a certificate",
    }
}

/// Which algorithm a PKCS#8 key is for.
fn algorithm(identifier: &AnyRef<'_>) -> KeyError {
    let oids: Vec<String> = parts_of(identifier.value())
        .unwrap_or_default()
        .iter()
        .filter_map(|part| part.decode_as::<ObjectIdentifier>().ok())
        .map(|oid| oid.to_string())
        .collect();
    let oids: Vec<&str> = oids.iter().map(String::as_str).collect();
    KeyError::Wrong(match oids.as_slice() {
        [EC, P256] => return KeyError::Damaged("its numbers do not belong together"),
        [EC, "1.3.132.0.34"] => "an EC key on the curve P-384",
        [EC, "1.3.132.0.35"] => "an EC key on the curve P-521",
        [EC, "1.3.132.0.10"] => "an EC key on the curve secp256k1",
        [EC, ..] => "an EC key on another curve than P-256",
        ["1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10", ..] => "an RSA private key",
        ["1.2.840.10040.4.1", ..] => "a DSA private key",
        ["1.3.101.112" | "1.3.101.113", ..] => "an Ed25519 or Ed448 key",
        ["1.3.101.110" | "1.3.101.111", ..] => "an X25519 or X448 key",
        _ => "a key of another algorithm",
    })
}

/// The length of an RSA key in PKCS#8 or PKCS#1, in bits; `None` for what is none.
pub(super) fn rsa_bits(bytes: &[u8]) -> Option<usize> {
    let parts = children(bytes)?;
    if let [_, algorithm, key, ..] = parts.as_slice()
        && (algorithm.tag(), key.tag()) == (Tag::Sequence, Tag::OctetString)
    {
        let algorithm = parts_of(algorithm.value())?;
        let is_rsa = algorithm
            .first()?
            .decode_as::<ObjectIdentifier>()
            .is_ok_and(|oid| oid.to_string() == RSA);
        return is_rsa.then(|| modulus(&children(key.value())?)).flatten();
    }
    modulus(&parts)
}

/// The length of the modulus of a PKCS#1 key: version, modulus, exponents, primes, and what speeds things up.
fn modulus(parts: &[AnyRef<'_>]) -> Option<usize> {
    if parts.len() < 9 || parts.iter().take(9).any(|part| part.tag() != Tag::Integer) {
        return None;
    }
    let mut digits = parts.get(1)?.value();
    while let [0, rest @ ..] = digits {
        digits = rest;
    }
    let first = digits.first()?;
    Some(digits.len() * 8 - usize::try_from(first.leading_zeros()).ok()?)
}

/// The elements of a sequence.
fn children(bytes: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let sequence = AnyRef::from_der(bytes).ok()?;
    (sequence.tag() == Tag::Sequence).then_some(())?;
    parts_of(sequence.value())
}

fn parts_of(bytes: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(bytes).ok()?;
    let mut parts = Vec::new();
    while !reader.is_finished() {
        parts.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(parts)
}
