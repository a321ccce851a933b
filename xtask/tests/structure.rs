//! The structure that ARCHITECTURE.md draws: who depends on whom, who advises, and that nothing unused is declared.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value;

use common::root;

fn metadata(arguments: &[&str]) -> Value {
    #[expect(clippy::disallowed_methods, reason = "a test's own tool")]
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A member of the workspace.
struct Member {
    name: String,
    folder: PathBuf,
    /// Its dependencies by kind: `normal`, `dev`, `build`.
    dependencies: BTreeMap<String, BTreeSet<String>>,
}

impl Member {
    fn of(&self, kind: &str) -> impl Iterator<Item = &String> {
        self.dependencies.get(kind).into_iter().flatten()
    }

    fn depends_on(&self, name: &str) -> bool {
        self.of("normal").any(|known| known == name)
    }

    /// Whether it speaks to people: it runs in a step's process, above `step-kit`.
    fn is_of_steps(&self) -> bool {
        self.folder
            .parent()
            .is_some_and(|folder| folder.ends_with("steps"))
            || self.depends_on("step-kit")
    }

    /// Its sources under these folders or files, joined.
    fn text(&self, places: &[&str]) -> String {
        let mut all = String::new();
        for path in places.iter().flat_map(|place| sources(&self.folder.join(place))) {
            all.push_str(&std::fs::read_to_string(path).unwrap());
        }
        all
    }
}

fn members() -> Vec<Member> {
    let metadata = metadata(&["--no-deps"]);
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let mut dependencies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for dependency in package["dependencies"].as_array().unwrap() {
                let kind = dependency["kind"].as_str().unwrap_or("normal").to_owned();
                let name = dependency["name"].as_str().unwrap().to_owned();
                dependencies.entry(kind).or_default().insert(name);
            }
            let manifest = Path::new(package["manifest_path"].as_str().unwrap());
            Member {
                name: package["name"].as_str().unwrap().to_owned(),
                folder: manifest.parent().unwrap().to_owned(),
                dependencies,
            }
        })
        .collect()
}

fn sources(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let files = walkdir::WalkDir::new(place).into_iter().flatten();
    let mut paths: Vec<PathBuf> = files
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect();
    paths.sort();
    paths
}

/// Members that no step runs, or that only run beside one.
const APART: [&str; 7] = [
    "apple-sandbox",
    "e2e",
    "fuzz-targets",
    "reference-resolver",
    "test-needs",
    "test-projects",
    "xtask",
];

/// The texts in a source that people may read: literals with a blank in them, without the tests at the end.
fn prose(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let literal =
        Regex::new(r##"//[^\n]*|r#"(?s:.*?)"#|'(?:[^'\\\n]|\\.)'|"((?:[^"\\]|\\(?s:.))*)""##).unwrap();
    literal
        .captures_iter(code)
        .filter_map(|found| Some(found.get(1)?.as_str().replace("\\\n", " ")))
        .filter(|text| text.contains(' '))
        .collect()
}

/// The keys of all inputs of all steps that no ordinary word has.
fn input_keys() -> BTreeSet<String> {
    let key = Regex::new(r"(?m)^ *- ([a-z]+(?:_[a-z]+)+):").unwrap();
    let mut keys = BTreeSet::new();
    for step in std::fs::read_dir(root().join("steps")).unwrap().flatten() {
        let manifest = std::fs::read_to_string(step.path().join("step.yml")).unwrap_or_default();
        keys.extend(key.captures_iter(&manifest).map(|found| found[1].to_owned()));
    }
    assert!(keys.contains("generate_profiles") && keys.len() > 40, "{keys:?}");
    keys
}

/// Pages where people click, and phrases that only a step may say.
const OF_STEPS: [&str; 8] = [
    "Workspace settings",
    "Project settings",
    "Account settings",
    "Code Signing tab",
    "Re-authenticate",
    "Users and Access",
    "this step",
    "the input `",
];

fn faults_of_prose(text: &str, keys: &BTreeSet<String>) -> Vec<String> {
    // What is filled in is no prose: `{bundle_id}`.
    let filled = Regex::new(r"\{[^}]*\}").unwrap();
    let text = filled.replace_all(text, "{}");
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let keys = words.filter(|word| keys.contains(*word)).map(str::to_owned);
    let phrases = OF_STEPS.iter().filter(|phrase| text.contains(**phrase));
    keys.chain(phrases.map(|phrase| (*phrase).to_owned())).collect()
}

/// fastlane's own options are the subject of these, and some have the names of inputs.
const EXCUSED: [(&str, &[&str]); 2] = [
    (
        "app-store-release",
        &[
            "skip_metadata",
            "skip_screenshots",
            "submit_for_review",
            "team_id",
        ],
    ),
    ("match-storage", &["team_id"]),
];

fn is_excused(member: &str, word: &str) -> bool {
    EXCUSED
        .iter()
        .any(|(name, words)| *name == member && words.contains(&word))
}

#[test]
fn no_library_names_a_step_input_or_a_page_to_click() {
    let keys = input_keys();
    let mut faults = Vec::new();
    let mut read = 0;
    for member in members() {
        if member.is_of_steps() || member.name == "step-kit" || APART.contains(&member.name.as_str()) {
            continue;
        }
        for path in sources(&member.folder.join("src")) {
            if path.to_string_lossy().contains("test") {
                continue;
            }
            for text in prose(&std::fs::read_to_string(&path).unwrap()) {
                read += 1;
                for word in faults_of_prose(&text, &keys) {
                    if !is_excused(&member.name, &word) {
                        faults.push(format!("{}: `{word}` in `{text}`", path.display()));
                    }
                }
            }
        }
    }
    assert!(read > 500, "{read} texts were read");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn advice_in_a_library_would_be_found() {
    let keys = input_keys();
    let source = r#"fn advice() -> &'static str {
        // set generate_profiles
        "archive once, or \
         set generate_profiles to yes"
    }
    const PAGE: &str = "open Account settings > Apple Service connection";
    const KEY: &str = "generate_profiles";
    format!("the bundle ID {bundle_id}")
    "#;
    let texts = prose(source);
    let found: Vec<String> = texts
        .iter()
        .flat_map(|text| faults_of_prose(text, &keys))
        .collect();
    assert_eq!(found, ["generate_profiles", "Account settings"]);
}

#[test]
fn provisioning_knows_no_http_and_no_portal() {
    let metadata = metadata(&[]);
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let name = |id: &str| -> String {
        let package = metadata["packages"].as_array().unwrap();
        let package = package.iter().find(|package| package["id"] == id).unwrap();
        package["name"].as_str().unwrap().to_owned()
    };
    let provisioning = nodes
        .iter()
        .map(|node| node["id"].as_str().unwrap())
        .find(|id| name(id) == "provisioning")
        .unwrap();
    let mut seen = BTreeSet::new();
    let mut open = vec![provisioning];
    while let Some(id) = open.pop() {
        let node = nodes.iter().find(|node| node["id"] == id).unwrap();
        for dependency in node["deps"].as_array().unwrap() {
            let is_normal = dependency["dep_kinds"]
                .as_array()
                .unwrap()
                .iter()
                .any(|kind| kind["kind"].is_null());
            let id = dependency["pkg"].as_str().unwrap();
            if is_normal && seen.insert(name(id)) {
                open.push(id);
            }
        }
    }
    assert!(seen.contains("apple-types"), "{seen:?}");
    for foreign in [
        "reqwest",
        "hyper",
        "transport",
        "app-store-connect",
        "developer-portal",
        "portal-access",
    ] {
        assert!(!seen.contains(foreign), "provisioning depends on {foreign}");
    }
}

/// The map's floors from the top, each with the crates on it.
fn floors() -> Vec<BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let map = text.split("```").nth(1).unwrap();
    let names: Vec<String> = members().into_iter().map(|member| member.name).collect();
    map.split("───")
        .map(|floor| {
            let words = floor.split(|c: char| c.is_whitespace() || c == ',');
            let mut found: BTreeSet<String> = words
                .filter(|word| names.iter().any(|name| name == word))
                .map(str::to_owned)
                .collect();
            // Steps stand there by their folder.
            for step in floor
                .split_whitespace()
                .filter_map(|word| word.strip_prefix("steps/"))
            {
                found.insert(format!("step-{step}"));
            }
            found
        })
        .filter(|floor| !floor.is_empty())
        .collect()
}

#[test]
fn no_arrow_points_up_and_every_crate_is_on_the_map() {
    let floors = floors();
    assert!(floors.len() > 4, "{floors:?}");
    let floor_of = |name: &str| floors.iter().position(|floor| floor.contains(name));
    let mut faults = Vec::new();
    for member in members() {
        if APART.contains(&member.name.as_str()) {
            continue;
        }
        let Some(own) = floor_of(&member.name) else {
            faults.push(format!("{} is not on the map of ARCHITECTURE.md", member.name));
            continue;
        };
        for dependency in member.of("normal") {
            if floor_of(dependency).is_some_and(|other| other < own) {
                faults.push(format!("{} points up to {dependency}", member.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The name under which code uses a dependency, where it is another one.
fn library(dependency: &str) -> String {
    match dependency {
        "md-5" => "md5".to_owned(),
        other => other.replace('-', "_"),
    }
}

fn is_used(dependency: &str, text: &str) -> bool {
    let word = Regex::new(&format!(r"\b{}\b", library(dependency))).unwrap();
    // Comments use nothing.
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .any(|line| word.is_match(line))
}

#[test]
fn every_declared_dependency_is_used() {
    let mut faults = Vec::new();
    for member in members() {
        for (kind, places) in [
            ("normal", &["src"][..]),
            ("dev", &["src", "tests", "benches", "examples"]),
            ("build", &["build.rs"]),
        ] {
            let text = member.text(places);
            for dependency in member.of(kind) {
                if !is_used(dependency, &text) {
                    faults.push(format!("{}: the {kind} dependency {dependency}", member.name));
                }
            }
        }
        for dependency in member.of("dev") {
            if member.depends_on(dependency) {
                faults.push(format!("{}: {dependency} is declared twice", member.name));
            }
        }
    }
    assert!(faults.is_empty(), "unused:\n{}", faults.join("\n"));
}

#[test]
fn every_dependency_of_the_workspace_has_a_member_that_uses_it() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    let key = Regex::new(r"(?m)^([A-Za-z0-9_-]+) *=").unwrap();
    let used: BTreeSet<String> = members()
        .into_iter()
        .flat_map(|member| member.dependencies.into_values().flatten())
        .collect();
    let unused: Vec<&str> = key
        .captures_iter(section)
        .map(|found| found.get(1).unwrap().as_str())
        // A package outside of the workspace, `fuzz`, uses it.
        .filter(|name| !used.contains(*name) && *name != "fuzz-targets")
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}
