//! What to do about failures: one remedy for each cause, an imperative sentence without its full stop.
//!
//! A cause that is not known has none: advice that does not fit costs more than none.

mod apple;
mod setup;

pub use apple::about_apple;
pub use setup::{about_cause, about_setup};
