//! The contract with Bitrise: manifest, inputs, log, outputs, reports, exit codes.
//!
//! A step is a `step.yml`, a serde struct with a field per input, and an async function. [`run`] reads the
//! environment (nothing else in the workspace does), checks every input at once, prints them, runs the
//! function, renders what failed, and says what to do next.

mod environment;
mod failure;
mod heartbeat;
mod inputs;
mod log;
mod manifest;
mod outputs;
mod report;
mod run;
mod step;
pub mod testing;
mod words;

pub use environment::Environment;
pub use failure::{Advice, ExitStatus, Hint, InputProblem, InputProblems};
pub use heartbeat::Activity;
pub use html_report;
pub use inputs::{Flag, Inputs, Secret, list};
pub use log::Log;
pub use manifest::{Input, Manifest, ManifestError};
pub use outputs::OutputError;
pub use report::Report;
pub use run::run;
pub use step::Step;
pub use words::{QuotingError, words};
