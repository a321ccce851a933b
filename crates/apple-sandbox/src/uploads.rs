//! Uploads of builds: their files, what becomes of them, and the builds that they become.

mod rules;

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

pub(crate) use rules::{begin, commit, file, look, look_at_all, look_at_all_of, reserve, upload, withdraw};

use crate::records::{Identified, Records};
use crate::storage::{self, Part};

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
        if let Some(known) = self.files.by_id_mut(file) {
            storage::arrive(&mut known.parts, number);
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
