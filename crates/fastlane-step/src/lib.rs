//! What the steps that run fastlane share: its environment, its limits, its failures, and what to do about them.
//!
//! [`fastlane_runner`] installs and starts fastlane and says what happened; here the steps' log and inputs meet it.

pub mod advice;
mod failure;
mod gemfile;
mod limits;
mod locale;
mod reporter;
mod session;
mod upload;

pub use failure::{Failure, false_success, not_ready};
pub use gemfile::{check_gemfile, describe_lock, resolving};
pub use limits::Limits;
pub use locale::ensure_utf8;
pub use reporter::LogReporter;
pub use session::with_warnings;
pub use upload::{Upload, UploadFailure, ended_by_upload};
