//! What a failed lane leaves for those who look for the reason, with secrets masked.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fastlane_runner::Launcher;
use step_kit::Step;
use walkdir::WalkDir;

use crate::inputs::Inputs;

/// `fastlane env` looks at the whole machine, and is only good to have.
const ENV_LIMIT: Duration = Duration::from_secs(120);

/// A larger log, in bytes, is not kept.
const LARGEST_LOG: u64 = 256 << 20;

/// How many failed lanes of a build keep their logs side by side.
const MOST_LANES: u32 = 1000;

/// Keeps the report of `fastlane env` and the logs of the lane's actions among the build's artifacts, or in a directory
/// of their own where the build has no place for those, and says where that is. What can't be kept is only warned
/// about: the lane's failure is the news.
pub(crate) async fn keep(step: &Step<Inputs>, launcher: &Launcher, build_logs: &Path) {
    step.log.heading("Logs");
    let folder = match folder(step) {
        Ok(folder) => folder,
        Err(error) => {
            step.log.warn(format!("fastlane's logs are not kept: {error}."));
            return;
        }
    };
    let mut kept = Vec::new();
    if let Some(report) = environment(step, launcher).await {
        kept.extend(write(step, &folder, "fastlane_env.log", report.as_bytes()));
    }
    for entry in WalkDir::new(build_logs).sort_by_file_name().into_iter().flatten() {
        if !entry.file_type().is_file() {
            continue;
        }
        let path = entry.path();
        let name = path
            .strip_prefix(build_logs)
            .unwrap_or(path)
            .to_string_lossy()
            .replace('/', "_");
        match files::read(path, LARGEST_LOG) {
            Ok(bytes) => kept.extend(write(step, &folder, &name, &bytes)),
            Err(error) => step
                .log
                .warn(format!("{} could not be kept: {error}.", path.display())),
        }
    }
    for path in kept {
        step.log.plain(format!("{}", path.display()));
    }
}

/// `BITRISE_DEPLOY_DIR`, made where it is missing; without the variable a new directory that stays.
fn folder(step: &Step<Inputs>) -> std::io::Result<PathBuf> {
    if let Some(folder) = step.env.path("BITRISE_DEPLOY_DIR") {
        std::fs::create_dir_all(&folder)?;
        return Ok(folder);
    }
    let parent = step.env.path("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"));
    let folder = tempfile::Builder::new()
        .prefix("fastlane-logs-")
        .tempdir_in(parent)?;
    Ok(folder.keep())
}

async fn environment(step: &Step<Inputs>, launcher: &Launcher) -> Option<String> {
    // It asks whether to copy the report to the clipboard.
    let command = launcher.command(["env"]).stdin_bytes("n").timeout(ENV_LIMIT);
    match step.runner.output(command).await {
        Ok(output) if output.success() => return Some(format!("{}{}", output.stdout, output.stderr)),
        Ok(output) => step.log.warn(format!(
            "`fastlane env` failed with exit status {}, so fastlane_env.log was not written.",
            output.code()
        )),
        Err(error) => step
            .log
            .warn(format!("fastlane_env.log was not written: {error}")),
    }
    None
}

/// Writes a log beside those that are there: a workflow may run several lanes. `None` with a warning where that fails.
fn write(step: &Step<Inputs>, folder: &Path, name: &str, bytes: &[u8]) -> Option<PathBuf> {
    let bytes = step.redactor.redact_bytes(bytes);
    for number in 1..MOST_LANES {
        let path = folder.join(numbered(name, number));
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        match file.and_then(|mut file| file.write_all(&bytes)) {
            Ok(()) => return Some(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                step.log
                    .warn(format!("{} could not be written: {error}.", path.display()));
                return None;
            }
        }
    }
    None
}

/// `name`, then `name-2` with the same extension, and so on.
fn numbered(name: &str, number: u32) -> String {
    match (number, name.rsplit_once('.')) {
        (1, _) => name.to_owned(),
        (number, Some((stem, extension))) if !stem.is_empty() => format!("{stem}-{number}.{extension}"),
        (number, _) => format!("{name}-{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_lanes_have_names_of_their_own() {
        assert_eq!(numbered("fastlane_env.log", 1), "fastlane_env.log");
        assert_eq!(numbered("fastlane_env.log", 2), "fastlane_env-2.log");
        assert_eq!(numbered("log", 3), "log-3");
        assert_eq!(numbered(".hidden", 2), ".hidden-2");
    }
}
