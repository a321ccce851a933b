//! Strings and names of JSON5.

use std::borrow::Cow;

use super::parser::Problem;

/// The characters that end a line in JSON5.
pub(crate) fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// Whether a byte may stand within a name; all of those beyond ASCII may, as far as a byte tells.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
}

/// Reads the string whose quote stands at `open`; returns its text and the byte after it.
pub(super) fn quoted(text: &str, open: usize) -> Result<(Cow<'_, str>, usize), Problem> {
    let bytes = text.as_bytes();
    let quote = bytes[open];
    let start = open + 1;
    let mut out = String::new();
    let mut at = start;
    loop {
        let rest = &bytes[at..];
        let plain = rest
            .iter()
            .position(|byte| *byte == quote || matches!(byte, b'\\' | b'\n' | b'\r'));
        match plain.map(|length| (length, rest[length])) {
            Some((length, byte)) if byte == quote => {
                let end = at + length;
                if at == start {
                    return Ok((Cow::Borrowed(&text[start..end]), end + 1));
                }
                out.push_str(&text[at..end]);
                return Ok((Cow::Owned(out), end + 1));
            }
            Some((length, b'\\')) => {
                out.push_str(&text[at..at + length]);
                at = escape(text, at + length, &mut out)?;
            }
            _ => return Err((open, "expected the end of this string".to_owned())),
        }
    }
}

/// Reads the escape whose backslash stands at `start`; returns the byte after it.
fn escape(text: &str, start: usize, out: &mut String) -> Result<usize, Problem> {
    let bad = |what: &str| Err((start, format!("expected {what}")));
    let rest = &text[start + 1..];
    let Some(c) = rest.chars().next() else {
        return bad("the end of this string");
    };
    let after = start + 1 + c.len_utf8();
    match c {
        'n' => out.push('\n'),
        't' => out.push('\t'),
        'r' => out.push('\r'),
        'b' => out.push('\u{8}'),
        'f' => out.push('\u{c}'),
        'v' => out.push('\u{b}'),
        '0' if !rest[1..].starts_with(|next: char| next.is_ascii_digit()) => out.push('\0'),
        '0'..='9' => return bad("no digit after `\\`"),
        'x' => {
            let Some(code) = hexadecimal(text, after, 2).and_then(char::from_u32) else {
                return bad("two hexadecimal digits after `\\x`");
            };
            out.push(code);
            return Ok(after + 2);
        }
        'u' => {
            let (c, end) = unicode(text, start)?;
            out.push(c);
            return Ok(end);
        }
        // The string goes on in the next line.
        '\r' if rest[1..].starts_with('\n') => return Ok(after + 1),
        c if is_line_end(c) => {}
        c => out.push(c),
    }
    Ok(after)
}

/// Reads the `\uXXXX` at `start`, or the two of them that stand for one character.
fn unicode(text: &str, start: usize) -> Result<(char, usize), Problem> {
    let bad = |what: &str| (start, format!("expected {what}"));
    let unit = |at: usize| {
        let is_escape = text.get(at..at + 2) == Some("\\u");
        is_escape.then(|| hexadecimal(text, at + 2, 4)).flatten()
    };
    let first = unit(start).ok_or_else(|| bad("four hexadecimal digits after `\\u`"))?;
    if let Some(c) = char::from_u32(first) {
        return Ok((c, start + 6));
    }
    let pair = unit(start + 6).filter(|second| first < 0xdc00 && (0xdc00..0xe000).contains(second));
    pair.and_then(|second| char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)))
        .map(|c| (c, start + 12))
        .ok_or_else(|| bad("a pair of surrogates"))
}

fn hexadecimal(text: &str, at: usize, length: usize) -> Option<u32> {
    let digits = text.get(at..at + length)?;
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    are_digits.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// Reads the name at `start`, which is empty where none begins; returns it and the byte after it.
pub(super) fn identifier(text: &str, start: usize) -> Result<(Cow<'_, str>, usize), Problem> {
    let plain = plain_name(&text.as_bytes()[start..]);
    let mut at = start + plain;
    // What follows a plain name ends it, unless it is an escape or beyond ASCII.
    if plain > 0
        && text[at..]
            .bytes()
            .next()
            .is_none_or(|byte| byte.is_ascii() && byte != b'\\')
    {
        return Ok((Cow::Borrowed(&text[start..at]), at));
    }
    let mut name = text[start..at].to_owned();
    while let Some(c) = text[at..].chars().next() {
        let (c, end) = match c {
            '\\' => unicode(text, at)?,
            c => (c, at + c.len_utf8()),
        };
        let is_joiner = matches!(c, '\u{200c}' | '\u{200d}');
        let starts = c.is_alphabetic() || matches!(c, '_' | '$');
        if !(starts || !name.is_empty() && (c.is_alphanumeric() || is_joiner || is_mark(c))) {
            break;
        }
        name.push(c);
        at = end;
    }
    Ok((Cow::Owned(name), at))
}

/// How many bytes of ASCII, with no escape, begin a name.
fn plain_name(bytes: &[u8]) -> usize {
    if bytes.first().is_some_and(u8::is_ascii_digit) {
        return 0;
    }
    let end = bytes
        .iter()
        .position(|byte| !(byte.is_ascii() && is_name_byte(*byte)));
    end.unwrap_or(bytes.len())
}

/// Combining marks and connectors, which may stand within a name of ECMAScript: the blocks of them.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{203f}' | '\u{2040}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// A string in these quotes, with no more escapes than JSON needs: so Xcode writes them, always in double quotes
/// (xcode-project-format, `Printer.swift`, September 2026).
pub(super) fn written_with(text: &str, quote: char) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Cow<'_, str> {
        let (read, end) = quoted(text, 0).unwrap_or_else(|(at, what)| panic!("{text} at {at}: {what}"));
        assert_eq!(end, text.len(), "{text}");
        read
    }

    #[test]
    fn strings_are_read_in_every_spelling_of_json5() {
        for (text, expected) in [
            (r#""a'b""#, "a'b"),
            (r#"'a"b\'c'"#, "a\"b'c"),
            (r#""\b\f\n\r\t\v\0\\\/\"\a""#, "\u{8}\u{c}\n\r\t\u{b}\0\\/\"a"),
            (r#""\x41\u00e9\ud83d\ude00""#, "Aé😀"),
            ("'one \\\nline\\\r\n\\\u{2028}'", "one line"),
            ("\"tab\tand \u{2028}\"", "tab\tand \u{2028}"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = "quote \" backslash \\ slash / tab \t newline \n bell \u{7} del \u{7f} \u{a0} \u{2028} 😀";
        assert_eq!(read(&written_with(text, '"')), text);
        assert_eq!(read(&written_with(text, '\'')), text);
        // A line of a fixture that rork-xcode 0.13 checks against Xcode's writer.
        assert!(
            written_with(text, '"')
                .starts_with(r#""quote \" backslash \\ slash / tab \t newline \n bell \u0007 del "#)
        );
    }

    #[test]
    fn broken_strings_are_refused() {
        for bad in [
            "\"",
            "'a\"",
            "\"a\nb\"",
            "\"\\",
            "\"\\1\"",
            "\"\\01\"",
            "\"\\x4\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\udc00\"",
            "\"\\u+123\"",
            "\"\\xé\"",
        ] {
            assert!(quoted(bad, 0).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_read_as_ecmascript_has_them() {
        for (text, expected) in [
            ("kind:", "kind"),
            ("kind\u{feff}:", "kind"),
            ("kind\u{a0}:", "kind"),
            ("$a_1 :", "$a_1"),
            (r"\u0061b:", "ab"),
            ("größe:", "größe"),
            ("build-settings:", "build"),
            ("1a", ""),
        ] {
            assert_eq!(identifier(text, 0).unwrap().0, expected, "{text}");
        }
        assert!(identifier(r"\u00", 0).is_err());
    }
}
