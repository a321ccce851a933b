//! A scripted store: what it has, what it answers, and a release against it.

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
pub(crate) struct Double {
    pub(crate) base: String,
    /// The status of `assetLibrary`: 200 where there is a library.
    pub(crate) library_status: u16,
    /// Whether localizations name `placements` among their relationships; nothing where they name none at all.
    pub(crate) names_placements: Option<bool>,
    pub(crate) locales: Vec<&'static str>,
    /// Images, videos, and classic screenshots.
    pub(crate) assets: Vec<Value>,
    /// Placements of each localization, in order; `shown` is what Apple does not tell in lists.
    pub(crate) placements: BTreeMap<String, Vec<Value>>,
    /// Why every asset that is processed fails.
    pub(crate) failure: Option<Value>,
    /// A live version 1.0 alone, whose media in `L0-…` are copied into a new version after so many looks at it.
    pub(crate) copied_after: Option<u32>,
    pub(crate) is_created: bool,
    /// Numbers of versions that were replaced; with any, the app's answer does not list all versions.
    pub(crate) replaced: Vec<&'static str>,
    /// What another run does when a placement is asked for the first time: places the same, and perhaps the last that fits.
    pub(crate) twin: Option<Twin>,
    /// How many placements an image names at most.
    pub(crate) named_placements: Option<usize>,
    /// Looks at the builds until build 7 of version 1.1 is listed.
    pub(crate) listed_after: usize,
    /// A newer build, which Apple refused.
    pub(crate) refused_build: Option<&'static str>,
    /// The state of its upload, and how many hours ago it arrived.
    pub(crate) uploaded: Option<(&'static str, i64)>,
    /// How Apple spells the time zone of dates, where not as `Z`.
    pub(crate) zone: Option<&'static str>,
    pub(crate) seen: Vec<String>,
    pub(crate) last: usize,
}

/// Another run, which is a moment ahead.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Twin {
    /// Both placements are accepted.
    Accepted,
    /// The later one does not fit any more.
    LeavesNoRoom,
}

pub(crate) type Shared = Arc<Mutex<Double>>;

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
    pub(crate) fn reserve(&mut self, kind: &str, body: &Value) -> Value {
        self.last += 1;
        let id = format!("{kind}-{}", self.last);
        let attributes = &body["data"]["attributes"];
        let set = &body["data"]["relationships"]["appScreenshotSet"]["data"]["id"];
        let mut asset = json!({"type": kind, "id": id, "attributes": attributes, "set": set});
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

    fn versions(&self) -> Vec<Value> {
        let version = |id: &str, number: &str, state: &str| {
            json!({"type": "appStoreVersions", "id": id, "attributes": {"platform": "IOS", "versionString": number,
                "appVersionState": state}})
        };
        let mut all: Vec<Value> = self
            .replaced
            .iter()
            .map(|number| version(&format!("V-{number}"), number, "REPLACED_WITH_NEW_VERSION"))
            .collect();
        if self.copied_after.is_some() || self.is_created {
            all.push(version("V0", "1.0", "READY_FOR_DISTRIBUTION"));
        }
        if self.copied_after.is_none() {
            all.push(version("V1", "1.1", "PREPARE_FOR_SUBMISSION"));
        }
        all
    }

    /// Apple's copies of the media of the version before, in front of what is there.
    fn copy(&mut self) {
        for locale in self.locales.clone() {
            let (from, to) = (format!("L0-{locale}"), format!("L-{locale}"));
            let mut copies = self.placements.get(&from).cloned().unwrap_or_default();
            for copy in &mut copies {
                self.last += 1;
                copy["id"] = format!("placement-{}", self.last).into();
            }
            let own = self.placements.entry(to.clone()).or_default();
            copies.append(own);
            *own = copies;
            let mut copies: Vec<Value> = self
                .assets
                .iter()
                .filter(|asset| asset["set"] == format!("S-{from}"))
                .cloned()
                .collect();
            for copy in &mut copies {
                self.last += 1;
                copy["id"] = format!("appScreenshots-{}", self.last).into();
                copy["set"] = format!("S-{to}").into();
            }
            copies.append(&mut self.assets);
            self.assets = copies;
        }
    }

    /// Counts a look at the media of the new version.
    fn look(&mut self, localization: &str) {
        if !localization.starts_with("L-") || !self.is_created {
            return;
        }
        match &mut self.copied_after {
            Some(0) => {
                self.copied_after = None;
                self.copy();
            }
            Some(looks) => *looks -= 1,
            None => {}
        }
    }

    pub(crate) fn place(&mut self, localization: &str, attributes: &Value, asset: &str) -> Value {
        self.last += 1;
        let placement = json!({"type": "appAssetLibraryPlacements", "id": format!("placement-{}", self.last),
            "attributes": attributes, "shown": asset});
        let own = self.placements.entry(localization.to_owned()).or_default();
        own.push(placement.clone());
        placement
    }

    fn answer(&mut self, method: &str, path: &str, query: &str, body: &Value) -> (u16, Value) {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("PUT", ["upload", _]) => (200, Value::Null),
            ("GET", ["v1", "apps"]) => {
                let mut all = self.versions();
                all.retain(|version| version["attributes"]["appVersionState"] != "REPLACED_WITH_NEW_VERSION");
                let ids: Vec<Value> = all
                    .iter()
                    .map(|version| json!({"type": "appStoreVersions", "id": version["id"]}))
                    .collect();
                let paging = json!({"paging": {"total": ids.len() + self.replaced.len(), "limit": 50}});
                let versions = json!({"data": ids, "meta": paging});
                let app = json!({"type": "apps", "id": "A1", "attributes": {"bundleId": "com.example.app",
                    "primaryLocale": "en-US", "contentRightsDeclaration": "DOES_NOT_USE_THIRD_PARTY_CONTENT"}, "relationships": {"appStoreVersions": versions}});
                (
                    200,
                    json!({"data": [app], "included": all, "links": {"self": "/"}}),
                )
            }
            ("GET", ["v1", "apps", "A1", "appStoreVersions"]) => list(self.versions()),
            ("GET", ["v1", "appStoreVersions", id]) => {
                let found = self.versions().into_iter().find(|version| version["id"] == *id);
                found.map_or_else(
                    // It exists, and lists don't show it yet.
                    || {
                        one(
                            200,
                            json!({"type": "appStoreVersions", "id": id, "attributes": {"platform": "IOS",
                        "versionString": "1.1", "appVersionState": "PREPARE_FOR_SUBMISSION"}}),
                        )
                    },
                    |found| one(200, found),
                )
            }
            ("GET", ["v1", "builds"]) => {
                if self.listed_after > 0 {
                    self.listed_after -= 1;
                    return list(Vec::new());
                }
                let build = |number: &str, state: &str| {
                    json!({"type": "builds", "id": format!("B{number}"), "attributes": {"version": number,
                        "processingState": state, "usesNonExemptEncryption": false}})
                };
                // The newest first, as the request asks for them.
                let all = self.refused_build.map(|number| build(number, "FAILED"));
                let all = all.into_iter().chain([build("7", "VALID")]);
                let wanted = |build: &Value| {
                    let number = build["attributes"]["version"].as_str().unwrap();
                    let is = |filter: &str, value: &str| {
                        !query.contains(filter) || query.contains(&format!("{filter}={value}"))
                    };
                    is("filter%5Bversion%5D", number) && is("filter%5Bid%5D", &format!("B{number}"))
                };
                list(all.filter(wanted).collect())
            }
            ("GET", ["v1", "apps", "A1", "buildUploads"]) => {
                let upload = |(state, hours): (&str, i64)| {
                    let date = clock::now() - time::Duration::hours(hours);
                    let date = date
                        .format(&time::format_description::well_known::Rfc3339)
                        .unwrap()
                        .replace('Z', self.zone.unwrap_or("Z"));
                    json!({"type": "buildUploads", "id": "U7", "attributes": {"cfBundleShortVersionString": "1.1",
                        "cfBundleVersion": "7", "platform": "IOS", "uploadedDate": date, "state": {"state": state}}})
                };
                // The first page of many; only where the request sorts, it has the newest.
                let is_sorted = query.contains("sort=-uploadedDate");
                let found: Vec<Value> = self
                    .uploaded
                    .filter(|_| is_sorted)
                    .map(upload)
                    .into_iter()
                    .collect();
                let next = format!("{}/v1/apps/A1/buildUploads?cursor=no-end", self.base);
                (200, json!({"data": found, "links": {"self": "/", "next": next}}))
            }
            ("POST", ["v1", "appStoreVersions"]) => {
                self.is_created = true;
                one(
                    201,
                    json!({"type": "appStoreVersions", "id": "V1", "attributes": body["data"]["attributes"]}),
                )
            }
            ("GET", ["v1", "apps", "A1", "assetLibrary"]) => match self.library_status {
                200 => one(200, json!({"type": "appAssetLibraries", "id": "LIB"})),
                status => refused(status, "PATH_ERROR"),
            },
            ("GET", ["v1", "appStoreVersions", version, "appStoreVersionLocalizations"]) => {
                let prefix = if *version == "V0" { "L0" } else { "L" };
                let links = json!({"links": {"related": "/"}});
                let own = |locale: &&str| {
                    let mut own = json!({"type": "appStoreVersionLocalizations", "id": format!("{prefix}-{locale}"),
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
            ("GET", ["v1", "appAssetLibraryImages", id, "placements"]) => {
                let placed = self.placements.values().flatten();
                let mut placed: Vec<Value> =
                    placed.filter(|placed| placed["shown"] == *id).cloned().collect();
                for placement in &mut placed {
                    placement.as_object_mut().unwrap().remove("shown");
                }
                list(placed)
            }
            ("GET", ["v1", "appStoreVersionLocalizations", id, "placements"]) => {
                self.look(id);
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
                    let mut placed: Vec<Value> = placed
                        .map(|placed| json!({"type": "appAssetLibraryPlacements", "id": placed["id"]}))
                        .collect();
                    let total = placed.len();
                    placed.truncate(self.named_placements.unwrap_or(total));
                    asset["relationships"] = json!({"placements": {"data": placed, "meta": {"paging": {"total": total, "limit": 50}}}});
                }
                list(own)
            }
            ("POST", ["v1", "appAssetLibraryPlacements"]) => {
                let related = |name: &str| {
                    let id = body["data"]["relationships"][name]["data"]["id"].as_str();
                    id.unwrap_or_default().to_owned()
                };
                let (localization, asset) = (
                    related("appStoreVersionLocalization"),
                    related("image") + &related("video"),
                );
                let attributes = &body["data"]["attributes"];
                if let Some(twin) = self.twin.take() {
                    self.place(&localization, attributes, &asset);
                    if twin == Twin::LeavesNoRoom {
                        return refused(409, "ENTITY_ERROR.RELATIONSHIP.INVALID");
                    }
                }
                let placement = self.place(&localization, attributes, &asset);
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
            ("GET", ["v1", "appStoreVersionLocalizations", id, "appScreenshotSets"]) => {
                self.look(id);
                let name = format!("S-{id}");
                let own: Vec<&Value> = self.assets.iter().filter(|shot| shot["set"] == name).collect();
                let ids: Vec<Value> = own
                    .iter()
                    .map(|shot| json!({"type": "appScreenshots", "id": shot["id"]}))
                    .collect();
                if ids.is_empty() {
                    return list(Vec::new());
                }
                let set = json!({"type": "appScreenshotSets", "id": name, "attributes":
                    {"screenshotDisplayType": "APP_IPHONE_67"}, "relationships": {"appScreenshots": {"data": ids}}});
                (
                    200,
                    json!({"data": [set], "included": own, "links": {"self": "/"}}),
                )
            }
            ("POST", ["v1", "appScreenshotSets"]) => {
                let id = &body["data"]["relationships"]["appStoreVersionLocalization"]["data"]["id"];
                let id = format!("S-{}", id.as_str().unwrap());
                one(
                    201,
                    json!({"type": "appScreenshotSets", "id": id, "attributes": body["data"]["attributes"]}),
                )
            }
            ("PATCH", ["v1", "appScreenshotSets", _, "relationships", "appScreenshots"]) => {
                let order = body["data"].as_array().unwrap();
                self.assets
                    .sort_by_key(|shot| order.iter().position(|wanted| wanted["id"] == shot["id"]));
                (204, Value::Null)
            }
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

pub(crate) struct World {
    pub(crate) double: Shared,
    pub(crate) engine: Engine,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new(double: Double) -> Self {
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

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn screenshot(&self, name: &str, mark: u8) {
        self.write(&format!("screenshots/{name}"), &png(mark));
    }

    pub(crate) async fn run(&self, more: Value) -> Result<(), ReleaseError> {
        let (release, prepared) = self.prepare(more).await?;
        self.engine.apply(&release, prepared).await.map(drop)
    }

    pub(crate) async fn prepare(
        &self,
        more: Value,
    ) -> Result<(desired::DesiredRelease, app_store_release::Prepared), ReleaseError> {
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
        let release = assembled.release;
        let overview = self.engine.find_app(&release.app, release.platform).await?;
        let prepared = self.engine.prepare(&release, overview, false).await?;
        Ok((release, prepared))
    }

    pub(crate) fn count(&self, request: &str) -> usize {
        let double = self.double.lock().unwrap();
        double.seen.iter().filter(|seen| *seen == request).count()
    }

    pub(crate) fn writes(&self) -> usize {
        let double = self.double.lock().unwrap();
        double
            .seen
            .iter()
            .filter(|seen| !seen.starts_with("GET "))
            .count()
    }

    /// The names of what a locale shows, in order.
    pub(crate) fn shown(&self, locale: &str) -> Vec<String> {
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

    /// The names of the classic screenshots of a locale, in order.
    pub(crate) fn classic(&self, locale: &str) -> Vec<String> {
        let double = self.double.lock().unwrap();
        let set = format!("S-L-{locale}");
        let own = double.assets.iter().filter(|shot| shot["set"] == set);
        own.map(|shot| shot["attributes"]["fileName"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Puts a picture into the version that is live, in both worlds.
    pub(crate) fn seed_live(&self, locale: &str, name: &str, mark: u8) {
        let mut double = self.double.lock().unwrap();
        let attributes = json!({"fileName": name, "referenceName": sha256(&png(mark)), "state": "APPROVED"});
        let image =
            json!({"type": "appAssetLibraryImages", "id": format!("image-{name}"), "attributes": attributes});
        double.assets.push(image);
        let attributes = json!({"placementType": "APP_SCREENSHOT", "placementGroup": "IPHONE_DYNAMIC_ISLAND_LARGE_PROFILE"});
        double.place(&format!("L0-{locale}"), &attributes, &format!("image-{name}"));
        let shot = json!({"type": "appScreenshots", "id": format!("shot-{name}"), "set": format!("S-L0-{locale}"),
            "attributes": {"fileName": name, "sourceFileChecksum": md5(&png(mark)),
                "assetDeliveryState": {"state": "COMPLETE"}}});
        double.assets.push(shot);
    }

    pub(crate) fn placed(&self, locale: &str) -> Value {
        self.double.lock().unwrap().placements[&format!("L-{locale}")][0]["attributes"].clone()
    }
}

/// The start of a PNG of a 6.9" screen: enough to be measured.
pub(crate) fn png(mark: u8) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(1290_u32.to_be_bytes());
    bytes.extend(2796_u32.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0, mark, mark, mark, mark]);
    bytes
}

/// SHA-256 by a library that the product does not use for it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// MD5 of a file, by the program that fastlane's users know.
fn md5(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    let output = std::process::Command::new("md5sum").arg(&path).output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..32].to_owned()
}

pub(crate) fn library(locales: &[&'static str]) -> Double {
    Double {
        library_status: 200,
        names_placements: Some(true),
        locales: locales.to_vec(),
        ..Double::default()
    }
}
