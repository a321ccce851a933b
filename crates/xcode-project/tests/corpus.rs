//! Every project file of the corpus of real-world Xcode projects, where it is there.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: a count for people, and failures that end the test"
)]

use std::path::{Path, PathBuf};

use xcode_project::{Document, ManualSigning, Project};

const CORPUS: &str = "../../../shared/corpus";

fn project_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            project_files(&path, found);
        } else if path.file_name().is_some_and(|name| name == "project.pbxproj") {
            found.push(path);
        }
    }
}

fn files() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    project_files(Path::new(CORPUS), &mut found);
    found.sort();
    assert!(!found.is_empty(), "there is no project in {CORPUS}");
    let texts = found
        .into_iter()
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()));
    texts.collect()
}

#[test]
#[cfg_attr(no_corpus, ignore = "the corpus of projects is not beside the repository")]
fn every_project_is_read_and_printed_to_the_byte() {
    let mut read = 0;
    for (path, text) in files() {
        // The corpus holds one file with merge conflicts, which must be refused.
        let is_conflict = path.to_string_lossy().contains("Conflict");
        match Document::parse(&text) {
            Ok(document) => {
                assert!(!is_conflict, "{} must be refused", path.display());
                assert_eq!(document.text(), text);
                read += 1;
            }
            Err(error) => assert!(is_conflict, "{}: {error}", path.display()),
        }
    }
    println!("{read} projects read");
}

#[test]
#[cfg_attr(no_corpus, ignore = "the corpus of projects is not beside the repository")]
fn every_target_of_every_project_has_a_name_and_configurations() {
    let mut targets = 0;
    for (path, _) in files() {
        let Ok(project) = Project::open(path.parent().unwrap()) else {
            continue;
        };
        for target in project.targets() {
            assert!(!target.name.is_empty(), "{}", path.display());
            for configuration in &target.configurations {
                project.settings(&target, configuration).unwrap();
            }
            targets += 1;
        }
    }
    println!("{targets} targets resolved");
}

#[test]
#[cfg_attr(no_corpus, ignore = "the corpus of projects is not beside the repository")]
fn signing_any_target_changes_nothing_but_lines_and_stays_readable() {
    let mut signed = 0;
    for (path, text) in files() {
        let Ok(project) = Project::open(path.parent().unwrap()) else {
            continue;
        };
        for target in project
            .targets()
            .into_iter()
            .filter(xcode_project::Target::is_executable)
        {
            for configuration in &target.configurations {
                let signing = ManualSigning {
                    team_id: "ZZZZZZZZZZ".to_owned(),
                    identity: "ZZZZ".to_owned(),
                    profile_uuid: "zz-zz".to_owned(),
                    platform: xcode_project::Platform::Ios,
                };
                let after = project
                    .sign_manually(&[(target.clone(), configuration.clone(), signing)])
                    .unwrap();
                Document::parse(&after).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                // Every line of the original is still there, but for those with a signing setting.
                let kept: std::collections::HashSet<&str> = after.lines().collect();
                let gone = text.lines().filter(|line| !kept.contains(line));
                for line in gone {
                    let is_signing = [
                        "CODE_SIGN",
                        "DEVELOPMENT_TEAM",
                        "PROVISIONING",
                        "DevelopmentTeam",
                        "ProvisioningStyle",
                        "buildSettings",
                        "<string>",
                        "<dict/>",
                        "TargetAttributes",
                    ];
                    assert!(
                        is_signing.iter().any(|word| line.contains(word)),
                        "{}: {line}",
                        path.display()
                    );
                }
                signed += 1;
            }
        }
    }
    println!("{signed} configurations signed");
}
