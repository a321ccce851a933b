//! Manages code signing assets through the App Store Connect API.
//!
//! Observe the project and the portal, plan the difference, apply it, install what is needed, edit the
//! project last. See the README beside `step.yml` for inputs and outputs.

mod account;
mod inputs;

use auto_provision::{
    Access, Analysis, CertificateChoice, Source, download_certificates, fall_back, of_team, provision, usable,
};
use step_kit::Step;

pub use inputs::Inputs;

/// The step's manifest.
pub const MANIFEST: step_kit::Manifest = include!(concat!(env!("OUT_DIR"), "/manifest.rs"));

/// Runs the step.
///
/// # Errors
/// With what failed and what to do next.
pub async fn run(step: Step<Inputs>) -> anyhow::Result<()> {
    let (step, own) = step.divided(Inputs::divided);
    let analysis = Analysis::announced(&step).await?;
    step.log.heading("Account");
    let (account, identities) =
        futures_util::join!(account::resolve(&step, &own), download_certificates(&step));
    let identities = identities?;
    let mut certificates = usable(&step, &identities);
    let account = match account {
        Ok(account) => account,
        Err(error) => return fall_back(&step, &analysis, &identities, &certificates, error).await,
    };
    if let Access::Session(session) = &account.access {
        certificates = of_team(certificates, &session.team.team_id)?;
    }
    provision(
        &step,
        analysis,
        &identities,
        &certificates,
        &account,
        Source::Own,
        CertificateChoice::Each,
    )
    .await
}
