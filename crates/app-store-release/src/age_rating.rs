//! Age rating files.
//!
//! Keys of the time of iTunes Connect and their numbers are mapped as fastlane 2.237.0 maps them
//! (`spaceship/lib/spaceship/connect_api/models/age_rating_declaration.rb`, read 2026-07-21).

use serde_json::{Map, Value};

use crate::problem::Problem;

/// Keys of iTunes Connect, without the prefix `MZGenre.`, and today's attributes.
const OLD_KEYS: [(&str, &str); 12] = [
    ("CARTOON_FANTASY_VIOLENCE", "violenceCartoonOrFantasy"),
    ("REALISTIC_VIOLENCE", "violenceRealistic"),
    (
        "PROLONGED_GRAPHIC_SADISTIC_REALISTIC_VIOLENCE",
        "violenceRealisticProlongedGraphicOrSadistic",
    ),
    ("PROFANITY_CRUDE_HUMOR", "profanityOrCrudeHumor"),
    ("MATURE_SUGGESTIVE", "matureOrSuggestiveThemes"),
    ("HORROR", "horrorOrFearThemes"),
    ("MEDICAL_TREATMENT_INFO", "medicalOrTreatmentInformation"),
    ("ALCOHOL_TOBACCO_DRUGS", "alcoholTobaccoOrDrugUseOrReferences"),
    ("GAMBLING", "gamblingSimulated"),
    ("SEXUAL_CONTENT_NUDITY", "sexualContentOrNudity"),
    ("GRAPHIC_SEXUAL_CONTENT_NUDITY", "sexualContentGraphicAndNudity"),
    ("UNRESTRICTED_WEB_ACCESS", "unrestrictedWebAccess"),
];

/// Attributes that are true or false; all others of the old numbers are levels.
const BOOLEANS: [&str; 10] = [
    "advertising",
    "ageAssurance",
    "gambling",
    "healthOrWellnessTopics",
    "lootBox",
    "messagingAndChat",
    "parentalControls",
    "unrestrictedWebAccess",
    "userGeneratedContent",
    "gamblingAndContests",
];

/// Reads an age rating file.
///
/// # Errors
/// When it is no JSON object, or a value can't be mapped.
pub fn parse(place: &str, text: &str) -> Result<Map<String, Value>, Problem> {
    let problem = |message: String| Problem::new(place, message);
    let object: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| problem(format!("is not a JSON object: {error}")))?;
    let mut attributes = Map::new();
    for (key, value) in object {
        let stem = key.strip_prefix("MZGenre.").unwrap_or(&key);
        let name = OLD_KEYS
            .iter()
            .find(|(old, _)| *old == stem)
            .map_or(key.as_str(), |(_, new)| *new);
        let name = if stem == "GAMBLING_CONTESTS" {
            "gamblingAndContests"
        } else {
            name
        };
        let value = if BOOLEANS.contains(&name) {
            boolean(value)
        } else {
            level(value)
        };
        if name == "gamblingAndContests" {
            if value == Value::Bool(true) {
                return Err(problem(format!(
                    "`{key}` can't be true: since 2023 it is two questions; set `gambling` to true or false and `contests` to a level"
                )));
            }
            attributes.insert("gambling".to_owned(), Value::Bool(false));
            attributes.insert("contests".to_owned(), "NONE".into());
        } else {
            attributes.insert(name.to_owned(), value);
        }
    }
    Ok(attributes)
}

/// Answers that App Store Connect refuses together; those that are not given stay as they are. An answer that nobody gave
/// yet contradicts nothing. Seen: App-Store-Connect-CLI #1782 and #1788.
pub(crate) fn contradictions(current: &Map<String, Value>, wanted: &Map<String, Value>) -> Vec<Problem> {
    let answer = |name: &str| {
        wanted
            .get(name)
            .or_else(|| current.get(name))
            .and_then(Value::as_bool)
    };
    [
        ("socialMedia", "userGeneratedContent"),
        ("socialMediaAgeRestricted", "ageAssurance"),
        ("socialMediaAgeRestricted", "socialMedia"),
    ]
    .into_iter()
    .filter(|(name, needed)| answer(name) == Some(true) && answer(needed) == Some(false))
    .map(|(name, needed)| {
        Problem::new(
            "app_rating_config_path",
            format!("`{name}` can't be true while `{needed}` is false"),
        )
    })
    .collect()
}

fn boolean(value: Value) -> Value {
    match value.as_i64() {
        Some(number) => Value::Bool(number != 0),
        None => value,
    }
}

fn level(value: Value) -> Value {
    match value.as_i64() {
        Some(0) => "NONE".into(),
        Some(1) => "INFREQUENT_OR_MILD".into(),
        Some(2) => "FREQUENT_OR_INTENSE".into(),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn old_keys_and_numbers_become_todays_attributes() {
        let text = json!({"MZGenre.CARTOON_FANTASY_VIOLENCE": 1, "UNRESTRICTED_WEB_ACCESS": 0, "gamblingAndContests": false, "lootBox": true, "HORROR": "NONE"});
        assert_eq!(
            Value::Object(parse("rating.json", &text.to_string()).unwrap()),
            json!({"violenceCartoonOrFantasy": "INFREQUENT_OR_MILD", "unrestrictedWebAccess": false, "gambling": false, "contests": "NONE",
                "lootBox": true, "horrorOrFearThemes": "NONE"})
        );
    }

    #[test]
    fn what_has_no_meaning_today_is_refused() {
        assert!(parse("r", "[]").is_err());
        let refused = parse("r", r#"{"GAMBLING_CONTESTS": 1}"#).unwrap_err();
        assert!(refused.message.contains("contests"), "{refused}");
    }

    #[test]
    fn answers_that_contradict_each_other_are_found_before_they_are_sent() {
        let map = |value: Value| value.as_object().cloned().unwrap();
        let found = contradictions(
            &map(json!({"userGeneratedContent": false, "ageAssurance": true})),
            &map(json!({"socialMedia": true, "socialMediaAgeRestricted": true})),
        );
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("userGeneratedContent"), "{}", found[0]);
        assert!(contradictions(&map(json!({})), &map(json!({"socialMedia": true}))).is_empty());
    }
}
