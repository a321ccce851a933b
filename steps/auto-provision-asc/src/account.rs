//! The account: connected on Bitrise, or given by the inputs.

use apple_account::{Request, Selection};
use auto_provision::{Access, Account, Options, open_session};
use step_kit::{Secret, Step};

use crate::inputs::AccountInputs;

/// Finds the account that the inputs ask for.
pub(crate) async fn resolve(step: &Step<Options>, inputs: &AccountInputs) -> anyhow::Result<Account> {
    let selection: Selection = inputs.connection.parse().map_err(anyhow::Error::msg)?;
    if matches!(selection, Selection::AppleId | Selection::EnterpriseWithAppleId) {
        return apple_id(step, inputs, selection).await;
    }
    let (key, found) = account_inputs::api_key(
        step,
        &inputs.connection,
        &inputs.credentials,
        inputs.build_url.as_deref(),
        inputs.build_api_token.as_ref(),
    )
    .await?;
    Ok(Account {
        access: Access::ApiKey(key),
        test_devices: found.connection.test_devices,
    })
}

/// The Apple ID that is connected.
async fn apple_id(
    step: &Step<Options>,
    inputs: &AccountInputs,
    selection: Selection,
) -> anyhow::Result<Account> {
    let request = Request {
        selection,
        team_key_only: false,
        needs_session: true,
        build_url: inputs.build_url.as_deref(),
        build_api_token: inputs.build_api_token.as_ref().map(Secret::secret),
        document: None,
        credentials: &inputs.credentials,
    };
    let (apple_id, found) = account_inputs::apple_id(step, request).await?;
    let team_id = inputs.apple_id_team_id.as_ref();
    let session = open_session(step, &apple_id, "apple_id_team_id", team_id).await?;
    Ok(Account {
        access: Access::Session(Box::new(session)),
        test_devices: found.connection.test_devices,
    })
}
