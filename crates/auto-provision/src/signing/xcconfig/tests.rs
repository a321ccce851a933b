//! What a build makes of the file, by two resolvers that share no code: `xcode-project`, which the step reads projects
//! with, and `reference-resolver`, which the stand-in for `xcodebuild` builds with. The rules of both are those of
//! swift-build at commit 41aee62; no Xcode has confirmed them here.

use std::path::{Path, PathBuf};

use provisioning::Distribution;
use reference_resolver::Destination;
use signing_assets::{Certificate, CertificateKind};
use time::OffsetDateTime;
use xcode_project::{Container, Workspace};

use super::super::{SignedWith, SigningTable, target as signed_target};
use super::*;
use apple_types::TeamId;

use crate::options::ApplyTo;
use crate::project::Analysis;
use crate::project::tests::Lab;
use test_projects::{TargetSpec, entry, target};

const IOS: (&str, &str) = ("SDKROOT", "iphoneos");

/// The version of the SDKs that the second resolver plays.
const VERSION: &str = "26.0";

fn certificate(name: &str) -> Certificate {
    Certificate {
        serial: "1F".to_owned(),
        common_name: format!("Apple Development: {name}"),
        team_id: TeamId::new("TEAM123456"),
        team_name: "Example".to_owned(),
        sha1: "0123456789ABCDEF0123456789ABCDEF01234567".to_owned(),
        not_before: OffsetDateTime::UNIX_EPOCH,
        not_after: OffsetDateTime::UNIX_EPOCH,
        kind: CertificateKind::AppleDevelopment,
        der: Vec::new(),
    }
}

/// The table of a scheme, each target with a profile of its own.
fn table(analysis: &Analysis) -> SigningTable {
    let items = analysis.archived.iter().chain(&analysis.ui_tests);
    let targets = items.map(|item| {
        let with = SignedWith {
            distribution: Distribution::Development,
            profile_name: format!("O'Brien's \"profile\" // of {}\n", item.need.bundle_id),
            profile_uuid: format!("uuid-{}-{:?}", item.need.bundle_id, item.platform),
            expires_at: OffsetDateTime::UNIX_EPOCH,
            certificate: certificate("O'Brien // \u{2028}"),
            team_id: "TEAM123456".parse().unwrap(),
        };
        let configurations = if item.need.ui_test {
            item.target.configurations.clone()
        } else {
            vec![item.configuration.clone()]
        };
        signed_target(item, configurations, with)
    });
    SigningTable {
        distribution: Distribution::Development,
        scheme: analysis.scheme.clone(),
        configuration: analysis.configuration.clone(),
        targets: targets.collect(),
        kept: Vec::new(),
    }
}

fn naming_of(analysis: &Analysis) -> Result<Naming, XcconfigError> {
    let signed = analysis.archived.iter().chain(&analysis.ui_tests);
    let signed = signed.map(|item| Candidate {
        target: &item.target.name,
        project: item.project.path(),
        settings: &item.settings,
        signed_for: Some((&item.need.bundle_id, item.platform)),
    });
    let others = analysis.neighbors.iter().map(|neighbor| Candidate {
        target: &neighbor.target,
        project: &neighbor.project,
        settings: &neighbor.settings,
        signed_for: None,
    });
    Naming::of(&signed.chain(others).collect::<Vec<_>>())
}

fn projects(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "xcodeproj") {
            found.push(path);
        } else if path.is_dir() && path.extension().is_none() {
            found.extend(projects(&path));
        }
    }
    found
}

/// The signing settings of a target by the second resolver.
fn by_reference(
    project: &Path,
    target: &str,
    configuration: &str,
    sdk: &str,
    file: Option<&Path>,
) -> Vec<String> {
    let environment: Vec<(String, String)> = file
        .map(|file| ("XCODE_XCCONFIG_FILE".to_owned(), file.display().to_string()))
        .into_iter()
        .collect();
    let project = reference_resolver::Project::open(project, &environment, VERSION).unwrap();
    let target = project
        .targets()
        .into_iter()
        .find(|known| known.name == target)
        .unwrap();
    let settings = project.settings(&target, configuration, &Destination::of(sdk));
    SETTINGS
        .iter()
        .map(|name| settings.get(name).unwrap_or_default())
        .collect()
}

/// The same by the first.
fn by_project(
    project: &Path,
    target: &str,
    configuration: &str,
    sdk: &str,
    file: Option<&Path>,
) -> Vec<String> {
    let container = Container::open(project).unwrap();
    let mut workspace = Workspace::of(container).overridden_by(file.map(Path::to_owned));
    let project = workspace.projects().remove(0);
    let target = project
        .targets()
        .into_iter()
        .find(|known| known.name == target)
        .unwrap();
    let settings = workspace.settings(&project, &target, configuration).unwrap();
    let settings = settings.for_sdk(&format!("{sdk}{VERSION}"));
    SETTINGS
        .iter()
        .map(|name| settings.with_gaps(name).unwrap_or_default())
        .collect()
}

/// Writes the file for a lab's scheme; every target of every project, in every configuration, for devices and simulators,
/// is then signed as the table says, or as it was.
#[track_caller]
fn check(lab: Lab) -> String {
    let lab = lab.with(|order| order.apply_to = ApplyTo::Xcconfig);
    let analysis = lab.read().unwrap_or_else(|error| panic!("{error:#}"));
    let table = table(&analysis);
    let naming = naming_of(&analysis).unwrap();
    let text = text(&table, naming, lab.overrides.as_deref()).unwrap();
    let file = lab.path("signing.xcconfig");
    std::fs::write(&file, &text).unwrap();
    let mut signed = 0;
    for project in projects(lab.folder.path()) {
        let opened = xcode_project::Project::open(&project).unwrap();
        for target in opened.targets() {
            if target.product_type.is_empty() {
                continue;
            }
            for configuration in &target.configurations {
                for sdk in ["iphoneos", "iphonesimulator", "watchos", "macosx", "appletvos"] {
                    let row = table.targets.iter().find(|row| {
                        row.name == target.name
                            && row.project == project
                            && row.configurations.contains(configuration)
                            && row.platform.sdk() == sdk
                    });
                    for resolve in [by_reference, by_project] {
                        let before = resolve(
                            &project,
                            &target.name,
                            configuration,
                            sdk,
                            lab.overrides.as_deref(),
                        );
                        let after = resolve(&project, &target.name, configuration, sdk, Some(&file));
                        let expected = row.map_or(before, |row| {
                            signed += 1;
                            let with = &row.build;
                            vec![
                                with.certificate.sha1.clone(),
                                "Manual".to_owned(),
                                with.team_id.to_string(),
                                with.profile_uuid.clone(),
                                with.profile_uuid.clone(),
                            ]
                        });
                        assert_eq!(after, expected, "{} {configuration} {sdk}\n{text}", target.name);
                    }
                }
            }
        }
    }
    let rows: usize = table.targets.iter().map(|row| row.configurations.len()).sum();
    assert_eq!(signed, 2 * rows, "both resolvers found every row");
    text
}

fn app(name: &str) -> TargetSpec {
    target(name, "application")
}

fn extension(name: &str) -> TargetSpec {
    target(name, "app-extension")
}

fn lab(targets: &[TargetSpec]) -> Lab {
    Lab::of(&[IOS], targets)
}

#[test]
fn every_target_gets_its_own_profile_and_all_others_stay() {
    check(lab(&[
        app("App").needs("Share", &[]).needs("Kit", &[]),
        extension("Share")
            .set("CODE_SIGN_STYLE", "Automatic")
            .set("DEVELOPMENT_TEAM", "OLD"),
        target("Kit", "framework")
            .set("CODE_SIGN_STYLE", "Automatic")
            .set("DEVELOPMENT_TEAM", "OLD"),
        target("Assets", "bundle").set("CODE_SIGNING_ALLOWED", "NO"),
        app("Other")
            .set("PROVISIONING_PROFILE_SPECIFIER", "match Other")
            .set("CODE_SIGN_STYLE", "Manual"),
    ]));
}

#[test]
fn names_need_not_be_identifiers() {
    for name in [
        "My App",
        "my-app.v2",
        "Caf\u{e9}",
        "Cafe\u{301}",
        "日本語",
        "3D",
        "👩‍👩‍👧 Family",
        "A[B]=C",
        "It's \"quoted\"",
        "a//b",
        "한국어",
        "नमस्ते",
    ] {
        // The scheme's target is found by its ID.
        let lab = Lab::new();
        let path = test_projects::project(
            lab.folder.path(),
            "App",
            &[IOS],
            &[
                app(name)
                    .set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.odd")
                    .set("PRODUCT_NAME", "Odd")
                    .needs("Share", &[]),
                extension("Share").set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.odd.share"),
            ],
        );
        let reference = entry("App", name).replace(&format!("\"{name}\""), "\"App\"");
        test_projects::scheme(&path, "App", "", &[reference]);
        check(lab);
    }
}

#[test]
fn targets_whose_names_become_the_same_are_told_apart_by_their_bundle_ids() {
    let text = check(lab(&[
        app("App")
            .needs("My Share", &[])
            .needs("My-Share", &[])
            .needs("日本", &[])
            .needs("中国", &[]),
        extension("My Share").set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.app.one"),
        extension("My-Share").set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.app.two"),
        extension("日本").set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.app.three"),
        extension("中国")
            .set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.app.$(NUMBER)")
            .set("NUMBER", "four"),
    ]));
    assert!(text.contains("PRODUCT_BUNDLE_IDENTIFIER:"), "{text}");
}

#[test]
fn a_neighbor_outside_of_the_scheme_is_not_taken_for_a_target_in_it() {
    let text = check(lab(&[
        app("App"),
        app("My App").set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.other"),
        app("My-App").set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.another"),
    ]));
    assert!(
        !text.contains("PRODUCT_BUNDLE_IDENTIFIER:"),
        "two that are not signed may be the same\n{text}"
    );
    let lab = Lab::new();
    let targets = [
        app("My App").set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.app"),
        app("My.App")
            .set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.other")
            .set("DEVELOPMENT_TEAM", "OTHER"),
    ];
    let path = test_projects::project(lab.folder.path(), "App", &[IOS], &targets);
    test_projects::scheme(&path, "App", "", &[entry("App", "My App")]);
    let text = check(lab);
    assert!(text.contains("PRODUCT_BUNDLE_IDENTIFIER:"), "{text}");
}

#[test]
fn targets_of_several_projects_may_have_one_name() {
    let lab = Lab::new();
    test_projects::project(
        lab.folder.path(),
        "One",
        &[IOS],
        &[
            app("App").needs("Share", &[]),
            extension("Share").set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.app.share"),
        ],
    );
    test_projects::project(
        lab.folder.path(),
        "Two",
        &[IOS],
        &[
            app("App")
                .set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.two")
                .needs("Share", &[]),
            extension("Share").set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.two.share"),
        ],
    );
    let path = test_projects::workspace(
        lab.folder.path(),
        "App",
        &["group:One.xcodeproj", "group:Two.xcodeproj"],
    );
    test_projects::scheme(&path, "App", "", &[entry("One", "App"), entry("Two", "App")]);
    check(lab.opening("App.xcworkspace"));
}

#[test]
fn projects_of_one_name_in_two_folders_are_told_apart() {
    let lab = Lab::new();
    let (first, second) = (lab.path("first"), lab.path("second"));
    for (folder, id) in [(&first, "org.example.first"), (&second, "org.example.second")] {
        std::fs::create_dir_all(folder).unwrap();
        test_projects::project(
            folder,
            "App",
            &[IOS],
            &[app("App").set("PRODUCT_BUNDLE_IDENTIFIER", id)],
        );
    }
    let path = test_projects::workspace(
        lab.folder.path(),
        "All",
        &["group:first/App.xcodeproj", "group:second/App.xcodeproj"],
    );
    let of = |folder: &str| entry("App", "App").replace("container:App", &format!("container:{folder}/App"));
    test_projects::scheme(&path, "App", "", &[of("first"), of("second")]);
    let text = check(lab.opening("All.xcworkspace"));
    assert!(text.contains("PRODUCT_BUNDLE_IDENTIFIER:"), "{text}");
}

#[test]
fn pods_with_the_name_of_an_extension_keep_their_settings() {
    let lab = Lab::new();
    test_projects::project(
        lab.folder.path(),
        "App",
        &[IOS],
        &[
            app("App").needs("Share", &[]),
            extension("Share").set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.app.share"),
        ],
    );
    // As CocoaPods writes them.
    let pod = |name: &str, kind: &str| {
        target(name, kind)
            .set("CODE_SIGN_IDENTITY[sdk=iphoneos*]", "")
            .set("CODE_SIGN_IDENTITY[sdk=appletvos*]", "")
            .set("CODE_SIGN_IDENTITY", "Apple Development")
            .set("CODE_SIGNING_ALLOWED", "NO")
    };
    std::fs::create_dir_all(lab.path("Pods")).unwrap();
    test_projects::project(
        &lab.path("Pods"),
        "App",
        &[IOS],
        &[
            pod("Share", "framework"),
            pod("App", "bundle"),
            pod("Pods-App", "framework"),
        ],
    );
    let path = test_projects::workspace(
        lab.folder.path(),
        "App",
        &["group:App.xcodeproj", "group:Pods/App.xcodeproj"],
    );
    test_projects::scheme(&path, "App", "", &[entry("App", "App")]);
    let text = check(lab.opening("App.xcworkspace"));
    assert!(
        !text.contains("PRODUCT_BUNDLE_IDENTIFIER:"),
        "the product type is enough\n{text}"
    );
}

#[test]
fn conditions_of_the_project_are_beaten_whatever_they_are() {
    check(lab(&[app("App")
        .set("CODE_SIGN_IDENTITY[sdk=iphoneos*]", "iPhone Developer")
        .set("PROVISIONING_PROFILE_SPECIFIER[sdk=iphoneos26.0]", "old")
        .set(
            "PROVISIONING_PROFILE_SPECIFIER[config=Release][sdk=iphoneos*]",
            "older",
        )
        .set("CODE_SIGN_STYLE[sdk=*]", "Automatic")
        .set("DEVELOPMENT_TEAM[sdk=macosx*]", "MAC")]));
}

#[test]
fn each_platform_of_a_scheme_has_its_own_lines() {
    let text = check(lab(&[
        app("App").needs("Watch", &[]),
        app("Watch")
            .set("SDKROOT", "watchos")
            .set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.app.watch"),
    ]));
    assert!(
        text.contains("CODE_SIGN_STYLE[sdk=iphoneos*]") && text.contains("CODE_SIGN_STYLE[sdk=watchos*]")
    );
    assert!(!text.contains("[sdk=macosx*]"));
}

#[test]
fn configurations_may_have_any_name() {
    for name in [
        "Release Store",
        "Release [EU]",
        "a/b//c",
        "100% *",
        "x=y",
        "Größe",
        "Back\\slash",
    ] {
        let lab = lab(&[app("App").configured(&["Debug", name])]);
        check(lab.with(|order| order.configuration = Some(name.to_owned())));
    }
}

#[test]
fn a_target_without_the_configuration_is_signed_in_its_own() {
    check(lab(&[
        app("App").needs("Share", &[]),
        extension("Share")
            .set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.app.share")
            .configured(&["Profile", "Other"]),
    ]));
}

#[test]
fn ui_tests_are_signed_in_every_configuration() {
    let lab = lab(&[
        app("App"),
        target("AppUITests", "bundle.ui-testing")
            .tests("App")
            .needs("App", &[]),
    ]);
    check(lab.with(|order| order.sign_uitest_targets = true));
}

#[test]
fn the_file_that_the_variable_names_already_keeps_its_effect() {
    let mut lab = lab(&[
        app("App").set("PRODUCT_BUNDLE_IDENTIFIER", "org.example$(SUFFIX)").needs("Share", &[]),
        extension("Share").set("PRODUCT_BUNDLE_IDENTIFIER", "org.example$(SUFFIX).share"),
        target("Kit", "framework"),
    ])
    .file("config/user.xcconfig", "#include \"more.xcconfig\"\nSUFFIX = .beta\nCODE_SIGN_STYLE = Automatic\nDEVELOPMENT_TEAM[sdk=iphoneos*] = USERS\n")
    .file("config/more.xcconfig", "PROVISIONING_PROFILE_SPECIFIER = theirs\n");
    lab.overrides = Some(lab.path("config/user.xcconfig"));
    let ids: Vec<String> = lab
        .read()
        .unwrap()
        .needs()
        .into_iter()
        .map(|need| need.bundle_id.to_string())
        .collect();
    assert_eq!(ids, ["org.example.beta", "org.example.beta.share"]);
    let text = check(lab);
    assert!(text.contains("config/user.xcconfig\"\n"), "{text}");
}

#[test]
fn what_can_t_be_told_apart_is_an_error_that_names_both() {
    for (one, other) in [
        ("org.example.app.my-share", "org.example.app.my.share"),
        // Which of the two it is would depend on what is looked up by it.
        ("$(DEVELOPMENT_TEAM).one", "$(DEVELOPMENT_TEAM).two"),
    ] {
        let lab = Lab::of(
            &[IOS, ("DEVELOPMENT_TEAM", "TEAM123456")],
            &[
                app("App").needs("My Share", &[]).needs("My-Share", &[]),
                extension("My Share").set("PRODUCT_BUNDLE_IDENTIFIER", one),
                extension("My-Share").set("PRODUCT_BUNDLE_IDENTIFIER", other),
            ],
        );
        let analysis = lab
            .with(|order| order.apply_to = ApplyTo::Xcconfig)
            .read()
            .unwrap();
        let error = naming_of(&analysis).unwrap_err().to_string();
        assert!(
            error.contains("`My Share` of `App.xcodeproj`") && error.contains("`My-Share` of"),
            "{error}"
        );
    }
}

#[test]
fn two_targets_of_one_bundle_id_share_their_lines() {
    check(lab(&[
        app("App").needs("My Share", &[]).needs("My-Share", &[]),
        extension("My Share").set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.app.share"),
        extension("My-Share").set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.app.share"),
    ]));
}

#[test]
fn only_a_path_that_quotes_can_hold_is_included() {
    assert_eq!(
        include_line(Path::new("/a//b/./c d.xcconfig")).unwrap(),
        "#include \"/a/b/c d.xcconfig\"\n\n"
    );
    for path in ["/a\"b.xcconfig", "/a\nb.xcconfig"] {
        assert_eq!(
            include_line(Path::new(path)),
            Err(XcconfigError::Include(path.into()))
        );
    }
}
