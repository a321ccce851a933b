//! References in settings: `$(NAME)`, `${NAME:operator}`, `$[NAME]` and `$NAME`.
//!
//! The rules are those of swift-build's `MacroExpressionParsing.swift` and `MacroEvaluationScope.swift`.

use crate::operators;
use crate::settings::{Position, Settings};

/// Longer chains of references than any real project has.
const DEEPEST: usize = 32;

/// More references than any real value has, followed to their ends.
const MOST_REFERENCES: usize = 10_000;

/// Larger than any setting that this crate is asked for.
const LONGEST: usize = 64 * 1024;

/// One expansion, with its limits: a setting of a hostile file may refer to others without end.
pub(crate) struct Expansion<'a> {
    settings: &'a Settings,
    /// The settings that are being evaluated, outermost first, each with the assignment that is looked at.
    frames: Vec<(String, Option<Position>)>,
    /// The names that are defined nowhere.
    pub(crate) missing: Vec<String>,
    /// The names that were looked up.
    pub(crate) used: Vec<String>,
    references: usize,
    /// How deeply names are nested in names here.
    nesting: usize,
}

impl<'a> Expansion<'a> {
    pub(crate) fn of(settings: &'a Settings) -> Self {
        Self {
            settings,
            frames: Vec::new(),
            missing: Vec::new(),
            used: Vec::new(),
            references: 0,
            nesting: 0,
        }
    }

    /// The value of a setting's assignment at `position`.
    pub(crate) fn assignment(&mut self, setting: &str, position: Position) -> String {
        let (raw, is_final) = self.settings.assigned(position);
        if is_final {
            return raw.to_owned();
        }
        self.frames.push((setting.to_owned(), Some(position)));
        let value = self.text(raw);
        self.frames.pop();
        value
    }

    /// A text with its references replaced.
    pub(crate) fn text(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut at = 0;
        self.part(text, &mut at, &[], &mut out);
        out
    }

    /// Reads on until one of `ends`, which is not consumed, or the end of the text.
    fn part(&mut self, text: &str, at: &mut usize, ends: &[u8], out: &mut String) {
        let bytes = text.as_bytes();
        while let Some(byte) = bytes.get(*at) {
            if ends.contains(byte) {
                return;
            }
            if *byte != b'$' {
                let rest = &text[*at..];
                let end = rest
                    .bytes()
                    .position(|byte| byte == b'$' || ends.contains(&byte))
                    .unwrap_or(rest.len());
                out.push_str(&rest[..end]);
                *at += end;
                continue;
            }
            *at += 1;
            match bytes.get(*at) {
                Some(b'$') => {
                    out.push('$');
                    *at += 1;
                }
                Some(b'(') => self.braced(text, at, b')', out),
                Some(b'{') => self.braced(text, at, b'}', out),
                Some(b'[') => self.braced(text, at, b']', out),
                Some(first) if first.is_ascii_alphabetic() || *first == b'_' => {
                    let rest = &text[*at..];
                    let end = rest
                        .bytes()
                        .position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_' && byte != b'.')
                        .unwrap_or(rest.len());
                    let name = &rest[..end];
                    *at += end;
                    match self.referenced(name) {
                        Some(value) => out.push_str(&value),
                        None => {
                            // Without brackets, what is not defined stays as it is.
                            self.missing.push(name.to_owned());
                            out.push('$');
                            out.push_str(name);
                        }
                    }
                }
                _ => out.push('$'),
            }
            if self.is_exhausted(out.len()) {
                *at = bytes.len();
            }
        }
    }

    /// `(NAME:operator:operator=operand)`, from its opening bracket on.
    fn braced(&mut self, text: &str, at: &mut usize, close: u8, out: &mut String) {
        let bytes = text.as_bytes();
        *at += 1;
        // Names in names come here before any limit on references is looked at.
        if self.nesting > DEEPEST {
            self.missing.push(text[*at..].chars().take(64).collect());
            *at = bytes.len();
            return;
        }
        self.nesting += 1;
        self.inside(text, at, close, out);
        self.nesting -= 1;
    }

    fn inside(&mut self, text: &str, at: &mut usize, close: u8, out: &mut String) {
        let bytes = text.as_bytes();
        let mut name = String::new();
        self.part(text, at, &[close, b':'], &mut name);
        let before = self.missing.len();
        let mut value = self.referenced(&name);
        let is_undefined = value.is_none();
        if is_undefined && !name.is_empty() {
            self.missing.push(name);
        }
        while bytes.get(*at) == Some(&b':') {
            *at += 1;
            let rest = &text[*at..];
            let end = rest
                .bytes()
                .position(|byte| !byte.is_ascii_alphanumeric() && !b"-+._".contains(&byte))
                .unwrap_or(rest.len());
            let operator = &rest[..end];
            *at += end;
            if bytes.get(*at) == Some(&b'=') {
                *at += 1;
                let known = self.missing.len();
                let mut operand = String::new();
                self.part(text, at, &[close, b':'], &mut operand);
                let current = value.take().unwrap_or_default();
                if operator == "default" {
                    if current.is_empty() {
                        // The default stands in for what is not defined.
                        if is_undefined {
                            self.missing.drain(before..known);
                        }
                    } else {
                        self.missing.truncate(known);
                    }
                }
                value = Some(operators::replace(operator, &operand, current));
            } else {
                value = value.map(|value| operators::apply(operator, value));
            }
            // Something else than an operator: it is passed over, up to the next one.
            let mut junk = String::new();
            self.part(text, at, &[close, b':'], &mut junk);
        }
        if bytes.get(*at) == Some(&close) {
            *at += 1;
        }
        out.push_str(&value.unwrap_or_default());
    }

    /// The value of a name; `None` for one that is defined nowhere.
    fn referenced(&mut self, name: &str) -> Option<String> {
        self.references += 1;
        if name.is_empty() {
            return Some(String::new());
        }
        let own = match (name, self.frames.last()) {
            ("inherited" | "value", Some((setting, _))) => setting.clone(),
            ("inherited" | "value", None) => return Some(String::new()),
            _ => name.to_owned(),
        };
        if self.frames.len() > DEEPEST || self.is_exhausted(0) {
            return None;
        }
        // A setting that is being evaluated means its next lower value, however the reference gets back to it.
        let frame = self.frames.iter().rfind(|(setting, _)| *setting == own);
        let is_own = frame.is_some();
        let below = frame.map(|(_, position)| *position);
        if !is_own {
            self.used.push(own.clone());
        }
        let found = match below {
            Some(None) => None,
            Some(Some(position)) => self.settings.find(&own, Some(position)),
            None => self.settings.find(&own, None),
        };
        match found {
            Some(position) => Some(self.assignment(&own, position)),
            // Nothing is inherited where nothing is set below.
            None if is_own => Some(String::new()),
            None => None,
        }
    }

    fn is_exhausted(&mut self, length: usize) -> bool {
        let is_exhausted = self.references > MOST_REFERENCES || length > LONGEST;
        if is_exhausted && self.missing.is_empty() {
            let (setting, _) = self.frames.first().cloned().unwrap_or_default();
            self.missing.push(setting);
        }
        is_exhausted
    }
}
