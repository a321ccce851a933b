//! Bitrise's part: the connected account, and files.

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::answer::answer;
use crate::state::State;

/// What a build gets that asks for the connected account.
pub(crate) fn connection(headers: &HeaderMap, state: &State) -> Response {
    let token = headers
        .get("BUILD_API_TOKEN")
        .and_then(|value| value.to_str().ok());
    if token != Some(state.build_api_token.as_str()) {
        return answer(401, &json!({"error_msg": "Unauthorized"}));
    }
    answer(200, &document(state).into())
}

/// The document.
fn document(state: &State) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert("key_id".to_owned(), state.key_id.as_str().into());
    if let Some(issuer) = &state.issuer_id {
        document.insert("issuer_id".to_owned(), issuer.as_str().into());
    }
    document.insert("private_key".to_owned(), state.private_key.as_str().into());
    if state.enterprise {
        document.insert("is_enterprise_account".to_owned(), true.into());
    }
    document.extend(state.apple_id.document(OffsetDateTime::now_utc()));
    for (key, value) in &state.connection {
        if value.is_null() {
            document.remove(key);
        } else {
            document.insert(key.clone(), value.clone());
        }
    }
    document
}

/// A file: a certificate, or the API key under its name.
pub(crate) fn file(name: &str, state: &State) -> Response {
    if name == format!("AuthKey_{}.p8", state.key_id) {
        return (StatusCode::OK, state.private_key.clone()).into_response();
    }
    match state.files.get(name) {
        Some(bytes) => (StatusCode::OK, bytes.clone()).into_response(),
        None => (StatusCode::NOT_FOUND, "no such file").into_response(),
    }
}
