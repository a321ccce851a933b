//! Xcode projects made for a test: targets, and nothing that only a compiler needs.

use std::path::{Path, PathBuf};

use test_projects::TargetSpec;

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
    /// More build settings.
    pub settings: &'static [(&'static str, &'static str)],
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
        settings: &[],
    };
}

/// The name of the projects.
const NAME: &str = "Made";

/// Writes a project of these targets with a scheme `App` that archives the first of them; its path.
pub fn write(folder: &Path, targets: &[Target]) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let specs: Vec<TargetSpec> = targets
        .iter()
        .map(|target| spec(folder, target, targets))
        .collect();
    let path = test_projects::project(folder, NAME, &[], &specs);
    test_projects::scheme(&path, "App", "", &[test_projects::entry(NAME, targets[0].name)]);
    path
}

/// A target as the writer takes it; its entitlements are written.
fn spec(folder: &Path, target: &Target, all: &[Target]) -> TargetSpec {
    let file = format!("{}.entitlements", target.name);
    std::fs::write(
        folder.join(&file),
        format!(
            "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict>{}</dict></plist>",
            target.entitlements
        ),
    )
    .unwrap();
    let mut spec = test_projects::target(target.name, target.kind)
        .set("CODE_SIGN_ENTITLEMENTS", &file)
        .set("PRODUCT_BUNDLE_IDENTIFIER", target.bundle_id)
        .set("SDKROOT", target.sdk);
    for (key, value) in target.settings {
        spec = spec.set(key, value);
    }
    let dependencies = target.depends_on.iter().map(|other| all[*other].name);
    dependencies.fold(spec, |spec, other| spec.needs(other, &[]))
}

/// Writes the same project as [`write()`] in the format of Xcode 27.2, laid out as Xcode does it; its path. The targets'
/// settings go where `CODE_SIGN_ENTITLEMENTS` and `PRODUCT_BUNDLE_IDENTIFIER` leave them in order.
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
    for target in targets {
        let settings: String = target
            .settings
            .iter()
            .map(|(key, value)| format!("        \"{key}\": \"{value}\",\n"))
            .collect();
        let depends: Vec<String> = target
            .depends_on
            .iter()
            .map(|other| format!("\"{}\"", targets[*other].name))
            .collect();
        all.push(format!(
            "{{\n      \"name\": \"{0}\",\n      \"id\": \"{1}\",\n      \"product-type\": \"{2}\",\n{3}      \"build-settings\": {{\n        \"CODE_SIGN_ENTITLEMENTS\": \"{0}.entitlements\",\n{4}        \"PRODUCT_BUNDLE_IDENTIFIER\": \"{5}\",\n        \"SDKROOT\": \"{6}\",\n      }},\n    }}",
            target.name,
            test_projects::id_in(NAME, target.name),
            target.kind,
            list("dependencies", &depends),
            settings,
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
