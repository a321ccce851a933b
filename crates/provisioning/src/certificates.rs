//! Which of the certificates at hand sign what.

use apple_types::{Distribution, Platform};
use signing_assets::{Certificate, CertificateKind};
use time::OffsetDateTime;

use crate::desired::DesiredProfile;
use crate::plan_error::PlanError;
use crate::snapshot::PortalCertificate;
use crate::warning::Warning;

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

/// The certificates at hand that are valid now. The second part says what was left out, and why.
///
/// Several may have one common name: which of them signs, the portal decides when a plan is made, since a newer one may be
/// revoked, or another team's.
pub fn usable_certificates(
    certificates: &[Certificate],
    now: OffsetDateTime,
) -> (Vec<Certificate>, Vec<String>) {
    let mut usable: Vec<Certificate> = Vec::new();
    let mut notes = Vec::new();
    for certificate in certificates {
        let name = format!("{} (serial {})", certificate.common_name, certificate.serial);
        if certificate.not_after <= now {
            notes.push(format!("{name} expired on {}", certificate.not_after.date()));
        } else if certificate.not_before > now {
            notes.push(format!(
                "{name} is not valid before {}",
                certificate.not_before.date()
            ));
        } else if usable.iter().all(|known| known.serial != certificate.serial) {
            usable.push(certificate.clone());
        }
    }
    (usable, notes)
}

/// How many of the certificates that serve a profile are used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CertificateChoice {
    /// All of them, each common name once.
    #[default]
    Each,
    /// One: the first whose common name contains `named`, else the first.
    One {
        /// What the project signs with.
        named: Option<String>,
    },
}

/// The desired profiles with the certificates that are used, and what a person should know about the choice.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settled {
    pub(crate) desired_profiles: Vec<DesiredProfile>,
    /// Certificates that were left out although they are valid.
    pub(crate) warnings: Vec<Warning>,
    pub(crate) notes: Vec<String>,
}

/// Decides which certificates sign: of those that serve, those that the portal of the team knows, and of those with one
/// common name the one that expires last.
///
/// # Errors
/// When the portal knows none of those that serve a desired profile.
pub(crate) fn settle(
    desired_profiles: &[DesiredProfile],
    known: &[PortalCertificate],
    choice: &CertificateChoice,
) -> Result<Settled, PlanError> {
    let is_known =
        |certificate: &&Certificate| known.iter().any(|listed| listed.serial == certificate.serial);
    let mut settled = Settled::default();
    for desired in desired_profiles {
        let (on_portal, unknown): (Vec<&Certificate>, Vec<&Certificate>) =
            desired.certificates.iter().partition(is_known);
        if on_portal.is_empty() {
            return Err(PlanError::UnknownCertificates(
                desired.certificates.iter().map(with_serial).collect(),
            ));
        }
        for certificate in unknown {
            settled.warn(Warning::UnlistedCertificate(with_serial(certificate)));
        }
        let mut desired = desired.clone();
        desired.certificates = each_name_once(&on_portal, &mut settled);
        if let CertificateChoice::One { named } = choice {
            keep_one(&mut desired, named.as_deref(), &mut settled);
        }
        settled.desired_profiles.push(desired);
    }
    Ok(settled)
}

impl Settled {
    fn warn(&mut self, warning: Warning) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }
}

fn with_serial(certificate: &Certificate) -> String {
    format!("{} (serial {})", certificate.common_name, certificate.serial)
}

/// Of certificates with one common name the one that expires last, in the place of the first.
fn each_name_once(certificates: &[&Certificate], settled: &mut Settled) -> Vec<Certificate> {
    let mut chosen: Vec<Certificate> = Vec::new();
    for certificate in certificates {
        let same = |known: &&mut Certificate| known.common_name == certificate.common_name;
        match chosen.iter_mut().find(same) {
            None => chosen.push((*certificate).clone()),
            Some(known) if known.serial == certificate.serial => {}
            Some(known) => {
                let (earlier, later) = if known.not_after < certificate.not_after {
                    (known.clone(), (*certificate).clone())
                } else {
                    ((*certificate).clone(), known.clone())
                };
                settled.note(format!(
                    "{} was uploaded more than once: serial {} is used, which expires later than {}",
                    later.common_name, later.serial, earlier.serial
                ));
                *known = later;
            }
        }
    }
    chosen
}

fn keep_one(desired: &mut DesiredProfile, named: Option<&str>, settled: &mut Settled) {
    let is_named = |certificate: &Certificate| {
        named.is_some_and(|named| {
            certificate
                .common_name
                .to_lowercase()
                .contains(&named.to_lowercase())
        })
    };
    if desired.certificates.iter().any(is_named) {
        desired.certificates.retain(is_named);
    }
    if desired.certificates.len() > 1 {
        settled.warn(Warning::SeveralCertificates {
            distribution: desired.distribution,
            names: desired
                .certificates
                .iter()
                .map(|certificate| certificate.common_name.clone())
                .collect(),
        });
        desired.certificates.truncate(1);
    }
}
