//! The repository that a task works on.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

/// The repository's root: the one that cargo runs this task for, else the one around the current directory. It is looked
/// for at run time, because checkouts may share a target directory and this binary with it.
pub(crate) fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let from_cargo = manifest.as_deref().and_then(Path::parent);
    let current = std::env::current_dir().unwrap_or_default();
    from_cargo
        .into_iter()
        .chain(current.ancestors())
        .find(|folder| is_root(folder))
        .map_or_else(|| current.clone(), Path::to_owned)
}

fn is_root(folder: &Path) -> bool {
    folder.join("Cargo.lock").is_file() && folder.join("steps").is_dir() && folder.join("xtask").is_dir()
}

/// Cargo's profile for what is released. Cargo has a folder of this name below its target folder, so that no other may have it.
pub(crate) const RELEASE_PROFILE: &str = "small";

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |target| root().join(target))
}

/// A cargo that does not hear of the one which runs this task: crates with C in them would be built anew each time
/// that the variables of the package which is built change.
pub(crate) fn cargo() -> Command {
    without_cargos_variables(Command::new("cargo"))
}

/// A command that does not hear of the cargo which runs this task.
pub(crate) fn without_cargos_variables(mut command: Command) -> Command {
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "OUT_DIR" {
            command.env_remove(&key);
        }
    }
    command.current_dir(root());
    command
}

/// The target triple of this machine.
pub(crate) fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .context("`rustc` can't be run")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

/// Creates a Python environment at `place` and installs what `requirements` lists; `false` where there is no Python with
/// `venv`. Half of an environment, which would pass for a whole one, is removed.
pub(crate) fn python_environment(place: &Path, requirements: &Path) -> anyhow::Result<bool> {
    let made = Command::new("python3").args(["-m", "venv"]).arg(place).status();
    if !made.is_ok_and(|status| status.success()) {
        let _ = std::fs::remove_dir_all(place);
        return Ok(false);
    }
    let installed = Command::new(place.join("bin/python3"))
        .args(["-m", "pip", "install", "--quiet", "--requirement"])
        .arg(requirements)
        .status()?;
    if !installed.success() {
        let _ = std::fs::remove_dir_all(place);
        anyhow::bail!("pip could not install {}", requirements.display());
    }
    Ok(true)
}

/// What git says, where it says something.
pub(crate) fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(root())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Runs a command, whose failure is an error that names it.
pub(crate) fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("`{name}` can't be run"))?;
    anyhow::ensure!(status.success(), "`{name}` failed ({status})");
    Ok(())
}

/// Makes a folder, empty.
pub(crate) fn fresh(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_at_run_time() {
        assert!(is_root(&root()));
        // Nothing of this machine is compiled in.
        let text = std::fs::read_to_string(root().join("xtask/src/workspace.rs")).unwrap();
        assert!(!text.contains(concat!("env!(\"CARGO_MANIFEST", "_DIR")));
    }
}
