//! What an archive builds.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use quick_xml::events::Event;

use crate::project::{Project, Target, plain, text, words};
use crate::settings::{Destination, Settings, glob};

/// A target that an archive builds.
#[derive(Debug, Clone)]
pub struct Built {
    /// Its project.
    pub project: Rc<Project>,
    /// The target.
    pub target: Target,
    /// What it is built for.
    pub destination: Destination,
    /// The place in the list of the target that it was first found through; `None` for the scheme's own.
    pub needed_by: Option<usize>,
}

/// A target that is still to be looked at, with what the target that needs it is built for, and that one's place.
type Open = (Rc<Project>, Target, Option<(Destination, usize)>);

type Opened<'a> = &'a dyn Fn(&Path) -> anyhow::Result<Project>;

/// The projects that are built together.
struct World<'a> {
    open: Opened<'a>,
    known: RefCell<BTreeMap<PathBuf, Option<Rc<Project>>>>,
    listed: OnceCell<Vec<Rc<Project>>>,
    projects: Vec<PathBuf>,
    configuration: &'a str,
    destination: &'a Destination,
    implicit: bool,
}

impl World<'_> {
    fn project(&self, path: &Path) -> Option<Rc<Project>> {
        let path = plain(path);
        if let Some(known) = self.known.borrow().get(&path) {
            return known.clone();
        }
        let project = (self.open)(&path).ok().map(Rc::new);
        self.known.borrow_mut().insert(path, project.clone());
        project
    }

    fn all(&self) -> Vec<Rc<Project>> {
        self.listed.get_or_init(|| self.list()).clone()
    }

    /// Every project, those that others refer to behind them.
    fn list(&self) -> Vec<Rc<Project>> {
        let mut open: VecDeque<PathBuf> = self.projects.iter().map(|path| plain(path)).collect();
        let mut all: Vec<Rc<Project>> = Vec::new();
        while let Some(path) = open.pop_front() {
            let Some(project) = self.project(&path) else {
                continue;
            };
            if all.iter().any(|known| known.path == project.path) {
                continue;
            }
            for reference in project.root()["projectReferences"]
                .as_array()
                .into_iter()
                .flatten()
            {
                open.extend(
                    project
                        .path_of(text(reference, "ProjectRef"))
                        .map(|path| plain(&path)),
                );
            }
            all.push(project);
        }
        all
    }

    fn settings(&self, project: &Project, target: &Target, destination: &Destination) -> Settings {
        project.settings(target, self.configuration, destination)
    }

    fn product(&self, project: &Project, target: &Target) -> String {
        let product = project.product(target);
        if !product.contains('$') {
            return product;
        }
        let own = project.destination(target, self.configuration, self.destination, None);
        self.settings(project, target, &own).expand(&product)
    }

    /// The target whose product is called like this and goes with a target that is built for `destination`.
    fn producing(
        &self,
        from: (&Rc<Project>, &Target),
        destination: &Destination,
        is_copied: bool,
        is_it: &dyn Fn(&str) -> bool,
    ) -> Option<(Rc<Project>, Target)> {
        let domain = |project: &Project, target: &Target, destination: &Destination| {
            let domain = self
                .settings(project, target, destination)
                .get("IMPLICIT_DEPENDENCY_DOMAIN");
            domain.unwrap_or_else(|| "default".to_owned())
        };
        let own = domain(from.0, from.1, destination);
        let all = self.all();
        let (same, others): (Vec<Rc<Project>>, Vec<Rc<Project>>) =
            all.into_iter().partition(|project| project.path == from.0.path);
        let same = if same.is_empty() {
            vec![Rc::clone(from.0)]
        } else {
            same
        };
        for projects in [same, others] {
            let mut carried = None;
            for project in projects {
                for target in project.targets() {
                    let is_self = project.path == from.0.path && target.id == from.1.id;
                    if is_self
                        || project.product(&target).is_empty()
                        || !is_it(&self.product(&project, &target))
                    {
                        continue;
                    }
                    let built =
                        project.destination(&target, self.configuration, self.destination, Some(destination));
                    if domain(&project, &target, &built) != own {
                        continue;
                    }
                    if built == *destination {
                        return Some((project, target));
                    }
                    let is_carried = built.sdk == "watchos"
                        || built.sdk == "driverkit"
                        || built.sdk == "macosx" && !built.catalyst && destination.catalyst;
                    if is_copied && is_carried && carried.is_none() {
                        carried = Some((Rc::clone(&project), target));
                    }
                }
            }
            if carried.is_some() {
                return carried;
            }
        }
        None
    }

    /// The targets that a target needs, by dependencies and by what it links and copies.
    fn needed(
        &self,
        project: &Rc<Project>,
        target: &Target,
        destination: &Destination,
    ) -> Vec<(Rc<Project>, Target)> {
        let settings = self.settings(project, target, destination);
        let passes = |object: &serde_json::Value| {
            let filters = Project::filters(object);
            filters.is_empty() || filters.contains(&destination.word())
        };
        let is_out = |name: &str, out: &str, back: &str| {
            let any = |list: &str| settings.words(list).iter().any(|pattern| glob(pattern, name));
            any(out) && !any(back)
        };
        let mut needed: Vec<(Rc<Project>, Target)> = Vec::new();
        let object = project.object(&target.id);
        for dependency in words(&object["dependencies"])
            .into_iter()
            .map(|id| project.object(id))
        {
            if !passes(dependency) {
                continue;
            }
            let next = match dependency["target"].as_str() {
                Some(id) => project.target(id).map(|target| (Rc::clone(project), target)),
                None => {
                    let proxy = project.object(text(dependency, "targetProxy"));
                    let other = project
                        .path_of(text(proxy, "containerPortal"))
                        .and_then(|path| self.project(&path));
                    other.and_then(|other| {
                        let target = other.target(text(proxy, "remoteGlobalIDString"))?;
                        Some((other, target))
                    })
                }
            };
            needed.extend(next.filter(|(_, next)| {
                !is_out(
                    &next.name,
                    "EXCLUDED_EXPLICIT_TARGET_DEPENDENCIES",
                    "INCLUDED_EXPLICIT_TARGET_DEPENDENCIES",
                )
            }));
        }
        let domain = settings.get("IMPLICIT_DEPENDENCY_DOMAIN");
        if !self.implicit || domain.is_some_and(|domain| domain.is_empty()) {
            return needed;
        }
        let mut settled: Vec<String> = needed
            .iter()
            .map(|(project, target)| self.product(project, target))
            .collect();
        for phase in words(&object["buildPhases"])
            .into_iter()
            .map(|id| project.object(id))
        {
            let is_copying = text(phase, "isa") == "PBXCopyFilesBuildPhase";
            if !is_copying && text(phase, "isa") != "PBXFrameworksBuildPhase" {
                continue;
            }
            for file in words(&phase["files"]).into_iter().map(|id| project.object(id)) {
                let path = text(project.object(text(file, "fileRef")), "path");
                let name = settings.expand(path.rsplit('/').next().unwrap_or_default());
                if name.is_empty()
                    || settled.contains(&name)
                    || !passes(file)
                    || is_out(&name, "EXCLUDED_SOURCE_FILE_NAMES", "INCLUDED_SOURCE_FILE_NAMES")
                {
                    continue;
                }
                settled.push(name.clone());
                let mut found = self.producing((project, target), destination, is_copying, &|product| {
                    product == name
                });
                if found.is_none() && !is_copying {
                    let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
                    let own = stem(&name);
                    let place = project.path_of(text(file, "fileRef"));
                    let parts: Vec<String> = place
                        .iter()
                        .flat_map(|path| path.iter().map(|part| part.to_string_lossy().into_owned()))
                        .collect();
                    found = self.producing((project, target), destination, false, &|product| {
                        stem(product) == own && parts.iter().any(|part| part == product)
                    });
                }
                needed.extend(found);
            }
        }
        if settings.is_true("IMPLICIT_DEPENDENCIES_IGNORE_LDFLAGS") == Some(true) {
            return needed;
        }
        let flags = [
            settings.words("OTHER_LDFLAGS"),
            settings.words("PRODUCT_SPECIFIC_LDFLAGS"),
        ]
        .concat();
        let mut is_framework = false;
        for flag in flags {
            if flag == "-Xlinker" {
                continue;
            }
            let names = if std::mem::take(&mut is_framework) {
                vec![format!("{flag}.framework")]
            } else if let Some(name) = ["-weak-l", "-l"]
                .iter()
                .find_map(|prefix| flag.strip_prefix(prefix))
            {
                ["dylib", "tbd", "so", "a"]
                    .map(|ending| format!("lib{name}.{ending}"))
                    .to_vec()
            } else {
                is_framework = ["-framework", "-weak_framework"].contains(&flag.as_str());
                continue;
            };
            if names.iter().any(|name| settled.contains(name)) {
                continue;
            }
            for name in names {
                let found = self.producing((project, target), destination, false, &|product| product == name);
                if let Some(found) = found {
                    settled.push(name);
                    needed.push(found);
                    break;
                }
            }
        }
        needed
    }
}

/// What an archive of a scheme builds, the scheme's own targets first. A scheme that no file has is taken to be the one
/// that Xcode makes for the target of its name.
///
/// # Errors
/// When the project or scheme can't be read.
pub fn archived(
    container: &Path,
    scheme: &str,
    configuration: &str,
    destination: &Destination,
    open: &dyn Fn(&Path) -> anyhow::Result<Project>,
) -> anyhow::Result<Vec<Built>> {
    let folder = container.parent().unwrap_or(Path::new(""));
    let mut projects = Vec::new();
    if container
        .extension()
        .is_some_and(|extension| extension == "xcodeproj")
    {
        projects.push(container.to_owned());
    } else {
        let data = std::fs::read_to_string(container.join("contents.xcworkspacedata"))?;
        for location in attributes(&data, "FileRef")
            .into_iter()
            .filter_map(|mut all| all.remove("location"))
        {
            let path = location
                .split_once(':')
                .map_or(location.as_str(), |(_, path)| path);
            if path.ends_with(".xcodeproj") {
                projects.push(folder.join(path));
            }
        }
    }
    let file = std::iter::once(container)
        .chain(projects.iter().map(PathBuf::as_path))
        .map(|holder| holder.join(format!("xcshareddata/xcschemes/{scheme}.xcscheme")))
        .find_map(|path| std::fs::read_to_string(&path).ok().map(|text| (path, text)));
    let mut roots: Vec<(Rc<Project>, Target)> = Vec::new();
    let mut implicit = true;
    if let Some((path, data)) = file {
        let holder = path.ancestors().nth(3).unwrap_or(container);
        implicit = !data.contains("buildImplicitDependencies = \"NO\"");
        for entry in entries(&data) {
            let location = entry["ReferencedContainer"].trim_start_matches("container:");
            let place = plain(&holder.parent().unwrap_or(Path::new("")).join(location));
            let Ok(project) = open(&place).map(Rc::new) else {
                continue;
            };
            let target = project.target(&entry["BlueprintIdentifier"]).or_else(|| {
                project
                    .targets()
                    .into_iter()
                    .find(|target| target.name == entry["BlueprintName"])
            });
            roots.extend(target.map(|target| (project, target)));
        }
    } else {
        for project in projects.iter().filter_map(|path| open(path).ok()).map(Rc::new) {
            let target = project.targets().into_iter().find(|target| target.name == scheme);
            roots.extend(target.map(|target| (project, target)));
        }
    }
    let world = World {
        open,
        known: RefCell::default(),
        listed: OnceCell::new(),
        projects,
        configuration,
        destination,
        implicit,
    };
    anyhow::ensure!(!roots.is_empty(), "there is no scheme named \"{scheme}\"");
    let mut open_targets: Vec<Open> = roots
        .into_iter()
        .map(|(project, target)| (project, target, None))
        .collect();
    let mut built: Vec<Built> = Vec::new();
    while !open_targets.is_empty() {
        let (project, target, parent) = open_targets.remove(0);
        let (imposed, needed_by) = parent.unzip();
        let own = project.destination(&target, configuration, destination, imposed.as_ref());
        let at = built.len();
        let is_known = built.iter().any(|known| {
            known.project.path == project.path && known.target == target && known.destination == own
        });
        if is_known {
            continue;
        }
        for (project, next) in world.needed(&project, &target, &own) {
            open_targets.push((project, next, Some((own.clone(), at))));
        }
        built.push(Built {
            project,
            target,
            destination: own,
            needed_by,
        });
    }
    Ok(built)
}

/// The attributes of every element of a name.
fn attributes(data: &str, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = quick_xml::Reader::from_str(data);
    let mut all = Vec::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Eof => break,
            Event::Start(tag) | Event::Empty(tag) if tag.name().as_ref() == name => {
                let pairs = tag.attributes().flatten().map(|attribute| {
                    let value =
                        quick_xml::escape::unescape(&attribute.value).map(std::borrow::Cow::into_owned);
                    (attribute.key.as_ref().to_string(), value.unwrap_or_default())
                });
                all.push(pairs.collect());
            }
            _ => {}
        }
    }
    all
}

/// The references of a scheme's entries that are archived.
fn entries(data: &str) -> Vec<BTreeMap<String, String>> {
    let blocks = data.split("<BuildActionEntry").skip(1);
    let mut all = Vec::new();
    for block in blocks {
        let block = block.split("</BuildActionEntry>").next().unwrap_or_default();
        let head = block.split('>').next().unwrap_or_default();
        let head: String = head.chars().filter(|c| !c.is_whitespace()).collect();
        if head.contains("buildForArchiving=\"NO\"") {
            continue;
        }
        for mut reference in attributes(
            block.split_once('>').map_or("", |(_, rest)| rest),
            "BuildableReference",
        )
        .into_iter()
        .take(1)
        {
            for key in ["BlueprintIdentifier", "BlueprintName", "ReferencedContainer"] {
                reference.entry(key.to_owned()).or_default();
            }
            all.push(reference);
        }
    }
    all
}
