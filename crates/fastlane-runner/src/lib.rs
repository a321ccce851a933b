//! Ruby, gems and fastlane: what is installed, what is missing, and running it with an Apple account.
//!
//! A step asks [`Ruby::find`] which Ruby is active, [`Lockfile`] what the project pins, lets [`Gems`] install
//! what is missing, and gets a [`Launcher`] that starts fastlane. [`credentials`] turn an account into what
//! fastlane reads; [`diagnosis`] turns its last words into a cause and a remedy.

pub mod credentials;
pub mod diagnosis;
mod error;
mod gems;
mod launcher;
mod lockfile;
mod ruby;
pub mod session;

pub use error::Error;
pub use gems::{Gems, Retry, Wanted};
pub use launcher::Launcher;
pub use lockfile::{LockError, Lockfile};
pub use ruby::{Manager, Ruby};
