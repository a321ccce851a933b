//! The portal's newer services (`/services-account/v1/…`): JSON:API behind the session.
//!
//! Facts: what `@expo/apple-utils` 2.2.1 and spaceship send and expect; answers to sessions as in eas-cli #4178. A read or
//! a deletion comes as `POST` with `X-HTTP-Method-Override`, and its query in the body.

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use crate::answer::{Refusal, answer};
use crate::asc::objects::Key;
use crate::asc::{self, Outcome, Request, rules};
use crate::sign_in;
use crate::signing::{Associable, AssociableKind, BundleId, Capability};
use crate::state::State;

pub(crate) const SERVICES: &str = "/services-account/v1/";

/// What may be linked with a capability: its type, the relationship, and what that leads to.
const LINKS: [(&str, &str, AssociableKind); 3] = [
    ("APP_GROUPS", "appGroups", AssociableKind::Group),
    ("APPLE_PAY", "merchantIds", AssociableKind::Merchant),
    ("ICLOUD", "cloudContainers", AssociableKind::Container),
];

/// What resources of a type are associated as.
fn associable_kind(resource: &str) -> Option<AssociableKind> {
    let known = LINKS.iter().find(|(_, name, _)| *name == resource);
    known.map(|(.., kind)| *kind)
}

/// Answers a call.
pub(crate) fn route(request: &Request<'_>, headers: &HeaderMap, state: &mut State) -> Response {
    if !sign_in::has_session(headers, state) {
        let text = "Unauthenticated\n\nRequest ID: SANDBOX.0.0\n";
        return (StatusCode::UNAUTHORIZED, text).into_response();
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let method = match (request.method, text("x-http-method-override")) {
        ("POST", Some("GET")) => "GET",
        ("POST", Some("DELETE")) => "DELETE",
        (method, _) => method,
    };
    let has_token = text("csrf")
        .is_some_and(|given| text("csrf_ts").is_some() && state.apple_id.handed_out.has_token(None, given));
    let outcome = if method != "GET" && !has_token {
        Err(Refusal::new(
            403,
            "FORBIDDEN_ERROR",
            "This request is forbidden for security reasons",
            "The request carries no valid csrf token",
        ))
    } else {
        dispatch(request, method, state)
    };
    if method == "GET" {
        state.lists.advance();
    }
    let mut response = outcome.unwrap_or_else(|refusal| refusal.response());
    super::give_token("v1", &mut response, state);
    response
}

fn dispatch(request: &Request<'_>, method: &str, state: &mut State) -> Outcome {
    let mut body: Value = serde_json::from_slice(request.body).map_err(|_| {
        Refusal::new(
            400,
            "ENTITY_INVALID",
            "JSON processing failed",
            "The request body is not valid JSON",
        )
    })?;
    let is_proxied = matches!(method, "GET" | "DELETE");
    let team = if is_proxied {
        body["teamId"].take()
    } else {
        let attributes = body["data"]["attributes"].as_object_mut();
        attributes
            .and_then(|all| all.remove("teamId"))
            .unwrap_or_default()
    };
    // spaceship 2.237 names none when it changes a device: it is for the only team that there is.
    let is_only_team = team.is_null() && state.teams().len() == 1;
    if team != *state.team_id && !is_only_team {
        return Err(Refusal::new(
            403,
            "FORBIDDEN_ERROR",
            "This request is forbidden for security reasons",
            format!("You are not permitted to access the resources of the team {team}"),
        ));
    }
    let mut query = crate::form::pairs(body["urlEncodedQueryParams"].as_str().unwrap_or_default());
    // The portal's own pages count from an offset, and ask for more at once than the public API gives.
    query.retain(|(key, _)| key != "offset");
    for (key, value) in &mut query {
        if key == "limit" && value.parse::<u32>().is_ok_and(|limit| limit > 200) {
            "200".clone_into(value);
        }
    }
    let rest = request.path.strip_prefix(SERVICES).unwrap_or_default();
    let path = format!("/v1/{rest}");
    let bytes = body.to_string();
    let inner = Request {
        method,
        path: &path,
        query,
        body: if is_proxied { b"" } else { bytes.as_bytes() },
        content_type: "",
        base: request.base,
        by_key: false,
        cursor_life: request.cursor_life,
    };
    let parts: Vec<&str> = rest.trim_matches('/').split('/').collect();
    match (method, parts.as_slice()) {
        ("GET", ["bundleIds"]) => list(&inner, state),
        ("GET", ["bundleIds", id]) => one(&inner, state, id),
        ("GET", ["bundleIds", id, "bundleIdCapabilities"]) => {
            let known = find(state, id)?;
            let all = known.capabilities.iter().map(|one| capability(one, known, state));
            asc::answer_found(inner.page(all.collect())?)
        }
        ("GET", ["capabilities"]) => catalogue(&inner),
        ("POST", ["bundleIds"]) => create(&inner, &body, state),
        ("PATCH", ["bundleIds", id]) => change(&inner, &body, state, id),
        ("DELETE", ["bundleIds", id]) => {
            find(state, id)?;
            rules::delete(&mut rules::Change::by_session(state), &Key::new("bundleIds", id))?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        ("GET", [name @ ("appGroups" | "merchantIds" | "cloudContainers")]) => {
            let kind = associable_kind(name).ok_or_else(|| Refusal::path_error(&path))?;
            let all = state.associables.of(kind).iter();
            let all = all.map(|one| associable(name, one, &state.team_id));
            asc::answer_found(inner.page(all.collect())?)
        }
        ("POST", [name @ ("appGroups" | "merchantIds" | "cloudContainers")]) => {
            let kind = associable_kind(name).ok_or_else(|| Refusal::path_error(&path))?;
            create_associable(&inner, name, kind, &body, state)
        }
        // What spaceship 2.237 (`Spaceship::ConnectAPI::Provisioning::API`) and `@expo/apple-utils` 2.2.1 ask a session for.
        ("GET", ["certificates" | "devices" | "profiles", ..] | ["bundleIds", _, "profiles"])
        | ("POST", ["certificates" | "devices" | "profiles" | "bundleIdCapabilities"])
        | ("PATCH", ["certificates" | "devices" | "bundleIdCapabilities", _])
        | ("DELETE", ["certificates" | "profiles" | "bundleIdCapabilities", _]) => {
            asc::route_session(&inner, state)
        }
        _ => Err(Refusal::new(
            404,
            "PATH_ERROR",
            "The URL path is not valid",
            format!("{method} {path} is not served by the sandbox"),
        )),
    }
}

fn find<'a>(state: &'a State, id: &str) -> Result<&'a BundleId, Refusal> {
    let found = state.bundle_ids.by_id(id);
    found.ok_or_else(|| Refusal::not_found("bundleIds", id))
}

fn associable(kind: &str, known: &Associable, prefix: &str) -> Value {
    json!({
        "type": kind,
        "id": known.id,
        "attributes": {"identifier": known.identifier, "prefix": prefix, "name": known.name, "canEdit": true, "canDelete": true},
    })
}

/// A capability as sessions see it: without `capabilityType`.
fn capability(known: &Capability, owner: &BundleId, state: &State) -> Value {
    let mut relationships = Map::new();
    relationships.insert(
        "capability".to_owned(),
        json!({"data": {"type": "capabilities", "id": known.capability_type}}),
    );
    let links = LINKS.iter().filter(|(of, ..)| *of == known.capability_type);
    for (_, name, kind) in links {
        let own = owner.associated(*kind);
        let all = state.associables.of(*kind).iter();
        let all = all.filter(|one| own.contains(&one.identifier));
        let data: Value = all.map(|one| json!({"type": name, "id": one.id})).collect();
        relationships.insert((*name).to_owned(), json!({"data": data}));
    }
    if known.capability_type == "ON_DEMAND_INSTALL_CAPABLE" {
        let parent = owner
            .parent
            .as_ref()
            .map(|id| json!({"type": "bundleIds", "id": id}));
        relationships.insert("parentBundleId".to_owned(), json!({"data": parent}));
    }
    json!({
        "type": "bundleIdCapabilities",
        "id": known.id,
        "attributes": {
            "ownerType": "BUNDLE",
            "settings": known.settings,
            "editable": true,
            "inputs": null,
            "enabled": true,
            "responseId": "5a5a5a5a-0000-4000-8000-000000000001",
        },
        "relationships": relationships,
    })
}

/// The bundle ID and what its `include` brings along.
fn resource(request: &Request<'_>, known: &BundleId, state: &State) -> (Value, Vec<Value>) {
    let includes: Vec<&str> = request.value("include").unwrap_or_default().split(',').collect();
    let all: Vec<Value> = known
        .capabilities
        .iter()
        .map(|one| capability(one, known, state))
        .collect();
    let identifiers: Vec<Value> = all
        .iter()
        .map(|one| json!({"type": one["type"], "id": one["id"]}))
        .collect();
    let mut value = json!({
        "type": "bundleIds",
        "id": known.id,
        "attributes": {
            "name": known.name,
            "identifier": known.identifier,
            "platform": known.platform,
            "seedId": state.team_id,
            "wildcard": known.identifier.ends_with('*'),
            "bundleType": if known.parent.is_some() { "onDemandInstallCapable" } else { "bundle" },
            "responseId": "5a5a5a5a-0000-4000-8000-000000000001",
        },
    });
    let mut included = Vec::new();
    if includes.contains(&"bundleIdCapabilities") {
        let total = identifiers.len();
        value["relationships"]["bundleIdCapabilities"] =
            json!({"data": identifiers, "meta": {"paging": {"total": total, "limit": 50}}});
        included.extend(all);
    }
    (value, included)
}

fn list(request: &Request<'_>, state: &mut State) -> Outcome {
    let wanted = request.filter("identifier")?;
    let fits = |known: &&BundleId| {
        state.lists.shows(known.hidden_until)
            && wanted
                .as_ref()
                .is_none_or(|all| all.iter().any(|start| known.identifier.starts_with(start)))
    };
    let mut included = Vec::new();
    let mut listed = Vec::new();
    for known in state.bundle_ids.iter().filter(fits) {
        let (value, more) = resource(request, known, state);
        listed.push(value);
        included.extend(more);
    }
    let mut document = request.page(listed)?;
    document.insert("included".to_owned(), included.into());
    asc::answer_found(document)
}

fn document(request: &Request<'_>, status: u16, state: &State, id: &str) -> Outcome {
    let (data, included) = resource(request, find(state, id)?, state);
    Ok(answer(status, &json!({"data": data, "included": included})))
}

fn one(request: &Request<'_>, state: &mut State, id: &str) -> Outcome {
    document(request, 200, state, id)
}

/// The catalogue of capabilities, as far as the sandbox knows any.
fn catalogue(request: &Request<'_>) -> Outcome {
    let entry = |(kind, entitlement, _): &(&str, &str, &[&str])| {
        json!({
            "type": "capabilities",
            "id": kind,
            "attributes": {"name": kind, "entitlement": entitlement, "isPublic": true, "editable": true, "canRequestFromPortal": false},
        })
    };
    asc::answer_found(request.page(crate::profile::BY_SESSION.iter().map(entry).collect())?)
}

fn invalid(code: &'static str, words: impl Into<String>) -> Refusal {
    Refusal::entity(code, words)
}

fn only(given: &Value, known: &[&str], what: &str) -> Result<(), Refusal> {
    let mut keys = given.as_object().into_iter().flat_map(Map::keys);
    match keys.find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(invalid(
            "ENTITY_ERROR.ATTRIBUTE.UNKNOWN",
            format!("'{key}' is not an attribute on the resource '{what}'"),
        )),
        None => Ok(()),
    }
}

/// What a write says of one capability.
struct Change {
    kind: String,
    enabled: bool,
    settings: Value,
    links: Vec<(AssociableKind, Vec<String>)>,
    parent: Option<String>,
}

fn changes(body: &Value, state: &State) -> Result<Vec<Change>, Refusal> {
    let data = &body["data"]["relationships"]["bundleIdCapabilities"]["data"];
    let mut all = Vec::new();
    for item in data.as_array().into_iter().flatten() {
        only(
            &item["attributes"],
            &["enabled", "settings"],
            "bundleIdCapabilities",
        )?;
        let kind = item["relationships"]["capability"]["data"]["id"].as_str();
        let kind = kind.ok_or_else(|| {
            invalid(
                "ENTITY_ERROR.RELATIONSHIP.REQUIRED",
                "You must provide a value for the relationship 'capability'",
            )
        })?;
        let mut links = Vec::new();
        for (_, name, kind) in LINKS {
            let related = &item["relationships"][name]["data"];
            let Some(related) = related.as_array() else {
                continue;
            };
            let known = state.associables.of(kind);
            let mut identifiers = Vec::new();
            for one in related {
                let id = one["id"].as_str().unwrap_or_default();
                // Opaque IDs are linked, never identifiers (rork #2619).
                let found = known.by_id(id).ok_or_else(|| Refusal::not_found(name, id))?;
                identifiers.push(found.identifier.clone());
            }
            links.push((kind, identifiers));
        }
        let parent = item["relationships"]["parentBundleId"]["data"]["id"].as_str();
        all.push(Change {
            kind: kind.to_owned(),
            enabled: item["attributes"]["enabled"] == true,
            settings: item["attributes"]["settings"].clone(),
            links,
            parent: parent.map(str::to_owned),
        });
    }
    Ok(all)
}

fn apply(changes: &[Change], id: &mut BundleId) {
    for change in changes {
        id.capabilities
            .retain(|known| known.capability_type != change.kind);
        if change.enabled {
            id.capabilities.push(Capability {
                id: format!("{}_{}", id.id, change.kind),
                capability_type: change.kind.clone(),
                settings: change.settings.clone(),
            });
        }
        for (kind, identifiers) in &change.links {
            id.associated_mut(*kind).clone_from(identifiers);
        }
        if change.parent.is_some() {
            id.parent.clone_from(&change.parent);
        }
    }
}

fn change(request: &Request<'_>, body: &Value, state: &mut State, id: &str) -> Outcome {
    find(state, id)?;
    let known = [
        "name",
        "identifier",
        "seedId",
        "platform",
        "wildcard",
        "permissions",
    ];
    only(&body["data"]["attributes"], &known, "bundleIds")?;
    if body["data"]["id"] != id || body["data"]["type"] != "bundleIds" {
        return Err(invalid(
            "ENTITY_ERROR.TYPE_INVALID",
            "The type and the ID must be those of the path",
        ));
    }
    let changes = changes(body, state)?;
    let replaces = state.portal.capabilities_are_replaced
        && body["data"]["relationships"]["bundleIdCapabilities"]["data"].is_array();
    if let Some(known) = state.bundle_ids.by_id_mut(id) {
        if replaces {
            // Neither can be switched off on an explicit App ID.
            known.capabilities.retain(|one| {
                matches!(one.capability_type.as_str(), "GAME_CENTER" | "IN_APP_PURCHASE")
                    || changes.iter().any(|change| change.kind == one.capability_type)
            });
        }
        apply(&changes, known);
        if let Some(name) = body["data"]["attributes"]["name"].as_str() {
            name.clone_into(&mut known.name);
        }
    }
    asc::invalidate(state, id);
    document(request, 200, state, id)
}

fn create(request: &Request<'_>, body: &Value, state: &mut State) -> Outcome {
    let kind = body["data"]["attributes"]["bundleType"].as_str();
    let changes = changes(body, state)?;
    if kind == Some("onDemandInstallCapable") {
        let parent = changes.iter().find_map(|change| change.parent.clone());
        let parent = parent.ok_or_else(|| {
            invalid(
                "ENTITY_ERROR.RELATIONSHIP.REQUIRED",
                "You must provide a value for the relationship 'parentBundleId' with this request",
            )
        })?;
        find(state, &parent)?;
    }
    // What the public API knows is checked as there.
    let mut attributes = body["data"]["attributes"].clone();
    if let Some(attributes) = attributes.as_object_mut() {
        attributes.remove("bundleType");
        attributes.remove("wildcard");
    }
    let plain = json!({"data": {"type": body["data"]["type"], "attributes": attributes}});
    let bytes = plain.to_string();
    let inner = Request {
        method: request.method,
        path: request.path,
        query: Vec::new(),
        body: bytes.as_bytes(),
        content_type: "",
        base: request.base,
        by_key: false,
        cursor_life: request.cursor_life,
    };
    asc::route_session(&inner, state)?;
    let Some(made) = state.bundle_ids.last_mut() else {
        return Err(Refusal::not_found("bundleIds", ""));
    };
    apply(&changes, made);
    let id = made.id.clone();
    document(request, 201, state, &id)
}

fn create_associable(
    request: &Request<'_>,
    name: &str,
    kind: AssociableKind,
    body: &Value,
    state: &mut State,
) -> Outcome {
    let text = |key: &str| {
        let value = body["data"]["attributes"][key].as_str();
        value.unwrap_or_default().to_owned()
    };
    let made = Associable {
        id: state.fresh.id(),
        identifier: text("identifier"),
        name: text("name"),
    };
    let answer = associable(name, &made, &state.team_id);
    let words = format!("'{}' is not available.", made.identifier);
    if !state.associables.add(kind, made) {
        return Err(invalid("ENTITY_ERROR.ATTRIBUTE.INVALID", words));
    }
    asc::answer_created(answer, request.path, request.base)
}
