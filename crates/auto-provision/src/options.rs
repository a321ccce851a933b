//! What is to be done, whichever step was asked for it.

use provisioning::Distribution;
use serde::Deserialize;
use step_kit::Secret;

/// What is to be done: the inputs that both steps have.
#[derive(Debug)]
pub struct Options {
    /// How the app is handed to people.
    pub distribution: Distribution,
    /// Whether to change anything.
    pub mode: Mode,
    /// The project or workspace.
    pub project_path: String,
    /// The scheme.
    pub scheme: String,
    /// The configuration, when not the archive's.
    pub configuration: Option<String>,
    /// Where build settings come from.
    pub build_settings: BuildSettings,
    /// The platform that the archive is for.
    pub platform: PlatformName,
    /// Whether a project that Xcode signs automatically stays as it is.
    pub keeps_automatic_signing: bool,
    /// Whether the archive is a Mac app made from the iOS app.
    pub mac_catalyst: bool,
    /// Whether UI tests are signed.
    pub sign_uitest_targets: bool,
    /// Whether devices are registered.
    pub register_test_devices: bool,
    /// A file of UDIDs that takes the place of the devices on Bitrise.
    pub test_device_list: Option<String>,
    /// Profiles that are used where automatic signing fails: addresses and directories.
    pub fallback_profiles: Option<Secret>,
    /// Profiles that end sooner are renewed.
    pub min_profile_days_valid: i64,
    /// Certificates, separated by pipes; there may be none where missing ones are created.
    pub certificate_urls: Option<Secret>,
    /// Their passphrases.
    pub passphrases: Option<Secret>,
    /// What decrypts the storages of fastlane match among the certificates.
    pub match_password: Option<Secret>,
    /// Where certificates go.
    pub keychain_path: String,
    /// The keychain's password.
    pub keychain_password: Secret,
    /// How the project names its certificates.
    pub identity: IdentityName,
    /// What the signing settings are written to.
    pub apply_to: ApplyTo,
    /// Whether Xcode may change version and build number on export.
    pub manages_version: bool,
}

/// The value of `apply_to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplyTo {
    /// The project files.
    Project,
    /// One xcconfig file outside of the checkout, for `XCODE_XCCONFIG_FILE`.
    Xcconfig,
    /// Nothing.
    None,
}

impl ApplyTo {
    /// The value of the input.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Xcconfig => "xcconfig",
            Self::None => "none",
        }
    }
}

/// How a project names the certificate of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityName {
    /// By its SHA-1 digest, which two certificates of one name never share.
    Sha1,
    /// By its common name.
    CommonName,
}

/// The value of `platform`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlatformName {
    /// iOS wherever the app supports it, else the app's own.
    Automatic,
    /// iPhone and iPad.
    Ios,
    /// Apple TV.
    Tvos,
    /// Apple Watch.
    Watchos,
    /// Apple Vision.
    Visionos,
    /// Mac, with AppKit.
    Macos,
    /// Mac, from an iOS target.
    MacCatalyst,
}

/// The value of `build_settings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildSettings {
    /// The project files, and `xcodebuild` for what they do not say.
    Automatic,
    /// The project files alone.
    Project,
    /// `xcodebuild` for every target.
    Xcodebuild,
}

/// The value of `mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Make the changes.
    Apply,
    /// Print them and stop.
    Plan,
}
