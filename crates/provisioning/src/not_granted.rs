//! A profile that was just created and does not grant what its targets claim: what is missing, and who can provide it.

use apple_types::Distribution;

use crate::capability::{Requirement, requirement};
use crate::grants::{Gap, GapKind};
use crate::snapshot::PortalProfile;
use crate::wants::{Want, Way};
use crate::warning::Warning;

/// A profile that Apple created does not grant an entitlement.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "could not sign the target `{}`: the profile `{profile}` that Apple created for the App ID `{bundle_id}` does not grant {}",
    targets.join("`, `"),
    list(missing)
)]
pub struct NotGranted {
    /// The targets that the profile is for.
    pub targets: Vec<String>,
    /// Its name.
    pub profile: String,
    /// Its App ID.
    pub bundle_id: String,
    /// Its distribution.
    pub distribution: Distribution,
    /// How the portal was reached.
    pub way: Way,
    /// What is missing.
    pub missing: Vec<MissingGrant>,
}

/// Something that a profile does not grant.
#[derive(Debug, Clone)]
pub struct MissingGrant {
    /// What it is.
    pub gap: Gap,
    /// Where it would come from.
    pub requirement: Requirement,
}

fn list(missing: &[MissingGrant]) -> String {
    let all: Vec<String> = missing.iter().map(|missing| missing.gap.to_string()).collect();
    all.join(", ")
}

impl NotGranted {
    /// What a new profile lacks so that its targets can't be signed; `None` when nothing.
    pub fn of(want: &Want, profile: &PortalProfile, way: Way) -> Option<Self> {
        let details = profile.details.as_ref()?;
        let missing: Vec<MissingGrant> = want
            .gaps(&details.entitlements)
            .into_iter()
            .filter(|gap| gap.kind == GapKind::Grant)
            .map(|gap| MissingGrant {
                requirement: requirement(&gap.entitlement, &want.entitlements),
                gap,
            })
            .collect();
        (!missing.is_empty()).then(|| Self {
            targets: want.targets.clone(),
            profile: profile.name.clone(),
            bundle_id: want.bundle_id.clone(),
            distribution: want.distribution,
            way,
            missing,
        })
    }
}

/// What a profile that serves still lacks: things that creating it again would not mend.
pub fn shortcomings(want: &Want, profile: &PortalProfile) -> Vec<Warning> {
    let Some(details) = &profile.details else {
        return Vec::new();
    };
    let warning = |gap: Gap| match gap.kind {
        GapKind::Grant => None,
        GapKind::Linked(_) => Some(Warning::NotLinked {
            gap,
            profile: profile.name.clone(),
            bundle_id: want.bundle_id.clone(),
        }),
        GapKind::Foreign => Some(Warning::Undocumented {
            gap,
            profile: profile.name.clone(),
            targets: want.targets.clone(),
        }),
    };
    want.gaps(&details.entitlements)
        .into_iter()
        .filter_map(warning)
        .collect()
}
