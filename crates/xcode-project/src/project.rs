//! A project's targets, configurations and settings.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use plist::{Dictionary, Value as Plist};

use crate::error::Error;
use crate::paths::normalized;
use crate::pbxproj::{Document, Node, Value};
use crate::settings::{Answer, Level, Origin, Settings, built_in};
use crate::xcconfig::{self, MissingFile};

/// What a target is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// iPhone and iPad.
    Ios,
    /// Apple TV.
    Tvos,
    /// Apple Watch.
    Watchos,
    /// Apple Vision.
    Visionos,
    /// Mac.
    Macos,
}

/// An open project file.
#[derive(Debug)]
pub struct Project {
    pub(crate) file: PathBuf,
    path: PathBuf,
    pub(crate) document: Document,
    /// Where each object stands among the document's objects.
    objects: HashMap<String, usize>,
    /// The group that holds each object.
    parents: OnceLock<HashMap<String, String>>,
}

/// A target of a project.
#[derive(Debug, Clone)]
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
    /// Whether it yields something that is signed with a profile of its own: an app, extension, app clip or
    /// watch app.
    pub fn is_executable(&self) -> bool {
        let kind = self
            .product_type
            .strip_prefix("com.apple.product-type.")
            .unwrap_or_default();
        kind.starts_with("application")
            || kind.contains("-extension")
            || kind.contains("watchkit")
            || kind.contains(".watchapp")
    }

    /// Whether it is an app, an app clip or a watch app.
    pub fn is_app(&self) -> bool {
        self.product_type
            .starts_with("com.apple.product-type.application")
    }

    /// Whether it is a UI test bundle.
    pub fn is_ui_test(&self) -> bool {
        self.product_type == "com.apple.product-type.bundle.ui-testing"
    }
}

impl Project {
    /// Opens an `.xcodeproj` directory.
    ///
    /// # Errors
    /// When its project file can't be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = path.join("project.pbxproj");
        let text = std::fs::read_to_string(&file).map_err(|source| Error::Io {
            what: "read",
            path: file.clone(),
            source,
        })?;
        let document = Document::parse(&text).map_err(|source| Error::Syntax {
            path: file.clone(),
            source,
        })?;
        let project = Self {
            file,
            path: path.to_owned(),
            objects: positions(&document),
            document,
            parents: OnceLock::new(),
        };
        let root = project.document.root().text("rootObject").unwrap_or_default();
        if project.object(root).is_none() {
            return Err(Error::Incomplete {
                path: project.file,
                what: "root object".to_owned(),
            });
        }
        Ok(project)
    }

    /// The `.xcodeproj` directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text of the project file as it was read.
    pub fn text(&self) -> &str {
        self.document.text()
    }

    pub(crate) fn object(&self, id: &str) -> Option<&Node> {
        let objects = self.document.root().get("objects")?.entries();
        Some(&objects.get(*self.objects.get(id)?)?.value)
    }

    pub(crate) fn root(&self) -> Option<&Node> {
        self.object(self.document.root().text("rootObject")?)
    }

    /// The folder that paths in the project count from: `$(SRCROOT)`.
    pub fn source_root(&self) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let inner = self
            .root()
            .and_then(|root| root.text("projectDirPath"))
            .unwrap_or_default();
        normalized(&folder.join(inner))
    }

    pub(crate) fn ids(node: Option<&Node>) -> impl Iterator<Item = &str> {
        node.map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(Node::as_text)
    }

    /// All targets, in the project's order.
    pub fn targets(&self) -> Vec<Target> {
        Self::ids(self.root().and_then(|root| root.get("targets")))
            .filter_map(|id| self.target(id))
            .collect()
    }

    /// The target with this ID.
    pub fn target(&self, id: &str) -> Option<Target> {
        let object = self.object(id)?;
        let dependency = |dependency: &str| self.object(dependency)?.text("target").map(str::to_owned);
        Some(Target {
            id: id.to_owned(),
            name: object.text("name").unwrap_or_default().to_owned(),
            product_type: object.text("productType").unwrap_or_default().to_owned(),
            dependencies: Self::ids(object.get("dependencies"))
                .filter_map(dependency)
                .collect(),
            configurations: self
                .configurations(object)
                .map(|(_, node)| node.text("name").unwrap_or_default().to_owned())
                .collect(),
        })
    }

    /// The configurations of a target or of the project: their IDs and objects.
    pub(crate) fn configurations<'a>(&'a self, owner: &'a Node) -> impl Iterator<Item = (&'a str, &'a Node)> {
        let list = owner
            .text("buildConfigurationList")
            .and_then(|id| self.object(id));
        Self::ids(list.and_then(|list| list.get("buildConfigurations")))
            .filter_map(|id| Some((id, self.object(id)?)))
    }

    /// The configuration of a target or of the project with this name.
    pub(crate) fn configuration<'a>(&'a self, owner: &'a Node, name: &str) -> Option<&'a Node> {
        self.configurations(owner)
            .map(|(_, node)| node)
            .find(|node| node.text("name") == Some(name))
    }

    /// The settings of a target in a configuration.
    ///
    /// # Errors
    /// When the target has no such configuration.
    pub fn settings(&self, target: &Target, configuration: &str) -> Result<Settings, Error> {
        let no_configuration = || Error::NoConfiguration {
            target: target.name.clone(),
            configuration: configuration.to_owned(),
            known: target.configurations.clone(),
        };
        let object = self.object(&target.id).ok_or_else(no_configuration)?;
        let of_target = self
            .configuration(object, configuration)
            .ok_or_else(no_configuration)?;
        let mut missing_files = Vec::new();
        let of_project = self
            .root()
            .and_then(|root| self.configuration(root, configuration));
        let project_level = of_project.map(|of_project| {
            [
                Level {
                    origin: Origin::Project,
                    assignments: assignments(of_project),
                },
                self.base_configuration(of_project, Origin::ProjectXcconfig, &mut missing_files),
            ]
        });
        let mut levels = vec![
            Level {
                origin: Origin::Target,
                assignments: assignments(of_target),
            },
            self.base_configuration(of_target, Origin::TargetXcconfig, &mut missing_files),
        ];
        levels.extend(project_level.into_iter().flatten());
        let root = self.source_root().display().to_string();
        levels.push(built_in(BTreeMap::from([
            ("TARGET_NAME", target.name.clone()),
            ("TARGETNAME", target.name.clone()),
            ("PRODUCT_NAME", "$(TARGET_NAME)".to_owned()),
            (
                "PRODUCT_MODULE_NAME",
                "$(PRODUCT_NAME:c99extidentifier)".to_owned(),
            ),
            ("CONFIGURATION", configuration.to_owned()),
            (
                "PROJECT_NAME",
                self.path
                    .file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned())
                    .unwrap_or_default(),
            ),
            ("SRCROOT", root.clone()),
            ("SOURCE_ROOT", root.clone()),
            ("PROJECT_DIR", root),
            ("PROJECT_FILE_PATH", self.path.display().to_string()),
        ])));
        let mut settings = Settings {
            levels,
            sdk: String::new(),
            configuration: configuration.to_owned(),
            missing_files,
        };
        settings.sdk = sdk(&settings);
        Ok(settings)
    }

    fn base_configuration(
        &self,
        configuration: &Node,
        origin: Origin,
        missing: &mut Vec<MissingFile>,
    ) -> Level {
        let path = self.base_configuration_path(configuration);
        Level {
            origin,
            assignments: path
                .map(|path| xcconfig::read(&path, missing))
                .unwrap_or_default(),
        }
    }

    /// The xcconfig file below a configuration.
    pub(crate) fn base_configuration_path(&self, configuration: &Node) -> Option<PathBuf> {
        if let Some(id) = configuration.text("baseConfigurationReference") {
            return self.path_of(id);
        }
        // Since object version 71 a file in a synchronized folder is named by the folder and its own path.
        let anchor = configuration.text("baseConfigurationReferenceAnchor")?;
        let name = configuration.text("baseConfigurationReferenceRelativePath")?;
        Some(self.path_of(anchor)?.join(name))
    }

    /// Where a file reference points to.
    pub(crate) fn path_of(&self, id: &str) -> Option<PathBuf> {
        let object = self.object(id)?;
        let path = object.text("path").unwrap_or_default();
        match object.text("sourceTree").unwrap_or("<group>") {
            "<absolute>" => Some(PathBuf::from(path)),
            "SOURCE_ROOT" => Some(self.source_root().join(path)),
            "<group>" => Some(self.folder_around(id, 0)?.join(path)),
            _ => None,
        }
    }

    /// The folder of the group that holds an object.
    fn folder_around(&self, id: &str, depth: usize) -> Option<PathBuf> {
        // A group that holds itself is no group.
        if depth > 64 {
            return None;
        }
        let Some(id) = self.parents.get_or_init(|| parents(&self.document)).get(id) else {
            return Some(self.source_root());
        };
        let parent = self.object(id)?;
        if self.root()?.text("mainGroup") == Some(id) && parent.get("path").is_none() {
            return Some(self.source_root());
        }
        let path = parent.text("path").unwrap_or_default();
        match parent.text("sourceTree").unwrap_or("<group>") {
            "<absolute>" => Some(PathBuf::from(path)),
            "SOURCE_ROOT" => Some(self.source_root().join(path)),
            _ => Some(self.folder_around(id, depth + 1)?.join(path)),
        }
    }

    /// The platform of a target; `None` when the project files do not say.
    pub fn platform(&self, settings: &Settings) -> Option<Platform> {
        match settings
            .sdk
            .trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
        {
            "iphoneos" => Some(Platform::Ios),
            "appletvos" => Some(Platform::Tvos),
            "watchos" => Some(Platform::Watchos),
            "xros" => Some(Platform::Visionos),
            "macosx" => Some(Platform::Macos),
            _ => None,
        }
    }

    /// The platforms that a target can be built for, as SDK names: those it lists or else those of its SDK, and the
    /// Mac for a Mac Catalyst app.
    pub fn supported_platforms(&self, settings: &Settings) -> Vec<String> {
        let listed = settings
            .get("SUPPORTED_PLATFORMS")
            .value()
            .unwrap_or_default()
            .to_owned();
        let mut platforms: Vec<String> = listed.split_whitespace().map(str::to_owned).collect();
        if platforms.is_empty() {
            let device = settings
                .sdk
                .trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
            let simulator = match device {
                "iphoneos" => Some("iphonesimulator"),
                "appletvos" => Some("appletvsimulator"),
                "watchos" => Some("watchsimulator"),
                "xros" => Some("xrsimulator"),
                _ => None,
            };
            platforms.extend([Some(device), simulator].into_iter().flatten().map(str::to_owned));
        }
        let is_catalyst = settings.get("SUPPORTS_MACCATALYST").value() == Some("YES");
        if is_catalyst && !platforms.iter().any(|platform| platform == "macosx") {
            platforms.push("macosx".to_owned());
        }
        platforms
    }

    /// The bundle ID of a target: the setting, else the Info.plist's, both with variables resolved.
    ///
    /// # Errors
    /// When neither is there, or they depend on something that the project files do not define.
    pub fn bundle_id(&self, target: &Target, settings: &Settings) -> Result<String, Error> {
        let unresolved = |setting: &str, missing: Vec<String>| Error::Unresolved {
            target: target.name.clone(),
            setting: setting.to_owned(),
            missing,
        };
        match settings.get("PRODUCT_BUNDLE_IDENTIFIER") {
            Answer::Resolved(id) if !id.is_empty() => return Ok(id),
            Answer::Unresolved { setting, missing } => return Err(unresolved(&setting, missing)),
            Answer::Resolved(_) | Answer::Unset => {}
        }
        let info = self.plist(settings, "INFOPLIST_FILE")?.unwrap_or_default();
        let raw = info
            .get("CFBundleIdentifier")
            .and_then(Plist::as_string)
            .unwrap_or_default();
        match settings.expand(raw) {
            Answer::Resolved(id) if !id.is_empty() => Ok(id),
            Answer::Unresolved { missing, .. } => Err(unresolved("CFBundleIdentifier", missing)),
            Answer::Resolved(_) | Answer::Unset => Err(unresolved(
                "PRODUCT_BUNDLE_IDENTIFIER",
                vec!["PRODUCT_BUNDLE_IDENTIFIER".to_owned()],
            )),
        }
    }

    /// The entitlements of a target with variables resolved, as far as the project files define them; team
    /// prefixes, which only a build knows, stay as they are.
    ///
    /// # Errors
    /// When the file is named and can't be read.
    pub fn entitlements(&self, settings: &Settings, bundle_id: &str) -> Result<Dictionary, Error> {
        let mut entitlements = self
            .plist(settings, "CODE_SIGN_ENTITLEMENTS")?
            .unwrap_or_default();
        for (_, value) in entitlements.iter_mut() {
            expand(value, settings, bundle_id);
        }
        Ok(entitlements)
    }

    fn plist(&self, settings: &Settings, setting: &str) -> Result<Option<Dictionary>, Error> {
        let Some(name) = settings
            .get(setting)
            .value()
            .map(str::to_owned)
            .filter(|name| !name.is_empty())
        else {
            return Ok(None);
        };
        let path = self.source_root().join(name);
        let bytes = std::fs::read(&path).map_err(|source| Error::Io {
            what: "read",
            path: path.clone(),
            source,
        })?;
        let unreadable = |reason: String| Error::Unreadable {
            path: path.clone(),
            reason,
        };
        let value = if bytes.starts_with(b"bplist") {
            Plist::from_reader(std::io::Cursor::new(&bytes))
        } else {
            Plist::from_reader_xml(bytes.as_slice())
        };
        let value = value.map_err(|error| unreadable(error.to_string()))?;
        value
            .into_dictionary()
            .map(Some)
            .ok_or_else(|| unreadable("it is not a dictionary".to_owned()))
    }
}

fn positions(document: &Document) -> HashMap<String, usize> {
    let objects = document.root().get("objects").map(Node::entries);
    let keys = objects.unwrap_or_default().iter().map(|entry| entry.key.clone());
    keys.zip(0..).collect()
}

/// Which group holds which object.
fn parents(document: &Document) -> HashMap<String, String> {
    let objects = document.root().get("objects").map(Node::entries);
    let groups = objects.unwrap_or_default().iter().filter(|entry| {
        let kind = entry.value.text("isa");
        matches!(kind, Some("PBXGroup" | "PBXVariantGroup" | "XCVersionGroup"))
    });
    groups
        .flat_map(|group| {
            Project::ids(group.value.get("children")).map(|child| (child.to_owned(), group.key.clone()))
        })
        .collect()
}

/// Replaces variables in every text of a property list, where they are defined.
fn expand(value: &mut Plist, settings: &Settings, bundle_id: &str) {
    match value {
        Plist::String(text) => {
            let known = text
                .replace("$(CFBundleIdentifier)", bundle_id)
                .replace("${CFBundleIdentifier}", bundle_id);
            *text = settings
                .expand(&known)
                .value()
                .map_or(known.clone(), str::to_owned);
        }
        Plist::Array(items) => items
            .iter_mut()
            .for_each(|item| expand(item, settings, bundle_id)),
        Plist::Dictionary(entries) => entries
            .iter_mut()
            .for_each(|(_, item)| expand(item, settings, bundle_id)),
        _ => {}
    }
}

/// The SDK that an archive of the target is built with.
pub(crate) fn sdk(settings: &Settings) -> String {
    let root = settings.get("SDKROOT").value().unwrap_or_default().to_owned();
    if !root.is_empty() && root != "auto" {
        return root;
    }
    let supported = settings
        .get("SUPPORTED_PLATFORMS")
        .value()
        .unwrap_or_default()
        .to_owned();
    supported
        .split_whitespace()
        .find(|platform| !platform.ends_with("simulator"))
        .unwrap_or_default()
        .to_owned()
}

/// The build settings that a configuration assigns; lists are joined with spaces. A dictionary has no order:
/// sorted by key, conditional assignments come after the plain one and win over it.
fn assignments(configuration: &Node) -> Vec<(String, String)> {
    let entries = configuration
        .get("buildSettings")
        .map(Node::entries)
        .unwrap_or_default();
    let mut assignments: Vec<(String, String)> = entries
        .iter()
        .map(|entry| {
            let value = match &entry.value.value {
                Value::Text(text) => text.clone(),
                Value::Array(items) => items
                    .iter()
                    .filter_map(Node::as_text)
                    .collect::<Vec<_>>()
                    .join(" "),
                Value::Data(_) | Value::Dictionary(_) => String::new(),
            };
            (entry.key.clone(), value)
        })
        .collect();
    assignments.sort();
    assignments
}
