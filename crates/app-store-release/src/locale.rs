//! The locales that an app's product page can have.
//!
//! There is no endpoint that lists them. Source: App Store Connect Help, "App Store localizations"; 50 since
//! 2026-03-31, when eleven Indian and other languages were added (fastlane #29962).

/// All locales of the App Store.
pub const LOCALES: [&str; 50] = [
    "ar-SA", "bn-BD", "ca", "cs", "da", "de-DE", "el", "en-AU", "en-CA", "en-GB", "en-US", "es-ES", "es-MX",
    "fi", "fr-CA", "fr-FR", "gu-IN", "he", "hi", "hr", "hu", "id", "it", "ja", "kn-IN", "ko", "ml-IN",
    "mr-IN", "ms", "nl-NL", "no", "or-IN", "pa-IN", "pl", "pt-BR", "pt-PT", "ro", "ru", "sk", "sl-SI", "sv",
    "ta-IN", "te-IN", "th", "tr", "uk", "ur-PK", "vi", "zh-Hans", "zh-Hant",
];

/// The App Store's own spelling of a locale, whatever its capitalization or separator.
pub fn canonical(name: &str) -> Option<&'static str> {
    let wanted = name.trim().replace('_', "-");
    LOCALES
        .into_iter()
        .find(|locale| locale.eq_ignore_ascii_case(&wanted))
}

/// The locale that was probably meant by a name that is none: `en` means `en-US`, `zh-CN` means `zh-Hans`.
pub fn suggestion(name: &str) -> Option<&'static str> {
    let name = name.trim().replace('_', "-").to_ascii_lowercase();
    let known = match name.as_str() {
        "en" => Some("en-US"),
        "zh" | "zh-cn" | "zh-sg" => Some("zh-Hans"),
        "zh-tw" | "zh-hk" => Some("zh-Hant"),
        "pt" => Some("pt-BR"),
        "es" | "es-419" => Some(if name == "es" { "es-ES" } else { "es-MX" }),
        "fr" => Some("fr-FR"),
        "nb" | "nb-no" | "nn" | "no-no" => Some("no"),
        "iw" => Some("he"),
        "in" => Some("id"),
        _ => None,
    };
    let language = name.split('-').next().unwrap_or_default();
    known
        .or_else(|| {
            let same = |locale: &&str| locale.split('-').next() == Some(language);
            LOCALES.into_iter().find(same)
        })
        .or_else(|| {
            let near = LOCALES
                .into_iter()
                .map(|locale| (strsim::jaro_winkler(&locale.to_ascii_lowercase(), &name), locale));
            near.filter(|(score, _)| *score > 0.85)
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .map(|(_, locale)| locale)
        })
}

/// What is wrong with a name that is no locale.
pub(crate) fn complaint(name: &str) -> String {
    match suggestion(name) {
        Some(locale) => format!("`{name}` is not a locale of the App Store; did you mean {locale}?"),
        None => format!("`{name}` is not a locale of the App Store"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter() {
        assert_eq!(canonical("EN-us"), Some("en-US"));
        assert_eq!(canonical("zh_hans"), Some("zh-Hans"));
        assert_eq!(canonical("en"), None);
        assert_eq!(LOCALES.len(), 50);
    }

    #[test]
    fn a_short_form_leads_to_the_locale_that_was_meant() {
        for (given, expected) in [
            ("en", Some("en-US")),
            ("de", Some("de-DE")),
            ("bn", Some("bn-BD")),
            ("zh-CN", Some("zh-Hans")),
            ("de-AT", Some("de-DE")),
            ("qq", None),
        ] {
            assert_eq!(suggestion(given), expected, "{given}");
        }
    }
}
