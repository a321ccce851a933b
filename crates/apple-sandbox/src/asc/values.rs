//! Whether a value is one that Apple's document allows.

use serde_json::Value;
use time::Date;
use time::OffsetDateTime;
use time::format_description::well_known::{Iso8601, Rfc3339};

use super::document::{Shape, Table};

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where in the value, as a JSON pointer; empty for the value itself.
    pub(crate) at: String,
    pub(crate) kind: Wrong,
    /// What is wrong, as a sentence without its subject.
    pub(crate) words: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Another type, format, or a value that its enumeration does not have.
    Type,
    /// A member that is missing.
    Missing,
    /// A member that is not known.
    Unknown,
}

/// Checks a value of a body.
pub(crate) fn check(value: &Value, shape: &Shape) -> Vec<Problem> {
    let mut problems = Vec::new();
    walk(value, shape, "", &mut problems);
    problems
}

/// The words of a value that Apple refuses.
fn refused(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{text}'"),
        other => format!("'{other}'"),
    }
}

fn walk(value: &Value, shape: &Shape, at: &str, problems: &mut Vec<Problem>) {
    let mut wrong = |kind, words: String| {
        problems.push(Problem {
            at: at.to_owned(),
            kind,
            words,
        });
    };
    match shape {
        Shape::Nullable { nullable } => {
            if !value.is_null() {
                walk(value, nullable, at, problems);
            }
        }
        Shape::Choices(index) => {
            let known = Table::get().choices(*index);
            if !value
                .as_str()
                .is_some_and(|text| known.iter().any(|one| one == text))
            {
                wrong(
                    Wrong::Type,
                    format!("{} is not one of {}", refused(value), known.join(", ")),
                );
            }
        }
        Shape::Named(name) => match name.strip_prefix('#') {
            Some(name) => {
                if let Some(shape) = Table::get().shape(name) {
                    walk(value, shape, at, problems);
                }
            }
            None => {
                if !is(value, name) {
                    wrong(Wrong::Type, format!("{} is no {name}", refused(value)));
                }
            }
        },
        Shape::Range {
            integer: (least, most),
        } => {
            if !whole(value).is_some_and(|number| (*least..=*most).contains(&number)) {
                wrong(
                    Wrong::Type,
                    format!("{} is no integer from {least} to {most}", refused(value)),
                );
            }
        }
        Shape::Items { items } => match value.as_array() {
            None => wrong(Wrong::Type, format!("{} is no array", refused(value))),
            Some(all) => {
                for (index, one) in all.iter().enumerate() {
                    walk(one, items, &format!("{at}/{index}"), problems);
                }
            }
        },
        Shape::Map { map } => match value.as_object() {
            None => wrong(Wrong::Type, format!("{} is no object", refused(value))),
            Some(all) => {
                for (name, one) in all {
                    walk(one, map, &format!("{at}/{name}"), problems);
                }
            }
        },
        Shape::Any { any } => {
            if !any.iter().any(|shape| check(value, shape).is_empty()) {
                wrong(Wrong::Type, format!("{} fits nothing", refused(value)));
            }
        }
        Shape::Object { object, required } => match value.as_object() {
            None => wrong(Wrong::Type, format!("{} is no object", refused(value))),
            Some(members) => {
                for name in required.iter().filter(|name| !members.contains_key(*name)) {
                    problems.push(Problem {
                        at: format!("{at}/{name}"),
                        kind: Wrong::Missing,
                        words: format!("'{name}' is missing"),
                    });
                }
                for (name, one) in members {
                    let place = format!("{at}/{name}");
                    match object.get(name) {
                        Some(shape) => walk(one, shape, &place, problems),
                        None => problems.push(Problem {
                            at: place,
                            kind: Wrong::Unknown,
                            words: format!("'{name}' is not known"),
                        }),
                    }
                }
            }
        },
    }
}

/// The largest integer up to which a float has every integer: 2^53.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// An integer. JSON has one kind of numbers, so that 1.0 is one; Apple's integers have 64 bits at most (its documents say `int64`,
/// 2026-11), so that 1e30 is none.
fn whole(value: &Value) -> Option<i64> {
    let float = || {
        let number = value.as_f64()?;
        (number.fract() == 0.0 && number.abs() <= LARGEST_EXACT).then_some(number as i64)
    };
    value.as_i64().or_else(float)
}

/// Whether a value is of a type or a format.
fn is(value: &Value, name: &str) -> bool {
    match name {
        "any" => true,
        "boolean" => value.is_boolean(),
        "integer" => whole(value).is_some(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        format => value.as_str().is_some_and(|text| is_text(text, format)),
    }
}

fn is_text(text: &str, format: &str) -> bool {
    match format {
        "date-time" => OffsetDateTime::parse(text, &Rfc3339).is_ok(),
        "date" => text.len() == 10 && Date::parse(text, &Iso8601::DATE).is_ok(),
        "uri" => {
            let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
                && text.chars().all(|c| !c.is_whitespace() && !c.is_control())
        }
        "email" => text.rsplit_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && !host.is_empty() && !text.chars().any(|c| c.is_control() || c == ' ')
        }),
        "duration" => {
            text.starts_with('P')
                && text.len() > 2
                && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
        }
        _ => true,
    }
}

/// Checks a value of the query; `None` where it is right, else what would be.
pub(crate) fn wrong_in_query(text: &str, shape: &Shape) -> Option<String> {
    match shape {
        Shape::Choices(index) => {
            let known = Table::get().choices(*index);
            (!known.iter().any(|one| one == text)).then(|| known.join(", "))
        }
        Shape::Range {
            integer: (least, most),
        } => {
            let number = text
                .parse::<i64>()
                .ok()
                .filter(|number| number.to_string() == text);
            let fits = number.is_some_and(|number| (*least..=*most).contains(&number));
            (!fits).then(|| format!("{least} to {most}"))
        }
        Shape::Named(name) if name == "boolean" => {
            (!matches!(text, "true" | "false")).then(|| "true, false".to_owned())
        }
        Shape::Named(name) => match name.strip_prefix('#').and_then(|name| Table::get().shape(name)) {
            Some(shape) => wrong_in_query(text, shape),
            None => (!is_text(text, name)).then(|| format!("a {name}")),
        },
        Shape::Nullable { nullable: inner } | Shape::Items { items: inner } => wrong_in_query(text, inner),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn formats_are_checked() {
        for (value, format, right) in [
            (json!("2026-12-01T12:00:00+00:00"), "date-time", true),
            (json!("2026-12-01"), "date-time", false),
            (json!("2026-12-01"), "date", true),
            (json!("2026-13-01"), "date", false),
            (json!("20261201"), "date", false),
            (json!("https://example.com"), "uri", true),
            (json!("example.com"), "uri", false),
            (json!("a@example.com"), "email", true),
            (json!("example.com"), "email", false),
            (json!(1), "integer", true),
            (json!(1.0), "integer", true),
            (json!(9_007_199_254_740_993_i64), "integer", true),
            (json!(i64::MIN), "integer", true),
            (json!(u64::MAX), "integer", false),
            (json!(1e30), "integer", false),
            (json!(-1.3e24), "integer", false),
            (json!(1.5), "integer", false),
            (json!("1"), "integer", false),
            (json!("true"), "boolean", false),
            (json!(null), "string", false),
        ] {
            assert_eq!(is(&value, format), right, "{value} as {format}");
        }
    }

    #[test]
    fn members_of_objects_are_checked_to_the_bottom() {
        let shape = Table::get().shape("CapabilitySetting").unwrap();
        let found = |value: Value| {
            check(&value, shape)
                .into_iter()
                .map(|problem| (problem.at, problem.kind))
                .collect::<Vec<_>>()
        };
        assert!(found(json!({"key": "ICLOUD_VERSION", "options": [{"key": "XCODE_6"}]})).is_empty());
        assert_eq!(
            found(json!({"key": "ICLOUD_VERSION", "options": [{"key": "XCODE_7", "foo": 1}]})),
            [
                ("/options/0/key".to_owned(), Wrong::Type),
                ("/options/0/foo".to_owned(), Wrong::Unknown)
            ]
        );
    }
}
