//! What the documents say of the sources holds: messages that a step can print, and paths that exist.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;

use regex::Regex;

use common::root;

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Every file of the sources below a folder.
fn sources(folder: &str, ends: &[&str]) -> Vec<PathBuf> {
    walkdir::WalkDir::new(root().join(folder))
        .into_iter()
        .filter_entry(|entry| entry.file_name() != "target")
        .filter_map(|entry| Some(entry.ok()?.into_path()))
        .filter(|path| {
            ends.iter()
                .any(|end| path.extension().is_some_and(|extension| extension == *end))
        })
        .collect()
}

/// The first cells of the tables under a heading.
fn first_cells(text: &str, heading: &str) -> Vec<String> {
    let section = text.split_once(heading).unwrap_or_default().1;
    let section = section.split("\n## ").next().unwrap_or_default();
    let generated = Regex::new(r"(?s)<!-- refusals -->.*<!-- /refusals -->").unwrap();
    let section = generated.replace(section, "");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    cells
        .filter(|cell| !cell.starts_with("---") && *cell != "message")
        .map(str::to_owned)
        .collect()
}

/// Text as it can be looked for in sources: without quotes, line breaks, and placeholders.
fn plain(text: &str) -> String {
    let text = Regex::new(r"\\\n\s*").unwrap().replace_all(text, "").into_owned();
    let text = Regex::new(r"\{[^{}\n]*\}")
        .unwrap()
        .replace_all(&text, "…")
        .into_owned();
    text.replace(['`', '\\'], "").to_lowercase()
}

/// Whether the sources have a message. The name of an input before it, as the log prints it, does not count; `…` stands for what differs: each part between must be in one line of the sources, in this order.
fn is_printed(message: &str, lines: &[String]) -> bool {
    let input = Regex::new(r"^[a-z_]+: ").unwrap();
    let message = plain(&input.replace(message, ""));
    let parts: Vec<&str> = message
        .split('…')
        .map(str::trim)
        .filter(|part| part.len() > 2)
        .collect();
    lines.iter().any(|line| {
        let mut rest = line.as_str();
        parts.iter().all(|part| match rest.split_once(part) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    })
}

#[test]
fn every_message_of_when_it_fails_can_be_printed() {
    let mut lines = Vec::new();
    for path in sources("crates", &["rs"])
        .into_iter()
        .chain(sources("steps", &["rs", "yml"]))
    {
        if path.components().any(|part| {
            ["tests", "apple-sandbox"]
                .iter()
                .any(|name| part.as_os_str() == *name)
        }) {
            continue;
        }
        lines.extend(
            plain(&std::fs::read_to_string(path).unwrap())
                .lines()
                .map(str::to_owned),
        );
    }
    let mut unknown = Vec::new();
    let readmes = sources("steps", &["md"]);
    assert_eq!(readmes.len(), 5, "one for each step: {readmes:?}");
    for readme in readmes {
        let name = readme.strip_prefix(root()).unwrap().display().to_string();
        let cells = first_cells(&std::fs::read_to_string(&readme).unwrap(), "## When it fails");
        assert!(cells.len() > 2, "{name} has no table of messages: {cells:?}");
        unknown.extend(
            cells
                .into_iter()
                .filter(|cell| !is_printed(cell, &lines))
                .map(|cell| format!("{name}: {cell}")),
        );
    }
    assert!(unknown.is_empty(), "no source prints:\n{}", unknown.join("\n"));
    assert!(!is_printed("the moon … is made of cheese", &lines));
}

/// Paths in backticks: with a slash and a file's ending, or a folder of the workspace.
fn paths(text: &str) -> BTreeSet<String> {
    let quoted = Regex::new(r"`([A-Za-z0-9_./-]+)`").unwrap();
    let ends = [".rs", ".md", ".tsv", ".toml", ".json", ".yml", ".snap"];
    quoted
        .captures_iter(text)
        .map(|found| found[1].to_owned())
        .filter(|path| ends.iter().any(|end| path.ends_with(end)))
        .collect()
}

#[test]
fn every_path_in_architecture_and_contributing_exists() {
    let all: Vec<String> = ["crates", "steps", "e2e", "xtask", "fuzz", "docs"]
        .iter()
        .flat_map(|folder| sources(folder, &["rs", "md", "tsv", "toml", "json", "yml", "snap"]))
        .chain(
            std::fs::read_dir(root())
                .unwrap()
                .map(|entry| entry.unwrap().path()),
        )
        .map(|path| format!("/{}", path.strip_prefix(root()).unwrap().display()))
        .collect();
    let mut missing = Vec::new();
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        for path in paths(&read(document)) {
            if !all.iter().any(|known| known.ends_with(&format!("/{path}"))) {
                missing.push(format!("{document}: {path}"));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "there is no such file:\n{}",
        missing.join("\n")
    );
}
