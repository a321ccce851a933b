//! TestFlight: groups, testers, beta review, export compliance of builds.
//!
//! Rules and words, as of 2026-11-25: `build_manager.rb` of fastlane 2.237.0, issues of App Store Connect clients (fastlane #28630,
//! #16716, #17394; App-Store-Connect-CLI #1143), and Apple's help, "Test a beta version".

use serde_json::{Value, json};

use super::Change;
use super::lifecycle::Effect;
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::date;
use crate::asc::objects::{Key, Objects};

const DETAILS: &str = "buildBetaDetails";
const REVIEWS: &str = "betaAppReviewSubmissions";

fn unprocessable(detail: impl Into<String>) -> Refusal {
    Refusal::new(
        422,
        "ENTITY_UNPROCESSABLE",
        "The request entity could not be processed",
        detail,
    )
}

/// A build's answer about encryption.
fn compliance(objects: &Objects, build: &str) -> Option<bool> {
    objects
        .value("builds", build, "usesNonExemptEncryption")?
        .as_bool()
}

/// What beta review asks for: the state, one build per train, the texts, and a contact.
fn check_beta_review(change: &Change<'_>, build: &str) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    let state = objects.text(DETAILS, build, "externalBuildState");
    if state != "READY_FOR_BETA_SUBMISSION" {
        return Err(unprocessable("Build is not in an externally assignable state."));
    }
    let train = objects.link("builds", build, "preReleaseVersion");
    let is_in_review = |other: &String| {
        other != build
            && objects.link("builds", other, "preReleaseVersion") == train
            && matches!(
                objects.text(DETAILS, other, "externalBuildState"),
                "WAITING_FOR_BETA_REVIEW" | "IN_BETA_REVIEW"
            )
    };
    if change
        .state
        .builds
        .iter()
        .map(|build| &build.id)
        .any(is_in_review)
    {
        return Err(unprocessable(
            "Another build is in review. Another build in the same train is already in beta review",
        ));
    }
    if !change.state.release.checks_completeness {
        return Ok(());
    }
    let view = change.view();
    let app = view.related("builds", build, "app").into_iter().next();
    let app = app.map_or_else(String::new, |app| app.id);
    let locale = view
        .attributes("apps", &app)
        .and_then(|app| app.get("primaryLocale").cloned());
    let locale = locale.as_ref().and_then(Value::as_str).unwrap_or_default();
    let of_locale = |kind: &str, id: &str, name: &str| -> String {
        let all = objects.links(kind, id, name).iter();
        let own = all
            .into_iter()
            .find(|key| objects.text(&key.kind, &key.id, "locale") == locale);
        own.map_or_else(String::new, |key| key.id.clone())
    };
    let notes = of_locale("builds", build, "betaBuildLocalizations");
    if objects
        .text("betaBuildLocalizations", &notes, "whatsNew")
        .is_empty()
    {
        return Err(unprocessable("What to Test is missing for this build."));
    }
    let texts = of_locale("apps", &app, "betaAppLocalizations");
    if objects
        .text("betaAppLocalizations", &texts, "description")
        .is_empty()
    {
        return Err(unprocessable(
            "Beta App Description is missing. - Beta App Description is required to submit a build for external testing.",
        ));
    }
    for name in [
        "contactFirstName",
        "contactLastName",
        "contactEmail",
        "contactPhone",
    ] {
        if objects.text("betaAppReviewDetails", &app, name).is_empty() {
            return Err(Refusal::needs_attribute(name));
        }
    }
    Ok(())
}

/// Apple has processed a build.
pub(super) fn process(change: &mut Change<'_>, id: &str) {
    let outcome = change.state.release.build_outcome.clone();
    if let Some(build) = change.state.builds.by_id_mut(id) {
        build.processing_state.clone_from(&outcome);
    }
    set_beta_states(&mut change.state.objects, id, &outcome);
}

/// The states of a build for testers, as its processing and its compliance leave them.
fn set_beta_states(objects: &mut Objects, build: &str, processing: &str) {
    let (internal, external) = match (processing, compliance(objects, build)) {
        ("PROCESSING", _) => ("PROCESSING", "PROCESSING"),
        ("FAILED" | "INVALID", _) => ("PROCESSING_EXCEPTION", "PROCESSING_EXCEPTION"),
        (_, None) => ("MISSING_EXPORT_COMPLIANCE", "MISSING_EXPORT_COMPLIANCE"),
        (_, Some(_)) => ("READY_FOR_BETA_TESTING", "READY_FOR_BETA_SUBMISSION"),
    };
    objects.set(DETAILS, build, "internalBuildState", internal);
    objects.set(DETAILS, build, "externalBuildState", external);
}

/// The answer to export compliance takes effect (seconds).
pub(super) fn take_compliance(change: &mut Change<'_>, build: &str) {
    let known = change.state.builds.by_id(build);
    let processing = known
        .map(|known| known.processing_state.clone())
        .unwrap_or_default();
    set_beta_states(&mut change.state.objects, build, &processing);
    enter_testing(change, build);
}

/// A build that testers of its groups can have is in testing.
fn enter_testing(change: &mut Change<'_>, build: &str) {
    let groups = change.state.objects.links("builds", build, "betaGroups").to_vec();
    let objects = &mut change.state.objects;
    for group in groups {
        let is_internal = objects.is("betaGroups", &group.id, "isInternalGroup");
        let (name, from) = if is_internal {
            ("internalBuildState", "READY_FOR_BETA_TESTING")
        } else {
            ("externalBuildState", "BETA_APPROVED")
        };
        if objects.text(DETAILS, build, name) == from {
            objects.set(DETAILS, build, name, "IN_BETA_TESTING");
        }
    }
}

/// Lets beta review decide about the newest build that waits for it.
///
/// # Errors
/// When none waits.
pub(crate) fn decide(change: &mut Change<'_>, state: &str) -> Result<(), String> {
    let objects = &change.state.objects;
    let waits = |id: &String| {
        matches!(
            objects.text(REVIEWS, id, "betaReviewState"),
            "WAITING_FOR_REVIEW" | "IN_REVIEW"
        )
    };
    let review = objects.ids(REVIEWS).into_iter().rfind(waits);
    let review = review.ok_or("no build waits for beta review")?;
    let build = objects.link(REVIEWS, &review, "build").unwrap_or_default();
    let of_build = match state {
        "IN_REVIEW" => "IN_BETA_REVIEW",
        "APPROVED" => "BETA_APPROVED",
        "REJECTED" => "BETA_REJECTED",
        other => return Err(format!("`{other}` is not IN_REVIEW, APPROVED, or REJECTED")),
    };
    let objects = &mut change.state.objects;
    objects.set(REVIEWS, &review, "betaReviewState", state);
    objects.set(DETAILS, &build, "externalBuildState", of_build);
    enter_testing(change, &build);
    Ok(())
}

/// Refuses what TestFlight does not allow.
pub(super) fn check_creation(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    match draft.kind.as_str() {
        REVIEWS => check_beta_review(change, draft.one("build"))?,
        "betaBuildLocalizations" => check_notes(draft)?,
        "buildBetaNotifications" if objects.is(DETAILS, draft.one("build"), "autoNotifyEnabled") => {
            let words = "The build has auto-notify already enabled";
            return Err(Refusal::wrong_state(words));
        }
        "betaGroups" => {
            let all = draft.asks("hasAccessToAllBuilds");
            let internal = draft.asks("isInternalGroup");
            if all && !internal {
                let words = "Only an internal group can have access to all builds";
                return Err(Refusal::attribute("hasAccessToAllBuilds", words));
            }
            let limit = draft.attributes.get("publicLinkLimit").and_then(Value::as_i64);
            if limit.is_some_and(|limit| !(1..=10_000).contains(&limit)) {
                let words = "An attribute value is invalid. The limit of a public link is 1 to 10000";
                return Err(Refusal::attribute("publicLinkLimit", words));
            }
        }
        _ => {}
    }
    Ok(())
}

/// What to Test has 4000 bytes at most, and no markup.
fn check_notes(draft: &Draft) -> Result<(), Refusal> {
    let text = draft.text("whatsNew");
    if text.len() > 4000 {
        let words = format!("'whatsNew' is too long: {} bytes, of 4000 at most", text.len());
        return Err(Refusal::entity("ENTITY_ERROR.ATTRIBUTE.TOO_LONG", words).at("/data/attributes/whatsNew"));
    }
    if text.contains('<') {
        let words = "'whatsNew' has invalid characters: <";
        let refusal = Refusal::entity("ENTITY_ERROR.ATTRIBUTE.INVALID.INVALID_CHARACTERS", words);
        return Err(refusal.at("/data/attributes/whatsNew"));
    }
    Ok(())
}

pub(super) fn check_update(draft: &Draft) -> Result<(), Refusal> {
    match draft.kind.as_str() {
        "betaBuildLocalizations" => check_notes(draft),
        _ => Ok(()),
    }
}

/// The tester who is there already: an address is one person's.
pub(super) fn known(change: &mut Change<'_>, draft: &Draft) -> Option<Key> {
    if draft.kind != "betaTesters" {
        return None;
    }
    let objects = &change.state.objects;
    let email = draft.text("email");
    let is_known = |id: &String| {
        objects
            .text("betaTesters", id, "email")
            .eq_ignore_ascii_case(email)
    };
    let id = objects.ids("betaTesters").into_iter().find(is_known)?;
    let key = Key::new("betaTesters", &id);
    for (name, targets) in &draft.relationships {
        for target in targets {
            change.relate(&key, name, target);
        }
    }
    join_apps(change, &key);
    Some(key)
}

/// A tester belongs to the apps of the groups and builds.
fn join_apps(change: &mut Change<'_>, tester: &Key) {
    let objects = &change.state.objects;
    let mut apps: Vec<String> = Vec::new();
    for group in objects.links("betaTesters", &tester.id, "betaGroups") {
        apps.extend(objects.link("betaGroups", &group.id, "app"));
    }
    for build in objects.links("betaTesters", &tester.id, "builds") {
        let known = change.state.builds.by_id(&build.id);
        apps.extend(known.map(|known| known.app.clone()));
    }
    for app in apps {
        change.relate(tester, "apps", &Key::new("apps", &app));
    }
}

/// What a new resource of TestFlight brings about.
pub(super) fn follow_creation(change: &mut Change<'_>, key: &Key, draft: &Draft) {
    match key.kind.as_str() {
        "betaTesters" => join_apps(change, key),
        "betaTesterInvitations" => {
            change
                .state
                .objects
                .set("betaTesters", draft.one("betaTester"), "state", "INVITED");
        }
        REVIEWS => {
            let objects = &mut change.state.objects;
            objects.set(
                DETAILS,
                draft.one("build"),
                "externalBuildState",
                "WAITING_FOR_BETA_REVIEW",
            );
        }
        "betaGroups" => {
            let objects = &change.state.objects;
            let sees_all = objects.is("betaGroups", &key.id, "hasAccessToAllBuilds");
            let app = draft.one("app").to_owned();
            if sees_all {
                let builds: Vec<Key> = change.view().related("apps", &app, "builds");
                for build in builds {
                    change.relate(key, "builds", &build);
                }
            }
            public_link(change, key);
        }
        _ => {}
    }
}

/// A group's public link comes and goes with its switch.
fn public_link(change: &mut Change<'_>, key: &Key) {
    let is_on = change
        .state
        .objects
        .is("betaGroups", &key.id, "publicLinkEnabled");
    let has_one = change
        .state
        .objects
        .value("betaGroups", &key.id, "publicLinkId")
        .is_some();
    if is_on && !has_one {
        let id = change.state.fresh.noise(8);
        let objects = &mut change.state.objects;
        objects.set(
            "betaGroups",
            &key.id,
            "publicLink",
            format!("https://testflight.apple.com/join/{id}"),
        );
        objects.set("betaGroups", &key.id, "publicLinkId", id);
    }
}

/// A build's compliance is answered once; what has expired stays so.
pub(super) fn check_build(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    let known = |name: &str| {
        objects
            .value("builds", &draft.id, name)
            .filter(|value| !value.is_null())
    };
    let given = |name: &str| draft.attributes.get(name).filter(|value| !value.is_null());
    if given("usesNonExemptEncryption").is_some() && known("usesNonExemptEncryption").is_some() {
        let words = "Attribute 'usesNonExemptEncryption' cannot be edited at this time";
        return Err(Refusal::state(words).at("/data/attributes/usesNonExemptEncryption"));
    }
    if given("expired") == Some(&Value::Bool(false)) && known("expired") == Some(&Value::Bool(true)) {
        return Err(Refusal::attribute(
            "expired",
            "An expired build can't be made available again",
        ));
    }
    Ok(())
}

/// What a change of a build or a group brings about.
pub(super) fn follow_update(change: &mut Change<'_>, key: &Key, draft: &Draft) {
    let objects = &mut change.state.objects;
    match key.kind.as_str() {
        "builds" => {
            if draft.asks("expired") {
                for name in ["internalBuildState", "externalBuildState"] {
                    objects.set("buildBetaDetails", &key.id, name, "EXPIRED");
                }
            } else if draft
                .attributes
                .get("usesNonExemptEncryption")
                .is_some_and(Value::is_boolean)
            {
                match change.state.release.pace.compliance {
                    0 => take_compliance(change, &key.id),
                    looks => change
                        .state
                        .schedule(looks, Effect::TakeCompliance(key.id.clone())),
                }
            }
        }
        "betaGroups" => public_link(change, key),
        _ => {}
    }
}

/// Groups that see every build take none one by one.
pub(super) fn check_link(change: &Change<'_>, key: &Key, name: &str, targets: &[Key]) -> Result<(), Refusal> {
    let groups: Vec<&Key> = match (key.kind.as_str(), name) {
        ("betaGroups", "builds") => vec![key],
        ("builds", "betaGroups") => targets.iter().collect(),
        _ => Vec::new(),
    };
    let objects = &change.state.objects;
    let is = |group: &Key, name: &str| objects.is("betaGroups", &group.id, name);
    if groups.iter().any(|group| is(group, "hasAccessToAllBuilds")) {
        return Err(unprocessable(
            "Builds cannot be assigned to this internal group. Cannot add internal group to a build.",
        ));
    }
    let builds: Vec<&Key> = match (key.kind.as_str(), name) {
        ("betaGroups", "builds") => targets.iter().collect(),
        ("builds", "betaGroups") => vec![key],
        _ => Vec::new(),
    };
    for build in builds {
        let attributes = change.view().attributes("builds", &build.id).unwrap_or_default();
        let is_processing = attributes.get("processingState") == Some(&"PROCESSING".into());
        // Right after an upload only the build's side knows it (illusions #2169).
        if is_processing && key.kind == "betaGroups" {
            return Err(Refusal::not_found("builds", &build.id));
        }
        let is_valid = attributes.get("processingState") == Some(&"VALID".into());
        if !is_valid || attributes.get("expired") == Some(&Value::Bool(true)) {
            let kind = if groups.iter().all(|group| is(group, "isInternalGroup")) {
                "internally"
            } else {
                "externally"
            };
            return Err(unprocessable(format!(
                "Build is not in an {kind} assignable state."
            )));
        }
    }
    Ok(())
}

/// A build that was given to groups.
pub(super) fn follow_link(change: &mut Change<'_>, key: &Key, targets: &[Key]) {
    let builds: Vec<String> = match key.kind.as_str() {
        "builds" => vec![key.id.clone()],
        "betaGroups" => targets.iter().map(|target| target.id.clone()).collect(),
        _ => Vec::new(),
    };
    for build in builds {
        enter_testing(change, &build);
    }
}

/// What a build has from the start.
pub(super) fn add_details(objects: &mut Objects, build: &str, processing: &str) {
    let details = objects.entry(DETAILS, build);
    details
        .attributes
        .insert("autoNotifyEnabled".to_owned(), false.into());
    set_beta_states(objects, build, processing);
}

/// What a new resource of TestFlight has from the start.
pub(super) fn defaults(change: &Change<'_>, kind: &str) -> Value {
    match kind {
        "betaGroups" => json!({
            "createdDate": date(change.now),
            "isInternalGroup": false,
            "hasAccessToAllBuilds": false,
            "publicLinkEnabled": false,
            "publicLinkLimitEnabled": false,
            "feedbackEnabled": true,
            "iosBuildsAvailableForAppleSiliconMac": true,
            "iosBuildsAvailableForAppleVision": true,
        }),
        "betaTesters" => json!({"inviteType": "EMAIL", "state": "NOT_INVITED"}),
        REVIEWS => {
            json!({"betaReviewState": "WAITING_FOR_REVIEW", "submittedDate": date(change.now)})
        }
        _ => json!({}),
    }
}
