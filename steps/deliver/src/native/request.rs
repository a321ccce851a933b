//! What the user asks of deliver, from every place in which fastlane looks: inputs, variables, Deliverfile, Appfile.

use std::path::{Path, PathBuf};

use app_package::Format;
use app_store_release::desired::{self, Assembled};
use app_store_release::{Problem, deliverfile, options};
use apple_types::StorePlatform;
use serde_json::Value;
use step_kit::{InputProblem, InputProblems, Step};
use time::OffsetDateTime;

use crate::inputs::Inputs;
use crate::native::input_problem;

/// A release as the user asks for it.
#[derive(Debug)]
pub(crate) struct Request {
    /// deliver's options, the winner of each.
    pub(crate) options: options::Values,
    /// The package that is uploaded.
    pub(crate) package: Option<PathBuf>,
    /// The first thing that only fastlane does with certainty.
    pub(crate) objection: Option<String>,
}

/// Larger than any Appfile or Deliverfile, in bytes.
const LARGEST_FILE: u64 = 1 << 20;

impl Request {
    /// Reads it. `words` are the input `options`, split as a shell would.
    ///
    /// # Errors
    /// With every option that deliver does not have or that has a wrong value.
    pub(crate) fn read(step: &Step<Inputs>, words: &[String]) -> Result<Self, InputProblems> {
        let directory = Path::new(".");
        let mut problems: Vec<InputProblem> = Vec::new();
        let mut objection = None;
        let mut values = options::Values::new();
        for name in ["Appfile", "Deliverfile"] {
            let Some(path) = fastlane_file(directory, name) else {
                continue;
            };
            let text = files::read_text(&path, LARGEST_FILE).unwrap_or_default();
            match deliverfile::parse(&text) {
                Ok(found) => values.extend(found),
                Err(error) => {
                    let what = format!("{}: {error}", path.display());
                    if step.inputs.engine == "native" {
                        problems.push(InputProblem::new("engine", format!("`native` can't read {what}; write literal values there, or use the engine `fastlane`")));
                    }
                    objection.get_or_insert(what);
                }
            }
        }
        let mut take = |found: Result<options::Values, Vec<Problem>>| match found {
            Ok(found) => values.extend(found),
            Err(found) => problems.extend(found.iter().map(input_problem)),
        };
        take(options::from_environment(|name| step.env.get(name)));
        take(Ok(from_inputs(&step.inputs)));
        take(options::from_words(words));
        if step.inputs.app_id.is_some() && step.inputs.bundle_id.is_none() {
            // An input beats what a file says.
            values.remove("app_identifier");
        }
        let package = package(&mut values, directory, &mut problems);
        if !values.contains_key("app_identifier") && !values.contains_key("app") {
            problems.push(InputProblem::new(
                "bundle_id",
                "neither it nor app_id has a value; accepted: the app's bundle ID, or the Apple ID on its App Information page",
            ));
        }
        for uncovered in options::uncovered_options(&values) {
            // precheck only reads; without it a release is the same.
            if step.inputs.engine == "native" && uncovered != "run_precheck_before_submit" {
                problems.push(InputProblem::new(
                    "engine",
                    format!("`native` does not cover the option {uncovered}; set engine to `fastlane`, or to `automatic`, which takes fastlane for it"),
                ));
            } else if step.inputs.engine == "native" {
                step.log.warn("precheck is not run: the native engine does not have it. Apple still checks everything on submission.");
            }
            objection.get_or_insert(format!("the native engine does not cover the option {uncovered}"));
        }
        if values.get("precheck_default_rule_level") == Some(&Value::from("error"))
            || fastlane_file(directory, "Precheckfile").is_some()
        {
            objection
                .get_or_insert("precheck has rules of its own here, and only fastlane runs it".to_owned());
        }
        if problems.is_empty() {
            Ok(Self {
                options: values,
                package,
                objection,
            })
        } else {
            Err(InputProblems(problems))
        }
    }
}

/// The step's own inputs as options.
fn from_inputs(inputs: &Inputs) -> options::Values {
    let mut values = options::Values::new();
    let mut set = |key: &str, value: Value| drop(values.insert(key.to_owned(), value));
    match (&inputs.app_id, &inputs.bundle_id) {
        (Some(app), _) => match app.trim().parse::<i64>() {
            Ok(number) => set("app", number.into()),
            Err(_) => set("app_identifier", app.clone().into()),
        },
        (None, Some(bundle_id)) => set("app_identifier", bundle_id.clone().into()),
        (None, None) => {}
    }
    for (key, path) in [("ipa", &inputs.ipa_path), ("pkg", &inputs.pkg_path)] {
        // The Bitrise CLI leaves the name of a variable that does not exist.
        if let Some(path) = path.as_ref().filter(|path| !path.starts_with('$')) {
            set(key, path.clone().into());
        }
    }
    for (key, flag) in [
        ("skip_metadata", inputs.skip_metadata),
        ("skip_screenshots", inputs.skip_screenshots),
        ("skip_app_version_update", inputs.skip_app_version_update),
        ("submit_for_review", inputs.submit_for_review),
    ] {
        set(key, flag.is_on().into());
    }
    set("platform", inputs.platform.clone().into());
    values
}

/// The package that is uploaded: the named one, else the newest in the working directory, as in fastlane.
fn package(
    values: &mut options::Values,
    directory: &Path,
    problems: &mut Vec<InputProblem>,
) -> Option<PathBuf> {
    let text = |key: &str| values.get(key).and_then(Value::as_str).map(str::to_owned);
    if values.get("skip_binary_upload") == Some(&Value::Bool(true)) || values.contains_key("build_number") {
        return None;
    }
    if let Some(path) = text("ipa").or_else(|| text("pkg")) {
        let path = PathBuf::from(path);
        if !path.is_file() {
            let key = if text("ipa").is_some() {
                "ipa_path"
            } else {
                "pkg_path"
            };
            let shown = path.display();
            problems.push(InputProblem::new(
                key,
                if path.exists() {
                    format!("`{shown}` is not a file")
                } else {
                    format!(
                        "there is no file at `{shown}`; does the step that builds the package run before this one?"
                    )
                },
            ));
        }
        return Some(path);
    }
    let newest = |extension: &str| {
        let entries = std::fs::read_dir(directory).ok()?;
        let files = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|found| found == extension) && path.is_file());
        files.max_by_key(|path| path.metadata().and_then(|data| data.modified()).ok())
    };
    newest("ipa").or_else(|| newest("pkg"))
}

/// Makes a release of options; relative paths are below `directory`. As in fastlane, the package names the version where
/// nothing else does, and it must be one that can be uploaded: that is found before anything is changed.
///
/// # Errors
/// With everything that App Store Connect would refuse and that can be found locally.
pub(crate) fn assemble(
    mut options: options::Values,
    package: Option<&Path>,
    directory: &Path,
    now: OffsetDateTime,
) -> Result<Assembled, Vec<Problem>> {
    let mut problems = Vec::new();
    if let Some(path) = package {
        match numbers_of(path) {
            Ok(numbers) => {
                let version = || numbers.short_version.into();
                options.entry("app_version".to_owned()).or_insert_with(version);
            }
            Err(problem) => problems.push(problem),
        }
    }
    match desired::assemble(&options, directory, now) {
        Ok(assembled) if problems.is_empty() => Ok(assembled),
        Ok(_) => Err(problems),
        Err(found) => Err(problems.into_iter().chain(found).collect()),
    }
}

/// What App Store Connect knows a build by.
pub(crate) struct Numbers {
    pub(crate) short_version: String,
    pub(crate) version: String,
    /// The file's size in bytes.
    pub(crate) size: u64,
}

/// What a package says of itself; a problem where it does not say what its upload needs.
pub(crate) fn numbers_of(path: &Path) -> Result<Numbers, Problem> {
    let problem = |message: String| Problem::new(path.display().to_string(), message);
    let read = app_package::Package::read(path, Format::of(path)).map_err(|error| {
        let reason = anyhow::Error::from(error);
        problem(format!(
            "the package can't be read: {reason:#}; check that the step that exports it has finished it"
        ))
    })?;
    let missing = |key: &str| problem(format!("the app in the package has no {key}"));
    Ok(Numbers {
        short_version: read
            .app
            .short_version
            .ok_or_else(|| missing("CFBundleShortVersionString"))?,
        version: read.app.version.ok_or_else(|| missing("CFBundleVersion"))?,
        size: read.size,
    })
}

/// A file of fastlane, where fastlane looks for it.
fn fastlane_file(directory: &Path, name: &str) -> Option<PathBuf> {
    ["fastlane", ".fastlane", "."]
        .iter()
        .map(|folder| directory.join(folder).join(name))
        .find(|path| path.is_file())
}

/// The platform that the input `platform` names.
pub(crate) fn store_platform(name: &str) -> StorePlatform {
    app_store_release::desired::platform(name).unwrap_or(StorePlatform::Ios)
}
