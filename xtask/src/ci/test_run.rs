//! Running the tests: several test binaries at a time, since most of them wait for servers and child processes.
//!
//! `cargo test` runs one binary after the other; what a binary prints stays together here, too.

use std::collections::VecDeque;
use std::io::{BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::workspace;

/// How often the log says what still runs, while nothing ends.
const HEARTBEAT: Duration = Duration::from_secs(45);

/// How many of the slowest binaries are listed.
const SLOWEST: usize = 10;

/// A test binary, as cargo's messages describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Binary {
    package: String,
    /// How `cargo test` selects it: `--lib`, `--bin NAME`, `--test NAME`.
    target: String,
    /// The folder of the package, where cargo runs its tests.
    folder: PathBuf,
    executable: PathBuf,
}

/// How a binary ended.
struct Ended {
    binary: Binary,
    passed: bool,
    output: String,
    took: Duration,
}

/// What the workers report.
enum Event {
    Started(String),
    Ended(Box<Ended>),
}

impl Binary {
    /// The binary of a line of `--message-format=json`, if it is about one.
    /// <https://doc.rust-lang.org/cargo/reference/external-tools.html#artifact-messages>
    fn of(message: &Value) -> Option<Self> {
        let is_test = message["reason"] == "compiler-artifact" && message["profile"]["test"] == true;
        let executable = message["executable"].as_str().filter(|_| is_test)?;
        let name = message["target"]["name"].as_str()?;
        let folder = PathBuf::from(message["manifest_path"].as_str()?)
            .parent()?
            .to_owned();
        let target = match message["target"]["kind"][0].as_str()? {
            kind @ ("bin" | "test" | "bench" | "example") => format!("--{kind} {name}"),
            _ => "--lib".to_owned(),
        };
        Some(Self {
            package: package_of(message["package_id"].as_str()?, &folder),
            target,
            folder,
            executable: executable.into(),
        })
    }

    fn name(&self) -> String {
        format!("-p {} {}", self.package, self.target)
    }

    fn run(&self) -> anyhow::Result<(bool, String)> {
        let (mut reader, writer) = std::io::pipe()?;
        let mut child = workspace::without_cargos_variables(Command::new(&self.executable))
            .current_dir(&self.folder)
            // As cargo sets it for a test.
            .env("CARGO_MANIFEST_DIR", &self.folder)
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .spawn()
            .with_context(|| format!("{} can't be run", self.executable.display()))?;
        let mut output = Vec::new();
        reader.read_to_end(&mut output)?;
        Ok((
            child.wait()?.success(),
            String::from_utf8_lossy(&output).into_owned(),
        ))
    }
}

/// The name in a package ID: `path+file:///…/crates/files#0.1.0`, or `…/step#step-deliver@0.1.0` where the folder is
/// called otherwise.
fn package_of(id: &str, folder: &std::path::Path) -> String {
    let fragment = id.rsplit('#').next().unwrap_or_default();
    match fragment.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
    }
}

/// Builds all tests and runs them, those of the documentation last; whether all of them passed.
///
/// # Errors
/// When they do not build, or a test binary can't be started.
pub(super) fn run() -> anyhow::Result<bool> {
    let mut binaries = build()?;
    // The whole runs take longest, so that none of them begins when the others are through.
    binaries.sort_by_key(|binary| binary.package != "e2e");
    let workers = std::thread::available_parallelism().map_or(2, usize::from) + 1;
    let ended = run_all(binaries, workers)?;
    report(&ended);
    let failed: Vec<String> = ended
        .iter()
        .filter(|ended| !ended.passed)
        .map(|ended| ended.binary.name())
        .collect();
    for name in &failed {
        eprintln!("failed: cargo test {name}");
    }
    let documentation = workspace::cargo()
        .args(["test", "--workspace", "--doc", "--locked", "--quiet"])
        .status()
        .context("cargo can't be run")?;
    Ok(failed.is_empty() && documentation.success())
}

fn build() -> anyhow::Result<Vec<Binary>> {
    let mut child = workspace::cargo()
        .args(["test", "--workspace", "--locked", "--no-run"])
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo can't be run")?;
    let messages = child.stdout.take().context("cargo has no output")?;
    let mut binaries = Vec::new();
    for message in serde_json::Deserializer::from_reader(BufReader::new(messages)).into_iter::<Value>() {
        binaries.extend(Binary::of(&message?));
    }
    ensure!(child.wait()?.success(), "the tests do not build");
    ensure!(!binaries.is_empty(), "cargo built no tests");
    Ok(binaries)
}

/// Runs the binaries, `workers` at a time, and prints what each of them printed when it ends.
fn run_all(binaries: Vec<Binary>, workers: usize) -> anyhow::Result<Vec<Ended>> {
    let total = binaries.len();
    let queue = Mutex::new(VecDeque::from(binaries));
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (queue, sender) = (&queue, sender.clone());
            scope.spawn(move || work(queue, &sender));
        }
        drop(sender);
        let (mut running, mut ended) = (Vec::new(), Vec::new());
        loop {
            match receiver.recv_timeout(HEARTBEAT) {
                Ok(Event::Started(name)) => running.push(name),
                Ok(Event::Ended(one)) => {
                    running.retain(|name| *name != one.binary.name());
                    eprint!(
                        "     Running {} ({} of {total}, {:.1} s)\n{}",
                        one.binary.name(),
                        ended.len() + 1,
                        one.took.as_secs_f64(),
                        one.output
                    );
                    ended.push(*one);
                }
                Err(RecvTimeoutError::Timeout) => eprintln!("Still running: {}", running.join(", ")),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        ensure!(
            ended.len() == total,
            "{} of {total} test binaries ran",
            ended.len()
        );
        Ok(ended)
    })
}

fn work(queue: &Mutex<VecDeque<Binary>>, sender: &Sender<Event>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(binary) = next else {
            return;
        };
        let began = Instant::now();
        let _ = sender.send(Event::Started(binary.name()));
        let (passed, output) = binary
            .run()
            .unwrap_or_else(|error| (false, format!("error: {error:#}\n")));
        let ended = Ended {
            binary,
            passed,
            output,
            took: began.elapsed(),
        };
        let _ = sender.send(Event::Ended(Box::new(ended)));
    }
}

fn report(ended: &[Ended]) {
    let mut slowest: Vec<&Ended> = ended.iter().collect();
    slowest.sort_by_key(|ended| std::cmp::Reverse(ended.took));
    eprintln!("\n| slowest test binaries | time |\n| --- | --- |");
    for ended in slowest.iter().take(SLOWEST) {
        eprintln!("| {} | {} s |", ended.binary.name(), ended.took.as_secs());
    }
    eprintln!();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn binary(script: &str) -> Binary {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap().keep();
        let executable = folder.join("test");
        std::fs::write(&executable, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&executable, std::fs::Permissions::from_mode(0o755)).unwrap();
        Binary {
            package: "p".to_owned(),
            target: format!("--test {}", folder.display()),
            folder,
            executable,
        }
    }

    /// The shape is that of cargo's documentation of artifact messages.
    #[test]
    fn test_binaries_are_found_among_cargos_messages() {
        let message = |kind: &str, test: bool, executable: Value| {
            json!({"reason": "compiler-artifact", "package_id": "path+file:///w/steps/deliver#step-deliver@0.1.0",
                "manifest_path": "/w/steps/deliver/Cargo.toml", "target": {"kind": [kind], "name": "whole"},
                "profile": {"test": test}, "executable": executable})
        };
        let found = Binary::of(&message("test", true, json!("/t/whole-1"))).unwrap();
        assert_eq!(found.name(), "-p step-deliver --test whole");
        assert_eq!(found.folder, PathBuf::from("/w/steps/deliver"));
        let library = Binary::of(&message("lib", true, json!("/t/whole-2"))).unwrap();
        assert_eq!(library.name(), "-p step-deliver --lib");
        assert_eq!(Binary::of(&message("bin", false, json!("/t/whole"))), None);
        assert_eq!(Binary::of(&message("lib", false, Value::Null)), None);
        assert_eq!(
            Binary::of(&json!({"reason": "build-finished", "success": true})),
            None
        );
        assert_eq!(
            package_of("path+file:///w/crates/files#0.1.0", "/w/crates/files".as_ref()),
            "files"
        );
    }

    #[test]
    fn each_binary_runs_once_in_its_folder_and_a_failure_is_one() {
        let good = binary("echo out; echo err >&2; pwd; echo \"$CARGO_MANIFEST_DIR\"");
        let folder = good.folder.display().to_string();
        let bad = binary("echo broken; exit 101");
        let gone = Binary {
            executable: "/nowhere/test".into(),
            target: "--lib".to_owned(),
            ..good.clone()
        };
        let ended = run_all(vec![good.clone(), bad.clone(), gone], 2).unwrap();
        assert_eq!(ended.len(), 3);
        let of = |name: String| ended.iter().find(|ended| ended.binary.name() == name).unwrap();
        assert!(of(good.name()).passed);
        assert_eq!(of(good.name()).output, format!("out\nerr\n{folder}\n{folder}\n"));
        assert!(!of(bad.name()).passed && of(bad.name()).output == "broken\n");
        let gone = of("-p p --lib".to_owned());
        assert!(!gone.passed && gone.output.contains("/nowhere/test can't be run"));
        for binary in [good, bad] {
            std::fs::remove_dir_all(binary.folder).unwrap();
        }
    }
}
