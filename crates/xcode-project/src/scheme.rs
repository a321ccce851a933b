//! `.xcscheme` files.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::LARGEST_FILE;
use crate::error::Error;

/// A scheme.
#[derive(Debug, Clone)]
pub struct Scheme {
    /// Its name.
    pub name: String,
    /// The configuration of its Archive action.
    pub archive_configuration: Option<String>,
    /// The configuration of its Test action.
    pub test_configuration: Option<String>,
    /// The configuration of its Run action.
    pub launch_configuration: Option<String>,
    /// The configuration of its Profile action.
    pub profile_configuration: Option<String>,
    /// The configuration of its Analyze action.
    pub analyze_configuration: Option<String>,
    /// Whether targets whose products are used without a declared dependency are built too.
    pub builds_implicit_dependencies: bool,
    /// What its Build action builds.
    pub entries: Vec<BuildEntry>,
    /// What its Test action tests, skipped ones left out.
    pub tests: Vec<BuildEntry>,
    /// Whether Xcode makes it, and no file has it.
    pub is_autocreated: bool,
    /// The project or workspace that holds it.
    pub(crate) holder: PathBuf,
}

/// A target that a scheme names.
#[derive(Debug, Clone)]
pub struct BuildEntry {
    /// The target's ID in its project file.
    pub blueprint: String,
    /// The target's name.
    pub name: String,
    /// The product's file name.
    pub product: String,
    /// The project, such as `container:App.xcodeproj`.
    pub container: String,
    /// Whether it is built for archives.
    pub for_archiving: bool,
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "BuildAction", default)]
    build: BuildAction,
    #[serde(rename = "TestAction", default)]
    test: TestAction,
    #[serde(rename = "ArchiveAction", default)]
    archive: Action,
    #[serde(rename = "LaunchAction", default)]
    launch: Action,
    #[serde(rename = "ProfileAction", default)]
    profile: Action,
    #[serde(rename = "AnalyzeAction", default)]
    analyze: Action,
}

#[derive(Default, Deserialize)]
struct BuildAction {
    #[serde(rename = "@buildImplicitDependencies", default)]
    implicit: String,
    #[serde(rename = "BuildActionEntries", default)]
    entries: Entries,
}

#[derive(Default, Deserialize)]
struct Entries {
    #[serde(rename = "BuildActionEntry", default)]
    list: Vec<EntryElement>,
}

#[derive(Deserialize)]
struct EntryElement {
    #[serde(rename = "@buildForArchiving", default)]
    archiving: String,
    #[serde(rename = "BuildableReference")]
    reference: Option<Reference>,
}

#[derive(Default, Deserialize)]
struct TestAction {
    #[serde(rename = "@buildConfiguration")]
    configuration: Option<String>,
    #[serde(rename = "Testables", default)]
    testables: Testables,
}

#[derive(Default, Deserialize)]
struct Testables {
    #[serde(rename = "TestableReference", default)]
    list: Vec<Testable>,
}

#[derive(Deserialize)]
struct Testable {
    #[serde(rename = "@skipped", default)]
    skipped: String,
    #[serde(rename = "BuildableReference")]
    reference: Option<Reference>,
}

#[derive(Default, Deserialize)]
struct Action {
    #[serde(rename = "@buildConfiguration")]
    configuration: Option<String>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "@BlueprintIdentifier", default)]
    blueprint: String,
    #[serde(rename = "@BlueprintName", default)]
    name: String,
    #[serde(rename = "@BuildableName", default)]
    product: String,
    #[serde(rename = "@ReferencedContainer", default)]
    container: String,
}

impl Scheme {
    /// Reads a scheme file that `holder` (a project or workspace) has.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(path: &Path, holder: &Path) -> Result<Self, Error> {
        let text = files::read_text(path, LARGEST_FILE).map_err(|source| Error::Io {
            what: "read",
            path: path.to_owned(),
            source,
        })?;
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        Self::parse(&text, &name.unwrap_or_default(), holder).map_err(|reason| Error::Unreadable {
            path: path.to_owned(),
            reason,
        })
    }

    /// Reads the text of a scheme file.
    ///
    /// # Errors
    /// With the reason why it can't be read.
    pub fn parse(text: &str, name: &str, holder: &Path) -> Result<Self, String> {
        let file: File = quick_xml::de::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|error| error.to_string())?;
        let entry = |reference: Reference, for_archiving| BuildEntry {
            blueprint: reference.blueprint,
            name: reference.name,
            product: reference.product,
            container: reference.container,
            for_archiving,
        };
        let built = file.build.entries.list.into_iter().filter_map(|element| {
            let for_archiving = element.archiving != "NO";
            element.reference.map(|reference| entry(reference, for_archiving))
        });
        let tested = file
            .test
            .testables
            .list
            .into_iter()
            .filter(|testable| testable.skipped != "YES");
        Ok(Self {
            name: name.to_owned(),
            archive_configuration: file.archive.configuration,
            test_configuration: file.test.configuration,
            launch_configuration: file.launch.configuration,
            profile_configuration: file.profile.configuration,
            analyze_configuration: file.analyze.configuration,
            builds_implicit_dependencies: file.build.implicit != "NO",
            entries: built.collect(),
            tests: tested
                .filter_map(|testable| testable.reference)
                .map(|reference| entry(reference, false))
                .collect(),
            is_autocreated: false,
            holder: holder.to_owned(),
        })
    }
}
