//! Secrets that nobody has to name: their form gives them away.
//!
//! fastlane, altool, and their plugins print tokens that are made at run time, in verbose logs and in dumps of requests
//! (codemagic-ci-cd/cli-tools records of altool 16.4, 2025-10-17; `SPACESHIP_DEBUG`). A text is looked at as a whole, so
//! that a line of a log has to be complete.
//!
//! Each form is read from its first characters, in one pass over the bytes and without an engine for regular
//! expressions: there is nothing to compile in a run of milliseconds, every text takes linear time, and bytes that are no
//! UTF-8 need no care. The tests have the same forms as one regular expression, and compare.

mod cursor;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::MASK;
use cursor::Cursor;

/// `bytes` with every such token masked; `None` where there is none.
pub(crate) fn mask(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut masked = Vec::new();
    let mut shown = 0;
    let mut scan = Scan::default();
    while let Some(token) = scan.next(bytes) {
        masked.extend_from_slice(&bytes[shown..token.start]);
        masked.extend_from_slice(MASK.as_bytes());
        shown = token.end;
    }
    if masked.is_empty() {
        return None;
    }
    masked.extend_from_slice(&bytes[shown..]);
    Some(masked)
}

/// One pass over a text.
#[derive(Default)]
struct Scan {
    at: usize,
    /// No JSON Web Token begins before this place: one that would end at the same place began earlier, and was none.
    /// A text of nothing but beginnings is not read once for each of them.
    no_web_token_before: usize,
}

impl Scan {
    /// The next token that begins where nothing was read yet, without what names it.
    fn next(&mut self, bytes: &[u8]) -> Option<Range<usize>> {
        while self.at < bytes.len() {
            if let Some(token) = self.token(Cursor::new(bytes, self.at)) {
                self.at = token.end;
                return Some(token);
            }
            self.at += 1;
        }
        None
    }

    /// The token of which the form begins here. No two forms have the same beginning.
    fn token(&mut self, here: Cursor<'_>) -> Option<Range<usize>> {
        match here.rest() {
            [b'A' | b'a', b'U' | b'u', ..] => authorization(here),
            [b'B' | b'b', b'E' | b'e', ..] => bearer(here),
            [b'e', b'y', b'J', ..] => self.web_token(here),
            [b'm', b'y', ..] | [b'd', b'q', ..] | [b'D', b'E', ..] => cookie(here),
            [b'N' | b'n', b'A' | b'a', ..] => listed_cookie(here),
            [b'D', b'A', ..] | [b'H', b'S', ..] => cookie_value(here),
            [b'-', b'-', ..] => key(here),
            [b'L', b'S', ..] => encoded_key_file(here),
            [b'M', ..] => encoded_key(here),
            _ => None,
        }
    }

    /// A JSON Web Token: three parts in base64url, of which the first begins as `{"` does.
    fn web_token(&mut self, here: Cursor<'_>) -> Option<Range<usize>> {
        if here.at() < self.no_web_token_before {
            return None;
        }
        let begin = here.word_start()?.text("eyJ")?;
        let first = begin.skip(is_base64url);
        let token = || {
            let second = begin.run(is_base64url, 6)?.text(".")?;
            let third = second.run(is_base64url, 6)?.text(".")?;
            Some(here.range_to(third.run(is_base64url, 6)?))
        };
        let token = token();
        if token.is_none() {
            self.no_web_token_before = first.at();
        }
        token
    }
}

/// A credential behind `Authorization:` and its scheme, in the forms of headers, JSON, and Ruby's hashes.
fn authorization(here: Cursor<'_>) -> Option<Range<usize>> {
    assigned(here.word("authorization")?).find_map(|value| {
        let scheme = ["bearer", "basic", "token"]
            .iter()
            .find_map(|scheme| value.word(scheme))?;
        let credential = scheme.run(is_space, 1)?;
        Some(credential.range_to(value_of(credential, 1)?))
    })
}

/// A long token behind the word `Bearer`, alone.
fn bearer(here: Cursor<'_>) -> Option<Range<usize>> {
    const SHORTEST: usize = 20;
    let name = here.word_start()?.word("bearer")?;
    let token = name.run(|byte| is_space(byte) || b":=\"'".contains(&byte), 1)?;
    let end = token.skip(is_token);
    // A token that is too short has those equals signs that stand before it, but for the one that separates.
    let missing = SHORTEST.saturating_sub(token.until(end).len());
    let gap = name.until(token);
    let signs = &gap[gap.len().checked_sub(missing).filter(|left| *left > 0)?..];
    let is_whole = signs.iter().all(|byte| *byte == b'=');
    is_whole.then(|| token.back(missing).range_to(end))
}

/// A cookie of Apple's sign-in by its name: `myacinfo`, or `DES…` with a number in hexadecimal (apple-id-portal facts,
/// 2026-11).
fn cookie(here: Cursor<'_>) -> Option<Range<usize>> {
    cookie_behind(cookie_name(here.word_start()?)?)
}

/// Such a cookie where its name and its value have names of their own, as in YAML of a session.
fn listed_cookie(here: Cursor<'_>) -> Option<Range<usize>> {
    let name = assigned(here.word("name")?).find_map(cookie_name)?;
    let gap = name.optional(is_quote).optional(|byte| byte == b',');
    let value = gap.run(is_space, 1)?.optional(is_quote).word("value")?;
    cookie_behind(value)
}

fn cookie_name(here: Cursor<'_>) -> Option<Cursor<'_>> {
    let numbered = || here.text("DES")?.run(is_lower_hex, 16);
    here.text("myacinfo")
        .or_else(|| here.text("dqsid"))
        .or_else(numbered)
}

/// What is assigned to the name that ends here, if it is long enough for a cookie of a session.
fn cookie_behind(name: Cursor<'_>) -> Option<Range<usize>> {
    assigned(name).find_map(|value| Some(value.range_to(value_of(value, 6)?)))
}

/// The value of a cookie of Apple's sign-in, by its beginning.
fn cookie_value(here: Cursor<'_>) -> Option<Range<usize>> {
    let begin = here.word_start()?;
    let rest = begin.text("DAWTKN").or_else(|| begin.text("HSARMTKN"))?;
    Some(here.range_to(rest.run(|byte| is_base64(byte) || b"._-".contains(&byte), 8)?))
}

/// A private key: what follows the armor of a PEM file, with or without its last line.
fn key(here: Cursor<'_>) -> Option<Range<usize>> {
    let label = here.text("-----BEGIN ")?;
    let label_end = label.skip(|byte| byte.is_ascii_uppercase() || byte == b' ');
    let body = label_end.text("-----")?;
    if !label.until(label_end).ends_with(b"PRIVATE KEY") {
        return None;
    }
    let mut end = line_breaks(body).run(is_base64, 16)?;
    while let Some(line) = line_breaks(end).run(is_base64, 16) {
        end = line;
    }
    let last_line = || line_breaks(line_breaks(end).run(is_base64, 1)?).text("-----END");
    Some(body.range_to(last_line().unwrap_or(end)))
}

/// Line breaks and other space, also as they are escaped in strings.
fn line_breaks(mut here: Cursor<'_>) -> Cursor<'_> {
    loop {
        here = match here.rest() {
            [b'\\', b'n' | b'r', ..] => here.forward(2),
            [byte, ..] if is_space(*byte) => here.forward(1),
            _ => return here,
        };
    }
}

/// What base64 makes of a PEM file of a private key.
fn encoded_key_file(here: Cursor<'_>) -> Option<Range<usize>> {
    const LABELS: [&str; 6] = ["BQUklW", "BFQyBQUklW", "BSU0Eg", "BFTkNS", "BPUEVO", "BEU0Eg"];
    let begin = here.word_start()?.text("LS0tLS1CRUdJTi")?;
    let rest = LABELS.iter().find_map(|label| begin.text(label))?;
    Some(here.range_to(rest.run(is_any_base64, 20)?))
}

/// What base64 makes of the beginnings of private keys in PKCS#8, SEC 1, and PKCS#1 (RFC 5958, 5915, 8017).
fn encoded_key(here: Cursor<'_>) -> Option<Range<usize>> {
    let begin = here.word_start()?;
    let elliptic = |count| {
        let length = begin
            .text("M")?
            .exactly(|byte| byte.is_ascii_alphanumeric(), count)?;
        length.text("AgEAMBMGByqGSM49")
    };
    let rsa = |text| {
        let length = begin
            .text("MII")?
            .exactly(|byte| is_base64(byte) && byte != b'=', 4)?;
        length.text(text)
    };
    let rest = (2..=5)
        .find_map(elliptic)
        .or_else(|| begin.text("MHcCAQEEI"))
        .or_else(|| rsa("IBADANBgkqhkiG9w0BAQEFAASC"))
        .or_else(|| rsa("IBAAKCA"))?;
    Some(here.range_to(rest.run(is_any_base64, 8)?))
}

/// Where the value of the name that ends here may begin, behind `=>`, `=`, or `:`; the likelier place first.
fn assigned(name: Cursor<'_>) -> impl Iterator<Item = Cursor<'_>> {
    let sign = name.optional(is_quote).skip(is_space);
    let signs = ["=>", "=", ":"].into_iter();
    signs
        .filter_map(move |text| sign.text(text))
        .map(|value| value.skip(is_space).optional(is_quote))
}

/// The end of the value that begins here and has at least this many characters.
///
/// It ends at a backslash that escapes a quote, and continues over one that escapes a slash or, in JSON of .NET and of
/// Gson, any character by its number.
fn value_of(here: Cursor<'_>, at_least: usize) -> Option<Cursor<'_>> {
    let ends = std::iter::successors(Some(here), |at| value_character(*at));
    let (count, end) = ends.enumerate().last()?;
    (count >= at_least).then_some(end)
}

fn value_character(here: Cursor<'_>) -> Option<Cursor<'_>> {
    let escaped = here.skip(|byte| byte == b'\\');
    if escaped.at() > here.at() {
        let number = || escaped.text("u")?.exactly(|byte| byte.is_ascii_hexdigit(), 4);
        return escaped.text("/").or_else(number);
    }
    here.exactly(|byte| !is_space(byte) && !b"\"',;<".contains(&byte), 1)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'')
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_any_base64(byte: u8) -> bool {
    is_base64(byte) || is_base64url(byte)
}

/// The characters of a token behind `Bearer` (RFC 6750, section 2.1).
fn is_token(byte: u8) -> bool {
    is_any_base64(byte) || matches!(byte, b'.' | b'~')
}
