//! The shapes of the API's answers: JSON:API documents.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A document with one resource.
#[derive(Debug, Clone, Deserialize)]
pub struct One<A> {
    /// The resource.
    pub data: Resource<A>,
}

/// A page of a list.
#[derive(Debug, Clone, Deserialize)]
pub struct Many<A> {
    /// The page's resources.
    pub data: Vec<Resource<A>>,
    /// Related resources that were asked for with `include`.
    #[serde(default = "Vec::new")]
    pub included: Vec<Resource<Value>>,
    #[serde(default)]
    pub(crate) links: Links,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Links {
    pub(crate) next: Option<String>,
}

/// A resource with its attributes.
#[derive(Debug, Clone, Deserialize)]
pub struct Resource<A> {
    /// Apple's opaque ID.
    pub id: String,
    /// The resource type, such as `profiles`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it says about itself.
    pub attributes: A,
    #[serde(default)]
    relationships: BTreeMap<String, Relationship>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Relationship {
    #[serde(default)]
    data: Value,
    #[serde(default)]
    meta: Value,
}

/// The type and ID of a related resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
pub struct Identifier {
    /// The resource type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its ID.
    pub id: String,
}

impl<A> Resource<A> {
    /// What is related under `name`, as far as the answer says.
    pub fn related(&self, name: &str) -> Vec<Identifier> {
        let Some(relationship) = self.relationships.get(name) else {
            return Vec::new();
        };
        match &relationship.data {
            list @ Value::Array(_) => serde_json::from_value(list.clone()).unwrap_or_default(),
            one @ Value::Object(_) => serde_json::from_value(one.clone()).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Whether more is related under `name` than [`Resource::related`] lists.
    pub fn has_more(&self, name: &str) -> bool {
        let total = self
            .relationships
            .get(name)
            .and_then(|related| related.meta["paging"]["total"].as_u64());
        total.is_some_and(|total| total > self.related(name).len() as u64)
    }
}

impl<A> Many<A> {
    /// The included resources of one type, by ID. One that can't be read is left out.
    pub fn included<T: DeserializeOwned>(&self, kind: &str) -> BTreeMap<String, Resource<T>> {
        let of_kind = self.included.iter().filter(|resource| resource.kind == kind);
        of_kind
            .filter_map(|resource| {
                let attributes = serde_json::from_value(resource.attributes.clone()).ok()?;
                let typed = Resource {
                    id: resource.id.clone(),
                    kind: resource.kind.clone(),
                    attributes,
                    relationships: resource.relationships.clone(),
                };
                Some((resource.id.clone(), typed))
            })
            .collect()
    }
}
