//! A project's targets, configurations and settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use apple_types::{is_simulator, sdk_family as family};

use crate::built_in;
use crate::error::Error;
use crate::model::{Configuration, Model, Target};
use crate::pbx::PbxFile;
use crate::pbxproj::Document;
use crate::settings::{Level, Origin, Settings, elements};
use crate::xcconfig::{self, Xcconfig};
use crate::xcproj::XcprojFile;
use crate::{LARGEST_FILE, MOST_VALUES};

/// The name of the project file in the older format.
const PBXPROJ: &str = "project.pbxproj";

/// The name of the project file in the format of Xcode 27.2.
const XCPROJ: &str = "project.xcproj";

/// An open project file, in either format.
#[derive(Debug)]
pub struct Project {
    pub(crate) file: PathBuf,
    path: PathBuf,
    pub(crate) source: Source,
    pub(crate) model: Model,
    /// The xcconfig files that settings were read from: many targets share one.
    xcconfigs: Mutex<BTreeMap<PathBuf, Arc<Xcconfig>>>,
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
            let (xcproj, model) = XcprojFile::read(text, path).map_err(syntax)?;
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
            xcconfigs: Mutex::default(),
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

    /// The name of the target's configuration that a build in `requested` uses: that one, else the one that is named
    /// like the project's default, else the first (swift-build `Target.swift`, getEffectiveConfiguration). `None` for a
    /// target without configurations.
    pub fn effective_configuration(&self, target: &Target, requested: &str) -> Option<String> {
        let default = self.default_configuration();
        let found = target
            .configuration(requested)
            .or_else(|| target.configuration(default.as_deref()?));
        let found = found.or_else(|| target.configurations.first().map(String::as_str));
        found.map(str::to_owned)
    }

    /// The settings of a target as a build in `configuration` uses them, for the SDK that the project names.
    ///
    /// # Errors
    /// When the target has no configuration at all.
    pub fn settings(&self, target: &Target, configuration: &str) -> Result<Settings, Error> {
        self.settings_under(None, target, configuration)
    }

    /// The same, under the xcconfig file that `XCODE_XCCONFIG_FILE` names: it beats the target, and may name another SDK
    /// (swift-build `Settings.swift`, addOverrides).
    pub(crate) fn settings_under(
        &self,
        overrides: Option<&Path>,
        target: &Target,
        configuration: &str,
    ) -> Result<Settings, Error> {
        let no_configuration = || Error::NoConfiguration {
            target: target.name.clone(),
            configuration: configuration.to_owned(),
            known: target.configurations.clone(),
        };
        let name = self
            .effective_configuration(target, configuration)
            .ok_or_else(no_configuration)?;
        let of_target = self
            .model
            .configuration(Some(&target.id), &name)
            .ok_or_else(no_configuration)?;
        // The project looks for the configuration by itself: it may have one that the target lacks.
        let default = self.default_configuration();
        let of_project = self
            .model
            .configuration(None, configuration)
            .or_else(|| self.model.configuration(None, default.as_deref()?))
            .or_else(|| self.model.configurations.first());
        let mut settings = Settings {
            configuration: name,
            target: target.name.clone(),
            levels: Vec::new(),
            ..Settings::from_assignments([], "", "")
        };
        let mut file = |path: Option<&Path>, origin: Origin| {
            let file = path.map(|path| self.xcconfig(path)).unwrap_or_default();
            settings.missing_files.extend_from_slice(&file.missing);
            settings.problems.extend_from_slice(&file.problems);
            Level {
                origin,
                assignments: file.assignments.clone(),
            }
        };
        let mut read = |of: &Configuration, own: Origin, below: Origin| {
            let own = Level {
                origin: own,
                assignments: assignments(of),
            };
            [own, file(of.base.as_deref(), below)]
        };
        let of_project = of_project.map(|of| read(of, Origin::Project, Origin::ProjectXcconfig));
        let of_target = read(of_target, Origin::Target, Origin::TargetXcconfig);
        let of_environment = overrides.map(|path| file(Some(path), Origin::Environment));
        settings.levels.extend(of_environment);
        settings.levels.extend(of_target);
        settings
            .levels
            .push(built_in::of_target(&target.name, &target.product_type));
        settings.levels.extend(of_project.into_iter().flatten());
        let of_project = built_in::of_project(&self.path, &self.model.source_root, &settings.configuration);
        settings.levels.push(of_project);
        settings.levels.push(built_in::of_product(&target.product_type));
        let sdk = sdk(&settings);
        Ok(settings.built_for(sdk, false))
    }

    /// An xcconfig file, which is read once.
    fn xcconfig(&self, path: &Path) -> Arc<Xcconfig> {
        let mut known = self.xcconfigs.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || Arc::new(xcconfig::read(path, Some(&self.model.source_root)));
        Arc::clone(known.entry(path.to_owned()).or_insert_with(read))
    }
}

/// The SDK that the project names: `SDKROOT`, else the first device of `SUPPORTED_PLATFORMS`. Blank when it does not say.
fn sdk(settings: &Settings) -> String {
    let root = settings.get("SDKROOT").value().unwrap_or_default().to_owned();
    if !root.is_empty() && root != "auto" && root != "/" {
        return if root.contains('/') { family(&root) } else { root };
    }
    let supported = settings.get("SUPPORTED_PLATFORMS");
    elements(supported.value().unwrap_or_default())
        .into_iter()
        .find(|platform| !is_simulator(platform))
        .unwrap_or_default()
}

/// The build settings that a configuration assigns, in the order in which Xcode reads them; lists are joined with
/// spaces.
fn assignments(configuration: &Configuration) -> Vec<(String, String)> {
    let settings = configuration.settings.iter();
    settings
        .map(|(key, value)| (xcconfig::key_of(key), value.joined()))
        .collect()
}
