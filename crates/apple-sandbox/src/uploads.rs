//! Uploads of builds: their files, what becomes of them, and the builds that they become.

use std::ops::{Deref, DerefMut};

use app_package::{Format, Package};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::date;
use crate::asc::objects::Key;
use crate::asc::rules::Change;
use crate::asc::rules::lifecycle::Effect;
use crate::records::{Identified, Records};
use crate::state::{Build, State};
use crate::storage::{self, Part, STORAGE};

/// An upload of a build.
#[derive(Debug, Clone, Serialize)]
pub struct Upload {
    /// The resource ID.
    pub id: String,
    /// The app's resource ID.
    pub app: String,
    /// The version.
    pub short_version: String,
    /// The build number.
    pub version: String,
    /// `IOS`, `MAC_OS`, `TV_OS` or `VISION_OS`.
    pub platform: String,
    /// `AWAITING_UPLOAD`, `PROCESSING`, `COMPLETE` or `FAILED`.
    pub state: String,
    /// Codes and descriptions of errors.
    pub errors: Vec<(String, String)>,
    /// Codes and descriptions of warnings.
    pub warnings: Vec<(String, String)>,
    /// The build's resource ID.
    pub build: Option<String>,
    /// When it was begun.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// Whether its file was committed.
    pub committed: bool,
    looks: u32,
    /// What the package says of itself, as attributes of the build that it becomes.
    declared: Map<String, Value>,
}

/// A file of an upload.
#[derive(Debug, Clone, Serialize)]
pub struct UploadFile {
    /// The resource ID.
    pub id: String,
    /// The upload's resource ID.
    pub upload: String,
    /// The name.
    pub name: String,
    /// The kind, such as `com.apple.ipa`.
    pub uti: String,
    /// The size in bytes.
    pub size: u64,
    /// The parts.
    pub parts: Vec<Part>,
    /// `AWAITING_UPLOAD`, `UPLOAD_COMPLETE` or `FAILED`.
    pub state: String,
    /// What went wrong.
    pub errors: Vec<String>,
    /// The SHA-256 of what arrived, once it is whole.
    pub sha256: String,
    /// The checksum that was given with the commit: algorithm and digits, both empty where none was.
    pub given: (String, String),
    #[serde(skip)]
    secret: String,
}

/// What becomes of an upload once it is whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Processing {
    /// How many looks it takes.
    pub looks: u32,
    /// Codes and descriptions of the errors that it ends with.
    pub errors: Vec<(String, String)>,
    /// Codes and descriptions of the warnings that it ends with.
    pub warnings: Vec<(String, String)>,
}

impl Identified for Upload {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for UploadFile {
    fn id(&self) -> &str {
        &self.id
    }
}

/// The uploads of builds, oldest first, and their files. They are read as a slice.
#[derive(Debug, Default, Serialize)]
pub struct Uploads {
    #[serde(rename = "uploads")]
    all: Records<Upload>,
    #[serde(rename = "upload_files")]
    files: Records<UploadFile>,
    /// What becomes of uploads.
    pub processing: Processing,
}

impl Uploads {
    /// None yet, which will be processed so.
    pub(crate) fn processed_by(processing: Processing) -> Self {
        Self {
            processing,
            ..Self::default()
        }
    }

    /// Their files.
    pub fn files(&self) -> &Records<UploadFile> {
        &self.files
    }

    /// Their files, to be changed.
    pub fn files_mut(&mut self) -> &mut Records<UploadFile> {
        &mut self.files
    }

    /// The one with an ID.
    pub fn by_id(&self, id: &str) -> Option<&Upload> {
        self.all.by_id(id)
    }

    /// The one with an ID, to be changed.
    pub fn by_id_mut(&mut self, id: &str) -> Option<&mut Upload> {
        self.all.by_id_mut(id)
    }

    /// The parts of a file, for whom the URL with its signature was given.
    pub(crate) fn signed_parts(&self, file: &str, signature: &str) -> Option<&[Part]> {
        let known = self.files.by_id(file).filter(|known| known.secret == signature);
        known.map(|known| known.parts.as_slice())
    }

    /// Notes that a part arrived; they are counted from 1.
    pub(crate) fn arrive(&mut self, file: &str, number: usize) {
        let known = self.files.by_id_mut(file);
        let part = known.and_then(|known| known.parts.get_mut(number.wrapping_sub(1)));
        if let Some(part) = part {
            part.arrived = true;
        }
    }

    /// Forgets the files of an upload, and says which they were.
    fn take_files_of(&mut self, upload: &str) -> Vec<String> {
        let own = self.files.iter().filter(|file| file.upload == upload);
        let ids: Vec<String> = own.map(|file| file.id.clone()).collect();
        for id in &ids {
            self.files.remove(id);
        }
        ids
    }

    /// Takes over what came by another way than the Build Uploads API.
    pub(crate) fn take_over(&mut self, delivery: Delivery, ids: [String; 2], now: OffsetDateTime) {
        let [id, file] = ids;
        self.files.push(UploadFile {
            upload: id.clone(),
            name: delivery.name,
            uti: "com.apple.ipa".to_owned(),
            size: delivery.size.max(1),
            parts: Vec::new(),
            state: "COMPLETE".to_owned(),
            errors: Vec::new(),
            secret: String::new(),
            sha256: delivery.sha256,
            // altool gives MD5 in upper case (recorded from 26.0, 2025-10-16).
            given: ("MD5".to_owned(), delivery.md5.to_uppercase()),
            id: file,
        });
        self.all.push(Upload {
            id,
            app: delivery.app,
            short_version: delivery.short_version,
            version: delivery.version,
            platform: delivery.platform,
            state: "PROCESSING".to_owned(),
            errors: Vec::new(),
            warnings: Vec::new(),
            build: None,
            created: now,
            committed: true,
            looks: 0,
            declared: declare(delivery.uses_encryption, delivery.minimum_os),
        });
    }
}

impl Deref for Uploads {
    type Target = [Upload];

    fn deref(&self) -> &[Upload] {
        &self.all
    }
}

impl DerefMut for Uploads {
    fn deref_mut(&mut self) -> &mut [Upload] {
        &mut self.all
    }
}

/// A package that came by another way than the Build Uploads API.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// The app's resource ID.
    pub(crate) app: String,
    pub(crate) short_version: String,
    pub(crate) version: String,
    pub(crate) platform: String,
    /// The file's name, size in bytes, and digests.
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) md5: String,
    pub(crate) sha256: String,
    /// What the Info.plist says; `None` where Apple asks.
    pub(crate) uses_encryption: Option<bool>,
    pub(crate) minimum_os: Option<String>,
}

/// The attributes of an upload.
pub(crate) fn upload(upload: &Upload) -> Value {
    let details = |list: &[(String, String)]| -> Value {
        list.iter()
            .map(|(code, description)| json!({"code": code, "description": description}))
            .collect()
    };
    json!({
        "cfBundleShortVersionString": upload.short_version,
        "cfBundleVersion": upload.version,
        "platform": upload.platform,
        "createdDate": date(upload.created),
        "uploadedDate": if upload.committed { date(upload.created) } else { Value::Null },
        "state": {
            "state": upload.state,
            "errors": details(&upload.errors),
            "warnings": details(&upload.warnings),
            "infos": [],
        },
    })
}

/// Every look moves the processing on.
pub(crate) fn look(state: &mut State, id: &str) {
    let build_id = state.fresh.id();
    let Uploads { all, processing, .. } = &mut state.uploads;
    let Some(upload) = all.by_id_mut(id) else {
        return;
    };
    if upload.state == "AWAITING_UPLOAD" && upload.committed {
        // Apple has the file some time before it begins to process it.
        if upload.looks == 0 {
            upload.looks = 1;
            return;
        }
        upload.looks = 0;
        upload.state = "PROCESSING".to_owned();
        return;
    }
    if upload.state != "PROCESSING" {
        return;
    }
    if upload.looks < processing.looks {
        upload.looks += 1;
        return;
    }
    upload.warnings.clone_from(&processing.warnings);
    if !processing.errors.is_empty() {
        upload.errors.clone_from(&processing.errors);
        upload.state = "FAILED".to_owned();
        return;
    }
    upload.state = "COMPLETE".to_owned();
    upload.build = Some(build_id.clone());
    let looks = state.release.pace.build;
    let processed = if looks == 0 {
        state.release.build_outcome.as_str()
    } else {
        "PROCESSING"
    };
    state.builds.push(Build {
        id: build_id.clone(),
        app: upload.app.clone(),
        version: upload.version.clone(),
        short_version: upload.short_version.clone(),
        platform: upload.platform.clone(),
        processing_state: processed.to_owned(),
        uploaded: OffsetDateTime::now_utc(),
    });
    let declared = upload.declared.clone();
    state
        .objects
        .entry("builds", &build_id)
        .attributes
        .extend(declared);
    if looks > 0 {
        state.schedule(looks, Effect::ProcessBuild(build_id));
    }
}

/// What a package says of the build that it becomes. Apple does not ask about encryption where the Info.plist has
/// `ITSAppUsesNonExemptEncryption` ("Complying with Encryption Export Regulations", 2026-11).
fn declare(uses_encryption: Option<bool>, minimum_os: Option<String>) -> Map<String, Value> {
    let members = [
        ("usesNonExemptEncryption", uses_encryption.map(Value::from)),
        ("minOsVersion", minimum_os.map(Value::from)),
    ];
    let known = members.into_iter();
    known
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// What the package in a file says; nothing where it can't be read.
fn declare_by(path: &std::path::Path, uti: &str) -> Map<String, Value> {
    let format = match uti {
        "com.apple.pkg" => Format::Pkg,
        _ => Format::Ipa,
    };
    let package = Package::read(path, format);
    package.map_or_else(
        |_| Map::new(),
        |package| declare(package.app.uses_encryption, package.app.minimum_os_version),
    )
}

/// A look at every upload of an app.
pub(crate) fn look_at_all_of(state: &mut State, app: &str) {
    let own = state.uploads.iter().filter(|upload| upload.app == app);
    let ids: Vec<String> = own.map(|upload| upload.id.clone()).collect();
    ids.iter().for_each(|id| look(state, id));
}

/// A look at every upload.
pub(crate) fn look_at_all(state: &mut State) {
    let ids: Vec<String> = state.uploads.iter().map(|upload| upload.id.clone()).collect();
    ids.iter().for_each(|id| look(state, id));
}

/// Whether a text is a version: up to three numbers with periods, and for build numbers some letters (Apple's
/// documentation of `CFBundleVersion`).
fn is_version(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric());
    text.len() <= 18 && text.starts_with(|c: char| c.is_ascii_digit()) && text.split('.').all(is_part)
}

/// Begins an upload.
pub(crate) fn begin(change: &mut Change<'_>, draft: &Draft) -> Result<Key, Refusal> {
    let text = |name: &str| draft.text(name).to_owned();
    let (short_version, version, platform) = (
        text("cfBundleShortVersionString"),
        text("cfBundleVersion"),
        text("platform"),
    );
    let app = draft.one("app").to_owned();
    for (name, value) in [
        ("cfBundleShortVersionString", &short_version),
        ("cfBundleVersion", &version),
    ] {
        if !is_version(value) {
            return Err(Refusal::attribute(
                name,
                format!("An attribute value is invalid. '{value}' is not a valid version"),
            ));
        }
    }
    let state = &mut *change.state;
    if state.is_used(&app, &short_version, &version, &platform) {
        let detail = "The bundle version must be higher than the previously uploaded version: the value has already been used";
        return Err(Refusal::duplicate("cfBundleVersion", detail));
    }
    let id = state.fresh.id();
    state.uploads.all.push(Upload {
        id: id.clone(),
        app,
        short_version,
        version,
        platform,
        state: "AWAITING_UPLOAD".to_owned(),
        errors: Vec::new(),
        warnings: Vec::new(),
        build: None,
        created: change.now,
        committed: false,
        looks: 0,
        declared: Map::new(),
    });
    Ok(Key::new("buildUploads", &id))
}

/// Withdraws an upload that is not finished.
pub(crate) fn withdraw(state: &mut State, id: &str) -> Result<(), Refusal> {
    let uploads = &mut state.uploads;
    let Some(upload) = uploads.all.by_id(id) else {
        return Err(Refusal::not_found("buildUploads", id));
    };
    if upload.state != "AWAITING_UPLOAD" || upload.committed {
        let detail = "Only an upload that is not finished can be deleted";
        return Err(Refusal::state(detail));
    }
    uploads.all.remove(id);
    for file in uploads.take_files_of(id) {
        state.storage.remove(&file);
    }
    Ok(())
}

// --- files

/// The attributes of a file. It says where parts go while there are parts to send.
pub(crate) fn file(file: &UploadFile, base: &str) -> Value {
    let errors: Value = file
        .errors
        .iter()
        .map(|text| json!({"code": "CHECKSUM_MISMATCH", "description": text}))
        .collect();
    let mut attributes = json!({
        "assetType": "ASSET",
        "assetToken": file.id,
        "fileName": file.name,
        "fileSize": file.size,
        "uti": file.uti,
        "assetDeliveryState": {"state": file.state, "errors": errors, "warnings": []},
    });
    if !file.given.1.is_empty() {
        attributes["sourceFileChecksums"] =
            json!({"file": {"algorithm": file.given.0, "hash": file.given.1}});
    }
    if file.state == "AWAITING_UPLOAD" {
        let operation = |(number, part): (usize, &Part)| {
            json!({
                "method": "PUT",
                "url": format!("{base}{STORAGE}{}/{}?signature={}", file.id, number + 1, file.secret),
                "offset": part.offset,
                "length": part.length,
                "partNumber": number + 1,
                "requestHeaders": [{"name": "Content-Type", "value": "application/octet-stream"}],
                "expiration": date(OffsetDateTime::now_utc() + time::Duration::hours(24)),
            })
        };
        attributes["uploadOperations"] = file.parts.iter().enumerate().map(operation).collect();
    }
    attributes
}

/// Reserves a file of an upload.
pub(crate) fn reserve(change: &mut Change<'_>, draft: &Draft) -> Result<Key, Refusal> {
    let uti = draft.text("uti").to_owned();
    if draft.text("assetType") != "ASSET" || !["com.apple.ipa", "com.apple.pkg"].contains(&uti.as_str()) {
        let detail = "The sandbox takes assets that are packages";
        return Err(Refusal::attribute("assetType", detail));
    }
    let size = storage::check_size(draft)?;
    let of = draft.one("buildUpload").to_owned();
    let state = &mut *change.state;
    let is_open = |upload: &Upload| upload.id == of && upload.state == "AWAITING_UPLOAD";
    if !state.uploads.iter().any(is_open) {
        let detail = format!("There is no open resource of type 'buildUploads' with id '{of}'");
        return Err(Refusal::relationship("buildUpload", detail));
    }
    // A file that is reserved anew takes the place of the earlier one.
    for file in state.uploads.take_files_of(&of) {
        state.storage.remove(&file);
    }
    let id = state.fresh.id();
    let reserved = UploadFile {
        upload: of,
        name: draft.text("fileName").to_owned(),
        uti,
        size,
        parts: state.storage.parts(size),
        state: "AWAITING_UPLOAD".to_owned(),
        errors: Vec::new(),
        secret: state.fresh.noise(32),
        sha256: String::new(),
        given: Default::default(),
        id: id.clone(),
    };
    state.uploads.files.push(reserved);
    Ok(Key::new("buildUploadFiles", &id))
}

/// Takes a file as sent.
pub(crate) fn commit(change: &mut Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let id = &draft.id;
    let State { uploads, storage, .. } = &mut *change.state;
    let path = storage.path(id);
    let Some(known) = uploads.files.by_id_mut(id) else {
        return Err(Refusal::not_found("buildUploadFiles", id));
    };
    if !draft.asks("uploaded") {
        return Err(Refusal::attribute(
            "uploaded",
            "The attribute 'uploaded' must be true",
        ));
    }
    storage::check_arrived(&known.parts)?;
    // A second commit finds the first one's result.
    if known.state == "AWAITING_UPLOAD" {
        known.given = given_checksum(&draft.attributes)?;
        known.state = "UPLOAD_COMPLETE".to_owned();
        if storage.keeps() {
            let own = storage.digests(id);
            let fits = if known.given.0 == "MD5" {
                &own.md5
            } else {
                &own.sha256
            };
            if !known.given.1.is_empty() && !known.given.1.eq_ignore_ascii_case(fits) {
                known.state = "FAILED".to_owned();
                known
                    .errors
                    .push("The checksum of the file is not the one that was given".to_owned());
            }
            known.sha256 = own.sha256;
        }
    }
    let (of, is_well) = (known.upload.clone(), known.state != "FAILED");
    let declared = if storage.keeps() {
        declare_by(&path, &known.uti)
    } else {
        Map::new()
    };
    if let Some(upload) = uploads.all.by_id_mut(&of).filter(|_| is_well) {
        upload.committed = true;
        upload.declared = declared;
    }
    Ok(())
}

/// Algorithm and digits of the checksum that the commit gives.
fn given_checksum(attributes: &serde_json::Map<String, Value>) -> Result<(String, String), Refusal> {
    let file = attributes.get("sourceFileChecksums").map(|sums| &sums["file"]);
    let Some(file) = file.filter(|file| !file.is_null()) else {
        return Ok(Default::default());
    };
    let text = |key: &str| file[key].as_str().unwrap_or_default().to_owned();
    let (algorithm, hash) = (text("algorithm"), text("hash"));
    let length = match algorithm.as_str() {
        "MD5" => 32,
        "SHA_256" => 64,
        _ => 0,
    };
    if length == 0 || hash.len() != length || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let detail = "The attribute 'sourceFileChecksums' must have an algorithm of MD5 or SHA_256, and a hash of its length";
        return Err(Refusal::attribute("sourceFileChecksums", detail));
    }
    Ok((algorithm, hash))
}
