//! What a person does next about an account that is missing or can't be used. Steps share it; libraries do not advise.

use apple_account::{ConnectionError, FindError, IssuerError};

use crate::Terms;
use crate::pages::{API_KEYS, APPLE_ID, APPLE_KEYS, ASSIGN, REAUTHENTICATE};

/// How a person gives a step an account.
pub(crate) fn connect(terms: Terms) -> String {
    if terms.team_key_only {
        return format!(
            "add an App Store Connect API key ({API_KEYS}) and assign it to this app ({ASSIGN}), or set the inputs `api_key_path` and `api_issuer`"
        );
    }
    format!(
        "add an App Store Connect API key ({API_KEYS}) or an Apple ID ({APPLE_ID}) and assign it to this app ({ASSIGN}), or set the inputs `api_key_path` and `api_issuer`, or `{}` and `password`",
        terms.apple_id_key
    )
}

/// How a person gives a step an Apple ID where nothing else will do.
pub(crate) fn connect_apple_id() -> String {
    format!("connect the Apple ID ({APPLE_ID}) and assign it to this app ({ASSIGN})")
}

/// Where the API key is connected and the step works with Apple IDs alone.
pub(crate) fn use_the_key() -> String {
    format!(
        "use the step auto-provision-asc, which works with the API key, or assign an Apple ID to the app ({ASSIGN})"
    )
}

/// How a person renews the session of a connected Apple ID.
pub(crate) fn renew() -> String {
    format!("sign in again on Bitrise: {REAUTHENTICATE}")
}

/// What to do about an account of the inputs.
pub(crate) fn about_inputs(error: &FindError) -> String {
    match error {
        FindError::Expired(_) => renew(),
        FindError::File { .. } => {
            "set `api_key_path` to a path, or a `file://` or `https://` URL, that this machine can read; or set `api_key_content` to the content of the file".to_owned()
        }
        FindError::Key { .. } => format!(
            "use the .p8 file of the key as it was downloaded; if it is lost, revoke the key and create another one ({APPLE_KEYS})"
        ),
        FindError::NoKeyId => format!("copy the key ID from {APPLE_KEYS}"),
        FindError::NoIssuer | FindError::Issuer { .. } => {
            format!("copy the issuer ID from {APPLE_KEYS}, where it stands above the list of keys")
        }
        FindError::Individual => {
            format!("create a team key ({APPLE_KEYS} > Team Keys) and use it with its issuer ID")
        }
    }
}

/// What to do about a connection that can't be used.
pub(crate) fn about_connection(failure: &ConnectionError) -> String {
    match failure {
        ConnectionError::Withheld => {
            "builds of pull requests from forks of public apps get no credentials by design; run this step in other builds only, or use the step's inputs".to_owned()
        }
        ConnectionError::Unreachable(_) | ConnectionError::Status(_) | ConnectionError::File(_) => {
            "rebuild; if it happens again, use the step's inputs, or look at https://status.bitrise.io".to_owned()
        }
        ConnectionError::Issuer(IssuerError::TeamId) => format!(
            "add the key again with its issuer ID, a UUID ({API_KEYS}); a team ID has ten characters"
        ),
        ConnectionError::Issuer(_) | ConnectionError::Key(_) => {
            format!("add the API key again ({API_KEYS}), with the values that {APPLE_KEYS} shows")
        }
        ConnectionError::Malformed { .. } | ConnectionError::NotAnObject(_) | ConnectionError::Field(_) => {
            format!("add the account again: API keys in {API_KEYS}, Apple IDs in {APPLE_ID}")
        }
    }
}
