//! What altool answered.
//!
//! Facts: Xcode 16 writes `userInfo`, Xcode 26 `user-info`; Xcode 26 ends with status 0 when an upload
//! failed; several versions print lines before and after the JSON, some of them with the word error in them.

use serde::Deserialize;

/// altool's verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The proof of delivery is there.
    Delivered(Delivery),
    /// It was refused, or failed.
    Failed(Vec<String>),
    /// Nothing says that it was delivered, and nothing that it was not.
    Unclear(&'static str),
}

/// The proof of delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) message: String,
    pub(crate) id: Option<String>,
    pub(crate) transferred: Option<String>,
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Json {
    success_message: Option<String>,
    details: Details,
    product_errors: Vec<Problem>,
    warnings: Vec<Problem>,
    // These only tell that it is altool that speaks.
    tool_version: Option<String>,
    tool_path: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Details {
    delivery_uuid: Option<String>,
    transferred: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: serde_json::Value,
    message: Option<String>,
    #[serde(rename = "user-info", alias = "userInfo")]
    info: Info,
    #[serde(rename = "underlying-errors", alias = "underlyingErrors")]
    underlying: Vec<Problem>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Info {
    #[serde(rename = "NSLocalizedDescription")]
    description: Option<String>,
    #[serde(rename = "NSLocalizedFailureReason")]
    reason: Option<String>,
    #[serde(rename = "iris-code")]
    iris_code: Option<String>,
}

impl Problem {
    /// The problem and what lies below it, in one line.
    fn told(&self) -> String {
        let mut text = self
            .info
            .description
            .clone()
            .or_else(|| self.message.clone())
            .unwrap_or_else(|| "an error without a description".to_owned());
        if let Some(reason) = self.info.reason.as_ref().filter(|reason| !text.contains(*reason)) {
            text = format!("{}: {reason}", text.trim_end_matches('.'));
        }
        if !self.code.is_null() {
            text.push_str(&format!(" ({})", self.code));
        }
        if let Some(code) = &self.info.iris_code {
            text.push_str(&format!(" [{code}]"));
        }
        for below in &self.underlying {
            let below = below.told();
            if !text.contains(&below) {
                text.push_str("; ");
                text.push_str(&below);
            }
        }
        text
    }
}

/// Reads altool's output. The proof of delivery counts, not the exit status; where the two contradict each
/// other, the end is unclear.
pub(crate) fn read(stdout: &str, stderr: &str, status: i32) -> Verdict {
    match json(stdout).or_else(|| json(stderr)) {
        Some(json) => of_json(json, status),
        None => of_text(stdout, stderr, status),
    }
}

fn of_json(json: Json, status: i32) -> Verdict {
    let delivered = json.success_message.is_some() || json.details.delivery_uuid.is_some();
    if delivered && status != 0 {
        return Verdict::Unclear("altool reports a delivery, and ended with an error status");
    }
    if delivered {
        return Verdict::Delivered(Delivery {
            message: json.success_message.unwrap_or_default(),
            id: json.details.delivery_uuid,
            transferred: json.details.transferred,
            warnings: json.warnings.iter().map(Problem::told).collect(),
        });
    }
    if !json.product_errors.is_empty() {
        return Verdict::Failed(json.product_errors.iter().map(Problem::told).collect());
    }
    if status != 0 {
        return Verdict::Failed(vec![format!(
            "altool ended with exit status {status} and named no error"
        )]);
    }
    Verdict::Unclear("altool reports neither a delivery nor an error")
}

fn of_text(stdout: &str, stderr: &str, status: i32) -> Verdict {
    let says = |words: &str| stdout.contains(words) || stderr.contains(words);
    if status == 0 && (says("UPLOAD SUCCEEDED") || says("No errors uploading")) {
        return Verdict::Delivered(Delivery {
            message: "altool reports that the upload succeeded.".to_owned(),
            ..Delivery::default()
        });
    }
    let is_error = |line: &&str| line.contains("ERROR:") || line.contains("*** Error:");
    let errors: Vec<String> = stderr
        .lines()
        .chain(stdout.lines())
        .filter(is_error)
        .map(|line| line.trim().to_owned())
        .collect();
    if !errors.is_empty() {
        return Verdict::Failed(errors);
    }
    if status != 0 {
        let last = stderr
            .lines()
            .chain(stdout.lines())
            .rfind(|line| !line.trim().is_empty());
        let said = last.map_or_else(
            || "said nothing".to_owned(),
            |line| format!("said: {}", line.trim()),
        );
        return Verdict::Failed(vec![format!("altool ended with exit status {status} and {said}")]);
    }
    if stdout.trim().is_empty() && stderr.trim().is_empty() {
        Verdict::Unclear("altool ended without a word")
    } else if stdout.trim_start().starts_with('{') {
        Verdict::Unclear("altool's answer breaks off")
    } else {
        Verdict::Unclear("altool's answer says nothing about a delivery")
    }
}

/// The object in an output that is altool's result; other lines may stand around it.
fn json(output: &str) -> Option<Json> {
    let mut start = 0;
    while let Some(brace) = output[start..].find('{') {
        let from = start + brace;
        let parsed = serde_json::Deserializer::from_str(&output[from..])
            .into_iter::<Json>()
            .next();
        if let Some(Ok(json)) = parsed
            && json.is_altools()
        {
            return Some(json);
        }
        start = from + 1;
    }
    None
}

impl Json {
    fn is_altools(&self) -> bool {
        self.success_message.is_some()
            || self.details.delivery_uuid.is_some()
            || !self.product_errors.is_empty()
            || self.tool_version.is_some()
            || self.tool_path.is_some()
    }
}

/// The passing failures that Apple's upload is known for, as groups of words that follow each other.
const PASSING: [&[&str]; 6] = [
    &["Unable to determine the application using bundleId", "-19201"],
    &[
        "Unable to determine app platform for 'Undefined' software type",
        "1194",
    ],
    &[
        "TransporterService",
        "error occurred trying to read the bundle",
        "-18000",
    ],
    &["Unable to authenticate", "-19209"],
    &["server returned an invalid response", "try your request again"],
    &["The request timed out"],
];

/// The passing failure that the output or one of the errors speaks of, `None` for one that will not pass.
pub(crate) fn passing_failure(stdout: &str, stderr: &str, errors: &[String]) -> Option<&'static str> {
    let texts: Vec<&str> = [stderr, stdout]
        .into_iter()
        .chain(errors.iter().map(String::as_str))
        .collect();
    PASSING
        .iter()
        .find(|words| texts.iter().any(|text| follow_each_other(text, words)))
        .and_then(|words| words.first())
        .copied()
}

fn follow_each_other(text: &str, words: &[&str]) -> bool {
    let mut rest = text;
    words.iter().all(|word| match rest.split_once(word) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// Whether the refusal is that App Store Connect has this very build already. `version` is the build number:
/// a refusal that names another one is about that one.
pub(crate) fn is_duplicate(errors: &[String], version: Option<&str>) -> bool {
    errors.iter().any(|error| {
        let is_about_versions = [
            "bundle version must be higher than the previously uploaded version",
            "value that has already been used",
            "Redundant Binary Upload",
            "already been uploaded",
            "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE",
        ]
        .iter()
        .any(|words| error.contains(words));
        let named = error.split("previously uploaded version: ").nth(1).map(|rest| {
            rest.split([' ', '(', ';'])
                .next()
                .unwrap_or_default()
                .trim_end_matches('.')
                .trim_matches(['‘', '’', '\''])
        });
        is_about_versions
            && match (named, version) {
                (Some(named), Some(version)) => named == version,
                _ => true,
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Delivered(_))
    }

    #[test]
    fn both_shapes_of_errors_are_read() {
        for key in ["userInfo", "user-info"] {
            let output = format!(
                r#"{{"product-errors":[{{"code":-19232,"message":"m","{key}":{{"NSLocalizedDescription":"Already used","NSLocalizedFailureReason":"Must be higher."}},"underlying-errors":[{{"code":-1,"message":"below"}}]}}],"tool-version":"16"}}"#
            );
            for status in [0, 1] {
                assert_eq!(
                    read(&output, "", status),
                    Verdict::Failed(vec![
                        "Already used: Must be higher. (-19232); below (-1)".to_owned()
                    ])
                );
            }
        }
    }

    #[test]
    fn lines_around_the_result_do_no_harm() {
        let output = "2026 altool[1:2] {noise}\n{\"success-message\":\"No errors uploading 'x'.\",\"details\":{\"delivery-uuid\":\"D\",\"transferred\":\"1 bytes\"}}\nERROR: Failed to create URL for CDUploaderStateInfoResumeFilePath\n";
        let Verdict::Delivered(delivery) = read(output, "ERROR: failed to get json from defaults", 0) else {
            panic!("not delivered");
        };
        assert_eq!(delivery.id.as_deref(), Some("D"));
    }

    #[test]
    fn silence_and_broken_answers_prove_nothing() {
        for output in [
            "",
            "{ \"success-message\" : \"trunc",
            "all is well",
            "{\"tool-version\":\"26\"}",
        ] {
            assert!(matches!(read(output, "", 0), Verdict::Unclear(_)), "{output}");
            assert!(!delivered(&read(output, "", 1)), "{output}");
        }
        let success = "{\"success-message\":\"No errors\"}";
        assert!(matches!(read(success, "", 1), Verdict::Unclear(_)));
    }

    #[test]
    fn text_is_read_where_there_is_no_json() {
        assert!(delivered(&read(
            "",
            "ERROR: ignored\nUPLOAD SUCCEEDED with 0 warnings\n",
            0
        )));
        assert_eq!(
            read("", "x ERROR: refused (409)\n", 0),
            Verdict::Failed(vec!["x ERROR: refused (409)".to_owned()])
        );
        assert!(matches!(read("", "refused\n", 1), Verdict::Failed(_)));
    }

    #[test]
    fn passing_failures_are_known_wherever_they_are_told() {
        let text = "*** Error: Unable to determine the application using bundleId: x. (-19201)";
        assert!(passing_failure("", text, &[]).is_some());
        assert!(passing_failure(text, "", &[]).is_some());
        assert!(passing_failure("", "", &["The request timed out. (-1001)".to_owned()]).is_some());
        assert_eq!(
            passing_failure("", "(-19201) Unable to determine the app", &[]),
            None
        );
    }

    #[test]
    fn a_duplicate_is_told_by_its_version() {
        let error = vec![
            "already: The bundle version must be higher than the previously uploaded version: 41. (-19232)"
                .to_owned(),
        ];
        assert!(is_duplicate(&error, Some("41")));
        assert!(!is_duplicate(&error, Some("42")));
        assert!(is_duplicate(&["Redundant Binary Upload".to_owned()], Some("42")));
    }
}
