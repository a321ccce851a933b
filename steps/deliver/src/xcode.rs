//! What depends on the version of Xcode.

use std::time::Duration;

use anyhow::Context as _;
use apple_types::XcodeVersion;
use command::Command;
use step_kit::{Advice as _, Step};

use crate::inputs::Inputs;

/// The first Xcode whose altool fastlane uploads with; older ones come with Apple's Transporter.
const FIRST_WITH_ALTOOL: u32 = 14;

/// The first start of a fresh Xcode takes some seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// The major version of the selected Xcode, `None` where there is none to ask or it does not tell.
///
/// # Errors
/// When Xcode is installed and can't be run: an upload would fail for the same reason.
pub(crate) async fn version(step: &Step<Inputs>) -> anyhow::Result<Option<u32>> {
    if step.runner.find("xcodebuild").is_none() {
        step.log.warn(
            "Xcode is not installed here: metadata and screenshots can be uploaded, packages only where Apple's Transporter is installed.",
        );
        return Ok(None);
    }
    let output = step
        .runner
        .checked(Command::new("xcodebuild").arg("-version").timeout(PATIENCE))
        .await
        .context("could not run Xcode")
        .hint("select a full Xcode installation (`sudo xcode-select --switch /Applications/Xcode.app`) and accept its license (`sudo xcodebuild -license accept`)")?;
    Ok(XcodeVersion::read(&output.stdout).map(|version| version.major))
}

/// Variables by which fastlane is told how to upload.
pub(crate) fn variables(xcode: Option<u32>, inputs: &Inputs) -> Vec<(&'static str, String)> {
    let mut variables = Vec::new();
    if xcode.is_some_and(|version| version < FIRST_WITH_ALTOOL) {
        variables.push(("ITMSTRANSPORTER_FORCE_ITMS_PACKAGE_UPLOAD", "true".to_owned()));
        if let Some(parameters) = &inputs.itms_upload_parameters {
            variables.push((
                "DELIVER_ITMSTRANSPORTER_ADDITIONAL_UPLOAD_PARAMETERS",
                parameters.clone(),
            ));
        }
    }
    if let Some(options) = &inputs.altool_options {
        variables.push(("DELIVER_ALTOOL_ADDITIONAL_UPLOAD_PARAMETERS", options.clone()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MANIFEST;

    #[test]
    fn transporter_parameters_are_for_old_xcodes_alone() {
        let inputs: Inputs =
            step_kit::testing::inputs(MANIFEST, &[("itms_upload_parameters", "-t DAV")]).unwrap();
        assert_eq!(variables(Some(13), &inputs).len(), 2);
        assert!(variables(Some(14), &inputs).is_empty() && variables(None, &inputs).is_empty());
    }
}
