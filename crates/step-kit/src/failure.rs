//! What goes wrong, for whom, and what to do next.

use std::fmt;

use redaction::Redactor;

use crate::{OutputError, TempDirError};

/// Attaches advice to errors.
pub trait Advice {
    /// The same with what a person should do about it: shown once, after the chain of causes, and never among them.
    #[must_use]
    fn hint(self, text: impl Into<String>) -> Self;
    /// The same with the exit status of another program, with which the step ends.
    #[must_use]
    fn exit_status(self, status: u8) -> Self;
}

/// What travels with an error and is none of its causes.
#[derive(Debug)]
enum Note {
    Hint(String),
    ExitStatus(u8),
}

/// An error with a note. It reads like the error alone: its text and its causes are those of the error.
#[derive(Debug)]
struct Noted {
    note: Note,
    error: anyhow::Error,
}

impl fmt::Display for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)
    }
}

impl std::error::Error for Noted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.chain().nth(1)
    }
}

impl Advice for anyhow::Error {
    fn hint(self, text: impl Into<String>) -> Self {
        let note = Note::Hint(text.into());
        Self::new(Noted { note, error: self })
    }

    fn exit_status(self, status: u8) -> Self {
        let note = Note::ExitStatus(status);
        Self::new(Noted { note, error: self })
    }
}

/// The first error of type `T` in a chain, behind contexts and notes.
pub fn find<T: std::error::Error + Send + Sync + 'static>(error: &anyhow::Error) -> Option<&T> {
    error.downcast_ref::<T>().or_else(|| {
        // The chain continues behind a note, which hides the type of what it holds: from there on that is asked.
        for cause in error.chain() {
            if let Some(noted) = cause.downcast_ref::<Noted>() {
                return find(&noted.error);
            }
            if let Some(found) = cause.downcast_ref::<T>() {
                return Some(found);
            }
        }
        None
    })
}

/// The first note that `choose` takes, from the outside in.
fn note<'a, T>(error: &'a anyhow::Error, choose: fn(&'a Note) -> Option<T>) -> Option<T> {
    let noted = error.chain().find_map(|cause| cause.downcast_ref::<Noted>())?;
    choose(&noted.note).or_else(|| note(&noted.error, choose))
}

impl<T> Advice for Result<T, anyhow::Error> {
    fn hint(self, text: impl Into<String>) -> Self {
        self.map_err(|error| error.hint(text))
    }

    fn exit_status(self, status: u8) -> Self {
        self.map_err(|error| error.exit_status(status))
    }
}

/// One input that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputProblem {
    /// The input's key.
    pub key: String,
    /// What is wrong and what is accepted, in one line; a secret's value is not in it.
    pub problem: String,
}

impl InputProblem {
    /// A problem with the input `key`.
    pub fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            problem: problem.into(),
        }
    }
}

impl From<InputProblem> for InputProblems {
    fn from(problem: InputProblem) -> Self {
        Self(vec![problem])
    }
}

/// Everything that is wrong with the inputs. A step that returns it ends with exit status 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputProblems(pub Vec<InputProblem>);

impl fmt::Display for InputProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("1 input is invalid")?,
            count => write!(f, "{count} inputs are invalid")?,
        }
        for problem in &self.0 {
            write!(f, "\n- {}: {}", problem.key, problem.problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for InputProblems {}

/// How a run failed, as log, summary, page and annotation tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What failed.
    what: String,
    /// Why, each because of the next.
    causes: Vec<String>,
    /// What to do next.
    hint: Option<String>,
    /// The exit status of the process.
    pub(crate) status: u8,
}

impl Failure {
    /// One without an error behind it.
    pub(crate) fn new(what: impl Into<String>, hint: Option<&str>, status: u8) -> Self {
        Self {
            what: what.into(),
            causes: Vec::new(),
            hint: hint.map(str::to_owned),
            status,
        }
    }

    /// What an error says, with its causes, its advice and its exit status.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let mut links = links(error).into_iter();
        Self {
            what: links.next().unwrap_or_default(),
            causes: links.collect(),
            hint: hint(error),
            status: exit_code(error),
        }
    }

    /// The same without secrets: before the text is laid out, since a secret of several lines is known as it is.
    pub(crate) fn redacted(self, redactor: &Redactor) -> Self {
        let masked = |text: String| redactor.redact(&text).into_owned();
        Self {
            what: masked(self.what),
            causes: self.causes.into_iter().map(masked).collect(),
            hint: self.hint.map(masked),
            status: self.status,
        }
    }

    /// What failed, as a sentence.
    pub(crate) fn what(&self) -> String {
        sentence(&self.what)
    }

    /// Why, each because of the next.
    pub(crate) fn causes(&self) -> Vec<String> {
        self.causes.iter().map(|cause| ended(cause)).collect()
    }

    /// What to do next.
    pub(crate) fn hint(&self) -> Option<String> {
        self.hint.as_deref().map(ended)
    }

    /// What failed and why: a sentence, and the causes below it, each because of the next.
    fn reason(&self) -> String {
        let mut text = self.what().replace('\n', "\n  ");
        for (position, cause) in self.causes().iter().enumerate() {
            let label = if position == 0 { "  Reason: " } else { INDENT };
            text.push('\n');
            text.push_str(label);
            text.push_str(&cause.replace('\n', &format!("\n{INDENT}")));
        }
        text
    }

    /// The block that ends the log.
    pub(crate) fn text(&self) -> String {
        match self.hint() {
            Some(hint) => format!(
                "{}\n  Next:   {}",
                self.reason(),
                hint.replace('\n', &format!("\n{INDENT}"))
            ),
            None => self.reason(),
        }
    }

    /// The same in Markdown.
    pub(crate) fn markdown(&self) -> String {
        // A list in the first link needs a blank line before it.
        let mut text = format!("**Failed:** {}", self.what().replacen("\n- ", "\n\n- ", 1));
        match self.causes().as_slice() {
            [] => {}
            [cause] => {
                text.push_str("\n\n**Reason:** ");
                text.push_str(&cause.replacen("\n- ", "\n\n- ", 1));
            }
            causes => {
                text.push_str("\n\n**Reason:**\n");
                for cause in causes {
                    text.push_str("\n- ");
                    text.push_str(&cause.replace('\n', "\n  "));
                }
            }
        }
        if let Some(hint) = self.hint() {
            text.push_str("\n\n**Next:** ");
            text.push_str(&hint);
        }
        text
    }
}

/// As wide as the labels of the block that ends the log.
const INDENT: &str = "          ";

/// Text as a sentence: a capital letter first, and a full stop at the end of the first line.
fn sentence(text: &str) -> String {
    let text = ended(text);
    // A word such as `api_key_path` or `deliver` keeps its letters.
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if text.split(' ').next().is_some_and(is_word) => {
            first.to_uppercase().chain(characters).collect()
        }
        _ => text,
    }
}

fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_lowercase() || c == '\'') && !NAMES.contains(&text)
}

/// Names that begin with a small letter.
const NAMES: [&str; 5] = ["fastlane", "altool", "xcodebuild", "envman", "deliver"];

/// Text whose first line ends like a sentence, or with a colon where lines follow.
fn ended(text: &str) -> String {
    let (first, rest) = match text.split_once('\n') {
        Some((first, rest)) => (first, Some(rest)),
        None => (text, None),
    };
    let first = first.trim_end();
    let has_end = first.ends_with(['.', '!', '?', ':', ';', ',', ']']);
    match rest {
        Some(rest) if has_end => format!("{first}\n{rest}"),
        Some(rest) => format!("{first}:\n{rest}"),
        None if has_end || first.is_empty() => first.to_owned(),
        None => format!("{first}."),
    }
}

/// How the process ends because of an error.
fn exit_code(error: &anyhow::Error) -> u8 {
    if find::<InputProblems>(error).is_some() {
        return 2;
    }
    let status = note(error, |note| match note {
        Note::ExitStatus(status) => Some(*status),
        Note::Hint(_) => None,
    });
    status.unwrap_or(1)
}

/// What to do next, where somebody said it. What the machine lacks comes first: advice about the work that needed it would
/// mislead.
fn hint(error: &anyhow::Error) -> Option<String> {
    if let Some(error) = find::<TempDirError>(error) {
        return Some(error.hint());
    }
    if let Some(error) = find::<OutputError>(error) {
        return Some(error.hint());
    }
    let said = note(error, |note| match note {
        Note::Hint(text) => Some(text.clone()),
        Note::ExitStatus(_) => None,
    });
    said.or_else(|| find::<std::io::Error>(error).and_then(about_disk))
}

/// What to do about a file that can't be written, where the reason is the disk.
fn about_disk(error: &std::io::Error) -> Option<String> {
    use std::io::ErrorKind;
    let advice = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free space on the disk, then rerun",
        ErrorKind::ReadOnlyFilesystem => {
            "use a directory that can be written: this one's file system is read-only"
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

/// The error and its causes.
fn links(error: &anyhow::Error) -> Vec<String> {
    let mut links: Vec<String> = error.chain().map(ToString::to_string).collect();
    // A cause whose text its successor already quotes is not said twice.
    links.dedup_by(|later, earlier| earlier.contains(later.as_str()));
    links
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn an_error_is_told_once_with_its_causes_and_what_to_do() {
        let error = anyhow::anyhow!("403 Forbidden")
            .hint("sign the agreement")
            .context("could not list devices");
        let failure = Failure::of(&error);
        assert_eq!(
            failure.text(),
            "Could not list devices.\n  Reason: 403 Forbidden.\n  Next:   sign the agreement."
        );
        assert_eq!(
            failure.markdown(),
            "**Failed:** Could not list devices.\n\n**Reason:** 403 Forbidden.\n\n**Next:** sign the agreement."
        );
        assert_eq!(failure.status, 1);
    }

    #[test]
    fn wrong_inputs_and_other_programs_have_their_own_exit_status() {
        let wrong: anyhow::Error = InputProblems(vec![InputProblem::new("lane", "is missing")]).into();
        let wrong = Failure::of(&wrong);
        assert_eq!(
            (wrong.status, wrong.markdown().as_str()),
            (2, "**Failed:** 1 input is invalid:\n\n- lane: is missing")
        );
        let lane = Err::<(), _>(anyhow::anyhow!("the lane failed").exit_status(7))
            .context("fastlane")
            .unwrap_err();
        let lane = Failure::of(&lane);
        assert_eq!(
            (lane.status, lane.text().as_str()),
            (7, "fastlane.\n  Reason: the lane failed.")
        );
    }

    #[test]
    fn advice_that_reads_like_a_cause_stays_apart_from_it() {
        // What once told advice from causes was its text.
        let error = anyhow::anyhow!("accept the agreement")
            .context("Apple refused the request")
            .hint("accept the agreement");
        let failure = Failure::of(&error);
        assert_eq!(failure.causes, ["accept the agreement"]);
        assert_eq!(failure.hint.as_deref(), Some("accept the agreement"));
        assert_eq!(
            format!("{error:#}"),
            "Apple refused the request: accept the agreement"
        );
    }

    #[test]
    fn an_error_is_found_behind_its_notes_and_the_outer_hint_wins() {
        let problems = InputProblems(vec![InputProblem::new("lane", "is missing")]);
        let error = anyhow::Error::from(problems)
            .hint("inner")
            .exit_status(7)
            .context("outer")
            .hint("outer hint");
        assert!(find::<InputProblems>(&error).is_some());
        let failure = Failure::of(&error);
        assert_eq!((failure.status, failure.hint.as_deref()), (2, Some("outer hint")));
        assert_eq!(failure.what, "outer");
        assert_eq!(failure.causes.len(), 1, "{:?}", failure.causes);
    }
}
