//! The portal by an Apple ID's session.

use std::time::Duration;

use apple_account::AppleId;
use apple_types::TeamId;
use developer_portal::{Hosts, Services, Session, Team};
use provisioning::Distribution;
use step_kit::{Advice as _, InputProblem, InputProblems, Step};

use crate::advice;
use crate::options::Options;

/// How long the sign-in with its checks may take.
const LONGEST_SIGN_IN: Duration = Duration::from_secs(600);

/// A session with the team that it works for.
#[derive(Debug)]
pub struct OpenSession {
    pub(crate) session: Session,
    /// The team.
    pub team: Team,
}

impl OpenSession {
    pub(crate) fn services(&self) -> Services<'_> {
        Services::new(&self.session, &self.team.team_id)
    }
}

/// Opens a session of the account, says how it stands with it, and chooses the team: the one that the input `team_key`
/// names, or the only one.
///
/// # Errors
/// When there is no session to be had, or no team is clear.
pub async fn open_session(
    step: &Step<Options>,
    account: &AppleId,
    team_key: &str,
    team_id: Option<&TeamId>,
) -> anyhow::Result<OpenSession> {
    let hosts = Hosts::apple_or(|name| step.env.get(name))?;
    let open = async {
        let session = Session::open(account, hosts, &step.redactor, clock::now()).await;
        session.map_err(|error| {
            let advice = advice::about_session(&error);
            anyhow::Error::from(error)
                .context(format!(
                    "could not sign in to the Developer Portal as {}",
                    account.apple_id
                ))
                .hint(advice)
        })
    };
    let session = step
        .within("signing in to the Developer Portal", LONGEST_SIGN_IN, open)
        .await?;
    log_session(step, account, &session);
    let team = developer_portal::choose(session.teams(), team_id)
        .map_err(|error| InputProblems::from(InputProblem::new(team_key, error.to_string())))?
        .clone();
    step.log
        .plain(format!("Team {} ({}, {})", team.name, team.team_id, team.kind));
    check(step.inputs.distribution, &team)?;
    Ok(OpenSession { session, team })
}

/// Whose session it is, until when, and who accepts it.
fn log_session(step: &Step<Options>, account: &AppleId, session: &Session) {
    let log = &step.log;
    session.notes().iter().for_each(|note| log.plain(note));
    let how = if session.signed_in() {
        "signed in with the password"
    } else {
        "signed in with the connected session"
    };
    let expires = account
        .session
        .as_ref()
        .and_then(|session| session.expires_at)
        .map_or_else(String::new, |end| format!(", session expires {}", end.date()));
    log.plain(format!("Apple ID {}, {how}{expires}", account.apple_id));
    match session.on_app_store_connect() {
        Some(true) => {}
        Some(false) => log.plain(
            "App Store Connect does not accept this session. This step does not need it; steps that upload do.",
        ),
        None => log.debug("App Store Connect did not answer. This step does not need it."),
    }
}

/// In-house distribution is for members of the Enterprise Program, and they have no App Store.
fn check(distribution: Distribution, team: &Team) -> anyhow::Result<()> {
    let problem = match (distribution, team.is_enterprise()) {
        (Distribution::Enterprise, false) => format!(
            "`enterprise` needs a team of the Enterprise Program, and {} ({}) is not in it; accepted: development, ad-hoc, app-store",
            team.name, team.team_id
        ),
        (Distribution::AppStore, true) => format!(
            "`app-store` is not for the Enterprise Program, which the team {} ({}) is a member of; accepted: development, ad-hoc, enterprise",
            team.name, team.team_id
        ),
        _ => return Ok(()),
    };
    Err(InputProblems::from(InputProblem::new("distribution_type", problem)).into())
}
