//! Looking at the sandbox and giving it faults, over HTTP.

use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::answer;
use crate::asc;
use crate::deliveries;
use crate::era::Era;
use crate::fault::Fault;
use crate::product;
use crate::state::State;
use crate::token;

/// Answers `/_sandbox/…`.
pub(crate) fn route(method: &str, path: &str, body: &[u8], state: &mut State) -> Response {
    match (method, path) {
        ("GET", "/_sandbox/state") => answer(200, &serde_json::to_value(&*state).unwrap_or_default()),
        ("PATCH", "/_sandbox/state") => match serde_json::from_slice::<Change>(body) {
            Ok(change) => {
                state.lists.hidden_for = change.hidden_for.unwrap_or(state.lists.hidden_for);
                state.portal.device_limit = change.device_limit.unwrap_or(state.portal.device_limit);
                state.portal.devices_are_processed = change
                    .devices_are_processed
                    .unwrap_or(state.portal.devices_are_processed);
                state.portal.serials_are_listed = change
                    .serials_are_listed
                    .unwrap_or(state.portal.serials_are_listed);
                if let Some(requests) = change.sessions_end_after {
                    state.apple_id.end_sessions_after(requests);
                }
                state.portal.capabilities_are_replaced = change
                    .capabilities_are_replaced
                    .unwrap_or(state.portal.capabilities_are_replaced);
                state.switches = change.apple.map_or(state.switches, Era::switches);
                if change.sessions_end == Some(true) {
                    state.apple_id.end_sessions();
                }
                answer(
                    200,
                    &json!({"hidden_for": state.lists.hidden_for, "device_limit": state.portal.device_limit, "devices_are_processed": state.portal.devices_are_processed}),
                )
            }
            Err(error) => answer(400, &json!({"error": error.to_string()})),
        },
        ("GET", "/_sandbox/token") => match token::sign(state) {
            Some(token) => token.into_response(),
            None => answer(500, &json!({"error": "the sandbox has no API key"})),
        },
        // The file that fastlane takes as `api_key_path` (docs.fastlane.tools, "App Store Connect API", 2026-11).
        ("GET", "/_sandbox/fastlane-key.json") => answer(
            200,
            &json!({"key_id": state.key_id, "issuer_id": state.issuer_id, "key": state.private_key, "duration": 1200, "in_house": state.enterprise}),
        ),
        // What fastlane takes as `FASTLANE_SESSION`.
        ("GET", "/_sandbox/fastlane-session") => match state.apple_id.fastlane_session() {
            Some(session) => session.into_response(),
            None => answer(
                404,
                &json!({"error": "the Apple ID has no session that is alive"}),
            ),
        },
        ("GET", "/_sandbox/requests") => answer(200, &json!(state.requests)),
        ("GET", "/_sandbox/faults") => answer(200, &json!(state.faults)),
        ("POST", "/_sandbox/faults") => match serde_json::from_slice::<Fault>(body) {
            Ok(fault) => {
                state.faults.push(fault);
                answer(201, &json!(state.faults))
            }
            Err(error) => answer(400, &json!({"error": error.to_string()})),
        },
        ("GET", "/_sandbox/product") => answer(200, &product::product(state)),
        ("GET", path) if path.starts_with(product::MEDIA) => product::media(path, state),
        ("POST", "/_sandbox/review") => match serde_json::from_slice::<asc::Decision>(body) {
            Ok(decision) => match asc::decide(state, &decision) {
                Ok(()) => answer(200, &product::product(state)),
                Err(error) => answer(409, &json!({"error": error})),
            },
            Err(error) => answer(400, &json!({"error": error.to_string()})),
        },
        ("POST", "/_sandbox/builds") => deliveries::take(body, state),
        ("POST", "/_sandbox/altool") => answer(200, &json!({"fault": state.altool.pop_front()})),
        ("DELETE", "/_sandbox/faults") => {
            state.faults.clear();
            answer(200, &Value::Array(Vec::new()))
        }
        _ => answer(404, &json!({"error": "the sandbox has no such page"})),
    }
}

/// What may be changed while the sandbox runs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    hidden_for: Option<u32>,
    device_limit: Option<usize>,
    devices_are_processed: Option<bool>,
    serials_are_listed: Option<bool>,
    capabilities_are_replaced: Option<bool>,
    /// What Apple is like from now on.
    apple: Option<Era>,
    /// Ends every session of the Apple ID.
    sessions_end: Option<bool>,
    /// Ends them after so many requests to the Developer Portal.
    sessions_end_after: Option<u32>,
}
