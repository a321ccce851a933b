//! Why a child process gave no usable result.

use std::time::Duration;

/// Why a child process gave no usable result. Every text in it is redacted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such program.
    #[error("`{program}` was not found on PATH")]
    NotFound {
        /// The name that was looked up.
        program: String,
    },
    /// The program is there and could not be started.
    #[error("could not start `{command}`")]
    Spawn {
        /// The command as printed.
        command: String,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// Talking to the running program failed.
    #[error("could not talk to `{command}`")]
    Io {
        /// The command as printed.
        command: String,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// It ran longer than it may, and was told to end, then killed, with everything that it started.
    #[error("`{command}` was stopped: it ran for more than {} s{}", after.as_secs(), tail(.output))]
    TimedOut {
        /// The command as printed.
        command: String,
        /// The limit.
        after: Duration,
        /// The last lines that it printed.
        output: String,
    },
    /// It printed nothing for longer than it may, and was told to end, then killed, with everything that it started.
    #[error("`{command}` was stopped: it printed nothing for {} s{}", after.as_secs(), tail(.output))]
    Silent {
        /// The command as printed.
        command: String,
        /// The limit.
        after: Duration,
        /// The last lines that it printed.
        output: String,
    },
    /// It ended with an exit status other than 0, where that is a failure.
    #[error("`{command}` failed with exit status {status}{}", tail(.output))]
    Failed {
        /// The command as printed.
        command: String,
        /// The exit status, 128 plus the signal's number for a killed one.
        status: i32,
        /// The last lines that it printed.
        output: String,
    },
}

fn tail(output: &str) -> String {
    if output.is_empty() {
        String::new()
    } else {
        format!(":\n{output}")
    }
}
