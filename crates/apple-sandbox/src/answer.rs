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

/// A refusal, as the App Store Connect API words it: one error or several.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: u16,
    errors: Vec<Value>,
    reason: Option<String>,
}

impl Refusal {
    pub(crate) fn new(
        status: u16,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let error = json!({
            "id": "5a5a5a5a-0000-4000-8000-000000000000",
            "status": status.to_string(),
            "code": code,
            "title": title,
            "detail": detail.into(),
        });
        Self {
            status,
            errors: vec![error],
            reason: None,
        }
    }

    /// The same, with the place of the body that it is about.
    pub(crate) fn at(mut self, pointer: impl Into<String>) -> Self {
        if let Some(error) = self.errors.last_mut() {
            error["source"] = json!({"pointer": pointer.into()});
        }
        self
    }

    /// The same, with the errors of other resources, by their paths.
    pub(crate) fn with_associated(mut self, errors: serde_json::Map<String, Value>) -> Self {
        if let Some(error) = self.errors.last_mut() {
            error["meta"] = json!({"associatedErrors": errors});
        }
        self
    }

    /// A path that the API does not have for this account.
    pub(crate) fn path_error(path: &str) -> Self {
        Self::new(
            404,
            "PATH_ERROR",
            "The URL path is not valid",
            format!("The path provided does not match a defined resource type: {path}"),
        )
    }

    /// The same, with the parameter that it is about.
    pub(crate) fn about(mut self, parameter: &str) -> Self {
        if let Some(error) = self.errors.last_mut() {
            error["source"] = json!({"parameter": parameter});
        }
        self
    }

    /// One answer for all of them: the first one's status.
    pub(crate) fn all(refusals: Vec<Self>) -> Result<(), Self> {
        let mut all = refusals.into_iter();
        let Some(mut first) = all.next() else {
            return Ok(());
        };
        first.errors.extend(all.flat_map(|other| other.errors));
        Err(first)
    }

    /// What it says in detail; of several, the first.
    pub(crate) fn detail(&self) -> String {
        let first = self.errors.first().map(|error| &error["detail"]);
        first.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Whether it is about that place of the body.
    pub(crate) fn is_at(&self, pointer: &str) -> bool {
        self.errors
            .iter()
            .any(|error| error["source"]["pointer"] == pointer)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(
            401,
            "NOT_AUTHORIZED",
            "Authentication credentials are missing or invalid.",
            "Provide a properly configured and signed bearer token, and make sure that it has not expired.",
        )
    }

    /// The same, with a reason for the sandbox's log.
    pub(crate) fn unauthorized_since(reason: impl Into<String>) -> Self {
        Self {
            reason: Some(reason.into()),
            ..Self::unauthorized()
        }
    }

    pub(crate) fn not_found(kind: &str, id: &str) -> Self {
        let detail = format!("There is no resource of type '{kind}' with id '{id}'");
        Self::new(404, "NOT_FOUND", "The specified resource does not exist", detail)
    }

    /// A parameter that the request can't have.
    pub(crate) fn illegal(parameter: &str) -> Self {
        Self::new(
            400,
            "PARAMETER_ERROR.ILLEGAL",
            "A parameter has an invalid value",
            format!("The parameter '{parameter}' can not be used with this request"),
        )
        .about(parameter)
    }

    /// A parameter's value that Apple does not know.
    pub(crate) fn parameter(parameter: &str, detail: impl Into<String>) -> Self {
        Self::new(
            400,
            "PARAMETER_ERROR.INVALID",
            "A parameter has an invalid value",
            detail,
        )
        .about(parameter)
    }

    pub(crate) fn entity(code: &'static str, detail: impl Into<String>) -> Self {
        let title = match code {
            "ENTITY_ERROR.ATTRIBUTE.INVALID" | "ENTITY_ERROR.ATTRIBUTE.TYPE" => {
                "An attribute value is invalid."
            }
            "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE" => {
                "The provided entity includes an attribute with a value that has already been used"
            }
            "ENTITY_ERROR.ATTRIBUTE.REQUIRED" => "The provided entity is missing a required attribute",
            "ENTITY_ERROR.ATTRIBUTE.UNKNOWN" => "The provided entity includes an unknown attribute",
            "ENTITY_ERROR.RELATIONSHIP.INVALID" => {
                "The provided entity includes a relationship with an invalid value"
            }
            "ENTITY_ERROR.RELATIONSHIP.NOT_ALLOWED" => {
                "A relationship in the provided entity is not allowed for this request"
            }
            "ENTITY_ERROR.RELATIONSHIP.REQUIRED" => "The provided entity is missing a required relationship",
            "ENTITY_ERROR.RELATIONSHIP.UNKNOWN" => "The provided entity includes an unknown relationship",
            _ => "There is a problem with the request entity",
        };
        Self::new(409, code, title, detail)
    }

    /// An attribute's value that Apple does not take.
    pub(crate) fn attribute(name: &str, detail: impl Into<String>) -> Self {
        Self::entity("ENTITY_ERROR.ATTRIBUTE.INVALID", detail).at(format!("/data/attributes/{name}"))
    }

    /// An attribute that has to be there.
    pub(crate) fn needs_attribute(name: &str) -> Self {
        let words = format!("You must provide a value for the attribute '{name}' with this request");
        Self::entity("ENTITY_ERROR.ATTRIBUTE.REQUIRED", words).at(format!("/data/attributes/{name}"))
    }

    /// A relationship that has to be there.
    pub(crate) fn needs_relationship(name: &str) -> Self {
        let words = format!("You must provide a value for the relationship '{name}' with this request");
        Self::entity("ENTITY_ERROR.RELATIONSHIP.REQUIRED", words).at(format!("/data/relationships/{name}"))
    }

    /// A state that does not allow it.
    pub(crate) fn state(detail: impl Into<String>) -> Self {
        Self::entity("STATE_ERROR", detail)
    }

    /// A state of the resource that does not allow it.
    pub(crate) fn wrong_state(detail: impl Into<String>) -> Self {
        Self::entity("STATE_ERROR.ENTITY_STATE_INVALID", detail)
    }

    /// A value that is used already.
    pub(crate) fn duplicate(name: &str, detail: impl Into<String>) -> Self {
        Self::entity("ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE", detail)
            .at(format!("/data/attributes/{name}"))
    }

    /// A relationship's value that Apple does not take.
    pub(crate) fn relationship(name: &str, detail: impl Into<String>) -> Self {
        Self::entity("ENTITY_ERROR.RELATIONSHIP.INVALID", detail).at(format!("/data/relationships/{name}"))
    }

    pub(crate) fn response(&self) -> Response {
        let mut response = answer(self.status, &json!({"errors": self.errors}));
        if let Some(reason) = &self.reason {
            response.extensions_mut().insert(Why(reason.clone()));
        }
        response
    }
}
