//! The package: which file, what it says about itself, and what the inputs say instead.

use std::path::{Path, PathBuf};

use anyhow::bail;
use app_package::{Format, Package, StorePlatform};
use step_kit::{Advice as _, Log};

use crate::inputs::{Inputs, PlatformInput};

/// The package that is uploaded.
#[derive(Debug)]
pub(crate) struct Artifact {
    /// Its absolute path.
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
    pub(crate) platform: StorePlatform,
    pub(crate) details: Details,
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

/// Reads the package and lets the inputs override what it says. A package that can't be read is no reason to
/// stop: altool and Apple have the last word. One that surely would be refused is.
///
/// # Errors
/// With everything that App Store Connect would refuse it for.
pub(crate) fn examine(inputs: &Inputs, path: PathBuf, format: Format, log: &Log) -> anyhow::Result<Artifact> {
    let package = Package::read(&path, format)
        .map_err(|error| {
            log.warn(format!(
                "Could not read the app's bundle ID and versions from the package: {error}"
            ));
        })
        .ok();
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
    })
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
        let size = self.path.metadata().map_or(0, |data| data.len());
        let mut lines = vec![
            format!("file: {} ({})", self.path.display(), size_text(size)),
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

    /// The file's name.
    pub(crate) fn name(&self) -> String {
        self.path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// # Errors
    /// When something is not known that an upload to a given app needs.
    pub(crate) fn complete(&self) -> anyhow::Result<()> {
        let missing = self.details.missing();
        if missing.is_empty() {
            return Ok(());
        }
        let error = || -> anyhow::Result<()> {
            bail!(
                "an upload by app ID needs the bundle ID and both versions, and {} does not contain them all",
                self.name()
            )
        };
        error().hint(format!("set the inputs {}", missing.join(", ")))
    }
}

/// A size as people say it.
pub(crate) fn size_text(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        _ => format!(
            "{}.{:02} GB",
            bytes / 1_000_000_000,
            bytes % 1_000_000_000 / 10_000_000
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn sizes_are_said_as_people_do() {
        assert_eq!(size_text(999), "999 bytes");
        assert_eq!(size_text(1_234_567), "1.2 MB");
        assert_eq!(size_text(4_030_000_000), "4.03 GB");
    }
}
