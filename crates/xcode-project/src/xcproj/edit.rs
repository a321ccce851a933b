//! Edits: build settings of a target for a configuration, as Xcode's own writer would have written them.
//!
//! A setting that stands once for all configurations is split when they begin to differ, and folded when they agree
//! again (tuist/XcodeProj 9.17, `BuildSettingsMapping.swift`; rork-xcode 0.13, `settings.ts`; files of Xcode 27.2).
//! What does not change keeps its bytes.

use crate::json5::{Document, Layout, Node, ObjectEdit, Value, replaced};
use crate::model::{Model, SettingValue};
use crate::pbxproj::SyntaxError;
use crate::signing::{Assignment, Attributes};

use super::XcprojFile;
use super::settings;

/// Keys of a target that stand after its build settings.
const AFTER_SETTINGS: [&str; 4] = [
    "build-tool-path",
    "build-tool-arguments",
    "build-tool-working-directory",
    "pass-build-settings-in-environment",
];

impl XcprojFile {
    /// The text with build settings and the attributes of their targets set.
    ///
    /// # Errors
    /// Never for a file that was read: each target was parsed as part of it.
    pub(crate) fn edited(
        &self,
        model: &Model,
        assignments: &[Assignment<'_>],
        attributes: &[Attributes<'_>],
    ) -> Result<String, SyntaxError> {
        let configurations: Vec<String> = model
            .configurations
            .iter()
            .map(|configuration| configuration.name.clone())
            .collect();
        let mut edits = Vec::new();
        for (known, span) in model.targets.iter().zip(&self.targets) {
            let id = known.target.id.as_str();
            let own: Vec<&Assignment<'_>> = assignments
                .iter()
                .filter(|assignment| assignment.target == id)
                .collect();
            let noted = attributes.iter().find(|noted| noted.target == id);
            if own.is_empty() && noted.is_none() {
                continue;
            }
            let target = Document::parse(&self.text[span.clone()])?;
            edits.push((span.clone(), edited(&target, &own, noted, &configurations)));
        }
        Ok(replaced(&self.text, edits))
    }
}

/// The text of a target with its settings and attributes set.
fn edited(
    document: &Document<'_>,
    assignments: &[&Assignment<'_>],
    noted: Option<&Attributes<'_>>,
    configurations: &[String],
) -> String {
    let (text, node) = (document.text(), document.root());
    let mut target = ObjectEdit::of(text, node);
    if let Some(noted) = noted {
        for (key, value) in [
            ("legacy-provisioning-style", "manual"),
            ("legacy-team-id", noted.team_id),
        ] {
            let is_other = node.text(key).is_some_and(|old| old != value);
            if let Some(number) = target.position(key).filter(|_| is_other) {
                target.set_text(number, value);
            }
        }
    }
    if assignments.is_empty() {
        return target.render();
    }
    let place = target.position("build-settings").unwrap_or_else(|| {
        let mut keys = target.keys();
        keys.position(|key| AFTER_SETTINGS.contains(&key))
            .unwrap_or_else(|| target.keys().count())
    });
    let layout = target.layout(place, None);
    let existing = node.get("build-settings").filter(|old| is_object(old));
    let mut object = existing.map_or_else(|| ObjectEdit::empty(&layout), |old| ObjectEdit::of(text, old));
    let mut values = Values::of(text, existing, configurations);
    for assignment in assignments {
        values.set(assignment);
    }
    for setting in values.changed() {
        setting.write(&mut object, configurations, &layout);
    }
    let rendered = object.render();
    match target.position("build-settings") {
        Some(number) => target.set_value_text(number, rendered),
        None => target.insert(place, "build-settings", rendered, None),
    }
    target.render()
}

fn is_object(node: &Node) -> bool {
    matches!(node.value, Value::Object(_))
}

/// The settings that are set, each with its value in every configuration.
struct Values<'a> {
    text: &'a str,
    object: Option<&'a Node<'a>>,
    configurations: &'a [String],
    settings: Vec<Setting>,
}

/// A setting: its key with all conditions but the configuration, and its value in each configuration.
struct Setting {
    key: String,
    old: Vec<Option<Spelled>>,
    new: Vec<Option<Spelled>>,
}

/// A value, and how the file spells it if it is there already.
#[derive(Debug, Clone)]
struct Spelled {
    value: SettingValue,
    text: Option<String>,
}

impl PartialEq for Spelled {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<'a> Values<'a> {
    fn of(text: &'a str, object: Option<&'a Node<'a>>, configurations: &'a [String]) -> Self {
        Self {
            text,
            object,
            configurations,
            settings: Vec::new(),
        }
    }

    fn set(&mut self, assignment: &Assignment<'_>) {
        let configuration = |name: &String| *name == assignment.configuration;
        let Some(number) = self.configurations.iter().position(configuration) else {
            return;
        };
        let at = self.settings.iter().position(|known| known.key == assignment.key);
        let at = at.unwrap_or_else(|| {
            let old = self.read(assignment.key);
            self.settings.push(Setting {
                key: assignment.key.to_owned(),
                new: old.clone(),
                old,
            });
            self.settings.len() - 1
        });
        self.settings[at].new[number] = Some(Spelled {
            value: SettingValue::Text(assignment.value.to_owned()),
            text: None,
        });
    }

    /// The value of a setting in each configuration. One that is only for a configuration wins over one for all.
    fn read(&self, key: &str) -> Vec<Option<Spelled>> {
        let mut all = vec![None; self.configurations.len()];
        let mut own = vec![None; self.configurations.len()];
        for member in self.object.map(Node::members).unwrap_or_default() {
            let (name, number) = settings::unfolded(&member.key, self.configurations);
            if name != key {
                continue;
            }
            // The whole file was read before, so that this is a value of a setting.
            let Ok(value) = settings::value(&member.node, &member.key) else {
                continue;
            };
            let spelled = Some(Spelled {
                value,
                text: Some(self.text[member.node.span.clone()].to_owned()),
            });
            match number {
                Some(number) => own[number] = spelled,
                None => all.fill(spelled),
            }
        }
        own.into_iter().zip(all).map(|(own, all)| own.or(all)).collect()
    }

    fn changed(&self) -> impl Iterator<Item = &Setting> {
        self.settings.iter().filter(|setting| setting.old != setting.new)
    }
}

/// A line that Xcode would write for a setting; it is for one configuration or for all.
struct Line<'a> {
    key: String,
    configuration: Option<usize>,
    value: &'a Spelled,
}

impl Setting {
    /// One line for all configurations if they agree, else one for each that has a value.
    fn lines(&self, configurations: &[String]) -> Vec<Line<'_>> {
        if let [Some(value), rest @ ..] = self.new.as_slice()
            && rest.iter().all(|other| other.as_ref() == Some(value))
        {
            return vec![Line {
                key: self.key.clone(),
                configuration: None,
                value,
            }];
        }
        let values = self.new.iter().enumerate();
        let mut lines: Vec<Line<'_>> = values
            .filter_map(|(number, value)| {
                Some(Line {
                    key: settings::folded(&self.key, &configurations[number]),
                    configuration: Some(number),
                    value: value.as_ref()?,
                })
            })
            .collect();
        lines.sort_by(|one, other| one.key.cmp(&other.key));
        lines
    }

    /// Writes the setting: a line that is there keeps its key, one that is stale becomes a new one where that leaves
    /// all in order, and the rest comes and goes.
    fn write(&self, object: &mut ObjectEdit, configurations: &[String], around: &Layout) {
        let unfolded = |key: &str| {
            let (name, number) = settings::unfolded(key, configurations);
            (name == self.key).then_some(number)
        };
        let mut lines = self.lines(configurations);
        for line in &mut lines {
            // The last one counts, as it does in reading.
            let there = object
                .keys()
                .rfind(|key| unfolded(key) == Some(line.configuration));
            if let Some(key) = there {
                key.clone_into(&mut line.key);
            }
        }
        let wanted: Vec<String> = lines.iter().map(|line| line.key.clone()).collect();
        let is_stale = |key: &str| unfolded(key).is_some() && !wanted.iter().any(|wanted| wanted == key);
        for line in &lines {
            if let Some(at) = object.position(&line.key) {
                set(object, at, line.value);
                continue;
            }
            let place = place(object, &line.key);
            let stale_at = |at: usize| object.keys().nth(at).is_some_and(is_stale);
            let neighbors = [place.checked_sub(1), Some(place)];
            match neighbors.into_iter().flatten().find(|at| stale_at(*at)) {
                Some(at) => {
                    object.rename(at, &line.key);
                    set(object, at, line.value);
                }
                None => {
                    let text = spelling(object, line.value);
                    object.insert(place, &line.key, text, Some(around));
                }
            }
        }
        for at in (0..object.keys().count()).rev() {
            if object.keys().nth(at).is_some_and(is_stale) {
                object.remove(at);
            }
        }
    }
}

/// Makes the value of a member this one; one that is equal keeps its spelling.
fn set(object: &mut ObjectEdit, at: usize, value: &Spelled) {
    let there = Document::parse(object.value_text(at)).ok();
    let there = there.and_then(|document| settings::value(document.root(), "").ok());
    if there.as_ref() == Some(&value.value) {
        return;
    }
    match (&value.text, &value.value) {
        (None, SettingValue::Text(text)) => object.set_text(at, text),
        _ => object.set_value_text(at, spelling(object, value)),
    }
}

fn spelling(object: &ObjectEdit, value: &Spelled) -> String {
    let text = || match &value.value {
        SettingValue::Text(text) => object.spell(text),
        SettingValue::List(items) => {
            let items: Vec<String> = items.iter().map(|item| object.spell(item)).collect();
            format!("[ {} ]", items.join(", "))
        }
    };
    value.text.clone().unwrap_or_else(text)
}

/// Where a new key goes: in order, or in a file without order behind the setting's other lines.
fn place(object: &ObjectEdit, key: &str) -> usize {
    let keys: Vec<&str> = object.keys().collect();
    if keys.is_sorted() {
        return keys.partition_point(|known| *known < key);
    }
    let name = |key: &str| key.split('[').next().unwrap_or_default().to_owned();
    let is_related = |known: &&str| name(known) == name(key);
    let last = keys
        .iter()
        .rposition(is_related)
        .or_else(|| keys.iter().rposition(|known| *known < key));
    last.map_or(0, |last| last + 1)
}
