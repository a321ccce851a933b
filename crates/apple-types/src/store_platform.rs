//! The platform of an app in the store.

use std::fmt;

/// The platforms that App Store Connect takes builds for: its enumeration `Platform`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorePlatform {
    /// iOS and iPadOS, and watchOS apps without a companion.
    Ios,
    /// tvOS.
    Tvos,
    /// macOS.
    Macos,
    /// visionOS.
    Visionos,
}

impl StorePlatform {
    /// Every platform.
    pub const ALL: [Self; 4] = [Self::Ios, Self::Tvos, Self::Macos, Self::Visionos];

    /// The word for `altool --type`.
    pub fn altool_type(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Tvos => "appletvos",
            Self::Macos => "macos",
            Self::Visionos => "visionos",
        }
    }

    /// The word of the App Store Connect API, such as `TV_OS`.
    pub fn api_name(self) -> &'static str {
        match self {
            Self::Ios => "IOS",
            Self::Tvos => "TV_OS",
            Self::Macos => "MAC_OS",
            Self::Visionos => "VISION_OS",
        }
    }

    /// Reads the API's word; `None` for a platform that Apple added later.
    pub fn from_api(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|platform| platform.api_name() == name)
    }
}

impl fmt::Display for StorePlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ios => "iOS",
            Self::Tvos => "tvOS",
            Self::Macos => "macOS",
            Self::Visionos => "visionOS",
        })
    }
}
