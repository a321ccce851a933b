//! `.p12` files: certificates with their private keys.

use p12_keystore::error::Error as Keystore;
use p12_keystore::{EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKeyChain};
use zeroize::Zeroizing;

use crate::ber;
use crate::certificate::{Certificate, CertificateError, key_of};
use crate::key::PrivateKey;
use crate::pkcs12::{self, Failure};

/// A certificate with its private key.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: Certificate,
    /// The private key, PKCS#8 in DER.
    key: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("certificate", &self.certificate.common_name)
            .finish_non_exhaustive()
    }
}

/// Why a `.p12` file gives no identities.
#[derive(Debug, thiserror::Error)]
pub enum P12Error {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It is something else.
    #[error("the file is not a .p12 (PKCS#12) file")]
    NotP12,
    /// The passphrase does not open it.
    #[error("the passphrase does not open the file")]
    WrongPassphrase,
    /// It is a `.p12` that can't be read.
    #[error("the file can't be read: {0}")]
    Unreadable(String),
    /// It holds keys or certificates, and no pair of both.
    #[error(
        "the file contains no certificate with its private key ({}, {})",
        wording::counted(*.certificates, "certificate"),
        wording::counted(*.keys, "key")
    )]
    NoIdentity {
        /// Certificates in it.
        certificates: usize,
        /// Private keys in it.
        keys: usize,
    },
    /// A certificate in it can't be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Reads every identity of a `.p12` file.
///
/// Keys are paired with certificates by public key: the IDs that the file may carry are optional, and wrong
/// in some. Certificates of authorities, which many tools put in for the chain, are left out.
///
/// # Errors
/// When the file is none, the passphrase is wrong, or there is no identity in it.
pub fn read_p12(bytes: &[u8], passphrase: &str) -> Result<Vec<Identity>, P12Error> {
    if bytes.is_empty() {
        return Err(P12Error::Empty);
    }
    let der = ber::normalised(bytes).ok_or(P12Error::NotP12)?;
    let contents = pkcs12::open(&der, passphrase).map_err(|failure| match failure {
        Failure::NotP12 => P12Error::NotP12,
        Failure::WrongPassphrase => P12Error::WrongPassphrase,
        Failure::Unsupported(what) => P12Error::Unreadable(what),
    })?;
    let keys: Vec<_> = contents
        .keys
        .iter()
        .filter_map(|key| PrivateKey::from_pkcs8(Zeroizing::clone(key)))
        .collect();
    let mut identities = Vec::new();
    for der in &contents.certificates {
        let (public, is_authority) = key_of(der)?;
        if is_authority {
            continue;
        }
        if let Some(key) = keys.iter().find(|key| key.public() == public) {
            identities.push(Identity {
                certificate: Certificate::parse(der)?,
                key: Zeroizing::clone(key.pkcs8()),
            });
        }
    }
    if identities.is_empty() {
        return Err(P12Error::NoIdentity {
            certificates: contents.certificates.len(),
            keys: contents.keys.len(),
        });
    }
    Ok(identities)
}

impl Identity {
    /// A certificate with its private key; `None` when the key is another certificate's.
    pub fn new(certificate: Certificate, key: &PrivateKey) -> Option<Self> {
        key.belongs_to(&certificate.der).then(|| Self {
            key: Zeroizing::clone(key.pkcs8()),
            certificate,
        })
    }

    /// A `.p12` file with this identity alone, in the encryption that every `security import` reads. Keys are derived from
    /// the passphrase in so many `iterations`.
    ///
    /// # Errors
    /// When it can't be encoded.
    pub fn to_p12(&self, passphrase: &str, iterations: u32) -> Result<Vec<u8>, P12Error> {
        let unreadable = |error: Keystore| P12Error::Unreadable(error.to_string());
        let certificate = p12_keystore::Certificate::from_der(&self.certificate.der).map_err(unreadable)?;
        let key = p12_keystore::PrivateKey::from_der(&self.key).map_err(unreadable)?;
        let chain = PrivateKeyChain::new(vec![1], key, [certificate]);
        let mut store = KeyStore::new();
        store.add_entry(
            &self.certificate.common_name,
            KeyStoreEntry::PrivateKeyChain(chain),
        );
        store
            .writer(passphrase)
            .encryption_algorithm(EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc)
            .encryption_iterations(iterations)
            .mac_algorithm(MacAlgorithm::HmacSha1)
            .mac_iterations(iterations)
            .write()
            .map_err(unreadable)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    /// A `.p12` with several identities, its keys listed in the order of the certificates.
    fn p12(names: &[&str], passphrase: &str, algorithm: EncryptionAlgorithm, mac: MacAlgorithm) -> Vec<u8> {
        let mut store = KeyStore::new();
        for (index, name) in names.iter().enumerate() {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, *name);
            params
                .distinguished_name
                .push(DnType::OrganizationalUnitName, "TEAM123456");
            let certificate = params.self_signed(&key).unwrap();
            let chain = PrivateKeyChain::new(
                vec![u8::try_from(index).unwrap()],
                p12_keystore::PrivateKey::from_der(&key.serialize_der()).unwrap(),
                [p12_keystore::Certificate::from_der(certificate.der()).unwrap()],
            );
            store.add_entry(name, KeyStoreEntry::PrivateKeyChain(chain));
        }
        store
            .writer(passphrase)
            .encryption_algorithm(algorithm)
            .mac_algorithm(mac)
            .write()
            .unwrap()
    }

    #[test]
    fn old_and_new_encryption_is_read() {
        for (algorithm, mac) in [
            (
                EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc,
                MacAlgorithm::HmacSha1,
            ),
            (
                EncryptionAlgorithm::PbeWithHmacSha256AndAes256,
                MacAlgorithm::HmacSha256,
            ),
        ] {
            let file = p12(
                &["Apple Development: A (1)", "Apple Distribution: B (2)"],
                "päss",
                algorithm,
                mac,
            );
            let identities = read_p12(&file, "päss").unwrap();
            assert_eq!(identities.len(), 2);
            assert_eq!(
                identities[0].certificate.team_id,
                apple_types::TeamId::new("TEAM123456")
            );
        }
    }

    #[test]
    fn passphrases_may_have_any_character() {
        let file = p12(
            &["A"],
            "x",
            EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc,
            MacAlgorithm::HmacSha1,
        );
        assert!(matches!(read_p12(&file, "🍏"), Err(P12Error::WrongPassphrase)));
    }

    /// Files as OpenSSL writes them.
    fn by_openssl(passphrase: &str, options: &[&str]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap();
        std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        std::fs::write(folder.path().join("cert.pem"), certificate.pem()).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test's own tool")]
        let output = std::process::Command::new("openssl")
            .current_dir(folder.path())
            .args([
                "pkcs12", "-export", "-inkey", "key.pem", "-in", "cert.pem", "-passout",
            ])
            .arg(format!("pass:{passphrase}"))
            .args(options)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    #[test]
    #[cfg_attr(no_openssl, ignore = "openssl is not installed")]
    fn what_openssl_writes_is_read() {
        for (passphrase, options) in [
            ("plain", &[][..]),
            ("", &[]),
            ("🍏 apple", &[]),
            (
                "🍏",
                &[
                    "-keypbe",
                    "PBE-SHA1-3DES",
                    "-certpbe",
                    "PBE-SHA1-3DES",
                    "-macalg",
                    "sha1",
                ],
            ),
            ("p", &["-macalg", "sha512", "-iter", "50000"]),
            ("p", &["-keypbe", "NONE", "-certpbe", "NONE"]),
            ("p", &["-nomac"]),
        ] {
            let file = by_openssl(passphrase, options);
            let identities = read_p12(&file, passphrase);
            assert!(
                identities.is_ok_and(|all| all.len() == 1),
                "{passphrase} {options:?}"
            );
        }
    }

    #[test]
    fn each_failure_has_its_own_message() {
        let file = p12(
            &["A"],
            "right",
            EncryptionAlgorithm::PbeWithHmacSha256AndAes256,
            MacAlgorithm::HmacSha256,
        );
        assert!(matches!(read_p12(&file, "wrong"), Err(P12Error::WrongPassphrase)));
        assert!(matches!(read_p12(b"", ""), Err(P12Error::Empty)));
        assert!(matches!(read_p12(b"<html>", ""), Err(P12Error::NotP12)));
    }

    #[test]
    fn a_repacked_identity_keeps_its_own_key() {
        let file = p12(
            &["A", "B"],
            "x",
            EncryptionAlgorithm::PbeWithHmacSha256AndAes256,
            MacAlgorithm::HmacSha256,
        );
        for identity in read_p12(&file, "x").unwrap() {
            let again = read_p12(&identity.to_p12("y", 1).unwrap(), "y").unwrap();
            assert_eq!(again[0].certificate, identity.certificate);
            assert_eq!(again[0].key, identity.key);
        }
    }
}
