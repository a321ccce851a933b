//! Small projects made at random, read by this crate and by `reference-resolver`, which shares no code with it and is
//! written from swift-build's rules: every setting and every archive must come out the same, in both formats.
//!
//! `DIFFERENTIAL=100000 cargo test -p xcode-project --test differential` reads more of them, and `DIFFERENTIAL=1@4711`
//! the one of a seed. A file of projects with a difference is left in the folder that the failure names.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: failures that end the test, and a number from whoever runs it"
)]

#[path = "support/random_projects.rs"]
mod random_projects;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use random_projects::{CONFIGURATIONS, Format, NAMES, Random, Spec};
use reference_resolver::Destination;
use xcode_project::{Archive, Container, Platform, Workspace};

/// How many projects a run without `DIFFERENTIAL` reads: some seconds.
const USUAL: u64 = 200;

/// The version that both take for SDKs.
const VERSION: &str = "27.2";

fn environment() -> Vec<(String, String)> {
    vec![("USER".to_owned(), "ada".to_owned())]
}

fn destination(platform: Platform) -> Destination {
    Destination {
        sdk: platform.sdk().to_owned(),
        catalyst: platform == Platform::MacCatalyst,
    }
}

/// What a reader makes of a project: every setting of every target, and what archives build.
type Answers = BTreeMap<String, String>;

fn ours(folder: &Path, spec: &Spec) -> Answers {
    let mut answers = Answers::new();
    let container = folder.join(&spec.container);
    for (configuration, platform) in spec.questions() {
        let opened = Container::open(&container).unwrap();
        let scheme = opened.scheme("App").unwrap();
        let mut workspace = Workspace::of(opened).surrounded(environment());
        let roots = workspace.roots(&scheme, configuration, None).unwrap();
        let archive = Archive {
            destination: platform,
            configuration,
            implicit: scheme.builds_implicit_dependencies,
        };
        let mut built: Vec<String> = Vec::new();
        for one in workspace.built(&roots, archive).unwrap() {
            let project = one
                .project
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let own = format!("{project}/{}", one.target.name);
            built.push(format!("{own} {:?}", destination(one.platform)));
            let settings = workspace
                .settings(&one.project, &one.target, configuration)
                .unwrap();
            let settings = settings.for_platform(one.platform);
            for name in NAMES {
                let value = settings.with_gaps(name).unwrap_or_default();
                if let xcode_project::Answer::Resolved(resolved) = settings.get(name) {
                    assert_eq!(resolved, value, "a resolved {name} has no gaps");
                }
                answers.insert(
                    format!("{configuration} {platform:?} {own} {name}"),
                    below(folder, &value),
                );
            }
        }
        built.sort();
        answers.insert(format!("{configuration} {platform:?}"), built.join("\n"));
    }
    answers
}

fn theirs(folder: &Path, spec: &Spec) -> Answers {
    let mut answers = Answers::new();
    let container = folder.join(&spec.container);
    let open = |path: &Path| reference_resolver::Project::open(path, &environment(), VERSION);
    for (configuration, platform) in spec.questions() {
        let wanted = destination(platform);
        let all = reference_resolver::archived(&container, "App", configuration, &wanted, &open).unwrap();
        let mut built: Vec<String> = Vec::new();
        for one in all {
            let project = one
                .project
                .path
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let own = format!("{project}/{}", one.target.name);
            built.push(format!("{own} {:?}", one.destination));
            let settings = one.project.settings(&one.target, configuration, &one.destination);
            for name in NAMES {
                let value = settings.get(name).unwrap_or_default();
                answers.insert(
                    format!("{configuration} {platform:?} {own} {name}"),
                    below(folder, &value),
                );
            }
        }
        built.sort();
        answers.insert(format!("{configuration} {platform:?}"), built.join("\n"));
    }
    answers
}

/// A value without the folder that the project happens to lie in, so that answers of two folders can be compared.
fn below(folder: &Path, value: &str) -> String {
    value.replace(&*folder.to_string_lossy(), "@")
}

fn differences(one: &Answers, other: &Answers) -> Vec<String> {
    let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    keys.into_iter()
        .filter(|key| one.get(*key) != other.get(*key))
        .map(|key| format!("{key}\n    {:?}\n    {:?}", one.get(key), other.get(key)))
        .collect()
}

fn asked() -> (u64, u64) {
    let asked = std::env::var("DIFFERENTIAL").unwrap_or_default();
    let (count, first) = asked.split_once('@').unwrap_or((&asked, "0"));
    (count.parse().unwrap_or(USUAL), first.parse().unwrap_or(0))
}

#[test]
fn two_readers_agree_on_every_project() {
    let (count, first) = asked();
    let lab = tempfile::tempdir().unwrap();
    let mut failed = Vec::new();
    let mut compared = 0;
    let mut unlike = 0;
    for seed in first..first + count {
        let spec = Spec::of(&mut Random::of(seed));
        let mut all: Vec<(&str, Answers)> = Vec::new();
        for (format, names) in [
            (Format::Pbxproj, ["pbxproj: ours", "pbxproj: reference"]),
            (Format::Xcproj, ["xcproj: ours", "xcproj: reference"]),
        ] {
            // The same name in both formats, since settings may hold the path.
            let folder: PathBuf = lab.path().join(format!("{seed}-{format:?}"));
            spec.write(&folder, format);
            all.push((names[0], ours(&folder, &spec)));
            all.push((names[1], theirs(&folder, &spec)));
        }
        compared += all[0].1.len();
        unlike += all[0].1.values().filter(|value| !value.is_empty()).count();
        let mut found = Vec::new();
        for (name, answers) in &all[1..] {
            let differences = differences(&all[0].1, answers);
            if !differences.is_empty() {
                found.push(format!(
                    "  {} against {name}:\n  {}",
                    all[0].0,
                    differences.join("\n  ")
                ));
            }
        }
        if found.is_empty() {
            for format in [Format::Pbxproj, Format::Xcproj] {
                std::fs::remove_dir_all(lab.path().join(format!("{seed}-{format:?}"))).unwrap();
            }
        } else {
            failed.push(format!("seed {seed}:\n{}", found.join("\n")));
        }
        if failed.len() >= 10 {
            break;
        }
    }
    eprintln!("{compared} answers of {count} projects compared, {unlike} of them not empty");
    assert!(
        unlike * 3 > compared,
        "most answers are empty: the projects say too little"
    );
    if !failed.is_empty() {
        let kept = lab.keep();
        panic!(
            "{} ({} and more):\n{}",
            kept.display(),
            failed.len(),
            failed.join("\n")
        );
    }
    assert_eq!(CONFIGURATIONS.len(), 3);
}
