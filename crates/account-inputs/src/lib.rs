//! The Apple account of a step: how its inputs are named, checked and spoken about.
//!
//! What they mean is decided by [`apple_account`]; here it is told in one block of the log, and what a person does next
//! has its one place (`advice.rs`).

mod advice;
mod api;
pub mod pages;

use std::time::Duration;

use anyhow::anyhow;
use apple_account::{
    Account, ApiKey, AppleId, ConnectionError, CredentialProblem, FindError, Found, InputCredentials,
    KeyInput, Renewal, Request, Selection, Source,
};
use secrecy::SecretString;
use step_kit::{Advice as _, InputProblem, InputProblems, Secret, Step};

pub use api::{
    ACCEPT_AGREEMENT, APPLE_IS_UNWELL, Duty, about_api, about_machine, about_release, about_transport, client,
};

/// What a step accepts as an account.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The key of the input that holds the Apple ID.
    pub apple_id_key: &'static str,
    /// Whether an Apple ID is of use only while its session lasts.
    pub needs_session: bool,
    /// Whether only an API key of the team will do.
    pub team_key_only: bool,
}

impl Terms {
    /// Those of a step that uploads or runs other tools, whose Apple ID is in the input `apple_id_key`.
    pub const fn of_any_account(apple_id_key: &'static str, needs_session: bool) -> Self {
        Self {
            apple_id_key,
            needs_session,
            team_key_only: false,
        }
    }

    /// Those of a step that manages signing assets with an API key.
    pub const TEAM_KEY: Self = Self {
        apple_id_key: "",
        needs_session: true,
        team_key_only: true,
    };
}

/// What is wrong with the credentials among the inputs, named by the step's own keys.
pub fn problem(credentials: &InputCredentials, terms: Terms) -> Option<InputProblem> {
    let problem = credentials.problem()?;
    let (key, next) = match problem {
        CredentialProblem::BothKinds => {
            let is_text = credentials.key_location.is_none() && credentials.key_text.is_some();
            (
                if is_text {
                    "api_key_content"
                } else {
                    "api_key_path"
                },
                "",
            )
        }
        CredentialProblem::NoKey => (
            "api_key_path",
            "; set the path or URL of `AuthKey_<key ID>.p8`, or the key itself as `api_key_content`, or empty the IDs",
        ),
        CredentialProblem::NoIssuer if terms.team_key_only => (
            "api_issuer",
            "; copy the issuer ID from App Store Connect > Users and Access > Integrations",
        ),
        CredentialProblem::NoIssuer => (
            "api_issuer",
            "; copy the issuer ID from App Store Connect > Users and Access > Integrations, or write `individual` for a key that has none",
        ),
        CredentialProblem::NoAppleId => (terms.apple_id_key, ""),
        CredentialProblem::NoPassword => ("password", ""),
    };
    Some(InputProblem::new(key, format!("{problem}{next}")))
}

/// How long the connected account and the files of inputs may be asked for.
const LONGEST_SEARCH: Duration = Duration::from_secs(600);

/// Finds the account that the inputs ask for and says which it is, and why the others are not used.
///
/// # Errors
/// When the account that wins is there and can't be used, with what to do about it.
pub async fn find<I>(
    step: &Step<I>,
    connection: &str,
    credentials: &InputCredentials,
    terms: Terms,
) -> anyhow::Result<Found> {
    step.log.heading("Account");
    let token = step.env.get("BITRISE_BUILD_API_TOKEN").map(SecretString::from);
    if let Some(token) = &token {
        step.redactor.learn_secret(token);
    }
    let build_url = step.env.get("BITRISE_BUILD_URL");
    find_account(step, connection, credentials, terms, build_url, token.as_ref()).await
}

/// Finds the API key that the inputs ask for, for a step that works with nothing else.
///
/// # Errors
/// When there is none, or it can't be used, with what to do about it.
pub async fn api_key<I>(
    step: &Step<I>,
    connection: &str,
    credentials: &InputCredentials,
    build_url: Option<&str>,
    build_api_token: Option<&Secret>,
) -> anyhow::Result<(ApiKey, Found)> {
    let terms = Terms::TEAM_KEY;
    if let Some(problem) = problem(credentials, terms) {
        return Err(InputProblems::from(problem).into());
    }
    let token = build_api_token.map(Secret::secret);
    let mut found = find_account(step, connection, credentials, terms, build_url, token).await?;
    match found.account.take() {
        Some(Account::ApiKey(key)) => Ok((key, found)),
        _ => Err(no_account(found, terms)),
    }
}

async fn find_account<I>(
    step: &Step<I>,
    connection: &str,
    credentials: &InputCredentials,
    terms: Terms,
    build_url: Option<&str>,
    build_api_token: Option<&SecretString>,
) -> anyhow::Result<Found> {
    let selection: Selection = connection.parse().map_err(|text: String| anyhow!(text))?;
    let request = Request {
        selection,
        team_key_only: terms.team_key_only,
        needs_session: terms.needs_session,
        build_url,
        build_api_token,
        document: None,
        credentials,
    };
    let found = search(step, request, Some(terms.apple_id_key)).await?;
    if let Some(account) = &found.account {
        let name = match account {
            Account::ApiKey(key) => &key.key_id,
            Account::AppleId(apple_id) => &apple_id.apple_id,
        };
        step.log
            .plain(format!("{} {name}{}", kind(Some(account)), origin(found.source)));
    }
    if let (Some(failure), Some(_)) = (&found.failure, &found.account) {
        step.log.warn(reasons(failure));
    }
    Ok(found)
}

/// Finds the connected Apple ID, for a step that works with nothing else.
///
/// # Errors
/// When there is none, or its connection has expired, with what to do about it.
pub async fn apple_id<I>(step: &Step<I>, request: Request<'_>) -> anyhow::Result<(AppleId, Found)> {
    let mut found = search(step, request, None).await?;
    match found.account.take() {
        Some(Account::AppleId(apple_id)) => Ok((apple_id, found)),
        _ => Err(match found.failure.take() {
            Some(failure) => {
                let advice = advice::about_connection(&failure, &found);
                anyhow::Error::from(failure)
                    .context("no Apple ID was found")
                    .hint(advice)
            }
            None if found.ignores_inputs => not_connected(&found).hint(format!(
                "{}, or {}",
                advice::USE_INPUTS,
                advice::connect_apple_id()
            )),
            None if found.connection.api_key.is_some() => {
                anyhow!("the Apple service connection of this app is an API key, and this needs an Apple ID")
                    .hint(advice::use_the_key())
            }
            None => not_connected(&found).hint(advice::connect_apple_id()),
        }),
    }
}

fn not_connected(found: &Found) -> anyhow::Error {
    anyhow!(found.explanation.join("; ")).context("no Apple ID is connected")
}

async fn search<I>(
    step: &Step<I>,
    request: Request<'_>,
    apple_id_key: Option<&str>,
) -> anyhow::Result<Found> {
    let unused = unused(request.selection, request.credentials, apple_id_key);
    let ignores_inputs = !unused.is_empty();
    if ignores_inputs {
        let list: Vec<String> = unused.iter().map(|key| format!("`{key}`")).collect();
        let (inputs, them) = match list.len() {
            1 => ("input", "it"),
            _ => ("inputs", "them"),
        };
        step.log.warn(format!(
            "The input `connection` is `{}`, so the {inputs} {} cannot be used. To use {them}, set `connection` to `off`.",
            request.selection,
            list.join(", ")
        ));
    }
    let find = async {
        let found = apple_account::find(request, &step.redactor, clock::now()).await;
        found.map_err(|error| unusable(error, ignores_inputs))
    };
    let found = step
        .within("finding the Apple account", LONGEST_SEARCH, find)
        .await?;
    found.explanation.iter().for_each(|line| step.log.debug(line));
    found
        .unused
        .iter()
        .for_each(|line| step.log.plain(format!("Not used: {line}")));
    found.warnings.iter().for_each(|line| step.log.warn(line));
    let renewal = match &found.renewal {
        Some(Renewal::Over(date)) => Some(format!("expired on {date}")),
        Some(Renewal::Soon(date)) => Some(format!("expires on {date}")),
        None => None,
    };
    if let Some(when) = renewal {
        let renew = advice::renew();
        step.log
            .warn(format!("The connected Apple ID's session {when}; {renew}."));
    }
    Ok(found)
}

/// The inputs with an account that `connection` leaves out. An app-specific password completes a connected Apple ID.
fn unused<'a>(
    selection: Selection,
    credentials: &InputCredentials,
    apple_id_key: Option<&'a str>,
) -> Vec<&'a str> {
    if !selection.is_connected_only() || !(credentials.has_api_key() || credentials.has_apple_id()) {
        return Vec::new();
    }
    let apple_id_key = apple_id_key.filter(|key| !key.is_empty());
    [
        (Some("api_key_path"), credentials.key_location.is_some()),
        (Some("api_key_content"), credentials.key_text.is_some()),
        (Some("api_key_id"), credentials.key_id.is_some()),
        (Some("api_issuer"), credentials.issuer.is_some()),
        (apple_id_key, credentials.apple_id.is_some()),
        (apple_id_key.and(Some("password")), credentials.password.is_some()),
        (
            apple_id_key.and(Some("app_password")),
            selection == Selection::ApiKey && credentials.app_specific_password.is_some(),
        ),
    ]
    .into_iter()
    .filter_map(|(key, is_set)| key.filter(|_| is_set))
    .collect()
}

/// An account that is there and can't be used, with what to do about it. What an input holds is a matter of the inputs.
fn unusable(error: FindError, ignores_inputs: bool) -> anyhow::Error {
    let next = match ignores_inputs {
        true => format!("{}; or {}", advice::about_inputs(&error), advice::USE_INPUTS),
        false => advice::about_inputs(&error),
    };
    let problem =
        |key: &str, text: String| anyhow::Error::from(InputProblems::from(InputProblem::new(key, text)));
    let error = match error {
        FindError::Key { input, source } => problem(key_of(input), source.to_string()),
        FindError::File { input, source } => {
            anyhow::Error::from(source).context(format!("could not read the API key that `{}` names", key_of(input)))
        }
        FindError::NoKeyId => problem(
            "api_key_id",
            "has no value, and the name of the key's file does not contain the key ID; accepted: the key ID, or a file named `AuthKey_<key ID>.p8` as it was downloaded".to_owned(),
        ),
        FindError::NoIssuer => problem("api_issuer", "has no value although an API key is given".to_owned()),
        FindError::Issuer { value, reason } => {
            let shown = value.map_or_else(String::new, |value| format!("`{value}` "));
            problem(
                "api_issuer",
                format!("{shown}{reason}; accepted: a UUID such as 57246542-96fe-1a63-e053-0824d011072a"),
            )
        }
        FindError::Individual => problem(
            "api_issuer",
            "says that the API key is an individual one, and individual keys can't manage certificates, devices, identifiers, and profiles; accepted: the issuer ID of a team key".to_owned(),
        ),
        other @ FindError::Expired(_) => other.into(),
    };
    error.hint(next)
}

fn key_of(input: KeyInput) -> &'static str {
    match input {
        KeyInput::Location => "api_key_path",
        KeyInput::Text => "api_key_content",
    }
}

/// Where the account was found, in parentheses.
fn origin(source: Option<Source>) -> &'static str {
    match source {
        Some(Source::ConnectedApiKey | Source::ConnectedAppleId) => " (service connection of this app)",
        Some(Source::InputApiKey | Source::InputAppleId) => " (inputs)",
        None => "",
    }
}

/// What kind of account it is, in people's words.
pub fn kind(account: Option<&Account>) -> &'static str {
    match account {
        None => "none",
        Some(Account::AppleId(_)) => "Apple ID",
        Some(Account::ApiKey(key)) => match (key.enterprise, &key.issuer_id) {
            (true, _) => "Enterprise Program API key",
            (false, None) => "individual API key",
            (false, Some(_)) => "App Store Connect API key",
        },
    }
}

/// The account, where the step can't do without.
///
/// # Errors
/// When there is none, with the reason and what to do.
pub fn required(found: Found, terms: Terms) -> anyhow::Result<(Account, Vec<String>)> {
    let mut found = found;
    match found.account.take() {
        Some(account) => Ok((account, found.warnings)),
        None => Err(no_account(found, terms)),
    }
}

fn no_account(mut found: Found, terms: Terms) -> anyhow::Error {
    match found.failure.take() {
        Some(failure) => {
            let advice = advice::about_connection(&failure, &found);
            anyhow::Error::from(failure)
                .context("no Apple account was found")
                .hint(advice)
        }
        None => anyhow!(found.explanation.join("; "))
            .context("no Apple account was found")
            .hint(advice::connect(terms, &found)),
    }
}

/// Says that there is no account, where the step continues without one.
pub fn warn_of_none<I>(step: &Step<I>, found: &Found, terms: Terms) {
    match &found.failure {
        Some(failure) => step.log.warn(format!(
            "{}. What to do: {}.",
            reasons(failure),
            advice::about_connection(failure, found)
        )),
        None => step.log.warn(format!(
            "No Apple account was found. To use one, {}.",
            advice::connect(terms, found)
        )),
    }
}

/// An error and its causes in one line.
fn reasons(failure: &ConnectionError) -> String {
    let mut text = failure.to_string();
    let mut cause = std::error::Error::source(failure);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
