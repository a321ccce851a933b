//! Apps, builds, and uploads of builds: the API, and the storage that parts go to.

use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use md5::Md5;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::answer::{Refusal, answer};
use crate::asc::{Outcome, Request, created, date, found, related, required, self_link};
use crate::deliveries;
use crate::fault::Kind;
use crate::server::{Shared, locked, refusal_of};
use crate::state::{App, Build, Part, State, Upload, UploadFile};

/// Where parts are sent to.
pub(crate) const STORAGE: &str = "/storage/";

const PLATFORMS: [&str; 4] = ["IOS", "MAC_OS", "TV_OS", "VISION_OS"];

/// Answers what is about apps, builds and uploads; `None` for other paths.
pub(crate) fn route(request: &Request<'_>, state: &mut State, parts: &[&str]) -> Option<Outcome> {
    Some(match (request.method, parts) {
        ("GET", ["v1", "apps"]) => apps(request, state),
        ("GET", ["v1", "apps", id]) => app_by_id(request, state, id),
        ("GET", ["v1", "apps", id, "buildUploads"]) => uploads_of(request, state, id),
        ("GET", ["v1", "apps", id, "appStoreVersions"]) => deliveries::versions_of(request, state, id),
        ("GET", ["v1", "builds"]) => builds(request, state),
        ("POST", ["v1", "buildUploads"]) => begin(request, state),
        ("GET", ["v1", "buildUploads", id]) => upload_by_id(request, state, id),
        ("DELETE", ["v1", "buildUploads", id]) => withdraw(state, id),
        ("GET", ["v1", "buildUploads", id, "buildUploadFiles"]) => files_of(request, state, id),
        ("POST", ["v1", "buildUploadFiles"]) => reserve(request, state),
        ("GET", ["v1", "buildUploadFiles", id]) => file_by_id(request, state, id),
        ("PATCH", ["v1", "buildUploadFiles", id]) => commit(request, state, id),
        _ => return None,
    })
}

// --- apps and builds

fn app(base: &str, app: &App) -> Value {
    json!({
        "type": "apps",
        "id": app.id,
        "attributes": {"name": app.name, "bundleId": app.bundle_id},
        "links": self_link(base, "apps", &app.id),
    })
}

fn apps(request: &Request<'_>, state: &State) -> Outcome {
    request.only(&[
        "filter[bundleId]",
        "filter[id]",
        "filter[name]",
        "fields[apps]",
        "limit",
        "cursor",
        "sort",
    ])?;
    let identifiers = request.filter("bundleId")?;
    // Apple's filter matches parts.
    let fits = |app: &&App| {
        identifiers
            .as_ref()
            .is_none_or(|all| all.iter().any(|part| app.bundle_id.contains(part.as_str())))
    };
    let listed = state
        .apps
        .iter()
        .filter(fits)
        .map(|known| app(request.base, known))
        .collect();
    found(request.page(listed)?)
}

fn app_by_id(request: &Request<'_>, state: &State, id: &str) -> Outcome {
    request.only(&["fields[apps]"])?;
    let known = state
        .apps
        .iter()
        .find(|app| app.id == id)
        .ok_or_else(|| Refusal::not_found("apps", id))?;
    one(request, app(request.base, known))
}

fn one(request: &Request<'_>, resource: Value) -> Outcome {
    let link = format!("{}{}", request.base, request.path);
    Ok(answer(200, &json!({"data": resource, "links": {"self": link}})))
}

fn build(base: &str, build: &Build) -> Value {
    json!({
        "type": "builds",
        "id": build.id,
        "attributes": {
            "version": build.version,
            "processingState": build.processing_state,
            "uploadedDate": date(build.uploaded),
        },
        "links": self_link(base, "builds", &build.id),
    })
}

fn builds(request: &Request<'_>, state: &State) -> Outcome {
    request.only(&[
        "filter[app]",
        "filter[version]",
        "filter[preReleaseVersion.version]",
        "filter[preReleaseVersion.platform]",
        "filter[processingState]",
        "fields[builds]",
        "limit",
        "cursor",
        "sort",
    ])?;
    let filters = [
        request.filter("app")?,
        request.filter("version")?,
        request.filter("preReleaseVersion.version")?,
        request.filter("preReleaseVersion.platform")?,
        request.filter("processingState")?,
    ];
    let fits = |build: &&Build| {
        let own = [
            &build.app,
            &build.version,
            &build.short_version,
            &build.platform,
            &build.processing_state,
        ];
        filters
            .iter()
            .zip(own)
            .all(|(filter, own)| filter.as_ref().is_none_or(|filter| filter.contains(own)))
    };
    let listed = state
        .builds
        .iter()
        .filter(fits)
        .map(|known| build(request.base, known))
        .collect();
    found(request.page(listed)?)
}

// --- uploads

fn upload(base: &str, upload: &Upload) -> Value {
    let details = |list: &[(String, String)]| -> Value {
        list.iter()
            .map(|(code, description)| json!({"code": code, "description": description}))
            .collect()
    };
    let related = upload
        .build
        .as_ref()
        .map(|id| json!({"type": "builds", "id": id}));
    let mut resource = json!({
        "type": "buildUploads",
        "id": upload.id,
        "attributes": {
            "cfBundleShortVersionString": upload.short_version,
            "cfBundleVersion": upload.version,
            "platform": upload.platform,
            "createdDate": date(upload.created),
            "state": {
                "state": upload.state,
                "errors": details(&upload.errors),
                "warnings": details(&upload.warnings),
                "infos": [],
            },
        },
        "links": self_link(base, "buildUploads", &upload.id),
    });
    if let Some(related) = related {
        resource["relationships"] = json!({"build": {"data": related}});
    }
    resource
}

/// Every look moves the processing on.
fn look(state: &mut State, id: &str) {
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
    state.builds.push(Build {
        id: build_id,
        app: upload.app.clone(),
        version: upload.version.clone(),
        short_version: upload.short_version.clone(),
        platform: upload.platform.clone(),
        processing_state: "VALID".to_owned(),
        uploaded: now,
    });
}

fn upload_by_id(request: &Request<'_>, state: &mut State, id: &str) -> Outcome {
    request.only(&["include", "fields[buildUploads]", "fields[builds]"])?;
    look(state, id);
    let known = state.uploads.iter().find(|upload| upload.id == id);
    let known = known.ok_or_else(|| Refusal::not_found("buildUploads", id))?;
    let link = format!("{}{}", request.base, request.path);
    let mut document = json!({"data": upload(request.base, known), "links": {"self": link}});
    if request
        .value("include")
        .is_some_and(|list| list.split(',').any(|name| name == "build"))
    {
        let related = state
            .builds
            .iter()
            .filter(|build| Some(&build.id) == known.build.as_ref());
        document["included"] = related.map(|known| build(request.base, known)).collect();
    }
    Ok(answer(200, &document))
}

fn uploads_of(request: &Request<'_>, state: &mut State, id: &str) -> Outcome {
    request.only(&[
        "filter[cfBundleShortVersionString]",
        "filter[cfBundleVersion]",
        "filter[platform]",
        "filter[state]",
        "fields[buildUploads]",
        "include",
        "limit",
        "cursor",
        "sort",
    ])?;
    let filters = [
        request.filter("cfBundleShortVersionString")?,
        request.filter("cfBundleVersion")?,
        request.filter("platform")?,
        request.filter("state")?,
    ];
    let of_app: Vec<String> = state
        .uploads
        .iter()
        .filter(|upload| upload.app == id)
        .map(|upload| upload.id.clone())
        .collect();
    of_app.iter().for_each(|id| look(state, id));
    let fits = |upload: &&Upload| {
        let own = [
            &upload.short_version,
            &upload.version,
            &upload.platform,
            &upload.state,
        ];
        of_app.contains(&upload.id)
            && filters
                .iter()
                .zip(own)
                .all(|(filter, own)| filter.as_ref().is_none_or(|filter| filter.contains(own)))
    };
    let listed = state
        .uploads
        .iter()
        .filter(fits)
        .map(|known| upload(request.base, known))
        .collect();
    found(request.page(listed)?)
}

fn begin(request: &Request<'_>, state: &mut State) -> Outcome {
    let known = ["cfBundleShortVersionString", "cfBundleVersion", "platform"];
    let (attributes, relationships) = request.resource("buildUploads", &known)?;
    let short_version = required(&attributes, "cfBundleShortVersionString")?;
    let version = required(&attributes, "cfBundleVersion")?;
    let platform = required(&attributes, "platform")?;
    if !PLATFORMS.contains(&platform.as_str()) {
        let detail = format!("'{platform}' is not a valid value for the attribute 'platform'");
        return Err(Refusal::entity("ENTITY_ERROR.ATTRIBUTE.INVALID", detail));
    }
    let app = related(&relationships, "app")
        .into_iter()
        .next()
        .unwrap_or_default();
    if !state.apps.iter().any(|known| known.id == app) {
        return Err(Refusal::not_found("apps", &app));
    }
    if state.is_used(&app, &short_version, &version, &platform) {
        let detail = "The bundle version must be higher than the previously uploaded version: the value has already been used";
        return Err(Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE",
            detail,
        ));
    }
    let id = state.id();
    let begun = Upload {
        id,
        app,
        short_version,
        version,
        platform,
        state: "AWAITING_UPLOAD".to_owned(),
        errors: Vec::new(),
        warnings: Vec::new(),
        build: None,
        created: OffsetDateTime::now_utc(),
        committed: false,
        looks: 0,
    };
    let resource = upload(request.base, &begun);
    state.uploads.push(begun);
    created(resource, request.path, request.base)
}

fn withdraw(state: &mut State, id: &str) -> Outcome {
    let Some(at) = state.uploads.iter().position(|upload| upload.id == id) else {
        return Err(Refusal::not_found("buildUploads", id));
    };
    if state.uploads[at].state != "AWAITING_UPLOAD" || state.uploads[at].committed {
        let detail = "Only an upload that is not finished can be deleted";
        return Err(Refusal::entity("STATE_ERROR", detail));
    }
    state.uploads.remove(at);
    state.upload_files.retain(|file| file.upload != id);
    Ok(StatusCode::NO_CONTENT.into_response())
}

// --- files

fn file(base: &str, file: &UploadFile, with_operations: bool) -> Value {
    let mut attributes = json!({
        "assetType": "ASSET",
        "fileName": file.name,
        "fileSize": file.size,
        "uti": file.uti,
        "assetDeliveryState": {"state": file.state, "errors": file.errors.iter().map(|text| json!({"code": "CHECKSUM_MISMATCH", "description": text})).collect::<Value>(), "warnings": []},
    });
    if !file.given.1.is_empty() {
        attributes["sourceFileChecksums"] =
            json!({"file": {"algorithm": file.given.0, "hash": file.given.1}});
    }
    if with_operations {
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
    json!({
        "type": "buildUploadFiles",
        "id": file.id,
        "attributes": attributes,
        "links": self_link(base, "buildUploadFiles", &file.id),
    })
}

fn reserve(request: &Request<'_>, state: &mut State) -> Outcome {
    let known = ["assetType", "fileName", "fileSize", "uti"];
    let (attributes, relationships) = request.resource("buildUploadFiles", &known)?;
    let name = required(&attributes, "fileName")?;
    let uti = required(&attributes, "uti")?;
    if required(&attributes, "assetType")? != "ASSET"
        || !["com.apple.ipa", "com.apple.pkg"].contains(&uti.as_str())
    {
        let detail = "The sandbox takes assets that are packages";
        return Err(Refusal::entity("ENTITY_ERROR.ATTRIBUTE.INVALID", detail));
    }
    let size = attributes
        .get("fileSize")
        .and_then(Value::as_u64)
        .filter(|size| *size > 0)
        .ok_or_else(|| {
            Refusal::entity(
                "ENTITY_ERROR.ATTRIBUTE.INVALID",
                "The attribute 'fileSize' must be at least 1",
            )
        })?;
    let of = related(&relationships, "buildUpload")
        .into_iter()
        .next()
        .unwrap_or_default();
    if !state
        .uploads
        .iter()
        .any(|upload| upload.id == of && upload.state == "AWAITING_UPLOAD")
    {
        let detail = format!("There is no open resource of type 'buildUploads' with id '{of}'");
        return Err(Refusal::entity("ENTITY_ERROR.RELATIONSHIP.INVALID", detail));
    }
    let starts = (0..size).step_by(usize::try_from(state.part_size).unwrap_or(usize::MAX));
    let parts = starts.map(|offset| Part {
        offset,
        length: state.part_size.min(size - offset),
        arrived: false,
    });
    let parts = parts.collect();
    // A file that is reserved anew takes the place of the earlier one.
    state.upload_files.retain(|file| file.upload != of);
    let id = state.id();
    let reserved = UploadFile {
        upload: of,
        name,
        uti,
        size,
        parts,
        state: "AWAITING_UPLOAD".to_owned(),
        errors: Vec::new(),
        secret: (0..32).map(|_| state.dice.alphanumeric()).collect(),
        sha256: String::new(),
        given: Default::default(),
        id,
    };
    let resource = file(request.base, &reserved, true);
    state.upload_files.push(reserved);
    created(resource, request.path, request.base)
}

fn file_by_id(request: &Request<'_>, state: &State, id: &str) -> Outcome {
    request.only(&["fields[buildUploadFiles]"])?;
    let known = state.upload_files.iter().find(|file| file.id == id);
    let known = known.ok_or_else(|| Refusal::not_found("buildUploadFiles", id))?;
    one(
        request,
        file(request.base, known, shows_operations(request, known)),
    )
}

fn files_of(request: &Request<'_>, state: &State, id: &str) -> Outcome {
    request.only(&["fields[buildUploadFiles]", "limit", "cursor"])?;
    if !state.uploads.iter().any(|upload| upload.id == id) {
        return Err(Refusal::not_found("buildUploads", id));
    }
    let listed = state
        .upload_files
        .iter()
        .filter(|file| file.upload == id)
        .map(|known| file(request.base, known, shows_operations(request, known)))
        .collect();
    found(request.page(listed)?)
}

/// Whether the answer says where parts go: while there are parts to send, unless other fields were asked for.
fn shows_operations(request: &Request<'_>, file: &UploadFile) -> bool {
    file.state == "AWAITING_UPLOAD"
        && request
            .value("fields[buildUploadFiles]")
            .is_none_or(|fields| fields.split(',').any(|field| field == "uploadOperations"))
}

fn commit(request: &Request<'_>, state: &mut State, id: &str) -> Outcome {
    let (attributes, _) = request.resource("buildUploadFiles", &["uploaded", "sourceFileChecksums"])?;
    let keep = state.keep_uploads;
    let path = state.spool.path().join(id);
    let Some(known) = state.upload_files.iter_mut().find(|file| file.id == id) else {
        return Err(Refusal::not_found("buildUploadFiles", id));
    };
    if attributes.get("uploaded") != Some(&Value::Bool(true)) {
        return Err(Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.INVALID",
            "The attribute 'uploaded' must be true",
        ));
    }
    if let Some(missing) = known.parts.iter().position(|part| !part.arrived) {
        let detail = format!("Part {} was not uploaded", missing + 1);
        return Err(Refusal::entity("STATE_ERROR.PARTS_MISSING", detail));
    }
    // A second commit finds the first one's result.
    if known.state == "AWAITING_UPLOAD" {
        known.given = given_checksum(&attributes)?;
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
    let resource = file(request.base, known, false);
    if let Some(upload) = state.uploads.iter_mut().find(|upload| upload.id == of && is_well) {
        upload.committed = true;
    }
    one(request, resource)
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
        return Err(Refusal::entity("ENTITY_ERROR.ATTRIBUTE.INVALID", detail));
    }
    Ok((algorithm, hash))
}

/// SHA-256 and MD5 of a file.
fn digests(path: &std::path::Path) -> std::io::Result<(String, String)> {
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
        let part = file.and_then(|file| file.parts.get(number.wrapping_sub(1)).cloned());
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
            let file = state.upload_files.iter_mut().find(|file| file.id == id);
            if let Some(part) = file.and_then(|file| file.parts.get_mut(number - 1)) {
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
