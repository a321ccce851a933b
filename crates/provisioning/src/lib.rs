//! What must be true on the portal for a project to be signed, and how to get there.
//!
//! A reconcile loop: [`Portal::snapshot`] observes, [`plan()`] decides (a pure function), and
//! [`reconcile`] applies, looking again when another run got there first. Nothing here knows HTTP or steps.

pub mod capability;
mod certificates;
mod fit;
mod local;
mod names;
mod plan;
mod platform;
mod portal;
mod reconcile;
mod snapshot;

pub use certificates::{CertificateUse, NoCertificate, usable_certificates};
pub use local::installed_profile;
pub use names::{bundle_id_name, profile_name, wildcard_of};
pub use plan::{Action, Blocked, Plan, Policy, Target, TestDevice, Want, plan, wants};
pub use platform::{DeviceClass, Distribution, Platform, ProfileType};
pub use portal::{AppStoreConnect, Portal, PortalError};
pub use reconcile::{ReconcileError, Reconciled, Signed, reconcile};
pub use snapshot::{
    BundleId, Details, Device, EnabledCapability, PortalCertificate, PortalProfile, Query, Snapshot,
};
