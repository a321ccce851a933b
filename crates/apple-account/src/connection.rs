//! The accounts that are connected to an app on Bitrise.
//!
//! Fact: `GET {build URL}/apple_developer_portal_data.json` with the header `BUILD_API_TOKEN`; a `file://`
//! build URL names a directory that holds the same document.

use std::collections::BTreeMap;

use redaction::Redactor;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use transport::{Client, Method};

use crate::file::{self, FileError};
use crate::{ApiKey, AppleId, Cookie, Session, key};

const DOCUMENT: &str = "apple_developer_portal_data.json";

/// No token of Apple's is shorter.
const SHORTEST_SECRET: usize = 8;

/// What is connected.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// The API key.
    pub api_key: Option<ApiKey>,
    /// The Apple ID.
    pub apple_id: Option<AppleId>,
    /// The devices of team members, each once.
    pub test_devices: Vec<TestDevice>,
    /// What is odd about the document.
    pub warnings: Vec<String>,
}

/// A device of a team member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestDevice {
    /// Its UDID, as its owner wrote it, without characters that no UDID has.
    pub udid: String,
    /// Its title.
    pub title: String,
}

/// Why the connection can't be used. The document is never quoted.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// Builds of pull requests get no credentials.
    #[error("Bitrise gave this build no Apple account (HTTP 401)")]
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
    /// The document is broken.
    #[error(
        "Bitrise's description of the connected Apple account is not valid JSON (line {line}, column {column})"
    )]
    Malformed {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// A field is missing or of another type.
    #[error("Bitrise's description of the connected Apple account has no usable `{0}`")]
    Field(&'static str),
    /// The private key can't be used.
    #[error("the connected API key can't be used")]
    Key(#[from] key::KeyError),
}

/// Fetches and reads the connection of the app that is built.
///
/// # Errors
/// When it can't be fetched, or a part of it is broken.
pub async fn fetch(
    build_url: &str,
    token: &SecretString,
    redactor: &Redactor,
) -> Result<Connection, ConnectionError> {
    let build_url = build_url.trim_end_matches('/');
    if build_url.starts_with("file://") {
        return read(&file::read(&format!("{build_url}/{DOCUMENT}")).await?, redactor);
    }
    let unreachable = |error| ConnectionError::Unreachable(Box::new(error));
    let base = transport::base_url(build_url).map_err(unreachable)?;
    let client = Client::builder(base).build().map_err(unreachable)?;
    let request = client
        .request(Method::GET, DOCUMENT)
        .header("BUILD_API_TOKEN", token);
    let answer = request.send().await.map_err(unreachable)?;
    match answer.status.as_u16() {
        200..=299 => read(answer.bytes(), redactor),
        401 => Err(ConnectionError::Withheld),
        status => Err(ConnectionError::Status(status)),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    apple_id: Value,
    password: Value,
    app_specific_password: Value,
    connection_expiry_date: Value,
    session_cookies: Value,
    key_id: Value,
    issuer_id: Value,
    private_key: Value,
    is_enterprise_account: Value,
    test_devices: Value,
}

pub(crate) fn read(bytes: &[u8], redactor: &Redactor) -> Result<Connection, ConnectionError> {
    // serde_json's messages quote what they met, so only the position is passed on.
    let document: Document = serde_json::from_slice(bytes).map_err(|error| ConnectionError::Malformed {
        line: error.line(),
        column: error.column(),
    })?;
    for secret in [
        &document.password,
        &document.app_specific_password,
        &document.private_key,
    ] {
        redactor.learn(secret.as_str().unwrap_or_default());
    }
    let mut connection = Connection {
        api_key: api_key(&document)?,
        ..Connection::default()
    };
    if let Some(key) = &connection.api_key {
        redactor.learn_secret(&key.private_key);
    }
    connection.apple_id = apple_id(&document, redactor)?;
    read_test_devices(&document.test_devices, &mut connection);
    Ok(connection)
}

fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// A password as it is: blanks around it belong to it.
fn password(value: &Value) -> Option<SecretString> {
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(SecretString::from)
}

fn api_key(document: &Document) -> Result<Option<ApiKey>, ConnectionError> {
    let is_given = |value: &Value| !value.is_null();
    if !is_given(&document.key_id) && !is_given(&document.private_key) && !is_given(&document.issuer_id) {
        return Ok(None);
    }
    let key_id = text(&document.key_id).ok_or(ConnectionError::Field("key_id"))?;
    let issuer_id = text(&document.issuer_id).ok_or(ConnectionError::Field("issuer_id"))?;
    let private_key = text(&document.private_key).ok_or(ConnectionError::Field("private_key"))?;
    Ok(Some(ApiKey {
        key_id,
        issuer_id: Some(issuer_id),
        private_key: key::normalised(&private_key.into())?,
        enterprise: document.is_enterprise_account.as_bool().unwrap_or(false),
    }))
}

fn apple_id(document: &Document, redactor: &Redactor) -> Result<Option<AppleId>, ConnectionError> {
    let Some(apple_id) = text(&document.apple_id) else {
        return Ok(None);
    };
    let expires_at = match text(&document.connection_expiry_date) {
        None => None,
        Some(date) => {
            let parsed = OffsetDateTime::parse(&date, &Rfc3339);
            Some(parsed.map_err(|_| ConnectionError::Field("connection_expiry_date"))?)
        }
    };
    let cookies = cookies(&document.session_cookies, redactor)?;
    let is_session = !cookies.is_empty() || expires_at.is_some();
    let session = is_session.then_some(Session { cookies, expires_at });
    Ok(Some(AppleId {
        apple_id,
        password: password(&document.password),
        app_specific_password: password(&document.app_specific_password),
        session,
    }))
}

#[derive(Deserialize)]
struct RawCookie {
    name: String,
    value: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    domain: String,
    #[serde(default)]
    secure: bool,
    #[serde(default)]
    expires: Option<String>,
    #[serde(default)]
    max_age: Option<i64>,
    #[serde(default)]
    httponly: bool,
    #[serde(default)]
    for_domain: Option<bool>,
}

fn cookies(value: &Value, redactor: &Redactor) -> Result<Vec<Cookie>, ConnectionError> {
    if value.is_null() {
        return Ok(Vec::new());
    }
    let by_origin: BTreeMap<String, Vec<RawCookie>> =
        serde_json::from_value(value.clone()).map_err(|_| ConnectionError::Field("session_cookies"))?;
    let mut cookies = Vec::new();
    for (origin, raw) in by_origin {
        for cookie in raw {
            // Sessions hold the language and the country, too: masking `USA` would hide half of the log.
            if cookie.value.len() >= SHORTEST_SECRET {
                redactor.learn(&cookie.value);
            }
            cookies.push(Cookie {
                origin: origin.clone(),
                name: cookie.name,
                value: cookie.value.into(),
                path: cookie.path,
                domain: cookie.domain,
                secure: cookie.secure,
                expires: cookie.expires,
                max_age: cookie.max_age,
                http_only: cookie.httponly,
                for_domain: cookie.for_domain.unwrap_or(true),
            });
        }
    }
    Ok(cookies)
}

fn read_test_devices(value: &Value, connection: &mut Connection) {
    for device in value.as_array().map(Vec::as_slice).unwrap_or_default() {
        let title = text(&device["title"]).unwrap_or_else(|| "without a title".to_owned());
        let written = text(&device["device_identifier"]).unwrap_or_default();
        let udid: String = written
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        let comparable = |udid: &str| udid.replace('-', "").to_lowercase();
        if connection
            .test_devices
            .iter()
            .any(|known| comparable(&known.udid) == comparable(&udid))
        {
            connection.warnings.push(format!(
                "the test device {title} has the UDID of another one and is left out"
            ));
            continue;
        }
        connection.test_devices.push(TestDevice { udid, title });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(document: &str) -> Result<Connection, ConnectionError> {
        read(document.as_bytes(), &Redactor::new())
    }

    #[test]
    fn broken_documents_name_the_field_and_quote_nothing() {
        for (document, expected) in [
            (
                r#"{"key_id":"K","issuer_id":"","private_key":"s3cr3t"}"#,
                "issuer_id",
            ),
            (
                r#"{"key_id":"","issuer_id":"I","private_key":"s3cr3t"}"#,
                "key_id",
            ),
            (
                r#"{"apple_id":"a@b.c","password":"s3cr3t","connection_expiry_date":"soon"}"#,
                "connection_expiry_date",
            ),
            (
                r#"{"apple_id":"a@b.c","session_cookies":"s3cr3t"}"#,
                "session_cookies",
            ),
            (r#"{"password":"s3cr3t"#, "line 1"),
        ] {
            let message = parse(document).unwrap_err().to_string();
            assert!(
                message.contains(expected) && !message.contains("s3cr3t"),
                "{message}"
            );
        }
    }

    #[test]
    fn test_devices_are_cleaned_and_counted_once() {
        let connection = parse(
            r#"{"test_devices":[{"device_identifier":"00008101-000a1b2c3d4e001e ","title":"A"},
                {"device_identifier":"00008101000A1B2C3D4E001E","title":"B"}]}"#,
        )
        .unwrap();
        assert_eq!(connection.test_devices.len(), 1);
        assert_eq!(connection.warnings.len(), 1);
    }

    #[test]
    fn nothing_connected_is_no_error() {
        let connection = parse("{}").unwrap();
        assert!(connection.api_key.is_none() && connection.apple_id.is_none());
    }
}
