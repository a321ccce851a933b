//! A typed client of the App Store Connect API.
//!
//! A call is a value that implements [`Call`]; [`Client::send`] sends any of them, [`Client::items`] walks
//! all pages of a list. Tokens renew themselves, and every refusal keeps Apple's own words.
//!
//! Apple's documentation: <https://developer.apple.com/documentation/appstoreconnectapi>

mod call;
mod client;
mod date;
mod document;
mod error;
mod messages;
pub mod resources;
mod token;
pub mod uploads;

pub use call::{Call, Linked};
pub use client::{Client, Options};
pub use document::{Identifier, Many, One, Resource};
pub use error::{ApiError, Error, Refusal};
pub use token::{Credentials, KeyError};
