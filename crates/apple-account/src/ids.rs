//! The IDs that go with a key, checked before Apple sees them: a wrong one is answered with a 401 that says nothing.

/// Why a text is no issuer ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// Ten characters.
    #[error("looks like a team ID, not an issuer ID")]
    TeamId,
    /// The key's own ID.
    #[error("is the key ID, not the issuer ID")]
    KeyId,
    /// A mail address.
    #[error("is an e-mail address, not an issuer ID")]
    AppleId,
    /// A key.
    #[error("holds a private key, not an issuer ID")]
    Key,
    /// Anything else.
    #[error("is not an issuer ID")]
    Other,
}

/// The word that stands for "no issuer": individual keys have none, and one that was forgotten must not be taken for it.
const INDIVIDUAL: &str = "individual";

/// Whether the text is the word for an individual key.
pub(crate) fn is_individual(text: &str) -> bool {
    bare(text).eq_ignore_ascii_case(INDIVIDUAL)
}

/// Whether the text has the form of a key ID: ten of A–Z and 0–9. Team IDs have the same.
pub(crate) fn is_key_id(text: &str) -> bool {
    text.len() == 10
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// An ID without the blanks and quotes that copying adds.
pub(crate) fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '\u{feff}' | '\u{200b}'))
}

/// What is odd about a key ID. It is not refused: Apple may change the form.
pub(crate) fn key_id_warning(key_id: &str) -> Option<String> {
    let is_short = key_id.len() <= 40 && !key_id.contains(char::is_whitespace);
    let shown = if is_short {
        format!(" `{key_id}`")
    } else {
        String::new()
    };
    (!is_key_id(key_id)).then(|| {
        format!(
            "The key ID{shown} is not ten characters of A-Z and 0-9. Apple answers with 401 if it is wrong."
        )
    })
}

/// Whether the text is a UUID, as issuer IDs are.
pub(crate) fn is_issuer(text: &str) -> bool {
    issuer(text, None).is_ok()
}

/// The issuer ID, a UUID.
///
/// # Errors
/// When the text is none, with what it looks like.
pub(crate) fn issuer(text: &str, key_id: Option<&str>) -> Result<String, IssuerError> {
    let text = bare(text);
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let dashes: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
    let is_hex = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex && dashes == [8, 13, 18, 23] {
        return Ok(text.to_owned());
    }
    if is_hex && dashes.is_empty() {
        let parts = [
            &text[..8],
            &text[8..12],
            &text[12..16],
            &text[16..20],
            &text[20..],
        ];
        return Ok(parts.join("-"));
    }
    Err(match text {
        text if key_id == Some(text) => IssuerError::KeyId,
        text if is_key_id(&text.to_ascii_uppercase()) => IssuerError::TeamId,
        text if text.contains("PRIVATE KEY") => IssuerError::Key,
        text if text.contains('@') => IssuerError::AppleId,
        _ => IssuerError::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_uuid_and_what_else_it_is_gets_named() {
        let uuid = "57246542-96fe-1a63-e053-0824d011072a";
        for (text, expected) in [
            (uuid, Ok(uuid)),
            (" \"57246542-96fe-1a63-e053-0824d011072a\"\n", Ok(uuid)),
            ("5724654296fe1a63e0530824d011072a", Ok(uuid)),
            ("SBXTEAM123", Err(IssuerError::TeamId)),
            ("sbxteam123", Err(IssuerError::TeamId)),
            ("2X9R4HXF34", Err(IssuerError::KeyId)),
            ("me@example.com", Err(IssuerError::AppleId)),
            ("-----BEGIN PRIVATE KEY-----", Err(IssuerError::Key)),
            ("57246542-96fe-1a63-e053-0824d011072", Err(IssuerError::Other)),
            ("57246542-96fe-1a63-e053-0824d011072g", Err(IssuerError::Other)),
            ("5724-654296fe-1a63-e053-0824d011072a", Err(IssuerError::Other)),
        ] {
            assert_eq!(
                issuer(text, Some("2X9R4HXF34")).as_deref(),
                expected.as_ref().map(|text| *text),
                "{text}"
            );
        }
    }

    #[test]
    fn an_upper_case_issuer_stays_as_it_is() {
        let uuid = "57246542-96FE-1A63-E053-0824D011072A";
        assert_eq!(issuer(uuid, None).as_deref(), Ok(uuid));
    }
}
