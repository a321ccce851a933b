//! Apple ID sessions without Ruby.
//!
//! [`Session::open`] takes the connected account's cookies, asks the Developer Portal whether they still hold, and signs
//! in with the password only when they do not. [`Services`] are the portal's own, for one team. What it is made of is pure and stands alone: [`Jar`] keeps cookies by
//! Apple's own hosts, [`srp`] proves a password without sending it, [`hashcash`] pays for the attempt, [`answer`] tells
//! every answer of Apple's sign-in apart, and [`envelope`] those of the portal.
//!
//! Apple documents none of this; the facts come from open clients and their recordings, and stand beside the code.

pub mod answer;
pub mod envelope;
pub mod hashcash;
mod jar;
mod later;
mod messages;
mod resources;
mod service_key;
mod services;
mod session;
mod sign_in;
pub mod srp;
mod team;
pub mod v1;

pub use jar::{Host, Jar};
pub use resources::{AppId, Assignable, Associated, Certificate, Device, Profile, ProfileRequest, Slug};
pub use service_key::KNOWN_KEY;
pub use services::Services;
pub use session::{Hosts, Session, SessionError};
pub use team::{Team, TeamError, choose};
