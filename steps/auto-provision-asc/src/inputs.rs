//! The inputs, as `step.yml` declares them.

use apple_account::InputCredentials;
use apple_types::TeamId;
use auto_provision::{ApplyTo, BuildSettings, Distribution, IdentityName, Mode, Options, PlatformName};
use serde::Deserialize;
use step_kit::{Flag, Secret};

/// The inputs.
#[derive(Debug, Deserialize)]
pub struct Inputs {
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
    /// The team of an Apple ID.
    pub apple_id_team_id: Option<TeamId>,
    /// Distribution method of the exported app.
    pub distribution_type: Distribution,
    /// What the signing settings are written to.
    pub apply_to: ApplyTo,
    /// Whether Xcode may change version and build number on export.
    #[serde(default)]
    pub manage_version_and_build_number: Flag,
    /// Whether to change anything.
    pub mode: Mode,
    /// The project or workspace.
    pub project_path: String,
    /// The scheme.
    pub scheme: String,
    /// The configuration, when not the archive's.
    pub configuration: Option<String>,
    /// The platform that the archive is for.
    pub platform: PlatformName,
    /// Where build settings come from.
    pub build_settings: BuildSettings,
    /// Whether the archive is a Mac app made from the iOS app.
    #[serde(default)]
    pub mac_catalyst: Flag,
    /// Whether UI tests are signed.
    #[serde(default)]
    pub sign_uitest_targets: Flag,
    /// Whether devices are registered.
    #[serde(default)]
    pub register_test_devices: Flag,
    /// A file of UDIDs that takes the place of the devices on Bitrise.
    pub test_device_list_path: Option<String>,
    /// Profiles that are used where automatic signing fails.
    pub fallback_provisioning_profile_url_list: Option<Secret>,
    /// Profiles that expire sooner are renewed.
    #[serde(default)]
    pub min_profile_days_valid: i64,
    /// Read by the log.
    #[serde(default)]
    pub verbose_log: Flag,
    /// Read by the run, which writes the trace.
    #[serde(default)]
    pub support_trace: Flag,
    /// Where certificates come from.
    pub certificates: CertificateSource,
    /// The key that certificates are created for.
    pub certificate_private_key: Option<Secret>,
    /// Certificates for that key that expire sooner get a successor.
    #[serde(default)]
    pub min_certificate_days_valid: i64,
    /// Certificates, separated by pipes.
    pub certificate_urls: Option<Secret>,
    /// Their passphrases.
    pub passphrases: Option<Secret>,
    /// The password of fastlane match.
    pub match_password: Option<Secret>,
    /// Where certificates go.
    pub keychain_path: String,
    /// The keychain's password.
    pub keychain_password: Secret,
    /// For fetching the connection.
    pub build_api_token: Option<Secret>,
    /// For fetching the connection.
    pub build_url: Option<String>,
}

/// The value of `certificates`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateSource {
    /// Those that are uploaded, and no others.
    Uploaded,
    /// Where one is missing, it is created.
    CreateIfMissing,
}

/// The inputs that name the account, and what only this step has.
#[derive(Debug)]
pub(crate) struct AccountInputs {
    pub(crate) certificates: CertificateSource,
    pub(crate) certificate_private_key: Option<Secret>,
    pub(crate) min_certificate_days_valid: i64,
    pub(crate) connection: String,
    pub(crate) credentials: InputCredentials,
    pub(crate) apple_id_team_id: Option<TeamId>,
    pub(crate) build_api_token: Option<Secret>,
    pub(crate) build_url: Option<String>,
}

impl Inputs {
    /// What is to be done, and with which account.
    pub(crate) fn split(self) -> (Options, AccountInputs) {
        let order = Options {
            distribution: self.distribution_type,
            mode: self.mode,
            project_path: self.project_path,
            scheme: self.scheme,
            configuration: self.configuration,
            platform: self.platform,
            keeps_automatic_signing: false,
            build_settings: self.build_settings,
            mac_catalyst: self.mac_catalyst.is_on(),
            sign_uitest_targets: self.sign_uitest_targets.is_on(),
            register_test_devices: self.register_test_devices.is_on(),
            test_device_list: self.test_device_list_path,
            fallback_profiles: self.fallback_provisioning_profile_url_list,
            min_profile_days_valid: self.min_profile_days_valid,
            certificate_urls: self.certificate_urls,
            passphrases: self.passphrases,
            match_password: self.match_password,
            keychain_path: self.keychain_path,
            keychain_password: self.keychain_password,
            identity: IdentityName::Sha1,
            apply_to: self.apply_to,
            manages_version: self.manage_version_and_build_number.is_on(),
        };
        let secret = |input: Option<Secret>| input.map(|secret| secret.secret().clone());
        let credentials = InputCredentials {
            key_location: secret(self.api_key_path),
            key_text: secret(self.api_key_content),
            key_id: self.api_key_id,
            issuer: self.api_issuer,
            is_enterprise: self.api_key_enterprise_account.is_on(),
            ..InputCredentials::default()
        };
        let account = AccountInputs {
            certificates: self.certificates,
            certificate_private_key: self.certificate_private_key,
            min_certificate_days_valid: self.min_certificate_days_valid,
            connection: self.connection,
            credentials,
            apple_id_team_id: self.apple_id_team_id,
            build_api_token: self.build_api_token,
            build_url: self.build_url,
        };
        (order, account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MANIFEST;

    const REQUIRED: [(&str, &str); 4] = [
        ("project_path", "App.xcodeproj"),
        ("scheme", "App"),
        ("certificate_urls", "file:///x.p12"),
        ("keychain_password", "secret"),
    ];

    #[test]
    fn struct_and_manifest_have_the_same_inputs() {
        assert_eq!(step_kit::testing::drift::<Inputs>(MANIFEST), Vec::<String>::new());
    }

    #[test]
    fn defaults_are_those_of_the_original() {
        let inputs: Inputs = step_kit::testing::inputs(MANIFEST, &REQUIRED).unwrap();
        assert_eq!(inputs.connection, "automatic");
        assert_eq!(inputs.distribution_type, Distribution::Development);
        assert_eq!((inputs.mode, inputs.min_profile_days_valid), (Mode::Apply, 0));
        assert!(inputs.passphrases.is_none());
    }

    #[test]
    fn dashed_connection_types_of_older_versions_work() {
        let variables = [&REQUIRED[..], &[("connection", "enterprise-with-apple-id")]].concat();
        let inputs: Inputs = step_kit::testing::inputs(MANIFEST, &variables).unwrap();
        assert_eq!(inputs.connection, "enterprise_with_apple_id");
    }
}
