//! The account: connected on Bitrise, or given by the inputs.

use anyhow::{Context as _, bail};
use apple_account::{ApiKey, Available, Connection, ConnectionError, Selection, Source};
use step_kit::{Advice as _, InputProblem, InputProblems, Step};

use crate::inputs::Inputs;

/// Where Bitrise explains the connection.
const CONNECT: &str = "connect an App Store Connect API key to your Bitrise account and assign it to this app (App settings > Integrations > Apple service connection), or set the inputs api_key_path and api_issuer";

/// What the account gives.
pub(crate) struct Account {
    pub(crate) key: ApiKey,
    pub(crate) connection: Connection,
}

/// Finds the account that the inputs ask for.
pub(crate) async fn resolve(step: &Step<Inputs>) -> anyhow::Result<Account> {
    let inputs = &step.inputs;
    let given = match (&inputs.api_key_path, &inputs.api_issuer) {
        (Some(path), Some(issuer)) => Some((path, issuer)),
        (None, None) => None,
        (Some(_), None) => return Err(half("api_issuer", "api_key_path")),
        (None, Some(_)) => return Err(half("api_key_path", "api_issuer")),
    };
    let selection: Selection = inputs.connection.parse().map_err(anyhow::Error::msg)?;
    if matches!(selection, Selection::AppleId | Selection::EnterpriseWithAppleId) {
        bail!(InputProblems::from(InputProblem::new(
            "connection",
            "this version signs in with API keys only; accepted: automatic, api_key, off",
        )));
    }
    let (connection, failure) = connection(step, selection).await;
    let available = Available {
        connected_api_key: connection.api_key.is_some(),
        connected_apple_id: connection.apple_id.is_some(),
        input_api_key: given.is_some(),
        input_apple_id: false,
    };
    let choice = match apple_account::resolve(selection, true, available) {
        Ok(choice) => choice,
        // The reason why nothing is there is worth more than the fact.
        Err(none) => {
            return Err(match failure {
                Some(error) => explained(error),
                None => anyhow::Error::from(none).hint(CONNECT),
            });
        }
    };
    if let Some(error) = failure {
        step.log.warn(format!("{:#}", anyhow::Error::from(error)));
    }
    choice.explanation.iter().for_each(|line| step.log.plain(line));
    let key = match (choice.source, given) {
        (Source::InputApiKey, Some((path, issuer))) => {
            let key_id = apple_account::key_id_of(path.expose())
                .map_err(|error| InputProblems::from(InputProblem::new("api_key_path", error.to_string())))?;
            let bytes = apple_account::read_file(path.expose())
                .await
                .context("failed to read the API key")?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            step.redactor.learn(&text);
            let private_key = apple_account::normalised(&text.into())?;
            ApiKey {
                key_id,
                issuer_id: Some(issuer.clone()),
                private_key,
                enterprise: false,
            }
        }
        _ => connection
            .api_key
            .clone()
            .context("the connected API key is gone")?,
    };
    step.redactor.learn_secret(&key.private_key);
    step.log.plain(format!("key ID: {}", key.key_id));
    Ok(Account { key, connection })
}

fn half(missing: &str, given: &str) -> anyhow::Error {
    InputProblems::from(InputProblem::new(
        missing,
        format!("has no value although {given} has one; set both or none"),
    ))
    .into()
}

/// The connection, and why there is none where that is an error.
async fn connection(step: &Step<Inputs>, selection: Selection) -> (Connection, Option<ConnectionError>) {
    let (Some(url), Some(token)) = (&step.inputs.build_url, &step.inputs.build_api_token) else {
        step.log
            .plain("Not running on Bitrise (no build URL and token), so no connected account is looked for.");
        return (Connection::default(), None);
    };
    if selection == Selection::Off {
        return (Connection::default(), None);
    }
    match apple_account::fetch(url, token.secret(), &step.redactor).await {
        Ok(connection) => {
            connection
                .warnings
                .iter()
                .for_each(|warning| step.log.warn(warning));
            (connection, None)
        }
        Err(error) => (Connection::default(), Some(error)),
    }
}

fn explained(error: ConnectionError) -> anyhow::Error {
    let advice = match &error {
        ConnectionError::Withheld => {
            "builds of pull requests from forks of public apps get no credentials by design; run this step only in other builds, or set api_key_path and api_issuer"
        }
        ConnectionError::Unreachable(_) | ConnectionError::Status(_) | ConnectionError::File(_) => {
            "rebuild; if it happens again, set api_key_path and api_issuer or look at https://status.bitrise.io"
        }
        _ => "connect the API key anew on Bitrise (Account settings > Apple service connection)",
    };
    anyhow::Error::from(error).hint(advice)
}
