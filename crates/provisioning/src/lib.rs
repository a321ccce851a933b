//! Which profiles a project needs, and what must change on the portal to get them.
//!
//! [`wants`] says what must exist, a [`Snapshot`] what the portal has, and [`plan()`] the difference as ordered
//! [`Action`]s. Everything is a function of its arguments: no network, no clock. The crate `portal-access` takes the
//! snapshot and applies the plan.

mod action;
mod blocked;
pub mod capability;
mod certificates;
mod fit;
pub mod grants;
mod local;
mod managed;
mod names;
mod not_granted;
mod plan;
mod signed;
mod snapshot;
mod supply;
mod wants;
mod warning;

pub use action::Action;
pub use apple_types::{DeviceClass, Distribution, Platform, ProfileType, ResourceId};
pub use blocked::Blocked;
pub use certificates::{CertificateChoice, CertificateUse, NoCertificate, usable_certificates};
pub use local::{NoProfile, choose_among, installed_profile};
pub use managed::{NoManagedProfile, choose_managed, covers};
pub use names::{bundle_id_name, profile_name, wildcard_of};
pub use not_granted::{MissingGrant, NotGranted, shortcomings};
pub use plan::{Plan, plan};
pub use signed::Signed;
pub use snapshot::{
    Assignable, Assigned, BundleId, Details, Device, EnabledCapability, PortalCertificate, PortalProfile,
    Query, Snapshot,
};
pub use supply::{ListedCertificate, Supply, filling, supply};
pub use wants::{Policy, Target, TestDevice, Want, Way, wants};
pub use warning::{Unfinished, Warning};
