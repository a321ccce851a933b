//! What App Store Connect has under a build's name, however it came there.

use std::collections::BTreeSet;

use app_store_connect::uploads::{
    Build, BuildName, BuildUpload, BuildUploadFile, BuildUploadsNamed, BuildsNamed, FilesOfUpload,
};
use app_store_connect::{Client, Resource};
use time::OffsetDateTime;

use crate::digest::Digests;
use crate::error::UploadError;
use crate::follow::{Followed, followed};

/// The uploads and builds of one name.
#[derive(Debug)]
pub struct Records {
    uploads: Vec<Resource<BuildUpload>>,
    builds: Vec<Resource<Build>>,
}

/// How far the clocks of Apple and of this machine may differ.
const CLOCKS: time::Duration = time::Duration::minutes(5);

/// The records that were there before: no proof of what came later.
#[derive(Debug, Clone)]
pub enum Before {
    /// The IDs that were seen before the upload.
    Seen(BTreeSet<String>),
    /// Nothing could be seen; records from before this moment are older.
    Moment(OffsetDateTime),
}

/// Whether a record can be the upload's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    /// It was there before.
    Older,
    /// It was, unless the clocks differ: only the file's checksum proves that it is the upload's.
    Doubtful,
    /// It came later.
    Newer,
}

impl Before {
    fn age(&self, id: &str, date: Option<OffsetDateTime>) -> Age {
        match (self, date) {
            (Self::Seen(known), _) if known.contains(id) => Age::Older,
            (Self::Seen(_), _) => Age::Newer,
            // Without a date nothing says that it is new.
            (Self::Moment(_), None) => Age::Older,
            (Self::Moment(moment), Some(date)) if date >= *moment => Age::Newer,
            (Self::Moment(moment), Some(date)) if date >= *moment - CLOCKS => Age::Doubtful,
            (Self::Moment(_), Some(_)) => Age::Older,
        }
    }
}

/// Whose build number it is already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Used {
    /// The very file was delivered before.
    ByThisFile(Followed),
    /// Another file has it.
    ByAnother {
        /// When it came, where that is known.
        date: Option<OffsetDateTime>,
        /// Apple's word for its state.
        state: String,
    },
}

impl Records {
    /// Reads them.
    ///
    /// # Errors
    /// When App Store Connect can't be asked.
    pub async fn read(client: &Client, build: BuildName<'_>) -> Result<Self, UploadError> {
        let (uploads, builds) = (BuildUploadsNamed(build), BuildsNamed(build));
        let (uploads, builds) =
            futures_util::future::join(client.items(&uploads), client.items(&builds)).await;
        Ok(Self {
            uploads: uploads.map_err(UploadError::api("look for the upload"))?.data,
            builds: builds.map_err(UploadError::api("look for the build"))?.data,
        })
    }

    /// Everything that is there now, for a later comparison.
    pub fn seen(&self) -> Before {
        let uploads = self.uploads.iter().map(|upload| upload.id.clone());
        let builds = self.builds.iter().map(|build| build.id.clone());
        Before::Seen(uploads.chain(builds).collect())
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.uploads.is_empty() && self.builds.is_empty()
    }

    /// Whether anything came after `before`.
    pub fn has_new(&self, before: &Before) -> bool {
        let uploads = self.uploads.iter();
        let builds = self.builds.iter();
        uploads
            .map(|upload| before.age(&upload.id, upload.attributes.created_date))
            .chain(builds.map(|build| before.age(&build.id, build.attributes.uploaded_date)))
            .any(|age| age != Age::Older)
    }

    /// Uploads of the name whose file is not there yet.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Resource<BuildUpload>> {
        self.uploads
            .iter()
            .filter(|upload| upload.attributes.state.state == "AWAITING_UPLOAD")
    }

    /// Whether the build number is used, and by which file. A failed upload does not use it: Apple takes the number again.
    ///
    /// # Errors
    /// When App Store Connect can't be asked.
    pub async fn used(&self, client: &Client, digests: &Digests) -> Result<Option<Used>, UploadError> {
        let mut another = None;
        for upload in self.uploads.iter().rev() {
            let state = upload.attributes.state.state.as_str();
            if state == "FAILED" {
                continue;
            }
            let file = package_of(client, &upload.id).await?;
            if state == "AWAITING_UPLOAD" && !file.as_ref().is_some_and(BuildUploadFile::is_complete) {
                continue;
            }
            let checksum = file
                .map(|file| file.source_file_checksums.file)
                .unwrap_or_default();
            if digests.matches(&checksum) == Some(true) {
                return Ok(Some(Used::ByThisFile(followed(upload)?)));
            }
            another = Some(Used::ByAnother {
                date: upload.attributes.uploaded_date.or(upload.attributes.created_date),
                state: state.to_owned(),
            });
        }
        let used = |build: &&Resource<Build>| {
            // Whether Apple takes the number of an invalid build again is not known.
            matches!(build.attributes.processing_state.as_str(), "PROCESSING" | "VALID")
        };
        let by_build = || {
            let build = self.builds.iter().find(used)?;
            Some(Used::ByAnother {
                date: build.attributes.uploaded_date,
                state: build.attributes.processing_state.clone(),
            })
        };
        Ok(another.or_else(by_build))
    }

    /// What came after `before` and has this file's checksum, where Apple gives one; `None` when nothing did.
    ///
    /// # Errors
    /// When it was refused, or App Store Connect can't be asked.
    pub async fn arrived(
        &self,
        client: &Client,
        before: &Before,
        digests: &Digests,
    ) -> Result<Option<Followed>, UploadError> {
        let mut uploads: Vec<_> = self
            .uploads
            .iter()
            .map(|upload| (before.age(&upload.id, upload.attributes.created_date), upload))
            .filter(|(age, _)| *age != Age::Older)
            .collect();
        uploads.sort_by_key(|(_, upload)| std::cmp::Reverse(upload.attributes.created_date));
        for (age, upload) in uploads {
            let file = package_of(client, &upload.id).await?;
            let is_there = upload.attributes.state.state != "AWAITING_UPLOAD"
                || file.as_ref().is_some_and(BuildUploadFile::is_complete);
            let checksum = file
                .map(|file| file.source_file_checksums.file)
                .unwrap_or_default();
            let is_this_file = match digests.matches(&checksum) {
                Some(matches) => matches,
                None => age == Age::Newer,
            };
            if is_there && is_this_file {
                return followed(upload).map(Some);
            }
        }
        let mut builds = self.builds.iter();
        // A build has no checksum.
        let is_newer =
            |build: &&Resource<Build>| before.age(&build.id, build.attributes.uploaded_date) == Age::Newer;
        let Some(build) = builds.find(is_newer) else {
            return Ok(None);
        };
        let state = match build.attributes.processing_state.as_str() {
            "FAILED" | "INVALID" => return Err(UploadError::Refused(Vec::new())),
            "VALID" => "COMPLETE",
            other => other,
        };
        Ok(Some(Followed {
            state: state.to_owned(),
            build: Some(build.id.clone()),
            ..Followed::default()
        }))
    }
}

/// The package among the files of an upload: altool sends descriptions beside it.
pub(crate) async fn package_of(
    client: &Client,
    upload: &str,
) -> Result<Option<BuildUploadFile>, UploadError> {
    Ok(file_of(client, upload).await?.map(|file| file.attributes))
}

pub(crate) async fn file_of(
    client: &Client,
    upload: &str,
) -> Result<Option<Resource<BuildUploadFile>>, UploadError> {
    match client.items(&FilesOfUpload(upload)).await {
        Ok(files) => Ok(files
            .data
            .into_iter()
            .rfind(|file| matches!(file.attributes.asset_type.as_str(), "ASSET" | ""))),
        Err(error)
            if error
                .refusal()
                .is_some_and(|refusal| refusal.status == transport::StatusCode::NOT_FOUND) =>
        {
            Ok(None)
        }
        Err(error) => Err(UploadError::api("look at the files of the upload")(error)),
    }
}
