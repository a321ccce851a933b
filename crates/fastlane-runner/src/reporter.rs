//! Where the crate's progress goes.

/// Receives what happens while fastlane is installed and started: a step's log, or a test's notebook.
///
/// Texts are not redacted here; whoever shows them does that.
pub trait Reporter: Send + Sync {
    /// A fact about the run.
    fn info(&self, text: &str);
    /// Something to look at.
    fn warn(&self, text: &str);
    /// A line that a program printed.
    fn output(&self, line: &str);
}
