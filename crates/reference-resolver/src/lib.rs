//! A second, deliberately simple reader of Xcode projects.
//!
//! It exists to disagree: the sandbox's `xcodebuild` answers from it, and `xcode-project` is compared with it on
//! generated projects. So it shares no code with that crate, is written from the rules of swift-build alone, and
//! prefers what is plain to what is fast: settings are one flat list, weakest first, that is searched from its end.

mod graph;
mod json5;
mod macros;
mod openstep;
mod project;
mod settings;
mod xcconfig;
mod xcproj;

pub use graph::{Built, archived};
pub use project::{Project, Target};
pub use settings::{Destination, Settings};
