//! App Store releases and TestFlight distribution through the App Store Connect API.
//!
//! What fastlane's deliver and pilot do, without Ruby: [`desired::assemble`] makes a release of options and folders in
//! fastlane's layout, [`Engine::prepare`] observes and plans it, [`Engine::apply`] makes the differences, and
//! [`Engine::submit`] submits for review. The planner, [`plan::plan`], is a pure function. A second run without changes
//! writes nothing, and a run that was killed is continued by the next.

mod age_rating;
pub mod deliverfile;
pub mod desired;
mod display;
mod engine;
mod error;
pub mod locale;
mod media;
mod media_file;
pub mod metadata;
pub mod options;
pub mod plan;
pub mod preview;
mod problem;
pub mod screenshot;
mod snapshot;
mod store;
mod submit;
pub mod testflight;
pub mod text;
mod wait;

pub use engine::{Engine, Prepared, Released};
pub use error::ReleaseError;
pub use media_file::{LocalMedia, MediaFile, MediaFolder};
pub use problem::Problem;
pub use snapshot::{
    App, AppInfo, AppName, Build, Localization, Overview, RemoteItem, RemoteMedia, RemoteSet, Snapshot,
    Submission, Version,
};
