//! Ends of runs, written as fastlane 2.237.0 writes them (2026-07-21); the tables are those of `terminal-table`.

use super::*;

/// A run of a lane: the failed action with what it printed, and the final error on standard error.
fn lane(action: &str, printed: &str, error: &str) -> Ending {
    let shown = error.lines().next().unwrap_or_default();
    let stdout = format!(
        "[09:00:00]: Driving the lane 'ios release' 🚀\n[09:00:00]: ------------------------------\n[09:00:00]: --- Step: default_platform ---\n[09:00:00]: ------------------------------\n[09:00:01]: ------------------\n[09:00:01]: --- Step: {action} ---\n[09:00:01]: ------------------\n{printed}\n+---------+\n| \u{1b}[33mLane Context\u{1b}[0m |\n| PLATFORM_NAME | ios |\n+---------+\n[09:00:09]: \u{1b}[31m{shown}\u{1b}[0m\n\n+------+------------------+-------------+\n|           \u{1b}[32mfastlane summary\u{1b}[0m            |\n+------+------------------+-------------+\n| Step | Action           | Time (in s) |\n+------+------------------+-------------+\n| 1    | default_platform | 0           |\n| 💥   | \u{1b}[31m{action}\u{1b}[0m | 8           |\n+------+------------------+-------------+\n\n[09:00:09]: \u{1b}[31mfastlane finished with errors\u{1b}[0m\n"
    );
    Ending::read(&stdout, &format!("\n\u{1b}[31m[!] {error}\u{1b}[0m\n"), None)
}

fn check(rows: &[(&str, &str, &str, Option<AppleCause>)]) {
    for (action, printed, error, expected) in rows {
        let ending = lane(action, printed, error);
        assert_eq!(
            ending.apple_cause(),
            *expected,
            "{action}\n{printed}\n{error}\n{ending:?}"
        );
        assert_eq!(ending.quote(), error.replace(": \n", ":\n"));
        assert_eq!(ending.action.as_deref(), Some(*action));
        assert!(ending.finished_with_errors);
    }
}

#[test]
fn every_pattern_is_for_one_line_and_has_texts_to_look_for() {
    apple_cause::check_patterns();
}

/// Each failed for a reason of its own after words that Apple uses, too.
#[test]
fn apple_is_not_blamed_for_what_others_do() {
    check(&[
        (
            "run_tests",
            "[09:00:05]: ▸ ✗ testLogin, failed - \"Your session has expired\" is not equal to \"Welcome\"",
            "Tests have failed",
            None,
        ),
        (
            "upload_to_play_store",
            "[09:00:05]: Updating track 'beta'...",
            "Google Api Error: Invalid request - Version code 42 has already been used.",
            None,
        ),
        (
            "cocoapods",
            "[09:00:05]: ▸ [!] CDN: trunk URL couldn't be downloaded: https://cdn.cocoapods.org/all_pods.txt Response: 429 Too Many Requests",
            "The pod install command failed with exit status 1: 429 Too Many Requests",
            None,
        ),
        (
            "build_app",
            "[09:00:05]: ▸ ❌ /src/Cart.swift:40:13: value of type 'Cart' has no member 'total'\n[09:00:04]: Changelog: orders that are waiting for review have a badge",
            "Error building the application - see the log above",
            None,
        ),
        (
            "build_app",
            "[09:00:05]: ▸ error: No profiles for 'com.example' were found: Two-factor authentication",
            "Error building the application - see the log above",
            None,
        ),
        (
            "git_pull",
            "",
            "Exit status of command 'git pull' was 1: getaddrinfo: Name or service not known",
            None,
        ),
        (
            "firebase_app_distribution",
            "",
            "Permission denied. FORBIDDEN_ERROR: does not allow this operation",
            None,
        ),
        (
            "slack",
            "",
            "Error pushing Slack message, maybe the integration has no permission: Unauthorized Access",
            None,
        ),
        (
            "sh",
            "[09:00:05]: ▸ Cannot submit for review, invalid signature, execution expired",
            "Exit status of command './check.sh' was 1 instead of 0.",
            None,
        ),
        (
            "sonar",
            "",
            "Not authorized. Authentication credentials are missing or invalid? Too many requests",
            None,
        ),
    ]);
}

#[test]
fn what_apple_says_is_apples() {
    check(&[
        (
            "upload_to_testflight",
            "",
            "A required agreement is missing or has expired. - This request requires an in-effect agreement that has not been signed or has expired.",
            Some(AppleCause::Agreement),
        ),
        (
            "upload_to_testflight",
            "",
            "Error uploading ipa file: \n [Application Loader Error Output]: The provided entity includes an attribute with a value that has already been used (-19232) The bundle version must be higher than the previously uploaded version: ‘2’.",
            Some(AppleCause::BuildNumberUsed),
        ),
        (
            "upload_to_app_store",
            "",
            "Error uploading ipa file: \n [Application Loader Error Output]: Validation failed (409) Invalid Pre-Release Train. The train version '4.2.1' is closed for new build submissions",
            Some(AppleCause::VersionClosed),
        ),
        (
            "upload_to_testflight",
            "",
            "Error uploading ipa file: \n [Application Loader Error Output]: SDK version issue. This app was built with the iOS 18.5 SDK. All iOS and iPadOS apps must be built with the iOS 26 SDK or later",
            Some(AppleCause::SdkTooOld),
        ),
        (
            "pilot",
            "[09:00:02]: Login to App Store Connect (ada@example.com)",
            "Invalid username and password combination. Used 'ada@example.com' as the username.",
            Some(AppleCause::Password),
        ),
        (
            "deliver",
            "",
            "Couldn't find app 'com.example.x' on the account of 'ada@example.com' on App Store Connect",
            Some(AppleCause::NoApp),
        ),
        (
            "sigh",
            "[09:00:02]: Service key is empty",
            "Could not receive latest API key from App Store Connect, this might be a server issue.",
            Some(AppleCause::SignInRemoved),
        ),
        (
            "sigh",
            "Connection refused - connect(2) for \"127.0.0.1\" port 9",
            "Could not receive latest API key from App Store Connect, this might be a server issue.",
            Some(AppleCause::Network),
        ),
        (
            "cert",
            "Service key is empty",
            "Could not receive latest API key from App Store Connect, this might be a server issue.",
            Some(AppleCause::SignInRemoved),
        ),
        (
            "latest_testflight_build_number",
            "[09:00:02]: Two-factor Authentication (6 digits code) is enabled for account 'ada@example.com'",
            "The input stream is exhausted.",
            Some(AppleCause::SecondFactor),
        ),
        (
            "cert",
            "[09:00:02]: Session loaded from environment variable is not valid. Continuing with normal login.",
            "2FA can only be performed in interactive mode",
            Some(AppleCause::SecondFactor),
        ),
        (
            "register_devices",
            "",
            "The request could not be completed because:\n\tThis request is forbidden for security reasons - The API key in use does not allow this request",
            Some(AppleCause::KeyRole),
        ),
        ("produce", "", "Unauthorized Access", Some(AppleCause::Access)),
        (
            "app_store_build_number",
            "",
            "Authentication credentials are missing or invalid. - Provide a properly configured and signed bearer token",
            Some(AppleCause::Key),
        ),
        (
            "notarize",
            "",
            "Apple 503 detected - this might be temporary server error, check https://developer.apple.com/system-status/",
            Some(AppleCause::Unavailable),
        ),
        (
            "match",
            "",
            "Invalid password passed via 'MATCH_PASSWORD'",
            Some(AppleCause::MatchPassphrase),
        ),
        (
            "match",
            "",
            "Error cloning certificates git repo, please make sure you have access to the repository - see instructions above",
            Some(AppleCause::MatchRepository),
        ),
        // An action that talks to Apple may fail for a reason of its own.
        (
            "deliver",
            "",
            "Could not find file '/src/metadata/review/phone.txt'",
            None,
        ),
        (
            "upload_to_testflight",
            "[09:00:04]: Changelog: Your session has expired is gone",
            "No value found for 'ipa'",
            None,
        ),
    ]);
}

#[test]
fn without_a_table_only_apples_own_words_count() {
    let ending = |stdout: &str| Ending::read(stdout, "", None);
    let compiler = ending(
        "[09:00:00]: Changelog: orders that are waiting for review have a badge now\n[09:00:05]: ▸ ❌ x\n[!] Error building the application - see the log above\n",
    );
    assert_eq!((compiler.apple_cause(), compiler.action.as_deref()), (None, None));
    assert_eq!(
        compiler.quote(),
        "Error building the application - see the log above"
    );
    assert_eq!(
        ending("[!] Too many requests, session expired\n").apple_cause(),
        None
    );
    assert_eq!(
        ending("[!] Unauthorized Access\n").apple_cause(),
        Some(AppleCause::Access)
    );
    // Without a table the last step's heading names the action.
    let heading = ending("[09:00:01]: --- Step: pilot ---\n[!] Your session has expired. Please log in.\n");
    assert_eq!(heading.apple_cause(), Some(AppleCause::SessionExpired));
    let timestamps_hidden = ending("--- Step: scan ---\nYour session has expired\n[!] Tests have failed\n");
    assert_eq!(timestamps_hidden.apple_cause(), None);
    assert_eq!(timestamps_hidden.action.as_deref(), Some("scan"));
}

#[test]
fn a_crash_is_told_by_its_class() {
    for (trace, class, message, cause) in [
        (
            "/gems/spaceship/client.rb:600:in `handle_error': \u{1b}[31m[!] Access forbidden\u{1b}[0m (Spaceship::Client::AccessForbiddenError)\n\tfrom /gems/x.rb:1:in `y'\n",
            "Spaceship::Client::AccessForbiddenError",
            "Access forbidden",
            Some(AppleCause::Access),
        ),
        (
            "/gems/spaceship/client.rb:600:in 'Spaceship::Client#request': [!] Could not receive latest API key from App Store Connect, this might be a server issue. (Spaceship::Client::AppleTimeoutError)\n\tfrom /gems/x.rb:1:in 'y'\n",
            "Spaceship::Client::AppleTimeoutError",
            "Could not receive latest API key from App Store Connect, this might be a server issue.",
            Some(AppleCause::SignInRemoved),
        ),
        (
            "bundler: failed to load command: fastlane (/bin/fastlane)\n/gems/lane.rb:33:in `call': [!] undefined method `total' for nil:NilClass (NoMethodError)\n\tfrom /gems/x.rb:1:in `y'\n",
            "NoMethodError",
            "undefined method `total' for nil:NilClass",
            None,
        ),
        (
            "/gems/interface.rb:141:in `user_error!': [!] No value found for 'note' (FastlaneCore::Interface::FastlaneError)\n\tfrom /gems/x.rb:1:in `y'\n",
            "FastlaneCore::Interface::FastlaneError",
            "No value found for 'note'",
            None,
        ),
    ] {
        let ending = Ending::read("", trace, None);
        let error = ending.error.clone().unwrap();
        assert_eq!(
            (error.class.as_deref(), error.message.as_str()),
            (Some(class), message),
            "{trace}"
        );
        assert_eq!(ending.apple_cause(), cause, "{trace}");
    }
}

#[test]
fn the_failed_action_is_the_one_that_ended_the_lane() {
    let table = |rows: &str, before: &str| {
        let text = format!(
            "{before}+--+\n| fastlane summary |\n+--+\n| Step | Action | Time (in s) |\n+--+\n{rows}+--+\n\n[09:00:09]: fastlane finished with errors\n"
        );
        Ending::read(&text, "\n[!] no\n", None).action
    };
    // One that the lane rescued comes before.
    assert_eq!(
        table("| 💥 | pilot | 1 |\n| 2 | slack | 1 |\n| 💥 | scan | 1 |\n", "").as_deref(),
        Some("scan")
    );
    // The `error` block's own come after.
    assert_eq!(
        table("| 1 | scan | 0 |\n| 💥 | pilot | 1 |\n| 3 | slack | 1 |\n", "").as_deref(),
        Some("pilot")
    );
    assert_eq!(
        table(
            "| 💥 | pilot | 1 |\n| 💥 | slack | 1 |\n",
            "[09:00:08]: An error occurred while executing the `error` block:\n"
        )
        .as_deref(),
        Some("pilot")
    );
    // As a real fastlane 2.146.1 breaks a long name.
    assert_eq!(
        table(
            "| 💥   | latest_testflight_bui  | 13 |\n|      | ld_number              |    |\n",
            ""
        )
        .as_deref(),
        Some("latest_testflight_build_number")
    );
    // The lane's own Ruby code failed.
    assert_eq!(
        table("| 1 | pilot | 1 |\n", "[09:00:01]: --- Step: pilot ---\n"),
        None
    );
}

#[test]
fn a_green_exit_status_does_not_hide_errors() {
    let finished = |stdout: &str| Ending::read(stdout, "", None).finished_with_errors;
    assert!(finished("[09:00:00]: fastlane finished with errors\n"));
    assert!(finished(
        "[09:00:00]: \u{1b}[31mfastlane finished with errors\u{1b}[0m\nlater noise\n"
    ));
    assert!(!finished("[09:00:00]: fastlane.tools finished successfully 🎉\n"));
    // Another fastlane that the lane started, and whose failure it accepts.
    assert!(!finished("[09:00:00]: ▸ fastlane finished with errors\n"));
    assert!(!finished(
        "[09:00:00]: fastlane finished with errors\n[09:00:05]: fastlane.tools just saved you 3 minutes! 🎉\n"
    ));
}

#[test]
fn what_ruby_says_before_fastlane_runs_is_rubys() {
    let ending = Ending::read(
        "",
        "Your Ruby version is 3.1.2, but your Gemfile specified 3.3.0\n",
        None,
    );
    assert!(matches!(
        ending.setup_cause(18),
        Some(SetupCause::GemfileRuby { .. })
    ));
    let plugin = Ending::read(
        "[09:00:00]: Driving the lane 'x' 🚀\n",
        "/gems/p.rb:3:in 'Kernel#require': cannot load such file -- ostruct (LoadError)\n\tfrom x\n",
        None,
    );
    assert!(matches!(
        plugin.setup_cause(1),
        Some(SetupCause::StandardLibraryGem { .. })
    ));
    // A lane that talks about Ruby does not fail for it.
    let lane = lane(
        "sh",
        "[09:00:05]: ▸ Could not reach host x.",
        "Exit status of command 'x' was 1: timed out",
    );
    assert_eq!(lane.setup_cause(1), None);
}

#[test]
fn a_tool_is_an_action_of_its_own() {
    let tool = Ending::read(
        "[09:00:00]: Login to App Store Connect (x)\n",
        "\n[!] Your session has expired\n",
        Some("deliver"),
    );
    assert_eq!(tool.apple_cause(), Some(AppleCause::SessionExpired));
    let without_words = Ending::read("sh: 1: xcrun: not found\n", "", Some("deliver"));
    assert_eq!(without_words.apple_cause(), Some(AppleCause::NoUploader));
    assert_eq!(without_words.quote(), "sh: 1: xcrun: not found");
}

#[test]
fn a_message_of_several_lines_ends_where_fastlane_goes_on() {
    let ending = Ending::read(
        "",
        "\n[!] Error uploading ipa file: \n [Application Loader Error Output]: one\n [Application Loader Error Output]: two\n\nLooking for related GitHub issues on fastlane/fastlane...\nmore\n",
        None,
    );
    assert_eq!(
        ending.quote(),
        "Error uploading ipa file:\n [Application Loader Error Output]: one\n [Application Loader Error Output]: two"
    );
}
