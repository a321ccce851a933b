//! What signing finds on the machine: identities in keychains, and installed profiles.
//!
//! Profiles are read here without the code that steps read them with: the property list is cut out of the signed file.

use std::path::{Path, PathBuf};

use plist::{Dictionary, Value};
use sha1::{Digest as _, Sha1};
use time::OffsetDateTime;

use super::{Call, security};

/// A certificate with its private key in a keychain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) sha1: String,
    pub(super) common_name: String,
}

impl Identity {
    /// The identity that a setting or an export option names: by SHA-1, or by the beginning of its name.
    pub(super) fn named(call: &Call, name: &str) -> Option<Self> {
        let found = security::identities(&call.directory)
            .into_iter()
            .find(|(sha1, common_name)| {
                sha1.eq_ignore_ascii_case(name)
                    || common_name.starts_with(name)
                    || synonyms(name).iter().any(|start| common_name.starts_with(start))
            });
        found.map(|(sha1, common_name)| Self { sha1, common_name })
    }
}

/// What the selectors of export options also choose (`xcodebuild -help`, Xcode 16).
fn synonyms(selector: &str) -> &'static [&'static str] {
    match selector {
        "iOS Distribution" | "iPhone Distribution" => {
            &["iPhone Distribution", "iOS Distribution", "Apple Distribution"]
        }
        "iOS Developer" | "iPhone Developer" => &["iPhone Developer", "iOS Developer", "Apple Development"],
        "Mac App Distribution" => &["3rd Party Mac Developer Application", "Apple Distribution"],
        "Mac Developer" => &["Mac Developer", "Apple Development"],
        _ => &[],
    }
}

/// An installed profile.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) path: PathBuf,
    pub(super) uuid: String,
    pub(super) name: String,
    pub(super) team: String,
    /// The App ID without the team's prefix, possibly a wildcard.
    app_id: String,
    is_managed: bool,
    expires: OffsetDateTime,
    /// SHA-1 of its certificates.
    certificates: Vec<String>,
    kind: Kind,
}

/// What a profile is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Development,
    AdHoc,
    Store,
    Everyone,
}

impl Profile {
    /// All that are installed for the user.
    pub(super) fn installed(call: &Call) -> Vec<Self> {
        let home = PathBuf::from(call.env.get("HOME").map_or("/", String::as_str));
        let folders = [
            "Library/MobileDevice/Provisioning Profiles",
            "Library/Developer/Xcode/UserData/Provisioning Profiles",
        ];
        let entries = folders
            .iter()
            .flat_map(|folder| std::fs::read_dir(home.join(folder)));
        let mut paths: Vec<PathBuf> = entries.flatten().flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let mut all: Vec<Self> = Vec::new();
        for profile in paths.iter().filter_map(|path| Self::read(path)) {
            if all.iter().all(|known| known.uuid != profile.uuid) {
                all.push(profile);
            }
        }
        all
    }

    fn read(path: &Path) -> Option<Self> {
        let bytes = std::fs::read(path).ok()?;
        let find = |what: &[u8]| bytes.windows(what.len()).position(|window| window == what);
        let (start, end) = (find(b"<?xml")?, find(b"</plist>")?);
        let value = Value::from_reader_xml(bytes.get(start..end + b"</plist>".len())?).ok()?;
        let fields = value.as_dictionary()?;
        let text = |key: &str| fields.get(key).and_then(Value::as_string).map(str::to_owned);
        let first = |key: &str| {
            fields
                .get(key)?
                .as_array()?
                .first()?
                .as_string()
                .map(str::to_owned)
        };
        let entitlements = fields.get("Entitlements")?.as_dictionary()?;
        let identifier = ["application-identifier", "com.apple.application-identifier"]
            .iter()
            .find_map(|key| entitlements.get(key)?.as_string())?;
        let is_debuggable = ["get-task-allow", "com.apple.security.get-task-allow"]
            .iter()
            .any(|key| entitlements.get(key).and_then(Value::as_boolean) == Some(true));
        let is_set = |key: &str| fields.get(key).and_then(Value::as_boolean) == Some(true);
        let kind = match fields.contains_key("ProvisionedDevices") {
            _ if is_set("ProvisionsAllDevices") => Kind::Everyone,
            true if is_debuggable => Kind::Development,
            true => Kind::AdHoc,
            false => Kind::Store,
        };
        let expires: std::time::SystemTime = fields.get("ExpirationDate")?.as_date()?.into();
        let digest = |der: &[u8]| {
            Sha1::digest(der)
                .iter()
                .map(|byte| format!("{byte:02X}"))
                .collect()
        };
        Some(Self {
            path: path.to_owned(),
            uuid: text("UUID")?,
            name: text("Name")?,
            team: first("TeamIdentifier")?,
            app_id: identifier.split_once('.')?.1.to_owned(),
            is_managed: is_set("IsXcodeManaged"),
            expires: expires.into(),
            certificates: fields
                .get("DeveloperCertificates")?
                .as_array()?
                .iter()
                .filter_map(|der| der.as_data().map(digest))
                .collect(),
            kind,
        })
    }

    pub(super) fn covers(&self, bundle_id: &str) -> bool {
        match self.app_id.strip_suffix('*') {
            Some(start) => bundle_id.starts_with(start),
            None => self.app_id == bundle_id,
        }
    }

    pub(super) fn is_managed(&self) -> bool {
        self.is_managed
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn includes(&self, identity: &Identity) -> bool {
        self.certificates.contains(&identity.sha1)
    }

    fn is_over(&self) -> bool {
        self.expires < OffsetDateTime::now_utc()
    }

    /// What keeps the profile from signing an app, in Xcode's words: those of public logs (fastlane #13339, #17349, and
    /// #28301; bitrise.io's and Apple's forums).
    pub(super) fn problem(&self, team: &str, bundle_id: &str, identity: Option<&Identity>) -> Option<String> {
        let name = &self.name;
        if self.is_managed {
            return Some(format!(
                "Provisioning profile \"{name}\" is Xcode managed, but signing settings require a manually managed profile."
            ));
        }
        if !team.is_empty() && self.team != team {
            return Some(format!(
                "Provisioning profile \"{name}\" belongs to team \"{}\", which does not match the selected team \"{team}\".",
                self.team
            ));
        }
        if !self.covers(bundle_id) {
            return Some(format!(
                "Provisioning profile \"{name}\" has app ID \"{}\", which does not match the bundle ID \"{bundle_id}\".",
                self.app_id
            ));
        }
        if self.is_over() {
            return Some(format!(
                "Provisioning profile \"{name}\" expired on {}.",
                self.expires.date()
            ));
        }
        let identity = identity.filter(|identity| !self.includes(identity))?;
        Some(format!(
            "Provisioning profile \"{name}\" doesn't include signing certificate \"{}\".",
            identity.common_name
        ))
    }
}

/// A bundle's signature, as the sandbox writes it down in the place of a real one.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    pub(super) identity: Identity,
    pub(super) team: String,
    pub(super) profile: Option<Profile>,
    pub(super) entitlements: Dictionary,
    pub(super) is_automatic: bool,
}

impl Signature {
    /// Writes the signature into a bundle, beside the profile that it embeds.
    pub(super) fn seal(&self, contents: &Path, is_mac: bool) -> anyhow::Result<()> {
        let name = if is_mac {
            "embedded.provisionprofile"
        } else {
            "embedded.mobileprovision"
        };
        let embedded = contents.join(name);
        match &self.profile {
            Some(profile) => {
                std::fs::copy(&profile.path, &embedded)?;
            }
            None if embedded.exists() => std::fs::remove_file(&embedded)?,
            None => {}
        }
        let text = |text: &str| Value::String(text.to_owned());
        let mut fields = Dictionary::new();
        fields.insert("SHA1".to_owned(), text(&self.identity.sha1));
        fields.insert("Certificate".to_owned(), text(&self.identity.common_name));
        fields.insert("Team".to_owned(), text(&self.team));
        fields.insert(
            "Style".to_owned(),
            text(if self.is_automatic { "automatic" } else { "manual" }),
        );
        if let Some(profile) = &self.profile {
            fields.insert("ProfileUUID".to_owned(), text(&profile.uuid));
            fields.insert("ProfileName".to_owned(), text(&profile.name));
        }
        fields.insert(
            "Entitlements".to_owned(),
            Value::Dictionary(self.entitlements.clone()),
        );
        let folder = contents.join("_CodeSignature");
        std::fs::create_dir_all(&folder)?;
        Value::Dictionary(fields).to_file_xml(folder.join("CodeResources"))?;
        Ok(())
    }
}
