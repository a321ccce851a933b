//! What the crate says about real-world projects, against what independent readers say.
//!
//! The corpus is not part of this repository; where it is missing the test says so. It compares the very document
//! that `cargo run --example inspect` prints.

#[path = "../examples/inspect/files.rs"]
mod files;
#[path = "../examples/inspect/project.rs"]
mod project;
#[path = "../examples/inspect/settings.rs"]
mod settings;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");

/// Keys of the oracle that are about other readers.
const ABOUT_READERS: [&str; 9] = [
    "crosscheck",
    "gem",
    "why",
    "expander",
    "stats",
    "parserNotes",
    "readers",
    "oracle",
    "slug",
];

/// Differences that are as they should be: the end of the path, and the reason.
const ACCEPTED: [(&str, &str); 1] = [(
    "ProjectInMergeConflict.xcodeproj/error",
    "both refuse the file, each in its own words",
)];

#[derive(Default)]
struct Comparison {
    compared: usize,
    differences: Vec<String>,
}

impl Comparison {
    fn compare(&mut self, path: &str, theirs: &Value, ours: &Value) {
        match theirs {
            Value::Object(entries) => {
                for (key, value) in entries
                    .iter()
                    .filter(|(key, _)| !ABOUT_READERS.contains(&key.as_str()))
                {
                    let own = ours.get(key).unwrap_or(&Value::Null);
                    self.compare(&format!("{path}/{key}"), value, own);
                }
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                let own = ours.as_array().map(Vec::as_slice).unwrap_or_default();
                self.same(&format!("{path}#"), &items.len().into(), &own.len().into());
                for (item, own) in items.iter().zip(own) {
                    let name = ["name", "path", "location", "id"]
                        .iter()
                        .find_map(|key| item[*key].as_str());
                    self.compare(&format!("{path}/{}", name.unwrap_or("-")), item, own);
                }
            }
            // How sure the oracle is of a value is not for us to say.
            Value::String(status) if ["agreed", "reference"].contains(&status.as_str()) => {
                self.same(path, &"resolved".into(), ours);
            }
            _ => self.same(path, theirs, ours),
        }
    }

    fn same(&mut self, path: &str, theirs: &Value, ours: &Value) {
        self.compared += 1;
        let accepted = || ACCEPTED.iter().any(|(end, _)| path.ends_with(end));
        if theirs != ours && !accepted() {
            self.differences
                .push(format!("{path}\n  oracle {theirs}\n  ours   {ours}"));
        }
    }
}

fn inspected(root: &Path) -> Value {
    let places = files::Places::below(root);
    let all = |paths: &[PathBuf], one: fn(&Path, &Path) -> Value| -> Value {
        paths.iter().map(|path| one(root, path)).collect()
    };
    json!({
        "projects": all(&places.projects, project::project),
        "workspaces": all(&places.workspaces, files::workspace),
        "schemes": files::schemes(root, &places),
    })
}

#[test]
fn every_project_scheme_and_workspace_reads_as_independent_readers_say() {
    let Ok(corpus) = Path::new(CORPUS).canonicalize() else {
        println!("skipped: there is no corpus at {CORPUS}");
        return;
    };
    let mut comparison = Comparison::default();
    let mut slugs = 0;
    for slug in std::fs::read_dir(&corpus).unwrap().flatten() {
        let Ok(oracle) = std::fs::read_to_string(slug.path().join("oracle.json")) else {
            continue;
        };
        let oracle: Value = serde_json::from_str(&oracle).unwrap();
        let name = slug.file_name();
        // The reasons why a file is missing are the corpus's own.
        comparison.compare(
            &name.to_string_lossy(),
            &without_reasons(oracle),
            &without_reasons(inspected(&slug.path())),
        );
        slugs += 1;
    }
    println!("{} values of {slugs} repositories compared", comparison.compared);
    let Comparison {
        compared,
        differences,
    } = comparison;
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert!(compared > 50_000, "only {compared} values were compared");
}

fn without_reasons(mut document: Value) -> Value {
    for project in document["projects"].as_array_mut().into_iter().flatten() {
        for missing in project["missingXcconfig"].as_array_mut().into_iter().flatten() {
            missing.as_object_mut().map(|entry| entry.remove("why"));
        }
    }
    document
}
