//! Typed access to JSON5 values, as strict as Xcode's decoder: no number for a string, `null` for what may be absent.

use std::collections::HashSet;

use crate::json5::{Element, Member, Node, Value};

/// What is wrong with a project file, and at which byte.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) at: usize,
    pub(super) message: String,
}

pub(super) type Outcome<T> = Result<T, Problem>;

impl Problem {
    pub(super) fn new(node: &Node, message: impl Into<String>) -> Self {
        Self {
            at: node.span.start,
            message: message.into(),
        }
    }
}

/// An object whose keys are known to be there once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object<'a> {
    node: &'a Node<'a>,
    members: &'a [Member<'a>],
}

impl<'a> Object<'a> {
    /// The object that a value must be; `what` names it in errors.
    ///
    /// Which of two equal keys Xcode takes is not documented, so that neither is.
    pub(super) fn of(node: &'a Node<'a>, what: &str) -> Outcome<Self> {
        let Value::Object(members) = &node.value else {
            return Err(Problem::new(node, format!("expected an object for {what}")));
        };
        let mut keys = HashSet::new();
        // Most objects are small, where looking back is faster than a set.
        let repeated = members.iter().enumerate().find(|(number, member)| {
            if members.len() <= 16 {
                members[..*number].iter().any(|earlier| earlier.key == member.key)
            } else {
                !keys.insert(member.key.as_ref())
            }
        });
        match repeated {
            Some((_, member)) => Err(Problem {
                at: member.key_span.start,
                message: format!("the key `{}` is there twice; keep one", member.key),
            }),
            None => Ok(Self { node, members }),
        }
    }

    pub(super) fn problem(&self, message: &str) -> Problem {
        Problem::new(self.node, message)
    }

    pub(super) fn members(&self) -> &'a [Member<'a>] {
        self.members
    }

    /// The value under a key; `None` for `null` too.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node<'a>> {
        self.raw(key).filter(|node| !matches!(node.value, Value::Null))
    }

    /// The value under a key, also `null`.
    pub(super) fn raw(&self, key: &str) -> Option<&'a Node<'a>> {
        let mut members = self.members.iter();
        members
            .find(|member| member.key == key)
            .map(|member| &member.node)
    }

    pub(super) fn required(&self, key: &str) -> Outcome<&'a Node<'a>> {
        self.get(key)
            .ok_or_else(|| Problem::new(self.node, format!("expected the key `{key}` in this object")))
    }

    pub(super) fn text(&self, key: &str) -> Outcome<Option<&'a str>> {
        self.get(key).map(|node| text(node, key)).transpose()
    }

    pub(super) fn required_text(&self, key: &str) -> Outcome<&'a str> {
        text(self.required(key)?, key)
    }

    pub(super) fn boolean(&self, key: &str) -> Outcome<Option<bool>> {
        let boolean = |node: &Node| match node.value {
            Value::Boolean(value) => Ok(value),
            _ => Err(Problem::new(
                node,
                format!("expected `true` or `false` for `{key}`"),
            )),
        };
        self.get(key).map(boolean).transpose()
    }

    /// The elements of an array; none where it is absent.
    pub(super) fn array(&self, key: &str) -> Outcome<&'a [Element<'a>]> {
        self.get(key).map_or(Ok(&[]), |node| array(node, key))
    }

    /// The object under a key; none where it is absent.
    pub(super) fn object(&self, key: &str) -> Outcome<Option<Self>> {
        let object = |node| Self::of(node, &format!("`{key}`"));
        self.get(key).map(object).transpose()
    }

    /// The strings of an array that must not repeat one.
    pub(super) fn set(&self, key: &str) -> Outcome<Vec<String>> {
        self.get(key).map_or(Ok(Vec::new()), |node| set(node, key))
    }
}

pub(super) fn text<'a>(node: &'a Node<'a>, what: &str) -> Outcome<&'a str> {
    let wrong = || Problem::new(node, format!("expected a string for `{what}`"));
    node.as_text().ok_or_else(wrong)
}

pub(super) fn array<'a>(node: &'a Node<'a>, what: &str) -> Outcome<&'a [Element<'a>]> {
    match &node.value {
        Value::Array(elements) => Ok(elements),
        _ => Err(Problem::new(node, format!("expected an array for `{what}`"))),
    }
}

pub(super) fn set(node: &Node, what: &str) -> Outcome<Vec<String>> {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for element in array(node, what)? {
        let text = text(&element.node, what)?;
        if !seen.insert(text) {
            let message = format!("`{text}` is twice in `{what}`, which is a set");
            return Err(Problem::new(&element.node, message));
        }
        all.push(text.to_owned());
    }
    Ok(all)
}
