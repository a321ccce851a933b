//! A profile that was just created and does not grant what its targets claim: what is missing, and who can provide it.

use apple_types::{BundleIdentifier, Distribution};

use crate::capability::{Requirement, requirement};
use crate::desired::{DesiredProfile, PortalAccess};
use crate::grants::{MissingEntitlement, MissingEntitlementKind};
use crate::snapshot::PortalProfile;
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
    pub bundle_id: BundleIdentifier,
    /// Its distribution.
    pub distribution: Distribution,
    /// How the portal was reached.
    pub access: PortalAccess,
    /// What is missing.
    pub missing: Vec<MissingGrant>,
}

/// Something that a profile does not grant.
#[derive(Debug, Clone)]
pub struct MissingGrant {
    /// What it is.
    pub gap: MissingEntitlement,
    /// Where it would come from.
    pub requirement: Requirement,
}

fn list(missing: &[MissingGrant]) -> String {
    let all: Vec<String> = missing.iter().map(|missing| missing.gap.to_string()).collect();
    all.join(", ")
}

impl NotGranted {
    /// What a new profile lacks so that its targets can't be signed; `None` when nothing.
    pub fn of(desired: &DesiredProfile, profile: &PortalProfile, access: PortalAccess) -> Option<Self> {
        let details = profile.details.as_ref()?;
        let missing: Vec<MissingGrant> = desired
            .missing_entitlements(&details.entitlements)
            .into_iter()
            .filter(|gap| gap.kind == MissingEntitlementKind::NotGranted)
            .map(|gap| MissingGrant {
                requirement: requirement(&gap.entitlement, &desired.entitlements),
                gap,
            })
            .collect();
        (!missing.is_empty()).then(|| Self {
            targets: desired.targets.clone(),
            profile: profile.name.clone(),
            bundle_id: desired.bundle_id.clone(),
            distribution: desired.distribution,
            access,
            missing,
        })
    }
}

/// What a profile that serves still lacks: things that creating it again would not mend.
pub fn grant_warnings(desired: &DesiredProfile, profile: &PortalProfile) -> Vec<Warning> {
    let Some(details) = &profile.details else {
        return Vec::new();
    };
    let warning = |gap: MissingEntitlement| match gap.kind {
        MissingEntitlementKind::NotGranted => None,
        MissingEntitlementKind::Linked(_) => Some(Warning::NotLinked {
            gap,
            profile: profile.name.clone(),
            bundle_id: desired.bundle_id.clone(),
        }),
        MissingEntitlementKind::Undocumented => Some(Warning::Undocumented {
            gap,
            profile: profile.name.clone(),
            targets: desired.targets.clone(),
        }),
    };
    desired
        .missing_entitlements(&details.entitlements)
        .into_iter()
        .filter_map(warning)
        .collect()
}
