//! The directory for temporary files, and what to do when it can't be used.

use std::io;
use std::path::PathBuf;

use crate::Environment;

/// The variable that names the directory (POSIX, "Environment Variables").
const VARIABLE: &str = "TMPDIR";

/// A temporary file or directory could not be written: the directory for them is missing, read-only, full, or none.
///
/// Shows what to do about it by itself, whoever returns it: a step only passes it on.
#[derive(Debug, thiserror::Error)]
#[error("could not write to the temporary directory `{}`", directory.display())]
pub struct TempDirError {
    directory: PathBuf,
    /// What [`VARIABLE`] says, where it says something.
    given: Option<PathBuf>,
    #[source]
    source: io::Error,
}

impl TempDirError {
    pub(crate) fn new(env: &Environment, source: io::Error) -> Self {
        let directory = env.temp_dir();
        Self {
            directory: std::path::absolute(&directory).unwrap_or(directory),
            given: env.path(VARIABLE),
            source,
        }
    }

    /// What to do next.
    pub(crate) fn hint(&self) -> String {
        match &self.given {
            Some(given) => format!(
                "check that {VARIABLE}, which is `{}`, names a directory that exists, can be written, and has space left",
                given.display()
            ),
            None => format!(
                "check that `{}` can be written and has space left, or set {VARIABLE} to a directory that can and has",
                self.directory.display()
            ),
        }
    }
}
