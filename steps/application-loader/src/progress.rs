//! How far an upload is: a bar on a terminal, now and then a line in a log.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use step_kit::Log;

use crate::artifact::size_text;

/// How often a bar moves.
const TICK: Duration = Duration::from_millis(200);

/// A log gets a line when a tenth more was sent, or so much time has passed.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// Tells people how far an upload is, until it is dropped.
pub(crate) struct Progress<'a> {
    log: &'a Log,
    total: u64,
    is_terminal: bool,
    started: Instant,
    told: (u64, Instant),
}

impl<'a> Progress<'a> {
    pub(crate) fn new(log: &'a Log, total: u64) -> Self {
        let now = Instant::now();
        Self {
            log,
            total: total.max(1),
            is_terminal: std::io::stdout().is_terminal(),
            started: now,
            told: (0, now),
        }
    }

    /// Tells again and again, as long as it is polled.
    pub(crate) async fn follow(&mut self, sent: impl Fn() -> u64, state: impl Fn(String)) {
        loop {
            tokio::time::sleep(TICK).await;
            let sent = sent();
            state(format!("{} of {}", size_text(sent), size_text(self.total)));
            self.tell(sent);
        }
    }

    fn tell(&mut self, sent: u64) {
        let tenth = sent * 10 / self.total;
        if self.is_terminal {
            self.log.transient(bar(sent, self.total, self.started.elapsed()));
        } else if (tenth > self.told.0 && tenth < 10) || self.told.1.elapsed() >= LINE_EVERY {
            self.told = (tenth, Instant::now());
            self.log.plain(line(sent, self.total, self.started.elapsed()));
        }
    }

    /// The end: how much went how fast.
    pub(crate) fn finish(self) -> String {
        if self.is_terminal {
            self.log.transient("");
        }
        let elapsed = self.started.elapsed();
        format!(
            "{} in {:.1} s ({}/s)",
            size_text(self.total),
            elapsed.as_secs_f64(),
            size_text(rate(self.total, elapsed))
        )
    }
}

fn rate(sent: u64, elapsed: Duration) -> u64 {
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    sent.saturating_mul(1000) / millis
}

fn line(sent: u64, total: u64, elapsed: Duration) -> String {
    format!(
        "{:3} %  {} of {} ({}/s)",
        sent * 100 / total,
        size_text(sent),
        size_text(total),
        size_text(rate(sent, elapsed))
    )
}

fn bar(sent: u64, total: u64, elapsed: Duration) -> String {
    let filled = usize::try_from(sent * 30 / total).unwrap_or(30).min(30);
    format!(
        "[{}{}] {}",
        "=".repeat(filled),
        " ".repeat(30 - filled),
        line(sent, total, elapsed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_and_how_fast() {
        let text = line(500_000, 2_000_000, Duration::from_secs(1));
        assert_eq!(text, " 25 %  500 kB of 2.0 MB (500 kB/s)");
        assert!(bar(2_000_000, 2_000_000, Duration::ZERO).starts_with(&format!("[{}]", "=".repeat(30))));
        assert!(bar(0, 1, Duration::ZERO).contains("[  "));
    }
}
