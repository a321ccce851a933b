//! The inputs, as `step.yml` declares them.

use std::time::Duration;

use apple_account::InputCredentials;
use apple_types::StorePlatform;
use serde::Deserialize;
use step_kit::{Flag, Secret};

/// The inputs.
#[derive(Debug, Deserialize)]
pub struct Inputs {
    /// Where the account comes from.
    pub connection: String,
    /// The IPA.
    pub ipa_path: Option<String>,
    /// The PKG.
    pub pkg_path: Option<String>,
    /// The platform.
    #[serde(default)]
    pub platform: PlatformInput,
    /// The app, by its number.
    pub app_id: Option<String>,
    /// The bundle ID.
    pub bundle_id: Option<String>,
    /// The build number.
    pub bundle_version: Option<String>,
    /// The version.
    pub bundle_short_version_string: Option<String>,
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
    /// What uploads.
    pub uploader: Uploader,
    /// Whether changes are made or only shown.
    #[serde(default)]
    pub mode: String,
    /// A build that was uploaded before, to be distributed.
    pub build_id: Option<String>,
    /// Beta groups that get the build.
    pub beta_groups: Option<String>,
    /// What to test.
    pub what_to_test: Option<String>,
    /// Whether the build goes to beta review.
    #[serde(default)]
    pub submit_beta_review: String,
    /// Whether testers are notified.
    pub notify_testers: Option<String>,
    /// The answer to export compliance.
    pub uses_non_exempt_encryption: Option<String>,
    /// The description of the beta.
    pub beta_app_description: Option<String>,
    /// The address for feedback.
    pub beta_feedback_email: Option<String>,
    /// Contact for beta review.
    pub beta_contact_first_name: Option<String>,
    /// Contact for beta review.
    pub beta_contact_last_name: Option<String>,
    /// Contact for beta review.
    pub beta_contact_email: Option<String>,
    /// Contact for beta review.
    pub beta_contact_phone: Option<String>,
    /// Demo account for beta review.
    pub beta_demo_account_name: Option<String>,
    /// Demo account for beta review.
    pub beta_demo_account_password: Option<Secret>,
    /// Notes for beta review.
    pub beta_review_notes: Option<String>,
    /// Whether all other builds expire.
    #[serde(default)]
    pub expire_previous_builds: Flag,
    /// Whether to stop before the upload.
    #[serde(default)]
    pub validate_only: Flag,
    /// Whether to wait for processing.
    #[serde(default)]
    pub wait_for_processing: Flag,
    /// How many attempts are made.
    #[serde(default = "ten")]
    pub retries: u32,
    /// Minutes an attempt may take.
    #[serde(default = "attempt_minutes")]
    pub attempt_timeout: u64,
    /// Minutes altool may be silent.
    #[serde(default = "silence_minutes")]
    pub silence_timeout: u64,
    /// Minutes all attempts may take.
    #[serde(default = "total_minutes")]
    pub total_timeout: u64,
    /// More options for altool.
    pub altool_options: Option<String>,
    /// Read by the log, too.
    #[serde(default)]
    pub verbose_log: Flag,
    /// Read by the run, which writes the trace.
    #[serde(default)]
    pub support_trace: Flag,
}

// What an emptied input means: the manifest's default.
fn ten() -> u32 {
    10
}
fn attempt_minutes() -> u64 {
    120
}
fn silence_minutes() -> u64 {
    60
}
fn total_minutes() -> u64 {
    240
}

/// The value of `platform`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlatformInput {
    /// The package's.
    #[default]
    Auto,
    /// iOS.
    Ios,
    /// macOS.
    Macos,
    /// tvOS.
    Tvos,
    /// visionOS.
    Visionos,
}

impl PlatformInput {
    /// The platform that the input names; `None` where the package or the build tells.
    pub(crate) fn store_platform(self) -> Option<StorePlatform> {
        match self {
            Self::Auto => None,
            Self::Ios => Some(StorePlatform::Ios),
            Self::Macos => Some(StorePlatform::Macos),
            Self::Tvos => Some(StorePlatform::Tvos),
            Self::Visionos => Some(StorePlatform::Visionos),
        }
    }
}

/// The value of `uploader`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Uploader {
    /// altool where Xcode is, else native.
    Automatic,
    /// altool.
    Altool,
    /// The Build Uploads API.
    Native,
}

impl Inputs {
    /// Whether nothing is to be uploaded or changed.
    pub(crate) fn is_plan(&self) -> bool {
        self.mode == "plan"
    }

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

    /// The time limits: of an attempt, of silence, of everything.
    pub(crate) fn limits(&self) -> [Duration; 3] {
        [self.attempt_timeout, self.silence_timeout, self.total_timeout]
            .map(|minutes| Duration::from_secs(minutes.saturating_mul(60)))
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
    fn defaults_are_those_of_the_original_and_of_an_emptied_input() {
        for variables in [&[][..], &[("retries", ""), ("attempt_timeout", "")]] {
            let inputs: Inputs = step_kit::testing::inputs(MANIFEST, variables).unwrap();
            assert_eq!((inputs.retries, inputs.attempt_timeout), (10, 120));
            assert_eq!(inputs.platform, PlatformInput::Auto);
            assert_eq!(inputs.uploader, Uploader::Automatic);
        }
    }

    #[test]
    fn retries_are_a_whole_number() {
        for value in ["-1", "1.5", "many"] {
            let error = step_kit::testing::inputs::<Inputs>(MANIFEST, &[("retries", value)]).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("retries: ") && text.contains(value), "{text}");
        }
    }
}
