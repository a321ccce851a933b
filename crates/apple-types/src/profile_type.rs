//! Profile types, which follow from platform and distribution, and the devices that they list.
//!
//! The tables come from Apple's `ProfileType`, `DeviceClass` and `BundleIdPlatform` enumerations in the App
//! Store Connect API document.

use serde::Serialize;

use crate::distribution::Distribution;
use crate::platform::{Platform, PortalPlatform};

/// One of Apple's provisioning profile types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProfileType {
    /// iOS, watchOS and visionOS development.
    IosAppDevelopment,
    /// iOS, watchOS and visionOS in the App Store.
    IosAppStore,
    /// iOS, watchOS and visionOS on registered devices.
    IosAppAdhoc,
    /// iOS, watchOS and visionOS in-house.
    IosAppInhouse,
    /// tvOS development.
    TvosAppDevelopment,
    /// tvOS in the App Store.
    TvosAppStore,
    /// tvOS on registered devices.
    TvosAppAdhoc,
    /// tvOS in-house.
    TvosAppInhouse,
    /// macOS development.
    MacAppDevelopment,
    /// Mac App Store.
    MacAppStore,
    /// macOS with Developer ID.
    MacAppDirect,
    /// macOS in-house, by session only: the public API has no such type.
    MacAppInhouse,
    /// Mac Catalyst development.
    MacCatalystAppDevelopment,
    /// Mac Catalyst in the Mac App Store.
    MacCatalystAppStore,
    /// Mac Catalyst with Developer ID.
    MacCatalystAppDirect,
}

/// Every profile type, with Apple's spelling.
const PROFILE_TYPES: [(ProfileType, &str); 15] = [
    (ProfileType::IosAppDevelopment, "IOS_APP_DEVELOPMENT"),
    (ProfileType::IosAppStore, "IOS_APP_STORE"),
    (ProfileType::IosAppAdhoc, "IOS_APP_ADHOC"),
    (ProfileType::IosAppInhouse, "IOS_APP_INHOUSE"),
    (ProfileType::TvosAppDevelopment, "TVOS_APP_DEVELOPMENT"),
    (ProfileType::TvosAppStore, "TVOS_APP_STORE"),
    (ProfileType::TvosAppAdhoc, "TVOS_APP_ADHOC"),
    (ProfileType::TvosAppInhouse, "TVOS_APP_INHOUSE"),
    (ProfileType::MacAppDevelopment, "MAC_APP_DEVELOPMENT"),
    (ProfileType::MacAppStore, "MAC_APP_STORE"),
    (ProfileType::MacAppDirect, "MAC_APP_DIRECT"),
    (ProfileType::MacAppInhouse, "MAC_APP_INHOUSE"),
    (
        ProfileType::MacCatalystAppDevelopment,
        "MAC_CATALYST_APP_DEVELOPMENT",
    ),
    (ProfileType::MacCatalystAppStore, "MAC_CATALYST_APP_STORE"),
    (ProfileType::MacCatalystAppDirect, "MAC_CATALYST_APP_DIRECT"),
];

impl ProfileType {
    /// The profile type for a target's platform and a distribution; `None` where Apple has none, such as a
    /// Mac app ad hoc.
    pub fn of(platform: Platform, distribution: Distribution) -> Option<Self> {
        use Distribution as D;
        Some(match (platform, distribution) {
            (Platform::Ios | Platform::Watchos | Platform::Visionos, D::Development) => {
                Self::IosAppDevelopment
            }
            (Platform::Ios | Platform::Watchos | Platform::Visionos, D::AppStore) => Self::IosAppStore,
            (Platform::Ios | Platform::Watchos | Platform::Visionos, D::AdHoc) => Self::IosAppAdhoc,
            (Platform::Ios | Platform::Watchos | Platform::Visionos, D::Enterprise) => Self::IosAppInhouse,
            (Platform::Tvos, D::Development) => Self::TvosAppDevelopment,
            (Platform::Tvos, D::AppStore) => Self::TvosAppStore,
            (Platform::Tvos, D::AdHoc) => Self::TvosAppAdhoc,
            (Platform::Tvos, D::Enterprise) => Self::TvosAppInhouse,
            (Platform::Macos, D::Development) => Self::MacAppDevelopment,
            (Platform::Macos, D::AppStore) => Self::MacAppStore,
            (Platform::Macos, D::DeveloperId) => Self::MacAppDirect,
            (Platform::Macos, D::Enterprise) => Self::MacAppInhouse,
            (Platform::MacCatalyst, D::Development) => Self::MacCatalystAppDevelopment,
            (Platform::MacCatalyst, D::AppStore) => Self::MacCatalystAppStore,
            (Platform::MacCatalyst, D::DeveloperId) => Self::MacCatalystAppDirect,
            (Platform::Ios | Platform::Watchos | Platform::Visionos | Platform::Tvos, D::DeveloperId)
            | (Platform::Macos | Platform::MacCatalyst, D::AdHoc)
            | (Platform::MacCatalyst, D::Enterprise)
            | (Platform::DriverKit, _) => return None,
        })
    }

    /// Apple's spelling, such as `IOS_APP_STORE`.
    pub fn as_str(self) -> &'static str {
        PROFILE_TYPES
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("", |(_, name)| name)
    }

    /// Reads Apple's spelling; `None` for a type that this crate does not know.
    pub fn from_apple(name: &str) -> Option<Self> {
        PROFILE_TYPES
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(kind, _)| *kind)
    }

    /// The platform word in profile names: `iOS`, `tvOS`, `macOS`, `macCatalyst`.
    pub fn platform_name(self) -> &'static str {
        match self {
            Self::IosAppDevelopment | Self::IosAppStore | Self::IosAppAdhoc | Self::IosAppInhouse => "iOS",
            Self::TvosAppDevelopment | Self::TvosAppStore | Self::TvosAppAdhoc | Self::TvosAppInhouse => {
                "tvOS"
            }
            Self::MacAppDevelopment | Self::MacAppStore | Self::MacAppDirect | Self::MacAppInhouse => "macOS",
            Self::MacCatalystAppDevelopment | Self::MacCatalystAppStore | Self::MacCatalystAppDirect => {
                "macCatalyst"
            }
        }
    }

    /// Whether only the newer of the portal's services for sessions (`services-account/v1`) know the type.
    pub fn is_by_v1(self) -> bool {
        self == Self::MacAppInhouse || self.platform_name() == "macCatalyst"
    }

    /// Whether this is a profile for the Mac: its file ends in `.provisionprofile`.
    pub fn is_mac(self) -> bool {
        matches!(self.platform_name(), "macOS" | "macCatalyst")
    }

    /// Whether devices of `class` belong into profiles of this type.
    pub fn takes_device(self, class: DeviceClass) -> bool {
        match self.platform_name() {
            "iOS" => matches!(
                class,
                DeviceClass::Iphone
                    | DeviceClass::Ipad
                    | DeviceClass::Ipod
                    | DeviceClass::AppleWatch
                    | DeviceClass::AppleVisionPro
            ),
            "tvOS" => class == DeviceClass::AppleTv,
            _ => class == DeviceClass::Mac,
        }
    }

    /// The platform of a bundle ID that is created for this profile type.
    pub fn portal_platform(self) -> PortalPlatform {
        if self.platform_name() == "macOS" {
            PortalPlatform::MacOs
        } else {
            PortalPlatform::Ios
        }
    }
}

impl std::fmt::Display for ProfileType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Apple's device classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeviceClass {
    /// iPhone.
    Iphone,
    /// iPad.
    Ipad,
    /// iPod touch.
    Ipod,
    /// Apple Watch.
    AppleWatch,
    /// Apple Vision Pro.
    AppleVisionPro,
    /// Apple TV.
    AppleTv,
    /// Mac, of either kind.
    Mac,
    /// A class that Apple added later.
    Other,
}

impl DeviceClass {
    /// Reads Apple's spelling; an unknown class becomes [`DeviceClass::Other`].
    pub fn from_apple(name: &str) -> Self {
        match name {
            "IPHONE" => Self::Iphone,
            "IPAD" => Self::Ipad,
            "IPOD" => Self::Ipod,
            "APPLE_WATCH" => Self::AppleWatch,
            "APPLE_VISION_PRO" => Self::AppleVisionPro,
            "APPLE_TV" => Self::AppleTv,
            // By session since 2023 and by key since March 2024, beside `MAC` (fastlane #20676, #21915).
            "MAC" | "APPLE_SILICON_MAC" | "INTEL_MAC" => Self::Mac,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apple_spells_every_profile_type_once() {
        for (kind, name) in PROFILE_TYPES {
            assert_eq!(ProfileType::from_apple(name), Some(kind));
            assert_eq!(kind.as_str(), name);
        }
    }

    #[test]
    fn watch_and_vision_apps_are_signed_with_ios_profiles() {
        for platform in [Platform::Watchos, Platform::Visionos] {
            assert_eq!(
                ProfileType::of(platform, Distribution::AdHoc),
                Some(ProfileType::IosAppAdhoc)
            );
        }
    }

    #[test]
    fn macs_have_no_ad_hoc_profiles() {
        for platform in [Platform::Macos, Platform::MacCatalyst] {
            assert_eq!(ProfileType::of(platform, Distribution::AdHoc), None);
        }
    }

    #[test]
    fn every_class_of_mac_is_a_mac() {
        for class in ["MAC", "APPLE_SILICON_MAC", "INTEL_MAC"] {
            let class = DeviceClass::from_apple(class);
            for kind in [
                ProfileType::MacAppDevelopment,
                ProfileType::MacCatalystAppDevelopment,
            ] {
                assert!(kind.takes_device(class));
            }
            assert!(!ProfileType::IosAppDevelopment.takes_device(class));
            assert!(!ProfileType::TvosAppDevelopment.takes_device(class));
        }
    }

    #[test]
    fn only_apple_tvs_belong_into_tvos_profiles() {
        assert!(ProfileType::TvosAppDevelopment.takes_device(DeviceClass::AppleTv));
        assert!(!ProfileType::TvosAppDevelopment.takes_device(DeviceClass::Iphone));
        assert!(!ProfileType::IosAppDevelopment.takes_device(DeviceClass::Mac));
    }
}
