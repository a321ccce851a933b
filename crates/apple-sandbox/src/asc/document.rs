//! Apple's API documents as a table: which paths there are, what they take, and what they answer.
//!
//! The table holds facts only. `cargo xtask apple-document` derives it from Apple's OpenAPI documents: App Store Connect
//! API 4.4.1, its App Asset Library of 4.5.1 (rebuilt, see the table), and Enterprise Program API 1.0.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

/// Every document.
#[derive(Debug, Deserialize)]
pub(crate) struct Table {
    choices: Vec<Vec<String>>,
    shapes: BTreeMap<String, Shape>,
    store: Api,
    enterprise: Api,
}

/// One API.
#[derive(Debug, Deserialize)]
pub(crate) struct Api {
    /// The documents' titles and versions.
    pub(crate) source: String,
    /// The kinds of resources.
    pub(crate) kinds: BTreeMap<String, Kind>,
    /// Operations by path and method.
    pub(crate) paths: BTreeMap<String, BTreeMap<String, Operation>>,
}

/// A kind of resource.
#[derive(Debug, Deserialize)]
pub(crate) struct Kind {
    pub(crate) attributes: BTreeMap<String, Shape>,
    pub(crate) relationships: BTreeMap<String, Relationship>,
}

/// What a request may say, and what it is answered with.
#[derive(Debug, Deserialize)]
pub(crate) struct Operation {
    #[serde(default)]
    pub(crate) query: BTreeMap<String, Shape>,
    /// Parameters that have to be there.
    #[serde(default)]
    pub(crate) required: Vec<String>,
    pub(crate) body: Option<Body>,
    pub(crate) status: u16,
    pub(crate) answer: Option<Relationship>,
}

/// The body of a write, or of a resource that is created inside of one.
#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    /// For a change of a relationship, where it leads.
    pub(crate) linkage: Option<Relationship>,
    #[serde(default)]
    pub(crate) kind: String,
    /// Whether the resource's ID has to be there.
    #[serde(default)]
    pub(crate) id: bool,
    pub(crate) attributes: Option<BTreeMap<String, Shape>>,
    pub(crate) relationships: Option<BTreeMap<String, Relationship>>,
    /// Attributes and relationships that have to be there.
    #[serde(default)]
    pub(crate) required: Vec<String>,
    /// What may be created together with it.
    #[serde(default)]
    pub(crate) included: BTreeMap<String, Body>,
}

/// Where a relationship leads: `kind`, or `kind|kind`; with `*` to many, with `@` it has links.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Relationship {
    pub(crate) kinds: Vec<String>,
    pub(crate) many: bool,
    pub(crate) links: bool,
}

impl From<String> for Relationship {
    fn from(text: String) -> Self {
        let bare = text.trim_end_matches('@');
        let kinds = bare.trim_end_matches('*');
        Self {
            kinds: kinds
                .split('|')
                .filter(|kind| !kind.is_empty())
                .map(str::to_owned)
                .collect(),
            many: bare.ends_with('*'),
            links: text.ends_with('@'),
        }
    }
}

impl Relationship {
    /// The first kind that it leads to.
    pub(crate) fn kind(&self) -> &str {
        self.kinds.first().map_or("", String::as_str)
    }
}

/// What a value has to be.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Shape {
    /// One of an enumeration's values.
    Choices(usize),
    /// A type or a format, or another shape's name after `#`.
    Named(String),
    /// Or `null`.
    Nullable { nullable: Box<Shape> },
    /// A list.
    Items { items: Box<Shape> },
    /// An object with these members.
    Object {
        object: BTreeMap<String, Shape>,
        #[serde(default)]
        required: Vec<String>,
    },
    /// An object with any members.
    Map { map: Box<Shape> },
    /// One of these.
    Any { any: Vec<Shape> },
    /// A whole number from one to the other.
    Range { integer: (i64, i64) },
}

impl Table {
    /// The table.
    pub(crate) fn get() -> &'static Self {
        static TABLE: OnceLock<Table> = OnceLock::new();
        TABLE.get_or_init(|| match serde_json::from_str(include_str!("apple.json")) {
            Ok(table) => table,
            // The file is part of the program; a test reads it.
            Err(error) => unreachable!("the table of Apple's documents: {error}"),
        })
    }

    /// The API of a team.
    pub(crate) fn api(&self, enterprise: bool) -> &Api {
        if enterprise { &self.enterprise } else { &self.store }
    }

    /// The values of an enumeration.
    pub(crate) fn choices(&self, index: usize) -> &[String] {
        self.choices.get(index).map_or(&[], Vec::as_slice)
    }

    /// A shape that has a name.
    pub(crate) fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes.get(name)
    }
}

/// What a path means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// All resources of a kind.
    Collection(&'a str),
    /// One of them.
    Instance(&'a str, &'a str),
    /// What one of them is related to.
    Related(&'a str, &'a str, &'a str),
    /// The identifiers of what it is related to.
    Linkage(&'a str, &'a str, &'a str),
}

impl Api {
    /// The operations of a path, and what it means.
    pub(crate) fn find<'a>(&self, path: &'a str) -> Option<(&BTreeMap<String, Operation>, Place<'a>)> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (pattern, place) = match parts.as_slice() {
            [version, kind] => (format!("/{version}/{kind}"), Place::Collection(kind)),
            [version, kind, id] => (format!("/{version}/{kind}/{{id}}"), Place::Instance(kind, id)),
            [version, kind, id, name] => (
                format!("/{version}/{kind}/{{id}}/{name}"),
                Place::Related(kind, id, name),
            ),
            [version, kind, id, "relationships", name] => (
                format!("/{version}/{kind}/{{id}}/relationships/{name}"),
                Place::Linkage(kind, id, name),
            ),
            _ => return None,
        };
        Some((self.paths.get(&pattern)?, place))
    }

    /// The version in the paths of a kind, such as `v1`.
    pub(crate) fn version(&self, kind: &str) -> &str {
        let of = |version: &&str| {
            self.paths.contains_key(&format!("/{version}/{kind}/{{id}}"))
                || self.paths.contains_key(&format!("/{version}/{kind}"))
        };
        ["v1", "v2", "v3"]
            .iter()
            .find(|version| of(version))
            .unwrap_or(&"v1")
    }

    /// The body that creates a resource of the kind.
    pub(crate) fn creation(&self, kind: &str) -> Option<&Body> {
        let path = format!("/{}/{kind}", self.version(kind));
        self.paths.get(&path)?.get("POST")?.body.as_ref()
    }

    /// Every relationship of a kind: those that its answers show, those that only its creation names, and those that only
    /// a path leads to.
    pub(crate) fn relationships(&self, kind: &str) -> BTreeMap<&str, &Relationship> {
        let shown = self.kinds.get(kind).map(|known| &known.relationships);
        let created = self.creation(kind).and_then(|body| body.relationships.as_ref());
        let start = format!("/{}/{kind}/{{id}}/", self.version(kind));
        let mut all: BTreeMap<&str, &Relationship> = self
            .paths
            .range(start.clone()..)
            .take_while(|(path, _)| path.starts_with(&start))
            .filter_map(|(path, operations)| {
                let name = path.get(start.len()..).filter(|name| !name.contains('/'))?;
                Some((name, operations.get("GET")?.answer.as_ref()?))
            })
            .collect();
        let named = [created, shown].into_iter().flatten().flatten();
        all.extend(
            named
                .filter(|(_, relationship)| !relationship.kinds.is_empty())
                .map(|(name, relationship)| (name.as_str(), relationship)),
        );
        all
    }

    /// The same relationship seen from the other side, where each side has exactly one that leads to the other.
    pub(crate) fn inverse(&self, kind: &str, name: &str, target: &str) -> Option<(&str, &Relationship)> {
        let leads_to = |from: &str, to: &str| {
            self.relationships(from)
                .into_iter()
                .filter(|(_, one)| one.kinds.iter().any(|kind| kind == to))
                .collect::<Vec<_>>()
        };
        if kind == target {
            // Only categories have parents of their own kind.
            let other = leads_to(kind, target)
                .into_iter()
                .find(|(known, _)| *known != name)?;
            return Some(other);
        }
        let (there, back) = (leads_to(kind, target), leads_to(target, kind));
        match (there.as_slice(), back.as_slice()) {
            ([_], [one]) => Some(*one),
            _ => None,
        }
    }
}

/// Every operation that the sandbox serves: the API's documents, a path, and a method.
pub fn operations() -> Vec<(String, String, String)> {
    let table = Table::get();
    [&table.store, &table.enterprise]
        .into_iter()
        .flat_map(|api| {
            api.paths.iter().flat_map(|(path, operations)| {
                operations
                    .keys()
                    .map(|method| (api.source.clone(), path.clone(), method.clone()))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let table = Table::get();
        fn names(shape: &Shape, all: &mut Vec<String>) {
            match shape {
                Shape::Named(name) => all.extend(name.strip_prefix('#').map(str::to_owned)),
                Shape::Nullable { nullable: inner }
                | Shape::Items { items: inner }
                | Shape::Map { map: inner } => {
                    names(inner, all);
                }
                Shape::Object { object, .. } => object.values().for_each(|shape| names(shape, all)),
                Shape::Any { any } => any.iter().for_each(|shape| names(shape, all)),
                Shape::Choices(index) => assert!(!Table::get().choices(*index).is_empty(), "{index}"),
                Shape::Range { .. } => {}
            }
        }
        let mut all = Vec::new();
        table.shapes.values().for_each(|shape| names(shape, &mut all));
        for api in [&table.store, &table.enterprise] {
            for operation in api.paths.values().flat_map(BTreeMap::values) {
                operation.query.values().for_each(|shape| names(shape, &mut all));
                let answer = operation.answer.as_ref();
                if let Some(answer) = answer {
                    assert!(api.kinds.contains_key(answer.kind()), "{}", answer.kind());
                }
            }
            for kind in api.kinds.values() {
                kind.attributes.values().for_each(|shape| names(shape, &mut all));
            }
        }
        for name in all {
            assert!(table.shape(&name).is_some(), "{name}");
        }
        assert!(operations().len() > 300);
    }

    #[test]
    fn a_relationship_has_another_side_only_where_it_is_certain() {
        let api = Table::get().api(false);
        let inverse = |kind, name, target| api.inverse(kind, name, target).map(|(name, _)| name);
        for (kind, name, target, other) in [
            ("betaGroups", "betaTesters", "betaTesters", Some("betaGroups")),
            (
                "appStoreVersionLocalizations",
                "appStoreVersion",
                "appStoreVersions",
                Some("appStoreVersionLocalizations"),
            ),
            (
                "reviewSubmissionItems",
                "reviewSubmission",
                "reviewSubmissions",
                Some("items"),
            ),
            ("appCategories", "parent", "appCategories", Some("subcategories")),
            ("appInfos", "primaryCategory", "appCategories", None),
            ("builds", "individualTesters", "betaTesters", Some("builds")),
        ] {
            assert_eq!(inverse(kind, name, target), other, "{kind}.{name}");
        }
    }
}
