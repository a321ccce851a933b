//! The second source of build settings: what `xcodebuild` says, where there is Xcode.
//!
//! This module builds the arguments and reads the answer; running it is the caller's.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use serde::Deserialize;

/// The arguments that ask for the settings of one target.
pub fn arguments(project: &Path, target: &str, configuration: &str) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["-showBuildSettings", "-json", "-project"]
        .map(OsString::from)
        .to_vec();
    arguments.push(project.into());
    arguments.extend(["-target", target, "-configuration", configuration].map(OsString::from));
    arguments
}

#[derive(Deserialize)]
struct Entry {
    target: String,
    #[serde(rename = "buildSettings")]
    settings: BTreeMap<String, String>,
}

/// The settings of `target` in the answer; `None` when they are not in it.
pub fn settings(answer: &str, target: &str) -> Option<BTreeMap<String, String>> {
    // Xcode prints warnings before the JSON now and then.
    let json = &answer[answer.find('[')?..];
    let entries: Vec<Entry> = serde_json::from_str(json).ok()?;
    entries
        .into_iter()
        .find(|entry| entry.target == target)
        .map(|entry| entry.settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_the_target_are_found() {
        let answer = "note: x\n[{\"action\":\"build\",\"target\":\"App\",\"buildSettings\":{\"A\":\"b\"}}]";
        assert_eq!(settings(answer, "App").unwrap()["A"], "b");
        assert_eq!(settings(answer, "Other"), None);
        assert_eq!(settings("error: no such target", "App"), None);
    }
}
