//! altool's log lines and banners.

use crate::finding::Finding;

/// Lines that altool marks as errors and that are none. Each was seen beside a good upload.
const HARMLESS: [&str; 7] = [
    // Xcode 26.6: fastlane #30130 (2026-07-21).
    "failed to get json from defaults",
    // Xcode 27: its resume state.
    "CDUploaderStateInfoResumeFilePath",
    // An option that altool does not know, or knows already: recorded from 15.4 and 16.4 (2025-10-17).
    "is unknown: ignored",
    "was already specified with value",
    // altool repeats a request by itself: fastlane #30136 (2026-08-01).
    "Retrying request (",
    "attempts remaining)",
    "WILL RETRY PART",
];

/// How many lines below a banner of failure belong to it.
const MOST_REASONS: u32 = 12;

/// What a stream says beside its documents.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// The errors, without the harmless ones.
    pub(crate) errors: Vec<Finding>,
    /// The warnings.
    pub(crate) warnings: Vec<Finding>,
    /// Where (line) the last banner or sentence of success stands.
    pub(crate) succeeded: Option<usize>,
    /// Where (line) the last banner of failure stands.
    pub(crate) failed: Option<usize>,
    /// Where (line) the last error stands.
    pub(crate) last_error: Option<usize>,
    /// The delivery's UUID, where a banner names it.
    pub(crate) delivery: Option<String>,
    /// How much was transferred, where a banner tells.
    pub(crate) transferred: Option<String>,
    /// The last line that is not blank.
    pub(crate) last_line: Option<String>,
}

/// Whether the line says that altool sends something again. A part of a file can fail this way for hours.
pub fn is_retry_line(line: &str) -> bool {
    ["WILL RETRY PART", "Retrying request ("]
        .iter()
        .any(|words| line.contains(words))
}

/// The tokens that follow the word `Bearer`: the altool of Xcode 16 prints its own in verbose logs.
pub fn bearer_tokens(text: &str) -> impl Iterator<Item = &str> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "-_.~+/=".contains(c);
    text.char_indices()
        .filter(|(_, c)| matches!(c, 'b' | 'B'))
        .filter_map(move |(at, _)| {
            let word = text.get(at..at + 6)?;
            let rest = text.get(at + 6..)?;
            let token = rest.trim_start_matches([' ', ':', '=', '"', '\'', '\t']);
            let end = token.find(|c| !is_token(c)).unwrap_or(token.len());
            (word.eq_ignore_ascii_case("bearer") && end >= 8).then_some(&token[..end])
        })
}

impl Log {
    pub(crate) fn read(text: &str) -> Self {
        let mut log = Self::default();
        // Lines right below a banner of failure are its reasons (Xcode 26).
        let mut reasons = 0;
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            log.last_line = Some(line.to_owned());
            let (level, message) = level(line);
            if message.starts_with("UPLOAD SUCCEEDED") || message.starts_with("No errors uploading") {
                log.succeeded = Some(at);
                reasons = 0;
            } else if message.starts_with("UPLOAD FAILED") || message.starts_with("VERIFY FAILED") {
                log.failed = Some(at);
                reasons = MOST_REASONS;
            } else if let Some(id) = message.strip_prefix("Delivery UUID:") {
                log.delivery = Some(id.trim().to_owned()).filter(|id| !id.is_empty());
            } else if message.starts_with("Transferred ") {
                log.transferred = Some(message.trim_start_matches("Transferred ").to_owned());
            } else if level == Level::Error {
                log.note_error(at, message);
            } else if reasons > 0 && level == Level::None {
                reasons -= 1;
                log.note_error(at, message);
            } else if level == Level::Warning && !message.is_empty() {
                log.warnings.push(Finding::of_text(message));
            } else if level == Level::Other {
                reasons = 0;
            }
        }
        log
    }

    fn note_error(&mut self, at: usize, message: &str) {
        let is_harmless = |words: &&str| message.to_lowercase().contains(&words.to_lowercase());
        let is_noise = message.is_empty() || is_rule(message) || HARMLESS.iter().any(is_harmless);
        let is_known = self.errors.iter().any(|error| error.title == message);
        if !is_noise {
            self.last_error = Some(at);
            if !is_known {
                self.errors.push(Finding::of_text(message));
            }
        }
    }
}

/// A line of equal signs, as banners have them.
fn is_rule(line: &str) -> bool {
    line.chars()
        .all(|c| matches!(c, '=' | '-' | '*' | '{' | '}' | '[' | ']' | ','))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Error,
    Warning,
    /// A log line of another level.
    Other,
    /// No log line.
    None,
}

/// A line's level and its message, without date and component. Forms: `*** Error: …` (Xcode 13 to 15), `ERROR: [altool.6000] [ContentDelivery.Uploader.6000] …`
/// (16), `ERROR: [ContentDelivery.Uploader.6000] …` (26), each after a date or not; in fastlane's logs `[Application Loader Error Output]: …`.
fn level(line: &str) -> (Level, &str) {
    const ERRORS: [&str; 6] = [
        "*** Error:",
        "ERROR:",
        "Error:",
        "error:",
        "[Application Loader Error Output]:",
        "[Transporter Error Output]:",
    ];
    const WARNINGS: [&str; 3] = ["*** Warning:", "WARNING:", "WARN:"];
    const OTHERS: [&str; 4] = ["DEBUG:", "INFO:", "Debug:", "Info:"];
    let first = |words: &[&str]| words.iter().filter_map(|word| marker(line, word)).min();
    let found = [
        (first(&ERRORS), Level::Error),
        (first(&WARNINGS), Level::Warning),
        (first(&OTHERS), Level::Other),
    ];
    let earliest = found
        .into_iter()
        .filter_map(|(at, level)| at.map(|at| (at, level)))
        .min_by_key(|(at, _)| at.0);
    match earliest {
        Some(((_, end), level)) => (level, without_components(&line[end..])),
        None => (Level::None, line),
    }
}

/// Where the marker of a level stands: at the line's beginning, or after a date, a process or a tool's name.
fn marker(line: &str, word: &str) -> Option<(usize, usize)> {
    let at = line.find(word)?;
    let before = &line[..at];
    let is_prefix = |c: char| c.is_ascii_digit() || " -:.+TZ[]*/,".contains(c);
    let words = before.split(is_prefix).filter(|part| !part.is_empty()).count();
    (words <= 2 && before.len() < 80).then_some((at, at + word.len()))
}

fn without_components(message: &str) -> &str {
    let mut message = message.trim();
    while let Some((component, rest)) = message.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let is_component = component
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if !is_component {
            break;
        }
        message = rest.trim_start();
    }
    message.strip_prefix("altool: ").unwrap_or(message)
}
