//! The inputs, as `step.yml` declares them.

use apple_types::TeamId;
use auto_provision::{ApplyTo, BuildSettings, Distribution, IdentityName, Mode, Options, PlatformName};
use serde::Deserialize;
use step_kit::{Flag, Secret};

/// The inputs.
#[derive(Debug, Deserialize)]
pub struct Inputs {
    /// Distribution method of the exported app.
    pub distribution_type: Distribution,
    /// The team, where the Apple ID belongs to several.
    pub team_id: Option<TeamId>,
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
    /// Whether automatically signed projects get profiles of their own.
    #[serde(default)]
    pub generate_profiles: Flag,
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
    /// Certificates, separated by pipes.
    pub certificate_urls: Secret,
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

/// The inputs that only this step has.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) team_id: Option<TeamId>,
    pub(crate) generate_profiles: bool,
    pub(crate) build_api_token: Option<Secret>,
    pub(crate) build_url: Option<String>,
}

impl Inputs {
    /// What is to be done, and what only this step needs to know.
    pub(crate) fn split(self) -> (Options, Own) {
        let order = Options {
            distribution: self.distribution_type,
            mode: self.mode,
            project_path: self.project_path,
            scheme: self.scheme,
            configuration: self.configuration,
            platform: self.platform,
            keeps_automatic_signing: !self.generate_profiles.is_on(),
            build_settings: self.build_settings,
            mac_catalyst: false,
            sign_uitest_targets: false,
            register_test_devices: self.register_test_devices.is_on(),
            test_device_list: self.test_device_list_path,
            fallback_profiles: self.fallback_provisioning_profile_url_list,
            min_profile_days_valid: self.min_profile_days_valid,
            certificate_urls: Some(self.certificate_urls),
            passphrases: self.passphrases,
            match_password: self.match_password,
            keychain_path: self.keychain_path,
            keychain_password: self.keychain_password,
            identity: IdentityName::CommonName,
            apply_to: self.apply_to,
            manages_version: self.manage_version_and_build_number.is_on(),
        };
        let own = Own {
            team_id: self.team_id,
            generate_profiles: self.generate_profiles.is_on(),
            build_api_token: self.build_api_token,
            build_url: self.build_url,
        };
        (order, own)
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
        let inputs: Inputs = step_kit::testing::inputs(MANIFEST, &REQUIRED).expect("they are valid");
        assert_eq!(inputs.distribution_type, Distribution::Development);
        assert!(!inputs.generate_profiles.is_on() && !inputs.register_test_devices.is_on());
        assert_eq!((inputs.mode, inputs.min_profile_days_valid), (Mode::Apply, 0));
        assert!(inputs.team_id.is_none() && inputs.configuration.is_none());
    }
}
