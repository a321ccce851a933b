//! What the Xcode project needs signed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use command::{Command, Runner};
use provisioning::{Platform, Target as Need};
use step_kit::{InputProblem, InputProblems};
use xcode_project::{Container, Error, Project, Settings, Target, xcodebuild};

use crate::inputs::Inputs;

/// The project with its targets.
pub(crate) struct Analysis {
    pub(crate) project: Project,
    pub(crate) configuration: String,
    /// Targets of the archive with their needs, the main one first.
    pub(crate) archived: Vec<(Target, Need)>,
    /// UI test targets with their needs.
    pub(crate) ui_tests: Vec<(Target, Need)>,
}

impl Analysis {
    /// Reads the project that the inputs name.
    pub(crate) async fn of(inputs: &Inputs, runner: &Runner) -> anyhow::Result<Self> {
        let path = PathBuf::from(&inputs.project_path);
        let container = Container::open(&path)
            .map_err(|error| InputProblems::from(InputProblem::new("project_path", error.to_string())))?;
        let scheme = container.scheme(&inputs.scheme)?;
        let configuration = inputs
            .configuration
            .clone()
            .or_else(|| scheme.archive_configuration.clone())
            .with_context(|| format!("the scheme `{}` has no archive configuration", scheme.name))?;
        let (project, main) = main_target(&container, &scheme)?;
        let mut archived = Vec::new();
        for target in project.executables_of(&main) {
            let need = need(&project, &target, &configuration, false, runner).await?;
            archived.push((target, need));
        }
        let mut ui_tests = Vec::new();
        if inputs.sign_uitest_targets.is_on() {
            for target in project.targets().into_iter().filter(Target::is_ui_test) {
                if target.dependencies.contains(&main.id) {
                    let need = need(&project, &target, &configuration, true, runner).await?;
                    ui_tests.push((target, need));
                }
            }
        }
        Ok(Self {
            project,
            configuration,
            archived,
            ui_tests,
        })
    }

    /// What must be signed, the main target first.
    pub(crate) fn needs(&self) -> Vec<Need> {
        self.archived
            .iter()
            .chain(&self.ui_tests)
            .map(|(_, need)| need.clone())
            .collect()
    }
}

/// The app that the scheme archives: a companion watch app, which some schemes list first, is not it.
fn main_target(container: &Container, scheme: &xcode_project::Scheme) -> anyhow::Result<(Project, Target)> {
    let mut fallback = None;
    for entry in scheme.entries.iter().filter(|entry| entry.for_archiving) {
        let path = container.project_of(scheme, entry);
        let project = Project::open(Path::new(&path))?;
        let by_name = || {
            project
                .targets()
                .into_iter()
                .find(|target| target.name == entry.name)
        };
        let Some(target) = project
            .target(&entry.blueprint)
            .filter(|target| !target.name.is_empty())
            .or_else(by_name)
        else {
            continue;
        };
        if !target.is_app() {
            continue;
        }
        if target.product_type == "com.apple.product-type.application" {
            let watch = project
                .settings(
                    &target,
                    scheme.archive_configuration.as_deref().unwrap_or("Release"),
                )
                .is_ok_and(|settings| project.platform(&settings) == Some(xcode_project::Platform::Watchos));
            if !watch {
                return Ok((project, target));
            }
        }
        fallback.get_or_insert((project, target));
    }
    fallback.ok_or_else(|| Error::NothingToArchive(scheme.name.clone()).into())
}

/// `xcodebuild` answers in seconds; resolving packages first may take a minute or two.
const XCODEBUILD_PATIENCE: Duration = Duration::from_secs(300);

/// What a target needs: from the project files, and from `xcodebuild` where they do not say it and it is there.
async fn need(
    project: &Project,
    target: &Target,
    configuration: &str,
    ui_test: bool,
    runner: &Runner,
) -> anyhow::Result<Need> {
    let settings = project.settings(target, configuration)?;
    let from_files = need_of(project, target, &settings, ui_test);
    let Err(error) = from_files else { return from_files };
    tracing::debug!("asking xcodebuild: {error:#}");
    let command = Command::new("xcodebuild")
        .args(xcodebuild::arguments(project.path(), &target.name, configuration))
        .timeout(XCODEBUILD_PATIENCE);
    let answer = runner
        .output(command)
        .await
        .ok()
        .and_then(|output| xcodebuild::settings(&output.stdout, &target.name));
    match answer {
        Some(values) => need_of(project, target, &settings.overridden(values), ui_test),
        None => Err(error),
    }
}

fn need_of(project: &Project, target: &Target, settings: &Settings, ui_test: bool) -> anyhow::Result<Need> {
    let bundle_id = project.bundle_id(target, settings)?;
    let entitlements = project.entitlements(settings, &bundle_id)?;
    let platform = match project.platform(settings) {
        Some(xcode_project::Platform::Ios) => Platform::Ios,
        Some(xcode_project::Platform::Tvos) => Platform::Tvos,
        Some(xcode_project::Platform::Watchos) => Platform::Watchos,
        Some(xcode_project::Platform::Visionos) => Platform::Visionos,
        Some(xcode_project::Platform::Macos) => Platform::Macos,
        None => anyhow::bail!(
            "the project files do not tell the platform of the target `{}`: set SDKROOT",
            target.name
        ),
    };
    Ok(Need {
        name: target.name.clone(),
        bundle_id,
        platform,
        entitlements,
        ui_test,
    })
}
