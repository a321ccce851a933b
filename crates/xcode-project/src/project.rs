//! A project's targets, configurations and settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use plist::{Dictionary, Value as Plist};

use crate::error::Error;
use crate::model::{Configuration, Model, Target};
use crate::pbx::PbxFile;
use crate::pbxproj::Document;
use crate::settings::{Answer, Level, Origin, Settings, built_in};
use crate::xcconfig;
use crate::xcproj::XcprojFile;
use crate::{LARGEST_FILE, MOST_VALUES};

/// The name of the project file in the older format.
const PBXPROJ: &str = "project.pbxproj";

/// The name of the project file in the format of Xcode 27.2.
const XCPROJ: &str = "project.xcproj";

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

/// An open project file, in either format.
#[derive(Debug)]
pub struct Project {
    pub(crate) file: PathBuf,
    path: PathBuf,
    pub(crate) source: Source,
    pub(crate) model: Model,
}

/// The project file itself.
#[derive(Debug)]
pub(crate) enum Source {
    /// `project.pbxproj`.
    Pbxproj(PbxFile),
    /// `project.xcproj`, the format of Xcode 27.2.
    Xcproj(XcprojFile),
}

impl Project {
    /// Opens an `.xcodeproj` directory.
    ///
    /// # Errors
    /// When its project file can't be read, or it holds one in each format, which Xcode refuses too.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let (pbxproj, xcproj) = (path.join(PBXPROJ), path.join(XCPROJ));
        let (file, is_xcproj) = match (pbxproj.exists(), xcproj.exists()) {
            (true, true) => return Err(Error::TwoProjectFiles(path.to_owned())),
            (false, true) => (xcproj, true),
            _ => (pbxproj, false),
        };
        let text = files::read_text(&file, LARGEST_FILE).map_err(|source| Error::Io {
            what: "read",
            path: file.clone(),
            source,
        })?;
        let values = text.bytes().filter(|byte| matches!(byte, b',' | b';' | b'<'));
        if values.count() > MOST_VALUES {
            return Err(Error::Unreadable {
                path: file,
                reason: format!("it holds more than {MOST_VALUES} values"),
            });
        }
        let syntax = |source| Error::Syntax {
            path: file.clone(),
            source,
        };
        let (source, model) = if is_xcproj {
            let (xcproj, model) = XcprojFile::read(&text, path).map_err(syntax)?;
            (Source::Xcproj(xcproj), model)
        } else {
            let pbxproj = PbxFile::new(Document::parse(&text).map_err(syntax)?);
            if pbxproj.root().is_none() {
                return Err(Error::Incomplete {
                    path: file,
                    what: "root object".to_owned(),
                });
            }
            let model = pbxproj.model(path);
            (Source::Pbxproj(pbxproj), model)
        };
        Ok(Self {
            file,
            path: path.to_owned(),
            source,
            model,
        })
    }

    /// Whether a directory holds a project file, in either format.
    pub fn is_at(path: &Path) -> bool {
        path.join(PBXPROJ).is_file() || path.join(XCPROJ).is_file()
    }

    /// The `.xcodeproj` directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The project file in it.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The text of the project file as it was read.
    pub fn text(&self) -> &str {
        match &self.source {
            Source::Pbxproj(file) => file.document.text(),
            Source::Xcproj(file) => file.text(),
        }
    }

    /// The folder that paths in the project count from: `$(SRCROOT)`.
    pub fn source_root(&self) -> PathBuf {
        self.model.source_root.clone()
    }

    /// All targets, in the project's order.
    pub fn targets(&self) -> Vec<Target> {
        let targets = self.model.targets.iter();
        targets.map(|model| model.target.clone()).collect()
    }

    /// The target with this ID.
    pub fn target(&self, id: &str) -> Option<Target> {
        self.model.target(id).map(|model| model.target.clone())
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
        let of_target = self
            .model
            .configuration(Some(&target.id), configuration)
            .ok_or_else(no_configuration)?;
        let mut missing_files = Vec::new();
        let mut read = |of: &Configuration, own: Origin, below: Origin| {
            let base = of.base.as_deref();
            [
                Level {
                    origin: own,
                    assignments: assignments(of),
                },
                Level {
                    origin: below,
                    assignments: base
                        .map(|path| xcconfig::read(path, &mut missing_files))
                        .unwrap_or_default(),
                },
            ]
        };
        let of_project = self.model.configuration(None, configuration);
        let project_levels =
            of_project.map(|configuration| read(configuration, Origin::Project, Origin::ProjectXcconfig));
        let mut levels = read(of_target, Origin::Target, Origin::TargetXcconfig).to_vec();
        levels.extend(project_levels.into_iter().flatten());
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
        let bytes = files::read(&path, LARGEST_FILE).map_err(|source| Error::Io {
            what: "read",
            path: path.clone(),
            source,
        })?;
        let unreadable = |reason: String| Error::Unreadable {
            path: path.clone(),
            reason,
        };
        let value = property_list::read(&bytes);
        let value = value.map_err(|error| unreadable(error.to_string()))?;
        value
            .into_dictionary()
            .map(Some)
            .ok_or_else(|| unreadable("it is not a dictionary".to_owned()))
    }
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

/// The build settings that a configuration assigns, in the order in which Xcode reads them; lists are joined with
/// spaces.
fn assignments(configuration: &Configuration) -> Vec<(String, String)> {
    let settings = configuration.settings.iter();
    settings
        .map(|(key, value)| (key.clone(), value.joined()))
        .collect()
}
