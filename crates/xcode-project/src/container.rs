//! Projects and workspaces on disk: where schemes are, and which projects belong together.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::LARGEST_FILE;
use crate::autocreated;
use crate::error::Error;
use crate::paths::{existing, normalized, same_name};
use crate::project::Project;
use crate::scheme::{BuildEntry, Scheme};

/// Deeper nesting of groups than any real workspace has.
const DEEPEST: usize = 128;

/// More files than any real workspace names.
const MOST_REFERENCES: usize = 100_000;

/// A project, or a workspace with its projects.
#[derive(Debug, Clone)]
pub struct Container {
    path: PathBuf,
    projects: Vec<PathBuf>,
    references: Vec<FileReference>,
}

/// A file that a workspace names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReference {
    /// Its location, such as `group:App.xcodeproj`, with the groups around it applied.
    pub location: String,
    /// Where it is; `None` for locations that only Xcode can resolve.
    pub path: Option<PathBuf>,
}

impl Container {
    /// Opens an `.xcodeproj` or `.xcworkspace` directory.
    ///
    /// # Errors
    /// When it is neither, or a workspace can't be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let path = existing(path);
        let ends_in = |wanted: &str| path.extension().is_some_and(|extension| extension == wanted);
        if !path.is_dir() {
            return Err(Error::NoContainer(path));
        }
        let references = if ends_in("xcodeproj") {
            Vec::new()
        } else if ends_in("xcworkspace") {
            references_of_workspace(&path)?
        } else {
            return Err(Error::NoContainer(path));
        };
        let mut projects: Vec<PathBuf> = references
            .iter()
            .filter_map(|reference| reference.path.clone())
            .filter(|path| path.extension().is_some_and(|end| end == "xcodeproj"))
            .collect();
        if ends_in("xcodeproj") {
            projects.push(path.clone());
        }
        Ok(Self {
            path,
            projects,
            references,
        })
    }

    /// The files that a workspace names, in its order; none for a project.
    pub fn file_references(&self) -> &[FileReference] {
        &self.references
    }

    /// The projects, in the workspace's order.
    pub fn projects(&self) -> &[PathBuf] {
        &self.projects
    }

    /// The scheme with this name: of the container itself first, then of its projects, then of the projects that
    /// those hold, then of local packages; shared ones before users' own.
    ///
    /// # Errors
    /// When there is none, naming those that are there, or it can't be read.
    pub fn scheme(&self, name: &str) -> Result<Scheme, Error> {
        let is_wanted = |(file, _): &&(PathBuf, PathBuf)| {
            let stem = file.file_stem().and_then(|stem| stem.to_str());
            stem.is_some_and(|stem| same_name(stem, name))
        };
        let mut files = self.scheme_files();
        if let Some((file, holder)) = files.iter().find(is_wanted) {
            return Scheme::read(file, holder);
        }
        // Looking into nested projects means reading each: that is for schemes that are nowhere else.
        let nested = self.nested_projects();
        let packages = self.local_packages(&nested);
        let holders = nested.iter().chain(&packages);
        let of_nested: Vec<_> = holders.flat_map(|holder| schemes_of(holder)).collect();
        if let Some((file, holder)) = of_nested.iter().find(is_wanted) {
            return Scheme::read(file, holder);
        }
        let made = autocreated::schemes(&self.path, self.projects.iter().chain(&nested));
        if let Some(scheme) = made.iter().find(|scheme| same_name(&scheme.name, name)) {
            return Ok(scheme.clone());
        }
        files.extend(of_nested);
        let stem = |(file, _): &(PathBuf, PathBuf)| Some(file.file_stem()?.to_string_lossy().into_owned());
        let mut known: Vec<String> = files.iter().filter_map(stem).collect();
        known.extend(made.into_iter().map(|scheme| scheme.name));
        known.sort();
        known.dedup();
        let projects = self.projects.iter().chain(&nested);
        Err(Error::NoScheme {
            name: name.to_owned(),
            path: self.path.clone(),
            looked: projects
                .filter(|project| **project != self.path)
                .cloned()
                .collect(),
            known,
        })
    }

    /// The names of the schemes that Xcode creates for projects without any.
    pub fn autocreated_schemes(&self) -> Vec<String> {
        let schemes = autocreated::schemes(&self.path, self.projects.iter());
        schemes.into_iter().map(|scheme| scheme.name).collect()
    }

    /// The projects that the container's projects hold, and those that they hold, each once.
    pub(crate) fn nested_projects(&self) -> Vec<PathBuf> {
        let mut seen: BTreeSet<PathBuf> = self.projects.iter().map(|path| normalized(path)).collect();
        let mut open: VecDeque<PathBuf> = self.projects.iter().cloned().collect();
        let mut found = Vec::new();
        while let Some(path) = open.pop_front() {
            let nested = Project::open(&path).map(|project| project.nested_projects());
            for path in nested.unwrap_or_default() {
                if seen.insert(path.clone()) {
                    found.push(path.clone());
                    open.push_back(path);
                }
            }
        }
        found
    }

    /// The folders of the local packages that the workspace names, or that its projects or `nested` ones refer to.
    fn local_packages(&self, nested: &[PathBuf]) -> Vec<PathBuf> {
        let named = self
            .references
            .iter()
            .filter_map(|reference| reference.path.clone());
        let projects = self.projects.iter().chain(nested);
        let referred = projects
            .filter_map(|path| Project::open(path).ok())
            .flat_map(|project| project.local_packages().to_vec());
        named
            .chain(referred)
            .filter(|folder| is_package(folder))
            .collect()
    }

    /// The project that a scheme's entry is in. References count from the folder of the workspace, or from the
    /// source root of the project, that holds the scheme, or from the package's folder.
    pub fn project_of(&self, scheme: &Scheme, entry: &BuildEntry) -> PathBuf {
        if scheme.is_autocreated {
            return scheme.holder.clone();
        }
        let location = entry
            .container
            .strip_prefix("container:")
            .unwrap_or(&entry.container);
        let is_project = scheme
            .holder
            .extension()
            .is_some_and(|extension| extension == "xcodeproj");
        let root = is_project
            .then(|| Project::open(&scheme.holder).ok())
            .flatten()
            .map(|project| project.source_root());
        let folder = if is_package(&scheme.holder) {
            &scheme.holder
        } else {
            scheme.holder.parent().unwrap_or(Path::new(""))
        };
        existing(&normalized(&root.as_deref().unwrap_or(folder).join(location)))
    }

    /// The files of all schemes, each with the project or workspace that holds it: the container's own first.
    pub fn scheme_files(&self) -> Vec<(PathBuf, PathBuf)> {
        let holders =
            std::iter::once(&self.path).chain(self.projects.iter().filter(|project| **project != self.path));
        holders.flat_map(|holder| schemes_of(holder)).collect()
    }
}

/// Whether a folder is that of a Swift package.
fn is_package(folder: &Path) -> bool {
    folder.join("Package.swift").is_file()
}

/// The scheme files of one project, workspace, or package, with it: shared ones first. Xcode keeps a package's in
/// `.swiftpm/xcode` (Xcode 26).
pub(crate) fn schemes_of(holder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let base = if is_package(holder) {
        holder.join(".swiftpm/xcode")
    } else {
        holder.to_owned()
    };
    let mut folders = vec![base.join("xcshareddata/xcschemes")];
    for user in sorted_entries(&base.join("xcuserdata")) {
        folders.push(user.join("xcschemes"));
    }
    let files = folders.iter().flat_map(|folder| sorted_entries(folder));
    files
        .filter(|file| file.extension().is_some_and(|extension| extension == "xcscheme"))
        .map(|file| (file, holder.to_owned()))
        .collect()
}

fn sorted_entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn references_of_workspace(workspace: &Path) -> Result<Vec<FileReference>, Error> {
    let file = workspace.join("contents.xcworkspacedata");
    let text = files::read_text(&file, LARGEST_FILE).map_err(|source| Error::Io {
        what: "read",
        path: file.clone(),
        source,
    })?;
    let unreadable = |reason: String| Error::Unreadable {
        path: file.clone(),
        reason,
    };
    let root = workspace.parent().unwrap_or(Path::new("")).to_owned();
    // The folder that `group:` counts from, for each open group.
    let mut groups = vec![root.clone()];
    let mut references = Vec::new();
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    loop {
        match reader
            .read_event()
            .map_err(|error| unreadable(error.to_string()))?
        {
            _ if groups.len() > DEEPEST => {
                return Err(unreadable(format!(
                    "its groups are nested more than {DEEPEST} levels deep"
                )));
            }
            _ if references.len() > MOST_REFERENCES => {
                return Err(unreadable(format!("it names more than {MOST_REFERENCES} files")));
            }
            Event::Start(tag) if tag.name().as_ref() == "Group" => {
                let folder = resolved(&location(&tag), &groups, &root);
                groups.push(folder.unwrap_or_else(|| root.clone()));
            }
            Event::End(tag) if tag.name().as_ref() == "Group" => {
                groups.pop();
            }
            Event::Start(tag) | Event::Empty(tag) if tag.name().as_ref() == "FileRef" => {
                let location = location(&tag);
                references.push(FileReference {
                    path: resolved(&location, &groups, &root).map(|path| existing(&path)),
                    location,
                });
            }
            Event::Eof => return Ok(references),
            _ => {}
        }
    }
}

fn location(tag: &BytesStart<'_>) -> String {
    let attribute = tag.try_get_attribute("location").ok().flatten();
    attribute
        .map(|value| {
            let text = quick_xml::escape::unescape(&value.value).map(std::borrow::Cow::into_owned);
            text.unwrap_or_else(|_| value.value.to_string())
        })
        .unwrap_or_default()
}

fn resolved(location: &str, groups: &[PathBuf], root: &Path) -> Option<PathBuf> {
    let (kind, path) = location.split_once(':')?;
    match kind {
        "group" => Some(groups.last()?.join(path)),
        "container" => Some(root.join(path)),
        "absolute" => Some(PathBuf::from(path)),
        // A workspace inside a project means the project around it; older ones name it once more.
        "self" if path.is_empty() => Some(root.to_owned()),
        "self" => Some(root.parent()?.join(path)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEME: &str = "<Scheme><BuildAction><BuildActionEntries/></BuildAction></Scheme>";

    /// A project that holds a reference to another one.
    fn project(path: &Path, nested: &str) {
        std::fs::create_dir_all(path.join("xcshareddata/xcschemes")).unwrap();
        let references = if nested.is_empty() {
            String::new()
        } else {
            "projectReferences = ({ProductGroup = G; ProjectRef = F;}, );".to_owned()
        };
        let text = format!(
            "{{objects = {{P = {{isa = PBXProject; mainGroup = G; {references} }}; G = {{isa = PBXGroup; children = (F, ); sourceTree = \"<group>\"; }}; F = {{isa = PBXFileReference; path = {nested:?}; sourceTree = \"<group>\"; }}; }}; rootObject = P; }}"
        );
        std::fs::write(path.join("project.pbxproj"), text).unwrap();
    }

    #[test]
    fn a_scheme_of_a_local_package_counts_from_the_package() {
        let folder = tempfile::tempdir().unwrap();
        let app = folder.path().join("App.xcodeproj");
        project(&app, "");
        let text = std::fs::read_to_string(app.join("project.pbxproj")).unwrap();
        let package = "K = {isa = XCLocalSwiftPackageReference; relativePath = Packages/Kit; }; P = ";
        let text = text.replace("P = ", package);
        let text = text.replace("mainGroup = G;", "mainGroup = G; packageReferences = (K, );");
        std::fs::write(app.join("project.pbxproj"), text).unwrap();
        let kit = folder.path().join("Packages/Kit");
        std::fs::create_dir_all(kit.join(".swiftpm/xcode/xcshareddata/xcschemes")).unwrap();
        std::fs::write(kit.join("Package.swift"), "// swift-tools-version:6.0\n").unwrap();
        let entry = "<BuildActionEntry><BuildableReference BlueprintName=\"App\" ReferencedContainer=\"container:../../App.xcodeproj\"/></BuildActionEntry>";
        let scheme = SCHEME.replace(
            "<BuildActionEntries/>",
            &format!("<BuildActionEntries>{entry}</BuildActionEntries>"),
        );
        std::fs::write(
            kit.join(".swiftpm/xcode/xcshareddata/xcschemes/Kit.xcscheme"),
            scheme,
        )
        .unwrap();
        let container = Container::open(&app).unwrap();
        let scheme = container.scheme("Kit").unwrap();
        assert_eq!(scheme.holder, kit);
        assert_eq!(container.project_of(&scheme, &scheme.entries[0]), app);
    }

    #[test]
    fn a_scheme_is_found_in_a_nested_project_and_a_missing_one_says_where_was_looked() {
        let folder = tempfile::tempdir().unwrap();
        let (outer, inner) = (
            folder.path().join("Outer.xcodeproj"),
            folder.path().join("Lib/Inner.xcodeproj"),
        );
        project(&outer, "Lib/Inner.xcodeproj");
        // They hold each other: looking must end.
        project(&inner, "../Outer.xcodeproj");
        std::fs::write(inner.join("xcshareddata/xcschemes/Inner.xcscheme"), SCHEME).unwrap();
        let container = Container::open(&outer).unwrap();
        assert_eq!(container.scheme("Inner").unwrap().holder, inner);
        let error = container.scheme("Iner").unwrap_err().to_string();
        assert!(
            error.contains("or its project") && error.contains("did you mean `Inner`?"),
            "{error}"
        );
    }
}
