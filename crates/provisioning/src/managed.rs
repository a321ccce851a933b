//! Profiles that Xcode made for itself: found and checked, never changed.

use apple_types::{BundleIdentifier, Distribution};
use time::{Duration, OffsetDateTime};

use crate::desired::{DesiredProfile, Policy};
use crate::signed_profile::SignedProfile;
use crate::snapshot::{BundleId, PortalProfile, Snapshot};
use crate::staleness;

/// Xcode has made no profile that would do.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "Xcode has created no usable {distribution} profile for `{bundle_id}`{}",
    rejections(rejected)
)]
pub struct NoManagedProfile {
    /// What was to be signed.
    pub bundle_id: BundleIdentifier,
    /// For what.
    pub distribution: Distribution,
    /// Those that exist, and why each of them can't be used.
    pub rejected: Vec<String>,
}

pub(crate) fn rejections(rejected: &[String]) -> String {
    if rejected.is_empty() {
        String::new()
    } else {
        format!(": {}", rejected.join("; "))
    }
}

/// For each desired profile one that Xcode manages: one for exactly its bundle ID first, then one whose pattern covers it, the
/// longest pattern first.
///
/// # Errors
/// When a desired profile has none.
pub fn choose_managed(
    desired_profiles: &[DesiredProfile],
    snapshot: &Snapshot,
    policy: &Policy,
    now: OffsetDateTime,
) -> Result<Vec<SignedProfile>, NoManagedProfile> {
    let mut signed = Vec::new();
    for desired in desired_profiles {
        match choose_one(desired, snapshot, policy, now) {
            Ok(found) => signed.push(found),
            // Development comes along where it can; what was asked for is a must.
            Err(_) if desired.distribution != policy.distribution => {}
            Err(error) => return Err(error),
        }
    }
    Ok(signed)
}

fn choose_one(
    desired: &DesiredProfile,
    snapshot: &Snapshot,
    policy: &Policy,
    now: OffsetDateTime,
) -> Result<SignedProfile, NoManagedProfile> {
    let mut covering: Vec<&BundleId> = snapshot
        .bundle_ids
        .iter()
        .filter(|known| known.identifier.covers(&desired.bundle_id))
        .collect();
    covering.sort_by_key(|known| {
        (
            known.identifier.is_wildcard(),
            std::cmp::Reverse(known.identifier.as_str().len()),
        )
    });
    let mut rejected = Vec::new();
    for known in covering {
        let candidates = known.profiles.iter().filter(|profile| {
            profile.profile_type == Some(desired.profile_type)
                && profile
                    .details
                    .as_ref()
                    .is_some_and(|details| details.xcode_managed)
        });
        for profile in candidates {
            match fit(desired, profile, snapshot, policy, now) {
                Ok(desired) => {
                    return Ok(SignedProfile {
                        desired,
                        profile: profile.clone(),
                    });
                }
                Err(why) => rejected.push(format!("{}: {why}", profile.name)),
            }
        }
    }
    Err(NoManagedProfile {
        bundle_id: desired.bundle_id.clone(),
        distribution: desired.distribution,
        rejected,
    })
}

/// The desired profile with those certificates that the profile has, or why the profile does not fit.
fn fit(
    desired: &DesiredProfile,
    profile: &PortalProfile,
    snapshot: &Snapshot,
    policy: &Policy,
    now: OffsetDateTime,
) -> Result<DesiredProfile, String> {
    if !profile.active {
        return Err("Apple marked it invalid".to_owned());
    }
    let Some(details) = &profile.details else {
        return Err("its file can't be read".to_owned());
    };
    if details.expires_at <= now + Duration::days(policy.min_profile_days_valid) {
        let word = if details.expires_at <= now {
            "expired"
        } else {
            "expires"
        };
        return Err(format!("it {word} on {}", details.expires_at.date()));
    }
    let mut fitted = desired.clone();
    fitted
        .certificates
        .retain(|certificate| details.serials.contains(&certificate.serial));
    if fitted.certificates.is_empty() {
        return Err("it includes none of the uploaded certificates".to_owned());
    }
    // Those that the portal knows first, and of those the one that expires last.
    let is_known = |serial: &str| snapshot.certificates.iter().any(|known| known.serial == serial);
    fitted.certificates.sort_by_key(|certificate| {
        (
            !is_known(&certificate.serial),
            std::cmp::Reverse(certificate.not_after),
        )
    });
    if desired.distribution.lists_devices() {
        let missing = snapshot.devices.iter().find(|device| {
            device.enabled
                && desired.profile_type.takes_device(device.class)
                && !details.udids.contains(&device.udid)
        });
        if let Some(device) = missing {
            return Err(staleness::missing_device(device, now));
        }
    }
    if let Some(missing) = desired.first_not_granted(&details.entitlements) {
        return Err(format!("it does not grant {missing}"));
    }
    Ok(fitted)
}
