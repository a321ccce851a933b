//! Runs workflows of a `bitrise.yml` as the Bitrise CLI does, where that is not installed.
//!
//! Facts: YAML is read as YAML 1.1 (`step_yaml`, after gopkg.in/yaml.v2), so `no` without quotes reaches a step as `false`.
//! Steps inherit the environment, workflow variables and the outputs of earlier steps; inputs that the manifest
//! does not list are dropped, the others have its defaults; both are expanded. After a failed step only those with
//! `is_always_run` run; `is_skippable` keeps a failure from failing the build; `run_if: .IsCI` holds where `CI` is `true`.
//! `path::` copies the step's directory; `git::URL@BRANCH` clones a repository, whose `step.yml` is at its root;
//! `LIBRARY::ID@VERSION` is activated by stepman.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use apple_sandbox::tools::envman;
use step_yaml::Value;

use crate::stepman;

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

/// A step that is ready to run.
struct Activated {
    command: Command,
    manifest: Value,
}

/// Runs a workflow of `file`, with its `before_run` and `after_run`, in `root`. `variables` come on top of the
/// environment.
pub fn run(file: &Path, workflow: &str, root: &Path, variables: &[(&str, String)]) -> Built {
    let text = std::fs::read_to_string(file).unwrap();
    run_text(&text, workflow, root, variables)
}

/// [`run`], for the text of a `bitrise.yml`.
pub fn run_text(text: &str, workflow: &str, root: &Path, variables: &[(&str, String)]) -> Built {
    let folder = tempfile::tempdir().unwrap();
    let mut build = Build {
        document: step_yaml::read(text).unwrap(),
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
        let workflow = self
            .document
            .get("workflows")
            .and_then(|all| all.get(name))
            .cloned();
        let workflow = workflow.unwrap_or_else(|| panic!("there is no workflow {name}"));
        for before in texts(workflow.get("before_run")) {
            self.workflow(&before);
        }
        for step in workflow.get("steps").map(Value::items).unwrap_or_default() {
            let (reference, options) = step.as_mapping().unwrap().iter().next().unwrap();
            self.step(reference, options);
        }
        for after in texts(workflow.get("after_run")) {
            self.workflow(&after);
        }
    }

    fn step(&mut self, reference: &str, options: &Value) {
        let is = |option: &str| options.get(option).and_then(Value::as_bool) == Some(true);
        if self.failed && !is("is_always_run") {
            // The CLI prepares a step before it finds that it must not run.
            if reference.starts_with("path::")
                && let Err(problem) = self.activate(reference)
            {
                self.log
                    .push_str(&format!("failed to prepare the step {reference}: {problem}\n"));
            }
            return;
        }
        let only_on_ci = options.get("run_if").and_then(Value::as_str) == Some(".IsCI");
        if only_on_ci && self.variables.get("CI").map(String::as_str) != Some("true") {
            return;
        }
        let given = pairs(options.get("inputs"));
        let command = if reference == "script" || reference.starts_with("script@") {
            Ok(self.script(&given))
        } else {
            self.activate(reference).map(|mut step| {
                for (key, default) in pairs(step.manifest.get("inputs")) {
                    let value = given
                        .iter()
                        .find(|(name, _)| *name == key)
                        .map_or(default, |(_, value)| value.clone());
                    step.command.env(key, self.expanded(&value));
                }
                step.command
            })
        };
        let succeeded = match command {
            Ok(command) => self.execute(command),
            Err(problem) => {
                self.log
                    .push_str(&format!("failed to prepare the step {reference}: {problem}\n"));
                false
            }
        };
        if !succeeded && !is("is_skippable") {
            self.failed = true;
        }
    }

    fn execute(&mut self, mut command: Command) -> bool {
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
        output.status.success()
    }

    fn script(&self, given: &[(String, String)]) -> Command {
        let content = given.iter().find(|(key, _)| key == "content");
        let script = self.store.with_file_name("script.sh");
        std::fs::write(
            &script,
            content.map(|(_, text)| text.as_str()).unwrap_or_default(),
        )
        .unwrap();
        let mut command = Command::new("bash");
        command.arg(script);
        command
    }

    fn activate(&mut self, reference: &str) -> Result<Activated, String> {
        let folder = self.store.with_file_name("step");
        let _ = std::fs::remove_dir_all(&folder);
        if let Some(path) = reference.strip_prefix("path::") {
            let source = self.root.join(path);
            if !source.is_dir() {
                return Err(format!("directory {} doesn't exist", source.display()));
            }
            crate::copy_tree(&source, &folder);
        } else if let Some(rest) = reference.strip_prefix("git::") {
            let (address, branch) = rest.rsplit_once('@').ok_or("no branch or tag")?;
            stepman::clone(address, Some(branch), &folder)?;
        } else {
            let (library, id) = reference.rsplit_once("::").ok_or("no such step")?;
            let activated = stepman::activate(library, id, &folder, &self.variables)?;
            if let Some(problem) = activated.fallback {
                self.log.push_str(&format!(
                    "no executable, fallback to step source activation: {problem}\n"
                ));
            }
            let command = match activated.executable {
                Some(executable) => Command::new(executable),
                None => script_of(&folder, &activated.manifest),
            };
            return Ok(Activated {
                command,
                manifest: activated.manifest,
            });
        }
        let manifest = std::fs::read_to_string(folder.join("step.yml")).map_err(|error| error.to_string())?;
        let manifest = step_yaml::read(&manifest).map_err(|error| error.to_string())?;
        Ok(Activated {
            command: script_of(&folder, &manifest),
            manifest,
        })
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

/// How the bash toolkit runs a step.
fn script_of(folder: &Path, manifest: &Value) -> Command {
    let toolkit = manifest.get("toolkit").and_then(|toolkit| toolkit.get("bash"));
    let entry = toolkit.and_then(|bash| bash.get("entry_file")).map(Value::text);
    let mut command = Command::new("bash");
    command.arg(folder.join(entry.unwrap_or_else(|| "step.sh".to_owned())));
    command
}

fn texts(list: Option<&Value>) -> Vec<String> {
    list.map(Value::items)
        .unwrap_or_default()
        .iter()
        .map(Value::text)
        .collect()
}

/// A list of inputs: each a mapping whose first key that is not `opts` has the value, as the CLI hands it over.
fn pairs(list: Option<&Value>) -> Vec<(String, String)> {
    let items = list.map(Value::items).unwrap_or_default();
    items
        .iter()
        .filter_map(Value::as_mapping)
        .filter_map(|input| input.iter().find(|(key, _)| *key != "opts"))
        .map(|(key, value)| (key.to_owned(), value.text()))
        .collect()
}
