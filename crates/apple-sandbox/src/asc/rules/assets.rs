//! Files that belong to resources: reserved, sent in parts, committed, processed.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Change;
use crate::answer::Refusal;
use crate::asc::body::Draft;
use crate::asc::date;
use crate::asc::objects::Key;
use crate::state::Part;
use crate::uploads;

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
pub struct Asset {
    /// The resource's kind.
    pub kind: String,
    /// The parts.
    pub parts: Vec<Part>,
    /// `AWAITING_UPLOAD`, `UPLOAD_COMPLETE`, `COMPLETE`, or `FAILED`.
    pub state: String,
    /// A code and a description of what went wrong.
    pub errors: Vec<(String, String)>,
    /// How often it was looked at since it was committed.
    pub(crate) looks: u32,
    #[serde(skip)]
    pub(crate) secret: String,
}

impl Asset {
    /// What the resource's answers say of it.
    pub(crate) fn attributes(&self, id: &str, base: &str) -> Map<String, Value> {
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
            let details: Value = self
                .errors
                .iter()
                .map(|(code, description)| json!({"code": code, "description": description}))
                .collect();
            if !self.errors.is_empty() {
                all.insert("stateDetails".to_owned(), details);
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
                    "url": format!("{base}{}{id}/{}?signature={}", uploads::STORAGE, number + 1, self.secret),
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
        uploads::check_size(draft)?;
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
        .map(uploads::bytes);
    let asset = Asset {
        kind: key.kind.clone(),
        parts: uploads::parts(size.unwrap_or(1), state.part_size),
        state: "AWAITING_UPLOAD".to_owned(),
        errors: Vec::new(),
        looks: 0,
        secret: state.secret(),
    };
    state.assets.insert(key.id.clone(), asset);
    let token = state.uuid();
    let now = date(change.now);
    let objects = &mut change.state.objects;
    objects.set(&key.kind, &key.id, "assetToken", token);
    objects.set(&key.kind, &key.id, "assetType", "SCREENSHOT");
    objects.set(&key.kind, &key.id, "createdDate", now.clone());
    objects.set(&key.kind, &key.id, "lastModifiedDate", now);
}

/// Takes a file as sent, when a change says so.
pub(super) fn commit(change: &mut Change<'_>, key: &Key, draft: &Draft) -> Result<(), Refusal> {
    if draft.attributes.get("uploaded") != Some(&Value::Bool(true)) {
        return Ok(());
    }
    let keep = change.state.keep_uploads;
    let path = change.state.spool.path().join(&key.id);
    let Some(asset) = change.state.assets.get_mut(&key.id) else {
        return Ok(());
    };
    if asset.state != "AWAITING_UPLOAD" {
        // A second commit finds the first one's result.
        return Ok(());
    }
    if let Some(missing) = asset.parts.iter().position(|part| !part.arrived) {
        let detail = format!("Part {} was not uploaded", missing + 1);
        return Err(Refusal::entity("STATE_ERROR.PARTS_MISSING", detail));
    }
    "UPLOAD_COMPLETE".clone_into(&mut asset.state);
    let given = draft.text("sourceFileChecksum");
    if keep && !given.is_empty() {
        let (_, own) = uploads::digests(&path).unwrap_or_default();
        if !own.eq_ignore_ascii_case(given) {
            "FAILED".clone_into(&mut asset.state);
            let words = "The checksum of the file is not the one that was given";
            asset
                .errors
                .push(("CHECKSUM_MISMATCH".to_owned(), words.to_owned()));
        }
    }
    Ok(())
}
