//! Apple's words in answers of the Developer Portal's services: what they say that no code says. The one place that
//! matches them.

/// What Apple's words say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KnownMessage {
    /// A profile of that name is there: another run was faster.
    SeveralProfiles,
    /// An identifier is taken, by this team or another.
    NotAvailable,
    /// The Account Holder has an agreement to accept.
    Agreement,
    /// The team is unknown, or its membership has lapsed.
    Team,
}

/// Words in lower case, what they say, and where and until when they were seen.
const TABLE: [(&str, KnownMessage, &str); 5] = [
    (
        "multiple profiles found",
        KnownMessage::SeveralProfiles,
        "spaceship, portal client, 2026-11",
    ),
    (
        "is not available",
        KnownMessage::NotAvailable,
        "fastlane #5295, 2026-11",
    ),
    (
        "program license agreement",
        KnownMessage::Agreement,
        "spaceship, portal client, 2026-11",
    ),
    (
        "access unavailable",
        KnownMessage::Team,
        "fastlane #14228, 2026-11",
    ),
    (
        "unable to find a team",
        KnownMessage::Team,
        "fastlane #14228, 2026-11",
    ),
];

/// Whether the text says it.
pub(crate) fn says(text: &str, saying: KnownMessage) -> bool {
    let text = text.to_lowercase();
    TABLE
        .iter()
        .any(|(words, own, _)| *own == saying && text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_case_and_each_row_has_its_source() {
        assert!(says("Access Unavailable", KnownMessage::Team));
        assert!(says(
            "Multiple profiles found with the name 'x'",
            KnownMessage::SeveralProfiles
        ));
        assert!(!says(
            "There were errors in the data supplied",
            KnownMessage::Agreement
        ));
        for (words, _, source) in TABLE {
            assert_eq!(words, words.to_lowercase());
            assert!(source.contains("20"), "{words} has no date");
        }
    }
}
