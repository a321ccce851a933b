//! References to settings, replaced by plain recursion.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::settings::Settings;

/// The value of the assignment at `index` of the list, with references replaced. `stack` holds what is being replaced
/// already: a name with the index of its assignment.
pub(crate) fn evaluate(settings: &Settings, index: usize, stack: &mut Vec<(String, usize)>) -> String {
    let assignment = &settings.list[index];
    stack.push((assignment.name.clone(), index));
    let value = replace(settings, &assignment.value, stack);
    stack.pop();
    value
}

/// A text with references replaced; undefined names are nothing in brackets, and stay without.
pub(crate) fn replace(settings: &Settings, text: &str, stack: &mut Vec<(String, usize)>) -> String {
    if stack.len() > 40 {
        return String::new();
    }
    let Some(at) = text.find('$') else {
        return text.to_owned();
    };
    let (head, tail) = (&text[..at], &text[at + 1..]);
    let (middle, rest) = match tail.chars().next() {
        Some('$') => ("$".to_owned(), &tail[1..]),
        Some(open @ ('(' | '{' | '[')) => {
            let close = match open {
                '(' => ')',
                '{' => '}',
                _ => ']',
            };
            let inside = inside(tail, close);
            let rest = tail.get(inside.len() + 2..).unwrap_or_default();
            (bracketed(settings, inside, stack), rest)
        }
        Some(c) if c.is_ascii_alphabetic() || c == '_' => {
            let end = tail
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.')
                .unwrap_or(tail.len());
            let name = &tail[..end];
            let value = look_up(settings, name, stack).unwrap_or_else(|| format!("${name}"));
            (value, &tail[end..])
        }
        _ => ("$".to_owned(), tail),
    };
    format!("{head}{middle}{}", replace(settings, rest, stack))
}

/// What is between the bracket at the start of `text` and the one that closes it; nested references have their own.
fn inside(text: &str, close: char) -> &str {
    let mut open = vec![close];
    let mut previous = ' ';
    for (at, c) in text.char_indices().skip(1) {
        if previous == '$' && "({[".contains(c) {
            open.push(match c {
                '(' => ')',
                '{' => '}',
                _ => ']',
            });
        } else if open.last() == Some(&c) {
            open.pop();
            if open.is_empty() {
                return &text[1..at];
            }
        }
        previous = c;
    }
    &text[1..]
}

/// Splits at `:` outside of nested references.
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    let mut previous = ' ';
    for c in text.chars() {
        if previous == '$' && "({[".contains(c) {
            depth += 1;
        } else if depth > 0 && ")}]".contains(c) {
            depth -= 1;
        }
        if c == ':' && depth == 0 {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(c);
        }
        previous = c;
    }
    parts
}

fn bracketed(settings: &Settings, inside: &str, stack: &mut Vec<(String, usize)>) -> String {
    let parts = parts(inside);
    let name = replace(settings, &parts[0], stack);
    let mut value = look_up(settings, &name, stack).unwrap_or_default();
    for part in &parts[1..] {
        if let Some(default) = part.strip_prefix("default=") {
            if value.is_empty() {
                value = replace(settings, default, stack);
            }
            continue;
        }
        // By user-perceived characters (swift-build `String.swift`, asIdentifierOfType): `e` with an accent of its own is
        // one that is no letter of ASCII.
        let map = |by: char, kept: &str| -> String {
            let one = |(at, cluster): (usize, &str)| {
                let is_digit = cluster.len() == 1 && cluster.as_bytes()[0].is_ascii_digit();
                let is_letter = cluster.len() == 1 && cluster.as_bytes()[0].is_ascii_alphabetic();
                if is_letter || (is_digit && at > 0) || cluster == kept {
                    cluster.to_owned()
                } else {
                    by.to_string()
                }
            };
            value.graphemes(true).enumerate().map(one).collect()
        };
        value = match part.as_str() {
            "lower" => value.to_lowercase(),
            "upper" => value.to_uppercase(),
            "rfc1034identifier" => map('-', "-"),
            "identifier" => map('_', "_"),
            // Letters of other scripts stay, as in the names of Swift modules.
            "c99extidentifier" => {
                let one = |(at, c): (usize, char)| {
                    let stays = c == '_' || c.is_alphabetic() || (c.is_numeric() && at > 0);
                    if stays { c } else { '_' }
                };
                value.chars().enumerate().map(one).collect()
            }
            "file" => value.rsplit('/').next().unwrap_or_default().to_owned(),
            _ => value,
        };
    }
    value
}

fn look_up(settings: &Settings, name: &str, stack: &mut Vec<(String, usize)>) -> Option<String> {
    let name = match (name, stack.last()) {
        ("inherited" | "value", Some((own, _))) => own.clone(),
        ("inherited" | "value", None) => return None,
        _ => name.to_owned(),
    };
    let below = stack
        .iter()
        .rev()
        .find(|(known, _)| *known == name)
        .map(|(_, index)| *index);
    let index = settings.index(&name, below.unwrap_or(settings.list.len()));
    match index {
        Some(index) => Some(evaluate(settings, index, stack)),
        None => below.map(|_| String::new()),
    }
}
