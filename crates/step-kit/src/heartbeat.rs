//! A run is never silent for long: Bitrise ends a step that prints nothing for `no_output_timeout` seconds, and a
//! person who watches needs to know what the step waits for.
//!
//! One thread per run watches the log. Whoever waits says what for, with [`Log::activity`]; crates that know no log open
//! a `tracing` span instead:
//!
//! ```
//! # let (path, percent) = ("Courier.ipa", 40);
//! let activity = tracing::info_span!("activity", what = format!("uploading {path}"), state = tracing::field::Empty);
//! activity.record("state", format!("{percent} %"));
//! ```
//!
//! An activity lasts until its guard or its last span handle is dropped; a span need not be entered.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::{Environment, Log};

/// The longest silence, unless [`VARIABLE`] says otherwise. Bitrise documents 600 s as a value for
/// `no_output_timeout`, and people set less.
const INTERVAL: Duration = Duration::from_secs(45);

/// The variable that holds the longest silence in seconds.
const VARIABLE: &str = "APPLE_STEPS_HEARTBEAT_SECONDS";

/// What an activity is known by while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// One that a step began.
    Guard(u64),
    /// A span of a library.
    Span(u64),
}

#[derive(Debug)]
struct Running {
    key: Key,
    what: String,
    state: Option<String>,
    since: Instant,
}

/// What a run is busy with; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Activities(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    begun: u64,
    running: Vec<Running>,
}

impl Activities {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self, key: Key, what: String) {
        self.open().running.push(Running {
            key,
            what,
            state: None,
            since: Instant::now(),
        });
    }

    pub(crate) fn set_state(&self, key: Key, state: String) {
        if let Some(activity) = self.open().running.iter_mut().find(|running| running.key == key) {
            activity.state = Some(state);
        }
    }

    pub(crate) fn end(&self, key: Key) {
        self.open().running.retain(|running| running.key != key);
    }

    /// What the run does now: the outermost activity, and the innermost one that says something else. Requests that run
    /// at the same time all wait for the same host: that is said once, for the oldest.
    fn describe(&self, now: Instant) -> Option<String> {
        let open = self.open();
        let outer = open.running.first()?;
        let mut text = outer.describe(now);
        if let Some(inner) = open.running.iter().rfind(|inner| inner.what != outer.what) {
            let oldest = open.running.iter().find(|running| running.what == inner.what);
            text.push_str("; now ");
            text.push_str(&oldest.unwrap_or(inner).describe(now));
        }
        Some(text)
    }
}

impl Running {
    fn describe(&self, now: Instant) -> String {
        let elapsed = elapsed(now.saturating_duration_since(self.since));
        match &self.state {
            Some(state) => format!("{} ({state}; {elapsed} so far)", self.what),
            None => format!("{} ({elapsed} so far)", self.what),
        }
    }
}

/// Something that a step is busy with, until dropped; see [`Log::activity`].
#[derive(Debug)]
#[must_use = "an activity ends when it is dropped"]
pub struct Activity {
    activities: Activities,
    key: Key,
}

impl Activity {
    pub(crate) fn begin(activities: &Activities, what: String) -> Self {
        let key = {
            let mut open = activities.open();
            open.begun += 1;
            Key::Guard(open.begun)
        };
        activities.begin(key, what);
        Self {
            activities: activities.clone(),
            key,
        }
    }

    /// Says how far it is, such as `PROCESSING` or `34 of 120 MB`; nothing is printed before the next heartbeat.
    pub fn set_state(&self, state: impl Into<String>) {
        self.activities.set_state(self.key, state.into());
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        self.activities.end(self.key);
    }
}

/// Prints a line whenever the log was silent for too long, until dropped.
///
/// A separate thread, because a step that blocks its async thread must not become silent.
pub(crate) struct Heartbeat {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    pub(crate) fn start(log: &Log, env: &Environment) -> Self {
        Self::every(interval(env), log.clone())
    }

    fn every(interval: Duration, log: Log) -> Self {
        let (stop, stopped) = channel();
        let watch = move || {
            let mut patience = interval;
            while stopped.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                let now = Instant::now();
                let silent = now.saturating_duration_since(log.last_written());
                patience = interval.saturating_sub(silent);
                if patience.is_zero() {
                    log.plain(line(&log, now));
                    patience = interval;
                }
            }
        };
        Self {
            stop: Some(stop),
            // Without a thread the run is silent, not wrong.
            thread: std::thread::Builder::new()
                .name("heartbeat".to_owned())
                .spawn(watch)
                .ok(),
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn interval(env: &Environment) -> Duration {
    env.get(VARIABLE)
        .and_then(|text| text.trim().parse().ok())
        .filter(|seconds| (1..=3600).contains(seconds))
        .map_or(INTERVAL, Duration::from_secs)
}

/// What breaks the silence. Where nothing says what it is busy with, the section counts, from its heading: the last line
/// may be a heartbeat itself.
fn line(log: &Log, now: Instant) -> String {
    if let Some(activity) = log.activities().describe(now) {
        return format!("Still {activity}.");
    }
    let (heading, since) = log.section();
    let elapsed = elapsed(now.saturating_duration_since(since));
    match heading {
        Some(heading) => format!("Still working on `{heading}` ({elapsed} so far)."),
        None => format!("Still working ({elapsed} so far)."),
    }
}

/// How long something took: as [`elapsed`], and finer below ten seconds.
pub(crate) fn took(duration: Duration) -> String {
    if duration < Duration::from_secs(10) {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        elapsed(duration)
    }
}

/// A duration as people say it: `45 s`, `2 min 5 s`, `1 h 2 min`.
pub(crate) fn elapsed(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use redaction::Redactor;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::log::Events;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Paper {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        /// Waits until `wanted` is on it.
        fn until(&self, wanted: &str) -> String {
            for _ in 0..500 {
                if self.text().contains(wanted) {
                    return self.text();
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            panic!("`{wanted}` was not printed:\n{}", self.text());
        }
    }

    fn log() -> (Log, Paper) {
        let paper = Paper::default();
        (Log::new(Redactor::new(), false, paper.clone()), paper)
    }

    #[test]
    fn silence_is_broken_by_what_the_run_is_busy_with() {
        let (log, paper) = log();
        let _heartbeat = Heartbeat::every(Duration::from_millis(20), log.clone());
        log.heading("Upload");
        paper.until("Still working on `Upload` (0 s so far).");
        let upload = log.activity("uploading Courier.ipa");
        paper.until("Still uploading Courier.ipa (0 s so far).");
        upload.set_state("34 of 120 MB");
        paper.until("Still uploading Courier.ipa (34 of 120 MB; 0 s so far).");
        drop(upload);
        let before = paper.text().matches("on `Upload`").count();
        while paper.text().matches("on `Upload`").count() == before {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_counts_is_the_time_of_the_section_and_not_that_of_the_heartbeats_own_lines() {
        let (log, paper) = log();
        let _heartbeat = Heartbeat::every(Duration::from_millis(300), log.clone());
        paper.until("Still working (1 s so far).");
        log.heading("Upload");
        paper.until("Still working on `Upload` (0 s so far).");
        paper.until("Still working on `Upload` (1 s so far).");
    }

    #[test]
    fn what_many_do_at_once_is_said_once_with_the_time_of_the_oldest() {
        let activities = Activities::default();
        let said = |seconds| {
            activities
                .describe(Instant::now() + Duration::from_secs(seconds))
                .unwrap()
        };
        let begin = |number, what: &str| activities.begin(Key::Span(number), what.to_owned());
        begin(1, "waiting for api.example.com");
        begin(2, "waiting for api.example.com");
        assert_eq!(said(3), "waiting for api.example.com (3 s so far)");
        // The inner ones may be many as well.
        begin(3, "waiting for files.example.com");
        std::thread::sleep(Duration::from_millis(5));
        begin(4, "waiting for files.example.com");
        activities.set_state(Key::Span(3), "rate limited".to_owned());
        let both =
            "waiting for api.example.com (9 s so far); now waiting for files.example.com (rate limited; ";
        assert!(said(9).starts_with(both), "{}", said(9));
        // The innermost one may be of the outermost kind again.
        begin(5, "waiting for api.example.com");
        assert!(said(9).starts_with(both), "{}", said(9));
        (1..=4).for_each(|number| activities.end(Key::Span(number)));
        assert!(said(9).starts_with("waiting for api.example.com ("));
    }

    #[test]
    fn libraries_say_what_they_wait_for_without_knowing_the_log() {
        let (log, paper) = log();
        let subscriber = tracing_subscriber::registry().with(Events(log.clone()));
        let _heartbeat = Heartbeat::every(Duration::from_millis(20), log.clone());
        tracing::subscriber::with_default(subscriber, || {
            let _outer = log.activity("signing `Courier`");
            let span = tracing::info_span!(
                "activity",
                what = "waiting for App Store Connect",
                state = tracing::field::Empty
            );
            paper.until(
                "Still signing `Courier` (0 s so far); now waiting for App Store Connect (0 s so far).",
            );
            span.record("state", "rate limited");
            paper.until("now waiting for App Store Connect (rate limited; 0 s so far).");
            drop(span);
            paper.until("Still signing `Courier` (0 s so far).\n");
            // A span of another name is no activity.
            let _other = tracing::info_span!("request", what = "something else");
            assert!(!paper.text().contains("something else"));
        });
    }

    #[test]
    fn a_log_that_is_written_to_has_no_heartbeat() {
        let (log, paper) = log();
        let heartbeat = Heartbeat::every(Duration::from_secs(3600), log.clone());
        log.plain("a line");
        // Dropping it does not wait for the interval.
        drop(heartbeat);
        assert_eq!(paper.text(), "a line\n");
    }

    #[test]
    fn nothing_is_silent_for_a_minute() {
        let (log, _) = log();
        assert!(INTERVAL < Duration::from_secs(60));
        for wrong in ["0", "-1", "soon", "1.5", "99999999"] {
            let env = Environment::from_iter([(VARIABLE, wrong)]);
            assert_eq!(interval(&env), INTERVAL, "{wrong}");
        }
        drop(Heartbeat::start(&log, &Environment::default()));
    }

    #[test]
    fn durations_are_short() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (125, "2 min 5 s"),
            (3600, "1 h"),
            (3725, "1 h 2 min"),
            (90_000, "25 h"),
        ] {
            assert_eq!(elapsed(Duration::from_secs(seconds)), expected);
        }
    }
}
