//! The log: plain lines, and colours only where Bitrise's own steps use them.
//!
//! Everything passes the redactor. Libraries write through `tracing`; their events look the same.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use redaction::Redactor;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Where the lines of one run go. Clones share the same place.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    redactor: Redactor,
    colour: bool,
    verbose: AtomicBool,
    out: Mutex<Box<dyn std::io::Write + Send>>,
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
        let out = Mutex::new(Box::new(out) as Box<dyn std::io::Write + Send>);
        Self {
            shared: Arc::new(Shared {
                redactor,
                colour,
                verbose: AtomicBool::new(false),
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
        let mut out = self.shared.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that can't be written has nobody to tell.
        let _ = match colour {
            Some(colour) if self.shared.colour => write!(out, "\x1b[{};1m{text}\x1b[0m", colour as u8),
            _ => out.write_all(text.as_bytes()),
        };
        let _ = out.flush();
    }
}

/// Hands `tracing` events of libraries to the log.
pub(crate) struct Events(pub(crate) Log);

impl<S: Subscriber> Layer<S> for Events {
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
