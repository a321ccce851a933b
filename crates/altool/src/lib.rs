//! Reads what altool answers, and says what Apple's refusals of an upload mean.
//!
//! [`read`] turns the output of one altool run into a [`Report`]: delivered, refused, transient, or unclear. It reads
//! everything that the altool of Xcode 13 to 26 prints: one-line and pretty JSON, plists in XML, banners, log lines,
//! several results in a row, with other output around them. Xcode 27 is read like 26; no output of it was seen
//! (2026-11-25).
//!
//! [`fastlane_output`] extracts altool's words from a log of fastlane. [`Cause`] names the reason of a refusal by
//! Apple's codes and phrases, whoever reports it, with one remedy each.

mod cause;
mod document;
mod fastlane;
mod finding;
mod log;
mod passing;
mod verdict;

pub use cause::{Cause, purpose_strings, table};
pub use fastlane::fastlane_output;
pub use finding::Finding;
pub use log::{bearer_tokens, is_retry_line};
pub use passing::Passing;
pub use verdict::{Delivery, Ending, Report, Verdict, read};
