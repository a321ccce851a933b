//! Text that others wrote, made safe to print.
//!
//! Terminals and Bitrise's log viewer act on escape sequences: a server's text could color itself as the step's failure,
//! or erase lines.

use std::borrow::Cow;

/// `text` without control characters and escape sequences; line breaks and tabs stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    stripped(text, false)
}

/// [`printable`], where colors stay: for the output of programs that color it themselves. Bold red becomes red, since
/// Bitrise takes the last text in bold red for the reason why a step failed (`errorfinder` of the Bitrise CLI, 2026-11).
pub fn printable_with_colors(text: &str) -> Cow<'_, str> {
    stripped(text, true)
}

/// [`printable`] on one line: line breaks and tabs become spaces. For values that stand inside a sentence.
pub fn one_line(text: &str) -> Cow<'_, str> {
    let plain = printable(text);
    if !plain.contains(['\n', '\t']) {
        return plain;
    }
    Cow::Owned(plain.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The color of errors.
const RED: &str = "\u{1b}[31m";

/// Whether a color sequence begins bold red, in whatever order it says so.
fn is_bold_red(sequence: &str) -> bool {
    let inner = &sequence[2..sequence.len() - 1];
    let parameters = || {
        inner
            .split([';', ':'])
            .map(|number| number.trim_start_matches('0'))
    };
    parameters().any(|number| number == "31") && parameters().any(|number| number == "1")
}

fn stripped(text: &str, colors: bool) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_harmful) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = sequence(rest);
        let (sequence, after) = rest.split_at(length);
        if colors && is_color(sequence) {
            out.push_str(if is_bold_red(sequence) { RED } else { sequence });
        }
        // Half of a Windows line break is one as well; alone it would let a line overwrite itself.
        if sequence == "\r" && !after.starts_with('\n') {
            out.push('\n');
        }
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Control characters, and those that reorder or hide text (Unicode's bidirectional controls and line separators).
fn is_harmful(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// The length in bytes of the control character or escape sequence that `text` begins with (ECMA-48).
fn sequence(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    let Some((_, first)) = chars.next() else { return 0 };
    let kind = match first {
        '\u{1b}' => match chars.next() {
            Some((_, kind)) if !kind.is_control() => kind,
            _ => return 1,
        },
        '\u{9b}' => '[',
        '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => ']',
        other => return other.len_utf8(),
    };
    match kind {
        '[' => {
            for (at, c) in chars {
                match c {
                    '\u{20}'..='\u{3f}' => {}
                    '\u{40}'..='\u{7e}' => return at + 1,
                    _ => return at,
                }
            }
            text.len()
        }
        // Strings, which end with BEL or ST; an unfinished one ends with its line.
        ']' | 'P' | 'X' | '^' | '_' => {
            while let Some((at, c)) = chars.next() {
                match c {
                    '\u{7}' => return at + 1,
                    '\u{9c}' => return at + c.len_utf8(),
                    '\u{1b}' if matches!(chars.peek(), Some((_, '\\'))) => return at + 2,
                    '\n' => return at,
                    _ => {}
                }
            }
            text.len()
        }
        // Intermediate bytes and one final byte, such as `ESC ( B`.
        '\u{20}'..='\u{2f}' => {
            let end = chars.find(|(_, c)| !('\u{20}'..='\u{2f}').contains(c));
            end.map_or(text.len(), |(at, c)| at + c.len_utf8())
        }
        other => 1 + other.len_utf8(),
    }
}

/// Select Graphic Rendition: `ESC [ 31 ; 1 m`.
fn is_color(sequence: &str) -> bool {
    let inner = sequence
        .strip_prefix("\u{1b}[")
        .and_then(|rest| rest.strip_suffix('m'));
    inner.is_some_and(|inner| inner.chars().all(|c| c.is_ascii_digit() || c == ';' || c == ':'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_that_a_terminal_acts_on_stays() {
        for (text, expected) in [
            ("plain ü\ttext\n", "plain ü\ttext\n"),
            ("\u{1b}[31;1mforged\u{1b}[0m", "forged"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]52;c;Zm9v\u{1b}\\x", "x"),
            ("\u{9b}31mx", "x"),
            ("\u{9d}8;;http://e\u{9c}x", "x"),
            ("\u{1b}(Bx\u{1b}cy\u{1b}7z", "xyz"),
            ("a\rb\r\nc\u{8}d\u{7f}\0", "a\nb\ncd"),
            ("\u{1b}[2", ""),
            ("\u{1b}", ""),
            ("\u{1b}\u{1b}[1mx", "x"),
            ("a\u{202e}b\u{2028}c", "abc"),
        ] {
            assert_eq!(printable(text), expected, "{text:?}");
        }
        assert_eq!(one_line("a\n\n  b\tc\u{1b}[0m"), "a b c");
        let colored = "\u{1b}[31;1mred\u{1b}[0m\u{1b}[2K\u{1b}[1A";
        assert_eq!(printable_with_colors(colored), "\u{1b}[31mred\u{1b}[0m");
        for bold in [
            "\u{1b}[1;31m",
            "\u{1b}[0;31;1;4m",
            "\u{1b}[01;031m",
            "\u{1b}[31:1m",
        ] {
            assert_eq!(printable_with_colors(bold), RED, "{bold:?}");
        }
        for other in [
            "\u{1b}[31m",
            "\u{1b}[1m",
            "\u{1b}[m",
            "\u{1b}[1;32m",
            "\u{1b}[131;1m",
        ] {
            assert_eq!(printable_with_colors(other), other);
        }
    }

    proptest! {
        #[test]
        fn no_control_character_survives(text in "(\\PC|[\\x00-\\x1f\\x7f-\\x9f\\[\\]m;0-9]){0,40}") {
            let plain = printable(&text);
            prop_assert!(!plain.chars().any(is_harmful), "{:?}", plain);
        }
    }
}
