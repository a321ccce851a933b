//! Pauses between attempts.

use std::time::Duration;

/// Pauses that double from `first` to `longest`, each shortened at random by up to a half, so that builds which failed
/// together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The pause after the first failure.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Backoff {
    /// The pause after failure `number` (1 for the first); `jitter` is between 0 and 1.
    pub fn pause(&self, number: u32, jitter: f64) -> Duration {
        let doublings = number.saturating_sub(1).min(31);
        let doubled = self.first.saturating_mul(1 << doublings).min(self.longest);
        doubled.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }

    /// [`Backoff::pause`] with random jitter.
    pub fn random(&self, number: u32) -> Duration {
        self.pause(number, fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_never_overflow() {
        let backoff = Backoff {
            first: Duration::from_millis(300),
            longest: Duration::from_secs(10),
        };
        let pauses: Vec<u128> = [1, 2, 3, 6, 7, u32::MAX]
            .map(|number| backoff.pause(number, 1.0).as_millis())
            .to_vec();
        assert_eq!(pauses, [300, 600, 1200, 9600, 10_000, 10_000]);
        assert_eq!(backoff.pause(0, 0.0).as_millis(), 150);
        let endless = Backoff {
            first: Duration::MAX,
            longest: Duration::MAX,
        };
        assert!(endless.pause(u32::MAX, 0.5) <= Duration::MAX);
    }
}
