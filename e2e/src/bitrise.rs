//! Runs workflows of a `bitrise.yml` as the Bitrise CLI does, where that is not installed.
//!
//! Facts: steps inherit the environment, workflow variables and the outputs of earlier steps; inputs that the manifest
//! does not list are dropped, the others have its defaults; both are expanded. After a failed step only those with
//! `is_always_run` run; `is_skippable` keeps a failure from failing the build; `run_if: .IsCI` holds where `CI` is `true`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use apple_sandbox::tools::envman;
use serde_yaml::Value;

/// A build.
pub struct Build {
    document: Value,
    root: PathBuf,
    store: PathBuf,
    variables: BTreeMap<String, String>,
    failed: bool,
    log: String,
}

/// What became of a build.
#[derive(Debug)]
pub struct Built {
    /// Whether every step succeeded that had to.
    pub succeeded: bool,
    /// Everything that was printed.
    pub log: String,
}

/// Runs a workflow of `file`, with its `before_run` and `after_run`, in `root`. `variables` come on top of the
/// environment.
pub fn run(file: &Path, workflow: &str, root: &Path, variables: &[(&str, String)]) -> Built {
    let text = std::fs::read_to_string(file).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut build = Build {
        document: serde_yaml::from_str(&text).unwrap(),
        root: root.to_owned(),
        store: folder.path().join("envstore.yml"),
        variables: variables
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect(),
        failed: false,
        log: String::new(),
    };
    build.workflow(workflow);
    Built {
        succeeded: !build.failed,
        log: build.log,
    }
}

impl Build {
    fn workflow(&mut self, name: &str) {
        let workflow = self.document["workflows"][name].clone();
        assert!(workflow.is_mapping(), "there is no workflow {name}");
        for before in texts(&workflow["before_run"]) {
            self.workflow(&before);
        }
        for step in workflow["steps"].as_sequence().cloned().unwrap_or_default() {
            let step = step.as_mapping().unwrap();
            let (reference, options) = step.iter().next().unwrap();
            self.step(reference.as_str().unwrap(), options);
        }
        for after in texts(&workflow["after_run"]) {
            self.workflow(&after);
        }
    }

    fn step(&mut self, reference: &str, options: &Value) {
        if self.failed && options["is_always_run"] != Value::Bool(true) {
            return;
        }
        let only_on_ci = options["run_if"].as_str() == Some(".IsCI");
        if only_on_ci && self.variables.get("CI").map(String::as_str) != Some("true") {
            return;
        }
        let mut command = match reference.strip_prefix("path::") {
            Some(path) => self.path_step(&self.root.join(path)),
            None => {
                assert!(
                    reference == "script" || reference.starts_with("script@"),
                    "no such step: {reference}"
                );
                Command::new("bash")
            }
        };
        let given = pairs(&options["inputs"]);
        match reference.strip_prefix("path::") {
            Some(path) => {
                let manifest = std::fs::read_to_string(self.root.join(path).join("step.yml")).unwrap();
                let manifest: Value = serde_yaml::from_str(&manifest).unwrap();
                for (key, default) in pairs(&manifest["inputs"]) {
                    let value = given
                        .iter()
                        .find(|(name, _)| *name == key)
                        .map_or(default, |(_, value)| value.clone());
                    command.env(key, self.expanded(&value));
                }
            }
            None => {
                let content = given
                    .iter()
                    .find(|(key, _)| key == "content")
                    .map(|(_, text)| text.as_str());
                let script = self.store.with_file_name("script.sh");
                std::fs::write(&script, content.unwrap_or_default()).unwrap();
                command.arg(script);
            }
        }
        for (key, _) in std::env::vars_os().filter(|(key, _)| crate::is_cargos(key)) {
            command.env_remove(key);
        }
        let output = command
            .current_dir(&self.root)
            .envs(&self.variables)
            .env("ENVMAN_ENVSTORE_PATH", &self.store)
            .output()
            .unwrap();
        self.log.push_str(&String::from_utf8_lossy(&output.stdout));
        self.log.push_str(&String::from_utf8_lossy(&output.stderr));
        let outputs = std::fs::read_to_string(&self.store).unwrap_or_default();
        self.variables.extend(envman::read(&outputs));
        if !output.status.success() && options["is_skippable"] != Value::Bool(true) {
            self.failed = true;
        }
    }

    /// The CLI copies the step's directory, and nothing else, before it runs its entry.
    fn path_step(&self, folder: &Path) -> Command {
        let copy = self.store.with_file_name("step");
        let _ = std::fs::remove_dir_all(&copy);
        crate::copy_tree(folder, &copy);
        let mut command = Command::new("bash");
        command.arg(copy.join("step.sh"));
        command
    }

    fn expanded(&self, text: &str) -> String {
        let value = |name: &str| {
            let own = self.variables.get(name).cloned();
            own.or_else(|| std::env::var(name).ok()).unwrap_or_default()
        };
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            if let Some((name, tail)) = braced {
                out.push_str(&value(name));
                rest = tail;
                continue;
            }
            let end = after
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(after.len());
            if end == 0 {
                out.push('$');
            } else {
                out.push_str(&value(&after[..end]));
            }
            rest = &after[end..];
        }
        out + rest
    }
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_sequence().cloned().unwrap_or_default();
    items
        .iter()
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

/// A list of inputs: each a mapping whose first key that is not `opts` has the value.
fn pairs(list: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for input in list
        .as_sequence()
        .into_iter()
        .flatten()
        .filter_map(Value::as_mapping)
    {
        let first = input.iter().find(|(key, _)| key.as_str() != Some("opts"));
        let Some((key, value)) = first else { continue };
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => serde_yaml::to_string(other).unwrap().trim().to_owned(),
        };
        all.push((key.as_str().unwrap().to_owned(), text));
    }
    all
}
