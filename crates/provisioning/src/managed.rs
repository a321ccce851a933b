//! Profiles that Xcode made for itself: found and checked, never changed.

use apple_types::Distribution;
use time::{Duration, OffsetDateTime};

use crate::fit;
use crate::grants::GapKind;
use crate::signed::Signed;
use crate::snapshot::{BundleId, Device, PortalProfile, Snapshot};
use crate::wants::{Policy, Want};

/// Xcode has made no profile that would do.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "Xcode has made no usable {distribution} profile for `{bundle_id}`{}",
    told(rejected)
)]
pub struct NoManagedProfile {
    /// What was to be signed.
    pub bundle_id: String,
    /// For what.
    pub distribution: Distribution,
    /// Those that are there, and why they don't do.
    pub rejected: Vec<String>,
}

fn told(rejected: &[String]) -> String {
    if rejected.is_empty() {
        String::new()
    } else {
        format!(": {}", rejected.join("; "))
    }
}

/// For each want a profile that Xcode manages: one for exactly its bundle ID first, then one whose pattern covers it, the
/// longest pattern first.
///
/// # Errors
/// When a want has none.
pub fn choose_managed(
    wants: &[Want],
    snapshot: &Snapshot,
    policy: &Policy,
    now: OffsetDateTime,
) -> Result<Vec<Signed>, NoManagedProfile> {
    let mut signed = Vec::new();
    for want in wants {
        match choose_one(want, snapshot, policy, now) {
            Ok(found) => signed.push(found),
            // Development comes along where it can; what was asked for is a must.
            Err(_) if want.distribution != policy.distribution => {}
            Err(error) => return Err(error),
        }
    }
    Ok(signed)
}

fn choose_one(
    want: &Want,
    snapshot: &Snapshot,
    policy: &Policy,
    now: OffsetDateTime,
) -> Result<Signed, NoManagedProfile> {
    let mut covering: Vec<&BundleId> = snapshot
        .bundle_ids
        .iter()
        .filter(|known| covers(&known.identifier, &want.bundle_id))
        .collect();
    covering.sort_by_key(|known| {
        (
            known.identifier.contains('*'),
            std::cmp::Reverse(known.identifier.len()),
        )
    });
    let mut rejected = Vec::new();
    for known in covering {
        let candidates = known.profiles.iter().filter(|profile| {
            profile.profile_type == Some(want.profile_type)
                && profile
                    .details
                    .as_ref()
                    .is_some_and(|details| details.xcode_managed)
        });
        for profile in candidates {
            match fitted(want, profile, snapshot, policy, now) {
                Ok(want) => {
                    return Ok(Signed {
                        want,
                        profile: profile.clone(),
                    });
                }
                Err(why) => rejected.push(format!("{}: {why}", profile.name)),
            }
        }
    }
    Err(NoManagedProfile {
        bundle_id: want.bundle_id.clone(),
        distribution: want.distribution,
        rejected,
    })
}

/// Whether an App ID's identifier, possibly a pattern, is for a bundle ID. An asterisk also spans dots.
pub fn covers(identifier: &str, bundle_id: &str) -> bool {
    match identifier.strip_suffix('*') {
        Some(stem) => bundle_id.starts_with(stem),
        None => identifier == bundle_id,
    }
}

/// The want with those certificates that the profile has, or why the profile does not fit.
fn fitted(
    want: &Want,
    profile: &PortalProfile,
    snapshot: &Snapshot,
    policy: &Policy,
    now: OffsetDateTime,
) -> Result<Want, String> {
    if !profile.active {
        return Err("Apple calls it invalid".to_owned());
    }
    let Some(details) = &profile.details else {
        return Err("its file can't be read".to_owned());
    };
    if details.expires_at <= now + Duration::days(policy.min_profile_days_valid) {
        let word = if details.expires_at <= now {
            "expired"
        } else {
            "ends"
        };
        return Err(format!("it {word} on {}", details.expires_at.date()));
    }
    let mut fitted = want.clone();
    fitted
        .certificates
        .retain(|certificate| details.serials.contains(&certificate.serial));
    if fitted.certificates.is_empty() {
        return Err("it has none of the uploaded certificates".to_owned());
    }
    // Those that the portal knows first, and of those the one that expires last.
    let is_known = |serial: &str| snapshot.certificates.iter().any(|known| known.serial == serial);
    fitted.certificates.sort_by_key(|certificate| {
        (
            !is_known(&certificate.serial),
            std::cmp::Reverse(certificate.not_after),
        )
    });
    if want.distribution.lists_devices() {
        let missing = snapshot.devices.iter().find(|device| {
            device.enabled
                && want.profile_type.takes_device(device.class)
                && !details.udids.contains(&Device::comparable(&device.udid))
        });
        if let Some(device) = missing {
            return Err(format!(
                "the device {} ({}){} is missing in it",
                device.name,
                device.udid,
                fit::added(device, now)
            ));
        }
    }
    let gaps = want.gaps(&details.entitlements);
    if let Some(gap) = gaps.iter().find(|gap| gap.kind != GapKind::Foreign) {
        return Err(format!("it does not grant {gap}"));
    }
    Ok(fitted)
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_pattern_covers_what_begins_like_it() {
        for (identifier, bundle_id, expected) in [
            ("com.example.app", "com.example.app", true),
            ("com.example.app", "com.example.app.widget", false),
            ("com.example.*", "com.example.app.widget", true),
            ("*", "com.example.app", true),
            ("com.example.*", "com.examples", false),
        ] {
            assert_eq!(
                covers(identifier, bundle_id),
                expected,
                "{identifier} {bundle_id}"
            );
        }
    }
}
