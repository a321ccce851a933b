//! `step.zip`: what stepman unpacks and runs where it takes no executable.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use zip::write::SimpleFileOptions;

use super::Sums;
use crate::generate::launcher;
use crate::steps::{Step, VERSION};
use crate::workspace;

/// Writes the archive of a step. The same content always gives the same bytes.
pub(super) fn write(out: &Path, step: &Step, sums: &Sums, url: &str, icon: &[u8]) -> anyhow::Result<()> {
    let folder = out.join("archives").join(&step.name).join(VERSION);
    std::fs::create_dir_all(&folder)?;
    let license = workspace::root().join("LICENSE");
    let license = std::fs::read(&license).with_context(|| license.display().to_string())?;
    let lines: Vec<String> = sums
        .iter()
        .map(|(platform, sum)| format!("{platform} {sum}"))
        .collect();
    let manifest = step_yaml::write(&step.manifest);
    let script = launcher(step, &lines.join("\n"), url);
    let mut archive = zip::ZipWriter::new(std::fs::File::create(folder.join("step.zip"))?);
    for (name, mode, content) in [
        ("LICENSE", 0o644, license.as_slice()),
        ("assets/icon.svg", 0o644, icon),
        ("step.sh", 0o755, script.as_bytes()),
        ("step.yml", 0o644, manifest.as_bytes()),
    ] {
        let options = SimpleFileOptions::default()
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(mode);
        archive.start_file(name, options)?;
        archive.write_all(content)?;
    }
    archive.finish()?;
    Ok(())
}
