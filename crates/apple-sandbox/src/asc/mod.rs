//! The App Store Connect API, as far as provisioning uses it.
//!
//! Facts: Apple's API document. Where it is vague the sandbox is strict: parameters and attributes that it
//! does not list are refused.

pub(crate) mod devices;
pub(crate) mod identifiers;
pub(crate) mod profiles;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(crate) use devices::is_udid;
pub(crate) use identifiers::invalidate;

use crate::answer::{Refusal, answer};
use crate::state::State;
use crate::uploads;

/// The largest page, and the page when nothing is said.
const LARGEST: usize = 200;
const USUAL: usize = 20;

pub(crate) type Outcome = Result<Response, Refusal>;

/// A request, taken apart.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: &'a [u8],
    /// Where the sandbox is, for links.
    pub(crate) base: &'a str,
    /// Whether an API key asks, rather than a session.
    pub(crate) by_key: bool,
}

/// Answers a request whose token was checked.
pub(crate) fn route(request: &Request<'_>, state: &mut State) -> Outcome {
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method, parts.as_slice()) {
        ("GET", ["v1", "certificates"]) => devices::certificates(request, state),
        ("GET", ["v1", "devices"]) => devices::devices(request, state),
        ("POST", ["v1", "devices"]) => devices::register_device(request, state),
        ("GET", ["v1", "bundleIds"]) => identifiers::bundle_ids(request, state),
        ("POST", ["v1", "bundleIds"]) => identifiers::create_bundle_id(request, state),
        ("GET", ["v1", "bundleIds", id, "profiles"]) => profiles::profiles_of(request, state, id),
        ("GET", ["v1", "bundleIds", id, "bundleIdCapabilities"]) => {
            identifiers::capabilities_of(request, state, id)
        }
        ("POST", ["v1", "bundleIdCapabilities"]) => identifiers::enable(request, state),
        ("PATCH", ["v1", "bundleIdCapabilities", id]) => identifiers::change(request, state, id),
        ("GET", ["v1", "profiles"]) => profiles::profiles(request, state),
        ("POST", ["v1", "profiles"]) => profiles::create_profile(request, state),
        ("DELETE", ["v1", "profiles", id]) => profiles::delete_profile(state, id),
        parts => uploads::route(request, state, parts.1).unwrap_or_else(|| {
            Err(Refusal::new(
                404,
                "PATH_ERROR",
                "The URL path is not valid",
                format!("{} {} is not served by the sandbox", request.method, request.path),
            ))
        }),
    }
}

pub(crate) fn date(time: OffsetDateTime) -> Value {
    // Apple writes milliseconds and a numeric offset.
    let text = time
        .replace_nanosecond(0)
        .unwrap_or(time)
        .format(&Rfc3339)
        .unwrap_or_default();
    text.replace('Z', ".000+00:00").into()
}

/// What a write carries.
pub(crate) type AttributesAndRelationships = (Map<String, Value>, Map<String, Value>);

impl Request<'_> {
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The values of a filter; blank ones are refused.
    pub(crate) fn filter(&self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        let Some(text) = self.value(&format!("filter[{name}]")) else {
            return Ok(None);
        };
        let values: Vec<String> = text.split(',').map(str::to_owned).collect();
        if values.iter().any(String::is_empty) {
            return Err(Refusal::parameter(format!("'filter[{name}]' has an empty value")));
        }
        Ok(Some(values))
    }

    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.query.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            Some((key, _)) => Err(Refusal::parameter(format!(
                "The parameter '{key}' can not be used with this request"
            ))),
            None => Ok(()),
        }
    }

    /// One page of `items`, with links and totals.
    pub(crate) fn page(&self, items: Vec<Value>) -> Result<Map<String, Value>, Refusal> {
        let limit = match self.value("limit") {
            None => USUAL,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=LARGEST).contains(limit))
                .ok_or_else(|| {
                    Refusal::parameter(format!("'{text}' is not a valid limit; it is 1 to {LARGEST}"))
                })?,
        };
        let start = match self.value("cursor") {
            None => 0,
            Some(cursor) => STANDARD
                .decode(cursor)
                .ok()
                .and_then(|bytes| {
                    String::from_utf8(bytes)
                        .ok()?
                        .strip_prefix("at ")?
                        .parse::<usize>()
                        .ok()
                })
                .ok_or_else(|| {
                    Refusal::parameter(format!("'{cursor}' is not a valid cursor for this request"))
                })?,
        };
        let total = items.len();
        let data: Vec<Value> = items.into_iter().skip(start).take(limit).collect();
        let end = start + data.len();
        let link = |cursor: Option<usize>| {
            let mut pairs: Vec<String> = self
                .query
                .iter()
                .filter(|(key, _)| key != "cursor")
                .map(|(key, value)| format!("{}={}", encoded(key), encoded(value)))
                .collect();
            pairs
                .extend(cursor.map(|at| format!("cursor={}", encoded(&STANDARD.encode(format!("at {at}"))))));
            let query = if pairs.is_empty() {
                String::new()
            } else {
                format!("?{}", pairs.join("&"))
            };
            Value::String(format!("{}{}{query}", self.base, self.path))
        };
        let mut links = Map::new();
        links.insert("self".to_owned(), link(None));
        if end < total {
            links.insert("next".to_owned(), link(Some(end)));
        }
        let mut document = Map::new();
        document.insert("data".to_owned(), data.into());
        document.insert("links".to_owned(), links.into());
        document.insert(
            "meta".to_owned(),
            json!({"paging": {"total": total, "limit": limit}}),
        );
        Ok(document)
    }

    /// The attributes and relationships of the body's resource.
    pub(crate) fn resource(
        &self,
        kind: &str,
        attributes: &[&str],
    ) -> Result<AttributesAndRelationships, Refusal> {
        let body: Value = serde_json::from_slice(self.body).map_err(|_| {
            Refusal::new(
                400,
                "ENTITY_INVALID",
                "JSON processing failed",
                "The request body is not valid JSON",
            )
        })?;
        if body["data"]["type"] != kind {
            return Err(Refusal::entity(
                "ENTITY_ERROR.TYPE_INVALID",
                format!("The type must be '{kind}'"),
            ));
        }
        let given = body["data"]["attributes"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        if let Some(key) = given.keys().find(|key| !attributes.contains(&key.as_str())) {
            return Err(Refusal::entity(
                "ENTITY_ERROR.ATTRIBUTE.UNKNOWN",
                format!("'{key}' is not an attribute on the resource '{kind}'"),
            ));
        }
        let relationships = body["data"]["relationships"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        Ok((given, relationships))
    }
}

/// Percent-encoding of what may not stand in a query.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

pub(crate) fn required(attributes: &Map<String, Value>, key: &'static str) -> Result<String, Refusal> {
    attributes
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| {
            Refusal::entity(
                "ENTITY_ERROR.ATTRIBUTE.REQUIRED",
                format!("You must provide a value for the attribute '{key}'"),
            )
        })
}

pub(crate) fn related(relationships: &Map<String, Value>, name: &str) -> Vec<String> {
    let data = &relationships.get(name).cloned().unwrap_or_default()["data"];
    let one = data.as_object().map(|_| data.clone()).into_iter();
    let many = data.as_array().cloned().unwrap_or_default();
    one.chain(many)
        .filter_map(|identifier| identifier["id"].as_str().map(str::to_owned))
        .collect()
}

pub(crate) fn found(document: Map<String, Value>) -> Outcome {
    Ok(answer(200, &document.into()))
}

pub(crate) fn created(resource: Value, path: &str, base: &str) -> Outcome {
    let link = format!("{base}{path}/{}", resource["id"].as_str().unwrap_or_default());
    Ok(answer(201, &json!({"data": resource, "links": {"self": link}})))
}

pub(crate) fn self_link(base: &str, kind: &str, id: &str) -> Value {
    json!({"self": format!("{base}/v1/{kind}/{id}")})
}
