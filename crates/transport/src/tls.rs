//! TLS set-up that every client of the process shares.
//!
//! The machine's CA certificates are read once, and not before a server shows its own: on Linux that is hundreds of files,
//! and a run that meets only loopback HTTP, or nobody, needs none of them.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use crate::error::NoAuthorities;

/// Where Linux distributions keep all CA certificates in one file: Debian, Fedora, openSUSE, older Red Hat, newer Red Hat.
/// The list is that of `openssl-probe`. A Mac has none of them, and its keychain is asked.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];

/// The protocols that a client speaks, in the order in which it prefers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocols {
    /// HTTP/2, else HTTP/1.1.
    All,
    /// HTTP/1.1.
    Http1,
}

/// What a client does before and during a handshake.
///
/// # Errors
/// When `SSL_CERT_FILE` or `SSL_CERT_DIR` is set, and holds no CA certificates that can be read.
pub(crate) fn config(protocols: Protocols) -> Result<ClientConfig, Error> {
    let provider = provider();
    let verifier = Lazy {
        provider: Arc::clone(&provider),
    };
    if is_told() {
        // Certificates that somebody chose, and that can't be read, are an error before the first request.
        verifier.verifier()?;
    }
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = match protocols {
        Protocols::All => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Protocols::Http1 => vec![b"http/1.1".to_vec()],
    };
    Ok(config)
}

/// The process's cryptography, ring.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

/// A verifier that reads the CA certificates when it is asked for the first time.
#[derive(Debug)]
struct Lazy {
    provider: Arc<CryptoProvider>,
}

type Verifier = Arc<dyn ServerCertVerifier>;

impl Lazy {
    fn verifier(&self) -> Result<Verifier, Error> {
        static VERIFIER: OnceLock<Result<Verifier, Error>> = OnceLock::new();
        VERIFIER.get_or_init(|| verifier(&self.provider)).clone()
    }
}

/// Whether somebody says where the CA certificates are.
#[expect(
    clippy::disallowed_methods,
    reason = "the variables by which every TLS library on Linux is told where CA certificates are"
)]
fn is_told() -> bool {
    ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
}

fn verifier(provider: &Arc<CryptoProvider>) -> Result<Verifier, Error> {
    let bundle = BUNDLES.iter().map(Path::new).find(|path| path.is_file());
    if let (false, Some(bundle)) = (is_told(), bundle)
        && let Some(verifier) = of_bundle(bundle, provider)
    {
        return Ok(verifier);
    }
    rustls_platform_verifier::Verifier::new(Arc::clone(provider))
        .map(|verifier| Arc::new(verifier) as Verifier)
}

/// A verifier for the certificates of one file; `None` when it holds none that can be used.
fn of_bundle(bundle: &Path, provider: &Arc<CryptoProvider>) -> Option<Verifier> {
    let found = rustls_native_certs::load_certs_from_paths(Some(bundle), None);
    let mut roots = rustls::RootCertStore::empty();
    // A certificate that can't be read is one that no server is trusted by.
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        return None;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .ok()
        .map(|verifier| verifier as Verifier)
}

impl ServerCertVerifier for Lazy {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier()
            .map_err(|error| Error::Other(OtherError(Arc::new(NoAuthorities(error)))))?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        // Asked before the first certificate is seen.
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
