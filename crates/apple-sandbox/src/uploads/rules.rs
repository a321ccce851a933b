//! What clients and time do to uploads.

use app_package::{Format, Package};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{Upload, UploadFile, Uploads, declare};
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::date;
use crate::asc::objects::Key;
use crate::asc::rules::Change;
use crate::asc::rules::lifecycle::Effect;
use crate::state::{Build, State};
use crate::storage::{self, Part};

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
        // Not when Apple was done with it.
        uploaded: upload.created,
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

/// What the package in a file says; nothing where it can't be read.
fn declare_from_package(path: &std::path::Path, uti: &str) -> Map<String, Value> {
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
                "url": storage::url(base, &file.id, number + 1, &file.secret),
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
        declare_from_package(&path, &known.uti)
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
