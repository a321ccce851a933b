//! Small projects with everything that decides about settings and archives: conditions, includes, nested references,
//! operators, filters, and products of other projects. Each is written in either format.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use xcode_project::Platform;

/// Numbers from a seed (SplitMix64); the same on every machine.
pub struct Random(u64);

impl Random {
    pub fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn is(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Pbxproj,
    Xcproj,
}

pub const CONFIGURATIONS: [&str; 3] = ["Debug", "Release", "Beta 2"];

/// The settings that are asked for.
pub const NAMES: [&str; 18] = [
    "A",
    "B",
    "C",
    "A_x",
    "B_y",
    "Ax",
    "PRODUCT_BUNDLE_IDENTIFIER",
    "PRODUCT_NAME",
    "CODE_SIGN_ENTITLEMENTS",
    "CODE_SIGN_STYLE",
    "DEVELOPMENT_TEAM",
    "MARKETING_VERSION",
    "TARGET_NAME",
    "PROJECT_NAME",
    "CONFIGURATION",
    "PLATFORM_NAME",
    "EFFECTIVE_PLATFORM_NAME",
    "WRAPPER_EXTENSION",
];

/// Those that are set.
const SET: [&str; 13] = [
    "A",
    "B",
    "C",
    "A_x",
    "B_y",
    "Ax",
    "PRODUCT_BUNDLE_IDENTIFIER",
    "PRODUCT_NAME",
    "CODE_SIGN_ENTITLEMENTS",
    "CODE_SIGN_STYLE",
    "DEVELOPMENT_TEAM",
    "MARKETING_VERSION",
    "PROJECT_NAME",
];

const OPERATORS: [&str; 16] = [
    "lower",
    "upper",
    "identifier",
    "rfc1034identifier",
    "c99extidentifier",
    "quote",
    "dir",
    "file",
    "base",
    "suffix",
    "standardizepath",
    "not",
    "truncatedversion",
    "__stripslash",
    "nope",
    "",
];

const REPLACING: [&str; 8] = [
    "default",
    "dir",
    "file",
    "base",
    "suffix",
    "relativeto",
    "isancestor",
    "nope",
];

const PLATFORMS: [Platform; 6] = [
    Platform::Ios,
    Platform::Tvos,
    Platform::Watchos,
    Platform::Visionos,
    Platform::Macos,
    Platform::MacCatalyst,
];

#[derive(Debug, Default)]
struct Level {
    /// One dictionary per configuration.
    settings: Vec<BTreeMap<String, Value>>,
    /// The xcconfig file of each configuration.
    base: Vec<Option<usize>>,
}

#[derive(Debug)]
struct Item {
    /// The product of a target, by project and number, or a file.
    product: Result<(usize, usize), String>,
    filters: Vec<&'static str>,
}

#[derive(Debug)]
struct Target {
    name: String,
    /// Blank for an aggregate.
    kind: &'static str,
    product: String,
    level: Level,
    dependencies: Vec<((usize, usize), Vec<&'static str>)>,
    copied: Vec<Item>,
    linked: Vec<Item>,
}

#[derive(Debug)]
struct Project {
    name: String,
    level: Level,
    targets: Vec<Target>,
}

/// A file by its path, and the target of a project whose product it is.
type Referenced = (String, Option<(usize, usize)>);

/// What is written and asked.
#[derive(Debug)]
pub struct Spec {
    /// What is opened.
    pub container: String,
    projects: Vec<Project>,
    xcconfigs: Vec<String>,
    implicit: bool,
    questions: Vec<(usize, Platform)>,
}

fn literal(random: &mut Random) -> String {
    random
        .pick(&[
            "x", "y", "com.acme", "Notes", "/a/b.c", "/a", "a/b", "YES", "NO", "1.2.3.4", " ", "é", "My App",
            ".hidden", "'q'", "\\", "\"a b\"", "b.c", "-", "",
        ])
        .to_owned()
}

fn name(random: &mut Random, depth: usize) -> String {
    match random.below(8) {
        0 => "inherited".to_owned(),
        1 if depth > 0 => format!("A_{}", reference(random, depth - 1)),
        2 => random
            .pick(&[
                "TARGET_NAME",
                "CONFIGURATION",
                "PLATFORM_NAME",
                "USER",
                "UNDEFINED",
                "value",
                "",
            ])
            .to_owned(),
        _ => random.pick(&SET).to_owned(),
    }
}

fn reference(random: &mut Random, depth: usize) -> String {
    let name = name(random, depth);
    if random.is(8) {
        return format!("${name}");
    }
    let mut operators = String::new();
    while random.is(3) {
        if random.is(2) {
            write!(operators, ":{}", random.pick(&OPERATORS)).unwrap();
        } else {
            let operand = if depth > 0 {
                value(random, depth - 1)
            } else {
                literal(random)
            };
            write!(operators, ":{}={operand}", random.pick(&REPLACING)).unwrap();
        }
    }
    match random.below(12) {
        0 => format!("${{{name}{operators}}}"),
        1 => format!("$[{name}{operators}]"),
        2 if random.is(6) => format!("$({name}{operators}"),
        _ => format!("$({name}{operators})"),
    }
}

fn value(random: &mut Random, depth: usize) -> String {
    let mut text = String::new();
    for _ in 0..random.below(4) {
        match random.below(9) {
            0 => text.push_str(random.pick(&["$", "$$", "\\$", "\\", ":", ")"])),
            1..4 => text.push_str(&reference(random, depth)),
            _ => text.push_str(&literal(random)),
        }
    }
    text
}

fn key(random: &mut Random, is_dictionary: bool) -> String {
    let mut key = random.pick(&SET).to_owned();
    while random.is(4) {
        if random.is(6) {
            key.push(' ');
        }
        key.push_str(random.pick(&[
            "[sdk=iphoneos*]",
            "[sdk=iphone*]",
            "[sdk=macosx*]",
            "[sdk=*]",
            "[sdk=embedded]",
            "[sdk=iphoneos]",
            "[sdk=iphoneos27.2]",
            "[sdk=[aw]*]",
            "[sdk=[!m]*]",
            "[arch=*]",
            "[arch=arm64]",
            "[target=App]",
            "[target=P*]",
            "[configuration=Release]",
            "[config=Rel*]",
            "[config=*]",
        ]));
        if !is_dictionary && random.is(3) {
            key.push_str(random.pick(&["[config=Debug]", "[config=Release]", "[config=Beta 2]"]));
        }
    }
    key
}

fn dictionary(random: &mut Random) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for _ in 0..random.below(7) {
        let value = if random.is(12) {
            json!([value(random, 1), value(random, 1)])
        } else {
            value(random, 2).into()
        };
        all.insert(key(random, true), value);
    }
    all
}

fn level(random: &mut Random, files: usize) -> Level {
    let common = dictionary(random);
    let mut level = Level::default();
    for _ in CONFIGURATIONS {
        let mut settings = common.clone();
        if random.is(2) {
            settings.extend(dictionary(random));
        }
        level.settings.push(settings);
        level
            .base
            .push((files > 0 && random.is(2)).then(|| random.below(files)));
    }
    level
}

fn xcconfig(random: &mut Random, number: usize) -> String {
    let mut text = String::new();
    let end = random.pick(&["\n", "\n", "\r\n", "\r", "\u{2028}"]);
    for _ in 0..random.below(8) {
        match random.below(12) {
            0 => {
                // Later files are included by earlier ones, or any by any: then there are circles.
                let other = if random.is(4) { random.below(4) } else { number + 1 };
                let optional = random.pick(&["", "?"]);
                let path = random.pick(&["File", "sub/../File", ".//File"]);
                let extension = random.pick(&["", ".xcconfig"]);
                write!(text, "#include{optional} \"{path}{other}{extension}\"").unwrap();
            }
            1 => text.push_str(random.pick(&[
                "// comment",
                "# no directive",
                "no assignment",
                "#include \"a\" b",
                "",
                "1A = x",
                "A[sdk] = x",
            ])),
            _ => {
                let comment = random.pick(&["", "", "", " // comment", " ;", ";", " \\"]);
                let equals = random.pick(&[" = ", "=", "  =\t"]);
                let own = (key(random, false), value(random, 2));
                write!(text, "{}{equals}{}{comment}", own.0, own.1).unwrap();
            }
        }
        text.push_str(end);
    }
    text
}

fn filters(random: &mut Random) -> Vec<&'static str> {
    if random.below(3) > 0 {
        return Vec::new();
    }
    let mut all = vec![random.pick(&["ios", "macos", "maccatalyst", "tvos", "watchos", "xros"])];
    if random.is(2) {
        let other = random.pick(&["ios", "macos", "maccatalyst", "tvos", "watchos", "xros"]);
        if other != all[0] {
            all.push(other);
        }
    }
    all
}

/// What decides about the platform: set at one level, in every configuration.
fn platform(random: &mut Random, is_project: bool, settings: &mut [BTreeMap<String, Value>]) {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    let sdks = [
        "iphoneos",
        "iphoneos",
        "macosx",
        "auto",
        "watchos",
        "appletvos",
        "xros",
        "iphoneos27.2",
    ];
    // Without any SDK, an xcconfig file that is missing could name one: this crate leaves the platform open then, where
    // the other reader takes the Mac's, as Xcode does.
    if is_project || !random.is(3) {
        pairs.push(("SDKROOT", random.pick(&sdks)));
    }
    if random.is(3) {
        let lists = [
            "iphoneos iphonesimulator",
            "iphoneos iphonesimulator macosx",
            "appletvos appletvsimulator iphoneos iphonesimulator macosx",
            "macosx",
            "watchos watchsimulator",
            "xros xrsimulator iphoneos",
        ];
        pairs.push(("SUPPORTED_PLATFORMS", random.pick(&lists)));
    }
    if random.is(3) {
        pairs.push(("SUPPORTS_MACCATALYST", random.pick(&["YES", "NO"])));
    }
    if random.is(10) {
        pairs.push(("ALLOW_TARGET_PLATFORM_SPECIALIZATION", "YES"));
    }
    if random.is(6) {
        pairs.push((
            random.pick(&[
                "EXCLUDED_EXPLICIT_TARGET_DEPENDENCIES",
                "EXCLUDED_SOURCE_FILE_NAMES",
                "EXCLUDED_EXPLICIT_TARGET_DEPENDENCIES[sdk=iphoneos*]",
            ]),
            random.pick(&["*", "P1*", "\"P1 a\" Q*", "P2*.appex", "'*'"]),
        ));
        if random.is(2) {
            pairs.push((
                "INCLUDED_EXPLICIT_TARGET_DEPENDENCIES",
                random.pick(&["P*", "Q1"]),
            ));
        }
    }
    if random.is(10) {
        pairs.push((
            "IMPLICIT_DEPENDENCY_DOMAIN",
            random.pick(&["", "default", "mine"]),
        ));
    }
    if random.is(6) {
        let flags = [
            "-framework P3",
            "$(inherited) -lP1 -weak_framework \"P3\"",
            "-ObjC -Xlinker -lQ1",
        ];
        pairs.push(("OTHER_LDFLAGS", random.pick(&flags)));
        if random.is(6) {
            pairs.push(("IMPLICIT_DEPENDENCIES_IGNORE_LDFLAGS", "YES"));
        }
    }
    for settings in settings {
        settings.extend(pairs.iter().map(|(key, value)| ((*key).to_owned(), json!(value))));
    }
}

impl Spec {
    pub fn of(random: &mut Random) -> Self {
        let files = random.below(4);
        let counts = [1 + random.below(5), random.below(3)];
        let mut projects = Vec::new();
        for (number, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let mut own = level(random, files);
            platform(random, true, &mut own.settings);
            let targets = (0..count).map(|index| target(random, number, index, files, counts));
            projects.push(Project {
                name: ["App", "Other Kit"][number].to_owned(),
                targets: targets.collect(),
                level: own,
            });
        }
        let is_workspace = random.is(2);
        Self {
            container: if is_workspace {
                "All.xcworkspace"
            } else {
                "App.xcodeproj"
            }
            .to_owned(),
            projects,
            xcconfigs: (0..files).map(|number| xcconfig(random, number)).collect(),
            implicit: !random.is(4),
            questions: (0..2)
                .map(|_| (random.below(CONFIGURATIONS.len()), random.pick(&PLATFORMS)))
                .collect(),
        }
    }

    /// The configuration and the platform of the archives that are asked for.
    pub fn questions(&self) -> impl Iterator<Item = (&'static str, Platform)> {
        self.questions
            .iter()
            .map(|(configuration, platform)| (CONFIGURATIONS[*configuration], *platform))
    }

    pub fn write(&self, folder: &Path, format: Format) {
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        for (number, text) in self.xcconfigs.iter().enumerate() {
            std::fs::write(folder.join(format!("File{number}.xcconfig")), text).unwrap();
        }
        for (number, project) in self.projects.iter().enumerate() {
            let path = folder.join(format!("{}.xcodeproj", project.name));
            let schemes = path.join("xcshareddata/xcschemes");
            std::fs::create_dir_all(&schemes).unwrap();
            match format {
                Format::Pbxproj => {
                    let text = self.pbxproj(number);
                    std::fs::write(path.join("project.pbxproj"), text).unwrap();
                }
                Format::Xcproj => {
                    let text = format!("// made\n{:#}\n", self.xcproj(number));
                    std::fs::write(path.join("project.xcproj"), text).unwrap();
                }
            }
        }
        let implicit = if self.implicit {
            ""
        } else {
            "buildImplicitDependencies = \"NO\""
        };
        let scheme = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Scheme version = \"1.7\">\n   <BuildAction\n      parallelizeBuildables = \"YES\"\n      {implicit}>\n      <BuildActionEntries>\n         <BuildActionEntry\n            buildForArchiving = \"YES\">\n            <BuildableReference\n               BuildableIdentifier = \"primary\"\n               BlueprintIdentifier = \"{}\"\n               BuildableName = \"App.app\"\n               BlueprintName = \"App\"\n               ReferencedContainer = \"container:App.xcodeproj\">\n            </BuildableReference>\n         </BuildActionEntry>\n      </BuildActionEntries>\n   </BuildAction>\n   <ArchiveAction\n      buildConfiguration = \"Release\"\n      revealArchiveInOrganizer = \"YES\">\n   </ArchiveAction>\n</Scheme>\n",
            id(0, 0)
        );
        let holder = folder.join("App.xcodeproj/xcshareddata/xcschemes/App.xcscheme");
        std::fs::write(holder, scheme).unwrap();
        let workspace = folder.join("All.xcworkspace");
        std::fs::create_dir_all(&workspace).unwrap();
        let references: String = self
            .projects
            .iter()
            .map(|project| {
                format!(
                    "<FileRef location = \"group:{}.xcodeproj\"></FileRef>",
                    project.name
                )
            })
            .collect();
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Workspace version = \"1.0\">{references}</Workspace>\n"
        );
        std::fs::write(workspace.join("contents.xcworkspacedata"), text).unwrap();
    }

    fn target(&self, (project, target): (usize, usize)) -> Option<&Target> {
        self.projects.get(project)?.targets.get(target)
    }

    /// The files that copy and frameworks phases of a project's targets hold, each once: its path, and whose product of
    /// which project it is.
    fn files(&self, number: usize) -> BTreeSet<Referenced> {
        let mut files = BTreeSet::new();
        for target in &self.projects[number].targets {
            for item in target.copied.iter().chain(&target.linked) {
                match &item.product {
                    Ok(of) if of.0 == number => {}
                    Ok(of) => {
                        if let Some(other) = self.target(*of) {
                            files.insert((other.product.clone(), Some(*of)));
                        }
                    }
                    Err(path) => {
                        files.insert((path.clone(), None));
                    }
                }
            }
        }
        files
    }

    fn pbxproj(&self, number: usize) -> String {
        let project = &self.projects[number];
        let mut text =
            String::from("// !$*UTF8*$!\n{\n\tarchiveVersion = 1;\n\tobjectVersion = 77;\n\tobjects = {\n");
        let mut fresh = 0;
        let mut unique = || {
            fresh += 1;
            format!("F{number}{fresh:06}")
        };
        let configurations = |text: &mut String, level: &Level, unique: &mut dyn FnMut() -> String| {
            let mut ids = String::new();
            for ((name, settings), base) in CONFIGURATIONS.iter().zip(&level.settings).zip(&level.base) {
                let own = unique();
                let pairs: String = settings
                    .iter()
                    .map(|(key, value)| format!("\t\t\t\t{} = {};\n", quoted(key), written(value)))
                    .collect();
                let base = base
                    .map(|file| format!("baseConfigurationReference = XC{file}; "))
                    .unwrap_or_default();
                writeln!(text, "\t\t{own} = {{isa = XCBuildConfiguration; {base}buildSettings = {{\n{pairs}\t\t\t}}; name = {}; }};", quoted(name)).unwrap();
                write!(ids, "{own}, ").unwrap();
            }
            let list = unique();
            writeln!(text, "\t\t{list} = {{isa = XCConfigurationList; buildConfigurations = ({ids}); defaultConfigurationName = Release; }};").unwrap();
            list
        };
        let mut children: Vec<String> = Vec::new();
        for file in 0..self.xcconfigs.len() {
            writeln!(text, "\t\tXC{file} = {{isa = PBXFileReference; path = File{file}.xcconfig; sourceTree = \"<group>\"; }};").unwrap();
            children.push(format!("XC{file}"));
        }
        let mut portals = String::new();
        for (other, name) in self.projects.iter().map(|project| &project.name).enumerate() {
            if other != number {
                writeln!(
                    text,
                    "\t\tPORTAL{other} = {{isa = PBXFileReference; path = {}; sourceTree = \"<group>\"; }};",
                    quoted(&format!("{name}.xcodeproj"))
                )
                .unwrap();
                children.push(format!("PORTAL{other}"));
                write!(portals, "{{ProjectRef = PORTAL{other}; }}, ").unwrap();
            }
        }
        let mut references: BTreeMap<Referenced, String> = BTreeMap::new();
        for (path, of) in self.files(number) {
            let own = unique();
            let object = match of {
                Some((other, target)) => {
                    let proxy = unique();
                    writeln!(text, "\t\t{proxy} = {{isa = PBXContainerItemProxy; containerPortal = PORTAL{other}; proxyType = 2; remoteGlobalIDString = {}; }};", product_id(other, target)).unwrap();
                    format!(
                        "isa = PBXReferenceProxy; path = {}; remoteRef = {proxy}; sourceTree = BUILT_PRODUCTS_DIR",
                        quoted(&path)
                    )
                }
                None if path.contains('/') => {
                    format!(
                        "isa = PBXFileReference; path = {}; sourceTree = \"<group>\"",
                        quoted(&path)
                    )
                }
                None => format!(
                    "isa = PBXFileReference; path = {}; sourceTree = BUILT_PRODUCTS_DIR",
                    quoted(&path)
                ),
            };
            writeln!(text, "\t\t{own} = {{{object}; }};").unwrap();
            children.push(own.clone());
            references.insert((path, of), own);
        }
        for (index, target) in project.targets.iter().enumerate() {
            let list = configurations(&mut text, &target.level, &mut unique);
            let mut dependencies = String::new();
            for (of, filters) in &target.dependencies {
                if self.target(*of).is_none() {
                    continue;
                }
                let own = unique();
                let to = if of.0 == number {
                    format!("target = {}; ", id(of.0, of.1))
                } else {
                    let proxy = unique();
                    writeln!(text, "\t\t{proxy} = {{isa = PBXContainerItemProxy; containerPortal = PORTAL{}; proxyType = 1; remoteGlobalIDString = {}; }};", of.0, id(of.0, of.1)).unwrap();
                    format!("targetProxy = {proxy}; ")
                };
                writeln!(
                    text,
                    "\t\t{own} = {{isa = PBXTargetDependency; {}{to}}};",
                    filtered(filters)
                )
                .unwrap();
                write!(dependencies, "{own}, ").unwrap();
            }
            let mut phases = String::new();
            for (isa, items) in [
                ("PBXFrameworksBuildPhase", &target.linked),
                ("PBXCopyFilesBuildPhase", &target.copied),
            ] {
                let mut files = String::new();
                for item in items {
                    let reference = match &item.product {
                        Ok(of) if of.0 == number => self
                            .target(*of)
                            .filter(|target| !target.kind.is_empty())
                            .map(|_| product_id(of.0, of.1)),
                        Ok(of) => self
                            .target(*of)
                            .and_then(|target| references.get(&(target.product.clone(), Some(*of))).cloned()),
                        Err(path) => references.get(&(path.clone(), None)).cloned(),
                    };
                    let Some(reference) = reference else { continue };
                    let own = unique();
                    writeln!(
                        text,
                        "\t\t{own} = {{isa = PBXBuildFile; fileRef = {reference}; {}}};",
                        filtered(&item.filters)
                    )
                    .unwrap();
                    write!(files, "{own}, ").unwrap();
                }
                let own = unique();
                writeln!(text, "\t\t{own} = {{isa = {isa}; dstPath = \"\"; dstSubfolderSpec = 13; name = Embed; files = ({files}); }};").unwrap();
                write!(phases, "{own}, ").unwrap();
            }
            let (isa, product) = if target.kind.is_empty() {
                ("PBXAggregateTarget", String::new())
            } else {
                let product = product_id(number, index);
                writeln!(text, "\t\t{product} = {{isa = PBXFileReference; path = {}; sourceTree = BUILT_PRODUCTS_DIR; }};", quoted(&target.product)).unwrap();
                let kind = target.kind;
                (
                    "PBXNativeTarget",
                    format!(
                        "productReference = {product}; productType = \"com.apple.product-type.{kind}\"; "
                    ),
                )
            };
            writeln!(text, "\t\t{} = {{isa = {isa}; name = {}; {product}buildConfigurationList = {list}; buildPhases = ({phases}); dependencies = ({dependencies}); }};", id(number, index), quoted(&target.name)).unwrap();
        }
        let list = configurations(&mut text, &project.level, &mut unique);
        let all: String = (0..project.targets.len())
            .map(|index| format!("{}, ", id(number, index)))
            .collect();
        let children: String = children.iter().map(|child| format!("{child}, ")).collect();
        writeln!(text, "\t\tGROUP = {{isa = PBXGroup; children = ({children}); sourceTree = \"<group>\"; }};\n\t\tROOT = {{isa = PBXProject; buildConfigurationList = {list}; mainGroup = GROUP; projectReferences = ({portals}); targets = ({all}); }};\n\t}};\n\trootObject = ROOT;\n}}").unwrap();
        text
    }

    fn xcproj(&self, number: usize) -> Value {
        let project = &self.projects[number];
        let mut files: Vec<Value> = (0..self.xcconfigs.len())
            .map(|file| json!({ "path": format!("File{file}.xcconfig") }))
            .collect();
        for (other, project) in self
            .projects
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != number)
        {
            files.push(
                json!({ "path": format!("{}.xcodeproj", project.name), "id": format!("PORTAL{other}") }),
            );
        }
        let mut memberships: BTreeMap<Referenced, Vec<Value>> = BTreeMap::new();
        for (index, target) in project.targets.iter().enumerate() {
            for (phase, items) in [("frameworks", &target.linked), ("copy/Embed", &target.copied)] {
                for item in items {
                    let (path, of) = match &item.product {
                        Ok(of) => match self.target(*of).filter(|target| !target.kind.is_empty()) {
                            Some(other) => (other.product.clone(), Some(*of)),
                            None => continue,
                        },
                        Err(path) => (path.clone(), None),
                    };
                    let name = format!("{}/{phase}", project.targets[index].name);
                    let membership = if item.filters.is_empty() {
                        json!(name)
                    } else {
                        json!({ "build-phase": name, "platforms": item.filters })
                    };
                    memberships.entry((path, of)).or_default().push(membership);
                }
            }
        }
        let mut products = Vec::new();
        for (index, target) in project.targets.iter().enumerate() {
            if target.kind.is_empty() {
                continue;
            }
            let own = memberships
                .remove(&(target.product.clone(), Some((number, index))))
                .unwrap_or_default();
            products.push(json!({
                "path": format!("<PRODUCTS>/{}", target.product),
                "id": product_id(number, index),
                "target-membership": own,
            }));
        }
        let mut imported = Vec::new();
        for ((path, of), own) in memberships {
            match of {
                Some((other, target)) => imported.push(json!({
                    "name": path,
                    "project": format!("id:PORTAL{other}"),
                    "target": self.projects[other].targets[target].name,
                    "product-id": product_id(other, target),
                    "target-membership": own,
                })),
                None if path.contains('/') => files.push(json!({ "path": path, "target-membership": own })),
                None => {
                    files.push(json!({ "path": format!("<PRODUCTS>/{path}"), "target-membership": own }));
                }
            }
        }
        files.push(json!({ "kind": "group", "name": "Products", "children": products }));
        let bases = |level: &Level| -> Vec<Value> {
            let named = CONFIGURATIONS.iter().zip(&level.base);
            named
                .map(|(name, base)| match base {
                    Some(file) => json!({ "name": name, "file": format!("File{file}.xcconfig") }),
                    None => json!({ "name": name }),
                })
                .collect()
        };
        let targets: Vec<Value> = project
            .targets
            .iter()
            .enumerate()
            .map(|(index, target)| {
                let special: Vec<Value> = bases(&target.level)
                    .into_iter()
                    .filter(|one| !one["file"].is_null())
                    .collect();
                let dependencies: Vec<Value> = target
                    .dependencies
                    .iter()
                    .filter_map(|(of, filters)| {
                        let other = self.target(*of)?;
                        let mut value = json!({ "target": other.name });
                        if of.0 != number {
                            value["kind"] = "remoteTarget".into();
                            value["project"] = format!("id:PORTAL{}", of.0).into();
                            value["target-id"] = id(of.0, of.1).into();
                        }
                        if !filters.is_empty() {
                            value["platforms"] = json!(filters);
                        }
                        Some(value)
                    })
                    .collect();
                let mut value = json!({
                    "name": target.name,
                    "id": id(number, index),
                    "specialized-configurations": special,
                    "dependencies": dependencies,
                    "build-phases": [
                        "frameworks",
                        { "kind": "copy", "name": "Embed", "bundle-base-path": "plugins-directory" },
                    ],
                    "build-settings": folded(&target.level),
                });
                if target.kind.is_empty() {
                    value["kind"] = "aggregate".into();
                } else {
                    value["product"] = format!("id:{}", product_id(number, index)).into();
                    value["product-type"] = target.kind.into();
                }
                value
            })
            .collect();
        json!({
            "default-configuration": "Release",
            "configurations": bases(&project.level),
            "localizations": { "development": "en" },
            "files": files,
            "imported-products": imported,
            "targets": targets,
            "build-settings": folded(&project.level),
        })
    }
}

fn target(random: &mut Random, project: usize, index: usize, files: usize, counts: [usize; 2]) -> Target {
    let is_first = project == 0 && index == 0;
    let name = match (is_first, project, index) {
        (true, ..) => "App".to_owned(),
        (_, 0, 1) => "P1 a".to_owned(),
        (_, 0, index) => format!("P{index}"),
        (_, _, index) => format!("Q{index}"),
    };
    let kind = match random.below(8) {
        _ if is_first => "application",
        0 => "",
        1 => "application",
        2 | 3 => "framework",
        4 => "library.static",
        5 => "xpc-service",
        _ => "app-extension",
    };
    let extension = match kind {
        "application" => ".app",
        "framework" => ".framework",
        "library.static" => ".a",
        "xpc-service" => ".xpc",
        _ => ".appex",
    };
    let prefix = if kind == "library.static" { "lib" } else { "" };
    let mut level = level(random, files);
    if random.is(2) {
        platform(random, false, &mut level.settings);
    }
    let any = |random: &mut Random| {
        let project = if counts[1] > 0 { random.below(2) } else { 0 };
        (project, random.below(counts[project]))
    };
    let dependencies = (0..random.below(3))
        .map(|_| (any(random), filters(random)))
        .collect::<Vec<_>>();
    let item = |random: &mut Random| Item {
        product: match random.below(6) {
            0 => Err(random
                .pick(&[
                    "Q1.appex",
                    "P2.appex",
                    "build/P3.framework",
                    "build/P2.xpc/Contents/MacOS/P2",
                    "Gone.framework",
                    "libQ0.a",
                ])
                .to_owned()),
            _ => Ok(any(random)),
        },
        filters: filters(random),
    };
    let copied = (0..random.below(3)).map(|_| item(random)).collect::<Vec<_>>();
    let linked = (0..random.below(3)).map(|_| item(random)).collect::<Vec<_>>();
    Target {
        product: format!("{prefix}{name}{extension}"),
        name,
        kind,
        level,
        dependencies: once(dependencies, |(of, _)| *of),
        copied: once(copied, |item| format!("{:?}", item.product)),
        linked: once(linked, |item| format!("{:?}", item.product)),
    }
}

/// Without what is there twice: memberships are sets.
fn once<T, K: Ord>(items: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut seen = BTreeSet::new();
    items.into_iter().filter(|item| seen.insert(key(item))).collect()
}

fn id(project: usize, target: usize) -> String {
    format!("AA{project}{target}0000000000000000000000")
}

fn product_id(project: usize, target: usize) -> String {
    format!("BB{project}{target}0000000000000000000000")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn written(value: &Value) -> String {
    match value.as_array() {
        Some(items) => {
            let items: String = items
                .iter()
                .map(|item| format!("{}, ", quoted(item.as_str().unwrap())))
                .collect();
            format!("({items})")
        }
        None => quoted(value.as_str().unwrap()),
    }
}

fn filtered(filters: &[&str]) -> String {
    match filters {
        [] => String::new(),
        [one] => format!("platformFilter = {one}; "),
        many => format!("platformFilters = ({}, ); ", many.join(", ")),
    }
}

/// One map for all configurations, as Xcode folds them.
fn folded(level: &Level) -> Map<String, Value> {
    let keys: BTreeSet<&String> = level.settings.iter().flat_map(BTreeMap::keys).collect();
    let mut all = BTreeMap::new();
    for key in keys {
        let values: Vec<Option<&Value>> = level.settings.iter().map(|own| own.get(key)).collect();
        if let (Some(first), true) = (values[0], values.iter().all(|value| *value == values[0])) {
            all.insert(key.clone(), first.clone());
            continue;
        }
        for (name, value) in CONFIGURATIONS.iter().zip(values) {
            let Some(value) = value else { continue };
            let written = match key.find('[') {
                Some(at) => format!("{}[config={name}]{}", &key[..at], &key[at..]),
                None => format!("{key}[config={name}]"),
            };
            all.insert(written, value.clone());
        }
    }
    all.into_iter().collect()
}
