//! Reads Xcode projects exactly and edits them by the line.
//!
//! [`Container`] finds schemes and projects, [`Project`] gives targets and build settings, and
//! [`Project::sign_manually`] changes the signing settings of a target without touching another byte.

mod container;
mod error;
mod json;
mod paths;
mod pbxproj;
mod project;
mod scheme;
mod settings;
mod signing;
mod view;
mod xcconfig;
pub mod xcodebuild;
mod xml;

pub use container::{Container, FileReference};
pub use error::Error;
pub use paths::normalized;
pub use pbxproj::{Document, Entry, Format, Node, SyntaxError, Value};
pub use project::{Platform, Project, Target};
pub use scheme::{BuildEntry, Scheme};
pub use settings::{Answer, Origin, Settings};
pub use signing::ManualSigning;
pub use view::{BaseConfiguration, Dependency, DependencyKind, Details};
pub use xcconfig::MissingFile;
