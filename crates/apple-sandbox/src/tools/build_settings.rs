//! `xcodebuild -showBuildSettings`, in the shapes that public logs show.
//!
//! It answers from a recording, the file `xcodebuild-settings.json` beside the project, where there is one. Otherwise it
//! resolves the project with a reader of its own, so that it can disagree with `xcode-project`. Names that are defined
//! nowhere are nothing, as in Xcode.
//!
//! Sources: the text form and `SDKROOT` as a path, fastlane #7581 (Xcode 8.2); JSON, SolaWing/xcode-build-server #91
//! (Xcode 26 beta); the block before the text, flutter #108794; the unknown scheme, bitrise.io #38; the missing
//! destination, tauri #8550 and appium #13267. Unverified, for want of a public log: the action `archive` in the answer,
//! which of a scheme's targets are listed, the message for an unknown target, and Catalyst's values, which come from
//! swift-build's code.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use reference_resolver::{Built, Destination, Project, archived};
use serde_json::{Map, Value, json};

use super::{Call, Ended, value};

const DEVELOPER: &str = "/Applications/Xcode.app/Contents/Developer";

pub(super) fn show(call: &Call, xcode: &str) -> anyhow::Result<Ended> {
    let container = value(&call.args, "-workspace").or_else(|| value(&call.args, "-project"));
    let container = Path::new(container.context("there is no -project and no -workspace")?);
    let shown = container.display();
    if !container.is_dir() {
        return Ok(Ended::badly(
            66,
            format!("xcodebuild: error: '{shown}' does not exist.\n"),
        ));
    }
    let question = Question::of(call, container, xcode);
    let entries = match recorded(container, value(&call.args, "-target")) {
        Some(entries) => entries,
        None => match question.resolved()? {
            Ok(entries) => entries,
            Err(ended) => return Ok(ended),
        },
    };
    let mut ended = if call.args.iter().any(|arg| arg == "-json") {
        Ended::well(format!("{:#}\n", Value::from(entries)))
    } else {
        Ended::well(text(call, &entries))
    };
    if question.destination.is_none() && question.scheme.is_some() {
        ended.stderr = "--- xcodebuild: WARNING: Using the first of multiple matching destinations:\n{ platform:iOS, id:dvtdevice-DVTiPhonePlaceholder-iphoneos:placeholder, name:Any iOS Device }\n{ platform:macOS, name:Any Mac }\n".to_owned();
    }
    Ok(ended)
}

/// Whether an argument is the value of the flag before it.
fn is_value(args: &[String], arg: &String) -> bool {
    let before = args
        .iter()
        .position(|other| std::ptr::eq(other, arg))
        .and_then(|at| args.get(at.checked_sub(1)?));
    before.is_some_and(|flag| {
        flag.starts_with('-') && !["-json", "-showBuildSettings"].contains(&flag.as_str())
    })
}

/// What was recorded of a real Xcode: of all targets, or of one.
fn recorded(container: &Path, target: Option<&str>) -> Option<Vec<Value>> {
    let file = container.parent()?.join("xcodebuild-settings.json");
    let mut entries: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()?;
    entries.retain(|entry| target.is_none_or(|target| entry["target"] == target));
    Some(entries)
}

/// What is asked for.
pub(super) struct Question<'a> {
    container: &'a Path,
    pub(super) scheme: Option<&'a str>,
    target: Option<&'a str>,
    pub(super) configuration: &'a str,
    /// `None` where the call names none that is known.
    destination: Option<Destination>,
    /// `KEY=value` arguments, which win over everything in the project.
    overrides: Vec<(String, String)>,
    /// The file of `-xcconfig`, which wins over those; that of `XCODE_XCCONFIG_FILE` wins over all.
    xcconfig: Option<&'a Path>,
    environment: Vec<(String, String)>,
    action: &'a str,
    xcode: &'a str,
}

impl<'a> Question<'a> {
    pub(super) fn of(call: &'a Call, container: &'a Path, xcode: &'a str) -> Self {
        let assignment = |arg: &String| {
            let (key, value) = arg.split_once('=')?;
            let is_name = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            is_name.then(|| (key.to_owned(), value.to_owned()))
        };
        let by_name = value(&call.args, "-destination").and_then(destination);
        let by_sdk = value(&call.args, "-sdk").map(Destination::of);
        let is_setting = |arg: &String| !is_value(&call.args, arg);
        Self {
            container,
            scheme: value(&call.args, "-scheme"),
            target: value(&call.args, "-target"),
            configuration: value(&call.args, "-configuration").unwrap_or("Release"),
            destination: by_name.or(by_sdk),
            overrides: call
                .args
                .iter()
                .filter(|arg| is_setting(arg))
                .filter_map(assignment)
                .collect(),
            xcconfig: value(&call.args, "-xcconfig").map(Path::new),
            environment: call
                .env
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            action: call
                .args
                .iter()
                .find(|arg| ["archive", "install", "build"].contains(&arg.as_str()))
                .map_or("build", String::as_str),
            xcode,
        }
    }

    fn open(&self, path: &Path) -> anyhow::Result<Project> {
        let project = Project::open(path, &self.environment, &sdk_version(self.xcode, "iphoneos"))?;
        Ok(project.with_arguments(&self.overrides, self.xcconfig))
    }

    fn resolved(&self) -> anyhow::Result<Result<Vec<Value>, Ended>> {
        Ok(self
            .built()?
            .map(|built| built.iter().map(|built| self.entry(built)).collect()))
    }

    /// What the target or scheme builds.
    pub(super) fn built(&self) -> anyhow::Result<Result<Vec<Built>, Ended>> {
        // swift-build at commit 41aee62, `WorkspaceSettingsCache.swift`, getCachedMacroConfigFile.
        let named = self
            .environment
            .iter()
            .find(|(key, _)| key == "XCODE_XCCONFIG_FILE");
        if let Some((_, path)) = named.filter(|(_, path)| !Path::new(path).is_file()) {
            let message = format!(
                "error: Unable to open file '{path}' referenced by XCODE_XCCONFIG_FILE environment variable.\n"
            );
            return Ok(Err(Ended::badly(65, message)));
        }
        let name = self.container.file_stem().unwrap_or_default().to_string_lossy();
        let kind = match self.container.extension() {
            Some(extension) if extension == "xcworkspace" => "workspace",
            _ => "project",
        };
        if let Some(target) = self.target {
            let project = std::rc::Rc::new(self.open(self.container)?);
            let Some(target) = project.targets().into_iter().find(|known| known.name == target) else {
                let message = format!(
                    "xcodebuild: error: The project '{name}' does not contain a target named '{target}'.\n"
                );
                return Ok(Err(Ended::badly(65, message)));
            };
            let wanted = self
                .destination
                .clone()
                .unwrap_or_else(|| Destination::of("iphoneos"));
            let destination = project.destination(&target, self.configuration, &wanted, None);
            let built = Built {
                project,
                target,
                destination,
                needed_by: None,
            };
            return Ok(Ok(vec![built]));
        }
        let scheme = self.scheme.context("there is neither -target nor -scheme")?;
        let open = |path: &Path| self.open(path);
        let ask = |destination: &Destination| {
            archived(self.container, scheme, self.configuration, destination, &open)
        };
        let wanted = self
            .destination
            .clone()
            .unwrap_or_else(|| Destination::of("iphoneos"));
        let Ok(mut built) = ask(&wanted) else {
            let message = format!(
                "xcodebuild: error: The {kind} named \"{name}\" does not contain a scheme named \"{scheme}\". The \"-list\" option can be used to find the names of the schemes in the {kind}.\n"
            );
            return Ok(Err(Ended::badly(65, message)));
        };
        let is_app = |built: &&Built| built.target.kind.starts_with("application");
        let own = built
            .iter()
            .find(is_app)
            .or_else(|| built.first())
            .map(|built| built.destination.clone());
        match own {
            Some(own) if own != wanted && self.destination.is_some() => {
                let message = format!(
                    "xcodebuild: error: Unable to find a destination matching the provided destination specifier:\n\t\t{{ generic:1, platform:{} }}\n",
                    display_name(&wanted)
                );
                return Ok(Err(Ended::badly(70, message)));
            }
            Some(own) if own != wanted => built = ask(&own)?,
            _ => {}
        }
        Ok(Ok(built))
    }

    fn entry(&self, built: &Built) -> Value {
        let settings = built
            .project
            .settings(&built.target, self.configuration, &built.destination);
        let mut all = settings.all();
        let sdk = built.destination.sdk.as_str();
        let version = sdk_version(self.xcode, sdk);
        let folder = folder(sdk);
        let is_mac = sdk == "macosx";
        let yes = |truth: bool| if truth { "YES" } else { "NO" }.to_owned();
        let mut add = |key: &str, value: String| all.insert(key.to_owned(), value);
        add(
            "SDKROOT",
            format!("{DEVELOPER}/Platforms/{folder}.platform/Developer/SDKs/{folder}{version}.sdk"),
        );
        add("SDK_NAME", format!("{sdk}{version}"));
        add("SDK_VERSION", version);
        add(
            "PLATFORM_DISPLAY_NAME",
            display_name(&built.destination).to_owned(),
        );
        add("AD_HOC_CODE_SIGNING_ALLOWED", yes(is_mac));
        add("PROVISIONING_PROFILE_REQUIRED", yes(!is_mac));
        add("__IS_NOT_MACOS", yes(!is_mac));
        add("XCODE_VERSION_ACTUAL", xcode_number(self.xcode));
        add(
            "ACTION",
            if self.action == "archive" {
                "install"
            } else {
                self.action
            }
            .to_owned(),
        );
        if is_mac {
            add(
                "SDK_VARIANT",
                if built.destination.catalyst {
                    "iosmac"
                } else {
                    "macos"
                }
                .to_owned(),
            );
            add("IS_MACCATALYST", yes(built.destination.catalyst));
        }
        // What the SDK defines comes last, except for what chooses the SDK.
        let chosen = self.overrides.iter().filter(|(key, _)| key == "SDK_VARIANT");
        all.extend(chosen.cloned());
        // An empty one is not shown.
        for key in [
            "PROVISIONING_PROFILE_SPECIFIER",
            "DEVELOPMENT_TEAM",
            "CODE_SIGN_ENTITLEMENTS",
        ] {
            if all.get(key).is_some_and(String::is_empty) {
                all.remove(key);
            }
        }
        let values: Map<String, Value> = all.into_iter().map(|(key, value)| (key, value.into())).collect();
        json!({ "action": self.action, "buildSettings": values, "target": built.target.name })
    }
}

/// The text form: blocks of indented lines, sorted by key, behind the command.
fn text(call: &Call, entries: &[Value]) -> String {
    let mut text = format!(
        "Command line invocation:\n    {DEVELOPER}/usr/bin/xcodebuild {}\n\n",
        call.args.join(" ")
    );
    for entry in entries {
        let target = entry["target"].as_str().unwrap_or_default();
        let is_plain = target
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        let target = if is_plain {
            target.to_owned()
        } else {
            format!("\"{target}\"")
        };
        let action = entry["action"].as_str().unwrap_or_default();
        text.push_str(&format!(
            "Build settings for action {action} and target {target}:\n"
        ));
        let settings: BTreeMap<&String, &Value> =
            entry["buildSettings"].as_object().into_iter().flatten().collect();
        for (key, value) in settings {
            text.push_str(&format!("    {key} = {}\n", value.as_str().unwrap_or_default()));
        }
        text.push('\n');
    }
    text
}

/// `generic/platform=iOS` and the like.
fn destination(text: &str) -> Option<Destination> {
    let mut parts = text.split(',');
    let platform = parts.next()?.rsplit('=').next()?;
    let sdk = match platform {
        "iOS" => "iphoneos",
        "tvOS" => "appletvos",
        "watchOS" => "watchos",
        "visionOS" => "xros",
        "macOS" => "macosx",
        "DriverKit" => "driverkit",
        _ => return None,
    };
    Some(Destination {
        sdk: sdk.to_owned(),
        catalyst: parts.any(|part| part == "variant=Mac Catalyst"),
    })
}

fn display_name(destination: &Destination) -> &'static str {
    match destination.sdk.as_str() {
        "iphoneos" => "iOS",
        "appletvos" => "tvOS",
        "watchos" => "watchOS",
        "xros" => "visionOS",
        "driverkit" => "DriverKit",
        _ => "macOS",
    }
}

/// The name of a platform's folder in Xcode.
fn folder(sdk: &str) -> &'static str {
    match sdk {
        "iphoneos" => "iPhoneOS",
        "appletvos" => "AppleTVOS",
        "watchos" => "WatchOS",
        "xros" => "XROS",
        "driverkit" => "DriverKit",
        _ => "MacOSX",
    }
}

/// The version of an SDK in an Xcode. From 26 on all versions are one; 16.2 has iOS 18.2, macOS 15.2, watchOS 11.2 and
/// visionOS 2.2 (Xcode's release notes).
fn sdk_version(xcode: &str, sdk: &str) -> String {
    let mut numbers = xcode.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let major = match sdk {
        _ if major >= 26 => major,
        "iphoneos" | "appletvos" => major + 2,
        "watchos" => major.saturating_sub(5),
        "xros" => major.saturating_sub(14),
        "driverkit" => major + 8,
        _ => major.saturating_sub(1),
    };
    format!("{major}.{minor}")
}

/// `2630` for 26.3.
fn xcode_number(xcode: &str) -> String {
    let mut numbers = xcode.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    format!("{:02}{}{}", next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;
    use super::*;

    fn project() -> String {
        let samples = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../samples/courier/Courier.xcodeproj"
        );
        samples.to_owned()
    }

    fn shown(args: &[&str]) -> Ended {
        let folder = tempfile::tempdir().unwrap();
        show(&call(folder.path(), args), "16.2").unwrap()
    }

    #[test]
    fn json_has_the_shape_of_xcode() {
        let project = project();
        let ended = shown(&[
            "-showBuildSettings",
            "-json",
            "-project",
            &project,
            "-scheme",
            "Courier",
            "-configuration",
            "Release",
            "-destination",
            "generic/platform=iOS",
            "archive",
        ]);
        let entries: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap();
        let settings = &entries[0]["buildSettings"];
        assert_eq!(
            settings["SDKROOT"],
            "/Applications/Xcode.app/Contents/Developer/Platforms/iPhoneOS.platform/Developer/SDKs/iPhoneOS18.2.sdk"
        );
        assert_eq!(
            (&settings["SDK_NAME"], &settings["PLATFORM_NAME"]),
            (&json!("iphoneos18.2"), &json!("iphoneos"))
        );
        assert_eq!(settings["XCODE_VERSION_ACTUAL"], "1620");
        assert!(settings.as_object().unwrap().values().all(Value::is_string));
        assert!(entries.len() >= 3, "the extensions are listed too");
        assert_eq!(ended.stderr, "");
    }

    #[test]
    fn text_is_sorted_and_follows_the_command() {
        let project = project();
        let ended = shown(&["-showBuildSettings", "-project", &project, "-scheme", "Courier"]);
        assert!(
            ended
                .stdout
                .starts_with("Command line invocation:\n    /Applications")
        );
        assert!(
            ended
                .stdout
                .contains("\nBuild settings for action build and target Courier:\n    ACTION = build\n")
        );
        assert!(
            ended
                .stderr
                .contains("Using the first of multiple matching destinations")
        );
    }

    #[test]
    fn failures_have_codes_and_words_of_xcode() {
        let project = project();
        let unknown = shown(&[
            "-showBuildSettings",
            "-json",
            "-project",
            &project,
            "-scheme",
            "Other",
        ]);
        assert_eq!(unknown.status, 65);
        assert!(
            unknown
                .stderr
                .contains("The project named \"Courier\" does not contain a scheme named \"Other\".")
        );
        let nowhere = shown(&[
            "-showBuildSettings",
            "-json",
            "-project",
            &project,
            "-scheme",
            "Courier",
            "-destination",
            "generic/platform=tvOS",
        ]);
        assert_eq!(nowhere.status, 70);
        assert_eq!(
            shown(&[
                "-showBuildSettings",
                "-project",
                "/gone.xcodeproj",
                "-scheme",
                "A"
            ])
            .status,
            66
        );
    }

    #[test]
    fn a_recording_beside_the_project_is_the_answer() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("App.xcodeproj");
        std::fs::create_dir(&project).unwrap();
        let recording = r#"[{"action":"build","buildSettings":{"PLATFORM_NAME":"xros"},"target":"App"},{"action":"build","buildSettings":{},"target":"Other"}]"#;
        std::fs::write(folder.path().join("xcodebuild-settings.json"), recording).unwrap();
        let project = project.display().to_string();
        let all = shown(&[
            "-showBuildSettings",
            "-json",
            "-project",
            &project,
            "-scheme",
            "App",
        ]);
        let one = shown(&[
            "-showBuildSettings",
            "-json",
            "-project",
            &project,
            "-target",
            "App",
        ]);
        let count = |ended: Ended| serde_json::from_str::<Vec<Value>>(&ended.stdout).unwrap().len();
        assert_eq!((count(all), count(one)), (2, 1));
    }
}
