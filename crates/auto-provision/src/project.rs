//! What the Xcode project needs signed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use command::Runner;
use provisioning::{BundleIdentifier, Target as Need, TeamId, capability};
use signing_assets::Certificate;
use step_kit::{Advice as _, InputProblem, InputProblems, Step};
use xcode_project::{
    Answer, Archive, Built, Container, Error, NEWEST_SDK, Platform, Project, Roots, Settings, Target,
    Workspace,
};

use crate::advice;
use crate::destination;
use crate::options::{ApplyTo, BuildSettings, Options};
use crate::settings::Xcodebuild;
use crate::signing::files::XCCONFIG_VARIABLE;

/// Variables of the environment that builds take as settings (swift-build `Settings.swift`,
/// getProjectDynamicSettings).
const SURROUNDINGS: [&str; 2] = ["USER", "HOME"];

/// A target of a project, with its needs.
#[derive(Debug, Clone)]
pub struct Item {
    pub(crate) project: Arc<Project>,
    pub(crate) target: Target,
    /// The configuration of the target that the archive uses.
    pub(crate) configuration: String,
    /// The platform that the target is built for.
    pub(crate) platform: Platform,
    /// The settings that its needs were read from, as they are before any edit.
    pub(crate) settings: Settings,
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
    /// `PROVISIONING_PROFILE_SPECIFIER`, or the older `PROVISIONING_PROFILE`.
    pub profile: Option<String>,
}

impl Declared {
    fn of(project: &Project, target: &Target, settings: &Settings) -> Self {
        let details = project.details(target);
        let value = |key: &str| {
            let text = settings.settled(key).value().unwrap_or_default().to_owned();
            Some(text).filter(|text| !text.is_empty())
        };
        // The setting is what Xcode goes by today; the attribute is what it wrote before there was one.
        let known = |style: &String| {
            ["automatic", "manual"]
                .iter()
                .any(|word| style.eq_ignore_ascii_case(word))
        };
        let style = value("CODE_SIGN_STYLE")
            .filter(known)
            .or(details.provisioning_style);
        Self {
            is_automatic: style.is_some_and(|style| style.eq_ignore_ascii_case("automatic")),
            identity: value("CODE_SIGN_IDENTITY"),
            team_id: value("DEVELOPMENT_TEAM").or(details.development_team),
            profile: value("PROVISIONING_PROFILE_SPECIFIER").or_else(|| value("PROVISIONING_PROFILE")),
        }
    }
}

/// Names of entitlements, without what all of Apple's begin with.
fn short_names<'a>(entitlements: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = entitlements
        .map(|key| key.strip_prefix("com.apple.developer.").unwrap_or(key))
        .collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}

/// A target that is not signed, of a project that others are signed in.
#[derive(Debug, Clone)]
pub(crate) struct Neighbor {
    pub(crate) target: String,
    pub(crate) project: PathBuf,
    pub(crate) settings: Settings,
}

/// The targets to sign.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// The scheme.
    pub scheme: String,
    /// The configuration that is signed.
    pub configuration: String,
    /// Targets of the archive, the main one first; some may be in other projects.
    pub archived: Vec<Item>,
    /// UI test targets.
    pub ui_tests: Vec<Item>,
    /// What a person should know about how the project was read.
    pub notes: Vec<String>,
    /// What a person should know since it may not be as meant.
    pub warnings: Vec<String>,
    /// Whether signing settings will be written.
    is_edited: bool,
    /// The targets beside those that are signed, where the signing settings go into one xcconfig file.
    pub(crate) neighbors: Vec<Neighbor>,
    /// The xcconfig file that `XCODE_XCCONFIG_FILE` names.
    pub(crate) overrides: Option<PathBuf>,
    /// Drivers, which keep their own profiles: bundle ID and profile.
    pub(crate) kept: Vec<(BundleIdentifier, String)>,
}

impl Analysis {
    /// Reads the project that the inputs name, and prints what was found.
    ///
    /// # Errors
    /// When it can't be read, or does not say what a profile needs.
    pub async fn read_and_log(step: &Step<Options>) -> anyhow::Result<Self> {
        step.log.heading("Project");
        let surroundings = SURROUNDINGS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), step.env.get(name)?.to_owned())))
            .collect();
        let overrides = step.env.path(XCCONFIG_VARIABLE);
        let analysis = Self::of(&step.inputs, &step.runner, surroundings, overrides)
            .await
            .map_err(advice::unreadable)
            .context("could not read the project")?;
        let file = Path::new(&step.inputs.project_path).file_name();
        let platform = analysis.archived.first().map(|main| main.platform);
        step.log.plain(format!(
            "{}, scheme {}, configuration {}{}",
            file.map_or(step.inputs.project_path.as_str().into(), |name| name
                .to_string_lossy()),
            step.inputs.scheme,
            analysis.configuration,
            platform.map_or_else(String::new, |platform| format!(", platform {platform}"))
        ));
        analysis.notes.iter().for_each(|note| step.log.plain(note));
        analysis
            .warnings
            .iter()
            .for_each(|warning| step.log.warn(warning));
        let rows: Vec<Vec<String>> = analysis
            .needs()
            .iter()
            .map(|need| {
                vec![
                    need.name.clone(),
                    need.bundle_id.to_string(),
                    short_names(need.entitlements.keys()),
                ]
            })
            .collect();
        step.log.table(&["target", "bundle ID", "entitlements"], &rows);
        Ok(analysis)
    }

    /// Reads the project that the inputs name.
    pub(crate) async fn of(
        inputs: &Options,
        runner: &Runner,
        surroundings: Vec<(String, String)>,
        overrides: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let overrides = overrides.map(|path| std::path::absolute(&path).unwrap_or(path));
        let path = PathBuf::from(&inputs.project_path);
        let container = Container::open(&path)
            .map_err(|error| InputProblems::from(InputProblem::new("project_path", error.to_string())))?;
        let scheme = container.scheme(&inputs.scheme)?;
        let configuration = inputs
            .configuration
            .clone()
            .or_else(|| scheme.archive_configuration.clone())
            .ok_or_else(|| {
                anyhow::anyhow!("the scheme `{}` has no archive configuration", scheme.name).hint(
                    "set the input `configuration`, or choose a configuration in the scheme's Archive action and commit it",
                )
            })?;
        let mut notes = Vec::new();
        if scheme.is_autocreated {
            notes.push(format!(
                "No scheme is shared; using the scheme that Xcode creates for the target {}.",
                scheme.name
            ));
        }
        let mut workspace = Workspace::of(container)
            .surrounded(surroundings)
            .overridden_by(overrides.clone());
        let wanted = destination::requested_platform(inputs)?;
        let roots = workspace.roots(&scheme, &configuration, wanted)?;
        let (project, main) = roots.main.clone();
        if inputs.configuration.is_some() && main.configuration(&configuration).is_none() {
            let known = main.configurations.clone();
            let target = main.name.clone();
            return Err(Error::NoConfiguration {
                target,
                configuration,
                known,
            }
            .into());
        }
        let mut reader = Reader {
            xcodebuild: Xcodebuild::new(path, &scheme.name, &configuration, runner),
            source: inputs.build_settings,
            is_edited: true,
            is_platform_chosen: wanted.is_some(),
            warnings: BTreeSet::new(),
            kept: Vec::new(),
        };
        let support = workspace.support(&project, &main, &configuration);
        let support = match support {
            Some(support) => Some(support),
            None if inputs.build_settings == BuildSettings::Project => None,
            None => reader.support(&workspace, &roots, &configuration).await,
        };
        let chosen = destination::choose(inputs, &main, wanted, support.as_ref())?;
        notes.extend(chosen.note);
        reader.warnings.extend(chosen.warning);
        let Some(destination) = chosen.platform else {
            let settings = workspace.settings(&project, &main, &configuration)?;
            return Err(no_platform(&main, &settings));
        };
        reader.xcodebuild.destination = Some(destination);
        let archive = Archive {
            destination,
            configuration: &configuration,
            implicit: scheme.builds_implicit_dependencies,
        };
        let base = workspace.settings(&project, &main, &configuration)?;
        let declared = Declared::of(&project, &main, &base.for_platform(destination));
        let is_kept_automatic = inputs.keeps_automatic_signing && declared.is_automatic;
        reader.is_edited = !is_kept_automatic && inputs.apply_to != ApplyTo::None;
        let mut archived = Vec::new();
        for built in workspace.built(&roots, archive)? {
            if built.needs_profile {
                archived.extend(reader.item(&workspace, built, &configuration, false).await?);
            }
        }
        link_app_clips(&mut archived);
        let mut ui_tests = Vec::new();
        if inputs.sign_uitest_targets {
            for target in project.targets().into_iter().filter(Target::is_ui_test) {
                let settings = workspace.settings(&project, &target, &configuration)?;
                let tested = settings.settled("TEST_TARGET_NAME");
                let is_of_main = target.dependencies.contains(&main.id)
                    || tested.value() == Some(main.name.as_str())
                    || project.details(&target).test_host.as_deref() == Some(main.id.as_str());
                if !is_of_main {
                    continue;
                }
                let support = workspace.support(&project, &target, &configuration);
                let platform = support
                    .as_ref()
                    .map(|support| support.platform(destination, Some(destination)));
                let built = Built {
                    project: Arc::clone(&project),
                    target,
                    platform: platform.unwrap_or(destination),
                    is_platform_known: platform.is_some(),
                    needs_profile: true,
                };
                ui_tests.extend(reader.item(&workspace, built, &configuration, true).await?);
            }
        }
        let neighbors = match inputs.apply_to {
            ApplyTo::Xcconfig => {
                let signed: Vec<&Item> = archived.iter().chain(&ui_tests).collect();
                neighbors(&mut workspace, &configuration, &signed)
            }
            ApplyTo::Project | ApplyTo::None => Vec::new(),
        };
        Ok(Self {
            scheme: scheme.name.clone(),
            configuration,
            archived,
            ui_tests,
            notes,
            warnings: reader.warnings.into_iter().collect(),
            is_edited: reader.is_edited,
            neighbors,
            overrides,
            kept: reader.kept,
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

    /// The same, as it is once the project is signed with certificates, which say the team.
    ///
    /// # Errors
    /// As [`Analysis::signed_by`].
    pub(crate) fn signed_with(self, certificates: &[Certificate]) -> anyhow::Result<Self> {
        match certificates.iter().find_map(|known| known.team_id.as_ref()) {
            Some(team_id) => self.signed_by(team_id),
            None => Ok(self),
        }
    }

    /// The same, as it is once the project is signed by a team: a bundle ID or an entitlement may contain
    /// `$(DEVELOPMENT_TEAM)`.
    ///
    /// # Errors
    /// When what the team's settings lead to can't be read.
    pub(crate) fn signed_by(mut self, team_id: &TeamId) -> anyhow::Result<Self> {
        if self.is_edited {
            for item in self.archived.iter_mut().chain(&mut self.ui_tests) {
                let settings = item.settings.clone().edited(edits(Some(team_id.as_str())));
                item.need = need(&item.project, &item.target, &settings, item.need.ui_test)?;
            }
            link_app_clips(&mut self.archived);
        }
        Ok(self)
    }
}

/// The targets of all projects that are not among `signed`.
fn neighbors(workspace: &mut Workspace, configuration: &str, signed: &[&Item]) -> Vec<Neighbor> {
    let mut neighbors = Vec::new();
    for project in workspace.projects() {
        for target in project.targets() {
            let is_signed = signed
                .iter()
                .any(|item| item.project.path() == project.path() && item.target.id == target.id);
            if is_signed || target.product_type.is_empty() {
                continue;
            }
            // A target without configurations is never built.
            let Ok(settings) = workspace.settings(&project, &target, configuration) else {
                continue;
            };
            neighbors.push(Neighbor {
                target: target.name,
                project: project.path().to_owned(),
                settings,
            });
        }
    }
    neighbors
}

/// The settings that signing a target writes, as far as they are known; what refers to them must see them.
fn edits(team_id: Option<&str>) -> Vec<(String, String)> {
    let pairs = [
        ("CODE_SIGN_STYLE", Some("Manual")),
        ("DEVELOPMENT_TEAM", team_id),
        ("PROVISIONING_PROFILE_SPECIFIER", Some("")),
    ];
    let known = pairs.into_iter().filter_map(|(key, value)| Some((key, value?)));
    known
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn no_platform(target: &Target, settings: &Settings) -> anyhow::Error {
    for setting in ["SDKROOT", "SUPPORTED_PLATFORMS"] {
        if let Answer::Unresolved { setting, missing } = settings.settled(setting) {
            return Error::Unresolved {
                target: target.name.clone(),
                setting,
                missing,
                files: absent(settings),
            }
            .into();
        }
    }
    let files: Vec<String> = absent(settings)
        .iter()
        .map(|file| format!("; the xcconfig file {} is missing", file.display()))
        .collect();
    anyhow::anyhow!(
        "the project files do not define the platform of the target `{}`{}",
        target.name,
        files.concat()
    )
    .hint("set SDKROOT and SUPPORTED_PLATFORMS in the project, or choose one with the input platform")
}

fn absent(settings: &Settings) -> Vec<PathBuf> {
    let files = settings.missing_files().iter().filter(|file| !file.optional);
    files.map(|file| file.path.clone()).collect()
}

/// The settings that decide what a target needs.
const DECISIVE: [&str; 3] = [
    "PRODUCT_BUNDLE_IDENTIFIER",
    "CODE_SIGN_ENTITLEMENTS",
    "INFOPLIST_FILE",
];

/// The setting by which what a target needs depends on the version of the SDK, where one does: Xcode knows which it has.
fn by_sdk_version(settings: &Settings) -> Option<&'static str> {
    DECISIVE
        .into_iter()
        .find(|setting| settings.depends_on_sdk_version(setting))
}

/// A warning that the version of the SDK was assumed.
fn assumed_sdk(setting: &str, target: &Target, why: &str) -> String {
    format!(
        "{setting} of the target `{}` depends on the version of the SDK, and {why}; assuming SDK {NEWEST_SDK}.",
        target.name
    )
}

/// Settings that depend on names which the project files do not define: the setting, the names, and what it is when they
/// are nothing.
struct Gaps(Vec<(String, Vec<String>, String)>);

impl Gaps {
    fn of(settings: &Settings) -> Self {
        let open = DECISIVE
            .into_iter()
            .filter_map(|name| match settings.settled(name) {
                Answer::Unresolved { missing, .. } => {
                    Some((name.to_owned(), missing, settings.with_gaps(name)?))
                }
                _ => None,
            });
        Self(open.collect())
    }

    /// A warning for each setting in which xcodebuild knows those names no better and took them for nothing: that is how
    /// Xcode builds the target, and may not be as meant.
    fn left_open(self, target: &Target, told: &Settings) -> Vec<String> {
        let mut warnings = Vec::new();
        for (setting, mut missing, gap) in self.0 {
            missing.retain(|name| matches!(told.get(name), Answer::Unset));
            let value = told.get(&setting);
            if missing.is_empty() || value.value().unwrap_or_default() != gap {
                continue;
            }
            let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
            warnings.push(format!(
                "{setting} of the target `{}` refers to {}, which neither the project files nor xcodebuild define: Xcode treats it as empty, so the value is `{gap}`.",
                target.name,
                names.join(", ")
            ));
        }
        warnings
    }
}

/// Reads what targets need, from where the input `build_settings` says.
struct Reader<'a> {
    xcodebuild: Xcodebuild<'a>,
    source: BuildSettings,
    is_edited: bool,
    /// Whether the inputs name a platform: it counts where the project says none.
    is_platform_chosen: bool,
    warnings: BTreeSet<String>,
    /// Drivers, which keep their own profiles: bundle ID and profile.
    kept: Vec<(BundleIdentifier, String)>,
}

impl Reader<'_> {
    /// The platforms of the main target, as `xcodebuild` says them.
    async fn support(
        &self,
        workspace: &Workspace,
        roots: &Roots,
        configuration: &str,
    ) -> Option<xcode_project::Support> {
        let (project, main) = &roots.main;
        let settings = workspace.settings(project, main, configuration).ok()?;
        let told = self.xcodebuild.settings(project, main, settings).await.ok()?;
        xcode_project::Support::of(main, &told)
    }

    /// `None` for a target that is left as it is.
    async fn item(
        &mut self,
        workspace: &Workspace,
        built: Built,
        configuration: &str,
        ui_test: bool,
    ) -> anyhow::Result<Option<Item>> {
        let Built {
            project,
            target,
            platform,
            ..
        } = built;
        let settings = workspace.settings(&project, &target, configuration)?;
        for problem in settings.problems() {
            let file = problem.path.display();
            self.warnings.insert(format!("{file}: {}", problem.text));
        }
        let from_files = settings.for_platform(platform);
        if platform == Platform::DriverKit {
            let bundle_id = project
                .bundle_id(&target, &from_files)
                .ok()
                .and_then(BundleIdentifier::new);
            let declared = Declared::of(&project, &target, &from_files);
            return self.driver(&target, bundle_id, declared).map(|()| None);
        }
        let is_known = built.is_platform_known || self.is_platform_chosen;
        let item = |platform, settings: Settings, need| Item {
            project: Arc::clone(&project),
            target: target.clone(),
            configuration: settings.configuration().to_owned(),
            platform,
            declared: Declared::of(&project, &target, &settings),
            settings,
            need,
        };
        let read = match self.source {
            BuildSettings::Xcodebuild => None,
            _ if !is_known => Some(Err(no_platform(&target, &settings))),
            _ => Some(need(&project, &target, &self.edited(from_files.clone()), ui_test)),
        };
        let mut assumed = None;
        let error = match read {
            None => None,
            Some(Ok(need)) => match by_sdk_version(&from_files) {
                None => return Ok(Some(item(platform, from_files, need))),
                Some(setting) if self.source == BuildSettings::Project => {
                    let why = "`build_settings: project` keeps the step from asking xcodebuild";
                    self.warnings.insert(assumed_sdk(setting, &target, why));
                    return Ok(Some(item(platform, from_files, need)));
                }
                Some(setting) => {
                    assumed = Some((need, setting));
                    None
                }
            },
            Some(Err(error)) if self.source == BuildSettings::Project => return Err(error),
            Some(Err(error)) => {
                tracing::debug!("asking xcodebuild: {error:#}");
                Some(error)
            }
        };
        let gaps = Gaps::of(&from_files);
        let asked = self
            .xcodebuild
            .settings(&project, &target, from_files.clone())
            .await;
        let told = match (asked, assumed) {
            (Ok(settings), _) => settings,
            (Err(asking), Some((need, setting))) => {
                let why = if no_xcodebuild(&asking) {
                    "there is no xcodebuild to ask".to_owned()
                } else {
                    format!("xcodebuild gave no answer ({asking:#})")
                };
                self.warnings.insert(assumed_sdk(setting, &target, &why));
                return Ok(Some(item(platform, from_files, need)));
            }
            // What is missing in the files is the cause; that there is no Xcode to ask is not.
            (Err(asking), None) => {
                return Err(match error {
                    Some(error) if no_xcodebuild(&asking) => error,
                    Some(error) => {
                        let both = format!("{error:#}; {asking:#}");
                        error.context(both)
                    }
                    None => asking,
                });
            }
        };
        self.warnings.extend(gaps.left_open(&target, &told));
        let need = match (
            need(&project, &target, &self.edited(told.clone()), ui_test),
            error,
        ) {
            (Ok(need), _) => need,
            // What is undefined is nothing to Xcode, which may lead nowhere: the gap in the files is the cause.
            (Err(told), Some(error)) => {
                return Err(error.context(format!("with xcodebuild's settings: {told:#}")));
            }
            (Err(told), None) => return Err(told),
        };
        let platform = told.platform().unwrap_or(platform);
        Ok(Some(item(platform, told, need)))
    }

    /// The settings with what will be written, before the team is known.
    fn edited(&self, settings: Settings) -> Settings {
        if !self.is_edited {
            return settings;
        }
        let has_team = settings
            .settled("DEVELOPMENT_TEAM")
            .value()
            .is_some_and(|team| !team.is_empty());
        // Whoever signs in gives the team its ID.
        settings.edited(edits((!has_team).then_some("$(DEVELOPMENT_TEAM)")))
    }

    /// Apple's APIs have no profile type for DriverKit (`ProfileType` of the App Store Connect API 4.1): only a person
    /// can make the profile of a driver, and name it in the project.
    fn driver(
        &mut self,
        target: &Target,
        bundle_id: Option<BundleIdentifier>,
        declared: Declared,
    ) -> anyhow::Result<()> {
        let name = &target.name;
        match declared.profile.filter(|_| !declared.is_automatic) {
            Some(profile) => {
                self.warnings.insert(format!(
                    "The DriverKit driver `{name}` keeps its profile `{profile}`: Apple's API has no profile type for DriverKit."
                ));
                self.kept.extend(bundle_id.map(|bundle_id| (bundle_id, profile)));
                Ok(())
            }
            None => Err(anyhow::anyhow!(
                "could not sign the DriverKit driver `{name}`: Apple's API has no profile type for DriverKit"
            )
            .hint(format!(
                "create a DriverKit profile at developer.apple.com/account/resources/profiles, install it on the machine, and set it in Xcode as the manual profile of `{name}`"
            ))),
        }
    }
}

/// Whether there is no Xcode that could be asked, rather than one that failed.
fn no_xcodebuild(error: &anyhow::Error) -> bool {
    let cause = step_kit::find::<command::Error>(error);
    cause.is_some_and(|cause| match cause {
        command::Error::NotFound { .. } => true,
        // Apple's stand-in without an Xcode: the command line tools are selected, or nothing is.
        command::Error::Failed { output, .. } => output.contains("xcode-select: error"),
        _ => false,
    })
}

/// What a target needs by its settings.
fn need(project: &Project, target: &Target, settings: &Settings, ui_test: bool) -> anyhow::Result<Need> {
    let platform = settings.platform().ok_or_else(|| no_platform(target, settings))?;
    anyhow::ensure!(
        platform != Platform::DriverKit,
        "the target `{}` is built for DriverKit",
        target.name
    );
    let mut bundle_id = project.bundle_id(target, settings)?;
    if platform == Platform::MacCatalyst {
        let derived = settings.settled("DERIVE_MACCATALYST_PRODUCT_BUNDLE_IDENTIFIER");
        if derived.boolean() == Some(true) {
            bundle_id.insert_str(0, "maccatalyst.");
        }
    }
    let mut entitlements = project.entitlements(target, settings, &bundle_id)?;
    if target.is_app_clip() && !entitlements.contains_key(capability::ON_DEMAND) {
        entitlements.insert(capability::ON_DEMAND.to_owned(), true.into());
    }
    let bundle_id = bundle_id
        .parse()
        .with_context(|| format!("could not read the bundle ID of the target `{}`", target.name))?;
    Ok(Need {
        name: target.name.clone(),
        bundle_id,
        platform,
        entitlements,
        ui_test,
        clip_of: None,
    })
}

/// Says of each App Clip to which app it belongs: the one that the archive is of.
fn link_app_clips(archived: &mut [Item]) {
    let Some((main, others)) = archived.split_first_mut() else {
        return;
    };
    for item in others.iter_mut().filter(|item| item.target.is_app_clip()) {
        item.need.clip_of = Some(main.need.bundle_id.clone());
    }
}

#[cfg(test)]
pub(crate) mod tests;
