//! Review submissions: drafts, what is in them, what a version lacks, cancelling, and App Review's verdicts.
//!
//! Sections are those of `app-store-release.md` (2026-11-25): B13, B14.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Change;
use super::lifecycle::{Effect, asks};
use super::release::{EDITABLE, is_first, open_info, release, set_version_state, state_of};
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::date;
use crate::asc::objects::{Key, Objects};

const SUBMISSIONS: &str = "reviewSubmissions";
const ITEMS: &str = "reviewSubmissionItems";

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

fn state_error(detail: impl Into<String>) -> Refusal {
    Refusal::entity("STATE_ERROR", detail)
}

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
            _ => state_error(format!(
                "appStoreVersions with id {version} is already in another reviewSubmission with id {other} still in progress"
            )),
        });
    }
    let submission = draft.one("reviewSubmission");
    let state = objects.text(SUBMISSIONS, submission, "state");
    if !matches!(state, "READY_FOR_REVIEW" | "UNRESOLVED_ISSUES") {
        return Err(state_error("Items cannot be added to a submission that was sent"));
    }
    if !change.state.release.checks_completeness {
        return Ok(());
    }
    let lacking = lacking(change, version);
    if lacking.is_empty() {
        return Ok(());
    }
    let words = format!(
        "appStoreVersions with id {version} is not in valid state. This resource cannot be reviewed, please check associated errors to see why."
    );
    Err(Refusal::entity("STATE_ERROR.ENTITY_STATE_INVALID", words).with_associated(lacking))
}

/// Errors by the path of the resource that they are about.
#[derive(Default)]
struct Lacking(Map<String, Value>);

impl Lacking {
    fn say(&mut self, path: String, code: &str, title: &str, detail: String) {
        let error = json!({"id": "5a5a5a5a-0000-4000-8000-000000000001", "status": "409", "code": code, "title": title, "detail": detail});
        match self.0.entry(path).or_insert_with(|| json!([])) {
            Value::Array(all) => all.push(error),
            other => *other = json!([error]),
        }
    }

    fn needs(&mut self, path: String, name: &str) {
        self.say(
            path,
            "ENTITY_ERROR.ATTRIBUTE.REQUIRED",
            "The provided entity is missing a required attribute",
            format!("You must provide a value for the attribute '{name}' with this request"),
        );
    }

    fn needs_relationship(&mut self, path: String, name: &str) {
        self.say(
            path,
            "ENTITY_ERROR.RELATIONSHIP.REQUIRED",
            "The provided entity is missing a required relationship",
            format!("You must provide a value for the relationship '{name}' with this request"),
        );
    }
}

/// The questions of an age rating that have to be answered since 2026-01-31, and whether the answer is a level (B4).
pub(super) const RATING: [(&str, bool); 22] = [
    ("alcoholTobaccoOrDrugUseOrReferences", true),
    ("contests", true),
    ("gamblingSimulated", true),
    ("gunsOrOtherWeapons", true),
    ("horrorOrFearThemes", true),
    ("matureOrSuggestiveThemes", true),
    ("medicalOrTreatmentInformation", true),
    ("profanityOrCrudeHumor", true),
    ("sexualContentGraphicAndNudity", true),
    ("sexualContentOrNudity", true),
    ("violenceCartoonOrFantasy", true),
    ("violenceRealistic", true),
    ("violenceRealisticProlongedGraphicOrSadistic", true),
    ("gambling", false),
    ("unrestrictedWebAccess", false),
    ("advertising", false),
    ("ageAssurance", false),
    ("healthOrWellnessTopics", false),
    ("lootBox", false),
    ("messagingAndChat", false),
    ("parentalControls", false),
    ("userGeneratedContent", false),
];

/// What a version lacks to be reviewed: the readiness list of B13.
fn lacking(change: &Change<'_>, version: &str) -> Map<String, Value> {
    let objects = &change.state.objects;
    let mut lacking = Lacking::default();
    let own = format!("/v1/appStoreVersions/{version}");
    if !EDITABLE.contains(&state_of(objects, version)) {
        let detail = "The version's state is not suitable for submission".to_owned();
        lacking.say(own.clone(), "STATE_ERROR", "Invalid submission state", detail);
    }
    let app = objects
        .link("appStoreVersions", version, "app")
        .unwrap_or_default();
    let attributes = change.view().attributes("apps", &app).unwrap_or_default();
    let primary = attributes
        .get("primaryLocale")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if attributes
        .get("contentRightsDeclaration")
        .is_none_or(Value::is_null)
    {
        lacking.needs(format!("/v1/apps/{app}"), "contentRightsDeclaration");
    }
    lacking_of_build(change, version, &mut lacking);
    let is_update = !is_first(objects, version);
    for localization in objects.links("appStoreVersions", version, "appStoreVersionLocalizations") {
        let path = format!("/v1/appStoreVersionLocalizations/{}", localization.id);
        let needed = ["description", "keywords", "supportUrl"].into_iter();
        for name in needed.chain(is_update.then_some("whatsNew")) {
            if objects
                .text(&localization.kind, &localization.id, name)
                .is_empty()
            {
                lacking.needs(path.clone(), name);
            }
        }
        let is_primary = objects.text(&localization.kind, &localization.id, "locale") == primary;
        super::media::lacking(change, localization, is_primary, |path, code, title| {
            lacking.say(path, code, title, String::new());
        });
    }
    if let Some(info) = open_info(objects, &app) {
        lacking_of_info(objects, &info, &mut lacking);
    }
    match objects.link("appStoreVersions", version, "appStoreReviewDetail") {
        None => lacking.needs_relationship(own.clone(), "appStoreReviewDetail"),
        Some(detail) => {
            let kind = "appStoreReviewDetails";
            let demo = objects.value(kind, &detail, "demoAccountRequired") == Some(&Value::Bool(true));
            let contact = [
                "contactFirstName",
                "contactLastName",
                "contactEmail",
                "contactPhone",
            ];
            let account = ["demoAccountName", "demoAccountPassword"];
            for name in contact.into_iter().chain(account.into_iter().filter(|_| demo)) {
                if objects.text(kind, &detail, name).is_empty() {
                    lacking.needs(format!("/v1/{kind}/{detail}"), name);
                }
            }
        }
    }
    for (name, kind) in [
        ("appPriceSchedule", "appPriceSchedules"),
        ("appAvailabilityV2", "appAvailabilities"),
    ] {
        if objects.get(kind, &app).is_none() {
            let version = change.api.version(kind);
            lacking.needs_relationship(format!("/{version}/{kind}/"), name);
        }
    }
    let date = objects.text("appStoreVersions", version, "earliestReleaseDate");
    if objects.text("appStoreVersions", version, "releaseType") == "SCHEDULED"
        && OffsetDateTime::parse(date, &Rfc3339).is_ok_and(|date| date <= change.now)
    {
        let detail = "The release date is in the past".to_owned();
        lacking.say(own, "STATE_ERROR", "Invalid release date", detail);
    }
    lacking.0
}

fn lacking_of_build(change: &Change<'_>, version: &str, lacking: &mut Lacking) {
    let objects = &change.state.objects;
    let Some(build) = objects.link("appStoreVersions", version, "build") else {
        lacking.needs_relationship(format!("/v1/appStoreVersions/{version}"), "build");
        return;
    };
    let path = format!("/v1/builds/{build}");
    let attributes = change.view().attributes("builds", &build).unwrap_or_default();
    if attributes.get("processingState") != Some(&"VALID".into())
        || attributes.get("expired") == Some(&Value::Bool(true))
    {
        lacking.say(
            path.clone(),
            "STATE_ERROR",
            "The build is not valid",
            String::new(),
        );
    }
    match attributes.get("usesNonExemptEncryption") {
        Some(Value::Bool(true)) => {
            let declaration = objects.link("builds", &build, "appEncryptionDeclaration");
            if declaration.is_none() {
                lacking.needs_relationship(path, "appEncryptionDeclaration");
            }
        }
        Some(Value::Bool(false)) => {}
        _ => lacking.needs(path, "usesNonExemptEncryption"),
    }
}

fn lacking_of_info(objects: &Objects, info: &str, lacking: &mut Lacking) {
    if objects.link("appInfos", info, "primaryCategory").is_none() {
        lacking.needs_relationship(format!("/v1/appInfos/{info}"), "primaryCategory");
    }
    for localization in objects.links("appInfos", info, "appInfoLocalizations") {
        for name in ["name", "privacyPolicyUrl"] {
            if objects
                .text(&localization.kind, &localization.id, name)
                .is_empty()
            {
                lacking.needs(format!("/v1/{}/{}", localization.kind, localization.id), name);
            }
        }
    }
    let rating = objects
        .link("appInfos", info, "ageRatingDeclaration")
        .unwrap_or_default();
    for (name, _) in RATING {
        let kind = "ageRatingDeclarations";
        if objects.value(kind, &rating, name).is_none_or(Value::is_null) {
            lacking.needs(format!("/v1/{kind}/{rating}"), name);
        }
    }
}

/// What a new resource brings about.
pub(super) fn created(change: &mut Change<'_>, key: &Key) {
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
        0 => make_ready(change, &version),
        looks => change.state.schedule(looks, Effect::MakeReady(version)),
    }
}

/// A version that was put into a submission is ready for review.
pub(super) fn make_ready(change: &mut Change<'_>, version: &str) {
    let objects = &mut change.state.objects;
    if EDITABLE.contains(&state_of(objects, version)) {
        set_version_state(objects, version, "READY_FOR_REVIEW");
    }
}

pub(super) fn check_update(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    match draft.kind.as_str() {
        SUBMISSIONS => {
            let state = objects.text(SUBMISSIONS, &draft.id, "state");
            if asks(draft, "submitted") {
                check_sending(change, &draft.id, state)?;
            }
            if asks(draft, "canceled") {
                check_cancelling(objects, &draft.id, state)?;
            }
            Ok(())
        }
        ITEMS => {
            let submission = objects
                .link(ITEMS, &draft.id, "reviewSubmission")
                .unwrap_or_default();
            let state = objects.text(SUBMISSIONS, &submission, "state");
            let own = objects.text(ITEMS, &draft.id, "state");
            if asks(draft, "resolved") && (state != "UNRESOLVED_ISSUES" || own != "REJECTED") {
                return Err(state_error(format!(
                    "An item in the state {own} has nothing to resolve"
                )));
            }
            if asks(draft, "removed") && !matches!(state, "UNRESOLVED_ISSUES" | "READY_FOR_REVIEW") {
                return Err(state_error("The submission has been sent already"));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn check_sending(change: &Change<'_>, submission: &str, state: &str) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    if !matches!(state, "READY_FOR_REVIEW" | "UNRESOLVED_ISSUES") {
        return Err(state_error("Another operation is already in progress"));
    }
    let items = objects.links(SUBMISSIONS, submission, "items").iter();
    let open: Vec<&Key> = items
        .filter(|item| objects.text(ITEMS, &item.id, "state") != "REMOVED")
        .collect();
    if open.is_empty() {
        let words = format!("reviewSubmissions with id {submission} does not have any items");
        return Err(state_error(words));
    }
    if open
        .iter()
        .any(|item| objects.text(ITEMS, &item.id, "state") == "REJECTED")
    {
        return Err(state_error(
            "The submission has items that are rejected and not resolved",
        ));
    }
    let is_ready = |version: &String| state_of(objects, version) == "READY_FOR_REVIEW";
    if !versions_in(objects, submission).iter().all(is_ready) {
        let words = "Version is not ready to be submitted yet, please try again later";
        return Err(Refusal::entity("STATE_ERROR.ENTITY_STATE_INVALID", words));
    }
    Ok(())
}

fn check_cancelling(objects: &Objects, submission: &str, state: &str) -> Result<(), Refusal> {
    if matches!(state, "CANCELING" | "COMPLETING") {
        return Err(state_error("Another operation is already in progress"));
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
    Err(state_error("Resource is not in cancellable state"))
}

/// What a change brings about.
pub(super) fn updated(change: &mut Change<'_>, key: &Key, draft: &Draft) {
    let now = date(change.now);
    match key.kind.as_str() {
        SUBMISSIONS if asks(draft, "submitted") => {
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
        SUBMISSIONS if asks(draft, "canceled") => {
            change
                .state
                .objects
                .set(SUBMISSIONS, &key.id, "state", "CANCELING");
            let looks = change.state.release.pace.cancel;
            change
                .state
                .schedule(looks, Effect::EndSubmission(key.id.clone()));
        }
        ITEMS if asks(draft, "removed") => remove_item(change, key),
        ITEMS if asks(draft, "resolved") => {
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

/// Whether a version's build uses encryption whose documents are not approved (B12.5).
fn waits_for_documents(objects: &Objects, version: &str) -> bool {
    let build = objects
        .link("appStoreVersions", version, "build")
        .unwrap_or_default();
    let declaration = objects.link("builds", &build, "appEncryptionDeclaration");
    objects.value("builds", &build, "usesNonExemptEncryption") == Some(&Value::Bool(true))
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
pub(super) fn check_deletion(change: &mut Change<'_>, key: &Key) -> Result<(), Refusal> {
    if key.kind != ITEMS {
        return Ok(());
    }
    let objects = &change.state.objects;
    let submission = objects
        .link(ITEMS, &key.id, "reviewSubmission")
        .unwrap_or_default();
    if objects.text(SUBMISSIONS, &submission, "state") != "READY_FOR_REVIEW" {
        return Err(state_error("The submission has been sent already"));
    }
    remove_item(change, key);
    Ok(())
}

/// The end of a cancelled submission (C3: seconds after the `PATCH`).
pub(super) fn end_cancelled(change: &mut Change<'_>, submission: &str) {
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

/// Lets App Review decide about the newest submission that is open, of one app or of any.
///
/// # Errors
/// When there is none in a state in which App Review could say so.
pub(crate) fn decide(change: &mut Change<'_>, app: Option<&str>, verdict: Verdict) -> Result<(), String> {
    let objects = &change.state.objects;
    let is_open = |id: &String| match verdict {
        Verdict::Begin | Verdict::ApproveEncryption => {
            objects.text(SUBMISSIONS, id, "state") == "WAITING_FOR_REVIEW"
        }
        Verdict::ReleaseScheduled => versions_in(objects, id)
            .iter()
            .any(|version| state_of(objects, version) == "PENDING_APPLE_RELEASE"),
        _ => matches!(
            objects.text(SUBMISSIONS, id, "state"),
            "WAITING_FOR_REVIEW" | "IN_REVIEW"
        ),
    };
    let is_apps =
        |id: &String| app.is_none_or(|app| objects.link(SUBMISSIONS, id, "app").as_deref() == Some(app));
    let submission = objects
        .ids(SUBMISSIONS)
        .into_iter()
        .rfind(|id| is_apps(id) && is_open(id))
        .ok_or("no submission is in a state for this verdict")?;
    let versions = versions_in(objects, &submission);
    let items = objects.links(SUBMISSIONS, &submission, "items").to_vec();
    let (of_submission, of_item) = match verdict {
        Verdict::Begin => ("IN_REVIEW", "READY_FOR_REVIEW"),
        Verdict::ApproveEncryption => ("WAITING_FOR_REVIEW", "READY_FOR_REVIEW"),
        Verdict::Accept => ("IN_REVIEW", "ACCEPTED"),
        Verdict::Approve | Verdict::ReleaseScheduled => ("COMPLETE", "APPROVED"),
        Verdict::Reject | Verdict::RejectMetadata => ("UNRESOLVED_ISSUES", "REJECTED"),
        Verdict::InvalidBinary => ("COMPLETE", "REMOVED"),
    };
    let objects = &mut change.state.objects;
    objects.set(SUBMISSIONS, &submission, "state", of_submission);
    for item in items {
        if objects.text(ITEMS, &item.id, "state") != "REMOVED" {
            objects.set(ITEMS, &item.id, "state", of_item);
        }
    }
    for version in versions {
        match verdict {
            Verdict::Begin => set_version_state(&mut change.state.objects, &version, "IN_REVIEW"),
            Verdict::Accept => set_version_state(&mut change.state.objects, &version, "ACCEPTED"),
            Verdict::Approve => approve(change, &version),
            Verdict::Reject => set_version_state(&mut change.state.objects, &version, "REJECTED"),
            Verdict::RejectMetadata => {
                set_version_state(&mut change.state.objects, &version, "METADATA_REJECTED");
            }
            Verdict::InvalidBinary => {
                set_version_state(&mut change.state.objects, &version, "INVALID_BINARY");
            }
            Verdict::ReleaseScheduled => release(change, &version),
            Verdict::ApproveEncryption => {
                let objects = &mut change.state.objects;
                let build = objects
                    .link("appStoreVersions", &version, "build")
                    .unwrap_or_default();
                if let Some(id) = objects.link("builds", &build, "appEncryptionDeclaration") {
                    let kind = "appEncryptionDeclarations";
                    objects.set(kind, &id, "appEncryptionDeclarationState", "APPROVED");
                }
                if state_of(objects, &version) == "WAITING_FOR_EXPORT_COMPLIANCE" {
                    set_version_state(objects, &version, "WAITING_FOR_REVIEW");
                }
            }
        }
    }
    Ok(())
}

/// What becomes of an approved version is its release type's matter (B5).
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
