//! Apple's vocabulary as types, shared by all crates: platforms, distributions, profile types, and IDs.
//!
//! Words that come from Apple are in the types' documentation with their source. Nothing here knows a server, a file,
//! or a step.

mod distribution;
mod identifier;
mod platform;
mod profile_type;
mod resource_id;
mod store_platform;
mod xcode_version;

pub use distribution::Distribution;
pub use identifier::{BundleIdentifier, EmptyIdentifier, TeamId, Udid};
pub use platform::{Platform, PortalPlatform, is_simulator, sdk_family};
pub use profile_type::{DeviceClass, ProfileType};
pub use resource_id::ResourceId;
pub use store_platform::StorePlatform;
pub use xcode_version::XcodeVersion;
