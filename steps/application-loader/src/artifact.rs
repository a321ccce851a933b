//! The package: which file, what it says about itself, and what the inputs say instead.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use app_package::{Format, Package, StorePlatform};
use step_kit::{Advice as _, Log, size_text};

use crate::inputs::{Inputs, PlatformInput};

/// The package that is uploaded.
#[derive(Debug)]
pub(crate) struct Artifact {
    /// Its absolute path.
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
    pub(crate) platform: StorePlatform,
    pub(crate) details: Details,
    /// In bytes, when it was looked at.
    pub(crate) size: u64,
    /// Why it could not be looked into.
    pub(crate) unread: Option<Unread>,
}

/// Why a package could not be looked into.
#[derive(Debug)]
pub(crate) struct Unread {
    /// The whole chain of causes.
    pub(crate) reason: String,
    /// Whether the file is no package at all, for nobody.
    pub(crate) is_broken: bool,
}

/// Who has the last word about a package that can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judge {
    /// This step: it uploads the file itself, or only says whether it could be uploaded.
    Step,
    /// altool, which reads the package again and names its defects in Apple's words.
    Altool,
}

/// What App Store Connect knows a build by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) bundle_id: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) short_version: Option<String>,
}

impl Details {
    /// The inputs that would give what is missing.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        [
            (&self.bundle_id, "bundle_id"),
            (&self.version, "bundle_version"),
            (&self.short_version, "bundle_short_version_string"),
        ]
        .into_iter()
        .filter(|(value, _)| value.is_none())
        .map(|(_, key)| key)
        .collect()
    }
}

/// Reads the package and lets the inputs override what it says. One that surely would be refused is a reason to stop. One
/// that only this reader can't read is none; a file that is no package is one, unless altool judges it.
///
/// # Errors
/// With why it is no package, or with everything that App Store Connect would refuse it for.
pub(crate) fn examine(
    inputs: &Inputs,
    path: PathBuf,
    format: Format,
    judge: Judge,
    log: &Log,
) -> anyhow::Result<Artifact> {
    let size = path.metadata().map_or(0, |data| data.len());
    let (package, unread) = match Package::read(&path, format) {
        Ok(package) => (Some(package), None),
        Err(error) => {
            let is_broken = !error.is_limit_of_reader();
            let error = anyhow::Error::from(error);
            if is_broken && judge == Judge::Step {
                return Err(broken(error, &path, format));
            }
            let reason = format!("{error:#}");
            log.warn(format!(
                "Could not read the app's bundle ID and versions from the package: {reason}"
            ));
            (None, Some(Unread { reason, is_broken }))
        }
    };
    if let Some(package) = &package {
        let obstacles: Vec<String> = package
            .obstacles()
            .iter()
            .map(|obstacle| format!("- {obstacle}"))
            .collect();
        if !obstacles.is_empty() {
            let error = anyhow::anyhow!(obstacles.join("\n"))
                .context(format!("App Store Connect would refuse {}", path.display()));
            return Err(error.hint(
                "correct this in the project, archive it again, and export the archive with the distribution method app-store",
            ));
        }
        for caution in package.cautions() {
            log.warn(format!("Before the App Store: {caution}."));
        }
        if package.format == Format::Ipa && package.app.uses_encryption.is_none() {
            log.plain("The Info.plist has no ITSAppUsesNonExemptEncryption: App Store Connect will ask about encryption before testers get the build.");
        }
    }
    let app = package.as_ref().map(|package| &package.app);
    let details = Details {
        bundle_id: or(&inputs.bundle_id, app.and_then(|app| app.bundle_id.as_ref())),
        version: or(&inputs.bundle_version, app.and_then(|app| app.version.as_ref())),
        short_version: or(
            &inputs.bundle_short_version_string,
            app.and_then(|app| app.short_version.as_ref()),
        ),
    };
    let platform = platform(inputs.platform, &path, format, package.as_ref(), log);
    Ok(Artifact {
        path,
        format,
        platform,
        details,
        size,
        unread,
    })
}

/// The error of a file that is no package.
fn broken(error: anyhow::Error, path: &Path, format: Format) -> anyhow::Error {
    let (kind, key) = match format {
        Format::Ipa => ("an .ipa", "ipa_path"),
        Format::Pkg => ("a .pkg", "pkg_path"),
    };
    error
        .context(format!("`{}` is not {kind} that can be uploaded", path.display()))
        .hint(format!(
            "check that the step that exports the package has finished it, and that {key} names that file"
        ))
}

fn or(input: &Option<String>, package: Option<&String>) -> Option<String> {
    input.clone().or_else(|| package.cloned())
}

fn platform(
    input: PlatformInput,
    path: &Path,
    format: Format,
    package: Option<&Package>,
    log: &Log,
) -> StorePlatform {
    if let Some(platform) = input.store_platform() {
        return platform;
    }
    if format == Format::Pkg || Format::of(path) == Format::Pkg {
        return StorePlatform::Macos;
    }
    match package.map(|package| package.app.platform()) {
        Some(Ok(platform)) => platform,
        other => {
            let reason = other
                .and_then(Result::err)
                .map_or_else(String::new, |error| format!(" ({error})"));
            log.warn(format!(
                "Could not determine the platform from the package{reason}; assuming iOS. If that is wrong, set the input platform."
            ));
            StorePlatform::Ios
        }
    }
}

impl Artifact {
    /// What is uploaded, a line each.
    pub(crate) fn describe(&self, app_id: Option<&str>) -> Vec<String> {
        let unknown = || "not known".to_owned();
        let details = &self.details;
        let mut lines = vec![
            format!("file: {} ({})", self.path.display(), size_text(self.size)),
            format!("platform: {}", self.platform),
            format!("bundle ID: {}", details.bundle_id.clone().unwrap_or_else(unknown)),
            format!(
                "version: {} ({})",
                details.short_version.clone().unwrap_or_else(unknown),
                details.version.clone().unwrap_or_else(unknown)
            ),
        ];
        lines.extend(app_id.map(|id| format!("app ID: {id}")));
        lines
    }

    /// Whether the file is no package at all.
    pub(crate) fn is_broken(&self) -> bool {
        self.unread.as_ref().is_some_and(|unread| unread.is_broken)
    }

    /// The file's name.
    pub(crate) fn name(&self) -> String {
        self.path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// # Errors
    /// When something is not known that an upload through the API needs.
    pub(crate) fn complete(&self) -> anyhow::Result<()> {
        let missing = self.details.missing();
        if missing.is_empty() {
            return Ok(());
        }
        let needs = "the upload needs the bundle ID and both versions of the app";
        let name = self.name();
        let error = match &self.unread {
            Some(unread) => Err(anyhow::anyhow!(unread.reason.clone()))
                .context(format!("{needs}, and they could not be read from {name}")),
            None => Err(anyhow::anyhow!("{needs}, and {name} does not contain them all")),
        };
        error.hint(match missing.as_slice() {
            [key] => format!("set the input {key}"),
            keys => format!("set the inputs {}", keys.join(", ")),
        })
    }
}
