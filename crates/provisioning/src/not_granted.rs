//! A profile that was just created and does not grant what its targets claim: what is missing, and who can provide it.

use apple_types::Distribution;

use crate::capability::{IDENTIFIERS_PAGE, Requirement, requirement};
use crate::grants::{Gap, GapKind};
use crate::snapshot::PortalProfile;
use crate::wants::{Want, Way};

/// Where managed capabilities are requested from Apple.
const REQUESTS: &str =
    "the tab Capability Requests of the App ID's page, or https://developer.apple.com/contact/request/";

/// A profile that Apple created does not grant an entitlement.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "could not sign the target `{}`: the profile `{profile}` that Apple created for the App ID `{bundle_id}` does not grant {}",
    targets.join("`, `"),
    list(gaps)
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
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// What to do about each, a sentence.
    remedies: Vec<String>,
}

fn list(gaps: &[Gap]) -> String {
    let all: Vec<String> = gaps.iter().map(ToString::to_string).collect();
    all.join(", ")
}

impl NotGranted {
    /// What a new profile lacks so that its targets can't be signed; `None` when nothing.
    pub fn of(want: &Want, profile: &PortalProfile, way: Way) -> Option<Self> {
        let details = profile.details.as_ref()?;
        let mut gaps = want.gaps(&details.entitlements);
        gaps.retain(|gap| gap.kind == GapKind::Grant);
        if gaps.is_empty() {
            return None;
        }
        let mut remedies: Vec<String> = Vec::new();
        for gap in &gaps {
            let text = remedy(gap, want, way);
            if !remedies.contains(&text) {
                remedies.push(text);
            }
        }
        Some(Self {
            targets: want.targets.clone(),
            profile: profile.name.clone(),
            bundle_id: want.bundle_id.clone(),
            distribution: want.distribution,
            gaps,
            remedies,
        })
    }

    /// What a person should do.
    pub fn advice(&self) -> String {
        format!("{}; then run the step again", self.remedies.join("; "))
    }
}

fn remedy(gap: &Gap, want: &Want, way: Way) -> String {
    let id = &want.bundle_id;
    match requirement(&gap.entitlement, &want.entitlements) {
        Requirement::Managed("CarPlay") => format!(
            "CarPlay is a managed capability: request it for the App ID `{id}` at https://developer.apple.com/contact/carplay, and once Apple has granted it, switch it on at {IDENTIFIERS_PAGE}"
        ),
        Requirement::Managed(name) => format!(
            "{name} is a managed capability: request it from Apple for the App ID `{id}` on {REQUESTS}, and once Apple has granted it for {} profiles, switch it on at {IDENTIFIERS_PAGE}",
            want.distribution
        ),
        // Development is for everybody, and every other distribution by request.
        Requirement::BySession(_, name @ "Family Controls")
            if want.distribution != Distribution::Development =>
        {
            format!(
                "{name} outside of development is a managed capability: request it for the App ID `{id}` at https://developer.apple.com/contact/request/family-controls-distribution"
            )
        }
        Requirement::BySession(_, name) => {
            let how = match way {
                Way::ApiKey => "an API key can't switch it on; a person or an Apple ID session can",
                Way::Session => {
                    "this step switched it on, and Apple's profile lacks it, so it may not be for this platform or distribution"
                }
            };
            format!("switch on the capability {name} for the App ID `{id}` at {IDENTIFIERS_PAGE} ({how})")
        }
        Requirement::Capability(capability) => format!(
            "the capability {} is one that this step enables: check how it is configured for the App ID `{id}` at {IDENTIFIERS_PAGE}, and that {} profiles of this platform can have it",
            capability.kind, want.distribution
        ),
        Requirement::Nothing => format!(
            "make the target claim only what a profile of the App ID `{id}` can grant, or configure the App ID at {IDENTIFIERS_PAGE}"
        ),
        Requirement::Unknown => format!(
            "`{}` is not an entitlement that this step knows: check its spelling, and whether it is a capability of the App ID `{id}` at {IDENTIFIERS_PAGE} that a person must switch on or request from Apple",
            gap.entitlement
        ),
    }
}

/// What a profile that serves still lacks, in words: things that making it anew would not mend.
pub fn shortcomings(want: &Want, profile: &PortalProfile, way: Way) -> Vec<String> {
    let Some(details) = &profile.details else {
        return Vec::new();
    };
    let gaps = want.gaps(&details.entitlements);
    let told = gaps.iter().filter_map(|gap| match gap.kind {
        GapKind::Grant => None,
        GapKind::Linked(_) => Some(format!(
            "The profile `{}` does not grant {gap}: {} to the App ID `{}` at {IDENTIFIERS_PAGE}{}.",
            profile.name,
            if gap.values.len() > 1 { "assign them" } else { "assign it" },
            want.bundle_id,
            match way {
                Way::ApiKey => ", which an API key can't do",
                Way::Session => "",
            }
        )),
        GapKind::Foreign => Some(format!(
            "The profile `{}` does not grant {gap} of the target `{}`, which is not known to be one of Apple's.",
            profile.name,
            want.targets.join("`, `")
        )),
    });
    told.collect()
}
