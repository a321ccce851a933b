//! A second, deliberately simple reader of Xcode projects.
//!
//! It exists to disagree: the sandbox's `xcodebuild` answers from it, and `xcode-project` is compared with it on
//! generated projects. So it shares no code with that crate, is written from the rules of swift-build alone, and
//! prefers what is plain to what is fast: settings are one flat list, weakest first, that is searched from its end.

mod macros;
mod openstep;
mod project;
mod settings;
mod xcconfig;

pub use project::{Built, Project, Target, archived};
pub use settings::{Destination, Settings};
