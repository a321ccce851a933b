//! Thumbnails of the screenshots that a plan moves, for the report's page.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use app_store_release::plan::{Action, MediaKind, Picture as Shown, Plan, SetChange};
use html_report::{Block, Mark, Picture, PictureSet, Pictures};

/// Files that a page shows; more are named only.
const MOST: usize = 80;

/// Width and height of a thumbnail, at most, in pixels.
const SIZE: (u32, u32) = (96, 200);

/// The largest picture that is made small, in bytes, and what it may take in memory.
const LARGEST_FILE: u64 = 64 << 20;
const LARGEST_IMAGE: u64 = 256 << 20;

/// Threads that make pictures small.
const THREADS: usize = 4;

/// The sets that a plan changes, before and after; nothing where it changes none.
pub(crate) fn block(plan: &Plan) -> Option<Block> {
    let changes: Vec<&SetChange> = plan
        .then
        .iter()
        .filter_map(|action| match action {
            Action::UpdateMedia(change) => Some(change),
            _ => None,
        })
        .collect();
    if changes.is_empty() {
        return None;
    }
    let thumbnails = thumbnails(&changes);
    let sets = changes.iter().map(|change| set(change, &thumbnails)).collect();
    Some(Block::Pictures(Pictures::new("Screenshots and previews", sets)))
}

fn set(change: &SetChange, thumbnails: &BTreeMap<PathBuf, Vec<u8>>) -> PictureSet {
    let (before, after) = change.pictures();
    let picture = |shown: &Shown<'_>, others: &[Shown<'_>], mark: Mark| {
        let stays = shown.file.is_some() && others.iter().any(|other| other.file == shown.file)
            || others
                .iter()
                .any(|other| other.name == shown.name && other.file == shown.file);
        let jpeg = shown.file.and_then(|file| thumbnails.get(file));
        Picture::new(
            shown.name,
            if stays { Mark::Kept } else { mark },
            jpeg.map(Vec::as_slice),
        )
    };
    PictureSet {
        title: format!("{} {}", change.locale, change.display),
        before: before
            .iter()
            .map(|shown| picture(shown, &after, Mark::Removed))
            .collect(),
        after: after
            .iter()
            .map(|shown| picture(shown, &before, Mark::New))
            .collect(),
    }
}

/// Thumbnails of the local files, by path. A file that can't be read has none: the run itself says what is wrong with it.
fn thumbnails(changes: &[&SetChange]) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files: Vec<&Path> = changes
        .iter()
        .filter(|change| change.kind == MediaKind::Screenshots)
        .flat_map(|change| {
            let (before, after) = change.pictures();
            before.into_iter().chain(after).filter_map(|shown| shown.file)
        })
        .collect();
    files.sort_unstable();
    files.dedup();
    files.truncate(MOST);
    let share = files.len().div_ceil(THREADS).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = files
            .chunks(share)
            .map(|files| {
                scope.spawn(move || {
                    let made = files
                        .iter()
                        .filter_map(|file| Some((file.to_path_buf(), thumbnail(file)?)));
                    made.collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .filter_map(|worker| worker.join().ok())
            .flatten()
            .collect()
    })
}

/// A small JPEG of a picture.
fn thumbnail(path: &Path) -> Option<Vec<u8>> {
    let bytes = files::read(path, LARGEST_FILE).ok()?;
    let mut reader = image::ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .ok()?;
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(LARGEST_IMAGE);
    reader.limits(limits);
    let small = reader.decode().ok()?.thumbnail(SIZE.0, SIZE.1).to_rgb8();
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 70)
        .encode_image(&small)
        .ok()?;
    Some(jpeg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screenshot_becomes_a_small_jpeg_and_anything_else_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.png");
        image::RgbImage::from_pixel(1290, 2796, image::Rgb([10, 120, 200]))
            .save(&path)
            .unwrap();
        let jpeg = thumbnail(&path).unwrap();
        assert!(jpeg.len() <= html_report::LARGEST_THUMBNAIL, "{}", jpeg.len());
        let small = image::load_from_memory(&jpeg).unwrap();
        assert!(small.width() <= SIZE.0 && small.height() == SIZE.1, "{small:?}");
        std::fs::write(&path, "no picture").unwrap();
        assert!(thumbnail(&path).is_none());
    }
}
