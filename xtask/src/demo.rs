//! A step at work, on a laptop: against the sandbox, with stand-in tools, on a copy of a real project.

mod release;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context as _, bail};
use apple_sandbox::{Sandbox, Seed, tools};
use similar::{ChangeTag, TextDiff};
use walkdir::WalkDir;

use crate::workspace;

/// The steps that have a demo, and what they need to be told about the sample, which Xcode signs automatically.
const DEMOS: [(&str, &[(&str, &str)]); 2] = [
    ("auto-provision-asc", &[]),
    ("auto-provision-apple-id", &[("generate_profiles", "yes")]),
];

/// The sample's scheme.
const SAMPLE: (&str, &str) = ("samples/courier", "Courier");

/// Runs the demo; its exit status is the step's.
///
/// # Errors
/// When something around the step fails.
pub(crate) fn demo(name: &str, inputs: &[String]) -> anyhow::Result<ExitCode> {
    let provisioning = DEMOS.iter().find(|(known, _)| *known == name);
    let released = release::DEMOS.iter().find(|(known, ..)| *known == name);
    if provisioning.is_none() && released.is_none() {
        let known = DEMOS.map(|(known, _)| known).join(", ");
        let more = release::DEMOS.map(|(known, ..)| known).join(", ");
        bail!("there is no demo of `{name}`; accepted: {known}, {more}");
    }
    let inputs: Vec<(&str, &str)> = inputs
        .iter()
        .map(|pair| {
            pair.split_once('=')
                .with_context(|| format!("`{pair}` is not key=value"))
        })
        .collect::<Result<_, _>>()?;
    let binaries = build(name)?;
    if let Some((_, usual, what)) = released {
        return release::demo(name, usual, what, &inputs, &binaries);
    }
    let usual = provisioning.map_or(&[][..], |(_, usual)| usual);

    let lab = tempfile::Builder::new().prefix("apple-steps-demo-").tempdir()?;
    for part in ["home/Library/Keychains", "tmp", "tools"] {
        std::fs::create_dir_all(lab.path().join(part))?;
    }
    let given = |key: &str| {
        inputs
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| *value)
    };
    let (original, scheme) = match given("project_path") {
        Some(path) => (
            Path::new(path).canonicalize().with_context(|| path.to_owned())?,
            given("scheme").context("scheme= is needed with project_path=")?,
        ),
        None => (
            workspace::root().join(SAMPLE.0).join("Courier.xcodeproj"),
            SAMPLE.1,
        ),
    };
    let source = original.parent().context("the project has no folder")?;
    let copy = lab.path().join("project");
    copy_tree(source, &copy)?;
    let project = copy.join(original.file_name().unwrap_or_default());
    let sandbox = Sandbox::start(&Seed::default())?;

    announce(&sandbox);
    println!("The project is a copy of {}.", original.display());
    let mut step = step(name, &binaries, lab.path(), &sandbox)?;
    step.current_dir(&copy)
        .env("BITRISE_KEYCHAIN_PASSWORD", "sandbox-keychain")
        .env("project_path", &project)
        .env("scheme", scheme)
        .envs(usual.iter().copied());
    for (key, value) in &inputs {
        if *key != "project_path" {
            step.env(key, value);
        }
    }
    let status = step.status().context("the step can't be run")?;

    show_outputs(&lab.path().join("tools"));
    show_diff(source, &copy)?;
    show_requests(&sandbox);
    println!("The demo has removed its files.");
    Ok(exit_code(status))
}

fn announce(sandbox: &Sandbox) {
    println!(
        "The sandbox stands in for Bitrise and Apple at {}.",
        sandbox.url()
    );
}

/// A step that meets the sandbox and the fake tools, and whose home and temporary files lie in a folder.
fn step(name: &str, binaries: &Path, folder: &Path, sandbox: &Sandbox) -> anyhow::Result<Command> {
    let bin = folder.join("tools/bin");
    tools::lay_out(&bin, &binaries.join("apple-sandbox"))?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut step = Command::new(binaries.join(format!("step-{name}")));
    step.envs(sandbox.environment())
        .env("PATH", format!("{}:{path}", bin.display()))
        .env(tools::DIRECTORY, folder.join("tools"))
        .env("HOME", folder.join("home"))
        .env("TMPDIR", folder.join("tmp"))
        .env_remove("CI");
    Ok(step)
}

fn show_requests(sandbox: &Sandbox) {
    let state = sandbox.state();
    let writes = state.writes();
    let reads = state.requests.len() - writes;
    println!("\nThe step read {reads} times and wrote {writes} times.");
}

fn exit_code(status: ExitStatus) -> ExitCode {
    ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
}

/// Builds what the demo needs and says where it is.
fn build(name: &str) -> anyhow::Result<PathBuf> {
    let step = format!("step-{name}");
    let status = workspace::cargo()
        .args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            &step,
            "--package",
            "apple-sandbox",
        ])
        .status()
        .context("cargo can't be run")?;
    if !status.success() {
        bail!("the build failed");
    }
    let target = workspace::target();
    Ok(std::path::absolute(target.join("debug"))?)
}

pub(crate) fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in WalkDir::new(from)
        .into_iter()
        .filter_entry(|entry| entry.file_name() != ".git")
    {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(&target)?;
        } else if entry.file_type().is_file() {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn show_outputs(state: &Path) {
    let store = std::fs::read_to_string(state.join("envstore.yml")).unwrap_or_default();
    println!("\nOutputs, as the next step gets them:");
    for (key, value) in tools::envman::read(&store) {
        println!("  {key}={value}");
    }
}

fn show_diff(before: &Path, after: &Path) -> anyhow::Result<()> {
    println!("\nThe project, before and after:");
    let mut any = false;
    for entry in WalkDir::new(after).sort_by_file_name() {
        let entry = entry?;
        let name = entry.path().strip_prefix(after)?;
        if !entry.file_type().is_file() {
            continue;
        }
        let (Ok(old), Ok(new)) = (
            std::fs::read_to_string(before.join(name)),
            std::fs::read_to_string(entry.path()),
        ) else {
            continue;
        };
        if old == new {
            continue;
        }
        any = true;
        println!("  {}", name.display());
        let diff = TextDiff::from_lines(&old, &new);
        for group in diff.grouped_ops(1) {
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                let (sign, colour) = match change.tag() {
                    ChangeTag::Delete => ("-", "31"),
                    ChangeTag::Insert => ("+", "32"),
                    ChangeTag::Equal => (" ", "0"),
                };
                print!(
                    "  \x1b[{colour}m{sign}{}\x1b[0m",
                    change.value().replace('\n', "")
                );
                println!();
            }
            println!("  …");
        }
    }
    if !any {
        println!("  (unchanged)");
    }
    Ok(())
}
