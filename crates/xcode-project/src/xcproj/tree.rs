//! The tree of files: references with their names, places and IDs.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::json5::{Node, Value};

use super::schema::{Object, Outcome, Problem, array};

/// The number of a reference within a tree.
pub(super) type Number = usize;

/// A file, group or folder.
#[derive(Debug)]
pub(super) struct Reference<'a> {
    pub(super) object: Object<'a>,
    pub(super) is_folder: bool,
    /// Its name within the group that holds it.
    pub(super) name: Cow<'a, str>,
    pub(super) id: Option<&'a str>,
    place: Place<'a>,
    /// The group that holds it.
    parent: Option<Number>,
}

/// All references of a project, each group before what it holds.
#[derive(Debug, Default)]
pub(super) struct Tree<'a> {
    /// The folder that paths count from.
    root: PathBuf,
    pub(super) references: Vec<Reference<'a>>,
    /// By the group that holds it and its name; `None` where two have the same name.
    names: HashMap<(Option<Number>, Cow<'a, str>), Option<Number>>,
    ids: HashMap<&'a str, Number>,
}

impl<'a> Tree<'a> {
    /// Reads `files`, whose paths count from `root`.
    pub(super) fn read(files: &'a Node<'a>, root: &Path) -> Outcome<Self> {
        let mut tree = Self {
            root: root.to_owned(),
            ..Self::default()
        };
        tree.add(files, "files", None)?;
        tree.names.reserve(tree.references.len());
        for (number, reference) in tree.references.iter().enumerate() {
            tree.names
                .entry((reference.parent, reference.name.clone()))
                .and_modify(|slot| *slot = None)
                .or_insert(Some(number));
        }
        Ok(tree)
    }

    /// Where a reference is; `None` where only Xcode knows.
    pub(super) fn path(&self, number: Number) -> Option<PathBuf> {
        let reference = &self.references[number];
        match reference.place {
            Place::Group(path) => {
                let folder = match reference.parent {
                    Some(parent) => self.path(parent)?,
                    None => self.root.clone(),
                };
                Some(folder.join(&*unescaped(path)))
            }
            Place::Root(path) => Some(self.root.join(path)),
            Place::Absolute(path) => Some(PathBuf::from(&*unescaped(path))),
            Place::Elsewhere => None,
        }
    }

    fn add(&mut self, list: &'a Node<'a>, what: &str, parent: Option<Number>) -> Outcome<()> {
        for element in array(list, what)? {
            let object = Object::of(&element.node, "a file, group or folder")?;
            let kind = object.text("kind")?.unwrap_or("file-reference");
            let written = object.text("path")?.unwrap_or_default();
            let Some(place) = place(written) else {
                let at = object.get("path").unwrap_or(&element.node);
                return Err(Problem::new(at, format!("invalid path base in `{written}`")));
            };
            // A file or folder is called by its path alone, whatever else stands there.
            let is_group = kind.ends_with("group");
            let own_name = if is_group { object.text("name")? } else { None };
            let number = self.references.len();
            let reference = Reference {
                object,
                is_folder: kind == "folder",
                name: own_name.map_or_else(|| unescaped(last_component(written)), Cow::Borrowed),
                id: object.text("id")?,
                place,
                parent,
            };
            if let Some(id) = reference.id {
                self.ids.entry(id).or_insert(number);
            }
            self.references.push(reference);
            if let Some(children) = object.get("children").filter(|_| is_group) {
                self.add(children, "children", Some(number))?;
            }
        }
        Ok(())
    }

    /// What a reference such as `"Group/Name"`, `"id:…"` or `["Group", {"name": "a/b"}]` means.
    ///
    /// # Errors
    /// When it means nothing, or one of several things: Xcode refuses the project then (XcodeProj, pull request 1184).
    pub(super) fn resolve(&self, node: &Node) -> Outcome<Number> {
        let (written, found) = match &node.value {
            Value::Text(text) => (text.clone().into_owned(), self.by_text(text)),
            Value::Array(elements) => {
                let mut names = Vec::new();
                for element in elements {
                    names.push(component(&element.node)?);
                }
                (names.join("/"), self.by_names(names.iter().copied()))
            }
            _ => return Err(Problem::new(node, "expected a reference to a file or group")),
        };
        found.ok_or_else(|| {
            let message =
                format!("invalid reference: \"{written}\" is not the name of exactly one file or group");
            Problem::new(node, message)
        })
    }

    fn by_text(&self, text: &str) -> Option<Number> {
        match text.strip_prefix("id:") {
            Some(id) => self.ids.get(id).copied(),
            None => self.by_names(text.split('/')),
        }
    }

    fn by_names<'n>(&self, names: impl Iterator<Item = &'n str>) -> Option<Number> {
        let mut at = None;
        for name in names {
            at = Some((*self.names.get(&(at, Cow::Borrowed(name)))?)?);
        }
        at
    }
}

/// A component of a name path: a name, or an object that holds one.
pub(super) fn component<'a>(node: &'a Node<'a>) -> Outcome<&'a str> {
    if let Some(name) = node.as_text() {
        return Ok(name);
    }
    Object::of(node, "a component of a name path")?.required_text("name")
}

/// The folder that a path counts from, with the rest of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    Group(&'a str),
    Root(&'a str),
    Absolute(&'a str),
    /// A place that only Xcode knows, such as the folder of products.
    Elsewhere,
}

/// Where a path counts from (`FilePath.swift`); `None` for a base that does not exist.
fn place(path: &str) -> Option<Place<'_>> {
    if path.starts_with('/') {
        return Some(Place::Absolute(path));
    }
    // Xcode expands the tilde; whose home it means is not for a project file to say.
    if path.starts_with('~') {
        return Some(Place::Elsewhere);
    }
    let Some(inner) = path.strip_prefix('<') else {
        return Some(Place::Group(path));
    };
    if inner.starts_with("USER:") {
        // The name of a setting may hold `\>`.
        let bytes = inner.as_bytes();
        let mut end = 0;
        while *bytes.get(end)? != b'>' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        return (bytes.get(end + 1) == Some(&b'/')).then_some(Place::Elsewhere);
    }
    match inner.split_once(">/")? {
        ("PROJECT", rest) => Some(Place::Root(rest)),
        ("PRODUCTS" | "SDK" | "DEVELOPER", _) => Some(Place::Elsewhere),
        _ => None,
    }
}

/// A path without the backslashes before `<` and `\`.
fn unescaped(path: &str) -> Cow<'_, str> {
    if !path.contains('\\') {
        return Cow::Borrowed(path);
    }
    let mut out = String::new();
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        let is_escape = c == '\\';
        out.extend(if is_escape {
            chars.next().or(Some(c))
        } else {
            Some(c)
        });
    }
    Cow::Owned(out)
}

fn last_component(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json5::Document;

    #[test]
    fn paths_count_from_their_base() {
        for (path, expected) in [
            ("", Some(Place::Group(""))),
            ("a/b", Some(Place::Group("a/b"))),
            ("\\<a>\\\\b", Some(Place::Group("\\<a>\\\\b"))),
            ("/usr", Some(Place::Absolute("/usr"))),
            ("~/x", Some(Place::Elsewhere)),
            ("~x", Some(Place::Elsewhere)),
            ("<PROJECT>/a", Some(Place::Root("a"))),
            ("<PROJECT>/", Some(Place::Root(""))),
            ("<PRODUCTS>/a.app", Some(Place::Elsewhere)),
            ("<USER:A\\>B>/x", Some(Place::Elsewhere)),
            ("<GROUP>/a", None),
            ("<PROJECT", None),
            ("<PROJECT>", None),
            ("<USER:A>x", None),
            ("<USER:A\\>/x", None),
        ] {
            assert_eq!(place(path), expected, "{path}");
        }
    }

    #[test]
    fn names_lead_to_exactly_one_reference() {
        let text = r#"[
            { kind: "group", name: "A", children: [
                { path: "x.swift" }, { path: "<PROJECT>/sub/y.swift", id: "Y1" }, { path: "x.swift" },
                { kind: "group", name: "b/c", children: [ { path: "z" } ] },
            ] },
            { kind: "folder", path: "Src/App" }, { path: "\\<b>\\\\c" },
        ]"#;
        let document = Document::parse(text).unwrap();
        let tree = Tree::read(document.root(), Path::new("/r")).unwrap();
        for (reference, expected) in [
            ("\"A/y.swift\"", Some("/r/sub/y.swift")),
            ("\"id:Y1\"", Some("/r/sub/y.swift")),
            ("[\"A\", {name: \"b/c\"}, \"z\"]", Some("/r/z")),
            ("\"App\"", Some("/r/Src/App")),
            ("'<b>\\\\c'", Some("/r/<b>\\c")),
            ("\"A/x.swift\"", None),
            ("\"A/b/c\"", None),
            ("\"Src/App\"", None),
            ("\"id:no\"", None),
            ("[]", None),
            ("7", None),
        ] {
            let node = Document::parse(reference).unwrap();
            let found = tree.resolve(node.root()).ok();
            let path = found.and_then(|number| tree.path(number));
            assert_eq!(path.as_deref(), expected.map(Path::new), "{reference}");
        }
    }
}
