//! Uploads that a run reserved at App Store Connect and could not finish, because it was killed.
//!
//! A record outlives its run ([`Step::record`]). The next run continues the upload where it is for the same file, and
//! withdraws it otherwise, while it still waits for its file.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use account_inputs::client;
use app_store_connect::Client;
use apple_account::ApiKey;
use build_upload::{Package, Withdrawn, sha256, withdraw};
use serde::{Deserialize, Serialize};
use step_kit::{Claim, Record, Step};
use transport::Policy;

/// The kind of these records, and of the claims on builds.
pub(crate) const KIND: &str = "build-uploads";

/// How long the withdrawal of one abandoned upload may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Who uploads, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Where App Store Connect is: tests and sandboxes have their own.
    pub(crate) api: String,
    /// The team, or the person of an individual key: nobody else sees the upload.
    account: String,
}

impl Owner {
    pub(crate) fn of<I>(step: &Step<I>, key: &ApiKey) -> Self {
        let api = step.env.get("APP_STORE_CONNECT_URL");
        Self {
            api: api.unwrap_or("https://api.appstoreconnect.apple.com").to_owned(),
            account: key.issuer_id.clone().unwrap_or_else(|| key.key_id.clone()),
        }
    }
}

/// An upload that was reserved. No secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Reserved {
    /// Where.
    api: String,
    /// By whom; empty in records of earlier versions.
    #[serde(default)]
    account: String,
    /// The upload's ID.
    upload: String,
    app: String,
    short_version: String,
    version: String,
    size: u64,
    /// The file's SHA-256, once it is known.
    sha256: Option<String>,
}

impl Reserved {
    fn is_of(&self, owner: &Owner) -> bool {
        self.api == owner.api && (self.account.is_empty() || self.account == owner.account)
    }

    /// Whether the upload was reserved for the file at a path.
    async fn is_for(&self, path: &Path) -> bool {
        let Some(known) = &self.sha256 else {
            return false;
        };
        // The size is known without reading gigabytes.
        let may_be = path.metadata().is_ok_and(|metadata| metadata.len() == self.size);
        may_be && sha256(path).await.is_ok_and(|sha256| sha256 == *known)
    }

    /// Whether the upload was reserved for the package.
    async fn is_of_package(&self, package: &Package) -> bool {
        self.app == package.app
            && self.short_version == package.short_version
            && self.version == package.version
            && self.is_for(&package.path).await
    }
}

/// The record of the upload that this run reserves, and its claim on the build.
#[derive(Clone, Default)]
pub(crate) struct Reservation(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    record: Option<Record>,
    reserved: Option<Reserved>,
    sha256: Option<String>,
    claim: Option<Claim>,
}

impl Reservation {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps the claim until the upload is finished or withdrawn.
    pub(crate) fn hold(&self, claim: Claim) {
        self.with(|state| state.claim = Some(claim));
    }

    /// Makes another run's record this run's: whatever ends this run, the next one finds it.
    fn own(&self, record: Record, reserved: Reserved) {
        self.with(|state| {
            if let Some(blank) = state.record.replace(record) {
                blank.forget();
            }
            state.sha256.clone_from(&reserved.sha256);
            state.reserved = Some(reserved);
        });
    }

    /// Notes the file's checksum as soon as it is known: it tells the next run whether it has the same file.
    pub(crate) fn note_sha256(&self, sha256: &str) {
        self.with(|state| {
            state.sha256 = Some(sha256.to_owned());
            if let Some(reserved) = &mut state.reserved {
                reserved.sha256 = Some(sha256.to_owned());
            }
            state.save();
        });
    }
}

impl State {
    fn save(&mut self) {
        // A record that can't be written costs only what a killed run leaves behind.
        if let (Some(record), Some(reserved)) = (&mut self.record, &self.reserved)
            && let Err(error) = record.update(reserved)
        {
            tracing::debug!("the record of the upload can't be written: {error}");
        }
    }
}

/// What an [`Uploader`](build_upload::Uploader) calls with the upload that is begun and not surely committed.
pub(crate) fn observer<I>(
    step: &Step<I>,
    owner: &Owner,
    package: &Package,
    reservation: &Reservation,
) -> impl Fn(Option<&str>) + Send + Sync + 'static {
    let blank = Reserved {
        api: owner.api.clone(),
        account: owner.account.clone(),
        upload: String::new(),
        app: package.app.clone(),
        short_version: package.short_version.clone(),
        version: package.version.clone(),
        size: package.size,
        sha256: None,
    };
    // The place is made before there is anything to record: afterwards every moment counts.
    match step.record(KIND, &blank) {
        Ok(record) => reservation.with(|state| state.record = Some(record)),
        Err(error) => tracing::debug!("the upload can't be recorded: {error}"),
    }
    let reservation = reservation.clone();
    move |upload| {
        reservation.with(|state| match upload {
            Some(upload) => {
                state.reserved = Some(Reserved {
                    upload: upload.to_owned(),
                    sha256: state.sha256.clone(),
                    ..blank.clone()
                });
                state.save();
            }
            None => {
                state.reserved = None;
                if let Some(record) = state.record.take() {
                    record.forget();
                }
                // App Store Connect tells later runs what became of the build.
                state.claim = None;
            }
        });
    }
}

/// What becomes of an abandoned upload of the file that this run has.
enum OfSameFile<'a> {
    /// This run continues it.
    Continued(&'a Package, &'a Reservation),
    /// It is kept for who continues it: this run once it uploads, or a later one.
    Kept(&'a Path),
    /// It is withdrawn: this run has no file, or another program uploads it.
    Withdrawn,
}

/// Looks after what killed runs reserved: the upload for the package's file is returned, to be continued; others are
/// withdrawn, whatever their build number. What can't be withdrawn now stays recorded.
pub(crate) async fn take_over<I>(
    step: &Step<I>,
    client: &Client,
    owner: &Owner,
    package: &Package,
    reservation: &Reservation,
) -> Option<String> {
    let found = abandoned(step, owner);
    settle(step, client, found, OfSameFile::Continued(package, reservation)).await
}

/// Withdraws what killed runs reserved; the upload of the package at `kept` stays reserved, to be continued. Nothing is
/// asked where no record says that there is something.
///
/// # Errors
/// When the key can't sign.
pub async fn withdraw_abandoned<I>(step: &Step<I>, key: &ApiKey, kept: Option<&Path>) -> anyhow::Result<()> {
    let owner = Owner::of(step, key);
    let found = abandoned(step, &owner);
    if found.is_empty() {
        return Ok(());
    }
    let client = client(step, key, Policy::default())?;
    let same = kept.map_or(OfSameFile::Withdrawn, OfSameFile::Kept);
    settle(step, &client, found, same).await;
    Ok(())
}

/// The uploads of this owner that no living run looks after.
fn abandoned<I>(step: &Step<I>, owner: &Owner) -> Vec<(Record, Reserved)> {
    let mut found = Vec::new();
    for (record, reserved) in step.abandoned::<Reserved>(KIND) {
        if reserved.upload.is_empty() {
            // Nothing was begun.
            record.forget();
        } else if reserved.is_of(owner) {
            found.push((record, reserved));
        }
    }
    found
}

async fn settle<I>(
    step: &Step<I>,
    client: &Client,
    found: Vec<(Record, Reserved)>,
    same: OfSameFile<'_>,
) -> Option<String> {
    let mut continued = None;
    for (record, reserved) in found {
        match &same {
            OfSameFile::Continued(package, reservation)
                if continued.is_none() && reserved.is_of_package(package).await =>
            {
                step.log.plain(format!(
                    "An earlier run was killed while it uploaded this very file: continuing its upload {}.",
                    reserved.upload
                ));
                continued = Some(reserved.upload.clone());
                reservation.own(record, reserved);
            }
            // Dropping the record keeps it.
            OfSameFile::Kept(path) if reserved.is_for(path).await => step.log.debug(format!(
                "An earlier run was killed while it uploaded this very file: its upload {} is kept.",
                reserved.upload
            )),
            _ => {
                let _activity = step.activity("withdrawing an upload of an earlier run");
                let what = tokio::time::timeout(LIMIT, withdraw(client, &reserved.upload)).await;
                say_what_became(step, record, &reserved, what.unwrap_or(Withdrawn::Unknown));
            }
        }
    }
    continued
}

fn say_what_became<I>(step: &Step<I>, record: Record, reserved: &Reserved, what: Withdrawn) {
    let Reserved {
        version,
        short_version,
        upload,
        ..
    } = reserved;
    let line = match what {
        Withdrawn::Gone => format!("its upload {upload} was withdrawn"),
        Withdrawn::Missing => format!("its upload {upload} is no longer in App Store Connect"),
        Withdrawn::Failed => format!("App Store Connect refused its upload {upload}"),
        Withdrawn::Kept => format!("App Store Connect has the file of its upload {upload}, which was kept"),
        Withdrawn::Unknown => {
            // Dropping the record keeps it.
            step.log.warn(format!(
                "The upload {upload} of an earlier run that was killed could not be withdrawn; the next run tries again."
            ));
            return;
        }
    };
    step.log.plain(format!(
        "An earlier run was killed while it uploaded build {version} ({short_version}): {line}."
    ));
    record.forget();
}
