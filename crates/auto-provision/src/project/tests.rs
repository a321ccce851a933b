//! Which targets an archive has, for which platform, with which bundle ID: projects of every kind that real ones have
//! shown to go wrong. Where two readings are possible, the comment names the file of swift-build that decides.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use command::Runner;
use provisioning::Distribution;
use step_kit::Secret;

use super::{Analysis, no_platform};
use crate::options::{ApplyTo, BuildSettings, IdentityName, Mode, Options, PlatformName};

use test_projects::{TargetSpec, aggregate, entry, target};

/// A folder with projects.
pub(crate) struct Lab {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) order: Options,
    pub(crate) overrides: Option<PathBuf>,
}

fn secret() -> Secret {
    serde_json::from_str("\"secret\"").unwrap()
}

const IOS: (&str, &str) = ("SDKROOT", "iphoneos");
const EVERYWHERE: &str = "appletvos appletvsimulator iphoneos iphonesimulator macosx";

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let order = Options {
            distribution: Distribution::Development,
            mode: Mode::Plan,
            project_path: folder.path().join("App.xcodeproj").display().to_string(),
            scheme: "App".to_owned(),
            configuration: None,
            build_settings: BuildSettings::Project,
            platform: PlatformName::Automatic,
            keeps_automatic_signing: false,
            mac_catalyst: false,
            sign_uitest_targets: false,
            register_test_devices: false,
            min_profile_days_valid: 0,
            certificate_urls: None,
            passphrases: None,
            match_password: None,
            test_device_list: None,
            fallback_profiles: None,
            keychain_path: String::new(),
            keychain_password: secret(),
            identity: IdentityName::Sha1,
            apply_to: ApplyTo::Project,
            manages_version: false,
        };
        Self {
            folder,
            order,
            overrides: None,
        }
    }

    /// A project `App` of these targets, with a scheme that archives the first of them.
    pub(crate) fn of(settings: &[(&str, &str)], targets: &[TargetSpec]) -> Self {
        let lab = Self::new();
        let path = test_projects::project(lab.folder.path(), "App", settings, targets);
        test_projects::scheme(&path, "App", "", &[entry("App", "App")]);
        lab
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.order);
        self
    }

    /// Opens another project or workspace.
    pub(crate) fn opening(self, name: &str) -> Self {
        let path = self.path(name).display().to_string();
        self.with(|order| order.project_path = path)
    }

    fn xcodebuild(self, answer: &str) -> Self {
        let lab = self.file(
            "bin/xcodebuild",
            format!("#!/bin/sh\ncat <<'END'\n{answer}\nEND\n"),
        );
        let tool = lab.path("bin/xcodebuild");
        std::fs::set_permissions(tool, std::fs::Permissions::from_mode(0o755)).unwrap();
        lab.with(|order| order.build_settings = BuildSettings::Automatic)
    }

    pub(crate) fn read(&self) -> anyhow::Result<Analysis> {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let runner = Runner::new(redaction::Redactor::default()).with_env([("PATH".into(), path.into())]);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let surroundings = vec![("USER".to_owned(), "ada".to_owned())];
        runtime.block_on(Analysis::of(
            &self.order,
            &runner,
            surroundings,
            self.overrides.clone(),
        ))
    }

    /// `NAME PLATFORM BUNDLE-ID` of every target, sorted but for the first.
    fn signed(&self) -> Vec<String> {
        let analysis = self.read().unwrap_or_else(|error| panic!("{error:#}"));
        let mut lines: Vec<String> = analysis
            .needs()
            .iter()
            .map(|need| format!("{} {:?} {}", need.name, need.platform, need.bundle_id))
            .collect();
        lines[1..].sort();
        lines
    }

    #[track_caller]
    fn is(&self, expected: &[&str]) {
        assert_eq!(self.signed(), expected);
    }

    #[track_caller]
    fn fails(&self, words: &[&str]) {
        let error = match self.read() {
            Ok(analysis) => panic!("{:?}", analysis.needs()),
            Err(error) => format!("{error:#}"),
        };
        for word in words {
            assert!(error.contains(word), "`{word}` is not in: {error}");
        }
    }
}

fn app() -> TargetSpec {
    target("App", "application")
}

fn xcodebuild_answer(settings: &str) -> String {
    format!("[ {{ \"action\": \"archive\", \"target\": \"App\", \"buildSettings\": {{ {settings} }} }} ]")
}

#[test]
fn what_xcodebuild_prints_names_the_platform_by_any_of_its_settings() {
    const SDKS: &str = "/Applications/Xcode-26.app/Contents/Developer/Platforms";
    for (settings, expected) in [
        (
            format!(
                r#""SDKROOT": "{SDKS}/AppleTVOS.platform/Developer/SDKs/AppleTVOS26.0.sdk", "PRODUCT_BUNDLE_IDENTIFIER": "a.b""#
            ),
            "App Tvos a.b",
        ),
        (
            r#""SDK_NAME": "watchos26.0", "PRODUCT_BUNDLE_IDENTIFIER": "a.b""#.to_owned(),
            "App Watchos a.b",
        ),
        (
            format!(
                r#""PLATFORM_NAME": "macosx", "SDKROOT": "{SDKS}/MacOSX.platform/Developer/SDKs/MacOSX26.0.sdk", "PRODUCT_BUNDLE_IDENTIFIER": "a.b""#
            ),
            "App Macos a.b",
        ),
        (
            r#""PLATFORM_NAME": "macosx", "SDK_VARIANT": "iosmac", "PRODUCT_BUNDLE_IDENTIFIER": "a.b""#
                .to_owned(),
            "App MacCatalyst a.b",
        ),
    ] {
        let lab = Lab::of(
            &[],
            &[app()
                .set("SDKROOT", "$(PLATFORM_SDK)")
                .set("PRODUCT_BUNDLE_IDENTIFIER", "$(ID)")],
        );
        lab.xcodebuild(&xcodebuild_answer(&settings)).is(&[expected]);
    }
    let noisy = "Command line invocation:\n    /usr/bin/xcodebuild -showBuildSettings\n\nUser defaults from command line:\n    IDEPackageSupportUseBuiltinSCM = YES\n\nBuild settings for action archive and target App:\n    PLATFORM_NAME = iphoneos\n    PRODUCT_BUNDLE_IDENTIFIER = a.b\n    SDKROOT = /X/iPhoneOS18.2.sdk\n";
    Lab::of(&[IOS], &[app().set("PRODUCT_BUNDLE_IDENTIFIER", "$(ID)")])
        .xcodebuild(noisy)
        .is(&["App Ios a.b"]);
}

#[test]
fn a_versioned_sdk_or_a_path_names_its_platform() {
    for (root, expected) in [
        ("iphoneos18.2", "App Ios org.example.app"),
        (
            "/Applications/Xcode.app/Contents/Developer/Platforms/XROS.platform/Developer/SDKs/XROS2.2.sdk",
            "App Visionos org.example.app",
        ),
        ("macosx.internal", "App Macos org.example.app"),
    ] {
        Lab::of(&[("SDKROOT", root)], &[app()]).is(&[expected]);
    }
}

#[test]
fn a_dependency_counts_for_the_platforms_of_its_filter() {
    let share = || target("Share", "app-extension");
    for (filter, expected) in [
        (&["ios"][..], true),
        (&["ios", "maccatalyst"], true),
        (&["maccatalyst"], false),
        (&["macos"], false),
        (&["tvos", "watchos", "xros", "driverkit"], false),
        (&[], true),
    ] {
        let lab = Lab::of(&[IOS], &[app().needs("Share", filter), share()]);
        let all = ["App Ios org.example.app", "Share Ios org.example.share"];
        lab.is(&all[..if expected { 2 } else { 1 }]);
    }
    // A Mac helper is not part of an iOS archive, and an iOS-only watch app is not part of one for Catalyst.
    let targets = [
        app()
            .needs("Helper", &["macos"])
            .needs("Watch", &["ios"])
            .set("SUPPORTS_MACCATALYST", "YES"),
        target("Helper", "application").set("SDKROOT", "macosx"),
        target("Watch", "application").set("SDKROOT", "watchos"),
    ];
    Lab::of(&[IOS], &targets).is(&["App Ios org.example.app", "Watch Watchos org.example.watch"]);
    Lab::of(&[IOS], &targets)
        .with(|order| order.mac_catalyst = true)
        .is(&["App MacCatalyst org.example.app"]);
}

#[test]
fn a_filter_is_that_of_the_depending_target() {
    // The watch app's own extension is filtered to the watch (PlatformFiltering.swift: the depending target's platform).
    let targets = [
        app().needs("Watch", &[]),
        target("Watch", "application.watchapp2")
            .set("SDKROOT", "watchos")
            .needs("WatchExt", &["watchos"])
            .needs("Phone", &["ios"]),
        target("WatchExt", "watchkit2-extension").set("SDKROOT", "watchos"),
        target("Phone", "app-extension"),
    ];
    Lab::of(&[IOS], &targets).is(&[
        "App Ios org.example.app",
        "Watch Watchos org.example.watch",
        "WatchExt Watchos org.example.watchext",
    ]);
}

#[test]
fn excluded_dependencies_are_not_built() {
    for (app, expected) in [
        (app().set("EXCLUDED_EXPLICIT_TARGET_DEPENDENCIES", "Share"), false),
        (
            app().set("EXCLUDED_EXPLICIT_TARGET_DEPENDENCIES[sdk=iphoneos*]", "Sh*"),
            false,
        ),
        (
            app().set("EXCLUDED_EXPLICIT_TARGET_DEPENDENCIES[sdk=macosx*]", "Share"),
            true,
        ),
        (
            app()
                .set("EXCLUDED_EXPLICIT_TARGET_DEPENDENCIES", "*")
                .set("INCLUDED_EXPLICIT_TARGET_DEPENDENCIES", "Share"),
            true,
        ),
    ] {
        let lab = Lab::of(
            &[IOS],
            &[app.needs("Share", &[]), target("Share", "app-extension")],
        );
        assert_eq!(lab.signed().len(), if expected { 2 } else { 1 });
    }
}

#[test]
fn what_is_copied_is_built_without_a_declared_dependency() {
    let lines = |lab: Lab| lab.signed()[1..].to_vec();
    for (kind, sdk, product, expected) in [
        (
            "app-extension",
            "iphoneos",
            "Part.appex",
            "Part Ios org.example.part",
        ),
        (
            "extensionkit-extension",
            "iphoneos",
            "Part.appex",
            "Part Ios org.example.part",
        ),
        (
            "application.watchapp2",
            "watchos",
            "Part.app",
            "Part Watchos org.example.part",
        ),
        (
            "application",
            "watchos",
            "Part.app",
            "Part Watchos org.example.part",
        ),
        (
            "application.on-demand-install-capable",
            "iphoneos",
            "Part.app",
            "Part Ios org.example.part",
        ),
    ] {
        let part = target("Part", kind).set("SDKROOT", sdk);
        let lab = Lab::of(&[IOS], &[app().copies(product, &[]), part]);
        assert_eq!(lines(lab), [expected], "{kind}");
    }
    for (kind, product) in [
        ("application", "Part.app"),
        ("xpc-service", "Part.xpc"),
        ("system-extension", "Part.systemextension"),
        ("app-extension", "Part.appex"),
    ] {
        let lab = Lab::of(
            &[("SDKROOT", "macosx")],
            &[app().copies(product, &[]), target("Part", kind)],
        );
        assert_eq!(lines(lab), ["Part Macos org.example.part"], "{kind}");
    }
}

#[test]
fn what_is_copied_brings_its_own_along_and_obeys_filters_and_the_scheme() {
    let targets = |filter: &[&str]| {
        [
            app().copies("Share.appex", filter),
            target("Share", "app-extension")
                .needs("Inner", &[])
                .copies("Deep.xpc", &[]),
            target("Inner", "app-extension"),
            target("Deep", "xpc-service"),
        ]
    };
    let all = [
        "App Ios org.example.app",
        "Deep Ios org.example.deep",
        "Inner Ios org.example.inner",
        "Share Ios org.example.share",
    ];
    Lab::of(&[IOS], &targets(&["ios"])).is(&all);
    Lab::of(&[IOS], &targets(&["macos"])).is(&all[..1]);
    let lab = Lab::of(&[IOS], &targets(&[]));
    test_projects::scheme(
        &lab.path("App.xcodeproj"),
        "App",
        "buildImplicitDependencies = \"NO\"",
        &[entry("App", "App")],
    );
    lab.is(&all[..1]);
    // Excluded files are not looked up (LinkageDependencyResolver.swift).
    let mut excluded = targets(&[]);
    excluded[0] = excluded[0].clone().set("EXCLUDED_SOURCE_FILE_NAMES", "Sh*.appex");
    Lab::of(&[IOS], &excluded).is(&all[..1]);
    let mut no_domain = targets(&[]);
    no_domain[0] = no_domain[0].clone().set("IMPLICIT_DEPENDENCY_DOMAIN", "");
    Lab::of(&[IOS], &no_domain).is(&all[..1]);
}

#[test]
fn a_copied_product_of_another_project_of_the_workspace_is_built() {
    let lab = Lab::new();
    let folder = lab.folder.path();
    let settings = [IOS];
    let path = test_projects::project(
        folder,
        "App",
        &settings,
        &[app().copies("Share.appex", &[]).links("Kit.framework", &[])],
    );
    test_projects::project(
        folder,
        "Parts",
        &settings,
        &[
            target("Share", "app-extension"),
            target("Kit", "framework").copies("Deep.appex", &[]),
            target("Deep", "app-extension"),
        ],
    );
    test_projects::workspace(
        folder,
        "All",
        &[
            "group:App.xcodeproj",
            "group:Parts.xcodeproj",
            "group:Gone.xcodeproj",
        ],
    );
    test_projects::scheme(&path, "App", "", &[entry("App", "App")]);
    lab.opening("All.xcworkspace").is(&[
        "App Ios org.example.app",
        "Deep Ios org.example.deep",
        "Share Ios org.example.share",
    ]);
}

#[test]
fn of_two_products_with_one_name_that_of_the_platform_is_built() {
    let targets = [
        app().copies("Share.appex", &[]),
        target("TvShare", "app-extension")
            .producing("Share.appex")
            .set("SDKROOT", "appletvos"),
        target("Share", "app-extension"),
    ];
    Lab::of(&[IOS], &targets).is(&["App Ios org.example.app", "Share Ios org.example.share"]);
}

#[test]
fn scheme_entries_that_lead_nowhere_are_passed_over() {
    let package = |container: &str| {
        format!(
            "<BuildActionEntry buildForArchiving=\"YES\"><BuildableReference BlueprintIdentifier=\"Sync\" BlueprintName=\"Sync\" ReferencedContainer=\"{container}\"/></BuildActionEntry>"
        )
    };
    for other in [
        package("container:"),
        package("container:Modules"),
        entry("Pods/Pods", "Pods-App"),
        entry("../old/App", "App"),
        entry("App", "Gone"),
        "<BuildActionEntry buildForArchiving=\"YES\"></BuildActionEntry>".to_owned(),
    ] {
        let lab = Lab::of(&[IOS], &[app()]);
        test_projects::scheme(
            &lab.path("App.xcodeproj"),
            "App",
            "",
            &[other, entry("App", "App")],
        );
        lab.is(&["App Ios org.example.app"]);
    }
    let lab = Lab::of(&[IOS], &[app()]);
    test_projects::scheme(&lab.path("App.xcodeproj"), "App", "", &[entry("Gone", "App")]);
    lab.fails(&["Gone.xcodeproj", "does not exist", "`App`"]);
}

#[test]
fn a_project_without_schemes_has_one_per_target() {
    let bare = |targets: &[TargetSpec]| {
        let lab = Lab::new();
        test_projects::project(lab.folder.path(), "App", &[IOS], targets);
        lab
    };
    let lab = bare(&[
        app(),
        target("Share", "app-extension"),
        target("AppTests", "bundle.ui-testing"),
    ]);
    lab.is(&["App Ios org.example.app"]);
    bare(&[app()])
        .with(|order| order.scheme = "Other".to_owned())
        .fails(&["no scheme `Other`", "App"]);
    for name in ["Share", "AppTests"] {
        let lab = bare(&[
            app(),
            target("Share", "app-extension"),
            target("AppTests", "bundle.ui-testing"),
        ]);
        lab.with(|order| order.scheme = name.to_owned())
            .fails(&["no scheme"]);
    }
    bare(&[target("App", "application.watchapp2-container")]).fails(&["no scheme `App`"]);
    // One that is there keeps Xcode from making others.
    let lab = bare(&[app(), target("Second", "application")]);
    test_projects::scheme(&lab.path("App.xcodeproj"), "App", "", &[entry("App", "App")]);
    lab.with(|order| order.scheme = "Second".to_owned())
        .fails(&["no scheme `Second`"]);
    let off = "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>IDEWorkspaceSharedSettings_AutocreateContextsIfNeeded</key><false/></dict></plist>";
    bare(&[app()])
        .file(
            "App.xcodeproj/project.xcworkspace/xcshareddata/WorkspaceSettings.xcsettings",
            off,
        )
        .fails(&["no scheme `App`"]);
    // CocoaPods' project has schemes of its own.
    let lab = bare(&[app()]);
    let pods = test_projects::project(lab.folder.path(), "Pods", &[IOS], &[target("Pods", "framework")]);
    test_projects::scheme(&pods, "Pods", "", &[entry("Pods", "Pods")]);
    test_projects::workspace(
        lab.folder.path(),
        "App",
        &["group:App.xcodeproj", "group:Pods.xcodeproj"],
    );
    lab.opening("App.xcworkspace").is(&["App Ios org.example.app"]);
}

#[test]
fn an_autocreated_scheme_archives_with_release() {
    let lab = Lab::new();
    let app = app().set("PRODUCT_BUNDLE_IDENTIFIER", "a.$(CONFIGURATION:lower)");
    test_projects::project(lab.folder.path(), "App", &[IOS], &[app]);
    lab.is(&["App Ios a.release"]);
}

#[test]
fn the_main_target_is_the_app_before_the_watch_app() {
    let watch = target("Watch", "application.watchapp2").set("SDKROOT", "watchos");
    let entries = [entry("App", "Watch"), entry("App", "App")];
    let container = target("App", "application.watchapp2-container").needs("Watch", &[]);
    for main in [app().needs("Watch", &[]), container] {
        let lab = Lab::of(&[IOS], &[watch.clone(), main]);
        test_projects::scheme(&lab.path("App.xcodeproj"), "App", "", &entries);
        lab.is(&["App Ios org.example.app", "Watch Watchos org.example.watch"]);
    }
    let clip = target("Clip", "application.on-demand-install-capable");
    let lab = Lab::of(&[IOS], &[clip, app().needs("Clip", &[])]);
    test_projects::scheme(
        &lab.path("App.xcodeproj"),
        "App",
        "",
        &[entry("App", "Clip"), entry("App", "App")],
    );
    lab.is(&["App Ios org.example.app", "Clip Ios org.example.clip"]);
}

#[test]
fn an_aggregate_stands_for_its_dependencies() {
    let parts = || [app().needs("Share", &[]), target("Share", "app-extension")];
    let expected = ["App Ios org.example.app", "Share Ios org.example.share"];
    for all in [
        vec![aggregate("All").needs("App", &[])],
        vec![
            aggregate("All").needs("Inner", &[]),
            aggregate("Inner").needs("App", &[]),
        ],
        vec![
            aggregate("All").needs("Kit", &[]).needs("App", &[]),
            target("Kit", "framework"),
        ],
    ] {
        let targets: Vec<TargetSpec> = all.into_iter().chain(parts()).collect();
        let lab = Lab::of(&[IOS], &targets);
        test_projects::scheme(&lab.path("App.xcodeproj"), "App", "", &[entry("App", "All")]);
        lab.is(&expected);
    }
    // A filter within the aggregate is that of the archive's platform.
    let targets = [
        aggregate("All").needs("App", &[]).needs("Mac", &["macos"]),
        app(),
        target("Mac", "application").set("SDKROOT", "macosx"),
    ];
    let lab = Lab::of(&[IOS], &targets);
    test_projects::scheme(&lab.path("App.xcodeproj"), "App", "", &[entry("App", "All")]);
    lab.is(&["App Ios org.example.app"]);
}

#[test]
fn names_are_the_same_in_either_unicode_form() {
    let (composed, decomposed) = ("Caf\u{e9}", "Cafe\u{301}");
    for (on_disk, asked) in [
        (composed, decomposed),
        (decomposed, composed),
        (composed, composed),
    ] {
        let lab = Lab::new();
        let app = target("App", "application");
        let path = test_projects::project(lab.folder.path(), on_disk, &[IOS], &[app]);
        let text = std::fs::read_to_string(path.join("project.pbxproj")).unwrap();
        let id = text
            .lines()
            .find(|line| line.contains("PBXNativeTarget"))
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap();
        let reference = format!(
            "<BuildActionEntry buildForArchiving=\"YES\"><BuildableReference BlueprintIdentifier=\"{id}\" BlueprintName=\"App\" ReferencedContainer=\"container:{asked}.xcodeproj\"/></BuildActionEntry>"
        );
        test_projects::scheme(&path, on_disk, "", &[reference]);
        test_projects::workspace(lab.folder.path(), "All", &[&format!("group:{asked}.xcodeproj")]);
        let lab = lab
            .with(|order| order.scheme = asked.to_owned())
            .opening("All.xcworkspace");
        lab.is(&["App Ios org.example.app"]);
        lab.opening(&format!("{asked}.xcodeproj"))
            .is(&["App Ios org.example.app"]);
    }
}

#[test]
fn a_configuration_is_the_same_in_either_unicode_form() {
    // Swift compares texts by their characters, whichever way these are composed.
    let (composed, decomposed) = ("Ver\u{f6}ffentlicht", "Vero\u{308}ffentlicht");
    let app = app().configured(&["Debug", composed]);
    let lab = Lab::of(&[IOS], &[app]).with(|order| order.configuration = Some(decomposed.to_owned()));
    lab.is(&["App Ios org.example.app"]);
    assert_eq!(lab.read().unwrap().archived[0].configuration, composed);
}

#[test]
fn xml_entities_in_locations_are_decoded() {
    for (name, written) in [
        ("R&D", "R&amp;D"),
        ("It's", "It&apos;s"),
        ("A<B>", "A&lt;B&gt;"),
        ("Say \"A\"", "Say &quot;A&quot;"),
        ("Caf\u{e9}", "Caf&#xE9;"),
        ("Caf\u{e9}", "Caf&#233;"),
    ] {
        let lab = Lab::new();
        let path = test_projects::project(lab.folder.path(), name, &[IOS], &[app()]);
        let reference = format!(
            "<BuildActionEntry buildForArchiving=\"YES\"><BuildableReference BlueprintIdentifier=\"\" BlueprintName=\"App\" ReferencedContainer=\"container:{written}.xcodeproj\"/></BuildActionEntry>"
        );
        test_projects::scheme(&path, "App", "", &[reference]);
        test_projects::workspace(lab.folder.path(), "All", &[&format!("group:{written}.xcodeproj")]);
        lab.opening("All.xcworkspace").is(&["App Ios org.example.app"]);
    }
}

#[test]
fn a_target_without_the_configuration_uses_its_default() {
    // Target.swift, getEffectiveConfiguration: like the project's default, else the first.
    for (names, expected) in [
        (&["Profile", "Debug"][..], "debug"),
        (&["Profile", "Store"], "profile"),
        (&["Debug", "Release"], "release"),
    ] {
        let share = target("Share", "app-extension")
            .configured(names)
            .set("PRODUCT_BUNDLE_IDENTIFIER", "a.$(CONFIGURATION:lower)");
        let lab = Lab::of(&[IOS], &[app().needs("Share", &[]), share]);
        assert_eq!(lab.signed()[1], format!("Share Ios a.{expected}"));
    }
    Lab::of(&[IOS], &[app()])
        .with(|order| order.configuration = Some("Relase".to_owned()))
        .fails(&["Relase", "Debug, Release"]);
}

#[test]
fn ui_tests_are_found_by_dependency_name_and_attribute() {
    let tests = || target("UITests", "bundle.ui-testing");
    for (tests, expected) in [
        (tests().needs("App", &[]), 2),
        (tests().set("TEST_TARGET_NAME", "App"), 2),
        (tests().set("TEST_TARGET_NAME", "$(MAIN)").set("MAIN", "App"), 2),
        (tests().tests("App"), 2),
        (tests().set("TEST_TARGET_NAME", "Other"), 1),
        (tests(), 1),
    ] {
        let lab = Lab::of(&[IOS], &[app(), tests]).with(|order| order.sign_uitest_targets = true);
        assert_eq!(lab.signed().len(), expected);
    }
}

#[test]
fn what_is_not_signed_needs_no_profile() {
    for (part, expected) in [
        (
            target("Part", "app-extension").set("CODE_SIGNING_ALLOWED", "NO"),
            1,
        ),
        (
            target("Part", "app-extension").set("CODE_SIGNING_ALLOWED[sdk=macosx*]", "NO"),
            2,
        ),
        (target("Part", "kernel-extension"), 1),
        (target("Part", "kernel-extension.iokit"), 1),
        (target("Part", "framework"), 1),
        (target("Part", "tool"), 1),
        (target("Part", "bundle"), 1),
        (
            target("Part", "tool").set("PROVISIONING_PROFILE_REQUIRED", "YES"),
            2,
        ),
        (
            target("Part", "app-extension").set("PROVISIONING_PROFILE_SUPPORTED", "NO"),
            1,
        ),
    ] {
        let lab = Lab::of(&[IOS], &[app().needs("Part", &[]), part]);
        assert_eq!(lab.signed().len(), expected);
    }
}

#[test]
fn the_platform_is_ios_wherever_it_is_listed_or_what_the_input_says() {
    let app = || {
        app()
            .set("SDKROOT", "auto")
            .set("SUPPORTED_PLATFORMS", EVERYWHERE)
    };
    let lab = Lab::of(&[], &[app()]);
    lab.is(&["App Ios org.example.app"]);
    let notes = lab.read().unwrap().notes;
    assert!(
        notes[0].contains("iOS") && notes[0].contains("tvOS, macOS") && notes[0].contains("platform"),
        "{notes:?}"
    );
    for (name, expected) in [
        (PlatformName::Tvos, "App Tvos org.example.app"),
        (PlatformName::Macos, "App Macos org.example.app"),
        (PlatformName::Ios, "App Ios org.example.app"),
    ] {
        Lab::of(&[], &[app()])
            .with(|order| order.platform = name)
            .is(&[expected]);
    }
    Lab::of(&[], &[app()])
        .with(|order| order.platform = PlatformName::Visionos)
        .fails(&["platform", "`visionos`", "`ios`", "`tvos`", "`macos`"]);
    // Only the Mac's profiles go with a Developer ID.
    Lab::of(&[], &[app()])
        .with(|order| order.distribution = Distribution::DeveloperId)
        .is(&["App Macos org.example.app"]);
    Lab::of(&[], &[app()])
        .with(|order| {
            order.platform = PlatformName::Tvos;
            order.mac_catalyst = true;
        })
        .fails(&["platform", "mac_catalyst"]);
    let catalyst = app().set("SUPPORTS_MACCATALYST", "YES");
    Lab::of(&[], &[catalyst])
        .with(|order| order.platform = PlatformName::MacCatalyst)
        .is(&["App MacCatalyst org.example.app"]);
}

#[test]
fn a_scheme_with_an_app_for_each_platform_archives_the_one_that_is_asked_for() {
    let targets = [app(), target("Mac", "application").set("SDKROOT", "macosx")];
    for (name, expected) in [
        (PlatformName::Automatic, "App Ios org.example.app"),
        (PlatformName::Ios, "App Ios org.example.app"),
        (PlatformName::Macos, "Mac Macos org.example.mac"),
    ] {
        let lab = Lab::of(&[IOS], &targets).with(|order| order.platform = name);
        test_projects::scheme(
            &lab.path("App.xcodeproj"),
            "App",
            "",
            &[entry("App", "App"), entry("App", "Mac")],
        );
        lab.is(&[expected]);
    }
}

#[test]
fn dependencies_take_the_platform_of_the_app() {
    let parts = |share: TargetSpec| {
        [
            app()
                .set("SDKROOT", "auto")
                .set("SUPPORTED_PLATFORMS", EVERYWHERE)
                .needs("Share", &[]),
            share,
        ]
    };
    let share = || target("Share", "app-extension");
    for (share, name, expected) in [
        (
            share()
                .set("SDKROOT", "auto")
                .set("SUPPORTED_PLATFORMS", "macosx iphoneos iphonesimulator"),
            PlatformName::Macos,
            "Share Macos org.example.share",
        ),
        (
            share()
                .set("SDKROOT", "iphoneos")
                .set("SUPPORTED_PLATFORMS", "macosx iphoneos"),
            PlatformName::Macos,
            "Share Macos org.example.share",
        ),
        (
            share().set("SDKROOT", "auto"),
            PlatformName::Tvos,
            "Share Tvos org.example.share",
        ),
        (
            share().set("SDKROOT", "auto"),
            PlatformName::Automatic,
            "Share Ios org.example.share",
        ),
        (
            share().set("SDKROOT", "watchos"),
            PlatformName::Automatic,
            "Share Watchos org.example.share",
        ),
    ] {
        let lab = Lab::of(&[], &parts(share)).with(|order| order.platform = name);
        assert_eq!(lab.signed()[1], expected);
    }
}

#[test]
fn catalyst_at_project_level_concerns_ios_targets_alone() {
    let catalyst = ("SUPPORTS_MACCATALYST", "YES");
    Lab::of(&[("SDKROOT", "macosx"), catalyst], &[app()]).is(&["App Macos org.example.app"]);
    Lab::of(&[("SDKROOT", "watchos"), catalyst], &[app()]).is(&["App Watchos org.example.app"]);
    let helper = target("Helper", "application").set("SDKROOT", "macosx");
    Lab::of(&[IOS, catalyst], &[app().needs("Helper", &[]), helper])
        .with(|order| order.mac_catalyst = true)
        .is(&[
            "App MacCatalyst org.example.app",
            "Helper Macos org.example.helper",
        ]);
    let lab = Lab::of(&[IOS], &[app()]).with(|order| order.mac_catalyst = true);
    lab.is(&["App Ios org.example.app"]);
    assert!(lab.read().unwrap().warnings[0].contains("SUPPORTS_MACCATALYST"));
}

#[test]
fn a_driver_is_left_to_the_project_or_named() {
    let driver = || target("Driver", "driver-extension").set("SDKROOT", "driverkit");
    let lab = Lab::of(
        &[("SDKROOT", "macosx")],
        &[app().copies("Driver.dext", &[]), driver()],
    );
    lab.fails(&["`Driver`", "DriverKit", "no profile type"]);
    let manual = driver()
        .set("CODE_SIGN_STYLE", "Manual")
        .set("PROVISIONING_PROFILE_SPECIFIER", "My driver");
    let lab = Lab::of(
        &[("SDKROOT", "macosx")],
        &[app().needs("Driver", &["macos"]), manual],
    );
    lab.is(&["App Macos org.example.app"]);
    assert!(lab.read().unwrap().warnings[0].contains("My driver"));
    let lab = Lab::of(&[IOS], &[app().needs("Driver", &["macos"]), driver()]);
    lab.is(&["App Ios org.example.app"]);
}

#[test]
fn assignments_of_one_level_chain() {
    let config = ("BASE", "App.xcconfig");
    for (files, app, expected) in [
        (
            vec![("App.xcconfig", "BID = a\nBID = $(inherited).b\n")],
            app().set("PRODUCT_BUNDLE_IDENTIFIER", "$(BID)"),
            "a.b",
        ),
        (
            vec![
                (
                    "App.xcconfig",
                    "#include \"Common.xcconfig\"\nBID = $(BID).beta\n",
                ),
                ("Common.xcconfig", "BID = a\n"),
            ],
            app().set("PRODUCT_BUNDLE_IDENTIFIER", "$(BID)"),
            "a.beta",
        ),
        (
            vec![(
                "App.xcconfig",
                "BID = a\nBID[config=Release] = $(inherited).beta\nBID[config=Debug] = $(inherited).debug\n",
            )],
            app().set("PRODUCT_BUNDLE_IDENTIFIER", "$(BID)"),
            "a.beta",
        ),
        (
            vec![("App.xcconfig", "")],
            app()
                .set("PRODUCT_BUNDLE_IDENTIFIER", "a")
                .set("PRODUCT_BUNDLE_IDENTIFIER[sdk=iphoneos*]", "$(inherited).phone"),
            "a.phone",
        ),
        (
            vec![("App.xcconfig", "")],
            app().set("PRODUCT_BUNDLE_IDENTIFIER", "a").set(
                "PRODUCT_BUNDLE_IDENTIFIER[sdk=*]",
                "$(PRODUCT_BUNDLE_IDENTIFIER).any",
            ),
            "a.any",
        ),
        (
            vec![("App.xcconfig", "BID[sdk=iphoneos*] = x\nBID = y\n")],
            app().set("PRODUCT_BUNDLE_IDENTIFIER", "$(BID)"),
            "y",
        ),
        (
            vec![("App.xcconfig", "PRODUCT_BUNDLE_IDENTIFIER = a\n")],
            app().set("PRODUCT_BUNDLE_IDENTIFIER", "$(inherited).b"),
            "a.b",
        ),
    ] {
        let mut lab = Lab::of(&[IOS, config], &[app]);
        for (name, text) in files {
            lab = lab.file(name, text);
        }
        lab.is(&[&format!("App Ios {expected}")]);
    }
}

#[test]
fn names_that_follow_from_target_project_and_platform_are_known() {
    for (text, expected) in [
        ("a.$(PLATFORM_NAME)", "a.iphoneos"),
        ("a$(EFFECTIVE_PLATFORM_NAME)", "a-iphoneos"),
        ("a.$(PROJECT)", "a.App"),
        ("a.$(PROJECT_NAME:lower)", "a.app"),
        ("$(PRODUCT_TYPE)", "com.apple.product-type.application"),
        ("a.$(EXECUTABLE_NAME)", "a.App"),
        ("a.$(WRAPPER_EXTENSION)", "a.app"),
        ("a.$(FULL_PRODUCT_NAME)", "a.App.app"),
        ("a.$(USER)", "a.ada"),
        ("a.$(CONFIGURATION)", "a.Release"),
        ("a.$(TARGETNAME)", "a.App"),
        (
            "a.$(SUPPORTED_PLATFORMS:rfc1034identifier)",
            "a.iphoneos-iphonesimulator",
        ),
    ] {
        Lab::of(&[IOS], &[app().set("PRODUCT_BUNDLE_IDENTIFIER", text)])
            .is(&[&format!("App Ios {expected}")]);
    }
}

const HEALTH: &str = "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>com.apple.developer.healthkit</key><true/></dict></plist>";

fn groups(group: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>com.apple.security.application-groups</key><array><string>{group}</string></array></dict></plist>"
    )
}

fn containers(container: &str) -> String {
    groups(container).replace(
        "com.apple.security.application-groups",
        "com.apple.developer.icloud-container-identifiers",
    )
}

#[test]
fn what_is_unresolved_is_an_error_and_never_nothing() {
    let named = |key: &str, value: &str| Lab::of(&[IOS], &[app().set(key, value)]);
    named("CODE_SIGN_ENTITLEMENTS", "$(BRAND)/App.entitlements").fails(&[
        "BRAND",
        "CODE_SIGN_ENTITLEMENTS",
        "`App`",
    ]);
    named("CODE_SIGN_ENTITLEMENTS[sdk=iphoneos*]", "${BRAND}.entitlements")
        .fails(&["BRAND", "CODE_SIGN_ENTITLEMENTS"]);
    named("PRODUCT_BUNDLE_IDENTIFIER", "a.$(BASE_ID).$(FLAVOR)")
        .fails(&["`BASE_ID`, `FLAVOR`", "PRODUCT_BUNDLE_IDENTIFIER"]);
    let info = app()
        .unset("PRODUCT_BUNDLE_IDENTIFIER")
        .set("INFOPLIST_FILE", "$(FLAVOR)/Info.plist");
    Lab::of(&[IOS], &[info]).fails(&["FLAVOR", "INFOPLIST_FILE"]);
    for text in [
        groups("group.$(X)"),
        groups("group.${X}"),
        groups("group.$X"),
        containers("iCloud.$(X)"),
    ] {
        named("CODE_SIGN_ENTITLEMENTS", "App.entitlements")
            .file("App.entitlements", text)
            .fails(&["`X`", "com.apple"]);
    }
    // The missing xcconfig that would define it is named.
    Lab::of(
        &[IOS, ("BASE", "Generated.xcconfig")],
        &[app().set("CODE_SIGN_ENTITLEMENTS", "$(BRAND).entitlements")],
    )
    .fails(&["BRAND", "Generated.xcconfig", "missing"]);
    // What a build or a profile gives stays, and so does a text that nothing is registered for.
    let text = groups("group.a").replace("</array>", "</array><key>keychain-access-groups</key><array><string>$(AppIdentifierPrefix)$(CFBundleIdentifier)</string></array><key>aps-environment</key><string>$(APS)</string>");
    let lab = named("CODE_SIGN_ENTITLEMENTS", "App.entitlements").file("App.entitlements", text);
    let entitlements = lab.read().unwrap().needs().remove(0).entitlements;
    let first = |key: &str| {
        entitlements
            .get(key)
            .and_then(|value| value.as_array()?.first()?.as_string().map(str::to_owned))
    };
    assert_eq!(
        first("keychain-access-groups").as_deref(),
        Some("$(AppIdentifierPrefix)org.example.app")
    );
    assert_eq!(
        first("com.apple.security.application-groups").as_deref(),
        Some("group.a")
    );
}

#[test]
fn xcodebuild_is_asked_for_what_the_files_leave_open() {
    let app = app().set("CODE_SIGN_ENTITLEMENTS", "$(BRAND)/App.entitlements");
    let answer = xcodebuild_answer(
        r#""PLATFORM_NAME": "iphoneos", "PRODUCT_BUNDLE_IDENTIFIER": "org.example.app", "CODE_SIGN_ENTITLEMENTS": "acme/App.entitlements""#,
    );
    let lab = Lab::of(&[IOS], std::slice::from_ref(&app))
        .xcodebuild(&answer)
        .file("acme/App.entitlements", HEALTH);
    assert_eq!(lab.read().unwrap().needs()[0].entitlements.len(), 1);
    // What it makes of the gap may lead nowhere: the gap is the cause.
    let answer = xcodebuild_answer(
        r#""PLATFORM_NAME": "iphoneos", "PRODUCT_BUNDLE_IDENTIFIER": "org.example.app", "CODE_SIGN_ENTITLEMENTS": "/App.entitlements""#,
    );
    Lab::of(&[IOS], &[app])
        .xcodebuild(&answer)
        .fails(&["BRAND", "/App.entitlements"]);
}

#[test]
fn a_condition_for_a_version_of_the_sdk_is_settled_by_xcodebuild() {
    // Which SDK there is, Xcode alone knows (swift-build `SDKRegistry.swift`: a name without a version is the newest).
    let app = app()
        .set("PRODUCT_BUNDLE_IDENTIFIER", "a.b$(SUFFIX)")
        .set("SUFFIX", "")
        .set("SUFFIX[sdk=iphoneos26*]", ".c");
    let answer = xcodebuild_answer(
        r#""PLATFORM_NAME": "iphoneos", "PRODUCT_BUNDLE_IDENTIFIER": "a.b.c", "SUFFIX": ".c""#,
    );
    let lab = Lab::of(&[IOS], std::slice::from_ref(&app)).xcodebuild(&answer);
    lab.is(&["App Ios a.b.c"]);
    assert_eq!(lab.read().unwrap().warnings, [""; 0]);
    // Without an answer it is assumed, and said, with the reason.
    let files_alone = Lab::of(&[IOS], std::slice::from_ref(&app));
    let without_xcode = Lab::of(&[IOS], std::slice::from_ref(&app))
        .with(|order| order.build_settings = BuildSettings::Automatic);
    for (lab, why) in [
        (
            files_alone,
            "`build_settings: project` keeps the step from asking",
        ),
        (without_xcode, "there is no xcodebuild to ask; assuming SDK 27.2."),
    ] {
        lab.is(&["App Ios a.b"]);
        let warnings = lab.read().unwrap().warnings.join("\n");
        assert!(
            warnings.contains("depends on the version of the SDK") && warnings.contains(why),
            "{warnings}"
        );
    }
    // A version that the project names needs nobody to be asked.
    let lab = Lab::of(&[("SDKROOT", "iphoneos26.2")], &[app]);
    lab.is(&["App Ios a.b.c"]);
    assert_eq!(lab.read().unwrap().warnings, [""; 0]);
}

#[test]
fn what_xcodebuild_takes_for_nothing_is_said() {
    let app = app().set("PRODUCT_BUNDLE_IDENTIFIER", "a.b$(SUFFIX)");
    let lab = |settings: &str| {
        let answer = xcodebuild_answer(&format!(r#""PLATFORM_NAME": "iphoneos", {settings}"#));
        Lab::of(&[IOS], std::slice::from_ref(&app)).xcodebuild(&answer)
    };
    let silent = lab(r#""PRODUCT_BUNDLE_IDENTIFIER": "a.b""#);
    silent.is(&["App Ios a.b"]);
    let warnings = silent.read().unwrap().warnings.join("\n");
    for word in ["PRODUCT_BUNDLE_IDENTIFIER", "`App`", "`SUFFIX`", "`a.b`"] {
        assert!(warnings.contains(word), "`{word}` is not in: {warnings}");
    }
    // It knows the name, or a value that comes from elsewhere.
    for settings in [
        r#""PRODUCT_BUNDLE_IDENTIFIER": "a.b", "SUFFIX": """#,
        r#""PRODUCT_BUNDLE_IDENTIFIER": "a.b.c", "SUFFIX": ".c""#,
        r#""PRODUCT_BUNDLE_IDENTIFIER": "a.b.c""#,
    ] {
        assert_eq!(lab(settings).read().unwrap().warnings, [""; 0], "{settings}");
    }
    // Without an Xcode, it is an error.
    Lab::of(&[IOS], &[app]).fails(&["SUFFIX"]);
}

#[test]
fn an_xcodebuild_that_fails_is_named_beside_what_the_files_lack() {
    let app = app().set("PRODUCT_BUNDLE_IDENTIFIER", "a.b$(SUFFIX)");
    let lab = |script: &str| {
        let lab = Lab::of(&[IOS], std::slice::from_ref(&app)).xcodebuild("");
        std::fs::write(lab.path("bin/xcodebuild"), format!("#!/bin/sh\n{script}\n")).unwrap();
        lab
    };
    // Exit status and words of a project whose packages can't be resolved (flutter #63632, periphery #241).
    lab("echo 'xcodebuild: error: Could not resolve package dependencies:' >&2; exit 74").fails(&[
        "SUFFIX",
        "Could not resolve package dependencies",
        "74",
    ]);
    // Apple's stand-in on a Mac without an Xcode knows nothing of the project.
    let absent = lab("echo \"xcode-select: error: tool 'xcodebuild' requires Xcode\" >&2; exit 1");
    absent.fails(&["SUFFIX"]);
    let error = format!("{:#}", absent.read().unwrap_err());
    assert!(!error.contains("xcodebuild"), "{error}");
}

#[test]
fn what_a_project_lacks_has_an_advice() {
    let gaps = |files: Vec<PathBuf>| xcode_project::Error::Unresolved {
        target: "App".to_owned(),
        setting: "PRODUCT_BUNDLE_IDENTIFIER".to_owned(),
        missing: vec!["SUFFIX".to_owned()],
        files,
    };
    for (error, expected) in [
        (
            gaps(Vec::new()),
            "define it in the project or in an xcconfig file",
        ),
        (
            gaps(vec!["Pods.xcconfig".into()]),
            "run what creates it before this step",
        ),
    ] {
        let advice = crate::advice::about_project(&error).unwrap_or_default();
        assert!(advice.starts_with(expected), "{advice}");
    }
}

#[test]
fn a_project_that_is_there_and_can_not_be_read_is_an_error() {
    let targets = [app().needs_of("Kit", "Share")];
    let lab = || {
        let lab = Lab::of(&[IOS], &targets);
        test_projects::project(
            lab.folder.path(),
            "Kit",
            &[IOS],
            &[target("Share", "app-extension")],
        );
        lab
    };
    lab().is(&["App Ios org.example.app", "Share Ios org.example.share"]);
    lab()
        .file("Kit.xcodeproj/project.pbxproj", "<<<<<<< HEAD\n")
        .fails(&["Kit.xcodeproj", "readable"]);
    lab()
        .file("Kit.xcodeproj/project.xcproj", "{}")
        .fails(&["Kit.xcodeproj", "both"]);
    // One that is not there drops its targets, as in Xcode.
    let gone = lab();
    std::fs::remove_dir_all(gone.path("Kit.xcodeproj")).unwrap();
    gone.is(&["App Ios org.example.app"]);
    let bare = lab();
    std::fs::remove_file(bare.path("Kit.xcodeproj/project.pbxproj")).unwrap();
    bare.is(&["App Ios org.example.app"]);
    // Where something is looked for in all projects of a workspace, each of them counts.
    let lab = Lab::of(&[IOS], &[app().links("Elsewhere.framework", &[])]);
    test_projects::project(lab.folder.path(), "Pods", &[IOS], &[]);
    test_projects::workspace(
        lab.folder.path(),
        "All",
        &["group:App.xcodeproj", "group:Pods.xcodeproj"],
    );
    let lab = lab.opening("All.xcworkspace");
    lab.is(&["App Ios org.example.app"]);
    lab.file("Pods.xcodeproj/project.pbxproj", "{ objects = {")
        .fails(&["Pods.xcodeproj"]);
}

#[test]
fn linker_flags_and_plain_files_lead_to_what_they_are_products_of() {
    // LinkageDependencyResolver.swift: the name decides, and a framework's own dependencies come along.
    let kit = || target("Kit", "framework").needs("Deep", &[]);
    let lib = || {
        target("Lib", "library.static")
            .producing("libLib.a")
            .needs("Deep", &[])
    };
    let deep = || target("Deep", "app-extension");
    for (app, part) in [
        (
            app().set("OTHER_LDFLAGS", "$(inherited) -ObjC -framework Kit"),
            kit(),
        ),
        (app().set("OTHER_LDFLAGS", "-weak_framework \"Kit\""), kit()),
        (app().set("OTHER_LDFLAGS", "-Wl,-framework,Kit"), kit()),
        (app().set("PRODUCT_SPECIFIC_LDFLAGS", "-Xlinker -lLib"), lib()),
        (app().set("OTHER_LDFLAGS", "$(UNDEFINED) -lLib"), lib()),
        (app().links_file("build/Kit.framework"), kit()),
        (app().links_file("../out/libLib.a"), lib()),
        (app().links_file("build/Kit.framework/Versions/A/Kit"), kit()),
        (
            app().links("Kit.framework", &[]),
            kit().producing("$(PRODUCT_NAME).framework"),
        ),
    ] {
        Lab::of(&[IOS], &[app, part, deep()]).is(&["App Ios org.example.app", "Deep Ios org.example.deep"]);
    }
    for (app, part) in [
        (app().set("OTHER_LDFLAGS", "-upward_framework Kit"), kit()),
        (app().set("OTHER_LDFLAGS", "-framework Kits -lKit"), kit()),
        (
            app()
                .set("OTHER_LDFLAGS", "-framework Kit")
                .set("IMPLICIT_DEPENDENCIES_IGNORE_LDFLAGS", "YES"),
            kit(),
        ),
        (
            app().set("OTHER_LDFLAGS", "-framework Kit"),
            kit().set("SDKROOT", "macosx"),
        ),
        (
            app().set("OTHER_LDFLAGS", "-framework Kit"),
            kit().set("IMPLICIT_DEPENDENCY_DOMAIN", "mine"),
        ),
        (app().links_file("build/Other.framework/Kit"), kit()),
    ] {
        Lab::of(&[IOS], &[app, part, deep()]).is(&["App Ios org.example.app"]);
    }
}

#[test]
fn catalyst_is_a_variant_of_the_mac() {
    let app = || app().set("SUPPORTS_MACCATALYST", "YES").needs("Part", &[]);
    let part = |settings: &[(&str, &str)]| {
        let part = target("Part", "app-extension");
        settings
            .iter()
            .fold(part, |part, (key, value)| part.set(key, value))
    };
    let listed = ("SUPPORTED_PLATFORMS", "iphoneos iphonesimulator macosx");
    for (settings, expected) in [
        // Imposed on what follows its dependents (DependencyResolution.swift, lookupConfiguredTarget).
        (
            &[("SDKROOT", "auto"), listed][..],
            "Part MacCatalyst org.example.part",
        ),
        // The Mac's SDK without the variant (Settings.swift, addRunDestinationSettingsPlatformSDK).
        (&[("SDKROOT", "iphoneos"), listed], "Part Macos org.example.part"),
        (
            &[("SDKROOT", "iphoneos"), ("SUPPORTS_MACCATALYST", "YES")],
            "Part MacCatalyst org.example.part",
        ),
        (&[("SDKROOT", "macosx")], "Part Macos org.example.part"),
    ] {
        let lab = Lab::of(&[IOS], &[app(), part(settings)]).with(|order| order.mac_catalyst = true);
        assert_eq!(lab.signed()[1], expected, "{settings:?}");
    }
}

#[test]
fn a_name_that_only_an_absent_optional_include_defines_is_nothing() {
    let app = || app().set("PRODUCT_BUNDLE_IDENTIFIER", "a.b${SUFFIX}");
    let based = || Lab::of(&[IOS, ("BASE", "App.xcconfig")], &[app()]);
    based()
        .file("App.xcconfig", "#include? \"Local.xcconfig\"\n")
        .is(&["App Ios a.b"]);
    based()
        .file("App.xcconfig", "#include? \"Local.xcconfig\"\nSUFFIX = .c\n")
        .is(&["App Ios a.b.c"]);
    based().file("App.xcconfig", "\n").fails(&["SUFFIX"]);
    based()
        .file(
            "App.xcconfig",
            "#include? \"Local.xcconfig\"\n#include \"Pods.xcconfig\"\n",
        )
        .fails(&["SUFFIX", "Pods.xcconfig"]);
    let lab = based()
        .file("App.xcconfig", "#include? \"Local.xcconfig\"\n")
        .file("Local.xcconfig", "OTHER = x\n");
    lab.fails(&["SUFFIX"]);
}

#[test]
fn a_bundle_id_is_that_of_the_team_that_signs() {
    let id = |settings: &[(&str, &str)], text: &str| {
        let app = settings
            .iter()
            .fold(app(), |app, (key, value)| app.set(key, value));
        let lab = Lab::of(&[IOS], &[app.set("PRODUCT_BUNDLE_IDENTIFIER", text)]);
        let analysis = lab
            .read()
            .unwrap()
            .signed_by(&"NEWTEAM123".parse().unwrap())
            .unwrap();
        analysis.needs()[0].bundle_id.clone()
    };
    let old = ("DEVELOPMENT_TEAM", "OLDTEAM123");
    assert_eq!(id(&[old], "a.$(DEVELOPMENT_TEAM).b"), "a.NEWTEAM123.b");
    assert_eq!(id(&[], "a.$(DEVELOPMENT_TEAM)"), "a.NEWTEAM123");
    assert_eq!(
        id(
            &[("DEVELOPMENT_TEAM[sdk=iphoneos*]", "OLDTEAM123")],
            "a.$(DEVELOPMENT_TEAM:lower)"
        ),
        "a.newteam123"
    );
    assert_eq!(
        id(&[old, ("SUFFIX", "$(DEVELOPMENT_TEAM)")], "a.${SUFFIX}"),
        "a.NEWTEAM123"
    );
    assert_eq!(id(&[old], "a.b"), "a.b");
    // The style that will be written decides which file is read.
    let app = app()
        .set("CODE_SIGN_STYLE", "Automatic")
        .set("CODE_SIGN_ENTITLEMENTS", "$(CODE_SIGN_STYLE).entitlements");
    let lab = Lab::of(&[IOS], std::slice::from_ref(&app)).file("Manual.entitlements", HEALTH);
    assert_eq!(lab.read().unwrap().needs()[0].entitlements.len(), 1);
    let lab = Lab::of(&[IOS], &[app])
        .file("Automatic.entitlements", HEALTH)
        .with(|order| order.keeps_automatic_signing = true);
    assert_eq!(lab.read().unwrap().needs()[0].entitlements.len(), 1);
    // So does an App Group.
    let app = self::app()
        .set("CODE_SIGN_ENTITLEMENTS", "App.entitlements")
        .set("DEVELOPMENT_TEAM", "OLDTEAM123");
    let lab = Lab::of(&[IOS], &[app]).file("App.entitlements", groups("group.$(DEVELOPMENT_TEAM).a"));
    let need = lab
        .read()
        .unwrap()
        .signed_by(&"NEWTEAM123".parse().unwrap())
        .unwrap()
        .needs()
        .remove(0);
    assert!(format!("{:?}", need.entitlements).contains("group.NEWTEAM123.a"));
}

#[test]
fn a_bundle_id_that_xcodebuild_told_follows_the_team_too() {
    let answer = xcodebuild_answer(
        r#""PLATFORM_NAME": "iphoneos", "DEVELOPMENT_TEAM": "OLDTEAM123", "BRAND": "acme", "PRODUCT_BUNDLE_IDENTIFIER": "a.acme.OLDTEAM123""#,
    );
    let app = app()
        .set("DEVELOPMENT_TEAM", "OLDTEAM123")
        .set("PRODUCT_BUNDLE_IDENTIFIER", "a.$(BRAND).$(DEVELOPMENT_TEAM)");
    let lab = Lab::of(&[IOS], &[app]).xcodebuild(&answer);
    let analysis = lab
        .read()
        .unwrap()
        .signed_by(&"NEWTEAM123".parse().unwrap())
        .unwrap();
    assert_eq!(analysis.needs()[0].bundle_id, "a.acme.NEWTEAM123");
}

#[test]
fn xcconfig_files_of_old_editors_are_read() {
    for bytes in [
        b"// Schl\xfcssel\nBID = a.b\n".as_slice(),
        b"BID = a.b // Schl\x9fssel\n",
        b"// one\rBID = a.b\rX = y\r",
        b"// one\r\nBID = a.b\r\n",
    ] {
        Lab::of(
            &[IOS, ("BASE", "App.xcconfig")],
            &[app().set("PRODUCT_BUNDLE_IDENTIFIER", "$(BID)")],
        )
        .file("App.xcconfig", bytes)
        .is(&["App Ios a.b"]);
    }
    let lab = || {
        Lab::of(
            &[IOS, ("BASE", "App.xcconfig")],
            &[app().set("PRODUCT_BUNDLE_IDENTIFIER", "$(BID)")],
        )
    };
    let with_mark = lab().file("App.xcconfig", "\u{feff}// comment\nBID = a.b\n");
    with_mark.is(&["App Ios a.b"]);
    assert!(with_mark.read().unwrap().warnings[0].contains("byte order mark"));
    lab().file("App.xcconfig", "\u{feff}BID = a.b\n").fails(&["BID"]);
}

#[test]
fn entitlements_in_any_form_are_read() {
    let wide = |text: &str| -> Vec<u8> {
        std::iter::once(0xFEFF)
            .chain(text.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect()
    };
    let xml = HEALTH.replace("version=\"1.0\"?>", "version=\"1.0\" encoding=\"UTF-16\"?>");
    for bytes in [
        HEALTH.as_bytes().to_vec(),
        wide(&xml),
        b"{ \"com.apple.developer.healthkit\" = YES; }".to_vec(),
        wide("{ \"com.apple.developer.healthkit\" = YES; }"),
        [b"\xEF\xBB\xBF", HEALTH.as_bytes()].concat(),
    ] {
        let lab = Lab::of(&[IOS], &[app().set("CODE_SIGN_ENTITLEMENTS", "App.entitlements")])
            .file("App.entitlements", bytes);
        let entitlements = lab.read().unwrap().needs().remove(0).entitlements;
        assert!(entitlements.contains_key("com.apple.developer.healthkit"));
    }
}

#[test]
fn an_impossible_bundle_id_is_found_before_anybody_is_asked() {
    for id in ["##TEAM##.app", ".beta", "a..b", "a.b.", "a_b.c", "a b.c", "a.b/c"] {
        Lab::of(&[IOS], &[app().set("PRODUCT_BUNDLE_IDENTIFIER", id)]).fails(&[
            &format!("`{id}`"),
            "invalid",
            "`App`",
        ]);
    }
    Lab::of(&[IOS], &[app().unset("PRODUCT_BUNDLE_IDENTIFIER")]).fails(&["`App` has no bundle ID"]);
}

#[test]
fn a_platform_that_nobody_says_is_asked_for() {
    let app = app().set("SDKROOT", "$(MY_SDK)");
    Lab::of(&[], std::slice::from_ref(&app)).fails(&["MY_SDK", "SDKROOT"]);
    // Without any SDK it is the Mac's, unless a file that is not there could say otherwise.
    Lab::of(&[], &[self::app()]).is(&["App Macos org.example.app"]);
    Lab::of(&[("BASE", "Gone.xcconfig")], &[self::app()]).fails(&["Gone.xcconfig", "platform"]);
    let lab = Lab::of(&[("BASE", "Gone.xcconfig")], &[self::app()])
        .with(|order| order.platform = PlatformName::Ios);
    lab.is(&["App Ios org.example.app"]);
    let settings = xcode_project::Settings::from_assignments([], "", "Release");
    let project = xcode_project::Project::open(Path::new(&lab.order.project_path)).unwrap();
    let error = no_platform(&project.targets()[0], &settings);
    assert!(format!("{error:#}").contains("`App`"), "{error:#}");
}
