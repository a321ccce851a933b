//! Schemes that Xcode creates where a project has none.

use std::path::{Path, PathBuf};

use crate::LARGEST_FILE;
use crate::container::schemes_of;
use crate::model::Target;
use crate::project::Project;
use crate::scheme::{BuildEntry, Scheme};

/// The setting of a workspace that keeps Xcode from creating schemes.
const SWITCH: &str = "IDEWorkspaceSharedSettings_AutocreateContextsIfNeeded";

/// The schemes that Xcode creates for projects without any: one per target, which archives with Release. Projects that a
/// workspace names count each for itself, since CocoaPods' project has its own schemes.
pub(crate) fn schemes<'a>(container: &Path, projects: impl Iterator<Item = &'a PathBuf>) -> Vec<Scheme> {
    if is_off(container) {
        return Vec::new();
    }
    let bare = projects.filter(|project| schemes_of(project).is_empty());
    bare.filter_map(|path| Project::open(path).ok())
        .flat_map(|project| of_project(&project))
        .collect()
}

fn of_project(project: &Project) -> Vec<Scheme> {
    let targets = project.targets();
    let named = targets.iter().filter(|target| has_scheme(target));
    named.map(|target| of_target(project, target)).collect()
}

/// Tests and extensions run in another target's scheme, and a watch container is marked `DisableSchemeAutocreation`
/// (swift-build `DarwinProductTypes.xcspec`).
fn has_scheme(target: &Target) -> bool {
    let kind = target.kind();
    kind != "application.watchapp2-container" && !kind.contains("extension") && !kind.starts_with("bundle.")
}

fn of_target(project: &Project, target: &Target) -> Scheme {
    let path = project.path();
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Scheme {
        name: target.name.clone(),
        archive_configuration: Some("Release".to_owned()),
        test_configuration: Some("Debug".to_owned()),
        launch_configuration: Some("Debug".to_owned()),
        profile_configuration: Some("Release".to_owned()),
        analyze_configuration: Some("Debug".to_owned()),
        builds_implicit_dependencies: true,
        entries: vec![BuildEntry {
            blueprint: target.id.clone(),
            name: target.name.clone(),
            product: project.details(target).product.unwrap_or_default(),
            container: format!("container:{}", file.unwrap_or_default()),
            for_archiving: true,
        }],
        tests: Vec::new(),
        holder: path.to_owned(),
        is_autocreated: true,
    }
}

/// Whether the workspace, or the one inside the project, says that no schemes are created.
fn is_off(container: &Path) -> bool {
    let is_project = container
        .extension()
        .is_some_and(|extension| extension == "xcodeproj");
    let workspace = if is_project {
        container.join("project.xcworkspace")
    } else {
        container.to_owned()
    };
    let file = workspace.join("xcshareddata/WorkspaceSettings.xcsettings");
    let bytes = files::read(&file, LARGEST_FILE).ok();
    let settings = bytes.and_then(|bytes| property_list::read(&bytes).ok());
    let value = settings
        .as_ref()
        .and_then(|value| value.as_dictionary()?.get(SWITCH));
    value.and_then(plist::Value::as_boolean) == Some(false)
}
