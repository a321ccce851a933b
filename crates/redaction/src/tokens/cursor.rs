//! A place in a text, and what can be read from there.

use std::ops::Range;

/// A set of bytes. Those outside ASCII are in none of the sets of this crate but the ones that exclude.
pub(super) type Class = fn(u8) -> bool;

/// A place in a text. Reading returns the place behind what was read, or `None` where something else stands.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The place before the byte number `at`, which is at most the text's length.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(super) fn at(self) -> usize {
        self.at
    }

    pub(super) fn rest(self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// What stands between here and a later place.
    pub(super) fn until(self, end: Self) -> &'a [u8] {
        &self.bytes[self.at..end.at]
    }

    /// The range from here to a later place.
    pub(super) fn range_to(self, end: Self) -> Range<usize> {
        self.at..end.at
    }

    pub(super) fn forward(self, count: usize) -> Self {
        Self {
            at: self.at + count,
            ..self
        }
    }

    pub(super) fn back(self, count: usize) -> Self {
        Self {
            at: self.at - count,
            ..self
        }
    }

    /// This place, unless it is inside a word.
    pub(super) fn word_start(self) -> Option<Self> {
        let before = self.at.checked_sub(1).map(|before| self.bytes[before]);
        let is_inside = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        (!is_inside).then_some(self)
    }

    pub(super) fn text(self, text: &str) -> Option<Self> {
        self.rest()
            .starts_with(text.as_bytes())
            .then(|| self.forward(text.len()))
    }

    /// Reads `word` in upper or lower case.
    pub(super) fn word(self, word: &str) -> Option<Self> {
        let found = self.rest().get(..word.len())?;
        found
            .eq_ignore_ascii_case(word.as_bytes())
            .then(|| self.forward(word.len()))
    }

    /// Reads one byte of `class`, if there is one.
    pub(super) fn optional(self, class: Class) -> Self {
        match self.rest() {
            [byte, ..] if class(*byte) => self.forward(1),
            _ => self,
        }
    }

    /// Reads all bytes of `class` that follow.
    pub(super) fn skip(self, class: Class) -> Self {
        let rest = self.rest();
        let count = rest.iter().position(|byte| !class(*byte));
        self.forward(count.unwrap_or(rest.len()))
    }

    /// Reads all bytes of `class` that follow, at least this many.
    pub(super) fn run(self, class: Class, at_least: usize) -> Option<Self> {
        let end = self.skip(class);
        (end.at - self.at >= at_least).then_some(end)
    }

    /// Reads exactly this many bytes of `class`; more of them may follow.
    pub(super) fn exactly(self, class: Class, count: usize) -> Option<Self> {
        let found = self.rest().get(..count)?;
        found.iter().all(|byte| class(*byte)).then(|| self.forward(count))
    }
}
