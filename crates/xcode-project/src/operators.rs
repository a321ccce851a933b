//! Operators of references to settings, such as `:lower` (swift-build `MacroEvaluationProgram.swift`).

use unicode_segmentation::UnicodeSegmentation as _;

use crate::paths::{composed, normalized};

/// The operators that take an operand.
pub(crate) const REPLACING: [&str; 7] = [
    "default",
    "dir",
    "file",
    "base",
    "suffix",
    "relativeto",
    "isancestor",
];

/// What an operator makes of a value; an unknown operator leaves it as it is.
pub(crate) fn apply(operator: &str, value: String) -> String {
    match operator {
        "lower" => value.to_lowercase(),
        "upper" => value.to_uppercase(),
        "identifier" => replaced(&value, '_', |c| c == '_'),
        "rfc1034identifier" => replaced(&value, '-', |c| c == '-'),
        "c99extidentifier" => module_name(&value),
        "quote" => quoted(&value),
        "dir" => match folder(&value) {
            "" => "./".to_owned(),
            "/" => "/".to_owned(),
            folder => format!("{folder}/"),
        },
        "file" => file(&value).to_owned(),
        "base" => base(file(&value)).to_owned(),
        "suffix" => suffix(&value).to_owned(),
        "standardizepath" => standardized(&value),
        "not" => if value == "YES" { "NO" } else { "YES" }.to_owned(),
        "truncatedversion" => {
            let parts = value.split('.').filter(|part| !part.is_empty());
            parts.take(3).collect::<Vec<_>>().join(".")
        }
        "__stripslash" => value.strip_prefix('/').map(str::to_owned).unwrap_or(value),
        _ => value,
    }
}

/// What an operator with an operand makes of a value; an unknown one drops its operand.
pub(crate) fn replace(operator: &str, operand: &str, value: String) -> String {
    match operator {
        "default" if value.is_empty() => operand.to_owned(),
        "dir" => joined(operand, file(&value)),
        "file" => joined(folder(&value), operand),
        // The dot is there without an extension too.
        "base" => format!(
            "{}.{}",
            joined(folder(&value), operand),
            suffix(&value).trim_start_matches('.')
        ),
        "suffix" => {
            let kept = &value[..value.len() - suffix(&value).len()];
            let new = if operand.contains('.') {
                suffix(operand).trim_start_matches('.')
            } else {
                operand
            };
            format!("{kept}.{new}")
        }
        // The way from the value to the operand.
        "relativeto" if value.starts_with('/') && operand.starts_with('/') => relative(operand, &value),
        // Whether the operand is a folder around the value.
        "isancestor" => {
            let is_around = value.starts_with('/') && operand.starts_with('/') && {
                let (value, operand) = (normalized(value.as_ref()), normalized(operand.as_ref()));
                value != operand && value.starts_with(operand)
            };
            if is_around { "YES" } else { "NO" }.to_owned()
        }
        _ => value,
    }
}

/// The folder of a path without its last slash, but for the root (swift-build `Path.swift`).
fn folder(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) => "/",
        Some(at) => &path[..at],
        None => "",
    }
}

fn joined(folder: &str, path: &str) -> String {
    if folder.is_empty() || path.starts_with('/') {
        path.to_owned()
    } else if path.is_empty() {
        folder.to_owned()
    } else if folder.ends_with('/') {
        format!("{folder}{path}")
    } else {
        format!("{folder}/{path}")
    }
}

/// A path without `.` and empty parts; `..` is followed in absolute paths alone.
fn standardized(path: &str) -> String {
    if path == "." {
        return path.to_owned();
    }
    if path.starts_with('/') {
        return normalized(path.as_ref()).display().to_string();
    }
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.collect::<Vec<_>>().join("/")
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
        if matches!(c, ' ' | '\t' | '\r' | '\n' | '"' | '\'' | '\\') {
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
    name.rfind('.').map_or(name, |at| &name[..at])
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
            ("suffix", ".profile", ".profile"),
            ("base", ".profile", ""),
            ("dir", "/a", "/"),
            ("dir", "a//b", "a//"),
            ("standardizepath", "a/./b/../c", "a/b/../c"),
            ("standardizepath", "/a/./b/../c", "/a/c"),
            ("truncatedversion", "1..2.3.4", "1.2.3"),
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
            ("base", "d", "b", "d."),
            ("dir", "", "a/b.c", "b.c"),
            ("dir", "new/", "b.c", "new/b.c"),
            ("file", "/d.e", "a/b.c", "/d.e"),
            ("suffix", "h", "a/b.c", "a/b.h"),
            ("suffix", ".h", "a/b.c", "a/b.h"),
            ("suffix", "", "a/b.c", "a/b."),
            // From swift-build's MacroEvaluationTests.swift.
            ("relativeto", "/usr/lib", "/usr/bin", "../lib"),
            ("relativeto", "/bar/baz", "/foo", "../bar/baz"),
            ("relativeto", "/foo", "/foo", "."),
            ("relativeto", "/", "/foo/bar", "../.."),
            ("relativeto", "foo/bar", "foo", "foo"),
            ("isancestor", "/foo", "/foo/bar", "YES"),
            ("isancestor", "/", "/foo", "YES"),
            ("isancestor", "/foo", "/foo", "NO"),
            ("isancestor", "/bar", "/foo", "NO"),
            ("isancestor", "", "foo", "NO"),
            ("unknown", "x", "y", "y"),
        ] {
            assert_eq!(
                replace(operator, operand, value.to_owned()),
                expected,
                "{operator}={operand} {value}"
            );
        }
    }
}
