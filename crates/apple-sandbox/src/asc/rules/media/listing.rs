//! The pictures of a localization, as App Review and the store see them.

use super::class::Class;
use super::{LOCALIZATIONS, PLACEMENTS, placements, present};
use crate::asc::objects::Key;
use crate::asc::rules::{Change, release};
use crate::state::State;

/// What the pictures of a localization lack to be reviewed.
pub(in crate::asc::rules) fn lacking(
    change: &Change<'_>,
    localization: &Key,
    is_primary: bool,
    mut say: impl FnMut(String, &str, &str),
) {
    let objects = &change.state.objects;
    let mut groups: Vec<String> = Vec::new();
    for set in present(objects, &localization.kind, &localization.id, "appScreenshotSets") {
        let display = objects.text(&set.kind, &set.id, "screenshotDisplayType");
        for shot in present(objects, &set.kind, &set.id, "appScreenshots") {
            if change.state.assets.state_of(&shot.id) == Some("COMPLETE") {
                groups.extend(Class::of_type(display).map(|class| class.group.to_owned()));
            } else {
                let path = format!("/v1/appScreenshots/{}", shot.id);
                say(path, "STATE_ERROR", "The screenshot has not finished processing");
            }
        }
    }
    for placement in present(objects, &localization.kind, &localization.id, "placements") {
        groups.push(
            objects
                .text(PLACEMENTS, &placement.id, "placementGroup")
                .to_owned(),
        );
    }
    let version = release::version_of(objects, localization).unwrap_or_else(|| Key::new("", ""));
    let (needed, display) = match objects.text("appStoreVersions", &version.id, "platform") {
        "MAC_OS" => (&["MAC_PROFILE"][..], "APP_DESKTOP"),
        "TV_OS" => (&["TV_PROFILE"][..], "APP_APPLE_TV"),
        "VISION_OS" => (&["VISION_PRO_PROFILE"][..], "APP_APPLE_VISION_PRO"),
        _ => (
            &[
                "IPHONE_DYNAMIC_ISLAND_LARGE_PROFILE",
                "IPHONE_FACE_ID_LARGE_PROFILE",
            ][..],
            "APP_IPHONE_65",
        ),
    };
    // Other locales show the primary one's pictures.
    if is_primary
        && !needed
            .iter()
            .any(|needed| groups.iter().any(|group| group == needed))
    {
        let code = format!("STATE_ERROR.SCREENSHOT_REQUIRED.{display}");
        say("/v1/appScreenshots/".to_owned(), &code, "App screenshot missing");
    }
}

/// A picture as the store shows it.
pub(crate) struct Picture {
    /// The classic type, such as `APP_IPHONE_67`, or the placement group where there is none.
    pub(crate) display: String,
    /// The file's name.
    pub(crate) name: String,
    /// The ID under which its bytes are kept.
    pub(crate) id: String,
    /// `AWAITING_UPLOAD`, `UPLOAD_COMPLETE`, `COMPLETE`, or `FAILED`.
    pub(crate) state: String,
}

/// The pictures of a localization, set by set, in their order.
pub(crate) fn list_pictures(state: &State, localization: &str) -> Vec<Picture> {
    let objects = &state.objects;
    let picture = |display: &str, key: &Key| Picture {
        display: display.to_owned(),
        name: objects.text(&key.kind, &key.id, "fileName").to_owned(),
        id: key.id.clone(),
        state: state.assets.state_of(&key.id).unwrap_or("COMPLETE").to_owned(),
    };
    let mut all = Vec::new();
    for placement in present(objects, LOCALIZATIONS, localization, "placements") {
        let text = |name: &str| objects.text(PLACEMENTS, &placement.id, name);
        let group = text("placementGroup");
        let display = Class::of_group(group).filter(|(class, _)| !class.name.is_empty());
        let display = display.map_or_else(
            || group.to_owned(),
            |(class, is_imessage)| {
                let prefix = if is_imessage { "IMESSAGE_" } else { "" };
                format!("{prefix}APP_{}", class.name)
            },
        );
        let images = objects.links(PLACEMENTS, &placement.id, "image");
        all.extend(images.iter().map(|image| picture(&display, image)));
    }
    for set in present(objects, LOCALIZATIONS, localization, "appScreenshotSets") {
        let display = objects.text(&set.kind, &set.id, "screenshotDisplayType");
        let shots = present(objects, &set.kind, &set.id, "appScreenshots").into_iter();
        let shots = shots.filter(|shot| !placements::is_placed(objects, shot));
        all.extend(shots.map(|shot| picture(display, &shot)));
    }
    // A set's pictures stay together.
    all.sort_by(|left, right| left.display.cmp(&right.display));
    all
}
