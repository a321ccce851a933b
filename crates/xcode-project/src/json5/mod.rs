//! A lossless view of a JSON5 text: every value, key and comma knows its bytes.
//!
//! The text itself is the source of truth, so comments, order, spacing, spelling and trailing commas are kept: an
//! unedited document prints as it was, to the byte. The grammar is
//! that of json5.org, version 1.0.0.

mod edit;
mod parser;
mod string;

use std::borrow::Cow;
use std::ops::Range;

use crate::pbxproj::{LARGEST, SyntaxError};

pub(crate) use edit::{Layout, ObjectEdit};

/// The nesting at which Foundation's JSON reader, which Xcode uses, gives up (swift-foundation, `JSONScanner.swift`).
pub const DEEPEST: usize = 512;

/// A JSON5 text with its values.
#[derive(Debug, Clone)]
pub struct Document {
    text: String,
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
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number; may be infinite or not a number.
    Number(f64),
    /// A string, without quotes and escapes.
    Text(String),
    /// An array.
    Array(Vec<Element>),
    /// An object, in the text's order; a key may stand in it more than once.
    Object(Vec<Member>),
}

/// An element of an array.
#[derive(Debug, Clone)]
pub struct Element {
    /// The value.
    pub node: Node,
    /// Where the comma after it stands.
    pub comma: Option<usize>,
}

/// A key with its value.
#[derive(Debug, Clone)]
pub struct Member {
    /// The key, without quotes and escapes.
    pub key: Cow<'static, str>,
    /// The bytes of the key.
    pub key_span: Range<usize>,
    /// The value.
    pub node: Node,
    /// Where the comma after it stands.
    pub comma: Option<usize>,
}

impl Document {
    /// Reads a JSON5 text.
    ///
    /// # Errors
    /// With line, column and what was expected: when it is not JSON5, is larger than 256 MiB, or is nested deeper than
    /// [`DEEPEST`].
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        if text.len() > LARGEST {
            return Err(SyntaxError::at(text, 0, "expected a file of at most 256 MiB"));
        }
        let root = parser::parse(text).map_err(|(at, expected)| SyntaxError::at(text, at, &expected))?;
        Ok(Self {
            text: text.to_owned(),
            root,
        })
    }

    /// The outermost value.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The text, to the byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text with some values replaced, which must not overlap.
    pub(crate) fn replaced(&self, mut edits: Vec<(Range<usize>, String)>) -> String {
        edits.sort_by_key(|(span, _)| span.start);
        let mut out = String::with_capacity(self.text.len() + 1024);
        let mut copied = 0;
        for (span, text) in edits {
            out.push_str(&self.text[copied..span.start]);
            out.push_str(&text);
            copied = span.end;
        }
        out.push_str(&self.text[copied..]);
        out
    }
}

impl Node {
    /// The members of an object; none for other values.
    pub fn members(&self) -> &[Member] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The elements of an array; none for other values.
    pub fn elements(&self) -> &[Element] {
        match &self.value {
            Value::Array(elements) => elements,
            _ => &[],
        }
    }

    /// The value under a key of an object: the first one, as Foundation's decoder keeps it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let mut members = self.members().iter();
        members
            .find(|member| member.key == key)
            .map(|member| &member.node)
    }

    /// A string's text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text under a key of an object.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Self::as_text)
    }
}
