//! The settings of a target that signing and naming depend on.

use serde_json::{Map, Value, json};
use xcode_project::{Answer, Origin, Project, Settings, Target};

const SETTINGS: [&str; 13] = [
    "PRODUCT_BUNDLE_IDENTIFIER",
    "INFOPLIST_FILE",
    "CODE_SIGN_ENTITLEMENTS",
    "SDKROOT",
    "CODE_SIGN_STYLE",
    "DEVELOPMENT_TEAM",
    "CODE_SIGN_IDENTITY",
    "PROVISIONING_PROFILE_SPECIFIER",
    "PRODUCT_NAME",
    "SUPPORTED_PLATFORMS",
    "GENERATE_INFOPLIST_FILE",
    "MARKETING_VERSION",
    "CURRENT_PROJECT_VERSION",
];

/// Names that a build defines from its surroundings, whatever the project files say.
const BUILD_ONLY: [&str; 4] = ["USER", "HOME", "UID", "GID"];

pub(crate) fn resolved(project: &Project, target: &Target, configuration: &str) -> Value {
    let settings = match project.settings(target, configuration) {
        Ok(settings) => settings,
        Err(error) => return json!({ "error": error.to_string() }),
    };
    let root = project.source_root().display().to_string();
    let text = |value: &str| -> Value { value.replace(&root, "$(SRCROOT)").into() };
    let platforms = supported(&settings);
    let from_root = settings
        .get("SDKROOT")
        .value()
        .is_some_and(|root| !root.is_empty() && root != "auto");
    let mut all = Map::new();
    all.insert("_sdk".to_owned(), settings.sdk().into());
    all.insert(
        "_sdkFrom".to_owned(),
        if from_root {
            "SDKROOT"
        } else {
            "SUPPORTED_PLATFORMS"
        }
        .into(),
    );
    all.insert("_supportedPlatforms".to_owned(), json!(platforms));
    for setting in SETTINGS {
        all.insert(setting.to_owned(), one(&settings, setting, &platforms, &text));
    }
    Value::Object(all)
}

/// The platforms that a target lists or has by its SDK, and the Mac for a Mac Catalyst app.
fn supported(settings: &Settings) -> Vec<String> {
    let mut platforms = settings.list("SUPPORTED_PLATFORMS");
    let is_catalyst = settings.get("SUPPORTS_MACCATALYST").value() == Some("YES");
    if is_catalyst && !platforms.iter().any(|platform| platform == "macosx") {
        platforms.push("macosx".to_owned());
    }
    platforms
}

fn one(settings: &Settings, setting: &str, platforms: &[String], text: &dyn Fn(&str) -> Value) -> Value {
    // What follows from the platform alone is not the project's.
    let is_assigned = settings
        .raw(setting)
        .is_some_and(|(origin, _)| origin != Origin::Platform);
    let answer = if is_assigned {
        settings.get(setting)
    } else {
        Answer::Unset
    };
    let mut entry = match &answer {
        Answer::Resolved(value) => json!({ "value": text(value), "status": "resolved" }),
        Answer::Unset => json!({ "value": null, "status": "unset" }),
        Answer::Unresolved { missing, .. } => {
            let complete = settings.missing_files().iter().all(|file| file.optional);
            let build_only: Vec<&String> = missing
                .iter()
                .filter(|name| BUILD_ONLY.contains(&name.as_str()))
                .collect();
            let mut entry = json!({
                "value": null,
                "status": "unresolved",
                "unresolved": missing,
                "chainComplete": complete,
                "emptyExpansion": settings.with_gaps(setting).map(|value| text(&value)),
            });
            if !build_only.is_empty() {
                entry["xcodeBuiltins"] = json!(build_only);
            }
            entry
        }
    };
    if let Some((origin, raw)) = settings.raw(setting).filter(|_| is_assigned) {
        entry["raw"] = raw.into();
        entry["from"] = match origin {
            Origin::Edit => "edit",
            Origin::Xcodebuild => "xcodebuild",
            Origin::Environment => "environment",
            Origin::Target => "target",
            Origin::TargetXcconfig => "target-xcconfig",
            Origin::Project => "project",
            Origin::ProjectXcconfig => "project-xcconfig",
            Origin::BuiltIn | Origin::Platform => "builtin",
        }
        .into();
    }
    let mut others = Map::new();
    for platform in platforms
        .iter()
        .filter(|platform| platform.as_str() != settings.sdk())
    {
        let other = settings.for_sdk(platform);
        let is_assigned = other
            .raw(setting)
            .is_some_and(|(origin, _)| origin != Origin::Platform);
        let other = if is_assigned {
            other.get(setting)
        } else {
            Answer::Unset
        };
        if other.value() != answer.value() {
            others.insert(platform.clone(), other.value().map_or(Value::Null, text));
        }
    }
    if !others.is_empty() {
        entry["bySdk"] = others.into();
    }
    entry
}
