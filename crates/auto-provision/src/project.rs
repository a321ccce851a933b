//! What the Xcode project needs signed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use command::Runner;
use provisioning::{Platform, Target as Need};
use step_kit::{InputProblem, InputProblems, Step};
use xcode_project::{Container, Error, Project, Settings, Target, executables};

use crate::order::{BuildSettings, Order};
use crate::settings::Xcodebuild;

/// A target of a project, with its needs.
#[derive(Debug)]
pub struct Item {
    pub(crate) project: Arc<Project>,
    pub(crate) target: Target,
    /// What it needs.
    pub need: Need,
    /// How the project signs it so far.
    pub declared: Declared,
}

/// How a project signs a target so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// Whether Xcode manages its signing.
    pub is_automatic: bool,
    /// `CODE_SIGN_IDENTITY`.
    pub identity: Option<String>,
    /// `DEVELOPMENT_TEAM`, or the team in the project's attributes.
    pub team_id: Option<String>,
}

impl Declared {
    fn of(project: &Project, target: &Target, settings: &Settings) -> Self {
        let details = project.details(target);
        let value = |key: &str| {
            let text = settings.get(key).value().unwrap_or_default().to_owned();
            Some(text).filter(|text| !text.is_empty())
        };
        // The setting is what Xcode goes by today; the attribute is what it wrote before there was one.
        let style = value("CODE_SIGN_STYLE").or(details.provisioning_style);
        Self {
            is_automatic: style.as_deref() == Some("Automatic"),
            identity: value("CODE_SIGN_IDENTITY[sdk=iphoneos*]").or_else(|| value("CODE_SIGN_IDENTITY")),
            team_id: value("DEVELOPMENT_TEAM").or(details.development_team),
        }
    }
}

/// The targets to sign.
#[derive(Debug)]
pub struct Analysis {
    /// The configuration that is signed.
    pub configuration: String,
    /// Targets of the archive, the main one first; some may be in other projects.
    pub archived: Vec<Item>,
    /// UI test targets.
    pub ui_tests: Vec<Item>,
}

impl Analysis {
    /// Reads the project that the order names, and says what was found.
    ///
    /// # Errors
    /// When it can't be read, or does not say what a profile needs.
    pub async fn announced(step: &Step<Order>) -> anyhow::Result<Self> {
        step.log.heading("Analyzing the project");
        let analysis = Self::of(&step.inputs, &step.runner)
            .await
            .context("failed to analyze the project")?;
        step.log
            .plain(format!("configuration: {}", analysis.configuration));
        for need in analysis.needs() {
            let entitlements = match need.entitlements.len() {
                0 => "no entitlements".to_owned(),
                1 => "1 entitlement".to_owned(),
                count => format!("{count} entitlements"),
            };
            step.log
                .plain(format!("- {}: {} ({entitlements})", need.name, need.bundle_id));
        }
        Ok(analysis)
    }

    /// Reads the project that the inputs name.
    pub(crate) async fn of(inputs: &Order, runner: &Runner) -> anyhow::Result<Self> {
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
        let project = Arc::new(project);
        let reader = Reader {
            xcodebuild: Xcodebuild::new(path, &scheme.name, &configuration, runner),
            source: inputs.build_settings,
            catalyst: inputs.mac_catalyst,
        };
        let mut archived = Vec::new();
        for (project, target) in executables(Arc::clone(&project), &main) {
            archived.push(reader.item(project, target, false).await?);
        }
        let mut ui_tests = Vec::new();
        if inputs.sign_uitest_targets {
            for target in project.targets().into_iter().filter(Target::is_ui_test) {
                if target.dependencies.contains(&main.id) {
                    ui_tests.push(reader.item(Arc::clone(&project), target, true).await?);
                }
            }
        }
        Ok(Self {
            configuration,
            archived,
            ui_tests,
        })
    }

    /// What must be signed, the main target first.
    pub fn needs(&self) -> Vec<Need> {
        self.archived
            .iter()
            .chain(&self.ui_tests)
            .map(|item| item.need.clone())
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

/// Reads what targets need, from where the input `build_settings` says.
struct Reader<'a> {
    xcodebuild: Xcodebuild<'a>,
    source: BuildSettings,
    catalyst: bool,
}

impl Reader<'_> {
    async fn item(&self, project: Arc<Project>, target: Target, ui_test: bool) -> anyhow::Result<Item> {
        let need = self.need(&project, &target, ui_test).await?;
        let settings = project.settings(&target, &self.xcodebuild.configuration)?;
        let declared = Declared::of(&project, &target, &settings);
        Ok(Item {
            declared,
            project,
            target,
            need,
        })
    }

    async fn need(&self, project: &Project, target: &Target, ui_test: bool) -> anyhow::Result<Need> {
        let settings = project.settings(target, &self.xcodebuild.configuration)?;
        let from_files = match self.source {
            BuildSettings::Xcodebuild => None,
            BuildSettings::Automatic | BuildSettings::Project => {
                Some(self.need_of(project, target, &settings, ui_test))
            }
        };
        let error = match from_files {
            Some(Ok(need)) => return Ok(need),
            Some(Err(error)) if self.source == BuildSettings::Project => return Err(error),
            Some(Err(error)) => {
                tracing::debug!("asking xcodebuild: {error:#}");
                Some(error)
            }
            None => None,
        };
        match self.xcodebuild.settings(project, target, settings).await {
            Ok(settings) => self.need_of(project, target, &settings, ui_test),
            // What the files lack is the cause; that there is no Xcode to ask is not.
            Err(asking) => Err(error.unwrap_or(asking)),
        }
    }

    fn need_of(
        &self,
        project: &Project,
        target: &Target,
        settings: &Settings,
        ui_test: bool,
    ) -> anyhow::Result<Need> {
        let platforms = project.supported_platforms(settings);
        let supports = |name: &str| platforms.iter().any(|platform| platform == name);
        let is_catalyst = settings.get("SUPPORTS_MACCATALYST").value() == Some("YES")
            && (self.catalyst || !supports("iphoneos"));
        let for_mac = is_catalyst.then(|| settings.for_sdk("macosx"));
        let settings = for_mac.as_ref().unwrap_or(settings);
        let mut bundle_id = project.bundle_id(target, settings)?;
        let derived = settings.get("DERIVE_MACCATALYST_PRODUCT_BUNDLE_IDENTIFIER");
        if is_catalyst && derived.value() == Some("YES") {
            bundle_id.insert_str(0, "maccatalyst.");
        }
        let entitlements = project.entitlements(settings, &bundle_id)?;
        let platform = match project.platform(settings) {
            _ if is_catalyst => Platform::MacCatalyst,
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
}
