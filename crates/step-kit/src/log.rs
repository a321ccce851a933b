//! The log: plain lines, and colors only where Bitrise's own steps use them.
//!
//! Everything passes the redactor, and loses control characters: a value from a server or a project must not be able to
//! color itself as the step's failure. Libraries write through `tracing`; their events look the same.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use redaction::{Redactor, printable, printable_with_colors};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::heartbeat::{Activities, Activity, Key};
use crate::table;

/// Where the lines of one run go. Clones share the same place.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    redactor: Redactor,
    color: bool,
    verbose: AtomicBool,
    activities: Activities,
    out: Mutex<Out>,
}

struct Out {
    writer: Box<dyn std::io::Write + Send>,
    /// When something was written last.
    written: Instant,
    heading: Option<String>,
    /// When the section began: at its heading, or with the log.
    section_began: Instant,
    /// Whether lines stand under a heading.
    is_indented: bool,
    /// The last whole line, as it was given.
    line: String,
}

impl Out {
    /// Writes text as it is.
    fn write(&mut self, text: &str) {
        // A log that can't be written has nobody to tell.
        let _ = self.writer.write_all(text.as_bytes());
        let _ = self.writer.flush();
        self.written = Instant::now();
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Log(..)")
    }
}

/// Before what stands under a heading.
const INDENT: &str = "  ";

#[derive(Clone, Copy)]
enum Color {
    Blue = 34,
    Green = 32,
    Yellow = 33,
    Red = 31,
}

impl Log {
    /// A log that writes to `out`.
    pub fn new(redactor: Redactor, color: bool, out: impl std::io::Write + Send + 'static) -> Self {
        let out = Mutex::new(Out {
            writer: Box::new(out),
            written: Instant::now(),
            heading: None,
            section_began: Instant::now(),
            is_indented: false,
            line: String::new(),
        });
        Self {
            shared: Arc::new(Shared {
                redactor,
                color,
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

    /// The first line; what follows stands under it.
    pub(crate) fn title(&self, text: &str) {
        self.flush_left(text, None);
        self.out().is_indented = true;
    }

    /// Begins a section; what follows stands under its heading.
    pub fn heading(&self, text: impl AsRef<str>) {
        self.flush_left(text.as_ref(), Some(Color::Blue));
        let mut out = self.out();
        out.heading = Some(text.as_ref().to_owned());
        out.section_began = Instant::now();
        out.is_indented = true;
    }

    /// The last line of a run that succeeds.
    pub(crate) fn done(&self, text: &str) {
        self.flush_left(text, None);
    }

    /// A line at the margin, with an empty one before it.
    fn flush_left(&self, text: &str, color: Option<Color>) {
        self.out().is_indented = false;
        self.print("\n");
        self.line(text, color);
    }

    /// Rows under their columns' names, aligned.
    pub fn table(&self, columns: &[&str], rows: &[Vec<String>]) {
        table::lines(columns, rows)
            .iter()
            .for_each(|line| self.plain(line));
    }

    /// Begins something that may take long, such as `waiting for App Store Connect to process build 42`: whenever
    /// nothing was printed for most of a minute, a line says that it is still running, for how long, and in which state.
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

    /// The last heading, and when what stands under it began.
    pub(crate) fn section(&self) -> (Option<String>, Instant) {
        let out = self.out();
        (out.heading.clone(), out.section_began)
    }

    /// A line as it is.
    pub fn plain(&self, text: impl AsRef<str>) {
        self.line(text.as_ref(), None);
    }

    /// A line that another program printed; its colors stay, unless colors are off.
    pub fn output(&self, text: impl AsRef<str>) {
        let text = if self.shared.color {
            printable_with_colors(text.as_ref())
        } else {
            printable(text.as_ref())
        };
        self.print(&format!("{text}\n"));
    }

    /// A line that the next one of its kind replaces, such as a progress bar: for terminals.
    pub fn transient(&self, text: impl AsRef<str>) {
        self.print(&format!("\r\x1b[2K{}", printable(text.as_ref())));
    }

    /// Something that went well.
    pub fn success(&self, text: impl AsRef<str>) {
        self.line(text.as_ref(), Some(Color::Green));
    }

    /// Something to look at.
    pub fn warn(&self, text: impl AsRef<str>) {
        self.line(text.as_ref(), Some(Color::Yellow));
    }

    /// A detail, shown when the log is verbose. What the line before it says already is not said again: a step shows its
    /// most important commands itself, and the runner shows every command.
    pub fn debug(&self, text: impl AsRef<str>) {
        if self.shared.verbose.load(Ordering::Relaxed) && self.out().line != text.as_ref() {
            self.line(text.as_ref(), None);
        }
    }

    /// Why the step failed. Bitrise shows the last bold red block as the build's failure reason, so there is
    /// exactly one, last and short.
    pub(crate) fn failure(&self, text: &str) {
        self.flush_left(text, Some(Color::Red));
    }

    fn line(&self, text: &str, color: Option<Color>) {
        // Before it is indented: a secret of several lines is known as it is. Once more after the stripping: control
        // characters may hide in a secret, or hide one.
        let redactor = &self.shared.redactor;
        let masked = redactor.redact(text);
        let shown = redactor.redact(&printable(&masked)).into_owned();
        let mut out = self.out();
        let indent = if out.is_indented && !text.is_empty() {
            INDENT
        } else {
            ""
        };
        let shown = shown.replace('\n', &format!("\n{indent}"));
        let line = match color {
            Some(color) if self.shared.color => format!("{indent}\x1b[{};1m{shown}\x1b[0m\n", color as u8),
            _ => format!("{indent}{shown}\n"),
        };
        out.write(&line);
        text.clone_into(&mut out.line);
    }

    fn print(&self, text: &str) {
        self.out().write(&self.shared.redactor.redact(text));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn printed(color: bool, print: impl Fn(&Log)) -> String {
        let (sink, redactor) = (Sink::default(), Redactor::new());
        redactor.learn("s3cret-value");
        print(&Log::new(redactor, color, sink.clone()));
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_secret_of_short_lines_is_masked_under_a_heading() {
        let (sink, redactor) = (Sink::default(), Redactor::new());
        redactor.learn("ab12\ncd34");
        let log = Log::new(redactor, false, sink.clone());
        log.heading("Account");
        log.plain("it is ab12\ncd34, really");
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("ab12") && !text.contains("cd34"), "{text}");
        assert!(text.contains("\n  it is "), "{text}");
    }

    #[test]
    fn nobodys_text_can_color_itself_as_the_failure() {
        let forged = "\x1b[0m\x1b[31;1mforged\x1b[0m";
        for color in [true, false] {
            let text = printed(color, |log| {
                log.plain(forged);
                log.warn(forged);
                log.failure(&format!("it broke: {forged}"));
            });
            let blocks: Vec<&str> = text.split("\x1b[31;1m").skip(1).collect();
            assert_eq!(
                blocks,
                if color {
                    vec!["it broke: forged\x1b[0m\n"]
                } else {
                    vec![]
                },
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_command_is_shown_once() {
        let text = printed(false, |log| {
            log.set_verbose(true);
            log.plain("$ fastlane beta");
            log.debug("$ fastlane beta");
            log.debug("$ ruby --version");
            log.debug("a detail");
        });
        assert_eq!(text, "$ fastlane beta\n$ ruby --version\na detail\n");
    }

    #[test]
    fn control_characters_hide_no_secret() {
        assert_eq!(
            printed(true, |log| log.plain("s3cret\x1b[0m-value")),
            "[REDACTED]\n"
        );
    }

    #[test]
    fn programs_keep_their_colors_and_nothing_else() {
        let text = "\x1b[32mok\x1b[0m\x1b[2J s3cret-value";
        assert_eq!(
            printed(true, |log| log.output(text)),
            "\x1b[32mok\x1b[0m [REDACTED]\n"
        );
        assert_eq!(printed(false, |log| log.output(text)), "ok [REDACTED]\n");
    }
}
