//! What App Store Connect says before anything is sent: whether it has the file already, and whether it would refuse it.

use build_upload::{Followed, Used};
use step_kit::{Advice as _, Step};

use crate::artifact::Artifact;
use crate::inputs::Inputs;
use crate::store::{Store, numbers};

/// What the checks found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Why the upload would be refused.
    pub(crate) obstacles: Vec<String>,
    /// Set when an earlier run delivered this very file.
    pub(crate) delivered: Option<Followed>,
}

/// Asks App Store Connect about the build number and the version. What it does not answer is no obstacle.
pub(crate) async fn ask(step: &Step<Inputs>, artifact: &Artifact, store: &Store) -> Findings {
    let mut findings = Findings::default();
    let (used, closed, train) =
        futures_util::future::join3(store.used(), store.closed_version(), store.train()).await;
    let details = &artifact.details;
    let short_version = details.short_version.clone().unwrap_or_default();
    let version = details.version.clone().unwrap_or_default();
    match used {
        Ok(Some(Used::ByThisFile(followed))) => {
            findings.delivered = Some(followed);
            return findings;
        }
        Ok(Some(Used::ByAnother { date, state })) => {
            let date = date.map_or_else(String::new, |date| format!(" on {}", date.date()));
            findings.obstacles.push(format!(
                "the build number `{version}` of version `{short_version}` is used: another file was uploaded{date} ({state}); raise CFBundleVersion"
            ));
        }
        Ok(None) => {}
        Err(error) => step
            .log
            .debug(format!("Earlier uploads can't be compared: {error}")),
    }
    match train {
        Ok(Some(train)) if train != short_version => step.log.plain(format!(
            "train: App Store Connect has builds of `{train}`, which is the same version as `{short_version}`"
        )),
        Ok(_) => {}
        Err(error) => step.log.debug(format!("The trains can't be read: {error}")),
    }
    match closed {
        Ok(Some(closed)) if numbers(&short_version) <= numbers(&closed.version_string) => {
            let state = [&closed.app_version_state, &closed.app_store_state]
                .into_iter()
                .find(|state| !state.is_empty())
                .cloned()
                .unwrap_or_default();
            findings.obstacles.push(format!(
                "the version `{short_version}` takes no more builds: version `{}` is approved ({state}); raise CFBundleShortVersionString above it",
                closed.version_string
            ));
        }
        Ok(_) => {}
        Err(error) => step
            .log
            .debug(format!("The App Store versions can't be read: {error}")),
    }
    findings
}

/// The error of an upload that would be refused.
pub(crate) fn refused(artifact: &Artifact, obstacles: &[String]) -> anyhow::Error {
    let list: Vec<String> = obstacles.iter().map(|obstacle| format!("- {obstacle}")).collect();
    anyhow::anyhow!(list.join("\n"))
        .context(format!(
            "App Store Connect would refuse {}",
            artifact.path.display()
        ))
        .hint("correct what is listed, build again, and upload the new package")
}
