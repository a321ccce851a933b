//! Durations as inputs.

use std::time::Duration;

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a duration; accepted: seconds (`90`), or a number with `s`, `m`, or `h` (`90s`, `30m`, `1.5h`)"
)]
pub struct DurationError(String);

/// The duration that `text` says: seconds, or a number with its unit. More than a year is no limit that anybody means.
///
/// # Errors
/// When it is no duration, or zero.
pub fn duration(text: &str) -> Result<Duration, DurationError> {
    let error = || DurationError(text.to_owned());
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower
        .trim_end_matches(|c: char| c.is_ascii_alphabetic())
        .trim_end();
    let factor = match lower[digits.len()..].trim() {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3600.0,
        _ => return Err(error()),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(error());
    }
    let number: f64 = digits.parse().map_err(|_| error())?;
    let seconds = number * factor;
    if seconds <= 0.0 || seconds > 366.0 * 86_400.0 {
        return Err(error());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_seconds_and_units_are_as_people_write_them() {
        for (text, seconds) in [
            ("90", 90.0),
            (" 90 ", 90.0),
            ("90s", 90.0),
            ("30m", 1800.0),
            ("30 min", 1800.0),
            ("1.5h", 5400.0),
            ("2 Hours", 7200.0),
            ("0.5", 0.5),
        ] {
            assert_eq!(
                duration(text).map(|limit| limit.as_secs_f64()),
                Ok(seconds),
                "{text}"
            );
        }
    }

    #[test]
    fn everything_else_is_refused_by_its_text() {
        for text in [
            "", "0", "-5", "soon", "5d", "1h30m", "1e30", "inf", "NaN", "+5", "99999h",
        ] {
            let error = duration(text).unwrap_err().to_string();
            assert!(
                error.contains(&format!("`{text}`")) && error.contains("accepted"),
                "{error}"
            );
        }
    }
}
