//! Steps as people get them: staged for `path::` references, and as a release with a step library.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_yaml::{Mapping, Value};
use sha2::{Digest as _, Sha256};

use crate::generate::{self, launcher};
use crate::steps::{self, Step, VERSION};

/// Where releases are downloaded from, unless somebody says otherwise.
const RELEASES: &str = "https://github.com/apple-steps/apple-steps/releases/download";

/// Builds the binaries and lays out a self-contained directory per step under `target/steps`.
///
/// # Errors
/// When the build fails.
pub(crate) fn stage(arguments: &[String]) -> anyhow::Result<()> {
    let profile = if arguments.iter().any(|argument| argument == "--debug") {
        "debug"
    } else {
        "release"
    };
    let steps = steps::all()?;
    let built = build(&steps, profile, None)?;
    for step in &steps {
        let folder = steps::root().join("target/steps").join(&step.name);
        fresh(&folder)?;
        for name in ["step.yml", "step.sh"] {
            std::fs::copy(step.directory.join(name), folder.join(name))?;
        }
        std::fs::copy(built.join(step.binary()), folder.join(step.binary()))?;
        eprintln!("staged {}", folder.display());
    }
    Ok(())
}

/// Makes a release in `target/dist`: the binaries of this machine's platform with their checksums, launchers
/// that know them, and a step library.
///
/// `--url URL` says where the release will be downloaded from; `--target TRIPLE` builds for another platform;
/// `--published-at TIME` and `--commit HASH` go into the step library.
///
/// # Errors
/// When the build fails.
pub(crate) fn dist(arguments: &[String]) -> anyhow::Result<()> {
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let triple = value("--target");
    let platform = platform_of(triple.as_deref())?;
    let url = value("--url").unwrap_or_else(|| format!("{RELEASES}/v{VERSION}"));
    let commit = match value("--commit") {
        Some(commit) => commit,
        None => git(&["rev-parse", "HEAD"]).unwrap_or_default(),
    };
    let published = match value("--published-at") {
        Some(time) => time,
        None => git(&["log", "-1", "--format=%cI"]).unwrap_or_default(),
    };
    let steps = steps::all()?;
    let built = build(&steps, "release", triple.as_deref())?;
    let dist = steps::root().join("target/dist");
    let release = dist.join(format!("v{VERSION}"));
    std::fs::create_dir_all(&release)?;
    for step in &steps {
        let name = format!("{}-{platform}", step.binary());
        std::fs::copy(built.join(step.binary()), release.join(&name))?;
    }
    let sums = checksums(&release)?;
    let listing: String = sums
        .iter()
        .map(|(name, sum)| format!("{sum}  {name}\n"))
        .collect();
    generate::write(&release.join("SHA256SUMS"), &listing)?;
    let library = dist.join("steplib");
    fresh(&library)?;
    generate::write(&library.join("steplib.yml"), &library_manifest(&url))?;
    for step in &steps {
        let of_step: Vec<(&str, &str)> = sums
            .iter()
            .filter_map(|(name, sum)| {
                let platform = name.strip_prefix(&step.binary())?.strip_prefix('-')?;
                Some((platform, sum.as_str()))
            })
            .filter(|(platform, _)| platforms().contains(platform))
            .collect();
        let lines: Vec<String> = of_step
            .iter()
            .map(|(platform, sum)| format!("{platform} {sum}"))
            .collect();
        let script = launcher(step, &lines.join("\n"));
        let folder = release.join(&step.name);
        fresh(&folder)?;
        generate::write(&folder.join("step.sh"), &script)?;
        generate::write(&folder.join("step.yml"), &step.text)?;
        add_to_library(step, &library, &of_step, &url, &commit, &published)?;
    }
    eprintln!(
        "release: {}\nstep library: {}",
        release.display(),
        library.display()
    );
    Ok(())
}

fn platforms() -> [&'static str; 4] {
    ["darwin-arm64", "darwin-amd64", "linux-amd64", "linux-arm64"]
}

fn platform_of(triple: Option<&str>) -> anyhow::Result<&'static str> {
    let (os, arch) = match triple {
        Some(triple) => (triple.to_owned(), triple.to_owned()),
        None => (std::env::consts::OS.to_owned(), std::env::consts::ARCH.to_owned()),
    };
    let is_mac = os.contains("macos") || os.contains("darwin");
    let is_arm = arch.contains("aarch64");
    match (is_mac, os.contains("linux"), is_arm) {
        (true, _, true) => Ok("darwin-arm64"),
        (true, _, false) => Ok("darwin-amd64"),
        (_, true, false) => Ok("linux-amd64"),
        (_, true, true) => Ok("linux-arm64"),
        _ => bail!("there are no releases for {os}"),
    }
}

/// Builds the steps' binaries and says where they are.
fn build(steps: &[Step], profile: &str, triple: Option<&str>) -> anyhow::Result<PathBuf> {
    let mut cargo = crate::cargo();
    cargo.args(["build", "--locked"]).current_dir(steps::root());
    if profile == "release" {
        cargo.arg("--release");
    }
    if let Some(triple) = triple {
        cargo.args(["--target", triple]);
    }
    for step in steps {
        cargo.args(["--package", &step.binary()]);
    }
    if !cargo.status().context("cargo can't be run")?.success() {
        bail!("the build failed");
    }
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| steps::root().join("target"), PathBuf::from);
    Ok(triple
        .map_or_else(|| target.clone(), |triple| target.join(triple))
        .join(profile))
}

fn fresh(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(std::fs::create_dir_all(folder)?)
}

/// The SHA-256 of every binary of a release, by file name.
fn checksums(release: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut sums = Vec::new();
    for entry in std::fs::read_dir(release)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_file() && name.starts_with("step-") {
            let hash = Sha256::digest(std::fs::read(&path)?);
            sums.push((name, hash.iter().map(|byte| format!("{byte:02x}")).collect()));
        }
    }
    sums.sort();
    Ok(sums)
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(steps::root())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn library_manifest(url: &str) -> String {
    format!(
        "format_version: 1.0.0\nsteplib_source: https://github.com/apple-steps/apple-steps-steplib.git\ndownload_locations:\n- type: zip\n  src: {url}/\nassets_download_base_uri: {url}/assets\n"
    )
}

/// `steps/<id>/<version>/step.yml` with source and executables, and what is said about the step as a whole.
fn add_to_library(
    step: &Step,
    library: &Path,
    sums: &[(&str, &str)],
    url: &str,
    commit: &str,
    published: &str,
) -> anyhow::Result<()> {
    let mut manifest = step.manifest.clone();
    manifest.insert("published_at".into(), published.into());
    let mut source = Mapping::new();
    source.insert(
        "git".into(),
        format!("{}.git", step.text("source_code_url")).into(),
    );
    source.insert("commit".into(), commit.into());
    manifest.insert("source".into(), source.into());
    let mut executables = Mapping::new();
    for (platform, sum) in sums {
        let mut executable = Mapping::new();
        let location = format!("{url}/{}-{platform}", step.binary());
        executable.insert("storage_uri".into(), location.into());
        executable.insert("hash".into(), format!("sha256-{sum}").into());
        executables.insert((*platform).into(), Value::from(executable));
    }
    manifest.insert("executables".into(), executables.into());
    let folder = library.join("steps").join(&step.name);
    std::fs::create_dir_all(folder.join(VERSION))?;
    generate::write(
        &folder.join(VERSION).join("step.yml"),
        &serde_yaml::to_string(&manifest)?,
    )?;
    generate::write(&folder.join("step-info.yml"), "maintainer: community\n")?;
    std::fs::create_dir_all(folder.join("assets"))?;
    std::fs::copy(
        step.directory.join("assets/icon.svg"),
        folder.join("assets/icon.svg"),
    )
    .with_context(|| format!("{} has no icon", step.name))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_have_the_names_that_the_cli_looks_for() {
        for (triple, expected) in [
            ("aarch64-apple-darwin", "darwin-arm64"),
            ("x86_64-apple-darwin", "darwin-amd64"),
            ("x86_64-unknown-linux-gnu", "linux-amd64"),
            ("aarch64-unknown-linux-musl", "linux-arm64"),
        ] {
            assert_eq!(platform_of(Some(triple)).unwrap(), expected);
        }
        assert!(platform_of(Some("x86_64-pc-windows-msvc")).is_err());
    }

    /// A release of one step in a folder, as its launcher finds it, and an empty place to run the launcher in.
    struct Release {
        folder: tempfile::TempDir,
    }

    impl Release {
        fn new(checksum_of: &str, platform: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let binary = "#!/bin/sh\necho the binary runs\n";
            let steps = steps::all().unwrap();
            let step = steps.first().unwrap();
            let name = format!("{}-{}", step.binary(), platform_of(None).unwrap());
            std::fs::write(folder.path().join(name), binary).unwrap();
            let sum: String = Sha256::digest(checksum_of.replace("BINARY", binary))
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            std::fs::create_dir(folder.path().join("step")).unwrap();
            let script = launcher(step, &format!("{platform} {sum}"));
            generate::write(&folder.path().join("step/step.sh"), &script).unwrap();
            Self { folder }
        }

        fn run(&self, url: Option<&str>) -> (bool, String) {
            let path = self.folder.path();
            let url = url.map_or_else(|| format!("file://{}", path.display()), str::to_owned);
            let output = Command::new("bash")
                .arg(path.join("step/step.sh"))
                .env("APPLE_STEPS_RELEASE_URL", url)
                .env("APPLE_STEPS_CACHE_DIR", path.join("cache"))
                .env_remove("APPLE_STEPS_BIN_DIR")
                .output()
                .unwrap();
            let text = [output.stdout, output.stderr].concat();
            (
                output.status.success(),
                String::from_utf8_lossy(&text).into_owned(),
            )
        }
    }

    #[test]
    fn a_launcher_downloads_verifies_and_runs_and_the_second_time_only_runs() {
        let release = Release::new("BINARY", platform_of(None).unwrap());
        let (good, text) = release.run(None);
        assert!(
            good && text.contains("Downloading") && text.contains("the binary runs"),
            "{text}"
        );
        let (good, text) = release.run(Some("file:///nowhere"));
        assert!(
            good && !text.contains("Downloading") && text.contains("the binary runs"),
            "{text}"
        );
    }

    #[test]
    fn a_launcher_runs_nothing_that_it_cannot_verify() {
        let platform = platform_of(None).unwrap();
        for (release, url, expected) in [
            (
                Release::new("something else", platform),
                None,
                "is not what release",
            ),
            (Release::new("BINARY", "plan9-mips"), None, "for this platform"),
            (
                Release::new("BINARY", platform),
                Some("http://127.0.0.1:1"),
                "could not be downloaded",
            ),
        ] {
            let (good, text) = release.run(url);
            assert!(
                !good && text.contains(expected) && !text.contains("the binary runs"),
                "{text}"
            );
            let cache = release.folder.path().join("cache");
            let left = walk(&cache);
            assert!(left.is_empty(), "{left:?}");
        }
    }

    fn walk(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .flat_map(|entry| {
                let path = entry.path();
                if path.is_dir() { walk(&path) } else { vec![path] }
            })
            .collect()
    }

    #[test]
    fn the_root_launcher_names_the_steps_that_there_are() {
        let output = Command::new("bash")
            .arg(steps::root().join("step.sh"))
            .env("step", "codesign")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            text.contains("'codesign'") && text.contains("auto-provision-asc"),
            "{text}"
        );
    }
}
