//! Whatever a file holds, reading it ends, and ends soon.

use std::path::Path;

use proptest::prelude::*;
use xcode_project::{Answer, Document, Scheme, Settings, json5, xcconfig};

/// Texts made of the pieces that mean something, in any order.
fn soup(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(pieces).prop_map(str::to_owned),
        1 => ".{0,3}".prop_map(|text: String| text),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

const PROJECT: &[&str] = &[
    "{", "}", "(", ")", "=", ";", ",", "\"", "\\", "\\U00e9", "\\101", "/*", "*/", "//", "\n", "\r\n", "<",
    ">", "0a", "key", " ", "é", "'",
];
const JSON5: &[&str] = &[
    "{", "}", "[", "]", ":", ",", "\"", "'", "\\", "\\u00e9", "\\ud83d", "\\x41", "\\\n", "/*", "*/", "//",
    "\n", "\r\n", "0x", "1", ".", "-", "+", "e", "key", "$", "null", "true", "Infinity", " ", "\u{2028}",
    "é", "\u{feff}",
];
const SCHEME: &[&str] = &[
    "<Scheme>",
    "</Scheme>",
    "<BuildAction>",
    "</BuildAction>",
    "<BuildActionEntries>",
    "</BuildActionEntries>",
    "<BuildActionEntry buildForArchiving = \"YES\">",
    "</BuildActionEntry>",
    "<BuildableReference BlueprintName = \"A\"/>",
    "<ArchiveAction buildConfiguration = \"Release\"/>",
    "<!--",
    "-->",
    "&amp;",
    "&",
    "\"",
    "<![CDATA[",
    "]]>",
];
const XCCONFIG: &[&str] = &[
    "#include \"self.xcconfig\"\n",
    "#include? \"other\"\n",
    "A = $(B)$(B)\n",
    "B[sdk=iphoneos*] = $(C)\n",
    "C = $(A)\n",
    "=",
    "[",
    "]",
    "//",
    "\n",
    ";",
    "$(",
    "$",
    "(",
];
const VALUE: &[&str] = &[
    "$(A)",
    "${B}",
    "$(C:lower)",
    "$(A_$(B))",
    "$(inherited)",
    "$(",
    "${",
    ")",
    "}",
    "$",
    ":default=",
    ":c99extidentifier",
    "x",
    "$A",
    "$(A:dir:base)",
    "é",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn any_project_file_is_read_to_the_byte_or_refused(text in soup(PROJECT)) {
        if let Ok(document) = Document::parse(&text) {
            prop_assert_eq!(document.text(), text);
        }
    }

    #[test]
    fn any_json5_is_read_to_the_byte_or_refused(text in soup(JSON5)) {
        if let Ok(document) = json5::Document::parse(&text) {
            prop_assert_eq!(document.text(), &*text);
        }
    }

    #[test]
    fn any_scheme_is_read_or_refused(text in soup(SCHEME)) {
        let _ = Scheme::parse(&text, "Any", Path::new("Any.xcodeproj"));
    }

    #[test]
    fn any_xcconfig_is_read(text in soup(XCCONFIG)) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("self.xcconfig");
        std::fs::write(&file, &text).unwrap();
        let assignments = xcconfig::read(&file, None).assignments;
        let settings = Settings::from_assignments(assignments, "iphoneos", "Release");
        for name in ["A", "B", "C"] {
            let _ = settings.get(name);
        }
    }

    #[test]
    fn any_settings_have_an_answer(a in soup(VALUE), b in soup(VALUE), c in soup(VALUE)) {
        let pairs = [("A", a), ("B", b), ("C", c)].map(|(key, value)| (key.to_owned(), value));
        let settings = Settings::from_assignments(pairs, "iphoneos", "Release");
        for name in ["A", "B", "C"] {
            // A value that names nothing undefined is the same when gaps are left empty.
            if let Answer::Resolved(value) = settings.get(name) {
                prop_assert_eq!(Some(value), settings.with_gaps(name));
            }
        }
    }
}

#[test]
fn settings_that_double_at_every_step_end() {
    let doubled = (0..60).map(|number| (format!("A{number}"), format!("$(A{0})$(A{0})", number + 1)));
    let settings = Settings::from_assignments(doubled, "iphoneos", "Release");
    assert!(matches!(settings.get("A0"), Answer::Unresolved { .. }));
}
