//! A machine for whole runs of a step's real binary: a home, a temporary directory, stand-in tools, a copy of
//! the sample project, and a sandbox in the place of Bitrise and Apple.
//!
//! What a run left behind is looked at afterwards, by [`Machine::leftovers`]: no secret may be in it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

pub mod bitrise;
pub mod client;
pub mod contract;
pub mod fastlane;
pub mod host;
pub mod project;
pub mod stepman;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use apple_sandbox::{Sandbox, tools};
use walkdir::WalkDir;

// For their features alone; see Cargo.toml.
use {criterion as _, insta as _, proptest as _};

/// What the keychain is opened with.
pub const KEYCHAIN_PASSWORD: &str = "k3ychain-passw0rd";

/// A machine for runs of steps.
pub struct Machine {
    root: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

/// What a run did.
#[derive(Debug)]
pub struct Run {
    /// The exit status; `None` for one that a signal ended.
    pub status: Option<i32>,
    /// Everything that it printed.
    pub text: String,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine {
    /// A machine as after a fresh start, with stand-in tools and the sample project.
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let machine = Self {
            root,
            variables: BTreeMap::new(),
        };
        for folder in ["home/Library/Keychains", "tmp", "tools", "deploy"] {
            std::fs::create_dir_all(machine.path(folder)).unwrap();
        }
        tools::lay_out(&machine.path("tools/bin"), &binary("apple-sandbox")).unwrap();
        copy_tree(&repository().join("samples/courier"), &machine.path("project"));
        machine
    }

    /// A place on the machine.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Sets a variable of every run to come.
    pub fn set(&mut self, key: &str, value: &str) -> &mut Self {
        self.variables.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Takes a tool away.
    pub fn without(&mut self, tool: &str) -> &mut Self {
        std::fs::remove_file(self.path("tools/bin").join(tool)).unwrap();
        self
    }

    /// A Linux machine that meets the sandbox: none of Xcode's tools is there.
    pub fn linux(sandbox: &Sandbox) -> Self {
        let mut machine = Self::new();
        machine.meets(sandbox);
        for tool in ["xcodebuild", "xcrun", "xcode-select", "security", "sw_vers"] {
            machine.without(tool);
        }
        machine
    }

    /// Puts a tool of the test's own on `PATH`: a shell script. Every call of it is written to
    /// `<name>.calls`, an argument per line, with a blank line after each call.
    pub fn tool(&mut self, name: &str, script: &str) -> &mut Self {
        let path = self.path("tools/bin").join(name);
        // A link to the stand-ins would be written through.
        let _ = std::fs::remove_file(&path);
        let calls = self.path(&format!("tools/{name}.calls"));
        let log = format!("{{ printf '%s\\n' \"$@\"; echo; }} >> '{}'", calls.display());
        std::fs::write(&path, format!("#!/bin/sh\n{log}\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// The calls of a tool of the test's own, as words.
    pub fn calls(&self, name: &str) -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(self.path(&format!("tools/{name}.calls"))).unwrap_or_default();
        text.split("\n\n")
            .filter(|call| !call.is_empty())
            .map(|call| call.lines().map(str::to_owned).collect())
            .collect()
    }

    /// Writes a file, and says where it is.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// Makes runs to come meet the sandbox.
    pub fn meets(&mut self, sandbox: &Sandbox) -> &mut Self {
        for (key, value) in sandbox.environment() {
            self.set(&key, &value);
        }
        self
    }

    fn command(&self, step: &str) -> Command {
        let mut command = Command::new(binary(step));
        command
            .env_clear()
            .current_dir(self.path("project"))
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.path("tools/bin").display()),
            )
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env(tools::DIRECTORY, self.path("tools"))
            .env("BITRISE_KEYCHAIN_PASSWORD", KEYCHAIN_PASSWORD)
            .env("BITRISE_DEPLOY_DIR", self.path("deploy"))
            .env("BITRISE_PROJECT_PATH", self.path("project/Courier.xcodeproj"))
            .env("BITRISE_SCHEME", "Courier")
            .envs(&self.variables);
        command
    }

    /// Runs a step to its end.
    pub fn run(&self, step: &str, inputs: &[(&str, &str)]) -> Run {
        let output = self.command(step).envs(inputs.iter().copied()).output().unwrap();
        Run {
            status: output.status.code(),
            text: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        }
    }

    /// Starts a step and goes on.
    pub fn start(&self, step: &str, inputs: &[(&str, &str)]) -> Child {
        self.command(step)
            .envs(inputs.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// What the steps have exported so far.
    pub fn outputs(&self) -> BTreeMap<String, String> {
        let store = std::fs::read_to_string(self.path("tools/envstore.yml")).unwrap_or_default();
        tools::envman::read(&store).into_iter().collect()
    }

    /// The text of the sample's project file.
    pub fn project_file(&self) -> String {
        std::fs::read_to_string(self.path("project/Courier.xcodeproj/project.pbxproj")).unwrap()
    }

    /// The names of the profiles that are installed.
    pub fn installed_profiles(&self) -> Vec<String> {
        let mut names: Vec<String> = files(&self.path("home"))
            .into_iter()
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "mobileprovision")
            })
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Files outside of the tools' own directory that hold one of the secrets, and everything in the
    /// temporary directory.
    pub fn leftovers(&self, secrets: &[String]) -> Vec<PathBuf> {
        let tools = self.path("tools");
        let mut found = files(&self.path("tmp"));
        for path in files(self.root.path()) {
            if path.starts_with(&tools) {
                continue;
            }
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            if secrets.iter().any(|secret| text.contains(secret.as_str())) {
                found.push(path);
            }
        }
        found
    }

    /// Waits until the record of the one upload that runs holds its file's checksum, with which a later run continues it.
    pub fn until_upload_is_recorded(&self) {
        let folder = self.path("home/.local/state/apple-steps/build-uploads");
        let is_recorded = || {
            let mut records = files(&folder).into_iter();
            records.any(|path| std::fs::read_to_string(path).is_ok_and(|text| text.contains("\"sha256\":\"")))
        };
        let started = std::time::Instant::now();
        while !is_recorded() {
            assert!(
                started.elapsed().as_secs() < 60,
                "the checksum was not recorded in {}",
                folder.display()
            );
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

/// The secrets of a sandbox and a machine, as a leak would show them.
pub fn secrets(sandbox: &Sandbox) -> Vec<String> {
    let state = sandbox.state();
    let key_lines = state.private_key.lines().filter(|line| !line.starts_with("---"));
    key_lines
        .map(str::to_owned)
        .chain(state.apple_id.secrets())
        .chain([
            state.build_api_token.clone(),
            "sandbox-passphrase".to_owned(),
            KEYCHAIN_PASSWORD.to_owned(),
        ])
        .collect()
}

/// A small `.ipa`: a zip with the app's Info.plist.
pub fn ipa(info: &[(&str, &str)]) -> Vec<u8> {
    ipa_of(info, 0)
}

/// An `.ipa` with so many bytes in it that don't compress. A value that begins with `<`, such as `<false/>`, is XML.
pub fn ipa_of(info: &[(&str, &str)], size: usize) -> Vec<u8> {
    let mut fields = BTreeMap::from([
        ("CFBundleIdentifier", "com.example.courier"),
        ("CFBundleVersion", "42"),
        ("CFBundleShortVersionString", "1.2.3"),
        ("DTPlatformName", "iphoneos"),
    ]);
    for (key, value) in info {
        if value.is_empty() {
            fields.remove(key);
        } else {
            fields.insert(key, value);
        }
    }
    let body: String = fields
        .iter()
        .map(|(key, value)| match value.strip_prefix('<') {
            Some(_) => format!("<key>{key}</key>{value}"),
            None => format!("<key>{key}</key><string>{value}</string>"),
        })
        .collect();
    let plist = format!("<?xml version=\"1.0\"?><plist version=\"1.0\"><dict>{body}</dict></plist>");
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let mut dice = fastrand::Rng::with_seed(size as u64);
    let mut noise = vec![0; size];
    dice.fill(&mut noise);
    let stored = options.compression_method(zip::CompressionMethod::Stored);
    archive
        .start_file("Payload/Courier.app/Assets.car", stored)
        .unwrap();
    archive.write_all(&noise).unwrap();
    for (name, content) in [
        ("Payload/Courier.app/Info.plist", plist.as_bytes()),
        ("Payload/Courier.app/Courier", b"not a real binary"),
    ] {
        archive.start_file(name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Tells a child to end, as Bitrise does when a build is aborted.
pub fn terminate(child: &Child) {
    let status = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Lets a file be run as a program.
pub fn executable(path: &str) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Every file below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    WalkDir::new(folder)
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// The repository's root: that of the package which cargo tests now, because checkouts may share a target directory.
pub fn repository() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let mut package = package.unwrap_or_else(|| std::env::current_dir().unwrap());
    while !package.join("Cargo.lock").is_file() {
        assert!(package.pop(), "there is no repository around the test");
    }
    package
}

/// Copies a folder.
pub fn copy_tree(from: &Path, to: &Path) {
    for entry in WalkDir::new(from) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(target).unwrap();
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Checks each case on a thread of its own, six at a time: runs mostly wait, for servers and for each other. A case that
/// fails fails the test, after all the others.
pub fn together<T: Send>(cases: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync) {
    const AT_A_TIME: usize = 6;
    let waiting = std::sync::Mutex::new(cases.into_iter().collect::<std::collections::VecDeque<_>>());
    let next = || waiting.lock().ok()?.pop_front();
    let failed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(case) = next() {
                    if catch_unwind(AssertUnwindSafe(|| check(case))).is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    assert!(failed == 0, "failed cases: {failed}");
}

/// Whether a variable is about the package that cargo runs just now.
pub(crate) fn is_cargos(key: &std::ffi::OsStr) -> bool {
    let name = key.to_string_lossy();
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "OUT_DIR"
}

/// The binary of that name, built once where it is not there yet: cargo builds no other package's binaries
/// for a test.
pub fn binary(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        // The test lies in <profile>/deps.
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().unwrap().parent().unwrap().to_owned();
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // Crates with C in them would be built anew each time that these change.
        for (key, _) in std::env::vars_os().filter(|(key, _)| is_cargos(key)) {
            cargo.env_remove(key);
        }
        cargo.args(["build", "--quiet", "--locked", "--workspace", "--bins"]);
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        let status = cargo
            .current_dir(repository())
            .env("CARGO_TARGET_DIR", profile.parent().unwrap())
            .status()
            .unwrap();
        assert!(status.success(), "the binaries could not be built");
        profile
    });
    let path = folder.join(name);
    assert!(path.is_file(), "there is no binary {}", path.display());
    path
}

impl Run {
    /// The same, if the run ended with this status.
    pub fn ended(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{}", self.text);
        self
    }

    /// The same, if each of the words was printed; what failed begins with a capital in the block that ends the log.
    pub fn said(self, words: &[&str]) -> Self {
        for word in words {
            let mut letters = word.chars();
            let capital: String = letters
                .next()
                .into_iter()
                .flat_map(char::to_uppercase)
                .chain(letters)
                .collect();
            let is_said = self.text.contains(word) || self.text.contains(&capital);
            assert!(is_said, "`{word}` was not said:\n{}", self.text);
        }
        self
    }

    /// The same, if no secret was printed.
    pub fn kept(self, secrets: &[String]) -> Self {
        if let Some(secret) = secrets.iter().find(|secret| self.text.contains(secret.as_str())) {
            panic!("the secret `{secret}` was printed:\n{}", self.text);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_that_fails_fails_the_test_after_all_the_others() {
        // More of them fail than there are threads.
        let checked = AtomicUsize::new(0);
        let panic = catch_unwind(AssertUnwindSafe(|| {
            together(0..20, |case| {
                checked.fetch_add(1, Ordering::Relaxed);
                assert!(case % 3 != 0, "{case}");
            });
        }))
        .unwrap_err();
        assert_eq!(checked.into_inner(), 20);
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "failed cases: 7");
    }
}
