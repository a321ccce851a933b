//! What depends on the version of Xcode.

use std::time::Duration;

use anyhow::Context as _;
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
        .context("Xcode does not work")
        .hint("select an Xcode that is complete (`sudo xcode-select --switch /Applications/Xcode.app`) and accept its licence (`sudo xcodebuild -license accept`)")?;
    Ok(major(&output.stdout))
}

fn major(text: &str) -> Option<u32> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("Xcode "))?;
    line.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
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
    fn the_version_is_read_from_what_xcodebuild_says() {
        assert_eq!(major("Xcode 16.2\nBuild version 16C5032a\n"), Some(16));
        assert_eq!(major("note: x\nXcode 9\n"), Some(9));
        assert_eq!(major("nothing"), None);
    }

    #[test]
    fn transporter_parameters_are_for_old_xcodes_alone() {
        let inputs: Inputs =
            step_kit::testing::inputs(MANIFEST, &[("itms_upload_parameters", "-t DAV")]).unwrap();
        assert_eq!(variables(Some(13), &inputs).len(), 2);
        assert!(variables(Some(14), &inputs).is_empty() && variables(None, &inputs).is_empty());
    }
}
