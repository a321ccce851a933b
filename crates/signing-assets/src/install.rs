//! Where provisioning profiles live on a machine.
//!
//! Xcode 16 moved them; older tools, and Xcode 16 itself, still read the old place. So profiles are written
//! to the old place always, and to the new one where the selected Xcode uses it.
//! Fact: Xcode 16 release notes, item 54347894.

use std::path::{Path, PathBuf};

use crate::profile::Profile;

/// Larger than any profile, in bytes: one with a thousand devices has about 60 kB.
const LARGEST: u64 = 16 << 20;

/// The directories of one user.
#[derive(Debug, Clone)]
pub struct ProfileDirectories {
    /// Where every Xcode looks.
    classic: PathBuf,
    /// Where Xcode 16 and later keep theirs.
    modern: PathBuf,
    xcode_16_or_later: bool,
}

/// A profile could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not install the provisioning profile `{name}` in {}", directory.display())]
pub struct InstallError {
    name: String,
    directory: PathBuf,
    #[source]
    source: std::io::Error,
}

impl ProfileDirectories {
    /// The directories below `home`, for an Xcode of this major version (`None` where there is no Xcode).
    pub fn of(home: &Path, xcode_major: Option<u32>) -> Self {
        Self {
            classic: home.join("Library/MobileDevice/Provisioning Profiles"),
            modern: home.join("Library/Developer/Xcode/UserData/Provisioning Profiles"),
            xcode_16_or_later: xcode_major.is_some_and(|major| major >= 16),
        }
    }

    /// Writes the content of a profile under its UUID; errors call it by its name.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn install(&self, name: &str, uuid: &str, content: &[u8], for_mac: bool) -> Result<(), InstallError> {
        let extension = if for_mac {
            "provisionprofile"
        } else {
            "mobileprovision"
        };
        let modern = self.xcode_16_or_later.then_some(&self.modern);
        for directory in std::iter::once(&self.classic).chain(modern) {
            write(directory, &format!("{uuid}.{extension}"), content).map_err(|source| InstallError {
                name: name.to_owned(),
                directory: directory.clone(),
                source,
            })?;
        }
        Ok(())
    }

    /// The installed profiles that can be read, with their files' content.
    pub fn installed(&self) -> Vec<(Profile, Vec<u8>)> {
        let mut found: Vec<(Profile, Vec<u8>)> = Vec::new();
        for directory in [&self.classic, &self.modern] {
            let Ok(entries) = std::fs::read_dir(directory) else {
                continue;
            };
            for path in entries.flatten().map(|entry| entry.path()) {
                let is_profile = path.extension().is_some_and(|extension| {
                    extension == "mobileprovision" || extension == "provisionprofile"
                });
                if !is_profile {
                    continue;
                }
                let (content, profile) = match read(&path) {
                    Ok(found) => found,
                    Err(reason) => {
                        tracing::info!("Skipped the installed profile {}: {reason}.", path.display());
                        continue;
                    }
                };
                if found.iter().all(|(known, _)| known.uuid != profile.uuid) {
                    found.push((profile, content));
                }
            }
        }
        found.sort_by(|(a, _), (b, _)| a.uuid.cmp(&b.uuid));
        found
    }
}

/// An installed profile with its file's content.
fn read(path: &Path) -> Result<(Vec<u8>, Profile), String> {
    let content = files::read(path, LARGEST).map_err(|error| error.to_string())?;
    let profile = Profile::parse(&content).map_err(|error| error.to_string())?;
    Ok((content, profile))
}

/// Writes by an atomic rename, so that no build ever sees half a profile.
fn write(directory: &Path, name: &str, content: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    files::replace(&directory.join(name), content, 0o600)
}
