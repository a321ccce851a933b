//! What the fuzzer has kept passes its entry again: a file for each way that it found through a parser, and for each
//! fault that it found.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fuzz_targets::TARGETS;

fn fuzz() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The inputs of a target: those that it was led to, and those that it failed on once.
fn inputs(name: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["corpus", "findings"] {
        let entries = std::fs::read_dir(fuzz().join(folder).join(name));
        files.extend(entries.into_iter().flatten().map(|entry| entry.unwrap().path()));
    }
    files.sort();
    assert!(!files.is_empty(), "fuzz/corpus/{name} is empty");
    files
}

/// Gives every file of the corpora to its entry, one target a thread.
#[test]
fn every_corpus_passes_its_entry() {
    let workers: Vec<_> = TARGETS
        .iter()
        .map(|target| {
            std::thread::spawn(move || {
                for file in inputs(target.name) {
                    let bytes = std::fs::read(&file).unwrap();
                    let started = Instant::now();
                    (target.run)(&bytes);
                    // A fuzzer calls anything above seconds a hang; a busy machine and a debug build are slow.
                    assert!(
                        started.elapsed() < Duration::from_secs(60),
                        "{} takes too long",
                        file.display()
                    );
                }
            })
        })
        .collect();
    for (worker, target) in workers.into_iter().zip(TARGETS) {
        assert!(worker.join().is_ok(), "an input of {} fails", target.name);
    }
}

#[test]
fn every_corpus_belongs_to_a_target() {
    for folder in ["corpus", "findings"] {
        for entry in std::fs::read_dir(fuzz().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(fuzz_targets::find(&name).is_some(), "there is no target {name}");
        }
    }
}
