//! Signing certificates: whose, of which kind, and until when.

use apple_types::TeamId;
use base16ct::upper::encode_string;
use sha1::{Digest as _, Sha1};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A signing certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The serial number in upper-case hexadecimal without leading zeros, as Apple prints it.
    pub serial: String,
    /// The common name, such as `Apple Development: Jane Doe (ABCDE12345)`.
    pub common_name: String,
    /// The team ID, from the subject's organizational unit; `None` where there is none.
    pub team_id: Option<TeamId>,
    /// The team's name, from the subject's organization.
    pub team_name: String,
    /// The SHA-1 fingerprint in upper-case hexadecimal, which is how Xcode names an identity.
    pub sha1: String,
    /// When it begins.
    pub not_before: OffsetDateTime,
    /// When it ends.
    pub not_after: OffsetDateTime,
    /// What it is for.
    pub kind: CertificateKind,
    /// The certificate itself.
    pub der: Vec<u8>,
}

/// What a certificate is for, by the common names that Apple gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CertificateKind {
    /// `Apple Development`, for every platform.
    AppleDevelopment,
    /// `iPhone Developer` and `iOS Developer`.
    IosDevelopment,
    /// `Mac Developer`.
    MacDevelopment,
    /// `Apple Distribution`, for every platform.
    AppleDistribution,
    /// `iPhone Distribution`.
    IosDistribution,
    /// `3rd Party Mac Developer Application`.
    MacAppDistribution,
    /// `3rd Party Mac Developer Installer` and `Mac Installer Distribution`: signs packages, not apps.
    MacInstaller,
    /// `Developer ID Application`.
    DeveloperIdApplication,
    /// `Developer ID Installer`: signs packages, not apps.
    DeveloperIdInstaller,
    /// Anything else.
    Other,
}

/// Beginnings of common names.
const KINDS: &[(&str, CertificateKind)] = &[
    ("Apple Development", CertificateKind::AppleDevelopment),
    ("iPhone Developer", CertificateKind::IosDevelopment),
    ("iOS Developer", CertificateKind::IosDevelopment),
    ("Mac Developer", CertificateKind::MacDevelopment),
    ("Apple Distribution", CertificateKind::AppleDistribution),
    ("iPhone Distribution", CertificateKind::IosDistribution),
    ("iOS Distribution", CertificateKind::IosDistribution),
    (
        "3rd Party Mac Developer Application",
        CertificateKind::MacAppDistribution,
    ),
    ("Mac App Distribution", CertificateKind::MacAppDistribution),
    ("3rd Party Mac Developer Installer", CertificateKind::MacInstaller),
    ("Mac Installer Distribution", CertificateKind::MacInstaller),
    (
        "Developer ID Application",
        CertificateKind::DeveloperIdApplication,
    ),
    ("Developer ID Installer", CertificateKind::DeveloperIdInstaller),
];

impl CertificateKind {
    /// Reads the kind off a common name.
    pub fn of(common_name: &str) -> Self {
        KINDS
            .iter()
            .find(|(start, _)| common_name.starts_with(start))
            .map_or(Self::Other, |(_, kind)| *kind)
    }
}

/// The bytes are no X.509 certificate.
#[derive(Debug, thiserror::Error)]
#[error("not an X.509 certificate: {0}")]
pub struct CertificateError(String);

impl Certificate {
    /// Reads a DER certificate.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let parsed = parse(der)?;
        let subject = parsed.subject();
        let text = |attribute: Option<&x509_parser::x509::AttributeTypeAndValue<'_>>| {
            attribute
                .and_then(|value| value.as_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        let common_name = text(subject.iter_common_name().next());
        let serial = encode_string(parsed.tbs_certificate.raw_serial());
        let moment = |time: x509_parser::time::ASN1Time| {
            OffsetDateTime::from_unix_timestamp(time.timestamp()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
        };
        Ok(Self {
            serial: serial.trim_start_matches('0').to_owned(),
            kind: CertificateKind::of(&common_name),
            common_name,
            team_id: TeamId::new(text(subject.iter_organizational_unit().next())),
            team_name: text(subject.iter_organization().next()),
            sha1: encode_string(&Sha1::digest(der)),
            not_before: moment(parsed.validity().not_before),
            not_after: moment(parsed.validity().not_after),
            der: der.to_vec(),
        })
    }
}

/// The public key of a DER certificate, and whether it belongs to a certificate authority.
pub(crate) fn key_of(der: &[u8]) -> Result<(Vec<u8>, bool), CertificateError> {
    let parsed = parse(der)?;
    Ok((
        parsed.public_key().subject_public_key.data.to_vec(),
        parsed.is_ca(),
    ))
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, CertificateError> {
    X509Certificate::from_der(der)
        .map(|(_, parsed)| parsed)
        .map_err(|error| CertificateError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_off_common_names() {
        for (name, kind) in [
            ("Apple Development: Jane (X)", CertificateKind::AppleDevelopment),
            ("iOS Developer: Jane", CertificateKind::IosDevelopment),
            (
                "3rd Party Mac Developer Installer: Org (T)",
                CertificateKind::MacInstaller,
            ),
            (
                "Developer ID Application: Org (T)",
                CertificateKind::DeveloperIdApplication,
            ),
            ("My own", CertificateKind::Other),
        ] {
            assert_eq!(CertificateKind::of(name), kind);
        }
    }
}
