//! The parameters of a request, held against Apple's document.

use std::collections::BTreeMap;

use super::Request;
use super::document::{Operation, Shape};
use super::values;
use crate::answer::Refusal;

/// The page when nothing is said.
const USUAL: usize = 20;

/// So many of what an included relationship leads to, when nothing is said.
const USUAL_RELATED: usize = 10;

/// What a request asks for.
#[derive(Debug, Default)]
pub(crate) struct Query {
    /// Values by what they are compared with, such as `app` or `preReleaseVersion.version`.
    pub(crate) filters: BTreeMap<String, Vec<String>>,
    /// Whether something has to be there.
    pub(crate) exists: BTreeMap<String, bool>,
    /// Attributes to sort by; `-` turns the order around.
    pub(crate) sort: Vec<String>,
    /// The members that answers show, by kind.
    pub(crate) fields: BTreeMap<String, Vec<String>>,
    /// Relationships whose resources come along; `None` where nothing was asked for.
    pub(crate) include: Option<Vec<String>>,
    /// The size of a page.
    pub(crate) limit: usize,
    /// How many of a relationship come along.
    pub(crate) limits: BTreeMap<String, usize>,
}

impl Query {
    /// How many of an included relationship come along.
    pub(crate) fn limit_of(&self, relationship: &str) -> usize {
        self.limits.get(relationship).copied().unwrap_or(USUAL_RELATED)
    }

    /// Whether an answer shows a member of a kind.
    pub(crate) fn shows(&self, kind: &str, member: &str) -> bool {
        self.fields
            .get(kind)
            .is_none_or(|fields| fields.iter().any(|field| field == member))
    }

    /// Whether a relationship's resources come along.
    pub(crate) fn includes(&self, name: &str) -> bool {
        self.include.iter().flatten().any(|one| one == name)
    }

    /// Reads the parameters. An API key may ask for what the document lists only; a session's services are wider than the
    /// document, so that only the names of their parameters are checked.
    ///
    /// # Errors
    /// Apple's refusal.
    pub(crate) fn read(request: &Request<'_>, operation: &Operation) -> Result<Self, Refusal> {
        let pages = operation.answer.as_ref().is_some_and(|answer| answer.many);
        let mut query = Self {
            limit: usual(operation.query.get("limit")),
            ..Self::default()
        };
        let mut refusals = Vec::new();
        for (index, (name, text)) in request.query.iter().enumerate() {
            if name == "cursor" && pages {
                continue;
            }
            let Some(shape) = operation.query.get(name) else {
                refusals.push(Refusal::illegal(name));
                continue;
            };
            if request.query[..index].iter().any(|(known, _)| known == name) {
                let words = format!("The parameter '{name}' is given more than once");
                refusals.push(Refusal::parameter(name, words));
                continue;
            }
            let (start, inner) = match name.split_once('[') {
                Some((start, rest)) => (start, rest.trim_end_matches(']')),
                None => (name.as_str(), ""),
            };
            let values: Vec<String> = match start {
                "limit" | "exists" => vec![text.clone()],
                // `fields[kind]=` is a list without a member: it shows none at all.
                "fields" | "include" | "sort" if text.is_empty() => Vec::new(),
                _ => text.split(',').map(str::to_owned).collect(),
            };
            if start == "filter" && values.iter().any(String::is_empty) {
                refusals.push(Refusal::parameter(name, format!("'{name}' has an empty value")));
                continue;
            }
            let is_checked = request.by_key || start == "limit";
            for value in values.iter().filter(|_| is_checked) {
                if let Some(known) = values::wrong_in_query(value, shape) {
                    refusals.push(Refusal::parameter(name, words(start, inner, value, &known)));
                }
            }
            match start {
                "filter" => _ = query.filters.insert(inner.to_owned(), values),
                "exists" => _ = query.exists.insert(inner.to_owned(), text == "true"),
                "fields" => _ = query.fields.insert(inner.to_owned(), values),
                "sort" => query.sort = values,
                "include" => query.include = Some(values),
                "limit" if inner.is_empty() => query.limit = text.parse().unwrap_or(USUAL),
                "limit" => {
                    _ = query
                        .limits
                        .insert(inner.to_owned(), text.parse().unwrap_or(USUAL_RELATED));
                }
                _ => {}
            }
        }
        for name in &operation.required {
            if request.value(name).is_none() {
                refusals.push(
                    Refusal::new(
                        400,
                        "PARAMETER_ERROR.REQUIRED",
                        "A required parameter is missing",
                        format!("The parameter '{name}' is required for this request"),
                    )
                    .about(name),
                );
            }
        }
        Refusal::all(refusals)?;
        Ok(query)
    }
}

/// The size of a page when nothing is said; some lists are never longer.
fn usual(shape: Option<&Shape>) -> usize {
    match shape {
        Some(Shape::Range { integer: (_, most) }) => USUAL.min(usize::try_from(*most).unwrap_or(USUAL)),
        _ => USUAL,
    }
}

/// Apple's words on a value. Those on filters are quoted by fastlane #29587; the others are guesses of the same form.
fn words(start: &str, inner: &str, value: &str, known: &str) -> String {
    match start {
        "filter" => format!("'{value}' is not a valid filter value for the attribute '{inner}'."),
        "include" => format!("'{value}' is not a valid relationship name"),
        "fields" => format!("'{value}' is not a valid field name for the resource '{inner}'"),
        "sort" => format!("'{value}' is not a valid sort attribute"),
        "limit" => format!("'{value}' is not a valid limit; it is {known}"),
        _ => format!("'{value}' is not a valid value; it is one of {known}"),
    }
}
