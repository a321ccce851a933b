//! Projects that were made to crash, to stall, or to fill the memory of who reads them, and files that change meanwhile.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use xcode_project::{Answer, Container, Error, ManualSigning, Project, Scheme, Settings};

struct Sample {
    folder: tempfile::TempDir,
}

impl Sample {
    /// A project of one app whose settings hold `settings` too.
    fn new(settings: &str) -> Self {
        let sample = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(sample.project()).unwrap();
        let text = format!(
            "// !$*UTF8*$!\n{{\n\tobjects = {{\n\t\tP = {{isa = PBXProject; buildConfigurationList = L; targets = (T, ); }};\n\t\tT = {{isa = PBXNativeTarget; name = App; productType = \"com.apple.product-type.application\"; buildConfigurationList = L; }};\n\t\tL = {{isa = XCConfigurationList; buildConfigurations = (C, ); }};\n\t\tC = {{isa = XCBuildConfiguration; name = Release; buildSettings = {{\n\t\t\tPRODUCT_BUNDLE_IDENTIFIER = com.example.app;\n\t\t\tSDKROOT = iphoneos;\n\t\t\t{settings}\n\t\t}}; }};\n\t}};\n\trootObject = P;\n}}\n"
        );
        std::fs::write(sample.file(), text).unwrap();
        sample
    }

    fn project(&self) -> PathBuf {
        self.folder.path().join("App.xcodeproj")
    }

    fn file(&self) -> PathBuf {
        self.project().join("project.pbxproj")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }

    fn signed(project: &Project) -> String {
        let target = project.targets().remove(0);
        let signing = ManualSigning {
            team_id: "TEAM123456".to_owned(),
            identity: "Apple Distribution".to_owned(),
            profile_uuid: "AAAA".to_owned(),
            platform: xcode_project::Platform::Ios,
        };
        project
            .sign_manually(&[(target, "Release".to_owned(), signing)])
            .unwrap()
    }
}

#[test]
fn entitlements_that_are_nested_without_end_are_an_error_that_names_the_file() {
    let sample = Sample::new("CODE_SIGN_ENTITLEMENTS = App.entitlements;");
    let project = Project::open(&sample.project()).unwrap();
    let settings = project.settings(&project.targets()[0], "Release").unwrap();
    let bomb = |body: &str| {
        format!("<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>k</key>{body}</dict></plist>")
    };
    let nested = bomb(&format!(
        "{}{}",
        "<array>".repeat(200_000),
        "</array>".repeat(200_000)
    ));
    std::fs::write(sample.folder.path().join("App.entitlements"), nested).unwrap();
    let error = project
        .entitlements(&project.targets()[0], &settings, "com.example.app")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("App.entitlements") && error.contains("levels deep"),
        "{error}"
    );
}

#[test]
fn settings_that_are_nested_without_end_end_soon() {
    for (open, close) in [("$(", ")"), ("${", "}"), ("$(", ""), ("$(A:default=", ")")] {
        for count in [100, 1000, 20_000] {
            let value = format!("{}{}", open.repeat(count), close.repeat(count));
            let settings = Settings::from_assignments([("S".to_owned(), value)], "iphoneos", "Release");
            let started = Instant::now();
            let answer = settings.get("S");
            assert!(started.elapsed() < Duration::from_secs(20));
            assert!(!matches!(answer, Answer::Unset), "{open} {count}");
        }
    }
}

#[test]
fn workspaces_with_groups_without_end_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = folder.path().join("App.xcworkspace");
    std::fs::create_dir(&workspace).unwrap();
    for text in [
        format!("<Workspace>{}", "<Group location=\"group:a\">".repeat(100_000)),
        format!("<Workspace>{}", "<FileRef location=\"group:a\"/>".repeat(200_000)),
    ] {
        std::fs::write(workspace.join("contents.xcworkspacedata"), text).unwrap();
        assert!(matches!(
            Container::open(&workspace),
            Err(Error::Unreadable { .. })
        ));
    }
}

#[test]
fn schemes_that_are_nested_without_end_do_not_overflow() {
    for tag in ["Scheme", "BuildAction", "Group"] {
        let (open, close) = (
            format!("<{tag}>").repeat(100_000),
            format!("</{tag}>").repeat(100_000),
        );
        let _ = Scheme::parse(&format!("<Scheme>{open}{close}</Scheme>"), "App", Path::new(""));
        let _ = Scheme::parse(&format!("<Scheme>{open}"), "App", Path::new(""));
    }
}

#[test]
fn only_files_are_read_as_projects() {
    for place in ["/dev/zero", "/dev/tty", "/proc/self/mem"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("App.xcodeproj");
        std::fs::create_dir(&path).unwrap();
        std::os::unix::fs::symlink(place, path.join("project.pbxproj")).unwrap();
        assert!(Project::open(&path).is_err(), "{place}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("App.xcodeproj");
    std::fs::create_dir_all(path.join("project.pbxproj")).unwrap();
    assert!(Project::open(&path).is_err());
}

#[test]
fn a_project_of_more_values_than_memory_holds_is_refused() {
    let sample = Sample::new(&format!("S = ({});", "a,".repeat(4_000_001)));
    assert!(matches!(
        Project::open(&sample.project()),
        Err(Error::Unreadable { .. })
    ));
}

#[test]
fn a_project_file_that_is_a_link_is_edited_where_it_lies() {
    let sample = Sample::new("");
    let real = sample.folder.path().join("real.pbxproj");
    std::fs::rename(sample.file(), &real).unwrap();
    std::os::unix::fs::symlink("../real.pbxproj", sample.file()).unwrap();
    let project = Project::open(&sample.project()).unwrap();
    project.save(&Sample::signed(&project)).unwrap();
    assert!(sample.file().is_symlink());
    assert!(std::fs::read_to_string(real).unwrap().contains("TEAM123456"));
}

#[test]
fn what_another_program_wrote_meanwhile_is_not_overwritten() {
    let sample = Sample::new("");
    let project = Project::open(&sample.project()).unwrap();
    let signed = Sample::signed(&project);
    let theirs = sample
        .text()
        .replace("objects = {", "objects = {\n/* somebody was here */");
    std::fs::write(sample.file(), &theirs).unwrap();
    assert!(matches!(project.save(&signed), Err(Error::Changed(_))));
    assert_eq!(sample.text(), theirs);
    // Opened again, both changes are there.
    let project = Project::open(&sample.project()).unwrap();
    let signed = Sample::signed(&project);
    project.save(&signed).unwrap();
    assert!(sample.text().contains("somebody was here") && sample.text().contains("TEAM123456"));
    // And what was written after that is not undone.
    std::fs::write(sample.file(), &theirs).unwrap();
    assert!(matches!(project.restore(&signed), Err(Error::Changed(_))));
}
