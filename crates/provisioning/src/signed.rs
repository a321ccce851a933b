//! A desired profile together with the profile that meets it.

use crate::snapshot::PortalProfile;
use crate::wants::Want;

/// A want with the profile that serves it.
#[derive(Debug, Clone)]
pub struct Signed {
    /// What was wanted.
    pub want: Want,
    /// What there is now.
    pub profile: PortalProfile,
}
