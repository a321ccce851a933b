//! Which of the certificates at hand sign what.

use signing_assets::{Certificate, CertificateKind};
use time::OffsetDateTime;

use crate::platform::{Distribution, Platform};

/// What certificates are needed for: a platform and a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateUse {
    /// The platform.
    pub platform: Platform,
    /// The distribution.
    pub distribution: Distribution,
}

impl CertificateUse {
    /// Whether certificates of this kind serve. Installer certificates sign packages and never apps.
    pub fn takes(self, kind: CertificateKind) -> bool {
        use CertificateKind as K;
        let is_mac = matches!(self.platform, Platform::Macos | Platform::MacCatalyst);
        match self.distribution {
            Distribution::Development => {
                kind == K::AppleDevelopment
                    || kind
                        == if is_mac {
                            K::MacDevelopment
                        } else {
                            K::IosDevelopment
                        }
            }
            Distribution::DeveloperId => kind == K::DeveloperIdApplication,
            Distribution::AppStore | Distribution::AdHoc | Distribution::Enterprise => {
                kind == K::AppleDistribution
                    || kind
                        == if is_mac {
                            K::MacAppDistribution
                        } else {
                            K::IosDistribution
                        }
            }
        }
    }

    /// What such a certificate is called.
    pub fn describe(self) -> &'static str {
        let is_mac = matches!(self.platform, Platform::Macos | Platform::MacCatalyst);
        match (self.distribution, is_mac) {
            (Distribution::Development, false) => "Apple Development or iPhone Developer",
            (Distribution::Development, true) => "Apple Development or Mac Developer",
            (Distribution::DeveloperId, _) => "Developer ID Application",
            (_, false) => "Apple Distribution or iPhone Distribution",
            (_, true) => "Apple Distribution or 3rd Party Mac Developer Application",
        }
    }
}

/// No certificate at hand serves.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "no valid {needed} certificate was uploaded, which {distribution} needs; uploaded: {}",
    list(uploaded)
)]
pub struct NoCertificate {
    /// What is needed.
    pub needed: &'static str,
    /// The distribution that needs it.
    pub distribution: Distribution,
    /// What is at hand.
    pub uploaded: Vec<String>,
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// The certificates at hand that are valid now, each common name once: the one that ends last. The second
/// part says what was left out, and why.
pub fn usable_certificates(
    certificates: &[Certificate],
    now: OffsetDateTime,
) -> (Vec<Certificate>, Vec<String>) {
    let mut usable: Vec<Certificate> = Vec::new();
    let mut notes = Vec::new();
    for certificate in certificates {
        let name = &certificate.common_name;
        if certificate.not_after <= now {
            notes.push(format!(
                "{name} (serial {}) expired on {}",
                certificate.serial,
                certificate.not_after.date()
            ));
            continue;
        }
        if certificate.not_before > now {
            notes.push(format!(
                "{name} (serial {}) is not valid before {}",
                certificate.serial,
                certificate.not_before.date()
            ));
            continue;
        }
        match usable.iter_mut().find(|known| known.common_name == *name) {
            None => usable.push(certificate.clone()),
            Some(known) => {
                if known.serial != certificate.serial {
                    let (older, newer) = if known.not_after < certificate.not_after {
                        (&*known, certificate)
                    } else {
                        (certificate, &*known)
                    };
                    notes.push(format!(
                        "{name} was uploaded twice: serial {} ends later than {}",
                        newer.serial, older.serial
                    ));
                    *known = newer.clone();
                }
            }
        }
    }
    (usable, notes)
}
