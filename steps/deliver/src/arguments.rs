//! deliver's command line.

use std::path::Path;

use step_kit::InputProblem;

use crate::artifact::Artifact;
use crate::inputs::Inputs;

/// Options that the user adds.
pub(crate) struct Extra {
    pub(crate) deliver: Vec<String>,
}

/// The inputs that hold options, split as a shell would.
pub(crate) fn extra(inputs: &Inputs) -> Result<Extra, Vec<InputProblem>> {
    let mut problems = Vec::new();
    let mut split = |key: &str, text: &Option<String>| {
        let text = text.as_deref().unwrap_or_default();
        step_kit::words(text).unwrap_or_else(|error| {
            problems.push(InputProblem::new(
                key,
                format!("`{text}` can't be split into words: {error}"),
            ));
            Vec::new()
        })
    };
    let deliver = split("options", &inputs.options);
    // fastlane splits this one itself; bad quoting is better found before the upload than during it.
    split("altool_options", &inputs.altool_options);
    if problems.is_empty() {
        Ok(Extra { deliver })
    } else {
        Err(problems)
    }
}

/// Where two inputs say the same thing differently: which of them counts.
pub(crate) fn ambiguities(inputs: &Inputs) -> Vec<String> {
    let both = |winner: (&str, &Option<String>), loser: (&str, &Option<String>)| {
        (winner.1.is_some() && loser.1.is_some()).then(|| {
            format!(
                "Both {} and {} have a value: {} counts.",
                winner.0, loser.0, winner.0
            )
        })
    };
    [
        both(("ipa_path", &inputs.ipa_path), ("pkg_path", &inputs.pkg_path)),
        both(("app_id", &inputs.app_id), ("bundle_id", &inputs.bundle_id)),
        both(("team_name", &inputs.team_name), ("team_id", &inputs.team_id)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Everything after `fastlane`.
pub(crate) fn all(
    inputs: &Inputs,
    signing_in: Vec<String>,
    artifact: &Artifact,
    given_as: &Path,
    extra: Vec<String>,
) -> Vec<String> {
    let mut words = vec!["deliver".to_owned()];
    words.extend(signing_in);
    let mut option = |name: &str, value: Option<&str>| {
        words.push(name.to_owned());
        words.extend(value.map(str::to_owned));
    };
    match (&inputs.app_id, &inputs.bundle_id) {
        (Some(app_id), _) => option("--app", Some(app_id)),
        (None, Some(bundle_id)) => option("--app_identifier", Some(bundle_id)),
        (None, None) => {}
    }
    match (&inputs.team_name, &inputs.team_id) {
        (Some(name), _) => option("--team_name", Some(name)),
        (None, Some(id)) => option("--team_id", Some(id)),
        (None, None) => {}
    }
    option(artifact.option(), Some(&given_as.to_string_lossy()));
    for (flag, name) in [
        (inputs.skip_screenshots, "--skip_screenshots"),
        (inputs.skip_metadata, "--skip_metadata"),
        (inputs.skip_app_version_update, "--skip_app_version_update"),
    ] {
        if flag.is_on() {
            option(name, None);
        }
    }
    // Nobody is there to look at the preview that deliver would ask about.
    option("--force", None);
    if inputs.submit_for_review.is_on() {
        option("--submit_for_review", None);
    }
    option("--platform", Some(&inputs.platform));
    if inputs.verbose_log.is_on() {
        option("--verbose", None);
    }
    words.extend(extra);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MANIFEST;

    fn inputs(variables: &[(&str, &str)]) -> Inputs {
        step_kit::testing::inputs(MANIFEST, variables).unwrap()
    }

    #[test]
    fn every_input_has_its_place() {
        for (variables, expected) in [
            (
                &[("bundle_id", "com.example.app")][..],
                "deliver --app_identifier com.example.app --ipa A --skip_screenshots --skip_metadata --force --platform ios",
            ),
            (
                &[
                    ("app_id", "846814360"),
                    ("bundle_id", "com.example.app"),
                    ("team_id", "1"),
                    ("team_name", "T"),
                ],
                "deliver --app 846814360 --team_name T --ipa A --skip_screenshots --skip_metadata --force --platform ios",
            ),
            (
                &[
                    ("app_id", "1"),
                    ("team_id", "2040826"),
                    ("skip_metadata", "no"),
                    ("skip_screenshots", "no"),
                    ("skip_app_version_update", "yes"),
                    ("submit_for_review", "yes"),
                    ("platform", "appletvos"),
                    ("verbose_log", "yes"),
                ],
                "deliver --app 1 --team_id 2040826 --ipa A --skip_app_version_update --force --submit_for_review --platform appletvos --verbose",
            ),
        ] {
            let artifact = Artifact::ipa("A");
            let words = all(
                &inputs(variables),
                Vec::new(),
                &artifact,
                Path::new("A"),
                Vec::new(),
            );
            assert_eq!(words.join(" "), expected);
        }
    }

    #[test]
    fn bad_quoting_is_named_by_its_input() {
        let problems = extra(&inputs(&[("options", "--x 'y"), ("altool_options", "a \"b")]))
            .err()
            .unwrap();
        let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["options", "altool_options"]);
    }

    #[test]
    fn what_does_not_count_is_said() {
        let lines = ambiguities(&inputs(&[("app_id", "1"), ("bundle_id", "b"), ("ipa_path", "a")]));
        assert_eq!(lines, ["Both app_id and bundle_id have a value: app_id counts."]);
    }
}
