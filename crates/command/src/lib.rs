//! Runs child processes: streamed, redacted, timed, and killed as a group.
