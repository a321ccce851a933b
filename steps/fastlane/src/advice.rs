//! What to do next, where this step has an input for it.

use fastlane_runner::AppleCause;

/// This step has no input for anything that Apple says about a lane.
pub(crate) fn about_apple(_: AppleCause) -> Option<&'static str> {
    None
}

/// What to do about a lane that exceeded a limit.
pub(crate) fn about_limit(error: &command::Error) -> Option<&'static str> {
    match error {
        command::Error::TimedOut { .. } => Some("raise the input `timeout`, or make the lane faster"),
        command::Error::Silent { .. } => Some(
            "find out what the lane waits for (a prompt, a verification code, a locked keychain), or raise the input `silence_timeout`",
        ),
        _ => None,
    }
}
