//! The steps of this repository, as their manifests describe them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_yaml::{Mapping, Value};

/// The version that everything in this workspace has.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A step.
pub(crate) struct Step {
    /// Its name: the directory, the binary without `step-`, and the ID in a step library.
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
    /// The text of its `step.yml`.
    pub(crate) text: String,
    pub(crate) manifest: Mapping,
}

/// An input or output of a manifest.
pub(crate) struct Entry<'a> {
    pub(crate) key: &'a str,
    pub(crate) default: &'a Value,
    pub(crate) options: &'a Mapping,
    /// The whole entry, as the manifest has it.
    pub(crate) whole: &'a Mapping,
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_owned)
}

/// The steps, by name.
pub(crate) fn all() -> anyhow::Result<Vec<Step>> {
    let mut steps = Vec::new();
    for entry in std::fs::read_dir(root().join("steps"))? {
        let directory = entry?.path();
        let file = directory.join("step.yml");
        if !file.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&file)?;
        let manifest = serde_yaml::from_str(&text).with_context(|| file.display().to_string())?;
        let name = directory
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        steps.push(Step {
            name,
            directory,
            text,
            manifest,
        });
    }
    steps.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(steps)
}

impl Step {
    /// The binary's name.
    pub(crate) fn binary(&self) -> String {
        format!("step-{}", self.name)
    }

    /// A text of the manifest.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.manifest
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The entries of `inputs` or `outputs`.
    pub(crate) fn entries(&self, list: &str) -> Vec<Entry<'_>> {
        let list = self.manifest.get(list).and_then(Value::as_sequence);
        list.into_iter()
            .flatten()
            .filter_map(|whole| {
                let whole = whole.as_mapping()?;
                let (key, default) = whole.iter().find(|(key, _)| key.as_str() != Some("opts"))?;
                Some(Entry {
                    key: key.as_str()?,
                    default,
                    options: whole.get("opts")?.as_mapping()?,
                    whole,
                })
            })
            .collect()
    }
}

impl Entry<'_> {
    pub(crate) fn text(&self, field: &str) -> &str {
        self.options
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(crate) fn is(&self, field: &str) -> bool {
        self.options.get(field).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(crate) fn values(&self) -> Vec<String> {
        let values = self.options.get("value_options").and_then(Value::as_sequence);
        values.into_iter().flatten().map(scalar).collect()
    }

    pub(crate) fn default_text(&self) -> String {
        scalar(self.default)
    }

    /// The key that replaces this one, where it is an older spelling.
    pub(crate) fn alias_of(&self) -> Option<&str> {
        self.options
            .get("meta")?
            .as_mapping()?
            .get("apple-steps")?
            .as_mapping()?
            .get("alias_of")?
            .as_str()
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}
