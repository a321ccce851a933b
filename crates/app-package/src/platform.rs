//! The platform of an app.

use std::fmt;

/// The platforms that App Store Connect takes builds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// iOS and iPadOS, and watchOS apps without a companion.
    Ios,
    /// tvOS.
    Tvos,
    /// macOS.
    Macos,
    /// visionOS.
    Visionos,
}

impl Platform {
    /// The word for `altool --type`.
    pub fn altool_type(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Tvos => "appletvos",
            Self::Macos => "macos",
            Self::Visionos => "visionos",
        }
    }

    /// The word of the App Store Connect API.
    pub fn api_name(self) -> &'static str {
        match self {
            Self::Ios => "IOS",
            Self::Tvos => "TV_OS",
            Self::Macos => "MAC_OS",
            Self::Visionos => "VISION_OS",
        }
    }

    /// The platform of an SDK: Xcode writes its name to `DTPlatformName`, device and simulator alike.
    pub(crate) fn of_sdk(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "iphoneos" | "iphonesimulator" | "watchos" | "watchsimulator" => Self::Ios,
            "appletvos" | "appletvsimulator" => Self::Tvos,
            "macosx" => Self::Macos,
            "xros" | "xrsimulator" => Self::Visionos,
            _ => return None,
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ios => "iOS",
            Self::Tvos => "tvOS",
            Self::Macos => "macOS",
            Self::Visionos => "visionOS",
        })
    }
}

/// The package does not tell its platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownPlatform {
    /// There is no `DTPlatformName`.
    #[error("its Info.plist has no `DTPlatformName`")]
    Unnamed,
    /// It names a platform that App Store Connect does not have.
    #[error("its Info.plist names the unknown platform `{0}`")]
    Unheard(String),
}
