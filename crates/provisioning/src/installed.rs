//! Profiles that are installed already: one that fits is used without asking the portal.

use apple_types::{BundleIdentifier, Distribution, ProfileType, Udid};
use signing_assets::Profile;
use time::{Duration, OffsetDateTime};

use crate::desired::{DesiredProfile, Policy};
use crate::managed::rejections;
use crate::signed_profile::SignedProfile;
use crate::snapshot::{Details, PortalProfile};

/// The installed profile that serves a desired profile as it is; `None` when the portal must be asked.
///
/// Only the test devices at hand are compared: what else is registered, the portal alone knows.
pub fn installed_profile(
    desired: &DesiredProfile,
    policy: &Policy,
    installed: &[(Profile, Vec<u8>)],
    now: OffsetDateTime,
) -> Option<PortalProfile> {
    let (profile, content) = installed
        .iter()
        .find(|(profile, _)| fits(desired, policy, profile, now))?;
    Some(portal_profile(desired, profile, content))
}

/// No profile at hand serves a desired profile.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no {distribution} profile fits `{bundle_id}`{}", rejections(rejected))]
pub struct NoProfile {
    /// What was to be signed.
    pub bundle_id: BundleIdentifier,
    /// For what.
    pub distribution: Distribution,
    /// Profiles of its bundle ID, and why each of them can't be used.
    pub rejected: Vec<String>,
}

/// For each desired profile one of those at hand, whoever created it, with the certificates that it lists. Optional ones
/// are left out where there is none.
///
/// # Errors
/// When a desired profile has none.
pub fn choose_among(
    desired_profiles: &[DesiredProfile],
    profiles: &[(Profile, Vec<u8>)],
    now: OffsetDateTime,
) -> Result<Vec<SignedProfile>, NoProfile> {
    let mut signed = Vec::new();
    for desired in desired_profiles {
        let mut rejected = Vec::new();
        // One for exactly this bundle ID before one with a pattern.
        let mut own: Vec<&(Profile, Vec<u8>)> = profiles
            .iter()
            .filter(|(profile, _)| {
                profile.bundle_id.covers(&desired.bundle_id) && is_of_type(profile, desired.profile_type)
            })
            .collect();
        own.sort_by_key(|(profile, _)| std::cmp::Reverse(profile.bundle_id.as_str().len()));
        let mut found = None;
        for (profile, content) in own {
            match fit(desired, profile, now) {
                Ok(desired) => {
                    found = Some(SignedProfile {
                        profile: portal_profile(&desired, profile, content),
                        desired,
                    });
                    break;
                }
                Err(why) => rejected.push(format!("{}: {why}", profile.name)),
            }
        }
        match found {
            Some(found) => signed.push(found),
            None if desired.optional => {}
            None => {
                return Err(NoProfile {
                    bundle_id: desired.bundle_id.clone(),
                    distribution: desired.distribution,
                    rejected,
                });
            }
        }
    }
    Ok(signed)
}

/// The desired profile with the certificates of the profile, or why that does not fit.
fn fit(desired: &DesiredProfile, profile: &Profile, now: OffsetDateTime) -> Result<DesiredProfile, String> {
    if profile.expires_at <= now {
        return Err(format!("it expired on {}", profile.expires_at.date()));
    }
    let mut fitted = desired.clone();
    fitted.certificates.retain(|certificate| {
        let mut listed = profile.certificates.iter();
        listed.any(|known| known.serial == certificate.serial)
    });
    fitted
        .certificates
        .sort_by_key(|certificate| std::cmp::Reverse(certificate.not_after));
    if fitted.certificates.is_empty() {
        return Err("it includes none of the uploaded certificates".to_owned());
    }
    match desired.first_not_granted(&profile.entitlements) {
        Some(missing) => Err(format!("it does not grant {missing}")),
        None => Ok(fitted),
    }
}

fn portal_profile(desired: &DesiredProfile, profile: &Profile, content: &[u8]) -> PortalProfile {
    PortalProfile {
        id: None,
        name: profile.name.clone(),
        profile_type: Some(desired.profile_type),
        active: true,
        details: Some(Details::from(profile.clone())),
        content: content.to_vec(),
    }
}

fn fits(desired: &DesiredProfile, policy: &Policy, profile: &Profile, now: OffsetDateTime) -> bool {
    let has_certificate = |serial: &str| {
        profile
            .certificates
            .iter()
            .any(|certificate| certificate.serial == serial)
    };
    let udids: Vec<&Udid> = profile.devices.iter().flatten().collect();
    !profile.xcode_managed
        && profile.bundle_id == desired.bundle_id
        && is_of_type(profile, desired.profile_type)
        && profile.expires_at > now + Duration::days(policy.min_profile_days_valid)
        && desired
            .certificates
            .iter()
            .all(|certificate| has_certificate(&certificate.serial))
        && (!desired.distribution.lists_devices()
            || policy
                .test_devices
                .iter()
                .all(|device| udids.contains(&&device.udid)))
        && desired.first_not_granted(&profile.entitlements).is_none()
}

/// Reads a profile's type off its content, as Xcode does.
fn is_of_type(profile: &Profile, wanted: ProfileType) -> bool {
    let platform = match wanted.platform_name() {
        "iOS" => "iOS",
        "tvOS" => "tvOS",
        _ => "OSX",
    };
    let debuggable = ["get-task-allow", "com.apple.security.get-task-allow"]
        .iter()
        .any(|key| profile.entitlements.get(key).and_then(plist::Value::as_boolean) == Some(true));
    let kind = match (&profile.devices, profile.all_devices, debuggable) {
        (_, true, _) => ["INHOUSE", "DIRECT"],
        (Some(_), false, true) => ["DEVELOPMENT"; 2],
        (Some(_), false, false) => ["ADHOC"; 2],
        (None, false, _) => ["STORE"; 2],
    };
    profile.platforms.iter().any(|name| name == platform)
        && kind.iter().any(|end| wanted.as_str().ends_with(end))
}
