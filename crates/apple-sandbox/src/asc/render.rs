//! Resources as JSON:API writes them.

use serde_json::{Map, Value, json};

use super::leads_to_library;
use super::objects::Key;
use super::query::Query;
use super::view::View;

/// Attributes that Apple answers and its document names only among the parameters `fields[…]`.
///
/// Source: `SigningCertificate` of codemagic-cli-tools 0.70, which wants the member, 2026-11-25.
const UNDOCUMENTED: [(&str, &str); 1] = [("certificates", "csrContent")];

/// Attributes that are `null` even where the document's rule, that it has no `null`, is kept: a build whose Info.plist does not
/// say how it encrypts is unanswered until somebody does.
///
/// Source: `Build` of codemagic-cli-tools 0.70 fails without the member, and fastlane 2.237 asks
/// `uses_non_exempt_encryption.nil?` (deliver/submit_for_review.rb), 2026-11-25.
const NULLABLE: [(&str, &str); 1] = [("builds", "usesNonExemptEncryption")];

impl View<'_> {
    /// A resource. `main` is whether it is what was asked for, rather than what comes along: only its relationships name
    /// what they lead to.
    pub(crate) fn resource(&self, key: &Key, query: &Query, main: bool) -> Value {
        let mut resource = json!({"type": key.kind, "id": key.id});
        let Some(kind) = self.api.kinds.get(&key.kind) else {
            return resource;
        };
        let mut attributes: Map<String, Value> = self
            .attributes(&key.kind, &key.id)
            .unwrap_or_default()
            .into_iter()
            .filter(|(name, value)| {
                let is_known = kind.attributes.contains_key(name)
                    || UNDOCUMENTED.contains(&(key.kind.as_str(), name.as_str()));
                !value.is_null() && is_known && query.shows(&key.kind, name)
            })
            .collect();
        for name in kind.attributes.keys().filter(|name| query.shows(&key.kind, name)) {
            if self.state.answers_null || NULLABLE.contains(&(key.kind.as_str(), name.as_str())) {
                attributes.entry(name).or_insert(Value::Null);
            }
        }
        if !attributes.is_empty() {
            resource["attributes"] = attributes.into();
        }
        let own = format!(
            "{}/{}/{}/{}",
            self.base,
            self.api.version(&key.kind),
            key.kind,
            key.id
        );
        let mut relationships = Map::new();
        let has_library = self.state.release.has_asset_library;
        for (name, relationship) in &kind.relationships {
            if leads_to_library(name) && !has_library {
                continue;
            }
            let is_included = main && query.includes(name);
            if !query.shows(&key.kind, name) && !is_included {
                continue;
            }
            let mut value = Map::new();
            if is_included && !relationship.kinds.is_empty() {
                let keys = self.related(&key.kind, &key.id, name);
                let identifier = |key: &Key| json!({"type": key.kind, "id": key.id});
                if relationship.many {
                    let limit = query.limit_of(name);
                    let data = keys.iter().take(limit).map(identifier).collect();
                    value.insert("data".to_owned(), data);
                    let paging = json!({"paging": {"total": keys.len(), "limit": limit}});
                    value.insert("meta".to_owned(), paging);
                } else if let Some(key) = keys.first() {
                    value.insert("data".to_owned(), identifier(key));
                }
            }
            if relationship.links {
                let links = json!({
                    "self": format!("{own}/relationships/{name}"),
                    "related": format!("{own}/{name}"),
                });
                value.insert("links".to_owned(), links);
            }
            if !value.is_empty() {
                relationships.insert(name.clone(), value.into());
            }
        }
        if !relationships.is_empty() {
            resource["relationships"] = relationships.into();
        }
        resource["links"] = json!({"self": own});
        resource
    }

    /// What comes along with the resources of a page, each once.
    pub(crate) fn include(&self, keys: &[Key], query: &Query) -> Vec<Value> {
        let mut seen: Vec<Key> = Vec::new();
        let mut known = std::collections::BTreeSet::new();
        for key in keys {
            let Some(kind) = self.api.kinds.get(&key.kind) else {
                continue;
            };
            for name in query.include.iter().flatten() {
                let Some(relationship) = kind.relationships.get(name) else {
                    continue;
                };
                let limit = if relationship.many {
                    query.limit_of(name)
                } else {
                    1
                };
                for other in self.related(&key.kind, &key.id, name).into_iter().take(limit) {
                    if !keys.contains(&other) && known.insert(other.clone()) {
                        seen.push(other);
                    }
                }
            }
        }
        seen.iter().map(|key| self.resource(key, query, false)).collect()
    }
}
