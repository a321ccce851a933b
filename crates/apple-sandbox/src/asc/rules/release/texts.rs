//! Texts and locales that the App Store takes.

use crate::answer::Refusal;
use crate::asc::body::Draft;

/// The locales of the App Store (50 since 2026-03-31).
const LOCALES: &str = "ar-SA bn-BD ca cs da de-DE el en-AU en-CA en-GB en-US es-ES es-MX fi fr-CA fr-FR gu-IN he hi hr \
    hu id it ja kn-IN ko ml-IN mr-IN ms nl-NL no or-IN pa-IN pl pt-BR pt-PT ro ru sk sl-SI sv ta-IN te-IN th tr uk ur-PK \
    vi zh-Hans zh-Hant";

/// Longest texts, in characters (Apple's help, "App information" and "Platform version information").
const LONGEST: [(&str, &str, usize); 8] = [
    ("appInfoLocalizations", "name", 30),
    ("appInfoLocalizations", "subtitle", 30),
    ("appStoreVersionLocalizations", "description", 4000),
    ("appStoreVersionLocalizations", "keywords", 100),
    ("appStoreVersionLocalizations", "promotionalText", 170),
    ("appStoreVersionLocalizations", "whatsNew", 4000),
    ("betaBuildLocalizations", "whatsNew", 4000),
    ("betaAppLocalizations", "description", 4000),
];

/// The longest URL.
const LONGEST_URL: usize = 255;

pub(super) fn check_texts(draft: &Draft) -> Result<(), Refusal> {
    let mut refusals = Vec::new();
    for (kind, name, most) in LONGEST {
        let length = draft.text(name).chars().count();
        if draft.kind == kind && length > most {
            let words = format!("'{name}' is too long: {length} characters, of {most} at most");
            let refusal = Refusal::entity("ENTITY_ERROR.ATTRIBUTE.TOO_LONG", words);
            refusals.push(refusal.at(format!("/data/attributes/{name}")));
        }
    }
    let urls = draft.attributes.keys().filter(|name| name.ends_with("Url"));
    for name in urls.filter(|_| draft.kind.ends_with("Localizations")) {
        let url = draft.text(name);
        let is_url = url.starts_with("https://") || url.starts_with("http://");
        if !url.is_empty() && (!is_url || url.len() > LONGEST_URL) {
            refusals.push(Refusal::attribute(
                name,
                format!("The attribute '{name}' is not a valid URL"),
            ));
        }
    }
    let locale = draft.text("locale");
    if draft.kind.ends_with("Localizations")
        && !locale.is_empty()
        && !LOCALES.split(' ').any(|known| known == locale)
    {
        let words = format!("The language specified is not listed for localization: '{locale}'");
        refusals.push(Refusal::attribute("locale", words));
    }
    Refusal::all(refusals)
}
