//! From process start to exit code.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use command::Runner;
use redaction::Redactor;
use serde::de::DeserializeOwned;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::heartbeat::Heartbeat;
use crate::log::Events;
use crate::report::Ending;
use crate::{Environment, Inputs, Log, Manifest, Report, Step, failure};

/// The exit status of a step that has a defect.
const INTERNAL_ERROR: u8 = 70;

/// How long children may take to end after a signal was passed on to them.
const GRACE: Duration = Duration::from_secs(10);

/// Runs a step: the whole of its `main`.
///
/// Exit status 0 is success, 1 a failure, 2 wrong inputs, 70 a defect, 129, 130 and 143 an interruption. The
/// step's future is dropped in every case, so what it keeps in guards (key files, keychains, children) is
/// gone when the process ends.
pub fn run<I, F, Fut>(manifest: &str, step: F) -> ExitCode
where
    I: DeserializeOwned,
    F: FnOnce(Step<I>) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let env = Environment::of_process();
    let redactor = Redactor::new();
    let log = Log::new(redactor.clone(), env.get("NO_COLOR").is_none(), std::io::stdout());
    let report = Report::default();
    learn_listed_secrets(&env, &redactor);
    let subscriber = tracing_subscriber::registry().with(Events(log.clone()));
    // Only a second `run` in one process could have set one before.
    let _ = tracing::subscriber::set_global_default(subscriber);

    let _heartbeat = Heartbeat::start(&log, &env);
    let panicked = note_panics();
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
        prepared(manifest, step, &env, &redactor, &log, &report)
    }));
    match outcome {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(Ended::Failed(error))) => {
            log.failure(&failure::render(&error));
            ExitCode::from(failure::exit_code(&error))
        }
        Ok(Err(Ended::Interrupted(name, status))) => {
            log.failure(&format!("the step was stopped by {name}"));
            ExitCode::from(status)
        }
        Err(_) => {
            let what = panicked.lock().unwrap_or_else(PoisonError::into_inner).clone();
            log.failure(&format!(
                "an internal error occurred: {what}\nWhat to do next: please report it, with the log of this build"
            ));
            ExitCode::from(INTERNAL_ERROR)
        }
    }
}

enum Ended {
    Failed(anyhow::Error),
    Interrupted(&'static str, u8),
}

impl<E: Into<anyhow::Error>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

fn prepared<I, F, Fut>(
    manifest: &str,
    step: F,
    env: &Environment,
    redactor: &Redactor,
    log: &Log,
    report: &Report,
) -> Result<(), Ended>
where
    I: DeserializeOwned,
    F: FnOnce(Step<I>) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let manifest = Manifest::parse(manifest)?;
    let inputs = Inputs::read(&manifest, env)?;
    for secret in inputs.secrets(&manifest) {
        redactor.learn(secret);
        // Lists of secrets are separated by pipes.
        secret.split('|').for_each(|part| redactor.learn(part));
    }
    log.set_verbose(inputs.get("verbose_log") == Some("yes"));
    log.plain(format!("\n{}", manifest.title));
    inputs.describe(&manifest).iter().for_each(|line| log.plain(line));
    inputs.deprecations.iter().for_each(|line| log.warn(line));

    let variables = env.iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    let runner = Runner::new(redactor.clone()).with_env(variables);
    let farewell = Farewell::default();
    let context = Step {
        inputs: inputs.typed()?,
        env: env.clone(),
        redactor: redactor.clone(),
        runner: runner.clone(),
        log: log.clone(),
        report: report.clone(),
        farewell: farewell.clone(),
        manifest: manifest.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(until_signal(step(context), &runner, &farewell));
    let told = match &ended {
        Ok(()) => None,
        Err(Ended::Failed(error)) => Some((failure::summary(error), failure::hint(error))),
        Err(Ended::Interrupted(name, _)) => Some((format!("the step was stopped by {name}"), None)),
    };
    let ending = match &told {
        None => Ending::Succeeded,
        Some((what, remedy)) => Ending::Failed {
            what,
            remedy: remedy.as_deref(),
        },
    };
    runtime.block_on(report.leave(&manifest.title, ending, env, &runner, log));
    // Work that blocks, such as hashing a passphrase, can't be stopped; the process ends without it.
    runtime.shutdown_background();
    ended
}

/// What is done when a signal ends the run.
#[derive(Clone, Default)]
pub(crate) struct Farewell(Rc<RefCell<Vec<Work>>>);

type Work = Pin<Box<dyn Future<Output = ()>>>;

impl Farewell {
    pub(crate) fn add(&self, work: impl Future<Output = ()> + 'static) {
        self.0.borrow_mut().push(Box::pin(work));
    }

    async fn say(&self) {
        let all = self.0.take();
        for work in all {
            work.await;
        }
    }
}

impl std::fmt::Debug for Farewell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Farewell({})", self.0.borrow().len())
    }
}

/// Runs the step until it ends or a signal comes. Children get the signal from their runner and some time to
/// end by themselves; then the step is dropped, with everything that its guards clean up. A second signal
/// takes that time away.
async fn until_signal(
    step: impl Future<Output = anyhow::Result<()>>,
    runner: &Runner,
    farewell: &Farewell,
) -> Result<(), Ended> {
    let mut step = std::pin::pin!(step);
    let mut signals = Signals::listen()?;
    let (name, status) = tokio::select! {
        ended = &mut step => return ended.map_err(Ended::Failed),
        signal = signals.next() => signal,
    };
    let ending = async {
        while runner.running() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let orderly = async {
        tokio::select! {
            _ = &mut step => {}
            _ = tokio::time::timeout(GRACE, ending) => {}
        }
        // Bitrise ends an aborted build soon: what can't be done in time is left undone.
        let _ = tokio::time::timeout(GRACE, farewell.say()).await;
    };
    tokio::select! {
        () = orderly => {}
        _ = signals.next() => {}
    }
    Err(Ended::Interrupted(name, status))
}

/// The signals that end a run.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            // A terminal that is closed, or a connection to the machine that broke.
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next one: its name, and the exit status that shells give it.
    async fn next(&mut self) -> (&'static str, u8) {
        tokio::select! {
            _ = self.interrupt.recv() => ("SIGINT", 130),
            _ = self.terminate.recv() => ("SIGTERM", 143),
            _ = self.hangup.recv() => ("SIGHUP", 129),
        }
    }
}

/// Bitrise names the variables that hold secrets of the workspace.
fn learn_listed_secrets(env: &Environment, redactor: &Redactor) {
    for key in env
        .get("BITRISE_SECRET_ENV_KEY_LIST")
        .unwrap_or_default()
        .split(',')
    {
        if let Some(value) = env.get(key.trim()) {
            redactor.learn(value);
        }
    }
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
