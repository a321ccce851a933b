//! The inputs, as `step.yml` declares them.

use apple_account::InputCredentials;
use serde::Deserialize;
use step_kit::{Flag, Secret};

/// The inputs.
#[derive(Debug, Deserialize)]
pub struct Inputs {
    /// The words after `fastlane`.
    pub lane: String,
    /// Where fastlane runs.
    pub work_dir: Option<String>,
    /// Where the account comes from.
    pub connection: String,
    /// The API key's file.
    pub api_key_path: Option<Secret>,
    /// The API key itself.
    pub api_key_content: Option<Secret>,
    /// The API key's ID.
    pub api_key_id: Option<String>,
    /// The API key's issuer.
    pub api_issuer: Option<String>,
    /// Whether the API key belongs to the Enterprise Program.
    #[serde(default)]
    pub api_key_enterprise_account: Flag,
    /// The Apple ID.
    pub apple_id: Option<Secret>,
    /// Its password.
    pub password: Option<Secret>,
    /// An app-specific password.
    pub app_password: Option<Secret>,
    /// Whether the newest fastlane is installed.
    #[serde(default)]
    pub update_fastlane: Flag,
    /// How long the lane may run.
    pub timeout: Option<String>,
    /// How long the lane may print nothing.
    pub silence_timeout: Option<String>,
    /// Read by the log.
    #[serde(default)]
    pub verbose_log: Flag,
    /// Read by the run, which writes the trace.
    #[serde(default)]
    pub support_trace: Flag,
    /// Whether cache paths are collected.
    #[serde(default)]
    pub enable_cache: Flag,
}

impl Inputs {
    /// The credentials among them.
    pub(crate) fn given(&self) -> InputCredentials {
        let secret = |input: &Option<Secret>| input.as_ref().map(|secret| secret.secret().clone());
        InputCredentials {
            key_location: secret(&self.api_key_path),
            key_text: secret(&self.api_key_content),
            key_id: self.api_key_id.clone(),
            issuer: self.api_issuer.clone(),
            is_enterprise: self.api_key_enterprise_account.is_on(),
            apple_id: self
                .apple_id
                .as_ref()
                .map(|apple_id| apple_id.expose().to_owned()),
            password: secret(&self.password),
            app_specific_password: secret(&self.app_password),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MANIFEST;

    #[test]
    fn struct_and_manifest_have_the_same_inputs() {
        assert_eq!(step_kit::testing::drift::<Inputs>(MANIFEST), Vec::<String>::new());
    }

    #[test]
    fn defaults_are_those_of_the_original() {
        let inputs: Inputs = step_kit::testing::inputs(MANIFEST, &[("lane", "beta")]).unwrap();
        assert_eq!(inputs.connection, "automatic");
        assert!(inputs.update_fastlane.is_on() && inputs.enable_cache.is_on());
        assert!(!inputs.verbose_log.is_on() && inputs.work_dir.is_none());
    }

    #[test]
    fn a_password_keeps_its_blanks_and_other_inputs_do_not() {
        let variables = [("lane", " beta "), ("apple_id", " a@b.c "), ("password", " p ")];
        let inputs: Inputs = step_kit::testing::inputs(MANIFEST, &variables).unwrap();
        assert_eq!(inputs.lane, "beta");
        assert_eq!(inputs.apple_id.unwrap().expose(), "a@b.c");
        assert_eq!(inputs.password.unwrap().expose(), " p ");
    }
}
