//! What the steps that upload a build natively share.
//!
//! [`build_upload`] sends the package and withdraws what failed. A run that is killed can't: here each upload has a record
//! that outlives its run ([`Step::record`](step_kit::Step::record)), and the next run of any of these steps continues the
//! upload where it has the same file, and withdraws it otherwise. One run at a time uploads a build from one machine.

mod advice;
mod reserved;
mod uploader;

pub use advice::{about_transfer, about_upload};
pub use reserved::withdraw_abandoned;
pub use uploader::{Busy, uploader};
