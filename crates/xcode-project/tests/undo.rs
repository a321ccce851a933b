//! Edits of real-world projects stay inside the target's configurations and attributes, can be undone to the byte,
//! and leave a file that other readers read.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: counts for people, failures that end the test, and a reader by others to run"
)]

#[path = "../examples/inspect/layout.rs"]
mod layout;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use xcode_project::{Document, ManualSigning, Project, Target, json5};

const CORPUS: &str = "../../../shared/corpus";
const XCPROJ: &str = "../../../shared/corpus-xcproj";
const READERS: &str = "tests/readers";

fn projects() -> Vec<Project> {
    projects_with(CORPUS, "project.pbxproj")
}

fn projects_with(corpus: &str, file: &str) -> Vec<Project> {
    let mut open = vec![PathBuf::from(corpus)];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        found.extend(folder.join(file).is_file().then(|| folder.clone()));
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        open.extend(entries.map(|entry| entry.path()).filter(|path| path.is_dir()));
    }
    assert!(!found.is_empty(), "there is no project in {corpus}");
    found.sort();
    found.iter().filter_map(|path| Project::open(path).ok()).collect()
}

/// The app, else the first target that is signed.
fn main_target(project: &Project) -> Option<Target> {
    let targets = project.targets();
    let app = targets.iter().find(|target| target.is_app());
    app.or_else(|| targets.iter().find(|target| target.is_executable()))
        .cloned()
}

fn signed(project: &Project, target: &Target) -> String {
    let all: Vec<_> = target
        .configurations
        .iter()
        .map(|configuration| {
            let signing = ManualSigning {
                team_id: "ZZZZZZZZZZ".to_owned(),
                identity: "Apple Distribution: Ünal & Søn".to_owned(),
                profile_uuid: "01234567-89ab-cdef-0123-456789abcdef".to_owned(),
                platform: xcode_project::Platform::Ios,
            };
            (target.clone(), configuration.clone(), signing)
        })
        .collect();
    project.sign_manually(&all).unwrap()
}

/// The bytes that signing the target may change, last first.
fn may_change(project: &Project, target: &Target) -> Vec<Range<usize>> {
    let document = Document::parse(project.text()).unwrap();
    let objects = document.root().get("objects").unwrap();
    let object = |id: &str| objects.get(id).unwrap();
    let configurations = object(object(&target.id).text("buildConfigurationList").unwrap());
    let settings = configurations
        .get("buildConfigurations")
        .unwrap()
        .items()
        .iter()
        .filter_map(|id| object(id.as_text().unwrap()).get("buildSettings"));
    let mut spans: Vec<_> = settings.map(|node| node.span.clone()).collect();
    let attributes = object(document.root().text("rootObject").unwrap())
        .get("attributes")
        .and_then(|attributes| attributes.get("TargetAttributes")?.get(&target.id));
    spans.extend(attributes.map(|node| node.span.clone()));
    spans.sort_by_key(|span| std::cmp::Reverse(span.start));
    spans.dedup();
    spans
}

#[test]
#[cfg_attr(no_corpus, ignore = "the corpus of projects is not beside the repository")]
fn undoing_an_edit_gives_the_original_bytes() {
    let mut edited = 0;
    for project in projects() {
        let Some(target) = main_target(&project) else {
            continue;
        };
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("Copy.xcodeproj");
        std::fs::create_dir(&copy).unwrap();
        std::fs::write(copy.join("project.pbxproj"), signed(&project, &target)).unwrap();
        let after = Project::open(&copy).unwrap();
        let again = after.target(&target.id).unwrap();
        let mut text = after.text().to_owned();
        let (before, now) = (may_change(&project, &target), may_change(&after, &again));
        assert_eq!(before.len(), now.len(), "{}", project.path().display());
        for (old, new) in before.into_iter().zip(now) {
            text.replace_range(new, &project.text()[old]);
        }
        assert!(
            text == project.text(),
            "{}: something else changed",
            project.path().display()
        );
        assert_eq!(
            signed(&after, &again),
            after.text(),
            "signing twice changes nothing more"
        );
        edited += 1;
    }
    println!("{edited} projects edited and restored");
}

#[test]
#[cfg_attr(
    no_xcproj_corpus,
    ignore = "the corpus of Xcode 27 projects is not beside the repository"
)]
fn an_edited_project_of_xcode_27_is_one_that_xcode_could_have_written() {
    let mut edited = 0;
    for project in projects_with(XCPROJ, "project.xcproj") {
        for target in project.targets() {
            for count in 1..=target.configurations.len() {
                let mut some = target.clone();
                some.configurations.truncate(count);
                let text = signed(&project, &some);
                assert!(layout::is_canonical(&text), "{text}");
                // With the target's own values put back, it is the file that it was.
                let (mut undone, number) = (text.clone(), position(&project, &target));
                undone.replace_range(span(&text, number), &project.text()[span(project.text(), number)]);
                assert!(
                    undone == project.text(),
                    "{}: something else changed",
                    project.path().display()
                );
                edited += 1;
            }
        }
    }
    println!("{edited} edits of project.xcproj");
}

fn position(project: &Project, target: &Target) -> usize {
    let targets = project.targets();
    targets.iter().position(|known| known.id == target.id).unwrap()
}

/// Where a target stands in a `project.xcproj`.
fn span(text: &str, number: usize) -> Range<usize> {
    let document = json5::Document::parse(text).unwrap();
    document.root().get("targets").unwrap().elements()[number]
        .node
        .span
        .clone()
}

#[test]
#[cfg_attr(
    any(no_corpus, no_readers),
    ignore = "the corpus or the readers (`npm ci` in tests/readers) are missing"
)]
fn another_reader_still_reads_what_was_edited() {
    assert!(
        Path::new(READERS).join("node_modules").is_dir(),
        "run `npm ci` in {READERS}"
    );
    let folder = tempfile::tempdir().unwrap();
    let mut written = 0;
    for (number, project) in projects().iter().enumerate() {
        // The independent readers know the form that Xcode writes.
        if project.format() != xcode_project::Format::OpenStep {
            continue;
        }
        let Some(target) = main_target(project) else {
            continue;
        };
        let objects = project.kinds().values().sum::<usize>();
        let text = signed(project, &target);
        assert!(Document::parse(&text).is_ok());
        std::fs::write(folder.path().join(format!("{number}-{objects}.pbxproj")), text).unwrap();
        written += 1;
    }
    let output = Command::new("node")
        .arg("read.mjs")
        .arg(folder.path())
        .current_dir(READERS)
        .output()
        .unwrap();
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}\n{complained}");
    assert_eq!(said.trim(), format!("{written} projects read"));
    println!("{}", said.trim());
}
