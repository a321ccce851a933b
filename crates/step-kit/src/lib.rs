//! The contract with Bitrise: manifest, inputs, log, outputs, reports, exit codes.
