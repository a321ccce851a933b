//! Reads what an `.ipa` or a `.pkg` says about its app: identifier, versions, platform, profile.
//!
//! Nothing is unpacked to disk, and a hostile or damaged file costs bounded memory and ends in an error that
//! names the part. Whether Apple would take the package is judged from positive evidence only: see
//! [`Package::obstacles`].

mod app;
mod error;
mod ipa;
mod obstacle;
mod pkg;
mod rules;
mod xar;
mod zip;

use std::fs::File;
use std::path::Path;

use signing_assets::Profile;

pub use app::{App, UnknownPlatform};
pub use apple_types::StorePlatform;
pub use error::Error;
pub use obstacle::Obstacle;

/// The two kinds of package that App Store Connect takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A zip archive with the app under `Payload`.
    Ipa,
    /// An installer package: a xar archive.
    Pkg,
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
}

/// A bundle in the main app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Its path below the app, such as `PlugIns/Share.appex`.
    pub path: String,
    /// What its Info.plist says.
    pub info: App,
}

impl Package {
    /// Reads the package at `path`.
    ///
    /// # Errors
    /// When it can't be read, or is not a package of that format.
    pub fn read(path: &Path, format: Format) -> Result<Self, Error> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        match format {
            Format::Ipa => {
                let contents = ipa::read(&mut file, size)?;
                Ok(Self {
                    format,
                    size,
                    app: contents.app,
                    profile: contents.profile.map(Box::new),
                    bundles: contents.bundles,
                    apps: contents.apps,
                })
            }
            Format::Pkg => Ok(Self {
                format,
                size,
                app: pkg::read(&mut file, size)?,
                profile: None,
                bundles: Vec::new(),
                apps: Vec::new(),
            }),
        }
    }
}
