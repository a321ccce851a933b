//! Projects that exist in both formats: every answer about them is equal, and so is what signing makes of them.
#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

use std::path::{Path, PathBuf};

use xcode_project::{
    BuildFile, BuildItem, BuildPhase, Container, Format, ManualSigning, Platform, Project, Support, Target,
};

const CORPUS: &str = "../../../shared/corpus-xcproj";

/// Projects that were converted without any other change, by Xcode 27.2 or a fixture of rork-xcode.
const PAIRS: [(&str, &str); 3] = [
    ("xcproj-rork-app", "SampleApp.xcodeproj"),
    ("xcproj-swiftautogui", "Sample/Sample.xcodeproj"),
    ("xcproj-trackpadair", "TrackpadAir.xcodeproj"),
];

fn pairs() -> Vec<(Project, Project)> {
    let open = |path: PathBuf| Project::open(&path).unwrap();
    PAIRS
        .iter()
        .map(|(slug, path)| {
            let folder = Path::new(CORPUS).join(slug);
            let (new, old) = (open(folder.join(path)), open(folder.join("before").join(path)));
            assert_eq!((new.format(), old.format()), (Format::Xcproj, Format::OpenStep));
            (new, old)
        })
        .collect()
}

/// Paths as they count from the project, so that those of two places can be compared.
fn below(project: &Project, path: Option<&PathBuf>) -> Option<PathBuf> {
    let root = project.source_root();
    path.map(|path| {
        xcode_project::normalized(path)
            .strip_prefix(root)
            .unwrap()
            .to_owned()
    })
}

/// The phases without what the formats order differently, since `project.xcproj` keeps no order of files in a phase, and
/// without packages: SwiftAutoGUI came to link one more between the two states.
fn phases(project: &Project, target: &Target) -> Vec<BuildPhase> {
    let mut phases = project.build_phases(target).to_vec();
    for phase in &mut phases {
        phase
            .files
            .retain(|file| !matches!(file.item, BuildItem::Package { .. }));
        let key = |file: &BuildFile| format!("{:?}", file.item);
        phase.files.sort_by_key(key);
    }
    phases
}

#[test]
#[cfg_attr(
    no_xcproj_corpus,
    ignore = "the corpus of Xcode 27 projects is not beside the repository"
)]
fn every_answer_is_equal_in_both_formats() {
    for (new, old) in pairs() {
        let targets = new.targets();
        assert_eq!(targets, old.targets());
        assert_eq!(new.configuration_names(), old.configuration_names());
        assert_eq!(new.default_configuration(), old.default_configuration());
        for configuration in new.configuration_names() {
            assert_eq!(
                new.assigned(None, &configuration),
                old.assigned(None, &configuration)
            );
        }
        for target in &targets {
            assert_eq!(new.details(target), old.details(target));
            assert_eq!(phases(&new, target), phases(&old, target));
            let folders = |project: &Project| {
                let folders = project.synchronized_folders(target).iter();
                let parts = folders.map(|folder| {
                    let path = below(project, folder.path.as_ref());
                    (path, folder.is_member, folder.exceptions.clone())
                });
                parts.collect::<Vec<_>>()
            };
            assert_eq!(folders(&new), folders(&old));
            for configuration in &target.configurations {
                assert_eq!(
                    new.assigned(Some(target), configuration),
                    old.assigned(Some(target), configuration)
                );
                let base = |project: &Project| {
                    let base = project.base_configuration_of(Some(target), configuration);
                    below(project, base.map(|base| base.path).as_ref())
                };
                assert_eq!(base(&new), base(&old));
                let settings = |project: &Project| project.settings(target, configuration).unwrap();
                let (one, other) = (settings(&new), settings(&old));
                assert_eq!(one.sdk(), other.sdk());
                assert_eq!(
                    new.bundle_id(target, &one).ok(),
                    old.bundle_id(target, &other).ok()
                );
                assert_eq!(Support::of(target, &one), Support::of(target, &other));
            }
        }
    }
}

#[test]
#[cfg_attr(
    no_xcproj_corpus,
    ignore = "the corpus of Xcode 27 projects is not beside the repository"
)]
fn signing_gives_equal_settings_in_both_formats() {
    for (new, old) in pairs() {
        let configurations = new.configuration_names();
        for chosen in [&configurations[..1], &configurations[..]] {
            let signed = |project: &Project, name: &str| {
                let mut edits = Vec::new();
                for target in project.targets().into_iter().filter(Target::is_app) {
                    for configuration in chosen {
                        let signing = ManualSigning {
                            team_id: "ZZZZZZZZZZ".to_owned(),
                            identity: "Apple Distribution".to_owned(),
                            profile_uuid: "zz-zz".to_owned(),
                            platform: Platform::Ios,
                        };
                        edits.push((target.clone(), configuration.clone(), signing));
                    }
                }
                let folder = tempfile::Builder::new().suffix(".xcodeproj").tempdir().unwrap();
                let text = project.sign_manually(&edits).unwrap();
                std::fs::write(folder.path().join(name), text).unwrap();
                Project::open(folder.path()).unwrap()
            };
            let (new, old) = (signed(&new, "project.xcproj"), signed(&old, "project.pbxproj"));
            for target in new.targets() {
                for configuration in &configurations {
                    assert_eq!(
                        new.assigned(Some(&target), configuration),
                        old.assigned(Some(&target), configuration)
                    );
                }
            }
        }
    }
}

#[test]
fn a_bundle_with_both_files_is_refused_as_xcode_refuses_it() {
    let folder = tempfile::Builder::new().suffix(".xcodeproj").tempdir().unwrap();
    for name in ["project.pbxproj", "project.xcproj"] {
        std::fs::write(folder.path().join(name), "{}").unwrap();
    }
    let error = Project::open(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("both `project.pbxproj` and `project.xcproj`"),
        "{error}"
    );
    // A project is found by its folder all the same, so that the error is heard where it is named.
    assert!(Project::is_at(folder.path()) && Container::open(folder.path()).is_ok());
}
