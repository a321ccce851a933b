//! Bundle IDs of what an app holds: below the app's own, each once, and App Clips and apps that name each other.

use std::collections::BTreeMap;

use plist::Value;

use crate::contents::shown;
use crate::rules::is_unresolved;
use crate::{Bundle, Obstacle, Package};

/// By which an App Clip names its app, and an app its App Clips: application identifiers, which begin with a prefix of the
/// team (Apple, "Creating an App Clip with Xcode").
const OF_CLIP: &str = "com.apple.developer.parent-application-identifiers";
const OF_APP: &str = "com.apple.developer.associated-appclip-app-identifiers";

/// What speaks against the package.
pub(crate) fn obstacles(package: &Package) -> Vec<Obstacle> {
    let mut obstacles: Vec<Obstacle> = package
        .bundles
        .iter()
        .filter_map(|bundle| misplaced(package, bundle))
        .collect();
    obstacles.extend(collisions(package));
    for bundle in package.bundles.iter().filter(|bundle| is_clip(bundle)) {
        obstacles.extend(clip(package, bundle));
    }
    obstacles
}

fn is_clip(bundle: &Bundle) -> bool {
    let clip = bundle.path.strip_prefix("AppClips/");
    clip.is_some_and(|clip| clip.ends_with(".app") && !clip.contains('/'))
}

/// The folder of the app that something lies in, and the rest of its path; nothing for what lies in the main app.
fn app_around(path: &str) -> (&str, &str) {
    match path.rfind(".app/") {
        Some(at) => (&path[..at + 4], &path[at + 5..]),
        None => ("", path),
    }
}

/// An extension, a watch app, or an App Clip must be below the app that it is in, the former two by one part (ITMS-90541
/// for watch apps).
fn misplaced(package: &Package, bundle: &Bundle) -> Option<Obstacle> {
    let (around, inside) = app_around(&bundle.path);
    let is_judged = inside.matches('/').count() == 1
        && (inside.ends_with(".appex") || inside.starts_with("Watch/") || is_clip(bundle));
    if !is_judged {
        return None;
    }
    let parent = match around {
        "" => &package.app,
        path => &package.bundles.iter().find(|bundle| bundle.path == path)?.info,
    };
    let (app, found) = (parent.bundle_id.as_ref()?, bundle.info.bundle_id.as_ref()?);
    let rest = found
        .strip_prefix(app.as_str())
        .and_then(|rest| rest.strip_prefix('.'));
    let fits = rest.is_some_and(|rest| !rest.is_empty() && (is_clip(bundle) || !rest.contains('.')));
    (!fits && !is_unresolved(found) && !is_unresolved(app)).then(|| Obstacle::Identifier {
        bundle: format!("`{}`", bundle.path),
        found: found.clone(),
        app: app.clone(),
        more: if is_clip(bundle) {
            "one or more parts"
        } else {
            "one more part"
        },
    })
}

/// ITMS-90685 is about the bundles of one app: what a watch app or an App Clip embeds by itself may have the IDs of what
/// the app embeds. The latter is ITMS-90806, which is a warning.
fn collisions(package: &Package) -> Vec<Obstacle> {
    let mut bundles: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    if let Some(id) = &package.app.bundle_id {
        bundles.insert(("", id), vec!["the app".to_owned()]);
    }
    for bundle in &package.bundles {
        let is_app = bundle.path.ends_with(".app");
        let around = if is_app {
            &bundle.path
        } else {
            app_around(&bundle.path).0
        };
        let Some(id) = bundle.info.bundle_id.as_deref().filter(|id| !is_unresolved(id)) else {
            continue;
        };
        // An embedded app counts among the bundles of the app around it as well.
        let mut owners = vec![around];
        owners.extend(is_app.then(|| app_around(&bundle.path).0));
        for owner in owners {
            let same = bundles.entry((owner, id)).or_default();
            same.push(format!("`{}`", bundle.path));
        }
    }
    let repeated = bundles.into_iter().filter(|(_, bundles)| bundles.len() > 1);
    repeated
        .map(|((_, id), bundles)| Obstacle::Collision {
            bundle_id: id.to_owned(),
            bundles,
        })
        .collect()
}

/// ITMS-90876 for the app's side. What can't be read in a signature proves nothing.
fn clip(package: &Package, clip: &Bundle) -> Vec<Obstacle> {
    let app = package.contents.as_deref().map(|contents| &contents.code);
    let sides = [
        (
            format!("`{}`", clip.path),
            Some(&clip.code),
            OF_CLIP,
            &package.app.bundle_id,
        ),
        ("the app".to_owned(), app, OF_APP, &clip.info.bundle_id),
    ];
    let judged = sides
        .into_iter()
        .filter_map(|(bundle, code, entitlement, needed)| {
            let (code, needed) = (code?, needed.as_ref()?);
            code.executable.as_ref()?.entitlements.as_ref()?;
            let found = code.entitlement(entitlement);
            let ids = found.and_then(Value::as_array).map(Vec::as_slice);
            let names = |id: &Value| {
                let id = id.as_string().and_then(|id| id.split_once('.'));
                id.is_some_and(|(_, id)| id == needed)
            };
            (!ids.unwrap_or_default().iter().any(names)).then(|| Obstacle::AppClip {
                bundle,
                entitlement,
                found: found.map_or_else(|| "nothing".to_owned(), shown),
                needed: needed.clone(),
            })
        });
    judged.collect()
}
