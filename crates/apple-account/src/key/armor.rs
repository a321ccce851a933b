//! PEM that went through editors, shells, YAML and web forms.

use std::borrow::Cow;

use super::KeyError;

/// Characters that editors and copying add and nobody sees.
const INVISIBLE: [char; 5] = ['\u{feff}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}'];

/// Quotes that a shell, YAML, JSON or a word processor puts around a value.
const QUOTES: [char; 7] = ['"', '\'', '`', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}'];

/// The text without blanks, invisible characters and quotes around it.
pub(super) fn bare(text: &str) -> &str {
    let is_around = |c: char| c.is_whitespace() || INVISIBLE.contains(&c) || QUOTES.contains(&c) || c == '\0';
    let trimmed = text.trim_matches(is_around);
    // An escaped quote leaves its backslash.
    trimmed
        .trim_end_matches('\\')
        .trim_start_matches('\\')
        .trim_matches(is_around)
}

/// Whether a PEM block begins or ends in the text.
pub(super) fn has_armor(text: &str) -> bool {
    let compact = compact(text);
    ["--BEGIN", "--END", "BEGINPRIVATEKEY", "ENDPRIVATEKEY"]
        .iter()
        .any(|mark| compact.contains(mark))
}

/// The text without what separates the words of an armor line.
fn compact(text: &str) -> String {
    dashes(text)
        .replace("%20", "")
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '+' | '_'))
        .collect()
}

/// Word processors make one long dash of two or three short ones.
fn dashes(text: &str) -> Cow<'_, str> {
    if text.contains(['\u{2014}', '\u{2013}', '\u{2012}', '\u{2015}', '\u{2212}']) {
        Cow::Owned(text.replace(['\u{2014}', '\u{2013}', '\u{2012}', '\u{2015}', '\u{2212}'], "--"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The base64 bodies that the text's private key can have, most likely first; `None` without armor. `labels` are what the
/// armor of such a key says, without blanks, such as `PRIVATEKEY`.
///
/// # Errors
/// When the blocks are of another kind, with which.
pub(super) fn bodies(text: &str, labels: &[&str]) -> Option<Result<Vec<String>, KeyError>> {
    let text = dashes(text);
    let text = percent_decoded(&text);
    let mut other = None;
    let mut rest = text.as_ref();
    while let Some(at) = rest.find("-BEGIN").or_else(|| rest.find("- BEGIN")) {
        let block = rest[at..]
            .trim_start_matches(['-', ' '])
            .trim_start_matches("BEGIN");
        let label_end = block.find('-').unwrap_or(block.len());
        let label: String = block[..label_end]
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        let body = block[label_end..].trim_start_matches('-');
        let end = ["-END", "- END"]
            .iter()
            .filter_map(|end| body.find(end))
            .min()
            .unwrap_or(body.len());
        let body = body[..end].trim_end_matches(['-', ' ']);
        if labels.contains(&label.as_str()) {
            return Some(if body.contains("ENCRYPTED") {
                Err(KeyError::Wrong("an encrypted private key"))
            } else {
                Ok(readings(body))
            });
        }
        other = other.or_else(|| kind(&label));
        rest = &rest[at + "-BEGIN".len()..];
    }
    if let Some(kind) = other {
        return Some(Err(KeyError::Wrong(kind)));
    }
    // The first line got lost.
    let end = ["-END", "- END"].iter().filter_map(|end| text.find(end)).min()?;
    let label: String = text[end..].chars().filter(char::is_ascii_alphanumeric).collect();
    Some(match label.strip_prefix("END") {
        Some(label) if labels.contains(&label) => Ok(readings(text[..end].trim_end_matches(['-', ' ']))),
        Some(label) => {
            Err(kind(label).map_or(KeyError::Damaged("its first line is missing"), KeyError::Wrong))
        }
        None => Err(KeyError::Damaged("its first line is missing")),
    })
}

/// The base64 texts that a key without armor can be.
pub(super) fn unarmored(text: &str) -> Vec<String> {
    // Such as `data:application/octet-stream;base64,…`.
    let text = text.rsplit_once(";base64,").map_or(text, |(_, data)| data);
    readings(&percent_decoded(text))
}

/// What a PEM block that is no PKCS#8 key holds.
fn kind(label: &str) -> Option<&'static str> {
    Some(match label {
        "RSAPRIVATEKEY" => "an RSA private key",
        "ENCRYPTEDPRIVATEKEY" => "an encrypted private key",
        "ECPRIVATEKEY" => "an EC key in SEC1 form",
        "DSAPRIVATEKEY" => "a DSA private key",
        "OPENSSHPRIVATEKEY" => "an OpenSSH private key",
        "CERTIFICATE" | "TRUSTEDCERTIFICATE" | "X509CERTIFICATE" => "a certificate",
        "CERTIFICATEREQUEST" | "NEWCERTIFICATEREQUEST" => "a certificate signing request",
        "PKCS7" | "CMS" => "a signed file (CMS)",
        label if label.starts_with("PGP") => "a PGP key",
        label if label.ends_with("PUBLICKEY") => "a public key",
        "ECPARAMETERS" => return None,
        _ => "another kind of PEM file",
    })
}

/// `%0A` and `%2B` of a URL; a web form also writes `+` for a blank.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    let is_form = text.contains("BEGIN+");
    if !is_form && !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let escaped = if is_form {
        text.to_owned()
    } else {
        text.replace('+', "%2B")
    };
    let escaped = escaped.replace('&', "%26");
    url::form_urlencoded::parse(escaped.as_bytes())
        .next()
        .map_or(Cow::Borrowed(text), |(name, value)| match value.is_empty() {
            true => Cow::Owned(name.into_owned()),
            // A `=` of the padding.
            false => Cow::Owned(format!("{name}={value}")),
        })
}

/// The body as it is; with `+` again where a web form made blanks of them; without the `n` that a lost backslash left of
/// every line break.
fn readings(body: &str) -> Vec<String> {
    let plain: String = body
        .lines()
        // Headers such as `Key Attributes: <No Attributes>`.
        .filter(|line| !line.contains(':'))
        .map(unescaped)
        .collect();
    let mut readings = vec![plain.clone()];
    readings.extend(with_plus_signs(body));
    readings.extend(
        ["n", "rn", "r"]
            .iter()
            .filter_map(|mark| without_marks(&plain, mark)),
    );
    readings
}

/// The line without escapes, tags and everything that base64 has not.
fn unescaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                while rest.next_if_eq(&'\\').is_some() {}
                rest.next_if(|c| matches!(c, 'n' | 'r' | 't'));
            }
            // `&#10;` and `<br>`
            '&' => while rest.next().is_some_and(|c| c != ';') {},
            '<' => while rest.next().is_some_and(|c| c != '>') {},
            c if c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_') => out.push(c),
            _ => {}
        }
    }
    out
}

fn with_plus_signs(body: &str) -> Option<String> {
    /// Characters of a line of PEM.
    const LINE: usize = 64;
    let body = body.trim_matches(' ');
    if !body.contains(' ') || body.contains('+') {
        return None;
    }
    let mut out = String::new();
    let mut column = 0;
    for c in body.chars() {
        match c {
            ' ' if column == LINE => column = 0,
            ' ' => {
                out.push('+');
                column += 1;
            }
            c if c.is_ascii_whitespace() => column = 0,
            c => {
                out.push(c);
                column += 1;
            }
        }
    }
    Some(unescaped(&out))
}

fn without_marks(body: &str, mark: &str) -> Option<String> {
    const LINE: usize = 64;
    let mut rest = body.strip_prefix(mark)?;
    let mut out = String::new();
    while rest.len() > LINE && rest.is_char_boundary(LINE) {
        let (line, after) = rest.split_at(LINE);
        out.push_str(line);
        rest = after.strip_prefix(mark)?;
    }
    out.push_str(rest.strip_suffix(mark).unwrap_or(rest));
    Some(out)
}
