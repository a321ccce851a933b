//! The ways by which a workflow comes to a step: a step library as stepman activates it, a git reference, a path. From what
//! `cargo xtask dist` wrote alone, over HTTPS; and every YAML block of the README is run.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use apple_sandbox::{Sandbox, Seed, tools};
use e2e::host::Host;
use e2e::{Machine, binary, bitrise, copy_tree, repository};

const LIBRARY: &str = "https://github.com/apple-steps/apple-steps-steplib.git";
const REPOSITORY: &str = "https://github.com/apple-steps/apple-steps.git";

/// A release on a host, the library's repository, and a machine that meets the sandbox.
struct Lab {
    /// One at a time: a program that is copied while another thread starts a process is open for writing in that process,
    /// and can't be run.
    _alone: MutexGuard<'static, ()>,
    machine: Machine,
    _sandbox: Sandbox,
    host: Host,
    variables: Vec<(&'static str, String)>,
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

fn xtask() -> Command {
    let mut command = Command::new(binary("xtask"));
    command.env("CARGO_MANIFEST_DIR", repository().join("xtask"));
    command
}

/// Makes a git repository of a folder, with everything in it on the branch `main`, and a tag.
fn commit(folder: &Path) {
    for arguments in [
        &["init", "--quiet", "--initial-branch", "main"][..],
        &["add", "--all"],
        &[
            "-c",
            "user.name=Ada",
            "-c",
            "user.email=ada@example.com",
            "commit",
            "--quiet",
            "--message",
            "A release",
        ],
        &["tag", "0.1.0"],
    ] {
        run(Command::new("git").args(arguments).current_dir(folder));
    }
}

impl Lab {
    fn new() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let sandbox = Sandbox::start(&Seed::default()).unwrap();
        let mut machine = Machine::new();
        machine.meets(&sandbox);
        let release = machine.path("release");
        std::fs::create_dir(&release).unwrap();
        let host = Host::serve(&release);
        let binaries = binary("step-deliver").parent().unwrap().to_owned();
        run(xtask()
            .args(["dist", "--commit", "2b12465f0c3b4a5d6e7f8091a2b3c4d5e6f70819"])
            .args(["--published-at", "2026-11-25T12:00:00Z", "--url", &host.url])
            .arg("--binaries")
            .arg(&binaries)
            .arg("--out")
            .arg(&release));
        copy_tree(&release.join("steplib"), &machine.path("library"));
        commit(&machine.path("library"));
        let package = machine.file("Courier.ipa", e2e::ipa(&[]));
        // fastlane and the gems are installed already; what they do is not what is shown here.
        machine.tool("fastlane", "[ \"$1\" = --version ] && { echo 'fastlane 2.230.0'; exit 0; }; echo 'fastlane.tools finished successfully'");
        machine.tool("gem", "[ \"$1\" = list ] && echo 'fastlane (2.230.0)'; exit 0");
        let path = std::env::var("PATH").unwrap();
        let mut variables = vec![
            ("PATH", format!("{}:{path}", machine.path("tools/bin").display())),
            (tools::DIRECTORY, machine.path("tools").display().to_string()),
            ("HOME", machine.path("home").display().to_string()),
            ("TMPDIR", machine.path("tmp").display().to_string()),
            ("CURL_CA_BUNDLE", host.certificate.display().to_string()),
            ("BITRISE_KEYCHAIN_PASSWORD", e2e::KEYCHAIN_PASSWORD.to_owned()),
            (
                "BITRISE_SOURCE_DIR",
                machine.path("project").display().to_string(),
            ),
            (
                "BITRISE_PROJECT_PATH",
                machine.path("project/Courier.xcodeproj").display().to_string(),
            ),
            ("BITRISE_SCHEME", "Courier".to_owned()),
            ("BITRISE_IPA_PATH", package),
        ];
        for (key, value) in sandbox.environment() {
            variables.push((Box::leak(key.into_boxed_str()), value));
        }
        Self {
            _alone: alone,
            machine,
            _sandbox: sandbox,
            host,
            variables,
        }
    }

    fn executable(&self) -> PathBuf {
        let folder = self.machine.path("release/executables/auto-provision-asc/0.1.0");
        std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
    }

    /// Runs one step of the library that plans.
    fn plan(&self, version: &str, more: &[(&'static str, String)]) -> bitrise::Built {
        let text = format!(
            "workflows:\n  plan:\n    steps:\n    - file://{}::auto-provision-asc{version}:\n        inputs:\n        - mode: plan\n        - verbose_log: no\n",
            self.machine.path("library").display()
        );
        let variables = [&self.variables[..], more].concat();
        bitrise::run_text(&text, "plan", &self.machine.path("project"), &variables)
    }

    fn precompiled(&self) -> Vec<(&'static str, String)> {
        vec![
            ("BITRISE_EXPERIMENT_PRECOMPILED_STEPS", "true".to_owned()),
            ("BITRISE_PRECOMPILED_STEPS_STORAGE_URLS", self.host.url.clone()),
        ]
    }
}

#[test]
fn stepman_activates_every_step_of_a_release_by_executable_and_by_archive() {
    let lab = Lab::new();
    run(xtask()
        .args(["check-dist", "--any-binary", "--dir"])
        .arg(lab.machine.path("release")));

    // By executable.
    let built = lab.plan("@0.1.0", &lab.precompiled());
    assert!(built.succeeded, "{}", built.log);
    assert!(built.log.contains("create-bundle-id"), "{}", built.log);
    let requests = lab.host.requests();
    assert!(
        requests.len() == 1 && requests[0].starts_with("executables/auto-provision-asc/0.1.0/"),
        "{requests:?}"
    );
    // `verbose_log: no` without quotes is `false` to the CLI.
    assert!(
        built.log.contains("Write `verbose_log: \"no\"`."),
        "{}",
        built.log
    );

    // By archive, for every way to pin a version; the executable is downloaded once.
    for (number, version) in ["@0.1.0", "@0.1", "@0", ""].into_iter().enumerate() {
        let built = lab.plan(version, &[]);
        assert!(
            built.succeeded && built.log.contains("create-bundle-id"),
            "{}",
            built.log
        );
        assert_eq!(built.log.contains("Downloading"), number == 0, "{}", built.log);
    }
    let requests = lab.host.requests();
    assert_eq!(
        requests.iter().filter(|path| path.ends_with("step.zip")).count(),
        4,
        "{requests:?}"
    );
    assert_eq!(requests.len(), 5, "{requests:?}");

    // Icons are where the library says.
    let collection = std::fs::read_to_string(lab.machine.path("library/steplib.yml")).unwrap();
    let collection = step_yaml::read(&collection).unwrap();
    let base = collection.get("assets_download_base_uri").unwrap().text();
    run(Command::new("curl")
        .args(["--fail", "--silent", "--output", "/dev/null"])
        .arg(format!("{base}/deliver/assets/icon.svg"))
        .env("CURL_CA_BUNDLE", &lab.host.certificate));

    // Nothing that was changed on the way is run.
    let executable = lab.executable();
    let mut bytes = std::fs::read(&executable).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&executable, bytes).unwrap();
    std::fs::remove_dir_all(lab.machine.path("home/.cache")).unwrap();
    let built = lab.plan("@0.1.0", &lab.precompiled());
    assert!(
        !built.succeeded && built.log.contains("is not what release 0.1.0 was published with"),
        "{}",
        built.log
    );
    assert!(!built.log.contains("create-bundle-id"), "{}", built.log);
    let output = xtask()
        .args(["check-dist", "--any-binary", "--dir"])
        .arg(lab.machine.path("release"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && text.contains("is not what SHA256SUMS says"),
        "{text}"
    );
    // Whatever else lies in the folder would be shipped with it.
    std::fs::write(lab.machine.path("release/.fingerprint"), "").unwrap();
    let output = xtask()
        .args(["dist", "--out"])
        .arg(lab.machine.path("release"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && text.contains("release/.fingerprint is no part of a release: remove it"),
        "{text}"
    );
    // A host that is not HTTPS is refused by stepman, and so by `dist`.
    let output = xtask()
        .args(["dist", "--url", "http://example.com"])
        .output()
        .unwrap();
    assert!(!output.status.success());
}

/// The blocks of YAML in a Markdown file.
fn blocks(markdown: &str) -> Vec<String> {
    markdown
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .map(|block| format!("{block}\n"))
        .collect()
}

#[test]
fn every_yaml_block_of_the_readme_runs() {
    let lab = Lab::new();
    // What git:: clones: this checkout, without what is not committed elsewhere.
    let clone = lab.machine.path("apple-steps");
    std::fs::create_dir_all(clone.join("steps")).unwrap();
    for name in ["step.yml", "step.sh"] {
        std::fs::copy(repository().join(name), clone.join(name)).unwrap();
    }
    for step in std::fs::read_dir(repository().join("steps")).unwrap().flatten() {
        let folder = clone.join("steps").join(step.file_name());
        std::fs::create_dir(&folder).unwrap();
        std::fs::copy(step.path().join("step.sh"), folder.join("step.sh")).unwrap();
    }
    commit(&clone);
    // What `cargo xtask stage` lays out beside the app's repository.
    for step in std::fs::read_dir(repository().join("steps")).unwrap().flatten() {
        let name = step.file_name().to_string_lossy().into_owned();
        let folder = clone.join("target/steps").join(&name);
        std::fs::create_dir_all(&folder).unwrap();
        for file in ["step.yml", "step.sh"] {
            std::fs::copy(step.path().join(file), folder.join(file)).unwrap();
        }
        let program = format!("step-{name}");
        std::fs::copy(binary(&program), folder.join(&program)).unwrap();
    }
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let blocks = blocks(&readme);
    assert!(
        blocks.len() >= 3,
        "the README shows {} blocks of YAML",
        blocks.len()
    );
    let url = |name: &str| format!("file://{}", lab.machine.path(name).display());
    let binaries = binary("step-deliver").parent().unwrap().display().to_string();
    let mut seen = String::new();
    for block in blocks {
        let text = block
            .replace(LIBRARY, &url("library"))
            .replace(REPOSITORY, &url("apple-steps"));
        let document = step_yaml::read(&text).unwrap();
        let workflows = document.get("workflows").and_then(step_yaml::Value::as_mapping);
        for (workflow, _) in workflows
            .unwrap_or_else(|| panic!("no workflows in:\n{block}"))
            .iter()
        {
            // Sources are built with cargo, which other tests show; here its result is at hand.
            let more = [("APPLE_STEPS_BIN_DIR", binaries.clone())];
            let variables = [&lab.variables[..], &more].concat();
            let built = bitrise::run_text(&text, workflow, &lab.machine.path("project"), &variables);
            assert!(built.succeeded, "{block}\n{}", built.log);
        }
        seen.push_str(&block);
    }
    for form in ["git::", "path::", LIBRARY] {
        assert!(seen.contains(form), "the README does not show {form}");
    }
}
