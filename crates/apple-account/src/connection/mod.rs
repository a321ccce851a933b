//! The service connection: the accounts that are connected to an app on Bitrise.
//!
//! Fact: `GET {build URL}/apple_developer_portal_data.json` with the header `BUILD_API_TOKEN`; a `file://`
//! build URL names a directory that holds the same document (go-xcode, `devportalservice`, 2026-08), or the document.
//!
//! The document is read field by field: `null` is absent, and what can't be read of one account says nothing about the
//! other.

mod cookies;
mod devices;
mod fields;

use std::path::Path;

use redaction::Redactor;
use secrecy::SecretString;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use transport::{Client, Method};

use crate::file::{self, FileError};
use crate::ids::{self, IssuerError};
use crate::{ApiKey, AppleId, Session, key};

pub use devices::TestDevice;

const DOCUMENT: &str = "apple_developer_portal_data.json";

/// What is connected.
#[derive(Debug, Default)]
pub struct Connection {
    /// The API key.
    pub api_key: Option<ApiKey>,
    /// Why the API key that is connected can't be used.
    pub api_key_error: Option<ConnectionError>,
    /// The Apple ID.
    pub apple_id: Option<AppleId>,
    /// Why the Apple ID that is connected can't be used.
    pub apple_id_error: Option<ConnectionError>,
    /// Whether the document has an end of the Apple ID's session that can't be read.
    pub expiry_is_unknown: bool,
    /// The devices of team members, each once.
    pub test_devices: Vec<TestDevice>,
    /// What is odd about the document.
    pub warnings: Vec<String>,
}

/// Why the connection, or an account in it, can't be used. The document is never quoted.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// Builds of pull requests get no credentials.
    #[error("Bitrise returned no Apple account for this build (HTTP 401)")]
    Withheld,
    /// The server said no.
    #[error("Bitrise answered the request for the connected Apple account with HTTP {0}")]
    Status(u16),
    /// No answer came.
    #[error("the connected Apple account could not be fetched from Bitrise")]
    Unreachable(#[source] Box<transport::Error>),
    /// The file is not there.
    #[error("the connected Apple account could not be read")]
    File(#[from] FileError),
    /// It is JSON no more.
    #[error(
        "Bitrise's description of the connected Apple account is not valid JSON (line {line}, column {column})"
    )]
    Malformed {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// It is something else.
    #[error("Bitrise's description of the connected Apple account is {0}, not a JSON object")]
    NotAnObject(&'static str),
    /// A field is missing or of another type.
    #[error("Bitrise's description of the connected Apple account has no usable `{0}`")]
    Field(&'static str),
    /// The issuer ID can't be one.
    #[error("the issuer ID of the connected API key can't be used: it {0}")]
    Issuer(IssuerError),
    /// The private key can't be used.
    #[error("the connected API key can't be used")]
    Key(#[from] key::KeyError),
}

/// Fetches and reads the connection of the app that is built.
///
/// # Errors
/// When it can't be fetched, or is no such document.
pub(crate) async fn fetch(
    build_url: &str,
    token: Option<&SecretString>,
    redactor: &Redactor,
) -> Result<Connection, ConnectionError> {
    let build_url = build_url.trim().trim_end_matches('/');
    if let Some(path) = build_url.strip_prefix("file://") {
        let is_document = Path::new(path).is_file() || path.to_ascii_lowercase().ends_with(".json");
        let location = match is_document {
            true => build_url.to_owned(),
            false => format!("{build_url}/{DOCUMENT}"),
        };
        return read(&file::read(&location).await?, redactor);
    }
    let unreachable = |error| ConnectionError::Unreachable(Box::new(error));
    let base = transport::base_url(build_url).map_err(unreachable)?;
    let client = Client::builder(base).build().map_err(unreachable)?;
    let mut request = client.request(Method::GET, DOCUMENT);
    if let Some(token) = token {
        request = request.header("BUILD_API_TOKEN", token);
    }
    let answer = request.send().await.map_err(unreachable)?;
    match answer.status.as_u16() {
        200..=299 => read(answer.bytes(), redactor),
        401 => Err(ConnectionError::Withheld),
        status => Err(ConnectionError::Status(status)),
    }
}

impl Connection {
    /// Reads the document; `redactor` learns its secrets.
    ///
    /// # Errors
    /// When it is none. What is wrong with one account is in the [`Connection`].
    pub fn parse(bytes: &[u8], redactor: &Redactor) -> Result<Self, ConnectionError> {
        read(bytes, redactor)
    }
}

/// Reads the document.
///
/// # Errors
/// When it is none. What is wrong with one account is in the [`Connection`].
pub(crate) fn read(bytes: &[u8], redactor: &Redactor) -> Result<Connection, ConnectionError> {
    let document = object(bytes)?;
    let field = |name: &str| document.get(name).unwrap_or(&Value::Null);
    for name in ["password", "app_specific_password", "private_key"] {
        redactor.learn(field(name).as_str().unwrap_or_default());
    }
    let mut connection = Connection::default();
    match api_key(&document, &mut connection.warnings) {
        Ok(key) => connection.api_key = key,
        Err(error) => connection.api_key_error = Some(error),
    }
    if let Some(key) = &connection.api_key {
        redactor.learn_secret(&key.private_key);
    }
    let expiry = document.get("connection_expiry_date").unwrap_or(&Value::Null);
    connection.expiry_is_unknown = fields::date(expiry).is_err();
    match apple_id(&document, redactor, &mut connection.warnings) {
        Ok(apple_id) => connection.apple_id = apple_id,
        Err(error) => connection.apple_id_error = Some(error),
    }
    connection.test_devices = devices::read(field("test_devices"), &mut connection.warnings);
    Ok(connection)
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, ConnectionError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = bytes.trim_ascii();
    if text.is_empty() {
        return Err(ConnectionError::NotAnObject("empty"));
    }
    if text.starts_with(b"<") {
        return Err(ConnectionError::NotAnObject("a web page"));
    }
    // serde_json's messages quote what they met, so only the position is passed on.
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(Value::Array(_)) => Err(ConnectionError::NotAnObject("a list")),
        Ok(_) => Err(ConnectionError::NotAnObject("a single value")),
        Err(error) => Err(ConnectionError::Malformed {
            line: error.line(),
            column: error.column(),
        }),
    }
}

fn api_key(
    document: &Map<String, Value>,
    warnings: &mut Vec<String>,
) -> Result<Option<ApiKey>, ConnectionError> {
    let fields =
        ["key_id", "issuer_id", "private_key"].map(|name| document.get(name).unwrap_or(&Value::Null));
    if fields.iter().all(|field| field.is_null()) {
        return Ok(None);
    }
    let [key_id, issuer_id, private_key] = fields.map(fields::text);
    let key_id = key_id.ok_or(ConnectionError::Field("key_id"))?;
    let issuer_id = issuer_id.ok_or(ConnectionError::Field("issuer_id"))?;
    let private_key = private_key.ok_or(ConnectionError::Field("private_key"))?;
    let key_id = ids::bare(&key_id).to_owned();
    warnings.extend(ids::key_id_warning(&key_id));
    let issuer_id = ids::issuer(&issuer_id, Some(&key_id)).map_err(ConnectionError::Issuer)?;
    Ok(Some(ApiKey {
        key_id,
        issuer_id: Some(issuer_id),
        private_key: key::read(private_key.as_bytes())?.pem,
        enterprise: document.get("is_enterprise_account").is_some_and(fields::is_true),
    }))
}

fn apple_id(
    document: &Map<String, Value>,
    redactor: &Redactor,
    warnings: &mut Vec<String>,
) -> Result<Option<AppleId>, ConnectionError> {
    let field = |name: &str| document.get(name).unwrap_or(&Value::Null);
    let cookies = cookies::read(field("session_cookies"), redactor, warnings);
    let password = fields::password(field("password"));
    let Some(apple_id) = fields::text(field("apple_id")) else {
        return if password.is_none() && cookies.is_empty() {
            Ok(None)
        } else {
            Err(ConnectionError::Field("apple_id"))
        };
    };
    let expires_at: Option<OffsetDateTime> = match fields::date(field("connection_expiry_date")) {
        Ok(date) => date,
        Err(fields::NotADate) => {
            warnings.push(
                "The end of the connected Apple ID's session is unknown: `connection_expiry_date` is not a date.".to_owned(),
            );
            None
        }
    };
    let is_session = !cookies.is_empty() || expires_at.is_some();
    let session = is_session.then_some(Session { cookies, expires_at });
    Ok(Some(AppleId {
        apple_id,
        password,
        app_specific_password: fields::password(field("app_specific_password")),
        session,
    }))
}

#[cfg(test)]
mod tests;
