//! A screenshot folder in fastlane's layout: which picture goes into which set, and in which order.
//!
//! Layout: fastlane 2.237.0, `deliver/lib/deliver/loader.rb` and `app_screenshot.rb` (read 2026-07-21).

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use files::Checksums;

use crate::display;
use crate::locale;
use crate::media_file::{MediaFile, MediaFolder, entries, file_name};
use crate::problem::Problem;

/// App Store Connect takes so many screenshots a set.
pub const MOST: usize = 10;

/// The largest picture that is read: 500 MB, Apple's own limit.
const LARGEST_FILE: u64 = 500 << 20;

/// Reads a screenshot folder, if it is there.
///
/// # Errors
/// With every folder that is no locale, and every picture that App Store Connect would refuse.
pub fn read(folder: &Path, lenient: bool) -> Result<MediaFolder, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut found = MediaFolder::default();
    // A folder that can't be looked at is a problem, not a missing one.
    if matches!(folder.try_exists(), Ok(false)) {
        return Ok(found);
    }
    let mut pictures: Vec<(String, bool, PathBuf)> = Vec::new();
    for (name, path) in entries(folder, &mut problems) {
        if !path.is_dir() || name.starts_with('.') {
            continue;
        }
        if ["appleTV", "iMessage"]
            .iter()
            .any(|other| name.eq_ignore_ascii_case(other))
        {
            for (inner, path) in entries(&path, &mut problems) {
                if path.is_dir() {
                    collect(
                        &inner,
                        &path,
                        name == "iMessage",
                        lenient,
                        &mut pictures,
                        &mut problems,
                    );
                }
            }
        } else {
            collect(&name, &path, false, lenient, &mut pictures, &mut problems);
        }
    }
    for (locale, is_imessage, path) in pictures {
        match measure(&path, is_imessage) {
            Ok((display, screenshot)) => found.add(&locale, display, screenshot),
            Err(message) => problems.push(Problem::new(path.display().to_string(), message)),
        }
    }
    found.arrange("screenshots", MOST, natural);
    if problems.is_empty() {
        Ok(found)
    } else {
        Err(problems)
    }
}

fn collect(
    name: &str,
    folder: &Path,
    is_imessage: bool,
    lenient: bool,
    pictures: &mut Vec<(String, bool, PathBuf)>,
    problems: &mut Vec<Problem>,
) {
    let mut paths: Vec<PathBuf> = entries(folder, problems)
        .into_values()
        .filter(|path| path.is_file() && is_picture(path))
        .collect();
    if paths.iter().any(|path| file_name(path).contains("_framed.")) {
        paths.retain(|path| {
            let text = path.to_string_lossy().to_lowercase();
            text.contains("framed") || text.contains("watch")
        });
    }
    let Some(locale) = locale::canonical(name) else {
        if ["default", "fonts", "android"].contains(&name.to_ascii_lowercase().as_str()) {
            let is_default = name.eq_ignore_ascii_case("default");
            if is_default && !paths.is_empty() {
                problems.push(Problem::new(
                    folder.display().to_string(),
                    "screenshots belong to a locale; move them into a folder such as `en-US`",
                ));
            }
        } else if !lenient {
            problems.push(Problem::new(
                folder.display().to_string(),
                locale::complaint(name),
            ));
        }
        return;
    };
    pictures.extend(
        paths
            .into_iter()
            .map(|path| (locale.to_owned(), is_imessage, path)),
    );
}

fn is_picture(path: &Path) -> bool {
    let extension = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    ["png", "jpg", "jpeg"].contains(&extension.as_str())
}

/// The display type and checksum of a picture, or what App Store Connect would refuse about it.
fn measure(path: &Path, is_imessage: bool) -> Result<(&'static str, MediaFile), String> {
    let bytes = files::read(path, LARGEST_FILE).map_err(|error| format!("can't be read: {error}"))?;
    let kind = imagesize::image_type(&bytes).map_err(|_| "is neither PNG nor JPEG".to_owned())?;
    let extension = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let fits = match kind {
        imagesize::ImageType::Png => extension == "png",
        imagesize::ImageType::Jpeg => extension == "jpg" || extension == "jpeg",
        _ => return Err("is neither PNG nor JPEG".to_owned()),
    };
    if !fits {
        return Err(
            format!("is a {kind:?} image with the extension `{extension}`; rename it").to_lowercase(),
        );
    }
    let dimensions = imagesize::blob_size(&bytes).map_err(|error| format!("is damaged: {error}"))?;
    let display = display::of(dimensions.width, dimensions.height, path, is_imessage).ok_or_else(|| {
        format!(
            "is {} × {} pixels, which is no size of an App Store screenshot",
            dimensions.width, dimensions.height
        )
    })?;
    Ok((display, MediaFile::new(path, Checksums::of(&bytes))))
}

/// Compares names as people count: `2.png` before `10.png`.
pub fn natural(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| -> Vec<(bool, String)> {
        let mut parts: Vec<(bool, String)> = Vec::new();
        for c in text.chars() {
            let digit = c.is_ascii_digit();
            match parts.last_mut() {
                Some((was_digit, part)) if *was_digit == digit => part.push(c),
                _ => parts.push((digit, c.to_string())),
            }
        }
        parts
    };
    let number = |text: &str| text.trim_start_matches('0').to_owned();
    let (left, right) = (parts(a), parts(b));
    for (x, y) in left.iter().zip(&right) {
        let order = if x.0 && y.0 {
            let (m, n) = (number(&x.1), number(&y.1));
            m.len().cmp(&n.len()).then_with(|| m.cmp(&n))
        } else {
            x.1.cmp(&y.1)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The start of a PNG of a size: enough to be measured.
    pub(crate) fn png(width: u32, height: u32, mark: u8) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 2, 0, 0, 0, mark, mark, mark, mark]);
        bytes
    }

    fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        folder
    }

    #[test]
    fn pictures_are_sorted_into_sets_as_people_count() {
        let phone = |mark| png(1290, 2796, mark);
        let folder = folder(&[
            ("en-US/10.png", phone(10)),
            ("en-US/2.png", phone(2)),
            ("en-US/pad.png", png(2064, 2752, 1)),
            ("iMessage/de-DE/1.png", phone(1)),
            ("appleTV/en-US/tv.png", png(1920, 1080, 1)),
            ("en-US/notes.txt", Vec::new()),
        ]);
        let found = read(folder.path(), false).unwrap().media;
        let names: Vec<&str> = found["en-US"]["APP_IPHONE_67"]
            .iter()
            .map(|shot| shot.name.as_str())
            .collect();
        assert_eq!(names, ["2.png", "10.png"]);
        assert!(
            found["en-US"].contains_key("APP_IPAD_PRO_3GEN_129")
                && found["en-US"].contains_key("APP_APPLE_TV")
        );
        assert!(found["de-DE"].contains_key("IMESSAGE_APP_IPHONE_67"));
    }

    #[test]
    fn the_eleventh_is_left_out_and_named() {
        let files: Vec<(String, Vec<u8>)> = (1..=12)
            .map(|n| (format!("en-US/{n}.png"), png(1290, 2796, n)))
            .collect();
        let files: Vec<(&str, Vec<u8>)> = files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.clone()))
            .collect();
        let folder = folder(&files);
        let found = read(folder.path(), false).unwrap();
        assert_eq!(found.media["en-US"]["APP_IPHONE_67"].len(), 10);
        assert!(
            found.warnings[0].ends_with("Left out: 11.png, 12.png."),
            "{:?}",
            found.warnings
        );
    }

    #[test]
    fn everything_that_apple_would_refuse_is_found_at_once() {
        let folder = folder(&[
            ("en-US/odd.png", png(100, 100, 1)),
            ("en-US/fake.jpg", png(1290, 2796, 1)),
            ("en-US/broken.png", b"nothing".to_vec()),
            ("default/1.png", png(1290, 2796, 1)),
            ("en/1.png", png(1290, 2796, 1)),
        ]);
        let problems = read(folder.path(), false).unwrap_err();
        let text: Vec<String> = problems.iter().map(|problem| problem.message.clone()).collect();
        assert_eq!(text.len(), 5, "{text:?}");
        assert!(
            text.iter().any(|message| message.contains("100 × 100")),
            "{text:?}"
        );
        assert!(
            text.iter().any(|message| message.contains("did you mean en-US")),
            "{text:?}"
        );
    }

    #[test]
    fn a_missing_folder_is_an_empty_one_and_one_that_can_not_be_looked_at_is_named() {
        let folder = folder(&[("file", Vec::new())]);
        std::os::unix::fs::symlink("loop", folder.path().join("loop")).unwrap();
        assert!(read(&folder.path().join("none"), false).unwrap().media.is_empty());
        for name in ["file/screenshots", "loop"] {
            let path = folder.path().join(name);
            let problems = read(&path, false).unwrap_err();
            assert_eq!(problems.len(), 1, "{name}");
            assert_eq!(problems[0].place, path.display().to_string());
            assert!(
                problems[0].message.starts_with("can't be read: "),
                "{}",
                problems[0]
            );
        }
    }

    #[test]
    fn framed_pictures_replace_the_others() {
        let folder = folder(&[
            ("en-US/1.png", png(1290, 2796, 1)),
            ("en-US/1_framed.png", png(1290, 2796, 2)),
            ("en-US/watch.png", png(416, 496, 2)),
        ]);
        let found = read(folder.path(), false).unwrap().media;
        assert_eq!(found["en-US"]["APP_IPHONE_67"][0].name, "1_framed.png");
        assert_eq!(found["en-US"]["APP_WATCH_SERIES_10"].len(), 1);
    }
}
