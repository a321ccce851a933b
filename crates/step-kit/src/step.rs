//! What a step's function gets.

use command::Runner;
use redaction::Redactor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::shutdown::ShutdownHooks;
use crate::{
    Activity, Claimed, Environment, Log, Manifest, OutputError, PrivateDir, Record, Report, TempDirError,
    outputs, records,
};

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
    pub(crate) shutdown: ShutdownHooks,
    pub(crate) manifest: Manifest,
}

impl<I> Step<I> {
    /// The same run with a part of its inputs, and the rest of them.
    pub fn split<P, R>(self, split: impl FnOnce(I) -> (P, R)) -> (Step<P>, R) {
        let (part, rest) = split(self.inputs);
        let step = Step {
            inputs: part,
            env: self.env,
            redactor: self.redactor,
            runner: self.runner,
            log: self.log,
            report: self.report,
            shutdown: self.shutdown,
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
        outputs::export(&self.env, &self.runner, &self.manifest, &self.log, key, value).await
    }

    /// Has `work` done when a signal ends the run, for what no guard can do because it takes a request.
    pub fn on_interruption(&self, work: impl Future<Output = ()> + 'static) {
        self.shutdown.add(work);
    }

    /// Whether a signal ends the run: what a child did not finish is then no separate failure, and nothing new is started.
    pub fn is_stopping(&self) -> bool {
        self.shutdown.is_stopping()
    }

    /// A private temporary directory, gone when dropped; one that a killed run leaves behind is removed at the start of
    /// the next run. Secrets that other programs read from files belong here.
    ///
    /// # Errors
    /// When it can't be created.
    pub fn temp_dir(&self) -> Result<PrivateDir, TempDirError> {
        PrivateDir::create_in(&self.env.temp_dir()).map_err(|source| self.temp_dir_failed(source))
    }

    /// The error of a temporary file that could not be written, which says what to do about the directory.
    pub fn temp_dir_failed(&self, source: std::io::Error) -> TempDirError {
        TempDirError::new(&self.env, source)
    }

    /// Records something that this run begins elsewhere, such as an upload that is reserved at Apple, so that the next
    /// run can undo or finish it if this one is killed. `kind` names a folder of the records; no secret belongs in one.
    ///
    /// # Errors
    /// When the record can't be written.
    pub fn record(&self, kind: &str, value: &impl Serialize) -> std::io::Result<Record> {
        Record::create(&self.env, kind, value)
    }

    /// Claims something that one run at a time may do on this machine, such as uploading a certain build. `kind` is that
    /// of the records beside it, `key` names the thing among others of its kind.
    ///
    /// # Errors
    /// When the claim can't be written, or the file system knows no locks.
    pub fn claim(&self, kind: &str, key: &str) -> std::io::Result<Claimed> {
        records::claim(&self.env, kind, key)
    }

    /// What runs that are dead have recorded and never finished. Each record is given to one run only: forget it once the
    /// thing is undone or finished, or go on with it.
    pub fn abandoned<T: DeserializeOwned>(&self, kind: &str) -> Vec<(Record, T)> {
        records::abandoned(&self.env, kind)
    }
}
