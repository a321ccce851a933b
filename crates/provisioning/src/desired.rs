//! What a project needs of the portal: from targets, policy and certificates to the profiles that must exist.

use apple_types::{BundleIdentifier, Distribution, Platform, ProfileType, Udid};
use plist::Dictionary;
use signing_assets::Certificate;

use crate::capability;
use crate::certificates::{CertificateChoice, CertificateUse, NoCertificate};
use crate::grants::{self, MissingEntitlement, MissingEntitlementKind};
use crate::names::profile_name;
use crate::plan_error::PlanError;

/// A target that needs a profile.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Its bundle ID.
    pub bundle_id: BundleIdentifier,
    /// What it is built for.
    pub platform: Platform,
    /// Its entitlements; nobody asks for those of a UI test bundle.
    pub entitlements: Dictionary,
    /// Whether it is a UI test bundle: signed for development only, with a wildcard profile.
    pub ui_test: bool,
    /// The app that contains it, for an App Clip whose entitlements do not name it.
    pub clip_of: Option<BundleIdentifier>,
}

/// A device of a team member, as Bitrise knows it.
#[derive(Debug, Clone)]
pub struct TestDevice {
    /// Its UDID.
    pub udid: Udid,
    /// Its name, for messages.
    pub name: String,
}

/// How the portal is reached, which decides what can be done there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PortalAccess {
    /// By API key: the public App Store Connect API.
    #[default]
    ApiKey,
    /// By an Apple ID's session: the Developer Portal's own services. They associate App Groups and iCloud containers,
    /// and recreate a profile in its place; and they know fewer capabilities by name.
    Session,
}

/// What the user asks for beyond what the project says.
#[derive(Debug, Clone)]
pub struct Policy {
    /// How the portal is reached.
    pub access: PortalAccess,
    /// How the result is handed to people.
    pub distribution: Distribution,
    /// Profiles that end sooner are renewed.
    pub min_profile_days_valid: i64,
    /// Devices to register where they are missing.
    pub test_devices: Vec<TestDevice>,
    /// How many of the certificates that serve are used.
    pub certificates: CertificateChoice,
}

/// A profile that must exist.
#[derive(Debug, Clone)]
pub struct DesiredProfile {
    /// The targets that it signs.
    pub targets: Vec<String>,
    /// Whether the run continues without it: development profiles beside those of the distribution that was asked for.
    pub optional: bool,
    /// Its bundle ID, possibly a wildcard.
    pub bundle_id: BundleIdentifier,
    /// Its type.
    pub profile_type: ProfileType,
    /// What it is for.
    pub distribution: Distribution,
    /// Its name when it is made.
    pub name: String,
    /// What it must grant.
    pub entitlements: Dictionary,
    /// The app that an App Clip belongs to; `None` for all other targets.
    pub clip_of: Option<BundleIdentifier>,
    /// The certificates that serve, as far as only their kinds are known. In a plan those that must be in it, and the first
    /// is used in the project.
    pub certificates: Vec<Certificate>,
}

impl DesiredProfile {
    /// What a profile with these entitlements does not grant.
    pub(crate) fn missing_entitlements(&self, granted: &Dictionary) -> Vec<MissingEntitlement> {
        grants::missing_entitlements(&self.entitlements, granted, &self.bundle_id)
    }

    /// The first of them without which a target can't be signed, or which somebody has to link first.
    pub(crate) fn first_not_granted(&self, granted: &Dictionary) -> Option<MissingEntitlement> {
        self.missing_entitlements(granted)
            .into_iter()
            .find(|missing| missing.kind != MissingEntitlementKind::Undocumented)
    }
}

/// The profiles that a project needs: the requested distribution first, then development, which is prepared
/// too where a certificate for it is at hand. Targets with the same bundle ID share a profile.
///
/// # Errors
/// When a certificate or profile type is missing.
pub fn desired_profiles(
    targets: &[Target],
    policy: &Policy,
    certificates: &[Certificate],
) -> Result<Vec<DesiredProfile>, PlanError> {
    let mut distributions = vec![policy.distribution];
    if policy.distribution != Distribution::Development {
        distributions.push(Distribution::Development);
    }
    let mut desired_profiles: Vec<DesiredProfile> = Vec::new();
    for distribution in distributions {
        for target in targets {
            if target.ui_test && distribution != Distribution::Development {
                continue;
            }
            let needed_for = CertificateUse {
                platform: target.platform,
                distribution,
            };
            let serving: Vec<Certificate> = certificates
                .iter()
                .filter(|certificate| needed_for.takes(certificate.kind))
                .cloned()
                .collect();
            if serving.is_empty() {
                // Development comes along; it is a must only where it was asked for, or UI tests are signed.
                if distribution != policy.distribution && !targets.iter().any(|target| target.ui_test) {
                    break;
                }
                let uploaded = certificates
                    .iter()
                    .map(|certificate| certificate.common_name.clone())
                    .collect();
                return Err(NoCertificate {
                    needed: needed_for.describe(),
                    distribution,
                    uploaded,
                }
                .into());
            }
            let no_type = || PlanError::NoProfileType {
                target: target.name.clone(),
                distribution,
            };
            let profile_type = ProfileType::of(target.platform, distribution)
                .filter(|kind| policy.access == PortalAccess::Session || *kind != ProfileType::MacAppInhouse)
                .ok_or_else(no_type)?;
            let bundle_id = if target.ui_test {
                target
                    .bundle_id
                    .wildcard()
                    .ok_or_else(|| PlanError::NoWildcard(target.bundle_id.clone()))?
            } else {
                target.bundle_id.clone()
            };
            let name = profile_name(profile_type, distribution, &bundle_id);
            let entitlements = if target.ui_test {
                Dictionary::new()
            } else {
                target.entitlements.clone()
            };
            let optional = distribution != policy.distribution && !target.ui_test;
            if let Some(shared) = desired_profiles.iter_mut().find(|desired| desired.name == name) {
                shared.targets.push(target.name.clone());
                shared.optional &= optional;
                for (key, value) in entitlements {
                    if !shared.entitlements.contains_key(&key) {
                        shared.entitlements.insert(key, value);
                    }
                }
                continue;
            }
            desired_profiles.push(DesiredProfile {
                targets: vec![target.name.clone()],
                optional,
                bundle_id,
                profile_type,
                distribution,
                name,
                clip_of: capability::parent_app(&entitlements).or_else(|| target.clip_of.clone()),
                entitlements,
                certificates: serving,
            });
        }
    }
    Ok(desired_profiles)
}
