//! Deliverfiles and Appfiles that consist of literal calls.
//!
//! Both are Ruby. A call with a literal value, such as `copyright "2026 Example"`, can be read without Ruby; anything
//! else (variables, blocks, method calls, interpolation) is an error here, and fastlane's business.

use serde_json::{Map, Value};

use crate::options::{self, Values};

/// Why a file can't be read without Ruby.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line} needs Ruby: {what}")]
pub struct NeedsRuby {
    /// The line, from 1.
    pub line: usize,
    /// What stands there.
    pub what: String,
}

/// Reads a Deliverfile: the calls whose names are options of deliver. `app_identifier` and the like of an Appfile are
/// read alike; a name that deliver does not know is an error.
///
/// # Errors
/// With the first line that is more than a literal call.
pub fn parse(text: &str) -> Result<Values, NeedsRuby> {
    let mut reader = Reader {
        text: text.trim_start_matches('\u{feff}'),
        at: 0,
    };
    let mut values = Values::new();
    loop {
        reader.skip_space(true);
        if reader.rest().is_empty() {
            return Ok(values);
        }
        let line = reader.line();
        let name = reader.name().ok_or_else(|| reader.needs_ruby())?;
        if options::definition(&name).is_none() && !IGNORED_CALLS.contains(&name.as_str()) {
            return Err(NeedsRuby {
                line,
                what: format!("`{name}` is not an option of deliver"),
            });
        }
        reader.skip_space(false);
        let parenthesized = reader.take('(');
        reader.skip_space(parenthesized);
        let value = if reader.starts_value() {
            reader.value(0)?
        } else {
            return Err(reader.needs_ruby());
        };
        reader.skip_space(parenthesized);
        if parenthesized && !reader.take(')') {
            return Err(reader.needs_ruby());
        }
        reader.skip_space(false);
        if !(reader.rest().is_empty() || reader.rest().starts_with(['\n', '\r', ';'])) {
            return Err(reader.needs_ruby());
        }
        reader.take(';');
        if options::definition(&name).is_some() {
            values.insert(name, value);
        }
    }
}

/// Calls of an Appfile that name accounts and teams, which an API key makes irrelevant.
const IGNORED_CALLS: [&str; 8] = [
    "apple_id",
    "apple_dev_portal_id",
    "itunes_connect_id",
    "itc_team_id",
    "itc_team_name",
    "package_name",
    "json_key_file",
    "apple_id_key",
];

/// Nesting that no file of options has.
const DEEPEST: usize = 16;

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn line(&self) -> usize {
        self.text[..self.at].matches('\n').count() + 1
    }

    fn needs_ruby(&self) -> NeedsRuby {
        let what = self.rest().lines().next().unwrap_or_default().trim();
        NeedsRuby {
            line: self.line(),
            what: format!("`{}`", what.chars().take(60).collect::<String>()),
        }
    }

    /// Skips blanks and comments, and line ends where `lines` says so.
    fn skip_space(&mut self, lines: bool) {
        loop {
            let rest = self.rest();
            if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with([' ', '\t']) || (lines && rest.starts_with(['\n', '\r'])) {
                self.at += 1;
            } else if rest.starts_with("\\\n") {
                self.at += 2;
            } else {
                return;
            }
        }
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    fn name(&mut self) -> Option<String> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        let name = &rest[..end];
        (name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')).then(|| {
            self.at += end;
            name.to_owned()
        })
    }

    fn starts_value(&self) -> bool {
        self.rest()
            .starts_with(|c: char| "\"'{[:-%".contains(c) || c.is_ascii_alphanumeric())
    }

    fn value(&mut self, depth: usize) -> Result<Value, NeedsRuby> {
        if depth > DEEPEST {
            return Err(self.needs_ruby());
        }
        let rest = self.rest();
        match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => self.string(quote).map(Value::String),
            Some('{') => self.hash(depth),
            Some('[') => self.list(depth),
            Some('%') => self.words(),
            Some(':') => {
                self.at += 1;
                let symbol = self.name().ok_or_else(|| self.needs_ruby())?;
                Ok(Value::String(symbol))
            }
            Some(c) if c.is_ascii_digit() || c == '-' => self.number(),
            _ => {
                let error = self.needs_ruby();
                match self.name().as_deref() {
                    Some("true") => Ok(Value::Bool(true)),
                    Some("false") => Ok(Value::Bool(false)),
                    Some("nil") => Ok(Value::Null),
                    _ => Err(error),
                }
            }
        }
    }

    fn number(&mut self) -> Result<Value, NeedsRuby> {
        let rest = self.rest();
        let end = rest
            .char_indices()
            .find(|(i, c)| !(c.is_ascii_digit() || *c == '_' || (*i == 0 && *c == '-')))
            .map_or(rest.len(), |(i, _)| i);
        let number = rest[..end]
            .replace('_', "")
            .parse::<i64>()
            .map_err(|_| self.needs_ruby())?;
        if rest[end..].starts_with('.') {
            return Err(self.needs_ruby());
        }
        self.at += end;
        Ok(number.into())
    }

    fn string(&mut self, quote: char) -> Result<String, NeedsRuby> {
        let error = self.needs_ruby();
        self.at += 1;
        let mut text = String::new();
        loop {
            let mut chars = self.rest().chars();
            let Some(c) = chars.next() else { return Err(error) };
            self.at += c.len_utf8();
            match c {
                _ if c == quote => return Ok(text),
                '#' if quote == '"' && self.rest().starts_with('{') => return Err(error),
                '\\' => {
                    let Some(escaped) = chars.next() else {
                        return Err(error);
                    };
                    self.at += escaped.len_utf8();
                    match (quote, escaped) {
                        ('\'', '\'' | '\\') => text.push(escaped),
                        ('\'', other) => text.extend(['\\', other]),
                        (_, 'n') => text.push('\n'),
                        (_, 't') => text.push('\t'),
                        (_, 'r') => text.push('\r'),
                        (_, '\n') => {}
                        (_, 'u' | 'x' | '0'..='9') => return Err(error),
                        (_, other) => text.push(other),
                    }
                }
                other => text.push(other),
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, NeedsRuby> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_space(true);
            if self.take(']') {
                return Ok(Value::Array(items));
            }
            items.push(self.value(depth + 1)?);
            self.skip_space(true);
            if !self.take(',') && !self.rest().starts_with(']') {
                return Err(self.needs_ruby());
            }
        }
    }

    /// A list of words: `%w[en-US de-DE]`.
    fn words(&mut self) -> Result<Value, NeedsRuby> {
        let rest = self.rest();
        let close = ["%w[", "%w(", "%w{", "%w<"]
            .iter()
            .zip([']', ')', '}', '>'])
            .find(|(open, _)| rest.starts_with(**open))
            .map(|(_, close)| close);
        let Some((close, end)) = close.and_then(|close| Some((close, rest.find(close)?))) else {
            return Err(self.needs_ruby());
        };
        let inner = &rest[3..end];
        if inner.contains(['\\', '[', '(', '{', '<']) {
            return Err(self.needs_ruby());
        }
        self.at += end + close.len_utf8();
        Ok(inner.split_whitespace().collect::<Vec<_>>().into())
    }

    fn hash(&mut self, depth: usize) -> Result<Value, NeedsRuby> {
        self.at += 1;
        let mut object = Map::new();
        loop {
            self.skip_space(true);
            if self.take('}') {
                return Ok(Value::Object(object));
            }
            let key = self.key(depth)?;
            self.skip_space(true);
            object.insert(key, self.value(depth + 1)?);
            self.skip_space(true);
            if !self.take(',') && !self.rest().starts_with('}') {
                return Err(self.needs_ruby());
            }
        }
    }

    /// A key with its separator: `"de-DE" =>`, `:notes =>`, `'de-DE':` or `notes:`.
    fn key(&mut self, depth: usize) -> Result<String, NeedsRuby> {
        if self
            .rest()
            .starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        {
            let name = self.name().ok_or_else(|| self.needs_ruby())?;
            return if self.take(':') {
                Ok(name)
            } else {
                Err(self.needs_ruby())
            };
        }
        let Value::String(key) = self.value(depth + 1)? else {
            return Err(self.needs_ruby());
        };
        if self.take(':') {
            return Ok(key);
        }
        self.skip_space(true);
        if self.take('=') && self.take('>') {
            Ok(key)
        } else {
            Err(self.needs_ruby())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn literal_calls_are_read() {
        let values = parse(
            "# The app\napp_identifier \"com.example.app\" # bundle ID\nforce(true)\nphased_release false\n\
             submission_information({\n  add_id_info_uses_idfa: false,\n  \"export_compliance_uses_encryption\" => false, # none\n})\n\
             release_notes({ 'en-US' => \"It's new.\\nReally.\", 'de-DE': 'Neu' })\nlanguages ['en-US', 'de-DE']\nauto_release_date 1_799_999_999_000\n\
             precheck_default_rule_level :warn\nitc_team_id '42'; skip_metadata true\n",
        )
        .unwrap();
        assert_eq!(
            serde_json::to_value(values).unwrap(),
            json!({"app_identifier": "com.example.app", "force": true, "phased_release": false,
                "submission_information": {"add_id_info_uses_idfa": false, "export_compliance_uses_encryption": false},
                "release_notes": {"en-US": "It's new.\nReally.", "de-DE": "Neu"}, "languages": ["en-US", "de-DE"],
                "auto_release_date": 1_799_999_999_000_i64, "precheck_default_rule_level": "warn", "skip_metadata": true})
        );
    }

    #[test]
    fn what_needs_ruby_is_named_with_its_line() {
        for (text, line) in [
            ("\ncopyright \"#{Time.now.year} Example\"", 2),
            ("app_identifier ENV[\"APP\"]", 1),
            ("force true\nfor_platform :ios do\nend", 2),
            ("copyright = 'x'", 1),
            ("copyright 'x' if true", 1),
            ("description File.read('x')", 1),
            ("copyright 'never closed", 1),
        ] {
            assert_eq!(parse(text).unwrap_err().line, line, "{text}");
        }
    }

    #[test]
    fn lists_of_words_are_literal_too() {
        let values = parse("languages(%w[en-US de-DE])\nlanguages %w(ja\n ko)").unwrap();
        assert_eq!(values["languages"], json!(["ja", "ko"]));
        for text in [
            "languages %W[a b]",
            "languages %w[a",
            "languages %w[a\\ b]",
            "languages %q(x)",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_has_an_end() {
        let deep = format!("languages {}", "[".repeat(100_000));
        assert!(parse(&deep).is_err());
    }
}
