//! The log: plain lines, and colours only where Bitrise's own steps use them.
//!
//! Everything passes the redactor. Libraries write through `tracing`; their events look the same.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use redaction::Redactor;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::heartbeat::{Activities, Activity, Key};

/// Where the lines of one run go. Clones share the same place.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    redactor: Redactor,
    colour: bool,
    verbose: AtomicBool,
    activities: Activities,
    out: Mutex<Out>,
}

struct Out {
    writer: Box<dyn std::io::Write + Send>,
    /// When something was written last.
    written: Instant,
    heading: Option<String>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Log(..)")
    }
}

#[derive(Clone, Copy)]
enum Colour {
    Blue = 34,
    Green = 32,
    Yellow = 33,
    Red = 31,
}

impl Log {
    /// A log that writes to `out`.
    pub fn new(redactor: Redactor, colour: bool, out: impl std::io::Write + Send + 'static) -> Self {
        let out = Mutex::new(Out {
            writer: Box::new(out),
            written: Instant::now(),
            heading: None,
        });
        Self {
            shared: Arc::new(Shared {
                redactor,
                colour,
                verbose: AtomicBool::new(false),
                activities: Activities::default(),
                out,
            }),
        }
    }

    /// Shows debug lines from now on, or not.
    pub fn set_verbose(&self, verbose: bool) {
        self.shared.verbose.store(verbose, Ordering::Relaxed);
    }

    /// Begins a section.
    pub fn heading(&self, text: impl AsRef<str>) {
        self.write("\n", None);
        self.line(text.as_ref(), Some(Colour::Blue));
        self.out().heading = Some(text.as_ref().to_owned());
    }

    /// Begins something that may take long, such as `waiting for App Store Connect to process build 42`: whenever
    /// nothing was printed for most of a minute, a line says that it still goes on, for how long, and in which state.
    /// It ends when the guard is dropped.
    pub fn activity(&self, what: impl Into<String>) -> Activity {
        Activity::begin(&self.shared.activities, what.into())
    }

    pub(crate) fn activities(&self) -> &Activities {
        &self.shared.activities
    }

    pub(crate) fn last_written(&self) -> Instant {
        self.out().written
    }

    pub(crate) fn last_heading(&self) -> Option<String> {
        self.out().heading.clone()
    }

    /// A line as it is.
    pub fn plain(&self, text: impl AsRef<str>) {
        self.line(text.as_ref(), None);
    }

    /// A line that the next one of its kind replaces, such as a progress bar: for terminals.
    pub fn transient(&self, text: impl AsRef<str>) {
        self.write(&format!("\r\x1b[2K{}", text.as_ref()), None);
    }

    /// Something that went well.
    pub fn success(&self, text: impl AsRef<str>) {
        self.line(text.as_ref(), Some(Colour::Green));
    }

    /// Something to look at.
    pub fn warn(&self, text: impl AsRef<str>) {
        self.line(text.as_ref(), Some(Colour::Yellow));
    }

    /// A detail, shown when the log is verbose.
    pub fn debug(&self, text: impl AsRef<str>) {
        if self.shared.verbose.load(Ordering::Relaxed) {
            self.line(text.as_ref(), None);
        }
    }

    /// Why the step failed. Bitrise shows the last bold red block as the build's failure reason, so there is
    /// exactly one, last and short.
    pub(crate) fn failure(&self, text: &str) {
        self.write("\n", None);
        self.line(text, Some(Colour::Red));
    }

    fn line(&self, text: &str, colour: Option<Colour>) {
        self.write(text, colour);
        self.write("\n", None);
    }

    fn write(&self, text: &str, colour: Option<Colour>) {
        let text = self.shared.redactor.redact(text);
        let mut out = self.out();
        // A log that can't be written has nobody to tell.
        let _ = match colour {
            Some(colour) if self.shared.colour => {
                write!(out.writer, "\x1b[{};1m{text}\x1b[0m", colour as u8)
            }
            _ => out.writer.write_all(text.as_bytes()),
        };
        let _ = out.writer.flush();
        out.written = Instant::now();
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.shared.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands `tracing` events of libraries to the log, and spans named `activity` to its heartbeat.
pub(crate) struct Events(pub(crate) Log);

/// The name of the spans that say what a library is busy with.
const ACTIVITY: &str = "activity";

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Events {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if attributes.metadata().name() != ACTIVITY {
            return;
        }
        let mut fields = ActivityFields::default();
        attributes.record(&mut fields);
        let key = Key::Span(id.into_u64());
        self.0
            .activities()
            .begin(key, fields.what.unwrap_or_else(|| "working".to_owned()));
        if let Some(state) = fields.state {
            self.0.activities().set_state(key, state);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut fields = ActivityFields::default();
        values.record(&mut fields);
        if let Some(state) = fields.state {
            self.0.activities().set_state(Key::Span(id.into_u64()), state);
        }
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.0.activities().end(Key::Span(id.into_u64()));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        if level > Level::WARN && is_foreign(event.metadata().target()) {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        match level {
            Level::ERROR | Level::WARN => self.0.warn(text.0),
            Level::INFO => self.0.plain(text.0),
            _ => self.0.debug(text.0),
        }
    }
}

/// Whether an event comes from a dependency rather than from this workspace.
fn is_foreign(target: &str) -> bool {
    let name = target.split("::").next().unwrap_or_default();
    [
        "hyper",
        "hyper_util",
        "reqwest",
        "rustls",
        "h2",
        "tokio",
        "mio",
        "cookie_store",
    ]
    .contains(&name)
}

#[derive(Default)]
struct ActivityFields {
    what: Option<String>,
    state: Option<String>,
}

impl Visit for ActivityFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "what" => self.what = Some(value.to_owned()),
            "state" => self.state = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = if field.name() == "message" {
            write!(self.0, "{value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}
