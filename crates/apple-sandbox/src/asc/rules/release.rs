//! Releases: versions, localizations, review submissions. What is checked here is what concerns a single request; a review
//! ends when somebody changes its state.

use serde_json::{Value, json};

use super::Change;
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::date;
use crate::asc::objects::{Key, Objects};

/// The states in which a version's texts and media can be changed (spaceship, and the App Store Connect help).
const EDITABLE: [&str; 5] = [
    "PREPARE_FOR_SUBMISSION",
    "DEVELOPER_REJECTED",
    "REJECTED",
    "METADATA_REJECTED",
    "INVALID_BINARY",
];

/// The states in which a version is out, or replaced.
const FINISHED: [&str; 2] = ["READY_FOR_DISTRIBUTION", "REPLACED_WITH_NEW_VERSION"];

/// The locales of the App Store (50 since 2026-03-31).
const LOCALES: &str = "ar-SA bn-BD ca cs da de-DE el en-AU en-CA en-GB en-US es-ES es-MX fi fr-CA fr-FR gu-IN he hi hr \
    hu id it ja kn-IN ko ml-IN mr-IN ms nl-NL no or-IN pa-IN pl pt-BR pt-PT ro ru sk sl-SI sv ta-IN te-IN th tr uk ur-PK \
    vi zh-Hans zh-Hant";

/// Longest texts, in characters (Apple's help, "App information" and "Platform version information").
const LONGEST: [(&str, &str, usize); 8] = [
    ("appInfoLocalizations", "name", 30),
    ("appInfoLocalizations", "subtitle", 30),
    ("appStoreVersionLocalizations", "description", 4000),
    ("appStoreVersionLocalizations", "keywords", 100),
    ("appStoreVersionLocalizations", "promotionalText", 170),
    ("appStoreVersionLocalizations", "whatsNew", 4000),
    ("betaBuildLocalizations", "whatsNew", 4000),
    ("betaAppLocalizations", "description", 4000),
];

fn check_texts(draft: &Draft) -> Result<(), Refusal> {
    for (kind, name, most) in LONGEST {
        let length = draft.text(name).chars().count();
        if draft.kind == kind && length > most {
            let words = format!("'{name}' is too long: {length} characters, of {most} at most");
            let refusal = Refusal::entity("ENTITY_ERROR.ATTRIBUTE.TOO_LONG", words);
            return Err(refusal.at(format!("/data/attributes/{name}")));
        }
    }
    let locale = draft.text("locale");
    if draft.kind.ends_with("Localizations")
        && !locale.is_empty()
        && !LOCALES.split(' ').any(|known| known == locale)
    {
        let words = format!("The language specified is not listed for localization: '{locale}'");
        return Err(Refusal::attribute("locale", words));
    }
    Ok(())
}

/// The version that a resource belongs to, by its ways up.
fn version_of(objects: &Objects, key: &Key) -> Option<Key> {
    const UP: [&str; 5] = [
        "appStoreVersion",
        "appStoreVersionLocalization",
        "appScreenshotSet",
        "appPreviewSet",
        "appStoreReviewDetail",
    ];
    let mut at = key.clone();
    for _ in 0..UP.len() {
        if at.kind == "appStoreVersions" {
            return Some(at);
        }
        at = UP
            .iter()
            .find_map(|name| objects.links(&at.kind, &at.id, name).first())?
            .clone();
    }
    None
}

/// Refuses changes of a version that is in review, or out.
fn check_editable(objects: &Objects, key: &Key, words: &str) -> Result<(), Refusal> {
    let Some(version) = version_of(objects, key) else {
        return Ok(());
    };
    let state = objects.text("appStoreVersions", &version.id, "appVersionState");
    if state.is_empty() || EDITABLE.contains(&state) {
        return Ok(());
    }
    Err(Refusal::entity("STATE_ERROR", words))
}

/// Kinds that belong to a version and are changed with it.
const OF_VERSIONS: [&str; 6] = [
    "appStoreVersionLocalizations",
    "appScreenshotSets",
    "appScreenshots",
    "appPreviewSets",
    "appPreviews",
    "routingAppCoverages",
];

pub(super) fn check_creation(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    check_texts(draft)?;
    let objects = &change.state.objects;
    if OF_VERSIONS.contains(&draft.kind.as_str()) {
        for targets in draft.relationships.values() {
            for target in targets {
                let words = "Cannot create localization after the app version has been submitted for review";
                check_editable(objects, target, words)?;
            }
        }
    }
    match draft.kind.as_str() {
        "appStoreVersions" => {
            let platform = draft.text("platform");
            for known in objects.links("apps", draft.one("app"), "appStoreVersions") {
                let state = objects.text("appStoreVersions", &known.id, "appVersionState");
                let is_of_platform = objects.text("appStoreVersions", &known.id, "platform") == platform;
                if is_of_platform && !FINISHED.contains(&state) {
                    let words = "You cannot create a new version of the App in the current state.";
                    return Err(Refusal::relationship("app", words));
                }
                let is_same = objects.text("appStoreVersions", &known.id, "versionString")
                    == draft.text("versionString");
                if is_of_platform && is_same {
                    return Err(Refusal::duplicate(
                        "versionString",
                        "The version number has been previously used.",
                    ));
                }
            }
        }
        "reviewSubmissions" => {
            let platform = draft.text("platform");
            for known in objects.links("apps", draft.one("app"), "reviewSubmissions") {
                let state = objects.text("reviewSubmissions", &known.id, "state");
                if objects.text("reviewSubmissions", &known.id, "platform") == platform && state != "COMPLETE"
                {
                    let words = format!(
                        "There is another reviewSubmissions with id {} still in progress",
                        known.id
                    );
                    return Err(Refusal::relationship("app", words));
                }
            }
        }
        "reviewSubmissionItems" => {
            let version = draft.one("appStoreVersion");
            let items = objects.ids("reviewSubmissionItems");
            let same = items.iter().find(|id| {
                let is_same = objects
                    .link("reviewSubmissionItems", id, "appStoreVersion")
                    .as_deref()
                    == Some(version);
                is_same
                    && !matches!(
                        objects.text("reviewSubmissionItems", id, "state"),
                        "REMOVED" | "APPROVED"
                    )
            });
            if let Some(id) = same.filter(|_| !version.is_empty()) {
                let other = objects
                    .link("reviewSubmissionItems", id, "reviewSubmission")
                    .unwrap_or_default();
                let words = format!(
                    "appStoreVersions with id {version} was already added to another reviewSubmission with id {other}"
                );
                return Err(Refusal::relationship("appStoreVersion", words));
            }
            let subjects = draft
                .relationships
                .iter()
                .filter(|(name, all)| *name != "reviewSubmission" && !all.is_empty());
            if subjects.count() != 1 {
                let words = "An item is about one resource";
                return Err(
                    Refusal::entity("ENTITY_ERROR.RELATIONSHIP.REQUIRED", words).at("/data/relationships")
                );
            }
        }
        "appStoreVersionReleaseRequests" => {
            let state = objects.text(
                "appStoreVersions",
                draft.one("appStoreVersion"),
                "appVersionState",
            );
            if state != "PENDING_DEVELOPER_RELEASE" {
                let words = format!("The version can't be released in the state {state}");
                return Err(Refusal::entity("STATE_ERROR.ENTITY_STATE_INVALID", words));
            }
        }
        "appScreenshotSets" | "appPreviewSets" if draft.relationships.is_empty() => {
            return Err(Refusal::entity(
                "ENTITY_ERROR.RELATIONSHIP.REQUIRED",
                "You must provide a value for the relationship 'appStoreVersionLocalization' with this request",
            )
            .at("/data/relationships/appStoreVersionLocalization"));
        }
        "appPreviews"
            if objects
                .links("appPreviewSets", draft.one("appPreviewSet"), "appPreviews")
                .len()
                >= 3 =>
        {
            let words = "A set has 3 previews at most";
            return Err(Refusal::relationship("appPreviewSet", words));
        }
        "appScreenshots"
            if objects
                .links(
                    "appScreenshotSets",
                    draft.one("appScreenshotSet"),
                    "appScreenshots",
                )
                .len()
                >= 10 =>
        {
            let words = "A set has 10 screenshots at most";
            return Err(Refusal::relationship("appScreenshotSet", words));
        }
        _ => {}
    }
    Ok(())
}

/// What a new resource has from the start.
pub(super) fn defaults(change: &Change<'_>, kind: &str) -> Value {
    match kind {
        "appStoreVersions" => json!({
            "appVersionState": "PREPARE_FOR_SUBMISSION",
            "appStoreState": "PREPARE_FOR_SUBMISSION",
            "reviewType": "APP_STORE",
            "releaseType": "AFTER_APPROVAL",
            "downloadable": true,
            "createdDate": date(change.now),
        }),
        "appStoreVersionPhasedReleases" => {
            json!({"phasedReleaseState": "INACTIVE", "totalPauseDuration": 0, "currentDayNumber": 0})
        }
        "reviewSubmissions" | "reviewSubmissionItems" => json!({"state": "READY_FOR_REVIEW"}),
        "appEncryptionDeclarations" => json!({
            "appEncryptionDeclarationState": "CREATED",
            "createdDate": date(change.now),
            "exempt": false,
            "usesEncryption": true,
        }),
        "appAssetLibraryPlacements" => json!({
            "createdDate": date(change.now),
            "lastModifiedDate": date(change.now),
            "state": "PARENT_PREPARE_FOR_SUBMISSION",
            "placementGroupPosition": 1,
        }),
        _ => json!({}),
    }
}

fn set_version_state(objects: &mut Objects, id: &str, state: &str) {
    objects.set("appStoreVersions", id, "appVersionState", state);
    objects.set("appStoreVersions", id, "appStoreState", older_state(state));
}

/// The state of a version as the older enumeration names it.
pub(super) fn older_state(state: &str) -> &str {
    match state {
        "READY_FOR_DISTRIBUTION" => "READY_FOR_SALE",
        "PROCESSING_FOR_DISTRIBUTION" => "PROCESSING_FOR_APP_STORE",
        other => other,
    }
}

/// What a new resource brings about.
pub(super) fn created(change: &mut Change<'_>, key: &Key) {
    match key.kind.as_str() {
        "appStoreVersions" => {
            let id = change.state.id();
            let locale = super::seeds::primary_locale(change, key);
            let attributes = json!({"locale": locale}).as_object().cloned().unwrap_or_default();
            let made = change.add("appStoreVersionLocalizations", &id, attributes);
            change.relate(&made, "appStoreVersion", key);
        }
        "reviewSubmissionItems" => {
            let objects = &mut change.state.objects;
            if let Some(version) = objects.link(&key.kind, &key.id, "appStoreVersion") {
                set_version_state(objects, &version, "READY_FOR_REVIEW");
                if let Some(submission) = objects.link(&key.kind, &key.id, "reviewSubmission") {
                    let submission = Key::new("reviewSubmissions", &submission);
                    let version = Key::new("appStoreVersions", &version);
                    change.relate(&submission, "appStoreVersionForReview", &version);
                }
            }
        }
        "appStoreVersionReleaseRequests" => {
            let objects = &mut change.state.objects;
            if let Some(version) = objects.link(&key.kind, &key.id, "appStoreVersion") {
                set_version_state(objects, &version, "PROCESSING_FOR_DISTRIBUTION");
            }
        }
        _ => {}
    }
}

/// Moves every version of a submission, and its items.
fn move_items(objects: &mut Objects, submission: &str, version_state: &str) {
    for item in objects.links("reviewSubmissions", submission, "items").to_vec() {
        if let Some(version) = objects.link(&item.kind, &item.id, "appStoreVersion") {
            set_version_state(objects, &version, version_state);
        }
    }
}

pub(super) fn check_update(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    check_texts(draft)?;
    let objects = &change.state.objects;
    let key = Key::new(&draft.kind, &draft.id);
    if OF_VERSIONS.contains(&draft.kind.as_str()) || draft.kind == "appStoreVersions" {
        let live = ["promotionalText", "supportUrl", "marketingUrl", "downloadable"];
        for name in draft
            .attributes
            .keys()
            .filter(|name| !live.contains(&name.as_str()))
        {
            check_editable(
                objects,
                &key,
                &format!("Attribute '{name}' cannot be edited at this time"),
            )?;
        }
        for name in draft.relationships.keys() {
            check_editable(
                objects,
                &key,
                &format!("Relationship '{name}' cannot be edited at this time"),
            )?;
        }
    }
    if draft.kind == "reviewSubmissions" {
        let state = objects.text("reviewSubmissions", &draft.id, "state");
        let asks = |name: &str| draft.attributes.get(name) == Some(&Value::Bool(true));
        if asks("submitted") {
            if !matches!(state, "READY_FOR_REVIEW" | "UNRESOLVED_ISSUES") {
                return Err(Refusal::entity(
                    "STATE_ERROR",
                    "Another operation is already in progress",
                ));
            }
            let items = objects.links("reviewSubmissions", &draft.id, "items").iter();
            let mut open = items.filter(|item| objects.text(&item.kind, &item.id, "state") != "REMOVED");
            if open.next().is_none() {
                let words = format!("reviewSubmissions with id {} does not have any items", draft.id);
                return Err(Refusal::entity("STATE_ERROR", words));
            }
        }
        if asks("canceled") && !matches!(state, "WAITING_FOR_REVIEW" | "IN_REVIEW" | "UNRESOLVED_ISSUES") {
            return Err(Refusal::entity(
                "STATE_ERROR",
                "Resource is not in cancellable state",
            ));
        }
    }
    Ok(())
}

/// What a change brings about.
pub(super) fn updated(change: &mut Change<'_>, key: &Key, draft: &Draft) {
    let now = date(change.now);
    let objects = &mut change.state.objects;
    let asks = |name: &str| draft.attributes.get(name) == Some(&Value::Bool(true));
    match key.kind.as_str() {
        "reviewSubmissions" if asks("submitted") => {
            objects.set(&key.kind, &key.id, "state", "WAITING_FOR_REVIEW");
            objects.set(&key.kind, &key.id, "submittedDate", now);
            move_items(objects, &key.id, "WAITING_FOR_REVIEW");
        }
        "reviewSubmissions" if asks("canceled") => {
            objects.set(&key.kind, &key.id, "state", "COMPLETE");
            for item in objects.links("reviewSubmissions", &key.id, "items").to_vec() {
                objects.set(&item.kind, &item.id, "state", "REMOVED");
            }
            move_items(objects, &key.id, "DEVELOPER_REJECTED");
        }
        "reviewSubmissionItems" if asks("removed") => {
            objects.set(&key.kind, &key.id, "state", "REMOVED");
            if let Some(version) = objects.link(&key.kind, &key.id, "appStoreVersion") {
                set_version_state(objects, &version, "DEVELOPER_REJECTED");
            }
        }
        "reviewSubmissionItems" if asks("resolved") => {
            objects.set(&key.kind, &key.id, "state", "READY_FOR_REVIEW");
        }
        "appStoreVersionPhasedReleases" if draft.text("phasedReleaseState") == "ACTIVE" => {
            objects.set(&key.kind, &key.id, "startDate", now);
            objects.set(&key.kind, &key.id, "currentDayNumber", 1);
        }
        _ => {}
    }
}

/// An app's bundle ID is fixed with its first build.
pub(super) fn change_app(change: &mut Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let bundle_id = draft.text("bundleId").to_owned();
    let state = &mut *change.state;
    let has_builds = state.builds.iter().any(|build| build.app == draft.id);
    let is_taken = state
        .apps
        .iter()
        .any(|app| app.bundle_id == bundle_id && app.id != draft.id);
    for app in state
        .apps
        .iter_mut()
        .filter(|app| app.id == draft.id && !bundle_id.is_empty())
    {
        if app.bundle_id != bundle_id
            && (has_builds || is_taken || !super::identifiers::is_identifier(&bundle_id))
        {
            let words = format!("The bundle ID '{bundle_id}' can't be used for this app");
            return Err(Refusal::attribute("bundleId", words));
        }
        app.bundle_id.clone_from(&bundle_id);
    }
    Ok(())
}

/// Whether a relationship of a version, or of a set of media, can be changed.
pub(super) fn check_link(change: &Change<'_>, key: &Key) -> Result<(), Refusal> {
    check_editable(
        &change.state.objects,
        key,
        "The relationship cannot be edited at this time",
    )
}

pub(super) fn check_deletion(change: &mut Change<'_>, key: &Key) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    match key.kind.as_str() {
        "appStoreVersions" => {
            let app = objects.link(&key.kind, &key.id, "app").unwrap_or_default();
            let is_first = objects.links("apps", &app, "appStoreVersions").first() == Some(key);
            let state = objects.text(&key.kind, &key.id, "appVersionState");
            if !EDITABLE.contains(&state) || is_first {
                let words = format!("The version can't be deleted in the state {state}");
                return Err(Refusal::entity("STATE_ERROR.ENTITY_STATE_INVALID", words));
            }
        }
        "appStoreVersionPhasedReleases" => {
            let state = objects.text(&key.kind, &key.id, "phasedReleaseState");
            if state != "INACTIVE" {
                let words = format!("The phased release can't be deleted in the state {state}");
                return Err(Refusal::entity("STATE_ERROR.ENTITY_STATE_INVALID", words));
            }
        }
        "reviewSubmissionItems" => {
            let submission = objects
                .link(&key.kind, &key.id, "reviewSubmission")
                .unwrap_or_default();
            let state = objects.text("reviewSubmissions", &submission, "state");
            if state != "READY_FOR_REVIEW" {
                return Err(Refusal::entity(
                    "STATE_ERROR",
                    "The submission has been sent already",
                ));
            }
            let version = objects.link(&key.kind, &key.id, "appStoreVersion");
            if let Some(version) = version {
                set_version_state(&mut change.state.objects, &version, "PREPARE_FOR_SUBMISSION");
            }
        }
        "appAssetLibraryImages" | "appAssetLibraryVideos" => {
            if !objects.links(&key.kind, &key.id, "placements").is_empty() {
                let words = "The asset has placements";
                return Err(Refusal::entity("STATE_ERROR.ASSET_HAS_PLACEMENTS", words));
            }
        }
        "appInfoLocalizations" | "appStoreVersionLocalizations" => {
            if key.kind == "appStoreVersionLocalizations" {
                check_editable(objects, key, "The localization cannot be deleted at this time")?;
            }
            let locale = objects.text(&key.kind, &key.id, "locale").to_owned();
            if locale == super::seeds::primary_locale(change, key) {
                let words = "The primary locale can't be deleted";
                return Err(Refusal::entity("STATE_ERROR.ENTITY_STATE_INVALID", words));
            }
        }
        _ => {
            if OF_VERSIONS.contains(&key.kind.as_str()) {
                check_editable(objects, key, "The resource cannot be deleted at this time")?;
            }
        }
    }
    Ok(())
}
