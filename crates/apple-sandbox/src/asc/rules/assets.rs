//! Files that belong to resources: reserved, sent in parts, committed, processed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Change;
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::date;
use crate::asc::objects::Key;
use crate::state::State;
use crate::storage::{self, Part};

/// Kinds with a file.
const KINDS: [&str; 8] = [
    "appScreenshots",
    "appPreviews",
    "appStoreReviewAttachments",
    "appClipHeaderImages",
    "routingAppCoverages",
    "appEncryptionDeclarationDocuments",
    "appAssetLibraryImages",
    "appAssetLibraryVideos",
];

/// A file of a resource.
#[derive(Debug, Clone, Serialize)]
struct Asset {
    /// The resource's kind.
    kind: String,
    parts: Vec<Part>,
    /// `AWAITING_UPLOAD`, `UPLOAD_COMPLETE`, `COMPLETE`, or `FAILED`.
    state: String,
    /// A code and a description of what went wrong.
    errors: Vec<(String, String)>,
    /// How often it was looked at since it was committed.
    looks: u32,
    #[serde(skip)]
    secret: String,
}

/// The files of resources other than builds, by the resources' IDs.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Assets(BTreeMap<String, Asset>);

impl Assets {
    /// The state of a file: `AWAITING_UPLOAD`, `UPLOAD_COMPLETE`, `COMPLETE`, or `FAILED`; `None` where there is no file.
    pub(crate) fn state_of(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(|asset| asset.state.as_str())
    }

    /// The kind of the resource that a file belongs to.
    pub(super) fn kind_of(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(|asset| asset.kind.as_str())
    }

    /// What the answers of a resource say of its file.
    pub(crate) fn attributes(&self, id: &str, base: &str) -> Map<String, Value> {
        let asset = self.0.get(id);
        asset.map(|asset| asset.attributes(id, base)).unwrap_or_default()
    }

    /// The parts of a file, for whom the URL with its signature was given.
    pub(crate) fn signed_parts(&self, id: &str, signature: &str) -> Option<&[Part]> {
        let asset = self.0.get(id).filter(|asset| asset.secret == signature);
        asset.map(|asset| asset.parts.as_slice())
    }

    /// Notes that a part arrived; they are counted from 1.
    pub(crate) fn arrive(&mut self, id: &str, number: usize) {
        if let Some(asset) = self.0.get_mut(id) {
            storage::arrive(&mut asset.parts, number);
        }
    }

    /// Notes that every part arrived.
    pub(super) fn arrive_whole(&mut self, id: &str) {
        let asset = self.0.get_mut(id);
        for part in asset.into_iter().flat_map(|asset| &mut asset.parts) {
            part.arrived = true;
        }
    }

    /// A committed file is processed next time, without a commit by a client.
    pub(super) fn take_as_sent(&mut self, id: &str) {
        self.arrive_whole(id);
        if let Some(asset) = self.0.get_mut(id) {
            "UPLOAD_COMPLETE".clone_into(&mut asset.state);
        }
    }

    /// The committed files whose processing ends with this look, which counts where it is one at media.
    pub(super) fn look(&mut self, patience: u32, counts: bool) -> Vec<String> {
        let mut done = Vec::new();
        for (id, asset) in &mut self.0 {
            if asset.state != "UPLOAD_COMPLETE" {
                continue;
            }
            if asset.looks < patience {
                asset.looks += u32::from(counts);
                continue;
            }
            done.push(id.clone());
        }
        done
    }

    /// Ends the processing of a file, with a problem where it has one.
    pub(super) fn finish(&mut self, id: &str, problem: Option<(&str, &str)>) {
        if let Some(asset) = self.0.get_mut(id) {
            let state = if problem.is_some() { "FAILED" } else { "COMPLETE" };
            state.clone_into(&mut asset.state);
            let words = problem.map(|(code, words)| (code.to_owned(), words.to_owned()));
            asset.errors.extend(words);
        }
    }

    /// A copy of a file for another resource, which is of a kind.
    pub(super) fn copy(&mut self, from: &str, kind: &str, to: &str) {
        if let Some(asset) = self.0.get(from).cloned() {
            let kind = kind.to_owned();
            self.0.insert(to.to_owned(), Asset { kind, ..asset });
        }
    }

    /// Forgets a file; says whether there was one.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        self.0.remove(id).is_some()
    }

    /// Whether a resource has a file.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }
}

impl Asset {
    /// What the resource's answers say of it.
    fn attributes(&self, id: &str, base: &str) -> Map<String, Value> {
        let errors: Value = self
            .errors
            .iter()
            .map(|(code, description)| json!({"code": code, "description": description}))
            .collect();
        let mut all = Map::new();
        if self.kind.starts_with("appAssetLibrary") {
            let state = if self.state == "COMPLETE" {
                "PREPARE_FOR_SUBMISSION"
            } else {
                &self.state
            };
            all.insert("state".to_owned(), state.into());
            if !self.errors.is_empty() {
                all.insert("stateDetails".to_owned(), errors);
            }
        } else {
            let state = json!({"state": self.state, "errors": errors, "warnings": []});
            if self.kind == "appPreviews" {
                let video = if self.state == "UPLOAD_COMPLETE" {
                    "PROCESSING"
                } else {
                    &self.state
                };
                all.insert(
                    "videoDeliveryState".to_owned(),
                    json!({"state": video, "errors": errors, "warnings": []}),
                );
            }
            all.insert("assetDeliveryState".to_owned(), state);
        }
        if self.state == "AWAITING_UPLOAD" {
            let operation = |(number, part): (usize, &Part)| {
                json!({
                    "method": "PUT",
                    "url": storage::url(base, id, number + 1, &self.secret),
                    "offset": part.offset,
                    "length": part.length,
                    "requestHeaders": [{"name": "Content-Type", "value": "application/octet-stream"}],
                })
            };
            let operations = self.parts.iter().enumerate().map(operation).collect();
            all.insert("uploadOperations".to_owned(), operations);
        }
        all
    }
}

/// Refuses files that can't be.
pub(super) fn check_creation(draft: &Draft) -> Result<(), Refusal> {
    if KINDS.contains(&draft.kind.as_str()) {
        storage::check_size(draft)?;
    }
    Ok(())
}

/// Reserves the file of a resource that has one.
pub(super) fn reserve(change: &mut Change<'_>, key: &Key) {
    if !KINDS.contains(&key.kind.as_str()) {
        return;
    }
    let state = &mut *change.state;
    let size = state
        .objects
        .value(&key.kind, &key.id, "fileSize")
        .map(storage::bytes);
    let asset = Asset {
        kind: key.kind.clone(),
        parts: state.storage.parts(size.unwrap_or(1)),
        state: "AWAITING_UPLOAD".to_owned(),
        errors: Vec::new(),
        looks: 0,
        secret: state.fresh.noise(32),
    };
    state.assets.0.insert(key.id.clone(), asset);
    let token = state.fresh.uuid();
    let now = date(change.now);
    let objects = &mut change.state.objects;
    objects.set(&key.kind, &key.id, "assetToken", token);
    objects.set(&key.kind, &key.id, "assetType", "SCREENSHOT");
    objects.set(&key.kind, &key.id, "createdDate", now.clone());
    objects.set(&key.kind, &key.id, "lastModifiedDate", now);
}

/// Takes a file as sent, when a change says so.
pub(super) fn commit(change: &mut Change<'_>, key: &Key, draft: &Draft) -> Result<(), Refusal> {
    if !draft.asks("uploaded") {
        return Ok(());
    }
    let State { assets, storage, .. } = &mut *change.state;
    let Some(asset) = assets.0.get_mut(&key.id) else {
        return Ok(());
    };
    if asset.state != "AWAITING_UPLOAD" {
        // A second commit finds the first one's result.
        return Ok(());
    }
    storage::check_arrived(&asset.parts)?;
    "UPLOAD_COMPLETE".clone_into(&mut asset.state);
    let given = draft.text("sourceFileChecksum");
    if storage.keeps() && !given.is_empty() {
        let own = storage.digests(&key.id);
        if !own.md5.eq_ignore_ascii_case(given) {
            "FAILED".clone_into(&mut asset.state);
            let words = "The checksum of the file is not the one that was given";
            asset
                .errors
                .push(("CHECKSUM_MISMATCH".to_owned(), words.to_owned()));
        }
    }
    Ok(())
}
