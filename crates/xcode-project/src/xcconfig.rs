//! `.xcconfig` files with their includes.

use std::path::{Path, PathBuf};

/// Longer include chains than any real project has.
const DEEPEST: usize = 32;

/// Larger than any real file, in bytes.
const LARGEST: u64 = 16 << 20;

/// More files than any real chain of includes reads.
const MOST_FILES: usize = 512;

/// An xcconfig file that is named and is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingFile {
    /// Where it would be.
    pub path: PathBuf,
    /// The file that includes it, and the name that it is included by; `None` for a base configuration.
    pub included: Option<(PathBuf, String)>,
    /// Whether it may be absent (`#include?`).
    pub optional: bool,
}

/// The assignments of a file and of what it includes, in order; files that are not there are added to `missing`.
pub fn read(path: &Path, missing: &mut Vec<MissingFile>) -> Vec<(String, String)> {
    let mut reader = Reader {
        assignments: Vec::new(),
        missing,
        files: 0,
    };
    let base = MissingFile {
        path: path.to_owned(),
        included: None,
        optional: false,
    };
    reader.file(base, 0);
    reader.assignments
}

struct Reader<'a> {
    assignments: Vec<(String, String)>,
    missing: &'a mut Vec<MissingFile>,
    files: usize,
}

impl Reader<'_> {
    fn file(&mut self, file: MissingFile, depth: usize) {
        self.files += 1;
        if depth > DEEPEST || self.files > MOST_FILES {
            return;
        }
        let Ok(text) = files::read_text(&file.path, LARGEST) else {
            self.missing.push(file);
            return;
        };
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.split("//").next().unwrap_or_default().trim();
            if let Some(include) = line.strip_prefix("#include") {
                let optional = include.starts_with('?');
                let quoted = include.trim_start_matches('?').trim().strip_prefix('"');
                if let Some(name) = quoted.and_then(|name| name.strip_suffix('"')) {
                    let folder = file.path.parent().unwrap_or(Path::new(""));
                    let included = MissingFile {
                        path: folder.join(name),
                        included: Some((file.path.clone(), name.to_owned())),
                        optional,
                    };
                    self.file(included, depth + 1);
                }
            } else if let Some((key, value)) = assignment(line) {
                self.assignments.push((key.to_owned(), value.to_owned()));
            }
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
        let gone: Vec<_> = missing
            .iter()
            .map(|file| (file.path.strip_prefix(folder.path()).unwrap(), file.optional))
            .collect();
        assert_eq!(
            gone,
            [
                (Path::new("local.xcconfig"), true),
                (Path::new("gone.xcconfig"), false)
            ]
        );
    }

    #[test]
    fn files_that_include_each_other_end() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("main.xcconfig");
        let twice = "#include \"main.xcconfig\"\n#include \"main.xcconfig\"\nA = 1\n";
        std::fs::write(&main, twice).unwrap();
        assert!(read(&main, &mut Vec::new()).len() <= MOST_FILES);
    }
}
