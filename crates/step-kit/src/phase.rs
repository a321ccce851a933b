//! Limits for parts of a run.
//!
//! Every request and every child process has its own limit, and a part of a run may make hundreds of them: a server
//! that drips each answer would hold a build for hours.

use std::time::Duration;

use crate::heartbeat::elapsed;
use crate::{Advice as _, Environment, Step};

/// The variable that shortens every part's limit, in seconds; tests set it.
const VARIABLE: &str = "APPLE_STEPS_PHASE_SECONDS";

/// A part of the run took longer than it may.
#[derive(Debug, thiserror::Error)]
#[error("{what} took longer than {}", elapsed(*limit))]
struct Overdue {
    what: &'static str,
    limit: Duration,
}

impl<I> Step<I> {
    /// Does a part of the run, which ends after `limit` whatever it waits for: what it was doing is dropped, and with it its
    /// requests and child processes. `what` is a noun phrase, such as `finding the Apple account`.
    ///
    /// # Errors
    /// As `work`, and when it takes too long.
    pub async fn within<T>(
        &self,
        what: &'static str,
        limit: Duration,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let limit = shortened(limit, &self.env);
        match tokio::time::timeout(limit, work).await {
            Ok(done) => done,
            Err(_) => Err(anyhow::Error::from(Overdue { what, limit }).hint(
                "check the log above for the request or program it was waiting for, then rerun the build",
            )),
        }
    }
}

fn shortened(limit: Duration, env: &Environment) -> Duration {
    let seconds = env.get(VARIABLE).and_then(|text| text.trim().parse().ok());
    seconds.map_or(limit, |seconds| limit.min(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_can_be_shortened_and_not_raised() {
        let limit = |value: &str| {
            let env = Environment::from_iter([(VARIABLE, value)]);
            shortened(Duration::from_secs(60), &env).as_secs()
        };
        assert_eq!(
            [limit("2"), limit("90"), limit("x"), limit("-1"), limit("")],
            [2, 60, 60, 60, 60]
        );
        let overdue = Overdue {
            what: "finding the Apple account",
            limit: Duration::from_secs(600),
        };
        assert_eq!(
            overdue.to_string(),
            "finding the Apple account took longer than 10 min"
        );
    }
}
