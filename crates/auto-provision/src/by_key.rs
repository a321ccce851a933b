//! The portal by API key.

use app_store_connect::{Client, Credentials, Options};
use step_kit::{Advice as _, Step};

use crate::order::Order;

pub(crate) fn client(step: &Step<Order>, key: &apple_account::ApiKey) -> anyhow::Result<Client> {
    let base_url = step
        .env
        .get("APP_STORE_CONNECT_URL")
        .map(transport::base_url)
        .transpose()?;
    let credentials = Credentials {
        key_id: key.key_id.clone(),
        issuer_id: key.issuer_id.clone(),
        private_key: key.private_key.clone(),
        enterprise: key.enterprise,
    };
    let options = Options {
        base_url,
        redactor: step.redactor.clone(),
        ..Options::default()
    };
    Ok(Client::new(credentials, options)?)
}

const APPLE_HAS_TROUBLE: &str = "Apple's service has trouble, or the way to it: rebuild later, see https://developer.apple.com/system-status/";

/// Apple's well-known answers, with what to do about them.
pub(crate) fn refused(error: anyhow::Error) -> anyhow::Error {
    let Some(refusal) = error.chain().find_map(|cause| {
        cause
            .downcast_ref::<app_store_connect::Error>()?
            .refusal()
            .cloned()
    }) else {
        // No answer at all, or one that says nothing.
        return if error
            .chain()
            .any(|cause| matches!(cause.downcast_ref(), Some(app_store_connect::Error::Transport(_))))
        {
            error.hint(APPLE_HAS_TROUBLE)
        } else {
            error
        };
    };
    let skewed = refusal.clock_ahead.filter(|seconds| seconds.abs() > 120);
    let advice = match (refusal.status.as_u16(), skewed) {
        (401, Some(seconds)) => format!("set the clock of this machine: it differs from Apple's by {seconds} seconds, so tokens are not accepted"),
        (401, None) => "check that the key ID, the issuer ID and the .p8 file belong together, and that the key was not revoked (App Store Connect > Users and Access > Integrations)".to_owned(),
        (403, _) if refusal.is_agreement() => "the Account Holder must accept the current agreement at https://developer.apple.com/account and in App Store Connect > Business; then rebuild".to_owned(),
        (403, _) => "give the API key the role Admin, or App Manager with access to Certificates, Identifiers & Profiles".to_owned(),
        (429, _) => "wait until the hourly limit of the key has room again, or use a key of its own for this workspace".to_owned(),
        (500..=599, _) => APPLE_HAS_TROUBLE.to_owned(),
        _ => return error,
    };
    error.hint(advice)
}
