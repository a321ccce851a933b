//! The names under which profiles and bundle IDs are kept on the portal.
//!
//! They equal the names that Bitrise's own steps give, so that both share one set of profiles: the API key
//! step spells platforms `iOS` and `tvOS`, the Apple ID step spells them in lower case, and before its
//! version 1.5.0 left the platform out.

use apple_types::{Distribution, ProfileType};

/// The name of a profile made by this project, such as `Bitrise iOS development - (com.example.app)`.
///
/// A wildcard bundle ID loses its asterisk, which Apple does not allow in names.
pub fn profile_name(profile_type: ProfileType, distribution: Distribution, bundle_id: &str) -> String {
    named(profile_type.platform_name(), distribution, bundle_id)
}

/// Names of the same profile as the sister step writes them; such a profile is used, never doubled.
pub fn alternative_names(
    profile_type: ProfileType,
    distribution: Distribution,
    bundle_id: &str,
) -> Vec<String> {
    vec![
        named(
            &profile_type.platform_name().to_lowercase(),
            distribution,
            bundle_id,
        ),
        named("", distribution, bundle_id).replace("Bitrise  ", "Bitrise "),
    ]
}

fn named(platform: &str, distribution: Distribution, bundle_id: &str) -> String {
    match bundle_id.strip_suffix(".*") {
        Some(stem) => format!("Wildcard Bitrise {platform} {distribution} - ({stem})"),
        None => format!("Bitrise {platform} {distribution} - ({bundle_id})"),
    }
}

/// The name of a bundle ID made by this project: `Bitrise com example app`.
pub fn bundle_id_name(bundle_id: &str) -> String {
    let prefix = if bundle_id.ends_with(".*") {
        "Wildcard "
    } else {
        ""
    };
    let words: String = bundle_id
        .chars()
        .map(|c| {
            if matches!(c, '.' | '_' | '-' | '*') {
                ' '
            } else {
                c
            }
        })
        .collect();
    format!("{prefix}Bitrise {words}")
}

/// The wildcard that covers `bundle_id` and its siblings; `None` when it has only one component.
pub fn wildcard_of(bundle_id: &str) -> Option<String> {
    bundle_id.rsplit_once('.').map(|(stem, _)| format!("{stem}.*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_originals() {
        let name = |id| profile_name(ProfileType::IosAppDevelopment, Distribution::Development, id);
        assert_eq!(
            name("com.example.app"),
            "Bitrise iOS development - (com.example.app)"
        );
        assert_eq!(
            name("com.example.*"),
            "Wildcard Bitrise iOS development - (com.example)"
        );
        assert_eq!(bundle_id_name("com.example.my-app"), "Bitrise com example my app");
        assert_eq!(bundle_id_name("com.example.*"), "Wildcard Bitrise com example  ");
    }

    #[test]
    fn both_older_spellings_of_the_sister_step_are_known() {
        assert_eq!(
            alternative_names(ProfileType::TvosAppStore, Distribution::AppStore, "a.b"),
            ["Bitrise tvos app-store - (a.b)", "Bitrise app-store - (a.b)"]
        );
    }

    #[test]
    fn a_wildcard_replaces_the_last_component() {
        assert_eq!(
            wildcard_of("com.example.UITests").as_deref(),
            Some("com.example.*")
        );
        assert_eq!(wildcard_of("single"), None);
    }
}
