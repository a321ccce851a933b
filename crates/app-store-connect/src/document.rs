//! The shapes of the API's answers: JSON:API documents.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A document with one resource.
#[derive(Debug, Clone, Deserialize)]
#[serde(expecting = "a document with one resource")]
pub struct One<A> {
    /// The resource.
    pub data: Resource<A>,
}

/// A page of a list.
#[derive(Debug, Clone, Deserialize)]
#[serde(expecting = "a list of resources")]
pub struct Many<A> {
    /// The page's resources.
    pub data: Vec<Resource<A>>,
    /// Related resources that were asked for with `include`.
    #[serde(default = "Vec::new")]
    pub included: Vec<Value>,
    #[serde(default, deserialize_with = "nullable")]
    pub(crate) links: Links,
    #[serde(default)]
    pub(crate) meta: Value,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Links {
    pub(crate) next: Option<String>,
}

/// A resource with its attributes.
#[derive(Debug, Clone, Deserialize)]
#[serde(expecting = "a resource")]
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

    /// The one resource that is related under `name`, as far as the answer says.
    pub fn one(&self, name: &str) -> Option<Identifier> {
        self.related(name).into_iter().next()
    }

    /// Whether the answer names the relationship at all, with or without what is related. Apple names all of a resource's
    /// relationships with their links.
    pub fn has_relationship(&self, name: &str) -> bool {
        self.relationships.contains_key(name)
    }

    /// Whether the answer says what is related under `name`, be it nothing: it does where `include` asked for it.
    pub fn is_loaded(&self, name: &str) -> bool {
        self.relationships
            .get(name)
            .is_some_and(|relationship| !relationship.data.is_null())
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
    /// How many resources the whole list has, where the answer says so.
    pub(crate) fn total(&self) -> Option<u64> {
        self.meta["paging"]["total"].as_u64()
    }

    /// The included resources of one type, by ID. One that can't be read is left out.
    pub fn included<T: DeserializeOwned>(&self, kind: &str) -> BTreeMap<String, Resource<T>> {
        let of_kind = self.included.iter().filter(|resource| resource["type"] == kind);
        of_kind
            .filter_map(|resource| serde_json::from_value::<Resource<T>>(resource.clone()).ok())
            .map(|resource| (resource.id.clone(), resource))
            .collect()
    }
}

/// For serde: Apple writes `null` where it has nothing to say.
pub(crate) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{BundleId, BundleIdCapability, Device};

    #[test]
    fn what_apple_leaves_out_or_adds_does_not_hurt() {
        let page = r#"{"data":[{"type":"devices","id":"1","attributes":{"name":null,"udid":"u","deviceClass":null,"new":1},
            "relationships":null}],"links":{"self":"x"}}"#;
        let page = page.replace(r#""relationships":null"#, r#""relationships":{}"#);
        let devices: Many<Device> = serde_json::from_str(&page).unwrap();
        assert_eq!(
            (
                devices.data[0].attributes.name.as_str(),
                devices.data[0].attributes.udid.as_str()
            ),
            ("", "u")
        );
    }

    #[test]
    fn related_resources_are_found_by_type_and_a_cut_list_is_noticed() {
        let page: Many<BundleId> = serde_json::from_str(
            r#"{"data":[{"type":"bundleIds","id":"b","attributes":{"identifier":"a.b"},"relationships":{
                "bundleIdCapabilities":{"data":[{"type":"bundleIdCapabilities","id":"c"}],"meta":{"paging":{"total":1}}},
                "profiles":{"data":[],"meta":{"paging":{"total":60}}},"app":{"data":null}}}],
                "included":[{"type":"bundleIdCapabilities","id":"c","attributes":{"capabilityType":"SIRIKIT","settings":null}},
                            {"type":"somethingNew","id":"n"}]}"#,
        )
        .unwrap();
        let bundle_id = &page.data[0];
        assert_eq!(bundle_id.related("bundleIdCapabilities")[0].id, "c");
        assert!(bundle_id.has_more("profiles") && !bundle_id.has_more("bundleIdCapabilities"));
        let capabilities = page.included::<BundleIdCapability>("bundleIdCapabilities");
        assert_eq!(capabilities["c"].attributes.capability_type, "SIRIKIT");
    }
}
