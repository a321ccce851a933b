//! `Gemfile.lock` and `gems.locked`: which versions a project pins.
//!
//! Fact: Bundler writes sections (`GEM`, `GIT`, `PATH`, `PLATFORMS`, `DEPENDENCIES`, `BUNDLED WITH`, …) with
//! the heading in the first column. In a source's `specs:`, four blanks begin a resolved gem, six one of its
//! requirements, so that a gem which is only required by others is told from one that is installed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What a lock file pins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lockfile {
    /// Resolved gems with their versions, without a platform's suffix.
    pub gems: BTreeMap<String, String>,
    /// The gems that resolved gems require.
    pub required: BTreeSet<String>,
    /// The gems that the Gemfile itself names.
    pub dependencies: Vec<String>,
    /// The platforms.
    pub platforms: Vec<String>,
    /// The Bundler that wrote the file.
    pub bundled_with: Option<String>,
}

/// Larger than any lock file, in bytes.
const LARGEST: u64 = 16 << 20;

/// A lock file that is there and can't be read.
#[derive(Debug, thiserror::Error)]
#[error("could not read {}", path.display())]
pub struct LockError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

impl Lockfile {
    /// Reads the text of a lock file. Line ends of Windows and sections of later Bundlers are no problem;
    /// what is not understood is passed over.
    pub fn parse(text: &str) -> Self {
        let mut lock = Self::default();
        let mut section = "";
        let mut in_specs = false;
        for line in text.trim_start_matches('\u{feff}').lines().map(str::trim_end) {
            let content = line.trim_start();
            let indent = line.len() - content.len();
            if content.is_empty() {
                continue;
            }
            if indent == 0 {
                section = content;
                in_specs = false;
                continue;
            }
            match section {
                "GEM" | "GIT" | "PATH" | "PLUGIN SOURCE" => {
                    if indent == 2 {
                        in_specs = content == "specs:";
                    } else if indent == 4
                        && in_specs
                        && let Some((name, version)) = pinned(content)
                    {
                        lock.gems
                            .entry(name.to_owned())
                            .or_insert_with(|| version.to_owned());
                    } else if indent == 6 && in_specs {
                        lock.required.insert(gem_name(content).to_owned());
                    }
                }
                "DEPENDENCIES" => {
                    lock.dependencies.push(gem_name(content).to_owned());
                }
                "PLATFORMS" => lock.platforms.push(content.to_owned()),
                "BUNDLED WITH" => lock.bundled_with = Some(content.to_owned()),
                _ => {}
            }
        }
        lock
    }

    /// The lock file at `path`, `None` when there is none.
    ///
    /// # Errors
    /// When it is there and can't be read.
    pub fn read(path: &Path) -> Result<Option<Self>, LockError> {
        match files::read(path, LARGEST) {
            Ok(bytes) => Ok(Some(Self::parse(&String::from_utf8_lossy(&bytes)))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LockError {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Whether fastlane belongs to the bundle: resolved, named by the Gemfile, or required by another gem such as a
    /// fastlane plugin.
    pub fn has_fastlane(&self) -> bool {
        self.fastlane().is_some()
            || self.required.contains("fastlane")
            || self.dependencies.iter().any(|name| name == "fastlane")
    }

    /// The version that fastlane is pinned to.
    pub fn fastlane(&self) -> Option<&str> {
        self.gems.get("fastlane").map(String::as_str)
    }
}

/// The name in `name (>= 1.0)`, `name!` or `name`.
fn gem_name(text: &str) -> &str {
    text.split([' ', '!']).next().unwrap_or_default()
}

/// `name (1.2.3-platform)` as name and version.
fn pinned(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once(" (")?;
    let version = rest.strip_suffix(')')?;
    Some((name, version.split('-').next().unwrap_or(version)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOCK: &str = "GIT
  remote: https://github.com/example/fastlane-plugin.git
  revision: 0123456789abcdef
  branch: main
  specs:
    fastlane-plugin-example (0.1.0)

PATH
  remote: tools
  specs:
    our-tools (1.0.0)

GEM
  remote: https://rubygems.org/
  specs:
    fastlane (2.217.0)
      CFPropertyList (>= 2.3, < 4.0.0)
    google-protobuf (3.25.1-x86_64-darwin)

PLATFORMS
  arm64-darwin-22
  ruby

DEPENDENCIES
  fastlane (~> 2.217)
  our-tools!

CHECKSUMS
  fastlane (2.217.0) sha256=00

BUNDLED WITH
   2.3.26
";

    #[test]
    fn every_section_is_read() {
        let lock = Lockfile::parse(LOCK);
        assert_eq!(lock.fastlane(), Some("2.217.0"));
        assert_eq!(lock.gems["fastlane-plugin-example"], "0.1.0");
        assert_eq!(lock.gems["google-protobuf"], "3.25.1");
        assert_eq!(lock.gems["our-tools"], "1.0.0");
        assert!(!lock.gems.contains_key("CFPropertyList"));
        assert_eq!(lock.dependencies, ["fastlane", "our-tools"]);
        assert_eq!(lock.required, ["CFPropertyList".to_owned()].into());
        assert_eq!(lock.platforms, ["arm64-darwin-22", "ruby"]);
        assert_eq!(lock.bundled_with.as_deref(), Some("2.3.26"));
    }

    #[test]
    fn line_ends_of_windows_make_no_difference() {
        assert_eq!(
            Lockfile::parse(&LOCK.replace('\n', "\r\n")),
            Lockfile::parse(LOCK)
        );
    }

    #[test]
    fn a_gem_that_only_asks_for_fastlane_is_not_fastlane_but_brings_it() {
        let lock = Lockfile::parse(
            "GEM\n  remote: https://rubygems.org/\n  specs:\n    fastlane-plugin-x (1.0)\n      fastlane (>= 2.0)\n",
        );
        assert_eq!(lock.fastlane(), None);
        assert!(lock.has_fastlane());
    }

    #[test]
    fn fastlane_belongs_to_the_bundle_however_it_got_there() {
        let spec = |text: &str| Lockfile::parse(&format!("GEM\n  specs:\n{text}")).has_fastlane();
        assert!(spec("    fastlane (2.219.0)\n"));
        assert!(spec(
            "    fastlane-plugin-x (1.0)\n      fastlane\n    fastlane (2.219.0)\n"
        ));
        assert!(Lockfile::parse("DEPENDENCIES\n  fastlane!\n").has_fastlane());
        // A fork from Git.
        assert!(Lockfile::parse("GIT\n  remote: x\n  specs:\n    fastlane (2.220.0.pre)\n").has_fastlane());
        for other in [
            "    fastlane-plugin-x (1.0)\n",
            "    cocoapods (1.15.2)\n      fastlane-sirp\n",
            "",
        ] {
            assert!(!spec(other), "{other}");
        }
        // A checksum is not a gem of the bundle.
        assert!(!Lockfile::parse("CHECKSUMS\n  fastlane (2.217.0) sha256=00\n").has_fastlane());
    }

    #[test]
    fn a_missing_file_is_none_and_an_unreadable_one_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gems.locked");
        assert_eq!(Lockfile::read(&path).unwrap(), None);
        std::fs::write(&path, LOCK).unwrap();
        assert!(Lockfile::read(&path).unwrap().is_some());
        let folder = directory.path().join("Gemfile.lock");
        std::fs::create_dir(&folder).unwrap();
        let error = Lockfile::read(&folder).unwrap_err();
        assert!(error.to_string().contains("Gemfile.lock"));
    }

    proptest! {
        #[test]
        fn no_text_hurts(text in any::<String>()) {
            let _ = Lockfile::parse(&text);
        }
    }
}
