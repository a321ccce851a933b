//! Uploads of builds, and the storage that parts of files go to.

use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use app_package::{Format, Package};
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use md5::Md5;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::date;
use crate::asc::objects::Key;
use crate::asc::rules::Change;
use crate::asc::rules::lifecycle::Effect;
use crate::fault::Kind;
use crate::server::{Shared, locked, refusal_of};
use crate::state::{Build, Part, State, Upload, UploadFile};

/// Where parts are sent to.
pub(crate) const STORAGE: &str = "/storage/";

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
    let (processing, now) = (state.processing.clone(), OffsetDateTime::now_utc());
    let build_id = state.id();
    let Some(upload) = state.uploads.iter_mut().find(|upload| upload.id == id) else {
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
        uploaded: now,
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
pub(crate) fn declared(uses_encryption: Option<bool>, minimum_os: Option<String>) -> Map<String, Value> {
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
fn declared_by(path: &std::path::Path, uti: &str) -> Map<String, Value> {
    let format = match uti {
        "com.apple.pkg" => Format::Pkg,
        _ => Format::Ipa,
    };
    let package = Package::read(path, format);
    package.map_or_else(
        |_| Map::new(),
        |package| declared(package.app.uses_encryption, package.app.minimum_os_version),
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
    let id = state.id();
    state.uploads.push(Upload {
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
    let Some(at) = state.uploads.iter().position(|upload| upload.id == id) else {
        return Err(Refusal::not_found("buildUploads", id));
    };
    if state.uploads[at].state != "AWAITING_UPLOAD" || state.uploads[at].committed {
        let detail = "Only an upload that is not finished can be deleted";
        return Err(Refusal::entity("STATE_ERROR", detail));
    }
    state.uploads.remove(at);
    state.upload_files.retain(|file| file.upload != id);
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

/// More bytes than any file that Apple takes: an app is 4 GB at most. The parts of larger files would fill the memory.
const LARGEST_FILE: u64 = 64 << 30;

/// The parts of a file.
pub(crate) fn parts(size: u64, part_size: u64) -> Vec<Part> {
    let starts = (0..size).step_by(usize::try_from(part_size.max(1)).unwrap_or(usize::MAX));
    starts
        .map(|offset| Part {
            offset,
            length: part_size.min(size - offset),
            arrived: false,
        })
        .collect()
}

/// A number of bytes: a negative one is none, and a huge one is the largest there is.
pub(crate) fn bytes(value: &Value) -> u64 {
    value
        .as_u64()
        .or(value.as_f64().map(|size| size as u64))
        .unwrap_or_default()
}

/// Refuses sizes that no file has.
pub(crate) fn check_size(draft: &Draft) -> Result<u64, Refusal> {
    let size = draft.attributes.get("fileSize").map(bytes).unwrap_or_default();
    if (1..=LARGEST_FILE).contains(&size) {
        return Ok(size);
    }
    let words = format!("The attribute 'fileSize' must be 1 to {LARGEST_FILE}");
    Err(Refusal::attribute("fileSize", words))
}

/// Reserves a file of an upload.
pub(crate) fn reserve(change: &mut Change<'_>, draft: &Draft) -> Result<Key, Refusal> {
    let uti = draft.text("uti").to_owned();
    if draft.text("assetType") != "ASSET" || !["com.apple.ipa", "com.apple.pkg"].contains(&uti.as_str()) {
        let detail = "The sandbox takes assets that are packages";
        return Err(Refusal::attribute("assetType", detail));
    }
    let size = check_size(draft)?;
    let of = draft.one("buildUpload").to_owned();
    let state = &mut *change.state;
    let is_open = |upload: &Upload| upload.id == of && upload.state == "AWAITING_UPLOAD";
    if !state.uploads.iter().any(is_open) {
        let detail = format!("There is no open resource of type 'buildUploads' with id '{of}'");
        return Err(Refusal::relationship("buildUpload", detail));
    }
    // A file that is reserved anew takes the place of the earlier one.
    state.upload_files.retain(|file| file.upload != of);
    let id = state.id();
    let reserved = UploadFile {
        upload: of,
        name: draft.text("fileName").to_owned(),
        uti,
        size,
        parts: parts(size, state.part_size),
        state: "AWAITING_UPLOAD".to_owned(),
        errors: Vec::new(),
        secret: state.secret(),
        sha256: String::new(),
        given: Default::default(),
        id: id.clone(),
    };
    state.upload_files.push(reserved);
    Ok(Key::new("buildUploadFiles", &id))
}

/// Takes a file as sent.
pub(crate) fn commit(change: &mut Change<'_>, draft: &Draft) -> Result<(), Refusal> {
    let id = &draft.id;
    let keep = change.state.keep_uploads;
    let path = change.state.spool.path().join(id);
    let Some(known) = change.state.upload_files.iter_mut().find(|file| file.id == *id) else {
        return Err(Refusal::not_found("buildUploadFiles", id));
    };
    if draft.attributes.get("uploaded") != Some(&Value::Bool(true)) {
        return Err(Refusal::attribute(
            "uploaded",
            "The attribute 'uploaded' must be true",
        ));
    }
    if let Some(missing) = known.parts.iter().position(|part| !part.arrived) {
        let detail = format!("Part {} was not uploaded", missing + 1);
        return Err(Refusal::entity("STATE_ERROR.PARTS_MISSING", detail));
    }
    // A second commit finds the first one's result.
    if known.state == "AWAITING_UPLOAD" {
        known.given = given_checksum(&draft.attributes)?;
        known.state = "UPLOAD_COMPLETE".to_owned();
        if keep {
            let (sha256, md5) = digests(&path).unwrap_or_default();
            let own = if known.given.0 == "MD5" { &md5 } else { &sha256 };
            if !known.given.1.is_empty() && !known.given.1.eq_ignore_ascii_case(own) {
                known.state = "FAILED".to_owned();
                known
                    .errors
                    .push("The checksum of the file is not the one that was given".to_owned());
            }
            known.sha256 = sha256;
        }
    }
    let (of, is_well) = (known.upload.clone(), known.state != "FAILED");
    let declared = if keep {
        declared_by(&path, &known.uti)
    } else {
        Map::new()
    };
    let mut uploads = change.state.uploads.iter_mut();
    if let Some(upload) = uploads.find(|upload| upload.id == of && is_well) {
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

/// SHA-256 and MD5 of some bytes.
pub(crate) fn digests_of(content: &[u8]) -> (String, String) {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    (hex(&Sha256::digest(content)), hex(&Md5::digest(content)))
}

/// SHA-256 and MD5 of a file.
pub(crate) fn digests(path: &std::path::Path) -> std::io::Result<(String, String)> {
    use std::io::Read as _;
    let mut file = std::fs::File::open(path)?;
    let (mut sha256, mut md5, mut chunk) = (Sha256::new(), Md5::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            read => {
                sha256.update(&chunk[..read]);
                md5.update(&chunk[..read]);
            }
        }
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((hex(&sha256.finalize()), hex(&md5.finalize())))
}

// --- the storage

/// Takes a part, as it comes. It does not know tokens: the URL is the permission.
pub(crate) async fn store(head: &Parts, body: Body, faults: &[Kind], state: &Shared) -> Response {
    for fault in faults {
        if let Kind::Latency { milliseconds } = fault {
            tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
        }
    }
    if let Some(refused) = faults.iter().find_map(refusal_of) {
        // The answer must not overtake a client that is still sending.
        let _ = drained(body).await;
        return refused;
    }
    let (id, number) = place(head.uri.path());
    let signature = head
        .uri
        .query()
        .unwrap_or_default()
        .strip_prefix("signature=")
        .unwrap_or_default();
    let known = {
        let state = locked(state);
        let file = state
            .upload_files
            .iter()
            .find(|file| file.id == id && file.secret == signature);
        let asset = state.assets.get(&id).filter(|asset| asset.secret == signature);
        let parts = file.map(|file| &file.parts).or(asset.map(|asset| &asset.parts));
        let part = parts.and_then(|parts| parts.get(number.wrapping_sub(1)).cloned());
        part.map(|part| (part, state.keep_uploads.then(|| state.spool.path().join(&id))))
    };
    let Some((part, path)) = known.filter(|_| head.method == "PUT") else {
        let _ = drained(body).await;
        return StatusCode::FORBIDDEN.into_response();
    };
    let has_token = head.headers.contains_key(header::AUTHORIZATION);
    let length = head
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if has_token || length != Some(part.length) {
        let _ = drained(body).await;
        return StatusCode::BAD_REQUEST.into_response();
    }
    let rate = faults.iter().find_map(|fault| match fault {
        Kind::Slow { bytes_per_second } => Some(*bytes_per_second),
        _ => None,
    });
    let breaks = faults.contains(&Kind::Reset);
    match written(body, path.as_deref(), &part, rate, breaks).await {
        Ok(()) => {
            let mut state = locked(state);
            let state = &mut *state;
            let file = state.upload_files.iter_mut().find(|file| file.id == id);
            let asset = state.assets.get_mut(&id).map(|asset| &mut asset.parts);
            let parts = file.map(|file| &mut file.parts).or(asset);
            if let Some(part) = parts.and_then(|parts| parts.get_mut(number - 1)) {
                part.arrived = true;
            }
            StatusCode::OK.into_response()
        }
        Err(_) => {
            // A body that ends in an error closes the connection under the client's hands.
            let broken = futures_util::stream::iter([Err::<bytes::Bytes, _>(std::io::Error::other(
                "broken on purpose",
            ))]);
            Response::new(Body::from_stream(broken))
        }
    }
}

/// The file's ID and the part's number.
fn place(path: &str) -> (String, usize) {
    let rest = path.trim_start_matches(STORAGE);
    let (id, number) = rest.split_once('/').unwrap_or((rest, ""));
    (id.to_owned(), number.parse().unwrap_or_default())
}

async fn drained(body: Body) -> u64 {
    let mut stream = body.into_data_stream();
    let mut count = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        count += chunk.len() as u64;
    }
    count
}

async fn written(
    body: Body,
    path: Option<&std::path::Path>,
    part: &Part,
    rate: Option<u64>,
    breaks: bool,
) -> std::io::Result<()> {
    let file = match path {
        Some(path) => Some(
            std::fs::OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(path)?,
        ),
        None => None,
    };
    let mut stream = body.into_data_stream();
    let mut at = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(std::io::Error::other)?;
        if breaks && at + chunk.len() as u64 > part.length / 2 {
            return Err(std::io::Error::other("broken on purpose"));
        }
        if let Some(file) = &file {
            file.write_all_at(&chunk, part.offset + at)?;
        }
        at += chunk.len() as u64;
        if let Some(rate) = rate {
            tokio::time::sleep(Duration::from_millis(chunk.len() as u64 * 1000 / rate.max(1))).await;
        }
    }
    if at == part.length {
        Ok(())
    } else {
        Err(std::io::Error::other("the part is not whole"))
    }
}
