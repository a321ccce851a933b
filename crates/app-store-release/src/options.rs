//! deliver's options, in deliver's spelling: from a command line, the environment, a Deliverfile and an Appfile.
//!
//! Keys, variables and types: fastlane 2.237.0, `deliver/lib/deliver/options.rb` (read 2026-07-21).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::problem::Problem;

/// The type of an option's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`; without a value it is `true`.
    Boolean,
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// An object, JSON on a command line.
    Hash,
    /// A list, separated by commas on a command line.
    List,
}

/// What the native engine does with an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// It means the same as in fastlane.
    Covered,
    /// It has no meaning here, as in fastlane with an API key.
    Ignored,
    /// Only fastlane can do it.
    NotCovered,
    /// Neither can do it, for this reason: fastlane fails on it, after it has changed other things.
    Refused(&'static str),
}

/// One of deliver's options.
#[derive(Debug)]
pub struct Definition {
    /// Its name.
    pub key: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether the native engine covers it.
    pub coverage: Coverage,
}

macro_rules! definitions {
    ($($coverage:expr, $kind:ident: $($key:literal)+;)+) => {
        /// All options of deliver.
        pub const DEFINITIONS: &[Definition] = {
            use Coverage::{Covered, Ignored, NotCovered, Refused};
            &[$($(Definition { key: $key, kind: Kind::$kind, coverage: $coverage },)+)+]
        };
    };
}

definitions! {
    Covered, Text: "app_identifier" "app_version" "ipa" "pkg" "build_number" "platform" "metadata_path" "screenshots_path"
        "copyright" "primary_category" "secondary_category" "primary_first_sub_category" "primary_second_sub_category"
        "secondary_first_sub_category" "secondary_second_sub_category" "app_rating_config_path" "app_review_attachment_file"
        "app_previews_path" "preview_frame_time_code";
    Covered, Integer: "app" "screenshot_processing_timeout" "auto_release_date" "version_check_wait_retry_limit";
    Covered, Boolean: "edit_live" "skip_binary_upload" "skip_screenshots" "skip_metadata" "skip_app_version_update" "force"
        "overwrite_screenshots" "sync_screenshots" "submit_for_review" "reject_if_possible" "automatic_release" "phased_release"
        "ignore_language_directory_validation" "overwrite_preview_videos";
    Covered, Hash: "submission_information" "app_review_information" "description" "name" "subtitle" "keywords"
        "promotional_text" "release_notes" "privacy_url" "apple_tv_privacy_policy" "support_url" "marketing_url";
    Covered, List: "languages";
    Ignored, Text: "api_key_path" "username" "team_id" "team_name" "dev_portal_team_id" "dev_portal_team_name" "itc_provider"
        "provider_public_id" "app_icon" "apple_watch_app_icon" "individual_metadata_items" "precheck_default_rule_level";
    Ignored, Hash: "api_key" "trade_representative_contact_information";
    Ignored, Boolean: "use_live_version" "precheck_include_in_app_purchases" "verbose";
    NotCovered, Boolean: "run_precheck_before_submit" "verify_only";
    // Requests to reset ratings were never part of the API (fastlane #21328).
    Refused("App Store Connect can't reset ratings with an API key; reset them on the web"), Boolean: "reset_ratings";
    // Price tiers left the API with `apps.prices` (fastlane #21819).
    Refused("price tiers no longer exist; set the price in App Store Connect"), Integer: "price_tier";
    NotCovered, Text: "app_clip_header_images_path" "app_clip_default_experience_metadata_path" "app_clip_default_experience_action";
    NotCovered, Hash: "app_clip_default_experience_subtitle" "app_clip_review_information";
}

/// The variables whose name is not `DELIVER_` and the option's name.
const OTHER_VARIABLES: [(&str, &[&str]); 7] = [
    ("ipa", &["DELIVER_IPA_PATH"]),
    ("pkg", &["DELIVER_PKG_PATH"]),
    ("app", &["DELIVER_APP_ID"]),
    ("username", &["DELIVER_USERNAME", "DELIVER_USER"]),
    ("app_icon", &["DELIVER_APP_ICON_PATH"]),
    ("apple_watch_app_icon", &["DELIVER_APPLE_WATCH_APP_ICON_PATH"]),
    (
        "precheck_include_in_app_purchases",
        &["PRECHECK_INCLUDE_IN_APP_PURCHASES"],
    ),
];

/// deliver has no variables for options whose value depends on the locale.
const WITHOUT_VARIABLE: [&str; 12] = [
    "submission_information",
    "app_review_information",
    "description",
    "name",
    "subtitle",
    "keywords",
    "promotional_text",
    "release_notes",
    "privacy_url",
    "apple_tv_privacy_policy",
    "support_url",
    "marketing_url",
];

/// Options with their values; a key is there once.
pub type Values = BTreeMap<String, Value>;

/// The option with a name.
pub fn definition(key: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|definition| definition.key == key)
}

/// Reads a command line: `--key value`, `--key=value`, and `--key` alone for what is true.
///
/// # Errors
/// With every option that deliver does not have, and every value of the wrong type.
pub fn from_words(words: &[String]) -> Result<Values, Vec<Problem>> {
    let mut values = Values::new();
    let mut problems = Vec::new();
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let Some(name) = word.strip_prefix("--") else {
            problems.push(Problem::new(
                word,
                "is not an option of deliver; accepted: --name value",
            ));
            continue;
        };
        let (name, joined) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (name, None),
        };
        let key = name.replace('-', "_");
        let Some(definition) = definition(&key) else {
            problems.push(Problem::new(format!("--{name}"), unknown(&key)));
            continue;
        };
        let text = match (joined, definition.kind) {
            (Some(value), _) => Some(value),
            (None, Kind::Boolean) => words.next_if(|next| boolean(next).is_some()),
            (None, _) => words.next(),
        };
        match value(definition, text) {
            Ok(value) => drop(values.insert(key, value)),
            Err(message) => problems.push(Problem::new(format!("--{name}"), message)),
        }
    }
    if problems.is_empty() {
        Ok(values)
    } else {
        Err(problems)
    }
}

/// Reads the variables that deliver reads.
///
/// # Errors
/// With every value of the wrong type.
pub fn from_environment<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Values, Vec<Problem>> {
    let mut values = Values::new();
    let mut problems = Vec::new();
    for definition in DEFINITIONS
        .iter()
        .filter(|definition| !WITHOUT_VARIABLE.contains(&definition.key))
    {
        let usual = format!("DELIVER_{}", definition.key.to_uppercase());
        let others = OTHER_VARIABLES.iter().find(|(key, _)| *key == definition.key);
        let names: Vec<&str> = others.map_or_else(|| vec![usual.as_str()], |(_, names)| names.to_vec());
        for name in names {
            let Some(text) = get(name).filter(|text| !text.is_empty()) else {
                continue;
            };
            match value(definition, Some(text)) {
                Ok(value) => drop(values.insert(definition.key.to_owned(), value)),
                Err(message) => problems.push(Problem::new(name, message)),
            }
            break;
        }
    }
    if problems.is_empty() {
        Ok(values)
    } else {
        Err(problems)
    }
}

/// The options with a value that the native engine does not cover with certainty.
pub fn uncovered_options(values: &Values) -> impl Iterator<Item = &'static str> {
    options_with(values, |coverage| {
        (coverage == Coverage::NotCovered).then_some(())
    })
    .map(|(key, ())| key)
}

/// The options with a value that can't be fulfilled by anybody with an API key, each with the reason.
pub(crate) fn refused_options(values: &Values) -> impl Iterator<Item = (&'static str, &'static str)> {
    options_with(values, |coverage| match coverage {
        Coverage::Refused(reason) => Some(reason),
        _ => None,
    })
}

/// The options with a value whose coverage `select` takes, each with what it selects.
fn options_with<T>(
    values: &Values,
    select: impl Fn(Coverage) -> Option<T>,
) -> impl Iterator<Item = (&'static str, T)> {
    let has_value = move |definition: &&Definition| {
        values
            .get(definition.key)
            .is_some_and(|value| *value != Value::Bool(false) && !value.is_null())
    };
    DEFINITIONS
        .iter()
        .filter(has_value)
        .filter_map(move |definition| Some((definition.key, select(definition.coverage)?)))
}

fn unknown(key: &str) -> String {
    let near = DEFINITIONS
        .iter()
        .map(|definition| (strsim::jaro_winkler(definition.key, key), definition.key))
        .filter(|(score, _)| *score > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((_, near)) => format!("deliver has no such option; did you mean --{near}?"),
        None => "deliver has no such option".to_owned(),
    }
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" | "on" | "y" | "t" => Some(true),
        "false" | "no" | "0" | "off" | "n" | "f" => Some(false),
        _ => None,
    }
}

/// The value that a text means for an option.
fn value(definition: &Definition, text: Option<&str>) -> Result<Value, String> {
    let Some(text) = text else {
        return match definition.kind {
            Kind::Boolean => Ok(Value::Bool(true)),
            _ => Err("has no value".to_owned()),
        };
    };
    match definition.kind {
        Kind::Boolean => boolean(text)
            .map(Value::Bool)
            .ok_or_else(|| format!("`{text}` is not accepted; accepted: true, false")),
        Kind::Text => Ok(Value::String(text.to_owned())),
        Kind::Integer => text
            .trim()
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| format!("`{text}` is not a whole number")),
        Kind::Hash => match serde_json::from_str(text) {
            Ok(value @ Value::Object(_)) => Ok(value),
            Ok(_) => Err("is not a JSON object".to_owned()),
            Err(error) => Err(format!("is not a JSON object: {error}")),
        },
        Kind::List => Ok(text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_command_line_is_read_as_fastlane_reads_it() {
        let values = from_words(&words(&[
            "--app_version",
            "1.1",
            "--skip_metadata",
            "--force",
            "true",
            "--phased_release=false",
            "--submission_information",
            r#"{"export_compliance_uses_encryption": false}"#,
            "--languages",
            "en-US, de-DE",
            "--auto_release_date",
            "1799999999000",
        ]))
        .unwrap();
        assert_eq!(
            serde_json::to_value(values).unwrap(),
            json!({"app_version": "1.1", "skip_metadata": true, "force": true, "phased_release": false,
                "submission_information": {"export_compliance_uses_encryption": false},
                "languages": ["en-US", "de-DE"], "auto_release_date": 1_799_999_999_000_i64})
        );
    }

    #[test]
    fn every_problem_of_a_command_line_is_reported() {
        let problems = from_words(&words(&[
            "--skip_metdata",
            "--auto_release_date",
            "soon",
            "--name",
            "[]",
        ]))
        .unwrap_err();
        let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "--skip_metdata: deliver has no such option; did you mean --skip_metadata?",
                "--auto_release_date: `soon` is not a whole number",
                "--name: is not a JSON object"
            ]
        );
    }

    #[test]
    fn variables_have_delivers_names() {
        let variables = BTreeMap::from([
            ("DELIVER_SKIP_METADATA", "1"),
            ("DELIVER_IPA_PATH", "a.ipa"),
            ("DELIVER_IPA", "wrong.ipa"),
            ("DELIVER_NAME", "not read"),
        ]);
        let values = from_environment(|name| variables.get(name).copied()).unwrap();
        assert_eq!(
            serde_json::to_value(values).unwrap(),
            json!({"skip_metadata": true, "ipa": "a.ipa"})
        );
    }

    #[test]
    fn what_only_fastlane_can_do_is_named() {
        let values = from_words(&words(&[
            "--run_precheck_before_submit",
            "false",
            "--price_tier",
            "3",
            "--verify_only",
        ]))
        .unwrap();
        assert_eq!(uncovered_options(&values).collect::<Vec<_>>(), ["verify_only"]);
        // fastlane can't set a price either: it is no reason to take fastlane.
        let refused: Vec<&str> = refused_options(&values).map(|(key, _)| key).collect();
        assert_eq!(refused, ["price_tier"]);
        let values = from_words(&words(&["--run_precheck_before_submit", "false"])).unwrap();
        assert_eq!(uncovered_options(&values).count(), 0);
    }
}
