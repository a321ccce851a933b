//! The selected Xcode.

use std::time::Duration;

use apple_types::XcodeVersion;
use command::Command;
use step_kit::Step;

use crate::options::Options;

/// Asking a tool for its version takes long only when something is wrong with it.
const VERSION_PATIENCE: Duration = Duration::from_secs(60);

/// The version of the selected Xcode; `None` where there is none.
///
/// # Errors
/// When `xcodebuild` does not answer.
pub(crate) async fn selected(step: &Step<Options>) -> anyhow::Result<Option<XcodeVersion>> {
    let command = Command::new("xcodebuild").arg("-version");
    let version = async {
        let output = step.runner.output(command).await.ok();
        Ok(output.and_then(|output| XcodeVersion::read(&output.stdout)))
    };
    step.within("asking `xcodebuild` for its version", VERSION_PATIENCE, version)
        .await
}
