//! Paths as Xcode reads them.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use icu_normalizer::ComposingNormalizerBorrowed;

/// The path without `.` and `..`, by its text alone: a reference may lead through a folder that is not there.
pub fn normalized(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            Component::ParentDir if plain.has_root() => {}
            other => plain.push(other),
        }
    }
    plain
}

/// The text with composed characters (NFC).
pub(crate) fn composed(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

/// Whether two names are the same text, composed or not: a Mac's file system does not tell them apart.
pub(crate) fn same_name(one: &str, other: &str) -> bool {
    if one.is_ascii() || other.is_ascii() {
        return one == other;
    }
    one == other || composed(one) == composed(other)
}

/// The path as it is on disk where its names are written in another Unicode form there; else the path itself.
pub(crate) fn existing(path: &Path) -> PathBuf {
    if path.exists() || path.to_str().is_none_or(str::is_ascii) {
        return path.to_owned();
    }
    let mut found = PathBuf::new();
    for component in path.components() {
        let next = found.join(component);
        let name = component.as_os_str().to_str().filter(|name| !name.is_ascii());
        let Some(name) = name.filter(|_| !next.exists()) else {
            found = next;
            continue;
        };
        let entries = std::fs::read_dir(if found.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &found
        });
        let twin = entries
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name())
            .find(|entry| entry.to_str().is_some_and(|entry| same_name(entry, name)));
        found = twin.map_or(next, |twin| found.join(twin));
    }
    if found.exists() { found } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_in_either_unicode_form() {
        let folder = tempfile::tempdir().unwrap();
        let decomposed = folder.path().join("Cafe\u{301}/Bu\u{308}ro.plist");
        std::fs::create_dir(decomposed.parent().unwrap()).unwrap();
        std::fs::write(&decomposed, "").unwrap();
        let composed = folder.path().join("Caf\u{e9}/B\u{fc}ro.plist");
        assert_eq!(existing(&composed), decomposed);
        assert_eq!(existing(&decomposed), decomposed);
        let other = folder.path().join("Th\u{e9}/x");
        assert_eq!(existing(&other), other);
        assert!(same_name("Caf\u{e9}", "Cafe\u{301}") && !same_name("Cafe", "Caf\u{e9}"));
    }

    #[test]
    fn only_what_can_be_left_is_left() {
        for (path, expected) in [
            ("a/./b/../c", "a/c"),
            ("../a", "../a"),
            ("a/../../b", "../b"),
            ("/../a", "/a"),
        ] {
            assert_eq!(normalized(Path::new(path)), Path::new(expected), "{path}");
        }
    }
}
