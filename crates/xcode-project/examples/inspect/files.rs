//! What is below a folder: projects, workspaces and their schemes.

use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};
use xcode_project::{BuildEntry, Container, Project, Scheme, normalized};

/// Projects and workspaces, sorted by path.
pub(crate) struct Places {
    pub(crate) projects: Vec<PathBuf>,
    pub(crate) workspaces: Vec<PathBuf>,
}

impl Places {
    pub(crate) fn below(root: &Path) -> Self {
        let mut places = Self {
            projects: Vec::new(),
            workspaces: Vec::new(),
        };
        let mut open = vec![root.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                // Links are not followed: they may lead in circles.
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    open.push(entry.path());
                }
            }
            let ends_in = |wanted: &str| folder.extension().is_some_and(|extension| extension == wanted);
            if ends_in("xcodeproj") && Project::is_at(&folder) {
                places.projects.push(folder);
            } else if ends_in("xcworkspace") && folder.join("contents.xcworkspacedata").is_file() {
                places.workspaces.push(folder);
            }
        }
        let key = |path: &PathBuf| relative(root, path);
        places.projects.sort_by_key(key);
        places.workspaces.sort_by_key(key);
        places
    }
}

/// `path` as it counts from `root`, without `..`.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    let plain = normalized(path);
    let mut steps = root.components().peekable();
    let mut rest = plain.components().peekable();
    while steps.peek().is_some() && steps.peek() == rest.peek() {
        steps.next();
        rest.next();
    }
    let ups = steps.map(|_| Component::ParentDir);
    let text = ups.chain(rest).collect::<PathBuf>().display().to_string();
    if text.is_empty() { ".".to_owned() } else { text }
}

pub(crate) fn workspace(root: &Path, path: &Path) -> Value {
    let container = match Container::open(path) {
        Ok(container) => container,
        Err(error) => return json!({ "path": relative(root, path), "error": error.to_string() }),
    };
    let references = container.file_references().iter().map(|reference| {
        // A place elsewhere on somebody's machine has no path from here.
        let elsewhere = ["absolute:", "developer:"]
            .iter()
            .any(|kind| reference.location.starts_with(kind));
        let path = reference.path.as_deref().filter(|_| !elsewhere);
        let resolved = path.map(|path| {
            if path.starts_with(root) {
                relative(root, path)
            } else {
                path.display().to_string()
            }
        });
        json!({
            "location": reference.location,
            "resolved": resolved,
            "present": path.is_some_and(is_there),
        })
    });
    json!({ "path": relative(root, path), "fileReferences": references.collect::<Vec<_>>() })
}

/// A project's folder alone does not make a project.
fn is_there(path: &Path) -> bool {
    if path.extension().is_some_and(|extension| extension == "xcodeproj") {
        Project::is_at(path)
    } else {
        path.exists()
    }
}

/// All schemes, sorted by path.
pub(crate) fn schemes(root: &Path, places: &Places) -> Vec<Value> {
    let mut found = Vec::new();
    for holder in places.projects.iter().chain(&places.workspaces) {
        let Ok(container) = Container::open(holder) else {
            continue;
        };
        // A workspace gives its projects' schemes too: those are seen with their projects.
        let own = container
            .scheme_files()
            .into_iter()
            .filter(|(_, of)| of == holder);
        for (file, _) in own {
            found.push((relative(root, &file), scheme(root, &container, &file, holder)));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found.into_iter().map(|(_, scheme)| scheme).collect()
}

fn scheme(root: &Path, container: &Container, file: &Path, holder: &Path) -> Value {
    let path = relative(root, file);
    let scheme = match Scheme::read(file, holder) {
        Ok(scheme) => scheme,
        Err(error) => return json!({ "path": path, "error": error.to_string() }),
    };
    let entries = scheme
        .entries
        .iter()
        .map(|entry| build_entry(root, container, &scheme, entry));
    json!({
        "name": scheme.name,
        "path": path,
        "container": relative(root, holder),
        "shared": path.contains("/xcshareddata/"),
        "archiveConfiguration": scheme.archive_configuration,
        "testConfiguration": scheme.test_configuration,
        "launchConfiguration": scheme.launch_configuration,
        "profileConfiguration": scheme.profile_configuration,
        "analyzeConfiguration": scheme.analyze_configuration,
        "entries": entries.collect::<Vec<_>>(),
    })
}

fn build_entry(root: &Path, container: &Container, scheme: &Scheme, entry: &BuildEntry) -> Value {
    let path = container.project_of(scheme, entry);
    let mut value = json!({
        "buildForArchiving": entry.for_archiving,
        "blueprintIdentifier": entry.blueprint,
        "blueprintName": entry.name,
        "buildableName": entry.product,
        "referencedContainer": entry.container,
        "resolvedContainer": relative(root, &path),
        "containerPresent": is_there(&path),
    });
    let target = Project::open(&path)
        .ok()
        .and_then(|project| project.target(&entry.blueprint));
    if let Some(target) = target.filter(|target| !target.name.is_empty()) {
        value["target"] = target.name.into();
        value["productType"] = (!target.product_type.is_empty())
            .then_some(target.product_type)
            .into();
    }
    value
}
