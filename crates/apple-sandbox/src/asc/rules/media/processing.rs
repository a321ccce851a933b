//! What Apple does with a file that was committed: pictures are looked at, the rest is taken.
//!
//! Codes and words: what clients quote of Apple's answers, such as fastlane #20619 and #21482.

use serde_json::json;

use super::class::Class;
use super::{IMAGES, PLACEMENTS, SIZE, VIDEOS, placements};
use crate::asc::objects::{Key, Objects};
use crate::asc::rules::Change;

/// Kinds of answers that are looks at media.
fn shows_media(kind: &str) -> bool {
    kind.starts_with("appScreenshot")
        || kind.starts_with("appPreview")
        || kind.starts_with("appAssetLibrary")
        || matches!(
            kind,
            "appStoreReviewAttachments"
                | "routingAppCoverages"
                | "appClipHeaderImages"
                | "appEncryptionDeclarationDocuments"
        )
}

/// A look moves on what was committed.
pub(crate) fn observe(change: &mut Change<'_>, kind: &str) {
    let patience = change.state.release.pace.media;
    let done = change.state.assets.look(patience, shows_media(kind));
    for id in done {
        process(change, &id);
    }
    if kind == PLACEMENTS {
        for id in change.state.objects.ids(PLACEMENTS) {
            placements::refresh(change, &id);
        }
    }
}

/// Width, height, and whether there is an alpha channel.
fn measure(path: &std::path::Path) -> Option<((usize, usize), bool)> {
    let size = imagesize::size(path).ok()?;
    let file = std::fs::File::open(path).ok()?;
    let decoder = png::Decoder::new(std::io::BufReader::new(file));
    let has_alpha = decoder.read_info().is_ok_and(|reader| {
        let color = reader.info().color_type;
        matches!(color, png::ColorType::Rgba | png::ColorType::GrayscaleAlpha)
    });
    Some(((size.width, size.height), has_alpha))
}

/// Apple has processed a file: pictures are looked at, the rest is taken.
fn process(change: &mut Change<'_>, id: &str) {
    let keeps = change.state.storage.keeps();
    let Some(kind) = change.state.assets.kind_of(id).map(str::to_owned) else {
        return;
    };
    let is_picture = ["appScreenshots", IMAGES].contains(&kind.as_str());
    let measured = measure(&change.state.storage.path(id)).filter(|_| is_picture);
    let problem = if is_picture && keeps {
        let fails = change.state.release.image_tool_failures > 0;
        if fails {
            change.state.release.image_tool_failures -= 1;
        }
        problem(&change.state.objects, &kind, id, measured.filter(|_| !fails))
    } else {
        None
    };
    change.state.assets.finish(id, problem);
    if problem.is_some() {
        return;
    }
    let ((width, height), _) = measured.unwrap_or(((1290, 2796), false));
    let image = json!({
        "templateUrl": format!("https://is1-ssl.mzstatic.com/image/thumb/{id}/{{w}}x{{h}}bb.{{f}}"),
        "width": width,
        "height": height,
    });
    let objects = &mut change.state.objects;
    match kind.as_str() {
        "appScreenshots" | "appClipHeaderImages" | IMAGES => objects.set(&kind, id, "imageAsset", image),
        "appPreviews" | VIDEOS => {
            let state = json!({"state": "COMPLETE", "errors": [], "warnings": []});
            objects.set(
                &kind,
                id,
                "previewFrameImage",
                json!({"image": image, "state": state}),
            );
            // deliver of fastlane waits for the URL before it sets the frame (app_preview.rb of 2.237.0).
            let video = format!("https://is1-ssl.mzstatic.com/video/{id}.m3u8");
            if kind == VIDEOS {
                objects.set(&kind, id, "videoAsset", video);
            } else {
                objects.set(&kind, id, "videoUrl", video);
                objects.set(&kind, id, "previewImage", image);
            }
        }
        _ => {}
    }
    if is_picture && keeps {
        objects.set(&kind, id, SIZE, json!([width, height]));
    }
    if kind == IMAGES {
        objects.set(&kind, id, "specId", format!("IMAGE_{width}X{height}"));
    }
    if ["appScreenshots", "appPreviews"].contains(&kind.as_str()) {
        placements::place(change, &Key::new(&kind, id));
    }
}

/// Why Apple does not take a picture.
fn problem(
    objects: &Objects,
    kind: &str,
    id: &str,
    measured: Option<((usize, usize), bool)>,
) -> Option<(&'static str, &'static str)> {
    let Some((size, has_alpha)) = measured else {
        return Some(("IMAGE_TOOL_FAILURE", "The image could not be processed."));
    };
    if has_alpha {
        return Some((
            "IMAGE_ALPHA_NOT_ALLOWED",
            "Images can't contain alpha channels or transparencies.",
        ));
    }
    let fits = if kind == IMAGES {
        Class::any_takes(size)
    } else {
        let set = objects.link(kind, id, "appScreenshotSet").unwrap_or_default();
        let display = objects.text("appScreenshotSets", &set, "screenshotDisplayType");
        Class::of_type(display).is_some_and(|class| class.takes(size))
    };
    (!fits).then_some((
        "IMAGE_INCORRECT_DIMENSIONS",
        "The dimensions of one or more screenshots are wrong.",
    ))
}
