//! One upload, from its beginning to its commit.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use app_store_connect::uploads::{
    BuildName, BuildUploadsNamed, CommitFile, CreateBuildUpload, DeleteBuildUpload, ReserveFile,
};
use app_store_connect::{Client, Error as AscError};
use transport::{StatusCode, Transfer};

use crate::error::UploadError;
use crate::parts;

/// How often the parts are reserved anew when permission to send them runs out.
const RESERVATIONS: u32 = 3;

/// What is uploaded.
#[derive(Debug, Clone)]
pub struct Package {
    /// The file.
    pub path: PathBuf,
    /// The name that App Store Connect sees.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its kind: `com.apple.ipa` or `com.apple.pkg`.
    pub uti: &'static str,
    /// The app's ID.
    pub app: String,
    /// The version, `CFBundleShortVersionString`.
    pub short_version: String,
    /// The build number, `CFBundleVersion`.
    pub version: String,
    /// `IOS`, `MAC_OS`, `TV_OS` or `VISION_OS`.
    pub platform: &'static str,
}

impl Package {
    /// What the upload is called.
    pub fn build(&self) -> BuildName<'_> {
        BuildName {
            app: &self.app,
            short_version: &self.short_version,
            version: &self.version,
            platform: self.platform,
        }
    }
}

/// An upload that App Store Connect has taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The upload's ID.
    pub id: String,
    /// The file's ID.
    pub file: String,
}

/// Uploads packages.
#[derive(Debug, Clone)]
pub struct Uploader {
    client: Client,
    transfer: Transfer,
    sent: Arc<AtomicU64>,
    unfinished: Arc<Mutex<Option<String>>>,
}

impl Uploader {
    /// An uploader.
    pub fn new(client: Client, transfer: Transfer) -> Self {
        Self {
            client,
            transfer,
            sent: Arc::default(),
            unfinished: Arc::default(),
        }
    }

    /// How many bytes have left this machine, those of parts that did not arrive taken back.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The ID of the upload that was begun and is not committed.
    pub fn unfinished(&self) -> Option<String> {
        self.unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, id: Option<String>) {
        *self.unfinished.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }

    /// Withdraws the upload that is not finished, if there is one. What can't be withdrawn is left to Apple, which
    /// forgets it after some days.
    pub async fn withdraw(&self) {
        if let Some(id) = self.unfinished() {
            match self.client.send(&DeleteBuildUpload(&id)).await {
                Ok(()) => tracing::debug!("the unfinished upload {id} was withdrawn"),
                Err(error) => tracing::warn!("The unfinished upload {id} could not be withdrawn: {error}"),
            }
            self.note(None);
        }
    }

    /// Uploads a package.
    ///
    /// # Errors
    /// When it did not arrive; nothing half done is left then.
    pub async fn upload(&self, package: &Package) -> Result<Uploaded, UploadError> {
        let result = self.attempt(package).await;
        if result.is_err() {
            self.withdraw().await;
        }
        result
    }

    async fn attempt(&self, package: &Package) -> Result<Uploaded, UploadError> {
        let id = self.begin(package).await?;
        self.note(Some(id.clone()));
        let checksum = parts::checksum(&package.path);
        let sending = self.reserve_and_send(package, &id);
        let (sha256, file) =
            futures_util::future::try_join(async { Ok::<_, UploadError>(checksum.await?) }, sending).await?;
        let commit = CommitFile {
            id: &file,
            sha256: &sha256,
        };
        self.client
            .send(&commit)
            .await
            .map_err(UploadError::api("commit the file"))?;
        // From here on it is Apple's.
        self.note(None);
        Ok(Uploaded { id, file })
    }

    /// Begins the upload. One of the same name that an interrupted run left behind is withdrawn first.
    async fn begin(&self, package: &Package) -> Result<String, UploadError> {
        let create = CreateBuildUpload(package.build());
        let begin = || UploadError::api("begin the upload");
        match self.client.send(&create).await {
            Ok(upload) => return Ok(upload.data.id),
            Err(error) if !is_conflict(&error) && !is_unknown(&error) => return Err(begin()(error)),
            Err(error) => {
                let same = self
                    .client
                    .items(&BuildUploadsNamed(package.build()))
                    .await
                    .map_err(begin())?;
                let waiting: Vec<_> = same
                    .data
                    .iter()
                    .filter(|upload| upload.attributes.state.state == "AWAITING_UPLOAD")
                    .collect();
                if waiting.is_empty() {
                    if is_unknown(&error) && same.data.is_empty() {
                        // It did not take effect: once more.
                        return Ok(self.client.send(&create).await.map_err(begin())?.data.id);
                    }
                    return Err(if is_duplicate(&error) {
                        UploadError::Duplicate {
                            short_version: package.short_version.clone(),
                            version: package.version.clone(),
                        }
                    } else {
                        begin()(error)
                    });
                }
                for upload in waiting {
                    tracing::info!("An earlier upload of this build was never finished: it is withdrawn.");
                    let withdrawn = self.client.send(&DeleteBuildUpload(&upload.id)).await;
                    withdrawn.map_err(UploadError::api("withdraw the earlier upload"))?;
                }
            }
        }
        Ok(self.client.send(&create).await.map_err(begin())?.data.id)
    }

    /// Reserves the file and sends its parts; anew when the permission to send them runs out.
    async fn reserve_and_send(&self, package: &Package, id: &str) -> Result<String, UploadError> {
        let mut reservation = 1;
        loop {
            let reserve = ReserveFile {
                upload: id,
                name: &package.name,
                size: package.size,
                uti: package.uti,
            };
            let file = self
                .client
                .send(&reserve)
                .await
                .map_err(UploadError::api("reserve the file"))?
                .data;
            let operations = file.attributes.upload_operations;
            if !parts::cover(&operations, package.size) {
                return Err(UploadError::Gaps);
            }
            tracing::debug!("{} part(s)", operations.len());
            match parts::send(&self.transfer, &package.path, &operations, &self.sent).await {
                Ok(()) => return Ok(file.id),
                Err(UploadError::Part { source, .. })
                    if source.is_refusal() && reservation < RESERVATIONS =>
                {
                    tracing::debug!("the file is reserved anew: {source}");
                    reservation += 1;
                    self.sent.store(0, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn is_conflict(error: &AscError) -> bool {
    matches!(error, AscError::Refused(refusal) if refusal.status == StatusCode::CONFLICT)
}

/// A conflict that is about the version, whatever Apple's code for it.
fn is_duplicate(error: &AscError) -> bool {
    let AscError::Refused(refusal) = error else {
        return false;
    };
    refusal.errors.iter().any(|error| {
        let text = format!("{} {} {}", error.code, error.title, error.detail).to_lowercase();
        [
            "duplicate",
            "already been used",
            "already exists",
            "already been uploaded",
        ]
        .iter()
        .any(|word| text.contains(word))
    })
}

fn is_unknown(error: &AscError) -> bool {
    matches!(
        error,
        AscError::Transport(transport::Error::OutcomeUnknown { .. })
    )
}
