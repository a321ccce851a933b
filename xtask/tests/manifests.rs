//! Every manifest is to PyYAML, which reads YAML 1.1 as the Bitrise CLI does and shares nothing with our reader, what it is
//! to us, and valid by Bitrise's own schema.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "what fails ends the test"
)]

mod common;

use std::path::PathBuf;
use std::process::Command;

use step_yaml::Value;

use common::root;

/// Prints each file as JSON, and what Bitrise's schema for `step.yml` finds wrong with it.
const READER: &str = r#"
import json, sys, yaml
schema, files = sys.argv[1], sys.argv[2:]
documents = [yaml.safe_load(open(file, encoding="utf-8")) for file in files]
problems = None
if schema:
    import jsonschema
    validator = jsonschema.Draft7Validator(json.load(open(schema)), format_checker=jsonschema.FormatChecker())
    problems = [[f"{list(p.absolute_path)}: {p.message}" for p in validator.iter_errors(d)] for d in documents]
print(json.dumps({"documents": documents, "problems": problems}))
"#;

/// The six manifests: each step's and the one at the root, which is generated.
fn manifests() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(root().join("steps"))
        .unwrap()
        .flatten()
        .map(|step| step.path().join("step.yml"))
        .filter(|path| path.is_file())
        .collect();
    all.push(root().join("step.yml"));
    all.sort();
    assert_eq!(all.len(), 6);
    all
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Integer(number) => i64::try_from(*number).unwrap().into(),
        Value::Float(number) => (*number).into(),
        Value::String(text) => text.as_str().into(),
        Value::Sequence(items) => items.iter().map(json).collect(),
        Value::Mapping(pairs) => pairs
            .iter()
            .map(|(key, value)| (key.to_owned(), json(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

fn python(schema: &str, files: &[PathBuf]) -> serde_json::Value {
    let output = Command::new("python3")
        .args(["-c", READER, schema])
        .args(files)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_manifest_is_the_same_to_pyyaml_and_to_us() {
    let files = manifests();
    let found = python("", &files);
    for (file, theirs) in files.iter().zip(found["documents"].as_array().unwrap()) {
        let ours = step_yaml::read(&std::fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(&json(&ours), theirs, "{}", file.display());
        // A value that is no text was meant as text: the CLI would hand over something else.
        for list in ["inputs", "outputs"] {
            for entry in theirs[list].as_array().unwrap_or(&Vec::new()) {
                for (key, value) in entry.as_object().unwrap() {
                    let is_text = value.is_string() || value.is_null() || key == "opts";
                    assert!(is_text, "{}: {key} is {value}", file.display());
                }
            }
        }
    }
}

#[test]
#[cfg_attr(
    no_step_schema,
    ignore = "Bitrise's schema is not at ../shared/reference/step.schema.json"
)]
fn every_manifest_is_valid_by_bitrises_schema() {
    let schema = root().join("../shared/reference/step.schema.json");
    let files = manifests();
    let found = python(&schema.display().to_string(), &files);
    for (file, problems) in files.iter().zip(found["problems"].as_array().unwrap()) {
        assert_eq!(
            problems.as_array().unwrap().len(),
            0,
            "{}: {problems}",
            file.display()
        );
    }
}
