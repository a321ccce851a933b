//! What the inputs ask of TestFlight.

use std::collections::BTreeMap;
use std::path::Path;

use app_store_release::locale;
use app_store_release::testflight::{BetaReview, BuildName, Distribution, LocalizedText};
use serde_json::Value;
use step_kit::{InputProblem, InputProblems};

use crate::inputs::Inputs;

/// A distribution, as the inputs ask for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) wanted: Distribution,
    /// The build that is distributed without an upload; `None` for the one that this run uploads.
    pub(crate) existing: Option<BuildName>,
}

impl Request {
    /// Reads it; `None` when no input asks for a distribution.
    ///
    /// # Errors
    /// With every input that can't be read.
    pub(crate) fn read(inputs: &Inputs) -> Result<Option<Self>, InputProblems> {
        let mut problems = Vec::new();
        let wanted = Distribution {
            groups: list(inputs.beta_groups.as_deref()),
            whats_new: text(inputs.what_to_test.as_deref(), "what_to_test", &mut problems),
            review: match inputs.submit_beta_review.as_str() {
                "yes" => BetaReview::Yes,
                "no" => BetaReview::No,
                _ => BetaReview::Automatic,
            },
            notify: flag(inputs.notify_testers.as_deref()),
            uses_encryption: flag(inputs.uses_non_exempt_encryption.as_deref()),
            description: text(
                inputs.beta_app_description.as_deref(),
                "beta_app_description",
                &mut problems,
            ),
            feedback_email: inputs.beta_feedback_email.clone(),
            contact: contact(inputs),
            expire_previous: inputs.expire_previous_builds.is_on(),
        };
        if !problems.is_empty() {
            return Err(InputProblems(problems));
        }
        let has_package = |path: &Option<String>| path.as_ref().is_some_and(|path| !path.starts_with('$'));
        let existing = match &inputs.build_id {
            Some(id) if id == "latest" => Some(BuildName::Numbers {
                version: inputs.bundle_short_version_string.clone(),
                number: None,
            }),
            Some(id) => Some(BuildName::Id(id.clone())),
            None if wanted.is_empty() || has_package(&inputs.ipa_path) || has_package(&inputs.pkg_path) => {
                None
            }
            None => Some(BuildName::Numbers {
                version: inputs.bundle_short_version_string.clone(),
                number: inputs.bundle_version.clone(),
            }),
        };
        Ok((!wanted.is_empty() || existing.is_some()).then_some(Self { wanted, existing }))
    }
}

fn flag(text: Option<&str>) -> Option<bool> {
    match text {
        Some("yes") => Some(true),
        Some("no") => Some(false),
        _ => None,
    }
}

/// Names separated by `|` or line ends; a JSON array is read as well.
fn list(text: Option<&str>) -> Vec<String> {
    let text = text.unwrap_or_default().trim();
    if let Ok(names) = serde_json::from_str::<Vec<String>>(text) {
        return names;
    }
    let parts = text
        .split(['|', '\n'])
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// A text, a `file://` URL, a folder of `<locale>.txt`, or a JSON object of locales and texts.
fn text(given: Option<&str>, key: &str, problems: &mut Vec<InputProblem>) -> LocalizedText {
    let Some(given) = given.map(str::trim).filter(|text| !text.is_empty()) else {
        return LocalizedText::default();
    };
    let mut problem = |message: String| problems.push(InputProblem::new(key, message));
    if let Ok(Value::Object(object)) = serde_json::from_str(given) {
        let mut texts = BTreeMap::new();
        for (name, value) in object {
            let own = value
                .as_str()
                .or_else(|| value["whats_new"].as_str())
                .or_else(|| value["description"].as_str());
            match own {
                Some(own) => drop(texts.insert(name, own.trim().to_owned())),
                None => problem(format!("`{name}` has no text")),
            }
        }
        return by_locale(texts, key, problems);
    }
    let path = given.strip_prefix("file://").unwrap_or(given);
    if Path::new(path).is_dir() {
        return match folder(Path::new(path)) {
            Ok(texts) => by_locale(texts, key, problems),
            Err(error) => {
                problem(format!("the folder `{path}` can't be read: {error}"));
                LocalizedText::default()
            }
        };
    }
    if !given.starts_with("file://") {
        return LocalizedText {
            default: Some(given.to_owned()),
            by_locale: BTreeMap::new(),
        };
    }
    match files::read_text(Path::new(path), LARGEST_TEXT) {
        Ok(text) => LocalizedText {
            default: Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            by_locale: BTreeMap::new(),
        },
        Err(error) => {
            problem(format!("the file `{path}` can't be read: {error}"));
            LocalizedText::default()
        }
    }
}

/// Larger than any text for testers, in bytes.
const LARGEST_TEXT: u64 = 1 << 20;

fn folder(path: &Path) -> std::io::Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            texts.insert(name, files::read_text(&path, LARGEST_TEXT)?.trim().to_owned());
        }
    }
    Ok(texts)
}

fn by_locale(texts: BTreeMap<String, String>, key: &str, problems: &mut Vec<InputProblem>) -> LocalizedText {
    let mut all = LocalizedText::default();
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        if name.eq_ignore_ascii_case("default") {
            all.default = Some(text);
        } else if let Some(locale) = locale::canonical(&name) {
            all.by_locale.insert(locale.to_owned(), text);
        } else {
            let meant = locale::suggestion(&name)
                .map_or_else(String::new, |locale| format!("; did you mean {locale}?"));
            problems.push(InputProblem::new(
                key,
                format!("`{name}` is not a locale of App Store Connect{meant}"),
            ));
        }
    }
    all
}

fn contact(inputs: &Inputs) -> BTreeMap<&'static str, String> {
    [
        ("contactFirstName", inputs.beta_contact_first_name.clone()),
        ("contactLastName", inputs.beta_contact_last_name.clone()),
        ("contactEmail", inputs.beta_contact_email.clone()),
        ("contactPhone", inputs.beta_contact_phone.clone()),
        ("demoAccountName", inputs.beta_demo_account_name.clone()),
        (
            "demoAccountPassword",
            inputs
                .beta_demo_account_password
                .as_ref()
                .map(|secret| secret.expose().to_owned()),
        ),
        ("notes", inputs.beta_review_notes.clone()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MANIFEST;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Request>, InputProblems> {
        Request::read(&step_kit::testing::inputs(MANIFEST, variables).unwrap())
    }

    #[test]
    fn without_its_inputs_there_is_no_distribution() {
        assert_eq!(read(&[("ipa_path", "a.ipa")]).unwrap(), None);
        assert_eq!(read(&[]).unwrap(), None);
    }

    #[test]
    fn groups_are_separated_by_pipes_or_lines() {
        for text in [
            "Team | QA, inside",
            "Team\nQA, inside\n",
            r#"["Team", "QA, inside"]"#,
        ] {
            let request = read(&[("ipa_path", "a.ipa"), ("beta_groups", text)])
                .unwrap()
                .unwrap();
            assert_eq!(request.wanted.groups, ["Team", "QA, inside"], "{text}");
            assert_eq!(request.existing, None);
        }
    }

    #[test]
    fn what_to_test_is_a_text_a_file_a_folder_or_an_object() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("en-us.txt"), "Look.\n").unwrap();
        std::fs::write(folder.path().join("default.txt"), "Else.").unwrap();
        let file = folder.path().join("en-us.txt");
        let of = |text: &str| {
            read(&[("ipa_path", "a.ipa"), ("what_to_test", text)])
                .unwrap()
                .unwrap()
                .wanted
                .whats_new
        };
        assert_eq!(of("Look.").default.as_deref(), Some("Look."));
        assert_eq!(
            of(&format!("file://{}", file.display())).default.as_deref(),
            Some("Look.")
        );
        let texts = of(&folder.path().display().to_string());
        assert_eq!(
            (texts.default.as_deref(), texts.by_locale["en-US"].as_str()),
            (Some("Else."), "Look.")
        );
        let texts = of(r#"{"default": {"whats_new": "Default."}, "de-DE": "Hallo."}"#);
        assert_eq!(
            (texts.default.as_deref(), texts.by_locale["de-DE"].as_str()),
            (Some("Default."), "Hallo.")
        );
    }

    #[test]
    fn a_locale_that_is_none_is_named_with_the_one_that_was_meant() {
        let problems = read(&[("ipa_path", "a.ipa"), ("what_to_test", r#"{"en": "x"}"#)]).unwrap_err();
        assert!(
            problems.0[0].problem.contains("did you mean en-US?"),
            "{}",
            problems.0[0].problem
        );
        assert!(read(&[("what_to_test", "file:///no/such/file")]).is_err());
    }

    #[test]
    fn without_a_package_an_uploaded_build_is_distributed() {
        let of = |variables: &[(&str, &str)]| read(variables).unwrap().unwrap().existing.unwrap();
        let numbers = |version: Option<&str>, number: Option<&str>| BuildName::Numbers {
            version: version.map(str::to_owned),
            number: number.map(str::to_owned),
        };
        assert_eq!(of(&[("build_id", "abc")]), BuildName::Id("abc".to_owned()));
        assert_eq!(of(&[("build_id", "latest")]), numbers(None, None));
        assert_eq!(
            of(&[
                ("beta_groups", "Team"),
                ("bundle_short_version_string", "1.1"),
                ("bundle_version", "101"),
                ("ipa_path", "$BITRISE_IPA_PATH")
            ]),
            numbers(Some("1.1"), Some("101"))
        );
    }
}
