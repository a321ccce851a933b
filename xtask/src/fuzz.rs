//! Runs libFuzzer on the entries of `crates/fuzz-targets`.
//!
//! The package `fuzz` is outside of the workspace, since everything in it is built with coverage. Stable Rust suffices: the
//! flags are those that cargo-fuzz passes, without its sanitizers, which look for what safe Rust has not.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::bail;
use clap::Args;

use crate::workspace;

/// What LLVM needs to hear so that libFuzzer sees which branches and comparisons an input reaches.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";

/// The limits of one input: seconds, and megabytes of the whole process.
const LIMITS: [&str; 3] = ["-timeout=60", "-rss_limit_mb=1500", "-max_len=16384"];

/// A committed corpus has at most this size, in bytes, and this many inputs: the smallest of those that reach everything.
const LARGEST_CORPUS: u64 = 64 * 1024;
const MOST_INPUTS: usize = 64;

const UNPOISONED: &str = "no worker panics while it holds the lock";

/// How the fuzzer is run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The targets, as the folders of fuzz/corpus are called; all where none is named
    targets: Vec<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many targets run at the same time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    jobs: u8,
    /// Afterwards, replace the committed corpora by small ones that reach the same
    #[arg(long)]
    minimize: bool,
}

/// Runs the targets, `jobs` at a time; new inputs are kept in `fuzz/target/corpus`, findings in `fuzz/artifacts`.
///
/// # Errors
/// When it can't be built, or a target has a finding.
pub(crate) fn fuzz(options: &Options) -> anyhow::Result<()> {
    let folder = workspace::root().join("fuzz");
    let all = targets(&folder)?;
    if let Some(unknown) = options.targets.iter().find(|name| !all.contains(name)) {
        bail!("there is no target `{unknown}`; there are: {}", all.join(", "));
    }
    let chosen = if options.targets.is_empty() {
        &all
    } else {
        &options.targets
    };
    let binary = build(&folder)?;
    std::fs::create_dir_all(folder.join("artifacts"))?;
    let (waiting, failed) = (Mutex::new(chosen.iter()), Mutex::new(Vec::new()));
    let next = || waiting.lock().ok()?.next();
    let worker = || -> anyhow::Result<()> {
        while let Some(name) = next() {
            let target = Target {
                folder: &folder,
                binary: &binary,
                name,
            };
            if !target.run(options.seconds)? {
                failed.lock().expect(UNPOISONED).push(name.as_str());
            } else if options.minimize {
                target.minimize()?;
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.jobs).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("a worker returns its error"))
    })?;
    let failed = failed.into_inner().expect(UNPOISONED);
    if failed.is_empty() {
        Ok(())
    } else {
        bail!("findings in {}; see fuzz/artifacts", failed.join(", "))
    }
}

fn targets(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.join("corpus"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Builds the fuzzer with the dependencies of the workspace, whose lock file it starts from.
fn build(folder: &Path) -> anyhow::Result<PathBuf> {
    std::fs::copy(workspace::root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let host = workspace::host()?;
    eprintln!("==> building the fuzzer for {host}");
    // A named platform keeps the flags from build scripts and procedural macros.
    let status = workspace::cargo()
        .args(["build", "--release", "--quiet", "--target", &host])
        .current_dir(folder)
        .env("RUSTFLAGS", FLAGS)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .status()?;
    if !status.success() {
        bail!("the fuzzer could not be built; it needs a C++ compiler");
    }
    Ok(folder.join("target").join(host).join("release/fuzz"))
}

struct Target<'a> {
    folder: &'a Path,
    binary: &'a Path,
    name: &'a str,
}

impl Target<'_> {
    fn command(&self) -> anyhow::Result<Command> {
        let found = self.found();
        std::fs::create_dir_all(&found)?;
        let mut command = Command::new(self.binary);
        command.env("FUZZ_TARGET", self.name).args(LIMITS).arg(format!(
            "-artifact_prefix={}/{}-",
            self.folder.join("artifacts").display(),
            self.name
        ));
        Ok(command)
    }

    /// Where new inputs go.
    fn found(&self) -> PathBuf {
        self.folder.join("target/corpus").join(self.name)
    }

    fn corpus(&self) -> PathBuf {
        self.folder.join("corpus").join(self.name)
    }

    /// Whether the target ran without a finding.
    fn run(&self, seconds: u64) -> anyhow::Result<bool> {
        let started = Instant::now();
        let output = self
            .command()?
            .arg(format!("-max_total_time={seconds}"))
            .arg("-print_final_stats=1")
            .args([self.found(), self.corpus()])
            .output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        let executions = text
            .lines()
            .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
            .unwrap_or_default();
        let passed = output.status.success();
        let elapsed = started.elapsed().as_secs();
        if passed {
            eprintln!(
                "PASS {}: {} executions in {elapsed} s",
                self.name,
                executions.trim()
            );
        } else {
            // A full stack ends it by a signal, and leaves no artifact.
            eprintln!("FAIL {}: {} after {elapsed} s", self.name, output.status);
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
        Ok(passed)
    }

    /// Replaces the corpus by the smallest inputs that reach what it and the new ones reach.
    fn minimize(&self) -> anyhow::Result<()> {
        let merged = tempfile::tempdir()?;
        let output = self
            .command()?
            .arg("-merge=1")
            .arg(merged.path())
            .args([self.found(), self.corpus()])
            .output()?;
        if !output.status.success() {
            bail!("the corpus of {} could not be merged", self.name);
        }
        let mut files = Vec::new();
        for entry in std::fs::read_dir(merged.path())? {
            let entry = entry?;
            files.push((entry.metadata()?.len(), entry.path()));
        }
        files.sort();
        let corpus = self.corpus();
        std::fs::remove_dir_all(&corpus)?;
        std::fs::create_dir(&corpus)?;
        let mut size = 0;
        for (length, path) in files.into_iter().take(MOST_INPUTS) {
            size += length;
            if size > LARGEST_CORPUS {
                break;
            }
            if let Some(name) = path.file_name() {
                std::fs::copy(&path, corpus.join(name))?;
            }
        }
        Ok(())
    }
}
