//! The developer portal behind one trait, [`Portal`], with an implementation for each kind of access: [`AppStoreConnect`]
//! by API key, and [`DeveloperPortal`] by an Apple ID session. [`reconcile`] takes a snapshot, has `provisioning` plan,
//! and applies the plan; it takes a new snapshot when another run got there first.
//!
//! What must be true on the portal is decided in `provisioning`, which knows no HTTP; here it is read and written.

mod by_session;
mod certificate;
mod features;
mod listing;
mod portal;
mod reconcile;

pub use by_session::DeveloperPortal;
pub use certificate::{
    CertificateError, CertificateLimitReached, CertificateNeed, CertificateStore, ObtainedCertificate,
    obtain_certificate,
};
pub use portal::{AppStoreConnect, NewProfile, Portal, PortalError, PortalErrorKind};
pub use reconcile::{Progress, ReconcileError, Reconciled, reconcile, reconcile_managed};
