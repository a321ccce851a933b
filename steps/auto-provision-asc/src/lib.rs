//! Manages code signing assets through the App Store Connect API.
//!
//! Observe the project and the portal, plan the difference, apply it, install what is needed, edit the
//! project last. See the README beside `step.yml` for inputs and outputs.

mod account;
mod inputs;

use auto_provision::{
    Access, Account, Analysis, CertificateChoice, CertificateCreation, CreatedCertificates, Machine, Options,
    Source, Supply, download_certificates, fall_back, of_team, provision, usable,
};
use signing_assets::Identity;
use step_kit::{InputProblem, InputProblems, Step};

use crate::inputs::{AccountInputs, CertificateSource};

pub use inputs::Inputs;

/// The step's manifest.
pub const MANIFEST: step_kit::Manifest = include!(concat!(env!("OUT_DIR"), "/manifest.rs"));

/// Runs the step.
///
/// # Errors
/// With what failed and what to do next.
pub async fn run(step: Step<Inputs>) -> anyhow::Result<()> {
    let (step, own) = step.split(Inputs::split);
    let creation = creation(&step, &own).await?;
    let analysis = Analysis::read_and_log(&step).await?;
    step.log.heading("Account");
    let (account, identities, machine) = futures_util::join!(
        account::resolve(&step, &own),
        download_certificates(&step),
        Machine::of(&step)
    );
    let (mut identities, machine) = (identities?, machine?);
    let mut certificates = usable(&step, &identities);
    let account = match account {
        Ok(account) => account,
        Err(error) => {
            return fall_back(&step, &analysis, &identities, &certificates, &machine, error).await;
        }
    };
    let mut created_now = 0;
    if let Some(creation) = creation {
        let created = create(&step, &creation, &analysis, &account, &identities).await?;
        certificates.extend(
            created
                .identities
                .iter()
                .map(|identity| identity.certificate.clone()),
        );
        certificates.extend(created.planned);
        identities.extend(created.identities);
        created_now = created.created;
    }
    if let Access::Session(session) = &account.access {
        certificates = of_team(certificates, &session.team.team_id)?;
    }
    provision(
        &step,
        analysis,
        Supply {
            identities: &identities,
            certificates: &certificates,
            created: created_now,
        },
        &account,
        &machine,
        Source::Own,
        CertificateChoice::Each,
    )
    .await
}

/// How missing certificates are created; `None` where they are not.
async fn creation(step: &Step<Options>, own: &AccountInputs) -> anyhow::Result<Option<CertificateCreation>> {
    if own.certificates == CertificateSource::Uploaded {
        if own.certificate_private_key.is_some() {
            step.log
                .warn("The input `certificate_private_key` is not used: `certificates` is `uploaded`.");
        }
        return Ok(None);
    }
    let Some(key) = &own.certificate_private_key else {
        let problem = "has no value, and `certificates: create_if_missing` needs the private key that certificates are created for; the README shows how to make one";
        return Err(InputProblems::from(InputProblem::new("certificate_private_key", problem)).into());
    };
    CertificateCreation::read(step, key, own.min_certificate_days_valid)
        .await
        .map(Some)
}

async fn create(
    step: &Step<Options>,
    creation: &CertificateCreation,
    analysis: &Analysis,
    account: &Account,
    identities: &[Identity],
) -> anyhow::Result<CreatedCertificates> {
    match &account.access {
        Access::ApiKey(key) => creation.run(step, analysis, key, identities).await,
        Access::Session(_) => {
            let problem = "`create_if_missing` needs an App Store Connect API key, and the connection is an Apple ID; accepted with it: uploaded";
            Err(InputProblems::from(InputProblem::new("certificates", problem)).into())
        }
    }
}
