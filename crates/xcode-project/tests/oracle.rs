//! What the crate says about real-world projects, against what independent readers say.
//!
//! The corpus is not part of this repository. The test compares the very document
//! that `cargo run --example inspect` prints.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests: a count for people, and failures that end the test"
)]

#[path = "../examples/inspect/archives.rs"]
mod archives;
#[path = "../examples/inspect/files.rs"]
mod files;
#[path = "../examples/inspect/layout.rs"]
mod layout;
#[path = "../examples/inspect/project.rs"]
mod project;
#[path = "../examples/inspect/settings.rs"]
mod settings;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

const CORPUS: &str = "../../../shared/corpus";

/// The same for projects in the format of Xcode 27.2.
const XCPROJ: &str = "../../../shared/corpus-xcproj";

/// What every scheme of the corpus archives. The table was made by a reading of the projects that knows nothing of this
/// crate (the oracles' settings and dependencies, and the copy phases of the project files), and each difference between
/// the two was looked at; its last column names the file and the function of swift-build that decide the row.
const ARCHIVES: &str = include_str!("archives.tsv");

/// Keys of the oracle that are about other readers.
const ABOUT_READERS: [&str; 10] = [
    "before",
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
const ACCEPTED: [(&str, &str); 2] = [
    (
        "ProjectInMergeConflict.xcodeproj/error",
        "both refuse the file, each in its own words",
    ),
    (
        "Coverage.xcodeproj/error",
        "both refuse the reference that leads nowhere, each in its own words",
    ),
];

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
            Value::Array(items) if items.iter().any(Value::is_array) => {
                let own = ours.as_array().map(Vec::as_slice).unwrap_or_default();
                self.same(&format!("{path}#"), &items.len().into(), &own.len().into());
                for (item, own) in items.iter().zip(own) {
                    // The other oracle has workspaces as bare lists of what they name.
                    self.compare(path, item, own.get("fileReferences").unwrap_or(own));
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

/// Compares everything below a folder with the oracles there; how many values were compared.
fn compare_all(folder: &str) -> usize {
    let corpus = Path::new(folder).canonicalize().unwrap();
    let mut comparison = Comparison::default();
    let mut slugs = 0;
    for slug in std::fs::read_dir(&corpus).unwrap().flatten() {
        let Ok(oracle) = std::fs::read_to_string(slug.path().join("oracle.json")) else {
            continue;
        };
        let oracle: Value = serde_json::from_str(&oracle).unwrap();
        let name = slug.file_name();
        let mut ours = inspected(&slug.path());
        // What a project was before it was converted is compared elsewhere.
        if let Some(projects) = ours["projects"].as_array_mut() {
            projects.retain(|project| {
                !project["path"]
                    .as_str()
                    .is_some_and(|path| path.starts_with("before/"))
            });
        }
        // The reasons why a file is missing are the corpus's own.
        comparison.compare(
            &name.to_string_lossy(),
            &without_reasons(oracle),
            &without_reasons(ours),
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
    compared
}

#[test]
#[cfg_attr(no_corpus, ignore = "the corpus of projects is not beside the repository")]
fn every_project_scheme_and_workspace_reads_as_independent_readers_say() {
    let compared = compare_all(CORPUS);
    assert!(compared > 50_000, "only {compared} values were compared");
}

#[test]
#[cfg_attr(
    no_xcproj_corpus,
    ignore = "the corpus of Xcode 27 projects is not beside the repository"
)]
fn every_project_of_xcode_27_reads_as_an_independent_reader_says() {
    let compared = compare_all(XCPROJ);
    assert!(compared > 2_000, "only {compared} values were compared");
}

fn without_reasons(mut document: Value) -> Value {
    for project in document["projects"].as_array_mut().into_iter().flatten() {
        let missing = project.get_mut("missingXcconfig").and_then(Value::as_array_mut);
        for missing in missing.into_iter().flatten() {
            missing.as_object_mut().map(|entry| entry.remove("why"));
        }
    }
    document
}

/// A row of the table, without its last column.
fn rows_of(slug: &str, archive: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" "),
        Value::Object(map) if map.contains_key("unresolved") => {
            let names = map["unresolved"].as_array().into_iter().flatten();
            format!(
                "depends on {}",
                names.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Object(map) => {
            let error = map["error"].as_str().unwrap_or_default();
            // A setting that depends on something is named by what it depends on, and a file that is not there by that.
            match error.split_once("depends on ") {
                Some((_, names)) => {
                    let names = names.split(", which").next().unwrap_or_default();
                    format!("depends on {}", names.replace('`', ""))
                }
                None if error.starts_with("could not read") => "the file is missing".to_owned(),
                None => error.to_owned(),
            }
        }
        _ => String::new(),
    };
    let targets = archive["targets"].as_array().into_iter().flatten();
    targets
        .map(|target| {
            let columns = [
                slug.to_owned(),
                text(&archive["container"]),
                text(&archive["scheme"]),
                text(&archive["configuration"]),
                text(&archive["platform"]),
                text(&target["project"]),
                text(&target["target"]),
                text(&target["productType"]),
                text(&target["platform"]),
                text(&target["bundleId"]),
                text(&target["entitlements"]),
                text(&target["capabilities"]),
            ];
            columns.join("\t")
        })
        .collect()
}

#[test]
#[cfg_attr(no_corpus, ignore = "the corpus of projects is not beside the repository")]
fn every_scheme_archives_what_the_table_says() {
    let corpus = Path::new(CORPUS).canonicalize().unwrap();
    let mut ours = Vec::new();
    for slug in std::fs::read_dir(&corpus)
        .unwrap()
        .flatten()
        .filter(|slug| slug.path().is_dir())
    {
        let root = slug.path();
        let name = slug.file_name().to_string_lossy().into_owned();
        let places = files::Places::below(&root);
        for archive in archives::archives(&root, &places) {
            ours.extend(rows_of(&name, &archive));
        }
    }
    ours.sort();
    let mut expected: Vec<String> = ARCHIVES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.rsplit_once('\t')?.0.to_owned()))
        .collect();
    expected.sort();
    let missing: Vec<&String> = expected.iter().filter(|row| !ours.contains(row)).collect();
    let more: Vec<&String> = ours.iter().filter(|row| !expected.contains(row)).collect();
    assert!(
        missing.is_empty() && more.is_empty(),
        "the table says, and it is not so:\n{missing:#?}\nit is so, and the table does not say it:\n{more:#?}"
    );
    assert_eq!(ours.len(), expected.len());
    assert!(expected.len() > 300, "{} rows", expected.len());
}
