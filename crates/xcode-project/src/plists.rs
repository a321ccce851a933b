//! Info.plist and entitlements files of targets, with the settings that name them.

use std::path::PathBuf;

use plist::{Dictionary, Value as Plist};

use crate::LARGEST_FILE;
use crate::error::Error;
use crate::model::Target;
use crate::paths::existing;
use crate::pbxproj::{Document, Format, Node, Value};
use crate::project::Project;
use crate::settings::{Answer, Settings};

/// Entitlements whose values are registered on the Developer Portal: what a variable in them stands for must be known.
const IDENTIFIERS: [&str; 4] = [
    "com.apple.security.application-groups",
    "com.apple.developer.icloud-container-identifiers",
    "com.apple.developer.ubiquity-container-identifiers",
    "com.apple.developer.in-app-payments",
];

/// What Xcode defines for entitlements beyond the target's settings (swift-build `PlanningOperation.swift`): prefixes
/// that the profile or the team gives. They stay as they are.
const PREFIXES: [&str; 2] = ["AppIdentifierPrefix", "TeamIdentifierPrefix"];

impl Project {
    /// The bundle ID of a target: the setting, else the Info.plist's, both with variables resolved.
    ///
    /// # Errors
    /// When neither is there, it depends on something that the project files do not define, or it can't be one.
    pub fn bundle_id(&self, target: &Target, settings: &Settings) -> Result<String, Error> {
        let id = match settings.settled("PRODUCT_BUNDLE_IDENTIFIER") {
            Answer::Resolved(id) if !id.is_empty() => id,
            Answer::Unresolved { setting, missing } => {
                return Err(unresolved(target, settings, setting, missing));
            }
            Answer::Resolved(_) | Answer::Unset => self.bundle_id_of_info(target, settings)?,
        };
        // Apple takes letters, digits, hyphens and periods (App ID registration, Developer Portal help, 2026). The team
        // is not known before somebody signs in.
        let plain = id.replace("$(DEVELOPMENT_TEAM)", "T");
        let is_valid = plain
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
        if !is_valid {
            return Err(Error::InvalidBundleId {
                target: target.name.clone(),
                bundle_id: id,
            });
        }
        Ok(id)
    }

    fn bundle_id_of_info(&self, target: &Target, settings: &Settings) -> Result<String, Error> {
        let info = self
            .plist(target, settings, "INFOPLIST_FILE")?
            .unwrap_or_default();
        let raw = info
            .get("CFBundleIdentifier")
            .and_then(Plist::as_string)
            .unwrap_or_default();
        match settings.expand(raw) {
            Answer::Resolved(id) if !id.is_empty() => Ok(id),
            Answer::Unresolved { missing, .. } if missing != ["PRODUCT_BUNDLE_IDENTIFIER"] => {
                let setting = "CFBundleIdentifier".to_owned();
                Err(unresolved(target, settings, setting, missing))
            }
            _ => Err(Error::NoBundleId {
                target: target.name.clone(),
                files: absent(settings),
            }),
        }
    }

    /// The entitlements of a target with variables resolved, as far as the project files define them; team
    /// prefixes, which only a build knows, stay as they are.
    ///
    /// # Errors
    /// When the file is named and can't be read, or an identifier in it depends on something that the project files do
    /// not define.
    pub fn entitlements(
        &self,
        target: &Target,
        settings: &Settings,
        bundle_id: &str,
    ) -> Result<Dictionary, Error> {
        let mut entitlements = self
            .plist(target, settings, "CODE_SIGN_ENTITLEMENTS")?
            .unwrap_or_default();
        // A property list in a setting wins over the file.
        if let Some(text) = settings.settled("CODE_SIGN_ENTITLEMENTS_CONTENTS").value()
            && let Ok(Plist::Dictionary(more)) = parse(text.as_bytes())
        {
            entitlements.extend(more);
        }
        let prefixes = PREFIXES.map(|name| (name.to_owned(), format!("$({name})")));
        let known = std::iter::once(("CFBundleIdentifier".to_owned(), bundle_id.to_owned()));
        let settings = settings.clone().edited(known.chain(prefixes));
        let mut expanded = Dictionary::new();
        for (key, mut value) in entitlements {
            let mut missing = Vec::new();
            expand(&mut value, &settings, &mut missing);
            if !missing.is_empty() && IDENTIFIERS.contains(&key.as_str()) {
                missing.sort();
                missing.dedup();
                return Err(unresolved(target, &settings, key, missing));
            }
            let key = settings.expand(&key).value().map_or(key.clone(), str::to_owned);
            expanded.insert(key, value);
        }
        Ok(expanded)
    }

    /// The property list that a setting names; `None` where it names none.
    fn plist(
        &self,
        target: &Target,
        settings: &Settings,
        setting: &str,
    ) -> Result<Option<Dictionary>, Error> {
        let name = match settings.settled(setting) {
            Answer::Resolved(name) if !name.is_empty() => name,
            Answer::Unresolved { setting, missing } => {
                return Err(unresolved(target, settings, setting, missing));
            }
            Answer::Resolved(_) | Answer::Unset => return Ok(None),
        };
        let path = existing(&self.source_root().join(name));
        let bytes = files::read(&path, LARGEST_FILE).map_err(|source| Error::Io {
            what: "read",
            path: path.clone(),
            source,
        })?;
        let value = parse(&bytes).and_then(|value| {
            value
                .into_dictionary()
                .ok_or_else(|| "it is not a dictionary".to_owned())
        });
        value
            .map(Some)
            .map_err(|reason| Error::Unreadable { path, reason })
    }
}

fn unresolved(target: &Target, settings: &Settings, setting: String, missing: Vec<String>) -> Error {
    Error::Unresolved {
        target: target.name.clone(),
        setting,
        missing,
        files: absent(settings),
    }
}

/// The xcconfig files that must be there and are not.
fn absent(settings: &Settings) -> Vec<PathBuf> {
    let files = settings.missing_files().iter().filter(|file| !file.optional);
    files.map(|file| file.path.clone()).collect()
}

/// A property list as Apple's reader takes it: XML, binary or OpenStep, in UTF-8 or UTF-16 (swift-build
/// `PropertyList.swift`).
fn parse(bytes: &[u8]) -> Result<Plist, String> {
    if bytes.starts_with(b"bplist") {
        return property_list::read(bytes).map_err(|error| error.to_string());
    }
    let text = decoded(bytes)?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('<') && text.contains("<plist") {
        return property_list::read(text.as_bytes()).map_err(|error| error.to_string());
    }
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    match document.format() {
        Format::Json => Err("it is JSON, which Xcode does not read here".to_owned()),
        _ => Ok(value_of(document.root())),
    }
}

fn decoded(bytes: &[u8]) -> Result<String, String> {
    let wide = |from: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..]
            .chunks_exact(2)
            .map(|pair| from([pair[0], pair[1]]))
            .collect();
        String::from_utf16(&units).map_err(|error| error.to_string())
    };
    match bytes {
        [0xFF, 0xFE, ..] => wide(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => wide(u16::from_be_bytes),
        _ => String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string()),
    }
}

fn value_of(node: &Node) -> Plist {
    match &node.value {
        Value::Text(text) => Plist::String(text.clone()),
        Value::Data(bytes) => Plist::Data(bytes.clone()),
        Value::Array(items) => Plist::Array(items.iter().map(value_of).collect()),
        Value::Dictionary(entries) => {
            let pairs = entries
                .iter()
                .map(|entry| (entry.key.clone(), value_of(&entry.value)));
            Plist::Dictionary(pairs.collect())
        }
    }
}

/// Replaces variables in every text of a property list, where they are defined; the others are added to `missing`.
fn expand(value: &mut Plist, settings: &Settings, missing: &mut Vec<String>) {
    match value {
        Plist::String(text) if text.contains('$') => match settings.expand(text) {
            Answer::Resolved(resolved) => *text = resolved,
            Answer::Unresolved { missing: names, .. } => missing.extend(names),
            Answer::Unset => {}
        },
        Plist::Array(items) => items.iter_mut().for_each(|item| expand(item, settings, missing)),
        Plist::Dictionary(entries) => entries
            .iter_mut()
            .for_each(|(_, item)| expand(item, settings, missing)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\"><dict><key>a</key><true/></dict></plist>";

    fn wide(text: &str, big: bool) -> Vec<u8> {
        std::iter::once(0xFEFF)
            .chain(text.encode_utf16())
            .flat_map(|unit: u16| {
                if big {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            })
            .collect()
    }

    #[test]
    fn every_form_that_apple_reads_is_read() {
        for bytes in [
            XML.as_bytes().to_vec(),
            wide(XML, false),
            wide(XML, true),
            [b"\xEF\xBB\xBF", XML.as_bytes()].concat(),
        ] {
            let value = parse(&bytes).unwrap();
            assert_eq!(
                value.as_dictionary().and_then(|all| all.get("a")),
                Some(&Plist::Boolean(true))
            );
        }
        for bytes in [
            b"{ \"com.apple.security.application-groups\" = (\"group.a\", \"group.b\"); }".to_vec(),
            b"// !$*UTF8*$!\n{ /* x */ \"com.apple.security.application-groups\" = ( group.a, group.b, ); }"
                .to_vec(),
            wide(
                "{ \"com.apple.security.application-groups\" = (\"group.a\", \"group.b\"); }",
                true,
            ),
        ] {
            let value = parse(&bytes).unwrap();
            let groups = value
                .as_dictionary()
                .and_then(|all| all.get("com.apple.security.application-groups")?.as_array())
                .unwrap();
            assert_eq!(groups.len(), 2);
        }
        assert!(parse(b"{\"a\": true}").is_err());
        assert!(parse(b"").is_err());
    }
}
