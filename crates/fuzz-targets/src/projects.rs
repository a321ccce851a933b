//! Files of Xcode projects.

use std::path::Path;

use xcode_project::{
    Archive, Container, Document, Error, ManualSigning, Platform, Project, Scheme, Settings, Workspace, json5,
};

use crate::scratch::Scratch;
use crate::text;

/// What a step asks of the settings of a target.
const SETTINGS: [&str; 6] = [
    "PRODUCT_BUNDLE_IDENTIFIER",
    "CODE_SIGN_ENTITLEMENTS",
    "INFOPLIST_FILE",
    "SDKROOT",
    "SUPPORTED_PLATFORMS",
    "DEVELOPMENT_TEAM",
];

pub(crate) fn pbxproj(bytes: &[u8]) {
    let text = text(bytes);
    if let Ok(document) = Document::parse(&text) {
        assert_eq!(document.text(), text);
    }
    project("project.pbxproj", text.as_bytes());
}

pub(crate) fn xcproj(bytes: &[u8]) {
    let text = text(bytes);
    if let Ok(document) = json5::Document::parse(&text) {
        assert_eq!(document.text(), text);
    }
    project("project.xcproj", text.as_bytes());
}

/// Reads a project as a step does, signs its targets, and reads what came of it.
fn project(file: &str, content: &[u8]) {
    let scratch = Scratch::new();
    scratch.file(&format!("App.xcodeproj/{file}"), content);
    let path = scratch.path().join("App.xcodeproj");
    let Ok(project) = Project::open(&path) else {
        return;
    };
    let _ = (
        project.kinds(),
        project.nested_projects(),
        project.configuration_names(),
    );
    let mut signed = Vec::new();
    for target in project.targets().into_iter().take(8) {
        let Some(configuration) = project.effective_configuration(&target, "Release") else {
            continue;
        };
        let Ok(settings) = project.settings(&target, &configuration) else {
            continue;
        };
        for name in SETTINGS {
            let _ = (settings.get(name), settings.list(name), settings.with_gaps(name));
        }
        let _ = project.bundle_id(&target, &settings);
        let _ = project.entitlements(&target, &settings, "com.example.app");
        let _ = (project.details(&target), project.build_phases(&target).len());
        let signing = ManualSigning {
            team_id: "ABCDE12345".to_owned(),
            identity: "Apple Distribution".to_owned(),
            profile_uuid: "3F1A0000-0000-4000-8000-000000000000".to_owned(),
            platform: Platform::Ios,
        };
        signed.push((target, configuration, signing));
    }
    archive(&path, &project);
    let Ok(edited) = project.sign_manually(&signed) else {
        return;
    };
    std::fs::write(project.file(), &edited).expect("a file");
    let again = Project::open(&path).unwrap_or_else(|error| panic!("the edited project: {error}"));
    for (target, configuration, signing) in &signed {
        let assigned = again.assigned(Some(target), configuration);
        let team = assigned.and_then(|assigned| assigned.get("DEVELOPMENT_TEAM"));
        assert!(
            team.is_some(),
            "{} is not signed for {}",
            target.name,
            signing.team_id
        );
    }
    let twice = again.sign_manually(&signed).expect("a second edit");
    assert_eq!(twice, edited, "a second edit changes something");
}

/// What an archive of a scheme with all targets builds.
fn archive(path: &Path, project: &Project) {
    let Ok(container) = Container::open(path) else {
        return;
    };
    let entries: String = project
        .targets()
        .iter()
        .take(8)
        .map(|target| {
            let id: String = target.id.chars().filter(char::is_ascii_alphanumeric).collect();
            format!("<BuildActionEntry buildForArchiving=\"YES\"><BuildableReference BlueprintIdentifier=\"{id}\" BlueprintName=\"App\" ReferencedContainer=\"container:App.xcodeproj\"/></BuildActionEntry>")
        })
        .collect();
    let scheme = format!(
        "<Scheme><BuildAction><BuildActionEntries>{entries}</BuildActionEntries></BuildAction></Scheme>"
    );
    let scheme = Scheme::parse(&scheme, "App", path).expect("a scheme");
    let mut workspace = Workspace::of(container);
    if let Ok(roots) = workspace.roots(&scheme, "Release", None) {
        let archive = Archive {
            configuration: "Release",
            destination: Platform::Ios,
            implicit: true,
        };
        let _ = workspace.built(&roots, archive);
    }
}

pub(crate) fn scheme(bytes: &[u8]) {
    let _ = Scheme::parse(&text(bytes), "App", Path::new("/project/App.xcodeproj"));
}

pub(crate) fn workspace(bytes: &[u8]) {
    let scratch = Scratch::new();
    scratch.file("App.xcworkspace/contents.xcworkspacedata", bytes);
    let path = scratch.path().join("App.xcworkspace");
    match Container::open(&path) {
        Ok(container) => {
            let _ = (
                container.projects().len(),
                container.scheme("App"),
                container.scheme_files(),
            );
        }
        Err(error) => assert!(
            matches!(error, Error::Unreadable { .. } | Error::Io { .. }),
            "{error}"
        ),
    }
}

/// One assignment a line, as xcconfig files have them; each is asked for.
pub(crate) fn settings(bytes: &[u8]) {
    let text = text(bytes);
    let assignments: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .take(64)
        .collect();
    let names: Vec<String> = assignments.iter().map(|(name, _)| name.clone()).collect();
    let settings = Settings::from_assignments(assignments, "iphoneos", "Release");
    for name in names.iter().take(16) {
        let _ = (settings.get(name), settings.settled(name), settings.list(name));
        let _ = (
            settings.with_gaps(name),
            settings.depends_on(name, "PRODUCT_NAME"),
        );
    }
    let _ = (settings.expand(&text), settings.platform());
}

/// Two files, with a zero byte between them; each may include the other.
pub(crate) fn xcconfig(bytes: &[u8]) {
    let mut files = bytes.splitn(2, |byte| *byte == 0);
    let scratch = Scratch::new();
    let main = scratch.file("a.xcconfig", files.next().unwrap_or_default());
    scratch.file("b.xcconfig", files.next().unwrap_or_default());
    let read = xcode_project::xcconfig::read(&main, Some(scratch.path()));
    let names: Vec<String> = read
        .assignments
        .iter()
        .map(|(name, _)| name.clone())
        .take(16)
        .collect();
    let settings = Settings::from_assignments(read.assignments, "iphoneos", "Release");
    for name in names {
        let _ = settings.get(&name);
    }
}

pub(crate) fn xcodebuild(bytes: &[u8]) {
    let _ = xcode_project::xcodebuild::settings(&text(bytes));
}
