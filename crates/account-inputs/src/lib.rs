//! The Apple account of a step: from its inputs to what signs in, told in one block of the log.
//!
//! The steps that upload or run fastlane take the same inputs under almost the same names. What they mean is
//! decided by [`apple_account`]; here is how they are named, checked and spoken about.

use anyhow::anyhow;
use apple_account::{
    Account, AppleId, ConnectionError, FindError, Found, Given, Problem, Request, Selection,
};
use secrecy::SecretString;
use step_kit::{Advice as _, InputProblem, Step};
use time::OffsetDateTime;

/// How a person gives the step an account.
const CONNECT: &str = "connect an App Store Connect API key or an Apple ID to your Bitrise account and assign it to this app (App settings > Integrations > Apple service connection), or set the step's API key or Apple ID inputs";

/// What a step accepts as an account.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The key of the input that holds the Apple ID.
    pub apple_id_key: &'static str,
    /// Whether an Apple ID is of use only while its session lasts.
    pub needs_session: bool,
}

/// What is wrong with the credentials among the inputs, named by the step's own keys.
pub fn problem(given: &Given, terms: Terms) -> Option<InputProblem> {
    let problem = given.problem()?;
    let key = match problem {
        Problem::BothKinds | Problem::NoKey => "api_key_path",
        Problem::NoIssuer => "api_issuer",
        Problem::NoAppleId => terms.apple_id_key,
        Problem::NoPassword => "password",
    };
    Some(InputProblem::new(key, problem.to_string()))
}

/// Finds the account that the inputs ask for and says which it is, and why the others are not used.
///
/// # Errors
/// When the account that wins is there and can't be used, with what to do about it.
pub async fn find<I>(step: &Step<I>, connection: &str, given: &Given, terms: Terms) -> anyhow::Result<Found> {
    step.log.heading("Apple account");
    let selection: Selection = connection.parse().map_err(|text: String| anyhow!(text))?;
    let token = step.env.get("BITRISE_BUILD_API_TOKEN").map(SecretString::from);
    if let Some(token) = &token {
        step.redactor.learn_secret(token);
    }
    let request = Request {
        selection,
        api_key_only: false,
        needs_session: terms.needs_session,
        build_url: step.env.get("BITRISE_BUILD_URL"),
        build_api_token: token.as_ref(),
        document: None,
        given,
    };
    let found = looked_for(step, request).await?;
    match &found.account {
        Some(account @ Account::ApiKey(key)) => {
            step.log
                .plain(format!("{} with the key ID {}", kind(Some(account)), key.key_id));
        }
        Some(Account::AppleId(apple_id)) => step.log.plain(format!("Apple ID {}", apple_id.apple_id)),
        None => {}
    }
    if let (Some(failure), Some(_)) = (&found.failure, &found.account) {
        step.log.warn(reasons(failure));
    }
    Ok(found)
}

/// Finds the connected Apple ID, for a step that works with nothing else.
///
/// # Errors
/// When there is none, or its connection has ended, with what to do about it.
pub async fn apple_id<I>(step: &Step<I>, request: Request<'_>) -> anyhow::Result<(AppleId, Found)> {
    let mut found = looked_for(step, request).await?;
    match found.account.take() {
        Some(Account::AppleId(apple_id)) => Ok((apple_id, found)),
        _ => Err(match found.failure {
            Some(failure) => {
                let advice = advice(&failure);
                anyhow::Error::from(failure)
                    .context("no Apple ID was found")
                    .hint(advice)
            }
            None if found.connection.api_key.is_some() => anyhow!(
                "the Apple service connection of this app is an API key, and this needs an Apple ID"
            )
            .hint("use the step auto-provision-asc, which works with the API key, or assign an Apple ID to the app (App settings > Integrations > Apple service connection)"),
            None => anyhow!("no Apple ID is connected: {}", found.explanation.join("; ")).hint("connect the Apple ID to your Bitrise account (Account settings > Apple Developer Account) and assign it to this app (App settings > Integrations > Apple service connection)"),
        }),
    }
}

async fn looked_for<I>(step: &Step<I>, request: Request<'_>) -> anyhow::Result<Found> {
    let found = apple_account::find(request, &step.redactor, OffsetDateTime::now_utc())
        .await
        .map_err(|error: FindError| {
            let advice = error.advice();
            anyhow::Error::from(error).hint(advice)
        })?;
    found
        .explanation
        .iter()
        .for_each(|line| step.log.plain(format!("- {line}")));
    found.warnings.iter().for_each(|line| step.log.warn(line));
    Ok(found)
}

/// What kind of account it is, in people's words.
pub fn kind(account: Option<&Account>) -> &'static str {
    match account {
        None => "none",
        Some(Account::AppleId(_)) => "Apple ID",
        Some(Account::ApiKey(key)) => match (key.enterprise, &key.issuer_id) {
            (true, _) => "Enterprise Program API key",
            (false, None) => "individual API key",
            (false, Some(_)) => "API key",
        },
    }
}

/// The account, where the step can't do without.
///
/// # Errors
/// When there is none, with the reason and what to do.
pub fn required(found: Found) -> anyhow::Result<(Account, Vec<String>)> {
    if let Some(account) = found.account {
        return Ok((account, found.warnings));
    }
    Err(match found.failure {
        Some(failure) => {
            let advice = advice(&failure);
            anyhow::Error::from(failure)
                .context("no Apple account was found")
                .hint(advice)
        }
        None => anyhow!("no Apple account was found: {}", found.explanation.join("; ")).hint(CONNECT),
    })
}

/// Says that there is no account, where the step goes on without one.
pub fn warn_of_none<I>(step: &Step<I>, found: &Found) {
    match &found.failure {
        Some(failure) => step
            .log
            .warn(format!("{}. What to do: {}.", reasons(failure), advice(failure))),
        None => step
            .log
            .warn(format!("No Apple account was found. To use one, {CONNECT}.")),
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

/// What a person should do about a connection that can't be used.
fn advice(failure: &ConnectionError) -> &'static str {
    match failure {
        ConnectionError::Withheld => {
            "builds of pull requests from forks of public apps get no credentials by design; run this step in other builds only, or use the step's API key or Apple ID inputs"
        }
        ConnectionError::Unreachable(_) | ConnectionError::Status(_) | ConnectionError::File(_) => {
            "rebuild; if it happens again, use the step's API key or Apple ID inputs, or look at https://status.bitrise.io"
        }
        _ => "connect the account anew on Bitrise: Account settings > Apple service connection",
    }
}
