//! The server: one loopback port, a thread of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request as HttpRequest, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::serve::{Listener, ListenerExt as _};
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::answer::Refusal;
use crate::asc::{self, Request};
use crate::fault::{Fault, Kind};
use crate::seed::Seed;
use crate::state::{Logged, State};
use crate::{auth, bitrise, guard, manage, portal, sign_in, uploads};

/// More than any request of a step, uploads of parts aside.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// What the log of requests keeps of a body, in bytes.
const LARGEST_LOGGED: usize = 4 << 20;

pub(crate) type Shared = Arc<Mutex<State>>;

/// A running sandbox; it stops when dropped.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    state: Shared,
    passphrases: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a sandbox on a free loopback port.
    ///
    /// # Errors
    /// When the seed can't be grown, or no port is free.
    pub fn start(seed: &Seed) -> anyhow::Result<Self> {
        Self::start_on(seed, 0)
    }

    /// Starts a sandbox on the given loopback port.
    ///
    /// # Errors
    /// When the seed can't be grown, or the port is taken.
    pub fn start_on(seed: &Seed, port: u16) -> anyhow::Result<Self> {
        let state = Arc::new(Mutex::new(seed.state()?));
        let listener = std::net::TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("port {port} is taken"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            let serve = async move {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                    return;
                };
                let router =
                    Router::new().fallback(move |request| serve(request, Arc::clone(&shared), address));
                tokio::select! {
                    _ = axum::serve(at_once(listener), router).into_future() => {}
                    _ = stopped => {}
                }
            };
            runtime.block_on(serve);
            runtime.shutdown_timeout(Duration::from_millis(100));
        });
        let passphrases = vec![seed.passphrase.as_str(); seed.certificates.len()].join("|");
        Ok(Self {
            address,
            state,
            passphrases,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it is, such as `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The state, to look at or to change.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault.
    pub fn fail(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// The variables by which a step finds the sandbox instead of Bitrise and Apple, and its certificates.
    pub fn environment(&self) -> Vec<(String, String)> {
        let url = self.url();
        let state = self.state();
        let certificates: Vec<String> = (0..state.certificates.len())
            .map(|index| format!("{url}/files/{index}.p12"))
            .collect();
        [
            ("BITRISE_BUILD_URL", format!("{url}/bitrise")),
            ("BITRISE_BUILD_API_TOKEN", state.build_api_token.clone()),
            ("APP_STORE_CONNECT_URL", url.clone()),
            ("APPLE_ID_URL", url.clone()),
            ("APPLE_ACCOUNT_URL", url.clone()),
            ("APPLE_OLYMPUS_URL", url.clone()),
            ("APPLE_DEVELOPER_PORTAL_URL", url.clone()),
            ("BITRISE_CERTIFICATE_URL", certificates.join("|")),
            ("BITRISE_CERTIFICATE_PASSPHRASE", self.passphrases.clone()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec()
    }
}

/// Answers leave at once: to wait for more to send with them would add 40 ms to some.
fn at_once(listener: tokio::net::TcpListener) -> impl Listener<Addr = SocketAddr> {
    listener.tap_io(|stream| {
        // A stream that can't do it is as good, only slower.
        let _ = stream.set_nodelay(true);
    })
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The server may have ended by itself.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(crate) fn locked(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(request: HttpRequest<Body>, state: Shared, address: SocketAddr) -> Response {
    let (head, body) = request.into_parts();
    if let Some(refusal) = guard::refusal(&head.uri, &head.headers) {
        return refusal;
    }
    if head.uri.path().starts_with(uploads::STORAGE) {
        let faults = strike(&state, head.method.as_str(), head.uri.path(), "");
        return uploads::store(&head, body, &faults, &state).await;
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
        return manage::route(&method, &path, &body, &mut locked(&state));
    }
    let faults = strike(&state, &method, &path, &query);
    for fault in &faults {
        if let Kind::Latency { milliseconds } = fault {
            tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
        }
    }
    let response = {
        let mut state = locked(&state);
        let request = Request {
            method: &method,
            path: &path,
            query: pairs(&query),
            body: &body,
            base: &format!("http://{address}"),
            by_key: true,
        };
        let is_portal = path.starts_with(portal::SERVICES);
        let is_v1 = path.starts_with(portal::v1::SERVICES);
        let refusal = faults.iter().find_map(|kind| {
            if is_portal {
                portal::refusal_of(&request, kind)
            } else {
                refusal_of(kind)
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
                    portal::route(&request, &head.headers, &mut state)
                } else if let Some(answer) = sign_in::route(&request, &head.headers, &mut state) {
                    answer
                } else {
                    let answered =
                        auth::check(authorization, &state).and_then(|()| asc::route(&request, &mut state));
                    if method == "GET" {
                        state.lists_served += 1;
                    }
                    limited(answered.unwrap_or_else(|refusal: Refusal| refusal.response()))
                }
            }
        }
    };
    log(response, &faults, &state, method, path, query, &body).await
}

/// Applies the faults that change the answer itself, and writes the request down.
async fn log(
    response: Response,
    faults: &[Kind],
    state: &Shared,
    method: String,
    path: String,
    query: String,
    body: &[u8],
) -> Response {
    let response = if faults.contains(&Kind::AppliedServerError) {
        Refusal::new(
            500,
            "UNEXPECTED_ERROR",
            "An unexpected error occurred.",
            "An unexpected error occurred on the server side.",
        )
        .response()
    } else {
        response
    };
    let (mut head, content) = response.into_parts();
    let content = to_bytes(content, LARGEST_BODY).await.unwrap_or_default();
    let broken = faults.contains(&Kind::Reset) || faults.contains(&Kind::Truncated);
    locked(state).note(Logged {
        method,
        path,
        query,
        body: excerpt(body),
        status: if broken { 0 } else { head.status.as_u16() },
        answer: excerpt(&content),
    });
    if !broken {
        return Response::from_parts(head, Body::from(content));
    }
    let sent = if faults.contains(&Kind::Reset) {
        Bytes::new()
    } else {
        content.slice(..content.len() / 2)
    };
    // A body that ends in an error closes the connection under the client's hands.
    head.headers.remove(header::CONTENT_LENGTH);
    let pieces = [Ok(sent), Err(std::io::Error::other("broken on purpose"))];
    Response::from_parts(head, Body::from_stream(futures_util::stream::iter(pieces)))
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

/// Takes the faults that strike this request.
fn strike(state: &Shared, method: &str, path: &str, query: &str) -> Vec<Kind> {
    let mut state = locked(state);
    let mut struck = Vec::new();
    let mut faults = std::mem::take(&mut state.faults);
    for fault in &mut faults {
        let is_for = fault.matches(method, path)
            && (fault.kind != Kind::InvalidCursor || query.contains("cursor="))
            && fault.times != Some(0);
        let lucky = fault
            .percent
            .is_some_and(|percent| state.dice.u8(0..100) >= percent);
        if is_for && !lucky {
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            struck.push(fault.kind.clone());
        }
    }
    faults.retain(|fault| fault.times != Some(0));
    state.faults = faults;
    struck
}

/// The answer of a fault that stands for the whole request.
pub(crate) fn refusal_of(kind: &Kind) -> Option<Response> {
    let refusal = match kind {
        Kind::Unauthorized => Refusal::unauthorized(),
        Kind::Agreement => Refusal::new(
            403,
            "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED",
            "A required agreement is missing or has expired.",
            "This request requires an in-effect agreement that has not been signed or has expired.",
        ),
        Kind::Role => Refusal::new(
            403,
            "FORBIDDEN_ERROR",
            "This request is forbidden for security reasons",
            "The API key in use does not allow this request",
        ),
        Kind::RateLimit { retry_after } => {
            let refusal = Refusal::new(
                429,
                "RATE_LIMIT_EXCEEDED",
                "The request rate limit has been reached.",
                "We've received too many requests for this API. Please wait and try again or slow down your request rate.",
            );
            let mut response = refusal.response();
            if let Some(seconds) = retry_after {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            return Some(response);
        }
        Kind::ServerError => Refusal::new(
            500,
            "UNEXPECTED_ERROR",
            "An unexpected error occurred.",
            "An unexpected error occurred on the server side.",
        ),
        Kind::Maintenance => {
            let page = "<html><body><h1>We'll be back soon</h1></body></html>";
            let html = [(header::CONTENT_TYPE, "text/html")];
            return Some((StatusCode::SERVICE_UNAVAILABLE, html, page).into_response());
        }
        Kind::Page => {
            let page = Html("<html><body>503 Service Temporarily Unavailable</body></html>");
            return Some((StatusCode::OK, page).into_response());
        }
        Kind::InvalidCursor => Refusal::parameter("The cursor is not a valid cursor for this request"),
        Kind::InvalidAttribute => Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.INVALID",
            "An attribute value is invalid. The value is not valid for this request",
        ),
        Kind::Vanished => Refusal::not_found("resource", "of this path"),
        Kind::Expired => Refusal::new(
            403,
            "FORBIDDEN",
            "Request has expired",
            "The link is no longer valid",
        ),
        Kind::Latency { .. }
        | Kind::Reset
        | Kind::Truncated
        | Kind::AppliedServerError
        | Kind::Slow { .. } => return None,
    };
    Some(refusal.response())
}

/// The header by which Apple says how much of the hour's budget is left.
fn limited(mut response: Response) -> Response {
    let header = HeaderValue::from_static("user-hour-lim:3600;user-hour-rem:3500;");
    response.headers_mut().insert("x-rate-limit", header);
    response
}

pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let hex: Vec<u8> = bytes.by_ref().take(2).collect();
                let value = std::str::from_utf8(&hex)
                    .ok()
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok());
                out.extend(value);
            }
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
