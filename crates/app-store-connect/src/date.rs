//! Apple's dates.
//!
//! The API writes `2024-01-31T12:00:00.000+00:00`, `…+0000` and `…Z`, with and without fractions.

use serde::{Deserialize, Deserializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Reads any of Apple's spellings.
pub(crate) fn parse(text: &str) -> Option<OffsetDateTime> {
    let mut text = text.trim().to_owned();
    let bytes = text.as_bytes();
    if let Some(sign) = bytes.len().checked_sub(5).map(|at| bytes[at])
        && matches!(sign, b'+' | b'-')
        && text.is_char_boundary(text.len() - 2)
    {
        text.insert(text.len() - 2, ':');
    }
    OffsetDateTime::parse(&text, &Rfc3339).ok()
}

/// For serde: a date that is missing or unreadable is `None`.
pub(crate) fn lenient<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<OffsetDateTime>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?
        .as_deref()
        .and_then(parse))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_the_same_moment() {
        for text in [
            "2024-01-31T12:00:00.000+00:00",
            "2024-01-31T12:00:00.000+0000",
            "2024-01-31T13:00:00+0100",
            "2024-01-31T12:00:00Z",
        ] {
            assert_eq!(
                parse(text).map(OffsetDateTime::unix_timestamp),
                Some(1_706_702_400),
                "{text}"
            );
        }
        assert_eq!(parse("soon"), None);
    }
}
