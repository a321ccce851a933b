//! From environment variables to a typed struct, with every violation reported in one go.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::Environment;
use crate::failure::{InputProblem, InputProblems};
use crate::manifest::{Input, Manifest};

/// A `yes`/`no` or `true`/`false` input. An input without a value is off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flag(bool);

impl Flag {
    /// Whether it is `yes` or `true`.
    pub fn is_on(self) -> bool {
        self.0
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(matches!(text.as_str(), "yes" | "true")))
    }
}

/// A sensitive input.
#[derive(Debug, Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The value, for the one place that needs it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The value as other crates take it.
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// The items of a list input: split at `separator`, trimmed. Blank items stay: in lists that belong
/// together, such as certificates and their passphrases, they count.
pub fn list(text: &str, separator: char) -> Vec<String> {
    text.split(separator).map(|item| item.trim().to_owned()).collect()
}

/// The inputs' values as strings, checked against the manifest.
#[derive(Debug, Clone)]
pub struct Inputs {
    values: BTreeMap<String, String>,
    verbatim: BTreeSet<String>,
    /// Set by the user, to nothing.
    emptied: BTreeSet<String>,
    /// What is written differently today, one line each.
    pub deprecations: Vec<String>,
}

impl Inputs {
    /// Reads every input and reports all that are wrong at once.
    ///
    /// # Errors
    /// With every violation of the manifest.
    pub fn read(manifest: &Manifest, environment: &Environment) -> Result<Self, InputProblems> {
        let mut inputs = Self {
            values: BTreeMap::new(),
            verbatim: BTreeSet::new(),
            emptied: BTreeSet::new(),
            deprecations: Vec::new(),
        };
        for input in &manifest.inputs {
            let value = match environment.given(&input.key) {
                Some(given) => given.to_owned(),
                None => environment.expand(&input.default),
            };
            if input.extra.verbatim {
                inputs.verbatim.insert(input.key.clone());
            }
            if !value.trim().is_empty() {
                inputs.values.insert(input.key.clone(), value);
            } else if environment.given(&input.key).is_some() {
                inputs.emptied.insert(input.key.clone());
            }
        }
        inputs.apply_aliases(manifest, environment);
        inputs.apply_spellings(manifest);
        let problems: Vec<InputProblem> = manifest
            .inputs
            .iter()
            .filter_map(|input| inputs.problem_of(input))
            .collect();
        if problems.is_empty() {
            Ok(inputs)
        } else {
            Err(InputProblems(problems))
        }
    }

    /// An alias counts where the input that replaces it was left alone.
    fn apply_aliases(&mut self, manifest: &Manifest, environment: &Environment) {
        for input in &manifest.inputs {
            let Some(main) = &input.extra.alias_of else {
                continue;
            };
            let Some(value) = self.values.remove(&input.key) else {
                continue;
            };
            let default = manifest
                .input(main)
                .map(|main| environment.expand(&main.default))
                .unwrap_or_default();
            let left_alone = self.values.get(main).is_none_or(|given| *given == default);
            self.deprecations.push(if left_alone {
                format!("The input `{}` is now called `{main}`.", input.key)
            } else {
                format!(
                    "The input `{}` is ignored: `{main}`, which replaces it, is set.",
                    input.key
                )
            });
            if left_alone {
                self.values.insert(main.clone(), value);
            }
        }
    }

    fn apply_spellings(&mut self, manifest: &Manifest) {
        for input in &manifest.inputs {
            let Some(value) = self.values.get_mut(&input.key) else {
                continue;
            };
            if let Some(today) = input.extra.also.get(value.as_str()) {
                self.deprecations
                    .push(format!("`{}: {value}` is written `{today}` today.", input.key));
                today.clone_into(value);
            }
        }
    }

    fn problem_of(&self, input: &Input) -> Option<InputProblem> {
        let problem = |text: String| Some(InputProblem::new(&input.key, text));
        let Some(value) = self.values.get(&input.key) else {
            // One of a list of values was asked for: nothing is none of them.
            let wants_option = !input.options.is_empty() && self.emptied.contains(&input.key);
            if !input.required && !wants_option {
                return None;
            }
            let accepted = match input.options.as_slice() {
                [] => String::new(),
                options => format!("; accepted: {}", options.join(", ")),
            };
            return problem(format!(
                "\"{}\" has no value, and needs one{accepted}",
                input.title
            ));
        };
        let shown = if input.sensitive { "*****" } else { value.as_str() };
        if !input.options.is_empty() && !input.options.contains(value) {
            let accepted = input.options.join(", ");
            return problem(format!("\"{}\" is `{shown}`; accepted: {accepted}", input.title));
        }
        if let Some(least) = input.extra.at_least {
            let number = value.trim().parse::<i64>();
            if number.is_err() || number.is_ok_and(|number| number < least) {
                let accepted = format!("a whole number that is at least {least}");
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
            (key.clone(), taken.to_owned())
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
        let shown = |input: &Input| match self.get(&input.key) {
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
    pub fn secrets<'a>(&'a self, manifest: &'a Manifest) -> impl Iterator<Item = &'a str> {
        manifest
            .inputs
            .iter()
            .filter(|input| input.sensitive)
            .filter_map(|input| self.get(&input.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
title: Test
inputs:
- connection: automatic
  opts:
    title: Connection
    is_required: true
    value_options: [automatic, api_key, apple_id]
    meta: { apple-steps: { also: { apple-id: apple_id } } }
- path: $HOME/x
  opts: { title: Path }
- token:
  opts: { title: Token, is_sensitive: true, value_options: [a] }
- retries: "10"
  opts: { title: Retries, meta: { apple-steps: { at_least: 0 } } }
- verbose: "no"
  opts: { title: Verbose, value_options: ["yes", "no"] }
- old_path:
  opts: { title: Old path, meta: { apple-steps: { alias_of: path } } }
outputs:
- RESULT:
  opts: { title: Result }
"#;

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
        Inputs::read(&Manifest::parse(MANIFEST).unwrap(), &environment)
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
            "some inputs need your attention\n\
             - connection: \"Connection\" has no value, and needs one; accepted: automatic, api_key, apple_id\n\
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
        assert_eq!(inputs.deprecations.len(), 2);
        assert_eq!(
            read(&[("old_path", "/old"), ("path", "/new")])
                .unwrap()
                .get("path"),
            Some("/new")
        );
    }

    #[test]
    fn inputs_are_shown_without_secrets() {
        let manifest = Manifest::parse(MANIFEST).unwrap();
        let shown = read(&[("token", "a"), ("path", "")]).unwrap().describe(&manifest);
        assert_eq!(
            shown,
            [
                "- connection: automatic",
                "- path: <unset>",
                "- token: *****",
                "- retries: 10",
                "- verbose: no"
            ]
        );
    }
}
