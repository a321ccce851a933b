//! The table of Apple's API documents that the sandbox is compiled with.
//!
//! Only facts go into it: paths, names of parameters, types, enumerations, limits, what is required. Descriptions stay in
//! Apple's documents, which are not part of the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Map, Value, json};

use crate::workspace;

/// Where the table lies.
const TABLE: &str = "crates/apple-sandbox/src/asc/apple.json";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// OpenAPI documents of the App Store Connect API, or excerpts of it. A schema of several has what any of them says; where
    /// they differ, the first one is right
    #[arg(long, required = true, value_name = "FILE")]
    store: Vec<PathBuf>,
    /// The OpenAPI document of the Enterprise Program API
    #[arg(long, value_name = "FILE")]
    enterprise: PathBuf,
}

/// Writes the table.
///
/// # Errors
/// When a document can't be read, or is none.
pub(crate) fn write(options: &Options) -> anyhow::Result<()> {
    let mut pool = Pool::default();
    let store = Api::read(&options.store)?.table(&mut pool)?;
    let enterprise = Api::read(std::slice::from_ref(&options.enterprise))?.table(&mut pool)?;
    let mut text = String::from("{\n");
    text.push_str(
        "\"comment\": \"Facts from Apple's OpenAPI documents, written by `cargo xtask apple-document`. No prose of Apple's.\",\n",
    );
    text.push_str(&lines(
        "choices",
        pool.choices.iter().map(|list| json!(list).to_string()),
        '[',
        ']',
    ));
    text.push_str(",\n");
    let shapes = pool
        .shapes
        .iter()
        .map(|(name, shape)| format!("{}: {shape}", json!(name)));
    text.push_str(&lines("shapes", shapes, '{', '}'));
    for (name, api) in [("store", store), ("enterprise", enterprise)] {
        text.push_str(&format!(
            ",\n\"{name}\": {{\n\"source\": {},\n",
            json!(api.source)
        ));
        let kinds = api
            .kinds
            .iter()
            .map(|(name, kind)| format!("{}: {kind}", json!(name)));
        text.push_str(&lines("kinds", kinds, '{', '}'));
        text.push_str(",\n");
        let paths = api
            .paths
            .iter()
            .map(|(path, operations)| format!("{}: {operations}", json!(path)));
        text.push_str(&lines("paths", paths, '{', '}'));
        text.push_str("\n}");
    }
    text.push_str("\n}\n");
    std::fs::write(workspace::root().join(TABLE), text)?;
    Ok(())
}

/// A member of the table, an entry a line.
fn lines(name: &str, entries: impl Iterator<Item = String>, open: char, close: char) -> String {
    let entries: Vec<String> = entries.collect();
    format!("\"{name}\": {open}\n{}\n{close}", entries.join(",\n"))
}

/// What the documents share.
#[derive(Default)]
struct Pool {
    choices: Vec<Vec<String>>,
    shapes: BTreeMap<String, Value>,
}

impl Pool {
    fn choices(&mut self, values: &[Value]) -> Value {
        let list: Vec<String> = values
            .iter()
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect();
        let known = self.choices.iter().position(|known| *known == list);
        json!(known.unwrap_or_else(|| {
            self.choices.push(list);
            self.choices.len() - 1
        }))
    }
}

/// A document, or what several excerpts of one say together.
struct Api {
    source: String,
    /// Schemas keep apart what two documents call by one name.
    prefix: &'static str,
    schemas: Map<String, Value>,
    paths: Map<String, Value>,
}

struct Table {
    source: String,
    kinds: BTreeMap<String, Value>,
    paths: BTreeMap<String, Value>,
}

impl Api {
    fn read(files: &[PathBuf]) -> anyhow::Result<Self> {
        let (mut schemas, mut paths, mut sources) = (Map::new(), Map::new(), BTreeSet::new());
        let mut prefix = "";
        for file in files {
            let document = json_file(file)?;
            let title = document["info"]["title"].as_str().unwrap_or_default().to_owned();
            if title.starts_with("Enterprise") {
                prefix = "Enterprise.";
            }
            sources.insert(format!(
                "{title} {}",
                document["info"]["version"].as_str().unwrap_or_default()
            ));
            let of = |member: &Value| member.as_object().cloned().unwrap_or_default();
            for (path, operations) in of(&document["paths"]) {
                paths.entry(path).or_insert(operations);
            }
            for (name, schema) in of(&document["components"]["schemas"]) {
                match schemas.get_mut(&name) {
                    Some(known) => merge(known, &schema),
                    None => _ = schemas.insert(name, schema),
                }
            }
        }
        Ok(Self {
            source: sources.into_iter().collect::<Vec<_>>().join(", "),
            prefix,
            schemas,
            paths,
        })
    }

    fn schema<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => {
                let name = reference.rsplit('/').next().unwrap_or_default();
                self.schemas
                    .get(name)
                    .map_or(&Value::Null, |schema| self.schema(schema))
            }
            None => value,
        }
    }

    /// What a value has to be, without prose.
    fn shape(&self, value: &Value, pool: &mut Pool) -> Value {
        let plain = self.plain_shape(value, pool);
        if value["nullable"] == true {
            json!({"nullable": plain})
        } else {
            plain
        }
    }

    fn plain_shape(&self, value: &Value, pool: &mut Pool) -> Value {
        if let Some(reference) = value["$ref"].as_str() {
            let name = format!(
                "{}{}",
                self.prefix,
                reference.rsplit('/').next().unwrap_or_default()
            );
            if !pool.shapes.contains_key(&name) {
                // Schemas may be of themselves.
                pool.shapes.insert(name.clone(), Value::Null);
                let shape = self.shape(self.schema(value), pool);
                pool.shapes.insert(name.clone(), shape);
            }
            return json!(format!("#{name}"));
        }
        if let Some(choices) = value["oneOf"].as_array() {
            let all: Vec<Value> = choices.iter().map(|choice| self.shape(choice, pool)).collect();
            return json!({"any": all});
        }
        if let Some(values) = value["enum"].as_array() {
            return pool.choices(values);
        }
        match value["type"].as_str() {
            Some("array") => json!({"items": self.shape(&value["items"], pool)}),
            Some("object") if value["properties"].is_object() => {
                let members: Map<String, Value> = value["properties"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, member)| (name.clone(), self.shape(member, pool)))
                    .collect();
                match value["required"].as_array() {
                    Some(required) => json!({"object": members, "required": required}),
                    None => json!({"object": members}),
                }
            }
            Some("object") if value["additionalProperties"].is_object() => {
                json!({"map": self.shape(&value["additionalProperties"], pool)})
            }
            Some("integer") if value["maximum"].is_i64() => {
                json!({"integer": [value["minimum"].as_i64().unwrap_or(i64::MIN), value["maximum"]]})
            }
            Some("string") => json!(value["format"].as_str().unwrap_or("string")),
            Some(other) => json!(other),
            None => json!("any"),
        }
    }

    /// The kinds that a relationship leads to, with `*` where there may be several.
    fn relationship(&self, value: &Value) -> Option<String> {
        let data = self.schema(&value["properties"]["data"]);
        let many = data["type"] == "array";
        let identifier = self.schema(if many { &data["items"] } else { data });
        let kinds = identifier["properties"]["type"]["enum"].as_array()?;
        let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
        Some(format!("{}{}", kinds.join("|"), if many { "*" } else { "" }))
    }

    fn relationships(&self, value: &Value) -> Map<String, Value> {
        let mut all = Map::new();
        for (name, relationship) in value["properties"].as_object().into_iter().flatten() {
            let links = relationship["properties"]["links"].is_object();
            if let Some(target) = self.relationship(relationship) {
                all.insert(
                    name.clone(),
                    json!(format!("{target}{}", if links { "@" } else { "" })),
                );
            } else if links {
                all.insert(name.clone(), json!("@"));
            }
        }
        all
    }

    fn attributes(&self, value: &Value, pool: &mut Pool) -> Map<String, Value> {
        let members = value["properties"].as_object().into_iter().flatten();
        members
            .map(|(name, member)| (name.clone(), self.shape(member, pool)))
            .collect()
    }

    /// The resource that a schema describes.
    fn kind(&self, schema: &Value, pool: &mut Pool) -> Option<(String, Value)> {
        let name = schema["properties"]["type"]["enum"][0].as_str()?.to_owned();
        let attributes = self.attributes(self.schema(&schema["properties"]["attributes"]), pool);
        let relationships = self.relationships(&schema["properties"]["relationships"]);
        Some((
            name,
            json!({"attributes": attributes, "relationships": relationships}),
        ))
    }

    /// What the body of a write may say.
    fn body(&self, document: &Value, pool: &mut Pool) -> Value {
        let data = self.schema(&document["properties"]["data"]);
        let has_attributes = data["properties"]["attributes"].is_object();
        if data["properties"]["id"].is_object()
            && !has_attributes
            && data["properties"]["relationships"].is_null()
            || data["type"] == "array"
        {
            return json!({"linkage": self.relationship(document)});
        }
        let mut body = self.draft(data, pool);
        let mut inline = Map::new();
        let items = self.schema(&document["properties"]["included"]["items"]);
        let choices = items["oneOf"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![items.clone()]);
        for choice in &choices {
            let schema = self.schema(choice);
            if let Some(kind) = schema["properties"]["type"]["enum"][0].as_str() {
                inline.insert(kind.to_owned(), self.draft(schema, pool));
            }
        }
        if !inline.is_empty() {
            body["included"] = inline.into();
        }
        body
    }

    fn draft(&self, data: &Value, pool: &mut Pool) -> Value {
        let attributes = self.schema(&data["properties"]["attributes"]);
        let relationships = self.schema(&data["properties"]["relationships"]);
        let mut draft = json!({"kind": data["properties"]["type"]["enum"][0]});
        let required = data["required"].as_array().cloned().unwrap_or_default();
        if required.contains(&json!("id")) {
            draft["id"] = json!(true);
        }
        if attributes.is_object() {
            draft["attributes"] = self.attributes(attributes, pool).into();
        }
        if relationships.is_object() {
            draft["relationships"] = self.relationships(relationships).into();
        }
        let mut needed: Vec<Value> = Vec::new();
        for (member, schema) in [("attributes", attributes), ("relationships", relationships)] {
            let of = schema["required"].as_array().into_iter().flatten();
            needed.extend(of.cloned());
            if required.contains(&json!(member)) && schema["required"].is_null() {
                needed.push(json!(format!("/{member}")));
            }
        }
        if !needed.is_empty() {
            draft["required"] = needed.into();
        }
        draft
    }

    fn operation(&self, operation: &Value, pool: &mut Pool, kinds: &mut BTreeMap<String, Value>) -> Value {
        let mut row = Map::new();
        let (mut query, mut required) = (Map::new(), Vec::new());
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] != "query" {
                continue;
            }
            let name = parameter["name"].as_str().unwrap_or_default();
            let schema = &parameter["schema"];
            let schema = if schema["type"] == "array" {
                &schema["items"]
            } else {
                schema
            };
            let shape = match schema["maximum"].as_i64() {
                Some(maximum) => json!({"integer": [1, maximum]}),
                None => self.shape(schema, pool),
            };
            query.insert(name.to_owned(), shape);
            if parameter["required"] == true {
                required.push(name.to_owned());
            }
        }
        if !query.is_empty() {
            row.insert("query".to_owned(), query.into());
        }
        if !required.is_empty() {
            row.insert("required".to_owned(), json!(required));
        }
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        if !body.is_null() {
            row.insert("body".to_owned(), self.body(self.schema(body), pool));
        }
        let answers = operation["responses"].as_object().into_iter().flatten();
        for (status, answer) in answers.filter(|(status, _)| status.starts_with('2')) {
            row.insert("status".to_owned(), json!(status.parse::<u16>().unwrap_or(200)));
            let document = self.schema(&answer["content"]["application/json"]["schema"]);
            let data = self.schema(&document["properties"]["data"]);
            let many = data["type"] == "array";
            let resource = self.schema(if many { &data["items"] } else { data });
            let Some(kind) = resource["properties"]["type"]["enum"][0].as_str() else {
                continue;
            };
            row.insert(
                "answer".to_owned(),
                json!(format!("{kind}{}", if many { "*" } else { "" })),
            );
            // An identifier alone has neither.
            if resource["properties"]["links"].is_object() || resource["title"].is_string() {
                self.learn(resource, pool, kinds);
            }
            let items = self.schema(&document["properties"]["included"]["items"]);
            let included = items["oneOf"]
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![items.clone()]);
            for schema in &included {
                self.learn(self.schema(schema), pool, kinds);
            }
        }
        row.into()
    }

    fn learn(&self, schema: &Value, pool: &mut Pool, kinds: &mut BTreeMap<String, Value>) {
        let Some(name) = schema["properties"]["type"]["enum"][0].as_str() else {
            return;
        };
        if !kinds.contains_key(name)
            && let Some((name, kind)) = self.kind(schema, pool)
        {
            kinds.insert(name, kind);
        }
    }

    fn table(&self, pool: &mut Pool) -> anyhow::Result<Table> {
        let (mut kinds, mut paths) = (BTreeMap::new(), BTreeMap::new());
        for (path, operations) in &self.paths {
            let mut row = Map::new();
            for method in ["get", "post", "patch", "delete"] {
                if operations[method].is_object() {
                    let operation = self.operation(&operations[method], pool, &mut kinds);
                    row.insert(method.to_uppercase(), operation);
                }
            }
            paths.insert(path.clone(), row.into());
        }
        let served: BTreeSet<String> = served_kinds(&paths);
        // Kinds of which no path is served never appear in an answer.
        kinds.retain(|name, _| served.contains(name));
        anyhow::ensure!(!paths.is_empty(), "the document has no paths");
        Ok(Table {
            source: self.source.clone(),
            kinds,
            paths,
        })
    }
}

/// Adds to a schema what another document says of it: members, values of enumerations, and choices. Where both say
/// something, the first one is right.
fn merge(known: &mut Value, other: &Value) {
    let (Some(known), Some(other)) = (known.as_object_mut(), other.as_object()) else {
        return;
    };
    for (name, value) in other {
        match (known.get_mut(name), value) {
            (None, _) => _ = known.insert(name.clone(), value.clone()),
            (Some(Value::Array(all)), Value::Array(more)) if matches!(name.as_str(), "enum" | "oneOf") => {
                let new: Vec<Value> = more.iter().filter(|one| !all.contains(one)).cloned().collect();
                all.extend(new);
            }
            (Some(known), _) => merge(known, value),
        }
    }
}

/// Every kind that a path answers with, or that a body creates.
fn served_kinds(paths: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let mut served = BTreeSet::new();
    for operation in paths
        .values()
        .flat_map(|row| row.as_object().into_iter().flatten())
    {
        let answer = operation.1["answer"].as_str().unwrap_or_default();
        served.insert(answer.trim_end_matches('*').to_owned());
        let included = operation.1["body"]["included"].as_object().into_iter().flatten();
        served.extend(included.map(|(kind, _)| kind.clone()));
    }
    served
}

fn json_file(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_of_two_documents_has_what_either_says() {
        let mut schema = json!({
            "properties": {
                "type": {"type": "string", "enum": ["versions"]},
                "name": {"type": "string"},
                "relationships": {"properties": {"app": {"type": "object"}}},
            },
            "required": ["name"],
        });
        let newer = json!({
            "properties": {
                "type": {"type": "string", "enum": ["versions", "drafts"]},
                "name": {"type": "integer"},
                "relationships": {"properties": {"placements": {"type": "object"}}},
            },
            "required": ["id"],
        });
        merge(&mut schema, &newer);
        assert_eq!(
            schema,
            json!({
                "properties": {
                    "type": {"type": "string", "enum": ["versions", "drafts"]},
                    "name": {"type": "string"},
                    "relationships": {"properties": {"app": {"type": "object"}, "placements": {"type": "object"}}},
                },
                "required": ["name"],
            })
        );
    }
}
