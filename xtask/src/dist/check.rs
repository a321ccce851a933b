//! What must hold for a release, read from its files alone.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use step_yaml::{Mapping, Value};

use super::binary::Binary;
use super::{PLATFORMS, build, executable_path, files, sha256};
use crate::macos;
use crate::steps::{self, Step, VERSION};
use crate::workspace;

/// The largest executable, in bytes. The largest of today has 6.95 MB.
const SIZE_LIMIT: u64 = 7_000_000;

/// What is checked.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The release [default: target/dist]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// A platform that must be there, such as darwin-arm64; may be repeated
    #[arg(long, value_name = "PLATFORM", value_parser = PLATFORMS)]
    require: Vec<String>,
    /// Accept executables that are not optimized, for tests of the release itself
    #[arg(long, hide = true)]
    any_binary: bool,
}

/// Checks a release, and prints what its executables need.
///
/// # Errors
/// With the first thing that is wrong.
pub(crate) fn check(options: &Options) -> anyhow::Result<()> {
    let folder = options.dir.clone().unwrap_or_else(crate::default_dist);
    check_sums(&folder)?;
    println!("| executable | size | needs |\n| --- | --- | --- |");
    for step in steps::all()? {
        check_step(&folder, &step, options).with_context(|| format!("the step {}", step.name))?;
    }
    Ok(())
}

fn check_sums(folder: &Path) -> anyhow::Result<()> {
    let sums = folder.join("SHA256SUMS");
    let text = std::fs::read_to_string(&sums).with_context(|| sums.display().to_string())?;
    let mut listed: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once("  ")).collect();
    for (name, path) in files(folder) {
        let at = listed
            .iter()
            .position(|(_, known)| *known == name)
            .with_context(|| format!("{name} is not in SHA256SUMS"))?;
        let (sum, _) = listed.swap_remove(at);
        ensure!(sha256(&path)? == sum, "{name} is not what SHA256SUMS says");
    }
    ensure!(
        listed.is_empty(),
        "SHA256SUMS lists files that are not there: {listed:?}"
    );
    Ok(())
}

fn check_step(folder: &Path, step: &Step, options: &Options) -> anyhow::Result<()> {
    let library = folder.join("steplib/steps").join(&step.name);
    let manifest = read(&library.join(VERSION).join("step.yml"))?;
    let mut rest = manifest.clone();
    for key in ["published_at", "source", "executables"] {
        rest.remove(key)
            .with_context(|| format!("the library's step.yml has no `{key}`"))?;
    }
    ensure!(
        rest == step.manifest,
        "the library's step.yml is not that of the sources"
    );
    let executables = manifest
        .get("executables")
        .and_then(Value::as_mapping)
        .context("`executables` is no mapping")?;
    for platform in &options.require {
        ensure!(
            executables.get(platform).is_some(),
            "there is no executable for {platform}"
        );
    }
    let archive = read_archive(
        &folder
            .join("archives")
            .join(&step.name)
            .join(VERSION)
            .join("step.zip"),
    )?;
    for (platform, executable) in executables.iter() {
        let uri = executable.get("storage_uri").map(Value::text).unwrap_or_default();
        ensure!(
            uri == executable_path(step, platform),
            "the storage_uri of {platform} is `{uri}`"
        );
        let path = folder.join(&uri);
        let sum = sha256(&path)?;
        let hash = executable.get("hash").map(Value::text).unwrap_or_default();
        ensure!(
            hash == format!("sha256-{sum}"),
            "the hash of {uri} is not `{hash}`"
        );
        ensure!(
            archive.script.contains(&format!("{platform} {sum}")),
            "step.sh in step.zip does not know the checksum of {uri}"
        );
        check_executable(&path, platform, options.any_binary).context(uri)?;
    }
    ensure!(
        archive.manifest == step.manifest,
        "step.yml in step.zip is not that of the sources"
    );
    for icon in [&library, &folder.join("assets").join(&step.name)] {
        let icon = icon.join("assets/icon.svg");
        ensure!(icon.is_file(), "{} is missing", icon.display());
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Mapping> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    steps::mapping(&text).with_context(|| path.display().to_string())
}

struct Archive {
    manifest: Mapping,
    script: String,
}

fn read_archive(path: &Path) -> anyhow::Result<Archive> {
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    let mut archive = zip::ZipArchive::new(file)?;
    let mut text = |name: &str| -> anyhow::Result<String> {
        let mut text = String::new();
        archive
            .by_name(name)
            .with_context(|| format!("{name} is missing in step.zip"))?
            .read_to_string(&mut text)?;
        Ok(text)
    };
    text("LICENSE")?;
    text("assets/icon.svg")?;
    Ok(Archive {
        manifest: steps::mapping(&text("step.yml")?)?,
        script: text("step.sh")?,
    })
}

fn check_executable(path: &Path, platform: &str, any_binary: bool) -> anyhow::Result<()> {
    let bytes = std::fs::read(path)?;
    let binary = Binary::read(&bytes)?;
    ensure!(binary.platform() == platform, "it is for {}", binary.platform());
    let needs = match &binary {
        Binary::Elf { glibc: None, .. } => "nothing".to_owned(),
        Binary::Elf {
            glibc: Some((major, minor)),
            ..
        } => format!("glibc {major}.{minor}"),
        Binary::MachO {
            oldest: (major, minor),
            ..
        } => format!("macOS {major}.{minor}"),
    };
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    println!("| {name} | {:.2} MB | {needs} |", bytes.len() as f64 / 1e6);
    if any_binary {
        return Ok(());
    }
    ensure!(
        bytes.len() as u64 <= SIZE_LIMIT,
        "it is larger than {} MB",
        SIZE_LIMIT / 1_000_000
    );
    match binary {
        Binary::Elf { glibc, copied, .. } => {
            ensure!(
                glibc.is_none_or(|version| version <= build::GLIBC),
                "it needs {needs}, and must run with {}.{}",
                build::GLIBC.0,
                build::GLIBC.1
            );
            ensure!(
                copied.is_empty(),
                "it has a copy of {}, which the library changes under another name: the copy would stay empty",
                copied.join(", ")
            );
        }
        Binary::MachO {
            oldest,
            signed,
            libraries,
            ..
        } => {
            ensure!(
                oldest <= macos::OLDEST,
                "it needs {needs}, and must run with macOS {}",
                macos::oldest()
            );
            ensure!(
                signed,
                "it has no code signature, and would not start on Apple silicon"
            );
            let foreign = libraries.iter().find(|name| {
                !name.starts_with("/usr/lib/") && !name.starts_with("/System/Library/Frameworks/")
            });
            if let Some(library) = foreign {
                bail!("it loads {library}, which no Mac has");
            }
        }
    }
    for place in [workspace::root(), std::env::home_dir().unwrap_or_default()] {
        let place = place.to_string_lossy().into_owned();
        ensure!(
            place.len() < 2 || !contains(&bytes, place.as_bytes()),
            "it holds the path of the machine that built it: {place}"
        );
    }
    Ok(())
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
