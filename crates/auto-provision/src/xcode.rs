//! The selected Xcode.

use std::time::Duration;

use command::Command;
use step_kit::Step;

use crate::order::Order;

/// Asking a tool for its version takes long only when something is wrong with it.
const VERSION_PATIENCE: Duration = Duration::from_secs(60);

/// A version of Xcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct XcodeVersion {
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

impl XcodeVersion {
    /// Reads what `xcodebuild -version` prints: `Xcode 16.2`, and the build below it.
    fn read(printed: &str) -> Option<Self> {
        let version = printed.lines().find_map(|line| line.strip_prefix("Xcode "))?;
        let mut numbers = version.split('.').map(|part| part.trim().parse().ok());
        Some(Self {
            major: numbers.next()??,
            minor: numbers.next().flatten().unwrap_or(0),
        })
    }

    /// The version of the selected Xcode; `None` where there is none.
    pub(crate) async fn selected(step: &Step<Order>) -> Option<Self> {
        let command = Command::new("xcodebuild")
            .arg("-version")
            .timeout(VERSION_PATIENCE);
        let output = step.runner.output(command).await.ok()?;
        Self::read(&output.stdout)
    }
}

impl std::fmt::Display for XcodeVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_xcodebuild_prints() {
        let version = |major, minor| Some(XcodeVersion { major, minor });
        for (printed, expected) in [
            ("Xcode 16.2\nBuild version 16C5032a\n", version(16, 2)),
            ("Xcode 15.0.1\nBuild version 15A507\n", version(15, 0)),
            ("Xcode 27\nBuild version 27A5194q\n", version(27, 0)),
            ("2024-02-29 xcodebuild[1:2] note\nXcode 15.3\n", version(15, 3)),
            ("xcode-select: error: tool 'xcodebuild' requires Xcode\n", None),
            ("", None),
        ] {
            assert_eq!(XcodeVersion::read(printed), expected, "{printed}");
        }
    }
}
