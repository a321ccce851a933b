//! What to do about a distribution that failed.

use account_inputs::about_release;
use app_store_release::ReleaseError;
use step_kit::Advice as _;

/// The error, with what to do next.
pub(crate) fn explained(error: ReleaseError) -> anyhow::Error {
    let hint = hint(&error);
    anyhow::Error::from(error)
        .context("the TestFlight distribution failed")
        .hint(hint)
}

fn hint(error: &ReleaseError) -> String {
    match error {
        ReleaseError::NoGroup { .. } => {
            "correct beta_groups, or create the group in App Store Connect > TestFlight".to_owned()
        }
        ReleaseError::BetaIncomplete(_) => {
            "set beta_app_description, beta_feedback_email, what_to_test, and the beta_contact inputs, or fill in App Store Connect > TestFlight > Test Information".to_owned()
        }
        ReleaseError::NoApp { .. } => {
            "check bundle_id or app_id, and that the API key belongs to the app's team".to_owned()
        }
        ReleaseError::NoBuild { .. } => "correct build_id, bundle_short_version_string, or bundle_version".to_owned(),
        ReleaseError::UnusableBuild { .. } => "upload a build with a new build number (CFBundleVersion)".to_owned(),
        ReleaseError::TooSlow { .. } => {
            "Apple continues processing; rerun with build_id or the build's numbers to distribute it, or raise total_timeout".to_owned()
        }
        ReleaseError::Api { source, .. } => about_release(source),
        ReleaseError::Several(errors) => errors.first().map_or_else(String::new, hint),
        _ => "rerun; what was done already stays".to_owned(),
    }
}
