//! Answers in Apple's shape.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// An answer with a JSON body.
pub(crate) fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, body.to_string()).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// For the log of requests alone: why a request was refused. It travels as an extension of the answer.
#[derive(Debug, Clone)]
pub(crate) struct Why(pub(crate) String);

/// A refusal, as the App Store Connect API words it.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: u16,
    code: &'static str,
    title: &'static str,
    detail: String,
}

impl Refusal {
    pub(crate) fn new(
        status: u16,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            title,
            detail: detail.into(),
        }
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(
            401,
            "NOT_AUTHORIZED",
            "Authentication credentials are missing or invalid.",
            "Provide a properly configured and signed bearer token, and make sure that it has not expired.",
        )
    }

    pub(crate) fn not_found(kind: &str, id: &str) -> Self {
        let detail = format!("There is no resource of type '{kind}' with id '{id}'");
        Self::new(404, "NOT_FOUND", "The specified resource does not exist", detail)
    }

    pub(crate) fn parameter(detail: impl Into<String>) -> Self {
        Self::new(
            400,
            "PARAMETER_ERROR.ILLEGAL",
            "A parameter has an invalid value",
            detail,
        )
    }

    pub(crate) fn entity(code: &'static str, detail: impl Into<String>) -> Self {
        let title = "There is a problem with the request entity";
        Self::new(409, code, title, detail)
    }

    pub(crate) fn response(&self) -> Response {
        let error = json!({
            "id": "5a5a5a5a-0000-4000-8000-000000000000",
            "status": self.status.to_string(),
            "code": self.code,
            "title": self.title,
            "detail": self.detail,
        });
        answer(self.status, &json!({"errors": [error]}))
    }
}
