//! What to do about a failed upload, in terms of this step's inputs.

use account_inputs::{Duty, about_api};
use altool::{Cause, Finding};
use app_store_connect::uploads::StateDetail;
use build_upload::UploadError;
use step_kit::Advice as _;
use upload_step::about_upload;

/// What to do about errors of altool.
pub(crate) fn of_findings(errors: &[Finding]) -> String {
    match errors.iter().find_map(Cause::of) {
        Some(cause) => {
            let text: String = errors.iter().map(Finding::whole).collect();
            of_cause(cause, &text)
        }
        None => "see altool's words above, and the app's page in App Store Connect".to_owned(),
    }
}

/// What to do about errors of App Store Connect's checks.
fn of_details(details: &[StateDetail]) -> String {
    let cause = details
        .iter()
        .find_map(|detail| Cause::of_code(&detail.code, &detail.description));
    match cause {
        Some(cause) => {
            let text: String = details.iter().map(ToString::to_string).collect();
            of_cause(cause, &text)
        }
        None => "correct what App Store Connect names, and upload a build with a new build number".to_owned(),
    }
}

/// The remedy, with the inputs that carry it out.
pub(crate) fn of_cause(cause: Cause, text: &str) -> String {
    let remedy = cause.remedy();
    match cause {
        Cause::AppNotDetermined => format!("{remedy} as the input app_id"),
        Cause::VersionMismatch => {
            format!("{remedy} (inputs app_id, bundle_id, bundle_version, and bundle_short_version_string)")
        }
        Cause::AppSpecificPassword => {
            format!("{remedy} (https://account.apple.com); then set the input app_password")
        }
        Cause::Provider => format!("{remedy}; options go into the input altool_options"),
        Cause::NoAltool => format!("{remedy}, or set the input uploader to native"),
        Cause::PurposeString => match altool::purpose_strings(text).as_slice() {
            [] => remedy.to_owned(),
            keys => format!("add {} to the Info.plist", keys.join(", ")),
        },
        _ => remedy.to_owned(),
    }
}

/// The error, with what to do about it.
pub(crate) fn explain(error: UploadError) -> anyhow::Error {
    let advice = of_upload(&error);
    anyhow::Error::from(error)
        .context("the upload failed")
        .hint(advice)
}

pub(crate) fn of_upload(error: &UploadError) -> String {
    if let Some(advice) = about_upload(error) {
        return advice.to_owned();
    }
    let advice = match error {
        UploadError::NoApp(_) => {
            "create the app record in App Store Connect > Apps, or check that the API key belongs to the app's team and that the bundle ID is right"
        }
        UploadError::OtherApp { .. } => {
            "correct the input app_id, or leave it empty: the app is found by the bundle ID"
        }
        UploadError::Refused(details) => return of_details(details),
        UploadError::TooSlow { .. } => {
            "look at App Store Connect > TestFlight: processing continues there; raise total_timeout if this build takes longer"
        }
        UploadError::Api { source, .. } => {
            let cause = source.refusal().and_then(|refusal| {
                refusal.errors.iter().find_map(|error| {
                    Cause::of_code(&error.code, &format!("{} {}", error.title, error.detail))
                })
            });
            match (about_api(source, Duty::Upload), cause) {
                (Some(advice), _) => return advice,
                (None, Some(cause)) => cause.remedy(),
                (None, None) => "rerun the step; https://developer.apple.com/system-status/ shows outages",
            }
        }
        _ => "upload again; if it stays so, upload with Xcode's altool (uploader: altool)",
    };
    advice.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_name_the_inputs() {
        for (text, expected) in [
            ("Unable to authenticate. (-19209)", ".p8"),
            (
                "The bundle version must be higher than the previously uploaded version: 41.",
                "CFBundleVersion",
            ),
            (
                "Unable to determine the application using bundleId: x. (-19201)",
                "app_id",
            ),
            ("Validation failed: Upload limit reached.", "tomorrow"),
            ("Sign in with the app-specific password (-22938)", "app_password"),
            (
                "Missing purpose string NSCameraUsageDescription",
                "NSCameraUsageDescription",
            ),
            ("Could not determine provider public id", "altool_options"),
        ] {
            let cause = Cause::of_text(text).unwrap();
            let advice = of_cause(cause, text);
            assert!(advice.contains(expected), "{text}: {advice}");
        }
        assert!(of_findings(&[]).contains("above"));
    }

    #[test]
    fn refusals_of_the_api_have_the_same_remedies() {
        let detail = |code: &str, words: &str| StateDetail {
            code: code.to_owned(),
            description: words.to_owned(),
        };
        assert!(
            of_details(&[detail("90186", "Invalid Pre-Release Train.")])
                .contains("CFBundleShortVersionString")
        );
        assert!(
            of_details(&[detail("90683", "a NSCameraUsageDescription key")])
                .contains("add NSCameraUsageDescription")
        );
        assert!(of_details(&[detail("99999", "new")]).contains("new build number"));
    }
}
