//! The names under which profiles and bundle IDs are kept on the portal.
//!
//! They equal the names that Bitrise's own steps give, so that both share one set of profiles: the API key
//! step spells platforms `iOS` and `tvOS`, the Apple ID step spells them in lower case, and before its
//! version 1.5.0 left the platform out.

use apple_types::{BundleIdentifier, Distribution, ProfileType};

/// The name of a profile made by this project, such as `Bitrise iOS development - (com.example.app)`.
///
/// A wildcard bundle ID loses its asterisk, which Apple does not allow in names.
pub fn profile_name(
    profile_type: ProfileType,
    distribution: Distribution,
    bundle_id: &BundleIdentifier,
) -> String {
    named(profile_type.platform_name(), distribution, bundle_id)
}

/// Names of the same profile as the Apple ID step wrote them; such a profile is used, never duplicated.
pub fn alternative_names(
    profile_type: ProfileType,
    distribution: Distribution,
    bundle_id: &BundleIdentifier,
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

fn named(platform: &str, distribution: Distribution, bundle_id: &BundleIdentifier) -> String {
    match bundle_id.as_str().strip_suffix(".*") {
        Some(stem) => format!("Wildcard Bitrise {platform} {distribution} - ({stem})"),
        None => format!("Bitrise {platform} {distribution} - ({bundle_id})"),
    }
}

/// The name of a bundle ID, or of something that is associated with one, made by this project: `Bitrise com example app`.
pub fn bundle_id_name(identifier: &str) -> String {
    let prefix = if identifier.ends_with(".*") {
        "Wildcard "
    } else {
        ""
    };
    let words: String = identifier
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_originals() {
        let name = |id| {
            let id = BundleIdentifier::new(id).expect("a bundle ID");
            profile_name(ProfileType::IosAppDevelopment, Distribution::Development, &id)
        };
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
    fn both_older_spellings_of_the_apple_id_step_are_known() {
        assert_eq!(
            alternative_names(
                ProfileType::TvosAppStore,
                Distribution::AppStore,
                &BundleIdentifier::new("a.b").expect("a bundle ID")
            ),
            ["Bitrise tvos app-store - (a.b)", "Bitrise app-store - (a.b)"]
        );
    }
}
