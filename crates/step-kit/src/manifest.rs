//! `step.yml`: the single source of an input's key, default, options, required and sensitive flags.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_yaml::{Mapping, Value};

/// A step's manifest.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The step's title.
    pub title: String,
    /// The inputs, in the file's order.
    pub inputs: Vec<Input>,
    /// `(key, is_sensitive)` of the outputs, in the file's order.
    pub outputs: Vec<(String, bool)>,
}

/// One input.
#[derive(Debug, Clone)]
pub struct Input {
    /// The environment variable that carries it.
    pub key: String,
    /// What an unset variable means, before expansion; blank means none.
    pub default: String,
    /// The name shown to people.
    pub title: String,
    /// The accepted values; empty when any is accepted.
    pub options: Vec<String>,
    /// Whether it must have a value.
    pub required: bool,
    /// Whether its value is a secret.
    pub sensitive: bool,
    /// What else is known of its values, from `meta: apple-steps:`.
    pub extra: Extra,
}

/// What `step.yml` has no field for, kept under `meta: apple-steps:`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extra {
    /// The key that replaces this one.
    pub alias_of: Option<String>,
    /// The value must be a whole number that is at least this.
    pub at_least: Option<i64>,
    /// Older spellings of values, with what is written today.
    #[serde(default)]
    pub also: BTreeMap<String, String>,
    /// The value is taken as it is: blanks around a password belong to it.
    #[serde(default)]
    pub verbatim: bool,
}

/// Why a manifest can't be used: a defect of the step.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not YAML of the expected shape.
    #[error("step.yml is not valid")]
    Yaml(#[from] serde_yaml::Error),
    /// An entry has no key.
    #[error("an entry of `{0}` in step.yml has no key")]
    NoKey(&'static str),
}

#[derive(Deserialize)]
struct File {
    title: String,
    #[serde(default)]
    inputs: Vec<Mapping>,
    #[serde(default)]
    outputs: Vec<Mapping>,
}

#[derive(Default, Deserialize)]
struct Opts {
    #[serde(default)]
    title: String,
    #[serde(default)]
    value_options: Vec<Value>,
    #[serde(default)]
    is_required: bool,
    #[serde(default)]
    is_sensitive: bool,
    #[serde(default)]
    meta: Meta,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default, rename = "apple-steps")]
    apple_steps: Extra,
}

impl Manifest {
    /// Reads the text of a `step.yml`.
    ///
    /// # Errors
    /// When the text is not a manifest.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let file: File = serde_yaml::from_str(text)?;
        let mut inputs = Vec::new();
        for entry in &file.inputs {
            let (key, default, opts) = entry_of(entry, "inputs")?;
            inputs.push(Input {
                title: if opts.title.is_empty() {
                    key.clone()
                } else {
                    opts.title
                },
                key,
                default,
                options: opts.value_options.iter().map(scalar).collect(),
                required: opts.is_required,
                sensitive: opts.is_sensitive,
                extra: opts.meta.apple_steps,
            });
        }
        let outputs = file
            .outputs
            .iter()
            .map(|entry| entry_of(entry, "outputs").map(|(key, _, opts)| (key, opts.is_sensitive)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            title: file.title,
            inputs,
            outputs,
        })
    }

    /// The input with this key.
    pub fn input(&self, key: &str) -> Option<&Input> {
        self.inputs.iter().find(|input| input.key == key)
    }
}

fn entry_of(entry: &Mapping, list: &'static str) -> Result<(String, String, Opts), ManifestError> {
    let opts = entry
        .get("opts")
        .cloned()
        .map(serde_yaml::from_value)
        .transpose()?
        .unwrap_or_default();
    let (key, default) = entry
        .iter()
        .find(|(key, _)| key.as_str() != Some("opts"))
        .ok_or(ManifestError::NoKey(list))?;
    Ok((scalar(key), scalar(default), opts))
}

/// A scalar as written; YAML's `yes` and `true` without quotes are booleans to some readers.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}
