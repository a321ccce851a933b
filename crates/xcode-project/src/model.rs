//! What a project says, whichever format its file has: the one view that all questions are answered from.
//!
//! `pbx.rs` fills it from `project.pbxproj`, `xcproj/read.rs` from `project.xcproj`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::paths::same_name;

/// The build settings that one configuration assigns, by key with its conditions, in the order in which Xcode reads
/// them: ascending by bytes, so that a conditional key comes after the plain one and wins over it
/// (swift-build, `MacroNamespace.swift`, `parseTable`).
pub type BuildSettings = BTreeMap<String, SettingValue>;

/// The value of a build setting as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingValue {
    /// A string.
    Text(String),
    /// An array of strings.
    List(Vec<String>),
}

impl SettingValue {
    /// The value as one string: the elements of a list, special characters behind a backslash, joined by spaces.
    pub fn joined(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::List(items) => items
                .iter()
                .map(|item| crate::operators::quoted(item))
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    /// The text of a value that is one string.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::List(_) => None,
        }
    }
}

/// A target of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its ID in the project file.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Apple's product type, such as `com.apple.product-type.application`; blank for aggregates.
    pub product_type: String,
    /// IDs of the targets of the same project that it depends on.
    pub dependencies: Vec<String>,
    /// The names of its configurations.
    pub configurations: Vec<String>,
}

impl Target {
    /// Apple's product type without its common beginning, such as `application`.
    pub fn kind(&self) -> &str {
        self.product_type
            .strip_prefix("com.apple.product-type.")
            .unwrap_or_default()
    }

    /// The name of its configuration as the project writes it, whose Unicode form may be another than that of `name`; Swift
    /// takes both for the same text. `None` where it has no such configuration.
    pub fn configuration(&self, name: &str) -> Option<&str> {
        let mut names = self.configurations.iter().map(String::as_str);
        names.find(|known| same_name(known, name))
    }

    /// Whether it yields something that is signed with its own profile: an app, extension, App Clip, watch app,
    /// XPC service, or system or driver extension (swift-build `ProductTypes.xcspec`, `DarwinProductTypes.xcspec`).
    pub fn is_executable(&self) -> bool {
        let kind = self.kind();
        kind.starts_with("application")
            || (kind.contains("-extension") && !kind.starts_with("kernel-extension"))
            || matches!(kind, "xpc-service" | "pluginkit-plugin")
    }

    /// Whether it is an app, an App Clip, or a watch app.
    pub fn is_app(&self) -> bool {
        self.product_type
            .starts_with("com.apple.product-type.application")
    }

    /// Whether it is an App Clip.
    pub fn is_app_clip(&self) -> bool {
        self.kind() == "application.on-demand-install-capable"
    }

    /// Whether it is a UI test bundle.
    pub fn is_ui_test(&self) -> bool {
        self.product_type == "com.apple.product-type.bundle.ui-testing"
    }
}

/// How a target depends on something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependencyKind {
    /// On a target of the same project.
    Target,
    /// On a target of another project.
    Remote,
    /// On a product of a package.
    Package,
}

/// Something that a target depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: DependencyKind,
    /// The target's ID, in whichever project it is.
    pub id: Option<String>,
    /// The other project, for a remote one.
    pub project: Option<PathBuf>,
    /// The platforms that it counts for, as the project file names them (`ios`, `maccatalyst`, `macos`, …); all
    /// when empty.
    pub platforms: Vec<String>,
}

/// The xcconfig file below a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseConfiguration {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is there.
    pub present: bool,
}

/// What a target is, beyond its name and configurations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// `PBXNativeTarget`, `PBXAggregateTarget` or `PBXLegacyTarget`, in either format.
    pub isa: String,
    /// What it depends on, in the project's order.
    pub dependencies: Vec<Dependency>,
    /// The product's file name.
    pub product: Option<String>,
    /// The ID of the product's reference, by which other projects name the product.
    pub product_id: Option<String>,
    /// `ProvisioningStyle` of the project's attributes of the target.
    pub provisioning_style: Option<String>,
    /// `DevelopmentTeam` of the project's attributes of the target.
    pub development_team: Option<String>,
    /// The ID of the target that hosts a test bundle, where the project notes it.
    pub test_host: Option<String>,
}

/// What a build phase does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PhaseKind {
    /// Compiles sources.
    Sources,
    /// Links frameworks and libraries.
    Frameworks,
    /// Copies resources.
    Resources,
    /// Copies headers.
    Headers,
    /// Copies files to a place inside or outside of the product; this is how other products are embedded.
    CopyFiles,
    /// Runs a script.
    Script,
    /// Anything else.
    Other,
}

/// A build phase of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildPhase {
    /// What it does.
    pub kind: PhaseKind,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Where a copy-files phase copies to.
    pub destination: Option<CopyDestination>,
    /// Whether it runs only when the product is installed, as an archive does it.
    pub install_only: bool,
    /// What a copy-files or frameworks phase works on; the files of other phases are left out, since nothing about
    /// signing depends on them.
    pub files: Vec<BuildFile>,
}

/// Where a copy-files phase copies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyDestination {
    /// The folder that the path counts from.
    pub base: CopyBase,
    /// The path below it; may hold build settings.
    pub path: String,
}

/// The folder that the destination of a copy-files phase counts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyBase {
    /// The path is absolute.
    Absolute,
    /// The product's wrapper.
    Wrapper,
    /// The folder of executables.
    Executables,
    /// The folder of resources.
    Resources,
    /// The folder of Java resources.
    JavaResources,
    /// The folder of frameworks.
    Frameworks,
    /// The folder of shared frameworks.
    SharedFrameworks,
    /// The folder of shared support files.
    SharedSupport,
    /// The folder of plug-ins, where app extensions go.
    PlugIns,
    /// The folder of built products.
    Products,
    /// A folder that this crate has no name for, as the project file names it.
    Other(String),
}

/// What a build phase works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFile {
    /// What it is.
    pub item: BuildItem,
    /// The platforms that it counts for, as the project file names them; all when empty.
    pub platforms: Vec<String>,
    /// Whether it is signed when it is copied.
    pub code_sign_on_copy: bool,
    /// Whether headers are removed when it is copied.
    pub remove_headers_on_copy: bool,
    /// Whether it is linked weakly.
    pub is_weak: bool,
}

/// What a file of a build phase is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildItem {
    /// The product of a target of the same project.
    Product {
        /// The target's ID.
        target: String,
        /// The product's file name.
        name: String,
    },
    /// The product of a target of another project.
    Remote {
        /// The other project.
        project: Option<PathBuf>,
        /// The ID of the product's reference in that project's file.
        product_id: Option<String>,
        /// The target's name.
        target: Option<String>,
        /// The product's file name.
        name: String,
    },
    /// A product of a package.
    Package {
        /// The product's name.
        name: String,
    },
    /// A file.
    File {
        /// Its name.
        name: String,
        /// Where it is; `None` where only Xcode knows.
        path: Option<PathBuf>,
    },
}

/// A folder whose files belong to targets without being listed (`PBXFileSystemSynchronizedRootGroup`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynchronizedFolder {
    /// Where it is; `None` where only Xcode knows.
    pub path: Option<PathBuf>,
    /// Whether the whole folder belongs to the target.
    pub is_member: bool,
    /// Paths below the folder: those left out if the folder belongs to the target, else those that belong to it alone.
    pub exceptions: Vec<String>,
}

/// One configuration of a target or of the project.
#[derive(Debug, Clone)]
pub(crate) struct Configuration {
    pub(crate) name: String,
    /// The xcconfig file below it.
    pub(crate) base: Option<PathBuf>,
    pub(crate) settings: BuildSettings,
}

/// A target with everything that a project says of it.
#[derive(Debug, Clone)]
pub(crate) struct TargetModel {
    pub(crate) target: Target,
    pub(crate) details: Details,
    pub(crate) phases: Vec<BuildPhase>,
    pub(crate) folders: Vec<SynchronizedFolder>,
    pub(crate) configurations: Vec<Configuration>,
}

/// What a project says.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    /// The folder that paths count from: `$(SRCROOT)`.
    pub(crate) source_root: PathBuf,
    pub(crate) configurations: Vec<Configuration>,
    pub(crate) default_configuration: Option<String>,
    /// The projects that this one holds references to.
    pub(crate) nested_projects: Vec<PathBuf>,
    /// The folders of the local packages that it refers to.
    pub(crate) local_packages: Vec<PathBuf>,
    pub(crate) targets: Vec<TargetModel>,
}

impl Model {
    pub(crate) fn target(&self, id: &str) -> Option<&TargetModel> {
        self.targets.iter().find(|model| model.target.id == id)
    }

    /// The configuration of a target, or of the project, with this name.
    pub(crate) fn configuration(&self, target: Option<&str>, name: &str) -> Option<&Configuration> {
        let configurations = match target {
            Some(id) => &self.target(id)?.configurations,
            None => &self.configurations,
        };
        configurations
            .iter()
            .find(|configuration| same_name(&configuration.name, name))
    }
}
