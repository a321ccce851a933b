//! Apple ID sessions without Ruby: what a sign-in is made of.
//!
//! [`Jar`] holds a session's cookies by Apple's own hosts, [`srp`] proves a password without sending it, [`hashcash`]
//! pays for the attempt, and [`answer`] tells every answer of Apple's sign-in apart. All of it is pure: nothing here
//! sends a request.
//!
//! Apple documents none of this; the facts come from open clients and their recordings, and stand beside the code.

pub mod answer;
pub mod hashcash;
mod jar;
pub mod srp;

pub use jar::{Host, Jar};
