//! Apple's words in answers of the App Store Connect API: what they say that no code says. The one place that matches
//! them.

/// What Apple's words say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KnownMessage {
    /// A profile of that name is there: another run was faster.
    SeveralProfiles,
    /// An identifier is taken, by this team or another.
    NotAvailable,
    /// The devices of the membership year are used up.
    DeviceLimit,
    /// A team has as many certificates of the type as it can have.
    CertificateLimit,
    /// The cursor of a page does not hold.
    Cursor,
}

/// Words in lower case, what they say, and where and until when they were seen.
const TABLE: [(&str, KnownMessage, &str); 7] = [
    (
        "multiple profiles found",
        KnownMessage::SeveralProfiles,
        "go-xcode, autocodesign, 2026-11",
    ),
    (
        "is not available",
        KnownMessage::NotAvailable,
        "fastlane #5295, 2026-11",
    ),
    (
        "maximum number of registered",
        KnownMessage::DeviceLimit,
        "AtB-AS/mittatb-app #5972, 2026-04-14",
    ),
    (
        "already have a current",
        KnownMessage::CertificateLimit,
        "fastlane #12458, 2026-11",
    ),
    (
        "pending certificate request",
        KnownMessage::CertificateLimit,
        "fastlane #19349, 2026-11",
    ),
    (
        "maximum number of certificates",
        KnownMessage::CertificateLimit,
        "older answers, 2026-11",
    ),
    (
        "cursor",
        KnownMessage::Cursor,
        "App Store Connect API, errors of paging, 2026-11",
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
        let text =
            "Multiple profiles found with the name 'x'. Please remove the duplicate profiles and try again.";
        assert!(says(text, KnownMessage::SeveralProfiles) && !says(text, KnownMessage::DeviceLimit));
        // With HTTP 403 and the title "This request is forbidden for security reasons" (AtB-AS/mittatb-app #5972).
        let text = "Your development team has reached the maximum number of registered iPhone devices.";
        assert!(says(text, KnownMessage::DeviceLimit));
        for (words, _, source) in TABLE {
            assert_eq!(words, words.to_lowercase());
            assert!(source.contains("20"), "{words} has no date");
        }
    }
}
