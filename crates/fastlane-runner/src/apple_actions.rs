//! Which of fastlane's actions talk to Apple: the only ones whose failures Apple's causes explain.

/// Names and aliases, as lanes use them and the summary table shows them.
///
/// Source: fastlane 2.237.0 (2026-07-21), `fastlane/lib/fastlane/actions`: those that require spaceship, and the tools.
/// `build_app` is not among them: it reaches Apple only through xcodebuild, which says so itself. `match` is, since only
/// its read-only mode does without Apple, and its errors are its own then.
const ACTIONS: &[&str] = &[
    "app_store_build_number",
    "app_store_connect_api_key",
    "appstore",
    "cert",
    "check_app_store_metadata",
    "create_app_online",
    "deliver",
    "download_app_privacy_details_from_app_store",
    "download_dsyms",
    "get_certificates",
    "get_provisioning_profile",
    "get_push_certificate",
    "itunes_connect_build_number",
    "latest_testflight_build_number",
    "match",
    "match_nuke",
    "modify_services",
    "notarize",
    "pem",
    "pilot",
    "precheck",
    "produce",
    "register_device",
    "register_devices",
    "set_changelog",
    "sigh",
    "spaceship_logs",
    "spaceship_stats",
    "sync_code_signing",
    "testflight",
    "update_app_age_rating",
    "upload_app_privacy_details_to_app_store",
    "upload_to_app_store",
    "upload_to_testflight",
];

/// Whether the action of this name talks to Apple.
pub(crate) fn talks_to_apple(action: &str) -> bool {
    ACTIONS.contains(&action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_and_signing_talk_to_apple_and_builds_tests_and_other_stores_do_not() {
        for action in [
            "upload_to_testflight",
            "pilot",
            "deliver",
            "match",
            "sigh",
            "cert",
            "notarize",
            "download_dsyms",
        ] {
            assert!(talks_to_apple(action), "{action}");
        }
        for action in [
            "build_app",
            "gym",
            "scan",
            "run_tests",
            "cocoapods",
            "upload_to_play_store",
            "supply",
            "create_app_on_managed_play_store",
            "firebase_app_distribution",
            "slack",
            "sh",
            "git_pull",
        ] {
            assert!(!talks_to_apple(action), "{action}");
        }
    }
}
