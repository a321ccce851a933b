//! Apple's vocabulary as types, shared by all crates: platforms, distributions, and profile types.
//!
//! Words that come from Apple are in the types' documentation with their source. Nothing here knows a server, a file,
//! or a step.

mod distribution;
mod platform;
mod profile_type;
mod store_platform;
mod xcode_version;

pub use distribution::Distribution;
pub use platform::{Platform, is_simulator, sdk_family};
pub use profile_type::{DeviceClass, ProfileType};
pub use store_platform::StorePlatform;
pub use xcode_version::XcodeVersion;
