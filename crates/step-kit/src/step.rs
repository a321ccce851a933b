//! What a step's function gets.

use std::path::PathBuf;

use command::Runner;
use redaction::Redactor;

use crate::run::Farewell;
use crate::{Activity, Environment, Log, Manifest, OutputError, Report, outputs};

/// A run of a step: its inputs, and its ways to the outside.
#[derive(Debug)]
pub struct Step<I> {
    /// The inputs, checked.
    pub inputs: I,
    /// The environment that the step was started with.
    pub env: Environment,
    /// What masks secrets, in everything that this run prints or writes.
    pub redactor: Redactor,
    /// What runs other programs.
    pub runner: Runner,
    /// The log.
    pub log: Log,
    /// The summary.
    pub report: Report,
    /// What is done when a signal ends the run.
    pub(crate) farewell: Farewell,
    pub(crate) manifest: Manifest,
}

impl<I> Step<I> {
    /// The same run with a part of its inputs, and the rest of them.
    pub fn divided<P, R>(self, divide: impl FnOnce(I) -> (P, R)) -> (Step<P>, R) {
        let (part, rest) = divide(self.inputs);
        let step = Step {
            inputs: part,
            env: self.env,
            redactor: self.redactor,
            runner: self.runner,
            log: self.log,
            report: self.report,
            farewell: self.farewell,
            manifest: self.manifest,
        };
        (step, rest)
    }

    /// Begins something that may take long; see [`Log::activity`].
    pub fn activity(&self, what: impl Into<String>) -> Activity {
        self.log.activity(what)
    }

    /// Exports an output.
    ///
    /// # Errors
    /// When the manifest does not list it, or envman refuses it.
    pub async fn export(&self, key: &str, value: &str) -> Result<(), OutputError> {
        outputs::export(&self.runner, &self.manifest, &self.log, key, value).await
    }

    /// Has `work` done when a signal ends the run, for what no guard can do because it takes a request.
    pub fn on_interruption(&self, work: impl Future<Output = ()> + 'static) {
        self.farewell.add(work);
    }

    /// A private temporary directory, gone when dropped.
    ///
    /// # Errors
    /// When it can't be created.
    pub fn temp_dir(&self) -> std::io::Result<tempfile::TempDir> {
        let parent = self.env.path("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"));
        // tempfile creates directories with mode 0700.
        tempfile::Builder::new().prefix("apple-steps-").tempdir_in(parent)
    }
}
