//! Rules about what an `.ipa` holds beside its property lists: signature, profile, icons, privacy manifests, and the archive.

use apple_types::Distribution;
use plist::{Dictionary, Value};
use signing_assets::Profile;

use crate::code::Code;
use crate::ipa::Contents;
use crate::{Bundle, Obstacle, Package, StorePlatform};

/// Entitlements that are there for development only.
const OF_DEVELOPMENT: [&str; 2] = ["get-task-allow", "com.apple.security.get-task-allow"];

/// Entitlements that a signature takes from its profile, so that the profile must grant them. Others, such as those of the
/// Mac's sandbox, need no grant.
const GRANTED: [&str; 5] = [
    "application-identifier",
    "com.apple.application-identifier",
    "aps-environment",
    "keychain-access-groups",
    "com.apple.security.application-groups",
];

/// Entitlements that Xcode writes whether the profile has them or not.
const FREE: [&str; 2] = [
    "com.apple.developer.team-identifier",
    "com.apple.developer.default-data-protection",
];

/// What speaks against the package.
pub(crate) fn obstacles(package: &Package) -> Vec<Obstacle> {
    let Some(contents) = package.contents.as_deref() else {
        return Vec::new();
    };
    let mut obstacles = Vec::new();
    if contents.trailing > 0 {
        obstacles.push(Obstacle::TrailingBytes(contents.trailing));
    }
    if !package.app.is_for_simulator() {
        obstacles.extend(simulator_code("the app", &contents.code));
        obstacles.extend(signature("the app", &contents.code, package.profile.as_deref()));
    }
    for bundle in &package.bundles {
        let name = format!("`{}`", bundle.path);
        let profile = bundle.code.profile.as_deref();
        obstacles.extend(profile.and_then(|profile| wrong_profile(&name, profile)));
        obstacles.extend(simulator_code(&name, &bundle.code));
        // What is not signed as a whole has been said already.
        if contents.code.is_signed() && !package.app.is_for_simulator() {
            obstacles.extend(nested_signature(&name, bundle, contents));
        }
    }
    obstacles.extend(icon(package, contents));
    for manifest in &package.privacy_manifests {
        let problems = manifest.problems.iter();
        obstacles.extend(problems.map(|problem| Obstacle::PrivacyManifest {
            path: manifest.path.clone(),
            problem: problem.clone(),
        }));
    }
    obstacles
}

fn simulator_code(bundle: &str, code: &Code) -> Option<Obstacle> {
    let slices = &code.executable.as_ref()?.simulator_slices;
    (!slices.is_empty()).then(|| Obstacle::SimulatorCode {
        bundle: bundle.to_owned(),
        slices: slices.clone(),
    })
}

/// The signature and the profile of a bundle inside of a signed app. Apps and extensions have profiles of their own,
/// frameworks have none and take their entitlements from who loads them.
fn nested_signature(name: &str, bundle: &Bundle, contents: &Contents) -> Vec<Obstacle> {
    let is_framework = bundle.path.ends_with(".framework");
    let is_unsigned = bundle.code.executable.is_some() && !bundle.code.is_signed();
    if is_framework || is_unsigned {
        return is_unsigned
            .then(|| Obstacle::Unsigned(name.to_owned()))
            .into_iter()
            .collect();
    }
    // An app without one has been told of it, and its extensions are signed in the same way.
    if bundle.code.executable.is_none() || !contents.code.has_profile {
        return Vec::new();
    }
    signature(name, &bundle.code, bundle.code.profile.as_deref())
}

/// The signature and the profile. Nothing follows from their absence in what is no real app: one has a Mach-O executable.
fn signature(bundle: &str, code: &Code, profile: Option<&Profile>) -> Vec<Obstacle> {
    match (&code.executable, code.is_signed()) {
        (None, false) => return Vec::new(),
        (Some(_), false) => return vec![Obstacle::Unsigned(bundle.to_owned())],
        (_, true) if !code.has_profile => return vec![Obstacle::NoProfile(bundle.to_owned())],
        (_, true) => {}
    }
    let mut obstacles: Vec<Obstacle> = OF_DEVELOPMENT
        .into_iter()
        .filter(|key| code.entitlement(key).and_then(Value::as_boolean) == Some(true))
        .map(|entitlement| Obstacle::DevelopmentSigning {
            bundle: bundle.to_owned(),
            entitlement,
        })
        .collect();
    let Some(profile) = profile else {
        return obstacles;
    };
    let entitlements = code
        .executable
        .as_ref()
        .and_then(|executable| executable.entitlements.as_ref());
    if let Some(entitlements) = entitlements {
        obstacles.extend(not_granted(bundle, entitlements, profile));
    }
    obstacles
}

/// A profile that is not for the store, whatever it signs.
pub(crate) fn wrong_profile(bundle: &str, profile: &Profile) -> Option<Obstacle> {
    Some(Obstacle::Profile {
        bundle: bundle.to_owned(),
        distribution: distribution(profile)?,
        profile: profile.name.clone(),
    })
}

/// The profile's distribution, `None` for the store's.
fn distribution(profile: &Profile) -> Option<Distribution> {
    let is_debuggable = OF_DEVELOPMENT
        .iter()
        .any(|key| profile.entitlements.get(key).and_then(Value::as_boolean) == Some(true));
    if is_debuggable {
        Some(Distribution::Development)
    } else if profile.all_devices {
        Some(Distribution::Enterprise)
    } else {
        profile.devices.as_ref().map(|_| Distribution::AdHoc)
    }
}

fn not_granted(bundle: &str, entitlements: &Dictionary, profile: &Profile) -> Vec<Obstacle> {
    let needs_grant = |key: &str| {
        let is_restricted = key.starts_with("com.apple.developer.") || GRANTED.contains(&key);
        is_restricted && !FREE.contains(&key)
    };
    let claims = entitlements.iter().filter(|(key, _)| needs_grant(key));
    claims
        .filter_map(|(key, found)| {
            let grant = profile.entitlements.get(key);
            let is_granted = match grant {
                Some(grant) => covers(grant, found),
                // A Boolean that is false, or an empty list, claims nothing.
                None => found.as_boolean() == Some(false) || found.as_array().is_some_and(Vec::is_empty),
            };
            (!is_granted).then(|| Obstacle::Entitlement {
                bundle: bundle.to_owned(),
                entitlement: key.clone(),
                found: shown(found),
                profile: profile.name.clone(),
                granted: grant.map_or_else(|| "nothing".to_owned(), shown),
            })
        })
        .collect()
}

/// Whether a profile's value allows the signature's: the same, one of a list, or covered by an asterisk at the end.
fn covers(grant: &Value, found: &Value) -> bool {
    match (grant, found) {
        (Value::String(grant), Value::String(found)) => match grant.strip_suffix('*') {
            Some(prefix) => found.starts_with(prefix),
            None => grant == found,
        },
        (Value::Array(grants), Value::Array(found)) => found
            .iter()
            .all(|found| grants.iter().any(|grant| covers(grant, found))),
        (Value::Array(grants), found) => grants.iter().any(|grant| covers(grant, found)),
        // `*` stands for every list of containers and groups.
        (grant @ Value::String(_), Value::Array(found)) => found.iter().all(|found| covers(grant, found)),
        (Value::Boolean(grant), Value::Boolean(found)) => *grant || !*found,
        (grant, found) => grant == found,
    }
}

pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        Value::Boolean(flag) => format!("`{flag}`"),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            match items.is_empty() {
                true => "an empty list".to_owned(),
                false => items.join(", "),
            }
        }
        _ => "another value".to_owned(),
    }
}

/// The icon: its name is needed with the SDK of iOS 11 or later (ITMS-90713), and what is named must be there.
fn icon(package: &Package, contents: &Contents) -> Option<Obstacle> {
    let app = &package.app;
    if app.platform() != Ok(StorePlatform::Ios) || app.is_for_simulator() {
        return None;
    }
    let listed = &app.icon_files;
    let is_there = |name: &String| contents.files.iter().any(|file| file.starts_with(name.as_str()));
    if !listed.is_empty() && !listed.iter().any(is_there) && !contents.has_asset_catalog {
        return Some(Obstacle::Icon(format!(
            "the Info.plist names the icon files {}, and none of them is in the app (ITMS-90022); add an app icon to the asset catalog",
            listed.join(", ")
        )));
    }
    // What is no real app proves nothing by what it lacks.
    contents.code.executable.as_ref()?;
    let sdk = app.sdk_name.as_deref()?.strip_prefix("iphoneos")?;
    let major: u32 = sdk.split('.').next()?.parse().ok()?;
    if major < 11 {
        return None;
    }
    match (&app.icon_name, contents.has_asset_catalog) {
        (None, _) => Some(Obstacle::Icon(
            "the Info.plist has no `CFBundleIconName` (ITMS-90713); add an app icon to the asset catalog and set ASSETCATALOG_COMPILER_APPICON_NAME".to_owned(),
        )),
        (Some(name), false) => Some(Obstacle::Icon(format!(
            "the Info.plist names the icon `{name}`, and the app has no asset catalog (ITMS-90704); add an app icon to the asset catalog"
        ))),
        (Some(_), true) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        property_list::read(format!("<plist version=\"1.0\">{text}</plist>").as_bytes()).unwrap()
    }

    #[test]
    fn a_grant_covers_what_it_names() {
        for (grant, found, expected) in [
            ("<string>T.*</string>", "<string>T.a.b</string>", true),
            ("<string>T.a</string>", "<string>T.b</string>", false),
            (
                "<string>production</string>",
                "<string>development</string>",
                false,
            ),
            (
                "<array><string>T.*</string></array>",
                "<array><string>T.a</string></array>",
                true,
            ),
            (
                "<array><string>group.a</string></array>",
                "<array><string>group.b</string></array>",
                false,
            ),
            (
                "<string>*</string>",
                "<array><string>iCloud.a</string></array>",
                true,
            ),
            (
                "<array><string>a</string><string>b</string></array>",
                "<string>b</string>",
                true,
            ),
            ("<true/>", "<true/>", true),
            ("<true/>", "<false/>", true),
            ("<false/>", "<true/>", false),
        ] {
            assert_eq!(covers(&value(grant), &value(found)), expected, "{grant} {found}");
        }
    }
}
