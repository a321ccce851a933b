//! What people read: the complete log, the Markdown summary, and the exit status of every step in every kind of run.
//!
//! The wording is reviewed by reading `tests/snapshots/*.snap` alone. After a change of wording,
//! `INSTA_UPDATE=always cargo test -p e2e --test snapshots` writes them again; the difference is the review.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::io::Read as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use apple_sandbox::{Fault, Json, Kind, Sandbox, Seed, SeedAppleId};
use e2e::{Machine, ipa, secrets, terminate};

const ASC: &str = "step-auto-provision-asc";
const APPLE_ID: &str = "step-auto-provision-apple-id";
const FASTLANE: &str = "step-fastlane";
const DELIVER: &str = "step-deliver";
const APPLICATION_LOADER: &str = "step-application-loader";

/// The programs that scripts and steps may find besides the stand-ins: what else is installed must not show in a log.
const PROGRAMS: [&str; 14] = [
    "sh", "bash", "cat", "sed", "grep", "sleep", "env", "printf", "mkdir", "cp", "ln", "rm", "dirname",
    "basename",
];

/// A fastlane that succeeds.
const LANE_SUCCEEDS: &str = r#"[ "$1" = --version ] && { echo "fastlane 2.230.0"; exit 0; }
echo "[12:30:01]: Driving the lane 'beta'"; echo "[12:30:02]: fastlane.tools finished successfully""#;

/// A fastlane whose App Store Connect refuses: the words are Apple's and fastlane's (fastlane issue 20207).
const LANE_IS_REFUSED: &str = r#"[ "$1" = --version ] && { echo "fastlane 2.230.0"; exit 0; }
echo "[12:30:01]: Driving the lane 'beta'"
echo "[!] A required agreement is missing or has expired. - This request requires an in-effect agreement that has not been signed or has expired."
exit 1"#;

/// A fastlane that takes its time.
const LANE_HANGS: &str = r#"[ "$1" = --version ] && { echo "fastlane 2.230.0"; exit 0; }
echo "[12:30:01]: Driving the lane 'beta'"; : > "$STARTED"; sleep 60"#;

/// What happens to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scenario {
    Success,
    /// The same once more.
    NothingToDo,
    BadInput,
    NoAccount,
    RefusedByApple,
    MissingTool,
    Sigterm,
    /// A part of the connection can't be read, and the run succeeds.
    Warning,
    /// What would change.
    Plan,
}

use Scenario::*;

/// A step on its machine.
struct Stage {
    step: &'static str,
    machine: Machine,
    sandbox: Sandbox,
    inputs: Vec<(&'static str, String)>,
}

fn seed(step: &str, scenario: Scenario) -> Seed {
    let mut seed = Seed::default();
    let by_apple_id = step == APPLE_ID;
    if by_apple_id || scenario == NoAccount {
        for key in ["key_id", "issuer_id", "private_key"] {
            seed.connection.insert(key.to_owned(), Json::Null);
        }
    }
    seed.apple_id = SeedAppleId {
        connected: by_apple_id && scenario != NoAccount,
        ..SeedAppleId::default()
    };
    if scenario == Warning {
        let device = r#"[{"device_identifier": null, "title": "Grace's iPhone"}]"#;
        seed.connection
            .insert("test_devices".to_owned(), serde_json::from_str(device).unwrap());
    }
    seed
}

impl Stage {
    fn new(step: &'static str, scenario: Scenario) -> Self {
        let sandbox = Sandbox::start(&seed(step, scenario)).unwrap();
        let mut stage = Self {
            step,
            machine: Machine::new(),
            sandbox,
            inputs: Vec::new(),
        };
        stage.equip();
        stage.fill_in();
        stage.happen(scenario);
        stage
    }

    /// The machine, with nothing on it that differs from one to the next.
    fn equip(&mut self) {
        let machine = &mut self.machine;
        machine.meets(&self.sandbox);
        let programs = machine.path("tools/programs");
        std::fs::create_dir_all(&programs).unwrap();
        for name in PROGRAMS {
            let place = ["/usr/bin", "/bin"].map(|folder| PathBuf::from(folder).join(name));
            let real = place.iter().find(|path| path.exists()).unwrap();
            std::os::unix::fs::symlink(real, programs.join(name)).unwrap();
        }
        let path = format!("{}:{}", machine.path("tools/bin").display(), programs.display());
        let summary = machine.path("tools/summary.md").display().to_string();
        let started = machine.path("tools/started").display().to_string();
        machine
            .set("PATH", &path)
            .set("STARTED", &started)
            .set("BITRISE_STEP_FORMATTED_OUTPUT_FILE_PATH", &summary)
            .set("APPLE_STEPS_HEARTBEAT_SECONDS", "3600")
            .set("LANG", "C.UTF-8");
        machine.tool("fastlane", LANE_SUCCEEDS);
        machine.tool(
            "ruby",
            "echo 'ruby 3.4.1 (2024-12-25 revision 48d4efcb85) +PRISM [arm64-darwin24]'",
        );
        machine.tool("gem", "echo 'fastlane (2.230.0)'");
    }

    fn fill_in(&mut self) {
        let package = |machine: &Machine| machine.file("Courier.ipa", ipa(&[]));
        let inputs: Vec<(&'static str, String)> = match self.step {
            FASTLANE => vec![
                ("lane", "ios beta".to_owned()),
                ("update_fastlane", "false".to_owned()),
                ("enable_cache", "no".to_owned()),
            ],
            DELIVER => vec![
                ("ipa_path", package(&self.machine)),
                ("bundle_id", "com.example.courier".to_owned()),
                ("fastlane_version", String::new()),
                ("gemfile_path", String::new()),
            ],
            APPLICATION_LOADER => vec![
                ("ipa_path", package(&self.machine)),
                ("uploader", "native".to_owned()),
            ],
            APPLE_ID => vec![("generate_profiles", "yes".to_owned())],
            _ => Vec::new(),
        };
        self.inputs = inputs;
    }

    fn happen(&mut self, scenario: Scenario) {
        let signs = [ASC, APPLE_ID].contains(&self.step);
        let lanes = [FASTLANE, DELIVER].contains(&self.step);
        match scenario {
            BadInput => {
                let bad = ["distribution_type", "lane", "platform", "retries"];
                let key = match self.step {
                    FASTLANE => bad[1],
                    DELIVER => bad[2],
                    APPLICATION_LOADER => bad[3],
                    _ => bad[0],
                };
                self.inputs.retain(|(name, _)| *name != key);
                let value = if key == "lane" { "" } else { "many" };
                self.inputs.push((key, value.to_owned()));
                if self.step != APPLE_ID {
                    self.inputs.push(("connection", "sometimes".to_owned()));
                }
            }
            RefusedByApple if lanes => {
                self.machine.tool("fastlane", LANE_IS_REFUSED);
            }
            RefusedByApple if self.step == APPLE_ID => {
                self.sandbox
                    .fail(Fault::always("/services-account/", Kind::Agreement));
            }
            // One endpoint: several are asked at the same time, and the first answer would be told.
            RefusedByApple if signs => self
                .sandbox
                .fail(Fault::always("/v1/certificates", Kind::Agreement)),
            RefusedByApple => self.sandbox.fail(Fault::always("/v1/apps", Kind::Agreement)),
            MissingTool if signs => {
                self.machine.without("security");
            }
            MissingTool if lanes => {
                self.machine.without("fastlane").without("ruby").without("gem");
            }
            MissingTool => {
                self.machine.without("xcodebuild").without("xcrun");
                self.inputs.retain(|(name, _)| *name != "uploader");
                self.inputs.push(("uploader", "altool".to_owned()));
            }
            Sigterm if lanes => {
                self.machine.tool("fastlane", LANE_HANGS);
            }
            Sigterm => {
                let late = Kind::Latency { milliseconds: 60_000 };
                let where_ = match self.step {
                    APPLE_ID => "/services-account/",
                    APPLICATION_LOADER => "PUT /storage/",
                    _ => "/v1/",
                };
                self.sandbox.fail(Fault::always(where_, late));
            }
            Plan => self.inputs.push(("mode", "plan".to_owned())),
            Success | NothingToDo | NoAccount | Warning => {}
        }
    }

    fn inputs(&self) -> Vec<(&str, &str)> {
        self.inputs
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect()
    }

    /// The log and the exit status.
    fn run(&self, scenario: Scenario) -> (String, Option<i32>) {
        if scenario == Sigterm {
            return self.interrupt();
        }
        let mut run = self.machine.run(self.step, &self.inputs());
        if scenario == NothingToDo {
            let _ = std::fs::remove_file(self.machine.path("tools/summary.md"));
            run = self.machine.run(self.step, &self.inputs());
        }
        (run.text, run.status)
    }

    fn interrupt(&self) -> (String, Option<i32>) {
        let lanes = [FASTLANE, DELIVER].contains(&self.step);
        let mut child = self.machine.start(self.step, &self.inputs());
        let part = match self.step {
            APPLE_ID => "/services-account/",
            APPLICATION_LOADER => "/v1/buildUploadFiles",
            _ => "/v1/",
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        let is_waiting = || match lanes {
            true => self.machine.path("tools/started").exists(),
            // A request that Apple has not answered yet is not in the list.
            false if self.step == APPLICATION_LOADER => self
                .sandbox
                .state()
                .requests
                .iter()
                .any(|request| request.path.starts_with(part)),
            false => self
                .sandbox
                .state()
                .requests
                .iter()
                .any(|request| request.path.ends_with("data.json")),
        };
        while !is_waiting() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        // What the step prints until it waits is printed by then.
        std::thread::sleep(Duration::from_millis(1500));
        terminate(&child);
        let status = child.wait().unwrap().code();
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        (text, status)
    }

    /// What a person has afterwards.
    fn record(&self, scenario: Scenario) -> String {
        let before = secrets(&self.sandbox);
        let (log, status) = self.run(scenario);
        for secret in [before, secrets(&self.sandbox)].concat() {
            assert!(!log.contains(&secret), "`{secret}` was printed:\n{log}");
        }
        let summary = std::fs::read_to_string(self.machine.path("tools/summary.md")).unwrap_or_default();
        let status = status.map_or_else(|| "a signal".to_owned(), |status| status.to_string());
        let mut record = format!(
            "exit status: {status}\n\n---- log ----\n{}\n",
            colored(&log).trim_end()
        );
        record.push_str(&format!("\n---- summary ----\n{}\n", sorted(summary.trim_end())));
        let mut documents = e2e::files(&self.machine.path("deploy"));
        documents.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        documents.sort();
        for path in documents {
            let text = std::fs::read_to_string(&path).unwrap();
            record.push_str(&format!(
                "\n---- {} ----\n{text}\n",
                path.file_name().unwrap().display()
            ));
        }
        record
    }
}

/// The text with the lines of each list in order: changes are listed as they were answered, several at a time.
fn sorted(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let lists = lines.chunk_by(|one, other| one.starts_with("- ") == other.starts_with("- "));
    let mut all = Vec::new();
    for list in lists {
        let mut list = list.to_vec();
        if list[0].starts_with("- ") {
            list.sort_unstable();
        }
        all.extend(list);
    }
    all.join("\n")
}

/// The log with its colors as words: red, yellow, and blue mean failure, warning, and heading.
fn colored(log: &str) -> String {
    let mut text = log.replace("\u{1b}[0m", "");
    for (code, word) in [
        ("31", "{red}"),
        ("32", "{green}"),
        ("33", "{yellow}"),
        ("34", "{blue}"),
    ] {
        text = text.replace(&format!("\u{1b}[{code};1m"), word);
    }
    text
}

/// Compares with the snapshot, without what differs between machines and days.
fn compare(name: &str, text: &str, machine: Option<&Machine>) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(e2e::repository().join("e2e/tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut text = text.to_owned();
    if let Some(machine) = machine {
        text = text.replace(&machine.path("").display().to_string(), "[machine]/");
    }
    text = text.replace(&e2e::repository().display().to_string(), "[repository]");
    text = text.replace(env!("CARGO_PKG_VERSION"), "[version]");
    for (pattern, replacement) in [
        (r"http://127\.0\.0\.1:\d+", "http://[sandbox]"),
        (r"127\.0\.0\.1:\d+", "[sandbox]"),
        (
            r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
            "[uuid]",
        ),
        (
            r"\b\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?( ?UTC|Z|[+-]\d\d:?\d\d)?)?",
            "[date]",
        ),
        (r"\b[0-9A-Fa-f]{32,}\b", "[digest]"),
        (r"serial [0-9A-Fa-f]+", "serial [serial]"),
        (r#""serial": "[0-9A-F]+""#, r#""serial": "[serial]""#),
        (r"\b\d+(\.\d+)? ?(ms|s|seconds?|min|minutes?)\b", "[duration]"),
        (r"\b\d[\d.,]* ?(bytes|[kKMG]i?B)(/s)?\b", "[size]"),
        (r"\b\d[\d,]* (left|remaining)\b", "[n] $1"),
        (r"apple-steps-\w{6}", "[temporary]"),
    ] {
        settings.add_filter(pattern, replacement);
    }
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn check(step: &'static str, scenario: Scenario) {
    let stage = Stage::new(step, scenario);
    let record = stage.record(scenario);
    let name = format!("{}__{scenario:?}", step.trim_start_matches("step-"));
    compare(&name, &record, Some(&stage.machine));
}

/// A test for each scenario of each step, so that every difference is seen in one run.
macro_rules! scenarios {
    ($($module:ident: $step:ident [$($test:ident = $scenario:ident),* $(,)?])*) => {
        $(mod $module {
            $(#[test]
            fn $test() {
                super::check(super::$step, super::Scenario::$scenario);
            })*
        })*
    };
}

scenarios! {
    auto_provision_asc: ASC [
        success = Success, nothing_to_do = NothingToDo, bad_input = BadInput, no_account = NoAccount,
        refused_by_apple = RefusedByApple, missing_tool = MissingTool, sigterm = Sigterm, warning = Warning, plan = Plan,
    ]
    auto_provision_apple_id: APPLE_ID [
        success = Success, nothing_to_do = NothingToDo, bad_input = BadInput, no_account = NoAccount,
        refused_by_apple = RefusedByApple, missing_tool = MissingTool, sigterm = Sigterm, warning = Warning, plan = Plan,
    ]
    fastlane: FASTLANE [
        success = Success, nothing_to_do = NothingToDo, bad_input = BadInput, no_account = NoAccount,
        refused_by_apple = RefusedByApple, missing_tool = MissingTool, sigterm = Sigterm, warning = Warning,
    ]
    deliver: DELIVER [
        success = Success, nothing_to_do = NothingToDo, bad_input = BadInput, no_account = NoAccount,
        refused_by_apple = RefusedByApple, missing_tool = MissingTool, sigterm = Sigterm, warning = Warning,
    ]
    application_loader: APPLICATION_LOADER [
        success = Success, nothing_to_do = NothingToDo, bad_input = BadInput, no_account = NoAccount,
        refused_by_apple = RefusedByApple, missing_tool = MissingTool, sigterm = Sigterm, warning = Warning,
    ]
}

/// The last block of a log.
fn failure_block(log: &str) -> String {
    let log = colored(log);
    let start = log.rfind("{red}").unwrap_or(0);
    log[start..].trim_end().to_owned()
}

/// A name, what the sandbox does, and inputs.
type Case<'a> = (&'a str, Option<Fault>, &'a [(&'a str, &'a str)]);

/// Every failure that a release manager can meet while signing, one block after the other.
#[test]
fn failure_blocks_of_signing() {
    let fault = |on: &str, kind: Kind| Some(Fault::always(on, kind));
    let cases: [Case<'_>; 8] = [
        (
            "the key was revoked",
            fault("/v1/certificates", Kind::Unauthorized),
            &[],
        ),
        (
            "the role is too small",
            fault("/v1/certificates", Kind::Role),
            &[],
        ),
        (
            "the agreement is missing",
            fault("/v1/certificates", Kind::Agreement),
            &[],
        ),
        (
            "the project is missing",
            None,
            &[("project_path", "/nowhere/App.xcodeproj")],
        ),
        ("the scheme is missing", None, &[("scheme", "Currier")]),
        (
            "the configuration is missing",
            None,
            &[("configuration", "Relaese")],
        ),
        ("the passphrase is wrong", None, &[("passphrases", "wrong|wrong")]),
        (
            "the certificate is missing",
            None,
            &[("certificate_urls", "/nowhere/ios.p12"), ("passphrases", "x")],
        ),
    ];
    let mut blocks = String::new();
    let mut last = None;
    for (name, fault, inputs) in cases {
        let stage = Stage::new(ASC, Success);
        if let Some(fault) = fault {
            stage.sandbox.fail(fault);
        }
        let run = stage.machine.run(ASC, inputs);
        let root = stage.machine.path("").display().to_string();
        let block = failure_block(&run.text).replace(&root, "[machine]/");
        blocks.push_str(&format!("# {name} (exit status {:?})\n{block}\n\n", run.status));
        last = Some(stage);
    }
    compare(
        "failures__signing",
        &blocks,
        last.as_ref().map(|stage| &stage.machine),
    );
}

#[test]
fn help() {
    let help = |words: &[&str]| {
        let output = std::process::Command::new(e2e::binary("apple-sandbox"))
            .args(words)
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        format!(
            "$ apple-sandbox {}\n{}[{}]\n\n",
            words.join(" "),
            String::from_utf8_lossy(&text),
            output.status
        )
    };
    let all: String = [&["--help"][..], &["--bogus"]]
        .iter()
        .map(|words| help(words))
        .collect();
    compare("help__apple-sandbox", &all, None);
}
