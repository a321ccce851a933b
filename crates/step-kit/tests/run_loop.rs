//! The run loop from process start to exit code: this binary is also the step that it starts.
//!
//! Behaviors that these tests hold:
//!
//! 1. A failure keeps its exit status, and a panic is one with 70.
//! 2. Sensitive inputs are masked in the log, in the failure, and in both reports.
//! 3. Every ending has its reports.
//! 4. A signal runs the shutdown hooks, and ends the run with the signal's status.
//! 5. Private directories are gone at the end, and those of killed runs at the next start.
//! 6. What the machine lacks (a temporary directory, envman, Bitrise's file of large values) is said with what to do, in the
//!    log and in the reports; what was done before stays in them.
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
use step_kit::{Advice as _, Extra, Input, Manifest, Output, Secret, Step};

const INPUT: Input = Input {
    key: "what",
    default: "succeed",
    title: "What the step does",
    options: &["succeed", "fail", "leak", "lane", "panic", "wait", "export"],
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
        Input {
            key: "notes",
            default: "",
            title: "Notes",
            options: &[],
            required: false,
            ..INPUT
        },
        Input {
            key: "loud",
            default: "no",
            title: "Whether it is loud",
            options: &["yes", "no"],
            required: false,
            ..INPUT
        },
        Input {
            key: "text",
            default: "a text",
            title: "A text",
            options: &[],
            ..INPUT
        },
    ],
    outputs: &[Output {
        key: "RESULT",
        sensitive: false,
    }],
};

const TOKEN: (&str, &str) = ("token", "s3cr3t-token-value");

#[derive(Debug, Deserialize)]
struct Inputs {
    what: String,
    token: Option<Secret>,
}

/// What the tests read of an envman that does not work.
const REFUSAL: &str = "the store is locked";

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
        "export" => Ok(step.export("RESULT", "42").await?),
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

/// All that a run says: the log from the first line after the inputs, and the reports without markup.
fn said(lab: &Lab, inputs: &[(&str, &str)], status: i32) -> [String; 2] {
    let (ended, log) = lab.run(inputs);
    assert_eq!(ended, status, "{log}");
    let plain = |text: String| text.replace("<wbr>", "").replace("&#x27;", "'");
    [log, plain(lab.reports())]
}

fn a_temporary_directory_that_cant_be_written_is_named_with_what_to_do() {
    let lab = Lab::new();
    std::fs::write(lab.path("file"), "").unwrap();
    let file = lab.path("file").display().to_string();
    for directory in ["/nowhere/at/all", &file, "/proc", "no such folder"] {
        let given = format!("`{directory}`");
        for text in said(&lab, &[("TMPDIR", directory)], 1) {
            // The page has no backticks.
            for words in [
                "ould not write to the temporary directory",
                "check that TMPDIR, which is ",
                "can be written",
                given.trim_matches('`'),
            ] {
                assert!(text.contains(words), "{directory}: `{words}`\n{text}");
            }
        }
    }
    // An empty one names none, and not the working directory; a relative one is below that.
    let (status, log) = lab.run(&[("TMPDIR", "")]);
    assert!(
        status == 0 && log.contains("directory: /tmp/apple-steps-"),
        "{log}"
    );
    let here = std::env::current_dir().unwrap().display().to_string();
    let (status, log) = lab.run(&[("TMPDIR", ".")]);
    assert!(
        status == 0 && log.contains(&format!("directory: {here}/")),
        "{log}"
    );
}

fn what_was_done_stays_in_the_reports_when_an_output_cant_be_exported() {
    let lab = Lab::new();
    let tools = lab.path("tools");
    std::fs::create_dir_all(&tools).unwrap();
    let path = format!("{}:/usr/bin:/bin", tools.display());
    let store = lab.path("nowhere/store.yml").display().to_string();
    let inputs = [("what", "export"), ("ENVMAN_ENVSTORE_PATH", store.as_str())];
    for text in said(&lab, &inputs, 1) {
        assert!(
            text.contains("add the directory of the Bitrise CLI to PATH"),
            "{text}"
        );
    }
    let script = format!("#!/bin/sh\ncat >/dev/null\necho '{REFUSAL}' >&2\nexit 1\n");
    std::fs::write(tools.join("envman"), script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(tools.join("envman"), mode).unwrap();
    let [log, reports] = said(&lab, &[inputs[0], inputs[1], ("PATH", &path)], 1);
    for text in [&log, &reports] {
        for words in [
            REFUSAL,
            "RESULT",
            "check that envman works",
            "ENVMAN_ENVSTORE_PATH",
        ] {
            assert!(text.contains(words), "`{words}`\n{text}");
        }
    }
    assert!(reports.contains("The step ran."), "{reports}");
}

// The file's shape is that of `EnvFile` in `envfile/envfile.go` of the Bitrise CLI (July 2026); the CLI has expanded
// `$RELEASE_NOTES` in an input to nothing.
fn an_input_that_is_empty_because_its_variable_was_removed_is_pointed_out() {
    let lab = Lab::new();
    let file = lab.path("large.yml");
    let path = file.display().to_string();
    let write = |content: &str| std::fs::write(&file, content).unwrap();
    let warned = |text: &str| text.contains("RELEASE_NOTES") && text.contains("because of its size");
    write("envs:\n  RELEASE_NOTES: long\nerased_envs:\n- RELEASE_NOTES\n");
    let file_of = ("BITRISEIO_ENVFILE_PATH", path.as_str());
    for text in said(&lab, &[file_of, ("notes", "")], 0) {
        assert!(warned(&text) && text.contains("notes"), "{text}");
        // Inputs with listed values hold no long text.
        assert!(!text.contains("`loud`"), "{text}");
    }
    // With another wrong input, too.
    for text in said(&lab, &[file_of, ("notes", ""), ("what", "dance")], 2) {
        assert!(warned(&text), "{text}");
    }
    // Nothing is empty; or the variable came back, by the default of an input or as an input itself.
    let fine = [
        ("RELEASE_NOTES", vec![("notes", "some")]),
        ("RELEASE_NOTES", vec![]),
        ("TOKEN_OF_THE_BUILD", vec![("token", ""), ("notes", "")]),
        ("text", vec![("text", ""), ("notes", "")]),
    ];
    for (variable, inputs) in fine {
        let lab = Lab::new();
        write(&format!(
            "envs:\n  {variable}: long-value\nerased_envs:\n- {variable}\n"
        ));
        let inputs: Vec<_> = inputs.into_iter().chain([file_of]).collect();
        let [log, reports] = said(&lab, &inputs, 0);
        assert!(!(log + &reports).contains("because of"), "{variable}");
    }
    // It did not: its value is not in the file.
    let lab = Lab::new();
    write("erased_envs:\n- TOKEN_OF_THE_BUILD\n- OTHER\n");
    for text in said(&lab, &[file_of, ("token", "")], 0) {
        assert!(
            text.contains("TOKEN_OF_THE_BUILD") && text.contains("OTHER"),
            "{text}"
        );
        assert!(text.contains("because of their size"), "{text}");
    }
}

fn a_file_of_large_values_that_cant_be_read_is_in_every_report() {
    for content in [None, Some("envs: {KEY: 's3cret"), Some("- KEY"), Some("envs: 7")] {
        for (inputs, status) in [(&[][..], 0), (&[("text", "")], 2), (&[("what", "dance")], 2)] {
            let lab = Lab::new();
            let file = lab.path("large.yml");
            let path = file.display().to_string();
            if let Some(content) = content {
                std::fs::write(&file, content).unwrap();
            }
            let file_of = ("BITRISEIO_ENVFILE_PATH", path.as_str());
            let inputs: Vec<_> = inputs.iter().copied().chain([file_of]).collect();
            for text in said(&lab, &inputs, status) {
                assert!(
                    text.contains("BITRISEIO_ENVFILE_PATH") && text.contains("can't be read"),
                    "{content:?}\n{text}"
                );
                assert!(!text.contains("s3cret"), "{text}");
            }
        }
    }
}

fn warnings_about_inputs_are_shown_beside_what_is_wrong_with_others() {
    for (value, origin) in [
        ("true", ", which is what YAML makes of `yes` without quotes"),
        ("On", ""),
        ("TRUE", ""),
        ("Y", ""),
    ] {
        let (status, log) = Lab::new().run(&[("loud", value), ("what", "dance")]);
        assert_eq!(status, 2, "{log}");
        let words = format!("`loud` is `{value}`{origin}; the step takes it for `yes`.");
        assert!(log.contains(&words), "{log}");
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
        a_temporary_directory_that_cant_be_written_is_named_with_what_to_do,
        what_was_done_stays_in_the_reports_when_an_output_cant_be_exported,
        an_input_that_is_empty_because_its_variable_was_removed_is_pointed_out,
        a_file_of_large_values_that_cant_be_read_is_in_every_report,
        warnings_about_inputs_are_shown_beside_what_is_wrong_with_others,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
