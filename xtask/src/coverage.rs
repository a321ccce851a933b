//! The table of the sandbox's README: what of Apple's APIs it serves, from the table that it serves by.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde::Deserialize;

use crate::workspace;

/// The parts of `apple.json` that say what is served.
#[derive(Deserialize)]
struct Table {
    store: Api,
    enterprise: Api,
}

#[derive(Deserialize)]
struct Api {
    source: String,
    kinds: BTreeMap<String, Kind>,
    /// Operations by path and method.
    paths: BTreeMap<String, BTreeMap<String, serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
struct Kind {
    /// Where each relationship leads: kinds, then `*` for many, then `@` where answers have links to it.
    relationships: BTreeMap<String, String>,
}

/// What is served of one kind of resource.
#[derive(Debug, Default, PartialEq, Eq)]
struct Served<'a> {
    /// `list`, `get`, `create`, `change`, and `delete`.
    operations: BTreeSet<Operation>,
    /// Relationships that have a path of their own.
    related: BTreeSet<&'a str>,
    /// Relationships that answers link to, and that no path serves.
    missing: BTreeSet<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Operation {
    List,
    Get,
    Create,
    Change,
    Delete,
}

impl Operation {
    fn word(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Get => "get",
            Self::Create => "create",
            Self::Change => "change",
            Self::Delete => "delete",
        }
    }
}

/// The table, in Markdown.
///
/// # Errors
/// When the sandbox's table can't be read.
pub(crate) fn table() -> anyhow::Result<String> {
    let path = workspace::root().join("crates/apple-sandbox/src/asc/apple.json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let table: Table = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    Ok(format!(
        "{}\n{}",
        described(&table.store),
        described(&table.enterprise)
    ))
}

fn described(api: &Api) -> String {
    let served = served(api);
    let operations: usize = api.paths.values().map(BTreeMap::len).sum();
    let mut text = format!(
        "**{}**: {operations} operations on {} paths.\n\n| resource | served | operations | relationships with paths | not served |\n| --- | --- | --- | --- | --- |\n",
        api.source,
        api.paths.len()
    );
    for (kind, one) in &served {
        let state = if one.missing.is_empty() { "yes" } else { "partly" };
        let words: Vec<&str> = one.operations.iter().map(|operation| operation.word()).collect();
        text.push_str(&format!(
            "| `{kind}` | {state} | {} | {} | {} |\n",
            words.join(", "),
            quoted(&one.related),
            quoted(&one.missing)
        ));
    }
    let unserved = unserved(api, &served);
    if !unserved.is_empty() {
        text.push_str(&format!(
            "\nNot served, although resources lead to them: {}.\n",
            quoted(&unserved)
        ));
    }
    text
}

fn quoted(names: &BTreeSet<&str>) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// What is served, by kind.
fn served(api: &Api) -> BTreeMap<&str, Served<'_>> {
    let mut all: BTreeMap<&str, Served<'_>> = BTreeMap::new();
    for (path, methods) in &api.paths {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let [_, kind, rest @ ..] = parts.as_slice() else {
            continue;
        };
        let one = all.entry(kind).or_default();
        for method in methods.keys() {
            match (method.as_str(), rest) {
                ("GET", []) => _ = one.operations.insert(Operation::List),
                ("POST", []) => _ = one.operations.insert(Operation::Create),
                ("GET", [_]) => _ = one.operations.insert(Operation::Get),
                ("PATCH", [_]) => _ = one.operations.insert(Operation::Change),
                ("DELETE", [_]) => _ = one.operations.insert(Operation::Delete),
                (_, [_, name] | [_, "relationships", name]) => _ = one.related.insert(name),
                _ => {}
            }
        }
    }
    for (kind, one) in &mut all {
        let relationships = api
            .kinds
            .get(*kind)
            .into_iter()
            .flat_map(|known| &known.relationships);
        for (name, leads_to) in relationships {
            if leads_to.ends_with('@') && !one.related.contains(name.as_str()) {
                one.missing.insert(name);
            }
        }
    }
    all
}

/// Kinds that relationships lead to, and that no path serves.
fn unserved<'a>(api: &'a Api, served: &BTreeMap<&str, Served<'_>>) -> BTreeSet<&'a str> {
    let named = api.kinds.values().flat_map(|kind| kind.relationships.values());
    named
        .flat_map(|leads_to| leads_to.trim_end_matches('@').trim_end_matches('*').split('|'))
        .filter(|kind| !kind.is_empty() && !api.kinds.contains_key(*kind) && !served.contains_key(kind))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_served_in_part_where_answers_link_to_what_no_path_serves() {
        let api: Api = serde_json::from_value(serde_json::json!({
            "source": "Test",
            "kinds": {
                "apps": {"relationships": {"builds": "builds*@", "event": "appEvents@", "icon": "buildIcons"}},
                "builds": {"relationships": {"app": "apps@"}},
            },
            "paths": {
                "/v1/apps": {"GET": {}},
                "/v1/apps/{id}": {"GET": {}, "PATCH": {}},
                "/v1/apps/{id}/builds": {"GET": {}},
                "/v1/builds/{id}/relationships/app": {"GET": {}},
            },
        }))
        .unwrap();
        let served = served(&api);
        assert_eq!(
            served["apps"],
            Served {
                operations: [Operation::List, Operation::Get, Operation::Change].into(),
                related: ["builds"].into(),
                missing: ["event"].into(),
            }
        );
        assert!(served["builds"].missing.is_empty());
        assert_eq!(unserved(&api, &served), ["appEvents", "buildIcons"].into());
        let text = described(&api);
        assert!(
            text.contains("| `apps` | partly | list, get, change | `builds` | `event` |"),
            "{text}"
        );
        assert!(text.contains("**Test**: 5 operations on 4 paths."), "{text}");
    }
}
