//! `.xcconfig` files with their includes.

use std::path::{Path, PathBuf};

/// Longer include chains than any real project has.
const DEEPEST: usize = 32;

/// The assignments of a file and of what it includes, in order; a file that is not there is named in `missing`.
pub(crate) fn read(path: &Path, missing: &mut Vec<PathBuf>) -> Vec<(String, String)> {
    let mut assignments = Vec::new();
    read_into(path, true, &mut assignments, missing, 0);
    assignments
}

fn read_into(
    path: &Path,
    required: bool,
    assignments: &mut Vec<(String, String)>,
    missing: &mut Vec<PathBuf>,
    depth: usize,
) {
    if depth > DEEPEST {
        return;
    }
    let Ok(text) = std::fs::read_to_string(path) else {
        if required {
            missing.push(path.to_owned());
        }
        return;
    };
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        if let Some(include) = line.strip_prefix("#include") {
            let required = !include.starts_with('?');
            if let Some(name) = include
                .trim_start_matches('?')
                .trim()
                .strip_prefix('"')
                .and_then(|name| name.strip_suffix('"'))
            {
                let folder = path.parent().unwrap_or(Path::new(""));
                read_into(&folder.join(name), required, assignments, missing, depth + 1);
            }
        } else if let Some((key, value)) = assignment(line) {
            assignments.push((key.to_owned(), value.to_owned()));
        }
    }
}

/// `KEY[sdk=x] = value`: the first `=` outside brackets.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let mut inside = false;
    for (at, c) in line.char_indices() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            '=' if !inside => {
                return Some((
                    line[..at].trim(),
                    line[at + 1..].trim().trim_end_matches(';').trim_end(),
                ));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_are_read_in_place_and_optional_ones_may_be_absent() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("base.xcconfig"),
            "A = 1 // one\nB[sdk=iphoneos*] = x=y;\n",
        )
        .unwrap();
        let main = folder.path().join("main.xcconfig");
        std::fs::write(
            &main,
            "#include \"base.xcconfig\"\n#include? \"local.xcconfig\"\n#include \"gone.xcconfig\"\nA = 2\n",
        )
        .unwrap();
        let mut missing = Vec::new();
        let read = read(&main, &mut missing);
        let expected = [("A", "1"), ("B[sdk=iphoneos*]", "x=y"), ("A", "2")];
        assert_eq!(
            read,
            expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
        assert_eq!(missing, [folder.path().join("gone.xcconfig")]);
    }
}
