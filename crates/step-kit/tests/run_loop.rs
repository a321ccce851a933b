//! The run loop from process start to exit code: this binary is also the step that it starts.
//!
//! Behaviors that these tests hold:
//!
//! 1. A failure keeps its exit status, and a panic is one with 70.
//! 2. Sensitive inputs are masked in the log, in the failure, and in both reports.
//! 3. Every ending has its reports.
//! 4. A signal runs the shutdown hooks, and ends the run with the signal's status.
//! 5. Private directories are gone at the end, and those of killed runs at the next start.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests, which start a process and look at what it leaves"
)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;
use step_kit::{Advice as _, Extra, Input, Manifest, Secret, Step};

const INPUT: Input = Input {
    key: "what",
    default: "succeed",
    title: "What the step does",
    options: &["succeed", "fail", "leak", "lane", "panic", "wait"],
    required: true,
    sensitive: false,
    extra: Extra::NONE,
};

const MANIFEST: Manifest = Manifest {
    title: "Step of the tests",
    inputs: &[
        INPUT,
        Input {
            key: "token",
            default: "$TOKEN_OF_THE_BUILD",
            title: "A secret",
            options: &[],
            required: false,
            sensitive: true,
            ..INPUT
        },
    ],
    outputs: &[],
};

const TOKEN: (&str, &str) = ("token", "s3cr3t-token-value");

#[derive(Debug, Deserialize)]
struct Inputs {
    what: String,
    token: Option<Secret>,
}

/// The step: it holds a private directory, as real ones do.
async fn step(step: Step<Inputs>) -> anyhow::Result<()> {
    let directory = step.temp_dir()?;
    step.log
        .plain(format!("directory: {}", directory.path().display()));
    let secret = step.inputs.token.as_ref().map_or("", Secret::expose).to_owned();
    step.report.markdown("The step ran.");
    match step.inputs.what.as_str() {
        "fail" => Err(anyhow::anyhow!("Apple said no to {secret}")
            .context("the profile could not be created")
            .hint("ask again")),
        "leak" => Err(anyhow::anyhow!(secret)),
        "lane" => Err(anyhow::anyhow!("the lane failed").exit_status(7)),
        "panic" => panic!("a defect near {secret}"),
        "wait" => {
            let log = step.log.clone();
            step.on_interruption(async move { log.plain("the hook ran") });
            step.log.plain("waiting");
            tokio::time::sleep(std::time::Duration::from_secs(60)).await;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Where a run leaves its reports.
struct Lab(tempfile::TempDir);

impl Lab {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn start(&self, inputs: &[(&str, &str)]) -> Child {
        std::fs::create_dir_all(self.path("tmp")).unwrap();
        Command::new(std::env::current_exe().unwrap())
            .env_clear()
            .env("RUN_AS_STEP", "1")
            .env("TMPDIR", self.path("tmp"))
            .env("BITRISE_STEP_FORMATTED_OUTPUT_FILE_PATH", self.path("summary.md"))
            .env("BITRISE_HTML_REPORT_DIR", self.path("pages"))
            .envs(inputs.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The exit status, and all that was printed.
    fn run(&self, inputs: &[(&str, &str)]) -> (i32, String) {
        let output = self.start(inputs).wait_with_output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        (output.status.code().unwrap(), text)
    }

    /// The page, and the summary before it where there is one.
    fn reports(&self) -> String {
        let page = std::fs::read_dir(self.path("pages")).unwrap().flatten().next();
        let page = std::fs::read_to_string(page.unwrap().path().join("index.html")).unwrap();
        std::fs::read_to_string(self.path("summary.md")).unwrap_or_default() + &page
    }

    fn is_clean(&self) -> bool {
        std::fs::read_dir(self.path("tmp")).unwrap().next().is_none()
    }
}

fn success_ends_with_0_and_leaves_summary_and_page() {
    let lab = Lab::new();
    let (status, log) = lab.run(&[]);
    assert_eq!(status, 0, "{log}");
    assert!(lab.reports().contains("The step ran."));
}

fn a_failure_ends_with_1_and_its_causes_and_the_hint_stand_last() {
    let lab = Lab::new();
    let (status, log) = lab.run(&[("what", "fail"), TOKEN]);
    assert_eq!(status, 1, "{log}");
    let tail = log.split("profile could not be created").last().unwrap();
    assert!(
        tail.contains("Apple said no") && tail.contains("ask again"),
        "{log}"
    );
    assert!(lab.reports().contains("Apple said no"));
}

fn the_status_of_another_program_is_the_steps() {
    let (status, log) = Lab::new().run(&[("what", "lane")]);
    assert_eq!(status, 7, "{log}");
}

fn wrong_inputs_end_with_2_and_the_step_is_not_begun() {
    let lab = Lab::new();
    let (status, log) = lab.run(&[("what", "dance")]);
    assert_eq!(status, 2, "{log}");
    assert!(log.contains("dance") && !log.contains("directory:"), "{log}");
    assert!(lab.reports().contains("dance") && !lab.reports().contains("The step ran."));
}

fn a_panic_ends_with_70_and_is_reported_like_a_failure() {
    let lab = Lab::new();
    let (status, log) = lab.run(&[("what", "panic"), TOKEN]);
    assert_eq!(status, 70, "{log}");
    assert!(log.contains("a defect near"), "{log}");
    assert!(lab.reports().contains("a defect near"));
}

fn no_ending_shows_a_secret() {
    // Given, or by the default of the input, and of several lines, which the failure block indents; what begins a message
    // gets a capital letter.
    const LINES: [&str; 2] = ["q~7", "x~9"];
    let of_lines = LINES.join("\n");
    for secret in [TOKEN, ("TOKEN_OF_THE_BUILD", TOKEN.1), ("token", &of_lines)] {
        for what in ["succeed", "fail", "leak", "panic", "dance"] {
            let lab = Lab::new();
            let (_, log) = lab.run(&[("what", what), secret]);
            let all = (log + &lab.reports()).to_lowercase();
            for shown in [TOKEN.1, LINES[0], LINES[1]] {
                assert!(!all.contains(shown), "{what}: {all}");
            }
        }
    }
}

fn what_a_step_holds_is_gone_after_every_ending() {
    for what in ["succeed", "fail", "lane", "panic"] {
        let lab = Lab::new();
        let (_, log) = lab.run(&[("what", what)]);
        let line = log.lines().find(|line| line.contains("directory:")).unwrap();
        let directory = line.split("directory: ").nth(1).unwrap();
        assert!(!Path::new(directory).exists(), "{what}: {directory}");
        assert!(lab.is_clean(), "{what}");
    }
}

fn a_signal_ends_with_its_status_after_the_hooks_and_the_cleanup() {
    for (signal, status) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
        let lab = Lab::new();
        let mut child = lab.start(&[("what", "wait")]);
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("waiting") {
            line.clear();
            assert!(printed.read_line(&mut line).unwrap() > 0, "the step ended early");
        }
        let id = child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.unwrap().success());
        let mut rest = String::new();
        printed.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(status), "{rest}");
        let name = format!("SIG{signal}");
        assert!(rest.contains("the hook ran") && rest.contains(&name), "{rest}");
        assert!(lab.is_clean() && lab.reports().contains(&name));
    }
}

macro_rules! claims {
    ($($claim:ident),* $(,)?) => {
        vec![$(Trial::test(stringify!($claim), || {
            $claim();
            Ok::<(), Failed>(())
        })),*]
    };
}

fn main() -> ExitCode {
    if std::env::var_os("RUN_AS_STEP").is_some() {
        return step_kit::run(MANIFEST, step);
    }
    let trials = claims![
        success_ends_with_0_and_leaves_summary_and_page,
        a_failure_ends_with_1_and_its_causes_and_the_hint_stand_last,
        the_status_of_another_program_is_the_steps,
        wrong_inputs_end_with_2_and_the_step_is_not_begun,
        a_panic_ends_with_70_and_is_reported_like_a_failure,
        no_ending_shows_a_secret,
        what_a_step_holds_is_gone_after_every_ending,
        a_signal_ends_with_its_status_after_the_hooks_and_the_cleanup,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
