//! What a version lacks to be taken for review.
//!
//! Source: `validate` of App-Store-Connect-CLI, and Apple's `associatedErrors` as users of fastlane quote them, 2026-11-25.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::asc::objects::Objects;
use crate::asc::rules::release::{EDITABLE, is_first, open_info, state_of};
use crate::asc::rules::{Change, media};

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

/// The questions of an age rating that have to be answered since 2026-01-31, and whether the answer is a level.
pub(in crate::asc::rules) const RATING: [(&str, bool); 22] = [
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

/// What a version lacks to be reviewed.
pub(super) fn lacking(change: &Change<'_>, version: &str) -> Map<String, Value> {
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
        media::lacking(change, localization, is_primary, |path, code, title| {
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
            let demo = objects.is(kind, &detail, "demoAccountRequired");
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
