//! What App Review decides.

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{ITEMS, SUBMISSIONS, versions_in};
use crate::asc::objects::Objects;
use crate::asc::rules::Change;
use crate::asc::rules::release::{release, set_version_state, state_of};

/// What App Review has to say about a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Review begins.
    Begin,
    /// Everything is approved.
    Approve,
    /// One item is approved, and others are still in review.
    Accept,
    /// The version is rejected.
    Reject,
    /// Its metadata is rejected.
    RejectMetadata,
    /// Its build is found invalid.
    InvalidBinary,
    /// A version that is scheduled has reached its date.
    ReleaseScheduled,
    /// The encryption documents are approved.
    ApproveEncryption,
}

impl Verdict {
    /// Whether a submission is in a state in which App Review could say so.
    fn fits(self, objects: &Objects, submission: &str) -> bool {
        let state = objects.text(SUBMISSIONS, submission, "state");
        match self {
            Self::Begin | Self::ApproveEncryption => state == "WAITING_FOR_REVIEW",
            Self::ReleaseScheduled => versions_in(objects, submission)
                .iter()
                .any(|version| state_of(objects, version) == "PENDING_APPLE_RELEASE"),
            _ => matches!(state, "WAITING_FOR_REVIEW" | "IN_REVIEW"),
        }
    }

    /// The states of the submission and of its items afterwards.
    fn states(self) -> (&'static str, &'static str) {
        match self {
            Self::Begin => ("IN_REVIEW", "READY_FOR_REVIEW"),
            Self::ApproveEncryption => ("WAITING_FOR_REVIEW", "READY_FOR_REVIEW"),
            Self::Accept => ("IN_REVIEW", "ACCEPTED"),
            Self::Approve | Self::ReleaseScheduled => ("COMPLETE", "APPROVED"),
            Self::Reject | Self::RejectMetadata => ("UNRESOLVED_ISSUES", "REJECTED"),
            Self::InvalidBinary => ("COMPLETE", "REMOVED"),
        }
    }

    /// What becomes of a version.
    fn apply(self, change: &mut Change<'_>, version: &str) {
        let state = match self {
            Self::Begin => "IN_REVIEW",
            Self::Accept => "ACCEPTED",
            Self::Reject => "REJECTED",
            Self::RejectMetadata => "METADATA_REJECTED",
            Self::InvalidBinary => "INVALID_BINARY",
            Self::Approve => return approve(change, version),
            Self::ReleaseScheduled => return release(change, version),
            Self::ApproveEncryption => return approve_encryption(&mut change.state.objects, version),
        };
        set_version_state(&mut change.state.objects, version, state);
    }
}

/// Lets App Review decide about the newest submission that is open, of one app or of any.
///
/// # Errors
/// When there is none in a state in which App Review could say so.
pub(crate) fn decide(change: &mut Change<'_>, app: Option<&str>, verdict: Verdict) -> Result<(), String> {
    let objects = &mut change.state.objects;
    let is_apps =
        |id: &String| app.is_none_or(|app| objects.link(SUBMISSIONS, id, "app").as_deref() == Some(app));
    let submission = objects
        .ids(SUBMISSIONS)
        .into_iter()
        .rfind(|id| is_apps(id) && verdict.fits(objects, id))
        .ok_or("no submission is in a state for this verdict")?;
    let versions = versions_in(objects, &submission);
    let (of_submission, of_item) = verdict.states();
    objects.set(SUBMISSIONS, &submission, "state", of_submission);
    for item in objects.links(SUBMISSIONS, &submission, "items").to_vec() {
        if objects.text(ITEMS, &item.id, "state") != "REMOVED" {
            objects.set(ITEMS, &item.id, "state", of_item);
        }
    }
    for version in versions {
        verdict.apply(change, &version);
    }
    Ok(())
}

/// The documents of a version's build are approved.
fn approve_encryption(objects: &mut Objects, version: &str) {
    let build = objects.link("appStoreVersions", version, "build");
    let declaration = objects.link("builds", &build.unwrap_or_default(), "appEncryptionDeclaration");
    if let Some(id) = declaration {
        let kind = "appEncryptionDeclarations";
        objects.set(kind, &id, "appEncryptionDeclarationState", "APPROVED");
    }
    if state_of(objects, version) == "WAITING_FOR_EXPORT_COMPLIANCE" {
        set_version_state(objects, version, "WAITING_FOR_REVIEW");
    }
}

/// What becomes of an approved version is its release type's matter.
fn approve(change: &mut Change<'_>, version: &str) {
    let objects = &mut change.state.objects;
    let date = objects.text("appStoreVersions", version, "earliestReleaseDate");
    let is_due = OffsetDateTime::parse(date, &Rfc3339).is_ok_and(|date| date <= change.now);
    match objects.text("appStoreVersions", version, "releaseType") {
        "MANUAL" => set_version_state(objects, version, "PENDING_DEVELOPER_RELEASE"),
        "SCHEDULED" if !is_due => set_version_state(objects, version, "PENDING_APPLE_RELEASE"),
        _ => release(change, version),
    }
}
