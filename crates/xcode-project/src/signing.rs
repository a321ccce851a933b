//! Edits: manual signing for a target in a configuration, and nothing else.

use std::io::Write as _;
use std::ops::Range;

use crate::error::Error;
use crate::pbxproj::{Document, Entry, Node, written};
use crate::project::{Project, Target};

/// How a target is to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualSigning {
    /// The team ID.
    pub team_id: String,
    /// The identity: a certificate's SHA-1 fingerprint or common name.
    pub identity: String,
    /// The provisioning profile's UUID.
    pub profile_uuid: String,
}

impl Project {
    /// Signs targets manually: each in its own configuration. Returns the new text of the project file.
    ///
    /// Settings for one SDK (`KEY[sdk=…]`) would win over the plain ones, so they are set too where they are
    /// there already.
    ///
    /// # Errors
    /// When a target has no such configuration.
    pub fn sign_manually(&self, targets: &[(Target, String, ManualSigning)]) -> Result<String, Error> {
        let mut edits = Edits {
            document: &self.document,
            list: Vec::new(),
        };
        let mut attributed: Vec<&str> = Vec::new();
        for (target, configuration, signing) in targets {
            let no_configuration = || Error::NoConfiguration {
                target: target.name.clone(),
                configuration: configuration.clone(),
                known: target.configurations.clone(),
            };
            let object = self.object(&target.id).ok_or_else(no_configuration)?;
            let node = self
                .configuration(object, configuration)
                .ok_or_else(no_configuration)?;
            let settings = node.get("buildSettings").ok_or_else(no_configuration)?;
            for (key, value) in [
                ("CODE_SIGN_IDENTITY", signing.identity.as_str()),
                ("CODE_SIGN_STYLE", "Manual"),
                ("DEVELOPMENT_TEAM", signing.team_id.as_str()),
                ("PROVISIONING_PROFILE", signing.profile_uuid.as_str()),
                ("PROVISIONING_PROFILE_SPECIFIER", ""),
            ] {
                edits.set(settings, key, value);
                let variants = settings.entries().iter().filter(|entry| {
                    entry
                        .key
                        .strip_prefix(key)
                        .is_some_and(|rest| rest.starts_with('['))
                });
                for variant in variants {
                    edits.replace(variant, value);
                }
            }
            if !attributed.contains(&target.id.as_str()) {
                attributed.push(&target.id);
                if let Some(attributes) = self.attributes(&target.id) {
                    edits.set(attributes, "DevelopmentTeam", &signing.team_id);
                    edits.set(attributes, "ProvisioningStyle", "Manual");
                }
            }
        }
        Ok(self.document.replaced(edits.list))
    }

    fn attributes(&self, target: &str) -> Option<&Node> {
        self.root()?
            .get("attributes")?
            .get("TargetAttributes")?
            .get(target)
    }

    /// Replaces the project file by `text` in one atomic rename; the same text is not written.
    ///
    /// # Errors
    /// When the file can't be written, or `text` is no project file.
    pub fn save(&self, text: &str) -> Result<(), Error> {
        if text == self.text() {
            return Ok(());
        }
        Document::parse(text).map_err(|source| Error::Syntax {
            path: self.file.clone(),
            source,
        })?;
        let io = |source| Error::Io {
            what: "write",
            path: self.file.clone(),
            source,
        };
        let permissions = std::fs::metadata(&self.file).map_err(io)?.permissions();
        // A rename would replace a file that its owner made read-only: ask for the right to write it first.
        std::fs::OpenOptions::new()
            .write(true)
            .open(&self.file)
            .map_err(io)?;
        let mut file = tempfile::NamedTempFile::new_in(self.path()).map_err(io)?;
        file.write_all(text.as_bytes()).map_err(io)?;
        file.as_file().set_permissions(permissions).map_err(io)?;
        file.persist(&self.file)
            .map(drop)
            .map_err(|error| io(error.error))
    }
}

struct Edits<'a> {
    document: &'a Document,
    list: Vec<(Range<usize>, String)>,
}

impl Edits<'_> {
    fn replace(&mut self, entry: &Entry, value: &str) {
        if entry.value.as_text() != Some(value) {
            self.list.push((entry.value.span.clone(), written(value)));
        }
    }

    /// Sets a key of a dictionary. A new key goes where it sorts, indented like its neighbours.
    fn set(&mut self, dictionary: &Node, key: &str, value: &str) {
        if let Some(entry) = dictionary.entries().iter().find(|entry| entry.key == key) {
            return self.replace(entry, value);
        }
        let text = self.document.text();
        let line = format!("{} = {};", written(key), written(value));
        let entries = dictionary.entries();
        let before = entries.iter().rfind(|entry| entry.key.as_str() < key);
        let edit = match (before, entries.first()) {
            (Some(before), _) => {
                let lead = lead_of(text, before.span.start);
                (before.span.end..before.span.end, format!("{lead}{line}"))
            }
            (None, Some(first)) => {
                let lead = lead_of(text, first.span.start);
                (first.span.start..first.span.start, format!("{line}{lead}"))
            }
            (None, None) => {
                let close = dictionary.span.end - 1;
                let lead = lead_of(text, close);
                let inner = if lead.contains('\n') {
                    format!("{lead}\t")
                } else {
                    " ".to_owned()
                };
                let at = dictionary.span.start + 1;
                (at..at, format!("{inner}{line}"))
            }
        };
        self.list.push(edit);
    }
}

/// The white space before a byte, from the line break on; a blank where there is no line break.
fn lead_of(text: &str, at: usize) -> String {
    let before = &text[..at];
    let spaces = before.len() - before.trim_end_matches([' ', '\t']).len();
    let (head, spaces) = before.split_at(before.len() - spaces);
    if head.ends_with("\r\n") {
        format!("\r\n{spaces}")
    } else if head.ends_with('\n') {
        format!("\n{spaces}")
    } else {
        " ".to_owned()
    }
}
