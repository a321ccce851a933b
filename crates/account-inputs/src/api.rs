//! The App Store Connect API for a step: a client by the account's key, and what a person does about refusals.

use app_store_connect::{Client, Credentials, Error, Options};
use apple_account::ApiKey;
use step_kit::Step;
use transport::Policy;

use crate::pages::APPLE_KEYS;

/// What a step does with the API, which decides the role that its key needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Certificates, identifiers, and profiles.
    Signing,
    /// Uploads of builds.
    Upload,
    /// Releases and TestFlight.
    Release,
}

/// A client of the App Store Connect API, or of what the variable `APP_STORE_CONNECT_URL` names.
///
/// # Errors
/// When that variable holds no usable URL, or the key can't sign.
pub fn client<I>(step: &Step<I>, key: &ApiKey, policy: Policy) -> anyhow::Result<Client> {
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
        policy,
        ..Options::default()
    };
    Ok(Client::new(credentials, options)?)
}

/// What to do when an agreement with Apple is missing or has expired, however Apple is reached.
pub const ACCEPT_AGREEMENT: &str = "have the Account Holder accept the current agreement at https://developer.apple.com/account and in App Store Connect > Business, then rebuild; Apple may take an hour to apply it";

/// What to do when there is no answer of Apple's, or one that says nothing.
pub const APPLE_IS_UNWELL: &str = "rebuild later; https://developer.apple.com/system-status/ shows outages";

/// What to do when a refusal has none of the reasons that App Store Connect always gives.
const OTHER_SERVER: &str = "check the proxy or firewall between this machine and Apple: App Store Connect always gives a reason, and this response has none";

/// The largest difference between two clocks, in seconds, that tokens survive: Apple takes those that end within 20
/// minutes, and none from the future.
const LARGEST_SKEW: i64 = 120;

/// What to do about a request to Apple that got no usable answer.
pub fn about_transport(error: &transport::Error) -> &'static str {
    about_machine(error).unwrap_or(APPLE_IS_UNWELL)
}

/// What to do where this machine is why a request, whoever it was for, got no answer; `None` where it is not.
pub fn about_machine(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let boxed = error.downcast_ref::<Box<transport::Error>>();
        match error.downcast_ref().or_else(|| boxed.map(Box::as_ref)) {
            Some(transport::Error::ProxyCredentials { .. }) => {
                return Some(
                    "set HTTPS_PROXY to the proxy's address with its credentials (`http://user:password@host:port`), then rebuild",
                );
            }
            Some(transport::Error::NoAuthorities { .. }) => {
                return Some(
                    "install the CA certificates of this system (Debian, Ubuntu: `apt-get install ca-certificates`), or set SSL_CERT_FILE to a file that holds them",
                );
            }
            _ => cause = error.source(),
        }
    }
    None
}

/// What to do about an answer of the App Store Connect API, where its status alone says it; `None` where the request
/// decides.
pub fn about_api(error: &Error, duty: Duty) -> Option<String> {
    let Some(refusal) = error.refusal() else {
        return match error {
            Error::Transport(error) => Some(about_transport(error).to_owned()),
            _ => None,
        };
    };
    let skew = refusal.clock_ahead.filter(|seconds| seconds.abs() > LARGEST_SKEW);
    Some(match (refusal.status.as_u16(), skew) {
        (401, Some(seconds)) => format!(
            "set the clock of this machine: it differs from Apple's by {seconds} seconds, so tokens are not accepted"
        ),
        (401, None) => format!(
            "check that the key ID, the issuer ID, and the .p8 file belong together, and that the key was not revoked ({APPLE_KEYS})"
        ),
        (403, _) if refusal.is_agreement() => ACCEPT_AGREEMENT.to_owned(),
        (403, _) if refusal.errors.is_empty() => OTHER_SERVER.to_owned(),
        (403, _) => match duty {
            Duty::Signing => "give the API key the role Admin, or App Manager with access to Certificates, Identifiers & Profiles".to_owned(),
            Duty::Upload => "give the API key the role App Manager or Developer, and access to this app".to_owned(),
            Duty::Release => "give the API key the role App Manager or Admin, and access to this app".to_owned(),
        },
        (429, _) => "wait until the hourly request limit of the key resets, or use a separate key for this workspace".to_owned(),
        (500..=599, _) => APPLE_IS_UNWELL.to_owned(),
        _ => return None,
    })
}

/// What to do about an answer to a request that belongs to a release, of which a rerun does what is left.
pub fn about_release(error: &Error) -> String {
    let status = error.refusal().map(|refusal| refusal.status.as_u16());
    match (about_api(error, Duty::Release), status) {
        (Some(advice), _) => format!("{advice}; a rerun continues where this run stopped"),
        (None, Some(409 | 422)) => {
            "correct what App Store Connect reports, then rerun; the changes made so far are kept".to_owned()
        }
        (None, _) => format!("{APPLE_IS_UNWELL}; a rerun continues where this run stopped"),
    }
}

#[cfg(test)]
mod tests {
    use app_store_connect::{ApiError, Error, Refusal};

    use super::*;

    fn refused(status: u16, code: &str, clock_ahead: Option<i64>) -> Error {
        let status = status.to_string().parse().unwrap_or_default();
        let reason = ApiError {
            code: code.to_owned(),
            ..ApiError::default()
        };
        Error::Refused(Box::new(Refusal {
            method: "GET".to_owned(),
            path: "/v1/apps".to_owned(),
            status,
            errors: if code.is_empty() { vec![] } else { vec![reason] },
            clock_ahead,
        }))
    }

    /// Codes: "Interpreting and Handling Errors" of the App Store Connect API, 2026-08.
    #[test]
    fn a_status_has_one_advice_in_every_step() {
        let agreement = "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED";
        for (status, code, clock, words) in [
            (401, "NOT_AUTHORIZED", None, "belong together"),
            (401, "NOT_AUTHORIZED", Some(3_000), "set the clock"),
            (401, "NOT_AUTHORIZED", Some(30), "belong together"),
            (403, agreement, None, "have the Account Holder accept"),
            (403, "FORBIDDEN_ERROR", None, "give the API key the role"),
            (403, "", None, "check the proxy or firewall"),
            (429, "RATE_LIMIT_EXCEEDED", None, "hourly request limit"),
            (500, "UNEXPECTED_ERROR", None, "system-status"),
        ] {
            let error = refused(status, code, clock);
            let advice = about_api(&error, Duty::Release).unwrap_or_default();
            assert!(advice.contains(words), "{status} {code}: {advice}");
            assert!(about_release(&error).contains(words), "{status} {code}");
        }
    }

    #[test]
    fn what_only_the_request_can_explain_has_no_advice_of_its_own() {
        let error = refused(409, "ENTITY_ERROR.ATTRIBUTE.INVALID", None);
        assert_eq!(about_api(&error, Duty::Signing), None);
        assert!(about_release(&error).contains("correct what App Store Connect reports"));
    }

    #[test]
    fn the_role_is_that_of_the_duty() {
        let error = refused(403, "FORBIDDEN_ERROR", None);
        let of = |duty| about_api(&error, duty).unwrap_or_default();
        assert!(of(Duty::Signing).contains("Certificates, Identifiers & Profiles"));
        assert!(!of(Duty::Release).contains("Certificates"));
    }
}
