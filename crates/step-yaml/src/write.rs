//! Writing: block style, and quotes around every string that some reader would take for something else.

use std::fmt::Write as _;

use crate::{Mapping, Value};

/// Words without quotes that YAML 1.1 or one of its readers does not take for text, in lower case.
const RESERVED: [&str; 14] = [
    "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nil", "none", "nan", "inf", "infinity",
];

/// A key that stands before its colon may have 1,024 characters (YAML 1.2, section 7.4.2); a longer one needs a question
/// mark.
const LONGEST_KEY: usize = 1_000;

/// A document in block style. Every string is read back as the same string by YAML 1.1 and 1.2 readers.
pub fn write(mapping: &Mapping) -> String {
    let mut out = String::new();
    if mapping.is_empty() {
        out.push_str("{}\n");
    }
    write_mapping(&mut out, mapping, 0);
    out
}

fn write_mapping(out: &mut String, mapping: &Mapping, indent: usize) {
    for (number, (key, value)) in mapping.iter().enumerate() {
        // The first key of a list's item stands behind its dash.
        if number > 0 || !out.ends_with("- ") {
            pad(out, indent);
        }
        let key = inline(key);
        if key.chars().count() > LONGEST_KEY {
            let _ = writeln!(out, "? {key}");
            pad(out, indent);
        } else {
            out.push_str(&key);
        }
        out.push(':');
        match value {
            Value::Mapping(inner) if !inner.is_empty() => {
                out.push('\n');
                write_mapping(out, inner, indent + 2);
            }
            Value::Sequence(items) if !items.is_empty() => {
                out.push('\n');
                write_sequence(out, items, indent);
            }
            Value::Null => out.push('\n'),
            _ => {
                out.push(' ');
                write_scalar(out, value, indent + 2);
            }
        }
    }
}

fn write_sequence(out: &mut String, items: &[Value], indent: usize) {
    for item in items {
        pad(out, indent);
        out.push_str("- ");
        match item {
            Value::Mapping(inner) if !inner.is_empty() => write_mapping(out, inner, indent + 2),
            Value::Sequence(inner) if !inner.is_empty() => {
                // A list in a list begins on a line of its own.
                out.truncate(out.len() - 1);
                out.push('\n');
                write_sequence(out, inner, indent + 2);
            }
            _ => write_scalar(out, item, indent + 2),
        }
    }
}

/// A scalar or something empty, with the line break after it.
fn write_scalar(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => {
            let _ = write!(out, "{flag}");
        }
        Value::Integer(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Float(number) => out.push_str(&float(*number)),
        Value::String(text) if is_literal(text) => return write_literal(out, text, indent),
        Value::String(text) => out.push_str(&inline(text)),
        Value::Sequence(_) => out.push_str("[]"),
        Value::Mapping(_) => out.push_str("{}"),
    }
    out.push('\n');
}

fn float(number: f64) -> String {
    if number.is_nan() {
        ".nan".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { ".inf" } else { "-.inf" }.to_owned()
    } else {
        // With a point and a sign in the exponent it is a float to every reader.
        let text = format!("{number:?}");
        match text.split_once('e') {
            Some((digits, exponent)) => {
                let point = if digits.contains('.') { "" } else { ".0" };
                let sign = if exponent.starts_with('-') { "" } else { "+" };
                format!("{digits}{point}e{sign}{exponent}")
            }
            None => text,
        }
    }
}

/// Whether a text reads best as a block: several lines that a block keeps as they are.
fn is_literal(text: &str) -> bool {
    let keeps = |c: char| c == '\n' || c == ' ' || is_printable(c);
    text.trim_end_matches('\n').contains('\n')
        && text.chars().all(keeps)
        // The indentation of a block is that of its first line.
        && !text.starts_with([' ', '\n'])
}

fn write_literal(out: &mut String, text: &str, indent: usize) {
    let body = text.trim_end_matches('\n');
    let breaks = text.len() - body.len();
    out.push_str(match breaks {
        0 => "|-\n",
        1 => "|\n",
        _ => "|+\n",
    });
    for line in body.split('\n') {
        if !line.is_empty() {
            pad(out, indent);
            out.push_str(line);
        }
        out.push('\n');
    }
    out.push_str(&"\n".repeat(breaks.saturating_sub(1)));
}

/// A string on one line: plain where nobody can mistake it, else quoted.
fn inline(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    if text.chars().all(|c| c == ' ' || is_printable(c)) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c == ' ' || is_printable(c) => quoted.push(c),
            c => {
                let code = u32::from(c);
                let _ = match code {
                    0..=0xff => write!(quoted, "\\x{code:02x}"),
                    0x100..=0xffff => write!(quoted, "\\u{code:04x}"),
                    _ => write!(quoted, "\\U{code:08x}"),
                };
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Characters that every reader takes as they are, and none as a line break.
fn is_printable(c: char) -> bool {
    matches!(c, '!'..='~' | '\u{a1}'..='\u{2027}' | '\u{2030}'..='\u{d7ff}' | '\u{e000}'..='\u{fdcf}'
        | '\u{fdf0}'..='\u{fefe}' | '\u{ff00}'..='\u{ffef}' | '\u{1f300}'..='\u{1faff}')
}

/// Begins like a word, a variable or a path, holds nothing that YAML gives a meaning, and is no reserved word. Numbers,
/// dates and times begin with a digit, a sign or a point, so none of them is plain.
fn is_plain(text: &str) -> bool {
    let starts = |c: char| {
        c.is_ascii_alphabetic() || matches!(c, '$' | '/' | '(') || (c > '\u{a0}' && is_printable(c))
    };
    text.starts_with(starts)
        && text.chars().all(|c| c == ' ' || is_printable(c))
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str())
}

fn pad(out: &mut String, indent: usize) {
    out.push_str(&" ".repeat(indent));
}
