//! Projects as the makers of apps have them, from reading to the profiles on the portal, with both provisioning steps.
//!
//! What is expected follows from the sources of swift-build; where two readings are possible, the comment names the file that
//! decides. The forms are those of the tools' own templates.
#![allow(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

use std::path::Path;

use apple_sandbox::{Sandbox, Seed};
use e2e::Machine;

use test_projects::{TargetSpec, aggregate, entry, target};

const STEPS: [&str; 2] = ["step-auto-provision-asc", "step-auto-provision-apple-id"];

const IOS: (&str, &str) = ("SDKROOT", "iphoneos");

/// A machine with a project that is signed for the store.
fn made(sandbox: &Sandbox, write: &dyn Fn(&Path)) -> Machine {
    let mut machine = Machine::new();
    machine.meets(sandbox);
    let folder = machine.path("made");
    std::fs::create_dir_all(&folder).unwrap();
    write(&folder);
    let project = folder.join("App.xcodeproj").display().to_string();
    machine
        .set("project_path", &project)
        .set("scheme", "App")
        .set("distribution_type", "app-store")
        .set("generate_profiles", "yes");
    machine
}

/// A run of both steps on a project: the profiles for the store, as `TYPE BUNDLE-ID`, or words of the failure.
#[track_caller]
fn check(write: &dyn Fn(&Path), inputs: &[(&str, &str)], expected: Result<&[&str], &[&str]>) {
    for step in STEPS {
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        let mut machine = made(&sandbox, write);
        machine.set("build_settings", "project");
        let folder = machine.path("made");
        for (key, value) in inputs {
            let path = folder.join(value).display().to_string();
            machine.set(key, if *key == "project_path" { &path } else { value });
        }
        let run = machine.run(step, &[]);
        match expected {
            Ok(expected) => {
                assert_eq!(run.status, Some(0), "{step}\n{}", run.text);
                let state = sandbox.state();
                let id = |resource: &str| {
                    let mut known = state.bundle_ids.iter().filter(|known| known.id == resource);
                    known
                        .next()
                        .map(|known| known.identifier.clone())
                        .unwrap_or_default()
                };
                let mut profiles: Vec<String> = state
                    .profiles
                    .iter()
                    .filter(|profile| profile.profile_type.ends_with("_STORE"))
                    .map(|profile| format!("{} {}", profile.profile_type, id(&profile.bundle_id)))
                    .collect();
                profiles.sort();
                let mut expected: Vec<&str> = expected.to_vec();
                expected.sort_unstable();
                assert_eq!(profiles, expected, "{step}\n{}", run.text);
            }
            Err(words) => {
                // 2 where an input is wrong.
                assert!(matches!(run.status, Some(1 | 2)), "{step}\n{}", run.text);
                run.said(words);
                assert_eq!(sandbox.state().writes(), 0, "{step}");
            }
        }
    }
}

fn app() -> TargetSpec {
    target("App", "application")
}

/// A project `App` of these targets with a scheme of the first one.
fn project(folder: &Path, settings: &[(&str, &str)], targets: &[TargetSpec]) {
    let path = test_projects::project(folder, "App", settings, targets);
    test_projects::scheme(&path, "App", "", &[entry("App", "App")]);
}

fn file(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

const ANY: &str = "iphoneos iphonesimulator macosx xros xrsimulator";

#[test]
fn the_input_platform_chooses_what_is_signed() {
    // Xcode's multi-platform template, with a widget that follows the app and one that is for the Mac alone.
    let write = |folder: &Path| {
        let flexible = |made: TargetSpec| made.set("SDKROOT", "auto").set("SUPPORTED_PLATFORMS", ANY);
        let targets = [
            flexible(app()).needs("Widget", &[]).needs("Finder", &["macos"]),
            flexible(target("Widget", "app-extension")),
            target("Finder", "app-extension").set("SDKROOT", "macosx"),
        ];
        project(folder, &[], &targets);
    };
    let ios = &[
        "IOS_APP_STORE org.example.app",
        "IOS_APP_STORE org.example.widget",
    ][..];
    let mac = &[
        "MAC_APP_STORE org.example.app",
        "MAC_APP_STORE org.example.finder",
        "MAC_APP_STORE org.example.widget",
    ];
    check(&write, &[], Ok(ios));
    check(&write, &[("platform", "automatic")], Ok(ios));
    check(&write, &[("platform", "ios")], Ok(ios));
    check(&write, &[("platform", "visionos")], Ok(ios));
    check(&write, &[("platform", "macos")], Ok(mac));
    check(
        &write,
        &[("platform", "tvos")],
        Err(&["platform", "tvos", "`App`", "`macos`"]),
    );
    check(
        &write,
        &[("platform", "ipados")],
        Err(&["platform", "ipados", "visionos"]),
    );
}

#[test]
fn a_catalyst_app_has_the_bundle_id_of_the_mac() {
    let write = |folder: &Path| {
        let id = "PRODUCT_BUNDLE_IDENTIFIER[sdk=macosx*]";
        let targets = [
            app()
                .set("SUPPORTS_MACCATALYST", "YES")
                .set(id, "org.example.mac")
                .needs("Share", &["ios", "maccatalyst"])
                .needs("Watch", &["ios"]),
            target("Share", "app-extension")
                .set("SUPPORTS_MACCATALYST", "YES")
                .set(id, "$(inherited).mac"),
            target("Watch", "application").set("SDKROOT", "watchos"),
        ];
        project(folder, &[IOS], &targets);
    };
    let mac = &[
        "MAC_CATALYST_APP_STORE org.example.mac",
        "MAC_CATALYST_APP_STORE org.example.share.mac",
    ];
    check(&write, &[("platform", "mac-catalyst")], Ok(mac));
    check(
        &write,
        &[],
        Ok(&[
            "IOS_APP_STORE org.example.app",
            "IOS_APP_STORE org.example.share",
            "IOS_APP_STORE org.example.watch",
        ]),
    );
}

#[test]
fn templates_of_other_tools_are_signed() {
    // Flutter: xcconfig files whose Generated.xcconfig only a build writes, and a literal ID.
    let flutter = |folder: &Path| {
        let app = app()
            .based_on("Flutter/Release.xcconfig")
            .set("PRODUCT_BUNDLE_IDENTIFIER", "com.example.flutterApp")
            .set("CURRENT_PROJECT_VERSION", "$(FLUTTER_BUILD_NUMBER)");
        file(
            folder,
            "Flutter/Release.xcconfig",
            "#include? \"Pods/Target Support Files/Pods-Runner/Pods-Runner.release.xcconfig\"\n#include \"Generated.xcconfig\"\n",
        );
        project(folder, &[IOS], &[app]);
    };
    check(&flutter, &[], Ok(&["IOS_APP_STORE com.example.flutterApp"]));
    // React Native before `pod install`: the workspace names a project that is not there, and the base configuration
    // is missing too.
    let react = |folder: &Path| {
        let app = app()
            .based_on("Pods/Target Support Files/Pods-App/Pods-App.release.xcconfig")
            .set("PRODUCT_NAME", "My App")
            .set(
                "PRODUCT_BUNDLE_IDENTIFIER",
                "org.reactjs.native.example.$(PRODUCT_NAME:rfc1034identifier)",
            )
            .set("OTHER_LDFLAGS", "$(inherited) -ObjC -lc++");
        let path = test_projects::project(folder, "App", &[IOS], &[app]);
        let entries = [entry("Pods/Pods", "Pods-App"), entry("App", "App")];
        test_projects::scheme(&path, "App", "", &entries);
        test_projects::workspace(
            folder,
            "App",
            &["group:App.xcodeproj", "group:Pods/Pods.xcodeproj"],
        );
    };
    check(
        &react,
        &[("project_path", "App.xcworkspace")],
        Ok(&["IOS_APP_STORE org.reactjs.native.example.My-App"]),
    );
    // Capacitor: no scheme is shared, and the workspace lies in a folder of its own.
    let capacitor = |folder: &Path| {
        let app = app().set("PRODUCT_BUNDLE_IDENTIFIER", "com.capacitor.app");
        test_projects::project(&folder.join("ios/App"), "App", &[IOS], &[app]);
        test_projects::workspace(
            &folder.join("ios/App"),
            "App",
            &["group:App.xcodeproj", "group:Pods/Pods.xcodeproj"],
        );
    };
    check(
        &capacitor,
        &[("project_path", "ios/App/App.xcworkspace")],
        Ok(&["IOS_APP_STORE com.capacitor.app"]),
    );
    // Kotlin Multiplatform: names from an xcconfig file in a folder above, the suffix of a team that is blank.
    let kotlin = |folder: &Path| {
        let app = app()
            .based_on("Configuration/Config.xcconfig")
            .set("PRODUCT_BUNDLE_IDENTIFIER", "${BUNDLE_ID}${TEAM_ID}");
        file(
            folder,
            "Configuration/Config.xcconfig",
            "TEAM_ID=\n\nBUNDLE_ID=org.example.kmp // shared\n",
        );
        project(folder, &[IOS], &[app]);
    };
    check(&kotlin, &[], Ok(&["IOS_APP_STORE org.example.kmp"]));
    // XcodeGen: configurations with blanks in their names, settings by conditions of them.
    let xcodegen = |folder: &Path| {
        let app = app()
            .configured(&["Debug", "Release Staging", "Release"])
            .set("BID", "org.example")
            .set("BID[config=Release Staging]", "$(inherited).staging")
            .set("PRODUCT_BUNDLE_IDENTIFIER", "$(BID).app");
        project(folder, &[IOS], &[app]);
    };
    check(&xcodegen, &[], Ok(&["IOS_APP_STORE org.example.app"]));
    check(
        &xcodegen,
        &[("configuration", "Release Staging")],
        Ok(&["IOS_APP_STORE org.example.staging.app"]),
    );
    // Tuist: a workspace of projects, its scheme in the workspace, and an aggregate that lints.
    let tuist = |folder: &Path| {
        let targets = [
            app()
                .needs("Lint", &[])
                .copies("Intents.appex", &[])
                .links("Feature.framework", &[]),
            aggregate("Lint"),
        ];
        test_projects::project(folder, "App", &[IOS], &targets);
        let features = [
            target("Feature", "framework").copies("Deep.appex", &["ios"]),
            target("Deep", "app-extension"),
            target("Intents", "app-extension"),
            target("Demo", "application"),
        ];
        test_projects::project(&folder.join("Features"), "Feature", &[IOS], &features);
        let workspace = test_projects::workspace(
            folder,
            "All",
            &["group:App.xcodeproj", "group:Features/Feature.xcodeproj"],
        );
        test_projects::scheme(&workspace, "App", "", &[entry("App", "App")]);
    };
    check(
        &tuist,
        &[("project_path", "All.xcworkspace")],
        Ok(&[
            "IOS_APP_STORE org.example.app",
            "IOS_APP_STORE org.example.deep",
            "IOS_APP_STORE org.example.intents",
        ]),
    );
}

#[test]
fn what_an_app_carries_for_other_platforms_is_signed() {
    // A watch app of one target, copied without a dependency, and its complication.
    let watch = |folder: &Path| {
        let targets = [
            app().copies("Watch.app", &[]),
            target("Watch", "application")
                .set("SDKROOT", "watchos")
                .needs("Face", &["watchos"])
                .needs("Phone", &["ios"]),
            target("Face", "app-extension").set("SDKROOT", "watchos"),
            target("Phone", "app-extension"),
        ];
        project(folder, &[IOS], &targets);
    };
    check(
        &watch,
        &[],
        Ok(&[
            "IOS_APP_STORE org.example.app",
            "IOS_APP_STORE org.example.face",
            "IOS_APP_STORE org.example.watch",
        ]),
    );
    // A Mac app with a login item, an XPC service in a framework, and a driver with a profile of its own.
    let mac = |folder: &Path| {
        let targets = [
            app()
                .copies("Login.app", &[])
                .links("Kit.framework", &[])
                .copies("Driver.dext", &[]),
            target("Login", "application"),
            target("Kit", "framework").copies("Service.xpc", &[]),
            target("Service", "xpc-service"),
            target("Driver", "driver-extension")
                .set("SDKROOT", "driverkit")
                .set("CODE_SIGN_STYLE", "Manual")
                .set("PROVISIONING_PROFILE_SPECIFIER", "My driver"),
        ];
        project(folder, &[("SDKROOT", "macosx")], &targets);
    };
    check(
        &mac,
        &[],
        Ok(&[
            "MAC_APP_STORE org.example.app",
            "MAC_APP_STORE org.example.login",
            "MAC_APP_STORE org.example.service",
        ]),
    );
    // An app for the watch alone, in its container.
    let container = |folder: &Path| {
        let targets = [
            target("App", "application.watchapp2-container").needs("Watch", &[]),
            target("Watch", "application.watchapp2").set("SDKROOT", "watchos"),
        ];
        project(folder, &[IOS], &targets);
    };
    check(
        &container,
        &[],
        Ok(&["IOS_APP_STORE org.example.app", "IOS_APP_STORE org.example.watch"]),
    );
}

#[test]
fn names_and_files_may_be_written_in_any_way_that_xcode_reads() {
    let unicode = |folder: &Path| {
        let folder = folder.join("Zo\u{eb} & S\u{f6}hne/My Projects");
        let app = app().set(
            "PRODUCT_BUNDLE_IDENTIFIER",
            "org.example.$(PROJECT_NAME:rfc1034identifier:lower)",
        );
        let path = test_projects::project(&folder, "Gr\u{fc}n (neu)", &[IOS], &[app]);
        test_projects::scheme(&path, "App", "", &[entry("Gr\u{fc}n (neu)", "App")]);
        test_projects::workspace(&folder, "Alle", &["group:Gru\u{308}n (neu).xcodeproj"]);
    };
    check(
        &unicode,
        &[(
            "project_path",
            "Zo\u{eb} & S\u{f6}hne/My Projects/Alle.xcworkspace",
        )],
        Ok(&["IOS_APP_STORE org.example.gr-n--neu-"]),
    );
    // A chain of xcconfig files: an include by a name without extension, one with `//` in it, a file that includes
    // itself by another name, values that go on, and conditions in brackets.
    let chain = |folder: &Path| {
        file(
            folder,
            "Config/App.xcconfig",
            "// first\n#include \"..//Config/Base\" // base\n#include? \"Local\"\n#include \"../Config/App.xcconfig\"\nBID = $(inherited).c;\nBID [sdk=iphone*] = \\\n  $(BID).phone\nBID[sdk=[!i]*] = wrong\n",
        );
        file(
            folder,
            "Config/Base.xcconfig",
            "BID = org.example\nBID[config=Debug] = wrong\nBID[arch=arm64] = wrong\n",
        );
        let app = app()
            .based_on("Config/App.xcconfig")
            .set("PRODUCT_BUNDLE_IDENTIFIER", "$(BID)");
        project(folder, &[IOS], &[app]);
    };
    check(&chain, &[], Ok(&["IOS_APP_STORE org.example.c.phone"]));
    // MacroExpressionParsing.swift: `$A$(B)` is one name; an operator is not applied to nothing.
    let macros = |folder: &Path| {
        let app = app()
            .set("BASE", "org.example")
            .set("KIND", "beta")
            .set("BASE_beta", "org.example.beta")
            .set("EMPTY", "")
            .set(
                "PRODUCT_BUNDLE_IDENTIFIER",
                "$BASE_$(KIND)$(EMPTY:not)$(EMPTY:default=.app)",
            );
        project(folder, &[IOS], &[app]);
    };
    check(&macros, &[], Ok(&["IOS_APP_STORE org.example.beta.app"]));
}

#[test]
fn what_can_not_be_known_ends_the_run_before_anything_is_written() {
    let entitled = |group: &'static str| {
        move |folder: &Path| {
            file(
                folder,
                "App.entitlements",
                &format!(
                    "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>com.apple.security.application-groups</key><array><string>{group}</string></array></dict></plist>"
                ),
            );
            project(
                folder,
                &[IOS],
                &[app().set("CODE_SIGN_ENTITLEMENTS", "App.entitlements")],
            );
        }
    };
    for group in [
        "group.$(X)",
        "group.${X}",
        "group.$X",
        "group.$[X]",
        "group.a$(Y:default=$(X))",
    ] {
        check(
            &entitled(group),
            &[],
            Err(&["`X`", "application-groups", "`App`"]),
        );
    }
    let nested = |text: &'static str| {
        move |folder: &Path| {
            project(folder, &[IOS], &[app().needs_of("Kit", "Share")]);
            test_projects::project(folder, "Kit", &[IOS], &[target("Share", "app-extension")]);
            file(folder, text, "{");
        }
    };
    check(
        &nested("Kit.xcodeproj/project.pbxproj"),
        &[],
        Err(&["Kit.xcodeproj"]),
    );
    check(
        &nested("Kit.xcodeproj/project.xcproj"),
        &[],
        Err(&["Kit.xcodeproj", "project.pbxproj", "project.xcproj"]),
    );
    for (value, word) in [
        ("a.b$(FLAVOR)", "`FLAVOR`"),
        ("a.b${FLAVOR}", "`FLAVOR`"),
        ("a.b.$FLAVOR", "`FLAVOR`"),
        ("a.$(FLAVOR:lower).b", "`FLAVOR`"),
        ("a.b$(S_$(FLAVOR))", "`FLAVOR`"),
        ("##TEAM##.app", "##TEAM##"),
    ] {
        let write = |folder: &Path| project(folder, &[IOS], &[app().set("PRODUCT_BUNDLE_IDENTIFIER", value)]);
        check(&write, &[], Err(&[word, "`App`"]));
    }
}

#[test]
fn what_xcodebuild_takes_for_nothing_is_said_and_signed() {
    // The sandbox's xcodebuild answers with nothing for a name that is defined nowhere, as Xcode does.
    let write = |folder: &Path| {
        let app = app().set("PRODUCT_BUNDLE_IDENTIFIER", "org.example.app$(SUFFIX)");
        project(folder, &[IOS], &[app]);
    };
    for step in STEPS {
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        let machine = made(&sandbox, &write);
        let run = machine.run(step, &[]);
        assert_eq!(run.status, Some(0), "{step}\n{}", run.text);
        run.said(&["`SUFFIX`", "PRODUCT_BUNDLE_IDENTIFIER", "`org.example.app`"]);
    }
}
