//! The forms in which a secret shows up in the output of programs.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Lines of a multi-line secret that are shorter than this are not secrets by themselves.
const SHORTEST_LINE: usize = 8;

/// Every form of `secret` that is masked, the plain one included.
pub fn of(secret: &str) -> Vec<Vec<u8>> {
    let mut texts = vec![secret.to_owned(), json_escaped(secret), shell_quoted(secret)];
    texts.push(percent_encoded(secret, "%20"));
    texts.push(percent_encoded(secret, "+"));
    if secret.contains('\n') {
        texts.push(secret.replace('\n', "\r\n"));
        texts.extend(lines(secret));
    }
    let mut forms: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    forms.extend(base64_forms(secret.as_bytes()));
    forms
}

/// The lines that carry the secret: the armour of a PEM file does not.
fn lines(secret: &str) -> impl Iterator<Item = String> {
    secret
        .lines()
        .map(str::trim)
        .filter(|line| line.len() >= SHORTEST_LINE && !line.starts_with("-----"))
        .map(str::to_owned)
}

fn json_escaped(secret: &str) -> String {
    let mut out = String::with_capacity(secret.len() + 8);
    for c in secret.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out
}

/// Inside single quotes, as shells print a word.
fn shell_quoted(secret: &str) -> String {
    secret.replace('\'', "'\\''")
}

fn percent_encoded(secret: &str, space: &str) -> String {
    let mut out = String::with_capacity(secret.len() * 2);
    for byte in secret.bytes() {
        match byte {
            b' ' => out.push_str(space),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The secret inside a longer base64 text may begin at any of three alignments; the digits that mix its
/// bytes with its neighbours' are left out.
fn base64_forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for shift in 0..3 {
        let padded: Vec<u8> = std::iter::repeat_n(0, shift)
            .chain(secret.iter().copied())
            .collect();
        let whole = padded.len() / 3 * 4;
        let start = (shift * 4).div_ceil(3);
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&padded);
            if start + 8 <= whole {
                forms.push(encoded.as_bytes()[start..whole].to_vec());
            }
        }
    }
    forms
}
