//! The runner's progress in a step's log.

use fastlane_runner::Reporter;
use step_kit::Log;

/// Shows the runner's progress in the log of a step.
#[derive(Debug, Clone)]
pub struct LogReporter(pub Log);

impl Reporter for LogReporter {
    fn info(&self, text: &str) {
        self.0.plain(text);
    }

    fn warn(&self, text: &str) {
        self.0.warn(text);
    }

    fn output(&self, line: &str) {
        self.0.output(line);
    }
}
