//! What an upload makes of App Store Connect's answers: lost, late, old, and contradictory ones, over real connections.
//!
//! The documents have the shape of Apple's App Store Connect API 4.4.1 (`BuildUpload`, `BuildUploadFile`, `Build`); the
//! states are those that EAS and other clients meet (expo/eas-cli at 790231ea1, `AscApiClient.ts`).
//!
//! Behaviors that these tests hold:
//!
//! 1. A record that was there before the upload proves nothing; a new one counts with this file's checksum.
//! 2. Only what is surely not committed is withdrawn.
//! 3. A part is sent until it arrives, and no more often.
//! 4. No state but Apple's words for a complete file or build counts as done.
//! 5. A commit whose answer was lost is looked up, and repeated only if it did nothing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: what fails ends the test"
)]

use apple_types::StorePlatform;
use std::collections::{HashMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app_store_connect::{Client, Credentials, Options};
use build_upload::{
    Followed, Name, Package, Sent, Until, UploadError, Uploaded, Uploader, Used, Watch, Withdrawn, follow,
    withdraw,
};
use serde_json::{Value, json};
use time::OffsetDateTime;
use transport::{Journal, Policy, Transfer};

/// MD5 and SHA-256 of `abc`, by md5sum and sha256sum.
const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";
const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// How a request is answered.
#[derive(Clone)]
enum Answer {
    /// With a status and a document.
    Document(u16, Value),
    /// The connection closes without an answer.
    Lost,
    /// The answer breaks off.
    Truncated,
}

fn ok(document: Value) -> Answer {
    Answer::Document(200, document)
}

fn refused(status: u16, code: &str) -> Answer {
    let error = json!({"id": "1b", "status": status.to_string(), "code": code, "title": "t", "detail": "d"});
    Answer::Document(status, json!({"errors": [error]}))
}

/// The answers to each request, in order; the last one stays.
type Script = HashMap<String, VecDeque<Answer>>;

struct Server {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answers: &[(&str, Vec<Answer>)]) -> Self {
        let script: Script = answers
            .iter()
            .map(|(request, answers)| ((*request).to_owned(), answers.iter().cloned().collect()))
            .collect();
        let script = Arc::new(Mutex::new(script));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, base) = (Arc::clone(&seen), url.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, log, base) = (Arc::clone(&script), Arc::clone(&log), base.clone());
                std::thread::spawn(move || serve(stream, &script, &log, &base));
            }
        });
        Self { url, seen }
    }

    fn client(&self) -> Client {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let credentials = Credentials {
            key_id: "KEY1234567".to_owned(),
            issuer_id: Some("issuer".to_owned()),
            private_key: key.into(),
            enterprise: false,
        };
        let options = Options {
            base_url: Some(transport::base_url(&self.url).unwrap()),
            policy: Policy {
                attempts: 1,
                ..Policy::default()
            },
            ..Options::default()
        };
        Client::new(credentials, options).unwrap()
    }

    /// How often a request came.
    fn count(&self, request: &str) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|seen| *seen == request).count()
    }
}

fn serve(mut stream: TcpStream, script: &Mutex<Script>, log: &Mutex<Vec<String>>, base: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line.trim().is_empty() {
            break;
        }
        head.push(line);
    }
    let length = head.iter().find_map(|line| {
        let lower = line.to_lowercase();
        lower.strip_prefix("content-length:")?.trim().parse().ok()
    });
    let _ = reader.read_exact(&mut vec![0; length.unwrap_or(0)]);
    let mut words = head[0].split([' ', '?']);
    let request = format!("{} {}", words.next().unwrap(), words.next().unwrap());
    log.lock().unwrap().push(request.clone());
    let answer = {
        let mut script = script.lock().unwrap();
        match script.get_mut(&request) {
            Some(answers) if answers.len() > 1 => answers.pop_front(),
            Some(answers) => answers.front().cloned(),
            None => None,
        }
    };
    let (status, document) = match answer.unwrap_or_else(|| refused(404, "NOT_FOUND")) {
        Answer::Document(status, document) => (status, document),
        Answer::Lost => return drop(stream.shutdown(Shutdown::Both)),
        Answer::Truncated => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"data\":");
            return;
        }
    };
    let body = match document {
        Value::Null => String::new(),
        document => document.to_string().replace("BASE", base),
    };
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

fn upload_document(id: &str, state: &str, created: &str) -> Value {
    json!({
        "type": "buildUploads",
        "id": id,
        "attributes": {
            "cfBundleShortVersionString": "1.2",
            "cfBundleVersion": "7",
            "createdDate": created,
            "platform": "IOS",
            "state": {"state": state, "errors": [], "warnings": [], "infos": []},
            "uploadedDate": created,
        },
        "relationships": {"build": {"data": null}},
        "links": {"self": "BASE/v1/buildUploads/x"},
    })
}

fn file_document(state: &str, algorithm: &str, hash: &str) -> Value {
    json!({
        "type": "buildUploadFiles",
        "id": "F1",
        "attributes": {
            "assetDeliveryState": {"state": state, "errors": [], "warnings": []},
            "assetType": "ASSET",
            "fileName": "App.ipa",
            "fileSize": 3,
            "sourceFileChecksums": {"file": {"hash": hash, "algorithm": algorithm}},
            "uploadOperations": [{"method": "PUT", "url": "BASE/storage", "length": 3, "offset": 0, "partNumber": 1, "requestHeaders": []}],
            "uti": "com.apple.ipa",
        },
    })
}

fn build_document(id: &str, state: &str, uploaded: &str) -> Value {
    json!({
        "type": "builds",
        "id": id,
        "attributes": {"version": "7", "processingState": state, "uploadedDate": uploaded},
    })
}

fn one(resource: Value) -> Answer {
    ok(json!({"data": resource, "links": {"self": "BASE"}}))
}

fn many(resources: &[Value]) -> Answer {
    ok(
        json!({"data": resources, "links": {"self": "BASE"}, "meta": {"paging": {"total": resources.len(), "limit": 50}}}),
    )
}

const LIST: &str = "GET /v1/apps/A1/buildUploads";
const BUILDS: &str = "GET /v1/builds";
const BEGIN: &str = "POST /v1/buildUploads";
const UPLOAD: &str = "GET /v1/buildUploads/U1";
const FILES: &str = "GET /v1/buildUploads/U1/buildUploadFiles";
const RESERVE: &str = "POST /v1/buildUploadFiles";
const SEND: &str = "PUT /storage";
const COMMIT: &str = "PATCH /v1/buildUploadFiles/F1";
const FILE: &str = "GET /v1/buildUploadFiles/F1";
const DELETE: &str = "DELETE /v1/buildUploads/U1";

const OLD: &str = "2026-01-02T03:04:05Z";

fn now() -> String {
    let format = time::format_description::well_known::Rfc3339;
    clock::now().format(&format).unwrap()
}

/// A file with the content `abc`.
fn package() -> (tempfile::NamedTempFile, Package) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "abc").unwrap();
    let package = Package {
        path: file.path().to_owned(),
        name: "App.ipa".to_owned(),
        size: 3,
        uti: "com.apple.ipa",
        app: "A1".to_owned(),
        short_version: "1.2".to_owned(),
        version: "7".to_owned(),
        platform: StorePlatform::Ios,
    };
    (file, package)
}

fn watch(server: &Server, path: PathBuf, started: OffsetDateTime) -> Watch {
    let name = Name {
        app: "A1".to_owned(),
        short_version: "1.2".to_owned(),
        version: "7".to_owned(),
        platform: StorePlatform::Ios,
    };
    Watch::since(server.client(), name, path, started)
}

async fn upload(server: &Server) -> Result<Sent, UploadError> {
    let (_file, package) = package();
    let uploader = Uploader::new(server.client(), Transfer::new(Journal::default()).unwrap());
    uploader.upload(&package).await
}

/// A script in which everything goes well, with changes.
fn script(changes: Vec<(&'static str, Vec<Answer>)>) -> Server {
    let mut answers = vec![
        (LIST, vec![many(&[])]),
        (BUILDS, vec![many(&[])]),
        (BEGIN, vec![one(upload_document("U1", "AWAITING_UPLOAD", OLD))]),
        (UPLOAD, vec![one(upload_document("U1", "AWAITING_UPLOAD", OLD))]),
        (RESERVE, vec![one(file_document("AWAITING_UPLOAD", "", ""))]),
        (FILES, vec![many(&[file_document("AWAITING_UPLOAD", "", "")])]),
        (SEND, vec![ok(Value::Null)]),
        (
            COMMIT,
            vec![one(file_document("UPLOAD_COMPLETE", "SHA_256", SHA256))],
        ),
        (
            FILE,
            vec![one(file_document("UPLOAD_COMPLETE", "SHA_256", SHA256))],
        ),
        (DELETE, vec![Answer::Document(204, Value::Null)]),
    ];
    answers.retain(|(request, _)| !changes.iter().any(|(changed, _)| changed == request));
    answers.extend(changes);
    Server::new(&answers)
}

// --- settle: requests whose answer was lost

#[tokio::test]
async fn a_commit_that_took_effect_is_found_and_not_repeated() {
    for lost in [Answer::Lost, Answer::Truncated, refused(500, "UNEXPECTED_ERROR")] {
        let server = script(vec![(COMMIT, vec![lost])]);
        let sent = upload(&server).await.unwrap();
        assert!(
            matches!(sent, Sent::Now(Uploaded { ref id, .. }) if id == "U1"),
            "{sent:?}"
        );
        assert_eq!(
            (server.count(COMMIT), server.count(FILE), server.count(DELETE)),
            (1, 1, 0)
        );
    }
}

#[tokio::test]
async fn a_commit_that_did_nothing_is_repeated() {
    let waiting = one(file_document("AWAITING_UPLOAD", "", ""));
    let server = script(vec![
        (COMMIT, vec![Answer::Lost, one(file_document("COMPLETE", "", ""))]),
        (FILE, vec![waiting]),
    ]);
    upload(&server).await.unwrap();
    assert_eq!((server.count(COMMIT), server.count(DELETE)), (2, 0));
}

#[tokio::test]
async fn a_commit_that_nobody_can_tell_about_is_not_withdrawn() {
    let server = script(vec![
        (COMMIT, vec![Answer::Lost]),
        (FILE, vec![refused(500, "UNEXPECTED_ERROR")]),
    ]);
    let error = upload(&server).await.unwrap_err();
    assert!(matches!(error, UploadError::Unsettled { .. }), "{error}");
    assert_eq!(server.count(DELETE), 0);
}

#[tokio::test]
async fn a_lost_reservation_is_found_by_its_upload() {
    let server = script(vec![(RESERVE, vec![Answer::Lost])]);
    upload(&server).await.unwrap();
    assert_eq!(
        (server.count(RESERVE), server.count(FILES), server.count(SEND)),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn a_lost_beginning_is_found_by_its_name() {
    let begun = upload_document("U1", "AWAITING_UPLOAD", &now());
    let server = script(vec![
        (BEGIN, vec![Answer::Lost]),
        (LIST, vec![many(&[begun])]),
        (FILES, vec![many(&[])]),
    ]);
    upload(&server).await.unwrap();
    assert_eq!(
        (server.count(BEGIN), server.count(DELETE), server.count(COMMIT)),
        (1, 0, 1)
    );
}

#[tokio::test]
async fn a_refusal_is_final_and_leaves_nothing_reserved() {
    for (request, code) in [
        (RESERVE, "ENTITY_ERROR"),
        (COMMIT, "STATE_ERROR.VALIDATION_ERROR.90186"),
    ] {
        let server = script(vec![(request, vec![refused(422, code)])]);
        let error = upload(&server).await.unwrap_err();
        assert!(matches!(error, UploadError::Api { .. }), "{error}");
        assert_eq!((server.count(request), server.count(DELETE)), (1, 1));
    }
}

#[tokio::test]
async fn only_what_is_surely_not_committed_is_withdrawn() {
    let committed = many(&[file_document("UPLOAD_COMPLETE", "", "")]);
    let server = script(vec![(FILES, vec![committed])]);
    assert_eq!(withdraw(&server.client(), "U1").await, Withdrawn::Kept);
    assert_eq!(server.count(DELETE), 0);

    let server = script(vec![
        (DELETE, vec![Answer::Lost]),
        (UPLOAD, vec![refused(404, "NOT_FOUND")]),
    ]);
    assert_eq!(withdraw(&server.client(), "U1").await, Withdrawn::Gone);
    assert_eq!(server.count(DELETE), 1);

    let taken_over = one(upload_document("U1", "PROCESSING", OLD));
    let server = script(vec![
        (DELETE, vec![refused(409, "STATE_ERROR")]),
        (UPLOAD, vec![taken_over]),
    ]);
    assert_eq!(withdraw(&server.client(), "U1").await, Withdrawn::Kept);
}

/// What a run says of an upload is what App Store Connect answered, not what the run asked for.
#[tokio::test]
async fn an_upload_that_is_gone_already_was_not_withdrawn_by_this_run() {
    for (case, delete, upload, expected) in [
        ("gone", vec![refused(404, "NOT_FOUND")], None, Withdrawn::Missing),
        (
            "gone while it is asked for",
            vec![refused(409, "STATE_ERROR")],
            Some(refused(404, "NOT_FOUND")),
            Withdrawn::Missing,
        ),
        (
            "the answer was lost, and it is gone",
            vec![Answer::Lost, refused(404, "NOT_FOUND")],
            None,
            Withdrawn::Gone,
        ),
        (
            "Apple failed, and it is gone",
            vec![refused(500, "UNEXPECTED_ERROR"), refused(404, "NOT_FOUND")],
            None,
            Withdrawn::Gone,
        ),
        (
            "refused by Apple",
            vec![refused(409, "STATE_ERROR")],
            Some(one(upload_document("U1", "FAILED", OLD))),
            Withdrawn::Failed,
        ),
    ] {
        let awaiting = one(upload_document("U1", "AWAITING_UPLOAD", OLD));
        let server = script(vec![(DELETE, delete), (UPLOAD, vec![upload.unwrap_or(awaiting)])]);
        assert_eq!(withdraw(&server.client(), "U1").await, expected, "{case}");
    }
}

#[tokio::test]
async fn an_upload_that_vanishes_while_it_is_sent_is_named_and_not_withdrawn_again() {
    for request in [RESERVE, COMMIT] {
        let gone = || vec![refused(404, "NOT_FOUND")];
        let server = script(vec![(request, gone()), (UPLOAD, gone())]);
        let error = upload(&server).await.unwrap_err();
        assert!(
            matches!(&error, UploadError::Vanished(id) if id == "U1"),
            "{request}: {error}"
        );
        assert_eq!((server.count(request), server.count(DELETE)), (1, 0), "{request}");
        // What is there is not gone, whatever else App Store Connect does not know.
        let server = script(vec![(request, gone())]);
        let error = upload(&server).await.unwrap_err();
        assert!(matches!(error, UploadError::Api { .. }), "{request}: {error}");
        assert_eq!(server.count(DELETE), 1, "{request}");
    }
}

#[tokio::test]
async fn a_part_is_sent_again_until_it_arrives() {
    let server = script(vec![(
        SEND,
        vec![Answer::Lost, refused(503, "x"), ok(Value::Null)],
    )]);
    upload(&server).await.unwrap();
    assert_eq!((server.count(SEND), server.count(COMMIT)), (3, 1));
}

#[tokio::test]
async fn a_reserved_upload_is_continued_while_it_waits_for_its_file() {
    let (_file, package) = package();
    let told: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let uploader = |server: &Server| {
        let told = Arc::clone(&told);
        Uploader::new(server.client(), Transfer::new(Journal::default()).unwrap())
            .continuing("U1".to_owned())
            .observed(move |id| told.lock().unwrap().push(id.map(str::to_owned)))
    };
    let server = script(vec![]);
    uploader(&server).upload(&package).await.unwrap();
    assert_eq!(
        (server.count(BEGIN), server.count(RESERVE), server.count(COMMIT)),
        (0, 0, 1)
    );
    assert_eq!(*told.lock().unwrap(), [Some("U1".to_owned()), None]);
    // One that is gone is begun again.
    let server = script(vec![
        (UPLOAD, vec![refused(404, "NOT_FOUND")]),
        (BEGIN, vec![one(upload_document("U2", "AWAITING_UPLOAD", OLD))]),
    ]);
    uploader(&server).upload(&package).await.unwrap();
    assert_eq!(
        (server.count(BEGIN), server.count(RESERVE), server.count(COMMIT)),
        (1, 1, 1)
    );
}

// --- record: what is there under the build's name

#[tokio::test]
async fn a_record_that_was_there_before_proves_nothing() {
    let (file, _) = package();
    let old = upload_document("U1", "COMPLETE", OLD);
    let old_file = file_document("COMPLETE", "SHA_256", SHA256);
    let server = Server::new(&[
        (LIST, vec![many(&[old])]),
        (BUILDS, vec![many(&[])]),
        (FILES, vec![many(&[old_file])]),
    ]);
    let started = clock::now();
    let mut seen = watch(&server, file.path().to_owned(), started);
    seen.look().await.unwrap();
    assert_eq!(seen.arrived(Duration::ZERO).await.unwrap(), None);
    // By its date as well, where nobody looked before.
    let dated = watch(&server, file.path().to_owned(), started);
    assert_eq!(dated.arrived(Duration::ZERO).await.unwrap(), None);
    // The same file uses the build number all the same.
    assert!(
        matches!(seen.used().await.unwrap(), Some(Used::ByThisFile(Followed { state, .. })) if state == "COMPLETE")
    );
}

#[tokio::test]
async fn a_new_record_counts_with_this_files_checksum() {
    let (file, _) = package();
    for (algorithm, hash, arrives) in [
        ("MD5", MD5.to_uppercase(), true),
        ("SHA_256", SHA256.to_owned(), true),
        ("SHA_256", SHA256.replace('b', "c"), false),
        ("MD5", MD5.replace('9', "8"), false),
        // Apple gave none: being new is all there is.
        ("", String::new(), true),
        ("SHA_512", "00".to_owned(), true),
    ] {
        let server = Server::new(&[
            (LIST, vec![many(&[upload_document("U1", "PROCESSING", &now())])]),
            (BUILDS, vec![many(&[])]),
            (FILES, vec![many(&[file_document("COMPLETE", algorithm, &hash)])]),
        ]);
        let started = clock::now() - time::Duration::seconds(5);
        let watch = watch(&server, file.path().to_owned(), started);
        let found = watch.arrived(Duration::ZERO).await.unwrap();
        assert_eq!(found.is_some(), arrives, "{algorithm} {hash}");
    }
}

/// The clocks of Apple and of this machine differ: a record from shortly before the start counts by its checksum alone.
#[tokio::test]
async fn a_record_of_a_doubtful_date_needs_the_checksum() {
    let (file, _) = package();
    for (hash, seconds, arrives) in [(SHA256, 60, true), ("", 60, false), (SHA256, 3600, false)] {
        let server = Server::new(&[
            (LIST, vec![many(&[upload_document("U1", "PROCESSING", &now())])]),
            (BUILDS, vec![many(&[])]),
            (FILES, vec![many(&[file_document("COMPLETE", "SHA_256", hash)])]),
        ]);
        let started = clock::now() + time::Duration::seconds(seconds);
        let watch = watch(&server, file.path().to_owned(), started);
        let found = watch.arrived(Duration::ZERO).await.unwrap();
        assert_eq!(found.is_some(), arrives, "{hash} {seconds}");
    }
}

#[tokio::test]
async fn an_upload_without_its_file_has_not_arrived() {
    let (file, _) = package();
    let server = Server::new(&[
        (
            LIST,
            vec![many(&[upload_document("U1", "AWAITING_UPLOAD", &now())])],
        ),
        (BUILDS, vec![many(&[])]),
        (FILES, vec![many(&[file_document("AWAITING_UPLOAD", "", "")])]),
    ]);
    let watch = watch(
        &server,
        file.path().to_owned(),
        clock::now() - time::Duration::HOUR,
    );
    assert_eq!(watch.arrived(Duration::ZERO).await.unwrap(), None);
}

#[tokio::test]
async fn a_build_shows_earlier_than_its_upload_and_its_failure_is_a_refusal() {
    let (file, _) = package();
    for (state, expected) in [
        ("PROCESSING", Some("PROCESSING")),
        ("VALID", Some("COMPLETE")),
        ("INVALID", None),
    ] {
        let server = Server::new(&[
            (LIST, vec![many(&[])]),
            (BUILDS, vec![many(&[build_document("B1", state, &now())])]),
        ]);
        let watch = watch(
            &server,
            file.path().to_owned(),
            clock::now() - time::Duration::HOUR,
        );
        let found = watch.arrived(Duration::ZERO).await;
        match expected {
            Some(expected) => assert_eq!(found.unwrap().unwrap().state, expected),
            None => assert!(matches!(found, Err(UploadError::Refused(_)))),
        }
    }
}

#[tokio::test]
async fn a_failed_upload_does_not_use_its_build_number_and_a_build_does() {
    let (file, _) = package();
    for (uploads, builds, expected) in [
        (vec![upload_document("U1", "FAILED", OLD)], vec![], false),
        (vec![], vec![build_document("B1", "INVALID", OLD)], false),
        (vec![], vec![build_document("B1", "VALID", OLD)], true),
        (vec![upload_document("U1", "PROCESSING", OLD)], vec![], true),
    ] {
        let other = file_document("COMPLETE", "SHA_256", &SHA256.replace('b', "c"));
        let server = Server::new(&[
            (LIST, vec![many(&uploads)]),
            (BUILDS, vec![many(&builds)]),
            (FILES, vec![many(&[other])]),
        ]);
        let mut watch = watch(&server, file.path().to_owned(), clock::now());
        watch.look().await.unwrap();
        let used = watch.used().await.unwrap();
        assert_eq!(matches!(used, Some(Used::ByAnother { .. })), expected, "{used:?}");
    }
}

#[tokio::test]
async fn following_ends_with_apples_reasons() {
    let mut failed = upload_document("U1", "FAILED", OLD);
    failed["attributes"]["state"]["errors"] =
        json!([{"code": "90683", "description": "Missing purpose string"}]);
    let server = Server::new(&[(
        UPLOAD,
        vec![one(upload_document("U1", "PROCESSING", OLD)), one(failed)],
    )]);
    let uploaded = Uploaded {
        id: "U1".to_owned(),
        file: String::new(),
    };
    let mut states = Vec::new();
    let error = follow(
        &server.client(),
        &uploaded,
        Until::Processed,
        Duration::from_secs(30),
        |state| {
            states.push(state.to_owned());
        },
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("Missing purpose string"), "{error}");
    assert_eq!(states, ["PROCESSING"]);
}
