//! App Store Connect as this upload sees it: the app, and what is there under the build's name.

use std::time::Duration;

use app_store_connect::Client;
use app_store_connect::uploads::{AppStoreVersion, AppStoreVersionsOf, BuildsOfApp, UploadsInProgress};
use apple_account::Account;
use apple_types::StorePlatform;
use build_upload::{Followed, Name, TheApp, UploadError, Used, Watch, find_app};
use step_kit::Step;
use transport::Policy;

use crate::advice;
use crate::artifact::Artifact;
use crate::inputs::Inputs;

/// Before the upload nobody waits for App Store Connect for long: altool and Apple have the last word.
const LONGEST_LOOK: Duration = Duration::from_secs(30);

/// What App Store Connect knows about the app and the build.
pub(crate) struct Store {
    client: Client,
    pub(crate) app: TheApp,
    platform: StorePlatform,
    /// `None` where the package does not tell its versions.
    watch: Option<Watch>,
}

/// What came of asking for the app.
pub(crate) enum Opened {
    /// It is there.
    Store(Box<Store>),
    /// App Store Connect could not be asked.
    NotAsked {
        /// Why.
        reason: String,
        /// Whether the API key was not accepted.
        key_is_refused: bool,
    },
}

impl Store {
    /// Asks for the app and for what has the build's name; both are older than the upload.
    ///
    /// # Errors
    /// When there is no such app, or it is another one than the package's.
    pub(crate) async fn open(
        step: &Step<Inputs>,
        artifact: &Artifact,
        account: &Account,
    ) -> anyhow::Result<Opened> {
        let not_asked = |reason: String| Opened::NotAsked {
            reason,
            key_is_refused: false,
        };
        let Account::ApiKey(key) = account else {
            return Ok(not_asked(
                "it takes an API key, and the account is an Apple ID".to_owned(),
            ));
        };
        let Some(bundle_id) = &artifact.details.bundle_id else {
            return Ok(not_asked(format!(
                "the bundle ID of {} is not known",
                artifact.name()
            )));
        };
        // No long patience with a network that may be gone.
        let quick = Policy {
            attempts: 3,
            longest_retry_after: Duration::from_secs(10),
            ..Policy::default()
        };
        let started = clock::now();
        let client = account_inputs::client(step, key, quick)?;
        let asked = tokio::time::timeout(
            LONGEST_LOOK,
            find_app(&client, step.inputs.app_id.as_deref(), bundle_id),
        );
        let app = match asked.await {
            Ok(Ok(app)) => app,
            Ok(Err(error @ (UploadError::NoApp(_) | UploadError::OtherApp { .. }))) => {
                return Err(advice::explain(error));
            }
            Ok(Err(error)) => {
                let key_is_refused = matches!(&error, UploadError::Api { source, .. }
                    if source.refusal().is_some_and(|refusal| refusal.status == transport::StatusCode::UNAUTHORIZED));
                return Ok(Opened::NotAsked {
                    reason: format!("{:#}", anyhow::Error::from(error)),
                    key_is_refused,
                });
            }
            Err(_) => {
                let seconds = LONGEST_LOOK.as_secs();
                return Ok(not_asked(format!("no answer within {seconds} s")));
            }
        };
        let details = &artifact.details;
        let platform = artifact.platform;
        let names = details.short_version.clone().zip(details.version.clone());
        let mut watch = names.map(|(short_version, version)| {
            let name = Name {
                app: app.id.clone(),
                short_version,
                version,
                platform,
            };
            Watch::since(client.clone(), name, artifact.path.clone(), started)
        });
        if let Some(watch) = &mut watch {
            match tokio::time::timeout(LONGEST_LOOK, watch.look()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => step.log.debug(format!("Earlier uploads can't be read: {error}")),
                Err(_) => step.log.debug("Earlier uploads were not listed in time."),
            }
        }
        Ok(Opened::Store(Box::new(Self {
            client,
            app,
            platform,
            watch,
        })))
    }

    pub(crate) fn app_id(&self) -> &str {
        &self.app.id
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Who uses the build number already.
    ///
    /// # Errors
    /// When App Store Connect can't be asked.
    pub(crate) async fn used(&self) -> Result<Option<Used>, UploadError> {
        match &self.watch {
            Some(watch) => watch.used().await,
            None => Ok(None),
        }
    }

    /// What arrived since the run began, looked for until it is there or patience ends.
    ///
    /// # Errors
    /// When it was refused, or App Store Connect can't be asked.
    pub(crate) async fn arrived(&self, patience: Duration) -> Result<Option<Followed>, UploadError> {
        match &self.watch {
            Some(watch) => watch.arrived(patience).await,
            None => Ok(None),
        }
    }

    /// The version as App Store Connect spells it, where it has builds of it.
    ///
    /// # Errors
    /// When App Store Connect can't be asked.
    pub(crate) async fn train(&self) -> Result<Option<String>, UploadError> {
        match &self.watch {
            Some(watch) => watch.train().await,
            None => Ok(None),
        }
    }

    /// A note about older records of the same name, for an error; empty where there are none.
    pub(crate) fn older(&self) -> String {
        match &self.watch {
            Some(watch) if watch.has_older() => {
                " (what it lists under this build number is older than this run)".to_owned()
            }
            _ => String::new(),
        }
    }

    /// The highest App Store version that takes no more builds.
    ///
    /// # Errors
    /// When App Store Connect can't be asked.
    pub(crate) async fn closed_version(&self) -> Result<Option<AppStoreVersion>, UploadError> {
        let versions = AppStoreVersionsOf {
            app: &self.app.id,
            platform: self.platform,
        };
        let listed = self.client.items(&versions).await;
        let listed = listed.map_err(|source| UploadError::Api {
            what: "list the App Store versions",
            source,
        })?;
        Ok(listed
            .data
            .into_iter()
            .map(|version| version.attributes)
            .filter(AppStoreVersion::is_closed)
            .max_by_key(|version| numbers(&version.version_string)))
    }

    /// The build number after the highest one of builds and uploads.
    ///
    /// # Errors
    /// When App Store Connect can't be asked.
    pub(crate) async fn next_build_number(&self) -> Result<Option<String>, UploadError> {
        let (app, platform) = (self.app.id.as_str(), self.platform);
        let (builds, uploads) = (BuildsOfApp { app, platform }, UploadsInProgress { app, platform });
        let (builds, uploads) =
            futures_util::future::join(self.client.items(&builds), self.client.items(&uploads)).await;
        let api = |source| UploadError::Api {
            what: "list the builds",
            source,
        };
        let (builds, uploads) = (builds.map_err(api)?, uploads.map_err(api)?);
        let of_builds = builds.data.into_iter().map(|build| build.attributes.version);
        let of_uploads = uploads
            .data
            .into_iter()
            .map(|upload| upload.attributes.cf_bundle_version);
        Ok(next(of_builds.chain(of_uploads)))
    }

    /// The page of the build, or of the app's builds where the build is not known yet.
    pub(crate) fn page(&self, build: Option<&str>) -> String {
        testflight_page(&self.app.id, self.platform, build)
    }
}

/// The page of a build on TestFlight, or of an app's builds.
pub(crate) fn testflight_page(app: &str, platform: StorePlatform, build: Option<&str>) -> String {
    let platform = match platform {
        StorePlatform::Macos => "macos",
        StorePlatform::Tvos => "tvos",
        StorePlatform::Visionos => "visionos",
        StorePlatform::Ios => "ios",
    };
    let page = format!("https://appstoreconnect.apple.com/apps/{app}/testflight/{platform}");
    match build {
        Some(build) => format!("{page}/{build}"),
        None => page,
    }
}

/// A version as numbers that compare as Apple compares them: `1.2` is `1.2.0`. What is no number counts as 0.
pub(crate) fn numbers(version: &str) -> Vec<u64> {
    let mut numbers: Vec<u64> = version
        .split('.')
        .map(|part| part.trim().parse().unwrap_or(0))
        .collect();
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    numbers
}

/// The highest build number plus one in its last component; 1 where there is none.
fn next(versions: impl Iterator<Item = String>) -> Option<String> {
    let is_numeric = |version: &String| {
        let mut parts = version.split('.');
        parts.all(|part| !part.is_empty() && part.parse::<u64>().is_ok())
    };
    let Some(highest) = versions.filter(is_numeric).max_by_key(|version| numbers(version)) else {
        return Some("1".to_owned());
    };
    let (head, last) = highest
        .rsplit_once('.')
        .map_or((None, highest.as_str()), |(head, last)| (Some(head), last));
    let last = last.parse::<u64>().ok()?.checked_add(1)?;
    Some(match head {
        Some(head) => format!("{head}.{last}"),
        None => last.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_build_number_follows_the_highest() {
        for (versions, expected) in [
            (&[][..], "1"),
            (&["9", "10", "7"], "11"),
            (&["1.2.9", "1.10"], "1.11"),
            (&["41", "beta", ""], "42"),
            (&["2024.1", "7"], "2024.2"),
        ] {
            let versions = versions.iter().map(|version| (*version).to_owned());
            assert_eq!(next(versions).as_deref(), Some(expected));
        }
        assert_eq!(next([u64::MAX.to_string()].into_iter()), None);
    }

    #[test]
    fn every_platform_has_a_page_of_its_own() {
        for (platform, name) in [
            (StorePlatform::Ios, "ios"),
            (StorePlatform::Macos, "macos"),
            (StorePlatform::Tvos, "tvos"),
            (StorePlatform::Visionos, "visionos"),
        ] {
            let page = format!("https://appstoreconnect.apple.com/apps/1023456789/testflight/{name}");
            assert_eq!(testflight_page("1023456789", platform, None), page);
            assert_eq!(
                testflight_page("1023456789", platform, Some("b-1")),
                format!("{page}/b-1")
            );
        }
    }

    #[test]
    fn versions_compare_as_apple_does() {
        assert_eq!(numbers("1.2"), numbers("1.2.0"));
        assert!(numbers("1.10") > numbers("1.9.9"));
        assert!(numbers("2") > numbers("1.99"));
    }
}
