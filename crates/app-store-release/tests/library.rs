//! Media over real connections: the App Asset Library where App Store Connect has it, classic sets where it does not.
//!
//! The server is scripted here; the shapes of its answers, and which attributes a request may have, come from Apple's
//! document of API 4.5.1 (`AppAssetLibraryImage`, `AppAssetLibraryPlacement`, `AppAssetLibraryImageUpdateRequest`): an
//! image has no checksum, a commit takes `uploaded` alone, a placement can't be changed, and lists of placements do not
//! say what they show. Classic answers are as in App Store Connect API 4.4.1.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: what fails ends the test"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use app_store_connect::{Client, Credentials, Options};
use app_store_release::{Engine, ReleaseError, desired};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// What the server has, and what it was asked.
#[derive(Default)]
struct Double {
    base: String,
    /// The status of `assetLibrary`: 200 where there is a library.
    library_status: u16,
    /// Whether localizations name `placements` among their relationships; nothing where they name none at all.
    names_placements: Option<bool>,
    locales: Vec<&'static str>,
    /// Images, videos, and classic screenshots.
    assets: Vec<Value>,
    /// Placements of each localization, in order; `shown` is what Apple does not tell in lists.
    placements: BTreeMap<String, Vec<Value>>,
    /// Why every asset that is processed fails.
    failure: Option<Value>,
    seen: Vec<String>,
    last: usize,
}

type Shared = Arc<Mutex<Double>>;

fn refused(status: u16, code: &str) -> (u16, Value) {
    let error = json!({"id": "1", "status": status.to_string(), "code": code, "title": "t", "detail": "d"});
    (status, json!({"errors": [error]}))
}

fn one(status: u16, data: Value) -> (u16, Value) {
    (status, json!({"data": data, "links": {"self": "/"}}))
}

fn list(data: Vec<Value>) -> (u16, Value) {
    let paging = json!({"paging": {"total": data.len(), "limit": 200}});
    (200, json!({"data": data, "links": {"self": "/"}, "meta": paging}))
}

impl Double {
    /// A new resource with the ID of its own, which waits for its file.
    fn reserve(&mut self, kind: &str, body: &Value) -> Value {
        self.last += 1;
        let id = format!("{kind}-{}", self.last);
        let attributes = &body["data"]["attributes"];
        let mut asset = json!({"type": kind, "id": id, "attributes": attributes});
        asset["attributes"]["uploadOperations"] = json!([{"method": "PUT", "url": format!("{}/upload/{id}", self.base),
            "offset": 0, "length": attributes["fileSize"], "requestHeaders": []}]);
        if kind == "appScreenshots" {
            asset["attributes"]["assetDeliveryState"] = json!({"state": "AWAITING_UPLOAD"});
        } else {
            asset["attributes"]["state"] = "AWAITING_UPLOAD".into();
        }
        self.assets.push(asset.clone());
        asset
    }

    fn answer(&mut self, method: &str, path: &str, query: &str, body: &Value) -> (u16, Value) {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("PUT", ["upload", _]) => (200, Value::Null),
            ("GET", ["v1", "apps"]) => {
                let version = json!({"type": "appStoreVersions", "id": "V1", "attributes": {"platform": "IOS",
                    "versionString": "1.1", "appVersionState": "PREPARE_FOR_SUBMISSION"}});
                let versions = json!({"data": [{"type": "appStoreVersions", "id": "V1"}]});
                let app = json!({"type": "apps", "id": "A1", "attributes": {"bundleId": "com.example.app",
                    "primaryLocale": "en-US"}, "relationships": {"appStoreVersions": versions}});
                (
                    200,
                    json!({"data": [app], "included": [version], "links": {"self": "/"}}),
                )
            }
            ("GET", ["v1", "apps", "A1", "assetLibrary"]) => match self.library_status {
                200 => one(200, json!({"type": "appAssetLibraries", "id": "LIB"})),
                status => refused(status, "PATH_ERROR"),
            },
            ("GET", ["v1", "appStoreVersions", "V1", "appStoreVersionLocalizations"]) => {
                let links = json!({"links": {"related": "/"}});
                let own = |locale: &&str| {
                    let mut own = json!({"type": "appStoreVersionLocalizations", "id": format!("L-{locale}"),
                        "attributes": {"locale": locale}});
                    if self.names_placements.is_some() {
                        own["relationships"] = json!({"appScreenshotSets": links, "appPreviewSets": links});
                    }
                    if self.names_placements == Some(true) {
                        own["relationships"]["placements"] = links.clone();
                    }
                    own
                };
                list(self.locales.iter().map(own).collect())
            }
            ("GET", ["v1", "appStoreVersionLocalizations", id, "placements"]) => {
                let mut own = self.placements.get(*id).cloned().unwrap_or_default();
                own.retain(|placement| {
                    query.contains(placement["attributes"]["placementType"].as_str().unwrap())
                });
                for placement in &mut own {
                    placement.as_object_mut().unwrap().remove("shown");
                }
                list(own)
            }
            ("GET", ["v1", "appAssetLibraries", "LIB", kind]) => {
                let kind = if *kind == "images" {
                    "appAssetLibraryImages"
                } else {
                    "appAssetLibraryVideos"
                };
                let mut own: Vec<Value> = self
                    .assets
                    .iter()
                    .filter(|asset| asset["type"] == kind)
                    .cloned()
                    .collect();
                for asset in &mut own {
                    let placed = self
                        .placements
                        .values()
                        .flatten()
                        .filter(|placed| placed["shown"] == asset["id"]);
                    let placed: Vec<Value> = placed
                        .map(|placed| json!({"type": "appAssetLibraryPlacements", "id": placed["id"]}))
                        .collect();
                    asset["relationships"] = json!({"placements": {"data": placed}});
                }
                list(own)
            }
            ("POST", ["v1", "appAssetLibraryPlacements"]) => {
                self.last += 1;
                let related = |name: &str| {
                    let id = body["data"]["relationships"][name]["data"]["id"].as_str();
                    id.unwrap_or_default().to_owned()
                };
                let placement = json!({"type": "appAssetLibraryPlacements", "id": format!("placement-{}", self.last),
                    "attributes": body["data"]["attributes"], "shown": related("image") + &related("video")});
                let own = self
                    .placements
                    .entry(related("appStoreVersionLocalization"))
                    .or_default();
                own.push(placement.clone());
                one(201, placement)
            }
            ("DELETE", ["v1", "appAssetLibraryPlacements", id]) => {
                for own in self.placements.values_mut() {
                    own.retain(|placement| placement["id"] != *id);
                }
                (204, Value::Null)
            }
            ("POST", ["v1", "appAssetLibraryPlacementOrderingRequests"]) => {
                let relationships = &body["data"]["relationships"];
                let order = relationships["orderedPlacements"]["data"].as_array().unwrap();
                let localization = relationships["appStoreVersionLocalization"]["data"]["id"]
                    .as_str()
                    .unwrap();
                self.placements
                    .get_mut(localization)
                    .unwrap()
                    .sort_by_key(|placement| order.iter().position(|wanted| wanted["id"] == placement["id"]));
                one(
                    201,
                    json!({"type": "appAssetLibraryPlacementOrderingRequests", "id": "O1"}),
                )
            }
            ("GET", ["v1", "appStoreVersionLocalizations", _, "appScreenshotSets"]) => {
                let ids: Vec<Value> = self
                    .assets
                    .iter()
                    .map(|shot| json!({"type": "appScreenshots", "id": shot["id"]}))
                    .collect();
                if ids.is_empty() {
                    return list(Vec::new());
                }
                let set = json!({"type": "appScreenshotSets", "id": "S1", "attributes":
                    {"screenshotDisplayType": "APP_IPHONE_67"}, "relationships": {"appScreenshots": {"data": ids}}});
                (
                    200,
                    json!({"data": [set], "included": self.assets, "links": {"self": "/"}}),
                )
            }
            ("POST", ["v1", "appScreenshotSets"]) => one(
                201,
                json!({"type": "appScreenshotSets", "id": "S1", "attributes": body["data"]["attributes"]}),
            ),
            ("POST", ["v1", kind]) => {
                let asset = self.reserve(kind, body);
                one(201, asset)
            }
            (_, ["v1", kind, id]) => {
                let Some(index) = self.assets.iter().position(|asset| asset["id"] == *id) else {
                    return refused(404, "NOT_FOUND");
                };
                if method == "DELETE" {
                    self.assets.remove(index);
                    return (204, Value::Null);
                }
                let sent = body["data"]["attributes"]
                    .as_object()
                    .cloned()
                    .unwrap_or_default();
                let attributes = &mut self.assets[index]["attributes"];
                if *kind == "appScreenshots" {
                    attributes["assetDeliveryState"] = json!({"state": "COMPLETE"});
                    attributes["sourceFileChecksum"] = sent["sourceFileChecksum"].clone();
                } else if sent.contains_key("uploaded") && sent.len() > 1 {
                    return refused(409, "ENTITY_ERROR.ATTRIBUTE.UNKNOWN");
                } else if sent.contains_key("uploaded") {
                    attributes["state"] = "UPLOAD_COMPLETE".into();
                } else if method == "PATCH" {
                    attributes.as_object_mut().unwrap().extend(sent);
                } else if attributes["state"] == "UPLOAD_COMPLETE" {
                    attributes["state"] = "PREPARE_FOR_SUBMISSION".into();
                    if let Some(details) = &self.failure {
                        attributes["state"] = "FAILED".into();
                        attributes["stateDetails"] = details.clone();
                    }
                }
                one(200, self.assets[index].clone())
            }
            _ => refused(404, "PATH_ERROR"),
        }
    }
}

async fn serve(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let (status, document) = {
        let mut double = shared.lock().unwrap();
        double.seen.push(format!("{method} {path}"));
        double.answer(method, path, parts.uri.query().unwrap_or_default(), &body)
    };
    let status = StatusCode::from_u16(status).unwrap();
    if document.is_null() {
        return status.into_response();
    }
    (
        status,
        [("content-type", "application/json")],
        document.to_string(),
    )
        .into_response()
}

struct World {
    double: Shared,
    engine: Engine,
    folder: tempfile::TempDir,
}

impl World {
    async fn new(double: Double) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let double = Double {
            base: base.clone(),
            ..double
        };
        let double: Shared = Arc::new(Mutex::new(double));
        let router = Router::new().fallback(serve).with_state(Arc::clone(&double));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let credentials = Credentials {
            key_id: "KEY1234567".to_owned(),
            issuer_id: Some("issuer".to_owned()),
            private_key: rcgen::KeyPair::generate().unwrap().serialize_pem().into(),
            enterprise: false,
        };
        let options = Options {
            base_url: Some(transport::base_url(&base).unwrap()),
            ..Options::default()
        };
        Self {
            double,
            engine: Engine::new(Client::new(credentials, options).unwrap()).unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn screenshot(&self, name: &str, mark: u8) {
        self.write(&format!("screenshots/{name}"), &png(mark));
    }

    async fn run(&self, more: Value) -> Result<(), ReleaseError> {
        self.double.lock().unwrap().seen.clear();
        let mut options =
            json!({"app_identifier": "com.example.app", "app_version": "1.1", "skip_metadata": true});
        options
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let options = serde_json::from_value(options).unwrap();
        let assembled =
            desired::assemble(&options, self.folder.path(), clock::now()).map_err(ReleaseError::Invalid)?;
        let prepared = self.engine.prepare(&assembled.release, false, false).await?;
        self.engine.apply(&assembled.release, prepared).await.map(drop)
    }

    fn count(&self, request: &str) -> usize {
        let double = self.double.lock().unwrap();
        double.seen.iter().filter(|seen| *seen == request).count()
    }

    fn writes(&self) -> usize {
        let double = self.double.lock().unwrap();
        double
            .seen
            .iter()
            .filter(|seen| !seen.starts_with("GET "))
            .count()
    }

    /// The names of what a locale shows, in order.
    fn shown(&self, locale: &str) -> Vec<String> {
        let double = self.double.lock().unwrap();
        let own = double
            .placements
            .get(&format!("L-{locale}"))
            .cloned()
            .unwrap_or_default();
        let name = |placement: &Value| {
            let asset = double
                .assets
                .iter()
                .find(|asset| asset["id"] == placement["shown"]);
            asset.unwrap()["attributes"]["fileName"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        own.iter().map(name).collect()
    }

    fn placed(&self, locale: &str) -> Value {
        self.double.lock().unwrap().placements[&format!("L-{locale}")][0]["attributes"].clone()
    }
}

/// The start of a PNG of a 6.9" screen: enough to be measured.
fn png(mark: u8) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(1290_u32.to_be_bytes());
    bytes.extend(2796_u32.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0, mark, mark, mark, mark]);
    bytes
}

/// SHA-256 by a library that the product does not use for it.
fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn library(locales: &[&'static str]) -> Double {
    Double {
        library_status: 200,
        names_placements: Some(true),
        locales: locales.to_vec(),
        ..Double::default()
    }
}

const UPLOAD: &str = "POST /v1/appAssetLibraryImages";
const PLACE: &str = "POST /v1/appAssetLibraryPlacements";
const ORDER: &str = "POST /v1/appAssetLibraryPlacementOrderingRequests";

#[tokio::test]
async fn the_same_pictures_of_many_locales_are_uploaded_once_and_placed_in_each() {
    let locales = ["de-DE", "en-US", "fr-FR"];
    let world = World::new(library(&locales)).await;
    for locale in locales {
        world.screenshot(&format!("{locale}/1.png"), 1);
        world.screenshot(&format!("{locale}/2.png"), 2);
    }
    world.run(json!({})).await.unwrap();
    assert_eq!(
        (world.count(UPLOAD), world.count(PLACE), world.count(ORDER)),
        (2, 6, 0)
    );
    for locale in locales {
        assert_eq!(world.shown(locale), ["1.png", "2.png"]);
    }
    let placed = world.placed("fr-FR");
    assert_eq!(placed["placementGroup"], "IPHONE_DYNAMIC_ISLAND_LARGE_PROFILE");
    assert_eq!(placed["placementType"], "APP_SCREENSHOT");
    let double = world.double.lock().unwrap();
    let named: Vec<&Value> = double
        .assets
        .iter()
        .map(|asset| &asset["attributes"]["referenceName"])
        .collect();
    assert!(named.contains(&&sha256(&png(1)).into()), "{named:?}");
}

#[tokio::test]
async fn a_second_run_writes_nothing_and_a_change_moves_only_what_changed() {
    let world = World::new(library(&["en-US"])).await;
    for number in 1..=3 {
        world.screenshot(&format!("en-US/{number}.png"), number);
    }
    world.run(json!({})).await.unwrap();
    world.run(json!({})).await.unwrap();
    assert_eq!(world.writes(), 0);

    // The second picture goes; the third comes first, under another name.
    let folder = world.folder.path().join("screenshots/en-US");
    std::fs::remove_file(folder.join("2.png")).unwrap();
    std::fs::rename(folder.join("3.png"), folder.join("0.png")).unwrap();
    world.run(json!({})).await.unwrap();
    assert_eq!(world.shown("en-US"), ["3.png", "1.png"]);
    assert_eq!(
        (world.count(UPLOAD), world.count(PLACE), world.count(ORDER)),
        (0, 0, 1)
    );

    // A picture that the library still has is placed again, not uploaded again.
    world.screenshot("en-US/2.png", 2);
    world.run(json!({})).await.unwrap();
    assert_eq!((world.count(UPLOAD), world.count(PLACE)), (0, 1));
    assert_eq!(world.shown("en-US"), ["3.png", "1.png", "2.png"]);
}

#[tokio::test]
async fn without_a_library_classic_sets_are_used() {
    // An API before 4.5.1, which is not even asked; one that has no such path; and stand-ins that do not serve it.
    for (status, names_placements, asked) in [
        (404, Some(false), 0),
        (404, Some(true), 1),
        (404, None, 1),
        (501, Some(true), 1),
        (405, None, 1),
    ] {
        let world = World::new(Double {
            library_status: status,
            names_placements,
            locales: vec!["en-US"],
            ..Double::default()
        })
        .await;
        world.screenshot("en-US/1.png", 1);
        world.run(json!({})).await.unwrap();
        let found = (
            world.count("GET /v1/apps/A1/assetLibrary"),
            world.count("POST /v1/appScreenshots"),
            world.count(UPLOAD),
        );
        assert_eq!(found, (asked, 1, 0), "{status} {names_placements:?}");
    }
}

#[tokio::test]
async fn a_library_that_can_not_be_asked_is_no_reason_for_classic_sets() {
    let world = World::new(Double {
        library_status: 403,
        ..library(&["en-US"])
    })
    .await;
    world.screenshot("en-US/1.png", 1);
    let error = world.run(json!({})).await.unwrap_err();
    assert!(error.to_string().contains("asset library"), "{error}");
    assert_eq!(world.writes(), 0);
}

#[tokio::test]
async fn what_apple_refuses_is_named_with_its_reason_and_is_not_placed() {
    let world = World::new(Double {
        failure: Some(json!([{"code": "IMAGE_ALPHA_NOT_ALLOWED", "description": "No alpha."}])),
        ..library(&["en-US"])
    })
    .await;
    world.screenshot("en-US/1.png", 1);
    let error = world.run(json!({})).await.unwrap_err().to_string();
    assert!(
        error.contains("1.png") && error.contains("IMAGE_ALPHA_NOT_ALLOWED"),
        "{error}"
    );
    assert_eq!(world.count(PLACE), 0);
    assert!(world.double.lock().unwrap().assets.is_empty());
}

#[tokio::test]
async fn an_upload_that_a_killed_run_left_open_is_continued() {
    let world = World::new(library(&["en-US"])).await;
    let size = png(1).len();
    {
        let mut double = world.double.lock().unwrap();
        let attributes = json!({"fileName": "1.png", "fileSize": size, "referenceName": sha256(&png(1)),
            "category": "APP_SCREENSHOTS_AND_PREVIEWS"});
        double.reserve(
            "appAssetLibraryImages",
            &json!({"data": {"attributes": attributes}}),
        );
    }
    world.screenshot("en-US/1.png", 1);
    world.run(json!({})).await.unwrap();
    assert_eq!((world.count(UPLOAD), world.count(PLACE)), (0, 1));
    assert_eq!(world.shown("en-US"), ["1.png"]);
}

#[tokio::test]
async fn previews_go_into_the_library_with_their_frame() {
    let world = World::new(library(&["en-US"])).await;
    world.write("previews/en-US/a-IPHONE_67.mp4", b"not a real video");
    let mut options = json!({"skip_screenshots": true, "app_previews_path": "previews"});
    world.run(options.clone()).await.unwrap();
    assert_eq!(world.shown("en-US"), ["a-IPHONE_67.mp4"]);
    assert_eq!(world.placed("en-US")["placementType"], "APP_PREVIEW");
    let frame = |world: &World| {
        let double = world.double.lock().unwrap();
        double.assets[0]["attributes"]["previewFrameTimeCode"].clone()
    };
    assert_eq!(frame(&world), "00:00:05:00");
    world.run(options.clone()).await.unwrap();
    assert_eq!(world.writes(), 0);
    options["preview_frame_time_code"] = "00:00:01:50".into();
    world.run(options).await.unwrap();
    assert_eq!((world.writes(), frame(&world)), (1, "00:00:01:50".into()));
}

#[tokio::test]
async fn a_screen_without_classic_sets_goes_into_the_library() {
    let world = World::new(library(&["en-US"])).await;
    let mut duo = png(1);
    duo[16..20].copy_from_slice(&2853_u32.to_be_bytes());
    duo[20..24].copy_from_slice(&2007_u32.to_be_bytes());
    world.write("screenshots/en-US/1.png", &duo);
    world.run(json!({})).await.unwrap();
    assert_eq!(world.placed("en-US")["placementGroup"], "IPHONE_DUO_PROFILE");
}
