//! Where the signing settings go (`apply_to`), and the files for later steps: for every layout of a checkout the archive
//! and the export are signed as the table says, and `git status` shows nothing that was not asked for.
//!
//! The stand-in for `xcodebuild` resolves settings with `reference-resolver`, which shares no code with the step, and
//! refuses what Xcode refuses.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use apple_sandbox::{Fault, Kind, Sandbox, Seed};
use e2e::{Machine, Run, secrets};
use plist::Value as Plist;
use serde_json::Value;

use test_projects::{TargetSpec, entry, target};

const STEP: &str = "step-auto-provision-asc";
const BY_APPLE_ID: &str = "step-auto-provision-apple-id";
const IOS: (&str, &str) = ("SDKROOT", "iphoneos");

/// A checkout: what is in it, and the paths that a build leads to.
struct Layout {
    name: &'static str,
    /// Makes the projects; called again to make them anew, as a generator does.
    make: fn(&Path),
    /// The project or workspace, and the scheme.
    container: &'static str,
    scheme: &'static str,
    /// What `.gitignore` holds.
    ignored: &'static str,
    /// The projects whose files `apply_to: project` edits, as `git status` shows them.
    edited: &'static [&'static str],
    /// Whether the projects are made anew between signing and building.
    is_generated: bool,
}

fn app(name: &str, id: &str) -> TargetSpec {
    target(name, "application").set("PRODUCT_BUNDLE_IDENTIFIER", id)
}

fn extension(name: &str, id: &str) -> TargetSpec {
    target(name, "app-extension").set("PRODUCT_BUNDLE_IDENTIFIER", id)
}

fn pod(name: &str, kind: &str) -> TargetSpec {
    // As CocoaPods writes them.
    target(name, kind)
        .set("CODE_SIGN_IDENTITY[sdk=iphoneos*]", "")
        .set("CODE_SIGNING_ALLOWED", "NO")
}

fn write(path: PathBuf, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

const APP: &str = "com.example.made";

fn single(folder: &Path) {
    // Conditions that Xcode writes, and signing settings of somebody else.
    let app = app("App", APP)
        .set("CODE_SIGN_STYLE", "Automatic")
        .set("CODE_SIGN_IDENTITY[sdk=iphoneos*]", "iPhone Developer")
        .set("DEVELOPMENT_TEAM", "SOMEBODY01");
    let path = test_projects::project(folder, "App", &[IOS], &[app]);
    test_projects::scheme(&path, "App", "", &[entry("App", "App")]);
}

fn extensions(folder: &Path) {
    let targets = [
        app("My App", APP)
            .set("PRODUCT_NAME", "App")
            .needs("Share", &[])
            .needs("Share-Widget", &[])
            .needs("Kit", &[]),
        extension("Share", "com.example.made.share"),
        extension("Share-Widget", "com.example.made.widget"),
        extension("Share Widget", "com.example.made.unused").set("DEVELOPMENT_TEAM", "SOMEBODY01"),
        target("Kit", "framework")
            .set("CODE_SIGN_STYLE", "Automatic")
            .set("DEVELOPMENT_TEAM", "SOMEBODY01"),
    ];
    let path = test_projects::project(folder, "App", &[IOS], &targets);
    test_projects::scheme(&path, "App", "", &[entry("App", "My App")]);
}

fn watch(folder: &Path) {
    let targets = [
        app("App", APP).needs("Watch", &[]),
        app("Watch", "com.example.made.watchkitapp")
            .set("SDKROOT", "watchos")
            .needs("WatchWidget", &[]),
        extension("WatchWidget", "com.example.made.watchkitapp.widget").set("SDKROOT", "watchos"),
    ];
    let path = test_projects::project(folder, "App", &[IOS], &targets);
    test_projects::scheme(&path, "App", "", &[entry("App", "App")]);
}

fn flutter(folder: &Path) {
    let ios = folder.join("ios");
    write(folder.join("pubspec.yaml"), "name: made\n");
    write(
        ios.join("Flutter/Release.xcconfig"),
        "#include? \"Pods/Pods-Runner.release.xcconfig\"\n#include \"Generated.xcconfig\"\n",
    );
    write(
        ios.join("Flutter/Generated.xcconfig"),
        "FLUTTER_BUILD_NAME=1.0.0\nFLAVOR_SUFFIX=.prod\n",
    );
    let runner = app("Runner", "com.example.made$(FLAVOR_SUFFIX)")
        .based_on("Flutter/Release.xcconfig")
        .set("PRODUCT_NAME", "Runner")
        .needs("Share", &[]);
    let share =
        extension("Share", "com.example.made$(FLAVOR_SUFFIX).share").based_on("Flutter/Release.xcconfig");
    let path = test_projects::project(&ios, "Runner", &[IOS], &[runner, share]);
    test_projects::scheme(&path, "Runner", "", &[entry("Runner", "Runner")]);
    std::fs::create_dir_all(ios.join("Pods")).unwrap();
    test_projects::project(
        &ios.join("Pods"),
        "Pods",
        &[IOS],
        &[pod("Share", "framework"), pod("Pods-Runner", "framework")],
    );
    test_projects::workspace(
        &ios,
        "Runner",
        &["group:Runner.xcodeproj", "group:Pods/Pods.xcodeproj"],
    );
}

fn several_projects(folder: &Path) {
    test_projects::project(
        folder,
        "One",
        &[IOS],
        &[
            app("App", APP).needs("Share", &[]),
            extension("Share", "com.example.made.share"),
        ],
    );
    test_projects::project(
        folder,
        "Two",
        &[IOS],
        &[
            app("Second", "com.example.two").needs("Share", &[]),
            extension("Share", "com.example.two.share"),
        ],
    );
    let path = test_projects::workspace(folder, "All", &["group:One.xcodeproj", "group:Two.xcodeproj"]);
    test_projects::scheme(&path, "All", "", &[entry("One", "App"), entry("Two", "Second")]);
}

fn xcodegen(folder: &Path) {
    write(folder.join("project.yml"), "name: App\n");
    extensions(folder);
}

fn tuist(folder: &Path) {
    write(folder.join("Project.swift"), "import ProjectDescription\n");
    write(folder.join("Derived/InfoPlists/App-Info.plist"), "");
    extensions(folder);
    test_projects::workspace(folder, "App", &["group:App.xcodeproj"]);
}

fn react_native(folder: &Path) {
    write(folder.join("package.json"), "{}\n");
    write(folder.join("node_modules/react-native/package.json"), "{}\n");
    let ios = folder.join("ios");
    std::fs::create_dir_all(ios.join("Pods")).unwrap();
    let path = test_projects::project(
        &ios,
        "App",
        &[IOS],
        &[
            app("App", APP).needs("AppNotifications", &[]),
            extension("AppNotifications", "com.example.made.push"),
        ],
    );
    test_projects::scheme(&path, "App", "", &[entry("App", "App")]);
    test_projects::project(
        &ios.join("Pods"),
        "Pods",
        &[IOS],
        &[pod("hermes-engine", "framework"), pod("React-Core", "bundle")],
    );
    test_projects::workspace(&ios, "App", &["group:App.xcodeproj", "group:Pods/Pods.xcodeproj"]);
}

const LAYOUTS: [Layout; 9] = [
    Layout {
        name: "a single target",
        make: single,
        container: "App.xcodeproj",
        scheme: "App",
        ignored: "",
        edited: &["App.xcodeproj/project.pbxproj"],
        is_generated: false,
    },
    Layout {
        name: "extensions",
        make: extensions,
        container: "App.xcodeproj",
        scheme: "App",
        ignored: "",
        edited: &["App.xcodeproj/project.pbxproj"],
        is_generated: false,
    },
    Layout {
        name: "a watch app",
        make: watch,
        container: "App.xcodeproj",
        scheme: "App",
        ignored: "",
        edited: &["App.xcodeproj/project.pbxproj"],
        is_generated: false,
    },
    Layout {
        name: "Flutter",
        make: flutter,
        container: "ios/Runner.xcworkspace",
        scheme: "Runner",
        ignored: "ios/Flutter/Generated.xcconfig\nios/Pods/\n",
        edited: &["ios/Runner.xcodeproj/project.pbxproj"],
        is_generated: false,
    },
    Layout {
        name: "a workspace with several projects",
        make: several_projects,
        container: "All.xcworkspace",
        scheme: "All",
        ignored: "",
        edited: &["One.xcodeproj/project.pbxproj", "Two.xcodeproj/project.pbxproj"],
        is_generated: false,
    },
    Layout {
        name: "XcodeGen",
        make: xcodegen,
        container: "App.xcodeproj",
        scheme: "App",
        ignored: "*.xcodeproj\n",
        edited: &[],
        is_generated: true,
    },
    Layout {
        name: "Tuist",
        make: tuist,
        container: "App.xcworkspace",
        scheme: "App",
        ignored: "*.xcodeproj\n*.xcworkspace\nDerived/\n",
        edited: &[],
        is_generated: true,
    },
    Layout {
        name: "React Native",
        make: react_native,
        container: "ios/App.xcworkspace",
        scheme: "App",
        ignored: "node_modules/\nios/Pods/\n",
        edited: &["ios/App.xcodeproj/project.pbxproj"],
        is_generated: false,
    },
    Layout {
        name: "prebuilt by Expo",
        make: react_native,
        container: "ios/App.xcworkspace",
        scheme: "App",
        ignored: "node_modules/\n/ios\n",
        edited: &[],
        is_generated: true,
    },
];

/// A checkout on a machine that meets a sandbox.
struct Checkout {
    sandbox: Sandbox,
    machine: Machine,
    folder: PathBuf,
    container: String,
    scheme: String,
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

impl Checkout {
    fn of(layout: &Layout) -> Self {
        Self::seeded(layout, &Seed::default())
    }

    fn seeded(layout: &Layout, seed: &Seed) -> Self {
        let sandbox = Sandbox::start(seed).unwrap();
        let mut machine = Machine::new();
        machine.meets(&sandbox);
        let folder = machine.path("checkout");
        std::fs::create_dir_all(&folder).unwrap();
        (layout.make)(&folder);
        write(folder.join(".gitignore"), layout.ignored);
        git(&folder, &["init", "--quiet"]);
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "--quiet", "--message", "All"]);
        let container = folder.join(layout.container).display().to_string();
        machine
            .set("project_path", &container)
            .set("scheme", layout.scheme);
        Self {
            sandbox,
            machine,
            folder,
            container,
            scheme: layout.scheme.to_owned(),
        }
    }

    /// What `git status` shows, and what became of ignored files.
    fn status(&self) -> Vec<String> {
        let text = git(&self.folder, &["status", "--porcelain", "--untracked-files=all"]);
        text.lines().map(|line| line[3..].to_owned()).collect()
    }

    /// Every file of the checkout with its content.
    fn content(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let all = e2e::files(&self.folder).into_iter();
        let own = all.filter(|path| !path.starts_with(self.folder.join(".git")));
        own.map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect()
    }

    fn run(&self, step: &str, inputs: &[(&str, &str)]) -> Run {
        self.machine.run(step, inputs).kept(&secrets(&self.sandbox))
    }

    fn output(&self, key: &str) -> String {
        self.machine.outputs().get(key).cloned().unwrap_or_default()
    }

    fn table(&self) -> Value {
        let path = self.output("BITRISE_SIGNING_JSON_PATH");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// Runs the stand-in for `xcodebuild` with what the steps exported; what it printed.
    fn xcodebuild(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(self.machine.path("tools/bin/xcodebuild"))
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.machine.path("home"))
            .env("TMPDIR", self.machine.path("tmp"))
            .env(apple_sandbox::tools::DIRECTORY, self.machine.path("tools"))
            .envs(self.machine.outputs())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() {
            Ok(text)
        } else {
            Err(text)
        }
    }

    fn archive(&self, more: &[&str]) -> Result<String, String> {
        let kind = if self.container.ends_with("xcworkspace") {
            "-workspace"
        } else {
            "-project"
        };
        let path = self.machine.path("build.xcarchive").display().to_string();
        let mut arguments = vec![
            "archive",
            kind,
            &self.container,
            "-scheme",
            &self.scheme,
            "-configuration",
            "Release",
            "-destination",
            "generic/platform=iOS",
            "-archivePath",
            &path,
        ];
        arguments.extend(more);
        self.xcodebuild(&arguments)
    }

    fn export(&self, options: &str) -> Result<String, String> {
        let archive = self.machine.path("build.xcarchive").display().to_string();
        let target = self.machine.path("export").display().to_string();
        self.xcodebuild(&[
            "-exportArchive",
            "-archivePath",
            &archive,
            "-exportOptionsPlist",
            options,
            "-exportPath",
            &target,
        ])
    }

    /// Bundle ID, profile, and certificate of every bundle of the archive.
    fn archived(&self) -> Vec<[String; 3]> {
        let mut found: Vec<[String; 3]> = e2e::files(&self.machine.path("build.xcarchive"))
            .iter()
            .filter(|path| path.ends_with("_CodeSignature/CodeResources"))
            .map(|path| {
                let bundle = path.ancestors().nth(2).unwrap();
                let info = Plist::from_file(bundle.join("Info.plist")).unwrap();
                let signature = Plist::from_file(path).unwrap();
                let text = |value: &Plist, key: &str| {
                    value.as_dictionary().unwrap()[key]
                        .as_string()
                        .unwrap()
                        .to_owned()
                };
                let uuid = text(&signature, "ProfileUUID");
                let embedded = std::fs::read(bundle.join("embedded.mobileprovision")).unwrap();
                assert!(
                    String::from_utf8_lossy(&embedded).contains(&uuid),
                    "{}",
                    bundle.display()
                );
                [text(&info, "CFBundleIdentifier"), uuid, text(&signature, "SHA1")]
            })
            .collect();
        found.sort();
        found
    }

    /// The same of what was exported.
    fn exported(&self) -> Vec<[String; 3]> {
        let summary = Plist::from_file(self.machine.path("export/DistributionSummary.plist")).unwrap();
        let bundles = summary.as_dictionary().unwrap().values().next().unwrap();
        let text = |value: &Plist, keys: &[&str]| {
            let mut value = value;
            for key in keys {
                value = &value.as_dictionary().unwrap()[*key];
            }
            value.as_string().unwrap().to_owned()
        };
        let mut found: Vec<[String; 3]> = bundles
            .as_array()
            .unwrap()
            .iter()
            .map(|bundle| {
                [
                    text(bundle, &["bundleIdentifier"]),
                    text(bundle, &["profile", "UUID"]),
                    text(bundle, &["certificate", "SHA1"]),
                ]
            })
            .collect();
        found.sort();
        found
    }

    /// The same as the table has it, for `build` or `export`.
    fn expected(&self, purpose: &str) -> Vec<[String; 3]> {
        let table = self.table();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut all: Vec<[String; 3]> = table["targets"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|target| target["ui_test"] == false)
            .map(|target| {
                let with = &target[purpose];
                [
                    text(&target["bundle_id"]),
                    text(&with["profile"]["uuid"]),
                    text(&with["certificate"]["sha1"]),
                ]
            })
            .collect();
        all.sort();
        all
    }
}

#[test]
fn every_layout_is_archived_and_exported_as_the_table_says_in_every_mode() {
    for (number, layout) in LAYOUTS.iter().enumerate() {
        for (at, mode) in ["xcconfig", "none", "project"].into_iter().enumerate() {
            let distribution = ["app-store", "ad-hoc", "development"][(number + at) % 3];
            let what = format!("{}, {mode}, {distribution}", layout.name);
            if mode == "project" && layout.is_generated {
                continue;
            }
            let checkout = Checkout::of(layout);
            let before = checkout.content();
            let inputs = [("apply_to", mode), ("distribution_type", distribution)];
            let run = checkout.run(STEP, &inputs);
            assert_eq!(run.status, Some(0), "{what}\n{}", run.text);
            if mode == "project" {
                assert_eq!(checkout.status(), layout.edited, "{what}");
            } else {
                assert_eq!(checkout.status(), [""; 0], "{what}");
                assert!(checkout.content() == before, "{what}: ignored files stay, too");
            }
            assert_eq!(
                checkout.output("XCODE_XCCONFIG_FILE").is_empty(),
                mode != "xcconfig",
                "{what}"
            );
            if layout.is_generated {
                (layout.make)(&checkout.folder);
            }
            // What nobody signs while it is built is signed at the export.
            let more: &[&str] = if mode == "none" {
                &["CODE_SIGNING_ALLOWED=NO"]
            } else {
                &[]
            };
            checkout
                .archive(more)
                .unwrap_or_else(|error| panic!("{what}\n{error}"));
            let built = if mode == "none" {
                Vec::new()
            } else {
                checkout.expected("build")
            };
            assert_eq!(checkout.archived(), built, "{what}");
            let options = checkout.output("BITRISE_EXPORT_OPTIONS_PLIST_PATH");
            let printed = checkout
                .export(&options)
                .unwrap_or_else(|error| panic!("{what}\n{error}"));
            assert!(
                printed.contains("** EXPORT SUCCEEDED **") && !printed.contains("deprecated"),
                "{printed}"
            );
            assert_eq!(checkout.exported(), checkout.expected("export"), "{what}");
        }
    }
}

#[test]
fn without_the_outputs_the_same_project_can_t_be_archived() {
    let checkout = Checkout::of(&LAYOUTS[1]);
    checkout.run(STEP, &[("apply_to", "none")]).ended(0);
    let refused = checkout.archive(&[]).unwrap_err();
    assert!(
        refused.contains("Signing for \"My App\" requires a development team."),
        "{refused}"
    );
    assert!(refused.contains("** ARCHIVE FAILED **"), "{refused}");
}

#[test]
fn one_profile_for_all_targets_would_be_refused() {
    // What the xcconfig file is for: a setting on the command line hits targets that take no profile.
    let checkout = Checkout::of(&LAYOUTS[1]);
    checkout.run(STEP, &[("apply_to", "none")]).ended(0);
    let refused = checkout
        .archive(&["PROVISIONING_PROFILE_SPECIFIER=x", "CODE_SIGN_STYLE=Manual"])
        .unwrap_err();
    assert!(
        refused.contains("Kit does not support provisioning profiles, but provisioning profile x"),
        "{refused}"
    );
}

#[test]
fn the_step_for_apple_ids_writes_the_same() {
    let mut seed = Seed::default();
    for key in ["key_id", "issuer_id", "private_key"] {
        seed.connection.insert(key.to_owned(), apple_sandbox::Json::Null);
    }
    for mode in ["xcconfig", "none"] {
        let checkout = Checkout::seeded(&LAYOUTS[1], &seed);
        let inputs = [
            ("apply_to", mode),
            ("distribution_type", "app-store"),
            ("generate_profiles", "yes"),
        ];
        checkout.run(BY_APPLE_ID, &inputs).ended(0);
        assert_eq!(checkout.status(), [""; 0]);
        let more: &[&str] = if mode == "none" {
            &["CODE_SIGNING_ALLOWED=NO"]
        } else {
            &[]
        };
        checkout.archive(more).unwrap();
        checkout
            .export(&checkout.output("BITRISE_EXPORT_OPTIONS_PLIST_PATH"))
            .unwrap();
        assert_eq!(checkout.exported(), checkout.expected("export"));
    }
}

#[test]
fn the_method_has_the_name_that_the_selected_xcode_takes() {
    for (xcode, distribution, method) in [
        ("14.3.1", "app-store", "app-store"),
        ("15.2", "ad-hoc", "ad-hoc"),
        ("15.3", "ad-hoc", "release-testing"),
        ("16.2", "development", "debugging"),
        ("26.1", "app-store", "app-store-connect"),
        ("15.0.1", "development", "development"),
    ] {
        let checkout = Checkout::of(&LAYOUTS[1]);
        checkout.machine.file("tools/xcode-version", xcode);
        let inputs = [("apply_to", "xcconfig"), ("distribution_type", distribution)];
        checkout
            .run(STEP, &inputs)
            .ended(0)
            .said(&[method, xcode.get(..4).unwrap()]);
        checkout.archive(&[]).unwrap();
        let options = checkout.output("BITRISE_EXPORT_OPTIONS_PLIST_PATH");
        assert!(
            std::fs::read_to_string(&options)
                .unwrap()
                .contains(&format!("<string>{method}</string>"))
        );
        checkout.export(&options).unwrap();
        assert_eq!(checkout.exported(), checkout.expected("export"));
        // gym takes the old names only; every Xcode does, too, newer ones with a notice.
        let for_gym = checkout.output("BITRISE_GYM_EXPORT_OPTIONS_PLIST_PATH");
        let printed = checkout.export(&for_gym).unwrap();
        let is_renamed = method != "enterprise" && !["app-store", "ad-hoc", "development"].contains(&method);
        assert_eq!(printed.contains("is deprecated"), is_renamed, "{printed}");
        assert_eq!(checkout.exported(), checkout.expected("export"));
    }
}

#[test]
fn without_xcode_today_s_names_are_written_and_the_log_says_so() {
    let mut checkout = Checkout::of(&LAYOUTS[0]);
    checkout.machine.without("xcodebuild");
    checkout
        .run(STEP, &[("apply_to", "none"), ("distribution_type", "app-store")])
        .ended(0)
        .said(&["app-store-connect", "no Xcode was found"]);
}

#[test]
fn an_older_xcode_refuses_today_s_names_in_its_own_words() {
    let checkout = Checkout::of(&LAYOUTS[0]);
    checkout
        .run(
            STEP,
            &[("apply_to", "xcconfig"), ("distribution_type", "app-store")],
        )
        .ended(0);
    checkout.archive(&[]).unwrap();
    checkout.machine.file("tools/xcode-version", "15.2");
    let refused = checkout
        .export(&checkout.output("BITRISE_EXPORT_OPTIONS_PLIST_PATH"))
        .unwrap_err();
    // tauri-apps/tauri #13818, 2025-07-13.
    assert!(refused.contains("error: exportArchive: exportOptionsPlist error for key \"method\": expected one of {app-store, ad-hoc, enterprise, development, validation}, but found app-store-connect"), "{refused}");
}

#[test]
fn the_export_options_say_all_and_nothing_else() {
    let checkout = Checkout::of(&LAYOUTS[1]);
    let entitled = "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>com.apple.developer.icloud-services</key><array><string>CloudKit</string></array><key>com.apple.developer.icloud-container-identifiers</key><array><string>iCloud.com.example.courier</string></array></dict></plist>";
    for (distribution, environment) in [
        ("development", "Development"),
        ("ad-hoc", "Production"),
        ("app-store", "Production"),
    ] {
        let checkout = Checkout::of(&Layout {
            make: |folder| {
                write(folder.join("App.entitlements"), "");
                let targets =
                    [app("App", "com.example.cloud").set("CODE_SIGN_ENTITLEMENTS", "App.entitlements")];
                let path = test_projects::project(folder, "App", &[IOS], &targets);
                test_projects::scheme(&path, "App", "", &[entry("App", "App")]);
            },
            ..LAYOUTS[0]
        });
        write(checkout.folder.join("App.entitlements"), entitled);
        // Through the session containers can be assigned.
        let run = checkout.run(
            BY_APPLE_ID,
            &[
                ("apply_to", "none"),
                ("distribution_type", distribution),
                ("generate_profiles", "yes"),
            ],
        );
        if run.status != Some(0) {
            panic!("{}", run.text);
        }
        let options = Plist::from_file(checkout.output("BITRISE_EXPORT_OPTIONS_PLIST_PATH")).unwrap();
        let options = options.as_dictionary().unwrap();
        assert_eq!(
            options["iCloudContainerEnvironment"].as_string(),
            Some(environment)
        );
        checkout.archive(&["CODE_SIGNING_ALLOWED=NO"]).unwrap();
        checkout
            .export(&checkout.output("BITRISE_EXPORT_OPTIONS_PLIST_PATH"))
            .unwrap();
    }
    for (asked, managed) in [("no", false), ("yes", true)] {
        let inputs = [
            ("apply_to", "xcconfig"),
            ("distribution_type", "app-store"),
            ("manage_version_and_build_number", asked),
        ];
        checkout.run(STEP, &inputs).ended(0);
        let options = Plist::from_file(checkout.output("BITRISE_EXPORT_OPTIONS_PLIST_PATH")).unwrap();
        let options = options.as_dictionary().unwrap();
        let mut keys: Vec<&str> = options.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                "manageAppVersionAndBuildNumber",
                "method",
                "provisioningProfiles",
                "signingCertificate",
                "signingStyle",
                "teamID"
            ]
        );
        assert_eq!(
            options["manageAppVersionAndBuildNumber"].as_boolean(),
            Some(managed)
        );
        assert_eq!(options["signingStyle"].as_string(), Some("manual"));
        let profiles = options["provisioningProfiles"].as_dictionary().unwrap();
        let ids: Vec<&str> = profiles.keys().map(String::as_str).collect();
        assert_eq!(
            ids,
            [
                "com.example.made",
                "com.example.made.share",
                "com.example.made.widget"
            ]
        );
    }
    let specifiers: BTreeMap<String, String> =
        serde_json::from_str(&checkout.output("BITRISE_PROVISIONING_PROFILE_SPECIFIERS")).unwrap();
    assert_eq!(
        specifiers["com.example.made.share"],
        "Bitrise iOS app-store - (com.example.made.share)"
    );
    assert_eq!(specifiers.len(), 3);
}

#[test]
fn the_table_names_what_scripts_need() {
    let checkout = Checkout::of(&LAYOUTS[1]);
    checkout
        .run(
            STEP,
            &[("apply_to", "xcconfig"), ("distribution_type", "app-store")],
        )
        .ended(0);
    let table = checkout.table();
    let main = &table["targets"][0];
    assert_eq!(
        (&table["apply_to"], &table["distribution"]),
        (&"xcconfig".into(), &"app-store".into())
    );
    assert_eq!(
        (&main["name"], &main["bundle_id"]),
        (&"My App".into(), &APP.into())
    );
    assert_eq!(
        main["export"]["profile"]["name"],
        format!("Bitrise iOS app-store - ({APP})")
    );
    assert_eq!(
        main["build"]["distribution"], "development",
        "a development profile builds, where there is one"
    );
    assert!(
        main["export"]["certificate"]["common_name"]
            .as_str()
            .unwrap()
            .starts_with("Apple Distribution")
    );
    for date in [
        &main["export"]["profile"]["expires_at"],
        &main["export"]["certificate"]["expires_at"],
    ] {
        assert!(date.as_str().unwrap().ends_with('Z'), "{date}");
    }
    assert!(main["entitlements"].is_object());
    assert_eq!(table["files"]["xcconfig"], checkout.output("XCODE_XCCONFIG_FILE"));
}

#[test]
fn files_lie_where_later_steps_find_them_and_hold_no_secret() {
    let mut checkout = Checkout::of(&LAYOUTS[1]);
    let all = [
        "BITRISE_EXPORT_OPTIONS_PLIST_PATH",
        "BITRISE_GYM_EXPORT_OPTIONS_PLIST_PATH",
        "BITRISE_SIGNING_JSON_PATH",
        "XCODE_XCCONFIG_FILE",
    ];
    checkout.run(STEP, &[("apply_to", "xcconfig")]).ended(0);
    for key in all {
        let path = PathBuf::from(checkout.output(key));
        assert!(path.starts_with(checkout.machine.path("deploy")), "{key}");
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o644,
            "{key}"
        );
    }
    assert_eq!(
        checkout.machine.leftovers(&secrets(&checkout.sandbox)),
        Vec::<PathBuf>::new()
    );
    // A directory in the checkout would show in `git status`.
    let inside = checkout.folder.join("artifacts").display().to_string();
    checkout.machine.set("BITRISE_DEPLOY_DIR", &inside);
    for deploy in [inside.as_str(), ""] {
        checkout.machine.set("BITRISE_DEPLOY_DIR", deploy);
        checkout.run(STEP, &[("apply_to", "xcconfig")]).ended(0);
        assert_eq!(checkout.status(), [""; 0]);
        for key in all {
            let path = PathBuf::from(checkout.output(key));
            assert!(
                path.starts_with(checkout.machine.path("tmp")) && path.is_file(),
                "{key}"
            );
        }
        checkout.archive(&[]).unwrap();
        assert_eq!(checkout.archived(), checkout.expected("build"));
    }
}

#[test]
fn a_plan_names_the_files_and_writes_none() {
    for mode in ["project", "xcconfig", "none"] {
        let checkout = Checkout::of(&LAYOUTS[1]);
        let words = match mode {
            "project" => "the signing settings of the project files",
            "xcconfig" => "App-development-signing.xcconfig in",
            _ => "apply_to is `none`",
        };
        let run = checkout
            .run(STEP, &[("apply_to", mode), ("mode", "plan")])
            .ended(0);
        run.said(&[
            "Files a run would write",
            words,
            "App-development-export-options.plist",
        ]);
        assert_eq!(
            e2e::files(&checkout.machine.path("deploy")),
            Vec::<PathBuf>::new()
        );
        assert_eq!(e2e::files(&checkout.machine.path("tmp")), Vec::<PathBuf>::new());
        assert_eq!(checkout.status(), [""; 0]);
    }
}

#[test]
fn a_failed_run_leaves_no_file_behind() {
    for break_it in [
        // At the very end: outputs can't be handed over.
        (|machine: &Machine, _: &Sandbox| {
            machine.file("tools/fail/envman", "no");
        }) as fn(&Machine, &Sandbox),
        |_, sandbox| sandbox.fail(Fault::always("POST /v1/profiles", Kind::ServerError)),
        |machine, _| {
            machine.file("tools/fail/security", "no");
        },
    ] {
        let mut checkout = Checkout::of(&LAYOUTS[1]);
        // envman is a part of a run only where somebody waits for outputs.
        let store = checkout.machine.path("tools/envstore.yml").display().to_string();
        checkout.machine.set("ENVMAN_ENVSTORE_PATH", &store);
        break_it(&checkout.machine, &checkout.sandbox);
        let earlier = checkout
            .machine
            .file("deploy/App-development-signing.json", "of an earlier run");
        let run = checkout.run(STEP, &[("apply_to", "xcconfig")]);
        assert_ne!(run.status, Some(0), "{}", run.text);
        assert_eq!(
            e2e::files(&checkout.machine.path("deploy")),
            [PathBuf::from(&earlier)]
        );
        assert_eq!(std::fs::read_to_string(&earlier).unwrap(), "of an earlier run");
        assert_eq!(e2e::files(&checkout.machine.path("tmp")), Vec::<PathBuf>::new());
        assert_eq!(checkout.status(), [""; 0]);
    }
}

#[test]
fn the_file_that_the_variable_names_is_included_and_a_second_run_adds_to_the_first() {
    let mut checkout = Checkout::of(&LAYOUTS[4]);
    let user = checkout.machine.file(
        "config/user.xcconfig",
        "SWIFT_VERSION = 6.0\nCODE_SIGN_STYLE = Automatic\nDEVELOPMENT_TEAM = USERSTEAM1\n",
    );
    checkout.machine.set("XCODE_XCCONFIG_FILE", &user);
    checkout
        .run(
            STEP,
            &[("apply_to", "xcconfig"), ("distribution_type", "app-store")],
        )
        .ended(0);
    let first = checkout.output("XCODE_XCCONFIG_FILE");
    checkout.archive(&[]).unwrap();
    assert_eq!(checkout.archived(), checkout.expected("build"));
    // The same scheme again: a file of another name includes the first one.
    checkout.machine.set("XCODE_XCCONFIG_FILE", &first);
    checkout
        .run(
            STEP,
            &[("apply_to", "xcconfig"), ("distribution_type", "app-store")],
        )
        .ended(0);
    let second = checkout.output("XCODE_XCCONFIG_FILE");
    assert_ne!(first, second);
    assert!(
        std::fs::read_to_string(&second)
            .unwrap()
            .contains(&format!("#include \"{first}\""))
    );
    checkout.archive(&[]).unwrap();
    assert_eq!(checkout.archived(), checkout.expected("build"));
    let shown = checkout
        .xcodebuild(&[
            "-showBuildSettings",
            "-workspace",
            &checkout.container,
            "-scheme",
            "All",
            "-configuration",
            "Release",
            "-destination",
            "generic/platform=iOS",
        ])
        .unwrap();
    assert!(shown.contains("SWIFT_VERSION = 6.0"), "{shown}");
    // One that is not there would stop Xcode, too.
    checkout
        .machine
        .set("XCODE_XCCONFIG_FILE", "/nowhere/user.xcconfig");
    let requests = checkout.sandbox.state().requests.len();
    checkout.run(STEP, &[("apply_to", "xcconfig")]).ended(1).said(&[
        "/nowhere/user.xcconfig",
        "XCODE_XCCONFIG_FILE",
        "correct the variable",
    ]);
    let writes = checkout.sandbox.state().requests[requests..]
        .iter()
        .filter(|request| request.method != "GET")
        .count();
    assert_eq!(writes, 0, "nothing was changed before that");
}

#[test]
fn a_variable_that_undoes_the_edit_of_the_project_is_warned_of() {
    let mut checkout = Checkout::of(&LAYOUTS[0]);
    let user = checkout
        .machine
        .file("user.xcconfig", "CODE_SIGN_STYLE[sdk=iphoneos*] = Automatic\n");
    checkout.machine.set("XCODE_XCCONFIG_FILE", &user);
    checkout.run(STEP, &[]).ended(0).said(&[
        "user.xcconfig",
        "sets CODE_SIGN_STYLE and overrides",
        "apply_to `xcconfig`",
    ]);
    let quiet = checkout.machine.file("user.xcconfig", "SWIFT_VERSION = 6.0\n");
    checkout.machine.set("XCODE_XCCONFIG_FILE", &quiet);
    let run = checkout.run(STEP, &[]).ended(0);
    assert!(
        !run.text.contains("overrides the project's settings"),
        "{}",
        run.text
    );
}

#[test]
fn what_can_t_be_told_apart_stops_the_run_before_anything_is_changed() {
    let checkout = Checkout::of(&Layout {
        make: |folder| {
            let targets = [
                app("App", APP).needs("My Share", &[]).needs("My-Share", &[]),
                extension("My Share", "com.example.made.my-share"),
                extension("My-Share", "com.example.made.my.share"),
            ];
            let path = test_projects::project(folder, "App", &[IOS], &targets);
            test_projects::scheme(&path, "App", "", &[entry("App", "App")]);
        },
        ..LAYOUTS[0]
    });
    checkout.run(STEP, &[("apply_to", "xcconfig")]).ended(1).said(&[
        "`My Share` of `App.xcodeproj",
        "`My-Share` of",
        "set apply_to to `project` or `none`",
    ]);
    let state = checkout.sandbox.state();
    assert!(state.requests.iter().all(|request| request.method == "GET"));
    drop(state);
    checkout.run(STEP, &[("apply_to", "none")]).ended(0);
}

#[test]
fn projects_in_the_format_of_xcode_27_stay_as_they_are_too() {
    // The stand-in for `xcodebuild` does not read that format, so what it makes of it is not seen here.
    let mut checkout = Checkout::of(&Layout {
        make: |folder| {
            e2e::project::write_xcode_27(folder, &[e2e::project::Target::APP]);
        },
        container: "Made.xcodeproj",
        ..LAYOUTS[0]
    });
    for mode in ["xcconfig", "none"] {
        checkout.machine.set("apply_to", mode);
        checkout.run(STEP, &[]).ended(0);
        assert_eq!(checkout.status(), [""; 0]);
    }
    assert!(
        std::fs::read_to_string(checkout.output("XCODE_XCCONFIG_FILE"))
            .unwrap()
            .contains("__App__com_apple_product_type_application[config=Release]")
    );
}

#[test]
fn another_value_of_the_input_is_refused() {
    let checkout = Checkout::of(&LAYOUTS[0]);
    checkout
        .run(STEP, &[("apply_to", "xcode")])
        .ended(2)
        .said(&["apply_to", "`xcode`", "project", "xcconfig", "none"]);
}
