//! From environment variables to a typed struct, with every violation reported in one go.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use crate::Environment;
use crate::environment::refers_to;
use crate::failure::{InputProblem, InputProblems};
use crate::manifest::{Input, Manifest};

/// The largest number of any input: of minutes, days, or attempts. No sum with it overflows a date or a duration.
const LARGEST_NUMBER: i64 = 1_000_000;

/// The inputs' values as strings, checked against the manifest.
#[derive(Debug, Clone)]
pub struct Inputs {
    values: BTreeMap<&'static str, String>,
    verbatim: BTreeSet<&'static str>,
    /// Set by the user, to nothing.
    emptied: BTreeSet<&'static str>,
    /// What is better written differently, one line each.
    pub warnings: Vec<String>,
}

impl Inputs {
    /// Reads every input and reports all that are wrong at once.
    ///
    /// # Errors
    /// With every violation of the manifest.
    pub fn read(manifest: &Manifest, environment: &Environment) -> Result<Self, InputProblems> {
        let inputs = Self::gather(manifest, environment);
        inputs.check(manifest, environment)?;
        Ok(inputs)
    }

    /// Takes the values, right or wrong, with the warnings about them.
    pub(crate) fn gather(manifest: &Manifest, environment: &Environment) -> Self {
        let mut inputs = Self {
            values: BTreeMap::new(),
            verbatim: BTreeSet::new(),
            emptied: BTreeSet::new(),
            warnings: Vec::new(),
        };
        for input in manifest.inputs {
            let given = environment.given(input.key);
            let value = match given {
                // The CLI could not expand the default: its variable is too large for the environment.
                Some("") if environment.expands_to_erased(input.default) => environment.expand(input.default),
                Some(given) => given.to_owned(),
                None => environment.expand(input.default),
            };
            if input.extra.verbatim {
                inputs.verbatim.insert(input.key);
            }
            if !value.trim().is_empty() {
                inputs.values.insert(input.key, value);
            } else if given.is_some() {
                inputs.emptied.insert(input.key);
            }
        }
        inputs.apply_aliases(manifest, environment);
        inputs.apply_spellings(manifest);
        inputs.apply_booleans(manifest);
        inputs
    }

    /// Finds all that is wrong at once.
    ///
    /// # Errors
    /// With every violation of the manifest.
    pub(crate) fn check(&self, manifest: &Manifest, environment: &Environment) -> Result<(), InputProblems> {
        let problems: Vec<InputProblem> = manifest
            .inputs
            .iter()
            .filter_map(|input| self.problem_of(input, environment))
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(InputProblems(problems))
        }
    }

    /// What may be missing because Bitrise removed a variable, in one sentence: the CLI has expanded an input that refers
    /// to such a variable to nothing, and nobody can tell which input that was. Only texts are that long: inputs with listed
    /// values and numbers are not named. A required one has an error instead.
    pub(crate) fn lost(&self, manifest: &Manifest, environment: &Environment) -> Option<String> {
        let returned = |name: &String| {
            self.get(name).is_some()
                || manifest
                    .inputs
                    .iter()
                    .any(|input| refers_to(input.default, name) && self.get(input.key).is_some())
        };
        let variables: Vec<&String> = environment
            .erased()
            .iter()
            .filter(|name| !returned(name))
            .collect();
        let inputs: Vec<&str> = manifest
            .inputs
            .iter()
            .filter(|input| self.emptied.contains(input.key) && !input.required)
            .filter(|input| input.options.is_empty() && input.extra.at_least.is_none())
            .filter(|input| input.extra.alias_of.is_none())
            .map(|input| input.key)
            .collect();
        if variables.is_empty() || inputs.is_empty() {
            return None;
        }
        let (it, them) = if variables.len() == 1 {
            ("it", "its value")
        } else {
            ("them", "their values")
        };
        Some(format!(
            "Bitrise removed {} from the environment because of {} size, so an input that refers to {it} arrived empty. Empty inputs: {}. If one of these refers to {it}, shorten {them}.",
            quoted(&variables),
            if variables.len() == 1 { "its" } else { "their" },
            quoted(&inputs),
        ))
    }

    /// An alias counts where the input that replaces it was left alone.
    fn apply_aliases(&mut self, manifest: &Manifest, environment: &Environment) {
        for input in manifest.inputs {
            let Some(main) = input.extra.alias_of else {
                continue;
            };
            let Some(value) = self.values.remove(input.key) else {
                continue;
            };
            let default = manifest
                .input(main)
                .map(|main| environment.expand(main.default))
                .unwrap_or_default();
            let left_alone = self.values.get(main).is_none_or(|given| *given == default);
            self.warnings.push(if left_alone {
                format!("The input `{}` is now called `{main}`.", input.key)
            } else {
                format!(
                    "The input `{}` is ignored: `{main}`, which replaces it, is set.",
                    input.key
                )
            });
            if left_alone {
                self.values.insert(main, value);
            }
        }
    }

    /// Takes older spellings for today's. Spaces and line breaks around a value mean nothing where values are listed.
    fn apply_spellings(&mut self, manifest: &Manifest) {
        for input in manifest.inputs {
            let Some(value) = self.values.get_mut(input.key) else {
                continue;
            };
            let text = value.trim();
            let is_listed =
                input.options.contains(&text) || input.extra.also.iter().any(|(older, _)| *older == text);
            if is_listed && text.len() < value.len() {
                *value = text.to_owned();
            }
            let known = input.extra.also.iter().find(|(older, _)| older == value);
            if let Some((_, current)) = known {
                self.warnings
                    .push(format!("`{}: {value}` is written `{current}` today.", input.key));
                (*current).clone_into(value);
            }
        }
    }

    /// `yes`, `no`, `on` and `off` without quotes are booleans in YAML 1.1, which the CLI hands over as `true` and
    /// `false`. Where exactly one accepted value has that meaning, it is the one that was meant.
    fn apply_booleans(&mut self, manifest: &Manifest) {
        for input in manifest.inputs {
            let (key, options) = (input.key, input.options);
            let Some(value) = self.values.get_mut(key) else {
                continue;
            };
            let text = value.trim();
            if options.contains(&text) {
                continue;
            }
            // `yes` is no value of an input that takes `true` and `false`: without quotes it had arrived as `true`.
            let is_yaml = text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false");
            let Some(meaning) = truth(text) else { continue };
            let is_meant = |option: &&&str| {
                truth(option) == Some(meaning) && (is_yaml || !matches!(**option, "true" | "false"))
            };
            let mut same = options.iter().filter(is_meant);
            let (Some(meant), None) = (same.next(), same.next()) else {
                continue;
            };
            // The CLI writes a boolean in small letters; any other spelling was in quotes, or came in a variable.
            let origin = if matches!(text, "true" | "false") {
                format!(", which is what YAML makes of `{meant}` without quotes")
            } else {
                String::new()
            };
            self.warnings.push(format!(
                "`{key}` is `{text}`{origin}; the step takes it for `{meant}`. Write `{key}: \"{meant}\"`."
            ));
            (*meant).clone_into(value);
        }
    }

    fn problem_of(&self, input: &Input, environment: &Environment) -> Option<InputProblem> {
        let problem = |text: String| Some(InputProblem::new(input.key, text));
        let Some(value) = self.values.get(input.key) else {
            // One of a list of values was asked for: nothing is none of them.
            let wants_option =
                !input.options.is_empty() && !input.options.contains(&"") && self.emptied.contains(input.key);
            let is_excused = input
                .extra
                .unless
                .is_some_and(|(other, value)| self.values.get(other).is_some_and(|given| given == value));
            if is_excused || (!input.required && !wants_option) {
                return None;
            }
            let accepted = match input.options {
                [] => String::new(),
                options => format!("; accepted: {}", accepted(options)),
            };
            let erased = match (environment.erased(), environment.unrestored()) {
                (_, Some(error)) => format!(
                    "; if its value was too large for the environment, it is in the file that Bitrise keeps such values in, and {error}"
                ),
                ([], None) => String::new(),
                (names, None) => format!(
                    "; Bitrise removed these variables because of their size: {}",
                    names.join(", ")
                ),
            };
            return problem(format!(
                "\"{}\" is required, but has no value{accepted}{erased}",
                input.title
            ));
        };
        let shown = if input.sensitive {
            "*****".to_owned()
        } else {
            shorten(value)
        };
        if !input.options.is_empty() && !input.options.contains(&value.as_str()) {
            let accepted = accepted(input.options);
            return problem(format!("\"{}\" is `{shown}`; accepted: {accepted}", input.title));
        }
        if let Some(least) = input.extra.at_least {
            let number = value.trim().parse::<i64>();
            if !number.is_ok_and(|number| (least..=LARGEST_NUMBER).contains(&number)) {
                let digits = value.trim().trim_start_matches('0');
                let is_large = digits.len() >= 7 && digits.bytes().all(|byte| byte.is_ascii_digit());
                let accepted = if is_large {
                    format!("a whole number from {least} to {LARGEST_NUMBER}")
                } else {
                    format!("a whole number that is at least {least}")
                };
                return problem(format!("\"{}\" is `{shown}`; accepted: {accepted}", input.title));
            }
        }
        None
    }

    /// The value of an input, `None` when it has none.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Fills a struct that has a field per input.
    ///
    /// # Errors
    /// When the struct and the manifest disagree, which is a defect of the step: a test of each step calls
    /// [`crate::testing::inputs`].
    pub fn typed<I: DeserializeOwned>(&self) -> Result<I, InputProblems> {
        let values = self.values.iter().map(|(key, value)| {
            let taken = if self.verbatim.contains(key) {
                value
            } else {
                value.trim()
            };
            ((*key).to_owned(), taken.to_owned())
        });
        // envy quotes values in its messages, so only its variable name may be passed on.
        envy::from_iter(values).map_err(|error| {
            let field = match &error {
                envy::Error::MissingValue(field) => (*field).to_owned(),
                envy::Error::Custom(_) => "inputs".to_owned(),
            };
            InputProblem::new(field, "can't be read").into()
        })
    }

    /// The lines that the log begins with: each input, secrets masked.
    pub fn describe(&self, manifest: &Manifest) -> Vec<String> {
        let shown = |input: &Input| match self.get(input.key) {
            None => "<unset>".to_owned(),
            Some(_) if input.sensitive => "*****".to_owned(),
            Some(value) => value.to_owned(),
        };
        let current = manifest
            .inputs
            .iter()
            .filter(|input| input.extra.alias_of.is_none());
        current
            .map(|input| format!("- {}: {}", input.key, shown(input)))
            .collect()
    }

    /// The values of sensitive inputs, for the redactor.
    pub fn secrets<'a>(&'a self, manifest: &Manifest) -> impl Iterator<Item = &'a str> {
        manifest
            .inputs
            .iter()
            .filter(|input| input.sensitive)
            .filter_map(|input| self.get(input.key))
    }
}

/// What a word means to a YAML 1.1 reader that takes it for a boolean.
fn truth(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

/// Accepted values as a message lists them; an empty one is said in words.
fn accepted(options: &[&str]) -> String {
    let named: Vec<&str> = options
        .iter()
        .copied()
        .filter(|option| !option.is_empty())
        .collect();
    let list = named.join(", ");
    if named.len() < options.len() {
        format!("{list}, or no value")
    } else {
        list
    }
}

/// Names as a sentence lists them.
fn quoted(names: &[impl std::fmt::Display]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// A value as a message shows it: a file that was pasted into an input does not fill the log.
fn shorten(value: &str) -> String {
    const MOST: usize = 100;
    match value.char_indices().nth(MOST) {
        None => value.to_owned(),
        Some((end, _)) => format!("{}… ({} characters)", &value[..end], value.chars().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Extra;
    use crate::{Flag, Secret};

    const NONE: Input = Input {
        key: "",
        default: "",
        title: "",
        options: &[],
        required: false,
        sensitive: false,
        extra: Extra::NONE,
    };

    const MANIFEST: Manifest = Manifest {
        title: "Test",
        inputs: &[
            Input {
                key: "connection",
                default: "automatic",
                title: "Connection",
                options: &["automatic", "api_key", "apple_id", "off"],
                required: true,
                extra: Extra {
                    also: &[("apple-id", "apple_id")],
                    ..Extra::NONE
                },
                ..NONE
            },
            Input {
                key: "path",
                default: "$HOME/x",
                title: "Path",
                ..NONE
            },
            Input {
                key: "token",
                title: "Token",
                options: &["a"],
                sensitive: true,
                ..NONE
            },
            Input {
                key: "retries",
                default: "10",
                title: "Retries",
                extra: Extra {
                    at_least: Some(0),
                    ..Extra::NONE
                },
                ..NONE
            },
            Input {
                key: "verbose",
                default: "no",
                title: "Verbose",
                options: &["yes", "no"],
                ..NONE
            },
            Input {
                key: "update",
                default: "true",
                title: "Update",
                options: &["true", "false"],
                ..NONE
            },
            Input {
                key: "old_path",
                title: "Old path",
                extra: Extra {
                    alias_of: Some("path"),
                    ..Extra::NONE
                },
                ..NONE
            },
        ],
        outputs: &[],
    };

    #[derive(serde::Deserialize)]
    struct Typed {
        connection: String,
        path: Option<String>,
        token: Option<Secret>,
        retries: i64,
        #[serde(default)]
        verbose: Flag,
    }

    fn read(variables: &[(&str, &str)]) -> Result<Inputs, InputProblems> {
        let environment: Environment = [("HOME", "/h")]
            .iter()
            .chain(variables)
            .map(|(key, value)| (*key, *value))
            .collect();
        Inputs::read(&MANIFEST, &environment)
    }

    #[test]
    fn a_required_input_may_be_excused_by_the_value_of_another() {
        const EXCUSED: Manifest = Manifest {
            title: "Test",
            inputs: &[
                Input {
                    key: "source",
                    default: "given",
                    title: "Source",
                    options: &["given", "made"],
                    ..NONE
                },
                Input {
                    key: "file",
                    title: "File",
                    required: true,
                    extra: Extra {
                        unless: Some(("source", "made")),
                        ..Extra::NONE
                    },
                    ..NONE
                },
            ],
            outputs: &[],
        };
        let read = |source: &str| Inputs::read(&EXCUSED, &Environment::from_iter([("source", source)]));
        assert!(read("made").is_ok());
        assert!(read("given").unwrap_err().to_string().contains("is required"));
    }

    #[test]
    fn unset_takes_the_default_and_blank_means_none() {
        let typed: Typed = read(&[]).unwrap().typed().unwrap();
        assert_eq!(
            (typed.connection.as_str(), typed.path.as_deref(), typed.retries),
            ("automatic", Some("/h/x"), 10)
        );
        assert!(!typed.verbose.is_on() && typed.token.is_none());
        assert_eq!(
            read(&[("path", "")]).unwrap().typed::<Typed>().unwrap().path,
            None
        );
    }

    #[test]
    fn variables_with_other_case_are_not_inputs() {
        let typed: Typed = read(&[("RETRIES", "3"), ("PATH", "/bin"), ("Verbose", "yes")])
            .unwrap()
            .typed()
            .unwrap();
        assert_eq!((typed.retries, typed.path.as_deref()), (10, Some("/h/x")));
    }

    #[test]
    fn every_violation_is_reported_at_once_and_no_secret_is_quoted() {
        let problems = read(&[("connection", ""), ("token", "s3cret"), ("retries", "1.5")]).unwrap_err();
        assert_eq!(
            problems.to_string(),
            "3 inputs are invalid\n\
             - connection: \"Connection\" is required, but has no value; accepted: automatic, api_key, apple_id, off\n\
             - token: \"Token\" is `*****`; accepted: a\n\
             - retries: \"Retries\" is `1.5`; accepted: a whole number that is at least 0"
        );
    }

    #[test]
    fn aliases_and_old_spellings_work_and_are_named() {
        let inputs = read(&[("old_path", "/old"), ("connection", "apple-id")]).unwrap();
        assert_eq!(
            (inputs.get("path"), inputs.get("connection")),
            (Some("/old"), Some("apple_id"))
        );
        assert_eq!(inputs.warnings.len(), 2);
        assert_eq!(
            read(&[("old_path", "/old"), ("path", "/new")])
                .unwrap()
                .get("path"),
            Some("/new")
        );
    }

    #[test]
    fn numbers_have_an_upper_limit_whatever_their_length() {
        let refused = |value: &str| {
            read(&[("retries", value)])
                .err()
                .map_or(String::new(), |problems| problems.to_string())
        };
        for value in ["0", "1000000", "0000000000001000000"] {
            assert!(!refused(value).contains("Retries"), "{value}: {}", refused(value));
        }
        for value in [
            "1000001",
            "4294967296",
            "9223372036854775808",
            "99999999999999999999999999",
        ] {
            assert!(
                refused(value).contains("a whole number from 0 to 1000000"),
                "{value}: {}",
                refused(value)
            );
        }
    }

    #[test]
    fn inputs_are_shown_without_secrets() {
        let shown = read(&[("token", "a"), ("path", "")]).unwrap().describe(&MANIFEST);
        assert_eq!(
            shown,
            [
                "- connection: automatic",
                "- path: <unset>",
                "- token: *****",
                "- retries: 10",
                "- verbose: no",
                "- update: true"
            ]
        );
    }

    #[test]
    fn booleans_of_yaml_mean_what_was_written() {
        for (key, value, meant) in [
            ("verbose", "true", "yes"),
            ("verbose", "false", "no"),
            ("verbose", "Yes", "yes"),
            ("verbose", "TRUE", "yes"),
            ("verbose", "n", "no"),
            ("verbose", "OFF", "no"),
            ("connection", "false", "off"),
            ("connection", "Off", "off"),
            ("update", "True", "true"),
        ] {
            let inputs = read(&[(key, value)]).unwrap();
            assert_eq!(inputs.get(key), Some(meant), "{key}: {value}");
            assert_eq!(inputs.warnings.len(), 1, "{key}: {value}");
            assert!(
                inputs.warnings[0].contains(&format!("Write `{key}: \"{meant}\"`.")),
                "{:?}",
                inputs.warnings
            );
            // YAML hands booleans over in small letters only.
            let is_yaml = inputs.warnings[0].contains("YAML");
            assert_eq!(
                is_yaml,
                matches!(value, "true" | "false"),
                "{:?}",
                inputs.warnings
            );
        }
        for value in ["yes", "no"] {
            assert!(read(&[("update", value)]).is_err(), "{value}");
        }
        for (key, value) in [("verbose", "yes"), ("update", "true"), ("connection", "off")] {
            assert!(read(&[(key, value)]).unwrap().warnings.is_empty());
        }
        // No accepted value means `true`, and nothing else is guessed.
        for (key, value) in [("connection", "true"), ("verbose", "1"), ("token", "true")] {
            assert!(read(&[(key, value)]).is_err(), "{key}: {value}");
        }
        // Any text is accepted here: it stays.
        assert_eq!(read(&[("path", "true")]).unwrap().get("path"), Some("true"));
    }

    #[test]
    fn an_empty_option_is_said_in_words() {
        assert_eq!(
            accepted(&["automatic", "yes", "no", ""]),
            "automatic, yes, no, or no value"
        );
        assert_eq!(accepted(&["yes", "no"]), "yes, no");
    }

    #[test]
    fn spaces_and_line_breaks_around_a_listed_value_mean_nothing() {
        for value in [" off", "off\n", "\toff \r\n"] {
            let inputs = read(&[("connection", value)]).unwrap();
            assert_eq!(inputs.get("connection"), Some("off"), "{value:?}");
            assert!(inputs.warnings.is_empty());
        }
        let older = read(&[("connection", "apple-id\n")]).unwrap();
        assert_eq!(older.get("connection"), Some("apple_id"));
        assert_eq!(read(&[("path", " /a b ")]).unwrap().get("path"), Some(" /a b "));
    }

    #[test]
    fn a_file_in_the_place_of_a_value_does_not_fill_the_log() {
        let problems = read(&[("connection", &"é".repeat(70_000))]).unwrap_err();
        let text = problems.to_string();
        assert!(
            text.contains("é… (70000 characters)`; accepted: automatic"),
            "{text}"
        );
        assert!(text.len() < 500);
    }
}
