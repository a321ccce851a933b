//! Result documents in altool's output: JSON objects and plists, wherever they stand.

use serde_json::{Map, Value};

/// Results are some kilobytes long; verbose logs around them have some megabytes. Only the end is searched.
const SEARCHED: usize = 4 << 20;

/// A plist nested deeper than any result: the reader would recurse as deep.
const DEEPEST: usize = 64;

/// The result documents in a stream, in their order, and the stream without them.
pub(crate) fn split(output: &str) -> (Vec<Value>, String) {
    let output = tail(output);
    let (mut documents, mut rest, mut at) = (Vec::new(), String::new(), 0);
    while let Some(start) = next_start(output, at) {
        match parse(&output[start..]) {
            Some((value, length)) => {
                rest.push_str(&output[at..start]);
                if is_result(&value) {
                    documents.push(value);
                }
                at = start + length;
            }
            None => {
                let next = start + 1;
                rest.push_str(&output[at..next]);
                at = next;
            }
        }
    }
    rest.push_str(&output[at..]);
    (documents, rest)
}

fn tail(output: &str) -> &str {
    let mut start = output.len().saturating_sub(SEARCHED);
    while !output.is_char_boundary(start) {
        start += 1;
    }
    &output[start..]
}

fn next_start(output: &str, from: usize) -> Option<usize> {
    let starts = output[from..].match_indices(['{', '<']);
    let is_start = |at: usize, found: &str| {
        found == "{"
            || ["<?xml", "<plist"]
                .iter()
                .any(|words| output[at..].starts_with(words))
    };
    starts
        .map(|(at, found)| (from + at, found))
        .find(|(at, found)| is_start(*at, found))
        .map(|(at, _)| at)
}

fn parse(text: &str) -> Option<(Value, usize)> {
    if text.starts_with('<') {
        return plist(text);
    }
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = documents.next()?.ok()?;
    Some((value, documents.byte_offset()))
}

fn plist(text: &str) -> Option<(Value, usize)> {
    const END: &str = "</plist>";
    let length = text.find(END)? + END.len();
    let document = &text[..length];
    if depth(document) > DEEPEST {
        return None;
    }
    let value = plist::Value::from_reader_xml(document.as_bytes()).ok()?;
    Some((of_plist(&value), length))
}

fn depth(document: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for (at, _) in document.match_indices('<') {
        let tag = &document[at..];
        if tag.starts_with("<dict>") || tag.starts_with("<array>") {
            depth += 1;
            deepest = deepest.max(depth);
        } else if tag.starts_with("</dict>") || tag.starts_with("</array>") {
            depth = depth.saturating_sub(1);
        }
    }
    deepest
}

fn of_plist(value: &plist::Value) -> Value {
    match value {
        plist::Value::Array(items) => items.iter().map(of_plist).collect(),
        plist::Value::Dictionary(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), of_plist(value)))
            .collect::<Map<String, Value>>()
            .into(),
        plist::Value::Boolean(flag) => (*flag).into(),
        plist::Value::Integer(number) => number
            .as_signed()
            .map_or_else(|| number.to_string().into(), Value::from),
        plist::Value::Real(number) => (*number).into(),
        plist::Value::String(text) => text.clone().into(),
        other => other.as_string().map_or(Value::Null, Value::from),
    }
}

/// Whether altool wrote it as its result: verbose output has other objects, such as answers of the API.
fn is_result(value: &Value) -> bool {
    ["tool-version", "tool-path", "success-message", "product-errors"]
        .iter()
        .any(|key| get(value, key).is_some())
        || get(value, "details").is_some_and(|details| get(details, "delivery-uuid").is_some())
}

/// A member by its name in either spelling (`user-info`, `userInfo`); `null` is none.
pub(crate) fn get<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    let wanted = folded(key);
    let object = value.as_object()?;
    object
        .get(key)
        .or_else(|| {
            object
                .iter()
                .find(|(name, _)| folded(name) == wanted)
                .map(|(_, value)| value)
        })
        .filter(|value| !value.is_null())
}

fn folded(key: &str) -> String {
    key.chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// A text or a number as text; blank is none.
pub(crate) fn text(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The elements of a list; a lone element counts as a list of one.
pub(crate) fn list(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(items)) => items.iter().filter(|item| !item.is_null()).collect(),
        Some(Value::Object(object)) if object.is_empty() => Vec::new(),
        Some(item @ (Value::Object(_) | Value::String(_))) => vec![item],
        _ => Vec::new(),
    }
}
