//! What beats a project, and in which order. The expectations are those of `man xcodebuild`, and of swift-build at commit
//! 41aee62 (`Settings.swift`, addOverrides; `MacroConfigFileParser.swift`; `String.swift`).

use reference_resolver::{Destination, Project};

#[test]
fn the_variable_beats_the_flag_which_beats_arguments_which_beat_the_target() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let app = test_projects::target("App", "application")
        .set("A", "target")
        .set("B", "target")
        .set("C", "target")
        .set("D", "target")
        .set("E[sdk=iphoneos*]", "target");
    let path = test_projects::project(folder.path(), "App", &[("SDKROOT", "iphoneos")], &[app]);
    let flag = file("flag.xcconfig", "B = flag\nC = flag $(inherited)\n");
    let variable = file(
        "variable.xcconfig",
        "#include \"more.xcconfig\"\nC = variable $(inherited)\nE = $(NONE:default=$(inherited)) more\n",
    );
    file(
        "more.xcconfig",
        "D[config=My Release][sdk=iphoneos*] = never\nD[config=Release] = included\n",
    );
    let environment = [("XCODE_XCCONFIG_FILE".to_owned(), variable.display().to_string())];
    let arguments = ["A", "B", "C"].map(|key| (key.to_owned(), "argument".to_owned()));
    let project = Project::open(&path, &environment, "26.0")
        .unwrap()
        .with_arguments(&arguments, Some(&flag));
    let target = project.targets().remove(0);
    let settings = project.settings(&target, "Release", &Destination::of("iphoneos"));
    let get = |name: &str| settings.get(name).unwrap();
    assert_eq!(get("A"), "argument");
    assert_eq!(get("B"), "flag");
    assert_eq!(get("C"), "variable flag argument");
    assert_eq!(get("D"), "included");
    assert_eq!(get("E"), "target more");
}

#[test]
fn conditions_keep_their_blanks_and_identifiers_their_characters() {
    let folder = tempfile::tempdir().unwrap();
    let app = test_projects::target("Cafe\u{301} 2-日本", "application").configured(&["My Release"]);
    let path = test_projects::project(folder.path(), "App", &[("SDKROOT", "iphoneos")], &[app]);
    let variable = folder.path().join("v.xcconfig");
    std::fs::write(
        &variable,
        "X [config=My Release] = yes\nY[config=MyRelease] = no\n",
    )
    .unwrap();
    let environment = [("XCODE_XCCONFIG_FILE".to_owned(), variable.display().to_string())];
    let project = Project::open(&path, &environment, "26.0").unwrap();
    let target = project.targets().remove(0);
    let settings = project.settings(&target, "My Release", &Destination::of("iphoneos"));
    assert_eq!(settings.get("X").as_deref(), Some("yes"));
    assert_eq!(settings.get("Y"), None);
    // `e` with an accent of its own is one character, and none of ASCII.
    assert_eq!(settings.expand("$(TARGET_NAME:identifier)"), "Caf__2___");
    assert_eq!(settings.expand("$(TARGET_NAME:rfc1034identifier)"), "Caf--2---");
    assert!(
        settings
            .expand("$(TARGET_NAME:c99extidentifier)")
            .ends_with("_2_日本")
    );
}
