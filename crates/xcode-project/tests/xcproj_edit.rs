//! Edits of `project.xcproj`: the lines that Xcode's own writer would change, and no other byte.
//!
//! What Xcode writes is taken from tuist/XcodeProj 9.17 (`BuildSettingsMapping.swift`), rork-xcode 0.13
//! (`src/xcproj/settings.ts`) and files that Xcode 27.2 wrote (maxgoedjen/secretive, pull request 837).
#![expect(clippy::unwrap_used, reason = "helpers of tests: failures that end the test")]

use xcode_project::{ManualSigning, Project};

const HEAD: &str = "{\n  \"default-configuration\": \"Release\",\n  \"configurations\": [\n    \"Debug\",\n    \"Release\",\n    \"Test\",\n  ],\n  \"localizations\": {\n    \"development\": \"en\",\n  },\n  \"files\": [\n  ],\n  \"targets\": [\n    {\n      \"name\": \"App\",\n      \"id\": \"A1\",\n      \"product-type\": \"application\",\n";
const TAIL: &str = "    },\n  ],\n}\n";

fn open(text: &str) -> (tempfile::TempDir, Project) {
    let folder = tempfile::Builder::new().suffix(".xcodeproj").tempdir().unwrap();
    std::fs::write(folder.path().join("project.xcproj"), text).unwrap();
    let project = Project::open(folder.path()).unwrap();
    (folder, project)
}

fn signed(text: &str, configurations: &[&str]) -> String {
    let (_folder, project) = open(text);
    let target = project.targets().remove(0);
    let all: Vec<_> = configurations
        .iter()
        .map(|configuration| {
            let signing = ManualSigning {
                team_id: "TEAM123456".to_owned(),
                identity: "Apple Distribution".to_owned(),
                profile_uuid: "0-1".to_owned(),
                platform: xcode_project::Platform::Ios,
            };
            (target.clone(), (*configuration).to_owned(), signing)
        })
        .collect();
    let after = project.sign_manually(&all).unwrap();
    // What was written is read, and says so.
    let (_folder, again) = open(&after);
    let target = again.targets().remove(0);
    for configuration in configurations {
        let settings = again.assigned(Some(&target), configuration).unwrap();
        for (key, value) in [
            ("CODE_SIGN_STYLE", "Manual"),
            ("DEVELOPMENT_TEAM", "TEAM123456"),
            ("PROVISIONING_PROFILE", "0-1"),
        ] {
            assert_eq!(settings[key].as_text(), Some(value), "{after}");
        }
    }
    assert_eq!(
        again.sign_manually(&all_of(&again, configurations)).unwrap(),
        after,
        "twice is once"
    );
    after
}

fn all_of(project: &Project, configurations: &[&str]) -> Vec<(xcode_project::Target, String, ManualSigning)> {
    let target = project.targets().remove(0);
    let signing = ManualSigning {
        team_id: "TEAM123456".to_owned(),
        identity: "Apple Distribution".to_owned(),
        profile_uuid: "0-1".to_owned(),
        platform: xcode_project::Platform::Ios,
    };
    configurations
        .iter()
        .map(|configuration| (target.clone(), (*configuration).to_owned(), signing.clone()))
        .collect()
}

/// The inside of the target's build settings before and after signing.
#[track_caller]
fn check(before: &[&str], configurations: &[&str], after: &[&str]) {
    let file = |lines: &[&str]| {
        let lines: String = lines.iter().map(|line| format!("        {line}\n")).collect();
        format!("{HEAD}      \"build-settings\": {{\n{lines}      }},\n{TAIL}")
    };
    let edited = signed(&file(before), configurations);
    assert!(edited == file(after), "{edited}");
}

#[test]
fn a_setting_for_all_configurations_is_split_when_one_changes() {
    check(
        &[
            r#""CODE_SIGN_STYLE": "Automatic","#,
            r#""CURRENT_PROJECT_VERSION": "1","#,
            r#""PRODUCT_NAME": "$(TARGET_NAME)","#,
        ],
        &["Release"],
        &[
            r#""CODE_SIGN_IDENTITY[config=Release]": "Apple Distribution","#,
            r#""CODE_SIGN_STYLE[config=Debug]": "Automatic","#,
            r#""CODE_SIGN_STYLE[config=Release]": "Manual","#,
            r#""CODE_SIGN_STYLE[config=Test]": "Automatic","#,
            r#""CURRENT_PROJECT_VERSION": "1","#,
            r#""DEVELOPMENT_TEAM[config=Release]": "TEAM123456","#,
            r#""PRODUCT_NAME": "$(TARGET_NAME)","#,
            r#""PROVISIONING_PROFILE[config=Release]": "0-1","#,
            r#""PROVISIONING_PROFILE_SPECIFIER[config=Release]": "","#,
        ],
    );
}

#[test]
fn settings_that_agree_are_folded() {
    check(
        &[
            r#""CODE_SIGN_IDENTITY": "Apple Distribution","#,
            r#""CODE_SIGN_STYLE[config=Debug]": "Manual","#,
            r#""CODE_SIGN_STYLE[config=Release]": "Automatic","#,
            r#""CODE_SIGN_STYLE[config=Test]": "Manual","#,
            r#""DEVELOPMENT_TEAM[config=Debug]": "TEAM123456","#,
            r#""DEVELOPMENT_TEAM[config=Test]": "TEAM123456","#,
            r#""PROVISIONING_PROFILE": "0-1","#,
            r#""PROVISIONING_PROFILE_SPECIFIER": "","#,
        ],
        &["Release"],
        &[
            r#""CODE_SIGN_IDENTITY": "Apple Distribution","#,
            r#""CODE_SIGN_STYLE": "Manual","#,
            r#""DEVELOPMENT_TEAM": "TEAM123456","#,
            r#""PROVISIONING_PROFILE": "0-1","#,
            r#""PROVISIONING_PROFILE_SPECIFIER": "","#,
        ],
    );
}

#[test]
fn all_configurations_at_once_leave_one_line_each() {
    check(
        &[
            r#""CODE_SIGN_STYLE[config=Debug]": "Automatic","#,
            r#""SDKROOT": "iphoneos","#,
        ],
        &["Debug", "Release", "Test"],
        &[
            r#""CODE_SIGN_IDENTITY": "Apple Distribution","#,
            r#""CODE_SIGN_STYLE": "Manual","#,
            r#""DEVELOPMENT_TEAM": "TEAM123456","#,
            r#""PROVISIONING_PROFILE": "0-1","#,
            r#""PROVISIONING_PROFILE_SPECIFIER": "","#,
            r#""SDKROOT": "iphoneos","#,
        ],
    );
}

#[test]
fn a_key_moves_where_others_stand_between_its_old_and_its_new_place() {
    // `[` sorts after letters and before `_`.
    check(
        &[
            r#""CODE_SIGN_STYLE": "Automatic","#,
            r#""CODE_SIGN_STYLES": "mine","#,
            r#""CODE_SIGN_STYLE_X": "mine","#,
        ],
        &["Release"],
        &[
            r#""CODE_SIGN_IDENTITY[config=Release]": "Apple Distribution","#,
            r#""CODE_SIGN_STYLES": "mine","#,
            r#""CODE_SIGN_STYLE[config=Debug]": "Automatic","#,
            r#""CODE_SIGN_STYLE[config=Release]": "Manual","#,
            r#""CODE_SIGN_STYLE[config=Test]": "Automatic","#,
            r#""CODE_SIGN_STYLE_X": "mine","#,
            r#""DEVELOPMENT_TEAM[config=Release]": "TEAM123456","#,
            r#""PROVISIONING_PROFILE[config=Release]": "0-1","#,
            r#""PROVISIONING_PROFILE_SPECIFIER[config=Release]": "","#,
        ],
    );
}

#[test]
fn a_target_without_settings_gets_them_where_xcode_puts_them() {
    let after = signed(
        &format!("{HEAD}      \"build-tool-path\": \"/usr/bin/make\",\n{TAIL}"),
        &["Release"],
    );
    let expected = format!(
        "{HEAD}      \"build-settings\": {{\n        \"CODE_SIGN_IDENTITY[config=Release]\": \"Apple Distribution\",\n        \"CODE_SIGN_STYLE[config=Release]\": \"Manual\",\n        \"DEVELOPMENT_TEAM[config=Release]\": \"TEAM123456\",\n        \"PROVISIONING_PROFILE[config=Release]\": \"0-1\",\n        \"PROVISIONING_PROFILE_SPECIFIER[config=Release]\": \"\",\n      }},\n      \"build-tool-path\": \"/usr/bin/make\",\n{TAIL}"
    );
    assert_eq!(after, expected);
    for empty in ["{}", "{\n      }", "null", "{ }"] {
        let after = signed(
            &format!(
                "{HEAD}      \"build-settings\": {empty},\n      \"build-tool-path\": \"/usr/bin/make\",\n{TAIL}"
            ),
            &["Release"],
        );
        assert_eq!(after, expected, "{empty}");
    }
}

#[test]
fn what_xcode_notes_beside_the_settings_changes_where_it_is_there() {
    let noted = |style: &str, team: &str| {
        format!(
            "{HEAD}      \"legacy-provisioning-style\": \"{style}\",\n      \"legacy-team-id\": \"{team}\",\n      \"build-settings\": {{\n"
        )
    };
    let after = signed(
        &format!("{}      }},\n{TAIL}", noted("automatic", "OLD")),
        &["Release"],
    );
    assert!(after.starts_with(&noted("manual", "TEAM123456")), "{after}");
}

#[test]
fn a_file_made_by_hand_keeps_its_remarks_spelling_and_line_ends() {
    let before = "// ours\r\n{'default-configuration': 'Release', configurations: ['Release', 'Debug'], files: [], mine: 0x1F,\r\n targets: [ {\r\n\tname: 'App', id: 'A1', /* the app */ 'product-type': 'application',\r\n\t'build-settings': {\r\n\t\t// who signs\r\n\t\tCODE_SIGN_STYLE: 'Automatic', // for now\r\n\t\tA: '\\x41',\r\n\t\tB: ['b', \"c\"]\r\n\t}\r\n} ]}";
    let after = signed(before, &["Release"]);
    let expected = "// ours\r\n{'default-configuration': 'Release', configurations: ['Release', 'Debug'], files: [], mine: 0x1F,\r\n targets: [ {\r\n\tname: 'App', id: 'A1', /* the app */ 'product-type': 'application',\r\n\t'build-settings': {\r\n\t\t// who signs\r\n\t\t'CODE_SIGN_STYLE[config=Debug]': 'Automatic', // for now\r\n\t\t'CODE_SIGN_STYLE[config=Release]': 'Manual',\r\n\t\tA: '\\x41',\r\n\t\tB: ['b', \"c\"],\r\n\t\t'CODE_SIGN_IDENTITY[config=Release]': 'Apple Distribution',\r\n\t\t'DEVELOPMENT_TEAM[config=Release]': 'TEAM123456',\r\n\t\t'PROVISIONING_PROFILE[config=Release]': '0-1',\r\n\t\t'PROVISIONING_PROFILE_SPECIFIER[config=Release]': ''\r\n\t}\r\n} ]}";
    assert!(after == expected, "{after}");
}

#[test]
fn a_file_in_one_line_stays_in_one_line() {
    let before = r#"{"default-configuration":"Release","configurations":["Release"],"files":[],"targets":[{"name":"App","id":"A1","product-type":"application"}]}"#;
    let after = signed(before, &["Release"]);
    assert!(!after.contains('\n'), "{after}");
    assert!(after.contains(r#""CODE_SIGN_STYLE": "Manual""#), "{after}");
}
