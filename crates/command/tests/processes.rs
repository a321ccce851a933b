//! Real child processes.
#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

use std::ffi::OsString;
use std::time::{Duration, Instant};

use command::{Command, Error, Runner, Source};
use redaction::Redactor;

fn runner() -> Runner {
    let path = (
        OsString::from("PATH"),
        OsString::from("/usr/local/bin:/usr/bin:/bin"),
    );
    Runner::new(Redactor::new()).with_env([path])
}

fn shell(script: &str) -> Command {
    Command::new("sh").args(["-c", script])
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn both_streams_and_the_exit_status_are_captured() {
    let output = block_on(runner().output(shell("echo out; echo err >&2; exit 3"))).unwrap();
    assert_eq!(
        (output.stdout.as_str(), output.stderr.as_str(), output.code()),
        ("out\n", "err\n", 3)
    );
}

#[test]
fn a_secret_is_masked_in_streamed_lines_and_errors() {
    let command = shell("echo \"got $TOKEN\"; printf 'no break %s' \"$TOKEN\" >&2; exit 1")
        .secret_env("TOKEN", &"s3cr3t-token".into());
    let mut lines = Vec::new();
    let output = block_on(runner().stream(command.clone(), |line| {
        lines.push((line.source, line.text.to_owned()));
    }))
    .unwrap();
    lines.sort_by_key(|(source, _)| *source == Source::Stderr);
    assert_eq!(
        lines,
        [
            (Source::Stdout, "got [REDACTED]".to_owned()),
            (Source::Stderr, "no break [REDACTED]".to_owned())
        ]
    );
    assert_eq!(output.stdout, "got [REDACTED]\n");
    let error = block_on(runner().checked(command)).unwrap_err().to_string();
    assert!(
        error.contains("exit status 1") && error.contains("[REDACTED]") && !error.contains("s3cr3t"),
        "{error}"
    );
}

#[test]
fn standard_input_directory_and_environment_are_the_childs() {
    let folder = tempfile::tempdir().unwrap();
    let command = shell("cat; pwd -P; echo $NAME")
        .stdin_bytes("in\n")
        .current_dir(folder.path())
        .env("NAME", "value");
    let output = block_on(runner().output(command)).unwrap();
    let folder = folder.path().canonicalize().unwrap();
    assert_eq!(output.stdout, format!("in\n{}\nvalue\n", folder.display()));
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = block_on(runner().output(Command::new("no-such-program"))).unwrap_err();
    assert!(matches!(error, Error::NotFound { program } if program == "no-such-program"));
}

#[test]
fn a_time_limit_kills_the_whole_group() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    // The grandchild would leave a mark if it survived.
    let script = format!("(sleep 0.6; touch {}) & sleep 30", mark.display());
    let started = Instant::now();
    let error = block_on(runner().output(shell(&script).timeout(Duration::from_millis(100)))).unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }) && started.elapsed() < Duration::from_secs(20));
    std::thread::sleep(Duration::from_millis(900));
    assert!(!mark.exists());
}

#[test]
fn a_silent_program_is_stopped_and_a_talking_one_is_not() {
    let silent = block_on(runner().output(shell("sleep 30").silence_timeout(Duration::from_millis(100))));
    assert!(matches!(silent, Err(Error::Silent { .. })));
    let talking =
        shell("for i in 1 2 3 4; do echo $i; sleep 0.05; done").silence_timeout(Duration::from_secs(5));
    assert_eq!(block_on(runner().output(talking)).unwrap().stdout, "1\n2\n3\n4\n");
}

#[test]
fn a_program_that_exceeds_its_limit_may_clean_up_and_its_last_lines_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let script = format!(
        "trap 'touch {}; exit 3' TERM; echo warned >&2; sleep 0.1; echo begun; while :; do sleep 0.05; done",
        mark.display()
    );
    let error = block_on(runner().output(shell(&script).timeout(Duration::from_millis(600)))).unwrap_err();
    assert!(mark.exists());
    let Error::TimedOut { output, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(output, "begun");
    assert!(error.to_string().ends_with(":\nbegun"), "{error}");
}

#[test]
fn a_program_that_does_not_end_when_told_to_is_killed() {
    let started = Instant::now();
    let script = "trap '' TERM; echo begun; while :; do sleep 0.05; done";
    let error = block_on(runner().output(shell(script).silence_timeout(Duration::from_millis(200))));
    // It talks through its children alone, which are silent.
    assert!(matches!(error, Err(Error::Silent { .. })), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(20));
}
