//! Reading, with the resolution of scalars of `gopkg.in/yaml.v2`.
//!
//! Source: `resolve.go` of gopkg.in/yaml.v2 2.4.0, which the Bitrise CLI 2.42 and stepman 0.23 use.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use crate::{Mapping, Value};

/// Nested deeper than this, a document is refused.
const DEPTH_LIMIT: usize = 100;

/// With more values than this, aliases included, a document is refused.
const SIZE_LIMIT: usize = 200_000;

/// Why a text can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not YAML.
    #[error("not valid YAML")]
    Syntax(#[from] saphyr_parser::ScanError),
    /// It is nested too deep.
    #[error("nested deeper than {DEPTH_LIMIT} levels")]
    TooDeep,
    /// It holds too many values, aliases included.
    #[error("more than {SIZE_LIMIT} values")]
    TooLarge,
    /// A mapping has a key that is a list or a mapping.
    #[error("a key is not text")]
    KeyNotText,
    /// `*name` without `&name` before it.
    #[error("an alias without its anchor")]
    UnknownAlias,
}

/// Reads the first document of a text.
///
/// # Errors
/// When the text is not YAML, or exceeds the limits.
pub fn read(text: &str) -> Result<Value, ReadError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        size: 0,
    };
    loop {
        match reader.next()? {
            Some(Event::StreamStart | Event::DocumentStart(_) | Event::Nothing) => {}
            Some(Event::StreamEnd) | None => return Ok(Value::Null),
            Some(event) => return reader.node(event, 0).map(|node| node.value),
        }
    }
}

struct Reader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: BTreeMap<usize, (Value, usize)>,
    size: usize,
}

/// A value, and the text it had where it was a scalar.
struct Node {
    value: Value,
    raw: Option<String>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<Event<'a>>, ReadError> {
        match self.events.next_event() {
            Some(event) => Ok(Some(event?.0)),
            None => Ok(None),
        }
    }

    fn count(&mut self, values: usize) -> Result<(), ReadError> {
        self.size = self.size.saturating_add(values);
        if self.size > SIZE_LIMIT {
            return Err(ReadError::TooLarge);
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Node, ReadError> {
        if depth > DEPTH_LIMIT {
            return Err(ReadError::TooDeep);
        }
        self.count(1)?;
        let before = self.size;
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref());
                let raw = Some(text.into_owned());
                (Node { value, raw }, anchor)
            }
            Event::Alias(anchor) => {
                let (value, size) = self
                    .anchors
                    .get(&anchor)
                    .cloned()
                    .ok_or(ReadError::UnknownAlias)?;
                self.count(size)?;
                let raw = value.as_str().map(str::to_owned);
                return Ok(Node { value, raw });
            }
            Event::SequenceStart(anchor, _) => (
                Node {
                    value: self.sequence(depth)?,
                    raw: None,
                },
                anchor,
            ),
            Event::MappingStart(anchor, _) => (
                Node {
                    value: self.mapping(depth)?,
                    raw: None,
                },
                anchor,
            ),
            _ => (
                Node {
                    value: Value::Null,
                    raw: None,
                },
                0,
            ),
        };
        if anchor != 0 {
            let size = self.size - before + 1;
            self.anchors.insert(anchor, (node.value.clone(), size));
        }
        Ok(node)
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, ReadError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                None | Some(Event::SequenceEnd) => return Ok(Value::Sequence(items)),
                Some(event) => items.push(self.node(event, depth + 1)?.value),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, ReadError> {
        let mut mapping = Mapping::new();
        let mut merged = Vec::new();
        loop {
            let key = match self.next()? {
                None | Some(Event::MappingEnd) => break,
                Some(event) => {
                    let is_merge =
                        matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
                    let node = self.node(event, depth + 1)?;
                    (node.raw.ok_or(ReadError::KeyNotText)?, is_merge)
                }
            };
            let value = match self.next()? {
                None => break,
                Some(event) => self.node(event, depth + 1)?.value,
            };
            match key {
                (_, true) => merged.push(value),
                (key, false) => mapping.insert(key, value),
            }
        }
        for value in merged {
            merge(&mut mapping, &value);
        }
        Ok(Value::Mapping(mapping))
    }
}

/// `<<`: pairs of other mappings, where the mapping itself has none.
fn merge(mapping: &mut Mapping, from: &Value) {
    match from {
        Value::Mapping(other) => {
            for (key, value) in other.iter() {
                if mapping.get(key).is_none() {
                    mapping.insert(key, value.clone());
                }
            }
        }
        Value::Sequence(others) => others.iter().for_each(|other| merge(mapping, other)),
        _ => {}
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let core = tag
        .filter(|tag| tag.is_yaml_core_schema())
        .map(|tag| tag.suffix.as_str());
    match (core, tag.is_some()) {
        (Some("bool" | "int" | "float" | "null"), _) => resolve(text),
        (None, false) if style == ScalarStyle::Plain => resolve(text),
        _ => Value::String(text.to_owned()),
    }
}

/// What a plain scalar is to yaml.v2.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return Value::String(text.to_owned());
    }
    // Timestamps stay text where the type is open; sexagesimal numbers of YAML 1.1 are not resolved.
    let plain = text.replace('_', "");
    if let Some(number) = integer(&plain) {
        return Value::Integer(number);
    }
    if is_float(&plain)
        && let Ok(number) = plain.parse()
    {
        return Value::Float(number);
    }
    Value::String(text.to_owned())
}

/// Go's `strconv.ParseInt(text, 0, 64)` and `ParseUint`: a prefix says the base, a leading zero is octal.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match (lower.get(..2), lower.strip_prefix('0')) {
        (Some("0x"), _) => (16, &lower[2..]),
        (Some("0b"), _) => (2, &lower[2..]),
        (Some("0o"), _) => (8, &lower[2..]),
        (_, Some(octal)) if !octal.is_empty() => (8, octal),
        _ => (10, lower.as_str()),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let number = i128::from(u64::from_str_radix(digits, base).ok()?);
    let number = if negative { -number } else { number };
    (number >= i128::from(i64::MIN)).then_some(number)
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    is_mantissa && exponent.is_none_or(|text| digits(text.strip_prefix(['-', '+']).unwrap_or(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Pairs from the decoding tests of gopkg.in/yaml.v2 (decode_test.go) and from its resolve table.
    #[test]
    fn plain_scalars_are_what_the_cli_takes_them_for() {
        for (text, expected) in [
            ("yes", Value::Bool(true)),
            ("No", Value::Bool(false)),
            ("off", Value::Bool(false)),
            ("ON", Value::Bool(true)),
            ("y", Value::Bool(true)),
            ("true", Value::Bool(true)),
            ("yEs", "yEs".into()),
            ("~", Value::Null),
            ("", Value::Null),
            ("10", Value::Integer(10)),
            ("-10", Value::Integer(-10)),
            ("0b1010", Value::Integer(10)),
            ("0xA", Value::Integer(10)),
            ("012", Value::Integer(10)),
            ("08", Value::Float(8.0)),
            ("685_230", Value::Integer(685_230)),
            ("18446744073709551615", Value::Integer(u64::MAX.into())),
            ("18446744073709551616", Value::Float(18_446_744_073_709_551_616.0)),
            ("1.10", Value::Float(1.1)),
            ("6.8523015e+5", Value::Float(685_230.15)),
            (".5", Value::Float(0.5)),
            ("1.", Value::Float(1.0)),
            ("1.2.3", "1.2.3".into()),
            ("12:30", "12:30".into()),
            ("2026-11-25", "2026-11-25".into()),
            ("-", "-".into()),
            ("+", "+".into()),
            ("0x", "0x".into()),
            ("0x-1", "0x-1".into()),
            ("$HOME", "$HOME".into()),
        ] {
            assert_eq!(resolve(text), expected, "{text}");
        }
    }

    #[test]
    fn quotes_block_scalars_and_tags_keep_text() {
        let document = "a: 'yes'\nb: \"no\"\nc: |-\n  on\nd: !!str 012\ne: yes\nyes: key\n";
        let value = read(document).unwrap();
        let texts: Vec<_> = value.as_mapping().unwrap().iter().collect();
        assert_eq!(
            texts,
            [
                ("a", &"yes".into()),
                ("b", &"no".into()),
                ("c", &"on".into()),
                ("d", &"012".into()),
                ("e", &Value::Bool(true)),
                ("yes", &"key".into()),
            ]
        );
    }

    #[test]
    fn anchors_and_merges_are_followed() {
        let document = "base: &base {a: 1, b: 2}\nother:\n  <<: *base\n  b: 3\nlist: [*base]\n";
        let value = read(document).unwrap();
        assert_eq!(value.get("other").unwrap().get("a"), Some(&Value::Integer(1)));
        assert_eq!(value.get("other").unwrap().get("b"), Some(&Value::Integer(3)));
        assert_eq!(
            value.get("list").unwrap().items()[0].get("b"),
            Some(&Value::Integer(2))
        );
    }

    #[test]
    fn hostile_documents_are_refused() {
        let deep = "[".repeat(5_000);
        assert!(read(&deep).is_err());
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let items = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert!(matches!(read(&bomb), Err(ReadError::TooLarge)));
        assert!(read("a: *b").is_err());
        assert!(read("a: 'b").is_err());
        assert_eq!(read("").unwrap(), Value::Null);
    }
}
