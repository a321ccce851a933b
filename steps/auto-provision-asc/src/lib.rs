//! Manages code signing assets through the App Store Connect API.
//!
//! Observe the project and the portal, plan the difference, apply it, install what is needed, edit the
//! project last. See the README beside `step.yml` for inputs and outputs.

mod account;
mod certificates;
mod finish;
mod inputs;
mod project;
mod report;
mod settings;

use anyhow::Context as _;
use app_store_connect::{Client, Credentials, Options};
use provisioning::{AppStoreConnect, Policy, ReconcileError, Signed, TestDevice, Want};
use signing_assets::{Identity, ProfileDirectories};
use step_kit::{Advice as _, Step};
use time::OffsetDateTime;

pub use inputs::{BuildSettings, DistributionType, Inputs, Mode};

/// The step's manifest.
pub const MANIFEST: &str = include_str!("../step.yml");

/// Runs the step.
///
/// # Errors
/// With what failed and what to do next.
pub async fn run(step: Step<Inputs>) -> anyhow::Result<()> {
    step.log.heading("Analyzing the project");
    let analysis = project::Analysis::of(&step.inputs, &step.runner)
        .await
        .context("failed to analyze the project")?;
    step.log
        .plain(format!("configuration: {}", analysis.configuration));
    for need in analysis.needs() {
        step.log.plain(format!(
            "- {}: {} ({} entitlements)",
            need.name,
            need.bundle_id,
            need.entitlements.len()
        ));
    }

    step.log.heading("Apple account and certificates");
    let (account, identities) =
        futures_util::try_join!(account::resolve(&step), certificates::download(&step))?;
    let all: Vec<_> = identities
        .iter()
        .map(|identity| identity.certificate.clone())
        .collect();
    let (usable, notes) = provisioning::usable_certificates(&all, OffsetDateTime::now_utc());
    notes.iter().for_each(|note| step.log.warn(note));

    step.log.heading("Comparing with the portal");
    let devices = if step.inputs.register_test_devices.is_on() {
        account.connection.test_devices.as_slice()
    } else {
        &[]
    };
    let policy = Policy {
        distribution: step.inputs.distribution_type.into(),
        min_profile_days_valid: step.inputs.min_profile_days_valid,
        test_devices: devices
            .iter()
            .map(|device| TestDevice {
                udid: device.udid.clone(),
                name: device.title.clone(),
            })
            .collect(),
    };
    let wants = provisioning::wants(&analysis.needs(), &policy, &usable).map_err(blocked)?;
    let portal = AppStoreConnect(client(&step, &account.key)?);
    let work = Work {
        analysis: &analysis,
        identities: &identities,
        policy: &policy,
        wants,
    };
    let ended = work.carry_out(&step, &portal).await;
    report::requests(&step, portal.0.http());
    ended
}

/// What the portal must have, and what is done with it.
struct Work<'a> {
    analysis: &'a project::Analysis,
    identities: &'a [Identity],
    policy: &'a Policy,
    wants: Vec<Want>,
}

impl Work<'_> {
    async fn carry_out(self, step: &Step<Inputs>, portal: &AppStoreConnect) -> anyhow::Result<()> {
        let Self {
            analysis,
            identities,
            policy,
            wants,
        } = self;
        if step.inputs.mode == Mode::Plan {
            return finish::show_plan(step, portal, &wants, policy).await;
        }
        let directories = finish::profile_directories(step).await;
        let (mut signed, wants) = installed(step, wants, policy, &directories);
        let mut reconciled = provisioning::Reconciled::default();
        if !wants.is_empty() {
            reconciled =
                provisioning::reconcile(portal, &wants, policy, |plan| finish::announce(&step.log, plan))
                    .await
                    .map_err(|error| match error {
                        ReconcileError::Blocked(error) => blocked(error),
                        ReconcileError::Portal(error) => refused(error.into()),
                    })?;
        }
        signed.append(&mut reconciled.signed);
        reconciled.signed = signed;
        finish::finish(step, analysis, identities, &reconciled, &directories).await
    }
}

/// Splits the wants into those that an installed profile serves, and the rest.
fn installed(
    step: &Step<Inputs>,
    wants: Vec<Want>,
    policy: &Policy,
    directories: &ProfileDirectories,
) -> (Vec<Signed>, Vec<Want>) {
    let profiles = directories.installed();
    let mut served = Vec::new();
    let mut open = Vec::new();
    for want in wants {
        match provisioning::installed_profile(&want, policy, &profiles, OffsetDateTime::now_utc()) {
            Some(profile) => {
                step.log.plain(format!(
                    "- {} is installed already and fits {}",
                    profile.name, want.bundle_id
                ));
                served.push(Signed { want, profile });
            }
            None => open.push(want),
        }
    }
    (served, open)
}

fn client(step: &Step<Inputs>, key: &apple_account::ApiKey) -> anyhow::Result<Client> {
    let base_url = step
        .env
        .get("APP_STORE_CONNECT_URL")
        .map(transport::base_url)
        .transpose()?;
    let credentials = Credentials {
        key_id: key.key_id.clone(),
        issuer_id: key.issuer_id.clone(),
        private_key: key.private_key.clone(),
        enterprise: key.enterprise,
    };
    let options = Options {
        base_url,
        redactor: step.redactor.clone(),
        ..Options::default()
    };
    Ok(Client::new(credentials, options)?)
}

fn blocked(error: provisioning::Blocked) -> anyhow::Error {
    let advice = error.advice();
    anyhow::Error::from(error).hint(advice)
}

const APPLE_HAS_TROUBLE: &str = "Apple's service has trouble, or the way to it: rebuild later, see https://developer.apple.com/system-status/";

/// Apple's well-known answers, with what to do about them.
fn refused(error: anyhow::Error) -> anyhow::Error {
    let Some(refusal) = error.chain().find_map(|cause| {
        cause
            .downcast_ref::<app_store_connect::Error>()?
            .refusal()
            .cloned()
    }) else {
        // No answer at all, or one that says nothing.
        return if error
            .chain()
            .any(|cause| matches!(cause.downcast_ref(), Some(app_store_connect::Error::Transport(_))))
        {
            error.hint(APPLE_HAS_TROUBLE)
        } else {
            error
        };
    };
    let skewed = refusal.clock_ahead.filter(|seconds| seconds.abs() > 120);
    let advice = match (refusal.status.as_u16(), skewed) {
        (401, Some(seconds)) => format!("set the clock of this machine: it differs from Apple's by {seconds} seconds, so tokens are not accepted"),
        (401, None) => "check that the key ID, the issuer ID and the .p8 file belong together, and that the key was not revoked (App Store Connect > Users and Access > Integrations)".to_owned(),
        (403, _) if refusal.is_agreement() => "the Account Holder must accept the current agreement at https://developer.apple.com/account and in App Store Connect > Business; then rebuild".to_owned(),
        (403, _) => "give the API key the role Admin, or App Manager with access to Certificates, Identifiers & Profiles".to_owned(),
        (429, _) => "wait until the hourly limit of the key has room again, or use a key of its own for this workspace".to_owned(),
        (500..=599, _) => APPLE_HAS_TROUBLE.to_owned(),
        _ => return error,
    };
    error.hint(advice)
}
