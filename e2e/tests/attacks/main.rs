//! Attacks on the real binaries: servers that lie, tools that misbehave, inputs that are bombs.
//!
//! Each test is one attack, and its name is the claim that it attacks. What the tests say the other side does is what a
//! hostile one may do; nothing here needs to look like Apple.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

mod inputs;
mod lab;
mod secrets;
mod servers;
