//! Uploads a build through the Build Uploads API of App Store Connect (4.1 and later), from any machine.
//!
//! [`find_app`] tells the app, [`Uploader::upload`] sends the package: it begins an upload, reserves the file, sends
//! its parts several at a time straight from disk, and commits. [`follow`] waits for what Apple makes of it. An upload
//! that fails is withdrawn; [`Uploader::unfinished`] tells which one to withdraw when a run is interrupted.

mod app;
mod digest;
mod error;
mod follow;
mod parts;
mod record;
mod settle;
mod upload;
mod watch;

pub use app::{TheApp, find_app};
pub use digest::{Digests, sha256};
pub use error::UploadError;
pub use follow::{Followed, Until, follow};
pub use record::{Before, Records, Used};
pub use settle::{Withdrawn, withdraw};
pub use upload::{Package, Sent, Uploaded, Uploader};
pub use watch::{Name, Watch};
