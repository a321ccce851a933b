//! Xcode projects that tests, benches, and tools write: targets with settings, dependencies, and copied products, in the
//! shape that Xcode gives them. The one writer of `project.pbxproj` text from scratch.
#![allow(
    clippy::unwrap_used,
    reason = "a project that can't be written ends a test or a bench"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A target.
#[derive(Debug, Clone, Default)]
pub struct TargetSpec {
    name: String,
    /// The product type without its common beginning; blank for an aggregate.
    kind: String,
    product: String,
    settings: Vec<(String, String)>,
    dependencies: Vec<(String, Vec<String>)>,
    copied: Vec<(String, Vec<String>)>,
    linked: Vec<(String, Vec<String>)>,
    remote: Vec<(String, String)>,
    base: String,
    configurations: Vec<String>,
    tests: String,
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A target of a product type, with a bundle ID of its own and nothing else.
pub fn target(name: &str, kind: &str) -> TargetSpec {
    let extension = match kind {
        kind if kind.starts_with("application") => "app",
        "xpc-service" => "xpc",
        "system-extension" => "systemextension",
        "driver-extension" => "dext",
        "kernel-extension" => "kext",
        "framework" => "framework",
        "library.static" => "a",
        "bundle.ui-testing" => "xctest",
        _ => "appex",
    };
    let id = format!("org.example.{}", name.to_lowercase());
    let made = TargetSpec {
        name: name.to_owned(),
        kind: kind.to_owned(),
        product: format!("{name}.{extension}"),
        configurations: owned(&["Debug", "Release"]),
        ..TargetSpec::default()
    };
    made.set("PRODUCT_BUNDLE_IDENTIFIER", &id)
        .set("PRODUCT_NAME", "$(TARGET_NAME)")
}

/// The ID of something in `NAME.xcodeproj`, such as a target by its name.
pub fn id_in(project: &str, what: &str) -> String {
    id(&format!("{project}/{what}"))
}

/// A target that builds nothing by itself.
pub fn aggregate(name: &str) -> TargetSpec {
    TargetSpec {
        name: name.to_owned(),
        configurations: owned(&["Debug", "Release"]),
        ..TargetSpec::default()
    }
}

impl TargetSpec {
    /// Sets a build setting, in every configuration.
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.retain(|(known, _)| known != key);
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Takes a setting away.
    pub fn unset(mut self, key: &str) -> Self {
        self.settings.retain(|(known, _)| known != key);
        self
    }

    /// Depends on another target, for some platforms or all.
    pub fn needs(mut self, other: &str, platforms: &[&str]) -> Self {
        self.dependencies.push((other.to_owned(), owned(platforms)));
        self
    }

    /// Copies a product, for some platforms or all.
    pub fn copies(mut self, product: &str, platforms: &[&str]) -> Self {
        self.copied.push((product.to_owned(), owned(platforms)));
        self
    }

    /// Links a product, for some platforms or all.
    pub fn links(mut self, product: &str, platforms: &[&str]) -> Self {
        self.linked.push((product.to_owned(), owned(platforms)));
        self
    }

    /// Links a file that is referred to by its path.
    pub fn links_file(mut self, path: &str) -> Self {
        self.linked.push((path.to_owned(), Vec::new()));
        self
    }

    /// Depends on a target of another project beside this one.
    pub fn needs_of(mut self, project: &str, other: &str) -> Self {
        self.remote.push((project.to_owned(), other.to_owned()));
        self
    }

    /// Takes its settings from an xcconfig file too.
    pub fn based_on(mut self, file: &str) -> Self {
        file.clone_into(&mut self.base);
        self
    }

    /// Has these configurations, the first of which is its default.
    pub fn configured(mut self, names: &[&str]) -> Self {
        self.configurations = owned(names);
        self
    }

    /// Tests another target, as the project's attributes note it.
    pub fn tests(mut self, other: &str) -> Self {
        other.clone_into(&mut self.tests);
        self
    }

    /// The file name of its product.
    pub fn producing(mut self, product: &str) -> Self {
        product.clone_into(&mut self.product);
        self
    }
}

fn id(of: &str) -> String {
    // FNV-1a: an ID per name, the same in every run.
    let hash = of.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016X}00000000")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn filters(platforms: &[String]) -> String {
    match platforms {
        [] => String::new(),
        [one] => format!("platformFilter = {one}; "),
        many => format!("platformFilters = ({}, ); ", many.join(", ")),
    }
}

/// Writes `NAME.xcodeproj` with these targets, and project settings; its path.
pub fn project(folder: &Path, name: &str, settings: &[(&str, &str)], targets: &[TargetSpec]) -> PathBuf {
    let path = folder.join(format!("{name}.xcodeproj"));
    std::fs::create_dir_all(&path).unwrap();
    let mut text =
        String::from("// !$*UTF8*$!\n{\n\tarchiveVersion = 1;\n\tobjectVersion = 56;\n\tobjects = {\n");
    let unique = |what: &str| id(&format!("{name}/{what}"));
    let mut files: Vec<String> = Vec::new();
    let mut configurations = |text: &mut String,
                              owner: &str,
                              base: &str,
                              names: &[String],
                              settings: &[(String, String)]| {
        let own: Vec<String> = names
            .iter()
            .map(|name| unique(&format!("{owner}/{name}")))
            .collect();
        for (name, own) in names.iter().zip(&own) {
            let reference = if base.is_empty() {
                String::new()
            } else {
                files.push(base.to_owned());
                format!("baseConfigurationReference = {}; ", unique(base))
            };
            let pairs: String = settings
                .iter()
                .map(|(key, value)| format!("\t\t\t\t{} = {};\n", quoted(key), quoted(value)))
                .collect();
            writeln!(text, "\t\t{own} /* {name} */ = {{\n\t\t\tisa = XCBuildConfiguration; {reference}\n\t\t\tbuildSettings = {{\n{pairs}\t\t\t}};\n\t\t\tname = {};\n\t\t}};", quoted(name)).unwrap();
        }
        let list = unique(&format!("{owner}/list"));
        let default = quoted(names.first().map_or("", String::as_str));
        writeln!(text, "\t\t{list} = {{isa = XCConfigurationList; buildConfigurations = ({}, ); defaultConfigurationName = {default}; }};", own.join(", ")).unwrap();
        list
    };
    for target in targets {
        let own = unique(&target.name);
        let list = configurations(
            &mut text,
            &target.name,
            &target.base,
            &target.configurations,
            &target.settings,
        );
        let mut dependencies = String::new();
        for (number, (other, platforms)) in target.dependencies.iter().enumerate() {
            let dependency = unique(&format!("{}/needs {number}", target.name));
            writeln!(
                text,
                "\t\t{dependency} = {{isa = PBXTargetDependency; {}target = {}; }};",
                filters(platforms),
                unique(other)
            )
            .unwrap();
            dependencies += &format!("{dependency}, ");
        }
        for (other, remote) in &target.remote {
            let dependency = unique(&format!("{}/needs {other} {remote}", target.name));
            let proxy = unique(&format!("{}/proxy {other} {remote}", target.name));
            let portal = unique(&format!("portal {other}"));
            writeln!(text, "\t\t{portal} = {{isa = PBXFileReference; path = {}; sourceTree = SOURCE_ROOT; }};\n\t\t{proxy} = {{isa = PBXContainerItemProxy; containerPortal = {portal}; proxyType = 1; remoteGlobalIDString = {}; }};\n\t\t{dependency} = {{isa = PBXTargetDependency; targetProxy = {proxy}; }};", quoted(&format!("{other}.xcodeproj")), id(&format!("{other}/{remote}"))).unwrap();
            dependencies += &format!("{dependency}, ");
        }
        let mut phases = String::new();
        for (isa, list) in [
            ("PBXCopyFilesBuildPhase", &target.copied),
            ("PBXFrameworksBuildPhase", &target.linked),
        ] {
            if list.is_empty() {
                continue;
            }
            let mut all = String::new();
            for (number, (product, platforms)) in list.iter().enumerate() {
                let file = unique(&format!("{}/{isa} {number}", target.name));
                let owner = targets.iter().find(|other| other.product == *product);
                let reference = owner.map_or_else(
                    || unique(&format!("loose {product}")),
                    |owner| unique(&format!("{}/product", owner.name)),
                );
                if owner.is_none() {
                    let tree = if product.contains('/') {
                        "SOURCE_ROOT"
                    } else {
                        "BUILT_PRODUCTS_DIR"
                    };
                    writeln!(
                        text,
                        "\t\t{reference} = {{isa = PBXFileReference; path = {}; sourceTree = {tree}; }};",
                        quoted(product)
                    )
                    .unwrap();
                }
                writeln!(
                    text,
                    "\t\t{file} = {{isa = PBXBuildFile; fileRef = {reference}; {}}};",
                    filters(platforms)
                )
                .unwrap();
                all += &format!("{file}, ");
            }
            let phase = unique(&format!("{}/{isa}", target.name));
            writeln!(text, "\t\t{phase} = {{isa = {isa}; dstPath = \"\"; dstSubfolderSpec = 13; files = ({all}); runOnlyForDeploymentPostprocessing = 0; }};").unwrap();
            phases += &format!("{phase}, ");
        }
        let name = quoted(&target.name);
        if target.kind.is_empty() {
            writeln!(text, "\t\t{own} = {{isa = PBXAggregateTarget; name = {name}; buildConfigurationList = {list}; buildPhases = ({phases}); dependencies = ({dependencies}); }};").unwrap();
        } else {
            let product = unique(&format!("{}/product", target.name));
            writeln!(
                text,
                "\t\t{product} = {{isa = PBXFileReference; path = {}; sourceTree = BUILT_PRODUCTS_DIR; }};",
                quoted(&target.product)
            )
            .unwrap();
            writeln!(text, "\t\t{own} = {{isa = PBXNativeTarget; name = {name}; productType = \"com.apple.product-type.{}\"; productReference = {product}; buildConfigurationList = {list}; buildPhases = ({phases}); dependencies = ({dependencies}); }};", target.kind).unwrap();
        }
    }
    let settings: Vec<(String, String)> = settings
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let base = settings
        .iter()
        .find(|(key, _)| key == "BASE")
        .map(|(_, value)| value.clone())
        .unwrap_or_default();
    let settings: Vec<(String, String)> = settings.into_iter().filter(|(key, _)| key != "BASE").collect();
    let list = configurations(&mut text, "", &base, &owned(&["Debug", "Release"]), &settings);
    files.sort();
    files.dedup();
    for file in &files {
        writeln!(
            text,
            "\t\t{} = {{isa = PBXFileReference; path = {}; sourceTree = \"<group>\"; }};",
            unique(file),
            quoted(file)
        )
        .unwrap();
    }
    let children: String = files.iter().map(|file| format!("{}, ", unique(file))).collect();
    let all: String = targets
        .iter()
        .map(|target| format!("{}, ", unique(&target.name)))
        .collect();
    let tested: String = targets
        .iter()
        .filter(|target| !target.tests.is_empty())
        .map(|target| {
            format!(
                "{} = {{TestTargetID = {}; }}; ",
                unique(&target.name),
                unique(&target.tests)
            )
        })
        .collect();
    writeln!(text, "\t\t{0} = {{isa = PBXGroup; children = ({children}); sourceTree = \"<group>\"; }};\n\t\t{1} = {{isa = PBXProject; attributes = {{TargetAttributes = {{{tested}}}; }}; buildConfigurationList = {list}; mainGroup = {0}; targets = ({all}); }};\n\t}};\n\trootObject = {1};\n}}", unique("group"), unique("root")).unwrap();
    std::fs::write(path.join("project.pbxproj"), text).unwrap();
    path
}

/// An entry of a scheme: the project and the target that it is for.
pub fn entry(project: &str, target: &str) -> String {
    format!(
        "<BuildActionEntry buildForArchiving = \"YES\"><BuildableReference BuildableIdentifier = \"primary\" BlueprintIdentifier = \"{}\" BuildableName = \"{target}\" BlueprintName = \"{target}\" ReferencedContainer = \"container:{project}.xcodeproj\"/></BuildActionEntry>",
        id(&format!("{project}/{target}"))
    )
}

/// Writes a shared scheme of a project or workspace.
pub fn scheme(holder: &Path, name: &str, attributes: &str, entries: &[String]) {
    let folder = holder.join("xcshareddata/xcschemes");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Scheme version = \"1.7\"><BuildAction {attributes}><BuildActionEntries>{}</BuildActionEntries></BuildAction><ArchiveAction buildConfiguration = \"Release\"/></Scheme>\n",
        entries.concat()
    );
    std::fs::write(folder.join(format!("{name}.xcscheme")), text).unwrap();
}

/// Writes a workspace of these locations; its path.
pub fn workspace(folder: &Path, name: &str, locations: &[&str]) -> PathBuf {
    let path = folder.join(format!("{name}.xcworkspace"));
    std::fs::create_dir_all(&path).unwrap();
    let references: String = locations
        .iter()
        .map(|location| format!("<FileRef location = \"{location}\"></FileRef>"))
        .collect();
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Workspace version = \"1.0\">{references}</Workspace>\n"
    );
    std::fs::write(path.join("contents.xcworkspacedata"), text).unwrap();
    path
}
