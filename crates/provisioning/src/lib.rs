//! Which profiles a project needs, and what must change on the portal to get them.
//!
//! [`desired_profiles`] says what must exist, a [`Snapshot`] what the portal has, and [`plan()`] the difference as ordered
//! [`Action`]s. Everything is a function of its arguments: no network, no clock. The crate `portal-access` takes the
//! snapshot and applies the plan.

mod action;
pub mod capability;
mod certificate_search;
mod certificates;
mod desired;
pub mod grants;
mod installed;
mod managed;
mod names;
mod not_granted;
mod plan;
mod plan_error;
mod signed_profile;
mod snapshot;
mod staleness;
mod warning;

pub use action::Action;
pub use apple_types::{
    BundleIdentifier, DeviceClass, Distribution, Platform, ProfileType, ResourceId, TeamId, Udid,
};
pub use certificate_search::{CertificateSearch, ListedCertificate, find_certificate, occupied_slots};
pub use certificates::{CertificateChoice, CertificateUse, NoCertificate, usable_certificates};
pub use desired::{DesiredProfile, Policy, PortalAccess, Target, TestDevice, desired_profiles};
pub use installed::{NoProfile, choose_among, installed_profile};
pub use managed::{NoManagedProfile, choose_managed};
pub use names::{bundle_id_name, profile_name};
pub use not_granted::{MissingGrant, NotGranted, grant_warnings};
pub use plan::{Plan, plan};
pub use plan_error::PlanError;
pub use signed_profile::SignedProfile;
pub use snapshot::{
    Assignable, Assigned, BundleId, Details, Device, EnabledCapability, PortalCertificate, PortalProfile,
    Query, Snapshot,
};
pub use warning::{ManualTask, Warning};
