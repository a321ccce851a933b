//! What App Store Connect takes with a warning, or may refuse.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Bundle, Package, StorePlatform};

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
        "{bundle} uses APIs of `{category}`, which no privacy manifest in it declares; Apple may refuse the build (ITMS-91053)"
    )]
    UndeclaredApi {
        /// The bundle.
        bundle: String,
        /// The category of the APIs.
        category: &'static str,
    },
    /// The app and its watch app embed bundles of the same ID (ITMS-90806).
    #[error("the bundle ID `{bundle_id}` is used by {}; Apple asks for different ones (ITMS-90806)", .bundles.join(" and "))]
    SharedIdentifier {
        /// The bundle ID.
        bundle_id: String,
        /// The bundles that have it.
        bundles: Vec<String>,
    },
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
    if is_ios || app.platform() == Ok(StorePlatform::Tvos) || app.platform() == Ok(StorePlatform::Visionos) {
        cautions.extend(undeclared_apis(package));
    }
    cautions.extend(shared_identifiers(package));
    cautions
}

/// Apple judges each executable by the manifests of its own bundle: an app's does not speak for its extensions and
/// frameworks (mozilla-mobile/firefox-ios #19250, achorein/expo-share-intent #50, both 2024). A resource bundle of a
/// package that is linked statically belongs to the bundle that it lies in.
fn undeclared_apis(package: &Package) -> Vec<Caution> {
    let holder = |path: &str| {
        let holders = package.bundles.iter().map(|bundle| bundle.path.as_str());
        let holders = holders.filter(|holder| {
            path.strip_prefix(holder)
                .is_some_and(|rest| rest.starts_with('/'))
        });
        holders.max_by_key(|holder| holder.len()).unwrap_or("").to_owned()
    };
    let mut declared: BTreeSet<(String, &str)> = BTreeSet::new();
    for manifest in &package.privacy_manifests {
        let holder = holder(&manifest.path);
        let categories = manifest.declared.iter();
        declared.extend(categories.map(|category| (holder.clone(), category.as_str())));
    }
    let app = package.contents.as_deref().map(|contents| ("", &contents.code));
    let bundles = package
        .bundles
        .iter()
        .map(|bundle| (bundle.path.as_str(), &bundle.code));
    let mut cautions = Vec::new();
    for (path, code) in app.into_iter().chain(bundles) {
        let categories = code
            .executable
            .iter()
            .flat_map(|executable| &executable.api_categories);
        for category in categories {
            if !declared.contains(&(path.to_owned(), category)) {
                let bundle = if path.is_empty() {
                    "the app".to_owned()
                } else {
                    format!("`{path}`")
                };
                cautions.push(Caution::UndeclaredApi { bundle, category });
            }
        }
    }
    cautions
}

/// Frameworks that an app and its watch app embed each by itself (CocoaPods/CocoaPods #9135, dotnet/macios #6920, 2019).
fn shared_identifiers(package: &Package) -> Vec<Caution> {
    let is_framework = |bundle: &&Bundle| bundle.path.ends_with(".framework");
    let mut bundles: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for bundle in package.bundles.iter().filter(is_framework) {
        if let Some(id) = &bundle.info.bundle_id {
            bundles.entry(id).or_default().push(&bundle.path);
        }
    }
    let of_watch = |paths: &[&str]| paths.iter().filter(|path| path.starts_with("Watch/")).count();
    let shared = bundles
        .into_iter()
        .filter(|(_, paths)| (1..paths.len()).contains(&of_watch(paths)));
    shared
        .map(|(id, paths)| Caution::SharedIdentifier {
            bundle_id: id.to_owned(),
            bundles: paths.iter().map(|path| format!("`{path}`")).collect(),
        })
        .collect()
}
