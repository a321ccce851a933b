//! Why there is no plan.

use apple_types::{BundleIdentifier, Distribution, ProfileType};

use crate::certificates::NoCertificate;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A certificate is missing.
    #[error(transparent)]
    NoCertificate(#[from] NoCertificate),
    /// The portal does not know the certificates.
    #[error("the team's portal does not list the uploaded certificates: {}", .0.join(", "))]
    UnknownCertificates(Vec<String>),
    /// Apple has no such profile type.
    #[error("Apple has no {distribution} profiles for the platform of the target `{target}`")]
    NoProfileType {
        /// The target.
        target: String,
        /// The distribution.
        distribution: Distribution,
    },
    /// A profile must list devices, and there are none.
    #[error("no device is registered for a profile of type {0}")]
    NoDevices(ProfileType),
    /// App clips' bundle IDs belong to their app's, which only the web page can say.
    #[error(
        "the App ID `{0}` of the App Clip does not exist, and an API key can't create App IDs of App Clips"
    )]
    AppClip(BundleIdentifier),
    /// The App ID of an App Clip belongs to its app's.
    #[error(
        "the App ID `{0}` of the App Clip does not exist, and the entitlements of the App Clip name no app that it belongs to"
    )]
    AppClipParent(BundleIdentifier),
    /// The API can't enable it for App Clips.
    #[error("an API key can't enable Sign in with Apple for the App Clip `{0}`")]
    AppClipSignIn(BundleIdentifier),
    /// Apple keeps identifiers that differ only in case apart from each other for nobody.
    #[error(
        "the project uses the bundle ID `{project}`, but the portal has `{portal}`; two bundle IDs can't differ only in case"
    )]
    Case {
        /// The project's bundle ID.
        project: BundleIdentifier,
        /// The portal's.
        portal: BundleIdentifier,
    },
    /// A bundle ID of one component has no wildcard above it.
    #[error("the bundle ID `{0}` of a UI test target has no dot, so no wildcard profile covers it")]
    NoWildcard(BundleIdentifier),
}
