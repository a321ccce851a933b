//! The contract with Bitrise: manifest, inputs, log, outputs, reports, exit codes.
//!
//! A step is a `step.yml` (compiled in as a [`Manifest`]), a serde struct with a field per input, and an async function. [`run`] reads the
//! environment (nothing else in the workspace does), checks every input at once, prints them, runs the
//! function, renders what failed, and says what to do next.

mod duration;
mod environment;
mod failure;
mod heartbeat;
mod inputs;
mod log;
mod manifest;
mod outputs;
mod phase;
mod progress;
mod records;
mod report;
mod run;
mod shutdown;
mod step;
mod table;
mod temporary;
pub mod testing;
mod values;
mod words;

pub use duration::{DurationError, duration};
pub use environment::{EnvFileError, Environment};
pub use failure::{Advice, InputProblem, InputProblems, find};
pub use files::PrivateDir;
pub use heartbeat::Activity;
pub use html_report;
pub use inputs::Inputs;
pub use log::Log;
pub use manifest::{Extra, Input, Manifest, Output};
pub use outputs::OutputError;
pub use progress::size_text;
pub use records::{Claim, Claimed, Holder, Record};
pub use report::Report;
pub use run::run;
pub use step::Step;
pub use temporary::TempDirError;
pub use values::{Flag, Secret, list};
pub use words::{QuotingError, words};
