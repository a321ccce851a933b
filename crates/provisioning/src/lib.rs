//! What must be true on the portal for a project to be signed, and how to get there.
//!
//! A reconcile loop: [`Portal::snapshot`] observes, [`plan()`] decides (a pure function), and
//! [`reconcile`] applies, looking again when another run got there first. Nothing here knows HTTP or steps.

mod action;
mod blocked;
mod by_session;
pub mod capability;
mod certificates;
mod features;
mod fit;
pub mod grants;
mod listing;
mod local;
mod managed;
mod names;
mod not_granted;
mod plan;
mod platform;
mod portal;
mod reconcile;
mod snapshot;
mod wants;

pub use action::Action;
pub use blocked::Blocked;
pub use by_session::DeveloperPortal;
pub use certificates::{CertificateChoice, CertificateUse, NoCertificate, usable_certificates};
pub use local::{NoProfile, choose_among, installed_profile};
pub use managed::NoManagedProfile;
pub use names::{bundle_id_name, profile_name, wildcard_of};
pub use not_granted::NotGranted;
pub use plan::{Plan, plan};
pub use platform::{DeviceClass, Distribution, Platform, ProfileType};
pub use portal::{AppStoreConnect, NewProfile, Portal, PortalError, PortalErrorKind};
pub use reconcile::{ReconcileError, Reconciled, Signed, reconcile, reconcile_managed};
pub use snapshot::{
    Assignable, Assigned, BundleId, Details, Device, EnabledCapability, PortalCertificate, PortalProfile,
    Query, Snapshot,
};
pub use wants::{Policy, Target, TestDevice, Want, Way, wants};
