//! A `step.yml` as the Rust table that a step is compiled with, so that no run parses it.

use std::fmt::Write as _;
use std::path::Path;

use crate::{Mapping, Value, read};

/// Reads the `step.yml` beside a build script, and writes the table for `include!` to `OUT_DIR/manifest.rs`: the whole
/// of a step's build script.
///
/// # Panics
/// When the manifest is not valid: the build must fail.
#[expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a build script that can't do its work must fail, and it talks to cargo through standard output"
)]
pub fn build() {
    println!("cargo::rerun-if-changed=step.yml");
    let variable = |name| std::env::var_os(name).expect("cargo sets it");
    let manifest = Path::new(&variable("CARGO_MANIFEST_DIR")).join("step.yml");
    let text = std::fs::read_to_string(&manifest).expect("there is a step.yml beside the build script");
    let table = of(&text).unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
    std::fs::write(Path::new(&variable("OUT_DIR")).join("manifest.rs"), table)
        .expect("OUT_DIR can be written");
}

/// The table of a manifest: an expression of the type `step_kit::Manifest`.
///
/// # Errors
/// With what is wrong, in one line.
pub fn of(text: &str) -> Result<String, String> {
    let manifest = read(text).map_err(|error| error.to_string())?;
    let title = manifest
        .get("title")
        .and_then(Value::as_str)
        .ok_or("`title` is missing, or no text")?;
    let mut table = format!("::step_kit::Manifest {{\n    title: {title:?},\n    inputs: &[\n");
    for entry in entries(&manifest, "inputs")? {
        input(&mut table, &entry).map_err(|problem| format!("input `{}`: {problem}", entry.key))?;
    }
    table.push_str("    ],\n    outputs: &[\n");
    for entry in entries(&manifest, "outputs")? {
        let sensitive = entry.flag("is_sensitive")?;
        let _ = writeln!(
            table,
            "        ::step_kit::Output {{ key: {:?}, sensitive: {sensitive} }},",
            entry.key
        );
    }
    table.push_str("    ],\n}\n");
    Ok(table)
}

struct Entry<'a> {
    key: &'a str,
    default: &'a Value,
    opts: &'a Mapping,
}

fn entries<'a>(manifest: &'a Value, list: &str) -> Result<Vec<Entry<'a>>, String> {
    let items = manifest.get(list).map(Value::items).unwrap_or_default();
    items
        .iter()
        .map(|item| {
            let pairs = item
                .as_mapping()
                .ok_or(format!("an entry of `{list}` is no mapping"))?;
            let (key, default) = pairs
                .iter()
                .find(|(key, _)| *key != "opts")
                .ok_or(format!("an entry of `{list}` has no key"))?;
            let opts = pairs
                .get("opts")
                .and_then(Value::as_mapping)
                .ok_or(format!("`{key}` has no `opts`"))?;
            Ok(Entry { key, default, opts })
        })
        .collect()
}

impl Entry<'_> {
    fn flag(&self, name: &str) -> Result<bool, String> {
        match self.opts.get(name) {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or(format!("`{name}` is no boolean")),
        }
    }
}

fn input(table: &mut String, entry: &Entry<'_>) -> Result<(), String> {
    let default = text(entry.default).ok_or("its default is not text; quote it")?;
    let title = entry
        .opts
        .get("title")
        .and_then(Value::as_str)
        .ok_or("it has no title")?;
    let options = texts(entry.opts.get("value_options"))?;
    let (required, sensitive) = (entry.flag("is_required")?, entry.flag("is_sensitive")?);
    let extra = extra(entry.opts.get("meta").and_then(|meta| meta.get("apple-steps")))?;
    let _ = writeln!(
        table,
        "        ::step_kit::Input {{\n            key: {:?},\n            default: {default:?},\n            title: {title:?},\n            options: &{options:?},\n            required: {required},\n            sensitive: {sensitive},\n            extra: {extra},\n        }},",
        entry.key
    );
    Ok(())
}

/// What `meta: apple-steps:` says; an unknown field is an error.
fn extra(value: Option<&Value>) -> Result<String, String> {
    let mut fields = String::new();
    let pairs = match value {
        None => return Ok("::step_kit::Extra::NONE".to_owned()),
        Some(value) => value.as_mapping().ok_or("`apple-steps` is no mapping")?,
    };
    for (name, value) in pairs.iter() {
        let field = match name {
            "alias_of" => format!("Some({:?})", value.as_str().ok_or("`alias_of` is not text")?),
            "at_least" => format!("Some({})", value.as_i64().ok_or("`at_least` is no whole number")?),
            "unless" => {
                let text = value.as_str().ok_or("`unless` is not text")?;
                let pair = text
                    .split_once('=')
                    .ok_or("`unless` is not of the form `input=value`")?;
                format!("Some({pair:?})")
            }
            "verbatim" => value.as_bool().ok_or("`verbatim` is no boolean")?.to_string(),
            "also" => {
                let pairs = value.as_mapping().ok_or("`also` is no mapping")?;
                let pairs = pairs
                    .iter()
                    .map(|(old, new)| text(new).map(|new| (old.to_owned(), new)))
                    .collect::<Option<Vec<_>>>()
                    .ok_or("a value of `also` is not text; quote it")?;
                format!("&{pairs:?}")
            }
            _ => return Err(format!("`apple-steps` has an unknown field `{name}`")),
        };
        let _ = write!(fields, "{name}: {field}, ");
    }
    Ok(format!(
        "::step_kit::Extra {{ {fields}..::step_kit::Extra::NONE }}"
    ))
}

fn texts(list: Option<&Value>) -> Result<Vec<String>, String> {
    let items = list.map(Value::items).unwrap_or_default();
    items
        .iter()
        .map(|item| text(item).ok_or("one of its `value_options` is not text; quote it".to_owned()))
        .collect()
}

/// Text, or nothing. A boolean or a number is a word that somebody forgot to quote.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_becomes_an_expression() {
        let table = of("title: T\ninputs:\n- a: \"no\"\n  opts:\n    title: A\n    value_options: [\"yes\", \"no\"]\n    is_required: true\n    meta: {apple-steps: {at_least: 3, also: {old: new}}}\noutputs:\n- B:\n  opts: {title: B, is_sensitive: true}\n").unwrap();
        let squeezed = table.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            squeezed,
            "::step_kit::Manifest { title: \"T\", inputs: &[ ::step_kit::Input { key: \"a\", default: \"no\", title: \"A\", \
             options: &[\"yes\", \"no\"], required: true, sensitive: false, extra: ::step_kit::Extra { at_least: Some(3), \
             also: &[(\"old\", \"new\")], ..::step_kit::Extra::NONE }, }, ], outputs: &[ ::step_kit::Output { key: \"B\", \
             sensitive: true }, ], }"
        );
    }

    #[test]
    fn what_is_wrong_with_a_manifest_stops_the_build() {
        for (inputs, expected) in [
            (
                "- a: no\n  opts: {title: A}\n",
                "input `a`: its default is not text; quote it",
            ),
            (
                "- a:\n  opts: {title: A, value_options: [yes, x]}\n",
                "input `a`: one of its `value_options` is not text; quote it",
            ),
            (
                "- a:\n  opts: {title: A, meta: {apple-steps: {at_lest: 1}}}\n",
                "input `a`: `apple-steps` has an unknown field `at_lest`",
            ),
            ("- a:\n  opts: {}\n", "input `a`: it has no title"),
            ("- opts: {title: A}\n", "an entry of `inputs` has no key"),
        ] {
            assert_eq!(of(&format!("title: T\ninputs:\n{inputs}")).unwrap_err(), expected);
        }
    }
}
