//! A folder of app previews in fastlane's layout: which video goes into which set, and in which order.
//!
//! Layout and checks: fastlane 2.237.0, `deliver/lib/deliver/upload_app_previews.rb` (read 2026-07-21). As there, a video
//! that can't be used is left out, and the run goes on.

use std::path::Path;

use files::Checksums;

use crate::locale;
use crate::media_file::{MediaFile, MediaFolder, entries, file_name};
use crate::problem::Problem;

/// App Store Connect takes so many previews a set.
pub const MOST: usize = 3;

/// The largest preview, in bytes: Apple's own limit.
const LARGEST_FILE: u64 = 500 << 20;

/// The shortest and longest preview, in seconds: App Store Connect Help, "App preview specifications".
const SECONDS: (f64, f64) = (15.0, 30.0);

/// The frame that fastlane takes where none is named.
pub const DEFAULT_FRAME: &str = "00:00:05:00";

/// Preview types, in the order in which fastlane looks for them in a file's name, then those that fastlane does not know;
/// with the sizes that each takes, in either orientation. A type without sizes takes any.
const TYPES: [(&str, &[(u32, u32)]); 17] = [
    ("IPHONE_40", &[(1080, 1920)]),
    ("IPHONE_47", &[(750, 1334)]),
    ("IPHONE_55", &[(1080, 1920)]),
    ("IPHONE_58", &[(886, 1920)]),
    ("IPHONE_61", &[(886, 1920)]),
    ("IPHONE_65", &[(886, 1920)]),
    ("IPHONE_67", &[(886, 1920)]),
    ("IPAD_97", &[(900, 1200)]),
    ("IPAD_105", &[(1200, 1600)]),
    ("IPAD_PRO_129", &[(1200, 1600), (900, 1200)]),
    ("IPAD_PRO_3GEN_11", &[(1200, 1600)]),
    ("IPAD_PRO_3GEN_129", &[(1200, 1600)]),
    ("DESKTOP", &[(1920, 1080)]),
    ("IPHONE_35", &[]),
    ("APPLE_TV", &[(1920, 1080)]),
    ("APPLE_VISION_PRO", &[]),
    ("IPHONE_DUO", &[(1920, 886)]),
];

/// Reads a folder of previews. `frame` stands for each of them.
///
/// # Errors
/// With every folder or file that can't be read.
pub fn read(folder: &Path, frame: &str) -> Result<MediaFolder, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut found = MediaFolder::default();
    for (name, path) in entries(folder, &mut problems) {
        if !path.is_dir() || name.starts_with('.') {
            continue;
        }
        let Some(locale) = locale::canonical(&name) else {
            let complaint = locale::complaint(&name);
            found
                .warnings
                .push(format!("{} is left out: {complaint}.", path.display()));
            continue;
        };
        for (_, path) in entries(&path, &mut problems) {
            if !path.is_file() || !is_video(&path) {
                continue;
            }
            let place = path.display().to_string();
            match measure(&path) {
                Ok(kind) => match Checksums::of_file(&path) {
                    Ok(checksums) => {
                        let mut file = MediaFile::new(&path, checksums);
                        file.frame = Some(frame.to_owned());
                        found.add(locale, kind, file);
                    }
                    Err(error) => problems.push(Problem::new(place, format!("can't be read: {error}"))),
                },
                Err(reason) => found.warnings.push(format!("{place} is left out: {reason}.")),
            }
        }
    }
    found.arrange("previews", MOST, Ord::cmp);
    if problems.is_empty() {
        Ok(found)
    } else {
        Err(problems)
    }
}

/// Whether a text is a time code, `hour:minute:second:centisecond`.
pub(crate) fn is_time_code(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    parts.len() == 4
        && parts
            .iter()
            .all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
        && parts[1..3].iter().all(|part| *part < "60")
}

fn is_video(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    ["mp4", "mov", "m4v"].iter().any(|known| extension == *known)
}

/// The type that a file's name contains, if the video fits it.
fn measure(path: &Path) -> Result<&'static str, String> {
    let name = file_name(path).to_uppercase();
    let Some((kind, sizes)) = TYPES.iter().find(|(kind, _)| name.contains(kind)) else {
        return Err(
            "its name has none of the preview types, such as IPHONE_67 or IPAD_PRO_3GEN_129".to_owned(),
        );
    };
    let size = path.metadata().map(|data| data.len()).unwrap_or_default();
    if size == 0 {
        return Err("it is empty".to_owned());
    }
    if size > LARGEST_FILE {
        return Err(format!("it has {} MB, but the limit is 500 MB", size >> 20));
    }
    let movie = Movie::read(path);
    if let Some(seconds) = movie.seconds
        && !(SECONDS.0..=SECONDS.1).contains(&seconds)
    {
        return Err(format!(
            "it lasts {seconds:.1} s, but a preview lasts {} to {} s",
            SECONDS.0, SECONDS.1
        ));
    }
    if let Some((width, height)) = movie.size
        && !sizes.is_empty()
        && !sizes.contains(&(width, height))
        && !sizes.contains(&(height, width))
    {
        let accepted: Vec<String> = sizes
            .iter()
            .map(|(width, height)| format!("{width} × {height}"))
            .collect();
        return Err(format!(
            "it is {width} × {height} pixels; accepted for {kind}: {}",
            accepted.join(", ")
        ));
    }
    Ok(kind)
}

/// What a video says about itself, as far as it can be read.
#[derive(Debug, Default, PartialEq)]
struct Movie {
    seconds: Option<f64>,
    size: Option<(u32, u32)>,
}

impl Movie {
    fn read(path: &Path) -> Self {
        let Some(context) = files::open(path)
            .ok()
            .and_then(|file| mp4parse::read_mp4(&mut std::io::BufReader::new(file)).ok())
        else {
            return Self::default();
        };
        let Some(track) = context
            .tracks
            .iter()
            .find(|track| track.track_type == mp4parse::TrackType::Video)
        else {
            return Self::default();
        };
        let seconds = match (&track.duration, &track.timescale) {
            #[expect(clippy::cast_precision_loss, reason = "seconds of a preview are few")]
            (Some(duration), Some(scale)) if scale.0 > 0 => Some(duration.0 as f64 / scale.0 as f64),
            _ => None,
        };
        // Sizes are fixed-point numbers with 16 bits after the point: ISO/IEC 14496-12, 8.3.2.
        let size = track
            .tkhd
            .as_ref()
            .map(|header| (header.width >> 16, header.height >> 16))
            .filter(|(width, height)| *width > 0 && *height > 0);
        Self { seconds, size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A box of a video file: size, type, content (ISO/IEC 14496-12, 4.2).
    fn boxed(kind: &str, content: &[u8]) -> Vec<u8> {
        let mut all = u32::try_from(content.len() + 8).unwrap().to_be_bytes().to_vec();
        all.extend(kind.as_bytes());
        all.extend(content);
        all
    }

    fn words(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    /// The head of a video, laid out as ISO/IEC 14496-12 8.2.2, 8.3.2, 8.4.2 and 8.4.3 say; as much as is read of it.
    fn movie(width: u32, height: u32, seconds: u32) -> Vec<u8> {
        let matrix = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
        let mut tkhd = words(&[3, 0, 0, 1, 0, seconds * 600, 0, 0, 0, 0]);
        tkhd.extend(words(&matrix));
        tkhd.extend(words(&[width << 16, height << 16]));
        let mdhd = words(&[0, 0, 0, 600, seconds * 600, 0]);
        let mut hdlr = words(&[0, 0]);
        hdlr.extend(b"vide");
        hdlr.extend([0; 13]);
        let mdia = [boxed("mdhd", &mdhd), boxed("hdlr", &hdlr)].concat();
        let trak = [boxed("tkhd", &tkhd), boxed("mdia", &mdia)].concat();
        let mut mvhd = words(&[0, 0, 0, 600, seconds * 600, 0x1_0000, 0x100_0000, 0, 0]);
        mvhd.extend(words(&matrix));
        mvhd.extend(words(&[0, 0, 0, 0, 0, 0, 2]));
        let moov = [boxed("mvhd", &mvhd), boxed("trak", &trak)].concat();
        [boxed("ftyp", b"isom\0\0\x02\0isommp41"), boxed("moov", &moov)].concat()
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
    fn the_name_says_the_type_and_the_video_its_length_and_size() {
        let folder = folder(&[
            ("en-US/a-iphone_67.MP4", movie(886, 1920, 20)),
            ("en-US/turned IPHONE_67.mov", movie(1920, 886, 30)),
            ("en-US/pad-ipad_pro_3gen_129.m4v", movie(1200, 1600, 15)),
            ("en-US/unreadable-IPHONE_65.mp4", b"nothing".to_vec()),
            ("en-US/short-IPHONE_67.mp4", movie(886, 1920, 14)),
            ("en-US/large-IPHONE_67.mp4", movie(1080, 1920, 20)),
            ("en-US/other.mp4", movie(886, 1920, 20)),
            ("en-US/notes-IPHONE_67.txt", Vec::new()),
        ]);
        let found = read(folder.path(), DEFAULT_FRAME).unwrap();
        let sets = &found.media["en-US"];
        let names: Vec<&str> = sets["IPHONE_67"].iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["a-iphone_67.MP4", "turned IPHONE_67.mov"]);
        assert!(sets.contains_key("IPAD_PRO_3GEN_129") && sets.contains_key("IPHONE_65"));
        let warnings = found.warnings.join("\n");
        assert_eq!(found.warnings.len(), 3, "{warnings}");
        for part in ["lasts 14.0 s", "1080 × 1920 pixels", "none of the preview types"] {
            assert!(warnings.contains(part), "{warnings}");
        }
    }

    #[test]
    fn the_fourth_is_left_out_and_named() {
        let files: Vec<(String, Vec<u8>)> = (1..=4)
            .map(|n| (format!("en-US/{n}_IPHONE_67.mp4"), movie(886, 1920, 20)))
            .collect();
        let files: Vec<(&str, Vec<u8>)> = files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.clone()))
            .collect();
        let folder = folder(&files);
        let found = read(folder.path(), DEFAULT_FRAME).unwrap();
        assert_eq!(found.media["en-US"]["IPHONE_67"].len(), MOST);
        assert!(
            found.warnings[0].ends_with("Left out: 4_IPHONE_67.mp4."),
            "{:?}",
            found.warnings
        );
    }

    #[test]
    fn a_folder_that_is_no_locale_is_left_out_and_a_missing_one_is_a_problem() {
        let folder = folder(&[("en/1_IPHONE_67.mp4", movie(886, 1920, 20))]);
        let found = read(folder.path(), DEFAULT_FRAME).unwrap();
        assert!(found.media.is_empty());
        assert!(
            found.warnings[0].contains("did you mean en-US"),
            "{:?}",
            found.warnings
        );
        assert!(read(Path::new("/no/such/folder"), DEFAULT_FRAME).is_err());
    }

    #[test]
    fn time_codes_have_four_parts() {
        for (text, is_code) in [
            ("00:00:05:00", true),
            ("00:00:05:99", true),
            ("00:00:05", false),
            ("0:0:5:0", false),
            ("00:61:05:00", false),
            ("aa:00:05:00", false),
        ] {
            assert_eq!(is_time_code(text), is_code, "{text}");
        }
    }
}
