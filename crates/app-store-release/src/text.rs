//! The localized texts of a product page: where each lives, and how long it may be.
//!
//! Limits: App Store Connect Help, "Required, localizable, and editable properties" (read 2026-11).

use std::collections::BTreeMap;

use crate::problem::Problem;
use wording::counted;

/// A localized text, named after its file in a metadata folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextField {
    /// The app's name.
    Name,
    /// The line below the name.
    Subtitle,
    /// The privacy policy's URL.
    PrivacyUrl,
    /// The privacy policy's text, for Apple TV.
    AppleTvPrivacyPolicy,
    /// The description.
    Description,
    /// Search keywords, separated by commas.
    Keywords,
    /// What's new in this version.
    ReleaseNotes,
    /// The promotional text, which can change without a new version.
    PromotionalText,
    /// The support URL.
    SupportUrl,
    /// The marketing URL.
    MarketingUrl,
}

/// The resource that a text belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// `appInfoLocalizations`: the same for all versions.
    AppInfo,
    /// `appStoreVersionLocalizations`: one version's own.
    Version,
}

/// The texts of one locale.
pub type Texts = BTreeMap<TextField, String>;

/// The texts of all locales. A locale without texts is still to be activated.
pub type LocalizedTexts = BTreeMap<String, Texts>;

impl TextField {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Name,
        Self::Subtitle,
        Self::PrivacyUrl,
        Self::AppleTvPrivacyPolicy,
        Self::Description,
        Self::Keywords,
        Self::ReleaseNotes,
        Self::PromotionalText,
        Self::SupportUrl,
        Self::MarketingUrl,
    ];

    /// deliver's name: of the option, and of the file without `.txt`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Subtitle => "subtitle",
            Self::PrivacyUrl => "privacy_url",
            Self::AppleTvPrivacyPolicy => "apple_tv_privacy_policy",
            Self::Description => "description",
            Self::Keywords => "keywords",
            Self::ReleaseNotes => "release_notes",
            Self::PromotionalText => "promotional_text",
            Self::SupportUrl => "support_url",
            Self::MarketingUrl => "marketing_url",
        }
    }

    /// The attribute of App Store Connect.
    pub fn attribute(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Subtitle => "subtitle",
            Self::PrivacyUrl => "privacyPolicyUrl",
            Self::AppleTvPrivacyPolicy => "privacyPolicyText",
            Self::Description => "description",
            Self::Keywords => "keywords",
            Self::ReleaseNotes => "whatsNew",
            Self::PromotionalText => "promotionalText",
            Self::SupportUrl => "supportUrl",
            Self::MarketingUrl => "marketingUrl",
        }
    }

    /// The resource that it belongs to.
    pub fn owner(self) -> Owner {
        match self {
            Self::Name | Self::Subtitle | Self::PrivacyUrl | Self::AppleTvPrivacyPolicy => Owner::AppInfo,
            _ => Owner::Version,
        }
    }

    /// Whether App Store Connect accepts it while the version is in review or live.
    pub fn is_editable_when_live(self) -> bool {
        matches!(
            self,
            Self::PrivacyUrl | Self::PromotionalText | Self::SupportUrl | Self::MarketingUrl
        )
    }

    /// The fewest and most characters.
    fn limits(self) -> (usize, usize) {
        match self {
            Self::Name => (2, 30),
            Self::Subtitle => (1, 30),
            Self::Keywords => (1, 100),
            Self::PromotionalText => (1, 170),
            Self::Description | Self::ReleaseNotes => (1, 4000),
            Self::PrivacyUrl | Self::SupportUrl | Self::MarketingUrl => (1, 255),
            Self::AppleTvPrivacyPolicy => (1, usize::MAX),
        }
    }

    fn is_url(self) -> bool {
        matches!(self, Self::PrivacyUrl | Self::SupportUrl | Self::MarketingUrl)
    }

    /// What App Store Connect would refuse about `text`.
    pub fn complaint(self, text: &str) -> Option<String> {
        let length = text.chars().count();
        let (fewest, most) = self.limits();
        if length > most {
            return Some(format!(
                "{}, but the limit is {most}",
                counted(length, "character")
            ));
        }
        if length < fewest {
            return Some(format!(
                "{}, but at least {fewest} are required",
                counted(length, "character")
            ));
        }
        let looks_like_url = text.split_once("://").is_some_and(|(scheme, rest)| {
            matches!(scheme, "http" | "https") && rest.contains('.') && !text.contains(char::is_whitespace)
        });
        (self.is_url() && !looks_like_url).then(|| format!("`{text}` is not a URL; accepted: https://…"))
    }
}

/// Everything that App Store Connect would refuse about texts, by locale and field.
pub fn validate(texts: &LocalizedTexts) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (locale, fields) in texts {
        for (field, text) in fields {
            if let Some(complaint) = field.complaint(text) {
                problems.push(Problem::new(format!("{locale}/{}", field.key()), complaint));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_characters_and_urls_are_checked() {
        assert_eq!(TextField::Name.complaint("Ünïcödé"), None);
        assert_eq!(TextField::Subtitle.complaint(&"ä".repeat(30)), None);
        let long = TextField::PromotionalText.complaint(&"x".repeat(171)).unwrap();
        assert_eq!(long, "171 characters, but the limit is 170");
        let short = TextField::Name.complaint("A").unwrap();
        assert_eq!(short, "1 character, but at least 2 are required");
        assert!(TextField::SupportUrl.complaint("example.com").is_some());
        assert_eq!(TextField::SupportUrl.complaint("https://example.com/a?b"), None);
    }

    #[test]
    fn every_complaint_names_locale_and_field() {
        let texts = LocalizedTexts::from([(
            "en-US".to_owned(),
            Texts::from([
                (TextField::PromotionalText, "x".repeat(171)),
                (TextField::Name, "x".repeat(31)),
            ]),
        )]);
        let places: Vec<String> = validate(&texts)
            .into_iter()
            .map(|problem| problem.place)
            .collect();
        assert_eq!(places, ["en-US/name", "en-US/promotional_text"]);
    }
}
