//! From a step's inputs and Bitrise's connection to one account.

use redaction::Redactor;
use secrecy::{ExposeSecret as _, SecretString};
use time::{Duration, OffsetDateTime};

use crate::file::{self, FileError};
use crate::key::{self, KeyError};
use crate::source::order;
use crate::{Account, ApiKey, AppleId, Connection, ConnectionError, Given, Selection, Source, connection};

/// A session that ends sooner than this is worth a warning.
const SOON: Duration = Duration::days(3);

/// Where a person renews the session.
const RENEW: &str = "sign in again on Bitrise: Account settings > Apple Developer Account > Re-authenticate";

/// What to look for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The input `connection`.
    pub selection: Selection,
    /// Whether only API keys will do.
    pub api_key_only: bool,
    /// Whether an Apple ID is of use only while its session lasts.
    pub needs_session: bool,
    /// Where Bitrise describes the connection; `None` outside Bitrise.
    pub build_url: Option<&'a str>,
    /// What Bitrise wants to see for it.
    pub build_api_token: Option<&'a SecretString>,
    /// The description itself, where somebody has fetched it already.
    pub document: Option<&'a str>,
    /// The credentials among the inputs.
    pub given: &'a Given,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The account, where there is one.
    pub account: Option<Account>,
    /// What else Bitrise said.
    pub connection: Connection,
    /// Why Bitrise's part is missing.
    pub failure: Option<ConnectionError>,
    /// A line per source that was considered.
    pub explanation: Vec<String>,
    /// What a person should look after.
    pub warnings: Vec<String>,
}

/// Why the account that was chosen can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The session is over, and no other source has credentials.
    #[error("the Apple ID session that is connected on Bitrise ended on {0}")]
    Expired(String),
    /// The API key's file can't be read.
    #[error("failed to read the API key")]
    File(#[from] FileError),
    /// It is no usable key.
    #[error("the API key of the inputs can't be used")]
    Key(#[from] KeyError),
}

impl FindError {
    /// What a person should do.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Expired(_) => RENEW,
            Self::File(_) => {
                "check the input api_key_path: a path, or a file:// or https:// URL, that this machine can read"
            }
            Self::Key(_) => {
                "give api_key_path the file as downloaded from App Store Connect, with its name AuthKey_<key ID>.p8"
            }
        }
    }
}

/// Finds the account that a step's inputs ask for, in the order of its `connection` input. A connection that
/// can't be read counts as none: [`Found::failure`] says why.
///
/// # Errors
/// When the source that wins is there and can't be used.
pub async fn find(
    request: Request<'_>,
    redactor: &Redactor,
    now: OffsetDateTime,
) -> Result<Found, FindError> {
    let mut found = Found::default();
    match (request.build_url, request.build_api_token) {
        _ if request.selection == Selection::Off => {}
        _ if request.document.is_some() => {
            match connection::read(request.document.unwrap_or_default().as_bytes(), redactor) {
                Ok(connection) => found.connection = connection,
                Err(error) => found.failure = Some(error),
            }
        }
        (Some(url), Some(token)) => match connection::fetch(url, token, redactor).await {
            Ok(connection) => found.connection = connection,
            Err(error) => found.failure = Some(error),
        },
        _ => found.explanation.push(
            "not running on Bitrise (BITRISE_BUILD_URL and BITRISE_BUILD_API_TOKEN are not both set): connected accounts are not looked for"
                .to_owned(),
        ),
    }
    found.warnings.append(&mut found.connection.warnings);
    let mut expired = None;
    let mut chosen = None;
    for source in order(request.selection, request.api_key_only) {
        let state = match availability(*source, &found.connection, &request, now) {
            Availability::Expired(date) => {
                let state = format!("its session ended on {date}");
                expired.get_or_insert(date);
                state
            }
            Availability::None => "none".to_owned(),
            Availability::There if chosen.is_some() => "there, and not needed".to_owned(),
            Availability::There => {
                chosen = Some(*source);
                "used".to_owned()
            }
        };
        found.explanation.push(format!("{}: {state}", source.describe()));
    }
    if let (Some(_), Some(date)) = (chosen, &expired) {
        found.warnings.push(format!(
            "The connected Apple ID's session ended on {date}; {RENEW}."
        ));
    }
    match (chosen, expired) {
        (Some(source), _) => {
            found.account = Some(account(source, &mut found, &request, redactor, now).await?);
        }
        (None, Some(date)) => return Err(FindError::Expired(date)),
        (None, None) => {}
    }
    Ok(found)
}

enum Availability {
    None,
    Expired(String),
    There,
}

fn availability(
    source: Source,
    connection: &Connection,
    request: &Request<'_>,
    now: OffsetDateTime,
) -> Availability {
    let is_there = match source {
        Source::ConnectedApiKey => connection.api_key.is_some(),
        Source::ConnectedAppleId => connection.apple_id.is_some(),
        Source::InputApiKey => request.given.has_api_key(),
        Source::InputAppleId => request.given.has_apple_id(),
    };
    let ended = (source == Source::ConnectedAppleId && request.needs_session)
        .then(|| connection.apple_id.as_ref()?.session.as_ref()?.expires_at)
        .flatten()
        .filter(|end| *end <= now);
    match ended {
        Some(end) => Availability::Expired(end.date().to_string()),
        None if is_there => Availability::There,
        None => Availability::None,
    }
}

async fn account(
    source: Source,
    found: &mut Found,
    request: &Request<'_>,
    redactor: &Redactor,
    now: OffsetDateTime,
) -> Result<Account, FindError> {
    let given = request.given;
    let key = match source {
        Source::ConnectedApiKey => found.connection.api_key.clone(),
        Source::InputApiKey => Some(input_api_key(given, redactor).await?),
        Source::ConnectedAppleId | Source::InputAppleId => None,
    };
    if let Some(key) = key {
        redactor.learn_secret(&key.private_key);
        return Ok(Account::ApiKey(key));
    }
    let connected = found.connection.apple_id.clone();
    let Some(mut apple_id) = connected.filter(|_| source == Source::ConnectedAppleId) else {
        return Ok(Account::AppleId(AppleId {
            apple_id: given.apple_id.clone().unwrap_or_default(),
            password: given.password.clone(),
            app_specific_password: given.app_specific_password.clone(),
            session: None,
        }));
    };
    // The connection's own wins, as it belongs to this very Apple ID.
    apple_id.app_specific_password = apple_id
        .app_specific_password
        .or_else(|| given.app_specific_password.clone());
    if let Some(end) = apple_id.session.as_ref().and_then(|session| session.expires_at)
        && end > now
        && end - now < SOON
    {
        found.warnings.push(format!(
            "The connected Apple ID's session ends on {}; {RENEW}.",
            end.date()
        ));
    }
    Ok(Account::AppleId(apple_id))
}

async fn input_api_key(given: &Given, redactor: &Redactor) -> Result<ApiKey, FindError> {
    let path = given
        .api_key_path
        .as_ref()
        .map(SecretString::expose_secret)
        .unwrap_or_default();
    let key_id = key::key_id_of(path)?;
    let text = String::from_utf8_lossy(&file::read(path).await?).into_owned();
    redactor.learn(&text);
    Ok(ApiKey {
        key_id,
        issuer_id: given.issuer_id().map(str::to_owned),
        private_key: key::normalised(&text.into())?,
        enterprise: false,
    })
}
