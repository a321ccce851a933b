//! The values of the document's fields, whatever type they have today.

use secrecy::SecretString;
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::macros::{format_description, time};
use time::{Date, OffsetDateTime, PrimitiveDateTime};

/// What was given for a date.
pub(super) struct NotADate;

/// A text without blanks around it; a blank one is none. Numbers are texts too: a key ID can consist of digits.
pub(super) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

/// A password as it is: blanks around it belong to it. One of blanks alone is none.
pub(super) fn password(value: &Value) -> Option<SecretString> {
    value
        .as_str()
        .filter(|text| !text.trim().is_empty())
        .map(SecretString::from)
}

/// `true`, also as a text or a number.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::String(text) => matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "yes" | "1"),
        Value::Number(number) => number.as_i64() == Some(1),
        _ => false,
    }
}

/// A whole number, also as a text.
pub(super) fn number(value: &Value) -> Option<i64> {
    match value {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a fraction of a second does not matter"
        )]
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().map(|number| number as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A moment: RFC 3339, with a blank for the `T` or without an offset (UTC then), seconds since 1970, or a date alone,
/// which means its end.
pub(super) fn date(value: &Value) -> Result<Option<OffsetDateTime>, NotADate> {
    if let Value::Number(number) = value {
        let seconds = number.as_i64().ok_or(NotADate)?;
        // JavaScript counts milliseconds.
        let seconds = if seconds > 100_000_000_000 {
            seconds / 1000
        } else {
            seconds
        };
        return OffsetDateTime::from_unix_timestamp(seconds)
            .map(Some)
            .map_err(|_| NotADate);
    }
    if value.is_null() {
        return Ok(None);
    }
    let Some(text) = text(value) else {
        return match value {
            Value::String(_) => Ok(None),
            _ => Err(NotADate),
        };
    };
    if let Ok(moment) = OffsetDateTime::parse(&text, &Rfc3339) {
        return Ok(Some(moment));
    }
    if let Ok(date) = Date::parse(&text, format_description!("[year]-[month]-[day]")) {
        return Ok(Some(date.with_time(time!(23:59:59)).assume_utc()));
    }
    let plain = text.trim_end_matches("UTC").trim_end_matches('Z').trim_end();
    let plain = plain.replacen('T', " ", 1);
    let plain = plain.as_str();
    let with_offset = [format_description!(
        version = 2,
        "[year]-[month]-[day] [hour]:[minute]:[second][optional [.[subsecond]]][optional [ ]][offset_hour sign:mandatory][offset_minute]"
    )];
    let without = [
        format_description!(
            version = 2,
            "[year]-[month]-[day] [hour]:[minute]:[second][optional [.[subsecond]]]"
        ),
        format_description!(version = 2, "[year]-[month]-[day] [hour]:[minute]"),
    ];
    let colon = with_offset
        .iter()
        .find_map(|format| OffsetDateTime::parse(plain, *format).ok());
    // RFC 3339 with a blank.
    let blank = || OffsetDateTime::parse(&plain.replacen(' ', "T", 1), &Rfc3339).ok();
    let utc = || {
        without
            .iter()
            .find_map(|format| PrimitiveDateTime::parse(plain, *format).ok())
            .map(PrimitiveDateTime::assume_utc)
    };
    colon.or_else(blank).or_else(utc).map(Some).ok_or(NotADate)
}
