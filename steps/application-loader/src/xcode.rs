//! The selected Xcode.

use std::time::Duration;

use anyhow::Context as _;
use apple_types::XcodeVersion;
use command::Command;
use step_kit::{Advice as _, Step};

use crate::inputs::Inputs;

/// The first start of a fresh Xcode takes some seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whether altool can be run here.
pub(crate) fn is_installed(step: &Step<Inputs>) -> bool {
    ["xcodebuild", "xcrun"]
        .iter()
        .all(|program| step.runner.find(program).is_some())
}

/// The major version of the selected Xcode, `None` where it does not tell.
///
/// # Errors
/// When it can't be run.
pub(crate) async fn version(step: &Step<Inputs>) -> anyhow::Result<Option<u32>> {
    let output = step
        .runner
        .checked(Command::new("xcodebuild").arg("-version").timeout(PATIENCE))
        .await
        .context("could not run Xcode")
        .hint("select a full Xcode installation (`sudo xcode-select --switch /Applications/Xcode.app`) and accept its license (`sudo xcodebuild -license accept`), or set uploader to native")?;
    let major = XcodeVersion::read(&output.stdout).map(|version| version.major);
    match major {
        Some(version) => step.log.plain(format!("Xcode {version}")),
        None => step.log.warn("`xcodebuild -version` printed no version."),
    }
    Ok(major)
}
