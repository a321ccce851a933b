//! The second source of build settings: what `xcodebuild` says, where there is Xcode.
//!
//! This module builds the arguments and reads the answer; running it is the caller's.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use serde::Deserialize;

/// Whose settings are asked for.
#[derive(Debug, Clone, Copy)]
pub enum Question<'a> {
    /// One target of a project.
    Target(&'a str),
    /// Everything that a scheme of a project or workspace builds, in one run.
    Scheme(&'a str),
}

/// The arguments that ask `container`, a project or workspace, for settings.
pub fn arguments(container: &Path, question: Question<'_>, configuration: &str) -> Vec<OsString> {
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
    if matches!(question, Question::Scheme(_)) {
        // Without it a scheme is shown as it is built for a simulator.
        arguments.push("archive".into());
    }
    arguments
}

#[derive(Deserialize)]
struct Entry {
    target: String,
    #[serde(rename = "buildSettings")]
    settings: BTreeMap<String, String>,
}

/// The settings in the answer, JSON or text, by target.
pub fn settings(answer: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    // Xcode prints warnings before the JSON now and then.
    let starts = answer.match_indices('[').map(|(at, _)| at).take(100);
    let json = starts
        .into_iter()
        .find_map(|at| serde_json::from_str::<Vec<Entry>>(&answer[at..]).ok());
    match json {
        Some(entries) => entries
            .into_iter()
            .map(|entry| (entry.target, entry.settings))
            .collect(),
        None => from_text(answer),
    }
}

/// `Build settings for action build and target App:`, then indented `KEY = value` lines.
fn from_text(answer: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut current = None;
    for line in answer.lines() {
        if let Some(heading) = line.strip_prefix("Build settings for action ") {
            let name = heading
                .split_once(" and target ")
                .map(|(_, name)| name.trim_end_matches(':'));
            current = name.map(|name| name.trim_matches('"').to_owned());
        } else if let (Some(target), true, Some((key, value))) = (
            &current,
            line.starts_with(' '),
            line.trim_start().split_once(" = "),
        ) {
            all.entry(target.clone())
                .or_default()
                .insert(key.to_owned(), value.to_owned());
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
        assert_eq!(read["App"]["A"], "b");
        assert_eq!(read.len(), 1);
        assert!(settings("error: no such target [x]").is_empty());
    }

    #[test]
    fn the_text_form_is_read_too() {
        let answer = "Command line invocation:\n    x\n\nBuild settings for action build and target \"My App\":\n    A = b = c\n    EMPTY = \n\nBuild settings for action build and target Other:\n    A = d\n";
        let read = settings(answer);
        assert_eq!(read["My App"]["A"], "b = c");
        assert_eq!(read["My App"]["EMPTY"], "");
        assert_eq!(read["Other"]["A"], "d");
    }

    #[test]
    fn workspaces_are_asked_by_scheme() {
        let arguments = arguments(Path::new("A.xcworkspace"), Question::Scheme("App"), "Release");
        assert_eq!(
            arguments,
            [
                "-showBuildSettings",
                "-json",
                "-workspace",
                "A.xcworkspace",
                "-scheme",
                "App",
                "-configuration",
                "Release",
                "archive"
            ]
        );
    }
}
