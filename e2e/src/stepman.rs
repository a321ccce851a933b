//! Activates steps of a library as stepman does, with the programs that it runs itself where there are any: git, unzip.
//!
//! Source: `activator/steplib/activate.go` and `activate_executable.go`, `stepman/util.go` of stepman 0.23 (June 2026).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};
use step_yaml::Value;

/// A step that was activated.
#[derive(Debug)]
pub struct Activated {
    /// The manifest of the library.
    pub manifest: Value,
    /// The program to run instead of the archive's script.
    pub executable: Option<PathBuf>,
    /// Why there is none, where one was wanted.
    pub fallback: Option<String>,
}

/// Clones a repository without its history.
///
/// # Errors
/// With what git says.
pub fn clone(address: &str, branch: Option<&str>, folder: &Path) -> Result<(), String> {
    let mut git = Command::new("git");
    git.args(["clone", "--quiet", "--depth", "1"]);
    if let Some(branch) = branch {
        git.args(["--branch", branch]);
    }
    succeed(git.arg(address).arg(folder))
}

/// Activates `id@version` of the library at `address` in `folder`. `variables` are those of the CLI.
///
/// # Errors
/// When there is no such step, or neither its executable nor its archive can be had.
pub fn activate(
    address: &str,
    id: &str,
    folder: &Path,
    variables: &BTreeMap<String, String>,
) -> Result<Activated, String> {
    let (id, wanted) = id.split_once('@').unwrap_or((id, ""));
    let clones = tempfile::tempdir().unwrap();
    let library = clones.path().join("collection");
    clone(address, None, &library)?;
    let version = version(&library.join("steps").join(id), wanted)?;
    let manifest = read(&library.join("steps").join(id).join(&version).join("step.yml"))?;
    let mut fallback = None;
    if variables
        .get("BITRISE_EXPERIMENT_PRECOMPILED_STEPS")
        .map(String::as_str)
        == Some("true")
    {
        match executable(&manifest, id, folder, variables) {
            Ok(executable) => {
                return Ok(Activated {
                    manifest,
                    executable: Some(executable),
                    fallback: None,
                });
            }
            Err(problem) => fallback = Some(problem),
        }
    }
    let collection = read(&library.join("steplib.yml"))?;
    let locations = collection
        .get("download_locations")
        .map(Value::items)
        .unwrap_or_default();
    let location = locations
        .iter()
        .find(|location| location.get("type").and_then(Value::as_str) == Some("zip"))
        .and_then(|location| location.get("src"))
        .map(Value::text)
        .ok_or("the library has no archives")?;
    let archive = clones.path().join("step.zip");
    download(&format!("{location}{id}/{version}/step.zip"), &archive, variables)?;
    std::fs::create_dir_all(folder).unwrap();
    succeed(
        Command::new("unzip")
            .arg("-q")
            .arg(&archive)
            .arg("-d")
            .arg(folder),
    )?;
    Ok(Activated {
        manifest,
        executable: None,
        fallback,
    })
}

/// The newest version that begins with what is wanted: `0.2.0`, `0.2`, `0`, or nothing.
fn version(step: &Path, wanted: &str) -> Result<String, String> {
    let numbers = |text: &str| -> Vec<u64> { text.split('.').filter_map(|part| part.parse().ok()).collect() };
    let prefix = numbers(wanted);
    std::fs::read_dir(step)
        .map_err(|error| format!("{}: {error}", step.display()))?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| numbers(name).len() == 3 && numbers(name).starts_with(&prefix))
        .max_by_key(|name| numbers(name))
        .ok_or_else(|| format!("no version matches `{wanted}`"))
}

fn executable(
    manifest: &Value,
    id: &str,
    folder: &Path,
    variables: &BTreeMap<String, String>,
) -> Result<PathBuf, String> {
    let system = if cfg!(target_os = "macos") {
        "darwin"
    } else {
        "linux"
    };
    let processor = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    let executables = manifest.get("executables").ok_or("no executables")?;
    let own = executables
        .get(&format!("{system}-{processor}"))
        .ok_or("none for this platform")?;
    let text = |key: &str| own.get(key).map(Value::text).unwrap_or_default();
    let bases = variables
        .get("BITRISE_PRECOMPILED_STEPS_STORAGE_URLS")
        .ok_or("the default storage is Bitrise's")?;
    let to = folder.join(id);
    std::fs::create_dir_all(folder).unwrap();
    for base in bases.split(',').map(|base| base.trim().trim_end_matches('/')) {
        let url = format!("{base}/{}", text("storage_uri").trim_start_matches('/'));
        if url.starts_with("http://") {
            return Err(format!("http URL is unsupported, please use https: {url}"));
        }
        if download(&url, &to, variables).is_err() {
            continue;
        }
        let sum = base16ct::lower::encode_string(&Sha256::digest(std::fs::read(&to).unwrap()));
        if text("hash") != format!("sha256-{sum}") {
            return Err(format!(
                "hash mismatch: expected {}, got sha256-{sum}",
                text("hash")
            ));
        }
        crate::executable(&to.display().to_string());
        return Ok(to);
    }
    Err("no storage has it".to_owned())
}

fn read(path: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    step_yaml::read(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Downloads with curl, which knows the host's certificate by `CURL_CA_BUNDLE`.
fn download(url: &str, to: &Path, variables: &BTreeMap<String, String>) -> Result<(), String> {
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--silent", "--show-error", "--output"])
        .arg(to)
        .arg(url);
    succeed(curl.envs(variables))
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
