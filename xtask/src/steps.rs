//! The steps of this repository, as their manifests describe them.

use std::path::PathBuf;

use anyhow::Context as _;
use step_yaml::{Mapping, Value};

use crate::workspace::root;

/// The version that everything in this workspace has.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A step.
pub(crate) struct Step {
    /// Its name: the directory, the binary without `step-`, and the ID in a step library.
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
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

/// Reads a mapping from the text of a YAML file, as the Bitrise CLI does.
pub(crate) fn mapping(text: &str) -> anyhow::Result<Mapping> {
    match step_yaml::read(text)? {
        Value::Mapping(mapping) => Ok(mapping),
        _ => anyhow::bail!("it is no mapping"),
    }
}

/// The steps, by name.
pub(crate) fn all() -> anyhow::Result<Vec<Step>> {
    let mut steps = Vec::new();
    let folder = root().join("steps");
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let directory = entry?.path();
        let file = directory.join("step.yml");
        if !file.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&file)?;
        let manifest = mapping(&text).with_context(|| file.display().to_string())?;
        let name = directory
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        steps.push(Step {
            name,
            directory,
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
        let items = self.manifest.get(list).map(Value::items).unwrap_or_default();
        items
            .iter()
            .filter_map(|whole| {
                let whole = whole.as_mapping()?;
                let (key, default) = whole.iter().find(|(key, _)| *key != "opts")?;
                Some(Entry {
                    key,
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
        let values = self.options.get("value_options").map(Value::items);
        values.unwrap_or_default().iter().map(Value::text).collect()
    }

    pub(crate) fn default_text(&self) -> String {
        self.default.text()
    }

    /// The key that replaces this one, where it is an older spelling.
    pub(crate) fn alias_of(&self) -> Option<&str> {
        self.options
            .get("meta")?
            .get("apple-steps")?
            .get("alias_of")?
            .as_str()
    }
}
