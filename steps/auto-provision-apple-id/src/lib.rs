//! Manages code signing assets through an Apple ID's session.
//!
//! The same as auto-provision-asc for accounts that can't use an API key. See the README beside `step.yml` for inputs
//! and outputs.

mod certificates;
mod inputs;

use apple_account::{InputCredentials, Request, Selection};
use apple_types::TeamId;
use auto_provision::{
    Access, Account, Analysis, CertificateChoice, Machine, Options, Source, Supply, download_certificates,
    fall_back, of_team, open_session, provision, usable,
};
use step_kit::{Secret, Step};

use crate::inputs::Own;
pub use inputs::Inputs;

/// The step's manifest.
pub const MANIFEST: step_kit::Manifest = include!(concat!(env!("OUT_DIR"), "/manifest.rs"));

/// Holds Bitrise's description of the connected account where somebody has fetched it already.
const DOCUMENT: &str = "BITRISE_PORTAL_DATA_JSON";

/// Runs the step.
///
/// # Errors
/// With what failed and what to do next.
pub async fn run(step: Step<Inputs>) -> anyhow::Result<()> {
    let (step, own) = step.split(Inputs::split);
    let analysis = Analysis::read_and_log(&step).await?;
    step.log.heading("Account");
    let (account, identities, machine) = futures_util::join!(
        sign_in(&step, &own),
        download_certificates(&step),
        Machine::of(&step)
    );
    if identities.is_err() && account.is_err() {
        // Without an account the certificates do not matter.
        return account.map(drop);
    }
    let (identities, machine) = (identities?, machine?);
    let account = match account {
        Ok(account) => account,
        Err(error) => {
            let certificates = usable(&step, &identities);
            return fall_back(&step, &analysis, &identities, &certificates, &machine, error).await;
        }
    };
    let Access::Session(session) = &account.access else {
        anyhow::bail!("an Apple ID has no API key");
    };
    let team = &session.team;
    if !team.is_enterprise() {
        step.log.plain("This team can use an App Store Connect API key, which needs no second factor and does not expire after 30 days; see the Step auto-provision-asc.");
    }
    let certificates = of_team(usable(&step, &identities), &team.team_id)?;
    let choice = choice(&step, &analysis, &team.team_id);
    let source = source(&step, &own, &analysis);
    provision(
        &step,
        analysis,
        Supply {
            identities: &identities,
            certificates: &certificates,
            created: 0,
        },
        &account,
        &machine,
        source,
        choice,
    )
    .await
}

/// The connected Apple ID, signed in.
async fn sign_in(step: &Step<Options>, own: &Own) -> anyhow::Result<Account> {
    let request = Request {
        selection: Selection::AppleId,
        team_key_only: false,
        needs_session: true,
        build_url: own.build_url.as_deref(),
        build_api_token: own.build_api_token.as_ref().map(Secret::secret),
        document: step.env.get(DOCUMENT),
        credentials: &InputCredentials::default(),
    };
    let (apple_id, found) = account_inputs::apple_id(step, request).await?;
    let session = open_session(step, &apple_id, "team_id", own.team_id.as_ref()).await?;
    Ok(Account {
        access: Access::Session(Box::new(session)),
        test_devices: found.connection.test_devices,
    })
}

/// One certificate for each purpose. A project of another team does not help to choose.
fn choice(step: &Step<Options>, analysis: &Analysis, team_id: &TeamId) -> CertificateChoice {
    let declared = analysis.archived.iter().map(|item| &item.declared);
    let other = declared
        .clone()
        .filter_map(|declared| declared.team_id.as_deref())
        .find(|declared| *team_id != **declared);
    let identities: Vec<Option<String>> = declared.map(|declared| declared.identity.clone()).collect();
    let named = match other {
        Some(other) => {
            step.log.warn(format!(
                "DEVELOPMENT_TEAM is {other}, but the signing certificate belongs to team {team_id}."
            ));
            None
        }
        None => {
            let (identity, warning) = certificates::common_identity(&identities);
            warning.iter().for_each(|warning| step.log.warn(warning));
            identity
        }
    };
    CertificateChoice::One { named }
}

/// Which profiles will do: as the app's own target is signed.
fn source(step: &Step<Options>, own: &Own, analysis: &Analysis) -> Source {
    let main = analysis.archived.first();
    let is_automatic = main.is_some_and(|item| item.declared.is_automatic);
    match (is_automatic, own.generate_profiles) {
        (false, _) => Source::Own,
        (true, false) => {
            step.log
                .plain("The project uses automatic signing; looking for profiles managed by Xcode.");
            Source::Xcode
        }
        (true, true) => Source::OwnElseXcode,
    }
}
