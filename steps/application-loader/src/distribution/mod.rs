//! TestFlight distribution after the upload, or of a build that was uploaded before.

mod advice;
mod request;

use account_inputs as accounts;
use app_store_release::testflight::{BetaAction, BuildName, Distributed, PreparedDistribution};
use app_store_release::{App, AppName, Engine};
use apple_account::Account;
use apple_types::StorePlatform;
use step_kit::{InputProblem, InputProblems, Step};
use transport::Policy;

use crate::artifact::Artifact;
use crate::inputs::Inputs;
use crate::native;
use crate::store::testflight_page;

pub(crate) use request::Request;

/// What needs the key.
const DISTRIBUTING: &str = "TestFlight distribution";

/// A distribution that was checked, and waits for its build.
pub(crate) struct Pending {
    engine: Engine,
    app: App,
    /// `None` where the build tells.
    platform: Option<StorePlatform>,
    request: Request,
    build: BuildName,
    prepared: PreparedDistribution,
}

impl Pending {
    /// Finds the app and checks the groups, and shows the plan. Nothing is changed.
    ///
    /// # Errors
    /// When the app, a group or the build does not exist, or what external testing needs is missing.
    async fn prepare(
        step: &Step<Inputs>,
        account: &Account,
        name: AppName,
        platform: Option<StorePlatform>,
        build: BuildName,
        request: Request,
    ) -> anyhow::Result<Self> {
        if let Some(password) = &step.inputs.beta_demo_account_password {
            step.redactor.learn(password.expose());
        }
        let engine = Engine::new(account_inputs::client(
            step,
            native::key(account, DISTRIBUTING)?,
            Policy::default(),
        )?)?;
        let app = engine.find_beta_app(&name).await.map_err(advice::explained)?;
        let prepared = engine
            .prepare_distribution(&request.wanted, &app, platform, request.existing.as_ref())
            .await
            .map_err(advice::explained)?;
        show(step, &prepared)?;
        Ok(Self {
            engine,
            app: app.app,
            platform,
            request,
            build,
            prepared,
        })
    }

    /// Checks a distribution of the package before it is uploaded.
    ///
    /// # Errors
    /// As [`Pending::prepare`].
    pub(crate) async fn before_upload(
        step: &Step<Inputs>,
        artifact: &Artifact,
        account: &Account,
        request: Request,
    ) -> anyhow::Result<Self> {
        artifact.complete()?;
        let details = &artifact.details;
        let name = match (&step.inputs.app_id, &details.bundle_id) {
            (Some(id), _) => AppName::Id(id.clone()),
            (None, bundle_id) => AppName::BundleId(bundle_id.clone().unwrap_or_default()),
        };
        let build = BuildName::Numbers {
            version: details.short_version.clone(),
            number: details.version.clone(),
        };
        Self::prepare(step, account, name, Some(artifact.platform), build, request).await
    }

    /// Waits until Apple has processed the build, and distributes it.
    ///
    /// # Errors
    /// When Apple refuses something, or the total time limit is reached.
    pub(crate) async fn distribute(self, step: &Step<Inputs>) -> anyhow::Result<()> {
        step.log.heading("TestFlight");
        let [_, _, patience] = step.inputs.limits();
        let found = self.prepared.snapshot.build.as_ref();
        let is_processed =
            found.is_some_and(|found| found.build.processing_state == "VALID" && !found.build.expired);
        let distributed = if is_processed {
            self.engine.make(&self.prepared, self.platform).await
        } else {
            self.engine
                .distribute(
                    &self.request.wanted,
                    &self.app,
                    self.platform,
                    &self.build,
                    patience,
                )
                .await
        };
        let distributed = distributed.map_err(advice::explained)?;
        let done = outcome(&distributed);
        if distributed.is_external && distributed.external_state == "BETA_REJECTED" {
            step.log.warn(format!(
                "Beta App Review rejected build {}: external testers can't get it. Read Apple's reasons in App Store Connect > TestFlight, then upload a new build.",
                distributed.number
            ));
        }
        step.log.success(&done);
        step.report.markdown(&done);
        export(step, &distributed, self.platform).await
    }
}

/// Distributes a build that was uploaded before, without an upload.
///
/// # Errors
/// With what failed and what to do next.
pub(crate) async fn of_existing(
    step: &Step<Inputs>,
    request: &Request,
    build: &BuildName,
) -> anyhow::Result<()> {
    let inputs = &step.inputs;
    let name = match (&inputs.app_id, &inputs.bundle_id) {
        (Some(id), _) => AppName::Id(id.clone()),
        (None, Some(bundle_id)) => AppName::BundleId(bundle_id.clone()),
        (None, None) => {
            let problem = InputProblem::new(
                "bundle_id",
                "neither it nor app_id has a value, and there is no package to read it from",
            );
            return Err(InputProblems(vec![problem]).into());
        }
    };
    let found = accounts::find(step, &inputs.connection, &inputs.given(), crate::TERMS).await?;
    let (account, _) = accounts::required(found, crate::TERMS)?;
    if let (Account::ApiKey(key), false) = (&account, inputs.is_plan()) {
        upload_step::withdraw_abandoned(step, key, None).await?;
    }
    let platform = inputs.platform.store_platform();
    let pending = Pending::prepare(step, &account, name, platform, build.clone(), request.clone()).await?;
    if inputs.is_plan() {
        Ok(())
    } else {
        pending.distribute(step).await
    }
}

/// Prints what a distribution changes.
fn show(step: &Step<Inputs>, prepared: &PreparedDistribution) -> anyhow::Result<()> {
    let lines: Vec<String> = prepared.plan.actions.iter().map(BetaAction::line).collect();
    step.log.heading(match lines.len() {
        0 => "Plan for TestFlight: no changes".to_owned(),
        count => format!("Plan for TestFlight: {}", wording::counted(count, "change")),
    });
    lines
        .iter()
        .chain(&prepared.plan.notes)
        .for_each(|line| step.log.plain(line));
    if step.inputs.is_plan() {
        step.report.is_plan();
        step.log.plain(serde_json::to_string_pretty(&prepared.plan)?);
        step.log.plain("Nothing was uploaded or changed (mode: plan).");
    }
    Ok(())
}

/// What became of the build, in one sentence.
fn outcome(distributed: &Distributed) -> String {
    let number = &distributed.number;
    match distributed.external_state.as_str() {
        // Internal testers can't get it before either.
        "MISSING_EXPORT_COMPLIANCE" => format!(
            "Build {number} is on TestFlight; testers get it once its export compliance is answered in App Store Connect > TestFlight."
        ),
        "IN_EXPORT_COMPLIANCE_REVIEW" => {
            format!(
                "Build {number} is on TestFlight; testers get it once Apple has reviewed its export compliance."
            )
        }
        "READY_FOR_BETA_SUBMISSION" if distributed.is_external => format!(
            "Build {number} is on TestFlight; external testers get it once it is submitted for beta review and Apple has reviewed it."
        ),
        "WAITING_FOR_BETA_REVIEW" | "IN_BETA_REVIEW" if distributed.is_external => {
            format!("Build {number} is on TestFlight; external testers get it once Apple has reviewed it.")
        }
        // Of a state that is not known, no more can be said.
        "BETA_REJECTED" | "" if distributed.is_external => {
            format!("Build {number} was added to its groups.")
        }
        _ => format!("Build {number} is available on TestFlight."),
    }
}

async fn export(
    step: &Step<Inputs>,
    distributed: &Distributed,
    wanted: Option<StorePlatform>,
) -> anyhow::Result<()> {
    let platform = distributed.platform.or(wanted).unwrap_or(StorePlatform::Ios);
    let url = testflight_page(&distributed.app_id, platform, Some(&distributed.build_id));
    step.export("BITRISE_TESTFLIGHT_BUILD_URL", &url).await?;
    if let Some(link) = &distributed.public_link {
        step.export("BITRISE_TESTFLIGHT_PUBLIC_LINK", link).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// States: `ExternalBetaState` of App Store Connect API 4.4.1.
    #[test]
    fn the_outcome_says_when_testers_get_the_build() {
        let available = "is available on TestFlight.";
        let added = "was added to its groups.";
        let unanswered = "is on TestFlight; testers get it once its export compliance is answered in App Store Connect > TestFlight.";
        let examined = "is on TestFlight; testers get it once Apple has reviewed its export compliance.";
        let unsubmitted = "is on TestFlight; external testers get it once it is submitted for beta review and Apple has reviewed it.";
        let submitted = "is on TestFlight; external testers get it once Apple has reviewed it.";
        for (state, external, internal) in [
            ("MISSING_EXPORT_COMPLIANCE", unanswered, unanswered),
            ("IN_EXPORT_COMPLIANCE_REVIEW", examined, examined),
            ("READY_FOR_BETA_SUBMISSION", unsubmitted, available),
            ("WAITING_FOR_BETA_REVIEW", submitted, available),
            ("IN_BETA_REVIEW", submitted, available),
            ("BETA_REJECTED", added, available),
            ("", added, available),
            ("IN_BETA_TESTING", available, available),
        ] {
            for (is_external, expected) in [(true, external), (false, internal)] {
                let distributed = Distributed {
                    app_id: "1".to_owned(),
                    build_id: "2".to_owned(),
                    number: "42".to_owned(),
                    platform: None,
                    is_external,
                    external_state: state.to_owned(),
                    public_link: None,
                };
                assert_eq!(
                    outcome(&distributed),
                    format!("Build 42 {expected}"),
                    "{state} {is_external}"
                );
            }
        }
    }
}
