//! Projects, their targets, and what an archive builds of them.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use anyhow::Context as _;
use quick_xml::events::Event;
use serde_json::Value;

use crate::settings::{Destination, Settings, glob};
use crate::{openstep, xcconfig};

/// A project.
#[derive(Debug)]
pub struct Project {
    /// The `.xcodeproj` folder.
    pub path: PathBuf,
    objects: Value,
    root: String,
    environment: Vec<(String, String)>,
    /// `KEY=value` arguments and the file of `-xcconfig`.
    arguments: (Vec<(String, String)>, Option<PathBuf>),
    version: String,
}

/// A target of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its product type without `com.apple.product-type.`; blank for an aggregate.
    pub kind: String,
}

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

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn words(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

impl Project {
    /// Reads a project. `environment` is what a build inherits, and `version` that of its SDKs.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn open(path: &Path, environment: &[(String, String)], version: &str) -> anyhow::Result<Self> {
        let file = std::fs::read_to_string(path.join("project.pbxproj"))
            .with_context(|| format!("{} can't be read", path.display()))?;
        let mut document = openstep::read(&file)?;
        Ok(Self {
            path: path.to_owned(),
            root: text(&document, "rootObject").to_owned(),
            objects: document["objects"].take(),
            environment: environment.to_vec(),
            arguments: (Vec::new(), None),
            version: version.to_owned(),
        })
    }

    /// The same project, built with `KEY=value` arguments and the file of `-xcconfig`.
    #[must_use]
    pub fn with_arguments(mut self, pairs: &[(String, String)], xcconfig: Option<&Path>) -> Self {
        self.arguments = (pairs.to_vec(), xcconfig.map(Path::to_owned));
        self
    }

    /// `ProvisioningStyle` in the attributes that a project keeps of a target.
    pub fn provisioning_style(&self, target: &Target) -> Option<&str> {
        self.root()["attributes"]["TargetAttributes"][target.id.as_str()]["ProvisioningStyle"].as_str()
    }

    /// The folder that the paths of settings count from.
    pub fn folder(&self) -> PathBuf {
        self.source_root()
    }

    /// What beats everything that a project says, weakest first: arguments, the file of `-xcconfig`, and the file that
    /// `XCODE_XCCONFIG_FILE` names (swift-build at commit 41aee62, `Settings.swift`, addOverrides).
    fn overrides(&self) -> Vec<(String, String)> {
        let (pairs, file) = &self.arguments;
        let by_environment = self
            .environment
            .iter()
            .find(|(key, _)| key == "XCODE_XCCONFIG_FILE")
            .map(|(_, path)| PathBuf::from(path));
        let files = file.iter().chain(&by_environment);
        let of_files = files.flat_map(|path| xcconfig::read(path, &self.source_root(), &[]));
        pairs.iter().cloned().chain(of_files).collect()
    }

    fn object(&self, id: &str) -> &Value {
        &self.objects[id]
    }

    fn root(&self) -> &Value {
        self.object(&self.root)
    }

    /// Its targets.
    pub fn targets(&self) -> Vec<Target> {
        words(&self.root()["targets"])
            .into_iter()
            .filter_map(|id| self.target(id))
            .collect()
    }

    fn target(&self, id: &str) -> Option<Target> {
        let object = self.object(id);
        let kind = text(object, "productType").trim_start_matches("com.apple.product-type.");
        object["name"].as_str().map(|name| Target {
            id: id.to_owned(),
            name: name.to_owned(),
            kind: kind.to_owned(),
        })
    }

    fn source_root(&self) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        plain(&folder.join(text(self.root(), "projectDirPath")))
    }

    fn path_of(&self, id: &str) -> Option<PathBuf> {
        let object = self.object(id);
        let path = text(object, "path");
        let tree = object["sourceTree"].as_str().unwrap_or("<group>");
        if tree == "<absolute>" {
            return Some(PathBuf::from(path));
        }
        if tree == "SOURCE_ROOT" {
            return Some(self.source_root().join(path));
        }
        if tree != "<group>" {
            return None;
        }
        let all = self.objects.as_object()?;
        let parent = all
            .iter()
            .find(|(_, other)| words(&other["children"]).contains(&id));
        let folder = match parent {
            Some((parent, _)) => self.path_of(parent)?,
            None => self.source_root(),
        };
        Some(folder.join(path))
    }

    /// The configuration that is used where `requested` is asked for: for the project, and for a target.
    fn configuration(&self, owner: &Value, requested: &str) -> Option<&Value> {
        let list = |owner: &Value| self.object(text(owner, "buildConfigurationList")).clone();
        let default = text(&list(self.root()), "defaultConfigurationName").to_owned();
        let all: Vec<&Value> = words(&list(owner)["buildConfigurations"])
            .into_iter()
            .map(str::to_owned)
            .map(|id| &self.objects[id.as_str()])
            .collect();
        let named = |name: &str| all.iter().find(|one| text(one, "name") == name).copied();
        named(requested)
            .or_else(|| named(&default))
            .or_else(|| all.first().copied())
    }

    fn pushed(&self, settings: &mut Settings, configuration: Option<&Value>, pairs: &[(&str, &str)]) {
        for (key, value) in pairs {
            settings.push(key, value);
        }
        let Some(configuration) = configuration else {
            return;
        };
        let by_reference = self.path_of(text(configuration, "baseConfigurationReference"));
        let anchor = self.path_of(text(configuration, "baseConfigurationReferenceAnchor"));
        let in_folder = configuration["baseConfigurationReferenceRelativePath"]
            .as_str()
            .zip(anchor)
            .map(|(name, folder)| folder.join(name));
        let base = if configuration["baseConfigurationReference"].is_string() {
            by_reference
        } else {
            in_folder
        };
        for (key, value) in base
            .map(|path| xcconfig::read(&path, &self.source_root(), &[]))
            .unwrap_or_default()
        {
            settings.push(&key, &value);
        }
        let own: BTreeMap<&String, &Value> = configuration["buildSettings"]
            .as_object()
            .into_iter()
            .flatten()
            .collect();
        for (key, value) in own {
            let value = match value {
                Value::Array(_) => words(value).join(" "),
                other => other.as_str().unwrap_or_default().to_owned(),
            };
            settings.push(key, &value);
        }
    }

    /// The settings of a target for a destination.
    pub fn settings(&self, target: &Target, configuration: &str, destination: &Destination) -> Settings {
        let own = self.configuration(self.object(&target.id), configuration);
        let name = own.map(|own| text(own, "name")).unwrap_or(configuration);
        let mut settings = Settings {
            list: Vec::new(),
            destination: destination.clone(),
            configuration: name.to_owned(),
            target: target.name.clone(),
            version: self.version.clone(),
            inherited: self.environment.len(),
        };
        for (key, value) in &self.environment {
            settings.push(key, value);
        }
        let sdk = destination.sdk.as_str();
        let simulator = match sdk {
            "iphoneos" => " iphonesimulator",
            "appletvos" => " appletvsimulator",
            "watchos" => " watchsimulator",
            "xros" => " xrsimulator",
            _ => "",
        };
        let effective = match sdk {
            "macosx" if destination.catalyst => "-maccatalyst".to_owned(),
            "macosx" => String::new(),
            other => format!("-{other}"),
        };
        if !sdk.is_empty() {
            settings.push("SUPPORTED_PLATFORMS", &format!("{sdk}{simulator}"));
            settings.push("PLATFORM_NAME", sdk);
            settings.push("EFFECTIVE_PLATFORM_NAME", &effective);
        }
        let extension = match target.kind.as_str() {
            kind if kind.starts_with("application") => "app",
            "xpc-service" => "xpc",
            "system-extension" => "systemextension",
            "driver-extension" => "dext",
            kind if kind.contains("extension") => "appex",
            kind if kind.starts_with("framework") => "framework",
            "bundle" => "bundle",
            kind if kind.starts_with("bundle.") => "xctest",
            _ => "",
        };
        let by_id = matches!(target.kind.as_str(), "system-extension" | "driver-extension");
        settings.push(
            "PRODUCT_NAME",
            if by_id {
                "$(PRODUCT_BUNDLE_IDENTIFIER)"
            } else {
                "$(TARGET_NAME)"
            },
        );
        settings.push("PRODUCT_MODULE_NAME", "$(PRODUCT_NAME:c99extidentifier)");
        settings.push("EXECUTABLE_NAME", "$(PRODUCT_NAME)");
        if !extension.is_empty() {
            settings.push("WRAPPER_EXTENSION", extension);
            settings.push("WRAPPER_NAME", "$(PRODUCT_NAME).$(WRAPPER_EXTENSION)");
        }
        let root = self.source_root().display().to_string();
        let project = self
            .path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let file = self.path.display().to_string();
        let of_project = [
            ("CONFIGURATION", name),
            ("PROJECT", project.as_str()),
            ("PROJECT_NAME", project.as_str()),
            ("SRCROOT", root.as_str()),
            ("SOURCE_ROOT", root.as_str()),
            ("PROJECT_DIR", root.as_str()),
            ("PROJECT_FILE_PATH", file.as_str()),
        ];
        self.pushed(
            &mut settings,
            self.configuration(self.root(), configuration),
            &of_project,
        );
        let kind = format!("com.apple.product-type.{}", target.kind);
        let mut of_target = vec![
            ("TARGET_NAME", target.name.as_str()),
            ("TARGETNAME", target.name.as_str()),
        ];
        if !target.kind.is_empty() {
            of_target.push(("PRODUCT_TYPE", kind.as_str()));
        }
        self.pushed(&mut settings, own, &of_target);
        for (key, value) in self.overrides() {
            settings.push(&key, &value);
        }
        settings
    }

    /// What a target is built for in an archive for `destination`, where `parent` is what the target that needs it is
    /// built for.
    pub fn destination(
        &self,
        target: &Target,
        configuration: &str,
        destination: &Destination,
        parent: Option<&Destination>,
    ) -> Destination {
        let imposed = parent.unwrap_or(destination).clone();
        if target.kind.is_empty() {
            return imposed;
        }
        let first = self.settings(target, configuration, &Destination::of(""));
        let mut root = first.get("SDKROOT").unwrap_or_default();
        let listed = first.words("SUPPORTED_PLATFORMS");
        let is_auto = root == "auto";
        if root.is_empty() && listed.is_empty() {
            root = "macosx".to_owned();
        }
        let family = |name: &str| {
            let base = name.rsplit('/').next().unwrap_or_default();
            let letters: String = base.chars().take_while(char::is_ascii_alphabetic).collect();
            letters.to_lowercase()
        };
        let own = family(&root);
        // What `auto` without an SDK is evaluated for while nothing else is known: its first device.
        let device = |list: &[String]| list.iter().find(|name| !name.ends_with("simulator")).cloned();
        let base = if is_auto || root.is_empty() {
            device(&listed).unwrap_or_default()
        } else {
            own.clone()
        };
        let settings = self.settings(target, configuration, &Destination::of(&base));
        let devices: Vec<String> = settings
            .words("SUPPORTED_PLATFORMS")
            .into_iter()
            .filter(|name| !name.ends_with("simulator"))
            .collect();
        let devices = if is_auto && settings.get("SUPPORTED_PLATFORMS").is_none() {
            Vec::new()
        } else {
            devices
        };
        let is_signed = ["application", "xpc-service", "pluginkit-plugin"]
            .iter()
            .any(|kind| target.kind.starts_with(kind))
            || target.kind.contains("-extension") && !target.kind.starts_with("kernel");
        let is_ios = own == "iphoneos"
            || (is_auto || root.is_empty()) && devices.iter().any(|name| name == "iphoneos");
        let has_catalyst = is_ios && settings.is_true("SUPPORTS_MACCATALYST").unwrap_or(!is_signed);
        let supports = |wanted: &Destination| {
            if wanted.catalyst {
                return has_catalyst;
            }
            let is_only_catalyst = has_catalyst && own == "iphoneos" && wanted.sdk == "macosx";
            !is_only_catalyst && devices.contains(&wanted.sdk)
        };
        let is_flexible = is_auto
            || root.is_empty()
            || settings.is_true("ALLOW_TARGET_PLATFORM_SPECIALIZATION") == Some(true);
        if is_flexible {
            if (devices.is_empty() && !has_catalyst) || supports(&imposed) {
                return imposed;
            }
            if devices.len() == 1 && !has_catalyst {
                return Destination::of(&devices[0]);
            }
            let mac = Destination::of("macosx");
            return [destination, &mac]
                .into_iter()
                .find(|one| supports(one))
                .cloned()
                .unwrap_or(imposed);
        }
        if supports(destination) {
            return destination.clone();
        }
        if destination.sdk == "macosx" {
            return Destination::of(&own);
        }
        Destination::of(devices.first().unwrap_or(&own))
    }

    fn product(&self, target: &Target) -> String {
        let reference = self.object(text(self.object(&target.id), "productReference"));
        text(reference, "path").to_owned()
    }

    fn filters(object: &Value) -> Vec<&str> {
        let one = object["platformFilter"].as_str();
        one.into_iter().chain(words(&object["platformFilters"])).collect()
    }

    /// The targets that a target needs in its own project, by dependencies and by what it links and copies.
    fn needed(
        &self,
        target: &Target,
        configuration: &str,
        destination: &Destination,
        implicit: bool,
        archive: &Destination,
    ) -> Vec<Target> {
        let settings = self.settings(target, configuration, destination);
        let passes = |object: &Value| {
            let filters = Self::filters(object);
            filters.is_empty() || filters.contains(&destination.word())
        };
        let is_out = |name: &str, out: &str, back: &str| {
            let any = |list: &str| settings.words(list).iter().any(|pattern| glob(pattern, name));
            any(out) && !any(back)
        };
        let mut needed: Vec<Target> = words(&self.object(&target.id)["dependencies"])
            .into_iter()
            .map(|id| self.object(id))
            .filter(|dependency| passes(dependency))
            .filter_map(|dependency| self.target(text(dependency, "target")))
            .filter(|next| {
                !is_out(
                    &next.name,
                    "EXCLUDED_EXPLICIT_TARGET_DEPENDENCIES",
                    "INCLUDED_EXPLICIT_TARGET_DEPENDENCIES",
                )
            })
            .collect();
        if !implicit {
            return needed;
        }
        let explicit: Vec<String> = needed.iter().map(|next| self.product(next)).collect();
        for phase in words(&self.object(&target.id)["buildPhases"])
            .into_iter()
            .map(|id| self.object(id))
        {
            let is_copying = text(phase, "isa") == "PBXCopyFilesBuildPhase";
            if !is_copying && text(phase, "isa") != "PBXFrameworksBuildPhase" {
                continue;
            }
            for file in words(&phase["files"]).into_iter().map(|id| self.object(id)) {
                let name = text(self.object(text(file, "fileRef")), "path");
                if explicit.iter().any(|product| product == name)
                    || !passes(file)
                    || is_out(name, "EXCLUDED_SOURCE_FILE_NAMES", "INCLUDED_SOURCE_FILE_NAMES")
                {
                    continue;
                }
                let others: Vec<Target> = self
                    .targets()
                    .into_iter()
                    .filter(|other| other.id != target.id && self.product(other) == name)
                    .collect();
                let for_it =
                    |other: &Target| self.destination(other, configuration, archive, Some(destination));
                let is_carried = |other: &Target| {
                    let own = for_it(other);
                    is_copying
                        && (own.sdk == "watchos"
                            || own.sdk == "driverkit"
                            || own.sdk == "macosx" && !own.catalyst && destination.catalyst)
                };
                let found = others
                    .iter()
                    .find(|other| for_it(other) == *destination)
                    .or_else(|| others.iter().find(|other| is_carried(other)));
                needed.extend(found.cloned());
            }
        }
        needed
    }

    fn dependencies_elsewhere(&self, target: &Target) -> Vec<(PathBuf, String, Vec<String>)> {
        let dependencies = words(&self.object(&target.id)["dependencies"])
            .into_iter()
            .map(|id| self.object(id));
        dependencies
            .filter(|dependency| !dependency["target"].is_string())
            .filter_map(|dependency| {
                let proxy = self.object(text(dependency, "targetProxy"));
                let path = self.path_of(text(proxy, "containerPortal"))?;
                let filters = Self::filters(dependency).into_iter().map(str::to_owned).collect();
                Some((
                    plain(&path),
                    text(proxy, "remoteGlobalIDString").to_owned(),
                    filters,
                ))
            })
            .collect()
    }
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

/// What the target that needs another is built for, and its place in the list.
type Parent = (Destination, usize);

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
    anyhow::ensure!(!roots.is_empty(), "there is no scheme named \"{scheme}\"");
    let mut open_targets: Vec<(Rc<Project>, Target, Option<Parent>)> = roots
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
        for next in project.needed(&target, configuration, &own, implicit, destination) {
            open_targets.push((Rc::clone(&project), next, Some((own.clone(), at))));
        }
        for (path, id, filters) in project.dependencies_elsewhere(&target) {
            let passes = filters.is_empty() || filters.iter().any(|word| word == own.word());
            let Some(other) = passes.then(|| open(&path).ok()).flatten().map(Rc::new) else {
                continue;
            };
            if let Some(next) = other.target(&id) {
                open_targets.push((other, next, Some((own.clone(), at))));
            }
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
    for block in blocks.filter(|block| !block.starts_with("Entries") && !block.starts_with("ies")) {
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
