//! Review submissions: drafts, what is in them, cancellation; what a version lacks, and App Review's verdicts.
//!
//! Sources, as of 2026-11-25: `review_submission.rb` and `submit_for_review.rb` of fastlane 2.237.0; `validate` of
//! App-Store-Connect-CLI for what a version needs.

mod readiness;
mod verdict;

pub(super) use readiness::RATING;
pub use verdict::Verdict;
pub(crate) use verdict::decide;

use super::Change;
use super::lifecycle::Effect;
use super::release::{EDITABLE, set_version_state, state_of};
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::date;
use crate::asc::objects::{Key, Objects};

const SUBMISSIONS: &str = "reviewSubmissions";
const ITEMS: &str = "reviewSubmissionItems";

/// The versions in a submission.
fn versions_in(objects: &Objects, submission: &str) -> Vec<String> {
    let items = objects.links(SUBMISSIONS, submission, "items").iter();
    items
        .filter(|item| objects.text(ITEMS, &item.id, "state") != "REMOVED")
        .filter_map(|item| objects.link(ITEMS, &item.id, "appStoreVersion"))
        .collect()
}

pub(super) fn check_creation(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    match draft.kind.as_str() {
        SUBMISSIONS => {
            let platform = draft.text("platform");
            for known in objects.links("apps", draft.one("app"), SUBMISSIONS) {
                let state = objects.text(SUBMISSIONS, &known.id, "state");
                if objects.text(SUBMISSIONS, &known.id, "platform") == platform && state != "COMPLETE" {
                    let words = format!(
                        "There is another reviewSubmissions with id {} still in progress",
                        known.id
                    );
                    return Err(Refusal::relationship("app", words));
                }
            }
            Ok(())
        }
        ITEMS => check_item(change, draft),
        _ => Ok(()),
    }
}

fn check_item(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    let subjects = draft
        .relationships
        .iter()
        .filter(|(name, all)| *name != "reviewSubmission" && !all.is_empty());
    if subjects.count() != 1 {
        let words = "An item is about one resource";
        return Err(Refusal::entity("ENTITY_ERROR.RELATIONSHIP.REQUIRED", words).at("/data/relationships"));
    }
    let version = draft.one("appStoreVersion");
    if version.is_empty() {
        return Ok(());
    }
    for id in objects.ids(ITEMS) {
        let is_same = objects.link(ITEMS, &id, "appStoreVersion").as_deref() == Some(version);
        if !is_same || matches!(objects.text(ITEMS, &id, "state"), "REMOVED" | "APPROVED") {
            continue;
        }
        let other = objects.link(ITEMS, &id, "reviewSubmission").unwrap_or_default();
        return Err(match objects.text(SUBMISSIONS, &other, "state") {
            "COMPLETE" => continue,
            "READY_FOR_REVIEW" => Refusal::relationship(
                "appStoreVersion",
                format!(
                    "appStoreVersions with id {version} was already added to another reviewSubmission with id {other}"
                ),
            ),
            _ => Refusal::state(format!(
                "appStoreVersions with id {version} is already in another reviewSubmission with id {other} still in progress"
            )),
        });
    }
    let submission = draft.one("reviewSubmission");
    let state = objects.text(SUBMISSIONS, submission, "state");
    if !matches!(state, "READY_FOR_REVIEW" | "UNRESOLVED_ISSUES") {
        return Err(Refusal::state(
            "Items cannot be added to a submission that was sent",
        ));
    }
    if !change.state.release.checks_completeness {
        return Ok(());
    }
    let lacking = readiness::lacking(change, version);
    if lacking.is_empty() {
        return Ok(());
    }
    let words = format!(
        "appStoreVersions with id {version} is not in valid state. This resource cannot be reviewed, please check associated errors to see why."
    );
    Err(Refusal::wrong_state(words).with_associated(lacking))
}

/// What a new resource brings about.
pub(super) fn follow_creation(change: &mut Change<'_>, key: &Key) {
    if key.kind != ITEMS {
        return;
    }
    let objects = &change.state.objects;
    let Some(version) = objects.link(ITEMS, &key.id, "appStoreVersion") else {
        return;
    };
    if let Some(submission) = objects.link(ITEMS, &key.id, "reviewSubmission") {
        let submission = Key::new(SUBMISSIONS, &submission);
        change.relate(
            &submission,
            "appStoreVersionForReview",
            &Key::new("appStoreVersions", &version),
        );
    }
    match change.state.release.pace.ready {
        0 => make_ready(change, &key.id),
        looks => change.state.schedule(looks, Effect::MakeReady(key.id.clone())),
    }
}

/// The version of an item is ready for review, if the item is still there.
pub(super) fn make_ready(change: &mut Change<'_>, item: &str) {
    let objects = &mut change.state.objects;
    if objects.text(ITEMS, item, "state") == "REMOVED" {
        return;
    }
    if let Some(version) = objects.link(ITEMS, item, "appStoreVersion")
        && EDITABLE.contains(&state_of(objects, &version))
    {
        set_version_state(objects, &version, "READY_FOR_REVIEW");
    }
}

pub(super) fn check_update(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    match draft.kind.as_str() {
        SUBMISSIONS => {
            let state = objects.text(SUBMISSIONS, &draft.id, "state");
            if draft.asks("submitted") {
                check_sending(change, &draft.id, state)?;
            }
            if draft.asks("canceled") {
                check_cancellation(objects, &draft.id, state)?;
            }
            Ok(())
        }
        ITEMS => {
            let submission = objects
                .link(ITEMS, &draft.id, "reviewSubmission")
                .unwrap_or_default();
            let state = objects.text(SUBMISSIONS, &submission, "state");
            let own = objects.text(ITEMS, &draft.id, "state");
            if draft.asks("resolved") && (state != "UNRESOLVED_ISSUES" || own != "REJECTED") {
                return Err(Refusal::state(format!(
                    "An item in the state {own} has nothing to resolve"
                )));
            }
            if draft.asks("removed") && !matches!(state, "UNRESOLVED_ISSUES" | "READY_FOR_REVIEW") {
                return Err(Refusal::state("The submission has been sent already"));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn check_sending(change: &Change<'_>, submission: &str, state: &str) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    if !matches!(state, "READY_FOR_REVIEW" | "UNRESOLVED_ISSUES") {
        return Err(Refusal::state("Another operation is already in progress"));
    }
    let items = objects.links(SUBMISSIONS, submission, "items").iter();
    let open: Vec<&Key> = items
        .filter(|item| objects.text(ITEMS, &item.id, "state") != "REMOVED")
        .collect();
    if open.is_empty() {
        let words = format!("reviewSubmissions with id {submission} does not have any items");
        return Err(Refusal::state(words));
    }
    if open
        .iter()
        .any(|item| objects.text(ITEMS, &item.id, "state") == "REJECTED")
    {
        return Err(Refusal::state(
            "The submission has items that are rejected and not resolved",
        ));
    }
    let is_ready = |version: &String| state_of(objects, version) == "READY_FOR_REVIEW";
    if !versions_in(objects, submission).iter().all(is_ready) {
        let words = "Version is not ready to be submitted yet, please try again later";
        return Err(Refusal::wrong_state(words));
    }
    Ok(())
}

fn check_cancellation(objects: &Objects, submission: &str, state: &str) -> Result<(), Refusal> {
    if matches!(state, "CANCELING" | "COMPLETING") {
        return Err(Refusal::state("Another operation is already in progress"));
    }
    let waits_for_release = || {
        versions_in(objects, submission)
            .iter()
            .any(|version| state_of(objects, version) == "PENDING_DEVELOPER_RELEASE")
    };
    let can = matches!(state, "WAITING_FOR_REVIEW" | "IN_REVIEW" | "UNRESOLVED_ISSUES")
        || state == "COMPLETE" && waits_for_release();
    if can {
        return Ok(());
    }
    Err(Refusal::state("Resource is not in cancellable state"))
}

/// What a change brings about.
pub(super) fn follow_update(change: &mut Change<'_>, key: &Key, draft: &Draft) {
    let now = date(change.now);
    match key.kind.as_str() {
        SUBMISSIONS if draft.asks("submitted") => {
            let objects = &mut change.state.objects;
            objects.set(SUBMISSIONS, &key.id, "state", "WAITING_FOR_REVIEW");
            objects.set(SUBMISSIONS, &key.id, "submittedDate", now);
            for version in versions_in(objects, &key.id) {
                let state = match waits_for_documents(objects, &version) {
                    true => "WAITING_FOR_EXPORT_COMPLIANCE",
                    false => "WAITING_FOR_REVIEW",
                };
                set_version_state(objects, &version, state);
            }
        }
        SUBMISSIONS if draft.asks("canceled") => {
            change
                .state
                .objects
                .set(SUBMISSIONS, &key.id, "state", "CANCELING");
            let looks = change.state.release.pace.cancel;
            change
                .state
                .schedule(looks, Effect::EndSubmission(key.id.clone()));
        }
        ITEMS if draft.asks("removed") => remove_item(change, key),
        ITEMS if draft.asks("resolved") => {
            let objects = &mut change.state.objects;
            objects.set(ITEMS, &key.id, "state", "READY_FOR_REVIEW");
            if let Some(version) = objects.link(ITEMS, &key.id, "appStoreVersion") {
                set_version_state(objects, &version, "READY_FOR_REVIEW");
            }
        }
        _ => {}
    }
    let names = ["submitted", "canceled", "removed", "resolved"];
    if let Some(object) = change.state.objects.get_mut(&key.kind, &key.id) {
        object
            .attributes
            .retain(|name, _| !names.contains(&name.as_str()));
    }
}

/// Whether a version's build uses encryption whose documents are not approved.
fn waits_for_documents(objects: &Objects, version: &str) -> bool {
    let build = objects
        .link("appStoreVersions", version, "build")
        .unwrap_or_default();
    let declaration = objects.link("builds", &build, "appEncryptionDeclaration");
    objects.is("builds", &build, "usesNonExemptEncryption")
        && declaration.is_none_or(|id| {
            let kind = "appEncryptionDeclarations";
            objects.text(kind, &id, "appEncryptionDeclarationState") != "APPROVED"
        })
}

fn remove_item(change: &mut Change<'_>, item: &Key) {
    let objects = &mut change.state.objects;
    let submission = objects
        .link(ITEMS, &item.id, "reviewSubmission")
        .unwrap_or_default();
    let is_draft = objects.text(SUBMISSIONS, &submission, "state") == "READY_FOR_REVIEW";
    objects.set(ITEMS, &item.id, "state", "REMOVED");
    if let Some(version) = objects.link(ITEMS, &item.id, "appStoreVersion") {
        let state = if is_draft {
            "PREPARE_FOR_SUBMISSION"
        } else {
            "DEVELOPER_REJECTED"
        };
        set_version_state(objects, &version, state);
    }
}

/// An item of a draft is deleted; later it is removed by a `PATCH`.
pub(super) fn check_deletion(change: &Change<'_>, key: &Key) -> Result<(), Refusal> {
    if key.kind != ITEMS {
        return Ok(());
    }
    let objects = &change.state.objects;
    let submission = objects
        .link(ITEMS, &key.id, "reviewSubmission")
        .unwrap_or_default();
    if objects.text(SUBMISSIONS, &submission, "state") != "READY_FOR_REVIEW" {
        return Err(Refusal::state("The submission has been sent already"));
    }
    Ok(())
}

/// What goes with a resource that is deleted.
pub(super) fn follow_deletion(change: &mut Change<'_>, key: &Key) {
    if key.kind == ITEMS {
        remove_item(change, key);
    }
}

/// The end of a canceled submission, seconds after the `PATCH`.
pub(super) fn end_canceled(change: &mut Change<'_>, submission: &str) {
    let objects = &mut change.state.objects;
    if objects.text(SUBMISSIONS, submission, "state") != "CANCELING" {
        return;
    }
    for version in versions_in(objects, submission) {
        set_version_state(objects, &version, "DEVELOPER_REJECTED");
    }
    objects.set(SUBMISSIONS, submission, "state", "COMPLETE");
    for item in objects.links(SUBMISSIONS, submission, "items").to_vec() {
        objects.set(ITEMS, &item.id, "state", "REMOVED");
    }
}
