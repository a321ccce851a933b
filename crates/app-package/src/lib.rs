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
mod platform;
mod xar;
mod zip;

use std::fs::File;
use std::path::Path;

use signing_assets::Profile;

pub use app::App;
pub use error::Error;
pub use obstacle::{Distribution, Obstacle};
pub use platform::{Platform, UnknownPlatform};

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
}

impl Package {
    /// Reads the package at `path`.
    ///
    /// # Errors
    /// When it can't be read, or is not a package of that format.
    pub fn read(path: &Path, format: Format) -> Result<Self, Error> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        let (app, profile) = match format {
            Format::Ipa => ipa::read(&mut file, size)?,
            Format::Pkg => (pkg::read(&mut file, size)?, None),
        };
        Ok(Self {
            format,
            size,
            app,
            profile: profile.map(Box::new),
        })
    }
}
