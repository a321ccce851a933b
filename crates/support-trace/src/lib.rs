//! A redacted record of a run for bug reports: requests, answers, and child processes, a JSON object per line.
//!
//! [`start`] turns it on for the process; `transport` and `command` then [`record`] what they do, and [`finish`] gives the
//! text. Until then everything stays in memory as it came, since a secret may become known after it was sent: what
//! Bitrise answers holds secrets that the run learns a moment later. `finish` masks by three rules, each of which would
//! do for most secrets alone: what a member, header, or parameter is called; what the run's [`Redactor`] has learned; and
//! the form of tokens. Files of keys and certificates are never recorded.
//!
//! `apple-sandbox replay` reads it.

mod mask;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redaction::Redactor;
use serde::{Deserialize, Serialize};

/// The version of the format, in the first line.
pub const VERSION: u32 = 1;

/// The longest body that is kept, in bytes.
const LONGEST_BODY: usize = 4 << 20;

/// More than this is not kept in memory, in bytes; later events are counted.
const LARGEST_TRACE: usize = 64 << 20;

/// What happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first line: which step ran.
    Run(Run),
    /// A request and its answer.
    Exchange(Exchange),
    /// A child process.
    Process(Process),
}

/// Which step ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The version of the format.
    pub trace: u32,
    /// The step's title.
    pub step: String,
    /// The step's version.
    pub version: String,
    /// How many events were left out because there were too many.
    pub left_out: usize,
}

/// A request and its answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The request's method.
    pub method: String,
    /// Scheme, host, and port, such as `https://api.appstoreconnect.apple.com`.
    pub origin: String,
    /// The path; empty where it may be a secret.
    pub path: String,
    /// The query, percent-encoded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// The request's body, where it is text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// The answer's status; `None` where no whole answer came.
    pub status: Option<u16>,
    /// The answer's headers that say something about it. Several of one name are lines.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The answer's body, where it is text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
    /// The answer's body in base64, where it is a profile or a certificate that a service gave as it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer_base64: String,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

/// A child process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// The command, as a log shows it.
    pub command: String,
    /// How it ended: an exit status, or words where there is none.
    pub ended: String,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

#[derive(Default)]
struct Recorded {
    events: Vec<Event>,
    size: usize,
    left_out: usize,
}

static RECORDED: OnceLock<Mutex<Recorded>> = OnceLock::new();

fn recorded() -> Option<MutexGuard<'static, Recorded>> {
    let recorded = RECORDED.get()?;
    Some(recorded.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Turns recording on for this process.
pub fn start() {
    RECORDED.get_or_init(Mutex::default);
}

/// Whether recording is on.
pub fn is_on() -> bool {
    RECORDED.get().is_some()
}

/// Keeps an event where recording is on; `event` is not called otherwise.
pub fn record(event: impl FnOnce() -> Event) {
    let Some(mut recorded) = recorded() else {
        return;
    };
    let event = event();
    let size = event.size();
    if recorded.size + size > LARGEST_TRACE {
        recorded.left_out += 1;
        return;
    }
    recorded.size += size;
    recorded.events.push(event);
}

/// The trace so far, masked: a JSON object per line. `None` where recording is off.
pub fn finish(step: &str, version: &str, redactor: &Redactor) -> Option<String> {
    let recorded = recorded()?;
    let first = Event::Run(Run {
        trace: VERSION,
        step: step.to_owned(),
        version: version.to_owned(),
        left_out: recorded.left_out,
    });
    let mut text = String::new();
    for event in std::iter::once(&first).chain(&recorded.events) {
        text.extend(mask::line(event, redactor));
        text.push('\n');
    }
    Some(text)
}

/// A body as a trace keeps it: text, and not too much of it. Files are left out.
pub fn body(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.len() <= LONGEST_BODY => text.to_owned(),
        Ok(_) => format!("<{} bytes of text, left out>", bytes.len()),
        Err(_) => format!("<{} bytes, left out>", bytes.len()),
    }
}

/// A body in base64, where it is no text, and not too much of it.
pub fn binary(bytes: &[u8]) -> String {
    if bytes.len() > LONGEST_BODY || std::str::from_utf8(bytes).is_ok() {
        return String::new();
    }
    STANDARD.encode(bytes)
}

/// A duration in whole milliseconds.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Event {
    fn size(&self) -> usize {
        let texts: &[&String] = match self {
            Self::Run(run) => &[&run.step],
            Self::Exchange(one) => &[&one.path, &one.query, &one.body, &one.answer, &one.answer_base64],
            Self::Process(one) => &[&one.command, &one.stdout, &one.stderr],
        };
        texts.iter().map(|text| text.len()).sum::<usize>() + size_of::<Self>()
    }
}
