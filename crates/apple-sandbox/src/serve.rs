//! A request on its way: whose it is, which faults strike it, what answers it, and what the log keeps of it.

use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{Request as HttpRequest, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use bytes::Bytes;

use crate::answer::{Refusal, Why};
use crate::asc::{self, Request};
use crate::fault::{self, Kind};
use crate::request_log::Logged;
use crate::server::{Shared, lock};
use crate::state::State;
use crate::{bitrise, form, guard, manage, portal, replay, sign_in, storage};

/// More than any request of a step, uploads of parts aside.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// What the log of requests keeps of a body, in bytes.
const LARGEST_LOGGED: usize = 4 << 20;

/// Where the sandbox is for whom it answers: links lead there. A proxy in front may say that it speaks TLS.
fn base(head: &Parts, scheme: &str) -> String {
    let forwarded = head
        .headers
        .get("x-forwarded-proto")
        .and_then(|value| value.to_str().ok())
        .filter(|scheme| matches!(*scheme, "http" | "https"));
    format!(
        "{}://{}",
        forwarded.unwrap_or(scheme),
        guard::host(&head.uri, &head.headers)
    )
}

pub(crate) async fn serve(request: HttpRequest<Body>, state: Shared, scheme: &'static str) -> Response {
    let (head, body) = request.into_parts();
    if let Some(refusal) = guard::refusal(&head.uri, &head.headers, scheme) {
        return refusal;
    }
    let base = base(&head, scheme);
    if head.uri.path().starts_with(storage::STORAGE) && lock(&state).replay.is_none() {
        let faults = strike(&state, head.method.as_str(), head.uri.path(), "");
        return storage::receive(&head, body, &faults, &state).await;
    }
    let body = to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    let method = head.method.as_str().to_owned();
    let path = head.uri.path().to_owned();
    let query = head.uri.query().unwrap_or_default().to_owned();
    if path == "/favicon.ico" {
        return StatusCode::NO_CONTENT.into_response();
    }
    if path == "/" {
        return Html(include_str!("page.html")).into_response();
    }
    if path.starts_with("/_sandbox/") {
        return manage::route(&method, &path, &body, &mut lock(&state));
    }
    let mut faults = strike(&state, &method, &path, &query);
    fault::linger(&faults).await;
    let is_read = path.starts_with(portal::v1::SERVICES)
        && head
            .headers
            .get("x-http-method-override")
            .is_some_and(|value| value == "GET");
    let meant = if is_read { "GET" } else { &method }.to_owned();
    let replayed = answer_from_trace(&method, &path, &query, &body, &base, &state);
    if matches!(replayed, Some(replay::Answered::Broken)) {
        faults.push(Kind::Reset);
    }
    let response = if let Some(replay::Answered::Recorded(response)) = replayed {
        response
    } else {
        let mut state = lock(&state);
        let request = Request {
            // The API's answer to HEAD is that to GET without its body, which the server leaves out.
            method: if method == "HEAD" && path.starts_with("/v") {
                "GET"
            } else {
                &method
            },
            path: &path,
            query: form::pairs(&query),
            body: &body,
            content_type: head
                .headers
                .get(header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default(),
            base: &base,
            by_key: true,
            cursor_life: state.cursor_life,
        };
        let is_portal = path.starts_with(portal::SERVICES);
        let is_v1 = path.starts_with(portal::v1::SERVICES);
        let refusal = faults.iter().find_map(|kind| {
            if is_portal {
                portal::refusal_of(&request, kind)
            } else {
                fault::refusal_of(kind)
            }
        });
        match refusal {
            Some(response) => response,
            None => {
                let authorization = head
                    .headers
                    .get(header::AUTHORIZATION)
                    .and_then(|value| value.to_str().ok());
                if path == "/bitrise/apple_developer_portal_data.json" {
                    bitrise::connection(&head.headers, &state)
                } else if let Some(name) = path.strip_prefix("/files/") {
                    bitrise::file(name, &state)
                } else if is_v1 {
                    portal::v1::route(&request, &head.headers, &mut state)
                } else if is_portal {
                    // The older services have shapes of their own; their lists lag by the usual means.
                    let usual = state.lists.hidden_for;
                    state.lists.hidden_for = state.faults.lag(&path).unwrap_or(usual);
                    let answer = portal::route(&request, &head.headers, &mut state);
                    state.lists.hidden_for = usual;
                    answer
                } else if let Some(answer) = sign_in::route(&request, &head.headers, &mut state) {
                    answer
                } else {
                    let answered = asc::route(&request, authorization, &mut state);
                    if method == "GET" {
                        state.lists.advance();
                    }
                    fault::limit(answered.unwrap_or_else(|refusal: Refusal| refusal.response()))
                }
            }
        }
    };
    let asked = Asked {
        method,
        meant,
        path,
        query,
        body: excerpt(&body),
    };
    log(response, &faults, &state, asked).await
}

/// What a trace that is played again has for a request; `None` where none is played.
fn answer_from_trace(
    method: &str,
    path: &str,
    query: &str,
    body: &[u8],
    base: &str,
    state: &Shared,
) -> Option<replay::Answered> {
    let mut state = lock(state);
    let mut replay = state.replay.take()?;
    let asked = replay::Asked {
        method,
        path,
        query,
        body: &String::from_utf8_lossy(body),
        base,
    };
    let answered = replay.answer(&asked, &state);
    state.replay = Some(replay);
    Some(answered)
}

/// Takes the faults that strike a request.
fn strike(state: &Shared, method: &str, path: &str, query: &str) -> Vec<Kind> {
    let mut state = lock(state);
    let State { faults, fresh, .. } = &mut *state;
    faults.strike(method, path, query, fresh)
}

/// A request as the log keeps it.
struct Asked {
    method: String,
    /// The method that is meant where another one carries it.
    meant: String,
    path: String,
    query: String,
    body: String,
}

/// Applies the faults that change the answer itself, and writes the request down.
async fn log(response: Response, faults: &[Kind], state: &Shared, asked: Asked) -> Response {
    let (head, content) = response.into_parts();
    let content = to_bytes(content, LARGEST_BODY).await.unwrap_or_default();
    let content = shape(&asked, head.status.is_success(), content, state);
    let (mut head, content) = if faults.contains(&Kind::AppliedServerError) {
        let (head, content) = fault::server_error().response().into_parts();
        (head, to_bytes(content, LARGEST_BODY).await.unwrap_or_default())
    } else {
        (head, content)
    };
    // What was shaped is as long as it is now.
    head.headers.remove(header::CONTENT_LENGTH);
    let is_reset = faults.contains(&Kind::Reset) || faults.contains(&Kind::ResetBefore);
    let broken = is_reset || faults.contains(&Kind::Truncated);
    lock(state).requests.note(Logged {
        method: asked.method,
        path: asked.path,
        query: asked.query,
        body: asked.body,
        status: if broken { 0 } else { head.status.as_u16() },
        answer: excerpt(&content),
        reason: reason(&head.extensions, faults),
    });
    if !broken {
        return Response::from_parts(head, Body::from(content));
    }
    let sent = if is_reset {
        Bytes::new()
    } else {
        content.slice(..content.len() / 2)
    };
    // A body that ends in an error closes the connection under the client's hands.
    let pieces = [Ok(sent), Err(std::io::Error::other("broken on purpose"))];
    Response::from_parts(head, Body::from_stream(futures_util::stream::iter(pieces)))
}

/// What chance leaves of an answer of the JSON:API services.
fn shape(asked: &Asked, is_good: bool, content: Bytes, state: &Shared) -> Bytes {
    let path = asked
        .path
        .strip_prefix("/services-account")
        .unwrap_or(&asked.path);
    let is_json_api = path
        .strip_prefix("/v")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if !is_good || !is_json_api || !matches!(asked.meant.as_str(), "GET" | "POST") {
        return content;
    }
    let mut state = lock(state);
    let left = state.faults.shape(&asked.meant, path, &asked.query, &content);
    left.map_or(content, Bytes::from)
}

/// What the log says of an answer: why it refused, and which faults struck.
fn reason(extensions: &axum::http::Extensions, faults: &[Kind]) -> String {
    let why = extensions.get::<Why>().map(|why| why.0.clone());
    let faults = faults.iter().map(|fault| format!("fault: {}", fault.name()));
    why.into_iter().chain(faults).collect::<Vec<_>>().join("; ")
}

/// A body as the log of requests keeps it.
fn excerpt(body: &[u8]) -> String {
    let kept = &body[..body.len().min(LARGEST_LOGGED)];
    let mut text = String::from_utf8_lossy(kept).into_owned();
    if kept.len() < body.len() {
        text.push('…');
    }
    text
}
