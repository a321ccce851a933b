//! The inputs, as `step.yml` declares them.

use apple_account::InputCredentials;
use serde::Deserialize;
use step_kit::{Flag, Secret};

/// The inputs.
#[derive(Debug, Deserialize)]
pub struct Inputs {
    /// What does the work: fastlane, the native engine, or whichever can.
    pub engine: String,
    /// Whether changes are made or only shown.
    pub mode: String,
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
    pub itunescon_user: Option<Secret>,
    /// Its password.
    pub password: Option<Secret>,
    /// An app-specific password.
    pub app_password: Option<Secret>,
    /// The team, by its number.
    pub team_id: Option<String>,
    /// The team, by its name.
    pub team_name: Option<String>,
    /// The IPA.
    pub ipa_path: Option<String>,
    /// The PKG.
    pub pkg_path: Option<String>,
    /// The app's platform, in deliver's words.
    pub platform: String,
    /// The app, by its number.
    pub app_id: Option<String>,
    /// The app, by its bundle ID.
    pub bundle_id: Option<String>,
    /// Whether to submit.
    #[serde(default)]
    pub submit_for_review: Flag,
    /// Whether texts stay.
    #[serde(default)]
    pub skip_metadata: Flag,
    /// Whether screenshots stay.
    #[serde(default)]
    pub skip_screenshots: Flag,
    /// Whether the version stays.
    #[serde(default)]
    pub skip_app_version_update: Flag,
    /// The Gemfile.
    pub gemfile_path: Option<String>,
    /// The fastlane to install.
    pub fastlane_version: Option<String>,
    /// More options for deliver.
    pub options: Option<String>,
    /// More options for altool.
    pub altool_options: Option<String>,
    /// More options for the Transporter.
    pub itms_upload_parameters: Option<String>,
    /// How long fastlane may run.
    pub timeout: Option<String>,
    /// How long fastlane may print nothing.
    pub silence_timeout: Option<String>,
    /// Read by the log, too.
    #[serde(default)]
    pub verbose_log: Flag,
    /// Read by the run, which writes the trace.
    #[serde(default)]
    pub support_trace: Flag,
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
            apple_id: self.itunescon_user.as_ref().map(|user| user.expose().to_owned()),
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
        let inputs: Inputs = step_kit::testing::inputs(MANIFEST, &[]).unwrap();
        assert_eq!(
            (inputs.connection.as_str(), inputs.platform.as_str()),
            ("automatic", "ios")
        );
        assert_eq!(inputs.fastlane_version.as_deref(), Some("latest-stable"));
        assert_eq!(inputs.gemfile_path.as_deref(), Some("./Gemfile"));
        assert!(inputs.skip_metadata.is_on() && inputs.skip_screenshots.is_on());
        assert!(!inputs.submit_for_review.is_on() && !inputs.skip_app_version_update.is_on());
    }

    #[test]
    fn an_emptied_version_is_not_the_default() {
        let inputs: Inputs = step_kit::testing::inputs(MANIFEST, &[("fastlane_version", "")]).unwrap();
        assert_eq!(inputs.fastlane_version, None);
    }
}
