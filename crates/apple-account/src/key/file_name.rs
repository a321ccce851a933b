//! The key ID in the name of a key's file.

use crate::ids;

/// The prefixes of Apple's key files: those of the App Store Connect API, and what Transporter calls its copies.
const PREFIXES: [&str; 2] = ["authkey_", "apikey_"];

/// The key ID that a file name such as `AuthKey_2X9R4HXF34.p8` or `AuthKey_2X9R4HXF34 (1).p8` tells; `None` when it tells
/// none: guessing would end in a 401 much later.
pub fn key_id_of(location: &str) -> Option<String> {
    let is_url = location.contains("://");
    let path = match is_url {
        true => location.split(['?', '#']).next().unwrap_or_default(),
        false => location,
    };
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = match is_url {
        true => name.replace("%20", " ").replace("%28", "(").replace("%29", ")"),
        false => name.to_owned(),
    };
    let lower = name.to_ascii_lowercase();
    let stem = match lower.find(".p8") {
        Some(end) => &name[..end],
        None => name.split('.').next().unwrap_or_default(),
    };
    let lower = &lower[..stem.len()];
    let after = PREFIXES
        .iter()
        .find_map(|prefix| lower.find(prefix).map(|at| at + prefix.len()));
    let Some(after) = after else {
        // Some name the file by the key ID alone.
        return Some(stem.trim().to_owned()).filter(|stem| ids::is_key_id(stem));
    };
    let stem = &stem[after..];
    let word: String = stem.chars().take_while(char::is_ascii_alphanumeric).collect();
    if ids::is_key_id(&word) {
        return Some(word);
    }
    // A second download is `AuthKey_X (1).p8`, a copy `AuthKey_X copy.p8`.
    let id = stem.split([' ', '(']).next().unwrap_or_default();
    let is_id = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (!id.is_empty() && id.chars().all(is_id)).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_id_comes_from_the_file_name() {
        for (location, expected) in [
            ("https://x/AuthKey_ABC123.p8?token=1", Some("ABC123")),
            (
                "https://x/AuthKey_2X9R4HXF34%20%281%29.p8?X-Amz=1",
                Some("2X9R4HXF34"),
            ),
            ("file:///tmp/AuthKey_2X9R4HXF34 (1).p8", Some("2X9R4HXF34")),
            ("/tmp/AuthKey_2X9R4HXF34 copy.p8", Some("2X9R4HXF34")),
            ("/tmp/AuthKey_2X9R4HXF34-2.p8", Some("2X9R4HXF34")),
            ("/tmp/AuthKey_2X9R4HXF34.P8", Some("2X9R4HXF34")),
            ("/tmp/AuthKey_2X9R4HXF34.p8.txt", Some("2X9R4HXF34")),
            ("/tmp/AuthKey_2X9R4HXF34", Some("2X9R4HXF34")),
            ("/tmp/authkey_2X9R4HXF34.p8", Some("2X9R4HXF34")),
            ("/tmp/ApiKey_2X9R4HXF34.p8", Some("2X9R4HXF34")),
            ("/tmp/2X9R4HXF34.p8", Some("2X9R4HXF34")),
            ("AuthKey_my-key (2).p8", Some("my-key")),
            ("/tmp/AuthKey_#1 (2).p8", None),
            ("file:///tmp/key.p8", None),
            ("/tmp/AuthKey_.p8", None),
            ("/AuthKey_2X9R4HXF34/key.p8", None),
        ] {
            assert_eq!(key_id_of(location).as_deref(), expected, "{location}");
        }
    }
}
