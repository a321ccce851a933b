//! Whether a build arrived that another program uploads, such as altool or fastlane.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use app_store_connect::Client;
use app_store_connect::uploads::{BuildName, TrainOf};
use apple_types::StorePlatform;
use time::OffsetDateTime;
use tokio::sync::OnceCell;

use crate::digest::Digests;
use crate::error::UploadError;
use crate::follow::Followed;
use crate::record::{Before, Records, Used};

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// What App Store Connect knows a build by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The app's ID.
    pub app: String,
    /// The version, `CFBundleShortVersionString`.
    pub short_version: String,
    /// The build number, `CFBundleVersion`.
    pub version: String,
    /// The platform.
    pub platform: StorePlatform,
}

impl Name {
    fn borrowed(&self) -> BuildName<'_> {
        BuildName {
            app: &self.app,
            short_version: &self.short_version,
            version: &self.version,
            platform: self.platform,
        }
    }
}

/// Looks for the records of one build, and tells those of this run from older ones: an older record proves nothing.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    name: Name,
    path: PathBuf,
    before: Before,
    records: Option<Records>,
    digests: OnceCell<Digests>,
}

impl Watch {
    /// Watches for the package at `path`. Records from before `started` are older than the upload.
    pub fn since(client: Client, name: Name, path: PathBuf, started: OffsetDateTime) -> Self {
        Self {
            client,
            name,
            path,
            before: Before::Moment(started),
            records: None,
            digests: OnceCell::new(),
        }
    }

    /// Notes what is there before the upload: safer than dates, since clocks differ.
    ///
    /// # Errors
    /// When App Store Connect can't be asked.
    pub async fn look(&mut self) -> Result<(), UploadError> {
        let records = Records::read(&self.client, self.name.borrowed()).await?;
        self.before = records.seen();
        self.records = Some(records);
        Ok(())
    }

    /// Whether [`Watch::look`] saw anything of this name.
    pub fn has_older(&self) -> bool {
        self.records.as_ref().is_some_and(|records| !records.is_empty())
    }

    async fn digests(&self) -> Result<&Digests, UploadError> {
        Ok(self.digests.get_or_try_init(|| Digests::of(&self.path)).await?)
    }

    /// Who used the build number before the upload.
    ///
    /// # Errors
    /// When App Store Connect can't be asked.
    pub async fn used(&self) -> Result<Option<Used>, UploadError> {
        match &self.records {
            Some(records) if !records.is_empty() => records.used(&self.client, self.digests().await?).await,
            _ => Ok(None),
        }
    }

    /// The version as App Store Connect spells it, where the train has builds: `1.2` and `1.2.0` are one train, and only
    /// the spelling that was uploaded first can be found.
    ///
    /// # Errors
    /// When App Store Connect can't be asked.
    pub async fn train(&self) -> Result<Option<String>, UploadError> {
        let listed = self.client.items(&TrainOf(self.name.borrowed())).await;
        let listed = listed.map_err(UploadError::api("look for the version"))?;
        Ok(listed
            .data
            .into_iter()
            .map(|train| train.attributes.version)
            .next())
    }

    /// What arrived since the upload began, looked for until it is there or patience ends. Only a record of this file
    /// counts, where App Store Connect gives a checksum.
    ///
    /// # Errors
    /// When it was refused, or App Store Connect can't be asked.
    pub async fn arrived(&self, patience: Duration) -> Result<Option<Followed>, UploadError> {
        let started = Instant::now();
        loop {
            let records = Records::read(&self.client, self.name.borrowed()).await?;
            if records.has_new(&self.before)
                && let Some(found) = records
                    .arrived(&self.client, &self.before, self.digests().await?)
                    .await?
            {
                return Ok(Some(found));
            }
            if started.elapsed() >= patience {
                return Ok(None);
            }
            tokio::time::sleep(PAUSE.min(patience)).await;
        }
    }
}
