//! How a run of fastlane ended, read from fastlane's own structure.
//!
//! A log holds the words of compilers, unit tests and other services beside fastlane's. Only three places say why a
//! run ended: the final `[!]` error or the exception, the summary table's failed action, and what that action printed
//! itself. Nothing else is looked at.
//!
//! Source: fastlane 2.237.0 at d5347690d (2026-07-21), `fastlane_runner.rb`, `lane_manager_base.rb`,
//! `actions_helper.rb`, `shell.rb`; the same in 2.146.1.

use std::sync::LazyLock;

use redaction::printable;
use regex_lite::Regex;

use crate::apple_cause::{self, AppleCause};
use crate::{SetupCause, apple_actions};

/// Lines of an error message that are kept; refusals of several screens are rare.
const MESSAGE_LINES: usize = 30;

/// Lines that are quoted where fastlane says nothing by itself.
const QUOTED_LINES: usize = 5;

/// The error that ended a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalError {
    /// fastlane's message.
    pub message: String,
    /// The class of the exception, where a trace names it.
    pub class: Option<String>,
}

/// How a run of fastlane ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    /// The error that ended it.
    pub error: Option<FinalError>,
    /// The action that failed, as the summary table or the last step's heading names it.
    pub action: Option<String>,
    /// Whether fastlane's last word is that it finished with errors. Its exit status says so, too, but for a
    /// Fastfile.swift (fastlane #20419).
    pub finished_with_errors: bool,
    /// What fastlane printed itself since the failed action began.
    printed: String,
    /// The last lines of all output.
    last_lines: String,
    /// Everything, for programs that failed before fastlane was in charge.
    all: String,
    /// Whether fastlane got as far as saying something.
    has_structure: bool,
}

impl Ending {
    /// Reads what a lane printed.
    pub fn of_lane(output: &command::Output) -> Self {
        Self::read(&output.stdout, &output.stderr, None)
    }

    /// Reads what a tool such as `fastlane deliver` printed, which is a single action.
    pub fn of_tool(tool: &str, output: &command::Output) -> Self {
        Self::read(&output.stdout, &output.stderr, Some(tool))
    }

    fn read(stdout: &str, stderr: &str, tool: Option<&str>) -> Self {
        let (stdout, stderr) = (plain(stdout), plain(stderr));
        let lines: Vec<Line<'_>> = stdout.lines().map(Line::parse).collect();
        let error = final_error(&stderr).or_else(|| final_error(&stdout));
        let summary = Summary::read(&lines);
        let headings = || lines.iter().rev().find_map(|line| step_heading(line.text));
        let action = match (tool, &summary) {
            (Some(tool), _) => Some(tool.to_owned()),
            (None, Some(summary)) => summary.failed.clone(),
            (None, None) => headings().map(str::to_owned),
        };
        let begin = match (tool, &action) {
            (None, Some(action)) => lines
                .iter()
                .rposition(|line| step_heading(line.text) == Some(action.as_str()))
                .unwrap_or(0),
            _ => 0,
        };
        let printed: Vec<&str> = lines[begin..]
            .iter()
            .filter(|line| !line.text.starts_with('▸'))
            .map(|line| line.text)
            .collect();
        let has_structure =
            error.is_some() || summary.is_some() || lines.iter().any(|line| line.is_fastlanes);
        Self {
            error,
            action,
            finished_with_errors: finished_with_errors(&lines),
            printed: printed.join("\n"),
            last_lines: last_lines(if stderr.trim().is_empty() {
                &stdout
            } else {
                &stderr
            }),
            all: format!("{stdout}\n{stderr}"),
            has_structure,
        }
    }

    /// Why Apple, or the way to Apple, ended the run. Only actions that talk to Apple are asked.
    pub fn apple_cause(&self) -> Option<AppleCause> {
        let is_spaceships = self
            .error
            .as_ref()
            .and_then(|error| error.class.as_deref())
            .is_some_and(|class| class.starts_with("Spaceship::"));
        let talks_to_apple = match self.action.as_deref() {
            Some(action) => Some(apple_actions::talks_to_apple(action) || is_spaceships),
            None => is_spaceships.then_some(true),
        };
        let text = self.error.as_ref().map(|error| match &error.class {
            Some(class) => format!("{}\n{class}", error.message),
            None => error.message.clone(),
        });
        match (talks_to_apple, text) {
            (Some(false), _) => None,
            (Some(true), text) => {
                let printed = || apple_cause::in_output(&self.printed);
                let text = text.unwrap_or_else(|| self.last_lines.clone());
                match apple_cause::in_error(&text, true).or_else(printed) {
                    // The same words stand for an address that is gone and for one that was not reached.
                    Some(AppleCause::SignInRemoved) if apple_cause::names_network(&self.printed) => {
                        Some(AppleCause::Network)
                    }
                    cause => cause,
                }
            }
            // Nobody knows which action it was: only words that are nobody else's count.
            (None, Some(text)) => apple_cause::in_error(&text, false),
            (None, None) => None,
        }
    }

    /// Why Ruby or Bundler failed before fastlane was in charge, or in the middle of loading a library.
    pub fn setup_cause(&self, status: i32) -> Option<SetupCause> {
        if !self.has_structure {
            return SetupCause::find(&self.all, status);
        }
        let error = self.error.as_ref()?;
        let class = error.class.as_deref().unwrap_or_default();
        let is_rubys = [
            "LoadError",
            "NameError",
            "NoMethodError",
            "Gem::MissingSpecError",
            "ArgumentError",
        ]
        .contains(&class)
            || class.starts_with("Gem::");
        is_rubys
            .then(|| SetupCause::find(&format!("{} ({class})", error.message), 1))
            .flatten()
    }

    /// fastlane's error in its own words, or the last lines where it has none.
    pub fn quote(&self) -> String {
        match &self.error {
            Some(error) if !error.message.is_empty() => error.message.clone(),
            Some(FinalError {
                class: Some(class), ..
            }) => class.clone(),
            _ => self.last_lines.clone(),
        }
    }
}

/// A line, without the time that fastlane puts before its own.
struct Line<'a> {
    text: &'a str,
    /// Whether fastlane said it: what it passes on from other programs has an arrow.
    is_fastlanes: bool,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Self {
        let rest = strip_time(line);
        let text = rest.unwrap_or(line);
        Self {
            text,
            is_fastlanes: rest.is_some() && !text.starts_with('▸'),
        }
    }
}

/// What follows the time that fastlane puts before its lines: `[12:34:56]: `, or `INFO [2026-11-25 12:34:56.78]: ` in
/// verbose logs.
fn strip_time(line: &str) -> Option<&str> {
    let verbose = || {
        let mut levels = ["ERROR", "WARN", "INFO", "DEBUG"].iter();
        let date = levels.find_map(|level| line.strip_prefix(level))?;
        let time = strip_shape(date, " [0000-00-00 0")?;
        time.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ':' | '.'))
            .strip_prefix("]:")
    };
    let rest = strip_shape(line, "[00:00:00]:").or_else(verbose)?;
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

/// What follows a beginning of this shape, in which `0` stands for any digit.
fn strip_shape<'a>(text: &'a str, shape: &str) -> Option<&'a str> {
    let (begin, rest) = text.split_at_checked(shape.len())?;
    let fits = |(byte, shape): (u8, u8)| byte == shape || (shape == b'0' && byte.is_ascii_digit());
    begin.bytes().zip(shape.bytes()).all(fits).then_some(rest)
}

/// The text without colors and carriage returns.
fn plain(text: &str) -> String {
    printable(&text.replace('\r', "")).into_owned()
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n")
}

/// `--- Step: build_app ---`, between two lines of dashes.
fn step_heading(text: &str) -> Option<&str> {
    text.trim()
        .strip_prefix("--- Step: ")?
        .strip_suffix(" ---")
        .map(str::trim)
}

/// fastlane's last word about the whole run.
fn finished_with_errors(lines: &[Line<'_>]) -> bool {
    let last = lines.iter().rev().find_map(|line| match line.text.trim() {
        _ if line.text.starts_with('▸') => None,
        "fastlane finished with errors" => Some(true),
        text if text.starts_with("fastlane.tools finished successfully")
            || text.starts_with("fastlane.tools just saved you") =>
        {
            Some(false)
        }
        _ => None,
    });
    last == Some(true)
}

/// The table of actions at the end of a lane.
struct Summary {
    failed: Option<String>,
}

impl Summary {
    fn read(lines: &[Line<'_>]) -> Option<Self> {
        let is_title = |line: &Line<'_>| line.text.starts_with('|') && line.text.contains("fastlane summary");
        let begin = lines.iter().rposition(is_title)?;
        let mut failed: Vec<String> = Vec::new();
        let mut is_failed_row = false;
        for line in &lines[begin + 1..] {
            if !line.text.starts_with(['|', '+']) {
                break;
            }
            let mut cells = line.text.trim_matches('|').split('|').map(str::trim);
            match (cells.next(), cells.next()) {
                (Some("💥"), Some(action)) => {
                    is_failed_row = true;
                    failed.push(action.to_owned());
                }
                // Long names are broken over several rows.
                (Some(""), Some(rest)) if is_failed_row => {
                    if let Some(action) = failed.last_mut() {
                        action.push_str(rest);
                    }
                }
                _ => is_failed_row = false,
            }
        }
        // An action whose error the lane rescues has failed, too, so the last one counts; but those of an `error` block
        // come after the one that ended the lane.
        let has_failed_error_block = lines.iter().any(|line| {
            line.text
                .starts_with("An error occurred while executing the `error` block")
        });
        let failed = if has_failed_error_block {
            failed.into_iter().next()
        } else {
            failed.into_iter().next_back()
        };
        Some(Self { failed })
    }
}

/// The last `[!]` at the beginning of a line, or the last exception of a trace, whichever comes later.
fn final_error(text: &str) -> Option<FinalError> {
    // `file:1:in 'method': [!] message (Class)`; the class ends the first line of the message.
    static TRACE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(?:\S.*?:\d+:in [`'‘].*?['’]: |\S+:\d+: )(?:\[!\] ?)?(?P<message>.*?) \((?P<class>[A-Z][\w\u{80}-\u{10FFFF}]*(?:::[\w\u{80}-\u{10FFFF}]+)*)\)$").ok()
    });
    let lines: Vec<&str> = text.lines().collect();
    let trace = TRACE.as_ref();
    for (at, line) in lines.iter().enumerate().rev() {
        if let Some(first) = line.strip_prefix("[!]") {
            return Some(FinalError {
                message: message(first, &lines[at + 1..]),
                class: class_at_end(first),
            });
        }
        if !may_be_trace(line) {
            continue;
        }
        if let Some(captures) = trace.and_then(|trace| trace.captures(line)) {
            return Some(FinalError {
                message: message(&captures["message"], &lines[at + 1..]),
                class: Some(captures["class"].to_owned()),
            });
        }
    }
    None
}

/// Whether a line has what the line of an exception has: few lines are read for one.
fn may_be_trace(line: &str) -> bool {
    let place = line.split(' ').next().and_then(|word| word.strip_suffix(':'));
    let ends_with_number = |place: &str| place.ends_with(|c: char| c.is_ascii_digit());
    line.ends_with(')') && (line.contains(":in ") || place.is_some_and(ends_with_number))
}

fn class_at_end(line: &str) -> Option<String> {
    static CLASS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r" \(((?:[A-Z][\w\u{80}-\u{10FFFF}]*::)+[\w\u{80}-\u{10FFFF}]+|[A-Z][\w\u{80}-\u{10FFFF}]*Error)\)$").ok()
    });
    let captures = CLASS.as_ref()?.captures(line.trim_end())?;
    Some(captures[1].to_owned())
}

/// A message of several lines, up to what fastlane or Ruby prints after it.
fn message(first: &str, rest: &[&str]) -> String {
    let is_after = |line: &&&str| {
        let parsed = Line::parse(line);
        parsed.is_fastlanes
            || parsed.text.starts_with('▸')
            || line.starts_with("\tfrom ")
            || line.starts_with("        from ")
            || [
                "Looking for related GitHub issues",
                "WARNING: fastlane requires",
                "Run `fastlane env`",
                "bundler: failed",
                "+--",
                "| ",
                "[!]",
            ]
            .iter()
            .any(|begin| line.starts_with(begin))
    };
    let mut lines = vec![first.trim()];
    lines.extend(
        rest.iter()
            .take_while(|line| !is_after(line))
            .take(MESSAGE_LINES)
            .map(|line| line.trim_end()),
    );
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
#[path = "ending_tests.rs"]
mod tests;
