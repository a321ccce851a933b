//! A release: what stepman downloads, on one static file host.
//!
//! ```text
//! archives/<id>/<version>/step.zip                        manifest, launcher, icon, license
//! executables/<id>/<version>/step-<id>-<platform>         one for each platform
//! assets/<id>/assets/icon.svg
//! steplib/                                                the content of a step library's repository
//! SHA256SUMS                                              of everything else
//! ```
//!
//! Facts about stepman 0.23 (`activator/steplib`, `stepman/util.go`): it fetches `{download location}{id}/{version}/step.zip`
//! and unpacks it; with `BITRISE_EXPERIMENT_PRECOMPILED_STEPS` it joins the relative `storage_uri` of the platform to each
//! of `BITRISE_PRECOMPILED_STEPS_STORAGE_URLS` (never `http://`), checks `hash`, and runs the file instead of the archive's
//! script; it looks for icons under `{assets_download_base_uri}/<id>/assets/`.

mod archive;
pub(crate) mod binary;
mod build;
pub(crate) use build::{library_sources, remapped};
pub(crate) mod check;
mod library;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use sha2::{Digest as _, Sha256};

use crate::generate;
use crate::steps::{self, Step, VERSION};
use crate::workspace::{fresh, git};

/// Where releases are downloaded from, unless somebody says otherwise.
const HOST: &str = "https://apple-steps.github.io/apple-steps";

/// The platforms that stepman knows: Go's names of systems and processors.
const PLATFORMS: [&str; 4] = ["darwin-amd64", "darwin-arm64", "linux-amd64", "linux-arm64"];

/// What a release is made of.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Build for this target, such as aarch64-apple-darwin; may be repeated [default: this machine]
    #[arg(long, value_name = "TRIPLE")]
    target: Vec<String>,
    /// Take the binaries of this folder instead of building them; with one --target at most
    #[arg(long, value_name = "DIR", conflicts_with = "join")]
    binaries: Option<PathBuf>,
    /// Build nothing, and take the executables of these releases; may be repeated
    #[arg(long, value_name = "DIR", conflicts_with = "target")]
    join: Vec<PathBuf>,
    /// The address that the release will be downloaded from
    #[arg(long, default_value = HOST)]
    url: String,
    /// The commit that the release is made of [default: HEAD]
    #[arg(long, value_name = "HASH")]
    commit: Option<String>,
    /// When the release is published, in RFC 3339 [default: the commit's date]
    #[arg(long, value_name = "TIME")]
    published_at: Option<String>,
    /// Where to put it [default: target/dist]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// SHA-256 sums of a step's executables, by platform.
type Sums = BTreeMap<&'static str, String>;

/// Makes a release.
///
/// # Errors
/// When the build fails, or a file can't be read or written.
pub(crate) fn dist(options: &Options) -> anyhow::Result<()> {
    let url = options.url.trim_end_matches('/');
    ensure!(
        url.starts_with("https://"),
        "--url is `{}`, and stepman takes https:// addresses only",
        options.url
    );
    let out = options.out.clone().unwrap_or_else(crate::default_dist);
    refuse_others(&out)?;
    let steps = steps::all()?;
    if options.join.is_empty() {
        let targets: Vec<Option<&str>> = match options.target.as_slice() {
            [] => vec![None],
            targets => targets.iter().map(|target| Some(target.as_str())).collect(),
        };
        ensure!(
            options.binaries.is_none() || targets.len() == 1,
            "--binaries holds the binaries of one target, and there are {}",
            targets.len()
        );
        for target in targets {
            let platform = platform_of(target)?;
            let built = match &options.binaries {
                Some(folder) => folder.clone(),
                None => build::build(&steps, target)?,
            };
            for step in &steps {
                add_executable(&built.join(step.binary()), &out, step, platform)?;
            }
        }
    }
    for folder in &options.join {
        join(folder, &out, &steps)?;
    }
    let release = Release {
        url: url.to_owned(),
        commit: given_or_git(options.commit.as_deref(), &["rev-parse", "HEAD"])?,
        published_at: given_or_git(options.published_at.as_deref(), &["log", "-1", "--format=%cI"])?,
    };
    assemble(&out, &steps, &release)?;
    eprintln!("release: {}", out.display());
    Ok(())
}

/// What a release says about itself.
struct Release {
    url: String,
    commit: String,
    published_at: String,
}

fn given_or_git(given: Option<&str>, arguments: &[&str]) -> anyhow::Result<String> {
    given
        .map(str::to_owned)
        .or_else(|| git(arguments))
        .filter(|text| !text.is_empty())
        .context("this is no git checkout: --commit and --published-at are needed")
}

/// Where an executable is, below the host and below a release's folder.
pub(crate) fn executable_path(step: &Step, platform: &str) -> String {
    format!("executables/{}/{VERSION}/{}-{platform}", step.name, step.binary())
}

fn add_executable(from: &Path, out: &Path, step: &Step, platform: &str) -> anyhow::Result<()> {
    let to = out.join(executable_path(step, platform));
    std::fs::create_dir_all(to.parent().context("an executable has a folder")?)?;
    std::fs::copy(from, &to).with_context(|| from.display().to_string())?;
    Ok(())
}

/// Takes over the executables of another release.
fn join(from: &Path, out: &Path, steps: &[Step]) -> anyhow::Result<()> {
    let mut found = false;
    for step in steps {
        for platform in PLATFORMS {
            let path = from.join(executable_path(step, platform));
            if path.is_file() {
                found = true;
                if path.canonicalize().ok() != out.join(executable_path(step, platform)).canonicalize().ok() {
                    add_executable(&path, out, step, platform)?;
                }
            }
        }
    }
    ensure!(
        found,
        "{} holds no executables of version {VERSION}",
        from.display()
    );
    Ok(())
}

/// What a release's folder holds.
const CONTENT: [&str; 5] = ["archives", "assets", "executables", "steplib", "SHA256SUMS"];

/// Whoever ships the folder ships everything in it.
fn refuse_others(out: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(out).into_iter().flatten().flatten() {
        let name = entry.file_name();
        ensure!(
            CONTENT.iter().any(|known| name == *known),
            "{} is no part of a release: remove it, or give --out an empty folder",
            entry.path().display()
        );
    }
    Ok(())
}

/// Everything but the executables, made from those that are there.
fn assemble(out: &Path, steps: &[Step], release: &Release) -> anyhow::Result<()> {
    for folder in ["archives", "assets", "steplib"] {
        fresh(&out.join(folder))?;
    }
    let library = out.join("steplib");
    generate::write(&library.join("steplib.yml"), &library::collection(&release.url))?;
    for step in steps {
        let sums = sums(out, step)?;
        let icon = step.directory.join("assets/icon.svg");
        let icon = std::fs::read(&icon).with_context(|| icon.display().to_string())?;
        archive::write(out, step, &sums, &release.url, &icon)?;
        for folder in [out.join("assets"), library.join("steps")] {
            let folder = folder.join(&step.name).join("assets");
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join("icon.svg"), &icon)?;
        }
        library::add(&library, step, &sums, release)?;
    }
    write_checksums(out)
}

fn sums(out: &Path, step: &Step) -> anyhow::Result<Sums> {
    let mut sums = Sums::new();
    for platform in PLATFORMS {
        let path = out.join(executable_path(step, platform));
        if path.is_file() {
            sums.insert(platform, sha256(&path)?);
        }
    }
    ensure!(!sums.is_empty(), "there is no executable of {}", step.name);
    Ok(sums)
}

pub(crate) fn sha256(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(base16ct::lower::encode_string(&Sha256::digest(bytes)))
}

/// The files of a release with their names, as they stand in `SHA256SUMS`.
fn files(out: &Path) -> Vec<(String, PathBuf)> {
    walkdir::WalkDir::new(out)
        .sort_by_file_name()
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| {
            let name = entry
                .path()
                .strip_prefix(out)
                .ok()?
                .to_string_lossy()
                .into_owned();
            (name != "SHA256SUMS").then(|| (name, entry.into_path()))
        })
        .collect()
}

fn write_checksums(out: &Path) -> anyhow::Result<()> {
    let mut text = String::new();
    for (name, path) in files(out) {
        text.push_str(&format!("{}  {name}\n", sha256(&path)?));
    }
    generate::write(&out.join("SHA256SUMS"), &text)
}

/// The platform of a target, or of this machine.
pub(crate) fn platform_of(target: Option<&str>) -> anyhow::Result<&'static str> {
    let (system, processor) = match target {
        Some(target) => (target, target),
        None => (std::env::consts::OS, std::env::consts::ARCH),
    };
    let is_mac = system.contains("macos") || system.contains("darwin");
    let is_linux = system.contains("linux");
    let is_arm = processor.contains("aarch64");
    let is_intel = processor.contains("x86_64");
    match (is_mac, is_linux, is_arm, is_intel) {
        (true, _, true, _) => Ok("darwin-arm64"),
        (true, _, _, true) => Ok("darwin-amd64"),
        (_, true, _, true) => Ok("linux-amd64"),
        (_, true, true, _) => Ok("linux-arm64"),
        _ => bail!("there are no releases for {system} on {processor}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_have_the_names_that_the_cli_looks_for() {
        for (target, expected) in [
            ("aarch64-apple-darwin", "darwin-arm64"),
            ("x86_64-apple-darwin", "darwin-amd64"),
            ("x86_64-unknown-linux-gnu", "linux-amd64"),
            ("aarch64-unknown-linux-musl", "linux-arm64"),
        ] {
            assert_eq!(platform_of(Some(target)).unwrap(), expected);
            assert!(PLATFORMS.contains(&expected));
        }
        for target in [
            "x86_64-pc-windows-msvc",
            "riscv64gc-unknown-linux-gnu",
            "i686-apple-darwin",
        ] {
            assert!(platform_of(Some(target)).is_err(), "{target}");
        }
    }
}
