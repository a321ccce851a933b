//! Projects, their targets, and the settings of those.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use crate::settings::{Destination, Settings};
use crate::{openstep, xcconfig, xcproj};

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

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

pub(crate) fn words(value: &Value) -> Vec<&str> {
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
        let read = |name: &str| std::fs::read_to_string(path.join(name));
        let (objects, root) = match read("project.xcproj") {
            Ok(file) => xcproj::read(&file)?,
            Err(_) => {
                let file =
                    read("project.pbxproj").with_context(|| format!("{} can't be read", path.display()))?;
                let mut document = openstep::read(&file)?;
                let root = text(&document, "rootObject").to_owned();
                (document["objects"].take(), root)
            }
        };
        Ok(Self {
            path: path.to_owned(),
            root,
            objects,
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
    /// `XCODE_XCCONFIG_FILE` names (swift-build at commit 41aee62, `Settings.swift`, addOverrides). Each is a table.
    fn overrides(&self) -> Vec<Vec<(String, String)>> {
        let (pairs, file) = &self.arguments;
        let by_environment = self
            .environment
            .iter()
            .find(|(key, _)| key == "XCODE_XCCONFIG_FILE")
            .map(|(_, path)| PathBuf::from(path));
        let files = file.iter().chain(&by_environment);
        let of_files = files.map(|path| xcconfig::read(path, &self.source_root(), &[]));
        std::iter::once(pairs.clone()).chain(of_files).collect()
    }

    pub(crate) fn object(&self, id: &str) -> &Value {
        &self.objects[id]
    }

    pub(crate) fn root(&self) -> &Value {
        self.object(&self.root)
    }

    /// Its targets.
    pub fn targets(&self) -> Vec<Target> {
        words(&self.root()["targets"])
            .into_iter()
            .filter_map(|id| self.target(id))
            .collect()
    }

    pub(crate) fn target(&self, id: &str) -> Option<Target> {
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

    pub(crate) fn path_of(&self, id: &str) -> Option<PathBuf> {
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
        settings.tables += 1;
        for (key, value) in pairs {
            settings.push(key, value);
        }
        settings.tables += 1;
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
        settings.tables += 1;
        let own: BTreeMap<&String, &Value> = configuration["buildSettings"]
            .as_object()
            .into_iter()
            .flatten()
            .collect();
        for (key, value) in own {
            let value = match value {
                Value::Array(_) => words(value)
                    .into_iter()
                    .map(element)
                    .collect::<Vec<_>>()
                    .join(" "),
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
            tables: 0,
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
        for table in self.overrides() {
            settings.tables += 1;
            for (key, value) in table {
                settings.push(&key, &value);
            }
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
        let is_only_catalyst = has_catalyst && own == "iphoneos";
        let lists_mac = !is_only_catalyst && devices.iter().any(|name| name == "macosx");
        if is_flexible {
            let is_variant = imposed.catalyst && lists_mac;
            if (devices.is_empty() && !has_catalyst) || supports(&imposed) || is_variant {
                return imposed;
            }
            let known: Vec<&String> = devices
                .iter()
                .filter(|name| *name != "macosx" || lists_mac)
                .collect();
            if let [only] = known[..] {
                return Destination::of(only);
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
            return Destination::of(if lists_mac { "macosx" } else { &own });
        }
        let known = devices.iter().find(|name| *name != "macosx" || lists_mac);
        if known.is_none() && has_catalyst {
            // Nothing but Catalyst is left.
            return Destination {
                sdk: "macosx".to_owned(),
                catalyst: true,
            };
        }
        Destination::of(known.unwrap_or(&own))
    }

    pub(crate) fn product(&self, target: &Target) -> String {
        let reference = self.object(text(self.object(&target.id), "productReference"));
        text(reference, "path").to_owned()
    }

    pub(crate) fn filters(object: &Value) -> Vec<&str> {
        let one = object["platformFilter"].as_str();
        one.into_iter().chain(words(&object["platformFilters"])).collect()
    }
}

/// An element of a list in the text that the list becomes.
fn element(text: &str) -> String {
    let is_special = |c: char| " \t\r\n\\\"'".contains(c);
    if text.is_empty() {
        return "\"\"".to_owned();
    }
    let escaped = |c: char| {
        if is_special(c) {
            format!("\\{c}")
        } else {
            c.to_string()
        }
    };
    text.chars().map(escaped).collect()
}

/// The path without `.` and `..`.
pub(crate) fn plain(path: &Path) -> PathBuf {
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
