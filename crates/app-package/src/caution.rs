//! What App Store Connect takes with a warning, or may refuse.

use crate::{Package, StorePlatform};

/// What App Store Connect takes with a warning, or may refuse: nothing that the package surely fails by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Caution {
    /// The oldest system is older than Apple takes from 2027 on (ITMS-90068).
    #[error(
        "`MinimumOSVersion` is {0}: from 2027 on, App Store Connect takes iOS apps with 15.0 or later only (ITMS-90068)"
    )]
    OldSystem(String),
    /// An embedded app or extension has another version than the app.
    #[error("`{key}` of `{bundle}` is `{found}`, and the app's is `{app}`; Apple asks for the same")]
    OtherVersion {
        /// The bundle.
        bundle: String,
        /// The key.
        key: &'static str,
        /// Its value.
        found: String,
        /// The app's.
        app: String,
    },
    /// A required-reason API is not declared (ITMS-91053).
    #[error(
        "the app names APIs of `{0}`, and PrivacyInfo.xcprivacy does not declare it; Apple may refuse the build (ITMS-91053)"
    )]
    UndeclaredApi(String),
    /// A privacy manifest has keys that are not Apple's (ITMS-91056).
    #[error("`{path}` has unknown keys ({}); Apple may refuse the build (ITMS-91056)", .keys.join(", "))]
    UnknownPrivacyKeys {
        /// The manifest.
        path: String,
        /// The keys.
        keys: Vec<String>,
    },
}

/// ITMS-90068, announced in August 2026 (SwiftOldDriver/iOS-Weekly #5416); the day is not known yet.
const OLDEST_IOS: u64 = 15;

/// What is worth a warning.
pub(crate) fn of(package: &Package) -> Vec<Caution> {
    let mut cautions = Vec::new();
    let app = &package.app;
    let is_ios = app.platform() == Ok(StorePlatform::Ios);
    if let Some(version) = &app.minimum_os_version
        && is_ios
        && let Some(major) = version.split('.').next().and_then(|major| major.parse().ok())
        && OLDEST_IOS > major
    {
        cautions.push(Caution::OldSystem(version.clone()));
    }
    for bundle in &package.bundles {
        // A watch app's extensions follow the watch app, whose version must be the app's.
        if !(bundle.path.ends_with(".appex") || bundle.path.ends_with(".app")) {
            continue;
        }
        let pairs = [
            ("CFBundleVersion", &bundle.info.version, &app.version),
            (
                "CFBundleShortVersionString",
                &bundle.info.short_version,
                &app.short_version,
            ),
        ];
        for (key, found, app) in pairs {
            if let (Some(found), Some(app)) = (found, app)
                && found != app
            {
                cautions.push(Caution::OtherVersion {
                    bundle: bundle.path.clone(),
                    key,
                    found: found.clone(),
                    app: app.clone(),
                });
            }
        }
    }
    for manifest in &package.privacy_manifests {
        if !manifest.unknown_keys.is_empty() {
            cautions.push(Caution::UnknownPrivacyKeys {
                path: manifest.path.clone(),
                keys: manifest.unknown_keys.clone(),
            });
        }
    }
    let declared = |category: &str| {
        let own = package.privacy_manifests.iter();
        own.filter(|manifest| !manifest.path.contains('/'))
            .any(|manifest| manifest.declared.contains(category))
    };
    if is_ios || app.platform() == Ok(StorePlatform::Tvos) || app.platform() == Ok(StorePlatform::Visionos) {
        let named = package.api_categories.iter();
        let undeclared = named.filter(|category| !declared(category));
        cautions.extend(undeclared.map(|category| Caution::UndeclaredApi((*category).to_owned())));
    }
    cautions
}
