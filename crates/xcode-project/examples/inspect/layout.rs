//! `project.xcproj` as Xcode's own writer lays it out, from its values alone.
//!
//! The rules are those of xcode-project-format, `Serialization/Printer.swift` and `Schema/` (September 2026); the order
//! of keys is the file's. A file that comes out as it is, is one that Xcode would not change by saving it.

use xcode_project::json5::{Document, Node, Value};

/// Whether Xcode would write these very bytes.
pub(crate) fn is_canonical(text: &str) -> bool {
    Document::parse(text).is_ok_and(|document| {
        let is_sorted = is_sorted(document.root())
            && document
                .root()
                .get("targets")
                .is_some_and(|targets| targets.elements().iter().all(|target| is_sorted(&target.node)));
        is_sorted && printed(document.root()) == text
    })
}

/// Whether the build settings of a target or of the project stand in the order of their keys.
fn is_sorted(owner: &Node) -> bool {
    let settings = owner.get("build-settings").map(Node::members).unwrap_or_default();
    settings.is_sorted_by(|one, other| one.key < other.key)
}

/// The text that Xcode would write.
pub(crate) fn printed(root: &Node) -> String {
    let mut out = String::new();
    sprawling(&mut out, root, "", 0);
    out.push('\n');
    out
}

/// Whether an element of the array under `key` stands in one line; `owner` holds that array.
fn is_one_line(owner: &Node, key: &str, node: &Node) -> bool {
    let kind = node.text("kind");
    let count = |key: &str| node.get(key).map_or(0, |list| list.elements().len());
    match key {
        "configurations" | "specialized-configurations" | "dependencies" | "target-membership" => true,
        "build-phases" => !matches!(kind, Some("copy" | "script" | "apple-script")),
        "children" if owner.text("kind") != Some("group") => false,
        "files" | "children" => match kind {
            None | Some("file-reference") => count("target-membership") < 2,
            Some("group") => node.get("children").is_none(),
            Some("folder") => node.get("membership-exceptions").is_none(),
            _ => node.get("children").is_none() && count("target-membership") < 2,
        },
        _ => false,
    }
}

fn sprawling(out: &mut String, node: &Node, key: &str, depth: usize) {
    let indent = |out: &mut String, depth: usize| out.push_str(&"  ".repeat(depth));
    match &node.value {
        Value::Object(members) => {
            out.push_str("{\n");
            for member in members {
                indent(out, depth + 1);
                string(out, &member.key);
                out.push_str(": ");
                let is_map = matches!(key, "platforms" | "attributes" | "asset-tags");
                let value = &member.node;
                match &value.value {
                    Value::Object(_) if member.key == "build-phase" || is_map => one_line(out, value),
                    Value::Array(_) if is_map => one_line(out, value),
                    Value::Array(elements) => {
                        let lines: Vec<(bool, &Node)> = elements
                            .iter()
                            .map(|element| (is_one_line(node, &member.key, &element.node), &element.node))
                            .collect();
                        array(out, &lines, depth + 1);
                    }
                    _ => sprawling(out, value, &member.key, depth + 1),
                }
                out.push_str(",\n");
            }
            indent(out, depth);
            out.push('}');
        }
        Value::Array(elements) => {
            let lines: Vec<(bool, &Node)> = elements.iter().map(|element| (false, &element.node)).collect();
            array(out, &lines, depth);
        }
        _ => one_line(out, node),
    }
}

/// An array with its elements, each with whether it stands in one line.
fn array(out: &mut String, elements: &[(bool, &Node)], depth: usize) {
    out.push('[');
    let mut joins = false;
    for (is_one_line, node) in elements {
        let sprawls = !is_one_line && matches!(node.value, Value::Object(_) | Value::Array(_));
        // A container directly after another one goes on in its last line.
        if joins && sprawls {
            out.push(' ');
        } else {
            out.push('\n');
            out.push_str(&"  ".repeat(depth + 1));
        }
        if sprawls {
            sprawling(out, node, "", depth + 1);
        } else {
            one_line(out, node);
        }
        out.push(',');
        joins = sprawls;
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(']');
}

fn one_line(out: &mut String, node: &Node) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::Text(text) => string(out, text),
        Value::Array(elements) if elements.is_empty() => out.push_str("[]"),
        Value::Object(members) if members.is_empty() => out.push_str("{}"),
        Value::Array(elements) => {
            out.push_str("[ ");
            for (number, element) in elements.iter().enumerate() {
                out.push_str(if number > 0 { ", " } else { "" });
                one_line(out, &element.node);
            }
            out.push_str(" ]");
        }
        Value::Object(members) => {
            out.push_str("{ ");
            for (number, member) in members.iter().enumerate() {
                out.push_str(if number > 0 { ", " } else { "" });
                string(out, &member.key);
                out.push_str(": ");
                one_line(out, &member.node);
            }
            out.push_str(" }");
        }
    }
}

/// A string with the escapes of JSON, by a writer of others; only DEL is escaped by neither.
fn string(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}
