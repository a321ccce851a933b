//! One project.

use std::path::Path;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use xcode_project::{
    BaseConfiguration, BuildItem, BuildSettings, CopyBase, DependencyKind, Document, Format, MissingFile,
    Project, SettingValue, Target, json5,
};

use crate::files::relative;
use crate::{layout, settings};

pub(crate) fn project(root: &Path, path: &Path) -> Value {
    let xcproj = std::fs::read(path.join("project.xcproj")).ok();
    let is_xcproj = xcproj.is_some();
    let bytes = xcproj.unwrap_or_else(|| std::fs::read(path.join("project.pbxproj")).unwrap_or_default());
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let mut value = json!({
        "path": relative(root, path),
        "format": match first {
            _ if is_xcproj => "xcproj",
            Some(b'<') => "xml",
            _ => "openstep",
        },
        "bytes": bytes.len(),
        "lines": bytes.split(|byte| *byte == b'\n').count() - usize::from(bytes.ends_with(b"\n")),
        "crlf": bytes.windows(2).any(|pair| pair == b"\r\n"),
        "sha256": Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
    });
    if let Ok(text) = std::str::from_utf8(&bytes)
        && is_xcproj
        && let Ok(document) = json5::Document::parse(text)
    {
        value["roundTrip"] = (document.text().as_bytes() == bytes).into();
        value["canonical"] = layout::is_canonical(text).into();
    } else if let Ok(text) = std::str::from_utf8(&bytes)
        && let Ok(document) = Document::parse(text)
    {
        value["roundTrip"] = (document.text().as_bytes() == bytes).into();
        value["format"] = format_name(document.format()).into();
    }
    match Project::open(path) {
        Ok(project) => describe(root, &project, &mut value),
        Err(error) => value["error"] = with_causes(&error).into(),
    }
    value
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::OpenStep => "openstep",
        Format::Xml => "xml",
        Format::Json => "json",
        Format::Xcproj => "xcproj",
    }
}

fn describe(root: &Path, project: &Project, value: &mut Value) {
    let kinds = project.kinds();
    let mut missing = Vec::new();
    let targets = project.targets();
    let described: Vec<Value> = targets
        .iter()
        .map(|target| describe_target(root, project, target, &mut missing))
        .collect();
    let configurations = project.configuration_names();
    let own = |configuration: &String| {
        let assigned = project.assigned(None, configuration).map_or(json!({}), raw);
        (configuration.clone(), assigned)
    };
    let base = |configuration: &String| {
        let base = project.base_configuration_of(None, configuration);
        (
            configuration.clone(),
            json!(base.map(|base| relative(root, &base.path))),
        )
    };
    value["objectVersion"] = project.header("objectVersion").into();
    value["archiveVersion"] = project.header("archiveVersion").into();
    value["srcroot"] = relative(root, &project.source_root()).into();
    value["objects"] = kinds.values().sum::<usize>().into();
    value["isas"] = json!(kinds);
    value["configurations"] = json!(configurations);
    value["defaultConfiguration"] = json!(project.default_configuration());
    value["projectBaseConfiguration"] = Value::Object(configurations.iter().map(base).collect());
    value["projectSettings"] = Value::Object(configurations.iter().map(own).collect());
    value["targets"] = described.into();
    if !missing.is_empty() {
        value["missingXcconfig"] = missing.into();
    }
}

fn describe_target(root: &Path, project: &Project, target: &Target, missing: &mut Vec<Value>) -> Value {
    let details = project.details(target);
    let dependencies = details.dependencies.iter().map(|dependency| {
        let kind = match dependency.kind {
            DependencyKind::Target => "target",
            DependencyKind::Remote => "remote",
            DependencyKind::Package => "package",
        };
        json!({ "name": dependency.name, "kind": kind, "platforms": dependency.platforms })
    });
    let mut attributes = Map::new();
    for (key, value) in [
        ("ProvisioningStyle", details.provisioning_style.clone()),
        ("DevelopmentTeam", details.development_team.clone()),
    ] {
        attributes.extend(value.map(|value| (key.to_owned(), value.into())));
    }
    let by_configuration = |of: &dyn Fn(&str) -> Value| {
        let pairs = target.configurations.iter().map(|name| (name.clone(), of(name)));
        Value::Object(pairs.collect())
    };
    let mut value = json!({
        "id": target.id,
        "name": target.name,
        "isa": details.isa,
        "productType": (!target.product_type.is_empty()).then_some(&target.product_type),
        "configurations": target.configurations,
        "dependencies": dependencies.collect::<Vec<_>>(),
        "productReferencePath": details.product,
        "attributes": attributes,
        "baseConfiguration": by_configuration(&|name| base_configuration(root, project.base_configuration_of(Some(target), name))),
        "settings": by_configuration(&|name| project.assigned(Some(target), name).map_or(json!({}), raw)),
    });
    value["embeds"] = embeds(project, target).into();
    let host = details.test_host.as_deref().and_then(|id| project.target(id));
    if let Some(host) = host {
        value["testHost"] = host.name.into();
    }
    if !target.is_executable() {
        return value;
    }
    for configuration in &target.configurations {
        for file in project
            .settings(target, configuration)
            .iter()
            .flat_map(xcode_project::Settings::missing_files)
        {
            let entry = missing_file(root, file);
            if !missing.contains(&entry) {
                missing.push(entry);
            }
        }
    }
    value["resolved"] = by_configuration(&|name| settings::resolved(project, target, name));
    value
}

/// What the copy-files phases of a target hold, in the words of `project.xcproj`.
fn embeds(project: &Project, target: &Target) -> Vec<Value> {
    let mut all = Vec::new();
    for phase in project.build_phases(target) {
        let Some(destination) = &phase.destination else {
            continue;
        };
        for file in &phase.files {
            let (BuildItem::Product { name, .. }
            | BuildItem::Remote { name, .. }
            | BuildItem::Package { name }
            | BuildItem::File { name, .. }) = &file.item;
            let mut attributes = Map::new();
            if file.code_sign_on_copy {
                attributes.insert("code-sign-on-copy".to_owned(), true.into());
            }
            if file.remove_headers_on_copy {
                attributes.insert("header-preservation".to_owned(), "remove-on-copy".into());
            }
            if file.is_weak {
                attributes.insert("is-weak".to_owned(), true.into());
            }
            let mut value = json!({
                "file": name,
                "phase": phase.name,
                "base": base(&destination.base),
                "relativePath": destination.path,
                "attributes": attributes,
            });
            if !file.platforms.is_empty() {
                value["platforms"] = json!(file.platforms);
            }
            all.push(value);
        }
    }
    all
}

fn base(base: &CopyBase) -> Option<&str> {
    Some(match base {
        CopyBase::Absolute => return None,
        CopyBase::Wrapper => "root",
        CopyBase::Executables => "executables-directory",
        CopyBase::Resources => "resources-directory",
        CopyBase::JavaResources => "java-directory",
        CopyBase::Frameworks => "frameworks-directory",
        CopyBase::SharedFrameworks => "shared-frameworks-directory",
        CopyBase::SharedSupport => "shared-support-directory",
        CopyBase::PlugIns => "plugins-directory",
        CopyBase::Products => "build-products-directory",
        CopyBase::Other(word) => word,
    })
}

fn missing_file(root: &Path, file: &MissingFile) -> Value {
    match &file.included {
        None => {
            json!({ "xcconfig": relative(root, &file.path), "why": "the base configuration is not there" })
        }
        Some((by, name)) => json!({
            "xcconfig": relative(root, by),
            "include": name,
            "optional": file.optional,
            "why": "the included file is not there",
        }),
    }
}

fn base_configuration(root: &Path, base: Option<BaseConfiguration>) -> Value {
    base.map_or(
        Value::Null,
        |base| json!({ "path": relative(root, &base.path), "present": base.present }),
    )
}

/// Build settings as JSON.
fn raw(settings: &BuildSettings) -> Value {
    let pairs = settings.iter().map(|(key, value)| {
        let value = match value {
            SettingValue::Text(text) => text.as_str().into(),
            SettingValue::List(items) => json!(items),
        };
        (key.clone(), value)
    });
    Value::Object(pairs.collect())
}
