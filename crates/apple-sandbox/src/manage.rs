//! Looking at the sandbox and giving it faults, over HTTP.

use axum::response::Response;
use serde_json::{Value, json};

use crate::answer::answer;
use crate::fault::Fault;
use crate::state::State;

/// Answers `/_sandbox/…`.
pub(crate) fn route(method: &str, path: &str, body: &[u8], state: &mut State) -> Response {
    match (method, path) {
        ("GET", "/_sandbox/state") => answer(200, &serde_json::to_value(&*state).unwrap_or_default()),
        ("GET", "/_sandbox/requests") => answer(200, &json!(state.requests)),
        ("GET", "/_sandbox/faults") => answer(200, &json!(state.faults)),
        ("POST", "/_sandbox/faults") => match serde_json::from_slice::<Fault>(body) {
            Ok(fault) => {
                state.faults.push(fault);
                answer(201, &json!(state.faults))
            }
            Err(error) => answer(400, &json!({"error": error.to_string()})),
        },
        ("DELETE", "/_sandbox/faults") => {
            state.faults.clear();
            answer(200, &Value::Array(Vec::new()))
        }
        _ => answer(404, &json!({"error": "the sandbox has no such page"})),
    }
}
