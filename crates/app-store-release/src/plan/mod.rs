//! The difference between what App Store Connect has and what a release shall be: a pure function.

mod media;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use crate::desired::{DesiredRelease, ReleaseTiming};
use crate::error::ReleaseError;
use crate::metadata::CATEGORIES;
use crate::snapshot::{AppInfo, Localization, Snapshot, Version, optional};
use crate::text::{Owner, TextField, Texts};

pub(crate) use media::Slot;
pub use media::{MediaKind, Picture, SetChange};

/// One attribute that changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The attribute, in Apple's spelling.
    pub attribute: String,
    /// What it is now; null when it has no value.
    pub from: Value,
    /// What it becomes; null when its value is removed.
    pub to: Value,
}

/// One change on App Store Connect.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "a plan has few actions, and a box would show in every match"
)]
pub enum Action {
    /// Withdraw a version from review.
    CancelSubmission {
        /// The submission's ID.
        id: String,
        /// Its state.
        state: String,
    },
    /// Wait until the version is out of a review that was cancelled before.
    AwaitCancellation {
        /// The version's state.
        state: String,
    },
    /// Take the version out of a draft submission, so that it can be edited.
    RemoveDraftItem {
        /// The item's ID.
        item: String,
    },
    /// Create the version.
    CreateVersion {
        /// Its number.
        version: String,
    },
    /// Give the version that is in preparation another number.
    RenameVersion {
        /// Its number so far.
        from: String,
        /// Its new number.
        to: String,
    },
    /// Change attributes of the version.
    UpdateVersion {
        /// What changes.
        changes: Vec<Change>,
    },
    /// Add a locale.
    CreateLocale {
        /// The locale.
        locale: String,
        /// `app_info` or `version`.
        part: Part,
        /// Its texts.
        texts: Map<String, Value>,
    },
    /// Change texts of a locale.
    UpdateLocale {
        /// The locale.
        locale: String,
        /// `app_info` or `version`.
        part: Part,
        /// What changes.
        changes: Vec<Change>,
    },
    /// Change the categories.
    UpdateCategories {
        /// What changes; attributes are relationships here.
        changes: Vec<Change>,
    },
    /// Change the age rating.
    UpdateAgeRating {
        /// What changes.
        changes: Vec<Change>,
    },
    /// Change the information for App Review, or give it for the first time.
    UpdateReviewInformation {
        /// What changes. Values of demo accounts are not shown.
        changes: Vec<Change>,
    },
    /// Upload an attachment for App Review, and delete others.
    ReplaceAttachment {
        /// Its name.
        name: String,
    },
    /// Release the version in phases.
    CreatePhasedRelease,
    /// Release the version to everybody at once.
    DeletePhasedRelease,
    /// Change the screenshots or previews of a locale and display type.
    UpdateMedia(SetChange),
    /// Put the version back into the draft submission that it was taken out of.
    ReturnToDraft {
        /// The submission's ID.
        submission: String,
    },
    /// Answer whether the app uses third-party content.
    SetContentRights {
        /// The answer, in Apple's spelling.
        answer: String,
    },
}

/// The part of a product page that a locale's texts belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Name, subtitle and privacy policy.
    AppInfo,
    /// Everything else.
    Version,
}

/// Everything that changes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plan {
    /// What makes the version editable; what follows is planned again after it.
    pub first: Vec<Action>,
    /// Everything else, in order.
    pub then: Vec<Action>,
    /// The build and the version are submitted for review.
    pub submit: bool,
    /// What was left alone on purpose, and why.
    pub notes: Vec<String>,
}

impl Plan {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty() && self.then.is_empty() && !self.submit
    }

    /// Takes the version out of the draft submission that it is in, and puts it back unless it is submitted.
    pub(crate) fn take_out_of_draft(&mut self, version: &Version, snapshot: &Snapshot) {
        let is_out = |action: &Action| matches!(action, Action::RemoveDraftItem { .. });
        if self.first.iter().any(is_out) {
            return;
        }
        for submission in &snapshot.submissions {
            let own = submission
                .items
                .iter()
                .filter(|(_, of)| of.as_ref() == version.id.as_ref());
            for (item, _) in own {
                self.first
                    .insert(0, Action::RemoveDraftItem { item: item.clone() });
                if !self.submit {
                    self.then.push(Action::ReturnToDraft {
                        submission: submission.id.clone(),
                    });
                }
            }
        }
    }

    /// How many changes it has.
    pub fn len(&self) -> usize {
        self.first.len() + self.then.len() + usize::from(self.submit)
    }
}

/// States in which texts and pictures can be changed.
/// Source: App Store Connect Help, "App and submission statuses".
pub(crate) fn is_editable(state: &str) -> bool {
    matches!(
        state,
        "PREPARE_FOR_SUBMISSION" | "DEVELOPER_REJECTED" | "REJECTED" | "METADATA_REJECTED" | "INVALID_BINARY"
    )
}

/// The version that a release is about, as it is or as it will be.
#[derive(Debug)]
struct Target {
    version: Version,
    info: Option<AppInfo>,
    /// Whether it is the first one of its platform.
    is_first: bool,
    first: Vec<Action>,
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

/// Finds or predicts the version, with what makes it exist.
fn target(desired: &DesiredRelease, snapshot: &Snapshot) -> Result<Target, ReleaseError> {
    let versions = &snapshot.versions;
    let live = versions.iter().find(|version| version.is_live());
    let states = || {
        versions
            .iter()
            .map(|version| format!("version {} ({})", version.number, version.state))
            .collect()
    };
    let missing = || ReleaseError::NoEditableVersion {
        platform: desired.platform,
        states: states(),
    };
    if desired.edit_live {
        let version = version_of(desired, snapshot).ok_or_else(missing)?;
        return Ok(Target {
            version: version.clone(),
            info: None,
            is_first: false,
            first: Vec::new(),
        });
    }
    let found = next(versions);
    let is_first = live.is_none() && versions.len() <= 1;
    let cancelled = || snapshot.reviewed_info().filter(|_| desired.reject_if_possible);
    let info = snapshot.editable_info().or_else(cancelled).cloned();
    let Some(version) = found else {
        let number = desired
            .version
            .as_ref()
            .filter(|_| desired.may_change_version)
            .ok_or_else(missing)?;
        if let Some(same) = versions.iter().find(|version| is_same(&version.number, number)) {
            return Err(locked(
                same,
                format!("version {number} can't be prepared again; raise the version"),
            ));
        }
        let first = vec![Action::CreateVersion {
            version: number.clone(),
        }];
        return Ok(Target {
            version: predicted(live, number),
            info: info.or_else(|| copied(snapshot)),
            is_first,
            first,
        });
    };
    let mut first = Vec::new();
    if let Some(wanted) = desired
        .version
        .as_ref()
        .filter(|wanted| !is_same(wanted, &version.number))
    {
        if !desired.may_change_version {
            if desired.submission.is_some() || desired.metadata.is_some() || desired.screenshots.is_some() {
                return Err(ReleaseError::NoEditableVersion {
                    platform: desired.platform,
                    states: states(),
                });
            }
        } else if let Some(same) = versions.iter().find(|other| is_same(&other.number, wanted)) {
            return Err(locked(
                same,
                format!("version {wanted} can't be prepared again; raise the version"),
            ));
        } else {
            first.push(Action::RenameVersion {
                from: version.number.clone(),
                to: wanted.clone(),
            });
        }
    }
    Ok(Target {
        version: version.clone(),
        info,
        is_first,
        first,
    })
}

/// The version that a release changes, if it is there: the live one where that is edited, else the one on its way.
pub(crate) fn version_of<'a>(desired: &DesiredRelease, snapshot: &'a Snapshot) -> Option<&'a Version> {
    let versions = &snapshot.versions;
    let live = versions.iter().find(|version| version.is_live());
    if desired.edit_live {
        live.or_else(|| next(versions))
    } else {
        next(versions)
    }
}

/// The version that is not on the App Store yet; of several the highest.
fn next(versions: &[Version]) -> Option<&Version> {
    versions
        .iter()
        .filter(|version| !version.is_live() && version.state != "REPLACED_WITH_NEW_VERSION")
        .max_by_key(|version| parts(&version.number))
}

fn parts(number: &str) -> Vec<u64> {
    let mut parts: Vec<u64> = number
        .split('.')
        .map(|part| part.trim().parse().unwrap_or(0))
        .collect();
    while parts.last() == Some(&0) {
        parts.pop();
    }
    parts
}

/// Whether two version numbers are one to Apple: 1.0 and 1.0.0 are, and 01.0 as well.
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    a == b
        || (parts(a) == parts(b)
            && [a, b]
                .iter()
                .all(|text| text.split('.').all(|part| part.trim().parse::<u64>().is_ok())))
}

/// What a new version will look like: Apple copies locales, texts and pictures of the one before, but not what is new.
fn predicted(live: Option<&Version>, number: &str) -> Version {
    let mut version = live.cloned().unwrap_or_else(|| Version {
        id: None,
        number: String::new(),
        state: String::new(),
        attributes: Map::new(),
        localizations: BTreeMap::new(),
        review: None,
        phased: None,
        build: None,
        has_placements: None,
    });
    version.id = None;
    number.clone_into(&mut version.number);
    "PREPARE_FOR_SUBMISSION".clone_into(&mut version.state);
    version.phased = None;
    version.build = None;
    version
        .attributes
        .insert("releaseType".to_owned(), "AFTER_APPROVAL".into());
    version.attributes.remove("earliestReleaseDate");
    for localization in version.localizations.values_mut() {
        localization.id = None;
        localization.attributes.remove("whatsNew");
    }
    version
}

/// The editable app info that Apple makes with a new version: a copy of the live one.
fn copied(snapshot: &Snapshot) -> Option<AppInfo> {
    let mut info = snapshot.live_info().cloned()?;
    "PREPARE_FOR_SUBMISSION".clone_into(&mut info.state);
    Some(info)
}

fn locked(version: &Version, what: String) -> ReleaseError {
    ReleaseError::Locked {
        version: version.number.clone(),
        state: version.state.clone(),
        what,
        cancelable: matches!(version.state.as_str(), "WAITING_FOR_REVIEW" | "IN_REVIEW"),
    }
}

fn version_changes(desired: &DesiredRelease, version: &Version) -> Vec<Change> {
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

/// The attributes of `wanted` that differ from `current`.
pub(crate) fn differences(current: &Map<String, Value>, wanted: &Map<String, Value>) -> Vec<Change> {
    wanted
        .iter()
        .filter(|(name, value)| current.get(*name).unwrap_or(&Value::Null) != *value)
        .map(|(name, value)| Change {
            attribute: name.clone(),
            from: current.get(name).cloned().unwrap_or(Value::Null),
            to: value.clone(),
        })
        .collect()
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

fn plan_review(metadata: &crate::metadata::Metadata, target: &Target, plan: &mut Plan) {
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
        matches!(
            submission.state.as_str(),
            "WAITING_FOR_REVIEW" | "IN_REVIEW" | "UNRESOLVED_ISSUES" | "CANCELING"
        ) && (submission.items.is_empty()
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
    if desired.reject_if_possible
        && snapshot.submissions.is_empty()
        && matches!(state, "WAITING_FOR_REVIEW" | "IN_REVIEW")
    {
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

impl Action {
    /// One line for people: a sign, the kind, what it is about, and why.
    pub fn line(&self) -> String {
        let row =
            |sign: char, kind: &str, what: &str, why: String| format!("{sign} {kind:<18} {what:<24} {why}");
        match self {
            Self::CancelSubmission { state, .. } => {
                row('!', "submission", "cancel", format!("it is {state}"))
            }
            Self::AwaitCancellation { state } => row(
                '~',
                "submission",
                "await cancellation",
                format!("no submission is open, and the version is still {state}"),
            ),
            Self::RemoveDraftItem { .. } => row(
                '~',
                "submission",
                "take version out",
                "a version in a draft can't be edited".to_owned(),
            ),
            Self::CreateVersion { version } => {
                row('+', "version", version, "not on App Store Connect".to_owned())
            }
            Self::RenameVersion { from, to } => row(
                '~',
                "version",
                to,
                format!("the version in preparation is {from}"),
            ),
            Self::UpdateVersion { changes } => row('~', "version", "", names(changes)),
            Self::CreateLocale { locale, part, .. } => row('+', part.name(), locale, "new locale".to_owned()),
            Self::UpdateLocale {
                locale,
                part,
                changes,
            } => row('~', part.name(), locale, names(changes)),
            Self::UpdateCategories { changes } => row('~', "categories", "", names(changes)),
            Self::UpdateAgeRating { changes } => row('~', "age rating", "", names(changes)),
            Self::UpdateReviewInformation { changes } => row('~', "review information", "", names(changes)),
            Self::ReplaceAttachment { name } => row('~', "review attachment", name, "upload".to_owned()),
            Self::CreatePhasedRelease => row('+', "phased release", "", "asked for".to_owned()),
            Self::DeletePhasedRelease => row('-', "phased release", "", "not wanted".to_owned()),
            Self::UpdateMedia(set) => row(
                '~',
                set.kind.name(),
                &format!("{} {}", set.locale, set.display),
                set.reason(),
            ),
            Self::ReturnToDraft { .. } => row(
                '~',
                "submission",
                "put version back",
                "it was in the draft before".to_owned(),
            ),
            Self::SetContentRights { answer } => row('~', "content rights", "", answer.clone()),
        }
    }
}

/// The attributes that change, the first few by name.
pub(crate) fn names(changes: &[Change]) -> String {
    const SHOWN: usize = 6;
    let shown: Vec<&str> = changes
        .iter()
        .take(SHOWN)
        .map(|change| change.attribute.as_str())
        .collect();
    match changes.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::AppInfo => "app info texts",
            Self::Version => "version texts",
        }
    }
}

/// The attributes of changes as they are sent.
pub(crate) fn to_attributes(changes: &[Change]) -> Value {
    let pairs = changes
        .iter()
        .map(|change| (change.attribute.clone(), change.to.clone()));
    Value::Object(pairs.collect())
}

/// The relationships of category changes as they are sent.
pub(crate) fn to_relationships(changes: &[Change]) -> Value {
    let pairs = changes.iter().map(|change| {
        let data = match &change.to {
            Value::String(id) => json!({"type": "appCategories", "id": id}),
            _ => Value::Null,
        };
        (change.attribute.clone(), json!({ "data": data }))
    });
    Value::Object(pairs.collect())
}

#[cfg(test)]
mod tests;
