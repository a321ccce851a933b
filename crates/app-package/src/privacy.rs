//! Privacy manifests: `PrivacyInfo.xcprivacy`.
//!
//! Facts: ITMS-91056 refuses one whose keys or values are invalid, in the app and in frameworks; ITMS-91053 a use of
//! required-reason APIs that is not declared (both refusals since 2024-05-01; newrelic/newrelic-ios-agent #215).

use std::collections::BTreeSet;

use plist::{Dictionary, Value};

/// A privacy manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrivacyManifest {
    /// Its path below the app.
    pub path: String,
    /// What is wrong with it, so that App Store Connect refuses it.
    pub problems: Vec<String>,
    /// Keys that Apple's documentation does not have.
    pub unknown_keys: Vec<String>,
    /// The categories of required-reason APIs that it declares.
    pub declared: BTreeSet<String>,
}

const KEYS: [&str; 4] = [
    "NSPrivacyTracking",
    "NSPrivacyTrackingDomains",
    "NSPrivacyCollectedDataTypes",
    "NSPrivacyAccessedAPITypes",
];

impl PrivacyManifest {
    pub(crate) fn read(path: String, bytes: &[u8]) -> Self {
        let mut manifest = Self {
            path,
            ..Self::default()
        };
        match property_list::read(bytes).map(Value::into_dictionary) {
            Ok(Some(content)) => manifest.check(&content),
            Ok(None) => manifest.problems.push("it is not a dictionary".to_owned()),
            Err(error) => manifest.problems.push(error.to_string()),
        }
        manifest
    }

    fn check(&mut self, content: &Dictionary) {
        let unknown = content.keys().filter(|key| !KEYS.contains(&key.as_str()));
        self.unknown_keys = unknown.cloned().collect();
        let wrong = |key: &str, what: &str| format!("`{key}` is not {what}");
        if content
            .get(KEYS[0])
            .is_some_and(|value| value.as_boolean().is_none())
        {
            self.problems.push(wrong(KEYS[0], "a Boolean"));
        }
        let texts = |value: &Value| {
            let items = value.as_array();
            items.is_some_and(|items| items.iter().all(|item| item.as_string().is_some()))
        };
        if content.get(KEYS[1]).is_some_and(|value| !texts(value)) {
            self.problems.push(wrong(KEYS[1], "an array of strings"));
        }
        for key in [KEYS[2], KEYS[3]] {
            let Some(value) = content.get(key) else { continue };
            let items = value.as_array().map(Vec::as_slice);
            let Some(items) = items.filter(|items| items.iter().all(|item| item.as_dictionary().is_some()))
            else {
                self.problems.push(wrong(key, "an array of dictionaries"));
                continue;
            };
            if key == KEYS[3] {
                for item in items.iter().filter_map(Value::as_dictionary) {
                    self.check_api(item);
                }
            }
        }
    }

    fn check_api(&mut self, item: &Dictionary) {
        let kind = item.get("NSPrivacyAccessedAPIType").and_then(Value::as_string);
        let Some(kind) = kind.filter(|kind| !kind.is_empty()) else {
            self.problems
                .push("an entry of `NSPrivacyAccessedAPITypes` has no `NSPrivacyAccessedAPIType`".to_owned());
            return;
        };
        self.declared.insert(kind.to_owned());
        let reasons = item
            .get("NSPrivacyAccessedAPITypeReasons")
            .and_then(Value::as_array);
        let are_texts = |reasons: &&Vec<Value>| {
            let text = |reason: &Value| reason.as_string().is_some_and(|text| !text.is_empty());
            !reasons.is_empty() && reasons.iter().all(text)
        };
        if reasons.filter(are_texts).is_none() {
            self.problems.push(format!(
                "`{kind}` has no reasons in `NSPrivacyAccessedAPITypeReasons`"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> PrivacyManifest {
        let text = format!("<plist version=\"1.0\"><dict>{body}</dict></plist>");
        PrivacyManifest::read("PrivacyInfo.xcprivacy".to_owned(), text.as_bytes())
    }

    #[test]
    fn a_manifest_is_judged_by_its_form() {
        let api =
            |inner: &str| format!("<key>NSPrivacyAccessedAPITypes</key><array><dict>{inner}</dict></array>");
        let good = read(&api(
            "<key>NSPrivacyAccessedAPIType</key><string>NSPrivacyAccessedAPICategoryUserDefaults</string><key>NSPrivacyAccessedAPITypeReasons</key><array><string>CA92.1</string></array>",
        ));
        assert!(good.problems.is_empty());
        assert!(good.declared.contains("NSPrivacyAccessedAPICategoryUserDefaults"));
        for (body, problem) in [
            (
                "<key>NSPrivacyTracking</key><string>NO</string>".to_owned(),
                "a Boolean",
            ),
            (
                "<key>NSPrivacyTrackingDomains</key><array><integer>1</integer></array>".to_owned(),
                "array of strings",
            ),
            (
                "<key>NSPrivacyCollectedDataTypes</key><dict/>".to_owned(),
                "array of dictionaries",
            ),
            (api(""), "has no `NSPrivacyAccessedAPIType`"),
            (
                api("<key>NSPrivacyAccessedAPIType</key><string>X</string>"),
                "`X` has no reasons",
            ),
            (
                api(
                    "<key>NSPrivacyAccessedAPIType</key><string>X</string><key>NSPrivacyAccessedAPITypeReasons</key><array/>",
                ),
                "`X` has no reasons",
            ),
        ] {
            let problems = read(&body).problems;
            assert!(
                problems.len() == 1 && problems[0].contains(problem),
                "{problems:?}"
            );
        }
        assert_eq!(
            read("<key>NSPrivacyNew</key><true/>").unknown_keys,
            ["NSPrivacyNew"]
        );
        assert!(!PrivacyManifest::read(String::new(), b"{}").problems.is_empty());
    }
}
