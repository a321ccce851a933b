//! Why fastlane could not be prepared.

use std::path::PathBuf;

use crate::{ChosenBy, SetupCause};

/// Lines of output that an error without a known cause quotes.
const QUOTED_LINES: usize = 5;

/// Why fastlane could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is not installed.
    #[error("{program} is not installed, or not on PATH")]
    Missing {
        /// The program.
        program: &'static str,
    },
    /// A program could not be run to its end.
    #[error(transparent)]
    Command(#[from] command::Error),
    /// A program of Ruby's failed.
    #[error("`{command}` failed with exit status {status}{}", quoted(.output))]
    Failed {
        /// The command line.
        command: String,
        /// Its exit status.
        status: i32,
        /// Why, where its output says so.
        #[source]
        cause: Option<Box<SetupCause>>,
        /// Its last error.
        output: String,
    },
    /// `bundle install` made no lock file.
    #[error("`bundle install` left no {}", .0.display())]
    NoLockfile(PathBuf),
    /// A variable or a configuration names a Gemfile that is not there.
    #[error("{} names the Gemfile {}, which does not exist", origin(.chosen_by), path.display())]
    NoGemfile {
        /// Where it should be.
        path: PathBuf,
        /// What names it.
        chosen_by: ChosenBy,
    },
    /// The lock file can't be read.
    #[error(transparent)]
    Lock(#[from] crate::LockError),
}

impl Error {
    /// The failure of `program`, one of Ruby's, that printed `output`.
    pub(crate) fn failed(program: &str, command: String, output: &command::Output) -> Self {
        let text = format!("{}\n{}", output.stdout, output.stderr);
        // Only Bundler and RubyGems give their exit statuses a meaning.
        let status = if ["bundle", "gem"].contains(&program) {
            output.code()
        } else {
            1
        };
        let found = SetupCause::find_with_evidence(&text, status);
        let output_lines = output.last_lines(QUOTED_LINES);
        let (cause, quoted) = match found {
            Some((cause, evidence)) if !output_lines.contains(&evidence) => (Some(cause), evidence),
            Some((cause, _)) => (Some(cause), output_lines),
            None => (None, output_lines),
        };
        Self::Failed {
            command,
            status: output.code(),
            cause: cause.map(Box::new),
            output: quoted,
        }
    }

    /// Why a program of Ruby's failed, where that is known.
    pub fn cause(&self) -> Option<&SetupCause> {
        match self {
            Self::Failed { cause, .. } => cause.as_deref(),
            _ => None,
        }
    }
}

fn quoted(output: &str) -> String {
    if output.trim().is_empty() {
        String::new()
    } else {
        format!(":\n{output}")
    }
}

fn origin(chosen_by: &ChosenBy) -> String {
    match chosen_by {
        ChosenBy::Variable => "BUNDLE_GEMFILE".to_owned(),
        ChosenBy::Configuration(file) => format!("BUNDLE_GEMFILE in {}", file.display()),
        ChosenBy::Search | ChosenBy::Name => "the lookup".to_owned(),
    }
}
