//! Projects made at random, from fixed seeds: in both formats, in every spelling of JSON5, signed for any choice of
//! configurations.
//!
//! What is right is said by a second, simple implementation of the rules of Xcode's writer (folding from tuist/XcodeProj
//! 9.17 and rork-xcode 0.13, layout from xcode-project-format), which shares no code with the crate.
#![expect(clippy::unwrap_used, reason = "helpers of tests: failures that end the test")]

#[path = "../examples/inspect/layout.rs"]
mod layout;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use xcode_project::json5::{self, Document};
use xcode_project::{BuildSettings, ManualSigning, Project, SettingValue};

/// Numbers from a seed (the generator of Numerical Recipes); the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

const CONFIGURATIONS: [&str; 4] = ["Debug", "Release", "App Store", "Tést"];
const KEYS: [&str; 14] = [
    "CODE_SIGN_IDENTITY",
    "CODE_SIGN_IDENTITY[sdk=iphoneos*]",
    "CODE_SIGN_STYLE",
    "CODE_SIGN_STYLES",
    "CODE_SIGN_STYLE_X",
    "DEVELOPMENT_TEAM",
    "DEVELOPMENT_TEAM[sdk=iphoneos*]",
    "LIST",
    "PRODUCT_NAME",
    "PROVISIONING_PROFILE",
    "PROVISIONING_PROFILE_SPECIFIER",
    "PROVISIONING_PROFILE_SPECIFIER[sdk=iphoneos*]",
    "ZETA[arch=*]",
    "A",
];
const VALUES: [&str; 9] = [
    "",
    "Automatic",
    "Manual",
    "TEAM123456",
    "$(TARGET_NAME)",
    "a b",
    "quote \" ' \\ / \t end",
    "é😀",
    "// no comment",
];

type Dictionaries = Vec<(String, BTreeMap<String, Value>)>;

/// The settings of each configuration.
fn dictionaries(random: &mut Random) -> Dictionaries {
    let count = 1 + random.below(CONFIGURATIONS.len());
    let mut all: Dictionaries = CONFIGURATIONS[..count]
        .iter()
        .map(|name| ((*name).to_owned(), BTreeMap::new()))
        .collect();
    for key in KEYS {
        let value = |random: &mut Random| match key {
            "LIST" => json!([random.pick(&VALUES), random.pick(&VALUES)]),
            _ => json!(random.pick(&VALUES)),
        };
        let shape = random.below(4);
        let common = value(random);
        for (_, settings) in &mut all {
            match shape {
                0 => {}
                1 => {
                    settings.insert(key.to_owned(), common.clone());
                }
                _ if random.below(2) == 0 => {
                    settings.insert(key.to_owned(), value(random));
                }
                _ => {}
            }
        }
    }
    all
}

/// One map for all configurations, as Xcode writes it.
fn folded(all: &Dictionaries) -> Map<String, Value> {
    let mut map = BTreeMap::new();
    let keys: std::collections::BTreeSet<&String> =
        all.iter().flat_map(|(_, settings)| settings.keys()).collect();
    for key in keys {
        let values: Vec<Option<&Value>> = all.iter().map(|(_, settings)| settings.get(key)).collect();
        if values[0].is_some() && values.iter().all(|value| *value == values[0]) {
            map.insert(key.clone(), values[0].unwrap().clone());
            continue;
        }
        for ((name, _), value) in all.iter().zip(values) {
            let Some(value) = value else { continue };
            let written = match key.split_once('[') {
                Some((plain, conditions)) => format!("{plain}[config={name}][{conditions}"),
                None => format!("{key}[config={name}]"),
            };
            map.insert(written, value.clone());
        }
    }
    map.into_iter().collect()
}

/// The file that Xcode would write for a project with two targets, of which the first has these settings.
fn file(all: &Dictionaries, has_settings: bool, noted: Option<(&str, &str)>) -> String {
    // The order of keys is Xcode's, so that the text is put together here.
    let settings = serde_json::to_string(&folded(all)).unwrap();
    let names = json!(all.iter().map(|(name, _)| name).collect::<Vec<_>>());
    let mut target = String::from(r#"{"name":"App","id":"A1","product-type":"application""#);
    if let Some((style, team)) = noted {
        write!(
            target,
            r#","legacy-provisioning-style":"{style}","legacy-team-id":"{team}""#
        )
        .unwrap();
    }
    if has_settings || !folded(all).is_empty() {
        write!(target, r#","build-settings":{settings}"#).unwrap();
    }
    let text = format!(
        r#"{{"default-configuration":"Debug","configurations":{names},"localizations":{{"development":"en"}},"files":[{{"path":"a.swift","target-membership":["App/compile-sources"]}}],"targets":[{target}}},{{"name":"Other","id":"B2","build-settings":{settings}}}],"build-settings":{settings}}}"#
    );
    layout::printed(Document::parse(&text).unwrap().root())
}

/// The same project in the older format.
fn pbxproj(all: &Dictionaries) -> String {
    let quoted = |text: &str| {
        let escaped = text
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\t', "\\t");
        format!("\"{escaped}\"")
    };
    let mut configurations = String::new();
    let mut ids = String::new();
    for (number, (name, settings)) in all.iter().enumerate() {
        write!(ids, "C{number}, ").unwrap();
        let mut lines = String::new();
        for (key, value) in settings {
            let value = match value {
                Value::Array(items) => {
                    let items = items
                        .iter()
                        .map(|item| format!("{}, ", quoted(item.as_str().unwrap())));
                    format!("({})", items.collect::<String>())
                }
                other => quoted(other.as_str().unwrap()),
            };
            write!(lines, "\n\t\t\t\t{} = {value};", quoted(key)).unwrap();
        }
        write!(configurations, "\n\t\tC{number} = {{isa = XCBuildConfiguration; buildSettings = {{{lines}\n\t\t\t}}; name = {}; }};", quoted(name)).unwrap();
    }
    format!(
        "// !$*UTF8*$!\n{{objects = {{\n\t\tR = {{isa = PBXProject; targets = (A1, ); }};\n\t\tA1 = {{isa = PBXNativeTarget; name = App; productType = \"com.apple.product-type.application\"; buildConfigurationList = L; }};\n\t\tL = {{buildConfigurations = ({ids}); }};{configurations}\n\t}};\n\trootObject = R;\n}}\n"
    )
}

fn open(name: &str, text: &str) -> Project {
    let folder = tempfile::Builder::new().suffix(".xcodeproj").tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    Project::open(folder.path()).unwrap_or_else(|error| panic!("{error:?}\n{text}"))
}

const SIGNED: [(&str, &str); 5] = [
    ("CODE_SIGN_IDENTITY", "Apple Distribution"),
    ("CODE_SIGN_STYLE", "Manual"),
    ("DEVELOPMENT_TEAM", "TEAM123456"),
    ("PROVISIONING_PROFILE", "0-1"),
    ("PROVISIONING_PROFILE_SPECIFIER", ""),
];

fn signed(project: &Project, configurations: &[String]) -> String {
    let target = project.targets().remove(0);
    let edits: Vec<_> = configurations
        .iter()
        .map(|configuration| {
            let signing = ManualSigning {
                team_id: "TEAM123456".to_owned(),
                identity: "Apple Distribution".to_owned(),
                profile_uuid: "0-1".to_owned(),
                platform: xcode_project::Platform::Ios,
            };
            (target.clone(), configuration.clone(), signing)
        })
        .collect();
    project.sign_manually(&edits).unwrap()
}

/// The dictionaries with the settings of manual signing, each also where there is one for an SDK.
fn with_signing(all: &Dictionaries, configurations: &[String]) -> Dictionaries {
    let mut all = all.clone();
    for (_, settings) in all.iter_mut().filter(|(name, _)| configurations.contains(name)) {
        for (key, value) in SIGNED {
            for (known, old) in settings.iter_mut() {
                if known.starts_with(&format!("{key}[")) {
                    *old = json!(value);
                }
            }
            settings.insert(key.to_owned(), json!(value));
        }
    }
    all
}

fn same(assigned: &BuildSettings, expected: &BTreeMap<String, Value>) -> bool {
    let plain: BTreeMap<String, Value> = assigned
        .iter()
        .map(|(key, value)| {
            let value = match value {
                SettingValue::Text(text) => json!(text),
                SettingValue::List(items) => json!(items),
            };
            (key.clone(), value)
        })
        .collect();
    plain == *expected
}

fn chosen(random: &mut Random, all: &Dictionaries) -> Vec<String> {
    let mut names: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
    names.retain(|_| random.below(2) == 0);
    if names.is_empty() {
        names.push(all[0].0.clone());
    }
    names
}

#[test]
fn a_project_as_xcode_writes_it_is_edited_as_xcode_would_write_it() {
    for seed in 0..250 {
        let mut random = Random(seed);
        let all = dictionaries(&mut random);
        let configurations = chosen(&mut random, &all);
        let noted = (random.below(2) == 0).then_some(("automatic", "OLD"));
        let text = file(&all, random.below(2) == 0, noted);
        assert!(layout::is_canonical(&text), "{text}");
        let project = open("project.xcproj", &text);
        let target = project.targets().remove(0);
        for (name, settings) in &all {
            assert!(
                same(project.assigned(Some(&target), name).unwrap(), settings),
                "{seed}: {text}"
            );
        }
        let after = signed(&project, &configurations);
        let expected = with_signing(&all, &configurations);
        // Only the first target changes; the others are put back for the comparison.
        let noted = noted.map(|_| ("manual", "TEAM123456"));
        let whole = file(&expected, true, noted);
        let other = |text: &str| text[text.find("      \"name\": \"Other\"").unwrap()..].to_owned();
        let expected_text = whole.replace(&other(&whole), &other(&text));
        assert!(
            after == expected_text,
            "{seed}, {configurations:?}:\n{text}\n{after}\n{expected_text}"
        );
    }
}

#[test]
fn the_same_project_in_the_older_format_gives_the_same_answers() {
    for seed in 0..80 {
        let mut random = Random(seed);
        let all = dictionaries(&mut random);
        let configurations = chosen(&mut random, &all);
        let (new, old) = (
            open("project.xcproj", &file(&all, true, None)),
            open("project.pbxproj", &pbxproj(&all)),
        );
        let after = [
            open("project.xcproj", &signed(&new, &configurations)),
            open("project.pbxproj", &signed(&old, &configurations)),
        ];
        let expected = with_signing(&all, &configurations);
        for (name, settings) in &expected {
            for project in &after {
                let target = project.targets().remove(0);
                assert!(
                    same(project.assigned(Some(&target), name).unwrap(), settings),
                    "{seed}, {name}: {}",
                    project.text()
                );
            }
        }
    }
}

/// Spells a value in any way that JSON5 allows, with remarks between all of its parts.
fn respelled(random: &mut Random, node: &json5::Node, out: &mut String) {
    match &node.value {
        json5::Value::Null => out.push_str("null"),
        json5::Value::Boolean(value) => out.push_str(&value.to_string()),
        json5::Value::Number(number) => out.push_str(&number.to_string()),
        json5::Value::Text(text) => string(random, text, out),
        json5::Value::Array(elements) => {
            out.push('[');
            for (number, element) in elements.iter().enumerate() {
                trivia(random, out);
                respelled(random, &element.node, out);
                trivia(random, out);
                comma(random, out, number + 1 == elements.len());
            }
            trivia(random, out);
            out.push(']');
        }
        json5::Value::Object(members) => {
            out.push('{');
            trivia(random, out);
            // A map of settings holds nothing but settings.
            let is_map = members
                .iter()
                .any(|member| member.key.starts_with(|c: char| c.is_ascii_uppercase()));
            if random.below(8) == 0 && !is_map && !members.is_empty() {
                let unknown = random.pick(&[
                    "future: 0xFFe1,",
                    "'$x y': [+.5, -Infinity, NaN,],",
                    "_\\u0061: null,",
                ]);
                out.push_str(unknown);
            }
            for (number, member) in members.iter().enumerate() {
                trivia(random, out);
                let is_name = member
                    .key
                    .bytes()
                    .all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
                if is_name && random.below(2) == 0 {
                    out.push_str(&member.key);
                } else {
                    string(random, &member.key, out);
                }
                trivia(random, out);
                out.push(':');
                trivia(random, out);
                respelled(random, &member.node, out);
                trivia(random, out);
                comma(random, out, number + 1 == members.len());
            }
            trivia(random, out);
            out.push('}');
        }
    }
}

fn comma(random: &mut Random, out: &mut String, is_last: bool) {
    if !is_last || random.below(2) == 0 {
        out.push(',');
    }
}

fn trivia(random: &mut Random, out: &mut String) {
    for _ in 0..random.below(3) {
        out.push_str(random.pick(&[
            " ",
            "\n",
            "\r\n",
            "\t",
            "\u{a0}",
            "\u{feff}",
            "// it's }\n",
            "/* \" , { */",
            "/* two\nlines */",
            "\n    ",
            "\n  // \u{e9}\r\n  ",
        ]));
    }
}

fn string(random: &mut Random, text: &str, out: &mut String) {
    let quote = random.pick(&['"', '\'']);
    out.push(quote);
    for c in text.chars() {
        let code = u32::from(c);
        match random.below(12) {
            0 if code < 0x100 => write!(out, "\\x{code:02X}").unwrap(),
            1 => c
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| write!(out, "\\u{unit:04x}").unwrap()),
            2 => {
                out.push_str("\\\n");
                plain(c, quote, out);
            }
            _ => plain(c, quote, out),
        }
    }
    out.push(quote);
}

fn plain(c: char, quote: char, out: &mut String) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\t' => out.push_str("\\t"),
        c if c == quote => out.extend(['\\', c]),
        c => out.push(c),
    }
}

/// The bytes that signing the first target may change: its settings, and what is noted beside them; last first.
fn may_change(text: &str) -> Vec<std::ops::Range<usize>> {
    let document = Document::parse(text).unwrap();
    let target = &document.root().get("targets").unwrap().elements()[0].node;
    let keys = ["build-settings", "legacy-team-id", "legacy-provisioning-style"];
    let mut spans: Vec<_> = keys
        .iter()
        .filter_map(|key| target.get(key))
        .map(|node| node.span.clone())
        .collect();
    spans.sort_by_key(|span| std::cmp::Reverse(span.start));
    spans
}

#[test]
fn any_spelling_is_read_alike_and_edited_nowhere_else() {
    for seed in 0..400 {
        let mut random = Random(seed);
        let all = dictionaries(&mut random);
        let configurations = chosen(&mut random, &all);
        let noted = (random.below(2) == 0).then_some(("automatic", "OLD"));
        let canonical = file(&all, true, noted);
        let mut text = String::new();
        trivia(&mut random, &mut text);
        respelled(
            &mut random,
            Document::parse(&canonical).unwrap().root(),
            &mut text,
        );
        trivia(&mut random, &mut text);
        let document = Document::parse(&text).unwrap_or_else(|error| panic!("{seed}: {error}\n{text}"));
        assert_eq!(document.text(), text);
        let project = open("project.xcproj", &text);
        assert_eq!(project.text(), text);
        let target = project.targets().remove(0);
        for (name, settings) in &all {
            assert!(
                same(project.assigned(Some(&target), name).unwrap(), settings),
                "{seed}: {text}"
            );
        }
        let after = open("project.xcproj", &signed(&project, &configurations));
        for (name, settings) in &with_signing(&all, &configurations) {
            let assigned = after.assigned(Some(&target), name).unwrap();
            assert!(
                same(assigned, settings),
                "{seed}, {name}:\n{text}\n{}",
                after.text()
            );
        }
        let mut undone = after.text().to_owned();
        let (before, now) = (may_change(&text), may_change(after.text()));
        assert_eq!(before.len(), now.len(), "{seed}");
        for (old, new) in before.into_iter().zip(now) {
            undone.replace_range(new, &text[old]);
        }
        assert!(
            undone == text,
            "{seed}: something else changed\n{text}\n{}",
            after.text()
        );
        // Every remark is still there.
        let remarks = |text: &str| text.matches("it's }").count() + text.matches("lines */").count();
        assert_eq!(
            remarks(&text),
            remarks(after.text()),
            "{seed}:\n{text}\n{}",
            after.text()
        );
    }
}

#[test]
fn any_damage_is_read_or_refused() {
    for seed in 0..1_000 {
        let mut random = Random(seed);
        let all = dictionaries(&mut random);
        let mut bytes: Vec<char> = file(&all, true, Some(("manual", "T"))).chars().collect();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => {
                    bytes.remove(at);
                }
                1 => {
                    bytes[at] = random.pick(&[
                        '{', '}', '[', ']', ',', ':', '"', '\'', '\\', '/', '0', '\n', 'é', '*',
                    ]);
                }
                _ => bytes.truncate(at.max(1)),
            }
        }
        let text: String = bytes.into_iter().collect();
        let folder = tempfile::Builder::new().suffix(".xcodeproj").tempdir().unwrap();
        std::fs::write(folder.path().join("project.xcproj"), &text).unwrap();
        if let Ok(project) = Project::open(folder.path())
            && let Some(target) = project.targets().first()
            && let Some(configuration) = target.configurations.first()
        {
            let after = signed(&project, std::slice::from_ref(configuration));
            assert!(Document::parse(&after).is_ok(), "{seed}:\n{text}\n{after}");
        }
    }
}
