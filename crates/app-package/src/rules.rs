//! Rules of App Store Connect that a package shows by itself; the codes are those of Apple's refusals.

use crate::{App, Obstacle, Package, contents, identifiers, multitasking};

/// From when on (seconds since 1970) which major version of the SDK is needed, and on which SDKs.
///
/// 2024-04-29: 17; 2025-04-24: 18; 2026-04-28: 26, also for tvOS and visionOS, macOS is not named (Apple's news as cited in public
/// issues, collected 2026-11-25).
const SDKS: [(u64, u32, &[&str]); 3] = [
    (1_714_348_800, 17, &["iphoneos"]),
    (1_745_452_800, 18, &["iphoneos"]),
    (1_777_334_400, 26, &["iphoneos", "appletvos", "xros"]),
];

/// This moment, in seconds since 1970.
pub(crate) fn now() -> u64 {
    u64::try_from(clock::now().unix_timestamp()).unwrap_or(0)
}

/// What speaks against the package at a moment.
pub(crate) fn obstacles(package: &Package, now: u64) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    if package.apps.len() > 1 {
        obstacles.push(Obstacle::SeveralApps(package.apps.clone()));
    }
    check_info(&package.app, "the app", &mut obstacles);
    obstacles.extend(old_sdk(&package.app, now));
    obstacles.extend(contents::obstacles(package));
    for bundle in &package.bundles {
        let name = format!("`{}`", bundle.path);
        check_info(&bundle.info, &name, &mut obstacles);
        check_versions_are_there(&bundle.info, &name, &mut obstacles);
    }
    obstacles.extend(identifiers::obstacles(package));
    obstacles.extend(multitasking::obstacles(package));
    obstacles
}

fn check_info(info: &App, bundle: &str, obstacles: &mut Vec<Obstacle>) {
    let values = [
        ("CFBundleIdentifier", &info.bundle_id, false),
        ("CFBundleVersion", &info.version, true),
        ("CFBundleShortVersionString", &info.short_version, true),
    ];
    for (key, value, is_version) in values {
        let Some(value) = value else { continue };
        let (bundle, value) = (bundle.to_owned(), value.clone());
        if is_unresolved(&value) {
            obstacles.push(Obstacle::Unresolved { bundle, key, value });
        } else if is_version && !is_valid_version(&value) {
            obstacles.push(Obstacle::Version { bundle, key, value });
        }
    }
}

/// ITMS-90056 and ITMS-90057 are about every nested bundle.
fn check_versions_are_there(info: &App, bundle: &str, obstacles: &mut Vec<Obstacle>) {
    let needed = [
        ("CFBundleVersion", &info.version),
        ("CFBundleShortVersionString", &info.short_version),
    ];
    for (key, _) in needed.into_iter().filter(|(_, value)| value.is_none()) {
        obstacles.push(Obstacle::MissingIn {
            bundle: bundle.to_owned(),
            key,
        });
    }
}

pub(crate) fn is_unresolved(value: &str) -> bool {
    value.contains("$(") || value.contains("${")
}

/// ITMS-90058 and ITMS-90060: a period-separated list of at most three non-negative integers.
fn is_valid_version(value: &str) -> bool {
    let parts: Vec<&str> = value.split('.').collect();
    parts.len() <= 3
        && parts
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn old_sdk(app: &App, now: u64) -> Option<Obstacle> {
    let sdk = app.sdk_name.as_deref()?;
    let at = sdk.find(|c: char| c.is_ascii_digit())?;
    let (name, version) = sdk.split_at(at);
    let major: u32 = version.split('.').next()?.parse().ok()?;
    let (_, needed, _) = SDKS
        .iter()
        .rfind(|(from, _, names)| *from <= now && names.contains(&name))?;
    (major < *needed).then(|| Obstacle::OldSdk {
        sdk: sdk.to_owned(),
        needed: *needed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_must_be_as_new_as_apple_says_on_that_day() {
        let app = |sdk: &str| App {
            sdk_name: Some(sdk.to_owned()),
            ..App::default()
        };
        let (in_2025, in_2026) = (1_750_000_000, 1_780_000_000);
        for (sdk, now, is_old) in [
            ("iphoneos18.5", in_2025, false),
            ("iphoneos18.5", in_2026, true),
            ("iphoneos17.4", in_2025, true),
            ("iphoneos26.0", in_2026, false),
            ("iphoneos27.2", in_2026, false),
            ("appletvos18.2", in_2025, false),
            ("appletvos18.2", in_2026, true),
            ("xros2.5", in_2026, true),
            ("macosx15.2", in_2026, false),
            ("iphoneos", in_2026, false),
        ] {
            assert_eq!(old_sdk(&app(sdk), now).is_some(), is_old, "{sdk} at {now}");
        }
    }

    #[test]
    fn versions_have_up_to_three_numbers() {
        for good in ["1", "1.2", "1.2.3", "0.0.1", "20261125"] {
            assert!(is_valid_version(good), "{good}");
        }
        for bad in ["1.2.3.4", "1.0-beta", "", "1.", ".1", "v1", "1.2.b3", "-1"] {
            assert!(!is_valid_version(bad), "{bad}");
        }
    }
}
