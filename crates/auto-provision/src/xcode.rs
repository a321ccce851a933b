//! The selected Xcode.

use std::time::Duration;

use apple_types::XcodeVersion;
use command::Command;
use step_kit::Step;

use crate::options::Options;

/// Asking a tool for its version takes long only when something is wrong with it.
const VERSION_PATIENCE: Duration = Duration::from_secs(60);

/// The version of the selected Xcode; `None` where there is none.
pub(crate) async fn selected(step: &Step<Options>) -> Option<XcodeVersion> {
    let command = Command::new("xcodebuild")
        .arg("-version")
        .timeout(VERSION_PATIENCE);
    let output = step.runner.output(command).await.ok()?;
    XcodeVersion::read(&output.stdout)
}
