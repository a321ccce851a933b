//! What `project.xcproj` says: the rules of xcode-project-format (September 2026), and refusals that Xcode 27.2 was seen to
//! make (tuist/XcodeProj, pull requests 1181 and 1184).
#![expect(clippy::unwrap_used, reason = "helpers of tests: failures that end the test")]

use std::path::Path;

use xcode_project::{
    Answer, Archive, BuildItem, Container, CopyBase, DependencyKind, Format, PhaseKind, Platform, Project,
    Roots, Workspace,
};

/// A project with these files and targets, and what else stands at its top.
fn text(more: &str, files: &str, targets: &str) -> String {
    format!(
        "{{ {more} 'default-configuration': 'Release', configurations: ['Debug', 'Release'], localizations: {{ development: 'en' }}, files: [{files}], targets: [{targets}] }}"
    )
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path).unwrap();
    std::fs::write(path.join("project.xcproj"), text).unwrap();
}

fn read(more: &str, files: &str, targets: &str) -> Result<(tempfile::TempDir, Project), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("App.xcodeproj");
    write(&path, &text(more, files, targets));
    let project = Project::open(&path).map_err(|error| {
        let source = std::error::Error::source(&error).unwrap();
        format!("{error}: {source}")
    })?;
    Ok((folder, project))
}

#[track_caller]
fn refused(more: &str, files: &str, targets: &str, reason: &str) {
    let error = read(more, files, targets).map(|_| ()).unwrap_err();
    assert!(error.contains(reason), "{error}");
    assert!(
        error.contains("project.xcproj") && error.contains("line 1, column "),
        "{error}"
    );
}

const APP: &str = "name: 'App', id: 'A1', 'product-type': 'application'";

#[test]
fn targets_are_what_they_are_in_the_older_format() {
    let (_folder, project) = read(
        "",
        "{ kind: 'group', name: 'Products', children: [ { path: '<PRODUCTS>/App.app', id: 'P1', type: 'wrapper.application', index: false } ] }",
        &format!(
            "{{ {APP}, product: 'Products/App.app', 'legacy-provisioning-style': 'automatic', 'legacy-team-id': 'TEAM' }},
             {{ name: 'Tests', id: 'T1', 'product-type': 'bundle.ui-testing', 'test-host-target': 'App' }},
             {{ name: 'All', id: 'L1', kind: 'aggregate', product: null }},
             {{ name: 'Make', id: 'M1', kind: 'external-build-system', 'build-tool-path': '/usr/bin/make' }},
             {{ name: 'Odd', id: 'O1', 'full-product-type': 'com.example.odd' }}"
        ),
    )
    .unwrap();
    assert_eq!(project.format(), Format::Xcproj);
    let targets = project.targets();
    let seen: Vec<_> = targets
        .iter()
        .map(|target| (target.product_type.clone(), project.details(target).isa))
        .collect();
    let own = |kind: &str, isa: &str| (kind.to_owned(), isa.to_owned());
    assert_eq!(
        seen,
        [
            own("com.apple.product-type.application", "PBXNativeTarget"),
            own("com.apple.product-type.bundle.ui-testing", "PBXNativeTarget"),
            own("", "PBXAggregateTarget"),
            own("", "PBXLegacyTarget"),
            own("com.example.odd", "PBXNativeTarget"),
        ]
    );
    let app = project.details(&targets[0]);
    assert_eq!(app.product.as_deref(), Some("App.app"));
    assert_eq!(app.product_id.as_deref(), Some("P1"));
    assert_eq!(app.provisioning_style.as_deref(), Some("Automatic"));
    assert_eq!(app.development_team.as_deref(), Some("TEAM"));
    assert_eq!(project.details(&targets[1]).test_host.as_deref(), Some("A1"));
    assert_eq!(targets[0].configurations, ["Debug", "Release"]);
    assert_eq!(project.target("M1").unwrap().name, "Make");
}

#[test]
fn dependencies_name_targets_here_and_elsewhere_with_their_platforms() {
    let (folder, project) = read(
        "",
        "{ kind: 'group', path: 'Vendor', children: [ { path: 'Lib.xcodeproj' } ] }",
        &format!(
            "{{ {APP}, dependencies: [ 'Kit', {{ target: 'Kit', platforms: ['ios', 'maccatalyst'] }},
                {{ kind: 'remoteTarget', project: 'Vendor/Lib.xcodeproj', target: 'Lib', 'target-id': 'R1', platforms: ['macos'] }},
                {{ kind: 'package', package: 'tools', 'product-name': 'Tool' }} ] }},
             {{ name: 'Kit', id: 'K1', 'product-type': 'framework' }}"
        ),
    )
    .unwrap();
    let app = project.target("A1").unwrap();
    assert_eq!(app.dependencies, ["K1", "K1"]);
    let lib = folder.path().join("Vendor/Lib.xcodeproj");
    let dependencies = project.details(&app).dependencies;
    let seen: Vec<_> = dependencies
        .iter()
        .map(|one| {
            (
                one.name.as_str(),
                one.kind,
                one.id.as_deref(),
                one.project.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("Kit", DependencyKind::Target, Some("K1"), None),
            ("Kit", DependencyKind::Target, Some("K1"), None),
            ("Lib", DependencyKind::Remote, Some("R1"), Some(lib.as_path())),
            ("Tool", DependencyKind::Package, None, None),
        ]
    );
    assert_eq!(dependencies[1].platforms, ["ios", "maccatalyst"]);
    assert_eq!(dependencies[2].platforms, ["macos"]);
    assert_eq!(project.nested_projects(), [lib]);
}

#[test]
fn a_copy_phase_holds_what_says_that_it_belongs_there() {
    let (folder, project) = read(
        "'imported-products': [ { name: 'Share.appex', project: 'Lib.xcodeproj', target: 'Share', 'product-id': 'X9', 'target-membership': [ 'App/copy/Embed Extensions' ] } ],",
        "{ path: 'Lib.xcodeproj' },
         { path: '<PRODUCTS>/Widget.appex', id: 'W2', 'target-membership': [ { 'build-phase': 'App/copy/Embed Extensions', platforms: ['ios'], 'code-sign-on-copy': true, 'header-preservation': 'remove-on-copy' } ] },
         { path: 'Helper.app', 'target-membership': [ 'id:COPY2', { 'build-phase': ['C/C++', 'copy', { name: 'a/b' }] } ] },
         { kind: 'folder', path: 'Tools', 'membership-exceptions': [ { 'build-phase': 'App/copy/Embed Extensions', inclusions: ['sub/XPC.xpc'], platforms: { 'sub/XPC.xpc': ['macos'] }, attributes: { 'sub/XPC.xpc': { 'code-sign-on-copy': true } } } ] }",
        &format!(
            "{{ {APP}, 'build-phases': [ 'compile-sources', {{ kind: 'frameworks', name: 'Link' }},
                {{ kind: 'copy', name: 'Embed Extensions', 'bundle-base-path': 'plugins-directory' }},
                {{ kind: 'copy', id: 'COPY2', name: 'Login', 'bundle-base-path': 'root', 'relative-path': 'Contents/Library/LoginItems', scope: 'install' }} ],
                'package-product-members': [ {{ 'product-name': 'Kit', 'build-phase': {{ 'build-phase': 'frameworks', platforms: ['ios'] }} }} ] }},
             {{ name: 'Widget', id: 'W1', product: 'Widget.appex', 'product-type': 'app-extension' }},
             {{ name: 'C/C++', id: 'C1', 'build-phases': [ {{ kind: 'copy', name: 'a/b' }} ] }}"
        ),
    )
    .unwrap();
    let app = project.target("A1").unwrap();
    let phases = project.build_phases(&app);
    let kinds: Vec<_> = phases.iter().map(|phase| phase.kind).collect();
    use PhaseKind::{CopyFiles, Frameworks, Sources};
    assert_eq!(kinds, [Sources, Frameworks, CopyFiles, CopyFiles]);
    let package = BuildItem::Package {
        name: "Kit".to_owned(),
    };
    assert_eq!(
        (&phases[1].files[0].item, &phases[1].files[0].platforms[..]),
        (&package, &["ios".to_owned()][..])
    );
    let items: Vec<_> = phases[2].files.iter().map(|file| file.item.clone()).collect();
    assert_eq!(
        items,
        [
            BuildItem::Product {
                target: "W1".to_owned(),
                name: "Widget.appex".to_owned()
            },
            BuildItem::Remote {
                project: Some(folder.path().join("Lib.xcodeproj")),
                product_id: Some("X9".to_owned()),
                target: Some("Share".to_owned()),
                name: "Share.appex".to_owned(),
            },
            BuildItem::File {
                name: "XPC.xpc".to_owned(),
                path: Some(folder.path().join("Tools/sub/XPC.xpc")),
            },
        ]
    );
    let widget = &phases[2].files[0];
    assert!(widget.code_sign_on_copy && widget.remove_headers_on_copy && !widget.is_weak);
    assert_eq!(widget.platforms, ["ios"]);
    let tool = &phases[2].files[2];
    assert!(tool.code_sign_on_copy && tool.platforms == ["macos"]);
    assert_eq!(phases[2].destination.as_ref().unwrap().base, CopyBase::PlugIns);
    let login = phases[3].destination.as_ref().unwrap();
    assert_eq!(
        (&login.base, login.path.as_str()),
        (&CopyBase::Wrapper, "Contents/Library/LoginItems")
    );
    assert!(phases[3].install_only && !phases[2].install_only);
    assert_eq!(phases[3].files.len(), 1);
    assert_eq!(
        project.build_phases(&project.target("C1").unwrap())[0]
            .files
            .len(),
        1
    );
}

#[test]
fn every_base_of_a_copy_phase_has_the_same_name_in_both_formats() {
    // BundleBasePath.swift, and the words and numbers of XcodeProj's PBXCopyFilesBuildPhase.swift.
    for (word, number, name) in [
        ("", "0", "AbsolutePath"),
        ("root", "1", "Wrapper"),
        ("executables-directory", "6", "Executables"),
        ("resources-directory", "7", "Resources"),
        ("frameworks-directory", "10", "Frameworks"),
        ("shared-frameworks-directory", "11", "SharedFrameworks"),
        ("shared-support-directory", "12", "SharedSupport"),
        ("plugins-directory", "13", "PlugIns"),
        ("java-directory", "15", "JavaResources"),
        ("build-products-directory", "16", "ProductsDirectory"),
    ] {
        let base = if word.is_empty() {
            String::new()
        } else {
            format!("'bundle-base-path': '{word}'")
        };
        let (_folder, new) = read(
            "",
            "",
            &format!("{{ {APP}, 'build-phases': [ {{ kind: 'copy', {base} }} ] }}"),
        )
        .unwrap();
        let of = |project: &Project| {
            let target = project.targets().remove(0);
            project.build_phases(&target)[0].destination.clone().unwrap().base
        };
        let folder = tempfile::Builder::new().suffix(".xcodeproj").tempdir().unwrap();
        // Object version 90 brought words, and leaves out what is empty or a default.
        for destination in [
            format!("dstSubfolderSpec = {number}"),
            format!("dstSubfolder = {name}"),
        ] {
            let text = format!(
                "{{objectVersion = 110; objects = {{R = {{isa = PBXProject; targets = (T); }}; T = {{isa = PBXNativeTarget; name = App; buildPhases = (C); }}; C = {{isa = PBXCopyFilesBuildPhase; {destination}; }}; }}; rootObject = R; }}"
            );
            std::fs::write(folder.path().join("project.pbxproj"), text).unwrap();
            assert_eq!(
                of(&new),
                of(&Project::open(folder.path()).unwrap()),
                "{destination}"
            );
        }
    }
}

#[test]
fn a_folder_leaves_out_or_gives_single_files() {
    let (folder, project) = read(
        "",
        "{ kind: 'folder', path: 'Src', 'target-membership': ['App'], 'membership-exceptions': [
            { target: 'App', exclusions: ['Info.plist'] }, { target: 'Kit', inclusions: ['Shared.swift'], 'build-phase': 'Ghost/copy/x' } ] }",
        &format!("{{ {APP} }}, {{ name: 'Kit', id: 'K1' }}"),
    )
    .unwrap();
    let of = |id: &str| {
        project
            .synchronized_folders(&project.target(id).unwrap())
            .to_vec()
    };
    let (app, kit) = (of("A1"), of("K1"));
    assert_eq!(app[0].path, Some(folder.path().join("Src")));
    assert!(app[0].is_member && app[0].exceptions == ["Info.plist"]);
    assert!(!kit[0].is_member && kit[0].exceptions == ["Shared.swift"]);
}

#[test]
fn xcconfig_files_are_named_by_reference_or_within_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("App.xcodeproj");
    let text = text("", "", &format!("{{ {APP}, 'specialized-configurations': [ 'Debug', {{ name: 'Release', file: {{ anchor: 'Settings', 'relative-path': 'sub/App.xcconfig' }} }} ], 'build-settings': {{ OWN: '$(BASE).$(APP)', 'OWN[config=Debug]': 'd' }} }}"))
        .replace("files: []", "files: [ { kind: 'group', path: 'Config', children: [ { path: 'Base.xcconfig' } ] }, { kind: 'folder', path: 'Settings' } ]")
        .replace("'Release']", "{ name: 'Release', file: 'Config/Base.xcconfig' }]");
    write(&path, &text);
    for (file, line) in [
        ("Config/Base.xcconfig", "BASE = base\n"),
        ("Settings/sub/App.xcconfig", "APP = app\n"),
    ] {
        let file = folder.path().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, line).unwrap();
    }
    let project = Project::open(&path).unwrap();
    let app = project.target("A1").unwrap();
    let own = |configuration: &str| project.settings(&app, configuration).unwrap().get("OWN");
    assert_eq!(own("Release"), Answer::Resolved("base.app".to_owned()));
    assert_eq!(own("Debug"), Answer::Resolved("d".to_owned()));
    let base = project.base_configuration_of(Some(&app), "Release").unwrap();
    assert!(base.present && base.path.ends_with("Settings/sub/App.xcconfig"));
    assert!(project.base_configuration_of(None, "Debug").is_none());
}

#[test]
fn projects_of_both_formats_are_found_through_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (new, old) = (
        folder.path().join("New.xcodeproj"),
        folder.path().join("Old/Old.xcodeproj"),
    );
    write(
        &new,
        &text(
            "",
            "{ path: 'Old/Old.xcodeproj' }",
            &format!(
                "{{ {APP}, dependencies: [ {{ kind: 'remoteTarget', project: 'Old.xcodeproj', target: 'Ext', 'target-id': 'E1' }} ] }}"
            ),
        ),
    );
    std::fs::create_dir_all(old.join("xcshareddata/xcschemes")).unwrap();
    let pbxproj = "{objects = {R = {isa = PBXProject; mainGroup = G; targets = (E1); projectReferences = ({ProjectRef = F;}); }; G = {isa = PBXGroup; children = (F); }; F = {isa = PBXFileReference; path = ../New.xcodeproj; sourceTree = \"<group>\"; }; E1 = {isa = PBXNativeTarget; name = Ext; productType = \"com.apple.product-type.app-extension\"; dependencies = (D); }; D = {isa = PBXTargetDependency; name = App; targetProxy = X; }; X = {isa = PBXContainerItemProxy; containerPortal = F; remoteGlobalIDString = A1; }; }; rootObject = R; }";
    std::fs::write(old.join("project.pbxproj"), pbxproj).unwrap();
    let scheme = "<Scheme><BuildAction><BuildActionEntries><BuildActionEntry buildForArchiving=\"YES\"><BuildableReference BlueprintIdentifier=\"E1\" BlueprintName=\"Ext\" ReferencedContainer=\"container:Old.xcodeproj\"/></BuildActionEntry></BuildActionEntries></BuildAction></Scheme>";
    std::fs::write(old.join("xcshareddata/xcschemes/Old.xcscheme"), scheme).unwrap();
    let workspace = folder.path().join("All.xcworkspace");
    std::fs::create_dir_all(&workspace).unwrap();
    std::fs::write(
        workspace.join("contents.xcworkspacedata"),
        "<Workspace><FileRef location=\"group:New.xcodeproj\"/></Workspace>",
    )
    .unwrap();
    for path in [&workspace, &new] {
        let container = Container::open(path).unwrap();
        let scheme = container.scheme("Old").unwrap();
        assert_eq!(container.project_of(&scheme, &scheme.entries[0]), old);
    }
    // From either project the other one's target is reached.
    for (path, id) in [(&new, "A1"), (&old, "E1")] {
        let project = std::sync::Arc::new(Project::open(path).unwrap());
        let target = project.target(id).unwrap();
        let main = (project, target);
        let roots = Roots {
            targets: vec![main.clone()],
            main,
        };
        let archive = Archive {
            destination: Platform::Ios,
            configuration: "Release",
            implicit: true,
        };
        let built = Workspace::of(Container::open(path).unwrap())
            .built(&roots, archive)
            .unwrap();
        let names: std::collections::BTreeSet<_> = built.into_iter().map(|built| built.target.name).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }
}

#[test]
fn what_xcode_refuses_is_refused_with_its_place() {
    let app = format!("{{ {APP} }}");
    refused(
        "'required-capabilities': ['quantum-links'],",
        "",
        &app,
        "requires a newer version of Xcode with support for `quantum-links`",
    );
    refused(
        "",
        "",
        &format!("{app}, {{ name: 'App', id: 'A2' }}"),
        "target names must be unique",
    );
    refused(
        "",
        "",
        &format!("{{ {APP}, product: 'Products/App.app' }}"),
        "invalid reference: \"Products/App.app\"",
    );
    refused(
        "",
        "{ path: 'a/App.app' }, { path: 'b/App.app' }",
        &format!("{{ {APP}, product: 'App.app' }}"),
        "invalid reference: \"App.app\"",
    );
    refused(
        "'products-group': 'Products',",
        "",
        &app,
        "invalid reference: \"Products\"",
    );
    refused("", "{ path: '<WHERE>/a' }", &app, "invalid path base");
    refused(
        "",
        "{ path: 'x.appex', 'target-membership': ['App/copy'] }",
        &format!("{{ {APP}, 'build-phases': [ {{ kind: 'copy' }} ] }}"),
        "could not uniquely resolve the build phase name \"copy\" in the target \"App\"",
    );
    refused(
        "",
        "{ kind: 'folder', path: 'a', 'membership-exceptions': [ { target: 'App', inclusions: [], exclusions: [] } ] }",
        &app,
        "multiple exception set senses",
    );
    refused(
        "",
        "{ kind: 'folder', path: 'a', 'target-membership': ['App', 'App'] }",
        &app,
        "`App` is twice in `target-membership`",
    );
    refused(
        "",
        "",
        &format!("{{ {APP}, dependencies: [ {{ target: 'App', platforms: ['ios', 'ios'] }} ] }}"),
        "`ios` is twice",
    );
    refused("", "", "{ id: 'A1' }", "expected the key `name`");
    refused("", "", "{ name: 'App', id: 7 }", "expected a string for `id`");
    refused("", "", "{ name: 'App', id: null }", "expected the key `id`");
    refused("", "", "7", "expected an object for a target");
    refused(
        "",
        "",
        &format!("{{ {APP}, 'build-settings': {{ A: 1 }} }}"),
        "expected a string or an array of strings for the build setting `A`",
    );
    refused(
        "",
        "",
        &format!("{{ {APP}, 'build-settings': {{ A: ['a', true] }} }}"),
        "expected a string for `A`",
    );
    refused(
        "",
        "",
        &format!("{{ {APP}, 'build-settings': {{ A: 'a', 'A': 'b' }} }}"),
        "the key `A` is there twice",
    );
    refused("", "", &format!("{{ {APP}, kind: 'magic' }}"), "not `magic`");
    refused("files: [],", "", &app, "the key `files` is there twice");
    refused(
        "",
        "",
        &format!("{{ {APP}, dependencies: [ {{ kind: 'remoteTarget', project: 'No.xcodeproj' }} ] }}"),
        "invalid reference: \"No.xcodeproj\"",
    );
}

#[test]
fn what_is_absent_null_or_unknown_is_no_fault() {
    let (_folder, project) = read(
        "'products-group': null, 'required-capabilities': [], future: { x: [0x1f] }, packages: null, 'imported-products': null,",
        "{ path: 'a', id: null, future: 1 }, { kind: 'future', path: 'b' }, { kind: 'group', path: null, children: [ { path: '~/b' } ] }",
        &format!("{{ {APP}, dependencies: null, 'build-phases': ['future-phase', {{ kind: 'apple-script' }}], 'build-settings': null, future: 'x' }}"),
    )
    .unwrap();
    assert_eq!(project.targets()[0].name, "App");
    let empty = read("", "", "").unwrap().1;
    assert!(empty.targets().is_empty());
}

#[test]
fn hostile_files_end_soon() {
    let deep = |depth: usize| {
        let open = "{ kind: 'group', path: 'a', children: [".repeat(depth);
        format!("{open}{}", "] }".repeat(depth))
    };
    // Foundation gives up at 512 levels, two for each group.
    assert!(read("", &deep(250), "").is_ok());
    refused("", &deep(100_000), "", "at most 512 levels of nesting");
    let members = "'App/copy/Embed',".repeat(20_000);
    let many = format!("{{ path: 'x.appex', 'target-membership': [{members}] }}");
    let phases = format!("{{ {APP}, 'build-phases': [ {{ kind: 'copy', name: 'Embed' }} ] }}");
    assert!(read("", &many, &phases).is_ok());
    let files: String = (0..20_000)
        .map(|number| format!("{{ path: 'f{number}' }},"))
        .collect();
    let targets: String = (0..2_000)
        .map(|number| format!("{{ name: 'T{number}', id: '{number}', product: 'f{number}' }},"))
        .collect();
    assert_eq!(read("", &files, &targets).unwrap().1.targets().len(), 2_000);
    // Every phase and every membership once more, by name and by ID.
    let phases: String = (0..20_000)
        .map(|number| format!("{{ kind: 'copy', name: 'P{number}', id: 'C{number}' }},"))
        .collect();
    let members: String = (0..20_000)
        .map(|number| format!("'App/copy/P{number}', 'id:C{number}',"))
        .collect();
    let project = read(
        "",
        &format!("{{ path: 'x.appex', 'target-membership': [{members}] }}"),
        &format!("{{ {APP}, 'build-phases': [{phases}] }}"),
    )
    .unwrap()
    .1;
    let app = project.target("A1").unwrap();
    assert!(
        project
            .build_phases(&app)
            .iter()
            .all(|phase| phase.files.len() == 2)
    );
    // A line counts for every configuration: a small file must not become a large one in memory.
    let names: String = (0..10_000).map(|number| format!("'C{number}',")).collect();
    let settings: String = (0..10_000).map(|number| format!("A{number}: '',")).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("App.xcodeproj");
    let many = text(
        "",
        "",
        &format!("{{ {APP}, 'build-settings': {{ {settings} }} }}"),
    );
    write(&path, &many.replace("'Debug', 'Release'", &names));
    let error = Project::open(&path).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        source.contains("expected fewer build settings and configurations"),
        "{source}"
    );
}
