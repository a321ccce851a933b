//! Releases: versions, their texts, app infos, age ratings, phased release. What takes time is in [`lifecycle`](super::lifecycle), review in
//! [`review`](super::review), media in [`media`](super::media).
//!
//! Sources, as of 2026-11-25: Apple's API document 4.4.1; `upload_metadata.rb` and `app_store_version.rb` of fastlane 2.237.0; Apple's
//! help, "Required, localizable, and editable properties".

mod copy;
mod number;
mod texts;

use copy::complete_version;
use number::{check_number, has_number, numbers, plain_number, used_number};
use serde_json::{Value, json};
use texts::check_texts;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Change;
use super::lifecycle::Effect;
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::date;
use crate::asc::objects::{Key, Objects, members};

/// The states in which a version's texts and media can be changed.
pub(super) const EDITABLE: [&str; 5] = [
    "PREPARE_FOR_SUBMISSION",
    "DEVELOPER_REJECTED",
    "REJECTED",
    "METADATA_REJECTED",
    "INVALID_BINARY",
];

/// The states in which a version is out, or replaced.
pub(super) const FINISHED: [&str; 2] = ["READY_FOR_DISTRIBUTION", "REPLACED_WITH_NEW_VERSION"];

/// The states in which an app info can be changed.
const EDITABLE_INFO: [&str; 3] = ["PREPARE_FOR_SUBMISSION", "DEVELOPER_REJECTED", "REJECTED"];

/// What can be changed in any state of a version.
const LIVE: [&str; 4] = ["promotionalText", "supportUrl", "marketingUrl", "downloadable"];

/// The version that a resource belongs to, by its ways up.
pub(super) fn version_of(objects: &Objects, key: &Key) -> Option<Key> {
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

/// The state of a version.
pub(super) fn state_of<'a>(objects: &'a Objects, version: &str) -> &'a str {
    objects.text("appStoreVersions", version, "appVersionState")
}

/// Whether what belongs to a version can be changed.
pub(super) fn is_editable(objects: &Objects, key: &Key) -> bool {
    version_of(objects, key).is_none_or(|version| {
        let state = state_of(objects, &version.id);
        state.is_empty() || EDITABLE.contains(&state)
    })
}

/// Refuses changes of a version that is in review, or out.
fn check_editable(objects: &Objects, key: &Key, words: &str) -> Result<(), Refusal> {
    if is_editable(objects, key) {
        return Ok(());
    }
    Err(Refusal::state(words))
}

/// The versions of an app on a platform, oldest first.
pub(super) fn versions_of(objects: &Objects, app: &str, platform: &str) -> Vec<String> {
    let all = objects.links("apps", app, "appStoreVersions").iter();
    all.filter(|known| objects.text("appStoreVersions", &known.id, "platform") == platform)
        .map(|known| known.id.clone())
        .collect()
}

/// Whether a version is the first of its app on its platform.
pub(super) fn is_first(objects: &Objects, version: &str) -> bool {
    let app = objects
        .link("appStoreVersions", version, "app")
        .unwrap_or_default();
    let platform = objects.text("appStoreVersions", version, "platform");
    versions_of(objects, &app, platform).first().map(String::as_str) == Some(version)
}

/// The app info that a version is changed and reviewed with: the one that is not out.
pub(super) fn open_info(objects: &Objects, app: &str) -> Option<String> {
    let all = objects.links("apps", app, "appInfos").iter();
    all.filter(|info| objects.text("appInfos", &info.id, "state") != "READY_FOR_DISTRIBUTION")
        .map(|info| info.id.clone())
        .next_back()
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

/// A date of release is a full hour, and comes with `SCHEDULED` alone.
fn check_date(draft: &Draft, known_type: &str) -> Result<(), Refusal> {
    let text = draft.text("earliestReleaseDate");
    if text.is_empty() {
        return Ok(());
    }
    let release_type = Some(draft.text("releaseType")).filter(|given| !given.is_empty());
    if release_type.unwrap_or(known_type) != "SCHEDULED" {
        let words = "'earliestReleaseDate' can be set for the release type SCHEDULED only";
        return Err(Refusal::attribute("earliestReleaseDate", words));
    }
    let time = OffsetDateTime::parse(text, &Rfc3339).ok();
    if time.is_none_or(|time| (time.minute(), time.second()) != (0, 0)) {
        let words = "'earliestReleaseDate' has to be a full hour";
        return Err(Refusal::attribute("earliestReleaseDate", words));
    }
    Ok(())
}

fn check_version(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    check_number(draft.text("versionString"))?;
    check_date(draft, "AFTER_APPROVAL")?;
    let objects = &change.state.objects;
    let mut refusals = Vec::new();
    let known = versions_of(objects, draft.one("app"), draft.text("platform"));
    let is_used = known
        .iter()
        .any(|id| has_number(objects, id, draft.text("versionString")));
    if is_used || known.iter().any(|id| !FINISHED.contains(&state_of(objects, id))) {
        let words = "You cannot create a new version of the App in the current state.";
        refusals.push(Refusal::relationship("app", words));
    }
    if is_used {
        refusals.push(used_number());
    }
    Refusal::all(refusals)?;
    match draft.one("build") {
        "" => Ok(()),
        build => check_build(change, draft.text("platform"), draft.text("versionString"), build),
    }
}

/// A version takes a build of its own platform and number that is processed.
fn check_build(change: &Change<'_>, platform: &str, number: &str, build: &str) -> Result<(), Refusal> {
    let known = change.state.builds.by_id(build);
    let is_expired = change.state.objects.is("builds", build, "expired");
    let fits = known
        .is_some_and(|known| known.processing_state == "VALID" && known.platform == platform && !is_expired);
    if !fits {
        let words = "The specified pre-release build could not be added.";
        return Err(Refusal::relationship("build", words));
    }
    if known.is_some_and(|known| numbers(&known.short_version) != numbers(number)) {
        let words = "The build's version does not match the version.";
        return Err(Refusal::relationship("build", words));
    }
    Ok(())
}

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
        "appStoreVersions" => check_version(change, draft)?,
        "appStoreVersionLocalizations"
            if is_first(objects, draft.one("appStoreVersion")) && !draft.text("whatsNew").is_empty() =>
        {
            return Err(locked("Attribute", ["whatsNew"]));
        }
        "appInfoLocalizations" => {
            let info = objects.text("appInfos", draft.one("appInfo"), "state");
            if !EDITABLE_INFO.contains(&info) {
                let words = "Cannot create localization after the app version has been submitted for review";
                return Err(Refusal::state(words));
            }
        }
        "appStoreVersionPhasedReleases" if is_first(objects, draft.one("appStoreVersion")) => {
            let words = "Phased release is not available for the first version";
            return Err(Refusal::state(words));
        }
        "appStoreVersionReleaseRequests" => {
            let state = state_of(objects, draft.one("appStoreVersion"));
            if state != "PENDING_DEVELOPER_RELEASE" {
                let words = format!("The version can't be released in the state {state}");
                return Err(Refusal::wrong_state(words));
            }
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
        "appStoreReviewDetails" => json!({"demoAccountRequired": false}),
        _ => json!({}),
    }
}

/// Sets a version's state, and with it that of the app info that goes along.
pub(super) fn set_version_state(objects: &mut Objects, id: &str, state: &str) {
    objects.set("appStoreVersions", id, "appVersionState", state);
    objects.set("appStoreVersions", id, "appStoreState", older_state(state));
    let app = objects.link("appStoreVersions", id, "app").unwrap_or_default();
    let Some(info) = open_info(objects, &app) else {
        return;
    };
    let of_info = match state {
        "REJECTED" | "METADATA_REJECTED" | "INVALID_BINARY" => "REJECTED",
        "WAITING_FOR_EXPORT_COMPLIANCE" => "WAITING_FOR_REVIEW",
        "PENDING_DEVELOPER_RELEASE" | "PENDING_APPLE_RELEASE" | "PROCESSING_FOR_DISTRIBUTION" => {
            "PENDING_RELEASE"
        }
        "REPLACED_WITH_NEW_VERSION" => return,
        other => other,
    };
    objects.set("appInfos", &info, "state", of_info);
    objects.set("appInfos", &info, "appStoreState", older_state(state));
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
pub(super) fn follow_creation(change: &mut Change<'_>, key: &Key) {
    match key.kind.as_str() {
        "appStoreVersions" => complete_version(change, key),
        // A locale of the version is one of the app info, too (seen by clients of the real service).
        "appStoreVersionLocalizations" => {
            let objects = &change.state.objects;
            let locale = objects.text(&key.kind, &key.id, "locale").to_owned();
            let version = objects
                .link(&key.kind, &key.id, "appStoreVersion")
                .unwrap_or_default();
            let app = objects
                .link("appStoreVersions", &version, "app")
                .unwrap_or_default();
            let Some(info) = open_info(objects, &app) else {
                return;
            };
            let known = objects.links("appInfos", &info, "appInfoLocalizations");
            let text = |of: &Key, name: &str| objects.text(&of.kind, &of.id, name).to_owned();
            if known.iter().any(|of| text(of, "locale") == locale) {
                return;
            }
            let primary = super::seeds::primary_locale(change, key);
            let name = known
                .iter()
                .find(|of| text(of, "locale") == primary)
                .map(|of| text(of, "name"));
            let made = change.make(
                "appInfoLocalizations",
                members(json!({"locale": locale, "name": name})),
            );
            change.relate(&made, "appInfo", &Key::new("appInfos", &info));
        }
        "appStoreVersionReleaseRequests" => {
            let objects = &change.state.objects;
            if let Some(version) = objects.link(&key.kind, &key.id, "appStoreVersion") {
                release(change, &version);
            }
        }
        _ => {}
    }
}

/// Releases a version: Apple distributes it.
pub(super) fn release(change: &mut Change<'_>, version: &str) {
    set_version_state(&mut change.state.objects, version, "PROCESSING_FOR_DISTRIBUTION");
    let looks = change.state.release.pace.distribution;
    change
        .state
        .schedule(looks, Effect::Distribute(version.to_owned()));
}

/// A version reaches the store: the one before is replaced, its app info goes, and a phased release begins.
pub(super) fn distribute(change: &mut Change<'_>, version: &str) {
    let now = date(change.now);
    let objects = &mut change.state.objects;
    if state_of(objects, version) != "PROCESSING_FOR_DISTRIBUTION" {
        return;
    }
    let app = objects
        .link("appStoreVersions", version, "app")
        .unwrap_or_default();
    let platform = objects.text("appStoreVersions", version, "platform").to_owned();
    for other in versions_of(objects, &app, &platform) {
        if state_of(objects, &other) == "READY_FOR_DISTRIBUTION" {
            set_version_state(objects, &other, "REPLACED_WITH_NEW_VERSION");
        }
    }
    let live: Vec<Key> = objects.links("apps", &app, "appInfos").to_vec();
    let has_new = open_info(objects, &app).is_some();
    set_version_state(objects, version, "READY_FOR_DISTRIBUTION");
    if let Some(phased) = objects.link("appStoreVersions", version, "appStoreVersionPhasedRelease") {
        let kind = "appStoreVersionPhasedReleases";
        objects.set(kind, &phased, "phasedReleaseState", "ACTIVE");
        objects.set(kind, &phased, "startDate", now);
        objects.set(kind, &phased, "currentDayNumber", 1);
    }
    for old in live.iter().rev().skip(1).filter(|_| has_new) {
        change.remove(old);
    }
}

/// What can't be edited at this time: an error for each.
pub(super) fn locked<'a>(what: &str, names: impl IntoIterator<Item = &'a str>) -> Refusal {
    let part = if what == "Attribute" {
        "attributes"
    } else {
        "relationships"
    };
    let one = |name: &str| {
        let words = format!("{what} '{name}' cannot be edited at this time");
        Refusal::state(words).at(format!("/data/{part}/{name}"))
    };
    let all: Vec<Refusal> = names.into_iter().map(one).collect();
    Refusal::all(all)
        .err()
        .unwrap_or_else(|| Refusal::state("It cannot be edited at this time"))
}

/// Refuses a change while nothing can be edited but some attributes: first of the other attributes, then of relationships.
fn check_locked(draft: &Draft, is_open: impl Fn(&str) -> bool) -> Result<(), Refusal> {
    let names = draft.attributes.keys().map(String::as_str);
    let names: Vec<&str> = names.filter(|name| !is_open(name)).collect();
    if !names.is_empty() {
        return Err(locked("Attribute", names));
    }
    if !draft.relationships.is_empty() {
        let names = draft.relationships.keys().map(String::as_str);
        return Err(locked("Relationship", names));
    }
    Ok(())
}

/// Phased releases move from `ACTIVE` to `PAUSED` and back, and to `COMPLETE` from either; they begin with the release.
fn check_phased(objects: &Objects, draft: &Draft) -> Result<(), Refusal> {
    let to = draft.text("phasedReleaseState");
    let from = objects.text(&draft.kind, &draft.id, "phasedReleaseState");
    let is_allowed = matches!(
        (from, to),
        ("INACTIVE" | "ACTIVE" | "PAUSED", "")
            | ("INACTIVE", "INACTIVE")
            | ("ACTIVE" | "PAUSED", "ACTIVE" | "PAUSED" | "COMPLETE")
            | ("COMPLETE", "COMPLETE" | "")
    );
    if is_allowed {
        return Ok(());
    }
    let words = format!("A phased release can't go from {from} to {to}");
    Err(Refusal::wrong_state(words).at("/data/attributes/phasedReleaseState"))
}

/// Answers that contradict each other.
fn check_rating(objects: &Objects, draft: &Draft) -> Result<(), Refusal> {
    let value = |name: &str| {
        let known = objects.value(&draft.kind, &draft.id, name);
        draft.attributes.get(name).or(known).cloned().unwrap_or_default()
    };
    let is = |name: &str| value(name) == Value::Bool(true);
    let is_not = |name: &str| value(name) == Value::Bool(false);
    if is("socialMedia") && is_not("userGeneratedContent") {
        let words = "'socialMedia' needs 'userGeneratedContent'";
        return Err(Refusal::attribute("socialMedia", words));
    }
    if is("socialMediaAgeRestricted") && (is_not("ageAssurance") || is_not("socialMedia")) {
        let words = "'socialMediaAgeRestricted' needs 'ageAssurance' and 'socialMedia'";
        return Err(Refusal::attribute("socialMediaAgeRestricted", words));
    }
    Ok(())
}

/// What belongs to an app info is changed while it is open; the URL of the privacy policy always.
fn check_info(objects: &Objects, draft: &Draft) -> Result<(), Refusal> {
    let info = match draft.kind.as_str() {
        "appInfoLocalizations" => objects.link(&draft.kind, &draft.id, "appInfo"),
        "appInfos" | "ageRatingDeclarations" => Some(draft.id.clone()),
        _ => return Ok(()),
    };
    let state = objects.text("appInfos", &info.unwrap_or_default(), "state");
    if state.is_empty() || EDITABLE_INFO.contains(&state) {
        return Ok(());
    }
    let is_same = |name: &str| objects.value(&draft.kind, &draft.id, name) == draft.attributes.get(name);
    check_locked(draft, |name| name == "privacyPolicyUrl" || is_same(name))
}

pub(super) fn check_update(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    check_texts(draft)?;
    let objects = &change.state.objects;
    let key = Key::new(&draft.kind, &draft.id);
    if (OF_VERSIONS.contains(&draft.kind.as_str()) || draft.kind == "appStoreVersions")
        && !is_editable(objects, &key)
    {
        check_locked(draft, |name| LIVE.contains(&name))?;
    }
    match draft.kind.as_str() {
        "appStoreVersions" => {
            let known = |name: &str| objects.text(&draft.kind, &draft.id, name);
            check_date(draft, known("releaseType"))?;
            let number = draft.text("versionString");
            if !number.is_empty() {
                check_number(number)?;
                let app = objects.link(&draft.kind, &draft.id, "app").unwrap_or_default();
                let others = versions_of(objects, &app, known("platform"));
                let is_used = |id: &String| *id != draft.id && has_number(objects, id, number);
                if others.iter().any(is_used) {
                    return Err(used_number());
                }
            }
            let number = if number.is_empty() {
                known("versionString")
            } else {
                number
            };
            match draft.one("build") {
                "" => Ok(()),
                build => check_build(change, known("platform"), number, build),
            }
        }
        "appStoreVersionLocalizations" => {
            let version = objects
                .link(&key.kind, &key.id, "appStoreVersion")
                .unwrap_or_default();
            if is_first(objects, &version) && !draft.text("whatsNew").is_empty() {
                return Err(locked("Attribute", ["whatsNew"]));
            }
            Ok(())
        }
        "appStoreVersionPhasedReleases" => check_phased(objects, draft),
        "ageRatingDeclarations" => {
            check_info(objects, draft)?;
            check_rating(objects, draft)
        }
        _ => check_info(objects, draft),
    }
}

/// What a change brings about.
pub(super) fn follow_update(change: &mut Change<'_>, key: &Key) {
    let objects = &mut change.state.objects;
    if key.kind == "appStoreVersions" {
        let number = plain_number(objects.text(&key.kind, &key.id, "versionString"));
        objects.set(&key.kind, &key.id, "versionString", number);
        if objects.text(&key.kind, &key.id, "releaseType") != "SCHEDULED"
            && let Some(version) = objects.get_mut(&key.kind, &key.id)
        {
            version.attributes.remove("earliestReleaseDate");
        }
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
pub(super) fn check_link(change: &Change<'_>, key: &Key, name: &str, targets: &[Key]) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    check_editable(objects, key, "The relationship cannot be edited at this time")?;
    if let ("appStoreVersions", "build", [build]) = (key.kind.as_str(), name, targets) {
        let known = |name: &str| objects.text(&key.kind, &key.id, name);
        return check_build(change, known("platform"), known("versionString"), &build.id);
    }
    Ok(())
}

pub(super) fn check_deletion(change: &mut Change<'_>, key: &Key) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    match key.kind.as_str() {
        "appStoreVersions" => {
            let state = state_of(objects, &key.id);
            if state != "PREPARE_FOR_SUBMISSION" || is_first(objects, &key.id) {
                let words = format!("The version can't be deleted in the state {state}");
                return Err(Refusal::wrong_state(words));
            }
        }
        "appStoreVersionPhasedReleases" => {
            let state = objects.text(&key.kind, &key.id, "phasedReleaseState");
            if state != "INACTIVE" {
                let words = format!("The phased release can't be deleted in the state {state}");
                return Err(Refusal::wrong_state(words));
            }
        }
        "appInfoLocalizations" | "appStoreVersionLocalizations" => {
            if key.kind == "appStoreVersionLocalizations" {
                check_editable(objects, key, "The localization cannot be deleted at this time")?;
            }
            let locale = objects.text(&key.kind, &key.id, "locale").to_owned();
            if locale == super::seeds::primary_locale(change, key) {
                let words = "The primary locale can't be deleted";
                return Err(Refusal::wrong_state(words));
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
