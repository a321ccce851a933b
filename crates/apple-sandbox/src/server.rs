//! The server: loopback ports, and a thread of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request as HttpRequest, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::serve::{Listener, ListenerExt as _};
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::answer::{Refusal, Why};
use crate::asc::rules::review::Verdict;
use crate::asc::{self, Request};
use crate::fault::{Fault, Kind};
use crate::request_log::Logged;
use crate::seed::Seed;
use crate::state::State;
use crate::tls::Tls;
use crate::{bitrise, guard, listen, manage, portal, product, replay, sign_in, uploads};

/// More than any request of a step, uploads of parts aside.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// What the log of requests keeps of a body, in bytes.
const LARGEST_LOGGED: usize = 4 << 20;

pub(crate) type Shared = Arc<Mutex<State>>;

/// What a sandbox listens on; 0 stands for any port that is free.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ports {
    /// Plain HTTP.
    pub http: u16,
    /// TLS, for clients that are led here under Apple's names.
    pub https: Option<u16>,
    /// An HTTP proxy that leads Apple's hosts here, and nothing anywhere else.
    pub proxy: Option<u16>,
}

/// A running sandbox; it stops when dropped.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    https: Option<SocketAddr>,
    proxy: Option<SocketAddr>,
    ca: Option<String>,
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
        Self::start_on(seed, Ports::default())
    }

    /// Starts a sandbox on the given loopback ports.
    ///
    /// # Errors
    /// When the seed can't be grown, or a port is taken.
    pub fn start_on(seed: &Seed, ports: Ports) -> anyhow::Result<Self> {
        let state = Arc::new(Mutex::new(seed.state()?));
        let plain = bind(ports.http)?;
        let https = ports.https.map(bind).transpose()?;
        let proxy = ports.proxy.map(bind).transpose()?;
        let address = plain.local_addr()?;
        let place = |listener: &Option<std::net::TcpListener>| {
            listener
                .as_ref()
                .map(std::net::TcpListener::local_addr)
                .transpose()
        };
        let (https_address, proxy_address) = (place(&https)?, place(&proxy)?);
        let tls = (https.is_some() || proxy.is_some()).then(Tls::new).transpose()?;
        let ca = tls.as_ref().map(|tls| tls.ca.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            let serving = async move {
                let listen = tokio::net::TcpListener::from_std;
                let Ok(plain) = listen(plain) else { return };
                if let Some(tls) = tls {
                    let (door, arrivals) = listen::door(tls.acceptor, https_address.unwrap_or(address));
                    tokio::spawn(axum::serve(arrivals, router(&shared, "https")).into_future());
                    if let Some(Ok(listener)) = https.map(listen) {
                        tokio::spawn(door.clone().listen(listener));
                    }
                    if let Some(Ok(listener)) = proxy.map(listen) {
                        tokio::spawn(door.proxy(listener, address, https_address));
                    }
                }
                tokio::select! {
                    _ = axum::serve(at_once(plain), router(&shared, "http")).into_future() => {}
                    _ = stopped => {}
                }
            };
            runtime.block_on(serving);
            runtime.shutdown_timeout(Duration::from_millis(100));
        });
        let passphrases = vec![seed.passphrase.as_str(); seed.certificates.len()].join("|");
        Ok(Self {
            address,
            https: https_address,
            proxy: proxy_address,
            ca,
            state,
            passphrases,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where its TLS listener is, such as `https://127.0.0.1:8443`; `None` where it has none.
    pub fn https_url(&self) -> Option<String> {
        self.https.map(|address| format!("https://{address}"))
    }

    /// Where its proxy is, such as `http://127.0.0.1:8888`; `None` where it has none.
    pub fn proxy_url(&self) -> Option<String> {
        self.proxy.map(|address| format!("http://{address}"))
    }

    /// The certificate of the CA that vouches for it, in PEM; `None` where it speaks plain HTTP alone.
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// Where it is, such as `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The state, to look at or to change.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the App Store and TestFlight show of the apps.
    pub fn product(&self) -> serde_json::Value {
        product::product(&mut self.state())
    }

    /// Lets App Review decide about the newest submission that is open.
    ///
    /// # Errors
    /// When none is in a state for it.
    pub fn review(&self, verdict: Verdict) -> Result<(), String> {
        asc::decide(&mut self.state(), &asc::Decision::Review { app: None, verdict })
    }

    /// Lets beta review decide about the newest build that waits: `IN_REVIEW`, `APPROVED`, or `REJECTED`.
    ///
    /// # Errors
    /// When none waits.
    pub fn beta_review(&self, state: &str) -> Result<(), String> {
        let beta = state.to_owned();
        asc::decide(&mut self.state(), &asc::Decision::Beta { beta })
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
            ("APPLE_CERTIFICATE_AUTHORITY_URL", format!("{url}/files")),
            ("BITRISE_CERTIFICATE_URL", certificates.join("|")),
            ("BITRISE_CERTIFICATE_PASSPHRASE", self.passphrases.clone()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec()
    }
}

fn bind(port: u16) -> anyhow::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port))
        .with_context(|| format!("port {port} can't be used"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn router(state: &Shared, scheme: &'static str) -> Router {
    let state = Arc::clone(state);
    Router::new().fallback(move |request| serve(request, Arc::clone(&state), scheme))
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

async fn serve(request: HttpRequest<Body>, state: Shared, scheme: &'static str) -> Response {
    let (head, body) = request.into_parts();
    if let Some(refusal) = guard::refusal(&head.uri, &head.headers, scheme) {
        return refusal;
    }
    let base = base(&head, scheme);
    if head.uri.path().starts_with(uploads::STORAGE) && locked(&state).replay.is_none() {
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
    let mut faults = strike(&state, &method, &path, &query);
    linger(&faults).await;
    let is_proxied = |name: &str| {
        path.starts_with(portal::v1::SERVICES)
            && head
                .headers
                .get("x-http-method-override")
                .is_some_and(|value| value == name)
    };
    let meant = if is_proxied("GET") { "GET" } else { &method }.to_owned();
    let replayed = replayed(&method, &path, &query, &body, &base, &state);
    if matches!(replayed, Some(replay::Answered::Broken)) {
        faults.push(Kind::Reset);
    }
    let response = if let Some(replay::Answered::Recorded(response)) = replayed {
        response
    } else {
        let mut state = locked(&state);
        let request = Request {
            // The API's answer to HEAD is that to GET without its body, which the server leaves out.
            method: if method == "HEAD" && path.starts_with("/v") {
                "GET"
            } else {
                &method
            },
            path: &path,
            query: pairs(&query),
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
                    // The older services have shapes of their own; their lists lag by the usual means.
                    let usual = state.hidden_for;
                    state.hidden_for = state.random.as_mut().map_or(usual, |random| random.lag(&path));
                    let answer = portal::route(&request, &head.headers, &mut state);
                    state.hidden_for = usual;
                    answer
                } else if let Some(answer) = sign_in::route(&request, &head.headers, &mut state) {
                    answer
                } else {
                    let answered = asc::route(&request, authorization, &mut state);
                    if method == "GET" {
                        state.lists_served += 1;
                    }
                    limited(answered.unwrap_or_else(|refusal: Refusal| refusal.response()))
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
fn replayed(
    method: &str,
    path: &str,
    query: &str,
    body: &[u8],
    base: &str,
    state: &Shared,
) -> Option<replay::Answered> {
    let mut state = locked(state);
    let mut replay = state.replay.take()?;
    replay.adopt_sign_in(&mut state.apple_id.seed);
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

/// Waits where a fault makes the answer late.
async fn linger(faults: &[Kind]) {
    for fault in faults {
        if let Kind::Latency { milliseconds } = fault {
            tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
        }
    }
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
    let content = shaped(&asked, head.status.is_success(), content, state);
    let (mut head, content) = if faults.contains(&Kind::AppliedServerError) {
        let refusal = Refusal::new(
            500,
            "UNEXPECTED_ERROR",
            "An unexpected error occurred.",
            "An unexpected error occurred on the server side.",
        );
        let (head, content) = refusal.response().into_parts();
        (head, to_bytes(content, LARGEST_BODY).await.unwrap_or_default())
    } else {
        (head, content)
    };
    // What was shaped is as long as it is now.
    head.headers.remove(header::CONTENT_LENGTH);
    let is_reset = faults.contains(&Kind::Reset) || faults.contains(&Kind::ResetBefore);
    let broken = is_reset || faults.contains(&Kind::Truncated);
    locked(state).requests.note(Logged {
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
fn shaped(asked: &Asked, is_good: bool, content: Bytes, state: &Shared) -> Bytes {
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
    let mut state = locked(state);
    let shaped = state
        .random
        .as_mut()
        .and_then(|random| random.shape(&asked.meant, path, &asked.query, &content));
    shaped.map_or(content, Bytes::from)
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
        if is_for && fault.after > 0 {
            fault.after -= 1;
            continue;
        }
        if is_for && !lucky {
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            struck.push(fault.kind.clone());
        }
    }
    faults.retain(|fault| fault.times != Some(0));
    state.faults = faults;
    if let Some(random) = &mut state.random {
        struck.extend(random.strike(method, path, query));
    }
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
            return Some(limited(response));
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
        Kind::InvalidCursor => {
            Refusal::parameter("cursor", "The cursor is not a valid cursor for this request")
        }
        Kind::InvalidAttribute => Refusal::entity(
            "ENTITY_ERROR.ATTRIBUTE.INVALID",
            "An attribute value is invalid. The value is not valid for this request",
        ),
        Kind::Vanished => Refusal::not_found("resource", "of this path"),
        // Not every service's answers pass `log`, which breaks connections.
        Kind::ResetBefore => {
            let broken =
                futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("broken on purpose"))]);
            return Some(Response::new(Body::from_stream(broken)));
        }
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
