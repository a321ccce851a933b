//! What Apple makes of an upload.

use std::time::{Duration, Instant};

use app_store_connect::Client;
use app_store_connect::uploads::{BuildUpload, BuildUploadById, FileById, StateDetail};
use app_store_connect::{One, Resource};

use transport::Backoff;

use crate::error::UploadError;
use crate::settle::committed;
use crate::upload::Uploaded;

/// The pauses between two looks: short at first, because small builds are accepted in seconds.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(30),
};

/// How far an upload is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until Apple has the file and begins to process it.
    Accepted,
    /// Until it is processed.
    Processed,
}

/// How it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followed {
    /// The last state, in Apple's words.
    pub state: String,
    /// What should be looked at.
    pub warnings: Vec<StateDetail>,
    /// The upload's ID, where it is known.
    pub upload: Option<String>,
    /// The build's ID, where there is one already.
    pub build: Option<String>,
}

/// Follows an upload until it is accepted or processed.
///
/// # Errors
/// When Apple refuses it, or takes longer than `patience`.
pub async fn follow(
    client: &Client,
    uploaded: &Uploaded,
    until: Until,
    patience: Duration,
    mut seen: impl FnMut(&str),
) -> Result<Followed, UploadError> {
    let started = Instant::now();
    let mut look = 1;
    let mut last = String::new();
    loop {
        let upload: One<BuildUpload> = client
            .send(&BuildUploadById(&uploaded.id))
            .await
            .map_err(UploadError::api("look at the upload"))?;
        let followed = followed(&upload.data)?;
        let accepted = match followed.state.as_str() {
            "AWAITING_UPLOAD" if uploaded.file.is_empty() => false,
            "AWAITING_UPLOAD" => file_is_accepted(client, &uploaded.file).await?,
            _ => true,
        };
        if followed.state != last {
            seen(&followed.state);
            last.clone_from(&followed.state);
        }
        if followed.state == "COMPLETE" || (until == Until::Accepted && accepted) {
            return Ok(followed);
        }
        let pause = BACKOFF.random(look);
        if started.elapsed() + pause > patience {
            return Err(UploadError::TooSlow {
                state: last,
                minutes: patience.as_secs() / 60,
            });
        }
        tokio::time::sleep(pause).await;
        look += 1;
    }
}

async fn file_is_accepted(client: &Client, file: &str) -> Result<bool, UploadError> {
    let file = client
        .send(&FileById(file))
        .await
        .map_err(UploadError::api("look at the file"))?;
    committed(&file.data.attributes.asset_delivery_state)
}

pub(crate) fn followed(upload: &Resource<BuildUpload>) -> Result<Followed, UploadError> {
    let state = &upload.attributes.state;
    if state.state == "FAILED" {
        return Err(UploadError::Refused(state.errors.clone()));
    }
    Ok(Followed {
        state: state.state.clone(),
        warnings: state.warnings.clone(),
        upload: Some(upload.id.clone()),
        build: upload.one("build").map(|build| build.id),
    })
}
