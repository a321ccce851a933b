//! What an archive builds: from a scheme's targets through their dependencies, declared and implicit.
//!
//! The rules are those of swift-build's `DependencyResolution.swift`, `LinkageDependencyResolver.swift` and
//! `PlatformFiltering.swift`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use apple_types::Platform;

use crate::conditions::fits;
use crate::container::Container;
use crate::destination::Support;
use crate::error::Error;
use crate::model::{BuildItem, Dependency, DependencyKind, PhaseKind, Target};
use crate::paths::{normalized, same_name};
use crate::project::Project;
use crate::scheme::Scheme;
use crate::settings::Settings;
use crate::xcconfig;

/// The projects that are built together, each read once.
#[derive(Debug)]
pub struct Workspace {
    container: Container,
    /// What a build takes from its surroundings, such as `USER`.
    surroundings: Vec<(String, String)>,
    /// The xcconfig file that beats every project, which `XCODE_XCCONFIG_FILE` names.
    overrides: Option<PathBuf>,
    projects: BTreeMap<PathBuf, Option<Arc<Project>>>,
    /// All projects, also nested ones, in the workspace's order; read when something is looked for in all of them.
    all: Option<Vec<Arc<Project>>>,
    targets: BTreeMap<Key, Arc<Known>>,
}

/// A target of a project.
pub type Held = (Arc<Project>, Target);

type Key = (PathBuf, String);

#[derive(Debug)]
struct Known {
    settings: Option<Settings>,
    support: Option<Support>,
}

/// An archive of a scheme's targets.
#[derive(Debug, Clone, Copy)]
pub struct Archive<'a> {
    /// The platform that it is for.
    pub destination: Platform,
    /// Its configuration.
    pub configuration: &'a str,
    /// Whether dependencies that are not declared are built (`buildImplicitDependencies`).
    pub implicit: bool,
}

/// A target as an archive builds it.
#[derive(Debug, Clone)]
pub struct Built {
    /// Its project.
    pub project: Arc<Project>,
    /// The target.
    pub target: Target,
    /// The platform that it is built for.
    pub platform: Platform,
    /// Whether its settings say the platform; otherwise it is that of the target that needs it.
    pub is_platform_known: bool,
    /// Whether it needs a provisioning profile.
    pub needs_profile: bool,
}

/// The targets that a scheme names for archiving.
#[derive(Debug, Clone)]
pub struct Roots {
    /// The app that the archive is of.
    pub main: Held,
    /// All of them, the main one first.
    pub targets: Vec<Held>,
}

impl Workspace {
    /// The projects of a container.
    pub fn of(container: Container) -> Self {
        Self {
            container,
            surroundings: Vec::new(),
            overrides: None,
            projects: BTreeMap::new(),
            all: None,
            targets: BTreeMap::new(),
        }
    }

    /// The same, with what a build takes from its surroundings, such as `USER`.
    #[must_use]
    pub fn surrounded(mut self, values: Vec<(String, String)>) -> Self {
        self.surroundings = values;
        self
    }

    /// The same, with the xcconfig file that `XCODE_XCCONFIG_FILE` names: it beats what projects and targets assign, and
    /// command lines (swift-build at commit 41aee62, `Settings.swift`, addOverrides).
    #[must_use]
    pub fn overridden_by(mut self, xcconfig: Option<PathBuf>) -> Self {
        self.overrides = xcconfig;
        self
    }

    /// Every project of the container, also those that others hold references to; what can't be read is left out.
    pub fn projects(&mut self) -> Vec<Arc<Project>> {
        self.all()
    }

    /// The container.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// The settings of a target as a build in `configuration` uses them, for the SDK that its project names.
    ///
    /// # Errors
    /// When the target has no configuration at all.
    pub fn settings(
        &self,
        project: &Project,
        target: &Target,
        configuration: &str,
    ) -> Result<Settings, Error> {
        let settings = project.settings(target, configuration)?;
        let settings = match &self.overrides {
            Some(path) => settings.overlaid(xcconfig::read(path, Some(&project.source_root()))),
            None => settings,
        };
        Ok(settings.surrounded(self.surroundings.clone()))
    }

    /// The platforms that a target can be built for; `None` when its settings do not say it.
    pub fn support(&mut self, project: &Project, target: &Target, configuration: &str) -> Option<Support> {
        self.known(project, target, configuration).support.clone()
    }

    fn known(&mut self, project: &Project, target: &Target, configuration: &str) -> Arc<Known> {
        let key = (normalized(project.path()), target.id.clone());
        if let Some(known) = self.targets.get(&key) {
            return Arc::clone(known);
        }
        let settings = self.settings(project, target, configuration).ok();
        let support = settings
            .as_ref()
            .and_then(|settings| Support::of(target, settings));
        let known = Arc::new(Known { settings, support });
        self.targets.insert(key, Arc::clone(&known));
        known
    }

    fn open(&mut self, path: &std::path::Path) -> Option<Arc<Project>> {
        let path = normalized(path);
        let opened = || Project::open(&path).ok().map(Arc::new);
        self.projects.entry(path.clone()).or_insert_with(opened).clone()
    }

    fn all(&mut self) -> Vec<Arc<Project>> {
        if let Some(all) = &self.all {
            return all.clone();
        }
        let mut seen = BTreeSet::new();
        let mut open: VecDeque<PathBuf> = self.container.projects().iter().cloned().collect();
        let mut all = Vec::new();
        while let Some(path) = open.pop_front() {
            if !seen.insert(normalized(&path)) {
                continue;
            }
            if let Some(project) = self.open(&path) {
                open.extend(project.nested_projects());
                all.push(project);
            }
        }
        self.all = Some(all.clone());
        all
    }

    /// The targets that a scheme archives. Entries whose project can't be read are passed over: a package, or a project
    /// that is not there. The main one is an app that supports `platform`, before a watch container and a watch app.
    ///
    /// # Errors
    /// When there is no app among them, with the reason.
    pub fn roots(
        &mut self,
        scheme: &Scheme,
        configuration: &str,
        platform: Option<Platform>,
    ) -> Result<Roots, Error> {
        let mut targets: Vec<Held> = Vec::new();
        let mut missing = None;
        for entry in scheme.entries.iter().filter(|entry| entry.for_archiving) {
            let path = self.container.project_of(scheme, entry);
            if path.extension().is_none_or(|extension| extension != "xcodeproj") {
                continue;
            }
            if !path.exists() {
                missing.get_or_insert_with(|| Error::MissingProject {
                    scheme: scheme.name.clone(),
                    target: entry.name.clone(),
                    path: path.clone(),
                });
                continue;
            }
            let project = match self.open(&path) {
                Some(project) => project,
                // What is wrong with it matters only where there is nothing else to archive.
                None => {
                    missing = Project::open(&path).err().or(missing);
                    continue;
                }
            };
            let by_id = project
                .target(&entry.blueprint)
                .filter(|target| !target.name.is_empty());
            let by_name = || {
                let mut targets = project.targets().into_iter();
                targets.find(|target| same_name(&target.name, &entry.name))
            };
            if let Some(target) = by_id.or_else(by_name) {
                targets.push((project, target));
            }
        }
        let mut apps: Vec<Held> = Vec::new();
        for (project, target) in &targets {
            if target.is_app() {
                apps.push((Arc::clone(project), target.clone()));
            } else if target.product_type.is_empty() {
                apps.extend(self.apps_of_aggregate(project, target));
            }
        }
        let mut ranked: Vec<((bool, u8, usize), Held)> = Vec::new();
        for (order, (project, target)) in apps.into_iter().enumerate() {
            let support = self.support(&project, &target, configuration);
            let rank = rank(&target, support.as_ref());
            let fits = platform
                .zip(support)
                .is_none_or(|(platform, support)| support.platforms.contains(&platform));
            ranked.push(((!fits, rank, order), (project, target)));
        }
        let main = ranked
            .into_iter()
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, held)| held);
        let Some(main) = main else {
            return Err(missing.unwrap_or_else(|| Error::NothingToArchive(scheme.name.clone())));
        };
        let is_main = |(project, target): &Held| project.path() == main.0.path() && target.id == main.1.id;
        let others = targets.into_iter().filter(|held| !is_main(held));
        let targets = std::iter::once(main.clone()).chain(others).collect();
        Ok(Roots { main, targets })
    }

    /// The apps that an aggregate target stands for.
    fn apps_of_aggregate(&mut self, project: &Arc<Project>, target: &Target) -> Vec<Held> {
        let mut seen = BTreeSet::new();
        let mut open = VecDeque::from([(Arc::clone(project), target.clone())]);
        let mut apps = Vec::new();
        while let Some((project, target)) = open.pop_front() {
            if !seen.insert((normalized(project.path()), target.id.clone())) {
                continue;
            }
            if target.is_app() {
                apps.push((project, target));
            } else if target.product_type.is_empty() {
                let dependencies = project.details(&target).dependencies;
                open.extend(
                    dependencies
                        .iter()
                        .filter_map(|dependency| self.held(&project, dependency)),
                );
            }
        }
        apps
    }

    /// The target that a dependency leads to; `None` for packages, and for a target or project that is not there.
    fn held(&mut self, project: &Arc<Project>, dependency: &Dependency) -> Option<Held> {
        let holder = match (dependency.kind, &dependency.project) {
            (DependencyKind::Package, _) => return None,
            (_, None) => Arc::clone(project),
            (_, Some(path)) => self.open(path)?,
        };
        let by_id = dependency.id.as_deref().and_then(|id| holder.target(id));
        let target = by_id.filter(|target| !target.name.is_empty())?;
        Some((holder, target))
    }

    /// Everything that an archive of `roots` builds, those first: each with the platform that it is built for.
    pub fn built(&mut self, roots: &Roots, archive: Archive<'_>) -> Vec<Built> {
        let mut open: VecDeque<(Held, Option<Platform>)> = VecDeque::new();
        for (number, held) in roots.targets.iter().enumerate() {
            let support = self.support(&held.0, &held.1, archive.configuration);
            // What a scheme lists for another platform is not part of this archive; a watch app may be.
            let belongs = support.is_none_or(|support| {
                let platform = support.platform(archive.destination, None);
                platform == archive.destination
                    || (archive.destination == Platform::Ios && platform == Platform::Watchos)
            });
            if number == 0 || belongs || held.1.product_type.is_empty() {
                open.push_back((held.clone(), None));
            }
        }
        let mut seen = BTreeSet::new();
        let mut built = Vec::new();
        while let Some(((project, target), parent)) = open.pop_front() {
            let known = self.known(&project, &target, archive.configuration);
            let is_aggregate = target.product_type.is_empty();
            let own = known.support.as_ref().filter(|_| !is_aggregate);
            let imposed = parent.unwrap_or(archive.destination);
            let platform = own.map_or(imposed, |support| support.platform(archive.destination, parent));
            if !seen.insert((normalized(project.path()), target.id.clone(), platform)) {
                continue;
            }
            let settings = known
                .settings
                .as_ref()
                .map(|settings| settings.for_platform(platform));
            let needed = self.needed(&project, &target, settings.as_ref(), platform, archive);
            open.extend(needed.into_iter().map(|held| (held, Some(platform))));
            built.push(Built {
                needs_profile: settings
                    .as_ref()
                    .is_some_and(|settings| needs_profile(&target, settings)),
                is_platform_known: own.is_some(),
                project,
                target,
                platform,
            });
        }
        built
    }

    /// The targets that a target needs when it is built for a platform.
    fn needed(
        &mut self,
        project: &Arc<Project>,
        target: &Target,
        settings: Option<&Settings>,
        platform: Platform,
        archive: Archive<'_>,
    ) -> Vec<Held> {
        let list = |name: &str| settings.map(|settings| settings.list(name)).unwrap_or_default();
        let excluded = Patterns {
            out: list("EXCLUDED_EXPLICIT_TARGET_DEPENDENCIES"),
            back: list("INCLUDED_EXPLICIT_TARGET_DEPENDENCIES"),
        };
        let mut needed = Vec::new();
        let mut products = BTreeSet::new();
        for dependency in project.details(target).dependencies {
            if !platform.passes(&dependency.platforms) {
                continue;
            }
            let Some((holder, next)) = self.held(project, &dependency) else {
                continue;
            };
            if !excluded.take_out(&next.name) {
                products.extend(holder.details(&next).product);
                needed.push((holder, next));
            }
        }
        let domain = settings.map(|settings| settings.settled("IMPLICIT_DEPENDENCY_DOMAIN"));
        let has_domain = domain.is_none_or(|domain| domain.value() != Some(""));
        if !archive.implicit || !has_domain {
            return needed;
        }
        let excluded = Patterns {
            out: list("EXCLUDED_SOURCE_FILE_NAMES"),
            back: list("INCLUDED_SOURCE_FILE_NAMES"),
        };
        for phase in project.build_phases(target) {
            if !matches!(phase.kind, PhaseKind::Frameworks | PhaseKind::CopyFiles) {
                continue;
            }
            for file in &phase.files {
                let name = match &file.item {
                    BuildItem::Product { name, .. } | BuildItem::Remote { name, .. } => name,
                    // A file in the folder of products may be that of a project which this one does not mention.
                    BuildItem::File { name, path: None } => name,
                    BuildItem::File { .. } | BuildItem::Package { .. } => continue,
                };
                let is_settled = products.iter().any(|product| same_name(product, name));
                if is_settled || !platform.passes(&file.platforms) || excluded.take_out(name) {
                    continue;
                }
                products.insert(name.clone());
                needed.extend(self.producing(project, target, name, phase.kind, platform, archive));
            }
        }
        needed
    }

    /// The target whose product has this name and goes with a target that is built for `platform`: of the same project
    /// before others of the workspace.
    fn producing(
        &mut self,
        project: &Arc<Project>,
        target: &Target,
        name: &str,
        phase: PhaseKind,
        platform: Platform,
        archive: Archive<'_>,
    ) -> Option<Held> {
        let of_project = self.candidates(project, name);
        let own = self.fitting(of_project, target, phase, platform, archive);
        if own.is_some() {
            return own;
        }
        let mut others = Vec::new();
        for other in self.all() {
            if other.path() != project.path() {
                others.extend(self.candidates(&other, name));
            }
        }
        self.fitting(others, target, phase, platform, archive)
    }

    fn candidates(&mut self, project: &Arc<Project>, name: &str) -> Vec<Held> {
        let targets = project.targets().into_iter().filter(|target| {
            let product = project.details(target).product;
            product.is_some_and(|product| same_name(&product, name))
        });
        targets.map(|target| (Arc::clone(project), target)).collect()
    }

    fn fitting(
        &mut self,
        candidates: Vec<Held>,
        target: &Target,
        phase: PhaseKind,
        platform: Platform,
        archive: Archive<'_>,
    ) -> Option<Held> {
        let mut embedded = None;
        for (project, candidate) in candidates.into_iter().filter(|(_, other)| other.id != target.id) {
            let Some(support) = self.support(&project, &candidate, archive.configuration) else {
                embedded.get_or_insert((project, candidate));
                continue;
            };
            let own = support.platform(archive.destination, Some(platform));
            if own == platform {
                return Some((project, candidate));
            }
            // swift-build links and copies within a platform only; what an app carries for another one, and nothing
            // else could build, is needed all the same.
            let is_carried = matches!(own, Platform::Watchos | Platform::DriverKit)
                || (own == Platform::Macos && platform == Platform::MacCatalyst);
            if phase == PhaseKind::CopyFiles && is_carried {
                embedded.get_or_insert((project, candidate));
            }
        }
        embedded
    }
}

/// Names that are left out, and those of them that are in again.
struct Patterns {
    out: Vec<String>,
    back: Vec<String>,
}

impl Patterns {
    fn take_out(&self, name: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern, name));
        any(&self.out) && !any(&self.back)
    }
}

/// Which app an archive is of: an app before the container of a watch app, that before the watch app, and an app clip
/// last.
fn rank(target: &Target, support: Option<&Support>) -> u8 {
    let is_watch = support.is_some_and(|support| support.preferred() == Some(Platform::Watchos));
    match target.kind() {
        "application.watchapp2-container" => 1,
        "application.watchapp2" | "application.watchapp" => 3,
        "application.on-demand-install-capable" => 4,
        _ if is_watch => 2,
        _ => 0,
    }
}

/// Whether a target needs a provisioning profile (swift-build `PlanningOperation.swift` and the product types): it is
/// signed at all, and its product type or the project says so. On the Mac a profile is optional to Xcode and made here.
fn needs_profile(target: &Target, settings: &Settings) -> bool {
    let truth = |name: &str| settings.settled(name).boolean();
    if truth("CODE_SIGNING_ALLOWED") == Some(false) {
        return false;
    }
    let is_possible = truth("PROVISIONING_PROFILE_SUPPORTED").unwrap_or(target.is_executable());
    truth("PROVISIONING_PROFILE_REQUIRED") == Some(true)
        || (is_possible && !target.is_ui_test() && target.is_executable())
}
