//! The version of Xcode.

use std::fmt;

/// A version of Xcode, as far as features depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct XcodeVersion {
    /// Such as 16 of 16.2.
    pub major: u32,
    /// Such as 2 of 16.2; 0 where there is none.
    pub minor: u32,
}

impl XcodeVersion {
    /// Reads what `xcodebuild -version` prints: a line `Xcode 16.2`, and the build below it. Notes of the system may
    /// stand above, and the version may have a word behind it, such as `beta`.
    pub fn read(printed: &str) -> Option<Self> {
        let version = printed
            .lines()
            .find_map(|line| line.trim().strip_prefix("Xcode "))?;
        let number =
            |part: &str| -> Option<u32> { part.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok() };
        let mut parts = version.trim().split('.');
        Some(Self {
            major: number(parts.next()?)?,
            minor: parts.next().and_then(number).unwrap_or(0),
        })
    }
}

impl fmt::Display for XcodeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `xcodebuild -version` prints, from build logs of public repositories, 2024 to 2026.
    #[test]
    fn a_version_is_read_from_what_xcodebuild_prints() {
        let version = |major, minor| Some(XcodeVersion { major, minor });
        for (printed, expected) in [
            ("Xcode 16.2\nBuild version 16C5032a\n", version(16, 2)),
            ("Xcode 15.0.1\nBuild version 15A507\n", version(15, 0)),
            ("Xcode 27\nBuild version 27A5194q\n", version(27, 0)),
            ("note: x\r\nXcode 9\r\n", version(9, 0)),
            (
                "2024-02-29 12:00:00.000 xcodebuild[1:2] a note\nXcode 15.3\nBuild version 15E204a\n",
                version(15, 3),
            ),
            ("xcode-select: error: tool 'xcodebuild' requires Xcode\n", None),
            ("Xcode", None),
            ("", None),
        ] {
            assert_eq!(XcodeVersion::read(printed), expected, "{printed}");
        }
    }

    #[test]
    fn versions_are_ordered_by_number() {
        assert!(XcodeVersion::read("Xcode 9.4") < XcodeVersion::read("Xcode 15.3"));
    }
}
