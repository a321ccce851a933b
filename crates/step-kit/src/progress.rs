//! How far an upload is: a bar on a terminal, now and then a line in a log.

use std::convert::Infallible;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use crate::{Log, Step};

/// How often a bar moves.
const TICK: Duration = Duration::from_millis(200);

/// A log gets a line when a tenth more was sent, or so much time has passed.
const LINE_EVERY: Duration = Duration::from_secs(15);

impl<I> Step<I> {
    /// Runs the upload of the file `name` with `total` bytes and says how far it is: on a terminal, in the log, and in the
    /// heartbeat. `sent` says how many bytes are on their way. Returns what the upload returns, and how much went how fast.
    pub async fn uploading<T>(
        &self,
        name: &str,
        total: u64,
        sent: impl Fn() -> u64,
        upload: impl Future<Output = T>,
    ) -> (T, String) {
        let activity = self.activity(format!("uploading {name}"));
        let mut progress = Progress::new(&self.log, total);
        let ended = tokio::select! {
            ended = upload => ended,
            never = progress.follow(sent, |state| activity.set_state(state)) => match never {},
        };
        (ended, progress.finish())
    }
}

/// Tells people how far an upload is.
struct Progress<'a> {
    log: &'a Log,
    total: u64,
    is_terminal: bool,
    started: Instant,
    told: (u64, Instant),
}

impl<'a> Progress<'a> {
    fn new(log: &'a Log, total: u64) -> Self {
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
    async fn follow(&mut self, sent: impl Fn() -> u64, state: impl Fn(String)) -> Infallible {
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
    fn finish(self) -> String {
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

/// A number of bytes as people say it: `999 bytes`, `1.2 MB`.
pub fn size_text(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        _ => format!(
            "{}.{:02} GB",
            bytes / 1_000_000_000,
            bytes % 1_000_000_000 / 10_000_000
        ),
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
    fn sizes_are_said_as_people_do() {
        assert_eq!(size_text(999), "999 bytes");
        assert_eq!(size_text(1_234_567), "1.2 MB");
        assert_eq!(size_text(4_030_000_000), "4.03 GB");
    }

    #[test]
    fn a_line_says_how_much_and_how_fast() {
        let text = line(500_000, 2_000_000, Duration::from_secs(1));
        assert_eq!(text, " 25 %  500 kB of 2.0 MB (500 kB/s)");
        assert!(bar(2_000_000, 2_000_000, Duration::ZERO).starts_with(&format!("[{}]", "=".repeat(30))));
        assert!(bar(0, 1, Duration::ZERO).contains("[  "));
    }
}
