//! Apple's intermediate authorities, for keychains that lack them: a new machine may have none.

use anyhow::Context as _;
use signing_assets::{Authority, Keychain};
use step_kit::Step;

use crate::expiry;
use crate::options::Options;

/// Where Apple's authorities are downloaded in place of Apple's own site.
const SITE: &str = "APPLE_CERTIFICATE_AUTHORITY_URL";

/// Downloads the certificate of an authority, and puts it into the keychain. Where that fails it is said what is missing:
/// the keychain of the system may hold it, which can't be told on every machine.
pub(crate) async fn install(step: &Step<Options>, keychain: &Keychain, authority: &Authority) {
    match try_install(step, keychain, authority).await {
        Ok(()) => step.log.plain(format!(
            "- {}, Apple's intermediate certificate, which the keychains lacked",
            authority.name
        )),
        Err(error) => {
            step.log.debug(format!("{error:#}"));
            step.log.warn(expiry::missing(authority));
        }
    }
}

async fn try_install(step: &Step<Options>, keychain: &Keychain, authority: &Authority) -> anyhow::Result<()> {
    let url = match step.env.get(SITE) {
        Some(site) => {
            let file = authority.download.rsplit('/').next().unwrap_or_default();
            format!("{}/{file}", site.trim_end_matches('/'))
        }
        None => authority.download.to_owned(),
    };
    let answer = transport::download(&transport::base_url(&url)?).await?;
    anyhow::ensure!(
        authority.is_subject_of(answer.bytes()),
        "{url} is not the certificate of {}",
        authority.name
    );
    keychain
        .add_authority(answer.bytes())
        .await
        .context("could not add Apple's intermediate certificate")
}
