//! The difference between what App Store Connect has and what a release shall be: a pure function.

mod action;
mod media;
mod previews;
mod target;

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;

use self::target::{Target, locked, target};
use crate::desired::{DesiredRelease, ReleaseTiming};
use crate::error::ReleaseError;
use crate::metadata::{CATEGORIES, Metadata};
use crate::snapshot::{Localization, Snapshot, Version, is_in_review, optional};
use crate::text::{Owner, TextField, Texts};

pub use action::{Action, Change, Part, Plan};
pub(crate) use action::{differences, names, to_attributes, to_relationships};
pub(crate) use media::Slot;
pub use media::{MediaKind, Picture, SetChange};
pub(crate) use target::{is_same, version_of};

/// States in which texts and pictures can be changed.
/// Source: App Store Connect Help, "App and submission statuses".
pub(crate) fn is_editable(state: &str) -> bool {
    matches!(
        state,
        "PREPARE_FOR_SUBMISSION" | "DEVELOPER_REJECTED" | "REJECTED" | "METADATA_REJECTED" | "INVALID_BINARY"
    )
}

/// Plans a release.
///
/// # Errors
/// When the state of the app makes it impossible; nothing has to be tried to find out.
pub fn plan(desired: &DesiredRelease, snapshot: &Snapshot) -> Result<Plan, ReleaseError> {
    let target = target(desired, snapshot)?;
    let mut plan = Plan {
        first: target.first.clone(),
        ..Plan::default()
    };
    if let Some(metadata) = &desired.metadata {
        let changes = version_changes(desired, &target.version);
        if !changes.is_empty() {
            plan.then.push(Action::UpdateVersion { changes });
        }
        plan_texts(desired, &target, snapshot, &mut plan);
        plan_app_info(desired, &target, &mut plan)?;
        plan_review(metadata, &target, &mut plan);
        plan_phased(desired, &target, &mut plan);
    }
    if let Some(file) = &desired.attachment
        && !matches!(snapshot.attachments.as_slice(), [only] if only.checksum.as_deref() == Some(file.checksum.as_str()))
    {
        plan.then.push(Action::ReplaceAttachment {
            name: file.name.clone(),
        });
    }
    media::plan(desired, &target, snapshot, &mut plan)?;
    if let Some(submission) = &desired.submission {
        if let Some(answer) = submission.content_rights
            && snapshot.app.content_rights.as_deref() != Some(answer)
        {
            plan.then.push(Action::SetContentRights {
                answer: answer.to_owned(),
            });
        }
        if submission.content_rights.is_none() && snapshot.app.content_rights.is_none() {
            return Err(ReleaseError::NoContentRights);
        }
        plan.submit = true;
    }
    open_what_is_closed(desired, &target, snapshot, plan)
}

/// How the attributes of a version differ from what is wanted.
pub(crate) fn version_changes(desired: &DesiredRelease, version: &Version) -> Vec<Change> {
    let mut wanted = Map::new();
    if let Some(copyright) = desired
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.copyright.as_ref())
    {
        wanted.insert("copyright".to_owned(), copyright.clone().into());
    }
    if let Some(timing) = desired.timing {
        wanted.insert("releaseType".to_owned(), timing.release_type().into());
    }
    if let Some(ReleaseTiming::Scheduled(date)) = desired.timing {
        let current = optional(&version.attributes, "earliestReleaseDate");
        let current = current.and_then(|text| time::OffsetDateTime::parse(&text, &Rfc3339).ok());
        if current != Some(date) {
            let text = date.format(&Rfc3339).unwrap_or_default().replace('Z', "+00:00");
            wanted.insert("earliestReleaseDate".to_owned(), text.into());
        }
    }
    differences(&version.attributes, &wanted)
}

fn attributes(texts: &Texts, owner: Owner) -> Map<String, Value> {
    let own = texts.iter().filter(|(field, _)| field.owner() == owner);
    own.map(|(field, text)| (field.attribute().to_owned(), Value::String(text.clone())))
        .collect()
}

fn plan_texts(desired: &DesiredRelease, target: &Target, snapshot: &Snapshot, plan: &mut Plan) {
    let Some(metadata) = &desired.metadata else { return };
    for (locale, texts) in &metadata.texts {
        let mut texts = texts.clone();
        if desired.edit_live {
            texts.retain(|field, _| field.is_editable_when_live() && field.owner() == Owner::Version);
        } else if target.is_first && texts.remove(&TextField::ReleaseNotes).is_some() {
            let note = "Release notes are left out: the first version of an app has none.".to_owned();
            if !plan.notes.contains(&note) {
                plan.notes.push(note);
            }
        }
        if let Some(info) = target.info.as_ref().filter(|_| !desired.edit_live) {
            let mut wanted = attributes(&texts, Owner::AppInfo);
            let existing = info.localizations.get(locale);
            if existing.is_none() && !wanted.contains_key("name") {
                let primary = info.localizations.get(&snapshot.app.primary_locale);
                wanted.extend(
                    primary.and_then(|primary| {
                        Some(("name".to_owned(), primary.attributes.get("name")?.clone()))
                    }),
                );
            }
            plan.then
                .extend(locale_action(locale, Part::AppInfo, existing, wanted));
        }
        let existing = target.version.localizations.get(locale);
        if desired.edit_live && existing.is_none() {
            plan.notes.push(format!(
                "{locale} is left out: a version on the App Store gets no new locales."
            ));
            continue;
        }
        plan.then.extend(locale_action(
            locale,
            Part::Version,
            existing,
            attributes(&texts, Owner::Version),
        ));
    }
}

fn locale_action(
    locale: &str,
    part: Part,
    existing: Option<&Localization>,
    wanted: Map<String, Value>,
) -> Option<Action> {
    let locale = locale.to_owned();
    match existing {
        None => Some(Action::CreateLocale {
            locale,
            part,
            texts: wanted,
        }),
        Some(existing) => {
            let changes = differences(&existing.attributes, &wanted);
            (!changes.is_empty()).then_some(Action::UpdateLocale {
                locale,
                part,
                changes,
            })
        }
    }
}

fn plan_app_info(desired: &DesiredRelease, target: &Target, plan: &mut Plan) -> Result<(), ReleaseError> {
    let (Some(metadata), Some(info)) = (&desired.metadata, &target.info) else {
        return Ok(());
    };
    let mut wanted: BTreeMap<&str, Option<&String>> = BTreeMap::new();
    for group in [&CATEGORIES[..3], &CATEGORIES[3..]] {
        // As fastlane: subcategories count only with their category, and then those that are not given are cleared.
        if metadata.categories.contains_key(group[0].1) {
            wanted.extend(
                group
                    .iter()
                    .map(|(_, name)| (*name, metadata.categories.get(name))),
            );
        }
    }
    let category = |id: Option<&String>| id.map_or(Value::Null, |id| Value::String(id.clone()));
    let changed: Vec<Change> = wanted
        .into_iter()
        .filter(|(name, id)| info.categories.get(name) != *id)
        .map(|(name, id)| Change {
            attribute: name.to_owned(),
            from: category(info.categories.get(name)),
            to: category(id),
        })
        .collect();
    if !changed.is_empty() {
        plan.then.push(Action::UpdateCategories { changes: changed });
    }
    if let Some(wanted) = &desired.age_rating {
        let none = Map::new();
        let current = info
            .age_rating
            .as_ref()
            .map_or(&none, |rating| &rating.attributes);
        let changes = differences(current, wanted);
        if !changes.is_empty() {
            let contradictions = crate::age_rating::contradictions(current, wanted);
            if !contradictions.is_empty() {
                return Err(ReleaseError::Invalid(contradictions));
            }
            plan.then.push(Action::UpdateAgeRating { changes });
        }
    }
    Ok(())
}

fn plan_review(metadata: &Metadata, target: &Target, plan: &mut Plan) {
    if metadata.review.is_empty() {
        return;
    }
    let mut wanted: Map<String, Value> = metadata
        .review
        .iter()
        .map(|(name, text)| ((*name).to_owned(), text.clone().into()))
        .collect();
    let has_demo = ["demoAccountName", "demoAccountPassword"]
        .iter()
        .all(|name| wanted.contains_key(*name));
    wanted.insert("demoAccountRequired".to_owned(), has_demo.into());
    let none = Map::new();
    let current = target
        .version
        .review
        .as_ref()
        .map_or(&none, |review| &review.attributes);
    let changes = differences(current, &wanted);
    if !changes.is_empty() {
        plan.then.push(Action::UpdateReviewInformation { changes });
    }
}

fn plan_phased(desired: &DesiredRelease, target: &Target, plan: &mut Plan) {
    match (desired.phased, &target.version.phased) {
        (Some(true), None) if target.is_first => {
            plan.notes
                .push("The release is not phased: the first version of an app can't be.".to_owned());
        }
        (Some(true), None) => plan.then.push(Action::CreatePhasedRelease),
        (Some(false), Some((_, state))) if state == "INACTIVE" => plan.then.push(Action::DeletePhasedRelease),
        (Some(false), Some((_, state))) => plan
            .notes
            .push(format!("The phased release stays: it is {state}.")),
        _ => {}
    }
}

/// Adds what makes a version editable that is in a draft or in review, or says why it can't be.
fn open_what_is_closed(
    desired: &DesiredRelease,
    target: &Target,
    snapshot: &Snapshot,
    mut plan: Plan,
) -> Result<Plan, ReleaseError> {
    let version = &target.version;
    let state = version.state.as_str();
    if desired.edit_live || is_editable(state) && !in_open_submission(version, snapshot) {
        return Ok(plan);
    }
    let needs_edit = !plan.then.is_empty() || !plan.first.is_empty();
    if state == "READY_FOR_REVIEW" {
        if needs_edit {
            plan.take_out_of_draft(version, snapshot);
        }
        return Ok(plan);
    }
    let in_progress = snapshot.submissions.iter().find(|submission| {
        (is_in_review(&submission.state)
            || matches!(submission.state.as_str(), "UNRESOLVED_ISSUES" | "CANCELING"))
            && (submission.items.is_empty()
                || submission
                    .items
                    .iter()
                    .any(|(_, of)| of.is_none() || *of == version.id))
    });
    if desired.reject_if_possible
        && let Some(submission) = in_progress
    {
        let cancel = Action::CancelSubmission {
            id: submission.id.clone(),
            state: submission.state.clone(),
        };
        plan.first.insert(0, cancel);
        return Ok(plan);
    }
    if desired.reject_if_possible && snapshot.submissions.is_empty() && version.is_in_review() {
        // A run that was killed cancelled it, and the version shows it later than the submission.
        plan.first.insert(
            0,
            Action::AwaitCancellation {
                state: state.to_owned(),
            },
        );
        return Ok(plan);
    }
    if is_editable(state) {
        // Rejected, and its submission is still open: texts can change, but nothing can be submitted beside it.
        return if plan.submit {
            let state = in_progress.map_or_else(String::new, |submission| submission.state.clone());
            Err(ReleaseError::SubmissionInProgress { state })
        } else {
            Ok(plan)
        };
    }
    let only_live_fields = plan.first.is_empty() && plan.then.iter().all(is_allowed_in_review);
    if only_live_fields && (!plan.submit || in_progress.is_some()) {
        return Ok(plan);
    }
    Err(locked(version, "it can't be changed".to_owned()))
}

fn in_open_submission(version: &Version, snapshot: &Snapshot) -> bool {
    matches!(version.state.as_str(), "REJECTED" | "METADATA_REJECTED")
        && snapshot
            .submissions
            .iter()
            .any(|submission| submission.state == "UNRESOLVED_ISSUES")
}

fn is_allowed_in_review(action: &Action) -> bool {
    match action {
        Action::UpdateLocale {
            part: Part::Version,
            changes,
            ..
        } => changes.iter().all(|change| {
            TextField::ALL
                .iter()
                .any(|field| field.attribute() == change.attribute && field.is_editable_when_live())
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
