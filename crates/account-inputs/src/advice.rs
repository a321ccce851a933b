//! What a person does next about an account that is missing or can't be used. Steps share it; libraries do not advise.

use apple_account::{ConnectionError, FindError, Found, IssuerError, Selection};

use crate::Terms;
use crate::api::about_machine;
use crate::pages::{API_KEYS, APPLE_ID, APPLE_KEYS, ASSIGN, REAUTHENTICATE};

/// How a person gives a step an account.
pub(crate) fn connect(terms: Terms, found: &Found) -> String {
    let key = format!("an App Store Connect API key ({API_KEYS})");
    let apple_id = format!("an Apple ID ({APPLE_ID})");
    let account = match found.selection {
        Selection::AppleId | Selection::EnterpriseWithAppleId => apple_id,
        Selection::ApiKey => key,
        Selection::Automatic | Selection::Off if terms.team_key_only => key,
        Selection::Automatic | Selection::Off => format!("{key} or {apple_id}"),
    };
    let add = format!("add {account} and assign it to this app ({ASSIGN})");
    let inputs = match terms.team_key_only {
        true => "the inputs `api_key_path` and `api_issuer`".to_owned(),
        false => format!(
            "the inputs `api_key_path` and `api_issuer`, or `{}` and `password`",
            terms.apple_id_key
        ),
    };
    match (found.selection, found.ignores_inputs) {
        (_, true) => format!("{USE_INPUTS}, or {add}"),
        (selection, false) if selection.is_connected_only() => {
            format!("{add}, or set the input `connection` to `off`, and {inputs}")
        }
        (Selection::Off, false) => {
            format!("set {inputs}, or set the input `connection` to `automatic` and {add}")
        }
        (_, false) => format!("{add}, or set {inputs}"),
    }
}

/// What makes the credentials of the inputs count where `connection` leaves them out.
pub(crate) const USE_INPUTS: &str =
    "set the input `connection` to `off` to use the credentials of the inputs";

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
            format!("copy the issuer ID from {APPLE_KEYS}, where it is shown above the list of keys")
        }
        FindError::Individual => {
            format!("create a team key ({APPLE_KEYS} > Team Keys) and use it with its issuer ID")
        }
    }
}

/// What to do about a connection that can't be used.
pub(crate) fn about_connection(failure: &ConnectionError, found: &Found) -> String {
    let use_inputs = match (found.ignores_inputs, found.selection.is_connected_only()) {
        (true, _) => USE_INPUTS,
        (false, true) => "set the input `connection` to `off` and use the step's inputs",
        (false, false) => "use the step's inputs",
    };
    if let ConnectionError::Unreachable(cause) = failure
        && let Some(advice) = about_machine(cause.as_ref())
    {
        return advice.to_owned();
    }
    match failure {
        ConnectionError::Withheld => format!(
            "builds of pull requests from forks of public apps get no credentials by design; run this step in other builds only, or {use_inputs}"
        ),
        ConnectionError::Unreachable(_) | ConnectionError::Status(_) | ConnectionError::File(_) => {
            format!("rebuild; if it happens again, {use_inputs}, or look at https://status.bitrise.io")
        }
        ConnectionError::Issuer(IssuerError::TeamId) => {
            format!("add the key again with its issuer ID, a UUID ({API_KEYS}); a team ID has ten characters")
        }
        ConnectionError::Issuer(_) | ConnectionError::Key(_) => {
            format!("add the API key again ({API_KEYS}), with the values that {APPLE_KEYS} shows")
        }
        ConnectionError::Malformed { .. } | ConnectionError::NotAnObject(_) | ConnectionError::Field(_) => {
            let add = format!("add the account again: API keys in {API_KEYS}, Apple IDs in {APPLE_ID}");
            match found.ignores_inputs {
                true => format!("{add}; or {USE_INPUTS}"),
                false => add,
            }
        }
    }
}
