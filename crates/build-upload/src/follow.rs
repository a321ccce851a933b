//! What Apple makes of an upload.

use std::time::{Duration, Instant};

use app_store_connect::Client;
use app_store_connect::uploads::{
    BuildName, BuildUpload, BuildUploadById, BuildUploadsNamed, BuildsNamed, FileById, StateDetail,
};
use app_store_connect::{One, Resource};

use crate::error::UploadError;
use crate::upload::Uploaded;

/// The pauses between two looks: short at first, because small builds are accepted in seconds.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

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
    let mut pause = FIRST_PAUSE;
    let mut last = String::new();
    loop {
        let upload: One<BuildUpload> = client
            .send(&BuildUploadById(&uploaded.id))
            .await
            .map_err(UploadError::api("look at the upload"))?;
        let followed = followed(&upload.data)?;
        let accepted = match followed.state.as_str() {
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
        if started.elapsed() + pause > patience {
            return Err(UploadError::TooSlow {
                state: last,
                minutes: patience.as_secs() / 60,
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

async fn file_is_accepted(client: &Client, file: &str) -> Result<bool, UploadError> {
    let file = client
        .send(&FileById(file))
        .await
        .map_err(UploadError::api("look at the file"))?;
    let state = file.data.attributes.asset_delivery_state;
    match state.state.as_str() {
        "FAILED" => Err(UploadError::Refused(state.errors)),
        "UPLOAD_COMPLETE" | "COMPLETE" => Ok(true),
        _ => Ok(false),
    }
}

fn followed(upload: &Resource<BuildUpload>) -> Result<Followed, UploadError> {
    let state = &upload.attributes.state;
    if state.state == "FAILED" {
        return Err(UploadError::Refused(state.errors.clone()));
    }
    Ok(Followed {
        state: state.state.clone(),
        warnings: state.warnings.clone(),
        upload: Some(upload.id.clone()),
        build: upload.related("build").into_iter().next().map(|build| build.id),
    })
}

/// Looks whether App Store Connect has a build, however it came there; `None` when it has not.
///
/// # Errors
/// When it was refused, or App Store Connect can't be asked.
pub async fn look_for(client: &Client, build: BuildName<'_>) -> Result<Option<Followed>, UploadError> {
    let uploads = client
        .items(&BuildUploadsNamed(build))
        .await
        .map_err(UploadError::api("look for the upload"))?;
    let begun = uploads
        .data
        .iter()
        .filter(|upload| upload.attributes.state.state != "AWAITING_UPLOAD");
    if let Some(upload) = begun.max_by_key(|upload| upload.attributes.created_date) {
        return followed(upload).map(Some);
    }
    let builds = client
        .items(&BuildsNamed(build))
        .await
        .map_err(UploadError::api("look for the build"))?;
    let Some(found) = builds.data.into_iter().next() else {
        return Ok(None);
    };
    match found.attributes.processing_state.as_str() {
        "FAILED" | "INVALID" => Err(UploadError::Refused(Vec::new())),
        "VALID" => Ok(Some(Followed {
            state: "COMPLETE".to_owned(),
            build: Some(found.id),
            ..Followed::default()
        })),
        other => Ok(Some(Followed {
            state: other.to_owned(),
            build: Some(found.id),
            ..Followed::default()
        })),
    }
}
