//! A release, and a TestFlight distribution, of the sample app on the sandbox.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use apple_sandbox::{Json, Sandbox, Situation};
use walkdir::WalkDir;

use crate::{sample, workspace};

/// Inputs of a step, by their names.
type Inputs = &'static [(&'static str, &'static str)];

/// The steps with such a demo, what they run with, and what the demo shows.
pub(super) const DEMOS: [(&str, Inputs, &str); 2] = [
    (
        "deliver",
        &[
            ("engine", "native"),
            ("skip_metadata", "no"),
            ("skip_screenshots", "no"),
            ("submit_for_review", "yes"),
            ("options", "--phased_release --automatic_release false"),
        ],
        "a release of the sample app, whose version 1.0 is on the store",
    ),
    (
        "application-loader",
        &[
            ("uploader", "native"),
            ("beta_groups", "Team|Friends"),
            ("what_to_test", "Send a letter from the share sheet."),
        ],
        "an upload of the sample app, and its way to the testers",
    ),
];

/// Runs the demo in a folder of its own, which stays: the report lies there.
///
/// # Errors
/// When something around the step fails.
pub(super) fn demo(
    name: &str,
    usual: &[(&str, &str)],
    what: &str,
    inputs: &[(&str, &str)],
    binaries: &Path,
) -> anyhow::Result<ExitCode> {
    let folder = workspace::target().join("demo").join(name);
    // A folder of an earlier demo, if there is one.
    let _ = std::fs::remove_dir_all(&folder);
    for part in ["project", "home", "tmp", "tools", "deploy"] {
        std::fs::create_dir_all(folder.join(part))?;
    }
    let folder = folder.canonicalize()?;
    let place = |part: &str| folder.join(part);
    sample::write_release(&place("project"))?;
    let package = sample::write_package(&place("project"))?;
    let sandbox = Sandbox::start(&sample::seed(Situation::Live, &["en-US"], 1))?;

    println!("This is {what}.");
    super::announce(&sandbox);
    println!("The step runs in {}.\n", place("project").display());
    let mut step = super::step(name, binaries, &folder, &sandbox)?;
    step.current_dir(place("project"))
        .env("BITRISE_DEPLOY_DIR", place("deploy"))
        .env("BITRISE_HTML_REPORT_DIR", place("deploy"))
        .env("ipa_path", &package)
        .env("bundle_id", sample::BUNDLE_ID)
        .envs(usual.iter().copied())
        .envs(inputs.iter().copied());
    let status = step.status().context("the step can't be run")?;

    super::show_outputs(&place("tools"));
    show(name, &sandbox.product()["apps"][0]);
    super::show_requests(&sandbox);
    let is_page = |path: &Path| path.extension().is_some_and(|extension| extension == "html");
    for entry in WalkDir::new(place("deploy")).sort_by_file_name() {
        let entry = entry?;
        if is_page(entry.path()) {
            println!("Report: {}", entry.path().display());
        }
    }
    Ok(super::exit_code(status))
}

fn text<'a>(value: &'a Json, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn items<'a>(value: &'a Json, name: &str) -> impl Iterator<Item = &'a Json> {
    value[name].as_array().into_iter().flatten()
}

/// What people see of the app afterwards.
fn show(name: &str, app: &Json) {
    if name == "deliver" {
        println!("\nThe App Store, as it is now:");
        for version in items(app, "versions") {
            let build = match text(version, "build") {
                "" => String::new(),
                build => format!(", build {build}"),
            };
            println!("  {} {}{build}", text(version, "version"), text(version, "state"));
            for page in items(version, "locales") {
                let shots: Vec<&str> = items(page, "screenshots")
                    .map(|shot| text(shot, "name"))
                    .collect();
                println!(
                    "    {}  {}: {}  [{}]",
                    text(page, "locale"),
                    text(page, "name"),
                    text(page, "subtitle"),
                    shots.join(", ")
                );
            }
        }
        return;
    }
    println!("\nTestFlight, as it is now:");
    for build in items(app, "builds") {
        println!(
            "  {} ({})  internal {}, external {}",
            text(build, "version"),
            text(build, "number"),
            text(build, "internal"),
            text(build, "external")
        );
    }
    for group in items(app, "groups") {
        let builds: Vec<&str> = items(group, "builds")
            .filter_map(|build| build.as_str())
            .collect();
        println!(
            "  group {}  {}  {}",
            text(group, "name"),
            builds.join(", "),
            text(group, "public_link")
        );
    }
}
