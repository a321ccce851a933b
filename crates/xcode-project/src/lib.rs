//! Reads Xcode projects exactly and edits them by the line.
//!
//! [`Container`] finds schemes and projects, [`Project`] gives targets and build settings, and
//! [`Project::sign_manually`] changes the signing settings of a target without touching another byte. Nothing here
//! runs Xcode, reads the environment or needs a Mac; what the files do not say is [`Answer::Unresolved`], never
//! guessed. [`xcodebuild`] reads what Xcode itself says, for callers that have one.
//!
//! ```
//! use xcode_project::{Archive, Container, ManualSigning, Platform, Workspace};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/courier/Courier.xcodeproj"));
//! let container = Container::open(path)?;
//! let scheme = container.scheme("Courier")?;
//! let configuration = scheme.archive_configuration.as_deref().unwrap_or("Release");
//!
//! // What does the scheme archive for iPhones, and what is signed with it?
//! let mut workspace = Workspace::of(container);
//! let roots = workspace.roots(&scheme, configuration, None)?;
//! let archive = Archive { destination: Platform::Ios, configuration, implicit: scheme.builds_implicit_dependencies };
//! for built in workspace.built(&roots, archive)? {
//!     let settings = workspace.settings(&built.project, &built.target, configuration)?;
//!     let settings = settings.for_platform(built.platform);
//!     println!("{} is {}", built.target.name, built.project.bundle_id(&built.target, &settings)?);
//! }
//!
//! // The project file with the app signed manually: only those lines differ.
//! let signing = ManualSigning {
//!     team_id: "A1B2C3D4E5".to_owned(),
//!     identity: "Apple Distribution".to_owned(),
//!     profile_uuid: "6d3a1f0e-1f0a-4c55-8a7e-d0f5d1f6a001".to_owned(),
//!     platform: Platform::Ios,
//! };
//! let (project, app) = roots.main;
//! let text = project.sign_manually(&[(app, configuration.to_owned(), signing)])?;
//! assert!(text.contains("PROVISIONING_PROFILE = \"6d3a1f0e-1f0a-4c55-8a7e-d0f5d1f6a001\";"));
//! // project.save(&text)? would replace the file in one atomic rename.
//! # Ok(())
//! # }
//! ```

mod autocreated;
mod build;
mod built_in;
mod conditions;
mod container;
mod destination;
mod error;
mod json;
pub mod json5;
mod macros;
mod model;
mod operators;
mod paths;
mod pbx;
mod pbxproj;
mod plists;
mod project;
mod scheme;
mod settings;
mod signing;
mod view;
pub mod xcconfig;
pub mod xcodebuild;
mod xcproj;
mod xml;

pub use apple_types::Platform;
pub use build::{Archive, Built, Held, Roots, Workspace};
pub use conditions::NEWEST_SDK;
pub use container::{Container, FileReference};
pub use destination::Support;
pub use error::Error;
pub use model::{
    BaseConfiguration, BuildFile, BuildItem, BuildPhase, BuildSettings, CopyBase, CopyDestination,
    Dependency, DependencyKind, Details, PhaseKind, SettingValue, SynchronizedFolder, Target,
};
pub use paths::normalized;
pub use pbxproj::{Document, Entry, Format, Node, SyntaxError, Value};
pub use project::Project;
pub use scheme::{BuildEntry, Scheme};
pub use settings::{Answer, Origin, Settings};
pub use signing::ManualSigning;
pub use xcconfig::{MissingFile, Problem};

/// Larger than any file of a real project, in bytes.
const LARGEST_FILE: u64 = 64 << 20;

/// More values than any real project has: each takes some fifty times more memory than text.
const MOST_VALUES: usize = 4_000_000;
