//! Apple's sign-in (`/appleauth`), the account's pages (`/account/…`) and App Store Connect's session check (`/olympus`).

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use crate::account::cookie;
use crate::answer::answer;
use crate::asc::Request;
use crate::srp;
use crate::state::State;

/// App Store Connect's own, public since 2018.
const SERVICE_KEY: &str = "e0b80c3bf78523bfe80974d320935bfa30add02e1bff88ec2166c6bd5a706c42";

/// How many leading zero bits a stamp must have.
const BITS: u32 = 10;

const SALT: [u8; 16] = *b"salt of sandbox!";

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Answers what is Apple's sign-in; `None` for other paths.
pub(crate) fn route(request: &Request<'_>, headers: &HeaderMap, state: &mut State) -> Option<Response> {
    Some(match (request.method, request.path) {
        ("GET", "/olympus/v1/app/config") => {
            // Apple gives no key for its newer name.
            if !state.switches.key_in_config {
                gone()
            } else if request.value("hostname") == Some("itunesconnect.apple.com") {
                answer(
                    200,
                    &json!({"authServiceUrl": "https://idmsa.apple.com/appleauth", "authServiceKey": SERVICE_KEY}),
                )
            } else {
                answer(404, &json!({}))
            }
        }
        ("GET" | "HEAD", "/logout") => logout(headers, state),
        (_, "/olympus/v2/app/config") => unauthenticated(),
        ("GET", "/olympus/v1/session") => olympus(headers, state),
        ("GET", "/appleauth/auth/signin") => challenge(request, state),
        ("POST", "/appleauth/auth/signin/init") => begin(request, headers, state),
        ("POST", "/appleauth/auth/signin/complete") => complete(request, headers, state),
        ("GET", "/appleauth/auth") => answer(200, &json!({"securityCode": {"length": 6}})),
        ("POST", "/appleauth/auth/repair/complete") => repair(headers, state),
        ("GET", "/account/manage/repair") => with("scnt", "scnt-of-the-page", StatusCode::OK, ""),
        ("GET", "/account/manage/repair/options") => {
            let steps = json!({"type": "sa", "requiredSteps": state.apple_id.seed.required_steps});
            let mut response = answer(200, &steps);
            response.headers_mut().insert(
                "X-Apple-Session-Token",
                HeaderValue::from_static("token-of-the-options"),
            );
            response
        }
        ("GET", "/account/security/upgrade/setuplater") => StatusCode::NO_CONTENT.into_response(),
        (_, path) if path.starts_with("/appleauth/") || path.starts_with("/olympus/") => answer(
            404,
            &json!({"serviceErrors": [{"code": "-1", "message": "no such service"}]}),
        ),
        _ => return None,
    })
}

/// A page of 423 bytes in the style of Jetty, as since 2026-09-10 (XcodesApp #850, fastlane #30199).
fn gone() -> Response {
    let page = "<html>\n<head>\n<meta http-equiv=\"Content-Type\" content=\"text/html;charset=utf-8\"/>\n<title>Error 404 Not Found</title>\n</head>\n<body><h2>HTTP ERROR 404 Not Found</h2>\n<table>\n<tr><th>URI:</th><td>/olympus/v1/app/config</td></tr>\n<tr><th>STATUS:</th><td>404</td></tr>\n<tr><th>MESSAGE:</th><td>Not Found</td></tr>\n</table>\n</body>\n</html>\n";
    let headers = [
        ("content-type", "text/html;charset=utf-8"),
        ("server", "daiquiri"),
    ];
    (StatusCode::NOT_FOUND, headers, page).into_response()
}

/// The sign-out: it ends the session whose cookies it gets, and its redirect names the key (fastlane #30206,
/// `@expo/apple-utils` 2.2.1).
fn logout(headers: &HeaderMap, state: &mut State) -> Response {
    if has_session(headers, state) {
        state.apple_id.end_sessions();
    }
    if !state.switches.key_in_logout {
        return gone();
    }
    let place = format!(
        "https://idmsa.apple.com/appleauth/signout?widgetKey={SERVICE_KEY}&asop=destroy-session&rv=3"
    );
    let mut response = StatusCode::FOUND.into_response();
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert("location", place);
    }
    response
}

/// Text, no JSON.
fn unauthenticated() -> Response {
    let text = "Unauthenticated\n\nRequest ID: SANDBOX.0.0\n";
    (StatusCode::UNAUTHORIZED, text).into_response()
}

fn with(name: &'static str, value: &'static str, status: StatusCode, body: &'static str) -> Response {
    (status, [(name, value)], body).into_response()
}

/// Whether the request carries a session that is alive.
pub(crate) fn has_session(headers: &HeaderMap, state: &State) -> bool {
    session_of(headers).is_some_and(|value| state.apple_id.has_session(&value))
}

fn session_of(headers: &HeaderMap) -> Option<String> {
    cookie(header(headers, "cookie"), "myacinfo").map(|value| value.trim_matches('"').to_owned())
}

fn olympus(headers: &HeaderMap, state: &State) -> Response {
    let is_tainted = session_of(headers).is_some_and(|value| state.apple_id.is_tainted(&value));
    if !has_session(headers, state) || is_tainted {
        return unauthenticated();
    }
    let provider = if state.apple_id.seed.on_app_store_connect {
        json!({"providerId": 118_000_001, "name": "Example GmbH", "contentTypes": ["SOFTWARE"]})
    } else {
        Value::Null
    };
    answer(
        200,
        &json!({
            "user": {"fullName": "Ada Example", "emailAddress": state.apple_id.seed.name, "prsId": "10000000001"},
            "provider": provider,
            "availableProviders": [provider],
        }),
    )
}

fn challenge(request: &Request<'_>, state: &mut State) -> Response {
    if request.value("widgetKey") != Some(SERVICE_KEY) {
        return (StatusCode::BAD_REQUEST, "<html>Bad Request</html>").into_response();
    }
    let challenge = state.apple_id.handed_out.challenge(&mut state.fresh);
    let mut response = (StatusCode::OK, "<html>Sign in</html>").into_response();
    for (name, value) in [
        ("X-Apple-HC-Bits", BITS.to_string()),
        ("X-Apple-HC-Challenge", challenge),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn service_error(status: u16, code: &str, message: &str) -> Response {
    answer(
        status,
        &json!({"serviceErrors": [{"code": code, "title": "Sign-in", "message": message}], "hasError": true}),
    )
}

fn begin(request: &Request<'_>, headers: &HeaderMap, state: &mut State) -> Response {
    let body: Value = serde_json::from_slice(request.body).unwrap_or_default();
    let offered = body["protocols"].as_array().cloned().unwrap_or_default();
    let seed = &state.apple_id.seed;
    let knows = offered.iter().any(|name| *name == *seed.protocol);
    let Some(public_a) = body["a"].as_str().and_then(|text| STANDARD.decode(text).ok()) else {
        return service_error(400, "-900007", "Bad request");
    };
    if header(headers, "x-apple-widget-key") != SERVICE_KEY || !knows {
        return service_error(400, "-900007", "Bad request");
    }
    let verifier = srp::verifier(&seed.password, &seed.protocol, &SALT);
    let secret = state.fresh.bytes::<32>();
    let public_b = srp::public(&verifier, &secret);
    let name = format!("d-227-{}:PRN", state.fresh.uuid());
    state.apple_id.handed_out.begin_exchange(&name, public_a, secret);
    answer(
        200,
        &json!({
            "iteration": srp::ITERATIONS,
            "salt": STANDARD.encode(SALT),
            "protocol": state.apple_id.seed.protocol,
            "b": STANDARD.encode(public_b),
            "c": name,
        }),
    )
}

/// Whether a stamp was paid for one of our challenges.
fn is_paid(stamp: &str, state: &mut State) -> bool {
    let parts: Vec<&str> = stamp.split(':').collect();
    let [_, bits, _, challenge, _, _] = parts.as_slice() else {
        return false;
    };
    if !state.apple_id.handed_out.take_challenge(challenge) {
        return false;
    }
    let digest = Sha1::digest(stamp);
    let zeros: u32 = digest
        .iter()
        .take_while(|byte| **byte == 0)
        .map(|_| 8)
        .sum::<u32>()
        + digest
            .iter()
            .find(|byte| **byte != 0)
            .map_or(0, |byte| byte.leading_zeros());
    *bits == BITS.to_string() && zeros >= BITS
}

fn complete(request: &Request<'_>, headers: &HeaderMap, state: &mut State) -> Response {
    let body: Value = serde_json::from_slice(request.body).unwrap_or_default();
    if !is_paid(header(headers, "x-apple-hc"), state) {
        return (StatusCode::FORBIDDEN, "<html>403 Forbidden</html>").into_response();
    }
    let name = body["c"].as_str().unwrap_or_default();
    let Some(exchange) = state.apple_id.handed_out.end_exchange(name) else {
        return service_error(400, "-900007", "Bad request");
    };
    let seed = state.apple_id.seed.clone();
    let verifier = srp::verifier(&seed.password, &seed.protocol, &SALT);
    let proofs = srp::proofs(&seed.name, &SALT, &verifier, &exchange.public, &exchange.secret);
    let given = |key: &str| {
        STANDARD
            .decode(body[key].as_str().unwrap_or_default())
            .unwrap_or_default()
    };
    if state.apple_id.is_locked() {
        return service_error(
            403,
            "-20209",
            "This Apple Account has been locked for security reasons.",
        );
    }
    let (m1, m2) = (given("m1"), given("m2"));
    let is_proved = proofs.iter().any(|proof| proof.is(&m1, &m2));
    if body["accountName"] != *seed.name || !is_proved {
        state.apple_id.note_password(false);
        return service_error(
            401,
            "-20101",
            "Check the account information you entered and try again.",
        );
    }
    state.apple_id.note_password(true);
    let trust = cookie(header(headers, "cookie"), "DES");
    // Apple wants the value as it set it: in quotes.
    let is_trusted = trust == Some(format!("\"{}\"", state.apple_id.trust()));
    if seed.second_factor && !is_trusted {
        // A security key is told beside the same `authType` (kei #228, 2026-04-18).
        let body = if seed.security_key {
            json!({"authType": "hsa2", "fsaChallenge": {"challenge": "c2FuZGJveA", "keyHandles": ["a2V5"]}, "keyNames": ["Blue key"]})
        } else {
            json!({"authType": "hsa2"})
        };
        let mut response = answer(409, &body);
        for (name, value) in [
            ("X-Apple-ID-Session-Id", "session-of-409"),
            ("scnt", "scnt-of-409"),
        ] {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        return response;
    }
    if !seed.required_steps.is_empty() {
        let mut response = answer(412, &json!({"authType": "sa"}));
        let place = format!("https://appleid.apple.com/account/manage/repair?widgetKey={SERVICE_KEY}");
        for (name, value) in [
            ("location", place.as_str()),
            ("X-Apple-Id-Session-Id", "session-of-412"),
            ("X-Apple-Repair-Session-Token", "repair-of-412"),
            ("scnt", "scnt-of-412"),
        ] {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        return response;
    }
    let stale = session_of(headers).is_some_and(|value| !state.apple_id.has_session(&value));
    let response = begin_session(state, StatusCode::OK);
    if stale {
        // App Store Connect refuses what began with the cookies of an ended session (rork #2303, 2026-09-02).
        state.apple_id.taint_newest();
    }
    response
}

fn begin_session(state: &mut State, status: StatusCode) -> Response {
    let value = state.apple_id.begin_session(&mut state.fresh);
    let mut response = (status, "{}").into_response();
    let cookies = [
        format!("myacinfo={value}; Domain=apple.com; Path=/; Secure; HttpOnly"),
        format!(
            "aa={}; Domain=idmsa.apple.com; Path=/; Secure; HttpOnly",
            state.fresh.noise(16)
        ),
    ];
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append("set-cookie", value);
        }
    }
    response
}

fn repair(headers: &HeaderMap, state: &mut State) -> Response {
    let is_asked_for = header(headers, "x-apple-id-session-id") == "session-of-412"
        && header(headers, "scnt") == "scnt-of-412"
        && header(headers, "x-apple-repair-session-token") == "token-of-the-options";
    if !is_asked_for {
        return service_error(403, "-1", "Forbidden");
    }
    begin_session(state, StatusCode::NO_CONTENT)
}
