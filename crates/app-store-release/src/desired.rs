//! What a release shall be, from options and folders.

use apple_types::StorePlatform;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use files::Checksums;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::age_rating;
use crate::media_file::LocalMedia;
use crate::metadata::{self, Metadata};
use crate::options::{self, Values, boolean};
use crate::plan::{MediaKind, is_editable};
use crate::preview;
use crate::problem::Problem;
use crate::screenshot;
use crate::snapshot::{AppName, Needs};
use crate::text;

/// When an approved version goes on sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseTiming {
    /// As soon as Apple approves it.
    AfterApproval,
    /// When somebody releases it.
    Manual,
    /// At a full hour, after Apple approved it.
    Scheduled(OffsetDateTime),
}

impl ReleaseTiming {
    /// `releaseType`, in Apple's spelling.
    pub(crate) fn release_type(self) -> &'static str {
        match self {
            Self::AfterApproval => "AFTER_APPROVAL",
            Self::Manual => "MANUAL",
            Self::Scheduled(_) => "SCHEDULED",
        }
    }
}

/// What happens to pictures that the folder does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftovers {
    /// A set with local pictures has exactly those; other sets stay.
    KeepOtherSets,
    /// Locales with local pictures lose all other sets.
    DropOtherSets,
    /// All locales lose what the folder does not have.
    DropEverything,
}

/// A file that is uploaded as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// MD5 of its content, hexadecimal.
    pub checksum: String,
}

/// Which build is submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildChoice {
    /// The newest one of the version.
    Latest,
    /// The one with this number.
    Number(String),
}

impl BuildChoice {
    /// The number that is asked for.
    pub(crate) fn number(&self) -> Option<&str> {
        match self {
            Self::Latest => None,
            Self::Number(number) => Some(number),
        }
    }
}

/// What a submission for review needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredSubmission {
    /// Which build.
    pub build: BuildChoice,
    /// The answer to export compliance, for a build that has none.
    pub uses_encryption: Option<bool>,
    /// `USES_THIRD_PARTY_CONTENT` or `DOES_NOT_USE_THIRD_PARTY_CONTENT`.
    pub content_rights: Option<&'static str>,
}

/// App previews, and what happens to those that are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DesiredPreviews {
    /// The videos by locale and preview type.
    pub files: LocalMedia,
    /// The frame that was asked for; videos that are there already get it, too.
    pub frame: Option<String>,
    /// Whether locales with local previews lose all others.
    pub overwrite: bool,
}

/// What a release shall be. What is `None` stays as it is.
#[derive(Debug, Clone)]
pub struct DesiredRelease {
    /// Which app.
    pub app: AppName,
    /// The platform.
    pub platform: StorePlatform,
    /// The version, such as `1.1`.
    pub version: Option<String>,
    /// Whether a version may be created or renamed.
    pub may_change_version: bool,
    /// Whether the version on the App Store is edited, instead of the next one.
    pub edit_live: bool,
    /// Texts, categories, review information; `None` leaves everything of the kind alone.
    pub metadata: Option<Metadata>,
    /// Answers of the age rating.
    pub age_rating: Option<Map<String, Value>>,
    /// When it goes on sale.
    pub timing: Option<ReleaseTiming>,
    /// Whether it is released in phases.
    pub phased: Option<bool>,
    /// The attachment of the review information.
    pub attachment: Option<LocalFile>,
    /// Screenshots; `None` leaves them alone.
    pub screenshots: Option<LocalMedia>,
    /// What happens to other screenshots.
    pub leftovers: Leftovers,
    /// App previews; `None` leaves them alone.
    pub previews: Option<DesiredPreviews>,
    /// How long screenshots and previews may be processed, in seconds.
    pub processing_timeout: u64,
    /// Whether a submission in progress is cancelled first.
    pub reject_if_possible: bool,
    /// The submission for review, if there is to be one.
    pub submission: Option<DesiredSubmission>,
}

impl DesiredRelease {
    /// Whether it says anything about screenshots or previews.
    pub(crate) fn needs_media(&self) -> bool {
        let screenshots = self.screenshots.as_ref();
        screenshots.is_some_and(|local| !local.is_empty() || self.leftovers == Leftovers::DropEverything)
            || self
                .previews
                .as_ref()
                .is_some_and(|previews| !previews.files.is_empty())
    }

    /// Whether the media of a locale matter.
    pub(crate) fn wants_media(&self, kind: MediaKind, locale: &str) -> bool {
        match kind {
            MediaKind::Screenshots => self.screenshots.as_ref().is_some_and(|local| {
                self.leftovers == Leftovers::DropEverything || local.contains_key(locale)
            }),
            MediaKind::Previews => {
                let previews = self.previews.as_ref();
                previews.is_some_and(|previews| previews.files.contains_key(locale))
            }
        }
    }

    /// What of a version it has to know. The build matters where the version can't be edited: it may be in review with it.
    pub(crate) fn needs(&self, state: &str) -> Needs {
        let metadata = self.metadata.as_ref();
        let submits_closed = self.submission.is_some() && !is_editable(state);
        Needs {
            texts: metadata.is_some_and(|metadata| !metadata.texts.is_empty()),
            media: self.needs_media(),
            related: metadata.is_some_and(|metadata| !metadata.review.is_empty())
                || self.phased.is_some()
                || self.attachment.is_some()
                || submits_closed,
        }
    }

    /// Whether it says anything about what is the same for all versions: names, categories, the age rating.
    pub(crate) fn needs_app_info(&self) -> bool {
        let metadata = self.metadata.as_ref();
        !self.edit_live
            && (self.age_rating.is_some()
                || metadata
                    .is_some_and(|metadata| !metadata.texts.is_empty() || !metadata.categories.is_empty()))
    }
}

/// A release, and what was noticed on the way.
#[derive(Debug)]
pub struct Assembled {
    /// The release.
    pub release: DesiredRelease,
    /// What is left out or looks wrong.
    pub warnings: Vec<String>,
}

/// The app and the platform that options name: all that has to be known to look at the app.
///
/// # Errors
/// When no app is named, or the platform is unknown.
pub fn subject(options: &Values) -> Result<(AppName, StorePlatform), Vec<Problem>> {
    let text_of = |key: &str| non_empty(options, key);
    let number = options.get("app").and_then(Value::as_i64);
    let app = match (text_of("app_identifier"), number) {
        (Some(bundle_id), _) => Ok(AppName::BundleId(bundle_id.to_owned())),
        (None, Some(id)) => Ok(AppName::Id(id.to_string())),
        (None, None) => Err(Problem::new(
            "app_identifier",
            "no app is named; accepted: its bundle ID, or its Apple ID as `app`",
        )),
    };
    match (app, platform(text_of("platform").unwrap_or("ios"))) {
        (Ok(app), Ok(platform)) => Ok((app, platform)),
        (app, platform) => Err(app.err().into_iter().chain(platform.err()).collect()),
    }
}

/// An option's text, without white space around it; nothing where it is empty.
fn non_empty<'a>(options: &'a Values, key: &str) -> Option<&'a str> {
    let text = options.get(key).and_then(Value::as_str).map(str::trim);
    text.filter(|text| !text.is_empty())
}

/// Makes a release of options; relative paths are below `directory`.
///
/// # Errors
/// With everything that App Store Connect would refuse and that can be found locally.
pub fn assemble(options: &Values, directory: &Path, now: OffsetDateTime) -> Result<Assembled, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let flag = |key: &str| options.get(key).and_then(Value::as_bool);
    let is_on = |key: &str| flag(key) == Some(true);
    let text_of = |key: &str| non_empty(options, key);
    let edit_live = is_on("edit_live");
    let subject = match subject(options) {
        Ok(subject) => Some(subject),
        Err(found) => {
            problems.extend(found);
            None
        }
    };
    let mut metadata = None;
    let mut age_rating = None;
    let mut attachment = None;
    if !is_on("skip_metadata") {
        let folder = folder(options, directory, "metadata_path", "metadata");
        match metadata::read(Some(&folder), options) {
            Ok(read) => {
                problems.extend(text::validate(&read.texts));
                problems.extend(review_problems(&read.review));
                metadata = Some(read);
            }
            Err(found) => problems.extend(found),
        }
        if let Some(path) = text_of("app_rating_config_path") {
            match files::read_text(&directory.join(path), LARGEST_TEXT) {
                Ok(text) => match age_rating::parse(path, &text) {
                    Ok(attributes) => age_rating = Some(attributes),
                    Err(problem) => problems.push(problem),
                },
                Err(error) => problems.push(Problem::new(
                    "app_rating_config_path",
                    format!("`{path}` can't be read: {error}"),
                )),
            }
        }
        if let Some(path) = text_of("app_review_attachment_file") {
            match local_file(&directory.join(path)) {
                Ok(file) => attachment = Some(file),
                Err(error) => problems.push(Problem::new(
                    "app_review_attachment_file",
                    format!("`{path}` can't be read: {error}"),
                )),
            }
        }
    }
    let mut screenshots = None;
    if !is_on("skip_screenshots") && !edit_live {
        let folder = folder(options, directory, "screenshots_path", "screenshots");
        match screenshot::read(&folder, is_on("ignore_language_directory_validation")) {
            Ok(read) => {
                warnings.extend(read.warnings);
                screenshots = Some(read.media);
            }
            Err(found) => problems.extend(found),
        }
    }
    let mut previews = None;
    if let Some(path) = text_of("app_previews_path").filter(|_| !edit_live) {
        let frame = text_of("preview_frame_time_code");
        if let Some(frame) = frame.filter(|frame| !preview::is_time_code(frame)) {
            problems.push(Problem::new(
                "preview_frame_time_code",
                format!(
                    "`{frame}` is not accepted; accepted: hour:minute:second:centisecond, such as 00:00:05:00"
                ),
            ));
        }
        match preview::read(&directory.join(path), frame.unwrap_or(preview::DEFAULT_FRAME)) {
            Ok(read) => {
                warnings.extend(read.warnings);
                previews = Some(DesiredPreviews {
                    files: read.media,
                    frame: frame.map(str::to_owned),
                    overwrite: is_on("overwrite_preview_videos"),
                });
            }
            Err(found) => problems.extend(found),
        }
    }
    let timing = match timing(options, now) {
        Ok(timing) => timing,
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    if let Some(ReleaseTiming::Scheduled(date)) = timing
        && options.get("auto_release_date").and_then(Value::as_i64) != Some(date.unix_timestamp() * 1000)
    {
        warnings.push(format!(
            "auto_release_date is cut down to the full hour, which Apple demands: {date}."
        ));
    }
    problems.extend(options::refused_options(options).map(|(key, reason)| Problem::new(key, reason)));
    let information = options.get("submission_information").and_then(Value::as_object);
    let answer = |key: &str| {
        information
            .and_then(|information| information.get(key))
            .and_then(|value| match value {
                Value::Bool(answer) => Some(*answer),
                // Variables and command lines have only text.
                Value::String(text) => boolean(text),
                _ => None,
            })
    };
    let submission = is_on("submit_for_review").then(|| DesiredSubmission {
        build: match text_of("build_number") {
            None | Some("latest") => BuildChoice::Latest,
            Some(number) => BuildChoice::Number(number.to_owned()),
        },
        uses_encryption: answer("export_compliance_uses_encryption"),
        content_rights: answer("content_rights_contains_third_party_content").map(|uses| {
            if uses {
                "USES_THIRD_PARTY_CONTENT"
            } else {
                "DOES_NOT_USE_THIRD_PARTY_CONTENT"
            }
        }),
    });
    let Some((app, platform)) = subject.filter(|_| problems.is_empty()) else {
        return Err(problems);
    };
    let has_metadata = metadata.is_some();
    let release = DesiredRelease {
        app,
        platform,
        version: text_of("app_version").map(str::to_owned),
        may_change_version: !is_on("skip_app_version_update") && !edit_live,
        edit_live,
        metadata,
        age_rating,
        // fastlane sets these with the metadata, and so leaves them alone without it.
        timing: timing.filter(|_| has_metadata),
        phased: flag("phased_release").filter(|_| has_metadata),
        attachment,
        screenshots,
        previews,
        leftovers: match (is_on("sync_screenshots"), is_on("overwrite_screenshots")) {
            (true, _) => Leftovers::DropEverything,
            (false, true) => Leftovers::DropOtherSets,
            (false, false) => Leftovers::KeepOtherSets,
        },
        processing_timeout: options
            .get("screenshot_processing_timeout")
            .and_then(Value::as_u64)
            .unwrap_or(3600),
        reject_if_possible: is_on("reject_if_possible"),
        submission,
    };
    Ok(Assembled { release, warnings })
}

/// The platform by its name in deliver's options.
///
/// # Errors
/// With what is accepted.
pub fn platform(name: &str) -> Result<StorePlatform, Problem> {
    match name {
        "ios" => Ok(StorePlatform::Ios),
        "appletvos" | "tvos" => Ok(StorePlatform::Tvos),
        "xros" => Ok(StorePlatform::Visionos),
        "osx" => Ok(StorePlatform::Macos),
        other => Err(Problem::new(
            "platform",
            format!("`{other}` is not accepted; accepted: ios, appletvos, xros, osx"),
        )),
    }
}

/// A folder that an option names, else deliver's usual one.
fn folder(options: &Values, directory: &Path, key: &str, usual: &str) -> PathBuf {
    match options
        .get(key)
        .and_then(Value::as_str)
        .filter(|path| !path.is_empty())
    {
        Some(path) => directory.join(path),
        None => {
            let fastlane = ["fastlane", ".fastlane"].map(|name| directory.join(name));
            match fastlane.into_iter().find(|folder| folder.is_dir()) {
                Some(folder) => folder.join(usual),
                None => directory.join(usual),
            }
        }
    }
}

fn timing(options: &Values, now: OffsetDateTime) -> Result<Option<ReleaseTiming>, Problem> {
    let automatic = options.get("automatic_release").and_then(Value::as_bool);
    let Some(milliseconds) = options.get("auto_release_date").and_then(Value::as_i64) else {
        return Ok(automatic.map(|automatic| {
            if automatic {
                ReleaseTiming::AfterApproval
            } else {
                ReleaseTiming::Manual
            }
        }));
    };
    let problem = |message: &str| Problem::new("auto_release_date", message);
    if automatic.is_some() {
        return Err(problem("can't be combined with automatic_release"));
    }
    let seconds = milliseconds.div_euclid(1000);
    let date = OffsetDateTime::from_unix_timestamp(seconds - seconds.rem_euclid(3600))
        .map_err(|_| problem("is not a date in milliseconds since 1970"))?;
    if date <= now {
        return Err(problem(&format!("is in the past: {date}")));
    }
    Ok(Some(ReleaseTiming::Scheduled(date)))
}

fn review_problems(review: &BTreeMap<&'static str, String>) -> Vec<Problem> {
    let notes = review.get("notes").filter(|notes| notes.len() > 4000);
    notes
        .map(|notes| {
            Problem::new(
                "review_information/notes",
                format!("{} bytes, but the limit is 4000", notes.len()),
            )
        })
        .into_iter()
        .collect()
}

/// Larger than any age rating or attachment for App Review, in bytes.
const LARGEST_TEXT: u64 = 1 << 20;
const LARGEST_ATTACHMENT: u64 = 512 << 20;

fn local_file(path: &Path) -> std::io::Result<LocalFile> {
    if path.metadata()?.len() > LARGEST_ATTACHMENT {
        return Err(std::io::Error::other("the file is larger than 512 MB"));
    }
    let checksums = Checksums::of_file(path)?;
    Ok(LocalFile {
        name: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        path: path.to_owned(),
        size: checksums.size,
        checksum: checksums.md5,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-25 12:30 UTC);

    fn assembled(options: Value, directory: &Path) -> Result<Assembled, Vec<Problem>> {
        assemble(&serde_json::from_value(options).unwrap(), directory, NOW)
    }

    #[test]
    fn every_local_problem_is_found_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("fastlane/metadata/en-US/promotional_text.txt");
        std::fs::create_dir_all(text.parent().unwrap()).unwrap();
        std::fs::write(text, "x".repeat(171)).unwrap();
        let problems = assembled(
            json!({"price_tier": 3, "platform": "android", "app_rating_config_path": "none.json"}),
            folder.path(),
        )
        .unwrap_err();
        let places: Vec<&str> = problems.iter().map(|problem| problem.place.as_str()).collect();
        assert_eq!(
            places,
            [
                "app_identifier",
                "platform",
                "en-US/promotional_text",
                "app_rating_config_path",
                "price_tier"
            ]
        );
    }

    #[test]
    fn an_attachment_that_is_too_large_or_no_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(folder.path().join("large.zip")).unwrap();
        file.set_len(LARGEST_ATTACHMENT + 1).unwrap();
        for (path, reason) in [
            (
                "large.zip",
                "`large.zip` can't be read: the file is larger than 512 MB",
            ),
            (".", "it is a directory, not a file"),
        ] {
            let options = json!({"app": 1, "app_review_attachment_file": path});
            let problems = assembled(options, folder.path()).unwrap_err();
            assert_eq!(problems.len(), 1);
            assert_eq!(problems[0].place, "app_review_attachment_file");
            assert!(problems[0].message.ends_with(reason), "{}", problems[0]);
        }
    }

    #[test]
    fn a_release_date_is_a_full_hour_in_the_future() {
        let folder = tempfile::tempdir().unwrap();
        let at = |milliseconds: i64| {
            assembled(
                json!({"app": 1, "auto_release_date": milliseconds}),
                folder.path(),
            )
        };
        let date = datetime!(2026-12-01 08:00 UTC);
        let found = at(date.unix_timestamp() * 1000 + 1_234_567).unwrap();
        assert_eq!(found.release.timing, Some(ReleaseTiming::Scheduled(date)));
        assert_eq!(found.warnings.len(), 1);
        assert!(at(NOW.unix_timestamp() * 1000 - 1).is_err());
        assert!(
            assembled(
                json!({"app": 1, "auto_release_date": 1, "automatic_release": true}),
                folder.path()
            )
            .is_err()
        );
    }

    #[test]
    fn without_metadata_nothing_of_the_version_changes() {
        let folder = tempfile::tempdir().unwrap();
        let release = assembled(
            json!({"app": 1, "skip_metadata": true, "automatic_release": true, "phased_release": true}),
            folder.path(),
        )
        .unwrap()
        .release;
        assert_eq!(
            (release.timing, release.phased, release.metadata),
            (None, None, None)
        );
    }
}
