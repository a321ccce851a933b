//! Reads JSON5.

use std::borrow::Cow;

use super::string;
use super::{DEEPEST, Element, Member, Node, Value};

/// A byte offset, and what was expected there.
pub(super) type Problem = (usize, String);

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Node<'_>, Problem> {
    let mut parser = Parser {
        text,
        bytes: text.as_bytes(),
        at: 0,
    };
    parser.skip()?;
    let root = parser.node(0)?;
    parser.skip()?;
    if parser.at == text.len() {
        Ok(root)
    } else {
        parser.expected("the end of the file")
    }
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn expected<T>(&self, what: &str) -> Result<T, Problem> {
        Err((self.at, format!("expected {what}")))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Skips white space and comments.
    fn skip(&mut self) -> Result<(), Problem> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r' | 0xb | 0xc) => self.at += 1,
                Some(b'/') => self.comment()?,
                Some(byte) if !byte.is_ascii() => match self.text[self.at..].chars().next() {
                    // U+FEFF and the space separators of Unicode; char::is_whitespace has U+2028 and U+2029 too.
                    Some(c) if c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}') => {
                        self.at += c.len_utf8();
                    }
                    _ => return Ok(()),
                },
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Result<(), Problem> {
        let rest = &self.bytes[self.at..];
        match rest.get(1) {
            Some(b'/') => {
                let line = self.text[self.at..].find(string::is_line_end);
                self.at = line.map_or(self.bytes.len(), |length| self.at + length);
                Ok(())
            }
            Some(b'*') => match self.text[self.at + 2..].find("*/") {
                Some(length) => {
                    self.at += length + 4;
                    Ok(())
                }
                None => self.expected("the end of this comment"),
            },
            _ => self.expected("`//` or `/*`"),
        }
    }

    fn node(&mut self, depth: usize) -> Result<Node<'a>, Problem> {
        let start = self.at;
        let value = match self.peek() {
            Some(b'{' | b'[') if depth >= DEEPEST => {
                return self.expected("at most 512 levels of nesting");
            }
            Some(b'{') => Value::Object(self.object(depth)?),
            Some(b'[') => Value::Array(self.array(depth)?),
            Some(b'"' | b'\'') => Value::Text(self.string()?),
            Some(b'0'..=b'9' | b'.' | b'+' | b'-') => Value::Number(self.number()?),
            _ => self.word()?,
        };
        Ok(Node {
            span: start..self.at,
            value,
        })
    }

    fn object(&mut self, depth: usize) -> Result<Vec<Member<'a>>, Problem> {
        self.at += 1;
        // Most objects of a project are files with a path and a membership.
        let mut members: Vec<Member<'a>> = Vec::with_capacity(2);
        loop {
            self.skip()?;
            if self.peek() == Some(b'}') {
                self.at += 1;
                return Ok(members);
            }
            if members.last().is_some_and(|last| last.comma.is_none()) {
                return self.expected("`,` or `}`");
            }
            let start = self.at;
            let key = self.key()?;
            let key_span = start..self.at;
            self.skip()?;
            if self.peek() != Some(b':') {
                return self.expected("`:`");
            }
            self.at += 1;
            self.skip()?;
            let node = self.node(depth + 1)?;
            let comma = self.comma()?;
            members.push(Member {
                key,
                key_span,
                node,
                comma,
            });
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Element<'a>>, Problem> {
        self.at += 1;
        let mut elements: Vec<Element<'a>> = Vec::with_capacity(1);
        loop {
            self.skip()?;
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(elements);
            }
            if elements.last().is_some_and(|last| last.comma.is_none()) {
                return self.expected("`,` or `]`");
            }
            let node = self.node(depth + 1)?;
            let comma = self.comma()?;
            elements.push(Element { node, comma });
        }
    }

    /// The comma after a value, where there is one; what stands before it is skipped.
    fn comma(&mut self) -> Result<Option<usize>, Problem> {
        self.skip()?;
        if self.peek() != Some(b',') {
            return Ok(None);
        }
        self.at += 1;
        Ok(Some(self.at - 1))
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Problem> {
        let (text, end) = string::quoted(self.text, self.at)?;
        self.at = end;
        Ok(text)
    }

    fn key(&mut self) -> Result<Cow<'a, str>, Problem> {
        if matches!(self.peek(), Some(b'"' | b'\'')) {
            return self.string();
        }
        let (name, end) = string::identifier(self.text, self.at)?;
        if name.is_empty() {
            return self.expected("a key or `}`");
        }
        self.at = end;
        Ok(name)
    }

    fn word(&mut self) -> Result<Value<'a>, Problem> {
        let rest = &self.text[self.at..];
        let length = rest
            .bytes()
            .position(|byte| !string::is_name_byte(byte))
            .unwrap_or(rest.len());
        let value = match &rest[..length] {
            "null" => Value::Null,
            "true" => Value::Boolean(true),
            "false" => Value::Boolean(false),
            "Infinity" => Value::Number(f64::INFINITY),
            "NaN" => Value::Number(f64::NAN),
            _ => return self.expected("a value"),
        };
        self.at += length;
        Ok(value)
    }

    fn number(&mut self) -> Result<f64, Problem> {
        let rest = &self.text[self.at..];
        let length = rest
            .bytes()
            .enumerate()
            .position(|(at, byte)| {
                let is_sign = matches!(byte, b'+' | b'-')
                    && (at == 0
                        || (matches!(rest.as_bytes()[at - 1], b'e' | b'E') && !is_hexadecimal(&rest[..at])));
                !(string::is_name_byte(byte) || byte == b'.' || is_sign)
            })
            .unwrap_or(rest.len());
        match number(&rest[..length]) {
            Some(number) => {
                self.at += length;
                Ok(number)
            }
            None => self.expected("a number"),
        }
    }
}

fn is_hexadecimal(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-']);
    digits.starts_with("0x") || digits.starts_with("0X")
}

/// The number that a text is: decimal without leading zeros, hexadecimal, or a named one, with at most one sign.
fn number(text: &str) -> Option<f64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let value = match digits {
        "Infinity" => f64::INFINITY,
        "NaN" => f64::NAN,
        _ if is_hexadecimal(digits) => {
            let digits = &digits[2..];
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let values = digits.chars().filter_map(|c| c.to_digit(16));
            is_number.then(|| values.fold(0.0, |value, digit| value * 16.0 + f64::from(digit)))?
        }
        _ => {
            let (mantissa, exponent) = digits
                .split_once(['e', 'E'])
                .map_or((digits, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
            let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
            let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
            let is_number = !(whole.is_empty() && fraction.is_empty())
                && all_digits(whole)
                && all_digits(fraction)
                && !(whole.len() > 1 && whole.starts_with('0'))
                && exponent.is_none_or(|digits| !digits.is_empty() && all_digits(digits));
            is_number.then(|| digits.parse().ok())??
        }
    };
    Some(sign * value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value<'_> {
        parse(text)
            .unwrap_or_else(|(at, what)| panic!("{text} at {at}: {what}"))
            .value
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "these numbers are exact")]
    fn numbers_are_read_in_every_spelling_of_json5() {
        // The examples of json5.org, section 6.
        for (text, expected) in [
            ("123", 123.0),
            ("123.456", 123.456),
            (".456", 0.456),
            ("5.", 5.0),
            ("123e-456", 0.0),
            ("0xdecaf", 912_559.0),
            ("-0xC0FFEE", -12_648_430.0),
            ("0xe", 14.0),
            ("+1E+2", 100.0),
            ("-Infinity", f64::NEG_INFINITY),
            ("0", 0.0),
        ] {
            assert!(
                matches!(value(text), Value::Number(number) if number == expected),
                "{text}"
            );
        }
        assert!(matches!(value("NaN"), Value::Number(number) if number.is_nan()));
        for bad in [
            "01", "0x", "0xg", "1.2.3", ".", "+", "--1", "1e", "1_000", "0x1.5", "0xe+1", "Infinit",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_not_json5_is_refused_where_it_stands() {
        for (text, at) in [
            ("", 0),
            ("{", 1),
            ("{a:1", 4),
            ("{a:1 b:2}", 5),
            ("{,}", 1),
            ("[,]", 1),
            ("[1,,2]", 3),
            ("{a 1}", 3),
            ("{a:}", 3),
            ("{1a:1}", 1),
            ("[1] 2", 4),
            ("/* open", 0),
            ("# no", 0),
            ("[tru]", 1),
            ("{\"a\": undefined}", 6),
        ] {
            assert_eq!(parse(text).unwrap_err().0, at, "{text}");
        }
    }

    #[test]
    fn nesting_ends_where_foundation_ends_it() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(DEEPEST)).is_ok());
        assert_eq!(parse(&nested(DEEPEST + 1)).unwrap_err().0, DEEPEST);
        assert!(parse(&"{a:".repeat(1_000_000)).is_err());
    }
}
