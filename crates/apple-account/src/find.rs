//! From a step's inputs and Bitrise's connection to one account.

use redaction::Redactor;
use secrecy::{ExposeSecret as _, SecretString};
use time::{Duration, OffsetDateTime};

use crate::file::{self, FileError};
use crate::ids::{self, IssuerError};
use crate::key::{self, KeyError};
use crate::source::{Source, State, choose};
use crate::{
    Account, ApiKey, AppleId, Connection, ConnectionError, InputCredentials, KeyInput, Selection, connection,
};

/// A session that ends sooner than this is worth a warning.
const SOON: Duration = Duration::days(3);

/// What to look for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The input `connection`.
    pub selection: Selection,
    /// Whether only an API key of the team will do.
    ///
    /// Fact: individual keys can't use provisioning endpoints (developer.apple.com, "Creating API Keys for App Store
    /// Connect API", 2026-11).
    pub team_key_only: bool,
    /// Whether an Apple ID is of use only while its session lasts.
    pub needs_session: bool,
    /// Where Bitrise describes the connection; `None` outside Bitrise.
    pub build_url: Option<&'a str>,
    /// The token that Bitrise requires for it; a `file://` URL needs none.
    pub build_api_token: Option<&'a SecretString>,
    /// The description itself, where somebody has fetched it already.
    pub document: Option<&'a str>,
    /// The credentials among the inputs.
    pub credentials: &'a InputCredentials,
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
    /// Where the account comes from.
    pub source: Option<Source>,
    /// A line per source that was considered.
    pub explanation: Vec<String>,
    /// Those of them that have credentials and are not used.
    pub unused: Vec<String>,
    /// What a person should look after.
    pub warnings: Vec<String>,
    /// When the connected session ends or ended, where that is a reason to renew it.
    pub renewal: Option<Renewal>,
    /// Which sources were considered.
    pub selection: Selection,
    /// Whether the inputs hold an account that the selection leaves out.
    pub ignores_inputs: bool,
}

/// A connected session that should be renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// It ended on that day, and another account is used.
    Over(String),
    /// It ends on that day.
    Soon(String),
}

/// Why the account that was chosen can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The session is over, and no other source has credentials.
    #[error("the Apple ID session connected on Bitrise expired on {0}")]
    Expired(String),
    /// The API key's file can't be read.
    #[error("could not read the API key")]
    File {
        /// The input that names it.
        input: KeyInput,
        /// Why.
        #[source]
        source: FileError,
    },
    /// It is no usable key.
    #[error("the API key in the inputs can't be used")]
    Key {
        /// The input that names or holds it.
        input: KeyInput,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// Nothing tells the key ID.
    #[error("the ID of the API key is missing")]
    NoKeyId,
    /// Nothing tells the issuer ID.
    #[error("the issuer ID of the API key is missing")]
    NoIssuer,
    /// What was given as the issuer ID is none.
    #[error("the issuer ID can't be used: it {reason}")]
    Issuer {
        /// What was given, where it can be shown.
        value: Option<String>,
        /// What it is.
        reason: IssuerError,
    },
    /// A key that belongs to a person where one of the team is needed.
    #[error("an individual API key can't manage certificates, devices, identifiers, and profiles")]
    Individual,
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
    let credentials = request.credentials;
    let mut found = Found {
        selection: request.selection,
        ignores_inputs: request.selection.is_connected_only()
            && (credentials.has_api_key() || credentials.has_apple_id()),
        ..Found::default()
    };
    let is_local = request
        .build_url
        .is_some_and(|url| url.trim().starts_with("file://"));
    match (request.build_url, request.build_api_token) {
        _ if request.selection == Selection::Off => {}
        _ if request.document.is_some() => {
            match connection::read(request.document.unwrap_or_default().as_bytes(), redactor) {
                Ok(connection) => found.connection = connection,
                Err(error) => found.failure = Some(error),
            }
        }
        (Some(url), token) if token.is_some() || is_local => {
            match connection::fetch(url, token, redactor).await {
                Ok(connection) => found.connection = connection,
                Err(error) => found.failure = Some(error),
            }
        }
        _ => found.explanation.push(
            "not running on Bitrise (BITRISE_BUILD_URL and BITRISE_BUILD_API_TOKEN are not both set); connected accounts are not used"
                .to_owned(),
        ),
    }
    found.warnings.append(&mut found.connection.warnings);
    let mut choice = choose(request.selection, request.team_key_only, |source| {
        state(source, &found.connection, &request, now)
    });
    found.explanation.append(&mut choice.explanation);
    found.unused.append(&mut choice.unused);
    found.source = choice.source;
    if let Some(source) = choice.broken.first() {
        found.failure = match source {
            Source::ConnectedApiKey => found.connection.api_key_error.take(),
            _ => found.connection.apple_id_error.take(),
        };
    }
    match (choice.source, choice.expired) {
        (Some(source), expired) => {
            found.renewal = expired.map(Renewal::Over);
            found.account = Some(account(source, &mut found, &request, redactor, now).await?);
        }
        (None, Some(date)) => return Err(FindError::Expired(date)),
        (None, None) => {}
    }
    Ok(found)
}

fn state(source: Source, connection: &Connection, request: &Request<'_>, now: OffsetDateTime) -> State {
    let (is_there, is_broken) = match source {
        Source::ConnectedApiKey => (connection.api_key.is_some(), connection.api_key_error.is_some()),
        Source::ConnectedAppleId => (connection.apple_id.is_some(), connection.apple_id_error.is_some()),
        Source::InputApiKey => (request.credentials.has_api_key(), false),
        Source::InputAppleId => (request.credentials.has_apple_id(), false),
    };
    let ended = (source == Source::ConnectedAppleId && request.needs_session)
        .then(|| connection.apple_id.as_ref()?.session.as_ref()?.expires_at)
        .flatten()
        .filter(|end| *end <= now);
    match ended {
        Some(end) => State::Expired(end.date().to_string()),
        None if is_broken => State::Broken,
        None if is_there && source == Source::ConnectedAppleId && connection.expiry_is_unknown => {
            State::Doubtful
        }
        None if is_there => State::Ready,
        None => State::Empty,
    }
}

async fn account(
    source: Source,
    found: &mut Found,
    request: &Request<'_>,
    redactor: &Redactor,
    now: OffsetDateTime,
) -> Result<Account, FindError> {
    let credentials = request.credentials;
    let key = match source {
        Source::ConnectedApiKey => found.connection.api_key.clone(),
        Source::InputApiKey => Some(input_api_key(credentials, redactor, &mut found.warnings).await?),
        Source::ConnectedAppleId | Source::InputAppleId => None,
    };
    if let Some(key) = key {
        if request.team_key_only && key.issuer_id.is_none() {
            return Err(FindError::Individual);
        }
        redactor.learn_secret(&key.private_key);
        return Ok(Account::ApiKey(key));
    }
    let connected = found.connection.apple_id.clone();
    let Some(mut apple_id) = connected.filter(|_| source == Source::ConnectedAppleId) else {
        return Ok(Account::AppleId(AppleId {
            apple_id: credentials.apple_id.clone().unwrap_or_default(),
            password: credentials.password.clone(),
            app_specific_password: credentials.app_specific_password.clone(),
            session: None,
        }));
    };
    // The connection's own wins, as it belongs to this very Apple ID.
    apple_id.app_specific_password = apple_id
        .app_specific_password
        .or_else(|| credentials.app_specific_password.clone());
    if let Some(end) = apple_id.session.as_ref().and_then(|session| session.expires_at)
        && end > now
        && end - now < SOON
    {
        found.renewal = Some(Renewal::Soon(end.date().to_string()));
    }
    Ok(Account::AppleId(apple_id))
}

async fn input_api_key(
    credentials: &InputCredentials,
    redactor: &Redactor,
    warnings: &mut Vec<String>,
) -> Result<ApiKey, FindError> {
    let Some(given) = credentials.key() else {
        return Err(FindError::NoKeyId);
    };
    let input = given.input;
    let bytes = match given.is_text {
        true => given.value.as_bytes().to_vec(),
        false => file::read(given.value)
            .await
            .map_err(|source| FindError::File { input, source })?,
    };
    redactor.learn(&String::from_utf8_lossy(&bytes));
    let private = key::read(&bytes).map_err(|source| FindError::Key { input, source })?;
    redactor.learn_secret(&private.pem);
    if credentials.key_text.is_some() && credentials.key_location.is_some() {
        warnings.push("The API key is set twice, as a file and as text; using the text.".to_owned());
    }
    // The name of the file tells the key ID, also where the key itself is given as well.
    let place = credentials
        .key_location
        .as_ref()
        .map(|location| ids::bare(location.expose_secret()))
        .filter(|location| !key::is_meant(location))
        .or((!given.is_text).then_some(given.value));
    let is_key_file = private.key_id.is_some();
    let mut key_id = credentials
        .key_id
        .as_deref()
        .map(|text| key::key_id_of(text).unwrap_or_else(|| ids::bare(text).to_owned()))
        .or(private.key_id)
        .or_else(|| place.and_then(key::key_id_of));
    let mut issuer = credentials.issuer.clone().or(private.issuer_id);
    if let (Some(key_id), Some(issuer)) = (&mut key_id, &mut issuer)
        && ids::is_issuer(key_id)
        && ids::is_key_id(ids::bare(issuer))
    {
        warnings.push("The key ID and the issuer ID are swapped; using them the right way round.".to_owned());
        std::mem::swap(key_id, issuer);
    }
    let key_id = ids::bare(&key_id.ok_or(FindError::NoKeyId)?).to_owned();
    warnings.extend(ids::key_id_warning(&key_id));
    let issuer_id = match &issuer {
        Some(text) if ids::is_individual(text) => None,
        Some(text) => Some(
            ids::issuer(text, Some(&key_id)).map_err(|reason| FindError::Issuer {
                value: showable(text),
                reason,
            })?,
        ),
        // fastlane's key file of an individual key has no issuer.
        None if is_key_file => None,
        None => return Err(FindError::NoIssuer),
    };
    Ok(ApiKey {
        key_id,
        issuer_id,
        private_key: private.pem,
        enterprise: credentials.is_enterprise || private.enterprise == Some(true),
    })
}

/// A value that is too short to be a key by mistake.
fn showable(text: &str) -> Option<String> {
    let text = ids::bare(text);
    (text.len() <= 40 && !text.contains(char::is_whitespace)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
