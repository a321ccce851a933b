//! The account: connected on Bitrise, or given by the inputs.

use anyhow::Context as _;
use apple_account::{ApiKey, Available, Connection, ConnectionError, Selection};
use auto_provision::{Access, Account, Order, open_session};
use step_kit::{Advice as _, InputProblem, InputProblems, Step};

use crate::inputs::AccountInputs;

/// Where Bitrise explains the connection.
const CONNECT: &str = "connect an App Store Connect API key to your Bitrise account and assign it to this app (App settings > Integrations > Apple service connection), or set the inputs api_key_path and api_issuer";

/// Finds the account that the inputs ask for.
pub(crate) async fn resolve(step: &Step<Order>, inputs: &AccountInputs) -> anyhow::Result<Account> {
    let given = match (&inputs.api_key_path, &inputs.api_issuer) {
        (Some(path), Some(issuer)) => Some((path, issuer)),
        (None, None) => None,
        (Some(_), None) => return Err(half("api_issuer", "api_key_path")),
        (None, Some(_)) => return Err(half("api_key_path", "api_issuer")),
    };
    let selection: Selection = inputs.connection.parse().map_err(anyhow::Error::msg)?;
    if matches!(selection, Selection::AppleId | Selection::EnterpriseWithAppleId) {
        return apple_id(step, inputs, selection).await;
    }
    let (connection, failure) = connection(step, inputs, selection).await;
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
        (apple_account::Source::InputApiKey, Some((path, issuer))) => {
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
    Ok(Account {
        access: Access::ApiKey(key),
        test_devices: connection.test_devices,
    })
}

/// The Apple ID that is connected.
async fn apple_id(
    step: &Step<Order>,
    inputs: &AccountInputs,
    selection: Selection,
) -> anyhow::Result<Account> {
    let request = apple_account::Request {
        selection,
        api_key_only: false,
        needs_session: true,
        build_url: inputs.build_url.as_deref(),
        build_api_token: inputs.build_api_token.as_ref().map(step_kit::Secret::secret),
        document: None,
        given: &apple_account::Given::default(),
    };
    let (apple_id, found) = account_inputs::apple_id(step, request).await?;
    let session = open_session(
        step,
        &apple_id,
        "apple_id_team_id",
        inputs.apple_id_team_id.as_deref(),
    )
    .await?;
    Ok(Account {
        access: Access::Session(Box::new(session)),
        test_devices: found.connection.test_devices,
    })
}

fn half(missing: &str, given: &str) -> anyhow::Error {
    InputProblems::from(InputProblem::new(
        missing,
        format!("has no value although {given} has one; set both or none"),
    ))
    .into()
}

/// The connection, and why there is none where that is an error.
async fn connection(
    step: &Step<Order>,
    inputs: &AccountInputs,
    selection: Selection,
) -> (Connection, Option<ConnectionError>) {
    let (Some(url), Some(token)) = (&inputs.build_url, &inputs.build_api_token) else {
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
