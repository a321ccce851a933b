//! TestFlight: groups, testers, beta review, export compliance of builds.
//!
//! Rules and words: fastlane, App Store Connect clients and Apple's help as of 2026-11.

use serde_json::{Value, json};

use super::Change;
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::date;
use crate::asc::objects::{Key, Objects};

fn unprocessable(detail: impl Into<String>) -> Refusal {
    Refusal::new(
        422,
        "ENTITY_UNPROCESSABLE",
        "The request entity could not be processed",
        detail,
    )
}

/// Refuses what TestFlight does not allow.
pub(super) fn check_creation(change: &Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let objects = &change.state.objects;
    match draft.kind.as_str() {
        "betaAppReviewSubmissions" => {
            let build = draft.one("build");
            let state = objects.text("buildBetaDetails", build, "externalBuildState");
            if state == "MISSING_EXPORT_COMPLIANCE" || state == "PROCESSING" || state == "EXPIRED" {
                return Err(unprocessable("Build is not in an externally assignable state."));
            }
        }
        "buildBetaNotifications" => {
            let notifies = objects.value("buildBetaDetails", draft.one("build"), "autoNotifyEnabled");
            if notifies == Some(&Value::Bool(true)) {
                let words = "The build has auto-notify already enabled";
                return Err(Refusal::entity("STATE_ERROR.ENTITY_STATE_INVALID", words));
            }
        }
        "betaGroups" => {
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
        let known = change.state.builds.iter().find(|known| known.id == build.id);
        apps.extend(known.map(|known| known.app.clone()));
    }
    for app in apps {
        change.relate(tester, "apps", &Key::new("apps", &app));
    }
}

/// What a new resource of TestFlight brings about.
pub(super) fn created(change: &mut Change<'_>, key: &Key, draft: &Draft) {
    match key.kind.as_str() {
        "betaTesters" => join_apps(change, key),
        "betaTesterInvitations" => {
            change
                .state
                .objects
                .set("betaTesters", draft.one("betaTester"), "state", "INVITED");
        }
        "betaAppReviewSubmissions" => {
            let objects = &mut change.state.objects;
            objects.set(
                "buildBetaDetails",
                draft.one("build"),
                "externalBuildState",
                "WAITING_FOR_BETA_REVIEW",
            );
        }
        "betaGroups" => {
            let objects = &change.state.objects;
            let sees_all =
                objects.value("betaGroups", &key.id, "hasAccessToAllBuilds") == Some(&Value::Bool(true));
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
        .value("betaGroups", &key.id, "publicLinkEnabled")
        == Some(&Value::Bool(true));
    let has_one = change
        .state
        .objects
        .value("betaGroups", &key.id, "publicLinkId")
        .is_some();
    if is_on && !has_one {
        let id = change.state.secret()[..8].to_owned();
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
        return Err(Refusal::entity("STATE_ERROR", words).at("/data/attributes/usesNonExemptEncryption"));
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
pub(super) fn updated(change: &mut Change<'_>, key: &Key, draft: &Draft) {
    let objects = &mut change.state.objects;
    match key.kind.as_str() {
        "builds" => {
            if draft.attributes.get("expired") == Some(&Value::Bool(true)) {
                for name in ["internalBuildState", "externalBuildState"] {
                    objects.set("buildBetaDetails", &key.id, name, "EXPIRED");
                }
            } else if draft
                .attributes
                .get("usesNonExemptEncryption")
                .is_some_and(Value::is_boolean)
            {
                objects.set(
                    "buildBetaDetails",
                    &key.id,
                    "internalBuildState",
                    "READY_FOR_BETA_TESTING",
                );
                objects.set(
                    "buildBetaDetails",
                    &key.id,
                    "externalBuildState",
                    "READY_FOR_BETA_SUBMISSION",
                );
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
    let sees_all = |group: &Key| {
        change
            .state
            .objects
            .value("betaGroups", &group.id, "hasAccessToAllBuilds")
            == Some(&Value::Bool(true))
    };
    if groups.into_iter().any(sees_all) {
        return Err(unprocessable(
            "Builds cannot be assigned to this internal group. Cannot add internal group to a build.",
        ));
    }
    Ok(())
}

/// What a build has from the start. Apple asks about encryption unless the package says it.
pub(super) fn details_of_build(objects: &Objects, id: &str) -> Value {
    let says = objects
        .value("builds", id, "usesNonExemptEncryption")
        .is_some_and(Value::is_boolean);
    let (internal, external) = if says {
        ("READY_FOR_BETA_TESTING", "READY_FOR_BETA_SUBMISSION")
    } else {
        ("MISSING_EXPORT_COMPLIANCE", "MISSING_EXPORT_COMPLIANCE")
    };
    json!({
        "autoNotifyEnabled": false,
        "internalBuildState": internal,
        "externalBuildState": external,
    })
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
        "betaAppReviewSubmissions" => {
            json!({"betaReviewState": "WAITING_FOR_REVIEW", "submittedDate": date(change.now)})
        }
        _ => json!({}),
    }
}
