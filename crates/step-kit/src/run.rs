//! From process start to exit code.

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use command::Runner;
use redaction::Redactor;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::failure::Failure;
use crate::heartbeat::{Heartbeat, took};
use crate::log::Events;
use crate::shutdown::{ShutdownHooks, until_signal};
use crate::{Environment, Inputs, Log, Manifest, Report, Step};

/// The exit status of a step that has a defect.
const INTERNAL_ERROR: u8 = 70;

/// All steps have one version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What every part of a run needs.
struct Session {
    started: Instant,
    manifest: Manifest,
    env: Environment,
    redactor: Redactor,
    runner: Runner,
    log: Log,
    report: Report,
}

/// Runs a step: the whole of its `main`.
///
/// Exit status 0 is success, 1 a failure, 2 wrong inputs, 70 a defect, 129, 130 and 143 an interruption. The
/// step's future is dropped in every case, so what it keeps in guards (key files, keychains, children) is
/// gone when the process ends. The reports are written in every case.
pub fn run<I, F, Fut>(manifest: Manifest, step: F) -> ExitCode
where
    I: DeserializeOwned,
    F: FnOnce(Step<I>) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let session = Session::open(manifest);
    let _heartbeat = Heartbeat::start(&session.log, &session.env);
    let panicked = note_panics();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = Failure::new(format!("could not start the step: {error}"), None, 1);
            session.log.failure(&failure.text());
            return ExitCode::FAILURE;
        }
    };
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| session.perform(step, &runtime)));
    let failure = outcome.unwrap_or_else(|_| {
        let what = panicked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let hint = "report this bug and attach the build log";
        let what = format!("an internal error occurred: {what}");
        Some(Failure::new(what, Some(hint), INTERNAL_ERROR))
    });
    let failure = failure.map(|failure| failure.redacted(&session.redactor));
    runtime.block_on(session.report.leave(
        manifest.title,
        failure.as_ref(),
        &session.env,
        &session.runner,
        &session.log,
    ));
    session.leave_trace();
    // Work that blocks, such as hashing a passphrase, can't be stopped; the process ends without it.
    runtime.shutdown_background();
    match failure {
        None => {
            let took = took(session.started.elapsed());
            session.log.done(&match session.report.what_was_done() {
                Some(done) => format!("Done in {took}: {}.", done.trim_end_matches('.')),
                None => format!("Done in {took}."),
            });
            ExitCode::SUCCESS
        }
        Some(failure) => {
            session.log.failure(&failure.text());
            ExitCode::from(failure.status)
        }
    }
}

impl Session {
    fn open(manifest: Manifest) -> Self {
        let started = Instant::now();
        let mut env = Environment::of_process();
        let redactor = Redactor::new();
        let log = Log::new(redactor.clone(), env.get("NO_COLOR").is_none(), std::io::stdout());
        env.restore_erased();
        learn_secrets(&env, &manifest, &redactor);
        // A key in the wrong place is a secret as well, whatever the manifest says of that input.
        env.texts().for_each(|text| redactor.learn_keys_in(text));
        let subscriber = tracing_subscriber::registry().with(Events(log.clone()));
        // Only a second `run` in one process could have set one before.
        let _ = tracing::subscriber::set_global_default(subscriber);
        let variables = env.iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
        let runner = Runner::new(redactor.clone()).with_env(variables);
        Self {
            started,
            manifest,
            env,
            redactor,
            runner,
            log,
            report: Report::default(),
        }
    }

    /// Checks the inputs and runs the step; what went wrong is returned.
    fn perform<I, F, Fut>(&self, step: F, runtime: &Runtime) -> Option<Failure>
    where
        I: DeserializeOwned,
        F: FnOnce(Step<I>) -> Fut,
        Fut: Future<Output = anyhow::Result<()>>,
    {
        self.log.title(&format!("{} {VERSION}", self.manifest.title));
        if let Some(error) = self.env.unrestored() {
            self.warn(format!(
                "{error}; values that Bitrise removed because of their size are missing."
            ));
        }
        if let Err(error) = clock::check() {
            let hint =
                "correct the system clock; certificates, tokens, and profiles can't be validated without it";
            return Some(Failure::new(error.to_string(), Some(hint), 1));
        }
        let swept = files::sweep(&self.env.temp_dir());
        let context = match self.prepare() {
            Ok(context) => context,
            Err(error) => return Some(Failure::of(&error)),
        };
        if swept > 0 {
            let (runs, belong) = if swept == 1 {
                ("run", "was")
            } else {
                ("runs", "were")
            };
            self.log.debug(format!(
                "Removed the temporary files of {swept} earlier {runs} that {belong} killed."
            ));
        }
        let hooks = context.shutdown.clone();
        match runtime.block_on(until_signal(step(context), &self.runner, &hooks)) {
            Ok(Ok(())) => None,
            Ok(Err(interruption)) => {
                let what = format!("the step was stopped by {}", interruption.name);
                Some(Failure::new(what, None, interruption.status))
            }
            Err(error) => Some(Failure::of(&error)),
        }
    }

    /// A warning that whoever reads only the reports must see as well.
    fn warn(&self, text: String) {
        self.log.warn(&text);
        self.report.list("Warnings", &[text]);
    }

    fn prepare<I: DeserializeOwned>(&self) -> anyhow::Result<Step<I>> {
        let inputs = Inputs::gather(&self.manifest, &self.env);
        inputs
            .secrets(&self.manifest)
            .for_each(|secret| learn(secret, &self.redactor));
        if inputs.get("support_trace") == Some("yes") {
            support_trace::start();
        }
        self.log.set_verbose(inputs.get("verbose_log") == Some("yes"));
        let checked = inputs.check(&self.manifest, &self.env);
        if checked.is_ok() {
            for line in inputs.describe(&self.manifest) {
                self.log.plain(line);
            }
        }
        inputs.warnings.iter().for_each(|line| self.log.warn(line));
        if let Some(lost) = inputs.lost(&self.manifest, &self.env) {
            self.warn(lost);
        }
        checked?;
        Ok(Step {
            inputs: inputs.typed()?,
            env: self.env.clone(),
            redactor: self.redactor.clone(),
            runner: self.runner.clone(),
            log: self.log.clone(),
            report: self.report.clone(),
            shutdown: ShutdownHooks::default(),
            manifest: self.manifest,
        })
    }
}

impl Session {
    /// Writes the support trace, where one was asked for, to the deploy directory.
    fn leave_trace(&self) {
        let Some(text) = support_trace::finish(self.manifest.title, VERSION, &self.redactor) else {
            return;
        };
        let Some(folder) = self.env.path("BITRISE_DEPLOY_DIR") else {
            self.log
                .warn("No support trace was written: BITRISE_DEPLOY_DIR is not set.");
            return;
        };
        let path = folder.join(format!(
            "support-trace-{}.jsonl",
            crate::report::slug(self.manifest.title)
        ));
        let written =
            std::fs::create_dir_all(&folder).and_then(|()| files::replace(&path, text.as_bytes(), 0o600));
        match written {
            Ok(()) => self.log.plain(format!(
                "Support trace: {} ({} lines; secrets are masked)",
                path.display(),
                text.lines().count()
            )),
            Err(error) => self.log.warn(format!(
                "The support trace could not be written to {}: {error}",
                path.display()
            )),
        }
    }
}

/// Variables that hold secrets in builds of Apple apps, whether or not a step has an input for them: a child process that
/// prints its environment must not give them away. The first three are Bitrise's, the others fastlane's.
const SECRET_VARIABLES: [&str; 8] = [
    "BITRISE_BUILD_API_TOKEN",
    "BITRISE_CERTIFICATE_PASSPHRASE",
    "BITRISE_KEYCHAIN_PASSWORD",
    "FASTLANE_APPLE_APPLICATION_SPECIFIC_PASSWORD",
    "FASTLANE_PASSWORD",
    "FASTLANE_SESSION",
    "MATCH_GIT_BASIC_AUTHORIZATION",
    "MATCH_PASSWORD",
];

/// Sensitive inputs, and what Bitrise lists as secrets of the workspace: before anything is said about them.
fn learn_secrets(env: &Environment, manifest: &Manifest, redactor: &Redactor) {
    for variable in SECRET_VARIABLES {
        if let Some(value) = env.get(variable) {
            learn(value, redactor);
        }
    }
    let listed = env.get("BITRISE_SECRET_ENV_KEY_LIST").unwrap_or_default();
    for key in listed.split(',') {
        if let Some(value) = env.get(key.trim()) {
            redactor.learn(value);
        }
    }
    for input in manifest.inputs.iter().filter(|input| input.sensitive) {
        if let Some(value) = env.get(input.key) {
            learn(value, redactor);
        }
    }
}

/// Learns a secret, and each item where it is a list: those are separated by pipes.
fn learn(secret: &str, redactor: &Redactor) {
    redactor.learn(secret);
    secret.split('|').for_each(|part| redactor.learn(part));
}

/// Keeps panic messages for the log, where they are redacted, instead of printing them.
fn note_panics() -> Arc<Mutex<String>> {
    let note = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&note);
    std::panic::set_hook(Box::new(move |panic| {
        *shared.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
    }));
    note
}
