//! What a failed lane leaves among the build's artifacts, with secrets masked.

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

/// Keeps the report of `fastlane env` and the logs of the lane's actions in `$BITRISE_DEPLOY_DIR`, and says
/// where that is. What can't be kept is only warned about: the lane's failure is the news.
pub(crate) async fn keep(step: &Step<Inputs>, launcher: &Launcher, build_logs: &Path) -> Option<PathBuf> {
    let Some(folder) = step.env.path("BITRISE_DEPLOY_DIR") else {
        step.log
            .warn("BITRISE_DEPLOY_DIR is not set, so fastlane's logs are not kept.");
        return None;
    };
    let kept_report = keep_environment(step, launcher, &folder).await;
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
        let copied = files::read(path, LARGEST_LOG).and_then(|bytes| write(step, &folder.join(name), &bytes));
        if let Err(error) = copied {
            step.log
                .warn(format!("{} could not be kept: {error}", path.display()));
        }
    }
    kept_report.then_some(folder)
}

async fn keep_environment(step: &Step<Inputs>, launcher: &Launcher, folder: &Path) -> bool {
    // It asks whether to copy the report to the clipboard.
    let command = launcher.command(["env"]).stdin_bytes("n").timeout(ENV_LIMIT);
    match step.runner.output(command).await {
        Ok(output) if output.success() => {
            let text = format!("{}{}", output.stdout, output.stderr);
            match write(step, &folder.join("fastlane_env.log"), text.as_bytes()) {
                Ok(()) => return true,
                Err(error) => step
                    .log
                    .warn(format!("fastlane_env.log could not be written: {error}")),
            }
        }
        Ok(output) => step.log.warn(format!(
            "`fastlane env` failed with exit status {}, so there is no fastlane_env.log.",
            output.code()
        )),
        Err(error) => step.log.warn(format!("There is no fastlane_env.log: {error}")),
    }
    false
}

/// Nobody else may read it, whatever was in its place before.
fn write(step: &Step<Inputs>, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    files::replace(path, &step.redactor.redact_bytes(bytes), 0o600)
}
