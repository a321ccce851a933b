//! The selected Xcode.

use std::time::Duration;

use anyhow::Context as _;
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
        .context("Xcode does not work")
        .hint("select an Xcode that is complete (`sudo xcode-select --switch /Applications/Xcode.app`) and accept its licence (`sudo xcodebuild -license accept`), or set uploader to native")?;
    let major = major(&output.stdout);
    match major {
        Some(version) => step.log.plain(format!("Xcode {version}")),
        None => step.log.warn("xcodebuild does not tell Xcode's version."),
    }
    Ok(major)
}

fn major(text: &str) -> Option<u32> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("Xcode "))?;
    line.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_xcodebuild_says() {
        assert_eq!(major("Xcode 26.1\nBuild version 17B55\n"), Some(26));
        assert_eq!(major("Xcode"), None);
    }
}
