//! What a person sees of an app: its product page on the App Store, and TestFlight.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use crate::answer::answer;
use crate::asc;
use crate::asc::objects::{Key, Objects};
use crate::state::State;

/// Where pictures are shown from.
pub(crate) const MEDIA: &str = "/_sandbox/media/";

/// Every app with its versions, newest first, and its TestFlight groups and builds.
pub(crate) fn product(state: &mut State) -> Value {
    asc::prepare(state);
    let state = &*state;
    let apps = state.apps.iter().map(|known| {
        let objects = &state.objects;
        let versions = objects.links("apps", &known.id, "appStoreVersions").iter().rev();
        let groups = objects.links("apps", &known.id, "betaGroups").iter();
        let builds = state.builds.iter().rev().filter(|build| build.app == known.id);
        json!({
            "id": known.id,
            "name": known.name,
            "bundle_id": known.bundle_id,
            "versions": versions.map(|version| of_version(state, &known.id, &version.id)).collect::<Value>(),
            "groups": groups.map(|group| of_group(state, &group.id)).collect::<Value>(),
            "builds": builds.map(|build| of_build(state, build)).collect::<Value>(),
        })
    });
    json!({"apps": apps.collect::<Value>()})
}

fn link(objects: &Objects, kind: &str, id: &str, name: &str) -> String {
    objects.link(kind, id, name).unwrap_or_default()
}

/// Some attributes of a resource under other names; those that are missing are empty.
fn texts(objects: &Objects, key: &Key, names: &[(&str, &str)]) -> Map<String, Value> {
    let one = |(name, attribute): &(&str, &str)| {
        let value = objects.value(&key.kind, &key.id, attribute).cloned();
        ((*name).to_owned(), value.unwrap_or_else(|| "".into()))
    };
    names.iter().map(one).collect()
}

fn of_version(state: &State, app: &str, version: &str) -> Value {
    const KIND: &str = "appStoreVersions";
    let objects = &state.objects;
    let key = Key::new(KIND, version);
    // The info of a version that is out is the live one; that of another version is the open one.
    let is_live = objects.text(KIND, version, "appVersionState") == "READY_FOR_DISTRIBUTION";
    let infos = objects.links("apps", app, "appInfos");
    let is_its =
        |info: &&Key| (objects.text("appInfos", &info.id, "state") == "READY_FOR_DISTRIBUTION") == is_live;
    let info = infos.iter().rev().find(is_its).or(infos.last());
    let of_info = |locale: &str| {
        let all = info.map_or(&[][..], |info| {
            objects.links("appInfos", &info.id, "appInfoLocalizations")
        });
        all.iter()
            .find(|key| objects.text(&key.kind, &key.id, "locale") == locale)
    };
    let locales = objects
        .links(KIND, version, "appStoreVersionLocalizations")
        .iter();
    let locales = locales.map(|localization| {
        let mut all = texts(
            objects,
            localization,
            &[
                ("locale", "locale"),
                ("description", "description"),
                ("keywords", "keywords"),
                ("promotional_text", "promotionalText"),
                ("whats_new", "whatsNew"),
                ("support_url", "supportUrl"),
                ("marketing_url", "marketingUrl"),
            ],
        );
        let locale = objects.text(&localization.kind, &localization.id, "locale");
        let names = [
            ("name", "name"),
            ("subtitle", "subtitle"),
            ("privacy_url", "privacyPolicyUrl"),
        ];
        let none = Key::new("appInfoLocalizations", "");
        all.extend(texts(objects, of_info(locale).unwrap_or(&none), &names));
        let shots = asc::list_pictures(state, &localization.id).into_iter();
        let shots = shots.map(|shot| {
            let url = format!("{MEDIA}{}", shot.id);
            json!({"display": shot.display, "name": shot.name, "url": url, "state": shot.state})
        });
        all.insert("screenshots".to_owned(), shots.collect());
        Value::Object(all)
    });
    let build = link(objects, KIND, version, "build");
    let build = state.builds.by_id(&build);
    let phased = link(objects, KIND, version, "appStoreVersionPhasedRelease");
    let review = link(objects, KIND, version, "appStoreReviewDetail");
    let mut all = texts(
        objects,
        &key,
        &[
            ("version", "versionString"),
            ("state", "appVersionState"),
            ("platform", "platform"),
            ("release_type", "releaseType"),
            ("copyright", "copyright"),
        ],
    );
    all.insert("id".to_owned(), version.into());
    all.insert("locales".to_owned(), locales.collect());
    all.insert(
        "build".to_owned(),
        build.map(|build| build.version.clone()).into(),
    );
    all.insert(
        "category".to_owned(),
        info.map(|info| link(objects, "appInfos", &info.id, "primaryCategory"))
            .into(),
    );
    all.insert(
        "review_notes".to_owned(),
        objects.text("appStoreReviewDetails", &review, "notes").into(),
    );
    let phase = texts(
        objects,
        &Key::new("appStoreVersionPhasedReleases", &phased),
        &[("state", "phasedReleaseState"), ("day", "currentDayNumber")],
    );
    all.insert(
        "phased".to_owned(),
        if phased.is_empty() {
            Value::Null
        } else {
            phase.into()
        },
    );
    Value::Object(all)
}

fn of_group(state: &State, group: &str) -> Value {
    const KIND: &str = "betaGroups";
    let objects = &state.objects;
    let key = Key::new(KIND, group);
    let mut all = texts(
        objects,
        &key,
        &[
            ("name", "name"),
            ("internal", "isInternalGroup"),
            ("all_builds", "hasAccessToAllBuilds"),
            ("public_link", "publicLink"),
        ],
    );
    let testers = objects.links(KIND, group, "betaTesters").len();
    let builds = objects.links(KIND, group, "builds").iter();
    let builds = builds.filter_map(|key| state.builds.by_id(&key.id));
    let builds = builds.map(|build| format!("{} ({})", build.short_version, build.version));
    all.insert("testers".to_owned(), testers.into());
    all.insert("builds".to_owned(), builds.collect());
    Value::Object(all)
}

fn of_build(state: &State, build: &crate::state::Build) -> Value {
    let objects = &state.objects;
    let details = Key::new("buildBetaDetails", &build.id);
    let names = [
        ("internal", "internalBuildState"),
        ("external", "externalBuildState"),
    ];
    let mut all = texts(objects, &details, &names);
    let notes = objects
        .links("builds", &build.id, "betaBuildLocalizations")
        .iter();
    let notes = notes.map(|key| {
        let text = |name: &str| objects.text(&key.kind, &key.id, name).to_owned();
        (text("locale"), Value::from(text("whatsNew")))
    });
    all.insert("number".to_owned(), build.version.clone().into());
    all.insert("version".to_owned(), build.short_version.clone().into());
    all.insert("processing".to_owned(), build.processing_state.clone().into());
    all.insert("what_to_test".to_owned(), Value::Object(notes.collect()));
    Value::Object(all)
}

/// A picture that was uploaded.
pub(crate) fn media(path: &str, state: &State) -> Response {
    let id = path.trim_start_matches(MEDIA);
    let content = state.assets.has(id).then(|| state.storage.read(id)).flatten();
    let Some(content) = content else {
        return answer(404, &json!({"error": "the sandbox has no such picture"}));
    };
    let kind = match imagesize::image_type(&content) {
        Ok(imagesize::ImageType::Png) => "image/png",
        Ok(imagesize::ImageType::Jpeg) => "image/jpeg",
        _ => "application/octet-stream",
    };
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], content).into_response()
}
