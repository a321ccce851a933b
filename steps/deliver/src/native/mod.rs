//! deliver without Ruby: the native engine, through the App Store Connect API.

mod advice;
mod pictures;
mod request;
mod show;
mod upload;

use std::pin::pin;
use std::time::Duration;

use account_inputs as accounts;
use anyhow::Context as _;
use app_store_release::desired::BuildChoice;
use app_store_release::{Engine, ReleaseError, desired};
use apple_account::Account;
use step_kit::{Advice as _, InputProblem, InputProblems, Step};

use crate::inputs::Inputs;

pub(crate) use request::{Request, store_platform};

/// Head start of the local checks: no request is sent if they fail within it.
const HEAD_START: Duration = Duration::from_millis(10);

/// How long Apple may process a build that is to be submitted.
const PROCESSING_TIMEOUT: Duration = Duration::from_secs(2 * 3600);

/// What the input `engine` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EngineChoice {
    Fastlane,
    Native,
    Automatic,
}

impl EngineChoice {
    pub(crate) fn of(inputs: &Inputs) -> Self {
        match inputs.engine.as_str() {
            "native" => Self::Native,
            "automatic" => Self::Automatic,
            _ => Self::Fastlane,
        }
    }
}

/// Why the native engine is not taken by `engine: automatic`, or nothing when it is.
pub(crate) fn objection(request: &Result<Request, InputProblems>, account: &Account) -> Option<String> {
    if !matches!(account, Account::ApiKey(_)) {
        return Some("the account is an Apple ID".to_owned());
    }
    match request {
        Ok(request) => request.objection.clone(),
        Err(problems) => Some(
            problems
                .0
                .first()
                .map_or_else(String::new, |problem| problem.problem.clone()),
        ),
    }
}

/// Makes the release, or shows its plan.
///
/// # Errors
/// With what failed and what to do next.
pub(crate) async fn run(step: &Step<Inputs>, account: &Account, request: Request) -> anyhow::Result<()> {
    let Account::ApiKey(key) = account else {
        return Err(anyhow::anyhow!(
            "the native engine needs an App Store Connect API key, and the account is an Apple ID"
        )
        .hint(
            "connect an API key, set the inputs api_key_path and api_issuer, or set engine to `fastlane`",
        ));
    };
    if step.inputs.mode != "plan" {
        upload_step::withdraw_abandoned(step, key, request.package.as_deref()).await?;
    }
    let engine = Engine::new(accounts::client(step, key, transport::Policy::default())?)?;
    let directory = std::env::current_dir().context("the working directory can't be found")?;
    let options = request.options.clone();
    let package = request.package.clone();
    let mut assembling = tokio::task::spawn_blocking(move || {
        request::assemble(options, package.as_deref(), &directory, clock::now())
    });
    let mut look = pin!(async {
        match desired::subject(&request.options) {
            Ok((app, platform)) => engine.find_app(&app, platform).await,
            // The assembly finds the same, with all other problems, and is heard first.
            Err(problems) => Err(ReleaseError::Invalid(problems)),
        }
    });
    // Pictures are hashed beside the first look at the app, which changes nothing; what takes no time is checked before.
    let (assembled, overview) = match tokio::time::timeout(HEAD_START, &mut assembling).await {
        Ok(assembled) => (assembled, None),
        Err(_) => {
            let (assembled, overview) = tokio::join!(assembling, &mut look);
            (assembled, Some(overview))
        }
    };
    let assembled = assembled
        .context("the metadata could not be read")?
        .map_err(|problems| advice::explained(ReleaseError::Invalid(problems)))?;
    assembled.warnings.iter().for_each(|line| step.log.warn(line));
    let mut release = assembled.release;
    if let Some(password) = release
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.review.get("demoAccountPassword"))
    {
        step.redactor.learn(password);
    }

    step.report.fact("Account", accounts::kind(Some(account)));
    step.log.heading("App Store Connect");
    let overview = match overview {
        Some(overview) => overview,
        None => look.await,
    };
    let overview = overview.map_err(advice::explained)?;
    let prepared = engine
        .prepare(&release, overview, request.package.is_some())
        .await
        .map_err(advice::explained)?;
    show::plan(step, &prepared, request.package.as_ref());
    if step.inputs.mode == "plan" {
        step.report.is_plan();
        step.log.plain(serde_json::to_string_pretty(&prepared.plan)?);
        step.log.plain("Nothing was changed (mode: plan).");
        return Ok(());
    }

    let prepared = engine
        .apply(&release, prepared)
        .await
        .map_err(advice::explained)?;
    if let Some(package) = &request.package {
        let number = upload::upload(step, &engine, key, &prepared.snapshot.app, package).await?;
        // The newest build that is listed may be an older one for a while (fastlane #16621).
        if let Some(submission) = &mut release.submission {
            submission.build = BuildChoice::Number(number);
        }
    }
    let app = &prepared.snapshot.app;
    let mut done = format!("{} is up to date on App Store Connect", app.bundle_id);
    if release.submission.is_some() {
        step.log.heading("Review");
        let build = match prepared
            .build
            .clone()
            .filter(|build| build.processing_state != "PROCESSING")
        {
            Some(build) => build,
            None => engine
                .await_build(&release, &prepared.snapshot, PROCESSING_TIMEOUT)
                .await
                .map_err(advice::explained)?,
        };
        let released = engine
            .submit(&release, &prepared.snapshot, &build)
            .await
            .map_err(advice::explained)?;
        done = format!(
            "Version {} with build {} is submitted for review ({})",
            released.version, build.number, released.state
        );
    }
    step.log.success(format!("{done}."));
    step.report.markdown(&format!("{done}."));
    Ok(())
}

/// A problem of an input that holds deliver's options.
fn input_problem(problem: &app_store_release::Problem) -> InputProblem {
    InputProblem::new("options", problem.to_string())
}
