//! Private keys: every part of one is a secret, however its lines are broken.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::forms::base64_forms;

/// Any so many characters of a key's text in a row are masked: whoever wraps it at this width or a larger one prints
/// nothing of it.
const FRAGMENT: usize = 12;

/// The same of a key file that is itself written in base64.
const WRAPPED_FRAGMENT: usize = 16;

/// Shorter base64 text is no key: a P-256 key alone has 44 characters.
const SHORTEST_BODY: usize = 40;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Line breaks that a secret store wrote as `\n` become line breaks.
pub(crate) fn unescaped(text: &str) -> String {
    text.replace("\\r\\n", "\n")
        .replace("\\n", "\n")
        .replace("\\r", "\n")
}

/// Every fragment of the private keys in a secret; none where it holds no key.
pub(crate) fn fragments(secret: &str) -> BTreeSet<Vec<u8>> {
    let mut fragments = BTreeSet::new();
    for (body, wrapped) in bodies(secret) {
        cut(body.as_bytes(), FRAGMENT, &mut fragments);
        let web_safe = body.replace('+', "-").replace('/', "_");
        cut(web_safe.as_bytes(), FRAGMENT, &mut fragments);
        if wrapped {
            // The file in base64, as it is and with the line breaks that PEM has.
            for text in [
                secret.to_owned(),
                rewrapped(&body, "\n"),
                rewrapped(&body, "\r\n"),
            ] {
                for form in base64_forms(text.as_bytes()) {
                    cut(&form, WRAPPED_FRAGMENT, &mut fragments);
                }
            }
        }
    }
    fragments
}

fn cut(text: &[u8], length: usize, fragments: &mut BTreeSet<Vec<u8>>) {
    fragments.extend(text.windows(length).map(<[u8]>::to_vec));
}

/// The key as a PEM file.
fn rewrapped(body: &str, line_break: &str) -> String {
    let lines: Vec<&str> = body
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    let armor = |edge| format!("-----{edge} PRIVATE KEY-----{line_break}");
    format!(
        "{}{}{line_break}{}",
        armor("BEGIN"),
        lines.join(line_break),
        armor("END")
    )
}

/// The base64 texts of the keys in `secret`, without white space, and whether the secret is a text around them.
fn bodies(secret: &str) -> Vec<(String, bool)> {
    let text = unescaped(secret);
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let mut found = Vec::new();
    let mut rest = compact.as_str();
    while let Some((_, after)) = rest.split_once("-----BEGIN") {
        let Some((label, after)) = after.split_once("-----") else {
            break;
        };
        let end = after.find("-----").unwrap_or(after.len());
        if label.ends_with("PRIVATEKEY") {
            let body: String = after[..end].chars().take_while(|c| is_base64(*c)).collect();
            found.push((body, true));
        }
        rest = &after[end..];
    }
    if !found.is_empty() {
        return found;
    }
    let quoted = |c: char| c == '"' || c == '\'';
    let plain = compact.trim_matches(quoted).replace('-', "+").replace('_', "/");
    if plain.len() < SHORTEST_BODY || !plain.chars().all(is_base64) {
        return found;
    }
    let Ok(bytes) = BASE64.decode(&plain) else {
        return found;
    };
    match String::from_utf8(bytes) {
        // A key file in base64.
        Ok(inner) if inner.contains("-----BEGIN") => {
            found.extend(bodies(&inner));
            found.push((plain, false));
        }
        // A key without its armor: DER begins with a sequence.
        Err(error) if error.as_bytes().first() == Some(&0x30) => found.push((plain, true)),
        _ => {}
    }
    found
}

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/=".contains(c)
}

/// The private keys that stand in a text of whatever else: PEM blocks, also those that lost their end, and base64 of a key
/// or of a key file.
pub(crate) fn found_in(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    if text.len() < SHORTEST_BODY {
        return found;
    }
    let mut rest = text;
    while let Some(start) = rest.find("-----BEGIN") {
        let block = &rest[start..];
        let body = block["-----BEGIN".len()..].find("-----").map(|at| at + 15);
        let Some(body) = body.filter(|body| block[..*body].ends_with("PRIVATE KEY-----")) else {
            rest = &block["-----BEGIN".len()..];
            continue;
        };
        let end = block[body..].find("-----").map_or(block.len(), |at| body + at);
        found.push(&block[..end]);
        rest = &block[end..];
    }
    let is_web_safe = |c: char| is_base64(c) || c == '-' || c == '_';
    if text.chars().all(|c| is_web_safe(c) || c.is_whitespace()) && is_key(text) {
        found.push(text);
    }
    // Padding ends a run as the sign of an assignment does: base64 without it is read as well.
    let runs = text
        .split(|c: char| !is_web_safe(c) || c == '=')
        .map(|run| run.trim_matches('-'));
    found.extend(runs.filter(|run| is_key(run)));
    found
}

/// Whether a text is the base64 of a private key in DER, or of a file with one in PEM.
fn is_key(text: &str) -> bool {
    let plain: String = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        })
        .collect();
    if plain.len() < SHORTEST_BODY {
        return false;
    }
    // A key that lost its last characters still shows most of itself.
    let whole = plain.trim_end_matches('=');
    let whole = &whole[..whole.len() - usize::from(whole.len() % 4 == 1)];
    let Ok(bytes) = BASE64.decode(whole) else {
        return false;
    };
    is_der_key(&bytes) || String::from_utf8_lossy(&bytes).contains("PRIVATE KEY-----")
}

/// PKCS#8, SEC 1, and PKCS#1 begin with a sequence whose first element is the version, 0 or 1.
fn is_der_key(bytes: &[u8]) -> bool {
    let Some((0x30, rest)) = bytes.split_first() else {
        return false;
    };
    let length = match rest.first() {
        Some(length @ 0x81..=0x84) => usize::from(length & 0x0f) + 1,
        Some(0..=0x7f) => 1,
        _ => return false,
    };
    matches!(rest.get(length..length + 3), Some([2, 1, 0 | 1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_private_keys_are_cut_up() {
        let body = "MIGTAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBHkwdwIBAQQg";
        let pem = |label: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        assert!(!fragments(&pem("PRIVATE KEY")).is_empty());
        assert!(!fragments(&pem("EC PRIVATE KEY")).is_empty());
        assert!(fragments(&pem("CERTIFICATE")).is_empty());
        assert!(fragments("correct horse battery staple, and so on, and so on").is_empty());
        assert!(fragments("-----BEGIN PRIVATE KEY").is_empty());
    }

    #[test]
    fn keys_are_found_wherever_they_stand() {
        let body = "MIGTAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBHkwdwIBAQQg";
        let pem = |label: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        let encoded = BASE64.encode(pem("PRIVATE KEY"));
        for text in [
            pem("PRIVATE KEY"),
            pem("EC PRIVATE KEY").replace('\n', "\\n"),
            format!("--key {} --verbose", pem("PRIVATE KEY").replace('\n', " ")),
            format!(
                "see -----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{}",
                pem("RSA PRIVATE KEY")
            ),
            format!("-----BEGIN PRIVATE KEY-----\n{body}"),
            body.to_owned(),
            format!("key={body},x"),
            format!("\"{}\"", body.replace('+', "-")),
            encoded.clone(),
            format!("{{\"key\":\"{encoded}\"}}"),
            encoded
                .as_bytes()
                .chunks(20)
                .map(|line| String::from_utf8_lossy(line))
                .collect::<Vec<_>>()
                .join("\n"),
        ] {
            assert!(!found_in(&text).is_empty(), "{text}");
        }
        for text in [
            pem("CERTIFICATE").replace(body, "MIICZjCCAc+gAwIBAgIUX2Vj0OiJhdXRvbWF0aWMifQ0GCSqGSIb3"),
            "-----BEGIN PRIVATE KEY".to_owned(),
            "11112222-3333-4444-5555-666677778888".to_owned(),
            "/Users/vagrant/git/ios/Courier/DerivedData/Build/Products/Release".to_owned(),
            BASE64.encode("a text of some length that is no key at all, and goes on"),
            "0".repeat(200),
        ] {
            assert!(found_in(&text).is_empty(), "{text}");
        }
    }
}
