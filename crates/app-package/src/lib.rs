//! Reads what an `.ipa` or a `.pkg` says about its app: identifier, versions, platform, profile.
//!
//! Nothing is unpacked to disk, and a hostile or damaged file costs bounded memory and ends in an error that
//! names the part. Whether Apple would take the package is judged from positive evidence only: see
//! [`Package::obstacles`].

mod apis;
mod app;
mod archive;
mod caution;
mod code;
mod contents;
mod der;
mod error;
mod executable;
mod identifiers;
mod ipa;
mod multitasking;
mod obstacle;
mod pkg;
mod privacy;
mod rules;
mod xar;

use std::io::{Read, Seek};
use std::path::Path;

use signing_assets::Profile;

use crate::code::Code;
use crate::ipa::Contents;

pub use app::{App, UnknownPlatform};
pub use apple_types::StorePlatform;
pub use caution::Caution;
pub use error::Error;
pub use obstacle::Obstacle;
pub use privacy::PrivacyManifest;

/// The two kinds of package that App Store Connect takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A zip archive with the app under `Payload`.
    Ipa,
    /// An installer package: a xar archive.
    Pkg,
}

impl Format {
    /// The format of a file, by its extension; anything but `.pkg` counts as `.ipa`.
    pub fn of(path: &Path) -> Self {
        let is_pkg = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("pkg"));
        if is_pkg { Self::Pkg } else { Self::Ipa }
    }

    /// Its uniform type identifier, by which the Build Uploads API tells the two apart (`buildUploadFiles`, API 4.1).
    pub fn uti(self) -> &'static str {
        match self {
            Self::Ipa => "com.apple.ipa",
            Self::Pkg => "com.apple.pkg",
        }
    }
}

/// A package file and what it says.
#[derive(Debug)]
pub struct Package {
    /// Which kind it is.
    pub format: Format,
    /// Its size in bytes.
    pub size: u64,
    /// The main app.
    pub app: App,
    /// The provisioning profile inside, where there is a readable one.
    pub profile: Option<Box<Profile>>,
    /// The apps, extensions and frameworks in the app, as far as they can be read.
    pub bundles: Vec<Bundle>,
    /// The folders of all apps: one, unless the package is a wrong one.
    pub apps: Vec<String>,
    /// The privacy manifests in the app.
    pub privacy_manifests: Vec<PrivacyManifest>,
    /// What an `.ipa` holds beside that.
    contents: Option<Box<Contents>>,
}

/// A bundle in the main app.
#[derive(Debug)]
pub struct Bundle {
    /// Its path below the app, such as `PlugIns/Share.appex`.
    pub path: String,
    /// What its Info.plist says.
    pub info: App,
    /// Its executable, with what it is signed with.
    pub(crate) code: Code,
}

impl Package {
    /// Reads the package at `path`.
    ///
    /// # Errors
    /// When it can't be read, or is not a package of that format.
    pub fn read(path: &Path, format: Format) -> Result<Self, Error> {
        let mut file = files::open(path)?;
        let size = file.metadata()?.len();
        Self::parse(&mut file, size, format)
    }

    /// Reads a package of `size` bytes from an open file, or from memory.
    ///
    /// # Errors
    /// When it can't be read, or is not a package of that format.
    pub fn parse<F: Read + Seek>(file: &mut F, size: u64, format: Format) -> Result<Self, Error> {
        if size == 0 {
            let problem = "the file is empty";
            return Err(match format {
                Format::Ipa => Error::zip(problem),
                Format::Pkg => Error::xar(problem),
            });
        }
        match format {
            Format::Ipa => {
                let mut contents = ipa::read(file, size)?;
                Ok(Self {
                    format,
                    size,
                    app: std::mem::take(&mut contents.app),
                    profile: contents.code.profile.take(),
                    bundles: std::mem::take(&mut contents.bundles),
                    apps: std::mem::take(&mut contents.apps),
                    privacy_manifests: std::mem::take(&mut contents.privacy_manifests),
                    contents: Some(Box::new(contents)),
                })
            }
            Format::Pkg => Ok(Self {
                format,
                size,
                app: pkg::read(file, size)?,
                profile: None,
                bundles: Vec::new(),
                apps: Vec::new(),
                privacy_manifests: Vec::new(),
                contents: None,
            }),
        }
    }

    /// What App Store Connect would warn of, or may refuse.
    pub fn cautions(&self) -> Vec<Caution> {
        caution::of(self)
    }
}
