//! Stand-ins for programs of macOS and Bitrise: `security`, `xcodebuild`, `xcrun`, `sw_vers`, `xcode-select`,
//! `envman` and `fastlane`.
//!
//! They check how they are called as strictly as the real ones, do the work that a step can see (a `.p12` is
//! really opened), and keep what they know in a directory. One binary plays them all, under the name that it
//! is called by: [`lay_out`] makes the links. A file `fail/<name>` in that directory makes a tool fail with
//! the file's text.

mod altool;
mod archive;
mod build_settings;
mod code_signing;
pub mod envman;
mod export;
mod fastlane;
mod security;
mod xcode;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The variable that names the directory in which the tools keep what they know.
pub const DIRECTORY: &str = "SANDBOX_TOOLS_DIR";

/// The names of the tools.
pub const NAMES: [&str; 6] = [
    "envman",
    "security",
    "sw_vers",
    "xcode-select",
    "xcodebuild",
    "xcrun",
];

/// Tools that are played only where there is no real one on `PATH`.
pub const WHERE_MISSING: [&str; 2] = ["envman", "fastlane"];

/// A call of a tool.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// The arguments.
    pub args: Vec<String>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// Standard input.
    pub stdin: String,
    /// Where the tools keep what they know.
    pub directory: PathBuf,
}

/// How a tool ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// The exit status.
    pub status: u8,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ended {
    fn well(stdout: impl Into<String>) -> Self {
        Self {
            stdout: stdout.into(),
            ..Self::default()
        }
    }

    fn badly(status: u8, stderr: impl Into<String>) -> Self {
        Self {
            status,
            stderr: stderr.into(),
            ..Self::default()
        }
    }
}

/// Whether there is a stand-in for the tool of that name.
pub fn is_known(name: &str) -> bool {
    NAMES.contains(&name) || WHERE_MISSING.contains(&name)
}

/// Plays the tool of that name; `None` when there is none.
pub fn play(name: &str, call: &Call) -> Option<Ended> {
    if !is_known(name) {
        return None;
    }
    if let Ok(text) = std::fs::read_to_string(call.directory.join("fail").join(name)) {
        return Some(Ended::badly(1, text));
    }
    let played = match name {
        "envman" => envman::play(call),
        "fastlane" => fastlane::play(call),
        "security" => security::play(call),
        "sw_vers" => Ok(sw_vers(call)),
        "xcode-select" => Ok(xcode::select(call)),
        "xcodebuild" => xcode::build(call),
        _ => xcode::run(call),
    };
    Some(played.unwrap_or_else(|error| Ended::badly(1, format!("{name}: {error:#}\n"))))
}

fn sw_vers(call: &Call) -> Ended {
    match call.args.first().map(String::as_str) {
        Some("-productVersion" | "--productVersion") => Ended::well("15.1\n"),
        Some("-buildVersion" | "--buildVersion") => Ended::well("24B83\n"),
        None => Ended::well("ProductName:\t\tmacOS\nProductVersion:\t\t15.1\nBuildVersion:\t\t24B83\n"),
        Some(other) => Ended::badly(1, format!("sw_vers: unrecognized option `{other}'\n")),
    }
}

/// Makes a folder for `PATH` in which `binary` is linked under the name of every tool.
///
/// # Errors
/// When the folder can't be made.
pub fn lay_out(folder: &Path, binary: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    NAMES.iter().try_for_each(|name| link(folder, binary, name))
}

/// The same, for people: real ones of [`WHERE_MISSING`] that are on `path` are left alone.
///
/// # Errors
/// When the folder can't be made.
pub fn lay_out_beside(folder: &Path, binary: &Path, path: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    // The folder may be on `PATH` already, from an earlier run: its own stand-ins are no real tools.
    let is_there = |name: &&str| {
        path.split(':')
            .map(Path::new)
            .filter(|place| !is_same(place, folder))
            .any(|place| place.join(name).is_file())
    };
    let (found, missing): (Vec<&str>, Vec<&str>) = WHERE_MISSING.into_iter().partition(is_there);
    // A stand-in of an earlier run would hide the real tool.
    for link in found
        .iter()
        .map(|name| folder.join(name))
        .filter(|link| link.is_symlink())
    {
        std::fs::remove_file(&link).with_context(|| link.display().to_string())?;
    }
    let always = NAMES.into_iter().filter(|name| !WHERE_MISSING.contains(name));
    always
        .chain(missing)
        .try_for_each(|name| link(folder, binary, name))
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Makes a link, or puts one in the place of that of an earlier run; a file that is no link is somebody's own.
fn link(folder: &Path, binary: &Path, name: &str) -> anyhow::Result<()> {
    let link = folder.join(name);
    let made = std::os::unix::fs::symlink(binary, &link);
    let replaced = match made {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && link.is_symlink() => {
            std::fs::remove_file(&link).and_then(|()| std::os::unix::fs::symlink(binary, &link))
        }
        made => made,
    };
    replaced.with_context(|| link.display().to_string())
}

/// The value after a flag.
fn value<'a>(args: &'a [String], flag: &str) -> Option<&'a str> {
    let at = args.iter().position(|arg| arg == flag)?;
    args.get(at + 1).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn call(directory: &Path, args: &[&str]) -> Call {
        Call {
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            directory: directory.to_owned(),
            ..Call::default()
        }
    }

    #[test]
    fn tools_are_laid_out_a_second_time_and_leave_a_persons_own_files_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (bin, real) = (folder.path().join("bin"), folder.path().join("real"));
        std::fs::create_dir_all(&real).unwrap();
        let path = format!("{}:{}", bin.display(), real.display());
        for binary in ["/first", "/second"] {
            lay_out_beside(&bin, Path::new(binary), &path).unwrap();
            for name in NAMES.iter().chain(&WHERE_MISSING) {
                let target = std::fs::read_link(bin.join(name)).unwrap();
                assert_eq!(target, Path::new(binary), "{name}");
            }
        }
        std::fs::write(real.join("fastlane"), "").unwrap();
        lay_out_beside(&bin, Path::new("/third"), &path).unwrap();
        assert!(!bin.join("fastlane").is_symlink());
        std::fs::remove_file(bin.join("security")).unwrap();
        std::fs::write(bin.join("security"), "mine").unwrap();
        assert!(lay_out(&bin, Path::new("/fourth")).is_err());
        assert_eq!(std::fs::read_to_string(bin.join("security")).unwrap(), "mine");
    }

    #[test]
    fn a_tool_fails_when_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            play("sw_vers", &call(folder.path(), &["-productVersion"]))
                .unwrap()
                .status,
            0
        );
        std::fs::create_dir(folder.path().join("fail")).unwrap();
        std::fs::write(folder.path().join("fail/sw_vers"), "no").unwrap();
        assert_eq!(
            play("sw_vers", &call(folder.path(), &[])).unwrap(),
            Ended::badly(1, "no")
        );
        assert_eq!(play("rm", &call(folder.path(), &[])), None);
    }
}
