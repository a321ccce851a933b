//! Private keys that sign, as they come without a `.p12`: in PEM or DER.

use der::asn1::{BitString, OctetString};
use der::oid::ObjectIdentifier;
use der::pem::LineEnding;
use der::{Any, Decode as _, Encode as _, Tag};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::pkcs8::DecodePrivateKey as _;
use ring::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use crate::certificate::key_of;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");

/// What a PKCS#8 key begins with inside of its sequence when it is RSA: the version, and the algorithm with no parameters.
const RSA_PREFIX: [u8; 18] = [
    0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
    0x00,
];

/// A private key: RSA of at least 2,048 bits, or EC on the curve P-256.
#[derive(Clone)]
pub struct PrivateKey {
    /// PKCS#8 in DER.
    pkcs8: Zeroizing<Vec<u8>>,
    /// The public half, as certificates carry it.
    public: Vec<u8>,
    /// For RSA.
    bits: Option<usize>,
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// Why bytes are no usable private key. Nothing of the bytes is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrivateKeyError {
    /// There is none.
    #[error("found no private key in PEM or DER")]
    Missing,
    /// It needs a passphrase.
    #[error("the private key is encrypted with a passphrase")]
    Encrypted,
    /// It is of another kind.
    #[error("the private key is neither RSA of at least 2,048 bits nor EC on the curve P-256")]
    Unsupported,
    /// It is EC, and certificates of Apple's are requested with RSA keys.
    #[error("certificates can only be requested for RSA keys")]
    NotRsa,
    /// The request can't be signed or encoded.
    #[error("could not create the certificate signing request")]
    Request,
}

impl PrivateKey {
    /// Reads a key: PKCS#8 or PKCS#1 (`BEGIN RSA PRIVATE KEY`), in PEM or DER.
    ///
    /// # Errors
    /// When it is none, is encrypted, or is of a kind that signs no apps.
    pub fn read(bytes: &[u8]) -> Result<Self, PrivateKeyError> {
        let is_pem = bytes.windows(10).any(|window| window == b"-----BEGIN");
        if !is_pem {
            return Self::from_der(bytes);
        }
        if bytes.windows(9).any(|window| window == b"ENCRYPTED") {
            return Err(PrivateKeyError::Encrypted);
        }
        let blocks = x509_parser::pem::Pem::iter_from_buffer(bytes).flatten();
        let key = blocks.map(|block| (block.label, Zeroizing::new(block.contents)));
        let found = key
            .filter(|(label, _)| label.ends_with("PRIVATE KEY"))
            .map(|(_, content)| Self::from_der(&content))
            .next();
        found.unwrap_or(Err(PrivateKeyError::Missing))
    }

    fn from_der(bytes: &[u8]) -> Result<Self, PrivateKeyError> {
        // The version is what both forms begin with; what follows tells them apart.
        let inner = Any::from_der(bytes).map_err(|_| PrivateKeyError::Missing)?;
        if inner.value().first() != Some(&0x02) {
            return Err(PrivateKeyError::Missing);
        }
        let is_pkcs1 = inner.value().get(3) == Some(&0x02);
        let pkcs8 = if is_pkcs1 {
            wrapped(bytes).ok_or(PrivateKeyError::Missing)?
        } else {
            Zeroizing::new(bytes.to_vec())
        };
        Self::from_pkcs8(pkcs8).ok_or(PrivateKeyError::Unsupported)
    }

    /// A key in PKCS#8; `None` for one of another kind.
    pub(crate) fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Option<Self> {
        if let Ok(key) = ring::rsa::KeyPair::from_pkcs8(&pkcs8) {
            return Some(Self {
                public: key.public_key().as_ref().to_vec(),
                bits: Some(key.public().modulus_len() * 8),
                pkcs8,
            });
        }
        let key = p256::SecretKey::from_pkcs8_der(&pkcs8).ok()?;
        Some(Self {
            public: key.public_key().to_sec1_point(false).as_bytes().to_vec(),
            bits: None,
            pkcs8,
        })
    }

    /// The length of an RSA key in bits; `None` for an EC key.
    pub fn rsa_bits(&self) -> Option<usize> {
        self.bits
    }

    /// Whether a certificate in DER is for this key.
    pub fn belongs_to(&self, certificate: &[u8]) -> bool {
        key_of(certificate).is_ok_and(|(public, _)| public == self.public)
    }

    /// The key in PKCS#8, in DER.
    pub(crate) fn pkcs8(&self) -> &Zeroizing<Vec<u8>> {
        &self.pkcs8
    }

    /// The key in PKCS#8, in PEM.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let text = der::pem::encode_string("PRIVATE KEY", LineEnding::LF, &self.pkcs8);
        Zeroizing::new(text.unwrap_or_default())
    }

    /// The public half, as certificates carry it.
    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    /// A certificate signing request (PKCS#10) in PEM: RSA with SHA-256. Apple ignores the subject, and writes its own.
    ///
    /// # Errors
    /// When the key is not RSA.
    pub fn certificate_request(&self, common_name: &str) -> Result<String, PrivateKeyError> {
        if self.bits.is_none() {
            return Err(PrivateKeyError::NotRsa);
        }
        self.request(common_name).ok_or(PrivateKeyError::Request)
    }

    fn request(&self, common_name: &str) -> Option<String> {
        let algorithm = |oid| AlgorithmIdentifierOwned {
            oid,
            parameters: Some(Any::null()),
        };
        let info = CertReqInfo {
            version: Version::V1,
            subject: format!("CN={common_name}").parse::<Name>().ok()?,
            public_key: SubjectPublicKeyInfoOwned {
                algorithm: algorithm(RSA),
                subject_public_key: BitString::from_bytes(&self.public).ok()?,
            },
            attributes: der::asn1::SetOfVec::new(),
        };
        let key = ring::rsa::KeyPair::from_pkcs8(&self.pkcs8).ok()?;
        let mut signature = vec![0; key.public().modulus_len()];
        let random = ring::rand::SystemRandom::new();
        key.sign(&RSA_PKCS1_SHA256, &random, &info.to_der().ok()?, &mut signature)
            .ok()?;
        let request = CertReq {
            info,
            algorithm: algorithm(SHA256_WITH_RSA),
            signature: BitString::from_bytes(&signature).ok()?,
        };
        der::pem::encode_string("CERTIFICATE REQUEST", LineEnding::LF, &request.to_der().ok()?).ok()
    }
}

/// A PKCS#1 key as PKCS#8 (RFC 5208).
fn wrapped(pkcs1: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let octets = Zeroizing::new(OctetString::new(pkcs1).ok()?.to_der().ok()?);
    let body = Zeroizing::new([&RSA_PREFIX[..], octets.as_slice()].concat());
    Some(Zeroizing::new(
        Any::new(Tag::Sequence, body.as_slice()).ok()?.to_der().ok()?,
    ))
}

#[cfg(test)]
#[cfg_attr(
    no_openssl,
    allow(dead_code, unused_imports, reason = "the tests need openssl")
)]
mod tests {
    use super::*;

    /// What openssl prints when it gets some input.
    #[expect(clippy::disallowed_methods, reason = "a test's own tool")]
    fn openssl(words: &str, input: &[u8]) -> Vec<u8> {
        use std::io::Write as _;
        use std::process::{Command, Stdio};
        let mut child = Command::new("openssl")
            .args(words.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "openssl {words}: {errors}");
        [output.stdout, output.stderr].concat()
    }

    #[test]
    #[cfg_attr(no_openssl, ignore = "openssl is not installed")]
    fn every_form_that_openssl_writes_of_a_key_is_the_same_key() {
        let pkcs8 = openssl("genrsa 2048", b"");
        let forms = [
            openssl("rsa -traditional", &pkcs8),
            openssl("rsa -traditional -outform DER", &pkcs8),
            openssl("pkcs8 -topk8 -nocrypt -outform DER", &pkcs8),
        ];
        let known = PrivateKey::read(&pkcs8).unwrap();
        assert_eq!(known.rsa_bits(), Some(2048));
        for form in forms {
            // `openssl rsa` says "writing RSA key" on standard error.
            let end = form
                .windows(7)
                .position(|window| window == b"writing")
                .unwrap_or(form.len());
            assert_eq!(PrivateKey::read(&form[..end]).unwrap().public, known.public);
        }
    }

    #[test]
    #[cfg_attr(no_openssl, ignore = "openssl is not installed")]
    fn what_is_no_signing_key_is_named() {
        let key = openssl("genrsa 2048", b"");
        let cases = [
            (openssl("genrsa 1024", b""), PrivateKeyError::Unsupported),
            (
                openssl("genpkey -algorithm ed25519", b""),
                PrivateKeyError::Unsupported,
            ),
            (
                openssl("rsa -traditional -aes128 -passout pass:secret", &key),
                PrivateKeyError::Encrypted,
            ),
            (
                openssl("pkcs8 -topk8 -passout pass:secret", &key),
                PrivateKeyError::Encrypted,
            ),
            (openssl("rsa -pubout", &key), PrivateKeyError::Missing),
            (b"hello match\n".to_vec(), PrivateKeyError::Missing),
            (Vec::new(), PrivateKeyError::Missing),
        ];
        for (bytes, expected) in cases {
            assert_eq!(PrivateKey::read(&bytes).unwrap_err(), expected);
        }
    }

    #[test]
    #[cfg_attr(no_openssl, ignore = "openssl is not installed")]
    fn a_certificate_request_is_one_that_openssl_verifies() {
        let pem = openssl("genrsa 2048", b"");
        let request = PrivateKey::read(&pem)
            .unwrap()
            .certificate_request("Bitrise")
            .unwrap();
        let text = openssl("req -verify -noout -text", request.as_bytes());
        let text = String::from_utf8_lossy(&text);
        for words in [
            "verify OK",
            "Subject: CN = Bitrise",
            "Signature Algorithm: sha256WithRSAEncryption",
            "Public-Key: (2048 bit)",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let ec = openssl("ecparam -name prime256v1 -genkey -noout", b"");
        let ec = PrivateKey::read(&openssl("pkcs8 -topk8 -nocrypt", &ec)).unwrap();
        assert_eq!(ec.certificate_request("x").unwrap_err(), PrivateKeyError::NotRsa);
    }
}
