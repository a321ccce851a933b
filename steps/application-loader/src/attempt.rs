//! One attempt of altool: watched while it runs, and read when it ended.

use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use altool::{Ending, Report};
use command::{Command, Output, Source};
use step_kit::Step;

use crate::inputs::Inputs;

/// How many of altool's last lines are shown when it is stopped.
const SHOWN: usize = 12;

/// How often the watch looks.
const LOOK: Duration = Duration::from_millis(250);

/// How an attempt ended.
pub(crate) enum Ended {
    /// altool exited or crashed.
    Answered(Report),
    /// It was stopped: why, and what it said last.
    Stopped {
        reason: String,
        last: Vec<String>,
        /// The input whose limit it was, with its value.
        limit: String,
    },
    /// It could not be run.
    NotStarted(command::Error),
}

/// What altool does, as its lines show.
struct Watch {
    last: VecDeque<String>,
    progress: Instant,
    retries: usize,
}

/// Runs altool once.
pub(crate) async fn run(step: &Step<Inputs>, command: Command, left: Duration) -> Ended {
    let [attempt, silence, _] = step.inputs.limits();
    let watch = Arc::new(Mutex::new(Watch {
        last: VecDeque::new(),
        progress: Instant::now(),
        retries: 0,
    }));
    let sink = {
        let watch = Arc::clone(&watch);
        let (log, redactor) = (step.log.clone(), step.redactor.clone());
        move |line: command::Line<'_>| {
            // altool prints tokens of its own, which nobody knows before they are there.
            altool::bearer_tokens(line.text).for_each(|token| redactor.learn(token));
            watch_line(&watch, &redactor.redact(line.text));
            match line.source {
                Source::Stderr => log.output(line.text),
                Source::Stdout => log.debug(line.text),
            }
        }
    };
    let started = Instant::now();
    let running = step.runner.stream(command.unlimited(), sink);
    let stopped = async {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Some(stop) = over(step, &watch, started, [attempt, silence, left]) {
                return stop;
            }
        }
    };
    // Dropping the run kills altool with all that it started.
    tokio::select! {
        ended = running => match ended {
            Ok(output) => Ended::Answered(read(&output)),
            Err(error) => Ended::NotStarted(error),
        },
        stop = stopped => stop,
    }
}

fn locked(watch: &Mutex<Watch>) -> MutexGuard<'_, Watch> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watch_line(watch: &Mutex<Watch>, line: &str) {
    let mut watch = locked(watch);
    // A part that is sent again and again moves nothing, however much altool says about it.
    if altool::is_retry_line(line) {
        watch.retries += 1;
    } else {
        watch.progress = Instant::now();
        watch.retries = 0;
    }
    if !line.trim().is_empty() {
        watch.last.push_back(line.trim_end().to_owned());
    }
    while watch.last.len() > SHOWN {
        watch.last.pop_front();
    }
}

/// The limit that is exceeded, if one is.
fn over(
    step: &Step<Inputs>,
    watch: &Mutex<Watch>,
    started: Instant,
    [attempt, silence, left]: [Duration; 3],
) -> Option<Ended> {
    let watch = locked(watch);
    let inputs = &step.inputs;
    let limit = |input: &str, minutes: u64| format!("{input} (now {})", wording::counted(minutes, "minute"));
    let (reason, limit) = if watch.progress.elapsed() >= silence {
        let seconds = silence.as_secs();
        let what = if watch.retries > 0 {
            format!(
                "altool was stopped: for {seconds} s it only repeated what failed ({})",
                wording::counted(watch.retries, "time")
            )
        } else {
            format!("altool was stopped: it printed nothing for {seconds} s")
        };
        (what, limit("silence_timeout", inputs.silence_timeout))
    } else if started.elapsed() >= attempt {
        let what = format!("altool was stopped: it ran for more than {} s", attempt.as_secs());
        (what, limit("attempt_timeout", inputs.attempt_timeout))
    } else if started.elapsed() >= left {
        let what = format!(
            "altool was stopped: all attempts together ran for more than {} s",
            inputs.limits()[2].as_secs()
        );
        (what, limit("total_timeout", inputs.total_timeout))
    } else {
        return None;
    };
    Some(Ended::Stopped {
        reason,
        last: watch.last.iter().cloned().collect(),
        limit,
    })
}

fn read(output: &Output) -> Report {
    let ending = match (output.status.code(), output.status.signal()) {
        (None, Some(signal)) => Ending::Signal(signal),
        (code, _) => Ending::Exit(code.unwrap_or(-1)),
    };
    altool::read(&output.stdout, &output.stderr, ending)
}
