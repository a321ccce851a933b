//! What the two provisioning steps have in common: from a project to a signed one.
//!
//! A step reads its inputs into an [`Options`], has the project read ([`Analysis::read_and_log`]), finds its [`Account`], and
//! lets [`provision`] compare, change, install, edit and export. Which account it is, is the only difference that the
//! portal sees.

mod advice;
mod authorities;
mod by_session;
mod certificate_creation;
mod certificates;
mod destination;
mod devices;
mod expiry;
mod fallback;
mod finish;
mod match_certificates;
mod options;
mod plan_log;
mod project;
mod report;
mod settings;
mod signing;
mod xcode;

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use portal_access::{DeveloperPortal, Portal, Reconciled};
use provisioning::{DesiredProfile, Policy, PortalAccess, SignedProfile};
use signing_assets::{Certificate, Identity, ProfileDirectories};
use step_kit::Step;

pub use by_session::{OpenSession, open_session};
pub use certificate_creation::{CertificateCreation, CreatedCertificates};
pub use certificates::{download as download_certificates, of_team, usable};
pub use fallback::fall_back;
pub use finish::Machine;
pub use options::{ApplyTo, BuildSettings, IdentityName, Mode, Options, PlatformName};
pub use project::{Analysis, Declared, Item};
pub use provisioning::{CertificateChoice, Distribution};

/// How long the portal, `security`, and `xcodebuild` may take together. A first run for 20 targets makes some hundred
/// requests, which take minutes where Apple is slow.
const LONGEST_WORK: Duration = Duration::from_secs(3600);

/// Who signs in to the portal.
#[derive(Debug)]
pub enum Access {
    /// An App Store Connect API key.
    ApiKey(apple_account::ApiKey),
    /// An Apple ID, whose session is open.
    Session(Box<OpenSession>),
}

/// An account at work.
#[derive(Debug)]
pub struct Account {
    /// Who signs in.
    pub access: Access,
    /// The devices of team members.
    pub test_devices: Vec<apple_account::TestDevice>,
}

/// Which profiles will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Those that this project makes.
    Own,
    /// Those that Xcode makes for itself; the project is unchanged.
    Xcode,
    /// Those that this project makes, and where that fails those of Xcode.
    OwnElseXcode,
}

/// What signs.
#[derive(Debug, Clone, Copy)]
pub struct Supply<'a> {
    /// Certificates with their keys.
    pub identities: &'a [Identity],
    /// Those that are valid, and those that a plan would create.
    pub certificates: &'a [Certificate],
    /// How many certificates this run created.
    pub created: usize,
}

/// Brings portal, machine and project into the wanted state, with the given certificates, and exports the outputs.
///
/// # Errors
/// With what failed and what to do next; the project is untouched then.
pub async fn provision(
    step: &Step<Options>,
    analysis: Analysis,
    supply: Supply<'_>,
    account: &Account,
    machine: &Machine,
    source: Source,
    choice: CertificateChoice,
) -> anyhow::Result<()> {
    let Supply {
        identities,
        certificates,
        created,
    } = supply;
    let is_only_looking = step.inputs.mode == Mode::Plan && source == Source::Xcode;
    let test_devices = if is_only_looking {
        Vec::new()
    } else {
        devices::to_register(step, &account.test_devices)?
    };
    // What can't be written is said before anything is changed.
    signing::files::Preparation::of(step, &analysis)?;
    let policy = Policy {
        access: match account.access {
            Access::ApiKey(_) => PortalAccess::ApiKey,
            Access::Session(_) => PortalAccess::Session,
        },
        distribution: step.inputs.distribution,
        min_profile_days_valid: step.inputs.min_profile_days_valid,
        test_devices,
        certificates: choice,
    };
    let analysis = analysis.signed_with(certificates)?;
    let desired_profiles = provisioning::desired_profiles(&analysis.needs(), &policy, certificates)
        .map_err(advice::plan_failed)?;
    let work = Work {
        step,
        analysis: &analysis,
        identities,
        policy: &policy,
        desired_profiles,
        machine,
        source,
        created,
    };
    let done = step.within(
        "comparing and installing profiles",
        LONGEST_WORK,
        work.run(&account.access),
    );
    match done.await {
        Ok(()) => Ok(()),
        Err(error) => fall_back(step, &analysis, identities, certificates, machine, error).await,
    }
}

/// What a run that succeeded did on the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changes {
    /// Nothing, as asked for.
    Planned,
    /// So many changes.
    Made(usize),
}

/// What the portal must have, and what is done with it.
struct Work<'a> {
    step: &'a Step<Options>,
    analysis: &'a Analysis,
    identities: &'a [Identity],
    policy: &'a Policy,
    desired_profiles: Vec<DesiredProfile>,
    machine: &'a Machine,
    source: Source,
    /// How many certificates this run created before.
    created: usize,
}

impl Work<'_> {
    async fn run(self, access: &Access) -> anyhow::Result<()> {
        let (step, work) = (self.step, self);
        // What was asked is told however it ended.
        match access {
            Access::ApiKey(key) => {
                let portal = portal_access::AppStoreConnect(account_inputs::client(
                    step,
                    key,
                    transport::Policy::default(),
                )?);
                let ended = work.run_on(&portal).await;
                let http = portal.0.http();
                report::requests(step, ended.as_ref().ok(), http.journal(), http.budget().last());
                ended.map(drop)
            }
            Access::Session(open) => {
                let portal = DeveloperPortal::new(open.services());
                let ended = work.run_on(&portal).await;
                report::requests(step, ended.as_ref().ok(), open.session.journal(), None);
                ended.map(drop)
            }
        }
    }

    fn run_on<'s>(self, portal: &'s dyn Portal) -> LocalBoxFuture<'s, anyhow::Result<Changes>>
    where
        Self: 's,
    {
        Box::pin(self.carry_out(portal))
    }

    async fn carry_out(self, portal: &dyn Portal) -> anyhow::Result<Changes> {
        let step = self.step;
        if step.inputs.mode == Mode::Plan && self.source != Source::Xcode {
            finish::show_plan(step, portal, self.analysis, &self.desired_profiles, self.policy).await?;
            return Ok(Changes::Planned);
        }
        let directories = &self.machine.directories;
        let (reconciled, are_xcodes) = match self.source {
            Source::Own => (self.own(portal, directories).await?, false),
            Source::Xcode => (self.xcodes(portal).await?, true),
            Source::OwnElseXcode => match self.own(portal, directories).await {
                Ok(reconciled) => (reconciled, false),
                Err(error) => {
                    let reason = format!("{error:#}");
                    step.log.warn(format!(
                        "Could not create the profiles: {}. Looking for profiles managed by Xcode.",
                        reason.trim_end_matches('.')
                    ));
                    // What stopped the first way is the cause; that there is no second way is not.
                    match self.xcodes(portal).await {
                        Ok(reconciled) => (reconciled, true),
                        Err(_) => return Err(error),
                    }
                }
            },
        };
        if step.inputs.mode == Mode::Plan {
            finish::show_files(step, self.analysis)?;
            step.log.plain("No profiles were installed (mode: plan).");
            return Ok(Changes::Planned);
        }
        let projects = if are_xcodes {
            step.log
                .plain("Xcode signs this project with its own profiles; the project is unchanged.");
            finish::Projects::Leave
        } else {
            finish::Projects::Edit
        };
        finish::finish(
            step,
            self.analysis,
            self.identities,
            &reconciled,
            self.machine,
            projects,
        )
        .await?;
        Ok(Changes::Made(reconciled.changes.len() + self.created))
    }

    /// Profiles of ours: those that are installed and fit, and for the rest the portal.
    async fn own(&self, portal: &dyn Portal, directories: &ProfileDirectories) -> anyhow::Result<Reconciled> {
        let (mut signed, desired_profiles) =
            installed(self.step, self.desired_profiles.clone(), self.policy, directories);
        let mut reconciled = Reconciled::default();
        if !desired_profiles.is_empty() {
            reconciled = portal_access::reconcile(portal, &desired_profiles, self.policy, |progress| {
                plan_log::log_progress(&self.step.log, &progress);
            })
            .await
            .map_err(advice::not_reconciled)?;
        }
        signed.append(&mut reconciled.signed);
        reconciled.signed = signed;
        Ok(reconciled)
    }

    async fn xcodes(&self, portal: &dyn Portal) -> anyhow::Result<Reconciled> {
        let reconciled =
            portal_access::reconcile_managed(portal, &self.desired_profiles, self.policy, |progress| {
                plan_log::log_progress(&self.step.log, &progress);
            })
            .await
            .map_err(advice::not_reconciled)?;
        for signed in &reconciled.signed {
            self.step.log.plain(format!(
                "{} for {}",
                signed.profile.name, signed.desired.bundle_id
            ));
        }
        Ok(reconciled)
    }
}

/// Splits the desired profiles into those that an installed profile serves, and the rest.
fn installed(
    step: &Step<Options>,
    desired_profiles: Vec<DesiredProfile>,
    policy: &Policy,
    directories: &ProfileDirectories,
) -> (Vec<SignedProfile>, Vec<DesiredProfile>) {
    let profiles = directories.installed();
    let mut served: Vec<SignedProfile> = Vec::new();
    let mut open = Vec::new();
    for desired in desired_profiles {
        match provisioning::installed_profile(&desired, policy, &profiles, clock::now()) {
            Some(profile) => {
                if served.is_empty() {
                    step.log.heading("Installed profiles that match");
                }
                step.log
                    .plain(format!("{} for {}", profile.name, desired.bundle_id));
                served.push(SignedProfile { desired, profile });
            }
            None => open.push(desired),
        }
    }
    (served, open)
}
