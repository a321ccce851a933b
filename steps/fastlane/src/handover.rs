//! What the lane gets from the account.

use std::path::PathBuf;

use anyhow::Context as _;
use apple_account::Account;
use fastlane_runner::credentials::{self, Variable};
use fastlane_step::with_warnings;
use step_kit::{PrivateDir, Step};

use crate::inputs::Inputs;

/// Where fastlane's actions write their raw logs.
pub(crate) const BUILD_LOG_VARIABLE: &str = "FL_BUILDLOG_PATH";

/// What the lane gets: variables, and a private directory that is gone when this is dropped.
pub(crate) struct Handover {
    pub(crate) variables: Vec<Variable>,
    directory: PrivateDir,
}

impl Handover {
    /// Where fastlane's actions write their raw logs.
    pub(crate) fn build_logs(&self) -> PathBuf {
        self.directory.path().join("logs")
    }
}

/// Writes the key file, where there is a key, and says which of the user's variables are overridden.
pub(crate) fn prepare(
    step: &Step<Inputs>,
    directory: PrivateDir,
    account: Option<&Account>,
) -> anyhow::Result<Handover> {
    let variables = match account {
        None => Vec::new(),
        Some(Account::ApiKey(key)) => {
            let file = credentials::write_key_file(key, directory.path())
                .map_err(|source| step.temp_dir_failed(source))
                .context("the API key can't be written for fastlane")?;
            credentials::api_key_variables(&file)
        }
        Some(Account::AppleId(apple_id)) => {
            with_warnings(credentials::apple_id_variables(apple_id), &step.log)
        }
    };
    let overridden: Vec<&str> = variables
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| step.env.given(name).is_some())
        .collect();
    if !overridden.is_empty() {
        step.log.warn(format!(
            "These variables are set already and get the account's values: {}. To keep yours, set the input connection to off and leave the account's inputs empty.",
            overridden.join(", ")
        ));
    }
    let handover = Handover { variables, directory };
    std::fs::create_dir(handover.build_logs()).map_err(|source| step.temp_dir_failed(source))?;
    Ok(handover)
}
