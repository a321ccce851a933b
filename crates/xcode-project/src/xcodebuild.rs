//! The second source of build settings: what `xcodebuild` says, where there is Xcode.
//!
//! This module builds the arguments and reads the answer; running it is the caller's.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use apple_types::Platform;
use serde::Deserialize;
use serde_json::Value;

/// Whose settings are asked for.
#[derive(Debug, Clone, Copy)]
pub enum Question<'a> {
    /// One target of a project.
    Target(&'a str),
    /// Everything that a scheme of a project or workspace builds, in one run.
    Scheme(&'a str),
}

/// The settings of one target, as `xcodebuild` said them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetSettings {
    /// The target's name, which a target of another project may have too.
    pub target: String,
    /// Its settings, all resolved.
    pub values: BTreeMap<String, String>,
}

/// The arguments that ask `container`, a project or workspace, for settings as they are in an archive for `platform`.
pub fn arguments(
    container: &Path,
    question: Question<'_>,
    configuration: &str,
    platform: Option<Platform>,
) -> Vec<OsString> {
    let is_workspace = container
        .extension()
        .is_some_and(|extension| extension == "xcworkspace");
    let mut arguments: Vec<OsString> = ["-showBuildSettings", "-json"].map(OsString::from).to_vec();
    arguments.push(if is_workspace { "-workspace" } else { "-project" }.into());
    arguments.push(container.into());
    let (flag, name) = match question {
        Question::Target(name) => ("-target", name),
        Question::Scheme(name) => ("-scheme", name),
    };
    arguments.extend([flag, name, "-configuration", configuration].map(OsString::from));
    match (question, platform) {
        // Without one, the first of several destinations is taken, whichever that is.
        (Question::Scheme(_), Some(platform)) => {
            arguments.push("-destination".into());
            arguments.push(destination(platform).into());
        }
        (Question::Target(_), Some(platform)) => {
            arguments.extend(["-sdk", platform.sdk()].map(OsString::from));
            if platform == Platform::MacCatalyst {
                arguments.push("SDK_VARIANT=iosmac".into());
            }
        }
        (_, None) => {}
    }
    if matches!(question, Question::Scheme(_)) {
        // Without it a scheme is shown as it is built for a simulator.
        arguments.push("archive".into());
    }
    arguments
}

/// The destination that stands for any device of a platform.
pub fn destination(platform: Platform) -> String {
    match platform {
        Platform::MacCatalyst => "generic/platform=macOS,variant=Mac Catalyst".to_owned(),
        platform => format!("generic/platform={}", platform.name()),
    }
}

#[derive(Deserialize)]
struct Entry {
    target: String,
    #[serde(rename = "buildSettings")]
    settings: BTreeMap<String, Value>,
}

/// The settings in the answer, JSON or text, one entry per target.
pub fn settings(answer: &str) -> Vec<TargetSettings> {
    // Xcode prints notes and warnings before the JSON now and then, and after it too (mxcl/xcodebuild #13).
    let starts = answer
        .match_indices('[')
        .map(|(at, _)| at)
        .filter(|at| *at == 0 || answer[..*at].ends_with('\n'))
        .take(100);
    let json = starts.into_iter().find_map(|at| {
        let mut values = serde_json::Deserializer::from_str(&answer[at..]).into_iter::<Vec<Entry>>();
        values.next()?.ok()
    });
    let Some(entries) = json else {
        return from_text(answer);
    };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let read = entries.into_iter().map(|entry| TargetSettings {
        target: entry.target,
        values: entry
            .settings
            .into_iter()
            .map(|(key, value)| (key, text(value)))
            .collect(),
    });
    read.collect()
}

/// `Build settings for action build and target App:`, then indented `KEY = value` lines.
fn from_text(answer: &str) -> Vec<TargetSettings> {
    let mut all: Vec<TargetSettings> = Vec::new();
    for line in answer.lines() {
        if let Some(heading) = line.strip_prefix("Build settings for action ") {
            let name = heading
                .split_once(" and target ")
                .map(|(_, name)| name.trim_end_matches(':'));
            all.extend(name.map(|name| TargetSettings {
                target: name.trim_matches('"').to_owned(),
                values: BTreeMap::new(),
            }));
        } else if let (Some(current), true, Some((key, value))) = (
            all.last_mut(),
            line.starts_with("    "),
            line.trim_start().split_once(" = "),
        ) {
            current.values.insert(key.to_owned(), value.to_owned());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_found_behind_warnings() {
        let answer =
            "2026 [IDE] note: x\n[{\"action\":\"build\",\"target\":\"App\",\"buildSettings\":{\"A\":\"b\"}}]";
        let read = settings(answer);
        assert_eq!(read[0].values["A"], "b");
        assert_eq!(read.len(), 1);
        assert!(settings("error: no such target [x]").is_empty());
        let followed = format!("{answer}\nbuild session not created after 15 seconds - still waiting\n");
        assert_eq!(settings(&followed), read);
    }

    #[test]
    fn the_text_form_is_read_too() {
        let answer = "Command line invocation:\n    x\n\nBuild settings for action build and target \"My App\":\n    A = b = c\n    EMPTY = \n\nBuild settings for action build and target Other:\n    A = d\n";
        let read = settings(answer);
        assert_eq!(
            (read[0].target.as_str(), read[1].target.as_str()),
            ("My App", "Other")
        );
        assert_eq!(read[0].values["A"], "b = c");
        assert_eq!(read[0].values["EMPTY"], "");
        assert_eq!(read[1].values["A"], "d");
    }

    #[test]
    fn targets_of_one_name_are_both_kept() {
        let entry = |file: &str| {
            format!("{{\"target\":\"App\",\"buildSettings\":{{\"PROJECT_FILE_PATH\":\"{file}\"}}}}")
        };
        let read = settings(&format!(
            "[{},{}]",
            entry("/a/A.xcodeproj"),
            entry("/a/B.xcodeproj")
        ));
        assert_eq!(read[1].values["PROJECT_FILE_PATH"], "/a/B.xcodeproj");
        assert_eq!(read.len(), 2);
    }

    fn words(container: &str, question: Question<'_>, platform: Option<Platform>) -> Vec<String> {
        let arguments = arguments(Path::new(container), question, "Release", platform);
        arguments
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn a_scheme_is_asked_for_its_destination_and_a_target_for_its_sdk() {
        assert_eq!(
            words("A.xcworkspace", Question::Scheme("App"), Some(Platform::Ios)).join(" "),
            "-showBuildSettings -json -workspace A.xcworkspace -scheme App -configuration Release -destination generic/platform=iOS archive"
        );
        assert_eq!(
            words("A.xcodeproj", Question::Scheme("App"), None).join(" "),
            "-showBuildSettings -json -project A.xcodeproj -scheme App -configuration Release archive"
        );
        assert_eq!(
            words(
                "A.xcodeproj",
                Question::Target("App"),
                Some(Platform::MacCatalyst)
            )
            .join(" "),
            "-showBuildSettings -json -project A.xcodeproj -target App -configuration Release -sdk macosx SDK_VARIANT=iosmac"
        );
        assert_eq!(
            destination(Platform::MacCatalyst),
            "generic/platform=macOS,variant=Mac Catalyst"
        );
    }
}
