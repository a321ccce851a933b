//! Edits: manual signing for a target in a configuration, and nothing else.

use std::collections::BTreeSet;
use std::ops::Range;

use apple_types::Platform;

use crate::LARGEST_FILE;
use crate::conditions::Context;
use crate::error::Error;
use crate::model::Target;
use crate::pbx::PbxFile;
use crate::pbxproj::{Document, Entry, Node};
use crate::project::{Project, Source};

/// How a target is to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualSigning {
    /// The team ID.
    pub team_id: String,
    /// The identity: a certificate's SHA-1 fingerprint or common name.
    pub identity: String,
    /// The provisioning profile's UUID.
    pub profile_uuid: String,
    /// The platform that the target is built for: settings for other SDKs stay as they are.
    pub platform: Platform,
}

impl Project {
    /// Signs targets manually: each in its own configuration. Returns the new text of the project file.
    ///
    /// Settings with conditions that hold for the platform and the configuration, such as `KEY[sdk=iphoneos*]`, would
    /// win over the plain ones, so they are set too where they are there already.
    ///
    /// # Errors
    /// When a target has no such configuration.
    pub fn sign_manually(&self, targets: &[(Target, String, ManualSigning)]) -> Result<String, Error> {
        let mut settings = Vec::new();
        let mut attributes: Vec<Attributes<'_>> = Vec::new();
        for (target, configuration, signing) in targets {
            // One without a name can be read, and not be found again.
            let is_found = match &self.source {
                Source::Pbxproj(file) => file.configuration(&target.id, configuration).is_some(),
                Source::Xcproj(_) => true,
            };
            let assigned = self
                .assigned(Some(target), configuration)
                .filter(|_| is_found)
                .ok_or_else(|| Error::NoConfiguration {
                    target: target.name.clone(),
                    configuration: configuration.clone(),
                    known: target.configurations.clone(),
                })?;
            for (key, value) in [
                ("CODE_SIGN_IDENTITY", signing.identity.as_str()),
                ("CODE_SIGN_STYLE", "Manual"),
                ("DEVELOPMENT_TEAM", signing.team_id.as_str()),
                ("PROVISIONING_PROFILE", signing.profile_uuid.as_str()),
                ("PROVISIONING_PROFILE_SPECIFIER", ""),
            ] {
                let context = Context {
                    sdk: signing.platform.sdk(),
                    configuration,
                    target: &target.name,
                };
                let variants = assigned.keys().filter(|written| {
                    let conditions = written.strip_prefix(key);
                    conditions.is_some_and(|conditions| context.concerns(conditions))
                });
                let keys = std::iter::once(key).chain(variants.map(String::as_str));
                settings.extend(keys.map(|key| Assignment {
                    target: &target.id,
                    configuration,
                    key,
                    value,
                }));
            }
            if !attributes.iter().any(|known| known.target == target.id) {
                attributes.push(Attributes {
                    target: &target.id,
                    team_id: &signing.team_id,
                });
            }
        }
        Ok(match &self.source {
            Source::Pbxproj(file) => edit_pbxproj(file, &settings, &attributes),
            Source::Xcproj(file) => file
                .edited(&self.model, &settings, &attributes)
                .map_err(|source| Error::Syntax {
                    path: self.file.clone(),
                    source,
                })?,
        })
    }

    /// Replaces the project file by `text` in one atomic rename; the same text is not written. A file that is a link stays
    /// one.
    ///
    /// # Errors
    /// When the file can't be written, or was changed since it was read: see [`Error::Changed`].
    pub fn save(&self, text: &str) -> Result<(), Error> {
        if text == self.text() {
            return Ok(());
        }
        self.write(self.text(), text)
    }

    /// Puts the project file back as it was when it was opened, after `saved` was saved.
    ///
    /// # Errors
    /// As [`Project::save`].
    pub fn restore(&self, saved: &str) -> Result<(), Error> {
        self.write(saved, self.text())
    }

    /// Writes `text` where `expected` is.
    fn write(&self, expected: &str, text: &str) -> Result<(), Error> {
        let io = |source| Error::Io {
            what: "write",
            path: self.file.clone(),
            source,
        };
        let now = files::read(&self.file, LARGEST_FILE).map_err(io)?;
        if now != expected.as_bytes() {
            return Err(Error::Changed(self.file.clone()));
        }
        files::rewrite(&self.file, text.as_bytes()).map_err(io)
    }
}

/// A build setting that is set for one configuration of a target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Assignment<'a> {
    /// The target's ID.
    pub(crate) target: &'a str,
    pub(crate) configuration: &'a str,
    /// The key with its conditions, but for the configuration.
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
}

/// What Xcode notes about a target beside its settings, where it notes something; it becomes manual signing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attributes<'a> {
    /// The target's ID.
    pub(crate) target: &'a str,
    pub(crate) team_id: &'a str,
}

fn edit_pbxproj(file: &PbxFile, settings: &[Assignment<'_>], attributes: &[Attributes<'_>]) -> String {
    let mut edits = Edits {
        document: &file.document,
        list: Vec::new(),
    };
    let mut without: Vec<(&Node, Vec<&Assignment<'_>>)> = Vec::new();
    let mut done = BTreeSet::new();
    for assignment in settings {
        let Some(configuration) = file.configuration(assignment.target, assignment.configuration) else {
            continue;
        };
        // Targets may share a configuration, which has one value for each key: that of the first target.
        if !done.insert((configuration.span.start, assignment.key)) {
            continue;
        }
        if let Some(settings) = configuration.get("buildSettings") {
            edits.set(settings, assignment.key, assignment.value);
            continue;
        }
        // Since object version 90, what is empty is left out.
        match without
            .iter_mut()
            .find(|(known, _)| std::ptr::eq(*known, configuration))
        {
            Some((_, all)) => all.push(assignment),
            None => without.push((configuration, vec![assignment])),
        }
    }
    for (configuration, all) in without {
        edits.add_settings(configuration, &all);
    }
    for noted in attributes {
        if let Some(attributes) = file.target_attributes().and_then(|all| all.get(noted.target)) {
            edits.set(attributes, "DevelopmentTeam", noted.team_id);
            edits.set(attributes, "ProvisioningStyle", "Manual");
        }
    }
    file.document.replaced(edits.list)
}

struct Edits<'a> {
    document: &'a Document,
    list: Vec<(Range<usize>, String)>,
}

impl Edits<'_> {
    fn replace(&mut self, entry: &Entry, value: &str) {
        if entry.value.as_text() != Some(value) {
            self.list
                .push((entry.value.span.clone(), self.document.literal(value)));
        }
    }

    /// Sets a key of a dictionary. A new key goes where it sorts, indented like its neighbours.
    fn set(&mut self, dictionary: &Node, key: &str, value: &str) {
        if let Some(entry) = dictionary.entries().iter().find(|entry| entry.key == key) {
            return self.replace(entry, value);
        }
        let text = self.document.text();
        let line = |lead: &str| self.document.assignment(key, value, lead);
        let separator = self.document.separator();
        let entries = dictionary.entries();
        let before = entries.iter().rfind(|entry| entry.key.as_str() < key);
        let edit = match (before, entries.first()) {
            (Some(before), _) => {
                let lead = lead_of(text, before.span.start);
                (
                    before.span.end..before.span.end,
                    format!("{separator}{lead}{}", line(&lead)),
                )
            }
            (None, Some(first)) => {
                let lead = lead_of(text, first.span.start);
                (
                    first.span.start..first.span.start,
                    format!("{}{separator}{lead}", line(&lead)),
                )
            }
            (None, None) if text[dictionary.span.clone()].ends_with("/>") => {
                return self.fill(dictionary, line);
            }
            (None, None) => {
                let open = text[dictionary.span.clone()].find(['{', '>']).unwrap_or(0);
                let at = dictionary.span.start + open + 1;
                let lead = lead_of(text, dictionary.span.end - 1);
                let lead = if lead.contains('\n') {
                    format!("{lead}\t")
                } else {
                    lead
                };
                // What was put into this empty dictionary before needs its separator now.
                let is_first = !self.list.iter().any(|(range, _)| *range == (at..at));
                let separator = if is_first { "" } else { separator };
                (at..at, format!("{separator}{lead}{}", line(&lead)))
            }
        };
        self.list.push(edit);
    }
}

impl Edits<'_> {
    /// Gives build settings to a configuration that has none.
    fn add_settings(&mut self, configuration: &Node, assignments: &[&Assignment<'_>]) {
        let text = self.document.text();
        let Some(first) = configuration.entries().first() else {
            return;
        };
        let lead = lead_of(text, first.span.start);
        let inner = if lead.contains('\n') {
            format!("{lead}\t")
        } else {
            lead.clone()
        };
        let separator = self.document.separator();
        let lines: Vec<String> = assignments
            .iter()
            .map(|assignment| {
                let line = self.document.assignment(assignment.key, assignment.value, &inner);
                format!("{inner}{line}")
            })
            .collect();
        let settings = self
            .document
            .dictionary("buildSettings", &lines.join(separator), &lead);
        // Xcode writes `isa` first, and the other keys in order.
        let at = first.span.start;
        let after = configuration
            .entries()
            .iter()
            .rfind(|entry| entry.key == "isa" || entry.key.as_str() < "buildSettings");
        self.list.push(match after {
            Some(entry) => (
                entry.span.end..entry.span.end,
                format!("{separator}{lead}{settings}"),
            ),
            None => (at..at, format!("{settings}{separator}{lead}")),
        });
    }

    /// Adds a key to `<dict/>`, which has no inside to write into: it is replaced as a whole, once.
    fn fill(&mut self, dictionary: &Node, line: impl Fn(&str) -> String) {
        let outer = lead_of(self.document.text(), dictionary.span.start);
        let (lead, end) = (format!("{outer}\t"), format!("{outer}</dict>"));
        let added = format!("{lead}{}", line(&lead));
        match self.list.iter_mut().find(|(range, _)| *range == dictionary.span) {
            Some((_, text)) => text.insert_str(text.len() - end.len(), &added),
            None => self
                .list
                .push((dictionary.span.clone(), format!("<dict>{added}{end}"))),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    const OPENSTEP: &str = "// !$*UTF8*$!\n{\n\tobjects = {\n\t\tR = {isa = PBXProject; targets = (T,); attributes = {TargetAttributes = {T = {ProvisioningStyle = Automatic;};};};};\n\t\tT = {isa = PBXNativeTarget; name = App; buildConfigurationList = L;};\n\t\tL = {buildConfigurations = (C,);};\n\t\tC = {\n\t\t\tbuildSettings = {\n\t\t\t\t\"CODE_SIGN_IDENTITY[sdk=iphoneos*]\" = \"iPhone Developer\";\n\t\t\t\tPRODUCT_NAME = App;\n\t\t\t\tPROVISIONING_PROFILE_SPECIFIER = \"old one\";\n\t\t\t};\n\t\t\tname = Release;\n\t\t};\n\t};\n\trootObject = R;\n}\n";

    fn project(text: &str) -> (tempfile::TempDir, Project) {
        let folder = tempfile::Builder::new().suffix(".xcodeproj").tempdir().unwrap();
        std::fs::write(folder.path().join("project.pbxproj"), text).unwrap();
        let project = Project::open(folder.path()).unwrap();
        (folder, project)
    }

    fn signed(project: &Project) -> String {
        let signing = ManualSigning {
            team_id: "TEAM123456".to_owned(),
            identity: "ABCDEF".to_owned(),
            profile_uuid: "0-1".to_owned(),
            platform: Platform::Ios,
        };
        let target = project.targets().remove(0);
        project
            .sign_manually(&[(target, "Release".to_owned(), signing)])
            .unwrap()
    }

    #[test]
    fn targets_that_share_a_configuration_are_signed_once() {
        let shared = OPENSTEP
            .replace("targets = (T,);", "targets = (T, U, T,);")
            .replace(
                "\t\tL = {",
                "\t\tU = {isa = PBXNativeTarget; name = Other; buildConfigurationList = L;};\n\t\tL = {",
            );
        let (_folder, project) = project(&shared);
        let signing = |uuid: &str| ManualSigning {
            team_id: "TEAM123456".to_owned(),
            identity: "ABCDEF".to_owned(),
            profile_uuid: uuid.to_owned(),
            platform: Platform::Ios,
        };
        let targets: Vec<_> = project
            .targets()
            .into_iter()
            .zip(["0-1", "0-2", "0-3"])
            .map(|(target, uuid)| (target, "Release".to_owned(), signing(uuid)))
            .collect();
        assert!(targets.len() >= 2);
        let after = project.sign_manually(&targets).unwrap();
        assert_eq!(after.matches("PROVISIONING_PROFILE = ").count(), 1, "{after}");
        assert!(after.contains("0-1") && !after.contains("0-2"), "{after}");
    }

    #[test]
    fn only_signing_lines_change_and_new_ones_are_sorted_in() {
        let (_folder, project) = project(OPENSTEP);
        let after = signed(&project);
        let added: Vec<&str> = after
            .lines()
            .filter(|line| !OPENSTEP.contains(line))
            .map(str::trim)
            .collect();
        assert_eq!(
            added[1..],
            [
                "CODE_SIGN_IDENTITY = ABCDEF;",
                "\"CODE_SIGN_IDENTITY[sdk=iphoneos*]\" = ABCDEF;",
                "CODE_SIGN_STYLE = Manual;",
                "DEVELOPMENT_TEAM = TEAM123456;",
                "PROVISIONING_PROFILE = \"0-1\";",
                "PROVISIONING_PROFILE_SPECIFIER = \"\";",
            ]
        );
        assert!(added[0].contains("{DevelopmentTeam = TEAM123456; ProvisioningStyle = Manual;}"));
        project.save(&after).unwrap();
        assert_eq!(
            std::fs::read_to_string(project.path().join("project.pbxproj")).unwrap(),
            after
        );
    }

    #[test]
    fn an_xml_project_stays_xml() {
        let (_folder, openstep) = project(OPENSTEP);
        drop(openstep);
        let xml = "<?xml version=\"1.0\"?>\n<plist version=\"1.0\">\n<dict>\n<key>objects</key><dict><key>R</key><dict><key>targets</key><array><string>T</string></array></dict><key>T</key><dict><key>name</key><string>App</string><key>buildConfigurationList</key><string>L</string></dict><key>L</key><dict><key>buildConfigurations</key><array><string>C</string></array></dict><key>C</key><dict>\n\t<key>buildSettings</key>\n\t<dict/>\n\t<key>name</key><string>Release</string></dict></dict>\n<key>rootObject</key><string>R</string></dict></plist>\n";
        let (_folder, project) = project(xml);
        let after = signed(&project);
        let settings = Document::parse(&after).unwrap();
        let settings = settings
            .root()
            .get("objects")
            .and_then(|objects| objects.get("C")?.get("buildSettings"))
            .unwrap();
        assert_eq!(settings.text("DEVELOPMENT_TEAM"), Some("TEAM123456"));
        assert_eq!(settings.entries().len(), 5);
    }

    #[test]
    fn a_configuration_without_settings_gets_them() {
        // Since object version 90, Xcode leaves out what is empty.
        let list = "{ objects = { R = { targets = (T); }; T = { name = App; buildConfigurationList = L; }; L = { buildConfigurations = (C); };\n\t\tC = {\n\t\t\tisa = XCBuildConfiguration;\n\t\t\tname = Release;\n\t\t};\n\t};\n\trootObject = R;\n}\n";
        let json = r#"{"rootObject": "R", "objects": {"R": {"targets": ["T"]}, "T": {"name": "App", "buildConfigurationList": "L"}, "L": {"buildConfigurations": ["C"]}, "C": {"name": "Release"}}}"#;
        let xml = "<plist><dict><key>rootObject</key><string>R</string><key>objects</key><dict><key>R</key><dict><key>targets</key><array><string>T</string></array></dict><key>T</key><dict><key>name</key><string>App</string><key>buildConfigurationList</key><string>L</string></dict><key>L</key><dict><key>buildConfigurations</key><array><string>C</string></array></dict><key>C</key><dict>\n<key>name</key>\n<string>Release</string>\n</dict></dict></dict></plist>";
        // Editors of other systems begin files with a byte order mark.
        let marked = [list, json, xml].map(|text| format!("\u{feff}{text}"));
        for text in [list, json, xml]
            .into_iter()
            .chain(marked.iter().map(String::as_str))
        {
            let (_folder, opened) = project(text);
            let after = signed(&opened);
            assert_eq!(
                after.starts_with('\u{feff}'),
                text.starts_with('\u{feff}'),
                "{after}"
            );
            let (_folder, again) = project(&after);
            let target = again.targets().remove(0);
            let settings = again.assigned(Some(&target), "Release").unwrap();
            assert_eq!(settings.len(), 5, "{after}");
            assert_eq!(
                settings["DEVELOPMENT_TEAM"].as_text(),
                Some("TEAM123456"),
                "{after}"
            );
            assert_eq!(signed(&again), after, "twice is once");
        }
        let (_folder, opened) = project(list);
        let expected = "\t\t\tisa = XCBuildConfiguration;\n\t\t\tbuildSettings = {\n\t\t\t\tCODE_SIGN_IDENTITY = ABCDEF;\n";
        assert!(
            signed(&opened).contains(expected)
                && signed(&opened).contains("\n\t\t\t};\n\t\t\tname = Release;\n")
        );
    }

    #[test]
    fn a_vanished_project_file_is_an_error_and_not_created_again() {
        let (folder, project) = project(OPENSTEP);
        let after = signed(&project);
        std::fs::remove_file(folder.path().join("project.pbxproj")).unwrap();
        assert!(
            project
                .save(&after)
                .unwrap_err()
                .to_string()
                .contains("could not write")
        );
    }
}
