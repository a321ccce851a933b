//! What to retry, and when: decisions apart from the waiting.

use std::time::Duration;

use reqwest::StatusCode;

use crate::Backoff;

/// How patient a client is.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// The pause after the first failure; it doubles from there, and is jittered.
    pub first_pause: Duration,
    /// The longest pause of our own choosing.
    pub longest_pause: Duration,
    /// The longest pause that a server may ask for with `Retry-After`, all pauses for one request together.
    pub longest_retry_after: Duration,
    /// How long the attempts at one request may take together, without the pauses that a server asks for.
    pub patience: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts: 5,
            // Short enough not to be noticed when one answer got lost, and five attempts span some seconds.
            first_pause: Duration::from_millis(300),
            longest_pause: Duration::from_secs(10),
            // Apple's hourly limit is a rolling one: after five minutes there is room again.
            longest_retry_after: Duration::from_secs(300),
            // Apple's slowest answers (profile creation on a large team) take some tens of seconds.
            patience: Duration::from_secs(180),
        }
    }
}

/// What one attempt led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An answer with this status, and the pause that its `Retry-After` asks for.
    Answered(StatusCode, Option<Duration>),
    /// The connection could not be made: nothing was sent.
    NotSent,
    /// The request was sent, and no (whole) answer came back.
    Lost,
}

/// One attempt of a request.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// Whether doing it twice is the same as doing it once.
    pub repeatable: bool,
    /// What it led to.
    pub outcome: Outcome,
}

/// What to do after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The answer stands, good or bad.
    Done,
    /// Try again after this pause.
    Again(Duration),
    /// No answer, and no use in trying again.
    GiveUp,
    /// The request may have taken effect: the caller must look.
    Unknown,
}

/// Decides what follows from an attempt. `jitter` is between 0 and 1.
pub fn judge(policy: &Policy, attempt: Attempt, jitter: f64) -> Verdict {
    let last = attempt.number >= policy.attempts;
    let backoff = Backoff {
        first: policy.first_pause,
        longest: policy.longest_pause,
    };
    let pause = || backoff.pause(attempt.number, jitter);
    match attempt.outcome {
        // The request was refused before it did anything, so even a write may be repeated.
        Outcome::Answered(StatusCode::TOO_MANY_REQUESTS, asked) => match asked {
            Some(asked) if asked > policy.longest_retry_after => Verdict::Done,
            _ if last => Verdict::Done,
            Some(asked) => Verdict::Again(asked.saturating_add(policy.first_pause.mul_f64(jitter))),
            None => Verdict::Again(pause()),
        },
        Outcome::Answered(status, asked) if status.is_server_error() => {
            if !attempt.repeatable {
                Verdict::Unknown
            } else if last || status == StatusCode::NOT_IMPLEMENTED {
                Verdict::Done
            } else {
                Verdict::Again(
                    asked
                        .filter(|asked| *asked <= policy.longest_pause)
                        .unwrap_or_else(pause),
                )
            }
        }
        Outcome::Answered(..) => Verdict::Done,
        Outcome::NotSent if last => Verdict::GiveUp,
        Outcome::NotSent => Verdict::Again(pause()),
        Outcome::Lost if !attempt.repeatable => Verdict::Unknown,
        Outcome::Lost if last => Verdict::GiveUp,
        Outcome::Lost => Verdict::Again(pause()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(number: u32, repeatable: bool, outcome: Outcome) -> Verdict {
        judge(
            &Policy::default(),
            Attempt {
                number,
                repeatable,
                outcome,
            },
            1.0,
        )
    }

    fn answered(status: u16) -> Outcome {
        Outcome::Answered(StatusCode::from_u16(status).unwrap(), None)
    }

    #[test]
    fn each_outcome_has_its_verdict() {
        let again = Verdict::Again(Duration::from_millis(300));
        for (number, repeatable, outcome, expected) in [
            (1, true, answered(200), Verdict::Done),
            (1, true, answered(404), Verdict::Done),
            (1, true, answered(401), Verdict::Done),
            (1, true, answered(500), again),
            (5, true, answered(500), Verdict::Done),
            (1, true, answered(501), Verdict::Done),
            (1, false, answered(500), Verdict::Unknown),
            (1, false, answered(429), again),
            (5, true, answered(429), Verdict::Done),
            (1, true, Outcome::Lost, again),
            (1, false, Outcome::Lost, Verdict::Unknown),
            (5, true, Outcome::Lost, Verdict::GiveUp),
            (1, false, Outcome::NotSent, again),
            (5, false, Outcome::NotSent, Verdict::GiveUp),
        ] {
            assert_eq!(
                verdict(number, repeatable, outcome),
                expected,
                "{number} {repeatable} {outcome:?}"
            );
        }
    }

    #[test]
    fn retry_after_is_honoured_within_reason() {
        let asked =
            |seconds| Outcome::Answered(StatusCode::TOO_MANY_REQUESTS, Some(Duration::from_secs(seconds)));
        assert!(matches!(verdict(1, true, asked(7)), Verdict::Again(pause) if pause.as_secs() == 7));
        assert_eq!(verdict(1, true, asked(3600)), Verdict::Done);
    }
}
