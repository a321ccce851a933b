//! What to do next, where this step has an input for it.

use fastlane_runner::AppleCause;

/// What to do about what Apple says, with this step's inputs.
pub(crate) fn about_apple(cause: AppleCause) -> Option<&'static str> {
    Some(match cause {
        AppleCause::SeveralTeams => "set the input `team_id` or `team_name`",
        AppleCause::NoApp => {
            "create the app in App Store Connect > Apps, check the inputs `bundle_id` and `app_id`, and give the account or key access to the app"
        }
        AppleCause::SignInRemoved => {
            "set the input `fastlane_version` to `latest-stable`, or to 2.240.0 or newer (2.238 and 2.239 have the same fault), or use an API key, which needs no sign-in"
        }
        _ => return None,
    })
}

/// What to do about a run that exceeded a limit.
pub(crate) fn about_limit(error: &command::Error) -> Option<&'static str> {
    match error {
        command::Error::TimedOut { .. } => Some(
            "raise the input `timeout`; before another upload, check in App Store Connect whether this build arrived",
        ),
        command::Error::Silent { .. } => Some(
            "check in App Store Connect whether this build arrived; if the upload was only slow, raise the input `silence_timeout`",
        ),
        _ => None,
    }
}
