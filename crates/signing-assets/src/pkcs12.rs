//! Opening `.p12` files: what RFC 7292 calls a PFX.
//!
//! A reader of our own, on the parsers and ciphers of others, because the ready-made one takes passphrases as
//! characters of UCS-2: an emoji is an error there, and a file that was written with no passphrase at all (not
//! even an empty one, which is two zero bytes) can't be opened. Both come out of real tools.

use std::cell::Cell;

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, InnerIvInit as _, KeyIvInit as _};
use cms::content_info::ContentInfo;
use cms::encrypted_data::EncryptedData;
use der::asn1::{ContextSpecific, OctetString};
use der::oid::ObjectIdentifier;
use der::{Decode as _, Encode as _};
use hmac::{KeyInit as _, Mac as _};
use pkcs5::EncryptionScheme;
use pkcs5::pbes2::Kdf;
use pkcs12::CertBag;
use pkcs12::DigestInfo;
use pkcs12::kdf::{Pkcs12KeyType, derive_key};
use pkcs12::pbe_params::{EncryptedPrivateKeyInfo, Pkcs12PbeParams};
use pkcs12::pfx::Pfx;
use pkcs12::safe_bag::{PrivateKeyInfo, SafeBag};
use x509_cert::spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

/// More rounds of hashing than any tool writes, for all parts of a file together; a hostile file must not keep a build
/// busy. OpenSSL and Keychain Access write 2,048 to 600,000 for each part.
const MOST_ROUNDS: u64 = 10_000_000;

/// More parts than any tool writes.
const MOST_PARTS: usize = 1000;

/// Bags in bags deeper than this are nobody's.
const DEEPEST: usize = 8;

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");
const KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.1");
const SHROUDED_KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");
const CERT_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.3");
const SAFE_CONTENTS_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.6");
const X509_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.22.1");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const TRIPLE_DES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");
const RC2_128: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.5");
const RC2_40: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.6");

/// What a file holds.
#[derive(Default)]
pub(crate) struct Contents {
    /// Private keys, PKCS#8 in DER.
    pub(crate) keys: Vec<Zeroizing<Vec<u8>>>,
    /// Certificates in DER.
    pub(crate) certificates: Vec<Vec<u8>>,
}

/// Why a file can't be opened.
#[derive(Debug)]
pub(crate) enum Failure {
    NotP12,
    WrongPassphrase,
    Unsupported(String),
}

impl From<der::Error> for Failure {
    fn from(_: der::Error) -> Self {
        Self::NotP12
    }
}

/// A passphrase in the forms that the algorithms want.
struct Passphrase<'a> {
    /// For PBES2.
    text: &'a str,
    /// For the older ones: UTF-16, big-endian, with its terminator, or nothing at all.
    wide: Zeroizing<Vec<u8>>,
    /// The rounds of hashing that are left.
    rounds: &'a Cell<u64>,
}

impl Passphrase<'_> {
    /// Takes rounds of hashing from those that are left.
    fn spend(&self, rounds: u64) -> Result<(), Failure> {
        match self.rounds.get().checked_sub(rounds) {
            Some(left) if rounds > 0 => {
                self.rounds.set(left);
                Ok(())
            }
            _ => Err(Failure::Unsupported(format!(
                "it asks for {rounds} rounds of hashing, and {MOST_ROUNDS} are the most that are done for a file"
            ))),
        }
    }
}

/// Opens a file in DER.
pub(crate) fn open(der: &[u8], passphrase: &str) -> Result<Contents, Failure> {
    let pfx = Pfx::from_der(der)?;
    let wide = |terminator: &[u8]| {
        let units = passphrase.encode_utf16().flat_map(u16::to_be_bytes);
        Zeroizing::new(units.chain(terminator.iter().copied()).collect())
    };
    let mut forms = vec![wide(&[0, 0])];
    if passphrase.is_empty() {
        forms.push(wide(&[]));
    }
    let mut failure = Failure::WrongPassphrase;
    let rounds = Cell::new(MOST_ROUNDS);
    for wide in forms {
        match open_with(
            &pfx,
            &Passphrase {
                text: passphrase,
                wide,
                rounds: &rounds,
            },
        ) {
            Ok(contents) => return Ok(contents),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn open_with(pfx: &Pfx, passphrase: &Passphrase<'_>) -> Result<Contents, Failure> {
    if pfx.auth_safe.content_type != DATA {
        return Err(Failure::Unsupported("it is protected by a public key".to_owned()));
    }
    let safe: OctetString = pfx.auth_safe.content.decode_as()?;
    let checked = match &pfx.mac_data {
        Some(mac) => {
            spend(passphrase, mac.iterations)?;
            check(
                &mac.mac,
                mac.mac_salt.as_bytes(),
                mac.iterations,
                safe.as_bytes(),
                passphrase,
            )?
        }
        None => false,
    };
    let mut contents = Contents::default();
    for part in Vec::<ContentInfo>::from_der(safe.as_bytes())? {
        let bags = if part.content_type == DATA {
            let bags: OctetString = part.content.decode_as()?;
            Zeroizing::new(bags.into_bytes().to_vec())
        } else if part.content_type == ENCRYPTED_DATA {
            let data: EncryptedData = part.content.decode_as()?;
            let info = data.enc_content_info;
            let sealed = info.encrypted_content.ok_or(Failure::NotP12)?;
            decrypt(&info.content_enc_alg, sealed.as_bytes(), passphrase)?
        } else {
            return Err(Failure::Unsupported(
                "a part of it is protected by a public key".to_owned(),
            ));
        };
        // Where no check value says that the passphrase is right, senseless bags say that it is wrong.
        collect(&bags, passphrase, &mut contents, DEEPEST).map_err(|error| match error {
            Failure::NotP12 if !checked => Failure::WrongPassphrase,
            other => other,
        })?;
    }
    Ok(contents)
}

fn collect(
    bags: &[u8],
    passphrase: &Passphrase<'_>,
    contents: &mut Contents,
    depth: usize,
) -> Result<(), Failure> {
    for bag in Vec::<SafeBag>::from_der(bags)? {
        if contents.keys.len() + contents.certificates.len() > MOST_PARTS {
            return Err(Failure::Unsupported(format!(
                "it holds more than {MOST_PARTS} keys and certificates"
            )));
        }
        if bag.bag_id == KEY_BAG {
            let key = ContextSpecific::<PrivateKeyInfo>::from_der(&bag.bag_value)?;
            contents.keys.push(Zeroizing::new(key.value.to_der()?));
        } else if bag.bag_id == SHROUDED_KEY_BAG {
            let sealed = ContextSpecific::<EncryptedPrivateKeyInfo>::from_der(&bag.bag_value)?.value;
            let data = sealed.encrypted_data.as_bytes();
            contents
                .keys
                .push(decrypt(&sealed.encryption_algorithm, data, passphrase)?);
        } else if bag.bag_id == CERT_BAG {
            let bag = ContextSpecific::<CertBag>::from_der(&bag.bag_value)?.value;
            // The other kind, SDSI, has died out before anyone used it.
            if bag.cert_id == X509_CERTIFICATE {
                contents.certificates.push(bag.cert_value.into_bytes().to_vec());
            }
        } else if bag.bag_id == SAFE_CONTENTS_BAG && depth > 0 {
            let inner = ContextSpecific::<der::Any>::from_der(&bag.bag_value)?;
            collect(&inner.value.to_der()?, passphrase, contents, depth - 1)?;
        }
    }
    Ok(())
}

fn spend(passphrase: &Passphrase<'_>, rounds: i32) -> Result<(), Failure> {
    passphrase.spend(u64::try_from(rounds).unwrap_or(0))
}

/// What it costs to derive a key as PBES2 asks, in rounds of hashing.
fn cost(scheme: &EncryptionScheme) -> u64 {
    let Some(parameters) = scheme.pbes2() else {
        return 0;
    };
    match &parameters.kdf {
        Kdf::Pbkdf2(parameters) => u64::from(parameters.iteration_count),
        // Each step of scrypt mixes 128 bytes; memory grows with the first two factors alone.
        Kdf::Scrypt(parameters) => {
            let memory = parameters
                .cost_parameter
                .saturating_mul(u64::from(parameters.block_size));
            memory
                .saturating_mul(u64::from(parameters.parallelization))
                .saturating_mul(2)
        }
        _ => MOST_ROUNDS + 1,
    }
}

/// Compares the check value. `false` means that its kind is not known, so that nothing follows from it.
fn check(
    mac: &DigestInfo,
    salt: &[u8],
    rounds: i32,
    content: &[u8],
    passphrase: &Passphrase<'_>,
) -> Result<bool, Failure> {
    macro_rules! verify {
        ($digest:ty, $length:expr) => {{
            let key = derive_key::<$digest>(&passphrase.wide, salt, Pkcs12KeyType::Mac, rounds, $length);
            let key = Zeroizing::new(key);
            let mut hmac = hmac::Hmac::<$digest>::new_from_slice(&key)
                .map_err(|_| Failure::Unsupported("its check value has no length".to_owned()))?;
            hmac.update(content);
            hmac.verify_slice(mac.digest.as_bytes())
                .map_err(|_| Failure::WrongPassphrase)?;
        }};
    }
    match mac.algorithm.oid {
        SHA1 => verify!(sha1::Sha1, 20),
        SHA256 => verify!(sha2::Sha256, 32),
        SHA384 => verify!(sha2::Sha384, 48),
        SHA512 => verify!(sha2::Sha512, 64),
        _ => return Ok(false),
    }
    Ok(true)
}

fn decrypt(
    algorithm: &AlgorithmIdentifierOwned,
    data: &[u8],
    passphrase: &Passphrase<'_>,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if algorithm.oid == PBES2 {
        let der = algorithm.to_der()?;
        let scheme = EncryptionScheme::from_der(&der)
            .map_err(|_| Failure::Unsupported("unknown encryption".to_owned()))?;
        passphrase.spend(cost(&scheme))?;
        return scheme
            .decrypt(passphrase.text, data)
            .map(Zeroizing::new)
            .map_err(|_| Failure::WrongPassphrase);
    }
    let parameters = algorithm.parameters.as_ref().ok_or(Failure::NotP12)?;
    let parameters: Pkcs12PbeParams = parameters.decode_as()?;
    let rounds = parameters.iterations;
    // For the key, and again for the initialization vector.
    spend(passphrase, rounds.saturating_mul(2))?;
    let salt = parameters.salt.as_bytes();
    let derive = |kind, length| {
        Zeroizing::new(derive_key::<sha1::Sha1>(
            &passphrase.wide,
            salt,
            kind,
            rounds,
            length,
        ))
    };
    let iv = derive(Pkcs12KeyType::Iv, 8);
    let plain = match algorithm.oid {
        TRIPLE_DES => {
            let key = derive(Pkcs12KeyType::EncryptionKey, 24);
            cbc::Decryptor::<des::TdesEde3>::new_from_slices(&key, &iv)
                .map_err(|_| Failure::NotP12)?
                .decrypt_padded_vec::<Pkcs7>(data)
        }
        RC2_128 | RC2_40 => {
            let bytes = if algorithm.oid == RC2_40 { 5 } else { 16 };
            let key = derive(Pkcs12KeyType::EncryptionKey, bytes);
            let cipher = rc2::Rc2::new_with_eff_key_len(&key, bytes * 8);
            cbc::Decryptor::inner_iv_slice_init(cipher, &iv)
                .map_err(|_| Failure::NotP12)?
                .decrypt_padded_vec::<Pkcs7>(data)
        }
        other => {
            return Err(Failure::Unsupported(format!("unknown encryption ({other})")));
        }
    };
    plain.map(Zeroizing::new).map_err(|_| Failure::WrongPassphrase)
}

#[cfg(test)]
mod tests {
    use pkcs5::pbes2::Parameters;

    use super::*;

    fn decrypted(rounds: u32, left: &Cell<u64>) -> Result<Zeroizing<Vec<u8>>, Failure> {
        // The library writes no more than ten million, and reads any number.
        let most = 10_000_000;
        let parameters =
            Parameters::generate_pbkdf2_sha256_aes256cbc(rounds.min(most), b"saltsalt", [0; 16]).unwrap();
        let mut scheme = EncryptionScheme::from(parameters).to_der().unwrap();
        if rounds > most {
            let place = scheme
                .windows(6)
                .position(|bytes| bytes == [2, 4, 0, 0x98, 0x96, 0x80])
                .unwrap();
            scheme[place + 2..place + 6].copy_from_slice(&rounds.to_be_bytes());
        }
        let algorithm = AlgorithmIdentifierOwned::from_der(&scheme).unwrap();
        let passphrase = Passphrase {
            text: "x",
            wide: Zeroizing::default(),
            rounds: left,
        };
        decrypt(&algorithm, &[0; 32], &passphrase)
    }

    #[test]
    fn rounds_are_limited_for_one_part_and_for_all_together() {
        for rounds in [i32::MAX as u32, 1 << 30, 10_000_001] {
            let failure = decrypted(rounds, &Cell::new(MOST_ROUNDS)).unwrap_err();
            assert!(matches!(failure, Failure::Unsupported(_)), "{rounds}");
        }
        let left = Cell::new(5000);
        assert!(matches!(
            decrypted(2048, &left),
            Err(Failure::WrongPassphrase) | Ok(_)
        ));
        assert!(matches!(
            decrypted(2048, &left),
            Err(Failure::WrongPassphrase) | Ok(_)
        ));
        assert!(matches!(decrypted(2048, &left), Err(Failure::Unsupported(_))));
    }
}
