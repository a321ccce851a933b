//! Operators of references to settings, such as `:lower` (swift-build `MacroEvaluationProgram.swift`).

use unicode_segmentation::UnicodeSegmentation as _;

use crate::paths::{composed, normalized};

/// What an operator makes of a value; an unknown operator leaves it as it is.
pub(crate) fn apply(operator: &str, value: String) -> String {
    match operator {
        "lower" => value.to_lowercase(),
        "upper" => value.to_uppercase(),
        "identifier" => replaced(&value, '_', |c| c == '_'),
        "rfc1034identifier" => replaced(&value, '-', |c| c == '-'),
        "c99extidentifier" => module_name(&value),
        "quote" => quoted(&value),
        "dir" => match value.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/"),
            None => "./".to_owned(),
        },
        "file" => file(&value).to_owned(),
        "base" => base(file(&value)).to_owned(),
        "suffix" => suffix(&value).to_owned(),
        "standardizepath" => normalized(std::path::Path::new(&value)).display().to_string(),
        "not" => if value == "YES" { "NO" } else { "YES" }.to_owned(),
        "truncatedversion" => value.split('.').take(3).collect::<Vec<_>>().join("."),
        "__stripslash" => value.strip_prefix('/').map(str::to_owned).unwrap_or(value),
        _ => value,
    }
}

/// What an operator with an operand makes of a value; an unknown one drops its operand.
pub(crate) fn replace(operator: &str, operand: &str, value: String) -> String {
    if operator == "default" {
        return if value.is_empty() {
            operand.to_owned()
        } else {
            value
        };
    }
    if value.is_empty() {
        return value;
    }
    let (folder, name) = value
        .rsplit_once('/')
        .map_or(("", value.as_str()), |(folder, name)| {
            (&value[..=folder.len()], name)
        });
    match operator {
        "dir" if operand.is_empty() || operand.ends_with('/') => format!("{operand}{name}"),
        "dir" => format!("{operand}/{name}"),
        "file" => format!("{folder}{operand}"),
        "base" => format!("{folder}{operand}{}", suffix(&value)),
        "suffix" => {
            let base = base(name);
            let dot = if operand.is_empty() || operand.starts_with('.') {
                ""
            } else {
                "."
            };
            format!("{folder}{base}{dot}{operand}")
        }
        "relativeto" if value.starts_with('/') && operand.starts_with('/') => relative(&value, operand),
        "isancestor" => {
            let is_ancestor = value.starts_with('/')
                && operand.starts_with('/')
                && std::path::Path::new(operand).starts_with(&value);
            if is_ancestor { "YES" } else { "NO" }.to_owned()
        }
        _ => value,
    }
}

/// Every user-perceived character that is neither a letter or digit of ASCII nor `kept`, and a leading digit, becomes
/// `by`.
fn replaced(value: &str, by: char, kept: impl Fn(char) -> bool) -> String {
    let one = |(at, cluster): (usize, &str)| {
        let mut characters = cluster.chars();
        match (characters.next(), characters.next()) {
            (Some(c), None) if at == 0 && c.is_ascii_digit() => by,
            (Some(c), None) if c.is_ascii_alphanumeric() || kept(c) => c,
            _ => by,
        }
    };
    value.graphemes(true).enumerate().map(one).collect()
}

/// As the Swift compiler names modules: composed, with the characters that C99 allows in identifiers.
fn module_name(value: &str) -> String {
    let mut name: String = composed(value)
        .chars()
        .map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' })
        .collect();
    if name.starts_with(|c: char| c.is_numeric()) {
        let first = name.chars().next().map_or(0, char::len_utf8);
        name.replace_range(..first, "_");
    }
    name
}

/// The text as one element of a list: special characters behind a backslash.
pub(crate) fn quoted(value: &str) -> String {
    if value.is_empty() {
        return "\"\"".to_owned();
    }
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        if c.is_whitespace() || matches!(c, '"' | '\'' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

fn file(value: &str) -> &str {
    value.rsplit('/').next().unwrap_or_default()
}

fn base(name: &str) -> &str {
    match name.rfind('.') {
        Some(at) if at > 0 => &name[..at],
        _ => name,
    }
}

fn suffix(value: &str) -> &str {
    let name = file(value);
    &name[base(name).len()..]
}

fn relative(path: &str, to: &str) -> String {
    let (path, to) = (normalized(path.as_ref()), normalized(to.as_ref()));
    let shared = path
        .components()
        .zip(to.components())
        .take_while(|(one, other)| one == other)
        .count();
    let ups = to.components().skip(shared).map(|_| "..".to_owned());
    let downs = path
        .components()
        .skip(shared)
        .map(|component| component.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = ups.chain(downs).collect();
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_keep_what_they_may() {
        for (operator, value, expected) in [
            ("rfc1034identifier", "My App 2!", "My-App-2-"),
            ("rfc1034identifier", "com.example_app", "com-example-app"),
            ("rfc1034identifier", "2048", "-048"),
            ("identifier", "a-b.c", "a_b_c"),
            ("identifier", "1st", "_st"),
            ("c99extidentifier", "My-App é", "My_App_é"),
            ("c99extidentifier", "3D View", "_D_View"),
            // `é`, composed or not, is one character outside of ASCII (swift-build String.swift).
            ("rfc1034identifier", "Caf\u{e9}", "Caf-"),
            ("rfc1034identifier", "Cafe\u{301}", "Caf-"),
            ("unknown", "as it is", "as it is"),
            ("not", "NO", "YES"),
            ("truncatedversion", "1.2.3.4", "1.2.3"),
            ("dir", "a/b.c", "a/"),
            ("dir", "b.c", "./"),
            ("base", "a/b.tar.gz", "b.tar"),
            ("suffix", "a/b.gz", ".gz"),
            ("quote", "a b", "a\\ b"),
        ] {
            assert_eq!(apply(operator, value.to_owned()), expected, "{operator} {value}");
        }
    }

    #[test]
    fn operands_replace_a_part() {
        for (operator, operand, value, expected) in [
            ("default", "x", "", "x"),
            ("default", "x", "y", "y"),
            ("dir", "/new", "a/b.c", "/new/b.c"),
            ("file", "d.e", "a/b.c", "a/d.e"),
            ("base", "d", "a/b.c", "a/d.c"),
            ("suffix", "h", "a/b.c", "a/b.h"),
            ("suffix", "", "a/b.c", "a/b"),
            ("relativeto", "/a/x", "/a/b/c", "../b/c"),
            ("isancestor", "/a/b", "/a", "YES"),
            ("isancestor", "b", "a", "NO"),
            ("unknown", "x", "y", "y"),
            ("dir", "x", "", ""),
        ] {
            assert_eq!(
                replace(operator, operand, value.to_owned()),
                expected,
                "{operator}={operand} {value}"
            );
        }
    }
}
