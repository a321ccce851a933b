//! `.xcconfig` files with their includes, as swift-build reads them (`MacroConfigFileParser.swift`,
//! `MacroConfigFileLoader.swift`).

use std::path::{Path, PathBuf};

/// Longer include chains than any real project has.
const DEEPEST: usize = 32;

/// Larger than any real file, in bytes.
const LARGEST: u64 = 16 << 20;

/// More files than any real chain of includes reads.
const MOST_FILES: usize = 512;

/// Where Xcode is by default; `<DEVELOPER_DIR>` begins some include paths.
const DEVELOPER_FOLDER: &str = "/Applications/Xcode.app/Contents/Developer";

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

/// What keeps Xcode from reading an xcconfig file as its author meant it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it, as a sentence without a full stop.
    pub text: String,
}

/// What an xcconfig file says, with the files that it includes.
#[derive(Debug, Clone, Default)]
pub struct Xcconfig {
    /// Its assignments, in order.
    pub assignments: Vec<(String, String)>,
    /// The files that are not there.
    pub missing: Vec<MissingFile>,
    /// What is wrong with those that are.
    pub problems: Vec<Problem>,
}

/// Reads a file and what it includes. Includes that are beside none of the including files are looked for in
/// `search`, the project's folder.
pub fn read(path: &Path, search: Option<&Path>) -> Xcconfig {
    let mut reader = Reader {
        read: Xcconfig::default(),
        search,
        open: Vec::new(),
        files: 0,
    };
    let base = MissingFile {
        path: path.to_owned(),
        included: None,
        optional: false,
    };
    reader.file(base);
    reader.read
}

struct Reader<'a> {
    read: Xcconfig,
    search: Option<&'a Path>,
    /// The files that include each other, outermost first.
    open: Vec<PathBuf>,
    files: usize,
}

impl Reader<'_> {
    fn file(&mut self, file: MissingFile) {
        self.files += 1;
        // A file that includes itself is passed over.
        if self.open.len() > DEEPEST || self.files > MOST_FILES || self.open.contains(&file.path) {
            return;
        }
        let Ok(bytes) = files::read(&file.path, LARGEST) else {
            self.read.missing.push(file);
            return;
        };
        // Bytes that are no UTF-8, such as those of Latin-1, spoil the text that they stand in and nothing else.
        let text = String::from_utf8_lossy(&bytes);
        self.open.push(file.path.clone());
        if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
            self.problem("it begins with a byte order mark, for which Xcode ignores its first line: save it as UTF-8 without one");
        } else if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
            self.problem("it is UTF-16, which Xcode does not read: save it as UTF-8");
        }
        let text = text.replace("\r\n", "\n");
        let mut lines = lines(&text);
        while let Some(line) = lines.next() {
            let code = without_comment(line);
            if let Some(directive) = code.strip_prefix('#') {
                if let Some((name, optional)) = include(directive) {
                    self.include(&name, optional);
                }
                continue;
            }
            let Some((key, first)) = assignment(code) else {
                continue;
            };
            let mut value = value(first).to_owned();
            // A backslash at the end continues on the next line.
            while let Some(head) = value.strip_suffix('\\') {
                let head = trimmed(head).to_owned();
                let next = lines
                    .next()
                    .map(|line| value_of_line(line).to_owned())
                    .unwrap_or_default();
                let is_last = next.is_empty();
                value = match (head.is_empty(), is_last) {
                    (_, true) => head,
                    (true, false) => next,
                    (false, false) => format!("{head} {next}"),
                };
                if is_last {
                    break;
                }
            }
            self.read.assignments.push((key, value));
        }
        self.open.pop();
    }

    fn include(&mut self, name: &str, optional: bool) {
        let including = self.open.last().cloned().unwrap_or_default();
        let folders = self
            .open
            .iter()
            .rev()
            .map(|file| file.parent().unwrap_or(Path::new("")).to_owned())
            .chain(self.search.map(Path::to_owned));
        let written = match name.strip_prefix("<DEVELOPER_DIR>") {
            Some(rest) => format!("{DEVELOPER_FOLDER}{rest}"),
            None => name.to_owned(),
        };
        let has_extension = Path::new(&written).extension().is_some();
        let at = |folder: PathBuf| {
            let path = folder.join(&written);
            let longer = (!has_extension).then(|| folder.join(format!("{written}.xcconfig")));
            [Some(path), longer].into_iter().flatten()
        };
        let mut places: Vec<PathBuf> = folders.flat_map(at).collect();
        let found = places.iter().position(|path| path.is_file()).unwrap_or(0);
        self.file(MissingFile {
            path: places.swap_remove(found),
            included: Some((including, name.to_owned())),
            optional,
        });
    }

    fn problem(&mut self, text: &str) {
        let path = self.open.last().cloned().unwrap_or_default();
        self.read.problems.push(Problem {
            path,
            text: text.to_owned(),
        });
    }
}

/// The lines of a text: they end in LF, CR, or Unicode's separators of lines and paragraphs.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '\r', '\u{2028}', '\u{2029}'])
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\u{b}', '\u{c}'])
}

/// `//` starts a comment wherever it stands, also inside a value: `https://x` ends at `https:`.
fn without_comment(line: &str) -> &str {
    trimmed(line.split("//").next().unwrap_or_default())
}

/// A value without one trailing semicolon.
fn value(text: &str) -> &str {
    let text = trimmed(text);
    text.strip_suffix(';').map_or(text, trimmed)
}

fn value_of_line(line: &str) -> &str {
    value(without_comment(line))
}

/// `include "name"` or `include? "name"`: the name, and whether the file may be absent.
fn include(directive: &str) -> Option<(String, bool)> {
    let rest = trimmed(directive).strip_prefix("include")?;
    let (rest, optional) = rest.strip_prefix('?').map_or((rest, false), |rest| (rest, true));
    let quoted = trimmed(rest);
    // White space must follow the word.
    if quoted.len() == rest.len() {
        return None;
    }
    let name = quoted.strip_prefix('"')?.strip_suffix('"')?;
    (!name.contains('"')).then(|| (name.to_owned(), optional))
}

/// `KEY[sdk=x] = value`: the key with its conditions, without white space around them, and the rest.
fn assignment(line: &str) -> Option<(String, &str)> {
    let end = line
        .bytes()
        .position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_')
        .unwrap_or(line.len());
    let (name, mut rest) = line.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut key = name.to_owned();
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\u{b}', '\u{c}']);
        if let Some(value) = rest.strip_prefix('=') {
            return Some((key, value));
        }
        let (condition, after) = rest.strip_prefix('[')?.split_once(']')?;
        let (parameter, pattern) = condition.split_once('=')?;
        key = format!("{key}[{parameter}={pattern}]");
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The assignments of a file with these bytes.
    fn of(bytes: &[u8]) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("main.xcconfig");
        std::fs::write(&file, bytes).unwrap();
        read(&file, None).assignments
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

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
        let read = read(&main, None);
        assert_eq!(
            read.assignments,
            pairs(&[("A", "1"), ("B[sdk=iphoneos*]", "x=y"), ("A", "2")])
        );
        let gone: Vec<_> = read
            .missing
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
    fn an_include_is_looked_for_along_the_chain_and_in_the_project() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        let main = write("Config/main.xcconfig", "#include \"deep/one.xcconfig\"\n");
        write(
            "Config/deep/one.xcconfig",
            "# include \"beside_main\"\n#include \"in_project.xcconfig\"\n#include\"no space\"\nX = 1\n",
        );
        write("Config/beside_main.xcconfig", "Y = 2\n");
        write("in_project.xcconfig", "Z = 3\n");
        let read = read(&main, Some(folder.path()));
        assert_eq!(read.assignments, pairs(&[("Y", "2"), ("Z", "3"), ("X", "1")]));
        assert_eq!(read.missing, []);
    }

    #[test]
    fn files_that_include_each_other_end() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("main.xcconfig");
        let twice = "#include \"main.xcconfig\"\n#include \"main.xcconfig\"\nA = 1\n";
        std::fs::write(&main, twice).unwrap();
        assert_eq!(read(&main, None).assignments, pairs(&[("A", "1")]));
    }

    #[test]
    fn any_line_end_and_any_encoding_of_comments_is_read() {
        let expected = pairs(&[("A", "1"), ("B", "2")]);
        for bytes in [
            b"A = 1\rB = 2\r".as_slice(),
            b"A = 1\r\n\r\nB = 2\r\n",
            // `ü` of Latin-1 and of MacRoman.
            b"// f\xfcr\nA = 1 // \x9f\nB = 2",
            "A = 1\u{2028}B = 2".as_bytes(),
        ] {
            assert_eq!(of(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_costs_the_first_line_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("main.xcconfig");
        std::fs::write(&file, "\u{feff}A = 1\nB = 2\n").unwrap();
        let read = read(&file, None);
        assert_eq!(read.assignments, pairs(&[("B", "2")]));
        assert_eq!(read.problems.len(), 1);
        assert!(read.problems[0].text.contains("byte order mark"));
        // With a comment there, nothing is lost.
        assert_eq!(of("\u{feff}// x\nB = 2\n".as_bytes()), pairs(&[("B", "2")]));
    }

    #[test]
    fn values_are_read_as_swift_build_does() {
        for (line, expected) in [
            ("A = https://x", "https:"),
            ("A = https:/$()/x", "https:/$()/x"),
            ("A = \"quoted\"", "\"quoted\""),
            ("A = x ; ", "x"),
            ("A = x;;", "x;"),
            ("A=", ""),
            ("A = one \\\n  two \\ // more\n three", "one two three"),
            ("A = one \\\n\nB = x", "one"),
        ] {
            assert_eq!(of(line.as_bytes())[0].1, expected, "{line}");
        }
        assert_eq!(
            of(b"A [sdk=iphoneos*] [arch=*] = x")[0].0,
            "A[sdk=iphoneos*][arch=*]"
        );
        assert_eq!(
            of(b"1A = x\nA-B = x\nno assignment\n# comment\n= x\nA[sdk] = x"),
            []
        );
    }
}
