//! Where the gems of a bundle are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use command::Command;
use fastlane_runner::Gemfile;
use step_kit::Step;

use crate::inputs::Inputs;

/// Asking RubyGems takes half a second.
const LIMIT: Duration = Duration::from_secs(60);

/// The directory to cache: Bundler's own where it is set to one, else Ruby's gem directory.
pub(super) async fn directory(step: &Step<Inputs>, gemfile: &Gemfile) -> Option<PathBuf> {
    let variable = |key: &str| step.env.given(key).map(str::to_owned);
    if let Some(path) = gemfile.install_path(variable) {
        return Some(path);
    }
    let command = Command::new("gem").args(["environment", "gemdir"]).timeout(LIMIT);
    let output = step.runner.output(command).await.ok()?;
    let path = output.stdout.trim();
    let is_usable = output.success() && path.starts_with('/') && Path::new(path).is_dir();
    is_usable.then(|| PathBuf::from(path))
}
