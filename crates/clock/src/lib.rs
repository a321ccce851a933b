//! The time of day, within the calendar.
//!
//! A machine's clock may be set to any number of seconds, and the calendar of the `time` crate ends with the year 9999:
//! `OffsetDateTime::now_utc` panics beyond it, and so does a sum that leads there. [`now`] never leaves the range in which
//! the sums of this project stay inside the calendar; [`check`] says that a clock is beyond it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::macros::datetime;

/// The latest time that is computed with: the largest number of days that an input takes, 1,000,000, still leads to a date
/// in the calendar.
const LATEST: OffsetDateTime = datetime!(7000-01-01 00:00 UTC);

/// In seconds, on average.
const YEAR: u64 = 31_556_952;

/// The clock says a time that nothing can be computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system clock is set to the year {year}")]
pub struct WrongClock {
    /// The year that it says, more or less.
    pub year: u64,
}

/// The time of day, in UTC; at most the year 7000, at least 1970.
pub fn now() -> OffsetDateTime {
    at(since_1970()).unwrap_or(LATEST)
}

/// Whether the clock says a time that can be computed with.
///
/// # Errors
/// With the year that it says, when not.
pub fn check() -> Result<(), WrongClock> {
    at(since_1970()).map(drop)
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn at(since: Duration) -> Result<OffsetDateTime, WrongClock> {
    i128::try_from(since.as_nanos())
        .ok()
        .and_then(|nanoseconds| OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok())
        .filter(|time| *time <= LATEST)
        .ok_or(WrongClock {
            year: 1970_u64.saturating_add(since.as_secs() / YEAR),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_clock_leads_out_of_the_calendar() {
        assert_eq!(at(Duration::ZERO), Ok(OffsetDateTime::UNIX_EPOCH));
        for (seconds, year) in [
            (253_402_300_800, 9999),
            (300_000_000_000, 11_476),
            (i64::MAX.unsigned_abs(), 292_277_026_596),
            (u64::MAX, 584_554_051_223),
        ] {
            let error = at(Duration::from_secs(seconds)).unwrap_err();
            assert!(error.year.abs_diff(year) <= 1, "{seconds}: {error}");
        }
        assert_eq!(now().date(), at(since_1970()).unwrap().date());
        assert!(LATEST.checked_add(time::Duration::days(1_000_000)).is_some());
        assert_eq!(check(), Ok(()));
    }
}
