//! macOS from Linux: a compiler with the library's sources, and zig as C compiler and linker.
//!
//! rustup has the library of Apple's targets ready-made where it can be reached. Elsewhere Debian's packages `rustc-web`,
//! `cargo-web` and `rust-web-src` do, since they hold the library's sources.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

use crate::dist;
use crate::steps::Step;
use crate::workspace::{self, succeed};

/// The oldest macOS that executables run on.
pub(crate) const OLDEST: (u32, u32) = (12, 0);

/// The same as text.
pub(crate) fn oldest() -> String {
    format!("{}.{}", OLDEST.0, OLDEST.1)
}

/// zig as C compiler and linker. Words that it does not know, or that its own `-target` replaces, are left out.
const CC: &str = r#"n=$#
while [ "$n" -gt 0 ]; do
  word=$1
  shift
  n=$((n - 1))
  case $word in
    --target=* | -mmacosx-version-min=* | -gfull) continue ;;
    -arch)
      shift
      n=$((n - 1))
      continue
      ;;
  esac
  set -- "$@" "$word"
done
exec @ZIG@ cc -target @TARGET@ -F'@FRAMEWORKS@' -L'@FRAMEWORKS@' "$@""#;

/// How the check is run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The target
    #[arg(long, default_value = "aarch64-apple-darwin")]
    target: String,
}

/// Type-checks the whole workspace, tests and benchmarks included.
///
/// # Errors
/// When a tool is missing, or something does not compile.
pub(crate) fn check(options: &Options) -> anyhow::Result<()> {
    let tools = Tools::find()?;
    let mut cargo = tools.cargo(&options.target)?;
    cargo.args([
        "check",
        "--locked",
        "-Zbuild-std=std,panic_unwind",
        "--target",
        &options.target,
    ]);
    succeed(cargo.args(["--workspace", "--all-targets"]))
}

/// Builds the steps for a Mac on Linux, and says where they are.
///
/// # Errors
/// When a tool is missing, or something does not compile or link.
pub(crate) fn build(steps: &[Step], target: &str) -> anyhow::Result<PathBuf> {
    let tools = Tools::find()?;
    let mut cargo = tools.cargo(target)?;
    cargo.args([
        "build",
        "--locked",
        "--profile",
        workspace::RELEASE_PROFILE,
        "-Zbuild-std=std,panic_unwind",
        "--target",
        target,
    ]);
    for step in steps {
        cargo.args(["--package", &step.binary()]);
    }
    succeed(&mut cargo)?;
    Ok(target_dir().join(target).join(workspace::RELEASE_PROFILE))
}

/// Apart from the other builds: another compiler would build everything anew each time.
fn target_dir() -> PathBuf {
    workspace::target().join("macos")
}

/// What the build runs besides rustc.
struct Tools {
    cargo: PathBuf,
    rustc: PathBuf,
    /// The command of zig, as shell words.
    zig: String,
}

impl Tools {
    fn find() -> anyhow::Result<Self> {
        let given = |name: &str, default: &str| {
            PathBuf::from(std::env::var_os(name).unwrap_or_else(|| default.into()))
        };
        let tools = Self {
            cargo: given("MACOS_CARGO", "/usr/bin/cargo"),
            rustc: given("MACOS_RUSTC", "/usr/bin/rustc"),
            zig: zig()?,
        };
        ensure!(
            dist::library_sources(&tools.rustc).is_some(),
            install(&format!(
                "`{}` can't be run, or the sources of its library are missing",
                tools.rustc.display()
            ))
        );
        Ok(tools)
    }

    fn cargo(&self, target: &str) -> anyhow::Result<Command> {
        let folder = target_dir().join("tools").join(target);
        std::fs::create_dir_all(&folder)?;
        let processor = target.split('-').next().unwrap_or_default();
        let frameworks = workspace::root().join("xtask/src/assets/macos");
        let cc = script(
            &folder.join("cc"),
            &CC.replace("@ZIG@", &self.zig)
                .replace("@TARGET@", &format!("{processor}-macos.{}", oldest()))
                .replace("@FRAMEWORKS@", &frameworks.display().to_string()),
        )?;
        let ar = script(&folder.join("ar"), &format!("exec {} ar \"$@\"", self.zig))?;
        let name = target.replace('-', "_");
        let mut cargo = workspace::without_cargos_variables(Command::new(&self.cargo));
        cargo
            .env("RUSTC", &self.rustc)
            // `-Z` flags are for nightly compilers, and this one has no nightly sibling in Debian.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", target_dir())
            .env("MACOSX_DEPLOYMENT_TARGET", oldest())
            .env("RUSTFLAGS", dist_flags().join(" "))
            .env(format!("CC_{name}"), &cc)
            .env(format!("AR_{name}"), &ar)
            .env(format!("CARGO_TARGET_{}_LINKER", name.to_uppercase()), &cc);
        // Of the toolchain that runs this task.
        for variable in ["RUSTUP_TOOLCHAIN", "RUSTDOC", "RUSTC_WRAPPER"] {
            cargo.env_remove(variable);
        }
        Ok(cargo)
    }
}

fn dist_flags() -> Vec<String> {
    let mut flags = dist::remapped();
    flags.push("--remap-path-prefix=/usr/src/=rust/".to_owned());
    flags
}

fn zig() -> anyhow::Result<String> {
    for command in ["zig", "python3 -m ziglang", "python-zig"] {
        let works = Command::new("sh")
            .args(["-c", &format!("{command} version")])
            .output()
            .is_ok_and(|output| output.status.success());
        if works {
            return Ok(command.to_owned());
        }
    }
    anyhow::bail!(install("zig is missing"))
}

fn install(problem: &str) -> String {
    format!(
        "{problem}; on Debian: `apt-get install rustc-web cargo-web rust-web-src` and `pip install ziglang`. MACOS_RUSTC and MACOS_CARGO name other compilers"
    )
}

fn script(path: &Path, command: &str) -> anyhow::Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, format!("#!/bin/sh\n{command}\n"))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path.to_owned())
}
