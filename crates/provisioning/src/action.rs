//! The changes of the portal that a plan is made of.

use apple_types::{BundleIdentifier, PortalPlatform, ResourceId, Udid};
use serde::Serialize;

use crate::capability::Capability;
use crate::snapshot::{Assignable, EnabledCapability, PortalProfile};

/// One change of the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Register a device.
    RegisterDevice {
        /// Its name on the portal.
        name: String,
        /// Its UDID.
        udid: Udid,
        /// The platform that it is registered for.
        platform: PortalPlatform,
    },
    /// Create a bundle ID.
    CreateBundleId {
        /// The identifier.
        identifier: BundleIdentifier,
        /// Its name on the portal.
        name: String,
        /// Its platform.
        platform: PortalPlatform,
        /// The bundle ID of its app, for an App Clip's.
        #[serde(skip_serializing_if = "Option::is_none")]
        parent: Option<BundleIdentifier>,
    },
    /// Enable a capability of a bundle ID.
    EnableCapability {
        /// The identifier.
        bundle_id: BundleIdentifier,
        /// What is enabled.
        capability: Capability,
    },
    /// Change the settings of a capability.
    ChangeCapability {
        /// The identifier.
        bundle_id: BundleIdentifier,
        /// The capability's ID on the portal.
        id: ResourceId<EnabledCapability>,
        /// What it becomes.
        capability: Capability,
    },
    /// Associate App Groups or iCloud containers with a bundle ID.
    Assign {
        /// The identifier of the bundle ID.
        bundle_id: BundleIdentifier,
        /// What is associated.
        what: Assignable,
        /// All identifiers that it must have afterwards.
        identifiers: Vec<String>,
    },
    /// Recreate a profile in its place.
    RepairProfile {
        /// Its ID on the portal.
        id: ResourceId<PortalProfile>,
        /// The position of its desired profile.
        #[serde(rename = "desired_profile")]
        desired: usize,
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// Delete a profile.
    DeleteProfile {
        /// Its ID on the portal.
        id: ResourceId<PortalProfile>,
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// Create a profile.
    CreateProfile {
        /// The position of its desired profile.
        #[serde(rename = "desired_profile")]
        desired: usize,
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
}

impl Action {
    /// The stage in which profiles are created.
    pub const LAST_STAGE: usize = 4;

    /// Actions of one stage do not depend on each other.
    pub fn stage(&self) -> usize {
        match self {
            Self::RegisterDevice { .. } | Self::CreateBundleId { parent: None, .. } => 0,
            // The App ID of its app must exist first.
            Self::CreateBundleId { .. } => 1,
            Self::EnableCapability { .. } | Self::ChangeCapability { .. } | Self::DeleteProfile { .. } => 2,
            Self::Assign { .. } => 3,
            Self::CreateProfile { .. } | Self::RepairProfile { .. } => Self::LAST_STAGE,
        }
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RegisterDevice { udid, .. } => write!(f, "register the device {udid}"),
            Self::CreateBundleId { identifier, .. } => write!(f, "create the App ID {identifier}"),
            Self::EnableCapability {
                bundle_id,
                capability,
            } => write!(f, "enable {} for {bundle_id}", capability.name()),
            Self::ChangeCapability {
                bundle_id,
                capability,
                ..
            } => {
                write!(f, "change the settings of {} for {bundle_id}", capability.name())
            }
            Self::Assign {
                bundle_id,
                what,
                identifiers,
            } => write!(f, "assign the {what} {} to {bundle_id}", identifiers.join(", ")),
            Self::RepairProfile { name, reason, .. } => write!(f, "recreate the profile {name}: {reason}"),
            Self::DeleteProfile { name, reason, .. } => write!(f, "delete the profile {name}: {reason}"),
            Self::CreateProfile { name, reason, .. } => write!(f, "create the profile {name}: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_have_the_names_of_apples_site() {
        let enable = Action::EnableCapability {
            bundle_id: "com.example.app".parse().unwrap(),
            capability: Capability {
                kind: "PUSH_NOTIFICATIONS".to_owned(),
                settings: Vec::new(),
            },
        };
        assert_eq!(
            enable.to_string(),
            "enable Push Notifications for com.example.app"
        );
    }
}
