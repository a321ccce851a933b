//! Keys and certificates: a CA of its own, and certificates with Apple's kind of subject.

use anyhow::Context as _;
use base64::Engine as _;
use p12_keystore::{EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey, PrivateKeyChain};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::DecodePrivateKey as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, IsCa, Issuer, KeyIdMethod,
    KeyPair, SerialNumber,
};
use time::OffsetDateTime;

/// The CA, which also signs profiles.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate in DER.
    pub(crate) der: Vec<u8>,
    key: SigningKey,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(..)")
    }
}

/// A certificate with its key, as a developer would have it.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    /// The certificate in DER.
    pub(crate) der: Vec<u8>,
    /// Certificate and key in a `.p12`.
    pub(crate) p12: Vec<u8>,
}

/// What a certificate says.
pub(crate) struct Subject<'a> {
    pub(crate) common_name: &'a str,
    pub(crate) team_id: &'a str,
    pub(crate) serial: u64,
    pub(crate) expires: OffsetDateTime,
    /// Which of Apple's authorities it names as its issuer; the sandbox's own where there is none.
    pub(crate) issuer: Option<&'a str>,
}

/// Names and key IDs of Apple's authorities, measured from the certificates that apple-platform-rs carries.
const APPLES: [(&str, &str, &str, &str); 3] = [
    (
        "WWDR G3",
        "Apple Worldwide Developer Relations Certification Authority",
        "G3",
        "09FEC01590F9AF640A9212B92628630C97ECA7B2",
    ),
    (
        "Developer ID",
        "Developer ID Certification Authority",
        "Apple Certification Authority",
        "5717EDA2CFDC7C98A110E0FCBE872D2CF2E31754",
    ),
    (
        "Developer ID G2",
        "Developer ID Certification Authority",
        "G2",
        "F83A0C691176E0EDACD1EBA659FA37D5C455B01E",
    ),
];

/// A stand-in for one of Apple's authorities: its names and its key ID, and a key of its own.
fn apples(name: &str) -> anyhow::Result<(Issuer<'static, KeyPair>, Vec<u8>)> {
    let known = APPLES.iter().find(|(known, ..)| *known == name);
    let (_, common_name, unit, key_id) =
        known.with_context(|| format!("the sandbox knows no authority `{name}`"))?;
    let pair = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, *common_name);
    params
        .distinguished_name
        .push(DnType::OrganizationalUnitName, *unit);
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Apple Inc.");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let bytes = (0..key_id.len())
        .step_by(2)
        .filter_map(|at| u8::from_str_radix(key_id.get(at..at + 2)?, 16).ok())
        .collect();
    params.key_identifier_method = KeyIdMethod::PreSpecified(bytes);
    let der = params.self_signed(&pair)?.der().to_vec();
    Ok((Issuer::new(params, pair), der))
}

/// The certificate of a stand-in for one of Apple's authorities, in PEM, for the search list of a keychain.
///
/// # Errors
/// When there is no such authority.
pub fn intermediate(name: &str) -> anyhow::Result<String> {
    let (_, der) = apples(name)?;
    Ok(pem("CERTIFICATE", &der))
}

/// DER as PEM.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

impl Authority {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let pair = KeyPair::generate()?;
        let key = SigningKey::from_pkcs8_der(&pair.serialize_der()).context("the CA's key")?;
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "Apple Sandbox Certification Authority");
        params
            .distinguished_name
            // spaceship knows Apple's certificates by this name.
            .push(DnType::OrganizationName, "Apple Inc.");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.serial_number = Some(SerialNumber::from(1_u64));
        let der = params.self_signed(&pair)?.der().to_vec();
        Ok(Self {
            issuer: Issuer::new(params, pair),
            der,
            key,
        })
    }

    /// Issues a certificate and packs it with its key.
    pub(crate) fn issue(&self, subject: &Subject<'_>, passphrase: &str) -> anyhow::Result<Issued> {
        let pair = KeyPair::generate()?;
        let mut params = params_of(subject);
        let apples = subject.issuer.map(apples).transpose()?;
        params.use_authority_key_identifier_extension = apples.is_some();
        let issuer = apples.as_ref().map_or(&self.issuer, |(issuer, _)| issuer);
        let der = params.signed_by(&pair, issuer)?.der().to_vec();
        let p12 = pack(&der, &pair.serialize_der(), subject.common_name, passphrase)?;
        Ok(Issued { der, p12 })
    }

    /// Issues a certificate for the key of a request (PKCS#10 in DER), whose signature proves that its sender has the key.
    ///
    /// # Errors
    /// When it is no such request, or is not signed by its key.
    pub(crate) fn certify(&self, subject: &Subject<'_>, request: &[u8]) -> anyhow::Result<Vec<u8>> {
        let request = pem("CERTIFICATE REQUEST", request);
        let mut request =
            CertificateSigningRequestParams::from_pem(&request).context("the CSR is not valid")?;
        request.params = params_of(subject);
        Ok(request.signed_by(&self.issuer)?.der().to_vec())
    }

    /// Signs with the CA's key: ECDSA over SHA-256, in DER.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.key.sign(bytes);
        signature.as_bytes().to_vec()
    }
}

/// What a certificate says of a subject.
fn params_of(subject: &Subject<'_>) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = |kind, text: &str| params.distinguished_name.push(kind, text);
    name(DnType::CommonName, subject.common_name);
    name(DnType::OrganizationalUnitName, subject.team_id);
    name(DnType::OrganizationName, "Example GmbH");
    name(DnType::CountryName, "DE");
    params.serial_number = Some(SerialNumber::from(subject.serial));
    params.not_before = OffsetDateTime::now_utc() - time::Duration::days(800);
    params.not_after = subject.expires;
    params
}

fn pack(certificate: &[u8], key: &[u8], name: &str, passphrase: &str) -> anyhow::Result<Vec<u8>> {
    let chain = PrivateKeyChain::new(
        vec![1],
        PrivateKey::from_der(key)?,
        [p12_keystore::Certificate::from_der(certificate)?],
    );
    let mut store = KeyStore::new();
    store.add_entry(name, KeyStoreEntry::PrivateKeyChain(chain));
    Ok(store
        .writer(passphrase)
        .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
        .mac_algorithm(MacAlgorithm::HmacSha256)
        .write()?)
}

/// A new App Store Connect key: PKCS#8 in PEM.
pub(crate) fn api_key() -> anyhow::Result<String> {
    Ok(KeyPair::generate()?.serialize_pem())
}
