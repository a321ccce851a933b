//! A lossless view of `project.pbxproj`: a property list, in OpenStep or XML form, whose every value knows
//! its bytes.
//!
//! The text itself is the source of truth. Reading finds where values are; editing replaces those bytes and
//! no others, so an unedited document prints as it was, to the byte.

use std::ops::Range;

use crate::{json, xml};

/// Deeper nesting than any real project has.
const DEEPEST: usize = 64;

/// A larger file than any real project has.
pub(crate) const LARGEST: usize = 256 << 20;

/// The forms that a property list is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `{ key = value; }`, which Xcode writes.
    OpenStep,
    /// XML, which older tools write.
    Xml,
    /// JSON, which converters write.
    Json,
    /// JSON5 in `project.xcproj`, which is no property list and has its own schema (Xcode 27.2).
    Xcproj,
}

/// A property list with the text that it was read from.
#[derive(Debug, Clone)]
pub struct Document {
    text: String,
    format: Format,
    root: Node,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// The bytes of the value.
    pub span: Range<usize>,
    /// The value.
    pub value: Value,
}

/// A value.
#[derive(Debug, Clone)]
pub enum Value {
    /// A string, unquoted and unescaped.
    Text(String),
    /// Binary data, `<0a 0b>`.
    Data(Vec<u8>),
    /// A list.
    Array(Vec<Node>),
    /// A dictionary, in the file's order.
    Dictionary(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key, unquoted and unescaped.
    pub key: String,
    /// The bytes from the key to the semicolon.
    pub span: Range<usize>,
    /// The value.
    pub value: Node,
}

/// Why a text is no property list, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {expected}\n{source_line}\n{}^", " ".repeat(*caret))]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What was expected.
    pub expected: String,
    /// The line, or what of a long one stands around the column.
    source_line: String,
    /// Where in that the column is, in characters.
    caret: usize,
}

/// Where the excerpt of a long line begins, in characters before the column that is shown.
const BEFORE_COLUMN: usize = 80;

/// The longest excerpt of a line, in characters.
const EXCERPT: usize = 160;

impl SyntaxError {
    /// What is wrong at a byte of a text.
    pub(crate) fn at(text: &str, at: usize, what: &str) -> Self {
        let before = &text[..at];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let is_conflict = ["<<<<<<<", "=======", ">>>>>>>"]
            .iter()
            .any(|marker| text[start..].starts_with(marker));
        let column = text[start..at].chars().count() + 1;
        let skipped = if column > EXCERPT {
            column - BEFORE_COLUMN
        } else {
            0
        };
        Self {
            line: before.matches('\n').count() + 1,
            column,
            expected: if is_conflict {
                "this is the mark of a merge conflict: resolve it first".to_owned()
            } else {
                what.to_owned()
            },
            source_line: text[start..]
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .skip(skipped)
                .take(EXCERPT)
                .collect(),
            caret: column - 1 - skipped,
        }
    }
}

impl Node {
    /// The entries of a dictionary; none for other values.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Dictionary(entries) => entries,
            _ => &[],
        }
    }

    /// The items of an array; none for other values.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::Array(items) => items,
            _ => &[],
        }
    }

    /// The value under a key of a dictionary.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// A string's text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text under a key of a dictionary.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Self::as_text)
    }
}

impl Document {
    /// Reads a property list in OpenStep, XML or JSON form.
    ///
    /// # Errors
    /// With line, column and what was expected.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut parser = Parser { text, at: 0 };
        if text.len() > LARGEST {
            return Err(parser.expected("a file of at most 256 MiB"));
        }
        let other = if is_xml(text) {
            Some((Format::Xml, xml::parse(text)))
        } else if json::is_json(text) {
            Some((Format::Json, json::parse(text)))
        } else {
            None
        };
        if let Some((format, parsed)) = other {
            let root = parsed.map_err(|(at, expected)| {
                parser.at = at;
                SyntaxError {
                    expected,
                    ..parser.expected("")
                }
            })?;
            return Ok(Self {
                text: text.to_owned(),
                format,
                root,
            });
        }
        if text.starts_with('\u{feff}') {
            parser.at = '\u{feff}'.len_utf8();
        }
        let root = parser.node(0)?;
        parser.skip()?;
        if parser.at != text.len() {
            return Err(parser.expected("the end of the file"));
        }
        Ok(Self {
            text: text.to_owned(),
            format: Format::OpenStep,
            root,
        })
    }

    /// The form that it is written in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The outermost value.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The text, to the byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A string in the document's form.
    pub(crate) fn literal(&self, text: &str) -> String {
        match self.format {
            Format::OpenStep => written(text),
            Format::Xml => xml::written(text),
            Format::Json | Format::Xcproj => json::written(text),
        }
    }

    /// A key with its value in the document's form; `lead` is the white space before a separate line.
    pub(crate) fn assignment(&self, key: &str, value: &str, lead: &str) -> String {
        match self.format {
            Format::OpenStep => format!("{} = {};", written(key), written(value)),
            Format::Xml => format!("{}{lead}{}", xml::written_key(key), xml::written(value)),
            Format::Json | Format::Xcproj => format!("{}: {}", json::written(key), json::written(value)),
        }
    }

    /// A key with a dictionary in the document's form: `inside` is its entries, `lead` the white space before a line.
    pub(crate) fn dictionary(&self, key: &str, inside: &str, lead: &str) -> String {
        match self.format {
            Format::OpenStep => format!("{} = {{{inside}{lead}}};", written(key)),
            Format::Xml => format!("{}{lead}<dict>{inside}{lead}</dict>", xml::written_key(key)),
            Format::Json | Format::Xcproj => format!("{}: {{{inside}{lead}}}", json::written(key)),
        }
    }

    /// What stands between two entries of a dictionary, where the entries themselves do not end in it.
    pub(crate) fn separator(&self) -> &'static str {
        match self.format {
            Format::OpenStep | Format::Xml => "",
            Format::Json | Format::Xcproj => ",",
        }
    }

    /// The text with some bytes replaced. Replacements must not overlap.
    pub(crate) fn replaced(&self, mut edits: Vec<(Range<usize>, String)>) -> String {
        edits.sort_by_key(|(range, _)| range.start);
        let mut out = String::with_capacity(self.text.len() + 1024);
        let mut copied = 0;
        for (range, text) in edits {
            out.push_str(&self.text[copied..range.start]);
            out.push_str(&text);
            copied = range.end;
        }
        out.push_str(&self.text[copied..]);
        out
    }
}

fn is_xml(text: &str) -> bool {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    start.starts_with("<?xml") || start.starts_with("<!DOCTYPE") || start.starts_with("<plist")
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn expected(&self, what: &str) -> SyntaxError {
        SyntaxError::at(self.text, self.at, &format!("expected {what}"))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips white space and comments. Every other token is a comment, so this counts bytes by hand.
    fn skip(&mut self) -> Result<(), SyntaxError> {
        let bytes = self.text.as_bytes();
        loop {
            match (bytes.get(self.at), bytes.get(self.at + 1)) {
                (Some(b' ' | b'\t' | b'\n' | b'\r'), _) => self.at += 1,
                (Some(b'/'), Some(b'/')) => {
                    let line = bytes[self.at..]
                        .iter()
                        .position(|byte| matches!(byte, b'\n' | b'\r'));
                    self.at = line.map_or(bytes.len(), |length| self.at + length);
                }
                (Some(b'/'), Some(b'*')) => {
                    let Some(end) = bytes[self.at + 2..].windows(2).position(|pair| pair == b"*/") else {
                        return Err(self.expected("the end of this comment"));
                    };
                    self.at += end + 4;
                }
                // Rare kinds of white space.
                (Some(byte), _) if !byte.is_ascii_graphic() => match self.text[self.at..].chars().next() {
                    Some(space) if space.is_whitespace() => self.at += space.len_utf8(),
                    _ => return Ok(()),
                },
                _ => return Ok(()),
            }
        }
    }

    fn node(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        if depth > DEEPEST {
            return Err(self.expected("less nesting"));
        }
        self.skip()?;
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.dictionary(depth)?,
            Some(b'(') => self.array(depth)?,
            Some(b'<') => self.data()?,
            _ => Value::Text(self.string("a value")?),
        };
        Ok(Node {
            span: start..self.at,
            value,
        })
    }

    fn dictionary(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            self.skip()?;
            if self.peek() == Some(b'}') {
                self.at += 1;
                return Ok(Value::Dictionary(entries));
            }
            let start = self.at;
            let key = self.string("a key or `}`")?;
            self.skip()?;
            self.eat(b'=', "`=`")?;
            let value = self.node(depth + 1)?;
            self.skip()?;
            self.eat(b';', "`;`")?;
            entries.push(Entry {
                key,
                span: start..self.at,
                value,
            });
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip()?;
            if self.peek() == Some(b')') {
                self.at += 1;
                return Ok(Value::Array(items));
            }
            items.push(self.node(depth + 1)?);
            self.skip()?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b')') => {}
                _ => return Err(self.expected("`,` or `)`")),
            }
        }
    }

    fn eat(&mut self, byte: u8, what: &str) -> Result<(), SyntaxError> {
        if self.peek() != Some(byte) {
            return Err(self.expected(what));
        }
        self.at += 1;
        Ok(())
    }

    fn data(&mut self) -> Result<Value, SyntaxError> {
        self.at += 1;
        let mut digits = Vec::new();
        loop {
            match self.peek() {
                Some(b'>') => break,
                Some(byte) if byte.is_ascii_whitespace() => {}
                Some(byte) => match char::from(byte).to_digit(16) {
                    Some(digit) => digits.push(digit as u8),
                    None => return Err(self.expected("a hexadecimal digit or `>`")),
                },
                None => return Err(self.expected("`>`")),
            }
            self.at += 1;
        }
        if digits.len() % 2 != 0 {
            return Err(self.expected("an even number of hexadecimal digits"));
        }
        self.at += 1;
        Ok(Value::Data(
            digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect(),
        ))
    }

    fn string(&mut self, what: &str) -> Result<String, SyntaxError> {
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote),
            Some(byte) if is_bare(byte) => {
                let rest = &self.text.as_bytes()[self.at..];
                let mut length = 0;
                while let Some(&byte) = rest.get(length).filter(|byte| is_bare(**byte)) {
                    // A bare string may hold slashes, and yet a comment may follow it.
                    if byte == b'/'
                        && match rest.get(length + 1) {
                            Some(b'*') => true,
                            Some(b'/') => length > 0 && rest[length - 1] != b':',
                            _ => false,
                        }
                    {
                        break;
                    }
                    length += 1;
                }
                let text = self.text[self.at..self.at + length].to_owned();
                self.at += length;
                Ok(text)
            }
            _ => Err(self.expected(what)),
        }
    }

    fn quoted(&mut self, quote: u8) -> Result<String, SyntaxError> {
        let open = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(length) = rest.bytes().position(|byte| byte == quote || byte == b'\\') else {
                self.at = open;
                return Err(self.expected("the end of this string"));
            };
            out.push_str(&rest[..length]);
            self.at += length + 1;
            if rest.as_bytes()[length] == quote {
                return Ok(out);
            }
            self.escape(&mut out);
        }
    }

    fn escape(&mut self, out: &mut String) {
        let rest = &self.text[self.at..];
        let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
        let octal: String = rest
            .chars()
            .take(3)
            .take_while(|c| ('0'..='7').contains(c))
            .collect();
        if !octal.is_empty() {
            self.at += octal.len();
            // Octal escapes are NextStep's encoding; only its ASCII half occurs in practice.
            out.push(number(&octal, 8).and_then(char::from_u32).unwrap_or('\u{fffd}'));
            return;
        }
        let Some(c) = rest.chars().next() else { return };
        self.at += c.len_utf8();
        match c {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'v' => out.push('\u{b}'),
            'U' | 'u' => {
                let digits: String = self.text[self.at..]
                    .chars()
                    .take(4)
                    .take_while(char::is_ascii_hexdigit)
                    .collect();
                self.at += digits.len();
                out.push(number(&digits, 16).and_then(char::from_u32).unwrap_or('\u{fffd}'));
            }
            other => out.push(other),
        }
    }
}

/// Bytes of strings that need no quotes. Other tools than Xcode leave more bare than Xcode does.
fn is_bare(byte: u8) -> bool {
    const BARE: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = matches!(
                byte as u8,
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | 0x80..
                    | b'_' | b'$' | b'/' | b':' | b'.' | b'-' | b'+' | b'@' | b'%' | b'#'
                    | b'~' | b'!' | b'?' | b'&' | b'^' | b'|' | b'\\' | b'*' | b'[' | b']'
            );
            byte += 1;
        }
        table
    };
    BARE[usize::from(byte)]
}

/// A string as Xcode writes it: quoted where it must be.
pub(crate) fn written(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_$/:.".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) && !text.contains("//") && !text.contains("___") {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_of_value_is_read() {
        let text = "// !$*UTF8*$!\r\n{ a = b; \"c d\" = \"e\\\"\\U00e9\\n\"; f = (1, 'two', ); g = <0a 0B>; h /* x */ = { }; }\n";
        let document = Document::parse(text).unwrap();
        let root = document.root();
        assert_eq!(root.text("a"), Some("b"));
        assert_eq!(root.text("c d"), Some("e\"é\n"));
        assert_eq!(root.get("f").unwrap().items()[1].as_text(), Some("two"));
        assert!(matches!(&root.get("g").unwrap().value, Value::Data(data) if data == &[10, 11]));
        assert_eq!(document.text(), text);
    }

    #[test]
    fn an_error_says_where_and_what() {
        let error = Document::parse("{\n\ta = b\n\tc = d;\n}").unwrap_err();
        assert_eq!(
            (error.line, error.column, error.expected.as_str()),
            (3, 2, "expected `;`")
        );
    }

    #[test]
    fn merge_conflicts_and_deep_nesting_are_refused() {
        assert!(Document::parse("{ a = b;\n<<<<<<< HEAD\n}").is_err());
        assert!(Document::parse(&"(".repeat(1000)).is_err());
    }

    proptest! {
        #[test]
        fn no_input_panics(text in ".{0,200}") {
            let _ = Document::parse(&text);
        }

        #[test]
        fn what_is_written_is_read_back(text in "[^\\r\\u{0}]{0,40}") {
            let list = format!("{{ key = {}; }}", written(&text));
            let document = Document::parse(&list).unwrap();
            prop_assert_eq!(document.root().text("key"), Some(text.as_str()));
        }
    }
}
