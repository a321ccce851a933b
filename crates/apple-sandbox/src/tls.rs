//! TLS for clients that insist on Apple's host names: a CA of this run, and a certificate for every name of Apple's that
//! a client may ask for.
//!
//! Both keys live in memory and end with the sandbox, so a CA that somebody has come to trust can vouch for nothing later.

use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::{Duration, OffsetDateTime};
use tokio_rustls::TlsAcceptor;

/// The names that the certificate is for: the hosts that clients of Apple ask, all others of two levels, and this machine.
///
/// Sources, 2026-11: Apple's API documents, spaceship (`Spaceship::ConnectAPI`, `Spaceship::PortalClient`,
/// `Spaceship::TunesClient`), `@expo/apple-utils` 2.2.1, altool's logs.
const NAMES: [&str; 17] = [
    "api.appstoreconnect.apple.com",
    "api.enterprise.developer.apple.com",
    "appstoreconnect.apple.com",
    "developer.apple.com",
    "developerservices2.apple.com",
    "idmsa.apple.com",
    "appleid.apple.com",
    "account.apple.com",
    "contentdelivery.itunes.apple.com",
    "*.apple.com",
    "*.appstoreconnect.apple.com",
    "*.developer.apple.com",
    "*.enterprise.developer.apple.com",
    "*.itunes.apple.com",
    "localhost",
    "127.0.0.1",
    "::1",
];

/// How long the CA and its certificate are good. Some clients refuse certificates that live longer than 397 days.
const LIFE: Duration = Duration::days(90);

/// What TLS connections to the sandbox begin with.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The CA's certificate, in PEM.
    pub(crate) ca: String,
}

impl Tls {
    /// A new CA and its certificate.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let now = OffsetDateTime::now_utc();
        let mut authority = CertificateParams::default();
        authority
            .distinguished_name
            .push(DnType::CommonName, "Apple sandbox: not Apple");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // A clock that is a little slow is no reason to refuse.
        authority.not_before = now - Duration::days(1);
        authority.not_after = now + LIFE;
        let pair = KeyPair::generate()?;
        let certificate = authority.self_signed(&pair)?;
        let issuer = Issuer::new(authority, pair);

        let mut server = CertificateParams::new(NAMES.map(str::to_owned).to_vec())?;
        server
            .distinguished_name
            .push(DnType::CommonName, "Apple sandbox");
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        server.not_before = now - Duration::days(1);
        server.not_after = now + LIFE;
        let key = KeyPair::generate()?;
        let leaf = server.signed_by(&key, &issuer)?;

        let chain: Vec<CertificateDer<'static>> = vec![leaf.der().clone(), certificate.der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .context("the sandbox's certificate")?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            ca: certificate.pem(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sandbox_has_a_ca_of_its_own_and_shows_no_key() {
        let (one, other) = (Tls::new().unwrap(), Tls::new().unwrap());
        assert_ne!(one.ca, other.ca);
        assert!(one.ca.starts_with("-----BEGIN CERTIFICATE-----") && !one.ca.contains("KEY"));
    }
}
