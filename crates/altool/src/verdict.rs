//! The verdict over one run of altool.

use serde_json::Value;

use crate::cause::Cause;
use crate::document::{self, get, list, text};
use crate::finding::Finding;
use crate::log::Log;
use crate::passing::Passing;

/// How the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With an exit status.
    Exit(i32),
    /// By a signal, by its number.
    Signal(i32),
}

impl Ending {
    /// A crash, in words; `None` for an ending that altool chose.
    fn crash(self, is_blank: bool) -> Option<String> {
        match self {
            Self::Signal(signal) => Some(format!("altool crashed (signal {signal})")),
            // Shells and wrappers report a signal as 128 plus its number.
            Self::Exit(status @ 129..=159) => Some(format!(
                "altool crashed (exit status {status}, signal {})",
                status - 128
            )),
            Self::Exit(255 | -1) if is_blank => {
                Some("altool crashed (exit status 255 without output)".to_owned())
            }
            Self::Exit(_) => None,
        }
    }

    fn words(self) -> String {
        match self {
            Self::Exit(status) => format!("exit status {status}"),
            Self::Signal(signal) => format!("signal {signal}"),
        }
    }
}

/// What altool says about a delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// altool's words.
    pub message: String,
    /// The delivery UUID. It is no build ID.
    pub id: Option<String>,
    /// How much was transferred how fast, in altool's words.
    pub transferred: Option<String>,
}

/// What a run led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// App Store Connect has the build.
    Delivered(Delivery),
    /// It was refused, for good.
    Refused(Vec<Finding>),
    /// It failed for a reason that passes.
    Transient {
        /// Which kind of reason.
        kind: Passing,
        /// In words, such as `altool crashed (signal 6)`.
        reason: String,
        /// The errors, where altool named any.
        errors: Vec<Finding>,
    },
    /// altool does not tell, or contradicts itself.
    Unclear {
        /// What is not clear.
        reason: String,
        /// The errors, where altool named any.
        errors: Vec<Finding>,
    },
}

/// All that a run says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// The warnings, whatever the verdict.
    pub warnings: Vec<Finding>,
}

/// What the documents say, in their order.
#[derive(Default)]
struct Documents {
    delivery: Option<Delivery>,
    errors: Vec<Finding>,
    /// Errors that a later success stands against.
    overruled: Vec<Finding>,
    warnings: Vec<Finding>,
    any: bool,
}

/// Reads the output of one run of altool; either stream may hold everything.
///
/// Facts: the altool of Xcode 26.0 exits with 0 after a refusal, and names a delivery beside its errors (fastlane #29739,
/// #29938); others print error lines beside a good upload (fastlane #30130). So a delivery needs positive proof, an
/// error beside it counts, and where the two contradict each other the end is unclear.
pub fn read(stdout: &str, stderr: &str, ending: Ending) -> Report {
    let (mut documents, rest_of_stdout) = document::split(stdout);
    let (more, rest_of_stderr) = document::split(stderr);
    documents.extend(more);
    let documents = Documents::read(&documents);
    let logs = [Log::read(&rest_of_stderr), Log::read(&rest_of_stdout)];
    let mut warnings = documents.warnings.clone();
    for warning in logs.iter().flat_map(|log| &log.warnings) {
        let is_known = warnings
            .iter()
            .any(|known| known.whole().contains(&warning.title));
        if !is_known {
            warnings.push(warning.clone());
        }
    }
    let is_blank = stdout.trim().is_empty() && stderr.trim().is_empty();
    let text = format!("{rest_of_stderr}\n{rest_of_stdout}");
    Report {
        verdict: verdict(documents, &logs, &text, ending, is_blank, stdout),
        warnings,
    }
}

impl Documents {
    fn read(documents: &[Value]) -> Self {
        let mut all = Self::default();
        for document in documents {
            all.any = true;
            all.warnings.extend(findings(document, "warnings"));
            let mut errors = findings(document, "product-errors");
            errors.extend(findings(document, "errors"));
            errors.extend(failed_status(document));
            if !errors.is_empty() {
                all.delivery = None;
                all.errors.append(&mut errors);
            } else if let Some(delivery) = delivery(document) {
                all.overruled.append(&mut all.errors);
                all.delivery = Some(delivery);
            }
        }
        all
    }
}

fn findings(document: &Value, key: &str) -> Vec<Finding> {
    list(get(document, key))
        .into_iter()
        .map(Finding::of_value)
        .collect()
}

/// What a document of `--wait` or `--build-status` says about a build that was not accepted.
fn failed_status(document: &Value) -> Option<Finding> {
    let details = get(document, "details").unwrap_or(&Value::Null);
    let status = [
        "build-status",
        "processing-state",
        "upload-state",
        "status",
        "state",
    ]
    .iter()
    .find_map(|key| text(get(document, key)).or_else(|| text(get(details, key))))?;
    let is_bad = ["FAILED", "INVALID", "REJECTED"]
        .iter()
        .any(|bad| status.to_uppercase().contains(bad));
    is_bad.then(|| Finding::of_text(&format!("App Store Connect reports the build as {status}")))
}

fn delivery(document: &Value) -> Option<Delivery> {
    let details = get(document, "details").unwrap_or(&Value::Null);
    // A validation sends nothing.
    let message = text(get(document, "success-message")).filter(|message| !message.contains("validating"));
    let id = text(get(details, "delivery-uuid"));
    (message.is_some() || id.is_some()).then(|| Delivery {
        message: message.unwrap_or_default(),
        id,
        transferred: text(get(details, "transferred")),
    })
}

fn verdict(
    documents: Documents,
    logs: &[Log; 2],
    text: &str,
    ending: Ending,
    is_blank: bool,
    stdout: &str,
) -> Verdict {
    let mut logged: Vec<Finding> = Vec::new();
    for error in logs.iter().flat_map(|log| &log.errors) {
        if !logged.contains(error) {
            logged.push(error.clone());
        }
    }
    if !documents.errors.is_empty() {
        let mut errors = documents.errors;
        if !errors.iter().any(Finding::is_specific) {
            errors.extend(logged);
            return failed(errors);
        }
        return match (failed(errors), passing_line(text)) {
            // The result's error means nothing to anybody, and the log names a cause that passes.
            (Verdict::Refused(errors), Some((line, kind))) if errors.iter().all(is_unknown) => {
                Verdict::Transient {
                    kind,
                    reason: format!("{kind}: {line}"),
                    errors,
                }
            }
            (verdict, _) => verdict,
        };
    }
    let has_failed_banner = logs.iter().any(|log| log.failed.is_some());
    let serious = |errors: &[Finding]| {
        errors
            .iter()
            .any(|error| Passing::of(error).is_none() && Cause::of(error).is_some())
    };
    if let Some(delivery) = documents.delivery {
        let against = !documents.overruled.is_empty()
            && documents
                .overruled
                .iter()
                .any(|error| Passing::of(error).is_none());
        if against || has_failed_banner || serious(&logged) {
            let mut errors = documents.overruled;
            errors.extend(logged);
            return Verdict::Unclear {
                reason: "altool reports both a delivery and errors".to_owned(),
                errors: specific(errors),
            };
        }
        return delivered(delivery, ending, logged);
    }
    let succeeded = logs.iter().any(|log| log.succeeded.is_some());
    if succeeded {
        let later = logs
            .iter()
            .any(|log| log.succeeded.is_some() && log.failed.max(log.last_error) > log.succeeded);
        if later {
            return failed(logged);
        }
        if has_failed_banner || serious(&logged) {
            return Verdict::Unclear {
                reason: "altool reports both a success and errors".to_owned(),
                errors: specific(logged),
            };
        }
        let delivery = Delivery {
            message: "altool reports that the upload succeeded.".to_owned(),
            id: logs.iter().find_map(|log| log.delivery.clone()),
            transferred: logs.iter().find_map(|log| log.transferred.clone()),
        };
        return delivered(delivery, ending, logged);
    }
    if has_failed_banner && logged.is_empty() {
        return Verdict::Refused(vec![Finding::of_text(
            "altool reports that the upload failed, without a reason",
        )]);
    }
    if !specific(logged.clone()).is_empty() {
        return failed(logged);
    }
    untold(documents.any, logs, text, ending, is_blank, stdout)
}

fn delivered(delivery: Delivery, ending: Ending, errors: Vec<Finding>) -> Verdict {
    if ending == Ending::Exit(0) {
        return Verdict::Delivered(delivery);
    }
    Verdict::Unclear {
        reason: format!(
            "altool reports a delivery, but exited with an error status ({})",
            ending.words()
        ),
        errors,
    }
}

/// The verdict over errors: transient where all of them are.
fn failed(errors: Vec<Finding>) -> Verdict {
    let errors = specific(errors);
    let kinds: Vec<Option<Passing>> = errors.iter().map(Passing::of).collect();
    match kinds.first() {
        Some(Some(kind)) if kinds.iter().all(Option::is_some) => Verdict::Transient {
            kind: *kind,
            reason: errors
                .first()
                .map_or_else(|| kind.to_string(), |error| format!("{kind}: {error}")),
            errors,
        },
        _ => Verdict::Refused(errors),
    }
}

/// Whether nothing says what the error is about. A validation has a reason, known or not.
fn is_unknown(error: &Finding) -> bool {
    let is_validation = error
        .codes()
        .iter()
        .any(|code| matches!(*code, "400" | "403" | "404" | "409" | "422"))
        || error.whole().contains("alidation");
    Cause::of(error).is_none() && Passing::of(error).is_none() && !is_validation
}

/// The last line of a log that names a cause which passes; altool's own repetitions are none.
fn passing_line(text: &str) -> Option<(&str, Passing)> {
    let lines = text.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    lines
        .take(200)
        .filter(|line| !crate::log::is_retry_line(line))
        .find_map(|line| Some((line, Passing::of(&Finding::of_text(line))?)))
}

/// The errors without those that only say that something failed, unless there are no others.
fn specific(errors: Vec<Finding>) -> Vec<Finding> {
    if errors.iter().any(Finding::is_specific) {
        errors.into_iter().filter(Finding::is_specific).collect()
    } else {
        errors
    }
}

/// The verdict over output that names neither a delivery nor an error.
fn untold(
    has_document: bool,
    logs: &[Log; 2],
    text: &str,
    ending: Ending,
    is_blank: bool,
    stdout: &str,
) -> Verdict {
    let crash = ending
        .crash(is_blank)
        .or_else(|| Passing::is_crash(text).then(|| "altool crashed".to_owned()));
    if let Some(reason) = crash {
        return Verdict::Transient {
            kind: Passing::Crash,
            reason,
            errors: Vec::new(),
        };
    }
    // altool's older versions write their errors without a mark.
    let lines = || {
        text.lines()
            .rev()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .take(200)
    };
    let of_line = |line: &str| Finding::of_text(line);
    if ending != Ending::Exit(0)
        && let Some(line) = lines().find(|line| {
            let finding = of_line(line);
            Passing::of(&finding).is_none() && Cause::of(&finding).is_some()
        })
    {
        return Verdict::Refused(vec![of_line(line)]);
    }
    if let Some((line, kind)) = lines().find_map(|line| Some((line, Passing::of(&of_line(line))?))) {
        return Verdict::Transient {
            kind,
            reason: format!("{kind}: {line}"),
            errors: vec![of_line(line)],
        };
    }
    let last = logs.iter().find_map(|log| log.last_line.clone());
    let reason = match (ending, last) {
        (Ending::Exit(0), _) if is_blank => "altool exited without any output".to_owned(),
        (Ending::Exit(0), _) if has_document => "altool reports neither a delivery nor an error".to_owned(),
        (Ending::Exit(0), _) if stdout.trim_start().starts_with(['{', '<']) => {
            "altool's result is truncated".to_owned()
        }
        (Ending::Exit(0), _) => "altool's output says nothing about a delivery".to_owned(),
        (ending, Some(last)) => format!(
            "altool exited with {} and named no error; its last line: {last}",
            ending.words()
        ),
        (ending, None) => format!("altool exited with {} and named no error", ending.words()),
    };
    Verdict::Unclear {
        reason,
        errors: Vec::new(),
    }
}
