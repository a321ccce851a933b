//! Why App Store Connect would refuse a package, as far as the package itself proves it.

use apple_types::Distribution;
use plist::Value;
use signing_assets::Profile;

use crate::{Format, Package, rules};

/// Why App Store Connect would refuse a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// It was built for a simulator.
    #[error("the app was built for a simulator; archive it for a device")]
    Simulator,
    /// Its profile is of another distribution.
    #[error("the app is signed with the {distribution} profile `{profile}`; export it for the App Store")]
    Profile {
        /// The profile's distribution.
        distribution: Distribution,
        /// The profile's name.
        profile: String,
    },
    /// Its Info.plist lacks what App Store Connect needs.
    #[error("the app's Info.plist has no `{0}`")]
    Missing(&'static str),
    /// There is more than one app in it.
    #[error("the package holds {} apps ({}), and App Store Connect takes one; export each by itself", .0.len(), .0.join(", "))]
    SeveralApps(Vec<String>),
    /// A build setting was never filled in.
    #[error(
        "`{key}` of {bundle} is `{value}`: a build setting that was not resolved; set it, and archive again"
    )]
    Unresolved {
        /// The bundle.
        bundle: String,
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// A version that Apple does not take (ITMS-90058, ITMS-90060).
    #[error("`{key}` of {bundle} is `{value}`; accepted: one to three integers separated by periods")]
    Version {
        /// The bundle.
        bundle: String,
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// The SDK is older than Apple takes (ITMS-90725).
    #[error(
        "the app was built with the SDK `{sdk}`, and App Store Connect takes SDK {needed} or later; build with Xcode {needed} or later"
    )]
    OldSdk {
        /// The SDK.
        sdk: String,
        /// The oldest major version that is accepted.
        needed: u32,
    },
    /// A bundle in the app lacks a version (ITMS-90056, ITMS-90057).
    #[error("the Info.plist of {bundle} has no `{key}`")]
    MissingIn {
        /// The bundle.
        bundle: String,
        /// The key.
        key: &'static str,
    },
    /// Code for a simulator is left in it (ITMS-90087).
    #[error(
        "the executable of {bundle} holds code for simulators ({}); remove it before the export, such as by linking an XCFramework",
        .slices.join(", ")
    )]
    SimulatorCode {
        /// The bundle.
        bundle: String,
        /// The slices.
        slices: Vec<String>,
    },
    /// The app is signed and has no profile (ITMS-90161).
    #[error(
        "the app has no embedded.mobileprovision; export the archive for the App Store instead of zipping the app"
    )]
    NoProfile,
    /// The app is a real one without any signature (ITMS-90034).
    #[error("the app is not signed; export the archive for the App Store")]
    Unsigned,
    /// The signature is one for development (ITMS-90164).
    #[error(
        "the app is signed for development: its signature has the entitlement `{0}`; export it for the App Store"
    )]
    DevelopmentSigning(&'static str),
    /// The signature claims what the profile does not grant (ITMS-90164).
    #[error(
        "the signature has the entitlement `{entitlement}` = {found}, and the profile `{profile}` grants {granted}; sign the app with a profile that grants it"
    )]
    Entitlement {
        /// The entitlement.
        entitlement: String,
        /// Its value in the signature.
        found: String,
        /// The profile's name.
        profile: String,
        /// The profile's value.
        granted: String,
    },
    /// A privacy manifest is invalid (ITMS-91056).
    #[error("the privacy manifest `{path}` is invalid: {problem}")]
    PrivacyManifest {
        /// The manifest.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The icon is missing (ITMS-90713, ITMS-90022, ITMS-90704).
    #[error("{0}")]
    Icon(String),
    /// The file goes on after the archive.
    #[error("{0} bytes follow the end of the zip archive; upload the .ipa as it was exported")]
    TrailingBytes(u64),
    /// An extension is not below the app.
    #[error("the bundle ID `{found}` of {bundle} must be `{app}.` and one more part")]
    Identifier {
        /// The bundle.
        bundle: String,
        /// Its bundle ID.
        found: String,
        /// The app's.
        app: String,
    },
}

impl Package {
    /// Why App Store Connect would refuse it, all reasons at once.
    pub fn obstacles(&self) -> Vec<Obstacle> {
        let mut obstacles = Vec::new();
        // Simulator builds are never signed with a profile: where one is inside, the platform's name is wrong.
        if self.app.is_for_simulator() && self.profile.is_none() {
            obstacles.push(Obstacle::Simulator);
        }
        if let Some(profile) = &self.profile
            && let Some(distribution) = distribution(profile)
        {
            obstacles.push(Obstacle::Profile {
                distribution,
                profile: profile.name.clone(),
            });
        }
        // What installers say of their apps is optional, so nothing follows from its absence.
        if self.format == Format::Ipa {
            let needed = [
                ("CFBundleIdentifier", &self.app.bundle_id),
                ("CFBundleVersion", &self.app.version),
                ("CFBundleShortVersionString", &self.app.short_version),
            ];
            obstacles.extend(
                needed
                    .iter()
                    .filter(|(_, value)| value.is_none())
                    .map(|(key, _)| Obstacle::Missing(key)),
            );
        }
        obstacles.extend(rules::obstacles(self, rules::now()));
        obstacles
    }
}

/// The profile's distribution, `None` for the store's.
fn distribution(profile: &Profile) -> Option<Distribution> {
    let debuggable = ["get-task-allow", "com.apple.security.get-task-allow"]
        .iter()
        .any(|key| profile.entitlements.get(key).and_then(Value::as_boolean) == Some(true));
    if debuggable {
        Some(Distribution::Development)
    } else if profile.all_devices {
        Some(Distribution::Enterprise)
    } else {
        profile.devices.as_ref().map(|_| Distribution::AdHoc)
    }
}
