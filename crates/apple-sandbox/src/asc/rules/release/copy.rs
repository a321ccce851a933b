//! What a new version has from the one before.

use serde_json::json;

use super::number::plain_number;
use super::{open_info, versions_of};
use crate::asc::objects::{Key, members};
use crate::asc::rules::{Change, media, seeds};

/// A new version of an app that has one: texts, media, and review information of the one before, and an app info
/// that can be changed.
pub(super) fn complete_version(change: &mut Change<'_>, key: &Key) {
    let hidden_until = change.state.lists.hidden_until(change.state.release.pace.version);
    let objects = &mut change.state.objects;
    let plain = plain_number(objects.text(&key.kind, &key.id, "versionString"));
    objects.set(&key.kind, &key.id, "versionString", plain);
    if let Some(object) = objects.get_mut(&key.kind, &key.id) {
        object.hidden_until = hidden_until;
    }
    let app = objects.link(&key.kind, &key.id, "app").unwrap_or_default();
    let platform = objects.text(&key.kind, &key.id, "platform").to_owned();
    let before = versions_of(objects, &app, &platform)
        .into_iter()
        .rfind(|id| *id != key.id);
    match before {
        Some(before) => carry_over(change, &Key::new("appStoreVersions", &before), key),
        None => {
            let locale = seeds::primary_locale(change, key);
            let made = change.make("appStoreVersionLocalizations", members(json!({"locale": locale})));
            change.relate(&made, "appStoreVersion", key);
        }
    }
    if open_info(&change.state.objects, &app).is_none() {
        let live = change
            .state
            .objects
            .links("apps", &app, "appInfos")
            .last()
            .cloned();
        copy_info(change, &Key::new("apps", &app), live.as_ref(), hidden_until);
    }
}

fn carry_over(change: &mut Change<'_>, old: &Key, new: &Key) {
    let of = |change: &Change<'_>, key: &Key, name: &str| {
        change.state.objects.links(&key.kind, &key.id, name).to_vec()
    };
    let objects = &mut change.state.objects;
    let copyright = objects.value(&old.kind, &old.id, "copyright").cloned();
    if let Some(value) = copyright.filter(|_| objects.value(&new.kind, &new.id, "copyright").is_none()) {
        objects.set(&new.kind, &new.id, "copyright", value);
    }
    for localization in of(change, old, "appStoreVersionLocalizations") {
        let mut attributes = change.state.objects.attributes(&localization);
        attributes.remove("whatsNew");
        let copy = change.make("appStoreVersionLocalizations", attributes);
        change.relate(&copy, "appStoreVersion", new);
        media::carry_over(change, &localization, &copy);
    }
    if let Some(detail) = of(change, old, "appStoreReviewDetail").first() {
        let copy = change.copy(detail);
        change.relate(&copy, "appStoreVersion", new);
    }
}

/// An app info that can be changed, from the live one.
fn copy_info(change: &mut Change<'_>, app: &Key, live: Option<&Key>, hidden_until: u32) {
    let state = json!({"state": "PREPARE_FOR_SUBMISSION", "appStoreState": "PREPARE_FOR_SUBMISSION"});
    let info = change.make("appInfos", members(state));
    change.relate(&info, "app", app);
    let of = |change: &Change<'_>, name: &str| {
        live.map(|live| change.state.objects.links(&live.kind, &live.id, name).to_vec())
            .unwrap_or_default()
    };
    for localization in of(change, "appInfoLocalizations") {
        let copy = change.copy(&localization);
        change.relate(&copy, "appInfo", &info);
    }
    let rating = of(change, "ageRatingDeclaration").first().cloned();
    let attributes = rating.map(|rating| change.state.objects.attributes(&rating));
    let copy = change.add("ageRatingDeclarations", &info.id, attributes.unwrap_or_default());
    change.relate(&info, "ageRatingDeclaration", &copy);
    for name in [
        "primaryCategory",
        "primarySubcategoryOne",
        "primarySubcategoryTwo",
        "secondaryCategory",
        "secondarySubcategoryOne",
        "secondarySubcategoryTwo",
    ] {
        for category in of(change, name) {
            change.relate(&info, name, &category);
        }
    }
    if let Some(object) = change.state.objects.get_mut(&info.kind, &info.id) {
        object.hidden_until = hidden_until;
    }
}
