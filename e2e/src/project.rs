//! Xcode projects made for a test: targets, and nothing that only a compiler needs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// The last part of Apple's product type, such as `application`.
    pub kind: &'static str,
    /// Its `SDKROOT`.
    pub sdk: &'static str,
    /// Its bundle ID.
    pub bundle_id: &'static str,
    /// The entitlements file, as the inside of a dictionary.
    pub entitlements: &'static str,
    /// The positions of the targets that it depends on.
    pub depends_on: &'static [usize],
    /// More build settings, in the project file's language.
    pub settings: &'static str,
}

impl Target {
    /// An iOS app without anything else.
    pub const APP: Self = Self {
        name: "App",
        kind: "application",
        sdk: "iphoneos",
        bundle_id: "com.example.made",
        entitlements: "",
        depends_on: &[],
        settings: "",
    };
}

fn id(kind: u8, number: usize) -> String {
    format!("{kind:02X}{number:022X}")
}

/// Writes a project of these targets with a scheme `App` that archives the first of them; its path.
pub fn write(folder: &Path, targets: &[Target]) -> PathBuf {
    let path = folder.join("Made.xcodeproj");
    let schemes = path.join("xcshareddata/xcschemes");
    std::fs::create_dir_all(&schemes).unwrap();
    let mut text =
        String::from("// !$*UTF8*$!\n{\n\tarchiveVersion = 1;\n\tobjectVersion = 56;\n\tobjects = {\n");
    for (number, target) in targets.iter().enumerate() {
        let own = |kind| id(kind, number);
        let dependencies: String = target
            .depends_on
            .iter()
            .map(|other| format!("{}, ", id(5, number * 100 + other)))
            .collect();
        writeln!(text, "\t\t{} = {{isa = PBXNativeTarget; name = {}; productType = \"com.apple.product-type.{}\"; buildConfigurationList = {}; dependencies = ({dependencies}); }};", own(1), target.name, target.kind, own(2)).unwrap();
        writeln!(
            text,
            "\t\t{} = {{isa = XCConfigurationList; buildConfigurations = ({}, {}, ); }};",
            own(2),
            own(3),
            own(4)
        )
        .unwrap();
        let file = format!("{}.entitlements", target.name);
        std::fs::write(
            folder.join(&file),
            format!(
                "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict>{}</dict></plist>",
                target.entitlements
            ),
        )
        .unwrap();
        for (kind, configuration) in [(3, "Debug"), (4, "Release")] {
            writeln!(
                text,
                "\t\t{} /* {configuration} */ = {{\n\t\t\tisa = XCBuildConfiguration;\n\t\t\tbuildSettings = {{\n\t\t\t\tCODE_SIGN_ENTITLEMENTS = {file};\n\t\t\t\tPRODUCT_BUNDLE_IDENTIFIER = {};\n\t\t\t\tSDKROOT = {};\n{}\t\t\t}};\n\t\t\tname = {configuration};\n\t\t}};",
                own(kind), target.bundle_id, target.sdk, target.settings
            )
            .unwrap();
        }
        for other in target.depends_on {
            writeln!(
                text,
                "\t\t{} = {{isa = PBXTargetDependency; target = {}; }};",
                id(5, number * 100 + other),
                id(1, *other)
            )
            .unwrap();
        }
    }
    let all: String = (0..targets.len())
        .map(|number| format!("{}, ", id(1, number)))
        .collect();
    writeln!(
        text,
        "\t\t{0} = {{isa = PBXProject; targets = ({all}); }};\n\t}};\n\trootObject = {0};\n}}",
        id(9, 0)
    )
    .unwrap();
    std::fs::write(path.join("project.pbxproj"), text).unwrap();
    std::fs::write(
        schemes.join("App.xcscheme"),
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Scheme version=\"1.7\"><BuildAction><BuildActionEntries><BuildActionEntry buildForArchiving=\"YES\"><BuildableReference BlueprintIdentifier=\"{}\" BuildableName=\"App.app\" BlueprintName=\"{}\" ReferencedContainer=\"container:Made.xcodeproj\"/></BuildActionEntry></BuildActionEntries></BuildAction><ArchiveAction buildConfiguration=\"Release\"/></Scheme>\n", id(1, 0), targets[0].name),
    )
    .unwrap();
    path
}

/// Writes the same project as [`write()`] in the format of Xcode 27.2, laid out as Xcode does it; its path. The targets'
/// settings are lines of that format, and go where `CODE_SIGN_ENTITLEMENTS` and `PRODUCT_BUNDLE_IDENTIFIER` leave them in
/// order.
pub fn write_xcode_27(folder: &Path, targets: &[Target]) -> PathBuf {
    let path = write(folder, targets);
    std::fs::remove_file(path.join("project.pbxproj")).unwrap();
    let list = |key: &str, items: &[String]| -> String {
        if items.is_empty() {
            return String::new();
        }
        let lines: String = items.iter().map(|item| format!("        {item},\n")).collect();
        format!("      \"{key}\": [\n{lines}      ],\n")
    };
    let mut all = Vec::new();
    for (number, target) in targets.iter().enumerate() {
        let depends: Vec<String> = target
            .depends_on
            .iter()
            .map(|other| format!("\"{}\"", targets[*other].name))
            .collect();
        all.push(format!(
            "{{\n      \"name\": \"{0}\",\n      \"id\": \"{1}\",\n      \"product-type\": \"{2}\",\n{3}      \"build-settings\": {{\n        \"CODE_SIGN_ENTITLEMENTS\": \"{0}.entitlements\",\n{4}        \"PRODUCT_BUNDLE_IDENTIFIER\": \"{5}\",\n        \"SDKROOT\": \"{6}\",\n      }},\n    }}",
            target.name,
            id(1, number),
            target.kind,
            list("dependencies", &depends),
            target.settings,
            target.bundle_id,
            target.sdk
        ));
    }
    let text = format!(
        "{{\n  \"default-configuration\": \"Release\",\n  \"configurations\": [\n    \"Debug\",\n    \"Release\",\n  ],\n  \"localizations\": {{\n    \"development\": \"en\",\n    \"supported\": [\n    ],\n  }},\n  \"files\": [\n    {{ \"kind\": \"group\", \"name\": \"Products\" }},\n  ],\n  \"targets\": [\n    {},\n  ],\n}}\n",
        all.join(", ")
    );
    std::fs::write(path.join("project.xcproj"), text).unwrap();
    path
}

/// Writes a workspace around the project in `folder`; its path.
pub fn workspace(folder: &Path) -> PathBuf {
    let path = folder.join("Made.xcworkspace");
    std::fs::create_dir_all(&path).unwrap();
    let contents = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Workspace version=\"1.0\"><Group location=\"container:\" name=\"All\"><FileRef location=\"group:Made.xcodeproj\"/></Group></Workspace>\n";
    std::fs::write(path.join("contents.xcworkspacedata"), contents).unwrap();
    path
}
