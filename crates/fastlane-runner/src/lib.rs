//! Ruby, gems and fastlane: what is installed, what is missing, and running it with an Apple account.
//!
//! A step asks [`Ruby::find`] which Ruby is active, [`Gemfile::find`] which Gemfile Bundler uses and [`Lockfile`] what
//! it pins, lets [`Gems`] install what is missing, and gets a [`Launcher`] that starts fastlane. [`credentials`] turn an
//! account into what fastlane reads. What went wrong is a [`SetupCause`] before fastlane runs, and an [`Ending`] with an
//! [`AppleCause`] after it; what to do about either is for the step to say.

mod apple_actions;
mod apple_cause;
pub mod credentials;
mod ending;
mod error;
mod gemfile;
mod gems;
mod launcher;
pub mod locale;
mod lockfile;
mod patterns;
mod reporter;
mod ruby;
pub mod session;
mod setup_cause;

pub use apple_cause::AppleCause;
pub use ending::{Ending, FinalError};
pub use error::Error;
pub use gemfile::{ChosenBy, Gemfile};
pub use gems::{Gems, Retry, Wanted};
pub use launcher::Launcher;
pub use lockfile::{LockError, Lockfile};
pub use reporter::Reporter;
pub use ruby::{Manager, Ruby};
pub use setup_cause::{SetupCause, SourceRefusal, VersionManager};
