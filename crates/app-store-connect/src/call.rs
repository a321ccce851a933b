//! A call is a value: it says its method, path, query and body, and what its answer looks like.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use transport::Method;

/// A call of the API.
pub trait Call: Sync {
    /// What the answer decodes to.
    type Answer: DeserializeOwned;

    /// The HTTP method.
    fn method(&self) -> Method {
        Method::GET
    }

    /// The path, such as `v1/devices`.
    fn path(&self) -> String;

    /// The query parameters.
    fn query(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The document that is sent.
    fn body(&self) -> Option<Value> {
        None
    }
}

/// A relationship of a resource that is created: one ID or several, of one type.
#[derive(Debug, Clone)]
pub enum Linked<'a> {
    /// A to-one relationship.
    One(&'static str, &'a str),
    /// A to-many relationship.
    Many(&'static str, &'a [String]),
}

impl Linked<'_> {
    fn document(&self) -> Value {
        match self {
            Self::One(kind, id) => json!({"data": {"type": kind, "id": id}}),
            Self::Many(kind, ids) => {
                let data: Vec<Value> = ids.iter().map(|id| json!({"type": kind, "id": id})).collect();
                json!({"data": data})
            }
        }
    }

    /// Apple refuses an empty to-many relationship where none belongs.
    fn is_empty(&self) -> bool {
        matches!(self, Self::Many(_, ids) if ids.is_empty())
    }
}

/// The document that creates a resource.
pub(crate) fn creation(kind: &str, attributes: Value, relationships: &[(&str, Linked<'_>)]) -> Value {
    let mut document = json!({"data": {"type": kind, "attributes": attributes}});
    for (name, linked) in relationships.iter().filter(|(_, linked)| !linked.is_empty()) {
        document["data"]["relationships"][*name] = linked.document();
    }
    document
}
