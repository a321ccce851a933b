//! An account as fastlane takes it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use apple_account::{ApiKey, AppleId};
use command::Command;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::session;

/// How long fastlane's tokens live, in seconds: what Apple allows at most. fastlane's own default is shorter
/// than some uploads.
const TOKEN_LIFE: u32 = 1200;

/// fastlane's key file.
///
/// Fact: fastlane's documentation of the API key JSON file; `in_house` says that the key is one of the
/// Enterprise Program, without which fastlane asks the API a question that such a key can't answer.
#[derive(Serialize)]
struct KeyFile<'a> {
    key_id: &'a str,
    /// An individual key has none: fastlane then signs with the user as subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer_id: Option<&'a str>,
    key: &'a str,
    duration: u32,
    in_house: bool,
}

/// Writes the key as fastlane's JSON file into `directory`, which should be private and short-lived. The
/// file has mode 0600 from its first byte on.
///
/// # Errors
/// When it can't be written.
pub fn write_key_file(key: &ApiKey, directory: &Path) -> std::io::Result<PathBuf> {
    let path = directory.join("api_key.json");
    let content = KeyFile {
        key_id: &key.key_id,
        issuer_id: key.issuer_id.as_deref(),
        // fastlane reads keys with and without a last line break.
        key: key.private_key.expose_secret().trim_end(),
        duration: TOKEN_LIFE,
        in_house: key.enterprise,
    };
    let text = serde_json::to_string(&content)?;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?
        .write_all(text.as_bytes())?;
    Ok(path)
}

/// A variable for fastlane's environment.
pub type Variable = (&'static str, SecretString);

/// The command with these variables. Only passwords and the session are masked in what it prints: masking the user's
/// name, a path or a word like `false` would hide half of the log.
#[must_use]
pub fn with_variables(mut command: Command, variables: &[Variable]) -> Command {
    for (name, value) in variables {
        command = if name.contains("PASSWORD") || *name == "FASTLANE_SESSION" {
            command.secret_env(name, value)
        } else {
            command.env(name, value.expose_secret())
        };
    }
    command
}

/// What makes every action of a lane use the key file.
pub fn api_key_variables(key_file: &Path) -> Vec<Variable> {
    let path = key_file.to_string_lossy();
    let mut variables: Vec<Variable> = [
        "APP_STORE_CONNECT_API_KEY_PATH",
        "DELIVER_API_KEY_PATH",
        "PILOT_API_KEY_PATH",
    ]
    .map(|name| (name, SecretString::from(path.as_ref())))
    .into();
    // precheck cannot look at in-app purchases with an API key, and fails where it is not told to leave them.
    variables.push(("PRECHECK_INCLUDE_IN_APP_PURCHASES", "false".into()));
    variables
}

/// An Apple ID as fastlane takes it.
#[derive(Debug)]
pub struct AppleIdVariables {
    /// For fastlane's environment.
    pub variables: Vec<Variable>,
    /// The names of the session's cookies that fastlane would not read, and does not get.
    pub dropped_cookies: Vec<String>,
}

/// What makes every action of a lane use the Apple ID.
pub fn apple_id_variables(apple_id: &AppleId) -> AppleIdVariables {
    let mut shared = shared_apple_id_variables(apple_id);
    let variables = &mut shared.variables;
    if !apple_id.apple_id.is_empty() {
        let user = SecretString::from(apple_id.apple_id.as_str());
        variables
            .extend(["FASTLANE_USER", "DELIVER_USERNAME", "PILOT_USERNAME"].map(|name| (name, user.clone())));
    }
    if let Some(password) = &apple_id.password {
        variables.extend(
            ["FASTLANE_PASSWORD", "DELIVER_PASSWORD", "PILOT_PASSWORD"].map(|name| (name, password.clone())),
        );
    }
    shared
}

/// What makes deliver, which is told the user on its command line, use the Apple ID.
pub fn deliver_variables(apple_id: &AppleId) -> AppleIdVariables {
    let mut shared = shared_apple_id_variables(apple_id);
    shared.variables.extend(
        apple_id
            .password
            .clone()
            .map(|password| ("DELIVER_PASSWORD", password)),
    );
    shared
}

fn shared_apple_id_variables(apple_id: &AppleId) -> AppleIdVariables {
    let mut variables = vec![("SPACESHIP_SKIP_2FA_UPGRADE", "1".into())];
    let cookies = apple_id
        .session
        .as_ref()
        .map(|session| session.cookies.as_slice());
    let session = session::fastlane_session(cookies.unwrap_or_default());
    variables.extend(session.text.map(|text| ("FASTLANE_SESSION", text)));
    if let Some(password) = &apple_id.app_specific_password {
        let password = SecretString::from(password.expose_secret().trim());
        variables.push(("FASTLANE_APPLE_APPLICATION_SPECIFIC_PASSWORD", password));
    }
    AppleIdVariables {
        variables,
        dropped_cookies: session.dropped,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn key(issuer_id: Option<&str>, enterprise: bool) -> ApiKey {
        ApiKey {
            key_id: "ABC".to_owned(),
            issuer_id: issuer_id.map(str::to_owned),
            private_key: "-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\n".into(),
            enterprise,
        }
    }

    #[test]
    fn the_key_file_is_private_and_complete() {
        let directory = tempfile::tempdir().unwrap();
        let path = write_key_file(&key(Some("I"), true), directory.path()).unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "key_id": "ABC", "issuer_id": "I", "duration": 1200, "in_house": true,
                "key": "-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----",
            })
        );
    }

    #[test]
    fn an_individual_key_has_no_issuer() {
        let directory = tempfile::tempdir().unwrap();
        let path = write_key_file(&key(None, false), directory.path()).unwrap();
        assert!(!std::fs::read_to_string(path).unwrap().contains("issuer_id"));
    }
}
