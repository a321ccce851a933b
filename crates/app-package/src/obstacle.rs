//! Why App Store Connect would refuse a package, as far as the package itself proves it.

use apple_types::Distribution;

use crate::{Format, Package, contents, rules};

/// Why App Store Connect would refuse a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// It was built for a simulator.
    #[error("the app was built for a simulator; archive it for a device")]
    Simulator,
    /// Its profile is of another distribution.
    #[error("{bundle} is signed with the {distribution} profile `{profile}`; export it for the App Store")]
    Profile {
        /// The bundle.
        bundle: String,
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
    /// A bundle is signed and has no profile (ITMS-90161).
    #[error(
        "{0} has no embedded.mobileprovision; export the archive for the App Store instead of zipping the app"
    )]
    NoProfile(String),
    /// A bundle is a real one without any signature (ITMS-90034, ITMS-90035).
    #[error("{0} is not signed; export the archive for the App Store")]
    Unsigned(String),
    /// A signature is one for development (ITMS-90164).
    #[error(
        "{bundle} is signed for development: its signature has the entitlement `{entitlement}`; export it for the App Store"
    )]
    DevelopmentSigning {
        /// The bundle.
        bundle: String,
        /// The entitlement.
        entitlement: &'static str,
    },
    /// A signature claims what the profile beside it does not grant (ITMS-90164).
    #[error(
        "the signature of {bundle} has the entitlement `{entitlement}` = {found}, and its profile `{profile}` grants {granted}; sign it with a profile that grants it"
    )]
    Entitlement {
        /// The bundle.
        bundle: String,
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
    /// A bundle is not below the app that it is in.
    #[error("the bundle ID `{found}` of {bundle} must be `{app}.` and {more}")]
    Identifier {
        /// The bundle.
        bundle: String,
        /// Its bundle ID.
        found: String,
        /// That of the app that it is in.
        app: String,
        /// What may follow: `one more part`, or `one or more parts` for an App Clip.
        more: &'static str,
    },
    /// Two bundles of an app have the same bundle ID (ITMS-90685).
    #[error(
        "the bundle ID `{bundle_id}` is used by {} (ITMS-90685); give each its own, and embed each framework once, in the app", .bundles.join(" and ")
    )]
    Collision {
        /// The bundle ID.
        bundle_id: String,
        /// The bundles that have it.
        bundles: Vec<String>,
    },
    /// An App Clip and its app do not name each other (ITMS-90876).
    #[error(
        "the signature of {bundle} has the entitlement `{entitlement}` = {found}, and it must name the bundle ID `{needed}`; sign the app and its App Clip again"
    )]
    AppClip {
        /// The bundle.
        bundle: String,
        /// The entitlement.
        entitlement: &'static str,
        /// Its value.
        found: String,
        /// The bundle ID that must be in it.
        needed: String,
    },
    /// An app for iPad that takes part in multitasking lacks an orientation (ITMS-90474).
    #[error(
        "`UISupportedInterfaceOrientations` for iPad lacks {}: iPad multitasking needs all four orientations (ITMS-90474); add them, or set `UIRequiresFullScreen`",
        .0.join(", ")
    )]
    Orientations(Vec<&'static str>),
    /// An app for iPad that takes part in multitasking has no launch screen (ITMS-90475).
    #[error(
        "{0} (ITMS-90475); iPad multitasking needs a launch screen, unless `UIRequiresFullScreen` is set"
    )]
    LaunchScreen(String),
    /// Background processing without identifiers (ITMS-90771).
    #[error(
        "`UIBackgroundModes` has `processing`, and `BGTaskSchedulerPermittedIdentifiers` names no task (ITMS-90771); list the identifiers of the app's background tasks, or remove the mode"
    )]
    BackgroundTasks,
}

impl Package {
    /// Why App Store Connect would refuse it, all reasons at once.
    pub fn obstacles(&self) -> Vec<Obstacle> {
        let mut obstacles = Vec::new();
        // Simulator builds are never signed with a profile: where one is inside, the platform's name is wrong.
        if self.app.is_for_simulator() && self.profile.is_none() {
            obstacles.push(Obstacle::Simulator);
        }
        let profile = self.profile.as_deref();
        obstacles.extend(profile.and_then(|profile| contents::wrong_profile("the app", profile)));
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
