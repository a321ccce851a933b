//! The code of a bundle: its executable, and the signature and profile that go with it.

use std::io::{Read, Seek};

use signing_assets::Profile;

use crate::App;
use crate::archive::Archive;
use crate::executable::Executable;

/// A profile with a thousand devices and a hundred certificates stays below one megabyte.
const LARGEST_PROFILE: u64 = 16 * 1024 * 1024;

/// What runs in a bundle, and what it is signed with.
#[derive(Debug, Default)]
pub(crate) struct Code {
    /// The executable, where it is a real one.
    pub(crate) executable: Option<Executable>,
    /// Whether there is a provisioning profile, readable or not.
    pub(crate) has_profile: bool,
    /// The profile. One that can't be read is none: it is looked at to help only.
    pub(crate) profile: Option<Box<Profile>>,
    /// Whether the bundle has the list of its resources' hashes, which a signature adds.
    pub(crate) is_sealed: bool,
}

impl Code {
    /// The code of the bundle in `folder`, which ends with a slash.
    pub(crate) fn read<F: Read + Seek>(archive: &mut Archive<F>, folder: &[u8], info: &App) -> Self {
        let file = |name: &str| [folder, name.as_bytes()].concat();
        let profile = file("embedded.mobileprovision");
        let seal = file("_CodeSignature/CodeResources");
        let has_profile = archive.holds(&profile);
        let bytes = has_profile.then(|| archive.content(&profile, LARGEST_PROFILE).ok());
        let profile = bytes.flatten().and_then(|bytes| Profile::parse(&bytes).ok());
        let executable = info.executable.as_deref().and_then(|name| {
            let entry = archive.entry(&file(name)).ok()?;
            Executable::read(entry)
        });
        Self {
            executable,
            has_profile,
            profile: profile.map(Box::new),
            is_sealed: archive.holds(&seal),
        }
    }

    /// Whether it is signed at all.
    pub(crate) fn is_signed(&self) -> bool {
        self.is_sealed
            || self
                .executable
                .as_ref()
                .is_some_and(|executable| executable.is_signed)
    }

    /// The entitlement with this name in its signature; nothing where the signature has none, or can't be read.
    pub(crate) fn entitlement(&self, name: &str) -> Option<&plist::Value> {
        self.executable.as_ref()?.entitlements.as_ref()?.get(name)
    }
}
