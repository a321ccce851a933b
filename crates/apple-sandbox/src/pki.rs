//! Keys and certificates: a CA of its own, and certificates with Apple's kind of subject.

use anyhow::Context as _;
use base64::Engine as _;
use p12_keystore::{EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey, PrivateKeyChain};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::DecodePrivateKey as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair, SerialNumber,
    SubjectPublicKeyInfo,
};
use time::OffsetDateTime;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;

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
    /// What else the request asks for is left out, as Apple does; spaceship signs its requests with SHA-1.
    ///
    /// # Errors
    /// When it is no such request, or is not signed by its key.
    pub(crate) fn certify(&self, subject: &Subject<'_>, request: &[u8]) -> anyhow::Result<Vec<u8>> {
        let (rest, request) = X509CertificationRequest::from_der(request).context("the CSR is not valid")?;
        anyhow::ensure!(rest.is_empty(), "the CSR is not valid: something follows it");
        request
            .verify_signature()
            .context("the CSR is not signed by its key")?;
        let key = request.certification_request_info.subject_pki.raw;
        let key = SubjectPublicKeyInfo::from_der(key).context("the CSR's key is of an unknown kind")?;
        Ok(params_of(subject).signed_by(&key, &self.issuer)?.der().to_vec())
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

/// How often a `.p12` hashes its passphrase, where nobody says otherwise: `PKCS12_DEFAULT_ITER` of OpenSSL, from 1.0 to 3.6.
const ITERATIONS: u32 = 2_048;

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
        .encryption_iterations(ITERATIONS)
        .mac_algorithm(MacAlgorithm::HmacSha256)
        .mac_iterations(ITERATIONS)
        .write()?)
}

/// A new App Store Connect key: PKCS#8 in PEM.
pub(crate) fn api_key() -> anyhow::Result<String> {
    Ok(KeyPair::generate()?.serialize_pem())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// A request as spaceship makes it, signed with SHA-1, which also asks for extensions: by
    /// `openssl req -new -newkey rsa:2048 -sha1 -subj /CN=PEM -addext basicConstraints=CA:FALSE -addext
    /// subjectKeyIdentifier=hash` of OpenSSL 3.0, 2026-11-25.
    const OLD: &str = concat!(
        "MIICjjCCAXYCAQAwDjEMMAoGA1UEAwwDUEVNMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxl+ait76",
        "aAnTg5CCndgg8pElZqDBCjLP35WkxHDXtGZ4fPCYWkEZajzvIe+Th0bz34Y2iDfmEEVuIwj5/dowPTDgbQo88BBA",
        "NN8RhxYiqLVP3yqLnuQGso0juoYHqSfl2rGyT2NSjpNGM+Q0+aAXDlhWIDcspC7RCTQOAFmL1gg55Wn/iej6tvgD",
        "f33PbZPnkUvgPmdMiyKkReSd4LCnjc2h6dSnnwLLzb9ZsA/Y8joPj+mBSgBz1iL+Qd6Yrg1eWVVsN8DU3jxuu4WV",
        "x/RJq3cdhJM3R7gJZ5IPLfDUDMpo9erg9xJy/rVTfQS26A0MSQLNxeOtziL3tkDuslmsOQIDAQABoDswOQYJKoZI",
        "hvcNAQkOMSwwKjAJBgNVHRMEAjAAMB0GA1UdDgQWBBS1QTxQSC5KxjpeiYksMRGJfPJnBzANBgkqhkiG9w0BAQUF",
        "AAOCAQEAFqQVaceBEwkITNa+qSzrFz3nId0LTHX6ZZqw1l492xitiXldtkT7Ohutcoe/TEz/cczsIgnPUuu+8k0w",
        "NeFOX7rwYSdkqdySIEVQKeJWeCXkhQVBE6BvxpWD/fMTOIfXnuZ1W48d63Sn+bHCbxy/XRBfZ+D5nlrEga30li92",
        "MuT5OV1wlxxzXYT0nQJa0a4LvICtZ7KQkCcG90+arhpmbhVO12EHY2RZX1ApcRs9kwkiQH3tHTnseg8iRkXXj7jL",
        "3k11XZ+jxCYbrJkZJgNHJ3Yk3r564b4A0KcCAgkS5fb+1/dqKs3y4RLrdDLmv6j4Ym1o0SQJLnB5YDgiov++Yg==",
    );

    fn certified(request: &[u8]) -> anyhow::Result<Vec<u8>> {
        let subject = Subject {
            common_name: "Apple Development: Ada",
            team_id: "SBXTEAM123",
            serial: 7,
            expires: OffsetDateTime::now_utc() + time::Duration::days(1),
            issuer: None,
        };
        Authority::new()?.certify(&subject, request)
    }

    #[test]
    fn a_request_signed_with_sha_1_gets_a_certificate_of_its_key_and_nothing_else_that_it_asks_for() {
        let request = STANDARD.decode(OLD).unwrap();
        let der = certified(&request).unwrap();
        let (_, made) = x509_parser::certificate::X509Certificate::from_der(&der).unwrap();
        let (_, asked) = X509CertificationRequest::from_der(&request).unwrap();
        let key = asked.certification_request_info.subject_pki.raw;
        assert_eq!(made.public_key().raw, key);
        assert!(made.basic_constraints().unwrap().is_none());
        assert_eq!(
            made.subject()
                .iter_common_name()
                .next()
                .unwrap()
                .as_str()
                .unwrap(),
            "Apple Development: Ada"
        );
    }

    #[test]
    fn a_request_that_another_key_signed_is_refused() {
        let mut request = STANDARD.decode(OLD).unwrap();
        let last = request.len() - 1;
        request[last] ^= 1;
        let error = format!("{:#}", certified(&request).unwrap_err());
        assert!(error.contains("not signed by its key"), "{error}");
        let error = format!("{:#}", certified(b"nonsense").unwrap_err());
        assert!(error.contains("not valid"), "{error}");
    }
}
