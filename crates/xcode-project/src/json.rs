//! The JSON form of a property list, which `plutil -convert json` writes.

use std::ops::Range;

use crate::pbxproj::{Entry, Node, Value};

/// Deeper nesting than any real project has.
const DEEPEST: usize = 64;

/// Whether the text is JSON: an object whose first key is followed by a colon, where OpenStep has `=`.
pub(crate) fn is_json(text: &str) -> bool {
    let mut reader = Reader::new(text);
    reader.skip();
    if !reader.eat('{') {
        return false;
    }
    reader.skip();
    if reader.string().is_err() {
        return false;
    }
    reader.skip();
    reader.eat(':')
}

/// Reads JSON; an error is a byte offset and what was expected there.
pub(crate) fn parse(text: &str) -> Result<Node, (usize, String)> {
    let mut reader = Reader::new(text);
    let root = reader.value(0)?;
    reader.skip();
    if reader.at == text.len() {
        Ok(root)
    } else {
        Err((reader.at, "expected the end of the file".to_owned()))
    }
}

/// A string as JSON writes it.
pub(crate) fn written(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

type Outcome<T> = Result<T, (usize, String)>;

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let at = if text.starts_with('\u{feff}') {
            '\u{feff}'.len_utf8()
        } else {
            0
        };
        Self { text, at }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn eat(&mut self, c: char) -> bool {
        let there = self.rest().starts_with(c);
        if there {
            self.at += c.len_utf8();
        }
        there
    }

    fn expected<T>(&self, what: &str) -> Outcome<T> {
        Err((self.at, format!("expected {what}")))
    }

    fn value(&mut self, depth: usize) -> Outcome<Node> {
        if depth > DEEPEST {
            return self.expected("less nesting");
        }
        self.skip();
        let start = self.at;
        let value = match self.rest().chars().next() {
            Some('{') => self.object(depth)?,
            Some('[') => self.array(depth)?,
            Some('"') => Value::Text(self.string()?.0),
            Some(c) if c.is_ascii_alphanumeric() || c == '-' => {
                let rest = self.rest();
                let end = rest
                    .find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)))
                    .unwrap_or(rest.len());
                self.at += end;
                Value::Text(rest[..end].to_owned())
            }
            _ => return self.expected("a value"),
        };
        Ok(Node {
            span: start..self.at,
            value,
        })
    }

    fn object(&mut self, depth: usize) -> Outcome<Value> {
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            self.skip();
            if self.eat('}') {
                return Ok(Value::Dictionary(entries));
            }
            if !entries.is_empty() {
                if !self.eat(',') {
                    return self.expected("`,` or `}`");
                }
                self.skip();
            }
            let (key, span) = self.string()?;
            self.skip();
            if !self.eat(':') {
                return self.expected("`:`");
            }
            let value = self.value(depth + 1)?;
            entries.push(Entry {
                key,
                span: span.start..self.at,
                value,
            });
        }
    }

    fn array(&mut self, depth: usize) -> Outcome<Value> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip();
            if self.eat(']') {
                return Ok(Value::Array(items));
            }
            if !items.is_empty() && !self.eat(',') {
                return self.expected("`,` or `]`");
            }
            items.push(self.value(depth + 1)?);
        }
    }

    fn string(&mut self) -> Outcome<(String, Range<usize>)> {
        let start = self.at;
        if !self.eat('"') {
            return self.expected("a string in quotes");
        }
        let bytes = self.text.as_bytes();
        let mut end = self.at;
        while bytes.get(end).is_some_and(|byte| *byte != b'"') {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        if end >= bytes.len() {
            return self.expected("the end of the string");
        }
        self.at = end + 1;
        // The library knows every escape, surrogates included.
        match serde_json::from_str(&self.text[start..self.at]) {
            Ok(text) => Ok((text, start..self.at)),
            Err(_) => Err((start, "expected a string without bad escapes".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_from_the_other_forms() {
        assert!(is_json("{\"archiveVersion\" : \"1\"}") && is_json("\u{feff}{\n\"a\":{}}"));
        assert!(!is_json("{\"archiveVersion\" = 1;}") && !is_json("// !$*UTF8*$!\n{}") && !is_json(""));
    }

    #[test]
    fn values_know_their_bytes() {
        let text = r#"{"a": ["x", 12], "b": {"c\n": "é\u00e9"}}"#;
        let root = parse(text).unwrap();
        assert_eq!(&text[root.get("a").unwrap().span.clone()], r#"["x", 12]"#);
        assert_eq!(root.get("b").unwrap().text("c\n"), Some("éé"));
        for bad in ["{", "{\"a\"", "{\"a\":}", "[1 2]", "\"\\x\"", "{} x", "\"\\"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
