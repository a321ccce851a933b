//! Apple's own API document as a judge: is a request one that it describes, and an answer too?

use std::path::PathBuf;

use apple_sandbox::{Json, Logged};

/// The document, where the reference data lie beside the repository.
pub struct Contract(Json);

impl Contract {
    /// Reads the document of the App Store Connect API, which is not part of the repository.
    pub fn of_app_store_connect() -> Self {
        let Self(mut document) = Self::read("app-store-connect.openapi.json");
        // Excerpts and versions of one document: a newer one may know more of a schema.
        for name in [
            "app-store-release.openapi.json",
            "app-store-release.assets.openapi.json",
        ] {
            let Self(more) = Self::read(name);
            for place in ["/paths", "/components/schemas"] {
                let more = more.pointer(place).and_then(Json::as_object).cloned();
                let known = document.pointer_mut(place).and_then(Json::as_object_mut).unwrap();
                for (name, value) in more.unwrap_or_default() {
                    match known.get_mut(&name) {
                        Some(known) => add_relationships(known, &value),
                        None => _ = known.insert(name, value),
                    }
                }
            }
        }
        Self(document)
    }

    /// Reads the document of the Enterprise Program's API, which is not part of the repository.
    pub fn of_enterprise_program() -> Self {
        Self::read("enterprise-program.openapi.json")
    }

    fn read(name: &str) -> Self {
        let path: PathBuf = crate::repository().join("../shared/reference").join(name);
        Self(std::fs::read_to_string(path).unwrap().parse().unwrap())
    }

    /// The document itself.
    pub fn document(&self) -> &Json {
        &self.0
    }

    /// A schema, or the one that it refers to.
    pub fn resolved<'a>(&'a self, schema: &'a Json) -> &'a Json {
        match schema["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.trim_start_matches('#')).unwrap(),
            None => schema,
        }
    }

    /// What is wrong with a request and its answer; empty for nothing.
    pub fn judge(&self, logged: &Logged) -> Vec<String> {
        let what = format!("{} {}", logged.method, logged.path);
        let Some(operation) = self.operation(logged) else {
            return vec![format!("{what} is not in the document")];
        };
        let mut problems = Vec::new();
        for pair in logged.query.split('&').filter(|pair| !pair.is_empty()) {
            let name = decoded(pair.split('=').next().unwrap_or_default());
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            // The cursor is part of the links that Apple hands out, and nowhere else.
            if name != "cursor" && !parameters.iter().any(|known| known["name"] == name.as_str()) {
                problems.push(format!("{what}: the parameter {name} is not in the document"));
            }
        }
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        if !body.is_null() {
            match logged.body.parse::<Json>() {
                Ok(value) => self.check(&value, body, &format!("{what}: request"), true, &mut problems),
                Err(_) => problems.push(format!("{what}: the request is not JSON")),
            }
        } else if !logged.body.is_empty() {
            problems.push(format!("{what}: the document knows no body"));
        }
        let status = logged.status.to_string();
        let answer = &operation["responses"][&status];
        if answer.is_null() {
            // A 404 or 429 is documented for all; the sandbox's faults are not all Apple's.
            if logged.status < 400 {
                problems.push(format!("{what}: the status {status} is not in the document"));
            }
        } else {
            let schema = &answer["content"]["application/json"]["schema"];
            if schema.is_null() {
                if !logged.answer.is_empty() {
                    problems.push(format!("{what}: an answer of status {status} has no body"));
                }
            } else {
                match logged.answer.parse::<Json>() {
                    Ok(value) => self.check(&value, schema, &format!("{what}: answer"), false, &mut problems),
                    Err(_) => problems.push(format!("{what}: the answer is not JSON")),
                }
            }
        }
        problems
    }

    /// The operation of a method and a path, whose parts in braces stand for anything.
    fn operation(&self, logged: &Logged) -> Option<&Json> {
        let parts: Vec<&str> = logged.path.split('/').collect();
        let paths = self.0["paths"].as_object()?;
        let (_, path) = paths.iter().find(|(pattern, _)| {
            let pattern: Vec<&str> = pattern.split('/').collect();
            pattern.len() == parts.len()
                && pattern
                    .iter()
                    .zip(&parts)
                    .all(|(pattern, part)| pattern == part || pattern.starts_with('{'))
        })?;
        path.get(logged.method.to_lowercase())
    }

    fn check(&self, value: &Json, schema: &Json, place: &str, strict: bool, problems: &mut Vec<String>) {
        let schema = self.resolved(schema);
        if let Some(choices) = schema["oneOf"].as_array() {
            let fits = choices.iter().any(|choice| {
                let mut found = Vec::new();
                self.check(value, choice, place, strict, &mut found);
                found.is_empty()
            });
            if !fits {
                problems.push(format!("{place}: it fits none of the choices"));
            }
            return;
        }
        if let Some(values) = schema["enum"].as_array()
            && !values.contains(value)
        {
            problems.push(format!("{place}: {value} is not one of the documented values"));
        }
        let kind = schema["type"].as_str().unwrap_or_default();
        let is_kind = match kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            _ => true,
        };
        if !is_kind {
            problems.push(format!("{place}: {value} is no {kind}"));
            return;
        }
        if let Some(items) = value.as_array() {
            for (index, item) in items.iter().enumerate() {
                self.check(
                    item,
                    &schema["items"],
                    &format!("{place}[{index}]"),
                    strict,
                    problems,
                );
            }
        }
        self.check_object(value, schema, place, strict, problems);
    }

    fn check_object(
        &self,
        value: &Json,
        schema: &Json,
        place: &str,
        strict: bool,
        problems: &mut Vec<String>,
    ) {
        let (Some(object), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else {
            return;
        };
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for name in &required {
            let name = name.as_str().unwrap();
            if object.get(name).is_none_or(Json::is_null) {
                problems.push(format!("{place}: {name} is missing"));
            }
        }
        for (name, value) in object {
            match properties.get(name) {
                // Apple answers null for what is not set, whatever the document says.
                Some(_) if value.is_null() && !strict => {}
                Some(schema) => self.check(value, schema, &format!("{place}.{name}"), strict, problems),
                // The document names it among `fields[certificates]` alone; Apple answers it, and clients want it.
                None if name == "csrContent" && !strict => {}
                None => problems.push(format!("{place}: {name} is not in the document")),
            }
        }
    }
}

/// Adds the relationships that another document knows of a resource.
fn add_relationships(schema: &mut Json, other: &Json) {
    let place = "/properties/relationships/properties";
    let (Some(known), Some(more)) = (
        schema.pointer_mut(place).and_then(Json::as_object_mut),
        other.pointer(place).and_then(Json::as_object),
    ) else {
        return;
    };
    for (name, value) in more {
        known.entry(name).or_insert_with(|| value.clone());
    }
}

fn decoded(text: &str) -> String {
    text.replace("%5B", "[")
        .replace("%5D", "]")
        .replace("%5b", "[")
        .replace("%5d", "]")
}
