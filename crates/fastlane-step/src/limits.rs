//! How long fastlane may run.

use std::time::Duration;

use command::Command;
use step_kit::{InputProblem, duration};

/// How long fastlane may run, and how long it may print nothing. Without a limit it may as long as it likes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Longest run.
    pub timeout: Option<Duration>,
    /// Longest silence.
    pub silence_timeout: Option<Duration>,
}

impl Limits {
    /// The limits that the inputs `timeout` and `silence_timeout` say.
    ///
    /// # Errors
    /// With every input that is no duration.
    pub fn parse(timeout: Option<&str>, silence_timeout: Option<&str>) -> Result<Self, Vec<InputProblem>> {
        let mut problems = Vec::new();
        let mut read = |key: &str, text: Option<&str>| {
            let limit =
                duration(text?).map_err(|error| problems.push(InputProblem::new(key, error.to_string())));
            limit.ok()
        };
        let limits = Self {
            timeout: read("timeout", timeout),
            silence_timeout: read("silence_timeout", silence_timeout),
        };
        if problems.is_empty() {
            Ok(limits)
        } else {
            Err(problems)
        }
    }

    /// The command with these limits.
    #[must_use]
    pub fn apply(self, command: Command) -> Command {
        let mut command = command.unlimited();
        if let Some(limit) = self.timeout {
            command = command.timeout(limit);
        }
        if let Some(limit) = self.silence_timeout {
            command = command.silence_timeout(limit);
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_input_that_is_no_duration_is_named() {
        let problems = Limits::parse(Some("soon"), Some("never")).unwrap_err();
        let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["timeout", "silence_timeout"]);
        assert_eq!(Limits::parse(None, None), Ok(Limits::default()));
        let limits = Limits::parse(Some("30m"), None).unwrap();
        assert_eq!(limits.timeout, Some(Duration::from_secs(1800)));
    }
}
