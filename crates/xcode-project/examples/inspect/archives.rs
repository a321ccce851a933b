//! What the schemes below a folder archive: for every platform that the app supports, the targets that are built and
//! signed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use xcode_project::{Answer, Archive, Built, Container, Platform, Scheme, Settings, Workspace};

use crate::files::{Places, relative};

/// The archives of every scheme, and of those that Xcode makes where a project has none.
pub(crate) fn archives(root: &Path, places: &Places) -> Vec<Value> {
    let mut all = Vec::new();
    for holder in places.projects.iter().chain(&places.workspaces) {
        let Ok(container) = Container::open(holder) else {
            continue;
        };
        let names: BTreeSet<String> = container
            .scheme_files()
            .into_iter()
            .filter(|(_, of)| of == holder)
            .filter_map(|(file, _)| Some(file.file_stem()?.to_string_lossy().into_owned()))
            .chain(container.autocreated_schemes())
            .collect();
        // Projects are read once for all schemes that archive the same configuration.
        let mut workspaces = BTreeMap::new();
        for name in names {
            let Ok(scheme) = container.scheme(&name) else {
                continue;
            };
            let Some(configuration) = scheme.archive_configuration.clone() else {
                continue;
            };
            let workspace = workspaces
                .entry(configuration.clone())
                .or_insert_with(|| Workspace::of(container.clone()));
            all.extend(of_scheme(root, holder, workspace, &scheme, &configuration));
        }
    }
    all
}

fn of_scheme(
    root: &Path,
    holder: &Path,
    workspace: &mut Workspace,
    scheme: &Scheme,
    configuration: &str,
) -> Vec<Value> {
    let mut all = Vec::new();
    for platform in Platform::ALL {
        let Ok(roots) = workspace.roots(scheme, configuration, Some(platform)) else {
            continue;
        };
        let (project, main) = &roots.main;
        let support = workspace.support(project, main, configuration);
        if support.is_none_or(|support| !support.platforms.contains(&platform)) {
            continue;
        }
        let archive = Archive {
            destination: platform,
            configuration,
            implicit: scheme.builds_implicit_dependencies,
        };
        let targets: Value = match workspace.built(&roots, archive) {
            Ok(built) => built
                .iter()
                .filter(|built| built.needs_profile)
                .map(|built| target(root, workspace, built, configuration))
                .collect(),
            Err(error) => json!({ "error": error.to_string() }),
        };
        all.push(json!({
            "container": relative(root, holder),
            "scheme": scheme.name,
            "configuration": configuration,
            "platform": platform.name(),
            "targets": targets,
        }));
    }
    all
}

fn target(root: &Path, workspace: &Workspace, built: &Built, configuration: &str) -> Value {
    let Built {
        project,
        target,
        platform,
        ..
    } = built;
    let base = json!({
        "project": relative(root, project.path()),
        "target": target.name,
        "productType": target.kind(),
        "platform": platform.name(),
    });
    let Ok(settings) = workspace.settings(project, target, configuration) else {
        return base;
    };
    let settings = settings.for_platform(*platform);
    let mut value = base;
    let bundle_id = project.bundle_id(target, &settings);
    value["bundleId"] = match &bundle_id {
        Ok(id) => id.as_str().into(),
        Err(error) => json!({ "error": error.to_string() }),
    };
    let source_root = project.source_root().display().to_string();
    value["entitlements"] = match settings.settled("CODE_SIGN_ENTITLEMENTS") {
        Answer::Resolved(path) if !path.is_empty() => path.replace(&source_root, "$(SRCROOT)").into(),
        Answer::Unresolved { missing, .. } => json!({ "unresolved": missing }),
        _ => Value::Null,
    };
    value["capabilities"] = capabilities(
        project,
        target,
        &settings,
        bundle_id.as_deref().unwrap_or_default(),
    );
    value
}

/// The entitlements that the target claims, which stand for its capabilities.
fn capabilities(
    project: &xcode_project::Project,
    target: &xcode_project::Target,
    settings: &Settings,
    bundle_id: &str,
) -> Value {
    match project.entitlements(target, settings, bundle_id) {
        Ok(entitlements) => {
            let keys: BTreeSet<&String> = entitlements.keys().collect();
            json!(keys)
        }
        Err(error) => {
            // Paths of the machine are not part of the answer.
            let text = error.to_string();
            let source_root = project.source_root().display().to_string();
            json!({ "error": text.replace(&source_root, "$(SRCROOT)") })
        }
    }
}
