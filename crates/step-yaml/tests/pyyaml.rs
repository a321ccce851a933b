//! What is written is read back by PyYAML, a YAML 1.1 reader that shares nothing with this crate.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "what fails ends the test"
)]

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use step_yaml::{Mapping, Value, read, write};

/// Reads documents, one JSON string a line, and answers with what PyYAML finds in them.
const READER: &str = r"
import json, sys, yaml
print(json.dumps([yaml.safe_load(text) for text in json.load(sys.stdin)]))
";

fn pyyaml(documents: &[String]) -> Vec<serde_json::Value> {
    let mut python = Command::new("python3")
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::to_vec(documents).unwrap();
    python.stdin.take().unwrap().write_all(&input).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "PyYAML can't read what was written");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Integer(number) => i64::try_from(*number).unwrap().into(),
        Value::Float(number) => (*number).into(),
        Value::String(text) => text.as_str().into(),
        Value::Sequence(items) => items.iter().map(json).collect(),
        Value::Mapping(pairs) => pairs
            .iter()
            .map(|(key, value)| (key.to_owned(), json(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

/// Words that some reader takes for something else.
const TRAPS: [&str; 60] = [
    "y",
    "n",
    "Y",
    "N",
    "yes",
    "Yes",
    "YES",
    "no",
    "No",
    "NO",
    "on",
    "On",
    "ON",
    "off",
    "Off",
    "OFF",
    "true",
    "True",
    "TRUE",
    "false",
    "False",
    "null",
    "Null",
    "NULL",
    "~",
    "",
    " ",
    "0",
    "-1",
    "+1",
    "1_000",
    "0777",
    "0o17",
    "0x1F",
    "0b11",
    "1.5",
    ".5",
    "1e3",
    "1.",
    ".inf",
    "-.INF",
    ".nan",
    "12:30",
    "12:30:45",
    "190:20:30.15",
    "2026-11-25",
    "2026-11-25T12:00:00Z",
    "<<",
    "=",
    "-",
    "?",
    ":",
    "- a",
    "a: b",
    "a #b",
    "# a",
    "&a",
    "*a",
    "!a",
    "%a",
];

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(TRAPS.to_vec()).prop_map(str::to_owned),
        1 => prop::sample::select(TRAPS.to_vec()).prop_map(str::to_uppercase),
        1 => prop::sample::select(TRAPS.to_vec()).prop_map(|word| format!("{word}\n{word}\n")),
        2 => "[-?:,\\[\\]{}#&*!|>'\"%@` \\n\\ta-c0-2_.$/\\\\é\u{2028}\u{85}\u{feff}\u{7f}🙂~=]{0,12}",
        1 => "\\PC{0,12}",
        1 => any::<String>().prop_map(|text| text.chars().take(12).collect()),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        6 => words().prop_map(Value::String),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => any::<i64>().prop_map(|number| Value::Integer(number.into())),
        // serde_json does not read every float to the last digit: eighths are exact.
        1 => any::<i32>().prop_map(|eighths| Value::Float(f64::from(eighths) / 8.0)),
        1 => prop::sample::select(vec![1e22, -1e-7, 2.5e300, 5e-324]).prop_map(Value::Float),
        1 => Just(Value::Null),
    ];
    scalar.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Sequence),
            prop::collection::vec((words(), inner), 0..4)
                .prop_map(|pairs| Value::Mapping(pairs.into_iter().collect())),
        ]
    })
}

fn documents() -> impl Strategy<Value = Vec<Mapping>> {
    let document =
        prop::collection::vec((words(), values()), 0..5).prop_map(|pairs| pairs.into_iter().collect());
    prop::collection::vec(document, 60)
}

#[test]
fn every_value_is_read_back_by_pyyaml_and_by_us() {
    let mut runner = TestRunner::new(Config {
        cases: 12,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&documents(), |documents| {
            let texts: Vec<String> = documents.iter().map(write).collect();
            for ((document, text), found) in documents.iter().zip(&texts).zip(pyyaml(&texts)) {
                prop_assert_eq!(
                    &json(&Value::Mapping(document.clone())),
                    &found,
                    "PyYAML read:\n{}",
                    text
                );
                let own = read(text).map_err(|error| TestCaseError::fail(format!("{error}:\n{text}")))?;
                let own = if own == Value::Null {
                    Value::Mapping(Mapping::new())
                } else {
                    own
                };
                prop_assert_eq!(&Value::Mapping(document.clone()), &own, "{}", text);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn each_trap_alone_is_read_back_as_text_in_every_capitalization() {
    let capitalized = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    };
    let all: Vec<String> = TRAPS
        .iter()
        .flat_map(|word| {
            [
                (*word).to_owned(),
                word.to_uppercase(),
                word.to_lowercase(),
                capitalized(word),
            ]
        })
        .collect();
    let document = |word: &String| {
        let items = vec![
            Value::from(word.as_str()),
            Value::from(format!("{word}\nsecond line")),
        ];
        write(
            &[("key", Value::from(word.as_str())), ("list", items.into())]
                .into_iter()
                .collect(),
        )
    };
    let texts: Vec<String> = all.iter().map(document).collect();
    for ((word, text), found) in all.iter().zip(&texts).zip(pyyaml(&texts)) {
        assert_eq!(found["key"], word.as_str(), "{text}");
        assert_eq!(found["list"][0], word.as_str(), "{text}");
        assert_eq!(found["list"][1], format!("{word}\nsecond line"), "{text}");
    }
}

/// A key of more than 1,024 characters needs a question mark before it, which a fuzzer found missing.
#[test]
fn long_keys_are_read_back_whatever_they_hold() {
    let inner = Mapping::from_iter([("b".repeat(1_100), Value::Integer(2))]);
    let document = Mapping::from_iter([
        ("a".repeat(999), Value::Integer(1)),
        ("\u{fffd}".repeat(300), Value::Null),
        ("long: ".repeat(200), Value::Sequence(vec![Value::Mapping(inner)])),
    ]);
    let written = write(&document);
    assert_eq!(
        read(&written).unwrap(),
        Value::Mapping(document.clone()),
        "{written}"
    );
    assert_eq!(pyyaml(&[written]), [json(&Value::Mapping(document))]);
}
