//! Uploads that a run reserved at App Store Connect and could not finish, because it was killed.
//!
//! A record outlives its run ([`Step::record`]). The next run goes on with the upload where it is for the same file, and
//! withdraws it otherwise, while it still waits for its file.

use std::sync::{Arc, Mutex, PoisonError};

use app_store_connect::Client;
use build_upload::{Package, Withdrawn, sha256, withdraw};
use serde::{Deserialize, Serialize};
use step_kit::{Record, Step};

use crate::inputs::Inputs;

/// The kind of these records.
const KIND: &str = "build-uploads";

/// How long the withdrawal of one abandoned upload may take.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

/// An upload that was reserved. No secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Reserved {
    /// Where: tests and sandboxes have App Store Connects of their own.
    api: String,
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
    /// Whether the package may be the file that was to be uploaded.
    fn may_be(&self, package: &Package) -> bool {
        self.app == package.app
            && self.short_version == package.short_version
            && self.version == package.version
            && self.size == package.size
    }
}

/// The record of the upload that this run reserves.
#[derive(Clone, Default)]
pub(crate) struct Reservation(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    record: Option<Record>,
    reserved: Option<Reserved>,
    sha256: Option<String>,
}

/// Where App Store Connect is, for records.
pub(crate) fn api(step: &Step<Inputs>) -> String {
    step.env
        .get("APP_STORE_CONNECT_URL")
        .unwrap_or("https://api.appstoreconnect.apple.com")
        .to_owned()
}

impl Reservation {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
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
pub(crate) fn observer(
    step: &Step<Inputs>,
    package: &Package,
    reservation: &Reservation,
) -> impl Fn(Option<&str>) + Send + Sync + 'static {
    let blank = Reserved {
        api: api(step),
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
            }
        });
    }
}

/// Looks after what killed runs reserved: the upload for this very file, which is returned, is gone on with; others are
/// withdrawn, whatever their build number. What can't be withdrawn now stays recorded.
pub(crate) async fn take_over(
    step: &Step<Inputs>,
    client: &Client,
    own: Option<(&Package, &Reservation)>,
) -> Option<String> {
    let api = api(step);
    let mut found = None;
    for (record, reserved) in step.abandoned::<Reserved>(KIND) {
        if reserved.upload.is_empty() {
            // Nothing was begun.
            record.forget();
            continue;
        }
        if reserved.api != api {
            continue;
        }
        if found.is_none()
            && let Some((package, reservation)) = own
            && is_for(&reserved, package).await
        {
            step.log.plain(format!(
                "An earlier run was killed while it uploaded this very file: continuing its upload {}.",
                reserved.upload
            ));
            found = Some(reserved.upload.clone());
            reservation.own(record, reserved);
            continue;
        }
        match tokio::time::timeout(LIMIT, withdraw(client, &reserved.upload)).await {
            Ok(Withdrawn::Gone) => {
                step.log.plain(format!(
                    "An earlier run was killed while it uploaded build {} ({}): its upload {} was withdrawn.",
                    reserved.version, reserved.short_version, reserved.upload
                ));
                record.forget();
            }
            Ok(Withdrawn::Kept) => record.forget(),
            // The next run tries again: dropping the record keeps it.
            Ok(Withdrawn::Unknown) | Err(_) => step.log.debug(format!(
                "The upload {} of an earlier run could not be withdrawn.",
                reserved.upload
            )),
        }
    }
    found
}

/// Whether an upload was reserved for the package's file.
async fn is_for(reserved: &Reserved, package: &Package) -> bool {
    let Some(known) = reserved.sha256.as_deref().filter(|_| reserved.may_be(package)) else {
        return false;
    };
    sha256(&package.path).await.is_ok_and(|sha256| sha256 == known)
}
