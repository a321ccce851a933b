//! Build settings: one map holds those of all configurations, told apart by `[config=Name]` in their keys.

use std::borrow::Cow;

use crate::json5::{Node, Value};
use crate::model::{BuildSettings, SettingValue};

use super::schema::{Object, Outcome, Problem, text};

/// A key without the condition that names a configuration, and that configuration's number.
///
/// Xcode writes the condition before all others; where it stands means nothing. A pattern, and a name that no
/// configuration has, stay in the key and are conditions like others.
pub(super) fn unfolded<'a>(key: &'a str, configurations: &[String]) -> (Cow<'a, str>, Option<usize>) {
    const START: &str = "[config=";
    let mut from = 0;
    while let Some(at) = key[from..].find(START).map(|at| from + at) {
        let name = &key[at + START.len()..];
        let Some(length) = name.find(']') else { break };
        let number = configurations.iter().position(|known| *known == name[..length]);
        if number.is_some() {
            let rest = &name[length + 1..];
            return (Cow::Owned(format!("{}{rest}", &key[..at])), number);
        }
        from = at + START.len();
    }
    (Cow::Borrowed(key), None)
}

/// A key with the condition that names a configuration, as Xcode writes it.
pub(super) fn folded(key: &str, configuration: &str) -> String {
    let (name, conditions) = key.split_at(key.find('[').unwrap_or(key.len()));
    format!("{name}[config={configuration}]{conditions}")
}

/// The value of a setting.
pub(super) fn value(node: &Node, key: &str) -> Outcome<SettingValue> {
    match &node.value {
        Value::Text(text) => Ok(SettingValue::Text(text.clone().into_owned())),
        Value::Array(elements) => elements
            .iter()
            .map(|element| text(&element.node, key).map(str::to_owned))
            .collect::<Outcome<_>>()
            .map(SettingValue::List),
        _ => Err(Problem::new(
            node,
            format!("expected a string or an array of strings for the build setting `{key}`"),
        )),
    }
}

/// More settings, counted once for every configuration, than any real project has; the largest have some 500,000.
const MOST_SETTINGS: usize = 4_000_000;

/// Reads the settings of the project and of its targets.
pub(super) struct Reader<'a> {
    pub(super) configurations: &'a [String],
    /// How many settings were read, each counted for every configuration that has it.
    read: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(configurations: &'a [String]) -> Self {
        Self {
            configurations,
            read: 0,
        }
    }

    /// The settings of each configuration. One that is only for a configuration wins over one for all.
    ///
    /// # Errors
    /// When one is no setting, or a small file means more of them than a machine can hold: a line counts for every
    /// configuration.
    pub(super) fn read(&mut self, owner: Object<'_>) -> Outcome<Vec<BuildSettings>> {
        let settings = owner.object("build-settings")?;
        let members = settings.map(|settings| settings.members()).unwrap_or_default();
        self.read += (members.len() + 1).saturating_mul(self.configurations.len());
        if self.read > MOST_SETTINGS {
            return Err(owner.problem("expected fewer build settings and configurations"));
        }
        let mut all = vec![BuildSettings::new(); self.configurations.len()];
        let mut own = Vec::new();
        for member in members {
            let value = value(&member.node, &member.key)?;
            match unfolded(&member.key, self.configurations) {
                (key, Some(number)) => own.push((key, number, value)),
                (key, None) => {
                    for settings in &mut all {
                        settings.insert(key.clone().into_owned(), value.clone());
                    }
                }
            }
        }
        for (key, number, value) in own {
            all[number].insert(key.into_owned(), value);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_the_configuration_that_it_names() {
        let configurations = ["Debug", "Release", "App Store"].map(str::to_owned);
        for (key, expected, number) in [
            ("A", "A", None),
            ("A[config=Debug]", "A", Some(0)),
            ("A[config=App Store][sdk=macosx*]", "A[sdk=macosx*]", Some(2)),
            (
                "A[sdk=macosx*][config=Release][arch=*]",
                "A[sdk=macosx*][arch=*]",
                Some(1),
            ),
            ("A[config=*]", "A[config=*]", None),
            ("A[config=Beta]", "A[config=Beta]", None),
            ("A[config=*][config=Debug]", "A[config=*]", Some(0)),
            ("A[config=Debug", "A[config=Debug", None),
            ("A[config=Debug,sdk=a]", "A[config=Debug,sdk=a]", None),
        ] {
            let (read, of) = unfolded(key, &configurations);
            assert_eq!((read.as_ref(), of), (expected, number), "{key}");
        }
        assert_eq!(
            folded("A[sdk=macosx*]", "Release"),
            "A[config=Release][sdk=macosx*]"
        );
    }
}
