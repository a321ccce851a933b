//! A desired profile together with the profile that meets it.

use crate::desired::DesiredProfile;
use crate::snapshot::PortalProfile;

/// A want with the profile that serves it.
#[derive(Debug, Clone)]
pub struct SignedProfile {
    /// What was wanted.
    pub desired: DesiredProfile,
    /// What there is now.
    pub profile: PortalProfile,
}
