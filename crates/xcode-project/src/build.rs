//! What an archive builds: from a scheme's targets through their dependencies, declared and implicit.
//!
//! The rules are those of swift-build's `DependencyResolution.swift`, `LinkageDependencyResolver.swift` and
//! `PlatformFiltering.swift`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use apple_types::Platform;

use crate::conditions::fits;
use crate::container::Container;
use crate::destination::Support;
use crate::error::Error;
use crate::model::{BuildItem, Dependency, DependencyKind, PhaseKind, Target};
use crate::paths::{existing, normalized, same_name};
use crate::project::Project;
use crate::scheme::Scheme;
use crate::settings::{Answer, Settings, elements};

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
    /// The product of each target that has one, by project and configuration.
    products: BTreeMap<(PathBuf, String), Products>,
}

/// A target of a project.
pub type Held = (Arc<Project>, Target);

/// Targets with the file names of their products.
type Products = Arc<Vec<(String, Target)>>;

/// A target in a configuration: the project, the target's ID, and the configuration.
type Key = (PathBuf, String, String);

/// What the settings of a target say.
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
            products: BTreeMap::new(),
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
        self.walk(|_| Ok(())).unwrap_or_default()
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
        let settings = project.settings_under(self.overrides.as_deref(), target, configuration)?;
        Ok(settings.surrounded(self.surroundings.clone()))
    }

    /// The platforms that a target can be built for; `None` when its settings do not say it.
    pub fn support(&mut self, project: &Project, target: &Target, configuration: &str) -> Option<Support> {
        self.known(project, target, configuration).support.clone()
    }

    fn known(&mut self, project: &Project, target: &Target, configuration: &str) -> Arc<Known> {
        let key = (
            normalized(project.path()),
            target.id.clone(),
            configuration.to_owned(),
        );
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

    /// A project; `None` where none is there, which drops its targets, as in Xcode.
    fn open(&mut self, path: &Path) -> Result<Option<Arc<Project>>, Error> {
        let asked = normalized(path);
        if let Some(known) = self.projects.get(&asked) {
            return Ok(known.clone());
        }
        // As it is on the disk, whose Unicode form may be another than that of the reference.
        let path = existing(&asked);
        let key = normalized(&path);
        if let Some(known) = self.projects.get(&key).cloned() {
            self.projects.insert(asked, known.clone());
            return Ok(known);
        }
        let project = if Project::is_at(&path) {
            Some(Arc::new(Project::open(&path)?))
        } else {
            None
        };
        self.projects.insert(asked, project.clone());
        self.projects.insert(key, project.clone());
        Ok(project)
    }

    /// Every project, of which none may be there and not readable.
    fn all(&mut self) -> Result<Vec<Arc<Project>>, Error> {
        if let Some(all) = &self.all {
            return Ok(all.clone());
        }
        let all = self.walk(Err)?;
        self.all = Some(all.clone());
        Ok(all)
    }

    /// Every project; `unreadable` decides about one that is there and can't be read.
    fn walk(&mut self, unreadable: impl Fn(Error) -> Result<(), Error>) -> Result<Vec<Arc<Project>>, Error> {
        let mut seen = BTreeSet::new();
        let mut open: VecDeque<PathBuf> = self.container.projects().iter().cloned().collect();
        let mut all = Vec::new();
        while let Some(path) = open.pop_front() {
            if !seen.insert(normalized(&path)) {
                continue;
            }
            match self.open(&path) {
                Ok(Some(project)) => {
                    open.extend(project.nested_projects());
                    all.push(project);
                }
                Ok(None) => {}
                Err(error) => unreadable(error)?,
            }
        }
        Ok(all)
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
            // What is wrong with it matters only where there is nothing else to archive.
            let project = match self.open(&path).transpose() {
                Some(Ok(project)) => project,
                Some(Err(error)) => {
                    missing = Some(error);
                    continue;
                }
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
                apps.extend(self.apps_of_aggregate(project, target)?);
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
    fn apps_of_aggregate(&mut self, project: &Arc<Project>, target: &Target) -> Result<Vec<Held>, Error> {
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
                for dependency in project.details(&target).dependencies {
                    open.extend(self.held(&project, &dependency)?);
                }
            }
        }
        Ok(apps)
    }

    /// The target that a dependency leads to; `None` for packages, and for a target or project that is not there.
    fn held(&mut self, project: &Arc<Project>, dependency: &Dependency) -> Result<Option<Held>, Error> {
        let holder = match (dependency.kind, &dependency.project) {
            (DependencyKind::Package, _) => None,
            (_, None) => Some(Arc::clone(project)),
            (_, Some(path)) => self.open(path)?,
        };
        Ok(holder.and_then(|holder| {
            let target = holder.target(dependency.id.as_deref()?)?;
            (!target.name.is_empty()).then_some((holder, target))
        }))
    }

    /// Everything that an archive of `roots` builds, those first: each with the platform that it is built for.
    ///
    /// # Errors
    /// When a project that is looked into is there and can't be read.
    pub fn built(&mut self, roots: &Roots, archive: Archive<'_>) -> Result<Vec<Built>, Error> {
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
            let needed = self.needed(&project, &target, settings.as_ref(), platform, archive)?;
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
        Ok(built)
    }

    /// The targets that a target needs when it is built for a platform.
    fn needed(
        &mut self,
        project: &Arc<Project>,
        target: &Target,
        settings: Option<&Settings>,
        platform: Platform,
        archive: Archive<'_>,
    ) -> Result<Vec<Held>, Error> {
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
            let Some((holder, next)) = self.held(project, &dependency)? else {
                continue;
            };
            if !excluded.take_out(&next.name) {
                products.extend(self.product(&holder, &next, archive.configuration));
                needed.push((holder, next));
            }
        }
        let from = Dependent {
            project,
            target,
            platform,
            domain: domain(settings),
        };
        if !archive.implicit || from.domain.is_empty() {
            return Ok(needed);
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
                // Any file may be the product of a target, whichever way it is referred to: its name decides.
                let (name, path) = match &file.item {
                    BuildItem::Product { name, .. } | BuildItem::Remote { name, .. } => (name, None),
                    BuildItem::File { name, path } => (name, path.as_deref()),
                    BuildItem::Package { .. } => continue,
                };
                let name = match settings.map(|settings| settings.expand(name)) {
                    Some(Answer::Resolved(name)) => name,
                    _ => name.clone(),
                };
                let is_settled = products.iter().any(|product| same_name(product, &name));
                if is_settled || !platform.passes(&file.platforms) || excluded.take_out(&name) {
                    continue;
                }
                products.insert(name.clone());
                let mut found = self.producing(&from, &name, phase.kind, archive)?;
                if found.is_none()
                    && phase.kind == PhaseKind::Frameworks
                    && let Some(path) = path
                {
                    found = self.around(&from, path, archive)?;
                }
                needed.extend(found);
            }
        }
        if settings.is_some_and(|settings| is_true(settings, "IMPLICIT_DEPENDENCIES_IGNORE_LDFLAGS")) {
            return Ok(needed);
        }
        for names in settings.map(linked).unwrap_or_default() {
            let is_settled = names
                .iter()
                .any(|name| products.iter().any(|product| same_name(product, name)));
            if is_settled {
                continue;
            }
            for name in names {
                if let Some(found) = self.producing(&from, &name, PhaseKind::Frameworks, archive)? {
                    products.insert(name);
                    needed.push(found);
                    break;
                }
            }
        }
        Ok(needed)
    }

    /// The file name of a target's product, which may be written with references to settings.
    fn product(&mut self, project: &Project, target: &Target, configuration: &str) -> Option<String> {
        let product = project.details(target).product?;
        if !product.contains('$') {
            return Some(product);
        }
        let known = self.known(project, target, configuration);
        let expanded = known.settings.as_ref().map(|settings| settings.expand(&product));
        Some(match expanded {
            Some(Answer::Resolved(expanded)) => expanded,
            _ => product,
        })
    }

    /// The target whose product has this name and goes with a target: of the same project before others of the
    /// workspace.
    fn producing(
        &mut self,
        from: &Dependent<'_>,
        name: &str,
        phase: PhaseKind,
        archive: Archive<'_>,
    ) -> Result<Option<Held>, Error> {
        self.found(from, phase, archive, &|product| same_name(product, name))
    }

    /// The target whose product is a folder around a file that is linked and has its name but for the extension, such
    /// as the binary in a plug-in.
    fn around(
        &mut self,
        from: &Dependent<'_>,
        path: &Path,
        archive: Archive<'_>,
    ) -> Result<Option<Held>, Error> {
        let stem = path.file_stem().unwrap_or_default();
        let folders: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
        self.found(from, PhaseKind::Frameworks, archive, &|product| {
            Path::new(product).file_stem() == Some(stem) && folders.contains(&product)
        })
    }

    fn found(
        &mut self,
        from: &Dependent<'_>,
        phase: PhaseKind,
        archive: Archive<'_>,
        is_it: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Held>, Error> {
        let of_project = self.candidates(from.project, archive.configuration, is_it);
        let own = self.fitting(of_project, from, phase, archive);
        if own.is_some() {
            return Ok(own);
        }
        let mut others = Vec::new();
        for other in self.all()? {
            if other.path() != from.project.path() {
                others.extend(self.candidates(&other, archive.configuration, is_it));
            }
        }
        Ok(self.fitting(others, from, phase, archive))
    }

    fn candidates(
        &mut self,
        project: &Arc<Project>,
        configuration: &str,
        is_it: &dyn Fn(&str) -> bool,
    ) -> Vec<Held> {
        let products = self.products(project, configuration);
        let found = products.iter().filter(|(product, _)| is_it(product));
        found
            .map(|(_, target)| (Arc::clone(project), target.clone()))
            .collect()
    }

    fn products(&mut self, project: &Project, configuration: &str) -> Products {
        let key = (project.path().to_owned(), configuration.to_owned());
        if let Some(known) = self.products.get(&key) {
            return Arc::clone(known);
        }
        let mut all = Vec::new();
        for target in project.targets() {
            if let Some(product) = self.product(project, &target, configuration) {
                all.push((product, target));
            }
        }
        let all = Arc::new(all);
        self.products.insert(key, Arc::clone(&all));
        all
    }

    fn fitting(
        &mut self,
        candidates: Vec<Held>,
        from: &Dependent<'_>,
        phase: PhaseKind,
        archive: Archive<'_>,
    ) -> Option<Held> {
        let mut embedded = None;
        let platform = from.platform;
        let is_own =
            |(project, other): &Held| project.path() == from.project.path() && other.id == from.target.id;
        for (project, candidate) in candidates.into_iter().filter(|held| !is_own(held)) {
            let known = self.known(&project, &candidate, archive.configuration);
            if domain(known.settings.as_ref()) != from.domain {
                continue;
            }
            let Some(support) = &known.support else {
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

/// A target whose undeclared dependencies are looked for.
struct Dependent<'a> {
    project: &'a Arc<Project>,
    target: &'a Target,
    /// What it is built for.
    platform: Platform,
    /// What its dependencies have in common with it.
    domain: String,
}

/// `IMPLICIT_DEPENDENCY_DOMAIN`, which targets must share and which is `default` where nobody sets it.
fn domain(settings: Option<&Settings>) -> String {
    let domain = settings.map(|settings| settings.settled("IMPLICIT_DEPENDENCY_DOMAIN"));
    match domain {
        Some(Answer::Resolved(domain)) => domain,
        _ => "default".to_owned(),
    }
}

fn truth(settings: &Settings, name: &str) -> Option<bool> {
    settings.settled(name).boolean()
}

fn is_true(settings: &Settings, name: &str) -> bool {
    truth(settings, name) == Some(true)
}

/// Linker flags before the name of a framework, and those that the name of a library follows directly. `-upward` ones
/// could lead in circles and do not count.
const FRAMEWORK_FLAGS: [&str; 9] = [
    "-framework",
    "-delay_framework",
    "-lazy_framework",
    "-merge_framework",
    "-no_merge_framework",
    "-needed_framework",
    "-reexport_framework",
    "-weak_framework",
    "-assert_weak_framework",
];
const LIBRARY_FLAGS: [&str; 10] = [
    "-delay-l",
    "-hidden-l",
    "-lazy-l",
    "-merge-l",
    "-no_merge-l",
    "-needed-l",
    "-reexport-l",
    "-weak-l",
    "-assert-weak-l",
    "-l",
];

/// The products that linker flags name, each by the names that it may have (swift-build `LinkerTools.swift`,
/// processLinkerSettingsForLibraryOptions).
fn linked(settings: &Settings) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for name in ["OTHER_LDFLAGS", "PRODUCT_SPECIFIC_LDFLAGS"] {
        // What is not known is left out: it may be the flags of a package manager that has not run.
        let text = settings.with_gaps(name).unwrap_or_default();
        let flags = elements(&text).into_iter().filter(|flag| flag != "-Xlinker");
        let mut flags = flags.flat_map(|flag| match flag.strip_prefix("-Wl,") {
            Some(flags) => flags.split(',').map(str::to_owned).collect(),
            None => vec![flag],
        });
        while let Some(flag) = flags.next() {
            if FRAMEWORK_FLAGS.contains(&flag.as_str()) {
                all.extend(flags.next().map(|name| vec![format!("{name}.framework")]));
                continue;
            }
            let name = LIBRARY_FLAGS.iter().find_map(|prefix| flag.strip_prefix(prefix));
            all.extend(name.map(|name| {
                let endings = ["dylib", "tbd", "so", "a"].into_iter();
                endings.map(|ending| format!("lib{name}.{ending}")).collect()
            }));
        }
    }
    all
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

/// Which app an archive is of: an app before the container of a watch app, that before the watch app, and an App Clip
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
    let truth = |name: &str| truth(settings, name);
    // The second one takes a target out of the build and leaves its dependencies in (`TargetDependencyResolver.swift`).
    if truth("CODE_SIGNING_ALLOWED") == Some(false) || truth("__SKIP_BUILD") == Some(true) {
        return false;
    }
    let is_possible = truth("PROVISIONING_PROFILE_SUPPORTED").unwrap_or(target.is_executable());
    truth("PROVISIONING_PROFILE_REQUIRED") == Some(true)
        || (is_possible && !target.is_ui_test() && target.is_executable())
}
