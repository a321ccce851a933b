//! A metadata folder in fastlane's layout, and the options that say the same.
//!
//! Layout and precedence: fastlane 2.237.0, `deliver/lib/deliver/upload_metadata.rb` (read 2026-07-21).

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::locale;
use crate::media_file::entries;
use crate::options::Values;
use crate::problem::Problem;
use crate::text::{LocalizedTexts, TextField};

/// Folders beside the locales that hold other things.
const OTHER_FOLDERS: [&str; 5] = [
    "review_information",
    "app_clip_review_information",
    "trade_representative_contact_information",
    "android",
    "fonts",
];

/// Folders that deliver expands for screenshots, and that hold no texts.
const EXPANDED: [&str; 2] = ["appleTV", "iMessage"];

/// Texts of review information: the option's key, the attribute, and the file's older name.
const REVIEW: [(&str, &str, &str); 7] = [
    ("first_name", "contactFirstName", "review_first_name"),
    ("last_name", "contactLastName", "review_last_name"),
    ("phone_number", "contactPhone", "review_phone_number"),
    ("email_address", "contactEmail", "review_email"),
    ("demo_user", "demoAccountName", "review_demo_user"),
    ("demo_password", "demoAccountPassword", "review_demo_password"),
    ("notes", "notes", "review_notes"),
];

/// The relationships of an app info that name categories, with deliver's keys.
pub const CATEGORIES: [(&str, &str); 6] = [
    ("primary_category", "primaryCategory"),
    ("primary_first_sub_category", "primarySubcategoryOne"),
    ("primary_second_sub_category", "primarySubcategoryTwo"),
    ("secondary_category", "secondaryCategory"),
    ("secondary_first_sub_category", "secondarySubcategoryOne"),
    ("secondary_second_sub_category", "secondarySubcategoryTwo"),
];

/// The longest text file; no field holds more than 4,000 characters.
const LARGEST_FILE: u64 = 1 << 20;

/// Everything that a metadata folder and options say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The texts of each locale; a locale without texts is activated.
    pub texts: LocalizedTexts,
    /// The copyright line.
    pub copyright: Option<String>,
    /// Categories by relationship, such as `primaryCategory`; Apple's IDs.
    pub categories: BTreeMap<&'static str, String>,
    /// Review information by attribute, such as `contactFirstName`.
    pub review: BTreeMap<&'static str, String>,
}

/// Reads a metadata folder, if it is there, and lays the options over it. `default` fills every activated locale that
/// lacks a text.
///
/// # Errors
/// With every folder that is no locale, every file that can't be read, and every option of the wrong form.
pub fn read(folder: Option<&Path>, options: &Values) -> Result<Metadata, Vec<Problem>> {
    let mut metadata = Metadata::default();
    let mut problems = Vec::new();
    let mut defaults = BTreeMap::new();
    if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
        let lenient = options.get("ignore_language_directory_validation") == Some(&Value::Bool(true));
        read_folder(folder, lenient, &mut metadata, &mut defaults, &mut problems);
    }
    lay_options_over(options, &mut metadata, &mut defaults, &mut problems);
    for texts in metadata.texts.values_mut() {
        for (field, text) in &defaults {
            texts.entry(*field).or_insert_with(|| text.clone());
        }
    }
    metadata.review.retain(|_, text| !text.is_empty());
    if problems.is_empty() {
        Ok(metadata)
    } else {
        Err(problems)
    }
}

fn read_folder(
    folder: &Path,
    lenient: bool,
    metadata: &mut Metadata,
    defaults: &mut BTreeMap<TextField, String>,
    problems: &mut Vec<Problem>,
) {
    metadata.copyright = text_file(&folder.join("copyright.txt"), problems);
    for (key, relationship) in CATEGORIES {
        if let Some(text) = text_file(&folder.join(format!("{key}.txt")), problems) {
            metadata.categories.insert(relationship, category(&text));
        }
    }
    for (key, attribute, older) in REVIEW {
        let folder = folder.join("review_information");
        let file = |name: &str| folder.join(format!("{name}.txt"));
        let text = text_file(&file(older), problems).or_else(|| text_file(&file(key), problems));
        metadata.review.extend(text.map(|text| (attribute, text)));
    }
    for (name, path) in entries(folder, problems) {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if !path.is_dir() || name.starts_with('.') {
            continue;
        }
        if OTHER_FOLDERS.into_iter().any(is) || EXPANDED.into_iter().any(is) {
            continue;
        }
        let texts: BTreeMap<TextField, String> = TextField::ALL
            .into_iter()
            .filter_map(|field| {
                Some((
                    field,
                    text_file(&path.join(format!("{}.txt", field.key())), problems)?,
                ))
            })
            .collect();
        if is("default") {
            *defaults = texts;
        } else if let Some(locale) = locale::canonical(&name) {
            metadata.texts.entry(locale.to_owned()).or_default().extend(texts);
        } else if !lenient {
            problems.push(Problem::new(path.display().to_string(), locale::complaint(&name)));
        }
    }
}

fn lay_options_over(
    options: &Values,
    metadata: &mut Metadata,
    defaults: &mut BTreeMap<TextField, String>,
    problems: &mut Vec<Problem>,
) {
    for name in options
        .get("languages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let name = name.as_str().unwrap_or_default();
        match locale::canonical(name) {
            Some(locale) => drop(metadata.texts.entry(locale.to_owned()).or_default()),
            None => problems.push(Problem::new("languages", locale::complaint(name))),
        }
    }
    for field in TextField::ALL {
        let Some(value) = options.get(field.key()).filter(|value| !value.is_null()) else {
            continue;
        };
        let Some(object) = value.as_object() else {
            problems.push(Problem::new(field.key(), "is not a hash of locales and texts"));
            continue;
        };
        for (name, value) in object {
            let Some(text) = text_value(value) else {
                problems.push(Problem::new(format!("{}[{name}]", field.key()), "is not text"));
                continue;
            };
            if name.eq_ignore_ascii_case("default") {
                defaults.insert(field, text);
            } else if let Some(locale) = locale::canonical(name) {
                let texts = metadata.texts.entry(locale.to_owned()).or_default();
                if !text.is_empty() {
                    texts.insert(field, text);
                }
            } else {
                problems.push(Problem::new(
                    format!("{}[{name}]", field.key()),
                    locale::complaint(name),
                ));
            }
        }
    }
    let text_option = |key: &str| {
        options
            .get(key)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    };
    if let Some(text) = text_option("copyright") {
        metadata.copyright = Some(text.to_owned());
    }
    for (key, relationship) in CATEGORIES {
        if let Some(text) = text_option(key) {
            metadata.categories.insert(relationship, category(text));
        }
    }
    let review = options.get("app_review_information").and_then(Value::as_object);
    for (key, attribute, _) in REVIEW {
        if let Some(text) = review.and_then(|review| review.get(key)).and_then(text_value) {
            metadata.review.insert(attribute, text);
        }
    }
}

/// A text, or a list of keywords.
fn text_value(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Array(words) => {
            let words: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
            Some(words?.join(", "))
        }
        _ => None,
    }
}

/// The text of a file, trimmed; `None` when there is none or it is empty.
fn text_file(path: &Path, problems: &mut Vec<Problem>) -> Option<String> {
    path.metadata().ok()?;
    let mut problem = |message: String| {
        problems.push(Problem::new(path.display().to_string(), message));
        None
    };
    match files::read(path, LARGEST_FILE).map(String::from_utf8) {
        Ok(Ok(text)) => {
            let text = text.trim_start_matches('\u{feff}').trim();
            (!text.is_empty()).then(|| text.to_owned())
        }
        Ok(Err(_)) => problem("is not UTF-8".to_owned()),
        Err(error) => problem(format!("can't be read: {error}")),
    }
}

/// Apple's ID of a category. Names of the time of iTunes Connect, such as `MZGenre.Apps.Food_Drink`, are still in
/// people's files; what is not known is passed on.
fn category(name: &str) -> String {
    let name = name.trim();
    let old = name.strip_prefix("MZGenre.").unwrap_or(name);
    OLD_CATEGORIES
        .iter()
        .find(|(before, _)| *before == old)
        .map_or_else(|| name.to_owned(), |(_, now)| (*now).to_owned())
}

/// Category names of iTunes Connect, and the IDs that replaced them.
const OLD_CATEGORIES: &[(&str, &str)] = &[
    ("Apps.Food_Drink", "FOOD_AND_DRINK"),
    ("Business", "BUSINESS"),
    ("Education", "EDUCATION"),
    ("SocialNetworking", "SOCIAL_NETWORKING"),
    ("Book", "BOOKS"),
    ("Sports", "SPORTS"),
    ("Finance", "FINANCE"),
    ("Reference", "REFERENCE"),
    ("Apps.GraphicsDesign", "GRAPHICS_AND_DESIGN"),
    ("Apps.DeveloperTools", "DEVELOPER_TOOLS"),
    ("Healthcare_Fitness", "HEALTH_AND_FITNESS"),
    ("Music", "MUSIC"),
    ("Weather", "WEATHER"),
    ("Travel", "TRAVEL"),
    ("Entertainment", "ENTERTAINMENT"),
    ("Stickers", "STICKERS"),
    ("Games", "GAMES"),
    ("Lifestyle", "LIFESTYLE"),
    ("Medical", "MEDICAL"),
    ("Apps.Newsstand", "MAGAZINES_AND_NEWSPAPERS"),
    ("Utilities", "UTILITIES"),
    ("Apps.Shopping", "SHOPPING"),
    ("Productivity", "PRODUCTIVITY"),
    ("News", "NEWS"),
    ("Photography", "PHOTO_AND_VIDEO"),
    ("Navigation", "NAVIGATION"),
    ("Word", "GAMES_WORD"),
    ("Adventure", "GAMES_ADVENTURE"),
    ("Action", "GAMES_ACTION"),
    ("RolePlaying", "GAMES_ROLE_PLAYING"),
    ("Arcade", "GAMES_CASUAL"),
    ("Board", "GAMES_BOARD"),
    ("Trivia", "GAMES_TRIVIA"),
    ("Card", "GAMES_CARD"),
    ("Puzzle", "GAMES_PUZZLE"),
    ("Casino", "GAMES_CASINO"),
    ("Strategy", "GAMES_STRATEGY"),
    ("Simulation", "GAMES_SIMULATION"),
    ("Racing", "GAMES_RACING"),
    ("Family", "GAMES_FAMILY"),
    ("Apps.Stickers.Places", "STICKERS_PLACES_AND_OBJECTS"),
    ("Apps.Stickers.Emotions", "STICKERS_EMOJI_AND_EXPRESSIONS"),
    ("Apps.Stickers.BirthdaysAndCelebrations", "STICKERS_CELEBRATIONS"),
    ("Apps.Stickers.Celebrities", "STICKERS_CELEBRITIES"),
    ("Apps.Stickers.MoviesAndTV", "STICKERS_MOVIES_AND_TV"),
    ("Apps.Stickers.Sports", "STICKERS_SPORTS_AND_ACTIVITIES"),
    ("Apps.Stickers.FoodAndDrink", "STICKERS_EATING_AND_DRINKING"),
    ("Apps.Stickers.Characters", "STICKERS_CHARACTERS"),
    ("Apps.Stickers.Animals", "STICKERS_ANIMALS"),
    ("Apps.Stickers.Fashion", "STICKERS_FASHION"),
    ("Apps.Stickers.Art", "STICKERS_ART"),
    ("Apps.Stickers.Games", "STICKERS_GAMING"),
    ("Apps.Stickers.KidsAndFamily", "STICKERS_KIDS_AND_FAMILY"),
    ("Apps.Stickers.People", "STICKERS_PEOPLE"),
    ("Apps.Stickers.Music", "STICKERS_MUSIC"),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn values(value: Value) -> Values {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_folder_is_read_as_fastlane_reads_it() {
        let folder = folder(&[
            ("copyright.txt", " 2026 Example \n"),
            ("primary_category.txt", "MZGenre.Apps.Food_Drink"),
            ("secondary_category.txt", "GAMES"),
            ("review_information/first_name.txt", "Ada"),
            ("review_information/review_notes.txt", "Older name."),
            ("EN-us/description.txt", "\u{feff}Text\r\n"),
            ("ja/.keep", ""),
            ("default/release_notes.txt", "For all."),
            ("en-US/release_notes.txt", "For English."),
            ("fonts/x.txt", ""),
            ("en-US/subtitle.txt", "   "),
        ]);
        let metadata = read(Some(folder.path()), &Values::new()).unwrap();
        assert_eq!(metadata.copyright.as_deref(), Some("2026 Example"));
        assert_eq!(metadata.categories["primaryCategory"], "FOOD_AND_DRINK");
        assert_eq!(
            metadata.review,
            BTreeMap::from([
                ("contactFirstName", "Ada".to_owned()),
                ("notes", "Older name.".to_owned())
            ])
        );
        let english = &metadata.texts["en-US"];
        assert_eq!(english[&TextField::Description], "Text");
        assert_eq!(english[&TextField::ReleaseNotes], "For English.");
        assert!(!english.contains_key(&TextField::Subtitle));
        assert_eq!(metadata.texts["ja"][&TextField::ReleaseNotes], "For all.");
    }

    #[test]
    fn options_win_over_files_and_activate_locales() {
        let folder = folder(&[("en-US/description.txt", "File")]);
        let options = values(
            json!({"description": {"en-US": "Option", "de-DE": "Anders"}, "keywords": {"default": ["a", "b"]}, "languages": ["fr-FR"]}),
        );
        let metadata = read(Some(folder.path()), &options).unwrap();
        assert_eq!(metadata.texts["en-US"][&TextField::Description], "Option");
        assert_eq!(metadata.texts["fr-FR"][&TextField::Keywords], "a, b");
    }

    #[test]
    fn a_folder_that_is_no_locale_is_named_with_the_one_that_was_meant() {
        let folder = folder(&[("en/description.txt", "Text"), ("qqq/description.txt", "Text")]);
        let problems = read(Some(folder.path()), &Values::new()).unwrap_err();
        assert!(
            problems[0].message.ends_with("did you mean en-US?"),
            "{}",
            problems[0]
        );
        assert_eq!(problems.len(), 2);
        let lenient = values(json!({"ignore_language_directory_validation": true}));
        assert_eq!(read(Some(folder.path()), &lenient).unwrap().texts.len(), 0);
    }

    #[test]
    fn a_missing_folder_is_an_empty_one() {
        assert_eq!(
            read(Some(Path::new("/no/such/folder")), &Values::new()).unwrap(),
            Metadata::default()
        );
    }
}
