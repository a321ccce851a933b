//! `.xcconfig` files with their includes, as swift-build reads them (`MacroConfigFileParser.swift`,
//! `MacroConfigFileLoader.swift`).

use std::path::{Path, PathBuf};

use crate::paths::{existing, normalized};

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
    /// The files that were read, each as often as it is included.
    pub files: Vec<PathBuf>,
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
        // A file that includes itself is passed over, whichever way it names itself.
        let own = resolved(&file.path);
        let is_open = || self.open.iter().any(|open| resolved(open) == own);
        if self.open.len() > DEEPEST || self.files > MOST_FILES || is_open() {
            return;
        }
        let Ok(bytes) = files::read(&file.path, LARGEST) else {
            // What is there and can't be read is an error in either form.
            let optional = file.optional && !file.path.exists();
            self.read.missing.push(MissingFile { optional, ..file });
            return;
        };
        // Bytes that are no UTF-8, such as those of Latin-1, spoil the text that they stand in and nothing else.
        let text = String::from_utf8_lossy(&bytes);
        self.read.files.push(file.path.clone());
        self.open.push(file.path.clone());
        if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
            self.problem("it begins with a byte order mark, for which Xcode ignores its first line: save it as UTF-8 without one");
        } else if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
            self.problem("it is UTF-16, which Xcode does not read: save it as UTF-8");
        }
        let text = text.replace("\r\n", "\n");
        let mut lines = lines(&text);
        while let Some(line) = lines.next() {
            if let Some(directive) = skipped(line).strip_prefix('#') {
                if let Some((name, optional)) = include(directive) {
                    self.include(name, optional);
                }
                continue;
            }
            let Some((key, first)) = assignment(line) else {
                continue;
            };
            let mut chunks = Vec::new();
            let mut rest = Some(first);
            while let Some(chunk) = rest.and_then(value) {
                // A backslash at the end continues on the next line.
                let Some(head) = chunk.strip_suffix('\\') else {
                    chunks.push(chunk);
                    break;
                };
                chunks.extend(Some(head.trim()).filter(|head| !head.is_empty()));
                rest = lines.next();
            }
            self.read.assignments.push((key, chunks.join(" ")));
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
        let mut places: Vec<PathBuf> = folders.flat_map(at).map(|path| existing(&path)).collect();
        let found = places.iter().position(|path| path.exists()).unwrap_or(0);
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

fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| normalized(path))
}

/// The lines of a text: they end in LF, CR, or Unicode's separators of lines and paragraphs.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '\r', '\u{2028}', '\u{2029}'])
}

const SPACES: [char; 4] = [' ', '\t', '\u{b}', '\u{c}'];

/// The rest of a line behind white space; nothing where that is a comment.
fn skipped(line: &str) -> &str {
    let rest = line.trim_start_matches(SPACES);
    if rest.starts_with("//") { "" } else { rest }
}

/// A line's part of a value, without a comment and without one trailing semicolon; `None` where there is nothing. `//`
/// starts a comment wherever it stands: `https://x` ends at `https:`.
fn value(text: &str) -> Option<&str> {
    let text = Some(skipped(text)).filter(|text| !text.is_empty())?;
    let text = text
        .split("//")
        .next()
        .unwrap_or_default()
        .trim_end_matches(SPACES);
    Some(
        text.strip_suffix(';')
            .map_or(text, |text| text.trim_end_matches(SPACES)),
    )
}

/// `include "name"` or `include? "name"`: the name, which may hold `//`, and whether the file may be absent.
fn include(directive: &str) -> Option<(&str, bool)> {
    let (word, rest) = skipped(directive).split_once(SPACES)?;
    let optional = match word {
        "include" => false,
        "include?" => true,
        _ => return None,
    };
    let (name, rest) = skipped(rest).strip_prefix('"')?.split_once('"')?;
    skipped(rest).is_empty().then_some((name, optional))
}

/// `KEY[sdk=x] = value`: the key with its conditions, without white space around them, and the rest.
fn assignment(line: &str) -> Option<(String, &str)> {
    let line = skipped(line);
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
        rest = skipped(rest);
        if let Some(value) = rest.strip_prefix('=') {
            return Some((key, value));
        }
        let (condition, after) = rest.strip_prefix('[')?.split_once(']')?;
        let (parameter, pattern) = condition.split_once('=')?;
        key = format!("{key}[{parameter}={pattern}]");
        rest = after;
    }
}

/// The key of a dictionary in a project file, without white space around its conditions: it is read like that of an
/// assignment, and where that fails, it is a name as a whole (`MacroNamespace.swift`, parseTable).
pub(crate) fn key_of(written: &str) -> String {
    if written
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return written.to_owned();
    }
    let line = format!("{written}=");
    assignment(&line).map_or_else(|| written.to_owned(), |(key, _)| key)
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
    fn a_file_that_includes_itself_by_another_name_ends_too() {
        let folder = tempfile::tempdir().unwrap();
        let sub = folder.path().join("Config");
        std::fs::create_dir(&sub).unwrap();
        std::os::unix::fs::symlink(sub.join("main.xcconfig"), sub.join("twin.xcconfig")).unwrap();
        let main = sub.join("main.xcconfig");
        let own = "#include \"../Config/main\"\n#include \"twin.xcconfig\"\nA = $(inherited) x\n";
        std::fs::write(&main, own).unwrap();
        assert_eq!(read(&main, None).assignments, pairs(&[("A", "$(inherited) x")]));
    }

    #[test]
    fn the_name_of_an_include_may_hold_slashes_and_a_comment_may_follow() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("main.xcconfig");
        let text = "#include \"./\u{2f}/base.xcconfig\" // shared\n#include \"base.xcconfig\" too\n#include // x\n#includes \"base.xcconfig\"\n";
        std::fs::write(&main, text).unwrap();
        std::fs::write(folder.path().join("base.xcconfig"), "A = 1\n").unwrap();
        assert_eq!(read(&main, None).assignments, pairs(&[("A", "1")]));
    }

    #[test]
    fn what_is_there_and_no_file_is_missing_also_where_it_is_optional() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("Local.xcconfig")).unwrap();
        let main = folder.path().join("main.xcconfig");
        std::fs::write(&main, "#include? \"Local.xcconfig\"\n").unwrap();
        assert!(!read(&main, None).missing[0].optional);
    }

    #[test]
    fn keys_of_dictionaries_are_read_like_assignments() {
        for (written, expected) in [
            ("A", "A"),
            ("A[sdk=iphoneos*]", "A[sdk=iphoneos*]"),
            ("A [sdk=iphoneos*] [arch=*]", "A[sdk=iphoneos*][arch=*]"),
            ("A-B[sdk=*]", "A-B[sdk=*]"),
            ("A[sdk]", "A[sdk]"),
        ] {
            assert_eq!(key_of(written), expected, "{written}");
        }
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
            ("A = one \\\n// x\ntwo", "one"),
            ("A = \\\n two", "two"),
            ("A = one \\\n;", "one "),
            ("A = ;", ""),
            ("A // x", "-"),
        ] {
            let read = of(line.as_bytes());
            let value = read.first().map_or("-", |(_, value)| value);
            assert_eq!(value, expected, "{line}");
        }
        assert_eq!(
            of(b"A [sdk=iphoneos*] [arch=*] = x")[0].0,
            "A[sdk=iphoneos*][arch=*]"
        );
        assert_eq!(of(b"A[sdk=//*] = x")[0].0, "A[sdk=//*]");
        assert_eq!(
            of(b"1A = x\nA-B = x\nno assignment\n# comment\n= x\nA[sdk] = x"),
            []
        );
    }
}
