//! The rate limit that App Store Connect announces on every answer.
//!
//! Fact: `X-Rate-Limit: user-hour-lim:3500;user-hour-rem:500;`, a rolling hour per key
//! (<https://developer.apple.com/documentation/appstoreconnectapi/identifying-rate-limits>).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Under this share of the hourly limit, requests are spaced.
const SCARCE: f64 = 0.02;

/// The space between requests when the budget is scarce.
const SPACING: Duration = Duration::from_millis(500);

/// The last announced budget; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    last: Arc<Mutex<Option<(u32, u32)>>>,
}

impl Budget {
    /// Notes the header of an answer.
    pub(crate) fn note(&self, header: &str) {
        let field = |name: &str| {
            let part = header
                .split(';')
                .find_map(|part| part.trim().strip_prefix(name))?;
            part.trim_start_matches(':').trim().parse().ok()
        };
        if let (Some(limit), Some(left)) = (field("user-hour-lim"), field("user-hour-rem")) {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((limit, left));
        }
    }

    /// `(limit, remaining)` requests of the rolling hour, as last announced.
    pub fn last(&self) -> Option<(u32, u32)> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long to wait before the next request, so that a fleet which shares one key doesn't run dry.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let (limit, left) = self.last()?;
        (f64::from(left) < f64::from(limit) * SCARCE).then_some(SPACING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_spaced_only_when_the_budget_is_scarce() {
        let budget = Budget::default();
        assert_eq!(budget.pause(), None);
        budget.note("user-hour-lim:3500;user-hour-rem:500;");
        assert_eq!((budget.last(), budget.pause()), (Some((3500, 500)), None));
        budget.note("user-hour-lim:3500;user-hour-rem:12;");
        assert_eq!(budget.pause(), Some(SPACING));
        budget.note("nonsense");
        assert_eq!(budget.last(), Some((3500, 12)));
    }
}
