//! Which platform a target is built for (swift-build `Settings.swift`, computeBoundProperties and
//! addRunDestinationSettingsPlatformSDK; `DependencyResolution.swift` for targets that follow their dependents).

use apple_types::{Platform, is_simulator};

use crate::model::Target;
use crate::settings::{Answer, Settings, elements};

/// The platforms that a target can be built for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// That of `SDKROOT`; `None` where that is `auto`.
    pub sdk: Option<Platform>,
    /// Whether the target is built for whatever platform needs it (`SDKROOT = auto`, or
    /// `ALLOW_TARGET_PLATFORM_SPECIALIZATION`).
    pub is_flexible: bool,
    /// Those that can be chosen, in the project's order, Mac Catalyst last; none for a target that says nothing.
    pub platforms: Vec<Platform>,
}

impl Support {
    /// What a target supports; `None` when its settings do not say it.
    pub fn of(target: &Target, settings: &Settings) -> Option<Self> {
        let text = |name: &str| match settings.settled(name) {
            Answer::Resolved(value) => Some(value),
            Answer::Unset => Some(String::new()),
            Answer::Unresolved { .. } => None,
        };
        let root = text("SDKROOT")?;
        let listed = text("SUPPORTED_PLATFORMS")?;
        let is_auto = root == "auto";
        let mut platforms: Vec<Platform> = Vec::new();
        let listed = elements(&listed);
        let devices = listed.iter().filter(|name| !is_simulator(name));
        for platform in devices.filter_map(|name| Platform::of_sdk(name)) {
            if !platforms.contains(&platform) {
                platforms.push(platform);
            }
        }
        let is_incomplete = settings.missing_files().iter().any(|file| !file.optional);
        let sdk = match root.as_str() {
            "auto" => None,
            // Without an SDK Xcode takes the Mac's; a file that is not there could name another one.
            "" | "/" if !platforms.is_empty() || is_incomplete => None,
            "" | "/" => Some(Platform::Macos),
            root => Some(Platform::of_sdk(root)?),
        };
        if let (Some(sdk), true) = (sdk, platforms.is_empty()) {
            platforms.push(sdk);
        }
        if platforms.is_empty() && !is_auto {
            return None;
        }
        let is_ios = sdk == Some(Platform::Ios) || (sdk.is_none() && platforms.contains(&Platform::Ios));
        // Apps and extensions must ask for it, everything else of iOS has it (`DarwinProductTypes.xcspec`).
        let by_default = !target.is_executable();
        let has_catalyst = settings
            .settled("SUPPORTS_MACCATALYST")
            .boolean()
            .unwrap_or(by_default);
        if is_ios && has_catalyst {
            // An iOS SDK with the Mac alone in its list is an app for Mac Catalyst alone.
            if sdk == Some(Platform::Ios) {
                platforms.retain(|platform| *platform != Platform::Macos);
            }
            platforms.push(Platform::MacCatalyst);
        }
        let specialized = settings.settled("ALLOW_TARGET_PLATFORM_SPECIALIZATION");
        Some(Self {
            sdk,
            is_flexible: is_auto || specialized.boolean() == Some(true),
            platforms,
        })
    }

    /// The platform that an archive is for where nobody chooses: iOS wherever it is listed, else that of the SDK, else
    /// the first one.
    pub fn preferred(&self) -> Option<Platform> {
        let has = |platform: &Platform| self.platforms.contains(platform);
        [Some(Platform::Ios), self.sdk]
            .into_iter()
            .flatten()
            .find(has)
            .or_else(|| self.platforms.first().copied())
    }

    /// The platform of the target in an archive for `destination`, where the target that needs it is built for `parent`.
    pub fn platform(&self, destination: Platform, parent: Option<Platform>) -> Platform {
        let has = |platform: Platform| self.platforms.contains(&platform);
        if self.is_flexible || self.sdk.is_none() {
            let imposed = parent.unwrap_or(destination);
            // Catalyst is a variant of the Mac's SDK: what lists the Mac is built for it where it is imposed.
            let is_variant = imposed == Platform::MacCatalyst && has(Platform::Macos);
            if self.platforms.is_empty() || has(imposed) || is_variant {
                return imposed;
            }
            let mut others = self
                .platforms
                .iter()
                .filter(|platform| **platform != Platform::MacCatalyst);
            if let (Some(only), None) = (others.next(), others.next()) {
                return *only;
            }
            return [destination, Platform::Macos]
                .into_iter()
                .find(|platform| has(*platform))
                .unwrap_or(imposed);
        }
        if has(destination) {
            return destination;
        }
        let own = self.sdk.unwrap_or(destination);
        if destination.is_mac() {
            // The platform of Catalyst is the Mac; without the variant it is a Mac's own product.
            return if has(Platform::Macos) {
                Platform::Macos
            } else {
                own
            };
        }
        self.platforms.first().copied().unwrap_or(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn support(kind: &str, pairs: &[(&str, &str)]) -> Option<Support> {
        let target = Target {
            id: "T".to_owned(),
            name: "App".to_owned(),
            product_type: format!("com.apple.product-type.{kind}"),
            dependencies: Vec::new(),
            configurations: Vec::new(),
        };
        let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Support::of(&target, &Settings::from_assignments(pairs, "", "Release"))
    }

    const EVERYWHERE: (&str, &str) = (
        "SUPPORTED_PLATFORMS",
        "appletvos appletvsimulator iphoneos iphonesimulator macosx",
    );

    #[test]
    fn ios_is_taken_wherever_it_is_listed() {
        for (pairs, expected) in [
            (&[("SDKROOT", "auto"), EVERYWHERE][..], Platform::Ios),
            (&[("SDKROOT", "appletvos"), EVERYWHERE], Platform::Ios),
            (&[EVERYWHERE], Platform::Ios),
            (
                &[("SDKROOT", "macosx"), ("SUPPORTED_PLATFORMS", "xros macosx")],
                Platform::Macos,
            ),
            (
                &[
                    ("SDKROOT", "auto"),
                    ("SUPPORTED_PLATFORMS", "xros xrsimulator macosx"),
                ],
                Platform::Visionos,
            ),
            (&[("SDKROOT", "iphoneos26.0")], Platform::Ios),
            (&[], Platform::Macos),
        ] {
            assert_eq!(
                support("application", pairs).and_then(|support| support.preferred()),
                Some(expected),
                "{pairs:?}"
            );
        }
        assert_eq!(support("application", &[("SDKROOT", "$(X)")]), None);
        let auto = support("app-extension", &[("SDKROOT", "auto")]).unwrap();
        assert_eq!(auto.preferred(), None);
    }

    #[test]
    fn catalyst_concerns_ios_targets_that_ask_for_it() {
        let catalyst = ("SUPPORTS_MACCATALYST", "YES");
        for (kind, pairs, expected) in [
            ("application", &[("SDKROOT", "iphoneos"), catalyst][..], true),
            ("application", &[("SDKROOT", "iphoneos")], false),
            ("application", &[("SDKROOT", "macosx"), catalyst], false),
            ("application", &[("SDKROOT", "watchos"), catalyst], false),
            ("application", &[("SDKROOT", "auto"), EVERYWHERE, catalyst], true),
            (
                "application",
                &[("SDKROOT", "auto"), ("SUPPORTED_PLATFORMS", "macosx"), catalyst],
                false,
            ),
            ("framework", &[("SDKROOT", "iphoneos")], true),
            (
                "framework",
                &[("SDKROOT", "iphoneos"), ("SUPPORTS_MACCATALYST", "NO")],
                false,
            ),
        ] {
            let support = support(kind, pairs).unwrap();
            assert_eq!(
                support.platforms.contains(&Platform::MacCatalyst),
                expected,
                "{kind} {pairs:?}"
            );
        }
        let only = support(
            "application",
            &[
                ("SDKROOT", "iphoneos"),
                ("SUPPORTED_PLATFORMS", "macosx"),
                catalyst,
            ],
        );
        assert_eq!(only.unwrap().preferred(), Some(Platform::MacCatalyst));
    }

    #[test]
    fn dependencies_follow_the_app_and_watch_targets_keep_theirs() {
        use Platform::{Ios, MacCatalyst, Macos, Tvos, Watchos};
        for (pairs, destination, parent, expected) in [
            (&[("SDKROOT", "auto"), EVERYWHERE][..], Ios, Some(Ios), Ios),
            (&[("SDKROOT", "auto"), EVERYWHERE], Tvos, Some(Tvos), Tvos),
            (&[("SDKROOT", "auto")], Ios, Some(Ios), Ios),
            (&[("SDKROOT", "auto")], Ios, Some(Watchos), Watchos),
            (&[("SDKROOT", "watchos")], Ios, Some(Ios), Watchos),
            (&[("SDKROOT", "watchos")], MacCatalyst, Some(MacCatalyst), Watchos),
            (
                &[
                    ("SDKROOT", "auto"),
                    ("SUPPORTED_PLATFORMS", "watchos watchsimulator"),
                ],
                Ios,
                Some(Ios),
                Watchos,
            ),
            (&[("SDKROOT", "iphoneos"), EVERYWHERE], Macos, Some(Macos), Macos),
            (&[("SDKROOT", "macosx"), EVERYWHERE], Ios, Some(Ios), Ios),
            (&[("SDKROOT", "macosx")], Ios, Some(Ios), Macos),
            (
                &[("SDKROOT", "iphoneos"), ("SUPPORTS_MACCATALYST", "YES")],
                MacCatalyst,
                Some(MacCatalyst),
                MacCatalyst,
            ),
            (&[("SDKROOT", "iphoneos")], MacCatalyst, Some(MacCatalyst), Ios),
            (
                &[("SDKROOT", "iphoneos"), EVERYWHERE],
                MacCatalyst,
                Some(MacCatalyst),
                Macos,
            ),
            (
                &[("SDKROOT", "auto"), EVERYWHERE],
                MacCatalyst,
                Some(MacCatalyst),
                MacCatalyst,
            ),
            (
                &[
                    ("SDKROOT", "auto"),
                    ("SUPPORTED_PLATFORMS", "iphoneos iphonesimulator"),
                    ("SUPPORTS_MACCATALYST", "YES"),
                ],
                Macos,
                Some(Macos),
                Ios,
            ),
            (&[("SDKROOT", "driverkit")], Ios, Some(Ios), Platform::DriverKit),
        ] {
            let support = support("app-extension", pairs).unwrap();
            assert_eq!(
                support.platform(destination, parent),
                expected,
                "{pairs:?} in {destination:?}"
            );
        }
    }
}
