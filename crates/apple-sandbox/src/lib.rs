//! A local stand-in for Bitrise and Apple.
//!
//! [`Sandbox::start`] serves, on a loopback port, the endpoint from which builds fetch the connected account,
//! the files that inputs name, the App Store Connect API as far as the steps use it, Apple's sign-in and the Developer
//! Portal's services for sessions; [`tools`] stand in
//! for programs of macOS and Bitrise. Certificates are real X.509, issued by a CA of its own; profiles are
//! real CMS. It is stricter than Apple where Apple is vague, and it fails on demand: see [`Fault`].
//!
//! No step knows that a sandbox exists: it is told other addresses, and finds other tools on `PATH`.

#![allow(
    clippy::disallowed_methods,
    reason = "a tool of its own, beside the steps: its clock is that of the developer's machine"
)]

mod account;
mod answer;
mod asc;
mod auth;
mod bitrise;
mod clients;
mod cms;
mod deliveries;
mod era;
mod fault;
mod form;
mod fresh;
mod guard;
mod handed_out;
mod listen;
mod manage;
pub mod picture;
mod pki;
mod portal;
mod product;
mod profile;
mod random;
mod records;
mod replay;
mod request_log;
mod seed;
mod serve;
mod server;
mod sign_in;
mod signing;
mod srp;
mod state;
mod storage;
mod tls;
mod token;
pub mod tools;
mod uploads;

pub use account::{AppleAccount, SeedAppleId, Team};
pub use asc::document::operations;
pub use asc::objects::{Key, Object, Objects};
pub use asc::rules::lifecycle::{Pace, ReleaseRules};
pub use asc::rules::review::Verdict;
pub use asc::rules::situations::{SeedBuild, SeedGroup, SeedRelease, Situation};
pub use clients::{Places, blocks};
pub use deliveries::{AltoolFault, AppVersion};
pub use era::{Era, Switches};
pub use fault::{Fault, Faults, Kind};
pub use pki::intermediate;
pub use random::{Chance, RandomFaults};
pub use records::{Identified, Lists, Records};
pub use replay::Replay;
pub use request_log::{Logged, RequestLog};
pub use seed::{Seed, SeedApp, SeedCertificate, SeedDevice, SeedProfile};
pub use serde_json::Value as Json;
pub use server::{Ports, Sandbox};
pub use signing::{
    Associable, AssociableKind, Associables, BundleId, Capability, Certificate, Device, PortalRules, Profile,
};
pub use state::{App, Build, State};
pub use storage::Part;
pub use uploads::{Processing, Upload, UploadFile, Uploads};
