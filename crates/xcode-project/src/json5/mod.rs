//! A lossless view of a JSON5 text: every value, key and comma knows its bytes.
//!
//! The text itself is the source of truth, so comments, order, spacing, spelling and trailing commas are kept. What is
//! written without escapes is borrowed from it, which is nearly all of a project. The grammar is that of json5.org,
//! version 1.0.0.

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
pub struct Document<'a> {
    text: &'a str,
    root: Node<'a>,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    /// The bytes of the value.
    pub span: Range<usize>,
    /// The value.
    pub value: Value<'a>,
}

/// A value.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number; may be infinite or not a number.
    Number(f64),
    /// A string, without quotes and escapes.
    Text(Cow<'a, str>),
    /// An array.
    Array(Vec<Element<'a>>),
    /// An object, in the text's order; a key may stand in it more than once.
    Object(Vec<Member<'a>>),
}

/// An element of an array.
#[derive(Debug, Clone)]
pub struct Element<'a> {
    /// The value.
    pub node: Node<'a>,
    /// Where the comma after it stands.
    pub comma: Option<usize>,
}

/// A key with its value.
#[derive(Debug, Clone)]
pub struct Member<'a> {
    /// The key, without quotes and escapes.
    pub key: Cow<'a, str>,
    /// The bytes of the key.
    pub key_span: Range<usize>,
    /// The value.
    pub node: Node<'a>,
    /// Where the comma after it stands.
    pub comma: Option<usize>,
}

impl<'a> Document<'a> {
    /// Reads a JSON5 text.
    ///
    /// # Errors
    /// With line, column and what was expected: when it is not JSON5, is larger than 256 MiB, or is nested deeper than
    /// [`DEEPEST`].
    pub fn parse(text: &'a str) -> Result<Self, SyntaxError> {
        if text.len() > LARGEST {
            return Err(SyntaxError::at(text, 0, "expected a file of at most 256 MiB"));
        }
        let root = parser::parse(text).map_err(|(at, expected)| SyntaxError::at(text, at, &expected))?;
        Ok(Self { text, root })
    }

    /// The outermost value.
    pub fn root(&self) -> &Node<'a> {
        &self.root
    }

    /// The text, to the byte.
    pub fn text(&self) -> &'a str {
        self.text
    }
}

/// A text with some values replaced, which must not overlap.
pub(crate) fn replaced(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(span, _)| span.start);
    let mut out = String::with_capacity(text.len() + 1024);
    let mut copied = 0;
    for (span, new) in edits {
        out.push_str(&text[copied..span.start]);
        out.push_str(&new);
        copied = span.end;
    }
    out.push_str(&text[copied..]);
    out
}

impl<'a> Node<'a> {
    /// The members of an object; none for other values.
    pub fn members(&self) -> &[Member<'a>] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The elements of an array; none for other values.
    pub fn elements(&self) -> &[Element<'a>] {
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
