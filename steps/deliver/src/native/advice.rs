//! What to do about a release that failed.

use account_inputs::about_release;
use app_store_release::ReleaseError;
use step_kit::Advice as _;

/// The error, with what to do next.
pub(crate) fn explained(error: ReleaseError) -> anyhow::Error {
    let hint = hint(&error);
    let context = match &error {
        ReleaseError::Invalid(_) => "the metadata or the options have problems; nothing was changed",
        ReleaseError::Several(_) => "some changes failed; everything else was made",
        _ => "the release failed",
    };
    anyhow::Error::from(error).context(context).hint(hint)
}

fn hint(error: &ReleaseError) -> String {
    match error {
        ReleaseError::Invalid(_) => "correct what is listed, then rerun".to_owned(),
        ReleaseError::NoApp { .. } => {
            "create the app in App Store Connect > Apps, or check that the API key belongs to the app's team and that bundle_id or app_id is right".to_owned()
        }
        ReleaseError::NoEditableVersion { .. } => {
            "name the next version with `--app_version` in the input options, and leave skip_app_version_update at `no`".to_owned()
        }
        ReleaseError::Locked { cancelable: true, .. } => {
            "wait for the review, or add `--reject_if_possible` to the input options to cancel it first".to_owned()
        }
        ReleaseError::Locked { state, .. } if matches!(state.as_str(), "READY_FOR_DISTRIBUTION" | "REPLACED_WITH_NEW_VERSION") => {
            "raise the app's version (CFBundleShortVersionString, or `--app_version` in the input options)".to_owned()
        }
        ReleaseError::Locked { state, .. } if state == "PENDING_DEVELOPER_RELEASE" => {
            "release the version in App Store Connect, or cancel its release there, then rerun".to_owned()
        }
        ReleaseError::Locked { .. } => "see the version's page in App Store Connect; rerun when it can be edited".to_owned(),
        ReleaseError::SubmissionInProgress { .. } => {
            "resolve the submission in App Store Connect > App Review, or add `--reject_if_possible` to the input options to cancel it first".to_owned()
        }
        ReleaseError::ForeignDraft { .. } => "submit or remove those items in App Store Connect > App Review, then rerun".to_owned(),
        ReleaseError::NoBuild { .. } => "upload the build first, or name one of these with `--build_number` in the input options".to_owned(),
        ReleaseError::UnusableBuild { .. } => "upload a build with a new build number (CFBundleVersion)".to_owned(),
        ReleaseError::NoCompliance { .. } => {
            "set ITSAppUsesNonExemptEncryption in the app's Info.plist, or pass `--submission_information '{\"export_compliance_uses_encryption\": false}'` in the input options".to_owned()
        }
        ReleaseError::NoContentRights => {
            "answer in App Store Connect > App Information > Content Rights, or pass `--submission_information '{\"content_rights_contains_third_party_content\": false}'` in the input options".to_owned()
        }
        ReleaseError::TooSlow { .. } => "see https://developer.apple.com/system-status/; a rerun continues where this run stopped".to_owned(),
        ReleaseError::Media { .. } => "export the file again as Apple's reason says (pictures: PNG or JPEG, RGB, no alpha channel), then rerun".to_owned(),
        ReleaseError::Transfer { source, .. } => format!("{}; it continues where this run stopped", upload_step::about_transfer(source)),
        ReleaseError::File { .. } => "check the file and its permissions".to_owned(),
        ReleaseError::NoGroup { .. } | ReleaseError::BetaIncomplete(_) => "correct it in App Store Connect > TestFlight".to_owned(),
        ReleaseError::Api { source, .. } => about_release(source),
        ReleaseError::Several(errors) => errors.first().map_or_else(String::new, hint),
    }
}
