//! The step library: what stepman clones and searches.

use std::path::Path;

use step_yaml::{Mapping, Value};

use super::{Release, Sums, executable_path};
use crate::generate;
use crate::steps::{Step, VERSION};

/// Where the library's repository is.
const LIBRARY: &str = "https://github.com/apple-steps/apple-steps-steplib.git";

fn mapping<const N: usize>(pairs: [(&str, Value); N]) -> Mapping {
    pairs.into_iter().collect()
}

/// `steplib.yml`: the library's address, and where archives and icons are.
pub(super) fn collection(url: &str) -> String {
    let location = mapping([("type", "zip".into()), ("src", format!("{url}/archives/").into())]);
    step_yaml::write(&mapping([
        ("format_version", "1.0.0".into()),
        ("steplib_source", LIBRARY.into()),
        ("download_locations", vec![Value::from(location)].into()),
        ("assets_download_base_uri", format!("{url}/assets").into()),
    ]))
}

/// Adds `steps/<id>/<version>/step.yml` with source and executables, and what is said about the step as a whole.
pub(super) fn add(library: &Path, step: &Step, sums: &Sums, release: &Release) -> anyhow::Result<()> {
    let folder = library.join("steps").join(&step.name);
    std::fs::create_dir_all(folder.join(VERSION))?;
    generate::write(
        &folder.join(VERSION).join("step.yml"),
        &step_yaml::write(&manifest(step, sums, release)),
    )?;
    generate::write(
        &folder.join("step-info.yml"),
        &step_yaml::write(&mapping([("maintainer", "community".into())])),
    )
}

/// The manifest as a library has it. `stepman audit` clones `git` at the tag that equals the version, and compares
/// `commit`.
pub(super) fn manifest(step: &Step, sums: &Sums, release: &Release) -> Mapping {
    let executables: Mapping = sums
        .iter()
        .map(|(platform, sum)| {
            let executable = mapping([
                ("storage_uri", executable_path(step, platform).into()),
                ("hash", format!("sha256-{sum}").into()),
            ]);
            (*platform, Value::from(executable))
        })
        .collect();
    let source = mapping([
        ("git", format!("{}.git", step.text("source_code_url")).into()),
        ("commit", release.commit.as_str().into()),
    ]);
    let mut manifest = step.manifest.clone();
    manifest.insert("published_at", release.published_at.as_str());
    manifest.insert("source", source);
    manifest.insert("executables", executables);
    manifest
}
