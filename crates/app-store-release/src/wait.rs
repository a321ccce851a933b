//! Waiting for App Store Connect to show an effect.

use std::time::{Duration, Instant};

use transport::Backoff;

use crate::error::ReleaseError;

/// How long a change of our own may take to show.
const EFFECT_TIMEOUT: Duration = Duration::from_secs(300);

/// Pauses between two looks.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(250),
    longest: Duration::from_secs(10),
};

/// Looks again and again, less and less often, and not for ever.
pub(crate) struct Wait {
    what: &'static str,
    started: Instant,
    looks: u32,
    patience: Duration,
}

impl Wait {
    pub(crate) fn new(what: &'static str) -> Self {
        Self::for_at_most(what, EFFECT_TIMEOUT)
    }

    pub(crate) fn for_at_most(what: &'static str, patience: Duration) -> Self {
        Self {
            what,
            started: Instant::now(),
            looks: 0,
            patience,
        }
    }

    /// Waits until it is time for another look.
    pub(crate) async fn pause(&mut self, state: &str) -> Result<(), ReleaseError> {
        self.looks += 1;
        let pause = BACKOFF.random(self.looks);
        if self.started.elapsed() + pause > self.patience {
            return Err(ReleaseError::TooSlow {
                what: self.what.to_owned(),
                seconds: self.patience.as_secs(),
                state: state.to_owned(),
            });
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }
}
