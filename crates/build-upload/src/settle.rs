//! Requests whose answer was lost: what they did is looked up, and they are repeated only if they did nothing.
//!
//! Fact: a lost answer, a 5xx or a broken body says nothing about the request; App Store Connect may have done it
//! (rorkai/App-Store-Connect-CLI #1847). To commit a file twice is the same as to commit it once; an upload is found by its name,
//! a file by its upload.

use std::time::Duration;

use app_store_connect::uploads::{
    BuildUploadById, BuildUploadFile, CommitFile, DeleteBuildUpload, FileById, ReserveFile, State,
};
use app_store_connect::{Client, Error as AscError, Resource};
use transport::{Backoff, StatusCode};

use crate::error::UploadError;
use crate::parts;
use crate::record;

/// How often a request is repeated whose effect did not show.
const ATTEMPTS: u32 = 6;

/// Pauses before a repetition.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(300),
    longest: Duration::from_secs(2),
};

/// Whether the request may have taken effect although no usable answer came.
pub(crate) fn is_unknown(error: &AscError) -> bool {
    match error {
        AscError::Transport(error) => matches!(
            error,
            transport::Error::OutcomeUnknown { .. } | transport::Error::Unexpected { .. }
        ),
        AscError::Refused(refusal) => refusal.status.is_server_error(),
        _ => false,
    }
}

pub(crate) fn has_status(error: &AscError, status: StatusCode) -> bool {
    error.refusal().is_some_and(|refusal| refusal.status == status)
}

async fn pause(attempt: u32) {
    tokio::time::sleep(BACKOFF.random(attempt)).await;
}

/// Reserves the file, or finds the reservation whose answer was lost.
pub(crate) async fn reserve(
    client: &Client,
    reserve: &ReserveFile<'_>,
) -> Result<Resource<BuildUploadFile>, UploadError> {
    let mut attempt = 1;
    loop {
        let error = match client.send(reserve).await {
            Ok(file) => return Ok(file.data),
            Err(error) => error,
        };
        // A repeated reservation may be refused because the first one is there.
        let may_be_there = is_unknown(&error) || (attempt > 1 && has_status(&error, StatusCode::CONFLICT));
        if !may_be_there || attempt >= ATTEMPTS {
            return Err(UploadError::api("reserve the file")(error));
        }
        tracing::debug!("the answer to the reservation was lost: {error}");
        if let Some(found) = reservation(client, reserve).await? {
            return Ok(found);
        }
        pause(attempt).await;
        attempt += 1;
    }
}

/// The reservation of a file of this size that is there already, and waits for its parts.
pub(crate) async fn reservation(
    client: &Client,
    reserve: &ReserveFile<'_>,
) -> Result<Option<Resource<BuildUploadFile>>, UploadError> {
    let found = record::file_of(client, reserve.upload).await?;
    Ok(found.filter(|file| {
        file.attributes.file_size == reserve.size
            && !file.attributes.is_complete()
            && parts::cover(&file.attributes.upload_operations, reserve.size)
    }))
}

/// Whether an upload is there and still waits for its file.
pub(crate) async fn is_awaiting(client: &Client, upload: &str) -> bool {
    let found = client.send(&BuildUploadById(upload)).await;
    found.is_ok_and(|found| found.data.attributes.state.state == "AWAITING_UPLOAD")
}

/// Whether App Store Connect surely has no such upload any more.
pub(crate) async fn is_gone(client: &Client, upload: &str) -> bool {
    let found = client.send(&BuildUploadById(upload)).await;
    found.is_err_and(|error| has_status(&error, StatusCode::NOT_FOUND))
}

/// Commits the file. When the answer is lost, its state says whether the commit took effect.
pub(crate) async fn commit(client: &Client, commit: &CommitFile<'_>) -> Result<(), UploadError> {
    let mut attempt = 1;
    loop {
        let error = match client.send(commit).await {
            Ok(file) => return committed(&file.data.attributes.asset_delivery_state).map(|_| ()),
            Err(error) => error,
        };
        let may_be_done = is_unknown(&error) || (attempt > 1 && has_status(&error, StatusCode::CONFLICT));
        if !may_be_done {
            return Err(UploadError::api("commit the file")(error));
        }
        tracing::debug!("the answer to the commit was lost: {error}");
        match client.send(&FileById(commit.id)).await {
            Ok(file) if committed(&file.data.attributes.asset_delivery_state)? => return Ok(()),
            Ok(_) if attempt < ATTEMPTS => {}
            Ok(_) => return Err(UploadError::api("commit the file")(error)),
            Err(unread) if attempt >= ATTEMPTS => {
                tracing::debug!("the state of the file can't be read: {unread}");
                return Err(UploadError::Unsettled { source: error });
            }
            Err(_) => {}
        }
        pause(attempt).await;
        attempt += 1;
    }
}

/// Whether the file is App Store Connect's.
///
/// # Errors
/// When App Store Connect refused it.
pub(crate) fn committed(state: &State) -> Result<bool, UploadError> {
    match state.state.as_str() {
        "FAILED" => Err(UploadError::Refused(state.errors.clone())),
        "UPLOAD_COMPLETE" | "COMPLETE" => Ok(true),
        _ => Ok(false),
    }
}

/// What became of an upload that was to be withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// It was withdrawn, and is gone.
    Gone,
    /// It was gone already: something else withdrew it.
    Missing,
    /// App Store Connect has refused it, so nothing waits for its file.
    Failed,
    /// It is App Store Connect's: its file is there.
    Kept,
    /// Nobody knows.
    Unknown,
}

/// Withdraws an upload, unless its file is committed.
pub async fn withdraw(client: &Client, upload: &str) -> Withdrawn {
    // Once the answer to a request was lost, that request may be why the upload is gone.
    let mut may_be_done = false;
    let gone = |may_be_done| {
        if may_be_done {
            Withdrawn::Gone
        } else {
            Withdrawn::Missing
        }
    };
    for attempt in 1..=ATTEMPTS {
        let file = match record::package_of(client, upload).await {
            Ok(file) => file,
            Err(error) => {
                tracing::debug!("the files of the upload can't be read: {error}");
                pause(attempt).await;
                continue;
            }
        };
        if file.is_some_and(|file| file.is_complete()) {
            return Withdrawn::Kept;
        }
        match client.send(&DeleteBuildUpload(upload)).await {
            Ok(()) => return Withdrawn::Gone,
            Err(error) if has_status(&error, StatusCode::NOT_FOUND) => return gone(may_be_done),
            Err(error) => {
                may_be_done |= is_unknown(&error);
                tracing::debug!("the upload can't be withdrawn: {error}");
            }
        }
        match client.send(&BuildUploadById(upload)).await {
            Err(error) if has_status(&error, StatusCode::NOT_FOUND) => return gone(may_be_done),
            Ok(found) if found.data.attributes.state.state == "FAILED" => return Withdrawn::Failed,
            Ok(found) if found.data.attributes.state.state != "AWAITING_UPLOAD" => return Withdrawn::Kept,
            _ => pause(attempt).await,
        }
    }
    Withdrawn::Unknown
}
