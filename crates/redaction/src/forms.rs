//! The forms in which a secret shows up in the output of programs.
//!
//! Each group below names the encoders that write it. `tests/encoders.rs` runs the real ones (Python, JavaScript,
//! Ruby, and Bash) against this list.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

use crate::key;

/// Lines of a multi-line secret that are shorter than this are not secrets by themselves.
const SHORTEST_LINE: usize = 8;

/// Secrets that are longer than this, in bytes, are masked as they are and line by line: nobody quotes 16 kB of text in
/// a URL, and every form costs memory.
const LONGEST_ENCODED: usize = 16 * 1024;

/// Every form of `secret` that is masked, the plain one included.
pub fn of(secret: &str) -> BTreeSet<Vec<u8>> {
    let mut texts = BTreeSet::from([secret.to_owned()]);
    let unescaped = key::unescaped(secret);
    texts.extend(lines(&unescaped));
    if secret.contains('\n') {
        texts.insert(secret.replace("\r\n", "\n"));
        texts.insert(secret.replace("\r\n", "\n").replace('\n', "\r\n"));
    }
    let mut forms = BTreeSet::new();
    if secret.len() <= LONGEST_ENCODED {
        for text in std::mem::take(&mut texts) {
            for text in normalized(&text) {
                forms.extend(base64_forms(text.as_bytes()));
                forms.extend(hexadecimal(text.as_bytes()));
                texts.extend(encoded(&text));
            }
        }
        forms.extend(key::fragments(secret));
    }
    forms.extend(texts.into_iter().map(String::into_bytes));
    forms
}

/// The lines that carry the secret: the armor of a PEM file does not.
fn lines(secret: &str) -> impl Iterator<Item = String> {
    let is_long = |line: &&str| line.len() >= SHORTEST_LINE && !line.starts_with("-----");
    let several = secret.contains('\n');
    let lines = secret.lines().map(str::trim).filter(is_long);
    lines.filter(move |_| several).map(str::to_owned)
}

/// File names and some keyboards decompose letters; both spellings look the same.
fn normalized(text: &str) -> BTreeSet<String> {
    if text.is_ascii() {
        return BTreeSet::from([text.to_owned()]);
    }
    BTreeSet::from([
        text.to_owned(),
        ComposingNormalizerBorrowed::new_nfc()
            .normalize(text)
            .into_owned(),
        DecomposingNormalizerBorrowed::new_nfd()
            .normalize(text)
            .into_owned(),
    ])
}

/// The text as encoders for JSON, shells, programming languages, URLs, and markup write it.
fn encoded(text: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([text.to_owned()]);
    forms.extend(json_forms(text));
    let words = shell_forms(text);
    // A command line in a JSON log, and a string of JSON in another document.
    for form in words.iter().chain([&json(text, Json::default())]) {
        forms.insert(json(form, Json::default()));
        forms.insert(backslashed(form, "\\'"));
        forms.insert(ruby(form));
    }
    forms.extend(words);
    forms.extend(quoted_forms(text));
    forms.extend(url_forms(text));
    forms.extend(markup_forms(text));
    forms
}

/// How an encoder of JSON differs from the others.
#[derive(Clone, Copy, Default)]
struct Json<'a> {
    /// `\/`, as Apple's `NSJSONSerialization`, PHP, and Ruby's `script_safe` write it.
    slash: bool,
    /// Characters that become `\u003c` for the sake of web pages.
    web: &'a str,
    /// `\u00fc` (Python) or `\u00FC` instead of the character.
    ascii: Option<Case>,
}

/// The case of hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Lower,
    Upper,
}

/// What encoders of JSON for web pages write by number.
const NUMBERED_IN_JSON: [&str; 5] = [
    "",
    // Go, and Rails with U+2028 and U+2029.
    "<>&\u{2028}\u{2029}",
    // Gson.
    "<>&'=",
    // PHP's JSON_HEX flags.
    "<>&'",
    // .NET.
    "<>&'+`",
];

fn json_forms(text: &str) -> Vec<String> {
    let slashes: &[bool] = if text.contains('/') {
        &[false, true]
    } else {
        &[false]
    };
    let cases: &[Option<Case>] = if text.is_ascii() {
        &[None, Some(Case::Upper)]
    } else {
        &[None, Some(Case::Lower), Some(Case::Upper)]
    };
    let mut forms = Vec::new();
    for slash in slashes {
        for web in &lists_in(text, &NUMBERED_IN_JSON) {
            for ascii in cases {
                forms.push(json(
                    text,
                    Json {
                        slash: *slash,
                        web,
                        ascii: *ascii,
                    },
                ));
            }
        }
    }
    forms
}

/// What each list has of the characters in `text`: encoders that differ only in others write the same.
fn lists_in(text: &str, lists: &[&str]) -> BTreeSet<String> {
    let special: BTreeSet<char> = text.chars().filter(|c| !c.is_ascii_alphanumeric()).collect();
    let in_text = |list: &&str| special.iter().filter(|c| list.contains(**c)).collect();
    lists.iter().map(in_text).collect()
}

fn json(text: &str, style: Json<'_>) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '/' if style.slash => out.push_str("\\/"),
            c if c < ' ' || style.web.contains(c) || (!c.is_ascii() && style.ascii.is_some()) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = match style.ascii {
                        Some(Case::Upper) => write!(out, "\\u{unit:04X}"),
                        _ => write!(out, "\\u{unit:04x}"),
                    };
                }
            }
            c => out.push(c),
        }
    }
    out
}

/// A word as shells and their libraries quote it.
fn shell_forms(text: &str) -> Vec<String> {
    // Ruby's Shellwords; older versions escape `+` too.
    let shellwords = |plain: &str| -> String {
        let mut out = String::new();
        for c in text.chars() {
            if c == '\n' {
                out.push_str("'\n'");
                continue;
            }
            if !c.is_ascii_alphanumeric() && !plain.contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
        out
    };
    vec![
        // Inside single quotes: shells, Python's shlex, Go's shell quoting libraries.
        text.replace('\'', "'\\''"),
        text.replace('\'', "'\"'\"'"),
        text.replace('\'', "\\'"),
        shellwords("_-.,:+/@"),
        shellwords("_-.,:/@"),
        // Bash's `printf %q`, and its `set -x`.
        bash_quoted(text),
        ansi_c(text, false),
        ansi_c(text, true),
        // Inside double quotes.
        backslashed(text, "\\\"$`"),
        backslashed(text, "\\\"$`!"),
    ]
}

/// Facts: `sh_backslash_quote` of Bash 5.2 (`lib/sh/shquote.c`).
fn bash_quoted(text: &str) -> String {
    let mut out = String::new();
    let mut before = None;
    for c in text.chars() {
        let special = " '\"\\|&;()<>!{}*[?]^$`,".contains(c)
            || (c == '~' && matches!(before, None | Some(':' | '=')))
            || (c == '#' && before.is_none());
        if special {
            out.push('\\');
        }
        out.push(c);
        before = Some(c);
    }
    out
}

/// Inside `$'…'`, where a word has characters that are not printed; `ascii` where the locale prints no others.
fn ansi_c(text: &str, ascii: bool) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\u{1b}' => out.push_str("\\E"),
            c if c.is_ascii_control() || (ascii && !c.is_ascii()) || matches!(c, '\u{2028}' | '\u{2029}') => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "\\{byte:03o}");
                }
            }
            c => out.push(c),
        }
    }
    out
}

/// Strings as programming languages and YAML show them.
fn quoted_forms(text: &str) -> Vec<String> {
    let debug = format!("{text:?}");
    vec![
        ruby(text),
        debug[1..debug.len() - 1].to_owned(),
        // Python's `repr` in both kinds of quotes.
        python(&backslashed(text, "\\")),
        python(&backslashed(text, "\\'")),
        backslashed(text, "\\'"),
        // YAML and SQL; CSV.
        text.replace('\'', "''"),
        text.replace('"', "\"\""),
        // Cells of a Markdown table.
        text.replace('|', "\\|"),
    ]
}

/// Ruby's `inspect`: what would be interpolated is escaped, and what is not printed is numbered.
fn ruby(text: &str) -> String {
    let mut out = String::new();
    for c in backslashed(text, "\\\"").chars() {
        match c {
            '{' | '$' | '@' if out.ends_with('#') => {
                out.pop();
                out.push_str("\\#");
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Control characters as Python shows them.
fn python(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

fn backslashed(text: &str, special: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if special.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// What encoders for URLs leave as it is, besides letters and digits.
const LEFT_IN_URLS: &[&str] = &[
    // Nothing at all.
    "",
    // RFC 3986's unreserved characters: Go's QueryEscape, Python's quote_plus, Ruby's ERB.
    "-_.~",
    // Python's quote.
    "-_.~/",
    // HTML forms: WHATWG, Java, Ruby's encode_www_form.
    "*-._",
    // JavaScript's encodeURIComponent and encodeURI.
    "-_.~!*'()",
    "-_.~!*'();/?:@&=+$,#",
    // Go's PathEscape; its User and Fragment.
    "-_.~$&+=:@",
    "-_.~$&+,;=",
    "-_.~$&+,/:;=?@!()*",
    // RFC 3986's pchar, with and without `/` and `?`.
    "-_.~!$&'()*+,;=:@",
    "-_.~!$&'()*+,;=:@/?",
    // WHATWG's path, query (of special schemes too), user, and fragment.
    "!$%&'()*+,-./:;=@[\\]_|~",
    "!$%&'()*+,-./:;=@[\\]^_|~",
    "!$%&'()*+,-./:;=?@[\\]^_`{|}~",
    "!$%&()*+,-./:;=?@[\\]^_`{|}~",
    "!$%&'()*+,-._~",
    "!#$%&'()*+,-./:;=?@[\\]^_{|}~",
    // curl's and libxml's lists.
    "-_.!~*'()/",
];

fn url_forms(text: &str) -> Vec<String> {
    let spaces: &[&str] = if text.contains(' ') { &["%20", "+"] } else { &[""] };
    let mut forms = Vec::new();
    for left in &lists_in(text, LEFT_IN_URLS) {
        for space in spaces {
            for case in [Case::Upper, Case::Lower] {
                forms.push(percent_encoded(text, left, space, case));
            }
        }
    }
    forms
}

fn percent_encoded(text: &str, left: &str, space: &str, case: Case) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        let c = char::from(byte);
        if c == ' ' {
            out.push_str(space);
        } else if c.is_ascii_alphanumeric() || (byte.is_ascii() && left.contains(c)) {
            out.push(c);
        } else {
            let _ = match case {
                Case::Upper => write!(out, "%{byte:02X}"),
                Case::Lower => write!(out, "%{byte:02x}"),
            };
        }
    }
    out
}

/// How markup writes double and single quotes.
const QUOTES_IN_MARKUP: [(&str, &str); 6] = [
    ("\"", "'"),
    ("&quot;", "'"),
    ("&quot;", "&#39;"),
    ("&quot;", "&#x27;"),
    ("&quot;", "&apos;"),
    ("&#34;", "&#39;"),
];

/// HTML and XML, as their many writers escape quotes and slashes.
fn markup_forms(text: &str) -> Vec<String> {
    let base = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let mut forms = vec![text.replace('&', "&amp;").replace('<', "&lt;")];
    let quotes = if text.contains(['"', '\'']) {
        &QUOTES_IN_MARKUP[..]
    } else {
        &QUOTES_IN_MARKUP[..1]
    };
    let slashes = if text.contains('/') {
        &["/", "&#x2f;", "&#x2F;", "&#47;"][..]
    } else {
        &["/"]
    };
    for (double, single) in quotes {
        for slash in slashes {
            let form = base
                .replace('"', double)
                .replace('\'', single)
                .replace('/', slash);
            let numbered = |hexadecimal: bool| {
                let mut out = String::new();
                for c in form.chars() {
                    let _ = match (c.is_ascii(), hexadecimal) {
                        (true, _) => write!(out, "{c}"),
                        (false, true) => write!(out, "&#x{:X};", u32::from(c)),
                        (false, false) => write!(out, "&#{};", u32::from(c)),
                    };
                }
                out
            };
            forms.extend([numbered(false), numbered(true)]);
            // Line breaks and tabs in attributes.
            forms.push(
                form.replace('\n', "&#10;")
                    .replace('\t', "&#9;")
                    .replace('\r', "&#13;"),
            );
            forms.push(form);
        }
    }
    forms
}

/// As `security` and `xxd` print values.
fn hexadecimal(bytes: &[u8]) -> [Vec<u8>; 2] {
    let digits = |case: Case| {
        let mut out = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            let _ = match case {
                Case::Upper => write!(out, "{byte:02X}"),
                Case::Lower => write!(out, "{byte:02x}"),
            };
        }
        out.into_bytes()
    };
    [digits(Case::Upper), digits(Case::Lower)]
}

/// The secret inside a longer base64 text may begin at any of three alignments; the digits that mix its
/// bytes with its neighbors' are left out.
pub(crate) fn base64_forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for shift in 0..3 {
        let padded: Vec<u8> = std::iter::repeat_n(0, shift)
            .chain(secret.iter().copied())
            .collect();
        let whole = padded.len() / 3 * 4;
        let start = (shift * 4).div_ceil(3);
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&padded);
            if start + 6 <= whole {
                forms.push(encoded.as_bytes()[start..whole].to_vec());
            }
        }
    }
    forms
}
