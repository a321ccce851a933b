//! The App Store Connect API and the Enterprise Program API: one engine over Apple's documents.
//!
//! [`document`] says which paths there are, what they take, and what they answer; [`query`] and [`body`] hold a request
//! against it; [`view`] reads resources and [`render`] writes them as answers; [`rules`] holds what no document says:
//! limits, life cycles, and Apple's refusals. Where Apple is vague the sandbox is strict.

pub(crate) mod body;
mod bulk;
pub(crate) mod document;
pub(crate) mod objects;
mod paging;
pub(crate) mod query;
pub(crate) mod render;
pub(crate) mod rules;
mod values;
pub(crate) mod view;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(crate) use rules::devices::is_udid;
pub(crate) use rules::identifiers::invalidate;
pub(crate) use rules::media::list_pictures;

use crate::answer::{Refusal, answer};
use crate::auth;
use crate::state::State;
use document::{Api, Operation, Place, Table};
use objects::Key;
use query::Query;
use rules::Change;
use view::View;

pub(crate) type Outcome = Result<Response, Refusal>;

/// A request, taken apart.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: &'a [u8],
    /// The `Content-Type`; empty where there is none.
    pub(crate) content_type: &'a str,
    /// Where the sandbox is, for links.
    pub(crate) base: &'a str,
    /// Whether an API key asks, rather than a session.
    pub(crate) by_key: bool,
    /// How long a cursor lives, in seconds.
    pub(crate) cursor_life: i64,
}

/// The host of the Enterprise Program API.
const ENTERPRISE_HOST: &str = "api.enterprise.developer.apple.com";

/// Answers a request by an API key. What the sandbox does not serve it says before it looks at the token.
pub(crate) fn route(request: &Request<'_>, authorization: Option<&str>, state: &mut State) -> Outcome {
    let asked = request.base.split("://").nth(1).unwrap_or_default();
    let name = asked.split(':').next().unwrap_or_default();
    let api = Table::get().api(state.enterprise || name == ENTERPRISE_HOST);
    if request.path == bulk::PATH && request.method == "POST" && !state.enterprise {
        auth::check(authorization, state)?;
        return bulk::assign(request, state);
    }
    let Some((operations, place)) = api.find(request.path) else {
        return Err(not_served(request));
    };
    if state.enterprise != (name == ENTERPRISE_HOST) && name.ends_with(".apple.com") {
        return Err(Refusal::unauthorized_since(format!(
            "the team is {} the Enterprise Program, and {name} is the other program's host",
            if state.enterprise { "in" } else { "not in" }
        )));
    }
    auth::check(authorization, state)?;
    let Some(operation) = operations.get(request.method) else {
        return Err(not_allowed(request, place, api));
    };
    serve(request, api, operation, place, state)
}

/// The state with everything that an app has from the start.
pub(crate) fn prepare(state: &mut State) {
    let api = Table::get().api(state.enterprise);
    rules::seeds::prepare(state, api, OffsetDateTime::now_utc());
}

/// Lets App Review, or beta review, decide.
pub(crate) fn decide(state: &mut State, decision: &Decision) -> Result<(), String> {
    prepare(state);
    let api = Table::get().api(state.enterprise);
    let mut change = Change {
        state,
        api,
        base: "",
        by_key: true,
        now: OffsetDateTime::now_utc(),
    };
    rules::lifecycle::settle(&mut change);
    match decision {
        Decision::Review { app, verdict } => rules::review::decide(&mut change, app.as_deref(), *verdict),
        Decision::Beta { beta } => rules::decide_beta_review(&mut change, beta),
    }
}

/// A decision of Apple's people.
#[derive(Debug, serde::Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Decision {
    /// Of App Review, about the newest submission that is open.
    Review {
        #[serde(default)]
        app: Option<String>,
        verdict: rules::review::Verdict,
    },
    /// Of beta review, about the newest build that waits: `IN_REVIEW`, `APPROVED`, or `REJECTED`.
    Beta { beta: String },
}

/// Answers a request of a session, whose services speak the public API's language.
pub(crate) fn route_session(request: &Request<'_>, state: &mut State) -> Outcome {
    let api = Table::get().api(false);
    let found = api.find(request.path);
    let operation = found.and_then(|(operations, place)| Some((operations.get(request.method)?, place)));
    let (operation, place) = operation.ok_or_else(|| not_served(request))?;
    serve(request, api, operation, place, state)
}

fn not_served(request: &Request<'_>) -> Refusal {
    Refusal::new(
        501,
        "sandbox.not_served",
        "The sandbox does not serve this",
        format!(
            "{} {} is not a part of Apple's APIs that the sandbox serves; apple-sandbox's README lists what is",
            request.method, request.path
        ),
    )
}

/// Apple's words on a method that a resource does not have.
fn not_allowed(request: &Request<'_>, place: Place<'_>, api: &Api) -> Refusal {
    let operation = match (request.method, place) {
        ("GET", Place::Collection(_)) => "GET_COLLECTION",
        ("GET", Place::Instance(..)) => "GET_INSTANCE",
        ("GET", Place::Related(..)) => "GET_RELATED",
        ("GET", Place::Linkage(..)) => "GET_RELATIONSHIP",
        ("POST", Place::Collection(_) | Place::Instance(..)) => "CREATE",
        ("PATCH", Place::Instance(..) | Place::Collection(_)) => "UPDATE",
        ("DELETE", Place::Instance(..) | Place::Collection(_)) => "DELETE",
        ("POST", _) => "ADD_TO_RELATIONSHIP",
        ("PATCH", _) => "REPLACE_RELATIONSHIP",
        ("DELETE", _) => "REMOVE_FROM_RELATIONSHIP",
        _ => {
            return Refusal::new(
                405,
                "METHOD_NOT_ALLOWED",
                "The request method is not valid for the resource path.",
                format!(
                    "The request method {} is not valid for {}",
                    request.method, request.path
                ),
            );
        }
    };
    let (Place::Collection(kind)
    | Place::Instance(kind, _)
    | Place::Related(kind, ..)
    | Place::Linkage(kind, ..)) = place;
    let version = api.version(kind);
    let mut allowed = Vec::new();
    for (path, names) in [
        (
            format!("/{version}/{kind}"),
            [("GET", "GET_COLLECTION"), ("POST", "CREATE"), ("", ""), ("", "")],
        ),
        (
            format!("/{version}/{kind}/{{id}}"),
            [
                ("GET", "GET_INSTANCE"),
                ("PATCH", "UPDATE"),
                ("DELETE", "DELETE"),
                ("", ""),
            ],
        ),
    ] {
        let known = api.paths.get(&path);
        let own = names
            .iter()
            .filter(|(method, _)| known.is_some_and(|known| known.contains_key(*method)));
        allowed.extend(own.map(|(_, name)| *name));
    }
    allowed.sort_unstable();
    Refusal::new(
        403,
        "FORBIDDEN_ERROR",
        "This request is forbidden for security reasons",
        format!(
            "The resource '{kind}' does not allow '{operation}'. Allowed operations are: {}",
            allowed.join(", ")
        ),
    )
}

fn serve(
    request: &Request<'_>,
    api: &Api,
    operation: &Operation,
    place: Place<'_>,
    state: &mut State,
) -> Outcome {
    let query = Query::read(request, operation)?;
    rules::certificates::check_filter(&query, place, state)?;
    let now = OffsetDateTime::now_utc();
    rules::seeds::prepare(state, api, now);
    let mut change = Change {
        state,
        api,
        base: request.base,
        by_key: request.by_key,
        now,
    };
    let about = match (operation.answer.as_ref(), place) {
        (Some(answer), _) => answer.kind(),
        (None, Place::Collection(kind) | Place::Instance(kind, _)) => kind,
        (None, Place::Related(kind, ..) | Place::Linkage(kind, ..)) => kind,
    };
    rules::arrive(&mut change, about);
    if !change.state.release.has_asset_library && is_of_library(place) {
        return Err(Refusal::path_error(request.path));
    }
    if let Place::Instance(kind, id) | Place::Related(kind, id, _) | Place::Linkage(kind, id, _) = place
        && (!change.view().has(kind, id) || change.state.objects.is(kind, id, rules::lifecycle::DELETED))
    {
        return Err(Refusal::not_found(kind, id));
    }
    match (request.method, place) {
        ("GET", _) => {
            rules::observe(&mut change, place, about);
            read(request, &query, operation, place, &change.view())
        }
        ("POST", Place::Collection(_)) => {
            let draft = match &operation.body {
                Some(body) => request.draft(body, None)?,
                None => return Err(not_served(request)),
            };
            let key = rules::create(&mut change, draft)?;
            answer_resource(request, &query, operation.status, &key, &change.view())
        }
        ("PATCH", Place::Instance(kind, id)) => {
            let draft = match &operation.body {
                Some(body) => request.draft(body, Some(id))?,
                None => return Err(not_served(request)),
            };
            rules::update(&mut change, draft)?;
            answer_resource(
                request,
                &query,
                operation.status,
                &Key::new(kind, id),
                &change.view(),
            )
        }
        ("DELETE", Place::Instance(kind, id)) => {
            rules::delete(&mut change, &Key::new(kind, id))?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        (method, Place::Linkage(kind, id, name)) => {
            let linkage = operation.body.as_ref().and_then(|body| body.linkage.as_ref());
            let keys = match linkage {
                Some(linkage) => request.linkage(linkage)?,
                None => return Err(not_served(request)),
            };
            rules::relate(&mut change, method, &Key::new(kind, id), name, &keys)?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        _ => Err(not_served(request)),
    }
}

/// Whether a path belongs to the App Asset Library, which an account may not have.
fn is_of_library(place: Place<'_>) -> bool {
    match place {
        Place::Collection(kind) | Place::Instance(kind, _) => kind.starts_with("appAssetLibrar"),
        Place::Related(kind, _, name) | Place::Linkage(kind, _, name) => {
            kind.starts_with("appAssetLibrar") || leads_to_library(name)
        }
    }
}

/// Whether a relationship of an app or a localization leads to the App Asset Library.
fn leads_to_library(relationship: &str) -> bool {
    ["assetLibrary", "placements"].contains(&relationship)
}

/// The answer to a read.
fn read(
    request: &Request<'_>,
    query: &Query,
    operation: &Operation,
    place: Place<'_>,
    view: &View<'_>,
) -> Outcome {
    let many = operation.answer.as_ref().is_some_and(|answer| answer.many);
    let keys = match place {
        Place::Collection(kind) => view.list(kind),
        Place::Instance(kind, id) => vec![Key::new(kind, id)],
        Place::Related(kind, id, name) | Place::Linkage(kind, id, name) => {
            let mut keys = view.related(kind, id, name);
            keys.retain(|key| !many || view.is_listed(key));
            keys
        }
    };
    if !many {
        let Some(key) = keys.first() else {
            let kind = operation.answer.as_ref().map_or("", document::Relationship::kind);
            return Err(Refusal::new(
                404,
                "NOT_FOUND",
                "The specified resource does not exist",
                format!("There is no resource of type '{kind}' at {}", request.path),
            ));
        };
        if matches!(place, Place::Linkage(..)) {
            let data = json!({"type": key.kind, "id": key.id});
            let links = json!({"self": format!("{}{}", request.base, request.path)});
            return Ok(answer(200, &json!({"data": data, "links": links})));
        }
        return answer_resource(request, query, 200, key, view);
    }
    let keys = view.select(keys, query);
    let mut page = request.page_of(keys, query.limit)?;
    if view.state.enterprise
        && let Some(paging) = page.meta["paging"].as_object_mut()
    {
        // The older document does not have it.
        paging.remove("nextCursor");
    }
    let mut document = Map::new();
    if matches!(place, Place::Linkage(..)) {
        let data = page
            .items
            .iter()
            .map(|key| json!({"type": key.kind, "id": key.id}));
        document.insert("data".to_owned(), data.collect());
    } else {
        let data = page.items.iter().map(|key| view.resource(key, query, true));
        document.insert("data".to_owned(), data.collect());
        if query.include.is_some() {
            document.insert("included".to_owned(), view.include(&page.items, query).into());
        }
    }
    document.insert("links".to_owned(), page.links);
    document.insert("meta".to_owned(), page.meta);
    answer_found(document)
}

/// The answer about one resource.
fn answer_resource(request: &Request<'_>, query: &Query, status: u16, key: &Key, view: &View<'_>) -> Outcome {
    let data = view.resource(key, query, true);
    let link = match data["links"]["self"].as_str() {
        Some(link) => link.to_owned(),
        None => format!("{}{}", request.base, request.path),
    };
    let mut document = json!({"data": data});
    if query.include.is_some() {
        document["included"] = view.include(std::slice::from_ref(key), query).into();
    }
    document["links"] = json!({"self": link});
    Ok(answer(status, &document))
}

/// A time as Apple writes it: milliseconds, and a numeric offset.
pub(crate) fn date(time: OffsetDateTime) -> Value {
    let text = time
        .replace_nanosecond(0)
        .unwrap_or(time)
        .format(&Rfc3339)
        .unwrap_or_default();
    text.replace('Z', ".000+00:00").into()
}

impl Request<'_> {
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The values of a filter; blank ones are refused.
    pub(crate) fn filter(&self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        let parameter = format!("filter[{name}]");
        let Some(text) = self.value(&parameter) else {
            return Ok(None);
        };
        let values: Vec<String> = text.split(',').map(str::to_owned).collect();
        if values.iter().any(String::is_empty) {
            return Err(Refusal::parameter(
                &parameter,
                format!("'filter[{name}]' has an empty value"),
            ));
        }
        Ok(Some(values))
    }

    /// One page of a list that is written already, with links and totals.
    pub(crate) fn page(&self, items: Vec<Value>) -> Result<Map<String, Value>, Refusal> {
        let limit = match self.value("limit") {
            None => 20,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=200).contains(limit))
                .ok_or_else(|| {
                    Refusal::parameter("limit", format!("'{text}' is not a valid limit; it is 1 to 200"))
                })?,
        };
        let page = self.page_of(items, limit)?;
        let mut document = Map::new();
        document.insert("data".to_owned(), page.items.into());
        document.insert("links".to_owned(), page.links);
        document.insert("meta".to_owned(), page.meta);
        Ok(document)
    }
}

pub(crate) fn answer_found(document: Map<String, Value>) -> Outcome {
    Ok(answer(200, &document.into()))
}

pub(crate) fn answer_created(resource: Value, path: &str, base: &str) -> Outcome {
    let link = format!("{base}{path}/{}", resource["id"].as_str().unwrap_or_default());
    Ok(answer(201, &json!({"data": resource, "links": {"self": link}})))
}
