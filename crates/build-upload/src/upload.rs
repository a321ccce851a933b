//! One upload, from its beginning to its commit.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app_store_connect::Client;
use app_store_connect::uploads::{BuildName, CommitFile, CreateBuildUpload, ReserveFile};
use apple_types::StorePlatform;
use tokio::sync::OnceCell;
use transport::{StatusCode, Transfer};

use crate::digest::{self, Digests};
use crate::error::UploadError;
use crate::follow::Followed;
use crate::parts;
use crate::record::{self, Records, Used};
use crate::settle::{self, Withdrawn, has_status, is_unknown};

/// How often the parts are reserved anew when permission to send them runs out.
const RESERVATIONS: u32 = 3;

/// How often the upload is begun: again when the request did nothing, or what stood in its way is gone.
const BEGINNINGS: u32 = 8;

/// The pause before a list is read again that does not show a new upload yet; it grows with each.
const LIST_PAUSE: Duration = Duration::from_millis(200);

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
    /// The platform.
    pub platform: StorePlatform,
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
    /// The file's ID; empty where it is not known.
    pub file: String,
}

/// How an upload ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The package was sent, and App Store Connect has it.
    Now(Uploaded),
    /// An earlier run delivered this very file.
    Before(Followed),
}

/// Uploads packages.
#[derive(Debug, Clone)]
pub struct Uploader {
    client: Client,
    transfer: Transfer,
    sent: Arc<AtomicU64>,
    unfinished: Arc<Mutex<Option<String>>>,
    observer: Option<Observer>,
    teller: Option<Teller>,
    /// The upload that an earlier run reserved for this very file.
    reserved: Option<String>,
}

/// What is told of the upload that is not surely committed: its ID, or that there is none any more.
#[derive(Clone)]
struct Observer(Arc<Observe>);

type Observe = dyn Fn(Option<&str>) + Send + Sync;

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

/// What is told of the file's SHA-256.
#[derive(Clone)]
struct Teller(Arc<dyn Fn(&str) + Send + Sync>);

impl std::fmt::Debug for Teller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Teller")
    }
}

/// An upload that was begun, or need not be.
enum Begun {
    New(String),
    Delivered(Followed),
}

impl Uploader {
    /// An uploader.
    pub fn new(client: Client, transfer: Transfer) -> Self {
        Self {
            client,
            transfer,
            sent: Arc::default(),
            unfinished: Arc::default(),
            observer: None,
            teller: None,
            reserved: None,
        }
    }

    /// The same, telling `observer` the ID of the upload that is begun and not surely committed, and `None` once there is
    /// none: whoever is killed can't withdraw it.
    #[must_use]
    pub fn observed(mut self, observer: impl Fn(Option<&str>) + Send + Sync + 'static) -> Self {
        self.observer = Some(Observer(Arc::new(observer)));
        self
    }

    /// The same, telling the file's SHA-256 as soon as it is known, which is before the file is sent where the network is
    /// slower than this machine.
    #[must_use]
    pub fn telling_sha256(mut self, teller: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.teller = Some(Teller(Arc::new(teller)));
        self
    }

    /// The same, going on with an upload that an earlier run reserved for the same file, while it still waits for it.
    #[must_use]
    pub fn continuing(mut self, upload: String) -> Self {
        self.reserved = Some(upload);
        self
    }

    /// How many bytes have left this machine, those of parts that did not arrive taken back.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The ID of the upload that was begun and is not surely committed.
    pub fn unfinished(&self) -> Option<String> {
        self.unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, id: Option<String>) {
        if let Some(Observer(observer)) = &self.observer {
            observer(id.as_deref());
        }
        *self.unfinished.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }

    /// Withdraws the upload that is not finished, if there is one; one whose file is committed is kept. What can't be
    /// withdrawn is left to Apple, which forgets it after some days, and to the next run.
    pub async fn withdraw(&self) {
        if let Some(id) = self.unfinished() {
            match settle::withdraw(&self.client, &id).await {
                Withdrawn::Gone => {
                    tracing::info!("The unfinished upload {id} was withdrawn from App Store Connect.");
                }
                Withdrawn::Missing => {
                    tracing::info!("App Store Connect no longer has the unfinished upload {id}.");
                }
                Withdrawn::Failed => {
                    tracing::info!(
                        "App Store Connect refused the upload {id}; nothing was left to withdraw."
                    );
                }
                Withdrawn::Kept => {
                    tracing::warn!(
                        "App Store Connect has the file of the upload {id}; it was not withdrawn."
                    );
                }
                Withdrawn::Unknown => {
                    // Who observes keeps it in mind.
                    tracing::warn!("The unfinished upload {id} could not be withdrawn.");
                    return;
                }
            }
            self.note(None);
        }
    }

    /// Uploads a package.
    ///
    /// # Errors
    /// When it did not arrive; nothing half done is left then.
    pub async fn upload(&self, package: &Package) -> Result<Sent, UploadError> {
        let result = self.attempt(package).await;
        match &result {
            Err(UploadError::Unsettled { .. }) => {
                // It may be committed: whoever runs next looks.
                self.note(None);
            }
            Err(_) => self.withdraw().await,
            Ok(_) => {}
        }
        result
    }

    async fn attempt(&self, package: &Package) -> Result<Sent, UploadError> {
        let id = match self.begin(package).await? {
            Begun::New(id) => id,
            Begun::Delivered(followed) => return Ok(Sent::Before(followed)),
        };
        self.note(Some(id.clone()));
        match self.send_and_commit(package, &id).await {
            Ok(file) => {
                // From here on it is Apple's.
                self.note(None);
                Ok(Sent::Now(Uploaded { id, file }))
            }
            Err(error) if is_not_found(&error) && settle::is_gone(&self.client, &id).await => {
                self.note(None);
                Err(UploadError::Vanished(id))
            }
            Err(error) => Err(error),
        }
    }

    /// Sends the file and commits it. Returns the file's ID.
    async fn send_and_commit(&self, package: &Package, id: &str) -> Result<String, UploadError> {
        // On a thread of its own, and ahead of the parts: they find the file in memory.
        let checksum = async {
            let sha256 = digest::sha256(&package.path).await?;
            if let Some(Teller(teller)) = &self.teller {
                teller(&sha256);
            }
            Ok::<_, UploadError>(sha256)
        };
        let sending = self.reserve_and_send(package, id);
        let (sha256, file) = futures_util::future::try_join(checksum, sending).await?;
        let commit = CommitFile {
            id: &file,
            sha256: &sha256,
        };
        settle::commit(&self.client, &commit).await?;
        Ok(file)
    }

    /// Begins the upload. One of the same name that an interrupted run left behind is withdrawn first; one whose answer
    /// was lost is found by its name.
    async fn begin(&self, package: &Package) -> Result<Begun, UploadError> {
        if let Some(id) = &self.reserved
            && settle::is_awaiting(&self.client, id).await
        {
            return Ok(Begun::New(id.clone()));
        }
        let create = CreateBuildUpload(package.build());
        // Once an answer was lost, an upload of this name is the one that it was about, and Apple's list may show it some
        // requests late: a refusal because it is there is then a reason to look again.
        let mut was_lost = false;
        let digests = OnceCell::new();
        let mut attempt = 1;
        loop {
            let error = match self.client.send(&create).await {
                Ok(upload) => return Ok(Begun::New(upload.data.id)),
                Err(error) => error,
            };
            let is_lost = is_unknown(&error);
            was_lost |= is_lost;
            if !is_lost && !has_status(&error, StatusCode::CONFLICT) {
                return Err(UploadError::api("begin the upload")(error));
            }
            let records = Records::read(&self.client, package.build()).await?;
            let digests = digests.get_or_try_init(|| Digests::of(&package.path)).await?;
            match records.used(&self.client, digests).await? {
                Some(Used::ByThisFile(followed)) => return Ok(Begun::Delivered(followed)),
                Some(Used::ByAnother { .. }) => return Err(duplicate(package)),
                None => {}
            }
            let waiting: Vec<String> = records.waiting().map(|upload| upload.id.clone()).collect();
            if let (true, [only]) = (was_lost, waiting.as_slice())
                && record::package_of(&self.client, only).await?.is_none()
            {
                // No file was reserved yet: it is the one that the lost answer was about.
                tracing::debug!("the answer was lost, and the upload {only} was begun: {error}");
                return Ok(Begun::New(only.clone()));
            }
            if attempt == BEGINNINGS || (waiting.is_empty() && !was_lost) {
                return Err(UploadError::api("begin the upload")(error));
            }
            if waiting.is_empty() {
                tokio::time::sleep(LIST_PAUSE * attempt).await;
            }
            for id in &waiting {
                tracing::info!("Withdrawing an unfinished earlier upload of this build.");
                match settle::withdraw(&self.client, id).await {
                    Withdrawn::Gone | Withdrawn::Missing | Withdrawn::Failed => {}
                    Withdrawn::Kept => return Err(duplicate(package)),
                    Withdrawn::Unknown => return Err(UploadError::api("withdraw the earlier upload")(error)),
                }
            }
            attempt += 1;
        }
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
            let known = match (reservation, &self.reserved) {
                (1, Some(reserved)) if reserved == id => settle::reservation(&self.client, &reserve).await?,
                _ => None,
            };
            let file = match known {
                Some(file) => file,
                None => settle::reserve(&self.client, &reserve).await?,
            };
            let operations = file.attributes.upload_operations;
            if !parts::cover(&operations, package.size) {
                return Err(UploadError::Gaps);
            }
            tracing::debug!("{}", wording::counted(operations.len(), "part"));
            match parts::send(&self.transfer, &package.path, &operations, &self.sent).await {
                Ok(()) => return Ok(file.id),
                Err(UploadError::Part { source, .. })
                    if source.is_refusal() && reservation < RESERVATIONS =>
                {
                    tracing::debug!("reserving the file again: {source}");
                    reservation += 1;
                    self.sent.store(0, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether App Store Connect does not know what a request was about.
fn is_not_found(error: &UploadError) -> bool {
    matches!(error, UploadError::Api { source, .. } if has_status(source, StatusCode::NOT_FOUND))
}

fn duplicate(package: &Package) -> UploadError {
    UploadError::Duplicate {
        short_version: package.short_version.clone(),
        version: package.version.clone(),
    }
}
