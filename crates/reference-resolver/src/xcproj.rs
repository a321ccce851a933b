//! `project.xcproj`, the format of Xcode 27.2, as the objects of the older one: the rest of the crate knows one kind of
//! project.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use crate::json5;

/// The objects, and the ID of the root object.
pub(crate) fn read(text: &str) -> anyhow::Result<(Value, String)> {
    let document = json5::read(text)?;
    let mut made = Made::default();
    made.root(&document)?;
    Ok((Value::Object(made.objects), "root".to_owned()))
}

#[derive(Default)]
struct Made {
    objects: Map<String, Value>,
    /// Name paths with the objects that they lead to, and the IDs that the file gives them.
    names: Vec<(Vec<String>, String)>,
    given: BTreeMap<String, String>,
    /// A reference with what it says of its membership.
    memberships: Vec<(String, Value)>,
    configurations: Vec<String>,
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Made {
    fn add(&mut self, object: Value) -> String {
        let id = format!("#{}", self.objects.len());
        self.objects.insert(id.clone(), object);
        id
    }

    fn root(&mut self, document: &Value) -> anyhow::Result<()> {
        let children: Vec<String> = list(&document["files"])
            .iter()
            .map(|file| self.reference(file, &[]))
            .collect();
        let group = self.add(json!({ "isa": "PBXGroup", "children": children, "sourceTree": "<group>" }));
        let named = |one: &Value| text(if one.is_string() { one } else { &one["name"] });
        self.configurations = list(&document["configurations"]).iter().map(named).collect();
        let configurations = document["configurations"].clone();
        let configurations = self.configuration_list(&configurations, document);
        let names: BTreeMap<String, String> = list(&document["targets"])
            .iter()
            .map(|target| (text(&target["name"]), text(&target["id"])))
            .collect();
        let mut phases = BTreeMap::new();
        for target in list(&document["targets"]) {
            self.target(target, &names, &mut phases)?;
        }
        for product in list(&document["imported-products"]) {
            let name = product["path"].as_str().or(product["name"].as_str());
            let proxy = json!({ "isa": "PBXReferenceProxy", "path": name.unwrap_or_default() });
            let proxy = self.add(proxy);
            self.memberships
                .push((proxy, product["target-membership"].clone()));
        }
        for (file, memberships) in std::mem::take(&mut self.memberships) {
            for membership in list(&memberships) {
                let phase = if membership.is_string() {
                    membership
                } else {
                    &membership["build-phase"]
                };
                let key = match phase.as_array() {
                    Some(parts) => parts.iter().map(text).collect::<Vec<_>>().join("/"),
                    None => text(phase),
                };
                let Some(phase) = phases.get(&key).cloned() else {
                    continue;
                };
                let build_file = json!({ "isa": "PBXBuildFile", "fileRef": file, "platformFilters": membership["platforms"] });
                let build_file = self.add(build_file);
                if let Some(files) = self.objects[&phase]["files"].as_array_mut() {
                    files.push(build_file.into());
                }
            }
        }
        let projects: Vec<Value> = self
            .objects
            .iter()
            .filter(|(_, object)| {
                object["path"]
                    .as_str()
                    .is_some_and(|path| path.ends_with(".xcodeproj"))
            })
            .map(|(id, _)| json!({ "ProjectRef": id }))
            .collect();
        let targets: Vec<&String> = names.values().collect();
        let in_order: Vec<String> = list(&document["targets"])
            .iter()
            .map(|target| text(&target["id"]))
            .filter(|id| targets.contains(&id))
            .collect();
        let root = json!({
            "isa": "PBXProject",
            "buildConfigurationList": configurations,
            "mainGroup": group,
            "projectReferences": projects,
            "targets": in_order,
        });
        self.objects.insert("root".to_owned(), root);
        let default = document["default-configuration"].clone();
        self.objects[&configurations]["defaultConfigurationName"] = default;
        Ok(())
    }

    /// A file or a group, with what it holds; its ID.
    fn reference(&mut self, file: &Value, around: &[String]) -> String {
        let path = text(&file["path"]);
        let bases = [
            ("<PROJECT>/", "SOURCE_ROOT"),
            ("<PRODUCTS>/", "BUILT_PRODUCTS_DIR"),
        ];
        let based = bases
            .iter()
            .find_map(|(base, tree)| Some((path.strip_prefix(base)?, *tree)));
        let (rest, tree) = match based {
            Some(found) => found,
            None if path.starts_with(['/', '~']) => (path.as_str(), "<absolute>"),
            None => (path.as_str(), "<group>"),
        };
        let last = path.rsplit('/').next().unwrap_or_default().to_owned();
        let name = file["name"].as_str().map_or(last, str::to_owned);
        let own = [around, &[name]].concat();
        let isa = match file["kind"].as_str() {
            None | Some("file-reference") => "PBXFileReference",
            Some("folder") => "PBXFileSystemSynchronizedRootGroup",
            Some(_) => "PBXGroup",
        };
        let children: Vec<String> = list(&file["children"])
            .iter()
            .map(|child| self.reference(child, &own))
            .collect();
        let mut object = json!({ "isa": isa, "path": rest, "sourceTree": tree });
        if !children.is_empty() {
            object["children"] = json!(children);
        }
        let id = self.add(object);
        if let Some(given) = file["id"].as_str() {
            self.given.insert(given.to_owned(), id.clone());
        }
        self.names.push((own, id.clone()));
        if isa == "PBXFileReference" {
            self.memberships
                .push((id.clone(), file["target-membership"].clone()));
        }
        id
    }

    /// What a name path or an ID leads to.
    fn led_to(&self, reference: &Value) -> Option<String> {
        if let Some(id) = reference.as_str().and_then(|text| text.strip_prefix("id:")) {
            return self.given.get(id).cloned();
        }
        let path: Vec<String> = match reference {
            Value::String(path) => path.split('/').map(str::to_owned).collect(),
            other => list(other)
                .iter()
                .map(|part| text(if part.is_string() { part } else { &part["name"] }))
                .collect(),
        };
        let mut found = self.names.iter().filter(|(names, _)| *names == path);
        found.next().map(|(_, id)| id.clone())
    }

    /// A configuration list with the settings of its owner, one dictionary per configuration.
    fn configuration_list(&mut self, specialized: &Value, owner: &Value) -> String {
        let mut ids = Vec::new();
        for name in self.configurations.clone() {
            let mut settings = Map::new();
            let mut own = Map::new();
            for (key, value) in owner["build-settings"].as_object().into_iter().flatten() {
                let mut pattern = format!("[config={name}]");
                let is_other = self.configurations.iter().any(|other| {
                    pattern = format!("[config={other}]");
                    key.contains(&pattern)
                });
                if !is_other {
                    settings.insert(key.clone(), value.clone());
                } else if pattern == format!("[config={name}]") {
                    own.insert(key.replacen(&pattern, "", 1), value.clone());
                }
            }
            settings.extend(own);
            let mut object =
                json!({ "isa": "XCBuildConfiguration", "name": name, "buildSettings": settings });
            let special = list(specialized).iter().find(|one| one["name"] == *name);
            if let Some(file) = special.map(|one| &one["file"]) {
                if file.is_object() {
                    object["baseConfigurationReferenceAnchor"] = self.led_to(&file["anchor"]).into();
                    object["baseConfigurationReferenceRelativePath"] = file["relative-path"].clone();
                } else if let Some(id) = self.led_to(file) {
                    object["baseConfigurationReference"] = id.into();
                }
            }
            ids.push(self.add(object));
        }
        self.add(json!({ "isa": "XCConfigurationList", "buildConfigurations": ids }))
    }

    fn target(
        &mut self,
        target: &Value,
        names: &BTreeMap<String, String>,
        phases: &mut BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        let name = target["name"].as_str().context("a target has no name")?;
        let configurations = self.configuration_list(&target["specialized-configurations"], target);
        let mut own_phases = Vec::new();
        for phase in list(&target["build-phases"]) {
            let kind = text(if phase.is_string() { phase } else { &phase["kind"] });
            let isa = match kind.as_str() {
                "frameworks" => "PBXFrameworksBuildPhase",
                "copy" => "PBXCopyFilesBuildPhase",
                _ => "PBXOtherBuildPhase",
            };
            let id = self.add(json!({ "isa": isa, "files": [] }));
            match phase["name"].as_str() {
                Some(own) => phases.insert(format!("{name}/{kind}/{own}"), id.clone()),
                None => phases.insert(format!("{name}/{kind}"), id.clone()),
            };
            if let Some(given) = phase["id"].as_str() {
                phases.insert(format!("id:{given}"), id.clone());
            }
            own_phases.push(id);
        }
        let mut dependencies = Vec::new();
        for dependency in list(&target["dependencies"]) {
            let named = if dependency.is_string() {
                dependency
            } else {
                &dependency["target"]
            };
            let mut object =
                json!({ "isa": "PBXTargetDependency", "platformFilters": dependency["platforms"] });
            match dependency["kind"].as_str() {
                None | Some("localTarget") => object["target"] = json!(names.get(&text(named))),
                Some("remoteTarget") => {
                    let portal = self.led_to(&dependency["project"]);
                    let proxy =
                        json!({ "containerPortal": portal, "remoteGlobalIDString": dependency["target-id"] });
                    object["targetProxy"] = self.add(proxy).into();
                }
                Some(_) => continue,
            }
            dependencies.push(self.add(object));
        }
        let kind = target["product-type"]
            .as_str()
            .map(|kind| format!("com.apple.product-type.{kind}"));
        let object = json!({
            "isa": "PBXTarget",
            "name": name,
            "productType": kind.or(target["full-product-type"].as_str().map(str::to_owned)),
            "productReference": self.led_to(&target["product"]),
            "buildConfigurationList": configurations,
            "buildPhases": own_phases,
            "dependencies": dependencies,
        });
        self.objects.insert(text(&target["id"]), object);
        Ok(())
    }
}
