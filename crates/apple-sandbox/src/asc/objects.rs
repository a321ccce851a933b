//! Resources that need no types of their own, and how all resources are related.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::document::Api;

/// A resource's kind and ID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Key {
    /// The kind, such as `betaGroups`.
    pub kind: String,
    /// The ID.
    pub id: String,
}

impl Key {
    pub(crate) fn new(kind: &str, id: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            id: id.to_owned(),
        }
    }
}

/// The members of an object; none where it is something else.
pub(crate) fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// A resource of a kind that has no type of its own; for the others, what was said about it besides.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Object {
    /// The attributes.
    pub attributes: Map<String, Value>,
    /// What it is related to, by relationship.
    pub links: BTreeMap<String, Vec<Key>>,
    /// Until which list request it stays hidden.
    pub(crate) hidden_until: u32,
    /// Its place among the others.
    pub(crate) order: u64,
}

/// All of them, by kind and ID.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Objects {
    all: BTreeMap<String, BTreeMap<String, Object>>,
    count: u64,
}

impl Objects {
    /// A resource.
    pub fn get(&self, kind: &str, id: &str) -> Option<&Object> {
        self.all.get(kind)?.get(id)
    }

    pub(crate) fn get_mut(&mut self, kind: &str, id: &str) -> Option<&mut Object> {
        self.all.get_mut(kind)?.get_mut(id)
    }

    /// A resource, which is there afterwards.
    pub(crate) fn entry(&mut self, kind: &str, id: &str) -> &mut Object {
        let count = &mut self.count;
        let of_kind = self.all.entry(kind.to_owned()).or_default();
        of_kind.entry(id.to_owned()).or_insert_with(|| {
            *count += 1;
            Object {
                order: *count,
                ..Object::default()
            }
        })
    }

    /// The IDs of a kind, oldest first.
    pub fn ids(&self, kind: &str) -> Vec<String> {
        let mut all: Vec<(&String, &Object)> = self.all.get(kind).into_iter().flatten().collect();
        all.sort_by_key(|(_, object)| object.order);
        all.into_iter().map(|(id, _)| id.clone()).collect()
    }

    /// An attribute.
    pub(crate) fn value(&self, kind: &str, id: &str, name: &str) -> Option<&Value> {
        self.get(kind, id)?.attributes.get(name)
    }

    /// An attribute that is text; empty where there is none.
    pub(crate) fn text(&self, kind: &str, id: &str, name: &str) -> &str {
        self.value(kind, id, name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Whether an attribute is `true`.
    pub(crate) fn is(&self, kind: &str, id: &str, name: &str) -> bool {
        self.value(kind, id, name) == Some(&Value::Bool(true))
    }

    /// The attributes of a resource; none where there is no such resource.
    pub(crate) fn attributes(&self, key: &Key) -> Map<String, Value> {
        let known = self.get(&key.kind, &key.id);
        known.map(|known| known.attributes.clone()).unwrap_or_default()
    }

    /// Sets an attribute of what is there.
    pub(crate) fn set(&mut self, kind: &str, id: &str, name: &str, value: impl Into<Value>) {
        if let Some(object) = self.get_mut(kind, id) {
            object.attributes.insert(name.to_owned(), value.into());
        }
    }

    /// What a relationship leads to.
    pub(crate) fn links(&self, kind: &str, id: &str, name: &str) -> &[Key] {
        let links = self.get(kind, id).and_then(|object| object.links.get(name));
        links.map_or(&[], Vec::as_slice)
    }

    /// The ID that a relationship to one leads to.
    pub(crate) fn link(&self, kind: &str, id: &str, name: &str) -> Option<String> {
        self.links(kind, id, name).first().map(|key| key.id.clone())
    }

    /// Adds to a relationship, on both sides.
    pub(crate) fn relate(&mut self, api: &Api, from: &Key, name: &str, to: &Key) {
        let many = api.relationships(&from.kind).get(name).is_none_or(|one| one.many);
        if !many {
            self.sever_all(api, from, name);
        }
        self.add(from, name, to);
        if let Some((back, relationship)) = api.inverse(&from.kind, name, &to.kind) {
            if !relationship.many {
                for old in self.links(&to.kind, &to.id, back).to_vec() {
                    self.drop_link(&old, name, to);
                }
                self.entry(&to.kind, &to.id).links.remove(back);
            }
            self.add(to, back, from);
        }
    }

    fn add(&mut self, from: &Key, name: &str, to: &Key) {
        let links = self
            .entry(&from.kind, &from.id)
            .links
            .entry(name.to_owned())
            .or_default();
        if !links.contains(to) {
            links.push(to.clone());
        }
    }

    fn drop_link(&mut self, from: &Key, name: &str, to: &Key) {
        if let Some(links) = self
            .get_mut(&from.kind, &from.id)
            .and_then(|object| object.links.get_mut(name))
        {
            links.retain(|key| key != to);
        }
    }

    /// Takes one away from a relationship, on both sides.
    pub(crate) fn sever(&mut self, api: &Api, from: &Key, name: &str, to: &Key) {
        self.drop_link(from, name, to);
        if let Some((back, _)) = api.inverse(&from.kind, name, &to.kind) {
            let back = back.to_owned();
            self.drop_link(to, &back, from);
        }
    }

    /// Empties a relationship, on both sides.
    pub(crate) fn sever_all(&mut self, api: &Api, from: &Key, name: &str) {
        for to in self.links(&from.kind, &from.id, name).to_vec() {
            self.sever(api, from, name, &to);
        }
    }

    /// Removes a resource, and what can't be without it. Returns all that is gone.
    pub(crate) fn remove(&mut self, api: &Api, key: &Key) -> Vec<Key> {
        let Some(_) = self.all.get_mut(&key.kind).and_then(|all| all.remove(&key.id)) else {
            return Vec::new();
        };
        let mut orphans = Vec::new();
        for (kind, objects) in &mut self.all {
            let creation = api.creation(kind).and_then(|body| body.relationships.as_ref());
            for (id, object) in objects {
                for (name, links) in &mut object.links {
                    let before = links.len();
                    links.retain(|other| other != key);
                    // What was created for it alone goes with it.
                    let belongs = creation
                        .and_then(|all| all.get(name))
                        .is_some_and(|one| !one.many);
                    if links.len() < before && belongs {
                        orphans.push(Key::new(kind, id));
                    }
                }
            }
        }
        let mut gone = vec![key.clone()];
        for orphan in orphans {
            gone.extend(self.remove(api, &orphan));
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::Table;
    use super::*;

    #[test]
    fn both_sides_of_a_relationship_agree() {
        let api = Table::get().api(false);
        let mut objects = Objects::default();
        let [group, other] = ["a", "b"].map(|id| Key::new("betaGroups", id));
        let tester = Key::new("betaTesters", "t");
        objects.relate(api, &group, "betaTesters", &tester);
        objects.relate(api, &tester, "betaGroups", &other);
        assert_eq!(
            objects.links("betaTesters", "t", "betaGroups"),
            [group.clone(), other.clone()]
        );
        assert_eq!(
            objects.links("betaGroups", "b", "betaTesters"),
            std::slice::from_ref(&tester)
        );
        objects.sever(api, &group, "betaTesters", &tester);
        assert_eq!(objects.links("betaTesters", "t", "betaGroups"), [other]);
        objects.remove(api, &tester);
        assert!(objects.links("betaGroups", "b", "betaTesters").is_empty());
    }

    #[test]
    fn a_relationship_to_one_is_replaced() {
        let api = Table::get().api(false);
        let mut objects = Objects::default();
        let version = Key::new("appStoreVersions", "v");
        let [first, second] = ["1", "2"].map(|id| Key::new("builds", id));
        objects.relate(api, &version, "build", &first);
        objects.relate(api, &version, "build", &second);
        assert_eq!(objects.links("appStoreVersions", "v", "build"), [second]);
        assert!(objects.links("builds", "1", "appStoreVersion").is_empty());
        assert_eq!(objects.links("builds", "2", "appStoreVersion"), [version]);
    }

    #[test]
    fn what_belongs_to_a_resource_goes_with_it() {
        let api = Table::get().api(false);
        let mut objects = Objects::default();
        let locale = Key::new("appStoreVersionLocalizations", "l");
        let set = Key::new("appScreenshotSets", "s");
        let shot = Key::new("appScreenshots", "p");
        objects.relate(api, &set, "appStoreVersionLocalization", &locale);
        objects.relate(api, &shot, "appScreenshotSet", &set);
        objects.relate(
            api,
            &locale,
            "appStoreVersion",
            &Key::new("appStoreVersions", "v"),
        );
        objects.remove(api, &Key::new("appStoreVersions", "v"));
        assert!(objects.ids("appScreenshots").is_empty() && objects.ids("appScreenshotSets").is_empty());
    }
}
