//! What a target is built for.

use std::fmt;

use serde::Serialize;

use crate::store_platform::StorePlatform;

/// A platform that Xcode archives for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
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
    /// Drivers outside the kernel.
    DriverKit,
}

impl Platform {
    /// Every platform.
    pub const ALL: [Self; 7] = [
        Self::Ios,
        Self::Tvos,
        Self::Watchos,
        Self::Visionos,
        Self::Macos,
        Self::MacCatalyst,
        Self::DriverKit,
    ];

    /// The platform of an SDK, named as `SDKROOT` and `SUPPORTED_PLATFORMS` do: `iphoneos`, `iphoneos26.0`,
    /// `macosx.internal` or a path such as `…/SDKs/iPhoneOS26.0.sdk` (swift-build `SDKRegistry.swift`). A simulator
    /// counts as its device; Mac Catalyst has no SDK of its own.
    pub fn of_sdk(name: &str) -> Option<Self> {
        Some(match sdk_family(name).as_str() {
            "iphoneos" | "iphonesimulator" => Self::Ios,
            "appletvos" | "appletvsimulator" => Self::Tvos,
            "watchos" | "watchsimulator" => Self::Watchos,
            "xros" | "xrsimulator" => Self::Visionos,
            "macosx" => Self::Macos,
            "driverkit" => Self::DriverKit,
            _ => return None,
        })
    }

    /// The SDK for devices, without its version.
    pub fn sdk(self) -> &'static str {
        match self {
            Self::Ios => "iphoneos",
            Self::Tvos => "appletvos",
            Self::Watchos => "watchos",
            Self::Visionos => "xros",
            Self::Macos | Self::MacCatalyst => "macosx",
            Self::DriverKit => "driverkit",
        }
    }

    /// The word that platform filters have for it (swift-build `PlatformFilter.swift`).
    pub fn filter(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Tvos => "tvos",
            Self::Watchos => "watchos",
            Self::Visionos => "xros",
            Self::Macos => "macos",
            Self::MacCatalyst => "maccatalyst",
            Self::DriverKit => "driverkit",
        }
    }

    /// Whether something that is filtered to `words` is built for this platform: without words, always.
    ///
    /// Mac Catalyst is not iOS here: `ios` alone leaves it out (swift-build `PlatformFiltering.swift`).
    pub fn passes(self, words: &[String]) -> bool {
        // Fixtures of the JSON format spell visionOS in full.
        let is_own = |word: &String| word == self.filter() || (self == Self::Visionos && word == "visionos");
        words.is_empty() || words.iter().any(is_own)
    }

    /// Apple's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ios => "iOS",
            Self::Tvos => "tvOS",
            Self::Watchos => "watchOS",
            Self::Visionos => "visionOS",
            Self::Macos => "macOS",
            Self::MacCatalyst => "Mac Catalyst",
            Self::DriverKit => "DriverKit",
        }
    }

    /// The platform that App Store Connect files its builds under; `None` for drivers, which are not on their own in the
    /// store. An app for the Watch alone is an iOS app there.
    pub fn store(self) -> Option<StorePlatform> {
        Some(match self {
            Self::Ios | Self::Watchos => StorePlatform::Ios,
            Self::Tvos => StorePlatform::Tvos,
            Self::Visionos => StorePlatform::Visionos,
            Self::Macos | Self::MacCatalyst => StorePlatform::Macos,
            Self::DriverKit => return None,
        })
    }

    /// Whether it runs on a Mac, as an app with or without Catalyst.
    pub fn is_mac(self) -> bool {
        matches!(self, Self::Macos | Self::MacCatalyst)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A platform that App IDs and devices are registered for: `BundleIdPlatform` of the App Store Connect API. iPhone,
/// iPad, Apple TV, Apple Watch, and Apple Vision are all registered for iOS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum PortalPlatform {
    /// iOS and its relatives, and Mac Catalyst.
    #[serde(rename = "IOS")]
    Ios,
    /// macOS.
    #[serde(rename = "MAC_OS")]
    MacOs,
}

/// The name of an SDK without folders, version and suffix, in lower case: `iphoneos` of
/// `/Applications/Xcode.app/…/iPhoneOS26.0.sdk`.
pub fn sdk_family(name: &str) -> String {
    let base = name.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    base.chars()
        .take_while(char::is_ascii_alphabetic)
        .collect::<String>()
        .to_ascii_lowercase()
}

/// Whether an SDK, named as `SDKROOT` does, is one for a simulator.
pub fn is_simulator(name: &str) -> bool {
    sdk_family(name).ends_with("simulator")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sdk_is_known_by_name_version_and_path() {
        for (name, expected) in [
            ("iphoneos", Some(Platform::Ios)),
            ("iphoneos26.0", Some(Platform::Ios)),
            ("macosx.internal", Some(Platform::Macos)),
            // fastlane #7581, Xcode 8.2.
            (
                "/Applications/Xcode.app/Contents/Developer/Platforms/iPhoneOS.platform/Developer/SDKs/iPhoneOS10.2.sdk",
                Some(Platform::Ios),
            ),
            (
                "/X/XROS.platform/Developer/SDKs/XROS26.0.sdk/",
                Some(Platform::Visionos),
            ),
            ("driverkit25.1", Some(Platform::DriverKit)),
            ("auto", None),
            ("", None),
        ] {
            assert_eq!(Platform::of_sdk(name), expected, "{name}");
        }
    }

    #[test]
    fn a_filter_for_ios_leaves_catalyst_out() {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert!(Platform::MacCatalyst.passes(&words(&["ios", "maccatalyst"])));
        assert!(!Platform::MacCatalyst.passes(&words(&["ios"])));
        assert!(Platform::Macos.passes(&[]));
        assert!(Platform::Visionos.passes(&words(&["xros"])));
        assert!(!Platform::Ios.passes(&words(&["tvos", "driverkit"])));
    }
}
