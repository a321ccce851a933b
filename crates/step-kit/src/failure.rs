//! What goes wrong, for whom, and what to do next.

use std::fmt;

/// What a person should do about an error; shown once, after the chain of causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint(pub String);

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The exit status that the step ends with, where it is another program's; see [`Advice::exit_status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitStatus(pub u8);

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit status {}", self.0)
    }
}

/// Attaches advice to errors.
pub trait Advice {
    /// The same with a [`Hint`].
    #[must_use]
    fn hint(self, text: impl Into<String>) -> Self;
    /// The same with the exit status of another program.
    #[must_use]
    fn exit_status(self, status: u8) -> Self;
}

impl Advice for anyhow::Error {
    fn hint(self, text: impl Into<String>) -> Self {
        self.context(Hint(text.into()))
    }

    fn exit_status(self, status: u8) -> Self {
        self.context(ExitStatus(status))
    }
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
        let plural = if self.0.len() == 1 {
            "an input needs"
        } else {
            "some inputs need"
        };
        write!(f, "{plural} your attention")?;
        for problem in &self.0 {
            write!(f, "\n- {}: {}", problem.key, problem.problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for InputProblems {}

/// How the process ends because of an error.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<InputProblems>().is_some() {
        return 2;
    }
    error.downcast_ref::<ExitStatus>().map_or(1, |status| status.0)
}

/// What to do next, where somebody said it.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    error.downcast_ref::<Hint>().map(ToString::to_string)
}

/// What failed, without its causes.
pub(crate) fn summary(error: &anyhow::Error) -> String {
    links(error).into_iter().next().unwrap_or_default()
}

/// The error as people read it: what failed, why, and what to do next.
pub(crate) fn render(error: &anyhow::Error) -> String {
    let links = links(error);
    let mut text = links.join("\n  caused by: ");
    if let Some(hint) = hint(error) {
        text.push_str("\nWhat to do next: ");
        text.push_str(&hint);
    }
    text
}

/// The error and its causes, without the advice that travels with them.
fn links(error: &anyhow::Error) -> Vec<String> {
    let hint = hint(error);
    let status = error.downcast_ref::<ExitStatus>().map(ToString::to_string);
    let is_advice = |text: &String| Some(text) == hint.as_ref() || Some(text) == status.as_ref();
    let mut links: Vec<String> = error
        .chain()
        .map(ToString::to_string)
        .filter(|text| !is_advice(text))
        .collect();
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
            .context("failed to list devices");
        assert_eq!(
            render(&error),
            "failed to list devices\n  caused by: 403 Forbidden\nWhat to do next: sign the agreement"
        );
        assert_eq!(exit_code(&error), 1);
    }

    #[test]
    fn wrong_inputs_and_other_programs_have_their_own_exit_status() {
        let wrong: anyhow::Error = InputProblems(vec![InputProblem::new("lane", "is missing")]).into();
        assert_eq!(exit_code(&wrong), 2);
        let lane = Err::<(), _>(anyhow::anyhow!("the lane failed").exit_status(7))
            .context("fastlane")
            .unwrap_err();
        assert_eq!(
            (exit_code(&lane), render(&lane).as_str()),
            (7, "fastlane\n  caused by: the lane failed")
        );
    }
}
