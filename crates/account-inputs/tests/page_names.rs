//! Messages and documents name Bitrise's pages as they are called today.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "what fails ends the test"
)]

use std::path::{Path, PathBuf};

use account_inputs::pages;

/// What the pages were called once. Split, so that this file does not contain them.
const OLD_NAMES: [&str; 5] = [
    concat!("Apple Developer ", "Account"),
    concat!("App ", "settings > Integrations"),
    concat!("App ", "settings > Apple"),
    concat!("Settings > Apple Developer ", "Portal"),
    concat!("Team ", "tab"),
];

/// Every source, manifest and document of the project; the changelog tells of the past.
fn texts() -> Vec<(PathBuf, String)> {
    let root = std::env::current_dir().unwrap();
    let root = root
        .ancestors()
        .find(|folder| folder.join("Cargo.lock").is_file())
        .unwrap();
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_text = [".rs", ".md", ".yml", ".html", ".sh"]
                .iter()
                .any(|end| name.ends_with(end));
            if path.is_dir() && !name.starts_with('.') && name != "target" {
                folders.push(path);
            } else if is_text && name != "CHANGELOG.md" {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                found.push((path, text));
            }
        }
    }
    found
}

/// The text on one line, as a reader sees a paragraph.
fn flowing(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn no_page_has_its_old_name() {
    let texts = texts();
    assert!(texts.len() > 100, "the project's files were not found");
    for (path, text) in texts {
        let text = flowing(&text);
        for name in OLD_NAMES {
            assert!(!text.contains(name), "{}: `{name}`", shown(&path));
        }
    }
}

#[test]
fn every_way_to_a_page_is_one_of_the_constants() {
    let ways = [
        pages::API_KEYS,
        pages::ASSIGN,
        pages::APPLE_ID,
        pages::REAUTHENTICATE,
    ];
    for (path, text) in texts() {
        let text = flowing(&text);
        for start in [
            concat!("Workspace settings ", "> "),
            concat!("Project settings ", "> Integrations"),
            concat!("Account settings ", "> Apple"),
        ] {
            for (at, _) in text.match_indices(start) {
                let is_known = ways.iter().any(|way| text[at..].starts_with(way));
                let end = text[at..]
                    .char_indices()
                    .nth(80)
                    .map_or(text.len(), |(end, _)| at + end);
                assert!(is_known, "{}: `{}`", shown(&path), &text[at..end]);
            }
        }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
